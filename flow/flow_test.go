package flow

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distmv"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// randomRows has most of its mass near 0 and rows as far as reach.
func randomRows(n, d int, reach float64, rng *rand.Rand) *mat.Dense {
	x := mat.NewDense(n, d, nil)
	for i := range n {
		size := 1.0
		if i%4 == 0 {
			size = math.Pow(reach, rng.Float64())
		}
		for j := range d {
			x.Set(i, j, size*rng.NormFloat64())
		}
	}
	return x
}

func randomDiagonal(d, blocks int, rng *rand.Rand) *Flow {
	var all []block
	for range blocks {
		all = append(all, block{flowtest.RandomRotation(d, rng), flowtest.RandomMixtures(d, layer.DefaultLogScaleBound, rng)})
	}
	return newFlow(d, all)
}

func randomCoupling(t testing.TB, d, blocks int, o CouplingOptions, rng *rand.Rand) *Flow {
	f, err := randomDiagonal(d, blocks, rng).Couple(o)
	if err != nil {
		t.Fatal(err)
	}
	flowtest.Perturb(f.params, 0.01, rng) // or its conditioners would not matter
	f.refresh()
	return f
}

// results is everything a flow says about x, and about z = x in the latent space.
type results struct {
	forward, inverse                         mat.Dense
	forwardLogDet, inverseLogDet, logDensity []float64
}

func evaluateAll(t testing.TB, f *Flow, x, z mat.Matrix) *results {
	t.Helper()
	n, _ := x.Dims()
	m, _ := z.Dims()
	r := &results{forwardLogDet: make([]float64, n), inverseLogDet: make([]float64, m), logDensity: make([]float64, n)}
	if err := f.Forward(&r.forward, r.forwardLogDet, x); err != nil {
		t.Fatal(err)
	}
	if err := f.Inverse(&r.inverse, r.inverseLogDet, z); err != nil {
		t.Fatal(err)
	}
	if err := f.LogProb(r.logDensity, x); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *results) sameBits(t testing.TB, want *results) {
	t.Helper()
	for _, c := range []struct {
		what      string
		got, want []float64
	}{
		{"z", r.forward.RawMatrix().Data, want.forward.RawMatrix().Data},
		{"log|det dz/dx|", r.forwardLogDet, want.forwardLogDet},
		{"log p", r.logDensity, want.logDensity},
		{"x", r.inverse.RawMatrix().Data, want.inverse.RawMatrix().Data},
		{"log|det dx/dz|", r.inverseLogDet, want.inverseLogDet},
	} {
		if len(c.got) != len(c.want) {
			t.Fatalf("%s: %d elements, want %d", c.what, len(c.got), len(c.want))
		}
		for i := range c.got {
			if math.Float64bits(c.got[i]) != math.Float64bits(c.want[i]) {
				t.Fatalf("%s: element %d is %v, want %v", c.what, i, c.got[i], c.want[i])
			}
		}
	}
}

// The coupling flow that Couple returns is the diagonal flow, bit for bit.
func TestCoupleSharesTheFit(t *testing.T) {
	for _, d := range []int{2, 3, 5} {
		for _, reach := range []float64{3, 1e3, 1e300} {
			t.Run(fmt.Sprintf("d=%d/reach=%g", d, reach), func(t *testing.T) {
				rng := flowtest.NewRand(uint64(d))
				diagonal := randomDiagonal(d, 3, rng)
				coupling, err := diagonal.Couple(CouplingOptions{Width: 16, Seed: 5})
				if err != nil {
					t.Fatal(err)
				}
				x, z := randomRows(2500, d, reach, rng), randomRows(1500, d, min(reach, 1e3), rng)
				evaluateAll(t, coupling, x, z).sameBits(t, evaluateAll(t, diagonal, x, z))
				if len(coupling.KernelMax()) != 2*3 {
					t.Fatalf("KernelMax has %d entries, want 2 for each of 3 blocks", len(coupling.KernelMax()))
				}
				for i, k := range coupling.KernelMax() {
					if k != 0 {
						t.Errorf("the final kernel of conditioner %d reaches %v, want 0", i, k)
					}
				}
				// The diagonal flow has parameters of its own.
				flowtest.Perturb(coupling.params, 0.1, rng)
				after := evaluateAll(t, coupling, x, z)
				if mat.Equal(&after.forward, &evaluateAll(t, diagonal, x, z).forward) {
					t.Error("the flows share parameters")
				}
			})
		}
	}
}

func TestCoupleLogScaleBound(t *testing.T) {
	rng := flowtest.NewRand(3)
	diagonal := randomDiagonal(3, 2, rng)
	x := randomRows(200, 3, 3, rng)
	want := evaluateAll(t, diagonal, x, x)
	coupling, err := diagonal.Couple(CouplingOptions{LogScaleBound: 9})
	if err != nil {
		t.Fatal(err)
	}
	if b := coupling.Block(1).LogScaleBound(); b != 9 {
		t.Errorf("the bound is %v, want 9", b)
	}
	got := evaluateAll(t, coupling, x, x)
	for i, w := range want.logDensity {
		if math.Abs(got.logDensity[i]-w) > 1e-12*(1+math.Abs(w)) {
			t.Errorf("row %d: log p is %v, want %v", i, got.logDensity[i], w)
		}
	}
	if _, err := diagonal.Couple(CouplingOptions{LogScaleBound: 0.01}); err == nil || !strings.Contains(err.Error(), "block 0: component") {
		t.Errorf("a bound below the scales: error is %v", err)
	}
}

func TestCoupleRefuses(t *testing.T) {
	rng := flowtest.NewRand(4)
	coupled := randomCoupling(t, 2, 1, CouplingOptions{Width: 3}, rng)
	for _, c := range []struct {
		what string
		f    *Flow
		o    CouplingOptions
		want string
	}{
		{"one dimension", randomDiagonal(1, 2, rng), CouplingOptions{}, "dimension 1; a coupling needs at least 2"},
		{"a coupling flow", coupled, CouplingOptions{}, "only a diagonal flow"},
		{"negative width", randomDiagonal(2, 1, rng), CouplingOptions{Width: -1}, "width -1"},
		{"negative depth", randomDiagonal(2, 1, rng), CouplingOptions{Depth: -2}, "depth -2"},
		{"NaN bound", randomDiagonal(2, 1, rng), CouplingOptions{LogScaleBound: math.NaN()}, "LogScaleBound is NaN"},
		{"negative bound", randomDiagonal(2, 1, rng), CouplingOptions{LogScaleBound: -5}, "LogScaleBound is -5"},
	} {
		if _, err := c.f.Couple(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", c.what, err, c.want)
		}
	}
}

// eightComponents is a diagonal flow of the shape used in the literature.
func eightComponents(d, blocks int, rng *rand.Rand) *Flow {
	var all []block
	for range blocks {
		var m []kernels.Mixture
		for range d {
			c := kernels.Mixture{Weight: make([]float64, 8), Mean: make([]float64, 8), Scale: make([]float64, 8)}
			for k := range 8 {
				c.Weight[k], c.Mean[k], c.Scale[k] = 1.0/8, rng.NormFloat64(), math.Exp(0.3*rng.NormFloat64())
			}
			m = append(m, c)
		}
		all = append(all, block{flowtest.RandomRotation(d, rng), layer.NewMixtures(m, DefaultLogScaleBound)})
	}
	return newFlow(d, all)
}

func TestNumParams(t *testing.T) {
	diagonal := eightComponents(2, 4, flowtest.NewRand(1))
	bounded, err := diagonal.Couple(CouplingOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// The mixtures that the conditioners change are kept beside them: 3 numbers for each of
	// 8 components, 2 coordinates and 4 blocks.
	if n := bounded.NumParams(); n != 46804+3*8*2*4 {
		t.Errorf("%d parameters, want 46996", n)
	}
	coupling, err := diagonal.Couple(CouplingOptions{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	if diagonal.NumParams() != 212 || coupling.NumParams() != 46804 {
		t.Errorf("%d and %d parameters, want 212 and 46804", diagonal.NumParams(), coupling.NumParams())
	}
	if diagonal.Dim() != 2 || diagonal.Blocks() != 4 {
		t.Errorf("dimension %d, %d blocks, want 2 and 4", diagonal.Dim(), diagonal.Blocks())
	}
	flowtest.Perturb(coupling.params, 0.1, flowtest.NewRand(2))
	if all, one := coupling.KernelMax(), coupling.Block(3).KernelMax(); len(all) != 8 || len(one) != 2 || one[0] != all[6] || one[1] != all[7] || one[0] <= 0 {
		t.Errorf("KernelMax is %v, of the last block %v", all, one)
	}
	if n := coupling.Block(0).NumParams(); 4*n+4 != coupling.NumParams() {
		t.Errorf("a block counts %d of %d parameters", n, coupling.NumParams())
	}
	if s := coupling.String(); s != "coupling flow, dimension 2, 4 blocks, 46804 parameters" {
		t.Errorf("String is %q", s)
	}
	if s := diagonal.String(); s != "diagonal flow, dimension 2, 4 blocks, 212 parameters" {
		t.Errorf("String is %q", s)
	}
}

// With one component per mixture and one block, the flow is a normal distribution.
func gaussianFlow(t testing.TB) (*Flow, *distmv.Normal) {
	t.Helper()
	r := flowtest.Rotation(3, flowtest.NewRand(2))
	mean, scale := []float64{1, -2, 0.5}, []float64{0.5, 3, 1.25}
	var m []kernels.Mixture
	for j := range mean {
		m = append(m, kernels.Mixture{Weight: []float64{1}, Mean: mean[j : j+1], Scale: scale[j : j+1]})
	}
	f := newFlow(3, []block{{layer.NewRotation(3, r), layer.NewMixtures(m, DefaultLogScaleBound)}})

	// y = R x has independent coordinates, so x = Rᵀ y.
	rot := mat.NewDense(3, 3, r)
	var mu mat.VecDense
	mu.MulVec(rot.T(), mat.NewVecDense(3, mean))
	cov := mat.NewSymDense(3, nil)
	for j, s := range scale {
		cov.SymRankOne(cov, s*s, rot.RowView(j))
	}
	want, ok := distmv.NewNormal(mu.RawVector().Data, cov, nil)
	if !ok {
		t.Fatal("the covariance is not positive definite")
	}
	return f, want
}

func TestLogProbOfNormal(t *testing.T) {
	f, want := gaussianFlow(t)
	x := randomRows(300, 3, 100, flowtest.NewRand(3))
	got := make([]float64, 300)
	if err := f.LogProb(got, x); err != nil {
		t.Fatal(err)
	}
	for i, g := range got {
		if w := want.LogProb(x.RawRowView(i)); !(math.Abs(g-w) <= 1e-12*math.Abs(w)+1e-12) {
			t.Errorf("row %d: log p is %v, want %v", i, g, w)
		}
	}
}

func TestSampleMoments(t *testing.T) {
	f, want := gaussianFlow(t)
	const n = 40000
	x := mat.NewDense(n, 3, nil)
	if err := f.Sample(x, rand.NewPCG(1, 2)); err != nil {
		t.Fatal(err)
	}
	var cov, wantCov mat.SymDense
	stat.CovarianceMatrix(&cov, x, nil)
	want.CovarianceMatrix(&wantCov)
	mean := want.Mean(nil)
	for j := range 3 {
		// Five standard errors.
		sd := math.Sqrt(wantCov.At(j, j))
		if m := stat.Mean(mat.Col(nil, j, x), nil); !(math.Abs(m-mean[j]) < 5*sd/math.Sqrt(n)) {
			t.Errorf("mean of column %d is %v, want %v", j, m, mean[j])
		}
		for k := range 3 {
			se := math.Sqrt((wantCov.At(j, j)*wantCov.At(k, k) + wantCov.At(j, k)*wantCov.At(j, k)) / n)
			if got, want := cov.At(j, k), wantCov.At(j, k); !(math.Abs(got-want) < 5*se) {
				t.Errorf("covariance of columns %d and %d is %v, want %v", j, k, got, want)
			}
		}
	}
}

// Sampling a flow and mapping the sample to latent space gives standard normals.
func TestSampleIsInverseOfForward(t *testing.T) {
	f := randomCoupling(t, 3, 2, CouplingOptions{Width: 8}, flowtest.NewRand(8))
	const n = 20000
	x := sampleOf(t, f, n, 3)
	if err := f.Forward(x, nil, x); err != nil {
		t.Fatal(err)
	}
	for j := range 3 {
		z := mat.Col(nil, j, x)
		if m, v := stat.MeanVariance(z, nil); !(math.Abs(m) < 5/math.Sqrt(n)) || !(math.Abs(v-1) < 5*math.Sqrt(2.0/n)) {
			t.Errorf("column %d of z has mean %v and variance %v", j, m, v)
		}
	}
}

func TestSampleReproduces(t *testing.T) {
	f := randomDiagonal(2, 2, flowtest.NewRand(5))
	a, b, c := mat.NewDense(1500, 2, nil), mat.NewDense(1500, 2, nil), mat.NewDense(1500, 2, nil)
	for _, s := range []struct {
		dst  *mat.Dense
		seed uint64
	}{{a, 1}, {b, 1}, {c, 2}} {
		if err := f.Sample(s.dst, rand.NewPCG(s.seed, 0)); err != nil {
			t.Fatal(err)
		}
	}
	flowtest.SameBits(t, "the same seed", b.RawMatrix().Data, a.RawMatrix().Data)
	if mat.Equal(a, c) {
		t.Error("two seeds give the same sample")
	}
	// A nil source draws too.
	if err := f.Sample(c, nil); err != nil || mat.Equal(a, c) {
		t.Errorf("nil source: error %v", err)
	}
}

// sampleOf is data that the flow finds likely.
func sampleOf(t testing.TB, f *Flow, n int, seed uint64) *mat.Dense {
	t.Helper()
	x := mat.NewDense(n, f.dim, nil)
	if err := f.Sample(x, rand.NewPCG(seed, 5)); err != nil {
		t.Fatal(err)
	}
	return x
}

func TestInverse(t *testing.T) {
	for d := 1; d <= 6; d++ {
		rng := flowtest.NewRand(uint64(20 + d))
		flows := []*Flow{randomDiagonal(d, 2, rng)}
		if d > 1 {
			flows = append(flows, randomCoupling(t, d, 2, CouplingOptions{Width: 8}, rng))
		}
		for _, f := range flows {
			const n = 1500
			x := sampleOf(t, f, n, 1)
			logDet, minus := make([]float64, n), make([]float64, n)
			var z, back, again mat.Dense
			if err := f.Forward(&z, nil, x); err != nil {
				t.Fatal(err)
			}
			if err := f.Inverse(&back, minus, &z); err != nil {
				t.Fatal(err)
			}
			if err := f.Forward(&again, logDet, &back); err != nil {
				t.Fatal(err)
			}
			for i := range n {
				if !(math.Abs(logDet[i]+minus[i]) < 1e-10) {
					t.Errorf("%v: row %d: log-dets %v and %v", f, i, logDet[i], minus[i])
				}
				for j := range d {
					if a, b := z.At(i, j), again.At(i, j); !(math.Abs(a-b) < 1e-11) {
						t.Errorf("%v: row %d, column %d: forward(inverse(%v)) = %v", f, i, j, a, b)
					}
					if a, b := x.At(i, j), back.At(i, j); !(math.Abs(a-b) < 1e-8) {
						t.Errorf("%v: row %d, column %d: inverse(forward(%v)) = %v", f, i, j, a, b)
					}
				}
			}
		}
	}
}

// integrate sums the density of a two-dimensional flow over a grid that holds
// all its mass.
func integrate(t testing.TB, f *Flow, reach float64, points int) float64 {
	t.Helper()
	grid := mat.NewDense(points*points, 2, nil)
	h := 2 * reach / float64(points-1)
	for i := range points {
		for j := range points {
			grid.SetRow(i*points+j, []float64{float64(i)*h - reach, float64(j)*h - reach})
		}
	}
	lp := make([]float64, points*points)
	if err := f.LogProb(lp, grid); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, v := range lp {
		sum += math.Exp(v)
	}
	return sum * h * h
}

func TestDensityIntegratesToOne(t *testing.T) {
	rng := flowtest.NewRand(6)
	flows := []*Flow{randomDiagonal(2, 2, rng), randomCoupling(t, 2, 2, CouplingOptions{Width: 8}, rng)}
	for _, f := range flows {
		x := sampleOf(t, f, 4000, 1)
		reach := 1.5 * max(mat.Max(x), -mat.Min(x))
		if got := integrate(t, f, reach, 400); !(math.Abs(got-1) < 1e-3) {
			t.Errorf("%v: the density integrates to %v", f, got)
		}
	}
}

func TestWorkersAndBatchesDoNotMatter(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	rng := flowtest.NewRand(9)
	diagonal := randomDiagonal(3, 2, rng)
	for _, f := range []*Flow{diagonal, randomCoupling(t, 3, 2, CouplingOptions{Width: 8}, rng)} {
		const n = 3001
		x := randomRows(n, 3, 5, rng)
		runtime.GOMAXPROCS(1)
		want := evaluateAll(t, f, x, x)
		for workers := 2; workers <= 4; workers++ {
			runtime.GOMAXPROCS(workers)
			evaluateAll(t, f, x, x).sameBits(t, want)
		}

		// A row by itself, and rows from elsewhere in the batch, are the same.
		for _, part := range [][2]int{{0, 1}, {255, 256}, {256, 257}, {n - 1, n}, {5, 8}, {1000, 1100}, {700, 2900}} {
			from, to := part[0], part[1]
			view := x.Slice(from, to, 0, 3)
			got := evaluateAll(t, f, view, view)
			got.sameBits(t, &results{
				forward:       *mat.DenseCopyOf(want.forward.Slice(from, to, 0, 3)),
				inverse:       *mat.DenseCopyOf(want.inverse.Slice(from, to, 0, 3)),
				forwardLogDet: want.forwardLogDet[from:to], inverseLogDet: want.inverseLogDet[from:to], logDensity: want.logDensity[from:to],
			})
		}
	}
}

// opaque is a matrix that shows only its elements.
type opaque struct{ mat.Matrix }

func TestMatrixKinds(t *testing.T) {
	rng := flowtest.NewRand(10)
	f := randomDiagonal(10, 1, rng)
	x := randomRows(1100, 10, 3, rng)
	want := evaluateAll(t, f, x, x)
	evaluateAll(t, f, opaque{x}, opaque{x}).sameBits(t, want)

	transposed := mat.DenseCopyOf(x.T())
	evaluateAll(t, f, transposed.T(), transposed.T()).sameBits(t, want)

	wide := mat.NewDense(1200, 13, nil)
	wide.Slice(50, 1150, 2, 12).(*mat.Dense).Copy(x)
	evaluateAll(t, f, wide.Slice(50, 1150, 2, 12), wide.Slice(50, 1150, 2, 12)).sameBits(t, want)

	// Into a view, in place, leaving the rest alone.
	view := wide.Slice(50, 1150, 2, 12).(*mat.Dense)
	if err := f.Forward(view, nil, view); err != nil {
		t.Fatal(err)
	}
	if !mat.Equal(view, &want.forward) {
		t.Error("Forward in place differs")
	}
	if wide.At(50, 1) != 0 || wide.At(50, 12) != 0 || wide.At(49, 5) != 0 || wide.At(1150, 5) != 0 {
		t.Error("Forward wrote outside its result")
	}

	// Either result may be left out.
	logDet := make([]float64, 1100)
	if err := f.Forward(nil, logDet, x); err != nil {
		t.Fatal(err)
	}
	flowtest.SameBits(t, "log-det alone", logDet, want.forwardLogDet)
}

func TestRefuses(t *testing.T) {
	rng := flowtest.NewRand(11)
	f := randomDiagonal(3, 2, rng)
	good := randomRows(2000, 3, 1, rng)
	with := func(row, col int, v float64) *mat.Dense {
		x := mat.DenseCopyOf(good)
		x.Set(row, col, v)
		return x
	}
	two := with(1500, 1, math.NaN())
	two.Set(1200, 2, math.Inf(-1))
	for _, c := range []struct {
		what string
		call func() error
		want string
	}{
		{"NaN", func() error { return f.Forward(new(mat.Dense), nil, with(1234, 2, math.NaN())) }, "flow: Forward: row 1234, column 2 is NaN; every value must be finite"},
		{"infinity", func() error { return f.LogProb(make([]float64, 2000), with(0, 0, math.Inf(1))) }, "flow: LogProb: row 0, column 0 is +Inf"},
		{"latent infinity", func() error { return f.Inverse(new(mat.Dense), nil, with(1999, 1, math.Inf(-1))) }, "flow: Inverse: row 1999, column 1 is -Inf"},
		{"not a Dense", func() error { return f.Forward(new(mat.Dense), nil, opaque{with(7, 2, math.NaN())}) }, "flow: Forward: row 7, column 2 is NaN"},
		{"overflow", func() error {
			return f.Forward(new(mat.Dense), nil, mat.NewDense(1, 3, []float64{1.7e308, 1.7e308, -1.7e308}))
		}, "row 0 leaves the range of float64"},
		{"columns", func() error { return f.Forward(new(mat.Dense), nil, mat.NewDense(2, 2, nil)) }, "the matrix has 2 columns; the flow has dimension 3"},
		{"no rows", func() error { return f.Forward(new(mat.Dense), nil, new(mat.Dense)) }, "the matrix is 0×0"},
		{"nil", func() error { return f.Forward(new(mat.Dense), nil, nil) }, "the matrix is nil"},
		{"log-det", func() error { return f.Forward(nil, make([]float64, 3), good) }, "the result has 3 elements for 2000 rows"},
		{"shape", func() error { return f.Forward(mat.NewDense(2, 3, nil), nil, good) }, "the result is 2×3 and the input 2000×3"},
		{"LogProb of nothing", func() error { return f.LogProb([]float64{}, good) }, "the result has 0 elements for 2000 rows"},
		{"empty sample", func() error { return f.Sample(new(mat.Dense), nil) }, "dst has no rows"},
		{"nil sample", func() error { return f.Sample(nil, nil) }, "dst has no rows"},
		{"sample columns", func() error { return f.Sample(mat.NewDense(1, 4, nil), nil) }, "dst has 4 columns"},
		{"block", func() error { return f.Block(0).Inverse(new(mat.Dense), nil, with(3, 0, math.NaN())) }, "flow: Block.Inverse: row 3, column 0"},
	} {
		if err := c.call(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", c.what, err, c.want)
		}
	}
	// The first bad tile is the one reported, whichever worker is first.
	for range 20 {
		var e *RowError
		if err := f.LogProb(make([]float64, 2000), two); !errors.As(err, &e) || e.Row != 1200 {
			t.Fatalf("two bad rows: error is %v", err)
		}
	}
}

func TestBlocks(t *testing.T) {
	rng := flowtest.NewRand(12)
	diagonal := randomDiagonal(3, 3, rng)
	for _, f := range []*Flow{diagonal, randomCoupling(t, 3, 3, CouplingOptions{Width: 8}, rng)} {
		x := randomRows(500, 3, 2, rng)
		want := evaluateAll(t, f, x, x)
		z := mat.DenseCopyOf(x)
		total, logDet := make([]float64, 500), make([]float64, 500)
		for i := range f.Blocks() {
			if err := f.Block(i).Forward(z, logDet, z); err != nil {
				t.Fatal(err)
			}
			tile.Add(total, logDet)
		}
		flowtest.SameBits(t, "blocks chained", z.RawMatrix().Data, want.forward.RawMatrix().Data)
		for i, v := range total {
			if !(math.Abs(v-want.forwardLogDet[i]) < 1e-12*(1+math.Abs(v))) {
				t.Errorf("row %d: the blocks' log-dets add to %v, want %v", i, v, want.forwardLogDet[i])
			}
		}
		z.Copy(x)
		for i := f.Blocks() - 1; i >= 0; i-- {
			if err := f.Block(i).Inverse(z, nil, z); err != nil {
				t.Fatal(err)
			}
		}
		flowtest.SameBits(t, "inverse blocks chained", z.RawMatrix().Data, want.inverse.RawMatrix().Data)

		var identity mat.Dense
		r := f.Block(1).Rotation()
		identity.Mul(r, r.T())
		if !mat.EqualApprox(&identity, mat.NewDiagDense(3, []float64{1, 1, 1}), 1e-14) {
			t.Errorf("the rotation is not orthogonal: %v", mat.Formatted(r))
		}
		r.Zero() // a copy
		evaluateAll(t, f, x, x).sameBits(t, want)
	}

	// A freshly coupled block shows the diagonal block's mixtures.
	coupling, err := diagonal.Couple(CouplingOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range diagonal.Blocks() {
		want, got := diagonal.Block(i).Mixtures(), coupling.Block(i).Mixtures()
		if len(want) != 3 || len(got) != 3 {
			t.Fatalf("%d and %d mixtures, want 3", len(want), len(got))
		}
		for j := range want {
			flowtest.SameBits(t, "weights", got[j].Weight, want[j].Weight)
			flowtest.SameBits(t, "means", got[j].Mean, want[j].Mean)
			flowtest.SameBits(t, "scales", got[j].Scale, want[j].Scale)
		}
		want[0].Mean[0]++ // a copy
		if diagonal.Block(i).Mixtures()[0].Mean[0] == want[0].Mean[0] {
			t.Error("Mixtures shows the flow's own memory")
		}
	}
}

var _ distmv.RandLogProber = (*Distribution)(nil)

func TestDistribution(t *testing.T) {
	rng := flowtest.NewRand(13)
	f := randomCoupling(t, 3, 2, CouplingOptions{Width: 8}, rng)
	x := randomRows(20, 3, 3, rng)
	lp := make([]float64, 20)
	if err := f.LogProb(lp, x); err != nil {
		t.Fatal(err)
	}
	dist := f.Distribution(rand.NewPCG(1, 0))
	for i, want := range lp {
		if got := dist.LogProb(x.RawRowView(i)); got != want {
			t.Errorf("row %d: log p is %v, want %v", i, got, want)
		}
	}
	if got := dist.LogProb([]float64{0, math.NaN(), 0}); !math.IsNaN(got) {
		t.Errorf("log p of NaN is %v", got)
	}
	for _, v := range []float64{math.Inf(1), math.Inf(-1), math.MaxFloat64} {
		if got := dist.LogProb([]float64{v, v, v}); !math.IsInf(got, -1) {
			t.Errorf("log p of %v is %v, want -Inf", v, got)
		}
	}
	// The draws are those of Sample.
	want := mat.NewDense(3, 3, nil)
	if err := f.Sample(want, rand.NewPCG(1, 0)); err != nil {
		t.Fatal(err)
	}
	row := make([]float64, 3)
	flowtest.SameBits(t, "Rand", dist.Rand(nil), want.RawRowView(0))
	flowtest.SameBits(t, "Rand", dist.Rand(row), want.RawRowView(1))
	flowtest.SameBits(t, "Rand", dist.Rand(row), want.RawRowView(2))
	if dist.Dim() != 3 {
		t.Errorf("Dim is %d", dist.Dim())
	}
	for _, call := range []func(){func() { dist.LogProb(row[:2]) }, func() { dist.Rand(row[:2]) }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a short slice does not panic")
				}
			}()
			call()
		}()
	}
}

func TestEvaluationDoesNotAllocate(t *testing.T) {
	rng := flowtest.NewRand(14)
	f := randomCoupling(t, 4, 2, CouplingOptions{}, rng)
	n := tile.Size(4)
	x := randomRows(n, 4, 1, rng)
	z, number := mat.NewDense(n, 4, nil), make([]float64, n)
	src, err := tile.NewSource(x, 4)
	if err != nil {
		t.Fatal(err)
	}
	w, bad := newWorkspace(f), new(badRows)
	for name, eval := range map[string]evaluation{
		"forward": (*workspace).forward, "inverse": (*workspace).inverse, "logProb": (*workspace).logProb,
	} {
		if allocs := testing.AllocsPerRun(2, func() {
			w.tile(eval, f.layers, z, number, tile.Rows{Source: src}, 0, n, bad)
		}); allocs != 0 {
			t.Errorf("%s: %v allocations per tile", name, allocs)
		}
	}
	if err := bad.err(); err != nil {
		t.Error(err)
	}

	// Nor does a call, whatever the number of tiles, once the pools are full.
	many := randomRows(30*n, 4, 1, rng)
	for _, tiles := range []int{2, 30} {
		dst := make([]float64, tiles*n)
		x := many.Slice(0, tiles*n, 0, 4)
		if allocs := testing.AllocsPerRun(10, func() {
			if err := f.LogProb(dst, x); err != nil {
				t.Fatal(err)
			}
		}); allocs > 0 {
			t.Errorf("LogProb of %d tiles allocates %v times", tiles, allocs)
		}
	}
}

// Bad rows cost the others nothing: not their results, nor a bit of them.
func TestBadRows(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	const n = 100_000
	f := fitted(t)
	good := randomRows(n, 2, 2, flowtest.NewRand(1))
	want := evaluateAll(t, f, good, good)
	x := mat.DenseCopyOf(good)
	values := map[int]float64{70_001: 1.7e308}
	x.SetRow(70_001, []float64{1.7e308, 1.7e308})

	check := func(workers int, row RowError) {
		t.Helper()
		lp, z, logDet := make([]float64, n), mat.NewDense(n, 2, nil), make([]float64, n)
		for what, err := range map[string]error{"LogProb": f.LogProb(lp, x), "Forward": f.Forward(z, logDet, x)} {
			var e *RowError
			if !errors.As(err, &e) || !reflect.DeepEqual(*e, row) {
				t.Errorf("%s, %d workers: error is %#v, want %#v", what, workers, e, row)
			}
		}
		for i := range n {
			v, bad := values[i]
			switch {
			case !bad:
				if lp[i] != want.logDensity[i] || logDet[i] != want.forwardLogDet[i] || z.At(i, 0) != want.forward.At(i, 0) || z.At(i, 1) != want.forward.At(i, 1) {
					t.Fatalf("row %d, which is good: log p is %v, want %v", i, lp[i], want.logDensity[i])
				}
			case math.IsNaN(v) && !math.IsNaN(lp[i]), !math.IsNaN(v) && !math.IsInf(lp[i], -1), !math.IsNaN(logDet[i]), !math.IsNaN(z.At(i, 0)), !math.IsNaN(z.At(i, 1)):
				t.Errorf("row %d with %v: log p is %v, log-det %v, z %v", i, v, lp[i], logDet[i], z.RawRowView(i))
			}
		}
		for i, v := range values {
			lp, err := f.Score(x.RawRowView(i))
			if err == nil || math.IsNaN(v) != math.IsNaN(lp) || !math.IsNaN(v) && !math.IsInf(lp, -1) {
				t.Errorf("Score of a row with %v: %v, %v", v, lp, err)
			}
		}
	}
	for _, workers := range []int{1, 3} {
		runtime.GOMAXPROCS(workers)
		check(workers, RowError{Row: 70_001, Col: -1, Err: ErrOutOfRange, Rows: []int{70_001}, Bad: 1})
	}
	for i := range 20 {
		row := 99_999 - 4000*i
		values[row] = []float64{math.NaN(), math.Inf(1), -1.7e308}[i%3]
		x.SetRow(row, []float64{values[row], values[row]})
	}
	rows := []int{23_999, 27_999, 31_999, 35_999, 39_999, 43_999, 47_999, 51_999, 55_999, 59_999}
	for _, workers := range []int{1, 3} {
		runtime.GOMAXPROCS(workers)
		check(workers, RowError{Row: 23_999, Col: 0, Value: math.Inf(1), Err: ErrNotFinite, Rows: rows, Bad: 21})
	}
	if err := f.LogProb(make([]float64, n), x); err == nil || err.Error() != "flow: LogProb: row 23999, column 0 is +Inf; every value must be finite (21 bad rows: 23999, 27999, 31999, 35999, 39999, 43999, 47999, 51999, 55999, 59999, ...)" {
		t.Errorf("error is %q", err)
	}
}
