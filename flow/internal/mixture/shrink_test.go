package mixture

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Shrinking brings the covariance of few rows nearer to the true one, that of many next
// to nowhere, and leaves that of as many rows as columns as it is.
func TestShrunk(t *testing.T) {
	const d = 20
	rng := rand.New(rand.NewPCG(1, 2))
	truth := make([]float64, d) // standard deviations of independent columns
	for i := range truth {
		truth[i] = math.Pow(1.3, float64(i))
	}
	sample := func(n int) *Mixture {
		m := newMixture(d, 1)
		m.Weight[0] = 1
		cov := m.CholOf(0)
		x := make([]float64, d)
		for range n {
			for i := range x {
				x[i] = truth[i] * rng.NormFloat64()
			}
			for i, v := range x {
				for j := range i + 1 {
					cov[i*d+j] += v * x[j] / float64(n)
				}
			}
		}
		if !cholesky(cov, d) {
			t.Fatal("the covariance is singular")
		}
		return m
	}
	// The divergence of N(0, L·Lᵀ) from the truth, in nats.
	divergence := func(m *Mixture) float64 {
		l, inv := m.CholOf(0), make([]float64, d*d)
		invertLower(inv, l, d)
		sum := -float64(d) / 2
		for i := range d {
			sum += math.Log(l[i*d+i] / truth[i])
			for j := range i + 1 {
				sum += 0.5 * inv[i*d+j] * inv[i*d+j] * truth[j] * truth[j]
			}
		}
		return sum
	}
	for _, c := range []struct {
		n           int
		least, most float64 // of the divergence that is left
	}{{40, 0, 0.6}, {100, 0, 0.8}, {200, 0, 0.95}, {20000, 0.9, 1.1}} {
		for range 3 {
			m := sample(c.n)
			before, after := divergence(m), divergence(m.Shrunk(context.Background(), c.n))
			t.Logf("n=%d: %.4f nats, shrunk %.4f", c.n, before, after)
			if !(after >= c.least*before && after <= c.most*before) {
				t.Errorf("n=%d: the divergence is %.4f before and %.4f after", c.n, before, after)
			}
		}
	}
	if m := sample(22); !slices.Equal(m.Shrunk(context.Background(), 22).Chol, m.Chol) {
		t.Error("the covariance of as many rows as columns is another")
	}
}
