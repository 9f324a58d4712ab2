package kerneltest

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gaussflow/gaussflow/internal/bigref"
	"github.com/gaussflow/gaussflow/internal/kerneltest/ulp"
	"github.com/gaussflow/gaussflow/kernels"
)

// Accuracy states how near one kernel's result is to the truth: what the package documentation of kernels says, what
// the tests assert and what the fuzz targets look for a counterexample to.
type Accuracy struct {
	Name   string
	Domain string
	Unit   string
	// Limit is what the package promises; Max is the largest error that a search found (kernels' TestAccuracy -search),
	// and Worst the input that has it.
	Limit, Max float64
	Worst      []float64
	// Unlisted rows are not in the first table of the package documentation, with the worst inputs and the times.
	Unlisted bool
	// One makes an input of the domain, Of one with k components, where there are any.
	One func(src Source) []float64
	Of  func(src Source, k int) []float64
	// BySize has the largest errors that a search found at each of Sizes, and the seeds of the inputs that have them.
	BySize []Sized
	// Error returns the error on a tier.
	Error func(t kernels.Tier, in []float64) float64
}

// Sizes are the numbers of components at which the package documentation states errors, and how many inputs the search
// tries at each.
var Sizes = []struct{ K, Inputs int }{{2, 20000}, {8, 10000}, {32, 4000}, {64, 2000}, {256, 500}, {1000, 200}}

// Sized is the largest error at one of Sizes, and the seed of its input.
type Sized struct {
	Max  float64
	Seed uint64
}

// Draw makes an input of the domain, with up to four components.
func (a *Accuracy) Draw(src Source) []float64 {
	if a.Of != nil {
		return a.Of(src, 1+src.Choose(4))
	}
	return a.One(src)
}

// Sample makes an input with k components.
func (a *Accuracy) Sample(seed uint64, k int) []float64 {
	return a.Of(NewRandom(seed<<16|uint64(k), true), k)
}

// SearchSize looks for the largest error with k components among the inputs of n seeds from the first.
func (a *Accuracy) SearchSize(t kernels.Tier, k, n int, first uint64) Sized {
	var worst Sized
	for seed := first; seed < first+uint64(n); seed++ {
		if e := a.Error(t, a.Sample(seed, k)); !(e <= worst.Max) {
			worst = Sized{e, seed}
		}
	}
	return worst
}

// The units in which errors are given; the package documentation of kernels explains them.
const (
	unitULP            = "ulp"
	unitZ              = "uz"
	unitX              = "ux"
	unitLog            = "uL"
	unitInverse        = "uL + |dL/dz|·uz"
	unitGradient       = "2⁻⁵²·max(1, |L|)·largest"
	unitScale          = "ulp·max(1, |log σ|)"
	unitBack           = "2⁻⁵²·|dLogScale·bound|"
	unitHalf           = "2⁻⁵³"
	unitEM             = "2⁻⁵²·max(1, t², Σ r t²)·|value|"
	unitSpline         = "ub"
	unitSplineLog      = "uL"
	unitSplineX        = "ub·(1 + dx/dy)"
	unitSplineInverse  = "uL + |dL/dy|·ub"
	unitSplineGradient = "2⁻⁵²·largest"
	unitAdam           = "2⁻⁵²·terms"
	unitLogSum         = "2⁻⁵²·max(1, |log Σ|)"
	unitGaussian       = "2⁻⁵²·D·terms"
)

const epsilon = 0x1p-52

// function is the accuracy of a function of one number in [lo, hi]; exact may start from what the kernel returned.
func function(name, domain string, limit, max, worst, lo, hi float64, role Role, f func(t kernels.Tier, dst, x []float64), exact func(x *bigref.Float, got float64) *bigref.Float) Accuracy {
	return Accuracy{
		Name: name, Domain: domain, Unit: unitULP, Limit: limit, Max: max, Worst: []float64{worst},
		One: func(src Source) []float64 {
			v := src.Float(role)
			if !(v >= lo && v <= hi) { // a change of sign may be enough; if not, some number of the domain
				if v = -v; !(v >= lo && v <= hi) {
					v = min(math.FMA(fraction(math.Float64bits(v)<<12), math.Min(hi-lo, math.MaxFloat64), lo), hi)
				}
			}
			return []float64{v}
		},
		Error: func(t kernels.Tier, in []float64) float64 {
			out := make([]float64, 1)
			f(t, out, in)
			return bigref.Ulps(out[0], exact(bigref.New(in[0]), out[0]))
		},
	}
}

// plain is an exact function that needs no start.
func plain(f func(x *bigref.Float) *bigref.Float) func(x *bigref.Float, got float64) *bigref.Float {
	return func(x *bigref.Float, _ float64) *bigref.Float { return f(x) }
}

// mixtureInput is x or z, then the weights, means and scales.
type mixtureInput []float64

func (in mixtureInput) k() int { return len(in) / 3 }
func (in mixtureInput) mixture() kernels.Mixture {
	k := in.k()
	return kernels.Mixture{Weight: in[1 : 1+k], Mean: in[1+k : 1+2*k], Scale: in[1+2*k:]}
}
func (in mixtureInput) at() *bigref.Point {
	return bigref.Mixture(in.mixture()).At(bigref.New(in[0]))
}

// drawMixture makes a mixture and a sample for it, at most the given number of scales from one of the components, or a
// latent value up to that number.
func drawMixture(role Role, most float64) func(src Source, k int) []float64 {
	return func(src Source, k int) []float64 {
		m := drawMany(src, k)
		var x float64
		if role == Latent {
			x = clamp(src.Float(Latent), most)
		} else {
			x = DrawSamples(src, m, 1, most)[0]
		}
		return slices.Concat([]float64{x}, m.Weight, m.Mean, m.Scale)
	}
}

// drawMany is DrawMixture up to four components. With more, some mixtures have weights that all round the same way when
// they are added up: equal ones, or one large one and many equal small ones, of components that differ or do not.
func drawMany(src Source, k int) kernels.Mixture {
	m := DrawMixture(src, k)
	if k <= 4 {
		return m
	}
	kind := src.Choose(6)
	first := 0.0 // the share of the first, beyond that of the others
	switch kind {
	case 0, 1:
		return m
	case 2, 3:
		first = 0.5
	}
	for j := range k {
		m.Weight[j] = (1 - first) / float64(k)
		if kind%2 != 0 {
			m.Mean[j], m.Scale[j] = m.Mean[0], m.Scale[0]
		}
	}
	m.Weight[0] += first
	return m
}

const minNormal = 0x1p-1022

// probability is the error of a probability or density in ulp, where it is a normal number.
func probability(got float64, exact *bigref.Float) float64 {
	if want, _ := exact.Float64(); want < minNormal {
		return 0
	}
	return bigref.Ulps(got, exact)
}

// forward is what the forward map makes of the input.
func (in mixtureInput) forward(t kernels.Tier) (z, l float64) {
	v, d := []float64{in[0]}, make([]float64, 1)
	t.MixtureForward(v, d, v, in.mixture())
	return v[0], d[0]
}

func (in mixtureInput) cdf(t kernels.Tier) (cdf, sf, pdf float64) {
	f, s, p := make([]float64, 1), make([]float64, 1), make([]float64, 1)
	t.MixtureCDF(f, s, p, in[:1], in.mixture())
	return f[0], s[0], p[0]
}

func zError(t kernels.Tier, in []float64) float64 {
	z, _ := mixtureInput(in).forward(t)
	p := mixtureInput(in).at()
	exact := p.Z(z)
	want, _ := exact.Float64()
	return bigref.Abs(z, exact) / zSpacing(p, want)
}

// zSpacing is how far z moves with its own last bit and with that of the probability that it comes from.
func zSpacing(p *bigref.Point, z float64) float64 {
	spacing := ulp.Of(z)
	if tail, _ := p.Tail().Float64(); tail >= minNormal {
		spacing += ulp.Of(tail) * math.Sqrt(2*math.Pi) * math.Exp(z*z/2)
	}
	return spacing
}

func logDetError(t kernels.Tier, in []float64) float64 {
	z, l := mixtureInput(in).forward(t)
	p := mixtureInput(in).at()
	exactZ := p.Z(z)
	exact := p.LogDet(exactZ)
	wantZ, _ := exactZ.Float64()
	want, _ := exact.Float64()
	return bigref.Abs(l, exact) / (epsilon * max(1, math.Abs(want), wantZ*wantZ/2))
}

// inverse returns what the inverse makes of the input, and the mixture where it should have gone.
func (in mixtureInput) inverse(t kernels.Tier) (x, l float64, exact *bigref.Point) {
	v, d := []float64{in[0]}, make([]float64, 1)
	m := in.mixture()
	t.MixtureInverse(v, d, v, m)
	if math.IsNaN(v[0]) || math.IsInf(v[0], 0) {
		return v[0], d[0], nil
	}
	return v[0], d[0], bigref.Mixture(m).At(bigref.Mixture(m).At(bigref.New(v[0])).Solve(in[0]))
}

func inverseError(t kernels.Tier, in []float64) float64 {
	x, _, exact := mixtureInput(in).inverse(t)
	if exact == nil {
		return math.Inf(1)
	}
	slope, _ := exact.LogDet(bigref.New(in[0])).Float64()
	return bigref.Abs(x, exact.X) / (ulp.Of(x) + math.Exp(-slope)*zSpacing(exact, in[0]))
}

func inverseLogDetError(t kernels.Tier, in []float64) float64 {
	_, l, exact := mixtureInput(in).inverse(t)
	if exact == nil {
		return math.Inf(1)
	}
	z := bigref.New(in[0])
	want := exact.LogDet(z)
	want.Neg(want)
	size, _ := want.Float64()
	_, dl := exact.Gradients(z)
	turn, _ := dl.DX.Float64() // dL/dx
	return bigref.Abs(l, want) / (epsilon*max(1, math.Abs(size), in[0]*in[0]/2) + math.Abs(turn)*math.Exp(size)*zSpacing(exact, in[0]))
}

// gradientError is the largest error of an entry of the gradient of z or of that of L, in units of the largest entry of the
// same gradient; that of x, which is a sum over the components, in units of the sum of all. Entries of means are taken in
// units of 1/σ and that of x in those of the component that the sample most likely belongs to.
func gradientError(t kernels.Tier, in []float64) float64 {
	m := mixtureInput(in).mixture()
	z, l := mixtureInput(in).forward(t)
	p := mixtureInput(in).at()
	exactZ := p.Z(z)
	dz, dl := p.Gradients(exactZ)
	k := len(m.Weight)
	worst, scale := 0.0, 0.0
	likely := bigref.New(0)
	for j, r := range p.Responsibilities() {
		if r.Cmp(likely) > 0 {
			likely, scale = r, m.Scale[j]
		}
	}
	for i, g := range [][2]float64{{1, 0}, {0, 1}} {
		d := kernels.MixtureGrad{Logit: make([]float64, k), Mean: make([]float64, k), LogScale: make([]float64, k)}
		dx := make([]float64, 1)
		t.MixtureBackward(dx, d, g[:1], g[1:], in[:1], []float64{z}, []float64{l}, m)
		got := slices.Concat(dx, d.Logit, d.Mean, d.LogScale)
		var off, top, total float64
		for j, want := range []bigref.Gradient{dz, dl}[i].Entries() {
			unit := 1.0
			switch {
			case j == 0:
				unit = scale
			case j > k && j <= 2*k:
				unit = m.Scale[j-1-k]
			}
			w, _ := want.Float64()
			total += unit * math.Abs(w)
			if j > 0 {
				top = max(top, unit*math.Abs(w))
				off = max(off, unit*bigref.Abs(got[j], want))
			}
		}
		if off > 0 {
			worst = max(worst, off/top)
		}
		if off = scale * bigref.Abs(got[0], []bigref.Gradient{dz, dl}[i].DX); off > 0 {
			worst = max(worst, off/total)
		}
	}
	return worst / (epsilon * max(1, math.Abs(l)))
}

// bulkGradientError leaves out samples beyond |z| = 6 with a component beyond them: one so light is a row of its own.
func bulkGradientError(t kernels.Tier, in []float64) float64 {
	m := mixtureInput(in).mixture()
	if z, _ := mixtureInput(in).forward(t); math.Abs(z) >= 6 {
		for k, w := range m.Weight {
			if w > 0 && (in[0] <= m.Mean[k]) == (z > 0) {
				return 0
			}
		}
	}
	return gradientError(t, in)
}

// drawFarOut makes a mixture of up to four components of scales that are alike, and a sample 10 to 1000 of the widest outside
// all of them.
func drawFarOut(src Source) []float64 {
	m := drawMany(src, 1+src.Choose(4))
	part := func() float64 { return float64(src.Choose(1<<20)) / (1 << 20) }
	side := float64(1 - 2*src.Choose(2))
	edge := math.Inf(-1)
	for k := range m.Mean {
		if k > 0 {
			m.Mean[k], m.Scale[k] = math.FMA(20*part(), m.Scale[0], m.Mean[0]), m.Scale[0]*math.FMA(0.9, part(), 0.1)
		}
		edge = max(edge, side*m.Mean[k])
	}
	return slices.Concat([]float64{side * math.FMA(10*math.Pow(10, 2*part()), m.Scale[0], edge)}, m.Weight, m.Mean, m.Scale)
}

// drawGap makes a mixture of up to four components of scales that are alike, some on either side of a sample, which lies 10 of
// the widest from them at least, and up to 1000. Those to the right of it may be as light as 2^-light of their weight: then z
// is anything up to 37.
func drawGap(src Source, light int) []float64 {
	m := drawMany(src, 2+src.Choose(3))
	part := func() float64 { return float64(src.Choose(1<<20)) / (1 << 20) }
	wide := 20 * math.Pow(10, 2*part())
	for k := range m.Mean {
		if k == 0 {
			continue
		}
		at := -20 * part()
		if k%2 == 1 {
			at = wide - at
			w := math.Ldexp(m.Weight[k], -src.Choose(light+1))
			m.Weight[0], m.Weight[k] = m.Weight[0]+(m.Weight[k]-w), w
		}
		m.Mean[k], m.Scale[k] = math.FMA(at, m.Scale[0], m.Mean[0]), m.Scale[0]*math.FMA(0.9, part(), 0.1)
	}
	return slices.Concat([]float64{math.FMA(math.FMA(wide-20, part(), 10), m.Scale[0], m.Mean[0])}, m.Weight, m.Mean, m.Scale)
}

// drawLogits makes k logits that differ by multiples of 2⁻²⁰, so that their differences are exact: any, equal ones, or a
// large one and equal small ones.
func drawLogits(src Source, k int) []float64 {
	logit := make([]float64, k)
	kind := src.Choose(4)
	for j := range logit {
		if kind < 2 || j == 0 {
			logit[j] = math.Round(clamp(src.Float(Logit), 1e4)*0x1p20) * 0x1p-20
		} else {
			logit[j] = logit[0]
		}
	}
	if kind == 3 {
		logit[0] += math.Round(clamp(src.Float(Logit), 64)*0x1p20) * 0x1p-20
	}
	return logit
}

// softmaxErrors returns the largest error of a weight in ulp, and that of the weights' sum in 2⁻⁵³.
func softmaxErrors(t kernels.Tier, logit []float64) (weight, total float64) {
	w := make([]float64, len(logit))
	t.SoftmaxColumns(kernels.Column(w), kernels.Column(logit))
	e, sum, off := make([]*bigref.Float, len(w)), bigref.New(0), bigref.New(-1)
	for j, l := range logit {
		e[j] = bigref.Exp(bigref.New(l))
		sum.Add(sum, e[j])
		off.Add(off, bigref.New(w[j]))
	}
	for j := range w {
		weight = max(weight, probability(w[j], e[j].Quo(e[j], sum)))
	}
	total, _ = off.Float64()
	return weight, math.Abs(total) * 0x1p53
}

// drawFewLogits makes up to eight logits.
func drawFewLogits(src Source) []float64 { return drawLogits(src, 1+src.Choose(8)) }

// logSumExpError is the error of log Σ e^logit, relative to itself where it is above 1.
func logSumExpError(t kernels.Tier, logit []float64) float64 {
	w, got := make([]float64, len(logit)), make([]float64, 1)
	t.SoftmaxColumns(kernels.Column(w), kernels.Column(logit))
	t.LogSumExp(got, kernels.Column(w), kernels.Column(logit))
	sum := bigref.New(0)
	for _, l := range logit {
		sum.Add(sum, bigref.Exp(bigref.New(l)))
	}
	want := bigref.Log(sum)
	size, _ := want.Float64()
	return bigref.Abs(got[0], want) / (epsilon * max(1, math.Abs(size)))
}

// drawBounded makes a raw scale in the domain of a flow, a bound and a gradient.
func drawBounded(src Source) []float64 {
	return []float64{clamp(src.Float(Raw), 1e6), normalOr(clamp(src.Float(Bound), 100), 5), normalOr(clamp(src.Float(Grad), 1e100), 1)}
}

// normalOr returns v, or another number if v is so small that its products are subnormal.
func normalOr(v, other float64) float64 {
	if math.Abs(v) < 1e-100 {
		return other
	}
	return v
}

func boundedExpError(t kernels.Tier, in []float64) float64 {
	got := make([]float64, 1)
	t.BoundedExp(got, in[:1], in[1])
	logScale := bigref.Tanh(bigref.New(in[0]))
	logScale.Mul(logScale, bigref.New(in[1]))
	size, _ := logScale.Float64()
	return bigref.Ulps(got[0], bigref.Exp(logScale)) / max(1, math.Abs(size))
}

func boundedExpBackwardError(t kernels.Tier, in []float64) float64 {
	got := make([]float64, 1)
	t.BoundedExpBackward(got, in[2:3], in[:1], in[1])
	h := bigref.Tanh(bigref.New(in[0]))
	want := bigref.New(1)
	want.Sub(want, h.Mul(h, h))
	want.Mul(want, bigref.New(in[1]))
	want.Mul(want, bigref.New(in[2]))
	size := math.Abs(in[1] * in[2])
	return bigref.Abs(got[0], want) / (epsilon * size)
}

// rise is t of the formula of kernels.SmoothReLU.
func rise(x float64) *bigref.Float {
	t := bigref.New(0)
	if x > -1 {
		t.Add(bigref.New(x), bigref.New(1))
		t.Mul(t, bigref.New(0.5))
	}
	if x >= 1 {
		t = bigref.New(1)
	}
	return t
}

// polynomial is tⁿ(a-bt).
func polynomial(t *bigref.Float, n int, a, b float64) *bigref.Float {
	p := bigref.New(b)
	p.Mul(p, t)
	p.Sub(bigref.New(a), p)
	for range n {
		p.Mul(p, t)
	}
	return p
}

func smoothReLUError(t kernels.Tier, in []float64) float64 {
	got := make([]float64, 1)
	t.SmoothReLU(got, in)
	want := polynomial(rise(in[0]), 3, 2, 1)
	if in[0] > 1 {
		want = bigref.New(in[0])
	}
	return bigref.Ulps(got[0], want)
}

// drawActivation makes a number of any size, and half of the time one where the corner is.
func drawActivation(src Source) []float64 {
	v := src.Float(Raw)
	switch at := fraction(math.Float64bits(v) << 12); {
	case !(math.Abs(v) <= math.MaxFloat64):
		v = 2*at - 1
	case src.Choose(2) == 0:
		v = math.Copysign(math.Mod(v, 1), v)
	}
	return []float64{v}
}

func drawSlope(src Source) []float64 {
	return append(drawActivation(src), normalOr(clamp(src.Float(Grad), 1e100), 1))
}

func smoothReLUSlopeError(t kernels.Tier, in []float64) float64 {
	got := make([]float64, 1)
	t.SmoothReLUBackward(got, in[1:], in[:1])
	want := polynomial(rise(in[0]), 2, 3, 2)
	return bigref.Ulps(got[0], want.Mul(want, bigref.New(in[1])))
}

// drawEM makes a mixture whose weights the E-step resolves, and a sample of it.
func drawEM(src Source, k int) []float64 {
	m := drawMany(src, k)
	for k, w := range m.Weight {
		if w < 1e-30 {
			m.Weight[k] = 0
		}
	}
	normalise(m.Weight, Shape{1, len(m.Weight), 1, 1}, PerComponent)
	return slices.Concat(DrawSamples(src, m, 1, 1000), m.Weight, m.Mean, m.Scale)
}

// emError is the largest error of one sample's statistics and log-density.
func emError(t kernels.Tier, in []float64) float64 {
	m := mixtureInput(in).mixture()
	k := len(m.Weight)
	s := kernels.EMStats{N: make([]float64, k), A: make([]float64, k), B: make([]float64, k)}
	logLik := t.MixtureEM(s, in[:1], m)
	p := mixtureInput(in).at()
	share := p.Responsibilities()
	least, pull := math.Inf(1), 0.0 // the smallest t², and the mean of all
	square := make([]float64, k)
	for j := range k {
		u := (in[0] - m.Mean[j]) / m.Scale[j]
		square[j] = u * u
		if m.Weight[j] != 0 {
			least = min(least, square[j])
		}
		r, _ := share[j].Float64()
		if r != 0 {
			pull += r * square[j]
		}
	}
	want := bigref.Log(p.PDF)
	size, _ := want.Float64()
	worst := bigref.Abs(logLik, want) / (epsilon * max(1, math.Abs(size), least/2))
	for j := range k {
		d := bigref.New(in[0])
		d.Sub(d, bigref.New(m.Mean[j]))
		far, _ := d.Float64()
		value := share[j]
		for _, got := range []float64{s.N[j], s.A[j], s.B[j]} {
			v, _ := value.Float64()
			// Components that count next to nothing are held at next to nothing.
			e := max(0, bigref.Abs(got, value)-1e-60*max(1, far*far))
			if e > 0 {
				worst = max(worst, e/(epsilon*max(1, square[j], pull)*math.Abs(v)))
			}
			value = bigref.New(0).Mul(value, d)
		}
	}
	return worst
}

// drawAdam makes one parameter, its gradient, its moments and the settings.
func drawAdam(src Source) []float64 {
	return []float64{
		clamp(src.Float(Total), 1e6), normalOr(clamp(src.Float(Grad), 1e6), 0), normalOr(clamp(src.Float(Total), 1e6), 0), normalOr(math.Abs(clamp(src.Float(Moment), 1e6)), 0),
		max(src.Float(Step), 1e-6), 0.999 * src.Float(Step), 0.9999 * src.Float(Step), max(1e-3*src.Float(Step), 1e-12), float64(1 + src.Choose(5000)),
	}
}

// adamError is the largest error of the moments and the parameter after one step, each relative to the terms that are
// added, not to their sum.
func adamError(t kernels.Tier, in []float64) float64 {
	a := kernels.AdamParams{LR: in[4], Beta1: in[5], Beta2: in[6], Eps: in[7], Step: int(in[8])}
	p, m, v := []float64{in[0]}, []float64{in[2]}, []float64{in[3]}
	t.Adam(p, in[1:2], m, v, a)
	num := bigref.New
	add := func(a, b *bigref.Float) *bigref.Float { return num(0).Add(a, b) }
	sub := func(a, b *bigref.Float) *bigref.Float { return num(0).Sub(a, b) }
	mul := func(a, b *bigref.Float) *bigref.Float { return num(0).Mul(a, b) }
	quo := func(a, b *bigref.Float) *bigref.Float { return num(0).Quo(a, b) }
	// 1-b^n, and how often the rounding of b^n counts in it.
	bias := func(b float64) (*bigref.Float, float64) {
		power := num(1)
		for range a.Step {
			power = mul(power, num(b))
		}
		rest := sub(num(1), power)
		up, _ := power.Float64()
		down, _ := rest.Float64()
		return rest, 1 + float64(a.Step)*up/down
	}
	c1, grow1 := bias(a.Beta1)
	c2, grow2 := bias(a.Beta2)
	g := num(in[1])
	mi := add(mul(num(a.Beta1), num(in[2])), mul(sub(num(1), num(a.Beta1)), g))
	vi := add(mul(num(a.Beta2), num(in[3])), mul(sub(num(1), num(a.Beta2)), mul(g, g)))
	terms := math.Abs(a.Beta1*in[2]) + math.Abs((1-a.Beta1)*in[1])
	worst := 0.0
	if terms > 0 {
		worst = bigref.Abs(m[0], mi) / (epsilon * terms)
	}
	worst = max(worst, bigref.Ulps(v[0], vi))
	below := add(num(0).Sqrt(quo(vi, c2)), num(a.Eps))
	move, _ := quo(mul(num(a.LR), quo(mi, c1)), below).Float64()
	perTerm, _ := quo(mul(num(a.LR), quo(num(terms), c1)), below).Float64()
	exact := sub(num(in[0]), quo(mul(num(a.LR), quo(mi, c1)), below))
	return max(worst, bigref.Abs(p[0], exact)/(ulp.Of(max(math.Abs(in[0]), math.Abs(p[0])))+epsilon*(perTerm*grow1+math.Abs(move)*grow2)))
}

// drawGaussian makes a Gaussian of up to eight dimensions and a sample: the constant, x, the offset, and the rows of the triangle.
func drawGaussian(src Source) []float64 {
	d := 1 + src.Choose(8)
	in := []float64{clamp(src.Float(Logit), 1e6)}
	for range d {
		in = append(in, normalOr(clamp(src.Float(Real), 1e6), 0))
	}
	for range d + d*(d+1)/2 {
		in = append(in, normalOr(clamp(src.Float(Mean), 1e6), 0))
	}
	return in
}

// gaussianError is the error of a log-density in units of 2⁻⁵²·D of the sum of its terms, with |W_jc·x_c| and |o_j| for what is squared.
func gaussianError(t kernels.Tier, in []float64) float64 {
	d := 1
	for 1+2*d+d*(d+1)/2 < len(in) {
		d++
	}
	x, offset, rows := in[1:1+d], in[1+d:1+2*d], in[1+2*d:]
	whiten := make([]float64, d*d)
	want, terms := bigref.New(in[0]), math.Abs(in[0])
	for j := range d {
		row := rows[:j+1]
		rows = rows[j+1:]
		copy(whiten[j*d:], row)
		u, size := bigref.New(-offset[j]), math.Abs(offset[j])
		for c, w := range row {
			u.Add(u, bigref.New(0).Mul(bigref.New(w), bigref.New(x[c])))
			size += math.Abs(w * x[c])
		}
		u.Mul(u, u)
		want.Sub(want, u.Mul(u, bigref.New(0.5)))
		terms += size * size / 2
	}
	got := make([]float64, 1)
	t.GaussianLogDensities(kernels.Column(got), kernels.Column(x), kernels.Gaussians{K: 1, D: d, Whiten: whiten, Offset: offset, Constant: in[:1]})
	if off := bigref.Abs(got[0], want); off > 0 {
		return off / (epsilon * float64(d) * terms)
	}
	return 0
}

// Input describes an input for people.
func (a *Accuracy) Input(in []float64) string {
	if a.Unlisted {
		return fmt.Sprint(in)
	}
	if len(in) == 1 {
		return fmt.Sprint(in[0])
	}
	return fmt.Sprintf("K=%d, %.6g", len(in)/3, in[0])
}

// perElement is a number of cycles; - if none is recorded.
func perElement(cycles float64) string {
	if cycles == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", cycles)
}

// Table is the table of the package documentation, one line for each result.
func Table() string {
	rows := [][]string{{"result", "domain", "max", "limit", "unit", "avx2", "avx512", "worst input"}}
	for _, a := range Accuracies {
		if a.Unlisted {
			continue
		}
		rows = append(rows, []string{a.Name, a.Domain, fmt.Sprintf("%.2f", a.Max), fmt.Sprintf("%g", a.Limit), a.Unit,
			perElement(cycles[a.Name].avx2), perElement(cycles[a.Name].avx512), a.Input(a.Worst)})
	}
	return columns(rows)
}

// SizeTable is the table of the largest errors by the number of components.
func SizeTable() string {
	head := []string{"result"}
	for _, size := range Sizes {
		head = append(head, fmt.Sprintf("K=%d", size.K))
	}
	rows := [][]string{append(head, "limit", "unit")}
	for _, a := range Accuracies {
		if a.Of == nil {
			continue
		}
		row := []string{a.Name}
		for _, s := range a.BySize {
			row = append(row, fmt.Sprintf("%.2f", s.Max))
		}
		rows = append(rows, append(row, fmt.Sprintf("%g", a.Limit), a.Unit))
	}
	return columns(rows)
}

// columns aligns cells.
func columns(rows [][]string) string {
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		var line strings.Builder
		for i, cell := range r {
			line.WriteString(cell + strings.Repeat(" ", width[i]-len([]rune(cell))+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
