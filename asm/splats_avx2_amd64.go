//go:build !purego

package asm

import "math"

// splatsAVX2 holds numbers in every element of a vector: multiply-adds take them from memory, without a register. AVX2 has
// too few.
//
//lint:ignore U1000 assembly reads it
type splatsAVX2 struct {
	AlphaExp2, MillsP                                   [11][4]float64
	MillsW                                              [10][4]float64
	alpha, cHi, cLo, nearest, normNear, half, minusZero [4]float64
	nearestBias, vMax, invC, densityScale               [4]float64
}

//lint:ignore U1000 assembly reads it
var splats = func() (s splatsAVX2) {
	for i := range 4 {
		for j := range AlphaExp2 {
			s.AlphaExp2[j][i], s.MillsP[j][i] = AlphaExp2[j], MillsP[j]
		}
		for j := range MillsW {
			s.MillsW[j][i] = MillsW[j]
		}
		s.alpha[i], s.cHi[i], s.cLo[i], s.nearest[i], s.normNear[i] = Alpha, CHi, CLo, Nearest, NormNear
		s.nearestBias[i], s.vMax[i], s.invC[i], s.densityScale[i] = Nearest+ExpBias, VMax, InvC, InvAlphaCSqrt2Pi
		s.half[i], s.minusZero[i] = 0.5, math.Copysign(0, -1)
	}
	return s
}()
