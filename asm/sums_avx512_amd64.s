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
// FMA pipe per component and vector: 40 FMA or multiply, 1 division; 13 additions; per sample, 5 more and a division to
// prepare its component.

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

// base2 of |x-mean|, whose sign goes to v: |v| in u, its residual in l. Here and below, operations on bits stand for comparisons
// and masks, which would share the pipes of the multiply-adds.
#define DISTANCE(x, mean, ih, il, v, l, u, y, n) \
	VSUBPD      mean, x, n \ // x - mean
	VSUBPD      x, n, u    \ // what the subtraction lost, exactly:
	VSUBPD      u, n, y    \
	VSUBPD      y, x, y    \
	VADDPD      mean, u, u \
	VSUBPD      u, y, y    \
	VPANDQ.BCST SIGN, n, v \
	VPXORQ      v, n, n    \
	VPXORQ      v, y, y    \
	VMULPD      ih, n, u   \
	VMOVAPD     u, l       \
	VFMSUB231PD ih, n, l   \
	VFMADD231PD il, n, l   \
	VFMADD231PD ih, y, l

// u clamped at VMax. From there on, and for NaN, there is no residual.
#define CLAMPED(u, l, n) \
	VPSUBQ C0, u, n  \ // negative below VMax
	VMINPD C0, u, u  \ // the limit for NaN
	VPSRAQ $63, n, n \
	VPANDQ n, l, l

// base2 and the first part of gauss. mean, ih and il are A, B and E, shared (A0, B0, E0 twice) or of each vector.
#define DISTANCE2(m0, h0, l0, m1, h1, l1) \
	VBROADCASTSD V_MAX, C0 \
	DISTANCE(X0, m0, h0, l0, V0, L0, U0, Y0, N0) \
	DISTANCE(X1, m1, h1, l1, V1, L1, U1, Y1, N1) \
	CLAMPED(U0, L0, N0) \
	CLAMPED(U1, L1, N1) \
	VBROADCASTSD NEAREST_BIAS, C1 \
	VMULPD       U0, U0, Y0      \
	VMULPD       U1, U1, Y1      \
	VSUBPD       Y0, C1, N0      \ // NEAREST_BIAS - u², rounded to an integer
	VSUBPD       Y1, C1, N1      \
	VSUBPD       C1, N0, R0      \
	VSUBPD       C1, N1, R1      \
	VFNMSUB231PD U0, U0, R0      \ // -u² less that integer
	VFNMSUB231PD U1, U1, R1      \
	VADDPD       U0, U0, A0      \
	VADDPD       U1, U1, A1      \
	VFNMADD231PD L0, A0, R0      \ // less 2u·vl
	VFNMADD231PD L1, A1, R1

// sums.take; v has the sign of t.
#define TAKE2(v0, v1, w0, w1, density0, density1) \
	VPSRAQ      $63, v0, Y0  \
	VPSRAQ      $63, v1, Y1  \
	VMULPD      L0, B0, B0   \ // Φ(-|t|)
	VMULPD      L1, B1, B1   \
	VPANDQ      w0, Y0, A0   \
	VPANDQ      w1, Y1, A1   \
	VPANDNQ     w0, Y0, Y0   \
	VPANDNQ     w1, Y1, Y1   \
	VADDPD      A0, WN0, WN0 \ // adding the 0 of the other side changes nothing
	VADDPD      A1, WN1, WN1 \
	VADDPD      Y0, WP0, WP0 \
	VADDPD      Y1, WP1, WP1 \
	VPXORQ      v0, B0, B0   \
	VPXORQ      v1, B1, B1   \
	VFMADD231PD B0, w0, D0   \
	VFMADD231PD B1, w1, D1   \
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

	PCALIGN $64

component:
	VBROADCASTSD Component_Mean(BX), A0
	VBROADCASTSD Component_IH(BX), B0
	VBROADCASTSD Component_IL(BX), E0
	DISTANCE2(A0, B0, E0, A0, B0, E0)
	EXP_MILLS2(U0, U1)
	VBROADCASTSD Component_W(BX), C0
	VBROADCASTSD Component_Density(BX), C1
	TAKE2(V0, V1, C0, C0, C1, C1)
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

	PCALIGN $64

component:
	VMOVUPD      (R13), Y0
	VMOVUPD      64(R13), Y1
	INVERT_SCALE(Y0, B0, E0, O0)
	INVERT_SCALE(Y1, B1, E1, O1)
	VMOVUPD      (SI), A0
	VMOVUPD      64(SI), A1
	DISTANCE2(A0, B0, E0, A1, B1, E1)
	VBROADCASTSD DENSITY_SCALE, C1
	VMULPD       (BX), C1, C0 // the density, beside the sign
	VMULPD       64(BX), C1, C1
	VMULPD       B0, C0, C0
	VMULPD       B1, C1, C1
	VPORQ        C0, V0, V0
	VPORQ        C1, V1, V1
	EXP_MILLS2(U0, U1)
	VMOVUPD      (BX), C0
	VMOVUPD      64(BX), C1
	VPANDQ.BCST  SIGN, V0, U0
	VPANDQ.BCST  SIGN, V1, U1
	VPXORQ       U0, V0, V0
	VPXORQ       U1, V1, V1
	TAKE2(U0, U1, C0, C1, V0, V1)
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
