//go:build !purego

// The sums of a mixture at each sample (kernels/ref_mixture.go):
//
//	d = Σ ±w·Φ(-|t|)    wp, wn = Σ w over t > 0, t < 0    f = Σ w/σ·φ(t)    t = (x-μ)/σ
//
// MixtureSums takes one mixture for all samples, PerSampleSums one for each; they differ in how a component is loaded.
//
// Requires: AVX2, FMA.
//
// Two vectors, 8 samples, at a time; their sums stay in the frame while the components pass by.
// FMA pipe per component and vector: 42 FMA or multiply, 1 division; 12 additions; per sample, 6 more and a division to
// prepare its component.
// The whole of MixtureCDF takes 1.35 times, of MixturesForward 1.56 times what two such pipes need (make bench, Zen 5).

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx2_amd64.h"

#define WEIGHTS R8
#define MEANS R9
#define SCALES R10
#define STRIDE R11 // in bytes

#define DENSITY0 (32*14)(FRAME)
#define DENSITY1 (32*15)(FRAME)

#define TOTAL(i) (32*(16+i))(FRAME)
#define LOST_SUM(i) (32*(24+i))(FRAME)

#define STORE(row, sum0, sum1) \
	MOVQ    row(AX), BX  \
	VMOVAPD sum0, C0     \
	VMOVAPD sum1, C1     \
	VMOVUPD C0, (BX)(DI*1) \
	VMOVUPD C1, 32(BX)(DI*1)

#define STORE_SUMS \
	STORE(MixtureArgs_D, D0, D1)    \
	STORE(MixtureArgs_WP, WP0, WP1) \
	STORE(MixtureArgs_WN, WN0, WN1) \
	STORE(MixtureArgs_F, F0, F1)

// func MixtureSumsAVX2(t *MixtureArgs)
TEXT ·MixtureSumsAVX2(SB), 0, $1056-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_N(AX), CX
	MOVQ MixtureArgs_X(AX), SI
	SHLQ $3, CX
	XORL DI, DI // byte offset of the samples
	ALIGN_FRAME

samples:
	CMPQ DI, CX
	JGE  done
	MOVQ MixtureArgs_Components(AX), BX
	BLOCK_START(component)

component:
	VMOVUPD      (SI)(DI*1), O0
	VMOVUPD      32(SI)(DI*1), O1
	VBROADCASTSD Component_Mean(BX), A0
	VBROADCASTSD Component_IH(BX), B0
	VBROADCASTSD Component_IL(BX), E0
	BASE2(A0, B0, E0, A0, B0, E0)
	GAUSS2
	VBROADCASTSD Component_W(BX), E0
	VBROADCASTSD Component_Density(BX), O0
	TAKE2(E0, O0, E0, O0)
	ADDQ         $Component__size, BX
	NEXT_COMPONENT(component, block)

block:
	BLOCK_END(component, store)

store:
	STORE_SUMS
	ADDQ $64, DI
	JMP  samples

done:
	VZEROUPPER
	RET

// func PerSampleSumsAVX2(t *MixtureArgs)
TEXT ·PerSampleSumsAVX2(SB), 0, $1056-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_N(AX), CX
	MOVQ MixtureArgs_X(AX), SI
	MOVQ MixtureArgs_Weight(AX), WEIGHTS
	MOVQ MixtureArgs_Mean(AX), MEANS
	MOVQ MixtureArgs_Scale(AX), SCALES
	MOVQ MixtureArgs_Stride(AX), STRIDE
	SHLQ $3, CX
	SHLQ $3, STRIDE
	XORL DI, DI // byte offset of the samples
	ALIGN_FRAME

samples:
	CMPQ DI, CX
	JGE  done
	MOVQ DI, BX // byte offset of the component's samples
	BLOCK_START(component)

component:
	PREFETCHT0 64(SCALES)(BX*1) // of the next samples: three rows for each component are too many for the processor to foresee
	PREFETCHT0 64(WEIGHTS)(BX*1)
	PREFETCHT0 64(MEANS)(BX*1)
	COMPONENT(0, A0, B0, E0, DENSITY0, O0)
	COMPONENT(32, A1, B1, E1, DENSITY1, O1)
	VMOVUPD (SI)(DI*1), O0
	VMOVUPD 32(SI)(DI*1), O1
	BASE2(A0, B0, E0, A1, B1, E1)
	GAUSS2
	VMOVUPD (WEIGHTS)(BX*1), E0
	VMOVUPD 32(WEIGHTS)(BX*1), E1
	VMOVAPD DENSITY0, O0
	VMOVAPD DENSITY1, O1
	TAKE2(E0, O0, E1, O1)
	ADDQ    STRIDE, BX
	NEXT_COMPONENT(component, block)

block:
	BLOCK_END(component, store)

store:
	STORE_SUMS
	ADDQ $64, DI
	JMP  samples

done:
	VZEROUPPER
	RET
