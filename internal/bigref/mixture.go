package bigref

import (
	"math"
	"math/big"
)

// Mixture is a Gaussian mixture, its weights used as given. A component more than 30,000 scales away counts as nothing,
// because of big.Float's range of exponents: another one must be nearer.
type Mixture struct {
	Weight, Mean, Scale []float64
}

// Point is a mixture at one x.
type Point struct {
	F, S, PDF                *Float // Σ w·Φ(t), Σ w·Φ(-t), Σ w/σ·φ(t)
	X                        *Float
	weight, mean, scale      []*Float // of each component
	t, density, lower, upper []*Float // (x-μ)/σ, w/σ·φ(t), Φ(t), Φ(-t)
}

// At evaluates the mixture at x.
func (m Mixture) At(x *Float) *Point {
	p := &Point{X: x}
	for k := range m.Weight {
		p.weight = append(p.weight, New(m.Weight[k]))
		p.mean = append(p.mean, New(m.Mean[k]))
		p.scale = append(p.scale, New(m.Scale[k]))
	}
	return p.evaluate()
}

func (p *Point) evaluate() *Point {
	p.F, p.S, p.PDF = zero(), zero(), zero()
	var t, phi, lower, upper *Float
	for k, w := range p.weight {
		if k > 0 && p.mean[k].Cmp(p.mean[k-1]) == 0 && p.scale[k].Cmp(p.scale[k-1]) == 0 {
			// The same again: t, phi, lower and upper are those of the one before.
		} else {
			t = quo(sub(p.X, p.mean[k]), p.scale[k])
			phi = PDF(t)
			upper = mul(phi, Mills(zero().Abs(t)))
			lower = sub(one, upper)
			if t.Sign() < 0 {
				lower, upper = upper, lower
			}
		}
		density := quo(mul(w, phi), p.scale[k])
		p.t = append(p.t, t)
		p.density = append(p.density, density)
		p.lower = append(p.lower, lower)
		p.upper = append(p.upper, upper)
		p.F = add(p.F, mul(w, lower))
		p.S = add(p.S, mul(w, upper))
		p.PDF = add(p.PDF, density)
	}
	return p
}

// Tail returns the smaller of F and S.
func (p *Point) Tail() *Float {
	if p.isLower() {
		return p.F
	}
	return p.S
}

func (p *Point) isLower() bool { return p.F.Cmp(p.S) <= 0 }

// Responsibilities returns the share of each component in the density.
func (p *Point) Responsibilities() []*Float {
	var r []*Float
	for _, d := range p.density {
		r = append(r, quo(d, p.PDF))
	}
	return r
}

// Z returns Φ⁻¹(F), or -Φ⁻¹(S) if S is the smaller, by Newton's method from near.
func (p *Point) Z(near float64) *Float {
	if p.isLower() {
		return neg(upperQuantile(Log(p.F), -near))
	}
	return upperQuantile(Log(p.S), near)
}

// LogDet returns log dz/dx = log f - log φ(z).
func (p *Point) LogDet(z *Float) *Float { return sub(Log(p.PDF), LogPDF(z)) }

// Gradient is the gradient of z and L = log dz/dx at one sample.
type Gradient struct {
	DX                    *Float
	Logit, Mean, LogScale []*Float
}

// Gradients returns those of z and of L, given z; weights are softmax(logit).
func (p *Point) Gradients(z *Float) (dz, dl Gradient) {
	phi := PDF(z)
	slope := quo(p.PDF, phi) // dz/dx
	dz.DX, dl.DX = slope, zero()
	for k := range p.t {
		t, w := p.t[k], p.weight[k]
		r := quo(p.density[k], p.PDF)
		// ∂z/∂logit = w(Φ(t)-F)/φ(z), from the side where it does not cancel.
		zLogit := quo(mul(w, sub(p.lower[k], p.F)), phi)
		if !p.isLower() {
			zLogit = quo(mul(w, sub(p.S, p.upper[k])), phi)
		}
		zMean := neg(mul(r, slope))
		zLogScale := mul(zMean, sub(p.X, p.mean[k]))
		pull := quo(mul(r, t), p.scale[k])
		dl.DX = sub(dl.DX, pull)
		dz.Logit, dz.Mean, dz.LogScale = append(dz.Logit, zLogit), append(dz.Mean, zMean), append(dz.LogScale, zLogScale)
		dl.Logit = append(dl.Logit, add(sub(r, w), mul(z, zLogit)))
		dl.Mean = append(dl.Mean, add(pull, mul(z, zMean)))
		dl.LogScale = append(dl.LogScale, add(mul(r, sub(mul(t, t), one)), mul(z, zLogScale)))
	}
	dl.DX = add(dl.DX, mul(z, slope))
	return dz, dl
}

// Entries lists dx, then the logits', the means' and the log scales' entries.
func (g Gradient) Entries() []*Float {
	all := []*Float{g.DX}
	all = append(all, g.Logit...)
	all = append(all, g.Mean...)
	return append(all, g.LogScale...)
}

// Solve returns the solution of z(x) = z near p's x, by one step of Newton's method.
func (p *Point) Solve(z float64) *Float {
	at := p.Z(z)
	return sub(p.X, quo(sub(at, New(z)), Exp(p.LogDet(at))))
}

// Ulps returns |got-want| in units of the spacing of the float64 numbers at want, 2^-1074 at least.
func Ulps(got float64, want *Float) float64 {
	if math.IsNaN(got) || math.IsInf(got, 0) {
		return math.Inf(1)
	}
	exponent := max(want.MantExp(nil), -1021) - 53
	if want.Sign() == 0 {
		exponent = -1074
	}
	d := zero().Abs(sub(New(got), want))
	ulps, _ := d.SetMantExp(d, -exponent).Float64()
	return ulps
}

// Abs returns |got-want|.
func Abs(got float64, want *Float) float64 {
	if math.IsNaN(got) || math.IsInf(got, 0) {
		return math.Inf(1)
	}
	d, _ := new(big.Float).Abs(sub(New(got), want)).Float64()
	return d
}
