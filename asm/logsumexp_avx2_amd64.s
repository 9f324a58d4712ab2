//go:build !purego

// The largest share of each sample, and its logit (kernels/ref_softmax.go). Loads bound the speed.
//
// Requires: AVX2.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx2_amd64.h"

// func LargestShareAVX2(p *LargestShareArgs)
TEXT ·LargestShareAVX2(SB), NOSPLIT, $0-8
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

samples:
	MOVQ    LargestShareArgs_K(AX), DX
	MOVQ    SI, R12
	MOVQ    R10, R13
	VMOVUPD (R12), Y0 // the largest share
	VMOVUPD 32(R12), Y1
	VMOVUPD (R13), Y2 // its logit
	VMOVUPD 32(R13), Y3
	DECQ    DX
	JZ      store

component:
	ADDQ      R9, R12
	ADDQ      R11, R13
	VMOVUPD   (R12), Y4
	VMOVUPD   32(R12), Y5
	VCMPPD    GREATER, Y0, Y4, Y6
	VCMPPD    GREATER, Y1, Y5, Y7
	VBLENDVPD Y6, Y4, Y0, Y0
	VBLENDVPD Y7, Y5, Y1, Y1
	VBLENDVPD Y6, (R13), Y2, Y2
	VBLENDVPD Y7, 32(R13), Y3, Y3
	DECQ      DX
	JNZ       component

store:
	VMOVUPD Y0, (DI)
	VMOVUPD Y1, 32(DI)
	VMOVUPD Y2, (R8)
	VMOVUPD Y3, 32(R8)
	ADDQ    $64, SI
	ADDQ    $64, R10
	ADDQ    $64, DI
	ADDQ    $64, R8
	SUBQ    $8, CX
	JNZ     samples
	VZEROUPPER
	RET
