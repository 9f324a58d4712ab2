package rotate

import (
	"math"
	"math/rand/v2"

	"github.com/gaussflow/gaussflow/kernels"
)

// Haar draws a rotation of R^d, row-major, from the uniform distribution: the rows of a
// matrix of normal numbers, made orthogonal one after the other. Its bits depend on rng
// alone.
func Haar(d int, rng *rand.Rand) []float64 {
	r := make([]float64, d*d)
	for i := range r {
		r[i] = (float64(rng.Uint64()>>12) + 0.5) * 0x1p-52
	}
	kernels.NormQuantile(r, r)
	for i := range d {
		row := r[i*d : (i+1)*d]
		for range 2 { // twice, to remove what rounding leaves
			for k := range i {
				other := r[k*d : (k+1)*d]
				c := 0.0
				for j, v := range row {
					c += float64(v * other[j])
				}
				for j, v := range other {
					row[j] -= float64(c * v)
				}
			}
			length := math.Sqrt(kernels.SumSquares(row))
			for j := range row {
				row[j] /= length
			}
		}
	}
	return r
}
