// Package mixture fits Gaussian mixtures with full covariances and combines them.
//
// A mixture is Σ_k w_k N(m_k, Σ_k) with Σ_k = L_k·L_kᵀ. Data are matrices with one
// sample per column, one coordinate per row, the layout that the kernels use. Everything
// is deterministic: sums have a fixed order, whatever the number of goroutines, and
// exponentials and logarithms are those of package kernels.
//
// What takes long in many dimensions takes a context, and looks at it again after work
// on one row, one component or a pair of them. Once the context is done, what it returns
// has no meaning.
package mixture

import (
	"context"
	"math"
	"slices"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/kernels"
)

// A Mixture is a Gaussian mixture in D dimensions.
type Mixture struct {
	D      int
	Weight []float64 // K, positive, with sum 1
	Mean   []float64 // K×D
	Chol   []float64 // K×D×D: the lower triangular L_k, zero above the diagonal
}

// K returns the number of components.
func (m *Mixture) K() int { return len(m.Weight) }

// MeanOf returns the mean of component k, a view.
func (m *Mixture) MeanOf(k int) []float64 { return m.Mean[k*m.D : (k+1)*m.D] }

// CholOf returns L of component k, a view.
func (m *Mixture) CholOf(k int) []float64 { return m.Chol[k*m.D*m.D : (k+1)*m.D*m.D] }

func newMixture(d, k int) *Mixture {
	return &Mixture{d, make([]float64, k), make([]float64, k*d), make([]float64, k*d*d)}
}

// Inflated returns the mixture with every covariance multiplied by factor.
func (m *Mixture) Inflated(factor float64) *Mixture {
	c := &Mixture{m.D, m.Weight, m.Mean, slices.Clone(m.Chol)}
	s := math.Sqrt(factor)
	for i := range c.Chol {
		c.Chol[i] *= s
	}
	return c
}

// Distances returns the squared Mahalanobis distances of the samples of x, D×n, from
// the first component.
func (m *Mixture) Distances(ctx context.Context, x blas.Matrix) []float64 {
	d := m.D
	mean, l, u := m.MeanOf(0), m.CholOf(0), make([]float64, d)
	distances := make([]float64, x.Cols)
	for s := range distances {
		if ctx.Err() != nil {
			break
		}
		for i := range d {
			v := x.Data[i*x.Stride+s] - mean[i]
			for j := range i {
				v -= float64(l[i*d+j] * u[j])
			}
			u[i] = v / l[i*d+i]
			distances[s] += float64(u[i] * u[i])
		}
	}
	return distances
}

// Combined returns the mixture Σ_i share_i·m_i.
func Combined(share []float64, of []*Mixture) *Mixture {
	c := &Mixture{D: of[0].D}
	for i, m := range of {
		for _, w := range m.Weight {
			c.Weight = append(c.Weight, share[i]*w)
		}
		c.Mean = append(c.Mean, m.Mean...)
		c.Chol = append(c.Chol, m.Chol...)
	}
	c.normalise()
	return c
}

// normalise divides the weights by their sum.
func (m *Mixture) normalise() {
	total := kernels.Sum(m.Weight)
	for k := range m.Weight {
		m.Weight[k] /= total
	}
}

// The logarithm of a component's density is linear in the features of a sample
//
//	1, x_0, …, x_{D-1}, x_i·x_j for i ≤ j,
//
// so the E-step is one product of matrices, K×Q by Q×n, and the M-step, which sums
// the features with the responsibilities as weights, another. Data should be
// standardized, because squares of means cancel with squares of samples.

// numFeatures returns Q.
func numFeatures(d int) int { return 1 + d + d*(d+1)/2 }

// features writes the features of the samples of x into dst, Q×n.
func features(dst, x blas.Matrix) {
	row := func(m blas.Matrix, i int) []float64 { return m.Data[i*m.Stride : i*m.Stride+x.Cols] }
	one := row(dst, 0)
	for i := range one {
		one[i] = 1
	}
	at := 1
	for j := range x.Rows {
		copy(row(dst, at), row(x, j))
		at++
	}
	for i := range x.Rows {
		a := row(x, i)
		for j := i; j < x.Rows; j++ {
			b, to := row(x, j), row(dst, at)
			for s, v := range a {
				to[s] = v * b[s]
			}
			at++
		}
	}
}

// natural writes the K×Q coefficients of the components' log-densities, with the
// logarithms of the weights, for the features above.
func (m *Mixture) natural(ctx context.Context, dst []float64) {
	d, k, q := m.D, m.K(), numFeatures(m.D)
	inv, p, logs := make([]float64, d*d), make([]float64, d*d), make([]float64, d)
	logWeight := make([]float64, k)
	kernels.Log(logWeight, m.Weight)
	for c := range k {
		if ctx.Err() != nil {
			return
		}
		l, mean := m.CholOf(c), m.MeanOf(c)
		invertLower(inv, l, d)
		for i := range d { // p = L⁻ᵀ·L⁻¹
			for j := i; j < d; j++ {
				s := 0.0
				for r := j; r < d; r++ {
					s += float64(inv[r*d+i] * inv[r*d+j])
				}
				p[i*d+j], p[j*d+i] = s, s
			}
			logs[i] = l[i*d+i]
		}
		kernels.Log(logs, logs)
		row := dst[c*q : (c+1)*q]
		linear, quadratic := row[1:1+d], row[1+d:]
		constant := logWeight[c] - float64(float64(d)*logSqrt2Pi)
		for i := range d {
			b := 0.0
			for j, v := range mean {
				b += float64(p[i*d+j] * v)
			}
			linear[i] = b
			constant -= logs[i] + float64(0.5*float64(b*mean[i]))
		}
		row[0] = constant
		at := 0
		for i := range d {
			quadratic[at] = -0.5 * p[i*d+i]
			at++
			for j := i + 1; j < d; j++ {
				quadratic[at] = -p[i*d+j]
				at++
			}
		}
	}
}

// logSqrt2Pi is log √(2π).
const logSqrt2Pi = 0.91893853320467274178

// cholesky replaces the symmetric d×d matrix a by its lower triangular factor, and
// reports whether it is positive definite.
func cholesky(a []float64, d int) bool {
	return blas.Cholesky(blas.Matrix{Rows: d, Cols: d, Stride: d, Data: a})
}

// invertLower writes the inverse of the lower triangular l into dst.
func invertLower(dst, l []float64, d int) {
	clear(dst)
	for j := range d {
		dst[j*d+j] = 1 / l[j*d+j]
		for i := j + 1; i < d; i++ {
			s := 0.0
			for r := j; r < i; r++ {
				s -= float64(l[i*d+r] * dst[r*d+j])
			}
			dst[i*d+j] = s / l[i*d+i]
		}
	}
}
