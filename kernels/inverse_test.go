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

// Where the two tails balance, their difference is exactly 0, as it is in a gap that no tail reaches; the density there
// need not be small. The log-det was once +Inf.
func TestInverseBalancedTails(t *testing.T) {
	eachTier(t, func(t *testing.T, tier Tier) {
		for _, c := range []struct {
			mean, scale []float64
			z           float64
		}{
			{[]float64{1.0105866108585847e-37, -1.2682618941580816e-30}, []float64{12.862745097977138, 12.862745098039214}, 1.3141909816666386e-71},
			{[]float64{1.0105866108585847e-37, -1.2682618941580816e-30}, []float64{12.862745097977138, 12.862745098039214}, 0},
			{[]float64{-1, 1}, []float64{1, 1}, 0},
			{[]float64{-20, 20}, []float64{1, 1}, 0},
			{[]float64{-1e-300, 1e-300}, []float64{1, 1}, 1e-310},
		} {
			m := Mixture{Weight: []float64{0.5, 0.5}, Mean: c.mean, Scale: c.scale}
			x, l, want := make([]float64, 1), make([]float64, 1), make([]float64, 1)
			tier.MixtureInverse(x, l, []float64{c.z}, m)
			tier.MixtureForward(make([]float64, 1), want, x, m)
			if d := math.Abs(l[0] + want[0]); !(d <= 1e-12*max(1, math.Abs(want[0]))) {
				t.Errorf("%v, %v, z = %v: x = %v, log-dets %v and %v do not cancel", c.mean, c.scale, c.z, x[0], l[0], want[0])
			}
		}
	})
}

// On a plateau outside the means of all components the last step must not lead across one of them: the slope knows only
// the wide one, whose mean lies on the same side.
func TestInverseOnPlateau(t *testing.T) {
	m := Mixture{
		Weight: []float64{0.36, 0.12, 0.52},
		Mean:   []float64{-9.4e35, 3.5e9, -2.6},
		Scale:  []float64{4.6e36, 5.3e9, 1.3e5},
	}
	eachTier(t, func(t *testing.T, tier Tier) {
		for x := 1e12; x < 1e22; x *= 3 {
			for _, sign := range []float64{1, -1} { // and the mirror image
				mirrored := Mixture{Weight: m.Weight, Scale: m.Scale}
				for _, mean := range m.Mean {
					mirrored.Mean = append(mirrored.Mean, sign*mean)
				}
				z, again := make([]float64, 1), make([]float64, 1)
				tier.MixtureForward(z, nil, []float64{sign * x}, mirrored)
				tier.MixtureInverse(again, nil, z, mirrored)
				tier.MixtureForward(again, nil, again, mirrored)
				if !(math.Abs(again[0]-z[0]) <= 1e-13) {
					t.Errorf("x = %g has z = %v; z of the inverse is %v", sign*x, z[0], again[0])
				}
			}
		}
	})
}

// Two components as far apart as the domain allows: the bracket takes hundreds of halvings.
func TestInverseFarApart(t *testing.T) {
	eachTier(t, func(t *testing.T, tier Tier) {
		for _, far := range []float64{1e10, 2.8e59, -1e100, 1e150} {
			for _, scale := range []float64{4e-3, 1e-60} {
				m := Mixture{Weight: []float64{0.54, 0.46}, Mean: []float64{0, far}, Scale: []float64{scale, 0.004}}
				for _, target := range []float64{-3, -1, -0.61, 0.1, -0.2} {
					x, z := make([]float64, 1), make([]float64, 1)
					tier.MixtureInverse(x, nil, []float64{target}, m)
					tier.MixtureForward(z, nil, x, m)
					// Beside 0, where numbers are near enough to each other to tell z apart.
					if (target < 0.1) == (far > 0) && !(math.Abs(z[0]-target) <= 1e-14*math.Abs(target)) {
						t.Errorf("%+v: z = %v: x = %v has z = %v", m, target, x[0], z[0])
					}
				}
			}
		}
	})
}

// A component that is out of reach, and very much narrower than the one that counts, has no say in the log-det.
func TestInverseLogDetBesideVeryNarrow(t *testing.T) {
	m := Mixture{Weight: []float64{0.5, 0.5}, Mean: []float64{2.3e59, 0}, Scale: []float64{1e-60, 1e60}}
	eachTier(t, func(t *testing.T, tier Tier) {
		for z := 20.0; z < 38; z++ {
			x, l, want := make([]float64, 1), make([]float64, 1), make([]float64, 1)
			tier.MixtureInverse(x, l, []float64{z}, m)
			tier.MixtureForward(make([]float64, 1), want, x, m)
			if !(math.Abs(l[0]+want[0]) <= 1e-12*math.Abs(want[0])) {
				t.Errorf("z = %v: x = %v, log-dets %v and %v do not cancel", z, x[0], l[0], want[0])
			}
		}
	})
}

// On a plateau the last step may be long; the log-det is that of where it ends.
func TestInverseLogDetOnPlateau(t *testing.T) {
	m := Mixture{
		Weight: []float64{0.07219956398314527, 0.46388004353729084, 0.46392039247956385},
		Mean:   []float64{5.8980392154887795, 5.8980392156855, 0},
		Scale:  []float64{0.7960784313705026, 4.637162263378225e+15, 0.07495841232000612},
	}
	eachTier(t, func(t *testing.T, tier Tier) {
		x, l, want := make([]float64, 1), make([]float64, 1), make([]float64, 1)
		tier.MixtureInverse(x, l, []float64{0.7324727919867412}, m)
		tier.MixtureForward(make([]float64, 1), want, x, m)
		if !(math.Abs(l[0]+want[0]) <= 1e-12) {
			t.Errorf("x = %v: log-dets %v and %v do not cancel", x[0], l[0], want[0])
		}
	})
}
