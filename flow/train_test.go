package flow

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
)

// The gradient of the whole training loss, through every layer, agrees with
// central differences.
func TestLossGradient(t *testing.T) {
	check := func(t *testing.T, f *Flow, n int, seed uint64) {
		x := sampleOf(t, f, n, seed)
		src, err := tile.NewSource(x, f.dim)
		if err != nil {
			t.Fatal(err)
		}
		tr := newMinibatch(f, tile.Rows{Source: src}, n)
		for i := range tr.at {
			tr.at[i] = i
		}
		gradient := func() float64 {
			loss, err := tr.gradient(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return loss
		}
		loss := gradient()
		grad := append([]float64(nil), tr.grad...)

		lp := make([]float64, n)
		if err := f.LogProb(lp, x); err != nil {
			t.Fatal(err)
		}
		if want := -stat.Mean(lp, nil); math.Abs(loss-want) > 1e-12*(1+math.Abs(want)) {
			t.Errorf("the loss is %v, the mean of -LogProb %v", loss, want)
		}
		flowtest.CheckGradient(t, "parameters", grad, f.params, func() float64 {
			f.refresh()
			return gradient()
		})
	}
	most := 7
	if testing.Short() { // the race detector takes minutes for the others
		most = 4
	}
	for d := 2; d <= most; d++ {
		t.Run(fmt.Sprintf("coupling/d=%d", d), func(t *testing.T) {
			f := randomCoupling(t, d, 2, CouplingOptions{Width: 5, Depth: 1 + d%2}, flowtest.NewRand(uint64(d)))
			check(t, f, 5, uint64(d))
		})
	}
	for d := 1; d <= 4; d++ {
		t.Run(fmt.Sprintf("diagonal/d=%d", d), func(t *testing.T) {
			check(t, randomDiagonal(d, 2, flowtest.NewRand(uint64(d))), 7, uint64(d))
		})
	}
	t.Run("several shards", func(t *testing.T) {
		check(t, randomDiagonal(2, 2, flowtest.NewRand(1)), 2*shardSize+37, 1)
	})
	t.Run("several waves", func(t *testing.T) {
		check(t, randomDiagonal(2, 1, flowtest.NewRand(2)), 9*shardSize+1, 2)
	})
}

// problem is a diagonal flow to start from and n rows to train it on.
func problem(t testing.TB, d, n int) (*Flow, *mat.Dense) {
	t.Helper()
	x := flowtest.Table(2000, d, flowtest.NewRand(77))
	start, err := FitRBIG(x, RBIGOptions{Blocks: 2, Components: 4})
	if err != nil {
		t.Fatal(err)
	}
	return start, x.Slice(0, n, 0, d).(*mat.Dense)
}

func couple(t testing.TB, f *Flow, o CouplingOptions) *Flow {
	t.Helper()
	c, err := f.Couple(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func meanLogProb(t testing.TB, f *Flow, x mat.Matrix) float64 {
	t.Helper()
	n, _ := x.Dims()
	lp := make([]float64, n)
	if err := f.LogProb(lp, x); err != nil {
		t.Fatal(err)
	}
	return stat.Mean(lp, nil)
}

func TestTrain(t *testing.T) {
	start, x := problem(t, 3, 2000)
	coupling := couple(t, start, CouplingOptions{Width: 16})
	for _, f := range []*Flow{randomDiagonal(3, 2, flowtest.NewRand(1)), coupling} {
		before := meanLogProb(t, f, x)
		var seen []Step
		h, err := Train(context.Background(), f, x, TrainOptions{
			Schedule: OneCycle,
			Steps:    120, Batch: 200, LearningRate: 5e-3,
			Progress: func(s Step) { seen = append(seen, s) },
		})
		if err != nil {
			t.Fatal(err)
		}
		after := meanLogProb(t, f, x)
		if !(after > before+0.03) {
			t.Errorf("%v: training takes the mean log-density from %v to %v", f, before, after)
		}
		if len(h.Steps) != 120 || len(seen) != 120 {
			t.Fatalf("%v: %d steps recorded, %d reported, want 120", f, len(h.Steps), len(seen))
		}
		for i, s := range h.Steps {
			if s != seen[i] || s.Step != i+1 || s.LearningRate != oneCycle(i, 120, 5e-3) || !(s.GradNorm > 0) {
				t.Errorf("%v: step %d is recorded as %+v and reported as %+v", f, i+1, s, seen[i])
			}
		}
		if got := h.Steps[0].Loss; math.Abs(got+before) > 0.5 {
			t.Errorf("%v: the first loss is %v, the mean over all rows %v", f, got, -before)
		}
	}
	for i, k := range coupling.KernelMax() {
		if !(k > 0) {
			t.Errorf("the final kernel of conditioner %d is still zero", i)
		}
	}
}

func TestTrainReproduces(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	start, x := problem(t, 3, 500)
	train := func(workers int, seed uint64) ([]float64, *History) {
		runtime.GOMAXPROCS(workers)
		f := couple(t, start, CouplingOptions{Width: 8, Seed: 3})
		// So many shards that the number of waves depends on the workers.
		h, err := Train(context.Background(), f, x, TrainOptions{Schedule: OneCycle, Steps: 3, Batch: 12*shardSize + 5, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return f.params, h
	}
	want, history := train(1, 1)
	for _, workers := range []int{1, 2, 3, 8} {
		got, h := train(workers, 1)
		flowtest.SameBits(t, "parameters", got, want)
		for i, s := range h.Steps {
			if s != history.Steps[i] {
				t.Fatalf("%d workers: step %d is %+v, want %+v", workers, i+1, s, history.Steps[i])
			}
		}
	}
	if _, h := train(1, 2); h.Steps[0] == history.Steps[0] {
		t.Error("two seeds draw the same minibatch")
	}
}

func TestCoupleReproduces(t *testing.T) {
	diagonal := randomDiagonal(3, 2, flowtest.NewRand(1))
	params := func(seed uint64) []float64 { return couple(t, diagonal, CouplingOptions{Seed: seed}).params }
	flowtest.SameBits(t, "parameters", params(1), params(1))
	a, b := params(1), params(2)
	for i := range a {
		if a[i] != b[i] {
			return
		}
	}
	t.Error("two seeds give the same starting values")
}

func TestTrainCancel(t *testing.T) {
	start, x := problem(t, 2, 300)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f := couple(t, start, CouplingOptions{Width: 8})
	var atSeven []float64
	h, err := Train(ctx, f, x, TrainOptions{Schedule: OneCycle, Steps: 50, Progress: func(s Step) {
		if s.Step == 7 {
			atSeven = append(atSeven, f.params...)
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "stopped after 7 of 50 steps") {
		t.Errorf("error is %v", err)
	}
	flowtest.SameBits(t, "parameters after cancelling", f.params, atSeven)
	if !(meanLogProb(t, f, x) > meanLogProb(t, start, x)) {
		t.Error("the cancelled run kept nothing")
	}
	full, err := Train(context.Background(), couple(t, start, CouplingOptions{Width: 8}), x, TrainOptions{Schedule: OneCycle, Steps: 50})
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Steps) != 7 {
		t.Fatalf("%d steps recorded, want 7", len(h.Steps))
	}
	for i, s := range h.Steps {
		if s != full.Steps[i] {
			t.Errorf("step %d is %+v, without cancelling %+v", i+1, s, full.Steps[i])
		}
	}

	// A context that is done at the start leaves the flow alone.
	h, err = Train(ctx, f, x, TrainOptions{Schedule: OneCycle})
	if !errors.Is(err, context.Canceled) || len(h.Steps) != 0 {
		t.Errorf("after cancelling: %d steps, error %v", len(h.Steps), err)
	}
	flowtest.SameBits(t, "parameters of no step", f.params, atSeven)
}

func TestTrainDiverging(t *testing.T) {
	start, x := problem(t, 2, 300)
	for _, c := range []struct {
		rate float64
		want string
	}{
		{1e200, "flow: Train: step 2: the loss is"},
		{math.MaxFloat64, "flow: Train: step"},
	} {
		f := couple(t, start, CouplingOptions{Width: 8, Plain: true})
		before := append([]float64(nil), f.params...)
		lp := meanLogProb(t, f, x)
		h, err := Train(context.Background(), f, x, TrainOptions{Schedule: OneCycle, Steps: 5, LearningRate: c.rate})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("rate %g: error is %v, want one with %q", c.rate, err, c.want)
		}
		if len(h.Steps) > 1 {
			t.Errorf("rate %g: %d steps recorded", c.rate, len(h.Steps))
		}
		flowtest.SameBits(t, "restored parameters", f.params, before)
		if got := meanLogProb(t, f, x); got != lp {
			t.Errorf("rate %g: the mean log-density went from %v to %v", c.rate, lp, got)
		}
	}
}

// Rows are checked before the first step; one that turns bad later ends training
// all the same.
func TestTrainOnChangingData(t *testing.T) {
	f, x := problem(t, 2, 20)
	h, err := Train(context.Background(), f, x, TrainOptions{Schedule: OneCycle, Steps: 9, Progress: func(s Step) {
		if s.Step == 3 {
			x.Set(7, 1, math.NaN())
		}
	}})
	if err == nil || !strings.Contains(err.Error(), "step 4: the loss is NaN") || len(h.Steps) != 3 {
		t.Errorf("%d steps, error %v", len(h.Steps), err)
	}
	if lp := meanLogProb(t, f, x.Slice(0, 7, 0, 2)); math.IsNaN(lp) {
		t.Error("the parameters are spoilt")
	}
}

func TestTrainRefuses(t *testing.T) {
	f, good := problem(t, 2, 50)
	before := append([]float64(nil), f.params...)
	bad := mat.DenseCopyOf(good)
	bad.Set(31, 1, math.Inf(1))
	for _, c := range []struct {
		what string
		x    mat.Matrix
		o    TrainOptions
		want string
	}{
		{"infinity", bad, TrainOptions{Schedule: OneCycle}, "flow: Train: row 31, column 1 is +Inf"},
		{"columns", mat.NewDense(3, 3, nil), TrainOptions{Schedule: OneCycle}, "has 3 columns; the flow has dimension 2"},
		{"no rows", new(mat.Dense), TrainOptions{Schedule: OneCycle}, "the matrix is 0×0"},
		{"steps", good, TrainOptions{Schedule: OneCycle, Steps: -1}, "Steps is -1"},
		{"batch", good, TrainOptions{Schedule: OneCycle, Batch: -3}, "Batch is -3"},
		{"rate", good, TrainOptions{Schedule: OneCycle, LearningRate: math.NaN()}, "LearningRate is NaN"},
		{"negative rate", good, TrainOptions{Schedule: OneCycle, LearningRate: -1}, "LearningRate is -1"},
		{"clip", good, TrainOptions{Schedule: OneCycle, ClipNorm: -1}, "ClipNorm is -1"},
	} {
		if _, err := Train(context.Background(), f, c.x, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", c.what, err, c.want)
		}
	}
	flowtest.SameBits(t, "parameters", f.params, before)

	rotations := newFlow(2, []block{{flowtest.RandomRotation(2, flowtest.NewRand(1))}})
	if _, err := Train(context.Background(), rotations, good, TrainOptions{Schedule: OneCycle}); err == nil || !strings.Contains(err.Error(), "no trainable parameters") {
		t.Errorf("nothing to train: error is %v", err)
	}
}

func TestClipping(t *testing.T) {
	_, x := problem(t, 2, 300)
	// Adam's first step does not depend on the gradient's length; its later ones
	// depend on the ratio between steps.
	params := func(clip float64) []float64 {
		f, _ := problem(t, 2, 1)
		if _, err := Train(context.Background(), f, x, TrainOptions{Schedule: OneCycle, Steps: 5, Batch: 20, ClipNorm: clip}); err != nil {
			t.Fatal(err)
		}
		return f.params
	}
	free, huge, tight := params(math.Inf(1)), params(1e9), params(1e-3)
	flowtest.SameBits(t, "no clipping", free, huge)
	for i := range free {
		if free[i] != tight[i] {
			return
		}
	}
	t.Error("clipping changes nothing")
}

func TestOneCycle(t *testing.T) {
	const peak, n = 5e-4, 601
	for _, c := range []struct {
		step int
		want float64
	}{{0, peak / 25}, {90, peak * (1 + 1.0/25) / 2}, {180, peak}, {390, peak * (1 + 1/25e4) / 2}, {600, peak / 25e4}} {
		if got := oneCycle(c.step, n, peak); math.Abs(got-c.want) > 1e-14*peak {
			t.Errorf("step %d: rate %v, want %v", c.step, got, c.want)
		}
	}
	for i := 1; i < n; i++ {
		if rising := oneCycle(i, n, peak) > oneCycle(i-1, n, peak); rising != (i <= 180) {
			t.Errorf("step %d: rising is %v", i, rising)
		}
	}
	if got := oneCycle(0, 1, peak); got != peak/25 {
		t.Errorf("a single step has rate %v", got)
	}
}

func TestHalfCosine(t *testing.T) {
	for i := range 1001 {
		u := float64(i) / 1000
		if got, want := halfCosine(u), (1-math.Cos(math.Pi*u))/2; math.Abs(got-want) > 1e-15 {
			t.Errorf("halfCosine(%v) = %v, want %v", u, got, want)
		}
	}
}

// A minibatch takes memory for its row numbers and log-densities, and not for the
// activations and gradients of all its shards together.
func TestLargeMinibatch(t *testing.T) {
	start, x := problem(t, 2, 300)
	f := couple(t, start, CouplingOptions{})
	src, err := tile.NewSource(x, 2)
	if err != nil {
		t.Fatal(err)
	}
	size := func(n int) float64 {
		before := totalAlloc()
		newMinibatch(f, tile.Rows{Source: src}, n)
		return float64(totalAlloc() - before)
	}
	const small, large = 1 << 12, 1 << 17
	if perRow := (size(large) - size(small)) / (large - small); perRow > 32 {
		t.Errorf("%.0f bytes for each row of a minibatch", perRow)
	}
}

func TestTrainingDoesNotAllocate(t *testing.T) {
	start, x := problem(t, 3, 300)
	f := couple(t, start, CouplingOptions{})
	src, err := tile.NewSource(x, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	ctx := t.Context()
	for _, workers := range []int{1, 2} {
		runtime.GOMAXPROCS(workers)
		tr := newMinibatch(f, tile.Rows{Source: src}, 300)
		// The first time two workers are inside a kernel at once, its pool makes a second scratch: so many runs that
		// what happens once is none of what happens every time.
		if n := testing.AllocsPerRun(50, func() { tr.gradient(ctx) }); n != 0 {
			t.Errorf("%d workers: %v allocations per gradient", workers, n)
		}
	}
}

// Parameters that a layer pins stay as they are, and the others are trained.
func TestTrainPinned(t *testing.T) {
	start, x := problem(t, 2, 300)
	m := start.Model()
	mean, _ := m.Blocks[1][1].Tensor("mean")
	pins := make([]float64, len(mean.Values))
	pins[0], pins[5] = 1, 1
	m.Blocks[1][1].Tensors = append(m.Blocks[1][1].Tensors, model.Matrix("pinned", 2, len(pins)/2, pins))
	f, err := New(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Train(t.Context(), f, x, TrainOptions{Schedule: OneCycle, Steps: 3}); err != nil {
		t.Fatal(err)
	}
	after := f.Model()
	for _, name := range []string{"mean", "scale", "raw.scale", "weight"} {
		was, _ := m.Blocks[1][1].Tensor(name)
		is, _ := after.Blocks[1][1].Tensor(name)
		for i, v := range was.Values {
			if pinned := pins[i] == 1 && name != "weight"; (is.Values[i] == v) != pinned {
				t.Errorf("%s %d: %v became %v; pinned is %v", name, i, v, is.Values[i], pinned)
			}
		}
	}
}
