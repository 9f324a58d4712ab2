//go:build !purego

package asm

// The kernels of matrix products (kernels/gemm.go), a tile of C each, in terms of GemmTile.

// Gemm4x12AVX2 computes 12 columns of C, and Rows, a multiple of 4, rows of it, from B's panel of K rows of 12 numbers:
//
//	C[i][j] = start; for k: C[i][j] = FMA(A[i][k], B[k][j], C[i][j])
//
// and then what Flags says.
//
//go:noescape
func Gemm4x12AVX2(t *GemmTile)

// Gemm4x8AVX2 is the same with 8 columns.
//
//go:noescape
func Gemm4x8AVX2(t *GemmTile)

// Gemm4x4AVX2 is the same with 4 columns.
//
//go:noescape
func Gemm4x4AVX2(t *GemmTile)

// GemmRowAVX2 computes one row of C, of Cols columns, a multiple of 4, from a B that is not packed.
//
//go:noescape
func GemmRowAVX2(t *GemmTile)

// GemmPackAVX2 copies k rows of 4·vectors numbers, ld bytes apart, one after the other.
//
//go:noescape
func GemmPackAVX2(dst, src *float64, ld, k, vectors int)

// GemmTransposeAVX2 makes columns of 4 rows of k numbers, a multiple of 4: dst[l][r] = src[r][l], with rows ldDst and ldSrc
// bytes apart.
//
//go:noescape
func GemmTransposeAVX2(dst, src *float64, ldDst, ldSrc, k int)

// Gemm8x24AVX512 is Gemm4x12AVX2 with 24 columns, and Rows a multiple of 8.
//
//go:noescape
func Gemm8x24AVX512(t *GemmTile)

// Gemm8x16AVX512 is the same with 16 columns.
//
//go:noescape
func Gemm8x16AVX512(t *GemmTile)

// Gemm8x8AVX512 is the same with 8 columns.
//
//go:noescape
func Gemm8x8AVX512(t *GemmTile)

// GemmRowAVX512 is GemmRowAVX2 with Cols a multiple of 8.
//
//go:noescape
func GemmRowAVX512(t *GemmTile)
