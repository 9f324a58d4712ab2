// The steps that the AVX2 kernels are made of. Each is the vector form of a function of kernels/*.go, which says why it
// is as it is; operands stand in Go's order, sources first.
//
// Requires: AVX2, FMA.
//
// Steps named …2 work on two vectors of 4 samples side by side, so that the chains of one hide the latency of the other. They
// have a fixed register map. 16 registers do not hold everything: what a step leaves for a later one, and the sums over the
// components, stand in the frame.

#define L0 Y0  // the residual of v; then the exponential
#define L1 Y1
#define A0 Y2  // the mean; then |v|; then even powers of P; elsewhere the logarithm
#define A1 Y3
#define B0 Y4  // IH; then odd powers of P; then P; then R
#define B1 Y5
#define E0 Y6  // IL; then even powers of W
#define E1 Y7
#define O0 Y8  // x; then odd powers of W; then the denominator
#define O1 Y9
#define R0 Y10 // v = C·(x-mean)/σ, signed; then the exponential's argument, |r| ≤ 1/2
#define R1 Y11
#define S0 Y12 // u²
#define S1 Y13
#define C0 Y14 // constants
#define C1 Y15

// The frame, in vectors from an address that is a multiple of 32.
#define FRAME R13
#define V0 (32*0)(FRAME) // v, signed
#define V1 (32*1)(FRAME)
#define U0 (32*2)(FRAME) // |v|, clamped
#define U1 (32*3)(FRAME)
#define N0 (32*4)(FRAME) // the exponent, in its place
#define N1 (32*5)(FRAME)

// The sums over the components.
#define D0 (32*6)(FRAME)
#define D1 (32*7)(FRAME)
#define WP0 (32*8)(FRAME)
#define WP1 (32*9)(FRAME)
#define WN0 (32*10)(FRAME)
#define WN1 (32*11)(FRAME)
#define F0 (32*12)(FRAME)
#define F1 (32*13)(FRAME)

#define ALIGN_FRAME \
	LEAQ 31(SP), FRAME \
	ANDQ $~31, FRAME

// VCMPPD.
#define LESS $0x11 // false if one is NaN
#define LESS_EQUAL $0x12
#define NOT_GREATER_EQUAL $0x19 // true if one is NaN
#define GREATER_EQUAL $0x1D
#define NOT_LESS $0x15
#define NOT_LESS_EQUAL $0x16
#define GREATER $0x1E
#define UNORDERED $0x03
#define EQUAL $0x00
#define NOT_EQUAL $0x04

// What stands in for instructions that AVX2 lacks (constants_avx2_amd64.go).
#define LOG_BASE ·constsAVX2+constantsAVX2_logBase(SB)
#define TWO_52 ·constsAVX2+constantsAVX2_two52(SB)
#define EXPONENT ·constsAVX2+constantsAVX2_exponent(SB)
#define EXPONENT_BIAS ·constsAVX2+constantsAVX2_exponentBias(SB)
#define EXPONENT_54 ·constsAVX2+constantsAVX2_exponent54(SB)
#define MINUS_INFINITY ·constsAVX2+constantsAVX2_minusInfinity(SB)
#define POWERS ·constsAVX2+constantsAVX2_powers(SB)

// Constants in every element of a vector (splats_avx2_amd64.go).
#define ALPHA_4 ·splats+(splatsAVX2_constants+4*constants_alpha)(SB)
#define C_HI_4 ·splats+(splatsAVX2_constants+4*constants_cHi)(SB)
#define C_LO_4 ·splats+(splatsAVX2_constants+4*constants_cLo)(SB)
#define NEAREST_4 ·splats+(splatsAVX2_constants+4*constants_nearest)(SB)
#define NORM_NEAR_4 ·splats+(splatsAVX2_constants+4*constants_normNear)(SB)
#define NEAREST_BIAS_4 ·splats+(splatsAVX2_constants+4*constants_nearestBias)(SB)
#define INV_C_4 ·splats+(splatsAVX2_constants+4*constants_invC)(SB)
#define DENSITY_SCALE_4 ·splats+(splatsAVX2_constants+4*constants_densityScale)(SB)
#define V_MAX_4 ·splats+(splatsAVX2_constants+4*constants_vMax)(SB)
#define HALF_4 ·splats+(splatsAVX2_constants+4*constants_half)(SB)
#define SIGN_4 ·splats+(splatsAVX2_constants+4*constants_sign)(SB)
#define FOUR_4 ·splats+(splatsAVX2_constants+4*constants_four)(SB)
#define MINUS_FOUR_4 ·splats+(splatsAVX2_constants+4*constants_minusFour)(SB)
#define LN_SQRT_2PI_4 ·splats+(splatsAVX2_constants+4*constants_lnSqrt2Pi)(SB)
#define ONE_4 ·splats+(splatsAVX2_constants+4*constants_one)(SB)
#define ALPHA_EXP2_4(i) ·splats+(splatsAVX2_AlphaExp2+32*i)(SB)
#define LOG_LG_4(i) ·splats+(splatsAVX2_LogLg+32*i)(SB)
#define TANH_P_4(i) ·splats+(splatsAVX2_TanhP+32*i)(SB)
#define TANH_Q_4(i) ·splats+(splatsAVX2_TanhQ+32*i)(SB)
#define CENTRE_4(i) ·splats+(splatsAVX2_Centre+32*i)(SB)
#define ROUGH_CDF_4(i) ·splats+(splatsAVX2_RoughCDF+32*i)(SB)
#define PROBIT_P_4(i) ·splats+(splatsAVX2_ProbitP+32*i)(SB)
#define PROBIT_Q_4(i) ·splats+(splatsAVX2_ProbitQ+32*i)(SB)
#define TAIL_P_4(i) ·splats+(splatsAVX2_TailP+32*i)(SB)
#define TAIL_Q_4(i) ·splats+(splatsAVX2_TailQ+32*i)(SB)
#define MILLS_P_4(i) ·splats+(splatsAVX2_MillsP+32*i)(SB)
#define MILLS_W_4(i) ·splats+(splatsAVX2_MillsW+32*i)(SB)

// p = p·x + c for both vectors. c is in memory in every element of a vector: a register for it would be one of those that the
// processor renames, whose number bounds how far ahead it works, and multiply-adds of three registers share the way to the third
// with stores.
#define HORNER2(c, x0, p0, x1, p1) \
	VFMADD213PD c, x0, p0 \
	VFMADD213PD c, x1, p1

// The highest coefficient, for both vectors.
#define BOTH(c, p0, p1) \
	VMOVUPD c, p0 \
	VMOVAPD p0, p1

// newComponent for the vector of samples at from the byte offset BX of the rows WEIGHTS, MEANS and SCALES. density goes to
// memory. Clobbers o, C0 and C1.
#define COMPONENT(at, mean, ih, il, density, o) \
	VMOVUPD      at(SCALES)(BX*1), o      \
	VBROADCASTSD C_HI, C0                 \
	VDIVPD       o, C0, ih                \
	VMOVAPD      ih, il                   \
	VFNMADD213PD C0, o, il                \ // CHi - ih·σ
	VBROADCASTSD C_LO, C0                 \
	VADDPD       C0, il, il               \
	VBROADCASTSD INV_C, C0                \
	VMULPD       ih, C0, C0               \
	VMULPD       C0, il, il               \
	VBROADCASTSD DENSITY_SCALE, C1        \
	VMULPD       at(WEIGHTS)(BX*1), C1, C1 \
	VMULPD       ih, C1, C1               \
	VMOVAPD      C1, density              \
	VMOVUPD      at(MEANS)(BX*1), mean

// base2: v and its residual, given x. The other three arguments are scratch.
#define BASE(x, mean, ih, il, v, l, dl, t, d) \
	VSUBPD      mean, x, d   \ // x - mean
	VSUBPD      x, d, dl     \ // what the subtraction lost, exactly:
	VSUBPD      dl, d, t     \
	VSUBPD      t, x, t      \
	VADDPD      mean, dl, dl \
	VSUBPD      dl, t, dl    \
	VMULPD      ih, d, v     \
	VMOVAPD     v, l         \
	VFMSUB231PD ih, d, l     \
	VFMADD231PD il, d, l     \
	VFMADD231PD ih, dl, l

// The same for both, from x in O to v in R and its residual in L. mean, ih and il are A, B and E, shared (A0, B0, E0
// twice) or of each vector.
#define BASE2(m0, h0, l0, m1, h1, l1) \
	BASE(O0, m0, h0, l0, R0, L0, S0, C0, C1) \
	BASE(O1, m1, h1, l1, R1, L1, S1, C0, C1)

// gauss, first part: |v| in A and U, held at the limit. Past it, and for NaN, there is no residual. Signed v goes to V,
// 2v where there is a residual to B.
#define CLAMP2(limit0, limit1) \
	VBROADCASTSD ABS, C0     \
	VMOVAPD R0, V0           \
	VMOVAPD R1, V1           \
	VANDPD  C0, R0, A0       \
	VANDPD  C0, R1, A1       \
	VCMPPD  LESS, limit0, A0, S0 \
	VCMPPD  LESS, limit1, A1, S1 \
	VMINPD  limit0, A0, A0   \ // the limit for NaN
	VMINPD  limit1, A1, A1   \
	VMOVAPD A0, U0           \
	VMOVAPD A1, U1           \
	VANDPD  S0, L0, L0       \ // both, because one may be infinite
	VANDPD  S1, L1, L1       \
	VANDPD  S0, R0, B0       \
	VANDPD  S1, R1, B1       \
	VADDPD  B0, B0, B0       \
	VADDPD  B1, B1, B1

// gauss, second part: u² in S, the exponent in N and the exponential's argument in R.
#define EXPONENT2 \
	VBROADCASTSD NEAREST_BIAS, C1 \
	VMULPD       A0, A0, S0  \
	VMULPD       A1, A1, S1  \
	VSUBPD       S0, C1, E0  \ // NEAREST_BIAS - u², rounded to an integer
	VSUBPD       S1, C1, E1  \
	VSUBPD       C1, E0, R0  \
	VSUBPD       C1, E1, R1  \
	VFNMSUB231PD A0, A0, R0  \ // -u² less that integer
	VFNMSUB231PD A1, A1, R1  \
	VFNMADD231PD L0, B0, R0  \ // less 2v·vl
	VFNMADD231PD L1, B1, R1  \
	VPSLLQ       $52, E0, E0 \
	VPSLLQ       $52, E1, E1 \
	VMOVAPD      E0, N0      \
	VMOVAPD      E1, N1

// exp2Unit: c0·2^R in L; table is c0·Exp2.
#define EXP2_UNIT2(table, c0) \
	BOTH(·splats+(table+32*10)(SB), L0, L1)           \
	HORNER2(·splats+(table+32*9)(SB), R0, L0, R1, L1) \
	HORNER2(·splats+(table+32*8)(SB), R0, L0, R1, L1) \
	HORNER2(·splats+(table+32*7)(SB), R0, L0, R1, L1) \
	HORNER2(·splats+(table+32*6)(SB), R0, L0, R1, L1) \
	HORNER2(·splats+(table+32*5)(SB), R0, L0, R1, L1) \
	HORNER2(·splats+(table+32*4)(SB), R0, L0, R1, L1) \
	HORNER2(·splats+(table+32*3)(SB), R0, L0, R1, L1) \
	HORNER2(·splats+(table+32*2)(SB), R0, L0, R1, L1) \
	HORNER2(·splats+(table+32*1)(SB), R0, L0, R1, L1) \
	HORNER2(·splats+(table+32*0)(SB), R0, L0, R1, L1) \
	HORNER2(c0, R0, L0, R1, L1)

// exp: e^A in L, in two scalings. Clobbers A, B, E, R, C0 and C1.
#define EXP2 \
	VBROADCASTSD EXP_MOST, C0        \
	VMINPD       A0, C0, A0          \ // NaN stays
	VMINPD       A1, C0, A1          \
	EXP_BELOW2

// The same where A is at most EXP_MOST, or NaN.
#define EXP_BELOW2 \
	VBROADCASTSD MINUS_EXP_LEAST, C0 \
	VMAXPD       A0, C0, A0          \
	VMAXPD       A1, C0, A1          \
	VBROADCASTSD NEAREST, C0         \
	VBROADCASTSD LOG2E_HI, C1        \
	VMOVAPD      C0, B0              \
	VMOVAPD      C0, B1              \
	VFMADD231PD  C1, A0, B0          \ // NEAREST + n
	VFMADD231PD  C1, A1, B1          \
	VSUBPD       C0, B0, R0          \
	VSUBPD       C0, B1, R1          \
	VFMSUB231PD  C1, A0, R0          \
	VFMSUB231PD  C1, A1, R1          \
	VBROADCASTSD LOG2E_LO, C0        \
	VFMADD231PD  C0, A0, R0          \
	VFMADD231PD  C0, A1, R1          \
	EXP2_UNIT2(splatsAVX2_Exp2, ONE_4)           \
	VBROADCASTSD POWERS, C0          \
	VPADDQ       C0, B0, B0          \ // n + 2·1023: two exponents
	VPADDQ       C0, B1, B1          \
	VPSRLQ       $1, B0, E0          \ // the one, rounded down
	VPSRLQ       $1, B1, E1          \
	VPSUBQ       E0, B0, B0          \ // the other
	VPSUBQ       E1, B1, B1          \
	VPSLLQ       $52, E0, E0         \
	VPSLLQ       $52, E1, E1         \
	VPSLLQ       $52, B0, B0         \
	VPSLLQ       $52, B1, B1         \
	VMULPD       E0, L0, L0          \
	VMULPD       E1, L1, L1          \
	VMULPD       B0, L0, L0          \
	VMULPD       B1, L1, L1

// Alpha·2^R times the power of two of N, in L.
#define ALPHA_EXP2 \
	EXP2_UNIT2(splatsAVX2_AlphaExp2, ALPHA_4) \
	VPADDQ N0, L0, L0 \
	VPADDQ N1, L1, L1

// mills, last part: R/Alpha in B from A and E, P and W without their constants over u; P + W/u goes before the constant
// of W. Clobbers O.
#define MILLS_QUOTIENT2(t0, t1) \
	VBROADCASTSD ·MillsP+8*0(SB), C0 \
	VBROADCASTSD ·MillsW+8*0(SB), C1 \
	VFMADD132PD  U0, C0, A0 \ // P
	VFMADD132PD  U1, C0, A1 \
	VADDPD       E0, A0, O0 \
	VADDPD       E1, A1, O1 \
	VFMADD132PD  t0, C1, O0 \ // t·P + W
	VFMADD132PD  t1, C1, O1 \
	VDIVPD       O0, A0, B0 \
	VDIVPD       O1, A1, B1

// mills: R/Alpha in B, from u in U and u² in S; t is U, or the true u where U is held.
#define MILLS2(t0, t1) \
	BOTH(MILLS_P_4(10), A0, A1) \
	BOTH(MILLS_P_4(9), B0, B1)  \
	BOTH(MILLS_W_4(8), E0, E1)  \
	BOTH(MILLS_W_4(9), O0, O1)  \
	HORNER2(MILLS_P_4(8), S0, A0, S1, A1) \
	HORNER2(MILLS_P_4(7), S0, B0, S1, B1) \
	HORNER2(MILLS_W_4(6), S0, E0, S1, E1) \
	HORNER2(MILLS_W_4(7), S0, O0, S1, O1) \
	HORNER2(MILLS_P_4(6), S0, A0, S1, A1) \
	HORNER2(MILLS_P_4(5), S0, B0, S1, B1) \
	HORNER2(MILLS_W_4(4), S0, E0, S1, E1) \
	HORNER2(MILLS_W_4(5), S0, O0, S1, O1) \
	HORNER2(MILLS_P_4(4), S0, A0, S1, A1) \
	HORNER2(MILLS_P_4(3), S0, B0, S1, B1) \
	HORNER2(MILLS_W_4(2), S0, E0, S1, E1) \
	HORNER2(MILLS_W_4(3), S0, O0, S1, O1) \
	HORNER2(MILLS_P_4(2), S0, A0, S1, A1) \
	HORNER2(MILLS_P_4(1), S0, B0, S1, B1) \
	HORNER2(MILLS_W_4(1), S0, O0, S1, O1) \
	VFMADD132PD U0, B0, A0 \ // P but for its constant, over u
	VFMADD132PD U1, B1, A1 \
	VFMADD132PD U0, O0, E0 \ // the same of W
	VFMADD132PD U1, O1, E1 \
	MILLS_QUOTIENT2(t0, t1)

// Two polynomials at a time.
#define HORNER4(c, x0, p0, x1, p1, d, q0, q1) \
	VFMADD213PD c, x0, p0 \
	VFMADD213PD c, x1, p1 \
	VFMADD213PD d, x0, q0 \
	VFMADD213PD d, x1, q1

// ALPHA_EXP2 and MILLS2 at once: the exponential's chain runs beside those of the Mills ratio.
#define EXP_MILLS2(t0, t1) \
	BOTH(ALPHA_EXP2_4(10), L0, L1) \
	BOTH(MILLS_P_4(10), A0, A1) \
	BOTH(MILLS_P_4(9), B0, B1)  \
	BOTH(MILLS_W_4(8), E0, E1)  \
	BOTH(MILLS_W_4(9), O0, O1)  \
	HORNER2(ALPHA_EXP2_4(9), R0, L0, R1, L1) \
	HORNER4(MILLS_P_4(8), S0, A0, S1, A1, MILLS_P_4(7), B0, B1) \
	HORNER4(MILLS_W_4(6), S0, E0, S1, E1, MILLS_W_4(7), O0, O1) \
	HORNER2(ALPHA_EXP2_4(8), R0, L0, R1, L1) \
	HORNER4(MILLS_P_4(6), S0, A0, S1, A1, MILLS_P_4(5), B0, B1) \
	HORNER2(ALPHA_EXP2_4(7), R0, L0, R1, L1) \
	HORNER4(MILLS_W_4(4), S0, E0, S1, E1, MILLS_W_4(5), O0, O1) \
	HORNER2(ALPHA_EXP2_4(6), R0, L0, R1, L1) \
	HORNER4(MILLS_P_4(4), S0, A0, S1, A1, MILLS_P_4(3), B0, B1) \
	HORNER2(ALPHA_EXP2_4(5), R0, L0, R1, L1) \
	HORNER4(MILLS_W_4(2), S0, E0, S1, E1, MILLS_W_4(3), O0, O1) \
	HORNER2(ALPHA_EXP2_4(4), R0, L0, R1, L1) \
	HORNER4(MILLS_P_4(2), S0, A0, S1, A1, MILLS_P_4(1), B0, B1) \
	HORNER2(ALPHA_EXP2_4(3), R0, L0, R1, L1) \
	HORNER2(MILLS_W_4(1), S0, O0, S1, O1)    \
	VFMADD132PD U0, B0, A0 \ // P but for its constant, over u
	VFMADD132PD U1, B1, A1 \
	HORNER2(ALPHA_EXP2_4(2), R0, L0, R1, L1) \
	VFMADD132PD U0, O0, E0 \ // the same of W
	VFMADD132PD U1, O1, E1 \
	HORNER2(ALPHA_EXP2_4(1), R0, L0, R1, L1) \
	MILLS_QUOTIENT2(t0, t1) \
	HORNER2(ALPHA_EXP2_4(0), R0, L0, R1, L1) \
	HORNER2(ALPHA_4, R0, L0, R1, L1) \
	VPADDQ      N0, L0, L0 \
	VPADDQ      N1, L1, L1

// millsFar, first part: u and its square from any u ≥ 0 in A.
#define STAND_STILL2 \
	VBROADCASTSD MILLS_STILL, C0 \
	VMINPD       C0, A0, A0 \
	VMINPD       C0, A1, A1 \
	VMOVAPD      A0, U0     \
	VMOVAPD      A1, U1     \
	VMULPD       A0, A0, S0 \
	VMULPD       A1, A1, S1

// millsFar from any u ≥ 0 in A, which stands in t too.
#define MILLS_FAR2(t0, t1) \
	STAND_STILL2 \
	MILLS2(t0, t1)

// The exponential and the Mills ratio without the frame.
#define M0 C0
#define M1 C1

// The first steps of the exponential of R in L.
#define LEAN_EXP2 \
	BOTH(ALPHA_EXP2_4(10), L0, L1)        \
	HORNER2(ALPHA_EXP2_4(9), R0, L0, R1, L1)

// The rest of it, but for its power of two, in E; R/Alpha in B. u is in M, u² in S; bias is NEAREST_4 or NEAREST_BIAS_4.
#define LEAN_GAUSS2(bias) \
	BOTH(MILLS_P_4(10), A0, A1) \
	BOTH(MILLS_P_4(9), B0, B1)  \
	BOTH(MILLS_W_4(8), E0, E1)  \
	BOTH(MILLS_W_4(9), O0, O1)  \
	HORNER2(MILLS_P_4(8), S0, A0, S1, A1) \
	HORNER2(ALPHA_EXP2_4(8), R0, L0, R1, L1) \
	HORNER2(MILLS_P_4(7), S0, B0, S1, B1) \
	HORNER2(MILLS_W_4(6), S0, E0, S1, E1) \
	HORNER2(MILLS_W_4(7), S0, O0, S1, O1) \
	HORNER2(ALPHA_EXP2_4(7), R0, L0, R1, L1) \
	HORNER2(MILLS_P_4(6), S0, A0, S1, A1) \
	HORNER2(MILLS_P_4(5), S0, B0, S1, B1) \
	HORNER2(MILLS_W_4(4), S0, E0, S1, E1) \
	HORNER2(ALPHA_EXP2_4(6), R0, L0, R1, L1) \
	HORNER2(MILLS_W_4(5), S0, O0, S1, O1) \
	HORNER2(MILLS_P_4(4), S0, A0, S1, A1) \
	HORNER2(MILLS_P_4(3), S0, B0, S1, B1) \
	HORNER2(ALPHA_EXP2_4(5), R0, L0, R1, L1) \
	HORNER2(MILLS_W_4(2), S0, E0, S1, E1) \
	HORNER2(MILLS_W_4(3), S0, O0, S1, O1) \
	HORNER2(MILLS_P_4(2), S0, A0, S1, A1) \
	HORNER2(ALPHA_EXP2_4(4), R0, L0, R1, L1) \
	HORNER2(MILLS_P_4(1), S0, B0, S1, B1) \
	HORNER2(MILLS_W_4(1), S0, O0, S1, O1) \
	VFMADD213PD  B0, M0, A0 \ // P but for its constant, over u
	VFMADD213PD  B1, M1, A1 \
	HORNER2(ALPHA_EXP2_4(3), R0, L0, R1, L1) \
	VFMADD213PD  O0, M0, E0 \ // the same of W
	VFMADD213PD  O1, M1, E1 \
	HORNER2(MILLS_P_4(0), M0, A0, M1, A1) \ // P
	HORNER2(ALPHA_EXP2_4(2), R0, L0, R1, L1) \
	VADDPD       E0, A0, O0 \
	VADDPD       E1, A1, O1 \
	VMOVAPD      bias, E0 \
	VSUBPD       S1, E0, E1 \
	VSUBPD       S0, E0, E0 \
	HORNER2(MILLS_W_4(0), M0, O0, M1, O1) \ // u·P + W
	HORNER2(ALPHA_EXP2_4(1), R0, L0, R1, L1) \
	VPSLLQ       $52, E0, E0 \
	VPSLLQ       $52, E1, E1 \
	VDIVPD       O0, A0, B0 \
	VDIVPD       O1, A1, B1 \
	HORNER2(ALPHA_EXP2_4(0), R0, L0, R1, L1) \
	HORNER2(ALPHA_4, R0, L0, R1, L1)

// gauss: e = Alpha·2^(ExpBias-v²) in L, R(|v|)/Alpha in B, from v in R and its residual in L.
#define GAUSS2 \
	VBROADCASTSD V_MAX, C1 \
	CLAMP2(C1, C1) \
	EXPONENT2      \
	EXP_MILLS2(U0, U1)

// sums.take for one vector: below is true where t < 0. Clobbers tail, e and below.
#define TAKE(w, density, below, tail, e, d, wp, wn, f) \
	VANDPD      w, below, C0     \
	VANDNPD     w, below, C1     \
	VADDPD      wn, C0, C0       \ // adding the 0 of the other side changes nothing
	VADDPD      wp, C1, C1       \
	VMOVAPD     C0, wn           \
	VMOVAPD     C1, wp           \
	VPSLLQ      $63, below, below \
	VXORPD      below, tail, tail \
	VFMADD213PD d, w, tail       \
	VMOVAPD     tail, d          \
	VFMADD213PD f, density, e    \
	VMOVAPD     e, f

// sums.take, of what GAUSS2 leaves.
#define TAKE2(w0, density0, w1, density1) \
	VMULPD   L0, B0, B0 \ // Φ(-|t|)
	VMULPD   L1, B1, B1 \
	VPXOR    C0, C0, C0 \
	VPCMPGTQ V0, C0, A0 \ // 0 > v by the bits: the sign
	VPCMPGTQ V1, C0, A1 \
	TAKE(w0, density0, A0, B0, L0, D0, WP0, WN0, F0) \
	TAKE(w1, density1, A1, B1, L1, D1, WP1, WN1, F1)

#define CLEAR_SUMS \
	VPXOR   C0, C0, C0 \
	VMOVAPD C0, D0     \
	VMOVAPD C0, D1     \
	VMOVAPD C0, WP0    \
	VMOVAPD C0, WP1    \
	VMOVAPD C0, WN0    \
	VMOVAPD C0, WN1    \
	VMOVAPD C0, F0     \
	VMOVAPD C0, F1

// Blocks of components (tally of kernels/ref_mixture.go). DX counts the components that are done. Within a block the next one
// follows; after it, BLOCK_END adds the block's sums to those of the blocks before, at TOTAL(0) and on, and what the
// additions lose to LOST_SUM(0) and on, which a kernel places in its frame. A mixture of one block needs none of it.
#define NEXT_COMPONENT(component, block) \
	INCQ  DX                          \
	TESTQ $(const_SumBlock-1), DX     \
	JZ    block                       \
	CMPQ  DX, MixtureArgs_K(AX)              \
	JNE   component

#define ONE_BLOCK(label) \
	CMPQ MixtureArgs_K(AX), $const_SumBlock \
	JLE  label

#define SUMS(i) (32*(6+i))(FRAME)

#define CLEAR_TOTALS \
	VPXOR   C0, C0, C0      \
	VMOVAPD C0, TOTAL(0)    \
	VMOVAPD C0, TOTAL(1)    \
	VMOVAPD C0, TOTAL(2)    \
	VMOVAPD C0, TOTAL(3)    \
	VMOVAPD C0, TOTAL(4)    \
	VMOVAPD C0, TOTAL(5)    \
	VMOVAPD C0, TOTAL(6)    \
	VMOVAPD C0, TOTAL(7)    \
	VMOVAPD C0, LOST_SUM(0) \
	VMOVAPD C0, LOST_SUM(1) \
	VMOVAPD C0, LOST_SUM(2) \
	VMOVAPD C0, LOST_SUM(3) \
	VMOVAPD C0, LOST_SUM(4) \
	VMOVAPD C0, LOST_SUM(5) \
	VMOVAPD C0, LOST_SUM(6) \
	VMOVAPD C0, LOST_SUM(7)

// addBlock of one vector; the block's sum is in b, which it clobbers with the other registers.
#define ADD_BLOCK(b, total, lost, a, s, t) \
	VMOVUPD total, a  \
	VADDPD  b, a, s   \
	VSUBPD  a, s, t   \ // bb
	VMOVUPD s, total  \
	VSUBPD  t, s, s   \
	VSUBPD  s, a, a   \
	VSUBPD  t, b, b   \
	VADDPD  b, a, a   \
	VADDPD  lost, a, a \
	VMOVUPD a, lost

#define ADD_BLOCK_AT(i, b, a, s, t) \
	VMOVAPD SUMS(i), b \
	ADD_BLOCK(b, TOTAL(i), LOST_SUM(i), a, s, t)

#define ADD_BLOCKS \
	ADD_BLOCK_AT(0, L0, A0, B0, E0) \
	ADD_BLOCK_AT(1, L1, A1, B1, E1) \
	ADD_BLOCK_AT(2, O0, R0, S0, C0) \
	ADD_BLOCK_AT(3, O1, R1, S1, C1) \
	ADD_BLOCK_AT(4, L0, A0, B0, E0) \
	ADD_BLOCK_AT(5, L1, A1, B1, E1) \
	ADD_BLOCK_AT(6, O0, R0, S0, C0) \
	ADD_BLOCK_AT(7, O1, R1, S1, C1) \
	CLEAR_SUMS

#define TOTAL_AT(i, a) \
	VMOVAPD TOTAL(i), a       \
	VADDPD  LOST_SUM(i), a, a \
	VMOVAPD a, SUMS(i)

// The sums of all blocks to where those of a block are.
#define TOTALS \
	TOTAL_AT(0, L0) \
	TOTAL_AT(1, L1) \
	TOTAL_AT(2, A0) \
	TOTAL_AT(3, A1) \
	TOTAL_AT(4, B0) \
	TOTAL_AT(5, B1) \
	TOTAL_AT(6, E0) \
	TOTAL_AT(7, E1)

// What follows a block: the next, or the totals.
#define BLOCK_END(component, done) \
	ONE_BLOCK(done)      \
	ADD_BLOCKS           \
	CMPQ DX, MixtureArgs_K(AX)  \
	JNE  component       \
	TOTALS

// What goes before the first component. Clobbers C0.
#define BLOCK_START(component) \
	XORL DX, DX          \ // components done
	CLEAR_SUMS           \
	ONE_BLOCK(component) \
	CLEAR_TOTALS

// logNormal, first part: A becomes f, the mantissa less 1; B the exponent plus 2048 and 2^52.
#define LOG_SPLIT2 \
	VBROADCASTSD LOG_BASE, C0 \
	VPSUBQ       C0, A0, A0   \
	VPSUBQ       C0, A1, A1   \
	VBROADCASTSD TWO_52, C0   \
	VPSRLQ       $52, A0, B0  \
	VPSRLQ       $52, A1, B1  \
	VPOR         C0, B0, B0   \
	VPOR         C0, B1, B1   \
	VBROADCASTSD MANTISSA, C0 \
	VPAND        C0, A0, A0   \
	VPAND        C0, A1, A1   \
	VBROADCASTSD SQRT_HALF, C0 \
	VPADDQ       C0, A0, A0   \
	VPADDQ       C0, A1, A1   \
	VBROADCASTSD ONE, C0      \
	VSUBPD       C0, A0, A0   \
	VSUBPD       C0, A1, A1

// logNormal, second part: A = log(1 + A) + B·log 2.
#define LOG_SUM2 \
	VBROADCASTSD TWO, C0     \
	VADDPD       C0, A0, E0  \
	VADDPD       C0, A1, E1  \
	VDIVPD       E0, A0, E0  \ // s = f/(2+f)
	VDIVPD       E1, A1, E1  \
	VMULPD       E0, E0, O0  \ // y = s²
	VMULPD       E1, E1, O1  \
	BOTH(LOG_LG_4(6), R0, R1) \
	HORNER2(LOG_LG_4(5), O0, R0, O1, R1) \
	HORNER2(LOG_LG_4(4), O0, R0, O1, R1) \
	HORNER2(LOG_LG_4(3), O0, R0, O1, R1) \
	HORNER2(LOG_LG_4(2), O0, R0, O1, R1) \
	HORNER2(LOG_LG_4(1), O0, R0, O1, R1) \
	HORNER2(LOG_LG_4(0), O0, R0, O1, R1) \
	VBROADCASTSD HALF, C0    \
	VMULPD       C0, A0, S0  \
	VMULPD       C0, A1, S1  \
	VMULPD       A0, S0, S0  \ // h = f²/2
	VMULPD       A1, S1, S1  \
	VFMADD213PD  S0, O0, R0  \ // t = y·Lg + h
	VFMADD213PD  S1, O1, R1  \
	VBROADCASTSD LN2_LO, C0  \
	VMULPD       C0, B0, O0  \
	VMULPD       C0, B1, O1  \
	VFMADD213PD  O0, E0, R0  \ // u = s·t + k·Ln2Lo
	VFMADD213PD  O1, E1, R1  \
	VSUBPD       R0, S0, S0  \
	VSUBPD       R1, S1, S1  \
	VSUBPD       S0, A0, A0  \ // f - (h-u)
	VSUBPD       S1, A1, A1  \
	VBROADCASTSD LN2_HI, C0  \
	VFMADD231PD  C0, B0, A0  \
	VFMADD231PD  C0, B1, A1

// logNormal: A = log(A) + k·log 2; exponent is EXPONENT for k = 0, EXPONENT_BIAS for k = -ExpBias: the integers are small
// enough to be subtracted at once. Leaves L and C1 alone.
#define LOG2(exponent) \
	LOG_SPLIT2 \
	VBROADCASTSD exponent, C0 \
	VSUBPD       C0, B0, B0   \
	VSUBPD       C0, B1, B1   \
	LOG_SUM2

// Where probit keeps what it needs again.
#define LOWER0 V0 // where F ≤ S
#define LOWER1 V1
#define TAIL0 U0 // where the smaller is in the tail
#define TAIL1 U1
#define SUB0 N0 // ±(1-2p); then the centre's z
#define SUB1 N1

// probit: z in A from the biased tails F in L, S in E. If no sample is in a tail, the second part is jumped over: after
// the first, R12 has a bit for each sample that is. L keeps the smaller of F and S.
#define PROBIT_CENTRE2 \
	VCMPPD       LESS_EQUAL, E0, L0, B0 \
	VCMPPD       LESS_EQUAL, E1, L1, B1 \
	VMINPD       E0, L0, L0             \
	VMINPD       E1, L1, L1             \
	VMOVAPD      B0, LOWER0             \
	VMOVAPD      B1, LOWER1             \
	VBROADCASTSD UNBIAS, C0             \
	VMULPD       C0, L0, O0             \ // p
	VMULPD       C0, L1, O1             \
	VBROADCASTSD PROBIT_CUT, C0         \
	VCMPPD       LESS, C0, O0, R0       \
	VCMPPD       LESS, C0, O1, R1       \
	VMOVAPD      R0, TAIL0              \
	VMOVAPD      R1, TAIL1              \
	VORPD        R0, R1, R0             \
	VMOVMSKPD    R0, R12                \
	VBROADCASTSD SIGN, C0               \
	VANDNPD      C0, B0, B0             \
	VANDNPD      C0, B1, B1             \
	VBROADCASTSD ONE, C0                \
	VORPD        C0, B0, B0             \ // 1 on the lower side, -1 on the upper
	VORPD        C0, B1, B1             \
	VADDPD       B0, B0, E0             \
	VADDPD       B1, B1, E1             \
	VFMSUB213PD  B0, O0, E0             \ // ±(2p-1)
	VFMSUB213PD  B1, O1, E1             \
	VMOVAPD      E0, SUB0               \
	VMOVAPD      E1, SUB1               \
	BOTH(MINUS_FOUR_4, A0, A1)            \
	HORNER2(FOUR_4, O0, A0, O1, A1)       \
	VMULPD       O0, A0, A0             \ // 4p(1-p)
	VMULPD       O1, A1, A1             \
	LOG2(EXPONENT)                      \
	VBROADCASTSD SIGN, C0               \
	VXORPD       C0, A0, A0             \ // w
	VXORPD       C0, A1, A1             \
	BOTH(PROBIT_P_4(7), B0, B1)      \
	BOTH(PROBIT_Q_4(7), E0, E1)      \
	HORNER2(PROBIT_P_4(6), A0, B0, A1, B1) \
	HORNER2(PROBIT_Q_4(6), A0, E0, A1, E1) \
	HORNER2(PROBIT_P_4(5), A0, B0, A1, B1) \
	HORNER2(PROBIT_Q_4(5), A0, E0, A1, E1) \
	HORNER2(PROBIT_P_4(4), A0, B0, A1, B1) \
	HORNER2(PROBIT_Q_4(4), A0, E0, A1, E1) \
	HORNER2(PROBIT_P_4(3), A0, B0, A1, B1) \
	HORNER2(PROBIT_Q_4(3), A0, E0, A1, E1) \
	HORNER2(PROBIT_P_4(2), A0, B0, A1, B1) \
	HORNER2(PROBIT_Q_4(2), A0, E0, A1, E1) \
	HORNER2(PROBIT_P_4(1), A0, B0, A1, B1) \
	HORNER2(PROBIT_Q_4(1), A0, E0, A1, E1) \
	HORNER2(PROBIT_P_4(0), A0, B0, A1, B1) \
	HORNER2(PROBIT_Q_4(0), A0, E0, A1, E1) \
	VMULPD       SUB0, B0, B0           \
	VMULPD       SUB1, B1, B1           \
	VDIVPD       E0, B0, A0             \
	VDIVPD       E1, B1, A1

#define PROBIT_TAIL2 \
	VMOVAPD      A0, SUB0     \
	VMOVAPD      A1, SUB1     \
	VMOVAPD      L0, A0       \
	VMOVAPD      L1, A1       \
	LOG2(EXPONENT_BIAS)       \
	VBROADCASTSD SIGN, C0     \
	VXORPD       C0, A0, A0   \
	VXORPD       C0, A1, A1   \
	VSQRTPD      A0, A0       \ // r
	VSQRTPD      A1, A1       \
	BOTH(TAIL_P_4(9), B0, B1)            \
	BOTH(TAIL_Q_4(10), E0, E1)           \
	HORNER2(TAIL_Q_4(9), A0, E0, A1, E1) \
	HORNER2(TAIL_P_4(8), A0, B0, A1, B1) \
	HORNER2(TAIL_Q_4(8), A0, E0, A1, E1) \
	HORNER2(TAIL_P_4(7), A0, B0, A1, B1) \
	HORNER2(TAIL_Q_4(7), A0, E0, A1, E1) \
	HORNER2(TAIL_P_4(6), A0, B0, A1, B1) \
	HORNER2(TAIL_Q_4(6), A0, E0, A1, E1) \
	HORNER2(TAIL_P_4(5), A0, B0, A1, B1) \
	HORNER2(TAIL_Q_4(5), A0, E0, A1, E1) \
	HORNER2(TAIL_P_4(4), A0, B0, A1, B1) \
	HORNER2(TAIL_Q_4(4), A0, E0, A1, E1) \
	HORNER2(TAIL_P_4(3), A0, B0, A1, B1) \
	HORNER2(TAIL_Q_4(3), A0, E0, A1, E1) \
	HORNER2(TAIL_P_4(2), A0, B0, A1, B1) \
	HORNER2(TAIL_Q_4(2), A0, E0, A1, E1) \
	HORNER2(TAIL_P_4(1), A0, B0, A1, B1) \
	HORNER2(TAIL_Q_4(1), A0, E0, A1, E1) \
	HORNER2(TAIL_P_4(0), A0, B0, A1, B1) \
	HORNER2(TAIL_Q_4(0), A0, E0, A1, E1) \
	VDIVPD       E0, B0, B0   \
	VDIVPD       E1, B1, B1   \
	VBROADCASTSD SQRT_2, C0   \
	VFMSUB213PD  B0, C0, A0   \ // √2·r - n/d, the size of z
	VFMSUB213PD  B1, C0, A1   \
	VBROADCASTSD SIGN, C0     \
	VANDPD       LOWER0, C0, B0 \
	VANDPD       LOWER1, C0, B1 \
	VXORPD       B0, A0, A0   \
	VXORPD       B1, A1, A1   \
	VMOVAPD      SUB0, B0     \
	VMOVAPD      SUB1, B1     \
	VMOVAPD      TAIL0, E0    \
	VMOVAPD      TAIL1, E1    \
	VBLENDVPD    E0, A0, B0, A0 \
	VBLENDVPD    E1, A1, B1, A1
