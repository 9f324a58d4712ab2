package main

// The suites that must notice, by package.
const (
	assembly = "./asm"
	kernels  = "./kernels"
	linear   = "./blas"
	flows    = "./flow"
	fuzzing  = "./fuzz"

	bits     = "TestChecksums"               // one bit of one result
	equal    = "TestTiersEqual"              // one bit of one tier
	emulated = "TestTiersEqual$"             // the same without its long calls
	accuracy = "TestGolden|TestAccuracy$"    // an error beyond what is promised
	laws     = "TestMixtureLaws|TestSpecial" // what holds for every mixture, and at the ends
	layers   = "TestLayers"                  // inverse, log-det and gradient of every layer
	same     = "TestWorkersAndBatches"       // results depend on the row alone
	seeds    = "Reproduces"                  // and on the seed
)

// mutants is the table of defects. To add one for assembly, give the .s file, a piece of a line that stands there once,
// and a suite that runs on that tier: package kernels compares every tier with the reference (TestTiersEqual).
var mutants = []Mutant{
	// Tables of coefficients: the last bits of one, and a grosser error.
	{"Exp2, last bits", "asm/coeffs.go", "0.2402265069591013,", "0.24022650695910136,", kernels, bits},
	{"Exp2, gross", "asm/coeffs.go", "0.009618129107594388,", "0.009618129207594388,", kernels, accuracy},
	{"AlphaExp2, last bits", "asm/coeffs.go", "0.08139603763044656,", "0.08139603763044659,", kernels, bits},
	{"AlphaExp2, gross", "asm/coeffs.go", "0.0032589143000340574,", "0.0032589143100340574,", kernels, accuracy},
	{"LogLg, last bits", "asm/coeffs.go", "0.6666666666666734,", "0.6666666666666754,", kernels, bits},
	{"LogLg, gross", "asm/coeffs.go", "0.2857142874196334,", "0.2857142884196334,", kernels, accuracy},
	{"TanhP, last bits", "asm/coeffs.go", "-0.02049700097833354,", "-0.02049700097833355,", kernels, bits},
	{"TanhP, gross", "asm/coeffs.go", "-0.0001990984176196455,", "-0.0001990994176196455,", kernels, accuracy},
	{"TanhQ, last bits", "asm/coeffs.go", "0.46149100293498774,", "0.4614910029349878,", kernels, bits},
	{"TanhQ, gross", "asm/coeffs.go", "0.02328893452232749,", "0.02328893552232749,", kernels, accuracy},
	{"Centre, last bits", "asm/coeffs.go", "0.3989422804014327,", "0.39894228040143276,", kernels, bits},
	{"Centre, gross", "asm/coeffs.go", "0.009973557010074761,", "0.009973567010074761,", kernels, accuracy},
	{"ProbitP, last bits", "asm/coeffs.go", "0.8394017062208288,", "0.8394017062208289,", kernels, bits},
	{"ProbitP, gross", "asm/coeffs.go", "0.2098700270973701,", "0.2098700280973701,", kernels, accuracy},
	{"ProbitQ, last bits", "asm/coeffs.go", "0.19523427131921953,", "0.19523427131921956,", kernels, bits},
	{"ProbitQ, gross", "asm/coeffs.go", "0.0927192747163514,", "0.0927192757163514,", kernels, accuracy},
	{"TailP, last bits", "asm/coeffs.go", "20.408031761643223,", "20.408031761643226,", kernels, bits},
	{"TailP, gross", "asm/coeffs.go", "28.99142664576688,", "28.99142674576688,", kernels, accuracy},
	{"TailQ, last bits", "asm/coeffs.go", "10.546571303659043,", "10.546571303659045,", kernels, bits},
	{"TailQ, gross", "asm/coeffs.go", "23.957410718043224,", "23.957410818043224,", kernels, accuracy},
	{"MillsP, last bits", "asm/coeffs.go", "1.654417309196389e-84,", "1.6544173091963893e-84,", kernels, bits},
	{"MillsP, gross", "asm/coeffs.go", "1.7173066723148002e-84,", "1.7173066823148002e-84,", kernels, accuracy},
	{"MillsW, last bits", "asm/coeffs.go", "8.364817456524516e-85,", "8.364817456524518e-85,", kernels, bits},
	{"MillsW, gross", "asm/coeffs.go", "6.631077058743509e-85,", "6.631077158743509e-85,", kernels, accuracy},
	{"log2(e)/2, its remainder", "asm/coeffs.go", "CLo = -2.5959464104597403e-17", "CLo = 2.5959464104597403e-17", kernels, accuracy},

	// Where one method gives way to another.
	{"the far path begins too late", "asm/constants.go", "FarDensity = 0x1p-620", "FarDensity = 0x1p-1000", kernels, accuracy},
	{"the clamp is too near", "asm/constants.go", "ExpBias = 480", "ExpBias = 100", kernels, accuracy},
	{"the central probit reaches into the tail", "asm/constants.go", "ProbitCut = 0x1p-7", "ProbitCut = 0x1p-16", kernels, accuracy},
	{"the E-step stays in linear space", "asm/constants.go", "FarBase2 = 33", "FarBase2 = 60", kernels, laws},
	{"tanh's series beyond its interval", "asm/constants.go", "TanhMost = 0.625, 20", "TanhMost = 1.5, 20", kernels, accuracy},
	{"log of subnormal numbers", "kernels/normal.go", "x < asm.MinNormal", "x < 0", kernels, "TestSpecial"},
	{"2^n in one step", "kernels/scalar.go", "h := n >> 1", "h := n", kernels, "TestSpecial|TestAccuracy$"},
	{"the inverse stops early", "asm/constants.go", "InverseBend = 0x1p-26,", "InverseBend = 0x1p-6,", kernels, accuracy},
	{"the far path's last Halley step", "kernels/far.go", "for range 2 {", "for range 1 {", kernels, accuracy},
	{"flat gaps by Newton's method", "kernels/inverse.go", "if unresolved && s.wp != 0 && s.wn != 0 {", "if false {", kernels, accuracy},
	{"the inverse leaves the plateau", "kernels/inverse.go", "!(math.Abs(zn-t.z) <= noise)", "zn != zn", kernels, "TestInverseOnPlateau"},

	// Arithmetic.
	{"the rounding error of x-μ", "kernels/mixture.go", "vl = math.FMA(dl, c.IH, vl)", "_ = dl", kernels, accuracy + "|" + bits},
	{"the remainder of 1/σ", "kernels/mixture.go", "vl = math.FMA(d, c.IL, vl)", "", kernels, accuracy},
	{"the remainder of a negative v", "kernels/mixture.go", "math.FMA(-(v + v), vl, rem)", "math.FMA(-(u + u), vl, rem)", kernels, accuracy},
	{"the sign of a lower tail", "kernels/mixture.go", "s.d = math.FMA(-c.W, tail, s.d)", "s.d = math.FMA(c.W, tail, s.d)", kernels, laws},
	{"the weights' sides change places", "kernels/mixture.go", "s.wn += c.W", "s.wp += c.W", kernels, laws},
	{"half of z² in L", "kernels/mixture.go", "math.FMA(0.5*z, z, asm.LnSqrt2Pi)", "math.FMA(-0.5*z, z, asm.LnSqrt2Pi)", kernels, laws},
	{"√2π in L", "kernels/mixture.go", "logNormal(s.f, -asm.ExpBias) + math.FMA(0.5*z, z, asm.LnSqrt2Pi)", "logNormal(s.f, -asm.ExpBias) + 0.5*z*z", kernels, accuracy},
	{"the rounding error of x² in log Φ", "kernels/normal.go", "- 0.5*e)", "- 0*e)", kernels, accuracy + "|" + bits},
	{"the sign of the central probit", "kernels/scalar.go", "math.FMA(2*sign, p, -sign)", "math.FMA(-2*sign, p, sign)", kernels, laws},
	{"components without weight in the far path", "kernels/far.go", "if c.W == 0 {", "if c.W < 0 {", kernels, "ZeroWeight|TestMixtureLaws"},
	{"components without weight in the inverse", "kernels/inverse.go", "if c.W == 0 {", "if c.W < 0 {", kernels, "ZeroWeight|TestMixtureLaws"},
	{"Newton's method for Halley's", "kernels/inverse.go", "step /= bend", "_ = bend", kernels, accuracy + "|" + bits},

	// Gradients, parameter by parameter.
	{"gradient of x", "kernels/backward.go", "math.FMA(-s.gl, s.sum, s.ae)", "math.FMA(s.gl, s.sum, s.ae)", kernels, accuracy},
	{"gradient of the logits", "kernels/backward.go", "s.gl*(r-c.W)", "s.gl*(c.W-r)", kernels, accuracy},
	{"gradient of the logits, upper side", "kernels/backward.go", "if !(s.z <= 0) { h = -h }", "", kernels, accuracy},
	{"gradient of the means", "kernels/backward.go", "math.FMA(s.gl, tOverScale, -s.ae)", "math.FMA(s.gl, tOverScale, s.ae)", kernels, accuracy},
	{"gradient of the scales", "kernels/backward.go", "math.FMA(v, w, -1)", "math.FMA(v, w, 1)", kernels, accuracy},
	{"gradient of a bounded scale", "kernels/params.go", "(1-h)*(1+h)", "(1-h)*(1-h)", kernels, "TestBoundedExp|TestAccuracy$"},
	{"a lane of another parameter", "kernels/backward.go", "acc[3*k+1][i&7] += b", "acc[3*k][i&7] += b", kernels, "TestSharedGradientIsSum"},
	{"a neighbour's lane", "kernels/backward.go", "acc[3*k+2][i&7] += c", "acc[3*k+2][i&6] += c", kernels, "TestSharedGradientIsSum"},

	// Sums.
	{"the tree of a sum", "kernels/reduce.go", "((a[0] + a[4]) + (a[2] + a[6]))", "((a[0] + a[2]) + (a[4] + a[6]))", kernels, "TestSumTree"},
	{"the lanes of a sum", "kernels/reduce.go", "a[i&7] += v", "a[i&3] += v", kernels, "TestSumTree"},
	{"EM's N", "kernels/em.go", "a[0][i&7] += e[k]", "a[0][i&7] += e[0]", kernels, laws + "|TestAccuracy$"},
	{"EM's A", "kernels/em.go", "a[1][i&7] += rd", "a[1][i&7] -= rd", kernels, laws + "|TestAccuracy$"},
	{"EM's B", "kernels/em.go", "math.FMA(rd, d, a[2][i&7])", "math.FMA(rd, rd, a[2][i&7])", kernels, laws + "|TestAccuracy$"},
	{"EM's log-likelihood, far", "kernels/em.go", "math.FMA(-shift2, math.Ln2,", "math.FMA(shift2, math.Ln2,", kernels, laws + "|TestAccuracy$"},
	{"Adam's first bias correction", "kernels/adam.go", "a.LR / (1 - power(a.Beta1, a.Step))", "a.LR", kernels, "TestAdam"},
	{"Adam's second bias correction", "kernels/adam.go", "power(a.Beta2, a.Step)", "power(a.Beta2, a.Step+1)", kernels, "TestAdam"},
	{"Adam's ε", "kernels/adam.go", "math.FMA(math.Sqrt(vi), root, a.Eps)", "(math.Sqrt(vi) * root)", kernels, "TestAdam|TestSpecialAdam"},
	{"softmax without its maximum", "kernels/params.go", "exp(logit[j*stride+i] - top)", "exp(logit[j*stride+i])", kernels, "TestSoftmax|TestSpecialSoftmax"},
	{"softmax mixes its strides", "kernels/params.go", "dst[j*dstStride+i] = e", "dst[j*stride+i] = e", kernels, bits + "|TestTiers"},

	// Assembly: a coefficient, a mask, a lane, a threshold.
	{"AVX-512, a coefficient of Mills' ratio", "asm/avx512_amd64.h", "·MillsP+8*6(SB), Y0, A0", "·MillsP+8*5(SB), Y0, A0", kernels, equal},
	{"AVX-512, a coefficient of the logarithm", "asm/avx512_amd64.h", "·LogLg+8*3(SB)", "·LogLg+8*4(SB)", kernels, equal},
	{"AVX-512, a coefficient of the probit's tail", "asm/avx512_amd64.h", "·TailQ+8*6(SB)", "·TailQ+8*7(SB)", kernels, equal},
	{"AVX-512, the mask of the upper side", "asm/sums_avx512_amd64.s", "KNOTB K4, K6", "KNOTB K3, K6", kernels, equal},
	{"AVX-512, weights of the other side", "asm/sums_avx512_amd64.s", "VADDPD w1, WP1, K6, WP1", "VADDPD w1, WP1, K4, WP1", kernels, equal},
	{"AVX-512, the second vector is the first", "asm/sums_avx512_amd64.s", "VMOVUPD D1, 64(d)(at*1)", "VMOVUPD D0, 64(d)(at*1)", kernels, equal},
	{"AVX-512, only the last vector asks for the far path", "asm/finish_avx512_amd64.s", "KTESTB K7, K7", "KTESTB K6, K6", kernels, equal},
	{"AVX-512, a NaN becomes a number", "asm/finish_avx512_amd64.s", "VMOVAPD Z8, K1, SS", "VMOVAPD Z8, K1, FS", kernels, equal},
	{"AVX-512, a lane of another parameter", "asm/backward_avx512_amd64.s", "VADDPD O1, O0, O0", "VADDPD N1, O0, O0", kernels, equal},
	{"AVX-512, gradient of the scales", "asm/backward_avx512_amd64.s", "VFMSUB213PD.BCST ONE, u, r", "VFMADD213PD.BCST ONE, u, r", kernels, equal},
	{"AVX-512, gradient of x", "asm/backward_avx512_amd64.s", "VFNMADD231PD (GradState_GL+at)(R9), sum, Z10", "VFMADD231PD (GradState_GL+at)(R9), sum, Z10", kernels, equal},
	{"AVX-512, EM's B", "asm/em_avx512_amd64.s", "VFMADD231PD R1, U1, O0", "VFMADD231PD R0, U1, O0", kernels, equal},
	{"AVX-512, the residual of the inverse", "asm/inverse_avx512_amd64.s", "VFMADD231PD.BCST THIRD, Z24, Z25", "VFMADD231PD.BCST SIXTH, Z24, Z25", kernels, equal},
	{"AVX-512, Adam's ε", "asm/train_avx512_amd64.s", "VFMADD213PD Z16, Z15, Z2", "VMULPD Z15, Z2, Z2", kernels, equal},
	{"AVX-512, half of a sum twice", "asm/train_avx512_amd64.s", "VADDPD 64(SI), Z0, Z0", "VADDPD (SI), Z0, Z0", kernels, equal},

	{"AVX2, a coefficient of Mills' ratio", "asm/avx2_amd64.h", "·MillsP+8*6(SB), S0, A0", "·MillsP+8*5(SB), S0, A0", kernels, equal},
	{"AVX2, a weight of the wrong vector", "asm/em_avx2_amd64.s", "VFMADD213PD 160(DI), B1, A1", "VFMADD213PD 128(DI), B1, A1", kernels, equal},
	{"AVX2, both tails of a sample's neighbour", "asm/finish_avx2_amd64.s", "VFMADD132PD 32(R10)(DX*1), A1, E1", "VFMADD132PD (R10)(DX*1), A1, E1", kernels, equal},
	{"AVX2, half of a sum of squares twice", "asm/train_avx2_amd64.s", "VFMADD231PD Y3, Y3, Y1", "VFMADD231PD Y2, Y2, Y1", kernels, equal},
	{"AVX2, gradient of x", "asm/backward_avx2_amd64.s", "VFNMADD231PD SUM(32), A1, B1", "VFNMADD231PD SUM(0), A1, B1", kernels, equal},
	{"AVX2, the other side of the logits' gradient", "asm/backward_avx2_amd64.s", "VBLENDVPD C0, b, A0, A0", "", kernels, equal},
	{"AVX2, a step of the far path", "asm/far_avx2_amd64.s", "VFMADD231PD HALF_INV(0), B0, A0", "", kernels, equal},
	{"AVX2, the weights lost in the inverse", "asm/inverse_avx2_amd64.s", "VBLENDVPD R0, SUM_WP(at), S0, S0", "", kernels, equal},
	{"AVX2, the bracket of the inverse", "asm/inverse_avx2_amd64.s", "VBLENDVPD S1, E0, A1, A1", "", kernels, equal},
	{"AVX2, the sum of softmax", "asm/elementary_avx2_amd64.s", "VADDPD L1, S1, S1", "VADDPD L0, S1, S1", kernels, equal},
	{"AVX2, Adam's moments change places", "asm/train_avx2_amd64.s", "VMOVUPD Y1, (R8)(DX*1)", "VMOVUPD Y2, (R8)(DX*1)", kernels, equal},

	{"NEON, a minimum that prefers numbers", "asm/neon_arm64.h", "FMIN_D2(m, n, d) WORD $(0x4EE0F400", "FMIN_D2(m, n, d) WORD $(0x4EE0C400", assembly, "NEON"},
	{"NEON, a coefficient of the logarithm", "asm/steps_arm64.h", "HORNERG(LOG_LG(2), y, t, g)", "HORNERG(LOG_LG(3), y, t, g)", kernels, emulated},
	{"NEON, a coefficient of the probit's tail", "asm/steps_arm64.h", "HORNERG(TAIL_Q(4), y, k, s)", "HORNERG(TAIL_Q(5), y, k, s)", kernels, emulated},
	{"NEON, the rounding error of x-μ", "asm/steps_arm64.h", "FMLS_D2(ih, Y, E)", "FMLA_D2(ih, Y, E)", kernels, emulated},
	{"NEON, what is past the clamp", "asm/steps_arm64.h", "FCMGTG(U, T, WO)", "FCMGTG(T, U, WO)", kernels, emulated},
	{"NEON, weights of the other side", "asm/steps_arm64.h", "FADDG(Y, SUM_WP, SUM_WP)", "FADDG(U, SUM_WP, SUM_WP)", kernels, emulated},
	{"NEON, the second vector's mask is the first's", "asm/steps_arm64.h", "AND_B16(w+each, T+1, U+1)", "AND_B16(w+each, T, U+1)", kernels, emulated},
	{"NEON, the scales of the first component", "asm/sums_neon_arm64.s", "ADD R(STRIDE), R(SCALE_AT)", "", kernels, emulated},
	{"NEON, only the first vector asks for the far path", "asm/finish_neon_arm64.s", "AND_B16(S0+1, NEAR, NEAR)", "AND_B16(S0, NEAR, NEAR)", kernels, emulated},
	{"NEON, a NaN becomes a number", "asm/finish_neon_arm64.s", "ORNG(S0, LATENT, LATENT)", "", kernels, emulated},
	{"NEON, components without weight in the far path", "asm/far_neon_arm64.s", "ORRG(WE, T, T)", "", kernels, emulated},
	{"NEON, components on both sides in the far path", "asm/far_neon_arm64.s", "ANDG(T, SUM_WN, SUM_WN)", "MOVG(T, SUM_WN)", kernels, emulated},
	{"NEON, a lane of another sample", "asm/backward_neon_arm64.s", "EOR $32, R(LANES)", "EOR $0, R(LANES)", kernels, emulated},
	{"NEON, gradient of the scales", "asm/backward_neon_arm64.s", "FMLAG(WE, SQUARE, D_LOG_SCALE)", "FMLSG(WE, SQUARE, D_LOG_SCALE)", kernels, emulated},
	{"NEON, gradient of x", "asm/backward_neon_arm64.s", "FMLSG(U, SUM, T)", "FMLAG(U, SUM, T)", kernels, emulated},
	{"NEON, EM's B", "asm/em_neon_arm64.s", "FMLAG(S1, S2, S3)", "FMLAG(S1, S1, S3)", kernels, emulated},
	{"NEON, the bracket of the inverse", "asm/inverse_neon_arm64.s", "BIFG(S1, X, LOWER)", "BITG(S1, X, LOWER)", kernels, emulated},
	{"NEON, the weights lost in the inverse", "asm/inverse_neon_arm64.s", "BITG(U, SUM_WP, Y)", "BIFG(U, SUM_WP, Y)", kernels, emulated},
	{"NEON, equal means in the inverse", "asm/inverse_neon_arm64.s", "ADD_BELOW(FCMGTG)", "ADD_BELOW(FCMGEG)", kernels, emulated},
	{"NEON, tanh's cut", "asm/elementary_neon_arm64.s", "BITG(S4, S5, S3)", "BIFG(S4, S5, S3)", kernels, emulated},
	{"NEON, softmax without its maximum", "asm/elementary_neon_arm64.s", "FSUBG(TOP, X, X)", "", kernels, emulated},
	{"NEON, Φ of negative numbers", "asm/norm_neon_arm64.s", "CMLT0G(X, Y)", "FCMGT0G(X, Y)", kernels, emulated},
	{"NEON, Adam's ε", "asm/train_neon_arm64.s", "SAME3(FMLA_D2, ROOT, S0, S1)", "SAME3(FMUL_D2, ROOT, S0, S1)", kernels, emulated},
	{"NEON, a sum of numbers for one of squares", "asm/train_neon_arm64.s", "FMLAG(X, X, SUMS)", "FADDG(X, SUMS, SUMS)", kernels, emulated},

	// Linear algebra.
	{"a transposed block", "blas/backend_gonum.go", "return a[j*lda+i:]", "return a[i*lda+j:]", linear, "TestGemm"},
	{"blocks that do not add up", "blas/backend_gonum.go", "beta = 1 }", "beta = 0 }", linear, "TestGemm"},
	{"a row vector times a transposed matrix", "blas/blas.go", "impl.Dgemv(tB^flip,", "impl.Dgemv(tB,", linear, "TestGemm"},
	{"the step of a column", "blas/blas.go", "return m.Stride }", "return 1 }", linear, "TestGemm"},
	{"a block of the upper triangle", "blas/backend_gonum.go", "t^flip, w, n-j, k", "t, w, n-j, k", linear, "TestSyrk"},
	{"the scale of eigenvalues", "blas/blas.go", "values[i] = math.Ldexp(v, exp)", "values[i] = v", linear, "TestSymEig"},
	{"the order of eigenvalues", "blas/blas.go", "values[i], values[j] = values[j], values[i]", "", linear, "TestSymEig"},
	{"the sign of a determinant", "blas/blas.go", "if u < 0 { sign = -sign }", "", linear, "TestSLogDet"},
	{"a transposed product, by fuzzing's seeds", "blas/backend_gonum.go", "return a[i*lda+j:]", "return a[j*lda+i:]", fuzzing, "FuzzGemm|FuzzFlow"},

	// Flows.
	{"log-det of the mixtures", "flow/mixture.go", "kernels.MixtureForward(z.row(j), ld, x.row(j), m)", "kernels.MixtureForward(z.row(j), ld, x.row(j), m)\nfor i := range ld {\nld[i] = -ld[i]\n}", flows, layers},
	{"log-det of the inverse", "flow/mixture.go", "kernels.MixtureInverse(x.row(j), ld, z.row(j), m)", "kernels.MixtureInverse(x.row(j), ld, z.row(j), m)\nfor i := range ld {\nld[i] = -ld[i]\n}", flows, layers},
	{"the sign of the base's square", "flow/flow.go", "dst[i] -= 0.5 * float64(t*t)", "dst[i] += 0.5 * float64(t*t)", flows, "TestLogProbOfNormal"},
	{"the base's constant", "flow/flow.go", "c -= math.Log(s) + logSqrt2Pi", "c -= math.Log(s)", flows, "TestDensityIntegratesToOne"},
	{"a rotation that does not turn back", "flow/rotation.go", "blas.Gemm(blas.Trans, blas.NoTrans, 1, l.matrix(), z.matrix()", "blas.Gemm(blas.NoTrans, blas.NoTrans, 1, l.matrix(), z.matrix()", flows, layers},
	{"the gradient through a rotation", "flow/rotation.go", "blas.Gemm(blas.Trans, blas.NoTrans, 1, l.matrix(), dz.matrix()", "blas.Gemm(blas.NoTrans, blas.NoTrans, 1, l.matrix(), dz.matrix()", flows, layers},
	{"the halves of a coupling", "flow/coupling.go", "if i == 0 { return x }", "if i == 1 { return x }", flows, layers},
	{"a half that misses a coordinate", "flow/coupling.go", "half{from: d / 2, to: d, givenFrom: 0, givenTo: d / 2}", "half{from: (d + 1) / 2, to: d, givenFrom: 0, givenTo: (d + 1) / 2}", flows, layers},
	{"the bound of a coupling's scales", "flow/coupling.go", "r.out.data[(3*a+2*k)*n:3*b*n], l.bound)", "r.out.data[(3*a+2*k)*n:3*b*n], 1)", flows, layers},
	{"log-dets out of order", "flow/coupling.go", "for j := range l.d { add(logDet, ld.row(j)) }", "for j := range l.d { add(logDet, ld.row(l.d-1-j)) }", flows, "TestCoupleSharesTheFit"},
	{"the conditioner's first kernel", "flow/mlp.go", "2*rng.Float64() - 1", "2*0.25 - 1", flows, "TestCoupleReproduces|TestTrain$"},
	{"the ReLU's gradient", "flow/mlp.go", "maskZero(dh.data, h.data)", "", flows, layers},
	{"the gradient of a bias", "flow/mlp.go", "bias[j] = kernels.Sum(d.row(j))", "bias[j] = -kernels.Sum(d.row(j))", flows, layers},
	{"the gradient past the conditioner", "flow/mlp.go", "dst[i] += from[i]", "dst[i] -= from[i]", flows, layers},
	{"the last rows of a tile", "flow/flow.go", "return (n + 7) &^ 7", "return n", flows, same},
	{"the columns of a wide matrix", "flow/tile.go", "j1 := min(j0+block, s.dim)", "j1 := min(j0+block-1, s.dim)", flows, "TestWorkers|TestMatrixKinds|TestInverse|TestSample"},
	{"a tile's rows go elsewhere", "flow/tile.go", "g.Data[(first+i)*g.Stride+j0", "g.Data[i*g.Stride+j0", flows, same},
	{"a forgotten tile", "flow/tile.go", "if from >= n ||", "if from+size >= n && n > size ||", flows, same},
	{"the row of an error in a stream", "flow/stream.go", "value.row += row", "value.row += 0 * row", flows, "TestStreamErrors"},
	{"the last row of a block, by fuzzing's seeds", "flow/stream.go", "from < src.n; from += size", "from < max(src.n-1, 1); from += size", fuzzing, "FuzzStreams"},
	{"a piece for two, by fuzzing's seeds", "flow/stream.go", "<-p.done", "", fuzzing, "FuzzStreams"},
	{"a checksum that is not compared", "flow/save.go", "d.err == nil && got != want", "d.err != nil && got != want", flows, "TestLoadRefuses"},
	{"a number that is not finite in a file", "flow/save.go", "if v-v != 0 {", "if v != v {", flows, "TestLoadRefuses"},
	{"the moments of a resumed run", "flow/checkpoint.go", `t.m, t.v = d.floats(`, `t.v, t.m = d.floats(`, flows, "TestResume"},
	{"the PCA's mean", "flow/pca.go", "row[i] = v - mean", "row[i] = v - 0*mean", flows, "TestPCA"},
	{"the sign of the axes", "flow/pca.go", "if largest < 0 {", "if largest > 0 {", flows, "TestPCA"},
	{"the posterior's gradient", "flow/em.go", "gMean[j] = (float64(gMean[j]*precision) -", "gMean[j] = (float64(gMean[j]*s) -", flows, "TestPosteriorGradient"},
	{"the prior's gradient", "flow/em.go", "float64(narrowRows*relative) +", "0*relative +", flows, "TestPosteriorGradient"},
	{"components without rows", "flow/em.go", "reach: 1 / float64(farthest*farthest)", "reach: 0 * farthest", flows, "TestFitMixtureStaysNearRows"},
	{"components without rows, by fuzzing's seeds", "flow/em.go", "reach: 1 / float64(farthest*farthest)", "reach: 1e-20 / float64(farthest*farthest)", fuzzing, "FuzzFlow"},
	{"the order of starting values", "flow/em.go", "slices.Sort(s) centre, spread", "centre, spread", flows, "TestFitMixture"},

	// Training.
	{"the loss's sign", "flow/gradient.go", "fill(r.dLogDet, -1/float64(n))", "fill(r.dLogDet, 1/float64(n))", flows, "TestLossGradient"},
	{"the base's gradient", "flow/gradient.go", "dst[i] = c * ((v - loc) / scale / scale)", "dst[i] = -c * ((v - loc) / scale / scale)", flows, "TestLossGradient"},
	{"a forgotten shard", "flow/gradient.go", "wave = wave[1:]", "wave = wave[2:]", flows, "TestLossGradient"},
	{"clipping", "flow/train.go", "t.rate = t.o.ClipNorm / norm", "t.rate = norm / t.o.ClipNorm", flows, "TestClip"},
	{"the schedule's rise", "flow/train.go", "rise = 0.3", "rise = 0.5", flows, "TestOneCycle"},
	{"half a cosine", "flow/train.go", "float64(-k*(k+1))", "float64(k*(k+1))", flows, "TestHalfCosine"},
	{"the seed of training", "flow/train.go", "rand.NewPCG(o.Seed, 1)", "rand.NewPCG(0, 1)", flows, seeds},
	{"the seed of coupling", "flow/coupling.go", "rand.NewPCG(o.Seed, 0)", "rand.NewPCG(0, 0)", flows, seeds},
	{"the seed of fitting", "flow/rbig.go", "rand.NewPCG(o.Seed,", "rand.NewPCG(0,", flows, "TestFitRBIGUsesItsSeed"},
	{"the stored scale", "flow/mixture.go", "raw[i] = (bound + s) / (bound - s)", "raw[i] = (bound - s) / (bound + s)", flows, "TestStoredMixture"},
}
