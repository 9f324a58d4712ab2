//go:build !purego

// Matrix products (kernels/gemm.go). Every element of C is one chain of fused multiply-adds,
//
//	c = start    c = A(i, k)·B(k, j) + c, k ascending    c = 0 if relu and c ≤ 0
//
// so that its bits depend neither on the tile that it falls into nor on the vectors' length. A tile is 4 rows by 8, 4 or
// 2 columns, which stay in registers while k runs: each step loads a row of B and spreads 4 elements of A. The kernel of
// one row goes along B's rows.
//
// Vector pipes: one operation per 2 terms, and nothing else in the loops.

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"

// Vectors: the sums of row r are 4r to 4r+3, of which narrower tiles use the first.
#define B0 16 // and the three that follow
#define A0 20
#define A1 21
#define A2 22
#define A3 23
#define CLEARED 24 // zeros
#define H 25       // the mask

// General registers. Matrices with 4 rows have a pointer for each.
#define TILE 0
#define TERMS 1 // left
#define ROWS 2  // left
#define A_ROW 3
#define A_STEP 4
#define B_STEP 5
#define C_ROW 6
#define A_AT 7 // of the first of 4 rows
#define B_K 8  // B(k, ·)
#define R0 9   // of A, C or the mask
#define R1 10
#define R2 11
#define R3 12
#define C_AT 13
#define BIAS 14
#define MASK_AT 15
#define MASK_ROW 16
#define FLAGS 17

// VLD1R takes registers by their names alone: those of R0 to R3, A_K, BIAS and A_STEP.
#define SPREAD0 VLD1R.P (R9)(R4), [V(A0).D2]
#define SPREAD1 VLD1R.P (R10)(R4), [V(A1).D2]
#define SPREAD2 VLD1R.P (R11)(R4), [V(A2).D2]
#define SPREAD3 VLD1R.P (R12)(R4), [V(A3).D2]
#define SPREAD_BIAS VLD1R (R14), [V(A0).D2]

// Pointers to the 4 rows from general register at on, row bytes apart.
#define FOUR_ROWS(at, row) \
	MOVD R(at), R(R0)         \
	ADD  R(row), R(R0), R(R1) \
	ADD  R(row), R(R1), R(R2) \
	ADD  R(row), R(R2), R(R3)

// An operation on each of the 4 rows.
#define ROWS4(OP) \
	OP(R0, 0) \
	OP(R1, 4) \
	OP(R2, 8) \
	OP(R3, 12)

#define CLEAR4(at, c) \
	EOR_B16(c, c, c)          \
	EOR_B16(c+1, c+1, c+1)    \
	EOR_B16(c+2, c+2, c+2)    \
	EOR_B16(c+3, c+3, c+3)

#define SPLAT4(at, c) \
	VLD1R.P 8(R(BIAS)), [V(A0).D2] \
	MOV_B16(A0, c)            \
	MOV_B16(A0, c+1)          \
	MOV_B16(A0, c+2)          \
	MOV_B16(A0, c+3)

#define LOAD1(at, c) LDR_Q(0, at, c)
#define LOAD2(at, c) LOAD1(at, c); LDR_Q(16, at, c+1)
#define LOAD4(at, c) LOAD2(at, c); LDR_Q(32, at, c+2); LDR_Q(48, at, c+3)

#define STORE1(at, c) STR_Q(0, at, c)
#define STORE2(at, c) STORE1(at, c); STR_Q(16, at, c+1)
#define STORE4(at, c) STORE2(at, c); STR_Q(32, at, c+2); STR_Q(48, at, c+3)

// c = 0 where c ≤ 0: the larger one, which is NaN if c is.
#define RELU4(at, c) \
	FMAX_D2(CLEARED, c, c)     \
	FMAX_D2(CLEARED, c+1, c+1) \
	FMAX_D2(CLEARED, c+2, c+2) \
	FMAX_D2(CLEARED, c+3, c+3)

// c = 0 where the mask, o bytes on, is at most zero.
#define CLEAR_WHERE(o, at, c) \
	LDR_Q(o, at, H)  \
	FCMLE0_D2(H, H)  \
	BIC_B16(H, c, c)
#define MASK1(at, c) CLEAR_WHERE(0, at, c)
#define MASK2(at, c) MASK1(at, c); CLEAR_WHERE(16, at, c+1)
#define MASK4(at, c) MASK2(at, c); CLEAR_WHERE(32, at, c+2); CLEAR_WHERE(48, at, c+3)

#define FMA1(a, c) FMLA_D2(a, B0, c)
#define FMA2(a, c) FMA1(a, c); FMLA_D2(a, B0+1, c+1)
#define FMA4(a, c) FMA2(a, c); FMLA_D2(a, B0+2, c+2); FMLA_D2(a, B0+3, c+3)

// One k.
#define STEP(LOAD, FMA) \
	LOAD(B_K, B0)                              \
	ADD     R(B_STEP), R(B_K), R(B_K)          \
	SPREAD0                                    \
	SPREAD1                                    \
	SPREAD2                                    \
	SPREAD3                                    \
	FMA(A0, 0)                                 \
	FMA(A1, 4)                                 \
	FMA(A2, 8)                                 \
	FMA(A3, 12)

// A whole kernel.
#define KERNEL(LOAD, FMA, MASK, STORE) \
	MOVD t+0(FP), R(TILE)                       \
	MOVD GemmArgs_Rows(R(TILE)), R(ROWS)        \
	MOVD GemmArgs_A(R(TILE)), R(A_AT)           \
	MOVD GemmArgs_ARow(R(TILE)), R(A_ROW)       \
	MOVD GemmArgs_AStep(R(TILE)), R(A_STEP)     \
	MOVD GemmArgs_BStep(R(TILE)), R(B_STEP)     \
	MOVD GemmArgs_C(R(TILE)), R(C_AT)           \
	MOVD GemmArgs_CRow(R(TILE)), R(C_ROW)       \
	MOVD GemmArgs_Bias(R(TILE)), R(BIAS)        \
	MOVD GemmArgs_Mask(R(TILE)), R(MASK_AT)     \
	MOVD GemmArgs_MaskRow(R(TILE)), R(MASK_ROW) \
	MOVD GemmArgs_Flags(R(TILE)), R(FLAGS)      \
	EOR_B16(CLEARED, CLEARED, CLEARED)          \
rows:                                           \
	CBZ  R(BIAS), plain                         \
	ROWS4(SPLAT4)                               \
	B    product                                \
plain:                                          \
	TBZ  $0, R(FLAGS), zero                     \
	FOUR_ROWS(C_AT, C_ROW)                      \
	ROWS4(LOAD)                                 \
	B    product                                \
zero:                                           \
	ROWS4(CLEAR4)                               \
product:                                        \
	FOUR_ROWS(A_AT, A_ROW)                      \
	MOVD GemmArgs_B(R(TILE)), R(B_K)            \
	MOVD GemmArgs_K(R(TILE)), R(TERMS)          \
terms:                                          \
	STEP(LOAD, FMA)                             \
	SUBS $1, R(TERMS)                           \
	BNE  terms                                  \
	TBZ  $1, R(FLAGS), mask                     \
	ROWS4(RELU4)                                \
mask:                                           \
	TBZ  $2, R(FLAGS), store                    \
	FOUR_ROWS(MASK_AT, MASK_ROW)                \
	ROWS4(MASK)                                 \
	ADD  R(MASK_ROW)<<2, R(MASK_AT), R(MASK_AT) \
store:                                          \
	FOUR_ROWS(C_AT, C_ROW)                      \
	ROWS4(STORE)                                \
	ADD  R(A_ROW)<<2, R(A_AT), R(A_AT)          \
	ADD  R(C_ROW)<<2, R(C_AT), R(C_AT)          \
	SUBS $4, R(ROWS)                            \
	BNE  rows                                   \
	RET

// func Gemm4x8NEON(t *GemmArgs)
TEXT ·Gemm4x8NEON(SB), NOSPLIT, $0-8
	KERNEL(LOAD4, FMA4, MASK4, STORE4)

// func Gemm4x4NEON(t *GemmArgs)
TEXT ·Gemm4x4NEON(SB), NOSPLIT, $0-8
	KERNEL(LOAD2, FMA2, MASK2, STORE2)

// func Gemm4x2NEON(t *GemmArgs)
TEXT ·Gemm4x2NEON(SB), NOSPLIT, $0-8
	KERNEL(LOAD1, FMA1, MASK1, STORE1)

// One row of C or two: 16 columns at a time, then 8, then 2.
#define COLS 2 // left
#define B_0 12  // B(0, ·) at these columns
#define A_K 9
#define A_K1 10 // of the second row
#define FROM1 11 // the second row of C, or of the mask

#define EIGHT(OP, at, c) FOUR(OP, at, c) OP(64, at, c+4) OP(80, at, c+5) OP(96, at, c+6) OP(112, at, c+7)
#define FOUR(OP, at, c) ONE(OP, at, c) OP(16, at, c+1) OP(32, at, c+2) OP(48, at, c+3)
#define ONE(OP, at, c) OP(0, at, c)

#define ROW_CLEAR(o, at, v) EOR_B16(v, v, v);
#define ROW_SPLAT(o, at, v) MOV_B16(A0, v);
#define ROW_LOAD(o, at, v) LDR_Q(o, at, v);
#define ROW_RELU(o, at, v) FMAX_D2(CLEARED, v, v);
#define ROW_MASK(o, at, v) CLEAR_WHERE(o, at, v);
#define ROW_STORE(o, at, v) STR_Q(o, at, v);
#define FMA_1(o, at, v) LDR_Q(o, B_K, B0+((o)/16&3)); FMLA_D2(A0, B0+((o)/16&3), v);
#define FMA_2(o, at, v) FMA_1(o, at, v) FMLA_D2(A1, B0+((o)/16&3), v+8);

// What is done with the rows: with the first, whose sums are from 0 on, and with the second, from 8 on.
#define START_1(VECTORS, OP) SPREAD_BIAS; VECTORS(OP, C_AT, 0)
#define START_2(VECTORS, OP) START_1(VECTORS, OP) ADD $8, R(BIAS), R(A_K); SPREAD_A; VECTORS(OP, C_AT, 8)
#define SPREAD_A VLD1R (R9), [V(A0).D2]
#define ROWS_1(VECTORS, OP, at, row) VECTORS(OP, at, 0)
#define ROWS_2(VECTORS, OP, at, row) VECTORS(OP, at, 0) ADD R(row), R(at), R(FROM1); VECTORS(OP, FROM1, 8)
#define TERM_1(VECTORS) SPREAD_K0; VECTORS(FMA_1, B_K, 0)
#define TERM_2(VECTORS) SPREAD_K0; SPREAD_K1; VECTORS(FMA_2, B_K, 0)
#define SPREAD_K0 VLD1R.P (R9)(R4), [V(A0).D2]
#define SPREAD_K1 VLD1R.P (R10)(R4), [V(A1).D2]

// The columns that fill so many vectors, as often as there are such.
#define ROW_OF(VECTORS, ROWS, START, TERM, width, columns, plain, zero, product, terms, mask, store, done) \
	SUBS $width, R(COLS)                     \
	BLT  done                                \
columns:                                     \
	CBZ  R(BIAS), plain                      \
	START(VECTORS, ROW_SPLAT)                \
	B    product                             \
plain:                                       \
	TBZ  $0, R(FLAGS), zero                  \
	ROWS(VECTORS, ROW_LOAD, C_AT, C_ROW)     \
	B    product                             \
zero:                                        \
	ROWS(VECTORS, ROW_CLEAR, C_AT, C_ROW)    \
product:                                     \
	MOVD R(A_AT), R(A_K)                     \
	ADD  R(A_ROW), R(A_AT), R(A_K1)          \
	MOVD R(B_0), R(B_K)                      \
	MOVD GemmArgs_K(R(TILE)), R(TERMS)       \
terms:                                       \
	TERM(VECTORS)                            \
	ADD  R(B_STEP), R(B_K), R(B_K)           \
	SUBS $1, R(TERMS)                        \
	BNE  terms                               \
	TBZ  $1, R(FLAGS), mask                  \
	ROWS(VECTORS, ROW_RELU, C_AT, C_ROW)     \
mask:                                        \
	TBZ  $2, R(FLAGS), store                 \
	ROWS(VECTORS, ROW_MASK, MASK_AT, MASK_ROW) \
	ADD  $(8*width), R(MASK_AT)              \
store:                                       \
	ROWS(VECTORS, ROW_STORE, C_AT, C_ROW)    \
	ADD  $(8*width), R(C_AT)                 \
	ADD  $(8*width), R(B_0)                  \
	SUBS $width, R(COLS)                     \
	BGE  columns                             \
done:                                        \
	ADD  $width, R(COLS)

#define ROW_BEGIN \
	MOVD t+0(FP), R(TILE)                       \
	MOVD GemmArgs_Cols(R(TILE)), R(COLS)        \
	MOVD GemmArgs_A(R(TILE)), R(A_AT)           \
	MOVD GemmArgs_ARow(R(TILE)), R(A_ROW)       \
	MOVD GemmArgs_AStep(R(TILE)), R(A_STEP)     \
	MOVD GemmArgs_B(R(TILE)), R(B_0)            \
	MOVD GemmArgs_BStep(R(TILE)), R(B_STEP)     \
	MOVD GemmArgs_C(R(TILE)), R(C_AT)           \
	MOVD GemmArgs_CRow(R(TILE)), R(C_ROW)       \
	MOVD GemmArgs_Bias(R(TILE)), R(BIAS)        \
	MOVD GemmArgs_Mask(R(TILE)), R(MASK_AT)     \
	MOVD GemmArgs_MaskRow(R(TILE)), R(MASK_ROW) \
	MOVD GemmArgs_Flags(R(TILE)), R(FLAGS)      \
	EOR_B16(CLEARED, CLEARED, CLEARED)

// func GemmRowNEON(t *GemmArgs)
TEXT ·GemmRowNEON(SB), NOSPLIT, $0-8
	ROW_BEGIN
	ROW_OF(EIGHT, ROWS_1, START_1, TERM_1, 16, columns16, plain16, zero16, product16, terms16, mask16, store16, done16)
	ROW_OF(FOUR, ROWS_1, START_1, TERM_1, 8, columns8, plain8, zero8, product8, terms8, mask8, store8, done8)
	ROW_OF(ONE, ROWS_1, START_1, TERM_1, 2, columns2, plain2, zero2, product2, terms2, mask2, store2, done2)
	RET

// func GemmRow2NEON(t *GemmArgs)
TEXT ·GemmRow2NEON(SB), NOSPLIT, $0-8
	ROW_BEGIN
	ROW_OF(EIGHT, ROWS_2, START_2, TERM_2, 16, columns16, plain16, zero16, product16, terms16, mask16, store16, done16)
	ROW_OF(FOUR, ROWS_2, START_2, TERM_2, 8, columns8, plain8, zero8, product8, terms8, mask8, store8, done8)
	ROW_OF(ONE, ROWS_2, START_2, TERM_2, 2, columns2, plain2, zero2, product2, terms2, mask2, store2, done2)
	RET

// The panels of B.
#define DST 0
#define SRC 1
#define DST_ROW 2
#define SRC_ROW 3
#define LEFT 4
#define VECTORS_LEFT 5
#define VECTORS 6
#define FROM 7

// func GemmPackNEON(dst, src *float64, ld, k, vectors int)
TEXT ·GemmPackNEON(SB), NOSPLIT, $0-40
	MOVD dst+0(FP), R(DST)
	MOVD src+8(FP), R(SRC)
	MOVD ld+16(FP), R(SRC_ROW)
	MOVD k+24(FP), R(LEFT)
	MOVD vectors+32(FP), R(VECTORS)

row:
	MOVD R(SRC), R(FROM)
	MOVD R(VECTORS), R(VECTORS_LEFT)

vector:
	LDR_Q(0, FROM, 0)
	STR_Q(0, DST, 0)
	ADD  $16, R(FROM)
	ADD  $16, R(DST)
	SUBS $1, R(VECTORS_LEFT)
	BNE  vector
	ADD  R(SRC_ROW), R(SRC)
	SUBS $1, R(LEFT)
	BNE  row
	RET

// func GemmTransposeNEON(dst, src *float64, ldDst, ldSrc, k int)
TEXT ·GemmTransposeNEON(SB), NOSPLIT, $0-40
	MOVD dst+0(FP), R(DST)
	MOVD src+8(FP), R(SRC)
	MOVD ldDst+16(FP), R(DST_ROW)
	MOVD ldSrc+24(FP), R(SRC_ROW)
	MOVD k+32(FP), R(LEFT)
	FOUR_ROWS(SRC, SRC_ROW)

square:
	VLD1.P 16(R(R0)), [V0.D2]
	VLD1.P 16(R(R1)), [V1.D2]
	VLD1.P 16(R(R2)), [V2.D2]
	VLD1.P 16(R(R3)), [V3.D2]
	VTRN1  V1.D2, V0.D2, V4.D2
	VTRN1  V3.D2, V2.D2, V5.D2
	VTRN2  V1.D2, V0.D2, V6.D2
	VTRN2  V3.D2, V2.D2, V7.D2
	STORE2(DST, 4)
	ADD    R(DST_ROW), R(DST)
	STORE2(DST, 6)
	ADD    R(DST_ROW), R(DST)
	SUBS   $2, R(LEFT)
	BNE    square
	RET

// func GemmScaleNEON(dst, src *float64, n int, by float64)
TEXT ·GemmScaleNEON(SB), NOSPLIT, $0-32
	MOVD  dst+0(FP), R(DST)
	MOVD  src+8(FP), R(SRC)
	MOVD  n+16(FP), R(LEFT)
	FMOVD by+24(FP), F0
	DUP_D2(0, 0, 0)

numbers:
	LDR_Q(0, SRC, 1)
	FMUL_D2(0, 1, 1)
	STR_Q(0, DST, 1)
	ADD  $16, R(SRC)
	ADD  $16, R(DST)
	SUBS $2, R(LEFT)
	BNE  numbers
	RET
