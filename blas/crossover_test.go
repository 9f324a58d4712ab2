//go:build openblas

package blas

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"gonum.org/v1/gonum/blas/gonum"
)

// BenchmarkCrossover times the products of a d×d rotation with n samples, and of a
// layer of in inputs, in OpenBLAS (through cgo) and in gonum (in Go), alternating.
// The metric openblas/gonum is the ratio of their times: below 1 OpenBLAS is faster.
func BenchmarkCrossover(b *testing.B) {
	type shape struct{ m, k, n int }
	var shapes []shape
	for _, n := range []int{8, 128} { // from 64×64 blocks on gonum would start goroutines
		for _, d := range []int{2, 3, 4, 5, 8, 16} {
			shapes = append(shapes, shape{d, d, n})
		}
		shapes = append(shapes, shape{64, 2, n}, shape{64, 8, n})
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range shapes {
		for _, op := range []struct {
			name   string
			tA, tB Transpose
		}{{"NN", NoTrans, NoTrans}, {"TN", Trans, NoTrans}, {"NT", NoTrans, Trans}} {
			b.Run(fmt.Sprintf("op=%s/m=%d/k=%d/n=%d", op.name, s.m, s.k, s.n), func(b *testing.B) {
				m, k, n := s.m, s.k, s.n
				if op.name == "NT" {
					k, n = n, k
				}
				a, w, c := randMatrix(rng, m, k, 0), randMatrix(rng, k, n, 0), newMatrix(m, n, 0)
				if op.tA == Trans {
					a = randMatrix(rng, k, m, 0)
				}
				if op.tB == Trans {
					w = randMatrix(rng, n, k, 0)
				}
				var took [2]time.Duration
				for b.Loop() {
					for i, f := range []func(){
						func() {
							impl.Dgemm(op.tA, op.tB, m, n, k, 1, a.Data, a.Stride, w.Data, w.Stride, 0, c.Data, c.Stride)
						},
						func() {
							gonum.Implementation{}.Dgemm(op.tA, op.tB, m, n, k, 1, a.Data, a.Stride, w.Data, w.Stride, 0, c.Data, c.Stride)
						},
					} {
						start := time.Now()
						for range 20 {
							f()
						}
						took[i] += time.Since(start)
					}
				}
				calls := float64(20 * b.N)
				b.ReportMetric(float64(took[0].Nanoseconds())/calls, "openblas-ns")
				b.ReportMetric(float64(took[1].Nanoseconds())/calls, "gonum-ns")
				b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "openblas/gonum")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
