package flow

import (
	"fmt"
	"math"

	"github.com/gaussflow/gaussflow/kernels"
)

// DefaultLogScaleBound bounds |log σ| of every component: σ = exp(bound·tanh(raw))
// then lies between e⁻⁵ and e⁵, which is ample once the data is standardised.
const DefaultLogScaleBound = 5

// A marginal is the stored form of one coordinate's mixture, K numbers each:
// weight = softmax(logit), scale = exp(bound·tanh(raw)).
type marginal struct{ logit, mean, raw []float64 }

// newMarginal stores a mixture. Every weight must be positive and every
// |log Scale| smaller than bound.
func newMarginal(m kernels.Mixture, bound float64) marginal {
	k := len(m.Mean)
	var s marginal
	s.cut(make([]float64, 3*k), k)
	kernels.Log(s.logit, m.Weight)
	copy(s.mean, m.Mean)
	kernels.Log(s.raw, m.Scale)
	storeScale(s.raw, s.raw, bound)
	return s
}

// storeScale computes raw = atanh(logScale/bound), the inverse of
// logScale = bound·tanh(raw). raw and logScale may be the same slice. The
// logarithm is the kernels', because package math's bits depend on the machine.
func storeScale(raw, logScale []float64, bound float64) {
	for i, s := range logScale {
		raw[i] = (bound + s) / (bound - s)
	}
	kernels.Log(raw, raw)
	for i := range raw {
		raw[i] /= 2
	}
}

// maxLogScale is the largest bound on |log σ|: the kernels take scales within
// [1e-60, 1e60].
const maxLogScale = 138

// scaleBound returns a bound that scales with |log σ| ≤ most fit in with room:
// the default where it serves. Near the bound tanh is flat, so that training
// could hardly move a scale, hence the margin. most must be below maxLogScale.
func scaleBound(most float64) float64 {
	return min(max(DefaultLogScaleBound, math.Ceil(1.25*most)), maxLogScale)
}

// mixtures is the diagonal map: z_j = Φ⁻¹(F_j(x_j)) with a Gaussian mixture F_j
// for each coordinate j.
type mixtures struct {
	bound  float64
	k      []int     // components of each coordinate
	p      []float64 // per coordinate [logits | means | raws]
	w      []float64 // the same layout: [weights | means | scales]
	shared []kernels.Mixture
}

// newMixtures makes the layer; it copies m.
func newMixtures(bound float64, m []marginal) *mixtures {
	l := &mixtures{bound: bound}
	for _, c := range m {
		l.k = append(l.k, len(c.mean))
		l.p = append(append(append(l.p, c.logit...), c.mean...), c.raw...)
	}
	l.refresh()
	return l
}

// cut takes the numbers of one coordinate off the front of p and returns the rest.
func (c *marginal) cut(p []float64, k int) []float64 {
	c.logit, c.mean, c.raw = p[:k:k], p[k:2*k:2*k], p[2*k:3*k:3*k]
	return p[3*k:]
}

// cutAll cuts p into the coordinates' mixtures, of k[j] components each.
func cutAll(p []float64, k []int) []marginal {
	m := make([]marginal, len(k))
	for j := range m {
		p = m[j].cut(p, k[j])
	}
	return m
}

func (l *mixtures) refresh() {
	if l.shared == nil {
		l.w, l.shared = make([]float64, len(l.p)), make([]kernels.Mixture, len(l.k))
	}
	p, w := l.p, l.w
	for j, k := range l.k {
		var from, to marginal
		p, w = from.cut(p, k), to.cut(w, k)
		kernels.Softmax(to.logit, 1, from.logit, 1, k, 1)
		copy(to.mean, from.mean)
		kernels.BoundedExp(to.raw, from.raw, l.bound)
		l.shared[j] = kernels.Mixture{Weight: to.logit, Mean: to.mean, Scale: to.raw}
	}
}

func (l *mixtures) forward(z tile, logDet []float64, x tile, s arena) {
	for j, m := range l.shared {
		ld := s.take(x.n)
		kernels.MixtureForward(z.row(j), ld, x.row(j), m)
		if logDet != nil {
			add(logDet, ld)
		}
	}
}

func (l *mixtures) inverse(x tile, logDet []float64, z tile, s arena) {
	for j, m := range l.shared {
		ld := s.take(z.n)
		kernels.MixtureInverse(x.row(j), ld, z.row(j), m)
		if logDet != nil {
			add(logDet, ld)
		}
	}
}

func (l *mixtures) backward(dx tile, grad []float64, dz tile, dLogDet []float64, fwd tape, _ arena) {
	clear(grad)
	p := l.p
	for j, k := range l.k {
		var stored, g marginal
		p, grad = stored.cut(p, k), g.cut(grad, k)
		kernels.MixtureBackward(dx.row(j), kernels.MixtureGrad{Logit: g.logit, Mean: g.mean, LogScale: g.raw},
			dz.row(j), dLogDet, fwd.x.row(j), fwd.z.row(j), fwd.s.take(fwd.x.n), l.shared[j])
		kernels.BoundedExpBackward(g.raw, g.raw, stored.raw, l.bound)
	}
}

func (l *mixtures) scratch() (forward, backward int) { return len(l.k), 0 }

func (l *mixtures) params() []float64 { return l.p }

func (l *mixtures) bind(p []float64) {
	copy(p, l.p)
	l.p = p
}

func (l *mixtures) numFixed() int { return 0 }

// rebound returns the stored parameters for another bound, with the same
// scales up to rounding.
func (l *mixtures) rebound(bound float64) ([]float64, error) {
	p := append([]float64(nil), l.p...)
	for j, c := range cutAll(p, l.k) {
		kernels.Log(c.raw, l.shared[j].Scale)
		for i, s := range c.raw {
			if math.Abs(s) >= bound {
				return nil, fmt.Errorf("component %d of coordinate %d has log σ = %.4g, outside LogScaleBound %g; take a bound larger than its magnitude", i, j, s, bound)
			}
		}
		storeScale(c.raw, c.raw, bound)
	}
	return p, nil
}
