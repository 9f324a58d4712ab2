//go:build !purego

// The activation of a conditioner and its derivative (kernels/ref_activation.go), with t = (x+1)/2 held within [0, 1]:
//
//	s(x) = t³(2-t) + max(x, 1) - 1        s'(x) = t²(3-2t)
//
// Requires: AVX2, FMA.
//
// Two vectors, 8 numbers, at a time. FMA and addition pipes per vector: s 9, its derivative's product 7.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"

#define X0 Y0
#define X1 Y1
#define T0 Y2
#define T1 Y3
#define S0 Y4 // powers of t; then the result
#define S1 Y5
#define R0 Y6 // 2-t or 3-2t
#define R1 Y7

#define _ZERO Y11
#define _HALF Y12
#define _ONE Y13
#define _TWO Y14
#define _THREE Y15

// Constants that both kernels need.
#define LOAD_CONSTANTS \
	VPXOR        _ZERO, _ZERO, _ZERO \
	VBROADCASTSD HALF, _HALF         \
	VBROADCASTSD ONE, _ONE           \
	VBROADCASTSD TWO, _TWO

// t and t², from x. Of a maximum's or minimum's operands the one that may be NaN stands first, and stays.
#define RISE(x, t, square) \
	VMOVAPD     x, t             \
	VFMADD213PD _HALF, _HALF, t  \
	VMAXPD      t, _ZERO, t      \
	VMINPD      t, _ONE, t       \
	VMULPD      t, t, square

// func SmoothReLUAVX2(dst, x *float64, n int)
TEXT ·SmoothReLUAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	LOAD_CONSTANTS

numbers:
	VMOVUPD     (SI), X0
	VMOVUPD     32(SI), X1
	RISE(X0, T0, S0)
	RISE(X1, T1, S1)
	VMULPD      T0, S0, S0
	VMULPD      T1, S1, S1
	VSUBPD      T0, _TWO, R0
	VSUBPD      T1, _TWO, R1
	VMAXPD      X0, _ONE, X0
	VMAXPD      X1, _ONE, X1
	VSUBPD      _ONE, X0, X0
	VSUBPD      _ONE, X1, X1
	VFMADD213PD X0, R0, S0
	VFMADD213PD X1, R1, S1
	VMOVUPD     S0, (DI)
	VMOVUPD     S1, 32(DI)
	ADDQ        $64, SI
	ADDQ        $64, DI
	SUBQ        $8, CX
	JNZ         numbers
	VZEROUPPER
	RET

// func SmoothReLUBackwardAVX2(dx, dy, x *float64, n int)
TEXT ·SmoothReLUBackwardAVX2(SB), NOSPLIT, $0-32
	MOVQ         dx+0(FP), DI
	MOVQ         dy+8(FP), BX
	MOVQ         x+16(FP), SI
	MOVQ         n+24(FP), CX
	LOAD_CONSTANTS
	VBROADCASTSD THREE, _THREE

numbers:
	VMOVUPD      (SI), X0
	VMOVUPD      32(SI), X1
	RISE(X0, T0, S0)
	RISE(X1, T1, S1)
	VFNMADD213PD _THREE, _TWO, T0 // 3-2t
	VFNMADD213PD _THREE, _TWO, T1
	VMULPD       T0, S0, S0
	VMULPD       T1, S1, S1
	VMULPD       (BX), S0, S0
	VMULPD       32(BX), S1, S1
	VMOVUPD      S0, (DI)
	VMOVUPD      S1, 32(DI)
	ADDQ         $64, SI
	ADDQ         $64, BX
	ADDQ         $64, DI
	SUBQ         $8, CX
	JNZ          numbers
	VZEROUPPER
	RET
