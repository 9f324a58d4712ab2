//go:build !purego

// The most fused multiply-adds that a processor does: nothing but them, on registers.
//
// Requires: AVX512F.

#include "textflag.h"

#define TWENTY_FOUR(OP) \
	OP(Z0, Z1, Z2, Z3)     \
	OP(Z4, Z5, Z6, Z7)     \
	OP(Z8, Z9, Z10, Z11)   \
	OP(Z12, Z13, Z14, Z15) \
	OP(Z16, Z17, Z18, Z19) \
	OP(Z20, Z21, Z22, Z23)
#define CLEAR(a, b, c, d) \
	VPXORQ a, a, a \
	VPXORQ b, b, b \
	VPXORQ c, c, c \
	VPXORQ d, d, d
#define FUSED(a, b, c, d) \
	VFMADD231PD Z24, Z24, a \
	VFMADD231PD Z24, Z24, b \
	VFMADD231PD Z24, Z24, c \
	VFMADD231PD Z24, Z24, d

// func FMAsAVX512(rounds int)
TEXT ·FMAsAVX512(SB), NOSPLIT, $0-8
	MOVQ rounds+0(FP), CX
	TWENTY_FOUR(CLEAR)
	VPXORQ Z24, Z24, Z24

round:
	TWENTY_FOUR(FUSED)
	DECQ CX
	JNZ  round
	VZEROUPPER
	RET
