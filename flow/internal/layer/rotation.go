package layer

import (
	"math"
	"slices"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
)

func init() { register("rotation", buildRotation) }

// rotation is z = R x with R orthogonal: log|det R| = 0 and R⁻¹ = Rᵀ. R is
// fixed by the fit. Training it as a free matrix would not keep it orthogonal,
// and the densities reported with log-det 0 would no longer integrate to 1.
type rotation struct {
	d int
	r []float64 // d×d, row-major; the rows are the new axes
}

// NewRotation returns the rotation by the orthogonal d×d matrix r, which it keeps.
func NewRotation(d int, r []float64) Layer { return &rotation{d, r} }

func buildRotation(m *description, d int) Layer {
	l := &rotation{d, slices.Clone(m.tensor("rotation", d, d).Values)}
	if m.err == nil && !l.orthogonal() {
		m.fail("rotation", "it is not orthogonal")
	}
	return l
}

// orthogonal reports whether Rᵀ(R·v) = v and ‖R·v‖ = ‖v‖ for a vector v without
// symmetries. This detects a damaged R, and costs no more than reading it.
func (l *rotation) orthogonal() bool {
	v, w, back := tile.New(l.d, 1), tile.New(l.d, 1), tile.New(l.d, 1)
	at := 0.0
	for i := range v.Data {
		if at += math.Phi - 1; at >= 1 { // spreads over [0, 1) evenly and never repeats
			at--
		}
		v.Data[i] = 1 + at
	}
	l.Forward(w, nil, v, nil)
	l.Inverse(back, nil, w, nil)
	off := 0.0
	for i, x := range v.Data {
		off = max(off, math.Abs(back.Data[i]-x))
	}
	length := dot(v.Data, v.Data)
	return off <= 1e-9*float64(l.d) && math.Abs(dot(w.Data, w.Data)-length) <= 1e-9*length
}

func (l *rotation) Forward(z tile.Tile, _ []float64, x tile.Tile, _ tile.Arena) {
	blas.Gemm(blas.NoTrans, blas.NoTrans, 1, l.matrix(), x.Matrix(), 0, z.Matrix())
}

func (l *rotation) Inverse(x tile.Tile, _ []float64, z tile.Tile, _ tile.Arena) {
	blas.Gemm(blas.Trans, blas.NoTrans, 1, l.matrix(), z.Matrix(), 0, x.Matrix())
}

func (l *rotation) Backward(dx tile.Tile, _ []float64, dz tile.Tile, _ []float64, _ Tape, _ tile.Arena) {
	blas.Gemm(blas.Trans, blas.NoTrans, 1, l.matrix(), dz.Matrix(), 0, dx.Matrix())
}

func (l *rotation) matrix() blas.Matrix { return tile.Matrix(l.d, l.d, l.r) }

func (l *rotation) Scratch() (forward, backward int) { return 0, 0 }
func (l *rotation) Params() []float64                { return nil }
func (l *rotation) Bind([]float64)                   {}
func (l *rotation) Refresh()                         {}
func (l *rotation) NumFixed() int                    { return l.d * l.d }
func (l *rotation) Axes() []float64                  { return l.r }
func (l *rotation) Describe() model.Layer            { return model.Rotation(l.d, slices.Clone(l.r)) }
