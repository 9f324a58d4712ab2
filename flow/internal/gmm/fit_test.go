package gmm

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/rotate"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/internal/moons"
	"github.com/gaussflow/gaussflow/kernels"
)

// moonsColumn is a principal coordinate of the two moons, sorted and standardized.
func moonsColumn(t testing.TB, j int) []float64 {
	x, err := tile.ReadAll(moons.Standardized())
	if err != nil {
		t.Fatal(err)
	}
	y := tile.New(x.D, x.N)
	axes, err := rotate.PCA(x)
	if err != nil {
		t.Fatal(err)
	}
	layer.Apply(context.Background(), layer.NewRotation(x.D, axes), y, x)
	s := slices.Clone(y.Row(j))
	slices.Sort(s)
	standardize(s)
	return s
}

// randomMixture has components of very unlike weight and scale, some hidden under
// others: hard to find from any starting value.
func randomMixture(k int, rng *rand.Rand) kernels.Mixture {
	m := kernels.Mixture{Weight: make([]float64, k), Mean: make([]float64, k), Scale: make([]float64, k)}
	for j := range k {
		m.Weight[j] = 0.05 + rng.ExpFloat64()
		m.Mean[j] = 4 * rng.Float64()
		m.Scale[j] = 0.005 * math.Pow(60, rng.Float64())
	}
	total := kernels.Sum(m.Weight)
	for j := range k {
		m.Weight[j] /= total
	}
	return m
}

func drawMixture(m kernels.Mixture, n int, rng *rand.Rand) []float64 {
	x := make([]float64, n)
	for i := range x {
		j, u := 0, rng.Float64()
		for j < len(m.Weight)-1 && u >= m.Weight[j] {
			u -= m.Weight[j]
			j++
		}
		x[i] = m.Mean[j] + m.Scale[j]*rng.NormFloat64()
	}
	return x
}

func meanLogDensity(x []float64, m kernels.Mixture) float64 {
	k := len(m.Weight)
	s := kernels.EMStats{N: make([]float64, k), A: make([]float64, k), B: make([]float64, k)}
	return kernels.MixtureEM(s, x, m) / float64(len(x))
}

// The gradient that the search follows is that of the posterior they report.
func TestPosteriorGradient(t *testing.T) {
	rng := flowtest.NewRand(1)
	data := []sample{{drawMixture(randomMixture(3, rng), 50, rng), 1}, {drawMixture(randomMixture(3, rng), 20, rng), 7}}
	const k = 5
	e := newPosterior(k, []float64{-4, 2})
	theta := make([]float64, 3*k)
	for j := range theta {
		theta[j] = rng.NormFloat64()
	}
	at := e.at(data, theta)
	for j := range theta {
		const h = 1e-5
		up, down := slices.Clone(theta), slices.Clone(theta)
		up[j] += h
		down[j] -= h
		want := (e.at(data, up).score - e.at(data, down).score) / (2 * h)
		if math.Abs(at.grad[j]-want) > 1e-8*(1+math.Abs(want)) {
			t.Errorf("parameter %d: derivative %v, central difference %v", j, at.grad[j], want)
		}
	}
}

// emStep is one step of EM on the posterior, means before scales (an ECM step, Meng & Rubin 1993): the reference that the
// search is held against.
func emStep(e *posterior, data []sample, theta []float64) []float64 {
	e.setMixture(theta)
	next := slices.Clone(theta)
	logit, mean, logScale := split(next)
	n := 0.0
	N, A, B := make([]float64, e.k), make([]float64, e.k), make([]float64, e.k)
	for _, d := range data {
		kernels.MixtureEM(e.stats, d.x, e.m)
		n += d.weight * float64(len(d.x))
		axpy(d.weight, e.stats.N, N)
		axpy(d.weight, e.stats.A, A)
		axpy(d.weight, e.stats.B, B)
	}
	for j := range e.k {
		logit[j] = math.Log((N[j] + 1) / (n + float64(e.k)))
		precision := math.Exp(-2 * logScale[j])
		shift := (A[j]*precision - mean[j]*e.farPrecision) / (N[j]*precision + e.farPrecision)
		mean[j] += shift
		// N = b·p + κ·p/(1+p) - 1/(p·s²) for the precision p: the right side rises with it.
		b := B[j] - 2*shift*A[j] + shift*shift*N[j] + equalRows
		low, high := -300.0, 300.0 // log p
		for range 100 {
			middle := (low + high) / 2
			if p := math.Exp(middle); b*p+narrowRows*p/(1+p)-e.farPrecision/p < N[j] {
				low = middle
			} else {
				high = middle
			}
		}
		logScale[j] = -0.25 * (low + high)
	}
	return next
}

// The search never falls, ends where EM stands still, and gets there much sooner.
func TestMaximizeAgainstEM(t *testing.T) {
	for j := range 2 {
		s := moonsColumn(t, j)
		data := newSketch(s, 8)
		share := starts(s, 8, flowtest.NewRand(0))[0]
		e := newPosterior(8, s)

		last := math.Inf(-1)
		for n := 1; n <= 120; n++ {
			_, score := e.maximize(data, share, n)
			if score < last {
				t.Errorf("coordinate %d: %d evaluations reach %v, one less %v", j, n, score, last)
			}
			last = score
		}
		theta, score := e.maximize(data, share, manyEvaluations)
		if norm := math.Sqrt(dot(e.at(data, theta).grad, e.at(data, theta).grad)); norm > 1e-3 {
			t.Errorf("coordinate %d: the search ended where the gradient is %v", j, norm)
		}
		if better := e.at(data, emStep(e, data, theta)).score - score; !(better >= 0 && better < tolerance) {
			t.Errorf("coordinate %d: a step of EM from the end of the search gains %g, want less than %g", j, better, tolerance)
		}

		_, short := e.maximize(data, share, fewEvaluations)
		steps, at := 0, share
		for ; steps < 4000 && e.at(data, at).score < short; steps++ {
			at = emStep(e, data, at)
		}
		t.Logf("coordinate %d of the two moons: %d evaluations of L-BFGS reach %.6f nats per row; EM needs %d", j, fewEvaluations, short, steps)
		if steps < 5*fewEvaluations {
			t.Errorf("coordinate %d: EM needs only %d steps to where L-BFGS takes %d", j, steps, fewEvaluations)
		}
	}
}

// The sketch says about a mixture what all rows say.
func TestSketch(t *testing.T) {
	rng := flowtest.NewRand(2)
	columns := [][]float64{moonsColumn(t, 0), moonsColumn(t, 1)}
	for range 6 {
		s := drawMixture(randomMixture(8, rng), 20000, rng)
		slices.Sort(s)
		standardize(s)
		columns = append(columns, s)
	}
	worst := 0.0
	for c, s := range columns {
		sketch := newSketch(s, 8)
		rows, points := 0.0, 0
		for _, p := range sketch {
			rows += p.weight * float64(len(p.x))
			points += len(p.x)
		}
		if rows != float64(len(s)) || points > 600+len(s)/16 {
			t.Errorf("column %d: %d points stand for %v rows, want at most 600 and one in 16 for %d", c, points, rows, len(s))
		}
		e := newPosterior(8, s)
		theta, rough := e.maximize(sketch, starts(s, 8, rng)[0], manyEvaluations)
		full := e.at([]sample{{s, 1}}, theta).score
		worst = max(worst, math.Abs(full-rough))
	}
	t.Logf("the posterior of the sketch differs from that of all rows by at most %.2g nats per row", worst)
	if worst > 5e-3 {
		t.Errorf("the sketch is off by %g nats per row", worst)
	}
	small := drawMixture(randomMixture(2, rng), 500, rng)
	if sketch := newSketch(small, 8); len(sketch) != 1 || len(sketch[0].x) != len(small) {
		t.Error("500 rows are few enough to be their own sketch")
	}
}

// Where the prior keeps components from chasing single rows, starting values
// hardly matter.
func TestStartsAgree(t *testing.T) {
	for j := range 2 {
		s := moonsColumn(t, j)
		data := newSketch(s, 8)
		e := newPosterior(8, s)
		var scores []float64
		for seed := range uint64(4) {
			for _, start := range starts(s, 8, flowtest.NewRand(seed)) {
				_, score := e.maximize(data, start, manyEvaluations)
				scores = append(scores, score)
			}
		}
		spread := slices.Max(scores) - slices.Min(scores)
		t.Logf("coordinate %d of the two moons: %d starts end within %.5f nats per row of each other", j, len(scores), spread)
		if spread > 2e-3 {
			t.Errorf("coordinate %d: starts end at %.5f", j, scores)
		}
	}
}

// Hard mixtures are found: the fit is as likely as the truth, which many restarts
// alone do not achieve.
func TestFitFindsTheTruth(t *testing.T) {
	var gains, restarted []float64
	for seed := range uint64(12) {
		rng := flowtest.NewRand(seed)
		truth := randomMixture(8, rng)
		x := drawMixture(truth, 5000, rng)
		want := meanLogDensity(x, truth)
		m, err := Fit(t.Context(), x, 8, rng)
		if err != nil {
			t.Fatal(err)
		}
		gains = append(gains, meanLogDensity(x, m)-want)

		slices.Sort(x)
		_, spread := standardize(x)
		var tries [][]float64
		for len(tries) < 30 {
			tries = append(tries, starts(x, 8, rng)[2:]...)
		}
		e := newPosterior(8, x)
		sketch := newSketch(x, 8)
		best, _ := e.bestOf(sketch, tries)
		best, _ = e.maximize(sketch, best, manyEvaluations)
		best, _ = e.maximize([]sample{{x, 1}}, best, manyEvaluations)
		e.setMixture(best)
		restarted = append(restarted, meanLogDensity(x, e.m)-math.Log(spread)-want)
	}
	mean, worst := stat.Mean(gains, nil), slices.Min(gains)
	t.Logf("%d mixtures of 8 unlike components, 5,000 rows: against the truth the fit gains %.5f nats per row on average, %.4f at worst; the best of 30 restarts %.5f and %.4f",
		len(gains), mean, worst, stat.Mean(restarted, nil), slices.Min(restarted))
	if mean < 0 || worst < -0.02 || mean < stat.Mean(restarted, nil)-1e-3 {
		t.Errorf("the fit misses components: gains %.4f", gains)
	}
}

// The fit follows the data through shifts and changes of scale.
func TestFitScale(t *testing.T) {
	x := drawMixture(randomMixture(3, flowtest.NewRand(5)), 2000, flowtest.NewRand(6))
	base, err := Fit(t.Context(), x, 4, flowtest.NewRand(7))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ scale, shift float64 }{{1e-45, 0}, {1e45, 0}, {1, 1e6}, {-1, 0}, {1e-6, 1}, {1e20, -1e25}} {
		t.Run(fmt.Sprintf("%g·x%+g", c.scale, c.shift), func(t *testing.T) {
			y := make([]float64, len(x))
			for i, v := range x {
				y[i] = c.scale*v + c.shift
			}
			m, err := Fit(t.Context(), y, 4, flowtest.NewRand(7))
			if err != nil {
				t.Fatal(err)
			}
			got := meanLogDensity(y, m) + math.Log(math.Abs(c.scale))
			if want := meanLogDensity(x, base); math.Abs(got-want) > 2e-3 {
				t.Errorf("mean log-density %v, want %v", got, want)
			}
		})
	}
}

// Columns that tempt a likelihood to be infinite, or hide most rows from it.
func TestFitOddColumns(t *testing.T) {
	rng := flowtest.NewRand(8)
	normal := drawMixture(kernels.Mixture{Weight: []float64{1}, Mean: []float64{0}, Scale: []float64{1}}, 1000, rng)
	column := func(f func(i int) float64) []float64 {
		x := make([]float64, len(normal))
		for i := range x {
			x[i] = f(i)
		}
		return x
	}
	for name, x := range map[string][]float64{
		"spike":            column(func(i int) float64 { return normal[i] * float64(i%2) }),
		"mostly one value": column(func(i int) float64 { return normal[i] * float64(i/980) }),
		"integers":         column(func(i int) float64 { return math.Round(3 * normal[i]) }),
		"every row twice":  column(func(i int) float64 { return normal[i/2] }),
		"Cauchy":           column(func(i int) float64 { return math.Tan(math.Pi * (float64(i) + 0.5) / 1000) }),
		"log-normal":       column(func(i int) float64 { return math.Exp(3 * normal[i]) }),
		"outlier":          column(func(i int) float64 { return normal[i] + 1e40*float64(i/999) }),
		"uniform":          column(func(i int) float64 { return float64(i) }),
		"as few as K":      normal[:8],
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Fit(t.Context(), x, 8, flowtest.NewRand(9))
			if err != nil {
				t.Fatal(err)
			}
			if sum := kernels.Sum(m.Weight); math.Abs(sum-1) > 1e-14 || slices.Min(m.Weight) < 0.5/float64(len(x)+8) {
				t.Errorf("weights %v", m.Weight)
			}
			one := kernels.Mixture{Weight: []float64{1}, Mean: []float64{stat.Mean(x, nil)}, Scale: []float64{stat.PopStdDev(x, nil)}}
			if got, single := meanLogDensity(x, m), meanLogDensity(x, one); !(got > single-0.5) || math.IsInf(got, 0) {
				t.Errorf("mean log-density %v, of a single normal %v", got, single)
			}
			z, logDet := make([]float64, len(x)), make([]float64, len(x))
			kernels.MixtureForward(z, logDet, x, m)
			if !tile.Finite(z) || !tile.Finite(logDet) {
				t.Error("the map is not finite on its own data")
			}
			t.Logf("smallest σ %.3g, largest |z| %.3g", slices.Min(m.Scale), mat.Norm(mat.NewVecDense(len(z), z), math.Inf(1)))
		})
	}
}

// A component that describes no row stays near the data all the same: its share of the flow's samples is drawn from it.
func TestFitStaysNearRows(t *testing.T) {
	most := 0.0
	for _, n := range []int{10, 20, 50, 200} {
		for seed := range uint64(40) {
			rng := flowtest.NewRand(seed)
			x, farthest := make([]float64, n), 0.0
			for i := range x {
				x[i] = rng.NormFloat64() + 4*float64(2*rng.IntN(2)-1)
				farthest = max(farthest, math.Abs(x[i]))
			}
			m, err := Fit(t.Context(), x, min(8, n/2), rng)
			if err != nil {
				t.Fatal(err)
			}
			for j := range m.Mean {
				far := max(m.Scale[j], math.Abs(m.Mean[j])) / farthest
				if most = max(most, far); far > 2 {
					t.Errorf("%d rows, seed %d: a component of weight %.3g has mean %.3g and scale %.3g; the farthest row is at %.3g", n, seed, m.Weight[j], m.Mean[j], m.Scale[j], farthest)
				}
			}
		}
	}
	t.Logf("means and scales are at most %.3g times as large as the farthest row", most)
}
