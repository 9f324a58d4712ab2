package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// EMStats are the sufficient statistics of one EM step of a one-dimensional Gaussian mixture, about the current means:
// with responsibilities r_ik = w_k φ_k(x_i)/f(x_i),
//
//	N[k] = Σ r_ik     A[k] = Σ r_ik (x_i - mean_k)     B[k] = Σ r_ik (x_i - mean_k)²
type EMStats struct {
	N, A, B []float64
}

// MixtureEM overwrites s with the statistics of the E-step of x under m, summed like Sum, and returns Σ log f(x_i), in
// nats. Responsibilities are correct even for samples so far out that every density underflows, up to 1e150 standard
// deviations away. A sample that is infinite or NaN makes the statistics NaN.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	E-step: 10.26, limit 20, in 2⁻⁵²·max(1, t², Σ r t²)·|value| (|t| ≤ 1000, weights from 1e-30)
func (t Tier) MixtureEM(s EMStats, x []float64, m Mixture) float64 {
	m.check()
	if k := len(m.Weight); len(s.N) != k || len(s.A) != k || len(s.B) != k {
		panic(errShape)
	}
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	cs := sc.components(len(m.Weight))
	m.prepare(cs)
	e := sc.floats(asm.EMChunk * (len(cs) + 2))[:len(cs)]
	acc := sc.lanes(3*len(cs) + 1)
	logLik := &acc[3*len(cs)]
	n := t.whole(len(x))
	p := asm.MixtureArgs{K: len(cs), Components: &cs[0], Acc: &acc[0][0], Scratch: &e[0]}
	for i := 0; i < n; i += tileSize {
		p.N, p.X = min(tileSize, n-i), &x[i]
		t.mixtureEM(&p)
	}
	for i, v := range x[n:] {
		logLik[i&7] += emWeights(e, cs, v)
		for k := range cs {
			d := v - cs[k].Mean
			a := acc[3*k : 3*k+3]
			rd := float64(e[k] * d)
			a[0][i&7] += e[k]
			a[1][i&7] += rd
			a[2][i&7] = math.FMA(rd, d, a[2][i&7])
		}
	}
	for k := range cs {
		s.N[k], s.A[k], s.B[k] = acc[3*k].sum(), acc[3*k+1].sum(), acc[3*k+2].sum()
	}
	return logLik.sum()
}
