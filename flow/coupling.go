package flow

import (
	"fmt"
	"math/rand/v2"

	"github.com/gaussflow/gaussflow/kernels"
)

// CouplingOptions says how Couple builds the conditioners. The zero value is
// the sensible default.
type CouplingOptions struct {
	// Width of each hidden layer; 64 if zero.
	Width int
	// Depth is the number of hidden layers; 2 if zero.
	Depth int
	// LogScaleBound bounds |log σ| of every component. If zero, each block
	// keeps the bound of the diagonal flow, and only then are the two flows
	// equal bit for bit; another bound keeps the scales up to rounding. It must
	// be larger than every |log σ| of the diagonal flow, and at most 138.
	LogScaleBound float64
	// Seed of the hidden layers' starting values.
	Seed uint64
}

// Couple returns a coupling flow that shares the fit of the diagonal flow f.
//
// In each block the mixture layer is replaced by two couplings: the second half
// of the coordinates is mapped given the first, then the first half given the
// mapped second. Halves have ⌊d/2⌋ and ⌈d/2⌉ coordinates, and each coordinate is
// mapped once. The mixtures come from a conditioner, a ReLU network whose final
// kernel starts at zero and whose final bias is f's stored parameters: until
// Train changes the kernel, the flow equals f bit for bit, in z, log-determinant
// and log-density, forward and inverse.
//
// f must be diagonal and of dimension 2 at least. It is not changed, and shares
// no parameters with the result.
func (f *Flow) Couple(o CouplingOptions) (*Flow, error) {
	if o.Width == 0 {
		o.Width = 64
	}
	if o.Depth == 0 {
		o.Depth = 2
	}
	switch {
	case f.dim < 2:
		return nil, fmt.Errorf("flow: Couple: the flow has dimension %d; a coupling needs at least 2 coordinates, one half to condition on and one to map", f.dim)
	case o.Width < 0 || o.Depth < 0:
		return nil, fmt.Errorf("flow: Couple: width %d and depth %d; both must be positive", o.Width, o.Depth)
	case !(o.LogScaleBound >= 0 && o.LogScaleBound <= maxLogScale):
		return nil, fmt.Errorf("flow: Couple: LogScaleBound is %v; it must be positive and at most %d, or 0 for the diagonal flow's own", o.LogScaleBound, maxLogScale)
	}
	rng := rand.New(rand.NewPCG(o.Seed, 0))
	var blocks []block
	for i := range f.Blocks() {
		var b block
		coupled := false
		for _, l := range f.block(i) {
			if m, ok := l.(*mixtures); ok {
				c, err := newCoupling(m, o, rng)
				if err != nil {
					return nil, fmt.Errorf("flow: Couple: block %d: %w", i, err)
				}
				l, coupled = c, true
			}
			b = append(b, l)
		}
		if !coupled {
			return nil, fmt.Errorf("flow: Couple: block %d has no mixtures of its own; only a diagonal flow can be coupled", i)
		}
		blocks = append(blocks, b)
	}
	return newFlow(f.dim, blocks), nil
}

// coupling maps the second half of the coordinates given the first, and then
// the first given the mapped second, each coordinate by its own mixture per
// sample. It holds both directions, so that log-determinants can be added in
// the order of the coordinates, as the mixture layer adds them.
type coupling struct {
	d     int
	bound float64
	half  [2]half // in the order of forward
	p     []float64
}

// A half is the set of coordinates [from, to), mapped given all the others,
// which are [givenFrom, givenTo).
type half struct {
	from, to, givenFrom, givenTo int
	// first[j] is the number of components of the coordinates before from+j:
	// its parameters are output rows 3·first[j] to 3·first[j+1] of net, in
	// blocks [logits | means | raws].
	first []int
	net   *mlp
}

// newCoupling returns the coupling whose mixtures are those of m whatever the
// input.
func newCoupling(m *mixtures, o CouplingOptions, rng *rand.Rand) (*coupling, error) {
	stored, bound := m.p, m.bound
	if o.LogScaleBound != 0 && o.LogScaleBound != m.bound {
		var err error
		if stored, err = m.rebound(o.LogScaleBound); err != nil {
			return nil, err
		}
		bound = o.LogScaleBound
	}
	l := newHalves(bound, m.k)
	n := 0
	for i := range l.half {
		h := &l.half[i]
		before := 3 * sum(m.k[:h.from])
		out := 3 * h.components()
		var err error
		if h.net, err = newMLP(h.givenTo-h.givenFrom, o.Width, o.Depth, out); err != nil {
			return nil, fmt.Errorf("a conditioner of width %d and depth %d: %w", o.Width, o.Depth, err)
		}
		h.net.init(stored[before:before+out], rng)
		n += len(h.net.p)
	}
	l.bind(make([]float64, n))
	return l, nil
}

// newHalves returns the coupling of coordinates with k[j] components each, but for
// its conditioners.
func newHalves(bound float64, k []int) *coupling {
	d := len(k)
	l := &coupling{d: d, bound: bound}
	l.half[0] = half{from: d / 2, to: d, givenFrom: 0, givenTo: d / 2}
	l.half[1] = half{from: 0, to: d / 2, givenFrom: d / 2, givenTo: d}
	for i := range l.half {
		h := &l.half[i]
		h.first = []int{0}
		for _, n := range k[h.from:h.to] {
			h.first = append(h.first, h.first[len(h.first)-1]+n)
		}
	}
	return l
}

// each returns the number of components of each of the half's coordinates.
func (h *half) each() []int {
	k := make([]int, h.to-h.from)
	for j := range k {
		k[j] = h.first[j+1] - h.first[j]
	}
	return k
}

// components counts the components of the half's coordinates together.
func (h *half) components() int { return h.first[len(h.first)-1] }

// condition computes the half's mixtures, in evaluation form, from the given
// coordinates: net's output with softmax applied to the logits in place, and
// the scales.
func (h *half) condition(given tile, bound float64, s *arena) (out, scale tile) {
	n := given.n
	out = h.net.forward(given.rows(h.givenFrom, h.givenTo), s)
	scale = s.tile(h.components(), n)
	for j := range h.to - h.from {
		a, b := h.first[j], h.first[j+1]
		k := b - a
		logit := out.rows(3*a, 3*a+k)
		kernels.Softmax(logit.data, n, logit.data, n, k, n)
		kernels.BoundedExp(scale.data[a*n:b*n], out.data[(3*a+2*k)*n:3*b*n], bound)
	}
	return out, scale
}

// mixtures returns the mixtures of coordinate from+j of every sample.
func (h *half) mixtures(j int, out, scale tile) kernels.Mixtures {
	a, b, n := h.first[j], h.first[j+1], out.n
	k := b - a
	return kernels.Mixtures{
		K: k, Stride: n,
		Weight: out.data[3*a*n : (3*a+k)*n],
		Mean:   out.data[(3*a+k)*n : (3*a+2*k)*n],
		Scale:  scale.data[a*n : b*n],
	}
}

// given returns what half i is conditioned on: the first half of x or the
// mapped second half, z. It is the same whichever way the layer runs.
func (l *coupling) given(i int, x, z tile) tile {
	if i == 0 {
		return x
	}
	return z
}

func (l *coupling) forward(z tile, logDet []float64, x tile, s arena) {
	ld := s.tile(l.d, x.n)
	for i := range l.half {
		h := &l.half[i]
		out, scale := h.condition(l.given(i, x, z), l.bound, &s)
		for j := h.from; j < h.to; j++ {
			kernels.MixturesForward(z.row(j), ld.row(j), x.row(j), h.mixtures(j-h.from, out, scale))
		}
	}
	l.sum(logDet, ld)
}

func (l *coupling) inverse(x tile, logDet []float64, z tile, s arena) {
	ld := s.tile(l.d, z.n)
	for i := len(l.half) - 1; i >= 0; i-- {
		h := &l.half[i]
		out, scale := h.condition(l.given(i, x, z), l.bound, &s)
		for j := h.from; j < h.to; j++ {
			kernels.MixturesInverse(x.row(j), ld.row(j), z.row(j), h.mixtures(j-h.from, out, scale))
		}
	}
	l.sum(logDet, ld)
}

// sum adds the coordinates' log-derivatives in the order of the coordinates.
func (l *coupling) sum(logDet []float64, ld tile) {
	if logDet == nil {
		return
	}
	for j := range l.d {
		add(logDet, ld.row(j))
	}
}

func (l *coupling) backward(dx tile, grad []float64, dz tile, dLogDet []float64, fwd tape, s arena) {
	x, z, n := fwd.x, fwd.z, fwd.x.n
	ld := fwd.s.tile(l.d, n)

	// Find what each half left, in the order of forward.
	var left [len(l.half)]struct {
		net        arena
		out, scale tile
		grad       []float64
	}
	for i := range l.half {
		h, r := &l.half[i], &left[i]
		size, _ := h.net.scratch()
		r.net = fwd.s.take(size * n)
		r.out = tile{r.net[(size-3*h.components())*n:], 3 * h.components(), n, n}
		r.scale = fwd.s.tile(h.components(), n)
		r.grad, grad = grad[:len(h.net.p)], grad[len(h.net.p):]
	}

	// What half 1 is conditioned on is an output of half 0: its derivative
	// joins dz before half 0's turn.
	for i := len(l.half) - 1; i >= 0; i-- {
		h, r, s := &l.half[i], &left[i], s
		dOut := s.tile(r.out.d, n)
		for j := h.from; j < h.to; j++ {
			a, b := h.first[j-h.from], h.first[j-h.from+1]
			k := b - a
			d := kernels.MixturesGrad{
				K: k, Stride: n,
				Logit:    dOut.data[3*a*n : (3*a+k)*n],
				Mean:     dOut.data[(3*a+k)*n : (3*a+2*k)*n],
				LogScale: dOut.data[(3*a+2*k)*n : 3*b*n],
			}
			kernels.MixturesBackward(dx.row(j), d, dz.row(j), dLogDet, x.row(j), z.row(j), ld.row(j), h.mixtures(j-h.from, r.out, r.scale))
			kernels.BoundedExpBackward(d.LogScale, d.LogScale, r.out.data[(3*a+2*k)*n:3*b*n], l.bound)
		}
		dGiven := l.given(i, dx, dz)
		h.net.backward(dGiven.rows(h.givenFrom, h.givenTo), r.grad, dOut, r.net, s)
	}
}

func (l *coupling) scratch() (forward, backward int) {
	forward = l.d
	for i := range l.half {
		h := &l.half[i]
		f, b := h.net.scratch()
		forward += f + h.components()
		backward = max(backward, b+3*h.components())
	}
	return forward, backward
}

func (l *coupling) params() []float64 { return l.p }

func (l *coupling) bind(p []float64) {
	l.p = p
	for i := range l.half {
		net := l.half[i].net
		n, _ := net.count()
		net.bind(p[:n:n])
		p = p[n:]
	}
}

func (l *coupling) refresh()      {}
func (l *coupling) numFixed() int { return 0 }

func (l *coupling) kernelMax() []float64 {
	m := make([]float64, len(l.half))
	for i := range l.half {
		m[i] = l.half[i].net.kernelMax()
	}
	return m
}

// mean returns the mixtures that the biases of the final layers describe.
func (l *coupling) mean() []kernels.Mixture {
	var all []marginal
	for _, h := range []half{l.half[1], l.half[0]} { // by coordinate
		all = append(all, cutAll(h.net.bias[h.net.layers()-1], h.each())...)
	}
	return newMixtures(l.bound, all).shared
}
