package ulp

import (
	"math"
	"testing"
)

func TestOf(t *testing.T) {
	for _, c := range []struct{ x, want float64 }{
		{0, 0x1p-1074}, {math.Copysign(0, -1), 0x1p-1074}, {0x1p-1074, 0x1p-1074}, {0x1p-1022, 0x1p-1074}, {0x1p-1021, 0x1p-1073},
		{1, 0x1p-52}, {-1, 0x1p-52}, {math.Nextafter(1, 0), 0x1p-53}, {2, 0x1p-51}, {3, 0x1p-51},
		{math.MaxFloat64, 0x1p971}, {math.Inf(1), 0x1p971}, {math.Inf(-1), 0x1p971},
	} {
		if got := Of(c.x); got != c.want {
			t.Errorf("Of(%g) = %g, want %g", c.x, got, c.want)
		}
	}
}

func TestDiff(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct{ got, want, d float64 }{
		{1, 1, 0}, {0, math.Copysign(0, -1), 0}, {math.Nextafter(1, 2), 1, 1}, {math.Nextafter(1, 0), 1, 0.5}, {1, math.Nextafter(1, 0), 1},
		{0x1p-1074, 0, 1}, {inf, inf, 0}, {nan, nan, 0}, {nan, 1, inf}, {1, nan, inf}, {1, inf, inf}, {inf, 1, inf}, {-inf, inf, inf},
	} {
		if got := Diff(c.got, c.want); got != c.d {
			t.Errorf("Diff(%g, %g) = %g, want %g", c.got, c.want, got, c.d)
		}
	}
}

func TestSame(t *testing.T) {
	other := math.Float64frombits(math.Float64bits(math.NaN()) ^ 2)
	if !Same(math.NaN(), other) || !Same(1, 1) || Same(0, math.Copysign(0, -1)) || Same(1, math.NaN()) || Same(math.NaN(), 1) {
		t.Error("Same: want equality of bits, any NaN being the same as any other")
	}
}

func TestWorst(t *testing.T) {
	var w Worst
	for i, e := range []float64{1, 3, 2} {
		w.Add(e, "case ", i)
	}
	if w.Error != 3 || w.At != "case 1" || w.Count != 3 {
		t.Errorf("got %+v", w)
	}
	w.Add(math.NaN(), "nan")
	if !math.IsInf(w.Error, 1) || w.At != "nan" {
		t.Errorf("NaN was not the worst: %+v", w)
	}
}
