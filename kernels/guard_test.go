//go:build unix

package kernels_test

import (
	"testing"

	"github.com/gaussflow/gaussflow/internal/kerneltest"
	"github.com/gaussflow/gaussflow/kernels"
)

// Every length at every alignment, against the unmapped page below and the one above: nothing outside a slice is read
// across a page, and nothing is written at all.
func TestTiersBetweenGuardPages(t *testing.T) {
	const most = 17*300 + 16
	step := 1
	if testing.Short() {
		step = 3
	}
	eachKernel(t, func(t *testing.T, k *kerneltest.Kernel) {
		regions := make([]*kerneltest.Region, len(k.Args))
		for i := range regions {
			regions[i] = kerneltest.NewRegion(t, most)
		}
		slices := make([][]float64, len(k.Args))
		eachCall(k, lengths(), func(s kerneltest.Shape, args, want [][]float64) {
			for _, tier := range kernels.Tiers() {
				for gap := 0; gap < 8; gap += step {
					if s.N > 33 && gap != 0 { // the length moves long slices through the alignments at the upper edge
						break
					}
					for edge, place := range []func(r *kerneltest.Region, n, gap int) []float64{(*kerneltest.Region).Start, (*kerneltest.Region).End} {
						call := kerneltest.Call{Place: func(i, n int) []float64 {
							slices[i] = place(regions[i], n, gap)
							return slices[i]
						}}
						if err := kerneltest.Compare(k, tier, s, args, want, call); err != nil {
							t.Errorf("edge %d, gap %d: %v", edge, gap, err)
						}
						for i, r := range regions {
							if err := r.Check(slices[i]); err != nil {
								t.Errorf("edge %d, gap %d: %s on %s, n=%d: %s: %v", edge, gap, k.Name, tier, s.N, k.Args[i].Name, err)
							}
						}
					}
				}
			}
		})
	})
}
