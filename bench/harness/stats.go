package harness

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// A Spread summarises the rounds of a measurement: the median, the quartiles, and the best. For times the best is the
// least; for a ratio of times it is the ratio of the least.
type Spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Best   float64 `json:"best"`
}

// NewSpread summarises values, of which there must be at least one; the best is the least.
func NewSpread(values []float64) Spread {
	s := slices.Sorted(slices.Values(values))
	return Spread{quantile(s, 0.5), quantile(s, 0.25), quantile(s, 0.75), s[0]}
}

// quantile interpolates between the order statistics of sorted values.
func quantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-1)
	j := min(i+1, len(sorted)-1)
	return sorted[i] + (at-float64(i))*(sorted[j]-sorted[i])
}

// Scale returns the spread of c times the values, c > 0.
func (s Spread) Scale(c float64) Spread {
	return Spread{c * s.Median, c * s.Low, c * s.High, c * s.Best}
}

// A Series is what the rounds measured of one contender, in nanoseconds per repetition.
type Series struct {
	Name string
	Ns   []float64 // of each round
	GHz  []float64 // the core's clock beside it
}

// add appends what reps repetitions took and the clock, of which a measurement from before them is given.
func (s *Series) add(took time.Duration, reps int, before float64) {
	s.Ns = append(s.Ns, float64(took.Nanoseconds())/float64(reps))
	s.GHz = append(s.GHz, (before+Clock())/2)
}

// Time summarises the times, each divided by the number of elements that one repetition works on.
func (s Series) Time(elements float64) Spread { return NewSpread(s.Ns).Scale(1 / elements) }

// Cycles summarises the clock cycles per element.
func (s Series) Cycles(elements float64) Spread {
	cycles := make([]float64, len(s.Ns))
	for i, ns := range s.Ns {
		cycles[i] = ns * s.GHz[i]
	}
	return NewSpread(cycles).Scale(1 / elements)
}

// Over summarises the time of s over that of base, round by round: what slows a whole round down cancels. A series of one
// run is compared with the first round.
func (s Series) Over(base Series) Spread {
	ratios := make([]float64, min(len(s.Ns), len(base.Ns)))
	for i := range ratios {
		ratios[i] = s.Ns[i] / base.Ns[i]
	}
	r := NewSpread(ratios)
	r.Best = slices.Min(s.Ns) / slices.Min(base.Ns)
	return r
}

// Exponent returns the b of the least-squares fit y = a·x^b, in logarithms.
func Exponent(x, y []float64) (float64, error) {
	if len(x) != len(y) || len(x) < 2 {
		return 0, fmt.Errorf("harness: an exponent needs at least two points, as many y as x; there are %d and %d", len(x), len(y))
	}
	n := float64(len(x))
	var sx, sy, sxx, sxy float64
	for i := range x {
		if !(x[i] > 0 && y[i] > 0) {
			return 0, fmt.Errorf("harness: point (%v, %v) has no logarithm", x[i], y[i])
		}
		u, v := math.Log(x[i]), math.Log(y[i])
		sx, sy, sxx, sxy = sx+u, sy+v, sxx+u*u, sxy+u*v
	}
	d := n*sxx - sx*sx
	if d == 0 {
		return 0, errors.New("harness: an exponent needs two different x")
	}
	return (n*sxy - sx*sy) / d, nil
}
