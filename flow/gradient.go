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
	flow   *Flow
	data   rows
	at     []int     // the minibatch: indices into data
	lp     []float64 // its log-densities
	grad   []float64 // laid out as flow.params
	shards []shard
	first  int         // the first shard of the wave
	wave   [][]float64 // the gradients of the shards of a wave
	rooms  chan *room  // one for each worker
	team   team

	takeShard, takeChunk func(int) // the jobs of the team
}

// A shard is a part of the minibatch.
type shard struct {
	at []int
	lp []float64
}

// A room is the memory that takes one shard forward and back.
type room struct {
	mem     arena
	x       []tile  // x[l] is the input of layer l, x[l+1] its output
	s       []arena // of each layer
	d       [2]tile
	dLogDet []float64
	logDet  []float64
	back    arena
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
		b.shards = append(b.shards, shard{b.at[from:to], b.lp[from:to]})
	}
	b.takeShard, b.takeChunk = b.shard, b.reduce
	b.team.start(len(b.shards))
	b.wave = make([][]float64, min(max(8, 2*b.team.size()), len(b.shards)))
	for i := range b.wave {
		b.wave[i] = make([]float64, len(f.params))
	}
	b.rooms = make(chan *room, b.team.size())
	for range b.team.size() {
		b.rooms <- newRoom(f, min(n, shardSize), n)
	}
	return b
}

// newRoom makes room for size samples of a minibatch of n.
func newRoom(f *Flow, size, n int) *room {
	r := &room{
		x: make([]tile, len(f.layers)+1), s: make([]arena, len(f.layers)),
		dLogDet: make([]float64, size),
	}
	// loss = -Σ log p / n, and log p contains +logDet.
	fill(r.dLogDet, -1/float64(n))
	perSample, most := 1+(len(r.x)+len(r.d))*f.dim, 0
	for _, l := range f.layers {
		forward, backward := l.scratch()
		perSample += forward
		most = max(most, backward)
	}
	r.mem = make(arena, (perSample+most)*size)
	return r
}

// cut lays the memory out for n samples.
func (r *room) cut(f *Flow, n int) {
	r.back = r.mem
	r.dLogDet = r.dLogDet[:n]
	r.logDet = r.back.take(n)
	for i := range r.x {
		r.x[i] = r.back.tile(f.dim, n)
		if i > 0 {
			forward, _ := f.layers[i-1].scratch()
			r.s[i-1] = r.back.take(forward * n)
		}
	}
	for i := range r.d {
		r.d[i] = r.back.tile(f.dim, n)
	}
}

// gradient returns the loss of the rows in b.at and leaves its gradient in
// b.grad. The shards go in waves, whose gradients are added in the order of the
// shards, so that memory does not grow with the minibatch.
func (b *batch) gradient() float64 {
	for b.first = 0; b.first < len(b.shards); b.first += len(b.wave) {
		b.team.do(b.inWave(), b.takeShard)
		b.team.do(chunks(len(b.grad)), b.takeChunk)
	}
	return -kernels.Sum(b.lp) / float64(len(b.lp))
}

// inWave is the number of shards in the wave.
func (b *batch) inWave() int { return min(len(b.wave), len(b.shards)-b.first) }

// shard takes shard i of the wave forward and back.
func (b *batch) shard(i int) {
	s, grad, r, layers := b.shards[b.first+i], b.wave[i], <-b.rooms, b.flow.layers
	defer func() { b.rooms <- r }()
	r.cut(b.flow, len(s.at))
	for i, row := range s.at {
		if err := b.data.readRow(r.x[0], i, row); err != nil {
			// Every row has been checked; this one has changed since. NaN ends
			// the run with an error.
			r.x[0].data[i] = math.NaN()
		}
	}
	clear(r.logDet)
	for i, l := range layers {
		l.forward(r.x[i+1], r.logDet, r.x[i], r.s[i])
	}
	z := r.x[len(layers)]
	b.flow.base.logProb(s.lp, z, r.logDet)

	dx, dz := r.d[0], r.d[1]
	b.flow.base.backward(dz, z, 1/float64(len(b.lp)))
	end := len(grad)
	for i := len(layers) - 1; i >= 0; i-- {
		l := layers[i]
		begin := end - len(l.params())
		l.backward(dx, grad[begin:end], dz, r.dLogDet, tape{r.x[i], r.x[i+1], r.s[i]}, r.back)
		dx, dz, end = dz, dx, begin
	}
}

// reduce adds chunk i of the wave's gradients, in the order of the shards.
func (b *batch) reduce(i int) {
	from, to := chunk(i, len(b.grad))
	sum, wave := b.grad[from:to], b.wave[:b.inWave()]
	if b.first == 0 {
		copy(sum, wave[0][from:to])
		wave = wave[1:]
	}
	for _, grad := range wave {
		add(sum, grad[from:to])
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
	workers int // 0 if the caller does it all
	jobs    chan job
	left    sync.WaitGroup
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
	t.workers, t.jobs = workers, make(chan job, jobs)
	for range workers {
		go func() {
			for j := range t.jobs {
				j.do(j.i)
				t.left.Done()
			}
		}()
	}
}

// size is the number of jobs that are done at the same time.
func (t *team) size() int { return max(t.workers, 1) }

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
