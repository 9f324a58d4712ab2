// Package gmm fits one-dimensional Gaussian mixtures.
package gmm

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// In units in which the column has median 0 and spread 1 the fit maximizes the
// posterior
//
//	Σ_i log f(x_i) + Σ_k [log w_k - κ/2·log(1 + 1/σ_k²) - ε/2·1/σ_k² - 1/2·(μ_k² + σ_k²)/s²]
//
// The first penalty counts one more row for every component: no weight vanishes.
// The second makes a component pay κ nats for every e-fold by which it is
// narrower than the column, so that one which only describes a few rows does not
// pay for itself, while one with hundreds of rows hardly notices (a
// boundary-avoiding prior, Chung et al. 2013). Maximum likelihood needs it: narrow
// components are steep slopes beyond the data, and each block multiplies those of
// the last. The third bounds the likelihood where rows coincide: N equal rows get
// σ = √(ε/N). In the fourth s is the magnitude of the farthest row. A component that
// describes no row keeps the share of one; without the fourth it would be the better
// the wider, and that share of the flow's samples would lie far beyond all rows. With
// it such a component ends near σ² = s√κ.
//
// L-BFGS maximizes the posterior on the statistics of EM, and starts from the
// complete-data information as its metric. A first step is then nearly one of EM,
// and the later ones need not share its crawl along flat ridges (Lange 1995): on
// the two moons 40 evaluations reach what takes EM about 500. The search is for the
// right basin and runs on a sketch of the sorted column; the sketch is so close
// that a few steps on all rows finish.
//
// What the tests found: with this prior all starts end within 0.001 nats per row of
// each other on the two moons, and no stopping rule is needed there; on mixtures of
// very unlike components restarts alone fail, and moving a component to where mass
// lacks succeeds.
const (
	narrowRows = 4    // κ
	equalRows  = 1e-3 // ε

	tolerance       = 1e-7 // of the posterior per row, in nats: three steps in a row that gain less end the search
	fewEvaluations  = 40   // evaluations that tell good starts from bad ones
	manyEvaluations = 400  // the most evaluations of a search
	memory          = 10   // pairs that L-BFGS keeps
	longStride      = 2    // largest change of a logit or log σ in one step

	randomStarts = 2    // beside two that the sorted column dictates
	worthwhile   = 1e-5 // what moving a component must gain, in nats per row
	scanMarks    = 128  // the number of quantiles between which mass may lack

	sketchTail   = 64 // extreme rows on each side that the sketch keeps
	sketchGroups = 50 // groups per component that it makes of the others, or more
	sketchGroup  = 16 // rows in a group, or fewer: a component could narrow to one large group
	sketchBlock  = 16 // the number of groups is a multiple of this, which the kernels' assembly takes at a time
)

// MaxMagnitude is the largest magnitude of the data, its inverse the smallest spread
// of a column: the kernels take scales within 1e±60.
const MaxMagnitude = 1e50

// Fit fits k components to x. Its result depends on x as a set, on k and
// on the numbers that rng gives. It returns the error of ctx soon after that is done.
func Fit(ctx context.Context, x []float64, k int, rng *rand.Rand) (kernels.Mixture, error) {
	return FitAbove(ctx, x, k, 0, rng)
}

// FitAbove is [Fit] with no component narrower than least: the standard deviation of
// what is not known of each value, as where values are rounded.
func FitAbove(ctx context.Context, x []float64, k int, least float64, rng *rand.Rand) (kernels.Mixture, error) {
	if err := ctx.Err(); err != nil {
		return kernels.Mixture{}, err
	}
	s := slices.Clone(x)
	slices.Sort(s)
	side := orient(s)
	centre, spread := standardize(s)
	if err := checkColumn(s, spread, k); err != nil {
		return kernels.Mixture{}, err
	}
	settle(s)
	e := newPosterior(k, s)
	e.ctx = ctx
	if least > 0 {
		logs := []float64{least / spread}
		kernels.Log(logs, logs)
		e.leastLog = logs[0]
	}
	sketch := newSketch(s, k)
	best, score := e.bestOf(sketch, starts(s, k, rng))
	for range 4 * k { // each round gains, so it ends; the limit is a guard
		moved := e.moveComponent(best, s)
		if moved == nil {
			break
		}
		moved, gained := e.maximize(sketch, moved, fewEvaluations)
		if !(gained > score+worthwhile) {
			break
		}
		best, score = moved, gained
	}
	best, _ = e.maximize(sketch, best, manyEvaluations)
	best, _ = e.maximize([]sample{{s, 1}}, best, manyEvaluations)

	if err := ctx.Err(); err != nil {
		return kernels.Mixture{}, err
	}
	e.setMixture(best)
	m := e.m
	for j := range m.Mean {
		m.Mean[j] = side * (centre + float64(spread*m.Mean[j]))
		m.Scale[j] *= spread
	}
	if !tile.Finite(m.Weight) || !tile.Finite(m.Mean) || !tile.Finite(m.Scale) {
		return kernels.Mixture{}, fmt.Errorf("the fit of %d components diverged", k)
	}
	return m, nil
}

// orient mirrors the sorted column s at 0 if its third central moment is negative, and
// returns the sign that takes it back: the fit of a mirror image is the mirror image
// of the fit, whatever side of an axis is the positive one.
func orient(s []float64) float64 {
	mean := kernels.Sum(s) / float64(len(s))
	third := 0.0
	for _, v := range s {
		d := v - mean
		third += float64(float64(d*d) * d)
	}
	if third >= 0 {
		return 1
	}
	slices.Reverse(s)
	for i := range s {
		s[i] = -s[i]
	}
	return -1
}

// settle rounds the standardized column s to millionths of its spread. A search among
// many optima is chaotic: one ulp of one value can decide which one it finds. What
// differs by rounding alone, as after a change of units, of the order of columns or of
// the product of matrices, mostly ends up the same here, and so the fits do. No
// component is so narrow that it could tell.
func settle(s []float64) {
	const steps = 1 << 20
	for i, v := range s {
		s[i] = math.RoundToEven(v*steps) / steps
	}
}

// standardize centres the sorted column at its median and divides it by its
// spread: the standard deviation, or what the quartiles make of it for a normal
// column if that is less, so that outliers do not set the scale. The spread is 0
// if the column is constant, and then the column is left centred.
func standardize(s []float64) (centre, spread float64) {
	n := len(s)
	centre = s[n/2]
	quartiles := (s[n-1-n/4] - s[n/4]) / 1.349
	for i := range s {
		s[i] -= centre
	}
	mean := kernels.Sum(s) / float64(n)
	spread = math.Sqrt(max(0, kernels.SumSquares(s)/float64(n)-float64(mean*mean)))
	if quartiles > 0 {
		spread = min(spread, quartiles)
	}
	if spread > 0 {
		for i := range s {
			s[i] /= spread
		}
	}
	return centre, spread
}

// checkColumn refuses a standardized column that has no density of k components.
func checkColumn(s []float64, spread float64, k int) error {
	if far := max(-s[0], s[len(s)-1]); far > MaxMagnitude {
		return fmt.Errorf("a value lies %.3g spreads from the median, more than %g; remove the outlier", far, float64(MaxMagnitude))
	}
	if spread < 1/MaxMagnitude {
		return fmt.Errorf("its spread is below %g, where the scales of its components leave the range of the kernels; rescale the data", 1/MaxMagnitude)
	}
	distinct, last := 1, s[0]
	for _, v := range s {
		// Rotations turn equal rows into rows equal but for rounding.
		if v-last > 1e-9 {
			distinct++
			last = v
		}
	}
	if distinct < k {
		return fmt.Errorf("it takes only %d distinct values, fewer than its %d components; a density needs continuous data: add noise, drop duplicate rows or take fewer components", distinct, k)
	}
	return nil
}

// A sample is rows that count weight times each.
type sample struct {
	x      []float64
	weight float64
}

// newSketch stands for the sorted column s: its extreme rows, which decide the
// tails, and between them the middle row of groups of equal size. (Their means
// would put rows into the gaps between modes.)
func newSketch(s []float64, k int) []sample {
	size := min((len(s)-2*sketchTail)/(sketchGroups*k), sketchGroup)
	if size < 2 {
		return []sample{{s, 1}}
	}
	groups := (len(s) - 2*sketchTail) / size &^ (sketchBlock - 1)
	bulk := make([]float64, groups)
	for i := range bulk {
		bulk[i] = s[sketchTail+i*size+size/2]
	}
	tails := slices.Concat(s[:sketchTail], s[sketchTail+groups*size:])
	return []sample{{tails, 1}, {bulk, float64(size)}}
}
