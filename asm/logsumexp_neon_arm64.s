//go:build !purego

// The largest share of each sample, and its logit (kernels/ref_softmax.go).
//
// Vector pipes: three operations for each component and vector.

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "quads_arm64.h"

// Groups.
#define BEST 0
#define AT 4
#define X 8
#define WHERE 12

// General registers.
#define ARGS 0
#define SAMPLES 1 // left
#define BEST_AT 2
#define AT_AT 3
#define SHARE 4 // of component 0
#define LOGIT 5
#define SHARE_STRIDE 6
#define LOGIT_STRIDE 7
#define SHARE_AT 8
#define LOGIT_AT 9
#define COMPONENTS 10 // left

// func LargestShareNEON(p *LargestShareArgs)
TEXT ·LargestShareNEON(SB), NOSPLIT, $0-8
	MOVD p+0(FP), R(ARGS)
	MOVD LargestShareArgs_N(R(ARGS)), R(SAMPLES)
	MOVD LargestShareArgs_Best(R(ARGS)), R(BEST_AT)
	MOVD LargestShareArgs_At(R(ARGS)), R(AT_AT)
	MOVD LargestShareArgs_Share(R(ARGS)), R(SHARE)
	MOVD LargestShareArgs_ShareStride(R(ARGS)), R(SHARE_STRIDE)
	MOVD LargestShareArgs_Logit(R(ARGS)), R(LOGIT)
	MOVD LargestShareArgs_LogitStride(R(ARGS)), R(LOGIT_STRIDE)
	LSL  $3, R(SHARE_STRIDE)
	LSL  $3, R(LOGIT_STRIDE)

samples:
	MOVD LargestShareArgs_K(R(ARGS)), R(COMPONENTS)
	MOVD R(SHARE), R(SHARE_AT)
	MOVD R(LOGIT), R(LOGIT_AT)
	READG(SHARE_AT, BEST)
	READG(LOGIT_AT, AT)
	SUBS $1, R(COMPONENTS)
	BEQ  store

component:
	ADD  R(SHARE_STRIDE), R(SHARE_AT)
	ADD  R(LOGIT_STRIDE), R(LOGIT_AT)
	READG(SHARE_AT, X)
	FCMGTG(BEST, X, WHERE)
	BITG(WHERE, X, BEST)
	READG(LOGIT_AT, X)
	BITG(WHERE, X, AT)
	SUBS $1, R(COMPONENTS)
	BNE  component

store:
	WRITEG(BEST, BEST_AT)
	WRITEG(AT, AT_AT)
	ADD  $GROUP_BYTES, R(SHARE)
	ADD  $GROUP_BYTES, R(LOGIT)
	ADD  $GROUP_BYTES, R(BEST_AT)
	ADD  $GROUP_BYTES, R(AT_AT)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET
