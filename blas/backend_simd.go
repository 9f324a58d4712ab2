//go:build !openblas && !gonum

package blas

import (
	"sync"

	"github.com/gaussflow/gaussflow/kernels"
)

const backend = "simd"

func core() string { return "" }

// product is Gemm with checked arguments and k ≥ 1.
func product(tA, tB Transpose, m, n, k int, alpha float64, a, b Matrix, beta float64, c Matrix) {
	if beta != 0 {
		scale(beta, c)
	}
	p := kernels.Product{M: m, N: n, TransB: tB == Trans, B: b.Data, LDB: b.Stride, C: c.Data, LDC: c.Stride, Add: beta != 0}
	multiply(&p, tA, k, alpha, a)
}

func syrkUpper(t Transpose, n, k int, alpha float64, a []float64, lda int, beta float64, c []float64, ldc int) {
	if beta != 0 {
		for i := range n {
			scale(beta, Matrix{Rows: 1, Cols: n - i, Stride: n, Data: c[i*ldc+i:]})
		}
	}
	p := kernels.Product{M: n, N: n, TransB: t == NoTrans, B: a, LDB: lda, C: c, LDC: ldc, Add: beta != 0, Upper: true}
	multiply(&p, t, k, alpha, Matrix{Data: a, Stride: lda})
}

// scaled holds alpha·A, a block of it.
type scaled struct{ a []float64 }

var scaleds = sync.Pool{New: func() any { return new(scaled) }}

// multiply computes p with alpha·op(A), m×k, for its A. An element is the chain of fused multiply-adds of the rounded
// alpha·A(i, l) and B(l, j), l ascending.
func multiply(p *kernels.Product, tA Transpose, k int, alpha float64, a Matrix) {
	p.A, p.LDA, p.K, p.TransA = a.Data, a.Stride, k, tA == Trans
	if alpha == 1 {
		kernels.Gemm(p)
		return
	}
	const block = 256
	s := scaleds.Get().(*scaled)
	defer scaleds.Put(s)
	b := p.B
	for l := 0; l < k; l += block {
		p.K = min(block, k-l)
		if need := p.M * p.K; cap(s.a) < need {
			s.a = make([]float64, need)
		}
		rows, cols, first := p.M, p.K, l
		if tA == Trans {
			rows, cols, first = p.K, p.M, l*a.Stride
		}
		for i := range rows {
			dst := s.a[i*cols:][:cols]
			for j, v := range a.Data[first+i*a.Stride:][:cols] {
				dst[j] = float64(alpha * v)
			}
		}
		p.A, p.LDA = s.a[:rows*cols], cols
		first = l * p.LDB
		if p.TransB {
			first = l
		}
		p.B = b[first:]
		kernels.Gemm(p)
		p.Add = true
	}
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
