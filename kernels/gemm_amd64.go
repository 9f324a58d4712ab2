//go:build !purego

package kernels

import "github.com/gaussflow/gaussflow/asm"

// gemmTile returns how many rows a tile of C has, how many columns a vector, and how many the widest tile.
func (t Tier) gemmTile() (rows, lanes, widest int) {
	if t == AVX512 {
		return 8, 8, 24
	}
	return 4, 4, 12
}

// gemmNear is the distance of B's rows from which on they evict one another from the first-level cache, so that packing
// them pays.
func (t Tier) gemmNear() int {
	if t == AVX512 {
		return 256
	}
	return 128
}

// gemmRows computes rows of tiles.
func (t Tier) gemmRows(g *asm.GemmArgs) {
	if t == AVX512 {
		switch g.Cols {
		case 24:
			asm.Gemm8x24AVX512(g)
		case 16:
			asm.Gemm8x16AVX512(g)
		default:
			asm.Gemm8x8AVX512(g)
		}
		return
	}
	switch g.Cols {
	case 12:
		asm.Gemm4x12AVX2(g)
	case 8:
		asm.Gemm4x8AVX2(g)
	default:
		asm.Gemm4x4AVX2(g)
	}
}

// Moving data is bound by the cache's ports: the longer vectors would gain nothing.

func (t Tier) gemmPack(dst, src *float64, ld, k, width int) {
	asm.GemmPackAVX2(dst, src, ld, k, width/4)
}

func (t Tier) gemmTranspose(dst, src *float64, ldDst, ldSrc, k int) {
	asm.GemmTransposeAVX2(dst, src, ldDst, ldSrc, k)
}
