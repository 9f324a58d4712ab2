//go:build !purego

// From the sums of a mixture to z = Φ⁻¹(F) and L = log dz/dx (sums.forward of kernels/ref_mixture.go), and to F, S and f
// (sums.cdf).
//
// Floating-point and vector pipes, per vector of 2: Finish 88 operations, of them 37 fused, and 3 divisions, in the tails 49
// more, 2 divisions and a square root; Tails 11. The sums of eight components take 504.

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "consts_arm64.h"
#include "pairs_arm64.h"
#include "steps_arm64.h"

// Pairs.
#define LOWER_TAIL SUM_WP // F, biased
#define UPPER_TAIL SUM_WN // S, biased
#define LATENT 8
#define IS_LOWER 10
#define CENTRAL 12
#define SUB 14
#define S0 16 // scratch
#define S1 18
#define S2 20
#define S3 22
#define S4 24
#define S5 26
#define NEAR 30

// General registers.
#define TILE 0
#define SAMPLES 1 // left
#define D_AT 2
#define WP_AT 3
#define WN_AT 4
#define F_AT 5
#define Z_AT 6
#define L_AT 7
#define CDF_AT 8
#define SF_AT 9
#define PDF_AT 10
#define X_AT 11
#define ANSWER 12

#define READ_SUMS \
	READG(D_AT, SUM_D) \
	READG(WP_AT, S0)   \
	READG(WN_AT, S1)   \
	TAILS(S0, S1, LOWER_TAIL, UPPER_TAIL, S2)

// func MixtureFinishNEON(t *MixtureArgs) (far bool)
TEXT ·MixtureFinishNEON(SB), NOSPLIT, $0-9
	MOVD t+0(FP), R(TILE)
	CONSTANTS
	MOVD MixtureArgs_N(R(TILE)), R(SAMPLES)
	MOVD MixtureArgs_D(R(TILE)), R(D_AT)
	MOVD MixtureArgs_WP(R(TILE)), R(WP_AT)
	MOVD MixtureArgs_WN(R(TILE)), R(WN_AT)
	MOVD MixtureArgs_F(R(TILE)), R(F_AT)
	MOVD MixtureArgs_Z(R(TILE)), R(Z_AT)
	MOVD MixtureArgs_L(R(TILE)), R(L_AT)
	CMEQ_D2(NEAR, NEAR, NEAR) // all ones

samples:
	READ_SUMS
	PROBIT_CENTRE(LOWER_TAIL, UPPER_TAIL, LATENT, IS_LOWER, CENTRAL, SUB, S0, S1, S2, S3, S4)
	ALLG(CENTRAL, S0, ANSWER)
	ADDS $1, R(ANSWER)
	BEQ  centre
	PROBIT_TAIL(LOWER_TAIL, LATENT, IS_LOWER, CENTRAL, S0, S1, S2, S3, S4, S5)

centre:
	READG(F_AT, SUM_F)
	LOG_DENSITY(SUM_F, LATENT, S0, S1, S2, S3, S4, S5)
	LOADG(FAR_DENSITY, S0)
	FACGEG(S0, SUM_D, S0)
	ORNG(S0, LATENT, LATENT) // NaN
	AND_B16(S0, NEAR, NEAR)
	AND_B16(S0+1, NEAR, NEAR)
	WRITEG(LATENT, Z_AT)
	WRITEG(SUM_F, L_AT)
	ADD  $GROUP_BYTES, R(D_AT)
	ADD  $GROUP_BYTES, R(WP_AT)
	ADD  $GROUP_BYTES, R(WN_AT)
	ADD  $GROUP_BYTES, R(F_AT)
	ADD  $GROUP_BYTES, R(Z_AT)
	ADD  $GROUP_BYTES, R(L_AT)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples

	UZP1_S4(NEAR, NEAR, NEAR)
	FMOVD F(NEAR), R(ANSWER)
	ADDS  $1, R(ANSWER)
	CSET  NE, R(ANSWER)
	MOVB  R(ANSWER), far+8(FP)
	RET

// func MixtureTailsNEON(t *MixtureArgs)
TEXT ·MixtureTailsNEON(SB), NOSPLIT, $0-8
	MOVD t+0(FP), R(TILE)
	CONSTANTS
	MOVD MixtureArgs_N(R(TILE)), R(SAMPLES)
	MOVD MixtureArgs_X(R(TILE)), R(X_AT)
	MOVD MixtureArgs_D(R(TILE)), R(D_AT)
	MOVD MixtureArgs_WP(R(TILE)), R(WP_AT)
	MOVD MixtureArgs_WN(R(TILE)), R(WN_AT)
	MOVD MixtureArgs_F(R(TILE)), R(F_AT)
	MOVD MixtureArgs_CDF(R(TILE)), R(CDF_AT)
	MOVD MixtureArgs_SF(R(TILE)), R(SF_AT)
	MOVD MixtureArgs_PDF(R(TILE)), R(PDF_AT)

samples:
	READ_SUMS
	READG(F_AT, SUM_F)
	READG(X_AT, S0)
	FCMEQG(S0, S0, S1)
	LOADG(UNBIAS, S2)
	FMULG(S2, LOWER_TAIL, LOWER_TAIL)
	FMULG(S2, UPPER_TAIL, UPPER_TAIL)
	FMULG(S2, SUM_F, SUM_F)
	BIFG(S1, S0, LOWER_TAIL) // x, where it is NaN
	BIFG(S1, S0, UPPER_TAIL)
	BIFG(S1, S0, SUM_F)
	WRITEG(LOWER_TAIL, CDF_AT)
	WRITEG(UPPER_TAIL, SF_AT)
	WRITEG(SUM_F, PDF_AT)
	ADD  $GROUP_BYTES, R(X_AT)
	ADD  $GROUP_BYTES, R(D_AT)
	ADD  $GROUP_BYTES, R(WP_AT)
	ADD  $GROUP_BYTES, R(WN_AT)
	ADD  $GROUP_BYTES, R(F_AT)
	ADD  $GROUP_BYTES, R(CDF_AT)
	ADD  $GROUP_BYTES, R(SF_AT)
	ADD  $GROUP_BYTES, R(PDF_AT)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET
