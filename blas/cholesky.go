package blas

import "math"

// Cholesky replaces the symmetric matrix a, of which it reads the lower triangle, by the lower triangular L with L·Lᵀ = a,
// zeros above the diagonal, and reports whether a is positive definite; if not, the contents of a are undefined. It does
// not depend on the backend: the bits are the same on every machine.
func Cholesky(a Matrix) bool {
	d := a.Rows
	at := func(i int) []float64 { return a.Data[i*a.Stride : i*a.Stride+d] }
	for j := range d {
		b := at(j)
		for i := j; i < d; i++ {
			c := at(i)
			s := c[j]
			for r := range j {
				s -= float64(c[r] * b[r])
			}
			switch {
			case i > j:
				c[j] = s / b[j]
			case s > 0 && !math.IsInf(s, 0):
				c[j] = math.Sqrt(s)
			default:
				return false
			}
		}
		clear(b[j+1:])
	}
	return true
}
