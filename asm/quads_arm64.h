// Groups of eight samples, in four registers: see groups_arm64.h.

#define GROUP 8 // samples
#define GROUP_BYTES 64

#define EACH2(op, n, d)        op(n, d); op(n+1, d+1); op(n+2, d+2); op(n+3, d+3)
#define EACH3(op, m, n, d)     op(m, n, d); op(m+1, n+1, d+1); op(m+2, n+2, d+2); op(m+3, n+3, d+3)
#define SAME3(op, m, n, d)     op(m, n, d); op(m, n+1, d+1); op(m, n+2, d+2); op(m, n+3, d+3)
#define LOADG(c, d)            LDR_Q(c, TABLE, d); LDR_Q(c, TABLE, d+1); LDR_Q(c, TABLE, d+2); LDR_Q(c, TABLE, d+3)
#define READG(n, d)            LDR_Q(0, n, d); LDR_Q(16, n, d+1); LDR_Q(32, n, d+2); LDR_Q(48, n, d+3)
#define WRITEG(d, n)           STR_Q(0, n, d); STR_Q(16, n, d+1); STR_Q(32, n, d+2); STR_Q(48, n, d+3)
#define READ_FIELD(o, n, d)    LDR_Q(o, n, d); LDR_Q(o+16, n, d+1); LDR_Q(o+32, n, d+2); LDR_Q(o+48, n, d+3)
#define WRITE_FIELD(d, o, n)   STR_Q(o, n, d); STR_Q(o+16, n, d+1); STR_Q(o+32, n, d+2); STR_Q(o+48, n, d+3)

#include "groups_arm64.h"
