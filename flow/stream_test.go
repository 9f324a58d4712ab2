package flow

import (
	"context"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

// inBlocks yields the rows of x in blocks of so many, by turns, in memory that it
// uses again.
func inBlocks(x *mat.Dense, sizes ...int) iter.Seq2[*mat.Dense, error] {
	return func(yield func(*mat.Dense, error) bool) {
		n, d := x.Dims()
		block := mat.NewDense(slices.Max(sizes), d, nil)
		for i, from := 0, 0; from < n; i++ {
			to := min(from+sizes[i%len(sizes)], n)
			part := block
			if to > from {
				part = block.Slice(0, to-from, 0, d).(*mat.Dense)
				part.Copy(x.Slice(from, to, 0, d))
			} else {
				part = new(mat.Dense)
			}
			if !yield(part, nil) {
				return
			}
			for j := range to - from { // what is not read by now is lost
				part.SetRow(j, slices.Repeat([]float64{math.NaN()}, d))
			}
			from = to
		}
	}
}

func TestStreams(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	rng := flowtest.NewRand(40)
	for _, f := range []*Flow{randomDiagonal(3, 2, rng), randomCoupling(t, 3, 2, CouplingOptions{Width: 8}, rng)} {
		x := randomRows(5000, 3, 5, rng)
		want := evaluateAll(t, f, x, x)
		for _, c := range []struct {
			workers int
			sizes   []int
		}{{1, []int{5000}}, {2, []int{100, 0, 1, 3000}}, {3, []int{1024}}, {2, []int{77}}} {
			runtime.GOMAXPROCS(c.workers)
			got := &results{}
			mapped := func(s iter.Seq2[Mapped, error], rows *mat.Dense, logDet *[]float64) {
				var data []float64
				for m, err := range s {
					if err != nil {
						t.Fatal(err)
					}
					if n, _ := m.Rows.Dims(); n != len(m.LogDet) || n == 0 {
						t.Fatalf("%d rows with %d log-dets", n, len(m.LogDet))
					}
					for i := range m.LogDet {
						data = append(data, m.Rows.RawRowView(i)...)
					}
					*logDet = append(*logDet, m.LogDet...)
				}
				*rows = *mat.NewDense(len(data)/3, 3, data)
			}
			mapped(f.ForwardSeq(t.Context(), inBlocks(x, c.sizes...)), &got.forward, &got.forwardLogDet)
			mapped(f.InverseSeq(t.Context(), inBlocks(x, c.sizes...)), &got.inverse, &got.inverseLogDet)
			for lp, err := range f.LogProbSeq(t.Context(), inBlocks(x, c.sizes...)) {
				if err != nil {
					t.Fatal(err)
				}
				got.logDensity = append(got.logDensity, lp...)
			}
			got.sameBits(t, want)
		}
		// Nothing in, nothing out.
		for range f.LogProbSeq(t.Context(), inBlocks(mat.NewDense(1, 3, nil).Slice(0, 0, 0, 3).(*mat.Dense), 1)) {
			t.Error("no rows have a log-density")
		}
	}
}

// A piece is all of a block, unless that is larger than a tile.
func TestStreamPieces(t *testing.T) {
	f := randomDiagonal(2, 1, flowtest.NewRand(41))
	x := randomRows(1000, 2, 3, flowtest.NewRand(42))
	var got []int
	for lp, err := range f.LogProbSeq(t.Context(), inBlocks(x, 10, 600, 256)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, len(lp))
	}
	if want := []int{10, 256, 256, 88, 256, 10, 124}; !slices.Equal(got, want) {
		t.Errorf("pieces of %v rows, want %v", got, want)
	}
}

// counted counts the blocks taken, and notes when the iteration ends.
func counted(in iter.Seq2[*mat.Dense, error], n *atomic.Int64, ended *bool) iter.Seq2[*mat.Dense, error] {
	return func(yield func(*mat.Dense, error) bool) {
		defer func() { *ended = true }()
		for m, err := range in {
			n.Add(1)
			if !yield(m, err) {
				return
			}
		}
	}
}

func TestStreamErrors(t *testing.T) {
	f := randomDiagonal(3, 2, flowtest.NewRand(43))
	const n = 20000
	good := randomRows(n, 3, 2, flowtest.NewRand(44))
	with := func(row, col int, v float64) *mat.Dense {
		x := mat.DenseCopyOf(good)
		x.Set(row, col, v)
		return x
	}
	boom := errors.New("boom")
	then := func(first, second iter.Seq2[*mat.Dense, error]) iter.Seq2[*mat.Dense, error] {
		return func(yield func(*mat.Dense, error) bool) {
			for _, s := range []iter.Seq2[*mat.Dense, error]{first, second} {
				for m, err := range s {
					if !yield(m, err) {
						return
					}
				}
			}
		}
	}
	failing := func(yield func(*mat.Dense, error) bool) { yield(nil, boom) }
	far := with(12345, 0, 1.7e308)
	far.Set(12345, 1, 1.7e308)
	for _, c := range []struct {
		what string
		in   iter.Seq2[*mat.Dense, error]
		rows int // yielded before the error
		want string
	}{
		{"NaN", inBlocks(with(17001, 2, math.NaN()), 1000), 17000, "flow: LogProbSeq: row 17001, column 2 is NaN; every value must be finite"},
		{"infinity in a large block", inBlocks(with(5000, 0, math.Inf(-1)), n), 5000 / tile.Size(3) * tile.Size(3), "flow: LogProbSeq: row 5000, column 0 is -Inf"},
		{"overflow", inBlocks(far, 500), 12000 + 345/tile.Size(3)*tile.Size(3), "flow: LogProbSeq: row 12345 leaves the range of float64"},
		{"the input's", then(inBlocks(good, 900), failing), n, "flow: LogProbSeq: the input from row 20000 on: boom"},
		{"columns", then(inBlocks(good, 900), inBlocks(mat.NewDense(5, 2, nil), 5)), n, "flow: LogProbSeq: the block at row 20000: the matrix has 2 columns; the flow has dimension 3"},
	} {
		rows, errs, ended := 0, 0, false
		var blocks atomic.Int64
		for lp, err := range f.LogProbSeq(t.Context(), counted(c.in, &blocks, &ended)) {
			rows += len(lp)
			if err != nil {
				errs++
				if !strings.HasPrefix(err.Error(), c.want) || lp != nil {
					t.Errorf("%s: error is %v, want %q", c.what, err, c.want)
				}
				if strings.Contains(c.want, "boom") != errors.Is(err, boom) {
					t.Errorf("%s: the cause is lost in %v", c.what, err)
				}
			}
		}
		if errs != 1 || rows != c.rows || !ended {
			t.Errorf("%s: %d errors after %d rows, want 1 after %d; the input was left: %v", c.what, errs, rows, c.rows, ended)
		}
	}
}

// Ending the loop, or ctx, ends the input soon, and every goroutine.
func TestStreamStops(t *testing.T) {
	f := randomDiagonal(2, 1, flowtest.NewRand(45))
	x := randomRows(1000, 2, 3, flowtest.NewRand(46))
	forever := func(yield func(*mat.Dense, error) bool) {
		for yield(x, nil) {
		}
	}
	limit := int64(2*runtime.GOMAXPROCS(0) + 3)
	before := runtime.NumGoroutine()

	var blocks atomic.Int64
	ended := false
	for range f.LogProbSeq(t.Context(), counted(forever, &blocks, &ended)) {
		break
	}
	if n := blocks.Load(); !ended || n > limit {
		t.Errorf("after a break %d blocks are read, want %d at most; the input was left: %v", n, limit, ended)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pieces, read, last := int64(0), int64(0), error(nil)
	blocks.Store(0)
	ended = false
	for _, err := range f.LogProbSeq(ctx, counted(forever, &blocks, &ended)) {
		if pieces++; pieces == 5 {
			cancel()
			read = blocks.Load()
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) || !strings.Contains(last.Error(), "flow: LogProbSeq: stopped at row ") || pieces > 5+limit {
		t.Errorf("after cancelling: %d pieces, %v", pieces, last)
	}
	if n := blocks.Load(); !ended || n > read+limit {
		t.Errorf("after cancelling at block %d, %d are read; the input was left: %v", read, n, ended)
	}
	// Done before the first row.
	for lp, err := range f.LogProbSeq(ctx, inBlocks(x, 10)) {
		if lp != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("of a context that is done: %v, %v", lp, err)
		}
	}

	// A panic of the input, or of the loop's body, comes out where the loop is.
	recovered := func(in iter.Seq2[*mat.Dense, error], body func()) (r any) {
		defer func() { r = recover() }()
		for range f.LogProbSeq(t.Context(), in) {
			body()
		}
		return nil
	}
	if r := recovered(func(yield func(*mat.Dense, error) bool) { yield(x, nil); panic("input") }, func() {}); r.(*PanicError).Value != "input" {
		t.Errorf("the panic of the input became %v", r)
	}
	if r := recovered(forever, func() { panic("body") }); r != "body" {
		t.Errorf("the panic of the body became %v", r)
	}
	for runtime.NumGoroutine() > before { // those that have returned may not be gone yet; one that stays ends with the test's deadline
		time.Sleep(time.Millisecond)
	}
}

// syntheticRows yields n rows without holding more than a block.
func syntheticRows(n, d int) iter.Seq2[*mat.Dense, error] {
	return func(yield func(*mat.Dense, error) bool) {
		rng := rand.New(rand.NewPCG(1, 1))
		block := mat.NewDense(2000, d, nil)
		for ; n > 0; n -= 2000 {
			for i := range block.RawMatrix().Data {
				block.RawMatrix().Data[i] = rng.NormFloat64()
			}
			if !yield(block, nil) {
				return
			}
		}
	}
}

// Ten times as many rows take no more memory, at the peak or in total.
func TestStreamDoesNotAllocate(t *testing.T) {
	f := randomDiagonal(2, 1, flowtest.NewRand(47))
	n := 100_000
	if testing.Short() {
		n = 20_000
	}
	measure := func(n int) (peak, total uint64) {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		start, total := m.HeapInuse, m.TotalAlloc
		rows, sum := 0, 0.0
		for z, err := range f.ForwardSeq(t.Context(), syntheticRows(n, 2)) {
			if err != nil {
				t.Fatal(err)
			}
			if rows%(n/10) == 0 {
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse)
			}
			rows += len(z.LogDet)
			sum += z.Rows.At(0, 1)
		}
		if rows != n || sum == 0 {
			t.Fatalf("%d rows, want %d", rows, n)
		}
		runtime.ReadMemStats(&m)
		return peak - min(peak, start), m.TotalAlloc - total
	}
	measure(n) // fills the pools
	peak, total := measure(n)
	peak10, total10 := measure(10 * n)
	// A piece of 1,000 rows, 16 kB, kept somewhere would be 14 MB of them.
	const slack = 1 << 18
	if total10 > total+slack || peak10 > peak+4*slack {
		t.Errorf("%d rows take %d bytes in all and %d at the peak, %d rows %d and %d", n, total, peak, 10*n, total10, peak10)
	}
}
