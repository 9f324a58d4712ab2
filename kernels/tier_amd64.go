//go:build !purego

package kernels

import (
	"strings"

	"github.com/klauspost/cpuid/v2"
)

// tierMissing says what t, which is not Generic, lacks here; "" if it can run.
func tierMissing(t Tier) string {
	var need []cpuid.FeatureID
	switch t {
	case AVX2:
		need = []cpuid.FeatureID{cpuid.AVX2, cpuid.FMA3}
	case AVX512:
		need = []cpuid.FeatureID{cpuid.AVX512F, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.AVX512BW}
	default:
		return "it is for arm64, and this is amd64"
	}
	var lacks []string
	for _, f := range need {
		if !cpuid.CPU.Supports(f) {
			lacks = append(lacks, f.String())
		}
	}
	if lacks == nil {
		return ""
	}
	return "the processor, or the system, lacks " + strings.Join(lacks, ", ")
}
