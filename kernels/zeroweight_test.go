package kernels

import (
	"math"
	"testing"
)

// A component of zero weight does not exist, even where it is nearer to a far sample than every component that has one.
func TestZeroWeightNearFarSample(t *testing.T) {
	all := Mixture{Weight: []float64{0, 1, 0}, Mean: []float64{-14874, 4635, 230}, Scale: []float64{148, 0x1p-7, 12}}
	one := Mixture{Weight: all.Weight[1:2], Mean: all.Mean[1:2], Scale: all.Scale[1:2]}
	x := []float64{231, 4000, 1e6, -1e6}
	z, l, wantZ, wantL := make([]float64, 4), make([]float64, 4), make([]float64, 4), make([]float64, 4)
	MixtureForward(z, l, x, all)
	MixtureForward(wantZ, wantL, x, one)
	for i := range x {
		if z[i] != wantZ[i] || l[i] != wantL[i] {
			t.Errorf("x = %v: z, L = %v, %v with components of zero weight, %v, %v without", x[i], z[i], l[i], wantZ[i], wantL[i])
		}
		stats := func(m Mixture) (EMStats, float64) {
			k := len(m.Weight)
			s := EMStats{N: make([]float64, k), A: make([]float64, k), B: make([]float64, k)}
			return s, MixtureEM(s, x[i:i+1], m)
		}
		got, f := stats(all)
		want, wantF := stats(one)
		if f != wantF || got.N[1] != want.N[0] || got.N[0] != 0 || got.N[2] != 0 || math.IsNaN(got.B[0]+got.B[2]) {
			t.Errorf("x = %v: EM's statistics are %v, log f %v; without the components of zero weight %v, %v", x[i], got, f, want, wantF)
		}
	}
}
