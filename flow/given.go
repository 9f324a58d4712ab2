package flow

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"
)

// GivenOptions sets up [FitGiven]. The zero value is a sensible default.
type GivenOptions struct {
	// Context is how many columns of x, the last ones, are given; 1 if zero.
	Context int
	// Blocks of couplings, in dimensions above 1; 4 if zero.
	Blocks int
	// Conditioner of every layer; 5 components if zero. It starts warm, whatever Start says.
	Conditioner Conditioner
	// Train says how the flow is trained. Where it is zero: 2,000 steps of 256 rows at a
	// peak rate of 2e-3, and 15 % of the rows held out to validate with every 50 steps.
	Train TrainOptions
	// Seed of the conditioners; that of the minibatches is Train's.
	Seed uint64
}

// FitGiven fits a conditional density p(y | c): the columns of x are those of y and then
// those that are given. The flow standardises y, maps every coordinate by a mixture whose
// parameters a network computes from c, and, if y has more than one, goes on with blocks of a
// rotation and a mixture coupling that sees c too. It is trained as [Train] does it; if ctx
// is done the flow comes back as far as it got, along with the error.
//
// Score with LogProb, and sample with Sample, whose matrix holds what is given: see
// [Flow.Context].
func FitGiven(ctx context.Context, x mat.Matrix, o GivenOptions) (*Flow, error) {
	const what = "FitGiven"
	if o.Context == 0 {
		o.Context = 1
	}
	if o.Blocks == 0 {
		o.Blocks = 4
	}
	if o.Blocks < 0 {
		return nil, fmt.Errorf("flow: %s: Blocks is %d; it must be positive, or 0 for the default", what, o.Blocks)
	}
	if o.Conditioner.Components == 0 {
		o.Conditioner.Components = 5
	}
	o.Conditioner.Start = Warm
	stack := [][]Spec{{Standardize(), MixtureGiven(o.Conditioner)}}
	if x != nil {
		if _, columns := x.Dims(); columns-o.Context > 1 {
			stack = append(stack, Repeat(o.Blocks, PCA(), MixtureCoupling(o.Conditioner))...)
		}
	}
	f, err := newStack(ctx, x, StackOptions{Context: o.Context, Seed: o.Seed}, stack)
	if err != nil {
		return nil, fmt.Errorf("flow: %s: %w", what, err)
	}
	t := &o.Train
	if t.Steps == 0 {
		t.Steps = 2000
	}
	if t.Batch == 0 {
		t.Batch = 256
	}
	if t.LearningRate == 0 {
		t.LearningRate = 2e-3
	}
	if t.ValidationFraction == 0 && t.Validation == nil {
		t.ValidationFraction = 0.15
		if t.ValidateEvery == 0 {
			t.ValidateEvery = 50
		}
	}
	if _, err := Train(ctx, f, x, *t); err != nil {
		return f, err
	}
	return f, nil
}
