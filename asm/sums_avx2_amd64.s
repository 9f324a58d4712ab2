//go:build !purego

// The sums of a mixture at each sample (kernels/ref_mixture.go):
//
//	d = Σ ±w·Φ(-|t|)    wp, wn = Σ w over t > 0, t < 0    f = Σ w/σ·φ(t)    t = (x-μ)/σ
//
// MixtureSums takes one mixture for all samples, PerSampleSums one for each; they differ in how a component is loaded.
//
// Requires: AVX2, FMA.
//
// Two vectors, 8 samples, at a time; their sums stay in the frame while the components pass by. The next component begins while
// one is at its quotients, and the next samples while these are at their last component: what DISTANCE and EXPONENT_OF2 leave
// stays in registers.
// FMA pipe per component and vector: 40 FMA or multiply, 1 division; 15 additions; per sample, 5 more and a division to
// prepare its component.

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
	MOVQ    row(AX), R12  \
	VMOVAPD sum0, O0     \
	VMOVAPD sum1, O1     \
	VMOVUPD O0, (R12)(DI*1) \
	VMOVUPD O1, 32(R12)(DI*1)

#define STORE_SUMS \
	STORE(MixtureArgs_D, D0, D1)    \
	STORE(MixtureArgs_WP, WP0, WP1) \
	STORE(MixtureArgs_WN, WN0, WN1) \
	STORE(MixtureArgs_F, F0, F1)

// base2 of |x-mean|: |v| in r, its residual in s. Clobbers x, t and l.
#define DISTANCE(x, mean, ih, il, r, s, t, l) \
	VSUBPD      mean, x, t  \ // x - mean
	VSUBPD      x, t, s     \ // what the subtraction lost, exactly:
	VSUBPD      s, t, l     \
	VSUBPD      l, x, l     \
	VADDPD      mean, s, s  \
	VSUBPD      s, l, l     \
	VANDPD      SIGN_4, t, s \
	VXORPD      s, t, t     \
	VXORPD      s, l, l     \
	VMULPD      ih, t, r    \
	VMOVAPD     r, s        \
	VFMSUB231PD ih, t, s    \
	VFMADD231PD il, t, s    \
	VFMADD231PD ih, l, s    \
	VCMPPD      LESS, V_MAX_4, r, l \ // beyond, and for NaN, there is no residual
	VMINPD      V_MAX_4, r, t \ // the limit for NaN
	VANDPD      l, s, s     \
	VADDPD      s, s, x

// gauss, first part, from what DISTANCE leaves: u in M, u² in S, the exponential's argument in R.
#define EXPONENT_OF2 \
	VMOVUPD      NEAREST_BIAS_4, R1 \
	VMULPD       M0, M0, S0 \
	VMULPD       M1, M1, S1 \
	VSUBPD       S0, R1, R0 \
	VSUBPD       S1, R1, R1 \
	VSUBPD       NEAREST_BIAS_4, R0, R0 \ // -u², rounded to an integer
	VSUBPD       NEAREST_BIAS_4, R1, R1 \
	VFNMSUB231PD M0, M0, R0 \
	VFNMSUB231PD M1, M1, R1 \
	VFNMADD231PD O0, M0, R0 \ // less 2u·vl
	VFNMADD231PD O1, M1, R1

// sums.take of one vector but for f; w has the sign of t.
#define TAKE_SIDES(w, l, b, wp, wn, d, t, zero) \
	VMULPD      l, b, b      \ // Φ(-|t|)
	VXORPD      SIGN_4, w, t \
	VFMADD213PD d, w, b      \
	VMAXPD      zero, w, w   \
	VMAXPD      zero, t, t   \
	VADDPD      wp, w, w     \ // adding the 0 of the other side changes nothing
	VADDPD      wn, t, t     \
	VMOVAPD     b, d         \
	VMOVAPD     w, wp        \
	VMOVAPD     t, wn

#define NO_SUMS \
	VPXOR   A0, A0, A0 \
	VMOVAPD A0, D0   \
	VMOVAPD A0, D1   \
	VMOVAPD A0, WP0  \
	VMOVAPD A0, WP1  \
	VMOVAPD A0, WN0  \
	VMOVAPD A0, WN1  \
	VMOVAPD A0, F0   \
	VMOVAPD A0, F1

// func MixtureSumsAVX2(t *MixtureArgs)
TEXT ·MixtureSumsAVX2(SB), 0, $1056-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_N(AX), CX
	MOVQ MixtureArgs_X(AX), SI
	MOVQ MixtureArgs_Components(AX), R10
	SHLQ $3, CX
	XORL DI, DI // byte offset of the samples
	CMPQ DI, CX
	JGE  done
	ALIGN_FRAME

samples:
	MOVQ R10, BX
	LEAQ 64(DI), R11
	CMPQ R11, CX
	CMOVQGE DI, R11 // of the next samples; at the end, of the last again
	BLOCK_START(start)

start:
	VMOVUPD      (SI)(DI*1), O0
	VMOVUPD      32(SI)(DI*1), O1
	VBROADCASTSD Component_Mean(BX), A0
	VBROADCASTSD Component_IH(BX), A1
	VBROADCASTSD Component_IL(BX), E0
	DISTANCE(O0, A0, A1, E0, R0, S0, M0, E1)
	DISTANCE(O1, A0, A1, E0, R1, S1, M1, E1)
	EXPONENT_OF2
	PCALIGN $64

component:
	LEAN_EXP2
	LEAN_GAUSS2(NEAREST_BIAS_4)
	VPADDQ       E0, L0, L0
	VPADDQ       E1, L1, L1
	LEAQ         Component__size(BX), R8
	MOVQ         DI, R9
	INCQ         DX
	CMPQ         DX, MixtureArgs_K(AX)
	CMOVQEQ      R10, R8
	CMOVQEQ      R11, R9
	VMOVUPD      (SI)(R9*1), O0
	VMOVUPD      32(SI)(R9*1), O1
	VBROADCASTSD Component_Mean(R8), A0
	VBROADCASTSD Component_IH(R8), A1
	VBROADCASTSD Component_IL(R8), E0
	DISTANCE(O0, A0, A1, E0, R0, S0, M0, E1)
	DISTANCE(O1, A0, A1, E0, R1, S1, M1, E1)
	EXPONENT_OF2
	VBROADCASTSD Component_Mean(BX), A0
	VMOVUPD      SIGN_4, A1
	VBROADCASTSD Component_W(BX), E0
	VMOVUPD      (SI)(DI*1), O0
	VMOVUPD      32(SI)(DI*1), O1
	VSUBPD       A0, O0, O0
	VSUBPD       A0, O1, O1
	VBROADCASTSD Component_Density(BX), A0
	VANDPD       A1, O0, O0
	VANDPD       A1, O1, O1
	VORPD        E0, O0, O0
	VORPD        E0, O1, O1
	VPXOR        E0, E0, E0
	TAKE_SIDES(O0, L0, B0, WP0, WN0, D0, E1, E0)
	TAKE_SIDES(O1, L1, B1, WP1, WN1, D1, E1, E0)
	VFMADD213PD  F0, A0, L0
	VFMADD213PD  F1, A0, L1
	VMOVAPD      L0, F0
	VMOVAPD      L1, F1
	MOVQ         R8, BX
	TESTQ $(const_SumBlock-1), DX
	JZ    block
	CMPQ  DX, MixtureArgs_K(AX)
	JNE   component

block:
	ONE_BLOCK(store)
	ADD_BLOCKS
	CMPQ DX, MixtureArgs_K(AX)
	JNE  start
	TOTALS

store:
	STORE_SUMS
	ADDQ $64, DI
	CMPQ DI, CX
	JGE done
	CMPQ MixtureArgs_K(AX), $const_SumBlock
	JGT samples
	LEAQ 64(DI), R11
	CMPQ R11, CX
	CMOVQGE DI, R11
	XORL DX, DX
	NO_SUMS
	JMP component

done:
	VZEROUPPER
	RET

// newComponent of the vector at from the byte offset R12. Its density goes to the frame.
#define PREPARE(at, ih, il, density, o, t) \
	VMOVUPD      at(SCALES)(R12*1), o  \
	VMOVUPD      C_HI_4, t             \
	VDIVPD       o, t, ih              \
	VMOVUPD      at(WEIGHTS)(R12*1), t \
	VMULPD       DENSITY_SCALE_4, t, t \
	VMOVAPD      ih, il                \
	VFNMADD213PD C_HI_4, o, il         \ // CHi - ih·σ
	VMULPD       ih, t, t              \
	VMOVAPD      t, density            \
	VADDPD       C_LO_4, il, il        \
	VMULPD       INV_C_4, ih, t        \
	VMULPD       t, il, il

#define PREPARE_DISTANCE2 \
	PREFETCHT0 64(SCALES)(R12*1)         \ // of the next samples: three rows for each component are too many for the processor to foresee
	PREFETCHT0 64(WEIGHTS)(R12*1)        \
	PREFETCHT0 64(MEANS)(R12*1)          \
	PREPARE(0, A0, E0, DENSITY0, R0, M0) \
	PREPARE(32, A1, E1, DENSITY1, R1, M1) \
	DISTANCE(O0, (MEANS)(R12*1), A0, E0, R0, S0, M0, R1) \
	DISTANCE(O1, 32(MEANS)(R12*1), A1, E1, R1, S1, M1, E0) \
	EXPONENT_OF2

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
	CMPQ DI, CX
	JGE  done
	ALIGN_FRAME

samples:
	MOVQ DI, BX // byte offset of the component's samples
	BLOCK_START(start)

start:
	MOVQ    BX, R12
	VMOVUPD (SI)(DI*1), O0
	VMOVUPD 32(SI)(DI*1), O1
	PREPARE_DISTANCE2
	PCALIGN $64

component:
	LEAN_EXP2
	LEAN_GAUSS2(NEAREST_BIAS_4)
	VPADDQ      E0, L0, L0
	VPADDQ      E1, L1, L1
	VMOVAPD     DENSITY0, O0
	VMOVAPD     DENSITY1, O1
	VFMADD213PD F0, L0, O0
	VFMADD213PD F1, L1, O1
	VMOVAPD     O0, F0
	VMOVAPD     O1, F1
	INCQ        DX
	LEAQ        (BX)(STRIDE*1), R12
	VMOVUPD     (SI)(DI*1), O0
	VMOVUPD     32(SI)(DI*1), O1
	CMPQ        DX, MixtureArgs_K(AX)
	JNE         next
	LEAQ        64(DI), R12
	CMPQ        R12, CX
	CMOVQGE     DI, R12 // at the end, the last samples again
	VMOVUPD     (SI)(R12*1), O0
	VMOVUPD     32(SI)(R12*1), O1

next:
	PREPARE_DISTANCE2
	VMOVUPD (SI)(DI*1), O0
	VMOVUPD 32(SI)(DI*1), O1
	VSUBPD  (MEANS)(BX*1), O0, O0
	VSUBPD  32(MEANS)(BX*1), O1, O1
	VMOVUPD SIGN_4, A0
	VANDPD  A0, O0, O0
	VANDPD  A0, O1, O1
	VORPD   (WEIGHTS)(BX*1), O0, O0
	VORPD   32(WEIGHTS)(BX*1), O1, O1
	VPXOR   E0, E0, E0
	TAKE_SIDES(O0, L0, B0, WP0, WN0, D0, E1, E0)
	TAKE_SIDES(O1, L1, B1, WP1, WN1, D1, E1, E0)
	MOVQ    R12, BX
	TESTQ   $(const_SumBlock-1), DX
	JZ      block
	CMPQ    DX, MixtureArgs_K(AX)
	JNE     component

block:
	ONE_BLOCK(store)
	ADD_BLOCKS
	CMPQ DX, MixtureArgs_K(AX)
	JNE  start
	TOTALS

store:
	STORE_SUMS
	ADDQ $64, DI
	CMPQ DI, CX
	JGE  done
	CMPQ MixtureArgs_K(AX), $const_SumBlock
	JGT  samples
	XORL DX, DX
	NO_SUMS
	JMP  component

done:
	VZEROUPPER
	RET
