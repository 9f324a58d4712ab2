package kernels

import "github.com/gaussflow/gaussflow/asm"

// tileSize is the number of samples that assembly takes at a time: enough for the call to cost nothing, and so few that
// the garbage collector, which cannot interrupt assembly, does not wait for long.
const tileSize = 1024

// whole returns how many of n samples go to the assembly of t in whole blocks: none on the reference. It panics if t
// cannot run here.
func (t Tier) whole(n int) int {
	if t == Generic {
		return 0
	}
	if int(t) >= len(available) || !available[t] {
		panic(missing(t))
	}
	return n &^ (asm.Block - 1)
}

// each applies f element-wise; one is f for one number.
func (t Tier) each(f function, one func(float64) float64, dst, x []float64) {
	if len(dst) != len(x) {
		panic(errLength)
	}
	n := t.whole(len(x))
	for i := 0; i < n; i += tileSize {
		t.elementwise(f, &dst[i], &x[i], min(tileSize, n-i))
	}
	dst, x = dst[n:], x[n:]
	if t != Generic && len(x) > 0 {
		var pad asm.Row
		copy(pad[:], x)
		t.elementwise(f, &pad[0], &pad[0], asm.Block)
		copy(dst, pad[:])
		return
	}
	for i, v := range x {
		dst[i] = one(v)
	}
}

// NormCDF sets dst[i] = Φ(x[i]), the standard normal distribution function. dst may be x. The lengths must agree.
// Φ(±Inf) is 1 and 0; NaN stays NaN.
func (t Tier) NormCDF(dst, x []float64) { t.each(normCDFFunction, normCDF, dst, x) }

// NormSF sets dst[i] = Φ(-x[i]), the upper tail, accurate where 1-Φ(x) has no digits left.
func (t Tier) NormSF(dst, x []float64) { t.each(normSFFunction, normSF, dst, x) }

// NormLogCDF sets dst[i] = log Φ(x[i]), accurate in both tails; it does not underflow before x² overflows.
func (t Tier) NormLogCDF(dst, x []float64) { t.each(normLogCDFFunction, normLogCDF, dst, x) }

// NormPDF sets dst[i] = φ(x[i]) = exp(-x²/2)/√(2π).
func (t Tier) NormPDF(dst, x []float64) { t.each(normPDFFunction, normPDF, dst, x) }

// NormQuantile sets dst[i] = Φ⁻¹(p[i]): -Inf at 0, +Inf at 1, NaN outside [0, 1]. For an upper tail q use -Φ⁻¹(q).
func (t Tier) NormQuantile(dst, p []float64) { t.each(normQuantileFunction, normQuantile, dst, p) }

// Exp sets dst[i] = e^x[i].
func (t Tier) Exp(dst, x []float64) { t.each(expFunction, exp, dst, x) }

// Log sets dst[i] = log x[i], the natural logarithm: -Inf at 0, NaN below.
func (t Tier) Log(dst, x []float64) { t.each(logFunction, log, dst, x) }

// Tanh sets dst[i] = tanh x[i].
func (t Tier) Tanh(dst, x []float64) { t.each(tanhFunction, tanh, dst, x) }
