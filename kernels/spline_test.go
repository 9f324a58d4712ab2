package kernels_test

import (
	"math"
	"testing"

	"github.com/gaussflow/gaussflow/internal/kerneltest"
	"github.com/gaussflow/gaussflow/internal/kerneltest/ulp"
	"github.com/gaussflow/gaussflow/kernels"
)

func TestSplineLaws(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		src := kerneltest.NewRandom(77, true)
		checks := 0
		for range 60 {
			in := kerneltest.DrawSpline(src)
			x := make([]float64, 20)
			for i := range x {
				x[i] = src.Float(kerneltest.Real)
			}
			n, err := kerneltest.SplineLaw(tier, in, x)
			if err != nil {
				t.Error(err)
			}
			checks += n
		}
		if checks < 1000 {
			t.Errorf("only %d checks", checks)
		}
	})
}

// Equal shares and slopes of 1 are the identity; knots of a spline are mapped onto knots, with the slopes there.
func TestSplineIdentityAndKnots(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		const k, bound = 8, 4.0
		x := []float64{-3.9, -3, -1.25, -0x1p-1074, 0, 0.3, 1, 3.999}
		n := len(x)
		s := kernels.Splines{K: k, Stride: n, Bound: bound, Floor: 0x1p-10}
		for range k * n {
			s.Width = append(s.Width, 1./k)
			s.Height = append(s.Height, 1./k)
		}
		for range (k - 1) * n {
			s.Slope = append(s.Slope, 1)
		}
		y, l := make([]float64, n), make([]float64, n)
		tier.SplinesForward(y, l, x, s)
		for i := range x {
			if !(math.Abs(y[i]-x[i]) <= 0x1p-51) || !(math.Abs(l[i]) <= 0x1p-51) {
				t.Errorf("identity: y(%v) = %v, log-det %v", x[i], y[i], l[i])
			}
		}

		// Knots at -2, 1 and 2 go to 0, 3 and 3.5.
		s = kernels.Splines{K: 4, Stride: 3, Bound: bound}
		for k, row := range [][2]float64{{0.25, 0.5}, {0.375, 0.375}, {0.125, 0.0625}, {0.25, 0.0625}} {
			for range 3 {
				s.Width, s.Height = append(s.Width, row[0]), append(s.Height, row[1])
				if k < 3 {
					s.Slope = append(s.Slope, []float64{0.5, 2, 3}[k])
				}
			}
		}
		y, l = make([]float64, 3), make([]float64, 3)
		tier.SplinesForward(y, l, []float64{-2, 1, 2}, s)
		for i, want := range [][2]float64{{0, 0.5}, {3, 2}, {3.5, 3}} {
			if y[i] != want[0] || ulp.Diff(l[i], math.Log(want[1])) > 2 {
				t.Errorf("knot %d: y = %v, log-det %v; want %v, log %v", i, y[i], l[i], want[0], want[1])
			}
		}
	})
}

func TestSpecialSplines(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		x := []float64{inf, -inf, nan, 1e300, -1e300, 3, -3, negZero}
		n := len(x)
		s := kernels.Splines{K: 2, Stride: n, Bound: 3}
		for i := range 2 * n {
			s.Width = append(s.Width, []float64{0.25, 0.75}[i/n])
			s.Height = append(s.Height, []float64{0.5, 0.5}[i/n])
		}
		for range n {
			s.Slope = append(s.Slope, 2)
		}
		for name, f := range map[string]func(y, l, x []float64, s kernels.Splines){"forward": tier.SplinesForward, "inverse": tier.SplinesInverse} {
			y, l := make([]float64, n), make([]float64, n)
			f(y, l, x, s)
			for i := range 7 {
				want := 0.0
				if x[i] != x[i] {
					want = nan
				}
				if !ulp.Same(y[i], x[i]) || !ulp.Same(l[i], want) {
					t.Errorf("%s of %v: %v, log-det %v", name, x[i], y[i], l[i])
				}
			}
		}
		dx, gy, gl := make([]float64, n), make([]float64, n), make([]float64, n)
		d := kernels.SplinesGrad{K: 2, Stride: n, Width: make([]float64, 2*n), Height: make([]float64, 2*n), LogSlope: make([]float64, n)}
		for i := range gy {
			gy[i], gl[i] = 5, 7
		}
		tier.SplinesBackward(dx, d, gy, gl, x, s)
		for i := range 7 {
			if x[i] != x[i] {
				if dx[i] == dx[i] || d.Width[i] == d.Width[i] {
					t.Errorf("the gradient of NaN is %v, %v", dx[i], d.Width[i])
				}
				continue
			}
			if dx[i] != 5 || d.Width[i] != 0 || d.Width[n+i] != 0 || d.Height[i] != 0 || d.Height[n+i] != 0 || d.LogSlope[i] != 0 {
				t.Errorf("outside, at %v: dx = %v, and %v, %v, %v", x[i], dx[i], d.Width, d.Height, d.LogSlope)
			}
		}
	})
}
