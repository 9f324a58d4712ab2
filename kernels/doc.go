// Package kernels evaluates, over slices, the functions that a Gaussianization flow is made of: the normal distribution function,
// its logarithm, density and quantile; and for one-dimensional Gaussian mixtures
//
//	F = Σ w Φ(t)   S = Σ w Φ(-t)   f = Σ (w/σ) φ(t)   t = (x-μ)/σ
//	z = Φ⁻¹(F) if F ≤ S, else -Φ⁻¹(S)      L = log dz/dx = log f + z²/2 + log √(2π)
//
// with the inverse of z(x), the gradients of z and L, and the E-step of EM; for one mixture that all samples share ([Mixture])
// and for one mixture per sample ([PerSampleMixtures]). Monotone rational-quadratic splines, one per sample ([Splines]), have the
// same three kernels: forward, inverse and gradients. Logarithms are natural, log-determinants in nats.
//
// # Tails
//
// F and S are both sums, neither is computed as 1 minus the other, and nothing is clipped. If a component is more than 42
// standard deviations away, its e^(-t²/2) leaves the range of the sums. If all components are more than 39 standard deviations
// away, the sample takes the far path, which works in log space with the t²/2 of the nearest component factored out: z and L are
// finite and accurate for every x whose z is a float64.
//
// In a wide gap between components the map is so flat that many numbers x share one z; if the gap is wider than some 38 standard
// deviations, all x in it do. There a round trip from x to z and back ends at another x of the gap, and the two log-determinants
// do not cancel.
//
// # Domain
//
// Weights are in [0, 1] and sum to one within a few ulp; they are used as given. A component of weight zero has no effect: its
// mean and scale change no bit of any result. (Removing it may change last bits in two cases: if there are more than eight
// components, since sums over components are formed in blocks of eight; and if one component of weight 1 is left, since it is
// then mapped by (x-μ)/σ directly.) Other weights should be at least 1e-200, and 1e-30 for [MixtureEM], so that no component's
// contribution underflows. Scales lie in [1e-60, 1e60], means within ±1e150. Samples, latent values and upstream gradients may
// have any value:
//
//	kernel             NaN    at infinities and other limits
//	NormCDF, NormSF    NaN    1 and 0; Φ underflows gradually to 0 at x = -38.5
//	NormLogCDF         NaN    0 and -Inf; -Inf below -1.896e154, where x²/2 overflows
//	NormPDF            NaN    0
//	NormQuantile       NaN    -Inf at 0, +Inf at 1, NaN outside [0, 1]
//	Exp                NaN    +Inf and 0; underflows gradually to 0 at -745.2
//	Log                NaN    +Inf; -Inf at ±0, NaN below 0
//	Tanh               NaN    ±1; keeps the sign of 0
//	MixtureCDF         NaN    F, S, f = 1, 0, 0 and 0, 1, 0
//	…Forward           NaN    z = x, L = -log of the largest scale with weight, its limit
//	…Inverse           NaN    x = z, and the limit of its log-det
//	…Backward          NaN    NaN, as for every sample with z² beyond 1e308; finite up to |t| = 1e150
//	Splines…           NaN    the identity at and beyond ±Bound; parameters get no gradient there
//	MixtureEM          NaN    the statistics are NaN, as for samples with t² beyond 1e308
//	Softmax            NaN    a logit -Inf has weight 0; +Inf, or -Inf alone, makes the sample's weights NaN
//	LogSumExp          NaN    where the softmax is NaN
//	GaussianLog…       NaN    -Inf; NaN where infinite products cancel
//	BoundedExp         NaN    e^bound and e^-bound; its gradient is 0
//	SmoothReLU         NaN    +Inf and 0; its slope is 1 and 0
//	Sum, SumSquares    NaN    as additions have it
//	Adam               NaN    as the formula has it
//	Gemm               NaN    as fused multiply-adds have it; ReLU and a mask leave NaN
//
// NaN results have unspecified sign and payload. Empty slices are allowed; different lengths, and strides that do not fit, panic
// as in gonum. No kernel allocates once its pool of scratch memory is filled.
//
// # Bits
//
// Every kernel is a method of [Tier], an instruction set, and a package function that uses the active tier. All tiers on all
// machines return the same bits: one algorithm, one order of operations, fused multiply-adds only where the code writes them,
// coefficients from one table. The result of a sample depends neither on the other samples of a call nor on its position among
// them. [MixtureForward], [MixtureInverse] and their gradients have the same bits as the PerSample kernels with the same mixture
// for every sample. Sums over samples consist of eight partial sums that are added as a fixed tree. Sums over components run in
// their order, in blocks of eight: another order may change the last bits. Mirroring the mixture and x at 0 changes the sign of
// z, and no other bit of z and L.
//
// The tiers are [AVX512] (F, DQ, VL and BW) and [AVX2] (with FMA) on amd64, [NEON] on arm64, and [Generic], in pure Go, on
// everything: the reference that the others are tested against, and all there is with -tags purego.
// GAUSSFLOW_SIMD=generic|avx2|avx512|neon forces one for a process; [Active] returns the active tier, or an error that says what
// the forced tier lacks. A method of a tier that cannot run here panics and says what is missing.
//
// Assembly processes whole blocks of 16 samples, up to 1024 in a call; remaining samples are copied into a padded block, so that
// a short call costs as much as one of 16 samples. Rare cases, such as a NaN among the samples or an inverse in a gap 40
// standard deviations wide, are detected by the assembly and computed by the reference: such a sample takes up to 20 times as
// long as others, its gradients beyond |z| = 6 up to 50 times.
//
// # Accuracy
//
// The table gives the largest errors that a search found, against 256-bit arithmetic, and the limits that are promised. The
// tests check both on every tier, and generate this table; go test ./kernels -run Accuracy -search 1m searches for larger
// errors.
//
// The units are: ulp, the spacing of float64 numbers at the exact result, where that is a normal number; uz = ulp(z) +
// ulp(min(F, S))/φ(z), the effect on z of the last bits of z and of the probability; ub = 2⁻⁵²·bound; ux = ulp(x) + uz·dx/dz; uL
// = 2⁻⁵²·max(1, |L|, z²/2), with z = 0 for splines. The errors of splines are relative to the spline through the rounded knots.
// The largest entry of a gradient is that of the same gradient (of z or of L) at the same sample, with means in units of 1/σ.
// The entry of x is a sum over components, in units of the 1/σ of the likeliest; for it, largest is the sum of all entries. The
// inverse's L belongs to x before its last rounding: if means are so many scales away from 0 that the last bit of x changes L by
// more than uL, an error of |dL/dx|·ulp(x) is added. For mixtures the worst input is given by K and its x or z;
// internal/kerneltest has the whole input. The columns avx2 and avx512 are cycles per element of the kernel behind the result,
// on one core of an AMD EPYC of family 0x1a (Zen 5), 8 components to a mixture; make bench prints those of the machine it runs
// on.
//
//	result            domain                           max          limit  unit                      avx2   avx512  worst input
//	Φ(x)              x ≥ -37.5                        4.25         6      ulp                       6.2    2.9     -4.3256950690856755
//	Φ(-x)             x ≤ 37.5                         4.20         6      ulp                       6.2    2.9     2.426577576476679
//	log Φ(x)          -20000 ≤ x ≤ 0                   4.09         9      ulp                       13.8   11.2    -0.3012167752690019
//	log Φ(x)          0 ≤ x ≤ 37.5                     5.54         9      ulp                       13.8   11.2    0.31848865796810016
//	φ(x)              |x| ≤ 37.5                       1.61         4      ulp                       3.6    1.8     -0.9669815197427033
//	Φ⁻¹(p)            0 < p < 1                        3.24         4      ulp                       11.2   6.1     0.029585558873913533
//	exp x             -708.39 ≤ x ≤ 709.78             1.03         4      ulp                       2.9    1.4     -61.333996021973164
//	log x             0 < x                            0.86         4      ulp                       4.1    2.4     0.7018002209348776
//	tanh x            all                              1.40         4      ulp                       5.1    2.6     0.6251899583946593
//	mixture F         normal results                   6.37         10     ulp                       56.2   28.1    K=8, -2.85605
//	mixture S         normal results                   6.70         10     ulp                       56.2   28.1    K=8, 150.276
//	mixture f         normal results                   5.61         10     ulp                       56.2   28.1    K=8, 2.16275
//	mixture z         |t| ≤ 1000                       6.16         10     uz                        68.4   33.9    K=8, 3.00609
//	mixture L         |t| ≤ 1000                       4.96         9      uL                        68.4   33.9    K=3, 2.56866
//	inverse x         |z| ≤ 100                        3.45         8      ux                        414.8  227.3   K=4, 2.45845e-310
//	inverse L         |z| ≤ 100                        5.05         9      uL + |dL/dz|·uz           414.8  227.3   K=3, -2.42679
//	gradients         |t| ≤ 1000, none light beyond    2286.43      3200   2⁻⁵²·max(1, |L|)·largest  81.1   36.7    K=2, -3.20368
//	gradients, far    10σ to 1000σ outside             21.01        64     2⁻⁵²·max(1, |L|)·largest  -      -       K=3, -49.7583
//	gradients, gap    10σ to 1000σ on both sides       19.15        64     2⁻⁵²·max(1, |L|)·largest  -      -       K=3, 22.4267
//	gradients, light  and weights beyond from 2⁻⁹⁰⁰    24794508.52  1e+08  2⁻⁵²·max(1, |L|)·largest  -      -       K=2, 66.6234
//	spline y          shares ≥ 2⁻¹³, slopes 2⁻⁸ to 2⁸  4.51         8      ub                        -      -       K=3, -3.23687
//	spline L          the same                         5.83         16     uL                        -      -       K=8, -1.79566
//	spline inverse x  the same                         2.33         16     ub·(1 + dx/dy)            -      -       K=2, -0.65092
//	spline inverse L  the same                         5.42         32     uL + |dL/dy|·ub           -      -       K=2, 0.563624
//	spline gradients  the same                         334.72       4500   2⁻⁵²·largest              -      -       K=6, 2.49507
//
// The errors do not grow with the number of components, K: the terms of a block of eight are added one by one, and the sums of
// blocks with compensated summation, which costs nothing up to eight. Softmax uses compensated summation throughout; Σw is the
// exact sum of its weights, minus 1. The largest errors by K that a search found, over mixtures of all kinds, among them some
// whose weights all round in the same direction:
//
//	result      K=2      K=8      K=32     K=64    K=256   K=1000  limit  unit
//	mixture F   3.04     6.37     5.63     4.12    2.96    5.04    10     ulp
//	mixture S   3.57     5.30     4.23     4.72    3.60    4.33    10     ulp
//	mixture f   3.45     4.90     4.31     3.50    2.70    2.50    10     ulp
//	mixture z   2.97     4.14     5.01     4.69    3.51    3.24    10     uz
//	mixture L   4.57     4.45     4.52     3.35    2.91    2.93    9      uL
//	inverse x   1.77     1.87     1.96     1.46    1.30    3.57    8      ux
//	inverse L   4.15     4.62     4.12     3.13    3.22    2.59    9      uL + |dL/dz|·uz
//	gradients   1768.05  1398.11  1024.00  899.94  555.83  448.35  3200   2⁻⁵²·max(1, |L|)·largest
//	softmax w   2.32     2.46     2.47     2.67    2.16    2.09    4      ulp
//	softmax Σw  1.50     1.88     1.69     1.47    1.36    1.90    3.01   2⁻⁵³
//	E-step      5.56     4.07     2.99     3.58    3.26    3.13    20     2⁻⁵²·max(1, t², Σ r t²)·|value|
//
// make components repeats the search, and measures the time by K.
//
// Against correctly rounded reference values at fixed points, in testdata, every tier is within 4 ulp for Φ, φ, F, S, f
// and Φ⁻¹, 4 uz for z, and 2e-15·max(1, |value|, z²/2) for logarithms; go test ./kernels -run Golden -v prints how far.
//
// # Sources
//
// The Mills ratio Φ(-t)/φ(t) is one rational function for all t; exponentials, logarithms, the quantile and tanh are
// classical reductions with minimax polynomials and rationals, all derived by asm/derive/derive.py, which prints its
// error bounds. The logarithm's reduction follows FreeBSD's e_log.c. The inverse is Halley's method in z-space within an
// exact bracket. Splines: Durkan, Bekasov, Murray and Papamakarios, 2019, with denominators and the inverse's discriminant
// written as sums of positive terms. Adam: Kingma and Ba, 2015. Gaussianization flows: Meng, Song, Song and Ermon, 2020; RBIG: Laparra,
// Camps-Valls and Malo, 2011.
package kernels
