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
	matmul(false, l.d, l.d, l.r, x, 0, z)
}

func (l *rotation) inverse(x tile, _ []float64, z tile, _ arena) {
	matmul(true, l.d, l.d, l.r, z, 0, x)
}

func (l *rotation) backward(dx tile, _ []float64, dz tile, _ []float64, _ tape, _ arena) {
	matmul(true, l.d, l.d, l.r, dz, 0, dx)
}

func (l *rotation) scratch() (forward, backward int) { return 0, 0 }
func (l *rotation) params() []float64                { return nil }
func (l *rotation) bind([]float64)                   {}
func (l *rotation) refresh()                         {}
func (l *rotation) numFixed() int                    { return l.d * l.d }

// matmul computes c = w·x + beta·c for a rows×cols matrix w, or with w
// transposed if trans.
func matmul(trans bool, rows, cols int, w []float64, x tile, beta float64, c tile) {
	m, k := rows, cols
	if trans {
		m, k = cols, rows
	}
	blas.Gemm(trans, false, m, x.n, k, 1, w, cols, x.data, x.stride, beta, c.data, c.stride)
}
