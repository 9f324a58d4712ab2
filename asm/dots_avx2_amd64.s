//go:build !purego

// Matrix products of which one side is short and the other long in memory along k (kernels/gemm.go): every element is
//
//	c = start    c = A(i, k)·B(k, j) + c, k ascending
//
// as in the other products, for 1, 2 or 4 columns j. Lanes are rows of A: 4 rows by 2 k are turned in registers, so that A
// is read once, as it lies, and not packed.
//
// Requires: AVX2, FMA. Loads: one per 2 elements of A, and one for each element of B and 8 or 16 rows.

#include "textflag.h"
#include "go_asm.h"

// General registers.
#define TILE AX
#define TERMS DX // left
#define COL BX   // from one column of B to the next
#define B_STEP CX
#define B_K SI // B(k, 0)
#define C_AT DI
#define ROW R9
#define ROW3 R10
#define P0 R8 // A(·, k): the first of 4 rows, and of the 4 that follow
#define P1 R11
#define P2 R12
#define P3 R13
#define COL3 R12 // where there are 8 rows
#define B_BACK AX // in the loop over k, where TILE is not needed
#define C_ROW DX // outside of the loop over k
#define C_ROW3 SI

// The 4 rows from p on, o bytes further: k goes to t0, k+1 to t1. With rc for row r and k = c, Y12 becomes 00 01 20 21, Y13
// 10 11 30 31, and t0 00 10 20 30.
#define TURN(o, p, t0, t1) \
	VMOVUPD     o(p), X12                   \
	VMOVUPD     o(p)(ROW*1), X13            \
	VINSERTF128 $1, o(p)(ROW*2), Y12, Y12   \
	VINSERTF128 $1, o(p)(ROW3*1), Y13, Y13  \
	VUNPCKLPD   Y13, Y12, t0                \
	VUNPCKHPD   Y13, Y12, t1

// The same with a single k, to t. Uses X12.
#define TURN_ONE(p, t, low) \
	VMOVSD      (p), low                 \
	VMOVHPD     (p)(ROW*1), low, low     \
	VMOVSD      (p)(ROW*2), X12          \
	VMOVHPD     (p)(ROW3*1), X12, X12    \
	VINSERTF128 $1, X12, t, t

// Eight k at a time, of 4 or 8 rows before the next ones: lines of the cache whose addresses are a power of two apart would
// otherwise evict one another half used.

// One column: the sums of the 4 rows from p on are in c, those of the rows from q on in d. Of 4 rows and 4 k, Y12, Y4, Y13
// and Y6, or Y5, Y8, Y7 and Y10, hold what is turned within halves of vectors.
#define HALVES(r0, r1, r2, r3, low0, low2) \
	VUNPCKLPD r1, r0, low0 \
	VUNPCKHPD r1, r0, r0   \
	VUNPCKLPD r3, r2, low2 \
	VUNPCKHPD r3, r2, r2
#define LOAD1_FOUR(o, p, r0, r1, r2, r3) \
	VMOVUPD o(p), r0          \
	VMOVUPD o(p)(ROW*1), r1   \
	VMOVUPD o(p)(ROW*2), r2   \
	VMOVUPD o(p)(ROW3*1), r3
#define SUM1_K(half, a0, a2, b0, b2, c, d) \
	VBROADCASTSD (B_K), Y15        \
	ADDQ         B_STEP, B_K       \
	VPERM2F128   half, a2, a0, Y14 \
	VFMADD231PD  Y14, Y15, c       \
	VPERM2F128   half, b2, b0, Y9  \
	VFMADD231PD  Y9, Y15, d
#define SUM1_FOUR(o, p, q, c, d) \
	LOAD1_FOUR(o, p, Y4, Y5, Y6, Y7)          \
	LOAD1_FOUR(o, q, Y8, Y9, Y10, Y11)        \
	HALVES(Y4, Y5, Y6, Y7, Y12, Y13)          \
	HALVES(Y8, Y9, Y10, Y11, Y5, Y7)          \
	SUM1_K($0x20, Y12, Y13, Y5, Y7, c, d)     \
	SUM1_K($0x20, Y4, Y6, Y8, Y10, c, d)      \
	SUM1_K($0x31, Y12, Y13, Y5, Y7, c, d)     \
	SUM1_K($0x31, Y4, Y6, Y8, Y10, c, d)
// The same with 4 rows alone.
#define SUM1_ALONE_K(half, a0, a2, c) \
	VBROADCASTSD (B_K), Y15        \
	ADDQ         B_STEP, B_K       \
	VPERM2F128   half, a2, a0, Y14 \
	VFMADD231PD  Y14, Y15, c
#define SUM1_ALONE_FOUR(o, p, c) \
	LOAD1_FOUR(o, p, Y4, Y5, Y6, Y7)   \
	HALVES(Y4, Y5, Y6, Y7, Y12, Y13)   \
	SUM1_ALONE_K($0x20, Y12, Y13, c)   \
	SUM1_ALONE_K($0x20, Y4, Y6, c)     \
	SUM1_ALONE_K($0x31, Y12, Y13, c)   \
	SUM1_ALONE_K($0x31, Y4, Y6, c)
#define SUM1_ONE(p, c) \
	TURN_ONE(p, Y14, X14)       \
	VFMADD231PD Y14, Y4, c
#define B1_ONE \
	VBROADCASTSD (B_K), Y4      \
	ADDQ         B_STEP, B_K

#define EIGHT_1x16 \
	LEAQ (B_STEP*8), B_BACK       \
	SUM1_FOUR(0, P0, P1, Y0, Y1)  \
	SUM1_FOUR(32, P0, P1, Y0, Y1) \
	SUBQ B_BACK, B_K              \
	SUM1_FOUR(0, P2, P3, Y2, Y3)  \
	SUM1_FOUR(32, P2, P3, Y2, Y3)
#define EIGHT_1x8 \
	SUM1_FOUR(0, P0, P1, Y0, Y1)  \
	SUM1_FOUR(32, P0, P1, Y0, Y1)
#define ONE_1x8 \
	B1_ONE            \
	SUM1_ONE(P0, Y0)  \
	SUM1_ONE(P1, Y1)
#define ONE_1x16 \
	B1_ONE            \
	SUM1_ONE(P0, Y0)  \
	SUM1_ONE(P1, Y1)  \
	SUM1_ONE(P2, Y2)  \
	SUM1_ONE(P3, Y3)
#define EIGHT_1x4 \
	SUM1_ALONE_FOUR(0, P0, Y0)  \
	SUM1_ALONE_FOUR(32, P0, Y0)
#define ONE_1x4 \
	B1_ONE            \
	SUM1_ONE(P0, Y0)

// Several columns, of 8 rows or 4: A's elements are in a and d, for k, or the next two for k+1. The sums of a column are in c
// and e.
#define COLUMN8(b, a, d, c, e) \
	VBROADCASTSD b, Y14          \
	VFMADD231PD  a, Y14, c       \
	VFMADD231PD  d, Y14, e
#define COLUMN4(b, a, d, c, e) \
	VBROADCASTSD b, Y14          \
	VFMADD231PD  a, Y14, c
#define COLUMNS2(COLUMN, a, d, c0, e0, c1, e1) \
	COLUMN((B_K), a, d, c0, e0)          \
	COLUMN((B_K)(COL*1), a, d, c1, e1)   \
	ADDQ B_STEP, B_K
#define COLUMNS4(COLUMN, a, d) \
	COLUMN((B_K), a, d, Y0, Y4)          \
	COLUMN((B_K)(COL*1), a, d, Y1, Y5)   \
	COLUMN((B_K)(COL*2), a, d, Y2, Y6)   \
	COLUMN((B_K)(COL3*1), a, d, Y3, Y7)  \
	ADDQ B_STEP, B_K

// Two columns.
#define SUM2x8_TWO(o, p, q, c0, e0, c1, e1) \
	TURN(o, p, Y8, Y9)                              \
	TURN(o, q, Y10, Y11)                            \
	COLUMNS2(COLUMN8, Y8, Y10, c0, e0, c1, e1)      \
	COLUMNS2(COLUMN8, Y9, Y11, c0, e0, c1, e1)
#define SUM2x8_EIGHT(p, q, c0, e0, c1, e1) \
	SUM2x8_TWO(0, p, q, c0, e0, c1, e1)   \
	SUM2x8_TWO(16, p, q, c0, e0, c1, e1)  \
	SUM2x8_TWO(32, p, q, c0, e0, c1, e1)  \
	SUM2x8_TWO(48, p, q, c0, e0, c1, e1)
#define EIGHT_2x16 \
	SUM2x8_EIGHT(P0, P1, Y0, Y1, Y4, Y5)  \
	LEAQ (B_STEP*8), B_BACK               \
	SUBQ B_BACK, B_K                      \
	SUM2x8_EIGHT(P2, P3, Y2, Y3, Y6, Y7)
#define ONE_2x16 \
	TURN_ONE(P0, Y8, X8)                          \
	TURN_ONE(P1, Y10, X10)                        \
	COLUMNS2(COLUMN8, Y8, Y10, Y0, Y1, Y4, Y5)    \
	SUBQ B_STEP, B_K                              \
	TURN_ONE(P2, Y8, X8)                          \
	TURN_ONE(P3, Y10, X10)                        \
	COLUMNS2(COLUMN8, Y8, Y10, Y2, Y3, Y6, Y7)
#define EIGHT_2x8 SUM2x8_EIGHT(P0, P1, Y0, Y1, Y4, Y5)
#define ONE_2x8 \
	TURN_ONE(P0, Y8, X8)                          \
	TURN_ONE(P1, Y10, X10)                        \
	COLUMNS2(COLUMN8, Y8, Y10, Y0, Y1, Y4, Y5)
#define SUM2x4_TWO(o) \
	TURN(o, P0, Y8, Y9)                           \
	COLUMNS2(COLUMN4, Y8, Y8, Y0, Y0, Y4, Y4)     \
	COLUMNS2(COLUMN4, Y9, Y9, Y0, Y0, Y4, Y4)
#define EIGHT_2x4 \
	SUM2x4_TWO(0)   \
	SUM2x4_TWO(16)  \
	SUM2x4_TWO(32)  \
	SUM2x4_TWO(48)
#define ONE_2x4 \
	TURN_ONE(P0, Y8, X8)                          \
	COLUMNS2(COLUMN4, Y8, Y8, Y0, Y0, Y4, Y4)

// Four columns.
#define SUM4x8_TWO(o) \
	TURN(o, P0, Y8, Y9)         \
	TURN(o, P1, Y10, Y11)       \
	COLUMNS4(COLUMN8, Y8, Y10)  \
	COLUMNS4(COLUMN8, Y9, Y11)
#define EIGHT_4x8 \
	SUM4x8_TWO(0)   \
	SUM4x8_TWO(16)  \
	SUM4x8_TWO(32)  \
	SUM4x8_TWO(48)
#define ONE_4x8 \
	TURN_ONE(P0, Y8, X8)        \
	TURN_ONE(P1, Y10, X10)      \
	COLUMNS4(COLUMN8, Y8, Y10)
#define SUM4x4_TWO(o) \
	TURN(o, P0, Y8, Y9)         \
	COLUMNS4(COLUMN4, Y8, Y8)   \
	COLUMNS4(COLUMN4, Y9, Y9)
#define EIGHT_4x4 \
	SUM4x4_TWO(0)   \
	SUM4x4_TWO(16)  \
	SUM4x4_TWO(32)  \
	SUM4x4_TWO(48)
#define ONE_4x4 \
	TURN_ONE(P0, Y8, X8)        \
	COLUMNS4(COLUMN4, Y8, Y8)

// The sums of so many rows and columns, and their places in C. OP takes what it moves, and where.
#define SUMS_1x16(OP) \
	OP((C_AT), Y0)    \
	OP(32(C_AT), Y1)  \
	OP(64(C_AT), Y2)  \
	OP(96(C_AT), Y3)
#define SUMS_1x8(OP) \
	OP((C_AT), Y0)    \
	OP(32(C_AT), Y1)
#define SUMS_1x4(OP) OP((C_AT), Y0)
#define SUMS_2x16(OP) \
	SUMS_1x16(OP)               \
	OP((C_AT)(C_ROW*1), Y4)     \
	OP(32(C_AT)(C_ROW*1), Y5)   \
	OP(64(C_AT)(C_ROW*1), Y6)   \
	OP(96(C_AT)(C_ROW*1), Y7)
#define SUMS_2x8(OP) \
	SUMS_1x8(OP)                \
	OP((C_AT)(C_ROW*1), Y4)     \
	OP(32(C_AT)(C_ROW*1), Y5)
#define SUMS_2x4(OP) \
	SUMS_1x4(OP)                \
	OP((C_AT)(C_ROW*1), Y4)
#define SUMS_4x4(OP) \
	OP((C_AT), Y0)              \
	OP((C_AT)(C_ROW*1), Y1)     \
	OP((C_AT)(C_ROW*2), Y2)     \
	OP((C_AT)(C_ROW3*1), Y3)
#define SUMS_4x8(OP) \
	SUMS_4x4(OP)                \
	OP(32(C_AT), Y4)            \
	OP(32(C_AT)(C_ROW*1), Y5)   \
	OP(32(C_AT)(C_ROW*2), Y6)   \
	OP(32(C_AT)(C_ROW3*1), Y7)
#define LOAD(at, c) VMOVUPD at, c
#define STORE(at, c) VMOVUPD c, at

#define C_ROWS \
	MOVQ GemmArgs_CRow(TILE), C_ROW    \
	LEAQ (C_ROW)(C_ROW*2), C_ROW3

// The pointers to the rows of A: where they begin, and how they go on.
#define POINT4 \
	MOVQ GemmArgs_A(TILE), P0     \
	ADDQ GemmArgs_AAt(TILE), P0
#define POINT8 \
	POINT4                 \
	LEAQ (P0)(ROW*4), P1
#define POINT16 \
	POINT8                 \
	LEAQ (P1)(ROW*4), P2   \
	LEAQ (P2)(ROW*4), P3
#define MOVE4(by) ADDQ by, P0
#define MOVE8(by) \
	MOVE4(by)    \
	ADDQ by, P1
#define MOVE16(by) \
	MOVE8(by)    \
	ADDQ by, P2  \
	ADDQ by, P3

// So many rows at a time, as often as there are such; shift is its binary logarithm.
#define ROWS_OF(rows, shift, SUMS, POINT, MOVE, EIGHT, ONE, begin, eight, last, one, store, done) \
	SUBQ $rows, GemmArgs_Rows(TILE)        \
	JLT  done                              \
begin:                                         \
	C_ROWS                                 \
	SUMS(LOAD)                             \
	POINT                                  \
	MOVQ GemmArgs_B(TILE), B_K             \
	MOVQ GemmArgs_K(TILE), TERMS           \
	SUBQ $8, TERMS                         \
	JLT  last                              \
eight:                                         \
	EIGHT                                  \
	MOVE($64)                              \
	SUBQ $8, TERMS                         \
	JGE  eight                             \
last:                                          \
	ADDQ $8, TERMS                         \
	JZ   store                             \
one:                                           \
	ONE                                    \
	MOVE($8)                               \
	DECQ TERMS                             \
	JNZ  one                               \
store:                                         \
	MOVQ t+0(FP), TILE                     \
	C_ROWS                                 \
	SUMS(STORE)                            \
	ADDQ $(8*rows), C_AT                   \
	MOVQ ROW, P0                           \
	SHLQ $shift, P0                        \
	ADDQ P0, GemmArgs_AAt(TILE)            \
	SUBQ $rows, GemmArgs_Rows(TILE)        \
	JGE  begin                             \
done:                                          \
	ADDQ $rows, GemmArgs_Rows(TILE)

#define BEGIN \
	MOVQ t+0(FP), TILE                 \
	MOVQ GemmArgs_BStep(TILE), B_STEP  \
	MOVQ GemmArgs_ARow(TILE), ROW      \
	LEAQ (ROW)(ROW*2), ROW3            \
	MOVQ GemmArgs_C(TILE), C_AT

// func GemmDots1AVX2(t *GemmArgs)
TEXT ·GemmDots1AVX2(SB), NOSPLIT, $0-8
	BEGIN
	ROWS_OF(16, 4, SUMS_1x16, POINT16, MOVE16, EIGHT_1x16, ONE_1x16, begin16, eight16, last16, one16, store16, done16)
	ROWS_OF(8, 3, SUMS_1x8, POINT8, MOVE8, EIGHT_1x8, ONE_1x8, begin8, eight8, last8, one8, store8, done8)
	ROWS_OF(4, 2, SUMS_1x4, POINT4, MOVE4, EIGHT_1x4, ONE_1x4, begin4, eight4, last4, one4, store4, done4)
	VZEROUPPER
	RET

// func GemmDots2AVX2(t *GemmArgs)
TEXT ·GemmDots2AVX2(SB), NOSPLIT, $0-8
	BEGIN
	MOVQ GemmArgs_BCol(TILE), COL
	ROWS_OF(16, 4, SUMS_2x16, POINT16, MOVE16, EIGHT_2x16, ONE_2x16, begin16, eight16, last16, one16, store16, done16)
	ROWS_OF(8, 3, SUMS_2x8, POINT8, MOVE8, EIGHT_2x8, ONE_2x8, begin8, eight8, last8, one8, store8, done8)
	ROWS_OF(4, 2, SUMS_2x4, POINT4, MOVE4, EIGHT_2x4, ONE_2x4, begin4, eight4, last4, one4, store4, done4)
	VZEROUPPER
	RET

// func GemmDots4AVX2(t *GemmArgs)
TEXT ·GemmDots4AVX2(SB), NOSPLIT, $0-8
	BEGIN
	MOVQ GemmArgs_BCol(TILE), COL
	LEAQ (COL)(COL*2), COL3
	ROWS_OF(8, 3, SUMS_4x8, POINT8, MOVE8, EIGHT_4x8, ONE_4x8, begin8, eight8, last8, one8, store8, done8)
	ROWS_OF(4, 2, SUMS_4x4, POINT4, MOVE4, EIGHT_4x4, ONE_4x4, begin4, eight4, last4, one4, store4, done4)
	VZEROUPPER
	RET
