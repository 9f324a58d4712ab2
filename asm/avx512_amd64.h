// The steps that the AVX-512 kernels are made of. Each is the vector form of a function of kernels/*.go, which says why it
// is as it is; operands stand in Go's order, sources first.
//
// Requires: AVX512F, AVX512DQ, AVX512VL, AVX512BW.
//
// Steps named …2 work on two vectors of 8 samples side by side, so that the chains of one hide the latency of the other. They
// have a fixed register map; the kernels keep Z0-Z9 for themselves.

#define V0 Z10 // v = C·(x-mean)/σ, signed
#define V1 Z11
#define L0 Z12 // its residual; then the polynomial of the exponential; then e
#define L1 Z13
#define U0 Z14 // |v|, clamped
#define U1 Z15
#define Y0 Z16 // u²
#define Y1 Z17
#define N0 Z18 // x-mean; then the exponent, in the low bits
#define N1 Z19
#define A0 Z20 // the mean; then even powers of P
#define A1 Z21
#define B0 Z22 // IH; then odd powers of P; then P; then R
#define B1 Z23
#define E0 Z24 // IL; then even powers of W
#define E1 Z25
#define O0 Z26 // odd powers of W; then the denominator
#define O1 Z27
#define R0 Z28 // the exponential's argument, |r| ≤ 1/2
#define R1 Z29
#define C0 Z30 // constants
#define C1 Z31

// VRANGEPD and VCMPPD.
#define SMALLER_MAGNITUDE $0x0A // of the two, without its sign; a NaN is larger than any number
#define SMALLER_SIGNED $0x02    // the same, with the sign of the first
#define LESS $0x11              // false if one is NaN
#define LESS_EQUAL $0x12
#define NOT_GREATER_EQUAL $0x19 // true if one is NaN
#define EQUAL $0x00
#define UNORDERED $0x03
#define GREATER $0x1E
#define GREATER_EQUAL $0x1D
#define NOT_LESS $0x15           // true if one is NaN
#define NOT_LESS_EQUAL $0x16    // true if one is NaN
#define NOT_EQUAL $0x04

// VPTERNLOGQ: the first operand with the sign bits of b, where c is SIGN.
#define OR_SIGN $0xF8

// p = p·x + c for both vectors. Each loads c for itself: a register for it would be one of those that the processor renames,
// whose number bounds how far ahead it works.
#define HORNER2(c, x0, p0, x1, p1) \
	VFMADD213PD.BCST c, x0, p0 \
	VFMADD213PD.BCST c, x1, p1

// Two polynomials at a time.
#define HORNER4(c, x0, p0, x1, p1, d, q0, q1) \
	VFMADD213PD.BCST  c, x0, p0 \
	VFMADD213PD.BCST  c, x1, p1 \
	VFMADD213PD.BCST  d, x0, q0 \
	VFMADD213PD.BCST  d, x1, q1

// base2: v and its residual, given x.
#define BASE(x, mean, ih, il, v, l, u, y, n) \
	VSUBPD      mean, x, n \ // x - mean
	VSUBPD      x, n, u    \ // what the subtraction lost, exactly:
	VSUBPD      u, n, y    \
	VSUBPD      y, x, y    \
	VADDPD      mean, u, u \
	VSUBPD      u, y, u    \
	VMULPD      ih, n, v   \
	VMOVAPD     v, l       \
	VFMSUB231PD ih, n, l   \
	VFMADD231PD il, n, l   \
	VFMADD231PD ih, u, l

// gauss, first part: u = |v| clamped at VMax, the exponent and the exponential's argument. Past the clamp, and for NaN,
// there is no residual. Frees v.
#define CLAMP2 \
	VBROADCASTSD V_MAX, C0 \
	VRANGEPD     SMALLER_MAGNITUDE, C0, V0, U0 \
	VRANGEPD     SMALLER_MAGNITUDE, C0, V1, U1 \
	VCMPPD       LESS, C0, U0, K1 \
	VCMPPD       LESS, C0, U1, K2

#define EXPONENT2 \
	VBROADCASTSD  NEAREST_BIAS, C1 \
	VMULPD        U0, U0, Y0      \
	VMULPD        U1, U1, Y1      \
	VSUBPD        Y0, C1, N0      \ // NEAREST_BIAS - u², rounded to an integer
	VSUBPD        Y1, C1, N1      \
	VSUBPD        C1, N0, R0      \
	VSUBPD        C1, N1, R1      \
	VFNMSUB231PD  U0, U0, R0      \ // -u² less that integer
	VFNMSUB231PD  U1, U1, R1      \
	VADDPD        V0, V0, V0      \
	VADDPD        V1, V1, V1      \
	VFNMADD231PD  L0, V0, K1, R0  \ // less 2v·vl
	VFNMADD231PD  L1, V1, K2, R1

// gauss, second part, and mills: e = Alpha·2^r, moved by the exponent, in L, R(t)/Alpha in B. t0 and t1 are |v|, and U the
// same unless t is so large that the polynomials stand still. The exponential's chain runs beside those of the Mills ratio.
#define EXP_MILLS2(t0, t1) \
	VBROADCASTSD ·AlphaExp2+8*10(SB), L0 \
	VBROADCASTSD ·MillsP+8*10(SB), A0 \
	VBROADCASTSD ·MillsP+8*9(SB), B0  \
	VBROADCASTSD ·MillsW+8*8(SB), E0  \
	VBROADCASTSD ·MillsW+8*9(SB), O0  \
	VMOVAPD      L0, L1 \
	VMOVAPD      A0, A1 \
	VMOVAPD      B0, B1 \
	VMOVAPD      E0, E1 \
	VMOVAPD      O0, O1 \
	HORNER2(·AlphaExp2+8*9(SB), R0, L0, R1, L1) \
	HORNER4(·MillsP+8*8(SB), Y0, A0, Y1, A1, ·MillsP+8*7(SB), B0, B1) \
	HORNER4(·MillsW+8*6(SB), Y0, E0, Y1, E1, ·MillsW+8*7(SB), O0, O1) \
	HORNER2(·AlphaExp2+8*8(SB), R0, L0, R1, L1) \
	HORNER4(·MillsP+8*6(SB), Y0, A0, Y1, A1, ·MillsP+8*5(SB), B0, B1) \
	HORNER2(·AlphaExp2+8*7(SB), R0, L0, R1, L1) \
	HORNER4(·MillsW+8*4(SB), Y0, E0, Y1, E1, ·MillsW+8*5(SB), O0, O1) \
	HORNER2(·AlphaExp2+8*6(SB), R0, L0, R1, L1) \
	HORNER4(·MillsP+8*4(SB), Y0, A0, Y1, A1, ·MillsP+8*3(SB), B0, B1) \
	HORNER2(·AlphaExp2+8*5(SB), R0, L0, R1, L1) \
	HORNER4(·MillsW+8*2(SB), Y0, E0, Y1, E1, ·MillsW+8*3(SB), O0, O1) \
	HORNER2(·AlphaExp2+8*4(SB), R0, L0, R1, L1) \
	HORNER4(·MillsP+8*2(SB), Y0, A0, Y1, A1, ·MillsP+8*1(SB), B0, B1) \
	HORNER2(·AlphaExp2+8*3(SB), R0, L0, R1, L1) \
	HORNER2(·MillsW+8*1(SB), Y0, O0, Y1, O1)    \
	VFMADD213PD  B0, U0, A0 \ // P but for its constant, over u
	VFMADD213PD  B1, U1, A1 \
	HORNER2(·AlphaExp2+8*2(SB), R0, L0, R1, L1) \
	VFMADD213PD  O0, U0, E0 \ // the same of W
	VFMADD213PD  O1, U1, E1 \
	HORNER2(·MillsP+8*0(SB), U0, A0, U1, A1)    \ // P
	HORNER2(·AlphaExp2+8*1(SB), R0, L0, R1, L1) \
	VADDPD       E0, A0, O0 \
	VADDPD       E1, A1, O1 \
	HORNER2(·MillsW+8*0(SB), t0, O0, t1, O1)    \ // t·P + W
	VDIVPD       O0, A0, B0 \
	VDIVPD       O1, A1, B1 \
	HORNER2(·AlphaExp2+8*0(SB), R0, L0, R1, L1) \
	HORNER2(ALPHA, R0, L0, R1, L1) \
	VPSLLQ       $52, N0, N0 \
	VPSLLQ       $52, N1, N1 \
	VPADDQ       N0, L0, L0  \
	VPADDQ       N1, L1, L1

// The exponent and the exponential's argument of 2^a, a in R; bias is NEAREST or NEAREST_BIAS.
#define EXPONENT_OF2(bias) \
	VBROADCASTSD bias, C1   \
	VADDPD       C1, R0, N0 \
	VADDPD       C1, R1, N1 \
	VSUBPD       C1, N0, A0 \
	VSUBPD       C1, N1, A1 \
	VSUBPD       A0, R0, R0 \
	VSUBPD       A1, R1, R1

// millsFar: u from |v| in t, and u²; past MillsStill the polynomials stand still.
#define STAND_STILL2(t0, t1) \
	VBROADCASTSD MILLS_STILL, C0 \
	VMINPD       C0, t0, U0 \
	VMINPD       C0, t1, U1 \
	VMULPD       U0, U0, Y0 \
	VMULPD       U1, U1, Y1

// newComponent: C/σ = ih + il, from σ.
#define INVERT_SCALE(scale, ih, il, t) \
	VBROADCASTSD      C_HI, il      \
	VDIVPD            scale, il, ih \
	VFNMADD231PD      scale, ih, il \ // the remainder, exact
	VADDPD.BCST       C_LO, il, il  \
	VMULPD.BCST       INV_C, ih, t  \
	VMULPD            t, il, il

// Blocks of components (tally of kernels/ref_mixture.go). DX counts the components that are done. Within a block the next one
// follows; after it, ADD_BLOCK adds a sum of the block's to that of the blocks before, and what the addition loses to that.
// A mixture of one block needs none of it.
#define NEXT_COMPONENT(component, block) \
	INCQ  DX                      \
	TESTQ $(const_SumBlock-1), DX \
	JZ    block                   \
	CMPQ  DX, MixtureArgs_K(AX)          \
	JNE   component

#define ONE_BLOCK(label) \
	CMPQ MixtureArgs_K(AX), $const_SumBlock \
	JLE  label

// addBlock of one vector, whose total and losses are in memory; clears the block's sum. The other three are scratch.
#define ADD_BLOCK(b, total, lost, a, s, t) \
	VMOVUPD total, a   \
	VADDPD  b, a, s    \
	VMOVUPD s, total   \
	VSUBPD  a, s, t    \ // bb
	VSUBPD  t, s, s    \
	VSUBPD  s, a, a    \
	VSUBPD  t, b, b    \
	VADDPD  b, a, a    \
	VADDPD  lost, a, a \
	VMOVUPD a, lost    \
	VPXORQ  b, b, b

// The sum of all blocks.
#define ADD_LOST(b, total, lost) \
	VMOVUPD total, b \
	VADDPD  lost, b, b

// The same for the eight vectors of a mixture's sums, Z2 to Z9.
#define CLEAR_TOTALS \
	VPXORQ  Z10, Z10, Z10        \
	VMOVUPD Z10, totals-1024(SP) \
	VMOVUPD Z10, totals-960(SP)  \
	VMOVUPD Z10, totals-896(SP)  \
	VMOVUPD Z10, totals-832(SP)  \
	VMOVUPD Z10, totals-768(SP)  \
	VMOVUPD Z10, totals-704(SP)  \
	VMOVUPD Z10, totals-640(SP)  \
	VMOVUPD Z10, totals-576(SP)  \
	VMOVUPD Z10, lost-512(SP)    \
	VMOVUPD Z10, lost-448(SP)    \
	VMOVUPD Z10, lost-384(SP)    \
	VMOVUPD Z10, lost-320(SP)    \
	VMOVUPD Z10, lost-256(SP)    \
	VMOVUPD Z10, lost-192(SP)    \
	VMOVUPD Z10, lost-128(SP)    \
	VMOVUPD Z10, lost-64(SP)

#define BLOCK_END(component, done) \
	ONE_BLOCK(done)     \
	ADD_BLOCK(Z2, totals-1024(SP), lost-512(SP), Z10, Z11, Z12) \
	ADD_BLOCK(Z3, totals-960(SP), lost-448(SP), Z13, Z14, Z15)  \
	ADD_BLOCK(Z4, totals-896(SP), lost-384(SP), Z16, Z17, Z18)  \
	ADD_BLOCK(Z5, totals-832(SP), lost-320(SP), Z19, Z20, Z21)  \
	ADD_BLOCK(Z6, totals-768(SP), lost-256(SP), Z22, Z23, Z24)  \
	ADD_BLOCK(Z7, totals-704(SP), lost-192(SP), Z25, Z26, Z27)  \
	ADD_BLOCK(Z8, totals-640(SP), lost-128(SP), Z28, Z29, Z30)  \
	ADD_BLOCK(Z9, totals-576(SP), lost-64(SP), Z10, Z11, Z12)   \
	CMPQ DX, MixtureArgs_K(AX) \
	JNE  component      \
	ADD_LOST(Z2, totals-1024(SP), lost-512(SP)) \
	ADD_LOST(Z3, totals-960(SP), lost-448(SP))  \
	ADD_LOST(Z4, totals-896(SP), lost-384(SP))  \
	ADD_LOST(Z5, totals-832(SP), lost-320(SP))  \
	ADD_LOST(Z6, totals-768(SP), lost-256(SP))  \
	ADD_LOST(Z7, totals-704(SP), lost-192(SP))  \
	ADD_LOST(Z8, totals-640(SP), lost-128(SP))  \
	ADD_LOST(Z9, totals-576(SP), lost-64(SP))

// What goes before the first component.
#define BLOCK_START(component) \
	XORL DX, DX          \ // components done
	ONE_BLOCK(component) \
	CLEAR_TOTALS

// logNormal: a = log(a) + k·log 2. Clobbers k and t0-t3.
#define LOG(a, k, t0, t1, t2, t3) \
	VPSUBQ.BCST      SQRT_HALF, a, a  \
	VPSRAQ           $52, a, t0       \
	VCVTQQ2PD        t0, t0           \
	VADDPD           t0, k, k         \
	VPANDQ.BCST      MANTISSA, a, a   \
	VPADDQ.BCST      SQRT_HALF, a, a  \
	VSUBPD.BCST      ONE, a, a        \ // f
	VADDPD.BCST      TWO, a, t0       \
	VDIVPD           t0, a, t0        \ // s = f/(2+f)
	VMULPD           t0, t0, t1       \ // y = s²
	VBROADCASTSD     ·LogLg+8*6(SB), t2 \
	VFMADD213PD.BCST ·LogLg+8*5(SB), t1, t2 \
	VFMADD213PD.BCST ·LogLg+8*4(SB), t1, t2 \
	VFMADD213PD.BCST ·LogLg+8*3(SB), t1, t2 \
	VFMADD213PD.BCST ·LogLg+8*2(SB), t1, t2 \
	VFMADD213PD.BCST ·LogLg+8*1(SB), t1, t2 \
	VFMADD213PD.BCST ·LogLg+8*0(SB), t1, t2 \
	VMULPD.BCST      HALF, a, t3      \
	VMULPD           a, t3, t3        \ // h = f²/2
	VFMADD213PD      t3, t1, t2       \ // t = y·Lg + h
	VMULPD.BCST      LN2_LO, k, t1    \
	VFMADD213PD      t1, t0, t2       \ // u = s·t + k·Ln2Lo
	VSUBPD           t2, t3, t3       \
	VSUBPD           t3, a, a         \ // f - (h-u)
	VFMADD231PD.BCST LN2_HI, k, a

// probit: z from the biased tails fs and ss; the other arguments are scratch. K3 is true where fs ≤ ss, K4 in the tails.
// If no sample is in a tail, the second part is jumped over, to done.
#define PROBIT_CENTRE(fs, ss, z, p, sub, sign, n, d, t) \
	VCMPPD           LESS_EQUAL, ss, fs, K3 \
	VMINPD           ss, fs, fs             \
	VMULPD.BCST      UNBIAS, fs, p          \
	VBROADCASTSD     ONE, sign              \
	VCMPPD.BCST      LESS, PROBIT_CUT, p, K4 \
	KNOTB            K3, K5                 \
	VPXORQ.BCST      SIGN, sign, K5, sign   \
	VADDPD           sign, sign, sub        \
	VFMSUB213PD      sign, p, sub           \ // ±(2p-1)
	VBROADCASTSD     MINUS_FOUR, z          \
	VFMADD213PD.BCST FOUR, p, z             \
	VMULPD           p, z, z                \ // 4p(1-p)
	VPXORQ           t, t, t                \
	LOG(z, t, p, n, d, sign)                \
	VPXORQ.BCST      SIGN, z, t             \ // w
	VBROADCASTSD     ·ProbitP+8*7(SB), n    \
	VBROADCASTSD     ·ProbitQ+8*7(SB), d    \
	VFMADD213PD.BCST ·ProbitP+8*6(SB), t, n \
	VFMADD213PD.BCST ·ProbitQ+8*6(SB), t, d \
	VFMADD213PD.BCST ·ProbitP+8*5(SB), t, n \
	VFMADD213PD.BCST ·ProbitQ+8*5(SB), t, d \
	VFMADD213PD.BCST ·ProbitP+8*4(SB), t, n \
	VFMADD213PD.BCST ·ProbitQ+8*4(SB), t, d \
	VFMADD213PD.BCST ·ProbitP+8*3(SB), t, n \
	VFMADD213PD.BCST ·ProbitQ+8*3(SB), t, d \
	VFMADD213PD.BCST ·ProbitP+8*2(SB), t, n \
	VFMADD213PD.BCST ·ProbitQ+8*2(SB), t, d \
	VFMADD213PD.BCST ·ProbitP+8*1(SB), t, n \
	VFMADD213PD.BCST ·ProbitQ+8*1(SB), t, d \
	VFMADD213PD.BCST ·ProbitP+8*0(SB), t, n \
	VFMADD213PD.BCST ·ProbitQ+8*0(SB), t, d \
	VMULPD           n, sub, n              \
	VDIVPD           d, n, z

// The tail: fs is what PROBIT_CENTRE left, the smaller of the two. It goes to z where K4 says so.
#define PROBIT_TAIL(fs, z, r, n, d, t0, t1, t2) \
	VBROADCASTSD     MINUS_EXP_BIAS, r      \
	LOG(fs, r, n, d, t0, t1)                \
	VPXORQ.BCST      SIGN, fs, fs           \
	VSQRTPD          fs, r                  \
	VBROADCASTSD     ·TailP+8*9(SB), n      \
	VBROADCASTSD     ·TailQ+8*10(SB), d     \
	VFMADD213PD.BCST ·TailP+8*8(SB), r, n   \
	VFMADD213PD.BCST ·TailQ+8*9(SB), r, d   \
	VFMADD213PD.BCST ·TailP+8*7(SB), r, n   \
	VFMADD213PD.BCST ·TailQ+8*8(SB), r, d   \
	VFMADD213PD.BCST ·TailP+8*6(SB), r, n   \
	VFMADD213PD.BCST ·TailQ+8*7(SB), r, d   \
	VFMADD213PD.BCST ·TailP+8*5(SB), r, n   \
	VFMADD213PD.BCST ·TailQ+8*6(SB), r, d   \
	VFMADD213PD.BCST ·TailP+8*4(SB), r, n   \
	VFMADD213PD.BCST ·TailQ+8*5(SB), r, d   \
	VFMADD213PD.BCST ·TailP+8*3(SB), r, n   \
	VFMADD213PD.BCST ·TailQ+8*4(SB), r, d   \
	VFMADD213PD.BCST ·TailP+8*2(SB), r, n   \
	VFMADD213PD.BCST ·TailQ+8*3(SB), r, d   \
	VFMADD213PD.BCST ·TailP+8*1(SB), r, n   \
	VFMADD213PD.BCST ·TailQ+8*2(SB), r, d   \
	VFMADD213PD.BCST ·TailP+8*0(SB), r, n   \
	VFMADD213PD.BCST ·TailQ+8*1(SB), r, d   \
	VFMADD213PD.BCST ·TailQ+8*0(SB), r, d   \
	VDIVPD           d, n, n                \
	VFMSUB132PD.BCST SQRT_2, n, r           \ // √2·r - n/d, the size of z
	VPXORQ.BCST      SIGN, r, K3, r         \
	VMOVAPD          r, K4, z

// exp: x = e^x, any x; NaN stays. Clobbers n, r and g.
#define EXP(x, n, r, g) \
	VBROADCASTSD     EXP_MOST, n           \
	VMINPD           x, n, x               \ // of two operands the first, if one is NaN
	EXP_BELOW(x, n, r, g)

// The same where x is at most EXP_MOST, or NaN.
#define EXP_BELOW(x, n, r, g) \
	VBROADCASTSD     MINUS_EXP_LEAST, n    \
	VMAXPD           x, n, x               \
	VBROADCASTSD     NEAREST, g            \
	VMOVAPD          g, n                  \
	VFMADD231PD.BCST LOG2E_HI, x, n        \
	VSUBPD           g, n, n               \ // x·log2(e), rounded to an integer
	VMOVAPD          n, r                  \
	VFMSUB231PD.BCST LOG2E_HI, x, r        \
	VFMADD231PD.BCST LOG2E_LO, x, r        \
	VBROADCASTSD     ·Exp2+8*10(SB), g     \
	VFMADD213PD.BCST ·Exp2+8*9(SB), r, g   \
	VFMADD213PD.BCST ·Exp2+8*8(SB), r, g   \
	VFMADD213PD.BCST ·Exp2+8*7(SB), r, g   \
	VFMADD213PD.BCST ·Exp2+8*6(SB), r, g   \
	VFMADD213PD.BCST ·Exp2+8*5(SB), r, g   \
	VFMADD213PD.BCST ·Exp2+8*4(SB), r, g   \
	VFMADD213PD.BCST ·Exp2+8*3(SB), r, g   \
	VFMADD213PD.BCST ·Exp2+8*2(SB), r, g   \
	VFMADD213PD.BCST ·Exp2+8*1(SB), r, g   \
	VFMADD213PD.BCST ·Exp2+8*0(SB), r, g   \
	VFMADD213PD.BCST ONE, r, g             \
	VSCALEFPD        n, g, x                 // rounds once if it is subnormal

// 2^r·Alpha for one vector: the exponential of gauss, r in r; n has the exponent in its low bits. The result is g.
#define ALPHA_EXP2(r, n, g) \
	VBROADCASTSD     ·AlphaExp2+8*10(SB), g   \
	VFMADD213PD.BCST ·AlphaExp2+8*9(SB), r, g \
	VFMADD213PD.BCST ·AlphaExp2+8*8(SB), r, g \
	VFMADD213PD.BCST ·AlphaExp2+8*7(SB), r, g \
	VFMADD213PD.BCST ·AlphaExp2+8*6(SB), r, g \
	VFMADD213PD.BCST ·AlphaExp2+8*5(SB), r, g \
	VFMADD213PD.BCST ·AlphaExp2+8*4(SB), r, g \
	VFMADD213PD.BCST ·AlphaExp2+8*3(SB), r, g \
	VFMADD213PD.BCST ·AlphaExp2+8*2(SB), r, g \
	VFMADD213PD.BCST ·AlphaExp2+8*1(SB), r, g \
	VFMADD213PD.BCST ·AlphaExp2+8*0(SB), r, g \
	VFMADD213PD.BCST ALPHA, r, g              \
	VPSLLQ           $52, n, n                \
	VPADDQ           n, g, g

// millsFar for one vector: a = R(u)/Alpha, u ≥ 0. Clobbers the others.
#define MILLS_FAR(u, c, y, a, b, e, o) \
	VBROADCASTSD     MILLS_STILL, c       \
	VMINPD           c, u, c              \
	VMULPD           c, c, y              \
	VBROADCASTSD     ·MillsP+8*10(SB), a  \
	VBROADCASTSD     ·MillsP+8*9(SB), b   \
	VBROADCASTSD     ·MillsW+8*8(SB), e   \
	VBROADCASTSD     ·MillsW+8*9(SB), o   \
	VFMADD213PD.BCST ·MillsP+8*8(SB), y, a \
	VFMADD213PD.BCST ·MillsP+8*7(SB), y, b \
	VFMADD213PD.BCST ·MillsW+8*6(SB), y, e \
	VFMADD213PD.BCST ·MillsW+8*7(SB), y, o \
	VFMADD213PD.BCST ·MillsP+8*6(SB), y, a \
	VFMADD213PD.BCST ·MillsP+8*5(SB), y, b \
	VFMADD213PD.BCST ·MillsW+8*4(SB), y, e \
	VFMADD213PD.BCST ·MillsW+8*5(SB), y, o \
	VFMADD213PD.BCST ·MillsP+8*4(SB), y, a \
	VFMADD213PD.BCST ·MillsP+8*3(SB), y, b \
	VFMADD213PD.BCST ·MillsW+8*2(SB), y, e \
	VFMADD213PD.BCST ·MillsW+8*3(SB), y, o \
	VFMADD213PD.BCST ·MillsP+8*2(SB), y, a \
	VFMADD213PD.BCST ·MillsP+8*1(SB), y, b \
	VFMADD213PD.BCST ·MillsW+8*1(SB), y, o \
	VFMADD213PD      b, c, a \
	VFMADD213PD      o, c, e \
	VFMADD213PD.BCST ·MillsP+8*0(SB), c, a \ // P
	VADDPD           e, a, o \
	VFMADD213PD.BCST ·MillsW+8*0(SB), u, o \ // u·P + W
	VDIVPD           o, a, a
