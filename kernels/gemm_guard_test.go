//go:build unix

package kernels_test

import (
	"testing"

	"github.com/gaussflow/gaussflow/internal/kerneltest"
	"github.com/gaussflow/gaussflow/kernels"
)

// Products whose matrices touch an unmapped page, below or above: nothing outside a matrix is read across a page, and nothing
// is written at all.
func TestGemmBetweenGuardPages(t *testing.T) {
	src := kerneltest.NewRandom(5, true)
	regions := make([]*kerneltest.Region, 5)
	for i := range regions {
		regions[i] = kerneltest.NewRegion(t, 1<<14)
	}
	sizes := []int{1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 24, 25, 33}
	if testing.Short() {
		sizes = []int{1, 3, 4, 5, 8, 13, 25}
	}
	for _, m := range sizes {
		for _, n := range sizes {
			for _, k := range []int{1, 2, 7, 8, 9, 17} {
				p := kerneltest.DrawProduct(src, m, n, k)
				want := kerneltest.ProductElements(&p)
				gap := src.Choose(4) * src.Choose(2)
				for _, tier := range kernels.Tiers() {
					for edge, place := range []func(r *kerneltest.Region, n, gap int) []float64{(*kerneltest.Region).Start, (*kerneltest.Region).End} {
						slices := make([][]float64, len(regions))
						if err := kerneltest.CompareProduct(tier, p, want, func(i, n int) []float64 {
							slices[i] = place(regions[i], n, gap)
							return slices[i]
						}); err != nil {
							t.Fatalf("edge %d, gap %d: %v", edge, gap, err)
						}
						for i, s := range slices {
							if s == nil {
								continue
							}
							if err := regions[i].Check(s); err != nil {
								t.Fatalf("%v, edge %d, gap %d: %d×%d×%d, argument %d: %v", tier, edge, gap, m, n, k, i, err)
							}
						}
					}
				}
			}
		}
	}
}
