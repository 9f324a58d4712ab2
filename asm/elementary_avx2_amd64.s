//go:build !purego

// Exponential, logarithm, tanh (kernels/ref_arithmetic.go, kernels/ref_normal.go), and what makes a mixture of stored parameters
// (kernels/activation.go): softmax over the components, exp(bound·tanh(raw)) and its gradient.
//
// Requires: AVX2, FMA.
//
// Two vectors, 8 numbers, at a time.
// FMA pipe per vector: exp 16, log 13 and a division, tanh 26 and a division.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx2_amd64.h"

// tanh: h = tanh(x) in L for x in O, which stays. Near 0, x + x³·N/D; elsewhere 1 - 2/(e^2x+1); one division serves both.
// Clobbers all but O.
#define TANH2 \
	VBROADCASTSD ABS, C0          \
	VANDPD       C0, O0, A0       \
	VANDPD       C0, O1, A1       \
	VBROADCASTSD TANH_MOST, C0    \
	VMINPD       A0, C0, A0       \ // NaN stays
	VMINPD       A1, C0, A1       \
	VADDPD       A0, A0, A0       \
	VADDPD       A1, A1, A1       \
	EXP2                          \
	VBROADCASTSD ONE, C1          \
	VADDPD       C1, L0, L0       \ // denominator
	VADDPD       C1, L1, L1       \
	VMULPD       O0, O0, S0       \ // y = x²
	VMULPD       O1, O1, S1       \
	BOTH(TANH_P_4(2), B0, B1)  \
	BOTH(TANH_Q_4(3), E0, E1)  \
	HORNER2(TANH_P_4(1), S0, B0, S1, B1) \
	HORNER2(TANH_Q_4(2), S0, E0, S1, E1) \
	HORNER2(TANH_P_4(0), S0, B0, S1, B1) \
	HORNER2(TANH_Q_4(1), S0, E0, S1, E1) \
	HORNER2(TANH_Q_4(0), S0, E0, S1, E1) \
	VBROADCASTSD ABS, C0          \
	VANDPD       C0, O0, R0       \
	VANDPD       C0, O1, R1       \
	VMULPD       S0, R0, A0       \
	VMULPD       S1, R1, A1       \
	VMULPD       B0, A0, A0       \
	VMULPD       B1, A1, A1       \
	VBROADCASTSD TANH_CUT, C0     \
	VCMPPD       LESS, C0, R0, S0 \
	VCMPPD       LESS, C0, R1, S1 \
	VBLENDVPD    S0, E0, L0, L0   \
	VBLENDVPD    S1, E1, L1, L1   \
	VBROADCASTSD TWO, B0          \
	VBROADCASTSD SIGN, C0         \
	VXORPD       C0, B0, B0       \ // numerator
	VBLENDVPD    S0, A0, B0, A0   \
	VBLENDVPD    S1, A1, B0, A1   \
	VBLENDVPD    S0, R0, C1, R0   \ // base
	VBLENDVPD    S1, R1, C1, R1   \
	VDIVPD       L0, A0, L0       \
	VDIVPD       L1, A1, L1       \
	VADDPD       L0, R0, L0       \
	VADDPD       L1, R1, L1       \
	VANDPD       O0, C0, A0       \ // C0 is SIGN
	VANDPD       O1, C0, A1       \
	VORPD        A0, L0, L0       \
	VORPD        A1, L1, L1

// func ExpAVX2(dst, x *float64, n int)
TEXT ·ExpAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX

numbers:
	VMOVUPD (SI), A0
	VMOVUPD 32(SI), A1
	EXP2
	VMOVUPD L0, (DI)
	VMOVUPD L1, 32(DI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $8, CX
	JNZ     numbers
	VZEROUPPER
	RET

// The logarithm r of x where x is not an ordinary number.
#define LOG_ENDS(x, r) \
	VPXOR        S0, S0, S0          \
	VCMPPD       NOT_GREATER_EQUAL, S0, x, C0 \
	VORPD        C0, r, r            \ // NaN below zero
	VBROADCASTSD INFINITY, C1        \
	VCMPPD       EQUAL, C1, x, C0    \
	VBLENDVPD    C0, C1, r, r        \
	VBROADCASTSD SIGN, C0            \
	VXORPD       C0, C1, C1          \
	VCMPPD       EQUAL, S0, x, C0    \
	VBLENDVPD    C0, C1, r, r

// func LogAVX2(dst, x *float64, n int)
TEXT ·LogAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX

numbers:
	VMOVUPD      (SI), A0
	VMOVUPD      32(SI), A1
	VBROADCASTSD MIN_NORMAL, C0 // below it scaled up, with k to match
	VCMPPD       LESS, C0, A0, L0
	VCMPPD       LESS, C0, A1, L1
	VBROADCASTSD TWO_54, C0
	VMULPD       C0, A0, B0
	VMULPD       C0, A1, B1
	VBLENDVPD    L0, B0, A0, A0
	VBLENDVPD    L1, B1, A1, A1
	VBROADCASTSD EXPONENT, C0
	VBROADCASTSD EXPONENT_54, C1
	VBLENDVPD    L0, C1, C0, L0
	VBLENDVPD    L1, C1, C0, L1
	LOG_SPLIT2
	VSUBPD       L0, B0, B0
	VSUBPD       L1, B1, B1
	LOG_SUM2
	VMOVUPD      (SI), L0
	VMOVUPD      32(SI), L1
	LOG_ENDS(L0, A0)
	LOG_ENDS(L1, A1)
	VMOVUPD      A0, (DI)
	VMOVUPD      A1, 32(DI)
	ADDQ         $64, SI
	ADDQ         $64, DI
	SUBQ         $8, CX
	JNZ          numbers
	VZEROUPPER
	RET

// func TanhAVX2(dst, x *float64, n int)
TEXT ·TanhAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX

numbers:
	VMOVUPD (SI), O0
	VMOVUPD 32(SI), O1
	TANH2
	VMOVUPD L0, (DI)
	VMOVUPD L1, 32(DI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $8, CX
	JNZ     numbers
	VZEROUPPER
	RET

// func BoundedExpAVX2(dst, raw *float64, n int, bound float64)
TEXT ·BoundedExpAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ raw+8(FP), SI
	MOVQ n+16(FP), CX

numbers:
	VMOVUPD      (SI), O0
	VMOVUPD      32(SI), O1
	TANH2
	VBROADCASTSD bound+24(FP), C0
	VMULPD       L0, C0, A0
	VMULPD       L1, C0, A1
	EXP2
	VMOVUPD      L0, (DI)
	VMOVUPD      L1, 32(DI)
	ADDQ         $64, SI
	ADDQ         $64, DI
	SUBQ         $8, CX
	JNZ          numbers
	VZEROUPPER
	RET

// func BoundedExpBackwardAVX2(dRaw, dLogScale, raw *float64, n int, bound float64)
TEXT ·BoundedExpBackwardAVX2(SB), NOSPLIT, $0-40
	MOVQ dRaw+0(FP), DI
	MOVQ dLogScale+8(FP), BX
	MOVQ raw+16(FP), SI
	MOVQ n+24(FP), CX

numbers:
	VMOVUPD      (SI), O0
	VMOVUPD      32(SI), O1
	TANH2
	VBROADCASTSD ONE, C0
	VBROADCASTSD bound+32(FP), C1
	VSUBPD       L0, C0, A0
	VSUBPD       L1, C0, A1
	VADDPD       L0, C0, L0
	VADDPD       L1, C0, L1
	VMULPD       L0, A0, A0
	VMULPD       L1, A1, A1
	VMULPD       (BX), C1, B0
	VMULPD       32(BX), C1, B1
	VMULPD       A0, B0, B0
	VMULPD       A1, B1, B1
	VMOVUPD      B0, (DI)
	VMOVUPD      B1, 32(DI)
	ADDQ         $64, SI
	ADDQ         $64, BX
	ADDQ         $64, DI
	SUBQ         $8, CX
	JNZ          numbers
	VZEROUPPER
	RET

// func SoftmaxAVX2(p *SoftmaxArgs)
TEXT ·SoftmaxAVX2(SB), NOSPLIT, $64-8
	MOVQ p+0(FP), AX
	MOVQ SoftmaxArgs_N(AX), CX
	MOVQ SoftmaxArgs_Src(AX), SI
	MOVQ SoftmaxArgs_Dst(AX), DI
	MOVQ SoftmaxArgs_Stride(AX), R8
	MOVQ SoftmaxArgs_DstStride(AX), R9
	SHLQ $3, R8
	SHLQ $3, R9

samples:
	MOVQ    SoftmaxArgs_K(AX), DX
	MOVQ    SI, R10
	VMOVUPD (R10), O0 // the largest
	VMOVUPD 32(R10), O1

largest:
	VMAXPD (R10), O0, O0   // a NaN may get lost here, but not from the sum
	VMAXPD 32(R10), O1, O1
	ADDQ   R8, R10
	DECQ   DX
	JNZ    largest

	MOVQ  SoftmaxArgs_K(AX), DX
	MOVQ  SI, R10
	MOVQ  DI, R11
	VBROADCASTSD ONE, S0 // the sum, and 1
	VMOVAPD      S0, S1
	VPXOR        C0, C0, C0
	VMOVUPD      C0, lost-64(SP)
	VMOVUPD      C0, lost-32(SP)

exponential:
	VMOVUPD (R10), A0
	VMOVUPD 32(R10), A1
	VSUBPD  O0, A0, A0
	VSUBPD  O1, A1, A1
	EXP_BELOW2
	VMOVUPD L0, (R11)
	VMOVUPD L1, 32(R11)
	VADDPD  L0, S0, B0
	VADDPD  L1, S1, B1
	VSUBPD  S0, B0, E0
	VSUBPD  S1, B1, E1
	VSUBPD  E0, L0, L0 // what the addition lost
	VSUBPD  E1, L1, L1
	VADDPD  lost-64(SP), L0, L0
	VADDPD  lost-32(SP), L1, L1
	VMOVUPD L0, lost-64(SP)
	VMOVUPD L1, lost-32(SP)
	VMOVAPD B0, S0
	VMOVAPD B1, S1
	ADDQ    R8, R10
	ADDQ    R9, R11
	DECQ    DX
	JNZ     exponential

	VBROADCASTSD ONE, C0
	VSUBPD       C0, S0, S0
	VSUBPD       C0, S1, S1
	VADDPD       lost-64(SP), S0, S0
	VADDPD       lost-32(SP), S1, S1
	VDIVPD       S0, C0, S0
	VDIVPD       S1, C0, S1
	MOVQ SoftmaxArgs_K(AX), DX
	MOVQ DI, R11

weight:
	VMULPD  (R11), S0, A0
	VMULPD  32(R11), S1, A1
	VMOVUPD A0, (R11)
	VMOVUPD A1, 32(R11)
	ADDQ    R9, R11
	DECQ    DX
	JNZ     weight

	ADDQ $64, SI
	ADDQ $64, DI
	SUBQ $8, CX
	JNZ  samples
	VZEROUPPER
	RET
