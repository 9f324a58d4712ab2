//go:build !purego

// The sums of a mixture at each sample (kernels/ref_mixture.go):
//
//	d = Σ ±w·Φ(-|t|)    wp, wn = Σ w over t > 0, t < 0    f = Σ w/σ·φ(t)    t = (x-μ)/σ
//
// MixtureSums takes one mixture for all samples, PerSampleSums one for each; they differ in how a component is loaded.
//
// Requires: AVX512F, AVX512DQ, AVX512VL, AVX512BW.
//
// A block of 16 samples, two vectors, stays in registers while the components pass by.
// FMA pipe per component and vector: 41 FMA or multiply, 1 VRANGE, 1 VCMP, 1 division; 11 additions; per sample, 5 more
// and a division to prepare its component.
// The whole of MixtureCDF takes 1.35 times, of MixturesForward 1.53 times what two such pipes need (make bench, Zen 5).

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx512_amd64.h"

#define X0 Z0
#define X1 Z1
#define D0 Z2
#define D1 Z3
#define WP0 Z4
#define WP1 Z5
#define WN0 Z6
#define WN1 Z7
#define F0 Z8
#define F1 Z9

// Where t is negative: K3, K4; elsewhere K5, K6.
#define SIDES2 \
	VPMOVQ2M V0, K3 \
	VPMOVQ2M V1, K4 \
	KNOTB    K3, K5 \
	KNOTB    K4, K6

// sums.take
#define TAKE2(w0, w1, density0, density1) \
	VMULPD      L0, B0, B0  \ // Φ(-|t|)
	VMULPD      L1, B1, B1  \
	VADDPD      w0, WN0, K3, WN0 \
	VADDPD      w1, WN1, K4, WN1 \
	VADDPD      w0, WP0, K5, WP0 \
	VADDPD      w1, WP1, K6, WP1 \
	VPXORQ.BCST SIGN, B0, K3, B0 \
	VPXORQ.BCST SIGN, B1, K4, B1 \
	VFMADD231PD B0, w0, D0       \
	VFMADD231PD B1, w1, D1       \
	VFMADD231PD L0, density0, F0 \
	VFMADD231PD L1, density1, F1

#define CLEAR \
	VPXORQ D0, D0, D0    \
	VPXORQ D1, D1, D1    \
	VPXORQ WP0, WP0, WP0 \
	VPXORQ WP1, WP1, WP1 \
	VPXORQ WN0, WN0, WN0 \
	VPXORQ WN1, WN1, WN1 \
	VPXORQ F0, F0, F0    \
	VPXORQ F1, F1, F1

#define STORE(d, wp, wn, f, at) \
	VMOVUPD D0, (d)(at*1)     \
	VMOVUPD D1, 64(d)(at*1)   \
	VMOVUPD WP0, (wp)(at*1)   \
	VMOVUPD WP1, 64(wp)(at*1) \
	VMOVUPD WN0, (wn)(at*1)   \
	VMOVUPD WN1, 64(wn)(at*1) \
	VMOVUPD F0, (f)(at*1)     \
	VMOVUPD F1, 64(f)(at*1)

// func MixtureSumsAVX512(t *MixtureArgs)
TEXT ·MixtureSumsAVX512(SB), 0, $1024-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_N(AX), CX
	MOVQ MixtureArgs_X(AX), SI
	MOVQ MixtureArgs_D(AX), R8
	MOVQ MixtureArgs_WP(AX), R9
	MOVQ MixtureArgs_WN(AX), R10
	MOVQ MixtureArgs_F(AX), R11
	SHLQ $3, CX
	XORL DI, DI // byte offset of the block

block:
	CMPQ    DI, CX
	JGE     done
	VMOVUPD (SI)(DI*1), X0
	VMOVUPD 64(SI)(DI*1), X1
	CLEAR
	MOVQ    MixtureArgs_Components(AX), BX
	BLOCK_START(component)

component:
	VBROADCASTSD Component_Mean(BX), A0
	VBROADCASTSD Component_IH(BX), B0
	VBROADCASTSD Component_IL(BX), E0
	BASE2(A0, B0, E0, A0, B0, E0)
	SIDES2
	CLAMP2
	EXPONENT2
	EXP_MILLS2(U0, U1)
	VBROADCASTSD Component_W(BX), C0
	VBROADCASTSD Component_Density(BX), C1
	TAKE2(C0, C0, C1, C1)
	ADDQ         $Component__size, BX
	NEXT_COMPONENT(component, sums)

sums:
	BLOCK_END(component, store)

store:
	STORE(R8, R9, R10, R11, DI)
	ADDQ $128, DI
	JMP  block

done:
	VZEROUPPER
	RET

// func PerSampleSumsAVX512(t *MixtureArgs)
TEXT ·PerSampleSumsAVX512(SB), 0, $1024-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_N(AX), CX
	MOVQ MixtureArgs_D(AX), R8
	MOVQ MixtureArgs_WP(AX), R9
	MOVQ MixtureArgs_WN(AX), R10
	MOVQ MixtureArgs_F(AX), R11
	MOVQ MixtureArgs_Stride(AX), R12
	SHLQ $3, CX
	SHLQ $3, R12
	XORL DI, DI // byte offset of the block

block:
	CMPQ    DI, CX
	JGE     done
	MOVQ    MixtureArgs_X(AX), BX
	VMOVUPD (BX)(DI*1), X0
	VMOVUPD 64(BX)(DI*1), X1
	CLEAR
	MOVQ    MixtureArgs_Weight(AX), BX
	MOVQ    MixtureArgs_Mean(AX), SI
	MOVQ    MixtureArgs_Scale(AX), R13
	ADDQ    DI, BX
	ADDQ    DI, SI
	ADDQ    DI, R13
	BLOCK_START(component)

component:
	VMOVUPD      (R13), Y0
	VMOVUPD      64(R13), Y1
	INVERT_SCALE(Y0, B0, E0, O0)
	INVERT_SCALE(Y1, B1, E1, O1)
	VMOVUPD      (SI), A0
	VMOVUPD      64(SI), A1
	BASE2(A0, B0, E0, A1, B1, E1)
	SIDES2
	CLAMP2
	EXPONENT2
	VBROADCASTSD DENSITY_SCALE, C0 // v is free: it takes the density
	VMULPD       (BX), C0, V0
	VMULPD       64(BX), C0, V1
	VMULPD       B0, V0, V0
	VMULPD       B1, V1, V1
	EXP_MILLS2(U0, U1)
	VMOVUPD      (BX), C0
	VMOVUPD      64(BX), C1
	TAKE2(C0, C1, V0, V1)
	ADDQ         R12, BX
	ADDQ         R12, SI
	ADDQ         R12, R13
	NEXT_COMPONENT(component, sums)

sums:
	BLOCK_END(component, store)

store:
	STORE(R8, R9, R10, R11, DI)
	ADDQ $128, DI
	JMP  block

done:
	VZEROUPPER
	RET
