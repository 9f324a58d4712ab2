package flow

import (
	"fmt"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/blas"
)

// A tile holds n samples of d coordinates, coordinate by coordinate: coordinate
// j of sample i is data[j*stride+i]. The kernels then stream over samples, and a
// matrix acting on the coordinates is one product C(out×n) = W(out×in)·X(in×n).
type tile struct {
	data         []float64
	d, n, stride int
}

func newTile(d, n int) tile { return tile{make([]float64, d*n), d, n, n} }

// row returns coordinate j of every sample.
func (t tile) row(j int) []float64 { return t.data[j*t.stride : j*t.stride+t.n] }

// rows returns the coordinates [from, to), a view.
func (t tile) rows(from, to int) tile {
	return tile{t.data[from*t.stride:], to - from, t.n, t.stride}
}

// cols returns the samples [from, to), a view.
func (t tile) cols(from, to int) tile { return tile{t.data[from:], t.d, to - from, t.stride} }

// matrix is the tile as a d×n matrix.
func (t tile) matrix() blas.Matrix {
	return blas.Matrix{Rows: t.d, Cols: t.n, Stride: t.stride, Data: t.data}
}

// matrix views parameters as a row-major matrix.
func matrix(rows, cols int, p []float64) blas.Matrix {
	return blas.Matrix{Rows: rows, Cols: cols, Stride: cols, Data: p}
}

// An arena hands out scratch memory from one allocation.
type arena []float64

func (a *arena) take(n int) []float64 {
	s := (*a)[:n:n]
	*a = (*a)[n:]
	return s
}

func (a *arena) tile(d, n int) tile { return tile{a.take(d * n), d, n, n} }

// tileSize is the number of samples that go through the layers together: a
// function of the dimension alone, so that tiles, and with them the results,
// are the same for every flow of that dimension and any number of workers. What
// a conditioner makes of so many stays in the second-level cache; longer tiles are
// no faster on one core, and slower on several. The memory of a worker is a small
// multiple of dim*tileSize numbers.
func tileSize(dim int) int {
	const (
		most, least = 256, 64
		budget      = 1 << 16
	)
	n := most
	for n > least && n*dim > budget {
		n /= 2
	}
	return n
}

// overTiles cuts n samples into tiles of the given size and runs worker on up
// to GOMAXPROCS goroutines; each receives the bounds of the tiles it is to do.
func overTiles(n, size int, worker func(tiles iter.Seq2[int, int])) {
	var next atomic.Int64
	tiles := func(yield func(from, to int) bool) {
		for {
			from := int(next.Add(1)-1) * size
			if from >= n || !yield(from, min(from+size, n)) {
				return
			}
		}
	}
	workers := min(runtime.GOMAXPROCS(0), (n+size-1)/size)
	if workers <= 1 {
		worker(tiles)
		return
	}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() { worker(tiles) })
	}
	wg.Wait()
}

// A source reads the rows of a matrix into tiles.
type source struct {
	m      mat.Matrix
	raw    []float64 // row i at raw[i*stride:], when the matrix shows its memory
	stride int
	n, dim int
}

// newSource checks the shape of m: at least one row, and dim columns (any
// positive number of columns if dim is 0).
func newSource(what string, m mat.Matrix, dim int) (source, error) {
	if m == nil {
		return source{}, fmt.Errorf("flow: %s: the matrix is nil", what)
	}
	s := source{m: m}
	s.n, s.dim = m.Dims()
	switch {
	case s.n == 0 || s.dim == 0:
		return source{}, fmt.Errorf("flow: %s: the matrix is %d×%d; at least one row and one column are needed", what, s.n, s.dim)
	case dim != 0 && s.dim != dim:
		return source{}, fmt.Errorf("flow: %s: the matrix has %d columns; the flow has dimension %d", what, s.dim, dim)
	}
	if r, ok := m.(mat.RawMatrixer); ok {
		g := r.RawMatrix()
		s.raw, s.stride = g.Data, g.Stride
	}
	return s, nil
}

// read transposes rows first, first+1, ... into dst.
func (s source) read(dst tile, first int) error {
	// Eight columns at a time: their lines of dst stay in the first-level cache.
	const block = 8
	for j0 := 0; j0 < s.dim; j0 += block {
		j1 := min(j0+block, s.dim)
		for i := range dst.n {
			if err := s.readRow(dst, i, first+i, j0, j1); err != nil {
				return err
			}
		}
	}
	return nil
}

// readRow writes columns [j0, j1) of the given row into sample i of dst.
func (s source) readRow(dst tile, i, row, j0, j1 int) error {
	if s.raw == nil {
		for j := j0; j < j1; j++ {
			v := s.m.At(row, j)
			if v-v != 0 {
				return &valueError{row, j, v}
			}
			dst.data[j*dst.stride+i] = v
		}
		return nil
	}
	for j, v := range s.raw[row*s.stride+j0 : row*s.stride+j1] {
		if v-v != 0 {
			return &valueError{row, j0 + j, v}
		}
		dst.data[(j0+j)*dst.stride+i] = v
	}
	return nil
}

// rows are the rows of a matrix that index names, or all of them if it is nil.
type rows struct {
	source
	index []int
}

func (r rows) len() int {
	if r.index == nil {
		return r.n
	}
	return len(r.index)
}

// read transposes rows first, first+1, ... into dst.
func (r rows) read(dst tile, first int) error {
	if r.index == nil {
		return r.source.read(dst, first)
	}
	for i := range dst.n {
		if err := r.readRow(dst, i, first+i); err != nil {
			return err
		}
	}
	return nil
}

// readRow writes row k into sample i of dst.
func (r rows) readRow(dst tile, i, k int) error {
	if r.index != nil {
		k = r.index[k]
	}
	return r.source.readRow(dst, i, k, 0, r.dim)
}

// check reads everything once and reports the first value that is not finite.
func (s source) check(what string) error {
	var first firstError
	overTiles(s.n, 1024, func(tiles iter.Seq2[int, int]) {
		one := newTile(s.dim, 1)
		for from, to := range tiles {
			for row := from; row < to; row++ {
				if err := s.readRow(one, 0, row, 0, s.dim); err != nil {
					first.set(from, err)
					break
				}
			}
		}
	})
	return first.wrap(what)
}

// readAll returns the whole matrix as one tile.
func readAll(what string, x mat.Matrix) (tile, error) {
	s, err := newSource(what, x, 0)
	if err != nil {
		return tile{}, err
	}
	all := newTile(s.dim, s.n)
	var first firstError
	overTiles(s.n, tileSize(s.dim), func(tiles iter.Seq2[int, int]) {
		for from, to := range tiles {
			if err := s.read(all.cols(from, to), from); err != nil {
				first.set(from, err)
			}
		}
	})
	return all, first.wrap(what)
}

// write transposes src into rows first, first+1, ... of m.
func write(m *mat.Dense, first int, src tile) {
	g := m.RawMatrix()
	const block = 8
	for j0 := 0; j0 < g.Cols; j0 += block {
		j1 := min(j0+block, g.Cols)
		for i := range src.n {
			row := g.Data[(first+i)*g.Stride+j0 : (first+i)*g.Stride+j1]
			for j := range row {
				row[j] = src.data[(j0+j)*src.stride+i]
			}
		}
	}
}

// A valueError is a number of the input that no flow can take.
type valueError struct {
	row, col int
	v        float64
}

func (e *valueError) Error() string {
	return fmt.Sprintf("row %d, column %d is %v; every value must be finite", e.row, e.col, e.v)
}

// An overflowError is a finite input row whose image is not finite.
type overflowError struct{ row int }

func (e *overflowError) Error() string {
	return fmt.Sprintf("row %d leaves the range of float64 on its way through the flow; its values are too large", e.row)
}

// A firstError keeps the error of the earliest tile, so that the report does
// not depend on which worker came first.
type firstError struct {
	mu  sync.Mutex
	at  int
	err error
}

func (f *firstError) set(at int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil || at < f.at {
		f.at, f.err = at, err
	}
}

func (f *firstError) wrap(what string) error {
	if f.err == nil {
		return nil
	}
	return fmt.Errorf("flow: %s: %w", what, f.err)
}

// finite reports whether every element is finite.
func finite(x []float64) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// add adds src to dst.
func add(dst, src []float64) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] += src[i]
	}
}

// fill sets every element of dst to v.
func fill(dst []float64, v float64) {
	for i := range min(8, len(dst)) {
		dst[i] = v
	}
	for n := 8; n < len(dst); n *= 2 { // copies go at the speed of memory
		copy(dst[n:], dst[:n])
	}
}
