package kernels

// NormCDF sets dst[i] = Φ(x[i]), the standard normal distribution function. dst may be x. The lengths must agree.
// Φ(±Inf) is 1 and 0; NaN stays NaN.
func (t Tier) NormCDF(dst, x []float64) { t.mapElements(normCDFFunction, normCDF, dst, x) }

// NormSF sets dst[i] = Φ(-x[i]), the upper tail, accurate where 1-Φ(x) has no digits left.
func (t Tier) NormSF(dst, x []float64) { t.mapElements(normSFFunction, normSF, dst, x) }

// NormLogCDF sets dst[i] = log Φ(x[i]), accurate in both tails; it does not underflow before x² overflows.
func (t Tier) NormLogCDF(dst, x []float64) { t.mapElements(normLogCDFFunction, normLogCDF, dst, x) }

// NormPDF sets dst[i] = φ(x[i]) = exp(-x²/2)/√(2π).
func (t Tier) NormPDF(dst, x []float64) { t.mapElements(normPDFFunction, normPDF, dst, x) }

// NormQuantile sets dst[i] = Φ⁻¹(p[i]): -Inf at 0, +Inf at 1, NaN outside [0, 1]. For an upper tail q use -Φ⁻¹(q).
func (t Tier) NormQuantile(dst, p []float64) {
	t.mapElements(normQuantileFunction, normQuantile, dst, p)
}

// Exp sets dst[i] = e^x[i].
func (t Tier) Exp(dst, x []float64) { t.mapElements(expFunction, exp, dst, x) }

// Log sets dst[i] = log x[i], the natural logarithm: -Inf at 0, NaN below.
func (t Tier) Log(dst, x []float64) { t.mapElements(logFunction, log, dst, x) }

// Tanh sets dst[i] = tanh x[i].
func (t Tier) Tanh(dst, x []float64) { t.mapElements(tanhFunction, tanh, dst, x) }
