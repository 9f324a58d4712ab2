package conditional

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// Densities are the derivatives of distribution functions, quantiles invert those, and of what
// is drawn the distribution functions are uniform.
func TestDensities(t *testing.T) {
	for _, d := range All {
		for _, x := range []float64{-1.7, 0, 0.4} {
			for _, p := range []float64{0.03, 0.2, 0.7, 0.98} {
				y := d.Quantile(p, x)
				if got := d.CDF(y, x); math.Abs(got-p) > 1e-12 {
					t.Errorf("%s, x = %v: the quantile of %v has the probability %v", d.Name, x, p, got)
				}
				const h = 1e-5
				want := math.Log((d.CDF(y+h, x) - d.CDF(y-h, x)) / (2 * h))
				if got := d.LogProb(mat.NewDense(1, 2, []float64{y, x}))[0]; math.Abs(got-want) > 1e-6 {
					t.Errorf("%s, y = %v, x = %v: log p = %v, by differences %v", d.Name, y, x, got, want)
				}
			}
		}
		quantiles, shifted := make([]float64, 1000), make([]float64, 1000)
		for i := range quantiles {
			quantiles[i] = d.Quantile((float64(i)+0.5)/1000, 1)
			shifted[i] = quantiles[i] + 0.1
		}
		if p, y := d.Off(1, quantiles); !(p < 0.001) || !(y < 0.1) {
			t.Errorf("%s: exact quantiles are %v and %v off", d.Name, p, y)
		}
		reach := d.Quantile(0.95, 1) - d.Quantile(0.05, 1)
		if p, y := d.Off(1, shifted); !(p > 0.05) || !(y >= 0.09/reach) {
			t.Errorf("%s: quantiles that are moved by 0.1 are %v and %v off", d.Name, p, y)
		}
		const n = 4000
		rows := d.Rows(n, rand.New(rand.NewPCG(1, 2)))
		below := 0.0
		for i := range n {
			if d.CDF(rows.At(i, 0), rows.At(i, 1)) < 0.3 {
				below++
			}
		}
		if math.Abs(below/n-0.3) > 4*math.Sqrt(0.3*0.7/n) {
			t.Errorf("%s: %v of the rows lie below the quantile of 0.3", d.Name, below/n)
		}
	}
}
