package flow

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

// GivenOptions sets up [FitGiven]. The zero value is a sensible default.
type GivenOptions struct {
	// Context is the number of conditioning columns, the last ones of x; 1 if zero.
	Context int
	// Blocks is the number of coupling blocks if y has more than one column; 4 if zero.
	Blocks int
	// Conditioner describes the conditioner of every layer; Components is 5 if zero. Start
	// is ignored: conditioners start [Warm].
	Conditioner Conditioner
	// Train sets up the training. Its zero fields mean 2,000 steps of 256 rows at a peak
	// rate of 2e-3, with 15 % of the rows held out for a validation every 50 steps.
	Train TrainOptions
	// Seed of the conditioners; that of the minibatches is Train's.
	Seed uint64
}

// FitGiven fits a conditional density p(y | c): the columns of x are those of y, followed by
// the conditioning columns c. The flow standardises y and maps every coordinate by a mixture
// whose parameters a network computes from c. If y has more than one column, blocks of a
// rotation and a mixture coupling follow, whose networks read c too. [Train] trains the flow;
// if ctx is done, FitGiven returns the flow trained so far along with the error.
//
// The matrices of [Flow.LogProb] and [Flow.Sample] hold the conditioning columns as well: see
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
		if column := checkTargets(x, o); column != nil {
			err = column
		}
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

// checkTargets reports the first column of y that no mixture can be fitted to, which the stack
// knows by its place in a layer alone.
func checkTargets(x mat.Matrix, o GivenOptions) error {
	if x == nil {
		return nil
	}
	n, d := x.Dims()
	for j := range d - o.Context {
		column := make([]float64, n)
		for i := range column {
			column[i] = x.At(i, j)
		}
		if n == 0 || !tile.Finite(column) {
			return nil // the stack names the row
		}
		c, err := checkColumn(column, j)
		if err != nil {
			return err
		}
		if c.Distinct < o.Conditioner.Components {
			return tooFew(j, c.Distinct, o.Conditioner.Components, "spread its values by noise")
		}
	}
	return nil
}
