package asm

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
