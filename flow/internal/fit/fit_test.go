package fit

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/mixture"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// draw returns n samples, d×n.
func draw(n, d int, rng *rand.Rand, sample func(x []float64)) blas.Matrix {
	m, x := newMatrix(d, n), make([]float64, d)
	for i := range n {
		for j := range x {
			x[j] = rng.NormFloat64()
		}
		sample(x)
		for j, v := range x {
			m.Data[j*n+i] = v
		}
	}
	return m
}

// What is chosen by rows held out is next to no worse than the best single recipe, a
// family with a number of components fitted to all rows, that the rows to judge by
// show in hindsight.
func TestRegret(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	const n, held = 120, 2000
	worst, total := math.Inf(-1), 0.0
	toys := []struct {
		name   string
		d      int
		sample func(rng *rand.Rand) func(x []float64)
	}{
		{"normal", 3, func(*rand.Rand) func([]float64) { return func([]float64) {} }},
		{"ring", 2, func(rng *rand.Rand) func([]float64) {
			return func(x []float64) {
				s, c := math.Sincos(2 * math.Pi * rng.Float64())
				x[0], x[1] = s+0.1*x[0], c+0.1*x[1]
			}
		}},
		{"clusters", 4, func(rng *rand.Rand) func([]float64) {
			return func(x []float64) {
				sign := float64(2*rng.IntN(2) - 1)
				x[1] += 0.9 * sign * x[0]
				x[0] += 2 * sign
			}
		}},
		{"banana", 3, func(*rand.Rand) func([]float64) { return func(x []float64) { x[1] += x[0] * x[0] } }},
	}
	for _, toy := range toys {
		rng := rand.New(rand.NewPCG(7, 8))
		sample := toy.sample(rng)
		x, test := draw(n, toy.d, rng, sample), draw(held, toy.d, rng, sample)
		f := &fitter{ctx: context.Background(), d: toy.d}
		r, err := f.run(x)
		if err != nil {
			t.Fatal(err)
		}
		for j := range toy.d {
			for i, v := range row(test, j) {
				row(test, j)[i] = (v - r.Shift[j]) / r.Scale[j]
			}
		}
		score := func(m *mixture.Mixture, x blas.Matrix, offset []float64) float64 {
			l := make([]float64, held)
			m.LogDensity(context.Background(), l, x)
			return (kernels.Sum(l) + kernels.Sum(offset)) / held
		}
		best, of := math.Inf(-1), ""
		for _, family := range f.families() {
			for _, k := range ladder[:10] {
				m, _, err := mixture.Fit(context.Background(), f.data, mixture.Options{Family: family, Components: k, Floor: f.floor, Iterations: 40, Tolerance: 3e-5})
				if err != nil {
					continue
				}
				if s := score(m, test, nil); s > best {
					best, of = s, family.String()
				}
			}
		}
		chosen := 0.0
		if r.Columns != nil {
			offset := make([]float64, held)
			if r.Axes != nil {
				test = r.Axes.along(test)
				tile.Fill(offset, r.Axes.logDet)
			}
			columns := make([]column, toy.d)
			for j := range columns {
				columns[j].final = r.Columns[j]
			}
			chosen = score(r.Opening, transformed(test, offset, columns, -1), offset)
		} else {
			chosen = score(r.Opening, test, nil)
		}
		t.Logf("%s: chosen %.3f, best in hindsight %.3f (%s), regret %+.3f", toy.name, chosen, best, of, best-chosen)
		worst = max(worst, best-chosen)
		total += (best - chosen) / float64(len(toys))
	}
	if t.Logf("mean regret %+.3f", total); total > 0.03 || worst > 0.08 {
		t.Errorf("the regret is %.3f in the mean and %.3f at worst; want 0.03 and 0.08 at most", total, worst)
	}
}
