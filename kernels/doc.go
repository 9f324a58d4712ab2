// Package kernels evaluates, over slices, the functions that a Gaussianization flow is made of: the normal distribution
// function, its quantile and friends; and for one-dimensional Gaussian mixtures
//
//	F = Σ w Φ(t)   S = Σ w Φ(-t)   f = Σ (w/σ) φ(t)   t = (x-μ)/σ
//	z = Φ⁻¹(F) if F ≤ S, else -Φ⁻¹(S)      L = log dz/dx = log f + z²/2 + log √(2π)
//
// with the inverse of z(x), the gradients of z and L, and the E-step of EM; for one mixture that all samples share
// ([Mixture]) and for one mixture per sample ([Mixtures]). Both tails are summed, nothing is clipped, and where linear
// space ends the far path goes on in log space: z and L are accurate for every finite x.
//
// Every kernel is a method of [Tier] and a package function that uses the active tier. All tiers return the same bits:
// one algorithm, one order of operations, fused multiply-adds where the code says so and nowhere else, sums over samples
// in eight partial sums and a fixed tree. The environment variable GAUSSFLOW_SIMD names the tier of a process.
//
// Lengths that differ panic, as in gonum. Data never does: NaN gives NaN, and the limits at ±Inf are documented with each
// function. The tests in golden_test.go print the largest errors of the normal functions, of the quantile and of the
// mixture's forward map, inverse and gradients against correctly rounded references.
package kernels
