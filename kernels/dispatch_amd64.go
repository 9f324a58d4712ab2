//go:build amd64 && !purego

package kernels

import (
	"strings"

	"github.com/gaussflow/gaussflow/asm"
	"github.com/klauspost/cpuid/v2"
)

// tierMissing says what t lacks here, or nothing.
func tierMissing(t Tier) string {
	switch t {
	case AVX2:
		return lacks(cpuid.AVX2, cpuid.FMA3)
	case AVX512:
		// "Has AVX-512" may mean F alone: name each part that the assembly uses.
		return lacks(cpuid.AVX2, cpuid.FMA3, cpuid.AVX512F, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.AVX512BW)
	}
	return "it is for another architecture than amd64"
}

func lacks(features ...cpuid.FeatureID) string {
	var names []string
	for _, f := range features {
		if !cpuid.CPU.Supports(f) {
			names = append(names, f.String())
		}
	}
	if names == nil {
		return ""
	}
	return "this CPU lacks " + strings.Join(names, ", ")
}

// The simd functions run one assembly kernel on tier t. They report false if t is Generic: the reference does the work.

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
