package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gaussflow/gaussflow/kernels"
)

// element is the definition of a product.
func element(p *kernels.Product, before []float64, i, j int) float64 {
	at := func(s []float64, ld, i, j int, trans bool) float64 {
		if trans {
			i, j = j, i
		}
		return s[i*ld+j]
	}
	s := 0.0
	switch {
	case p.Bias != nil:
		s = p.Bias[i]
	case p.Add:
		s = before[i*p.LDC+j]
	}
	for k := range p.K {
		s = math.FMA(at(p.A, p.LDA, i, k, p.TransA), at(p.B, p.LDB, k, j, p.TransB), s)
	}
	if p.ReLU && s <= 0 || p.Mask != nil && p.Mask[i*p.LDMask+j] <= 0 {
		s = 0
	}
	return s
}

// randomProduct draws a product; wild makes some of its numbers NaN, infinite, zeros of either sign, or subnormal.
func randomProduct(rng *rand.Rand, m, n, k int, wild bool) kernels.Product {
	fill := func(s []float64) []float64 {
		for i := range s {
			s[i] = rng.NormFloat64()
			if wild && rng.IntN(max(2, k)) == 0 {
				s[i] = math.Copysign([]float64{0, 0, math.NaN(), math.Inf(1), 0x1p-1074, 0x1p-600, math.MaxFloat64}[rng.IntN(7)], rng.NormFloat64())
			}
		}
		return s
	}
	pad := func() int { return rng.IntN(2) * rng.IntN(5) }
	matrix := func(rows, cols int, trans bool) ([]float64, int) {
		if trans {
			rows, cols = cols, rows
		}
		ld := cols + pad()
		return fill(make([]float64, max(0, (rows-1)*ld+cols))), ld
	}
	p := kernels.Product{M: m, N: n, K: k, TransA: rng.IntN(2) == 0, TransB: rng.IntN(2) == 0, Add: rng.IntN(2) == 0, ReLU: rng.IntN(3) == 0}
	p.A, p.LDA = matrix(m, k, p.TransA)
	p.B, p.LDB = matrix(k, n, p.TransB)
	p.C, p.LDC = matrix(m, n, false)
	if rng.IntN(3) == 0 {
		p.Bias = fill(make([]float64, m))
	}
	if !p.ReLU && rng.IntN(3) == 0 {
		p.Mask, p.LDMask = matrix(m, n, false)
	}
	if m == n && rng.IntN(2) == 0 {
		p.Upper = true
	}
	return p
}

func checkProduct(t *testing.T, tier kernels.Tier, p kernels.Product) {
	t.Helper()
	before := append([]float64(nil), p.C...)
	p.C = append([]float64(nil), before...)
	tier.Gemm(&p)
	for at, got := range p.C {
		i, j := at/p.LDC, at%p.LDC
		want := before[at]
		if j < p.N && !(p.Upper && j < i) {
			want = element(&p, before, i, j)
		}
		if math.Float64bits(got) != math.Float64bits(want) && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("%v: %d×%d×%d transposed %v %v, add %v, bias %v, ReLU %v, mask %v, upper %v: C(%d, %d) = %v (%#x), want %v (%#x)", tier, p.M, p.N, p.K,
				p.TransA, p.TransB, p.Add, p.Bias != nil, p.ReLU, p.Mask != nil, p.Upper, i, j, got, math.Float64bits(got), want, math.Float64bits(want))
		}
	}
}

// Every element of every product is the chain that the definition says, on every tier.
func TestGemm(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	rounds := 6000
	if testing.Short() {
		rounds = 600
	}
	for range rounds {
		size := func() int {
			switch rng.IntN(4) {
			case 0:
				return rng.IntN(10)
			case 1:
				return rng.IntN(40)
			case 2:
				return 8 * rng.IntN(10)
			}
			return rng.IntN(100)
		}
		m, n, k := size(), size(), size()
		if rng.IntN(3) == 0 {
			m = n
		}
		if rng.IntN(50) == 0 {
			k += 300
		}
		if rng.IntN(100) == 0 {
			m += 256
		}
		p := randomProduct(rng, m, n, k, rng.IntN(3) == 0)
		for _, tier := range kernels.Tiers() {
			checkProduct(t, tier, p)
		}
	}
}
