//go:build !purego

// Matrix products of which one side is short and the other long in memory along k (kernels/gemm.go): every element is
//
//	c = start    c = A(i, k)·B(k, j) + c, k ascending
//
// as in the other products, for 1, 2 or 4 columns j. Lanes are rows of A: 4 rows by 2 k are turned in registers, so that A
// is read once, as it lies, and not packed.
//
// Vector pipes: one operation per 2 terms, and one to turn 2 elements of A.

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"

#define TILE 0
#define TERMS 1 // left
#define ROWS 2  // left
#define ROW 3   // from one row of A to the next
#define C_AT 5
#define C_ROW 6
#define A_AT 7 // the first row
#define A_K 8  // A(·, k)
#define FROM 9 // one row after the other; also C's
#define COL 14
#define SHIFTED 15

// B(k, j) in both lanes. VLD1R takes registers by their names alone: R10 to R13 point to the columns, R4 holds the step.
#define SPREAD0(v) VLD1R.P (R10)(R4), [V(v).D2]
#define SPREAD1(v) VLD1R.P (R11)(R4), [V(v).D2]
#define SPREAD2(v) VLD1R.P (R12)(R4), [V(v).D2]
#define SPREAD3(v) VLD1R.P (R13)(R4), [V(v).D2]

// Vectors: the sums from 0 on, B's elements for k from 16 on and for k+1 from 20 on; A's as they lie, and turned, which
// VTRN1 and VTRN2 name by themselves.
#define LIE0 24
#define LIE1 25
#define LIE2 26
#define LIE3 27
#define NOW0 28 // rows 0 and 1
#define NOW2 29 // rows 2 and 3
#define NEXT0 30
#define NEXT2 31

#define ROW_TWO(v) LDR_Q(0, FROM, v); ADD R(ROW), R(FROM)
#define ROW_ONE(v) FMOVD 0(R(FROM)), F(v); ADD R(ROW), R(FROM)
#define TURN(ROW_OF) ROW_OF(LIE0); ROW_OF(LIE1); ROW_OF(LIE2); ROW_OF(LIE3); \
	VTRN1 V25.D2, V24.D2, V28.D2; VTRN1 V27.D2, V26.D2, V29.D2
#define TURN_TWO TURN(ROW_TWO); \
	VTRN2 V25.D2, V24.D2, V30.D2; VTRN2 V27.D2, V26.D2, V31.D2
#define TURN_ONE TURN(ROW_ONE)

// The 4 rows at FROM times one column, the sums are in c and the vector after it.
#define COLUMN_ONE(j, c) FMLA_D2(16+j, NOW0, c); FMLA_D2(16+j, NOW2, c+1)
#define COLUMN_TWO(j, c) COLUMN_ONE(j, c); FMLA_D2(20+j, NEXT0, c); FMLA_D2(20+j, NEXT2, c+1)

// The columns' sums are so many vectors apart: 8 or 4.
#define COLUMNS_1(OP, c) OP(0, c)
#define COLUMNS_2(OP, c) OP(0, c); OP(1, c+4)
#define COLUMNS_4(OP, c) OP(0, c); OP(1, c+4); OP(2, c+8); OP(3, c+12)

#define SPREAD_1 SPREAD0(16)
#define SPREAD_2 SPREAD_1; SPREAD1(17)
#define SPREAD_4 SPREAD_2; SPREAD2(18); SPREAD3(19)
#define SPREAD_1_TWO SPREAD_1; SPREAD0(20)
#define SPREAD_2_TWO SPREAD_2; SPREAD0(20); SPREAD1(21)
#define SPREAD_4_TWO SPREAD_4; SPREAD0(20); SPREAD1(21); SPREAD2(22); SPREAD3(23)

// All rows of a group.
#define ROWS_4(TURN, COLUMNS, OP) TURN; COLUMNS(OP, 0)
#define ROWS_8(TURN, COLUMNS, OP) ROWS_4(TURN, COLUMNS, OP); TURN; COLUMNS(OP, 2)
#define ROWS_16(TURN, COLUMNS, OP) ROWS_8(TURN, COLUMNS, OP); TURN; COLUMNS(OP, 4); TURN; COLUMNS(OP, 6)

// The sums' places in C: a column's are beside one another.
#define LOAD_4(c) LDR_Q(0, FROM, c); LDR_Q(16, FROM, c+1)
#define LOAD_8(c) LOAD_4(c); LDR_Q(32, FROM, c+2); LDR_Q(48, FROM, c+3)
#define LOAD_16(c) LOAD_8(c); LDR_Q(64, FROM, c+4); LDR_Q(80, FROM, c+5); LDR_Q(96, FROM, c+6); LDR_Q(112, FROM, c+7)
#define STORE_4(c) STR_Q(0, FROM, c); STR_Q(16, FROM, c+1)
#define STORE_8(c) STORE_4(c); STR_Q(32, FROM, c+2); STR_Q(48, FROM, c+3)
#define STORE_16(c) STORE_8(c); STR_Q(64, FROM, c+4); STR_Q(80, FROM, c+5); STR_Q(96, FROM, c+6); STR_Q(112, FROM, c+7)
#define NEXT_COLUMN ADD R(C_ROW), R(FROM)
#define EACH_1(OP) MOVD R(C_AT), R(FROM); OP(0)
#define EACH_2(OP) EACH_1(OP); NEXT_COLUMN; OP(4)
#define EACH_4(OP) EACH_2(OP); NEXT_COLUMN; OP(8); NEXT_COLUMN; OP(12)

// So many rows at a time, as often as there are such; shift is its binary logarithm.
#define ROWS_OF(rows, shift, GROUP, COLUMNS, SPREAD, SPREAD_TWO, EACH, LOAD, STORE, begin, two, last, store, done) \
	SUBS $rows, R(ROWS)                     \
	BLT  done                               \
begin:                                          \
	EACH(LOAD)                              \
	MOVD R(A_AT), R(A_K)                    \
	MOVD GemmArgs_B(R(TILE)), R10           \
	ADD  R(COL), R10, R11                   \
	ADD  R(COL), R11, R12                   \
	ADD  R(COL), R12, R13                   \
	MOVD GemmArgs_K(R(TILE)), R(TERMS)      \
	SUBS $2, R(TERMS)                       \
	BLT  last                               \
two:                                            \
	SPREAD_TWO                              \
	MOVD R(A_K), R(FROM)                    \
	ADD  $16, R(A_K)                        \
	GROUP(TURN_TWO, COLUMNS, COLUMN_TWO)    \
	SUBS $2, R(TERMS)                       \
	BGE  two                                \
last:                                           \
	TBZ  $0, R(TERMS), store                \
	SPREAD                                  \
	MOVD R(A_K), R(FROM)                    \
	GROUP(TURN_ONE, COLUMNS, COLUMN_ONE)    \
store:                                          \
	EACH(STORE)                             \
	ADD  $(8*rows), R(C_AT)                 \
	LSL  $shift, R(ROW), R(SHIFTED)         \
	ADD  R(SHIFTED), R(A_AT)                \
	SUBS $rows, R(ROWS)                     \
	BGE  begin                              \
done:                                           \
	ADD  $rows, R(ROWS)

#define BEGIN \
	MOVD t+0(FP), R(TILE)                   \
	MOVD GemmArgs_Rows(R(TILE)), R(ROWS)    \
	MOVD GemmArgs_A(R(TILE)), R(A_AT)       \
	MOVD GemmArgs_ARow(R(TILE)), R(ROW)     \
	MOVD GemmArgs_BStep(R(TILE)), R4        \
	MOVD GemmArgs_BCol(R(TILE)), R(COL)     \
	MOVD GemmArgs_C(R(TILE)), R(C_AT)       \
	MOVD GemmArgs_CRow(R(TILE)), R(C_ROW)

// func GemmDots1NEON(t *GemmArgs)
TEXT ·GemmDots1NEON(SB), NOSPLIT, $0-8
	BEGIN
	ROWS_OF(16, 4, ROWS_16, COLUMNS_1, SPREAD_1, SPREAD_1_TWO, EACH_1, LOAD_16, STORE_16, begin16, two16, last16, store16, done16)
	ROWS_OF(4, 2, ROWS_4, COLUMNS_1, SPREAD_1, SPREAD_1_TWO, EACH_1, LOAD_4, STORE_4, begin4, two4, last4, store4, done4)
	RET

// func GemmDots2NEON(t *GemmArgs)
TEXT ·GemmDots2NEON(SB), NOSPLIT, $0-8
	BEGIN
	ROWS_OF(8, 3, ROWS_8, COLUMNS_2, SPREAD_2, SPREAD_2_TWO, EACH_2, LOAD_8, STORE_8, begin8, two8, last8, store8, done8)
	ROWS_OF(4, 2, ROWS_4, COLUMNS_2, SPREAD_2, SPREAD_2_TWO, EACH_2, LOAD_4, STORE_4, begin4, two4, last4, store4, done4)
	RET

// func GemmDots4NEON(t *GemmArgs)
TEXT ·GemmDots4NEON(SB), NOSPLIT, $0-8
	BEGIN
	ROWS_OF(8, 3, ROWS_8, COLUMNS_4, SPREAD_4, SPREAD_4_TWO, EACH_4, LOAD_8, STORE_8, begin8, two8, last8, store8, done8)
	ROWS_OF(4, 2, ROWS_4, COLUMNS_4, SPREAD_4, SPREAD_4_TWO, EACH_4, LOAD_4, STORE_4, begin4, two4, last4, store4, done4)
	RET
