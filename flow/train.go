package flow

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/kernels"
)

// TrainOptions sets up [Train]. The zero value is the sensible default.
type TrainOptions struct {
	// Steps is the number of minibatches; 600 if zero.
	Steps int
	// Batch is the number of rows per minibatch, drawn with replacement; 512 if
	// zero.
	Batch int
	// LearningRate is the peak of the one-cycle schedule: a cosine from a 25th
	// of it up to it over the first 30% of the steps, and another one down to a
	// 250,000th. 5e-4 if zero.
	LearningRate float64
	// ClipNorm scales longer gradients down to this Euclidean norm; 1 if zero,
	// +Inf for no clipping.
	ClipNorm float64
	// Seed of the minibatches.
	Seed uint64
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

// A History is the record of a training run.
type History struct {
	Steps []Step // those taken, in order
}

// Train changes the parameters of f so that the mean log-density of the rows of
// x grows: Adam (Kingma and Ba 2015; 0.9, 0.999, 1e-8) on the exact gradient of
// minibatches. Rotations and the base are not trained. x must not change
// meanwhile, and f must not be used.
//
// The result depends on the data, the options and the flow alone, not on the
// number of goroutines (GOMAXPROCS).
//
// If ctx is done, Train stops: f holds the last whole step, the history is
// complete up to it, and the error wraps that of ctx. If the loss or its gradient
// is not finite, f gets back its last parameters for which they were, and
// the error names the step. In both cases the history is returned along with the
// error. It is an error, and f stays as it is, if an option is out of range, if x
// does not have Dim columns, or if a value of x is not finite.
func Train(ctx context.Context, f *Flow, x mat.Matrix, o TrainOptions) (*History, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	if _, err := kernels.Active(); err != nil {
		return nil, fmt.Errorf("flow: Train: %w", err)
	}
	src, err := newSource("Train", x, f.dim)
	if err != nil {
		return nil, err
	}
	if err := src.check("Train"); err != nil {
		return nil, err
	}
	if len(f.params) == 0 {
		return nil, errors.New("flow: Train: the flow has no trainable parameters")
	}
	t := newTrainer(f, src, o.Batch)
	defer t.stop()

	history := &History{}
	rng := rand.New(rand.NewPCG(o.Seed, 1))
	adam := kernels.AdamParams{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
	m, v := make([]float64, len(f.params)), make([]float64, len(f.params))
	good := append([]float64(nil), f.params...) // the last parameters known to give a finite loss
	for i := range o.Steps {
		if err := ctx.Err(); err != nil {
			return history, fmt.Errorf("flow: Train: stopped after %d of %d steps: %w", i, o.Steps, err)
		}
		for j := range t.rows {
			t.rows[j] = rng.IntN(src.n)
		}
		loss := t.gradient()
		norm := math.Sqrt(kernels.SumSquares(t.grad))
		if bad := loss + norm; bad-bad != 0 {
			f.set(good)
			return history, fmt.Errorf("flow: Train: step %d: the loss is %v and its gradient has norm %v; a smaller LearningRate than %g, or standardised data, keeps them finite", i+1, loss, norm, o.LearningRate)
		}
		copy(good, f.params)
		if norm > o.ClipNorm {
			scale := o.ClipNorm / norm
			for j := range t.grad {
				t.grad[j] *= scale
			}
		}
		adam.Step = i + 1
		adam.LR = oneCycle(i, o.Steps, o.LearningRate)
		kernels.Adam(f.params, t.grad, m, v, adam)
		f.refresh()
		step := Step{i + 1, loss, adam.LR, norm}
		history.Steps = append(history.Steps, step)
		if o.Progress != nil {
			o.Progress(step)
		}
	}
	return history, nil
}

func (o *TrainOptions) setDefaults() error {
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
	switch {
	case o.Steps < 0:
		return fmt.Errorf("flow: Train: Steps is %d; it must be positive, or 0 for the default", o.Steps)
	case o.Batch < 0:
		return fmt.Errorf("flow: Train: Batch is %d; it must be positive, or 0 for the default", o.Batch)
	case !(o.LearningRate > 0) || math.IsInf(o.LearningRate, 0):
		return fmt.Errorf("flow: Train: LearningRate is %v; it must be positive and finite, or 0 for the default", o.LearningRate)
	case !(o.ClipNorm > 0):
		return fmt.Errorf("flow: Train: ClipNorm is %v; it must be positive, or 0 for the default", o.ClipNorm)
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

// shardSize is the number of samples that go through one shard. Cutting the
// minibatch at the same places whatever the number of workers fixes the order in
// which gradients are added.
const shardSize = 128

// A trainer computes the loss of a minibatch and its gradient.
type trainer struct {
	flow   *Flow
	src    source
	rows   []int     // the minibatch
	lp     []float64 // its log-densities
	grad   []float64 // laid out as flow.params
	shards []*shard
	jobs   chan *shard
	wg     sync.WaitGroup
}

// A shard is the memory for a part of the minibatch.
type shard struct {
	rows    []int // of the trainer
	lp      []float64
	at      []tile  // at[l] is the input of layer l, at[l+1] its output
	s       []arena // of each layer
	back    arena
	d       [2]tile
	dLogDet []float64
	logDet  []float64
	grad    []float64
}

func newTrainer(f *Flow, src source, batch int) *trainer {
	t := &trainer{
		flow: f, src: src,
		rows: make([]int, batch),
		lp:   make([]float64, batch),
		grad: make([]float64, len(f.params)),
	}
	for from := 0; from < batch; from += shardSize {
		to := min(from+shardSize, batch)
		n := to - from
		s := &shard{
			rows: t.rows[from:to], lp: t.lp[from:to],
			at:      []tile{newTile(f.dim, n)},
			d:       [2]tile{newTile(f.dim, n), newTile(f.dim, n)},
			dLogDet: make([]float64, n), logDet: make([]float64, n),
			grad: make([]float64, len(f.params)),
		}
		// loss = -Σ log p / batch, and log p contains +logDet.
		fill(s.dLogDet, -1/float64(batch))
		most := 0
		for _, l := range f.layers {
			forward, backward := l.scratch()
			most = max(most, backward)
			s.at = append(s.at, newTile(f.dim, n))
			s.s = append(s.s, make(arena, forward*n))
		}
		s.back = make(arena, most*n)
		t.shards = append(t.shards, s)
	}
	if workers := min(runtime.GOMAXPROCS(0), len(t.shards)); workers > 1 {
		t.jobs = make(chan *shard, len(t.shards))
		for range workers {
			go func() {
				for s := range t.jobs {
					t.shard(s)
					t.wg.Done()
				}
			}()
		}
	}
	return t
}

// stop ends the workers.
func (t *trainer) stop() {
	if t.jobs != nil {
		close(t.jobs)
	}
}

// gradient returns the loss of the rows in t.rows and leaves its gradient in
// t.grad.
func (t *trainer) gradient() float64 {
	if t.jobs == nil {
		for _, s := range t.shards {
			t.shard(s)
		}
	} else {
		t.wg.Add(len(t.shards))
		for _, s := range t.shards {
			t.jobs <- s
		}
		t.wg.Wait()
	}
	copy(t.grad, t.shards[0].grad)
	for _, s := range t.shards[1:] {
		add(t.grad, s.grad)
	}
	return -kernels.Sum(t.lp) / float64(len(t.lp))
}

// shard takes one shard forward and back.
func (t *trainer) shard(s *shard) {
	layers := t.flow.layers
	for i, row := range s.rows {
		if err := t.src.readRow(s.at[0], i, row, 0, t.src.dim); err != nil {
			// Train has checked every row; this one has changed since. NaN ends
			// the run with an error.
			s.at[0].data[i] = math.NaN()
		}
	}
	clear(s.logDet)
	for i, l := range layers {
		l.forward(s.at[i+1], s.logDet, s.at[i], s.s[i])
	}
	z := s.at[len(layers)]
	t.flow.base.logProb(s.lp, z, s.logDet)

	dx, dz := s.d[0], s.d[1]
	t.flow.base.backward(dz, z, 1/float64(len(t.lp)))
	end := len(s.grad)
	for i := len(layers) - 1; i >= 0; i-- {
		l := layers[i]
		begin := end - len(l.params())
		l.backward(dx, s.grad[begin:end], dz, s.dLogDet, tape{s.at[i], s.at[i+1], s.s[i]}, s.back)
		dx, dz, end = dz, dx, begin
	}
}

// backward writes the derivative of -c·log φ(z) into dz.
func (b base) backward(dz, z tile, c float64) {
	for j := range z.d {
		loc, scale := b.loc[j], b.scale[j]
		dst := dz.row(j)
		for i, v := range z.row(j) {
			dst[i] = c * ((v - loc) / scale / scale)
		}
	}
}
