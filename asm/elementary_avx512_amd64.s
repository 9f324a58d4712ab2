//go:build !purego

// Exponential, logarithm, tanh (kernels/ref_arithmetic.go, kernels/ref_normal.go), and what makes a mixture of stored parameters
// (kernels/activation.go): softmax over the components, exp(bound·tanh(raw)) and its gradient.
//
// Requires: AVX512F, AVX512DQ, AVX512VL, AVX512BW.
//
// A vector of 8 numbers at a time; consecutive ones overlap in the processor.
// FMA pipe per vector: exp 15, log 13 and a division, tanh 26 and a division.
// exp takes 1.66 times, log 2.97 times what two such pipes need (make bench, Zen 5).

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx512_amd64.h"

// tanh: h = tanh(x) for x in Z0, which stays. Near 0, x + x³·N/D; elsewhere 1 - 2/(e^2x+1); one division serves both.
// Clobbers Z1-Z9.
#define TANH(h) \
	VPANDQ.BCST      ABS, Z0, Z1          \
	VCMPPD.BCST      LESS, TANH_CUT, Z1, K1 \
	VBROADCASTSD     TANH_MOST, Z2        \
	VMINPD           Z1, Z2, Z2           \ // NaN stays
	VADDPD           Z2, Z2, Z2           \
	EXP(Z2, Z3, Z4, Z5)                   \
	VADDPD.BCST      ONE, Z2, Z2          \ // denominator
	VBROADCASTSD     ONE, Z3              \ // base
	VBROADCASTSD     TWO, Z4              \
	VPXORQ.BCST      SIGN, Z4, Z4         \ // numerator
	VMULPD           Z0, Z0, Z5           \ // x²
	VBROADCASTSD     ·TanhP+8*2(SB), Z6   \
	VFMADD213PD.BCST ·TanhP+8*1(SB), Z5, Z6 \
	VFMADD213PD.BCST ·TanhP+8*0(SB), Z5, Z6 \
	VBROADCASTSD     ·TanhQ+8*3(SB), Z7   \
	VFMADD213PD.BCST ·TanhQ+8*2(SB), Z5, Z7 \
	VFMADD213PD.BCST ·TanhQ+8*1(SB), Z5, Z7 \
	VFMADD213PD.BCST ·TanhQ+8*0(SB), Z5, Z7 \
	VMULPD           Z5, Z1, Z8           \
	VMULPD           Z6, Z8, K1, Z4       \
	VMOVAPD          Z7, K1, Z2           \
	VMOVAPD          Z1, K1, Z3           \
	VDIVPD           Z2, Z4, Z4           \
	VADDPD           Z4, Z3, h            \
	VPTERNLOGQ.BCST  OR_SIGN, SIGN, Z0, h

// func ExpAVX512(dst, x *float64, n int)
TEXT ·ExpAVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX

vector:
	VMOVUPD (SI), Z0
	EXP(Z0, Z1, Z2, Z3)
	VMOVUPD Z0, (DI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $8, CX
	JNZ     vector
	VZEROUPPER
	RET

// func LogAVX512(dst, x *float64, n int)
TEXT ·LogAVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX

vector:
	VMOVUPD      (SI), Z0
	VMOVAPD      Z0, Z6
	VPXORQ       Z1, Z1, Z1
	VCMPPD.BCST  LESS, MIN_NORMAL, Z0, K1 // subnormal: scaled up, with k to match
	VMULPD.BCST  TWO_54, Z0, K1, Z0
	VBROADCASTSD MINUS_54, K1, Z1
	LOG(Z0, Z1, Z2, Z3, Z4, Z5)
	VPTERNLOGQ   $0xFF, Z2, Z2, Z2
	VPXORQ       Z1, Z1, Z1
	VCMPPD       NOT_GREATER_EQUAL, Z1, Z6, K1
	VMOVAPD      Z2, K1, Z0           // NaN below zero
	VCMPPD       EQUAL, Z1, Z6, K1
	VPSLLQ       $52, Z2, K1, Z0      // -Inf
	VCMPPD.BCST  GREATER, MAX_FLOAT, Z6, K1
	VMOVAPD      Z6, K1, Z0           // Inf
	VMOVUPD      Z0, (DI)
	ADDQ         $64, SI
	ADDQ         $64, DI
	SUBQ         $8, CX
	JNZ          vector
	VZEROUPPER
	RET

// func TanhAVX512(dst, x *float64, n int)
TEXT ·TanhAVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX

vector:
	VMOVUPD (SI), Z0
	TANH(Z9)
	VMOVUPD Z9, (DI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $8, CX
	JNZ     vector
	VZEROUPPER
	RET

// func BoundedExpAVX512(dst, raw *float64, n int, bound float64)
TEXT ·BoundedExpAVX512(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         raw+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSD bound+24(FP), Z10

vector:
	VMOVUPD (SI), Z0
	TANH(Z9)
	VMULPD  Z10, Z9, Z9
	EXP(Z9, Z1, Z2, Z3)
	VMOVUPD Z9, (DI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $8, CX
	JNZ     vector
	VZEROUPPER
	RET

// func BoundedExpBackwardAVX512(dRaw, dLogScale, raw *float64, n int, bound float64)
TEXT ·BoundedExpBackwardAVX512(SB), NOSPLIT, $0-40
	MOVQ         dRaw+0(FP), DI
	MOVQ         dLogScale+8(FP), BX
	MOVQ         raw+16(FP), SI
	MOVQ         n+24(FP), CX
	VBROADCASTSD bound+32(FP), Z10

vector:
	VMOVUPD      (SI), Z0
	TANH(Z9)
	VBROADCASTSD ONE, Z1
	VSUBPD       Z9, Z1, Z2
	VADDPD       Z9, Z1, Z3
	VMULPD       Z3, Z2, Z2
	VMULPD       (BX), Z10, Z1
	VMULPD       Z2, Z1, Z1
	VMOVUPD      Z1, (DI)
	ADDQ         $64, SI
	ADDQ         $64, BX
	ADDQ         $64, DI
	SUBQ         $8, CX
	JNZ          vector
	VZEROUPPER
	RET

// func SoftmaxAVX512(p *SoftmaxArgs)
TEXT ·SoftmaxAVX512(SB), NOSPLIT, $0-8
	MOVQ p+0(FP), AX
	MOVQ SoftmaxArgs_N(AX), CX
	MOVQ SoftmaxArgs_Src(AX), SI
	MOVQ SoftmaxArgs_Dst(AX), DI
	MOVQ SoftmaxArgs_Stride(AX), R8
	MOVQ SoftmaxArgs_DstStride(AX), R9
	SHLQ $3, R8
	SHLQ $3, R9

vector:
	MOVQ    SoftmaxArgs_K(AX), DX
	MOVQ    SI, R10
	VMOVUPD (R10), Z10 // the largest

largest:
	VMAXPD (R10), Z10, Z10 // a NaN may get lost here, but not from the sum
	ADDQ   R8, R10
	DECQ   DX
	JNZ    largest

	MOVQ   SoftmaxArgs_K(AX), DX
	MOVQ   SI, R10
	MOVQ   DI, R11
	VBROADCASTSD ONE, Z11 // the sum, and 1
	VPXORQ Z12, Z12, Z12  // what its additions lost

exponential:
	VMOVUPD (R10), Z0
	VSUBPD  Z10, Z0, Z0
	EXP_BELOW(Z0, Z1, Z2, Z3)
	VMOVUPD Z0, (R11)
	VADDPD  Z0, Z11, Z1
	VSUBPD  Z11, Z1, Z2
	VSUBPD  Z2, Z0, Z0
	VADDPD  Z0, Z12, Z12
	VMOVAPD Z1, Z11
	ADDQ    R8, R10
	ADDQ    R9, R11
	DECQ    DX
	JNZ     exponential

	VBROADCASTSD ONE, Z0
	VSUBPD       Z0, Z11, Z11
	VADDPD       Z12, Z11, Z11
	VDIVPD       Z11, Z0, Z11
	MOVQ SoftmaxArgs_K(AX), DX
	MOVQ DI, R11

weight:
	VMULPD  (R11), Z11, Z0
	VMOVUPD Z0, (R11)
	ADDQ    R9, R11
	DECQ    DX
	JNZ     weight

	ADDQ $64, SI
	ADDQ $64, DI
	SUBQ $8, CX
	JNZ  vector
	VZEROUPPER
	RET
