package kerneltest

import (
	"fmt"
	"math"
	"slices"

	"github.com/gaussflow/gaussflow/internal/bigref"
	"github.com/gaussflow/gaussflow/internal/ulp"
	"github.com/gaussflow/gaussflow/kernels"
)

// Law is what holds for every mixture. Check returns how often it was put to the test.
type Law struct {
	Name  string
	Check func(t kernels.Tier, m kernels.Mixture, x []float64) (checks int, err error)
}

// MixtureLaws are the laws of the mixture kernels.
var MixtureLaws = []Law{
	{"tails sum to one", tailsSumToOne},
	{"z is monotone", monotone},
	{"mirror image", mirrorImage},
	{"order and splitting of components", orderAndSplit},
	{"components without weight", withoutWeight},
	{"units of x", units},
	{"L is the slope of z", logDetIsSlope},
	{"inverse undoes forward", inverseUndoesForward},
	{"EM's sums", emSums},
}

// DrawMixture makes a mixture of k components such as flows have: scales from 1e-3 to 1e3, weights of at least 1e-200 or
// none.
func DrawMixture(src Source, k int) kernels.Mixture {
	m := kernels.Mixture{Weight: make([]float64, k), Mean: make([]float64, k), Scale: make([]float64, k)}
	for j := range k {
		if m.Weight[j] = src.Float(Weight); m.Weight[j] < 1e-200 {
			m.Weight[j] = 0
		}
		m.Mean[j] = clamp(src.Float(Mean), 1e3)
		m.Scale[j] = min(max(src.Float(Scale), 1e-3), 1e3)
	}
	normalise(m.Weight, Shape{1, k, 1, 1}, PerComponent)
	return m
}

// DrawSamples makes n samples, each at most the given number of scales from a component with weight.
func DrawSamples(src Source, m kernels.Mixture, n int, most float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		j := src.Choose(len(m.Weight))
		for m.Weight[j] == 0 {
			j = (j + 1) % len(m.Weight)
		}
		x[i] = float64(clamp(src.Float(Real), most)*m.Scale[j]) + m.Mean[j]
	}
	return x
}

func clamp(v, most float64) float64 {
	if !(math.Abs(v) <= most) {
		return most * (2*fraction(math.Float64bits(v)<<12) - 1)
	}
	return v
}

// Values are what the forward kernels make of samples.
type Values struct{ CDF, SF, PDF, Z, LogDet []float64 }

// Evaluate runs the forward kernels.
func Evaluate(t kernels.Tier, m kernels.Mixture, x []float64) Values {
	n := len(x)
	v := Values{make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)}
	t.MixtureCDF(v.CDF, v.SF, v.PDF, x, m)
	t.MixtureForward(v.Z, v.LogDet, x, m)
	return v
}

// spacing is how far z moves with its own last bit and with that of the probability that it comes from.
func (v *Values) spacing(i int) float64 {
	return ulp.Of(v.Z[i]) + ulp.Of(min(v.CDF[i], v.SF[i]))*math.Sqrt(2*math.Pi)*math.Exp(v.Z[i]*v.Z[i]/2)
}

func tailsSumToOne(t kernels.Tier, m kernels.Mixture, x []float64) (int, error) {
	v := Evaluate(t, m, x)
	for i := range x {
		if d := math.Abs(v.CDF[i] + v.SF[i] - 1); !(d <= float64(8+len(m.Weight))*0x1p-53) {
			return i, fmt.Errorf("%s: F(%v)+S = 1 + %g, %+v", t, x[i], d, m)
		}
	}
	return len(x), nil
}

func monotone(t kernels.Tier, m kernels.Mixture, x []float64) (int, error) {
	x = slices.Clone(x)
	for _, v := range x[:len(x)/2] { // neighbours
		x = append(x, math.Nextafter(v, math.Inf(1)))
	}
	slices.Sort(x)
	v := Evaluate(t, m, x)
	for i := 1; i < len(x); i++ {
		if !(v.Z[i] >= v.Z[i-1]-12*v.spacing(i)) {
			return i, fmt.Errorf("%s: z(%v) = %v, z(%v) = %v, %+v", t, x[i-1], v.Z[i-1], x[i], v.Z[i], m)
		}
	}
	return len(x), nil
}

func negated(x []float64) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		y[i] = -x[i]
	}
	return y
}

// mirrorImage: the mirror image has the mirror image's bits, except where x is a mean or the median: 0 has no side to
// change.
func mirrorImage(t kernels.Tier, m kernels.Mixture, x []float64) (checks int, err error) {
	v := Evaluate(t, m, x)
	w := Evaluate(t, kernels.Mixture{Weight: m.Weight, Mean: negated(m.Mean), Scale: m.Scale}, negated(x))
	for i := range x {
		if slices.Contains(m.Mean, x[i]) || v.CDF[i] == v.SF[i] {
			continue
		}
		checks++
		if v.CDF[i] != w.SF[i] || v.SF[i] != w.CDF[i] || v.PDF[i] != w.PDF[i] || v.Z[i] != -w.Z[i] || v.LogDet[i] != w.LogDet[i] {
			return checks, fmt.Errorf("%s: x = %v, %+v: F, S, f, z, L = %v, %v, %v, %v, %v; the mirror image's are %v, %v, %v, %v, %v", t, x[i], m,
				v.CDF[i], v.SF[i], v.PDF[i], v.Z[i], v.LogDet[i], w.CDF[i], w.SF[i], w.PDF[i], w.Z[i], w.LogDet[i])
		}
	}
	return checks, nil
}

// orderAndSplit: the order of the components is a matter of rounding alone, and so is a component split into equal ones.
func orderAndSplit(t kernels.Tier, m kernels.Mixture, x []float64) (int, error) {
	turned := kernels.Mixture{Weight: slices.Clone(m.Weight), Mean: slices.Clone(m.Mean), Scale: slices.Clone(m.Scale)}
	var split kernels.Mixture
	for _, s := range [][]float64{turned.Weight, turned.Mean, turned.Scale} {
		slices.Reverse(s)
	}
	for j := range m.Weight {
		for range 4 {
			split.Weight, split.Mean, split.Scale = append(split.Weight, m.Weight[j]/4), append(split.Mean, m.Mean[j]), append(split.Scale, m.Scale[j])
		}
	}
	v := Evaluate(t, m, x)
	for _, other := range []kernels.Mixture{turned, split} {
		w := Evaluate(t, other, x)
		most := 8 + float64(len(other.Weight)) // each of the sums' terms rounds once
		for i := range x {
			e := math.Abs(v.Z[i]-w.Z[i]) / v.spacing(i)
			for _, p := range [][2]float64{{v.CDF[i], w.CDF[i]}, {v.SF[i], w.SF[i]}, {v.PDF[i], w.PDF[i]}} {
				if p[0] >= minNormal {
					e = max(e, ulp.Diff(p[1], p[0]))
				}
			}
			if !(e <= most) {
				return i, fmt.Errorf("%s: x = %v: F, S, f, z = %v, %v, %v, %v with %+v, and %v, %v, %v, %v with %+v", t, x[i],
					v.CDF[i], v.SF[i], v.PDF[i], v.Z[i], m, w.CDF[i], w.SF[i], w.PDF[i], w.Z[i], other)
			}
		}
	}
	return len(x), nil
}

// withoutWeight: a component without weight is not there. It changes no bit of anything.
func withoutWeight(t kernels.Tier, m kernels.Mixture, x []float64) (int, error) {
	src := NewRandom(math.Float64bits(x[0]), true)
	var with, without kernels.Mixture
	for j, w := range m.Weight {
		for range src.Choose(3) {
			with.Weight = append(with.Weight, 0)
			with.Mean, with.Scale = append(with.Mean, src.Float(Mean)), append(with.Scale, src.Float(Scale))
		}
		if w != 0 {
			with.Weight, without.Weight = append(with.Weight, w), append(without.Weight, w)
			with.Mean, without.Mean = append(with.Mean, m.Mean[j]), append(without.Mean, m.Mean[j])
			with.Scale, without.Scale = append(with.Scale, m.Scale[j]), append(without.Scale, m.Scale[j])
		}
	}
	v, w := Evaluate(t, with, x), Evaluate(t, without, x)
	back := func(m kernels.Mixture) (x, l []float64) {
		x, l = make([]float64, len(v.Z)), make([]float64, len(v.Z))
		t.MixtureInverse(x, l, v.Z, m)
		return x, l
	}
	xv, lv := back(with)
	xw, lw := back(without)
	for i := range x {
		for _, c := range [][2]float64{{v.CDF[i], w.CDF[i]}, {v.SF[i], w.SF[i]}, {v.PDF[i], w.PDF[i]}, {v.Z[i], w.Z[i]}, {v.LogDet[i], w.LogDet[i]}, {xv[i], xw[i]}, {lv[i], lw[i]}} {
			if !ulp.Same(c[0], c[1]) {
				return i, fmt.Errorf("%s: x = %v: %v with components of no weight, %v without, %+v", t, x[i], c[0], c[1], with)
			}
		}
	}
	return len(x), nil
}

// units: with x, means and scales times a power of two, up to 1e57 and down to 1e-57, F, S and z keep their bits, f takes
// the factor, and L moves by its logarithm.
func units(t kernels.Tier, m kernels.Mixture, x []float64) (checks int, err error) {
	v := Evaluate(t, m, x)
	for _, e := range []int{-190, -60, 1, 60, 190} {
		exact := true // nothing underflows
		times := func(x []float64) []float64 {
			y := make([]float64, len(x))
			for i := range x {
				y[i] = math.Ldexp(x[i], e)
				exact = exact && math.Ldexp(y[i], -e) == x[i]
			}
			return y
		}
		w := Evaluate(t, kernels.Mixture{Weight: m.Weight, Mean: times(m.Mean), Scale: times(m.Scale)}, times(x))
		if !exact {
			continue
		}
		checks += len(x)
		for i := range x {
			pdf := math.Ldexp(w.PDF[i], e)
			shift := v.LogDet[i] - float64(e)*math.Ln2 - w.LogDet[i]
			if v.CDF[i] != w.CDF[i] || v.SF[i] != w.SF[i] || v.Z[i] != w.Z[i] || pdf != v.PDF[i] && v.PDF[i] > 1e-200 ||
				!(math.Abs(shift) <= 4e-15*max(200, math.Abs(v.LogDet[i]), math.Abs(w.LogDet[i]), v.Z[i]*v.Z[i]/2)) {
				return checks, fmt.Errorf("%s: x = %v: F, S, f, z, L = %v, %v, %v, %v, %v; times 2^%d %v, %v, %v, %v, %v; %+v", t, x[i],
					v.CDF[i], v.SF[i], v.PDF[i], v.Z[i], v.LogDet[i], e, w.CDF[i], w.SF[i], w.PDF[i], w.Z[i], w.LogDet[i], m)
			}
		}
	}
	return checks, nil
}

// logDetIsSlope: L is the logarithm of the slope of z, by differences, where these have digits.
func logDetIsSlope(t kernels.Tier, m kernels.Mixture, x []float64) (checks int, err error) {
	h := 1e-5 * slices.Min(m.Scale)
	plus, minus := make([]float64, len(x)), make([]float64, len(x))
	for i := range x {
		plus[i], minus[i] = x[i]+h, x[i]-h
	}
	at, up, down := Evaluate(t, m, x), Evaluate(t, m, plus), Evaluate(t, m, minus)
	for i := range x {
		rise, run, slope := up.Z[i]-down.Z[i], plus[i]-minus[i], math.Exp(at.LogDet[i])
		noise := 8 * (at.spacing(i) + ulp.Of(x[i])*slope) / math.Abs(rise)
		if !(noise < 1e-6) || math.Abs(at.Z[i]) > 40 {
			continue
		}
		checks++
		// The slope changes over the difference, to second order.
		curve := math.Abs(math.Expm1(up.LogDet[i]-at.LogDet[i])) + math.Abs(math.Expm1(down.LogDet[i]-at.LogDet[i]))
		if e := math.Abs(rise/run/slope - 1); !(e <= noise+curve*curve+1e-6+curve*1e-3) {
			return checks, fmt.Errorf("%s: x = %v: slope %v, e^L = %v, %+v", t, x[i], rise/run, slope, m)
		}
	}
	return checks, nil
}

// inverseUndoesForward: as far as x resolves z and z resolves x; and its log-det is the other's negative.
func inverseUndoesForward(t kernels.Tier, m kernels.Mixture, x []float64) (int, error) {
	v := Evaluate(t, m, x)
	back, l := make([]float64, len(x)), make([]float64, len(x))
	t.MixtureInverse(back, l, v.Z, m)
	again := Evaluate(t, m, back)
	noise := make([]float64, len(x))
	low, high := make([]float64, len(x)), make([]float64, len(x))
	for i := range x {
		noise[i] = 12 * (v.spacing(i) + ulp.Of(back[i])*math.Exp(again.LogDet[i]))
		reach := min(noise[i]*math.Exp(l[i]), 0.25*slices.Min(m.Scale))
		low[i], high[i] = back[i]-reach, back[i]+reach
	}
	below, above := Evaluate(t, m, low), Evaluate(t, m, high)
	for i := range x {
		if !(math.Abs(again.Z[i]-v.Z[i]) <= noise[i]) {
			return i, fmt.Errorf("%s: z = %v: x = %v has z = %v, %+v", t, v.Z[i], back[i], again.Z[i], m)
		}
		// How much L changes over the error of x.
		slack := 1e-14*max(1, math.Abs(l[i]), v.Z[i]*v.Z[i]/2) + 2*math.Abs(above.LogDet[i]-again.LogDet[i]) + 2*math.Abs(below.LogDet[i]-again.LogDet[i])
		if !(math.Abs(l[i]+again.LogDet[i]) <= slack) {
			return i, fmt.Errorf("%s: z = %v: log-det %v, of the forward map at x = %v %v, %+v", t, v.Z[i], l[i], back[i], again.LogDet[i], m)
		}
	}
	return len(x), nil
}

// emSums: the statistics are the sums that their documentation says they are, as long as no weight is so small that its
// component counts less, at 39 scales, than the exponent at which the kernel holds a far one.
func emSums(t kernels.Tier, m kernels.Mixture, x []float64) (int, error) {
	k := len(m.Weight)
	for _, w := range m.Weight {
		if w != 0 && w < 1e-30 {
			return 0, nil
		}
	}
	s := kernels.EMStats{N: make([]float64, k), A: make([]float64, k), B: make([]float64, k)}
	logLik := t.MixtureEM(s, x, m)
	n, a, b, size := make([]float64, k), make([]float64, k), make([]float64, k), make([]float64, k)
	total, slack := 0.0, 0.0
	logs := make([]float64, k)
	for _, v := range x {
		for j := range k {
			u := (v - m.Mean[j]) / m.Scale[j]
			logs[j] = math.Log(m.Weight[j]/m.Scale[j]) - u*u/2 - math.Log(2*math.Pi)/2
		}
		top := slices.Max(logs)
		sum := 0.0
		for _, l := range logs {
			sum += math.Exp(l - top)
		}
		total += top + math.Log(sum)
		slack += 2e-14 * (1 + math.Abs(top))
		for j := range k {
			r, d := math.Exp(logs[j]-top)/sum, v-m.Mean[j]
			if r == 0 {
				continue
			}
			n[j] += r
			a[j] += r * d
			b[j] += r * d * d
			size[j] += r * (1 + math.Abs(logs[j]) + math.Abs(top)) * max(1, d*d) // the logs are off by their own rounding
		}
	}
	if !(math.Abs(logLik-total) <= slack) {
		return 0, fmt.Errorf("%s: K = %d: Σ log f = %v, want %v: x = %v, %+v", t, k, logLik, total, x, m)
	}
	for j := range k {
		for _, c := range [][2]float64{{s.N[j], n[j]}, {s.A[j], a[j]}, {s.B[j], b[j]}} {
			if !(math.Abs(c[0]-c[1]) <= 1e-13*size[j]+1e-45) {
				return 0, fmt.Errorf("%s: K = %d, component %d: N, A, B = %v, %v, %v, want %v, %v, %v: x = %v, %+v", t, k, j, s.N[j], s.A[j], s.B[j], n[j], a[j], b[j], x, m)
			}
		}
	}
	return len(x), nil
}

// SoftmaxLaw checks one softmax of K logits: the weights' sum, the weights against exact ones, and the same weights if
// all logits are larger by 1000. The logits are rounded, so that adding 1000 is exact.
func SoftmaxLaw(t kernels.Tier, logit []float64) (worst float64, err error) {
	k := len(logit)
	at, shifted := make([]float64, k), make([]float64, k)
	total, sum := bigref.New(0), 0.0
	for j, l := range logit {
		at[j] = math.Round(clamp(l, 1e4)*0x1p20) * 0x1p-20
		shifted[j] = at[j] + 1000
		total.Add(total, bigref.Exp(bigref.New(at[j])))
	}
	w := make([]float64, k)
	t.Softmax(w, 1, at, 1, k, 1)
	t.Softmax(shifted, 1, shifted, 1, k, 1)
	for j := range w {
		sum += w[j]
		if w[j] != shifted[j] {
			return 0, fmt.Errorf("%s: weight %v, with all logits larger by 1000 %v: %v", t, w[j], shifted[j], at)
		}
		want := bigref.Exp(bigref.New(at[j]))
		want.Quo(want, total)
		if v, _ := want.Float64(); v >= minNormal {
			worst = max(worst, bigref.Ulps(w[j], want))
		} else if w[j] >= 2*minNormal {
			return 0, fmt.Errorf("%s: weight %v, want %v: %v", t, w[j], v, at)
		}
	}
	if worst > 4+0.5*float64(k) { // every term of the sum rounds once
		return worst, fmt.Errorf("%s: error %g ulp: %v", t, worst, at)
	}
	if !(math.Abs(sum-1) <= float64(2+k)*0x1p-53) {
		return worst, fmt.Errorf("%s: the weights' sum is %v: %v", t, sum, at)
	}
	return worst, nil
}
