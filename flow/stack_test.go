package flow_test

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/internal/moons"
)

// tiny is a quick conditioner.
func tiny(s flow.Start) flow.Conditioner {
	return flow.Conditioner{Width: 8, Depth: 1, Components: 4, Start: s}
}

// stacks has every kind of layer.
func stacks(s flow.Start) [][]flow.Spec {
	return [][]flow.Spec{
		{flow.Standardize(), flow.PCA(), flow.Gaussianize(4)},
		{flow.ActNorm(), flow.Householder(2), flow.SplineCoupling(tiny(s))},
		{flow.Cayley(), flow.AffineCoupling(tiny(s)), flow.Residual(8, 0.8)},
		{flow.ActNorm(), flow.MixtureCoupling(tiny(s))},
	}
}

// Each start is a flow whose log-det is that of its Jacobian, that inverts, trains, and comes
// back from a file with the same bits; and the same seed makes the same one.
func TestNewStack(t *testing.T) {
	x := moons.Standardized().Slice(0, 600, 0, 2).(*mat.Dense)
	n, d := x.Dims()
	for _, start := range []flow.Start{flow.NearIdentity, flow.Warm, flow.Random} {
		make2 := func() *flow.Flow {
			f, err := flow.NewStack(x, flow.StackOptions{Seed: 3}, stacks(start)...)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		f := make2()
		before, after, lp := make([]float64, n), make([]float64, n), make([]float64, n)
		if err := f.LogProb(before, x); err != nil {
			t.Fatal(err)
		}
		h, err := flow.Train(context.Background(), f, x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: 60, Batch: 128, LearningRate: 2e-3})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.LogProb(after, x); err != nil || !(stat.Mean(after, nil) > stat.Mean(before, nil)) {
			t.Errorf("start %d: the mean of log p went from %v to %v (%v)", start, stat.Mean(before, nil), stat.Mean(after, nil), err)
		}
		g := make2()
		if _, err := flow.Train(context.Background(), g, x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: len(h.Steps), Batch: 128, LearningRate: 2e-3}); err != nil {
			t.Fatal(err)
		}
		g.LogProb(lp, x)
		flowtest.SameBits(t, "log p of the same stack", lp, after)

		var file bytes.Buffer
		if err := f.Save(&file); err != nil {
			t.Fatal(err)
		}
		loaded, err := flow.Load(&file)
		if err != nil {
			t.Fatal(err)
		}
		loaded.LogProb(lp, x)
		flowtest.SameBits(t, "log p of the loaded stack", lp, after)

		var z, back mat.Dense
		logDet, minus := make([]float64, n), make([]float64, n)
		if err := f.Forward(&z, logDet, x); err != nil {
			t.Fatal(err)
		}
		if err := f.Inverse(&back, minus, &z); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			for j := range d {
				if !(math.Abs(back.At(i, j)-x.At(i, j)) <= 1e-10*math.Exp(math.Abs(logDet[i]))) {
					t.Fatalf("start %d, row %d: %v came back as %v", start, i, x.RawRowView(i), back.RawRowView(i))
				}
			}
		}
	}
}

// A warm start is RBIG's fit; on top of a fit a near-identity start is that fit, nearly.
func TestStackStarts(t *testing.T) {
	x := moons.Standardized().Slice(0, 1500, 0, 2).(*mat.Dense)
	n, _ := x.Dims()
	mean := func(f *flow.Flow, err error) float64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		lp := make([]float64, n)
		if err := f.LogProb(lp, x); err != nil {
			t.Fatal(err)
		}
		return stat.Mean(lp, nil)
	}
	fit, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 3, Components: 8})
	rbig := mean(fit, err)
	warm := func(coupling func(flow.Conditioner) flow.Spec) float64 {
		return mean(flow.NewStack(x, flow.StackOptions{}, flow.Repeat(3, flow.PCA(), coupling(flow.Conditioner{Start: flow.Warm}))...))
	}
	mixtures, splines, affine := warm(flow.MixtureCoupling), warm(flow.SplineCoupling), warm(flow.AffineCoupling)
	normal := mean(flow.NewStack(x, flow.StackOptions{}, []flow.Spec{flow.Standardize()}))
	t.Logf("mean log p: RBIG %.4f, warm mixtures %.4f, splines %.4f, affine maps %.4f; a normal %.4f", rbig, mixtures, splines, affine, normal)
	if !(math.Abs(mixtures-rbig) < 0.02) || !(splines > normal+0.2) || !(affine > normal) {
		t.Error("the warm starts are not what they should be near")
	}
	on := mean(flow.NewStack(x, flow.StackOptions{On: fit}, flow.Repeat(4, flow.Cayley(), flow.SplineCoupling(flow.Conditioner{}))...))
	if !(math.Abs(on-rbig) < 1e-9) {
		t.Errorf("identities on top of the fit: %v, the fit %v", on, rbig)
	}
}

func TestInspect(t *testing.T) {
	x := moons.Standardized().Slice(0, 400, 0, 2).(*mat.Dense)
	n, _ := x.Dims()
	f, err := flow.NewStack(x, flow.StackOptions{Seed: 3}, stacks(flow.Random)...)
	if err != nil {
		t.Fatal(err)
	}
	reports, err := f.Inspect(x)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	logDet, params := 0.0, 0
	for _, r := range reports {
		kinds = append(kinds, r.Kind)
		logDet += r.LogDet
		params += r.Params
		if (r.Params == 0) != (r.GradNorm == 0) {
			t.Errorf("layer %+v", r)
		}
	}
	want := "scale rotation mixtures actnorm householder couple.spline cayley couple.affine residual actnorm couple.mixture"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("kinds are %s", got)
	}
	all := make([]float64, n)
	if err := f.Forward(nil, all, x); err != nil {
		t.Fatal(err)
	}
	if !(math.Abs(logDet-stat.Mean(all, nil)) <= 1e-10) {
		t.Errorf("the layers' log-dets sum to %v, the flow's mean is %v", logDet, stat.Mean(all, nil))
	}
	for _, i := range []int{1, 4, 6} { // rotations
		if r := reports[i]; !(math.Abs(r.Slope-1) < 1e-6) || r.LogDet != 0 {
			t.Errorf("a rotation has slope %v and log-det %v", r.Slope, r.LogDet)
		}
	}
	if r := reports[8]; !(r.Slope < 1.8) || !(r.Slope > 0.2) {
		t.Errorf("a residual block of Lipschitz constant 0.8 has slope %v", r.Slope)
	}
	// The gradient's norm is that which training sees.
	h, err := flow.Train(context.Background(), f, x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: 1, Batch: 20000, Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	square := 0.0
	for _, r := range reports {
		square += r.GradNorm * r.GradNorm
	}
	if got := math.Sqrt(square); !(math.Abs(got/h.Steps[0].GradNorm-1) < 0.15) {
		t.Errorf("the gradient's norm is %v; a large minibatch sees %v", got, h.Steps[0].GradNorm)
	}
}

func TestStackErrors(t *testing.T) {
	x := flowtest.Table(50, 3, flowtest.NewRand(1))
	for name, c := range map[string]struct {
		o      flow.StackOptions
		blocks [][]flow.Spec
		want   string
	}{
		"nothing":          {flow.StackOptions{}, nil, "no block"},
		"an empty block":   {flow.StackOptions{}, [][]flow.Spec{{}}, "block 0 has no layer"},
		"an empty spec":    {flow.StackOptions{}, [][]flow.Spec{{flow.PCA(), {}}}, "block 0, layer 1: the Spec is empty"},
		"a bound of one":   {flow.StackOptions{}, [][]flow.Spec{{flow.Residual(4, 1)}}, "block 0, layer 0 (residual): the Lipschitz bound is 1"},
		"many reflections": {flow.StackOptions{}, [][]flow.Spec{{flow.Householder(math.MaxInt)}}, "more than 2147483647 parameters"},
		"no width":         {flow.StackOptions{}, [][]flow.Spec{{flow.Residual(0, 0.5)}}, "the width is 0"},
		"no reflection":    {flow.StackOptions{}, [][]flow.Spec{{flow.Householder(0)}}, "0 reflections"},
		"too much context": {flow.StackOptions{Context: 3}, [][]flow.Spec{{flow.PCA()}}, "3 are given"},
		"unused context":   {flow.StackOptions{Context: 1}, [][]flow.Spec{{flow.PCA()}}, "no layer is conditioned"},
		"no context":       {flow.StackOptions{}, [][]flow.Spec{{flow.MixtureGiven(flow.Conditioner{})}}, "nothing to be conditioned on"},
		"one coordinate":   {flow.StackOptions{Context: 2}, [][]flow.Spec{{flow.AffineCoupling(flow.Conditioner{})}}, "2 coordinates at least"},
		"a negative width": {flow.StackOptions{}, [][]flow.Spec{{flow.AffineCoupling(flow.Conditioner{Width: -1})}}, "width -1"},
		"an unknown start": {flow.StackOptions{}, [][]flow.Spec{{flow.AffineCoupling(flow.Conditioner{Start: 9})}}, "start 9"},
		"many components":  {flow.StackOptions{}, [][]flow.Spec{{flow.Gaussianize(60)}}, "components"},
	} {
		if _, err := flow.NewStack(x, c.o, c.blocks...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	if _, err := flow.NewStack(nil, flow.StackOptions{}, []flow.Spec{flow.PCA()}); err == nil {
		t.Error("no matrix: no error")
	}
	x.Set(7, 1, math.NaN())
	if _, err := flow.NewStack(x, flow.StackOptions{}, []flow.Spec{flow.PCA()}); err == nil || !strings.Contains(err.Error(), "row 7") {
		t.Errorf("NaN: %v", err)
	}
	if got := flow.Repeat(3, flow.PCA(), flow.ActNorm()); len(got) != 3 || !slices.Equal([]string{got[2][0].String(), got[2][1].String()}, []string{"rotation", "actnorm"}) {
		t.Errorf("Repeat made %v", got)
	}
}
