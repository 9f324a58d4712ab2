package flow

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/rotate"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

// FitRBIG stops at whichever look at its context says so, with its error.
func TestFitRBIGCancel(t *testing.T) {
	x := flowtest.Table(600, 3, flowtest.NewRand(1))
	o := RBIGOptions{Blocks: 2, Components: 2}
	all := &flowtest.Looks{Context: context.Background(), Most: math.MaxInt64}
	if _, err := FitRBIGContext(all, x, o); err != nil {
		t.Fatal(err)
	}
	for most := range all.Count.Load() {
		l := &flowtest.Looks{Context: context.Background(), Most: most}
		f, err := FitRBIGContext(l, x, o)
		if !errors.Is(err, context.Canceled) || f != nil {
			t.Fatalf("stopped at look %d of %d: %v, %v", most+1, all.Count.Load(), f, err)
		}
	}
}

// Fit stops at whichever look at its context says so, with its error, and soon: what it
// looks at afterwards are the rows, components and candidates that were under way.
func TestFitCancel(t *testing.T) {
	x := flowtest.Table(40, 2, flowtest.NewRand(1))
	x.Set(5, 1, 1e9) // a row that is set aside
	o := FitOptions{MaxComponents: 2}
	all := &flowtest.Looks{Context: context.Background(), Most: math.MaxInt64}
	if _, err := Fit(all, x, o); err != nil {
		t.Fatal(err)
	}
	const stops, inFlight = 60, 1000
	looks := all.Count.Load()
	if looks < 10*stops {
		t.Errorf("only %d looks", looks)
	}
	for i := range int64(stops) {
		most := i
		if i >= stops/3 { // the first ones, and then all over the fit
			most = looks * (i - stops/3) / (stops - stops/3)
		}
		l := &flowtest.Looks{Context: context.Background(), Most: most}
		f, err := Fit(l, x, o)
		if !errors.Is(err, context.Canceled) || f != nil {
			t.Fatalf("stopped at look %d of %d: %v, %v", most+1, looks, f, err)
		}
		if more := l.Count.Load() - most; more > inFlight {
			t.Errorf("stopped at look %d of %d it looks %d times more", most+1, looks, more)
		}
	}
}

// The rows that training takes through a fit's layers once are left alone as soon as its
// context is done.
func TestTrainCancelledBeforeItsFirstStep(t *testing.T) {
	x := flowtest.Table(2000, 2, flowtest.NewRand(1))
	f, err := Fit(context.Background(), x, FitOptions{MaxComponents: 1})
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Couple(CouplingOptions{Blocks: 1})
	if err != nil {
		t.Fatal(err)
	}
	all := &flowtest.Looks{Context: context.Background(), Most: math.MaxInt64}
	if _, err := newTrainer(all, "Train", c, x, TrainOptions{Schedule: OneCycle, Steps: 1}); err != nil {
		t.Fatal(err)
	}
	if got := all.Count.Load(); got < 8 { // tiles
		t.Errorf("%d looks before the first step; want 8", got)
	}
	for most := range int64(8) {
		l := &flowtest.Looks{Context: context.Background(), Most: most}
		if _, err := Train(l, c, x, TrainOptions{Steps: 1}); !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped at look %d: %v", most+1, err)
		}
		if more := l.Count.Load() - most; more > 16 { // two passes over eight tiles
			t.Errorf("stopped at look %d it looks %d times more", most+1, more)
		}
	}
}

// What takes long in many rows and columns looks at every tile and every chunk.
func TestLooks(t *testing.T) {
	const d, n = 4, 100000
	x := flowtest.Tile(d, n, 1, flowtest.NewRand(1))
	axes, err := rotate.PCA(x)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		do    func(context.Context)
		least int64
	}{
		"a rotation":        {func(ctx context.Context) { layer.Apply(ctx, layer.NewRotation(d, axes), tile.New(d, n), x) }, n / 256},
		"a rotation's axes": {func(ctx context.Context) { rotate.PCAContext(ctx, x) }, 3},
	} {
		all := &flowtest.Looks{Context: context.Background(), Most: math.MaxInt64}
		c.do(all)
		if got := all.Count.Load(); got < c.least {
			t.Errorf("%s: %d looks; want %d", name, got, c.least)
		}
		none := &flowtest.Looks{Context: context.Background()}
		c.do(none)
		if got := none.Count.Load(); got > 64 {
			t.Errorf("%s goes on to look %d times after it was stopped", name, got)
		}
	}
}
