//go:build !purego

// The inverse of the forward map (kernels/ref_inverse.go): Halley's method in z-space inside an exact bracket; where a step
// leaves it or the bracket stalls, another first guess, or bisection. What belongs to a sample is in the rows of
// InverseState; the caller repeats
//
//	MixtureInverseSums   the sums at x, with the slope of f and what the sum of the weights lost
//	MixtureInverseSolve  z and L from the sums, the residual, the step, the end of it, the bracket, the next x
//
// after one MixtureInverseStart, and takes the samples that are done out of the rows between rounds.
//
// Floating-point and vector pipes, per vector of 2: Sums for each component 79 operations, of them 39 fused, and a division, 6
// more and a division to prepare the component of a sample; Solve 210 and 6 divisions, in the tails 49 more, 2 divisions
// and a square root; Start 83, 4 divisions and a square root, and 29 for each component, or 25 and 3 for each pair of them.

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "consts_arm64.h"
#include "pairs_arm64.h"
#include "steps_arm64.h"

// General registers.
#define TILE 0
#define SAMPLES 1 // left
#define STATE 2   // the rows of the current samples
#define COMPONENTS 3 // left
#define COMPONENT 4
#define SCALAR 5
#define Z_AT 6
#define W_AT 7 // the current component's
#define MEAN_AT 8
#define SCALE_AT 9
#define STRIDE 10 // in bytes
#define DONE_BYTES 11 // of the samples done
#define OTHERS 12 // components left to compare one with
#define OTHER_W_AT 13
#define OTHER_MEAN_AT 14
#define SPILL 15

#define BEGIN \
	MOVD t+0(FP), R(TILE) \
	CONSTANTS \
	MOVD MixtureArgs_N(R(TILE)), R(SAMPLES) \
	MOVD MixtureArgs_Inverse(R(TILE)), R(STATE)

#define FIRST_SHARED \
	MOVD MixtureArgs_Components(R(TILE)), R(COMPONENT) \
	MOVD MixtureArgs_K(R(TILE)), R(COMPONENTS)

#define NEXT_SHARED(loop) \
	ADD  $Component__size, R(COMPONENT) \
	SUBS $1, R(COMPONENTS)              \
	BNE  loop

#define BEGIN_EACH \
	BEGIN                 \
	MOVD MixtureArgs_Stride(R(TILE)), R(STRIDE) \
	LSL  $3, R(STRIDE)    \
	MOVD ZR, R(DONE_BYTES)

#define FIRST_EACH \
	MOVD MixtureArgs_Weight(R(TILE)), R(W_AT)    \
	MOVD MixtureArgs_Mean(R(TILE)), R(MEAN_AT)   \
	MOVD MixtureArgs_Scale(R(TILE)), R(SCALE_AT) \
	MOVD MixtureArgs_K(R(TILE)), R(COMPONENTS)   \
	ADD  R(DONE_BYTES), R(W_AT)           \
	ADD  R(DONE_BYTES), R(MEAN_AT)        \
	ADD  R(DONE_BYTES), R(SCALE_AT)

#define NEXT_EACH(loop) \
	ADD  R(STRIDE), R(W_AT)     \
	ADD  R(STRIDE), R(MEAN_AT)  \
	ADD  R(STRIDE), R(SCALE_AT) \
	SUBS $1, R(COMPONENTS)      \
	BNE  loop

// Registers of Start.
#define TARGET 0 // z
#define LO 2     // the bracket
#define HI 4
#define NARROW 6 // the narrowest scale
#define MEAN 8   // of the mixture
#define SECOND 10 // its variance; scratch before
#define PHI 12   // Φ(z), roughly
#define BELOW 14 // of the component in whose share that falls; then its weight, mean and scale
#define SHARE 16
#define MIDDLE 18
#define WIDTH 20
#define C_MEAN 22 // of the current component
#define C_SCALE 24
#define C_W 26
#define C_BELOW 28
#define S0 30 // scratch

// One parameter of the current component in both registers of a pair.
#define SHARED(offset, d) \
	PARAMETER(offset, d) \
	DUP_D2(0, d, d+1)

// newInverseTarget, from T to the state, and Φ(z) roughly. It has the registers of the Gaussian to itself.
#define AIM \
	MOVG(T, TARGET)          \
	WRITE_FIELD(TARGET, InverseState_Z, STATE) \
	LOADG(C_HI, T)           \
	FMULG(TARGET, T, SV)     \
	ZERO(E)                  \
	CLAMP                    \
	EXPONENT                 \
	ALPHA_GAUSS              \
	LOADG(INV_PHI_SCALE, T)  \
	FMULG(T, E, E)           \ // φ(z)
	LOADG(ONE, T)            \
	FDIVG(E, T, T)           \
	WRITE_FIELD(T, InverseState_InvPhi, STATE) \
	FMULG(TARGET, TARGET, Y) \
	LOADG(CENTRE(10), PE)    \
	TWICE(CENTRE(9), CENTRE(8), Y, PE) \
	TWICE(CENTRE(7), CENTRE(6), Y, PE) \
	TWICE(CENTRE(5), CENTRE(4), Y, PE) \
	TWICE(CENTRE(3), CENTRE(2), Y, PE) \
	TWICE(CENTRE(1), CENTRE(0), Y, PE) \
	FMULG(TARGET, PE, PE)    \
	WRITE_FIELD(PE, InverseState_Q, STATE) \
	FABSG(TARGET, U)         \
	LOADG(ROUGH_CDF(0), PE)  \
	LOADG(ONE, PO)           \
	FMLAG(PE, U, PO)         \
	LOADG(ONE, T)            \
	FDIVG(PO, T, PO)         \ // s
	FMULG(PO, E, E)          \
	LOADG(ROUGH_CDF(3), PE)  \
	TWICE(ROUGH_CDF(2), ROUGH_CDF(1), PO, PE) \
	FMULG(PE, E, E)          \ // Φ(-|z|)
	LOADG(ONE, PHI)          \
	FSUBG(E, PHI, PHI)       \
	FCMLE0G(TARGET, T)       \
	BITG(T, E, PHI)

#define CLEAR_BRACKET \
	LOADG(INFINITY, LO)     \
	LOADG(INFINITY, NARROW) \
	FNEGG(LO, HI)           \
	ZERO(MEAN)              \
	ZERO(BELOW)             \
	ZERO(SHARE)             \
	ZERO(MIDDLE)            \
	ZERO(WIDTH)

// The bracket, the narrowest scale and the mean, by one component; nothing compares with the NaN that stands for one
// without weight.
#define BRACKET \
	FCMEQ0G(C_W, S0)           \
	MOVG(C_MEAN, SECOND)       \
	FMLAG(TARGET, C_SCALE, SECOND) \ // μ + σz
	ORRG(S0, SECOND, SECOND)   \
	FCMGTG(SECOND, LO, C_BELOW) \
	BITG(C_BELOW, SECOND, LO)  \
	FCMGTG(HI, SECOND, C_BELOW) \
	BITG(C_BELOW, SECOND, HI)  \
	ORRG(S0, C_SCALE, SECOND)  \
	FMINNMG(SECOND, NARROW, NARROW) \
	MOVG(MEAN, SECOND)         \
	FMLAG(C_MEAN, C_W, SECOND) \
	BIFG(S0, SECOND, MEAN)

// inverseTarget.start: the component is the one if Φ(z) falls into its share.
#define FALLS \
	FCMGEG(C_BELOW, PHI, S0)   \
	FADDG(C_W, C_BELOW, SECOND) \
	FCMGTG(PHI, SECOND, SECOND) \
	ANDG(SECOND, S0, S0)       \
	BITG(S0, C_BELOW, BELOW)   \
	BITG(S0, C_W, SHARE)       \
	BITG(S0, C_MEAN, MIDDLE)   \
	BITG(S0, C_SCALE, WIDTH)

#define SECOND_MOMENT \
	FSUBG(MEAN, C_MEAN, S0)         \
	FMULG(C_SCALE, C_SCALE, C_BELOW) \
	FMLAG(S0, S0, C_BELOW)          \
	FMLAG(C_W, C_BELOW, SECOND)

// The two guesses, the first x, and the bracket go to the state.
#define GUESS \
	FSQRTG(SECOND, SECOND)       \
	FMLAG(TARGET, SECOND, MEAN)  \ // the other guess
	FCMGTG(LO, MEAN, S0)         \
	FCMGTG(MEAN, HI, C_BELOW)    \
	ANDG(C_BELOW, S0, S0)        \
	LOADG(HALF, C_W)             \
	FMULG(LO, C_W, C_BELOW)      \
	FMULG(HI, C_W, C_W)          \
	FADDG(C_W, C_BELOW, C_BELOW) \
	BIFG(S0, C_BELOW, MEAN)      \
	WRITE_FIELD(MEAN, InverseState_Other, STATE) \
	FSUBG(BELOW, PHI, PHI)       \
	FADDG(PHI, PHI, PHI)         \
	FSUBG(SHARE, PHI, PHI)       \
	FDIVG(SHARE, PHI, PHI)       \ // u
	FMULG(PHI, PHI, S0)          \ // u²
	LOADG(ROUGH_PROBIT(1), C_MEAN) \
	HORNERG(ROUGH_PROBIT(0), S0, C_MEAN, C_SCALE) \
	FMULG(PHI, C_SCALE, C_SCALE) \
	LOADG(ROUGH_PROBIT(3), C_MEAN) \
	HORNERG(ROUGH_PROBIT(2), S0, C_MEAN, C_W) \
	HORNERG(ONE, S0, C_W, C_MEAN) \
	FDIVG(C_MEAN, C_SCALE, C_SCALE) \
	FMLAG(WIDTH, C_SCALE, MIDDLE) \
	FABSG(PHI, PHI)              \
	LOADG(ROUGH_MOST, S0)        \
	FCMGTG(PHI, S0, S0)          \
	FCMGTG(LO, MIDDLE, C_BELOW)  \
	ANDG(C_BELOW, S0, S0)        \
	FCMGTG(MIDDLE, HI, C_BELOW)  \
	ANDG(C_BELOW, S0, S0)        \
	BITG(S0, MIDDLE, MEAN)       \
	FCMEQG(LO, HI, S0)           \
	BITG(S0, LO, MEAN)           \
	WRITE_FIELD(MEAN, InverseState_X, STATE) \
	WRITE_FIELD(LO, InverseState_Lo, STATE) \
	WRITE_FIELD(HI, InverseState_Hi, STATE) \
	FSUBG(LO, HI, HI)            \
	WRITE_FIELD(HI, InverseState_Width, STATE) \
	LOADG(INVERSE_DONE, S0)      \
	FMULG(S0, NARROW, NARROW)    \
	WRITE_FIELD(NARROW, InverseState_Narrow, STATE) \
	ADD $GROUP_BYTES, R(STATE)

// func MixtureInverseStartNEON(t *MixtureArgs)
TEXT ·MixtureInverseStartNEON(SB), NOSPLIT, $0-8
	BEGIN
	MOVD MixtureArgs_Z(R(TILE)), R(Z_AT)

samples:
	READG(Z_AT, T)
	ADD $GROUP_BYTES, R(Z_AT)
	AIM
	CLEAR_BRACKET
	FIRST_SHARED

bracket:
	SHARED(Component_Mean, C_MEAN)
	SHARED(Component_Scale, C_SCALE)
	SHARED(Component_W, C_W)
	BRACKET
	SHARED(Component_Below, C_BELOW)
	FALLS
	NEXT_SHARED(bracket)

	ZERO(SECOND)
	FIRST_SHARED

moment:
	SHARED(Component_Mean, C_MEAN)
	SHARED(Component_Scale, C_SCALE)
	SHARED(Component_W, C_W)
	SECOND_MOMENT
	NEXT_SHARED(moment)

	GUESS
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET

// The weight of one more component, to the left of the current one if its mean compares so.
#define ADD_BELOW(compare) \
	READG(OTHER_MEAN_AT, S0)  \
	compare(S0, C_MEAN, S0)   \
	READG(OTHER_W_AT, SECOND) \
	ANDG(S0, SECOND, SECOND)  \
	FADDG(SECOND, C_BELOW, C_BELOW) \
	ADD R(STRIDE), R(OTHER_MEAN_AT) \
	ADD R(STRIDE), R(OTHER_W_AT)

// func PerSampleInverseStartNEON(t *MixtureArgs)
TEXT ·PerSampleInverseStartNEON(SB), NOSPLIT, $0-8
	BEGIN_EACH
	MOVD MixtureArgs_Z(R(TILE)), R(Z_AT)

samples:
	READG(Z_AT, T)
	ADD $GROUP_BYTES, R(Z_AT)
	AIM
	CLEAR_BRACKET
	FIRST_EACH

bracket:
	READG(MEAN_AT, C_MEAN)
	READG(SCALE_AT, C_SCALE)
	READG(W_AT, C_W)
	BRACKET
	ZERO(C_BELOW)
	MOVD MixtureArgs_Weight(R(TILE)), R(OTHER_W_AT)
	MOVD MixtureArgs_Mean(R(TILE)), R(OTHER_MEAN_AT)
	ADD  R(DONE_BYTES), R(OTHER_W_AT)
	ADD  R(DONE_BYTES), R(OTHER_MEAN_AT)

before: // equal means stand in their order
	CMP R(OTHER_W_AT), R(W_AT)
	BEQ current
	ADD_BELOW(FCMGEG)
	JMP before

current:
	MOVD R(COMPONENTS), R(OTHERS)

after:
	ADD_BELOW(FCMGTG)
	SUBS $1, R(OTHERS)
	BNE  after
	FALLS
	NEXT_EACH(bracket)

	ZERO(SECOND)
	FIRST_EACH

moment:
	READG(MEAN_AT, C_MEAN)
	READG(SCALE_AT, C_SCALE)
	READG(W_AT, C_W)
	SECOND_MOMENT
	NEXT_EACH(moment)

	GUESS
	ADD  $GROUP_BYTES, R(DONE_BYTES)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET

// Registers of Sums, beside those of the Gaussian.
#define SUM_DF 30

#define CLEAR_SUMS \
	CLEAR        \
	ZERO(SUM_DF) \
	WRITE_FIELD(SUM_DF, InverseState_Lost, STATE)

// What the sum of the weights on the target's side is going to lose, w in WE: inverseSums.lost. The sign is that of v/σ.
#define LOSE(each) \
	READ_FIELD(InverseState_Z, STATE, U) \
	FCMLE0G(U, U)           \ // the lower side
	MOVG(SUM_WN, Y)         \
	BITG(U, SUM_WP, Y)      \ // a
	CMLT0G(SV, REM)         \
	EORG(REM, U, U)         \ // the component counts
	FADD_D2(WE, Y, REM)     \ // s = a + w
	FADD_D2(WE+each, Y+1, REM+1) \
	FSUBG(Y, REM, K)        \ // bb
	FSUBG(K, REM, REM)      \
	FSUBG(REM, Y, Y)        \ // a - (s-bb)
	FSUB_D2(K, WE, K)       \
	FSUB_D2(K+1, WE+each, K+1) \
	FADDG(K, Y, Y)          \
	ANDG(U, Y, Y)           \
	READ_FIELD(InverseState_Lost, STATE, U) \
	FADDG(Y, U, U)          \
	WRITE_FIELD(U, InverseState_Lost, STATE)

// inverseSums.add; mean in PE, IH in PO, IL in WE. In between w goes to WE, the density to WO.
#define INVERSE_GAUSS(each) \
	READ_FIELD(InverseState_X, STATE, T) \
	BASE(PE, PO, WE, each)  \
	CLAMP                   \
	EXPONENT                \
	FMUL_D2(PO, SV, SV)     \ // v/σ, in base two
	FMUL_D2(PO+each, SV+1, SV+1) \
	ALPHA_GAUSS_MILLS(U)

#define INVERSE_TAKE(each) \
	LOSE(each)              \
	TAKE(WE, WO, each)      \
	FMUL_D2(WO, E, T)       \
	FMUL_D2(WO+each, E+1, T+1) \
	FMLSG(SV, T, SUM_DF)

// sumInverse, after the totals: what they and their blocks lost on the target's side.
#define LOST_TOTAL \
	READ_FIELD(1*SUM_BYTES, TOTALS_AT, U)             \
	FSUBG(SUM_WP, U, U)                               \
	READ_FIELD(1*SUM_BYTES+GROUP_BYTES, TOTALS_AT, Y) \
	FADDG(Y, U, U)                                    \
	READ_FIELD(2*SUM_BYTES, TOTALS_AT, K)             \
	FSUBG(SUM_WN, K, K)                               \
	READ_FIELD(2*SUM_BYTES+GROUP_BYTES, TOTALS_AT, Y) \
	FADDG(Y, K, K)                                    \
	READ_FIELD(InverseState_Z, STATE, T)              \
	FCMLE0G(T, T)                                     \ // the lower side
	BITG(T, U, K)                                     \
	READ_FIELD(InverseState_Lost, STATE, U)           \
	FADDG(K, U, U)                                    \
	WRITE_FIELD(U, InverseState_Lost, STATE)

#define STORE_SUMS \
	WRITE_FIELD(SUM_D, InverseState_D, STATE)   \
	WRITE_FIELD(SUM_WP, InverseState_WP, STATE) \
	WRITE_FIELD(SUM_WN, InverseState_WN, STATE) \
	WRITE_FIELD(SUM_F, InverseState_F, STATE)   \
	WRITE_FIELD(SUM_DF, InverseState_DF, STATE) \
	ADD $GROUP_BYTES, R(STATE)

// func MixtureInverseSumsNEON(t *MixtureArgs)
TEXT ·MixtureInverseSumsNEON(SB), NOSPLIT, $256-8
	BEGIN

samples:
	CLEAR_SUMS
	FIRST_SHARED
	BLOCK_START(component)

component:
	PARAMETER(Component_Mean, PE)
	PARAMETER(Component_IH, PO)
	PARAMETER(Component_IL, WE)
	INVERSE_GAUSS(0)
	PARAMETER(Component_W, WE)
	PARAMETER(Component_Density, WO)
	INVERSE_TAKE(0)
	ADD $Component__size, R(COMPONENT)
	NEXT_COMPONENT(component, block)

block:
	BLOCK_END(component, store)
	LOST_TOTAL

store:
	STORE_SUMS
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET

// func PerSampleInverseSumsNEON(t *MixtureArgs)
TEXT ·PerSampleInverseSumsNEON(SB), NOSPLIT, $288-8
	BEGIN_EACH
	MOVD $density-288(SP), R(SPILL)

samples:
	CLEAR_SUMS
	FIRST_EACH
	BLOCK_START(component)

component:
	NEW_COMPONENT(W_AT, MEAN_AT, SCALE_AT, SV)
	WRITEG(SV, SPILL)
	INVERSE_GAUSS(1)
	READG(W_AT, WE)
	READG(SPILL, WO)
	INVERSE_TAKE(1)
	ADD R(STRIDE), R(W_AT)
	ADD R(STRIDE), R(MEAN_AT)
	ADD R(STRIDE), R(SCALE_AT)
	NEXT_COMPONENT(component, block)

block:
	BLOCK_END(component, store)
	LOST_TOTAL

store:
	STORE_SUMS
	ADD  $GROUP_BYTES, R(DONE_BYTES)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET

// Registers of Solve; first those of the probit. SUM_D is 0.
#define LOGDET 2
#define LATENT 4
#define LOWER_TAIL 6
#define UPPER_TAIL 8
#define IS_LOWER 10
#define CENTRAL 12
#define SUB 14
#define P0 16
#define P1 18
#define P2 20
#define P3 22
#define P4 24
#define P5 26

#define RHO 6   // z(x) - target
#define DXDZ 8
#define SLOPE 10 // dL/dx
#define STEP 12
#define NEXT 14
#define NEAR 16 // the sums are good
#define ONE_SIDED 18 // no components on the other side
#define GOAL 20
#define S1 22 // scratch, with S0
#define S2 24
#define S3 26
#define S4 28

// Later on.
#define X LATENT
#define LOWER DXDZ  // the bracket
#define UPPER GOAL
#define HARD S4     // for the caller
#define IS_DONE S3
#define NOT_GAP S0  // the sums are good, or there is nothing on the other side
#define RESULT STEP // x, if it is done
#define RESULT_L S2 // and its log-det

// General registers.
#define FOURTH 3
#define SOME_DONE 4

// inverseTarget.residual, in RHO.
#define RESIDUAL \
	READ_FIELD(InverseState_WP, STATE, S1) \
	READ_FIELD(InverseState_WN, STATE, S2) \
	FCMEQ0G(S1, ONE_SIDED)       \
	FCMEQ0G(S2, S3)              \
	ORRG(S3, ONE_SIDED, ONE_SIDED) \
	FSUBG(GOAL, LATENT, RHO)     \
	LOADG(HALF, S3)              \
	READ_FIELD(InverseState_Q, STATE, S4) \
	READ_FIELD(InverseState_Lost, STATE, S0) \
	FSUBG(S3, S1, S1)            \
	FSUBG(S4, S1, S1)            \
	FADDG(S0, S1, S1)            \ // lower side
	FSUBG(S2, S3, S2)            \
	FSUBG(S4, S2, S2)            \
	FSUBG(S0, S2, S2)            \ // upper side
	FCMLE0G(GOAL, S3)            \
	BITG(S3, S1, S2)             \
	LOADG(UNBIAS, S1)            \
	FMLSG(S1, SUM_D, S2)         \
	READ_FIELD(InverseState_InvPhi, STATE, S1) \
	FMULG(S1, S2, S2)            \ // g
	FMULG(GOAL, GOAL, S1)        \
	LOADG(SIXTH, S3)             \
	LOADG(THIRD, S4)             \
	FMLAG(S4, S1, S3)            \
	LOADG(HALF, S4)              \
	FMULG(GOAL, S4, S4)          \
	FMLAG(S3, S2, S4)            \
	LOADG(ONE, S3)               \
	FMLAG(S4, S2, S3)            \
	FMULG(S2, S3, S3)            \
	LOADG(ONE, S1)               \
	FACGEG(GOAL, S1, S1)         \ // |z| ≤ 1
	FABSG(S2, S2)                \
	LOADG(INVERSE_SMALL, S4)     \
	FCMGTG(S2, S4, S4)           \
	ANDG(S1, S4, S4)             \
	BITG(S4, S3, RHO)

// The step, and the next x.
#define HALLEY \
	FNEGG(LOGDET, S1)            \
	EXP(S1, S2, S3, DXDZ, S4)    \
	READ_FIELD(InverseState_DF, STATE, SLOPE) \
	READ_FIELD(InverseState_F, STATE, S1) \
	FDIVG(S1, SLOPE, SLOPE)      \
	LOADG(INV_C2, S1)            \
	FMULG(S1, SLOPE, SLOPE)      \
	LOADG(ONE, S1)               \
	FDIVG(DXDZ, S1, S1)          \
	FMLAG(S1, LATENT, SLOPE)     \
	ANDG(NEAR, SLOPE, SLOPE)     \
	FMULG(DXDZ, RHO, STEP)       \
	FMULG(STEP, SLOPE, S1)       \
	LOADG(HALF, S2)              \
	FMULG(S2, S1, S1)            \
	LOADG(ONE, S3)               \
	FSUBG(S1, S3, S3)            \
	FMAXNMG(S2, S3, S3)          \ // 1/2, if it is NaN
	LOADG(TWO, S1)               \
	FMING(S1, S3, S3)            \
	FDIVG(S3, STEP, STEP)        \
	READ_FIELD(InverseState_X, STATE, X) \
	FSUBG(STEP, X, NEXT)

// Is it the last one, or one for the caller?
#define DECIDE \
	READ_FIELD(InverseState_Narrow, STATE, S1) \
	FABSG(GOAL, S2)              \
	LOADG(INVERSE_NOISE, S3)     \
	FMULG(S2, S3, S3)            \
	FABSG(RHO, HARD)             \
	FCMGEG(HARD, S3, HARD)       \
	FMULG(DXDZ, S3, S3)          \
	FCMGTG(S1, S3, S3)           \
	ANDG(S3, HARD, HARD)         \ // unresolved
	LOADG(MAX_FLOAT, S3)         \
	FCMGEG(S2, S3, S3)           \
	ORNG(S3, HARD, HARD)         \ // z is not finite
	BICG(NEAR, ONE_SIDED, S3)    \
	ORRG(S3, HARD, HARD)         \ // far in a tail
	ORRG(NEAR, ONE_SIDED, NOT_GAP) \
	FCMEQ0G(RHO, S3)             \
	BICG(NOT_GAP, S3, S3)        \
	ORRG(S3, HARD, HARD)         \ // in a gap, where z says no more
	FABSG(STEP, IS_DONE)         \
	FCMGEG(IS_DONE, S1, IS_DONE) \ // |step| ≤ narrow
	ANDG(NOT_GAP, IS_DONE, IS_DONE) \
	FMULG(STEP, SLOPE, S2)       \
	FABSG(S2, S2)                \
	LOADG(INVERSE_BEND, S1)      \
	FCMGTG(S2, S1, S2)           \
	BICG(S2, IS_DONE, S2)        \
	ORRG(S2, HARD, HARD)         \
	FNEGG(LOGDET, LOGDET)        \
	MOVG(LOGDET, RESULT_L)       \
	FMLAG(STEP, SLOPE, RESULT_L) \
	READ_FIELD(InverseState_Lo, STATE, LOWER) \
	READ_FIELD(InverseState_Hi, STATE, UPPER) \
	FCMEQG(LOWER, UPPER, S1)     \ // there is no other x
	BITG(S1, LOGDET, RESULT_L)   \
	BITG(S1, LOWER, NEXT)        \
	ORRG(S1, IS_DONE, IS_DONE)   \
	BICG(NEAR, S1, S1)           \
	ORRG(S1, HARD, HARD)         \
	ORRG(HARD, IS_DONE, IS_DONE) \
	MOVG(NEXT, RESULT)

// The bracket; S1 is true if the step stays inside.
#define NARROWER \
	FCMGT0G(RHO, S1)             \
	BITG(S1, X, UPPER)           \
	BIFG(S1, X, LOWER)           \
	WRITE_FIELD(LOWER, InverseState_Lo, STATE) \
	WRITE_FIELD(UPPER, InverseState_Hi, STATE) \
	FCMGTG(LOWER, NEXT, S1)      \
	FCMGTG(NEXT, UPPER, RHO)     \
	ANDG(RHO, S1, S1)            \
	ANDG(NOT_GAP, S1, S1)

// Every fourth round it must have shrunk.
#define SHRUNK \
	FSUBG(LOWER, UPPER, RHO)     \
	READ_FIELD(InverseState_Width, STATE, SLOPE) \
	WRITE_FIELD(RHO, InverseState_Width, STATE) \
	LOADG(QUARTER, NEAR)         \
	FMULG(NEAR, SLOPE, SLOPE)    \
	FCMGEG(RHO, SLOPE, SLOPE)    \
	ANDG(SLOPE, S1, S1)

// Where the step does not do, the other guess, or bisection, until no number is left.
#define BISECT \
	READ_FIELD(InverseState_Other, STATE, RHO) \
	FCMGTG(LOWER, RHO, SUM_D)    \
	FCMGTG(RHO, UPPER, SLOPE)    \
	ANDG(SLOPE, SUM_D, SUM_D)    \
	LOADG(HALF, SLOPE)           \
	FMULG(LOWER, SLOPE, NEAR)    \
	FMULG(UPPER, SLOPE, SLOPE)   \
	FADDG(SLOPE, NEAR, NEAR)     \
	BITG(SUM_D, RHO, NEAR)       \
	BIFG(S1, NEAR, NEXT)         \
	FCMGEG(NEXT, LOWER, RHO)     \
	FCMGEG(UPPER, NEXT, SLOPE)   \
	ORRG(SLOPE, RHO, RHO)        \
	BICG(S1, RHO, RHO)           \
	BICG(IS_DONE, RHO, RHO)      \ // exhausted
	BITG(RHO, X, RESULT)         \
	BITG(RHO, LOGDET, RESULT_L)  \
	BICG(NOT_GAP, RHO, SLOPE)    \
	ORRG(SLOPE, HARD, HARD)      \
	ORRG(RHO, IS_DONE, IS_DONE)  \
	ORRG(HARD, RESULT, RESULT)   \ // NaN
	BITG(IS_DONE, RESULT, NEXT)  \
	WRITE_FIELD(NEXT, InverseState_X, STATE) \
	WRITE_FIELD(RESULT_L, InverseState_L, STATE) \
	WRITE_FIELD(IS_DONE, InverseState_Done, STATE)

// func MixtureInverseSolveNEON(t *MixtureArgs, fourth bool) (done bool)
TEXT ·MixtureInverseSolveNEON(SB), NOSPLIT, $0-17
	BEGIN
	MOVBU fourth+8(FP), R(FOURTH)
	MOVD  ZR, R(SOME_DONE)

samples:
	READ_FIELD(InverseState_D, STATE, SUM_D)
	READ_FIELD(InverseState_WP, STATE, P0)
	READ_FIELD(InverseState_WN, STATE, P1)
	TAILS(P0, P1, LOWER_TAIL, UPPER_TAIL, P2)
	PROBIT_CENTRE(LOWER_TAIL, UPPER_TAIL, LATENT, IS_LOWER, CENTRAL, SUB, P0, P1, P2, P3, P4)
	ALLG(CENTRAL, P0, SCALAR)
	ADDS $1, R(SCALAR)
	BEQ  centre
	PROBIT_TAIL(LOWER_TAIL, LATENT, IS_LOWER, CENTRAL, P0, P1, P2, P3, P4, P5)

centre:
	READ_FIELD(InverseState_F, STATE, LOGDET)
	LOG_DENSITY(LOGDET, LATENT, P0, P1, P2, P3, P4, P5)
	READ_FIELD(InverseState_Z, STATE, GOAL)
	LOADG(FAR_DENSITY, NEAR)
	FACGEG(NEAR, SUM_D, NEAR)
	RESIDUAL
	HALLEY
	DECIDE
	NARROWER
	CBZ R(FOURTH), inside
	SHRUNK

inside:
	BISECT
	ANYG(IS_DONE, S0, SCALAR)
	ORR  R(SCALAR), R(SOME_DONE)
	ADD  $GROUP_BYTES, R(STATE)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples

	CMP  $0, R(SOME_DONE)
	CSET NE, R(SOME_DONE)
	MOVB R(SOME_DONE), done+16(FP)
	RET
