package kernels_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/gaussflow/gaussflow/internal/kerneltest"
	"github.com/gaussflow/gaussflow/kernels"
)

func checkProduct(t *testing.T, p kernels.Product, place func(i, n int) []float64) {
	t.Helper()
	want := kerneltest.ProductElements(&p)
	for _, tier := range kernels.Tiers() {
		if err := kerneltest.CompareProduct(tier, p, want, place); err != nil {
			t.Fatal(err)
		}
	}
}

// Every element of every product is the chain that the definition says, on every tier.
func TestGemm(t *testing.T) {
	tame, wild := kerneltest.NewRandom(1, true), kerneltest.NewRandom(2, false)
	rounds := 2000
	if testing.Short() {
		rounds = 600
	}
	for round := range rounds {
		src := tame
		if round%3 == 0 {
			src = wild
		}
		m, n, k := kerneltest.DrawSize(src), kerneltest.DrawSize(src), kerneltest.DrawSize(src)
		if !src.Tame {
			k = min(k, 20) // of more terms one is NaN
		}
		switch round % 100 {
		case 1:
			k += 300
		case 2:
			m += 256
		}
		if src.Choose(3) == 0 {
			m = n
		}
		checkProduct(t, kerneltest.DrawProduct(src, m, n, k), nil)
	}
}

// Products with a short side have code of their own: every small number of rows, columns and terms, each with all forms.
func TestGemmFew(t *testing.T) {
	src := kerneltest.NewRandom(3, true)
	forms := 4
	if testing.Short() {
		forms = 2
	}
	for few := range 10 {
		for _, long := range []int{0, 1, 3, 4, 5, 7, 8, 11, 16, 19, 24, 31, 64, 73} {
			for _, k := range []int{0, 1, 2, 3, 4, 7, 8, 9, 16, 17, 27} {
				for range forms {
					checkProduct(t, kerneltest.DrawProduct(src, few, long, k), nil)
					checkProduct(t, kerneltest.DrawProduct(src, long, few, k), nil)
				}
			}
		}
	}
}

// An element is one chain: its error is at most that of K roundings, each of a sum of what is added up so far.
func TestGemmAccuracy(t *testing.T) {
	exact := func(v float64) *big.Float { return new(big.Float).SetPrec(2200).SetFloat64(v) }
	src := kerneltest.NewRandom(4, true)
	most := 0.0
	for round := range 100 {
		m, n, k := 1+src.Choose(9), 1+src.Choose(30), 1+src.Choose(200)
		p := kernels.Product{M: m, N: n, K: k, LDA: k, LDB: n, LDC: n, Bias: make([]float64, m),
			A: make([]float64, m*k), B: make([]float64, k*n), C: make([]float64, m*n)}
		for _, s := range [][]float64{p.A, p.B, p.Bias} {
			for i := range s {
				s[i] = src.Float(kerneltest.Grad)
				if a := math.Abs(s[i]); !(a > 1e-100 && a < 1e100) { // underflow and overflow have errors of another kind
					s[i] = 0
				}
			}
		}
		tier := kernels.Tiers()[round%len(kernels.Tiers())]
		tier.Gemm(&p)
		for i := range m {
			for j := range n {
				sum, size := exact(p.Bias[i]), math.Abs(p.Bias[i])
				for l := range k {
					a, b := p.A[i*k+l], p.B[l*n+j]
					sum.Add(sum, new(big.Float).Mul(exact(a), exact(b)))
					size += math.Abs(a * b)
				}
				diff, _ := sum.Sub(sum, exact(p.C[i*n+j])).Float64()
				if diff == 0 {
					continue
				}
				share := math.Abs(diff) / (float64(k) * 0x1p-53 * size)
				if most = max(most, share); !(share <= 1) {
					t.Fatalf("%v: %d×%d×%d: C(%d, %d) is off by %.3g, %.3f of the bound", tier, m, n, k, i, j, diff, share)
				}
			}
		}
	}
	t.Logf("the largest error is %.3f of the bound", most)
}

func TestGemmRefuses(t *testing.T) {
	for name, change := range map[string]func(p *kernels.Product){
		"a negative size":  func(p *kernels.Product) { p.M = -1 },
		"A too short":      func(p *kernels.Product) { p.A = p.A[1:] },
		"B too short":      func(p *kernels.Product) { p.B = p.B[1:] },
		"C too short":      func(p *kernels.Product) { p.C = p.C[1:] },
		"rows of A":        func(p *kernels.Product) { p.LDA = 3 },
		"rows of B":        func(p *kernels.Product) { p.LDB = 2 },
		"rows of C":        func(p *kernels.Product) { p.LDC = 2 },
		"too few biases":   func(p *kernels.Product) { p.Bias = make([]float64, 1) },
		"a mask too short": func(p *kernels.Product) { p.Mask, p.LDMask = make([]float64, 5), 3 },
	} {
		for _, tier := range kernels.Tiers() {
			p := kernels.Product{M: 2, N: 3, K: 4, A: make([]float64, 8), B: make([]float64, 12), C: make([]float64, 6), LDA: 4, LDB: 3, LDC: 3}
			tier.Gemm(&p)
			change(&p)
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%v: %s: no panic", tier, name)
					}
				}()
				tier.Gemm(&p)
			}()
		}
	}
}
