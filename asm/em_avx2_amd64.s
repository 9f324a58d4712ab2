//go:build !purego

// The E-step of a mixture (kernels/ref_em.go): the responsibilities r_k = w_k·φ_k(x)/f(x) of each sample, added up over the
// samples with the distance d from the mean,
//
//	Σ r    Σ r·d    Σ r·d²    Σ log f
//
// Requires: AVX2, FMA.
//
// Two vectors, 8 samples, at a time, a lane of the partial sums each; three passes over the components: the nearest, the
// densities, the statistics.
// FMA pipe per component and vector: 17 FMA or multiply; 8 additions.
// The kernel takes 2.15 times what two such pipes need (make bench, Zen 5).

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx2_amd64.h"

// func MixtureEMAVX2(t *MixtureArgs)
TEXT ·MixtureEMAVX2(SB), NOSPLIT, $128-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_N(AX), CX
	MOVQ MixtureArgs_X(AX), SI

samples:
	MOVQ         MixtureArgs_Components(AX), BX
	MOVQ         MixtureArgs_K(AX), DX
	MOVQ         MixtureArgs_Scratch(AX), R8
	VMOVUPD      (SI), S0
	VMOVUPD      32(SI), S1
	VBROADCASTSD INFINITY, O0 // the nearest with weight
	VMOVAPD      O0, O1

distance:
	VBROADCASTSD Component_Mean(BX), C0
	VBROADCASTSD Component_IH(BX), C1
	VSUBPD       C0, S0, A0
	VSUBPD       C0, S1, A1
	VBROADCASTSD ABS, C0
	VMULPD       C1, A0, A0
	VMULPD       C1, A1, A1
	VANDPD       C0, A0, A0
	VANDPD       C0, A1, A1
	VMOVUPD      A0, (R8)
	VMOVUPD      A1, 32(R8)
	MOVQ         Component_W(BX), R9
	ADDQ         R9, R9       // without its sign
	JZ           weightless
	VMINPD       A0, O0, O0   // the second if one is NaN
	VMINPD       A1, O1, O1

weightless:
	ADDQ $Component__size, BX
	ADDQ $128, R8
	DECQ DX
	JNZ  distance

	VBROADCASTSD FAR_BASE2, C0
	VCMPPD       LESS_EQUAL, C0, O0, A0
	VCMPPD       LESS_EQUAL, C0, O1, A1
	VANDNPD      O0, A0, O0 // the shift: 0 within reach
	VANDNPD      O1, A1, O1
	VMULPD       O0, O0, S0
	VMULPD       O1, O1, S1
	VPXOR        C0, C0, C0
	VMULPD       C0, S0, S0 // f: 0, or NaN
	VMULPD       C0, S1, S1
	MOVQ         MixtureArgs_Components(AX), BX
	MOVQ         MixtureArgs_Scratch(AX), R8
	XORL         DX, DX     // components done
	ONE_BLOCK(density)
	VPXOR        C0, C0, C0
	VMOVUPD      C0, total-128(SP)
	VMOVUPD      C0, total-96(SP)
	VMOVUPD      C0, lost-64(SP)
	VMOVUPD      C0, lost-32(SP)

density:
	VMOVUPD      (R8), A0
	VMOVUPD      32(R8), A1
	VSUBPD       A0, O0, B0
	VSUBPD       A1, O1, B1
	VADDPD       A0, O0, A0
	VADDPD       A1, O1, A1
	VMULPD       A0, B0, A0 // the exponent, shift² - v²
	VMULPD       A1, B1, A1
	VPXOR        C0, C0, C0
	VBROADCASTSD MINUS_EM_LEAST, C1
	VMINPD       A0, C0, A0
	VMINPD       A1, C0, A1
	VMAXPD       A0, C1, A0
	VMAXPD       A1, C1, A1
	VBROADCASTSD NEAREST_BIAS, C1
	VADDPD       C1, A0, B0
	VADDPD       C1, A1, B1
	VSUBPD       C1, B0, R0
	VSUBPD       C1, B1, R1
	VSUBPD       R0, A0, R0
	VSUBPD       R1, A1, R1
	VPSLLQ       $52, B0, B0
	VPSLLQ       $52, B1, B1
	EXP2_UNIT2(·AlphaExp2, ALPHA)
	VPADDQ       B0, L0, L0
	VPADDQ       B1, L1, L1
	VBROADCASTSD Component_Density(BX), C0
	VMULPD       C0, L0, L0
	VMULPD       C0, L1, L1
	VMOVUPD      L0, (R8)
	VMOVUPD      L1, 32(R8)
	VADDPD       L0, S0, S0
	VADDPD       L1, S1, S1
	ADDQ         $Component__size, BX
	ADDQ         $128, R8
	NEXT_COMPONENT(density, block)

block:
	ONE_BLOCK(responsibility)
	ADD_BLOCK(S0, total-128(SP), lost-64(SP), A0, B0, E0)
	ADD_BLOCK(S1, total-96(SP), lost-32(SP), A1, B1, E1)
	VPXOR   S0, S0, S0
	VPXOR   S1, S1, S1
	CMPQ    DX, MixtureArgs_K(AX)
	JNE     density
	VMOVUPD total-128(SP), S0
	VMOVUPD total-96(SP), S1
	VADDPD  lost-64(SP), S0, S0
	VADDPD  lost-32(SP), S1, S1

responsibility:
	MOVQ         MixtureArgs_Components(AX), BX
	MOVQ         MixtureArgs_K(AX), DX
	MOVQ         MixtureArgs_Scratch(AX), R8
	MOVQ         MixtureArgs_Acc(AX), DI
	VBROADCASTSD ONE, C0
	VDIVPD       S0, C0, R0
	VDIVPD       S1, C0, R1
	VMOVUPD      (SI), E0
	VMOVUPD      32(SI), E1

statistics:
	VBROADCASTSD Component_Mean(BX), C0
	VMULPD       (R8), R0, L0     // r
	VMULPD       32(R8), R1, L1
	VSUBPD       C0, E0, A0       // d
	VSUBPD       C0, E1, A1
	VMULPD       A0, L0, B0       // r·d
	VMULPD       A1, L1, B1
	VADDPD       (DI), L0, L0
	VADDPD       32(DI), L1, L1
	VFMADD213PD  128(DI), B0, A0
	VFMADD213PD  160(DI), B1, A1
	VADDPD       64(DI), B0, B0
	VADDPD       96(DI), B1, B1
	VMOVUPD      L0, (DI)
	VMOVUPD      L1, 32(DI)
	VMOVUPD      B0, 64(DI)
	VMOVUPD      B1, 96(DI)
	VMOVUPD      A0, 128(DI)
	VMOVUPD      A1, 160(DI)
	ADDQ         $Component__size, BX
	ADDQ         $128, R8
	ADDQ         $192, DI
	DECQ         DX
	JNZ          statistics

	VMULPD       O0, O0, L0 // shift²
	VMULPD       O1, O1, L1
	VMOVAPD      S0, A0
	VMOVAPD      S1, A1
	LOG2(EXPONENT_BIAS)
	VBROADCASTSD LN2, C0
	VFNMADD231PD C0, L0, A0
	VFNMADD231PD C0, L1, A1
	VADDPD       (DI), A0, A0
	VADDPD       32(DI), A1, A1
	VMOVUPD      A0, (DI)
	VMOVUPD      A1, 32(DI)
	ADDQ         $64, SI
	SUBQ         $8, CX
	JNZ          samples
	VZEROUPPER
	RET
