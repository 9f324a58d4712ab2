package gmm

import (
	"math"
	"slices"
)

// bestOf runs a few evaluations from every start and returns the best point.
func (e *posterior) bestOf(data []sample, starts [][]float64) (theta []float64, score float64) {
	score = math.Inf(-1)
	for i, start := range starts {
		if end, s := e.maximize(data, start, fewEvaluations); i == 0 || s > score {
			theta, score = end, s
		}
	}
	return theta, score
}

// maximize maximizes the posterior from theta, with at most the given number of
// evaluations. The objective never decreases.
func (e *posterior) maximize(data []sample, theta []float64, evaluations int) (end []float64, score float64) {
	at := e.at(data, theta)
	evaluations--
	var history []pair
	for small := 0; small < 3 && e.ctx.Err() == nil; {
		direction := e.direction(at, history)
		next := e.lineSearch(data, at, direction, &evaluations)
		switch {
		case next != nil:
		case evaluations == 0 || len(history) == 0: // or not even uphill along the gradient: rounding
			return at.theta, at.score
		default:
			history = nil
			continue
		}
		small++
		if next.score-at.score >= tolerance {
			small = 0
		}
		if len(history) == memory {
			history = history[1:]
		}
		if p := newPair(at, next); p.inverse > 0 {
			history = append(history, p)
		}
		at = next
	}
	return at.theta, at.score
}

// lineSearch returns a point along the direction that satisfies Armijo's rule, or
// nil; it backtracks by quadratic interpolation.
func (e *posterior) lineSearch(data []sample, at *point, direction []float64, evaluations *int) *point {
	slope := dot(direction, at.grad)
	length := 1.0
	for j, v := range direction {
		if j < e.k || j >= 2*e.k {
			length = min(length, longStride/math.Abs(v))
		}
	}
	for ; *evaluations > 0 && length > 1e-6; *evaluations-- {
		theta := make([]float64, len(direction))
		for j, v := range direction {
			theta[j] = at.theta[j] + float64(length*v)
		}
		next := e.at(data, theta)
		rise, expected := next.score-at.score, float64(length*slope)
		if rise >= 1e-4*expected {
			*evaluations--
			return next
		}
		shorter := 0.5 * expected / (expected - rise)
		if !(shorter > 0.1 && shorter < 0.5) {
			shorter = 0.25
		}
		length *= shorter
	}
	return nil
}

// A pair is what L-BFGS stores of a step: the change of the parameters, and the
// decrease of the gradient.
type pair struct {
	step, fall []float64
	inverse    float64 // 1/(step·fall)
}

// newPair sets inverse to 0 if the posterior is not concave along the step.
func newPair(from, to *point) pair {
	n := len(from.theta)
	p := pair{step: make([]float64, n), fall: make([]float64, n)}
	for j := range n {
		p.step[j] = to.theta[j] - from.theta[j]
		p.fall[j] = from.grad[j] - to.grad[j]
	}
	curvature := dot(p.step, p.fall)
	if curvature > 1e-12*math.Sqrt(dot(p.step, p.step)*dot(p.fall, p.fall)) {
		p.inverse = 1 / curvature
	}
	return p
}

// direction is L-BFGS's two-loop recursion (Nocedal & Wright, algorithm 7.4).
func (e *posterior) direction(at *point, history []pair) []float64 {
	d := slices.Clone(at.grad)
	var alpha [memory]float64
	for i, p := range slices.Backward(history) {
		alpha[i] = dot(p.step, d) * p.inverse
		axpy(-alpha[i], p.fall, d)
	}
	for j := range d {
		d[j] /= at.metric[j]
	}
	for i, p := range history {
		axpy(alpha[i]-float64(dot(p.fall, d)*p.inverse), p.step, d)
	}
	return d
}
