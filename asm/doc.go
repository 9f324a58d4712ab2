// Package asm holds the assembly of the kernels, for three instruction sets, and the numbers that it shares with the
// reference in package kernels: the coefficient tables, derived and bounded by derive/derive.py, and the constants of the
// algorithms. It imports nothing of this module; use package kernels instead.
//
// # Reading it
//
// The reference comes first: every function here returns the bits of a function of kernels/*.go, which is named in its
// stub (stubs_amd64.go, stubs_arm64.go) and says why it computes what it computes. Then the header of an instruction set,
// avx512_amd64.h, avx2_amd64.h or the two of NEON: it has the steps that the kernels are made of, one macro each, an
// exponential, a Mills ratio, a logarithm, a quantile, with a register map. A kernel, in <topic>_<instruction set>.s, then
// reads like its formula:
//
//	sums        Σ wΦ, Σ w, Σ (w/σ)φ over the components, for one mixture or one per sample
//	finish      from the sums to z and log dz/dx, or to F, S and f
//	far         the same in log space, where the sums underflow
//	inverse     a step of Halley's method in z-space for all samples that are left
//	backward    the reverse mode of the forward map
//	em          responsibilities and sufficient statistics
//	norm        Φ, Φ(-·), log Φ, φ and Φ⁻¹
//	activate    a smooth ReLU and its derivative
//	elementary  exp, log, tanh, softmax, exp(bound·tanh(raw))
//	spline      rational-quadratic splines: forward map, inverse, reverse mode
//	train       Adam, sums
//	gemm        matrix products: tiles, a few rows, panels
//	dots        matrix products with one short side, both matrices along k
//	peak        nothing but fused multiply-adds, to measure by
//
// # Rules
//
// Lanes are samples. Kernels take whole blocks of 16; package kernels cuts tiles and fills up the last block, so there are
// no tails here. The sum over components runs in their order in each lane, in blocks of eight whose sums are added with what
// that loses; sums over samples go to eight partial sums, so that
// the width of a vector does not show in any result. No instruction whose result depends on the processor is used
// (reciprocal estimates and the like). What is rare, and for which the reference is good enough, is marked by NaN and
// left to the caller. Arguments come in structs whose offsets go_asm.h names; scalar constants come from one struct,
// constants. R14, R15 and BP on amd64, R18 and R27 to R30 on arm64 are left alone.
package asm

//go:generate go run ./gen
