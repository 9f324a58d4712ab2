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

// A Schedule says how the learning rate goes, and when a run is at its end.
type Schedule uint8

const (
	// Plateau trains until rows held out say that there is no more progress. It takes
	// a warm-up of 20 steps to the learning rate. When so many successive validations
	// as Patience says have not found a lower loss, it goes back to the best
	// parameters, forgets Adam's moments, and continues with a third of the rate and
	// half the noise; the fifth time, it ends. What is validated and kept are
	// parameters averaged over some 100 steps. In the end the flow keeps those it came
	// with unless the best are better on the rows held out by more than chance: by 1.645
	// standard errors of the difference.
	Plateau Schedule = iota
	// OneCycle takes all steps: the rate follows a cosine from a 25th of the learning
	// rate up to it over the first 30% of them, and another one down to a 250,000th
	// (Smith and Topin 2019). Without validation the flow ends up with the last
	// parameters.
	OneCycle
)

// TrainOptions sets up [Train]. The zero value is the sensible default.
type TrainOptions struct {
	// Schedule of the learning rate. It also decides what zero means below, where there
	// are two numbers, the first for Plateau and the second for OneCycle.
	Schedule Schedule
	// Steps is the number of minibatches, the most with Plateau; 3000 or 600 if zero.
	Steps int
	// Batch is the number of rows per minibatch, drawn with replacement; 256, or as many
	// as there are if they are fewer, or 512 if zero.
	Batch int
	// LearningRate is the peak; 1e-3 or 5e-4 if zero.
	LearningRate float64
	// ClipNorm scales longer gradients down to this Euclidean norm; 1 if zero,
	// +Inf for no clipping.
	ClipNorm float64
	// Seed of the minibatches, and of the rows that ValidationFraction holds out.
	Seed uint64

	// Noise is the standard deviation of normal noise that is added to the rows of each
	// minibatch, anew each time, along the principal axes of the rows and in units of
	// their standard deviation there; rows then shrink towards their mean, so that their
	// spread is what it was. It keeps a flow of many parameters from fitting few rows
	// too closely. If zero, Plateau takes h·min(h, ½), where
	// h = (4/(d+2))^(1/(d+4))·n^(-1/(d+4)) is Silverman's bandwidth, and OneCycle none.
	// Negative is none.
	Noise float64

	// ValidationFraction is the share of the rows of x that training does not
	// see: from them comes the validation loss, and the flow ends up with the
	// parameters for which that was least. If zero, and Validation is nil, it is 0.15
	// with Plateau, or what makes 30 rows if a third of them are not fewer; with OneCycle
	// there is no validation.
	ValidationFraction float64
	// Validation holds rows to validate with instead. They must not change
	// during training.
	Validation mat.Matrix
	// ValidateEvery is the number of steps from one validation to the next; 20 if
	// zero. There is one before the first step and one after the last as well.
	ValidateEvery int
	// Patience is the number of successive validations that have not found a lower loss
	// after which Plateau goes back, 8 if zero, and OneCycle ends the training; if zero
	// that goes on to the last step.
	Patience int

	// Progress, if not nil, is called after every step on the goroutine of Train.
	Progress func(Step)
}

// A Step is what one step of training saw.
type Step struct {
	Step         int     // from 1
	Loss         float64 // mean -log p of the minibatch before the step, in nats
	LearningRate float64
	GradNorm     float64 // Euclidean norm of the gradient before clipping
}

// A Validation is the loss on the rows held out after so many steps.
type Validation struct {
	Step int
	Loss float64 // mean -log p, in nats; +Inf if a row leaves the range of float64
}

// A History is the record of a training run.
type History struct {
	Steps       []Step       // those taken, in order
	Validations []Validation // in order, from step 0 on; none without validation
	// Kept is the number of steps after which the flow had the parameters that
	// it ended up with: the best by validation, or the last. It is 0 if Plateau kept those
	// that the flow came with.
	Kept int
	// Gain is by how much the best parameters are better than those the flow came with,
	// in nats per row held out, and GainSE the standard error of that difference. They
	// are 0 with OneCycle. Behind a fit, losses and gain are those behind one that has not
	// seen the rows held out.
	Gain, GainSE float64
	// StoppedEarly is true if Patience ended the run before its last step.
	StoppedEarly bool
}

// Train changes the parameters of f so that the mean log-density of the rows of
// x grows: Adam (Kingma and Ba 2015; 0.9, 0.999, 1e-8) on the exact gradient of
// minibatches. Rotations and the base are not trained. What [Fit] has chosen by rows
// held out is not either if couplings follow it, but refined if it is all there is. x must
// not change meanwhile, and f must not be used.
//
// A fit has seen all rows, and behind it those that training holds out look better than
// unseen ones do. So where Plateau holds rows out itself and couplings follow a fit, that is
// made again without these rows, which takes as long as [Fit]; training and validation
// take place behind it, and f gets the couplings if they gain behind both. If those rows
// are too few to be fitted, f's own fit stays, which makes training keep the start more often.
//
// The result depends on the data, the options and the flow alone, not on the
// number of goroutines (GOMAXPROCS).
//
// If ctx is done, Train stops, in the middle of a minibatch or of a validation if need
// be: f holds the last whole step, or the best one with
// validation, the history is complete up to the last one, and the error wraps
// that of ctx. If the loss or its gradient is not finite, f gets back its last
// parameters for which they were, or the best ones with validation, and the error
// names the step. In both cases the history is returned along with the error. It
// is an error, and f stays as it is, if an option is out of range, if x does not
// have Dim columns, or if a value of x is not finite.
//
// To go on later where a run was stopped, use a [Trainer].
func Train(ctx context.Context, f *Flow, x mat.Matrix, o TrainOptions) (*History, error) {
	t, err := newTrainer(ctx, "Train", f, x, o)
	if err != nil {
		return nil, err
	}
	err = t.Run(ctx)
	return t.History(), err
}

// A Trainer is a training run that can be stopped, saved and resumed, in another
// process if need be: the parameters after the last step have the same bits as if
// it had not been stopped, with any number of goroutines. Its methods must not run at
// the same time, but those that only read may be called from Progress.
type Trainer struct {
	flow *Flow
	// part is what is trained: flow, or its last layers, in the same memory. Its data are
	// the images of the rows before them.
	part             *Flow
	o                TrainOptions
	rows             [2]tile.Source // x and Validation
	data, validation trainRows
	own              trainRows // the rows held out behind the flow's own fit, where part is trained behind another
	pcg              *rand.PCG
	rng              *rand.Rand
	adam             kernels.AdamParams
	m, v             []float64
	good             []float64 // the last parameters known to give a finite loss
	// With validation, flow holds the best parameters between runs, and now those
	// after the last step; during a run, flow holds the latter, and best the former.
	best, now       []float64
	start           []float64 // what the flow came with
	average         []float64 // of the parameters after the last steps; for Plateau, as what follows
	bestStep        int
	cuts            int // how often it went back
	since           int // the step when it last did
	stale           int // validations without progress since
	running         bool
	lp              []float64 // of the validation rows
	lpStart, lpBest []float64
	noise           float64
	batch           *minibatch
	rate            float64 // what the gradient is scaled by
	update          func(*tile.Loop)
	history         History
	err             error // of a run that cannot go on
}

// NewTrainer prepares what [Train] does. Its errors are those that leave f as it
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

// maxBatch is the largest minibatch that is drawn from fewer rows: no more than the
// data and this justify does a saved run claim.
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
			return fmt.Errorf("flow: %s: a ValidationFraction of %g holds out %d of %d rows; both parts need one at least", what, t.o.ValidationFraction, held, src.N)
		}
		order = rand.New(rand.NewPCG(t.o.Seed, 2)).Perm(src.N)
		slices.Sort(order[:held])
		slices.Sort(order[held:])
	}
	if t.data, err = images(what, t.flow, first, src, x); err != nil {
		return err
	}
	switch {
	case t.o.Validation != nil:
		what += ": Validation"
		if t.rows[1], err = t.source(what, t.o.Validation); err != nil {
			return err
		}
		if t.validation, err = images(what, t.flow, first, t.rows[1], t.o.Validation); err != nil {
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

// leastHeldOut is how many rows Plateau holds out at least if it may choose.
const leastHeldOut = 30

// heldOut returns how many of n rows are held out.
func (t *Trainer) heldOut(n int) int {
	held := int(math.Round(t.o.ValidationFraction * float64(n)))
	if t.o.Schedule == Plateau && t.o.ValidationFraction == defaultFraction {
		held = max(held, min(leastHeldOut, n/3))
	}
	return held
}

// trainRows are rows as the part of the flow that is trained sees them, and what the
// layers before it have added to the log-density of each.
type trainRows struct {
	tile.Rows
	logDet []float64 // by row of the source; nil if nothing was added
}

// before returns what was added to the log-density of row k.
func (r *trainRows) before(k int) float64 {
	if r.logDet == nil {
		return 0
	}
	if r.Index != nil {
		k = r.Index[k]
	}
	return r.logDet[k]
}

// images takes rows through the first layers of a flow, those before what is trained, once
// for all steps.
func images(what string, f *Flow, first int, src tile.Source, x mat.Matrix) (trainRows, error) {
	if first == 0 {
		return trainRows{Rows: tile.Rows{Source: src}}, nil
	}
	var u mat.Dense
	logDet := make([]float64, src.N)
	if err := f.evaluate(what, (*workspace).forward, f.layers[:first], &u, logDet, false, x); err != nil {
		return trainRows{}, err
	}
	for i, data := 0, u.RawMatrix().Data; i < len(data); i++ {
		data[i] = math.RoundToEven(data[i]*(1/grid)) * grid
	}
	images, err := f.source(&u)
	return trainRows{tile.Rows{Source: images}, logDet}, err
}

// refit returns the images of all rows by a fit that has seen only the given ones: behind
// it, rows held out judge, and not behind one that has seen them. ok is false if the flow
// does not begin with what Fit makes, and if those rows cannot be fitted.
func (t *Trainer) refit(ctx context.Context, first int, src tile.Source, x mat.Matrix, seen []int) (r trainRows, ok bool) {
	if t.o.Schedule != Plateau || t.flow.context > 0 || first == 0 || first != len(t.flow.block(0)) {
		return r, false
	}
	fitted := t.flow.layers[first-1].(layer.Chosen).Chosen()
	rows, row := mat.NewDense(len(seen), src.Dim, nil), tile.New(src.Dim, 1)
	for i, k := range seen {
		if src.ReadRow(row, 0, k) != nil {
			return r, false // it has changed since it was checked, and the step will say so
		}
		rows.SetRow(i, row.Data)
	}
	f, err := Fit(ctx, rows, FitOptions{Seed: t.o.Seed, MaxComponents: fitted.MaxComponents, Dequantize: fitted.Dequantized})
	if err == nil {
		r, err = images("Train", f, len(f.layers), src, x)
	}
	return r, err == nil
}

// grid is what the images of rows are rounded to: near enough for normal values, and wide
// enough to swallow what the rounding of other units leaves, which a training of many
// steps would make large.
const grid = 0x1p-20

// firstTrained returns the first layer that training moves: behind what Fit has chosen,
// if couplings follow.
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

// from returns the layers of f from one on, as a flow in the same memory.
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

// source checks every element of x.
func (t *Trainer) source(what string, x mat.Matrix) (tile.Source, error) {
	src, err := t.flow.source(x)
	if err == nil {
		err = src.Check()
	}
	return src, t.flow.wrap(what, err)
}

func (t *Trainer) validates() bool { return t.validation.N > 0 }

// Flow returns the flow in training. While Run is at work it changes.
func (t *Trainer) Flow() *Flow { return t.flow }

// Options returns the options of the run, with its defaults where they were zero.
func (t *Trainer) Options() TrainOptions { return t.o }

// History returns a copy of the record so far.
func (t *Trainer) History() *History {
	h := t.history
	h.Steps, h.Validations = slices.Clone(h.Steps), slices.Clone(h.Validations)
	return &h
}

// Run trains to the end, or until ctx is done; then it can be called again to go
// on. What it does to the flow, and its errors, are those of [Train].
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

// next validates if it is time to, and takes a step after those done unless the run is
// at its end. If ctx is done it returns its error, and leaves what it had begun to the
// next run.
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

// step takes one step after those done. If ctx is done before it has the gradient it
// takes none, and the next run's will have the same rows.
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

// added is what the layers before those that are trained add to the mean log-density of
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

// averaged is how much of the average is new with each step, once there have been ten
// times as many: it reaches over some 100 steps.
const averaged = 0.01

// updateChunk moves a chunk of the parameters.
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
	// More of it in the beginning, or what the run set out from would stay for long.
	share := max(averaged, 9/float64(t.adam.Step+9))
	average := t.average[from:to]
	for j, v := range p {
		average[j] += float64(share * (v - average[j]))
	}
}

// stopsEarly validates if it is time to, and reports whether patience has come to
// its end. It returns the error of ctx if that is done before the validation is.
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

// judge returns the loss on the rows held out of the parameters that would be kept now,
// and these.
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

// goBack goes back to the best parameters after steps without progress.
func (t *Trainer) goBack(done int) {
	t.cuts++
	t.since, t.stale = done, 0
	t.part.set(t.best)
	copy(t.good, t.best)
	copy(t.average, t.best)
	clear(t.m)
	clear(t.v)
}

// beyondChance is how many standard errors a gain must have: a one-sided test at 5 %. That
// the best were chosen among many by the same rows makes gains look larger than they are.
const beyondChance = 1.645

// kept decides which parameters the flow gets: the best, but for Plateau only if they are
// better than what it came with.
func (t *Trainer) kept() []float64 {
	h := &t.history
	h.Kept = t.bestStep
	if t.o.Schedule != Plateau {
		return t.best
	}
	h.Gain, h.GainSE = paired(t.lpBest, t.lpStart)
	if h.Gain > beyondChance*h.GainSE && t.transfers() {
		return t.best
	}
	h.Kept = 0
	return t.start
}

// transfers reports whether the best parameters, if they were trained behind another fit,
// are better than the start behind the flow's own as well. What they made up for in the
// other one need not be amiss in this.
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
	return gain > beyondChance*se
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
	mostCuts = 4 // times that Plateau goes back and continues
	warmUp   = 20
)

// plateauRate is the learning rate of a step, from 0, since going back for the given time.
func plateauRate(step, cuts int, peak float64) float64 {
	for range cuts {
		peak /= 3
	}
	return peak * min(1, float64(step+1)/warmUp)
}

// noiseNow halves the noise each time that Plateau goes back, and lets the last part of
// the run be without.
func (t *Trainer) noiseNow() float64 {
	if t.cuts == mostCuts {
		return 0
	}
	return math.Ldexp(t.noise, -t.cuts)
}

// bandwidth is the standard deviation of the noise.
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

// validate returns the loss on rows held out, or the error of ctx.
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

// defaultFraction of the rows is held out if nothing else is said.
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
