package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// This file is the arithmetic of every kernel, for one lane: the same operations in the same order as the vector code.
// It uses math.FMA where the vector code fuses, and float64(a*b)+c where it does not, because the compiler may fuse a
// plain a*b+c on some architectures.

// exp2Unit returns c0·2^r for |r| ≤ 1/2, c = c0·asm.Exp2.
func exp2Unit(c *[11]float64, c0, r float64) float64 {
	g := math.FMA(c[10], r, c[9])
	g = math.FMA(g, r, c[8])
	g = math.FMA(g, r, c[7])
	g = math.FMA(g, r, c[6])
	g = math.FMA(g, r, c[5])
	g = math.FMA(g, r, c[4])
	g = math.FMA(g, r, c[3])
	g = math.FMA(g, r, c[2])
	g = math.FMA(g, r, c[1])
	g = math.FMA(g, r, c[0])
	return math.FMA(r, g, c0)
}

// exp2 returns 2^a for -1500 ≤ a ≤ 1100 or so. It scales twice, so that a subnormal result is rounded once.
func exp2(a float64) float64 {
	kf := a + asm.Nearest
	return scale2(exp2Unit(&asm.Exp2, 1, a-(kf-asm.Nearest)), kf)
}

// exp returns e^x, any x.
func exp(x float64) float64 {
	x = max(min(x, asm.ExpMost), -asm.ExpLeast) // beyond these the result is +Inf or 0; NaN stays NaN
	kf := math.FMA(x, asm.Log2EHi, asm.Nearest)
	r := math.FMA(x, asm.Log2EHi, -(kf - asm.Nearest))
	return scale2(exp2Unit(&asm.Exp2, 1, math.FMA(x, asm.Log2ELo, r)), kf)
}

// scale2 returns e·2^n, where kf = asm.Nearest + n.
func scale2(e, kf float64) float64 {
	n := int64(math.Float64bits(kf)) - int64(math.Float64bits(asm.Nearest))
	h := n >> 1
	return float64(e*pow2(h)) * pow2(n-h)
}

// pow2 returns 2^n for -1022 ≤ n ≤ 1023.
func pow2(n int64) float64 { return math.Float64frombits(uint64(n+1023) << 52) }

// mills returns R(u)/Alpha, R(u) = Φ(-t)·2^(u²), u = t·C ≥ 0, y = u²: P/(u·P+W), where for large u the rounding errors of
// P cancel. Even and odd powers are summed separately, for shorter chains with fewer successive roundings. The constant
// terms are added last: near 0, where Φ is nearly 1/2, only one rounding of P and one of the denominator matter. t is u,
// unless u was clamped.
func mills(u, y, t float64) float64 {
	n, w := millsParts(u, y)
	return n / math.FMA(t, n+w, asm.MillsW[0])
}

// millsParts returns P, and (W - W₀)/u, W₀ the constant term of W.
func millsParts(u, y float64) (n, w1 float64) {
	p, w := &asm.MillsP, &asm.MillsW
	pe := math.FMA(p[10], y, p[8])
	po := math.FMA(p[9], y, p[7])
	we := math.FMA(w[8], y, w[6])
	wo := math.FMA(w[9], y, w[7])
	pe = math.FMA(pe, y, p[6])
	po = math.FMA(po, y, p[5])
	wo = math.FMA(wo, y, w[5])
	pe = math.FMA(pe, y, p[4])
	po = math.FMA(po, y, p[3])
	we = math.FMA(we, y, w[4])
	wo = math.FMA(wo, y, w[3])
	pe = math.FMA(pe, y, p[2])
	po = math.FMA(po, y, p[1])
	we = math.FMA(we, y, w[2])
	wo = math.FMA(wo, y, w[1])
	return math.FMA(math.FMA(pe, u, po), u, p[0]), math.FMA(we, u, wo)
}

// millsFar is mills for any u ≥ 0. Above 2^28 the polynomials are evaluated at 2^28: R is 1/u there.
func millsFar(u float64) float64 {
	c := u
	if !(c < asm.MillsStill) {
		c = asm.MillsStill
	}
	return mills(c, float64(c*c), u)
}

// logNormal returns log(a)+k·log 2 for a normal number a > 0 and an integer |k| < 2^10.
// Argument reduction and the order of the final sum follow FreeBSD's e_log.c; the coefficients are our own.
func logNormal(a, k float64) float64 {
	const base = 0x3fe6a09e667f3bcd // bits of sqrt(1/2): the mantissa runs over [sqrt(1/2), sqrt(2))
	ix := math.Float64bits(a) - base
	k += float64(int64(ix) >> 52)
	f := math.Float64frombits(ix&(1<<52-1)+base) - 1
	s := f / (2 + f)
	y := s * s
	c := &asm.LogLg
	g := math.FMA(c[6], y, c[5])
	g = math.FMA(g, y, c[4])
	g = math.FMA(g, y, c[3])
	g = math.FMA(g, y, c[2])
	g = math.FMA(g, y, c[1])
	g = math.FMA(g, y, c[0])
	h := float64((0.5 * f) * f)
	t := math.FMA(y, g, h)
	u := math.FMA(s, t, float64(k*asm.Ln2Lo))
	return math.FMA(k, asm.Ln2Hi, f-(h-u))
}

// probitCentre returns (1-2p)·G for p in [1/128, 1/2], the quantile; sub is 1-2p with the sign of the result.
func probitCentre(p, sub float64) float64 {
	w := -logNormal(float64(p*math.FMA(-4, p, 4)), 0)
	a, b := &asm.ProbitP, &asm.ProbitQ
	n := math.FMA(a[7], w, a[6])
	d := math.FMA(b[7], w, b[6])
	n = math.FMA(n, w, a[5])
	d = math.FMA(d, w, b[5])
	n = math.FMA(n, w, a[4])
	d = math.FMA(d, w, b[4])
	n = math.FMA(n, w, a[3])
	d = math.FMA(d, w, b[3])
	n = math.FMA(n, w, a[2])
	d = math.FMA(d, w, b[2])
	n = math.FMA(n, w, a[1])
	d = math.FMA(d, w, b[1])
	n = math.FMA(n, w, a[0])
	d = math.FMA(d, w, b[0])
	return float64(sub*n) / d
}

// probitTail returns the magnitude of the quantile for p = ps·2^-480 in [2^-1300, 1/128].
func probitTail(ps float64) float64 {
	r := math.Sqrt(-logNormal(ps, -asm.ExpBias))
	a, b := &asm.TailP, &asm.TailQ
	n := math.FMA(a[9], r, a[8])
	d := math.FMA(b[10], r, b[9])
	n = math.FMA(n, r, a[7])
	d = math.FMA(d, r, b[8])
	n = math.FMA(n, r, a[6])
	d = math.FMA(d, r, b[7])
	n = math.FMA(n, r, a[5])
	d = math.FMA(d, r, b[6])
	n = math.FMA(n, r, a[4])
	d = math.FMA(d, r, b[5])
	n = math.FMA(n, r, a[3])
	d = math.FMA(d, r, b[4])
	n = math.FMA(n, r, a[2])
	d = math.FMA(d, r, b[3])
	n = math.FMA(n, r, a[1])
	d = math.FMA(d, r, b[2])
	n = math.FMA(n, r, a[0])
	d = math.FMA(d, r, b[1])
	d = math.FMA(d, r, b[0])
	return math.FMA(asm.Sqrt2, r, -(n / d))
}

// probit returns the quantile from both tails, biased: Φ⁻¹(F) if F ≤ S, else -Φ⁻¹(S). The smaller tail must be at
// least 2^-820.
func probit(fs, ss float64) float64 {
	ps, sign := fs, 1.0
	if !(fs <= ss) {
		ps, sign = ss, -1
	}
	p := ps * asm.Unbias
	if p >= asm.ProbitCut {
		// 2p-1 on the lower side and 1-2p on the upper: at p = 1/2 both give +0.
		return probitCentre(p, math.FMA(2*sign, p, -sign))
	}
	return -sign * probitTail(ps)
}
