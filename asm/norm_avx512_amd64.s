//go:build !purego

// The normal distribution (kernels/ref_normal.go): Φ(-|x|) = φ(x)·R(|x|), one exponential and one rational function.
//
// Requires: AVX512F, AVX512DQ, AVX512VL, AVX512BW.
//
// Φ, Φ(-·) and φ take a block of 16 at a time, with the steps of the mixture's inner loop and their register map; log Φ
// and Φ⁻¹ a vector of 8.
// FMA pipe per vector: Φ 39 FMA or multiply, 1 VRANGE, 1 VCMP, 1 division.
// Φ takes 1.19 times what two such pipes need (make bench, Zen 5).

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx512_amd64.h"

#define X0 Z0
#define X1 Z1

// normTail: v = C·x and its residual.
#define NORM_BASE2 \
	VBROADCASTSD C_HI, C0 \
	VBROADCASTSD C_LO, C1 \
	VMULPD       C0, X0, V0 \
	VMULPD       C0, X1, V1 \
	VMOVAPD      V0, L0 \
	VMOVAPD      V1, L1 \
	VFMSUB231PD  C0, X0, L0 \
	VFMSUB231PD  C0, X1, L1 \
	VFMADD231PD  C1, X0, L0 \
	VFMADD231PD  C1, X1, L1

// Φ(-|x|) in B, and from it Φ(x): 1 less that where x is positive. K3 and K4 are the samples below zero.
#define NORM_CDF2 \
	NORM_BASE2 \
	VPMOVQ2M     V0, K3 \
	VPMOVQ2M     V1, K4 \
	CLAMP2 \
	EXPONENT2 \
	EXP_MILLS2(U0, U1) \
	VBROADCASTSD UNBIAS, C0 \
	VMULPD       L0, B0, B0 \
	VMULPD       L1, B1, B1 \
	VMULPD       C0, B0, B0 \
	VMULPD       C0, B1, B1 \
	VBROADCASTSD ONE, C1 \
	VSUBPD       B0, C1, A0 \
	VSUBPD       B1, C1, A1 \
	VMOVAPD      B0, K3, A0 \
	VMOVAPD      B1, K4, A1

// NaN stays what it is.
#define KEEP_NAN2(r0, r1) \
	VCMPPD  UNORDERED, X0, X0, K1 \
	VCMPPD  UNORDERED, X1, X1, K2 \
	VMOVAPD X0, K1, r0 \
	VMOVAPD X1, K2, r1

// func NormCDFAVX512(dst, x *float64, n int)
TEXT ·NormCDFAVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX

block:
	VMOVUPD (SI), X0
	VMOVUPD 64(SI), X1
	NORM_CDF2
	KEEP_NAN2(A0, A1)
	VMOVUPD A0, (DI)
	VMOVUPD A1, 64(DI)
	ADDQ    $128, SI
	ADDQ    $128, DI
	SUBQ    $16, CX
	JNZ     block
	VZEROUPPER
	RET

// func NormSFAVX512(dst, x *float64, n int)
TEXT ·NormSFAVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX

block:
	VBROADCASTSD SIGN, C0
	VPXORQ       (SI), C0, X0
	VPXORQ       64(SI), C0, X1
	NORM_CDF2
	KEEP_NAN2(A0, A1)
	VMOVUPD      A0, (DI)
	VMOVUPD      A1, 64(DI)
	ADDQ         $128, SI
	ADDQ         $128, DI
	SUBQ         $16, CX
	JNZ          block
	VZEROUPPER
	RET

// func NormPDFAVX512(dst, x *float64, n int)
TEXT ·NormPDFAVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX

block:
	VMOVUPD      (SI), X0
	VMOVUPD      64(SI), X1
	NORM_BASE2
	CLAMP2
	EXPONENT2
	ALPHA_EXP2(R0, N0, L0)
	ALPHA_EXP2(R1, N1, L1)
	VBROADCASTSD PDF_SCALE, C0
	VBROADCASTSD UNBIAS, C1
	VMULPD       C0, L0, L0
	VMULPD       C0, L1, L1
	VMULPD       C1, L0, L0
	VMULPD       C1, L1, L1
	KEEP_NAN2(L0, L1)
	VMOVUPD      L0, (DI)
	VMOVUPD      L1, 64(DI)
	ADDQ         $128, SI
	ADDQ         $128, DI
	SUBQ         $16, CX
	JNZ          block
	VZEROUPPER
	RET

// log Φ below zero: log R(|x|) - x²/2, result in B. Clobbers the registers of its vector.
#define LOG_CDF_BELOW(x, v, l, u, y, n, a, b, e, o, r) \
	VMULPD.BCST      HALF, x, v              \
	VMULPD           v, x, n                 \ // h
	VMOVAPD          n, l                    \
	VFMSUB231PD      v, x, l                 \ // x²/2 - h
	VMULPD.BCST      C_HI, x, v              \
	VPANDQ.BCST      ABS, v, v               \
	MILLS_FAR(v, u, y, a, b, e, o)           \
	VMULPD.BCST      ALPHA, a, a             \
	VPXORQ           b, b, b                 \
	LOG(a, b, u, y, e, o)                    \
	VSUBPD           l, a, b                 \
	VSUBPD           n, b, b                 \
	VCMPPD.BCST      GREATER, MAX_FLOAT, n, K1 \
	VPXORQ.BCST      SIGN, n, K1, b            // -Inf

// log Φ from zero on: log1p(-q), q = Φ(-x), result in l.
#define LOG_CDF_ABOVE(q, l, t0, t1, t2, t3, t4, t5) \
	VBROADCASTSD ONE, t0     \
	VSUBPD       q, t0, t1   \ // a = 1-q
	VMOVAPD      t1, l       \
	VSUBPD       t1, t0, t0  \
	VSUBPD       q, t0, t0   \
	VDIVPD       t1, t0, t0  \ // what a lacks
	VPXORQ       t1, t1, t1  \
	LOG(l, t1, t2, t3, t4, t5) \
	VADDPD       t0, l, l

// func NormLogCDFAVX512(dst, x *float64, n int)
TEXT ·NormLogCDFAVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX

block:
	VMOVUPD  (SI), X0
	VMOVUPD  64(SI), X1
	VPXORQ   Z2, Z2, Z2
	VCMPPD   LESS, Z2, X0, K5 // below zero
	VCMPPD   LESS, Z2, X1, K6
	KTESTB   K5, K5
	JNZ      below
	KTESTB   K6, K6
	JZ       above

below:
	LOG_CDF_BELOW(X0, V0, L0, U0, Y0, N0, A0, B0, E0, O0, R0)
	LOG_CDF_BELOW(X1, V1, L1, U1, Y1, N1, A1, B1, E1, O1, R1)
	VMOVAPD  B0, Z4
	VMOVAPD  B1, Z5
	KANDB    K5, K6, K7
	KXNORB   K1, K1, K1
	KXORB    K7, K1, K1
	KTESTB   K1, K1
	JZ       store // all are below

above:
	VMOVAPD      X0, Z6
	VMOVAPD      X1, Z7
	VBROADCASTSD SIGN, C0
	VPXORQ       C0, X0, X0
	VPXORQ       C0, X1, X1
	NORM_CDF2
	LOG_CDF_ABOVE(A0, B0, V0, L0, U0, Y0, N0, E0)
	LOG_CDF_ABOVE(A1, B1, V1, L1, U1, Y1, N1, E1)
	VMOVAPD      Z6, X0
	VMOVAPD      Z7, X1
	VMOVAPD      Z4, K5, B0
	VMOVAPD      Z5, K6, B1

store:
	KEEP_NAN2(B0, B1)
	VMOVUPD B0, (DI)
	VMOVUPD B1, 64(DI)
	ADDQ    $128, SI
	ADDQ    $128, DI
	SUBQ    $16, CX
	JNZ     block
	VZEROUPPER
	RET

// func NormQuantileAVX512(dst, x *float64, n int)
TEXT ·NormQuantileAVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX

vector:
	VMOVUPD      (SI), Z0
	VBROADCASTSD ONE, Z1
	VSUBPD       Z0, Z1, Z3
	VMULPD.BCST  BIAS, Z0, Z2
	VMULPD.BCST  BIAS, Z3, Z3
	PROBIT_CENTRE(Z2, Z3, Z4, Z6, Z7, Z8, Z9, Z10, Z11)
	KORTESTB     K4, K4
	JZ           ends
	PROBIT_TAIL(Z2, Z4, Z6, Z7, Z8, Z9, Z10, Z11)

ends:
	VCMPPD.BCST  EQUAL, ONE, Z0, K1
	VBROADCASTSD INFINITY, K1, Z4
	VPXORQ       Z2, Z2, Z2
	VCMPPD       EQUAL, Z2, Z0, K1
	VPTERNLOGQ   $0xFF, Z2, Z2, Z2
	VPSLLQ       $52, Z2, K1, Z4           // -Inf
	VPXORQ       Z3, Z3, Z3
	VCMPPD       NOT_GREATER_EQUAL, Z3, Z0, K1
	VCMPPD       NOT_LESS_EQUAL, Z1, Z0, K2
	KORB         K1, K2, K1
	VMOVAPD      Z2, K1, Z4                // NaN outside of [0, 1]
	VMOVUPD      Z4, (DI)
	ADDQ         $64, SI
	ADDQ         $64, DI
	SUBQ         $8, CX
	JNZ          vector
	VZEROUPPER
	RET
