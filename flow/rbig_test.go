package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/rotate"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/internal/moons"
	"github.com/gaussflow/gaussflow/kernels"
)

// freshMoons draws two moons as make_moons does, standardized.
func freshMoons(n int, rng *rand.Rand) *mat.Dense {
	x := mat.NewDense(n, 2, nil)
	for i := range n {
		sin, cos := math.Sincos(math.Pi * float64(i/2) / float64(n/2-1))
		if i%2 == 1 {
			sin, cos = 0.5-sin, 1-cos
		}
		x.SetRow(i, []float64{cos + 0.1*rng.NormFloat64(), sin + 0.1*rng.NormFloat64()})
	}
	for j := range 2 {
		column := mat.Col(nil, j, x)
		mean, sd := stat.PopMeanStdDev(column, nil)
		for i, v := range column {
			x.Set(i, j, (v-mean)/sd)
		}
	}
	return x
}

// logDensities is the log-density of each row of x under the flow of the first
// blocks of f, for every number of blocks: [blocks][row].
func logDensities(t testing.TB, f *Flow, x mat.Matrix) [][]float64 {
	t.Helper()
	n, d := x.Dims()
	z := mat.DenseCopyOf(x)
	logDet := make([]float64, n)
	all := make([][]float64, f.Blocks()+1)
	for b := range all {
		all[b] = slices.Clone(logDet)
		for i := range n {
			for j := range d {
				all[b][i] -= z.At(i, j)*z.At(i, j)/2 + logSqrt2Pi
			}
		}
		if b == f.Blocks() {
			break
		}
		more := make([]float64, n)
		if err := f.Block(b).Forward(z, more, z); err != nil {
			t.Fatal(err)
		}
		tile.Add(logDet, more)
	}
	return all
}

// scikit-learn's EM, at a tolerance of 1e-6, reaches -2.167 here; the density that
// the points come from, -1.826.
func TestFitRBIGTwoMoons(t *testing.T) {
	x, fresh := moons.Standardized(), freshMoons(5000, flowtest.NewRand(1))
	var all []float64
	for seed := range uint64(10) {
		start := time.Now()
		f, err := FitRBIG(x, RBIGOptions{Blocks: 4, Components: 8, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		seconds := time.Since(start).Seconds()
		if n := f.NumParams(); n != 212 {
			t.Fatalf("%d parameters, want 212", n)
		}
		var curve []string
		for _, lp := range logDensities(t, f, x)[1:] {
			curve = append(curve, fmt.Sprintf("%.4f", stat.Mean(lp, nil)))
		}
		got := meanLogProb(t, f, x)
		all = append(all, got)
		t.Logf("seed %d: after each block %s; a fresh sample %.4f nats per row (%.2f s)", seed, strings.Join(curve, " "), meanLogProb(t, f, fresh), seconds)
		if got < -2.170 {
			t.Errorf("seed %d: mean log-density %.4f, want at least -2.170", seed, got)
		}
	}
	t.Logf("ten seeds: mean %.4f, from %.4f to %.4f", stat.Mean(all, nil), slices.Min(all), slices.Max(all))
}

// More blocks do not come to grief: there is no stopping rule, and none is needed.
func TestFitRBIGManyBlocks(t *testing.T) {
	x, fresh := moons.Standardized(), freshMoons(5000, flowtest.NewRand(1))
	f, err := FitRBIG(x, RBIGOptions{Blocks: 32})
	if err != nil {
		t.Fatal(err)
	}
	onData, onFresh := logDensities(t, f, x), logDensities(t, f, fresh)
	best := math.Inf(-1)
	for _, b := range []int{1, 2, 4, 8, 16, 32} {
		train, test := stat.Mean(onData[b], nil), stat.Mean(onFresh[b], nil)
		t.Logf("%2d blocks: %.4f, a fresh sample %.4f nats per row", b, train, test)
		if test < best-0.05 {
			t.Errorf("a fresh sample falls to %.4f nats per row after %d blocks, from %.4f", test, b, best)
		}
		best = max(best, test)
	}
}

// A flow of known parameters, against an evaluation with many digits.
func TestReferenceFlow(t *testing.T) {
	var ref struct {
		Blocks []struct {
			Axes     [][]float64 // [column][new coordinate]
			Mixtures []struct{ Weights, Means, Sigmas []float64 }
		}
		Rows       []int
		LogDensity [][]float64 `json:"log_density_after_block"`
		Outputs    [][]float64
	}
	raw, err := os.ReadFile("testdata/em_reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &ref); err != nil {
		t.Fatal(err)
	}
	var blocks []block
	for _, b := range ref.Blocks {
		axes := []float64{b.Axes[0][0], b.Axes[1][0], b.Axes[0][1], b.Axes[1][1]}
		var mixtures []kernels.Mixture
		for _, m := range b.Mixtures {
			mixtures = append(mixtures, kernels.Mixture{Weight: m.Weights, Mean: m.Means, Scale: m.Sigmas})
		}
		blocks = append(blocks, block{layer.NewRotation(2, axes), layer.NewMixtures(mixtures, DefaultLogScaleBound)})
	}
	f := newFlow(2, blocks)
	all := moons.Standardized()
	x := mat.NewDense(len(ref.Rows), 2, nil)
	for i, row := range ref.Rows {
		x.SetRow(i, all.RawRowView(row))
	}
	const tolerance = 1e-12
	if len(ref.LogDensity) != 4 || len(ref.Rows) != 25 {
		t.Fatal("the reference is incomplete")
	}
	worst := 0.0
	for b, got := range logDensities(t, f, x)[1:] {
		for i, want := range ref.LogDensity[b] {
			worst = max(worst, math.Abs(got[i]-want))
			if !(math.Abs(got[i]-want) <= tolerance) {
				t.Errorf("row %d after %d blocks: log-density %v, want %v", ref.Rows[i], b+1, got[i], want)
			}
		}
	}
	var z mat.Dense
	lp := make([]float64, len(ref.Rows))
	if err := f.Forward(&z, nil, x); err != nil {
		t.Fatal(err)
	}
	if err := f.LogProb(lp, x); err != nil {
		t.Fatal(err)
	}
	for i, want := range ref.LogDensity[3] {
		if !(math.Abs(lp[i]-want) <= tolerance) {
			t.Errorf("row %d: LogProb %v, want %v", ref.Rows[i], lp[i], want)
		}
	}
	for i, want := range ref.Outputs {
		for j := range want {
			worst = max(worst, math.Abs(z.At(i, j)-want[j]))
			if !(math.Abs(z.At(i, j)-want[j]) <= tolerance) {
				t.Errorf("row %d: z[%d] = %v, want %v", ref.Rows[i], j, z.At(i, j), want[j])
			}
		}
	}
	t.Logf("largest error %.2g", worst)
}

func sameFlow(a, b *Flow) bool {
	if !slices.EqualFunc(a.params, b.params, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) }) {
		return false
	}
	for i := range a.Blocks() {
		if !mat.Equal(a.Block(i).Rotation(), b.Block(i).Rotation()) || a.Block(i).LogScaleBound() != b.Block(i).LogScaleBound() {
			return false
		}
	}
	return true
}

func TestFitRBIGDeterminism(t *testing.T) {
	for _, d := range []int{1, 2, 5} {
		x := flowtest.Table(1203, d, flowtest.NewRand(uint64(d)))
		fit := func(workers int, seed uint64) *Flow {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(workers))
			f, err := FitRBIG(x, RBIGOptions{Blocks: 3, Components: 5, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		one := fit(1, 4)
		for _, workers := range []int{1, 2, 7} {
			if !sameFlow(one, fit(workers, 4)) {
				t.Errorf("d=%d: the fit with GOMAXPROCS %d differs", d, workers)
			}
		}
		// The data may come as any matrix, and stays as it was.
		var transposed mat.Dense
		transposed.CloneFrom(x.T())
		f, err := FitRBIG(transposed.T(), RBIGOptions{Blocks: 3, Components: 5, Seed: 4})
		if err != nil {
			t.Fatal(err)
		}
		if !sameFlow(one, f) {
			t.Errorf("d=%d: the fit of a transposed view differs", d)
		}
		if !mat.Equal(x, flowtest.Table(1203, d, flowtest.NewRand(uint64(d)))) {
			t.Errorf("d=%d: FitRBIG changed its input", d)
		}
	}
}

// Each block is fitted to what the flow computes up to it, of the rows in their own order
// and in units in which the largest standard deviation is about 1.
func TestFitRBIGSeesWhatTheFlowComputes(t *testing.T) {
	x := flowtest.Table(1000, 3, flowtest.NewRand(1))
	own, err := tile.ReadAll(x)
	if err != nil {
		t.Fatal(err)
	}
	canonical(own, tile.New(3, 1000))
	standardUnits(own)
	tile.Write(x, 0, own)
	f, err := FitRBIG(x, RBIGOptions{Blocks: 3, Components: 4})
	if err != nil {
		t.Fatal(err)
	}
	z := mat.DenseCopyOf(x)
	for b := 1; b < 3; b++ {
		if err := f.Block(b-1).Forward(z, nil, z); err != nil {
			t.Fatal(err)
		}
		seen, err := tile.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		axes, err := rotate.PCA(seen)
		if err != nil {
			t.Fatal(err)
		}
		if !mat.Equal(f.Block(b).Rotation(), mat.NewDense(3, 3, axes)) {
			t.Errorf("block %d is not the rotation of what block %d leaves", b, b-1)
		}
	}
}

// Odd tables that have a density get one: finite on the data and beyond it.
func TestFitRBIGOddTables(t *testing.T) {
	rng := flowtest.NewRand(3)
	base := flowtest.Table(400, 3, rng)
	change := func(f func(i, j int, v float64) float64) *mat.Dense {
		x := mat.DenseCopyOf(base)
		x.Apply(f, x)
		return x
	}
	for _, c := range []struct {
		name string
		x    mat.Matrix
		o    RBIGOptions
	}{
		{"one column", base.ColView(0), RBIGOptions{}},
		{"one component", base, RBIGOptions{Components: 1}},
		{"as many rows as components", base.Slice(0, 8, 0, 3), RBIGOptions{}},
		{"scale 1e-40", change(func(_, _ int, v float64) float64 { return 1e-40 * v }), RBIGOptions{Blocks: 2}},
		{"scale 1e40", change(func(_, _ int, v float64) float64 { return 1e40 * v }), RBIGOptions{Blocks: 2}},
		{"scales apart", change(func(_, j int, v float64) float64 { return v * math.Pow(1e5, float64(j)) }), RBIGOptions{Blocks: 2}},
		{"offset 1e9", change(func(_, j int, v float64) float64 { return v + 1e9*float64(j) }), RBIGOptions{Blocks: 2}},
		{"every row four times", change(func(i, j int, v float64) float64 { return base.At(i/4, j) }), RBIGOptions{}},
		{"an outlier", change(func(i, j int, v float64) float64 { return v + 1e6*float64(i/399) }), RBIGOptions{Blocks: 3}},
		{"a binary column", change(func(_, j int, v float64) float64 {
			if j == 1 {
				return math.Copysign(1, v)
			}
			return v
		}), RBIGOptions{Dequantize: true}},
		{"rounded", change(func(_, _ int, v float64) float64 { return math.Round(4 * v) }), RBIGOptions{}},
		{"heavy tails", change(func(_, _ int, v float64) float64 { return math.Sinh(6 * v) }), RBIGOptions{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := FitRBIG(c.x, c.o)
			if err != nil {
				t.Fatal(err)
			}
			if !tile.Finite(f.params) {
				t.Fatal("a parameter is not finite")
			}
			n, d := c.x.Dims()
			x := mat.DenseCopyOf(c.x)
			lp := make([]float64, n)
			if err := f.LogProb(lp, x); err != nil || !tile.Finite(lp) {
				t.Errorf("log-density of the data: %v, all finite: %v", err, tile.Finite(lp))
			}
			// Gaussianization beats a Gaussian of the whole data, diagonal or not,
			// unless there is little data.
			scale := 0.0
			for j := range d {
				scale += math.Log(stat.PopStdDev(mat.Col(nil, j, x), nil)) + 0.5 + logSqrt2Pi
			}
			if mean := stat.Mean(lp, nil); n > 100 && mean < -scale {
				t.Errorf("mean log-density %.3f, of independent normals %.3f", mean, -scale)
			}
			var z, back mat.Dense
			if err := f.Forward(&z, nil, x); err != nil {
				t.Fatal(err)
			}
			if err := f.Inverse(&back, nil, &z); err != nil {
				t.Fatal(err)
			}
			back.Sub(&back, x)
			t.Logf("inverse(forward(x)) - x is at most %.2g of the largest value", mat.Max(&back)/mat.Norm(x, math.Inf(1)))
			sample := mat.NewDense(100, d, nil)
			if err := f.Sample(sample, rand.NewPCG(1, 2)); err != nil || !tile.Finite(sample.RawMatrix().Data) {
				t.Errorf("sample: %v", err)
			}
		})
	}
}

func TestFitRBIGBadInput(t *testing.T) {
	base := flowtest.Table(40, 3, flowtest.NewRand(4))
	with := func(i, j int, v float64) *mat.Dense {
		x := mat.DenseCopyOf(base)
		x.Set(i, j, v)
		return x
	}
	column := func(j int, f func(row []float64) float64) *mat.Dense {
		x := mat.DenseCopyOf(base)
		for i := range 40 {
			x.Set(i, j, f(x.RawRowView(i)))
		}
		return x
	}
	for _, c := range []struct {
		name string
		x    mat.Matrix
		o    RBIGOptions
		want string
	}{
		{"nil", nil, RBIGOptions{}, "nil"},
		{"empty", &mat.Dense{}, RBIGOptions{}, "0×0"},
		{"NaN", with(3, 1, math.NaN()), RBIGOptions{}, "row 3, column 1 is NaN"},
		{"infinite", with(39, 2, math.Inf(-1)), RBIGOptions{}, "row 39, column 2 is -Inf"},
		{"huge", with(7, 0, 1e150), RBIGOptions{}, "row 7, column 0 is 1e+150"},
		{"huge column", column(2, func(r []float64) float64 { return 1e150 * r[2] }), RBIGOptions{}, "column 2 is"},
		{"largest", with(0, 0, math.MaxFloat64), RBIGOptions{}, "row 0, column 0"},
		{"tiny column", column(2, func(r []float64) float64 { return 1e-150 * r[2] }), RBIGOptions{}, "column 2 varies by only"},
		{"all tiny", tableOf(1e-150), RBIGOptions{}, "spread"},
		{"denormal", tableOf(5e-324), RBIGOptions{}, "spread"},
		{"constant", column(1, func([]float64) float64 { return 0.1 }), RBIGOptions{}, "column 1 is constant at 0.1"},
		{"nearly constant", column(1, func(r []float64) float64 { return 1e15 + r[1] }), RBIGOptions{}, "column 0 varies by only"},
		{"equal columns", column(2, func(r []float64) float64 { return r[0] }), RBIGOptions{}, "columns 0, 2 are linearly dependent"},
		{"opposite columns", column(2, func(r []float64) float64 { return -r[1] }), RBIGOptions{}, "columns 1, 2 are linearly dependent"},
		{"a sum of columns", column(2, func(r []float64) float64 { return r[0] + r[1] + 7 }), RBIGOptions{}, "columns 0, 1, 2 are linearly dependent"},
		{"fewer rows than components", base.Slice(0, 7, 0, 3), RBIGOptions{}, "7 rows are fewer than the 8 components"},
		{"one row", base.Slice(0, 1, 0, 3), RBIGOptions{Components: 1}, "one row has no density"},
		{"no more rows than columns", base.Slice(0, 3, 0, 3), RBIGOptions{Components: 2}, "3 rows of 3 columns"},
		{"two values", column(0, func(r []float64) float64 { return math.Copysign(1, r[0]) }).ColView(0), RBIGOptions{}, "2 distinct values"},
		{"two different rows", repeat(base.Slice(0, 2, 0, 3), 20), RBIGOptions{}, "column 0 takes only 2 distinct values"},
		{"two different rows, two components", repeat(base.Slice(0, 2, 0, 3), 20), RBIGOptions{Components: 2}, "linearly dependent"},
		{"five different rows", repeat(base.Slice(0, 5, 0, 3), 8), RBIGOptions{}, "5 distinct values"},
		{"an outlier", with(7, 1, 1e49).ColView(1), RBIGOptions{}, ""},
		{"an outlier beyond reason", scaled(with(7, 1, 1e54).ColView(1), 1e-5), RBIGOptions{}, "remove the outlier"},
		{"negative blocks", base, RBIGOptions{Blocks: -1}, "-1 blocks"},
		{"negative components", base, RBIGOptions{Components: -8}, "-8 components"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := FitRBIG(c.x, c.o)
			if c.want == "" { // a right answer will do
				if err != nil || !tile.Finite(f.params) {
					t.Fatal(err)
				}
				return
			}
			if err == nil || f != nil {
				t.Fatalf("no error, want one that says %q", c.want)
			}
			t.Log(err)
			if s := err.Error(); !strings.HasPrefix(s, "flow: FitRBIG: ") || !strings.Contains(s, c.want) {
				t.Errorf("error %q, want one that says %q", s, c.want)
			}
		})
	}
}

// tableOf is a table whose values are near size.
func tableOf(size float64) *mat.Dense {
	return scaled(flowtest.Table(40, 2, flowtest.NewRand(5)), size)
}

func scaled(x mat.Matrix, by float64) *mat.Dense {
	var y mat.Dense
	y.Scale(by, x)
	return &y
}

func repeat(x mat.Matrix, times int) *mat.Dense {
	n, d := x.Dims()
	all := mat.NewDense(n*times, d, nil)
	for i := range n * times {
		all.SetRow(i, mat.Row(nil, i%n, x))
	}
	return all
}

// Whatever comes in, the answer is a finite flow or an error, never a panic.
func TestFitRBIGRubbish(t *testing.T) {
	special := []float64{0, 1, -1, 1, 2, 0.5, 1e-300, 5e-324, 1e49, -1e49, 1e200, -math.MaxFloat64, math.Inf(1), math.NaN()}
	fitted, refused := 0, 0
	for seed := range uint64(200) {
		rng := flowtest.NewRand(seed)
		n, d := 1+rng.IntN(40), 1+rng.IntN(4)
		x := flowtest.Table(n, d, rng)
		kinds := 1 + rng.IntN(len(special))
		for range rng.IntN(n * d) {
			x.Set(rng.IntN(n), rng.IntN(d), special[rng.IntN(kinds)])
		}
		if rng.IntN(2) == 0 {
			x.Scale(math.Pow(10, float64(rng.IntN(80)-40)), x)
		}
		f, err := FitRBIG(x, RBIGOptions{Blocks: 1 + rng.IntN(3), Components: 1 + rng.IntN(6), Seed: seed})
		if err != nil {
			refused++
			if !strings.HasPrefix(err.Error(), "flow: FitRBIG: ") {
				t.Errorf("seed %d: error %q", seed, err)
			}
			continue
		}
		fitted++
		lp := make([]float64, n)
		if err := f.LogProb(lp, x); err != nil || !tile.Finite(f.params) || !tile.Finite(lp) {
			t.Errorf("seed %d: %v, parameters finite: %v, log-densities %v", seed, err, tile.Finite(f.params), lp)
		}
	}
	t.Logf("%d fitted, %d refused", fitted, refused)
	if fitted < 40 || refused < 40 {
		t.Errorf("%d fitted and %d refused: the rubbish is one-sided", fitted, refused)
	}
}

// A fit can be watched, and stopped between and within blocks.
func TestFitRBIGContext(t *testing.T) {
	x := flowtest.Table(2000, 4, flowtest.NewRand(1))
	var seen []int
	o := RBIGOptions{Blocks: 3, Progress: func(block, of int) {
		if of != 3 {
			t.Errorf("%d blocks in all, want 3", of)
		}
		seen = append(seen, block)
	}}
	want, err := FitRBIG(x, o)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, []int{1, 2, 3}) {
		t.Errorf("progress at blocks %v", seen)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f, err := FitRBIGContext(ctx, x, o)
	if err != nil || !sameFlow(f, want) {
		t.Errorf("with a context the fit differs: %v", err)
	}
	o.Progress = func(block, _ int) {
		if block == 2 {
			cancel()
		}
	}
	if f, err := FitRBIGContext(ctx, x, o); f != nil || !errors.Is(err, context.Canceled) || err.Error() != "flow: FitRBIG: stopped before block 2 of 3: context canceled" {
		t.Errorf("error is %v", err)
	}
	// Within a block: one that would take long.
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	big := flowtest.Table(100_000, 8, flowtest.NewRand(2))
	if _, err := FitRBIGContext(ctx, big, RBIGOptions{Blocks: 1, Components: 32}); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "stopped") {
		t.Errorf("error is %v", err)
	}
}

// A watched context counts how often a fit looks at it, notes the longest time between
// two looks, and is done after so many.
type watched struct {
	context.Context
	mu      sync.Mutex
	after   int
	looks   int
	last    time.Time
	longest time.Duration
}

func (w *watched) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.looks > 0 {
		w.longest = max(w.longest, now.Sub(w.last))
	}
	w.last = now
	w.looks++
	if w.looks > w.after {
		return context.Canceled
	}
	return nil
}

// A fit looks at its context at every step of every search, and once that is done
// begins nothing more.
func TestFitRBIGWatchesItsContext(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	const d, blocks = 20, 2
	x, o := flowtest.Table(300, d, flowtest.NewRand(1)), RBIGOptions{Blocks: blocks, Components: 4}
	for _, workers := range []int{1, 3} {
		runtime.GOMAXPROCS(workers)
		whole := &watched{Context: t.Context(), after: math.MaxInt}
		if _, err := FitRBIGContext(whole, x, o); err != nil {
			t.Fatal(err)
		}
		if whole.looks < 10*d*blocks {
			t.Errorf("%d looks at the context for %d mixtures", whole.looks, d*blocks)
		}
		for _, after := range []int{0, whole.looks / 10, whole.looks / 3, whole.looks * 2 / 3, whole.looks - 1} {
			ctx := &watched{Context: t.Context(), after: after}
			if _, err := FitRBIGContext(ctx, x, o); !errors.Is(err, context.Canceled) {
				t.Errorf("done after %d of %d looks: error is %v", after, whole.looks, err)
			}
			// Each mixture that had not begun looks once; those that had, a few times more.
			if further := ctx.looks - after; further > d+10*workers {
				t.Errorf("done after %d of %d looks, the fit looks %d times more", after, whole.looks, further)
			}
		}
	}
}

// How long it may take a fit of 500 columns to notice that its context is done: the
// longest time between two looks at it.
func BenchmarkFitRBIGWatchesItsContext(b *testing.B) {
	x := flowtest.Table(1000, 500, flowtest.NewRand(1))
	longest := time.Duration(0)
	for b.Loop() {
		ctx := &watched{Context: b.Context(), after: math.MaxInt}
		if _, err := FitRBIGContext(ctx, x, RBIGOptions{Blocks: 2}); err != nil {
			b.Fatal(err)
		}
		longest = max(longest, ctx.longest)
	}
	b.ReportMetric(longest.Seconds(), "s-longest")
	b.ReportMetric(longest.Seconds()/(b.Elapsed().Seconds()/float64(b.N)), "longest/fit")
}
