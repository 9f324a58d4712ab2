//go:build !purego

// One step of Adam (kernels/adam.go), and sums over samples in eight partial sums (kernels/sum.go).
//
// Requires: AVX512F.

#include "textflag.h"
#include "go_asm.h"

// func AdamAVX512(s *AdamArgs)
TEXT ·AdamAVX512(SB), NOSPLIT, $0-8
	MOVQ         s+0(FP), AX
	MOVQ         AdamArgs_N(AX), CX
	MOVQ         AdamArgs_P(AX), DI
	MOVQ         AdamArgs_G(AX), SI
	MOVQ         AdamArgs_M(AX), R8
	MOVQ         AdamArgs_V(AX), R9
	VBROADCASTSD AdamArgs_Beta1(AX), Z10
	VBROADCASTSD AdamArgs_Beta2(AX), Z11
	VBROADCASTSD AdamArgs_C1(AX), Z12
	VBROADCASTSD AdamArgs_C2(AX), Z13
	VBROADCASTSD AdamArgs_Rate(AX), Z14
	VBROADCASTSD AdamArgs_Root(AX), Z15
	VBROADCASTSD AdamArgs_Eps(AX), Z16
	XORL         DX, DX
	SHLQ         $3, CX

vector:
	VMOVUPD     (SI)(DX*1), Z0
	VMULPD      Z0, Z12, Z1            // C1·g
	VFMADD231PD (R8)(DX*1), Z10, Z1    // m
	VMULPD      Z0, Z13, Z2
	VMULPD      Z0, Z2, Z2             // C2·g·g
	VFMADD231PD (R9)(DX*1), Z11, Z2    // v
	VMOVUPD     Z1, (R8)(DX*1)
	VMOVUPD     Z2, (R9)(DX*1)
	VSQRTPD     Z2, Z2
	VFMADD213PD Z16, Z15, Z2           // √v·Root + ε
	VMULPD      Z1, Z14, Z1
	VDIVPD      Z2, Z1, Z1
	VMOVUPD     (DI)(DX*1), Z3
	VSUBPD      Z1, Z3, Z3
	VMOVUPD     Z3, (DI)(DX*1)
	ADDQ        $64, DX
	CMPQ        DX, CX
	JLT         vector
	VZEROUPPER
	RET

// func SumAVX512(acc *float64, x *float64, n int)
TEXT ·SumAVX512(SB), NOSPLIT, $0-24
	MOVQ    acc+0(FP), DI
	MOVQ    x+8(FP), SI
	MOVQ    n+16(FP), CX
	VMOVUPD (DI), Z0

block:
	VADDPD  (SI), Z0, Z0
	VADDPD  64(SI), Z0, Z0
	ADDQ    $128, SI
	SUBQ    $16, CX
	JNZ     block
	VMOVUPD Z0, (DI)
	VZEROUPPER
	RET

// func SumSquaresAVX512(acc *float64, x *float64, n int)
TEXT ·SumSquaresAVX512(SB), NOSPLIT, $0-24
	MOVQ    acc+0(FP), DI
	MOVQ    x+8(FP), SI
	MOVQ    n+16(FP), CX
	VMOVUPD (DI), Z0

block:
	VMOVUPD     (SI), Z1
	VMOVUPD     64(SI), Z2
	VFMADD231PD Z1, Z1, Z0
	VFMADD231PD Z2, Z2, Z0
	ADDQ        $128, SI
	SUBQ        $16, CX
	JNZ         block
	VMOVUPD     Z0, (DI)
	VZEROUPPER
	RET
