//go:build !purego

package asm

import "math"

// constantsAVX2 holds the numbers that replace instructions which AVX2 lacks.
//
//lint:ignore U1000 assembly reads it
type constantsAVX2 struct {
	logBase uint64  // bits of √½, the sign turned: subtracted, it leaves 2048 plus the logarithm's exponent in the top 12 bits
	two52   float64 // or-ed with an integer n < 2^52 it is the float64 2^52 + n

	// 2^52 + 2048 less the k of logNormal: these take the exponent from an integer to a float64.
	exponent, exponentBias, exponent54 float64

	minusInfinity float64

	powers uint64 // added to the bits of Nearest + n it is n + 2·1023
}

//lint:ignore U1000 assembly reads it
var constsAVX2 = constantsAVX2{
	logBase:  consts.sqrtHalf ^ consts.sign,
	two52:    1 << 52,
	exponent: 1<<52 + 2048, exponentBias: 1<<52 + 2048 + ExpBias, exponent54: 1<<52 + 2048 + 54,
	minusInfinity: math.Inf(-1),
	powers:        2*1023 - math.Float64bits(Nearest),
}
