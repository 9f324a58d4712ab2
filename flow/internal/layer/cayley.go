package layer

import (
	"math"
	"slices"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/kernels"
)

func init() { register("cayley", buildCayley) }

// cayley is z = R x with R = (I-A)(I+A)⁻¹, A skew-symmetric and trained: R is a rotation
// for every A, and every rotation that rotates no plane by half a turn has this form. A
// = 0 gives the identity.
type cayley struct {
	d      int
	a      []float64 // the d(d-1)/2 entries of A above the diagonal, row by row
	r      []float64 // R
	back   []float64 // (I+A)⁻¹
	onward []float64 // I+R
}

// NewCayley returns the identity.
func NewCayley(d int) Layer { return newCayley(d, make([]float64, d*(d-1)/2)) }

func newCayley(d int, a []float64) *cayley {
	return &cayley{d, a, make([]float64, d*d), make([]float64, d*d), make([]float64, d*d)}
}

func buildCayley(m *description, d int) Layer {
	if d < 2 {
		m.fail("skew", "there is no rotation in dimension %d", d)
		return newCayley(d, nil)
	}
	return newCayley(d, slices.Clone(m.tensor("skew", d*(d-1)/2).Values))
}

// Refresh inverts I+A by elimination, without exchanging rows: its symmetric part is I, and
// what elimination leaves has a symmetric part that is no smaller, so that every pivot is 1 at
// least.
func (l *cayley) Refresh() {
	d := l.d
	m := l.onward // I+A until the end
	clear(m)
	clear(l.back)
	at := 0
	for i := range d {
		m[i*d+i], l.back[i*d+i] = 1, 1
		for j := i + 1; j < d; j++ {
			m[i*d+j], m[j*d+i] = l.a[at], -l.a[at]
			at++
		}
	}
	row := func(x []float64, i int) []float64 { return x[i*d : (i+1)*d] }
	subtract := func(i, k int, c float64) {
		for _, x := range [][]float64{m, l.back} {
			to, from := row(x, i), row(x, k)
			for j := range to {
				to[j] = math.FMA(-c, from[j], to[j])
			}
		}
	}
	for k := range d {
		for i := k + 1; i < d; i++ {
			subtract(i, k, m[i*d+k]/m[k*d+k])
		}
	}
	for k := d - 1; k >= 0; k-- {
		p := m[k*d+k]
		for _, x := range [][]float64{m, l.back} {
			for j, v := range row(x, k) {
				row(x, k)[j] = v / p
			}
		}
		for i := range k {
			subtract(i, k, m[i*d+k])
		}
	}
	// R = 2(I+A)⁻¹ - I
	for i := range d {
		for j := range d {
			b := 2 * l.back[i*d+j]
			l.onward[i*d+j] = b
			if i == j {
				b--
			}
			l.r[i*d+j] = b
		}
	}
}

func (l *cayley) Forward(z tile.Tile, _ []float64, x tile.Tile, _ tile.Arena) {
	blas.Gemm(blas.NoTrans, blas.NoTrans, 1, tile.Matrix(l.d, l.d, l.r), x.Matrix(), 0, z.Matrix())
}

func (l *cayley) Inverse(x tile.Tile, _ []float64, z tile.Tile, _ tile.Arena) {
	blas.Gemm(blas.Trans, blas.NoTrans, 1, tile.Matrix(l.d, l.d, l.r), z.Matrix(), 0, x.Matrix())
}

// Backward: dR = -(I+R) dA (I+A)⁻¹, so that the derivative of A is -u wᵀ summed over the
// samples, u = (I+R)ᵀ dz and w = (I+A)⁻¹ x.
func (l *cayley) Backward(dx tile.Tile, grad []float64, dz tile.Tile, _ []float64, fwd Tape, s tile.Arena) {
	n := dz.N
	u, w, spare := s.Tile(l.d, n), s.Tile(l.d, n), s.Take(n)
	blas.Gemm(blas.Trans, blas.NoTrans, 1, tile.Matrix(l.d, l.d, l.onward), dz.Matrix(), 0, u.Matrix())
	blas.Gemm(blas.NoTrans, blas.NoTrans, 1, tile.Matrix(l.d, l.d, l.back), fwd.X.Matrix(), 0, w.Matrix())
	blas.Gemm(blas.Trans, blas.NoTrans, 1, tile.Matrix(l.d, l.d, l.r), dz.Matrix(), 0, dx.Matrix())
	at := 0
	for i := range l.d {
		ui, wi := u.Row(i), w.Row(i)
		for j := i + 1; j < l.d; j++ {
			uj, wj := u.Row(j), w.Row(j)
			for k := range spare {
				spare[k] = math.FMA(uj[k], wi[k], -float64(ui[k]*wj[k]))
			}
			grad[at] = kernels.Sum(spare)
			at++
		}
	}
}

func (l *cayley) Scratch() (forward, backward int) { return 0, 2*l.d + 1 }
func (l *cayley) Params() []float64                { return l.a }
func (l *cayley) NumFixed() int                    { return 0 }
func (l *cayley) Axes() []float64                  { return l.r }

func (l *cayley) Bind(p []float64) {
	copy(p, l.a)
	l.a = p
}

func (l *cayley) Describe() model.Layer {
	return model.Layer{Kind: "cayley", Tensors: []model.Tensor{model.Vector("skew", slices.Clone(l.a))}}
}
