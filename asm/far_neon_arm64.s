//go:build !purego

// The far path (kernels/ref_far.go): samples so far from every component that the sums of sums_neon_arm64.s underflow. The
// smallest |v| is factored out of all sums, and Halley's method solves for the distance of z from it.
//
// What needs more than that is left to the reference: components on both sides, NaN, and infinities.
// Floating-point and vector pipes, per component and vector of 2: 7 and 58 operations and a division, two more to prepare the
// component of a sample; per vector 189, 10 divisions and a square root besides.

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "consts_arm64.h"
#include "pairs_arm64.h"
#include "steps_arm64.h"

#define WHOLE 30 // |v|, or C·z

// The second half, after the components.
#define TM SV    // the distance of the nearest, in standard deviations
#define INV REM  // 1/TM; then half of it
#define DELTA K  // z - TM
#define LATENT E // |z|
#define LOG_OF_PE LOG(PE, U, Y, PO, WE, WO, T)

// General registers.
#define TILE 0
#define SAMPLES 1 // left
#define X_AT 2
#define Z_AT 3
#define L_AT 4 // holds the smallest |v| until L is there
#define COMPONENTS 5 // left
#define COMPONENT 6
#define SCALAR 7
#define W_AT 8 // the current component's
#define MEAN_AT 9
#define SCALE_AT 10
#define STRIDE 11 // in bytes
#define W_ROW 12 // the first component's
#define MEAN_ROW 13
#define SCALE_ROW 14
#define ALL_EASY 15 // -1 as long as no sample was left

#define BEGIN \
	MOVD t+0(FP), R(TILE) \
	CONSTANTS \
	MOVD $-1, R(ALL_EASY) \
	MOVD MixtureArgs_N(R(TILE)), R(SAMPLES) \
	MOVD MixtureArgs_X(R(TILE)), R(X_AT)    \
	MOVD MixtureArgs_Z(R(TILE)), R(Z_AT)    \
	MOVD MixtureArgs_L(R(TILE)), R(L_AT)

#define FIRST_SHARED \
	MOVD MixtureArgs_Components(R(TILE)), R(COMPONENT) \
	MOVD MixtureArgs_K(R(TILE)), R(COMPONENTS)

#define NEXT_SHARED(loop) \
	ADD  $Component__size, R(COMPONENT) \
	SUBS $1, R(COMPONENTS)              \
	BNE  loop

#define FIRST_EACH \
	MOVD R(W_ROW), R(W_AT)         \
	MOVD R(MEAN_ROW), R(MEAN_AT)   \
	MOVD R(SCALE_ROW), R(SCALE_AT) \
	MOVD MixtureArgs_K(R(TILE)), R(COMPONENTS)

#define NEXT_EACH(loop) \
	ADD  R(STRIDE), R(W_AT)     \
	ADD  R(STRIDE), R(MEAN_AT)  \
	ADD  R(STRIDE), R(SCALE_AT) \
	SUBS $1, R(COMPONENTS)      \
	BNE  loop

// v = (x-mean)·IH, with IH in PO: C/σ.
#define DISTANCE_SHARED \
	READG(X_AT, T)    \
	PARAMETER(Component_Mean, PE) \
	PARAMETER(Component_IH, PO)   \
	SAME3(FSUB_D2, PE, T, SV)     \
	SAME3(FMUL_D2, PO, SV, SV)    \
	FABSG(SV, WHOLE)

#define DISTANCE_EACH \
	READG(X_AT, T)      \
	READG(MEAN_AT, PE)  \
	FSUBG(PE, T, SV)    \
	READG(SCALE_AT, PE) \
	LOADG(C_HI, PO)     \
	FDIVG(PE, PO, PO)   \
	FMULG(PO, SV, SV)   \
	FABSG(SV, WHOLE)

// farSums.nearest: the smallest |v| in SUM_D, of components whose weight, in WE, is not zero.
#define NEAREST_SO_FAR \
	FCMGEG(SUM_D, WHOLE, T) \
	FCMEQ0G(WE, WE)         \
	ORRG(WE, T, T)          \
	BIFG(T, WHOLE, SUM_D)

// farSums.add, but for sums.take: the Gaussian relative to that of the nearest component, in E, and the Mills ratio.
#define RELATIVE \
	READG(L_AT, T)         \
	FSUBG(WHOLE, T, REM)   \
	FADDG(WHOLE, T, T)     \
	LOADG(MAX_FLOAT, Y)    \
	FMING(Y, T, T)         \
	FMULG(T, REM, REM)     \ // vm² - v²
	ZERO(T)                \
	FMING(T, REM, REM)     \
	LOADG(MINUS_FAR_LEAST, T) \
	FMAXG(T, REM, REM)     \
	LOADG(NEAREST_BIAS, T) \
	FADDG(T, REM, K)       \ // the exponent, in the low bits
	FSUBG(T, K, T)         \
	FSUBG(T, REM, REM)     \
	MOVG(WHOLE, U)         \
	STILL                  \
	ALPHA_GAUSS_MILLS(WHOLE)

// PE + delta·(tm + delta/2)
#define SQUARES_APART \
	MOVG(TM, U)          \
	LOADG(HALF, T)       \
	FMLAG(T, DELTA, U)   \
	FMLAG(DELTA, U, PE)

// A step of Halley's method.
#define HALLEY \
	FADDG(DELTA, TM, U)        \ // z
	LOADG(C_HI, WHOLE)         \
	FMULG(U, WHOLE, WHOLE)     \
	MOVG(WHOLE, U)             \
	STILL                      \
	MILLS(WHOLE)               \
	LOADG(ALPHA, WHOLE)        \
	FMULG(PE, WHOLE, WHOLE)    \ // m, the Mills ratio of z
	FDIVG(WHOLE, SUM_D, PE)    \
	LOADG(MINUS_EXP_BIAS, U)   \
	LOG_OF_PE                  \
	SQUARES_APART              \ // residual
	LOADG(SQRT_2PI, T)         \
	FMULG(T, WHOLE, WHOLE)     \
	FMULG(WHOLE, PE, PE)       \ // u
	FMULG(PE, PE, T)           \
	FMLAG(INV, T, PE)          \ // u + u²/2tm
	FSUBG(PE, DELTA, DELTA)

// farSums.forward
#define FORWARD \
	READG(L_AT, TM)            \
	LOADG(INV_C, T)            \
	FMULG(T, TM, TM)           \
	LOADG(ONE, INV)            \
	FDIVG(TM, INV, INV)        \
	FABSG(SUM_D, SUM_D)        \
	FMULG(TM, SUM_D, PE)       \
	LOADG(SQRT_2PI, T)         \
	FMULG(T, PE, PE)           \
	LOADG(MINUS_EXP_BIAS, U)   \
	LOG_OF_PE                  \
	FMULG(INV, PE, PE)         \
	FNEGG(PE, PE)              \ // q
	FADDG(PE, PE, PE)          \
	LOADG(ONE, T)              \
	FMLAG(INV, PE, T)          \
	FSQRTG(T, T)               \
	LOADG(ONE, U)              \
	FADDG(U, T, T)             \
	FDIVG(T, PE, DELTA)        \
	LOADG(HALF, T)             \
	FMULG(T, INV, INV)         \
	HALLEY                     \
	HALLEY                     \
	FADDG(DELTA, TM, LATENT)   \
	LOADG(INFINITY, T)         \
	FCMGTG(TM, T, T)           \ // all is finite
	FCMEQ0G(SUM_WN, SUM_WN)    \
	FCMEQ0G(SUM_WP, SUM_WP)    \
	LOADG(SIGN, U)             \
	ANDG(SUM_WP, U, U)         \
	EORG(U, LATENT, LATENT)    \
	ORRG(SUM_WP, SUM_WN, SUM_WN) \ // all components are on one side
	ANDG(T, SUM_WN, SUM_WN)    \
	ORNG(SUM_WN, LATENT, LATENT) \
	WRITEG(LATENT, Z_AT)       \
	ALLG(SUM_WN, T, SCALAR)    \
	AND R(SCALAR), R(ALL_EASY) \
	MOVG(SUM_F, PE)            \
	LOADG(MINUS_EXP_BIAS, U)   \
	LOG_OF_PE                  \
	LOADG(LN_SQRT_2PI, T)      \
	FADDG(T, PE, PE)           \
	SQUARES_APART                   \
	WRITEG(PE, L_AT)           \
	ADD $GROUP_BYTES, R(X_AT)  \
	ADD $GROUP_BYTES, R(Z_AT)  \
	ADD $GROUP_BYTES, R(L_AT)

#define ANSWER \
	ADDS $1, R(ALL_EASY)     \
	CSET NE, R(ALL_EASY)     \
	MOVB R(ALL_EASY), missed+8(FP)

// func MixtureFarNEON(t *MixtureArgs) (missed bool)
TEXT ·MixtureFarNEON(SB), NOSPLIT, $256-9
	BEGIN

samples:
	LOADG(INFINITY, SUM_D)
	FIRST_SHARED

nearest:
	DISTANCE_SHARED
	PARAMETER(Component_W, WE)
	DUP_D2(0, WE, WE+1)
	NEAREST_SO_FAR
	NEXT_SHARED(nearest)

	WRITEG(SUM_D, L_AT)
	CLEAR
	FIRST_SHARED
	BLOCK_START(component)

component:
	DISTANCE_SHARED
	RELATIVE
	PARAMETER(Component_W, WE)
	PARAMETER(Component_Density, WO)
	TAKE(WE, WO, 0)
	ADD $Component__size, R(COMPONENT)
	NEXT_COMPONENT(component, block)

block:
	BLOCK_END(component, solve)

solve:
	FORWARD
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	ANSWER
	RET

// func PerSampleFarNEON(t *MixtureArgs) (missed bool)
TEXT ·PerSampleFarNEON(SB), NOSPLIT, $256-9
	BEGIN
	MOVD MixtureArgs_Weight(R(TILE)), R(W_ROW)
	MOVD MixtureArgs_Mean(R(TILE)), R(MEAN_ROW)
	MOVD MixtureArgs_Scale(R(TILE)), R(SCALE_ROW)
	MOVD MixtureArgs_Stride(R(TILE)), R(STRIDE)
	LSL  $3, R(STRIDE)

samples:
	LOADG(INFINITY, SUM_D)
	FIRST_EACH

nearest:
	DISTANCE_EACH
	READG(W_AT, WE)
	NEAREST_SO_FAR
	NEXT_EACH(nearest)

	WRITEG(SUM_D, L_AT)
	CLEAR
	FIRST_EACH
	BLOCK_START(component)

component:
	DISTANCE_EACH
	RELATIVE
	READG(W_AT, WE)
	READG(SCALE_AT, T)
	LOADG(C_HI, PO)
	FDIVG(T, PO, PO)
	LOADG(DENSITY_SCALE, WO)
	FMULG(WE, WO, WO)
	FMULG(PO, WO, WO)
	TAKE(WE, WO, 1)
	ADD R(STRIDE), R(W_AT)
	ADD R(STRIDE), R(MEAN_AT)
	ADD R(STRIDE), R(SCALE_AT)
	NEXT_COMPONENT(component, block)

block:
	BLOCK_END(component, solve)

solve:
	FORWARD
	ADD  $GROUP_BYTES, R(W_ROW)
	ADD  $GROUP_BYTES, R(MEAN_ROW)
	ADD  $GROUP_BYTES, R(SCALE_ROW)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	ANSWER
	RET
