package layer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gaussflow/gaussflow/flow/internal/errs"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/kernels"
)

func init() { register("mixtures", buildMixtures) }

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

// MaxLogScale is the largest bound on |log σ|: the kernels take scales within
// [1e-60, 1e60].
const MaxLogScale = 138

// ScaleBound returns a bound for scales with |log σ| ≤ most, with a margin: the
// default bound if it is large enough. The margin is needed because tanh is flat
// near the bound, so that training could hardly change a scale there. most must be
// below MaxLogScale.
func ScaleBound(most float64) float64 {
	return min(max(DefaultLogScaleBound, math.Ceil(1.25*most)), MaxLogScale)
}

// mixtures is the diagonal map: z_j = Φ⁻¹(F_j(x_j)) with a Gaussian mixture F_j
// for each coordinate j.
type mixtures struct {
	bound  float64
	k      []int     // components of each coordinate
	p      []float64 // per coordinate [logits | means | raws]
	w      []float64 // the same layout: [weights | means | scales]
	shared []kernels.Mixture
	pinned []bool // of each parameter; nil if none is
	floor  floor
}

// NewMixtures returns a layer of the given mixtures. Every weight must be positive
// and every |log Scale| smaller than bound.
func NewMixtures(m []kernels.Mixture, bound float64) Layer { return newMixtures(m, bound) }

func newMixtures(m []kernels.Mixture, bound float64) *mixtures {
	l := &mixtures{bound: bound}
	for _, c := range m {
		stored := newMarginal(c, bound)
		l.k = append(l.k, len(c.Mean))
		l.p = append(append(append(l.p, stored.logit...), stored.mean...), stored.raw...)
	}
	l.Refresh()
	return l
}

// cut returns the parameters of one coordinate, from the front of p, and the rest
// of p.
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

func (l *mixtures) Refresh() {
	if l.shared == nil {
		l.w, l.shared = make([]float64, len(l.p)), make([]kernels.Mixture, len(l.k))
	}
	p, w := l.p, l.w
	for j, k := range l.k {
		var from, to marginal
		p, w = from.cut(p, k), to.cut(w, k)
		kernels.SoftmaxColumns(kernels.Column(to.logit), kernels.Column(from.logit))
		l.floor.raise(to.logit, k, 1)
		copy(to.mean, from.mean)
		kernels.BoundedExp(to.raw, from.raw, l.bound)
		l.shared[j] = kernels.Mixture{Weight: to.logit, Mean: to.mean, Scale: to.raw}
	}
}

func (l *mixtures) Forward(z tile.Tile, logDet []float64, x tile.Tile, s tile.Arena) {
	for j, m := range l.shared {
		ld := s.Take(x.N)
		kernels.MixtureForward(z.Row(j), ld, x.Row(j), m)
		if logDet != nil {
			tile.Add(logDet, ld)
		}
	}
}

func (l *mixtures) Inverse(x tile.Tile, logDet []float64, z tile.Tile, s tile.Arena) {
	for j, m := range l.shared {
		ld := s.Take(z.N)
		kernels.MixtureInverse(x.Row(j), ld, z.Row(j), m)
		if logDet != nil {
			tile.Add(logDet, ld)
		}
	}
}

func (l *mixtures) Backward(dx tile.Tile, grad []float64, dz tile.Tile, dLogDet []float64, fwd Tape, _ tile.Arena) {
	clear(grad)
	p := l.p
	for j, k := range l.k {
		var stored, g marginal
		p, grad = stored.cut(p, k), g.cut(grad, k)
		kernels.MixtureBackward(dx.Row(j), kernels.MixtureGrad{Logit: g.logit, Mean: g.mean, LogScale: g.raw},
			dz.Row(j), dLogDet, fwd.X.Row(j), fwd.Z.Row(j), fwd.S.Take(fwd.X.N), l.shared[j])
		l.floor.chain(g.logit, l.shared[j].Weight, k, 1)
		kernels.BoundedExpBackward(g.raw, g.raw, stored.raw, l.bound)
	}
}

func (l *mixtures) Scratch() (forward, backward int) { return len(l.k), 0 }

func (l *mixtures) Params() []float64 { return l.p }

func (l *mixtures) Bind(p []float64) {
	copy(p, l.p)
	l.p = p
}

func (l *mixtures) NumFixed() int { return 0 }

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

func (l *mixtures) Pinned() []bool {
	if l.floor == 0 {
		return l.pinned
	}
	return pinAnchors(slices.Clone(l.pinned), l.k)
}

func (l *mixtures) Marginals() ([]kernels.Mixture, float64) {
	m := make([]kernels.Mixture, len(l.shared))
	for j, s := range l.shared {
		m[j] = kernels.Mixture{Weight: slices.Clone(s.Weight), Mean: slices.Clone(s.Mean), Scale: slices.Clone(s.Scale)}
	}
	return m, l.bound
}

// Couple returns a coupling whose mixtures are those of l for every input.
func (l *mixtures) Couple(o Conditioner, rng *rand.Rand) (Layer, error) {
	stored, bound := l.p, l.bound
	if o.Bound != 0 && o.Bound != l.bound {
		var err error
		if stored, err = l.rebound(o.Bound); err != nil {
			return nil, err
		}
		bound = o.Bound
	}
	return newCoupling(l.k, bound, l.floor, stored, l.anchors(), o, rng)
}

// anchors returns for each component whether a conditioner must not change it: the
// pinned components, and if none of a mixture's pinned components is as wide as all
// others, its widest one.
func (l *mixtures) anchors() []bool {
	a := make([]bool, 0, sum(l.k))
	p := l.Pinned()
	for _, m := range cutAll(l.p, l.k) {
		k := len(m.raw)
		at := make([]bool, k)
		if p != nil {
			copy(at, p[k:2*k])
			p = p[3*k:]
		}
		widest := 0
		for i, s := range m.raw {
			if t := m.raw[widest]; s > t || s == t && at[i] && !at[widest] {
				widest = i
			}
		}
		at[widest] = true
		a = append(a, at...)
	}
	return a
}

func (l *mixtures) Describe() model.Layer {
	m := model.Mixtures(l.shared)
	stored := cutAll(l.p, l.k)
	m.Tensors = append(m.Tensors, model.Scalar("bound", l.bound),
		model.Padded("raw.logit", l.k, 0, func(j int) []float64 { return stored[j].logit }),
		model.Padded("raw.scale", l.k, 0, func(j int) []float64 { return stored[j].raw }))
	if l.floor > 0 {
		m.Tensors = append(m.Tensors, model.Scalar("floor", float64(l.floor)))
	}
	if l.pinned != nil {
		p := l.pinned
		m.Tensors = append(m.Tensors, model.Padded("pinned", l.k, 0, func(j int) []float64 {
			k := l.k[j]
			row := make([]float64, k)
			for i := range row {
				if p[k+i] { // the mean; the scale is the same
					row[i] = 1
				}
			}
			p = p[3*k:]
			return row
		}))
	}
	return m
}

func buildMixtures(m *description, d int) Layer {
	mean := m.tensor("mean", d, anySize)
	most := mean.Shape[1]
	l := &mixtures{k: m.components(d, most), floor: m.floor()}
	// part returns an optional tensor of the shape of mean, row by row.
	part := func(name string, pad float64) [][]float64 {
		if !m.has(name) || m.err != nil {
			return nil
		}
		t := m.tensor(name, d, most)
		return m.unpad(name, t.Values, l.k, most, pad)
	}
	means := m.unpad("mean", mean.Values, l.k, most, 0)
	weights, scales := part("weight", 0), part("scale", 1)
	logits, raws := part("raw.logit", 0), part("raw.scale", 0)
	pinned := part("pinned", 0)
	if weights == nil && logits == nil {
		m.fail("weight", "it is missing, and so is raw.logit")
	}
	if scales == nil && raws == nil {
		m.fail("scale", "it is missing, and so is raw.scale")
	}
	if weights != nil {
		m.checkWeights(weights)
	}
	largest := 0.0 // |log scale|
	var logScales [][]float64
	for j, s := range scales {
		logScales = append(logScales, make([]float64, len(s)))
		for i, v := range s {
			if !(v > 0) {
				m.fail("scale", "component %d of coordinate %d is %v; it must be positive", i, j, v)
			}
		}
		if m.err != nil {
			break
		}
		kernels.Log(logScales[j], s)
		for _, v := range logScales[j] {
			largest = max(largest, math.Abs(v))
		}
	}
	l.bound = m.bound(raws == nil, largest)
	if m.err != nil {
		return l
	}
	for j, k := range l.k {
		s := marginal{make([]float64, k), means[j], make([]float64, k)}
		if logits != nil {
			s.logit = logits[j]
		} else {
			for i, w := range weights[j] {
				if k > 1 {
					w = l.floor.share(w, i)
				}
				if s.logit[i] = w; !(w > 0) {
					m.fail("weight", "component %d of coordinate %d is %v; the floor is %v", i, j, weights[j][i], float64(l.floor))
				}
			}
			kernels.Log(s.logit, s.logit)
		}
		if raws != nil {
			s.raw = raws[j]
		} else {
			storeScale(s.raw, logScales[j], l.bound)
		}
		l.p = append(append(append(l.p, s.logit...), s.mean...), s.raw...)
		if pinned != nil {
			at := slices.Repeat([]bool{false}, 3*k)
			for i, v := range pinned[j] {
				m.checkPinned(v, i, j)
				at[k+i], at[2*k+i] = v == 1, v == 1
			}
			l.pinned = append(l.pinned, at...)
		}
	}
	l.Refresh()
	for j, s := range l.shared {
		for i := range s.Mean {
			if weights != nil && !agree(weights[j][i], s.Weight[i]) {
				m.fail("weight", "component %d of coordinate %d is %v, and raw.logit makes it %v", i, j, weights[j][i], s.Weight[i])
			}
			if scales != nil && !agree(scales[j][i], s.Scale[i]) {
				m.fail("scale", "component %d of coordinate %d is %v, and raw.scale makes it %v", i, j, scales[j][i], s.Scale[i])
			}
		}
	}
	return l
}

// agree reports whether two forms of a number differ by rounding alone.
func agree(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b)) }

// components returns the number of components of each coordinate, from the
// attribute, or most for all if there is none.
func (d *description) components(dim, most int) []int {
	attribute := d.attribute("components")
	if d.err != nil {
		return nil
	}
	k := slices.Repeat([]int{most}, dim)
	if attribute != "" {
		var err error
		if k, err = model.ParseComponents(attribute, dim); err != nil {
			d.failAs(errs.ErrFormat, `attribute "components"`, err.Error())
			return nil
		}
	}
	if most != anySize && slices.Max(k) != most {
		d.failAs(errs.ErrShape, `attribute "components"`, fmt.Sprintf("a coordinate has %d components, and the tensors have room for %d", slices.Max(k), most))
		return nil
	}
	return k
}

// unpad cuts a matrix with rows of most numbers into its first k[j] of each. What is
// beyond them must be the padding, so that a model that is loaded and saved is the same.
func (d *description) unpad(name string, values []float64, k []int, most int, pad float64) [][]float64 {
	rows := make([][]float64, len(k))
	if d.err != nil || len(values) == 0 {
		return rows
	}
	for j, n := range k {
		row := values[j*most : (j+1)*most]
		rows[j] = row[:n]
		for i := n; i < most; i++ {
			if !sameBits(row[i], pad) {
				d.fail(name, "element %d of row %d is %v; beyond the components of the coordinate it must be %v", i, j, row[i], pad)
			}
		}
	}
	return rows
}

// sameBits reports whether a number that the flow does not keep will be saved as it was read: -0 would not be.
func sameBits(v, saved float64) bool { return math.Float64bits(v) == math.Float64bits(saved) }

// checkPinned records an error if v does not say whether component i of coordinate j is pinned.
func (d *description) checkPinned(v float64, i, j int) {
	if !sameBits(v, 0) && v != 1 {
		d.fail("pinned", "component %d of coordinate %d is %v; it must be 0 or 1", i, j, v)
	}
}

// checkWeights records an error if weights are not positive or do not sum to 1.
func (d *description) checkWeights(weights [][]float64) {
	for j, w := range weights {
		total := 0.0
		for i, v := range w {
			total += v
			if v < 0 || v == 0 && !d.has("raw.logit") {
				d.fail("weight", "component %d of coordinate %d is %v; it must be positive", i, j, v)
			}
		}
		if d.err == nil && math.Abs(total-1) > 1e-6 {
			d.fail("weight", "the weights of coordinate %d sum to %v; they must sum to 1", j, total)
		}
	}
}

// floor returns the smallest weight of the anchors, or 0 if there are none.
func (d *description) floor() floor {
	if !d.has("floor") || d.err != nil {
		return 0
	}
	t := d.tensor("floor")
	if d.err != nil {
		return 0
	}
	f := t.Values[0]
	if !(f > 0 && f < 1) {
		d.fail("floor", "it is %v; it must be between 0 and 1", f)
	}
	return floor(f)
}

// bound returns the bound of the scales. If it is not given, and may be chosen, it is
// one that the largest |log scale| fits in.
func (d *description) bound(choose bool, most float64) float64 {
	if choose && !d.has("bound") && d.err == nil {
		if most >= MaxLogScale {
			d.fail("scale", "a component has |log scale| = %.4g; it must be below %d", most, MaxLogScale)
		}
		return ScaleBound(most)
	}
	t := d.tensor("bound")
	if d.err != nil {
		return 0
	}
	b := t.Values[0]
	switch {
	case !(b > 0 && b <= MaxLogScale):
		d.fail("bound", "it is %v; it must be positive and at most %d", b, MaxLogScale)
	case choose && most >= b:
		d.fail("scale", "a component has |log scale| = %.4g; it must be below the bound %v", most, b)
	}
	return b
}

// NearIdentity returns mixtures that approximate N(0,1) within 1e-5: half the weight is
// a pinned N(0,1), the other half are narrower components at the nodes, and with the
// weights, of a Gauss-Hermite quadrature of degree 7, which training can change
// separately.
func NearIdentity(d int) Layer {
	const reach = 0.7 // of the means; with the scales it makes a variance of 1
	c := kernels.Mixture{
		Weight: []float64{0.5, 0.5 * 16. / 35},
		Mean:   []float64{0, 0},
		Scale:  []float64{1, math.Sqrt(1 - reach*reach)},
	}
	for _, q := range []struct{ node, weight float64 }{
		{1.1544053947399681, 0.24012317860501253},
		{2.3667594107345415, 0.030757123967586491},
		{3.7504397177257421, 0.00054826885597221792},
	} {
		c.Weight = append(c.Weight, 0.5*q.weight, 0.5*q.weight)
		c.Mean = append(c.Mean, -reach*q.node, reach*q.node)
		c.Scale = append(c.Scale, c.Scale[1], c.Scale[1])
	}
	k := len(c.Mean)
	l := newMixtures(slices.Repeat([]kernels.Mixture{c}, d), DefaultLogScaleBound)
	l.pinned = make([]bool, len(l.p))
	for j := range d {
		l.pinned[3*k*j+k], l.pinned[3*k*j+2*k] = true, true
	}
	return l
}
