package measure

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow"
)

// equicorrelated draws n rows of d standard normal columns with correlation rho, and
// returns their total correlation.
func equicorrelated(n, d int, rho float64, seed uint64) (*mat.Dense, float64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	x := mat.NewDense(n, d, nil)
	for i := range n {
		common := math.Sqrt(rho) * rng.NormFloat64()
		for j := range d {
			x.Set(i, j, common+math.Sqrt(1-rho)*rng.NormFloat64())
		}
	}
	return x, -0.5 * (float64(d-1)*math.Log(1-rho) + math.Log(1+float64(d-1)*rho))
}

// few keeps the fits of tests small.
var few = Options{MaxComponents: 2, Folds: 2}

// near demands that an estimate is within five standard errors of the truth, which a
// fixed seed meets or does not.
func near(t *testing.T, what string, e Estimate, truth float64) {
	t.Helper()
	if !(math.Abs(e.Nats-truth) <= 5*e.SE) || !(e.SE > 0 && e.SE < 0.2) || !(e.Low < e.Nats && e.Nats < e.High) {
		t.Errorf("%s: %+v, truth %.4f", what, e, truth)
	}
}

func TestGaussians(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	ctx := context.Background()
	x, tc := equicorrelated(600, 3, 0.6, 1)
	h := 1.5*math.Log(2*math.Pi*math.E) - tc
	e, err := Entropy(ctx, x, few)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "entropy", e, h)
	if b := e.Bits(); b.Nats != e.Nats/math.Ln2 || b.SE != e.SE/math.Ln2 || b.Rows != 600 {
		t.Errorf("bits: %+v of %+v", b, e)
	}
	if e, err = TotalCorrelation(ctx, x, few); err != nil {
		t.Fatal(err)
	}
	near(t, "total correlation", e, tc)
	// D = H(x) - Σ H(x_j | rest); for three columns Σ_j H(rest_j) - 2·H(x).
	_, pair := equicorrelated(4, 2, 0.6, 1)
	if e, err = DualTotalCorrelation(ctx, x, few); err != nil {
		t.Fatal(err)
	}
	near(t, "dual total correlation", e, 2*tc-3*pair)
	if e, err = MutualInformation(ctx, x, []int{2}, []int{0, 1}, few); err != nil {
		t.Fatal(err)
	}
	near(t, "mutual information", e, tc-pair)
	if e, err = ConditionalMutualInformation(ctx, x, []int{0}, []int{1}, []int{2}, few); err != nil {
		t.Fatal(err)
	}
	near(t, "conditional mutual information", e, tc-2*pair)
	if e, err = Negentropy(ctx, x, few); err != nil {
		t.Fatal(err)
	}
	near(t, "negentropy", e, 0)
	m, err := PairwiseMutualInformation(ctx, x, few)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		for j := range 3 {
			if i != j {
				near(t, "pair", m[i][j], pair)
			}
			if m[i][j] != m[j][i] || i == j && m[i][j] != (Estimate{}) {
				t.Errorf("pairs: %d, %d", i, j)
			}
		}
	}
}

// TestInvariance holds measures of dependence to the same bits whatever increasing
// functions columns go through.
func TestInvariance(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	x, _ := equicorrelated(300, 2, 0.5, 3)
	want, err := TotalCorrelation(context.Background(), x, few)
	if err != nil {
		t.Fatal(err)
	}
	y := mat.DenseCopyOf(x)
	y.Apply(func(_, j int, v float64) float64 {
		if j == 0 {
			return math.Exp(v)
		}
		return v * v * v
	}, y)
	if got, err := TotalCorrelation(context.Background(), y, few); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestDivergence(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	draw := func(mean, sd float64) *mat.Dense {
		x := mat.NewDense(500, 1, nil)
		for i := range 500 {
			x.Set(i, 0, mean+sd*rng.NormFloat64())
		}
		return x
	}
	p, q := draw(0, 1), draw(1, 2)
	d, err := Divergence(context.Background(), p, q, few)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "p from q", d.PQ, math.Log(2)+(1+1.0)/8-0.5)
	near(t, "q from p", d.QP, -math.Log(2)+(4+1.0)/2-0.5)
	if !(d.JS.Nats > 0.05 && d.JS.Nats < math.Ln2) || !(d.JS.SE > 0) || d.JS.Rows != 1000 {
		t.Errorf("Jensen-Shannon: %+v", d.JS)
	}
}

// TestDivergenceSE holds the standard error to what normal densities of variance 1 and a
// distance of 1 have: the variance of the log-ratio, 1, and that of the ratio in the other
// sample, e - 1.
func TestDivergenceSE(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	const n, m = 400, 800
	draw := func(n int, mean float64) *mat.Dense {
		x := mat.NewDense(n, 1, nil)
		for i := range n {
			x.Set(i, 0, mean+rng.NormFloat64())
		}
		return x
	}
	d, err := Divergence(context.Background(), draw(n, 0), draw(m, 1), Options{MaxComponents: 1, Folds: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		got       Estimate
		own, from float64
	}{{"p from q", d.PQ, n, m}, {"q from p", d.QP, m, n}} {
		want := math.Sqrt(1/c.own + (math.E-1)/c.from)
		if math.Abs(c.got.SE/want-1) > 0.25 {
			t.Errorf("%s: the standard error is %.4f; want about %.4f", c.name, c.got.SE, want)
		}
		near(t, c.name, c.got, 0.5)
	}
}

func TestErrors(t *testing.T) {
	ctx := context.Background()
	x, _ := equicorrelated(500, 2, 0.5, 3)
	change := func(f func(i, j int, v float64) float64) *mat.Dense {
		y := mat.DenseCopyOf(x)
		y.Apply(f, y)
		return y
	}
	tc := func(x mat.Matrix, o Options) func() error {
		return func() error { _, err := TotalCorrelation(ctx, x, o); return err }
	}
	mi := func(a, b []int) func() error {
		return func() error { _, err := MutualInformation(ctx, x, a, b, few); return err }
	}
	discrete := change(func(_, j int, v float64) float64 {
		if j == 1 {
			return math.Floor(v)
		}
		return v
	})
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	for _, c := range []struct {
		name string
		do   func() error
		want error
	}{
		{"rounded", tc(discrete, few), ErrDiscrete},
		{"constant", tc(change(func(_, j int, v float64) float64 { return float64(j) }), few), ErrDiscrete},
		{"a function of another", tc(change(func(i, j int, v float64) float64 { return math.Pow(x.At(i, 0), float64(1+j)) }), few), ErrDependent},
		{"NaN", tc(change(func(i, j int, v float64) float64 {
			if i == 4 {
				return math.NaN()
			}
			return v
		}), few), flow.ErrNotFinite},
		{"few rows", tc(x.Slice(0, 9, 0, 2), few), ErrRows},
		{"one fold", tc(x, Options{Folds: 1}), ErrRows},
		{"many folds", tc(x, Options{Folds: 400}), ErrRows},
		{"an empty group", mi(nil, []int{0}), ErrColumns},
		{"no such column", mi([]int{2}, []int{0}), ErrColumns},
		{"a column twice", mi([]int{0, 1}, []int{1}), ErrColumns},
		{"other columns", func() error { _, err := Divergence(ctx, x, x.Slice(0, 500, 0, 1), few); return err }, ErrColumns},
		{"cancelled", func() error { _, err := Entropy(cancelled, x, few); return err }, context.Canceled},
	} {
		if err := c.do(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", c.name, err, c.want)
		}
	}
	if err := tc(x, Options{Confidence: 1})(); err == nil {
		t.Error("no interval of confidence 1 is finite")
	}
	if err := tc(discrete, Options{MaxComponents: 2, Folds: 2, Dequantize: true})(); err != nil {
		t.Errorf("dequantized: %v", err)
	}
}
