//go:build !purego

// From the sums of a mixture to z = Φ⁻¹(F) and L = log dz/dx (sums.forward of kernels/ref_mixture.go).
//
// Requires: AVX512F, AVX512DQ, AVX512VL, AVX512BW.
//
// One vector of 8 samples at a time; consecutive ones overlap in the processor.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx512_amd64.h"

#define D Z0
#define F Z1  // the density
#define FS Z2 // F, biased
#define SS Z3 // S, biased
#define LATENT Z4
#define LOGDET Z5

// func MixtureFinishAVX512(t *MixtureArgs) (far bool)
TEXT ·MixtureFinishAVX512(SB), NOSPLIT, $0-9
	MOVQ  t+0(FP), AX
	MOVQ  MixtureArgs_N(AX), CX
	MOVQ  MixtureArgs_D(AX), R8
	MOVQ  MixtureArgs_WP(AX), R9
	MOVQ  MixtureArgs_WN(AX), R10
	MOVQ  MixtureArgs_F(AX), R11
	MOVQ  MixtureArgs_Z(AX), SI
	MOVQ  MixtureArgs_L(AX), DI
	KXORB K7, K7, K7 // samples that are not near
	XORL  DX, DX     // byte offset of the vector
	SHLQ  $3, CX

vector:
	CMPQ         DX, CX
	JGE          done
	VMOVUPD      (R8)(DX*1), D
	VPANDQ.BCST  ABS, D, Z6
	VCMPPD.BCST  NOT_GREATER_EQUAL, FAR_DENSITY, Z6, K6
	KORB         K6, K7, K7
	KORTESTB     K6, K6
	JCS          far // all of them
	VMOVUPD      (R11)(DX*1), F
	VBROADCASTSD BIAS, FS
	VMOVAPD      FS, SS
	VFMSUB132PD  (R9)(DX*1), D, FS  // Bias·wp - d
	VFMADD132PD  (R10)(DX*1), D, SS // Bias·wn + d
	PROBIT_CENTRE(FS, SS, LATENT, Z6, Z7, Z8, Z9, Z10, Z11)
	KORTESTB     K4, K4
	JZ           centre
	PROBIT_TAIL(FS, LATENT, Z6, Z7, Z8, Z9, Z10, Z11)

centre:
	VBROADCASTSD     MINUS_EXP_BIAS, Z6
	LOG(F, Z6, Z7, Z8, Z9, Z10)
	VMULPD.BCST      HALF, LATENT, LOGDET
	VFMADD213PD.BCST LN_SQRT_2PI, LATENT, LOGDET
	VADDPD           LOGDET, F, LOGDET

far:
	VPTERNLOGQ       $0xFF, LATENT, LATENT, K6, LATENT // NaN
	VMOVUPD          LATENT, (SI)(DX*1)
	VMOVUPD          LOGDET, (DI)(DX*1)
	ADDQ             $64, DX
	JMP              vector

done:
	KTESTB K7, K7
	SETNE  far+8(FP)
	VZEROUPPER
	RET

// func MixtureTailsAVX512(t *MixtureArgs)
TEXT ·MixtureTailsAVX512(SB), NOSPLIT, $0-8
	MOVQ         t+0(FP), AX
	MOVQ         MixtureArgs_N(AX), CX
	MOVQ         MixtureArgs_D(AX), R8
	MOVQ         MixtureArgs_WP(AX), R9
	MOVQ         MixtureArgs_WN(AX), R10
	MOVQ         MixtureArgs_F(AX), R11
	MOVQ         MixtureArgs_CDF(AX), SI
	MOVQ         MixtureArgs_SF(AX), DI
	MOVQ         MixtureArgs_PDF(AX), BX
	MOVQ         MixtureArgs_X(AX), AX
	VBROADCASTSD BIAS, Z6
	VBROADCASTSD UNBIAS, Z7
	XORL         DX, DX // byte offset of the vector
	SHLQ         $3, CX

vector:
	CMPQ        DX, CX
	JGE         done
	VMOVUPD     (R8)(DX*1), D
	VMULPD      (R11)(DX*1), Z7, F
	VMOVAPD     Z6, FS
	VMOVAPD     Z6, SS
	VFMSUB132PD (R9)(DX*1), D, FS  // Bias·wp - d
	VFMADD132PD (R10)(DX*1), D, SS // Bias·wn + d
	VMULPD      Z7, FS, FS
	VMULPD      Z7, SS, SS
	VMOVUPD     (AX)(DX*1), Z8
	VCMPPD      UNORDERED, Z8, Z8, K1
	VMOVAPD     Z8, K1, F
	VMOVAPD     Z8, K1, FS
	VMOVAPD     Z8, K1, SS
	VMOVUPD     FS, (SI)(DX*1)
	VMOVUPD     SS, (DI)(DX*1)
	VMOVUPD     F, (BX)(DX*1)
	ADDQ        $64, DX
	JMP         vector

done:
	VZEROUPPER
	RET
