//go:build !purego

// The far path of the forward map (kernels/ref_far.go): samples so far from every component that sums in linear space
// underflow. The distance vm of the nearest component is factored out of the sums, and z is found by Halley's method in
// log space.
//
// Requires: AVX512F, AVX512DQ, AVX512VL, AVX512BW.
//
// A block of 16 samples, two vectors: the components pass by twice, for the nearest and for the sums, and then each vector
// is solved. The shared and the per-sample form differ in the load of a component.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx512_amd64.h"

#define X0 Z0
#define X1 Z1
#define D0 Z2 // Σ ±w·Φ(-|t|)
#define D1 Z3
#define F0 Z4 // Σ w/σ·φ(t)
#define F1 Z5
#define VM0 Z6 // distance of the nearest component that counts
#define VM1 Z7

// Samples with components that count at t < 0 and at t > 0.
#define BELOW0 K1
#define BELOW1 K2
#define ABOVE0 K5
#define ABOVE1 K6

// v = (x-mean)·ih for both vectors.
#define DISTANCE2(m0, h0, m1, h1) \
	VSUBPD m0, X0, V0 \
	VSUBPD m1, X1, V1 \
	VMULPD h0, V0, V0 \
	VMULPD h1, V1, V1

// farSums.nearest.
#define NEAREST2 \
	VBROADCASTSD ABS, C1  \
	VPANDQ  C1, V0, V0    \
	VPANDQ  C1, V1, V1    \
	VMINPD  V0, VM0, VM0  \ // a NaN in v stays
	VMINPD  V1, VM1, VM1

// The same for components with a weight alone, w in w0 and w1.
#define NEAREST_IF2(w0, w1) \
	VPXORQ       C1, C1, C1           \
	VCMPPD       NOT_EQUAL, C1, w0, K3 \
	VCMPPD       NOT_EQUAL, C1, w1, K4 \
	VBROADCASTSD ABS, C1              \
	VPANDQ       C1, V0, V0           \
	VPANDQ       C1, V1, V1           \
	VMINPD       V0, VM0, K3, VM0     \
	VMINPD       V1, VM1, K4, VM1

// farSums.add: sums over 2^(ExpBias-(v²-vm²)). Weights in w0 and w1, densities in q0 and q1.
#define FAR_EXPONENT2 \
	VPMOVQ2M     V0, K3      \ // t < 0
	VPMOVQ2M     V1, K4      \
	VBROADCASTSD ABS, C1     \
	VPANDQ       C1, V0, V0  \
	VPANDQ       C1, V1, V1  \
	VBROADCASTSD MAX_FLOAT, C1 \
	VSUBPD       V0, VM0, R0 \
	VSUBPD       V1, VM1, R1 \
	VADDPD       VM0, V0, N0 \
	VADDPD       VM1, V1, N1 \
	VMINPD       C1, N0, N0  \
	VMINPD       C1, N1, N1  \
	VMULPD       N0, R0, R0  \ // vm²-v²
	VMULPD       N1, R1, R1  \
	VPXORQ       A0, A0, A0  \
	VMINPD       A0, R0, R0  \
	VMINPD       A0, R1, R1  \
	VBROADCASTSD MINUS_FAR_LEAST, C1 \
	VMAXPD       C1, R0, R0  \
	VMAXPD       C1, R1, R1  \
	EXPONENT_OF2(NEAREST_BIAS) \
	STAND_STILL2(V0, V1)

#define FAR_TAKE2(w0, w1, q0, q1) \
	VMULPD       L0, B0, B0     \
	VMULPD       L1, B1, B1     \
	VPXORQ.BCST  SIGN, B0, K3, B0 \
	VPXORQ.BCST  SIGN, B1, K4, B1 \
	VFMADD231PD  B0, w0, D0     \
	VFMADD231PD  B1, w1, D1     \
	VFMADD231PD  L0, q0, F0     \
	VFMADD231PD  L1, q1, F1

// The sides of components that count: all of them, or those of the samples in c0 and c1. Uses K3 and K4 up.
#define FAR_SIDES2 \
	KORB  K3, BELOW0, BELOW0 \
	KORB  K4, BELOW1, BELOW1 \
	KNOTB K3, K3             \
	KNOTB K4, K4             \
	KORB  K3, ABOVE0, ABOVE0 \
	KORB  K4, ABOVE1, ABOVE1

#define FAR_SIDES_IF(w, below, above, side, t, c) \
	VPXORQ t, t, t            \
	VCMPPD NOT_EQUAL, t, w, c \
	KANDB  c, side, c         \
	KORB   c, below, below    \
	VCMPPD NOT_EQUAL, t, w, c \
	KANDNB c, side, c         \
	KORB   c, above, above

// farSums.forward of both vectors, step by step. For each: δ, h = 1/2tm, z, and temporaries t0-t7.

// The first δ, from vm, which becomes tm; d loses its sign. K7 collects the samples that cannot be done, mask is the
// vector's: vm infinite or NaN, or components on both sides.
#define FAR_BEGIN(d, vm, below, above, mask, delta, h, t0, t1, t2, t3, t4, t5) \
	VMULPD.BCST  INV_C, vm, vm    \
	VCMPPD.BCST  NOT_LESS_EQUAL, MAX_FLOAT, vm, mask \
	KANDB        above, below, below \
	KORB         below, mask, mask \
	KORB         mask, K7, K7     \
	VPANDQ.BCST  ABS, d, d        \
	VBROADCASTSD ONE, t0          \
	VDIVPD       vm, t0, h        \ // 1/tm
	VMULPD       vm, d, t1        \
	VMULPD.BCST  SQRT_2PI, t1, t1 \
	VBROADCASTSD MINUS_EXP_BIAS, t2 \
	LOG(t1, t2, t3, t4, t5, delta) \
	VMULPD       h, t1, t1        \
	VPXORQ.BCST  SIGN, t1, t1     \ // q
	VADDPD       t1, t1, t1       \
	VMOVAPD      t1, t2           \
	VFMADD213PD  t0, h, t2        \
	VSQRTPD      t2, t2           \
	VADDPD       t0, t2, t2       \
	VDIVPD       t2, t1, delta    \
	VMULPD.BCST  HALF, h, h

// One step of Halley's method.
#define FAR_HALLEY(d, tm, delta, h, z, t0, t1, t2, t3, t4, t5, t6) \
	VADDPD       delta, tm, z     \
	VMULPD.BCST  C_HI, z, t0      \
	MILLS_FAR(t0, t1, t2, t3, t4, t5, t6) \
	VMULPD.BCST  ALPHA, t3, t3    \
	VDIVPD       t3, d, t4        \
	VBROADCASTSD MINUS_EXP_BIAS, t0 \
	LOG(t4, t0, t1, t2, t5, t6)   \
	VMOVAPD      delta, t0        \
	VFMADD132PD.BCST HALF, tm, t0 \
	VFMADD213PD  t4, delta, t0    \ // residual
	VMULPD.BCST  SQRT_2PI, t3, t3 \
	VMULPD       t3, t0, t0       \ // u
	VMULPD       t0, t0, t1       \
	VFMADD231PD  h, t1, t0        \ // u + u²/2z
	VSUBPD       t0, delta, delta

// z and L, which goes to t0; f is used up. z is negative where there is nothing above.
#define FAR_FINISH(f, tm, above, mask, delta, z, t0, t1, t2, t3, t4, t5) \
	VADDPD       delta, tm, z     \
	VMOVAPD      delta, t0        \
	VFMADD132PD.BCST HALF, tm, t0 \
	VBROADCASTSD MINUS_EXP_BIAS, t1 \
	LOG(f, t1, t2, t3, t4, t5)    \
	VADDPD.BCST  LN_SQRT_2PI, f, f \
	VFMADD213PD  f, delta, t0     \
	KNOTB        above, above     \
	VPXORQ.BCST  SIGN, z, above, z \
	VPTERNLOGQ   $0xFF, z, z, mask, z

// The start of a block: X loaded, the sums cleared, vm infinite.
#define FAR_START \
	VMOVUPD      (SI)(DI*1), X0   \
	VMOVUPD      64(SI)(DI*1), X1 \
	VPXORQ       D0, D0, D0       \
	VPXORQ       D1, D1, D1       \
	VPXORQ       F0, F0, F0       \
	VPXORQ       F1, F1, F1       \
	KXORB        BELOW0, BELOW0, BELOW0 \
	KXORB        BELOW1, BELOW1, BELOW1 \
	KXORB        ABOVE0, ABOVE0, ABOVE0 \
	KXORB        ABOVE1, ABOVE1, ABOVE1 \
	VBROADCASTSD INFINITY, VM0    \
	VMOVAPD      VM0, VM1

#define FAR_END \
	FAR_BEGIN(D0, VM0, BELOW0, ABOVE0, K3, Z10, Z12, Z16, Z17, Z18, Z19, Z20, Z21) \
	FAR_BEGIN(D1, VM1, BELOW1, ABOVE1, K4, Z11, Z13, Z24, Z25, Z26, Z27, Z28, Z29) \
	FAR_HALLEY(D0, VM0, Z10, Z12, Z14, Z16, Z17, Z18, Z19, Z20, Z21, Z22) \
	FAR_HALLEY(D1, VM1, Z11, Z13, Z15, Z24, Z25, Z26, Z27, Z28, Z29, Z30) \
	FAR_HALLEY(D0, VM0, Z10, Z12, Z14, Z16, Z17, Z18, Z19, Z20, Z21, Z22) \
	FAR_HALLEY(D1, VM1, Z11, Z13, Z15, Z24, Z25, Z26, Z27, Z28, Z29, Z30) \
	FAR_FINISH(F0, VM0, ABOVE0, K3, Z10, Z14, Z16, Z17, Z18, Z19, Z20, Z21) \
	FAR_FINISH(F1, VM1, ABOVE1, K4, Z11, Z15, Z24, Z25, Z26, Z27, Z28, Z29) \
	VMOVUPD Z14, (R8)(DI*1)   \
	VMOVUPD Z16, (R9)(DI*1)   \
	VMOVUPD Z15, 64(R8)(DI*1) \
	VMOVUPD Z24, 64(R9)(DI*1)

// Blocks of components: the sums of all, D and F, and what their additions lost, are in the frame.
#define FAR_BLOCK_START(component) \
	XORL    DX, DX              \ // components done
	ONE_BLOCK(component)        \
	VPXORQ  Z10, Z10, Z10       \
	VMOVUPD Z10, totals-512(SP) \
	VMOVUPD Z10, totals-448(SP) \
	VMOVUPD Z10, totals-384(SP) \
	VMOVUPD Z10, totals-320(SP) \
	VMOVUPD Z10, lost-256(SP)   \
	VMOVUPD Z10, lost-192(SP)   \
	VMOVUPD Z10, lost-128(SP)   \
	VMOVUPD Z10, lost-64(SP)

#define FAR_BLOCK_END(component, done) \
	ONE_BLOCK(done)     \
	ADD_BLOCK(D0, totals-512(SP), lost-256(SP), Z10, Z11, Z12) \
	ADD_BLOCK(D1, totals-448(SP), lost-192(SP), Z13, Z14, Z15) \
	ADD_BLOCK(F0, totals-384(SP), lost-128(SP), Z16, Z17, Z18) \
	ADD_BLOCK(F1, totals-320(SP), lost-64(SP), Z19, Z20, Z21)  \
	CMPQ DX, MixtureArgs_K(AX) \
	JNE  component      \
	ADD_LOST(D0, totals-512(SP), lost-256(SP)) \
	ADD_LOST(D1, totals-448(SP), lost-192(SP)) \
	ADD_LOST(F0, totals-384(SP), lost-128(SP)) \
	ADD_LOST(F1, totals-320(SP), lost-64(SP))

// func MixtureFarAVX512(t *MixtureArgs) (missed bool)
TEXT ·MixtureFarAVX512(SB), NOSPLIT, $512-9
	MOVQ  t+0(FP), AX
	MOVQ  MixtureArgs_N(AX), CX
	MOVQ  MixtureArgs_X(AX), SI
	MOVQ  MixtureArgs_Z(AX), R8
	MOVQ  MixtureArgs_L(AX), R9
	SHLQ  $3, CX
	XORL  DI, DI // byte offset of the block
	KXORB K7, K7, K7

block:
	CMPQ DI, CX
	JGE  done
	FAR_START
	MOVQ MixtureArgs_Components(AX), BX
	MOVQ MixtureArgs_K(AX), DX

nearest:
	MOVQ         Component_W(BX), R10
	ADDQ         R10, R10 // ±0 has no weight
	JZ           further
	VBROADCASTSD Component_Mean(BX), A0
	VBROADCASTSD Component_IH(BX), B0
	DISTANCE2(A0, B0, A0, B0)
	NEAREST2

further:
	ADDQ         $Component__size, BX
	DECQ         DX
	JNZ          nearest

	MOVQ MixtureArgs_Components(AX), BX
	FAR_BLOCK_START(component)

component:
	MOVQ         Component_W(BX), R10
	ADDQ         R10, R10
	JZ           next
	VBROADCASTSD Component_Mean(BX), A0
	VBROADCASTSD Component_IH(BX), B0
	DISTANCE2(A0, B0, A0, B0)
	FAR_EXPONENT2
	EXP_MILLS2(V0, V1)
	VBROADCASTSD Component_W(BX), C0
	VBROADCASTSD Component_Density(BX), C1
	FAR_TAKE2(C0, C0, C1, C1)
	FAR_SIDES2

next:
	ADDQ         $Component__size, BX
	NEXT_COMPONENT(component, sums)

sums:
	FAR_BLOCK_END(component, solve)

solve:
	FAR_END
	ADDQ $128, DI
	JMP  block

done:
	KTESTB K7, K7
	SETNE  missed+8(FP)
	VZEROUPPER
	RET

// func PerSampleFarAVX512(t *MixtureArgs) (missed bool)
TEXT ·PerSampleFarAVX512(SB), NOSPLIT, $640-9
	MOVQ  t+0(FP), AX
	MOVQ  MixtureArgs_N(AX), CX
	MOVQ  MixtureArgs_X(AX), SI
	MOVQ  MixtureArgs_Z(AX), R8
	MOVQ  MixtureArgs_L(AX), R9
	MOVQ  MixtureArgs_Stride(AX), R13
	SHLQ  $3, CX
	SHLQ  $3, R13
	XORL  DI, DI // byte offset of the block
	KXORB K7, K7, K7

block:
	CMPQ DI, CX
	JGE  done
	FAR_START
	MOVQ MixtureArgs_Weight(AX), R10
	MOVQ MixtureArgs_Mean(AX), R11
	MOVQ MixtureArgs_Scale(AX), R12
	ADDQ DI, R10
	ADDQ DI, R11
	ADDQ DI, R12
	MOVQ MixtureArgs_K(AX), DX
	XORL BX, BX // byte offset of the component

nearest:
	VBROADCASTSD C_HI, C0
	VDIVPD       (R12)(BX*1), C0, B0
	VDIVPD       64(R12)(BX*1), C0, B1
	VMOVUPD      (R11)(BX*1), A0
	VMOVUPD      64(R11)(BX*1), A1
	DISTANCE2(A0, B0, A1, B1)
	VMOVUPD      (R10)(BX*1), A0
	VMOVUPD      64(R10)(BX*1), A1
	NEAREST_IF2(A0, A1)
	ADDQ         R13, BX
	DECQ         DX
	JNZ          nearest

	XORL BX, BX
	FAR_BLOCK_START(component)

component:
	VBROADCASTSD C_HI, C0
	VDIVPD       (R12)(BX*1), C0, B0
	VDIVPD       64(R12)(BX*1), C0, B1
	VMOVUPD      (R11)(BX*1), A0
	VMOVUPD      64(R11)(BX*1), A1
	DISTANCE2(A0, B0, A1, B1)
	VBROADCASTSD DENSITY_SCALE, C0
	VMULPD       (R10)(BX*1), C0, A0
	VMULPD       64(R10)(BX*1), C0, A1
	VMULPD       B0, A0, A0
	VMULPD       B1, A1, A1
	VMOVUPD      A0, density-640(SP)
	VMOVUPD      A1, density-576(SP)
	FAR_EXPONENT2
	EXP_MILLS2(V0, V1)
	VMOVUPD      (R10)(BX*1), C0
	VMOVUPD      64(R10)(BX*1), C1
	VMOVUPD      density-640(SP), E0
	VMOVUPD      density-576(SP), E1
	FAR_TAKE2(C0, C1, E0, E1)
	FAR_SIDES_IF(C0, BELOW0, ABOVE0, K3, A0, K0)
	FAR_SIDES_IF(C1, BELOW1, ABOVE1, K4, A1, K0)
	ADDQ         R13, BX
	NEXT_COMPONENT(component, sums)

sums:
	FAR_BLOCK_END(component, solve)

solve:
	FAR_END
	ADDQ $128, DI
	JMP  block

done:
	KTESTB K7, K7
	SETNE  missed+8(FP)
	VZEROUPPER
	RET
