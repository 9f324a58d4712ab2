package gmm

import (
	"context"
	"math"

	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// split views parameters: k logits, k means, k log σ.
func split(theta []float64) (logit, mean, logScale []float64) {
	k := len(theta) / 3
	return theta[:k], theta[k : 2*k], theta[2*k:]
}

// posterior is the objective of one column's fit, and the memory that it takes.
type posterior struct {
	ctx          context.Context // ends the search when it is done
	k            int
	farPrecision float64         // 1/s²
	leastLog     float64         // smallest log σ
	m            kernels.Mixture // what setMixture was last given
	stats        kernels.EMStats
	logs         []float64
}

// newPosterior returns the posterior of k components for a standardized, sorted
// column.
func newPosterior(k int, column []float64) *posterior {
	p := tile.Arena(make([]float64, 7*k))
	farthest := max(-column[0], column[len(column)-1])
	return &posterior{
		ctx:          context.Background(),
		k:            k,
		farPrecision: 1 / float64(farthest*farthest),
		leastLog:     math.Inf(-1),
		m:            kernels.Mixture{Weight: p.Take(k), Mean: p.Take(k), Scale: p.Take(k)},
		stats:        kernels.EMStats{N: p.Take(k), A: p.Take(k), B: p.Take(k)},
		logs:         p.Take(k),
	}
}

// setMixture converts theta to the form that the kernels take, e.m.
func (e *posterior) setMixture(theta []float64) {
	logit, mean, logScale := split(theta)
	kernels.SoftmaxColumns(kernels.Column(e.m.Weight), kernels.Column(logit))
	copy(e.m.Mean, mean)
	kernels.Exp(e.m.Scale, logScale)
}

// A point is a place on the posterior: the objective per row, its gradient, and
// the diagonal of the complete-data information.
type point struct {
	theta, grad, metric []float64
	score               float64
}

// at evaluates the posterior at theta, which the point keeps, with scales raised to
// the smallest one allowed. There, a gradient that points to smaller scales is set to
// zero (projection).
func (e *posterior) at(data []sample, theta []float64) *point {
	_, _, logScale := split(theta)
	for j, l := range logScale {
		logScale[j] = max(l, e.leastLog)
	}
	e.setMixture(theta)
	p := tile.Arena(make([]float64, 2*len(theta)))
	at := &point{theta: theta, grad: p.Take(len(theta)), metric: p.Take(len(theta))}
	gLogit, gMean, gLogScale := split(at.grad)
	mLogit, mMean, mLogScale := split(at.metric)
	n, sum := 0.0, 0.0
	for _, d := range data {
		n += float64(d.weight * float64(len(d.x)))
		sum += float64(d.weight * kernels.MixtureEM(e.stats, d.x, e.m))
		axpy(d.weight, e.stats.N, gLogit)
		axpy(d.weight, e.stats.A, gMean)
		axpy(d.weight, e.stats.B, gLogScale)
	}
	for j, s := range e.m.Scale {
		w, m, count, precision := e.m.Weight[j], e.m.Mean[j], gLogit[j], 1/float64(s*s)
		relative := precision / (1 + precision)
		gLogit[j] = (count + 1 - float64((n+float64(e.k))*w)) / n
		gMean[j] = (float64(gMean[j]*precision) - float64(m*e.farPrecision)) / n
		gLogScale[j] = (float64(gLogScale[j]*precision) - count + float64(narrowRows*relative) + float64(equalRows*precision) - float64(float64(s*s)*e.farPrecision)) / n
		if logScale[j] == e.leastLog {
			gLogScale[j] = max(gLogScale[j], 0)
		}
		mLogit[j] = w + 1/n
		mMean[j] = float64(w*precision) + e.farPrecision/n
		mLogScale[j] = float64(2*w) + narrowRows/n
		e.logs[j] = 1 + precision
		sum -= float64(0.5 * equalRows * precision)
		sum -= float64(0.5 * (float64(m*m) + float64(s*s)) * e.farPrecision)
	}
	kernels.Log(e.logs, e.logs)
	sum -= float64(0.5 * narrowRows * kernels.Sum(e.logs))
	kernels.Log(e.logs, e.m.Weight)
	sum += kernels.Sum(e.logs)
	at.score = sum / n
	return at
}

func dot(x, y []float64) float64 {
	sum := 0.0
	for i, v := range x {
		sum += float64(v * y[i])
	}
	return sum
}

// axpy adds a·x to y.
func axpy(a float64, x, y []float64) {
	for i, v := range x {
		y[i] += float64(a * v)
	}
}
