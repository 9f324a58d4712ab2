package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// component is one Gaussian in the form that the inner loop uses: C/σ = IH + IL, and Density = w/(σ√2π·Alpha).
type component = asm.Component

func newComponent(w, mean, scale float64) component {
	ih := asm.CHi / scale
	// The remainder of the quotient is exact. Multiplying it by ih·(1/C), instead of dividing by σ, saves a
	// division and is accurate enough for a correction.
	il := float64(math.FMA(-ih, scale, asm.CHi)+asm.CLo) * float64(ih*asm.InvC)
	return component{Mean: mean, Scale: scale, IH: ih, IL: il, W: w,
		Density: float64(w*asm.InvAlphaCSqrt2Pi) * ih, Ratio: float64(w*asm.RatioScale) * ih}
}

// sums are a sample's mixture sums in linear space, biased by 2^480.
//
//	d = Σ ±w·Φ(-|t|), + where t > 0     wp, wn = Σ w over t > 0, t < 0 (not biased)     f = Σ w/σ·φ(t)
//
// From them F = wp - d and S = wn + d, each a sum of terms of one sign as far as it matters: F and S are both
// accurate to their last bits, in both tails.
type sums struct {
	d, wp, wn, f float64
}

// base2 returns v = C·(x-mean)/σ = v + vl, the residuals of the subtraction, of the product and of 1/σ in vl.
// Without them the rounding of t alone would cost t² ulp of φ: 500 ulp at 37σ.
func base2(c *component, x float64) (v, vl float64) {
	d := x - c.Mean
	b := d - x
	dl := (x - (d - b)) - (c.Mean + b)
	v = float64(d * c.IH)
	vl = math.FMA(d, c.IH, -v)
	vl = math.FMA(d, c.IL, vl)
	vl = math.FMA(dl, c.IH, vl)
	return v, vl
}

// gauss returns e = Alpha·2^(480-v²) and r = R(|v|)/Alpha, so that Φ(-|t|) = e·r·2^-480; |v| is clamped to VMax.
func gauss(v, vl float64) (e, r float64) {
	u := math.Abs(v)
	if !(u < asm.VMax) { // NaN too
		u, vl = asm.VMax, 0
	}
	y := float64(u * u)
	// kf = asm.Nearest + 480 - y rounded to an integer; its low bits go to the exponent as they are.
	kf := (asm.Nearest + asm.ExpBias) - y
	rem := math.FMA(-u, u, -(kf - (asm.Nearest + asm.ExpBias)))
	if vl != 0 {
		rem = math.FMA(-(v + v), vl, rem)
	}
	e = exp2Unit(&asm.AlphaExp2, asm.Alpha, rem)
	e = math.Float64frombits(math.Float64bits(e) + math.Float64bits(kf)<<52)
	return e, mills(u, y, u)
}

func (s *sums) add(c *component, x float64) {
	v, vl := base2(c, x)
	e, r := gauss(v, vl)
	s.take(c, v, e, float64(e*r))
}

// take adds one component at v: its Gaussian e and its tail Φ(-|t|), both biased.
func (s *sums) take(c *component, v, e, tail float64) {
	if math.Signbit(v) {
		s.d = math.FMA(-c.W, tail, s.d)
		s.wn += c.W
	} else {
		s.d = math.FMA(c.W, tail, s.d)
		s.wp += c.W
	}
	s.f = math.FMA(c.Density, e, s.f)
}

// tally accumulates the sums of a mixture of more than asm.SumBlock components. The components of a block are added one
// by one; then the block's sums are added to those of the blocks before by compensated summation, so that the error is
// that of one block, however many there are. A mixture of one block does not need it.
type tally struct {
	sum, lost sums
}

// take adds the sums of a block, and clears s for the next.
func (t *tally) take(block *sums) {
	addBlock(&t.sum.d, &t.lost.d, block.d)
	addBlock(&t.sum.wp, &t.lost.wp, block.wp)
	addBlock(&t.sum.wn, &t.lost.wn, block.wn)
	addBlock(&t.sum.f, &t.lost.f, block.f)
	*block = sums{}
}

// total returns the sums of all blocks.
func (t *tally) total() sums {
	return sums{t.sum.d + t.lost.d, t.sum.wp + t.lost.wp, t.sum.wn + t.lost.wn, t.sum.f + t.lost.f}
}

// addBlock adds a block's sum to that of the blocks before, and the rounding error to lost.
func addBlock(sum, lost *float64, block float64) {
	*lost += twoSumError(*sum, block)
	*sum += block
}

// blockEnds reports whether component k of n is the last of its block.
func blockEnds(k, n int) bool { return (k+1)%asm.SumBlock == 0 || k+1 == n }

// twoSumError returns (a+b) - fl(a+b), exactly (Knuth).
func twoSumError(a, b float64) float64 {
	s := a + b
	bb := s - a
	return (a - (s - bb)) + (b - bb)
}

// tails returns F and S, biased.
func (s *sums) tails() (fs, ss float64) {
	return math.FMA(asm.Bias, s.wp, -s.d), math.FMA(asm.Bias, s.wn, s.d)
}

// near reports whether the sums in linear space are accurate; if not, the far path is used. NaN is not
// near.
func (s *sums) near() bool { return math.Abs(s.d) >= asm.FarDensity }

// forward returns z and L = log dz/dx of a sample near its mixture.
func (s *sums) forward() (z, l float64) {
	z = probit(s.tails())
	return z, logNormal(s.f, -asm.ExpBias) + math.FMA(0.5*z, z, asm.LnSqrt2Pi)
}

// cdf returns F, S and f.
func (s *sums) cdf(x float64) (cdf, sf, pdf float64) {
	if math.IsNaN(x) {
		return x, x, x
	}
	fs, ss := s.tails()
	return float64(fs * asm.Unbias), float64(ss * asm.Unbias), float64(s.f * asm.Unbias)
}

// sumOne computes the sums of the mixture at x.
func sumOne(cs []component, x float64) (s sums) {
	if len(cs) <= asm.SumBlock {
		for k := range cs {
			s.add(&cs[k], x)
		}
		return s
	}
	var t tally
	for k := range cs {
		s.add(&cs[k], x)
		if blockEnds(k, len(cs)) {
			t.take(&s)
		}
	}
	return t.total()
}
