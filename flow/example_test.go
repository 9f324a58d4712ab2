package flow_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distmv"

	"github.com/gaussflow/gaussflow/flow"
)

// banana is n points about a parabola.
func banana(n int) *mat.Dense {
	rng := rand.New(rand.NewPCG(1, 2))
	x := mat.NewDense(n, 2, nil)
	for i := range n {
		u := rng.NormFloat64()
		x.SetRow(i, []float64{u, u*u + 0.5*rng.NormFloat64()})
	}
	return x
}

// A fitted flow takes data to standard normals and back.
func ExampleFlow_Forward() {
	x := banana(2000)
	f, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 4})
	if err != nil {
		log.Fatal(err)
	}
	var z, back mat.Dense // sized by the flow
	logDet := make([]float64, 2000)
	if err := f.Forward(&z, logDet, x); err != nil {
		log.Fatal(err)
	}
	if err := f.Inverse(&back, nil, &z); err != nil {
		log.Fatal(err)
	}
	for j := range 2 {
		column := mat.Col(nil, j, &z)
		fmt.Printf("z%d has spread %.2f\n", j, stat.StdDev(column, nil))
	}
	fmt.Println("and back:", mat.EqualApprox(&back, x, 1e-9))
	// Output:
	// z0 has spread 1.00
	// z1 has spread 1.00
	// and back: true
}

// The coupling flow starts as the diagonal one, to the last bit.
func ExampleFlow_Couple() {
	x := banana(2000)
	diagonal, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 4})
	if err != nil {
		log.Fatal(err)
	}
	coupling, err := diagonal.Couple(flow.CouplingOptions{})
	if err != nil {
		log.Fatal(err)
	}
	a, b := make([]float64, 2000), make([]float64, 2000)
	if err := errors.Join(diagonal.LogProb(a, x), coupling.LogProb(b, x)); err != nil {
		log.Fatal(err)
	}
	equal := true
	for i := range a {
		equal = equal && math.Float64bits(a[i]) == math.Float64bits(b[i])
	}
	fmt.Println(diagonal)
	fmt.Println(coupling)
	fmt.Println("equal:", equal)
	// Output:
	// diagonal flow, dimension 2, 4 blocks, 212 parameters
	// coupling flow, dimension 2, 4 blocks, 46996 parameters
	// equal: true
}

// Training can be watched, and stopped at any time: the flow keeps what it has
// learnt.
func ExampleTrain() {
	x := banana(2000)
	diagonal, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 2})
	if err != nil {
		log.Fatal(err)
	}
	f, err := diagonal.Couple(flow.CouplingOptions{Width: 16})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	history, err := flow.Train(ctx, f, x, flow.TrainOptions{
		Schedule:     flow.OneCycle,
		Steps:        100,
		LearningRate: 5e-3,
		Progress: func(s flow.Step) {
			if s.Step == 80 { // or when the user has had enough
				cancel()
			}
		},
	})
	fmt.Println(err, errors.Is(err, context.Canceled))
	first, last := history.Steps[0], history.Steps[len(history.Steps)-1]
	fmt.Printf("%d steps, better: %v\n", len(history.Steps), last.Loss < first.Loss)
	// Output:
	// flow: Train: stopped after 80 of 100 steps: context canceled true
	// 80 steps, better: true
}

// A seed makes a sample repeatable.
func ExampleFlow_Sample() {
	f, err := flow.FitRBIG(banana(2000), flow.RBIGOptions{Blocks: 4})
	if err != nil {
		log.Fatal(err)
	}
	a, b := mat.NewDense(5, 2, nil), mat.NewDense(5, 2, nil)
	if err := errors.Join(f.Sample(a, rand.NewPCG(7, 0)), f.Sample(b, rand.NewPCG(7, 0))); err != nil {
		log.Fatal(err)
	}
	fmt.Println(mat.Equal(a, b))
	// Output: true
}

// Block by block, the data becomes normal.
func ExampleFlow_Block() {
	x := banana(2000)
	f, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 3})
	if err != nil {
		log.Fatal(err)
	}
	z := mat.DenseCopyOf(x)
	for i := range f.Blocks() {
		b := f.Block(i)
		if err := b.Forward(z, nil, z); err != nil {
			log.Fatal(err)
		}
		r := b.Rotation()
		fmt.Printf("block %d: turned by %.0f°, %d components for each of %d coordinates\n",
			i, math.Atan2(r.At(0, 1), r.At(0, 0))*180/math.Pi, len(b.Mixtures()[0].Mean), len(b.Mixtures()))
	}
	var want mat.Dense
	if err := f.Forward(&want, nil, x); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the whole flow:", mat.Equal(z, &want))
	// Output:
	// block 0: turned by 89°, 8 components for each of 2 coordinates
	// block 1: turned by 46°, 8 components for each of 2 coordinates
	// block 2: turned by 45°, 8 components for each of 2 coordinates
	// the whole flow: true
}

// A flow serves wherever gonum wants a distribution.
func ExampleFlow_Distribution() {
	f, err := flow.FitRBIG(banana(2000), flow.RBIGOptions{Blocks: 4})
	if err != nil {
		log.Fatal(err)
	}
	var d distmv.RandLogProber = f.Distribution(rand.NewPCG(1, 0))
	fmt.Println(d.LogProb([]float64{1, 1}) > d.LogProb([]float64{1, -1}))
	fmt.Println(len(d.Rand(nil)))
	// Output:
	// true
	// 2
}

// A flow is saved and loaded to the last bit.
func ExampleLoad() {
	f, err := flow.FitRBIG(banana(2000), flow.RBIGOptions{Blocks: 4})
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if err := f.Save(&file); err != nil {
		log.Fatal(err)
	}
	fmt.Println(file.Len(), "bytes")
	g, err := flow.Load(&file)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(g)
	// Output:
	// 5368 bytes
	// diagonal flow, dimension 2, 4 blocks, 212 parameters
}

// Rows held out tell when to stop, and which parameters to keep.
func ExampleTrain_validation() {
	x := banana(300)
	diagonal, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 2, Components: 4})
	if err != nil {
		log.Fatal(err)
	}
	f, err := diagonal.Couple(flow.CouplingOptions{})
	if err != nil {
		log.Fatal(err)
	}
	history, err := flow.Train(context.Background(), f, x, flow.TrainOptions{
		Schedule:           flow.OneCycle,
		Steps:              2000,
		Batch:              128,
		LearningRate:       1e-2,
		ValidationFraction: 0.2,
		Patience:           3,
	})
	if err != nil {
		log.Fatal(err)
	}
	best := slices.MinFunc(history.Validations, func(a, b flow.Validation) int { return cmp.Compare(a.Loss, b.Loss) })
	fmt.Println("stopped early:", history.StoppedEarly)
	fmt.Println("kept the best:", history.Kept == best.Step)
	// Output:
	// stopped early: true
	// kept the best: true
}

// A run is stopped, saved, and resumed where it was, by the same program or another
// one.
func ExampleTrainer() {
	x := banana(2000)
	diagonal, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 2})
	if err != nil {
		log.Fatal(err)
	}
	f, err := diagonal.Couple(flow.CouplingOptions{Width: 16})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background()) // or signal.NotifyContext
	t, err := flow.NewTrainer(f, x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: 20, Progress: func(s flow.Step) {
		if s.Step == 12 {
			stop()
		}
	}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(t.Run(ctx))
	var file bytes.Buffer
	if err := t.Save(&file); err != nil {
		log.Fatal(err)
	}

	t, err = flow.LoadTrainer(&file, x, flow.TrainOptions{Schedule: flow.OneCycle})
	if err != nil {
		log.Fatal(err)
	}
	if err := t.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(t.History().Steps), "steps:", t.Flow())
	// Output:
	// flow: Train: stopped after 12 of 20 steps: context canceled
	// 20 steps: coupling flow, dimension 2, 2 blocks, 2956 parameters
}

// Rows need not fit in memory: they come and go in blocks.
func ExampleFlow_LogProbSeq() {
	f, err := flow.FitRBIG(banana(2000), flow.RBIGOptions{Blocks: 2})
	if err != nil {
		log.Fatal(err)
	}
	file := strings.NewReader("0.1,0.3\n-1,1.5\n2,4\n0,oops\n")
	blocks := func(yield func(*mat.Dense, error) bool) {
		r := csv.NewReader(file)
		block := mat.NewDense(1, 2, nil) // thousands of rows, in earnest
		for {
			record, err := r.Read()
			if err == io.EOF {
				return
			}
			for j, field := range record {
				var v float64
				if err == nil {
					v, err = strconv.ParseFloat(field, 64)
				}
				block.Set(0, j, v)
			}
			if !yield(block, err) {
				return
			}
		}
	}
	rows := 0
	for logProb, err := range f.LogProbSeq(context.Background(), blocks) {
		if err != nil {
			fmt.Println(err)
			break
		}
		rows += len(logProb)
	}
	fmt.Println(rows, "rows")
	// Output:
	// flow: LogProbSeq: the input from row 3 on: strconv.ParseFloat: parsing "oops": invalid syntax
	// 3 rows
}
