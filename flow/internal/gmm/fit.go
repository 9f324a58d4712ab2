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

// In units in which the column has
// median 0 and spread 1 it maximises the posterior
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
// The posterior is climbed by L-BFGS on EM's statistics, with the complete-data
// information as the metric it starts from. A first step is then nearly one of EM,
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

	tolerance  = 1e-7 // of the posterior per row, in nats: three steps that gain less end a climb
	shortClimb = 40   // evaluations that tell starts apart
	longClimb  = 400  // evaluations after which a climb ends in any case
	memory     = 10   // pairs that L-BFGS keeps
	longStride = 2    // largest change of a logit or log σ in one step

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
// on the numbers that rng gives. It returns the error of ctx
// soon after that is done.
func Fit(ctx context.Context, x []float64, k int, rng *rand.Rand) (kernels.Mixture, error) {
	s := slices.Clone(x)
	slices.Sort(s)
	centre, spread := standardize(s)
	if err := checkColumn(s, spread, k); err != nil {
		return kernels.Mixture{}, err
	}
	e := newEM(k, s)
	e.ctx = ctx
	sketch := newSketch(s, k)
	best, score := e.best(sketch, starts(s, k, rng))
	for range 4 * k { // each round gains, so it ends; the limit is a guard
		moved := e.moveComponent(best, s)
		if moved == nil {
			break
		}
		moved, gained := e.climb(sketch, moved, shortClimb)
		if !(gained > score+worthwhile) {
			break
		}
		best, score = moved, gained
	}
	best, _ = e.climb(sketch, best, longClimb)
	best, _ = e.climb([]sample{{s, 1}}, best, longClimb)

	if err := ctx.Err(); err != nil {
		return kernels.Mixture{}, err
	}
	e.evaluate(best)
	m := e.m
	for j := range m.Mean {
		m.Mean[j] = centre + float64(spread*m.Mean[j])
		m.Scale[j] *= spread
	}
	if !tile.Finite(m.Weight) || !tile.Finite(m.Mean) || !tile.Finite(m.Scale) {
		return kernels.Mixture{}, fmt.Errorf("the fit of %d components diverged", k)
	}
	return m, nil
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
	if spread < 1/MaxMagnitude {
		return fmt.Errorf("its spread is below %g, where the scales of its components leave the range of the kernels; rescale the data", 1/MaxMagnitude)
	}
	if far := max(-s[0], s[len(s)-1]); far > MaxMagnitude {
		return fmt.Errorf("a value lies %.3g spreads from the median, more than %g; remove the outlier", far, float64(MaxMagnitude))
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

func moments(x []float64) (mean, variance float64) {
	n := float64(len(x))
	mean = kernels.Sum(x) / n
	square := 0.0
	for _, v := range x {
		square += float64((v - mean) * (v - mean))
	}
	return mean, square / n
}

// starts returns parameters to climb from: those of the parts of equal share, of
// the parts of equal width, and of parts cut at random.
func starts(s []float64, k int, rng *rand.Rand) [][]float64 {
	n := len(s)
	share, width := make([]int, k+1), make([]int, k+1)
	low, high := s[n/100], s[n-1-n/100]
	for j := range k + 1 {
		share[j] = j * n / k
		width[j], _ = slices.BinarySearch(s, low+(high-low)*(float64(j)/float64(k)))
	}
	all := [][]float64{fromParts(s, share), fromParts(s, width)}
	for range randomStarts {
		cut := make([]int, k+1)
		for j := range cut {
			cut[j] = rng.IntN(n)
		}
		slices.Sort(cut)
		all = append(all, fromParts(s, cut))
	}
	return all
}

// fromParts returns the parameters of the mixture of the k parts s[cut[j]:cut[j+1]].
// It moves the cuts as little as it takes to cover s and leave no part empty.
func fromParts(s []float64, cut []int) []float64 {
	k := len(cut) - 1
	cut[0] = 0
	for j := 1; j < k; j++ {
		cut[j] = max(cut[j], cut[j-1]+1)
	}
	cut[k] = len(s)
	for j := k - 1; j > 0; j-- {
		cut[j] = min(cut[j], cut[j+1]-1)
	}
	theta := make([]float64, 3*k)
	logit, mean, logScale := split(theta)
	for j := range k {
		part := s[cut[j]:cut[j+1]]
		m, variance := moments(part)
		logit[j], mean[j] = float64(len(part)), m
		logScale[j] = math.Sqrt(max(variance, equalRows*equalRows))
	}
	kernels.Log(logit, logit)
	kernels.Log(logScale, logScale)
	return theta
}

// split views the parameters of a climb: k logits, k means, k log σ.
func split(theta []float64) (logit, mean, logScale []float64) {
	k := len(theta) / 3
	return theta[:k], theta[k : 2*k], theta[2*k:]
}

// em is the memory of one column's fit.
type em struct {
	ctx   context.Context // ends climbs when it is done
	k     int
	reach float64         // 1/s²
	m     kernels.Mixture // what evaluate was last given
	stats kernels.EMStats
	logs  []float64
}

// newEM is for k components of a standardized, sorted column.
func newEM(k int, column []float64) *em {
	p := tile.Arena(make([]float64, 7*k))
	farthest := max(-column[0], column[len(column)-1])
	return &em{
		ctx:   context.Background(),
		k:     k,
		reach: 1 / float64(farthest*farthest),
		m:     kernels.Mixture{Weight: p.Take(k), Mean: p.Take(k), Scale: p.Take(k)},
		stats: kernels.EMStats{N: p.Take(k), A: p.Take(k), B: p.Take(k)},
		logs:  p.Take(k),
	}
}

// evaluate brings theta into the kernels' form, e.m.
func (e *em) evaluate(theta []float64) {
	logit, mean, logScale := split(theta)
	kernels.Softmax(e.m.Weight, 1, logit, 1, e.k, 1)
	copy(e.m.Mean, mean)
	kernels.Exp(e.m.Scale, logScale)
}

// A point is a place on the posterior: the objective per row, its gradient, and
// the diagonal of the complete-data information.
type point struct {
	theta, grad, metric []float64
	score               float64
}

// point evaluates the posterior at theta, which it keeps.
func (e *em) point(data []sample, theta []float64) *point {
	e.evaluate(theta)
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
		gMean[j] = (float64(gMean[j]*precision) - float64(m*e.reach)) / n
		gLogScale[j] = (float64(gLogScale[j]*precision) - count + float64(narrowRows*relative) + float64(equalRows*precision) - float64(float64(s*s)*e.reach)) / n
		mLogit[j] = w + 1/n
		mMean[j] = float64(w*precision) + e.reach/n
		mLogScale[j] = float64(2*w) + narrowRows/n
		e.logs[j] = 1 + precision
		sum -= float64(0.5 * equalRows * precision)
		sum -= float64(0.5 * (float64(m*m) + float64(s*s)) * e.reach)
	}
	kernels.Log(e.logs, e.logs)
	sum -= float64(0.5 * narrowRows * kernels.Sum(e.logs))
	kernels.Log(e.logs, e.m.Weight)
	sum += kernels.Sum(e.logs)
	at.score = sum / n
	return at
}

// best climbs a short way from every start and returns where that led highest.
func (e *em) best(data []sample, starts [][]float64) (theta []float64, score float64) {
	score = math.Inf(-1)
	for i, start := range starts {
		if end, s := e.climb(data, start, shortClimb); i == 0 || s > score {
			theta, score = end, s
		}
	}
	return theta, score
}

// climb maximises the posterior from theta, within the given number of
// evaluations. The objective never falls.
func (e *em) climb(data []sample, theta []float64, evaluations int) (end []float64, score float64) {
	at := e.point(data, theta)
	evaluations--
	var history []pair
	for small := 0; small < 3 && e.ctx.Err() == nil; {
		direction := e.direction(at, history)
		next := e.search(data, at, direction, &evaluations)
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

// search returns a point along the direction that is higher by Armijo's rule,
// backtracking by the parabola through what is known, or nil.
func (e *em) search(data []sample, at *point, direction []float64, evaluations *int) *point {
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
		next := e.point(data, theta)
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

// A pair is what L-BFGS remembers of a step: the change of the parameters, and by
// how much the gradient fell.
type pair struct {
	step, fall []float64
	inverse    float64 // 1/(step·fall)
}

// newPair's inverse is 0 where the posterior is not concave along the step.
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
func (e *em) direction(at *point, history []pair) []float64 {
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

// moveComponent takes a component from where it is missed least to where the
// sorted column s has most mass that the mixture lacks (the idea of SMEM, Ueda et
// al. 2000): it returns the parameters with the two merged that are most alike,
// and the one set free on the interval whose share of the rows exceeds its
// probability most clearly. It returns nil if there is no such interval.
func (e *em) moveComponent(theta, s []float64) []float64 {
	if e.k < 2 {
		return nil
	}
	e.evaluate(theta)
	low, high, excess := e.excess(s)
	if excess == 0 {
		return nil
	}
	into, free := e.mostAlike()
	w, m, v := e.merged(into, free)
	moved := slices.Clone(theta)
	logit, mean, logScale := split(moved)
	copy(logit, e.m.Weight)
	logit[into], mean[into], logScale[into] = w, m, math.Sqrt(v)
	logit[free], mean[free], logScale[free] = max(excess, 0.01), (low+high)/2, max((high-low)/3, equalRows)
	pair := []float64{logScale[into], logScale[free]}
	kernels.Log(pair, pair)
	logScale[into], logScale[free] = pair[0], pair[1]
	kernels.Log(logit, logit)
	return moved
}

// excess returns the interval between two of the scanMarks quantiles of s, of less
// than most of the rows, where the share p of the rows exceeds the mixture's
// probability q most by Hellinger's distance, and p - q.
func (e *em) excess(s []float64) (low, high, excess float64) {
	marks := min(scanMarks, len(s)-1)
	x := make([]float64, marks+1)
	share := make([]float64, marks+1)
	cdf, sf := make([]float64, marks+1), make([]float64, marks+1)
	for i := range x {
		at := i * (len(s) - 1) / marks
		x[i], share[i] = s[at], float64(at)/float64(len(s)-1)
	}
	kernels.MixtureCDF(cdf, sf, nil, x, e.m)
	most := 0.0
	for i := range x {
		for j := i + 1; j < len(x); j++ {
			p, q := share[j]-share[i], cdf[j]-cdf[i]
			if cdf[i] > 0.5 {
				q = sf[i] - sf[j]
			}
			if p <= q || p >= 0.7 {
				continue
			}
			a, b := math.Sqrt(p)-math.Sqrt(q), math.Sqrt(1-p)-math.Sqrt(1-q)
			if h := float64(a*a) + float64(b*b); h > most {
				most, low, high, excess = h, x[i], x[j], p-q
			}
		}
	}
	return low, high, excess
}

// mostAlike returns the two components whose merging costs least by Runnalls'
// bound, w·log σ of the merged less those of the two.
func (e *em) mostAlike() (i, j int) {
	logScale := make([]float64, e.k)
	kernels.Log(logScale, e.m.Scale)
	var pairs [][2]int
	var logVar []float64
	for a := range e.k {
		for b := a + 1; b < e.k; b++ {
			_, _, v := e.merged(a, b)
			pairs, logVar = append(pairs, [2]int{a, b}), append(logVar, v)
		}
	}
	kernels.Log(logVar, logVar)
	least := math.Inf(1)
	for n, p := range pairs {
		wa, wb := e.m.Weight[p[0]], e.m.Weight[p[1]]
		cost := float64(0.5*(wa+wb)*logVar[n]) - float64(wa*logScale[p[0]]) - float64(wb*logScale[p[1]])
		if cost < least {
			least, i, j = cost, p[0], p[1]
		}
	}
	return i, j
}

// merged returns weight, mean and variance of components i and j together.
func (e *em) merged(i, j int) (weight, mean, variance float64) {
	wi, wj := e.m.Weight[i], e.m.Weight[j]
	weight = wi + wj
	mi, mj, si, sj := e.m.Mean[i], e.m.Mean[j], e.m.Scale[i], e.m.Scale[j]
	mean = (float64(wi*mi) + float64(wj*mj)) / weight
	within := (float64(wi*float64(si*si)) + float64(wj*float64(sj*sj))) / weight
	between := float64(wi/weight*(wj/weight)) * float64((mi-mj)*(mi-mj))
	return weight, mean, within + between
}
