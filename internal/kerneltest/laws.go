package kerneltest

import (
	"fmt"
	"math"
	"slices"

	"github.com/gaussflow/gaussflow/internal/bigref"
	"github.com/gaussflow/gaussflow/internal/kerneltest/ulp"
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
	{"gradients are differences", gradientsAreDifferences},
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

// WideLaws are those of MixtureLaws that hold in all of the kernels' domain, whatever its mixtures are made of.
var WideLaws = []Law{
	{"tails sum to one", tailsSumToOne},
	{"z is monotone", monotone},
	{"mirror image", mirrorImage},
	{"components without weight", withoutWeight},
	{"inverse undoes forward", inverseUndoesForwardNearly},
}

// DrawWideMixture makes a mixture of k components with scales from 1e-60 to 1e60 and means within 1e60.
func DrawWideMixture(src Source, k int) kernels.Mixture {
	m := DrawMixture(src, k)
	for j := range k {
		m.Mean[j] = clamp(src.Float(Mean), 1e60)
		m.Scale[j] = src.Float(Scale)
	}
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

// sumBlock is the number of components whose terms the kernels add up one by one (SumBlock of package asm).
const sumBlock = 8

func tailsSumToOne(t kernels.Tier, m kernels.Mixture, x []float64) (int, error) {
	v := Evaluate(t, m, x)
	for i := range x {
		if d := math.Abs(v.CDF[i] + v.SF[i] - 1); !(d <= float64(8+min(len(m.Weight), sumBlock))*0x1p-53) {
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
		most := 8 + float64(min(len(other.Weight), sumBlock)) // each of a block's terms rounds once
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

// withoutWeight: a component without weight is not there. It changes no bit of anything, as long as there is one block of
// components, or it is behind all others; elsewhere it has a place in a block, but its mean and scale change nothing. Nor do
// they beside a component with weight 1, which alone is mapped another way.
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
	lone := len(without.Weight) == 1 && without.Weight[0] == 1 && len(with.Weight) > 1
	if lone || len(with.Weight) > sumBlock {
		if i, err := sameValues(t, with, moveWeightless(with, src), x, "weightless components elsewhere"); err != nil || lone {
			return i, err
		}
		behind := kernels.Mixture{Weight: slices.Clone(without.Weight), Mean: slices.Clone(without.Mean), Scale: slices.Clone(without.Scale)}
		for j, w := range with.Weight {
			if w == 0 {
				behind.Weight, behind.Mean, behind.Scale = append(behind.Weight, 0), append(behind.Mean, with.Mean[j]), append(behind.Scale, with.Scale[j])
			}
		}
		with = behind
	}
	return sameValues(t, with, without, x, "no weightless components")
}

// moveWeightless draws means and scales for the components without weight.
func moveWeightless(m kernels.Mixture, src Source) kernels.Mixture {
	m.Mean, m.Scale = slices.Clone(m.Mean), slices.Clone(m.Scale)
	for j, w := range m.Weight {
		if w == 0 {
			m.Mean[j], m.Scale[j] = src.Float(Mean), src.Float(Scale)
		}
	}
	return m
}

// sameValues holds the maps of two mixtures to the same bits.
func sameValues(t kernels.Tier, with, without kernels.Mixture, x []float64, how string) (int, error) {
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
				return i, fmt.Errorf("%s: x = %v: %v, with %s %v, %+v", t, x[i], c[0], how, c[1], with)
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
	return thereAndBack(t, m, x, 0)
}

// inverseUndoesForwardNearly also grants z its last four bits, with which the inverse is content on a plateau.
func inverseUndoesForwardNearly(t kernels.Tier, m kernels.Mixture, x []float64) (int, error) {
	return thereAndBack(t, m, x, 0x1p-48)
}

func thereAndBack(t kernels.Tier, m kernels.Mixture, x []float64, granted float64) (int, error) {
	v := Evaluate(t, m, x)
	back, l := make([]float64, len(x)), make([]float64, len(x))
	t.MixtureInverse(back, l, v.Z, m)
	again := Evaluate(t, m, back)
	noise := make([]float64, len(x))
	low, high := make([]float64, len(x)), make([]float64, len(x))
	for i := range x {
		noise[i] = 12*(v.spacing(i)+ulp.Of(back[i])*math.Exp(again.LogDet[i])) + granted*math.Abs(v.Z[i])
		reach := max(min(noise[i]*math.Exp(l[i]), 0.25*slices.Min(m.Scale)), 8*ulp.Of(back[i]))
		low[i], high[i] = back[i]-reach, back[i]+reach
	}
	below, above := Evaluate(t, m, low), Evaluate(t, m, high)
	for i := range x {
		// There may be a component within the 8 units of the last place that x is allowed.
		between := high[i]-back[i] <= 9*ulp.Of(back[i]) && v.Z[i] >= below.Z[i]-noise[i] && v.Z[i] <= above.Z[i]+noise[i]
		if !(math.Abs(again.Z[i]-v.Z[i]) <= noise[i]) && !between {
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

// gradientsAreDifferences: the gradients of z and L, with respect to x and to every parameter, by differences, where
// these have digits.
func gradientsAreDifferences(t kernels.Tier, m kernels.Mixture, x []float64) (checks int, err error) {
	k := len(m.Weight)
	// theta moves one of x, the logits, the means and the log scales by h.
	move := func(theta int, h float64) Values {
		n := kernels.Mixture{Weight: slices.Clone(m.Weight), Mean: slices.Clone(m.Mean), Scale: slices.Clone(m.Scale)}
		y := x
		switch j := (theta - 1) % max(k, 1); {
		case theta == 0:
			y = slices.Clone(x)
			for i := range y {
				y[i] += h
			}
		case theta <= k:
			n.Weight[j] *= math.Exp(h)
			sum := 0.0
			for _, w := range n.Weight {
				sum += w
			}
			for i := range n.Weight {
				n.Weight[i] /= sum
			}
		case theta <= 2*k:
			n.Mean[j] += h
		default:
			n.Scale[j] *= math.Exp(h)
		}
		return Evaluate(t, n, y)
	}
	at := Evaluate(t, m, x)
	n := len(x)
	grads := func(gz, gl float64) [][]float64 {
		many := kernels.PerSampleMixtures{K: k, Stride: n}
		for j := range k {
			for range n {
				many.Weight, many.Mean, many.Scale = append(many.Weight, m.Weight[j]), append(many.Mean, m.Mean[j]), append(many.Scale, m.Scale[j])
			}
		}
		d := kernels.PerSampleGrad{K: k, Stride: n, Logit: make([]float64, k*n), Mean: make([]float64, k*n), LogScale: make([]float64, k*n)}
		all := [][]float64{make([]float64, n)}
		t.PerSampleBackward(all[0], d, filled(n, gz), filled(n, gl), x, at.Z, at.LogDet, many)
		for _, g := range [][]float64{d.Logit, d.Mean, d.LogScale} {
			for j := range k {
				all = append(all, g[j*n:j*n+n])
			}
		}
		return all
	}
	dz, dl := grads(1, 0), grads(0, 1)
	for theta := 0; theta < 1+3*k; theta += 1 + k/9 { // of many parameters, some
		h := 0x1p-16
		switch {
		case theta == 0:
			h *= slices.Min(m.Scale)
		case theta > k && theta <= 2*k:
			h *= m.Scale[theta-1-k]
		}
		if theta > 0 && m.Weight[(theta-1)%k] == 0 {
			continue
		}
		up, down, up2, down2 := move(theta, h), move(theta, -h), move(theta, 2*h), move(theta, -2*h)
		for i := range x {
			if math.Abs(at.Z[i]) > 30 || theta > k && !(math.Abs(x[i]-m.Mean[(theta-1)%k]) <= 100*m.Scale[(theta-1)%k]) {
				continue // a step so small that nothing bends over it has no digits
			}
			noiseZ := 12 * at.spacing(i)
			noiseL := 9 * epsilon * max(1, math.Abs(at.LogDet[i]), at.Z[i]*at.Z[i]/2)
			rounded := 0.0 // what moves, after it has moved, as a part of the step
			switch {
			case theta == 0:
				rounded = ulp.Of(x[i]) / h
			case theta > k && theta <= 2*k:
				rounded = ulp.Of(m.Mean[theta-1-k]) / h
			}
			for _, c := range []struct {
				of                   string
				got, noise           float64
				up, down, up2, down2 []float64
			}{
				{"z", dz[theta][i], noiseZ, up.Z, down.Z, up2.Z, down2.Z},
				{"L", dl[theta][i], noiseL, up.LogDet, down.LogDet, up2.LogDet, down2.LogDet},
			} {
				near := (c.up[i] - c.down[i]) / (2 * h)
				far := (c.up2[i] - c.down2[i]) / (4 * h)
				slack := 3*c.noise/h + 2*math.Abs(near-far) + (1e-9+2*rounded)*max(math.Abs(near), math.Abs(c.got))
				if !(slack < 1e-3*(math.Abs(near)+math.Abs(c.got))) {
					continue // the difference has no digits
				}
				checks++
				if !(math.Abs(c.got-near) <= slack) {
					return checks, fmt.Errorf("%s: x = %v: gradient %d of %s is %v, by differences %v ± %.2g, %+v", t, x[i], theta, c.of, c.got, near, slack, m)
				}
			}
		}
	}
	return checks, nil
}

func filled(n int, v float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = v
	}
	return x
}

// NormalLaws checks what the functions of one number obey, at the given numbers and between neighbours.
func NormalLaws(t kernels.Tier, x []float64) (checks int, err error) {
	call := func(f func(t kernels.Tier, dst, x []float64), x []float64) []float64 {
		y := make([]float64, len(x))
		f(t, y, x)
		return y
	}
	var sorted []float64
	for _, v := range x {
		if !math.IsNaN(v) {
			sorted = append(sorted, v, math.Nextafter(v, math.Inf(1)))
		}
	}
	slices.Sort(sorted)
	minus := negated(sorted)
	cdf, sf, pdf, tanh := call(kernels.Tier.NormCDF, sorted), call(kernels.Tier.NormSF, sorted), call(kernels.Tier.NormPDF, sorted), call(kernels.Tier.Tanh, sorted)
	logCDF, exp, log := call(kernels.Tier.NormLogCDF, sorted), call(kernels.Tier.Exp, sorted), call(kernels.Tier.Log, sorted)
	mirrored := [][2][]float64{
		{sf, call(kernels.Tier.NormCDF, minus)}, {cdf, call(kernels.Tier.NormSF, minus)},
		{pdf, call(kernels.Tier.NormPDF, minus)}, {negated(tanh), call(kernels.Tier.Tanh, minus)},
	}
	quantile, logExp, logOfCDF := call(kernels.Tier.NormQuantile, cdf), call(kernels.Tier.Log, exp), call(kernels.Tier.Log, cdf)
	for i, v := range sorted {
		for j, m := range mirrored {
			if !ulp.Same(m[0][i], m[1][i]) {
				return checks, fmt.Errorf("%s: x = %v: symmetry %d: %v and %v", t, v, j, m[0][i], m[1][i])
			}
		}
		if d := math.Abs(cdf[i] + sf[i] - 1); !(d <= 0x1p-52) {
			return checks, fmt.Errorf("%s: Φ(%v)+Φ(-x) = 1 + %g", t, v, d)
		}
		if i > 0 {
			for j, f := range [][]float64{cdf, logCDF, exp, log, tanh} {
				if low, high := f[i-1], f[i]; !math.IsNaN(low) && !(high >= low-9*ulp.Of(low)) {
					return checks, fmt.Errorf("%s: function %d falls from %v at %v to %v at %v", t, j, low, sorted[i-1], high, v)
				}
			}
		}
		for _, c := range []struct {
			what             string
			got, want, slack float64
			domain           bool
		}{
			{"Φ⁻¹(Φ(x))", quantile[i], v, 8*ulp.Of(v) + 12*ulp.Of(cdf[i])/pdf[i], math.Abs(v) <= 37.5 && cdf[i] < 1},
			{"log(exp x)", logExp[i], v, 2*ulp.Of(v) + 4*epsilon, math.Abs(v) <= 708},
			{"log Φ(x)", logCDF[i], logOfCDF[i], 20*ulp.Of(logCDF[i]) + 20*epsilon, math.Abs(v) <= 37.5},
			{"tanh x", tanh[i], (exp[i] - 1/exp[i]) / (exp[i] + 1/exp[i]), 8*epsilon + 8*epsilon*math.Abs(v), math.Abs(v) <= 300},
		} {
			if !c.domain {
				continue
			}
			checks++
			if !(math.Abs(c.got-c.want) <= c.slack) {
				return checks, fmt.Errorf("%s: x = %v: %s = %v, want %v ± %.2g", t, v, c.what, c.got, c.want, c.slack)
			}
		}
	}
	return checks, nil
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
	total, sum := bigref.New(0), bigref.New(-1)
	for j, l := range logit {
		at[j] = math.Round(clamp(l, 1e4)*0x1p20) * 0x1p-20
		shifted[j] = at[j] + 1000
		total.Add(total, bigref.Exp(bigref.New(at[j])))
	}
	w := make([]float64, k)
	t.SoftmaxColumns(kernels.Column(w), kernels.Column(at))
	t.SoftmaxColumns(kernels.Column(shifted), kernels.Column(shifted))
	for j := range w {
		sum.Add(sum, bigref.New(w[j]))
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
	// The exponentials of the term and of the sum, the sum, its reciprocal and the product.
	if worst > 4 {
		return worst, fmt.Errorf("%s: error %g ulp: %v", t, worst, at)
	}
	// The sum of the exponentials, its reciprocal and the products round by 2⁻⁵³ of themselves each.
	if off, _ := sum.Float64(); !(math.Abs(off) <= 3.01*0x1p-53) {
		return worst, fmt.Errorf("%s: the weights' sum is 1 + %g: %v", t, off, at)
	}
	return worst, nil
}
