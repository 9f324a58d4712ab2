//go:build !purego

// The far path (kernels/ref_far.go): the sums over φ(t_m), t_m the distance of the nearest component, and from their tail d
// z = t_m+δ with t_m·δ + δ²/2 + log(d/M(z)) = 0, by two steps of Halley's method. Samples with components on both sides,
// and those whose t_m is not finite, are left: their z is NaN.
//
// MixtureFar takes one mixture for all samples, PerSampleFar one for each.
//
// Requires: AVX2, FMA.
//
// Halley's method is one long chain: a block of 16 samples, two pairs of vectors, takes its steps together. The sums
// are of two vectors at a time.
// FMA pipe per component and vector: 42 FMA or multiply, 1 division; per sample, 6 more and 2 divisions to prepare its
// component. Per vector, 135 to finish.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx2_amd64.h"

#define WEIGHTS R8
#define MEANS R9
#define SCALES R10
#define STRIDE R11 // in bytes

#define DENSITY(at) (32*14+at)(FRAME)
#define VM(at) (32*16+at)(FRAME) // |v| of the nearest
#define T(at) (32*18+at)(FRAME)  // |v|, or ζ = C·z
#define HARD (32*20)(FRAME)      // samples that are left

#define TOTAL(i) (32*(49+i))(FRAME)
#define LOST_SUM(i) (32*(57+i))(FRAME)

// What Halley's method needs of a sample; PAIR is the one pair of vectors or the other.
#define PAIR R12
#define PAIR_SIZE (32*14)
#define FIRST_PAIR (32*21)(FRAME)
#define TM(at) (32*0+at)(PAIR)    // t_m
#define HALF_INV(at) (32*2+at)(PAIR) // 1/2t_m
#define TAIL(at) (32*4+at)(PAIR)  // d
#define LOGF(at) (32*6+at)(PAIR)  // log f
#define DELTA(at) (32*8+at)(PAIR) // δ
#define FLIP(at) (32*10+at)(PAIR) // the sign bit where z is negative
#define LEFT(at) (32*12+at)(PAIR) // true where the sample is left

// farSums.add: the exponent less that of the nearest, then the steps of the mixture's inner loop. x is in O, the mean in
// A0 and A1 or A0 twice, likewise IH in B.
#define FAR_GAUSS2(mean0, ih0, mean1, ih1) \
	VSUBPD       mean0, O0, O0    \
	VSUBPD       mean1, O1, O1    \
	VMULPD       ih1, O1, B1      \ // v; ih1 may be B0
	VMULPD       ih0, O0, B0      \
	VMOVAPD      B0, V0           \
	VMOVAPD      B1, V1           \
	VBROADCASTSD ABS, C0          \
	VANDPD       C0, B0, A0       \ // u
	VANDPD       C0, B1, A1       \
	VMOVAPD      A0, T(0)         \
	VMOVAPD      A1, T(32)        \
	VMOVAPD      VM(0), E0        \
	VMOVAPD      VM(32), E1       \
	VADDPD       A0, E0, O0       \
	VADDPD       A1, E1, O1       \
	VSUBPD       A0, E0, E0       \
	VSUBPD       A1, E1, E1       \
	VBROADCASTSD MAX_FLOAT, C0    \
	VMINPD       C0, O0, O0       \
	VMINPD       C0, O1, O1       \
	VMULPD       O0, E0, R0       \ // vm² - u²
	VMULPD       O1, E1, R1       \
	VPXOR        C0, C0, C0       \
	VBROADCASTSD MINUS_FAR_LEAST, C1 \
	VMINPD       R0, C0, R0       \
	VMINPD       R1, C0, R1       \
	VMAXPD       R0, C1, R0       \
	VMAXPD       R1, C1, R1       \
	VBROADCASTSD NEAREST_BIAS, C1 \
	VADDPD       C1, R0, E0       \
	VADDPD       C1, R1, E1       \
	VSUBPD       C1, E0, O0       \
	VSUBPD       C1, E1, O1       \
	VSUBPD       O0, R0, R0       \
	VSUBPD       O1, R1, R1       \
	VPSLLQ       $52, E0, E0      \
	VPSLLQ       $52, E1, E1      \
	VMOVAPD      E0, N0           \
	VMOVAPD      E1, N1           \
	STAND_STILL2                  \
	EXP_MILLS2(T(0), T(32))

// From the sums to the first δ, which takes M(z) for 1/t_m.
#define FIRST_DELTA2 \
	VMOVAPD      WP0, A0            \
	VMOVAPD      WP1, A1            \
	VMOVAPD      WN0, B0            \
	VMOVAPD      WN1, B1            \
	VPXOR        C0, C0, C0         \
	VCMPPD       EQUAL, C0, A0, E0  \
	VCMPPD       EQUAL, C0, A1, E1  \
	VCMPPD       NOT_EQUAL, C0, B0, B0 \
	VCMPPD       NOT_EQUAL, C0, B1, B1 \
	VANDNPD      B0, E0, B0         \ // both sides
	VANDNPD      B1, E1, B1         \
	VPSLLQ       $63, E0, E0        \
	VPSLLQ       $63, E1, E1        \
	VMOVAPD      E0, FLIP(0)        \
	VMOVAPD      E1, FLIP(32)       \
	VBROADCASTSD INV_C, C0          \
	VBROADCASTSD MAX_FLOAT, C1      \
	VMULPD       VM(0), C0, L0      \ // t_m
	VMULPD       VM(32), C0, L1     \
	VCMPPD       NOT_LESS_EQUAL, C1, L0, A0 \
	VCMPPD       NOT_LESS_EQUAL, C1, L1, A1 \
	VORPD        A0, B0, B0         \
	VORPD        A1, B1, B1         \
	VMOVAPD      B0, LEFT(0)        \
	VMOVAPD      B1, LEFT(32)       \
	VORPD        B0, B1, B0         \
	VORPD        HARD, B0, B0       \
	VMOVAPD      B0, HARD           \
	VMOVAPD      F0, A0             \
	VMOVAPD      F1, A1             \
	LOG2(EXPONENT_BIAS)             \
	VMOVAPD      A0, LOGF(0)        \
	VMOVAPD      A1, LOGF(32)       \
	VBROADCASTSD ABS, C0            \
	VANDPD       D0, C0, A0         \
	VANDPD       D1, C0, A1         \
	VMOVAPD      A0, TAIL(0)        \
	VMOVAPD      A1, TAIL(32)       \
	VMULPD       L0, A0, A0         \
	VMULPD       L1, A1, A1         \
	VBROADCASTSD SQRT_2PI, C0       \
	VMULPD       C0, A0, A0         \
	VMULPD       C0, A1, A1         \
	LOG2(EXPONENT_BIAS)             \
	VBROADCASTSD ONE, C1            \
	VDIVPD       L0, C1, B0         \
	VDIVPD       L1, C1, B1         \
	VMOVAPD      L0, TM(0)          \
	VMOVAPD      L1, TM(32)         \
	VBROADCASTSD HALF, C0           \
	VMULPD       C0, B0, E0         \
	VMULPD       C0, B1, E1         \
	VMOVAPD      E0, HALF_INV(0)    \
	VMOVAPD      E1, HALF_INV(32)   \
	VMULPD       B0, A0, A0         \
	VMULPD       B1, A1, A1         \
	VBROADCASTSD SIGN, C0           \
	VXORPD       C0, A0, A0         \ // q
	VXORPD       C0, A1, A1         \
	VADDPD       A0, A0, A0         \
	VADDPD       A1, A1, A1         \
	VFMADD213PD  C1, A0, B0         \ // 2q/t_m + 1
	VFMADD213PD  C1, A1, B1         \
	VSQRTPD      B0, B0             \
	VSQRTPD      B1, B1             \
	VADDPD       C1, B0, B0         \
	VADDPD       C1, B1, B1         \
	VDIVPD       B0, A0, A0         \
	VDIVPD       B1, A1, A1         \
	VMOVAPD      A0, DELTA(0)       \
	VMOVAPD      A1, DELTA(32)

// δ·(δ/2 + t_m) + A in A.
#define RESIDUAL2 \
	VMOVAPD      DELTA(0), L0     \
	VMOVAPD      DELTA(32), L1    \
	VBROADCASTSD HALF, C0         \
	VMOVAPD      L0, B0           \
	VMOVAPD      L1, B1           \
	VFMADD213PD  TM(0), C0, B0    \
	VFMADD213PD  TM(32), C0, B1   \
	VFMADD231PD  B0, L0, A0       \
	VFMADD231PD  B1, L1, A1

// A step of Halley's method.
#define HALLEY2 \
	VMOVAPD      TM(0), L0         \
	VMOVAPD      TM(32), L1        \
	VADDPD       DELTA(0), L0, L0  \ // z
	VADDPD       DELTA(32), L1, L1 \
	VBROADCASTSD C_HI, C0          \
	VMULPD       C0, L0, A0        \
	VMULPD       C0, L1, A1        \
	VMOVAPD      A0, T(0)          \
	VMOVAPD      A1, T(32)         \
	MILLS_FAR2(T(0), T(32))        \
	VBROADCASTSD ALPHA, C0         \
	VMULPD       C0, B0, B0        \ // m, M(z) but for √2π
	VMULPD       C0, B1, B1        \
	VMOVAPD      TAIL(0), A0       \
	VMOVAPD      TAIL(32), A1      \
	VDIVPD       B0, A0, A0        \
	VDIVPD       B1, A1, A1        \
	VBROADCASTSD SQRT_2PI, C0      \
	VMULPD       C0, B0, B0        \
	VMULPD       C0, B1, B1        \
	VMOVAPD      B0, T(0)          \
	VMOVAPD      B1, T(32)         \
	LOG2(EXPONENT_BIAS)            \
	RESIDUAL2                      \
	VMULPD       T(0), A0, A0      \ // u
	VMULPD       T(32), A1, A1     \
	VMULPD       A0, A0, B0        \
	VMULPD       A1, A1, B1        \
	VFMADD231PD  HALF_INV(0), B0, A0  \
	VFMADD231PD  HALF_INV(32), B1, A1 \
	VSUBPD       A0, L0, L0        \
	VSUBPD       A1, L1, L1        \
	VMOVAPD      L0, DELTA(0)      \
	VMOVAPD      L1, DELTA(32)

// z and L of the samples at byte offset DI.
#define STORE_FAR2 \
	VMOVAPD      LOGF(0), A0            \
	VMOVAPD      LOGF(32), A1           \
	VBROADCASTSD LN_SQRT_2PI, C0        \
	VADDPD       C0, A0, A0             \
	VADDPD       C0, A1, A1             \
	RESIDUAL2                           \
	VADDPD       TM(0), L0, L0          \
	VADDPD       TM(32), L1, L1         \
	VXORPD       FLIP(0), L0, L0        \
	VXORPD       FLIP(32), L1, L1       \
	VORPD        LEFT(0), L0, L0        \ // NaN
	VORPD        LEFT(32), L1, L1       \
	MOVQ         MixtureArgs_Z(AX), BX         \
	VMOVUPD      L0, (BX)(DI*1)         \
	VMOVUPD      L1, 32(BX)(DI*1)       \
	MOVQ         MixtureArgs_L(AX), BX         \
	VMOVUPD      A0, (BX)(DI*1)         \
	VMOVUPD      A1, 32(BX)(DI*1)

// The other pair of vectors: from the first to the second and back.
#define SECOND_PAIR \
	LEAQ PAIR_SIZE(PAIR), PAIR
#define BACK_TO_FIRST \
	LEAQ FIRST_PAIR, PAIR

// farForward from the sums of both pairs on; DI is the byte offset of the block.
#define FINISH_BLOCK \
	BACK_TO_FIRST \
	HALLEY2       \
	SECOND_PAIR   \
	HALLEY2       \
	BACK_TO_FIRST \
	HALLEY2       \
	SECOND_PAIR   \
	HALLEY2

// func MixtureFarAVX2(t *MixtureArgs) (missed bool)
TEXT ·MixtureFarAVX2(SB), 0, $2112-9
	MOVQ    t+0(FP), AX
	MOVQ    MixtureArgs_X(AX), SI
	XORL    DI, DI // byte offset of the samples
	ALIGN_FRAME
	VPXOR   C0, C0, C0
	VMOVAPD C0, HARD

block:
	LEAQ FIRST_PAIR, PAIR

samples:
	VMOVUPD      (SI)(DI*1), O0
	VMOVUPD      32(SI)(DI*1), O1
	VBROADCASTSD INFINITY, L0 // the nearest with weight
	VMOVAPD      L0, L1
	VBROADCASTSD ABS, C0
	MOVQ         MixtureArgs_Components(AX), BX
	MOVQ         MixtureArgs_K(AX), DX

nearest:
	MOVQ         Component_W(BX), R9
	ADDQ         R9, R9     // without its sign
	JZ           weightless
	VBROADCASTSD Component_Mean(BX), A0
	VBROADCASTSD Component_IH(BX), B0
	VSUBPD       A0, O1, A1
	VSUBPD       A0, O0, A0
	VMULPD       B0, A0, A0
	VMULPD       B0, A1, A1
	VANDPD       C0, A0, A0
	VANDPD       C0, A1, A1
	VMINPD       A0, L0, L0 // the second if one is NaN
	VMINPD       A1, L1, L1

weightless:
	ADDQ    $Component__size, BX
	DECQ    DX
	JNZ     nearest
	VMOVAPD L0, VM(0)
	VMOVAPD L1, VM(32)
	MOVQ    MixtureArgs_Components(AX), BX
	BLOCK_START(component)

component:
	VMOVUPD      (SI)(DI*1), O0
	VMOVUPD      32(SI)(DI*1), O1
	VBROADCASTSD Component_Mean(BX), A0
	VBROADCASTSD Component_IH(BX), B0
	FAR_GAUSS2(A0, B0, A0, B0)
	VBROADCASTSD Component_W(BX), E0
	VBROADCASTSD Component_Density(BX), O0
	TAKE2(E0, O0, E0, O0)
	ADDQ         $Component__size, BX
	NEXT_COMPONENT(component, sums)

sums:
	BLOCK_END(component, delta)

delta:
	FIRST_DELTA2
	SECOND_PAIR
	ADDQ  $64, DI
	TESTQ $127, DI
	JNZ   samples

	FINISH_BLOCK
	SUBQ $128, DI
	BACK_TO_FIRST
	STORE_FAR2
	ADDQ $64, DI
	SECOND_PAIR
	STORE_FAR2
	ADDQ $64, DI
	MOVQ MixtureArgs_N(AX), CX
	SHLQ $3, CX
	CMPQ DI, CX
	JLT  block

	VMOVAPD HARD, C0
	VPTEST  C0, C0
	SETNE   missed+8(FP)
	VZEROUPPER
	RET

// |v| in u of the vector at at; infinite where the component has no weight.
#define DISTANCE(at, x, u) \
	VBROADCASTSD C_HI, C0                 \
	VDIVPD       at(SCALES)(BX*1), C0, C0 \
	VSUBPD       at(MEANS)(BX*1), x, u    \
	VMULPD       C0, u, u                 \
	VBROADCASTSD ABS, C0                  \
	VANDPD       C0, u, u                 \
	VPXOR        C0, C0, C0               \
	VCMPPD       EQUAL, at(WEIGHTS)(BX*1), C0, C0 \
	VBROADCASTSD INFINITY, C1             \
	VBLENDVPD    C0, C1, u, u

// func PerSampleFarAVX2(t *MixtureArgs) (missed bool)
TEXT ·PerSampleFarAVX2(SB), 0, $2112-9
	MOVQ    t+0(FP), AX
	MOVQ    MixtureArgs_X(AX), SI
	MOVQ    MixtureArgs_Weight(AX), WEIGHTS
	MOVQ    MixtureArgs_Mean(AX), MEANS
	MOVQ    MixtureArgs_Scale(AX), SCALES
	MOVQ    MixtureArgs_Stride(AX), STRIDE
	SHLQ    $3, STRIDE
	XORL    DI, DI // byte offset of the samples
	ALIGN_FRAME
	VPXOR   C0, C0, C0
	VMOVAPD C0, HARD

block:
	LEAQ FIRST_PAIR, PAIR

samples:
	VMOVUPD      (SI)(DI*1), O0
	VMOVUPD      32(SI)(DI*1), O1
	VBROADCASTSD INFINITY, L0 // the nearest with weight
	VMOVAPD      L0, L1
	MOVQ         DI, BX // byte offset of the component's samples
	MOVQ         MixtureArgs_K(AX), DX

nearest:
	DISTANCE(0, O0, A0)
	DISTANCE(32, O1, A1)
	VMINPD  A0, L0, L0 // the second if one is NaN
	VMINPD  A1, L1, L1
	ADDQ    STRIDE, BX
	DECQ    DX
	JNZ     nearest
	VMOVAPD L0, VM(0)
	VMOVAPD L1, VM(32)
	MOVQ    DI, BX
	BLOCK_START(component)

component:
	COMPONENT(0, A0, B0, E0, DENSITY(0), O0)
	COMPONENT(32, A1, B1, E1, DENSITY(32), O1)
	VMOVUPD (SI)(DI*1), O0
	VMOVUPD 32(SI)(DI*1), O1
	FAR_GAUSS2(A0, B0, A1, B1)
	VMOVUPD (WEIGHTS)(BX*1), E0
	VMOVUPD 32(WEIGHTS)(BX*1), E1
	VMOVAPD DENSITY(0), O0
	VMOVAPD DENSITY(32), O1
	TAKE2(E0, O0, E1, O1)
	ADDQ    STRIDE, BX
	NEXT_COMPONENT(component, sums)

sums:
	BLOCK_END(component, delta)

delta:
	FIRST_DELTA2
	SECOND_PAIR
	ADDQ  $64, DI
	TESTQ $127, DI
	JNZ   samples

	FINISH_BLOCK
	SUBQ $128, DI
	BACK_TO_FIRST
	STORE_FAR2
	ADDQ $64, DI
	SECOND_PAIR
	STORE_FAR2
	ADDQ $64, DI
	MOVQ MixtureArgs_N(AX), CX
	SHLQ $3, CX
	CMPQ DI, CX
	JLT  block

	VMOVAPD HARD, C0
	VPTEST  C0, C0
	SETNE   missed+8(FP)
	VZEROUPPER
	RET
