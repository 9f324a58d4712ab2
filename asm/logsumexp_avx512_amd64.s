//go:build !purego

// The largest share of each sample, and its logit (kernels/ref_softmax.go). Loads bound the speed.
//
// Requires: AVX512F.

#include "textflag.h"
#include "go_asm.h"
#include "avx512_amd64.h"

// func LargestShareAVX512(p *LargestShareArgs)
TEXT ·LargestShareAVX512(SB), NOSPLIT, $0-8
	MOVQ p+0(FP), AX
	MOVQ LargestShareArgs_N(AX), CX
	MOVQ LargestShareArgs_Best(AX), DI
	MOVQ LargestShareArgs_At(AX), R8
	MOVQ LargestShareArgs_Share(AX), SI
	MOVQ LargestShareArgs_ShareStride(AX), R9
	MOVQ LargestShareArgs_Logit(AX), R10
	MOVQ LargestShareArgs_LogitStride(AX), R11
	SHLQ $3, R9
	SHLQ $3, R11

block:
	MOVQ    LargestShareArgs_K(AX), DX
	MOVQ    SI, R12
	MOVQ    R10, R13
	VMOVUPD (R12), Z0 // the largest share
	VMOVUPD 64(R12), Z1
	VMOVUPD (R13), Z2 // its logit
	VMOVUPD 64(R13), Z3
	DECQ    DX
	JZ      store

component:
	ADDQ    R9, R12
	ADDQ    R11, R13
	VMOVUPD (R12), Z4
	VMOVUPD 64(R12), Z5
	VCMPPD  GREATER, Z0, Z4, K1
	VCMPPD  GREATER, Z1, Z5, K2
	VMOVAPD Z4, K1, Z0
	VMOVAPD Z5, K2, Z1
	VMOVUPD (R13), K1, Z2
	VMOVUPD 64(R13), K2, Z3
	DECQ    DX
	JNZ     component

store:
	VMOVUPD Z0, (DI)
	VMOVUPD Z1, 64(DI)
	VMOVUPD Z2, (R8)
	VMOVUPD Z3, 64(R8)
	ADDQ    $128, SI
	ADDQ    $128, R10
	ADDQ    $128, DI
	ADDQ    $128, R8
	SUBQ    $16, CX
	JNZ     block
	VZEROUPPER
	RET
