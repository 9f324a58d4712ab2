//go:build !purego

// The sums of a mixture at each sample (kernels/ref_mixture.go):
//
//	d = Σ ±w·Φ(-|t|)    wp, wn = Σ w over t > 0, t < 0    f = Σ w/σ·φ(t)    t = (x-μ)/σ
//
// MixtureSums takes one mixture for all samples, PerSampleSums one for each; they differ in how a component is loaded.
//
// The sums of four samples, two vectors, stay in registers while the components pass by.
// Floating-point and vector pipes, per component and vector of 2: 63 operations, of them 38 fused, and a division; 6 more
// and a division to prepare the component of a sample. Loads go beside them: 37 of 16 bytes and
// 5 broadcasts for two vectors, or 45. The bound is 31.5 cycles with two pipes (Neoverse N1) and 15.75 with four (V1, Apple M).

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "consts_arm64.h"
#include "pairs_arm64.h"
#include "steps_arm64.h"

#define DENSITY 30

// General registers.
#define TILE 0
#define SAMPLES 1 // left
#define X_AT 2
#define D_AT 3
#define WP_AT 4
#define WN_AT 5
#define F_AT 6
#define COMPONENT 8
#define W_AT 9 // the current component's
#define MEAN_AT 10
#define SCALE_AT 11
#define STRIDE 12 // in bytes
#define W_ROW 13 // the first component's
#define MEAN_ROW 14
#define SCALE_ROW 15

#define BEGIN \
	MOVD t+0(FP), R(TILE) \
	CONSTANTS \
	MOVD MixtureArgs_N(R(TILE)), R(SAMPLES) \
	MOVD MixtureArgs_X(R(TILE)), R(X_AT)    \
	MOVD MixtureArgs_D(R(TILE)), R(D_AT)    \
	MOVD MixtureArgs_WP(R(TILE)), R(WP_AT)  \
	MOVD MixtureArgs_WN(R(TILE)), R(WN_AT)  \
	MOVD MixtureArgs_F(R(TILE)), R(F_AT)

#define STORE \
	WRITEG(SUM_D, D_AT)   \
	WRITEG(SUM_WP, WP_AT) \
	WRITEG(SUM_WN, WN_AT) \
	WRITEG(SUM_F, F_AT)   \
	ADD $GROUP_BYTES, R(X_AT)      \
	ADD $GROUP_BYTES, R(D_AT)      \
	ADD $GROUP_BYTES, R(WP_AT)     \
	ADD $GROUP_BYTES, R(WN_AT)     \
	ADD $GROUP_BYTES, R(F_AT)

// func MixtureSumsNEON(t *MixtureArgs)
TEXT ·MixtureSumsNEON(SB), NOSPLIT, $256-8
	BEGIN

samples:
	CLEAR
	MOVD MixtureArgs_Components(R(TILE)), R(COMPONENT)
	BLOCK_START(component)

component:
	READG(X_AT, T)
	VLD1R.P 8(R(COMPONENT)), [V(PE).D2] // Mean
	ADD     $8, R(COMPONENT)
	VLD1R.P 8(R(COMPONENT)), [V(PO).D2] // IH
	VLD1R.P 8(R(COMPONENT)), [V(WE).D2] // IL
	BASE(PE, PO, WE, 0)
	CLAMP
	EXPONENT
	ALPHA_GAUSS_MILLS(U)
	VLD1R.P 8(R(COMPONENT)), [V(WE).D2] // W
	VLD1R.P 8(R(COMPONENT)), [V(WO).D2] // Density, before Ratio
	TAKE(WE, WO, 0)
	ADD     $(Component__size-Component_Ratio), R(COMPONENT)
	NEXT_COMPONENT(component, block)

block:
	BLOCK_END(component, store)

store:
	STORE
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET

// func PerSampleSumsNEON(t *MixtureArgs)
TEXT ·PerSampleSumsNEON(SB), NOSPLIT, $256-8
	BEGIN
	MOVD MixtureArgs_Weight(R(TILE)), R(W_ROW)
	MOVD MixtureArgs_Mean(R(TILE)), R(MEAN_ROW)
	MOVD MixtureArgs_Scale(R(TILE)), R(SCALE_ROW)
	MOVD MixtureArgs_Stride(R(TILE)), R(STRIDE)
	LSL  $3, R(STRIDE)

samples:
	CLEAR
	MOVD R(W_ROW), R(W_AT)
	MOVD R(MEAN_ROW), R(MEAN_AT)
	MOVD R(SCALE_ROW), R(SCALE_AT)
	BLOCK_START(component)

component:
	NEW_COMPONENT(W_AT, MEAN_AT, SCALE_AT, DENSITY)
	READG(X_AT, T)
	BASE(PE, PO, WE, 1)
	CLAMP
	EXPONENT
	ALPHA_GAUSS_MILLS(U)
	READG(W_AT, WE)
	TAKE(WE, DENSITY, 1)
	ADD  R(STRIDE), R(W_AT)
	ADD  R(STRIDE), R(MEAN_AT)
	ADD  R(STRIDE), R(SCALE_AT)
	NEXT_COMPONENT(component, block)

block:
	BLOCK_END(component, store)

store:
	STORE
	ADD  $GROUP_BYTES, R(W_ROW)
	ADD  $GROUP_BYTES, R(MEAN_ROW)
	ADD  $GROUP_BYTES, R(SCALE_ROW)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET
