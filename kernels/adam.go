package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// AdamParams are the settings of one step of Adam (Kingma and Ba, 2015): the learning rate of this step, the decay rates
// of the moments, the constant added to the denominator, and the number of the step, from 1.
type AdamParams struct {
	LR, Beta1, Beta2, Eps float64
	Step                  int
}

// Adam moves the parameters p one step against their gradient g, and updates the moments m and v:
//
//	m = β₁m + (1-β₁)g     v = β₂v + (1-β₂)g²     p -= lr·m̂/(√v̂ + ε),  m̂ = m/(1-β₁^t), v̂ = v/(1-β₂^t)
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	Adam: 2.46, limit 5, in 2⁻⁵²·terms (steps ≤ 5000)
func (t Tier) Adam(p, g, m, v []float64, a AdamParams) {
	if len(g) != len(p) || len(m) != len(p) || len(v) != len(p) {
		panic(errLength)
	}
	c1, c2 := 1-a.Beta1, 1-a.Beta2
	rate := a.LR / (1 - power(a.Beta1, a.Step))
	root := 1 / math.Sqrt(1-power(a.Beta2, a.Step))
	n := t.whole(len(p))
	for i := 0; i < n; i += tileSize {
		t.adam(&asm.AdamArgs{N: min(tileSize, n-i), P: &p[i], G: &g[i], M: &m[i], V: &v[i],
			Beta1: a.Beta1, Beta2: a.Beta2, C1: c1, C2: c2, Rate: rate, Root: root, Eps: a.Eps})
	}
	for i := n; i < len(p); i++ {
		gi := g[i]
		mi := math.FMA(a.Beta1, m[i], float64(c1*gi))
		vi := math.FMA(a.Beta2, v[i], float64(float64(c2*gi)*gi))
		m[i], v[i] = mi, vi
		p[i] -= float64(rate*mi) / math.FMA(math.Sqrt(vi), root, a.Eps)
	}
}

// power returns b^n by squaring: math.Pow need not have the same bits everywhere.
func power(b float64, n int) float64 {
	r := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			r = float64(r * b)
		}
		b = float64(b * b)
	}
	return r
}
