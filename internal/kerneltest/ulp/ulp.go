// Package ulp measures distances between floating-point numbers, for tests.
package ulp

import (
	"fmt"
	"math"
)

// Of returns the spacing of the float64 numbers at x: the distance from |x| to the next larger one. It is 2^-1074 for
// subnormal numbers; the infinities have the spacing of the largest numbers, 2^971.
func Of(x float64) float64 {
	exponent := int(math.Float64bits(x) >> 52 & 0x7ff)
	return math.Ldexp(1, min(max(exponent, 1), 0x7fe)-1023-52)
}

// Diff returns |got-want| in units of want's spacing: 0 if they are equal or both are NaN, +Inf if just one of them is
// NaN or infinite.
func Diff(got, want float64) float64 {
	if got == want || got != got && want != want {
		return 0
	}
	if d := math.Abs(got - want); d <= math.MaxFloat64 {
		return d / Of(want)
	}
	return math.Inf(1)
}

// Same reports whether a and b have the same bits. Any NaN is the same as any other.
func Same(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
}

// Worst keeps the largest of the errors that it is shown, and where it was. NaN counts as +Inf.
type Worst struct {
	Error float64
	At    string
	Count int // errors shown
}

// Add shows an error; at describes where it was, in the manner of fmt.Sprint.
func (w *Worst) Add(err float64, at ...any) {
	w.Count++
	if err != err {
		err = math.Inf(1)
	}
	if err > w.Error || w.Count == 1 {
		w.Error, w.At = err, fmt.Sprint(at...)
	}
}

// String returns the error, the place and the count.
func (w Worst) String() string {
	return fmt.Sprintf("%.3g at %s (of %d)", w.Error, w.At, w.Count)
}
