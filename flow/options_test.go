package flow

import (
	"context"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/kernels"
)

// A clipped step is that of the gradient with its length set to ClipNorm: three steps by hand.
func TestClippedSteps(t *testing.T) {
	const clip, batch, seed = 1e-2, 20, 5
	f, x := problem(t, 2, 300)
	byHand, _ := problem(t, 2, 300)
	h, err := Train(context.Background(), f, x, TrainOptions{Schedule: OneCycle, Steps: 3, Batch: batch, ClipNorm: clip, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := newTrainer(t.Context(), "test", byHand, x, TrainOptions{Schedule: OneCycle, Batch: batch})
	if err != nil {
		t.Fatal(err)
	}
	data := newMinibatch(byHand, tr.data.Rows, batch)
	rng := rand.New(rand.NewPCG(seed, 1))
	m, v := make([]float64, len(f.params)), make([]float64, len(f.params))
	for i, step := range h.Steps {
		for j := range data.at {
			data.at[j] = rng.IntN(tr.data.Len())
		}
		if _, err := data.gradient(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !(step.GradNorm > clip) {
			t.Fatalf("step %d: the gradient's norm %v needs no clipping", i, step.GradNorm)
		}
		scale := clip / step.GradNorm
		for j := range data.grad {
			data.grad[j] *= scale
		}
		kernels.Adam(byHand.params, data.grad, m, v, kernels.AdamParams{LR: step.LearningRate, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Step: i + 1})
		byHand.refresh()
	}
	flowtest.SameBits(t, "parameters after three clipped steps", f.params, byHand.params)
}

// The seed of a fit makes some of its starts, and on some data it decides where the fit ends.
func TestFitRBIGUsesItsSeed(t *testing.T) {
	x := flowtest.Table(60, 2, flowtest.NewRand(8))
	var first *Flow
	for seed := range uint64(40) {
		f, err := FitRBIG(mat.DenseCopyOf(x), RBIGOptions{Blocks: 1, Components: 6, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = f
		}
		if !sameFlow(f, first) {
			return
		}
	}
	t.Error("forty seeds give the same fit")
}
