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

// A Split is rows to fit to and rows to judge by.
type Split struct {
	Train, Held blas.Matrix
	// Offset is added to the log-densities of the rows held out: the log-determinant
	// of what made them of the data. It may be nil.
	Offset []float64
}

// A Candidate is a mixture of so many components of a family, fitted to every split.
type Candidate struct {
	Family     Family
	Components int
	Inflation  float64 // of the covariances
	Fits       []*Mixture
	HeldOut    []float64 // log-densities of the rows held out, split by split
	EM         []Convergence
}

// Mean returns the mean log-density of the rows held out.
func (c *Candidate) Mean() float64 { return kernels.Sum(c.HeldOut) / float64(len(c.HeldOut)) }

// A Search says which mixtures are tried.
type Search struct {
	Families []Family
	Ladder   []int // numbers of components, ascending
	Options  Options
	// Progress, if not nil, is told of each candidate. Calls do not overlap.
	Progress func(Candidate)
}

// Candidates fits the mixtures of every family with more and more components, as long
// as the rows held out gain: a family ends once it has tried more than three, and more
// than twice as many components as were best, and once two numbers in a row fail, are,
// as the first splits say, clearly worse than the best one, or lack too much of what the
// best of all families scores.
func (s *Search) Candidates(ctx context.Context, splits []Split) ([]Candidate, error) {
	climbs := make([]climb, len(s.Families))
	cpu := make(chan struct{}, runtime.GOMAXPROCS(0))
	var report sync.Mutex
	// All families take a step before one takes the next, so that each knows how the others fare.
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

// A climb is the way of a family up the ladder.
type climb struct {
	found  []Candidate
	best   int  // one more than the index of the best
	misses int  // steps in vain, in a row
	fresh  bool // the last of found is of this step
}

func (c *climb) leader() *Candidate {
	if c.best == 0 {
		return nil
	}
	return &c.found[c.best-1]
}

// ended reports whether k components are not to be tried.
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

// compare looks at what this step tried beside the best of all families. It was in vain if
// it scores below by more than chance and more than a nat, where a stack has no use for
// it, and four more steps that gain as much do not reach it.
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

// scouts are the splits that tell whether a candidate is worth the others.
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

// Gain returns the score of a over b, row by row. Where b has more rows, its first
// count. No row counts more than log(n+1) nats, what b would lose there if it gave a
// a share of 1/(n+1): otherwise one row far out would decide for all others.
func Gain(a, b []float64) Score {
	most := []float64{float64(len(a) + 1)}
	kernels.Log(most, most)
	e := make([]float64, len(a))
	for i, v := range a {
		e[i] = max(-most[0], min(most[0], v-b[i]))
	}
	return ScoreOf(e)
}

// clearlyBelow reports whether a scores more than three standard errors below what b
// scores on the same rows, its first.
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
	w := Candidate{Family: c.Family, Components: c.Components, Inflation: factor, EM: c.EM, Fits: make([]*Mixture, len(splits))}
	held := make([][]float64, len(splits))
	Parallel(len(splits), func(i int) {
		w.Fits[i] = c.Fits[i].Inflated(factor)
		held[i] = splits[i].logDensity(ctx, w.Fits[i])
	})
	for _, h := range held {
		w.HeldOut = append(w.HeldOut, h...)
	}
	return w
}
