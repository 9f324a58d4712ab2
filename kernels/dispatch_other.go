//go:build purego || !(amd64 || arm64)

package kernels

import "github.com/gaussflow/gaussflow/asm"

// tierMissing says what t lacks here.
func tierMissing(Tier) string { return "this build has no assembly" }

// The simd functions run one assembly kernel on tier t. They report false here: the reference does the work.

func simdExp(t Tier, dst, x *float64, n int) bool {
	return false
}

func simdLog(t Tier, dst, x *float64, n int) bool {
	return false
}

func simdTanh(t Tier, dst, x *float64, n int) bool {
	return false
}

func simdNormCDF(t Tier, dst, x *float64, n int) bool {
	return false
}

func simdNormSF(t Tier, dst, x *float64, n int) bool {
	return false
}

func simdNormLogCDF(t Tier, dst, x *float64, n int) bool {
	return false
}

func simdNormPDF(t Tier, dst, x *float64, n int) bool {
	return false
}

func simdNormQuantile(t Tier, dst, p *float64, n int) bool {
	return false
}

func simdSumsShared(t Tier, a *asm.SumsArgs) bool {
	return false
}

func simdSumsEach(t Tier, a *asm.SumsArgs) bool {
	return false
}

func simdFinish(t Tier, a *asm.FinishArgs) bool {
	return false
}

func simdFarShared(t Tier, a *asm.FarArgs) bool {
	return false
}

func simdFarEach(t Tier, a *asm.FarArgs) bool {
	return false
}

func simdInverseStartShared(t Tier, a *asm.InverseArgs) bool {
	return false
}

func simdInverseStartEach(t Tier, a *asm.InverseArgs) bool {
	return false
}

func simdInverseRoundShared(t Tier, a *asm.InverseArgs) bool {
	return false
}

func simdInverseRoundEach(t Tier, a *asm.InverseArgs) bool {
	return false
}

func simdBackwardShared(t Tier, a *asm.BackwardArgs) bool {
	return false
}

func simdBackwardEach(t Tier, a *asm.BackwardArgs) bool {
	return false
}

func simdSoftmax(t Tier, a *asm.SoftmaxArgs) bool {
	return false
}

func simdBoundedExp(t Tier, dst, raw *float64, n int, bound float64) bool {
	return false
}

func simdBoundedExpBackward(t Tier, dRaw, dLogScale, raw *float64, n int, bound float64) bool {
	return false
}

func simdEM(t Tier, a *asm.EMArgs) bool {
	return false
}

func simdAdam(t Tier, a *asm.AdamArgs) bool {
	return false
}

func simdSum(t Tier, x *float64, n int, acc *[8]float64) bool {
	return false
}

func simdSumSquares(t Tier, x *float64, n int, acc *[8]float64) bool {
	return false
}
