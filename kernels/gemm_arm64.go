//go:build !purego

package kernels

import "github.com/gaussflow/gaussflow/asm"

// gemmTile returns how many rows a tile of C has, how many columns a vector, and how many the widest tile.
func (t Tier) gemmTile() (rows, lanes, widest int) { return 4, 2, 8 }

// gemmNear is the distance of B's rows from which on they evict one another from the first-level cache, so that packing
// them pays.
func (t Tier) gemmNear() int { return 128 }

// gemmNarrow returns the tier that computes n columns, or an upper triangle.
func (t Tier) gemmNarrow(n int, upper bool) Tier { return t }

// gemmDotted tells whether dots is the fastest way to compute few rows or columns with a matrix whose rows are ld apart.
func (t Tier) gemmDotted(few, ld int, columns bool) bool { return few <= 4 }

// gemmRows computes rows of tiles.
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

// gemmFewest returns how many of the rows that are left over gemmFew computes at once.
func (t Tier) gemmFewest(left int) int { return min(left, 2) }

// gemmFew computes so many rows beside one another: 2 or 1.
func (t Tier) gemmFew(g *asm.GemmArgs, rows int) {
	if rows == 2 {
		t.gemmRow2(g)
		return
	}
	t.gemmRow(g)
}

// gemmDotRows returns how many of the rows that are left, a multiple of 4, gemmDots takes at once.
func (t Tier) gemmDotRows(left, ld int) int { return left }

// gemmDots computes so many columns of sums along both matrices: 4, 2 or 1.
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

// gemmStrip returns how many of the columns that are left gemmTranspose takes.
func (t Tier) gemmStrip(left, ld int) int { return 4 }

func (t Tier) gemmTranspose(dst, src *float64, ldDst, ldSrc, k, strip int) {
	asm.GemmTransposeNEON(dst, src, ldDst, ldSrc, k)
}

func (t Tier) gemmScale(dst, src *float64, n int, by float64) { asm.GemmScaleNEON(dst, src, n, by) }
