package rotate

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestHaar(t *testing.T) {
	for _, d := range []int{1, 2, 3, 17, 64} {
		rng := rand.New(rand.NewPCG(uint64(d), 1))
		var first, square float64
		const draws = 400
		for range draws {
			r := Haar(d, rng)
			for i := range d {
				for k := range d {
					dot := 0.0
					for j := range d {
						dot += r[i*d+j] * r[k*d+j]
					}
					if want := map[bool]float64{true: 1}[i == k]; !(math.Abs(dot-want) < 1e-14*float64(d)) {
						t.Fatalf("d=%d: rows %d and %d have the product %v", d, i, k, dot)
					}
				}
			}
			first += r[0] / draws
			square += r[0] * r[0] / draws
			if d > 20 {
				break
			}
		}
		// An element has mean 0 and variance 1/d.
		if d <= 20 && !(math.Abs(first) < 4/math.Sqrt(float64(draws*d)) && math.Abs(square*float64(d)-1) < 0.3) {
			t.Errorf("d=%d: the first element has mean %v and mean square %v", d, first, square)
		}
	}
}
