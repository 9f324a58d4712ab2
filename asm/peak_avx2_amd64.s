//go:build !purego

// The most fused multiply-adds that a processor does: nothing but them, on registers.
//
// Requires: AVX2, FMA.

#include "textflag.h"

#define TWELVE(OP) \
	OP(Y0, Y1, Y2, Y3)   \
	OP(Y4, Y5, Y6, Y7)   \
	OP(Y8, Y9, Y10, Y11)
#define CLEAR(a, b, c, d) \
	VXORPD a, a, a \
	VXORPD b, b, b \
	VXORPD c, c, c \
	VXORPD d, d, d
#define FUSED(a, b, c, d) \
	VFMADD231PD Y12, Y12, a \
	VFMADD231PD Y12, Y12, b \
	VFMADD231PD Y12, Y12, c \
	VFMADD231PD Y12, Y12, d

// func FMAsAVX2(rounds int)
TEXT ·FMAsAVX2(SB), NOSPLIT, $0-8
	MOVQ rounds+0(FP), CX
	TWELVE(CLEAR)
	VXORPD Y12, Y12, Y12

round:
	TWELVE(FUSED)
	TWELVE(FUSED)
	DECQ CX
	JNZ  round
	VZEROUPPER
	RET
