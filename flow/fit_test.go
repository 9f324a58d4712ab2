package flow

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// rows draws n rows from a generator.
func rows(n, d int, seed uint64, draw func(row []float64, rng *rand.Rand)) *mat.Dense {
	rng := rand.New(rand.NewPCG(seed, 17))
	x := mat.NewDense(n, d, nil)
	for i := range n {
		draw(x.RawRowView(i), rng)
	}
	return x
}

func drawNormal(row []float64, rng *rand.Rand) {
	for j := range row {
		row[j] = rng.NormFloat64()
	}
}

// drawClusters is two correlated clusters.
func drawClusters(row []float64, rng *rand.Rand) {
	drawNormal(row, rng)
	sign := float64(2*rng.IntN(2) - 1)
	for j := 1; j < len(row); j++ {
		row[j] += sign * 0.9 * row[j-1]
	}
	row[0] += 2 * sign
}

// drawRoundClusters is four clusters with one covariance, a multiple of 1.
func drawRoundClusters(row []float64, rng *rand.Rand) {
	drawNormal(row, rng)
	c := rng.IntN(4)
	for j := range row {
		row[j] += 3 * math.Sin(float64((c+1)*(j+1)))
	}
}

// drawLogNormal has skewed columns that depend on each other.
func drawLogNormal(row []float64, rng *rand.Rand) {
	drawNormal(row, rng)
	for j := range row {
		row[j] = math.Exp(row[j] + 0.5*math.Log1p(math.Abs(row[0])))
	}
}

// drawSources is independent sources, mixed by a matrix of determinant 1: uniform,
// exponential and two-peaked ones. sourcesTruth is the log-density.
func drawSources(row []float64, rng *rand.Rand) {
	for j := range row {
		switch j % 3 {
		case 0:
			row[j] = 4 * rng.Float64()
		case 1:
			row[j] = rng.ExpFloat64()
		default:
			row[j] = float64(2*rng.IntN(2)-1) + 0.3*rng.NormFloat64()
		}
	}
	for j := range len(row) - 1 {
		row[j] += 0.7 * row[j+1]
	}
	for j := len(row) - 1; j > 0; j-- {
		row[j] -= 0.5 * row[j-1]
	}
}

func sourcesTruth(row []float64) float64 {
	s := slices.Clone(row)
	for j := 1; j < len(s); j++ {
		s[j] += 0.5 * s[j-1]
	}
	for j := len(s) - 2; j >= 0; j-- {
		s[j] -= 0.7 * s[j+1]
	}
	sum := 0.0
	for j, v := range s {
		switch j % 3 {
		case 0:
			sum -= math.Log(4)
		case 1:
			sum -= v
		default:
			sum += math.Log(math.Exp(-(v-1)*(v-1)/0.18)+math.Exp(-(v+1)*(v+1)/0.18)) - math.Log(2*0.3) - logSqrt2Pi
		}
	}
	return sum
}

func mustFit(t testing.TB, x *mat.Dense, o FitOptions) *Flow {
	t.Helper()
	f, err := Fit(context.Background(), x, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func scoreOf(t *testing.T, f *Flow, x mat.Matrix) float64 {
	t.Helper()
	n, _ := x.Dims()
	lp := make([]float64, n)
	if err := f.LogProb(lp, x); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, v := range lp {
		sum += v
	}
	return sum / float64(n)
}

// gaussianScore is what a normal distribution fitted to train scores on test.
func gaussianScore(train, test *mat.Dense) float64 {
	n, d := train.Dims()
	var cov mat.SymDense
	mean := make([]float64, d)
	centred := mat.DenseCopyOf(train)
	for j := range d {
		for i := range n {
			mean[j] += train.At(i, j) / float64(n)
		}
		for i := range n {
			centred.Set(i, j, train.At(i, j)-mean[j])
		}
	}
	cov.SymOuterK(1/float64(n), centred.T())
	var chol mat.Cholesky
	chol.Factorize(&cov)
	m, _ := test.Dims()
	sum := 0.0
	for i := range m {
		v, u := mat.NewVecDense(d, nil), mat.NewVecDense(d, nil)
		for j := range d {
			v.SetVec(j, test.At(i, j)-mean[j])
		}
		chol.SolveVecTo(u, v)
		sum -= 0.5*mat.Dot(u, v) + 0.5*chol.LogDet() + float64(d)*logSqrt2Pi
	}
	return sum / float64(m)
}

// On unseen rows a fit is never below a Gaussian but by what choosing costs, and far
// above it where there is something to find.
func TestFitUnseenRows(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	for _, c := range []struct {
		name  string
		n, d  int
		draw  func([]float64, *rand.Rand)
		least float64 // gain over the Gaussian, in nats
	}{
		{"normal", 100, 3, drawNormal, -0.03},
		{"clusters", 200, 3, drawClusters, 0.5},
		{"log-normal", 200, 2, drawLogNormal, 0.7},
		{"round clusters", 200, 10, drawRoundClusters, 2.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r FitReport
			train, test := rows(c.n, c.d, 1, c.draw), rows(4000, c.d, 2, c.draw)
			f := mustFit(t, train, FitOptions{Report: &r})
			got, gaussian := scoreOf(t, f, test), gaussianScore(train, test)
			t.Logf("flow %.4f, Gaussian %.4f; held out %.4f ± %.4f, %d components, transformed: %v", got, gaussian, r.Flow.Mean, r.Flow.SE, r.Components, r.Transformed)
			if !(got-gaussian > c.least) {
				t.Errorf("the flow scores %.4f and the Gaussian %.4f; want a difference above %g", got, gaussian, c.least)
			}
			if !(math.Abs(got-r.Flow.Mean) < 5*r.Flow.SE) {
				t.Errorf("unseen rows score %.4f, and the report says %.4f ± %.4f", got, r.Flow.Mean, r.Flow.SE)
			}
			share := 0.0
			for _, c := range r.Tried {
				if c.Stage != "mixture" == r.Transformed {
					share += c.Share
				}
			}
			if math.Abs(share-1) > 1e-9 {
				t.Errorf("the shares of the candidates sum to %v", share)
			}
		})
	}
}

// Independent sources that a matrix mixes are found, and each has a mixture of its own;
// where there are none, nothing is turned.
func TestFitAxes(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	const n, d = 300, 3
	x, test := rows(n, d, 40, drawSources), rows(4000, d, 41, drawSources)
	var r FitReport
	f := mustFit(t, x, FitOptions{Report: &r, MaxComponents: 8})
	truth := 0.0
	for i := range 4000 {
		truth += sourcesTruth(test.RawRowView(i)) / 4000
	}
	got := scoreOf(t, f, test)
	t.Logf("%.3f; the truth scores %.3f, held out %.3f ± %.3f, the best mixture %.3f; %+v", got, truth, r.Flow.Mean, r.Flow.SE, r.Mixture.Mean, r.Axes)
	if !r.Axes.Turned || !r.Axes.Converged || r.Transformed || len(r.Axes.Components) != d || !(r.Axes.Over.Mean > 2*r.Axes.Over.SE) {
		t.Errorf("transformed: %v, axes: %+v", r.Transformed, r.Axes)
	}
	if !(got > truth-0.2) || !(got < truth) || !(got > r.Mixture.Mean+0.1) || !(math.Abs(got-r.Flow.Mean) < 5*r.Flow.SE) {
		t.Errorf("unseen rows score %.3f, held out %.3f ± %.3f; the truth scores %.3f, the best mixture %.3f", got, r.Flow.Mean, r.Flow.SE, truth, r.Mixture.Mean)
	}
	checkSaveInvert(t, f, x)
	for _, none := range []struct {
		n, d int
		draw func([]float64, *rand.Rand)
	}{{300, 3, drawNormal}, {80, 9, drawSources}} {
		mustFit(t, rows(none.n, none.d, 42, none.draw), FitOptions{Report: &r, MaxComponents: 2})
		if r.Axes.Turned || none.n < none.d*none.d && r.Axes.Iterations > 0 {
			t.Errorf("%d rows of %d columns: %+v", none.n, none.d, r.Axes)
		}
	}
}

// A saved fit is the same flow, and it is invertible.
func TestFitSaveInvert(t *testing.T) {
	x := rows(150, 2, 3, drawLogNormal)
	checkSaveInvert(t, mustFit(t, x, FitOptions{}), x)
}

func checkSaveInvert(t *testing.T, f *Flow, x *mat.Dense) {
	t.Helper()
	n, d := x.Dims()
	var b bytes.Buffer
	if err := f.Save(&b); err != nil {
		t.Fatal(err)
	}
	g, err := Load(&b)
	if err != nil {
		t.Fatal(err)
	}
	var z, back mat.Dense
	lp, lp2 := make([]float64, n), make([]float64, n)
	if err := f.LogProb(lp, x); err != nil {
		t.Fatal(err)
	}
	if err := g.LogProb(lp2, x); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(lp, lp2) {
		t.Error("the loaded flow has other log-densities")
	}
	if err := f.Forward(&z, nil, x); err != nil {
		t.Fatal(err)
	}
	if err := f.Inverse(&back, nil, &z); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		for j := range d {
			if a, b := x.At(i, j), back.At(i, j); !(math.Abs(a-b) < 1e-8*(1+math.Abs(a))) {
				t.Fatalf("row %d, column %d: %v comes back as %v", i, j, a, b)
			}
		}
	}
	if rank, err := f.Threshold(0.5); err != nil || math.Abs(rank) > 50 {
		t.Errorf("the median of the log-densities is %v, %v", rank, err)
	}
}

// Rows in another order, other units and columns in another order are the same data.
func TestFitInvariances(t *testing.T) {
	t.Run("clusters", func(t *testing.T) { testInvariances(t, drawClusters, FitOptions{Seed: 3}, true) })
	t.Run("sources", func(t *testing.T) { testInvariances(t, drawSources, FitOptions{Seed: 3, MaxComponents: 8}, false) })
}

func testInvariances(t *testing.T, draw func([]float64, *rand.Rand), o FitOptions, exact bool) {
	const n, d = 120, 3
	x := rows(n, d, 4, draw)
	test := rows(500, d, 5, draw)
	f := mustFit(t, x, o)
	want := make([]float64, 500)
	if err := f.LogProb(want, test); err != nil {
		t.Fatal(err)
	}
	scores := func(x, test *mat.Dense) []float64 {
		got := make([]float64, 500)
		if err := mustFit(t, x, o).LogProb(got, test); err != nil {
			t.Fatal(err)
		}
		return got
	}
	t.Run("other units", func(t *testing.T) {
		scaled, scaledTest := mat.NewDense(n, d, nil), mat.NewDense(500, d, nil)
		scaled.Scale(2.54, x)
		scaledTest.Scale(2.54, test)
		for i, v := range scores(scaled, scaledTest) {
			if off := v + 3*math.Log(2.54) - want[i]; math.Abs(off) > 1e-9*(1+math.Abs(want[i])) {
				t.Fatalf("row %d: off by %g", i, off)
			}
		}
	})
	t.Run("columns", func(t *testing.T) {
		reversed := func(m *mat.Dense) *mat.Dense {
			r, c := m.Dims()
			out := mat.NewDense(r, c, nil)
			for j := range c {
				out.SetCol(j, mat.Col(nil, c-1-j, m))
			}
			return out
		}
		sum := 0.0
		for i, v := range scores(reversed(x), reversed(test)) {
			sum += (v - want[i]) / 500
		}
		if math.Abs(sum) > 0.01 {
			t.Errorf("another order of columns changes the mean by %g", sum)
		}
	})
	if !exact {
		return
	}
	t.Run("rows", func(t *testing.T) {
		shuffled := mat.NewDense(n, d, nil)
		for i, p := range rand.New(rand.NewPCG(1, 1)).Perm(n) {
			shuffled.SetRow(i, x.RawRowView(p))
		}
		if !slices.Equal(scores(shuffled, test), want) {
			t.Error("another order of rows gives other log-densities")
		}
	})
	t.Run("powers of two", func(t *testing.T) {
		scaled, scaledTest := mat.DenseCopyOf(x), mat.DenseCopyOf(test)
		for j, s := range []float64{1024, 0x1p-30, 2} {
			for _, m := range []*mat.Dense{scaled, scaledTest} {
				r, _ := m.Dims()
				for i := range r {
					m.Set(i, j, s*m.At(i, j))
				}
			}
		}
		// The log-determinant is another number: compare within its rounding.
		for i, v := range scores(scaled, scaledTest) {
			if off := v - 19*math.Ln2 - want[i]; math.Abs(off) > 1e-12*(1+math.Abs(want[i])) {
				t.Fatalf("row %d: off by %g", i, off)
			}
		}
	})
}

// Few rows give sane fits.
func TestFitFewRows(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	for _, c := range []struct{ n, d int }{{8, 1}, {5, 2}, {4, 3}, {10, 9}, {25, 5}, {30, 29}} {
		x, test := rows(c.n, c.d, 6, drawNormal), rows(2000, c.d, 7, drawNormal)
		got := scoreOf(t, mustFit(t, x, FitOptions{}), test)
		truth := -float64(c.d) * (logSqrt2Pi + 0.5)
		t.Logf("n=%d d=%d: %.2f; the truth scores %.2f", c.n, c.d, got, truth)
		if !(got > truth-1.5*float64(c.d)) {
			t.Errorf("n=%d d=%d: %.2f; the truth scores %.2f", c.n, c.d, got, truth)
		}
	}
}

// Rounded columns are named, and do not buy spikes.
func TestFitTies(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	draw := func(row []float64, rng *rand.Rand) {
		drawNormal(row, rng)
		row[0] = math.Round(3*row[0]) / 4
		row[1] += 0.5 * row[0]
	}
	x := rows(300, 2, 8, draw)
	for _, dequantize := range []bool{false, true} {
		var r FitReport
		f := mustFit(t, x, FitOptions{Report: &r, Dequantize: dequantize})
		if c := r.Columns[0]; c.Resolution != 0.25 || c.Tied < 0.9 {
			t.Errorf("column 0 has resolution %v, %v of it tied", c.Resolution, c.Tied)
		}
		if c := r.Columns[1]; c.Resolution != 0 || c.Tied != 0 || c.Distinct != 300 {
			t.Errorf("column 1: %+v", c)
		}
		moved := mat.DenseCopyOf(x)
		for i := range 300 {
			moved.Set(i, 0, x.At(i, 0)+0.125)
		}
		on, off := scoreOf(t, f, x), meanLogProb(t, f, moved)
		t.Logf("dequantized %v: %.3f on the grid, %.3f half a step off", dequantize, on, off)
		if !(on-off < 2) {
			t.Errorf("rows half a step off the grid lose %.3f nats", on-off)
		}
	}
}

func TestFitErrors(t *testing.T) {
	x := rows(50, 3, 9, drawNormal)
	with := func(change func(x *mat.Dense)) *mat.Dense {
		c := mat.DenseCopyOf(x)
		change(c)
		return c
	}
	for _, c := range []struct {
		want string
		x    *mat.Dense
	}{
		{"column 1 is constant at 7", with(func(x *mat.Dense) { x.SetCol(1, slices.Repeat([]float64{7}, 50)) })},
		{"columns 0 and 2 depend on each other", with(func(x *mat.Dense) {
			for i := range 50 {
				x.Set(i, 2, 3-2*x.At(i, 0))
			}
		})},
		{"row 4, column 1 is NaN", with(func(x *mat.Dense) { x.Set(4, 1, math.NaN()) })},
		{"column 2 reaches 1e+60", with(func(x *mat.Dense) { x.Set(4, 2, 1e60) })},
		{"there are 3 rows", mat.DenseCopyOf(x.Slice(0, 3, 0, 3))},
	} {
		if _, err := Fit(context.Background(), c.x, FitOptions{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("the error is %v; want %q in it", err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	steps := 0
	_, err := Fit(ctx, x, FitOptions{Progress: func(s FitStep) {
		if steps++; steps == 3 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("after cancellation the error is %v", err)
	}
}

// Duplicate rows have a density, too.
func TestFitDuplicates(t *testing.T) {
	x := rows(40, 2, 10, drawNormal)
	twice := mat.NewDense(80, 2, nil)
	twice.Stack(x, x)
	test := rows(1000, 2, 11, drawNormal)
	if got := scoreOf(t, mustFit(t, twice, FitOptions{}), test); !(got > -2*(logSqrt2Pi+0.5)-2) {
		t.Errorf("%v", got)
	}
}

// drawMoons is the two moons.
func drawMoons(row []float64, rng *rand.Rand) {
	sin, cos := math.Sincos(math.Pi * rng.Float64())
	row[0], row[1] = cos, sin
	if rng.IntN(2) == 1 {
		row[0], row[1] = 1-cos, 0.5-sin
	}
	row[0] += 0.1 * rng.NormFloat64()
	row[1] += 0.1 * rng.NormFloat64()
}

// In the plane a fit integrates to 1, and along every ray log p falls from ten standard
// deviations out to a million. Where columns go through mixtures of their own that holds
// beyond them alone, tails and all: there, from 500 on.
func TestFitTails(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	for name, draw := range map[string]func([]float64, *rand.Rand){"moons": drawMoons, "log-normal": drawLogNormal, "sources": drawSources} {
		x := rows(300, 2, 12, draw)
		var r FitReport
		f := mustFit(t, x, FitOptions{Report: &r})
		if r.Transformed != (name == "log-normal") || r.Axes.Turned != (name == "sources") {
			t.Errorf("%s: transformed: %v, axes: %+v", name, r.Transformed, r.Axes)
		}
		if name != "log-normal" {
			steps, reach := 400, 6.0
			if name == "sources" {
				steps, reach = 600, 12
			}
			grid := mat.NewDense(steps*steps, 2, nil)
			for i := range steps * steps {
				grid.Set(i, 0, 0.5+reach*((2*float64(i%steps)+1)/float64(steps)-1))
				grid.Set(i, 1, 0.25+reach*((2*float64(i/steps)+1)/float64(steps)-1))
			}
			lp := make([]float64, steps*steps)
			if err := f.LogProb(lp, grid); err != nil {
				t.Fatal(err)
			}
			sum := 0.0
			for _, v := range lp {
				sum += math.Exp(v)
			}
			if sum *= 4 * reach * reach / float64(steps*steps); !(math.Abs(sum-1) < 1e-3) {
				t.Errorf("%s: the density integrates to %v", name, sum)
			}
		}
		var centre, spread [2]float64
		for j := range centre {
			m, v := 0.0, 0.0
			for i := range 300 {
				m += x.At(i, j) / 300
			}
			for i := range 300 {
				v += (x.At(i, j) - m) * (x.At(i, j) - m) / 300
			}
			centre[j], spread[j] = m, math.Sqrt(v)
		}
		var radii []float64
		first := 10.0
		if name != "moons" {
			first = 500
		}
		for r := first; r <= 1e6; r *= 1.5 {
			radii = append(radii, r)
		}
		for ray := range 200 {
			sin, cos := math.Sincos(2 * math.Pi * float64(ray) / 200)
			at := mat.NewDense(len(radii), 2, nil)
			for i, r := range radii {
				at.SetRow(i, []float64{centre[0] + r*spread[0]*cos, centre[1] + r*spread[1]*sin})
			}
			lp := make([]float64, len(radii))
			if err := f.LogProb(lp, at); err != nil {
				t.Fatal(err)
			}
			for i := 1; i < len(lp); i++ {
				if !(lp[i] < lp[i-1]) {
					t.Fatalf("%s, ray %d: log p is %v at radius %g and %v at %g", name, ray, lp[i-1], radii[i-1], lp[i], radii[i])
				}
			}
		}
	}
}

// Samples stay near bounded data, and have the moments of what was fitted.
func TestFitSamples(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	const n = 1_000_000
	x := rows(500, 2, 13, func(row []float64, rng *rand.Rand) {
		row[0], row[1] = rng.Float64(), rng.Float64()
	})
	f := mustFit(t, x, FitOptions{})
	y := mat.NewDense(n, 2, nil)
	if err := f.Sample(y, rand.NewPCG(1, 2)); err != nil {
		t.Fatal(err)
	}
	for j := range 2 {
		moments := func(m *mat.Dense) (mean, sd, low, high float64) {
			n, _ := m.Dims()
			low, high = math.Inf(1), math.Inf(-1)
			for i := range n {
				v := m.At(i, j)
				mean += v / float64(n)
				low, high = min(low, v), max(high, v)
			}
			for i := range n {
				v := m.At(i, j) - mean
				sd += v * v / float64(n)
			}
			return mean, math.Sqrt(sd), low, high
		}
		mean, sd, low, high := moments(x)
		m, s, l, h := moments(y)
		if r := high - low; l < low-r || h > high+r {
			t.Errorf("column %d: samples reach from %.2f to %.2f, the data from %.2f to %.2f", j, l, h, low, high)
		}
		if math.Abs(m-mean) > 0.03*sd || math.Abs(s/sd-1) > 0.03 {
			t.Errorf("column %d: samples have mean %.4f and standard deviation %.4f, the data %.4f and %.4f", j, m, s, mean, sd)
		}
	}
}

// Columns with heavy tails are mapped, and what follows the maps has tails of its own: both
// together do not throw samples far beyond the rows.
func TestFitTransformedSamples(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	largest := func(m *mat.Dense) (most float64) {
		for _, v := range m.RawMatrix().Data {
			most = max(most, math.Abs(v))
		}
		return most
	}
	for seed := range uint64(3) {
		x := rows(200, 4, 40+seed, drawLogNormal)
		var r FitReport
		f := mustFit(t, x, FitOptions{Report: &r})
		y := mat.NewDense(20_000, 4, nil)
		if err := f.Sample(y, rand.NewPCG(seed, 3)); err != nil {
			t.Fatal(err)
		}
		far := largest(y) / largest(x)
		t.Logf("seed %d: the farthest sample is %.1f times as far as the farthest row", seed, far)
		if !r.Transformed || !(far < 6) {
			t.Errorf("seed %d: the farthest sample is %.1f times as far as the farthest row; columns are mapped: %v", seed, far, r.Transformed)
		}
	}
}

// A row far out, however far, costs the others next to nothing.
func TestFitFarRow(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	x, test := rows(200, 2, 14, drawMoons), rows(2000, 2, 15, drawMoons)
	want := scoreOf(t, mustFit(t, x, FitOptions{}), test)
	for _, far := range []float64{1e3, 1e12, 30, -1e40} {
		x.SetRow(77, []float64{far, -far / 2})
		f := mustFit(t, x, FitOptions{})
		got, row := scoreOf(t, f, test), scoreOf(t, f, x.Slice(77, 78, 0, 2))
		t.Logf("%g: %.3f instead of %.3f; the row itself %.1f", far, got, want, row)
		if !(got > want-0.1) {
			t.Errorf("with a row at %g unseen rows score %.3f instead of %.3f", far, got, want)
		}
		// A Gaussian as wide as the row is far, with its share, has about this density there.
		if least := -math.Log(200) - 2*math.Log(math.Abs(far)) - 10; !(row > least) {
			t.Errorf("the row at %g scores %.1f; want %.1f at least", far, row, least)
		}
	}
}

// Tails are as heavy as the farthest rows say: beyond them a Cauchy distribution's score
// what a heavy tail would give them, a normal one's do not.
func TestFitHeavyTails(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	for seed := range uint64(3) {
		x := rows(200, 1, 20+seed, func(row []float64, rng *rand.Rand) { row[0] = rng.NormFloat64() / rng.NormFloat64() })
		most := 0.0
		for i := range 200 {
			most = max(most, math.Abs(x.At(i, 0)))
		}
		f := mustFit(t, x, FitOptions{})
		for _, r := range []float64{2, 10, 30} {
			at := r * most
			got, truth := scoreOf(t, f, mat.NewDense(1, 1, []float64{at})), -math.Log(math.Pi*at*at)
			t.Logf("Cauchy: %.1f at %g times the farthest row; the truth is %.1f", got, r, truth)
			if !(math.Abs(got-truth) < 4) {
				t.Errorf("Cauchy: log p is %.1f at %g times the farthest row; the truth is %.1f", got, r, truth)
			}
		}
		if got := scoreOf(t, mustFit(t, rows(200, 1, 30+seed, drawNormal), FitOptions{}), mat.NewDense(1, 1, []float64{30})); !(got < -30) {
			t.Errorf("normal rows: log p is %.1f at 30 standard deviations", got)
		}
	}
}
