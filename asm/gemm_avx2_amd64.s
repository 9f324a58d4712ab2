//go:build !purego

// Matrix products (kernels/gemm.go). Every element of C is one chain of fused multiply-adds,
//
//	c = start    c = A(i, k)·B(k, j) + c, k ascending    c = 0 if relu and c ≤ 0
//
// so that its bits depend neither on the tile that it falls into nor on the vectors' length. A tile is 4 rows by 12, 8 or
// 4 columns, which stay in registers while k runs: each step loads a row of B and broadcasts 4 elements of A. The
// kernel of one row takes B as it lies.
//
// Requires: AVX2, FMA. FMA ports: one operation per 4 terms, and nothing else in the loops.

#include "textflag.h"
#include "go_asm.h"

// VCMPPD.
#define NOT_GREATER_EQUAL $0x19 // true if one is NaN

// General registers of a tile.
#define TILE AX
#define TERMS DX // left
#define B_STEP CX
#define A_AT R8 // the first of 4 rows of A
#define A_ROW R9
#define A_STEP R10
#define A_ROW3 R11
#define C_AT DI // the first of 4 rows of C
#define C_ROW R12
#define C_ROW3 R13
#define A_K BX // A(·, k)
#define B_K SI // B(k, ·)
#define START BX // before the loop over k: where the bias stands
#define MASK_AT SI // after it
#define MASK_ROW BX
#define MASK_ROW3 DX

// Vector registers: the sums of row r are Y(3r) to Y(3r+2), of which narrower tiles use the first.
#define B0 Y12
#define B1 Y13
#define B2 Y14
#define A0 Y15
#define KEEP Y12 // after the loop
#define ZERO Y15

// An operation on each of the 4 rows: of C, of the mask, of the bias.
#define ROWS_OF_C(OP) \
	OP((C_AT), Y0, Y1, Y2)            \
	OP((C_AT)(C_ROW*1), Y3, Y4, Y5)   \
	OP((C_AT)(C_ROW*2), Y6, Y7, Y8)   \
	OP((C_AT)(C_ROW3*1), Y9, Y10, Y11)

#define ROWS_OF_MASK(OP) \
	OP((MASK_AT), Y0, Y1, Y2)               \
	OP((MASK_AT)(MASK_ROW*1), Y3, Y4, Y5)   \
	OP((MASK_AT)(MASK_ROW*2), Y6, Y7, Y8)   \
	OP((MASK_AT)(MASK_ROW3*1), Y9, Y10, Y11)

#define ROWS_OF_BIAS(OP) \
	OP((START), Y0, Y1, Y2)     \
	OP(8(START), Y3, Y4, Y5)    \
	OP(16(START), Y6, Y7, Y8)   \
	OP(24(START), Y9, Y10, Y11)

#define ROWS_OF_A(OP) \
	OP((A_K), Y0, Y1, Y2)             \
	OP((A_K)(A_ROW*1), Y3, Y4, Y5)    \
	OP((A_K)(A_ROW*2), Y6, Y7, Y8)    \
	OP((A_K)(A_ROW3*1), Y9, Y10, Y11)

// The operations, on a row of 3, 2 or 1 vectors.
#define CLEAR(at, c0, c1, c2) \
	VXORPD c0, c0, c0 \
	VXORPD c1, c1, c1 \
	VXORPD c2, c2, c2

#define SPLAT(at, c0, c1, c2) \
	VBROADCASTSD at, c0 \
	VMOVAPD      c0, c1 \
	VMOVAPD      c0, c2

#define LOAD1(at, c0, c1, c2) VMOVUPD at, c0
#define LOAD2(at, c0, c1, c2) LOAD1(at, c0, c1, c2) \
	VMOVUPD 32 at, c1
#define LOAD3(at, c0, c1, c2) LOAD2(at, c0, c1, c2) \
	VMOVUPD 64 at, c2

#define STORE1(at, c0, c1, c2) VMOVUPD c0, at
#define STORE2(at, c0, c1, c2) STORE1(at, c0, c1, c2) \
	VMOVUPD c1, 32 at
#define STORE3(at, c0, c1, c2) STORE2(at, c0, c1, c2) \
	VMOVUPD c2, 64 at

// c = 0 unless h > 0 or NaN.
#define KEEP_WHERE(h, c) \
	VCMPPD NOT_GREATER_EQUAL, h, ZERO, KEEP \
	VANDPD KEEP, c, c

#define RELU(at, c0, c1, c2) \
	KEEP_WHERE(c0, c0) \
	KEEP_WHERE(c1, c1) \
	KEEP_WHERE(c2, c2)

#define MASK1(at, c0, c1, c2) KEEP_WHERE(at, c0)
#define MASK2(at, c0, c1, c2) MASK1(at, c0, c1, c2) \
	KEEP_WHERE(32 at, c1)
#define MASK3(at, c0, c1, c2) MASK2(at, c0, c1, c2) \
	KEEP_WHERE(64 at, c2)

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
	ADDQ B_STEP, B_K
#define STEP1 \
	VMOVUPD (B_K), B0 \
	ROWS_OF_A(FMA1) \
	NEXT_K
#define STEP2 \
	VMOVUPD (B_K), B0 \
	VMOVUPD 32(B_K), B1 \
	ROWS_OF_A(FMA2) \
	NEXT_K
#define STEP3 \
	VMOVUPD (B_K), B0 \
	VMOVUPD 32(B_K), B1 \
	VMOVUPD 64(B_K), B2 \
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
	LEAQ (C_ROW)(C_ROW*2), C_ROW3      \
	ROWS_OF_TILES(LOAD, STEP, MASK, STORE)

#define ROWS_OF_TILES(LOAD, STEP, MASK, STORE) \
rows:                                  \
	MOVQ  GemmArgs_Bias(TILE), START   \
	TESTQ START, START                 \
	JZ    plain                        \
	ADDQ  GemmArgs_BiasAt(TILE), START \
	ADDQ  $32, GemmArgs_BiasAt(TILE)   \
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
	VXORPD ZERO, ZERO, ZERO            \
	TESTQ $const_GemmMask, GemmArgs_Flags(TILE) \
	JZ    relu                         \
	MOVQ  GemmArgs_Mask(TILE), MASK_AT \
	ADDQ  GemmArgs_MaskAt(TILE), MASK_AT \
	MOVQ  GemmArgs_MaskRow(TILE), MASK_ROW \
	LEAQ  (MASK_ROW)(MASK_ROW*2), MASK_ROW3 \
	ROWS_OF_MASK(MASK)                 \
	SHLQ  $2, MASK_ROW                 \
	ADDQ  MASK_ROW, GemmArgs_MaskAt(TILE) \
	JMP   store                        \
relu:                                  \
	ROWS_OF_C(RELU)                    \
store:                                 \
	ROWS_OF_C(STORE)                   \
	LEAQ (A_AT)(A_ROW*4), A_AT         \
	LEAQ (C_AT)(C_ROW*4), C_AT         \
	SUBQ $4, GemmArgs_Rows(TILE)        \
	JNZ  rows                          \
	VZEROUPPER                         \
	RET

// func Gemm4x12AVX2(t *GemmArgs)
TEXT ·Gemm4x12AVX2(SB), NOSPLIT, $0-8
	KERNEL(LOAD3, STEP3, MASK3, STORE3)

// func Gemm4x8AVX2(t *GemmArgs)
TEXT ·Gemm4x8AVX2(SB), NOSPLIT, $0-8
	KERNEL(LOAD2, STEP2, MASK2, STORE2)

// One vector of 4 rows would be 4 chains, which wait for themselves: they are computed 8 rows at a time. The sums of row r
// are Y(r).
#define A_K4 R13 // A(·, k), from row 4 on
#define AT4 R13 // C or the mask, from row 4 on
#define ROW3 DX
#define EACH8(OP, at, row) \
	OP((at), Y0, Y0, Y0)           \
	OP((at)(row*1), Y1, Y1, Y1)    \
	OP((at)(row*2), Y2, Y2, Y2)    \
	OP((at)(ROW3*1), Y3, Y3, Y3)   \
	OP((AT4), Y4, Y4, Y4)          \
	OP((AT4)(row*1), Y5, Y5, Y5)   \
	OP((AT4)(row*2), Y6, Y6, Y6)   \
	OP((AT4)(ROW3*1), Y7, Y7, Y7)
#define STEP1x8 \
	VMOVUPD (B_K), B0               \
	FMA1((A_K), Y0, _, _)            \
	FMA1((A_K)(A_ROW*1), Y1, _, _)   \
	FMA1((A_K)(A_ROW*2), Y2, _, _)   \
	FMA1((A_K)(A_ROW3*1), Y3, _, _)  \
	FMA1((A_K4), Y4, _, _)           \
	FMA1((A_K4)(A_ROW*1), Y5, _, _)  \
	FMA1((A_K4)(A_ROW*2), Y6, _, _)  \
	FMA1((A_K4)(A_ROW3*1), Y7, _, _) \
	ADDQ A_STEP, A_K4                \
	NEXT_K
#define PLACES8(at, row) \
	LEAQ (row)(row*2), ROW3 \
	LEAQ (at)(row*4), AT4
#define BIAS8(o, c) VBROADCASTSD o(START), c

// func Gemm4x4AVX2(t *GemmArgs)
TEXT ·Gemm4x4AVX2(SB), NOSPLIT, $0-8
	MOVQ t+0(FP), TILE
	MOVQ GemmArgs_BStep(TILE), B_STEP
	MOVQ GemmArgs_A(TILE), A_AT
	MOVQ GemmArgs_ARow(TILE), A_ROW
	MOVQ GemmArgs_AStep(TILE), A_STEP
	LEAQ (A_ROW)(A_ROW*2), A_ROW3
	MOVQ GemmArgs_C(TILE), C_AT
	MOVQ GemmArgs_CRow(TILE), C_ROW
	SUBQ $8, GemmArgs_Rows(TILE)
	JLT  rows8done

rows8:
	MOVQ  GemmArgs_Bias(TILE), START
	TESTQ START, START
	JZ    plain8
	ADDQ  GemmArgs_BiasAt(TILE), START
	ADDQ  $64, GemmArgs_BiasAt(TILE)
	BIAS8(0, Y0)
	BIAS8(8, Y1)
	BIAS8(16, Y2)
	BIAS8(24, Y3)
	BIAS8(32, Y4)
	BIAS8(40, Y5)
	BIAS8(48, Y6)
	BIAS8(56, Y7)
	JMP   product8

plain8:
	PLACES8(C_AT, C_ROW)
	TESTQ $const_GemmAdd, GemmArgs_Flags(TILE)
	JZ    zero8
	EACH8(LOAD1, C_AT, C_ROW)
	JMP   product8

zero8:
	EACH8(CLEAR, C_AT, C_ROW)

product8:
	MOVQ A_AT, A_K
	LEAQ (A_AT)(A_ROW*4), A_K4
	MOVQ GemmArgs_B(TILE), B_K
	MOVQ GemmArgs_K(TILE), TERMS
	SUBQ $4, TERMS
	JLT  last8

four8:
	STEP1x8
	STEP1x8
	STEP1x8
	STEP1x8
	SUBQ $4, TERMS
	JGE  four8

last8:
	ADDQ $4, TERMS
	JZ   finish8

one8:
	STEP1x8
	DECQ TERMS
	JNZ  one8

finish8:
	TESTQ  $(const_GemmReLU+const_GemmMask), GemmArgs_Flags(TILE)
	JZ     store8
	VXORPD ZERO, ZERO, ZERO
	TESTQ  $const_GemmMask, GemmArgs_Flags(TILE)
	JZ     relu8
	MOVQ   GemmArgs_Mask(TILE), MASK_AT
	ADDQ   GemmArgs_MaskAt(TILE), MASK_AT
	MOVQ   GemmArgs_MaskRow(TILE), MASK_ROW
	PLACES8(MASK_AT, MASK_ROW)
	EACH8(MASK1, MASK_AT, MASK_ROW)
	SHLQ   $3, MASK_ROW
	ADDQ   MASK_ROW, GemmArgs_MaskAt(TILE)
	JMP    store8

relu8:
	EACH8(RELU, C_AT, C_ROW)

store8:
	PLACES8(C_AT, C_ROW)
	EACH8(STORE1, C_AT, C_ROW)
	LEAQ (A_AT)(A_ROW*8), A_AT
	LEAQ (C_AT)(C_ROW*8), C_AT
	SUBQ $8, GemmArgs_Rows(TILE)
	JGE  rows8

rows8done:
	ADDQ $8, GemmArgs_Rows(TILE)
	JZ   none
	LEAQ (C_ROW)(C_ROW*2), C_ROW3
	ROWS_OF_TILES(LOAD1, STEP1, MASK1, STORE1)

none:
	VZEROUPPER
	RET

// One row or two of C, of which the columns are computed in blocks of as many vectors as registers allow, then of 3,
// and then one at a time. Registers of these kernels:
#define COLS CX // left
#define A_0 R8 // A(i, 0)
#define B_0 R9 // B(0, ·) at these columns
#define FEW_A_ROW R12
#define FEW_B_STEP R11
#define ROW_OF BX // outside of the loop over k: from one row to the next, of C or of the mask
#define FROM SI // the mask, or the bias

// Vector registers: the sums are in Y0 to Y11.
#define ROW0 Y12 // A(·, k)
#define ROW1 Y13
#define COLUMN Y14 // B(k, ·)

// An operation on each vector of a block, whose places in a row are o bytes from its columns' first: of 2 rows and of
// one. It takes o, the row's place, the sum, and the row's bias.
#define ROW_1(OP, at, b, c0) OP(0, at, b, c0)
#define ROW_3(OP, at, b, c0, c1, c2) ROW_1(OP, at, b, c0) \
	OP(32, at, b, c1) \
	OP(64, at, b, c2)
#define ROW_6(OP, at, b, c0, c1, c2, c3, c4, c5) ROW_3(OP, at, b, c0, c1, c2) \
	OP(96, at, b, c3) \
	OP(128, at, b, c4) \
	OP(160, at, b, c5)
#define ROW_8(OP, at, b, c0, c1, c2, c3, c4, c5, c6, c7) ROW_6(OP, at, b, c0, c1, c2, c3, c4, c5) \
	OP(192, at, b, c6) \
	OP(224, at, b, c7)

#define BLOCK_2x6(OP, r0, r1) \
	ROW_6(OP, r0, 0(FROM), Y0, Y1, Y2, Y3, Y4, Y5) \
	ROW_6(OP, r1, 8(FROM), Y6, Y7, Y8, Y9, Y10, Y11)
#define BLOCK_2x3(OP, r0, r1) \
	ROW_3(OP, r0, 0(FROM), Y0, Y1, Y2) \
	ROW_3(OP, r1, 8(FROM), Y6, Y7, Y8)
#define BLOCK_2x1(OP, r0, r1) \
	ROW_1(OP, r0, 0(FROM), Y0) \
	ROW_1(OP, r1, 8(FROM), Y6)
#define BLOCK_1x8(OP, r0, r1) ROW_8(OP, r0, 0(FROM), Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7)
#define BLOCK_1x3(OP, r0, r1) ROW_3(OP, r0, 0(FROM), Y0, Y1, Y2)
#define BLOCK_1x1(OP, r0, r1) ROW_1(OP, r0, 0(FROM), Y0)

#define FEW_CLEAR(o, at, b, c) VXORPD c, c, c
#define FEW_SPLAT(o, at, b, c) VBROADCASTSD b, c
#define FEW_LOAD(o, at, b, c) VMOVUPD o at, c
#define FEW_RELU(o, at, b, c) KEEP_WHERE(c, c)
#define FEW_MASK(o, at, b, c) KEEP_WHERE(o at, c)
#define FEW_STORE(o, at, b, c) VMOVUPD c, o at

// One k: A's elements, then B's vectors one after the other.
#define A_1 VBROADCASTSD (A_K), ROW0
#define A_2 A_1 \
	VBROADCASTSD (A_K)(FEW_A_ROW*1), ROW1
#define COLUMN_1(o, c0) VFMADD231PD o(B_K), ROW0, c0
#define COLUMN_2(o, c0, c1) \
	VMOVUPD     o(B_K), COLUMN   \
	VFMADD231PD COLUMN, ROW0, c0 \
	VFMADD231PD COLUMN, ROW1, c1
#define STEP_2x1 A_2 \
	COLUMN_2(0, Y0, Y6)
#define STEP_2x3 STEP_2x1 \
	COLUMN_2(32, Y1, Y7)  \
	COLUMN_2(64, Y2, Y8)
#define STEP_2x6 STEP_2x3 \
	COLUMN_2(96, Y3, Y9)  \
	COLUMN_2(128, Y4, Y10) \
	COLUMN_2(160, Y5, Y11)
#define STEP_1x1 A_1 \
	COLUMN_1(0, Y0)
#define STEP_1x3 STEP_1x1 \
	COLUMN_1(32, Y1)  \
	COLUMN_1(64, Y2)
#define STEP_1x8 STEP_1x3 \
	COLUMN_1(96, Y3) \
	COLUMN_1(128, Y4) \
	COLUMN_1(160, Y5) \
	COLUMN_1(192, Y6) \
	COLUMN_1(224, Y7)

#define C_PLACES(BLOCK, OP) BLOCK(OP, (C_AT), (C_AT)(ROW_OF*1))
#define MASK_PLACES(BLOCK, OP) BLOCK(OP, (FROM), (FROM)(ROW_OF*1))
#define C_ROWS MOVQ GemmArgs_CRow(TILE), ROW_OF

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
	VXORPD ZERO, ZERO, ZERO              \
	TESTQ $const_GemmMask, GemmArgs_Flags(TILE) \
	JZ    relu                           \
	MOVQ  GemmArgs_Mask(TILE), FROM      \
	ADDQ  GemmArgs_MaskAt(TILE), FROM    \
	MOVQ  GemmArgs_MaskRow(TILE), ROW_OF \
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
	MOVQ GemmArgs_AStep(TILE), A_STEP       \
	MOVQ GemmArgs_B(TILE), B_0              \
	MOVQ GemmArgs_BStep(TILE), FEW_B_STEP   \
	MOVQ GemmArgs_C(TILE), C_AT

// func GemmRowAVX2(t *GemmArgs)
TEXT ·GemmRowAVX2(SB), NOSPLIT, $0-8
	FEW_BEGIN
	BLOCKS_OF(BLOCK_1x8, STEP_1x8, 32, columns8, plain8, zero8, product8, terms8, relu8, store8, done8)
	BLOCKS_OF(BLOCK_1x3, STEP_1x3, 12, columns3, plain3, zero3, product3, terms3, relu3, store3, done3)
	BLOCKS_OF(BLOCK_1x1, STEP_1x1, 4, columns1, plain1, zero1, product1, terms1, relu1, store1, done1)
	VZEROUPPER
	RET

// func GemmRow2AVX2(t *GemmArgs)
TEXT ·GemmRow2AVX2(SB), NOSPLIT, $0-8
	FEW_BEGIN
	BLOCKS_OF(BLOCK_2x6, STEP_2x6, 24, columns6, plain6, zero6, product6, terms6, relu6, store6, done6)
	BLOCKS_OF(BLOCK_2x3, STEP_2x3, 12, columns3, plain3, zero3, product3, terms3, relu3, store3, done3)
	BLOCKS_OF(BLOCK_2x1, STEP_2x1, 4, columns1, plain1, zero1, product1, terms1, relu1, store1, done1)
	VZEROUPPER
	RET

// The panels of B. Registers: DI to, SI from, CX rows or columns left, R9 and R10 the distances, R11 and R12 three of them.

// func GemmPackAVX2(dst, src *float64, ld, k, vectors int)
TEXT ·GemmPackAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ ld+16(FP), R9
	MOVQ k+24(FP), CX
	MOVQ vectors+32(FP), R8
	SHLQ $5, R8

row:
	XORL DX, DX

vector:
	VMOVUPD (SI)(DX*1), Y0
	VMOVUPD Y0, (DI)(DX*1)
	ADDQ    $32, DX
	CMPQ    DX, R8
	JLT     vector
	ADDQ    R9, SI
	ADDQ    R8, DI
	DECQ    CX
	JNZ     row
	VZEROUPPER
	RET

// Four rows from p on, 4 k of each: k to c0, and so on.
#define SQUARE(p, c0, c1, c2, c3) \
	VMOVUPD     (p), X0                      \
	VMOVUPD     (p)(R9*1), X1                \
	VINSERTF128 $1, (p)(R9*2), Y0, Y0        \
	VINSERTF128 $1, (p)(R11*1), Y1, Y1       \
	VMOVUPD     16(p), X2                    \
	VMOVUPD     16(p)(R9*1), X3              \
	VINSERTF128 $1, 16(p)(R9*2), Y2, Y2      \
	VINSERTF128 $1, 16(p)(R11*1), Y3, Y3     \
	VUNPCKLPD   Y1, Y0, c0                   \
	VUNPCKHPD   Y1, Y0, c1                   \
	VUNPCKLPD   Y3, Y2, c2                   \
	VUNPCKHPD   Y3, Y2, c3

// func GemmTransposeAVX2(dst, src *float64, ldDst, ldSrc, k int)
TEXT ·GemmTransposeAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ ldDst+16(FP), R10
	MOVQ ldSrc+24(FP), R9
	MOVQ k+32(FP), CX
	LEAQ (R9)(R9*2), R11
	LEAQ (R10)(R10*2), R12

square:
	SQUARE(SI, Y4, Y5, Y6, Y7)
	VMOVUPD Y4, (DI)
	VMOVUPD Y5, (DI)(R10*1)
	VMOVUPD Y6, (DI)(R10*2)
	VMOVUPD Y7, (DI)(R12*1)
	ADDQ    $32, SI
	LEAQ    (DI)(R10*4), DI
	SUBQ    $4, CX
	JNZ     square
	VZEROUPPER
	RET

// func GemmTranspose8AVX2(dst, src *float64, ldDst, ldSrc, k int)
TEXT ·GemmTranspose8AVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ ldDst+16(FP), R10
	MOVQ ldSrc+24(FP), R9
	MOVQ k+32(FP), CX
	LEAQ (R9)(R9*2), R11
	LEAQ (R10)(R10*2), R12
	LEAQ (SI)(R9*4), R8

squares:
	SQUARE(SI, Y4, Y5, Y6, Y7)
	SQUARE(R8, Y8, Y9, Y10, Y11)
	VMOVUPD Y4, (DI)
	VMOVUPD Y8, 32(DI)
	VMOVUPD Y5, (DI)(R10*1)
	VMOVUPD Y9, 32(DI)(R10*1)
	VMOVUPD Y6, (DI)(R10*2)
	VMOVUPD Y10, 32(DI)(R10*2)
	VMOVUPD Y7, (DI)(R12*1)
	VMOVUPD Y11, 32(DI)(R12*1)
	ADDQ    $32, SI
	ADDQ    $32, R8
	LEAQ    (DI)(R10*4), DI
	SUBQ    $4, CX
	JNZ     squares
	VZEROUPPER
	RET

// func GemmScaleAVX2(dst, src *float64, n int, by float64)
TEXT ·GemmScaleAVX2(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         src+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSD by+24(FP), Y0

numbers:
	VMULPD  (SI), Y0, Y1
	VMOVUPD Y1, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $4, CX
	JNZ     numbers
	VZEROUPPER
	RET
