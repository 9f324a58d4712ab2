//go:build !purego

// Log-densities of a Gaussian (kernels/ref_gaussian.go):
//
//	l = constant - Σ_j ½(u_j - o_j)²    u_j = Σ_{c ≤ j} W_jc·x_c, fused, c ascending
//
// Four rows of W at a time, for 8 samples, half of a block: the columns left of the diagonal in a loop, then a triangle. The D
// mod 4 rows that are left over come first, where they are shortest.
//
// Vector pipes: one operation per entry of the triangle and vector, and four per row and vector.

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"

// Vectors: the sums of row r are 4r to 4r+3.
#define X 16 // and the three that follow: a row of x
#define W0 20
#define W1 21
#define W2 22
#define W3 23
#define L 24 // and the three that follow
#define HALVES 28
#define O 29

// General registers.
#define ARGS 0
#define SAMPLES 1 // left
#define DST 2
#define X_AT 3 // the rows of x
#define ROW 4  // of W, in bytes
#define W_AT 5 // the first of the rows
#define OFFSET 6
#define BEFORE 7 // how many columns the rows have in full
#define COLUMNS 8 // left
#define R0 9 // W(·, c)
#define R1 10
#define R2 11
#define R3 12
#define X_C 13 // x(c)
#define AT 14

// VLD1R and VDUP take registers by their names alone: those of R0 to R3, OFFSET, AT and HALVES.
#define SPREAD0 VLD1R.P 8(R9), [V(W0).D2]
#define SPREAD1 VLD1R.P 8(R10), [V(W1).D2]
#define SPREAD2 VLD1R.P 8(R11), [V(W2).D2]
#define SPREAD3 VLD1R.P 8(R12), [V(W3).D2]
#define SPREAD_OFFSET VLD1R.P 8(R6), [V(O).D2]
#define SPREAD_CONSTANT VLD1R (R14), [V(L).D2]
#define SPREAD_HALF VDUP V28.D[0], V28.D2

#define EACH(OP, m, n, d) OP(m, n, d); OP(m, n+1, d+1); OP(m, n+2, d+2); OP(m, n+3, d+3)
#define CLEAR(u) EOR_B16(u, u, u); EOR_B16(u+1, u+1, u+1); EOR_B16(u+2, u+2, u+2); EOR_B16(u+3, u+3, u+3)
#define COLUMN(o) LDR_Q(o, X_C, X); LDR_Q(o+16, X_C, X+1); LDR_Q(o+32, X_C, X+2); LDR_Q(o+48, X_C, X+3)
#define FMA(w, u) EACH(FMLA_D2, w, X, u)

#define SQUARE(u) FMUL_D2(u, u, u)
#define SUBTRACT(u, l) FSUB_D2(u, l, l)

// l -= ½(u-o)².
#define TAKE(u) \
	SPREAD_OFFSET              \
	EACH(FSUB_D2, O, u, u)     \
	SQUARE(u)                  \
	SQUARE(u+1)                \
	SQUARE(u+2)                \
	SQUARE(u+3)                \
	EACH(FMUL_D2, HALVES, u, u) \
	SUBTRACT(u, L)             \
	SUBTRACT(u+1, L+1)         \
	SUBTRACT(u+2, L+2)         \
	SUBTRACT(u+3, L+3)

// func GaussianLogDensityNEON(p *GaussianArgs)
TEXT ·GaussianLogDensityNEON(SB), NOSPLIT, $0-8
	MOVD  p+0(FP), R(ARGS)
	MOVD  GaussianArgs_N(R(ARGS)), R(SAMPLES)
	MOVD  GaussianArgs_Dst(R(ARGS)), R(DST)
	MOVD  GaussianArgs_X(R(ARGS)), R(X_AT)
	MOVD  GaussianArgs_D(R(ARGS)), R(ROW)
	LSL   $3, R(ROW)
	FMOVD $0.5, F(HALVES)
	SPREAD_HALF

half:
	ADD  $GaussianArgs_Constant, R(ARGS), R(AT)
	SPREAD_CONSTANT
	MOV_B16(L, L+1)
	MOV_B16(L, L+2)
	MOV_B16(L, L+3)
	MOVD GaussianArgs_Whiten(R(ARGS)), R(W_AT)
	MOVD GaussianArgs_Offset(R(ARGS)), R(OFFSET)
	MOVD GaussianArgs_D(R(ARGS)), R(BEFORE)
	MOVD R(X_AT), R(X_C)
	AND  $3, R(BEFORE)
	CBZ  R(BEFORE), four

	MOVD R(W_AT), R(R0)
	ADD  R(ROW), R(R0), R(R1)
	ADD  R(ROW), R(R1), R(R2)
	CLEAR(0)
	COLUMN(0)
	SPREAD0
	FMA(W0, 0)
	TAKE(0)
	CMP  $2, R(BEFORE)
	BLT  rest
	CLEAR(4)
	SPREAD1
	FMA(W1, 4)
	COLUMN(128)
	SPREAD1
	FMA(W1, 4)
	TAKE(4)
	BEQ  rest
	CLEAR(8)
	COLUMN(0)
	SPREAD2
	FMA(W2, 8)
	COLUMN(128)
	SPREAD2
	FMA(W2, 8)
	COLUMN(256)
	SPREAD2
	FMA(W2, 8)
	TAKE(8)

rest:
	MADD R(ROW), R(W_AT), R(BEFORE), R(W_AT)
	MOVD GaussianArgs_D(R(ARGS)), R(COLUMNS)
	CMP  R(COLUMNS), R(BEFORE)
	BEQ  store

four:
	CLEAR(0)
	CLEAR(4)
	CLEAR(8)
	CLEAR(12)
	MOVD R(W_AT), R(R0)
	ADD  R(ROW), R(R0), R(R1)
	ADD  R(ROW), R(R1), R(R2)
	ADD  R(ROW), R(R2), R(R3)
	MOVD R(X_AT), R(X_C)
	MOVD R(BEFORE), R(COLUMNS)
	CBZ  R(COLUMNS), triangle

column:
	COLUMN(0)
	ADD  $128, R(X_C)
	SPREAD0
	SPREAD1
	SPREAD2
	SPREAD3
	FMA(W0, 0)
	FMA(W1, 4)
	FMA(W2, 8)
	FMA(W3, 12)
	SUBS $1, R(COLUMNS)
	BNE  column

triangle:
	COLUMN(0)
	SPREAD0
	SPREAD1
	SPREAD2
	SPREAD3
	FMA(W0, 0)
	FMA(W1, 4)
	FMA(W2, 8)
	FMA(W3, 12)
	TAKE(0)
	COLUMN(128)
	SPREAD1
	SPREAD2
	SPREAD3
	FMA(W1, 4)
	FMA(W2, 8)
	FMA(W3, 12)
	TAKE(4)
	COLUMN(256)
	SPREAD2
	SPREAD3
	FMA(W2, 8)
	FMA(W3, 12)
	TAKE(8)
	COLUMN(384)
	SPREAD3
	FMA(W3, 12)
	TAKE(12)
	ADD  R(ROW)<<2, R(W_AT)
	ADD  $4, R(BEFORE)
	MOVD GaussianArgs_D(R(ARGS)), R(COLUMNS)
	CMP  R(COLUMNS), R(BEFORE)
	BNE  four

store:
	STR_Q(0, DST, L)
	STR_Q(16, DST, L+1)
	STR_Q(32, DST, L+2)
	STR_Q(48, DST, L+3)
	ADD  $64, R(DST)
	ADD  $64, R(X_AT)
	SUBS $8, R(SAMPLES)
	BEQ  done
	MOVD GaussianArgs_N(R(ARGS)), R(AT)
	SUB  R(SAMPLES), R(AT)
	TBNZ $3, R(AT), half // the second one of the block
	ADD  R(ROW)<<4, R(X_AT)
	SUB  $128, R(X_AT)
	B    half

done:
	RET
