package flow

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/fit"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// FitOptions says how [Fit] fits. The zero value chooses everything by itself.
type FitOptions struct {
	// Seed of the splits and of the starts. The same rows, options and seed give the
	// same flow, bit for bit.
	Seed uint64

	// MaxComponents is the most components of a mixture that is tried; 128 if zero.
	MaxComponents int

	// Dequantize adds uniform noise as wide as the resolution to the columns whose
	// values repeat, such as rounded ones, before the fit. Without it their resolution
	// bounds the scales of components from below.
	Dequantize bool

	// Progress, if not nil, is told of each candidate. Calls do not overlap.
	Progress func(FitStep)

	// Report, if not nil, receives what was tried and what became of it.
	Report *FitReport
}

// A FitStep is one candidate that was fitted and scored.
type FitStep struct {
	Stage      string // "mixture", "column" or "mixture of transformed columns"
	Components int
	HeldOut    float64 // mean log-density of the rows held out, in nats
}

// A FitReport tells what [Fit] tried. Scores are mean log-densities, in nats, of rows
// that what is scored was not fitted to, and in the units of the data.
type FitReport struct {
	Rows    int
	Splits  int // into rows to fit to and rows to judge by
	HeldOut int // rows of all splits to judge by

	Columns []FitColumn
	Tried   []FitCandidate

	Flow     FitScore // by weights that did not see the rows either
	Gaussian FitScore // one normal distribution
	Mixture  FitScore // the best single Gaussian mixture
	// MixtureComponents is how many that one has.
	MixtureComponents int
	// OverGaussian and OverMixture are the paired differences of the flow from the two.
	OverGaussian, OverMixture FitScore

	// Transformed is true if columns go through mixtures of their own first, and
	// OverPlain the paired difference of that from the flow without.
	Transformed bool
	OverPlain   FitScore

	Components int // of the mixture that the flow ended up with
}

// A FitScore is a mean over rows and its standard error.
type FitScore struct{ Mean, SE float64 }

// A FitColumn is what [Fit] found out about a column.
type FitColumn struct {
	Distinct   int     // values that differ
	Tied       float64 // share of the rows whose value other rows have, too
	Resolution float64 // distance between neighbouring values, in the units of the data; 0 if less than a tenth of the rows is tied
	Components int     // of the mixture that it goes through first; 0 if it does not
}

// A FitCandidate is a Gaussian mixture that was fitted to every split.
type FitCandidate struct {
	Stage      string
	Prior      string // on the covariances, and where EM started
	Components int
	Inflation  float64 // factor of the covariances
	Score      FitScore
	Share      float64 // its weight in the flow's mixture; 0 if it was left out
	Iterations int     // of EM, the most of any split
	Converged  int     // splits on which EM converged
}

// Fit fits a flow to the rows of x, and chooses all that there is to choose by rows
// held out: what it returns is to be no worse on unseen rows than the best of a
// Gaussian, Gaussian mixtures and a kernel density estimate.
//
// It fits Gaussian mixtures with full covariances, of more and more components and
// under several priors, to the rows left of each of ten splits (five from 1,000 rows
// on, one from 10,000 on), and combines them with the weights that the rows held out
// like best (stacked density estimation, Smyth and Wolpert 1999); so it chooses the
// factors by which covariances are inflated. The flow is the mixture of all splits'
// fits with those weights, after components that are alike are merged: at every row
// its log-density is at least the mean of the splits', to what merging costs.
// Rosenblatt's transform makes a flow of it whose density it is. If rows held out
// prefer that, columns go through mixtures of their own first.
//
// No component can become singular, with however few rows: each covariance is drawn
// to one of many rows, and no component is narrower than a thousandth of a column's
// standard deviation, nor than δ/√12 for a column whose values repeat and are δ apart.
// A share of 1/1000 has the Gaussian of all rows, so that no row, however far out,
// scores much below that. Where the farthest row is farther out than the farthest of
// as many normal ones, a share of 1/(n+1) goes to that Gaussian inflated to reach it
// and beyond, by a tail index that the farthest rows have, so that tails are as wide
// as they say.
//
// Rows far out do not decide about the others: where they make up the standard
// deviation of a column, median and quartiles standardize it; in a choice a row counts
// log(n+1) nats at most; and rows more than a million times a column's spread from its
// median, if they are no more than a tenth of all, are set aside. They get a Gaussian
// of their own with their share, as wide as they are far.
//
// The flow does not depend on the order of the rows, nor on powers of two by which
// columns are multiplied; on other units and on the order of columns no more than by
// rounding, which EM may amplify. It has one block: a scale layer that standardizes
// the columns, their mixtures if they have some, and the transform. [Flow.Couple]
// leaves it as it is and appends blocks.
//
// It is an error if x has fewer than four rows or no column, if an element is not
// finite or beyond 1e50, if a column is constant, or if two columns depend on each
// other linearly. If ctx is done the error wraps that of ctx.
func Fit(ctx context.Context, x mat.Matrix, o FitOptions) (*Flow, error) {
	const what = "Fit"
	if _, err := kernels.Active(); err != nil {
		return nil, fmt.Errorf("flow: %s: %w", what, err)
	}
	if o.MaxComponents < 0 {
		return nil, fmt.Errorf("flow: %s: MaxComponents is %d; it must be positive, or 0 for the default", what, o.MaxComponents)
	}
	data, err := tile.ReadAll(x)
	if err != nil {
		return nil, wrap(what, err, nil)
	}
	var progress func(fit.Step)
	if o.Progress != nil {
		progress = func(s fit.Step) { o.Progress(FitStep(s)) }
	}
	r, err := fit.Run(ctx, data.Matrix(), fit.Options{Seed: o.Seed, MaxComponents: o.MaxComponents, Dequantize: o.Dequantize, Progress: progress})
	if err != nil {
		return nil, fmt.Errorf("flow: %s: %w", what, err)
	}
	b := block{layer.NewScale(r.Shift, r.Scale)}
	if r.Columns != nil {
		b = append(b, layer.NewMixtures(r.Columns, boundFor(r.Columns)))
	}
	b = append(b, layer.NewRosenblatt(data.D, r.Opening.Weight, r.Opening.Mean, r.Opening.Chol,
		layer.Fitted{MaxComponents: o.MaxComponents, Dequantized: o.Dequantize}))
	f := newFlow(data.D, []block{b})
	f.quantiles = quantilesOf(r.Typical)
	if o.Report != nil {
		*o.Report = newFitReport(&r.Report)
	}
	return f, nil
}

// boundFor returns a bound on |log σ| that the scales of m fit in.
func boundFor(m []kernels.Mixture) float64 {
	most := 0.0
	for _, c := range m {
		logs := make([]float64, len(c.Scale))
		kernels.Log(logs, c.Scale)
		for _, l := range logs {
			most = max(most, math.Abs(l))
		}
	}
	return layer.ScaleBound(most)
}

// quantilesOf returns the quantiles of sorted numbers that a flow carries.
func quantilesOf(sorted []float64) []float64 {
	q := make([]float64, numQuantiles)
	for i := range q {
		at := float64(float64(i) / (numQuantiles - 1) * float64(len(sorted)-1))
		j := min(int(at), len(sorted)-2)
		q[i] = sorted[j] + float64((at-float64(j))*(sorted[j+1]-sorted[j]))
	}
	return q
}

func newFitReport(r *fit.Report) FitReport {
	out := FitReport{
		Rows: r.Rows, Splits: r.Splits, HeldOut: r.HeldOut,
		Flow: FitScore(r.Score), Gaussian: FitScore(r.Gaussian), Mixture: FitScore(r.Mixture), MixtureComponents: r.MixtureComponents,
		OverGaussian: FitScore(r.OverGaussian), OverMixture: FitScore(r.OverMixture),
		Transformed: r.Transformed, OverPlain: FitScore(r.OverPlain), Components: r.Components,
	}
	for _, c := range r.Columns {
		out.Columns = append(out.Columns, FitColumn(c))
	}
	for _, t := range r.Tried {
		out.Tried = append(out.Tried, FitCandidate{t.Stage, t.Family, t.Components, t.Inflation, FitScore(t.Score), t.Share, t.Iterations, t.Converged})
	}
	return out
}
