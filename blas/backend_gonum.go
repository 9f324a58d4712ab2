//go:build gonum && !openblas

package blas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

const backend = "gonum"

func core() string { return "" }

var impl gonum.Implementation

// block is the edge of the blocks of C that gemm and syrkUpper work in. From four
// 64×64 blocks of C on, gonum's Dgemm allocates and starts goroutines; below that
// it does neither.
const block = 64

// product is Gemm with checked arguments and k ≥ 1.
func product(tA, tB Transpose, m, n, k int, alpha float64, a, b Matrix, beta float64, c Matrix) {
	general(tA, tB, m, n, k, alpha, a, b, beta, c)
}

func gemm(tA, tB Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	// The inner loop of A·Bᵀ is a dot product along k, and of the others an
	// update along a row of C: it is that dimension which should be long, while
	// the block of B still fits in the cache.
	nb, kb := 3*block, block
	if tA == NoTrans && tB == Trans {
		nb, kb = block, 8*block
	}
	for i := 0; i < m; i += block {
		for j := 0; j < n; j += nb {
			beta := beta
			for l := 0; l < k; l += kb {
				impl.Dgemm(tA, tB, min(block, m-i), min(nb, n-j), min(kb, k-l),
					alpha, sub(tA, a, lda, i, l), lda, sub(tB, b, ldb, l, j), ldb, beta, c[i*ldc+j:], ldc)
				beta = 1
			}
		}
	}
}

// sub returns the memory of op(A) from element (i, j) of op(A) on.
func sub(t Transpose, a []float64, lda, i, j int) []float64 {
	if t == NoTrans {
		return a[i*lda+j:]
	}
	return a[j*lda+i:]
}

func syrkUpper(t Transpose, n, k int, alpha float64, a []float64, lda int, beta float64, c []float64, ldc int) {
	for i := 0; i < n; i += block {
		ai := sub(t, a, lda, i, 0)
		w := min(block, n-i)
		impl.Dsyrk(blas.Upper, t, w, k, alpha, ai, lda, beta, c[i*ldc+i:], ldc)
		if j := i + w; j < n {
			gemm(t, t^flip, w, n-j, k, alpha, ai, lda, sub(t, a, lda, j, 0), lda, beta, c[i*ldc+j:], ldc)
		}
	}
}
