//go:build !purego

// What training needs beside the maps: a step of Adam (kernels/adam.go), sums (kernels/sum.go).
//
// Requires: AVX2, FMA.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx2_amd64.h"

#define BETA1 Y8
#define BETA2 Y9
#define REST1 Y10 // 1-β₁
#define REST2 Y11 // 1-β₂
#define RATE Y12
#define ROOT Y13
#define EPS Y14

// A vector of 4 parameters at a time; consecutive ones overlap in the processor, which is busy with divisions and roots.

// func AdamAVX2(s *AdamArgs)
TEXT ·AdamAVX2(SB), NOSPLIT, $0-8
	MOVQ         s+0(FP), AX
	MOVQ         AdamArgs_N(AX), CX
	MOVQ         AdamArgs_P(AX), DI
	MOVQ         AdamArgs_G(AX), SI
	MOVQ         AdamArgs_M(AX), R8
	MOVQ         AdamArgs_V(AX), R9
	VBROADCASTSD AdamArgs_Beta1(AX), BETA1
	VBROADCASTSD AdamArgs_Beta2(AX), BETA2
	VBROADCASTSD AdamArgs_C1(AX), REST1
	VBROADCASTSD AdamArgs_C2(AX), REST2
	VBROADCASTSD AdamArgs_Rate(AX), RATE
	VBROADCASTSD AdamArgs_Root(AX), ROOT
	VBROADCASTSD AdamArgs_Eps(AX), EPS
	SHLQ         $3, CX
	XORL         DX, DX // byte offset of the vector

vector:
	VMOVUPD     (SI)(DX*1), Y0      // g
	VMULPD      Y0, REST1, Y1
	VMULPD      Y0, REST2, Y2
	VMULPD      Y0, Y2, Y2
	VFMADD231PD (R8)(DX*1), BETA1, Y1 // m
	VFMADD231PD (R9)(DX*1), BETA2, Y2 // v
	VSQRTPD     Y2, Y3
	VFMADD213PD EPS, ROOT, Y3       // √v·Root + ε
	VMULPD      Y1, RATE, Y4
	VDIVPD      Y3, Y4, Y4
	VMOVUPD     (DI)(DX*1), Y5
	VSUBPD      Y4, Y5, Y5
	VMOVUPD     Y1, (R8)(DX*1)
	VMOVUPD     Y2, (R9)(DX*1)
	VMOVUPD     Y5, (DI)(DX*1)
	ADDQ        $32, DX
	CMPQ        DX, CX
	JLT         vector
	VZEROUPPER
	RET

// The eight partial sums are two vectors, whose additions cannot overlap: their order is part of the result.

// func SumAVX2(acc *float64, x *float64, n int)
TEXT ·SumAVX2(SB), NOSPLIT, $0-24
	MOVQ    acc+0(FP), DI
	MOVQ    x+8(FP), SI
	MOVQ    n+16(FP), CX
	VMOVUPD (DI), Y0
	VMOVUPD 32(DI), Y1

numbers:
	VADDPD (SI), Y0, Y0
	VADDPD 32(SI), Y1, Y1
	ADDQ   $64, SI
	SUBQ   $8, CX
	JNZ    numbers

	VMOVUPD Y0, (DI)
	VMOVUPD Y1, 32(DI)
	VZEROUPPER
	RET

// func SumSquaresAVX2(acc *float64, x *float64, n int)
TEXT ·SumSquaresAVX2(SB), NOSPLIT, $0-24
	MOVQ    acc+0(FP), DI
	MOVQ    x+8(FP), SI
	MOVQ    n+16(FP), CX
	VMOVUPD (DI), Y0
	VMOVUPD 32(DI), Y1

numbers:
	VMOVUPD     (SI), Y2
	VMOVUPD     32(SI), Y3
	VFMADD231PD Y2, Y2, Y0
	VFMADD231PD Y3, Y3, Y1
	ADDQ        $64, SI
	SUBQ        $8, CX
	JNZ         numbers

	VMOVUPD Y0, (DI)
	VMOVUPD Y1, 32(DI)
	VZEROUPPER
	RET
