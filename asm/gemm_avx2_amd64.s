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

// func Gemm4x4AVX2(t *GemmArgs)
TEXT ·Gemm4x4AVX2(SB), NOSPLIT, $0-8
	KERNEL(LOAD1, STEP1, MASK1, STORE1)

// One row of C: 32 columns at a time, then 16, then 4. Its registers:
#define COLS CX // left
#define A_0 R8 // A(i, 0)
#define B_0 R9 // B(0, ·) at these columns
#define ROW_STEP R11 // B_STEP of the tiles holds the columns
#define BIAS R12
#define H_AT R13 // the mask at these columns

#define EIGHT(OP) FOUR(OP) \
	OP(128, Y4) \
	OP(160, Y5) \
	OP(192, Y6) \
	OP(224, Y7)
#define FOUR(OP) SINGLE(OP) \
	OP(32, Y1)  \
	OP(64, Y2)  \
	OP(96, Y3)
#define SINGLE(OP) OP(0, Y0)

#define ROW_CLEAR(o, c) VXORPD c, c, c
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
	VXORPD ZERO, ZERO, ZERO        \
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

// func GemmRowAVX2(t *GemmArgs)
TEXT ·GemmRowAVX2(SB), NOSPLIT, $0-8
	MOVQ t+0(FP), TILE
	MOVQ GemmArgs_Cols(TILE), COLS
	MOVQ GemmArgs_A(TILE), A_0
	MOVQ GemmArgs_AStep(TILE), A_STEP
	MOVQ GemmArgs_B(TILE), B_0
	MOVQ GemmArgs_BStep(TILE), ROW_STEP
	MOVQ GemmArgs_C(TILE), C_AT
	MOVQ GemmArgs_Bias(TILE), BIAS
	MOVQ GemmArgs_Mask(TILE), H_AT
	ROW_OF(EIGHT, 32, columns32, plain32, zero32, product32, terms32, relu32, store32, done32)
	ROW_OF(FOUR, 16, columns16, plain16, zero16, product16, terms16, relu16, store16, done16)
	ROW_OF(SINGLE, 4, columns4, plain4, zero4, product4, terms4, relu4, store4, done4)
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
	VMOVUPD     (SI), X0
	VMOVUPD     (SI)(R9*1), X1
	VINSERTF128 $1, (SI)(R9*2), Y0, Y0  // 00 01 20 21
	VINSERTF128 $1, (SI)(R11*1), Y1, Y1 // 10 11 30 31
	VMOVUPD     16(SI), X2
	VMOVUPD     16(SI)(R9*1), X3
	VINSERTF128 $1, 16(SI)(R9*2), Y2, Y2
	VINSERTF128 $1, 16(SI)(R11*1), Y3, Y3
	VUNPCKLPD   Y1, Y0, Y4              // 00 10 20 30
	VUNPCKHPD   Y1, Y0, Y5
	VUNPCKLPD   Y3, Y2, Y6
	VUNPCKHPD   Y3, Y2, Y7
	VMOVUPD     Y4, (DI)
	VMOVUPD     Y5, (DI)(R10*1)
	VMOVUPD     Y6, (DI)(R10*2)
	VMOVUPD     Y7, (DI)(R12*1)
	ADDQ        $32, SI
	LEAQ        (DI)(R10*4), DI
	SUBQ        $4, CX
	JNZ         square
	VZEROUPPER
	RET
