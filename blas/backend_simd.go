//go:build !openblas && !gonum

package blas

import "github.com/gaussflow/gaussflow/kernels"

const backend = "simd"

func core() string { return "" }

// product is Gemm with checked arguments and k ≥ 1. An element is the chain of fused multiply-adds of the rounded alpha·A(i, l)
// and B(l, j), l ascending.
func product(tA, tB Transpose, m, n, k int, alpha float64, a, b Matrix, beta float64, c Matrix) {
	if beta != 0 {
		scale(beta, c)
	}
	p := kernels.Product{M: m, N: n, K: k, TransA: tA == Trans, TransB: tB == Trans, A: a.Data, LDA: a.Stride, B: b.Data, LDB: b.Stride,
		C: c.Data, LDC: c.Stride, Scale: alpha, Add: beta != 0}
	kernels.Gemm(&p)
}

func syrkUpper(t Transpose, n, k int, alpha float64, a []float64, lda int, beta float64, c []float64, ldc int) {
	if beta != 0 {
		for i := range n {
			scale(beta, Matrix{Rows: 1, Cols: n - i, Stride: n, Data: c[i*ldc+i:]})
		}
	}
	p := kernels.Product{M: n, N: n, K: k, TransA: t == Trans, TransB: t == NoTrans, A: a, LDA: lda, B: a, LDB: lda,
		C: c, LDC: ldc, Scale: alpha, Add: beta != 0, Upper: true}
	kernels.Gemm(&p)
}

// dense is Dense, in one pass.
func dense(y, w, x Matrix, bias []float64, relu bool) {
	p := kernels.Product{M: w.Rows, N: x.Cols, K: w.Cols, A: w.Data, LDA: w.Stride, B: x.Data, LDB: x.Stride, C: y.Data, LDC: y.Stride,
		Bias: bias, ReLU: relu}
	kernels.Gemm(&p)
}

// denseBackward is DenseBackward, in one pass.
func denseBackward(dx, w, dy, x Matrix) {
	p := kernels.Product{M: w.Cols, N: dy.Cols, K: w.Rows, A: w.Data, LDA: w.Stride, TransA: true, B: dy.Data, LDB: dy.Stride, C: dx.Data, LDC: dx.Stride,
		Mask: x.Data, LDMask: x.Stride}
	kernels.Gemm(&p)
}
