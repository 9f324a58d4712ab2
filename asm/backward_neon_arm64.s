//go:build !purego

// The reverse mode of the mixture (kernels/ref_gradient.go).
//
// A group of samples passes by its components once; what belongs to the samples stays in Grad meanwhile, in the first
// numbers of each row, AE with its sign turned.
// Floating-point and vector pipes, per component and vector of 2: 79 operations, of them 39 fused, and a division, or 78 and two
// with a mixture for each sample; per vector 86, of them 48 fused, and a division besides.

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "consts_arm64.h"
#include "pairs_arm64.h"
#include "steps_arm64.h"

// Groups.
#define SUM 0        // Σ r·t/σ
#define T_OVER_SCALE 2
#define RATIO 4      // of a mixture for each sample
#define SQUARE 6     // t² - 1
#define WHOLE 30     // |v|; then RATIO_SHARED
#define D_LOGIT T    // the gradients
#define D_MEAN U
#define D_LOG_SCALE Y

// The parameters of a component after RATIO_MILLS.
#define RATIO_SHARED 30
#define W REM
#define SIGMA K
#define MEAN PO

// General registers.
#define TILE 0
#define SAMPLES 1 // left
#define X_AT 2
#define Z_AT 3
#define L_AT 4
#define GZ_AT 5
#define GL_AT 6
#define DX_AT 7
#define GRAD 8
#define COMPONENT 10
#define SCALAR 11
#define ACC_AT 12
#define LANES 13 // 0 or 32: where the samples' partial sums are
#define DONE 13  // bytes of the samples done
#define W_AT 10  // the current component's
#define MEAN_AT 11
#define SCALE_AT 12
#define STRIDE 14 // in bytes
#define D_STRIDE 15
#define D_LOGIT_AT 19
#define D_MEAN_AT 20
#define D_LOG_SCALE_AT 21

#define BEGIN \
	MOVD t+0(FP), R(TILE) \
	CONSTANTS \
	MOVD MixtureArgs_N(R(TILE)), R(SAMPLES) \
	MOVD MixtureArgs_X(R(TILE)), R(X_AT)    \
	MOVD MixtureArgs_Z(R(TILE)), R(Z_AT)    \
	MOVD MixtureArgs_L(R(TILE)), R(L_AT)    \
	MOVD MixtureArgs_GZ(R(TILE)), R(GZ_AT)  \
	MOVD MixtureArgs_GL(R(TILE)), R(GL_AT)  \
	MOVD MixtureArgs_DX(R(TILE)), R(DX_AT)  \
	MOVD MixtureArgs_Grad(R(TILE)), R(GRAD) \
	MOVD ZR, R(LANES)

#define NEXT_SAMPLES \
	ADD $GROUP_BYTES, R(X_AT)  \
	ADD $GROUP_BYTES, R(Z_AT)  \
	ADD $GROUP_BYTES, R(L_AT)  \
	ADD $GROUP_BYTES, R(GZ_AT) \
	ADD $GROUP_BYTES, R(GL_AT) \
	ADD $GROUP_BYTES, R(DX_AT)

// gaussRatio(REM) in E and millsFar(WHOLE) in PE.
#define RATIO_MILLS \
	LOADG(RATIO_MOST, Y)  \
	FNEGG(Y, T)           \
	FMAXNMG(T, REM, T)    \ // of NaN, -RatioMost
	FMINNMG(Y, T, T)      \
	LOADG(NEAREST, K)     \
	FADDG(T, K, K)        \ // the exponent, in the low bits
	LOADG(NEAREST, REM)   \
	FSUBG(K, REM, REM)    \
	FADDG(T, REM, REM)    \
	MOVG(WHOLE, U)        \
	STILL                 \
	ALPHA_GAUSS_MILLS(WHOLE)

// newSampleGrad
#define SAMPLE \
	READG(Z_AT, SV)           \
	LOADG(C_HI, T)            \
	FMULG(SV, T, T)           \
	FABSG(T, WHOLE)           \ // zeta
	FMULG(WHOLE, WHOLE, REM)  \
	RATIO_MILLS               \
	LOADG(SQRT_2PI_OVER_ALPHA, T) \
	FMULG(T, E, E)            \
	WRITE_FIELD(E, GradState_Whole, GRAD) \
	LOADG(ALPHA_SQRT_2PI, T)  \
	FMULG(T, PE, PE)          \
	WRITE_FIELD(PE, GradState_Tail, GRAD) \
	READG(GL_AT, U)           \
	READG(GZ_AT, Y)           \
	FMLAG(SV, U, Y)           \
	WRITE_FIELD(Y, GradState_A, GRAD) \
	READG(L_AT, PE)           \
	LOADG(LOG2E_HI, T)        \
	FMULG(T, PE, WE)          \
	FNEGG(WE, WE)             \
	WRITE_FIELD(WE, GradState_L2, GRAD) \
	MOVG(PE, PO)              \
	EXP(PO, K, REM, E, T)     \
	FMULG(WHOLE, WHOLE, T)    \
	FSUBG(T, T, T)            \ // 0, or NaN
	FMLAG(PE, T, E)           \ // dz/dx
	FMULG(E, Y, Y)            \
	FNEGG(Y, Y)               \
	WRITE_FIELD(Y, GradState_AE, GRAD) \
	LOADG(ALPHA_SQRT_2PI, T)  \
	FMULG(T, E, E)            \
	WRITE_FIELD(E, GradState_Part, GRAD) \
	ZERO(SUM)

// sampleGrad.component up to the Mills ratio; parameters as BASE takes them. C·z may be negative: zeta² - u² is the same as a
// product of (C·z-u) and (C·z+u).
#define BEFORE(mean, ih, each) \
	READG(X_AT, T)                \
	FSUB_D2(mean, T, SV)          \
	FSUB_D2(mean+each, T+1, SV+1) \
	FMUL_D2(ih, SV, SV)           \
	FMUL_D2(ih+each, SV+1, SV+1)  \
	FABSG(SV, WHOLE)              \
	LOADG(INV_C2, Y)              \
	FMULG(SV, Y, Y)               \
	FMUL_D2(ih, Y, T_OVER_SCALE)  \
	FMUL_D2(ih+each, Y+1, T_OVER_SCALE+1) \
	LOADG(ONE, SQUARE)            \
	FNEGG(SQUARE, SQUARE)         \
	FMLAG(Y, SV, SQUARE)          \
	READG(Z_AT, T)                \
	LOADG(C_HI, Y)                \
	FMULG(T, Y, Y)                \
	FSUBG(WHOLE, Y, T)            \
	FADDG(WHOLE, Y, Y)            \
	READ_FIELD(GradState_L2, GRAD, REM) \
	FMLAG(T, Y, REM)              \
	RATIO_MILLS

// The rest of it: the gradients.
#define AFTER(ratio, each) \
	FMUL_D2(ratio, E, E)              \ // r
	FMUL_D2(ratio+each, E+1, E+1)     \
	FMLAG(T_OVER_SCALE, E, SUM)       \
	READ_FIELD(GradState_Part, GRAD, T) \
	FMULG(E, T, T)                    \
	FMUL_D2(SIGMA, PE, PE)            \
	FMUL_D2(SIGMA+each, PE+1, PE+1)   \
	FMULG(T, PE, PE)                  \ // w·Φ(-|t|)/φ(z)
	READG(Z_AT, Y)                    \
	FCMLE0G(Y, Y)                     \ // the lower side
	CMLT0G(SV, U)                     \
	EORG(Y, U, U)                     \ // the component is on the other one
	FNEGG(PE, WO)                     \
	READ_FIELD(GradState_Whole, GRAD, T) \
	FMLA_D2(W, T, WO)                 \
	FMLA_D2(W+each, T+1, WO+1)        \
	BITG(U, WO, PE)                   \
	READ_FIELD(GradState_Tail, GRAD, T) \
	FMLS_D2(W, T, PE)                 \
	FMLS_D2(W+each, T+1, PE+1)        \
	LOADG(SIGN, T)                    \
	BICG(Y, T, T)                     \
	EORG(T, PE, PE)                   \ // h
	READG(GL_AT, WE)                  \
	FSUB_D2(W, E, D_LOGIT)            \
	FSUB_D2(W+each, E+1, D_LOGIT+1)   \
	FMULG(WE, D_LOGIT, D_LOGIT)       \
	READ_FIELD(GradState_A, GRAD, WO) \
	FMLAG(WO, PE, D_LOGIT)            \
	READ_FIELD(GradState_AE, GRAD, D_MEAN) \
	FMLAG(WE, T_OVER_SCALE, D_MEAN)   \
	FMULG(E, D_MEAN, D_MEAN)          \
	READG(X_AT, WO)                   \
	FSUB_D2(MEAN, WO, WO)             \
	FSUB_D2(MEAN+each, WO+1, WO+1)    \
	READ_FIELD(GradState_AE, GRAD, D_LOG_SCALE) \
	FMULG(WO, D_LOG_SCALE, D_LOG_SCALE) \
	FMLAG(WE, SQUARE, D_LOG_SCALE)    \
	FMULG(E, D_LOG_SCALE, D_LOG_SCALE)

// sampleGrad.block
#define SUM_START \
	MOVD $total-64(SP), R(TOTALS_AT) \
	MOVD MixtureArgs_K(R(TILE)), R(ALL)     \
	MOVD ZR, R(PASSED)               \
	CLEAR_TOTAL(0, SUM)

#define SUM_END(component, done) \
	ONE_BLOCK(done)           \
	ADD_BLOCK(SUM, 0, U, Y, K) \
	CMP R(ALL), R(PASSED)     \
	BNE component             \
	ADD_LOST(SUM, 0, U)

// sampleGrad.dx
#define STORE_DX \
	READ_FIELD(GradState_AE, GRAD, T) \
	FNEGG(T, T)        \
	READG(GL_AT, U)    \
	FMLSG(U, SUM, T)   \
	WRITEG(T, DX_AT)

#define ACCUMULATE(d) \
	READG(ACC_AT, PE)  \
	FADDG(d, PE, PE)   \
	WRITEG(PE, ACC_AT) \
	ADD $64, R(ACC_AT)

// func MixtureBackwardNEON(t *MixtureArgs)
TEXT ·MixtureBackwardNEON(SB), NOSPLIT, $64-8
	BEGIN

samples:
	SAMPLE
	MOVD MixtureArgs_Components(R(TILE)), R(COMPONENT)
	SUM_START
	MOVD MixtureArgs_Acc(R(TILE)), R(ACC_AT)
	ADD  R(LANES), R(ACC_AT)

component:
	PARAMETER(Component_Mean, PE)
	PARAMETER(Component_IH, PO)
	BEFORE(PE, PO, 0)
	PARAMETER(Component_Ratio, RATIO_SHARED)
	PARAMETER(Component_W, W)
	PARAMETER(Component_Scale, SIGMA)
	PARAMETER(Component_Mean, MEAN)
	AFTER(RATIO_SHARED, 0)
	ACCUMULATE(D_LOGIT)
	ACCUMULATE(D_MEAN)
	ACCUMULATE(D_LOG_SCALE)
	ADD  $Component__size, R(COMPONENT)
	NEXT_COMPONENT(component, block)

block:
	SUM_END(component, store)

store:
	STORE_DX
	NEXT_SAMPLES
	EOR  $32, R(LANES)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET

// func PerSampleBackwardNEON(t *MixtureArgs)
TEXT ·PerSampleBackwardNEON(SB), NOSPLIT, $64-8
	BEGIN
	MOVD MixtureArgs_Stride(R(TILE)), R(STRIDE)
	MOVD MixtureArgs_DStride(R(TILE)), R(D_STRIDE)
	LSL  $3, R(STRIDE)
	LSL  $3, R(D_STRIDE)

samples:
	SAMPLE
	MOVD MixtureArgs_Weight(R(TILE)), R(W_AT)
	MOVD MixtureArgs_Mean(R(TILE)), R(MEAN_AT)
	MOVD MixtureArgs_Scale(R(TILE)), R(SCALE_AT)
	MOVD MixtureArgs_DLogit(R(TILE)), R(D_LOGIT_AT)
	MOVD MixtureArgs_DMean(R(TILE)), R(D_MEAN_AT)
	MOVD MixtureArgs_DLogScale(R(TILE)), R(D_LOG_SCALE_AT)
	SUM_START
	ADD  R(DONE), R(W_AT)
	ADD  R(DONE), R(MEAN_AT)
	ADD  R(DONE), R(SCALE_AT)
	ADD  R(DONE), R(D_LOGIT_AT)
	ADD  R(DONE), R(D_MEAN_AT)
	ADD  R(DONE), R(D_LOG_SCALE_AT)

component:
	READG(SCALE_AT, T)
	LOADG(C_HI, PO)
	FDIVG(T, PO, PO)
	READG(W_AT, T)
	LOADG(RATIO_SCALE, RATIO)
	FMULG(T, RATIO, RATIO)
	FMULG(PO, RATIO, RATIO)
	READG(MEAN_AT, PE)
	BEFORE(PE, PO, 1)
	READG(W_AT, W)
	READG(SCALE_AT, SIGMA)
	READG(MEAN_AT, MEAN)
	AFTER(RATIO, 1)
	WRITEG(D_LOGIT, D_LOGIT_AT)
	WRITEG(D_MEAN, D_MEAN_AT)
	WRITEG(D_LOG_SCALE, D_LOG_SCALE_AT)
	ADD  R(STRIDE), R(W_AT)
	ADD  R(STRIDE), R(MEAN_AT)
	ADD  R(STRIDE), R(SCALE_AT)
	ADD  R(D_STRIDE), R(D_LOGIT_AT)
	ADD  R(D_STRIDE), R(D_MEAN_AT)
	ADD  R(D_STRIDE), R(D_LOG_SCALE_AT)
	NEXT_COMPONENT(component, block)

block:
	SUM_END(component, store)

store:
	STORE_DX
	NEXT_SAMPLES
	ADD  $GROUP_BYTES, R(DONE)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET
