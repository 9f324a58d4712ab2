package kernels

import (
	"math"
	"testing"
)

// Beyond |z| = 38 the linear-space sums of a round are those of the clamp, and must not steer it: the log-det of the
// inverse is minus that of the forward map at the same point, as far out as in the middle.
func TestInverseLogDetFar(t *testing.T) {
	m := Mixture{Weight: []float64{0.3, 0.3, 0.4}, Mean: []float64{-2, 0.5, 3}, Scale: []float64{0.02, 1, 0.7}}
	eachTier(t, func(t *testing.T, tier Tier) {
		for _, z := range []float64{-995, -300, -100, -45, -39, -20, -1, 0.5, 1, 20, 39, 45, 100, 300, 995} {
			x, l, again, want := make([]float64, 1), make([]float64, 1), make([]float64, 1), make([]float64, 1)
			tier.MixtureInverse(x, l, []float64{z}, m)
			tier.MixtureForward(again, want, x, m)
			if math.Abs(again[0]-z) > 1e-14*math.Abs(z) {
				t.Errorf("z = %v: forward(inverse) is %v", z, again[0])
			}
			if d := math.Abs(l[0] + want[0]); !(d <= 1e-14*max(1, z*z/2)) || d > 1e-12 {
				t.Errorf("z = %v, x = %v: log-dets %v and %v do not cancel: %.3g", z, x[0], l[0], want[0], d)
			}
		}
	})
}
