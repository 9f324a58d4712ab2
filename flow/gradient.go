package flow

import (
	"context"
	"math"

	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// shardSize is the number of samples in a shard of a minibatch. The minibatch is cut
// at the same places for any number of workers, so that gradients are always added
// in the same order. OpenBLAS reaches its full speed from 64 samples on; with its
// AVX-512 kernels it is fastest at 64 and 128, since 64×64×128 is small enough for
// its kernels that copy nothing (BenchmarkShardSize).
const shardSize = 128

// A minibatch computes the loss of some rows and its gradient.
type minibatch struct {
	ctx      context.Context // of the call of gradient
	flow     *Flow
	data     tile.Rows
	noise    *noise    // nil if there is none
	at       []int     // the minibatch: indices into data
	lp       []float64 // its log-densities
	grad     []float64 // laid out as flow.params
	pinned   []int     // parameters that are not trained: their derivatives are 0
	shards   []shard
	first    int               // the first shard of the current wave
	wave     [][]float64       // the gradients of the shards of a wave
	memories chan *shardMemory // one for each worker
	loop     tile.Loop         // over the shards of a wave, and over chunks of parameters

	takeShards, takeChunks func(*tile.Loop)
}

// A shard is a part of the minibatch.
type shard struct {
	at []int
	lp []float64
}

// A shardMemory is the memory to map one shard forward and backward.
type shardMemory struct {
	mem     tile.Arena
	x       []tile.Tile  // x[l] is the input of layer l, x[l+1] its output
	s       []tile.Arena // of each layer
	d       [2]tile.Tile
	dLogDet []float64
	logDet  []float64
	back    tile.Arena
}

// newMinibatch returns the memory for minibatches of n rows of data.
func newMinibatch(f *Flow, data tile.Rows, n int) *minibatch {
	b := &minibatch{
		flow: f, data: data,
		at:   make([]int, n),
		lp:   make([]float64, n),
		grad: make([]float64, len(f.params)),
	}
	at := 0
	for _, l := range f.layers {
		if p, ok := l.(layer.Pinned); ok {
			for i, pinned := range p.Pinned() {
				if pinned {
					b.pinned = append(b.pinned, at+i)
				}
			}
		}
		at += len(l.Params())
	}
	for from := 0; from < n; from += shardSize {
		to := min(from+shardSize, n)
		b.shards = append(b.shards, shard{b.at[from:to], b.lp[from:to]})
	}
	b.takeShards = func(loop *tile.Loop) {
		for i := range loop.Tiles {
			if b.ctx.Err() != nil {
				return
			}
			b.shard(i)
		}
	}
	b.takeChunks = func(loop *tile.Loop) {
		for from, to := range loop.Tiles {
			b.reduce(from, to)
		}
	}
	workers := tile.Workers(len(b.shards))
	b.wave = make([][]float64, min(max(8, 2*workers), len(b.shards)))
	for i := range b.wave {
		b.wave[i] = make([]float64, len(f.params))
	}
	b.memories = make(chan *shardMemory, workers)
	for range workers {
		b.memories <- newShardMemory(f, min(n, shardSize), n)
	}
	return b
}

// newShardMemory returns the memory for shards of up to size samples of a
// minibatch of n.
func newShardMemory(f *Flow, size, n int) *shardMemory {
	r := &shardMemory{
		x: make([]tile.Tile, len(f.layers)+1), s: make([]tile.Arena, len(f.layers)),
		dLogDet: make([]float64, size),
	}
	// loss = -Σ log p / n, and log p contains +logDet.
	tile.Fill(r.dLogDet, -1/float64(n))
	perSample, most := 1+len(r.x)*f.width()+len(r.d)*f.dim, 0
	for _, l := range f.layers {
		forward, backward := l.Scratch()
		perSample += forward
		most = max(most, backward)
	}
	r.mem = make(tile.Arena, (perSample+most)*size)
	return r
}

// cut divides the memory for n samples.
func (r *shardMemory) cut(f *Flow, n int) {
	r.back = r.mem
	r.dLogDet = r.dLogDet[:n]
	r.logDet = r.back.Take(n)
	for i := range r.x {
		r.x[i] = f.room(r.back.Take(f.width()*n), n)
		if i > 0 {
			forward, _ := f.layers[i-1].Scratch()
			r.s[i-1] = r.back.Take(forward * n)
		}
	}
	for i := range r.d {
		r.d[i] = r.back.Tile(f.dim, n)
	}
}

// gradient returns the loss of the rows in b.at and leaves its gradient in b.grad.
// Shards are processed in waves, and the gradients of a wave are added in the
// order of the shards, so that memory does not grow with the minibatch. If ctx is
// done before the last shard, gradient returns its error, and b.grad is invalid.
func (b *minibatch) gradient(ctx context.Context) (loss float64, err error) {
	b.ctx = ctx
	for b.first = 0; b.first < len(b.shards); b.first += len(b.wave) {
		b.loop.Run(b.inWave(), 1, b.takeShards)
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		b.loop.Run(len(b.grad), chunkSize, b.takeChunks)
	}
	for _, i := range b.pinned {
		b.grad[i] = 0
	}
	return -kernels.Sum(b.lp) / float64(len(b.lp)), nil
}

// inWave returns the number of shards in the current wave.
func (b *minibatch) inWave() int { return min(len(b.wave), len(b.shards)-b.first) }

// shard maps shard i of the current wave forward and backward.
func (b *minibatch) shard(i int) {
	s, grad, r, layers := b.shards[b.first+i], b.wave[i], <-b.memories, b.flow.layers
	defer func() { b.memories <- r }()
	r.cut(b.flow, len(s.at))
	for i, row := range s.at {
		if err := b.data.ReadRow(r.x[0], i, row); err != nil {
			// Every row was checked before training, so this one has changed. The
			// NaN ends the run with an error.
			r.x[0].Data[i] = math.NaN()
		}
	}
	b.noise.add(r.x[0], b.first+i, r.d)
	clear(r.logDet)
	for i, l := range layers {
		b.flow.copyContext(r.x[i+1], r.x[i], len(s.at))
		l.Forward(r.x[i+1], r.logDet, r.x[i], r.s[i])
	}
	z := r.x[len(layers)]
	b.flow.base.logProb(s.lp, z, r.logDet)

	dx, dz := r.d[0], r.d[1]
	b.flow.base.backward(dz, z, 1/float64(len(b.lp)))
	end := len(grad)
	for i := len(layers) - 1; i >= 0; i-- {
		l := layers[i]
		begin := end - len(l.Params())
		l.Backward(dx, grad[begin:end], dz, r.dLogDet, layer.Tape{X: r.x[i], Z: r.x[i+1], S: r.s[i]}, r.back)
		dx, dz, end = dz, dx, begin
	}
}

// reduce adds a chunk of the wave's gradients, in the order of the shards.
func (b *minibatch) reduce(from, to int) {
	sum, wave := b.grad[from:to], b.wave[:b.inWave()]
	if b.first == 0 {
		copy(sum, wave[0][from:to])
		wave = wave[1:]
	}
	for _, grad := range wave {
		tile.Add(sum, grad[from:to])
	}
}

// backward writes the derivative of -c·log φ(z) into dz.
func (b base) backward(dz, z tile.Tile, c float64) {
	for j := range z.D {
		loc, scale := b.loc[j], b.scale[j]
		dst := dz.Row(j)
		for i, v := range z.Row(j) {
			dst[i] = c * ((v - loc) / scale / scale)
		}
	}
}

// chunkSize is the number of parameters that element-wise updates process at a
// time: they stay in the first-level cache.
const chunkSize = 4096
