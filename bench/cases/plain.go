package cases

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/gaussflow/gaussflow/kernels"
)

// A Plain is a mixture prepared for the map in plain Go, with math and gonum, as a competent programmer would:
// everything that does not depend on the sample is computed once.
type Plain struct {
	components []plainComponent
}

type plainComponent struct {
	mean, inv, inv2 float64 // μ, 1/σ, 1/(σ√2)
	weight, half    float64 // w, w/2
	density         float64 // w/(σ√2π)
	scale           float64
}

const lnSqrt2Pi = 0.91893853320467274178

// NewPlain prepares a mixture.
func NewPlain(m kernels.Mixture) *Plain {
	p := &Plain{}
	for k, s := range m.Scale {
		w := m.Weight[k]
		p.components = append(p.components, plainComponent{
			mean: m.Mean[k], inv: 1 / s, inv2: 1 / (s * math.Sqrt2),
			weight: w, half: w / 2, density: w / (s * math.Sqrt(2*math.Pi)), scale: s,
		})
	}
	return p
}

// finish returns z and L from both tails and the density.
func finish(cdf, sf, pdf float64) (z, l float64) {
	if cdf <= sf {
		z = mathext.NormalQuantile(cdf)
	} else {
		z = -mathext.NormalQuantile(sf)
	}
	return z, math.Log(pdf) + 0.5*z*z + lnSqrt2Pi
}

// Forward is MixtureForward with two math.Erfc and a math.Exp per component.
func (p *Plain) Forward(z, l, x []float64) {
	for i, v := range x {
		var cdf, sf, pdf float64
		for k := range p.components {
			c := &p.components[k]
			d := v - c.mean
			t, u := d*c.inv, d*c.inv2
			cdf += c.half * math.Erfc(-u)
			sf += c.half * math.Erfc(u)
			pdf += c.density * math.Exp(-0.5*t*t)
		}
		z[i], l[i] = finish(cdf, sf, pdf)
	}
}

// ForwardOne is Forward with one math.Erfc per component: the other tail is what is left of the weight.
func (p *Plain) ForwardOne(z, l, x []float64) {
	for i, v := range x {
		z[i], l[i] = p.one(v)
	}
}

func (p *Plain) one(v float64) (z, l float64) {
	var cdf, sf, pdf float64
	for k := range p.components {
		c := &p.components[k]
		d := v - c.mean
		t := d * c.inv
		tail := c.half * math.Erfc(math.Abs(d)*c.inv2)
		if d > 0 {
			sf += tail
			cdf += c.weight - tail
		} else {
			cdf += tail
			sf += c.weight - tail
		}
		pdf += c.density * math.Exp(-0.5*t*t)
	}
	return finish(cdf, sf, pdf)
}

// Inverse is MixtureInverse by Newton's method in z-space, from the middle of the bracket, with bisection where a step
// leaves it.
func (p *Plain) Inverse(x, l, z []float64) {
	for i, target := range z {
		x[i], l[i] = p.solve(target)
	}
}

func (p *Plain) solve(target float64) (x, l float64) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for k := range p.components {
		c := &p.components[k]
		b := c.mean + c.scale*target
		lo, hi = math.Min(lo, b), math.Max(hi, b)
	}
	x = 0.5 * (lo + hi)
	for range 200 {
		z, slope := p.one(x)
		l = -slope
		rho := z - target
		if math.Abs(rho) <= 1e-15*math.Max(1, math.Abs(target)) {
			break
		}
		if rho > 0 {
			hi = x
		} else {
			lo = x
		}
		next := x - rho*math.Exp(-slope)
		if !(lo <= next && next <= hi) {
			next = 0.5 * (lo + hi)
		}
		if next == x {
			break
		}
		x = next
	}
	return x, l
}

// EM is MixtureEM with a math.Exp per component. r is scratch, one number per component.
func (p *Plain) EM(s kernels.EMStats, r, x []float64) (sum float64) {
	clear(s.N)
	clear(s.A)
	clear(s.B)
	for _, v := range x {
		f := 0.0
		for k := range p.components {
			c := &p.components[k]
			t := (v - c.mean) * c.inv
			r[k] = c.density * math.Exp(-0.5*t*t)
			f += r[k]
		}
		inv := 1 / f
		for k := range p.components {
			d := v - p.components[k].mean
			w := r[k] * inv
			s.N[k] += w
			s.A[k] += w * d
			s.B[k] += w * d * d
		}
		sum += math.Log(f)
	}
	return sum
}

// A Distuv is a mixture of gonum's normal distributions.
type Distuv struct {
	weight []float64
	normal []distuv.Normal
}

// NewDistuv prepares a mixture.
func NewDistuv(m kernels.Mixture) *Distuv {
	d := &Distuv{weight: m.Weight}
	for k := range m.Mean {
		d.normal = append(d.normal, distuv.Normal{Mu: m.Mean[k], Sigma: m.Scale[k]})
	}
	return d
}

// Forward is MixtureForward with the methods of distuv.Normal.
func (d *Distuv) Forward(z, l, x []float64) {
	for i, v := range x {
		var cdf, sf, pdf float64
		for k, w := range d.weight {
			n := d.normal[k]
			cdf += w * n.CDF(v)
			sf += w * n.Survival(v)
			pdf += w * n.Prob(v)
		}
		if cdf <= sf {
			z[i] = distuv.UnitNormal.Quantile(cdf)
		} else {
			z[i] = -distuv.UnitNormal.Quantile(sf)
		}
		l[i] = math.Log(pdf) - distuv.UnitNormal.LogProb(z[i])
	}
}
