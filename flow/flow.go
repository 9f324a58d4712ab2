package flow

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"sync"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/kernels"
)

// A Flow is an invertible map between data x and latent z, and with it a
// density: log p(x) = log φ(z(x)) + log|det dz/dx|, in nats, where φ is the
// standard normal density.
//
// [FitRBIG] makes a flow from data, [Flow.Couple] makes a trainable one of it,
// and [Train] trains it. Matrices hold one sample per row, Dim columns.
//
// Its methods may run at the same time on several goroutines, but not while
// Train changes the flow. Each of them spreads its samples over GOMAXPROCS
// goroutines; the results do not depend on how many.
type Flow struct {
	dim    int
	layers []layer
	end    []int     // block i is layers[end[i-1]:end[i]]
	params []float64 // all trainable parameters; layers hold views
	base   base
	pool   sync.Pool // of *workspace
}

// base is the latent distribution: independent normals. Location and scale are
// part of the model, but neither fitted nor trained: they stay 0 and 1.
type base struct{ loc, scale []float64 }

// newFlow assembles a flow and moves the layers' parameters into its one vector.
func newFlow(dim int, blocks []block) *Flow {
	f := &Flow{dim: dim, base: base{make([]float64, dim), make([]float64, dim)}}
	fill(f.base.scale, 1)
	n := 0
	for _, b := range blocks {
		f.layers = append(f.layers, b...)
		f.end = append(f.end, len(f.layers))
		for _, l := range b {
			n += len(l.params())
		}
	}
	f.params = make([]float64, n)
	p := arena(f.params)
	for _, l := range f.layers {
		l.bind(p.take(len(l.params())))
	}
	f.pool.New = func() any { return newWorkspace(f) }
	return f
}

// Dim returns the number of coordinates of a sample.
func (f *Flow) Dim() int { return f.dim }

// Blocks returns the number of blocks.
func (f *Flow) Blocks() int { return len(f.end) }

// NumParams counts every number the model stores: trainable parameters,
// rotations, and the location and scale of the base.
func (f *Flow) NumParams() int {
	return numParams(f.layers) + len(f.base.loc) + len(f.base.scale)
}

func numParams(layers []layer) int {
	n := 0
	for _, l := range layers {
		n += len(l.params()) + l.numFixed()
	}
	return n
}

// String describes the flow in a few words.
func (f *Flow) String() string {
	kind := "diagonal"
	if len(f.KernelMax()) > 0 {
		kind = "coupling"
	}
	return fmt.Sprintf("%s flow, dimension %d, %d blocks, %d parameters", kind, f.dim, f.Blocks(), f.NumParams())
}

// KernelMax returns, for each conditioner, the largest magnitude in its final
// kernel: zero until the flow is trained. In each block the conditioner of the
// second half comes first. A diagonal flow has none.
func (f *Flow) KernelMax() []float64 { return kernelMax(f.layers) }

func kernelMax(layers []layer) []float64 {
	var m []float64
	for _, l := range layers {
		if c, ok := l.(*coupling); ok {
			m = append(m, c.kernelMax()...)
		}
	}
	return m
}

// refresh brings the layers up to date with changed parameters.
func (f *Flow) refresh() {
	for _, l := range f.layers {
		l.refresh()
	}
}

// Forward maps data to latent: it writes z(x) into z and log|det dz/dx|, in
// nats, into logDet. z or logDet may be nil if it is not wanted; an empty z is
// sized; z may be x itself, but must not overlap it otherwise.
//
// It is an error if the shapes do not fit, if an element of x is not finite, or
// if a row is so large that its image is not. What was written by then is
// undefined.
func (f *Flow) Forward(z *mat.Dense, logDet []float64, x mat.Matrix) error {
	return f.evaluate("Forward", (*workspace).forward, f.layers, z, logDet, x)
}

// Inverse maps latent to data: it writes x(z) into x and log|det dx/dz|, in
// nats, into logDet. The rules are those of [Flow.Forward].
func (f *Flow) Inverse(x *mat.Dense, logDet []float64, z mat.Matrix) error {
	return f.evaluate("Inverse", (*workspace).inverse, f.layers, x, logDet, z)
}

// LogProb writes the log-density of each row of x, in nats, into dst. Errors are
// those of [Flow.Forward]. Where a log-density lies below the range of float64,
// dst is -Inf.
func (f *Flow) LogProb(dst []float64, x mat.Matrix) error {
	return f.evaluate("LogProb", (*workspace).logProb, f.layers, nil, dst, x)
}

// Sample fills every row of dst with an independent sample of the flow. The
// numbers drawn depend on src alone; a nil src is the global source of
// math/rand/v2. It is an error if dst is empty or has the wrong number of
// columns.
func (f *Flow) Sample(dst *mat.Dense, src rand.Source) error {
	if dst == nil || dst.IsEmpty() {
		return errors.New("flow: Sample: dst has no rows; give it as many as samples are wanted")
	}
	n, d := dst.Dims()
	if d != f.dim {
		return fmt.Errorf("flow: Sample: dst has %d columns; the flow has dimension %d", d, f.dim)
	}
	bits := rand.Uint64
	if src != nil {
		bits = src.Uint64
	}
	for i := range n {
		row := dst.RawRowView(i)
		for j := range row {
			// The middle of one of 2⁵² intervals of (0, 1).
			row[j] = (float64(bits()>>12) + 0.5) * 0x1p-52
		}
	}
	return f.evaluate("Sample", (*workspace).sample, f.layers, dst, nil, dst)
}

// A workspace is the memory that one worker needs to take a tile through the
// layers.
type workspace struct {
	flow   *Flow
	tiles  [2]tile
	logDet []float64
	s      arena
}

func newWorkspace(f *Flow) *workspace {
	n := tileSize(f.dim)
	most := 0
	for _, l := range f.layers {
		perSample, _ := l.scratch()
		most = max(most, perSample)
	}
	return &workspace{f, [2]tile{newTile(f.dim, n), newTile(f.dim, n)}, make([]float64, n), make(arena, most*n)}
}

// An evaluation takes n samples from tiles[0] through the layers, writes their
// log-determinants or log-densities into w.logDet and returns their images.
type evaluation func(w *workspace, layers []layer, n int) tile

func (w *workspace) forward(layers []layer, n int) tile {
	x, z := w.tiles[0].cols(0, n), w.tiles[1].cols(0, n)
	clear(w.logDet)
	for _, l := range layers {
		l.forward(z, w.logDet[:n], x, w.s)
		x, z = z, x
	}
	return x
}

func (w *workspace) inverse(layers []layer, n int) tile {
	z, x := w.tiles[0].cols(0, n), w.tiles[1].cols(0, n)
	clear(w.logDet)
	for i := len(layers) - 1; i >= 0; i-- {
		layers[i].inverse(x, w.logDet[:n], z, w.s)
		z, x = x, z
	}
	return z
}

func (w *workspace) logProb(layers []layer, n int) tile {
	z := w.forward(layers, n)
	w.flow.base.logProb(w.logDet[:n], z, w.logDet[:n])
	return z
}

// sample takes uniform numbers to the base by its quantile function, whose bits
// are the same on every machine, and from there to the data.
func (w *workspace) sample(layers []layer, n int) tile {
	for j := range w.flow.dim {
		row := w.tiles[0].row(j)[:n]
		kernels.NormQuantile(row, row)
		loc, scale := w.flow.base.loc[j], w.flow.base.scale[j]
		for i, v := range row {
			row[i] = loc + float64(scale*v)
		}
	}
	return w.inverse(layers, n)
}

// logProb writes log φ(z) + logDet of each sample into dst, which may be logDet.
func (b base) logProb(dst []float64, z tile, logDet []float64) {
	c := 0.0
	for _, s := range b.scale {
		c -= math.Log(s) + logSqrt2Pi
	}
	for i, ld := range logDet {
		dst[i] = ld + c
	}
	for j := range z.d {
		loc, scale := b.loc[j], b.scale[j]
		for i, v := range z.row(j) {
			t := (v - loc) / scale
			dst[i] -= 0.5 * float64(t*t)
		}
	}
}

// logSqrt2Pi is log √(2π).
const logSqrt2Pi = 0.91893853320467274178

// evaluate is the one way in from the row-major world: it checks the arguments
// and takes the rows of in, tile by tile, through the layers. Either output may
// be nil.
func (f *Flow) evaluate(what string, eval evaluation, layers []layer, out *mat.Dense, number []float64, in mat.Matrix) error {
	if _, err := kernels.Active(); err != nil {
		return fmt.Errorf("flow: %s: %w", what, err)
	}
	src, err := newSource(what, in, f.dim)
	if err != nil {
		return err
	}
	if number != nil && len(number) != src.n {
		return fmt.Errorf("flow: %s: the result has %d elements for %d rows; they must be as many", what, len(number), src.n)
	}
	if out != nil {
		if out.IsEmpty() {
			out.ReuseAs(src.n, src.dim)
		} else if r, c := out.Dims(); r != src.n || c != src.dim {
			return fmt.Errorf("flow: %s: the result is %d×%d and the input %d×%d; they must have the same shape, or the result be empty", what, r, c, src.n, src.dim)
		}
	}
	data := rows{source: src}
	var first firstError
	overTiles(src.n, tileSize(f.dim), func(tiles iter.Seq2[int, int]) {
		w := f.pool.Get().(*workspace)
		defer f.pool.Put(w)
		for from, to := range tiles {
			if err := w.tile(eval, layers, out, number, data, from, to); err != nil {
				first.set(from, err)
			}
		}
	})
	return first.wrap(what)
}

// tile evaluates the rows [from, to) of data.
func (w *workspace) tile(eval evaluation, layers []layer, out *mat.Dense, number []float64, data rows, from, to int) error {
	if err := w.load(data, from, to); err != nil {
		return err
	}
	image, err := w.image(eval, layers, from, to)
	if err != nil {
		return err
	}
	if number != nil {
		copy(number[from:to], w.logDet)
	}
	if out != nil {
		write(out, from, image)
	}
	return nil
}

// padded is how many samples go through the layers for n: they come in eights, the
// last one repeated. A product of matrices then has no ragged edge, so a row has
// the same image in any batch.
func padded(n int) int { return (n + 7) &^ 7 }

// load reads the rows [from, to) into tiles[0], padded.
func (w *workspace) load(data rows, from, to int) error {
	n := to - from
	if err := data.read(w.tiles[0].cols(0, n), from); err != nil {
		return err
	}
	w.pad(n)
	return nil
}

// pad repeats the last of n samples in tiles[0].
func (w *workspace) pad(n int) {
	for j := range w.flow.dim {
		row := w.tiles[0].cols(0, padded(n)).row(j)
		fill(row[n:], row[n-1])
	}
}

// image takes what was loaded, the rows [from, to), through the layers.
func (w *workspace) image(eval evaluation, layers []layer, from, to int) (tile, error) {
	image := eval(w, layers, padded(to-from)).cols(0, to-from)
	for j := range image.d {
		for i, v := range image.row(j) {
			if v-v != 0 {
				return tile{}, &overflowError{from + i}
			}
		}
	}
	return image, nil
}
