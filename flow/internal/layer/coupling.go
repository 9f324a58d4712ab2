package layer

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/gaussflow/gaussflow/flow/internal/errs"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/kernels"
)

func init() { register("coupling", buildCoupling) }

// coupling maps the second half of the coordinates given the first, and then the
// first given the mapped second, each coordinate by a mixture of its own for each
// sample. One layer does both, so that log-determinants are added in the order of
// the coordinates, as the mixture layer adds them.
type coupling struct {
	d     int
	bound float64
	floor floor
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
	held  *held // nil if the network is plain: its outputs are the parameters themselves
}

// newCoupling returns the coupling of coordinates with k[j] components each whose
// mixtures have the given stored parameters whatever the input. Unless it is plain,
// the components that are pinned, a bool for each, are anchors.
func newCoupling(k []int, bound float64, f floor, stored []float64, pinned []bool, o Conditioner, rng *rand.Rand) (Layer, error) {
	l := newHalves(bound, k)
	l.floor = f
	if !o.Plain {
		l.hold(stored, pinned)
		stored = make([]float64, len(stored)) // the networks emit changes
	}
	n := 0
	for i := range l.half {
		h := &l.half[i]
		before := 3 * sum(k[:h.from])
		out := 3 * h.components()
		var err error
		if h.net, err = newMLP(h.givenTo-h.givenFrom, o.Width, o.Depth, out); err != nil {
			return nil, fmt.Errorf("a conditioner of width %d and depth %d: %w", o.Width, o.Depth, err)
		}
		h.net.init(stored[before:before+out], rng)
		n += len(h.net.p)
	}
	l.standardize()
	l.Bind(make([]float64, n))
	return l, nil
}

// hold sets the mixtures of both halves to which the networks emit changes.
func (l *coupling) hold(stored []float64, pinned []bool) {
	k := l.components()
	for i := range l.half {
		h := &l.half[i]
		from, to := sum(k[:h.from]), sum(k[:h.to])
		h.held = newHeld(h.counts(), stored[3*from:3*to], pinned[from:to], l.bound, l.floor)
	}
}

// standardize sets the shift and scale by which smooth networks standardise their
// inputs: the first network's inputs by the moments of their mixtures. The second
// network's inputs are already standard normal at the start.
func (l *coupling) standardize() {
	if first, second := &l.half[0], &l.half[1]; first.held != nil {
		first.net.smooth, second.net.smooth = true, true
		for j, s := range second.held.spread {
			first.net.shift = append(first.net.shift, second.held.centre[j])
			first.net.inverse = append(first.net.inverse, 1/s)
		}
	}
}

// newHalves returns a coupling of coordinates with k[j] components each, without
// conditioners.
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

// counts returns the number of components of each of the half's coordinates.
func (h *half) counts() []int {
	k := make([]int, h.to-h.from)
	for j := range k {
		k[j] = h.first[j+1] - h.first[j]
	}
	return k
}

// components returns the number of components of all coordinates of the half
// together.
func (h *half) components() int { return h.first[len(h.first)-1] }

// condition computes the half's mixtures, in evaluation form, from the given
// coordinates: net's output with softmax applied to the logits in place, and
// the scales.
func (h *half) condition(given tile.Tile, bound float64, f floor, s *tile.Arena) (out, scale tile.Tile) {
	n := given.N
	out = h.net.forward(given.Rows(h.givenFrom, h.givenTo), s)
	if h.held != nil {
		change := out
		out = s.Tile(out.D, n)
		h.held.changed(out, change)
	}
	scale = s.Tile(h.components(), n)
	for j := range h.to - h.from {
		a, b := h.first[j], h.first[j+1]
		k := b - a
		logit := out.Rows(3*a, 3*a+k)
		columns := kernels.Columns{K: k, N: n, Stride: n, Data: logit.Data}
		kernels.SoftmaxColumns(columns, columns)
		f.raise(logit.Data, k, n)
		kernels.BoundedExp(scale.Data[a*n:b*n], out.Data[(3*a+2*k)*n:3*b*n], bound)
	}
	return out, scale
}

// mixtures returns the mixtures of coordinate from+j of every sample.
func (h *half) mixtures(j int, out, scale tile.Tile) kernels.PerSampleMixtures {
	a, b, n := h.first[j], h.first[j+1], out.N
	k := b - a
	return kernels.PerSampleMixtures{
		K: k, Stride: n,
		Weight: out.Data[3*a*n : (3*a+k)*n],
		Mean:   out.Data[(3*a+k)*n : (3*a+2*k)*n],
		Scale:  scale.Data[a*n : b*n],
	}
}

// given returns what half i is conditioned on: the first half of x or the mapped
// second half, z. It is the same for Forward and Inverse.
func (l *coupling) given(i int, x, z tile.Tile) tile.Tile {
	if i == 0 {
		return x
	}
	return z
}

func (l *coupling) Forward(z tile.Tile, logDet []float64, x tile.Tile, s tile.Arena) {
	ld := s.Tile(l.d, x.N)
	for i := range l.half {
		h := &l.half[i]
		out, scale := h.condition(l.given(i, x, z), l.bound, l.floor, &s)
		for j := h.from; j < h.to; j++ {
			kernels.PerSampleForward(z.Row(j), ld.Row(j), x.Row(j), h.mixtures(j-h.from, out, scale))
		}
	}
	l.sum(logDet, ld)
}

func (l *coupling) Inverse(x tile.Tile, logDet []float64, z tile.Tile, s tile.Arena) {
	ld := s.Tile(l.d, z.N)
	for i := len(l.half) - 1; i >= 0; i-- {
		h := &l.half[i]
		out, scale := h.condition(l.given(i, x, z), l.bound, l.floor, &s)
		for j := h.from; j < h.to; j++ {
			kernels.PerSampleInverse(x.Row(j), ld.Row(j), z.Row(j), h.mixtures(j-h.from, out, scale))
		}
	}
	l.sum(logDet, ld)
}

// sum adds the coordinates' log-derivatives in the order of the coordinates.
func (l *coupling) sum(logDet []float64, ld tile.Tile) {
	if logDet == nil {
		return
	}
	for j := range l.d {
		tile.Add(logDet, ld.Row(j))
	}
}

func (l *coupling) Backward(dx tile.Tile, grad []float64, dz tile.Tile, dLogDet []float64, fwd Tape, s tile.Arena) {
	x, z, n := fwd.X, fwd.Z, fwd.X.N
	ld := fwd.S.Tile(l.d, n)

	// Locate what Forward left for each half, in the order of Forward.
	var left [len(l.half)]struct {
		net                tile.Arena
		change, out, scale tile.Tile
		grad               []float64
	}
	for i := range l.half {
		h, r := &l.half[i], &left[i]
		size, _ := h.net.scratch()
		r.net = fwd.S.Take(size * n)
		r.out = tile.View(r.net[(size-3*h.components())*n:], 3*h.components(), n)
		if h.held != nil {
			r.change, r.out = r.out, fwd.S.Tile(3*h.components(), n)
		}
		r.scale = fwd.S.Tile(h.components(), n)
		r.grad, grad = grad[:len(h.net.p)], grad[len(h.net.p):]
	}

	// Half 1 is conditioned on an output of half 0: its derivative is added to dz
	// before half 0 is differentiated.
	for i := len(l.half) - 1; i >= 0; i-- {
		h, r, s := &l.half[i], &left[i], s
		dOut := s.Tile(r.out.D, n)
		for j := h.from; j < h.to; j++ {
			a, b := h.first[j-h.from], h.first[j-h.from+1]
			k := b - a
			d := kernels.PerSampleGrad{
				K: k, Stride: n,
				Logit:    dOut.Data[3*a*n : (3*a+k)*n],
				Mean:     dOut.Data[(3*a+k)*n : (3*a+2*k)*n],
				LogScale: dOut.Data[(3*a+2*k)*n : 3*b*n],
			}
			kernels.PerSampleBackward(dx.Row(j), d, dz.Row(j), dLogDet, x.Row(j), z.Row(j), ld.Row(j), h.mixtures(j-h.from, r.out, r.scale))
			l.floor.chain(d.Logit, r.out.Data[3*a*n:(3*a+k)*n], k, n)
			kernels.BoundedExpBackward(d.LogScale, d.LogScale, r.out.Data[(3*a+2*k)*n:3*b*n], l.bound)
		}
		if h.held != nil {
			h.held.backward(dOut, r.change)
		}
		dGiven := l.given(i, dx, dz)
		h.net.backward(dGiven.Rows(h.givenFrom, h.givenTo), r.grad, dOut, r.net, s)
	}
}

func (l *coupling) Scratch() (forward, backward int) {
	forward = l.d
	for i := range l.half {
		h := &l.half[i]
		f, b := h.net.scratch()
		forward += f + h.components()
		if h.held != nil {
			forward += 3 * h.components()
		}
		backward = max(backward, b+3*h.components())
	}
	return forward, backward
}

func (l *coupling) Params() []float64 { return l.p }

func (l *coupling) Bind(p []float64) {
	l.p = p
	for i := range l.half {
		net := l.half[i].net
		n, _ := net.count()
		net.bind(p[:n:n])
		p = p[n:]
	}
}

func (l *coupling) Refresh() {}
func (l *coupling) NumFixed() int {
	if l.half[0].held == nil {
		return 0
	}
	return 3 * sum(l.components())
}

func (l *coupling) KernelMax() []float64 {
	m := make([]float64, len(l.half))
	for i := range l.half {
		m[i] = l.half[i].net.kernelMax()
	}
	return m
}

// Marginals returns the mixtures that the biases of the final layers describe.
func (l *coupling) Marginals() ([]kernels.Mixture, float64) {
	m := mixtures{bound: l.bound, floor: l.floor, k: l.components()}
	for _, h := range []half{l.half[1], l.half[0]} { // by coordinate
		bias := h.net.bias[h.net.layers()-1]
		p := tile.View(slices.Clone(bias), len(bias), 1)
		if h.held != nil {
			h.held.changed(p, tile.View(bias, len(bias), 1))
		}
		m.p = append(m.p, p.Data...)
	}
	m.Refresh()
	return m.shared, l.bound
}

// components returns the number of components of each coordinate.
func (l *coupling) components() []int { return append(l.half[1].counts(), l.half[0].counts()...) }

func (l *coupling) Describe() model.Layer {
	var conditioners [2][]model.Dense
	for i := range l.half {
		net := l.half[i].net
		for j := range net.layers() {
			conditioners[i] = append(conditioners[i], model.Dense{
				Out: net.sizes[j+1], In: net.sizes[j],
				Weight: slices.Clone(net.kernel[j]), Bias: slices.Clone(net.bias[j]),
			})
		}
	}
	m := model.Coupling(l.components(), l.bound, conditioners)
	if l.floor > 0 {
		m.Tensors = append(m.Tensors, model.Scalar("floor", float64(l.floor)))
	}
	if l.half[0].held != nil {
		m.Tensors = append(m.Tensors, l.describeHeld()...)
	}
	return m
}

func buildCoupling(m *description, d int) Layer {
	if d < 2 {
		m.failAs(errs.ErrShape, "dimension", fmt.Sprintf("a coupling needs 2 coordinates at least, and there is %d", d))
		return &coupling{}
	}
	halves := [2][2]int{{d - d/2, d / 2}, {d / 2, d - d/2}} // coordinates mapped, and given
	// Without the attribute, the length of the last bias of each half determines the
	// number of components.
	var depth, outputs [2]int
	for i := range halves {
		for m.has(fmt.Sprintf("half.%d.layer.%d.weight", i, depth[i])) {
			depth[i]++
		}
		if depth[i] == 0 {
			m.fail(fmt.Sprintf("half.%d.layer.0.weight", i), "it is missing")
		}
		bias := m.tensor(fmt.Sprintf("half.%d.layer.%d.bias", i, max(depth[i]-1, 0)), anySize)
		outputs[i] = bias.Shape[0]
	}
	k := m.components(d, anySize)
	if m.err == nil && m.attribute("components") == "" {
		k = nil
		for _, i := range []int{1, 0} { // by coordinate
			k = append(k, slices.Repeat([]int{outputs[i] / (3 * halves[i][0])}, halves[i][0])...)
		}
		if slices.Min(k) == 0 {
			m.fail("half.0.layer.0.bias", "the conditioners have too few outputs: %v", outputs)
		}
	}
	bound := m.bound(false, 0)
	if m.err != nil {
		return &coupling{}
	}
	l := newHalves(bound, k)
	l.floor = m.floor()
	if m.has("half.held.mean") {
		if stored, pinned := m.held(k); m.err == nil {
			l.hold(stored, pinned)
		}
	}
	n := 0
	for i := range l.half {
		h := &l.half[i]
		h.net = &mlp{sizes: []int{halves[i][1]}}
		for j := range depth[i] {
			weight, bias := fmt.Sprintf("half.%d.layer.%d.weight", i, j), fmt.Sprintf("half.%d.layer.%d.bias", i, j)
			out := anySize
			if j == depth[i]-1 {
				out = 3 * h.components()
			}
			w := m.tensor(weight, out, h.net.sizes[j])
			b := m.tensor(bias, w.Shape[0])
			if m.err != nil {
				return &coupling{}
			}
			h.net.sizes = append(h.net.sizes, w.Shape[0])
			h.net.p = append(append(h.net.p, w.Values...), b.Values...)
		}
		n += len(h.net.p)
	}
	if m.err != nil {
		return &coupling{}
	}
	l.standardize()
	l.Bind(make([]float64, n))
	return l
}
