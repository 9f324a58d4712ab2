package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// inverseSums are the sums of one step of the inverse: those of forward, the slope of f, and what the weights' sum lost.
type inverseSums struct {
	sums
	df   float64 // f'(x)·C², biased
	lost float64 // rounding error of wp (lower side) or wn (upper side)
}

func (s *inverseSums) add(c *component, x float64, lower bool) {
	v, vl := c.base2(x)
	e, r := gauss(v, vl)
	if math.Signbit(v) != lower { // the component counts on the target's side
		side := s.wn
		if lower {
			side = s.wp
		}
		s.lost += twoSumError(side, c.w)
	}
	s.take(c, v, e, float64(e*r))
	s.df = math.FMA(-float64(c.density*e), float64(v*c.ih), s.df)
}

// twoSumError returns (a+b) - fl(a+b), exactly (Knuth).
func twoSumError(a, b float64) float64 {
	s := a + b
	bb := s - a
	return (a - (s - bb)) + (b - bb)
}

const (
	// inverseDone: a step shorter than this part of the narrowest scale is the last one. Halley's error is cubic, and the
	// log-det is carried along the last step to first order: both errors are then below the last bit.
	inverseDone = 0x1p-26
	// inverseRounds bounds the iteration. Its bracket halves every fourth round at least; from one that reaches to 1e150 to
	// the last bit of a number that is 1e-60 wide bisection needs 750 halvings, where Newton's method has nothing to hold on to.
	inverseRounds = 4096
)

// inverseTarget is what one lane of the inverse aims at.
type inverseTarget struct {
	z      float64
	lower  bool    // F is compared if z ≤ 0, S if z > 0
	mid    bool    // |z| ≤ 1: the residual is also formed in probability space
	q      float64 // Φ(z) - 1/2, for mid
	invPhi float64 // 1/φ(z), for mid
}

func newInverseTarget(z float64) inverseTarget {
	t := inverseTarget{z: z, lower: z <= 0, mid: math.Abs(z) <= 1}
	if t.mid {
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
		t.q = float64(z * h)
		v := float64(asm.CHi * z)
		e, _ := gauss(v, 0)
		t.invPhi = 1 / float64(e*(asm.InvAlphaSqrt2Pi*asm.Unbias))
	}
	return t
}

// residual returns z(x) - z*, given z(x). In the middle the two probabilities are subtracted term by term, each known
// to its own last bits: z(x) itself cannot tell x apart where the map is flat, in a gap between components.
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
	if math.Abs(g) < 0x1p-6 {
		// Taylor of Φ⁻¹ about Φ(z*): z' = 1/φ, z” = z/φ², z”' = (1+2z²)/φ³.
		rho = g * math.FMA(g, math.FMA(g, math.FMA(t.z*t.z, 1./3, 1./6), 0.5*t.z), 1)
	}
	return rho
}

// inverseOne solves z(x) = z for x, and returns log dx/dz with it: Halley's method in z-space, where the map is nearly
// straight, inside the bracket min_k(μ_k+σ_k z) ≤ x ≤ max_k(μ_k+σ_k z); bisection where a step leaves the bracket or
// the bracket stalls.
func inverseOne(cs []component, z float64) (x, l float64) {
	if math.IsNaN(z) {
		return z, z
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	narrow, wide := math.Inf(1), 0.0
	var mean, second float64
	for k := range cs {
		c := &cs[k]
		if c.w == 0 {
			continue
		}
		b := math.FMA(c.scale, z, c.mean)
		lo, hi = math.Min(lo, b), math.Max(hi, b)
		narrow, wide = math.Min(narrow, c.scale), math.Max(wide, c.scale)
		mean = math.FMA(c.w, c.mean, mean)
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
		d := c.mean - mean
		second = math.FMA(c.w, math.FMA(d, d, float64(c.scale*c.scale)), second)
	}
	x = math.FMA(math.Sqrt(second), z, mean)
	if !(lo < x && x < hi) {
		x = float64(0.5*lo) + float64(0.5*hi)
	}
	t := newInverseTarget(z)
	first := struct{ lo, hi float64 }{lo, hi}
	width := hi - lo
	for round := range inverseRounds {
		var s inverseSums
		for k := range cs {
			s.add(&cs[k], x, t.lower)
		}
		// The far path where linear space ends, and where the two tails cancel: it is right for any sample. In a deep gap
		// its L makes dx/dz so large that the step leaves the bracket, and the round bisects.
		if s.near() {
			z, l = s.forward()
		} else {
			z, l = farForward(cs, x)
		}
		rho := t.residual(&s, z)
		dxdz := exp(-l)
		slope := math.FMA(z, 1/dxdz, float64(s.df/s.f*(asm.InvC*asm.InvC))) // dL/dx
		if !s.near() {
			slope = 0 // f and f' are those of the clamp: Newton's method will do
		}
		step := float64(rho * dxdz)
		step /= math.Min(math.Max(1-0.5*float64(step*slope), 0.5), 2)
		next := x - step
		// Where z(x) cannot resolve such a step, agreement with z to its last bits has to do, except in a gap.
		noise := 0x1p-48 * math.Abs(t.z)
		unresolved := math.Abs(rho) <= noise && float64(noise*dxdz) > inverseDone*narrow
		if unresolved && s.wp != 0 && s.wn != 0 {
			next = inverseFlat(cs, t.z, first.lo, first.hi)
			_, l = forwardOne(cs, next)
			return next, -l
		}
		if unresolved {
			// Many numbers share this z. The step may lead away from them, across a component that the slope knows nothing of.
			zn, ln := forwardOne(cs, next)
			if !(math.Abs(zn-t.z) <= noise) {
				return x, -l
			}
			return next, -ln // the step may be long: the slope of L does not say what L is there
		}
		if math.Abs(step) <= inverseDone*narrow {
			// The change of L over so small a step is small, unless the slope is that of a very narrow component's clamp.
			if s.near() && math.Abs(slope*step) < 0x1p-10 {
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
		if round&3 == 3 {
			if !(hi-lo <= 0.25*width) {
				next = hi // fails the test below
			}
			width = hi - lo
		}
		if !(lo < next && next < hi) {
			next = float64(0.5*lo) + float64(0.5*hi)
			if next <= lo || next >= hi {
				return x, -l // the bracket has no number inside
			}
		}
		x = next
	}
	return x, -l
}
