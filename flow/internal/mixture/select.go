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
// than twice as many components as were best, and once two numbers in a row fail or are,
// as the first splits say, clearly worse than the best one.
func (s *Search) Candidates(ctx context.Context, splits []Split) ([]Candidate, error) {
	found := make([][]Candidate, len(s.Families))
	cpu := make(chan struct{}, runtime.GOMAXPROCS(0))
	var report sync.Mutex
	var all tile.Group
	for f := range s.Families {
		all.Go(func() {
			best, misses := 0, 0
			for _, k := range s.Ladder {
				// One component drawn to its own covariance is the same in every family.
				if k == 1 && f > 0 && s.Families[f].Target != ToDiagonal && !s.Families[f].Diagonal && len(s.Ladder) > 1 {
					continue
				}
				if best > 0 && k > max(3, 2*found[f][best-1].Components) {
					break
				}
				var leader *Candidate
				if best > 0 {
					leader = &found[f][best-1]
				}
				c := s.candidate(ctx, splits, s.Families[f], k, leader, cpu)
				if c == nil {
					if misses++; misses == 2 {
						break
					}
					continue
				}
				misses = 0
				found[f] = append(found[f], *c)
				if leader == nil || Gain(c.HeldOut, leader.HeldOut).Mean > 0 {
					best = len(found[f])
				}
				if s.Progress != nil {
					report.Lock()
					s.Progress(*c)
					report.Unlock()
				}
			}
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var c []Candidate
	for _, f := range found {
		c = append(c, f...)
	}
	if len(c) == 0 {
		return nil, errors.New("no mixture could be fitted")
	}
	return c, nil
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
				c.Fits[i], c.EM[i], held[i] = m, em, splits[i].logDensity(m)
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

func (s Split) logDensity(m *Mixture) []float64 {
	l := make([]float64, s.Held.Cols)
	m.LogDensity(l, s.Held)
	for i, v := range s.Offset {
		l[i] += v
	}
	return l
}

// Inflated returns the candidate with all covariances multiplied by factor.
func (c *Candidate) Inflated(factor float64, splits []Split) Candidate {
	w := Candidate{Family: c.Family, Components: c.Components, Inflation: factor, EM: c.EM, Fits: make([]*Mixture, len(splits))}
	held := make([][]float64, len(splits))
	Parallel(len(splits), func(i int) {
		w.Fits[i] = c.Fits[i].Inflated(factor)
		held[i] = splits[i].logDensity(w.Fits[i])
	})
	for _, h := range held {
		w.HeldOut = append(w.HeldOut, h...)
	}
	return w
}
