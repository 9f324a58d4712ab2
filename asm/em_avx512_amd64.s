//go:build !purego

// The E-step of a one-dimensional mixture (kernels/ref_em.go): responsibilities r = w·φ_k(x)/f(x), and for each component the
// sums of r, r·d and r·d², d = x - mean; and the sum of log f.
//
// Requires: AVX512F, AVX512DQ, AVX512VL, AVX512BW.
//
// A chunk of up to 128 samples goes through four passes:
//
//	distance    of 16 samples from every component, to a row of the scratch memory each, and from the nearest
//	block       of 16 samples: the exponents from the distances, then w/σ·φ of every component, and their sum f; short
//	            chains, of which the processor keeps many under way
//	logarithm   log f, which is added up, and 1/f
//	component   the statistics of one component over the chunk, in registers
//
// FMA pipe per component and vector: 19 FMA or multiply, 3 minima or maxima; per vector, 15 more and 2 divisions.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx512_amd64.h"

#define X0 Z0
#define X1 Z1
#define NEAR0 Z2  // |v| of the nearest component; then what is factored out, 0 within reach
#define NEAR1 Z3
#define SUM0 Z4   // f, then 1/f
#define SUM1 Z5
#define SQUARE0 Z6 // of what is factored out
#define SQUARE1 Z7

// Bytes from one row of the scratch memory to the next: EMChunk numbers. The rows after those of the components hold f, then
// 1/f, and the square of what is factored out of the exponents.
#define ROW (8*const_EMChunk)

// |v| = |x-mean|·ih for both vectors, to V.
#define EM_DISTANCE2 \
	VBROADCASTSD Component_Mean(BX), A0 \
	VBROADCASTSD Component_IH(BX), B0 \
	VBROADCASTSD ABS, C1    \
	VSUBPD       A0, X0, V0 \
	VSUBPD       A0, X1, V1 \
	VMULPD       B0, V0, V0 \
	VMULPD       B0, V1, V1 \
	VPANDQ       C1, V0, V0 \
	VPANDQ       C1, V1, V1

// func MixtureEMAVX512(t *MixtureArgs)
TEXT ·MixtureEMAVX512(SB), NOSPLIT, $256-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_N(AX), CX
	MOVQ MixtureArgs_X(AX), SI
	SHLQ $3, CX

chunk:
	MOVQ    $ROW, R9 // bytes of a row that this chunk fills
	CMPQ    CX, R9
	CMOVQLT CX, R9
	XORL    R11, R11 // byte offset in the rows

distance:
	VMOVUPD      (SI)(R11*1), X0
	VMOVUPD      64(SI)(R11*1), X1
	VBROADCASTSD INFINITY, NEAR0
	VMOVAPD      NEAR0, NEAR1
	MOVQ         MixtureArgs_Components(AX), BX
	MOVQ         MixtureArgs_Scratch(AX), DI
	ADDQ         R11, DI
	MOVQ         MixtureArgs_K(AX), DX

nearest:
	EM_DISTANCE2
	VMOVUPD V0, (DI)
	VMOVUPD V1, 64(DI)
	MOVQ    Component_W(BX), R8
	ADDQ    R8, R8                 // ±0 has no weight
	JZ      further
	VMINPD  V0, NEAR0, NEAR0       // NaN stays: if x is, all distances are
	VMINPD  V1, NEAR1, NEAR1

further:
	ADDQ $Component__size, BX
	ADDQ $ROW, DI
	DECQ DX
	JNZ  nearest

	VBROADCASTSD FAR_BASE2, C0
	VCMPPD       LESS_EQUAL, C0, NEAR0, K1
	VCMPPD       LESS_EQUAL, C0, NEAR1, K2
	VPXORQ       NEAR0, NEAR0, K1, NEAR0
	VPXORQ       NEAR1, NEAR1, K2, NEAR1
	VMOVUPD      NEAR0, ROW(DI)
	VMOVUPD      NEAR1, (ROW+64)(DI)
	ADDQ         $128, R11
	CMPQ         R11, R9
	JLT          distance

	XORL R11, R11

block:
	MOVQ         MixtureArgs_K(AX), DX
	MOVQ         DX, R12
	IMULQ        $ROW, R12
	MOVQ         MixtureArgs_Scratch(AX), DI
	ADDQ         R11, DI
	MOVQ         DI, R13
	VMOVUPD      ROW(DI)(R12*1), NEAR0
	VMOVUPD      (ROW+64)(DI)(R12*1), NEAR1
	VMULPD       NEAR0, NEAR0, SQUARE0
	VMULPD       NEAR1, NEAR1, SQUARE1
	VPXORQ       C0, C0, C0
	VMULPD       C0, SQUARE0, SUM0 // 0, or NaN if the square is not finite
	VMULPD       C0, SQUARE1, SUM1
	VBROADCASTSD MINUS_EM_LEAST, C1

exponent:
	VMOVUPD (R13), V0
	VMOVUPD 64(R13), V1
	VSUBPD  V0, NEAR0, R0
	VSUBPD  V1, NEAR1, R1
	VADDPD  NEAR0, V0, V0
	VADDPD  NEAR1, V1, V1
	VMULPD  V0, R0, R0             // (shift-v)(shift+v)
	VMULPD  V1, R1, R1
	VMINPD  C0, R0, R0
	VMINPD  C0, R1, R1
	VMAXPD  C1, R0, R0
	VMAXPD  C1, R1, R1
	VMOVUPD R0, (R13)
	VMOVUPD R1, 64(R13)
	ADDQ    $ROW, R13
	DECQ    DX
	JNZ     exponent

	MOVQ MixtureArgs_Components(AX), BX
	XORL DX, DX // components done
	ONE_BLOCK(exponential)
	VPXORQ  Z10, Z10, Z10
	VMOVUPD Z10, totals-256(SP)
	VMOVUPD Z10, totals-192(SP)
	VMOVUPD Z10, lost-128(SP)
	VMOVUPD Z10, lost-64(SP)

exponential:
	VMOVUPD      (DI), R0
	VMOVUPD      64(DI), R1
	EXPONENT_OF2(NEAREST_BIAS)
	VBROADCASTSD ·AlphaExp2+8*10(SB), L0
	VMOVAPD      L0, L1
	HORNER2(·AlphaExp2+8*9(SB), R0, L0, R1, L1)
	HORNER2(·AlphaExp2+8*8(SB), R0, L0, R1, L1)
	HORNER2(·AlphaExp2+8*7(SB), R0, L0, R1, L1)
	HORNER2(·AlphaExp2+8*6(SB), R0, L0, R1, L1)
	HORNER2(·AlphaExp2+8*5(SB), R0, L0, R1, L1)
	HORNER2(·AlphaExp2+8*4(SB), R0, L0, R1, L1)
	HORNER2(·AlphaExp2+8*3(SB), R0, L0, R1, L1)
	HORNER2(·AlphaExp2+8*2(SB), R0, L0, R1, L1)
	HORNER2(·AlphaExp2+8*1(SB), R0, L0, R1, L1)
	HORNER2(·AlphaExp2+8*0(SB), R0, L0, R1, L1)
	HORNER2(ALPHA, R0, L0, R1, L1)
	VPSLLQ       $52, N0, N0
	VPSLLQ       $52, N1, N1
	VPADDQ       N0, L0, L0
	VPADDQ       N1, L1, L1
	VBROADCASTSD Component_Density(BX), C0
	VMULPD       C0, L0, L0
	VMULPD       C0, L1, L1
	VMOVUPD      L0, (DI)
	VMOVUPD      L1, 64(DI)
	VADDPD       L0, SUM0, SUM0
	VADDPD       L1, SUM1, SUM1
	ADDQ         $Component__size, BX
	ADDQ         $ROW, DI
	NEXT_COMPONENT(exponential, sums)

sums:
	ONE_BLOCK(density)
	ADD_BLOCK(SUM0, totals-256(SP), lost-128(SP), Z10, Z11, Z12)
	ADD_BLOCK(SUM1, totals-192(SP), lost-64(SP), Z13, Z14, Z15)
	CMPQ DX, MixtureArgs_K(AX)
	JNE  exponential
	ADD_LOST(SUM0, totals-256(SP), lost-128(SP))
	ADD_LOST(SUM1, totals-192(SP), lost-64(SP))

density:
	VMOVUPD SUM0, (DI)
	VMOVUPD SUM1, 64(DI)
	VMOVUPD SQUARE0, ROW(DI)
	VMOVUPD SQUARE1, (ROW+64)(DI)
	ADDQ    $128, R11
	CMPQ    R11, R9
	JLT     block

	// DI is at the last block of the row of f.
	SUBQ         R9, DI
	ADDQ         $128, DI
	MOVQ         MixtureArgs_K(AX), DX
	LEAQ         (DX)(DX*2), DX
	SHLQ         $6, DX
	ADDQ         MixtureArgs_Acc(AX), DX // partial sums of log f
	VMOVUPD      (DX), V0
	VBROADCASTSD LN2, C0
	VBROADCASTSD ONE, C1
	XORL         R11, R11

logarithm:
	VMOVUPD      (DI)(R11*1), SUM0
	VDIVPD       SUM0, C1, SUM1
	VMOVUPD      SUM1, (DI)(R11*1)
	VBROADCASTSD MINUS_EXP_BIAS, L0
	LOG(SUM0, L0, U0, Y0, A0, B0)
	VFNMADD231PD ROW(DI)(R11*1), C0, SUM0 // what was factored out
	VADDPD       SUM0, V0, V0
	ADDQ         $64, R11
	CMPQ         R11, R9
	JLT          logarithm

	VMOVUPD V0, (DX)
	MOVQ    MixtureArgs_Components(AX), BX
	MOVQ    MixtureArgs_Scratch(AX), R12
	MOVQ    MixtureArgs_Acc(AX), R8
	MOVQ    MixtureArgs_K(AX), DX

component:
	VBROADCASTSD Component_Mean(BX), A0
	VMOVUPD      (R8), E0
	VMOVUPD      64(R8), E1
	VMOVUPD      128(R8), O0
	XORL         R11, R11

statistics:
	VMOVUPD     (R12)(R11*1), L0
	VMOVUPD     64(R12)(R11*1), L1
	VMOVUPD     (SI)(R11*1), R0
	VMOVUPD     64(SI)(R11*1), R1
	VMULPD      (DI)(R11*1), L0, L0   // r
	VMULPD      64(DI)(R11*1), L1, L1
	VSUBPD      A0, R0, R0            // d
	VSUBPD      A0, R1, R1
	VMULPD      R0, L0, U0            // r·d
	VMULPD      R1, L1, U1
	VADDPD      L0, E0, E0
	VADDPD      U0, E1, E1
	VFMADD231PD R0, U0, O0
	VADDPD      L1, E0, E0
	VADDPD      U1, E1, E1
	VFMADD231PD R1, U1, O0
	ADDQ        $128, R11
	CMPQ        R11, R9
	JLT         statistics

	VMOVUPD E0, (R8)
	VMOVUPD E1, 64(R8)
	VMOVUPD O0, 128(R8)
	ADDQ    $Component__size, BX
	ADDQ    $ROW, R12
	ADDQ    $192, R8
	DECQ    DX
	JNZ     component

	ADDQ R9, SI
	SUBQ R9, CX
	JNZ  chunk
	VZEROUPPER
	RET
