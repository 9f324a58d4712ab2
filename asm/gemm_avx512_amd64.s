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

// A few rows of C: 1, 2 or 4, of which the columns are computed in blocks of as many vectors as registers allow, then of 3,
// and then one at a time. Registers of these kernels:
#define COLS CX // left
#define A_0 R8 // A(i, 0)
#define B_0 R9 // B(0, ·) at these columns
#define FEW_A_ROW R12
#define FEW_A_ROW3 R13
#define FEW_B_STEP R11
#define ROW_OF BX // outside of the loop over k: from one row to the next, of C or of the mask
#define ROW3_OF DX
#define FROM SI // the mask, or the bias

// Vector registers: the sums are in Z0 to Z23.
#define ROW0 Z24 // A(·, k)
#define ROW1 Z25
#define ROW2 Z26
#define ROW3_ Z27
#define COLUMN Z28 // B(k, ·)
#undef ZERO
#define ZERO Z31

// An operation on each vector of a block, whose places in a row are o bytes from its columns' first: of 4 rows, 2 rows and
// one. It takes o, the row's place, the sum, and the row's bias.
#define ROW_1(OP, at, b, c0) OP(0, at, b, c0)
#define ROW_3(OP, at, b, c0, c1, c2) ROW_1(OP, at, b, c0) \
	OP(64, at, b, c1) \
	OP(128, at, b, c2)
#define ROW_6(OP, at, b, c0, c1, c2, c3, c4, c5) ROW_3(OP, at, b, c0, c1, c2) \
	OP(192, at, b, c3) \
	OP(256, at, b, c4) \
	OP(320, at, b, c5)
#define ROW_8(OP, at, b, c0, c1, c2, c3, c4, c5, c6, c7) ROW_6(OP, at, b, c0, c1, c2, c3, c4, c5) \
	OP(384, at, b, c6) \
	OP(448, at, b, c7)

#define BLOCK_4x6(OP, r0, r1, r2, r3) \
	ROW_6(OP, r0, 0(FROM), Z0, Z1, Z2, Z3, Z4, Z5)        \
	ROW_6(OP, r1, 8(FROM), Z6, Z7, Z8, Z9, Z10, Z11)      \
	ROW_6(OP, r2, 16(FROM), Z12, Z13, Z14, Z15, Z16, Z17) \
	ROW_6(OP, r3, 24(FROM), Z18, Z19, Z20, Z21, Z22, Z23)
#define BLOCK_4x3(OP, r0, r1, r2, r3) \
	ROW_3(OP, r0, 0(FROM), Z0, Z1, Z2)    \
	ROW_3(OP, r1, 8(FROM), Z6, Z7, Z8)    \
	ROW_3(OP, r2, 16(FROM), Z12, Z13, Z14) \
	ROW_3(OP, r3, 24(FROM), Z18, Z19, Z20)
#define BLOCK_4x1(OP, r0, r1, r2, r3) \
	ROW_1(OP, r0, 0(FROM), Z0)   \
	ROW_1(OP, r1, 8(FROM), Z6)   \
	ROW_1(OP, r2, 16(FROM), Z12) \
	ROW_1(OP, r3, 24(FROM), Z18)
#define BLOCK_2x8(OP, r0, r1, r2, r3) \
	ROW_8(OP, r0, 0(FROM), Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7) \
	ROW_8(OP, r1, 8(FROM), Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
#define BLOCK_2x3(OP, r0, r1, r2, r3) \
	ROW_3(OP, r0, 0(FROM), Z0, Z1, Z2) \
	ROW_3(OP, r1, 8(FROM), Z8, Z9, Z10)
#define BLOCK_2x1(OP, r0, r1, r2, r3) \
	ROW_1(OP, r0, 0(FROM), Z0) \
	ROW_1(OP, r1, 8(FROM), Z8)
#define BLOCK_1x8(OP, r0, r1, r2, r3) ROW_8(OP, r0, 0(FROM), Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
#define BLOCK_1x3(OP, r0, r1, r2, r3) ROW_3(OP, r0, 0(FROM), Z0, Z1, Z2)
#define BLOCK_1x1(OP, r0, r1, r2, r3) ROW_1(OP, r0, 0(FROM), Z0)

#define FEW_CLEAR(o, at, b, c) VPXORQ c, c, c
#define FEW_SPLAT(o, at, b, c) VBROADCASTSD b, c
#define FEW_LOAD(o, at, b, c) VMOVUPD o at, c
#define FEW_RELU(o, at, b, c) KEEP_WHERE(c, c)
#define FEW_MASK(o, at, b, c) KEEP_WHERE(o at, c)
#define FEW_STORE(o, at, b, c) VMOVUPD c, o at

// One k: A's elements, then B's vectors one after the other.
#define A_1 VBROADCASTSD (A_K), ROW0
#define A_2 A_1 \
	VBROADCASTSD (A_K)(FEW_A_ROW*1), ROW1
#define A_4 A_2 \
	VBROADCASTSD (A_K)(FEW_A_ROW*2), ROW2 \
	VBROADCASTSD (A_K)(FEW_A_ROW3*1), ROW3_
#define COLUMN_1(o, c0) VFMADD231PD o(B_K), ROW0, c0
#define COLUMN_2(o, c0, c1) \
	VMOVUPD     o(B_K), COLUMN   \
	VFMADD231PD COLUMN, ROW0, c0 \
	VFMADD231PD COLUMN, ROW1, c1
#define COLUMN_4(o, c0, c1, c2, c3) \
	COLUMN_2(o, c0, c1)           \
	VFMADD231PD COLUMN, ROW2, c2  \
	VFMADD231PD COLUMN, ROW3_, c3
#define STEP_4x1 A_4 \
	COLUMN_4(0, Z0, Z6, Z12, Z18)
#define STEP_4x3 STEP_4x1 \
	COLUMN_4(64, Z1, Z7, Z13, Z19)  \
	COLUMN_4(128, Z2, Z8, Z14, Z20)
#define STEP_4x6 STEP_4x3 \
	COLUMN_4(192, Z3, Z9, Z15, Z21)  \
	COLUMN_4(256, Z4, Z10, Z16, Z22) \
	COLUMN_4(320, Z5, Z11, Z17, Z23)
#define STEP_2x1 A_2 \
	COLUMN_2(0, Z0, Z8)
#define STEP_2x3 STEP_2x1 \
	COLUMN_2(64, Z1, Z9)   \
	COLUMN_2(128, Z2, Z10)
#define STEP_2x8 STEP_2x3 \
	COLUMN_2(192, Z3, Z11) \
	COLUMN_2(256, Z4, Z12) \
	COLUMN_2(320, Z5, Z13) \
	COLUMN_2(384, Z6, Z14) \
	COLUMN_2(448, Z7, Z15)
#define STEP_1x1 A_1 \
	COLUMN_1(0, Z0)
#define STEP_1x3 STEP_1x1 \
	COLUMN_1(64, Z1)  \
	COLUMN_1(128, Z2)
#define STEP_1x8 STEP_1x3 \
	COLUMN_1(192, Z3) \
	COLUMN_1(256, Z4) \
	COLUMN_1(320, Z5) \
	COLUMN_1(384, Z6) \
	COLUMN_1(448, Z7)

#define C_PLACES(BLOCK, OP) BLOCK(OP, (C_AT), (C_AT)(ROW_OF*1), (C_AT)(ROW_OF*2), (C_AT)(ROW3_OF*1))
#define MASK_PLACES(BLOCK, OP) BLOCK(OP, (FROM), (FROM)(ROW_OF*1), (FROM)(ROW_OF*2), (FROM)(ROW3_OF*1))
#define C_ROWS \
	MOVQ GemmArgs_CRow(TILE), ROW_OF   \
	LEAQ (ROW_OF)(ROW_OF*2), ROW3_OF

// The blocks of so many columns, as often as there are such.
#define BLOCKS_OF(BLOCK, STEP, width, columns, plain, zero, product, terms, relu, store, done) \
	SUBQ $width, COLS                    \
	JLT  done                            \
columns:                             \
	MOVQ  GemmArgs_Bias(TILE), FROM      \
	TESTQ FROM, FROM                     \
	JZ    plain                          \
	C_PLACES(BLOCK, FEW_SPLAT)           \
	JMP   product                        \
plain:                               \
	TESTQ $const_GemmAdd, GemmArgs_Flags(TILE) \
	JZ    zero                           \
	C_ROWS                               \
	C_PLACES(BLOCK, FEW_LOAD)            \
	JMP   product                        \
zero:                                \
	C_PLACES(BLOCK, FEW_CLEAR)           \
product:                             \
	MOVQ A_0, A_K                        \
	MOVQ B_0, B_K                        \
	MOVQ GemmArgs_K(TILE), TERMS         \
terms:                               \
	STEP                                 \
	ADDQ A_STEP, A_K                     \
	ADDQ FEW_B_STEP, B_K                 \
	DECQ TERMS                           \
	JNZ  terms                           \
	TESTQ $(const_GemmReLU+const_GemmMask), GemmArgs_Flags(TILE) \
	JZ    store                          \
	VPXORQ ZERO, ZERO, ZERO              \
	TESTQ $const_GemmMask, GemmArgs_Flags(TILE) \
	JZ    relu                           \
	MOVQ  GemmArgs_Mask(TILE), FROM      \
	ADDQ  GemmArgs_MaskAt(TILE), FROM    \
	MOVQ  GemmArgs_MaskRow(TILE), ROW_OF \
	LEAQ  (ROW_OF)(ROW_OF*2), ROW3_OF    \
	MASK_PLACES(BLOCK, FEW_MASK)         \
	ADDQ  $(8*width), GemmArgs_MaskAt(TILE) \
	JMP   store                          \
relu:                                \
	C_PLACES(BLOCK, FEW_RELU)            \
store:                               \
	C_ROWS                               \
	C_PLACES(BLOCK, FEW_STORE)           \
	ADDQ $(8*width), C_AT                \
	ADDQ $(8*width), B_0                 \
	SUBQ $width, COLS                    \
	JGE  columns                         \
done:                                \
	ADDQ $width, COLS

#define FEW_BEGIN \
	MOVQ t+0(FP), TILE                      \
	MOVQ GemmArgs_Cols(TILE), COLS          \
	MOVQ GemmArgs_A(TILE), A_0              \
	MOVQ GemmArgs_ARow(TILE), FEW_A_ROW     \
	LEAQ (FEW_A_ROW)(FEW_A_ROW*2), FEW_A_ROW3 \
	MOVQ GemmArgs_AStep(TILE), A_STEP       \
	MOVQ GemmArgs_B(TILE), B_0              \
	MOVQ GemmArgs_BStep(TILE), FEW_B_STEP   \
	MOVQ GemmArgs_C(TILE), C_AT

// func GemmRowAVX512(t *GemmArgs)
TEXT ·GemmRowAVX512(SB), NOSPLIT, $0-8
	FEW_BEGIN
	BLOCKS_OF(BLOCK_1x8, STEP_1x8, 64, columns8, plain8, zero8, product8, terms8, relu8, store8, done8)
	BLOCKS_OF(BLOCK_1x3, STEP_1x3, 24, columns3, plain3, zero3, product3, terms3, relu3, store3, done3)
	BLOCKS_OF(BLOCK_1x1, STEP_1x1, 8, columns1, plain1, zero1, product1, terms1, relu1, store1, done1)
	VZEROUPPER
	RET

// func GemmRow2AVX512(t *GemmArgs)
TEXT ·GemmRow2AVX512(SB), NOSPLIT, $0-8
	FEW_BEGIN
	BLOCKS_OF(BLOCK_2x8, STEP_2x8, 64, columns8, plain8, zero8, product8, terms8, relu8, store8, done8)
	BLOCKS_OF(BLOCK_2x3, STEP_2x3, 24, columns3, plain3, zero3, product3, terms3, relu3, store3, done3)
	BLOCKS_OF(BLOCK_2x1, STEP_2x1, 8, columns1, plain1, zero1, product1, terms1, relu1, store1, done1)
	VZEROUPPER
	RET

// func GemmRow4AVX512(t *GemmArgs)
TEXT ·GemmRow4AVX512(SB), NOSPLIT, $0-8
	FEW_BEGIN
	BLOCKS_OF(BLOCK_4x6, STEP_4x6, 48, columns6, plain6, zero6, product6, terms6, relu6, store6, done6)
	BLOCKS_OF(BLOCK_4x3, STEP_4x3, 24, columns3, plain3, zero3, product3, terms3, relu3, store3, done3)
	BLOCKS_OF(BLOCK_4x1, STEP_4x1, 8, columns1, plain1, zero1, product1, terms1, relu1, store1, done1)
	VZEROUPPER
	RET
