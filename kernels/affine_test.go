package kernels_test

import (
	"math"
	"testing"

	"github.com/gaussflow/gaussflow/internal/bigref"
	"github.com/gaussflow/gaussflow/internal/kerneltest/ulp"
	"github.com/gaussflow/gaussflow/kernels"
)

// One component with all the weight: z is (x-μ)/σ to a unit in the last place and monotone, from each number to the next;
// L is -log σ; the inverse, the gradients and mixtures of one sample each agree.
func TestLoneComponent(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for _, c := range []struct{ mean, scale float64 }{{0, 1}, {0.25, 0.75}, {-3, 1e-3}, {1e9, 7}} {
			m := kernels.Mixture{Weight: []float64{1}, Mean: []float64{c.mean}, Scale: []float64{c.scale}}
			logScale := []float64{c.scale}
			tier.Log(logScale, logScale)
			for _, at := range []float64{-600, -38, -1, -0.02, -1e-3, 0, 1e-8, 0.01, 0.02, 0.3, 2, 20, 300} {
				const n = 99
				x, z, l := make([]float64, n), make([]float64, n), make([]float64, n)
				x[0] = math.FMA(c.scale, at, c.mean)
				for i := 1; i < n; i++ {
					x[i] = math.Nextafter(x[i-1], math.Inf(1))
				}
				tier.MixtureForward(z, l, x, m)
				for i := range x {
					want := bigref.New(x[i])
					want.Sub(want, bigref.New(c.mean)).Quo(want, bigref.New(c.scale))
					if bigref.Ulps(z[i], want) > 1.01 || l[i] != 0-logScale[0] {
						t.Errorf("x = %v, %+v: z, L = %v, %v", x[i], c, z[i], l[i])
					}
					if i > 0 && z[i] < z[i-1] {
						t.Errorf("%+v: z falls from %v at %v to %v at %v", c, z[i-1], x[i-1], z[i], x[i])
					}
				}
				ones, means, scales, back, bl := filledWith(n, 1), filledWith(n, c.mean), filledWith(n, c.scale), make([]float64, n), make([]float64, n)
				each := kernels.PerSampleMixtures{K: 1, Stride: n, Weight: ones, Mean: means, Scale: scales}
				each.Weight[7] = 1 - 0x1p-53 // some way other than the rest
				tier.PerSampleForward(back, bl, x, each)
				for i := range x {
					if i != 7 && (back[i] != z[i] || bl[i] != l[i]) || !(math.Abs(back[i]-z[i]) <= 1e-14*math.Max(1, math.Abs(z[i]))+8e-16*math.Exp(min(z[i]*z[i]/2, 500))) {
						t.Errorf("x = %v, %+v: one mixture for each sample has z, L = %v, %v, not %v, %v", x[i], c, back[i], bl[i], z[i], l[i])
					}
				}
				tier.MixtureInverse(back, bl, z, m)
				for i := range x {
					if d := math.Abs(back[i] - x[i]); !(d <= 2*(ulp.Of(x[i])+c.scale*ulp.Of(z[i]))) || bl[i] != logScale[0] {
						t.Errorf("z = %v, %+v: inverse %v, %v, not %v", z[i], c, back[i], bl[i], x[i])
					}
				}
				one := func() []float64 { return make([]float64, 1) }
				gz, gl := filledWith(n, 0.75), filledWith(n, 2)
				sum := kernels.MixtureGrad{Logit: one(), Mean: one(), LogScale: one()}
				dx := make([]float64, n)
				tier.MixtureBackward(dx, sum, gz, gl, x, z, l, m)
				d := kernels.PerSampleGrad{K: 1, Stride: n, Logit: make([]float64, n), Mean: make([]float64, n), LogScale: make([]float64, n)}
				each.Weight[7] = 1
				tier.PerSampleBackward(dx, d, gz, gl, x, z, l, each)
				for i := range x {
					if dx[i] != 0.75/c.scale || d.Mean[i] != -dx[i] || d.Logit[i] != 0 || d.LogScale[i] != -math.FMA(0.75, z[i], 2) {
						t.Errorf("x = %v, %+v: gradients %v, %v, %v, %v", x[i], c, dx[i], d.Logit[i], d.Mean[i], d.LogScale[i])
					}
				}
				for _, s := range [][2]float64{{sum.Logit[0], 0}, {sum.Mean[0], tier.Sum(d.Mean)}, {sum.LogScale[0], tier.Sum(d.LogScale)}} {
					if s[0] != s[1] {
						t.Errorf("%+v: a sum of gradients is %v, want %v", c, s[0], s[1])
					}
				}
			}
			// The ends: the limits, and NaN.
			inf := math.Inf(1)
			z, l := make([]float64, 3), make([]float64, 3)
			tier.MixtureForward(z, l, []float64{inf, -inf, math.NaN()}, m)
			if z[0] != inf || z[1] != -inf || l[0] != -logScale[0] || l[1] != l[0] || !math.IsNaN(z[2]) || !math.IsNaN(l[2]) {
				t.Errorf("%+v: at ±Inf and NaN %v, %v", c, z, l)
			}
		}
	})
}

func filledWith(n int, v float64) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = v
	}
	return s
}
