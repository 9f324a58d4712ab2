package flow

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// Mapped holds the images of successive rows of a sequence. The next iteration
// overwrites its memory.
type Mapped struct {
	Rows   *mat.Dense // z or x, one row for each of the input
	LogDet []float64  // of each row, in nats
}

// LogProbSeq is [Flow.LogProb] for rows that come in blocks, such as those of a file
// too large for memory. It yields the log-densities of the rows, in nats and in
// order, in pieces: a piece is a whole block or, if that is large, a part of it. The
// next iteration overwrites the piece.
//
// One goroutine reads rows, GOMAXPROCS others compute, and the caller's loop takes
// finished pieces: rows must not depend on what the loop's body does. Memory holds a
// few pieces for each goroutine, however many rows there are. The iterator may reuse
// a block as soon as it has yielded it; blocks of some thousand rows are fast. The
// numbers depend neither on how rows are cut into blocks nor on the number of
// goroutines.
//
// The first error ends the sequence: an error that rows yields, the end of ctx, an
// element that is not finite, or a row whose image is not finite; the last two are a
// [RowError] with the row's position in the whole sequence. When the caller's loop
// ends, the loop over rows ends too, after at most one more block; an iterator that
// may wait for long should watch ctx itself.
func (f *Flow) LogProbSeq(ctx context.Context, rows iter.Seq2[*mat.Dense, error]) iter.Seq2[[]float64, error] {
	return func(yield func([]float64, error) bool) {
		f.stream(ctx, "LogProbSeq", (*workspace).logProb, false, rows, func(p *piece, err error) bool {
			if err != nil {
				return yield(nil, err)
			}
			return yield(p.w.logDet[:p.n], nil)
		})
	}
}

// ForwardSeq is [Flow.Forward] for rows that come in blocks; see [Flow.LogProbSeq].
func (f *Flow) ForwardSeq(ctx context.Context, x iter.Seq2[*mat.Dense, error]) iter.Seq2[Mapped, error] {
	return f.mappedSeq(ctx, "ForwardSeq", (*workspace).forward, x)
}

// InverseSeq is [Flow.Inverse] for rows that come in blocks; see [Flow.LogProbSeq].
func (f *Flow) InverseSeq(ctx context.Context, z iter.Seq2[*mat.Dense, error]) iter.Seq2[Mapped, error] {
	return f.mappedSeq(ctx, "InverseSeq", (*workspace).inverse, z)
}

func (f *Flow) mappedSeq(ctx context.Context, what string, eval evaluation, rows iter.Seq2[*mat.Dense, error]) iter.Seq2[Mapped, error] {
	return func(yield func(Mapped, error) bool) {
		f.stream(ctx, what, eval, true, rows, func(p *piece, err error) bool {
			if err != nil {
				return yield(Mapped{}, err)
			}
			return yield(Mapped{p.rows, p.w.logDet[:p.n]}, nil)
		})
	}
}

// A piece is a run of successive rows, with all the memory needed to evaluate them,
// on its way from the reader through a worker to the caller.
type piece struct {
	w    *workspace
	rows *mat.Dense // the image, if it is wanted
	all  *mat.Dense // whose first rows it is
	from int        // in the whole sequence
	n    int
	err  error
	// abandoned is true while a worker evaluates the piece; a panic leaves it true.
	abandoned bool
	done      chan struct{} // receives when the piece is ready
}

// stream is what all methods for rows in blocks call. It yields pieces, or one
// error at the end.
func (f *Flow) stream(ctx context.Context, what string, eval evaluation, image bool, blocks iter.Seq2[*mat.Dense, error], yield func(*piece, error) bool) {
	if err := f.ready(what); err != nil {
		yield(nil, err)
		return
	}
	if _, err := kernels.Active(); err != nil {
		yield(nil, fmt.Errorf("flow: %s: %w", what, err))
		return
	}
	workers := runtime.GOMAXPROCS(0)
	limit := 2*workers + 1 // pieces: with a worker, waiting for it or for the caller, and with the caller
	s := &streamer{
		flow: f, what: what, image: image, limit: limit,
		free:  make(chan *piece, limit),
		work:  make(chan *piece, limit),
		order: make(chan *piece, limit+1), // and an error
		stop:  make(chan struct{}),
	}
	defer func() {
		close(s.stop)
		s.group.Wait()
		for _, p := range s.made {
			f.pool.Put(p.w)
		}
	}()
	s.group.Go(func() { s.read(ctx, blocks) })
	for range workers {
		s.group.Go(func() { s.compute(eval) })
	}
	for p := range s.order {
		<-p.done
		if p.abandoned {
			return // its worker has panicked, which Wait tells
		}
		if p.err != nil {
			yield(nil, p.err)
			return
		}
		if !yield(p, nil) {
			return
		}
		s.free <- p
	}
}

type streamer struct {
	flow        *Flow
	what        string
	image       bool
	limit       int
	group       tile.Group
	made        []*piece
	free        chan *piece
	work, order chan *piece // the reader fills both, the latter in the order of the rows
	stop        chan struct{}
}

// read fills pieces with the rows of the blocks.
func (s *streamer) read(ctx context.Context, blocks iter.Seq2[*mat.Dense, error]) {
	defer close(s.order)
	defer close(s.work)
	row := 0
	for m, err := range blocks {
		if err != nil {
			s.fail(fmt.Errorf("flow: %s: the input from row %d on: %w", s.what, row, err))
			return
		}
		if m == nil || m.IsEmpty() {
			continue
		}
		src, err := s.flow.source(m)
		if err != nil {
			s.fail(fmt.Errorf("flow: %s: the block at row %d: %w", s.what, row, err))
			return
		}
		for from, size := 0, tile.Size(s.flow.dim); from < src.N; from += size {
			p := s.take()
			if p == nil {
				return
			}
			if err := ctx.Err(); err != nil {
				s.fail(fmt.Errorf("flow: %s: stopped at row %d: %w", s.what, row+from, err))
				return
			}
			p.from, p.n = row+from, min(size, src.N-from)
			if err := p.w.load(tile.Rows{Source: src}, from, from+p.n); err != nil {
				var value *tile.ValueError
				if errors.As(err, &value) {
					value.Row += row
				}
				s.fail(s.flow.wrap(s.what, err))
				return
			}
			s.order <- p
			s.work <- p
		}
		row += src.N
	}
	if err := ctx.Err(); err != nil {
		s.fail(fmt.Errorf("flow: %s: stopped at row %d: %w", s.what, row, err))
	}
}

// fail sends an error after the pieces before it.
func (s *streamer) fail(err error) {
	p := &piece{err: err, done: make(chan struct{}, 1)}
	p.done <- struct{}{}
	s.order <- p
}

// take returns a piece to fill, or nil if none will be wanted any more.
func (s *streamer) take() *piece {
	select {
	case <-s.stop:
		return nil
	case p := <-s.free:
		return p
	default:
	}
	if len(s.made) < s.limit {
		p := &piece{w: s.flow.pool.Get().(*workspace), done: make(chan struct{}, 1)}
		if s.image {
			p.all = mat.NewDense(tile.Size(s.flow.dim), s.flow.width(), nil)
			p.rows = p.all
		}
		s.made = append(s.made, p)
		return p
	}
	select {
	case <-s.stop:
		return nil
	case p := <-s.free:
		return p
	}
}

// compute evaluates pieces until there are no more.
func (s *streamer) compute(eval evaluation) {
	for p := range s.work {
		s.computeOne(p, eval)
	}
}

func (s *streamer) computeOne(p *piece, eval evaluation) {
	p.abandoned = true
	defer func() { p.done <- struct{}{} }()
	image, err := p.w.image(eval, s.flow.layers, p.from, p.from+p.n)
	switch {
	case err != nil:
		p.err = s.flow.wrap(s.what, err)
	case s.image:
		if r, _ := p.rows.Dims(); r != p.n {
			p.rows = p.all.Slice(0, p.n, 0, s.flow.width()).(*mat.Dense)
		}
		tile.Write(p.rows, 0, image)
	}
	p.abandoned = false
}
