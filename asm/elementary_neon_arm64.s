//go:build !purego

// Elementary functions (kernels/ref_arithmetic.go, kernels/ref_normal.go) and what a coupling flow makes of them (kernels/activation.go).
//
// Floating-point and vector pipes, per vector of 2: Exp 26 operations; Log 36 and a division; Tanh 38 and a division;
// BoundedExp 65 and a division; BoundedExpBackward 43 and a division; Softmax 32 for each component.

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "consts_arm64.h"
#include "quads_arm64.h"
#include "steps_arm64.h"

// General registers.
#define DST 0
#define SRC 1
#define SAMPLES 2 // left
#define UPSTREAM 3

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

// Groups.
#define X 0
#define RESULT 4
#define S0 8 // scratch
#define S1 12
#define S2 16
#define S3 20
#define S4 24
#define S5 28

// func ExpNEON(dst, x *float64, n int)
TEXT ·ExpNEON(SB), NOSPLIT, $0-24
	BEGIN

samples:
	READG(SRC, X)
	EXP(X, S0, S1, RESULT, S2)
	WRITEG(RESULT, DST)
	END(samples)
	RET

// func LogNEON(dst, x *float64, n int)
TEXT ·LogNEON(SB), NOSPLIT, $0-24
	BEGIN

samples:
	READG(SRC, X)
	LOADG(MIN_NORMAL, S0)
	FCMGTG(X, S0, S0) // subnormal, or not positive
	LOADG(TWO_54, S1)
	FMULG(S1, X, S1)
	MOVG(X, RESULT)
	BITG(S0, S1, RESULT)
	LOADG(MINUS_54, S1)
	ANDG(S1, S0, S0)
	LOG(RESULT, S0, S1, S2, S3, S4, S5)
	LOADG(INFINITY, S0)
	FCMEQG(S0, X, S1)
	BITG(S1, S0, RESULT)
	FCMGT0G(X, S1)
	ORNG(S1, RESULT, RESULT) // NaN unless x > 0
	FNEGG(S0, S0)
	FCMEQ0G(X, S1)
	BITG(S1, S0, RESULT) // -Inf at 0
	WRITEG(RESULT, DST)
	END(samples)
	RET

// tanh: X to RESULT. The exponential needs no clamp and its result is a normal number; what it makes of NaN is put right at
// the end.
#define TANH \
	FABSG(X, RESULT)           \
	LOADG(TANH_MOST, S0)       \
	FMING(S0, RESULT, S0)      \
	FADDG(S0, S0, S0)          \
	EXP_REDUCED(S0, S1, S2, S3, S4) \
	SCALE(S3, S1)              \
	LOADG(ONE, S0)             \
	FADDG(S0, S3, S3)          \ // e^2|x| + 1
	FMULG(X, X, S1)            \ // y
	LOADG(TANH_P(2), S2)       \
	HORNERG(TANH_P(1), S1, S2, S4) \
	HORNERG(TANH_P(0), S1, S4, S2) \
	FMULG(S1, RESULT, S4)      \
	FMULG(S2, S4, S2)          \ // numerator near zero
	LOADG(TANH_Q(3), S4)       \
	HORNERG(TANH_Q(2), S1, S4, S5) \
	HORNERG(TANH_Q(1), S1, S5, S4) \
	HORNERG(TANH_Q(0), S1, S4, S5) \
	LOADG(TANH_CUT, S4)        \
	FCMGTG(RESULT, S4, S4)     \ // |x| < TanhCut
	BITG(S4, S5, S3)           \ // denominator
	LOADG(TWO, S5)             \
	FNEGG(S5, S5)              \
	BITG(S4, S2, S5)           \ // numerator
	BIFG(S4, S0, RESULT)       \
	FDIVG(S3, S5, S5)          \
	FADDG(S5, RESULT, RESULT)  \
	LOADG(SIGN, S0)            \
	BITG(S0, X, RESULT)        \
	FCMEQG(X, X, S0)           \
	BIFG(S0, X, RESULT)

// func TanhNEON(dst, x *float64, n int)
TEXT ·TanhNEON(SB), NOSPLIT, $0-24
	BEGIN

samples:
	READG(SRC, X)
	TANH
	WRITEG(RESULT, DST)
	END(samples)
	RET

// func BoundedExpNEON(dst, raw *float64, n int, bound float64)
TEXT ·BoundedExpNEON(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R(DST)
	MOVD raw+8(FP), R(SRC)
	MOVD n+16(FP), R(SAMPLES)
	CONSTANTS

samples:
	READG(SRC, X)
	TANH
	FMOVD bound+24(FP), F(S0)
	DUP_D2(0, S0, S0)
	SAME3(FMUL_D2, S0, RESULT, X)
	EXP(X, S0, S1, RESULT, S2)
	WRITEG(RESULT, DST)
	END(samples)
	RET

// func BoundedExpBackwardNEON(dRaw, dLogScale, raw *float64, n int, bound float64)
TEXT ·BoundedExpBackwardNEON(SB), NOSPLIT, $0-40
	MOVD dRaw+0(FP), R(DST)
	MOVD dLogScale+8(FP), R(UPSTREAM)
	MOVD raw+16(FP), R(SRC)
	MOVD n+24(FP), R(SAMPLES)
	CONSTANTS

samples:
	READG(SRC, X)
	TANH
	LOADG(ONE, S0)
	FSUBG(RESULT, S0, S1)
	FADDG(RESULT, S0, S0)
	FMULG(S0, S1, S1)
	READG(UPSTREAM, S2)
	FMOVD bound+32(FP), F(S3)
	DUP_D2(0, S3, S3)
	SAME3(FMUL_D2, S3, S2, S2)
	FMULG(S1, S2, S2)
	WRITEG(S2, DST)
	ADD $GROUP_BYTES, R(UPSTREAM)
	END(samples)
	RET

// Softmax: the samples of a group go through their components three times, for the largest logit, for the exponentials and
// their sum, and for the weights.

#define TOP S3
#define SUM S4

// General registers.
#define PARAMS 0
#define COMPONENTS 1 // left
#define SRC_ROW 3    // the first component's
#define DST_ROW 4
#define SRC_AT 5 // the current component's
#define DST_AT 6
#define SRC_STRIDE 7 // in bytes
#define DST_STRIDE 8
#define LOST_AT 9 // in the frame

#define FIRST \
	MOVD R(SRC_ROW), R(SRC_AT) \
	MOVD R(DST_ROW), R(DST_AT) \
	MOVD SoftmaxArgs_K(R(PARAMS)), R(COMPONENTS)

#define EACH(loop) \
	ADD  R(SRC_STRIDE), R(SRC_AT) \
	ADD  R(DST_STRIDE), R(DST_AT) \
	SUBS $1, R(COMPONENTS)        \
	BNE  loop

// func SoftmaxNEON(p *SoftmaxArgs)
TEXT ·SoftmaxNEON(SB), NOSPLIT, $64-8
	MOVD p+0(FP), R(PARAMS)
	MOVD $lost-64(SP), R(LOST_AT)
	CONSTANTS
	MOVD SoftmaxArgs_N(R(PARAMS)), R(SAMPLES)
	MOVD SoftmaxArgs_Src(R(PARAMS)), R(SRC_ROW)
	MOVD SoftmaxArgs_Dst(R(PARAMS)), R(DST_ROW)
	MOVD SoftmaxArgs_Stride(R(PARAMS)), R(SRC_STRIDE)
	MOVD SoftmaxArgs_DstStride(R(PARAMS)), R(DST_STRIDE)
	LSL  $3, R(SRC_STRIDE)
	LSL  $3, R(DST_STRIDE)

samples:
	FIRST
	READG(SRC_AT, TOP)

top:
	READG(SRC_AT, X)
	FMAXG(X, TOP, TOP)
	EACH(top)

	FIRST
	LOADG(ONE, SUM) // and 1
	ZERO(S0)
	WRITEG(S0, LOST_AT)

exponentials:
	READG(SRC_AT, X)
	FSUBG(TOP, X, X)
	EXP(X, S0, S1, RESULT, S2)
	WRITEG(RESULT, DST_AT)
	FADDG(RESULT, SUM, S0)
	FSUBG(SUM, S0, S1)
	FSUBG(S1, RESULT, S1) // what the addition lost
	MOVG(S0, SUM)
	READG(LOST_AT, S0)
	FADDG(S1, S0, S0)
	WRITEG(S0, LOST_AT)
	EACH(exponentials)

	LOADG(ONE, S0)
	FSUBG(S0, SUM, SUM)
	READG(LOST_AT, S0)
	FADDG(S0, SUM, SUM)
	LOADG(ONE, S0)
	FDIVG(SUM, S0, SUM)
	FIRST

weights:
	READG(DST_AT, X)
	FMULG(SUM, X, X)
	WRITEG(X, DST_AT)
	EACH(weights)

	ADD  $GROUP_BYTES, R(SRC_ROW)
	ADD  $GROUP_BYTES, R(DST_ROW)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET
