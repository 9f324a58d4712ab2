//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// One instruction of neon_arm64.h at a time, for its test. The test reads this file: case i is the ith below.

#define D 0
#define N 1 // in memory's macros the general register that v is in
#define M 2

#define CASE(instruction) instruction; JMP done

// func neonOp(op int, v *[3][2]uint64)
// applies case op to the registers d, n, m = v, and stores d in v[0].
TEXT ·neonOp(SB), NOSPLIT, $0-16
	MOVD  op+0(FP), R0
	MOVD  v+8(FP), R1
	FMOVQ (R1), F(D)
	FMOVQ 16(R1), F(N)
	FMOVQ 32(R1), F(M)
	ADR   cases, R2
	ADD   R0<<3, R2
	JMP   (R2)

cases:
	CASE(LDR_Q(0, N, D))
	CASE(LDR_Q(32, N, D))
	CASE(STR_Q(0, N, D))
	CASE(STR_Q(32, N, D))
	CASE(FADD_D2(M, N, D))
	CASE(FSUB_D2(M, N, D))
	CASE(FMUL_D2(M, N, D))
	CASE(FDIV_D2(M, N, D))
	CASE(FMLA_D2(M, N, D))
	CASE(FMLS_D2(M, N, D))
	CASE(FMAX_D2(M, N, D))
	CASE(FMIN_D2(M, N, D))
	CASE(FMAXNM_D2(M, N, D))
	CASE(FMINNM_D2(M, N, D))
	CASE(FCMEQ_D2(M, N, D))
	CASE(FCMGE_D2(M, N, D))
	CASE(FCMGT_D2(M, N, D))
	CASE(FACGE_D2(M, N, D))
	CASE(FCMEQ0_D2(N, D))
	CASE(FCMGE0_D2(N, D))
	CASE(FCMGT0_D2(N, D))
	CASE(FCMLE0_D2(N, D))
	CASE(FCMLT0_D2(N, D))
	CASE(FABS_D2(N, D))
	CASE(FNEG_D2(N, D))
	CASE(FSQRT_D2(N, D))
	CASE(SCVTF_D2(N, D))
	CASE(ADD_D2(M, N, D))
	CASE(SUB_D2(M, N, D))
	CASE(CMEQ_D2(M, N, D))
	CASE(CMLT0_D2(N, D))
	CASE(SHL_D2(0, N, D))
	CASE(SHL_D2(52, N, D))
	CASE(SSHR_D2(52, N, D))
	CASE(SSHR_D2(64, N, D))
	CASE(AND_B16(M, N, D))
	CASE(BIC_B16(M, N, D))
	CASE(ORR_B16(M, N, D))
	CASE(ORN_B16(M, N, D))
	CASE(EOR_B16(M, N, D))
	CASE(MOV_B16(N, D))
	CASE(BIT_B16(M, N, D))
	CASE(BIF_B16(M, N, D))
	CASE(DUP_D2(0, N, D))
	CASE(DUP_D2(1, N, D))
	CASE(UZP1_S4(M, N, D))

done:
	FMOVQ F(D), (R1)
	RET
