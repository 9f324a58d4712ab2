//go:build !purego

package asm

// The kernels of matrix products (kernels/gemm.go), a tile of C each, in terms of GemmTile.

// Gemm4x8NEON computes 8 columns of C, and Rows, a multiple of 4, rows of it:
//
//	C[i][j] = start; for k: C[i][j] = FMA(A[i][k], B[k][j], C[i][j])
//
// and then what Flags says.
//
//go:noescape
func Gemm4x8NEON(t *GemmTile)

// Gemm4x4NEON is the same with 4 columns.
//
//go:noescape
func Gemm4x4NEON(t *GemmTile)

// Gemm4x2NEON is the same with 2 columns.
//
//go:noescape
func Gemm4x2NEON(t *GemmTile)

// GemmRowNEON computes one row of C, of Cols columns, a multiple of 2.
//
//go:noescape
func GemmRowNEON(t *GemmTile)

// GemmPackNEON copies k rows of 2·vectors numbers, ld bytes apart, one after the other.
//
//go:noescape
func GemmPackNEON(dst, src *float64, ld, k, vectors int)

// GemmTransposeNEON makes columns of 4 rows of k numbers, a multiple of 2: dst[l][r] = src[r][l], with rows ldDst and ldSrc
// bytes apart.
//
//go:noescape
func GemmTransposeNEON(dst, src *float64, ldDst, ldSrc, k int)
