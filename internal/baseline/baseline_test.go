package baseline

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distmv"
)

// One Gaussian is the one that maximum likelihood gives, in the data's own units.
func TestGaussian(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n, d = 500, 3
	x := mat.NewDense(n, d, nil)
	for i := range n {
		a, b, c := rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()
		x.SetRow(i, []float64{1000 + a, 1e-3 * (a + b), 50 * (c - b)})
	}
	m, err := Gaussian(x)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, n)
	m.LogProb(got, x)
	mean := make([]float64, d)
	for j := range d {
		mean[j] = stat.Mean(mat.Col(nil, j, x), nil)
	}
	var cov mat.SymDense
	stat.CovarianceMatrix(&cov, x, nil)
	cov.ScaleSym((n-1.0)/n, &cov)
	want, ok := distmv.NewNormal(mean, &cov, nil)
	if !ok {
		t.Fatal("the covariance is singular")
	}
	for i := range n {
		if w := want.LogProb(x.RawRowView(i)); math.Abs(got[i]-w) > 1e-8 {
			t.Fatalf("row %d: %v, want %v", i, got[i], w)
		}
	}
}

// A mixture finds the clusters that the rows come from: it scores fresh rows as the truth does.
func TestMixture(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	draw := func(n int) *mat.Dense {
		x := mat.NewDense(n, 2, nil)
		for i := range n {
			c := float64(10 * rng.IntN(3))
			x.SetRow(i, []float64{c + rng.NormFloat64(), 100 * (c + rng.NormFloat64())})
		}
		return x
	}
	m, err := Fit(draw(3000), 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	fresh := draw(3000)
	got := make([]float64, 3000)
	m.LogProb(got, fresh)
	want := -math.Log(3) - log2Pi - math.Log(100) - 1 // the entropy of the truth, less than e⁻¹⁰ apart
	if mean := stat.Mean(got, nil); math.Abs(mean-want) > 0.08 {
		t.Errorf("%v nats a row, want about %v", mean, want)
	}
	one, err := Gaussian(fresh)
	if err != nil {
		t.Fatal(err)
	}
	single := make([]float64, 3000)
	one.LogProb(single, fresh)
	if stat.Mean(single, nil) > stat.Mean(got, nil)-0.5 {
		t.Errorf("one Gaussian scores %v, the mixture %v", stat.Mean(single, nil), stat.Mean(got, nil))
	}
}

func TestTooLittle(t *testing.T) {
	for _, x := range []*mat.Dense{mat.NewDense(2, 2, []float64{1, 2, 3, 4}), mat.NewDense(4, 1, []float64{1, 1, 1, 1})} {
		if _, err := Gaussian(x); err == nil {
			t.Error("no error")
		}
	}
}

// The density of the first columns integrates that of all over the others.
func TestFirst(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	x := mat.NewDense(200, 3, nil)
	for i := range 200 {
		u := rng.NormFloat64()
		x.SetRow(i, []float64{u, 10 + 5*u + rng.NormFloat64(), u*u + 0.5*rng.NormFloat64()})
	}
	m, err := Fit(x, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	const steps, h = 4000, 0.02
	line := mat.NewDense(steps, 3, nil)
	for i := range steps {
		line.SetRow(i, []float64{0.3, 12, (float64(i) - steps/2) * h})
	}
	all, first := make([]float64, steps), make([]float64, 1)
	m.LogProb(all, line)
	m.First(2).LogProb(first, mat.NewDense(1, 2, []float64{0.3, 12}))
	sum := 0.0
	for _, v := range all {
		sum += h * math.Exp(v)
	}
	if math.Abs(math.Log(sum)-first[0]) > 1e-9 {
		t.Errorf("the integral is %v, the density of the first two columns %v", math.Log(sum), first[0])
	}
}
