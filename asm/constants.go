package asm

import "math"

// The parameters of the algorithms, as opposed to the coefficients of the approximations.
const (
	// ExpBias keeps linear-space sums away from subnormal numbers: Gaussians are carried as 2^(ExpBias - v²), and the bias
	// is taken off once per sample instead of letting each component underflow, and stall, on its own.
	ExpBias = 480
	Bias    = 0x1p480
	Unbias  = 0x1p-480

	// Nearest rounds to the nearest integer when added and subtracted, and leaves the integer in the low bits.
	Nearest = 0x1.8p52

	// FarDensity: a sample whose tails sum to less than this (biased) has every component more than 39 standard deviations
	// away; it is recomputed in log space. Components clamped at VMax contribute 2^-196 of it at most.
	FarDensity = 0x1p-620

	// ProbitCut separates the central probit from its tail; a power of two, so that a scaled p compares exactly.
	ProbitCut = 0x1p-7

	// FarBase2 is the |v| beyond which the E-step leaves linear space, 39 standard deviations.
	FarBase2 = 33

	MinNormal = 0x1p-1022
	Sqrt2Pi   = 1 / InvSqrt2Pi
)

// Constants are the scalars that assembly broadcasts, by name: the assembler knows their offsets from go_asm.h.
type Constants struct {
	SignBit, AbsMask                                  uint64
	One, Two, Half, Three, Six, Third, Sixth, Quarter float64
	Inf, NegInf, NaN, MaxFloat, MinNormal             float64
	CHi, CLo, InvC, InvC2, Log2EHi, Log2ELo           float64
	Ln2, Ln2Hi, Ln2Lo, LnSqrt2Pi, Sqrt2, Sqrt2Pi      float64
	InvSqrt2Pi, Alpha, InvAlphaCSqrt2Pi               float64
	InvAlphaSqrt2Pi, AlphaSqrt2Pi, Sqrt2PiOverAlpha   float64
	InvAlphaSqrt2PiUnbias                             float64
	VMax, Bias, Unbias, ExpBias, NegExpBias           float64
	Nearest, NearestBias                              float64
	FarDensity, ProbitCut, FarBase2                   float64
	SqrtHalfBits, MantissaMask                        uint64
	Tiny80, Huge80                                    float64
}

// Const holds the Constants.
var Const = Constants{
	SignBit: 1 << 63, AbsMask: 1<<63 - 1,
	One: 1, Two: 2, Half: 0.5, Three: 3, Six: 6, Third: 1. / 3, Sixth: 1. / 6, Quarter: 0.25,
	Inf: math.Inf(1), NegInf: math.Inf(-1), NaN: math.NaN(), MaxFloat: math.MaxFloat64, MinNormal: MinNormal,
	CHi: CHi, CLo: CLo, InvC: InvC, InvC2: InvC * InvC, Log2EHi: Log2EHi, Log2ELo: Log2ELo,
	Ln2: math.Ln2, Ln2Hi: Ln2Hi, Ln2Lo: Ln2Lo, LnSqrt2Pi: LnSqrt2Pi, Sqrt2: Sqrt2, Sqrt2Pi: Sqrt2Pi,
	InvSqrt2Pi: InvSqrt2Pi, Alpha: Alpha, InvAlphaCSqrt2Pi: InvAlphaCSqrt2Pi,
	InvAlphaSqrt2Pi: InvAlphaSqrt2Pi, AlphaSqrt2Pi: Alpha * Sqrt2Pi, Sqrt2PiOverAlpha: Sqrt2Pi / Alpha,
	InvAlphaSqrt2PiUnbias: InvAlphaSqrt2Pi * Unbias,
	VMax:                  VMax, Bias: Bias, Unbias: Unbias, ExpBias: ExpBias, NegExpBias: -ExpBias,
	Nearest: Nearest, NearestBias: Nearest + ExpBias,
	FarDensity: FarDensity, ProbitCut: ProbitCut, FarBase2: FarBase2,
	SqrtHalfBits: 0x3fe6a09e667f3bcd, MantissaMask: 1<<52 - 1,
	Tiny80: 0x1p-80, Huge80: 0x1p80,
}
