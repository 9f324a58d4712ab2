//go:build !purego

// Matrix products (kernels/gemm.go). Every element of C is one chain of fused multiply-adds,
//
//	c = start    c = A(i, k)·B(k, j) + c, k ascending    c = 0 if relu and c ≤ 0
//
// so that its bits depend neither on the tile that it falls into nor on the vectors' length. A tile is 8 rows by 24, 16 or
// 8 columns, which stay in registers while k runs: each step loads a row of B and broadcasts 8 elements of A. The
// kernel of one row takes B as it lies.
//
// Requires: AVX512F. FMA ports: one operation per 8 terms, and nothing else in the loops.

#include "textflag.h"
#include "go_asm.h"

// VCMPPD.
#define NOT_GREATER_EQUAL $0x19 // true if one is NaN

// General registers of a tile.
#define TILE AX
#define TERMS DX // left
#define B_STEP CX
#define A_AT R8 // the first of 8 rows of A
#define A_ROW R9
#define A_STEP R10
#define A_ROW3 R11
#define C_AT DI // the first of 8 rows of C
#define C_ROW R12
#define A_K BX // A(·, k), rows 0 to 4
#define A_K4 R13 // and from row 4 on
#define B_K SI // B(k, ·)
#define START BX // before the loop over k: where the bias stands
#define ROW3 DX // outside of it: three rows of C or of the mask
#define C_AT4 R13 // from row 4 on
#define MASK_AT SI
#define MASK_AT4 R13
#define MASK_ROW BX

// Vector registers: the sums of row r are Z(3r) to Z(3r+2), of which narrower tiles use the first.
#define B0 Z24
#define B1 Z25
#define B2 Z26
#define A0 Z27
#define ZERO Z28

// An operation on each of the 8 rows: of C, of the mask, of the bias, of A.
#define EACH(OP, at, at4, row, row3) \
	OP((at), Z0, Z1, Z2)             \
	OP((at)(row*1), Z3, Z4, Z5)      \
	OP((at)(row*2), Z6, Z7, Z8)      \
	OP((at)(row3*1), Z9, Z10, Z11)   \
	OP((at4), Z12, Z13, Z14)         \
	OP((at4)(row*1), Z15, Z16, Z17)  \
	OP((at4)(row*2), Z18, Z19, Z20)  \
	OP((at4)(row3*1), Z21, Z22, Z23)
#define ROWS_OF_C(OP) EACH(OP, C_AT, C_AT4, C_ROW, ROW3)
#define ROWS_OF_MASK(OP) EACH(OP, MASK_AT, MASK_AT4, MASK_ROW, ROW3)
#define ROWS_OF_A(OP) EACH(OP, A_K, A_K4, A_ROW, A_ROW3)
#define ROWS_OF_BIAS(OP) \
	OP((START), Z0, Z1, Z2)       \
	OP(8(START), Z3, Z4, Z5)      \
	OP(16(START), Z6, Z7, Z8)     \
	OP(24(START), Z9, Z10, Z11)   \
	OP(32(START), Z12, Z13, Z14)  \
	OP(40(START), Z15, Z16, Z17)  \
	OP(48(START), Z18, Z19, Z20)  \
	OP(56(START), Z21, Z22, Z23)

// The operations, on a row of 3, 2 or 1 vectors.
#define CLEAR(at, c0, c1, c2) \
	VPXORQ c0, c0, c0 \
	VPXORQ c1, c1, c1 \
	VPXORQ c2, c2, c2

#define SPLAT(at, c0, c1, c2) \
	VBROADCASTSD at, c0 \
	VMOVAPD      c0, c1 \
	VMOVAPD      c0, c2

#define LOAD1(at, c0, c1, c2) VMOVUPD at, c0
#define LOAD2(at, c0, c1, c2) LOAD1(at, c0, c1, c2) \
	VMOVUPD 64 at, c1
#define LOAD3(at, c0, c1, c2) LOAD2(at, c0, c1, c2) \
	VMOVUPD 128 at, c2

#define STORE1(at, c0, c1, c2) VMOVUPD c0, at
#define STORE2(at, c0, c1, c2) STORE1(at, c0, c1, c2) \
	VMOVUPD c1, 64 at
#define STORE3(at, c0, c1, c2) STORE2(at, c0, c1, c2) \
	VMOVUPD c2, 128 at

// c = 0 unless h > 0 or NaN.
#define KEEP_WHERE(h, c) \
	VCMPPD    NOT_GREATER_EQUAL, h, ZERO, K1 \
	VMOVAPD.Z c, K1, c

#define RELU(at, c0, c1, c2) \
	KEEP_WHERE(c0, c0) \
	KEEP_WHERE(c1, c1) \
	KEEP_WHERE(c2, c2)

#define MASK1(at, c0, c1, c2) KEEP_WHERE(at, c0)
#define MASK2(at, c0, c1, c2) MASK1(at, c0, c1, c2) \
	KEEP_WHERE(64 at, c1)
#define MASK3(at, c0, c1, c2) MASK2(at, c0, c1, c2) \
	KEEP_WHERE(128 at, c2)

#define FMA1(at, c0, c1, c2) \
	VBROADCASTSD at, A0     \
	VFMADD231PD  B0, A0, c0
#define FMA2(at, c0, c1, c2) FMA1(at, c0, c1, c2) \
	VFMADD231PD B1, A0, c1
#define FMA3(at, c0, c1, c2) FMA2(at, c0, c1, c2) \
	VFMADD231PD B2, A0, c2

// One k.
#define NEXT_K \
	ADDQ A_STEP, A_K \
	ADDQ A_STEP, A_K4 \
	ADDQ B_STEP, B_K
#define STEP1 \
	VMOVUPD (B_K), B0 \
	ROWS_OF_A(FMA1) \
	NEXT_K
#define STEP2 \
	VMOVUPD (B_K), B0 \
	VMOVUPD 64(B_K), B1 \
	ROWS_OF_A(FMA2) \
	NEXT_K
#define STEP3 \
	VMOVUPD (B_K), B0 \
	VMOVUPD 64(B_K), B1 \
	VMOVUPD 128(B_K), B2 \
	ROWS_OF_A(FMA3) \
	NEXT_K

// A whole kernel.
#define KERNEL(LOAD, STEP, MASK, STORE) \
	MOVQ t+0(FP), TILE                 \
	MOVQ GemmArgs_BStep(TILE), B_STEP   \
	MOVQ GemmArgs_A(TILE), A_AT        \
	MOVQ GemmArgs_ARow(TILE), A_ROW    \
	MOVQ GemmArgs_AStep(TILE), A_STEP  \
	LEAQ (A_ROW)(A_ROW*2), A_ROW3      \
	MOVQ GemmArgs_C(TILE), C_AT        \
	MOVQ GemmArgs_CRow(TILE), C_ROW    \
rows:                                  \
	LEAQ  (C_ROW)(C_ROW*2), ROW3       \
	LEAQ  (C_AT)(C_ROW*4), C_AT4       \
	MOVQ  GemmArgs_Bias(TILE), START   \
	TESTQ START, START                 \
	JZ    plain                        \
	ADDQ  GemmArgs_BiasAt(TILE), START \
	ADDQ  $64, GemmArgs_BiasAt(TILE)   \
	ROWS_OF_BIAS(SPLAT)                \
	JMP   product                      \
plain:                                 \
	TESTQ $const_GemmAdd, GemmArgs_Flags(TILE) \
	JZ    zero                         \
	ROWS_OF_C(LOAD)                    \
	JMP   product                      \
zero:                                  \
	ROWS_OF_C(CLEAR)                   \
product:                               \
	MOVQ  A_AT, A_K                    \
	LEAQ  (A_AT)(A_ROW*4), A_K4        \
	MOVQ  GemmArgs_B(TILE), B_K        \
	MOVQ  GemmArgs_K(TILE), TERMS      \
	SUBQ  $4, TERMS                    \
	JLT   last                         \
four:                                  \
	STEP                               \
	STEP                               \
	STEP                               \
	STEP                               \
	SUBQ  $4, TERMS                    \
	JGE   four                         \
last:                                  \
	ADDQ  $4, TERMS                    \
	JZ    finish                       \
one:                                   \
	STEP                               \
	DECQ  TERMS                        \
	JNZ   one                          \
finish:                                \
	TESTQ $(const_GemmReLU+const_GemmMask), GemmArgs_Flags(TILE) \
	JZ    store                        \
	VPXORQ ZERO, ZERO, ZERO            \
	TESTQ $const_GemmMask, GemmArgs_Flags(TILE) \
	JZ    relu                         \
	MOVQ  GemmArgs_Mask(TILE), MASK_AT \
	ADDQ  GemmArgs_MaskAt(TILE), MASK_AT \
	MOVQ  GemmArgs_MaskRow(TILE), MASK_ROW \
	LEAQ  (MASK_ROW)(MASK_ROW*2), ROW3 \
	LEAQ  (MASK_AT)(MASK_ROW*4), MASK_AT4 \
	ROWS_OF_MASK(MASK)                 \
	SHLQ  $3, MASK_ROW                 \
	ADDQ  MASK_ROW, GemmArgs_MaskAt(TILE) \
	JMP   store                        \
relu:                                  \
	ROWS_OF_C(RELU)                    \
store:                                 \
	LEAQ (C_ROW)(C_ROW*2), ROW3        \
	LEAQ (C_AT)(C_ROW*4), C_AT4        \
	ROWS_OF_C(STORE)                   \
	LEAQ (A_AT)(A_ROW*8), A_AT         \
	LEAQ (C_AT)(C_ROW*8), C_AT         \
	SUBQ $8, GemmArgs_Rows(TILE)        \
	JNZ  rows                          \
	VZEROUPPER                         \
	RET

// func Gemm8x24AVX512(t *GemmArgs)
TEXT ·Gemm8x24AVX512(SB), NOSPLIT, $0-8
	KERNEL(LOAD3, STEP3, MASK3, STORE3)

// func Gemm8x16AVX512(t *GemmArgs)
TEXT ·Gemm8x16AVX512(SB), NOSPLIT, $0-8
	KERNEL(LOAD2, STEP2, MASK2, STORE2)

// func Gemm8x8AVX512(t *GemmArgs)
TEXT ·Gemm8x8AVX512(SB), NOSPLIT, $0-8
	KERNEL(LOAD1, STEP1, MASK1, STORE1)

// One row of C: 64 columns at a time, then 32, then 8. Its registers:
#define COLS CX // left
#define A_0 R8 // A(i, 0)
#define B_0 R9 // B(0, ·) at these columns
#define ROW_STEP R11 // B_STEP of the tiles holds the columns
#define BIAS R12
#define H_AT R13 // the mask at these columns

#define EIGHT(OP) FOUR(OP) \
	OP(256, Z4) \
	OP(320, Z5) \
	OP(384, Z6) \
	OP(448, Z7)
#define FOUR(OP) SINGLE(OP) \
	OP(64, Z1)  \
	OP(128, Z2) \
	OP(192, Z3)
#define SINGLE(OP) OP(0, Z0)

#define ROW_CLEAR(o, c) VPXORQ c, c, c
#define ROW_SPLAT(o, c) VBROADCASTSD (BIAS), c
#define ROW_LOAD(o, c) VMOVUPD (o)(C_AT), c
#define ROW_FMA(o, c) VFMADD231PD (o)(B_K), A0, c
#define ROW_RELU(o, c) KEEP_WHERE(c, c)
#define ROW_MASK(o, c) KEEP_WHERE((o)(H_AT), c)
#define ROW_STORE(o, c) VMOVUPD c, (o)(C_AT)

// The columns that fill so many vectors, as often as there are such.
#define ROW_OF(VECTORS, width, columns, plain, zero, product, terms, relu, store, done) \
	SUBQ $width, COLS              \
	JLT  done                      \
columns:                           \
	TESTQ BIAS, BIAS               \
	JZ    plain                    \
	VECTORS(ROW_SPLAT)             \
	JMP   product                  \
plain:                             \
	TESTQ $const_GemmAdd, GemmArgs_Flags(TILE) \
	JZ    zero                     \
	VECTORS(ROW_LOAD)              \
	JMP   product                  \
zero:                              \
	VECTORS(ROW_CLEAR)             \
product:                           \
	MOVQ A_0, A_K                  \
	MOVQ B_0, B_K                  \
	MOVQ GemmArgs_K(TILE), TERMS   \
terms:                             \
	VBROADCASTSD (A_K), A0         \
	VECTORS(ROW_FMA)               \
	ADDQ A_STEP, A_K               \
	ADDQ ROW_STEP, B_K             \
	DECQ TERMS                     \
	JNZ  terms                     \
	TESTQ $(const_GemmReLU+const_GemmMask), GemmArgs_Flags(TILE) \
	JZ    store                    \
	VPXORQ ZERO, ZERO, ZERO        \
	TESTQ $const_GemmMask, GemmArgs_Flags(TILE) \
	JZ    relu                     \
	VECTORS(ROW_MASK)              \
	ADDQ  $(8*width), H_AT         \
	JMP   store                    \
relu:                              \
	VECTORS(ROW_RELU)              \
store:                             \
	VECTORS(ROW_STORE)             \
	ADDQ $(8*width), C_AT          \
	ADDQ $(8*width), B_0           \
	SUBQ $width, COLS              \
	JGE  columns                   \
done:                              \
	ADDQ $width, COLS

// func GemmRowAVX512(t *GemmArgs)
TEXT ·GemmRowAVX512(SB), NOSPLIT, $0-8
	MOVQ t+0(FP), TILE
	MOVQ GemmArgs_Cols(TILE), COLS
	MOVQ GemmArgs_A(TILE), A_0
	MOVQ GemmArgs_AStep(TILE), A_STEP
	MOVQ GemmArgs_B(TILE), B_0
	MOVQ GemmArgs_BStep(TILE), ROW_STEP
	MOVQ GemmArgs_C(TILE), C_AT
	MOVQ GemmArgs_Bias(TILE), BIAS
	MOVQ GemmArgs_Mask(TILE), H_AT
	ROW_OF(EIGHT, 64, columns64, plain64, zero64, product64, terms64, relu64, store64, done64)
	ROW_OF(FOUR, 32, columns32, plain32, zero32, product32, terms32, relu32, store32, done32)
	ROW_OF(SINGLE, 8, columns8, plain8, zero8, product8, terms8, relu8, store8, done8)
	VZEROUPPER
	RET
