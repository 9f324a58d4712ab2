package kernels_test

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/gaussflow/gaussflow/internal/bigref"
	"github.com/gaussflow/gaussflow/internal/kerneltest"
	"github.com/gaussflow/gaussflow/internal/kerneltest/ulp"
	"github.com/gaussflow/gaussflow/kernels"
)

// The laws that the functions obey whatever their values.

func eachTier(t *testing.T, f func(t *testing.T, tier kernels.Tier)) {
	for _, tier := range kernels.Tiers() {
		t.Run(tier.String(), func(t *testing.T) { f(t, tier) })
	}
}

// problem is a mixture and samples of it.
type problem struct {
	m kernels.Mixture
	x []float64
}

// problems makes mixtures of 1 to 64 components and n samples of each, in the bulk, between components and in the tails.
func problems(seed uint64, n int) []problem {
	src := kerneltest.NewRandom(seed, true)
	var all []problem
	for _, k := range []int{1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 8, 8, 9, 16, 33, 64} {
		m := kerneltest.DrawMixture(src, k)
		all = append(all, problem{m, kerneltest.DrawSamples(src, m, n, 1000)})
	}
	return all
}

func TestMixtureLaws(t *testing.T) {
	for _, law := range kerneltest.MixtureLaws {
		t.Run(law.Name, func(t *testing.T) {
			eachTier(t, func(t *testing.T, tier kernels.Tier) {
				checks := 0
				for seed := range uint64(4) {
					for _, p := range problems(seed, 100) {
						n, err := law.Check(tier, p.m, p.x)
						if err != nil {
							t.Error(err)
						}
						checks += n
					}
				}
				t.Logf("%s: %d checks", tier, checks)
				if checks < 1000 {
					t.Errorf("only %d checks", checks)
				}
			})
		})
	}
}

func TestNormalLaws(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for seed := range uint64(4) {
			src := kerneltest.NewRandom(20+seed, seed == 0)
			x := slices.Clone(kerneltest.Special)
			for range 2000 {
				x = append(x, src.Float(kerneltest.Real))
			}
			if checks, err := kerneltest.NormalLaws(tier, x); err != nil || checks < 5000 {
				t.Errorf("%d checks, error %v", checks, err)
			}
		}
	})
}

// Far in the tail, where one component takes over from another, the log-det turns within a fraction of their scales.
func TestInverseWhereComponentsChangePlaces(t *testing.T) {
	m := kernels.Mixture{Weight: []float64{0.9619, 0.0381}, Mean: []float64{3.8958, 9.9522}, Scale: []float64{0.3973, 0.2781}}
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		var z []float64
		for v := 45.0; v < 56; v += 1. / 64 {
			z = append(z, v)
		}
		x, l := make([]float64, len(z)), make([]float64, len(z))
		tier.MixtureInverse(x, l, z, m)
		v := kerneltest.Evaluate(tier, m, x)
		steepest := 0.0
		for i := range z {
			if i > 0 {
				steepest = max(steepest, math.Abs(l[i]-l[i-1])/(z[i]-z[i-1]))
			}
			if !(math.Abs(v.Z[i]-z[i]) <= 1e-13) || !(math.Abs(l[i]+v.LogDet[i]) <= 1e-11) {
				t.Errorf("z = %v: x = %v with log-det %v; there z = %v, log-det %v", z[i], x[i], l[i], v.Z[i], v.LogDet[i])
			}
		}
		if steepest < 0.1 {
			t.Errorf("dL/dz is only %v: nothing changes places here", steepest)
		}
	})
}

// In a gap, where z is the same for many numbers, the inverse is the x at which F is Φ(z), to the last bits that its distance
// from the components has; where the weights say no more than z itself, it is where the tails from both sides balance.
func TestInverseInGaps(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		src := kerneltest.NewRandom(17, true)
		worst := 0.0
		for _, gap := range []float64{20, 30, 45, 100, 1e4, 1e9} {
			for k := 2; k <= 9; k++ {
				m := kernels.Mixture{Weight: make([]float64, k), Mean: make([]float64, k), Scale: make([]float64, k)}
				sum := 0.0
				for j := range k {
					m.Weight[j] = math.Exp(float64(-src.Choose(8 + 12*(k&1))))
					m.Mean[j], m.Scale[j] = gap*float64(j-k/2), 1-0.5*float64(src.Choose(2))
					sum += m.Weight[j]
				}
				for j := range k {
					m.Weight[j] /= sum
				}
				if k == 4 { // exactly a quarter each: half of the weight on both sides
					for j := range k {
						m.Weight[j] = 0.25
					}
				}
				var x []float64
				for j := range k - 1 {
					for _, share := range []float64{0.2, 0.4, 0.5, 0.6, 0.8} {
						if min(share, 1-share)*gap >= 7 { // nearer to a component z tells numbers apart
							x = append(x, m.Mean[j]+share*gap)
						}
					}
				}
				z, back, l := make([]float64, len(x)), make([]float64, len(x)), make([]float64, len(x))
				tier.MixtureForward(z, nil, x, m)
				tier.MixtureInverse(back, l, z, m)
				v := kerneltest.Evaluate(tier, m, back)
				for i := range x {
					if !(math.Abs(l[i]+v.LogDet[i]) <= 1e-14*math.Abs(l[i])+1e-14) {
						t.Errorf("gap %v, K = %d, z = %v: log-dets %v and %v at %v do not cancel", gap, k, z[i], l[i], v.LogDet[i], back[i])
					}
					// F-Φ(z), or S-Φ(-z), is nothing beside the tail of the nearest component.
					p := bigref.Mixture(m).At(bigref.New(back[i]))
					got, want := p.F, bigref.CDF(bigref.New(z[i]))
					if z[i] > 0 {
						got, want = p.S, bigref.CDF(bigref.New(-z[i]))
					}
					difference, _ := bigref.New(0).Sub(got, want).Float64()
					reach, density := 0.0, 0.0 // the tail, and how much of it a last bit of x is
					for j := range k {
						u := math.Abs(back[i]-m.Mean[j]) / m.Scale[j]
						reach += m.Weight[j] * math.Erfc(u/math.Sqrt2) / 2
						density += m.Weight[j] / m.Scale[j] * math.Exp(-u*u/2) / math.Sqrt(2*math.Pi)
					}
					e := math.Abs(difference) / (0x1p-52*reach + ulp.Of(back[i])*density + 0x1p-84)
					worst = max(worst, e)
					if !(e <= 16) {
						t.Errorf("gap %v, K = %d, z = %v: at x = %v F is off by %.3g, %.1f times what the tail %.3g tells; %+v", gap, k, z[i], back[i], difference, e, reach, m)
					}
				}
			}
		}
		t.Logf("%s: %.2f", tier, worst)
		// Where nothing but the tails decides: the middle between equal components.
		m := kernels.Mixture{Weight: []float64{0.5, 0.5}, Mean: []float64{-500, 500}, Scale: []float64{2, 2}}
		x := make([]float64, 1)
		if tier.MixtureInverse(x, nil, []float64{0}, m); x[0] != 0 {
			t.Errorf("the middle of %+v is %v", m, x[0])
		}
		m.Scale[1] = 0.5 // and of others, as many of their scales away from both, nearly
		if tier.MixtureInverse(x, nil, []float64{0}, m); !(math.Abs(x[0]-300) < 1e-2) {
			t.Errorf("the middle of %+v is %v", m, x[0])
		}
	})
}

// The functions of one number have the mirror image's bits too.
func TestSymmetry(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		x := []float64{0, 1e-300, 1e-9, 0.3, 1, 5, 9, 30, 40, 1e9}
		y := make([]float64, len(x))
		for i := range x {
			y[i] = -x[i]
		}
		upper, lower, th, minus := make([]float64, len(x)), make([]float64, len(x)), make([]float64, len(x)), make([]float64, len(x))
		tier.NormCDF(upper, x)
		tier.NormSF(lower, y)
		tier.Tanh(th, x)
		tier.Tanh(minus, y)
		for i := range x {
			if upper[i] != lower[i] || th[i] != -minus[i] {
				t.Errorf("x = %v: Φ(x) = %v, Φ(-(-x)) = %v, tanh x = %v, -tanh(-x) = %v", x[i], upper[i], lower[i], th[i], -minus[i])
			}
		}
	})
}

// The eight partial sums and their tree, written out.
func TestSumTree(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		src := kerneltest.NewRandom(9, true)
		for n := range 300 {
			x := make([]float64, n)
			var lane, square [8]float64
			exact, size := new(big.Float).SetPrec(3000), 0.0
			for i := range x {
				x[i] = src.Float(kerneltest.Real)
				lane[i%8] += x[i]
				square[i%8] = math.FMA(x[i], x[i], square[i%8])
				exact.Add(exact, big.NewFloat(x[i]))
				size += math.Abs(x[i])
			}
			tree := func(a [8]float64) float64 {
				return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
			}
			if got, want := tier.Sum(x), tree(lane); !ulp.Same(got, want) {
				t.Errorf("Sum of %d: %v, want %v", n, got, want)
			}
			if got, want := tier.SumSquares(x), tree(square); !ulp.Same(got, want) {
				t.Errorf("SumSquares of %d: %v, want %v", n, got, want)
			}
			if want, _ := exact.Float64(); !(math.Abs(tier.Sum(x)-want) <= 0x1p-53*float64(n/8+4)*size) {
				t.Errorf("Sum of %d: %v, exactly %v", n, tier.Sum(x), want)
			}
		}
	})
}

func TestSoftmax(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		src := kerneltest.NewRandom(10, true)
		var worst ulp.Worst
		sizes := []int{100, 256, 1000}
		for k := range 64 {
			sizes = append(sizes, 1+k)
		}
		for _, k := range sizes {
			for range 5 {
				logit := make([]float64, k)
				for j := range logit {
					logit[j] = src.Float(kerneltest.Logit)
				}
				e, err := kerneltest.SoftmaxLaw(tier, logit)
				if err != nil {
					t.Error(err)
				}
				worst.Add(e, "K = ", k)
			}
		}
		t.Logf("%s: %v, ulp", tier, worst)
	})
}

func TestBoundedExp(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		src := kerneltest.NewRandom(12, true)
		const n = 500
		raw, up, down, grad := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		for _, bound := range []float64{5, 0.5, 20} {
			const h = 0x1p-20
			for i := range raw {
				raw[i], grad[i] = math.Round(src.Float(kerneltest.Raw)*0x1p20)*0x1p-20, src.Float(kerneltest.Grad)
				up[i], down[i] = raw[i]+h, raw[i]-h
			}
			got, want := make([]float64, n), make([]float64, n)
			tier.BoundedExp(got, raw, bound)
			tier.Tanh(want, raw)
			for i := range want {
				want[i] *= bound
			}
			tier.Exp(want, want)
			for i := range got {
				if got[i] != want[i] {
					t.Errorf("exp(%v·tanh(%v)) = %v, composed %v", bound, raw[i], got[i], want[i])
				}
			}
			tier.BoundedExpBackward(got, grad, raw, bound)
			tier.Tanh(up, up)
			tier.Tanh(down, down)
			for i := range got {
				if slope := bound * (up[i] - down[i]) / (2 * h); !(math.Abs(got[i]-grad[i]*slope) <= 1e-8*bound*math.Abs(grad[i])) {
					t.Errorf("gradient at raw = %v: %v, by differences %v", raw[i], got[i], grad[i]*slope)
				}
			}
		}
	})
}

// The smooth ReLU is monotone and convex, lies within 3/16 above the ramp, is the ramp itself beyond ±1, and its slope is
// the one of differences.
func TestSmoothReLU(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		const n, h = 4096, 0x1p-10
		x, y, slope, one := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range x {
			x[i], one[i] = float64(i-n/2)*h, 1
		}
		tier.SmoothReLU(y, x)
		tier.SmoothReLUBackward(slope, one, x)
		for i, v := range x {
			above := y[i] - max(v, 0)
			if !(above >= 0 && above <= 0.1875) || math.Abs(v) >= 1 && above != 0 {
				t.Errorf("s(%v) = %v, %v above the ramp", v, y[i], above)
			}
			if i == 0 {
				continue
			}
			if !(slope[i] >= slope[i-1]) {
				t.Errorf("the slope falls from %v to %v at %v", slope[i-1], slope[i], v)
			}
			// The trapezoidal rule: |s'''| ≤ 3 inside the corner.
			if d := (y[i]-y[i-1])/h - (slope[i]+slope[i-1])/2; !(math.Abs(d) <= 3*h*h/12+1e-12) {
				t.Errorf("at %v the differences say %v and the slopes %v", v, (y[i]-y[i-1])/h, (slope[i]+slope[i-1])/2)
			}
		}
	})
}

// Ten steps against the same in big.Float.
func TestAdam(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		src := kerneltest.NewRandom(13, true)
		const n = 60
		p, g, m, v := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range p {
			p[i] = src.Float(kerneltest.Total)
		}
		var worst ulp.Worst
		for step := 1; step <= 10; step++ {
			a := kernels.AdamParams{LR: 1e-3 * float64(step), Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Step: step}
			if step == 10 { // a long run
				a.Step = 123456
			}
			p0, m0, v0 := slices.Clone(p), slices.Clone(m), slices.Clone(v)
			for i := range g {
				g[i] = src.Float(kerneltest.Grad)
			}
			tier.Adam(p, g, m, v, a)
			num := bigref.New
			add := func(a, b *big.Float) *big.Float { return num(0).Add(a, b) }
			mul := func(a, b *big.Float) *big.Float { return num(0).Mul(a, b) }
			quo := func(a, b *big.Float) *big.Float { return num(0).Quo(a, b) }
			sub := func(a, b *big.Float) *big.Float { return num(0).Sub(a, b) }
			power := func(b float64) *big.Float {
				r := num(1)
				for range a.Step {
					r = mul(r, num(b))
				}
				return r
			}
			c1, c2 := sub(num(1), power(a.Beta1)), sub(num(1), power(a.Beta2))
			rest, _ := c2.Float64()
			for i := range p {
				mi := add(mul(num(a.Beta1), num(m0[i])), mul(sub(num(1), num(a.Beta1)), num(g[i])))
				vi := add(mul(num(a.Beta2), num(v0[i])), mul(sub(num(1), num(a.Beta2)), mul(num(g[i]), num(g[i]))))
				move := num(0)
				if mi.Sign() != 0 {
					move = quo(mul(num(a.LR), quo(mi, c1)), add(num(0).Sqrt(quo(vi, c2)), num(a.Eps)))
				}
				want := sub(num(p0[i]), move)
				// Rounding of the terms that are added, not of the sum; that of 1-β₂^t counts as much as t is small.
				scale := math.Abs(a.Beta1*m0[i]) + math.Abs(0.1*g[i])
				worst.Add(bigref.Abs(m[i], mi)/math.Max(scale, 1e-300)/0x1p-52, "m, step ", step)
				worst.Add(bigref.Ulps(v[i], vi), "v, step ", step)
				if moved, _ := move.Float64(); moved != 0 {
					worst.Add(bigref.Abs(p[i], want)/(ulp.Of(p[i])+math.Abs(moved)*0x1p-50*max(1, scale/math.Abs(m[i]), 1/rest)), "p, step ", step)
				} else if p[i] != p0[i] {
					t.Errorf("p moved from %v to %v without a gradient", p0[i], p[i])
				}
			}
		}
		t.Logf("Adam: %v", worst)
		if worst.Error > 2 {
			t.Errorf("Adam: error %v", worst)
		}
	})
}

// The gradient of a shared mixture is the sum, by Sum's tree, of the gradients of its samples, and is added to what is there.
// Samples with |z| ≥ 6 outside of all components come after the others.
func TestSharedGradientIsSum(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for _, p := range problems(15, 101) {
			n, k := len(p.x), len(p.m.Weight)
			r := kerneltest.Evaluate(tier, p.m, p.x)
			src := kerneltest.NewRandom(16, true)
			gz, gl := make([]float64, n), make([]float64, n)
			for i := range n {
				gz[i], gl[i] = src.Float(kerneltest.Grad), src.Float(kerneltest.Grad)
			}
			each := kernels.Mixtures{K: k, Stride: n, Weight: make([]float64, k*n), Mean: make([]float64, k*n), Scale: make([]float64, k*n)}
			for j := range k * n {
				each.Weight[j], each.Mean[j], each.Scale[j] = p.m.Weight[j/n], p.m.Mean[j/n], p.m.Scale[j/n]
			}
			d := kernels.PerSampleGrad{K: k, Stride: n, Logit: make([]float64, k*n), Mean: make([]float64, k*n), LogScale: make([]float64, k*n)}
			shared := kernels.MixtureGrad{Logit: make([]float64, k), Mean: make([]float64, k), LogScale: make([]float64, k)}
			before := make([]float64, 3*k)
			for j := range before {
				before[j] = src.Float(kerneltest.Total)
			}
			copy(shared.Logit, before)
			copy(shared.Mean, before[k:])
			copy(shared.LogScale, before[2*k:])
			dx := make([]float64, n)
			tier.PerSampleBackward(dx, d, gz, gl, p.x, r.Z, r.LogDet, each)
			tier.MixtureBackward(dx, shared, gz, gl, p.x, r.Z, r.LogDet, p.m)
			for j := range k {
				row := func(a []float64) float64 {
					whole := (n + 7) &^ 7
					all := make([]float64, 2*whole)
					for i, v := range a[j*n : j*n+n] {
						last := k > 1 && math.Abs(r.Z[i]) >= 6
						for c, w := range p.m.Weight {
							last = last && (w == 0 || (p.x[i] > p.m.Mean[c]) == (r.Z[i] > 0))
						}
						if last {
							all[whole+i] = v
						} else {
							all[i] = v
						}
					}
					return tier.Sum(all)
				}
				for _, c := range [][2]float64{
					{shared.Logit[j], before[j] + row(d.Logit)},
					{shared.Mean[j], before[k+j] + row(d.Mean)},
					{shared.LogScale[j], before[2*k+j] + row(d.LogScale)},
				} {
					if !ulp.Same(c[0], c[1]) {
						t.Fatalf("K = %d, component %d: %v, the sum of the samples' is %v", k, j, c[0], c[1])
					}
				}
			}
		}
	})
}

// Where the last bit of x moves L, the inverse's L is within that of the exact one.
func TestInverseLogDetFarFromZero(t *testing.T) {
	m := kernels.Mixture{Weight: []float64{0.3, 0.7}, Mean: []float64{1.7e9, 1.7e9 + 3}, Scale: []float64{1, 2}}
	const z = 0.7
	exact := bigref.Mixture(m).At(bigref.New(1.7e9))
	for range 20 {
		exact = bigref.Mixture(m).At(exact.Solve(z))
	}
	want, _ := exact.LogDet(bigref.New(z)).Float64()
	_, dl := exact.Gradients(bigref.New(z))
	turn, _ := dl.DX.Float64()
	for _, tier := range kernels.Tiers() {
		x, l := []float64{z}, make([]float64, 1)
		tier.MixtureInverse(x, l, x, m)
		if off := math.Abs(l[0] + want); !(off <= 9*0x1p-52+math.Abs(turn)*ulp.Of(x[0])) {
			t.Errorf("%s: L(%v) = %v, want %v: off by %g, of %g for the last bit of x", tier, x[0], l[0], -want, off, math.Abs(turn)*ulp.Of(x[0]))
		}
	}
}
