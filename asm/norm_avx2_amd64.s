//go:build !purego

// The normal distribution (kernels/ref_normal.go): Φ(-|x|) = φ(x)·R(|x|), one exponential and one rational function.
//
// Requires: AVX2, FMA.
//
// Two vectors, 8 numbers, at a time, with the steps of the mixture's inner loop and their register map.
// FMA pipe per vector: Φ 42 FMA or multiply, 1 division.
// Φ takes 1.27 times what two such pipes need (make bench, Zen 5).

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx2_amd64.h"

// What log Φ keeps of x.
#define X0 (32*6)(FRAME)
#define X1 (32*7)(FRAME)
#define BELOW0 (32*8)(FRAME) // where x < 0
#define BELOW1 (32*9)(FRAME)
#define T0 (32*10)(FRAME) // |v|, held where x ≥ 0
#define T1 (32*11)(FRAME)

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

// func NormCDFAVX2(dst, x *float64, n int)
TEXT ·NormCDFAVX2(SB), NOSPLIT, $224-24
	ARGUMENTS

numbers:
	LOAD(O0, O1)
	NORM_CDF2
	STORE(A0, A1)
	JNZ numbers
	VZEROUPPER
	RET

// func NormSFAVX2(dst, x *float64, n int)
TEXT ·NormSFAVX2(SB), NOSPLIT, $224-24
	ARGUMENTS

numbers:
	VBROADCASTSD SIGN, C0
	VXORPD       (SI), C0, O0
	VXORPD       32(SI), C0, O1
	NORM_CDF2
	STORE(A0, A1)
	JNZ          numbers
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

numbers:
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
	VMOVAPD      O0, T0
	VMOVAPD      O1, T1
	EXPONENT2
	EXP_MILLS2(T0, T1)
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
