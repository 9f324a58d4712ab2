//go:build !purego

// The functions of one normal variable (kernels/ref_normal.go).
//
// Floating-point and vector pipes, per vector of 2: NormCDF 54 operations, of them 35 fused, and a division, NormSF one more;
// NormPDF 31; NormLogCDF 97 and 3 divisions; NormQuantile 65 and 2 divisions, in the tails 49 more, 2 divisions and a square
// root.

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "consts_arm64.h"
#include "pairs_arm64.h"
#include "steps_arm64.h"

// General registers.
#define DST 0
#define SRC 1
#define SAMPLES 2 // left
#define ANSWER 3

#define BEGIN \
	MOVD dst+0(FP), R(DST)   \
	MOVD x+8(FP), R(SRC)     \
	MOVD n+16(FP), R(SAMPLES) \
	CONSTANTS

#define END(loop) \
	ADD  $GROUP_BYTES, R(DST)     \
	ADD  $GROUP_BYTES, R(SRC)     \
	SUBS $GROUP, R(SAMPLES)  \
	BNE  loop

#define X 0

// normTail, first part: v = C·x and the negative of its residual.
#define STANDARD \
	LOADG(C_HI, T)  \
	FMULG(X, T, SV) \
	MOVG(SV, E)     \
	FMLSG(T, X, E)  \
	LOADG(C_LO, T)  \
	FMLSG(T, X, E)

// normCDF: Φ(x) in T.
#define NORM_CDF \
	STANDARD               \
	CLAMP                \
	EXPONENT             \
	ALPHA_GAUSS_MILLS(U) \
	FMULG(E, PE, PE)      \
	LOADG(UNBIAS, T)      \
	FMULG(T, PE, PE)      \ // Φ(-|x|)
	LOADG(ONE, T)         \
	FSUBG(PE, T, T)       \
	CMLT0G(X, Y)         \
	BITG(Y, PE, T)        \
	NOT_A_NUMBER(T)

// y = x where x is NaN.
#define NOT_A_NUMBER(y) \
	FCMEQG(X, X, Y) \
	BIFG(Y, X, y)

// func NormCDFNEON(dst, x *float64, n int)
TEXT ·NormCDFNEON(SB), NOSPLIT, $0-24
	BEGIN

samples:
	READG(SRC, X)
	NORM_CDF
	WRITEG(T, DST)
	END(samples)
	RET

// func NormSFNEON(dst, x *float64, n int)
TEXT ·NormSFNEON(SB), NOSPLIT, $0-24
	BEGIN

samples:
	READG(SRC, X)
	FNEGG(X, X)
	NORM_CDF
	WRITEG(T, DST)
	END(samples)
	RET

// func NormPDFNEON(dst, x *float64, n int)
TEXT ·NormPDFNEON(SB), NOSPLIT, $0-24
	BEGIN

samples:
	READG(SRC, X)
	STANDARD
	CLAMP
	EXPONENT
	ALPHA_GAUSS
	LOADG(PDF_SCALE, T)
	FMULG(T, E, E)
	LOADG(UNBIAS, T)
	FMULG(T, E, E)
	NOT_A_NUMBER(E)
	WRITEG(E, DST)
	END(samples)
	RET

// normLogCDF, where both branches want a Mills ratio and a logarithm: of Alpha·R(u), u not clamped at VMax, for x < 0,
// else of 1 - Φ(-x).

#define SQUARE 2  // x²/2
#define LOWER 4   // x < 0
#define WHOLE 6   // the u that P is multiplied by
#define UPPER_Q 30 // Φ(-x)

// func NormLogCDFNEON(dst, x *float64, n int)
TEXT ·NormLogCDFNEON(SB), NOSPLIT, $0-24
	BEGIN

samples:
	READG(SRC, X)
	STANDARD
	FCMLT0G(X, LOWER)
	LOADG(V_MAX, T)
	LOADG(MILLS_STILL, Y)
	BITG(LOWER, Y, T)
	FABSG(SV, U)
	MOVG(U, WHOLE)
	FCMGTG(U, T, WO)
	FMINNMG(T, U, U)
	BIFG(LOWER, U, WHOLE)
	EXPONENT
	ALPHA_GAUSS_MILLS(WHOLE)
	FMULG(E, PE, UPPER_Q)
	LOADG(UNBIAS, T)
	FMULG(T, UPPER_Q, UPPER_Q)
	LOADG(ONE, U)
	FSUBG(UPPER_Q, U, U) // a = 1 - q
	LOADG(ALPHA, T)
	FMULG(T, PE, PE)
	BIFG(LOWER, U, PE)
	ZERO(PO)
	LOG(PE, PO, WE, WO, T, E, K)
	LOADG(ONE, T)
	FSUBG(U, T, T)
	FSUBG(UPPER_Q, T, T)
	FDIVG(U, T, T) // ((1-a)-q)/a
	FADDG(PE, T, T)
	LOADG(HALF, U)
	FMULG(X, U, U)
	FMULG(X, U, SQUARE)
	FNEGG(SQUARE, Y)
	FMLAG(X, U, Y) // its residual
	FSUBG(Y, PE, PE)
	FSUBG(SQUARE, PE, PE) // (log - residual) - x²/2
	LOADG(MAX_FLOAT, U)
	FCMGTG(U, SQUARE, Y)
	LOADG(INFINITY, U)
	FNEGG(U, U)
	BITG(Y, U, PE) // -Inf where that overflows
	BITG(LOWER, PE, T)
	NOT_A_NUMBER(T)
	WRITEG(T, DST)
	END(samples)
	RET

#define LOWER_TAIL 2
#define UPPER_TAIL 4
#define IS_LOWER 6
#define CENTRAL 8
#define Z 10
#define SUB 12
#define S0 14 // scratch
#define S1 16
#define S2 18
#define S3 20
#define S4 22
#define S5 24

// func NormQuantileNEON(dst, x *float64, n int)
TEXT ·NormQuantileNEON(SB), NOSPLIT, $0-24
	BEGIN

samples:
	READG(SRC, X)
	LOADG(BIAS, S0)
	LOADG(ONE, UPPER_TAIL)
	FMULG(S0, X, LOWER_TAIL)
	FSUBG(X, UPPER_TAIL, UPPER_TAIL)
	FMULG(S0, UPPER_TAIL, UPPER_TAIL)
	PROBIT_CENTRE(LOWER_TAIL, UPPER_TAIL, Z, IS_LOWER, CENTRAL, SUB, S0, S1, S2, S3, S4)
	ALLG(CENTRAL, S0, ANSWER)
	ADDS $1, R(ANSWER)
	BEQ  centre
	PROBIT_TAIL(LOWER_TAIL, Z, IS_LOWER, CENTRAL, S0, S1, S2, S3, S4, S5)

centre:
	LOADG(ONE, S0)
	LOADG(INFINITY, S1)
	FCMEQG(S0, X, S2)
	BITG(S2, S1, Z) // Inf at 1
	FNEGG(S1, S1)
	FCMEQ0G(X, S2)
	BITG(S2, S1, Z) // -Inf at 0
	FCMGE0G(X, S2)
	FCMGEG(X, S0, S3)
	ANDG(S2, S3, S3)
	ORNG(S3, Z, Z) // NaN unless 0 ≤ p ≤ 1
	WRITEG(Z, DST)
	END(samples)
	RET
