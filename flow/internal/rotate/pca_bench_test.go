package rotate

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

// BenchmarkPCA times the two parts of a rotation's fit, whose cost is of order n·d²
// and d³, and reports the rate of the first. At d = 1024 and n = 100,000 the samples
// alone take 800 MB.
func BenchmarkPCA(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, s := range []struct{ d, n int }{{2, 1_000_000}, {8, 1_000_000}, {64, 100_000}, {512, 20_000}, {1024, 100_000}} {
		if testing.Short() && s.d*s.n > 1e7 {
			continue
		}
		x := tile.Tile{}
		for workers := 1; workers <= runtime.NumCPU(); workers *= 2 {
			b.Run(fmt.Sprintf("blas=%s/part=covariance/d=%d/n=%d/workers=%d", blas.Backend(), s.d, s.n, workers), func(b *testing.B) {
				if x.Data == nil {
					x = flowtest.Tile(s.d, s.n, 1, flowtest.NewRand(1))
				}
				runtime.GOMAXPROCS(workers)
				b.ReportAllocs()
				for b.Loop() {
					covariance(context.Background(), x)
				}
				b.ReportMetric(float64(s.n)*float64(s.d)*float64(s.d+1)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
		b.Run(fmt.Sprintf("blas=%s/part=eigenvectors/d=%d", blas.Backend(), s.d), func(b *testing.B) {
			cov := covariance(context.Background(), flowtest.Tile(s.d, 2*s.d, 1, flowtest.NewRand(2)))
			v, values := make([]float64, len(cov)), make([]float64, s.d)
			for b.Loop() {
				copy(v, cov)
				if err := blas.SymEig(values, tile.Matrix(s.d, s.d, v)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
