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

// MaxMagnitude is the largest magnitude of the data, its inverse the smallest spread
// of a column: the kernels take scales within 1e±60.
const MaxMagnitude = 1e50

// resolved is the smallest standard deviation of a component in parts of its mean. The
// mean of a narrower one would be standard deviations off by its rounding alone, and so
// would be the rows that it describes.
const resolved = 0x1p-49

// Fit fits k components to x. The result depends on x as a set, on k and on rng. Once
// ctx is done, Fit soon returns its error.
func Fit(ctx context.Context, x []float64, k int, rng *rand.Rand) (kernels.Mixture, error) {
	return FitAbove(ctx, x, k, 0, rng)
}

// FitAbove is [Fit] with no component narrower than least: the standard deviation of
// the error of each value, for example of rounded values.
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
	for range 4 * k { // each round gains, so the loop ends; the limit is a safeguard
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
		m.Scale[j] = max(m.Scale[j]*spread, resolved*math.Abs(m.Mean[j]))
	}
	if !tile.Finite(m.Weight) || !tile.Finite(m.Mean) || !tile.Finite(m.Scale) {
		return kernels.Mixture{}, fmt.Errorf("the fit of %d components diverged", k)
	}
	return m, nil
}

// orient mirrors the sorted column s at 0 if its third central moment is negative, and
// returns the sign that undoes this. So the fit of a mirror image is the mirror image
// of the fit, and the sign of an axis does not matter.
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
// many optima is chaotic: one ulp of one value can decide which optimum it finds.
// Columns that differ by rounding alone, after a change of units, of the order of
// columns or of the backend of products, mostly become equal here, and so do their
// fits. No component is narrow enough for this rounding to matter.
func settle(s []float64) {
	const steps = 1 << 20
	for i, v := range s {
		s[i] = math.RoundToEven(v*steps) / steps
	}
}

// standardize centres the sorted column at its median and divides it by its spread:
// the standard deviation, or the estimate of it from the quartiles of a normal
// distribution if that is less, so that outliers do not determine the scale. The
// spread is 0 if the column is constant, and then the column is left centred.
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

// checkColumn returns an error for a standardized column to which k components cannot
// be fitted.
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
