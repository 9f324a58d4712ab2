//go:build !purego

package main

import (
	"github.com/gaussflow/gaussflow/asm"
	"github.com/gaussflow/gaussflow/kernels"
)

// fused returns the most fused multiply-adds that the tier can do in rounds, and how many there are in one.
func fused(t kernels.Tier) (do func(rounds int), each int) {
	if t == kernels.NEON {
		return asm.FMAsNEON, 24 * 2
	}
	return nil, 0
}
