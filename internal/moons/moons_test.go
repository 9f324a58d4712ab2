package moons

import (
	"math"
	"testing"
)

func TestStandardized(t *testing.T) {
	x := Standardized()
	n, d := x.Dims()
	if n != 5000 || d != 2 {
		t.Fatalf("two moons are %d×%d, want 5000×2", n, d)
	}
	for j := range d {
		mean, square := 0.0, 0.0
		for i := range n {
			mean += x.At(i, j) / float64(n)
			square += x.At(i, j) * x.At(i, j) / float64(n)
		}
		if math.Abs(mean) > 1e-12 || math.Abs(square-1) > 1e-12 {
			t.Errorf("column %d has mean %g and mean square %g, want 0 and 1", j, mean, square)
		}
	}
	// The upper moon is the left one: in make_moons the coordinates correlate negatively.
	r := 0.0
	for i := range n {
		r += x.At(i, 0) * x.At(i, 1) / float64(n)
	}
	if r > -0.3 || r < -0.6 {
		t.Errorf("correlation %.3f, want that of the two moons, about -0.43", r)
	}
	x.Set(0, 0, math.NaN())
	if math.IsNaN(Standardized().At(0, 0)) {
		t.Error("Standardized returned the same matrix twice, want a fresh one")
	}
}
