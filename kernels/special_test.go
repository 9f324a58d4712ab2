package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/gaussflow/gaussflow/internal/kerneltest"
	"github.com/gaussflow/gaussflow/internal/kerneltest/ulp"
	"github.com/gaussflow/gaussflow/kernels"
)

// What the package documentation says about infinities, NaN, zeros and the ends of the domains.

var inf, nan, negZero = math.Inf(1), math.NaN(), math.Copysign(0, -1)

func TestSpecialFunctions(t *testing.T) {
	const denormal = 0x1p-1074
	type point struct{ x, want float64 }
	for _, c := range []struct {
		name string
		f    func(t kernels.Tier, dst, x []float64)
		at   []point
	}{
		{"NormCDF", kernels.Tier.NormCDF, []point{{inf, 1}, {-inf, 0}, {nan, nan}, {0, 0.5}, {negZero, 0.5}, {denormal, 0.5}, {-denormal, 0.5}, {1e300, 1}, {-1e300, 0}, {9, 1}, {-39, 0}}},
		{"NormSF", kernels.Tier.NormSF, []point{{inf, 0}, {-inf, 1}, {nan, nan}, {0, 0.5}, {negZero, 0.5}, {denormal, 0.5}, {-denormal, 0.5}, {1e300, 0}, {-1e300, 1}, {-9, 1}, {39, 0}}},
		{"NormLogCDF", kernels.Tier.NormLogCDF, []point{{inf, 0}, {-inf, -inf}, {nan, nan}, {0, -math.Ln2}, {negZero, -math.Ln2}, {denormal, -math.Ln2}, {1e300, 0}, {40, 0}, {-1e300, -inf}, {-1e154, -5e307}, {-1.398e154, -9.772019999999999e307}, {-1.9e154, -inf}}},
		{"NormPDF", kernels.Tier.NormPDF, []point{{inf, 0}, {-inf, 0}, {nan, nan}, {0, 0.3989422804014327}, {negZero, 0.3989422804014327}, {denormal, 0.3989422804014327}, {1e300, 0}, {-40, 0}}},
		{"NormQuantile", kernels.Tier.NormQuantile, []point{{0, -inf}, {negZero, -inf}, {1, inf}, {0.5, 0}, {nan, nan}, {inf, nan}, {-inf, nan}, {-denormal, nan}, {math.Nextafter(1, 2), nan},
			{denormal, -38.467405617144346}, {0x1p-1022, -37.5193793471445}, {1 - 0x1p-53, 8.209536151601387}}},
		{"Exp", kernels.Tier.Exp, []point{{inf, inf}, {-inf, 0}, {nan, nan}, {0, 1}, {negZero, 1}, {denormal, 1}, {1e300, inf}, {-1e300, 0}, {710, inf}, {-745, denormal}, {-746, 0}}},
		{"Log", kernels.Tier.Log, []point{{inf, inf}, {-inf, nan}, {nan, nan}, {0, -inf}, {negZero, -inf}, {1, 0}, {-denormal, nan}, {denormal, -744.4400719213812}, {0x1p-1022, -708.3964185322641}}},
		{"Tanh", kernels.Tier.Tanh, []point{{inf, 1}, {-inf, -1}, {nan, nan}, {0, 0}, {negZero, negZero}, {denormal, denormal}, {-denormal, -denormal}, {1e300, 1}, {-1e300, -1}, {20, 1}}},
		{"BoundedExp, bound 5", func(t kernels.Tier, dst, x []float64) { t.BoundedExp(dst, x, 5) },
			[]point{{inf, 148.4131591025766}, {-inf, 0.006737946999085467}, {nan, nan}, {0, 1}, {1e300, 148.4131591025766}}},
		{"BoundedExp, bound 0", func(t kernels.Tier, dst, x []float64) { t.BoundedExp(dst, x, 0) }, []point{{inf, 1}, {3, 1}, {nan, nan}}},
		{"BoundedExpBackward", func(t kernels.Tier, dst, x []float64) { t.BoundedExpBackward(dst, []float64{3}, x, 5) },
			[]point{{inf, 0}, {-inf, 0}, {nan, nan}, {0, 15}, {denormal, 15}, {1e300, 0}}},
		{"BoundedExpBackward of NaN", func(t kernels.Tier, dst, _ []float64) { t.BoundedExpBackward(dst, []float64{nan}, []float64{1}, 5) }, []point{{0, nan}}},
		{"SmoothReLU", kernels.Tier.SmoothReLU, []point{{inf, inf}, {-inf, 0}, {nan, nan}, {-1, 0}, {math.Nextafter(-1, -2), 0}, {math.Nextafter(-1, 0), 0x1p-161}, {0, 0.1875}, {negZero, 0.1875}, {denormal, 0.1875},
			{1, 1}, {math.Nextafter(1, 2), math.Nextafter(1, 2)}, {1e300, 1e300}, {-1e300, 0}, {0x1.23456789abcdfp+20, 0x1.23456789abcdfp+20}, {math.MaxFloat64, math.MaxFloat64}}},
		{"SmoothReLUBackward", func(t kernels.Tier, dst, x []float64) { t.SmoothReLUBackward(dst, []float64{3}, x) },
			[]point{{inf, 3}, {-inf, 0}, {nan, nan}, {-1, 0}, {0, 1.5}, {1, 3}, {denormal, 1.5}, {1e300, 3}, {-1e300, 0}}},
		{"SmoothReLUBackward of NaN", func(t kernels.Tier, dst, _ []float64) { t.SmoothReLUBackward(dst, []float64{nan}, []float64{1}) }, []point{{0, nan}}},
		{"Sum with 1", func(t kernels.Tier, dst, x []float64) { dst[0] = t.Sum([]float64{x[0], 1}) }, []point{{inf, inf}, {-inf, -inf}, {nan, nan}, {denormal, 1}}},
		{"SumSquares with 1", func(t kernels.Tier, dst, x []float64) { dst[0] = t.SumSquares([]float64{x[0], 1}) }, []point{{inf, inf}, {-inf, inf}, {nan, nan}, {1e200, inf}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, tier := range kernels.Tiers() {
				for _, p := range c.at {
					dst := make([]float64, 1)
					c.f(tier, dst, []float64{p.x})
					if !(ulp.Same(dst[0], p.want) || p.want != 0 && ulp.Diff(dst[0], p.want) <= 1) {
						t.Errorf("%s: at %v: %v, want %v", tier, p.x, dst[0], p.want)
					}
				}
			}
		})
	}
}

// mixtureCases are mixtures at the ends of their domain; wide is the largest scale of a component with weight.
var mixtureCases = []struct {
	m    kernels.Mixture
	wide float64
}{
	{kernels.Mixture{Weight: []float64{1}, Mean: []float64{0}, Scale: []float64{1}}, 1},
	{kernels.Mixture{Weight: []float64{1}, Mean: []float64{0}, Scale: []float64{0.9}}, 0.9}, // z overflows last
	{kernels.Mixture{Weight: []float64{0.5, 0.5, 0}, Mean: []float64{-1, 1, 7}, Scale: []float64{1e-3, 1e3, 1e60}}, 1e3},
	{kernels.Mixture{Weight: []float64{0, 0.25, 0.75}, Mean: []float64{0, -1, 1}, Scale: []float64{1e-60, 1e-3, 1e-3}}, 1e-3},
	{kernels.Mixture{Weight: []float64{1}, Mean: []float64{1e50}, Scale: []float64{1e60}}, 1e60},
	{kernels.Mixture{Weight: []float64{0.5, 0.5}, Mean: []float64{1e-60, -3e-60}, Scale: []float64{1e-60, 2e-60}}, 2e-60},
}

func TestSpecialMixture(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for _, c := range mixtureCases {
			limit := -math.Log(c.wide)
			for _, p := range []struct{ x, cdf, sf, pdf, z, l float64 }{
				{inf, 1, 0, 0, inf, limit},
				{-inf, 0, 1, 0, -inf, limit},
				{nan, nan, nan, nan, nan, nan},
			} {
				r := kerneltest.Evaluate(tier, c.m, []float64{p.x})
				if !ulp.Same(r.CDF[0], p.cdf) || !ulp.Same(r.SF[0], p.sf) || !ulp.Same(r.PDF[0], p.pdf) || !ulp.Same(r.Z[0], p.z) || ulp.Diff(r.LogDet[0], p.l) > 1 {
					t.Errorf("%+v: at %v: F, S, f, z, L = %v, want %v", c.m, p.x, r, p)
				}
				x, l := []float64{p.z}, make([]float64, 1)
				tier.MixtureInverse(x, l, x, c.m)
				if !ulp.Same(x[0], p.x) || ulp.Diff(l[0], -p.l) > 1 {
					t.Errorf("%+v: the inverse at %v is %v, %v, want %v, %v", c.m, p.z, x[0], l[0], p.x, -p.l)
				}
			}
			// However far: z is finite and near x/σ of the widest component, or infinite where that overflows.
			for _, x := range []float64{1e10, -1e100, 1e150, -1e200, 1e300, -1e300, math.MaxFloat64, -math.MaxFloat64} {
				if math.Abs(x) < 1e5*c.wide {
					continue
				}
				r := kerneltest.Evaluate(tier, c.m, []float64{x})
				want := x / c.wide
				if math.IsInf(want, 0) {
					if r.Z[0] != want || ulp.Diff(r.LogDet[0], limit) > 1 {
						t.Errorf("%+v: at %v: z, L = %v, %v, want %v, %v", c.m, x, r.Z[0], r.LogDet[0], want, limit)
					}
				} else if !(math.Abs(r.Z[0]/want-1) < 1e-4) || !(math.Abs(r.LogDet[0]-limit) < 1e-4) {
					t.Errorf("%+v: at %v: z, L = %v, %v, want %v, %v, nearly", c.m, x, r.Z[0], r.LogDet[0], want, limit)
				}
				if (x > 0) != (r.CDF[0] == 1) || (x > 0) != (r.SF[0] == 0) || r.PDF[0] != 0 {
					t.Errorf("%+v: at %v: F, S, f = %v, %v, %v", c.m, x, r.CDF[0], r.SF[0], r.PDF[0])
				}
				// And back, to where the map is as good as straight.
				if !math.IsInf(want, 0) && math.Abs(want) < 1e290 && math.Abs(x) < 1e290 {
					back, l := make([]float64, 1), make([]float64, 1)
					tier.MixtureInverse(back, l, r.Z, c.m)
					if !(math.Abs(back[0]/x-1) < 1e-14) || !(math.Abs(l[0]+r.LogDet[0]) < 1e-9) {
						t.Errorf("%+v: the inverse of z(%v) = %v is %v, with log-det %v; the forward map's is %v", c.m, x, r.Z[0], back[0], l[0], r.LogDet[0])
					}
				}
			}
			// Zeros and denormals are numbers like others.
			for _, x := range []float64{0, negZero, 0x1p-1074, -0x1p-1074, 0x1p-1022} {
				if r, zero := kerneltest.Evaluate(tier, c.m, []float64{x}), kerneltest.Evaluate(tier, c.m, []float64{0}); !(math.Abs(r.Z[0]-zero.Z[0]) < 1e-307) || r.LogDet[0] != zero.LogDet[0] {
					t.Errorf("%+v: at %v: z, L = %v, %v, at 0 %v, %v", c.m, x, r.Z[0], r.LogDet[0], zero.Z[0], zero.LogDet[0])
				}
			}
		}
		// Exactly symmetric: the median is the centre, from both sides.
		x, l := []float64{0, negZero}, make([]float64, 2)
		tier.MixtureInverse(x, l, x, kernels.Mixture{Weight: []float64{0.5, 0.5}, Mean: []float64{-1, 1}, Scale: []float64{1, 1}})
		if !(math.Abs(x[0]) < 1e-15 && math.Abs(x[1]) < 1e-15) {
			t.Errorf("the median of a symmetric mixture is %v", x)
		}
	})
}

func TestSpecialGradients(t *testing.T) {
	m := kernels.Mixture{Weight: []float64{0.25, 0.75, 0}, Mean: []float64{-1, 1, 3}, Scale: []float64{1e-3, 1e3, 1}}
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for _, c := range []struct {
			x, gz, gl float64
			finite    bool
		}{
			{0, 1, 1, true}, {1e100, 1, 1, true}, {-1e140, 1, 0, true}, {0x1p-1074, 0, 0, true},
			{inf, 1, 1, false}, {-inf, 1, 0, false}, {nan, 0, 0, false}, {1e200, 1, 1, false}, {-1e300, 0, 1, false},
			{0, nan, 0, false}, {0, 0, nan, false}, {0, inf, 0, false},
		} {
			r := kerneltest.Evaluate(tier, m, []float64{c.x})
			d := kernels.MixtureGrad{Logit: make([]float64, 3), Mean: make([]float64, 3), LogScale: make([]float64, 3)}
			dx := make([]float64, 1)
			tier.MixtureBackward(dx, d, []float64{c.gz}, []float64{c.gl}, []float64{c.x}, r.Z, r.LogDet, m)
			all := append(append(append(dx, d.Logit...), d.Mean...), d.LogScale...)
			numbers := 0
			for _, v := range all {
				if !math.IsNaN(v) && !math.IsInf(v, 0) {
					numbers++
				}
			}
			if c.finite && numbers != len(all) || !c.finite && !math.IsNaN(c.gl) && !math.IsNaN(c.gz) && !math.IsInf(c.gz, 0) && numbers != 0 || !c.finite && numbers == len(all) {
				t.Errorf("gradient at x = %v, z = %v, gz = %v, gl = %v: %v", c.x, r.Z[0], c.gz, c.gl, all)
			}
			// A component without weight has no gradient.
			if c.finite && (d.Logit[2] != 0 || d.Mean[2] != 0 || d.LogScale[2] != 0) {
				t.Errorf("gradient of a component without weight at x = %v: %v, %v, %v", c.x, d.Logit[2], d.Mean[2], d.LogScale[2])
			}
		}
	})
}

func TestSpecialEM(t *testing.T) {
	m := kernels.Mixture{Weight: []float64{0.5, 0.5, 0}, Mean: []float64{-1, 1, 3}, Scale: []float64{1, 2, 1e60}}
	statistics := func(tier kernels.Tier, x ...float64) (kernels.EMStats, float64) {
		s := kernels.EMStats{N: make([]float64, 3), A: make([]float64, 3), B: make([]float64, 3)}
		return s, tier.MixtureEM(s, x, m)
	}
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for _, x := range []float64{nan, inf, -inf} {
			s, l := statistics(tier, 0, x, 1)
			for _, v := range append(append(append([]float64(nil), s.N[:2]...), s.A[:2]...), s.B[:2]...) {
				if !math.IsNaN(v) || l > 0 {
					t.Errorf("with a sample %v: statistics %v, log-likelihood %v; want NaN", x, s, l)
					break
				}
			}
		}
		// Far away the widest component with weight takes all.
		for _, x := range []float64{100, -1e10, 1e100, 1e140} {
			s, l := statistics(tier, x)
			want := -(x - 1) / 8 * (x - 1)
			if s.N[0] > 1e-190 || math.Abs(s.N[1]-1) > 1e-15 || s.N[2] != 0 || !(math.Abs(l/want-1) < 0.01) {
				t.Errorf("of a sample at %v: %v, %v", x, s.N, l)
			}
		}
		if s, l := statistics(tier); l != 0 || s.N[0] != 0 || s.A[1] != 0 || s.B[2] != 0 {
			t.Errorf("of no samples: %v, %v", s, l)
		}
	})
}

func TestSpecialSoftmax(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for _, c := range []struct{ logit, want []float64 }{
			{[]float64{3}, []float64{1}}, {[]float64{-1e300}, []float64{1}},
			{[]float64{0, 0, 0, 0}, []float64{0.25, 0.25, 0.25, 0.25}},
			{[]float64{0, -inf}, []float64{1, 0}}, {[]float64{1e300, -1e300}, []float64{1, 0}}, {[]float64{-800, 0}, []float64{0, 1}},
			{[]float64{-inf, -inf}, []float64{nan, nan}}, {[]float64{inf, 0}, []float64{nan, nan}}, {[]float64{nan, 0}, []float64{nan, nan}}, {[]float64{0, nan}, []float64{nan, nan}},
		} {
			k := len(c.logit)
			w := make([]float64, k)
			tier.Softmax(w, 1, c.logit, 1, k, 1)
			for j := range w {
				if !ulp.Same(w[j], c.want[j]) {
					t.Errorf("softmax(%v) = %v, want %v", c.logit, w, c.want)
					break
				}
			}
		}
	})
}

func TestSpecialAdam(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		p, m, v := []float64{1, 1, 1}, []float64{0, 0, 0}, []float64{0, 0, 0}
		tier.Adam(p, []float64{0, nan, 1e-200}, m, v, kernels.AdamParams{LR: 0.1, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Step: 1})
		if p[0] != 1 || !math.IsNaN(p[1]) || p[2] != 1 || v[2] != 0 {
			t.Errorf("after gradients 0, NaN and 1e-200: p = %v, m = %v, v = %v", p, m, v)
		}
	})
}

// No samples are fine for every kernel, with slices or without.
func TestNoSamples(t *testing.T) {
	eachKernel(t, func(t *testing.T, k *kerneltest.Kernel) {
		for _, tier := range kernels.Tiers() {
			for _, s := range []kerneltest.Shape{{N: 0, K: 3, Stride: 0, DstStride: 0}, {N: 0, K: 1, Stride: 5, DstStride: 2}} {
				args := kerneltest.Fill(k, s, kerneltest.NewRandom(1, true))
				for i, a := range k.Args {
					switch a.Layout {
					case kerneltest.PerSample, kerneltest.PerBoth, kerneltest.PerBothDst, kerneltest.PerKnot, kerneltest.PerKnotDst:
						args[i] = nil
					}
				}
				if p := panics(func() { k.Run(tier, s, args) }); p != "" {
					t.Errorf("%s: %+v: %s", tier, s, p)
				}
				for i, a := range k.Args {
					for j, v := range args[i] {
						if a.Role == kerneltest.Output && v != 0 {
							t.Errorf("%s: %s[%d] = %v of no samples", tier, a.Name, j, v)
						}
					}
				}
			}
		}
	})
}

// The package functions are the methods of the active tier.
func TestPackageFunctions(t *testing.T) {
	tier, err := kernels.Active()
	if err != nil {
		t.Fatal(err)
	}
	var calls = map[string]func(s kerneltest.Shape, a [][]float64){
		"NormCDF":      func(_ kerneltest.Shape, a [][]float64) { kernels.NormCDF(a[0], a[1]) },
		"NormSF":       func(_ kerneltest.Shape, a [][]float64) { kernels.NormSF(a[0], a[1]) },
		"NormLogCDF":   func(_ kerneltest.Shape, a [][]float64) { kernels.NormLogCDF(a[0], a[1]) },
		"NormPDF":      func(_ kerneltest.Shape, a [][]float64) { kernels.NormPDF(a[0], a[1]) },
		"NormQuantile": func(_ kerneltest.Shape, a [][]float64) { kernels.NormQuantile(a[0], a[1]) },
		"Exp":          func(_ kerneltest.Shape, a [][]float64) { kernels.Exp(a[0], a[1]) },
		"Log":          func(_ kerneltest.Shape, a [][]float64) { kernels.Log(a[0], a[1]) },
		"Tanh":         func(_ kerneltest.Shape, a [][]float64) { kernels.Tanh(a[0], a[1]) },
		"SmoothReLU":   func(_ kerneltest.Shape, a [][]float64) { kernels.SmoothReLU(a[0], a[1]) },
		"MixtureCDF": func(_ kerneltest.Shape, a [][]float64) {
			kernels.MixtureCDF(a[0], a[1], a[2], a[3], kernels.Mixture{Weight: a[4], Mean: a[5], Scale: a[6]})
		},
		"MixtureForward": func(_ kerneltest.Shape, a [][]float64) {
			kernels.MixtureForward(a[0], a[1], a[2], kernels.Mixture{Weight: a[3], Mean: a[4], Scale: a[5]})
		},
		"MixtureInverse": func(_ kerneltest.Shape, a [][]float64) {
			kernels.MixtureInverse(a[0], a[1], a[2], kernels.Mixture{Weight: a[3], Mean: a[4], Scale: a[5]})
		},
		"PerSampleForward": func(s kerneltest.Shape, a [][]float64) {
			kernels.PerSampleForward(a[0], a[1], a[2], kernels.Mixtures{K: s.K, Stride: s.Stride, Weight: a[3], Mean: a[4], Scale: a[5]})
		},
		"PerSampleInverse": func(s kerneltest.Shape, a [][]float64) {
			kernels.PerSampleInverse(a[0], a[1], a[2], kernels.Mixtures{K: s.K, Stride: s.Stride, Weight: a[3], Mean: a[4], Scale: a[5]})
		},
		"MixtureBackward": func(_ kerneltest.Shape, a [][]float64) {
			kernels.MixtureBackward(a[0], kernels.MixtureGrad{Logit: a[1], Mean: a[2], LogScale: a[3]}, a[4], a[5], a[6], a[7], a[8], kernels.Mixture{Weight: a[9], Mean: a[10], Scale: a[11]})
		},
		"PerSampleBackward": func(s kerneltest.Shape, a [][]float64) {
			kernels.PerSampleBackward(a[0], kernels.PerSampleGrad{K: s.K, Stride: s.DstStride, Logit: a[1], Mean: a[2], LogScale: a[3]}, a[4], a[5], a[6], a[7], a[8],
				kernels.Mixtures{K: s.K, Stride: s.Stride, Weight: a[9], Mean: a[10], Scale: a[11]})
		},
		"MixtureEM": func(_ kerneltest.Shape, a [][]float64) {
			a[3][0] = kernels.MixtureEM(kernels.EMStats{N: a[0], A: a[1], B: a[2]}, a[4], kernels.Mixture{Weight: a[5], Mean: a[6], Scale: a[7]})
		},
		"SplinesForward": func(s kerneltest.Shape, a [][]float64) { kernels.SplinesForward(a[0], a[1], a[2], splines(s, a[3:])) },
		"SplinesInverse": func(s kerneltest.Shape, a [][]float64) { kernels.SplinesInverse(a[0], a[1], a[2], splines(s, a[3:])) },
		"SplinesBackward": func(s kerneltest.Shape, a [][]float64) {
			kernels.SplinesBackward(a[0], kernels.SplinesGrad{K: s.K, Stride: s.DstStride, Width: a[1], Height: a[2], LogSlope: a[3]}, a[4], a[5], a[6], splines(s, a[7:]))
		},
		"Softmax": func(s kerneltest.Shape, a [][]float64) { kernels.Softmax(a[0], s.DstStride, a[1], s.Stride, s.K, s.N) },
		"LogSumExp": func(s kerneltest.Shape, a [][]float64) {
			kernels.LogSumExp(a[0], kernels.Columns{K: s.K, N: s.N, Stride: s.DstStride, Data: a[1]}, kernels.Columns{K: s.K, N: s.N, Stride: s.Stride, Data: a[2]})
		},
		"GaussianLogDensities": func(s kerneltest.Shape, a [][]float64) {
			kernels.GaussianLogDensities(kernels.Columns{K: s.K, N: s.N, Stride: s.DstStride, Data: a[0]}, kernels.Columns{K: s.K, N: s.N, Stride: s.Stride, Data: a[1]},
				kernels.Gaussians{K: s.K, D: s.K, Whiten: a[2], Offset: a[3], Constant: a[4]})
		},
		"BoundedExp":         func(_ kerneltest.Shape, a [][]float64) { kernels.BoundedExp(a[0], a[1], a[2][0]) },
		"BoundedExpBackward": func(_ kerneltest.Shape, a [][]float64) { kernels.BoundedExpBackward(a[0], a[1], a[2], a[3][0]) },
		"SmoothReLUBackward": func(_ kerneltest.Shape, a [][]float64) { kernels.SmoothReLUBackward(a[0], a[1], a[2]) },
		"Sum":                func(_ kerneltest.Shape, a [][]float64) { a[0][0] = kernels.Sum(a[1]) },
		"SumSquares":         func(_ kerneltest.Shape, a [][]float64) { a[0][0] = kernels.SumSquares(a[1]) },
		"Adam": func(_ kerneltest.Shape, a [][]float64) {
			kernels.Adam(a[0], a[1], a[2], a[3], kernels.AdamParams{LR: a[4][0], Beta1: a[4][1], Beta2: a[4][2], Eps: a[4][3], Step: int(a[4][4])})
		},
	}
	if len(calls) != len(kerneltest.Kernels) {
		t.Errorf("%d package functions, %d kernels", len(calls), len(kerneltest.Kernels))
	}
	eachKernel(t, func(t *testing.T, k *kerneltest.Kernel) {
		s := kerneltest.Shape{N: 21, K: 1, Stride: 21, DstStride: 21}
		if k.Components() {
			s = kerneltest.Shape{N: 21, K: 3, Stride: 22, DstStride: 23}
		}
		method := *k
		method.Run = func(_ kernels.Tier, s kerneltest.Shape, a [][]float64) { calls[k.Name](s, a) }
		args := kerneltest.Fill(k, s, kerneltest.NewRandom(2, true))
		if err := kerneltest.Compare(&method, tier, s, args, kerneltest.Run(k, tier, s, args), kerneltest.Call{}); err != nil {
			t.Error(fmt.Errorf("package function: %w", err))
		}
	})
}

// A sample with an infinity has density zero, and one with a NaN none, whatever stands above the diagonal.
func TestSpecialGaussian(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	g := kernels.Gaussians{K: 1, D: 2, Whiten: []float64{1, nan, 0.5, 1}, Offset: []float64{0, 0}, Constant: []float64{0}}
	for _, c := range []struct{ x0, x1, want float64 }{{1, 2, -3.625}, {inf, 0, -inf}, {0, -inf, -inf}, {inf, inf, -inf}, {inf, -inf, nan}, {nan, 0, nan}, {0, nan, nan}} {
		for _, tier := range kernels.Tiers() {
			got := make([]float64, 1)
			tier.GaussianLogDensities(kernels.Column(got), kernels.Column([]float64{c.x0, c.x1}), g)
			if !ulp.Same(got[0], c.want) {
				t.Errorf("%s: log p(%g, %g) = %v, want %v", tier, c.x0, c.x1, got[0], c.want)
			}
		}
	}
}

// splines are the last five arguments of a spline kernel.
func splines(s kerneltest.Shape, a [][]float64) kernels.Splines {
	return kernels.Splines{K: s.K, Stride: s.Stride, Width: a[0], Height: a[1], Slope: a[2], Bound: a[3][0], Floor: a[4][0]}
}
