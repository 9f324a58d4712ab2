// Package conditional holds two densities of y given x that are known exactly, for conditional
// flows to be held to.
package conditional

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// A Density is one of y given x, x uniform in [-2, 2]: a mixture of normal densities that
// depends on x.
type Density struct {
	Name, Formula string
	given         func(x float64) []normal
}

type normal struct {
	weight float64
	distuv.Normal
}

// All are the densities: of one bend whose spread changes, and of two branches.
var All = []Density{
	{"sine", "sin(3x) + (0.1 + 0.3|x|)·noise", func(x float64) []normal {
		return []normal{{1, distuv.Normal{Mu: math.Sin(3 * x), Sigma: 0.1 + 0.3*math.Abs(x)}}}
	}},
	{"branches", "±(1 + x²/4) + 0.2·noise, the upper one with the share 1/(1+exp(-2x))", func(x float64) []normal {
		at, share := 1+x*x/4, 1/(1+math.Exp(-2*x))
		return []normal{{share, distuv.Normal{Mu: at, Sigma: 0.2}}, {1 - share, distuv.Normal{Mu: -at, Sigma: 0.2}}}
	}},
}

// Rows draws n rows of y and x.
func (d Density) Rows(n int, rng *rand.Rand) *mat.Dense {
	m := mat.NewDense(n, 2, nil)
	for i := range n {
		x := 4*rng.Float64() - 2
		parts := d.given(x)
		part := parts[0]
		if len(parts) > 1 && rng.Float64() > part.weight {
			part = parts[1]
		}
		m.SetRow(i, []float64{part.Mu + part.Sigma*rng.NormFloat64(), x})
	}
	return m
}

// LogProb returns log p(y | x) of each row of y and x, in nats.
func (d Density) LogProb(rows mat.Matrix) []float64 {
	n, _ := rows.Dims()
	logProb := make([]float64, n)
	for i := range logProb {
		var terms [2]float64
		top := math.Inf(-1)
		parts := d.given(rows.At(i, 1))
		for k, p := range parts {
			terms[k] = math.Log(p.weight) + p.LogProb(rows.At(i, 0))
			top = max(top, terms[k])
		}
		sum := 0.0
		for _, t := range terms[:len(parts)] {
			sum += math.Exp(t - top)
		}
		logProb[i] = top + math.Log(sum)
	}
	return logProb
}

// CDF returns P(Y ≤ y | x).
func (d Density) CDF(y, x float64) float64 {
	sum := 0.0
	for _, p := range d.given(x) {
		sum += p.weight * p.CDF(y)
	}
	return sum
}

// Quantile returns the y with CDF(y, x) = p, by bisection.
func (d Density) Quantile(p, x float64) float64 {
	low, high := -20.0, 20.0
	for {
		middle := (low + high) / 2
		if middle <= low || middle >= high {
			return middle
		}
		if d.CDF(middle, x) < p {
			low = middle
		} else {
			high = middle
		}
	}
}

// Off tells how far the quantiles of samples given x are off, from 1 to 99 %: in probability,
// the most that the true probability of a sample quantile differs from its own; and in
// distance, from 5 to 95 %, the most that a sample quantile is from the true one, in parts of
// the distance of those two. Between branches, where there is next to nothing, a quantile
// moves far for a little probability.
func (d Density) Off(x float64, samples []float64) (probability, distance float64) {
	y := slices.Sorted(slices.Values(samples))
	reach := d.Quantile(0.95, x) - d.Quantile(0.05, x)
	for i := 1; i < 100; i++ {
		p := float64(i) / 100
		at := y[int(p*float64(len(y)))]
		probability = max(probability, math.Abs(d.CDF(at, x)-p))
		if 5 <= i && i <= 95 {
			distance = max(distance, math.Abs(at-d.Quantile(p, x))/reach)
		}
	}
	return probability, distance
}
