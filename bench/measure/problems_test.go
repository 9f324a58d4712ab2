package main

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"
)

// Every truth is the mean of what is known of the densities over fresh rows, to five standard errors.
func TestTruths(t *testing.T) {
	const n = 20000
	for _, p := range problems() {
		h := fnv.New64a()
		fmt.Fprint(h, p.name)
		rng := rand.New(rand.NewPCG(h.Sum64(), 1))
		x := p.draw(rng, n)
		y := x
		if p.other != nil {
			y = p.other(rng, n)
		}
		for _, q := range p.asked {
			for _, k := range q.of {
				of := x
				if k.second {
					of = y
				}
				v := make([]float64, n)
				for i := range v {
					v[i] = k.at(of.RawRowView(i))
				}
				mean, sd := stat.MeanStdDev(v, nil)
				if se := sd / math.Sqrt(n); !(math.Abs(mean-k.truth) <= 5*se+1e-12) {
					t.Errorf("%s, %s: %.5f ± %.5f over rows; the truth is said to be %.5f", p.name, k.name, mean, se, k.truth)
				}
			}
		}
	}
}

// Quadrature gives the closed forms of one Gaussian to rounding.
func TestQuadrature(t *testing.T) {
	s, q := &spots{}, &spots{}
	s.add(1, -2, 0.5)
	q.add(2, -1, 0.8)
	h, tc := s.measures()
	kl := math.Log(0.8*0.8/(0.5*0.5)) + (0.25*2+2)/(2*0.64) - 1
	for _, c := range []struct {
		name      string
		got, want float64
	}{{"entropy", h, math.Log(2*math.Pi*math.E) + 2*math.Log(0.5)}, {"total correlation", tc, 0}, {"divergence", s.divergence(q), kl}} {
		if math.Abs(c.got-c.want) > 1e-12 {
			t.Errorf("%s: %v; want %v", c.name, c.got, c.want)
		}
	}
}
