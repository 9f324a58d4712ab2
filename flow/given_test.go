package flow_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/internal/conditional"
)

// At 5,000 rows the log-likelihood of fresh ones is within 0.03 nats of the truth's, and
// samples given x have the conditional quantiles: what their probabilities are is off by 0.02 at
// most over all x, and by 0.05 on average at one x, near which there are few rows.
func TestFitGiven(t *testing.T) {
	if testing.Short() {
		t.Skip("trains two flows")
	}
	for k, c := range conditional.All {
		rng := flowtest.NewRand(uint64(k))
		f, err := flow.FitGiven(context.Background(), c.Rows(5000, rng), flow.GivenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		const n = 20000
		fresh := c.Rows(n, rng)
		got := make([]float64, n)
		if err := f.LogProb(got, fresh); err != nil {
			t.Fatal(err)
		}
		difference := c.LogProb(fresh)
		floats.Sub(difference, got)
		mean, deviation := stat.MeanStdDev(difference, nil)
		t.Logf("%s: %.4f nats, ± %.4f, below the truth's %.4f", c.Formula, mean, deviation/math.Sqrt(n), stat.Mean(got, nil)+mean)
		if !(mean <= 0.03) {
			t.Errorf("%s: %.4f nats below the truth", c.Name, mean)
		}
		// Of samples given the x of the fresh rows, the true distribution functions are uniform.
		if err := f.Sample(fresh, rand.NewPCG(1, 2)); err != nil {
			t.Fatal(err)
		}
		u := make([]float64, n)
		for i := range u {
			u[i] = c.CDF(fresh.At(i, 0), fresh.At(i, 1))
		}
		slices.Sort(u)
		worst := 0.0
		for p := 0.01; p < 1; p += 0.01 {
			worst = max(worst, math.Abs(u[int(p*n)]-p))
		}
		t.Logf("%s: a quantile of samples, over all x, is that of a probability %.4f off at most", c.Name, worst)
		if !(worst <= 0.02) {
			t.Errorf("%s: quantiles of samples are off by %.4f", c.Name, worst)
		}
		mean = 0
		for _, x := range []float64{-1, -0.5, 0, 0.5, 1} {
			for i := range n {
				fresh.Set(i, 1, x)
			}
			if err := f.Sample(fresh, rand.NewPCG(1, 2)); err != nil {
				t.Fatal(err)
			}
			off, far := c.Off(x, mat.Col(nil, 0, fresh))
			t.Logf("%s: given x = %4.1f it is %.4f off at most, and off by %.4f of the distance from 5 to 95 %%", c.Name, x, off, far)
			mean += off / 5
		}
		if !(mean <= 0.05) {
			t.Errorf("%s: given one x, quantiles of samples are off by %.4f", c.Name, mean)
		}
	}
}

// small is a conditional flow of dimension d given c columns, with parameters moved at random.
func small(t *testing.T, d, c int) (*flow.Flow, *mat.Dense) {
	t.Helper()
	x := flowtest.Table(300, d+c, flowtest.NewRand(9))
	o := flow.Conditioner{Width: 8, Depth: 1, Components: 3}
	blocks := [][]flow.Spec{{flow.Standardize(), flow.MixtureGiven(o)}}
	if d > 1 {
		blocks = append(blocks, []flow.Spec{flow.Householder(2), flow.SplineCoupling(o), flow.ActNorm(), flow.AffineGiven(o)})
	}
	f, err := flow.NewStack(x, flow.StackOptions{Context: c, Seed: 1}, blocks...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := flow.Train(context.Background(), f, x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: 20, Batch: 64}); err != nil {
		t.Fatal(err)
	}
	return f, x
}

// The context passes through; it matters; a density given it integrates to one; and a saved
// flow has the same bits.
func TestContext(t *testing.T) {
	for _, d := range []int{1, 2, 3} {
		f, x := small(t, d, 2)
		if f.Dim() != d || f.Context() != 2 {
			t.Fatalf("dimension %d, context %d", f.Dim(), f.Context())
		}
		n, _ := x.Dims()
		var z, back mat.Dense
		logDet, minus, lp, again := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		for _, err := range []error{f.Forward(&z, logDet, x), f.Inverse(&back, minus, &z), f.LogProb(lp, x)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		for i := range n {
			for j := range d + 2 {
				if v := x.At(i, j); j >= d && z.At(i, j) != v || !(math.Abs(back.At(i, j)-v) <= 1e-10*(1+math.Abs(v))) {
					t.Fatalf("row %d, column %d: %v became %v and %v again", i, j, v, z.At(i, j), back.At(i, j))
				}
			}
			if !(math.Abs(logDet[i]+minus[i]) <= 1e-10) {
				t.Fatalf("row %d: log-dets %v and %v", i, logDet[i], minus[i])
			}
			want := logDet[i]
			for j := range d {
				want += distuv.UnitNormal.LogProb(z.At(i, j))
			}
			score, err := f.Score(x.RawRowView(i))
			if err != nil || !(math.Abs(want-lp[i]) <= 1e-10*(1+math.Abs(want))) || score != lp[i] {
				t.Fatalf("row %d: log p = %v, %v alone (%v); it should be %v", i, lp[i], score, err, want)
			}
		}
		moved := mat.DenseCopyOf(x)
		for i := range n {
			moved.Set(i, d, x.At(i, d)+0.5)
		}
		if err := f.LogProb(again, moved); err != nil || slices.Equal(again, lp) {
			t.Errorf("another context has the same densities (%v)", err)
		}

		var file bytes.Buffer
		if err := f.Save(&file); err != nil {
			t.Fatal(err)
		}
		g, err := flow.Load(&file)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.LogProb(again, x); err != nil || g.Context() != 2 {
			t.Fatalf("loaded: context %d, %v", g.Context(), err)
		}
		flowtest.SameBits(t, "log p of the loaded flow", again, lp)

		// Samples keep what is given, and have the map's own density.
		dst := mat.DenseCopyOf(x)
		if err := f.Sample(dst, rand.NewPCG(5, 5)); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if dst.At(i, d) != x.At(i, d) || dst.At(i, d+1) != x.At(i, d+1) || dst.At(i, 0) == x.At(i, 0) {
				t.Fatalf("row %d of a sample is %v, given %v", i, dst.RawRowView(i), x.RawRowView(i)[d:])
			}
		}
		for name, err := range map[string]error{
			"LogProb": f.LogProb(lp, x.Slice(0, n, 0, d)), "Forward": f.Forward(nil, logDet, x.Slice(0, n, 0, d+1)),
			"Sample": f.Sample(mat.NewDense(3, d, nil), nil),
		} {
			if !errors.Is(err, flow.ErrShape) || !strings.Contains(err.Error(), "conditioning") {
				t.Errorf("%s without the context: %v", name, err)
			}
		}
	}

	func() {
		defer func() {
			if recover() == nil {
				t.Error("a conditional density is a Distribution")
			}
		}()
		f, _ := small(t, 1, 2)
		f.Distribution(nil)
	}()

	// One coordinate: ∫ p(y | c) dy = 1 by the trapezoid rule.
	f, x := small(t, 1, 2)
	for row := range 3 {
		const n = 20001
		grid, lp := mat.NewDense(n, 3, nil), make([]float64, n)
		for i := range n {
			grid.SetRow(i, []float64{40*float64(i)/(n-1) - 20, x.At(row, 1), x.At(row, 2)})
		}
		if err := f.LogProb(lp, grid); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, v := range lp {
			sum += math.Exp(v) * 40 / (n - 1)
		}
		if !(math.Abs(sum-1) <= 1e-6) {
			t.Errorf("given %v the density integrates to %v", x.RawRowView(row)[1:], sum)
		}
	}
}
