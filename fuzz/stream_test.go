package fuzz

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/internal/watchdog"
)

// streamFlows are a diagonal flow of the plane and a trained coupling flow of three dimensions.
var streamFlows = sync.OnceValues(func() (fs [2]*flow.Flow, err error) {
	r := rand.New(rand.NewPCG(7, 8))
	for i := range fs {
		x := mat.NewDense(300, i+2, nil)
		x.Apply(func(row, _ int, _ float64) float64 { return r.NormFloat64() + 3*float64(row%2) }, x)
		if fs[i], err = flow.FitRBIG(x, flow.RBIGOptions{Blocks: 2, Components: 3}); err != nil || i == 0 {
			continue
		}
		if fs[i], err = fs[i].Couple(flow.CouplingOptions{Width: 8, Depth: 1}); err != nil {
			continue
		}
		_, err = flow.Train(context.Background(), fs[i], x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: 10, Batch: 64})
	}
	return fs, err
})

// A stream is what FuzzStreams makes of a fuzzer's arguments: rows, the blocks that they come in, and what goes wrong.
type stream struct {
	f       *flow.Flow
	what    int // a method: LogProbSeq, ForwardSeq, InverseSeq
	workers int
	x       *mat.Dense
	cuts    []int // the blocks' rows, by turns
	fail    int   // the row from which on the input fails, or a block is too wide; none if beyond the last
	wide    bool
	stop    int // the piece after which the caller leaves, or cancels; never if 0
	cancel  bool
}

const (
	mostStreamRows = 1500
	methods        = 3
	// maxPiece is the most rows that a piece has, which the flow may choose: what is checked with it is that rows
	// before an error are not lost by the thousand.
	maxPiece = 256
)

// newStream reads a stream: flags, rows that are normal but for the given places, each a row, a column and a float64.
func newStream(fs [2]*flow.Flow, flags uint16, n, fail uint16, seed uint64, cuts, places []byte) *stream {
	s := &stream{
		f: fs[flags&1], what: int(flags>>1) % methods, workers: 1 + int(flags>>3)%3,
		wide: flags&(1<<5) != 0, cancel: flags&(1<<6) != 0, stop: int(flags >> 8 & 15),
		fail: int(fail),
	}
	for _, c := range cuts {
		s.cuts = append(s.cuts, int(c)*(1+int(flags>>7&1)*4)) // up to five tiles
	}
	d := s.f.Dim()
	if n %= mostStreamRows; n == 0 {
		n = 1
	}
	r := rand.New(rand.NewPCG(seed, 9))
	s.x = mat.NewDense(int(n), d, nil)
	s.x.Apply(func(_, _ int, _ float64) float64 { return 2 * r.NormFloat64() }, s.x)
	for ; len(places) >= 11; places = places[11:] {
		s.x.Set(int(binary.LittleEndian.Uint16(places))%int(n), int(places[2])%d, math.Float64frombits(binary.LittleEndian.Uint64(places[3:])))
	}
	return s
}

func (s *stream) String() string {
	n, d := s.x.Dims()
	return fmt.Sprintf("method %d, %d workers, %d rows of %d, cut at %v, failing at %d (a wide block: %v), left after piece %d (cancelled: %v)", s.what, s.workers, n, d, s.cuts, s.fail, s.wide, s.stop, s.cancel)
}

var errInput = errors.New("the input failed")

// blocks yields the rows in memory that it uses again, and whose numbers are NaN as soon as they should have been read.
// It notes when it ends.
func (s *stream) blocks(ended *bool) iter.Seq2[*mat.Dense, error] {
	return func(yield func(*mat.Dense, error) bool) {
		defer func() { *ended = true }()
		n, d := s.x.Dims()
		memory := mat.NewDense(n, d, nil)
		for i, from := 0, 0; from < n; i++ {
			size := n
			if len(s.cuts) > 0 {
				size = s.cuts[i%len(s.cuts)]
			}
			if i > 2*n { // nothing but empty blocks
				size = n
			}
			if from >= s.fail {
				if s.wide {
					yield(mat.NewDense(1, d+1, nil), nil)
				} else {
					yield(nil, errInput)
				}
				return
			}
			to := min(from+size, n, max(s.fail, from))
			if to == from {
				if !yield([]*mat.Dense{nil, {}}[i%2], nil) {
					return
				}
				continue
			}
			block := memory.Slice(0, to-from, 0, d).(*mat.Dense)
			block.Copy(s.x.Slice(from, to, 0, d))
			if !yield(block, nil) {
				return
			}
			block.Apply(func(_, _ int, _ float64) float64 { return math.NaN() }, block)
			from = to
		}
	}
}

// A row is what a method makes of one.
type row struct {
	image []float64
	value float64 // the log-density, or log-determinant
	bad   bool    // it has no image
}

// rowwise is the same without a stream, a row at a time where something is odd about it.
func (s *stream) rowwise() []row {
	n, d := s.x.Dims()
	rows := make([]row, n)
	image, value := mat.NewDense(n, d, nil), make([]float64, n)
	eval := func(from, to int) error {
		in, out, v := s.x.Slice(from, to, 0, d), image.Slice(from, to, 0, d).(*mat.Dense), value[from:to]
		switch s.what {
		case 0:
			return s.f.LogProb(v, in)
		case 1:
			return s.f.Forward(out, v, in)
		}
		return s.f.Inverse(out, v, in)
	}
	if eval(0, n) != nil {
		for i := range rows {
			rows[i].bad = eval(i, i+1) != nil
		}
	}
	for i := range rows {
		rows[i].image, rows[i].value = image.RawRowView(i), value[i]
	}
	return rows
}

// pieces runs the method on the stream and hands over every piece; the image is nil for log-densities.
func (s *stream) pieces(ctx context.Context, in iter.Seq2[*mat.Dense, error]) iter.Seq2[flow.Mapped, error] {
	switch s.what {
	case 1:
		return s.f.ForwardSeq(ctx, in)
	case 2:
		return s.f.InverseSeq(ctx, in)
	}
	return func(yield func(flow.Mapped, error) bool) {
		for lp, err := range s.f.LogProbSeq(ctx, in) {
			if !yield(flow.Mapped{LogDet: lp}, err) {
				return
			}
		}
	}
}

var rowOfError = regexp.MustCompile(`row (\d+)`)

// check returns what is wrong.
func (s *stream) check(ctx context.Context) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(s.workers))
	n, _ := s.x.Dims()
	want := s.rowwise()
	first := min(s.fail, n) // row with which something is wrong
	if i := slices.IndexFunc(want, func(r row) bool { return r.bad }); i >= 0 {
		first = min(first, i)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before := runtime.NumGoroutine()
	ended, got, pieces, left := false, 0, 0, false
	var last error
	for p, err := range s.pieces(ctx, s.blocks(&ended)) {
		if last != nil {
			return fmt.Errorf("after the error %q the sequence goes on", last)
		}
		if last = err; err != nil {
			if p.Rows != nil || p.LogDet != nil {
				return fmt.Errorf("rows beside the error %q", err)
			}
			continue
		}
		if got+len(p.LogDet) > first {
			return fmt.Errorf("rows %d to %d were yielded, and there is something wrong with row %d", got, got+len(p.LogDet), first)
		}
		for i, v := range p.LogDet {
			w := want[got+i]
			if math.Float64bits(v) != math.Float64bits(w.value) {
				return fmt.Errorf("row %d has %v in the stream, %v without", got+i, v, w.value)
			}
			if p.Rows == nil {
				continue
			}
			for j, v := range p.Rows.RawRowView(i) {
				if math.Float64bits(v) != math.Float64bits(w.image[j]) {
					return fmt.Errorf("row %d, column %d is %v in the stream, %v without", got+i, j, v, w.image[j])
				}
			}
		}
		got += len(p.LogDet)
		if pieces++; pieces == s.stop {
			if left = true; !s.cancel {
				break
			}
			cancel()
		}
	}
	if !ended {
		return errors.New("the input was left in the middle")
	}
	for runtime.NumGoroutine() > before { // those that have returned may not be gone yet; one that stays ends with the test's deadline
		time.Sleep(time.Millisecond)
	}
	switch {
	case left && !s.cancel:
		return nil
	case errors.Is(last, context.Canceled):
		if !left {
			return last
		}
		return nil
	case last == nil:
		if got != n || first < n {
			return fmt.Errorf("%d of %d rows without an error, and there is something wrong with row %d", got, n, first)
		}
		return nil
	case first == n:
		return fmt.Errorf("nothing is wrong, and the error is %q", last)
	}
	if err := explained(last, "flow: "+[methods]string{"LogProbSeq", "ForwardSeq", "InverseSeq"}[s.what]+": "); err != nil {
		return err
	}
	if errors.Is(last, errInput) && (s.wide || first != s.fail) {
		return fmt.Errorf("the error is %q, and there is something wrong with row %d before", last, first)
	}
	m := rowOfError.FindStringSubmatch(last.Error())
	if m == nil {
		return fmt.Errorf("the error %q names no row", last)
	}
	// Of the rows of a piece those that are not finite come before those that only have no image.
	at, err := strconv.Atoi(m[1])
	if err != nil || at < first || at != s.fail && !(at < n && want[at].bad) || got < first-maxPiece || at >= got+maxPiece {
		return fmt.Errorf("the error is %q after %d rows, and the first row with something wrong is %d", last, got, first)
	}
	return nil
}

// FuzzStreams sends rows through a flow in blocks of any size, by any of the three methods, with numbers in them that no
// flow can take, an input that fails, and callers that leave or cancel. What comes out are the bits that the rows have
// without a stream, in order, then at most one error, which names a row; the input is always left, and so are all goroutines.
func FuzzStreams(f *testing.F) {
	fs, err := streamFlows()
	if err != nil {
		f.Fatal(err)
	}
	place := func(row int, col byte, v float64) []byte {
		b := append(binary.LittleEndian.AppendUint16(nil, uint16(row)), col)
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	const never = math.MaxUint16
	for what := range uint16(2 * methods) {
		f.Add(what|what<<3, uint16(700), uint16(never), uint64(what), []byte{100, 0, 1, 255}, []byte{})
		f.Add(what|1<<3, uint16(1400), uint16(never), uint64(1), []byte{}, place(900, 1, math.NaN()))
		f.Add(what|2<<3, uint16(900), uint16(never), uint64(2), []byte{64}, slices.Concat(place(500, 0, 1.7e308), place(510, 1, math.Inf(-1))))
		f.Add(what|2<<3|1<<7, uint16(1026), uint16(never), uint64(8), []byte{103, 0, 51}, []byte{})
		f.Add(what|1<<3, uint16(513), uint16(never), uint64(9), []byte{}, []byte{}) // one row more than two tiles
		f.Add(what|1<<3|1<<5, uint16(300), uint16(120), uint64(3), []byte{50}, place(7, 0, -1e200))
		f.Add(what|2<<3, uint16(300), uint16(130), uint64(4), []byte{7, 200}, place(131, 0, math.NaN()))
		f.Add(what|2<<3|2<<8, uint16(999), uint16(never), uint64(5), []byte{9}, []byte{})
		f.Add(what|1<<3|1<<6|3<<8, uint16(999), uint16(never), uint64(6), []byte{99, 0}, []byte{})
	}
	f.Add(uint16(0), uint16(3), uint16(0), uint64(7), []byte{0}, []byte{})
	f.Fuzz(func(t *testing.T, flags, n, fail uint16, seed uint64, cuts, places []byte) {
		s := newStream(fs, flags, n, fail, seed, cuts, places)
		defer watchdog.Default.Watch(s.String)()
		if err := s.check(t.Context()); err != nil {
			t.Fatalf("%v\n%v", err, s)
		}
	})
}
