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
// and says FMLA_D2(W, TAIL, ACC); a register of an array may be written FADD_D2(T+1, U+1, U+1). Moves to general registers,
// integer and scalar instructions are Go's own, which take numbers as well, though no sums; so are loads and stores, but
// for those whose register may be a sum:
//
//	FMOVD F(ACC), R2            VLD1R.P 8(R(COMPONENT)), [V(ACC).D2]            ADD $32, R(ROW)

// Memory: o bytes after general register n, o a multiple of 16 below 65536.
#define LDR_Q(o, n, d) WORD $(0x3DC00000 | (o)/16<<10 | (n)<<5 | (d))
#define STR_Q(o, n, d) WORD $(0x3D800000 | (o)/16<<10 | (n)<<5 | (d))

// Three registers, one rounding for each element.
#define FADD_D2(m, n, d) WORD $(0x4E60D400 | (m)<<16 | (n)<<5 | (d)) // d = n + m
#define FSUB_D2(m, n, d) WORD $(0x4EE0D400 | (m)<<16 | (n)<<5 | (d)) // d = n - m
#define FMUL_D2(m, n, d) WORD $(0x6E60DC00 | (m)<<16 | (n)<<5 | (d)) // d = n * m
#define FDIV_D2(m, n, d) WORD $(0x6E60FC00 | (m)<<16 | (n)<<5 | (d)) // d = n / m
#define FMLA_D2(m, n, d) WORD $(0x4E60CC00 | (m)<<16 | (n)<<5 | (d)) // d = d + n*m
#define FMLS_D2(m, n, d) WORD $(0x4EE0CC00 | (m)<<16 | (n)<<5 | (d)) // d = d - n*m

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
#define FCMEQ0_D2(n, d)   WORD $(0x4EE0D800 | (n)<<5 | (d))           // n = 0
#define FCMGE0_D2(n, d)   WORD $(0x6EE0C800 | (n)<<5 | (d))           // n ≥ 0
#define FCMGT0_D2(n, d)   WORD $(0x4EE0C800 | (n)<<5 | (d))           // n > 0
#define FCMLE0_D2(n, d)   WORD $(0x6EE0D800 | (n)<<5 | (d))           // n ≤ 0
#define FCMLT0_D2(n, d)   WORD $(0x4EE0E800 | (n)<<5 | (d))           // n < 0, not -0

// Two registers.
#define FABS_D2(n, d)   WORD $(0x4EE0F800 | (n)<<5 | (d))
#define FNEG_D2(n, d)   WORD $(0x6EE0F800 | (n)<<5 | (d))
#define FSQRT_D2(n, d)  WORD $(0x6EE1F800 | (n)<<5 | (d))
#define SCVTF_D2(n, d)  WORD $(0x4E61D800 | (n)<<5 | (d)) // from int64

// 64-bit integers. CMLT0 makes a mask of the sign bit.
#define ADD_D2(m, n, d)  WORD $(0x4EE08400 | (m)<<16 | (n)<<5 | (d)) // d = n + m
#define SUB_D2(m, n, d)  WORD $(0x6EE08400 | (m)<<16 | (n)<<5 | (d)) // d = n - m
#define CMEQ_D2(m, n, d) WORD $(0x6EE08C00 | (m)<<16 | (n)<<5 | (d)) // n = m
#define CMLT0_D2(n, d)   WORD $(0x4EE0A800 | (n)<<5 | (d))           // n < 0

// Shifts by a constant: SHL by 0 to 63, SSHR by 1 to 64.
#define SHL_D2(s, n, d)  WORD $(0x4F405400 | (s)<<16 | (n)<<5 | (d))       // d = n << s
#define SSHR_D2(s, n, d) WORD $(0x4F000400 | (128-(s))<<16 | (n)<<5 | (d)) // d = n >> s, signed

// Bits.
#define AND_B16(m, n, d) WORD $(0x4E201C00 | (m)<<16 | (n)<<5 | (d)) // d = n & m
#define BIC_B16(m, n, d) WORD $(0x4E601C00 | (m)<<16 | (n)<<5 | (d)) // d = n &^ m
#define ORR_B16(m, n, d) WORD $(0x4EA01C00 | (m)<<16 | (n)<<5 | (d)) // d = n | m
#define ORN_B16(m, n, d) WORD $(0x4EE01C00 | (m)<<16 | (n)<<5 | (d)) // d = n | ^m
#define EOR_B16(m, n, d) WORD $(0x6E201C00 | (m)<<16 | (n)<<5 | (d)) // d = n ^ m
#define MOV_B16(n, d)    WORD $(0x4EA01C00 | (n)<<16 | (n)<<5 | (d)) // d = n

// Selections. They differ in which operand is overwritten.
#define BIT_B16(m, n, d) WORD $(0x6EA01C00 | (m)<<16 | (n)<<5 | (d)) // d = n where m is set
#define BIF_B16(m, n, d) WORD $(0x6EE01C00 | (m)<<16 | (n)<<5 | (d)) // d = n where m is not set

// Across elements. UZP1_S4 packs two masks into 32 bits for each element; FMOVD takes n's two, d's low half, to a general
// register.
#define DUP_D2(i, n, d)  WORD $(0x4E080400 | (i)<<20 | (n)<<5 | (d)) // d = n[i], n[i]
#define UZP1_S4(m, n, d) WORD $(0x4E801800 | (m)<<16 | (n)<<5 | (d)) // d = n[0], n[2], m[0], m[2]
