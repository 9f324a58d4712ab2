//go:build !purego

package kernels

import (
	"github.com/klauspost/cpuid/v2"

	"github.com/gaussflow/gaussflow/asm"
)

// gemmTile returns the number of rows of a tile of C, the number of columns of a vector, and that of the widest tile.
func (t Tier) gemmTile() (rows, lanes, widest int) {
	if t == AVX512 {
		return 8, 8, 24
	}
	return 4, 4, 12
}

// gemmNear is the distance between rows of B from which on they evict one another from the first-level cache, so that
// packing pays.
func (t Tier) gemmNear() int {
	if t == AVX512 {
		return 256
	}
	return 128
}

// halves is true if the processor executes 512-bit instructions in two halves, as Zen 4 does: in a tile one 512-bit vector
// wide, loads then take longer than the arithmetic.
var halves = cpuid.CPU.VendorID == cpuid.AMD && cpuid.CPU.Family < 0x1a

// gemmNarrow returns the tier that computes a product of n columns, or an upper triangle: smaller tiles waste less along
// its diagonal.
func (t Tier) gemmNarrow(n int, upper bool) Tier {
	if n <= 4 || halves && upper {
		return AVX2 // which processors with AVX-512 have as well
	}
	return t
}

// gemmDotted reports whether dots is the fastest way to compute few rows or columns with a matrix whose rows are ld apart.
// Cache lines a power of two apart evict one another from the first-level cache.
func (t Tier) gemmDotted(few, ld int, columns bool) bool {
	return few <= 2 || ld%256 != 0 && few <= 4 && !columns
}

// gemmRows computes tiles of g.Cols columns, one below the other.
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

// gemmFewest returns how many of the remaining rows gemmFew computes at a time.
func (t Tier) gemmFewest(left int) int {
	switch {
	case left >= 4 && t == AVX512:
		return 4
	case left >= 2:
		return 2
	}
	return 1
}

// gemmFew computes the given number of rows together: 1 or 2, with AVX-512 also 4.
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

// gemmDotRows returns how many of the remaining rows, a multiple of 4, gemmDots processes at a time.
func (t Tier) gemmDotRows(left, ld int) int {
	if left > 8 && ld%256 == 0 {
		return 8
	}
	return left
}

// gemmDots computes the given number of columns of dot products: 4, 2 or 1. Transposing rows bounds its speed, and longer
// vectors would not transpose faster.
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

// The cache's ports bound the speed of moving data: longer vectors would gain nothing.

func (t Tier) gemmPack(dst, src *float64, ld, k, width int) {
	asm.GemmPackAVX2(dst, src, ld, k, width/4)
}

// gemmStrip returns how many of the remaining columns gemmTranspose processes at a time: 4, or 8, which fill cache lines
// of the panel. Eight rows a power of two apart would evict one another from the first-level cache.
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
