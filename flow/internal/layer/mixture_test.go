package layer

import (
	"math"
	"testing"

	"github.com/gaussflow/gaussflow/kernels"
)

// Stored parameters give back the mixture they came from, however wide its
// scales are.
func TestStoredMixture(t *testing.T) {
	m := kernels.Mixture{
		Weight: []float64{0.5, 1e-12, 0.25, 0.25 - 1e-12},
		Mean:   []float64{-1e9, 0, 3, 1e-9},
		Scale:  []float64{1e-8, 1, 3e7, 12},
	}
	bound := ScaleBound(-math.Log(1e-8))
	if bound < 18.5 || ScaleBound(0.5) != DefaultLogScaleBound {
		t.Errorf("bounds are %v and %v", bound, ScaleBound(0.5))
	}
	got := newMixtures([]kernels.Mixture{m}, bound).shared[0]
	for k := range m.Mean {
		if got.Mean[k] != m.Mean[k] || math.Abs(got.Weight[k]/m.Weight[k]-1) > 1e-14 || math.Abs(got.Scale[k]/m.Scale[k]-1) > 1e-13 {
			t.Errorf("component %d: got %v %v %v, want %v %v %v", k, got.Weight[k], got.Mean[k], got.Scale[k], m.Weight[k], m.Mean[k], m.Scale[k])
		}
	}
}
