//go:build !purego

// The E-step of a mixture that all samples share (kernels/ref_em.go).
//
// A group of samples goes through its components three times: for the nearest one, for the densities and their sum f, and
// for the statistics. Scratch keeps |v| in between, then the densities.
// Floating-point and vector pipes, per component and vector of 2: 5, 24 and 6 operations, of them 12 fused; per vector 32 and
// 2 divisions besides.

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "consts_arm64.h"
#include "quads_arm64.h"
#include "steps_arm64.h"

// Groups.
#define X 0
#define SHIFT 4 // the nearest |v|; then what is factored out
#define DENSITY 8 // f
#define S0 12 // scratch
#define S1 16
#define S2 20
#define S3 24
#define S4 28

// A component's parameters, in both elements of a register each.
#define MEAN 28
#define IH 29

// General registers.
#define TILE 0
#define SAMPLES 1 // left
#define X_AT 2
#define COMPONENTS 3 // left
#define COMPONENT 4
#define SCRATCH_AT 5 // the current component's
#define ACC_AT 6
#define SCALAR 7

#define FIRST \
	MOVD MixtureArgs_Components(R(TILE)), R(COMPONENT) \
	MOVD MixtureArgs_K(R(TILE)), R(COMPONENTS)         \
	MOVD MixtureArgs_Scratch(R(TILE)), R(SCRATCH_AT)

#define NEXT(loop) \
	ADD  $Component__size, R(COMPONENT) \
	ADD  $128, R(SCRATCH_AT)            \
	SUBS $1, R(COMPONENTS)              \
	BNE  loop

// func MixtureEMNEON(t *MixtureArgs)
TEXT ·MixtureEMNEON(SB), NOSPLIT, $128-8
	MOVD t+0(FP), R(TILE)
	CONSTANTS
	MOVD MixtureArgs_N(R(TILE)), R(SAMPLES)
	MOVD MixtureArgs_X(R(TILE)), R(X_AT)

samples:
	READG(X_AT, X)
	LOADG(INFINITY, SHIFT)
	FIRST

nearest:
	PARAMETER(Component_Mean, MEAN)
	PARAMETER(Component_IH, IH)
	SAME3(FSUB_D2, MEAN, X, S0)
	SAME3(FMUL_D2, IH, S0, S0)
	FABSG(S0, S0) // |v|
	WRITEG(S0, SCRATCH_AT)
	MOVD Component_W(R(COMPONENT)), R(SCALAR)
	LSL  $1, R(SCALAR) // ±0 is no weight
	CBZ  R(SCALAR), weightless
	FCMGEG(SHIFT, S0, S1)
	BIFG(S1, S0, SHIFT)

weightless:
	NEXT(nearest)

	LOADG(FAR_BASE2, S0)
	FCMGEG(SHIFT, S0, S0)
	BICG(S0, SHIFT, SHIFT) // 0 within reach
	FMULG(SHIFT, SHIFT, DENSITY)
	ZERO(S0)
	FMULG(S0, DENSITY, DENSITY) // 0, or NaN
	FIRST
	MOVD $total-128(SP), R(TOTALS_AT)
	MOVD MixtureArgs_K(R(TILE)), R(ALL)
	MOVD ZR, R(PASSED)
	CLEAR_TOTAL(0, S0)

densities:
	READG(SCRATCH_AT, S0)
	FSUBG(S0, SHIFT, S1)
	FADDG(SHIFT, S0, S0)
	FMULG(S1, S0, S0) // shift² - v²
	ZERO(S1)
	FMING(S1, S0, S0)
	LOADG(MINUS_EM_LEAST, S1)
	FMAXG(S1, S0, S0)
	LOADG(NEAREST_BIAS, S2)
	FADDG(S2, S0, S1) // the exponent, in the low bits
	FSUBG(S2, S1, S2)
	FSUBG(S2, S0, S0)
	EXP2_UNIT(ALPHA_EXP2, ALPHA, S0, S2, S3)
	SCALE(S2, S1)
	PARAMETER(Component_Density, S4)
	SAME3(FMUL_D2, S4, S2, S2)
	FADDG(S2, DENSITY, DENSITY)
	WRITEG(S2, SCRATCH_AT)
	ADD  $Component__size, R(COMPONENT)
	ADD  $128, R(SCRATCH_AT)
	NEXT_COMPONENT(densities, block)

block:
	ONE_BLOCK(responsibilities)
	ADD_BLOCK(DENSITY, 0, S0, S1, S2)
	CMP R(ALL), R(PASSED)
	BNE densities
	ADD_LOST(DENSITY, 0, S0)

responsibilities:
	LOADG(ONE, S0)
	FDIVG(DENSITY, S0, S0)
	MOVD MixtureArgs_Acc(R(TILE)), R(ACC_AT)
	FIRST

statistics:
	READG(SCRATCH_AT, S1)
	FMULG(S0, S1, S1) // r
	PARAMETER(Component_Mean, MEAN)
	SAME3(FSUB_D2, MEAN, X, S2) // d
	READG(ACC_AT, S3)
	FADDG(S1, S3, S3)
	WRITEG(S3, ACC_AT)
	ADD $64, R(ACC_AT)
	FMULG(S2, S1, S1)
	READG(ACC_AT, S3)
	FADDG(S1, S3, S3)
	WRITEG(S3, ACC_AT)
	ADD $64, R(ACC_AT)
	READG(ACC_AT, S3)
	FMLAG(S1, S2, S3)
	WRITEG(S3, ACC_AT)
	ADD $64, R(ACC_AT)
	NEXT(statistics)

	LOADG(MINUS_EXP_BIAS, X)
	LOG(DENSITY, X, S0, S1, S2, S3, S4)
	FMULG(SHIFT, SHIFT, SHIFT)
	LOADG(LN2, S0)
	FMLSG(S0, SHIFT, DENSITY)
	READG(ACC_AT, S3)
	FADDG(DENSITY, S3, S3)
	WRITEG(S3, ACC_AT)
	ADD  $GROUP_BYTES, R(X_AT)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET
