//go:build !purego

// The reverse mode of the forward map (kernels/ref_gradient.go): from the gradients gz and gl with respect to z and log dz/dx
// to those with respect to x and to each component's logit, mean and log scale. With r = (w/σ)φ(t)/f, E = exp(L) and
// A = gz + gl·z,
//
//	dx = A·E - gl·Σ r t/σ     dμ = r(gl·t/σ - A·E)     dlogσ = r(gl(t²-1) - A·E·(x-μ))
//	dlogit = gl(r-w) ± A·w(Φ(±t)-Φ(-|z|))/φ(z)
//
// Requires: AVX512F, AVX512DQ, AVX512VL, AVX512BW.
//
// A block of 16 samples, two vectors. GRAD_START prepares what belongs to the sample and leaves it in GradState; then the
// components pass by. The shared form adds to partial sums in memory, the per-sample form stores rows.
// FMA pipe per component and vector: 50 FMA or multiply, 1 VRANGE, 1 minimum, 1 division.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx512_amd64.h"

#define X0 Z0
#define X1 Z1
#define ZETA0 Z2 // C·|z|
#define ZETA1 Z3
#define SUM0 Z4 // Σ r t/σ
#define SUM1 Z5
#define DX0 Z6 // x-mean
#define DX1 Z7
#define W0 Z8 // v, signed; the clamped one goes to U
#define W1 Z9

// K5 and K6: samples with z ≤ 0.
#define LOWER0 K5
#define LOWER1 K6

// newSampleGrad of the vector at byte offset at of the block at DI; R9 is the GradState.
#define GRAD_START(at, zeta, lower) \
	MOVQ         MixtureArgs_GL(AX), BX     \
	VMOVUPD      at(BX)(DI*1), Z10   \
	MOVQ         MixtureArgs_Z(AX), BX      \
	VMOVUPD      at(BX)(DI*1), Z11   \
	MOVQ         MixtureArgs_GZ(AX), BX     \
	VMOVUPD      at(BX)(DI*1), Z12   \
	MOVQ         MixtureArgs_L(AX), BX      \
	VMOVUPD      at(BX)(DI*1), Z13   \
	VFMADD231PD  Z11, Z10, Z12       \ // A
	VMOVUPD      Z10, (GradState_GL+at)(R9) \
	VMOVUPD      Z12, (GradState_A+at)(R9) \
	VPXORQ       Z14, Z14, Z14       \
	VCMPPD       LESS_EQUAL, Z14, Z11, lower \
	VMULPD.BCST  C_HI, Z11, zeta     \
	VPANDQ.BCST  ABS, zeta, zeta     \
	VMULPD       zeta, zeta, Z14     \ // ζ²
	VSUBPD       Z14, Z14, Z15       \
	VMOVAPD      Z13, Z16            \
	EXP(Z16, Z17, Z18, Z19)          \
	VFMADD231PD  Z13, Z15, Z16       \ // E; NaN unless z² and L are finite
	VMULPD       Z16, Z12, Z12       \
	VMOVUPD      Z12, (GradState_AE+at)(R9) \
	VMULPD.BCST  ALPHA_SQRT_2PI, Z16, Z16 \
	VMOVUPD      Z16, (GradState_Part+at)(R9) \
	VMULPD.BCST  LOG2E_HI, Z13, Z13  \
	VPXORQ.BCST  SIGN, Z13, Z13      \
	VMOVUPD      Z13, (GradState_L2+at)(R9) \
	MILLS_FAR(zeta, Z10, Z11, Z12, Z13, Z15, Z16) \
	VMULPD.BCST  ALPHA_SQRT_2PI, Z12, Z12 \
	VMOVUPD      Z12, (GradState_Tail+at)(R9) \
	VBROADCASTSD RATIO_MOST, Z15     \
	VRANGEPD     SMALLER_SIGNED, Z15, Z14, Z14 \
	VBROADCASTSD NEAREST, Z15        \
	VADDPD       Z15, Z14, Z16       \
	VSUBPD       Z15, Z16, Z15       \
	VSUBPD       Z15, Z14, Z14       \
	ALPHA_EXP2(Z14, Z16, Z17)        \
	VMULPD.BCST  SQRT_2PI_OVER_ALPHA, Z17, Z17 \
	VMOVUPD      Z17, (GradState_Whole+at)(R9)

// The components' part up to the Gaussian and the Mills ratio, mean in m, ih in h.
#define GRAD_GAUSS2(m0, h0, m1, h1) \
	VSUBPD       m0, X0, DX0   \
	VSUBPD       m1, X1, DX1   \
	VMULPD       h0, DX0, W0   \
	VMULPD       h1, DX1, W1   \
	VBROADCASTSD ABS, C0       \
	VPANDQ       C0, W0, V0    \
	VPANDQ       C0, W1, V1    \
	VSUBPD       V0, ZETA0, R0 \
	VSUBPD       V1, ZETA1, R1 \
	VADDPD       V0, ZETA0, N0 \
	VADDPD       V1, ZETA1, N1 \
	VFMADD213PD  GradState_L2(R9), N0, R0 \
	VFMADD213PD  (GradState_L2+64)(R9), N1, R1 \
	VBROADCASTSD RATIO_MOST, C0 \
	VRANGEPD     SMALLER_SIGNED, C0, R0, R0 \ // a NaN that counts is of this addition, and negative
	VRANGEPD     SMALLER_SIGNED, C0, R1, R1 \
	EXPONENT_OF2(NEAREST)      \
	STAND_STILL2(V0, V1)       \
	EXP_MILLS2(V0, V1)

// The gradients of one component of one vector: logit in n, mean in e, log scale in o. w is the weight, q the ratio w/σ,
// s the scale, h = ih; l is the Gaussian's ratio, b the Mills ratio.
#define GRAD_COMPONENT(at, w, q, s, h, x, v, sum, lower, l, a, b, u, y, n, e, o, r) \
	VMULPD      q, l, l       \ // r
	VMULPD      s, b, b       \
	VMULPD      (GradState_Part+at)(R9), l, a \
	VMULPD      b, a, a       \ // w·Φ(-|t|)/φ(z)
	VMULPD.BCST INV_C2, v, u  \
	VMULPD      h, u, y       \ // t/σ
	VFMADD231PD y, l, sum     \
	VPMOVQ2M    v, K1         \
	KXORB       lower, K1, K1 \
	VFMSUB231PD (GradState_Whole+at)(R9), w, K1, a \
	VFNMADD231PD (GradState_Tail+at)(R9), w, a \
	KNOTB       lower, K1     \
	VPXORQ.BCST SIGN, a, K1, a \
	VSUBPD      w, l, n       \
	VMULPD      (GradState_GL+at)(R9), n, n \
	VFMADD231PD (GradState_A+at)(R9), a, n \
	VMOVUPD     (GradState_AE+at)(R9), e \
	VMULPD      x, e, o       \
	VFMSUB231PD (GradState_GL+at)(R9), y, e \
	VMULPD      l, e, e       \
	VMOVAPD     v, r          \
	VFMSUB213PD.BCST ONE, u, r \ // t²-1
	VFMSUB231PD (GradState_GL+at)(R9), r, o \
	VMULPD      l, o, o

// sampleGrad.block: the sums of all blocks of components, and what their additions lost, are in the frame.
#define GRAD_BLOCK_START(component) \
	XORL    DX, DX              \ // components done
	ONE_BLOCK(component)        \
	VPXORQ  Z10, Z10, Z10       \
	VMOVUPD Z10, totals-256(SP) \
	VMOVUPD Z10, totals-192(SP) \
	VMOVUPD Z10, lost-128(SP)   \
	VMOVUPD Z10, lost-64(SP)

#define GRAD_BLOCK_END(component, done) \
	ONE_BLOCK(done)     \
	ADD_BLOCK(SUM0, totals-256(SP), lost-128(SP), Z10, Z11, Z12) \
	ADD_BLOCK(SUM1, totals-192(SP), lost-64(SP), Z13, Z14, Z15)  \
	CMPQ DX, MixtureArgs_K(AX) \
	JNE  component      \
	ADD_LOST(SUM0, totals-256(SP), lost-128(SP)) \
	ADD_LOST(SUM1, totals-192(SP), lost-64(SP))

#define GRAD_END(at, sum) \
	VMOVUPD      (GradState_AE+at)(R9), Z10 \
	VFNMADD231PD (GradState_GL+at)(R9), sum, Z10 \
	VMOVUPD      Z10, at(BX)(DI*1)

// func MixtureBackwardAVX512(t *MixtureArgs)
TEXT ·MixtureBackwardAVX512(SB), NOSPLIT, $256-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_N(AX), CX
	MOVQ MixtureArgs_Grad(AX), R9
	SHLQ $3, CX
	XORL DI, DI // byte offset of the block

block:
	CMPQ    DI, CX
	JGE     done
	GRAD_START(0, ZETA0, LOWER0)
	GRAD_START(64, ZETA1, LOWER1)
	MOVQ    MixtureArgs_X(AX), BX
	VMOVUPD (BX)(DI*1), X0
	VMOVUPD 64(BX)(DI*1), X1
	VPXORQ  SUM0, SUM0, SUM0
	VPXORQ  SUM1, SUM1, SUM1
	MOVQ    MixtureArgs_Components(AX), BX
	MOVQ    MixtureArgs_Acc(AX), R8
	GRAD_BLOCK_START(component)

component:
	VBROADCASTSD Component_Mean(BX), A0
	VBROADCASTSD Component_IH(BX), B0
	GRAD_GAUSS2(A0, B0, A0, B0)
	VBROADCASTSD Component_Ratio(BX), V0
	VBROADCASTSD Component_W(BX), C0
	VBROADCASTSD Component_Scale(BX), C1
	VBROADCASTSD Component_IH(BX), U1
	GRAD_COMPONENT(0, C0, V0, C1, U1, DX0, W0, SUM0, LOWER0, L0, A0, B0, U0, Y0, N0, E0, O0, R0)
	VMOVAPD      U1, U0
	GRAD_COMPONENT(64, C0, V0, C1, U0, DX1, W1, SUM1, LOWER1, L1, A1, B1, U1, Y1, N1, E1, O1, R1)
	VADDPD       (R8), N0, N0
	VADDPD       64(R8), E0, E0
	VADDPD       128(R8), O0, O0
	VADDPD       N1, N0, N0
	VADDPD       E1, E0, E0
	VADDPD       O1, O0, O0
	VMOVUPD      N0, (R8)
	VMOVUPD      E0, 64(R8)
	VMOVUPD      O0, 128(R8)
	ADDQ         $Component__size, BX
	ADDQ         $192, R8
	NEXT_COMPONENT(component, sums)

sums:
	GRAD_BLOCK_END(component, store)

store:
	MOVQ MixtureArgs_DX(AX), BX
	GRAD_END(0, SUM0)
	GRAD_END(64, SUM1)
	ADDQ $128, DI
	JMP  block

done:
	VZEROUPPER
	RET

// The gradients of a component. They follow the loads of the next one: rows are often a multiple of 4096 bytes apart, where
// processors take a load for one of what was stored last.
#define STORE_GRADIENTS \
	MOVQ    MixtureArgs_DLogit(AX), R8    \
	VMOVUPD N0, (R8)(SI*1)                \
	VMOVUPD N1, 64(R8)(SI*1)              \
	MOVQ    MixtureArgs_DMean(AX), R8     \
	VMOVUPD E0, (R8)(SI*1)                \
	VMOVUPD E1, 64(R8)(SI*1)              \
	MOVQ    MixtureArgs_DLogScale(AX), R8 \
	VMOVUPD O0, (R8)(SI*1)                \
	VMOVUPD O1, 64(R8)(SI*1)

// func PerSampleBackwardAVX512(t *MixtureArgs)
TEXT ·PerSampleBackwardAVX512(SB), NOSPLIT, $384-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_N(AX), CX
	MOVQ MixtureArgs_Grad(AX), R9
	MOVQ MixtureArgs_Stride(AX), R13
	SHLQ $3, R13
	SHLQ $3, CX
	XORL DI, DI // byte offset of the block

block:
	CMPQ    DI, CX
	JGE     done
	GRAD_START(0, ZETA0, LOWER0)
	GRAD_START(64, ZETA1, LOWER1)
	MOVQ    MixtureArgs_X(AX), BX
	VMOVUPD (BX)(DI*1), X0
	VMOVUPD 64(BX)(DI*1), X1
	VPXORQ  SUM0, SUM0, SUM0
	VPXORQ  SUM1, SUM1, SUM1
	MOVQ    MixtureArgs_Weight(AX), R10
	MOVQ    MixtureArgs_Mean(AX), R11
	MOVQ    MixtureArgs_Scale(AX), R12
	ADDQ    DI, R10
	ADDQ    DI, R11
	ADDQ    DI, R12
	XORL    BX, BX // byte offset of the component
	MOVQ    DI, SI // and of its gradient
	GRAD_BLOCK_START(component)

component:
	VMOVUPD      (R12)(BX*1), B0
	VMOVUPD      64(R12)(BX*1), B1
	VMOVUPD      (R11)(BX*1), A0
	VMOVUPD      64(R11)(BX*1), A1
	TESTQ        DX, DX
	JZ           first
	STORE_GRADIENTS
	MOVQ         MixtureArgs_DStride(AX), R8
	LEAQ         (SI)(R8*8), SI

first:
	VBROADCASTSD C_HI, C0
	VDIVPD       B0, C0, B0
	VDIVPD       B1, C0, B1
	VMOVUPD      B0, ih-384(SP)
	VMOVUPD      B1, ih-320(SP)
	GRAD_GAUSS2(A0, B0, A1, B1)
	VBROADCASTSD RATIO_SCALE, V1
	VMOVUPD      (R10)(BX*1), C0
	VMOVUPD      (R12)(BX*1), C1
	VMOVUPD      ih-384(SP), U1
	VMULPD       C0, V1, V0
	VMULPD       U1, V0, V0
	GRAD_COMPONENT(0, C0, V0, C1, U1, DX0, W0, SUM0, LOWER0, L0, A0, B0, U0, Y0, N0, E0, O0, R0)
	VMOVUPD      64(R10)(BX*1), C0
	VMOVUPD      64(R12)(BX*1), C1
	VMOVUPD      ih-320(SP), U0
	VMULPD       C0, V1, V1
	VMULPD       U0, V1, V1
	GRAD_COMPONENT(64, C0, V1, C1, U0, DX1, W1, SUM1, LOWER1, L1, A1, B1, U1, Y1, N1, E1, O1, R1)
	ADDQ         R13, BX
	NEXT_COMPONENT(component, sums)

sums:
	GRAD_BLOCK_END(component, store)

store:
	STORE_GRADIENTS
	MOVQ MixtureArgs_DX(AX), BX
	GRAD_END(0, SUM0)
	GRAD_END(64, SUM1)
	ADDQ $128, DI
	JMP  block

done:
	VZEROUPPER
	RET
