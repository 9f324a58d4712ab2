//go:build !purego

// The inverse of the forward map (kernels/ref_inverse.go): Halley's method in z-space inside an exact bracket; where a step
// leaves it or the bracket stalls, another first guess, or bisection. What belongs to a sample is in the rows of
// InverseState; the caller repeats
//
//	MixtureInverseSums   the sums at x, with the slope of f and what the sum of the weights lost
//	MixtureInverseSolve  z and L from the sums, the residual, the step, the end of it, the bracket, the next x
//
// after one MixtureInverseStart, and takes the samples that are done out of the rows between rounds.
//
// Requires: AVX2, FMA.
//
// Two vectors, 8 samples, at a time; Start passes the components by once for each of them. The shared and the per-sample
// form differ in the load of a component.
// FMA pipe of Sums per component and vector: 45 FMA or multiply, 1 division; 18 additions.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx2_amd64.h"

#define WEIGHTS R8
#define MEANS R9
#define SCALES R10
#define STRIDE R11 // in bytes

// The rows of the state, at the byte offset DI of the samples; at is 0 or 32, for the one vector and the other.
#define STATE SI
#define ROW_X(at) (InverseState_X+at)(STATE)(DI*1)
#define ROW_Z(at) (InverseState_Z+at)(STATE)(DI*1) // the target
#define ROW_Q(at) (InverseState_Q+at)(STATE)(DI*1)
#define ROW_INV_PHI(at) (InverseState_InvPhi+at)(STATE)(DI*1)
#define ROW_LO(at) (InverseState_Lo+at)(STATE)(DI*1)
#define ROW_HI(at) (InverseState_Hi+at)(STATE)(DI*1)
#define ROW_WIDTH(at) (InverseState_Width+at)(STATE)(DI*1)
#define ROW_NARROW(at) (InverseState_Narrow+at)(STATE)(DI*1)
#define ROW_OTHER(at) (InverseState_Other+at)(STATE)(DI*1)
#define ROW_D(at) (InverseState_D+at)(STATE)(DI*1)
#define ROW_WP(at) (InverseState_WP+at)(STATE)(DI*1)
#define ROW_WN(at) (InverseState_WN+at)(STATE)(DI*1)
#define ROW_F(at) (InverseState_F+at)(STATE)(DI*1)
#define ROW_DF(at) (InverseState_DF+at)(STATE)(DI*1)
#define ROW_LOST(at) (InverseState_Lost+at)(STATE)(DI*1)
#define ROW_L(at) (InverseState_L+at)(STATE)(DI*1)
#define ROW_DONE(at) (InverseState_Done+at)(STATE)(DI*1)

#define ARGUMENTS \
	MOVQ t+0(FP), AX             \
	MOVQ MixtureArgs_Inverse(AX), STATE \
	XORL DI, DI                  \ // byte offset of the samples
	ALIGN_FRAME

#define ARGUMENTS_EACH \
	ARGUMENTS                     \
	MOVQ MixtureArgs_Weight(AX), WEIGHTS \
	MOVQ MixtureArgs_Mean(AX), MEANS     \
	MOVQ MixtureArgs_Scale(AX), SCALES   \
	MOVQ MixtureArgs_Stride(AX), STRIDE  \
	SHLQ $3, STRIDE

// Goes on with the samples at DI, if there are more.
#define AGAIN(samples) \
	MOVQ MixtureArgs_N(AX), CX \
	SHLQ $3, CX         \
	CMPQ DI, CX         \
	JLT  samples

// Start: the target and what belongs to it, two vectors; then for each vector the bracket and the guesses.

#define P0 (32*6)(FRAME) // Φ(z), roughly
#define P1 (32*7)(FRAME)

// newInverseTarget: Φ(z)-1/2 and 1/φ(z) go to the state, Φ(z) to the frame. φ(z) is gauss without a residual.
#define TARGET2 \
	MOVQ         MixtureArgs_Z(AX), BX    \
	VMOVUPD      (BX)(DI*1), O0    \
	VMOVUPD      32(BX)(DI*1), O1  \
	VMOVUPD      O0, ROW_Z(0)      \
	VMOVUPD      O1, ROW_Z(32)     \
	VMULPD       O0, O0, S0        \
	VMULPD       O1, O1, S1        \
	BOTH(CENTRE_4(10), E0, E1) \
	HORNER2(CENTRE_4(9), S0, E0, S1, E1) \
	HORNER2(CENTRE_4(8), S0, E0, S1, E1) \
	HORNER2(CENTRE_4(7), S0, E0, S1, E1) \
	HORNER2(CENTRE_4(6), S0, E0, S1, E1) \
	HORNER2(CENTRE_4(5), S0, E0, S1, E1) \
	HORNER2(CENTRE_4(4), S0, E0, S1, E1) \
	HORNER2(CENTRE_4(3), S0, E0, S1, E1) \
	HORNER2(CENTRE_4(2), S0, E0, S1, E1) \
	HORNER2(CENTRE_4(1), S0, E0, S1, E1) \
	HORNER2(CENTRE_4(0), S0, E0, S1, E1) \
	VMULPD       O0, E0, E0        \
	VMULPD       O1, E1, E1        \
	VMOVUPD      E0, ROW_Q(0)      \
	VMOVUPD      E1, ROW_Q(32)     \
	VBROADCASTSD C_HI, C0          \
	VMULPD       C0, O0, A0        \
	VMULPD       C0, O1, A1        \
	VBROADCASTSD ABS, C0           \
	VANDPD       C0, A0, A0        \
	VANDPD       C0, A1, A1        \
	VBROADCASTSD V_MAX, C1         \
	VMINPD       C1, A0, A0        \
	VMINPD       C1, A1, A1        \
	VANDPD       C0, O0, O0        \ // |z|
	VANDPD       C0, O1, O1        \
	VPXOR        L0, L0, L0        \
	VPXOR        L1, L1, L1        \
	VPXOR        B0, B0, B0        \
	VPXOR        B1, B1, B1        \
	EXPONENT2                      \
	ALPHA_EXP2                     \
	VBROADCASTSD INV_PHI_SCALE, C0 \
	VMULPD       C0, L0, L0        \ // φ(z)
	VMULPD       C0, L1, L1        \
	VBROADCASTSD ONE, C1           \
	VDIVPD       L0, C1, A0        \
	VDIVPD       L1, C1, A1        \
	VMOVUPD      A0, ROW_INV_PHI(0) \
	VMOVUPD      A1, ROW_INV_PHI(32) \
	VBROADCASTSD ·RoughCDF+8*0(SB), C0 \
	VFMADD213PD  C1, C0, O0        \
	VFMADD213PD  C1, C0, O1        \
	VDIVPD       O0, C1, O0        \ // s
	VDIVPD       O1, C1, O1        \
	BOTH(ROUGH_CDF_4(3), E0, E1) \
	HORNER2(ROUGH_CDF_4(2), O0, E0, O1, E1) \
	HORNER2(ROUGH_CDF_4(1), O0, E0, O1, E1) \
	VMULPD       O0, L0, L0        \
	VMULPD       O1, L1, L1        \
	VMULPD       E0, L0, L0        \ // Φ(-|z|)
	VMULPD       E1, L1, L1        \
	VSUBPD       L0, C1, B0        \
	VSUBPD       L1, C1, B1        \
	VPXOR        C0, C0, C0        \
	VCMPPD       GREATER_EQUAL, ROW_Z(0), C0, A0 \
	VCMPPD       GREATER_EQUAL, ROW_Z(32), C0, A1 \
	VBLENDVPD    A0, L0, B0, L0    \
	VBLENDVPD    A1, L1, B1, L1    \
	VMOVAPD      L0, P0            \
	VMOVAPD      L1, P1

// Registers of the rest: the bracket, the narrowest scale, the moments of the mixture; of the component in whose share
// Φ(z) falls the weights before it, its weight, mean and scale; and of the component that passes by.
#define TARGET Y0
#define LO Y1
#define HI Y2
#define NARROW Y3
#define SECOND Y3 // when NARROW has gone
#define MEAN Y4
#define P Y5
#define BELOW Y6
#define SHARE Y7
#define CENTRE Y8
#define WIDTH Y9
#define W Y10
#define M Y11
#define S Y12
#define T Y13

#define START_CLEAR \
	MOVL         DI, R12              \
	ANDL         $32, R12             \ // the second vector's offset, or 0
	VMOVAPD      (32*6)(FRAME)(R12*1), P \
	VMOVUPD      ROW_Z(0), TARGET     \
	VBROADCASTSD INFINITY, LO         \
	VMOVAPD      LO, NARROW           \
	VBROADCASTSD MINUS_INFINITY, HI   \
	VPXOR        MEAN, MEAN, MEAN     \
	VPXOR        BELOW, BELOW, BELOW  \
	VPXOR        SHARE, SHARE, SHARE  \
	VPXOR        CENTRE, CENTRE, CENTRE \
	VPXOR        WIDTH, WIDTH, WIDTH

#define LOAD_SHARED \
	VBROADCASTSD Component_Mean(BX), M  \
	VBROADCASTSD Component_Scale(BX), S \
	VBROADCASTSD Component_W(BX), W

#define LOAD_EACH \
	VMOVUPD (MEANS)(BX*1), M  \
	VMOVUPD (SCALES)(BX*1), S \
	VMOVUPD (WEIGHTS)(BX*1), W

// The ends of the bracket and the mean of the mixture, by one component; without weight it does not count.
#define BRACKET \
	VPXOR        T, T, T            \
	VCMPPD       EQUAL, T, W, T     \
	VMOVAPD      W, C0              \
	VFMADD213PD  MEAN, M, C0        \
	VBLENDVPD    T, MEAN, C0, MEAN  \
	VBROADCASTSD INFINITY, C1       \
	VBLENDVPD    T, C1, S, C0       \
	VMINPD       C0, NARROW, NARROW \
	VMOVAPD      S, C0              \
	VFMADD213PD  M, TARGET, C0      \ // μ+σz
	VBLENDVPD    T, C1, C0, C1      \
	VMINPD       LO, C1, LO         \
	VBROADCASTSD MINUS_INFINITY, C1 \
	VBLENDVPD    T, C1, C0, C1      \
	VMAXPD       HI, C1, HI

// The component is chosen if P falls within its share, which begins at T.
#define CHOOSE \
	VADDPD    W, T, C0              \
	VCMPPD    LESS, C0, P, C0       \
	VCMPPD    LESS_EQUAL, P, T, C1  \
	VANDPD    C1, C0, C0            \
	VBLENDVPD C0, T, BELOW, BELOW   \
	VBLENDVPD C0, W, SHARE, SHARE   \
	VBLENDVPD C0, M, CENTRE, CENTRE \
	VBLENDVPD C0, S, WIDTH, WIDTH

// The bracket goes to the state.
#define STORE_BRACKET \
	VSUBPD       LO, HI, C0            \
	VMOVUPD      LO, ROW_LO(0)         \
	VMOVUPD      HI, ROW_HI(0)         \
	VMOVUPD      C0, ROW_WIDTH(0)      \
	VBROADCASTSD INVERSE_DONE, C1      \
	VMULPD       C1, NARROW, NARROW    \
	VMOVUPD      NARROW, ROW_NARROW(0) \
	VPXOR        SECOND, SECOND, SECOND

#define SECOND_MOMENT \
	VSUBPD      MEAN, M, M   \
	VMULPD      S, S, S      \
	VFMADD231PD M, M, S      \
	VFMADD231PD S, W, SECOND

// The two guesses, and which of them is the first x.
#define GUESS \
	VSQRTPD      SECOND, T       \
	VFMADD213PD  MEAN, TARGET, T \
	VBROADCASTSD HALF, C1        \
	VMULPD       C1, LO, C0      \
	VMULPD       C1, HI, C1      \
	VADDPD       C1, C0, S       \ // the middle
	VCMPPD       LESS, T, LO, C0 \
	VCMPPD       LESS, HI, T, C1 \
	VANDPD       C1, C0, C0      \
	VBLENDVPD    C0, T, S, T     \
	VMOVUPD      T, ROW_OTHER(0) \
	VSUBPD       BELOW, P, P     \
	VADDPD       P, P, P         \
	VSUBPD       SHARE, P, P     \
	VDIVPD       SHARE, P, P     \ // u
	VMULPD       P, P, S         \ // u²
	VBROADCASTSD ·RoughProbit+8*1(SB), W \
	VBROADCASTSD ·RoughProbit+8*0(SB), C0 \
	VFMADD213PD  C0, S, W        \
	VMULPD       P, W, W         \
	VBROADCASTSD ·RoughProbit+8*3(SB), M \
	VBROADCASTSD ·RoughProbit+8*2(SB), C0 \
	VFMADD213PD  C0, S, M        \
	VBROADCASTSD ONE, C0         \
	VFMADD213PD  C0, S, M        \
	VDIVPD       M, W, W         \
	VFMADD213PD  CENTRE, WIDTH, W \
	VBROADCASTSD ABS, C0         \
	VANDPD       C0, P, P        \
	VBROADCASTSD ROUGH_MOST, C0  \
	VCMPPD       LESS, C0, P, P  \
	VCMPPD       LESS, W, LO, C0 \
	VCMPPD       LESS, HI, W, C1 \
	VANDPD       C0, P, P        \
	VANDPD       C1, P, P        \
	VBLENDVPD    P, W, T, T      \
	VCMPPD       EQUAL, HI, LO, C0 \
	VBLENDVPD    C0, LO, T, T    \
	VMOVUPD      T, ROW_X(0)

// func MixtureInverseStartAVX2(t *MixtureArgs)
TEXT ·MixtureInverseStartAVX2(SB), NOSPLIT, $288-8
	ARGUMENTS

samples:
	TARGET2

vector:
	START_CLEAR
	MOVQ MixtureArgs_Components(AX), BX
	MOVQ MixtureArgs_K(AX), DX

bracket:
	LOAD_SHARED
	BRACKET
	VBROADCASTSD Component_Below(BX), T
	CHOOSE
	ADDQ         $Component__size, BX
	DECQ         DX
	JNZ          bracket

	STORE_BRACKET
	MOVQ MixtureArgs_Components(AX), BX
	MOVQ MixtureArgs_K(AX), DX

moment:
	LOAD_SHARED
	SECOND_MOMENT
	ADDQ $Component__size, BX
	DECQ DX
	JNZ  moment

	GUESS
	ADDQ  $32, DI
	TESTL $32, DI
	JNZ   vector
	AGAIN(samples)
	VZEROUPPER
	RET

// The weight of the component at CX is added to T where its mean is less than M, or equal to it. Adding 0 changes nothing.
#define ADD_BELOW(less) \
	VMOVUPD (MEANS)(CX*1), C0       \
	VCMPPD  less, M, C0, C0         \
	VANDPD  (WEIGHTS)(CX*1), C0, C0 \
	VADDPD  C0, T, T                \
	ADDQ    STRIDE, CX

// func PerSampleInverseStartAVX2(t *MixtureArgs)
TEXT ·PerSampleInverseStartAVX2(SB), NOSPLIT, $288-8
	ARGUMENTS_EACH

samples:
	TARGET2

vector:
	START_CLEAR
	MOVQ DI, BX // byte offset of the component's samples
	MOVQ MixtureArgs_K(AX), DX

bracket:
	LOAD_EACH
	BRACKET

	// The weight below the component: equal means stand in their order.
	VPXOR T, T, T
	MOVQ  DI, CX
	MOVQ  DX, R12

before:
	CMPQ CX, BX
	JEQ  after
	ADD_BELOW(LESS_EQUAL)
	JMP  before

after:
	ADD_BELOW(LESS)
	DECQ R12
	JNZ  after

	CHOOSE
	ADDQ STRIDE, BX
	DECQ DX
	JNZ  bracket

	STORE_BRACKET
	MOVQ DI, BX
	MOVQ MixtureArgs_K(AX), DX

moment:
	LOAD_EACH
	SECOND_MOMENT
	ADDQ STRIDE, BX
	DECQ DX
	JNZ  moment

	GUESS
	ADDQ  $32, DI
	TESTL $32, DI
	JNZ   vector
	AGAIN(samples)
	VZEROUPPER
	RET

// Sums: what stands in the frame beside the sums of the forward map.

#define SUM_DF(at) (32*14+at)(FRAME) // the slope of f
#define LOST(at) (32*16+at)(FRAME)   // the rounding error of wp or wn
#define LOWER(at) (32*18+at)(FRAME)  // where z ≤ 0
#define DENSITY(at) (32*20+at)(FRAME)
#define IH(at) (32*22+at)(FRAME)
#define SUM_WP(at) (32*8+at)(FRAME)
#define SUM_WN(at) (32*10+at)(FRAME)

#define TOTAL(i) (32*(24+i))(FRAME)
#define LOST_SUM(i) (32*(32+i))(FRAME)

#define CLEAR_INVERSE_SUMS \
	VPXOR   C0, C0, C0     \
	VMOVAPD C0, SUM_DF(0)  \
	VMOVAPD C0, SUM_DF(32) \
	VMOVAPD C0, LOST(0)    \
	VMOVAPD C0, LOST(32)   \
	VCMPPD  GREATER_EQUAL, ROW_Z(0), C0, A0 \
	VCMPPD  GREATER_EQUAL, ROW_Z(32), C0, A1 \
	VMOVAPD A0, LOWER(0)   \
	VMOVAPD A1, LOWER(32)

// inverseSums.add, what it has beside sums.add, for one vector: the slope of f, and the rounding error of the sum of the
// weights on the target's side. Comes before TAKE2. e is the Gaussian. Clobbers A0, R0, S0, C0 and C1.
#define SLOPE_LOST(e, density, w, ih, v, at) \
	VMULPD       e, density, C0     \
	VMOVAPD      v, C1              \
	VPXOR        R0, R0, R0         \
	VPCMPGTQ     C1, R0, A0         \ // where t < 0
	VMULPD       ih, C1, C1         \
	VMOVAPD      SUM_DF(at), R0     \
	VFNMADD231PD C1, C0, R0         \
	VMOVAPD      R0, SUM_DF(at)     \
	VMOVAPD      LOWER(at), R0      \
	VMOVAPD      SUM_WN(at), S0     \
	VBLENDVPD    R0, SUM_WP(at), S0, S0 \
	VXORPD       R0, A0, A0         \ // the component counts
	VADDPD       w, S0, R0          \ // twoSumError
	VSUBPD       S0, R0, C0         \
	VSUBPD       C0, R0, R0         \
	VSUBPD       R0, S0, S0         \
	VSUBPD       C0, w, C0          \
	VADDPD       C0, S0, S0         \
	VANDPD       A0, S0, S0         \
	VADDPD       LOST(at), S0, S0   \
	VMOVAPD      S0, LOST(at)

// sumInverse, after the totals: what they and their blocks lost on the target's side.
#define LOST_TOTAL(i, at) \
	VMOVAPD   LOWER(at), R0                 \
	VMOVAPD   TOTAL(4+i), L0                \
	VSUBPD    SUMS(4+i), L0, L0             \
	VADDPD    LOST_SUM(4+i), L0, L0         \ // of wn
	VMOVAPD   TOTAL(2+i), A0                \
	VSUBPD    SUMS(2+i), A0, A0             \
	VADDPD    LOST_SUM(2+i), A0, A0         \ // of wp
	VBLENDVPD R0, A0, L0, L0                \
	VADDPD    LOST(at), L0, L0              \
	VMOVAPD   L0, LOST(at)

#define STORE_ROW(row0, row1, sum0, sum1) \
	VMOVAPD sum0, C0 \
	VMOVAPD sum1, C1 \
	VMOVUPD C0, row0 \
	VMOVUPD C1, row1

#define STORE_INVERSE_SUMS \
	STORE_ROW(ROW_D(0), ROW_D(32), D0, D1)     \
	STORE_ROW(ROW_WP(0), ROW_WP(32), WP0, WP1) \
	STORE_ROW(ROW_WN(0), ROW_WN(32), WN0, WN1) \
	STORE_ROW(ROW_F(0), ROW_F(32), F0, F1)     \
	STORE_ROW(ROW_DF(0), ROW_DF(32), SUM_DF(0), SUM_DF(32)) \
	STORE_ROW(ROW_LOST(0), ROW_LOST(32), LOST(0), LOST(32))

// func MixtureInverseSumsAVX2(t *MixtureArgs)
TEXT ·MixtureInverseSumsAVX2(SB), 0, $1312-8
	ARGUMENTS

samples:
	CLEAR_INVERSE_SUMS
	MOVQ MixtureArgs_Components(AX), BX
	BLOCK_START(component)

component:
	VMOVUPD      ROW_X(0), O0
	VMOVUPD      ROW_X(32), O1
	VBROADCASTSD Component_Mean(BX), A0
	VBROADCASTSD Component_IH(BX), B0
	VBROADCASTSD Component_IL(BX), E0
	BASE2(A0, B0, E0, A0, B0, E0)
	GAUSS2
	VBROADCASTSD Component_W(BX), E0
	VBROADCASTSD Component_Density(BX), O0
	VBROADCASTSD Component_IH(BX), O1
	SLOPE_LOST(L0, O0, E0, O1, V0, 0)
	SLOPE_LOST(L1, O0, E0, O1, V1, 32)
	TAKE2(E0, O0, E0, O0)
	ADDQ         $Component__size, BX
	NEXT_COMPONENT(component, block)

block:
	BLOCK_END(component, store)
	LOST_TOTAL(0, 0)
	LOST_TOTAL(1, 32)

store:
	STORE_INVERSE_SUMS
	ADDQ $64, DI
	AGAIN(samples)
	VZEROUPPER
	RET

// func PerSampleInverseSumsAVX2(t *MixtureArgs)
TEXT ·PerSampleInverseSumsAVX2(SB), 0, $1312-8
	ARGUMENTS_EACH

samples:
	CLEAR_INVERSE_SUMS
	MOVQ DI, BX // byte offset of the component's samples
	BLOCK_START(component)

component:
	COMPONENT(0, A0, B0, E0, DENSITY(0), O0)
	COMPONENT(32, A1, B1, E1, DENSITY(32), O1)
	VMOVAPD B0, IH(0)
	VMOVAPD B1, IH(32)
	VMOVUPD ROW_X(0), O0
	VMOVUPD ROW_X(32), O1
	BASE2(A0, B0, E0, A1, B1, E1)
	GAUSS2
	VMOVUPD (WEIGHTS)(BX*1), E0
	VMOVUPD 32(WEIGHTS)(BX*1), E1
	VMOVAPD DENSITY(0), O0
	VMOVAPD DENSITY(32), O1
	SLOPE_LOST(L0, O0, E0, IH(0), V0, 0)
	SLOPE_LOST(L1, O1, E1, IH(32), V1, 32)
	TAKE2(E0, O0, E1, O1)
	ADDQ    STRIDE, BX
	NEXT_COMPONENT(component, block)

block:
	BLOCK_END(component, store)
	LOST_TOTAL(0, 0)
	LOST_TOTAL(1, 32)

store:
	STORE_INVERSE_SUMS
	ADDQ $64, DI
	AGAIN(samples)
	VZEROUPPER
	RET

// Solve.

#define ZX(at) (32*6+at)(FRAME) // z(x)
#define LX(at) (32*8+at)(FRAME) // L(x)
#define NOT_FOURTH (32*10)(FRAME) // true in all rounds but every fourth

// sums.tails, for probit.
#define TAILS2 \
	VMOVUPD      ROW_D(0), A0  \
	VMOVUPD      ROW_D(32), A1 \
	VBROADCASTSD BIAS, L0      \
	VMOVAPD      L0, L1        \
	VMOVAPD      L0, E0        \
	VMOVAPD      L0, E1        \
	VFMSUB132PD  ROW_WP(0), A0, L0  \
	VFMSUB132PD  ROW_WP(32), A1, L1 \
	VFMADD132PD  ROW_WN(0), A0, E0  \
	VFMADD132PD  ROW_WN(32), A1, E1

// From z(x) in A to L(x), and dx/dz in L.
#define DX_DZ2 \
	VMOVAPD      A0, ZX(0)  \
	VMOVAPD      A1, ZX(32) \
	VMOVAPD      A0, L0     \
	VMOVAPD      A1, L1     \
	VMOVUPD      ROW_F(0), A0 \
	VMOVUPD      ROW_F(32), A1 \
	LOG2(EXPONENT_BIAS)     \
	VBROADCASTSD HALF, C0   \
	VMULPD       C0, L0, B0 \
	VMULPD       C0, L1, B1 \
	HORNER2(LN_SQRT_2PI_4, L0, B0, L1, B1) \
	VADDPD       B0, A0, A0 \
	VADDPD       B1, A1, A1 \
	VMOVAPD      A0, LX(0)  \
	VMOVAPD      A1, LX(32) \
	VBROADCASTSD SIGN, C0   \
	VXORPD       C0, A0, A0 \
	VXORPD       C0, A1, A1 \
	EXP2

// inverseTarget.residual, for one vector: z(x) - z in R0. Leaves z(x) in A0, d in A1, |z| in S0, 1 in C1 and ABS in C0.
// Clobbers B0, E0, O0 and S1.
#define RESIDUAL(at) \
	VMOVUPD      ROW_Z(at), O0        \
	VMOVAPD      ZX(at), A0       \
	VMOVUPD      ROW_D(at), A1    \
	VSUBPD       O0, A0, R0       \
	VBROADCASTSD HALF, C0         \
	VMOVUPD      ROW_WP(at), B0   \
	VSUBPD       C0, B0, B0       \
	VSUBPD       ROW_WN(at), C0, E0 \
	VSUBPD       ROW_Q(at), B0, B0    \
	VSUBPD       ROW_Q(at), E0, E0    \
	VMOVUPD      ROW_LOST(at), S0     \
	VADDPD       S0, B0, B0       \
	VSUBPD       S0, E0, E0       \
	VPXOR        S0, S0, S0       \
	VCMPPD       LESS_EQUAL, S0, O0, S0 \
	VBLENDVPD    S0, B0, E0, B0   \
	VBROADCASTSD UNBIAS, C1       \
	VFNMADD231PD C1, A1, B0       \ // Φ(z(x)) - Φ(z)
	VMULPD       ROW_INV_PHI(at), B0, B0 \ // g
	VMULPD       O0, O0, E0       \
	VBROADCASTSD THIRD, C1        \
	VBROADCASTSD SIXTH, S0        \
	VFMADD213PD  S0, C1, E0       \
	VMULPD       C0, O0, S0       \
	VFMADD213PD  S0, B0, E0       \
	VBROADCASTSD ONE, C1          \
	VFMADD213PD  C1, B0, E0       \
	VMULPD       B0, E0, E0       \ // the residual by Taylor's series
	VBROADCASTSD ABS, C0          \
	VBROADCASTSD INVERSE_SMALL, S1 \
	VANDPD       C0, B0, B0       \
	VANDPD       C0, O0, S0       \
	VCMPPD       LESS, S1, B0, B0 \
	VCMPPD       LESS_EQUAL, C1, S0, S1 \
	VANDPD       S1, B0, B0       \ // it is short and in the middle
	VBLENDVPD    B0, E0, R0, R0

// The step from x, after RESIDUAL, and what is known of it. B0 is the step, A0 the next x, E0 dL/dx; O0 is true in a gap,
// C0 where there is no other x, C1 unless the sample is left to the caller, S0 where the step is the last one. R0 stays.
#define STEP(dxdz, at) \
	VANDPD       C0, A1, A1         \
	VBROADCASTSD FAR_DENSITY, O0    \
	VCMPPD       GREATER_EQUAL, O0, A1, A1 \ // near
	VDIVPD       dxdz, C1, B0       \
	VMOVUPD      ROW_DF(at), E0     \
	VDIVPD       ROW_F(at), E0, E0  \
	VBROADCASTSD INV_C2, O0         \
	VMULPD       O0, E0, E0         \
	VFMADD231PD  B0, A0, E0         \
	VANDPD       A1, E0, E0         \ // dL/dx, 0 unless near
	VMULPD       dxdz, R0, B0       \
	VMULPD       E0, B0, S1         \
	VBROADCASTSD HALF, O0           \
	VFNMADD213PD C1, O0, S1         \ // the halving is exact
	VMAXPD       O0, S1, S1         \ // 1/2 for NaN
	VBROADCASTSD TWO, O0            \
	VMINPD       O0, S1, S1         \
	VDIVPD       S1, B0, B0         \ // the step
	VMOVUPD      ROW_X(at), A0      \
	VSUBPD       B0, A0, A0         \
	VBROADCASTSD MAX_FLOAT, O0      \
	VCMPPD       LESS_EQUAL, O0, S0, T0 \ // z is finite
	VBROADCASTSD INVERSE_NOISE, O0  \
	VMULPD       O0, S0, S0         \
	VMOVUPD      ROW_NARROW(at), O0 \
	VANDPD       C0, R0, S1         \
	VCMPPD       LESS_EQUAL, S0, S1, S1 \
	VMULPD       dxdz, S0, S0       \
	VCMPPD       GREATER, O0, S0, S0 \
	VANDPD       S0, S1, S1         \ // unresolved
	VANDNPD      T0, S1, T0         \
	VANDPD       C0, B0, S0         \
	VCMPPD       LESS_EQUAL, O0, S0, S0 \ // a short step
	VMULPD       B0, E0, S1         \
	VANDPD       C0, S1, S1         \
	VBROADCASTSD INVERSE_BEND, O0   \
	VCMPPD       NOT_LESS, O0, S1, S1 \
	VPXOR        C0, C0, C0         \
	VCMPPD       NOT_EQUAL, ROW_WP(at), C0, O0 \
	VCMPPD       NOT_EQUAL, ROW_WN(at), C0, C1 \
	VANDPD       O0, C1, C1         \ // components on both sides
	VANDNPD      C1, A1, O0         \ // and not near: in a gap
	VCMPPD       EQUAL, C0, R0, T1  \
	VANDPD       O0, T1, T1         \ // where z says no more
	VANDNPD      T0, T1, T0         \
	VANDNPD      S0, O0, S0         \
	VANDPD       S0, S1, S1         \ // L changes too much along the last step
	VANDNPD      T0, S1, T0         \
	VMOVUPD      ROW_LO(at), C0     \
	VCMPPD       EQUAL, ROW_HI(at), C0, C0 \
	VANDNPD      C1, C0, C1         \
	VORPD        A1, C1, C1         \ // near, or between components with a bracket to bisect
	VANDPD       T0, C1, C1         \
	VANDNPD      S0, C0, S0

// The bracket and the next x, after STEP: the other guess or the middle, where the step would lead outside, and in gaps.
// Where there is no number left x is the result. A done sample's bit goes to R9.
#define NEXT(at) \
	VBROADCASTSD SIGN, T0           \
	VXORPD       LX(at), T0, T0     \ // -L
	VFMADD213PD  T0, E0, B0         \ // along the last step
	VBLENDVPD    S0, B0, T0, T0     \
	VMOVUPD      T0, ROW_L(at)      \
	VPXOR        S1, S1, S1         \
	VCMPPD       GREATER, S1, R0, S1 \
	VMOVUPD      ROW_X(at), E0      \
	VMOVUPD      ROW_LO(at), B0     \
	VMOVUPD      ROW_HI(at), A1     \
	VBLENDVPD    S1, B0, E0, B0     \ // lo
	VBLENDVPD    S1, E0, A1, A1     \ // hi
	VMOVUPD      B0, ROW_LO(at)     \
	VMOVUPD      A1, ROW_HI(at)     \
	VCMPPD       LESS, A0, B0, R0   \
	VCMPPD       LESS, A1, A0, S1   \
	VANDPD       S1, R0, R0         \
	VANDNPD      R0, O0, R0         \ // the step stays inside
	VSUBPD       B0, A1, S1         \
	VMOVUPD      ROW_WIDTH(at), T0  \
	VBROADCASTSD QUARTER, T1        \
	VMULPD       T0, T1, T1         \
	VCMPPD       LESS_EQUAL, T1, S1, T1 \
	VMOVAPD      NOT_FOURTH, T2     \
	VBLENDVPD    T2, T0, S1, T0     \
	VMOVUPD      T0, ROW_WIDTH(at)  \
	VORPD        T2, T1, T1         \ // the bracket has shrunk
	VANDPD       T1, R0, R0         \
	VORPD        S0, R0, R0         \ // or the sample is done
	VBROADCASTSD HALF, T0           \
	VMULPD       T0, B0, T1         \
	VMULPD       T0, A1, T0         \
	VADDPD       T0, T1, T1         \ // the middle
	VMOVUPD      ROW_OTHER(at), T0  \
	VCMPPD       LESS, T0, B0, T2   \
	VCMPPD       LESS, A1, T0, S1   \
	VANDPD       S1, T2, T2         \
	VBLENDVPD    T2, T0, T1, T1     \
	VBLENDVPD    R0, A0, T1, A0     \
	VCMPPD       LESS_EQUAL, B0, T1, B0 \
	VCMPPD       GREATER_EQUAL, A1, T1, A1 \
	VORPD        A1, B0, B0         \
	VANDNPD      B0, R0, B0         \ // no number left
	VANDPD       B0, O0, O0         \ // in a gap
	VORPD        C0, B0, B0         \
	VBLENDVPD    B0, E0, A0, A0     \
	VORPD        S0, B0, B0         \
	VPCMPEQQ     T0, T0, T0         \
	VXORPD       T0, C1, C1         \
	VORPD        O0, C1, C1         \ // left to the caller
	VORPD        C1, A0, A0         \ // NaN
	VORPD        C1, B0, B0         \ // done
	VMOVUPD      A0, ROW_X(at)      \
	VMOVUPD      B0, ROW_DONE(at)   \
	VMOVMSKPD    B0, R12            \
	ORL          R12, R9

#define T0 B1
#define T1 E1
#define T2 O1

// func MixtureInverseSolveAVX2(t *MixtureArgs, fourth bool) (done bool)
TEXT ·MixtureInverseSolveAVX2(SB), NOSPLIT, $384-17
	ARGUMENTS
	MOVBLZX      fourth+8(FP), R12
	DECQ         R12
	MOVQ         R12, X0
	VPBROADCASTQ X0, Y0
	VMOVDQA      Y0, NOT_FOURTH
	XORL         R9, R9 // samples that are done

samples:
	TAILS2
	PROBIT_CENTRE2
	TESTL R12, R12
	JZ    centre
	PROBIT_TAIL2

centre:
	DX_DZ2
	RESIDUAL(0)
	STEP(L0, 0)
	NEXT(0)
	RESIDUAL(32)
	STEP(L1, 32)
	NEXT(32)
	ADDQ  $64, DI
	AGAIN(samples)
	TESTL R9, R9
	SETNE done+16(FP)
	VZEROUPPER
	RET
