package mixture

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// A Split is a division of the rows into training and held-out rows.
type Split struct {
	Train, Held blas.Matrix
	// Offset is added to the log-densities of the held-out rows: the log-determinant of the map
	// from the data to these rows. It may be nil.
	Offset []float64
}

// A Candidate is a mixture of a family with a number of components, fitted to every
// split.
type Candidate struct {
	Family     Family
	Components int
	Inflation  float64 // of the covariances
	Shrunken   bool    // their eigenvalues are shrunk
	Fits       []*Mixture
	HeldOut    []float64 // log-densities of the rows held out, split by split
	EM         []Convergence
}

// Mean returns the mean log-density of the rows held out.
func (c *Candidate) Mean() float64 { return kernels.Sum(c.HeldOut) / float64(len(c.HeldOut)) }

// A Search defines the mixtures to try.
type Search struct {
	Families []Family
	Ladder   []int // numbers of components, ascending
	Options  Options
	// Progress, if not nil, is called after each candidate. Calls do not overlap.
	Progress func(Candidate)
}

// Candidates fits mixtures of every family with increasing numbers of components, as
// long as the score of the held-out rows improves. A family ends at a number of
// components that exceeds three and twice that of its best candidate, or after two
// successive candidates that fail, are clearly worse than the best one on the first
// splits, or score too far below the best of all families.
func (s *Search) Candidates(ctx context.Context, splits []Split) ([]Candidate, error) {
	climbs := make([]climb, len(s.Families))
	cpu := make(chan struct{}, runtime.GOMAXPROCS(0))
	var report sync.Mutex
	// The families advance in turns, so that each can be compared with the others.
	for _, k := range s.Ladder {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var step tile.Group
		for f := range climbs {
			// One component drawn to its own covariance is the same in every family.
			same := k == 1 && f > 0 && s.Families[f].Target != ToDiagonal && !s.Families[f].Diagonal && len(s.Ladder) > 1
			if same || climbs[f].ended(k) {
				continue
			}
			step.Go(func() {
				c := s.candidate(ctx, splits, s.Families[f], k, climbs[f].leader(), cpu)
				climbs[f].add(c)
				if c != nil && s.Progress != nil {
					report.Lock()
					s.Progress(*c)
					report.Unlock()
				}
			})
		}
		step.Wait()
		var first *Candidate
		for f := range climbs {
			if c := climbs[f].leader(); c != nil && (first == nil || Gain(c.HeldOut, first.HeldOut).Mean > 0) {
				first = c
			}
		}
		for f := range climbs {
			climbs[f].compare(first)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var c []Candidate
	for _, f := range climbs {
		c = append(c, f.found...)
	}
	if len(c) == 0 {
		return nil, errors.New("no mixture could be fitted")
	}
	return c, nil
}

// A climb is the progress of a family up the ladder of numbers of components.
type climb struct {
	found  []Candidate
	best   int  // one more than the index of the best
	misses int  // successive steps without success
	fresh  bool // the last of found is of this step
}

func (c *climb) leader() *Candidate {
	if c.best == 0 {
		return nil
	}
	return &c.found[c.best-1]
}

// ended reports whether the family ends before k components.
func (c *climb) ended(k int) bool {
	return c.misses == 2 || c.best > 0 && k > max(3, 2*c.found[c.best-1].Components)
}

func (c *climb) add(tried *Candidate) {
	if tried == nil {
		c.misses++
		return
	}
	leader := c.leader()
	c.found, c.fresh = append(c.found, *tried), true
	if leader == nil || Gain(tried.HeldOut, leader.HeldOut).Mean > 0 {
		c.best = len(c.found)
	}
}

// compare compares this step's candidate with the best of all families. The step is
// without success if its score is significantly lower, by more than a nat, so that a stack
// would give it no weight, and if four more steps with the same gain would not reach the
// best.
func (c *climb) compare(first *Candidate) {
	if !c.fresh {
		return
	}
	c.fresh = false
	const hopeless = 1
	last := len(c.found) - 1
	if lack := Gain(first.HeldOut, c.found[last].HeldOut); last > 0 && lack.Mean > max(hopeless, 3*lack.SE) &&
		lack.Mean > 4*Gain(c.found[last].HeldOut, c.found[last-1].HeldOut).Mean {
		c.misses++
	} else {
		c.misses = 0
	}
}

// scouts is the number of splits that decide whether a candidate is fitted to the others.
const scouts = 2

// candidate returns nil if a fit fails, if ctx is done, or if the first splits score
// more than three standard errors below what the leader scores on them.
func (s *Search) candidate(ctx context.Context, splits []Split, family Family, k int, leader *Candidate, cpu chan struct{}) *Candidate {
	c := &Candidate{Family: family, Components: k, Inflation: 1, Fits: make([]*Mixture, len(splits)), EM: make([]Convergence, len(splits))}
	held := make([][]float64, len(splits))
	for _, wave := range [][2]int{{0, min(scouts, len(splits))}, {min(scouts, len(splits)), len(splits)}} {
		var group tile.Group
		for i := wave[0]; i < wave[1]; i++ {
			if k > splits[i].Train.Cols {
				return nil
			}
			group.Go(func() {
				cpu <- struct{}{}
				defer func() { <-cpu }()
				o := s.Options
				o.Family, o.Components, o.Seed = family, k, o.Seed+uint64(i)
				m, em, err := Fit(ctx, splits[i].Train, o)
				if err != nil {
					return
				}
				c.Fits[i], c.EM[i], held[i] = m, em, splits[i].logDensity(ctx, m)
			})
		}
		group.Wait()
		for _, h := range held[wave[0]:wave[1]] {
			if h == nil {
				return nil
			}
			c.HeldOut = append(c.HeldOut, h...)
		}
		if wave[1] < len(splits) && leader != nil && clearlyBelow(c.HeldOut, leader.HeldOut) {
			return nil
		}
	}
	if m := c.Mean(); m-m != 0 {
		return nil
	}
	return c
}

// A Score is a mean over rows held out and its standard error.
type Score struct{ Mean, SE float64 }

// ScoreOf returns the score of the log-densities of rows.
func ScoreOf(x []float64) Score {
	n := float64(len(x))
	mean := kernels.Sum(x) / n
	s := 0.0
	for _, v := range x {
		s += float64((v - mean) * (v - mean))
	}
	return Score{mean, math.Sqrt(s) / n}
}

// Gain returns the mean and standard error of a - b over rows. If b has more rows,
// only its first are used. A row contributes at most log(n+1) nats, what b would
// lack if it were mixed with a of weight 1/(n+1): otherwise one outlier could decide
// for all rows.
func Gain(a, b []float64) Score {
	most := []float64{float64(len(a) + 1)}
	kernels.Log(most, most)
	e := make([]float64, len(a))
	for i, v := range a {
		e[i] = max(-most[0], min(most[0], v-b[i]))
	}
	return ScoreOf(e)
}

// clearlyBelow reports whether a scores more than three standard errors below b on
// the same rows, the first of b.
func clearlyBelow(a, b []float64) bool {
	g := Gain(a, b)
	return g.Mean < -3*g.SE
}

func (s Split) logDensity(ctx context.Context, m *Mixture) []float64 {
	l := make([]float64, s.Held.Cols)
	m.LogDensity(ctx, l, s.Held)
	for i, v := range s.Offset {
		l[i] += v
	}
	return l
}

// Inflated returns the candidate with all covariances multiplied by factor.
func (c *Candidate) Inflated(ctx context.Context, factor float64, splits []Split) Candidate {
	w := c.mapped(ctx, splits, func(m *Mixture, _ int) *Mixture { return m.Inflated(factor) })
	w.Inflation = factor
	return w
}

// Shrunk returns the candidate with the eigenvalues of its covariances shrunk.
func (c *Candidate) Shrunk(ctx context.Context, splits []Split) Candidate {
	w := c.mapped(ctx, splits, func(m *Mixture, n int) *Mixture { return m.Shrunk(ctx, n) })
	w.Shrunken = true
	return w
}

// mapped returns the candidate with its fits, each of n samples, replaced by their images.
func (c *Candidate) mapped(ctx context.Context, splits []Split, image func(m *Mixture, n int) *Mixture) Candidate {
	w := *c
	w.Fits, w.HeldOut = make([]*Mixture, len(splits)), nil
	held := make([][]float64, len(splits))
	Parallel(len(splits), func(i int) {
		w.Fits[i] = image(c.Fits[i], splits[i].Train.Cols)
		held[i] = splits[i].logDensity(ctx, w.Fits[i])
	})
	for _, h := range held {
		w.HeldOut = append(w.HeldOut, h...)
	}
	return w
}
