// The steps that the NEON kernels are made of, for groups of samples (groups_arm64.h). Each is the vector form of a function of
// kernels/*.go, which says why it is as it is.
//
// The Gaussian and its steps are for pairs of vectors, with a fixed register map; kernels have pair 30 for themselves,
// and those of the sums where there are none. The steps that take their registers as arguments are for groups of any size.

#define SUM_D 0 // the sums of a mixture
#define SUM_WP 2
#define SUM_WN 4
#define SUM_F 6
#define SV 8  // v = C·(x-mean)/σ, signed
#define U 10  // |v|, clamped
#define Y 12  // u²
#define REM 14 // the exponential's argument, |r| ≤ 1/2
#define K 16  // x-mean; then the exponent, in the low bits
#define E 18  // -vl; then the polynomial of the exponential; then e
#define PE 20 // the mean; then even powers of P; then R
#define PO 22 // IH; then odd powers of P
#define WE 24 // IL; then even powers of W
#define WO 26 // a mask; then odd powers of W
#define T 28  // x; then scratch

// p = (p·x + c)·x + d
#define TWICE(c, d, x, p) \
	HORNERG(c, x, p, T) \
	HORNERG(d, x, T, p)

// base2: v, and the negative of its residual, given x in T. Parameters are pairs if each is 1, single registers for all
// four samples if it is 0. Only the products of the residual are ever used, where its sign costs nothing.
#define BASE(mean, ih, il, each) \
	FSUB_D2(mean, T, K)          \ // x - mean
	FSUB_D2(mean+each, T+1, K+1) \
	FSUBG(T, K, U)               \ // what the subtraction lost, exactly:
	FSUBG(U, K, Y)               \
	FSUBG(Y, T, Y)               \
	FADD_D2(mean, U, U)          \
	FADD_D2(mean+each, U+1, U+1) \
	FSUBG(U, Y, Y)               \
	FMUL_D2(ih, K, SV)           \
	FMUL_D2(ih+each, K+1, SV+1)  \
	MOVG(SV, E)                  \
	FMLS_D2(ih, K, E)            \
	FMLS_D2(ih+each, K+1, E+1)   \
	FMLS_D2(il, K, E)            \
	FMLS_D2(il+each, K+1, E+1)   \
	FMLS_D2(ih, Y, E)            \
	FMLS_D2(ih+each, Y+1, E+1)

// gauss, first part: u = |v| clamped at VMax; the mask where it is below, which it is not for NaN.
#define CLAMP \
	FABSG(SV, U)     \
	LOADG(V_MAX, T)  \
	FCMGTG(U, T, WO) \
	FMINNMG(T, U, U)

// The exponent and the exponential's argument. Past the clamp that is 0, without the residual: VMax² is an integer.
#define EXPONENT \
	FMULG(U, U, Y)         \
	LOADG(NEAREST_BIAS, T) \
	FSUBG(Y, T, K)         \ // NEAREST_BIAS - u², rounded to an integer
	FSUBG(K, T, REM)       \
	FMLSG(U, U, REM)       \ // -u² less that integer
	FADDG(SV, SV, T)       \
	FMLAG(T, E, REM)       \ // less 2v·vl
	ANDG(WO, REM, REM)

// exp2Unit: p = c0·2^r, with c0 times the coefficients of Exp2 in table.
#define EXP2_UNIT(table, c0, r, p, t) \
	LOADG(table(10), t)         \
	HORNERG(table(9), r, t, p)  \
	HORNERG(table(8), r, p, t)  \
	HORNERG(table(7), r, t, p)  \
	HORNERG(table(6), r, p, t)  \
	HORNERG(table(5), r, t, p)  \
	HORNERG(table(4), r, p, t)  \
	HORNERG(table(3), r, t, p)  \
	HORNERG(table(2), r, p, t)  \
	HORNERG(table(1), r, t, p)  \
	HORNERG(table(0), r, p, t)  \
	HORNERG(c0, r, t, p)

// p times 2 to the power in the low bits of k, where that is a normal number.
#define SCALE(p, k) \
	SHLG(52, k, k) \
	ADDG(k, p, p)

// gauss, second part, without mills: e = Alpha·2^REM, times 2 to the power in the low bits of K.
#define ALPHA_GAUSS \
	EXP2_UNIT(ALPHA_EXP2, ALPHA, REM, E, T) \
	SCALE(E, K)

// mills, last part, from PE and PO, and W without its constant over u in WO: P + W/u goes before the constant of W.
#define MILLS_QUOTIENT(t) \
	FMLAG(U, PE, PO)                 \ // P but for its constant, over u
	HORNERG(MILLS_P(0), U, PO, T)    \ // P
	FADDG(WO, T, WO)                 \
	HORNERG(MILLS_W(0), t, WO, WE)   \ // t·P + W
	FDIVG(WE, T, PE)

// The same, and mills(U, Y, t): R/Alpha in PE. The exponential's chain runs beside the polynomials of the Mills ratio.
#define ALPHA_GAUSS_MILLS(t) \
	LOADG(ALPHA_EXP2(10), E) \
	LOADG(MILLS_P(10), PE)   \
	LOADG(MILLS_P(9), PO)    \
	LOADG(MILLS_W(8), WE)    \
	LOADG(MILLS_W(9), WO)    \
	TWICE(ALPHA_EXP2(9), ALPHA_EXP2(8), REM, E) \
	TWICE(MILLS_P(8), MILLS_P(6), Y, PE)        \
	TWICE(MILLS_P(7), MILLS_P(5), Y, PO)        \
	TWICE(MILLS_W(6), MILLS_W(4), Y, WE)        \
	TWICE(ALPHA_EXP2(7), ALPHA_EXP2(6), REM, E) \
	TWICE(MILLS_W(7), MILLS_W(5), Y, WO)        \
	TWICE(MILLS_P(4), MILLS_P(2), Y, PE)        \
	TWICE(MILLS_P(3), MILLS_P(1), Y, PO)        \
	TWICE(ALPHA_EXP2(5), ALPHA_EXP2(4), REM, E) \
	TWICE(MILLS_W(3), MILLS_W(1), Y, WO)        \
	HORNERG(MILLS_W(2), Y, WE, T) \
	FMLAG(U, T, WO)               \ // W but for its constant, over u
	TWICE(ALPHA_EXP2(3), ALPHA_EXP2(2), REM, E) \
	MILLS_QUOTIENT(t)             \
	TWICE(ALPHA_EXP2(1), ALPHA_EXP2(0), REM, E) \
	HORNERG(ALPHA, REM, E, T) \
	SHLG(52, K, K)            \
	ADDG(K, T, E)

// mills(U, Y, t) alone: R/Alpha in PE.
#define MILLS(t) \
	LOADG(MILLS_P(10), PE) \
	LOADG(MILLS_P(9), PO)  \
	LOADG(MILLS_W(8), WE)  \
	LOADG(MILLS_W(9), WO)  \
	TWICE(MILLS_P(8), MILLS_P(6), Y, PE) \
	TWICE(MILLS_P(7), MILLS_P(5), Y, PO) \
	TWICE(MILLS_W(6), MILLS_W(4), Y, WE) \
	TWICE(MILLS_W(7), MILLS_W(5), Y, WO) \
	TWICE(MILLS_P(4), MILLS_P(2), Y, PE) \
	TWICE(MILLS_P(3), MILLS_P(1), Y, PO) \
	TWICE(MILLS_W(3), MILLS_W(1), Y, WO) \
	HORNERG(MILLS_W(2), Y, WE, T) \
	FMLAG(U, T, WO)               \
	MILLS_QUOTIENT(t)

// millsFar, before MILLS: u, which is t there, held where the polynomials stand still, and its square.
#define STILL \
	LOADG(MILLS_STILL, T) \
	FMINNMG(T, U, U)      \
	FMULG(U, U, Y)

#define CLEAR \
	ZERO(SUM_D)  \
	ZERO(SUM_WP) \
	ZERO(SUM_WN) \
	ZERO(SUM_F)

// Blocks of components (tally of kernels/ref_mixture.go). General register PASSED counts the components that are done, of ALL.
// Within a block the next one follows; after it, ADD_BLOCK adds the block's sum to that of the blocks before, and what the
// addition loses to that: at bytes after TOTALS_AT, in the frame. A mixture of one block needs none of it.
#define PASSED 22
#define ALL 23
#define TOTALS_AT 24
#define SUM_BYTES (2*GROUP_BYTES) // of a sum and what it lost

#define NEXT_COMPONENT(component, block) \
	ADD $1, R(PASSED)                   \
	TST $(const_SumBlock-1), R(PASSED)  \
	BEQ block                           \
	CMP R(ALL), R(PASSED)               \
	BNE component

#define ONE_BLOCK(label) \
	CMP $const_SumBlock, R(ALL) \
	BLE label

#define CLEAR_TOTAL(at, zero) \
	WRITE_FIELD(zero, at, TOTALS_AT) \
	WRITE_FIELD(zero, at+GROUP_BYTES, TOTALS_AT)

#define ADD_BLOCK(b, at, a, s, t) \
	READ_FIELD(at, TOTALS_AT, a)  \
	FADDG(b, a, s)                \
	WRITE_FIELD(s, at, TOTALS_AT) \
	FSUBG(a, s, t)                \ // bb
	FSUBG(t, s, s)                \
	FSUBG(s, a, a)                \
	FSUBG(t, b, b)                \
	FADDG(b, a, a)                \
	READ_FIELD(at+GROUP_BYTES, TOTALS_AT, t)  \
	FADDG(a, t, t)                \
	WRITE_FIELD(t, at+GROUP_BYTES, TOTALS_AT) \
	ZERO(b)

// The sum of all blocks.
#define ADD_LOST(b, at, t) \
	READ_FIELD(at, TOTALS_AT, b)             \
	READ_FIELD(at+GROUP_BYTES, TOTALS_AT, t) \
	FADDG(t, b, b)

// The same for the four sums of a mixture.
#define BLOCK_START(component) \
	MOVD $totals-256(SP), R(TOTALS_AT)  \
	MOVD MixtureArgs_K(R(TILE)), R(ALL)        \
	MOVD ZR, R(PASSED)                  \
	ONE_BLOCK(component)                \
	ZERO(T)                             \
	CLEAR_TOTAL(0*SUM_BYTES, T)         \
	CLEAR_TOTAL(1*SUM_BYTES, T)         \
	CLEAR_TOTAL(2*SUM_BYTES, T)         \
	CLEAR_TOTAL(3*SUM_BYTES, T)

#define BLOCK_END(component, done) \
	ONE_BLOCK(done)                         \
	ADD_BLOCK(SUM_D, 0*SUM_BYTES, U, Y, K)  \
	ADD_BLOCK(SUM_WP, 1*SUM_BYTES, E, PE, PO) \
	ADD_BLOCK(SUM_WN, 2*SUM_BYTES, U, Y, K) \
	ADD_BLOCK(SUM_F, 3*SUM_BYTES, E, PE, PO) \
	CMP R(ALL), R(PASSED)                   \
	BNE component                           \
	ADD_LOST(SUM_D, 0*SUM_BYTES, U)         \
	ADD_LOST(SUM_WP, 1*SUM_BYTES, Y)        \
	ADD_LOST(SUM_WN, 2*SUM_BYTES, K)        \
	ADD_LOST(SUM_F, 3*SUM_BYTES, E)

// sums.take: v, e and R are where the steps above leave them; parameters as BASE takes them.
#define TAKE(w, density, each) \
	FMULG(E, PE, PE)            \ // Φ(-|t|)
	CMLT0G(SV, T)              \
	AND_B16(w, T, U)            \
	AND_B16(w+each, T+1, U+1)   \
	BIC_B16(T, w, Y)            \
	BIC_B16(T+1, w+each, Y+1)   \
	FADDG(U, SUM_WN, SUM_WN)    \
	FADDG(Y, SUM_WP, SUM_WP)    \
	LOADG(SIGN, T)              \
	BITG(T, SV, PE)             \ // ±Φ(-|t|)
	FMLA_D2(w, PE, SUM_D)       \
	FMLA_D2(w+each, PE+1, SUM_D+1) \
	FMLA_D2(density, E, SUM_F)     \
	FMLA_D2(density+each, E+1, SUM_F+1)

// One of the parameters of the component where general register COMPONENT points, in both elements of register d. Clobbers
// SCALAR.
#define PARAMETER(offset, d) \
	ADD $offset, R(COMPONENT), R(SCALAR)   \
	VLD1R.P 8(R(SCALAR)), [V(d).D2]

// newComponent from where general registers w, mean and scale point: its density in density, the rest where BASE takes it.
#define NEW_COMPONENT(w, mean, scale, density) \
	READG(scale, WO)        \
	LOADG(C_HI, T)          \
	FDIVG(WO, T, PO)        \ // IH
	FMLSG(WO, PO, T)        \ // what it lacks, times σ
	LOADG(C_LO, WE)         \
	FADDG(WE, T, T)         \
	LOADG(INV_C, WE)        \
	FMULG(PO, WE, WE)       \
	FMULG(T, WE, WE)        \ // IL
	READG(w, density)       \
	LOADG(DENSITY_SCALE, T) \
	FMULG(T, density, density)  \
	FMULG(PO, density, density) \
	READG(mean, PE)

// logNormal: a = log(a) + k·log 2. Clobbers k and the rest.
#define LOG(a, k, s, y, g, h, t) \
	LOADG(SQRT_HALF, h)    \
	SUBG(h, a, a)          \
	SSHRG(52, a, s)        \
	SCVTFG(s, s)           \
	FADDG(s, k, k)         \
	LOADG(MANTISSA, s)     \
	ANDG(s, a, a)          \
	ADDG(h, a, a)          \
	LOADG(ONE, h)          \
	FSUBG(h, a, a)         \ // f
	LOADG(TWO, h)          \
	FADDG(a, h, h)         \
	FDIVG(h, a, s)         \ // s = f/(2+f)
	FMULG(s, s, y)         \ // y = s²
	LOADG(LOG_LG(6), g)    \
	HORNERG(LOG_LG(5), y, g, t) \
	HORNERG(LOG_LG(4), y, t, g) \
	HORNERG(LOG_LG(3), y, g, t) \
	HORNERG(LOG_LG(2), y, t, g) \
	HORNERG(LOG_LG(1), y, g, t) \
	HORNERG(LOG_LG(0), y, t, g) \
	LOADG(HALF, h)         \
	FMULG(a, h, h)         \
	FMULG(a, h, h)         \ // h = f²/2
	MOVG(h, t)             \
	FMLAG(y, g, t)         \ // t = y·Lg + h
	LOADG(LN2_LO, y)       \
	FMULG(k, y, y)         \
	FMLAG(s, t, y)         \ // u = s·t + k·Ln2Lo
	FSUBG(y, h, h)         \
	FSUBG(h, a, a)         \ // f - (h-u)
	LOADG(LN2_HI, h)       \
	FMLAG(h, k, a)

// sums.tails: F and S, biased, from the sums in SUM_D, wp and wn; t is scratch.
#define TAILS(wp, wn, fs, ss, t) \
	LOADG(BIAS, t)   \
	FNEGG(SUM_D, fs) \
	FMLAG(t, wp, fs) \ // Bias·wp - d
	MOVG(SUM_D, ss)  \
	FMLAG(t, wn, ss)   // Bias·wn + d

// probit: z from the biased tails fs and ss; the other arguments are scratch. What PROBIT_TAIL takes stays: the smaller
// tail in fs, masks where that is F and where it is not in the tails. If no sample is in a tail that can be left out.
#define PROBIT_CENTRE(fs, ss, z, lower, central, sub, k, s, y, g, h) \
	FCMGEG(fs, ss, lower)  \ // fs ≤ ss
	BIFG(lower, ss, fs)    \
	LOADG(UNBIAS, ss)      \
	FMULG(fs, ss, ss)      \ // p
	LOADG(PROBIT_CUT, h)   \
	FCMGEG(h, ss, central) \
	LOADG(SIGN, h)         \
	BICG(lower, h, h)      \
	LOADG(ONE, k)          \
	ORRG(k, h, h)          \ // ±1
	FNEGG(h, sub)          \
	FADDG(h, h, h)         \
	FMLAG(h, ss, sub)      \ // ±(2p-1)
	LOADG(FOUR, z)         \
	LOADG(FOUR, h)         \
	FMLSG(h, ss, z)        \
	FMULG(ss, z, z)        \ // 4p(1-p)
	ZERO(k)               \
	LOG(z, k, s, y, g, h, ss) \
	FNEGG(z, y)            \ // w
	LOADG(PROBIT_P(7), g)  \
	LOADG(PROBIT_Q(7), s)  \
	HORNERG(PROBIT_P(6), y, g, h) \
	HORNERG(PROBIT_Q(6), y, s, k) \
	HORNERG(PROBIT_P(5), y, h, g) \
	HORNERG(PROBIT_Q(5), y, k, s) \
	HORNERG(PROBIT_P(4), y, g, h) \
	HORNERG(PROBIT_Q(4), y, s, k) \
	HORNERG(PROBIT_P(3), y, h, g) \
	HORNERG(PROBIT_Q(3), y, k, s) \
	HORNERG(PROBIT_P(2), y, g, h) \
	HORNERG(PROBIT_Q(2), y, s, k) \
	HORNERG(PROBIT_P(1), y, h, g) \
	HORNERG(PROBIT_Q(1), y, k, s) \
	HORNERG(PROBIT_P(0), y, g, h) \
	HORNERG(PROBIT_Q(0), y, s, k) \
	FMULG(h, sub, sub)     \
	FDIVG(k, sub, z)

#define PROBIT_TAIL(fs, z, lower, central, k, s, y, g, h, t) \
	LOADG(MINUS_EXP_BIAS, k)     \
	LOG(fs, k, s, y, g, h, t)   \
	FNEGG(fs, y)                 \
	FSQRTG(y, y)                 \ // r
	LOADG(TAIL_P(9), g)          \
	LOADG(TAIL_Q(10), s)         \
	HORNERG(TAIL_Q(9), y, s, k)  \
	HORNERG(TAIL_P(8), y, g, h)  \
	HORNERG(TAIL_Q(8), y, k, s)  \
	HORNERG(TAIL_P(7), y, h, g)  \
	HORNERG(TAIL_Q(7), y, s, k)  \
	HORNERG(TAIL_P(6), y, g, h)  \
	HORNERG(TAIL_Q(6), y, k, s)  \
	HORNERG(TAIL_P(5), y, h, g)  \
	HORNERG(TAIL_Q(5), y, s, k)  \
	HORNERG(TAIL_P(4), y, g, h)  \
	HORNERG(TAIL_Q(4), y, k, s)  \
	HORNERG(TAIL_P(3), y, h, g)  \
	HORNERG(TAIL_Q(3), y, s, k)  \
	HORNERG(TAIL_P(2), y, g, h)  \
	HORNERG(TAIL_Q(2), y, k, s)  \
	HORNERG(TAIL_P(1), y, h, g)  \
	HORNERG(TAIL_Q(1), y, s, k)  \
	HORNERG(TAIL_P(0), y, g, h)  \
	HORNERG(TAIL_Q(0), y, k, s)  \
	FDIVG(s, h, h)               \
	FNEGG(h, h)                  \
	LOADG(SQRT_2, g)             \
	FMLAG(g, y, h)               \ // √2·r - n/d, the size of z
	LOADG(SIGN, g)               \
	ANDG(lower, g, g)            \
	EORG(g, h, h)                \
	BIFG(central, h, z)

// exp, but for its clamp and scale2: in p the exponential's polynomial, in k the exponent, in the low bits.
#define EXP_REDUCED(x, k, r, p, t) \
	LOADG(NEAREST, k)         \
	LOADG(LOG2E_HI, t)        \
	FMLAG(t, x, k)            \
	LOADG(NEAREST, r)         \
	FSUBG(k, r, r)            \
	FMLAG(t, x, r)            \
	LOADG(LOG2E_LO, t)        \
	FMLAG(t, x, r)            \
	EXP2_UNIT(EXP2, ONE, r, p, t)

// scale2: p times 2 to the power in the low bits of k, in two steps, for subnormal numbers. Adding the bits of 1 after the
// shift is adding the exponent's bias before it.
#define SCALE_TWICE(p, k, h, t) \
	LOADG(NEAREST, t) \
	SUBG(t, k, k)     \
	SSHRG(1, k, h)    \
	SUBG(h, k, k)     \
	LOADG(ONE, t)     \
	SHLG(52, h, h)    \
	SHLG(52, k, k)    \
	ADDG(t, h, h)     \
	ADDG(t, k, k)     \
	FMULG(h, p, p)    \
	FMULG(k, p, p)

// exp: p = e^x. Clobbers x and the rest.
#define EXP(x, k, r, p, t) \
	LOADG(EXP_MOST, t)        \
	FMING(t, x, x)            \
	LOADG(MINUS_EXP_LEAST, t) \
	FMAXG(t, x, x)            \
	EXP_REDUCED(x, k, r, p, t) \
	SCALE_TWICE(p, k, r, t)

// The log-det of sums.forward: f becomes L, given z. Clobbers the rest.
#define LOG_DENSITY(f, z, k, s, y, g, h, t) \
	LOADG(MINUS_EXP_BIAS, k)     \
	LOG(f, k, s, y, g, h, t)     \
	LOADG(HALF, k)               \
	FMULG(z, k, k)               \
	LOADG(LN_SQRT_2PI, s)        \
	FMLAG(k, z, s)               \
	FADDG(s, f, f)
