package kernels

// each applies f element-wise.
func each(dst, x []float64, f func(float64) float64) {
	if len(dst) != len(x) {
		panic(errLength)
	}
	for i, v := range x {
		dst[i] = f(v)
	}
}

// NormCDF sets dst[i] = Φ(x[i]), the standard normal distribution function. dst may be x. The lengths must agree.
// Φ(±Inf) is 1 and 0; NaN stays NaN.
func NormCDF(dst, x []float64) { active().NormCDF(dst, x) }

// NormSF sets dst[i] = Φ(-x[i]), the upper tail, accurate where 1-Φ(x) has no digits left.
func NormSF(dst, x []float64) { active().NormSF(dst, x) }

// NormLogCDF sets dst[i] = log Φ(x[i]), accurate in both tails; it does not underflow before x² overflows.
func NormLogCDF(dst, x []float64) { active().NormLogCDF(dst, x) }

// NormPDF sets dst[i] = φ(x[i]) = exp(-x²/2)/√(2π).
func NormPDF(dst, x []float64) { active().NormPDF(dst, x) }

// NormQuantile sets dst[i] = Φ⁻¹(p[i]): -Inf at 0, +Inf at 1, NaN outside [0, 1]. For an upper tail q use -Φ⁻¹(q).
func NormQuantile(dst, p []float64) { active().NormQuantile(dst, p) }

// Exp sets dst[i] = e^x[i].
func Exp(dst, x []float64) { active().Exp(dst, x) }

// Log sets dst[i] = log x[i], the natural logarithm: -Inf at 0, NaN below.
func Log(dst, x []float64) { active().Log(dst, x) }

// Tanh sets dst[i] = tanh x[i].
func Tanh(dst, x []float64) { active().Tanh(dst, x) }

// NormCDF is the package function on tier t.
func (t Tier) NormCDF(dst, x []float64) { each(dst, x, normCDF) }

// NormSF is the package function on tier t.
func (t Tier) NormSF(dst, x []float64) { each(dst, x, func(v float64) float64 { return normCDF(-v) }) }

// NormLogCDF is the package function on tier t.
func (t Tier) NormLogCDF(dst, x []float64) { each(dst, x, normLogCDF) }

// NormPDF is the package function on tier t.
func (t Tier) NormPDF(dst, x []float64) { each(dst, x, normPDF) }

// NormQuantile is the package function on tier t.
func (t Tier) NormQuantile(dst, p []float64) { each(dst, p, normQuantile) }

// Exp is the package function on tier t.
func (t Tier) Exp(dst, x []float64) { each(dst, x, exp) }

// Log is the package function on tier t.
func (t Tier) Log(dst, x []float64) { each(dst, x, log) }

// Tanh is the package function on tier t.
func (t Tier) Tanh(dst, x []float64) { each(dst, x, tanh) }
