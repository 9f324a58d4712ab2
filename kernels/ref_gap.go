package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// The flat path of the inverse. In a gap between components the map can be so flat that many numbers x share one z: the
// tails that tell them apart are smaller than half an ulp of Φ(z). The inverse is still well defined there, and is
// found by carrying the target Φ(z) and the sum of the weights in double-double arithmetic. A z drawn at random falls
// into such a gap about once in 2^50 times; a z computed by the forward map of a point in a gap falls into it always.

// dd is an unevaluated sum hi+lo, |lo| ≤ ulp(hi)/2.
type dd struct{ hi, lo float64 }

func twoSum(a, b float64) dd { return dd{a + b, twoSumError(a, b)} }

func (a dd) add(b dd) dd {
	s := twoSum(a.hi, b.hi)
	return quickSum(s.hi, s.lo+(a.lo+b.lo))
}

func (a dd) neg() dd { return dd{-a.hi, -a.lo} }

func (a dd) mul(b dd) dd {
	p := float64(a.hi * b.hi)
	e := math.FMA(a.hi, b.hi, -p)
	return quickSum(p, math.FMA(a.hi, b.lo, math.FMA(a.lo, b.hi, e)))
}

func (a dd) div(b dd) dd {
	q := a.hi / b.hi
	r := a.add(b.mul(dd{-q, 0}))
	return quickSum(q, (r.hi+r.lo)/b.hi)
}

// quickSum renormalises, |a| ≥ |b|.
func quickSum(a, b float64) dd {
	s := a + b
	return dd{s, b - (s - a)}
}

// The double-double constants: value = hi + lo to 106 bits.
var (
	ddLn2     = dd{math.Ln2, 2.3190468138462996e-17}
	ddSqrt2Pi = dd{2.5066282746310007, -1.8328579980459167e-16}
)

// ddExp returns e^x for -745 < x ≤ 0: Taylor's series of x/2^8 after reduction by log 2, squared eight times.
func ddExp(x dd) dd {
	k := math.RoundToEven(x.hi / math.Ln2)
	r := x.add(ddLn2.mul(dd{-k, 0}))
	r = dd{r.hi * 0x1p-8, r.lo * 0x1p-8}
	s, term := dd{1, 0}, dd{1, 0}
	for n := 1.; n < 16; n++ {
		term = term.mul(r).div(dd{n, 0})
		s = s.add(term)
	}
	for range 8 {
		s = s.mul(s)
	}
	return dd{math.Ldexp(s.hi, int(k)), math.Ldexp(s.lo, int(k))}
}

// ddTail returns Φ(-z) for 0 ≤ z < 38 to 80 bits or more: 1/2 - φ(z)·(z + z³/3 + z⁵/15 + …) below 5, Laplace's continued
// fraction φ(z)/(z + 1/(z + 2/(z + …))) from there on.
func ddTail(z float64) dd {
	zz := dd{z, 0}
	sq := zz.mul(zz)
	phi := ddExp(dd{-0.5 * sq.hi, -0.5 * sq.lo}).div(ddSqrt2Pi)
	if z < 5 {
		s, term := zz, zz
		for n := 3.; n < 241; n += 2 {
			term = term.mul(sq).div(dd{n, 0})
			s = s.add(term)
		}
		return dd{0.5, 0}.add(phi.mul(s).neg())
	}
	c := zz
	for n := 160.; n > 0; n-- {
		c = zz.add(dd{n, 0}.div(c))
	}
	return phi.div(c)
}

// inverseFlat solves the mixture's F(x) = Φ(z) for z ≤ 0, or S(x) = Φ(-z), by bisection of [lo, hi].
func inverseFlat(cs []component, z, lo, hi float64) float64 {
	lower := z <= 0
	p := ddTail(math.Abs(z))
	for range asm.InverseRounds {
		x := float64(0.5*lo) + float64(0.5*hi)
		if x <= lo || x >= hi {
			break
		}
		s := sumOne(cs, x)
		var weight dd
		for k := range cs {
			c := &cs[k]
			if math.Signbit(x-c.Mean) != lower {
				weight = weight.add(dd{c.W, 0})
			}
		}
		excess := weight.add(p.neg()) // of the whole components on the side that counts, over the target
		d := s.d * asm.Unbias
		above := excess.hi > d
		if !lower {
			above = excess.hi < -d
		}
		if above {
			hi = x
		} else {
			lo = x
		}
	}
	return lo
}
