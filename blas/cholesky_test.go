package blas

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestCholesky(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, d := range []int{0, 1, 2, 5, 16, 33} {
		b := randMatrix(rng, d, d+2, 0)
		a := newMatrix(d, d, 3)
		for i := range d {
			for j := range d {
				a.Data[i*a.Stride+j] = 0
				for k := range d + 2 {
					a.Data[i*a.Stride+j] += float64(b.Data[i*b.Stride+k] * b.Data[j*b.Stride+k])
				}
			}
		}
		l := Matrix{Rows: d, Cols: d, Stride: a.Stride, Data: append([]float64(nil), a.Data...)}
		for i := range d {
			for j := i + 1; j < d; j++ {
				l.Data[i*l.Stride+j] = math.NaN() // what stands above the diagonal is not read
			}
		}
		if !Cholesky(l) {
			t.Fatalf("d = %d: not positive definite", d)
		}
		for i := range d {
			for j := range d {
				s := 0.0
				for k := range d {
					s += float64(l.Data[i*l.Stride+k] * l.Data[j*l.Stride+k])
				}
				if want := a.Data[i*a.Stride+j]; !(math.Abs(s-want) <= 1e-12*float64(d+2)) {
					t.Errorf("d = %d: (L·Lᵀ)(%d, %d) = %v, want %v", d, i, j, s, want)
				}
				if j > i && l.Data[i*l.Stride+j] != 0 {
					t.Errorf("d = %d: L(%d, %d) = %v", d, i, j, l.Data[i*l.Stride+j])
				}
			}
		}
	}
	for _, a := range [][]float64{{1, 0, 1, 1}, {1, 0, 2, 1}, {-1, 0, 0, 1}, {math.NaN(), 0, 0, 1}, {1, 0, math.NaN(), 1}, {math.Inf(1), 0, 0, 1}} {
		if Cholesky(Matrix{Rows: 2, Cols: 2, Stride: 2, Data: a}) {
			t.Errorf("%v: positive definite", a)
		}
	}
}
