//go:build !purego

// The normal distribution (kernels/ref_normal.go): Φ(-|x|) = φ(x)·R(|x|), one exponential and one rational function.
//
// Requires: AVX512F, AVX512DQ, AVX512VL, AVX512BW.
//
// A block of 16 at a time, with the steps of the mixture's inner loop and their register map; Φ⁻¹ a vector of 8.
// FMA pipe per vector: Φ 37 FMA or multiply, 1 division.

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

// Where no |x| is beyond NormNear.
#define NEAR_C_HI Z2
#define NEAR_C_LO Z3
#define NEAR_BIAS Z4 // NEAREST
#define NEAR_MOST Z5
#define NEAR_ABS Z6
#define NEAR_ONE Z7

// Φ(-|x|) as e in L times R/Alpha in B, where no |x| is beyond NormNear: nothing is clamped, and nothing needs a bias. |x| is
// in U.
#define NEAR_TAIL2 \
	VMULPD       NEAR_C_HI, U0, V0 \
	VMULPD       NEAR_C_HI, U1, V1 \
	VMOVAPD      V0, L0 \
	VMOVAPD      V1, L1 \
	VFMSUB231PD  NEAR_C_HI, U0, L0 \
	VFMSUB231PD  NEAR_C_HI, U1, L1 \
	VMULPD       V0, V0, Y0 \
	VMULPD       V1, V1, Y1 \
	VFMADD231PD  NEAR_C_LO, U0, L0 \
	VFMADD231PD  NEAR_C_LO, U1, L1 \
	VSUBPD       Y0, NEAR_BIAS, N0 \ // NEAREST - v², rounded to an integer
	VSUBPD       Y1, NEAR_BIAS, N1 \
	VSUBPD       NEAR_BIAS, N0, R0 \
	VSUBPD       NEAR_BIAS, N1, R1 \
	VFNMSUB231PD V0, V0, R0 \ // -v² less that integer
	VFNMSUB231PD V1, V1, R1 \
	VADDPD       V0, V0, U0 \
	VADDPD       V1, V1, U1 \
	VFNMADD231PD L0, U0, R0 \ // less 2v·vl
	VFNMADD231PD L1, U1, R1 \
	VMOVAPD      V0, U0 \
	VMOVAPD      V1, U1 \
	EXP_MILLS2(U0, U1)

#define NEAR_CONSTANTS \
	VBROADCASTSD C_HI, NEAR_C_HI \
	VBROADCASTSD C_LO, NEAR_C_LO \
	VBROADCASTSD NEAREST, NEAR_BIAS \
	VBROADCASTSD NORM_NEAR, NEAR_MOST \
	VBROADCASTSD ABS, NEAR_ABS \
	VBROADCASTSD ONE, NEAR_ONE

// |x| in U; on to far if one is beyond NormNear, or NaN.
#define NEAR_OR(far) \
	VPANDQ       NEAR_ABS, X0, U0 \
	VPANDQ       NEAR_ABS, X1, U1 \
	VPSUBQ       U0, NEAR_MOST, A0 \ // negative
	VPSUBQ       U1, NEAR_MOST, A1 \
	VPORQ        A0, A1, A0 \
	VPMOVQ2M     A0, K1 \
	KORTESTB     K1, K1 \
	JNZ          far

// Φ of a block of 16, x as load leaves it in X.
#define NORM_CDF_KERNEL(load) \
	MOVQ         dst+0(FP), DI  \
	MOVQ         x+8(FP), SI    \
	MOVQ         n+16(FP), CX   \
	NEAR_CONSTANTS              \
	VBROADCASTSD SIGN, Z8       \
	PCALIGN      $64            \
block:                          \
	load                        \
	NEAR_OR(far)                \
	NEAR_TAIL2                  \
	VMULPD       L0, B0, B0     \
	VMULPD       L1, B1, B1     \
	VPSRAQ       $63, X0, N0    \
	VPSRAQ       $63, X1, N1    \
	VPANDNQ      Z8, X0, A0     \
	VPANDNQ      Z8, X1, A1     \
	VPANDNQ      NEAR_ONE, N0, N0 \ // 0 where x is below zero, elsewhere 1
	VPANDNQ      NEAR_ONE, N1, N1 \
	VPXORQ       A0, B0, A0     \ // the tail, there with its sign turned
	VPXORQ       A1, B1, A1     \
	VADDPD       A0, N0, A0     \
	VADDPD       A1, N1, A1     \
store:                          \
	VMOVUPD      A0, (DI)       \
	VMOVUPD      A1, 64(DI)     \
	ADDQ         $128, SI       \
	ADDQ         $128, DI       \
	SUBQ         $16, CX        \
	JNZ          block          \
	VZEROUPPER                  \
	RET                         \
far:                            \
	NORM_CDF2                   \
	KEEP_NAN2(A0, A1)           \
	JMP          store

#define LOAD2 \
	VMOVUPD (SI), X0 \
	VMOVUPD 64(SI), X1

#define LOAD_NEGATIVE2 \
	VPXORQ (SI), Z8, X0 \
	VPXORQ 64(SI), Z8, X1

// func NormCDFAVX512(dst, x *float64, n int)
TEXT ·NormCDFAVX512(SB), NOSPLIT, $0-24
	NORM_CDF_KERNEL(LOAD2)

// func NormSFAVX512(dst, x *float64, n int)
TEXT ·NormSFAVX512(SB), NOSPLIT, $0-24
	NORM_CDF_KERNEL(LOAD_NEGATIVE2)

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

// log Φ is the logarithm of a number, below zero R(|x|), from there on 1-q, q = Φ(-x); plus something small; less x²/2 or nothing.
// This is of one vector, from what NEAR_TAIL2 leaves; below is true where x < 0. The result is in a.
#define NEAR_LOG_CDF(x, below, v, l, u, y, n, a, b, e, o) \
	VMULPD           b, l, l              \ // q
	VSUBPD           l, NEAR_ONE, a       \ // 1-q
	VSUBPD           a, NEAR_ONE, e       \
	VSUBPD           l, e, e              \
	VDIVPD           a, e, e              \ // what it lacks
	VMULPD.BCST      ALPHA, b, below, a   \
	VMULPD.BCST      HALF, x, v           \
	VMULPD           v, x, o              \ // x²/2
	VMOVAPD          o, below, e          \
	VFNMADD231PD     x, v, below, e       \ // what that lacks, its sign turned
	VPXORQ           n, n, n              \
	LOG(a, n, v, l, u, y)                 \
	VADDPD           e, a, a              \
	VSUBPD           o, a, below, a

// func NormLogCDFAVX512(dst, x *float64, n int)
TEXT ·NormLogCDFAVX512(SB), NOSPLIT, $0-24
	MOVQ    dst+0(FP), DI
	MOVQ    x+8(FP), SI
	MOVQ    n+16(FP), CX
	NEAR_CONSTANTS
	PCALIGN $64

block:
	LOAD2
	NEAR_OR(far)
	NEAR_TAIL2
	VPXORQ  C0, C0, C0
	VCMPPD  LESS, C0, X0, K5
	VCMPPD  LESS, C0, X1, K6
	NEAR_LOG_CDF(X0, K5, V0, L0, U0, Y0, N0, A0, B0, E0, O0)
	NEAR_LOG_CDF(X1, K6, V1, L1, U1, Y1, N1, A1, B1, E1, O1)

store:
	VMOVUPD A0, (DI)
	VMOVUPD A1, 64(DI)
	ADDQ    $128, SI
	ADDQ    $128, DI
	SUBQ    $16, CX
	JNZ     block
	VZEROUPPER
	RET

far:
	VPXORQ   C0, C0, C0
	VCMPPD   LESS, C0, X0, K5 // below zero
	VCMPPD   LESS, C0, X1, K6
	KTESTB   K5, K5
	JNZ      below
	KTESTB   K6, K6
	JZ       above

below:
	LOG_CDF_BELOW(X0, V0, L0, U0, Y0, N0, A0, B0, E0, O0, R0)
	LOG_CDF_BELOW(X1, V1, L1, U1, Y1, N1, A1, B1, E1, O1, R1)
	VMOVAPD  B0, Z8
	VMOVAPD  B1, Z9
	KANDB    K5, K6, K7
	KXNORB   K1, K1, K1
	KXORB    K7, K1, K1
	KTESTB   K1, K1
	JZ       keep // all are below

above:
	VBROADCASTSD SIGN, C0
	VPXORQ       C0, X0, X0
	VPXORQ       C0, X1, X1
	NORM_CDF2
	LOG_CDF_ABOVE(A0, B0, V0, L0, U0, Y0, N0, E0)
	LOG_CDF_ABOVE(A1, B1, V1, L1, U1, Y1, N1, E1)
	LOAD2
	VMOVAPD      Z8, K5, B0
	VMOVAPD      Z9, K6, B1

keep:
	KEEP_NAN2(B0, B1)
	VMOVAPD B0, A0
	VMOVAPD B1, A1
	JMP     store

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
