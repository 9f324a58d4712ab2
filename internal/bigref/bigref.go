// Package bigref is the second method that the kernels are measured against: the same functions in big.Float
// arithmetic, by series and continued fractions that share nothing with the kernels. Its results are good to 150 bits
// or more, which leaves 2^-97 ulp of a float64.
package bigref

import (
	"math"
	"math/big"
	"sync"
)

// Prec is the working precision in bits. The largest loss is that of Φ(-t) = 1/2 - φ(t)·(…) at t = 7: 38 bits.
const Prec = 256

// Float is a number in working precision.
type Float = big.Float

// New returns x. It panics if x is NaN, as big.NewFloat does.
func New(x float64) *Float { return zero().SetFloat64(x) }

func zero() *Float           { return new(Float).SetPrec(Prec) }
func mul(a, b *Float) *Float { return zero().Mul(a, b) }
func quo(a, b *Float) *Float { return zero().Quo(a, b) }
func neg(a *Float) *Float    { return zero().Neg(a) }
func half(a *Float) *Float   { return zero().SetMantExp(a, -1) }
func below(a *Float, bits int, b *Float) bool { // |a| < 2^-bits·|b|, nearly
	return a.Sign() == 0 || b.Sign() != 0 && a.MantExp(nil)+bits < b.MantExp(nil)
}

// add returns a+b. big.Float would align the two first, whatever the distance of their exponents.
func add(a, b *Float) *Float {
	switch {
	case below(b, Prec+2, a):
		return zero().Set(a)
	case below(a, Prec+2, b):
		return zero().Set(b)
	}
	return zero().Add(a, b)
}

func sub(a, b *Float) *Float { return add(a, neg(b)) }

var one = New(1)

// inverse(n) is 1/n.
var inverse = func() func(n int) *Float {
	var table [1024]*Float
	for n := range table {
		if n > 0 {
			table[n] = quo(one, New(float64(n)))
		}
	}
	return func(n int) *Float { return table[n] }
}()

// ln2 = 2·artanh(1/3), pi = 16·arctan(1/5) - 4·arctan(1/239), and what follows from them.
var constants = sync.OnceValue(func() (c struct{ ln2, sqrt2Pi *Float }) {
	arc := func(n int, sign float64) *Float { // Σ (sign)^k/((2k+1)·n^(2k+1))
		sum, power := zero(), quo(one, New(float64(n)))
		square := quo(New(sign), New(float64(n*n)))
		for k := 1; !below(power, Prec, one); k += 2 {
			sum = add(sum, mul(power, inverse(k)))
			power = mul(power, square)
		}
		return sum
	}
	c.ln2 = mul(New(2), arc(3, 1))
	pi := sub(mul(New(16), arc(5, -1)), mul(New(4), arc(239, -1)))
	c.sqrt2Pi = zero().Sqrt(mul(New(2), pi))
	return c
})

// Exp returns e^x; 0 for x below -10^9.
func Exp(x *Float) *Float {
	if x.Sign() == 0 {
		return New(1)
	}
	approx, _ := x.Float64()
	if approx < -1e9 {
		return zero()
	}
	// x = k·ln 2 + 2^16·r, Taylor's series of r, sixteen squarings.
	ln2 := constants().ln2
	k := math.Round(approx / math.Ln2)
	r := sub(x, mul(New(k), ln2))
	r.SetMantExp(r, -16)
	sum, term, product := New(1), New(1), zero()
	for n := 1; !below(term, Prec, one); n++ {
		term.Mul(product.Mul(term, r), inverse(n))
		sum.Add(sum, term)
	}
	for range 8 {
		product.Mul(sum, sum)
		sum.Mul(product, product)
	}
	return sum.SetMantExp(sum, int(k))
}

// Log returns the natural logarithm of x > 0.
func Log(x *Float) *Float {
	m := zero()
	k := x.MantExp(m)
	if m.Cmp(sqrtHalf) < 0 { // the logarithms of numbers near 1 need all of their digits
		m.SetMantExp(m, 1)
		k--
	}
	m64, _ := m.Float64()
	y := math.Log(m64)
	// m·e^-y = 1+d with d of the size of a rounding error of float64.
	d := sub(mul(m, Exp(New(-y))), one)
	return add(add(New(y), log1p(d)), mul(New(float64(k)), constants().ln2))
}

var sqrtHalf = New(math.Sqrt2 / 2)

// log1p is Taylor's series, for small d.
func log1p(d *Float) *Float {
	sum, power := zero(), New(-1)
	for n := 1; n < 10; n++ {
		power = mul(neg(power), d)
		sum = add(sum, mul(power, inverse(n)))
	}
	return sum
}

// Tanh returns tanh x.
func Tanh(x *Float) *Float {
	if below(x, 60, one) { // x - x³/3 + 2x⁵/15, where e^2x - 1 cancels
		y := mul(x, x)
		return mul(x, add(one, mul(y, add(neg(inverse(3)), mul(y, quo(New(2), New(15)))))))
	}
	e := Exp(mul(New(-2), zero().Abs(x)))
	t := quo(sub(one, e), add(one, e))
	if x.Sign() < 0 {
		return neg(t)
	}
	return t
}

// PDF returns φ(x).
func PDF(x *Float) *Float { return quo(Exp(neg(half(mul(x, x)))), constants().sqrt2Pi) }

// Mills returns Φ(-t)/φ(t) for t ≥ 0.
func Mills(t *Float) *Float {
	if t.Cmp(millsSplit) < 0 {
		return millsSeries(t)
	}
	return millsFraction(t)
}

var millsSplit = New(7)

// millsSeries is 1/2φ(t) - (t + t³/3 + t⁵/15 + …).
func millsSeries(t *Float) *Float {
	square := mul(t, t)
	sum, term, product := zero(), zero().Set(t), zero()
	for n := 3; !below(term, Prec, one); n += 2 {
		sum.Add(sum, term)
		term.Mul(product.Mul(term, square), inverse(n))
	}
	return sum.Sub(quo(New(0.5), PDF(t)), sum)
}

// millsFraction is Laplace's continued fraction 1/(t + 1/(t + 2/(t + …))).
func millsFraction(t *Float) *Float {
	approx, _ := t.Float64()
	c, ratio, index := zero().Set(t), zero(), zero()
	for n := 20 + int(5000/(approx*approx)); n > 0; n-- {
		c.Add(t, ratio.Quo(index.SetInt64(int64(n)), c))
	}
	return quo(one, c)
}

// CDF returns Φ(x).
func CDF(x *Float) *Float {
	if x.Sign() > 0 {
		return sub(one, CDF(neg(x)))
	}
	t := neg(x)
	return mul(PDF(t), Mills(t))
}

// LogPDF returns log φ(x).
func LogPDF(x *Float) *Float { return sub(neg(half(mul(x, x))), Log(constants().sqrt2Pi)) }

// LogCDF returns log Φ(x).
func LogCDF(x *Float) *Float {
	if x.Sign() <= 0 {
		return add(LogPDF(x), Log(Mills(neg(x))))
	}
	q := CDF(neg(x))
	if below(q, 50, one) {
		return log1p(neg(q))
	}
	return Log(sub(one, q))
}

// Quantile returns Φ⁻¹(p) for 0 < p < 1, by Newton's method from near (any float64; a good one saves time). NaN and
// infinities start at 0.
func Quantile(p *Float, near float64) *Float {
	if p.Cmp(New(0.5)) > 0 {
		return neg(Quantile(sub(one, p), -near))
	}
	return neg(upperQuantile(Log(p), -near))
}

// upperQuantile returns the z ≥ 0 with log Φ(-z) = logTail. log Φ(-z) is concave, and Newton's method converges from
// anywhere at or above 0.
func upperQuantile(logTail *Float, near float64) *Float {
	if !(near >= 0 && near <= math.MaxFloat64) {
		near = 0
	}
	z := New(near)
	for range 2000 {
		m := Mills(z)
		step := mul(m, sub(add(LogPDF(z), Log(m)), logTail)) // d/dz log Φ(-z) = -1/m
		z = add(z, step)
		// It converges quadratically: the next step would be below the last bit.
		if below(step, Prec/2, one) {
			return z
		}
	}
	panic("bigref: Newton's method for the quantile did not converge")
}
