package flow

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// TrainOptions sets up [Train]. The zero value is the sensible default.
type TrainOptions struct {
	// Steps is the number of minibatches; 600 if zero.
	Steps int
	// Batch is the number of rows per minibatch, drawn with replacement; 512 if
	// zero, and at most 2²⁰ or the number of rows.
	Batch int
	// LearningRate is the peak of the one-cycle schedule: a cosine from a 25th
	// of it up to it over the first 30% of the steps, and another one down to a
	// 250,000th. 5e-4 if zero.
	LearningRate float64
	// ClipNorm scales longer gradients down to this Euclidean norm; 1 if zero,
	// +Inf for no clipping.
	ClipNorm float64
	// Seed of the minibatches, and of the rows that ValidationFraction holds out.
	Seed uint64

	// ValidationFraction is the share of the rows of x that training does not
	// see: from them comes the validation loss, and the flow ends up with the
	// parameters for which that was least. If zero, and Validation is nil, there
	// is no validation, and the flow ends up with the last parameters.
	ValidationFraction float64
	// Validation holds rows to validate with instead. They must not change
	// during training.
	Validation mat.Matrix
	// ValidateEvery is the number of steps from one validation to the next; 20 if
	// zero. There is one before the first step and one after the last as well.
	ValidateEvery int
	// Patience ends the training when so many successive validations have not
	// found a lower loss. If zero, it goes on to the last step.
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
	// it ended up with: the best by validation, or the last.
	Kept int
	// StoppedEarly is true if Patience ended the run before its last step.
	StoppedEarly bool
}

// Train changes the parameters of f so that the mean log-density of the rows of
// x grows: Adam (Kingma and Ba 2015; 0.9, 0.999, 1e-8) on the exact gradient of
// minibatches. Rotations and the base are not trained. x must not change
// meanwhile, and f must not be used.
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
	t, err := newTrainer("Train", f, x, o)
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
	flow             *Flow
	o                TrainOptions
	data, validation tile.Rows
	pcg              *rand.PCG
	rng              *rand.Rand
	adam             kernels.AdamParams
	m, v             []float64
	good             []float64 // the last parameters known to give a finite loss
	// With validation, flow holds the best parameters between runs, and now those
	// after the last step; during a run, flow holds the latter, and best the former.
	best, now []float64
	running   bool
	lp        []float64 // of the validation rows
	batch     *minibatch
	rate      float64 // what the gradient is scaled by
	update    func(*tile.Loop)
	history   History
	err       error // of a run that cannot go on
}

// NewTrainer prepares what [Train] does. Its errors are those that leave f as it
// is.
func NewTrainer(f *Flow, x mat.Matrix, o TrainOptions) (*Trainer, error) {
	return newTrainer("NewTrainer", f, x, o)
}

func newTrainer(what string, f *Flow, x mat.Matrix, o TrainOptions) (*Trainer, error) {
	if err := f.ready(what); err != nil {
		return nil, err
	}
	if err := o.setDefaults(what); err != nil {
		return nil, err
	}
	t := &Trainer{
		flow: f, o: o, pcg: rand.NewPCG(o.Seed, 1), adam: newAdam(),
	}
	if err := t.setData(what, x); err != nil {
		return nil, err
	}
	n := len(f.params)
	t.m, t.v = make([]float64, n), make([]float64, n)
	t.good = slices.Clone(f.params)
	if t.validates() {
		t.best, t.now = slices.Clone(f.params), slices.Clone(f.params)
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
func (t *Trainer) setData(what string, x mat.Matrix) error {
	if _, err := kernels.Active(); err != nil {
		return fmt.Errorf("flow: %s: %w", what, err)
	}
	src, err := t.source(what, x)
	if err != nil {
		return err
	}
	if len(t.flow.params) == 0 {
		return fmt.Errorf("flow: %s: the flow has no trainable parameters", what)
	}
	if t.o.Batch > max(maxBatch, src.N) {
		return fmt.Errorf("flow: %s: Batch is %d; it can be %d, or as many as there are rows", what, t.o.Batch, maxBatch)
	}
	t.data = tile.Rows{Source: src}
	switch {
	case t.o.Validation != nil:
		held, err := t.source(what+": Validation", t.o.Validation)
		if err != nil {
			return err
		}
		t.validation = tile.Rows{Source: held}
	case t.o.ValidationFraction > 0:
		held := int(math.Round(t.o.ValidationFraction * float64(src.N)))
		if held == 0 || held == src.N {
			return fmt.Errorf("flow: %s: a ValidationFraction of %g holds out %d of %d rows; both parts need one at least", what, t.o.ValidationFraction, held, src.N)
		}
		order := rand.New(rand.NewPCG(t.o.Seed, 2)).Perm(src.N)
		slices.Sort(order[:held])
		slices.Sort(order[held:])
		t.validation, t.data.Index = tile.Rows{Source: src, Index: order[:held:held]}, order[held:]
	}
	if t.validates() {
		t.lp = make([]float64, t.validation.Len())
	}
	t.rng = rand.New(t.pcg)
	t.update = func(loop *tile.Loop) {
		for from, to := range loop.Tiles {
			t.updateChunk(from, to)
		}
	}
	return nil
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
		t.flow.set(t.now)
	}
	t.batch = newMinibatch(t.flow, t.data, t.o.Batch)
	t.running = true
	defer func() {
		t.running = false
		t.batch = nil
		if t.validates() {
			copy(t.now, t.flow.params)
			t.flow.set(t.best)
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
	loss, err := b.gradient(ctx)
	if err != nil {
		*t.pcg = before
		return err
	}
	norm := math.Sqrt(kernels.SumSquares(b.grad))
	if bad := loss + norm; bad-bad != 0 {
		t.flow.set(t.good)
		if !t.validates() {
			t.history.Kept = max(done-1, 0)
		}
		return fmt.Errorf("flow: Train: step %d: the loss is %v and its gradient has norm %v; a smaller LearningRate than %g, or standardised data, keeps them finite", done+1, loss, norm, t.o.LearningRate)
	}
	t.rate = 1
	if norm > t.o.ClipNorm {
		t.rate = t.o.ClipNorm / norm
	}
	t.adam.Step = done + 1
	t.adam.LR = oneCycle(done, t.o.Steps, t.o.LearningRate)
	b.loop.Run(len(b.grad), chunkSize, t.update)
	t.flow.refresh()
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

// updateChunk moves a chunk of the parameters.
func (t *Trainer) updateChunk(from, to int) {
	p, g := t.flow.params[from:to], t.batch.grad[from:to]
	copy(t.good[from:to], p)
	if t.rate != 1 {
		for j := range g {
			g[j] *= t.rate
		}
	}
	kernels.Adam(p, g, t.m[from:to], t.v[from:to], t.adam)
}

// stopsEarly validates if it is time to, and reports whether patience has come to
// its end. It returns the error of ctx if that is done before the validation is.
func (t *Trainer) stopsEarly(ctx context.Context, done int) (bool, error) {
	h := &t.history
	last := len(h.Validations) - 1
	if due := done%t.o.ValidateEvery == 0 || done == t.o.Steps; due && (last < 0 || h.Validations[last].Step < done) {
		loss, err := t.validate(ctx)
		if err != nil {
			return false, err
		}
		v := Validation{done, loss}
		if last < 0 || v.Loss < t.bestLoss() {
			copy(t.best, t.flow.params)
			h.Kept = done
		}
		h.Validations = append(h.Validations, v)
	}
	h.StoppedEarly = done < t.o.Steps && t.o.Patience > 0 && t.sinceBest() >= t.o.Patience
	return h.StoppedEarly, nil
}

// bestLoss is the validation loss of the parameters that are kept.
func (t *Trainer) bestLoss() float64 {
	for _, v := range t.history.Validations {
		if v.Step == t.history.Kept {
			return v.Loss
		}
	}
	return math.Inf(1)
}

// sinceBest counts the validations since the best one.
func (t *Trainer) sinceBest() int {
	n := 0
	for _, v := range slices.Backward(t.history.Validations) {
		if v.Step == t.history.Kept {
			break
		}
		n++
	}
	return n
}

// validate returns the loss on the rows held out, or the error of ctx.
func (t *Trainer) validate(ctx context.Context) (float64, error) {
	f := t.flow
	tile.Over(len(t.lp), tile.Size(f.dim), func(loop *tile.Loop) {
		w := f.pool.Get().(*workspace)
		defer f.pool.Put(w)
		for from, to := range loop.Tiles {
			if ctx.Err() != nil {
				return
			}
			lp := t.lp[from:to]
			if err := w.load(t.validation, from, to); err != nil {
				tile.Fill(lp, math.Inf(-1)) // the row has changed since it was checked
				continue
			}
			w.logProb(f.layers, tile.Padded(to-from))
			copy(lp, w.logDet)
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

func (o *TrainOptions) setDefaults(what string) error {
	if o.Steps == 0 {
		o.Steps = 600
	}
	if o.Batch == 0 {
		o.Batch = 512
	}
	if o.LearningRate == 0 {
		o.LearningRate = 5e-4
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
