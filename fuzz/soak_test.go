package fuzz

import (
	"flag"
	"testing"

	"github.com/gaussflow/gaussflow/internal/kerneltest"
	"github.com/gaussflow/gaussflow/kernels"
)

var (
	soak     = flag.Float64("soak", 1, "lane evaluations of each kernel on each tier that TestSoak compares, or a few more")
	soakSeed = flag.Uint64("soakseed", 1, "seed of TestSoak's numbers")
)

// TestSoak compares random lane evaluations of every kernel on every tier with the reference, bit for bit, and reports how
// many there were. A sample of a mixture with K components counts K, an element of a product of K terms as well; products are
// compared with their definition.
//
//	go test ./fuzz -run Soak -soak 1e9 -soakseed 7 -timeout 0 -v
func TestSoak(t *testing.T) {
	tiers := kernels.Tiers()
	if len(tiers) > 1 {
		tiers = tiers[1:] // the reference need not be compared with itself
	}
	for i := range kerneltest.Kernels {
		k := &kerneltest.Kernels[i]
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			s := kerneltest.Shape{N: 4096, K: 1, Stride: 4096, DstStride: 4096}
			if k.Components() {
				s.K = 8
			}
			lanes := 0
			for batch := uint64(0); float64(lanes) < *soak; batch++ {
				// One NaN blinds a sum: most batches of a reduction do without.
				tame := k.Reduces && batch%4 != 3
				args := kerneltest.Fill(k, s, kerneltest.NewRandom(*soakSeed<<32+batch, tame))
				want := kerneltest.Run(k, kernels.Generic, s, args)
				for _, tier := range tiers {
					if err := kerneltest.Compare(k, tier, s, args, want, kerneltest.Call{}); err != nil {
						t.Fatalf("-soakseed %d, batch %d: %v", *soakSeed, batch, err)
					}
				}
				lanes += s.N * s.K
			}
			t.Logf("%-19s %v: %d lane evaluations each, 0 differ", k.Name, tiers, lanes)
		})
	}
	t.Run("Gemm", func(t *testing.T) {
		t.Parallel()
		terms := 0
		for batch := uint64(0); float64(terms) < *soak; batch++ {
			src := kerneltest.NewRandom(*soakSeed<<32+batch, batch%4 != 3)
			m, n, k := kerneltest.DrawSize(src), kerneltest.DrawSize(src), kerneltest.DrawSize(src)
			if !src.Tame {
				k = min(k, 20) // of more terms one is NaN
			}
			p := kerneltest.DrawProduct(src, m, n, k)
			want := kerneltest.ProductElements(&p)
			for _, tier := range tiers {
				if err := kerneltest.CompareProduct(tier, p, want, nil); err != nil {
					t.Fatalf("-soakseed %d, batch %d: %v", *soakSeed, batch, err)
				}
			}
			terms += m * n * k
		}
		t.Logf("%-19s %v: %d terms each, 0 differ", "Gemm", tiers, terms)
	})
}
