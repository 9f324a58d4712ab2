package fuzz

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow"
)

// FuzzStack builds a stack of arbitrary layers, with or without context, trains it for a few steps, and demands that it
// scores a row alone as in a batch, that the forward map takes samples back to where they came from, and that a file keeps
// every bit.
func FuzzStack(f *testing.F) {
	f.Add(uint64(1), uint8(2), uint8(0), []byte{0, 2, 5, 11, 8})
	f.Add(uint64(2), uint8(3), uint8(1), []byte{1, 3, 6, 9, 12, 20})
	f.Add(uint64(3), uint8(1), uint8(2), []byte{10, 4, 0, 9})
	f.Add(uint64(4), uint8(2), uint8(0), []byte{7, 14, 21, 28, 3, 1})
	f.Add(uint64(5), uint8(9), uint8(0), []byte{8, 2, 5})
	f.Fuzz(func(t *testing.T, seed uint64, dim, context uint8, layers []byte) {
		d, c := 1+int(dim)%10, int(context)%3
		rng := rand.New(rand.NewPCG(seed, 4))
		const n = 60
		x := mat.NewDense(n, d+c, nil)
		for i := range n {
			for j := range d + c {
				x.Set(i, j, rng.NormFloat64()+0.5*math.Sin(float64(j)+rng.NormFloat64()))
			}
		}
		var stack [][]flow.Spec
		for _, b := range layers[:min(len(layers), 6)] {
			o := flow.Conditioner{Width: 6, Depth: 1 + int(b)%2, Components: 1 + int(b)%5, Start: flow.Start(b % 2)} // near the identity, or warm
			stack = append(stack, []flow.Spec{[]flow.Spec{
				flow.ActNorm(), flow.Householder(1 + int(b)%3), flow.Cayley(), flow.PCA(), flow.Standardize(),
				flow.AffineCoupling(o), flow.SplineCoupling(o), flow.MixtureCoupling(o), flow.Residual(5, 0.9),
				flow.AffineGiven(o), flow.MixtureGiven(o), flow.SplineGiven(o), flow.Gaussianize(1 + int(b)%4),
			}[int(b)%13]})
		}
		f, err := flow.NewStack(x, flow.StackOptions{Context: c, Seed: seed}, stack...)
		if err != nil {
			return // a coupling of one coordinate, context that nobody uses, and the like
		}
		flow.Train(ctx, f, x, flow.TrainOptions{Steps: 3, Batch: 20, LearningRate: 1e-2, Seed: seed}) // or it has no parameters
		lp, again := make([]float64, n), make([]float64, n)
		if err := f.LogProb(lp, x); err != nil {
			t.Fatal(err)
		}
		for i, want := range lp {
			if got, err := f.Score(x.RawRowView(i)); err != nil || got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Fatalf("row %d scores %v alone (%v) and %v in the batch", i, got, err, want)
			}
		}
		var file bytes.Buffer
		if err := f.Save(&file); err != nil {
			t.Fatal(err)
		}
		g, err := flow.Load(&file)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.LogProb(again, x); err != nil {
			t.Fatal(err)
		}
		for i := range lp {
			if math.Float64bits(lp[i]) != math.Float64bits(again[i]) {
				t.Fatalf("row %d scores %v, and %v loaded", i, lp[i], again[i])
			}
		}
		z := mat.DenseCopyOf(x)
		for i := range n {
			for j := range d {
				z.Set(i, j, rng.NormFloat64())
			}
		}
		var data, back mat.Dense
		if err := f.Inverse(&data, nil, z); err != nil {
			t.Fatal(err)
		}
		if err := f.Forward(&back, nil, &data); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			for j := range d + c {
				if a, b := z.At(i, j), back.At(i, j); !(math.Abs(a-b) <= 1e-6*(1+math.Abs(a))) {
					t.Fatalf("row %d, column %d: %v came back as %v", i, j, a, b)
				}
			}
		}
	})
}

var ctx = context.Background()
