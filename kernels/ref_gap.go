package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// The inverse in gaps. In a gap between components the map can be so flat that many numbers x share one z: the tails
// that distinguish them are smaller than half an ulp of Φ(z). The inverse is still well defined there, and is computed
// with the target Φ(z) and the sum of the weights in double-double arithmetic. A random z falls into such a gap about
// once in 2^50 times, but the image z of a point in a gap always does.

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

// The coefficients of series: 1/n!, and 1/(2n+1)!! = 1/(1·3·5·…).
var (
	ddFactorial       = ddQuotients(make([]dd, 11), 1, 1)
	ddDoubleFactorial = ddQuotients(make([]dd, 125), 3, 2)
)

// ddQuotients fills c with 1, 1/n, 1/(n·(n+step)), 1/(n·(n+step)·(n+2·step)) and so on.
func ddQuotients(c []dd, n, step float64) []dd {
	c[0] = dd{1, 0}
	for i := 1; i < len(c); i++ {
		c[i] = c[i-1].div(dd{n, 0})
		n += step
	}
	return c
}

// horner returns Σ c_i·x^i.
func (x dd) horner(c []dd) dd {
	s := c[len(c)-1]
	for i := len(c) - 2; i >= 0; i-- {
		s = s.mul(x).add(c[i])
	}
	return s
}

// ddExp returns e^x for -745 < x ≤ 0: Taylor's series of x/2^8 after reduction by log 2, squared eight times.
func ddExp(x dd) dd {
	k := math.RoundToEven(x.hi / math.Ln2)
	r := x.add(ddLn2.mul(dd{-k, 0}))
	s := dd{r.hi * 0x1p-8, r.lo * 0x1p-8}.horner(ddFactorial)
	for range 8 {
		s = s.mul(s)
	}
	return dd{math.Ldexp(s.hi, int(k)), math.Ldexp(s.lo, int(k))}
}

// ddTail returns Φ(-z) for 0 ≤ z < 38 to 80 bits or more: 1/2 - φ(z)·(z + z³/3 + z⁵/15 + …) below 5, Laplace's continued
// fraction φ(z)/(z + 1/(z + 2/(z + …))) from there on; as many terms of each as z takes.
func ddTail(z float64) dd {
	if z == 0 {
		return dd{0.5, 0}
	}
	zz := dd{z, 0}
	sq := zz.mul(zz)
	phi := ddExp(dd{-0.5 * sq.hi, -0.5 * sq.lo}).div(ddSqrt2Pi)
	if z < 5 {
		terms := 24 + int(float64(4*z)*z)
		return dd{0.5, 0}.add(phi.mul(zz).mul(sq.horner(ddDoubleFactorial[:terms])).neg())
	}
	c := zz
	for n := 20 + math.Floor(1200/sq.hi); n > 0; n-- {
		c = zz.add(dd{n, 0}.div(c))
	}
	return phi.div(c)
}

// gap is the state of the solution of F(x) = Φ(z). For z ≤ 0 (lower) it compares F with Φ(z), otherwise S with Φ(-z), so that
// the probabilities are small.
type gap struct {
	cs    []component
	tail  dd // Φ(-|z|)
	lower bool

	// The |v| beyond which the tail of a component, at most 2^-v², is negligible beside the excess, whose error is 2^-80 of
	// Φ(-|z|).
	reach float64

	// The excess of the weight of whole components over the target, between these means.
	left, right float64
	excess      float64
}

// components sets the excess for the position x.
func (g *gap) components(x float64) {
	g.left, g.right = math.Inf(-1), math.Inf(1)
	var weight dd
	for k := range g.cs {
		c := &g.cs[k]
		beyond := c.Mean > x
		if beyond {
			g.right = min(g.right, c.Mean)
		} else {
			g.left = max(g.left, c.Mean)
		}
		if beyond != g.lower {
			weight = weight.add(dd{c.W, 0})
		}
	}
	g.excess = weight.add(g.tail.neg()).hi
	if !g.lower {
		g.excess = -g.excess
	}
}

// at returns d and its negative derivative f at x, both biased, from the components within reach, or from all if there are
// none.
func (g *gap) at(x float64) (d, f float64) {
	if !(g.left <= x && x < g.right) {
		g.components(x)
	}
	var s sums
	for k := range g.cs {
		c := &g.cs[k]
		if v := float64((x - c.Mean) * c.IH); v < g.reach && v > -g.reach {
			s.add(c, x)
		}
	}
	if s.f == 0 {
		s = sumOne(g.cs, x)
	}
	return s.d, s.f
}

// balance returns log(a/b) and its negative derivative, a the tails of the components to the left of x and b those to the
// right. If the excess is 0, the solution is a = b, and both may underflow in linear space. far reports whether they are as
// small as that approximation of tails is for.
func (g *gap) balance(x float64) (distance, slope float64, far bool) {
	if !(g.left <= x && x < g.right) {
		g.components(x)
	}
	var sides [2]farSums
	for side := range sides {
		s := &sides[side]
		s.vm = math.Inf(1)
		for pass := range 2 {
			for k := range g.cs {
				if c := &g.cs[k]; c.W != 0 && (c.Mean > x) == (side == 1) {
					if pass == 0 {
						s.nearest(c, x)
					} else {
						s.add(c, x)
					}
				}
			}
		}
	}
	a, b := &sides[0], &sides[1]
	if a.d == 0 || b.d == 0 {
		return math.NaN(), 0, true // no components on one side
	}
	distance = logNormal(math.Abs(a.d), 0) - logNormal(math.Abs(b.d), 0)
	return math.FMA(float64((b.vm-a.vm)*(b.vm+a.vm)), math.Ln2, distance), math.Abs(a.f/a.d) + math.Abs(b.f/b.d), a.vm > 8 || b.vm > 8
}

// start returns a point right of component last where the tail of a component alone is the excess.
func (g *gap) start(last *component) float64 {
	g.components(last.Mean)
	x := math.NaN()
	for k := range g.cs {
		c := &g.cs[k]
		left := c.Mean <= last.Mean
		p := float64(math.Abs(g.excess)*asm.Bias) / c.W
		if left != (g.excess > 0) || !(p > 0x1p-300 && p < 0.5*asm.Bias) {
			continue
		}
		q := probit(p, asm.Bias) // negative
		if at := math.FMA(-q, c.Scale, c.Mean); left && !(at <= x) {
			x = at
		}
		if at := math.FMA(q, c.Scale, c.Mean); !left && !(at >= x) {
			x = at
		}
	}
	return x
}

// step reports whether x lies above the solution, and returns a better x, or NaN, and the distance of x from the solution as
// the logarithm of a ratio.
func (g *gap) step(x float64) (above bool, next, distance float64) {
	d, f := g.at(x)
	e := float64(g.excess * asm.Bias)
	if e == 0 {
		distance, slope, far := g.balance(x)
		if far {
			return distance < 0, x + distance/slope, distance
		}
		next = x + d/f // in linear space
		if !g.near(x, next) {
			distance = math.Inf(1)
		}
		return d < 0, next, distance
	}
	if ratio := d / e; ratio > 0 && ratio <= math.MaxFloat64 {
		distance = logNormal(ratio, 0)
		return e > d, x + float64(distance*(d/f)), distance
	}
	return e > d, math.NaN(), math.Inf(1)
}

// near reports whether the step from x to y is at most 2^-26 of the scale of every component that it crosses, or that is
// within reach at one of its ends: the next step would be that squared. Longer ones do not know how such a component bends.
func (g *gap) near(x, y float64) bool {
	for k := range g.cs {
		c := &g.cs[k]
		if c.W == 0 || math.Abs(y-x) <= 0x1p-26*c.Scale {
			continue
		}
		v, w := float64((x-c.Mean)*c.IH), float64((y-c.Mean)*c.IH)
		if min(math.Abs(v), math.Abs(w)) < g.reach || (v < 0) != (w < 0) {
			return false
		}
	}
	return true
}

// inverseFlat solves the mixture's F(x) = Φ(z) in the bracket [lo, hi].
func inverseFlat(cs []component, z, lo, hi float64) float64 {
	g := gap{cs: cs, tail: ddTail(math.Abs(z)), lower: z <= 0}
	g.reach = math.Sqrt(225 + 1023 - float64(math.Float64bits(g.tail.hi)>>52)) // the exponent of Φ(-|z|)
	// The component left of the gap is the one up to which the weights come nearest to Φ(z).
	p := g.tail.hi
	if !g.lower {
		p = 1 - p
	}
	var last *component
	nearest := math.Inf(1)
	for k := range cs {
		if c := &cs[k]; c.W != 0 && math.Abs(c.Below+c.W-p) < nearest {
			last, nearest = c, math.Abs(c.Below+c.W-p)
		}
	}
	x := g.start(last)
	for round := range asm.InverseRounds {
		if !(lo < x && x < hi) {
			x = float64(0.5*lo) + float64(0.5*hi)
			if x <= lo || x >= hi {
				break
			}
		}
		above, next, distance := g.step(x)
		if above {
			hi = x
		} else {
			lo = x
		}
		if round >= 40 {
			next = math.NaN()
		} else if math.Abs(distance) <= 0x1p-26 && lo <= next && next <= hi && g.near(x, next) {
			return next
		}
		x = next
	}
	return lo
}

// inverseInGap finishes inverseOne if many numbers share z.
func inverseInGap(cs []component, z, lo, hi float64) (x, l float64) {
	x = inverseFlat(cs, z, lo, hi)
	_, l = forwardOne(cs, x)
	return x, -l
}
