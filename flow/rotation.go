package flow

import "github.com/gaussflow/gaussflow/blas"

// rotation is z = R x with R orthogonal: log|det R| = 0 and R⁻¹ = Rᵀ. R is
// fixed by the fit. Training it as a free matrix would not keep it orthogonal,
// and the densities reported with log-det 0 would no longer integrate to 1.
type rotation struct {
	d int
	r []float64 // d×d, row-major; the rows are the new axes
}

func newRotation(d int, r []float64) *rotation { return &rotation{d, r} }

func (l *rotation) forward(z tile, _ []float64, x tile, _ arena) {
	blas.Gemm(blas.NoTrans, blas.NoTrans, 1, l.matrix(), x.matrix(), 0, z.matrix())
}

func (l *rotation) inverse(x tile, _ []float64, z tile, _ arena) {
	blas.Gemm(blas.Trans, blas.NoTrans, 1, l.matrix(), z.matrix(), 0, x.matrix())
}

func (l *rotation) backward(dx tile, _ []float64, dz tile, _ []float64, _ tape, _ arena) {
	blas.Gemm(blas.Trans, blas.NoTrans, 1, l.matrix(), dz.matrix(), 0, dx.matrix())
}

func (l *rotation) matrix() blas.Matrix { return matrix(l.d, l.d, l.r) }

func (l *rotation) scratch() (forward, backward int) { return 0, 0 }
func (l *rotation) params() []float64                { return nil }
func (l *rotation) bind([]float64)                   {}
func (l *rotation) refresh()                         {}
func (l *rotation) numFixed() int                    { return l.d * l.d }
