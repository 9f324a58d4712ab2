package kernels_test

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/gaussflow/gaussflow/internal/bigref"
	"github.com/gaussflow/gaussflow/internal/kerneltest"
	"github.com/gaussflow/gaussflow/internal/ulp"
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
		m := kernels.Mixture{Weight: make([]float64, k), Mean: make([]float64, k), Scale: make([]float64, k)}
		sum := 0.0
		for j := range k {
			m.Weight[j], m.Mean[j], m.Scale[j] = src.Float(kerneltest.Weight), src.Float(kerneltest.Mean), src.Float(kerneltest.Scale)
			if j == 0 {
				m.Weight[j] += 0.1
			}
			sum += m.Weight[j]
		}
		for j := range k {
			m.Weight[j] /= sum
		}
		x := make([]float64, n)
		for i := range x {
			j := src.Choose(k)
			x[i] = m.Mean[j] + float64(src.Float(kerneltest.Real)*m.Scale[j])
		}
		all = append(all, problem{m, x})
	}
	return all
}

type result struct{ cdf, sf, pdf, z, logDet []float64 }

func evaluate(tier kernels.Tier, m kernels.Mixture, x []float64) result {
	n := len(x)
	r := result{make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)}
	tier.MixtureCDF(r.cdf, r.sf, r.pdf, x, m)
	tier.MixtureForward(r.z, r.logDet, x, m)
	return r
}

// spacing is how far z[i] moves with its own last bit and with that of the probability that it comes from.
func (r *result) spacing(i int) float64 {
	return ulp.Of(r.z[i]) + ulp.Of(min(r.cdf[i], r.sf[i]))*math.Sqrt(2*math.Pi)*math.Exp(r.z[i]*r.z[i]/2)
}

func TestTailsSumToOne(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for _, p := range problems(1, 200) {
			r := evaluate(tier, p.m, p.x)
			for i := range p.x {
				if d := math.Abs(r.cdf[i] + r.sf[i] - 1); !(d <= 8*0x1p-52) {
					t.Errorf("F(%v)+S = 1 + %g, %+v", p.x[i], d, p.m)
				}
			}
		}
	})
}

func TestMonotone(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for _, p := range problems(2, 300) {
			for _, x := range p.x[:50] { // neighbours
				p.x = append(p.x, math.Nextafter(x, math.Inf(1)))
			}
			slices.Sort(p.x)
			r := evaluate(tier, p.m, p.x)
			for i := 1; i < len(p.x); i++ {
				if !(r.z[i] >= r.z[i-1]-8*r.spacing(i)) {
					t.Errorf("z(%v) = %v, z(%v) = %v, %+v", p.x[i-1], r.z[i-1], p.x[i], r.z[i], p.m)
				}
			}
		}
	})
}

// The mirror image has the mirror image's bits, except where x is a mean: 0 has no side to change.
func TestSymmetry(t *testing.T) {
	negated := func(x []float64) []float64 {
		y := make([]float64, len(x))
		for i := range x {
			y[i] = -x[i]
		}
		return y
	}
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for _, p := range problems(3, 200) {
			mirror := kernels.Mixture{Weight: p.m.Weight, Mean: negated(p.m.Mean), Scale: p.m.Scale}
			a, b := evaluate(tier, p.m, p.x), evaluate(tier, mirror, negated(p.x))
			for i, x := range p.x {
				if slices.Contains(p.m.Mean, x) {
					continue
				}
				if a.cdf[i] != b.sf[i] || a.sf[i] != b.cdf[i] || a.pdf[i] != b.pdf[i] || a.z[i] != -b.z[i] || a.logDet[i] != b.logDet[i] {
					t.Errorf("x = %v, %+v: F, S, f, z, L = %v, %v, %v, %v, %v; the mirror image's are %v, %v, %v, %v, %v", x, p.m,
						a.cdf[i], a.sf[i], a.pdf[i], a.z[i], a.logDet[i], b.cdf[i], b.sf[i], b.pdf[i], b.z[i], b.logDet[i])
				}
			}
		}
		x := []float64{0, 1e-300, 1e-9, 0.3, 1, 5, 9, 30, 40, 1e9}
		y := negated(x)
		tier.NormCDF(x, x)
		tier.NormSF(y, y)
		for i := range x {
			if x[i] != y[i] {
				t.Errorf("Φ(x) = %v, Φ(-(-x)) = %v", x[i], y[i])
			}
		}
	})
}

// The order of the components is a matter of rounding alone; so is a component split into equal ones.
func TestPermutationAndSplit(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for _, p := range problems(4, 100) {
			k := len(p.m.Weight)
			turned := kernels.Mixture{Weight: slices.Clone(p.m.Weight), Mean: slices.Clone(p.m.Mean), Scale: slices.Clone(p.m.Scale)}
			for _, s := range [][]float64{turned.Weight, turned.Mean, turned.Scale} {
				slices.Reverse(s)
			}
			var split kernels.Mixture
			for j := range k {
				for range 4 {
					split.Weight, split.Mean, split.Scale = append(split.Weight, p.m.Weight[j]/4), append(split.Mean, p.m.Mean[j]), append(split.Scale, p.m.Scale[j])
				}
			}
			a := evaluate(tier, p.m, p.x)
			for _, m := range []kernels.Mixture{turned, split} {
				b := evaluate(tier, m, p.x)
				for i, x := range p.x {
					// Each of the sums' terms rounds once.
					most := 6 + float64(len(m.Weight))
					if e := max(ulp.Diff(a.cdf[i], b.cdf[i]), ulp.Diff(a.sf[i], b.sf[i]), ulp.Diff(a.pdf[i], b.pdf[i])); !(e <= most) {
						t.Errorf("x = %v, K = %d: F, S, f differ by %g ulp: %v, %v, %v and %v, %v, %v", x, k, e, a.cdf[i], a.sf[i], a.pdf[i], b.cdf[i], b.sf[i], b.pdf[i])
					}
					if e := math.Abs(a.z[i]-b.z[i]) / a.spacing(i); !(e <= most) {
						t.Errorf("x = %v, K = %d: z = %v and %v", x, k, a.z[i], b.z[i])
					}
				}
			}
		}
	})
}

// A component without weight is not there: it changes no bit of anything.
func TestZeroWeight(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for _, p := range problems(5, 100) {
			src := kerneltest.NewRandom(55, true)
			var with, without kernels.Mixture
			for j, w := range p.m.Weight {
				for range src.Choose(3) {
					with.Weight = append(with.Weight, 0)
					with.Mean, with.Scale = append(with.Mean, src.Float(kerneltest.Mean)), append(with.Scale, src.Float(kerneltest.Scale))
				}
				if w != 0 {
					with.Weight, without.Weight = append(with.Weight, w), append(without.Weight, w)
					with.Mean, without.Mean = append(with.Mean, p.m.Mean[j]), append(without.Mean, p.m.Mean[j])
					with.Scale, without.Scale = append(with.Scale, p.m.Scale[j]), append(without.Scale, p.m.Scale[j])
				}
			}
			a, b := evaluate(tier, with, p.x), evaluate(tier, without, p.x)
			inverse := func(m kernels.Mixture) (x, l []float64) {
				x, l = make([]float64, len(p.x)), make([]float64, len(p.x))
				tier.MixtureInverse(x, l, a.z, m)
				return x, l
			}
			xa, la := inverse(with)
			xb, lb := inverse(without)
			for i, x := range p.x {
				for _, c := range [][2]float64{{a.cdf[i], b.cdf[i]}, {a.sf[i], b.sf[i]}, {a.pdf[i], b.pdf[i]}, {a.z[i], b.z[i]}, {a.logDet[i], b.logDet[i]}, {xa[i], xb[i]}, {la[i], lb[i]}} {
					if !ulp.Same(c[0], c[1]) {
						t.Fatalf("x = %v: %v with components of no weight, %v without, %+v", x, c[0], c[1], with)
					}
				}
			}
		}
	})
}

// The unit of x does not matter: with x, means and scales times a power of two, from 1e-57 to 1e57, F, S and z keep
// their bits, f takes the factor, and L moves by its logarithm.
func TestUnits(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for _, p := range problems(6, 60) {
			a := evaluate(tier, p.m, p.x)
			for _, e := range []int{-190, -60, -10, 1, 10, 60, 190} {
				times := func(x []float64) []float64 {
					y := make([]float64, len(x))
					for i := range x {
						y[i] = math.Ldexp(x[i], e)
					}
					return y
				}
				b := evaluate(tier, kernels.Mixture{Weight: p.m.Weight, Mean: times(p.m.Mean), Scale: times(p.m.Scale)}, times(p.x))
				for i, x := range p.x {
					if a.cdf[i] != b.cdf[i] || a.sf[i] != b.sf[i] || a.z[i] != b.z[i] {
						t.Fatalf("x = %v times 2^%d: F, S, z = %v, %v, %v; without the factor %v, %v, %v", x, e, b.cdf[i], b.sf[i], b.z[i], a.cdf[i], a.sf[i], a.z[i])
					}
					if f := math.Ldexp(b.pdf[i], e); f != a.pdf[i] && a.pdf[i] > 1e-200 {
						t.Fatalf("x = %v times 2^%d: f = %v, without the factor %v", x, e, f, a.pdf[i])
					}
					if d := a.logDet[i] - float64(e)*math.Ln2 - b.logDet[i]; !(math.Abs(d) <= 2e-15*max(math.Abs(b.logDet[i]), 200, a.z[i]*a.z[i]/2)) {
						t.Fatalf("x = %v times 2^%d: L = %v, without the factor %v", x, e, b.logDet[i], a.logDet[i])
					}
				}
			}
		}
	})
}

// L is the logarithm of the slope of z.
func TestLogDetIsSlope(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		checked := 0
		for _, p := range problems(7, 200) {
			h := 1e-5 * slices.Min(p.m.Scale)
			plus, minus := make([]float64, len(p.x)), make([]float64, len(p.x))
			for i, x := range p.x {
				plus[i], minus[i] = x+h, x-h
			}
			at, up, down := evaluate(tier, p.m, p.x), evaluate(tier, p.m, plus), evaluate(tier, p.m, minus)
			for i, x := range p.x {
				rise, run := up.z[i]-down.z[i], plus[i]-minus[i]
				noise := 8 * (at.spacing(i) + ulp.Of(x)*math.Exp(at.logDet[i])) / rise
				if !(noise < 1e-6) || math.Abs(at.z[i]) > 40 {
					continue // the difference has no digits, or the slope changes over it
				}
				checked++
				if e := math.Abs(rise/run/math.Exp(at.logDet[i]) - 1); !(e <= noise+1e-5) {
					t.Errorf("x = %v: slope %v, e^L = %v, %+v", x, rise/run, math.Exp(at.logDet[i]), p.m)
				}
			}
		}
		if checked < 500 {
			t.Errorf("only %d differences were good for anything", checked)
		}
	})
}

// The inverse undoes the forward map as far as x resolves z and z resolves x, and its log-det is the other's negative.
func TestInverseUndoesForward(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for _, p := range problems(8, 300) {
			r := evaluate(tier, p.m, p.x)
			x, l := make([]float64, len(p.x)), make([]float64, len(p.x))
			tier.MixtureInverse(x, l, r.z, p.m)
			again := evaluate(tier, p.m, x)
			for i := range x {
				noise := 8 * (r.spacing(i) + ulp.Of(x[i])*math.Exp(again.logDet[i]))
				if !(math.Abs(again.z[i]-r.z[i]) <= noise) {
					t.Errorf("z = %v: x = %v has z = %v, %+v", r.z[i], x[i], again.z[i], p.m)
				}
				// How much L changes over the error of x.
				slack := 4e-15 * max(1, math.Abs(l[i]), r.z[i]*r.z[i]/2)
				for _, end := range []float64{x[i] - noise*math.Exp(l[i]), x[i] + noise*math.Exp(l[i])} {
					side := evaluate(tier, p.m, []float64{end})
					slack += 2 * math.Abs(side.logDet[0]-again.logDet[i])
				}
				if !(math.Abs(l[i]+again.logDet[i]) <= slack) {
					t.Errorf("z = %v: log-det %v, of the forward map at x = %v %v, %+v", r.z[i], l[i], x[i], again.logDet[i], p.m)
				}
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
		for k := 1; k <= 64; k++ {
			const n = 5
			// On a grid of 2^-20, so that adding an integer is exact.
			logit := make([]float64, k*n)
			for i := range logit {
				logit[i] = math.Round(src.Float(kerneltest.Logit)*0x1p20) * 0x1p-20
			}
			w := make([]float64, k*n)
			tier.Softmax(w, n, logit, n, k, n)
			for i := range n {
				sum, exact := 0.0, bigref.New(0)
				for j := range k {
					sum += w[j*n+i]
					exact = new(big.Float).Add(exact, bigref.Exp(bigref.New(logit[j*n+i])))
				}
				if !(math.Abs(sum-1) <= float64(2+k)*0x1p-53) {
					t.Errorf("K = %d: the weights' sum is %v", k, sum)
				}
				for j := range k {
					want := new(big.Float).Quo(bigref.Exp(bigref.New(logit[j*n+i])), exact)
					if v, _ := want.Float64(); v > 0x1p-1000 {
						e := bigref.Ulps(w[j*n+i], want)
						worst.Add(e, "K=", k)
						if e > 4+0.5*float64(k) { // every term of the sum rounds once
							t.Errorf("K = %d: weight %v, want %v", k, w[j*n+i], v)
						}
					}
				}
			}
			shifted := make([]float64, k*n)
			for i := range logit {
				shifted[i] = logit[i] + 1000
			}
			tier.Softmax(shifted, n, shifted, n, k, n)
			for i := range w {
				if w[i] != shifted[i] {
					t.Errorf("K = %d: weight %v, with all logits larger by 1000 %v", k, w[i], shifted[i])
				}
			}
		}
		t.Logf("softmax: %v, ulp", worst)
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

// The statistics are the sums that their documentation says they are.
func TestMixtureEMSums(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for _, p := range problems(14, 100) {
			k := len(p.m.Weight)
			s := kernels.EMStats{N: make([]float64, k), A: make([]float64, k), B: make([]float64, k)}
			logLik := tier.MixtureEM(s, p.x, p.m)
			n, a, b, size := make([]float64, k), make([]float64, k), make([]float64, k), make([]float64, k)
			total, slack := 0.0, 0.0
			for _, x := range p.x {
				// log of every component's density, and of their sum, by the largest.
				logs := make([]float64, k)
				for j := range k {
					u := (x - p.m.Mean[j]) / p.m.Scale[j]
					logs[j] = math.Log(p.m.Weight[j]/p.m.Scale[j]) - u*u/2 - math.Log(2*math.Pi)/2
				}
				top := slices.Max(logs)
				sum := 0.0
				for _, l := range logs {
					sum += math.Exp(l - top)
				}
				total += top + math.Log(sum)
				slack += 1e-14 * (1 + math.Abs(top))
				for j := range k {
					r, d := math.Exp(logs[j]-top)/sum, x-p.m.Mean[j]
					if r == 0 {
						continue
					}
					n[j] += r
					a[j] += r * d
					b[j] += r * d * d
					// The logs are off by their own rounding.
					size[j] += r * (1 + math.Abs(logs[j])) * math.Max(1, d*d)
				}
			}
			if !(math.Abs(logLik-total) <= slack) {
				t.Errorf("K = %d: Σ log f = %v, want %v", k, logLik, total)
			}
			sum := 0.0
			for j := range k {
				for _, c := range [][2]float64{{s.N[j], n[j]}, {s.A[j], a[j]}, {s.B[j], b[j]}} {
					if !(math.Abs(c[0]-c[1]) <= 1e-13*size[j]+1e-190) {
						t.Errorf("K = %d, component %d: %v, want %v", k, j, c[0], c[1])
					}
				}
				sum += s.N[j]
			}
			if !(math.Abs(sum-float64(len(p.x))) <= 1e-11) {
				t.Errorf("K = %d: Σ N = %v for %d samples", k, sum, len(p.x))
			}
		}
	})
}

// The gradient of a shared mixture is the sum, by Sum's tree, of the gradients of its samples, and is added to what is there.
func TestSharedGradientIsSum(t *testing.T) {
	eachTier(t, func(t *testing.T, tier kernels.Tier) {
		for _, p := range problems(15, 101) {
			n, k := len(p.x), len(p.m.Weight)
			r := evaluate(tier, p.m, p.x)
			src := kerneltest.NewRandom(16, true)
			gz, gl := make([]float64, n), make([]float64, n)
			for i := range n {
				gz[i], gl[i] = src.Float(kerneltest.Grad), src.Float(kerneltest.Grad)
			}
			each := kernels.Mixtures{K: k, Stride: n, Weight: make([]float64, k*n), Mean: make([]float64, k*n), Scale: make([]float64, k*n)}
			for j := range k * n {
				each.Weight[j], each.Mean[j], each.Scale[j] = p.m.Weight[j/n], p.m.Mean[j/n], p.m.Scale[j/n]
			}
			d := kernels.MixturesGrad{K: k, Stride: n, Logit: make([]float64, k*n), Mean: make([]float64, k*n), LogScale: make([]float64, k*n)}
			shared := kernels.MixtureGrad{Logit: make([]float64, k), Mean: make([]float64, k), LogScale: make([]float64, k)}
			before := make([]float64, 3*k)
			for j := range before {
				before[j] = src.Float(kerneltest.Total)
			}
			copy(shared.Logit, before)
			copy(shared.Mean, before[k:])
			copy(shared.LogScale, before[2*k:])
			dx := make([]float64, n)
			tier.MixturesBackward(dx, d, gz, gl, p.x, r.z, r.logDet, each)
			tier.MixtureBackward(dx, shared, gz, gl, p.x, r.z, r.logDet, p.m)
			for j := range k {
				row := func(a []float64) float64 { return tier.Sum(a[j*n : j*n+n]) }
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
