package bench

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow"
)

// correlated is n rows of d columns in which each leans on the one before, bent.
func correlated(n, d int, seed uint64) *mat.Dense {
	rng := rand.New(rand.NewPCG(seed, 0))
	x := mat.NewDense(n, d, nil)
	for i := range n {
		row, last := x.RawRowView(i), 0.0
		for j := range row {
			last = min(0.6*last+0.2*last*last+0.7*rng.NormFloat64(), 4)
			row[j] = last
		}
	}
	return x
}

// couplingFlow is a coupling flow of dimension 8, 6 blocks, 8 components, with the
// conditioners of Couple's defaults, a few steps into its training.
func couplingFlow(b *testing.B) *flow.Flow {
	b.Helper()
	x := correlated(4000, 8, 1)
	diagonal, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 6})
	if err != nil {
		b.Fatal(err)
	}
	f, err := diagonal.Couple(flow.CouplingOptions{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := flow.Train(context.Background(), f, x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: 5}); err != nil {
		b.Fatal(err)
	}
	return f
}

// BenchmarkScoreScaling scores the same rows on one core and on more, by turns: the
// log-densities of a coupling flow, d = 8, 6 blocks, K = 8. The metric speed-up is
// the ratio of their times.
func BenchmarkScoreScaling(b *testing.B) {
	f := couplingFlow(b)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	n := 1_000_000
	if testing.Short() {
		n = 50_000
	}
	x, lp := correlated(n, 8, 2), make([]float64, n)
	for workers := 2; workers <= runtime.NumCPU(); workers *= 2 {
		b.Run(fmt.Sprintf("blas=%s/n=%d/workers=%d", blas.Backend(), n, workers), func(b *testing.B) {
			const parts = 10 // of x, so that a busy moment hurts both alike
			var took [2]time.Duration
			for b.Loop() {
				for part := range parts {
					from, to := part*n/parts, (part+1)*n/parts
					for i, procs := range []int{1, workers} {
						runtime.GOMAXPROCS(procs)
						start := time.Now()
						if err := f.LogProb(lp[from:to], x.Slice(from, to, 0, 8)); err != nil {
							b.Fatal(err)
						}
						took[i] += time.Since(start)
					}
				}
			}
			b.ReportMetric(0, "ns/op")
			for i, procs := range []string{"one-core", "all-workers"} {
				b.ReportMetric(float64(took[i].Nanoseconds())/float64(n*b.N), procs+"-ns/row")
			}
			b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "speed-up")
		})
	}
}

// BenchmarkScoreStream scores rows that are never in memory together, and reports
// the largest heap and the bytes allocated in all: both stay the same however many
// rows there are.
func BenchmarkScoreStream(b *testing.B) {
	f := couplingFlow(b)
	perRow := time.Duration(0) // so far
	for _, n := range []int{100_000, 1_000_000, 10_000_000} {
		if testing.Short() && n > 100_000 {
			continue
		}
		b.Run(fmt.Sprintf("blas=%s/n=%d", blas.Backend(), n), func(b *testing.B) {
			if would := time.Duration(n) * perRow; would > 3*time.Minute {
				b.Skipf("%d rows would take %v", n, would.Round(time.Minute))
			}
			var m runtime.MemStats
			var peak uint64
			runtime.GC()
			runtime.ReadMemStats(&m)
			start := m.TotalAlloc
			rows, pieces := 0, 0
			for b.Loop() {
				for lp, err := range f.LogProbSeq(context.Background(), blocksOf(n, 8)) {
					if err != nil {
						b.Fatal(err)
					}
					rows += len(lp)
					if pieces++; pieces%50 == 0 {
						runtime.ReadMemStats(&m)
						peak = max(peak, m.HeapInuse)
					}
				}
			}
			if rows != n*b.N {
				b.Fatalf("%d rows scored, want %d", rows, n*b.N)
			}
			perRow = b.Elapsed() / time.Duration(rows)
			runtime.ReadMemStats(&m)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
			b.ReportMetric(float64(peak)/1e6, "peak-heap-MB")
			b.ReportMetric(float64(m.TotalAlloc-start)/1e6/float64(b.N), "allocated-MB")
		})
	}
}

// blocksOf yields n rows in blocks of 4,096, the same memory every time.
func blocksOf(n, d int) iter.Seq2[*mat.Dense, error] {
	return func(yield func(*mat.Dense, error) bool) {
		const size = 4096
		block := correlated(size, d, 3)
		for ; n > 0; n -= size {
			if !yield(block.Slice(0, min(size, n), 0, d).(*mat.Dense), nil) {
				return
			}
		}
	}
}
