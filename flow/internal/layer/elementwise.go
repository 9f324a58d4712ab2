package layer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/gaussflow/gaussflow/flow/internal/errs"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/kernels"
)

// A Map is a family of monotone maps of the real line, with one map per sample, whose
// parameters a conditioner emits for each coordinate.
type Map interface {
	// name is part of the layer's kind.
	name() string
	// outputs is the number of values that the conditioner emits for a coordinate;
	// extra is the number of further values per sample that prepare needs.
	outputs() (out, extra int)
	// prepare converts the conditioner's outputs for one coordinate to the kernels'
	// form, in out and extra.
	prepare(out, extra tile.Tile)
	forward(z, logDet, x []float64, out, extra tile.Tile)
	inverse(x, logDet, z []float64, out, extra tile.Tile)
	// backward writes the derivatives with respect to x and to the conditioner's
	// outputs.
	backward(dx []float64, dOut tile.Tile, dz, dLogDet, x, z, logDet []float64, out, extra tile.Tile)
	// identity returns the outputs for the identity map, or the one closest to it in
	// the family; like returns those for the map closest to z = Φ⁻¹(F(x)), F the
	// distribution function of the mixture.
	identity() []float64
	like(m kernels.Mixture) []float64
	// describe adds the settings that prepare depends on to the layer's description.
	describe(m *model.Layer)
}

// maps reads what describe wrote.
var maps = map[string]func(m *description) Map{}

// registerMap is called by the init function of a map's file.
func registerMap(name string, read func(m *description) Map) {
	maps[name] = read
	for form := range forms {
		register(form+"."+name, func(m *description, d int) Layer { return buildElementwise(form, m, d, read) })
	}
}

// forms say which coordinates are mapped given which.
var forms = map[string]func(d int) []part{
	// One half of the coordinates given the other, then the other half given the mapped one.
	"couple": func(d int) []part {
		if d < 2 {
			return nil
		}
		return []part{{from: d / 2, to: d, seenFrom: 0, seenTo: d / 2}, {from: 0, to: d / 2, seenFrom: d / 2, seenTo: d}}
	},
	// Every coordinate by itself, given the context.
	"given": func(d int) []part { return []part{{from: 0, to: d}} },
}

// elementwise maps every coordinate by a Map, conditioned on other coordinates and on the
// context: the conditioning columns, which no layer changes. They follow the coordinates
// in the tiles that Forward and Inverse read.
type elementwise struct {
	d, context   int
	form         string
	parts        []part // in the order of forward
	m            Map
	out, extra   int
	shift, scale []float64 // of the context: the conditioners see (c - shift)/scale
	p            []float64
}

// A part is the coordinates [from, to), mapped given [seenFrom, seenTo) and the context.
type part struct {
	from, to, seenFrom, seenTo int
	net                        *mlp
}

// A Context holds the shift and scale by which a layer standardises the conditioning
// columns.
type Context struct{ Shift, Scale []float64 }

// Contextual is implemented by layers that read a context behind the coordinates of their
// input.
type Contextual interface{ Context() int }

// NewElementwise returns a layer of the given form ("couple" or "given") and dimension d.
// For every input its conditioners emit the map closest to that of the mixture like[j] for
// coordinate j, or to the identity if like is nil. If spread is not 0, the weights of
// their last layers are random: uniform, with spread times the standard deviation of He et
// al. (2015).
func NewElementwise(form string, d int, m Map, c Context, like []kernels.Mixture, o Conditioner, spread float64, rng *rand.Rand) (Layer, error) {
	l := newElementwise(form, d, len(c.Shift), m)
	l.shift, l.scale = c.Shift, c.Scale
	if len(l.parts) == 0 {
		return nil, errs.Errorf(errs.ErrShape, "a coupling needs 2 coordinates at least, and there is %d", d)
	}
	if form == "given" && l.context == 0 {
		return nil, errs.Errorf(errs.ErrShape, "the layer has nothing to be conditioned on; there is no context")
	}
	n := 0
	for i := range l.parts {
		p := &l.parts[i]
		var err error
		if p.net, err = newMLP(p.seenTo-p.seenFrom+l.context, o.Width, o.Depth, l.out*(p.to-p.from)); err != nil {
			return nil, fmt.Errorf("a conditioner of width %d and depth %d: %w", o.Width, o.Depth, err)
		}
		var last []float64
		for j := p.from; j < p.to; j++ {
			if like == nil {
				last = append(last, m.identity()...)
			} else {
				last = append(last, m.like(like[j])...)
			}
		}
		p.net.init(last, rng)
		if spread != 0 {
			p.net.initLast(spread, rng)
		}
		n += len(p.net.p)
	}
	l.Bind(make([]float64, n))
	return l, nil
}

func newElementwise(form string, d, context int, m Map) *elementwise {
	l := &elementwise{d: d, context: context, form: form, parts: forms[form](d), m: m}
	l.out, l.extra = m.outputs()
	return l
}

// room is the scratch memory of a part.
type room struct {
	in         tile.Tile
	net        tile.Arena
	out, extra tile.Tile // in the kernels' form
}

func (l *elementwise) room(p *part, n int, s *tile.Arena) (r room) {
	r.in = s.Tile(p.seenTo-p.seenFrom+l.context, n)
	size, _ := p.net.scratch()
	r.net = s.Take(size * n)
	wide := l.out * (p.to - p.from)
	r.out = tile.View(r.net[(size-wide)*n:], wide, n)
	r.extra = s.Tile(l.extra*(p.to-p.from), n)
	return r
}

// of returns the rows that belong to coordinate j of the part.
func (l *elementwise) of(r room, p *part, j int) (out, extra tile.Tile) {
	j -= p.from
	return slab(r.out, j*l.out, l.out), slab(r.extra, j*l.extra, l.extra)
}

// slab returns k rows of a tile whose rows are contiguous.
func slab(t tile.Tile, from, k int) tile.Tile {
	return tile.View(t.Data[from*t.N:(from+k)*t.N], k, t.N)
}

// condition runs the part's conditioner on its inputs in a tile and prepares its maps.
func (l *elementwise) condition(p *part, seen, behind tile.Tile, s *tile.Arena) room {
	r := l.room(p, seen.N, s)
	k := p.seenTo - p.seenFrom
	for j := range k {
		copy(r.in.Row(j), seen.Row(p.seenFrom+j))
	}
	for c := range l.context {
		dst, shift, scale := r.in.Row(k+c), l.shift[c], l.scale[c]
		for i, v := range behind.Row(l.d + c) {
			dst[i] = (v - shift) / scale
		}
	}
	arena := r.net
	p.net.forward(r.in, &arena)
	for j := p.from; j < p.to; j++ {
		l.m.prepare(l.of(r, p, j))
	}
	return r
}

// seen returns the tile that part i is conditioned on: x for the first, the image of
// the first part for the second, for both Forward and Inverse.
func seen(i int, x, z tile.Tile) tile.Tile {
	if i == 0 {
		return x
	}
	return z
}

func (l *elementwise) Forward(z tile.Tile, logDet []float64, x tile.Tile, s tile.Arena) {
	ld := s.Tile(l.d, x.N)
	for i := range l.parts {
		p := &l.parts[i]
		r := l.condition(p, seen(i, x, z), x, &s)
		for j := p.from; j < p.to; j++ {
			out, extra := l.of(r, p, j)
			l.m.forward(z.Row(j), ld.Row(j), x.Row(j), out, extra)
		}
	}
	addRows(logDet, ld)
}

func (l *elementwise) Inverse(x tile.Tile, logDet []float64, z tile.Tile, s tile.Arena) {
	ld := s.Tile(l.d, z.N)
	for i := len(l.parts) - 1; i >= 0; i-- {
		p := &l.parts[i]
		r := l.condition(p, seen(i, x, z), z, &s)
		for j := p.from; j < p.to; j++ {
			out, extra := l.of(r, p, j)
			l.m.inverse(x.Row(j), ld.Row(j), z.Row(j), out, extra)
		}
	}
	addRows(logDet, ld)
}

// addRows adds the rows of ld, in their order, to logDet unless that is nil.
func addRows(logDet []float64, ld tile.Tile) {
	if logDet == nil {
		return
	}
	for j := range ld.D {
		tile.Add(logDet, ld.Row(j))
	}
}

func (l *elementwise) Backward(dx tile.Tile, grad []float64, dz tile.Tile, dLogDet []float64, fwd Tape, s tile.Arena) {
	x, z, n := fwd.X, fwd.Z, fwd.X.N
	ld := fwd.S.Tile(l.d, n)
	var left [2]struct {
		room
		grad []float64
	}
	for i := range l.parts {
		p := &l.parts[i]
		left[i].room = l.room(p, n, &fwd.S)
		left[i].grad, grad = grad[:len(p.net.p)], grad[len(p.net.p):]
	}
	// The second part is conditioned on the output of the first: its derivative is
	// added to dz before the first is differentiated.
	for i := len(l.parts) - 1; i >= 0; i-- {
		p, r, s := &l.parts[i], left[i], s
		dOut := s.Tile(r.out.D, n)
		for j := p.from; j < p.to; j++ {
			out, extra := l.of(r.room, p, j)
			l.m.backward(dx.Row(j), slab(dOut, (j-p.from)*l.out, l.out), dz.Row(j), dLogDet, x.Row(j), z.Row(j), ld.Row(j), out, extra)
		}
		to := dx
		if i == 1 {
			to = dz
		}
		p.net.backward(to.Rows(p.seenFrom, p.seenTo), r.grad, dOut, r.net, s)
	}
}

func (l *elementwise) Scratch() (forward, backward int) {
	forward = l.d
	for i := range l.parts {
		p := &l.parts[i]
		f, b := p.net.scratch()
		forward += p.seenTo - p.seenFrom + l.context + f + l.extra*(p.to-p.from)
		backward = max(backward, b+l.out*(p.to-p.from))
	}
	return forward, backward
}

func (l *elementwise) Params() []float64 { return l.p }

func (l *elementwise) Bind(p []float64) {
	l.p = p
	for i := range l.parts {
		net := l.parts[i].net
		n, _ := net.count()
		net.bind(p[:n:n])
		p = p[n:]
	}
}

func (l *elementwise) Refresh()      {}
func (l *elementwise) NumFixed() int { return 2 * l.context }
func (l *elementwise) Context() int  { return l.context }

func (l *elementwise) KernelMax() []float64 {
	m := make([]float64, len(l.parts))
	for i := range l.parts {
		m[i] = l.parts[i].net.kernelMax()
	}
	return m
}

func (l *elementwise) Describe() model.Layer {
	m := model.Layer{Kind: l.form + "." + l.m.name(), Attributes: map[string]string{}}
	l.m.describe(&m)
	if l.context > 0 {
		m.Tensors = append(m.Tensors, model.Vector("context.shift", slices.Clone(l.shift)), model.Vector("context.scale", slices.Clone(l.scale)))
	}
	for i := range l.parts {
		net := l.parts[i].net
		for j := range net.layers() {
			m.Tensors = append(m.Tensors,
				model.Matrix(fmt.Sprintf("part.%d.layer.%d.weight", i, j), net.sizes[j+1], net.sizes[j], slices.Clone(net.kernel[j])),
				model.Vector(fmt.Sprintf("part.%d.layer.%d.bias", i, j), slices.Clone(net.bias[j])))
		}
	}
	return m
}

func buildElementwise(form string, m *description, d int, read func(m *description) Map) Layer {
	of := read(m)
	if m.err != nil {
		return &elementwise{}
	}
	var c Context
	if m.has("context.shift") || form == "given" {
		c.Shift = slices.Clone(m.tensor("context.shift", anySize).Values)
		c.Scale = slices.Clone(m.tensor("context.scale", len(c.Shift)).Values)
		for i, s := range c.Scale {
			if !(s > 0) {
				m.fail("context.scale", "element %d is %v; it must be positive", i, s)
			}
		}
	}
	l := newElementwise(form, d, len(c.Shift), of)
	l.shift, l.scale = c.Shift, c.Scale
	if len(l.parts) == 0 {
		m.failAs(errs.ErrShape, "dimension", fmt.Sprintf("a coupling needs 2 coordinates at least, and there is %d", d))
	}
	n := 0
	for i := range l.parts {
		p := &l.parts[i]
		p.net = &mlp{sizes: []int{p.seenTo - p.seenFrom + l.context}}
		for j := 0; j == 0 || m.has(fmt.Sprintf("part.%d.layer.%d.weight", i, j)); j++ {
			weight := fmt.Sprintf("part.%d.layer.%d.weight", i, j)
			out := anySize
			if !m.has(fmt.Sprintf("part.%d.layer.%d.weight", i, j+1)) {
				out = l.out * (p.to - p.from)
			}
			w := m.tensor(weight, out, p.net.sizes[j])
			b := m.tensor(fmt.Sprintf("part.%d.layer.%d.bias", i, j), w.Shape[0])
			if m.err != nil {
				return &elementwise{}
			}
			p.net.sizes = append(p.net.sizes, w.Shape[0])
			p.net.p = append(append(p.net.p, w.Values...), b.Values...)
		}
		n += len(p.net.p)
	}
	if m.err != nil {
		return &elementwise{}
	}
	l.Bind(make([]float64, n))
	return l
}

// number reads an attribute that must be a positive integer up to most.
func (d *description) number(name string, most int) int {
	v, err := strconv.Atoi(d.attribute(name))
	if err != nil || v < 1 || v > most {
		d.failAs(errs.ErrFormat, fmt.Sprintf("attribute %q", name), fmt.Sprintf("it is %q; it must be a number from 1 to %d", d.layer.Attributes[name], most))
		return 1
	}
	return v
}

// scalar reads a tensor without dimensions that must lie in (least, most].
func (d *description) scalar(name string, least, most float64) float64 {
	t := d.tensor(name)
	if d.err != nil {
		return most
	}
	if v := t.Values[0]; !(v > least && v <= most) {
		d.fail(name, "it is %v; it must be above %g and at most %g", v, least, most)
	}
	return t.Values[0]
}

// initLast draws the last kernel uniformly, with spread times the standard deviation
// √(2/inputs) (He et al. 2015).
func (c *mlp) initLast(part float64, rng *rand.Rand) {
	last := c.kernel[c.layers()-1]
	reach := float64(part * math.Sqrt(6/float64(c.sizes[c.layers()-1])))
	for i := range last {
		last[i] = 2 * reach * (float64(rng.Float64()) - 0.5)
	}
}
