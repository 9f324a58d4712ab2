//go:build !purego

// Rational-quadratic splines, one per sample (kernels/ref_spline.go): forward map, inverse and reverse mode. In a bin from
// (xₗ, yₗ) to (xᵣ, yᵣ), w wide and h high, s = h/w, slopes dₗ and dᵣ at its ends,
//
//	θ = (x-xₗ)/w, φ = (xᵣ-x)/w     D = s(θ²+φ²) + (dₗ+dᵣ)θφ     M = dᵣθ² + 2sθφ + dₗφ²
//	y = yₗ + h·θ(sθ + dₗφ)/D       dy/dx = s²M/D²
//	θ : φ = p : ρ (β ≥ 0) or ρ : p, β = dₗζ - dᵣη, ρ = |β| + √(β²+4s²ηζ), p = 2sη or 2sζ, for the inverse
//
// Requires: AVX2, FMA.
//
// The bins pass by once for a vector of 4 samples, and what belongs to the sample's own is kept by blends; two vectors
// share a logarithm. The reverse mode passes by the bins again, to write their rows.
// Per bin and vector: 3 additions, 2 FMA, a comparison and 7 blends; per sample 2 divisions (inverse: 4 and a square root;
// reverse mode: 4) and, but for the reverse mode, a logarithm.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx2_amd64.h"

// While the bins pass by.
#define V Y0 // the sample
#define SUMX Y1
#define SUMY Y2
#define RUN Y3    // the bin's number
#define WITHIN Y4 // the sample is not to the left of the knot; after the bins: it is in the last one
#define KNOT Y5
#define SLOPE Y6
#define BIN Y7 // the sample's bin
#define CXL Y8 // sums of widths and heights up to its ends
#define CXR Y9
#define CYL Y10
#define CYR Y11
#define DL Y12 // slopes there
#define DR Y13

// After KNOTS.
#define XL Y1
#define XR Y2
#define YL Y3
#define YR Y5
#define UNIT Y14 // 1

// PLACE.
#define TH Y4 // θ
#define PH Y0 // φ
#define IW Y6 // 1/w; w in the inverse
#define H Y7
#define S Y8

// POINT.
#define TT Y9  // θ²
#define PP Y10 // φ²
#define TP Y11 // θφ
#define D Y15  // dₗ+dᵣ
#define Q Y1   // 1/D
#define M Y2
#define E Y5 // dy/dx

// The frame. What both vectors leave for the logarithm, at 0 or 32.
#define SAMPLE(at) (32*14+at)(FRAME)
#define IMAGE(at) (32*16+at)(FRAME)
#define SLOPES_OF(at) (32*18+at)(FRAME)
// What the reverse mode keeps.
#define KEPT_BIN (32*14)(FRAME)
#define KEPT_CXL (32*16)(FRAME)
#define KEPT_CXR (32*17)(FRAME)
#define KEPT_CYL (32*18)(FRAME)
#define KEPT_CYR (32*19)(FRAME)
#define KEPT_INSIDE (32*20)(FRAME)
#define KEPT_DL (32*21)(FRAME)
#define KEPT_DR (32*22)(FRAME)
#define KEPT_UP (32*23)(FRAME)
#define KEPT_DOWN (32*24)(FRAME)
#define KEPT_LEAN (32*15)(FRAME)

// General registers: AX the arguments.
#define WIDTHS R8
#define HEIGHTS R9
#define SLOPES R10
#define STRIDE R11 // in bytes
#define OFFSET BX  // of the bin's row, in bytes, the samples' included
#define BINS DX    // left
#define SAMPLES DI // done, in bytes

#define BEGIN \
	MOVQ s+0(FP), AX               \
	MOVQ SplineArgs_Width(AX), WIDTHS  \
	MOVQ SplineArgs_Height(AX), HEIGHTS \
	MOVQ SplineArgs_Slope(AX), SLOPES  \
	MOVQ SplineArgs_Stride(AX), STRIDE \
	SHLQ $3, STRIDE                \
	MOVQ SplineArgs_N(AX), CX          \
	SHLQ $3, CX                    \
	XORL SAMPLES, SAMPLES          \
	ALIGN_FRAME

// Splines.bin up to the knots, of the vector at SAMPLES+at where SI points; sum is SUMX, or SUMY to go by the heights.
#define FIND(at, sum, bin, found) \
	VMOVUPD      at(SI)(SAMPLES*1), V          \
	VPXOR        SUMX, SUMX, SUMX              \
	VPXOR        SUMY, SUMY, SUMY              \
	VPXOR        RUN, RUN, RUN                 \
	VPXOR        BIN, BIN, BIN                 \
	VPXOR        CXL, CXL, CXL                 \
	VPXOR        CXR, CXR, CXR                 \
	VPXOR        CYL, CYL, CYL                 \
	VPXOR        CYR, CYR, CYR                 \
	VBROADCASTSD ONE, DL                       \
	VMOVAPD      DL, DR                        \
	VPCMPEQQ     WITHIN, WITHIN, WITHIN        \
	MOVQ         SAMPLES, OFFSET               \
	MOVQ         SplineArgs_K(AX), BINS            \
	DECQ         BINS                          \
	JZ           found                         \
bin:                                           \
	VADDPD       at(WIDTHS)(OFFSET*1), SUMX, SUMX \
	VADDPD       at(HEIGHTS)(OFFSET*1), SUMY, SUMY \
	VMOVUPD      at(SLOPES)(OFFSET*1), SLOPE   \
	VBROADCASTSD ONE, C0                       \
	VADDPD       C0, RUN, RUN                  \
	VBLENDVPD    WITHIN, SUMX, CXR, CXR        \
	VBLENDVPD    WITHIN, SUMY, CYR, CYR        \
	VBLENDVPD    WITHIN, SLOPE, DR, DR         \
	VBROADCASTSD SplineArgs_MinusBound(AX), KNOT   \
	VBROADCASTSD SplineArgs_Step(AX), C0           \
	VBROADCASTSD SplineArgs_Scale(AX), C1          \
	VFMADD231PD  C0, RUN, KNOT                 \
	VFMADD231PD  C1, sum, KNOT                 \
	VCMPPD       GREATER_EQUAL, KNOT, V, WITHIN \
	VBLENDVPD    WITHIN, RUN, BIN, BIN         \
	VBLENDVPD    WITHIN, SUMX, CXL, CXL        \
	VBLENDVPD    WITHIN, SUMY, CYL, CYL        \
	VBLENDVPD    WITHIN, SLOPE, DL, DL         \
	ADDQ         STRIDE, OFFSET                \
	DECQ         BINS                          \
	JNZ          bin                           \
found:

// The rest of it.
#define KNOTS \
	VBROADCASTSD ONE, UNIT                     \
	VBROADCASTSD SplineArgs_MinusBound(AX), XL     \
	VBROADCASTSD SplineArgs_Step(AX), C1           \
	VADDPD       UNIT, BIN, YR                 \
	VMOVAPD      XL, XR                        \
	VFMADD231PD  C1, BIN, XL                   \
	VFMADD231PD  C1, YR, XR                    \
	VMOVAPD      XL, YL                        \
	VMOVAPD      XR, YR                        \
	VBROADCASTSD SplineArgs_Scale(AX), C1          \
	VFMADD231PD  C1, CXL, XL                   \
	VFMADD231PD  C1, CXR, XR                   \
	VFMADD231PD  C1, CYL, YL                   \
	VFMADD231PD  C1, CYR, YR                   \
	VBROADCASTSD SplineArgs_Bound(AX), C1          \
	VBLENDVPD    WITHIN, C1, XR, XR            \
	VBLENDVPD    WITHIN, C1, YR, YR            \
	VBLENDVPD    WITHIN, UNIT, DR, DR

// What the forward map and the reverse mode do first.
#define PLACE \
	VSUBPD YL, YR, H    \
	VSUBPD XL, XR, IW   \
	VDIVPD IW, UNIT, IW \
	VMULPD IW, H, S     \
	VSUBPD XL, V, TH    \
	VMULPD IW, TH, TH   \
	VSUBPD V, XR, PH    \ // PH is V
	VMULPD IW, PH, PH

// splineBin.point; t is scratch.
#define POINT(t) \
	VMULPD      TH, TH, TT \
	VMULPD      PH, PH, PP \
	VMULPD      TH, PH, TP \
	VADDPD      DL, DR, D  \
	VMULPD      D, TP, Q   \
	VADDPD      TT, PP, E  \
	VFMADD231PD S, E, Q    \
	VDIVPD      Q, UNIT, Q \
	VMULPD      PP, DL, M  \
	VADDPD      S, S, E    \
	VFMADD231PD TP, E, M   \
	VFMADD231PD TT, DR, M  \
	VMULPD      Q, S, E    \
	VMULPD      M, E, t    \
	VMULPD      t, E, E

// r = near·(s·near + d·far), where near is TH, d DL for splinePoint.rise.
#define RISE(d, near, far, r) \
	VMULPD      far, d, r  \
	VFMADD231PD near, S, r \
	VMULPD      near, r, r

// For both vectors: the logarithm of dy/dx in A. Then the sample in L, its own difference, NaN for NaN, in B.
#define LOG_SLOPES \
	VMOVAPD SLOPES_OF(0), A0   \
	VMOVAPD SLOPES_OF(32), A1  \
	LOG2(EXPONENT)             \
	VMOVAPD SAMPLE(0), L0      \
	VMOVAPD SAMPLE(32), L1     \
	VSUBPD  L0, L0, B0         \
	VSUBPD  L1, L1, B1

// The images, and the log-dets in A, to where Y and L point; identity outside.
#define STORE \
	VBROADCASTSD SplineArgs_Bound(AX), C0 \
	VBROADCASTSD ABS, C1              \
	VANDPD       C1, L0, E0           \
	VANDPD       C1, L1, E1           \
	VCMPPD       GREATER_EQUAL, C0, E0, E0 \
	VCMPPD       GREATER_EQUAL, C0, E1, E1 \
	VMOVAPD      IMAGE(0), R0         \
	VMOVAPD      IMAGE(32), R1        \
	VBLENDVPD    E0, L0, R0, R0       \
	VBLENDVPD    E1, L1, R1, R1       \
	VANDNPD      A0, E0, A0           \
	VANDNPD      A1, E1, A1           \
	MOVQ         SplineArgs_Y(AX), SI     \
	VMOVUPD      R0, (SI)(SAMPLES*1)  \
	VMOVUPD      R1, 32(SI)(SAMPLES*1) \
	MOVQ         SplineArgs_L(AX), SI     \
	VMOVUPD      A0, (SI)(SAMPLES*1)  \
	VMOVUPD      A1, 32(SI)(SAMPLES*1)

#define FORWARD(at, bin, found) \
	FIND(at, SUMX, bin, found)   \
	VMOVAPD     V, SAMPLE(at)    \
	KNOTS                        \
	PLACE                        \
	POINT(PP)                    \
	VMOVAPD     E, SLOPES_OF(at) \
	RISE(DL, TH, PH, TT)         \
	VMULPD      Q, TT, TT        \
	VFMADD213PD YL, H, TT        \
	VMOVAPD     TT, IMAGE(at)

// func SplinesForwardAVX2(s *SplineArgs)
TEXT ·SplinesForwardAVX2(SB), 0, $672-8
	BEGIN

samples:
	MOVQ   SplineArgs_X(AX), SI
	FORWARD(0, bin0, found0)
	FORWARD(32, bin1, found1)
	LOG_SLOPES
	VADDPD B0, A0, A0
	VADDPD B1, A1, A1
	STORE
	ADDQ   $64, SAMPLES
	CMPQ   SAMPLES, CX
	JLT    samples
	VZEROUPPER
	RET

#define INVERSE(at, bin, found) \
	FIND(at, SUMY, bin, found)         \
	VMOVAPD      V, SAMPLE(at)         \
	KNOTS                              \
	VSUBPD       XL, XR, IW            \
	VSUBPD       YL, YR, H             \
	VDIVPD       H, UNIT, C1           \
	VDIVPD       IW, H, S              \
	VSUBPD       YL, V, TH             \
	VMULPD       C1, TH, TH            \ // η
	VSUBPD       V, YR, PH             \
	VMULPD       C1, PH, PH            \ // ζ
	VADDPD       S, S, C1              \
	VMULPD       TH, C1, TT            \ // 2sη
	VMULPD       PH, C1, PP            \ // 2sζ
	VMULPD       TH, DR, XR            \
	VMOVAPD      PH, YL                \
	VFMSUB213PD  XR, DL, YL            \ // β
	VMULPD       PP, TT, E             \
	VFMADD231PD  YL, YL, E             \
	VSQRTPD      E, E                  \
	VBROADCASTSD ABS, C1               \
	VANDPD       C1, YL, XR            \
	VADDPD       XR, E, E              \ // ρ
	VPXOR        C1, C1, C1            \
	VCMPPD       GREATER_EQUAL, C1, YL, C1 \
	VBLENDVPD    C1, TT, PP, PP        \ // p
	VADDPD       E, PP, YL             \
	VDIVPD       YL, UNIT, YL          \
	VMULPD       YL, E, E              \
	VMULPD       YL, PP, PP            \
	VBLENDVPD    C1, PP, E, TH         \
	VBLENDVPD    C1, E, PP, PH         \
	VFMADD231PD  TH, IW, XL            \
	VMOVAPD      XL, IMAGE(at)         \
	POINT(PP)                          \
	VMOVAPD      E, SLOPES_OF(at)

// func SplinesInverseAVX2(s *SplineArgs)
TEXT ·SplinesInverseAVX2(SB), 0, $672-8
	BEGIN

samples:
	MOVQ   SplineArgs_X(AX), SI
	INVERSE(0, bin0, found0)
	INVERSE(32, bin1, found1)
	LOG_SLOPES
	VSUBPD A0, B0, A0
	VSUBPD A1, B1, A1
	STORE
	ADDQ   $64, SAMPLES
	CMPQ   SAMPLES, CX
	JLT    samples
	VZEROUPPER
	RET

// Registers of the reverse mode, after POINT.
#define IM M  // 1/M
#define IH YL // 1/h
#define GX DL // gradient of x
#define T0 E
#define T1 DR
#define T2 UNIT
#define GY (OFFSET)(SAMPLES*1)
#define GL (BINS)(SAMPLES*1)

// While the rows pass by.
#define AT Y2 // the row is that of the sample's bin
#define BEFORE Y3
#define AFTER Y4 // the row after it
#define ROW_NUMBER Y5
#define X_BEFORE T1 // what the bins before, at and after the sample's get
#define X_AT Y9
#define X_AFTER Y10
#define Y_BEFORE T2
#define Y_AT Y11
#define Y_AFTER Y12
#define FACTOR Y15 // Scale
#define D_STRIDE CX // in bytes
#define D_OFFSET R12 // of the gradient's row, as OFFSET

// logits: what the bins before, at and after the sample's get, in before, cl and cr; 0 outside, D being the mask of the
// samples inside. Clobbers u.
#define LOGITS(u, total, a, b, cl, cr, before) \
	VMULPD      cr, b, before        \
	VFMADD231PD cl, a, before        \
	VMULPD      before, total, before \
	VSUBPD      cl, cr, cr           \
	VFMADD213PD before, u, cr        \
	VFMADD231PD total, b, u          \
	VSUBPD      u, cr, cl            \
	VSUBPD      total, cr, before    \
	VANDPD      D, before, before    \
	VANDPD      D, cl, cl            \
	VANDPD      D, cr, cr

// A row of the gradient: (scale·weight)·before, at or after.
#define ROW(weights, before, at, after, to) \
	VMULPD    (weights)(OFFSET*1), FACTOR, Y0 \
	VBLENDVPD AT, at, after, Y1             \
	VBLENDVPD BEFORE, before, Y1, Y1        \
	VMULPD    Y1, Y0, Y0                    \
	MOVQ      to(AX), SI                    \
	VMOVUPD   Y0, (SI)(D_OFFSET*1)

// func SplinesBackwardAVX2(s *SplineArgs)
TEXT ·SplinesBackwardAVX2(SB), 0, $832-8
	BEGIN

samples:
	MOVQ         SplineArgs_X(AX), SI
	FIND(0, SUMX, bin, found)
	VMOVAPD      BIN, KEPT_BIN
	VBROADCASTSD ABS, C0
	VBROADCASTSD SplineArgs_Bound(AX), C1
	VANDPD       C0, V, C0
	VCMPPD       NOT_GREATER_EQUAL, C1, C0, C0
	VMOVAPD      C0, KEPT_INSIDE
	KNOTS
	VBLENDVPD    WITHIN, UNIT, CXR, CXR
	VBLENDVPD    WITHIN, UNIT, CYR, CYR
	VMOVAPD      CXL, KEPT_CXL
	VMOVAPD      CXR, KEPT_CXR
	VMOVAPD      CYL, KEPT_CYL
	VMOVAPD      CYR, KEPT_CYR
	VMOVAPD      DL, KEPT_DL
	VMOVAPD      DR, KEPT_DR
	PLACE
	POINT(YL)
	VDIVPD       H, UNIT, IH
	VDIVPD       M, UNIT, IM
	RISE(DL, TH, PH, T2)
	VMOVAPD      T2, KEPT_UP
	RISE(DR, PH, TH, T2)
	VMOVAPD      T2, KEPT_DOWN
	MOVQ         SplineArgs_GY(AX), OFFSET
	MOVQ         SplineArgs_GL(AX), BINS

	// Along θ, over w.
	VMULPD       PP, DL, T2
	VFMSUB231PD  TT, DR, T2
	VMOVAPD      T2, KEPT_LEAN // dᵣθ² - dₗφ²
	VMULPD       GY, E, E
	VMULPD       PH, DL, GX
	VFMSUB231PD  TH, DR, GX
	VSUBPD       TH, PH, T1 // φ-θ
	VFMADD231PD  T1, S, GX // half of dM/dθ
	VADDPD       S, S, T2
	VSUBPD       T2, D, T2
	VMULPD       T2, T1, T1
	VMULPD       Q, T1, T1
	VFMSUB213PD  T1, IM, GX
	VADDPD       GX, GX, GX
	VMULPD       GL, IW, T1
	VFMADD213PD  E, T1, GX

	// Along log s.
	VMULPD       Q, H, H
	VMULPD       Q, H, H
	VMULPD       TP, H, H // hθφ/D²
	VMULPD       KEPT_LEAN, H, T1
	VMULPD       Q, D, T2
	VFMADD231PD  IM, S, T2
	VADDPD       TP, TP, TP
	VMULPD       T2, TP, T2
	VMULPD       GL, T2, T2
	VMULPD       GY, S, S
	VFMADD213PD  T2, T1, S
	VMULPD       IW, S, IW // over w
	VMULPD       IH, S, IH // over h

	// The slopes.
	VMOVAPD      KEPT_INSIDE, D
	VMULPD       Q, TP, TP
	VFMSUB213PD  TP, IM, PP
	VMULPD       GL, PP, PP
	VMULPD       KEPT_DOWN, H, T1
	VFMADD231PD  GY, T1, PP
	VMULPD       KEPT_DL, PP, PP
	VANDPD       D, PP, PP
	VMOVAPD      PP, KEPT_DL
	VFMSUB213PD  TP, IM, TT
	VMULPD       GL, TT, TT
	VMULPD       KEPT_UP, H, T1
	VFNMADD231PD GY, T1, TT
	VMULPD       KEPT_DR, TT, TT
	VANDPD       D, TT, TT
	VMOVAPD      TT, KEPT_DR

	// The logits.
	VMOVUPD      GY, T0
	VBLENDVPD    D, GX, T0, T1
	MOVQ         SplineArgs_DX(AX), SI
	VMOVUPD      T1, (SI)(SAMPLES*1)
	VMOVAPD      KEPT_CXL, X_AT
	VMOVAPD      KEPT_CXR, X_AFTER
	LOGITS(IW, GX, PH, TH, X_AT, X_AFTER, X_BEFORE)
	VMULPD       KEPT_DOWN, Q, PH
	VMULPD       KEPT_UP, Q, TH
	VBROADCASTSD SIGN, M
	VXORPD       M, IH, IH
	VXORPD       M, T0, T0
	VMOVAPD      KEPT_CYL, Y_AT
	VMOVAPD      KEPT_CYR, Y_AFTER
	LOGITS(IH, T0, PH, TH, Y_AT, Y_AFTER, Y_BEFORE)

	VBROADCASTSD SplineArgs_Scale(AX), FACTOR
	VPXOR        ROW_NUMBER, ROW_NUMBER, ROW_NUMBER
	MOVQ         SplineArgs_DStride(AX), D_STRIDE
	SHLQ         $3, D_STRIDE
	MOVQ         SAMPLES, OFFSET
	MOVQ         SAMPLES, D_OFFSET
	MOVQ         SplineArgs_K(AX), BINS

row:
	VCMPPD       EQUAL, KEPT_BIN, ROW_NUMBER, AT
	VCMPPD       LESS, KEPT_BIN, ROW_NUMBER, BEFORE
	ROW(WIDTHS, X_BEFORE, X_AT, X_AFTER, SplineArgs_DWidth)
	ROW(HEIGHTS, Y_BEFORE, Y_AT, Y_AFTER, SplineArgs_DHeight)
	CMPQ         BINS, SplineArgs_K(AX)
	JEQ          next // there is no slope to the left of the first
	VANDPD       KEPT_DR, AFTER, Y0
	VANDPD       KEPT_DL, AT, Y1
	VORPD        Y1, Y0, Y0
	MOVQ         SplineArgs_DSlope(AX), SI
	SUBQ         D_STRIDE, SI
	VMOVUPD      Y0, (SI)(D_OFFSET*1)

next:
	VMOVAPD      AT, AFTER
	VBROADCASTSD ONE, Y0
	VADDPD       Y0, ROW_NUMBER, ROW_NUMBER
	ADDQ         STRIDE, OFFSET
	ADDQ         D_STRIDE, D_OFFSET
	DECQ         BINS
	JNZ          row
	MOVQ         SplineArgs_N(AX), CX
	SHLQ         $3, CX
	ADDQ         $32, SAMPLES
	CMPQ         SAMPLES, CX
	JLT          samples
	VZEROUPPER
	RET
