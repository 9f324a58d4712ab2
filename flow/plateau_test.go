package flow

import (
	"bytes"
	"context"
	"math"
	"runtime"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
)

// The zero value of TrainOptions holds rows out, ends by itself, and keeps what is better
// on them.
func TestTrainDefaults(t *testing.T) {
	x := normalRows(800, 2, 1, flowtest.NewRand(2))
	for i := range 800 { // a bent band, which one block of the diagonal flow does not bend
		x.Set(i, 1, 0.2*x.At(i, 1)+x.At(i, 0)*x.At(i, 0))
	}
	start, err := FitRBIG(x, RBIGOptions{Blocks: 1, Components: 4})
	if err != nil {
		t.Fatal(err)
	}
	f := couple(t, start, CouplingOptions{Width: 16})
	before := meanLogProb(t, f, x)
	h, err := Train(t.Context(), f, x, TrainOptions{Steps: 400})
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Validations) == 0 || h.Validations[0].Step != 0 || h.Kept == 0 || !(h.Gain > h.beyondChance()*h.GainSE) || !(h.GainSE > 0) {
		t.Errorf("%d validations, kept %d, gain %v ± %v", len(h.Validations), h.Kept, h.Gain, h.GainSE)
	}
	if after := meanLogProb(t, f, x); !(after > before) {
		t.Errorf("the mean log-density went from %v to %v", before, after)
	}
	rate := h.Steps[0].LearningRate
	if want := 1e-3 / warmUp; math.Abs(rate-want) > 1e-18 {
		t.Errorf("the first rate is %v, want %v", rate, want)
	}
	for i := range h.Steps {
		if r := h.Steps[i].LearningRate; !(r <= 1e-3) {
			t.Errorf("step %d has rate %v", i+1, r)
		}
	}
}

// Where training has nothing to find, the flow keeps what it came with, to the last bit.
func TestPlateauKeepsTheStart(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	rng := flowtest.NewRand(4)
	for seed := range uint64(4) {
		f := newFlow(2, []block{{flowtest.RandomRotation(2, rng)}}) // the truth
		c, err := f.Couple(CouplingOptions{Width: 16, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		before := slices.Clone(c.params)
		h, err := Train(t.Context(), c, normalRows(150, 2, 1, rng), TrainOptions{Steps: 200, LearningRate: 0.02, Patience: 2, Noise: -1, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		if h.Kept != 0 || h.Gain > h.beyondChance()*h.GainSE {
			t.Errorf("seed %d: kept %d, gain %v ± %v", seed, h.Kept, h.Gain, h.GainSE)
			continue
		}
		flowtest.SameBits(t, "parameters", c.params, before)
	}
}

// The best of n validations passes by chance in 5 % of all cases at most.
func TestBeyondChance(t *testing.T) {
	for validations, want := range map[int]float64{0: 1.6449, 1: 1.6449, 2: 1.6449, 11: 2.5758, 51: 3.0902} {
		h := History{Validations: make([]Validation, validations)} // one of them before the first step
		if got := h.beyondChance(); math.Abs(got-want) > 1e-4 {
			t.Errorf("%d validations: %v standard errors, want %v", validations, got, want)
		}
	}
}

// bent returns rows around a parabola.
func bent(n int, seed uint64) *mat.Dense {
	rng := flowtest.NewRand(seed)
	x := mat.NewDense(n, 2, nil)
	for i := range n {
		a := rng.NormFloat64()
		x.SetRow(i, []float64{a, a*a + 0.3*rng.NormFloat64()})
	}
	return x
}

// A model may hold anything before the transform of a fit. Training behind that takes it
// for a fit without axes.
func TestTrainRefitsForeignBlocks(t *testing.T) {
	x := bent(300, 1)
	m := mustFit(t, x, FitOptions{MaxComponents: 1}).Model()
	turn := model.Layer{Kind: "rotation", Tensors: []model.Tensor{{Name: "rotation", Shape: []int{2, 2}, Values: []float64{0, 1, -1, 0}}}}
	last := len(m.Blocks[0]) - 1
	m.Blocks[0] = append(slices.Clone(m.Blocks[0][:1]), turn, turn, turn, m.Blocks[0][last])
	f, err := New(m)
	if err != nil {
		t.Fatal(err)
	}
	if f.form().Axes != nil {
		t.Error("three rotations are axes")
	}
	if _, err := Train(t.Context(), couple(t, f, CouplingOptions{Width: 8, Blocks: 1}), x, TrainOptions{Seed: 3, Steps: 2}); err != nil {
		t.Error(err)
	}
}

// Behind a fit, training takes place behind one that has not seen the rows held out, and
// what it finds there is worth as much behind the flow's own.
func TestTrainRefits(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	x, fresh := bent(900, 1), bent(4000, 2)
	start, err := Fit(t.Context(), x, FitOptions{Seed: 5, MaxComponents: 1})
	if err != nil {
		t.Fatal(err)
	}
	if start.form().Axes == nil {
		t.Fatal("the fit has no axes, which the other one has to share")
	}
	o := TrainOptions{Seed: 3, Steps: 200}
	behind := func(f *Flow) *Flow { return couple(t, f, CouplingOptions{Width: 16, Blocks: 2}) }
	coupled := func() *Flow { return behind(start) }
	tr := newTrainerFor(t, coupled(), x, o)
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := tr.History()
	gain, se := paired(scores(t, tr.Flow(), fresh), scores(t, start, fresh))
	t.Logf("by the rows held out %.4f ± %.4f, by fresh ones %.4f ± %.4f", h.Gain, h.GainSE, gain, se)
	if h.Kept == 0 || !(math.Abs(gain-h.Gain) < 3*math.Hypot(se, h.GainSE)) || !(gain > 3*se) {
		t.Errorf("kept %d; by the rows held out %v ± %v is gained, by fresh ones %v ± %v", h.Kept, h.Gain, h.GainSE, gain, se)
	}

	held, seen := mat.NewDense(tr.validation.Len(), 2, nil), mat.NewDense(tr.data.Len(), 2, nil)
	for i, k := range tr.validation.Index {
		held.SetRow(i, x.RawRowView(k))
	}
	for i, k := range tr.data.Index {
		seen.SetRow(i, x.RawRowView(k))
	}
	other, err := fitLike(t.Context(), seen, FitOptions{Seed: 3, MaxComponents: 1}, start.form())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := h.Validations[0].Loss, -meanLogProb(t, behind(other), held); math.Abs(got-want) > 1e-5 {
		t.Errorf("the first loss is %v; behind a fit without the rows held out it is %v, behind the flow's own %v", got, want, -meanLogProb(t, coupled(), held))
	}

	halves := newTrainerFor(t, coupled(), x, o)
	ctx, cancel := context.WithCancel(t.Context())
	halves.o.Progress = func(s Step) {
		if s.Step == 90 {
			cancel()
		}
	}
	if err := halves.Run(ctx); err == nil {
		t.Fatal("it was not stopped")
	}
	var saved bytes.Buffer
	if err := halves.Save(&saved); err != nil {
		t.Fatal(err)
	}
	again, err := LoadTrainer(&saved, x, TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	flowtest.SameBits(t, "parameters of a run that was stopped", again.Flow().params, tr.Flow().params)

	// What is good behind the other fit and bad behind the flow's own is not kept.
	last := slices.Clone(tr.part.params)
	if !tr.transfers() {
		t.Error("what it kept does not transfer")
	}
	for i := range tr.best {
		tr.best[i] += 0.5
	}
	if tr.transfers() {
		t.Error("any parameters transfer")
	}
	flowtest.SameBits(t, "parameters", tr.part.params, last)

	// Rows of one's own to validate with need none of this, nor do flows that begin otherwise.
	if own := newTrainerFor(t, coupled(), seen, TrainOptions{Validation: held}); own.own.N != 0 {
		t.Error("with Validation the fit is made again")
	}
	rbig, _ := problem(t, 2, 300)
	if own := newTrainerFor(t, couple(t, rbig, CouplingOptions{Width: 4}), x, TrainOptions{}); own.own.N != 0 {
		t.Error("behind FitRBIG the fit is made again")
	}
	// Where these rows cannot be fitted, training is behind the flow's own fit.
	few := newTrainerFor(t, coupled(), x.Slice(0, 4, 0, 2), TrainOptions{ValidationFraction: 0.5})
	if few.own.N != 0 || few.data.Len() != 2 {
		t.Errorf("two rows are fitted; %d rows to train on", few.data.Len())
	}
}

// A run goes back to its best parameters, with a third of the rate, and ends after the
// fifth time.
func TestPlateauGoesBack(t *testing.T) {
	start, x := problem(t, 2, 300)
	f := couple(t, start, CouplingOptions{Width: 8})
	h, err := Train(t.Context(), f, x, TrainOptions{Steps: 3000, LearningRate: 1, Patience: 1, ValidateEvery: 30})
	if err != nil {
		t.Fatal(err)
	}
	if !h.StoppedEarly {
		t.Fatalf("%d steps, and not at its end", len(h.Steps))
	}
	if last := h.Steps[len(h.Steps)-1].LearningRate; math.Abs(last*81-1) > 1e-12 {
		t.Errorf("the last rate is %v, want 1/81", last)
	}
	best := math.Inf(1)
	for _, v := range h.Validations {
		best = min(best, v.Loss)
	}
	for _, v := range h.Validations {
		if v.Step == h.Kept && h.Kept > 0 && v.Loss != best {
			t.Errorf("kept the parameters of loss %v, the best has %v", v.Loss, best)
		}
	}
}

// The default noise is Silverman's bandwidth, times itself or a half.
func TestDefaultNoise(t *testing.T) {
	for _, c := range []struct{ n, d int }{{2000, 2}, {300, 3}, {60, 8}} {
		start := newFlow(c.d, []block{{flowtest.RandomRotation(c.d, flowtest.NewRand(1))}})
		x := normalRows(c.n, c.d, 1, flowtest.NewRand(2))
		tr := newTrainerFor(t, couple(t, start, CouplingOptions{Width: 4}), x, TrainOptions{})
		d := float64(c.d)
		h := math.Pow(4/(d+2), 1/(d+4)) * math.Pow(float64(tr.data.Len()), -1/(d+4))
		if want := min(h*h, h/2); math.Abs(tr.noise-want) > 1e-12 {
			t.Errorf("%d rows in %d dimensions: noise %v, want %v", c.n, c.d, tr.noise, want)
		}
		if tr.cuts = 1; tr.noiseNow() != tr.noise/2 {
			t.Errorf("having gone back once: noise %v of %v", tr.noiseNow(), tr.noise)
		}
		if tr.cuts = mostCuts; tr.noiseNow() != 0 {
			t.Errorf("in the last part there is noise of %v", tr.noiseNow())
		}
	}
}

// Noise keeps the spread, and neither it nor anything else depends on the goroutines.
func TestNoise(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	start, x := problem(t, 3, 500)
	var want []float64
	for _, workers := range []int{1, 4} {
		runtime.GOMAXPROCS(workers)
		f := couple(t, start, CouplingOptions{Width: 8})
		if _, err := Train(t.Context(), f, x, TrainOptions{Schedule: OneCycle, Steps: 4, Batch: 400, Noise: 0.5}); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = slices.Clone(f.params)
		}
		flowtest.SameBits(t, "parameters", f.params, want)
	}
	without := couple(t, start, CouplingOptions{Width: 8})
	if _, err := Train(t.Context(), without, x, TrainOptions{Schedule: OneCycle, Steps: 4, Batch: 400}); err != nil {
		t.Fatal(err)
	}
	if slices.Equal(without.params, want) {
		t.Error("noise changes nothing")
	}

	tr := newTrainerFor(t, couple(t, start, CouplingOptions{Width: 4}), x, TrainOptions{Noise: -1})
	e := newNoise(tr.data.Rows, 3, 1)
	e.set(2, 1)
	d, n := 3, 100
	same := flowtest.Tile(d, n, 0, flowtest.NewRand(1))
	var s [2]tile.Tile
	s[0], s[1] = flowtest.Tile(d, n, 0, flowtest.NewRand(1)), flowtest.Tile(d, n, 0, flowtest.NewRand(1))
	sum, square := make([]float64, d), make([]float64, d)
	const rounds = 300
	for round := range rounds {
		for j := range d {
			for i := range n {
				same.Row(j)[i] = x.At((round*n+i)%500, j)
			}
		}
		e.add(same, round, s)
		for j := range d {
			for _, v := range same.Row(j) {
				sum[j] += v / float64(rounds*n)
				square[j] += v * v / float64(rounds*n)
			}
		}
	}
	for j := range d {
		var m, q float64
		for i := range 500 {
			m += x.At(i, j) / 500
			q += x.At(i, j) * x.At(i, j) / 500
		}
		if got, want := math.Sqrt(square[j]-sum[j]*sum[j]), math.Sqrt(q-m*m); !(math.Abs(got/want-1) < 0.08) {
			t.Errorf("column %d: with noise the rows have spread %v, without %v", j, got, want)
		}
	}
}
