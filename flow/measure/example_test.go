package measure_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/measure"
)

// chain draws rows of three columns: a, b = a + noise, c = b + noise. Given b, a says nothing of c.
func chain(n int) *mat.Dense {
	rng := rand.New(rand.NewPCG(1, 2))
	x := mat.NewDense(n, 3, nil)
	for i := range n {
		a := rng.NormFloat64()
		b := a + rng.NormFloat64()
		x.SetRow(i, []float64{a, b, b + rng.NormFloat64()})
	}
	return x
}

// quick keeps the examples short; the zero Options are the sensible ones.
var quick = measure.Options{MaxComponents: 2, Folds: 2}

func show(what string, e measure.Estimate, err error, truth float64) {
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %.1f nats, truth %.1f, inside the interval: %t\n", what, e.Nats, truth, e.Low <= truth && truth <= e.High)
}

func ExampleEntropy() {
	// Each column adds one normal noise of variance 1 to the one before.
	e, err := measure.Entropy(context.Background(), chain(1000), quick)
	show("entropy", e, err, 1.5*math.Log(2*math.Pi*math.E))
	// Output: entropy: 4.2 nats, truth 4.3, inside the interval: true
}

func ExampleNegentropy() {
	e, err := measure.Negentropy(context.Background(), chain(1000), quick)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("negentropy of normal columns below 0.02 nats: %t\n", math.Abs(e.Nats) < 0.02)
	// Output: negentropy of normal columns below 0.02 nats: true
}

func ExampleTotalCorrelation() {
	e, err := measure.TotalCorrelation(context.Background(), chain(1000), quick)
	show("total correlation", e, err, math.Log(6)/2)
	// Output: total correlation: 1.0 nats, truth 0.9, inside the interval: true
}

func ExampleDualTotalCorrelation() {
	// H(a, b, c) less the entropies of each given the others, whose variances are 1/2, 1/2 and 1.
	e, err := measure.DualTotalCorrelation(context.Background(), chain(1000), quick)
	show("dual total correlation", e, err, math.Log(4)/2)
	// Output: dual total correlation: 0.7 nats, truth 0.7, inside the interval: true
}

func ExampleMutualInformation() {
	// Of the first column and the two others.
	e, err := measure.MutualInformation(context.Background(), chain(1000), []int{0}, []int{1, 2}, quick)
	show("mutual information", e, err, math.Log(2)/2)
	if err == nil {
		fmt.Printf("in bits: %.1f\n", e.Bits().Nats)
	}
	// Output:
	// mutual information: 0.4 nats, truth 0.3, inside the interval: true
	// in bits: 0.6
}

func ExampleConditionalMutualInformation() {
	e, err := measure.ConditionalMutualInformation(context.Background(), chain(1000), []int{0}, []int{2}, []int{1}, quick)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("0 is in the interval: %t\n", e.Low <= 0 && 0 <= e.High)
	// Output: 0 is in the interval: true
}

func ExamplePairwiseMutualInformation() {
	pairs, err := measure.PairwiseMutualInformation(context.Background(), chain(1000), quick)
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range pairs {
		fmt.Printf("%.1f %.1f %.1f\n", row[0].Nats, row[1].Nats, row[2].Nats)
	}
	// Output:
	// 0.0 0.4 0.3
	// 0.4 0.0 0.6
	// 0.3 0.6 0.0
}

func ExampleDivergence() {
	x := chain(1000)
	y := mat.DenseCopyOf(x) // 1 further along in each column
	y.Apply(func(_, _ int, v float64) float64 { return v + 1 }, y)
	d, err := measure.Divergence(context.Background(), x, y, quick)
	show("divergence", d.PQ, err, 0.5)
	show("the other way", d.QP, err, 0.5)
	fmt.Printf("Jensen-Shannon: %.1f nats, at most %.1f\n", d.JS.Nats, math.Log(2))
	// Output:
	// divergence: 0.5 nats, truth 0.5, inside the interval: true
	// the other way: 0.5 nats, truth 0.5, inside the interval: true
	// Jensen-Shannon: 0.1 nats, at most 0.7
}

// What is infinite is an error: here a column is the exponential of another.
func ExampleEstimate() {
	x := chain(1000)
	for i := range 1000 {
		x.Set(i, 2, math.Exp(x.At(i, 0)))
	}
	_, err := measure.TotalCorrelation(context.Background(), x, quick)
	fmt.Println(errors.Is(err, measure.ErrDependent))
	// Output: true
}
