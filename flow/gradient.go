package flow

import (
	"math"
	"runtime"
	"sync"

	"github.com/gaussflow/gaussflow/kernels"
)

// shardSize is the number of samples that go through one shard. Cutting the
// minibatch at the same places whatever the number of workers fixes the order in
// which gradients are added. OpenBLAS reaches its full rate from 64 samples on, and
// where it has AVX-512 kernels it is fastest at 64 and 128: 64×64×128 is still small
// enough for those that copy nothing (BenchmarkShardSize).
const shardSize = 128

// A batch computes the loss of a minibatch and its gradient.
type batch struct {
	flow                 *Flow
	data                 rows
	at                   []int     // the minibatch: indices into data
	lp                   []float64 // its log-densities
	grad                 []float64 // laid out as flow.params
	shards               []*shard
	team                 team
	takeShard, takeChunk func(int) // the jobs of the team
}

// A shard is the memory for a part of the minibatch.
type shard struct {
	at      []int // of the batch
	lp      []float64
	x       []tile  // x[l] is the input of layer l, x[l+1] its output
	s       []arena // of each layer
	back    arena
	d       [2]tile
	dLogDet []float64
	logDet  []float64
	grad    []float64
}

// newBatch makes room for minibatches of n rows of data. It starts goroutines,
// which end with team.stop.
func newBatch(f *Flow, data rows, n int) *batch {
	b := &batch{
		flow: f, data: data,
		at:   make([]int, n),
		lp:   make([]float64, n),
		grad: make([]float64, len(f.params)),
	}
	for from := 0; from < n; from += shardSize {
		to := min(from+shardSize, n)
		size := to - from
		s := &shard{
			at: b.at[from:to], lp: b.lp[from:to],
			x:       []tile{newTile(f.dim, size)},
			d:       [2]tile{newTile(f.dim, size), newTile(f.dim, size)},
			dLogDet: make([]float64, size), logDet: make([]float64, size),
			grad: make([]float64, len(f.params)),
		}
		// loss = -Σ log p / n, and log p contains +logDet.
		fill(s.dLogDet, -1/float64(n))
		most := 0
		for _, l := range f.layers {
			forward, backward := l.scratch()
			most = max(most, backward)
			s.x = append(s.x, newTile(f.dim, size))
			s.s = append(s.s, make(arena, forward*size))
		}
		s.back = make(arena, most*size)
		b.shards = append(b.shards, s)
	}
	b.takeShard, b.takeChunk = b.shard, b.reduce
	b.team.start(len(b.shards))
	return b
}

// gradient returns the loss of the rows in b.at and leaves its gradient in
// b.grad.
func (b *batch) gradient() float64 {
	b.team.do(len(b.shards), b.takeShard)
	b.team.do(chunks(len(b.grad)), b.takeChunk)
	return -kernels.Sum(b.lp) / float64(len(b.lp))
}

// shard takes shard i forward and back.
func (b *batch) shard(i int) {
	s, layers := b.shards[i], b.flow.layers
	for i, row := range s.at {
		if err := b.data.readRow(s.x[0], i, row); err != nil {
			// Every row has been checked; this one has changed since. NaN ends
			// the run with an error.
			s.x[0].data[i] = math.NaN()
		}
	}
	clear(s.logDet)
	for i, l := range layers {
		l.forward(s.x[i+1], s.logDet, s.x[i], s.s[i])
	}
	z := s.x[len(layers)]
	b.flow.base.logProb(s.lp, z, s.logDet)

	dx, dz := s.d[0], s.d[1]
	b.flow.base.backward(dz, z, 1/float64(len(b.lp)))
	end := len(s.grad)
	for i := len(layers) - 1; i >= 0; i-- {
		l := layers[i]
		begin := end - len(l.params())
		l.backward(dx, s.grad[begin:end], dz, s.dLogDet, tape{s.x[i], s.x[i+1], s.s[i]}, s.back)
		dx, dz, end = dz, dx, begin
	}
}

// reduce adds chunk i of the shards' gradients, in the order of the shards.
func (b *batch) reduce(i int) {
	from, to := chunk(i, len(b.grad))
	sum := b.grad[from:to]
	copy(sum, b.shards[0].grad[from:to])
	for _, s := range b.shards[1:] {
		add(sum, s.grad[from:to])
	}
}

// backward writes the derivative of -c·log φ(z) into dz.
func (b base) backward(dz, z tile, c float64) {
	for j := range z.d {
		loc, scale := b.loc[j], b.scale[j]
		dst := dz.row(j)
		for i, v := range z.row(j) {
			dst[i] = c * ((v - loc) / scale / scale)
		}
	}
}

// What is done to each parameter by itself is done in chunks that stay in the
// first-level cache.
const chunkSize = 4096

// chunks returns how many chunks n parameters make.
func chunks(n int) int { return (n + chunkSize - 1) / chunkSize }

// chunk returns the bounds of chunk i of n parameters.
func chunk(i, n int) (from, to int) { return i * chunkSize, min((i+1)*chunkSize, n) }

// A team is goroutines that wait for work, so that a step of training need not
// start any.
type team struct {
	jobs chan job
	left sync.WaitGroup
}

type job struct {
	do func(int)
	i  int
}

// start hires as many goroutines as GOMAXPROCS and the number of jobs allow. One
// would be the caller itself.
func (t *team) start(jobs int) {
	workers := min(runtime.GOMAXPROCS(0), jobs)
	if workers <= 1 {
		return
	}
	t.jobs = make(chan job, jobs)
	for range workers {
		go func() {
			for j := range t.jobs {
				j.do(j.i)
				t.left.Done()
			}
		}()
	}
}

// stop ends the goroutines.
func (t *team) stop() {
	if t.jobs != nil {
		close(t.jobs)
	}
}

// do calls do(0), …, do(n-1), in any order, and returns when all are done.
func (t *team) do(n int, do func(int)) {
	if t.jobs == nil || n == 1 {
		for i := range n {
			do(i)
		}
		return
	}
	t.left.Add(n)
	for i := range n {
		t.jobs <- job{do, i}
	}
	t.left.Wait()
}
