//go:build !purego

// The most fused multiply-adds that a processor does: nothing but them, on registers.

#include "textflag.h"
#include "neon_arm64.h"

#define FACTOR 24
#define TWENTY_FOUR(OP) \
	OP(0) OP(1) OP(2) OP(3) OP(4) OP(5) OP(6) OP(7)         \
	OP(8) OP(9) OP(10) OP(11) OP(12) OP(13) OP(14) OP(15)   \
	OP(16) OP(17) OP(18) OP(19) OP(20) OP(21) OP(22) OP(23)
#define CLEAR(v) EOR_B16(v, v, v);
#define FUSED(v) FMLA_D2(FACTOR, FACTOR, v);

// func FMAsNEON(rounds int)
TEXT ·FMAsNEON(SB), NOSPLIT, $0-8
	MOVD rounds+0(FP), R0
	TWENTY_FOUR(CLEAR)
	CLEAR(FACTOR)

round:
	TWENTY_FOUR(FUSED)
	SUBS $1, R0
	BNE  round
	RET
