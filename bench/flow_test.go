package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/bench/cases"
	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow"
)

// path joins names and values to what benchstat groups by: name=value/name=value.
func path(namesAndValues ...any) string {
	var parts []string
	for i := 0; i < len(namesAndValues); i += 2 {
		parts = append(parts, strings.ReplaceAll(fmt.Sprintf("%v=%v", namesAndValues[i], namesAndValues[i+1]), " ", "_"))
	}
	return strings.Join(parts, "/")
}

// flows are a diagonal and a coupling flow of each dimension.
func flows(b *testing.B, do func(name string, f *flow.Flow, x *mat.Dense)) {
	for _, d := range []int{2, 8} {
		const n = 8192
		x := cases.Rows(0, n, d)
		diagonal, err := flow.FitRBIG(cases.Rows(0, 1000, d), flow.RBIGOptions{Blocks: 4, Components: 8})
		if err != nil {
			b.Fatal(err)
		}
		coupling, err := diagonal.Couple(flow.CouplingOptions{})
		if err != nil {
			b.Fatal(err)
		}
		do(path("blas", blas.Backend(), "flow", "diagonal", "d", d, "n", n), diagonal, x)
		do(path("blas", blas.Backend(), "flow", "coupling", "d", d, "n", n), coupling, x)
	}
}

// evaluation times one of a flow's ways to go through it; set-up is what it needs first.
func evaluation(b *testing.B, setUp func(f *flow.Flow, x *mat.Dense) (do func() error)) {
	flows(b, func(name string, f *flow.Flow, x *mat.Dense) {
		b.Run(name, func(b *testing.B) {
			n, d := x.Dims()
			do := setUp(f, x)
			b.SetBytes(int64(8 * n * d))
			b.ReportAllocs()
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
			rate(b, n)
		})
	})
}

// BenchmarkForward times z and log-det of row-major data.
func BenchmarkForward(b *testing.B) {
	evaluation(b, func(f *flow.Flow, x *mat.Dense) func() error {
		n, _ := x.Dims()
		var z mat.Dense
		logDet := make([]float64, n)
		return func() error { return f.Forward(&z, logDet, x) }
	})
}

// BenchmarkInverse times the way back.
func BenchmarkInverse(b *testing.B) {
	evaluation(b, func(f *flow.Flow, x *mat.Dense) func() error {
		n, _ := x.Dims()
		var z, y mat.Dense
		logDet := make([]float64, n)
		if err := f.Forward(&z, nil, x); err != nil {
			b.Fatal(err)
		}
		return func() error { return f.Inverse(&y, logDet, &z) }
	})
}

// BenchmarkLogProb times log-densities.
func BenchmarkLogProb(b *testing.B) {
	evaluation(b, func(f *flow.Flow, x *mat.Dense) func() error {
		n, _ := x.Dims()
		logProb := make([]float64, n)
		return func() error { return f.LogProb(logProb, x) }
	})
}

// BenchmarkSample times fresh samples.
func BenchmarkSample(b *testing.B) {
	evaluation(b, func(f *flow.Flow, x *mat.Dense) func() error {
		n, d := x.Dims()
		y, src := mat.NewDense(n, d, nil), rand.NewPCG(1, 2)
		return func() error { return f.Sample(y, src) }
	})
}

// BenchmarkFit times the fit of a diagonal flow.
func BenchmarkFit(b *testing.B) {
	for _, d := range []int{2, 8} {
		const n, blocks, k = 2048, 2, 8
		x := cases.Rows(0, n, d)
		b.Run(path("blas", blas.Backend(), "d", d, "n", n, "blocks", blocks, "K", k), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: blocks, Components: k}); err != nil {
					b.Fatal(err)
				}
			}
			rate(b, n)
		})
	}
}

// BenchmarkTrainStep times a step of training, batch 512: an operation is one step of a single run.
func BenchmarkTrainStep(b *testing.B) {
	const batch = 512
	for _, d := range []int{2, 8} {
		x := cases.Rows(0, 4096, d)
		f, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 4, Components: 8})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(path("blas", blas.Backend(), "d", d, "blocks", 4, "K", 8, "batch", batch), func(b *testing.B) {
			f, err := f.Couple(flow.CouplingOptions{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			if _, err := flow.Train(context.Background(), f, x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: b.N, Batch: batch, LearningRate: 1e-4}); err != nil {
				b.Fatal(err)
			}
			rate(b, batch)
		})
	}
}
