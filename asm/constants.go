package asm

import "math"

// The parameters of the algorithms, as opposed to the coefficients of the approximations.
const (
	// ExpBias keeps sums in linear space away from subnormal numbers, which are slow and inexact: Gaussians are computed as
	// 2^(ExpBias - v²), and the bias is removed once per sample.
	ExpBias = 480
	Bias    = 0x1p480
	Unbias  = 0x1p-480

	// Nearest rounds to the nearest integer when added and subtracted, and leaves the integer in the low bits.
	Nearest = 0x1.8p52

	// NormNear: up to this |x|, Φ(-|x|) and its exponential are normal numbers without a bias.
	NormNear = 37

	// FarDensity: a sample whose tails sum to less than this (biased) has every component more than 39 standard deviations
	// away; it is recomputed in log space. Components clamped at VMax contribute at most 2^-196 of it.
	FarDensity = 0x1p-620

	// ProbitCut separates the central probit from its tail; a power of two, so that a scaled p compares exactly.
	ProbitCut = 0x1p-7

	// SumBlock is the number of components whose terms are added one by one; the sums of such blocks are added by compensated
	// summation. A power of two.
	SumBlock = 8

	// FarBase2 is the |v| beyond which the E-step works in log space, 39 standard deviations.
	FarBase2 = 33

	// MillsStill: v*R(v) is Alpha to the last bit from here on.
	MillsStill = 0x1p28

	// FarLeast and EMLeast: exponents below minus these are clamped, in the far path and in the E-step.
	FarLeast, EMLeast = 1200, 1400

	// RatioMost clamps the exponent of a ratio of densities to the range of normal numbers.
	RatioMost = 1000

	// ExpMost and ExpLeast: e^x is Inf above the one and 0 below minus the other.
	ExpMost, ExpLeast = 710, 750

	// TanhCut separates the two forms of tanh; from TanhMost on it is 1.
	TanhCut, TanhMost = 0.625, 20

	// InverseDone: a step of the inverse that is shorter than this part of the narrowest scale is the last one. Halley's
	// error is cubic, and the log-det is carried along the last step to first order: both are then below the last bit.
	// InverseNoise: the largest relative difference between z(x) and z that rounding alone explains, where z(x) does not
	// resolve such a step. InverseSmall: residuals in probability space below this are converted to z-space by Taylor's
	// series. InverseBend: the largest change of the log-det along the last step.
	InverseDone, InverseNoise, InverseSmall, InverseBend = 0x1p-26, 0x1p-48, 0x1p-6, 0x1p-10

	// RoughMost: positions within a component's share of the probability beyond this, on a scale from -1 to 1, give no first
	// guess.
	RoughMost = 0.999

	// InverseRounds bounds the iteration of the inverse. Its bracket halves every fourth round at least; from one that
	// reaches to 1e150 to the last bit of a number that is 1e-60 wide bisection needs 750 halvings, where Newton's method
	// has nothing to hold on to.
	InverseRounds = 4096

	MinNormal = 0x1p-1022
	Sqrt2Pi   = 1 / InvSqrt2Pi

	// RatioScale: w/σ·φ(t)/φ(z) = w·(C/σ)·RatioScale·(Alpha·2^(ζ²-v²)).
	RatioScale = InvAlphaCSqrt2Pi * Sqrt2Pi
)

// RoughCDF is Abramowitz and Stegun's 26.2.16: Φ(-x) = φ(x)(c₁s + c₂s² + c₃s³), s = 1/(1+c₀x), x ≥ 0, within 1e-5.
// RoughProbit is a fit of the quantile at (1+u)/2, u(d₀+d₁u²)/(1+d₂u²+d₃u⁴), within 0.6 % for |u| ≤ 0.99. They are used
// for first guesses only.
var (
	RoughCDF    = [4]float64{0.33267, 0.4361836, -0.1201676, 0.9372980}
	RoughProbit = [4]float64{1.247196113, -1.115299195, -1.199025326, 0.2442675841}
)

// constants holds the scalar constants of the assembly; go_asm.h has the offsets of the fields.
//
//lint:ignore U1000 assembly reads it
type constants struct {
	sign, abs, mantissa uint64 // masks
	sqrtHalf            uint64 // bits of √½, from where the logarithm's mantissa runs

	one, two, three, four, minusFour, half, quarter float64
	third, sixth                                    float64
	minNormal, maxFloat                             float64
	infinity                                        uint64
	two54, minus54                                  float64

	alpha, bias, unbias       float64
	nearest, nearestBias      float64 // Nearest, and Nearest + ExpBias
	minusExpBias              float64
	vMax, farDensity          float64
	normNear                  float64
	farBase2, minusFarLeast   float64
	minusEMLeast, ratioMost   float64
	millsStill, probitCut     float64
	expMost, minusExpLeast    float64
	tanhCut, tanhMost         float64
	inverseDone, inverseNoise float64
	inverseSmall, inverseBend float64
	roughMost                 float64

	cHi, cLo, invC, invC2          float64
	ratioScale                     float64 // InvAlphaCSqrt2Pi·√2π
	densityScale, pdfScale         float64 // InvAlphaCSqrt2Pi, InvAlphaSqrt2Pi
	invPhiScale                    float64
	lnSqrt2Pi, sqrt2Pi, sqrt2      float64
	alphaSqrt2Pi, sqrt2PiOverAlpha float64
	ln2, ln2Hi, ln2Lo              float64
	log2EHi, log2ELo               float64
}

//lint:ignore U1000 assembly reads it
var consts = constants{
	sign: 1 << 63, abs: 1<<63 - 1, mantissa: 1<<52 - 1, sqrtHalf: 0x3fe6a09e667f3bcd,
	one: 1, two: 2, three: 3, four: 4, minusFour: -4, half: 0.5, quarter: 0.25, third: 1. / 3, sixth: 1. / 6,
	minNormal: MinNormal, maxFloat: math.MaxFloat64, infinity: 0x7ff << 52,
	two54: 1 << 54, minus54: -54,
	alpha: Alpha, bias: Bias, unbias: Unbias,
	nearest: Nearest, nearestBias: Nearest + ExpBias, minusExpBias: -ExpBias,
	vMax: VMax, farDensity: FarDensity,
	normNear: NormNear,
	farBase2: FarBase2, minusFarLeast: -FarLeast, minusEMLeast: -EMLeast, ratioMost: RatioMost,
	millsStill: MillsStill, probitCut: ProbitCut,
	expMost: ExpMost, minusExpLeast: -ExpLeast,
	tanhCut: TanhCut, tanhMost: TanhMost,
	inverseDone: InverseDone, inverseNoise: InverseNoise, inverseSmall: InverseSmall, inverseBend: InverseBend, roughMost: RoughMost,
	cHi: CHi, cLo: CLo, invC: InvC, invC2: InvC * InvC,
	densityScale: InvAlphaCSqrt2Pi, ratioScale: RatioScale, pdfScale: InvAlphaSqrt2Pi, invPhiScale: InvAlphaSqrt2Pi * Unbias,
	lnSqrt2Pi: LnSqrt2Pi, sqrt2Pi: Sqrt2Pi, sqrt2: Sqrt2,
	alphaSqrt2Pi: Alpha * Sqrt2Pi, sqrt2PiOverAlpha: Sqrt2Pi / Alpha,
	ln2: math.Ln2, ln2Hi: Ln2Hi, ln2Lo: Ln2Lo,
	log2EHi: Log2EHi, log2ELo: Log2ELo,
}
