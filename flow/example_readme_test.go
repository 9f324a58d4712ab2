package flow_test

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/flow"
)

// The first program of the README; a test of the command keeps the two the same.
func Example() {
	// A banana: 2,000 points about a parabola, one per row.
	rng := rand.New(rand.NewPCG(1, 2))
	x := mat.NewDense(2000, 2, nil)
	for i := range 2000 {
		u := rng.NormFloat64()
		v := u*u + 0.5*rng.NormFloat64()
		x.SetRow(i, []float64{u, v})
	}

	// The diagonal flow is fitted, block by block, without a gradient.
	diagonal, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 4, Components: 6})
	if err != nil {
		log.Fatal(err)
	}
	// The coupling flow starts as the same function and is then trained.
	coupling, err := diagonal.Couple(flow.CouplingOptions{Width: 32})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := flow.Train(context.Background(), coupling, x, flow.TrainOptions{}); err != nil {
		log.Fatal(err)
	}

	logProb := make([]float64, 2000)
	for _, f := range []*flow.Flow{diagonal, coupling} {
		if err := f.LogProb(logProb, x); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d parameters: %.1f nats per point\n", f.NumParams(), stat.Mean(logProb, nil))
	}

	sample := mat.NewDense(10000, 2, nil)
	if err := coupling.Sample(sample, rand.NewPCG(3, 4)); err != nil {
		log.Fatal(err)
	}
	spread := func(m mat.Matrix) float64 { return stat.StdDev(mat.Col(nil, 0, m), nil) }
	fmt.Printf("spread of u: %.1f in the data, %.1f in the sample\n", spread(x), spread(sample))

	// Output:
	// 164 parameters: -2.3 nats per point
	// 13876 parameters: -2.1 nats per point
	// spread of u: 1.0 in the data, 1.0 in the sample
}
