//go:build !purego

package main

import (
	"github.com/gaussflow/gaussflow/asm"
	"github.com/gaussflow/gaussflow/kernels"
)

// fused returns the most fused multiply-adds that the tier can do in rounds, and how many there are in one.
func fused(t kernels.Tier) (do func(rounds int), each int) {
	switch t {
	case kernels.AVX2:
		return asm.FMAsAVX2, 24 * 4
	case kernels.AVX512:
		return asm.FMAsAVX512, 24 * 8
	}
	return nil, 0
}
