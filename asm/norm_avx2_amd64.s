//go:build !purego

// The normal distribution (kernels/ref_normal.go): Φ(-|x|) = φ(x)·R(|x|), one exponential and one rational function.
//
// Requires: AVX2, FMA.
//
// Two vectors, 8 numbers, at a time, with the steps of the mixture's inner loop and their register map.
// FMA pipe per vector: Φ 37 FMA or multiply, 1 division.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx2_amd64.h"

// What log Φ keeps of x.
#define X0 (32*6)(FRAME)
#define X1 (32*7)(FRAME)
#define BELOW0 (32*8)(FRAME) // where x < 0
#define BELOW1 (32*9)(FRAME)
#define HELD0 (32*10)(FRAME) // |v|, held where x ≥ 0
#define HELD1 (32*11)(FRAME)

#define ARGUMENTS \
	MOVQ dst+0(FP), DI \
	MOVQ x+8(FP), SI   \
	MOVQ n+16(FP), CX  \
	ALIGN_FRAME

#define LOAD(x0, x1) \
	VMOVUPD (SI), x0 \
	VMOVUPD 32(SI), x1

// NaN where x is, and on to the next numbers.
#define STORE(r0, r1) \
	LOAD(C0, C1)                  \
	VCMPPD  UNORDERED, C0, C0, C0 \
	VCMPPD  UNORDERED, C1, C1, C1 \
	VORPD   C0, r0, r0 \
	VORPD   C1, r1, r1 \
	VMOVUPD r0, (DI)   \
	VMOVUPD r1, 32(DI) \
	ADDQ    $64, SI    \
	ADDQ    $64, DI    \
	SUBQ    $8, CX

// normTail: v = C·x in R and its residual in L, x in O.
#define NORM_BASE2 \
	VBROADCASTSD C_HI, C0   \
	VBROADCASTSD C_LO, C1   \
	VMULPD       C0, O0, R0 \
	VMULPD       C0, O1, R1 \
	VMOVAPD      R0, L0     \
	VMOVAPD      R1, L1     \
	VFMSUB231PD  C0, O0, L0 \
	VFMSUB231PD  C0, O1, L1 \
	VFMADD231PD  C1, O0, L0 \
	VFMADD231PD  C1, O1, L1

// Φ(-|x|) in L, from what EXP_MILLS2 leaves.
#define NORM_TAIL2 \
	VMULPD       L0, B0, L0 \
	VMULPD       L1, B1, L1 \
	VBROADCASTSD UNBIAS, C0 \
	VMULPD       C0, L0, L0 \
	VMULPD       C0, L1, L1

// Φ in A: 1 less the tail where x is positive.
#define NORM_CDF2 \
	NORM_BASE2 \
	GAUSS2     \
	NORM_TAIL2 \
	VBROADCASTSD ONE, C1    \
	VSUBPD       L0, C1, A0 \
	VSUBPD       L1, C1, A1 \
	VMOVAPD      V0, C0     \
	VMOVAPD      V1, C1     \
	VBLENDVPD    C0, L0, A0, A0 \
	VBLENDVPD    C1, L1, A1, A1

// Φ where no |x| is beyond NormNear: nothing is clamped, nothing needs a bias, and nothing goes to the frame. While a pair of
// vectors is at its quotients, the next begins: NEAR_BASE2 leaves its u in M, u² in S and the exponential's argument in R.

// R9 is 0 if an |x| is beyond NormNear, or NaN. Leaves B and E alone.
#define NEAR_BASE2(at) \
	VMOVUPD      (at), O0     \
	VMOVUPD      32(at), O1   \
	VPSLLQ       $1, O0, O0   \ // |x|; shifts leave the pipes of the multiply-adds alone
	VPSLLQ       $1, O1, O1   \
	VPSRLQ       $1, O0, O0   \
	VPSRLQ       $1, O1, O1   \
	VCMPPD       NOT_LESS_EQUAL, NORM_NEAR_4, O0, A0 \
	VCMPPD       NOT_LESS_EQUAL, NORM_NEAR_4, O1, A1 \
	VORPD        A0, A1, A0   \
	VTESTPD      A0, A0       \
	SETEQ        R9           \
	VMULPD       C_HI_4, O0, M0 \
	VMULPD       C_HI_4, O1, M1 \
	VMOVAPD      O0, A0       \
	VMOVAPD      O1, A1       \
	VFMSUB132PD  C_HI_4, M0, A0 \
	VFMSUB132PD  C_HI_4, M1, A1 \
	VMULPD       M0, M0, S0   \
	VMULPD       M1, M1, S1   \
	VMOVUPD      NEAREST_4, R1 \
	VFMADD231PD  C_LO_4, O0, A0 \ // the residual
	VFMADD231PD  C_LO_4, O1, A1 \
	VSUBPD       S0, R1, R0   \
	VSUBPD       S1, R1, R1   \
	VSUBPD       NEAREST_4, R0, R0 \ // -u², rounded to an integer
	VSUBPD       NEAREST_4, R1, R1 \
	VFNMSUB231PD M0, M0, R0   \
	VFNMSUB231PD M1, M1, R1   \
	VADDPD       A0, A0, A0   \
	VADDPD       A1, A1, A1   \
	VFNMADD231PD A0, M0, R0   \
	VFNMADD231PD A1, M1, R1

// Φ of 8 numbers at a time; signs makes sign bits in O, from those in O1, where the result is the tail itself, not 1 less it.
#define NORM_CDF_KERNEL(signs) \
	ARGUMENTS             \
start:                    \
	NEAR_BASE2(SI)        \
	TESTB        R9, R9   \
	JEQ          far      \
	LEAN_EXP2             \
	PCALIGN      $64      \
near:                     \
	LEAN_GAUSS2(NEAREST_4)           \
	LEAQ         64(SI), R8 \
	CMPQ         CX, $8     \
	CMOVQEQ      SI, R8     \ // at the end, the last numbers again
	NEAR_BASE2(R8)          \
	VPADDQ       E0, L0, L0 \
	VPADDQ       E1, L1, L1 \
	VMOVUPD      SIGN_4, O1 \
	VMOVUPD      HALF_4, A1 \
	signs                   \
	VMULPD       L0, B0, B0 \ // Φ(-|x|)
	VMULPD       L1, B1, B1 \
	VORPD        O0, B0, B0 \
	VORPD        O1, B1, B1 \
	VORPD        A1, O0, O0 \
	VORPD        A1, O1, O1 \
	VADDPD       A1, O0, O0 \ // 1, or 0 below zero
	VADDPD       A1, O1, O1 \
	LEAN_EXP2               \
	VSUBPD       B0, O0, O0 \
	VSUBPD       B1, O1, O1 \
	VMOVUPD      O0, (DI)   \
	VMOVUPD      O1, 32(DI) \
	ADDQ         $64, SI    \
	ADDQ         $64, DI    \
	SUBQ         $8, CX     \
	JEQ          done       \
	TESTB        R9, R9     \
	JNE          near       \
far:

#define SIGNS_CDF \
	VANDPD (SI), O1, O0   \
	VANDPD 32(SI), O1, O1

#define SIGNS_SF \
	VXORPD (SI), O1, O0   \
	VXORPD 32(SI), O1, A0 \
	VANDPD O0, O1, O0     \
	VANDPD A0, O1, O1

// func NormCDFAVX2(dst, x *float64, n int)
TEXT ·NormCDFAVX2(SB), NOSPLIT, $224-24
	NORM_CDF_KERNEL(SIGNS_CDF)
	LOAD(O0, O1)
	NORM_CDF2
	STORE(A0, A1)
	JNE  start

done:
	VZEROUPPER
	RET

// func NormSFAVX2(dst, x *float64, n int)
TEXT ·NormSFAVX2(SB), NOSPLIT, $224-24
	NORM_CDF_KERNEL(SIGNS_SF)
	VBROADCASTSD SIGN, C0
	VXORPD       (SI), C0, O0
	VXORPD       32(SI), C0, O1
	NORM_CDF2
	STORE(A0, A1)
	JNE          start

done:
	VZEROUPPER
	RET

// func NormPDFAVX2(dst, x *float64, n int)
TEXT ·NormPDFAVX2(SB), NOSPLIT, $224-24
	ARGUMENTS

numbers:
	LOAD(O0, O1)
	NORM_BASE2
	VBROADCASTSD V_MAX, C1
	CLAMP2(C1, C1)
	EXPONENT2
	ALPHA_EXP2
	VBROADCASTSD PDF_SCALE, C0
	VMULPD       C0, L0, L0
	VMULPD       C0, L1, L1
	VBROADCASTSD UNBIAS, C0
	VMULPD       C0, L0, L0
	VMULPD       C0, L1, L1
	STORE(L0, L1)
	JNZ          numbers
	VZEROUPPER
	RET

// Below zero log Φ is log R(|x|) - x²/2, from there on log1p(-q), q = Φ(-x). Both are the logarithm of a number in A, plus
// something small in L, less x²/2 or nothing.

// func NormLogCDFAVX2(dst, x *float64, n int)
TEXT ·NormLogCDFAVX2(SB), NOSPLIT, $416-24
	ARGUMENTS

	PCALIGN      $64

numbers:
	NEAR_BASE2(SI)
	TESTB        R9, R9
	JEQ          far
	LEAN_EXP2
	LEAN_GAUSS2(NEAREST_4)
	VPADDQ       E0, L0, L0
	VPADDQ       E1, L1, L1
	VMULPD       L0, B0, L0         // q
	VMULPD       L1, B1, L1
	VBROADCASTSD ONE, C1
	VSUBPD       L0, C1, E0         // a = 1-q
	VSUBPD       L1, C1, E1
	VSUBPD       E0, C1, O0
	VSUBPD       E1, C1, O1
	VSUBPD       L0, O0, O0
	VSUBPD       L1, O1, O1
	VDIVPD       E0, O0, O0         // what a lacks
	VDIVPD       E1, O1, O1
	VBROADCASTSD ALPHA, C0
	VMULPD       C0, B0, B0         // R
	VMULPD       C0, B1, B1
	LOAD(R0, R1)
	VBLENDVPD    R0, B0, E0, A0     // of zeros either will do
	VBLENDVPD    R1, B1, E1, A1
	VBROADCASTSD HALF, C1
	VMULPD       C1, R0, L0
	VMULPD       C1, R1, L1
	VMULPD       L0, R0, E0         // x²/2
	VMULPD       L1, R1, E1
	VFNMADD213PD E0, R0, L0         // what it lacks, the sign turned
	VFNMADD213PD E1, R1, L1
	VBLENDVPD    R0, L0, O0, L0
	VBLENDVPD    R1, L1, O1, L1
	LOG2(EXPONENT)
	VADDPD       L0, A0, A0
	VADDPD       L1, A1, A1
	LOAD(R0, R1)
	VPXOR        C0, C0, C0
	VMINPD       C0, R0, E0
	VMINPD       C0, R1, E1
	VMULPD       C1, E0, R0         // C1 is HALF
	VMULPD       C1, E1, R1
	VMULPD       R0, E0, R0
	VMULPD       R1, E1, R1
	VSUBPD       R0, A0, A0
	VSUBPD       R1, A1, A1
	VMOVUPD      A0, (DI)
	VMOVUPD      A1, 32(DI)
	ADDQ         $64, SI
	ADDQ         $64, DI
	SUBQ         $8, CX
	JNZ          numbers
	VZEROUPPER
	RET

far:
	LOAD(O0, O1)
	VMOVAPD      O0, X0
	VMOVAPD      O1, X1
	NORM_BASE2
	VPXOR        C0, C0, C0
	VCMPPD       LESS, C0, O0, E0
	VCMPPD       LESS, C0, O1, E1
	VMOVAPD      E0, BELOW0
	VMOVAPD      E1, BELOW1
	VBROADCASTSD V_MAX, C0
	VBROADCASTSD MILLS_STILL, C1
	VBLENDVPD    E0, C1, C0, O0
	VBLENDVPD    E1, C1, C0, O1
	CLAMP2(O0, O1)
	VANDPD       V0, C0, O0         // C0 is ABS
	VANDPD       V1, C0, O1
	VBLENDVPD    E0, O0, A0, O0
	VBLENDVPD    E1, O1, A1, O1
	VMOVAPD      O0, HELD0
	VMOVAPD      O1, HELD1
	EXPONENT2
	EXP_MILLS2(HELD0, HELD1)
	NORM_TAIL2                      // q
	VBROADCASTSD ONE, C1
	VSUBPD       L0, C1, E0         // a = 1-q
	VSUBPD       L1, C1, E1
	VSUBPD       E0, C1, O0
	VSUBPD       E1, C1, O1
	VSUBPD       L0, O0, O0
	VSUBPD       L1, O1, O1
	VDIVPD       E0, O0, O0         // what a lacks
	VDIVPD       E1, O1, O1
	VBROADCASTSD ALPHA, C0
	VMULPD       C0, B0, B0         // R
	VMULPD       C0, B1, B1
	VMOVAPD      BELOW0, S0
	VMOVAPD      BELOW1, S1
	VBLENDVPD    S0, B0, E0, A0
	VBLENDVPD    S1, B1, E1, A1
	VMOVAPD      X0, R0
	VMOVAPD      X1, R1
	VBROADCASTSD HALF, C1
	VMULPD       C1, R0, L0
	VMULPD       C1, R1, L1
	VMULPD       L0, R0, E0         // x²/2
	VMULPD       L1, R1, E1
	VFNMADD213PD E0, L0, R0         // what it lacks, the sign turned
	VFNMADD213PD E1, L1, R1
	VBLENDVPD    S0, R0, O0, L0
	VBLENDVPD    S1, R1, O1, L1
	LOG2(EXPONENT)
	VADDPD       L0, A0, A0
	VADDPD       L1, A1, A1
	VMOVAPD      X0, R0
	VMOVAPD      X1, R1
	VMULPD       C1, R0, E0         // C1 is HALF
	VMULPD       C1, R1, E1
	VMULPD       E0, R0, R0
	VMULPD       E1, R1, R1
	VANDPD       BELOW0, R0, R0
	VANDPD       BELOW1, R1, R1
	VSUBPD       R0, A0, A0
	VSUBPD       R1, A1, A1
	VBROADCASTSD MAX_FLOAT, C0
	VCMPPD       GREATER, C0, R0, E0
	VCMPPD       GREATER, C0, R1, E1
	VBROADCASTSD SIGN, C0
	VXORPD       C0, R0, R0         // -Inf
	VXORPD       C0, R1, R1
	VBLENDVPD    E0, R0, A0, A0
	VBLENDVPD    E1, R1, A1, A1
	STORE(A0, A1)
	JNZ          numbers
	VZEROUPPER
	RET

// The ends of probit: ±Inf at 0 and 1, NaN outside.
#define ENDS(x, z) \
	VPXOR        S0, S0, S0        \
	VBROADCASTSD ONE, S1           \
	VBROADCASTSD INFINITY, C0      \
	VCMPPD       EQUAL, S1, x, C1  \
	VBLENDVPD    C1, C0, z, z      \
	VBROADCASTSD SIGN, C1          \
	VXORPD       C1, C0, C0        \
	VCMPPD       EQUAL, S0, x, C1  \
	VBLENDVPD    C1, C0, z, z      \
	VCMPPD       NOT_GREATER_EQUAL, S0, x, C1 \
	VORPD        C1, z, z          \
	VCMPPD       NOT_LESS_EQUAL, S1, x, C1 \
	VORPD        C1, z, z

// func NormQuantileAVX2(dst, x *float64, n int)
TEXT ·NormQuantileAVX2(SB), NOSPLIT, $224-24
	ARGUMENTS

numbers:
	LOAD(L0, L1)
	VBROADCASTSD ONE, C0
	VSUBPD       L0, C0, E0
	VSUBPD       L1, C0, E1
	VBROADCASTSD BIAS, C0
	VMULPD       C0, L0, L0
	VMULPD       C0, L1, L1
	VMULPD       C0, E0, E0
	VMULPD       C0, E1, E1
	PROBIT_CENTRE2
	TESTL        R12, R12
	JZ           ends
	PROBIT_TAIL2

ends:
	LOAD(L0, L1)
	ENDS(L0, A0)
	ENDS(L1, A1)
	STORE(A0, A1)
	JNZ  numbers
	VZEROUPPER
	RET
