package flow

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/gflow"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

func newTrainerFor(t testing.TB, f *Flow, x mat.Matrix, o TrainOptions) *Trainer {
	t.Helper()
	tr, err := NewTrainer(f, x, o)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// runUntil runs until so many steps are taken.
func runUntil(t testing.TB, tr *Trainer, step int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	tr.o.Progress = func(s Step) {
		if s.Step == step {
			cancel()
		}
	}
	if err := tr.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("stopping after step %d: error is %v", step, err)
	}
	tr.o.Progress = nil
}

func savedTrainer(t testing.TB, tr *Trainer) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tr.Save(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// savedRunOf is a run on 40 rows that has taken two steps.
func savedRunOf(t testing.TB, o TrainOptions) []byte {
	t.Helper()
	x := flowtest.Table(40, 2, flowtest.NewRand(5))
	f, err := FitRBIG(x, RBIGOptions{Blocks: 1, Components: 2})
	if err != nil {
		t.Fatal(err)
	}
	tr := newTrainerFor(t, couple(t, f, CouplingOptions{Width: 3, Depth: 1}), x, o)
	runUntil(t, tr, 2)
	return savedTrainer(t, tr)
}

func sameHistory(t *testing.T, got, want *History) {
	t.Helper()
	if !slices.Equal(got.Steps, want.Steps) || !slices.Equal(got.Validations, want.Validations) || got.Kept != want.Kept || got.StoppedEarly != want.StoppedEarly {
		t.Errorf("history is\n%+v, want\n%+v", got, want)
	}
}

// Stopping and going on, in the same process or by way of a file, on any number of
// goroutines, gives the bits of a run that was not stopped.
func TestResume(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	start, x := problem(t, 3, 400)
	held := flowtest.Table(90, 3, flowtest.NewRand(8))
	for name, o := range map[string]TrainOptions{
		"without validation": {Schedule: OneCycle, Steps: 9, Batch: 300},
		"fraction":           {Schedule: OneCycle, Steps: 9, Batch: 300, ValidationFraction: 0.2, ValidateEvery: 2, LearningRate: 0.05},
		"matrix, patience":   {Schedule: OneCycle, Steps: 30, Batch: 140, Validation: held, ValidateEvery: 1, Patience: 3, LearningRate: 0.5},
		"plateau":            {Steps: 30, ValidateEvery: 2, Patience: 2, LearningRate: 0.05, Noise: 0.2},
		"plateau, matrix":    {Steps: 40, Batch: 140, Validation: held, ValidateEvery: 1, Patience: 1, LearningRate: 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			runtime.GOMAXPROCS(1)
			o.Seed = 4
			want := newTrainerFor(t, couple(t, start, CouplingOptions{Width: 8}), x, o)
			if err := want.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, way := range []struct {
				stops   []int
				file    bool
				workers int
			}{{[]int{3}, false, 2}, {[]int{3}, true, 1}, {[]int{1, 2}, true, 2}} {
				runtime.GOMAXPROCS(way.workers)
				tr := newTrainerFor(t, couple(t, start, CouplingOptions{Width: 8}), x, o)
				for _, step := range way.stops {
					runUntil(t, tr, step)
					if way.file {
						b := savedTrainer(t, tr)
						var err error
						if tr, err = LoadTrainer(bytes.NewReader(b), x, TrainOptions{Validation: o.Validation}); err != nil {
							t.Fatal(err)
						}
						if again := savedTrainer(t, tr); !bytes.Equal(again, b) {
							t.Fatal("saved again, the run has other bytes")
						}
					}
					runtime.GOMAXPROCS(3 - way.workers)
				}
				if err := tr.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				flowtest.SameBits(t, "parameters", tr.Flow().params, want.Flow().params)
				sameHistory(t, tr.History(), want.History())
				if !bytes.Equal(savedTrainer(t, tr), savedTrainer(t, want)) {
					t.Errorf("stopped at %v: the state of the run differs", way.stops)
				}
			}
			if o.Patience > 0 && !want.History().StoppedEarly {
				t.Error("patience did not end the run: the test shows less than it should")
			}
			// And that is what Train does.
			f := couple(t, start, CouplingOptions{Width: 8})
			h, err := Train(t.Context(), f, x, o)
			if err != nil {
				t.Fatal(err)
			}
			flowtest.SameBits(t, "parameters of Train", f.params, want.Flow().params)
			sameHistory(t, h, want.History())
			// Running on does nothing.
			if err := want.Run(t.Context()); err != nil {
				t.Error(err)
			}
			sameHistory(t, want.History(), h)
		})
	}
}

// A run saved from Progress, as a guard against crashes, goes on as well; the flow in
// the file is the best one.
func TestSaveInTheMiddle(t *testing.T) {
	start, x := problem(t, 2, 300)
	o := TrainOptions{Schedule: OneCycle, Steps: 8, Batch: 64, ValidationFraction: 0.3, ValidateEvery: 3, LearningRate: 0.2}
	tr := newTrainerFor(t, couple(t, start, CouplingOptions{Width: 8}), x, o)
	var file []byte
	tr.o.Progress = func(s Step) {
		if s.Step == 5 {
			file = savedTrainer(t, tr)
		}
	}
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	resumed, err := LoadTrainer(bytes.NewReader(file), x, TrainOptions{Schedule: OneCycle, Steps: 8, LearningRate: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	best, err := Load(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	flowtest.SameBits(t, "the flow in the file", best.params, resumed.best)
	if h := resumed.History(); len(h.Steps) != 5 || len(h.Validations) != 2 {
		t.Errorf("%d steps and %d validations in the file", len(h.Steps), len(h.Validations))
	}
	if err := resumed.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	flowtest.SameBits(t, "parameters", resumed.Flow().params, tr.Flow().params)
	sameHistory(t, resumed.History(), tr.History())
}

// Validation keeps the best parameters, whose loss it reports.
func TestValidation(t *testing.T) {
	start, x := problem(t, 2, 120)
	held := flowtest.Table(500, 2, flowtest.NewRand(8))
	// So few rows and so long steps overfit.
	o := TrainOptions{Schedule: OneCycle, Steps: 60, Batch: 64, LearningRate: 0.05, Validation: held, ValidateEvery: 7}
	f := couple(t, start, CouplingOptions{})
	h, err := Train(t.Context(), f, x, o)
	if err != nil {
		t.Fatal(err)
	}
	var steps []int
	best := h.Validations[0]
	for _, v := range h.Validations {
		steps = append(steps, v.Step)
		if v.Loss < best.Loss {
			best = v
		}
	}
	if want := []int{0, 7, 14, 21, 28, 35, 42, 49, 56, 60}; !slices.Equal(steps, want) || len(h.Steps) != 60 || h.StoppedEarly {
		t.Errorf("validations at %v, want %v; %d steps", steps, want, len(h.Steps))
	}
	if last := h.Validations[len(h.Validations)-1]; !(best.Loss < last.Loss-0.01) {
		t.Errorf("the best loss %v is not far below the last, %v: the test shows nothing", best.Loss, last.Loss)
	}
	if h.Kept != best.Step {
		t.Errorf("the parameters kept are those after %d steps, the best those after %d", h.Kept, best.Step)
	}
	if got := -meanLogProb(t, f, held); math.Abs(got-best.Loss) > 1e-12*math.Abs(got) {
		t.Errorf("the flow's loss on the rows held out is %v, the history's %v", got, best.Loss)
	}
	if before := -meanLogProb(t, start, held); math.Abs(before-h.Validations[0].Loss) > 1e-12*math.Abs(before) {
		t.Errorf("the loss before the first step is %v, want %v", h.Validations[0].Loss, before)
	}

	// With patience the same run ends soon after the best step.
	o.Patience = 2
	g := couple(t, start, CouplingOptions{})
	early, err := Train(t.Context(), g, x, o)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(early.Validations); !early.StoppedEarly || early.Kept != early.Validations[n-3].Step || len(early.Steps) != early.Validations[n-1].Step || n == len(h.Validations) {
		t.Errorf("with patience 2: %d steps, %v", len(early.Steps), early.Validations)
	}
	if !slices.Equal(early.Steps, h.Steps[:len(early.Steps)]) || !slices.Equal(early.Validations, h.Validations[:len(early.Validations)]) {
		t.Error("patience changes the steps")
	}

	// Validation does not change the steps.
	plain, err := Train(t.Context(), couple(t, start, CouplingOptions{}), x, TrainOptions{Schedule: OneCycle, Steps: 60, Batch: 64, LearningRate: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(plain.Steps, h.Steps) {
		t.Error("validation changes the steps")
	}
	if plain.Validations != nil || plain.Kept != 60 {
		t.Errorf("without validation: %+v", plain)
	}
}

// ValidationFraction holds out rows at random, which training does not see.
func TestValidationFraction(t *testing.T) {
	start, x := problem(t, 2, 200)
	for _, seed := range []uint64{1, 2} {
		tr := newTrainerFor(t, couple(t, start, CouplingOptions{Width: 4}), x, TrainOptions{Schedule: OneCycle, ValidationFraction: 0.25, Seed: seed})
		all := slices.Concat(tr.data.Index, tr.validation.Index)
		if len(tr.validation.Index) != 50 || len(all) != 200 {
			t.Fatalf("%d rows held out of %d", len(tr.validation.Index), len(all))
		}
		slices.Sort(all)
		for i, row := range all {
			if row != i {
				t.Fatalf("row %d is missing or there twice", i)
			}
		}
		if slices.Equal(tr.validation.Index, newTrainerFor(t, start, x, TrainOptions{Schedule: OneCycle, ValidationFraction: 0.25, Seed: seed + 1}).validation.Index) {
			t.Error("two seeds hold out the same rows")
		}
		h := tr.History()
		if err := tr.Run(canceled(t)); err == nil || len(h.Validations) != 0 {
			t.Errorf("error %v, history %+v", err, h)
		}
		lp := 0.0
		for _, row := range tr.validation.Index {
			lp += meanLogProb(t, start, x.Slice(row, row+1, 0, 2))
		}
		if got, err := tr.validate(t.Context(), tr.validation); err != nil || math.Abs(got+lp/50) > 1e-12*math.Abs(got) {
			t.Errorf("the loss on the rows held out is %v, %v, want %v", got, err, -lp/50)
		}
	}
}

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// A row that the flow cannot map counts as an infinite loss, which nothing is
// better than; training goes on.
func TestValidationOverflow(t *testing.T) {
	start, x := problem(t, 2, 200)
	far := mat.NewDense(1, 2, []float64{1.7e308, 1.7e308})
	f := couple(t, start, CouplingOptions{Width: 4})
	before := slices.Clone(f.params)
	h, err := Train(t.Context(), f, x, TrainOptions{Schedule: OneCycle, Steps: 5, Validation: far, ValidateEvery: 1, Patience: 3})
	if err != nil {
		t.Fatal(err)
	}
	if !math.IsInf(h.Validations[0].Loss, 1) || !h.StoppedEarly || h.Kept != 0 || len(h.Steps) != 3 {
		t.Errorf("history %+v", h)
	}
	flowtest.SameBits(t, "parameters", f.params, before)
}

// A run that diverges keeps the best parameters, and cannot go on or be saved.
func TestDivergingWithValidation(t *testing.T) {
	start, x := problem(t, 2, 200)
	f := couple(t, start, CouplingOptions{Width: 4, Plain: true})
	before := slices.Clone(f.params)
	tr := newTrainerFor(t, f, x, TrainOptions{Schedule: OneCycle, Steps: 5, ValidationFraction: 0.5, LearningRate: 1e200})
	err := tr.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "step 2: the loss is") {
		t.Fatalf("error is %v", err)
	}
	flowtest.SameBits(t, "parameters", f.params, before)
	if again := tr.Run(t.Context()); again != err {
		t.Errorf("running on: %v", again)
	}
	if err := tr.Save(new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "the run cannot go on") {
		t.Errorf("saving: %v", err)
	}
}

func TestValidationRefuses(t *testing.T) {
	start, x := problem(t, 2, 50)
	f := couple(t, start, CouplingOptions{Width: 4})
	bad := mat.DenseCopyOf(x)
	bad.Set(3, 1, math.NaN())
	for _, c := range []struct {
		what string
		o    TrainOptions
		want string
	}{
		{"fraction of 1", TrainOptions{Schedule: OneCycle, ValidationFraction: 1}, "ValidationFraction is 1"},
		{"negative fraction", TrainOptions{Schedule: OneCycle, ValidationFraction: -0.1}, "ValidationFraction is -0.1"},
		{"NaN", TrainOptions{Schedule: OneCycle, ValidationFraction: math.NaN()}, "ValidationFraction is NaN"},
		{"too small", TrainOptions{Schedule: OneCycle, ValidationFraction: 0.001}, "holds out 0 of 50 rows"},
		{"too large", TrainOptions{Schedule: OneCycle, ValidationFraction: 0.999}, "holds out 50 of 50 rows"},
		{"both", TrainOptions{Schedule: OneCycle, ValidationFraction: 0.5, Validation: x}, "both a ValidationFraction and a Validation matrix"},
		{"columns", TrainOptions{Schedule: OneCycle, Validation: mat.NewDense(2, 3, nil)}, "Validation: the matrix has 3 columns"},
		{"not finite", TrainOptions{Schedule: OneCycle, Validation: bad}, "Validation: row 3, column 1 is NaN"},
		{"every", TrainOptions{Schedule: OneCycle, ValidateEvery: -1}, "ValidateEvery is -1"},
		{"patience", TrainOptions{Schedule: OneCycle, Patience: -1}, "Patience is -1"},
		{"patience alone", TrainOptions{Schedule: OneCycle, Patience: 3}, "nothing is held out"},
	} {
		if _, err := Train(t.Context(), f, x, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", c.what, err, c.want)
		}
	}
}

func TestLoadTrainerRefuses(t *testing.T) {
	x := flowtest.Table(40, 2, flowtest.NewRand(5))
	b := savedRunOf(t, TrainOptions{Schedule: OneCycle, Steps: 4, Batch: 8})
	other := mat.DenseCopyOf(x)
	other.Set(17, 1, other.At(17, 1)+1e-9)
	start, err := Load(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		b    []byte
		x    mat.Matrix
		o    TrainOptions
		want string
	}{
		{"a flow", savedGflow(t, start), x, TrainOptions{Schedule: OneCycle}, "this is a flow without the run that trains it"},
		{"other data", b, other, TrainOptions{Schedule: OneCycle}, "the run was started on other data"},
		{"fewer rows", b, x.Slice(0, 30, 0, 2), TrainOptions{Schedule: OneCycle}, "the run was started on other data"},
		{"columns", b, mat.NewDense(4, 3, nil), TrainOptions{Schedule: OneCycle}, "the matrix has 3 columns"},
		{"steps", b, x, TrainOptions{Schedule: OneCycle, Steps: 5}, "Steps is 5, and the run was started with 4"},
		{"rate", b, x, TrainOptions{Schedule: OneCycle, LearningRate: 1}, "LearningRate is 1, and the run was started with 0.0005"},
		{"validation", b, x, TrainOptions{Schedule: OneCycle, Validation: x}, "the run was started on other data"},
		{"no validation", savedRunOf(t, TrainOptions{Schedule: OneCycle, Steps: 4, Batch: 8, Validation: x, Patience: 3}), x, TrainOptions{Schedule: OneCycle}, "validates with a matrix of 40 rows"},
		{"damaged", append(bytes.Clone(b[:len(b)-1]), 1), x, TrainOptions{Schedule: OneCycle}, "its checksum is"},
	} {
		if _, err := LoadTrainer(bytes.NewReader(c.b), c.x, c.o); err == nil || !strings.HasPrefix(err.Error(), "flow: LoadTrainer: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", c.what, err, c.want)
		}
	}
	for n := range b {
		if _, err := LoadTrainer(bytes.NewReader(b[:n]), x, TrainOptions{Schedule: OneCycle}); err == nil || !strings.Contains(err.Error(), "it ends too early") {
			t.Fatalf("cut off after %d of %d bytes: error is %v", n, len(b), err)
		}
		damaged := bytes.Clone(b)
		damaged[n] ^= 0x08
		if _, err := LoadTrainer(bytes.NewReader(damaged), x, TrainOptions{Schedule: OneCycle}); err == nil {
			t.Fatalf("byte %d changed: no error", n)
		}
	}
}

// Every number of a file is bounded by what the file or the data justify, whatever its
// checksum says.
func TestLoadTrainerBounds(t *testing.T) {
	x := flowtest.Table(40, 2, flowtest.NewRand(5))
	plain := savedRunOf(t, TrainOptions{Schedule: OneCycle, Steps: 4, Batch: 8})
	validated := savedRunOf(t, TrainOptions{Schedule: OneCycle, Steps: 4, Batch: 8, ValidationFraction: 0.25, ValidateEvery: 1})
	// Where things are: the run begins behind its flow, and ends with the history.
	start := func(b []byte) int {
		f, err := Load(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		var flow bytes.Buffer
		e := gflow.NewEncoder(&flow)
		gflow.Encode(e, f.Model(), gflow.Run)
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
		return flow.Len()
	}
	at := func(b []byte, offset int, v uint64) []byte {
		b = bytes.Clone(b)
		binary.LittleEndian.PutUint64(b[offset:], v)
		return resum(b)
	}
	nan, from := math.Float64bits(math.NaN()), start(plain)
	kept, count := len(plain)-12, len(plain)-20-3*8*2-8 // two steps, no validation
	last := len(validated) - 12 - 16                    // two validations, after steps 0 and 1
	for _, c := range []struct {
		what string
		b    []byte
		want string
	}{
		{"no steps", at(plain, from, 0), "Steps is 0"},
		{"huge Steps", at(plain, from, math.MaxUint64), "Steps is 18446744073709551615; it is out of range"},
		{"no batch", at(plain, from+8, 0), "Batch is 0"},
		{"huge batch", at(plain, from+8, 1<<40), "Batch is 1099511627776"},
		{"no ValidateEvery", at(plain, from+24, 0), "ValidateEvery is 0"},
		{"Patience", at(plain, from+32, 3), "nothing is held out"},
		{"rate", at(plain, from+40, nan), "LearningRate is NaN"},
		{"clip", at(plain, from+48, nan), "ClipNorm is NaN"},
		{"fraction", at(plain, from+56, nan), "ValidationFraction is NaN"},
		{"rows", at(plain, from+64, 1<<50), "other data"},
		{"rows held out", at(plain, from+72, 1<<50), "the parameters kept are those after 2 steps"},
		{"steps taken", at(plain, count, 1<<30), "1073741824 of 4 steps have been taken"},
		{"validations", at(plain, count+8+3*8*2, 1<<30), "1073741824 validations"},
		{"kept", at(plain, kept, 1<<40), "kept"},
		{"kept, but not validated", at(validated, len(validated)-12, 3), "kept"},
		{"validation ahead", at(validated, last, 1<<30), "a validation after step 1073741824"},
		{"validations in no order", at(validated, last, 0), "a validation after step 0"},
	} {
		before := totalAlloc()
		_, err := LoadTrainer(bytes.NewReader(c.b), x, TrainOptions{Schedule: OneCycle})
		if err == nil || !strings.HasPrefix(err.Error(), "flow: LoadTrainer: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", c.what, err, c.want)
		}
		if took := totalAlloc() - before; took > 1<<20 {
			t.Errorf("%s: %d bytes allocated for a file of %d", c.what, took, len(c.b))
		}
	}
	for _, b := range [][]byte{plain, validated} { // which are all right otherwise
		tr, err := LoadTrainer(bytes.NewReader(b), x, TrainOptions{Schedule: OneCycle})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.Run(t.Context()); err != nil {
			t.Error(err)
		}
	}
	f, err := Load(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewTrainer(f, x, TrainOptions{Schedule: OneCycle, Batch: 1 << 30}); err == nil || !strings.Contains(err.Error(), "Batch is 1073741824") {
		t.Errorf("a new run with a huge batch: error is %v", err)
	}
}

// A cancelling matrix cancels a context when so many of its elements have been read.
type cancelling struct {
	mat.Matrix
	cancel context.CancelFunc
	after  int64
	read   atomic.Int64
}

func (m *cancelling) At(i, j int) float64 {
	if m.read.Add(1) == m.after {
		m.cancel()
	}
	return m.Matrix.At(i, j)
}

// Cancelled in the middle of a minibatch or of a validation, training goes no further
// than the shards it has in hand, and the run goes on as if it had not been stopped.
func TestCancelWithinAStep(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	const d, n, batch = 2, 2000, 20_000
	start, x := problem(t, d, n)
	for _, c := range []struct {
		what  string
		after int64 // elements of the minibatches or of the rows held out
		done  int   // steps by then
		o     TrainOptions
	}{
		{"in the first step", d * batch / 2, 0, TrainOptions{Schedule: OneCycle, Steps: 2, Batch: batch}},
		{"in the second step", d * batch * 3 / 2, 1, TrainOptions{Schedule: OneCycle, Steps: 2, Batch: batch}},
		{"in the first validation", d * n / 2, 0, TrainOptions{Schedule: OneCycle, Steps: 2, Batch: 100, Validation: x}},
		{"in the last validation", d * (n + n/2), 2, TrainOptions{Schedule: OneCycle, Steps: 2, Batch: 100, Validation: x}},
	} {
		t.Run(c.what, func(t *testing.T) {
			want := newTrainerFor(t, couple(t, start, CouplingOptions{Width: 8}), x, c.o)
			if err := want.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, workers := range []int{1, 3} {
				runtime.GOMAXPROCS(workers)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				m := &cancelling{Matrix: x, cancel: cancel}
				o, data := c.o, mat.Matrix(m)
				if o.Validation != nil {
					o.Validation, data = m, x
				}
				tr := newTrainerFor(t, couple(t, start, CouplingOptions{Width: 8}), data, o)
				m.read.Store(0) // NewTrainer has read everything
				m.after = c.after
				err := tr.Run(ctx)
				if !errors.Is(err, context.Canceled) || len(tr.History().Steps) != c.done {
					t.Fatalf("%d workers: error is %v after %d steps, want %d", workers, err, len(tr.History().Steps), c.done)
				}
				if further := m.read.Load() - m.after; further > int64(workers*d*max(shardSize, tile.Size(d))) {
					t.Errorf("%d workers: %d elements were read after the end", workers, further)
				}
				if err := tr.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				flowtest.SameBits(t, "parameters", tr.Flow().params, want.Flow().params)
				sameHistory(t, tr.History(), want.History())
			}
		})
	}
}
