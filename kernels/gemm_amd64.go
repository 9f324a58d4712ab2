//go:build !purego

package kernels

import (
	"github.com/klauspost/cpuid/v2"

	"github.com/gaussflow/gaussflow/asm"
)

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

// halves tells that the processor takes vectors of 512 bits in two halves, as Zen 4 does: the loads of a tile that is one of
// them wide, each of which fills a vector, then take longer than its arithmetic.
var halves = cpuid.CPU.VendorID == cpuid.AMD && cpuid.CPU.Family < 0x1a

// gemmNarrow returns the tier that computes n columns, or an upper triangle, along whose edge smaller tiles waste less.
func (t Tier) gemmNarrow(n int, upper bool) Tier {
	if n <= 4 || halves && upper {
		return AVX2 // which AVX-512 has as well
	}
	return t
}

// gemmDotted tells whether dots is the fastest way to compute few rows or columns with a matrix whose rows are ld apart.
// Lines that are a power of two apart evict one another from the first-level cache.
func (t Tier) gemmDotted(few, ld int, columns bool) bool {
	return few <= 2 || ld%256 != 0 && few <= 4 && !columns
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
			if halves {
				asm.Gemm4x8AVX2(g)
			} else {
				asm.Gemm8x8AVX512(g)
			}
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

// gemmFewest returns how many of the rows that are left over gemmFew computes at once.
func (t Tier) gemmFewest(left int) int {
	switch {
	case left >= 4 && t == AVX512:
		return 4
	case left >= 2:
		return 2
	}
	return 1
}

// gemmFew computes so many rows beside one another: 2 or 1, with AVX-512 4 as well.
func (t Tier) gemmFew(g *asm.GemmArgs, rows int) {
	switch {
	case rows == 4:
		asm.GemmRow4AVX512(g)
	case rows == 2:
		t.gemmRow2(g)
	default:
		t.gemmRow(g)
	}
}

// gemmDotRows returns how many of the rows that are left, a multiple of 4, gemmDots takes at once.
func (t Tier) gemmDotRows(left, ld int) int {
	if left > 8 && ld%256 == 0 {
		return 8
	}
	return left
}

// gemmDots computes so many columns of sums along both matrices: 4, 2 or 1. It is bound by turning rows, which longer
// vectors would not do faster.
func (t Tier) gemmDots(g *asm.GemmArgs, columns int) {
	switch columns {
	case 4:
		asm.GemmDots4AVX2(g)
	case 2:
		asm.GemmDots2AVX2(g)
	default:
		asm.GemmDots1AVX2(g)
	}
}

// Moving data is bound by the cache's ports: the longer vectors would gain nothing.

func (t Tier) gemmPack(dst, src *float64, ld, k, width int) {
	asm.GemmPackAVX2(dst, src, ld, k, width/4)
}

// gemmStrip returns how many of the columns that are left gemmTranspose takes: 4 or 8, which fill lines of the panel. The
// rows of 8 that are a power of two apart would evict one another from the first-level cache.
func (t Tier) gemmStrip(left, ld int) int {
	if left >= 8 && ld%256 != 0 {
		return 8
	}
	return 4
}

func (t Tier) gemmTranspose(dst, src *float64, ldDst, ldSrc, k, strip int) {
	if strip == 8 {
		asm.GemmTranspose8AVX2(dst, src, ldDst, ldSrc, k)
		return
	}
	asm.GemmTransposeAVX2(dst, src, ldDst, ldSrc, k)
}

func (t Tier) gemmScale(dst, src *float64, n int, by float64) { asm.GemmScaleAVX2(dst, src, n, by) }
