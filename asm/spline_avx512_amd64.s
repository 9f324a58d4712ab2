//go:build !purego

// Rational-quadratic splines, one per sample (kernels/ref_spline.go): forward map, inverse and reverse mode. In a bin from
// (xₗ, yₗ) to (xᵣ, yᵣ), w wide and h high, s = h/w, slopes dₗ and dᵣ at its ends,
//
//	θ = (x-xₗ)/w, φ = (xᵣ-x)/w     D = s(θ²+φ²) + (dₗ+dᵣ)θφ     M = dᵣθ² + 2sθφ + dₗφ²
//	y = yₗ + h·θ(sθ + dₗφ)/D       dy/dx = s²M/D²
//	θ : φ = p : ρ (β ≥ 0) or ρ : p, β = dₗζ - dᵣη, ρ = |β| + √(β²+4s²ηζ), p = 2sη or 2sζ, for the inverse
//
// Requires: AVX512F, AVX512DQ, AVX512VL, AVX512BW.
//
// A vector of 8 samples at a time: the bins pass by once, and what belongs to the sample's own is kept under a mask. The
// reverse mode passes by the bins again, to write their rows.
// Per bin and vector: 3 additions, 2 FMA, a comparison and 7 masked moves; per sample 2 divisions (inverse: 4 and a square
// root; reverse mode: 4) and, but for the reverse mode, a logarithm.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx512_amd64.h"

// Constants of the call.
#define SCALE Z0
#define STEP Z1
#define MINUS_EDGE Z2 // -Bound
#define EDGE Z3
#define UNIT Z31 // 1

#define V Z4 // the sample
#define SUMX Z5 // running sums; scratch after the bins, as SUMY and RUN
#define SUMY Z6
#define RUN Z7 // the bin's number

// The sample's bin.
#define BIN Z8
#define CXL Z9 // sums of widths and heights up to its ends
#define CXR Z10
#define CYL Z11
#define CYR Z12
#define DL Z13 // slopes there
#define DR Z14
#define XL Z16 // knots there
#define XR Z17
#define YL Z18
#define YR Z19

#define E Z15 // dy/dx; before, a knot or a slope
#define IW Z20 // 1/w; w in the inverse
#define H Z21
#define S Z22
#define TH Z23 // θ
#define PH Z24 // φ
#define TT Z25 // θ²
#define PP Z26 // φ²
#define TP Z27 // θφ
#define D Z28 // dₗ+dᵣ
#define Q Z29 // 1/D
#define M Z30

#define WITHIN K1 // the sample is not to the left of the knot; after the bins: it is in the last one
#define OUTSIDE K2

// General registers: AX the arguments.
#define WIDTHS R8
#define HEIGHTS R9
#define SLOPES R10
#define STRIDE R11 // in bytes
#define OFFSET BX // of the bin's row, in bytes, the samples' included
#define BINS DX // left
#define SAMPLES DI // done, in bytes

#define BEGIN \
	MOVQ s+0(FP), AX                       \
	VBROADCASTSD SplineArgs_Scale(AX), SCALE   \
	VBROADCASTSD SplineArgs_Step(AX), STEP     \
	VBROADCASTSD SplineArgs_MinusBound(AX), MINUS_EDGE \
	VBROADCASTSD SplineArgs_Bound(AX), EDGE    \
	VBROADCASTSD ONE, UNIT                 \
	MOVQ SplineArgs_Width(AX), WIDTHS          \
	MOVQ SplineArgs_Height(AX), HEIGHTS        \
	MOVQ SplineArgs_Slope(AX), SLOPES          \
	MOVQ SplineArgs_Stride(AX), STRIDE         \
	SHLQ $3, STRIDE                        \
	MOVQ SplineArgs_N(AX), CX                  \
	SHLQ $3, CX                            \
	XORL SAMPLES, SAMPLES

// Splines.bin up to the knots, of the vector at SAMPLES where SI points; c is SUMX, or SUMY to go by the heights.
#define FIND(c, bin, found) \
	VMOVUPD     (SI)(SAMPLES*1), V          \
	VPXORQ      SUMX, SUMX, SUMX                  \
	VPXORQ      SUMY, SUMY, SUMY                  \
	VPXORQ      RUN, RUN, RUN               \
	VPXORQ      BIN, BIN, BIN               \
	VPXORQ      CXL, CXL, CXL               \
	VPXORQ      CXR, CXR, CXR               \
	VPXORQ      CYL, CYL, CYL               \
	VPXORQ      CYR, CYR, CYR               \
	VMOVAPD     UNIT, DL                    \
	VMOVAPD     UNIT, DR                    \
	KXNORB      WITHIN, WITHIN, WITHIN      \
	MOVQ        SAMPLES, OFFSET             \
	MOVQ        SplineArgs_K(AX), BINS          \
	DECQ        BINS                        \
	JZ          found                       \
bin:                                        \
	VADDPD      (WIDTHS)(OFFSET*1), SUMX, SUMX  \
	VADDPD      (HEIGHTS)(OFFSET*1), SUMY, SUMY \
	VMOVUPD     (SLOPES)(OFFSET*1), E       \
	VADDPD      UNIT, RUN, RUN              \
	VMOVAPD     SUMX, WITHIN, CXR             \
	VMOVAPD     SUMY, WITHIN, CYR             \
	VMOVAPD     E, WITHIN, DR               \
	VMOVAPD     MINUS_EDGE, M               \
	VFMADD231PD STEP, RUN, M                \
	VFMADD231PD SCALE, c, M                 \ // the knot
	VCMPPD      GREATER_EQUAL, M, V, WITHIN \
	VMOVAPD     RUN, WITHIN, BIN            \
	VMOVAPD     SUMX, WITHIN, CXL             \
	VMOVAPD     SUMY, WITHIN, CYL             \
	VMOVAPD     E, WITHIN, DL               \
	ADDQ        STRIDE, OFFSET              \
	DECQ        BINS                        \
	JNZ         bin                         \
found:                                      \
	VPANDQ.BCST ABS, V, SUMX                  \
	VCMPPD      GREATER_EQUAL, EDGE, SUMX, OUTSIDE

// The rest of it. Clobbers SUMX, SUMY and RUN, as what follows.
#define KNOTS \
	VMOVAPD     MINUS_EDGE, XL   \
	VFMADD231PD STEP, BIN, XL    \
	VADDPD      UNIT, BIN, SUMX    \
	VMOVAPD     MINUS_EDGE, XR   \
	VFMADD231PD STEP, SUMX, XR     \
	VMOVAPD     XL, YL           \
	VMOVAPD     XR, YR           \
	VFMADD231PD SCALE, CXL, XL   \
	VFMADD231PD SCALE, CXR, XR   \
	VFMADD231PD SCALE, CYL, YL   \
	VFMADD231PD SCALE, CYR, YR   \
	VMOVAPD     EDGE, WITHIN, XR \
	VMOVAPD     EDGE, WITHIN, YR \
	VMOVAPD     UNIT, WITHIN, DR

// What the forward map and the reverse mode do first.
#define PLACE \
	VSUBPD YL, YR, H   \
	VSUBPD XL, XR, IW  \
	VDIVPD IW, UNIT, IW \
	VMULPD IW, H, S    \
	VSUBPD XL, V, TH   \
	VMULPD IW, TH, TH  \
	VSUBPD V, XR, PH   \
	VMULPD IW, PH, PH

// splineBin.point
#define POINT \
	VMULPD      TH, TH, TT  \
	VMULPD      PH, PH, PP  \
	VMULPD      TH, PH, TP  \
	VADDPD      DL, DR, D   \
	VMULPD      D, TP, Q    \
	VADDPD      TT, PP, E   \
	VFMADD231PD S, E, Q     \
	VDIVPD      Q, UNIT, Q  \
	VMULPD      PP, DL, M   \
	VADDPD      S, S, E     \
	VFMADD231PD TP, E, M    \
	VFMADD231PD TT, DR, M   \
	VMULPD      Q, S, E     \
	VMULPD      M, E, SUMX    \
	VMULPD      SUMX, E, E

// r = near·(s·near + d·far), where near is TH, d DL for splinePoint.rise.
#define RISE(d, near, far, r) \
	VMULPD      far, d, r   \
	VFMADD231PD near, S, r  \
	VMULPD      near, r, r

// The image in SUMX and the log-det in E, to where Y and L point; identity outside.
#define STORE \
	VMOVAPD V, OUTSIDE, SUMX         \
	VPXORQ  SUMY, SUMY, SUMY             \
	VMOVAPD SUMY, OUTSIDE, E         \
	MOVQ    SplineArgs_Y(AX), SI       \
	VMOVUPD SUMX, (SI)(SAMPLES*1)    \
	MOVQ    SplineArgs_L(AX), SI       \
	VMOVUPD E, (SI)(SAMPLES*1)

// func SplinesForwardAVX512(s *SplineArgs)
TEXT ·SplinesForwardAVX512(SB), NOSPLIT, $0-8
	BEGIN

samples:
	MOVQ        SplineArgs_X(AX), SI
	FIND(SUMX, bin, found)
	KNOTS
	PLACE
	POINT
	RISE(DL, TH, PH, SUMX)
	VMULPD      Q, SUMX, SUMX
	VFMADD213PD YL, H, SUMX
	VPXORQ      SUMY, SUMY, SUMY
	LOG(E, SUMY, TT, PP, TP, Q)
	VSUBPD      V, V, SUMY // NaN for NaN
	VADDPD      SUMY, E, E
	STORE
	ADDQ        $64, SAMPLES
	CMPQ        SAMPLES, CX
	JLT         samples
	VZEROUPPER
	RET

// func SplinesInverseAVX512(s *SplineArgs)
TEXT ·SplinesInverseAVX512(SB), NOSPLIT, $0-8
	BEGIN

samples:
	MOVQ        SplineArgs_X(AX), SI
	FIND(SUMY, bin, found)
	KNOTS
	VSUBPD      XL, XR, IW
	VSUBPD      YL, YR, H
	VDIVPD      H, UNIT, SUMX
	VDIVPD      IW, H, S
	VSUBPD      YL, V, TH
	VMULPD      SUMX, TH, TH // η
	VSUBPD      V, YR, PH
	VMULPD      SUMX, PH, PH // ζ
	VADDPD      S, S, SUMX
	VMULPD      TH, SUMX, TT // 2sη
	VMULPD      PH, SUMX, PP // 2sζ
	VMULPD      TH, DR, Q
	VMOVAPD     PH, M
	VFMSUB213PD Q, DL, M // β
	VMULPD      PP, TT, E
	VFMADD231PD M, M, E
	VSQRTPD     E, E
	VPANDQ.BCST ABS, M, SUMY
	VADDPD      SUMY, E, E // ρ
	VPXORQ      RUN, RUN, RUN
	VCMPPD      GREATER_EQUAL, RUN, M, K3
	VMOVAPD     PP, SUMY
	VMOVAPD     TT, K3, SUMY // p
	VADDPD      E, SUMY, RUN
	VDIVPD      RUN, UNIT, RUN
	VMULPD      RUN, E, TH
	VMULPD      RUN, SUMY, PH
	VMOVAPD     TH, SUMX
	VMOVAPD     PH, K3, TH
	VMOVAPD     SUMX, K3, PH
	POINT
	VMOVAPD     XL, SUMX
	VFMADD231PD TH, IW, SUMX
	VPXORQ      SUMY, SUMY, SUMY
	LOG(E, SUMY, TT, PP, TP, Q)
	VSUBPD      V, V, SUMY
	VSUBPD      E, SUMY, E
	STORE
	ADDQ        $64, SAMPLES
	CMPQ        SAMPLES, CX
	JLT         samples
	VZEROUPPER
	RET

// Registers of the reverse mode.
#define GY SUMX
#define GL SUMY
#define GX V // gradient of x
#define IM M // 1/M
#define IH XL
#define UP XR // splinePoint.rise
#define DOWN YL
#define T0 YR // scratch
#define T1 RUN
#define X_BEFORE TT // what the bins before the sample's get
#define Y_BEFORE PP
#define AT K3 // the row is that of the sample's bin
#define BEFORE K4
#define AFTER K5 // the row after it

// logits: what the bins before, at and after the sample's get, in before, cl and cr. Zero outside. Clobbers u.
#define LOGITS(u, total, a, b, cl, cr, before) \
	VMULPD      cr, b, before        \
	VFMADD231PD cl, a, before        \
	VMULPD      before, total, before \
	VSUBPD      cl, cr, cr           \
	VFMADD213PD before, u, cr        \
	VFMADD231PD total, b, u          \
	VSUBPD      u, cr, cl            \
	VSUBPD      total, cr, before    \
	VMOVAPD     T0, OUTSIDE, before  \ // T0 is 0
	VMOVAPD     T0, OUTSIDE, cl      \
	VMOVAPD     T0, OUTSIDE, cr

// A row of the gradient: (scale·weight)·before, at or after.
#define ROW(weights, before, at, after, to) \
	VMULPD  (weights)(OFFSET*1), SCALE, T0 \
	VMOVAPD after, T1                      \
	VMOVAPD at, AT, T1                     \
	VMOVAPD before, BEFORE, T1             \
	VMULPD  T1, T0, T0                     \
	MOVQ    to(AX), SI                     \
	VMOVUPD T0, (SI)(R12*1)

// func SplinesBackwardAVX512(s *SplineArgs)
TEXT ·SplinesBackwardAVX512(SB), NOSPLIT, $0-8
	BEGIN
	MOVQ SplineArgs_DStride(AX), R13
	SHLQ $3, R13

samples:
	MOVQ         SplineArgs_X(AX), SI
	FIND(SUMX, bin, found)
	KNOTS
	PLACE
	POINT
	VDIVPD       H, UNIT, IH
	VDIVPD       M, UNIT, IM
	RISE(DL, TH, PH, UP)
	RISE(DR, PH, TH, DOWN)
	MOVQ         SplineArgs_GY(AX), SI
	VMOVUPD      (SI)(SAMPLES*1), GY
	MOVQ         SplineArgs_GL(AX), SI
	VMOVUPD      (SI)(SAMPLES*1), GL

	// Along θ, over w.
	VSUBPD       TH, PH, T1 // φ-θ
	VMULPD       PH, DL, T0
	VMOVAPD      TH, GX
	VFMSUB213PD  T0, DR, GX
	VFMADD231PD  T1, S, GX // half of dM/dθ
	VADDPD       S, S, T0
	VSUBPD       T0, D, T0
	VMULPD       T0, T1, T0
	VMULPD       Q, T0, T0
	VFMSUB213PD  T0, IM, GX
	VADDPD       GX, GX, GX
	VMULPD       E, GY, T0
	VMULPD       IW, GL, T1
	VFMADD213PD  T0, T1, GX

	// Along log s.
	VMULPD       Q, H, H
	VMULPD       Q, H, H
	VMULPD       TP, H, H // hθφ/D²
	VMULPD       PP, DL, T0
	VMOVAPD      TT, T1
	VFMSUB213PD  T0, DR, T1
	VMULPD       T1, H, T1
	VMULPD       Q, D, T0
	VFMADD231PD  IM, S, T0
	VADDPD       TP, TP, TP
	VMULPD       T0, TP, T0
	VMULPD       T0, GL, T0
	VMULPD       S, GY, S
	VFMADD213PD  T0, T1, S
	VMULPD       IW, S, IW // over w
	VMULPD       IH, S, IH // over h

	// The slopes.
	VMULPD       Q, TP, TP
	VFMSUB213PD  TP, IM, PP
	VMULPD       PP, GL, PP
	VMULPD       DOWN, H, T0
	VFMADD213PD  PP, GY, T0
	VMULPD       T0, DL, DL
	VFMSUB213PD  TP, IM, TT
	VMULPD       TT, GL, TT
	VMULPD       UP, H, T0
	VFNMADD213PD TT, GY, T0
	VMULPD       T0, DR, DR

	// The logits.
	VMOVAPD      GX, T0
	VMOVAPD      GY, OUTSIDE, T0
	MOVQ         SplineArgs_DX(AX), SI
	VMOVUPD      T0, (SI)(SAMPLES*1)
	VPXORQ       T0, T0, T0
	VMOVAPD      T0, OUTSIDE, DL
	VMOVAPD      T0, OUTSIDE, DR
	VMOVAPD      UNIT, WITHIN, CXR
	VMOVAPD      UNIT, WITHIN, CYR
	LOGITS(IW, GX, PH, TH, CXL, CXR, X_BEFORE)
	VMULPD       Q, DOWN, DOWN
	VMULPD       Q, UP, UP
	VPXORQ.BCST  SIGN, IH, IH
	VPXORQ.BCST  SIGN, GY, GY
	LOGITS(IH, GY, DOWN, UP, CYL, CYR, Y_BEFORE)

	VPXORQ       GL, GL, GL // the row's number
	MOVQ         SAMPLES, OFFSET
	MOVQ         SAMPLES, R12 // of the gradient's row, as OFFSET
	MOVQ         SplineArgs_K(AX), BINS

row:
	VCMPPD       EQUAL, GL, BIN, AT
	VCMPPD       LESS, BIN, GL, BEFORE
	ROW(WIDTHS, X_BEFORE, CXL, CXR, SplineArgs_DWidth)
	ROW(HEIGHTS, Y_BEFORE, CYL, CYR, SplineArgs_DHeight)
	CMPQ         BINS, SplineArgs_K(AX)
	JEQ          next // there is no slope to the left of the first
	VPXORQ       T0, T0, T0
	VMOVAPD      DR, AFTER, T0
	VMOVAPD      DL, AT, T0
	MOVQ         SplineArgs_DSlope(AX), SI
	SUBQ         R13, SI
	VMOVUPD      T0, (SI)(R12*1)

next:
	KMOVB        AT, AFTER
	VADDPD       UNIT, GL, GL
	ADDQ         STRIDE, OFFSET
	ADDQ         R13, R12
	DECQ         BINS
	JNZ          row
	ADDQ         $64, SAMPLES
	CMPQ         SAMPLES, CX
	JLT          samples
	VZEROUPPER
	RET
