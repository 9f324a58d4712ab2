package table

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// Every number is rounded as strconv rounds it.
func TestScanRoundsCorrectly(t *testing.T) {
	check := func(s string) {
		t.Helper()
		want, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return
		}
		got, n, exact := scan([]byte(s), '.')
		if n != len(s) || exact && math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("scan(%q) = %v, %d bytes, exact %t; want %v", s, got, n, exact, want)
		}
		var scratch []byte
		if got, ok, _ := parse([]byte(s), '.', &scratch); !ok || math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("parse(%q) = %v, %t; want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{
		"0", "-0", "+1", "1.", ".5", "-.5e1", "1e0", "1e-19", "1E+2", "123456789012345678", "9007199254740993", "9007199254740992.5", "9007199254740993.0000000",
		"18446744073709551615", "9999999999999999999", "0.3", "4.35", "0.000001", "2.2250738585072011e-308", "1e308", "1e-400", "5e-324", "179769313486231570000000000000000000000",
		"0.5000000000000000278", "8.5899345920000009537", "1e22", "1e23", "12345678901234567890123", "0.1234567890123456789012345", "1.00000000000000011102230246251565",
	} {
		check(s)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300000 {
		v := rng.NormFloat64() * math.Pow(10, float64(rng.IntN(24)-12))
		check(strconv.FormatFloat(v, "gef"[rng.IntN(3)], -1, 64))
		check(strconv.FormatFloat(v, 'f', rng.IntN(12), 64))
		// Near the middle between two numbers.
		check(strconv.FormatFloat(math.Abs(v), 'e', 15+rng.IntN(4), 64))
		check(strconv.FormatUint(rng.Uint64()>>rng.IntN(12), 10))
	}
}

func TestScanStops(t *testing.T) {
	for s, n := range map[string]int{"": 0, "-": 0, ".": 0, "e5": 0, "1e": 0, "1e+": 0, "x": 0, "1,2": 1, "1.5;": 3, "0x1p3": 1, "1_000": 1, "inf": 0, "NaN": 0, "--1": 0, "1.2.3": 3} {
		if _, got, _ := scan([]byte(s), '.'); got != n {
			t.Errorf("scan(%q) takes %d bytes, want %d", s, got, n)
		}
	}
}
