package kernels

import (
	"math"
	"testing"
)

// A component of zero weight does not exist, even where it is nearer to a far sample than every component that has one.
func TestZeroWeightNearFarSample(t *testing.T) {
	all := Mixture{Weight: []float64{0, 1, 0}, Mean: []float64{-14874, 4635, 5583}, Scale: []float64{148, 0.0067, 148}}
	one := Mixture{Weight: []float64{1, 0}, Mean: []float64{4635, 4635}, Scale: []float64{0.0067, 0.0067}} // one component alone maps another way
	// Its exponent, unbounded, would be garbage: noticed by one sample in thousands.
	const n = 20000
	x := make([]float64, n)
	for i := range x {
		x[i] = 200 + 0.01*float64(i)
	}
	z, l, wantZ, wantL := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	MixtureForward(z, l, x, all)
	MixtureForward(wantZ, wantL, x, one)
	for i := range x {
		if z[i] != wantZ[i] || l[i] != wantL[i] {
			t.Fatalf("x = %v: z, L = %v, %v with components of zero weight, %v, %v without", x[i], z[i], l[i], wantZ[i], wantL[i])
		}
		stats := func(m Mixture) (EMStats, float64) {
			k := len(m.Weight)
			s := EMStats{N: make([]float64, k), A: make([]float64, k), B: make([]float64, k)}
			return s, MixtureEM(s, x[i:i+1], m)
		}
		got, f := stats(all)
		want, wantF := stats(one)
		if f != wantF || got.N[1] != want.N[0] || got.N[0] != 0 || got.N[2] != 0 || math.IsNaN(got.B[0]+got.B[2]) {
			t.Fatalf("x = %v: EM's statistics are %v, log f %v; without the components of zero weight %v, %v", x[i], got, f, want, wantF)
		}
	}
}
