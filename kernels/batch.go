package kernels

import (
	"math"
	"sync"

	"github.com/gaussflow/gaussflow/asm"
)

// scratch is what a call of a mixture kernel needs beside its arguments; pooled, so that steady state allocates nothing.
type scratch struct {
	comps []component
	rows  []float64
	accs  []lanes

	// For the assembly, in rows of a tile: the sums of the samples, and what becomes of them.
	d, wp, wn, f [tileSize]float64
	out          [3][tileSize]float64
	grad         asm.GradState
	inverse      asm.InverseState

	// Samples that were picked out of a tile, their images, and the mixtures that belong to them.
	index  [tileSize]int
	x      [tileSize]float64
	image  [2][tileSize]float64
	params []float64

	// The samples that do not fill a block, and theirs.
	rest       asm.Row
	restParams []float64
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// grown returns a slice of length n, with the memory of s if that is enough. Its contents are undefined.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func (s *scratch) components(k int) []component {
	s.comps = grown(s.comps, k)
	return s.comps
}

func (s *scratch) floats(n int) []float64 {
	s.rows = grown(s.rows, n)
	return s.rows
}

func (s *scratch) lanes(n int) []lanes {
	s.accs = grown(s.accs, n)
	clear(s.accs)
	return s.accs
}

func (m *Mixture) check() {
	if k := len(m.Weight); k == 0 || len(m.Mean) != k || len(m.Scale) != k {
		panic(errShape)
	}
}

// prepare brings the mixture into the inner loop's form.
func (m *Mixture) prepare(cs []component) {
	for k := range cs {
		cs[k] = newComponent(m.Weight[k], m.Mean[k], m.Scale[k])
	}
}

// below sets, for the inverse, the weight of the components to the left of each; equal means stand in their order.
func below(cs []component) {
	for k := range cs {
		cs[k].Below = 0
		for j := range cs {
			if cs[j].Mean < cs[k].Mean || cs[j].Mean == cs[k].Mean && j < k {
				cs[k].Below += cs[j].W
			}
		}
	}
}

func (m *Mixtures) check(n int) {
	if n == 0 {
		return
	}
	if need := (m.K-1)*m.Stride + n; m.K < 1 || m.Stride < n || len(m.Weight) < need || len(m.Mean) < need || len(m.Scale) < need {
		panic(errShape)
	}
}

// prepare brings the mixture of sample i into the inner loop's form.
func (m *Mixtures) prepare(cs []component, i int) {
	for k := range cs {
		j := k*m.Stride + i
		cs[k] = newComponent(m.Weight[j], m.Mean[j], m.Scale[j])
	}
}

// MixtureCDF sets cdf[i] = F(x[i]), sf[i] = 1-F(x[i]), each accurate in its own tail, and pdf[i] = f(x[i]). Any of the
// three may be nil; none may overlap x unless it is x.
func (t Tier) MixtureCDF(cdf, sf, pdf, x []float64, m Mixture) {
	t.mapShared(tails, [3][]float64{cdf, sf, pdf}, x, m)
}

// MixtureForward sets z[i] = Φ⁻¹(F(x[i])) and logDet[i] = log dz/dx, in nats. Nothing is clipped: z and the log-det are
// finite and accurate for every finite x whose z is a float64. At x = ±Inf, z = x and logDet is its limit, minus the
// log of the largest scale; NaN gives NaN. logDet may be nil; z may be x.
func (t Tier) MixtureForward(z, logDet, x []float64, m Mixture) {
	t.mapShared(forward, [3][]float64{z, logDet}, x, m)
}

// MixtureInverse sets x[i] to the solution of Φ⁻¹(F(x)) = z[i], and logDet[i] = log dx/dz, in nats. logDet may be nil;
// x may be z. Where the map is so flat that many numbers share one z, x is the one at which F is Φ(z) exactly.
func (t Tier) MixtureInverse(x, logDet, z []float64, m Mixture) {
	t.mapShared(inverse, [3][]float64{x, logDet}, z, m)
}

// MixturesForward is MixtureForward with one mixture per sample. Equal mixtures give equal bits.
func (t Tier) MixturesForward(z, logDet, x []float64, m Mixtures) {
	t.mapEach(forward, [3][]float64{z, logDet}, x, m)
}

// MixturesInverse is MixtureInverse with one mixture per sample. Equal mixtures give equal bits.
func (t Tier) MixturesInverse(x, logDet, z []float64, m Mixtures) {
	t.mapEach(inverse, [3][]float64{x, logDet}, z, m)
}

// mapping is what a batch does to each of its samples.
type mapping uint8

const (
	tails mapping = iota
	forward
	inverse
)

// batch is one call of a kernel that maps sample by sample. Whole blocks go to the assembly, tile by tile; so does the rest,
// filled up to a block. On the reference, samples are mapped one by one, and so are those that the assembly leaves.
type batch struct {
	*scratch
	t      Tier
	op     mapping
	shared bool
	cs     []component // the mixture that is shared, or room for one sample's
	each   Mixtures
}

func (t Tier) mapShared(op mapping, dst [3][]float64, src []float64, m Mixture) {
	m.check()
	b := batch{t: t, op: op, shared: true, scratch: scratches.Get().(*scratch)}
	defer scratches.Put(b.scratch)
	b.cs = b.components(len(m.Weight))
	m.prepare(b.cs)
	if op == inverse {
		below(b.cs)
	}
	b.run(dst, src)
}

func (t Tier) mapEach(op mapping, dst [3][]float64, src []float64, m Mixtures) {
	m.check(len(src))
	b := batch{t: t, op: op, each: m, scratch: scratches.Get().(*scratch)}
	defer scratches.Put(b.scratch)
	if len(src) > 0 {
		b.cs = b.components(m.K)
	}
	b.run(dst, src)
}

// one maps a sample, whose mixture is number i of m if it has its own, on the reference.
func (b *batch) one(m Mixtures, i int, x float64) (r [3]float64) {
	if !b.shared {
		m.prepare(b.cs, i)
	}
	switch b.op {
	case tails:
		s := sumOne(b.cs, x)
		r[0], r[1], r[2] = s.cdf(x)
	case forward:
		r[0], r[1] = forwardOne(b.cs, x)
	case inverse:
		if !b.shared {
			below(b.cs)
		}
		r[0], r[1] = inverseOne(b.cs, x)
	}
	return r
}

func (b *batch) run(dst [3][]float64, src []float64) {
	sameLength(len(src), dst[:]...)
	if b.op != tails && len(dst[0]) != len(src) {
		panic(errLength)
	}
	n := b.t.whole(len(src))
	for i := 0; i < n; i += tileSize {
		end := min(i+tileSize, n)
		b.tile(src[i:end], b.each.from(i))
		b.put(dst, i, end)
	}
	if n == len(src) {
		return
	}
	if b.t != Generic {
		b.pad(src[n:], n)
		b.put(dst, n, len(src))
		return
	}
	for i, v := range src {
		r := b.one(b.each, i, v)
		for j, to := range dst {
			if to != nil {
				to[i] = r[j]
			}
		}
	}
}

// from returns the mixtures of sample i and those after it; none if one mixture is shared.
func (m Mixtures) from(i int) Mixtures {
	if m.K > 0 {
		m.Weight, m.Mean, m.Scale = m.Weight[i:], m.Mean[i:], m.Scale[i:]
	}
	return m
}

// put copies the images of samples i to end.
func (b *batch) put(dst [3][]float64, i, end int) {
	for j, to := range dst {
		if to != nil {
			copy(to[i:end], b.out[j][:])
		}
	}
}

// pad fills a block up with the last sample: assembly has no tails.
func (b *batch) pad(src []float64, at int) {
	for i := range b.rest {
		b.rest[i] = src[min(i, len(src)-1)]
		b.index[i] = min(i, len(src)-1)
	}
	b.tile(b.rest[:], b.pick(&b.restParams, b.index[:asm.Block], b.each.from(at)))
}

// pick copies the mixtures of the samples listed into one block of memory.
func (b *batch) pick(params *[]float64, index []int, m Mixtures) Mixtures {
	if b.shared {
		return m
	}
	n := len(index)
	size := m.K * n
	*params = grown(*params, 3*size)
	all := *params
	picked := Mixtures{K: m.K, Stride: n, Weight: all[:size], Mean: all[size : 2*size], Scale: all[2*size : 3*size]}
	for k := range m.K {
		for j, i := range index {
			picked.Weight[k*n+j] = m.Weight[k*m.Stride+i]
			picked.Mean[k*n+j] = m.Mean[k*m.Stride+i]
			picked.Scale[k*n+j] = m.Scale[k*m.Stride+i]
		}
	}
	return picked
}

// args are those of the assembly for n samples.
func (b *batch) args(n int, m Mixtures) asm.Tile {
	p := asm.Tile{N: n, K: len(b.cs)}
	if b.shared {
		p.Components = &b.cs[0]
	} else {
		p.Weight, p.Mean, p.Scale, p.Stride = m.pointers()
	}
	return p
}

func (m Mixtures) pointers() (weight, mean, scale *float64, stride int) {
	return &m.Weight[0], &m.Mean[0], &m.Scale[0], m.Stride
}

// tile leaves the images of whole blocks of samples in b.out.
func (b *batch) tile(src []float64, m Mixtures) {
	p := b.args(len(src), m)
	if b.op == inverse {
		for i := 0; i < len(src); i += asm.InverseTile {
			end := min(i+asm.InverseTile, len(src))
			b.solve(b.out[0][i:end], b.out[1][i:end], src[i:end], m.from(i))
		}
		return
	}
	p.X = &src[0]
	p.D, p.WP, p.WN, p.F = &b.d[0], &b.wp[0], &b.wn[0], &b.f[0]
	b.sums(&p)
	if b.op == tails {
		p.CDF, p.SF, p.PDF = &b.out[0][0], &b.out[1][0], &b.out[2][0]
		b.t.mixtureTails(&p)
		return
	}
	p.Z, p.L = &b.out[0][0], &b.out[1][0]
	if b.t.mixtureFinish(&p) {
		b.far(src, m)
	}
}

// sums, farAssembly, inverseStart and inverseSums call the assembly for a mixture that all samples share, or for one of
// each.

func (b *batch) sums(p *asm.Tile) {
	if b.shared {
		b.t.mixtureSums(p)
	} else {
		b.t.mixturesSums(p)
	}
}

func (b *batch) farAssembly(p *asm.Tile) (hard bool) {
	if b.shared {
		return b.t.mixtureFar(p)
	}
	return b.t.mixturesFar(p)
}

func (b *batch) inverseStart(p *asm.Tile) {
	if b.shared {
		b.t.mixtureInverseStart(p)
	} else {
		b.t.mixturesInverseStart(p)
	}
}

func (b *batch) inverseSums(p *asm.Tile) {
	if b.shared {
		b.t.mixtureInverseSums(p)
	} else {
		b.t.mixturesInverseSums(p)
	}
}

// far takes the samples that have no image yet down the far path.
func (b *batch) far(src []float64, m Mixtures) {
	n := 0
	for i, z := range b.out[0][:len(src)] {
		if z != z {
			b.index[n], b.x[n] = i, src[i]
			n++
		}
	}
	if n == len(src) { // all of them, where they are
		p := b.args(n, m)
		p.X, p.Z, p.L = &src[0], &b.out[0][0], &b.out[1][0]
		if b.farAssembly(&p) {
			b.hard(b.out[0][:n], b.out[1][:], src, m)
		}
		return
	}
	last := n - 1
	for ; n%asm.Block != 0; n++ {
		b.index[n], b.x[n] = b.index[last], b.x[last]
	}
	m = b.pick(&b.params, b.index[:n], m)
	p := b.args(n, m)
	p.X, p.Z, p.L = &b.x[0], &b.image[0][0], &b.image[1][0]
	if b.farAssembly(&p) {
		b.hard(b.image[0][:n], b.image[1][:], b.x[:], m)
	}
	for j, i := range b.index[:n] {
		b.out[0][i], b.out[1][i] = b.image[0][j], b.image[1][j]
	}
}

// hard maps the samples that the assembly left, whose images y are NaN, one by one.
func (b *batch) hard(y, logDet, src []float64, m Mixtures) {
	for i, v := range y {
		if v == v {
			continue
		}
		r := b.one(m, i, src[i])
		y[i], logDet[i] = r[0], r[1]
	}
}

// mostRounds of the inverse are taken side by side; almost all samples need three. Then the reference takes over.
const mostRounds = 64

// solve inverts whole blocks of samples, no more than asm.InverseTile: rounds of one step for each sample that is left,
// until none is.
func (b *batch) solve(x, logDet, z []float64, m Mixtures) {
	s := &b.inverse
	p := b.args(len(z), m)
	p.Z, p.Inverse = &z[0], s
	index := b.index[:len(z)]
	for i := range index {
		index[i] = i
	}
	b.inverseStart(&p)
	for round := 0; round < mostRounds && len(index) > 0; round++ {
		b.inverseSums(&p)
		if !b.t.mixtureInverseSolve(&p, round&3 == 3) {
			continue
		}
		left := 0
		for j, i := range index {
			if s.Done[j] != 0 {
				x[i], logDet[i] = s.X[j], s.L[j]
				continue
			}
			index[left] = i
			s.X[left], s.Z[left], s.Q[left], s.InvPhi[left], s.Other[left] = s.X[j], s.Z[j], s.Q[j], s.InvPhi[j], s.Other[j]
			s.Lo[left], s.Hi[left], s.Width[left], s.Narrow[left] = s.Lo[j], s.Hi[j], s.Width[j], s.Narrow[j]
			left++
		}
		// What fills up the last block are samples that are done, or copies: they do no harm.
		whole := (left + asm.Block - 1) &^ (asm.Block - 1)
		if !b.shared && left > 0 {
			p.Weight, p.Mean, p.Scale, p.Stride = b.pick(&b.params, index[:whole], m).pointers()
		}
		index, p.N = index[:left], whole
	}
	for _, i := range index {
		x[i] = math.NaN()
	}
	b.hard(x, logDet, z, m)
}
