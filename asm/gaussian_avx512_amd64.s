//go:build !purego

// Log-densities of a Gaussian (kernels/ref_gaussian.go):
//
//	l = constant - Σ_j ½(u_j - o_j)²    u_j = Σ_{c ≤ j} W_jc·x_c, fused, c ascending
//
// Four rows of W at a time, for a block of 16 samples: the columns left of the diagonal in a loop, then a triangle. The D mod 4
// rows that are left over come first, where they are shortest.
//
// Requires: AVX512F.
//
// FMA ports: one operation per entry of the triangle and vector, and two per row and vector.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"

#define ARGS AX
#define SAMPLES CX // left
#define DST DI
#define X_AT SI // the block's rows
#define ROW R8 // of W, in bytes
#define ROW3 R9
#define W_AT R10 // the first of the rows
#define OFFSET R11 // of that row
#define BEFORE R12 // how many columns they have in full
#define W_C BX // W(·, c)
#define X_C DX // x(c)
#define COLUMNS R13 // left

// Sums of rows r, 8 samples each.
#define U00 Z0
#define U01 Z1
#define U10 Z2
#define U11 Z3
#define U20 Z4
#define U21 Z5
#define U30 Z6
#define U31 Z7
#define X0 Z8
#define X1 Z9
#define W Z10
#define L0 Z11
#define L1 Z12
#define HALVES Z13

#define CLEAR(u0, u1) \
	VPXORQ u0, u0, u0 \
	VPXORQ u1, u1, u1

#define COLUMN(o) \
	VMOVUPD o(X_C), X0 \
	VMOVUPD o+64(X_C), X1

#define FMA(w, u0, u1) \
	VBROADCASTSD w, W      \
	VFMADD231PD  X0, W, u0 \
	VFMADD231PD  X1, W, u1

// l -= ½(u-o)².
#define TAKE(o, u0, u1) \
	VBROADCASTSD o(OFFSET), W   \
	VSUBPD       W, u0, u0      \
	VSUBPD       W, u1, u1      \
	VMULPD       u0, u0, u0     \
	VMULPD       u1, u1, u1     \
	VMULPD       HALVES, u0, u0 \
	VMULPD       HALVES, u1, u1 \
	VSUBPD       u0, L0, L0     \
	VSUBPD       u1, L1, L1

// func GaussianLogDensityAVX512(p *GaussianArgs)
TEXT ·GaussianLogDensityAVX512(SB), NOSPLIT, $0-8
	MOVQ         p+0(FP), ARGS
	MOVQ         GaussianArgs_N(ARGS), SAMPLES
	MOVQ         GaussianArgs_Dst(ARGS), DST
	MOVQ         GaussianArgs_X(ARGS), X_AT
	MOVQ         GaussianArgs_D(ARGS), ROW
	SHLQ         $3, ROW
	LEAQ         (ROW)(ROW*2), ROW3
	VBROADCASTSD HALF, HALVES

block:
	VBROADCASTSD GaussianArgs_Constant(ARGS), L0
	VMOVAPD      L0, L1
	MOVQ         GaussianArgs_Whiten(ARGS), W_AT
	MOVQ         GaussianArgs_Offset(ARGS), OFFSET
	MOVQ         GaussianArgs_D(ARGS), BEFORE
	MOVQ         X_AT, X_C
	ANDQ         $3, BEFORE
	JZ           four

	CLEAR(U00, U01)
	COLUMN(0)
	FMA((W_AT), U00, U01)
	TAKE(0, U00, U01)
	CMPQ BEFORE, $2
	JLT  rest
	CLEAR(U10, U11)
	FMA((W_AT)(ROW*1), U10, U11)
	COLUMN(128)
	FMA(8(W_AT)(ROW*1), U10, U11)
	TAKE(8, U10, U11)
	JEQ  rest
	CLEAR(U20, U21)
	COLUMN(0)
	FMA((W_AT)(ROW*2), U20, U21)
	COLUMN(128)
	FMA(8(W_AT)(ROW*2), U20, U21)
	COLUMN(256)
	FMA(16(W_AT)(ROW*2), U20, U21)
	TAKE(16, U20, U21)

rest:
	MOVQ  ROW, W_C
	IMULQ BEFORE, W_C
	ADDQ  W_C, W_AT
	LEAQ  (OFFSET)(BEFORE*8), OFFSET
	CMPQ  BEFORE, GaussianArgs_D(ARGS)
	JEQ   store

four:
	CLEAR(U00, U01)
	CLEAR(U10, U11)
	CLEAR(U20, U21)
	CLEAR(U30, U31)
	MOVQ  W_AT, W_C
	MOVQ  X_AT, X_C
	MOVQ  BEFORE, COLUMNS
	TESTQ COLUMNS, COLUMNS
	JZ    triangle

column:
	COLUMN(0)
	FMA((W_C), U00, U01)
	FMA((W_C)(ROW*1), U10, U11)
	FMA((W_C)(ROW*2), U20, U21)
	FMA((W_C)(ROW3*1), U30, U31)
	ADDQ $8, W_C
	ADDQ $128, X_C
	DECQ COLUMNS
	JNZ  column

triangle:
	COLUMN(0)
	FMA((W_C), U00, U01)
	FMA((W_C)(ROW*1), U10, U11)
	FMA((W_C)(ROW*2), U20, U21)
	FMA((W_C)(ROW3*1), U30, U31)
	TAKE(0, U00, U01)
	COLUMN(128)
	FMA(8(W_C)(ROW*1), U10, U11)
	FMA(8(W_C)(ROW*2), U20, U21)
	FMA(8(W_C)(ROW3*1), U30, U31)
	TAKE(8, U10, U11)
	COLUMN(256)
	FMA(16(W_C)(ROW*2), U20, U21)
	FMA(16(W_C)(ROW3*1), U30, U31)
	TAKE(16, U20, U21)
	COLUMN(384)
	FMA(24(W_C)(ROW3*1), U30, U31)
	TAKE(24, U30, U31)
	LEAQ (W_AT)(ROW*4), W_AT
	ADDQ $32, OFFSET
	ADDQ $4, BEFORE
	CMPQ BEFORE, GaussianArgs_D(ARGS)
	JNE  four

store:
	VMOVUPD L0, (DST)
	VMOVUPD L1, 64(DST)
	ADDQ    $128, DST
	SHLQ    $4, ROW
	ADDQ    ROW, X_AT
	SHRQ    $4, ROW
	SUBQ    $16, SAMPLES
	JNZ     block
	VZEROUPPER
	RET
