package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// The far path: samples so far from every component that the linear-space sums underflow, and x = ±Inf, NaN. It
// factors the smallest |t| out of all sums, φ(t) = φ(t_m)·2^-(v²-v_m²), and is correct for any sample.

// farSums are a sample's sums over 2^(480-(v²-vm²)).
type farSums struct {
	sums
	vm    float64 // smallest |v| of a component with weight
	scale float64 // largest scale of a component with weight
}

func (s *farSums) nearest(c *component, x float64) {
	if c.W == 0 {
		return
	}
	if u := math.Abs(float64((x - c.Mean) * c.IH)); !(u >= s.vm) {
		s.vm = u
	}
	s.scale = max(s.scale, c.Scale)
}

func (s *farSums) add(c *component, x float64) {
	v := float64((x - c.Mean) * c.IH)
	u := math.Abs(v)
	// The difference of squares as a product: it neither cancels nor becomes 0·Inf, even where z nearly overflows.
	// A component without weight may be nearer than the nearest one with weight: its exponent is clamped to 0.
	a := max(min(-float64((u-s.vm)*min(u+s.vm, math.MaxFloat64)), 0), -asm.FarLeast)
	kf := a + (asm.Nearest + asm.ExpBias)
	e := exp2Unit(&asm.AlphaExp2, asm.Alpha, a-(kf-(asm.Nearest+asm.ExpBias)))
	e = math.Float64frombits(math.Float64bits(e) + math.Float64bits(kf)<<52)
	s.take(c, v, e, float64(e*millsFar(u)))
}

// forward returns z and L. With t_m the distance of the nearest component, the tail sum is p = φ(t_m)·d, and z = t_m+δ
// solves φ(z)·M(z) = p, M the Mills ratio: t_m·δ + δ²/2 + log(d/M(z)) = 0. Nothing overflows before t_m itself. The
// first δ approximates M(z) by 1/t_m. The derivative of the left side is 1/M(z), and half the ratio of its second
// derivative to the first is nearly 1/2z: two Halley steps reach the last bit from any start.
func (s *farSums) forward() (z, l float64) {
	if s.wp != 0 && s.wn != 0 {
		// In a gap between components: F and S are ordinary, only the density underflows.
		vm2 := float64(s.vm * s.vm)
		d := float64(s.d * exp2(max(-vm2, -1300)))
		z = probit(math.FMA(asm.Bias, s.wp, -d), math.FMA(asm.Bias, s.wn, d))
		l = math.FMA(-vm2, asm.Ln2Hi, logNormal(s.f, -asm.ExpBias)+math.FMA(0.5*z, z, asm.LnSqrt2Pi))
		return z, math.FMA(-vm2, asm.Ln2Lo, l)
	}
	tm := float64(s.vm * asm.InvC)
	inv := 1 / tm
	d := math.Abs(s.d)
	q := -float64(logNormal(float64(float64(d*tm)*asm.Sqrt2Pi), -asm.ExpBias) * inv)
	delta := 2 * q / (1 + math.Sqrt(math.FMA(2*q, inv, 1)))
	half := float64(0.5 * inv)
	for range 2 {
		z = tm + delta
		m := float64(asm.Alpha * millsFar(float64(asm.CHi*z)))
		res := math.FMA(delta, math.FMA(0.5, delta, tm), logNormal(d/m, -asm.ExpBias))
		u := float64(res * float64(m*asm.Sqrt2Pi))
		delta -= math.FMA(float64(u*u), half, u)
	}
	z = tm + delta
	if s.wp == 0 {
		z = -z
	}
	return z, math.FMA(delta, math.FMA(0.5, delta, tm), logNormal(s.f, -asm.ExpBias)+asm.LnSqrt2Pi)
}

// farForward is forwardOne for any x. At ±Inf, and if z overflows, L is its limit, -log of the largest scale.
func farForward(cs []component, x float64) (z, l float64) {
	if math.IsNaN(x) {
		return x, x
	}
	s := farSums{vm: math.Inf(1)}
	for k := range cs {
		s.nearest(&cs[k], x)
	}
	if t := s.vm * asm.InvC; math.IsInf(t, 1) {
		return math.Copysign(t, x), -logNormal(s.scale, 0)
	}
	var t tally
	for k := range cs {
		s.add(&cs[k], x)
		if len(cs) > asm.SumBlock && blockEnds(k, len(cs)) {
			t.take(&s.sums)
		}
	}
	if len(cs) > asm.SumBlock {
		s.sums = t.total()
	}
	return s.forward()
}
