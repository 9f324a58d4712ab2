package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gaussflow/gaussflow/blas"
)

func randMatrix(rows, cols int) blas.Matrix {
	rng := rand.New(rand.NewPCG(uint64(rows), uint64(cols)))
	m := blas.Matrix{Rows: rows, Cols: cols, Stride: cols, Data: make([]float64, rows*cols)}
	for i := range m.Data {
		m.Data[i] = rng.NormFloat64()
	}
	return m
}

func reportFlops(b *testing.B, perOp float64) {
	b.ReportMetric(perOp*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// BenchmarkGemm times the products of one conditioner layer, in→out units for n
// samples: the forward pass C = W·H, and backward the gradients of the kernel,
// dW = dC·Hᵀ, and of the input, dH = Wᵀ·dC.
func BenchmarkGemm(b *testing.B) {
	for _, s := range []struct{ out, in int }{{64, 1}, {64, 64}, {24, 64}, {64, 8}, {192, 64}, {2, 2}, {8, 8}} {
		for _, n := range []int{512, 4096} {
			w, h, c := randMatrix(s.out, s.in), randMatrix(s.in, n), randMatrix(s.out, n)
			for _, op := range []struct {
				name string
				run  func()
			}{
				{"forward", func() { blas.Gemm(blas.NoTrans, blas.NoTrans, 1, w, h, 0, c) }},
				{"kernel", func() { blas.Gemm(blas.NoTrans, blas.Trans, 1, c, h, 0, w) }},
				{"input", func() { blas.Gemm(blas.Trans, blas.NoTrans, 1, w, c, 0, h) }},
			} {
				b.Run(fmt.Sprintf("blas=%s/op=%s/out=%d/in=%d/n=%d", blas.Backend(), op.name, s.out, s.in, n), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						op.run()
					}
					reportFlops(b, 2*float64(s.out)*float64(s.in)*float64(n))
				})
			}
		}
	}
}

// BenchmarkSyrkUpper times the covariance update of one tile of n samples.
func BenchmarkSyrkUpper(b *testing.B) {
	const n = 4096
	for _, d := range []int{2, 8, 64, 512} {
		c := randMatrix(d, d)
		for _, t := range []struct {
			name  string
			trans blas.Transpose
			x     blas.Matrix
		}{{"coordinate", blas.NoTrans, randMatrix(d, n)}, {"sample", blas.Trans, randMatrix(n, d)}} {
			b.Run(fmt.Sprintf("blas=%s/major=%s/d=%d/n=%d", blas.Backend(), t.name, d, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					blas.SyrkUpper(t.trans, 1, t.x, 1, c)
				}
				reportFlops(b, float64(d)*float64(d+1)*n)
			})
		}
	}
}

// BenchmarkSymEig times the eigendecomposition of a d×d covariance, and tells how far V·Vᵀ is from the identity and
// Vᵀ·diag(values)·V from the matrix, in units of its largest element times 2⁻⁵²: the largest element of each difference.
func BenchmarkSymEig(b *testing.B) {
	for _, d := range []int{2, 16, 64, 128, 784} {
		b.Run(fmt.Sprintf("blas=%s/d=%d", blas.Backend(), d), func(b *testing.B) {
			x, cov := randMatrix(d, 4*d), randMatrix(d, d)
			blas.SyrkUpper(blas.NoTrans, 1/float64(4*d), x, 0, cov)
			v := blas.Matrix{Rows: d, Cols: d, Stride: d, Data: make([]float64, d*d)}
			values := make([]float64, d)
			for b.Loop() {
				copy(v.Data, cov.Data)
				if err := blas.SymEig(values, v); err != nil {
					b.Fatal(err)
				}
			}
			product, scaled := randMatrix(d, d), randMatrix(d, d)
			blas.Gemm(blas.NoTrans, blas.Trans, 1, v, v, 0, product)
			worst, rebuilt, largest := 0.0, 0.0, 0.0
			for i := range d {
				product.Data[i*d+i]--
				for j := range d {
					worst = max(worst, math.Abs(product.Data[i*d+j]))
					scaled.Data[i*d+j] = values[i] * v.Data[i*d+j]
				}
			}
			blas.Gemm(blas.Trans, blas.NoTrans, 1, v, scaled, 0, product)
			for i := range d {
				for j := i; j < d; j++ {
					rebuilt = max(rebuilt, math.Abs(product.Data[i*d+j]-cov.Data[i*d+j]))
					largest = max(largest, math.Abs(cov.Data[i*d+j]))
				}
			}
			b.ReportMetric(worst*0x1p52, "orthogonality")
			b.ReportMetric(rebuilt/largest*0x1p52, "residual")
		})
	}
}
