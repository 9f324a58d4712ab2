// Several vectors at a time, so that the chains of one hide the latency of the others: a group of them, in registers d, d+1
// and so on, is named by the first. Each macro does one instruction of neon_arm64.h on all; masks and constants are groups
// like any other. Sources come first, as there.
//
// pairs_arm64.h and quads_arm64.h include this file, and say how many vectors there are. A kernel includes the one for which
// it has enough registers:
//
//	LOADG(c, d)            the constant or coefficient c (consts_arm64.h)
//	READG(n, d)            samples from where general register n points
//	WRITEG(d, n)           samples to there
//	READ_FIELD(o, n, d)    samples from o bytes after that, o a multiple of 16
//	WRITE_FIELD(d, o, n)   samples to there
//	EACH2, EACH3           an instruction with as many groups
//	SAME3                  one whose first operand is the same for all

#define TABLE 26 // the general register that holds the address of neonSplats
#define CONSTANTS MOVD $·neonSplats(SB), R(TABLE)

// q = p·x + c. It takes another group than p because c is overwritten; two steps bring a polynomial back to where it was.
#define HORNERG(c, x, p, q) LOADG(c, q); FMLAG(x, p, q)

#define ZERO(d) EORG(d, d, d)

#define FADDG(m, n, d)     EACH3(FADD_D2, m, n, d)
#define FSUBG(m, n, d)     EACH3(FSUB_D2, m, n, d)
#define FMULG(m, n, d)     EACH3(FMUL_D2, m, n, d)
#define FDIVG(m, n, d)     EACH3(FDIV_D2, m, n, d)
#define FMLAG(m, n, d)     EACH3(FMLA_D2, m, n, d)
#define FMLSG(m, n, d)     EACH3(FMLS_D2, m, n, d)
#define FMAXG(m, n, d)     EACH3(FMAX_D2, m, n, d)
#define FMING(m, n, d)     EACH3(FMIN_D2, m, n, d)
#define FMINNMG(m, n, d)   EACH3(FMINNM_D2, m, n, d)
#define FMAXNMG(m, n, d)   EACH3(FMAXNM_D2, m, n, d)
#define FCMEQG(m, n, d)    EACH3(FCMEQ_D2, m, n, d)
#define FCMGEG(m, n, d)    EACH3(FCMGE_D2, m, n, d)
#define FCMGTG(m, n, d)    EACH3(FCMGT_D2, m, n, d)
#define FACGEG(m, n, d)    EACH3(FACGE_D2, m, n, d)

#define FCMEQ0G(n, d)      EACH2(FCMEQ0_D2, n, d)
#define FCMGE0G(n, d)      EACH2(FCMGE0_D2, n, d)
#define FCMGT0G(n, d)      EACH2(FCMGT0_D2, n, d)
#define FCMLE0G(n, d)      EACH2(FCMLE0_D2, n, d)
#define FCMLT0G(n, d)      EACH2(FCMLT0_D2, n, d)
#define FABSG(n, d)        EACH2(FABS_D2, n, d)
#define FNEGG(n, d)        EACH2(FNEG_D2, n, d)
#define FSQRTG(n, d)       EACH2(FSQRT_D2, n, d)
#define SCVTFG(n, d)       EACH2(SCVTF_D2, n, d)
#define CMLT0G(n, d)       EACH2(CMLT0_D2, n, d)

#define ADDG(m, n, d)      EACH3(ADD_D2, m, n, d)
#define SUBG(m, n, d)      EACH3(SUB_D2, m, n, d)

#define SHLG(s, n, d)      SAME3(SHL_D2, s, n, d)
#define SSHRG(s, n, d)     SAME3(SSHR_D2, s, n, d)

#define ANDG(m, n, d)      EACH3(AND_B16, m, n, d)
#define BICG(m, n, d)      EACH3(BIC_B16, m, n, d)
#define ORRG(m, n, d)      EACH3(ORR_B16, m, n, d)
#define ORNG(m, n, d)      EACH3(ORN_B16, m, n, d)
#define EORG(m, n, d)      EACH3(EOR_B16, m, n, d)
#define BITG(m, n, d)      EACH3(BIT_B16, m, n, d)
#define BIFG(m, n, d)      EACH3(BIF_B16, m, n, d)

#define MOVG(n, d)         EACH2(MOV_B16, n, d)
