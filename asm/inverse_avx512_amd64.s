//go:build !purego

// The inverse of the forward map (kernels/ref_inverse.go): Halley's method in z-space inside an exact bracket; where a step
// leaves it or the bracket stalls, another first guess, or bisection. What belongs to a sample is in the rows of
// InverseState; the caller repeats
//
//	MixtureInverseSums   the sums at x, with the slope of f and what the sum of the weights lost
//	MixtureInverseSolve  z and L from the sums, the residual, the step, the end of it, the bracket, the next x
//
// after one MixtureInverseStart, and takes the samples that are done out of the rows between rounds.
//
// Requires: AVX512F, AVX512DQ, AVX512VL, AVX512BW.
//
// Start and Sums take a block of 16 samples at a time, two vectors; Solve takes a vector of 8, and consecutive ones overlap
// in the processor. The shared and the per-sample form differ in the load of a component.
// FMA pipe of Sums per component and vector: 44 FMA or multiply, 1 VRANGE, 1 VCMP, 1 division; 19 additions.

#include "textflag.h"
#include "go_asm.h"
#include "consts_amd64.h"
#include "avx512_amd64.h"

// Registers of Start: the bracket, the narrowest scale, the moments of the mixture, Φ(z) roughly.
#define TARGET0 Z0
#define TARGET1 Z1
#define LO0 Z2
#define LO1 Z3
#define HI0 Z4
#define HI1 Z5
#define NARROW0 Z6
#define NARROW1 Z7
#define MEAN0 Z8
#define MEAN1 Z9
#define SECOND0 Z10
#define SECOND1 Z11
#define P0 Z12
#define P1 Z13
#define BELOW0 Z14 // of the component in whose share P falls; then its weight, mean and scale
#define BELOW1 Z15
#define SHARE0 Z16
#define SHARE1 Z17
#define CENTRE0 Z18
#define CENTRE1 Z19
#define WIDTH0 Z20
#define WIDTH1 Z21

#define START_CLEAR \
	VMOVUPD      (SI)(DI*1), TARGET0   \
	VMOVUPD      64(SI)(DI*1), TARGET1 \
	VBROADCASTSD INFINITY, LO0         \
	VMOVAPD      LO0, LO1              \
	VMOVAPD      LO0, NARROW0          \
	VMOVAPD      LO0, NARROW1          \
	VPXORQ.BCST  SIGN, LO0, HI0        \
	VMOVAPD      HI0, HI1              \
	VPXORQ       MEAN0, MEAN0, MEAN0   \
	VPXORQ       MEAN1, MEAN1, MEAN1   \
	VPXORQ       SECOND0, SECOND0, SECOND0 \
	VPXORQ       SECOND1, SECOND1, SECOND1 \
	VPXORQ       BELOW0, BELOW0, BELOW0 \
	VPXORQ       BELOW1, BELOW1, BELOW1 \
	VPXORQ       SHARE0, SHARE0, SHARE0 \
	VPXORQ       SHARE1, SHARE1, SHARE1

// The bracket's ends and the mean of the mixture, by one component of one vector; it does not count without weight.
#define BRACKET(w, m, s, target, lo, hi, narrow, mean, t) \
	VPXORQ      t, t, t                \
	VCMPPD      NOT_EQUAL, t, w, K1    \
	VMOVAPD     m, t                   \
	VFMADD231PD target, s, t           \ // μ + σz
	VMINPD      lo, t, K1, lo          \
	VMAXPD      hi, t, K1, hi          \
	VMINPD      s, narrow, K1, narrow  \
	VFMADD231PD m, w, K1, mean

#define SECOND_MOMENT(w, m, s, mean, second, t, u) \
	VSUBPD      mean, m, t \
	VMULPD      s, s, u    \
	VFMADD231PD t, t, u    \
	VFMADD231PD u, w, second

// inverseTarget of one vector: Φ(z)-1/2 and 1/φ(z) go to the state, p is Φ(z) roughly.
#define TARGET(at, target, p) \
	VMULPD       target, target, Z26      \
	VBROADCASTSD ·Centre+8*10(SB), Z27    \
	VFMADD213PD.BCST ·Centre+8*9(SB), Z26, Z27 \
	VFMADD213PD.BCST ·Centre+8*8(SB), Z26, Z27 \
	VFMADD213PD.BCST ·Centre+8*7(SB), Z26, Z27 \
	VFMADD213PD.BCST ·Centre+8*6(SB), Z26, Z27 \
	VFMADD213PD.BCST ·Centre+8*5(SB), Z26, Z27 \
	VFMADD213PD.BCST ·Centre+8*4(SB), Z26, Z27 \
	VFMADD213PD.BCST ·Centre+8*3(SB), Z26, Z27 \
	VFMADD213PD.BCST ·Centre+8*2(SB), Z26, Z27 \
	VFMADD213PD.BCST ·Centre+8*1(SB), Z26, Z27 \
	VFMADD213PD.BCST ·Centre+8*0(SB), Z26, Z27 \
	VMULPD       target, Z27, Z27         \
	VMOVUPD      Z27, (InverseState_Q+at)(R9)(DI*1) \
	VMOVUPD      target, (InverseState_Z+at)(R9)(DI*1) \
	VMULPD.BCST  C_HI, target, Z26        \
	VBROADCASTSD V_MAX, Z27               \
	VRANGEPD     SMALLER_MAGNITUDE, Z27, Z26, Z26 \
	VMULPD       Z26, Z26, Z27            \
	VBROADCASTSD NEAREST_BIAS, Z28        \
	VSUBPD       Z27, Z28, Z29            \
	VSUBPD       Z28, Z29, Z30            \
	VFNMSUB231PD Z26, Z26, Z30            \
	ALPHA_EXP2(Z30, Z29, Z31)             \
	VMULPD.BCST  INV_PHI_SCALE, Z31, Z31  \ // φ(z)
	VBROADCASTSD ONE, Z26                 \
	VDIVPD       Z31, Z26, Z27            \
	VMOVUPD      Z27, (InverseState_InvPhi+at)(R9)(DI*1) \
	VPANDQ.BCST  ABS, target, Z27         \
	VMOVAPD      Z26, Z28                 \
	VFMADD231PD.BCST ·RoughCDF+8*0(SB), Z27, Z28 \
	VDIVPD       Z28, Z26, Z28            \ // s
	VBROADCASTSD ·RoughCDF+8*3(SB), Z29   \
	VFMADD213PD.BCST ·RoughCDF+8*2(SB), Z28, Z29 \
	VFMADD213PD.BCST ·RoughCDF+8*1(SB), Z28, Z29 \
	VMULPD       Z28, Z31, p              \
	VMULPD       Z29, p, p                \
	VPXORQ       Z27, Z27, Z27            \
	VCMPPD       NOT_LESS_EQUAL, Z27, target, K1 \
	VSUBPD       p, Z26, K1, p

// The component falls if P is within its share, from b on.
#define SHARE(b, w, m, s, p, below, share, centre, width, t) \
	VADDPD  w, b, t                 \
	VCMPPD  LESS_EQUAL, p, b, K1    \
	VCMPPD  LESS, t, p, K1, K1      \
	VMOVAPD b, K1, below            \
	VMOVAPD w, K1, share            \
	VMOVAPD m, K1, centre           \
	VMOVAPD s, K1, width

// The two guesses, the first x, and the bracket of one vector go to the state.
#define GUESS(at, target, lo, hi, narrow, mean, second, p, below, share, centre, width) \
	VSQRTPD      second, Z26              \
	VFMADD213PD  mean, target, Z26        \ // the other guess
	VCMPPD       LESS, Z26, lo, K1        \
	VCMPPD       LESS, hi, Z26, K1, K1    \
	KNOTB        K1, K1                   \
	VBROADCASTSD HALF, Z27                \
	VMULPD       Z27, lo, Z28             \
	VMULPD       Z27, hi, Z29             \
	VADDPD       Z29, Z28, K1, Z26        \
	VMOVUPD      Z26, (InverseState_Other+at)(R9)(DI*1) \
	VSUBPD       below, p, Z28            \
	VADDPD       Z28, Z28, Z28            \
	VSUBPD       share, Z28, Z28          \
	VDIVPD       share, Z28, Z28          \ // u
	VMULPD       Z28, Z28, Z29            \ // u²
	VBROADCASTSD ·RoughProbit+8*1(SB), Z30 \
	VFMADD213PD.BCST ·RoughProbit+8*0(SB), Z29, Z30 \
	VMULPD       Z28, Z30, Z30            \
	VBROADCASTSD ·RoughProbit+8*3(SB), Z31 \
	VFMADD213PD.BCST ·RoughProbit+8*2(SB), Z29, Z31 \
	VFMADD213PD.BCST ONE, Z29, Z31        \
	VDIVPD       Z31, Z30, Z30            \
	VFMADD213PD  centre, width, Z30       \
	VPANDQ.BCST  ABS, Z28, Z28            \
	VCMPPD.BCST  LESS, ROUGH_MOST, Z28, K1 \
	VCMPPD       LESS, Z30, lo, K1, K1    \
	VCMPPD       LESS, hi, Z30, K1, K1    \
	VMOVAPD      Z30, K1, Z26             \
	VCMPPD       EQUAL, lo, hi, K1        \
	VMOVAPD      lo, K1, Z26              \
	VMOVUPD      Z26, (InverseState_X+at)(R9)(DI*1) \
	VSUBPD       lo, hi, Z27              \
	VMOVUPD      Z27, (InverseState_Width+at)(R9)(DI*1) \
	VMOVUPD      lo, (InverseState_Lo+at)(R9)(DI*1) \
	VMOVUPD      hi, (InverseState_Hi+at)(R9)(DI*1) \
	VMULPD.BCST  INVERSE_DONE, narrow, Z27 \
	VMOVUPD      Z27, (InverseState_Narrow+at)(R9)(DI*1)

#define GUESS2 \
	GUESS(0, TARGET0, LO0, HI0, NARROW0, MEAN0, SECOND0, P0, BELOW0, SHARE0, CENTRE0, WIDTH0) \
	GUESS(64, TARGET1, LO1, HI1, NARROW1, MEAN1, SECOND1, P1, BELOW1, SHARE1, CENTRE1, WIDTH1)

// Where the parameters of the block at DI begin, with one mixture per sample. BX is the byte offset of the component.
#define EACH \
	MOVQ MixtureArgs_Weight(AX), R10 \
	MOVQ MixtureArgs_Mean(AX), R11   \
	MOVQ MixtureArgs_Scale(AX), R12  \
	ADDQ DI, R10              \
	ADDQ DI, R11              \
	ADDQ DI, R12              \
	MOVQ MixtureArgs_K(AX), DX       \
	XORL BX, BX

#define LOAD_SHARED(m, s, w) \
	VBROADCASTSD Component_Mean(BX), m \
	VBROADCASTSD Component_Scale(BX), s \
	VBROADCASTSD Component_W(BX), w

#define LOAD_EACH(m0, m1, s0, s1, w0, w1) \
	VMOVUPD (R11)(BX*1), m0   \
	VMOVUPD 64(R11)(BX*1), m1 \
	VMOVUPD (R12)(BX*1), s0   \
	VMOVUPD 64(R12)(BX*1), s1 \
	VMOVUPD (R10)(BX*1), w0   \
	VMOVUPD 64(R10)(BX*1), w1

// func MixtureInverseStartAVX512(t *MixtureArgs)
TEXT ·MixtureInverseStartAVX512(SB), NOSPLIT, $0-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_N(AX), CX
	MOVQ MixtureArgs_Z(AX), SI
	MOVQ MixtureArgs_Inverse(AX), R9
	SHLQ $3, CX
	XORL DI, DI // byte offset of the block

block:
	CMPQ DI, CX
	JGE  done
	START_CLEAR
	TARGET(0, TARGET0, P0)
	TARGET(64, TARGET1, P1)
	MOVQ MixtureArgs_Components(AX), BX
	MOVQ MixtureArgs_K(AX), DX

bracket:
	LOAD_SHARED(Z22, Z23, Z24)
	VBROADCASTSD Component_Below(BX), Z25
	BRACKET(Z24, Z22, Z23, TARGET0, LO0, HI0, NARROW0, MEAN0, Z26)
	BRACKET(Z24, Z22, Z23, TARGET1, LO1, HI1, NARROW1, MEAN1, Z27)
	SHARE(Z25, Z24, Z22, Z23, P0, BELOW0, SHARE0, CENTRE0, WIDTH0, Z28)
	SHARE(Z25, Z24, Z22, Z23, P1, BELOW1, SHARE1, CENTRE1, WIDTH1, Z29)
	ADDQ $Component__size, BX
	DECQ DX
	JNZ  bracket

	MOVQ MixtureArgs_Components(AX), BX
	MOVQ MixtureArgs_K(AX), DX

moment:
	LOAD_SHARED(Z22, Z23, Z24)
	SECOND_MOMENT(Z24, Z22, Z23, MEAN0, SECOND0, Z26, Z28)
	SECOND_MOMENT(Z24, Z22, Z23, MEAN1, SECOND1, Z27, Z29)
	ADDQ $Component__size, BX
	DECQ DX
	JNZ  moment

	GUESS2
	ADDQ $128, DI
	JMP  block

done:
	VZEROUPPER
	RET

// func PerSampleInverseStartAVX512(t *MixtureArgs)
TEXT ·PerSampleInverseStartAVX512(SB), NOSPLIT, $0-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_N(AX), CX
	MOVQ MixtureArgs_Inverse(AX), R9
	MOVQ MixtureArgs_Stride(AX), R13
	SHLQ $3, R13
	SHLQ $3, CX
	XORL DI, DI // byte offset of the block

block:
	CMPQ DI, CX
	JGE  done
	MOVQ MixtureArgs_Z(AX), SI
	START_CLEAR
	TARGET(0, TARGET0, P0)
	TARGET(64, TARGET1, P1)
	EACH

bracket:
	// The weight below component DX: equal means stand in their order.
	VMOVUPD (R11)(BX*1), Z22
	VMOVUPD 64(R11)(BX*1), Z23
	VPXORQ  Z30, Z30, Z30
	VPXORQ  Z31, Z31, Z31
	XORL    SI, SI
	MOVQ    MixtureArgs_K(AX), R8

before:
	CMPQ    SI, BX
	JEQ     after
	VMOVUPD (R11)(SI*1), Z24
	VMOVUPD 64(R11)(SI*1), Z25
	VCMPPD  LESS_EQUAL, Z22, Z24, K1
	VCMPPD  LESS_EQUAL, Z23, Z25, K2
	VADDPD  (R10)(SI*1), Z30, K1, Z30
	VADDPD  64(R10)(SI*1), Z31, K2, Z31
	ADDQ    R13, SI
	DECQ    R8
	JMP     before

after:
	VMOVUPD (R11)(SI*1), Z24
	VMOVUPD 64(R11)(SI*1), Z25
	VCMPPD  LESS, Z22, Z24, K1
	VCMPPD  LESS, Z23, Z25, K2
	VADDPD  (R10)(SI*1), Z30, K1, Z30
	VADDPD  64(R10)(SI*1), Z31, K2, Z31
	ADDQ    R13, SI
	DECQ    R8
	JNZ     after

	VMOVUPD (R12)(BX*1), Z26
	VMOVUPD (R10)(BX*1), Z28
	BRACKET(Z28, Z22, Z26, TARGET0, LO0, HI0, NARROW0, MEAN0, Z24)
	SHARE(Z30, Z28, Z22, Z26, P0, BELOW0, SHARE0, CENTRE0, WIDTH0, Z24)
	VMOVUPD 64(R12)(BX*1), Z27
	VMOVUPD 64(R10)(BX*1), Z29
	BRACKET(Z29, Z23, Z27, TARGET1, LO1, HI1, NARROW1, MEAN1, Z25)
	SHARE(Z31, Z29, Z23, Z27, P1, BELOW1, SHARE1, CENTRE1, WIDTH1, Z25)
	ADDQ    R13, BX
	DECQ    DX
	JNZ     bracket

	EACH

moment:
	LOAD_EACH(Z22, Z23, Z24, Z25, Z26, Z27)
	SECOND_MOMENT(Z26, Z22, Z24, MEAN0, SECOND0, Z28, Z30)
	SECOND_MOMENT(Z27, Z23, Z25, MEAN1, SECOND1, Z29, Z31)
	ADDQ R13, BX
	DECQ DX
	JNZ  moment

	GUESS2
	ADDQ $128, DI
	JMP  block

done:
	VZEROUPPER
	RET

// Registers of Sums.
#define DF0 Z0
#define DF1 Z1
#define D0 Z2
#define D1 Z3
#define WP0 Z4
#define WP1 Z5
#define WN0 Z6
#define WN1 Z7
#define F0 Z8
#define F1 Z9
#define NEGATIVE0 K3 // t < 0
#define NEGATIVE1 K4
#define LOWER0 K5 // z ≤ 0
#define LOWER1 K6

#define SUMS_CLEAR \
	VPXORQ  DF0, DF0, DF0    \
	VPXORQ  DF1, DF1, DF1    \
	VPXORQ  D0, D0, D0       \
	VPXORQ  D1, D1, D1       \
	VPXORQ  WP0, WP0, WP0    \
	VPXORQ  WP1, WP1, WP1    \
	VPXORQ  WN0, WN0, WN0    \
	VPXORQ  WN1, WN1, WN1    \
	VPXORQ  F0, F0, F0       \
	VPXORQ  F1, F1, F1       \
	VMOVUPD DF0, InverseState_Lost(R9)(DI*1) \
	VMOVUPD DF0, (InverseState_Lost+64)(R9)(DI*1) \
	VCMPPD  NOT_LESS, InverseState_Z(R9)(DI*1), F0, LOWER0 \
	VCMPPD  NOT_LESS, (InverseState_Z+64)(R9)(DI*1), F0, LOWER1

// inverseSums.add up to the Gaussian: mean in A, ih in B, il in E.
#define INVERSE_GAUSS2(m0, h0, l0, m1, h1, l1) \
	VMOVUPD  InverseState_X(R9)(DI*1), O0        \
	VMOVUPD  (InverseState_X+64)(R9)(DI*1), O1   \
	BASE(O0, m0, h0, l0, V0, L0, U0, Y0, N0) \
	BASE(O1, m1, h1, l1, V1, L1, U1, Y1, N1) \
	VPMOVQ2M V0, NEGATIVE0 \
	VPMOVQ2M V1, NEGATIVE1 \
	VMULPD   h0, V0, O0 \
	VMULPD   h1, V1, O1 \
	CLAMP2    \
	EXPONENT2 \
	VMOVAPD  O0, V0 \ // v/σ, in base two
	VMOVAPD  O1, V1

// What the sum of the weights on the target's side is going to lose.
#define LOST(at, w, wp, wn, negative, lower, a, s, t) \
	VBLENDMPD wp, wn, lower, a      \
	KXORB     lower, negative, K1   \
	VADDPD    w, a, s               \
	VSUBPD    a, s, t               \ // bb
	VSUBPD    t, s, s               \
	VSUBPD    s, a, a               \
	VSUBPD    t, w, t               \
	VADDPD    t, a, a               \
	VMOVUPD   (InverseState_Lost+at)(R9)(DI*1), s \
	VADDPD    a, s, K1, s           \
	VMOVUPD   s, (InverseState_Lost+at)(R9)(DI*1)

#define INVERSE_TAKE(w, q, l, b, vih, negative, d, wp, wn, f, df, t) \
	KNOTB        negative, K1        \
	VMULPD       l, b, b             \
	VADDPD       w, wn, negative, wn \
	VADDPD       w, wp, K1, wp       \
	VPXORQ.BCST  SIGN, b, negative, b \
	VFMADD231PD  b, w, d             \
	VFMADD231PD  l, q, f             \
	VMULPD       l, q, t             \
	VFNMADD231PD vih, t, df

// sumInverse, after the totals: what they and their blocks lost on the target's side. The totals and losses of wp and wn are
// in the frame.
#define LOST_TOTAL(at, wp, wn, wpTotal, wpLost, wnTotal, wnLost, lower, a, b) \
	VMOVUPD   wpTotal, a    \
	VSUBPD    wp, a, a      \
	VADDPD    wpLost, a, a  \
	VMOVUPD   wnTotal, b    \
	VSUBPD    wn, b, b      \
	VADDPD    wnLost, b, b  \
	VBLENDMPD a, b, lower, a \
	VADDPD    (InverseState_Lost+at)(R9)(DI*1), a, a \
	VMOVUPD   a, (InverseState_Lost+at)(R9)(DI*1)

#define LOST_TOTAL2 \
	LOST_TOTAL(0, WP0, WN0, totals-896(SP), lost-384(SP), totals-768(SP), lost-256(SP), LOWER0, Z10, Z11) \
	LOST_TOTAL(64, WP1, WN1, totals-832(SP), lost-320(SP), totals-704(SP), lost-192(SP), LOWER1, Z12, Z13)

#define SUMS_STORE \
	VMOVUPD D0, InverseState_D(R9)(DI*1)        \
	VMOVUPD D1, (InverseState_D+64)(R9)(DI*1)   \
	VMOVUPD WP0, InverseState_WP(R9)(DI*1)      \
	VMOVUPD WP1, (InverseState_WP+64)(R9)(DI*1) \
	VMOVUPD WN0, InverseState_WN(R9)(DI*1)      \
	VMOVUPD WN1, (InverseState_WN+64)(R9)(DI*1) \
	VMOVUPD F0, InverseState_F(R9)(DI*1)        \
	VMOVUPD F1, (InverseState_F+64)(R9)(DI*1)   \
	VMOVUPD DF0, InverseState_DF(R9)(DI*1)      \
	VMOVUPD DF1, (InverseState_DF+64)(R9)(DI*1)

// func MixtureInverseSumsAVX512(t *MixtureArgs)
TEXT ·MixtureInverseSumsAVX512(SB), 0, $1024-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_N(AX), CX
	MOVQ MixtureArgs_Inverse(AX), R9
	SHLQ $3, CX
	XORL DI, DI // byte offset of the block

block:
	CMPQ DI, CX
	JGE  done
	SUMS_CLEAR
	MOVQ MixtureArgs_Components(AX), BX
	BLOCK_START(component)

component:
	VBROADCASTSD Component_Mean(BX), A0
	VBROADCASTSD Component_IH(BX), B0
	VBROADCASTSD Component_IL(BX), E0
	INVERSE_GAUSS2(A0, B0, E0, A0, B0, E0)
	VBROADCASTSD Component_W(BX), C0
	LOST(0, C0, WP0, WN0, NEGATIVE0, LOWER0, A0, B0, E0)
	LOST(64, C0, WP1, WN1, NEGATIVE1, LOWER1, A1, B1, E1)
	EXP_MILLS2(U0, U1)
	VBROADCASTSD Component_W(BX), C0
	VBROADCASTSD Component_Density(BX), C1
	INVERSE_TAKE(C0, C1, L0, B0, V0, NEGATIVE0, D0, WP0, WN0, F0, DF0, A0)
	INVERSE_TAKE(C0, C1, L1, B1, V1, NEGATIVE1, D1, WP1, WN1, F1, DF1, A1)
	ADDQ         $Component__size, BX
	NEXT_COMPONENT(component, sums)

sums:
	BLOCK_END(component, store)
	LOST_TOTAL2

store:
	SUMS_STORE
	ADDQ $128, DI
	JMP  block

done:
	VZEROUPPER
	RET

// func PerSampleInverseSumsAVX512(t *MixtureArgs)
TEXT ·PerSampleInverseSumsAVX512(SB), 0, $1152-8
	MOVQ t+0(FP), AX
	MOVQ MixtureArgs_N(AX), CX
	MOVQ MixtureArgs_Inverse(AX), R9
	MOVQ MixtureArgs_Stride(AX), R13
	SHLQ $3, R13
	SHLQ $3, CX
	XORL DI, DI // byte offset of the block

block:
	CMPQ DI, CX
	JGE  done
	SUMS_CLEAR
	EACH
	BLOCK_START(component)

component:
	LOAD_EACH(A0, A1, Y0, Y1, C0, C1)
	INVERT_SCALE(Y0, B0, E0, O0)
	INVERT_SCALE(Y1, B1, E1, O1)
	VMULPD.BCST  DENSITY_SCALE, C0, V0
	VMULPD.BCST  DENSITY_SCALE, C1, V1
	VMULPD       B0, V0, V0
	VMULPD       B1, V1, V1
	VMOVUPD      V0, density-1152(SP)
	VMOVUPD      V1, density-1088(SP)
	INVERSE_GAUSS2(A0, B0, E0, A1, B1, E1)
	VMOVUPD      (R10)(BX*1), C0
	VMOVUPD      64(R10)(BX*1), C1
	LOST(0, C0, WP0, WN0, NEGATIVE0, LOWER0, A0, B0, E0)
	LOST(64, C1, WP1, WN1, NEGATIVE1, LOWER1, A1, B1, E1)
	EXP_MILLS2(U0, U1)
	VMOVUPD      (R10)(BX*1), C0
	VMOVUPD      density-1152(SP), C1
	INVERSE_TAKE(C0, C1, L0, B0, V0, NEGATIVE0, D0, WP0, WN0, F0, DF0, A0)
	VMOVUPD      64(R10)(BX*1), C0
	VMOVUPD      density-1088(SP), C1
	INVERSE_TAKE(C0, C1, L1, B1, V1, NEGATIVE1, D1, WP1, WN1, F1, DF1, A1)
	ADDQ         R13, BX
	NEXT_COMPONENT(component, sums)

sums:
	BLOCK_END(component, store)
	LOST_TOTAL2

store:
	SUMS_STORE
	ADDQ $128, DI
	JMP  block

done:
	VZEROUPPER
	RET

// Registers of Solve.
#define D Z0
#define F Z1
#define LATENT Z2
#define LOGDET Z3
#define X Z4
#define GOAL Z5
#define RHO Z12   // z(x) - target
#define DXDZ Z13
#define SLOPE Z14 // dL/dx
#define STEP Z15
#define NEXT Z16
#define SHORT Z17 // a step of this length is the last one
#define LO Z18
#define HI Z19
#define NEAR K1    // the sums are good
#define BETWEEN K2 // there are components on both sides

// func MixtureInverseSolveAVX512(t *MixtureArgs, fourth bool) (done bool)
TEXT ·MixtureInverseSolveAVX512(SB), NOSPLIT, $0-17
	MOVQ    t+0(FP), AX
	MOVBLZX fourth+8(FP), R10
	NEGL    R10 // all ones in every fourth round
	MOVQ    MixtureArgs_N(AX), CX
	MOVQ    MixtureArgs_Inverse(AX), R9
	SHLQ    $3, CX
	XORL    SI, SI // byte offset of the vector
	XORL    R8, R8 // samples that are done

vector:
	CMPQ             SI, CX
	JGE              done
	VMOVUPD          InverseState_D(R9)(SI*1), D
	VMOVUPD          InverseState_F(R9)(SI*1), F
	VBROADCASTSD     BIAS, Z20
	VMOVAPD          Z20, Z21
	VFMSUB132PD      InverseState_WP(R9)(SI*1), D, Z20
	VFMADD132PD      InverseState_WN(R9)(SI*1), D, Z21
	PROBIT_CENTRE(Z20, Z21, LATENT, Z22, Z23, Z24, Z25, Z26, Z27)
	KORTESTB         K4, K4
	JZ               centre
	PROBIT_TAIL(Z20, LATENT, Z22, Z23, Z24, Z25, Z26, Z27)

centre:
	VMOVAPD          F, Z20
	VBROADCASTSD     MINUS_EXP_BIAS, Z21
	LOG(Z20, Z21, Z22, Z23, Z24, Z25)
	VMULPD.BCST      HALF, LATENT, LOGDET
	VFMADD213PD.BCST LN_SQRT_2PI, LATENT, LOGDET
	VADDPD           LOGDET, Z20, LOGDET

	// Where are we?
	VPANDQ.BCST      ABS, D, Z20
	VCMPPD.BCST      GREATER_EQUAL, FAR_DENSITY, Z20, NEAR
	VMOVUPD          InverseState_WP(R9)(SI*1), Z20
	VMOVUPD          InverseState_WN(R9)(SI*1), Z21
	VPXORQ           Z22, Z22, Z22
	VCMPPD           NOT_EQUAL, Z22, Z20, BETWEEN
	VCMPPD           NOT_EQUAL, Z22, Z21, BETWEEN, BETWEEN

	// inverseTarget.residual
	VMOVUPD          InverseState_X(R9)(SI*1), X
	VMOVUPD          InverseState_Z(R9)(SI*1), GOAL
	VSUBPD           GOAL, LATENT, RHO
	VBROADCASTSD     HALF, Z23
	VMOVUPD          InverseState_Q(R9)(SI*1), Z24
	VMOVUPD          InverseState_Lost(R9)(SI*1), Z25
	VSUBPD           Z23, Z20, Z20
	VSUBPD           Z24, Z20, Z20
	VADDPD           Z25, Z20, Z20 // lower side
	VSUBPD           Z21, Z23, Z21
	VSUBPD           Z24, Z21, Z21
	VSUBPD           Z25, Z21, Z21 // upper side
	VCMPPD           LESS_EQUAL, Z22, GOAL, K3
	VMOVAPD          Z20, K3, Z21
	VFNMADD231PD.BCST UNBIAS, D, Z21
	VMULPD           InverseState_InvPhi(R9)(SI*1), Z21, Z21 // g
	VPANDQ.BCST      ABS, GOAL, Z20
	VCMPPD.BCST      LESS_EQUAL, ONE, Z20, K3
	VPANDQ.BCST      ABS, Z21, Z24
	VCMPPD.BCST      LESS, INVERSE_SMALL, Z24, K3, K3
	VMULPD           GOAL, GOAL, Z24
	VBROADCASTSD     SIXTH, Z25
	VFMADD231PD.BCST THIRD, Z24, Z25
	VMULPD           Z23, GOAL, Z24
	VFMADD213PD      Z24, Z21, Z25
	VFMADD213PD.BCST ONE, Z21, Z25
	VMULPD           Z25, Z21, K3, RHO

	// The step.
	VPXORQ.BCST      SIGN, LOGDET, DXDZ
	EXP(DXDZ, Z24, Z25, Z26)
	VMOVUPD          InverseState_DF(R9)(SI*1), SLOPE
	VDIVPD           F, SLOPE, SLOPE
	VMULPD.BCST      INV_C2, SLOPE, SLOPE
	VBROADCASTSD     ONE, Z24
	VDIVPD           DXDZ, Z24, Z25
	VFMADD231PD      Z25, LATENT, SLOPE
	VMOVAPD.Z        SLOPE, NEAR, SLOPE
	VMULPD           DXDZ, RHO, STEP
	VMULPD           SLOPE, STEP, Z25
	VMULPD           Z23, Z25, Z25
	VSUBPD           Z25, Z24, Z25
	VMAXPD           Z23, Z25, Z25 // 1/2, if it is NaN
	VBROADCASTSD     TWO, Z26
	VMINPD           Z26, Z25, Z25
	VDIVPD           Z25, STEP, STEP
	VSUBPD           STEP, X, NEXT

	// Is it the last one? K5 collects the samples that are done, K3 those that are left to the caller.
	VMOVUPD          InverseState_Narrow(R9)(SI*1), SHORT
	VCMPPD.BCST      NOT_LESS_EQUAL, MAX_FLOAT, Z20, K6 // z is not finite
	VMULPD.BCST      INVERSE_NOISE, Z20, Z20
	VPANDQ.BCST      ABS, RHO, Z24
	VCMPPD           LESS_EQUAL, Z20, Z24, K3
	VMULPD           DXDZ, Z20, Z20
	VCMPPD           GREATER, SHORT, Z20, K3, K3 // unresolved
	VPANDQ.BCST      ABS, STEP, Z24
	KANDNB           BETWEEN, NEAR, K4           // in a gap
	VCMPPD           EQUAL, Z22, RHO, K4, K7     // where z says no more
	KORB             K7, K3, K3
	KNOTB            K4, K5
	VCMPPD           LESS_EQUAL, SHORT, Z24, K5, K5
	VMULPD           SLOPE, STEP, Z24
	VPANDQ.BCST      ABS, Z24, Z24
	VCMPPD.BCST      NOT_LESS, INVERSE_BEND, Z24, K5, K7
	KORB             K3, K5, K5
	KORB             K7, K3, K3
	KORB             K6, K3, K3
	KORB             BETWEEN, NEAR, K6
	KNOTB            K6, K6                      // far in a tail
	KORB             K6, K3, K3
	VMOVUPD          InverseState_Lo(R9)(SI*1), LO
	VMOVUPD          InverseState_Hi(R9)(SI*1), HI
	VCMPPD           EQUAL, LO, HI, K6           // there is no other x
	VMOVAPD          LO, K6, NEXT
	KORB             K6, K5, K5
	KANDNB           K6, NEAR, K7
	KORB             K7, K3, K3
	KORB             K3, K5, K5
	VMOVAPD          NEXT, Z20                   // x, if it is done
	VMOVAPD          SLOPE, Z21
	VFMSUB213PD      LOGDET, STEP, Z21           // and L along the step
	VPXORQ.BCST      SIGN, LOGDET, K6, Z21       // of no step -L, though that be -0

	// The bracket.
	VCMPPD           GREATER, Z22, RHO, K6
	VMOVAPD          X, K6, HI
	KNOTB            K6, K6
	VMOVAPD          X, K6, LO
	VMOVUPD          LO, InverseState_Lo(R9)(SI*1)
	VMOVUPD          HI, InverseState_Hi(R9)(SI*1)
	VCMPPD           LESS, NEXT, LO, K6
	VCMPPD           LESS, HI, NEXT, K6, K6
	KANDNB           K6, K4, K6                  // the step stays inside
	VSUBPD           LO, HI, Z24
	VMOVUPD          InverseState_Width(R9)(SI*1), Z25
	VMULPD.BCST      QUARTER, Z25, Z26
	KMOVB            R10, K7
	VCMPPD           NOT_LESS_EQUAL, Z26, Z24, K7, NEAR // it must have shrunk
	KANDNB           K6, NEAR, K6
	VMOVAPD          Z24, K7, Z25
	VMOVUPD          Z25, InverseState_Width(R9)(SI*1)
	KNOTB            K6, K6                      // it does not: the other guess, or bisection
	VMOVUPD          InverseState_Other(R9)(SI*1), Z24
	VMULPD           Z23, LO, Z25
	VMULPD           Z23, HI, Z26
	VADDPD           Z26, Z25, Z25
	VCMPPD           LESS, Z24, LO, NEAR
	VCMPPD           LESS, HI, Z24, NEAR, NEAR
	VMOVAPD          Z24, NEAR, Z25
	VMOVAPD          Z25, K6, NEXT
	VCMPPD           LESS_EQUAL, LO, NEXT, K6, NEAR
	VCMPPD           GREATER_EQUAL, HI, NEXT, K6, K6
	KORB             NEAR, K6, K6                // no number is left
	KANDNB           K6, K5, K6
	VMOVAPD          X, K6, Z20
	VPXORQ.BCST      SIGN, LOGDET, K6, Z21
	KORB             K6, K5, K5
	KANDB            K4, K6, K6
	KORB             K6, K3, K3
	VPTERNLOGQ       $0xFF, Z20, Z20, K3, Z20    // NaN
	VMOVAPD          Z20, K5, NEXT
	VMOVUPD          NEXT, InverseState_X(R9)(SI*1)
	VMOVUPD          Z21, InverseState_L(R9)(SI*1)
	VPMOVM2Q         K5, Z24
	VMOVDQU64        Z24, InverseState_Done(R9)(SI*1)
	KMOVB            K5, BX
	ORL              BX, R8
	ADDQ             $64, SI
	JMP              vector

done:
	TESTL R8, R8
	SETNE done+16(FP)
	VZEROUPPER
	RET
