//go:build !purego

// From the sums of a mixture to z = Φ⁻¹(F) and L = log dz/dx (sums.forward of kernels/ref_mixture.go), or to F, S and f.
//
// Requires: AVX2, FMA.
//
// Two vectors, 8 samples, at a time; the tails of probit are jumped over where no sample is in one.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx2_amd64.h"

#define FAR (32*6)(FRAME) // samples that are not near

// func MixtureFinishAVX2(t *MixtureArgs) (far bool)
TEXT ·MixtureFinishAVX2(SB), NOSPLIT, $256-9
	MOVQ    t+0(FP), AX
	MOVQ    MixtureArgs_N(AX), CX
	MOVQ    MixtureArgs_D(AX), R8
	MOVQ    MixtureArgs_WP(AX), R9
	MOVQ    MixtureArgs_WN(AX), R10
	MOVQ    MixtureArgs_F(AX), R11
	MOVQ    MixtureArgs_Z(AX), SI
	MOVQ    MixtureArgs_L(AX), DI
	XORL    DX, DX // byte offset of the samples
	SHLQ    $3, CX
	ALIGN_FRAME
	VPXOR   C0, C0, C0
	VMOVAPD C0, FAR

samples:
	CMPQ         DX, CX
	JGE          done
	VMOVUPD      (R8)(DX*1), A0
	VMOVUPD      32(R8)(DX*1), A1
	VBROADCASTSD BIAS, L0
	VMOVAPD      L0, L1
	VMOVAPD      L0, E0
	VMOVAPD      L0, E1
	VFMSUB132PD  (R9)(DX*1), A0, L0    // Bias·wp - d
	VFMSUB132PD  32(R9)(DX*1), A1, L1
	VFMADD132PD  (R10)(DX*1), A0, E0   // Bias·wn + d
	VFMADD132PD  32(R10)(DX*1), A1, E1
	PROBIT_CENTRE2
	TESTL        R12, R12
	JZ           centre
	PROBIT_TAIL2

centre:
	VMOVAPD      A0, L0
	VMOVAPD      A1, L1
	VMOVUPD      (R11)(DX*1), A0
	VMOVUPD      32(R11)(DX*1), A1
	LOG2(EXPONENT_BIAS)
	VBROADCASTSD HALF, C0
	VMULPD       C0, L0, B0
	VMULPD       C0, L1, B1
	HORNER2(LN_SQRT_2PI_4, L0, B0, L1, B1)
	VADDPD       B0, A0, A0
	VADDPD       B1, A1, A1
	VBROADCASTSD ABS, C0
	VBROADCASTSD FAR_DENSITY, C1
	VANDPD       (R8)(DX*1), C0, E0
	VANDPD       32(R8)(DX*1), C0, E1
	VCMPPD       NOT_GREATER_EQUAL, C1, E0, E0
	VCMPPD       NOT_GREATER_EQUAL, C1, E1, E1
	VORPD        E0, L0, L0            // NaN
	VORPD        E1, L1, L1
	VORPD        E0, E1, E0
	VORPD        FAR, E0, E0
	VMOVAPD      E0, FAR
	VMOVUPD      L0, (SI)(DX*1)
	VMOVUPD      L1, 32(SI)(DX*1)
	VMOVUPD      A0, (DI)(DX*1)
	VMOVUPD      A1, 32(DI)(DX*1)
	ADDQ         $64, DX
	JMP          samples

done:
	VMOVAPD FAR, C0
	VPTEST  C0, C0
	SETNE   far+8(FP)
	VZEROUPPER
	RET

// func MixtureTailsAVX2(t *MixtureArgs)
TEXT ·MixtureTailsAVX2(SB), NOSPLIT, $0-8
	MOVQ         t+0(FP), AX
	MOVQ         MixtureArgs_N(AX), CX
	MOVQ         MixtureArgs_X(AX), BX
	MOVQ         MixtureArgs_D(AX), R8
	MOVQ         MixtureArgs_WP(AX), R9
	MOVQ         MixtureArgs_WN(AX), R10
	MOVQ         MixtureArgs_F(AX), R11
	MOVQ         MixtureArgs_CDF(AX), SI
	MOVQ         MixtureArgs_SF(AX), DI
	MOVQ         MixtureArgs_PDF(AX), R12
	XORL         DX, DX // byte offset of the vector
	SHLQ         $3, CX
	VBROADCASTSD BIAS, C0
	VBROADCASTSD UNBIAS, C1

vector:
	CMPQ        DX, CX
	JGE         done
	VMOVUPD     (R8)(DX*1), A0
	VMOVAPD     C0, L0
	VMOVAPD     C0, E0
	VFMSUB132PD (R9)(DX*1), A0, L0  // Bias·wp - d
	VFMADD132PD (R10)(DX*1), A0, E0 // Bias·wn + d
	VMOVUPD     (BX)(DX*1), O0
	VCMPPD      UNORDERED, O0, O0, O0
	VMULPD      C1, L0, L0
	VMULPD      C1, E0, E0
	VMULPD      (R11)(DX*1), C1, B0
	VORPD       O0, L0, L0          // NaN where x is
	VORPD       O0, E0, E0
	VORPD       O0, B0, B0
	VMOVUPD     L0, (SI)(DX*1)
	VMOVUPD     E0, (DI)(DX*1)
	VMOVUPD     B0, (R12)(DX*1)
	ADDQ        $32, DX
	JMP         vector

done:
	VZEROUPPER
	RET
