package kernels

import (
	"sync"

	"github.com/gaussflow/gaussflow/asm"
)

// tileSize is the number of samples that a call of the assembly processes: enough that the call itself costs nothing,
// and few enough that the garbage collector, which cannot interrupt assembly, does not wait for long.
const tileSize = 1024

// whole returns how many of n samples fill whole blocks for the assembly of t; 0 for Generic. It panics if t cannot run
// here.
func (t Tier) whole(n int) int {
	if t == Generic {
		return 0
	}
	if int(t) >= len(available) || !available[t] {
		panic(missing(t))
	}
	return n &^ (asm.Block - 1)
}

// mapElements applies f element-wise; scalar is the reference for one number.
func (t Tier) mapElements(f function, scalar func(float64) float64, dst, x []float64) {
	if len(dst) != len(x) {
		panic(errLength)
	}
	n := t.whole(len(x))
	for i := 0; i < n; i += tileSize {
		t.elementwise(f, &dst[i], &x[i], min(tileSize, n-i))
	}
	dst, x = dst[n:], x[n:]
	if t != Generic && len(x) > 0 {
		var pad asm.Row
		copy(pad[:], x)
		t.elementwise(f, &pad[0], &pad[0], asm.Block)
		copy(dst, pad[:])
		return
	}
	for i, v := range x {
		dst[i] = scalar(v)
	}
}

// scratch is the scratch memory of a call of a mixture kernel. It is pooled, so that calls allocate nothing once the
// pool is filled.
type scratch struct {
	comps []component
	rows  []float64
	accs  []lanes

	// For the gradients of samples far out.
	far      []farInput
	farComps []farComponent
	farGrads [][3]float64

	// For the assembly, one number for each sample of a tile: sums over components, and the
	// results.
	d, wp, wn, f [tileSize]float64
	out          [3][tileSize]float64
	grad         asm.GradState
	inverse      asm.InverseState

	// Samples gathered from a tile, their images and their mixtures.
	index  [tileSize]int
	x      [tileSize]float64
	image  [2][tileSize]float64
	params []float64

	// The samples that do not fill a block, padded, and their mixtures.
	rest       asm.Row
	restParams []float64
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// grown returns a slice of length n, in the memory of s if its capacity suffices. Its contents are undefined.
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

// operation is the map that a call applies to its samples.
type operation uint8

const (
	tails operation = iota
	forward
	inverse
)

// call is one call of a kernel that maps sample by sample. The assembly maps whole blocks, tile by tile, and the remaining
// samples padded to a block. With Generic the reference maps samples one by one; with other tiers it recomputes those that
// the assembly marks.
type call struct {
	*scratch
	t        Tier
	op       operation
	shared   bool
	cs       []component // the shared mixture, or memory for that of one sample
	mixtures PerSampleMixtures
}

// reference maps one sample with the reference. If samples have mixtures of their own, it uses that of
// sample i of m.
func (c *call) reference(m PerSampleMixtures, i int, x float64) (r [3]float64) {
	if !c.shared {
		m.prepare(c.cs, i)
	}
	switch c.op {
	case tails:
		s := sumOne(c.cs, x)
		r[0], r[1], r[2] = s.cdf(x)
	case forward:
		r[0], r[1] = forwardOne(c.cs, x)
	case inverse:
		if !c.shared {
			below(c.cs)
		}
		r[0], r[1] = inverseOne(c.cs, x)
	}
	return r
}

// checkMaps panics unless there are as many images, and log-dets if they are wanted, as samples.
func checkMaps(dst [3][]float64, src []float64) {
	sameLength(len(src), dst[:]...)
	if len(dst[0]) != len(src) {
		panic(errLength)
	}
}

func (c *call) run(dst [3][]float64, src []float64) {
	if c.op == tails {
		sameLength(len(src), dst[:]...)
	} else {
		checkMaps(dst, src)
	}
	n := c.t.whole(len(src))
	for i := 0; i < n; i += tileSize {
		end := min(i+tileSize, n)
		c.tile(src[i:end], c.mixtures.from(i))
		c.store(dst, i, end)
	}
	if n == len(src) {
		return
	}
	if c.t != Generic {
		c.pad(src[n:], n)
		c.store(dst, n, len(src))
		return
	}
	for i, v := range src {
		r := c.reference(c.mixtures, i, v)
		for j, to := range dst {
			if to != nil {
				to[i] = r[j]
			}
		}
	}
}

// store copies the images of samples i to end to the results that are wanted.
func (c *call) store(dst [3][]float64, i, end int) {
	for j, to := range dst {
		if to != nil {
			copy(to[i:end], c.out[j][:])
		}
	}
}

// pad fills a block up with copies of the last sample: the assembly processes
// whole blocks only.
func (c *call) pad(src []float64, at int) {
	for i := range c.rest {
		c.rest[i] = src[min(i, len(src)-1)]
		c.index[i] = min(i, len(src)-1)
	}
	c.tile(c.rest[:], c.gather(&c.restParams, c.index[:asm.Block], c.mixtures.from(at)))
}

// gather copies the mixtures of the samples listed into one block of memory.
func (c *call) gather(params *[]float64, index []int, m PerSampleMixtures) PerSampleMixtures {
	if c.shared {
		return m
	}
	n := len(index)
	size := m.K * n
	*params = grown(*params, 3*size)
	all := *params
	gathered := PerSampleMixtures{K: m.K, Stride: n, Weight: all[:size], Mean: all[size : 2*size], Scale: all[2*size : 3*size]}
	for k := range m.K {
		for j, i := range index {
			gathered.Weight[k*n+j] = m.Weight[k*m.Stride+i]
			gathered.Mean[k*n+j] = m.Mean[k*m.Stride+i]
			gathered.Scale[k*n+j] = m.Scale[k*m.Stride+i]
		}
	}
	return gathered
}

// args returns the assembly's arguments for n samples.
func (c *call) args(n int, m PerSampleMixtures) asm.MixtureArgs {
	p := asm.MixtureArgs{N: n, K: len(c.cs)}
	if c.shared {
		p.Components = &c.cs[0]
	} else {
		p.Weight, p.Mean, p.Scale, p.Stride = m.pointers()
	}
	return p
}

// tile computes the images of whole blocks of samples, into c.out.
func (c *call) tile(src []float64, m PerSampleMixtures) {
	p := c.args(len(src), m)
	if c.op == inverse {
		for i := 0; i < len(src); i += asm.InverseTile {
			end := min(i+asm.InverseTile, len(src))
			c.solve(c.out[0][i:end], c.out[1][i:end], src[i:end], m.from(i))
		}
		return
	}
	p.X = &src[0]
	p.D, p.WP, p.WN, p.F = &c.d[0], &c.wp[0], &c.wn[0], &c.f[0]
	c.sums(&p)
	if c.op == tails {
		p.CDF, p.SF, p.PDF = &c.out[0][0], &c.out[1][0], &c.out[2][0]
		c.t.mixtureTails(&p)
		return
	}
	p.Z, p.L = &c.out[0][0], &c.out[1][0]
	if c.t.mixtureFinish(&p) {
		c.farPath(src, m)
	}
}

// sums, farKernel, inverseStart and inverseSums call the assembly for a shared mixture, or for one mixture per
// sample.

func (c *call) sums(p *asm.MixtureArgs) {
	if c.shared {
		c.t.mixtureSums(p)
	} else {
		c.t.perSampleSums(p)
	}
}

func (c *call) farKernel(p *asm.MixtureArgs) (missed bool) {
	if c.shared {
		return c.t.mixtureFar(p)
	}
	return c.t.perSampleFar(p)
}

func (c *call) inverseStart(p *asm.MixtureArgs) {
	if c.shared {
		c.t.mixtureInverseStart(p)
	} else {
		c.t.perSampleInverseStart(p)
	}
}

func (c *call) inverseSums(p *asm.MixtureArgs) {
	if c.shared {
		c.t.mixtureInverseSums(p)
	} else {
		c.t.perSampleInverseSums(p)
	}
}

// farPath recomputes in log space the samples whose sums underflow, which finish has marked by NaN.
func (c *call) farPath(src []float64, m PerSampleMixtures) {
	n := 0
	for i, z := range c.out[0][:len(src)] {
		if z != z {
			c.index[n], c.x[n] = i, src[i]
			n++
		}
	}
	if n == len(src) { // all of them, where they are
		p := c.args(n, m)
		p.X, p.Z, p.L = &src[0], &c.out[0][0], &c.out[1][0]
		if c.farKernel(&p) {
			c.fallback(c.out[0][:n], c.out[1][:], src, m)
		}
		return
	}
	last := n - 1
	for ; n%asm.Block != 0; n++ {
		c.index[n], c.x[n] = c.index[last], c.x[last]
	}
	m = c.gather(&c.params, c.index[:n], m)
	p := c.args(n, m)
	p.X, p.Z, p.L = &c.x[0], &c.image[0][0], &c.image[1][0]
	if c.farKernel(&p) {
		c.fallback(c.image[0][:n], c.image[1][:], c.x[:], m)
	}
	for j, i := range c.index[:n] {
		c.out[0][i], c.out[1][i] = c.image[0][j], c.image[1][j]
	}
}

// fallback recomputes with the reference every sample whose output y is NaN, the mark for a case that the assembly does
// not handle.
func (c *call) fallback(y, logDet, src []float64, m PerSampleMixtures) {
	for i, v := range y {
		if v == v {
			continue
		}
		r := c.reference(m, i, src[i])
		y[i], logDet[i] = r[0], r[1]
	}
}
