package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/bench/cases"
	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/internal/moons"
	"github.com/gaussflow/gaussflow/kernels"
)

func open(name, inputs string) (*harness.Work, error) {
	r, err := parse(name, request{n: 100_000, d: 8, k: 8, blocks: 6, out: 64, in: 64})
	if err != nil {
		return nil, err
	}
	switch r.what {
	case "train", "model":
		return training(flow.CouplingOptions{Plain: true})
	case "train-bounded":
		return training(flow.CouplingOptions{})
	case "log-prob":
		return logProb(inputs)
	case "spline-train":
		return splineTraining(), nil
	case "gemm":
		return products(), nil
	case "product-NN", "product-NT", "product-TN":
		return product(r), nil
	case "pca":
		return pca(r), nil
	case "peak":
		return peak()
	case "score":
		return scoring(r)
	case "step":
		return step(r)
	case "fit-growth":
		return fitting(cases.Rows(0, r.n, r.d), r.blocks, r.k), nil
	case "fit":
		return fitting(cases.Rows(0, cases.FitRows, cases.FitDim), cases.FitBlocks, 8), nil
	case "default-fit":
		return defaultFit(cases.Rows(0, r.n, r.d)), nil
	case "mixture-log-prob":
		x, f, err := cases.Mixture()
		if err != nil {
			return nil, err
		}
		return scores(f, x), nil
	case "score-fit":
		return scoreFit()
	case "em-fit":
		return columns(inputs)
	}
	return nil, fmt.Errorf("no case %q", name)
}

func timed(do func() error) (time.Duration, error) {
	start := time.Now()
	err := do()
	return time.Since(start), err
}

// repeated times repetitions.
func repeated(do func() error) func(reps int) (time.Duration, error) {
	return func(reps int) (time.Duration, error) {
		return timed(func() error {
			for range reps {
				if err := do(); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// training is the training step of a coupling flow of the two moons, batch 512, plain as the peers have it or with the bounds
// that are the default; its figure is -log p of all rows after
// 150 steps from the start, its check log p of all rows before the first.
func training(o flow.CouplingOptions) (*harness.Work, error) {
	x, diagonal, err := cases.Moons()
	if err != nil {
		return nil, err
	}
	n, _ := x.Dims()
	logProb := func(f *flow.Flow) ([]float64, error) {
		lp := make([]float64, n)
		return lp, f.LogProb(lp, x)
	}
	train := func(steps int) (*flow.Flow, time.Duration, error) {
		f, err := diagonal.Couple(o)
		if err != nil {
			return nil, 0, err
		}
		took, err := timed(func() error {
			_, err := flow.Train(context.Background(), f, x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: steps, Batch: 512})
			return err
		})
		return f, took, err
	}
	return &harness.Work{
		Check: func() ([]float64, error) {
			f, err := diagonal.Couple(o)
			if err != nil {
				return nil, err
			}
			return logProb(f)
		},
		Run: func(reps int) (time.Duration, error) {
			_, took, err := train(reps)
			return took, err
		},
		Value: func() (float64, error) {
			f, _, err := train(150)
			if err != nil {
				return 0, err
			}
			lp, err := logProb(f)
			return -kernels.Sum(lp) / float64(n), err
		},
	}, nil
}

// splineTraining is the training step of a stack of eight spline couplings, batch 256, from the random rotations and
// identities that it begins with.
func splineTraining() *harness.Work {
	x := moons.Standardized()
	n, _ := x.Dims()
	train := func(steps int) (*flow.Flow, time.Duration, error) {
		f, err := flow.NewStack(x, flow.StackOptions{}, flow.Repeat(8, flow.Householder(2), flow.SplineCoupling(flow.Conditioner{Width: 24}))...)
		if err != nil {
			return nil, 0, err
		}
		took, err := timed(func() error {
			_, err := flow.Train(context.Background(), f, x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: steps, Batch: 256, LearningRate: 1e-3})
			return err
		})
		return f, took, err
	}
	value := func() (float64, error) {
		f, _, err := train(150)
		if err != nil {
			return 0, err
		}
		lp := make([]float64, n)
		err = f.LogProb(lp, x)
		return -kernels.Sum(lp) / float64(n), err
	}
	return &harness.Work{
		Check: func() ([]float64, error) {
			v, err := value()
			return []float64{v}, err
		},
		Run: func(reps int) (time.Duration, error) {
			_, took, err := train(reps)
			return took, err
		},
		Value: value,
	}
}

// products are the matrix products of such a step and nothing else, on the calling goroutine: eight conditioners 1→64→64→24,
// forward, the gradients of the kernels, and those of the inputs.
func products() *harness.Work {
	const n, conditioners = 512, 8
	sizes := []int{1, 64, 64, 24}
	matrix := func(rows, cols int) blas.Matrix {
		m := blas.Matrix{Rows: rows, Cols: cols, Stride: cols, Data: make([]float64, rows*cols)}
		for i := range m.Data {
			m.Data[i] = math.Sin(float64(i))
		}
		return m
	}
	var h, d, w, dw []blas.Matrix
	for l, size := range sizes {
		h, d = append(h, matrix(size, n)), append(d, matrix(size, n))
		if l > 0 {
			w, dw = append(w, matrix(size, sizes[l-1])), append(dw, matrix(size, sizes[l-1]))
		}
	}
	do := func() {
		for range conditioners {
			for l := range w {
				blas.Gemm(blas.NoTrans, blas.NoTrans, 1, w[l], h[l], 0, h[l+1])
			}
			for l := len(w) - 1; l >= 0; l-- {
				blas.Gemm(blas.NoTrans, blas.Trans, 1, d[l+1], h[l], 0, dw[l])
				blas.Gemm(blas.Trans, blas.NoTrans, 1, w[l], d[l+1], 0, d[l])
			}
			copy(d[len(d)-1].Data, h[len(h)-1].Data) // keeps the numbers in range from one pass to the next
		}
	}
	local := harness.Local("products", do, dw[0].Data)
	return &harness.Work{Check: local.Check, Run: local.Run}
}

// product is one of the three products of a layer of in inputs and out outputs for n samples: its values W·X, the gradient
// of its kernel, dY·Xᵀ, or that of its inputs, Wᵀ·dY.
func product(r request) *harness.Work {
	seed := 0.0
	matrix := func(rows, cols int) blas.Matrix {
		m := blas.Matrix{Rows: rows, Cols: cols, Stride: cols, Data: make([]float64, rows*cols)}
		for i := range m.Data {
			seed++
			m.Data[i] = math.Sin(seed)
		}
		return m
	}
	w, x, y := matrix(r.out, r.in), matrix(r.in, r.n), matrix(r.out, r.n)
	tA, tB, a, b, c := blas.NoTrans, blas.NoTrans, w, x, y
	switch r.what {
	case "product-NT":
		tB, a, b, c = blas.Trans, y, x, w
	case "product-TN":
		tA, a, b, c = blas.Trans, w, y, x
	}
	local := harness.Local("product", func() { blas.Gemm(tA, tB, 1, a, b, 0, c) }, c.Data)
	return &harness.Work{Check: local.Check, Run: local.Run}
}

// pca is the linear algebra of a rotation that is fitted to n rows of d columns, in the pieces that flow/internal/rotate
// makes of it.
func pca(r request) *harness.Work {
	const chunk = 1 << 17 // numbers
	x := cases.Rows(0, r.n, r.d).T()
	columns := blas.Matrix{Rows: r.d, Cols: r.n, Stride: r.n, Data: mat.DenseCopyOf(x).RawMatrix().Data}
	cov := blas.Matrix{Rows: r.d, Cols: r.d, Stride: r.d, Data: make([]float64, r.d*r.d)}
	values, means := make([]float64, r.d), make([]float64, r.d)
	most := max(1, chunk/r.d)
	centred := blas.Matrix{Rows: r.d, Stride: most, Data: make([]float64, r.d*most)}
	return &harness.Work{Run: func(reps int) (time.Duration, error) {
		return timed(func() error {
			for range reps {
				for j := range means {
					means[j] = kernels.Sum(columns.Data[j*r.n:][:r.n]) / float64(r.n)
				}
				clear(cov.Data)
				for from := 0; from < r.n; from += most {
					centred.Cols = min(most, r.n-from)
					for j, mean := range means {
						row := centred.Data[j*most:][:centred.Cols]
						for i, v := range columns.Data[j*r.n+from:][:centred.Cols] {
							row[i] = v - mean
						}
					}
					blas.SyrkUpper(blas.NoTrans, 1/float64(r.n), centred, 1, cov)
				}
				if err := blas.SymEig(values, cov); err != nil {
					return err
				}
			}
			return nil
		})
	}}
}

// peak is the most fused multiply-adds that the tier can do; its figure is how many there are in a repetition.
func peak() (*harness.Work, error) {
	const rounds = 1000
	tier, err := kernels.Active()
	if err != nil {
		return nil, err
	}
	do, each := fused(tier)
	if do == nil {
		return nil, fmt.Errorf("the tier %v has no vectors", tier)
	}
	local := harness.Local("peak", func() { do(rounds) })
	return &harness.Work{Run: local.Run, Value: func() (float64, error) { return float64(rounds * each), nil }}, nil
}

// coupled returns a coupling flow of the given shape, fitted to a thousand rows.
func coupled(r request) (*flow.Flow, error) {
	f, err := flow.FitRBIG(cases.Rows(0, 1000, r.d), flow.RBIGOptions{Blocks: r.blocks, Components: r.k})
	if err != nil {
		return nil, err
	}
	return f.Couple(flow.CouplingOptions{})
}

// scoring is log p of n rows that come in blocks, as from a file of any size; the clock stands still while a block is
// made. Its figure is the number of allocations per tile of 1,024 rows.
func scoring(r request) (*harness.Work, error) {
	const block = 1 << 15
	f, err := coupled(r)
	if err != nil {
		return nil, err
	}
	rows := min(block, max(1, (1<<21)/r.d)) // at most 16 MB
	lp, stream := make([]float64, rows), mat.NewDense(rows, r.d, nil)
	return &harness.Work{
		Run: func(reps int) (took time.Duration, err error) {
			for range reps {
				for first := 0; first < r.n; first += rows {
					n := min(rows, r.n-first)
					x := stream.Slice(0, n, 0, r.d).(*mat.Dense)
					cases.FillRows(x, first)
					t, err := timed(func() error { return f.LogProb(lp[:n], x) })
					if err != nil {
						return 0, err
					}
					took += t
				}
			}
			return took, nil
		},
		Value: func() (float64, error) {
			x := cases.Rows(0, rows, r.d)
			allocations := func(n int) (float64, error) {
				part := x.Slice(0, n, 0, r.d)
				const calls = 5
				var before, after runtime.MemStats
				for i := range calls + 1 {
					if i == 1 { // the first call may fill pools
						runtime.ReadMemStats(&before)
					}
					if err := f.LogProb(lp[:n], part); err != nil {
						return 0, err
					}
				}
				runtime.ReadMemStats(&after)
				return float64(after.Mallocs-before.Mallocs) / calls, nil
			}
			// What a call allocates once, whatever the number of tiles, cancels.
			many, err := allocations(16 * 1024)
			if err != nil {
				return 0, err
			}
			few, err := allocations(8 * 1024)
			return math.Max(0, many-few) / 8, err
		},
	}, nil
}

// step is a training step of any shape, batch 512.
func step(r request) (*harness.Work, error) {
	f, err := coupled(r)
	if err != nil {
		return nil, err
	}
	x := cases.Rows(0, 4096, r.d)
	return &harness.Work{Run: func(reps int) (time.Duration, error) {
		return timed(func() error {
			_, err := flow.Train(context.Background(), f, x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: reps, Batch: 512, LearningRate: 1e-5})
			return err
		})
	}}, nil
}

// fitting is a fit from scratch of a diagonal flow.
func fitting(x *mat.Dense, blocks, k int) *harness.Work {
	return fits(x, func() (*flow.Flow, error) {
		return flow.FitRBIG(x, flow.RBIGOptions{Blocks: blocks, Components: k})
	})
}

// defaultFit is flow.Fit, which makes all choices by held-out rows.
func defaultFit(x *mat.Dense) *harness.Work {
	return fits(x, func() (*flow.Flow, error) { return flow.Fit(context.Background(), x, flow.FitOptions{}) })
}

// fits is a fit from scratch by the given function; its figure is the mean of log p.
func fits(x *mat.Dense, do func() (*flow.Flow, error)) *harness.Work {
	var f *flow.Flow
	fit := func() (err error) {
		f, err = do()
		return err
	}
	return &harness.Work{
		Run: repeated(fit),
		Value: func() (float64, error) {
			if f == nil {
				if err := fit(); err != nil {
					return 0, err
				}
			}
			n, _ := x.Dims()
			lp := make([]float64, n)
			err := f.LogProb(lp, x)
			return kernels.Sum(lp) / float64(n), err
		},
	}
}

// logProb is log p of the two moons under the coupling flow among the inputs.
func logProb(inputs string) (*harness.Work, error) {
	saved, err := os.ReadFile(filepath.Join(inputs, cases.CoupledFile))
	if err != nil {
		return nil, err
	}
	f, err := flow.Load(bytes.NewReader(saved))
	if err != nil {
		return nil, err
	}
	return scores(f, moons.Standardized()), nil
}

// scoreFit is log p of the rows that the timed fit has seen, under that fit.
func scoreFit() (*harness.Work, error) {
	x := cases.Rows(0, cases.FitRows, cases.FitDim)
	f, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: cases.FitBlocks, Components: 8})
	if err != nil {
		return nil, err
	}
	return scores(f, x), nil
}

// scores is log p of rows.
func scores(f *flow.Flow, x *mat.Dense) *harness.Work {
	n, _ := x.Dims()
	lp := make([]float64, n)
	return &harness.Work{
		Check: func() ([]float64, error) { return lp, f.LogProb(lp, x) },
		Run:   repeated(func() error { return f.LogProb(lp, x) }),
	}
}

// columns is the fit of a mixture to each column of a matrix that needs no rotation; its figure is the mean
// log-likelihood per value.
func columns(inputs string) (*harness.Work, error) {
	data, err := harness.ReadFloats(filepath.Join(inputs, "columns.f64"))
	if err != nil {
		return nil, err
	}
	x := mat.NewDense(cases.FitRows, cases.FitDim, data)
	w := fitting(x, 1, 8)
	w.Value = func() (float64, error) {
		f, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 1, Components: 8})
		if err != nil {
			return 0, err
		}
		var rotated mat.Dense
		rotated.Mul(x, f.Block(0).Rotation().T())
		column, logf, sum := make([]float64, cases.FitRows), make([]float64, cases.FitRows), 0.0
		for j, m := range f.Block(0).Mixtures() {
			mat.Col(column, j, &rotated)
			kernels.MixtureCDF(nil, nil, logf, column, m)
			kernels.Log(logf, logf)
			sum += kernels.Sum(logf)
		}
		return sum / float64(len(data)), nil
	}
	return w, nil
}
