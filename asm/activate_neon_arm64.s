//go:build !purego

// The activation of a conditioner and its derivative (kernels/ref_activation.go), with t = (x+1)/2 held within [0, 1]:
//
//	s(x) = t³(2-t) + max(x, 1) - 1        s'(x) = t²(3-2t)
//
// Floating-point pipes, per vector of 2: s 9 operations, its derivative's product 7.

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "consts_arm64.h"
#include "quads_arm64.h"

// General registers.
#define DST 0
#define SRC 1
#define SAMPLES 2 // left
#define UPSTREAM 3

// Groups.
#define X 0
#define T 4
#define S 8 // powers of t; then the result
#define REST 12 // 2-t or 3-2t

// In both elements of a register each.
#define _ZERO 24
#define _HALF 25
#define _ONE 26
#define _TWO 27
#define _THREE 28

#define LOAD_CONSTANTS \
	CONSTANTS                   \
	EOR_B16(_ZERO, _ZERO, _ZERO) \
	LDR_Q(HALF, TABLE, _HALF)   \
	LDR_Q(ONE, TABLE, _ONE)     \
	LDR_Q(TWO, TABLE, _TWO)     \
	LDR_Q(THREE, TABLE, _THREE)

// The same constant in a whole group.
#define SPREAD(c, d) MOV_B16(c, d); MOV_B16(c, d+1); MOV_B16(c, d+2); MOV_B16(c, d+3)

// t and t², from x.
#define RISE \
	SPREAD(_HALF, T)           \
	SAME3(FMLA_D2, _HALF, X, T) \
	SAME3(FMAX_D2, _ZERO, T, T) \
	SAME3(FMIN_D2, _ONE, T, T) \
	FMULG(T, T, S)

// func SmoothReLUNEON(dst, x *float64, n int)
TEXT ·SmoothReLUNEON(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R(DST)
	MOVD x+8(FP), R(SRC)
	MOVD n+16(FP), R(SAMPLES)
	LOAD_CONSTANTS

samples:
	READG(SRC, X)
	RISE
	FMULG(T, S, S)
	SPREAD(_TWO, REST)
	FSUBG(T, REST, REST)
	SAME3(FMAX_D2, _ONE, X, X)
	SAME3(FSUB_D2, _ONE, X, X)
	FMLAG(REST, S, X)
	WRITEG(X, DST)
	ADD  $GROUP_BYTES, R(SRC)
	ADD  $GROUP_BYTES, R(DST)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET

// func SmoothReLUBackwardNEON(dx, dy, x *float64, n int)
TEXT ·SmoothReLUBackwardNEON(SB), NOSPLIT, $0-32
	MOVD dx+0(FP), R(DST)
	MOVD dy+8(FP), R(UPSTREAM)
	MOVD x+16(FP), R(SRC)
	MOVD n+24(FP), R(SAMPLES)
	LOAD_CONSTANTS

samples:
	READG(SRC, X)
	RISE
	SPREAD(_THREE, REST)
	SAME3(FMLS_D2, _TWO, T, REST)
	FMULG(REST, S, S)
	READG(UPSTREAM, X)
	FMULG(X, S, S)
	WRITEG(S, DST)
	ADD  $GROUP_BYTES, R(SRC)
	ADD  $GROUP_BYTES, R(UPSTREAM)
	ADD  $GROUP_BYTES, R(DST)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET
