//go:build !purego

// The E-step of a mixture (kernels/ref_em.go): the responsibilities r_k = w_k·φ_k(x)/f(x) of each sample, added up over the
// samples with the distance d from the mean,
//
//	Σ r    Σ r·d    Σ r·d²    Σ log f
//
// Requires: AVX2, FMA.
//
// Four vectors, 16 samples, at a time, two of them for each lane of the partial sums; three passes over the components: the
// nearest, the densities, the statistics.
// FMA pipe per component and vector: 17 FMA or multiply; 8 additions.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx2_amd64.h"

// Registers of the first two passes.
#define V_0 Y0 // |v|; then the exponential's argument
#define V_1 Y1
#define V_2 Y2
#define V_3 Y3
#define X_0 Y4 // x; then the exponent, in its place
#define X_1 Y5
#define X_2 Y6
#define X_3 Y7
#define P_0 Y8 // the nearest |v|; then the exponential
#define P_1 Y9
#define P_2 Y10
#define P_3 Y11
#define CONST Y12
#define CONST1 Y13
#define T_0 Y14 // scratch
#define T_1 Y15

// The frame, four vectors each.
#define SHIFT(i) shift-(512-32*i)(SP) // what is factored out: 0 within reach
#define SUM(i) sum-(384-32*i)(SP)     // f, of a block of components; then of all; then 1/f
#define TOTAL(i) total-(256-32*i)(SP) // of the blocks before
#define LOST(i) lost-(128-32*i)(SP)   // and what the additions lost

// An instruction for the four vectors.
#define FOUR2(op, a, b0, b1, b2, b3) \
	op a, b0, b0 \
	op a, b1, b1 \
	op a, b2, b2 \
	op a, b3, b3

// p = p·v + c
#define HORNER_FOUR(c) \
	VBROADCASTSD c, CONST         \
	VFMADD213PD  CONST, V_0, P_0 \
	VFMADD213PD  CONST, V_1, P_1 \
	VFMADD213PD  CONST, V_2, P_2 \
	VFMADD213PD  CONST, V_3, P_3

// The exponent shift² - v² of vector i, in v.
#define EXPONENT_OF(i, v) \
	VMOVUPD (32*i)(R8), T_0   \
	VMOVUPD SHIFT(i), T_1     \
	VSUBPD  T_0, T_1, v       \
	VADDPD  T_0, T_1, T_0     \
	VMULPD  T_0, v, v         \
	VMINPD  v, CONST, v       \
	VMAXPD  v, CONST1, v

// What 2^v is made of: v becomes the argument, n the exponent in its place. CONST is NEAREST_BIAS.
#define SPLIT_EXPONENT(v, n) \
	VADDPD CONST, v, n   \
	VSUBPD CONST, n, T_0 \
	VSUBPD T_0, v, v     \
	VPSLLQ $52, n, n

// The density of vector i, in p, and its part of f. CONST is the component's Density.
#define DENSITY(i, p, n) \
	VPADDQ  n, p, p        \
	VMULPD  CONST, p, p    \
	VMOVUPD p, (32*i)(R8)  \
	VADDPD  SUM(i), p, p   \
	VMOVUPD p, SUM(i)

// The statistics of vector i, added to n, a and b. C0 is the mean.
#define STATISTICS(i, n, a, b, r, d) \
	VMOVUPD     (32*i)(R8), r  \
	VMULPD      SUM(i), r, r   \ // r
	VMOVUPD     (32*i)(SI), d  \
	VSUBPD      C0, d, d       \ // d
	VADDPD      r, n, n        \
	VMULPD      d, r, r        \ // r·d
	VADDPD      r, a, a        \
	VFMADD231PD d, r, b

// log f of two vectors from the i-th on, added to the partial sums.
#define LOG_LIKELIHOOD2(i, j) \
	VMOVUPD      SUM(i), A0   \
	VMOVUPD      SUM(j), A1   \
	LOG2(EXPONENT_BIAS)       \
	VMOVUPD      SHIFT(i), L0 \
	VMOVUPD      SHIFT(j), L1 \
	VMULPD       L0, L0, L0   \
	VMULPD       L1, L1, L1   \
	VBROADCASTSD LN2, C0      \
	VFNMADD231PD C0, L0, A0   \
	VFNMADD231PD C0, L1, A1   \
	VADDPD       (DI), A0, A0 \
	VADDPD       32(DI), A1, A1 \
	VMOVUPD      A0, (DI)     \
	VMOVUPD      A1, 32(DI)

#define INVERT(i) \
	VDIVPD  SUM(i), C0, L0 \
	VMOVUPD L0, SUM(i)

#define ADD_BLOCK_EM(i) \
	VMOVUPD SUM(i), L0 \
	ADD_BLOCK(L0, TOTAL(i), LOST(i), A0, B0, E0)

#define TOTAL_EM(i) \
	VMOVUPD TOTAL(i), L0     \
	VADDPD  LOST(i), L0, L0  \
	VMOVUPD L0, SUM(i)

// func MixtureEMAVX2(t *MixtureArgs)
TEXT ·MixtureEMAVX2(SB), NOSPLIT, $512-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_N(AX), CX
	MOVQ MixtureArgs_X(AX), SI

samples:
	MOVQ         MixtureArgs_Components(AX), BX
	MOVQ         MixtureArgs_K(AX), DX
	MOVQ         MixtureArgs_Scratch(AX), R8
	VMOVUPD      (SI), X_0
	VMOVUPD      32(SI), X_1
	VMOVUPD      64(SI), X_2
	VMOVUPD      96(SI), X_3
	VBROADCASTSD INFINITY, P_0 // the nearest with weight
	VMOVAPD      P_0, P_1
	VMOVAPD      P_0, P_2
	VMOVAPD      P_0, P_3
	VBROADCASTSD ABS, T_0

distance:
	VBROADCASTSD Component_Mean(BX), CONST
	VBROADCASTSD Component_IH(BX), CONST1
	VSUBPD       CONST, X_0, V_0
	VSUBPD       CONST, X_1, V_1
	VSUBPD       CONST, X_2, V_2
	VSUBPD       CONST, X_3, V_3
	FOUR2(VMULPD, CONST1, V_0, V_1, V_2, V_3)
	FOUR2(VANDPD, T_0, V_0, V_1, V_2, V_3)
	VMOVUPD      V_0, (R8)
	VMOVUPD      V_1, 32(R8)
	VMOVUPD      V_2, 64(R8)
	VMOVUPD      V_3, 96(R8)
	MOVQ         Component_W(BX), R9
	ADDQ         R9, R9         // without its sign
	JZ           weightless
	VMINPD       V_0, P_0, P_0  // the second if one is NaN
	VMINPD       V_1, P_1, P_1
	VMINPD       V_2, P_2, P_2
	VMINPD       V_3, P_3, P_3

weightless:
	ADDQ $Component__size, BX
	ADDQ $128, R8
	DECQ DX
	JNZ  distance

	VBROADCASTSD FAR_BASE2, CONST
	VPXOR        CONST1, CONST1, CONST1
	VCMPPD       LESS_EQUAL, CONST, P_0, V_0
	VCMPPD       LESS_EQUAL, CONST, P_1, V_1
	VCMPPD       LESS_EQUAL, CONST, P_2, V_2
	VCMPPD       LESS_EQUAL, CONST, P_3, V_3
	VANDNPD      P_0, V_0, P_0
	VANDNPD      P_1, V_1, P_1
	VANDNPD      P_2, V_2, P_2
	VANDNPD      P_3, V_3, P_3
	VMOVUPD      P_0, SHIFT(0)
	VMOVUPD      P_1, SHIFT(1)
	VMOVUPD      P_2, SHIFT(2)
	VMOVUPD      P_3, SHIFT(3)
	VMULPD       P_0, P_0, P_0
	VMULPD       P_1, P_1, P_1
	VMULPD       P_2, P_2, P_2
	VMULPD       P_3, P_3, P_3
	FOUR2(VMULPD, CONST1, P_0, P_1, P_2, P_3) // 0, or NaN
	VMOVUPD      P_0, SUM(0)
	VMOVUPD      P_1, SUM(1)
	VMOVUPD      P_2, SUM(2)
	VMOVUPD      P_3, SUM(3)
	MOVQ         MixtureArgs_Components(AX), BX
	MOVQ         MixtureArgs_Scratch(AX), R8
	XORL         DX, DX // components done
	ONE_BLOCK(density)
	VMOVUPD      CONST1, TOTAL(0)
	VMOVUPD      CONST1, TOTAL(1)
	VMOVUPD      CONST1, TOTAL(2)
	VMOVUPD      CONST1, TOTAL(3)
	VMOVUPD      CONST1, LOST(0)
	VMOVUPD      CONST1, LOST(1)
	VMOVUPD      CONST1, LOST(2)
	VMOVUPD      CONST1, LOST(3)

density:
	VPXOR        CONST, CONST, CONST
	VBROADCASTSD MINUS_EM_LEAST, CONST1
	EXPONENT_OF(0, V_0)
	EXPONENT_OF(1, V_1)
	EXPONENT_OF(2, V_2)
	EXPONENT_OF(3, V_3)
	VBROADCASTSD NEAREST_BIAS, CONST
	SPLIT_EXPONENT(V_0, X_0)
	SPLIT_EXPONENT(V_1, X_1)
	SPLIT_EXPONENT(V_2, X_2)
	SPLIT_EXPONENT(V_3, X_3)
	VBROADCASTSD ·AlphaExp2+8*10(SB), P_0
	VMOVAPD      P_0, P_1
	VMOVAPD      P_0, P_2
	VMOVAPD      P_0, P_3
	HORNER_FOUR(·AlphaExp2+8*9(SB))
	HORNER_FOUR(·AlphaExp2+8*8(SB))
	HORNER_FOUR(·AlphaExp2+8*7(SB))
	HORNER_FOUR(·AlphaExp2+8*6(SB))
	HORNER_FOUR(·AlphaExp2+8*5(SB))
	HORNER_FOUR(·AlphaExp2+8*4(SB))
	HORNER_FOUR(·AlphaExp2+8*3(SB))
	HORNER_FOUR(·AlphaExp2+8*2(SB))
	HORNER_FOUR(·AlphaExp2+8*1(SB))
	HORNER_FOUR(·AlphaExp2+8*0(SB))
	HORNER_FOUR(ALPHA)
	VBROADCASTSD Component_Density(BX), CONST
	DENSITY(0, P_0, X_0)
	DENSITY(1, P_1, X_1)
	DENSITY(2, P_2, X_2)
	DENSITY(3, P_3, X_3)
	ADDQ         $Component__size, BX
	ADDQ         $128, R8
	NEXT_COMPONENT(density, block)

block:
	ONE_BLOCK(likelihood)
	ADD_BLOCK_EM(0)
	ADD_BLOCK_EM(1)
	ADD_BLOCK_EM(2)
	ADD_BLOCK_EM(3)
	VPXOR   C0, C0, C0
	VMOVUPD C0, SUM(0)
	VMOVUPD C0, SUM(1)
	VMOVUPD C0, SUM(2)
	VMOVUPD C0, SUM(3)
	CMPQ    DX, MixtureArgs_K(AX)
	JNE     density
	TOTAL_EM(0)
	TOTAL_EM(1)
	TOTAL_EM(2)
	TOTAL_EM(3)

likelihood:
	MOVQ         MixtureArgs_K(AX), DI
	LEAQ         (DI)(DI*2), DI
	SHLQ         $6, DI
	ADDQ         MixtureArgs_Acc(AX), DI // partial sums of log f
	LOG_LIKELIHOOD2(0, 1)
	LOG_LIKELIHOOD2(2, 3)
	VBROADCASTSD ONE, C0
	INVERT(0)
	INVERT(1)
	INVERT(2)
	INVERT(3)
	MOVQ         MixtureArgs_Components(AX), BX
	MOVQ         MixtureArgs_K(AX), DX
	MOVQ         MixtureArgs_Scratch(AX), R8
	MOVQ         MixtureArgs_Acc(AX), DI

statistics:
	VBROADCASTSD Component_Mean(BX), C0
	VMOVUPD (DI), L0
	VMOVUPD 32(DI), L1
	VMOVUPD 64(DI), A0
	VMOVUPD 96(DI), A1
	VMOVUPD 128(DI), B0
	VMOVUPD 160(DI), B1
	STATISTICS(0, L0, A0, B0, E0, O0)
	STATISTICS(1, L1, A1, B1, E1, O1)
	STATISTICS(2, L0, A0, B0, R0, S0)
	STATISTICS(3, L1, A1, B1, R1, S1)
	VMOVUPD L0, (DI)
	VMOVUPD L1, 32(DI)
	VMOVUPD A0, 64(DI)
	VMOVUPD A1, 96(DI)
	VMOVUPD B0, 128(DI)
	VMOVUPD B1, 160(DI)
	ADDQ    $Component__size, BX
	ADDQ    $128, R8
	ADDQ    $192, DI
	DECQ    DX
	JNZ     statistics

	ADDQ $128, SI
	SUBQ $16, CX
	JNZ  samples
	VZEROUPPER
	RET
