//go:build !purego

// Rational-quadratic splines, one per sample (kernels/ref_spline.go): forward map, inverse and reverse mode. In a bin from
// (xₗ, yₗ) to (xᵣ, yᵣ), w wide and h high, s = h/w, slopes dₗ and dᵣ at its ends,
//
//	θ = (x-xₗ)/w, φ = (xᵣ-x)/w     D = s(θ²+φ²) + (dₗ+dᵣ)θφ     M = dᵣθ² + 2sθφ + dₗφ²
//	y = yₗ + h·θ(sθ + dₗφ)/D       dy/dx = s²M/D²
//	θ : φ = p : ρ (β ≥ 0) or ρ : p, β = dₗζ - dᵣη, ρ = |β| + √(β²+4s²ηζ), p = 2sη or 2sζ, for the inverse
//
// A group of samples passes by its bins once, and what belongs to the sample's own is kept by selections. The reverse mode
// keeps in State what it needs again, and passes by the bins a second time, to write their rows.
// Floating-point and vector pipes, per bin and vector of 2: 14 operations, of them 2 fused; per sample 2 divisions (inverse:
// 4 and a square root; reverse mode: 4) and, but for the reverse mode, a logarithm.

#include "textflag.h"
#include "go_asm.h"
#include "neon_arm64.h"
#include "consts_arm64.h"
#include "pairs_arm64.h"
#include "steps_arm64.h"

// Groups, while the bins pass by.
#define SAMPLE 0
#define SUM_X 2
#define SUM_Y 4
#define WITHIN 6 // the sample is not to the left of the knot; after the bins: it is in the last one
#define BIN 8    // the sample's bin
#define CXL 10   // sums of widths and heights up to its ends
#define CXR 12
#define CYL 14
#define CYR 16
#define DL 18 // slopes there
#define DR 20
#define KNOT 22
#define SLOPE 24

// Single registers, both elements the same.
#define EDGE 26 // Bound
#define MINUS_EDGE 27
#define FACTOR 28 // Scale
#define STEP 29
#define RUN 30 // the bin's number
#define UNIT 31

// Groups after KNOTS.
#define XL 2
#define XR 4
#define YL 22
#define YR 24

// PLACE.
#define IW 6 // 1/w; w in the inverse
#define HIGH 8
#define S 10
#define TH 12 // θ
#define PH 14 // φ

// POINT.
#define TT 16 // θ²
#define PP 26 // φ²
#define TP 28 // θφ
#define D 30  // dₗ+dᵣ
#define Q 2   // 1/D
#define M 4
#define RISING 24 // dy/dx
#define IMAGE 22

// General registers.
#define ARGS 0
#define SAMPLES 1 // left
#define X_AT 2
#define Y_AT 3
#define L_AT 4
#define WIDTH_AT 5
#define HEIGHT_AT 6
#define SLOPE_AT 7
#define STRIDE 8 // in bytes
#define BINS 9   // left
#define SETTINGS 10
#define DONE 11 // bytes of the samples done
#define GY_AT 12
#define GL_AT 13
#define DX_AT 14
#define STATE 15
#define D_WIDTH_AT 19
#define D_HEIGHT_AT 20
#define D_SLOPE_AT 21
#define D_STRIDE 22
#define ALL_BINS 23

#define BEGIN \
	MOVD s+0(FP), R(ARGS)                  \
	CONSTANTS                              \
	MOVD SplineArgs_N(R(ARGS)), R(SAMPLES)     \
	MOVD SplineArgs_X(R(ARGS)), R(X_AT)        \
	MOVD SplineArgs_Stride(R(ARGS)), R(STRIDE) \
	LSL  $3, R(STRIDE)                     \
	MOVD ZR, R(DONE)

// Where the rows of the samples' widths, heights and slopes begin.
#define ROWS \
	MOVD SplineArgs_Width(R(ARGS)), R(WIDTH_AT)   \
	MOVD SplineArgs_Height(R(ARGS)), R(HEIGHT_AT) \
	MOVD SplineArgs_Slope(R(ARGS)), R(SLOPE_AT)   \
	ADD  R(DONE), R(WIDTH_AT)                 \
	ADD  R(DONE), R(HEIGHT_AT)                \
	ADD  R(DONE), R(SLOPE_AT)

// The settings stand in the order of Spline.
#define SETTING(d) VLD1R.P 8(R(SETTINGS)), [V(d).D2]

// The same for both vectors of a group: an instruction whose first, or second, operand is a single register.
#define FIRST(op, m, n, d) op(m, n, d); op(m, n+1, d+1)
#define SECOND(op, m, n, d) op(m, n, d); op(m+1, n, d+1)

// Splines.bin up to the knots; sum is SUM_X, or SUM_Y to go by the heights.
#define FIND(sum, bin, found) \
	ROWS                                 \
	ADD  $SplineArgs_Bound, R(ARGS), R(SETTINGS) \
	SETTING(EDGE)                        \
	SETTING(MINUS_EDGE)                  \
	SETTING(FACTOR)                      \
	SETTING(STEP)                        \
	LDR_Q(ONE, TABLE, UNIT)              \
	READG(X_AT, SAMPLE)                  \
	ZERO(SUM_X)                          \
	ZERO(SUM_Y)                          \
	ZERO(BIN)                            \
	ZERO(CXL)                            \
	ZERO(CXR)                            \
	ZERO(CYL)                            \
	ZERO(CYR)                            \
	LOADG(ONE, DL)                       \
	LOADG(ONE, DR)                       \
	EOR_B16(RUN, RUN, RUN)               \
	CMEQ_D2(WITHIN, WITHIN, WITHIN)      \
	CMEQ_D2(WITHIN+1, WITHIN+1, WITHIN+1) \
	MOVD SplineArgs_K(R(ARGS)), R(BINS)      \
	SUBS $1, R(BINS)                     \
	BEQ  found                           \
bin:                                     \
	READG(WIDTH_AT, KNOT)                \
	FADDG(KNOT, SUM_X, SUM_X)            \
	READG(HEIGHT_AT, KNOT)               \
	FADDG(KNOT, SUM_Y, SUM_Y)            \
	READG(SLOPE_AT, SLOPE)               \
	FADD_D2(UNIT, RUN, RUN)              \
	BITG(WITHIN, SUM_X, CXR)             \
	BITG(WITHIN, SUM_Y, CYR)             \
	BITG(WITHIN, SLOPE, DR)              \
	MOV_B16(MINUS_EDGE, KNOT)            \
	FMLA_D2(STEP, RUN, KNOT)             \
	MOV_B16(KNOT, KNOT+1)                \
	FIRST(FMLA_D2, FACTOR, sum, KNOT)    \
	FCMGEG(KNOT, SAMPLE, WITHIN)         \
	SECOND(BIT_B16, WITHIN, RUN, BIN)    \
	BITG(WITHIN, SUM_X, CXL)             \
	BITG(WITHIN, SUM_Y, CYL)             \
	BITG(WITHIN, SLOPE, DL)              \
	ADD  R(STRIDE), R(WIDTH_AT)          \
	ADD  R(STRIDE), R(HEIGHT_AT)         \
	ADD  R(STRIDE), R(SLOPE_AT)          \
	SUBS $1, R(BINS)                     \
	BNE  bin                             \
found:

// The rest of it.
#define KNOTS \
	FIRST(FADD_D2, UNIT, BIN, YR)     \
	MOV_B16(MINUS_EDGE, XL)           \
	MOV_B16(MINUS_EDGE, XL+1)         \
	MOV_B16(MINUS_EDGE, XR)           \
	MOV_B16(MINUS_EDGE, XR+1)         \
	FIRST(FMLA_D2, STEP, BIN, XL)     \
	FIRST(FMLA_D2, STEP, YR, XR)      \
	MOVG(XL, YL)                      \
	MOVG(XR, YR)                      \
	FIRST(FMLA_D2, FACTOR, CXL, XL)   \
	FIRST(FMLA_D2, FACTOR, CXR, XR)   \
	FIRST(FMLA_D2, FACTOR, CYL, YL)   \
	FIRST(FMLA_D2, FACTOR, CYR, YR)   \
	SECOND(BIT_B16, WITHIN, EDGE, XR) \
	SECOND(BIT_B16, WITHIN, EDGE, YR) \
	SECOND(BIT_B16, WITHIN, UNIT, DR)

// What the forward map and the reverse mode do first.
#define PLACE \
	FSUBG(YL, YR, HIGH)     \
	FSUBG(XL, XR, IW)       \
	LOADG(ONE, S)           \
	FDIVG(IW, S, IW)        \
	FMULG(IW, HIGH, S)      \
	FSUBG(XL, SAMPLE, TH)   \
	FMULG(IW, TH, TH)       \
	FSUBG(SAMPLE, XR, PH)   \
	FMULG(IW, PH, PH)

// splineBin.point; t, not RISING, is scratch.
#define POINT(t) \
	FMULG(TH, TH, TT)       \
	FMULG(PH, PH, PP)       \
	FMULG(TH, PH, TP)       \
	FADDG(DL, DR, D)        \
	FMULG(D, TP, Q)         \
	FADDG(TT, PP, t)        \
	FMLAG(S, t, Q)          \
	LOADG(ONE, t)           \
	FDIVG(Q, t, Q)          \
	FMULG(PP, DL, M)        \
	FADDG(S, S, t)          \
	FMLAG(TP, t, M)         \
	FMLAG(TT, DR, M)        \
	FMULG(Q, S, t)          \
	FMULG(M, t, RISING)     \
	FMULG(RISING, t, RISING)

// r = near·(s·near + d·far), where near is TH, d DL for splinePoint.rise.
#define RISE(d, near, far, r) \
	FMULG(far, d, r)  \
	FMLAG(near, S, r) \
	FMULG(near, r, r)

// Whether the samples are outside, in mask; t is a single register.
#define BEYOND(mask, t) \
	ADD $SplineArgs_Bound, R(ARGS), R(SETTINGS) \
	SETTING(t)                              \
	FABSG(SAMPLE, mask)                     \
	FIRST(FCMGE_D2, t, mask, mask)

// The logarithm of dy/dx in RISING; in IW 0, or NaN for NaN.
#define LOG_RISING \
	ZERO(IW)                                    \
	LOG(RISING, IW, HIGH, S, TH, PH, TT)        \
	FSUBG(SAMPLE, SAMPLE, IW)

// The image, and the log-det in RISING, to where Y and L point; identity outside.
#define STORE \
	BEYOND(IW, S)             \
	BITG(IW, SAMPLE, IMAGE)   \
	BICG(IW, RISING, RISING)  \
	MOVD SplineArgs_Y(R(ARGS)), R(Y_AT) \
	MOVD SplineArgs_L(R(ARGS)), R(L_AT) \
	ADD  R(DONE), R(Y_AT)     \
	ADD  R(DONE), R(L_AT)     \
	WRITEG(IMAGE, Y_AT)       \
	WRITEG(RISING, L_AT)      \
	ADD  $GROUP_BYTES, R(X_AT) \
	ADD  $GROUP_BYTES, R(DONE)

// func SplinesForwardNEON(s *SplineArgs)
TEXT ·SplinesForwardNEON(SB), NOSPLIT, $0-8
	BEGIN

samples:
	FIND(SUM_X, bin, found)
	KNOTS
	PLACE
	POINT(IW)
	RISE(DL, TH, PH, M)
	FMULG(Q, M, M)
	FMLAG(M, HIGH, YL) // the image
	LOG_RISING
	FADDG(IW, RISING, RISING)
	STORE
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET

// func SplinesInverseNEON(s *SplineArgs)
TEXT ·SplinesInverseNEON(SB), NOSPLIT, $0-8
	BEGIN

samples:
	FIND(SUM_Y, bin, found)
	KNOTS
	FSUBG(XL, XR, IW)
	FSUBG(YL, YR, HIGH)
	LOADG(ONE, TP)
	FDIVG(HIGH, TP, TP)
	FDIVG(IW, HIGH, S)
	FSUBG(YL, SAMPLE, TH)
	FMULG(TP, TH, TH) // η
	FSUBG(SAMPLE, YR, PH)
	FMULG(TP, PH, PH) // ζ
	FADDG(S, S, TP)
	FMULG(TH, TP, TT) // 2sη
	FMULG(PH, TP, PP) // 2sζ
	FMULG(TH, DR, XR)
	FNEGG(XR, XR)
	FMLAG(PH, DL, XR) // β
	FMULG(PP, TT, YR)
	FMLAG(XR, XR, YR)
	FSQRTG(YR, YR)
	FABSG(XR, YL)
	FADDG(YR, YL, YR) // ρ
	FCMGE0G(XR, YL)
	BITG(YL, TT, PP) // p
	FADDG(YR, PP, TP)
	LOADG(ONE, XR)
	FDIVG(TP, XR, TP)
	FMULG(TP, YR, TH)
	FMULG(TP, PP, PH)
	MOVG(TH, XR)
	BITG(YL, PH, TH)
	BITG(YL, XR, PH)
	MOVG(XL, IMAGE)
	FMLAG(TH, IW, IMAGE)
	POINT(IW)
	LOG_RISING
	FSUBG(RISING, IW, RISING)
	STORE
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET

// Groups of the reverse mode, after POINT.
#define IM 4 // 1/M
#define GL 0
#define GY 22
#define HQ 8 // hθφ/D²
#define GX 24
#define T0 18
#define T1 20
#define OUTSIDE 30
#define X_BEFORE 8 // what the bins before, at and after the sample's get
#define X_SELF 0
#define X_AFTER 4
#define Y_BEFORE 14
#define Y_SELF 10
#define Y_AFTER 12

// While the rows pass by: groups, and RUN and FACTOR in other registers.
#define SELF 16 // the row is that of the sample's bin
#define BEFORE 18
#define AFTER 20 // the row after it
#define OF_BIN 22
#define OF_DL 24
#define OF_DR 26
#define R0 28 // scratch
#define R1 6
#define ROW_NUMBER 2
#define ROW_FACTOR 3
#define ROW_UNIT 30

// logits: what the bins before, at and after the sample's get, in before, cl and cr; 0 outside. Clobbers u.
#define LOGITS(u, total, a, b, cl, cr, before) \
	FMULG(cr, b, before)          \
	FMLAG(a, cl, before)          \
	FMULG(total, before, before)  \
	FSUBG(cl, cr, cr)             \
	FMLAG(u, cr, before)          \
	FMLAG(b, total, u)            \
	FSUBG(u, before, cl)          \
	BICG(OUTSIDE, before, cr)     \
	FSUBG(total, before, before)  \
	BICG(OUTSIDE, cl, cl)         \
	BICG(OUTSIDE, before, before)

// A row of the gradient: (scale·weight)·before, at or after.
#define ROW(from, before, self, after, to) \
	READG(from, R0)                     \
	FIRST(FMUL_D2, ROW_FACTOR, R0, R0)  \
	MOVG(after, R1)                     \
	BITG(SELF, self, R1)                \
	BITG(BEFORE, before, R1)            \
	FMULG(R1, R0, R0)                   \
	WRITEG(R0, to)                      \
	ADD R(STRIDE), R(from)              \
	ADD R(D_STRIDE), R(to)

// func SplinesBackwardNEON(s *SplineArgs)
TEXT ·SplinesBackwardNEON(SB), NOSPLIT, $0-8
	BEGIN
	MOVD SplineArgs_GY(R(ARGS)), R(GY_AT)
	MOVD SplineArgs_GL(R(ARGS)), R(GL_AT)
	MOVD SplineArgs_DX(R(ARGS)), R(DX_AT)
	MOVD SplineArgs_State(R(ARGS)), R(STATE)
	MOVD SplineArgs_DStride(R(ARGS)), R(D_STRIDE)
	MOVD SplineArgs_K(R(ARGS)), R(ALL_BINS)
	LSL  $3, R(D_STRIDE)

samples:
	FIND(SUM_X, bin, found)
	WRITE_FIELD(BIN, SplineState_Bin, STATE)
	KNOTS
	SECOND(BIT_B16, WITHIN, UNIT, CXR)
	SECOND(BIT_B16, WITHIN, UNIT, CYR)
	WRITE_FIELD(CXL, SplineState_CXL, STATE)
	WRITE_FIELD(CXR, SplineState_CXR, STATE)
	WRITE_FIELD(CYL, SplineState_CYL, STATE)
	WRITE_FIELD(CYR, SplineState_CYR, STATE)
	BEYOND(BIN, CXL)
	WRITE_FIELD(BIN, SplineState_Outside, STATE)
	WRITE_FIELD(DL, SplineState_DL, STATE)
	WRITE_FIELD(DR, SplineState_DR, STATE)
	PLACE
	POINT(YL)
	LOADG(ONE, GL)
	FDIVG(M, GL, IM)
	FDIVG(HIGH, GL, GL)
	WRITE_FIELD(GL, SplineState_IH, STATE)
	RISE(DL, TH, PH, GY)
	WRITE_FIELD(GY, SplineState_Up, STATE)
	RISE(DR, PH, TH, GY)
	WRITE_FIELD(GY, SplineState_Down, STATE)

	// Along θ, over w.
	FMULG(PP, DL, GY)
	FNEGG(GY, GY)
	FMLAG(TT, DR, GY)
	WRITE_FIELD(GY, SplineState_Lean, STATE) // dᵣθ² - dₗφ²
	FMULG(PH, DL, GY)
	FNEGG(GY, GY)
	FMLAG(TH, DR, GY)
	FSUBG(TH, PH, T0) // φ-θ
	FMLAG(S, T0, GY)  // half of dM/dθ
	FADDG(S, S, T1)
	FSUBG(T1, D, T1)
	FMULG(T1, T0, T1)
	FMULG(Q, T1, T1)
	FNEGG(T1, T1)
	FMLAG(GY, IM, T1)
	FADDG(T1, T1, T1)
	READG(GL_AT, GL)
	READG(GY_AT, GY)
	FMULG(GL, IW, T0)
	FMULG(GY, RISING, GX)
	FMLAG(T0, T1, GX)

	// Along log s.
	FMULG(Q, HQ, HQ)
	FMULG(Q, HQ, HQ)
	FMULG(TP, HQ, HQ)
	READ_FIELD(SplineState_Lean, STATE, T0)
	FMULG(HQ, T0, T0)
	FMULG(Q, D, D)
	FMLAG(S, IM, D)
	FADDG(TP, TP, TP)
	FMULG(D, TP, D)
	FMULG(GL, D, D)
	FMULG(GY, S, S)
	FMLAG(T0, S, D)
	FMULG(D, IW, IW) // over w
	READ_FIELD(SplineState_IH, STATE, T0)
	FMULG(D, T0, T0) // over h

	// The slopes.
	READ_FIELD(SplineState_Outside, STATE, OUTSIDE)
	FMULG(Q, TP, TP)
	FNEGG(TP, TP)
	MOVG(TP, S)
	FMLAG(PP, IM, S)
	FMULG(GL, S, S)
	READ_FIELD(SplineState_Down, STATE, T1)
	FMULG(T1, HQ, GL)
	FMLAG(GY, GL, S)
	READ_FIELD(SplineState_DL, STATE, GL)
	FMULG(GL, S, S)
	BICG(OUTSIDE, S, S)
	WRITE_FIELD(S, SplineState_DL, STATE)
	FMLAG(TT, IM, TP)
	READG(GL_AT, GL)
	FMULG(GL, TP, TP)
	READ_FIELD(SplineState_Up, STATE, PP)
	FMULG(PP, HQ, HQ)
	FMLSG(GY, HQ, TP)
	READ_FIELD(SplineState_DR, STATE, TT)
	FMULG(TT, TP, TP)
	BICG(OUTSIDE, TP, TP)
	WRITE_FIELD(TP, SplineState_DR, STATE)

	// The logits.
	MOVG(GX, TP)
	BITG(OUTSIDE, GY, TP)
	WRITEG(TP, DX_AT)
	READ_FIELD(SplineState_CXL, STATE, X_SELF)
	READ_FIELD(SplineState_CXR, STATE, X_AFTER)
	LOGITS(IW, GX, PH, TH, X_SELF, X_AFTER, X_BEFORE)
	FMULG(Q, T1, T1)
	FMULG(Q, PP, PP)
	FNEGG(T0, T0)
	FNEGG(GY, GY)
	READ_FIELD(SplineState_CYL, STATE, Y_SELF)
	READ_FIELD(SplineState_CYR, STATE, Y_AFTER)
	LOGITS(T0, GY, T1, PP, Y_SELF, Y_AFTER, Y_BEFORE)

	ROWS
	MOVD SplineArgs_DWidth(R(ARGS)), R(D_WIDTH_AT)
	MOVD SplineArgs_DHeight(R(ARGS)), R(D_HEIGHT_AT)
	MOVD SplineArgs_DSlope(R(ARGS)), R(D_SLOPE_AT)
	ADD  R(DONE), R(D_WIDTH_AT)
	ADD  R(DONE), R(D_HEIGHT_AT)
	ADD  R(DONE), R(D_SLOPE_AT)
	ADD  $SplineArgs_Scale, R(ARGS), R(SETTINGS)
	SETTING(ROW_FACTOR)
	LDR_Q(ONE, TABLE, ROW_UNIT)
	EOR_B16(ROW_NUMBER, ROW_NUMBER, ROW_NUMBER)
	READ_FIELD(SplineState_Bin, STATE, OF_BIN)
	READ_FIELD(SplineState_DL, STATE, OF_DL)
	READ_FIELD(SplineState_DR, STATE, OF_DR)
	MOVD R(ALL_BINS), R(BINS)

row:
	FIRST(FCMEQ_D2, ROW_NUMBER, OF_BIN, SELF)
	FIRST(FCMGT_D2, ROW_NUMBER, OF_BIN, BEFORE)
	ROW(WIDTH_AT, X_BEFORE, X_SELF, X_AFTER, D_WIDTH_AT)
	ROW(HEIGHT_AT, Y_BEFORE, Y_SELF, Y_AFTER, D_HEIGHT_AT)
	CMP  R(ALL_BINS), R(BINS)
	BEQ  next // there is no slope to the left of the first
	ANDG(AFTER, OF_DR, R0)
	ANDG(SELF, OF_DL, R1)
	ORRG(R0, R1, R0)
	WRITEG(R0, D_SLOPE_AT)
	ADD  R(D_STRIDE), R(D_SLOPE_AT)

next:
	MOVG(SELF, AFTER)
	FADD_D2(ROW_UNIT, ROW_NUMBER, ROW_NUMBER)
	SUBS $1, R(BINS)
	BNE  row
	ADD  $GROUP_BYTES, R(X_AT)
	ADD  $GROUP_BYTES, R(GY_AT)
	ADD  $GROUP_BYTES, R(GL_AT)
	ADD  $GROUP_BYTES, R(DX_AT)
	ADD  $GROUP_BYTES, R(DONE)
	SUBS $GROUP, R(SAMPLES)
	BNE  samples
	RET
