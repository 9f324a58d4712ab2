package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// inverseSums are the sums for one step of the inverse: those of the forward map, the derivative of f, and the rounding
// error of the sum of weights.
type inverseSums struct {
	sums
	df   float64 // f'(x)·C², biased
	lost float64 // rounding error of wp (lower side) or wn (upper side)
}

func (s *inverseSums) add(c *component, x float64, lower bool) {
	v, vl := base2(c, x)
	e, r := gauss(v, vl)
	if math.Signbit(v) != lower { // the component is on the target's side
		side := s.wn
		if lower {
			side = s.wp
		}
		s.lost += twoSumError(side, c.W)
	}
	s.take(c, v, e, float64(e*r))
	s.df = math.FMA(-float64(c.Density*e), float64(v*c.IH), s.df)
}

// sumInverse computes the sums at x.
func sumInverse(cs []component, x float64, lower bool) (s inverseSums) {
	var t tally
	for k := range cs {
		s.add(&cs[k], x, lower)
		if len(cs) > asm.SumBlock && blockEnds(k, len(cs)) {
			t.take(&s.sums)
		}
	}
	if len(cs) <= asm.SumBlock {
		return s
	}
	s.sums = t.total()
	if lower {
		s.lost += (t.sum.wp - s.wp) + t.lost.wp
	} else {
		s.lost += (t.sum.wn - s.wn) + t.lost.wn
	}
	return s
}

// inverseTarget is the target of the inverse for one sample.
type inverseTarget struct {
	z      float64
	lower  bool    // F is compared if z ≤ 0, S if z > 0
	mid    bool    // |z| ≤ 1: the residual is also formed in probability space
	q      float64 // Φ(z) - 1/2, for mid
	invPhi float64 // 1/φ(z), for mid
	phi    float64 // φ(z)
}

func newInverseTarget(z float64) inverseTarget {
	c := &asm.Centre
	y := float64(z * z)
	h := math.FMA(c[10], y, c[9])
	h = math.FMA(h, y, c[8])
	h = math.FMA(h, y, c[7])
	h = math.FMA(h, y, c[6])
	h = math.FMA(h, y, c[5])
	h = math.FMA(h, y, c[4])
	h = math.FMA(h, y, c[3])
	h = math.FMA(h, y, c[2])
	h = math.FMA(h, y, c[1])
	h = math.FMA(h, y, c[0])
	e, _ := gauss(float64(asm.CHi*z), 0)
	phi := float64(e * (asm.InvAlphaSqrt2Pi * asm.Unbias))
	return inverseTarget{z: z, lower: z <= 0, mid: math.Abs(z) <= 1, q: float64(z * h), invPhi: 1 / phi, phi: phi}
}

// start returns a first guess: the quantile of the component in whose share of the probability Φ(z) would fall if
// components did not overlap. Rough formulas suffice; without a guess it returns NaN.
func (t *inverseTarget) start(cs []component) float64 {
	c := &asm.RoughCDF
	s := 1 / math.FMA(c[0], math.Abs(t.z), 1)
	p := float64(float64(t.phi*s) * math.FMA(math.FMA(c[3], s, c[2]), s, c[1]))
	if !t.lower {
		p = 1 - p
	}
	var below, weight, mean, scale float64
	for k := range cs {
		c := &cs[k]
		if c.Below <= p && p < c.Below+c.W {
			below, weight, mean, scale = c.Below, c.W, c.Mean, c.Scale
		}
	}
	u := (2*(p-below) - weight) / weight // from -1 to 1 within the share
	y := float64(u * u)
	d := &asm.RoughProbit
	guess := float64(u*math.FMA(d[1], y, d[0])) / math.FMA(math.FMA(d[3], y, d[2]), y, 1)
	if !(math.Abs(u) < asm.RoughMost) {
		return math.NaN()
	}
	return math.FMA(scale, guess, mean)
}

// residual returns z(x) - z*, given z(x). For |z*| ≤ 1 the two probabilities are subtracted term by term, each with
// its rounding error: where the map is flat, in a gap between components, z(x) itself does not resolve x.
func (t *inverseTarget) residual(s *inverseSums, z float64) float64 {
	rho := z - t.z
	if !t.mid {
		return rho
	}
	var c float64 // Φ(z(x)) - Φ(z*)
	if t.lower {
		c = ((s.wp - 0.5) - t.q) + s.lost
	} else {
		c = ((0.5 - s.wn) - t.q) - s.lost
	}
	g := math.FMA(-asm.Unbias, s.d, c) * t.invPhi
	if math.Abs(g) < asm.InverseSmall {
		// Taylor of Φ⁻¹ about Φ(z*): z' = 1/φ, z” = z/φ², z”' = (1+2z²)/φ³.
		rho = g * math.FMA(g, math.FMA(g, math.FMA(t.z*t.z, 1./3, 1./6), 0.5*t.z), 1)
	}
	return rho
}

// noise is the largest difference between z(x) and z that rounding alone explains.
func (t *inverseTarget) noise() float64 { return asm.InverseNoise * math.Abs(t.z) }

// unresolved reports whether z(x) agrees with z up to rounding, and does not resolve steps of the given length.
func (t *inverseTarget) unresolved(rho, dxdz, step float64) bool {
	return math.Abs(rho) <= t.noise() && float64(t.noise()*dxdz) > step
}

// widen returns the interval [lo, hi], extended to contain b.
func widen(lo, hi, b float64) (float64, float64) {
	if b < lo {
		lo = b
	}
	if b > hi {
		hi = b
	}
	return lo, hi
}

// inverseOne solves z(x) = z for x, and returns log dx/dz with it: Halley's method in z-space, where the map is nearly
// straight, inside the bracket min_k(μ_k+σ_k z) ≤ x ≤ max_k(μ_k+σ_k z). If a step leaves the bracket or the bracket
// stalls, it continues from a second guess, or bisects.
func inverseOne(cs []component, z float64) (x, l float64) {
	if math.IsNaN(z) {
		return z, z
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	narrow, wide := math.Inf(1), 0.0
	var mean, second float64
	for k := range cs {
		c := &cs[k]
		if c.W == 0 {
			continue
		}
		lo, hi = widen(lo, hi, math.FMA(c.Scale, z, c.Mean))
		narrow, wide = min(narrow, c.Scale), max(wide, c.Scale)
		mean = math.FMA(c.W, c.Mean, mean)
	}
	if math.IsInf(z, 0) {
		return z, logNormal(wide, 0)
	}
	if lo == hi {
		_, l = forwardOne(cs, lo)
		return lo, -l
	}
	for k := range cs {
		c := &cs[k]
		d := c.Mean - mean
		second = math.FMA(c.W, math.FMA(d, d, float64(c.Scale*c.Scale)), second)
	}
	// The second guess: the quantile of the normal distribution with the mixture's mean and variance.
	other := math.FMA(math.Sqrt(second), z, mean)
	if !(lo < other && other < hi) {
		other = float64(0.5*lo) + float64(0.5*hi)
	}
	t := newInverseTarget(z)
	x = t.start(cs)
	if !(lo < x && x < hi) {
		x = other
	}
	first := struct{ lo, hi float64 }{lo, hi}
	width := hi - lo
	for round := range asm.InverseRounds {
		s := sumInverse(cs, x, t.lower)
		// Outside the range of linear space, z is still correct if there are components on both sides, but L is
		// not: bisect.
		near := s.near()
		gap := !near && s.wp != 0 && s.wn != 0
		if near || gap {
			z, l = s.forward()
		} else {
			z, l = farForward(cs, x)
		}
		rho := t.residual(&s, z)
		dxdz := exp(-l)
		slope := math.FMA(z, 1/dxdz, float64(s.df/s.f*(asm.InvC*asm.InvC))) // dL/dx
		if !near {
			slope = 0 // f and f' come from the clamp: use Newton's method
		}
		step := float64(rho * dxdz)
		bend := 1 - float64(0.5*float64(step*slope))
		if !(bend > 0.5) {
			bend = 0.5
		}
		if !(bend < 2) {
			bend = 2
		}
		step /= bend
		next := x - step
		// If z(x) does not resolve such a step, agreement with z to the last bits suffices, except in a gap.
		unresolved := gap && rho == 0 || t.unresolved(rho, dxdz, asm.InverseDone*narrow)
		if unresolved && s.wp != 0 && s.wn != 0 {
			return inverseInGap(cs, t.z, first.lo, first.hi)
		}
		if unresolved {
			// Many numbers share this z. The step may lead away from them, across a component that does not show in the
			// derivative.
			zn, ln := forwardOne(cs, next)
			if !(math.Abs(zn-t.z) <= t.noise()) {
				return x, -l
			}
			return next, -ln // the step may be long, so that the derivative of L does not give L there
		}
		if !gap && math.Abs(step) <= asm.InverseDone*narrow {
			// The change of L over so small a step is small, unless the derivative comes from the clamp of a very narrow
			// component.
			if near && math.Abs(float64(slope*step)) < asm.InverseBend {
				return next, math.FMA(slope, step, -l)
			}
			_, l = forwardOne(cs, next)
			return next, -l
		}
		if rho > 0 {
			hi = x
		} else {
			lo = x
		}
		bisect := gap || !(lo < next && next < hi)
		if round&3 == 3 {
			bisect = bisect || !(hi-lo <= 0.25*width)
			width = hi - lo
		}
		if bisect {
			if next = other; !(lo < next && next < hi) {
				next = float64(0.5*lo) + float64(0.5*hi)
			}
			if next <= lo || next >= hi {
				break // no number lies inside the bracket
			}
		}
		x = next
	}
	_, l = forwardOne(cs, x)
	return x, -l
}
