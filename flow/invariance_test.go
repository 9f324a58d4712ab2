package flow

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
)

// skewed returns n rows of three columns that depend on each other: a normal one and two
// log-normal ones.
func skewed(n int, seed uint64) *mat.Dense {
	rng := flowtest.NewRand(seed)
	x := mat.NewDense(n, 3, nil)
	for i := range n {
		a, b, c := rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()
		x.SetRow(i, []float64{a, math.Exp(0.6*b + 0.3*a), math.Exp(0.9 * c)})
	}
	return x
}

func scores(t testing.TB, f *Flow, x mat.Matrix) []float64 {
	t.Helper()
	n, _ := x.Dims()
	lp := make([]float64, n)
	if err := f.LogProb(lp, x); err != nil {
		t.Fatal(err)
	}
	return lp
}

func fitRBIGTo(t *testing.T, x mat.Matrix, o RBIGOptions) *Flow {
	t.Helper()
	f, err := FitRBIG(x, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What does not change the data does not change the fit: units of a power of two shift
// every log-density by their log-determinant, the order of rows changes no bit, and that
// of columns nothing that is not rounding.
func TestFitRBIGInvariances(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	o := RBIGOptions{Seed: 5}
	for seed := range uint64(2) {
		x := skewed(1000, seed)
		f := fitRBIGTo(t, x, o)
		want := scores(t, f, x)

		for _, exp := range []int{10, -7, 100, -100} {
			y := mat.DenseCopyOf(x)
			y.Scale(math.Ldexp(1, exp), y)
			g := fitRBIGTo(t, y, o)
			for i, lp := range scores(t, g, y) {
				if shifted := want[i] - 3*float64(exp)*math.Ln2; math.Abs(lp-shifted) > 1e-11*(100+math.Abs(shifted)) {
					t.Errorf("seed %d, units of 2^%d: log p of row %d is %v, want %v", seed, exp, i, lp, shifted)
					break
				}
			}
			first, later := f.block(0)[1].Params(), g.block(0)[1].Params()
			flowtest.SameBits(t, "parameters behind the first block", g.params[len(later):], f.params[len(first):])
			for b := range f.Blocks() {
				flowtest.SameBits(t, "rotation", g.Block(b).Rotation().RawMatrix().Data, f.Block(b).Rotation().RawMatrix().Data)
			}
			for j, m := range g.Block(0).Mixtures() {
				for k, mean := range m.Mean {
					if was := f.Block(0).Mixtures()[j].Mean[k]; mean != math.Ldexp(was, exp) {
						t.Errorf("seed %d, units of 2^%d: mean %v is not that of before, %v", seed, exp, mean, was)
					}
				}
			}
		}

		y := mat.NewDense(1000, 3, nil)
		for i, k := range flowtest.NewRand(seed + 10).Perm(1000) {
			y.SetRow(k, x.RawRowView(i))
		}
		g := fitRBIGTo(t, y, o)
		flowtest.SameBits(t, "parameters, rows permuted", g.params, f.params)
		flowtest.SameBits(t, "log p, rows permuted", scores(t, g, x), want)

		for _, order := range [][3]int{{1, 0, 2}, {2, 0, 1}, {2, 1, 0}} {
			for i := range 1000 {
				for j, k := range order {
					y.Set(i, j, x.At(i, k))
				}
			}
			got := scores(t, fitRBIGTo(t, y, o), y)
			most := 0.0
			for i, lp := range got {
				most = max(most, math.Abs(lp-want[i]))
			}
			t.Logf("seed %d, columns %v: means %.6f and %.6f nats, at most %.2g in a row", seed, order, stat.Mean(got, nil), stat.Mean(want, nil), most)
			if off := math.Abs(stat.Mean(got, nil) - stat.Mean(want, nil)); off > 1e-3 {
				t.Errorf("seed %d, columns %v: the mean log-density differs by %v", seed, order, off)
			}
		}
	}
}

// Nor do units and origins change what training behind a fit finds, by more than rounding.
func TestTrainInvariances(t *testing.T) {
	train := func(scale, shift float64) (mean float64, h *History) {
		rng := flowtest.NewRand(7)
		x := mat.NewDense(600, 2, nil)
		for i := range 600 {
			a := rng.NormFloat64()
			x.SetRow(i, []float64{scale*a + shift, scale*(a*a+0.3*rng.NormFloat64()) + shift})
		}
		start, err := Fit(t.Context(), x, FitOptions{MaxComponents: 1})
		if err != nil {
			t.Fatal(err)
		}
		f := couple(t, start, CouplingOptions{Width: 16, Blocks: 2})
		h, err = Train(t.Context(), f, x, TrainOptions{Steps: 300})
		if err != nil {
			t.Fatal(err)
		}
		return meanLogProb(t, f, x) + 2*math.Log(scale), h
	}
	want, h := train(1, 0)
	if h.Kept == 0 || !(h.Gain > 0.05) {
		t.Fatalf("kept %d, gain %v: nothing is trained", h.Kept, h.Gain)
	}
	for _, in := range []struct{ scale, shift float64 }{{1e-3, 0}, {1e3, 0}, {1, 1e3}} {
		got, other := train(in.scale, in.shift)
		if math.Abs(got-want) > 1e-6 || other.Kept != h.Kept {
			t.Errorf("times %g plus %g: mean log p %v, kept %d; in the first units %v and %d", in.scale, in.shift, got, other.Kept, want, h.Kept)
		}
	}
}
