package kernels

// NormCDF sets dst[i] = Φ(x[i]), the standard normal distribution function. dst may be x. The lengths must agree.
// Φ(±Inf) is 1 and 0; NaN stays NaN.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	Φ(x): 4.25, limit 6, in ulp (x ≥ -37.5)
func (t Tier) NormCDF(dst, x []float64) { t.mapElements(normCDFFunction, normCDF, dst, x) }

// NormSF sets dst[i] = Φ(-x[i]), the upper tail, accurate where 1-Φ(x) has no digits left.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	Φ(-x): 4.20, limit 6, in ulp (x ≤ 37.5)
func (t Tier) NormSF(dst, x []float64) { t.mapElements(normSFFunction, normSF, dst, x) }

// NormLogCDF sets dst[i] = log Φ(x[i]), accurate in both tails; it is finite as far as x²/2 is.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	log Φ(x): 4.09, limit 9, in ulp (-20000 ≤ x ≤ 0)
//	log Φ(x): 5.54, limit 9, in ulp (0 ≤ x ≤ 37.5)
func (t Tier) NormLogCDF(dst, x []float64) { t.mapElements(normLogCDFFunction, normLogCDF, dst, x) }

// NormPDF sets dst[i] = φ(x[i]) = exp(-x²/2)/√(2π).
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	φ(x): 1.61, limit 4, in ulp (|x| ≤ 37.5)
func (t Tier) NormPDF(dst, x []float64) { t.mapElements(normPDFFunction, normPDF, dst, x) }

// NormQuantile sets dst[i] = Φ⁻¹(p[i]): -Inf at 0, +Inf at 1, NaN outside [0, 1]. For an upper tail q use -Φ⁻¹(q).
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	Φ⁻¹(p): 3.24, limit 4, in ulp (0 < p < 1)
func (t Tier) NormQuantile(dst, p []float64) {
	t.mapElements(normQuantileFunction, normQuantile, dst, p)
}

// Exp sets dst[i] = e^x[i].
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	exp x: 1.03, limit 4, in ulp (-708.39 ≤ x ≤ 709.78)
func (t Tier) Exp(dst, x []float64) { t.mapElements(expFunction, exp, dst, x) }

// Log sets dst[i] = log x[i], the natural logarithm: -Inf at 0, NaN below.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	log x: 0.86, limit 4, in ulp (0 < x)
func (t Tier) Log(dst, x []float64) { t.mapElements(logFunction, log, dst, x) }

// Tanh sets dst[i] = tanh x[i].
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	tanh x: 1.40, limit 4, in ulp (all)
func (t Tier) Tanh(dst, x []float64) { t.mapElements(tanhFunction, tanh, dst, x) }
