//go:build !purego

// A step of Adam (kernels/adam.go) and sums (kernels/sum.go).
//
// Floating-point and vector pipes, per vector of 2: Adam 9 operations, of them 3 fused and a move, a division and a square
// root; the sums one each.

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "quads_arm64.h"

// Groups.
#define GRADIENT 0
#define MOMENT1 4
#define MOMENT2 8
#define S0 12 // scratch
#define S1 16
#define PARAMETER 20

// The settings, in both elements of a register each.
#define BETA1 24
#define BETA2 25
#define REST1 26 // C1
#define REST2 27
#define RATE 28
#define ROOT 29
#define EPS 30

// General registers.
#define STEP 0
#define LEFT 1
#define P_AT 2
#define G_AT 3
#define M_AT 4
#define V_AT 5
#define SETTINGS 6

// The settings stand in the order of AdamStep.
#define SETTING(d) VLD1R.P 8(R(SETTINGS)), [V(d).D2]

// The sums: the eight partial ones are a group. (go vet takes the names of a frame for those of the function above them.)
#define SUMS 0
#define X 4

// General registers.
#define ACC 0
#define X_AT 1
#define SAMPLES 2 // left

#define BEGIN \
	MOVD acc+0(FP), R(ACC)   \
	MOVD x+8(FP), R(X_AT)    \
	MOVD n+16(FP), R(SAMPLES) \
	READG(ACC, SUMS)

// func AdamNEON(s *AdamArgs)
TEXT ·AdamNEON(SB), NOSPLIT, $0-8
	MOVD s+0(FP), R(STEP)
	MOVD AdamArgs_N(R(STEP)), R(LEFT)
	MOVD AdamArgs_P(R(STEP)), R(P_AT)
	MOVD AdamArgs_G(R(STEP)), R(G_AT)
	MOVD AdamArgs_M(R(STEP)), R(M_AT)
	MOVD AdamArgs_V(R(STEP)), R(V_AT)
	ADD  $AdamArgs_Beta1, R(STEP), R(SETTINGS)
	SETTING(BETA1)
	SETTING(BETA2)
	SETTING(REST1)
	SETTING(REST2)
	SETTING(RATE)
	SETTING(ROOT)
	SETTING(EPS)

parameters:
	READG(G_AT, GRADIENT)
	READG(M_AT, S0)
	READG(V_AT, S1)
	SAME3(FMUL_D2, REST1, GRADIENT, MOMENT1)
	SAME3(FMLA_D2, BETA1, S0, MOMENT1)
	SAME3(FMUL_D2, REST2, GRADIENT, MOMENT2)
	FMULG(GRADIENT, MOMENT2, MOMENT2)
	SAME3(FMLA_D2, BETA2, S1, MOMENT2)
	WRITEG(MOMENT1, M_AT)
	WRITEG(MOMENT2, V_AT)
	FSQRTG(MOMENT2, S0)
	MOV_B16(EPS, S1)
	MOV_B16(EPS, S1+1)
	MOV_B16(EPS, S1+2)
	MOV_B16(EPS, S1+3)
	SAME3(FMLA_D2, ROOT, S0, S1)
	SAME3(FMUL_D2, RATE, MOMENT1, S0)
	FDIVG(S1, S0, S0)
	READG(P_AT, PARAMETER)
	FSUBG(S0, PARAMETER, PARAMETER)
	WRITEG(PARAMETER, P_AT)
	ADD  $GROUP_BYTES, R(P_AT)
	ADD  $GROUP_BYTES, R(G_AT)
	ADD  $GROUP_BYTES, R(M_AT)
	ADD  $GROUP_BYTES, R(V_AT)
	SUBS $GROUP, R(LEFT)
	BNE  parameters
	RET

// func SumNEON(acc *float64, x *float64, n int)
TEXT ·SumNEON(SB), NOSPLIT, $0-24
	BEGIN

samples:
	READG(X_AT, X)
	FADDG(X, SUMS, SUMS)
	ADD  $GROUP_BYTES, R(X_AT)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	WRITEG(SUMS, ACC)
	RET

// func SumSquaresNEON(acc *float64, x *float64, n int)
TEXT ·SumSquaresNEON(SB), NOSPLIT, $0-24
	BEGIN

samples:
	READG(X_AT, X)
	FMLAG(X, X, SUMS)
	ADD  $GROUP_BYTES, R(X_AT)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	WRITEG(SUMS, ACC)
	RET
