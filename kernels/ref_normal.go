package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// The functions of the normal distribution are the inner step of a mixture with one standard
// component.

// normTail is gauss for v = C·x: Φ(-|x|) = e·r·2^-480.
func normTail(x float64) (e, r float64) {
	v := float64(x * asm.CHi)
	return gauss(v, math.FMA(x, asm.CLo, math.FMA(x, asm.CHi, -v)))
}

func normCDF(x float64) float64 {
	if math.IsNaN(x) {
		return x
	}
	e, r := normTail(x)
	t := float64(float64(e*r) * asm.Unbias)
	if math.Signbit(x) {
		return t
	}
	return 1 - t
}

func normSF(x float64) float64 { return normCDF(-x) }

func normPDF(x float64) float64 {
	if math.IsNaN(x) {
		return x
	}
	e, _ := normTail(x)
	return float64(float64(e*asm.InvAlphaSqrt2Pi) * asm.Unbias)
}

// normLogCDF: below zero log R(v) - x²/2, whose terms have one sign; above it log1p(-Φ(-x)).
func normLogCDF(x float64) float64 {
	if math.IsNaN(x) {
		return x
	}
	if x < 0 {
		half := 0.5 * x // x² overflows before x²/2 does
		h := float64(half * x)
		if h > math.MaxFloat64 {
			return math.Inf(-1)
		}
		e := math.FMA(half, x, -h)
		return -h + (logNormal(float64(asm.Alpha*millsFar(-float64(x*asm.CHi))), 0) - e)
	}
	q := normCDF(-x)
	a := 1 - q
	return logNormal(a, 0) + ((1-a)-q)/a
}

func normQuantile(p float64) float64 {
	switch {
	case !(p >= 0 && p <= 1):
		return math.NaN()
	case p == 0:
		return math.Inf(-1)
	case p == 1:
		return math.Inf(1)
	}
	return probit(float64(p*asm.Bias), float64((1-p)*asm.Bias))
}

func log(x float64) float64 {
	switch {
	case !(x > 0):
		if x == 0 {
			return math.Inf(-1)
		}
		return math.NaN()
	case x > math.MaxFloat64:
		return x
	case x < asm.MinNormal:
		return logNormal(x*0x1p54, -54)
	}
	return logNormal(x, 0)
}

// tanh is odd, x + x³·N(x²)/D(x²) near zero and 1 - 2/(e^2x+1) beyond 5/8; one quotient serves both.
func tanh(x float64) float64 {
	a := math.Abs(x)
	var base, num, den float64
	if a < asm.TanhCut {
		y := float64(x * x)
		p, q := &asm.TanhP, &asm.TanhQ
		n := math.FMA(math.FMA(p[2], y, p[1]), y, p[0])
		den = math.FMA(math.FMA(math.FMA(q[3], y, q[2]), y, q[1]), y, q[0])
		base, num = a, float64(float64(a*y)*n)
	} else {
		base, num, den = 1, -2, exp(2*min(a, asm.TanhMost))+1
	}
	return math.Copysign(base+num/den, x)
}
