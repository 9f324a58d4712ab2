package layer

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/kernels"
)

func init() { register("householder", buildHouseholder) }

// householder is a product of reflections x ↦ x - 2v(v·x)/(v·v), whose vectors are
// trained: it is orthogonal for any vectors, and its log-determinant is 0 (Tomczak and
// Welling, Householder flow, 2016). With d reflections it can be any orthogonal matrix of
// determinant (-1)^d, and with an even number of at least d-1 any rotation.
type householder struct {
	d   int
	v   []float64 // a row for each reflection, in the order of forward
	two []float64 // 2/(v·v) of each
}

// NewHouseholder returns a product of the given number of reflections by random vectors.
func NewHouseholder(d, reflections int, rng *rand.Rand) Layer {
	v := make([]float64, reflections*d)
	for i := range v {
		v[i] = NormFloat64(rng)
	}
	return newHouseholder(d, v)
}

func newHouseholder(d int, v []float64) *householder {
	return &householder{d, v, make([]float64, len(v)/max(d, 1))}
}

// NormFloat64 is a standard normal number by the quantile function, whose bits are the
// same on every machine; rand's own are made with math.Exp and math.Log.
func NormFloat64(rng *rand.Rand) float64 {
	u := []float64{(float64(rng.Uint64()>>12) + 0.5) * 0x1p-52}
	kernels.NormQuantile(u, u)
	return u[0]
}

func buildHouseholder(m *description, d int) Layer {
	t := m.tensor("vectors", anySize, d)
	l := newHouseholder(d, slices.Clone(t.Values))
	if m.err == nil {
		l.Refresh()
		for k, c := range l.two {
			if c-c != 0 || c == 0 {
				m.fail("vectors", "vector %d has squared length %v; it must be positive and finite", k, 2/c)
			}
		}
	}
	return l
}

func (l *householder) vector(k int) []float64 { return l.v[k*l.d : (k+1)*l.d] }

func (l *householder) Refresh() {
	for k := range l.two {
		l.two[k] = 2 / kernels.SumSquares(l.vector(k))
	}
}

// project writes 2(v·x)/(v·v) of every sample into dst.
func (l *householder) project(dst []float64, k int, x tile.Tile) {
	clear(dst)
	for j, v := range l.vector(k) {
		v *= l.two[k]
		for i, x := range x.Row(j) {
			dst[i] = math.FMA(v, x, dst[i])
		}
	}
}

// reflect writes the image of x by reflection k into z, which may be x; along is
// scratch.
func (l *householder) reflect(z tile.Tile, k int, x tile.Tile, along []float64) {
	l.project(along, k, x)
	for j, v := range l.vector(k) {
		dst := z.Row(j)
		for i, x := range x.Row(j) {
			dst[i] = math.FMA(-v, along[i], x)
		}
	}
}

func (l *householder) Forward(z tile.Tile, _ []float64, x tile.Tile, s tile.Arena) {
	along := s.Take(x.N)
	for k := range l.two {
		l.reflect(z, k, x, along)
		x = z
	}
}

func (l *householder) Inverse(x tile.Tile, _ []float64, z tile.Tile, s tile.Arena) {
	along := s.Take(z.N)
	for k := len(l.two) - 1; k >= 0; k-- {
		l.reflect(x, k, z, along)
		z = x
	}
}

// Backward undoes one reflection after the other: each is its own inverse, so that
// no intermediate values have to be kept.
func (l *householder) Backward(dx tile.Tile, grad []float64, dz tile.Tile, _ []float64, fwd Tape, s tile.Arena) {
	n := dz.N
	at := s.Tile(l.d, n) // the output of reflection k, then its input
	along, across, spare := s.Take(n), s.Take(n), s.Take(n)
	for j := range l.d {
		copy(at.Row(j), fwd.Z.Row(j))
		copy(dx.Row(j), dz.Row(j))
	}
	for k := len(l.two) - 1; k >= 0; k-- {
		l.reflect(at, k, at, along)
		l.project(along, k, at)
		l.project(across, k, dx)
		// y = x - v·along: dv_j = -Σ along·dy_j + across·x_j - v_j·along·across
		for i, a := range along {
			spare[i] = float64(a * across[i])
		}
		both := kernels.Sum(spare)
		for j, v := range l.vector(k) {
			x, dy := at.Row(j), dx.Row(j)
			for i, a := range along {
				spare[i] = math.FMA(a, dy[i], float64(across[i]*x[i]))
			}
			grad[k*l.d+j] = math.FMA(v, both, -kernels.Sum(spare))
			for i, a := range across {
				dy[i] = math.FMA(-v, a, dy[i])
			}
		}
	}
}

func (l *householder) Scratch() (forward, backward int) { return 1, l.d + 3 }
func (l *householder) Params() []float64                { return l.v }
func (l *householder) NumFixed() int                    { return 0 }

func (l *householder) Bind(p []float64) {
	copy(p, l.v)
	l.v = p
}

func (l *householder) Describe() model.Layer {
	return model.Layer{Kind: "householder", Tensors: []model.Tensor{model.Matrix("vectors", len(l.two), l.d, slices.Clone(l.v))}}
}
