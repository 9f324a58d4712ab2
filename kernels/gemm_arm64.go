//go:build !purego

package kernels

import "github.com/gaussflow/gaussflow/asm"

// gemmTile returns the number of rows of a tile of C, the number of columns of a vector, and that of the widest tile.
func (t Tier) gemmTile() (rows, lanes, widest int) { return 4, 2, 8 }

// gemmNear is the distance between rows of B from which on they evict one another from the first-level cache, so that
// packing pays.
func (t Tier) gemmNear() int { return 128 }

// gemmNarrow returns the tier that computes a product of n columns, or an upper triangle.
func (t Tier) gemmNarrow(n int, upper bool) Tier { return t }

// gemmDotted reports whether dots is the fastest way to compute few rows or columns with a matrix whose rows are ld
// apart.
func (t Tier) gemmDotted(few, ld int, columns bool) bool { return few <= 4 }

// gemmRows computes tiles of g.Cols columns, one below the other.
func (t Tier) gemmRows(g *asm.GemmArgs) {
	switch g.Cols {
	case 8:
		asm.Gemm4x8NEON(g)
	case 4:
		asm.Gemm4x4NEON(g)
	default:
		asm.Gemm4x2NEON(g)
	}
}

// gemmFewest returns how many of the remaining rows gemmFew computes at a time.
func (t Tier) gemmFewest(left int) int { return min(left, 2) }

// gemmFew computes the given number of rows together: 1 or 2.
func (t Tier) gemmFew(g *asm.GemmArgs, rows int) {
	if rows == 2 {
		t.gemmRow2(g)
		return
	}
	t.gemmRow(g)
}

// gemmDotRows returns how many of the remaining rows, a multiple of 4, gemmDots processes at a time.
func (t Tier) gemmDotRows(left, ld int) int { return left }

// gemmDots computes the given number of columns of dot products: 4, 2 or 1.
func (t Tier) gemmDots(g *asm.GemmArgs, columns int) {
	switch columns {
	case 4:
		asm.GemmDots4NEON(g)
	case 2:
		asm.GemmDots2NEON(g)
	default:
		asm.GemmDots1NEON(g)
	}
}

func (t Tier) gemmPack(dst, src *float64, ld, k, width int) {
	asm.GemmPackNEON(dst, src, ld, k, width/2)
}

// gemmStrip returns how many of the remaining columns gemmTranspose processes at a time.
func (t Tier) gemmStrip(left, ld int) int { return 4 }

func (t Tier) gemmTranspose(dst, src *float64, ldDst, ldSrc, k, strip int) {
	asm.GemmTransposeNEON(dst, src, ldDst, ldSrc, k)
}

func (t Tier) gemmScale(dst, src *float64, n int, by float64) { asm.GemmScaleNEON(dst, src, n, by) }
