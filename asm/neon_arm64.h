// The vector instructions of the NEON kernels. Go's assembler has few of them, and none of float64 arithmetic but VFMLA
// and VFMLS; here all that the kernels use are macros over WORD, so that a kernel has one notation throughout. No other
// file holds raw encodings. neon_test.go decodes every macro of this file with golang.org/x/arch/arm64/arm64asm, and
// neon_arm64_test.go runs every one against Go's arithmetic.
//
// A macro has the name that disassemblers print, with Go's arrangement appended: D2 is two float64 or int64, S4 four
// uint32, B16 plain bits. Sources come first and the destination last, as everywhere in Go's assembler: FSUB_D2(m, n, d)
// is d = n - m.
//
// Operands are register numbers. A kernel names each of its registers once,
//
//	#define ACC 3
//
// and says FMLA_D2(W, TAIL, ACC); a register of an array may be written FADD_D2(T+1, U+1, U+1). Loads, stores, moves to
// general registers and scalar instructions are Go's own, which take numbers as well, though no sums:
//
//	FMOVQ 16(R0), F(ACC)            VLD1R.P 8(R1), [V(ACC).D2]            FMOVD F(ACC), R2

// Three registers, one rounding for each element.
#define FADD_D2(m, n, d) WORD $(0x4E60D400 | (m)<<16 | (n)<<5 | (d)) // d = n + m
#define FSUB_D2(m, n, d) WORD $(0x4EE0D400 | (m)<<16 | (n)<<5 | (d)) // d = n - m
#define FMUL_D2(m, n, d) WORD $(0x6E60DC00 | (m)<<16 | (n)<<5 | (d)) // d = n * m
#define FDIV_D2(m, n, d) WORD $(0x6E60FC00 | (m)<<16 | (n)<<5 | (d)) // d = n / m
#define FMLA_D2(m, n, d) WORD $(0x4E60CC00 | (m)<<16 | (n)<<5 | (d)) // d = d + n*m
#define FMLS_D2(m, n, d) WORD $(0x4EE0CC00 | (m)<<16 | (n)<<5 | (d)) // d = d - n*m

// The same with one element of m for both of n: an odd and an even constant share a register.
#define FMUL_D2_LANE(i, m, n, d) WORD $(0x4FC09000 | (i)<<11 | (m)<<16 | (n)<<5 | (d)) // d = n * m[i]
#define FMLA_D2_LANE(i, m, n, d) WORD $(0x4FC01000 | (i)<<11 | (m)<<16 | (n)<<5 | (d)) // d = d + n*m[i]
#define FMLS_D2_LANE(i, m, n, d) WORD $(0x4FC05000 | (i)<<11 | (m)<<16 | (n)<<5 | (d)) // d = d - n*m[i]

// FMAX and FMIN are Go's max and min: NaN if one operand is NaN, and +0 above -0. (math.Max and math.Min prefer an
// infinity to NaN.) FMAXNM and FMINNM return the other operand where one is a quiet NaN; a signaling NaN, which no
// arithmetic returns, still gives NaN.
#define FMAX_D2(m, n, d)   WORD $(0x4E60F400 | (m)<<16 | (n)<<5 | (d))
#define FMIN_D2(m, n, d)   WORD $(0x4EE0F400 | (m)<<16 | (n)<<5 | (d))
#define FMAXNM_D2(m, n, d) WORD $(0x4E60C400 | (m)<<16 | (n)<<5 | (d))
#define FMINNM_D2(m, n, d) WORD $(0x4EE0C400 | (m)<<16 | (n)<<5 | (d))

// Comparisons set an element to all ones where they hold, else to zero. With NaN none holds.
#define FCMEQ_D2(m, n, d) WORD $(0x4E60E400 | (m)<<16 | (n)<<5 | (d)) // n = m
#define FCMGE_D2(m, n, d) WORD $(0x6E60E400 | (m)<<16 | (n)<<5 | (d)) // n ≥ m
#define FCMGT_D2(m, n, d) WORD $(0x6EE0E400 | (m)<<16 | (n)<<5 | (d)) // n > m
#define FACGE_D2(m, n, d) WORD $(0x6E60EC00 | (m)<<16 | (n)<<5 | (d)) // |n| ≥ |m|
#define FACGT_D2(m, n, d) WORD $(0x6EE0EC00 | (m)<<16 | (n)<<5 | (d)) // |n| > |m|
#define FCMEQ0_D2(n, d)   WORD $(0x4EE0D800 | (n)<<5 | (d))           // n = 0
#define FCMGE0_D2(n, d)   WORD $(0x6EE0C800 | (n)<<5 | (d))           // n ≥ 0
#define FCMGT0_D2(n, d)   WORD $(0x4EE0C800 | (n)<<5 | (d))           // n > 0
#define FCMLE0_D2(n, d)   WORD $(0x6EE0D800 | (n)<<5 | (d))           // n ≤ 0
#define FCMLT0_D2(n, d)   WORD $(0x4EE0E800 | (n)<<5 | (d))           // n < 0, not -0

// Two registers.
#define FABS_D2(n, d)   WORD $(0x4EE0F800 | (n)<<5 | (d))
#define FNEG_D2(n, d)   WORD $(0x6EE0F800 | (n)<<5 | (d))
#define FSQRT_D2(n, d)  WORD $(0x6EE1F800 | (n)<<5 | (d))
#define FRINTN_D2(n, d) WORD $(0x4E618800 | (n)<<5 | (d)) // to the nearest integer, halves to even
#define FRINTM_D2(n, d) WORD $(0x4E619800 | (n)<<5 | (d)) // down
#define FRINTZ_D2(n, d) WORD $(0x4EE19800 | (n)<<5 | (d)) // towards zero
#define FCVTNS_D2(n, d) WORD $(0x4E61A800 | (n)<<5 | (d)) // to int64: nearest, halves to even; saturates, NaN becomes 0
#define FCVTZS_D2(n, d) WORD $(0x4EE1B800 | (n)<<5 | (d)) // to int64: towards zero; the same
#define SCVTF_D2(n, d)  WORD $(0x4E61D800 | (n)<<5 | (d)) // from int64

// 64-bit integers. CMLT0 makes a mask of the sign bit.
#define ADD_D2(m, n, d)  WORD $(0x4EE08400 | (m)<<16 | (n)<<5 | (d)) // d = n + m
#define SUB_D2(m, n, d)  WORD $(0x6EE08400 | (m)<<16 | (n)<<5 | (d)) // d = n - m
#define CMEQ_D2(m, n, d) WORD $(0x6EE08C00 | (m)<<16 | (n)<<5 | (d)) // n = m
#define CMGE_D2(m, n, d) WORD $(0x4EE03C00 | (m)<<16 | (n)<<5 | (d)) // n ≥ m
#define CMGT_D2(m, n, d) WORD $(0x4EE03400 | (m)<<16 | (n)<<5 | (d)) // n > m
#define CMHI_D2(m, n, d) WORD $(0x6EE03400 | (m)<<16 | (n)<<5 | (d)) // n > m, unsigned
#define CMHS_D2(m, n, d) WORD $(0x6EE03C00 | (m)<<16 | (n)<<5 | (d)) // n ≥ m, unsigned
#define CMEQ0_D2(n, d)   WORD $(0x4EE09800 | (n)<<5 | (d))           // n = 0
#define CMLT0_D2(n, d)   WORD $(0x4EE0A800 | (n)<<5 | (d))           // n < 0

// Shifts by a constant: SHL and SLI by 0 to 63, the others by 1 to 64.
#define SHL_D2(s, n, d)  WORD $(0x4F405400 | (s)<<16 | (n)<<5 | (d))       // d = n << s
#define SLI_D2(s, n, d)  WORD $(0x6F405400 | (s)<<16 | (n)<<5 | (d))       // the same, and keeps d's low s bits
#define USHR_D2(s, n, d) WORD $(0x6F000400 | (128-(s))<<16 | (n)<<5 | (d)) // d = n >> s, unsigned
#define SSHR_D2(s, n, d) WORD $(0x4F000400 | (128-(s))<<16 | (n)<<5 | (d)) // d = n >> s, signed
#define SRI_D2(s, n, d)  WORD $(0x6F004400 | (128-(s))<<16 | (n)<<5 | (d)) // n >> s, and keeps d's high s bits

// Bits.
#define AND_B16(m, n, d) WORD $(0x4E201C00 | (m)<<16 | (n)<<5 | (d)) // d = n & m
#define BIC_B16(m, n, d) WORD $(0x4E601C00 | (m)<<16 | (n)<<5 | (d)) // d = n &^ m
#define ORR_B16(m, n, d) WORD $(0x4EA01C00 | (m)<<16 | (n)<<5 | (d)) // d = n | m
#define ORN_B16(m, n, d) WORD $(0x4EE01C00 | (m)<<16 | (n)<<5 | (d)) // d = n | ^m
#define EOR_B16(m, n, d) WORD $(0x6E201C00 | (m)<<16 | (n)<<5 | (d)) // d = n ^ m
#define MVN_B16(n, d)    WORD $(0x6E205800 | (n)<<5 | (d))           // d = ^n
#define MOV_B16(n, d)    WORD $(0x4EA01C00 | (n)<<16 | (n)<<5 | (d)) // d = n

// Selections. They differ in which operand is overwritten.
#define BSL_B16(m, n, d) WORD $(0x6E601C00 | (m)<<16 | (n)<<5 | (d)) // d = n where d was set, else m
#define BIT_B16(m, n, d) WORD $(0x6EA01C00 | (m)<<16 | (n)<<5 | (d)) // d = n where m is set
#define BIF_B16(m, n, d) WORD $(0x6EE01C00 | (m)<<16 | (n)<<5 | (d)) // d = n where m is not set

// Across elements. UZP1_S4 packs two masks into 32 bits for each element; FMOVD takes n's two, d's low half, to a general
// register.
#define DUP_D2(i, n, d)  WORD $(0x4E080400 | (i)<<20 | (n)<<5 | (d)) // d = n[i], n[i]
#define ZIP1_D2(m, n, d) WORD $(0x4EC03800 | (m)<<16 | (n)<<5 | (d)) // d = n[0], m[0]
#define ZIP2_D2(m, n, d) WORD $(0x4EC07800 | (m)<<16 | (n)<<5 | (d)) // d = n[1], m[1]
#define UZP1_S4(m, n, d) WORD $(0x4E801800 | (m)<<16 | (n)<<5 | (d)) // d = n[0], n[2], m[0], m[2]
