package main

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/internal/table"
)

var benchRows = flag.Int("rows", 1000000, "BenchmarkScoreFile scores files of so many rows")

// BenchmarkScoreFile scores files of -rows rows of 6 columns with a flow of 8 blocks of 8 components, and prints rows per
// second, the share of the time that reading the file alone takes, and the largest heap.
func BenchmarkScoreFile(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	const d, block = 6, 4096
	x := mat.NewDense(4000, d, nil)
	for i := range 4000 {
		u := rng.NormFloat64()
		for j := range d {
			x.Set(i, j, u*float64(j)+rng.NormFloat64())
		}
	}
	f, err := flow.FitRBIG(x, flow.RBIGOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Chdir(b.TempDir())
	var model bytes.Buffer
	if err := f.Save(&model); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile("m.safetensors", model.Bytes(), 0o666); err != nil {
		b.Fatal(err)
	}
	for _, ext := range []string{"csv", "npy", "parquet"} {
		w, err := table.Create("rows."+ext, numbered("x", d), table.WriteOptions{})
		if err != nil {
			b.Fatal(err)
		}
		for left := *benchRows; left > 0; left -= block {
			n := min(left, block)
			from := rng.IntN(4000 * d / 2)
			from -= from % d
			rows := make([]float64, 0, n*d)
			for len(rows) < n*d {
				rows = append(rows, x.RawMatrix().Data[from:min(len(x.RawMatrix().Data), from+n*d-len(rows))]...)
			}
			if err := w.Write(nil, rows, n); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	for _, ext := range []string{"csv", "npy", "parquet"} {
		b.Run(ext, func(b *testing.B) {
			var reading, scoring time.Duration
			var heap uint64
			for b.Loop() {
				began := time.Now()
				t, err := table.Open("rows."+ext, table.Options{})
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				for rows, err := range t.Blocks() {
					if err != nil {
						b.Fatal(err)
					}
					n += len(rows.Row)
				}
				t.Close()
				if n != *benchRows {
					b.Fatalf("%d rows", n)
				}
				reading += time.Since(began)
				began = time.Now()
				stop, peak := watchHeap()
				must(b, "", "score", "m.safetensors", "rows."+ext, "-o", filepath.Join(os.TempDir(), "scores.npy"))
				scoring += time.Since(began)
				stop()
				heap = max(heap, *peak)
			}
			b.ReportMetric(float64(*benchRows)*float64(b.N)/scoring.Seconds(), "rows/s")
			b.ReportMetric(100*reading.Seconds()/scoring.Seconds(), "%reading")
			b.ReportMetric(float64(heap)/1e6, "MB-heap")
		})
	}
}

// watchHeap looks at the heap twenty times a second.
func watchHeap() (stop func(), peak *uint64) {
	peak = new(uint64)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				*peak = max(*peak, m.HeapAlloc)
			}
		}
	})
	return func() { close(done); wg.Wait() }, peak
}
