package flow

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

// failingMatrix panics at one of its rows.
type failingMatrix struct {
	mat.Matrix
	row   int
	value any
}

func (m failingMatrix) At(i, j int) float64 {
	if i == m.row {
		panic(m.value)
	}
	return m.Matrix.At(i, j)
}

// failingLayer panics when it is told to.
type failingLayer struct {
	layer.Layer
	forward, backward bool
}

func (l failingLayer) Forward(z tile.Tile, logDet []float64, x tile.Tile, s tile.Arena) {
	if l.forward {
		panic(errFailed)
	}
	l.Layer.Forward(z, logDet, x, s)
}

func (l failingLayer) Backward(dx tile.Tile, grad []float64, dz tile.Tile, dLogDet []float64, fwd layer.Tape, s tile.Arena) {
	if l.backward {
		panic(errFailed)
	}
	l.Layer.Backward(dx, grad, dz, dLogDet, fwd, s)
}

var errFailed = errors.New("a layer failed")

// A panic of a worker comes out where its caller can recover it, with value and stack,
// and no goroutine is left.
func TestWorkerPanics(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	rng := flowtest.NewRand(1)
	f := randomDiagonal(3, 2, rng)
	x := randomRows(5000, 3, 2, rng)
	broken := func(forward, backward bool) *Flow {
		return newFlow(3, []block{{failingLayer{flowtest.RandomMixtures(3, 5, rng), forward, backward}}})
	}
	at := failingMatrix{x, 4000, "no such row"}
	lp := make([]float64, 5000)
	for _, c := range []struct {
		what  string
		call  func()
		value any
		stack string
	}{
		{"LogProb", func() { f.LogProb(lp, at) }, "no such row", "failingMatrix.At"},
		{"Forward", func() { f.Forward(new(mat.Dense), nil, at) }, "no such row", "failingMatrix.At"},
		{"Block.Inverse", func() { f.Block(1).Inverse(new(mat.Dense), nil, at) }, "no such row", "failingMatrix.At"},
		{"FitRBIG", func() { FitRBIG(at, RBIGOptions{Blocks: 1}) }, "no such row", "failingMatrix.At"},
		{"NewTrainer", func() { NewTrainer(f, at, TrainOptions{Schedule: OneCycle}) }, "no such row", "failingMatrix.At"},
		{"a layer", func() { broken(true, false).LogProb(lp, x) }, errFailed, "failingLayer.Forward"},
		{"a layer's gradient", func() { Train(t.Context(), broken(false, true), x, TrainOptions{Schedule: OneCycle, Batch: 1000}) }, errFailed, "failingLayer.Backward"},
		{"LogProbSeq", func() {
			for range broken(true, false).LogProbSeq(t.Context(), inBlocks(x, 1000)) {
				t.Error("a piece comes from a layer that panics")
			}
		}, errFailed, "failingLayer.Forward"},
	} {
		for _, workers := range []int{1, 2, 4} {
			runtime.GOMAXPROCS(workers)
			before := runtime.NumGoroutine()
			got := panicOf(c.call)
			p, ok := got.(*PanicError)
			switch {
			case !ok && workers == 1 && got == c.value: // on the caller's own goroutine
			case !ok || p.Value != c.value || !strings.Contains(string(p.Stack), c.stack) || !strings.Contains(p.Error(), c.stack):
				t.Errorf("%s, %d workers: the panic is %v, want %v", c.what, workers, got, c.value)
			case p.Value == any(errFailed) && !errors.Is(p, errFailed):
				t.Errorf("%s: the error is lost in %v", c.what, p)
			}
			for runtime.NumGoroutine() > before { // those that have returned may not be gone yet; one that stays ends with the test's deadline
				time.Sleep(time.Millisecond)
			}
		}
	}
	// The flow is as good as before.
	if err := f.LogProb(lp, x); err != nil {
		t.Error(err)
	}
}

// A worker that ends its goroutine, as a failed test's At does, ends its caller's.
func TestWorkerExits(t *testing.T) {
	f := randomDiagonal(3, 2, flowtest.NewRand(1))
	returned := make(chan bool, 1)
	go func() {
		ok := false
		defer func() { returned <- ok }()
		f.LogProb(make([]float64, 5000), exitingMatrix{mat.NewDense(5000, 3, nil)})
		ok = true
	}()
	if <-returned {
		t.Error("LogProb returns although not all rows were read")
	}
}

type exitingMatrix struct{ mat.Matrix }

func (m exitingMatrix) At(i, j int) float64 {
	if i == 4500 {
		runtime.Goexit()
	}
	return 0
}
