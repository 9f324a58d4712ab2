package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// The reverse mode far out. The formulas of sampleGrad subtract terms of size t² whose difference has size 1, and compute
// dz/dx from the log-det, which has lost as many digits. The formulas below do not cancel and do not need L. For z > 0 let
//
//	p = Σ w Φ(-t)    q = wΦ(-t)/p    r = (w/σ)φ(t)/f    a = (t+h(t))/σ    H = f/p = Σ q a    M(z) = Φ(-z)/φ(z)
//
// with the hazard φ(t)/Φ(-t) = t + h(t), h(t) ~ 1/t. From log p = log Φ(-z) and L = log f - log φ(z), where dz = -M·dlog p
// and dL = dlog f - z·M·dlog p,
//
//	dz/dx = M·H     dL/dx = Σ r D     dz/dμ = -r·M·H     dL/dμ = -r·D     dz/dlogσ = (x-μ)·dz/dμ     dL/dlogσ = (x-μ)·dL/dμ - r
//	dz/dlogit = -M(q-w)     dL/dlogit = (r-q) + (1-zM)(q-w)     D = h(t)/σ - (a-H) - (1-zM)·H     r-q = q(a-H)/H
//
// and a-H = b-Σ q b, where b is the difference between a component's a and that of the component with the largest q. The
// lower side is the mirror image.

// farLatent is the |z| from which on gradients use these formulas, unless a component lies beyond the sample. Above
// farLatentMost z² nearly overflows, and the other formulas return the NaN that is due.
const farLatent, farLatentMost = 6, 1e150

// nearer is negative if |z| < farLatent. It compares bits, because this test is made for every sample and must cost next
// to nothing.
func nearer(z float64) int64 { return int64(math.Float64bits(z)&^(1<<63)) - 0x4018<<48 }

func farGradient(z, l float64) bool {
	return math.Abs(z) >= farLatent && math.Abs(z) < farLatentMost && l-l == 0
}

// farInput is a sample whose gradient uses these formulas.
type farInput struct {
	i            int
	gz, gl, x, z float64
}

// farComponent holds the quantities of a component at a sample.
type farComponent struct {
	d     float64 // x-μ, of the mirror image on the lower side
	slope dd      // t/σ
	h     float64 // h(t)/σ
	a     float64 // a-H
	q, r  float64
}

// hazard returns h(t) for t ≥ 0: W/P of the Mills ratio, whose error grows with t² beside h, and for larger t Laplace's
// continued fraction t + 1/(t + 2/(t + 3/(t + …))), with as many terms as needed.
func hazard(t float64) float64 {
	if t < 12 {
		u := float64(t * asm.CHi)
		n, w := millsParts(u, float64(u*u))
		return math.FMA(u, w, asm.MillsW[0]) / float64((asm.Alpha*asm.Sqrt2Pi)*n)
	}
	c := t
	for n := 7 + math.Floor(1500/float64(t*t)); n > 1; n-- {
		c = t + n/c
	}
	return 1 / c
}

// beyond reports whether, for z > 0, some components lie above x; for z < 0, below.
func beyond(cs []component, x, z float64) bool {
	for k := range cs {
		if c := &cs[k]; c.W != 0 && (x <= c.Mean) == (z > 0) {
			return true
		}
	}
	return false
}

// gradient returns the gradient with respect to x, and sets grads to those with respect to the parameters: logit, mean
// and log scale of each component. fs is scratch memory, one element per component.
func (in *farInput) gradient(cs []component, fs []farComponent, grads [][3]float64) (dx float64) {
	sign, z, gz := 1.0, in.z, in.gz
	if z < 0 {
		sign, z, gz = -1, -z, -gz
	}
	near, nearLow := math.Inf(1), 0.0 // the smallest |v|, as a double-double
	for k := range cs {
		if v, vl := base2(&cs[k], in.x); cs[k].W != 0 && math.Abs(v) < near {
			near, nearLow = math.Abs(v), float64(sign*vl)
		}
	}
	var p, f, top float64
	most := 0
	for k := range cs {
		c, o := &cs[k], &fs[k]
		*o = farComponent{}
		v, vl := base2(c, in.x)
		u := math.Abs(v)
		if c.W == 0 || !(u-near < asm.FarLeast) {
			continue
		}
		// v²-near² as a product, with the rounding errors of both.
		vl = float64(sign * vl)
		less := math.FMA(u-near, vl+nearLow, float64(((u-near)+(vl-nearLow))*(u+near)))
		if !(less < asm.FarLeast) {
			continue
		}
		e := float64(asm.Alpha * exp2(-less))
		o.q = float64(c.W * float64(e*millsFar(u)))
		o.r = float64(c.Density * e)
		d := twoSum(float64(sign*in.x), -float64(sign*c.Mean))
		t := d.div(dd{c.Scale, 0})
		o.d, o.slope, o.h = d.hi, t.div(dd{c.Scale, 0}), hazard(t.hi)/c.Scale
		p += o.q
		f += o.r
		if o.q > top {
			top, most = o.q, k
		}
	}
	// a-H, and H.
	first := fs[most]
	mean := 0.0
	for k := range fs {
		o := &fs[k]
		o.q /= p
		o.r /= f
		if o.r == 0 {
			continue
		}
		b := o.slope.add(first.slope.neg())
		o.a = b.hi + (o.h - first.h)
		mean = math.FMA(o.q, o.a, mean)
	}
	whole := first.slope.hi + (first.h + mean)
	h := hazard(z)
	mills := 1 / (z + h)
	rest := float64(h * mills) // 1-zM
	toX := float64(float64(gz*mills) * whole)
	sum := 0.0
	for k := range cs {
		o := &fs[k]
		if o.r == 0 {
			grads[k] = [3]float64{float64(cs[k].W * (float64(gz*mills) - float64(in.gl*rest)))}
			continue
		}
		o.a -= mean
		turn := (o.h - o.a) - float64(rest*whole)
		sum = math.FMA(o.r, turn, sum)
		both := math.FMA(in.gl, turn, toX)
		share := o.q - cs[k].W
		grads[k] = [3]float64{
			math.FMA(in.gl, float64(o.q*(o.a/whole))+float64(rest*share), -float64(float64(gz*mills)*share)),
			-sign * float64(o.r*both),
			-float64(o.r * math.FMA(o.d, both, in.gl)),
		}
	}
	return sign * math.FMA(in.gl, sum, toX)
}
