package flow

import "iter"

// A layer is one invertible map of R^d with a tractable Jacobian: a rotation,
// a mixture per coordinate, a coupling. Everything a flow does is built from
// the methods below; a new kind of layer is one file and one row in the table
// of TestLayers.
//
// A layer reads its trainable parameters through a view of the flow's one flat
// vector, so that the optimiser, clipping and saving are each one loop.
// Methods other than bind and refresh only read the layer, so goroutines share it.
type layer interface {
	// forward writes z = T(x) and adds log|det dT/dx| of each sample to
	// logDet, which may be nil. It leaves in s what backward needs. z must not
	// overlap x.
	forward(z tile, logDet []float64, x tile, s arena)

	// inverse writes x = T⁻¹(z) and adds log|det dx/dz| to logDet, which may
	// be nil.
	inverse(x tile, logDet []float64, z tile, s arena)

	// backward is the vector-Jacobian product of forward. Given the
	// derivatives dz and dLogDet of a scalar with respect to forward's outputs,
	// it writes the derivative with respect to x into dx, and with respect to
	// the parameters into grad. fwd is what forward saw and left, s its own
	// scratch. It may overwrite dz.
	backward(dx tile, grad []float64, dz tile, dLogDet []float64, fwd tape, s arena)

	// scratch returns how many numbers per sample forward (or inverse) and
	// backward take from their arenas.
	scratch() (forward, backward int)

	// params returns the trainable parameters, a view.
	params() []float64

	// bind copies the parameters to p and uses that memory from then on. A
	// layer that was loaded has none, and takes those in p.
	bind(p []float64)

	// refresh recomputes what depends on the parameters alone. It is called
	// after they change.
	refresh()

	// numFixed counts the stored numbers that are not trained.
	numFixed() int

	// save writes the layer's kind and everything but its parameters; loadLayer
	// reads that.
	save(e *encoder)
}

// A tape is what forward leaves behind for backward: its input, its output,
// and its scratch.
type tape struct {
	x, z tile
	s    arena
}

// A block is the unit that flows are fitted by: a rotation, then maps of its
// coordinates.
type block []layer

// apply runs one layer forward over any number of samples, on as many
// goroutines as GOMAXPROCS allows, without log-determinants.
func apply(l layer, z, x tile) {
	size := tileSize(x.d)
	perSample, _ := l.scratch()
	overTiles(x.n, size, func(tiles iter.Seq2[int, int]) {
		s := make(arena, perSample*size)
		for from, to := range tiles {
			l.forward(z.cols(from, to), nil, x.cols(from, to), s)
		}
	})
}
