//go:build !openblas || !cgo

package blas

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/lapack"
	lapackgonum "gonum.org/v1/gonum/lapack/gonum"
)

const backend = "gonum"

func core() string { return "" }

var impl gonum.Implementation

// block is the edge of the blocks of C that gemm and syrkUpper work in. From four
// 64×64 blocks of C on, gonum's Dgemm allocates and starts goroutines; below that
// it does neither.
const block = 64

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

// symEig overwrites a, whose largest element is near 1, with the eigenvectors in its rows, by ascending value.
func symEig(values []float64, a Matrix) bool {
	n := a.Rows
	var lp lapackgonum.Implementation
	e, tau := make([]float64, n-1), make([]float64, n-1)
	var size [1]float64
	lp.Dsytrd(blas.Upper, n, a.Data, a.Stride, values, e, tau, size[:], -1)
	work := make([]float64, max(int(size[0]), 3*n))
	lp.Dsytrd(blas.Upper, n, a.Data, a.Stride, values, e, tau, work, len(work))
	lp.Dorgtr(blas.Upper, n, a.Data, a.Stride, tau, work, len(work))
	// These are the steps of Dsyev, and one more. Where rounding leaves a little of
	// what should be zero, Dsteqr scales the block that it joins up, and then scales
	// the blocks that follow down, which it had not scaled. The largest element of
	// the matrix being near 1, so small a number counts for nothing.
	for i, v := range e {
		if math.Abs(v) < 0x1p-200 {
			e[i] = 0
		}
	}
	if !lp.Dsteqr(lapack.EVOrig, n, values, e, a.Data, a.Stride, work) {
		return false
	}
	for i := range n { // columns to rows
		for j := range i {
			p, q := &a.Data[i*a.Stride+j], &a.Data[j*a.Stride+i]
			*p, *q = *q, *p
		}
	}
	return true
}

// luFactor overwrites the n×n matrix a with its LU factors and returns the sign
// of the permutation.
func luFactor(n int, a []float64) (sign int) {
	pivots := make([]int, n)
	lapackgonum.Implementation{}.Dgetrf(n, n, a, n, pivots)
	sign = 1
	for i, p := range pivots {
		if p != i {
			sign = -sign
		}
	}
	return sign
}
