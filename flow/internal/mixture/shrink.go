package mixture

import (
	"context"
	"math"
	"slices"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/kernels"
)

// Shrunk returns the mixture, fitted to n samples, with the eigenvalues of its covariances
// shrunk: the largest of a sample are too large and the smallest too small, by the more
// the fewer rows there are for a column. They are replaced by what analytical nonlinear
// shrinkage (Ledoit and Wolf 2020) expects of the true covariance along the sample's
// eigenvectors. Components with hardly more rows than columns stay as they are.
func (m *Mixture) Shrunk(ctx context.Context, n int) *Mixture {
	d := m.D
	c := &Mixture{d, m.Weight, m.Mean, slices.Clone(m.Chol)}
	for k, w := range m.Weight {
		if rows := float64(w*float64(n)) - 1; rows > float64(d+1) && ctx.Err() == nil {
			shrink(c.CholOf(k), d, rows)
		}
	}
	return c
}

// shrink shrinks the covariance L·Lᵀ of so many rows. It leaves one that is singular to
// working precision.
func shrink(l []float64, d int, rows float64) {
	v, values := make([]float64, d*d), make([]float64, d)
	for i := range d {
		for j := range d {
			s := 0.0
			for c := range min(i, j) + 1 {
				s += float64(l[i*d+c] * l[j*d+c])
			}
			v[i*d+j] = s
		}
	}
	if blas.SymEig(values, square(v, d)) != nil || !(values[d-1] > 0) {
		return
	}
	const root5 = 2.23606797749978969641
	width := Power(rows, -1.0/3)
	share := float64(d) / rows
	logs := make([]float64, d*d)
	for i, a := range values {
		for j, b := range values {
			x := (a - b) / float64(width*b)
			logs[i*d+j] = max(math.Abs((root5-x)/(root5+x)), 1e-300)
		}
	}
	kernels.Log(logs, logs)
	shrunk := make([]float64, d)
	for i, a := range values {
		density, hilbert := 0.0, 0.0 // of the smoothed sample eigenvalues, and its Hilbert transform, both at a and times π
		for j, b := range values {
			h := float64(width*b) * float64(d)
			x := (a - b) / float64(width*b)
			bump := 1 - float64(x*x)/5
			density += float64(3 * math.Pi / (4 * root5 * h) * max(bump, 0))
			hilbert += (float64(3/(4*root5)*float64(bump*logs[i*d+j])) - float64(0.3*x)) / h
		}
		re, im := 1-share-float64(float64(share*a)*hilbert), float64(share*a)*density
		shrunk[i] = a / (float64(re*re) + float64(im*im))
	}
	clear(l)
	for i := range d {
		for j := range i + 1 {
			s := 0.0
			for c, e := range shrunk {
				s += float64(e * float64(v[c*d+i]*v[c*d+j]))
			}
			l[i*d+j] = s
		}
	}
	cholesky(l, d)
}
