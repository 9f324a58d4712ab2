// Groups of four samples, in two registers: see groups_arm64.h.

#define GROUP 4 // samples
#define GROUP_BYTES 32

#define EACH2(op, n, d)        op(n, d); op(n+1, d+1)
#define EACH3(op, m, n, d)     op(m, n, d); op(m+1, n+1, d+1)
#define SAME3(op, m, n, d)     op(m, n, d); op(m, n+1, d+1)
#define LOADG(c, d)            LDR_Q(c, TABLE, d); LDR_Q(c, TABLE, d+1)
#define READG(n, d)            LDR_Q(0, n, d); LDR_Q(16, n, d+1)
#define WRITEG(d, n)           STR_Q(0, n, d); STR_Q(16, n, d+1)
#define READ_FIELD(o, n, d)    LDR_Q(o, n, d); LDR_Q(o+16, n, d+1)
#define WRITE_FIELD(d, o, n)   STR_Q(o, n, d); STR_Q(o+16, n, d+1)

// Whether mask m holds for all samples, in general register r: -1 if so. Scratch t.
#define ALLG(m, t, r) \
	AND_B16(m+1, m, t) \
	UZP1_S4(t, t, t)   \
	FMOVD F(t), R(r)

// Whether it holds for any, in r: 0 if not.
#define ANYG(m, t, r) \
	ORR_B16(m+1, m, t) \
	UZP1_S4(t, t, t)   \
	FMOVD F(t), R(r)

#include "groups_arm64.h"
