// Package measure estimates information measures of continuous data from densities that
// [flow.Fit] fits: entropy, negentropy, total correlation, dual total correlation,
// mutual and conditional mutual information, and divergences between two data sets. All
// are in nats; [Estimate.Bits] converts them.
//
// # Estimators
//
// Each measure is the mean over rows of a sum and difference of log-densities. The
// densities are cross-fitted: the rows are split into folds, and a row is evaluated by a
// flow that was fitted to the other folds. The error of such a mean is the
// Kullback-Leibler divergence of the fit from the truth, to first order the number of
// parameters over twice the number of rows: entropies are too large and dependences too
// small. If the same flows are evaluated at the rows that they were fitted to, the error
// has the same size and the opposite sign (Akaike 1974). The estimate is the mean of
// both; [Estimate.CrossFitted] is the mean on unseen rows alone, whose bias has a known
// sign.
//
// Measures of dependence do not change if an increasing function is applied to a column.
// They are computed from normal scores: each column's value of rank r among n becomes
// Φ⁻¹((r-1/2)/n), so that the columns' own densities are known and only the copula is
// estimated.
//
// # Errors of estimates
//
// [Estimate.SE] is the standard error of the mean over rows, combined with the bias that
// averaging removed, which counts as an independent error. That of a divergence also
// includes the sampling error of the other data set. Rows are taken to be independent.
//
// # Data without a finite measure
//
// A column whose values repeat has no density ([ErrDiscrete]), unless
// [Options.Dequantize] gives it one. If a column is a function of another, up to
// rounding, their joint density is infinite ([ErrDependent]). This is detected from the
// ranks of one column in the order of the other (Chatterjee 2021). Functions of several
// columns are detected only if they are linear.
package measure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/kernels"
)

var (
	// ErrDiscrete: the values of a column repeat, so it has no density.
	ErrDiscrete = errors.New("the column is discrete")
	// ErrDependent: a column is a function of another, and the measure is
	// infinite.
	ErrDependent = errors.New("a column is a function of another")
	// ErrColumns: a group of columns is empty, overlaps another, or names a column
	// that does not exist.
	ErrColumns = errors.New("bad groups of columns")
	// ErrRows: there are too few rows.
	ErrRows = errors.New("too few rows")
)

// Options sets up an estimate. The zero value is a sensible default.
type Options struct {
	// Seed of the folds and of the fits.
	Seed uint64
	// Folds is the number of folds that the rows are split into; if zero 5, or 2
	// from 5,000 rows on.
	Folds int
	// Confidence is the confidence level of the interval; 0.95 if zero.
	Confidence float64
	// MaxComponents bounds the fits as in [flow.FitOptions].
	MaxComponents int
	// Dequantize adds uniform noise, as wide as the distance between neighbouring
	// values, to columns whose values repeat; without it they are an error.
	Dequantize bool
	// Progress, if not nil, is called with the number of fits that are done and
	// that of all.
	Progress func(done, of int)
}

// An Estimate is a measure in nats.
type Estimate struct {
	Nats      float64
	SE        float64 // standard error
	Low, High float64 // the confidence interval
	// CrossFitted is the mean over rows that the densities were not fitted to.
	CrossFitted float64
	Rows        int
}

// Bits returns the estimate in bits.
func (e Estimate) Bits() Estimate {
	for _, v := range []*float64{&e.Nats, &e.SE, &e.Low, &e.High, &e.CrossFitted} {
		*v /= math.Ln2
	}
	return e
}

// minRows is the smallest number of rows that are split into folds.
const minRows = 20

// Entropy estimates the differential entropy H(x) = -E log p(x) of the rows of x, in
// the units of x.
func Entropy(ctx context.Context, x mat.Matrix, o Options) (Estimate, error) {
	s, err := newSample("Entropy", x, o)
	if err != nil {
		return Estimate{}, err
	}
	p, err := s.density(ctx, s.x, s.all(), s.newPlan(1))
	if err != nil {
		return Estimate{}, err
	}
	return s.mean(terms{{-1, p}}), nil
}

// Negentropy estimates the divergence of the rows' density from the normal one with
// the same mean and covariance, J(x) = H(normal) - H(x) ≥ 0. Linear maps of x do not
// change it.
func Negentropy(ctx context.Context, x mat.Matrix, o Options) (Estimate, error) {
	s, err := newSample("Negentropy", x, o)
	if err != nil {
		return Estimate{}, err
	}
	p, err := s.density(ctx, s.x, s.all(), s.newPlan(1))
	if err != nil {
		return Estimate{}, err
	}
	g, err := s.gaussian()
	if err != nil {
		return Estimate{}, err
	}
	return s.mean(terms{{1, p}, {-1, g}}), nil
}

// TotalCorrelation estimates Σ_j H(x_j) - H(x) ≥ 0 (Watanabe 1960), also called
// multi-information: the Kullback-Leibler divergence of the joint density from the
// product of the columns' densities.
func TotalCorrelation(ctx context.Context, x mat.Matrix, o Options) (Estimate, error) {
	s, err := newSample("TotalCorrelation", x, o)
	if err != nil {
		return Estimate{}, err
	}
	return s.dependence(ctx, []group{{1, s.all()}})
}

// DualTotalCorrelation estimates H(x) - Σ_j H(x_j | the other columns) ≥ 0 (Han 1978).
// It fits one density to all columns, and for each column one to all others.
func DualTotalCorrelation(ctx context.Context, x mat.Matrix, o Options) (Estimate, error) {
	s, err := newSample("DualTotalCorrelation", x, o)
	if err != nil {
		return Estimate{}, err
	}
	// H(x_j | rest) = H(x) - H(rest), so D = Σ_j H(rest_j) - (d-1)·H(x).
	groups := []group{{float64(s.d - 1), s.all()}}
	for j := range s.d {
		groups = append(groups, group{-1, slices.Delete(s.all(), j, j+1)})
	}
	return s.dependence(ctx, groups)
}

// MutualInformation estimates I(a; b) = H(x_a) + H(x_b) - H(x_a, x_b) ≥ 0 of two groups
// of columns.
func MutualInformation(ctx context.Context, x mat.Matrix, a, b []int, o Options) (Estimate, error) {
	s, err := newSample("MutualInformation", x, o)
	if err != nil {
		return Estimate{}, err
	}
	if err := s.check(a, b); err != nil {
		return Estimate{}, err
	}
	return s.dependence(ctx, []group{{1, slices.Concat(a, b)}, {-1, a}, {-1, b}})
}

// ConditionalMutualInformation estimates I(a; b | c) = H(x_a, x_c) + H(x_b, x_c) -
// H(x_a, x_b, x_c) - H(x_c) ≥ 0 of groups of columns.
func ConditionalMutualInformation(ctx context.Context, x mat.Matrix, a, b, c []int, o Options) (Estimate, error) {
	s, err := newSample("ConditionalMutualInformation", x, o)
	if err != nil {
		return Estimate{}, err
	}
	if err := s.check(a, b, c); err != nil {
		return Estimate{}, err
	}
	return s.dependence(ctx, []group{{1, slices.Concat(a, b, c)}, {-1, slices.Concat(a, c)}, {-1, slices.Concat(b, c)}, {1, c}})
}

// PairwiseMutualInformation estimates the mutual information of every pair of columns.
// The matrix is symmetric; its diagonal, which would be infinite, is zero.
func PairwiseMutualInformation(ctx context.Context, x mat.Matrix, o Options) ([][]Estimate, error) {
	s, err := newSample("PairwiseMutualInformation", x, o)
	if err != nil {
		return nil, err
	}
	m := make([][]Estimate, s.d)
	for j := range m {
		m[j] = make([]Estimate, s.d)
	}
	plan := s.newPlan(s.d * (s.d - 1) / 2)
	scores := s.normalScores()
	for j := range s.d {
		for i := range j {
			if err := s.independent([]int{i, j}); err != nil {
				return nil, err
			}
			t, err := s.copula(ctx, scores, []group{{1, []int{i, j}}}, plan)
			if err != nil {
				return nil, err
			}
			m[i][j] = s.mean(t)
			m[j][i] = m[i][j]
		}
	}
	return m, nil
}

// Divergences are measures of the difference between two densities p and q.
type Divergences struct {
	PQ Estimate // Kullback-Leibler divergence E_p log(p/q)
	QP Estimate // E_q log(q/p)
	JS Estimate // Jensen-Shannon divergence, from 0 to log 2
}

// Divergence estimates the divergences of the density p of the rows of x from the
// density q of those of y. If rows of x lie beyond those of y, the divergence depends on
// tails of q that no row of y shows: [flow.Fit] makes such tails wide, so the estimate
// is too small, and the interval does not include this error.
func Divergence(ctx context.Context, x, y mat.Matrix, o Options) (Divergences, error) {
	sp, err := newSample("Divergence", x, o)
	if err != nil {
		return Divergences{}, err
	}
	sq, err := newSample("Divergence", y, o)
	if err != nil {
		return Divergences{}, err
	}
	if sp.d != sq.d {
		return Divergences{}, fmt.Errorf("measure: Divergence: %d columns against %d: %w", sp.d, sq.d, ErrColumns)
	}
	plan := &plan{of: sp.folds + sq.folds, progress: o.Progress}
	// No flow has seen a row of the other sample, so all folds' flows evaluate
	// it; the mean of their densities is one density.
	pp, pq, err := sp.densityAnd(ctx, sp.x, sp.all(), sq.x, plan)
	if err != nil {
		return Divergences{}, err
	}
	qq, qp, err := sq.densityAnd(ctx, sq.x, sq.all(), sp.x, plan)
	if err != nil {
		return Divergences{}, err
	}
	var d Divergences
	d.PQ = sp.mean(terms{{1, pp}, {-1, both(qp)}})
	d.QP = sq.mean(terms{{1, qq}, {-1, both(pq)}})
	sp.other(&d.PQ, pq, qq.unseen)
	sq.other(&d.QP, qp, pp.unseen)
	a := sp.mean(terms{{1, pp}, {-1, middle(pp, both(qp))}})
	b := sq.mean(terms{{1, qq}, {-1, middle(qq, both(pq))}})
	d.JS = Estimate{Nats: (a.Nats + b.Nats) / 2, CrossFitted: (a.CrossFitted + b.CrossFitted) / 2, Rows: a.Rows + b.Rows}
	d.JS.SE = math.Sqrt(float64(a.SE*a.SE)+float64(b.SE*b.SE)) / 2
	sp.interval(&d.JS)
	return d, nil
}

// sample holds the rows of a call.
type sample struct {
	what  string
	o     Options
	x     *mat.Dense
	n, d  int
	folds int
	fold  []int // of each row
}

func newSample(what string, m mat.Matrix, o Options) (*sample, error) {
	fail := func(kind error, format string, args ...any) error {
		return fmt.Errorf("measure: %s: %s: %w", what, fmt.Sprintf(format, args...), kind)
	}
	s := &sample{what: what, o: o}
	s.n, s.d = m.Dims()
	switch {
	case s.d < 1:
		return nil, fail(ErrColumns, "there is no column")
	case s.n < minRows:
		return nil, fail(ErrRows, "there are %d rows; it takes %d", s.n, minRows)
	case o.Folds < 0 || o.Folds == 1 || o.Folds > s.n/4:
		return nil, fail(ErrRows, "%d folds of %d rows; there must be 2 folds at least, and no more than a quarter of the rows", o.Folds, s.n)
	case !(o.Confidence >= 0 && o.Confidence < 1):
		return nil, fmt.Errorf("measure: %s: Confidence is %v; it must be below 1", what, o.Confidence)
	}
	s.o.Confidence = cmp.Or(o.Confidence, 0.95)
	s.folds = o.Folds
	if s.folds == 0 {
		if s.folds = 5; s.n >= 5000 {
			s.folds = 2
		}
	}
	s.x = mat.DenseCopyOf(m)
	for i := range s.n {
		for j, v := range s.x.RawRowView(i) {
			if v-v != 0 {
				return nil, fmt.Errorf("measure: %s: %w", what, &flow.RowError{Row: i, Col: j, Value: v, Err: flow.ErrNotFinite})
			}
		}
	}
	for j := range s.d {
		sorted := mat.Col(nil, j, s.x)
		slices.Sort(sorted)
		if sorted[0] == sorted[s.n-1] {
			return nil, fail(ErrDiscrete, "column %d is constant at %v", j, sorted[0])
		}
		tied, resolution := ties(sorted)
		switch {
		case tied < 0.1:
		case o.Dequantize:
			rng := rand.New(rand.NewPCG(o.Seed, 1<<32|uint64(j)))
			for i := range s.n {
				noise := float64(resolution * (float64(rng.Float64()) - 0.5))
				s.x.Set(i, j, s.x.At(i, j)+noise)
			}
		default:
			return nil, fail(ErrDiscrete, "column %d shares the values of %.0f%% of its rows, %.4g apart; dequantize it or leave it out", j, 100*tied, resolution)
		}
	}
	s.fold = make([]int, s.n)
	for i, p := range rand.New(rand.NewPCG(o.Seed, 0x666f6c64)).Perm(s.n) {
		s.fold[p] = i % s.folds
	}
	return s, nil
}

// ties returns the share of sorted values that occur more than once, and the median
// distance from such a value to the next.
func ties(sorted []float64) (share, resolution float64) {
	var gaps []float64
	for i := 0; i < len(sorted); {
		k := i + 1
		for k < len(sorted) && sorted[k] == sorted[i] {
			k++
		}
		if k-i > 1 {
			gap := math.Inf(1)
			if i > 0 {
				gap = sorted[i] - sorted[i-1]
			}
			if k < len(sorted) {
				gap = min(gap, sorted[k]-sorted[i])
			}
			for range k - i {
				gaps = append(gaps, gap)
			}
		}
		i = k
	}
	if len(gaps) == 0 {
		return 0, 0
	}
	slices.Sort(gaps)
	return float64(len(gaps)) / float64(len(sorted)), gaps[len(gaps)/2]
}

func (s *sample) all() []int {
	c := make([]int, s.d)
	for j := range c {
		c[j] = j
	}
	return c
}

// check returns an error for groups that are empty or overlap.
func (s *sample) check(groups ...[]int) error {
	seen := map[int]bool{}
	for _, g := range groups {
		if len(g) == 0 {
			return fmt.Errorf("measure: %s: a group has no columns: %w", s.what, ErrColumns)
		}
		for _, j := range g {
			switch {
			case j < 0 || j >= s.d:
				return fmt.Errorf("measure: %s: column %d of %d: %w", s.what, j, s.d, ErrColumns)
			case seen[j]:
				return fmt.Errorf("measure: %s: column %d occurs twice: %w", s.what, j, ErrColumns)
			}
			seen[j] = true
		}
	}
	return nil
}

// A group is a set of columns, and the factor of its joint log-density in a measure.
type group struct {
	factor  float64
	columns []int
}

// dependence returns Σ factor·E log c of the groups' copula densities c.
func (s *sample) dependence(ctx context.Context, groups []group) (Estimate, error) {
	var used []int
	fits := 0
	for _, g := range groups {
		used = append(used, g.columns...)
		if len(g.columns) > 1 {
			fits++
		}
	}
	slices.Sort(used)
	if err := s.independent(slices.Compact(used)); err != nil {
		return Estimate{}, err
	}
	t, err := s.copula(ctx, s.normalScores(), groups, s.newPlan(fits))
	if err != nil {
		return Estimate{}, err
	}
	return s.mean(t), nil
}

// copula returns the terms of dependence. Normal scores have standard normal columns,
// so a column alone needs no fit, and adds nothing.
func (s *sample) copula(ctx context.Context, scores *mat.Dense, groups []group, plan *plan) (terms, error) {
	var t terms
	for _, g := range groups {
		if len(g.columns) == 1 {
			continue
		}
		p, err := s.density(ctx, scores, g.columns, plan)
		if err != nil {
			return nil, err
		}
		t = append(t, term{g.factor, p}, term{-g.factor, s.standardNormal(scores, g.columns)})
	}
	return t, nil
}

// normalScores returns Φ⁻¹((rank - 1/2)/n) of each element among its column. Equal
// values are ranked in the order of the rows.
func (s *sample) normalScores() *mat.Dense {
	z := mat.NewDense(s.n, s.d, nil)
	score := make([]float64, s.n)
	for i := range score {
		score[i] = (float64(i) + 0.5) / float64(s.n)
	}
	kernels.NormQuantile(score, score)
	for j := range s.d {
		for r, i := range s.ranked(j) {
			z.Set(i, j, score[r])
		}
	}
	return z
}

// ranked returns the rows sorted by column j.
func (s *sample) ranked(j int) []int {
	at := make([]int, s.n)
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(a, b int) int { return cmp.Compare(s.x.At(a, j), s.x.At(b, j)) })
	return at
}

// independent returns an error if a column is a function of another. In the order of
// the other column, its ranks then change by a few from row to row, whatever the
// number of rows; with noise the changes grow with that number.
func (s *sample) independent(columns []int) error {
	const most = 8
	rank := make([]int, s.n)
	for _, b := range columns {
		for r, i := range s.ranked(b) {
			rank[i] = r
		}
		for _, a := range columns {
			if a == b || s.n < 50*most {
				continue
			}
			change := 0
			at := s.ranked(a)
			for k := range s.n - 1 {
				c := rank[at[k+1]] - rank[at[k]]
				change += max(c, -c)
			}
			if change < most*s.n {
				return fmt.Errorf("measure: %s: column %d is a function of column %d, to what %d rows can tell: the density of both is infinite: %w", s.what, b, a, s.n, ErrDependent)
			}
		}
	}
	return nil
}

// A plan counts fits.
type plan struct {
	done, of int
	progress func(done, of int)
}

func (s *sample) newPlan(fits int) *plan {
	return &plan{of: fits * s.folds, progress: s.o.Progress}
}

func (p *plan) step() {
	p.done++
	if p.progress != nil {
		p.progress(p.done, p.of)
	}
}

// scored holds the log-density of each row under a flow that was not fitted to it, and
// the mean of those under the flows that were.
type scored struct{ unseen, seen []float64 }

// both returns the log-densities of rows that no flow was fitted to, for both roles.
func both(v []float64) scored { return scored{v, v} }

// density fits the folds and scores the rows of the given columns of x.
func (s *sample) density(ctx context.Context, x *mat.Dense, columns []int, plan *plan) (scored, error) {
	p, _, err := s.densityAnd(ctx, x, columns, nil, plan)
	return p, err
}

// densityAnd scores the rows of other as well, by the mean of the folds' densities.
func (s *sample) densityAnd(ctx context.Context, x *mat.Dense, columns []int, other *mat.Dense, plan *plan) (scored, []float64, error) {
	p := scored{make([]float64, s.n), make([]float64, s.n)}
	var others [][]float64
	y := selected(x, columns)
	for k := range s.folds {
		var train, held []int
		for i, f := range s.fold {
			if f == k {
				held = append(held, i)
			} else {
				train = append(train, i)
			}
		}
		f, err := flow.Fit(ctx, rows(y, train), flow.FitOptions{Seed: s.o.Seed, MaxComponents: s.o.MaxComponents})
		if err != nil {
			return p, nil, fmt.Errorf("measure: %s: columns %v: %w", s.what, columns, err)
		}
		logProb := make([]float64, s.n)
		if err := f.LogProb(logProb, y); err != nil {
			return p, nil, fmt.Errorf("measure: %s: %w", s.what, err)
		}
		for _, i := range held {
			p.unseen[i] = logProb[i]
		}
		for _, i := range train {
			p.seen[i] += logProb[i] / float64(s.folds-1)
		}
		if other != nil {
			n, _ := other.Dims()
			lp := make([]float64, n)
			if err := f.LogProb(lp, other); err != nil {
				return p, nil, fmt.Errorf("measure: %s: %w", s.what, err)
			}
			others = append(others, lp)
		}
		plan.step()
	}
	return p, logMeanExp(others), nil
}

func selected(x *mat.Dense, columns []int) *mat.Dense {
	n, _ := x.Dims()
	y := mat.NewDense(n, len(columns), nil)
	for i := range n {
		for k, j := range columns {
			y.Set(i, k, x.At(i, j))
		}
	}
	return y
}

func rows(x *mat.Dense, at []int) *mat.Dense {
	_, d := x.Dims()
	y := mat.NewDense(len(at), d, nil)
	for k, i := range at {
		y.SetRow(k, x.RawRowView(i))
	}
	return y
}

// logMeanExp returns log of the mean of e^v over the slices, element by element.
func logMeanExp(v [][]float64) []float64 {
	if len(v) == 0 {
		return nil
	}
	out := make([]float64, len(v[0]))
	e := make([]float64, len(v))
	for i := range out {
		top := math.Inf(-1)
		for k := range v {
			top = max(top, v[k][i])
		}
		if math.IsInf(top, -1) {
			out[i] = top
			continue
		}
		for k := range v {
			e[k] = v[k][i] - top
		}
		kernels.Exp(e, e)
		mean := []float64{kernels.Sum(e) / float64(len(v))}
		kernels.Log(mean, mean)
		out[i] = top + mean[0]
	}
	return out
}

// middle is the log-density of the even mixture of two.
func middle(p, q scored) scored {
	return scored{logMeanExp([][]float64{p.unseen, q.unseen}), logMeanExp([][]float64{p.seen, q.seen})}
}

// standardNormal is the log-density Σ_j log φ(z_j).
func (s *sample) standardNormal(z *mat.Dense, columns []int) scored {
	v := make([]float64, s.n)
	for i := range v {
		for _, j := range columns {
			t := z.At(i, j)
			v[i] -= float64(0.5*float64(t*t)) + logSqrt2Pi
		}
	}
	return both(v)
}

// logSqrt2Pi is log √(2π).
const logSqrt2Pi = 0.91893853320467274178

// gaussian evaluates the rows under normal densities, cross-fitted with the same
// folds.
func (s *sample) gaussian() (scored, error) {
	p := scored{make([]float64, s.n), make([]float64, s.n)}
	for k := range s.folds {
		var train []int
		for i, f := range s.fold {
			if f != k {
				train = append(train, i)
			}
		}
		g, err := newNormal(rows(s.x, train))
		if err != nil {
			return p, fmt.Errorf("measure: %s: %w", s.what, err)
		}
		for i, f := range s.fold {
			if v := g.logProb(s.x.RawRowView(i)); f == k {
				p.unseen[i] = v
			} else {
				p.seen[i] += v / float64(s.folds-1)
			}
		}
	}
	return p, nil
}

// A normal is the normal density of maximum likelihood. Its covariance is L·Lᵀ.
type normal struct {
	mean []float64
	l    blas.Matrix
	c    float64 // log-density at the mean
}

// newNormal fits a normal density, whose bits are the same on every machine.
func newNormal(x *mat.Dense) (*normal, error) {
	n, d := x.Dims()
	g := &normal{mean: make([]float64, d), l: blas.Matrix{Rows: d, Cols: d, Stride: d, Data: make([]float64, d*d)}}
	columns := make([][]float64, d)
	product := make([]float64, n)
	for j := range d {
		columns[j] = mat.Col(nil, j, x)
		g.mean[j] = kernels.Sum(columns[j]) / float64(n)
		for i := range columns[j] {
			columns[j][i] -= g.mean[j]
		}
		for k := range j + 1 {
			for i, v := range columns[j] {
				product[i] = v * columns[k][i]
			}
			g.l.Data[j*d+k] = kernels.Sum(product) / float64(n)
		}
	}
	if !blas.Cholesky(g.l) {
		return nil, fmt.Errorf("columns depend on each other linearly: %w", ErrDependent)
	}
	diagonal := make([]float64, d)
	for j := range diagonal {
		diagonal[j] = g.l.Data[j*d+j]
	}
	kernels.Log(diagonal, diagonal)
	for _, v := range diagonal {
		g.c -= v + logSqrt2Pi
	}
	return g, nil
}

// logProb returns the log-density at x: it solves L·u = x - mean by forward
// substitution.
func (g *normal) logProb(x []float64) float64 {
	u := make([]float64, len(x))
	square := 0.0
	for j, v := range x {
		r := v - g.mean[j]
		l := g.l.Data[j*len(x):]
		for i := range j {
			r = math.FMA(-l[i], u[i], r)
		}
		u[j] = r / l[j]
		square = math.FMA(u[j], u[j], square)
	}
	return math.FMA(-0.5, square, g.c)
}

// terms is a sum of log-densities with factors.
type terms []term

type term struct {
	factor float64
	p      scored
}

func (t terms) sum(of func(scored) []float64) []float64 {
	var out []float64
	for _, a := range t {
		v := of(a.p)
		if out == nil {
			out = make([]float64, len(v))
		}
		for i := range v {
			out[i] += float64(a.factor * v[i])
		}
	}
	return out
}

// mean returns the estimate: the mean of the terms over the rows.
func (s *sample) mean(t terms) Estimate {
	if len(t) == 0 {
		return Estimate{Rows: s.n}
	}
	n := float64(s.n)
	unseen, seen := t.sum(func(p scored) []float64 { return p.unseen }), t.sum(func(p scored) []float64 { return p.seen })
	e := Estimate{Rows: s.n, CrossFitted: kernels.Sum(unseen) / n}
	bias := (kernels.Sum(seen)/n - e.CrossFitted) / 2
	e.Nats = (kernels.Sum(seen)/n + e.CrossFitted) / 2
	for i := range unseen {
		unseen[i] -= e.CrossFitted
	}
	variance := kernels.SumSquares(unseen) / float64(n*(n-1))
	e.SE = math.Sqrt(variance + float64(bias*bias))
	s.interval(&e)
	return e
}

// other adds the sampling error of the other data set to the standard error of E_p
// log(p/q): the influence of a row of it on the estimate is -p/q (Kandasamy et al. 2015).
// The mean of p/q over these rows is 1, so that no ratio exceeds their number.
func (s *sample) other(e *Estimate, p, q []float64) {
	n := float64(len(p))
	most := []float64{n}
	kernels.Log(most, most)
	ratio := make([]float64, len(p))
	for i, v := range p {
		ratio[i] = min(v-q[i], most[0])
	}
	kernels.Exp(ratio, ratio)
	mean := kernels.Sum(ratio) / n
	for i := range ratio {
		ratio[i] -= mean
	}
	variance := kernels.SumSquares(ratio) / float64(n*(n-1))
	e.SE = math.Sqrt(float64(e.SE*e.SE) + variance)
	s.interval(e)
}

// interval sets the ends of the confidence interval, by the normal approximation.
func (s *sample) interval(e *Estimate) {
	z := []float64{(1 + s.o.Confidence) / 2}
	kernels.NormQuantile(z, z)
	e.Low, e.High = e.Nats-float64(z[0]*e.SE), e.Nats+float64(z[0]*e.SE)
}
