package flow

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// A Schedule determines the learning rate of each step and the end of a run.
type Schedule uint8

const (
	// Plateau trains until the loss on the held-out rows no longer falls. The rate rises
	// to LearningRate over 20 steps. After Patience successive validations without a
	// lower loss, Plateau restores the best parameters, resets Adam's moments, and
	// continues with a third of the rate and half the noise; the fifth time, the run
	// ends. The parameters that are validated and kept are averages over some 100 steps.
	// The flow keeps its initial parameters unless the best ones improve the loss on the
	// held-out rows significantly: one-sided at 5 %, with Bonferroni's correction for the
	// validations that they were chosen from.
	Plateau Schedule = iota
	// OneCycle takes all steps: the rate rises along a cosine from LearningRate/25 to
	// LearningRate over the first 30 % of the steps, and falls along another to
	// LearningRate/250,000 (Smith and Topin 2019). Without validation the flow keeps the
	// last parameters.
	OneCycle
)

// TrainOptions sets up [Train]. The zero value is the sensible default.
type TrainOptions struct {
	// Schedule of the learning rate. Where two defaults are given below, the first is
	// that of Plateau and the second that of OneCycle.
	Schedule Schedule
	// Steps is the number of minibatches, with Plateau the largest number; 3000 or 600 if
	// zero.
	Steps int
	// Batch is the number of rows per minibatch, drawn with replacement; 256 (but no more
	// than there are rows) or 512 if zero.
	Batch int
	// LearningRate is the largest rate; 1e-3 or 5e-4 if zero.
	LearningRate float64
	// ClipNorm scales longer gradients down to this Euclidean norm; 1 if zero,
	// +Inf for no clipping.
	ClipNorm float64
	// Seed of the minibatches, and of the rows that ValidationFraction holds out.
	Seed uint64

	// Noise is the standard deviation of normal noise that is added to the rows of each
	// minibatch, along their principal axes and in units of the standard deviation along
	// each axis. The noisy rows are shrunk towards their mean, so that their covariance
	// stays the same. Noise keeps a flow of many parameters from overfitting few rows. If
	// zero, Plateau uses h·min(h, ½), where h = (4/(d+2))^(1/(d+4))·n^(-1/(d+4)) is
	// Silverman's bandwidth, and OneCycle none. Negative means none.
	Noise float64

	// ValidationFraction is the share of the rows of x that are held out. The validation
	// loss is computed from them, and the flow keeps the parameters with the lowest one.
	// If zero, and Validation is nil, Plateau holds out 0.15 of the rows, or 30 rows (but
	// no more than a third) if that is more; OneCycle does not validate.
	ValidationFraction float64
	// Validation holds other rows to validate with. They must not change during training.
	Validation mat.Matrix
	// ValidateEvery is the number of steps from one validation to the next; 20 if zero.
	// There is also a validation before the first step and one after the last.
	ValidateEvery int
	// Patience is the number of successive validations without a lower loss after which
	// Plateau restores the best parameters (8 if zero) and OneCycle stops (if zero, it
	// never stops early).
	Patience int

	// Progress, if not nil, is called after every step on the goroutine of Train.
	Progress func(Step)
}

// A Step records one step of training.
type Step struct {
	Step         int     // from 1
	Loss         float64 // mean -log p of the minibatch before the step, in nats
	LearningRate float64
	GradNorm     float64 // Euclidean norm of the gradient before clipping
}

// A Validation is the loss on the held-out rows after a number of steps.
type Validation struct {
	Step int
	Loss float64 // mean -log p, in nats; +Inf if a row leaves the range of float64
}

// A History is the record of a training run.
type History struct {
	Steps       []Step       // in order
	Validations []Validation // in order, the first at step 0; empty without validation
	// Kept is the number of steps after which the flow had the parameters that it keeps:
	// the best by validation, or the last. It is 0 if Plateau kept the initial ones.
	Kept int
	// Gain is the improvement of the best parameters over the initial ones, in nats per
	// held-out row, and GainSE is its standard error. Both are 0 with OneCycle. For
	// couplings behind [Fit], losses and Gain are those of the couplings behind a fit that
	// has not seen the held-out rows.
	Gain, GainSE float64
	// StoppedEarly is true if Patience ended the run before its last step.
	StoppedEarly bool
}

// Train maximizes the mean log-density of the rows of x over the parameters of f: Adam (Kingma
// and Ba 2015; 0.9, 0.999, 1e-8) on the exact gradient of minibatches. Fixed rotations and the
// base are not trained. Neither is the block that [Fit] made, if couplings follow it; a flow
// that consists of this block alone is trained. While Train runs, x must not change and f must
// not be used.
//
// Fit has seen all rows, so the rows that training holds out score better behind it than
// unseen rows would. If couplings follow such a block and Plateau holds rows out itself, Train
// therefore calls Fit once more, without the held-out rows, and trains and validates the
// couplings behind that second fit. f keeps the trained couplings if they improve the held-out
// loss behind both fits. The second fit takes as long as the first. If the remaining rows are
// too few to be fitted, Train uses f's own block, and then keeps the initial couplings more
// often.
//
// The result depends only on the data, the options and the flow, not on the number of
// goroutines (GOMAXPROCS).
//
// If ctx is done, Train stops, if need be in the middle of a minibatch or of a validation: f
// has the parameters after the last complete step, or with validation the best ones, the
// history ends with the last complete step, and the error wraps that of ctx. If the loss or
// its gradient is not finite, f has the last parameters for which both were finite, or with
// validation the best ones, and the error names the step. In both cases the history is
// returned along with the error. If an option is out of range, the number of columns of x is
// wrong, or a value of x is not finite, Train returns an error and leaves f as it is.
//
// Use a [Trainer] to continue later where a run was stopped.
func Train(ctx context.Context, f *Flow, x mat.Matrix, o TrainOptions) (*History, error) {
	t, err := newTrainer(ctx, "Train", f, x, o)
	if err != nil {
		return nil, err
	}
	err = t.Run(ctx)
	return t.History(), err
}

// A Trainer is a training run that can be stopped, saved and resumed, also in another process:
// the parameters after the last step have the same bits as in an uninterrupted run, with any
// number of goroutines. Its methods must not run at the same time, but methods that only read
// may be called from Progress.
type Trainer struct {
	flow *Flow
	// part is the flow that is trained: flow itself, or its last layers, in the same
	// memory. Its data are the images of the rows under the layers before it.
	part             *Flow
	o                TrainOptions
	rows             [2]tile.Source // x and Validation
	data, validation trainRows
	own              trainRows // the held-out rows mapped by the flow's own block, if part is trained behind a second fit
	pcg              *rand.PCG
	rng              *rand.Rand
	adam             kernels.AdamParams
	m, v             []float64
	good             []float64 // the last parameters known to give a finite loss
	// With validation, flow holds the best parameters between runs, and now those
	// after the last step; during a run, flow holds the latter, and best the former.
	best, now       []float64
	start           []float64 // the initial parameters
	average         []float64 // of the parameters over the last steps; this and what follows is for Plateau
	bestStep        int
	cuts            int // how often the rate was cut and the best parameters restored
	since           int // the step of the last cut
	stale           int // successive validations without a lower loss
	running         bool
	lp              []float64 // of the validation rows
	lpStart, lpBest []float64
	noise           float64
	batch           *minibatch
	rate            float64 // factor of the gradient, to clip its norm
	update          func(*tile.Loop)
	history         History
	err             error // that ended the run for good
}

// NewTrainer prepares a run of [Train]. Its errors are those with which Train leaves f as it
// is.
func NewTrainer(f *Flow, x mat.Matrix, o TrainOptions) (*Trainer, error) {
	return newTrainer(context.Background(), "NewTrainer", f, x, o)
}

func newTrainer(ctx context.Context, what string, f *Flow, x mat.Matrix, o TrainOptions) (*Trainer, error) {
	if err := f.ready(what); err != nil {
		return nil, err
	}
	if err := o.setDefaults(what); err != nil {
		return nil, err
	}
	t := &Trainer{
		flow: f, o: o, pcg: rand.NewPCG(o.Seed, 1), adam: newAdam(),
	}
	if err := t.setData(ctx, what, x); err != nil {
		return nil, err
	}
	p := t.part.params
	t.m, t.v = make([]float64, len(p)), make([]float64, len(p))
	t.good = slices.Clone(p)
	if t.validates() {
		t.best, t.now = slices.Clone(p), slices.Clone(p)
	}
	if o.Schedule == Plateau {
		t.start, t.average = slices.Clone(p), slices.Clone(p)
	}
	return t, nil
}

// maxBatch is the largest minibatch that may exceed the number of rows: it bounds the memory
// that a saved run can claim.
const maxBatch = 1 << 20

func newAdam() kernels.AdamParams {
	return kernels.AdamParams{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
}

// setData checks the data and splits it as the options say.
func (t *Trainer) setData(ctx context.Context, what string, x mat.Matrix) error {
	if _, err := kernels.Active(); err != nil {
		return fmt.Errorf("flow: %s: %w", what, err)
	}
	src, err := t.source(what, x)
	if err != nil {
		return err
	}
	first := t.flow.firstTrained()
	t.part = t.flow.from(first)
	if len(t.part.params) == 0 {
		return fmt.Errorf("flow: %s: the flow has no trainable parameters", what)
	}
	if t.o.Batch == 0 {
		t.o.Batch = min(256, src.N)
	}
	if t.o.Batch > max(maxBatch, src.N) {
		return fmt.Errorf("flow: %s: Batch is %d; it can be %d, or as many as there are rows", what, t.o.Batch, maxBatch)
	}
	t.rows[0] = src
	var order []int // rows held out come first
	held := 0
	if t.o.ValidationFraction > 0 {
		if held = t.heldOut(src.N); held == 0 || held == src.N {
			return fmt.Errorf("flow: %s: a ValidationFraction of %g holds out %d of %d rows; both parts need at least one", what, t.o.ValidationFraction, held, src.N)
		}
		order = rand.New(rand.NewPCG(t.o.Seed, 2)).Perm(src.N)
		slices.Sort(order[:held])
		slices.Sort(order[held:])
	}
	if t.data, err = images(ctx, what, t.flow, first, src, x); err != nil {
		return err
	}
	switch {
	case t.o.Validation != nil:
		what += ": Validation"
		if t.rows[1], err = t.source(what, t.o.Validation); err != nil {
			return err
		}
		if t.validation, err = images(ctx, what, t.flow, first, t.rows[1], t.o.Validation); err != nil {
			return err
		}
	case order != nil:
		if other, ok := t.refit(ctx, first, src, x, order[held:]); ok {
			t.own, t.data = t.data, other
			t.own.Index = order[:held:held]
		}
		t.validation = t.data
		t.validation.Index, t.data.Index = order[:held:held], order[held:]
	}
	if t.validates() {
		n := t.validation.Len()
		t.lp, t.lpStart, t.lpBest = make([]float64, n), make([]float64, n), make([]float64, n)
	}
	t.noise = t.bandwidth()
	t.rng = rand.New(t.pcg)
	t.update = func(loop *tile.Loop) {
		for from, to := range loop.Tiles {
			t.updateChunk(from, to)
		}
	}
	return nil
}

// leastHeldOut is the smallest number of rows that Plateau holds out by default.
const leastHeldOut = 30

// heldOut returns the number of held-out rows among n.
func (t *Trainer) heldOut(n int) int {
	held := int(math.Round(t.o.ValidationFraction * float64(n)))
	if t.o.Schedule == Plateau && t.o.ValidationFraction == defaultFraction {
		held = max(held, min(leastHeldOut, n/3))
	}
	return held
}

// trainRows are the inputs of the part of the flow that is trained, and the
// log-determinants of the layers before it.
type trainRows struct {
	tile.Rows
	logDet []float64 // of each row of the source; nil if no layers come before
}

// before returns the log-determinant of the layers before, for row k.
func (r *trainRows) before(k int) float64 {
	if r.logDet == nil {
		return 0
	}
	if r.Index != nil {
		k = r.Index[k]
	}
	return r.logDet[k]
}

// images maps rows through the first layers of a flow, those before the part that is
// trained. This is done once, before the first step.
func images(ctx context.Context, what string, f *Flow, first int, src tile.Source, x mat.Matrix) (trainRows, error) {
	if first == 0 {
		return trainRows{Rows: tile.Rows{Source: src}}, nil
	}
	var u mat.Dense
	logDet := make([]float64, src.N)
	forward := func(w *workspace, layers []layer.Layer, n int) tile.Tile {
		if ctx.Err() != nil {
			layers = nil
		}
		return w.forward(layers, n)
	}
	if err := f.evaluate(what, forward, f.layers[:first], &u, logDet, false, x); err != nil {
		return trainRows{}, err
	}
	if err := ctx.Err(); err != nil {
		return trainRows{}, fmt.Errorf("flow: %s: stopped before the first step: %w", what, err)
	}
	for i, data := 0, u.RawMatrix().Data; i < len(data); i++ {
		data[i] = math.RoundToEven(data[i]*(1/grid)) * grid
	}
	images, err := f.source(&u)
	return trainRows{tile.Rows{Source: images}, logDet}, err
}

// refit fits to the rows listed in seen and returns the images of all rows under that
// fit, so that validation is by rows that the fit has not seen. It is along the axes of the
// flow's own fit, if that has any, or else images of the same rows would be far apart. ok is false if the flow
// does not begin with a block that Fit made, or if those rows cannot be fitted.
func (t *Trainer) refit(ctx context.Context, first int, src tile.Source, x mat.Matrix, seen []int) (r trainRows, ok bool) {
	if t.o.Schedule != Plateau || t.flow.context > 0 || first == 0 || first != len(t.flow.block(0)) {
		return r, false
	}
	fitted := t.flow.layers[first-1].(layer.Chosen).Chosen()
	rows, row := mat.NewDense(len(seen), src.Dim, nil), tile.New(src.Dim, 1)
	for i, k := range seen {
		if src.ReadRow(row, 0, k) != nil {
			return r, false // the row has changed since it was checked; the next step will report it
		}
		rows.SetRow(i, row.Data)
	}
	f, err := fitLike(ctx, rows, FitOptions{Seed: t.o.Seed, MaxComponents: fitted.MaxComponents, Dequantize: fitted.Dequantized}, t.flow.form())
	if err == nil {
		r, err = images(ctx, "Train", f, len(f.layers), src, x)
	}
	return r, err == nil
}

// grid is the spacing to which the images of rows are rounded: fine enough for standard
// normal values, and coarse enough to remove the rounding errors that other units of the
// data cause, which many steps of training would amplify.
const grid = 0x1p-20

// firstTrained returns the index of the first layer that training changes: the one after
// the block that Fit made if couplings follow it, otherwise 0.
func (f *Flow) firstTrained() int {
	first := 0
	if f.conditioned() {
		for i, l := range f.layers {
			if _, ok := l.(layer.Chosen); ok {
				first = i + 1
			}
		}
	}
	return first
}

// from returns the layers of f from the given one on, as a flow in the same memory.
func (f *Flow) from(first int) *Flow {
	if first == 0 {
		return f
	}
	n := 0
	for _, l := range f.layers[first:] {
		n += len(l.Params())
	}
	g := &Flow{dim: f.dim, context: f.context, layers: f.layers[first:], params: f.params[len(f.params)-n:], base: f.base}
	g.pool.New = func() any { return newWorkspace(g) }
	return g
}

// source checks every element of x and returns a reader of its rows.
func (t *Trainer) source(what string, x mat.Matrix) (tile.Source, error) {
	src, err := t.flow.source(x)
	if err == nil {
		err = src.Check()
	}
	return src, t.flow.wrap(what, err)
}

func (t *Trainer) validates() bool { return t.validation.N > 0 }

// Flow returns the flow that is trained. It changes while Run runs.
func (t *Trainer) Flow() *Flow { return t.flow }

// Options returns the options of the run, with its defaults where they were zero.
func (t *Trainer) Options() TrainOptions { return t.o }

// History returns a copy of the record so far.
func (t *Trainer) History() *History {
	h := t.history
	h.Steps, h.Validations = slices.Clone(h.Steps), slices.Clone(h.Validations)
	return &h
}

// Run trains to the end of the run, or until ctx is done; then another call of Run
// continues it. Its effect on the flow and its errors are those of [Train].
func (t *Trainer) Run(ctx context.Context) error {
	if t.err != nil {
		return t.err
	}
	if t.validates() {
		t.part.set(t.now)
	}
	t.batch = newMinibatch(t.part, t.data.Rows, t.o.Batch)
	if t.noise > 0 {
		t.batch.noise = newNoise(t.data.Rows, t.part.dim, t.o.Seed)
	}
	t.running = true
	defer func() {
		t.running = false
		t.batch = nil
		if t.validates() {
			copy(t.now, t.part.params)
			t.part.set(t.kept())
		}
	}()
	for {
		done := len(t.history.Steps)
		switch finished, err := t.next(ctx, done); {
		case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
			return fmt.Errorf("flow: Train: stopped after %d of %d steps: %w", done, t.o.Steps, err)
		case err != nil:
			t.err = err
			return err
		case finished:
			return nil
		}
	}
}

// next validates if a validation is due, and takes one more step unless the run has
// ended. If ctx is done it returns the error of ctx, and the next call of Run repeats
// what was interrupted.
func (t *Trainer) next(ctx context.Context, done int) (finished bool, err error) {
	if err := ctx.Err(); err != nil && done < t.o.Steps {
		return false, err
	}
	if t.validates() {
		if stop, err := t.stopsEarly(ctx, done); stop || err != nil {
			return stop, err
		}
	}
	if done == t.o.Steps {
		return true, nil
	}
	return false, t.step(ctx, done)
}

// step takes one step. If ctx is done before the gradient is complete, it takes none,
// and the next attempt draws the same rows.
func (t *Trainer) step(ctx context.Context, done int) error {
	b := t.batch
	n := t.data.Len()
	before := *t.pcg
	for i := range b.at {
		b.at[i] = t.rng.IntN(n)
	}
	b.noise.set(t.noiseNow(), done)
	loss, err := b.gradient(ctx)
	if err != nil {
		*t.pcg = before
		return err
	}
	loss -= t.added(b.at)
	norm := math.Sqrt(kernels.SumSquares(b.grad))
	if bad := loss + norm; bad-bad != 0 {
		t.part.set(t.good)
		if !t.validates() {
			t.history.Kept = max(done-1, 0)
		}
		return fmt.Errorf("flow: Train: step %d: the loss is %v and its gradient has norm %v; a smaller LearningRate than %g, or standardised data, keeps them finite", done+1, loss, norm, t.o.LearningRate)
	}
	t.rate = 1
	if norm > t.o.ClipNorm {
		t.rate = t.o.ClipNorm / norm
	}
	t.adam.Step = done + 1 - t.since
	if t.o.Schedule == OneCycle {
		t.adam.LR = oneCycle(done, t.o.Steps, t.o.LearningRate)
	} else {
		t.adam.LR = plateauRate(done-t.since, t.cuts, t.o.LearningRate)
	}
	b.loop.Run(len(b.grad), chunkSize, t.update)
	t.part.refresh()
	step := Step{done + 1, loss, t.adam.LR, norm}
	t.history.Steps = append(t.history.Steps, step)
	if !t.validates() {
		t.history.Kept = done + 1
	}
	if t.o.Progress != nil {
		t.o.Progress(step)
	}
	return nil
}

// added returns the mean log-determinant of the layers before the trained part, over
// the rows of a minibatch.
func (t *Trainer) added(at []int) float64 {
	if t.data.logDet == nil {
		return 0
	}
	sum := 0.0
	for _, k := range at {
		sum += t.data.before(k)
	}
	return sum / float64(len(at))
}

// averaged is the weight of the newest parameters in their exponential average, after
// the first steps: the average covers some 100 steps.
const averaged = 0.01

// updateChunk updates the parameters [from, to).
func (t *Trainer) updateChunk(from, to int) {
	p, g := t.part.params[from:to], t.batch.grad[from:to]
	copy(t.good[from:to], p)
	if t.rate != 1 {
		for j := range g {
			g[j] *= t.rate
		}
	}
	kernels.Adam(p, g, t.m[from:to], t.v[from:to], t.adam)
	if t.average == nil {
		return
	}
	// A larger weight in the first steps: the average would otherwise keep the
	// initial parameters for long.
	share := max(averaged, 9/float64(t.adam.Step+9))
	average := t.average[from:to]
	for j, v := range p {
		average[j] += float64(share * (v - average[j]))
	}
}

// stopsEarly validates if a validation is due, and reports whether the run ends here
// for lack of progress. It returns the error of ctx if ctx is done before the
// validation is complete.
func (t *Trainer) stopsEarly(ctx context.Context, done int) (bool, error) {
	h := &t.history
	last := len(h.Validations) - 1
	if due := done%t.o.ValidateEvery == 0 || done == t.o.Steps; due && (last < 0 || h.Validations[last].Step < done) {
		loss, p, err := t.judge(ctx, done)
		if err != nil {
			return false, err
		}
		if last < 0 || loss < t.bestLoss() {
			copy(t.best, p)
			copy(t.lpBest, t.lp)
			t.bestStep, t.stale = done, 0
		} else {
			t.stale++
		}
		if last < 0 {
			copy(t.lpStart, t.lp)
		}
		h.Kept = t.bestStep
		h.Validations = append(h.Validations, Validation{done, loss})
		if t.o.Schedule == Plateau && t.stale >= t.o.Patience {
			t.goBack(done)
		}
	}
	if t.o.Schedule == Plateau {
		h.StoppedEarly = done < t.o.Steps && t.cuts > mostCuts
	} else {
		h.StoppedEarly = done < t.o.Steps && t.o.Patience > 0 && t.stale >= t.o.Patience
	}
	return h.StoppedEarly, nil
}

// judge returns the validation loss of the parameters that would be kept now, and these
// parameters.
func (t *Trainer) judge(ctx context.Context, done int) (loss float64, p []float64, err error) {
	p = t.part.params
	if t.average != nil && done > t.since {
		copy(t.now, p)
		t.part.set(t.average)
		p = t.average
		defer func() { t.part.set(t.now) }()
	}
	loss, err = t.validate(ctx, t.validation)
	return loss, p, err
}

// goBack restores the best parameters after validations without a lower loss.
func (t *Trainer) goBack(done int) {
	t.cuts++
	t.since, t.stale = done, 0
	t.part.set(t.best)
	copy(t.good, t.best)
	copy(t.average, t.best)
	clear(t.m)
	clear(t.v)
}

// beyondChance returns the number of standard errors that a gain must exceed: a one-sided
// test at 5 %. The best parameters are the best of all validations on the same rows, which
// makes their gain look larger than it is; Bonferroni's correction allows for that.
func (h *History) beyondChance() float64 {
	z := []float64{1 - 0.05/float64(max(len(h.Validations)-1, 1))}
	kernels.NormQuantile(z, z)
	return z[0]
}

// kept returns the parameters that the flow keeps: the best ones, with Plateau only if
// they are significantly better than the initial ones.
func (t *Trainer) kept() []float64 {
	h := &t.history
	h.Kept = t.bestStep
	if t.o.Schedule != Plateau {
		return t.best
	}
	h.Gain, h.GainSE = paired(t.lpBest, t.lpStart)
	if h.Gain > float64(h.beyondChance()*h.GainSE) && t.transfers() {
		return t.best
	}
	h.Kept = 0
	return t.start
}

// transfers reports whether the best parameters, if they were trained behind a second
// fit, are significantly better than the initial ones behind the flow's own block, too:
// they may have corrected errors that only the second fit has.
func (t *Trainer) transfers() bool {
	if t.own.N == 0 {
		return true
	}
	now := slices.Clone(t.part.params)
	defer t.part.set(now)
	var lp [2][]float64
	for i, p := range [][]float64{t.best, t.start} {
		t.part.set(p)
		t.validate(context.Background(), t.own)
		lp[i] = slices.Clone(t.lp)
	}
	gain, se := paired(lp[0], lp[1])
	return gain > float64(t.history.beyondChance()*se)
}

// paired returns the mean of a-b and its standard error: infinite if there are fewer than
// two.
func paired(a, b []float64) (mean, se float64) {
	n := float64(len(a))
	for i, v := range a {
		mean += (v - b[i]) / n
	}
	if !(math.Abs(mean) <= math.MaxFloat64) { // where one of them leaves the range of float64
		if mean != mean {
			mean = 0
		}
		return mean, 0
	}
	square := 0.0
	for i, v := range a {
		d := v - b[i] - mean
		square += float64(d * d)
	}
	return mean, math.Sqrt(square / (n * (n - 1)))
}

// bestLoss is the validation loss of the best parameters.
func (t *Trainer) bestLoss() float64 {
	for _, v := range t.history.Validations {
		if v.Step == t.bestStep {
			return v.Loss
		}
	}
	return math.Inf(1)
}

// sinceBest counts the validations since the best one.
func (t *Trainer) sinceBest() int {
	n := 0
	for _, v := range slices.Backward(t.history.Validations) {
		if v.Step == t.bestStep {
			break
		}
		n++
	}
	return n
}

const (
	mostCuts = 4 // times that Plateau restores the best parameters and continues
	warmUp   = 20
)

// plateauRate is the learning rate of the given step, counted from 0 after the last cut.
func plateauRate(step, cuts int, peak float64) float64 {
	for range cuts {
		peak /= 3
	}
	return peak * min(1, float64(step+1)/warmUp)
}

// noiseNow returns the noise, which is halved at each cut and zero after the last one.
func (t *Trainer) noiseNow() float64 {
	if t.cuts == mostCuts {
		return 0
	}
	return math.Ldexp(t.noise, -t.cuts)
}

// bandwidth returns the standard deviation of the noise at the start.
func (t *Trainer) bandwidth() float64 {
	if t.o.Noise != 0 || t.o.Schedule != Plateau {
		return max(t.o.Noise, 0)
	}
	d, v := float64(t.flow.dim), make([]float64, 2)
	kernels.Log(v, []float64{4 / (d + 2), float64(t.data.Len())})
	v[0] = (v[0] - v[1]) / (d + 4)
	kernels.Exp(v, v)
	return v[0] * min(v[0], 0.5)
}

// validate returns the loss on the given held-out rows, or the error of ctx.
func (t *Trainer) validate(ctx context.Context, rows trainRows) (float64, error) {
	f := t.part
	tile.Over(len(t.lp), tile.Size(f.dim), func(loop *tile.Loop) {
		w := f.pool.Get().(*workspace)
		defer f.pool.Put(w)
		for from, to := range loop.Tiles {
			if ctx.Err() != nil {
				return
			}
			lp := t.lp[from:to]
			if err := w.load(rows.Rows, from, to); err != nil {
				tile.Fill(lp, math.Inf(-1)) // the row has changed since it was checked
				continue
			}
			w.logProb(f.layers, tile.Padded(to-from))
			copy(lp, w.logDet)
			for i := range lp {
				lp[i] += rows.before(from + i)
			}
		}
	})
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	loss := -kernels.Sum(t.lp) / float64(len(t.lp))
	if math.IsNaN(loss) {
		return math.Inf(1), nil
	}
	return loss, nil
}

// defaultFraction is the share of the rows that Plateau holds out by default.
const defaultFraction = 0.15

func (o *TrainOptions) setDefaults(what string) error {
	if o.Schedule > OneCycle {
		return fmt.Errorf("flow: %s: Schedule is %d; it must be Plateau or OneCycle", what, o.Schedule)
	}
	plateau := o.Schedule == Plateau
	if o.Steps == 0 {
		o.Steps = 600
		if plateau {
			o.Steps = 3000
		}
	}
	if o.Batch == 0 && !plateau {
		o.Batch = 512
	}
	if o.LearningRate == 0 {
		o.LearningRate = 5e-4
		if plateau {
			o.LearningRate = 1e-3
		}
	}
	if plateau && o.Patience == 0 {
		o.Patience = 8
	}
	if plateau && o.ValidationFraction == 0 && o.Validation == nil {
		o.ValidationFraction = defaultFraction
	}
	if o.ClipNorm == 0 {
		o.ClipNorm = 1
	}
	if o.ValidateEvery == 0 {
		o.ValidateEvery = 20
	}
	validates := o.Validation != nil || o.ValidationFraction != 0
	switch {
	case o.Steps < 0:
		return fmt.Errorf("flow: %s: Steps is %d; it must be positive, or 0 for the default", what, o.Steps)
	case o.Batch < 0:
		return fmt.Errorf("flow: %s: Batch is %d; it must be positive, or 0 for the default", what, o.Batch)
	case !(o.LearningRate > 0) || math.IsInf(o.LearningRate, 0):
		return fmt.Errorf("flow: %s: LearningRate is %v; it must be positive and finite, or 0 for the default", what, o.LearningRate)
	case !(o.ClipNorm > 0):
		return fmt.Errorf("flow: %s: ClipNorm is %v; it must be positive, or 0 for the default", what, o.ClipNorm)
	case !(o.ValidationFraction >= 0 && o.ValidationFraction < 1):
		return fmt.Errorf("flow: %s: ValidationFraction is %v; it must be below 1 and not negative", what, o.ValidationFraction)
	case o.ValidationFraction > 0 && o.Validation != nil:
		return fmt.Errorf("flow: %s: there is both a ValidationFraction and a Validation matrix; give one of them", what)
	case !(math.Abs(o.Noise) <= math.MaxFloat64):
		return fmt.Errorf("flow: %s: Noise is %v; it must be finite, 0 for the default or negative for none", what, o.Noise)
	case o.ValidateEvery < 0:
		return fmt.Errorf("flow: %s: ValidateEvery is %d; it must be positive, or 0 for the default", what, o.ValidateEvery)
	case o.Patience < 0:
		return fmt.Errorf("flow: %s: Patience is %d; it must be positive, or 0 for no early stopping", what, o.Patience)
	case o.Patience > 0 && !validates:
		return fmt.Errorf("flow: %s: Patience is %d, but nothing is held out to validate with; set ValidationFraction or Validation", what, o.Patience)
	}
	return nil
}

// set replaces the parameters.
func (f *Flow) set(params []float64) {
	copy(f.params, params)
	f.refresh()
}

// oneCycle is the learning rate of step i of n, from 0 (Smith and Topin 2019,
// with cosines).
func oneCycle(i, n int, peak float64) float64 {
	const (
		rise       = 0.3
		start, end = 1.0 / 25, 1.0 / 25 / 1e4 // relative to the peak
	)
	at := float64(i) / float64(max(n-1, 1))
	if at <= rise {
		return peak * (start + float64((1-start)*halfCosine(at/rise)))
	}
	return peak * (end + float64((1-end)*halfCosine((1-at)/(1-rise))))
}

// halfCosine is (1 - cos πu)/2 = sin²(πu/2) for u in [0, 1]: from 0 to 1 in half
// a period. It sums the Taylor series, because the bits of math.Cos depend on
// the machine, and training's must not.
func halfCosine(u float64) float64 {
	x := math.Pi / 2 * u
	sin, term := x, x
	for k := 2; k <= 24; k += 2 {
		term = float64(term*x) * x / float64(-k*(k+1))
		sin += term
	}
	return float64(sin * sin)
}
