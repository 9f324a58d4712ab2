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

// FitOptions sets up [Fit]. With the zero value Fit chooses everything itself.
type FitOptions struct {
	// Seed of the splits and of the starts. The same rows, options and seed give the
	// same flow, bit for bit.
	Seed uint64

	// MaxComponents is the largest number of components that Fit tries; 128 if zero.
	MaxComponents int

	// Dequantize adds uniform noise as wide as the resolution to the columns whose
	// values repeat, such as rounded ones, before the fit. Without it their resolution
	// bounds the scales of components from below.
	Dequantize bool

	// Progress, if not nil, is called after each candidate. Calls do not overlap.
	Progress func(FitStep)

	// Report, if not nil, receives the candidates and their scores.
	Report *FitReport
}

// A FitStep is one candidate that was fitted and scored.
type FitStep struct {
	Stage      string // "mixture", "column", "mixture of transformed columns", "axis" or "mixture along independent axes"
	Components int
	HeldOut    float64 // mean log-density of the rows held out, in nats
}

// A FitReport tells what [Fit] tried. Scores are mean log-densities of held-out rows,
// in nats and for the units of the data: no density is scored on rows that it was
// fitted to.
type FitReport struct {
	Rows    int
	Splits  int // of the rows into training and held-out rows
	HeldOut int // held-out rows, of all splits together

	Columns []FitColumn
	Tried   []FitCandidate

	Flow     FitScore // with weights chosen without the rows scored
	Gaussian FitScore // one normal distribution
	Mixture  FitScore // the best single Gaussian mixture
	// MixtureComponents is the number of components of Mixture.
	MixtureComponents int
	// OverGaussian and OverMixture are the paired differences Flow - Gaussian and Flow
	// - Mixture.
	OverGaussian, OverMixture FitScore

	// Transformed is true if columns are first mapped by mixtures of their own, and
	// OverPlain is then the paired difference between the flow with these maps and
	// without.
	Transformed bool
	OverPlain   FitScore

	Axes FitAxes

	Components int // of the flow's mixture
}

// A FitScore is a mean over rows and its standard error.
type FitScore struct{ Mean, SE float64 }

// A FitColumn describes a column of the data, as [Fit] and [FitRBIG] see it.
type FitColumn struct {
	Distinct   int     // number of distinct values
	Tied       float64 // share of the rows whose value occurs in other rows, too
	Resolution float64 // distance between neighbouring values, in the units of the data; 0 if less than a tenth of the rows is tied
	Components int     // of the mixture that maps the column first; 0 if there is none
}

// FitAxes is what [Fit] found out about independent axes.
type FitAxes struct {
	Iterations int  // of FastICA; 0 if the rows are fewer than the squared columns
	Converged  bool // if not, there are no such axes
	Unlike     int  // axes that not every split has, and that were left as they are
	// Turned is true if the flow turns columns to the axes first and takes each through
	// a mixture of its own.
	Turned bool
	// Over is the paired difference of that from the flow without; where the axes score
	// clearly below that by themselves, of them.
	Over       FitScore
	Components []int // of each axis's mixture, 0 if it has none; nil unless Turned
}

// A FitCandidate is a Gaussian mixture that was fitted to every split.
type FitCandidate struct {
	Stage      string
	Prior      string // on the covariances, and the start of EM
	Components int
	Inflation  float64 // factor of the covariances
	Score      FitScore
	Share      float64 // its weight in the flow's mixture; 0 if it was left out
	Iterations int     // of EM, the largest number over the splits
	Converged  int     // splits on which EM converged
}

// Fit fits a flow to the rows of x, and makes every choice by held-out rows. Its aim
// is that, on unseen rows, the flow is no worse than the best of a Gaussian, Gaussian
// mixtures and a kernel density estimate.
//
// Fit splits the rows into training and held-out rows ten times (five times from 1,000
// rows on, once from 10,000 on). To the training rows of each split it fits Gaussian
// mixtures with full covariances, of increasing numbers of components and under several
// priors, and it combines them with the weights that maximize the log-density of the
// held-out rows (stacked density estimation, Smyth and Wolpert 1999). The factors by
// which covariances are inflated are chosen in the same way. The flow's density is the
// mixture of all splits' fits with those weights, after similar components have been
// merged: at every row its log-density is at least the mean over the splits, up to the
// effect of merging. Rosenblatt's transform of that mixture is the flow. If held-out
// rows prefer it, columns are first mapped by mixtures of their own; or they are rotated
// to independent axes, if FastICA (Hyvärinen 1999) finds such, and the coordinates along
// these axes are mapped by mixtures of their own.
//
// No component can become singular, however few the rows: each covariance is shrunk
// towards one of many rows, and no component is narrower than a thousandth of a column's
// standard deviation, nor than δ/√12 in a column whose values repeat and are δ apart.
// The Gaussian of all rows has a weight of 1/1000, so that no row, however far out,
// scores much below it. If the farthest row lies farther out than the farthest of as
// many normal rows would, inflated copies of that Gaussian with a total weight of
// 1/(n+1) reach it and beyond; the wider, the smaller their weights, by the tail index
// of the farthest rows (Hill 1975). A mixture that maps a column has only one such
// component, and no wider than half the distance of the farthest value.
//
// Outliers do not decide the fit of the other rows: where they dominate the standard
// deviation of a column, it is standardized by median and quartiles; a row contributes
// at most log(n+1) nats to any choice; and rows that lie more than a million times a
// column's spread from its median are set aside, if they are at most a tenth of all
// rows. These get a Gaussian of their own, weighted by their share and as wide as they
// are far out.
//
// The flow does not depend on the order of the rows, nor on factors of the columns that
// are powers of two. Other changes of units, and the order of the columns, change it by
// rounding alone, which EM may amplify. The flow has one block: a scale layer that
// standardizes the columns; with independent axes, also a rotation to the principal
// axes, a scale layer and another rotation; the mixtures, if there are any; and the
// transform. [Flow.Couple] leaves that block as it is and appends others.
//
// Fit returns an error if x has fewer than four rows or no column, if an element is
// not finite or beyond 1e50, if a column is constant, or if two columns depend on each
// other linearly. If ctx is done, the error wraps that of ctx.
func Fit(ctx context.Context, x mat.Matrix, o FitOptions) (*Flow, error) {
	return fitLike(ctx, x, o, nil)
}

// fitLike is Fit, in the given form unless that is nil.
func fitLike(ctx context.Context, x mat.Matrix, o FitOptions, form *fit.Form) (*Flow, error) {
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
	r, err := fit.Run(ctx, data.Matrix(), fit.Options{Seed: o.Seed, MaxComponents: o.MaxComponents, Dequantize: o.Dequantize, Form: form, Progress: progress})
	if err != nil {
		return nil, fmt.Errorf("flow: %s: %w", what, err)
	}
	b := block{layer.NewScale(r.Shift, r.Scale)}
	if a := r.Axes; a != nil {
		b = append(b, layer.NewRotation(data.D, a.Principal), layer.NewScale(a.Shift, a.Scale), layer.NewRotation(data.D, a.Rotation))
	}
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

// form returns what a fit to other rows has to share with the block that Fit made. A
// model file may hold anything before the transform: what Fit would not write has no axes.
func (f *Flow) form() *fit.Form {
	b := f.block(0)
	if len(b) < 5 {
		return &fit.Form{}
	}
	var values [3][]float64
	for i, kind := range []string{"rotation", "scale", "rotation"} {
		m := b[1+i].Describe()
		t, ok := m.Tensor(kind) // both kinds name their tensor as themselves
		if m.Kind != kind || !ok {
			return &fit.Form{}
		}
		values[i] = t.Values
	}
	return &fit.Form{Axes: &fit.Axes{Principal: values[0], Scale: values[1], Rotation: values[2]}}
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
		Axes: FitAxes{r.Axes.Iterations, r.Axes.Converged, r.Axes.Unlike, r.Axes.Turned, FitScore(r.Axes.Over), r.Axes.Components},
	}
	for _, c := range r.Columns {
		out.Columns = append(out.Columns, FitColumn(c))
	}
	for _, t := range r.Tried {
		out.Tried = append(out.Tried, FitCandidate{t.Stage, t.Family, t.Components, t.Inflation, FitScore(t.Score), t.Share, t.Iterations, t.Converged})
	}
	return out
}
