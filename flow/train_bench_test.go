package flow

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/internal/moons"
)

// BenchmarkTrainStep takes training steps of the coupling flow of the two moons (4
// blocks of two conditioners, K = 8, width 64, two hidden layers, batch 512), and in
// turn makes only the calls of blas.Gemm that such a step makes: the same shapes in
// the same order, on as many goroutines. Its metrics are
//
//	step-µs          a step
//	matmul-µs        its products alone
//	matmul-%         their ratio: the share of the step inside matmul at the backend's own rate
//	matmul-GFLOP/s   that rate
func BenchmarkTrainStep(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	x := moons.Standardized()
	diagonal, err := FitRBIG(x, RBIGOptions{Blocks: 4})
	if err != nil {
		b.Fatal(err)
	}
	for workers := 1; workers <= runtime.NumCPU(); workers *= 2 {
		b.Run(fmt.Sprintf("blas=%s/workers=%d", blas.Backend(), workers), func(b *testing.B) {
			runtime.GOMAXPROCS(workers)
			t, err := NewTrainer(couple(b, diagonal, CouplingOptions{}), x, TrainOptions{})
			if err != nil {
				b.Fatal(err)
			}
			t.batch, t.update = newBatch(t.flow, t.data, t.o.Batch), t.updateChunk
			defer t.batch.team.stop()
			var jobs []*products
			for _, s := range t.batch.shards {
				jobs = append(jobs, newProducts(t.flow, len(s.at)))
			}
			product := func(i int) { jobs[i].run() }
			b.ReportAllocs()
			var step, matmul time.Duration
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				if err := t.step(i % t.o.Steps); err != nil {
					b.Fatal(err)
				}
				between := time.Now()
				t.batch.team.do(len(jobs), product)
				step += between.Sub(start)
				matmul += time.Since(between)
			}
			flops := 0.0
			for _, j := range jobs {
				flops += j.flops
			}
			n := float64(b.N)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(step.Seconds()*1e6/n, "step-µs")
			b.ReportMetric(matmul.Seconds()*1e6/n, "matmul-µs")
			b.ReportMetric(100*matmul.Seconds()/step.Seconds(), "matmul-%")
			b.ReportMetric(flops*n/matmul.Seconds()/1e9, "matmul-GFLOP/s")
		})
	}
}

// products are the products of matrices of one shard's step.
type products struct {
	calls []product
	flops float64
}

type product struct {
	tA, tB  blas.Transpose
	a, b, c blas.Matrix
	beta    float64
}

func newProducts(f *Flow, n int) *products {
	rng := rand.New(rand.NewPCG(1, 2))
	random := func(rows, cols int) blas.Matrix {
		m := matrix(rows, cols, make([]float64, rows*cols))
		for i := range m.Data {
			m.Data[i] = rng.NormFloat64()
		}
		return m
	}
	var forward, backward []product
	for _, l := range f.layers {
		switch l := l.(type) {
		case *rotation:
			x, z := random(l.d, n), random(l.d, n)
			forward = append(forward, product{blas.NoTrans, blas.NoTrans, l.matrix(), x, z, 0})
			backward = append(backward, product{blas.Trans, blas.NoTrans, l.matrix(), z, x, 0})
		case *coupling:
			var halves []product
			for i := range l.half {
				net := l.half[i].net
				var layers []product
				for j := range net.layers() {
					out, in := net.sizes[j+1], net.sizes[j]
					w, h, c := matrix(out, in, net.kernel[j]), random(in, n), random(out, n)
					if j == net.layers()-1 || in > 1 { // else the layer is no product
						forward = append(forward, product{blas.NoTrans, blas.NoTrans, w, h, c, 1})
					}
					layers = append(layers,
						product{blas.Trans, blas.NoTrans, w, c, h, 0},
						product{blas.NoTrans, blas.Trans, c, h, random(out, in), 0})
				}
				halves = append(halves, layers...)
			}
			backward = append(backward, halves...)
		}
	}
	p := &products{calls: forward}
	for i := len(backward) - 1; i >= 0; i-- {
		p.calls = append(p.calls, backward[i])
	}
	for _, c := range p.calls {
		inner := c.a.Cols
		if c.tA == blas.Trans {
			inner = c.a.Rows
		}
		p.flops += 2 * float64(c.c.Rows) * float64(c.c.Cols) * float64(inner)
	}
	return p
}

func (p *products) run() {
	for _, c := range p.calls {
		blas.Gemm(c.tA, c.tB, 1, c.a, c.b, c.beta, c.c)
	}
}

// BenchmarkShardSize makes the same products for shards of other sizes.
func BenchmarkShardSize(b *testing.B) {
	f := couple(b, eightComponents(2, 4, newRand(1)), CouplingOptions{})
	for _, n := range []int{16, 32, 64, 128, 256, 512, 1024} {
		b.Run(fmt.Sprintf("blas=%s/core=%s/n=%d", blas.Backend(), blas.Core(), n), func(b *testing.B) {
			p := newProducts(f, n)
			for b.Loop() {
				p.run()
			}
			b.ReportMetric(p.flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
