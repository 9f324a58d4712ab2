// Package fit fits densities and chooses among them by their scores on held-out rows.
//
// All choices are made by held-out rows. Mixtures of increasing numbers of components,
// under several priors, are fitted to the training rows of each split; their weights in
// one mixture maximize the log-density of the held-out rows (stacking), and the factors
// by which their covariances are inflated are chosen in the same way. The result is the
// mixture of all splits' fits with those weights: at every row its log-density is at
// least the mean over the splits (Jensen's inequality), so that the score by
// cross-validation errs on the safe side. A mixture of Gaussian mixtures is one Gaussian
// mixture; similar components are merged.
//
// The same is done for single columns, which can be mapped by their mixtures first if
// these gain over a normal density; whether that improves the mixture of all columns is
// again decided by held-out rows. The same holds for coordinates along independent axes,
// if there are any.
package fit

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/mixture"
	"github.com/gaussflow/gaussflow/kernels"
)

// Options of a fit.
type Options struct {
	Seed          uint64
	MaxComponents int
	Dequantize    bool
	Form          *Form // nil if the rows choose it
	Progress      func(Step)
}

// A Form is what a fit has in common with another one, to some of the same rows, so that
// both map a row to nearby images. In given coordinates the density determines the map,
// whether mixtures of the columns come first or not (Knothe and Rosenblatt's is the only
// increasing triangular one); so it is the axes alone.
type Form struct {
	Axes *Axes // to which the axes are to be close, or nil for none
}

// A Step is one piece of progress.
type Step struct {
	Stage      string
	Components int
	HeldOut    float64
}

// A Result is the chosen density: columns are standardized, rotated to Axes unless that
// is nil, mapped by mixtures of their own unless Columns is nil, and the result has the
// density of Opening.
type Result struct {
	Typical      []float64 // log-densities of the held-out rows
	Shift, Scale []float64
	Axes         *Axes             // to which the columns are rotated, or nil
	Columns      []kernels.Mixture // one for each column, or axis, or nil
	Opening      *mixture.Mixture
	Report       Report
}

// A Report lists the candidates and their scores, which are mean log-densities of
// held-out rows, in nats and for the units of the data.
type Report struct {
	Rows, Splits, HeldOut int
	Columns               []Column
	Tried                 []Tried
	Score                 Score // of the flow, with weights chosen without the rows scored
	Gaussian, Mixture     Score // of a Gaussian, and of the best single mixture
	OverGaussian          Score // paired differences
	OverMixture           Score
	MixtureComponents     int
	Transformed           bool  // columns are mapped by mixtures first
	OverPlain             Score // the gain of that
	Axes                  AxesReport
	Components            int // of the opening
}

// A Score is a mean over rows held out and its standard error.
type Score = mixture.Score

// A Column describes a column of the data.
type Column struct {
	Distinct   int     // number of distinct values
	Tied       float64 // share of the rows whose value occurs in other rows, too
	Resolution float64 // distance of neighbouring values, in the units of the data; 0 if few are tied
	Components int     // of its mixture; 0 if it has none
}

// An AxesReport describes the search for independent axes.
type AxesReport struct {
	Iterations int  // of FastICA
	Converged  bool // it did
	Unlike     int  // axes that were not found in every split
	Turned     bool // columns are rotated to them first
	Over       Score
	Components []int // of the mixture of each, 0 if it has none; nil unless Turned
}

// Tried is one candidate.
type Tried struct {
	Stage      string
	Family     string
	Components int
	Inflation  float64
	Score      Score
	Share      float64 // in the mixture
	Iterations int     // of EM, the largest number over the splits
	Converged  int     // splits whose fit converged
}

const (
	anchorWeight = 1e-3 // of the Gaussian that every mixture contains
	floorScale   = 1e-3 // smallest standard deviation of a component, in units of the column's
	leastShare   = 0.02 // smallest weight of a candidate
	mostOpening  = 128  // components of the opening
	mostColumn   = 64   // components of a column's mixture
	mostTails    = 8    // components beyond the farthest row
	mostBag      = 512  // components that are combined before similar ones are merged
	alike        = 1e-3 // nats that merging similar components may always cost

	// Eigenvalues are shrunk as well if there are at least this many columns and, in a
	// component, fewer than this many rows for each: the theory is of many columns.
	manyColumns, rowsPerColumn = 8, 20
)

var inflations = []float64{1, 1.15, 1.5, 2.5, 6}

var ladder = []int{1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64, 96, 128}

// Run fits a density to the samples of x, d×n, which it overwrites.
func Run(ctx context.Context, x blas.Matrix, o Options) (*Result, error) {
	f := &fitter{ctx: ctx, o: o, d: x.Rows}
	return f.run(x)
}

func (f *fitter) run(x blas.Matrix) (*Result, error) {
	if err := f.prepare(x); err != nil {
		return nil, err
	}
	f.split()
	r := &Result{Shift: f.shift, Scale: f.scale}
	given := f.given()
	plain, err := f.search("mixture", given, f.families(), f.maxComponents())
	if err != nil {
		return nil, err
	}
	chosen := plain
	if f.d > 1 { // with one column it would be the same
		if chosen, err = f.transform(given, plain, r); err != nil {
			return nil, err
		}
	}
	if r.Opening, err = chosen.combined(f.ctx, mostOpening); err != nil {
		return nil, err
	}
	f.finish(plain, chosen, r)
	return r, nil
}

// transform searches mixtures of the columns mapped by their own mixtures, and of
// coordinates along independent axes mapped in the same way, and returns the simplest
// stack over which no other gains.
func (f *fitter) transform(given coordinates, plain *stack, r *Result) (*stack, error) {
	chosen := plain
	columns, gains, err := f.columns("column", given, make([]bool, f.d))
	if err != nil {
		return nil, err
	}
	if gains {
		st, over, err := f.behind("mixture of transformed columns", given, columns, plain)
		if err != nil {
			return nil, err
		}
		f.report.OverPlain = over
		if st != nil {
			chosen, r.Columns, f.report.Transformed = st, finals(columns), true
			for j, k := range components(columns) {
				f.report.Columns[j].Components = k
			}
		}
	}
	st, axes, columns, err := f.alongAxes(given, chosen)
	if err != nil {
		return nil, err
	}
	if st != nil {
		chosen, r.Axes, r.Columns, f.report.Transformed = st, axes, finals(columns), false
		for j, k := range components(columns) {
			f.report.Columns[j].Components = 0
			f.report.Axes.Components = append(f.report.Axes.Components, k)
		}
		f.report.Axes.Turned = true
	}
	return chosen, nil
}

// fitter is the state of one fit.
type fitter struct {
	ctx          context.Context
	o            Options
	d, n         int
	data         blas.Matrix // standardized, rows in an order of their own
	far          blas.Matrix // the rows that were set aside, standardized
	shift, scale []float64
	logScale     float64 // Σ log scale
	floor        []float64
	trains, held [][]int // rows of each split
	report       Report
}

func row(x blas.Matrix, j int) []float64 { return x.Data[j*x.Stride : j*x.Stride+x.Cols] }

func newMatrix(d, n int) blas.Matrix {
	return blas.Matrix{Rows: d, Cols: n, Stride: n, Data: make([]float64, d*n)}
}

// prepare checks and standardizes the columns and sorts the rows into an order
// that depends neither on their given order nor on that of the columns.
func (f *fitter) prepare(x blas.Matrix) error {
	const reach = 1e50
	if x.Cols < 4 {
		return fmt.Errorf("there are %d rows; a fit needs four at least", x.Cols)
	}
	sorted := make([][]float64, f.d)
	for j := range f.d {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		sorted[j] = slices.Clone(row(x, j))
		slices.Sort(sorted[j])
		low, high := sorted[j][0], sorted[j][x.Cols-1]
		if s := max(-low, high); s > reach {
			return fmt.Errorf("column %d reaches %.3g; values beyond %g leave the range of the kernels; rescale the data", j, s, float64(reach))
		}
		if low == high {
			return fmt.Errorf("column %d is constant at %v and has no density; drop it", j, low)
		}
		f.report.Columns = append(f.report.Columns, Describe(sorted[j]))
	}
	near, far := setAside(x, sorted)
	f.n = len(near)
	f.shift, f.scale, f.floor = make([]float64, f.d), make([]float64, f.d), make([]float64, f.d)
	for j := range f.d {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		column := row(x, j)
		kept := sorted[j][:0]
		for _, i := range near {
			kept = append(kept, column[i])
		}
		slices.Sort(kept)
		shift := kernels.Sum(kept) / float64(f.n)
		s := 0.0
		for _, v := range kept {
			s += float64((v - shift) * (v - shift))
		}
		s = math.Sqrt(s / float64(f.n))
		// If a few outliers dominate mean and standard deviation, use median and quartiles.
		if q := (kept[f.n-1-f.n/4] - kept[f.n/4]) / 1.349; q > 0 && s > 20*q {
			shift, s = kept[f.n/2], q
		}
		if !(s >= 1/reach) {
			return fmt.Errorf("column %d varies by only %.3g, below the range of the kernels; rescale the data", j, s)
		}
		f.shift[j], f.scale[j] = shift, s
		resolution := f.report.Columns[j].Resolution / s
		f.floor[j] = max(float64(floorScale*floorScale), float64(resolution*resolution)/12)
		if f.o.Dequantize {
			f.floor[j] = floorScale * floorScale
		}
		for i, v := range column {
			column[i] = (v - shift) / s
		}
	}
	logs := make([]float64, f.d)
	kernels.Log(logs, f.scale)
	f.logScale = kernels.Sum(logs)
	f.far = gather(x, far)
	f.order(gather(x, near))
	if f.o.Dequantize {
		for j, c := range f.report.Columns {
			if c.Resolution > 0 {
				rng := rand.New(rand.NewPCG(f.o.Seed, 0x6a697474<<32|uint64(j)))
				width := c.Resolution / f.scale[j]
				for i := range row(f.data, j) {
					row(f.data, j)[i] += float64(width * (float64(rng.Float64()) - 0.5))
				}
			}
		}
	}
	return f.dependent()
}

// setAside returns the rows of x to fit to, and those so far out that they would
// dominate any fit: beyond a million times the spread of a column, the distance of two
// quantiles that are 1 apart for the normal distribution. Beside them the features of
// the other rows would lose their digits. sorted holds the columns' sorted values. No
// rows are set aside if more than a tenth are so far out, or if a column would become
// constant.
func setAside(x blas.Matrix, sorted [][]float64) (near, far []int) {
	const most = 1e6
	n := x.Cols
	isFar := make([]bool, n)
	for j, s := range sorted {
		spread := (s[n-1-n/4] - s[n/4]) / 1.349
		if spread == 0 { // more than half of the values are equal
			spread = (s[n-1-n/20] - s[n/20]) / 3.29
		}
		if spread == 0 {
			continue
		}
		for i, v := range row(x, j) {
			isFar[i] = isFar[i] || math.Abs(v-s[n/2])/spread > most
		}
	}
	all := make([]int, n)
	for i, is := range isFar {
		all[i] = i
		if is {
			far = append(far, i)
		} else {
			near = append(near, i)
		}
	}
	if 10*len(far) > n || len(near) < 4 {
		return all, nil
	}
	for j := range sorted {
		column := row(x, j)
		if !slices.ContainsFunc(near, func(i int) bool { return column[i] != column[near[0]] }) {
			return all, nil
		}
	}
	return near, far
}

// Describe looks for ties in a sorted column. If a tenth or more of the rows share
// their values with others, the column's resolution is the median distance from such a
// value to the next one.
func Describe(sorted []float64) Column {
	n := len(sorted)
	var c Column
	var gaps []float64
	for from := 0; from < n; c.Distinct++ {
		to := from + 1
		for to < n && sorted[to] == sorted[from] {
			to++
		}
		gap := math.Inf(1)
		if from > 0 {
			gap = sorted[from] - sorted[from-1]
		}
		if to < n {
			gap = min(gap, sorted[to]-sorted[from])
		}
		for i := from; to-from > 1 && i < to; i++ {
			gaps = append(gaps, gap)
		}
		from = to
	}
	c.Tied = float64(len(gaps)) / float64(n)
	if c.Tied >= 0.1 {
		slices.Sort(gaps)
		c.Resolution = gaps[len(gaps)/2]
	}
	return c
}

// order copies x with its rows in the order of their sorted values. The result is the
// same for any order of rows and columns, except for rows that are permutations of
// each other.
func (f *fitter) order(x blas.Matrix) {
	keys := make([]float64, f.n*f.d)
	key := func(i int) []float64 { return keys[i*f.d : (i+1)*f.d] }
	at := make([]int, f.n)
	for i := range at {
		if f.ctx.Err() != nil {
			return // dependent will report an error
		}
		at[i] = i
		for j := range f.d {
			keys[i*f.d+j] = x.Data[j*x.Stride+i]
		}
		slices.Sort(key(i))
	}
	slices.SortFunc(at, func(a, b int) int {
		if c := slices.Compare(key(a), key(b)); c != 0 {
			return c
		}
		for j := range f.d {
			if u, v := x.Data[j*x.Stride+a], x.Data[j*x.Stride+b]; u < v {
				return -1
			} else if u > v {
				return 1
			}
		}
		return 0
	})
	f.data = gather(x, at)
}

func gather(x blas.Matrix, at []int) blas.Matrix {
	y := newMatrix(x.Rows, len(at))
	for j := range x.Rows {
		from, to := row(x, j), row(y, j)
		for i, a := range at {
			to[i] = from[a]
		}
	}
	return y
}

// dependent returns an error if a column is a linear function of others, up to
// rounding.
func (f *fitter) dependent() error {
	_, c := mixture.Moments(f.ctx, f.data)
	if err := f.ctx.Err(); err != nil {
		return err
	}
	d := f.d
	for i := range d {
		for j := range i {
			r := c[i*d+j] / math.Sqrt(float64(c[i*d+i]*c[j*d+j]))
			if 1-math.Abs(r) < 1e-14 {
				return fmt.Errorf("columns %d and %d depend on each other linearly, so that there is no density; drop one of them", j, i)
			}
		}
	}
	return nil
}

// split chooses the held-out rows: with ten splits, or five for many rows, each row is
// held out once; with a single split, for very many rows, a tenth of them.
func (f *fitter) split() {
	folds, used := 10, 10
	switch {
	case f.n < 10:
		folds, used = f.n, f.n
	case f.n >= 10000:
		folds, used = max(10, f.n/20000), 1
	case f.n >= 1000:
		folds, used = 5, 5
	}
	perm := rand.New(rand.NewPCG(f.o.Seed, 0x73706c69)).Perm(f.n)
	for s := range used {
		var train, held []int
		for i, p := range perm {
			if i%folds == s {
				held = append(held, p)
			} else {
				train = append(train, p)
			}
		}
		f.trains, f.held = append(f.trains, train), append(f.held, held)
	}
	f.report.Rows, f.report.Splits = f.n+f.far.Cols, used
	for _, h := range f.held {
		f.report.HeldOut += len(h)
	}
}

// coordinates hold all rows, those set aside, and those of each split, in the same
// coordinates: the standardized columns, or maps of them.
type coordinates struct {
	all, far blas.Matrix
	splits   []mixture.Split
	floor    []float64 // smallest variances
	mapped   bool      // the mixture maps one coordinate, and another mixture follows
}

// given returns the standardized columns.
func (f *fitter) given() coordinates {
	c := coordinates{all: f.data, far: f.far, floor: f.floor}
	for i := range f.trains {
		c.splits = append(c.splits, mixture.Split{Train: gather(f.data, f.trains[i]), Held: gather(f.data, f.held[i])})
	}
	return c
}

// column returns coordinate j.
func (c coordinates) column(j int) coordinates {
	of := func(x blas.Matrix) blas.Matrix {
		return blas.Matrix{Rows: 1, Cols: x.Cols, Stride: x.Stride, Data: row(x, j)}
	}
	one := coordinates{all: of(c.all), far: of(c.far), floor: c.floor[j : j+1], mapped: true}
	for _, s := range c.splits {
		one.splits = append(one.splits, mixture.Split{Train: of(s.Train), Held: of(s.Held)})
	}
	return one
}

func (f *fitter) maxComponents() int {
	if f.o.MaxComponents > 0 {
		return f.o.MaxComponents
	}
	return ladder[len(ladder)-1]
}

// families returns the families of mixtures to try. With many rows the prior matters
// little, and two are enough.
func (f *fitter) families() []mixture.Family {
	p := float64(f.d+2) / 2
	all := []mixture.Family{
		{Target: mixture.ToPooled, Strength: 0.02},
		{Target: mixture.ToPooled, Strength: p, White: f.d > 1},
	}
	if f.n >= 2000 {
		return all
	}
	all = append(all, mixture.Family{Target: mixture.ToDiagonal, Strength: 2})
	if f.d > 1 {
		all = append(all, mixture.Family{Target: mixture.ToPooled, Strength: p})
	}
	if f.d > 1 && f.n < 500 {
		all = append(all,
			mixture.Family{Target: mixture.ToPooled, Strength: 0.02, White: true},
			mixture.Family{Target: mixture.ToAll, Strength: p},
			mixture.Family{Target: mixture.ToDiagonal, Strength: float64(f.d)},
			mixture.Family{Target: mixture.ToDiagonal, Strength: p, Diagonal: true},
			// one covariance for all components
			mixture.Family{Target: mixture.ToPooled, Strength: 1e4},
			mixture.Family{Target: mixture.ToPooled, Strength: 1e4, Diagonal: true})
	}
	return all
}

// A stack is a set of candidates with their weights.
type stack struct {
	candidates []mixture.Candidate // those with weight
	weight     []float64
	all        []mixture.Candidate // all candidates, with inflation 1
	honest     []float64           // log-densities of the held-out rows, with weights chosen without them
	gaussian   *mixture.Candidate
	in         coordinates
}

// search fits candidates to the splits of x and stacks them.
func (f *fitter) search(stage string, x coordinates, families []mixture.Family, most int) (*stack, error) {
	all, err := f.candidates(stage, x, families, most)
	if err != nil {
		return nil, err
	}
	st := &stack{all: all, gaussian: &all[0], in: x}
	first := mixture.Stack(f.ctx, heldOut(all), leastShare, nil)
	var inflated []mixture.Candidate
	for i := range all {
		if first[i] == 0 {
			continue
		}
		variants := []mixture.Candidate{all[i]}
		if d := x.all.Rows; d >= manyColumns && d*all[i].Components*rowsPerColumn > x.all.Cols {
			variants = append(variants, all[i].Shrunk(f.ctx, x.splits))
		}
		for _, v := range variants {
			inflated = append(inflated, v)
			for _, by := range inflations[1:] {
				inflated = append(inflated, v.Inflated(f.ctx, by, x.splits))
			}
		}
	}
	weight := mixture.Stack(f.ctx, heldOut(inflated), leastShare, nil)
	for i, w := range weight {
		if w > 0 {
			st.candidates, st.weight = append(st.candidates, inflated[i]), append(st.weight, w)
		}
	}
	st.honest = honest(f.ctx, st.candidates, st.weight, x.splits)
	if err := f.ctx.Err(); err != nil {
		return nil, err
	}
	for i, c := range inflated {
		f.report.Tried = append(f.report.Tried, tried(stage, c, weight[i], f.logScale))
	}
	for i, c := range all {
		if first[i] == 0 {
			f.report.Tried = append(f.report.Tried, tried(stage, c, 0, f.logScale))
		}
	}
	return st, nil
}

// candidates fits the mixtures of all families.
func (f *fitter) candidates(stage string, x coordinates, families []mixture.Family, most int) ([]mixture.Candidate, error) {
	s := mixture.Search{
		Families: families,
		Options:  mixture.Options{Seed: f.o.Seed, Floor: x.floor, Iterations: 40, Tolerance: 3e-5},
	}
	for _, k := range ladder {
		if k <= most && (k == 1 || 4*k <= x.all.Cols) {
			s.Ladder = append(s.Ladder, k)
		}
	}
	if f.o.Progress != nil {
		s.Progress = func(c mixture.Candidate) { f.o.Progress(Step{stage, c.Components, c.Mean() - f.logScale}) }
	}
	return s.Candidates(f.ctx, x.splits)
}

// best returns the candidate with the highest mean score.
func best(c []mixture.Candidate) *mixture.Candidate {
	at := &c[0]
	for i := range c {
		if mixture.Gain(c[i].HeldOut, at.HeldOut).Mean > 0 {
			at = &c[i]
		}
	}
	return at
}

func ofFamily(c []mixture.Candidate, family mixture.Family) []mixture.Candidate {
	var of []mixture.Candidate
	for _, v := range c {
		if v.Family == family {
			of = append(of, v)
		}
	}
	return of
}

func tried(stage string, c mixture.Candidate, share, logScale float64) Tried {
	t := Tried{Stage: stage, Family: c.Family.String(), Components: c.Components, Inflation: c.Inflation, Share: share, Score: mixture.ScoreOf(c.HeldOut)}
	if c.Shrunken {
		t.Family += ", shrunk eigenvalues"
	}
	t.Score.Mean -= logScale
	for _, e := range c.EM {
		t.Iterations = max(t.Iterations, e.Iterations)
		if e.Converged {
			t.Converged++
		}
	}
	return t
}

func heldOut(c []mixture.Candidate) [][]float64 {
	h := make([][]float64, len(c))
	for i := range c {
		h[i] = c[i].HeldOut
	}
	return h
}

// honest returns the log-densities of the held-out rows under stacks whose weights
// were chosen without them: by the held-out rows of the other splits, or with one
// split by the other half.
func honest(ctx context.Context, candidates []mixture.Candidate, weight []float64, splits []mixture.Split) []float64 {
	all := heldOut(candidates)
	n := len(all[0])
	var cuts []int // the parts of the rows
	if len(splits) == 1 {
		cuts = []int{0, n / 2, n}
	} else {
		cuts = []int{0}
		for _, s := range splits {
			cuts = append(cuts, cuts[len(cuts)-1]+s.Held.Cols)
		}
	}
	out := make([]float64, n)
	mixture.Parallel(len(cuts)-1, func(c int) {
		from, to := cuts[c], cuts[c+1]
		others, own := make([][]float64, len(all)), make([][]float64, len(all))
		for m, h := range all {
			others[m] = slices.Concat(h[:from], h[to:])
			own[m] = h[from:to]
		}
		copy(out[from:to], mixture.Mixed(mixture.Stack(ctx, others, 0, weight), own))
	})
	return out
}

// combined returns the mixture of all splits' fits, with the anchor, of at most most
// components.
func (s *stack) combined(ctx context.Context, most int) (*mixture.Mixture, error) {
	splits := len(s.gaussian.Fits)
	total := 0
	for _, c := range s.candidates {
		total += c.Components
	}
	bag := max(1, min(splits, mostBag/total))
	var of []*mixture.Mixture
	var share []float64
	for i, c := range s.candidates {
		for b := range bag {
			of = append(of, c.Fits[(i+b*splits/bag)%splits])
			share = append(share, s.weight[i]/float64(bag))
		}
	}
	return s.anchored(ctx, mixture.Combined(share, of), most, s.gaussian.Fits, s.in.all)
}

// ofSplit returns the mixture that was fitted without the held-out rows of one split.
func (s *stack) ofSplit(ctx context.Context, i, most int) (*mixture.Mixture, error) {
	of := make([]*mixture.Mixture, len(s.candidates))
	for c := range of {
		of[c] = s.candidates[c].Fits[i]
	}
	return s.anchored(ctx, mixture.Combined(s.weight, of), most, s.gaussian.Fits[i:i+1], s.in.splits[i].Train)
}

// anchored merges similar components of m, and further ones until at most most
// components are left, including those that it adds: the Gaussian of all rows, so that
// no row, however far out, has a density much below it; its tails, if needed; and for
// rows that were set aside a copy of that Gaussian as wide as they are far out,
// weighted by their share.
func (s *stack) anchored(ctx context.Context, m *mixture.Mixture, most int, gaussian []*mixture.Mixture, x blas.Matrix) (*mixture.Mixture, error) {
	share := make([]float64, len(gaussian))
	for i := range share {
		share[i] = 1 / float64(len(gaussian))
	}
	g := mixture.Combined(share, gaussian).Reduced(ctx, 0, 1)
	of, shares := tails(ctx, g, x, s.in.mapped)
	if aside := s.in.far.Cols; aside > 0 {
		of = append(of, g.Inflated(slices.Max(g.Distances(ctx, s.in.far))/float64(x.Rows)))
		shares = append(shares, float64(aside)/float64(x.Cols+aside))
	}
	m = m.Reduced(ctx, alike, most-1-len(of))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(of) == 0 && m.K() == 1 {
		return m, nil // m is the Gaussian of all rows
	}
	of, shares = append(of, g), append(shares, anchorWeight)
	rest := 1 - kernels.Sum(shares)
	return mixture.Combined(append(shares, rest), append(of, m)), nil
}

// tails returns components, with their weights, for rows beyond all those of x, if the
// farthest row of x from the Gaussian g is farther than the farthest of as many normal
// rows would be. The probability that the next row lies beyond all n is 1/(n+1) (the
// rule of succession), and that it lies beyond r times the farthest distance falls like
// r^-α, with the tail index α of the √n farthest rows (Hill 1975). So the components
// are g, widened to reach the farthest row, and further copies, each four times wider
// with 4^-α times the weight, until a few thousandths of the weight are left.
//
// A mixture that maps a coordinate gets one component, half as wide as the farthest row
// is far: what lies beyond, the mixture behind it reaches with tails of its own. The tails
// of both together would throw samples a hundred times as far as any row.
func tails(ctx context.Context, g *mixture.Mixture, x blas.Matrix, mapped bool) (of []*mixture.Mixture, shares []float64) {
	beyond := 1 / float64(x.Cols+1)
	squares := g.Distances(ctx, x)
	if ctx.Err() != nil {
		return nil, nil
	}
	slices.Sort(squares)
	slices.Reverse(squares)
	if squares[0] <= chiSquareUpper(x.Rows, beyond) {
		return nil, nil
	}
	if mapped {
		return []*mixture.Mixture{g.Inflated(squares[0] / 4)}, []float64{beyond}
	}
	top := squares[:int(math.Ceil(math.Sqrt(float64(len(squares)))))+1]
	logs := make([]float64, len(top))
	kernels.Log(logs, top)
	spread := 0.0 // 2/α
	for _, l := range logs {
		spread += (l - logs[len(logs)-1]) / float64(len(logs)-1)
	}
	fall := mixture.Power(16, -1/min(max(spread, 0.1), 10))
	left := 1.0
	for wide := squares[0] / float64(x.Rows); left > 3e-3; wide *= 16 {
		share := 1 - fall
		if len(of) == mostTails-1 {
			share = 1
		}
		of, shares = append(of, g.Inflated(wide)), append(shares, float64(beyond*float64(left*share)))
		left *= 1 - share
	}
	return of, shares
}

// chiSquareUpper returns the upper quantile of the χ² distribution with d degrees of
// freedom: it is exceeded with probability upper (Wilson and Hilferty 1931).
func chiSquareUpper(d int, upper float64) float64 {
	z := []float64{upper}
	kernels.NormQuantile(z, z)
	v := 2 / (9 * float64(d))
	c := 1 - v - float64(z[0]*math.Sqrt(v))
	return float64(d) * c * c * c
}

// A column is the mixture of one column: for each split, and for all rows.
type column struct {
	splits []kernels.Mixture
	final  kernels.Mixture
	honest []float64 // log-densities of the held-out rows
}

// columns fits a mixture to each coordinate of x that may be mapped. Coordinates
// whose mixture does not gain are not mapped; gains is false if none gains.
func (f *fitter) columns(stage string, x coordinates, leave []bool) (all []column, gains bool, err error) {
	families := []mixture.Family{{Target: mixture.ToPooled, Strength: 0.02}, {Target: mixture.ToPooled, Strength: 1.5}}
	if f.n >= 2000 {
		families = families[1:]
	}
	all = make([]column, f.d)
	for j := range all {
		tried := len(f.report.Tried)
		s, err := f.search(stage, x.column(j), families, min(mostColumn, f.maxComponents()))
		if err != nil {
			return nil, false, fmt.Errorf("%s %d: %w", stage, j, err)
		}
		f.report.Tried = f.report.Tried[:tried]
		if leave[j] || !beyondError(mixture.Gain(s.honest, s.gaussian.HeldOut)) {
			identity := kernels.Mixture{Weight: []float64{1}, Mean: []float64{0}, Scale: []float64{1}}
			all[j] = column{slices.Repeat([]kernels.Mixture{identity}, len(x.splits)), identity, s.gaussian.HeldOut}
			continue
		}
		gains = true
		m, err := s.combined(f.ctx, mostColumn)
		if err != nil {
			return nil, false, err
		}
		all[j] = column{make([]kernels.Mixture, len(x.splits)), oneDimensional(m), s.honest}
		for i := range x.splits {
			if m, err = s.ofSplit(f.ctx, i, mostColumn); err != nil {
				return nil, false, err
			}
			all[j].splits[i] = oneDimensional(m)
		}
	}
	return all, gains, nil
}

// components returns the number of components of each mixture; 0 if there is none.
func components(columns []column) []int {
	k := make([]int, len(columns))
	for j, c := range columns {
		if len(c.final.Weight) > 1 {
			k[j] = len(c.final.Weight)
		}
	}
	return k
}

// finals returns the columns' mixtures of all rows.
func finals(columns []column) []kernels.Mixture {
	m := make([]kernels.Mixture, len(columns))
	for j, c := range columns {
		m[j] = c.final
	}
	return m
}

func oneDimensional(m *mixture.Mixture) kernels.Mixture {
	return kernels.Mixture{Weight: m.Weight, Mean: m.Mean, Scale: m.Chol}
}

// behind searches mixtures of x mapped by mixtures of its columns; for each split these
// were fitted without its held-out rows. It returns the stack, or nil if that does not
// gain over rival, and the gain. Without a rival it returns the stack.
func (f *fitter) behind(stage string, x coordinates, columns []column, rival *stack) (*stack, Score, error) {
	y := coordinates{all: transformed(x.all, nil, columns, -1), far: transformed(x.far, nil, columns, -1), floor: x.floor}
	for i, s := range x.splits {
		offset := make([]float64, s.Held.Cols)
		copy(offset, s.Offset)
		y.splits = append(y.splits, mixture.Split{Train: transformed(s.Train, nil, columns, i), Held: transformed(s.Held, offset, columns, i), Offset: offset})
	}
	if err := f.ctx.Err(); err != nil {
		return nil, Score{}, err
	}
	// One family decides whether the others are worth their time.
	one, err := f.candidates(stage, y, f.families()[:1], f.maxComponents())
	if err != nil {
		return nil, Score{}, err
	}
	if rival != nil {
		rivals := ofFamily(rival.all, one[0].Family)
		if len(rivals) == 0 { // all candidates of that family were given up as clearly worse
			rivals = rival.all
		}
		if clearlyBelow(best(one).HeldOut, best(rivals).HeldOut) {
			return nil, paired(best(one).HeldOut, best(rivals).HeldOut), nil
		}
	}
	st, err := f.search(stage, y, f.families(), f.maxComponents())
	if err != nil || rival == nil {
		return st, Score{}, err
	}
	over := paired(st.honest, rival.honest)
	// Keep the simpler flow unless the gain is significant.
	if !beyondError(mixture.Gain(st.honest, rival.honest)) {
		st = nil
	}
	return st, over, nil
}

// transformed maps every column by its mixture of split i, or of all rows if i is -1,
// and adds the log-determinants.
func transformed(x blas.Matrix, logDet []float64, columns []column, i int) blas.Matrix {
	z := newMatrix(x.Rows, x.Cols)
	ld := make([]float64, x.Cols)
	for j, c := range columns {
		m := c.final
		if i >= 0 {
			m = c.splits[i]
		}
		if len(m.Weight) == 1 && m.Mean[0] == 0 && m.Scale[0] == 1 {
			copy(row(z, j), row(x, j))
			continue
		}
		kernels.MixtureForward(row(z, j), ld, row(x, j), m)
		if logDet != nil {
			for s, v := range ld {
				logDet[s] += v
			}
		}
	}
	return z
}

// beyondError reports whether a gain exceeds its standard error.
func beyondError(gain Score) bool { return gain.Mean > gain.SE }

// clearlyBelow reports whether a is below b by more than two standard errors.
func clearlyBelow(a, b []float64) bool {
	gain := mixture.Gain(a, b)
	return gain.Mean < -2*gain.SE
}

// paired returns the score of a minus that of b, row by row.
func paired(a, b []float64) Score {
	e := make([]float64, len(a))
	for i, v := range a {
		e[i] = v - b[i]
	}
	return mixture.ScoreOf(e)
}

// finish fills in the report.
func (f *fitter) finish(plain, chosen *stack, r *Result) {
	p := &f.report
	single := best(plain.all)
	p.Score, p.Gaussian, p.Mixture = mixture.ScoreOf(chosen.honest), mixture.ScoreOf(plain.gaussian.HeldOut), mixture.ScoreOf(single.HeldOut)
	for _, s := range []*Score{&p.Score, &p.Gaussian, &p.Mixture} {
		s.Mean -= f.logScale
	}
	p.MixtureComponents = single.Components
	p.OverGaussian, p.OverMixture = paired(chosen.honest, plain.gaussian.HeldOut), paired(chosen.honest, single.HeldOut)
	p.Components = r.Opening.K()
	r.Typical = slices.Clone(chosen.honest)
	for i := range r.Typical {
		r.Typical[i] -= f.logScale
	}
	slices.Sort(r.Typical)
	r.Report = *p
}
