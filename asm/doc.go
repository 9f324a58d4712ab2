// Package asm holds the assembly of the kernels, for three instruction sets, and the numbers that it shares with the
// reference in package kernels: the coefficient tables, derived and bounded by derive/derive.py, and the constants of the
// algorithms. It imports no other package of this module. Programs use package kernels instead.
//
// # How to read it
//
// Read the reference first: every function here returns the bits of a function of kernels/ref_*.go, which its stub names
// (stubs_amd64.go, stubs_arm64.go) and which explains the method. Then read the header of an instruction set,
// avx512_amd64.h, avx2_amd64.h or the two of NEON: it defines the steps of the kernels as macros, such as an exponential, a
// Mills ratio, a logarithm and a quantile, with a register map. A kernel, in <topic>_<instruction set>.s, then reads like
// its formula:
//
//	sums        Σ wΦ, Σ w, Σ (w/σ)φ over the components, for one mixture or one per sample
//	finish      from the sums to z and log dz/dx, or to F, S and f
//	far         the same in log space, where the sums underflow
//	inverse     a step of Halley's method in z-space for all unsolved samples
//	backward    the reverse mode of the forward map
//	em          responsibilities and sufficient statistics
//	norm        Φ, Φ(-·), log Φ, φ and Φ⁻¹
//	activate    a smooth ReLU and its derivative
//	elementary  exp, log, tanh, softmax, exp(bound·tanh(raw))
//	spline      rational-quadratic splines: forward map, inverse, reverse mode
//	logsumexp   the largest share of a softmax, and its logit
//	gaussian    log-densities of a Gaussian in several dimensions
//	train       Adam, sums
//	gemm        matrix products: tiles, a few rows, panels
//	dots        matrix products with one short side, both matrices along k
//	peak        fused multiply-adds alone, to measure the processor's peak
//
// # Rules
//
// Each lane holds a sample. Kernels process whole blocks of 16 samples; package kernels cuts tiles and pads the last block.
// Each lane sums over the components in their order, in blocks of eight whose sums are added by compensated summation; sums
// over samples use eight partial sums, so that no result depends on the width of a vector. Instructions whose results depend
// on the processor, such as reciprocal estimates, are not used. Rare cases, for which the reference is fast enough, are
// marked by NaN and left to the caller. Arguments are passed in structs whose offsets go_asm.h names; scalar constants are
// in one struct, constants. R14, R15 and BP on amd64, and R18 and R27 to R30 on arm64, are not used.
package asm

//go:generate go run ./gen
