//go:build !purego

// The reverse mode of a mixture (kernels/ref_gradient.go). With r = (w/σ)φ(t)/f, E = exp(L), A = gz + gl·z:
//
//	dx = A·E - gl·Σ r t/σ     dμ = r(gl·t/σ - A·E)     dlogσ = r(gl(t²-1) - A·E·(x-μ))
//	dlogit = gl(r-w) ± A·w(Φ(±t)-Φ(-|z|))/φ(z), + for z ≤ 0
//
// MixtureBackward takes one mixture for all samples and adds the gradients of its parameters to partial sums,
// PerSampleBackward takes one for each and stores them.
//
// Requires: AVX2, FMA.
//
// Two vectors, 8 samples, at a time; what the components need of a sample stands in the frame.
// FMA pipe per component and vector: 53 FMA or multiply, 1 division; 8 additions; per sample, 6 more and a division to
// prepare its component.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx2_amd64.h"

#define WEIGHTS R8
#define MEANS R9
#define SCALES R10
#define STRIDE R11 // in bytes

// The fields of sampleGrad, and d = x-μ and |v| of a component; at is 0 or 32, for the one vector and the other.
#define GL(at) (32*6+at)(FRAME)
#define GA(at) (32*8+at)(FRAME)
#define AE(at) (32*10+at)(FRAME)
#define PART(at) (32*12+at)(FRAME)
#define LBASE(at) (32*14+at)(FRAME) // -L in base two
#define TAIL(at) (32*16+at)(FRAME)
#define WHOLE(at) (32*18+at)(FRAME)
#define ZETA(at) (32*20+at)(FRAME)
#define SUM(at) (32*22+at)(FRAME)
#define LOWER(at) (32*24+at)(FRAME)  // where z ≤ 0
#define MIRROR(at) (32*26+at)(FRAME) // the sign bit elsewhere
#define DIST(at) (32*28+at)(FRAME)
#define T(at) (32*30+at)(FRAME)

// What is made of a component for one mixture per sample.
#define IH(at) (32*32+at)(FRAME)
#define RATIO(at) (32*34+at)(FRAME)
#define WEIGHT(at) (32*40+at)(FRAME)
#define SCALE(at) (32*42+at)(FRAME)

#define DLOGIT(at) (32*44+at)(FRAME)
#define DMEAN(at) (32*46+at)(FRAME)
#define DSCALE(at) (32*48+at)(FRAME)

// SUM of the blocks of components before, and what the additions lost.
#define TOTAL(at) (32*36+at)(FRAME)
#define LOST(at) (32*38+at)(FRAME)

// sampleGrad.block
#define SUM_START(component) \
	XORL    DX, DX         \ // components done
	ONE_BLOCK(component)   \
	VPXOR   C0, C0, C0     \
	VMOVAPD C0, TOTAL(0)   \
	VMOVAPD C0, TOTAL(32)  \
	VMOVAPD C0, LOST(0)    \
	VMOVAPD C0, LOST(32)

#define SUM_END(component, done) \
	ONE_BLOCK(done)         \
	VMOVAPD SUM(0), L0      \
	VMOVAPD SUM(32), L1     \
	ADD_BLOCK(L0, TOTAL(0), LOST(0), A0, B0, E0) \
	ADD_BLOCK(L1, TOTAL(32), LOST(32), A1, B1, E1) \
	VPXOR   C0, C0, C0      \
	VMOVAPD C0, SUM(0)      \
	VMOVAPD C0, SUM(32)     \
	CMPQ    DX, MixtureArgs_K(AX)  \
	JNE     component       \
	VMOVAPD TOTAL(0), L0    \
	VMOVAPD TOTAL(32), L1   \
	VADDPD  LOST(0), L0, L0 \
	VADDPD  LOST(32), L1, L1 \
	VMOVAPD L0, SUM(0)      \
	VMOVAPD L1, SUM(32)

// gaussRatio, first part: the exponent in N and the exponential's argument in R, from a in A. Where a is NaN, so is the
// gradient. Clobbers A, E, C0 and C1.
#define RATIO_EXPONENT2 \
	VBROADCASTSD RATIO_MOST, C0 \
	VBROADCASTSD SIGN, C1       \
	VXORPD       C0, C1, C1     \
	VMAXPD       C1, A0, A0     \ // of NaN, -RatioMost
	VMAXPD       C1, A1, A1     \
	VMINPD       C0, A0, A0     \
	VMINPD       C0, A1, A1     \
	VBROADCASTSD NEAREST, C1    \
	VADDPD       C1, A0, E0     \
	VADDPD       C1, A1, E1     \
	VSUBPD       C1, E0, R0     \
	VSUBPD       C1, E1, R1     \
	VSUBPD       R0, A0, R0     \
	VSUBPD       R1, A1, R1     \
	VPSLLQ       $52, E0, E0    \
	VPSLLQ       $52, E1, E1    \
	VMOVAPD      E0, N0         \
	VMOVAPD      E1, N1

// gaussRatio: Alpha·2^a in L, a in A.
#define GAUSS_RATIO2 \
	RATIO_EXPONENT2 \
	ALPHA_EXP2

// newSampleGrad, for the samples at byte offset DI. Uses R12.
#define SAMPLE2 \
	MOVQ         MixtureArgs_Z(AX), R12     \
	VMOVUPD      (R12)(DI*1), O0     \ // z
	VMOVUPD      32(R12)(DI*1), O1   \
	MOVQ         MixtureArgs_GL(AX), R12    \
	VMOVUPD      (R12)(DI*1), L0     \
	VMOVUPD      32(R12)(DI*1), L1   \
	MOVQ         MixtureArgs_GZ(AX), R12    \
	VMOVUPD      (R12)(DI*1), A0     \
	VMOVUPD      32(R12)(DI*1), A1   \
	VFMADD231PD  O0, L0, A0          \
	VFMADD231PD  O1, L1, A1          \
	VMOVAPD      L0, GL(0)             \
	VMOVAPD      L1, GL(32)             \
	VMOVAPD      A0, GA(0)             \
	VMOVAPD      A1, GA(32)             \
	VPXOR        C0, C0, C0          \
	VMOVAPD      C0, SUM(0)            \
	VMOVAPD      C0, SUM(32)            \
	VCMPPD       LESS_EQUAL, C0, O0, B0 \
	VCMPPD       LESS_EQUAL, C0, O1, B1 \
	VBROADCASTSD SIGN, C1            \
	VANDNPD      C1, B0, E0          \
	VANDNPD      C1, B1, E1          \
	VMOVAPD      B0, LOWER(0)          \
	VMOVAPD      B1, LOWER(32)          \
	VMOVAPD      E0, MIRROR(0)         \
	VMOVAPD      E1, MIRROR(32)         \
	VBROADCASTSD C_HI, C0            \
	VMULPD       C0, O0, O0          \
	VMULPD       C0, O1, O1          \
	VANDNPD      O0, C1, O0          \ // ζ = C·|z|
	VANDNPD      O1, C1, O1          \
	VMOVAPD      O0, ZETA(0)           \
	VMOVAPD      O1, ZETA(32)           \
	VMULPD       O0, O0, S0          \
	VMULPD       O1, O1, S1          \
	MOVQ         MixtureArgs_L(AX), R12     \
	VMOVUPD      (R12)(DI*1), A0     \
	VMOVUPD      32(R12)(DI*1), A1   \
	VBROADCASTSD LOG2E_HI, C0        \
	VMULPD       C0, A0, B0          \
	VMULPD       C0, A1, B1          \
	VXORPD       C1, B0, B0          \
	VXORPD       C1, B1, B1          \
	VMOVAPD      B0, LBASE(0)          \
	VMOVAPD      B1, LBASE(32)          \
	EXP2                             \
	VSUBPD       S0, S0, B0          \
	VSUBPD       S1, S1, B1          \
	VFMADD231PD  (R12)(DI*1), B0, L0 \ // E; NaN unless ζ² and L are finite
	VFMADD231PD  32(R12)(DI*1), B1, L1 \
	VMULPD       GA(0), L0, B0         \
	VMULPD       GA(32), L1, B1         \
	VMOVAPD      B0, AE(0)             \
	VMOVAPD      B1, AE(32)             \
	VBROADCASTSD ALPHA_SQRT_2PI, C0  \
	VMULPD       C0, L0, L0          \
	VMULPD       C0, L1, L1          \
	VMOVAPD      L0, PART(0)           \
	VMOVAPD      L1, PART(32)           \
	VMOVAPD      S0, A0              \
	VMOVAPD      S1, A1              \
	GAUSS_RATIO2                     \
	VBROADCASTSD SQRT_2PI_OVER_ALPHA, C0 \
	VMULPD       C0, L0, L0          \
	VMULPD       C0, L1, L1          \
	VMOVAPD      L0, WHOLE(0)          \
	VMOVAPD      L1, WHOLE(32)          \
	VMOVAPD      O0, A0              \
	VMOVAPD      O1, A1              \
	MILLS_FAR2(ZETA(0), ZETA(32))         \
	VBROADCASTSD ALPHA_SQRT_2PI, C0  \
	VMULPD       C0, B0, B0          \
	VMULPD       C0, B1, B1          \
	VMOVAPD      B0, TAIL(0)           \
	VMOVAPD      B1, TAIL(32)

// From x in O, the mean in A and IH in B to R/Alpha in B, Alpha·2^a in L, φ(t)/f but for constants.
#define COMPONENT2(mean0, ih0, mean1, ih1) \
	VSUBPD      mean0, O0, O0 \
	VSUBPD      mean1, O1, O1 \
	VMULPD      ih1, O1, B1   \ // v; ih1 may be B0
	VMULPD      ih0, O0, B0   \
	VMOVAPD     O0, DIST(0)     \
	VMOVAPD     O1, DIST(32)     \
	VMOVAPD     B0, V0        \
	VMOVAPD     B1, V1        \
	VBROADCASTSD ABS, C0      \
	VANDPD      C0, B0, A0    \ // u
	VANDPD      C0, B1, A1    \
	VMOVAPD     A0, T(0)        \
	VMOVAPD     A1, T(32)        \
	VMOVAPD     ZETA(0), R0     \
	VMOVAPD     ZETA(32), R1     \
	VSUBPD      A0, R0, E0    \
	VSUBPD      A1, R1, E1    \
	VADDPD      A0, R0, R0    \
	VADDPD      A1, R1, R1    \
	VFMADD213PD LBASE(0), E0, R0 \ // ζ² - u² - L in base two
	VFMADD213PD LBASE(32), E1, R1 \
	VMOVAPD     R0, A0        \
	VMOVAPD     R1, A1        \
	RATIO_EXPONENT2           \
	VMOVAPD     T(0), A0      \
	VMOVAPD     T(32), A1     \
	STAND_STILL2              \
	EXP_MILLS2(T(0), T(32))

// sampleGrad.component, the rest, for one vector: the gradients of the logit in b, of the mean in O0, of the log scale in
// A0. In l stands r, in b σ·R/Alpha. v is V0 or V1. Clobbers E0, R0, S0 and C0.
#define GRADIENT(l, b, w, ih, v, at) \
	VMULPD       PART(at), l, A0    \
	VMULPD       b, A0, A0          \ // w·Φ(-|t|)/φ(z)
	VMOVAPD      v, R0              \
	VBROADCASTSD INV_C2, C0         \
	VMULPD       C0, R0, S0         \
	VMULPD       ih, S0, E0         \ // t/σ
	VMOVAPD      SUM(at), O0        \
	VFMADD231PD  E0, l, O0          \
	VMOVAPD      O0, SUM(at)        \
	VMOVAPD      WHOLE(at), b       \
	VFMSUB213PD  A0, w, b           \
	VXORPD       LOWER(at), R0, C0  \
	VBLENDVPD    C0, b, A0, A0      \ // where t < 0 is not where z ≤ 0
	VFNMADD231PD TAIL(at), w, A0    \
	VXORPD       MIRROR(at), A0, A0 \
	VSUBPD       w, l, b            \
	VMULPD       GL(at), b, b       \
	VFMADD231PD  GA(at), A0, b      \
	VMOVAPD      GL(at), O0         \
	VFMSUB213PD  AE(at), E0, O0     \
	VMULPD       l, O0, O0          \
	VBROADCASTSD ONE, C0            \
	VFMSUB213PD  C0, R0, S0         \
	VMOVAPD      DIST(at), R0       \
	VMULPD       AE(at), R0, R0     \
	VMOVAPD      GL(at), A0         \
	VFMSUB213PD  R0, S0, A0         \
	VMULPD       l, A0, A0

// The gradients that GRADIENT leaves: added to the partial sums at R12, or, kept in the frame, stored at the byte offset R12 of
// the rows.
#define ADD(b, at) \
	VADDPD  at(R12), b, b        \
	VADDPD  (at+64)(R12), O0, O0  \
	VADDPD  (at+128)(R12), A0, A0 \
	VMOVUPD b, at(R12)           \
	VMOVUPD O0, (at+64)(R12)      \
	VMOVUPD A0, (at+128)(R12)

// Rows of samples' own mixtures are often a multiple of 4096 bytes apart, where processors take a load for one of what was stored
// last: the gradients are kept until the next component is loaded.
#define KEEP(b, at) \
	VMOVAPD b, DLOGIT(at) \
	VMOVAPD O0, DMEAN(at) \
	VMOVAPD A0, DSCALE(at)

#define STORE(row, dst) \
	MOVQ    row(AX), CX         \
	VMOVAPD dst(0), C0          \
	VMOVAPD dst(32), C1         \
	VMOVUPD C0, (CX)(R12*1)     \
	VMOVUPD C1, 32(CX)(R12*1)

#define STORE_KEPT \
	STORE(MixtureArgs_DLogit, DLOGIT) \
	STORE(MixtureArgs_DMean, DMEAN)   \
	STORE(MixtureArgs_DLogScale, DSCALE)

// sampleGrad.dx
#define STORE_DX \
	MOVQ         MixtureArgs_DX(AX), R12 \
	VMOVAPD      GL(0), A0          \
	VMOVAPD      GL(32), A1          \
	VMOVAPD      AE(0), B0          \
	VMOVAPD      AE(32), B1          \
	VFNMADD231PD SUM(0), A0, B0     \
	VFNMADD231PD SUM(32), A1, B1     \
	VMOVUPD      B0, (R12)(DI*1)  \
	VMOVUPD      B1, 32(R12)(DI*1)

// func MixtureBackwardAVX2(t *MixtureArgs)
TEXT ·MixtureBackwardAVX2(SB), 0, $1312-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_N(AX), CX
	MOVQ MixtureArgs_X(AX), SI
	SHLQ $3, CX
	XORL DI, DI // byte offset of the samples
	ALIGN_FRAME

samples:
	SAMPLE2
	MOVQ MixtureArgs_Components(AX), BX
	MOVQ MixtureArgs_Acc(AX), R12
	SUM_START(component)

component:
	VMOVUPD      (SI)(DI*1), O0
	VMOVUPD      32(SI)(DI*1), O1
	VBROADCASTSD Component_Mean(BX), A0
	VBROADCASTSD Component_IH(BX), B0
	COMPONENT2(A0, B0, A0, B0)
	VBROADCASTSD Component_Ratio(BX), C1
	VBROADCASTSD Component_Scale(BX), C0
	VMULPD       C1, L0, L0
	VMULPD       C1, L1, L1
	VMULPD       C0, B0, B0
	VMULPD       C0, B1, B1
	VBROADCASTSD Component_W(BX), S1
	VBROADCASTSD Component_IH(BX), R1
	GRADIENT(L0, B0, S1, R1, V0, 0)
	ADD(B0, 0)
	GRADIENT(L1, B1, S1, R1, V1, 32)
	ADD(B1, 32)
	ADDQ         $Component__size, BX
	ADDQ         $192, R12
	NEXT_COMPONENT(component, block)

block:
	SUM_END(component, store)

store:
	STORE_DX
	ADDQ $64, DI
	CMPQ DI, CX
	JLT  samples
	VZEROUPPER
	RET

// newComponent to the frame.
#define PREPARE(at) \
	VMOVUPD      at(SCALES)(BX*1), A0     \
	VMOVUPD      at(WEIGHTS)(BX*1), A1    \
	VBROADCASTSD C_HI, C0                 \
	VBROADCASTSD RATIO_SCALE, C1          \
	VDIVPD       A0, C0, C0               \
	VMOVAPD      A0, SCALE(at)            \
	VMOVAPD      A1, WEIGHT(at)           \
	VMULPD       A1, C1, C1               \
	VMULPD       C0, C1, C1               \
	VMOVAPD      C0, IH(at)               \
	VMOVAPD      C1, RATIO(at)

// func PerSampleBackwardAVX2(t *MixtureArgs)
TEXT ·PerSampleBackwardAVX2(SB), 0, $1632-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_X(AX), SI
	MOVQ MixtureArgs_Weight(AX), WEIGHTS
	MOVQ MixtureArgs_Mean(AX), MEANS
	MOVQ MixtureArgs_Scale(AX), SCALES
	MOVQ MixtureArgs_Stride(AX), STRIDE
	SHLQ $3, STRIDE
	XORL DI, DI // byte offset of the samples
	ALIGN_FRAME

samples:
	SAMPLE2
	MOVQ DI, BX // byte offset of the component's samples
	MOVQ DI, R12 // and of their gradients
	SUM_START(component)

component:
	PREFETCHT0 64(SCALES)(BX*1) // of the next samples
	PREFETCHT0 64(WEIGHTS)(BX*1)
	PREFETCHT0 64(MEANS)(BX*1)
	PREPARE(0)
	PREPARE(32)
	VMOVUPD (MEANS)(BX*1), A0
	VMOVUPD 32(MEANS)(BX*1), A1
	TESTQ   DX, DX
	JZ      first
	STORE_KEPT
	MOVQ    MixtureArgs_DStride(AX), CX
	LEAQ    (R12)(CX*8), R12

first:
	VMOVUPD (SI)(DI*1), O0
	VMOVUPD 32(SI)(DI*1), O1
	VMOVAPD IH(0), B0
	VMOVAPD IH(32), B1
	COMPONENT2(A0, B0, A1, B1)
	VMULPD  RATIO(0), L0, L0
	VMULPD  RATIO(32), L1, L1
	VMULPD  SCALE(0), B0, B0
	VMULPD  SCALE(32), B1, B1
	VMOVAPD WEIGHT(0), S1
	VMOVAPD IH(0), R1
	GRADIENT(L0, B0, S1, R1, V0, 0)
	KEEP(B0, 0)
	VMOVAPD WEIGHT(32), S1
	VMOVAPD IH(32), R1
	GRADIENT(L1, B1, S1, R1, V1, 32)
	KEEP(B1, 32)
	ADDQ    STRIDE, BX
	NEXT_COMPONENT(component, block)

block:
	SUM_END(component, store)

store:
	STORE_KEPT
	STORE_DX
	MOVQ MixtureArgs_N(AX), CX
	SHLQ $3, CX
	ADDQ $64, DI
	CMPQ DI, CX
	JLT  samples
	VZEROUPPER
	RET
