package flow

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
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
			t, err := NewTrainer(couple(b, diagonal, CouplingOptions{}), x, TrainOptions{Schedule: OneCycle})
			if err != nil {
				b.Fatal(err)
			}
			t.batch = newMinibatch(t.flow, t.data.Rows, t.o.Batch)
			var jobs []*products
			for _, s := range t.batch.shards {
				jobs = append(jobs, newProducts(t.flow, len(s.at)))
			}
			product := func(loop *tile.Loop) {
				for i := range loop.Tiles {
					jobs[i].run()
				}
			}
			var loop tile.Loop
			b.ReportAllocs()
			var step, matmul time.Duration
			for i := 0; b.Loop(); i++ {
				start := time.Now()
				if err := t.step(b.Context(), i%t.o.Steps); err != nil {
					b.Fatal(err)
				}
				between := time.Now()
				loop.Run(len(jobs), 1, product)
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
		m := tile.Matrix(rows, cols, make([]float64, rows*cols))
		for i := range m.Data {
			m.Data[i] = rng.NormFloat64()
		}
		return m
	}
	var forward, backward []product
	for _, block := range f.Model().Blocks {
		for _, l := range block {
			var halves []product
			for _, t := range l.Tensors {
				if len(t.Shape) != 2 {
					continue
				}
				out, in := t.Shape[0], t.Shape[1]
				w, h, c := tile.Matrix(out, in, t.Values), random(in, n), random(out, n)
				switch {
				case l.Kind == "rotation":
					forward = append(forward, product{blas.NoTrans, blas.NoTrans, w, h, c, 0})
					backward = append(backward, product{blas.Trans, blas.NoTrans, w, c, h, 0})
				case l.Kind == "coupling":
					if _, more := l.Tensor(nextWeight(t.Name)); !more || in > 1 { // else the layer is no product
						forward = append(forward, product{blas.NoTrans, blas.NoTrans, w, h, c, 1})
					}
					halves = append(halves,
						product{blas.Trans, blas.NoTrans, w, c, h, 0},
						product{blas.NoTrans, blas.Trans, c, h, random(out, in), 0})
				}
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

// nextWeight is the name of the kernel of the next layer of a conditioner.
func nextWeight(name string) string {
	var half, i int
	fmt.Sscanf(name, "half.%d.layer.%d.weight", &half, &i)
	return fmt.Sprintf("half.%d.layer.%d.weight", half, i+1)
}

func (p *products) run() {
	for _, c := range p.calls {
		blas.Gemm(c.tA, c.tB, 1, c.a, c.b, c.beta, c.c)
	}
}

// BenchmarkShardSize makes the same products for shards of other sizes.
func BenchmarkShardSize(b *testing.B) {
	f := couple(b, eightComponents(2, 4, flowtest.NewRand(1)), CouplingOptions{})
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
