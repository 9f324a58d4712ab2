package flow

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/kernels"
)

// described is a model with everything that version 1 of the format cannot hold.
func described(t testing.TB) model.Model {
	t.Helper()
	m := randomCoupling(t, 3, 2, CouplingOptions{Width: 5}, flowtest.NewRand(3)).Model()
	m.Blocks[0] = append([]model.Layer{model.Scale([]float64{1, -2, 0.5}, []float64{3, 0.25, 1e9})}, m.Blocks[0]...)
	m.Base = model.Base{Loc: []float64{0, 0.5, -1}, Scale: []float64{1, 2, 0.5}}
	m.Columns = []string{"alcohol", "", "hue"}
	m.Info = map[string]string{"rows": "178", "by": "a test"}
	for i := range numQuantiles {
		m.Quantiles = append(m.Quantiles, float64(i)*float64(i)/100-50)
	}
	return m
}

// What a flow says of itself is all of it: New gives it back, to the last bit.
func TestModelKeepsEveryBit(t *testing.T) {
	flows := savedFlows(t)
	var err error
	if flows["everything"], err = New(described(t)); err != nil {
		t.Fatal(err)
	}
	for name, f := range flows {
		t.Run(name, func(t *testing.T) {
			m := f.Model()
			g, err := New(m)
			if err != nil {
				t.Fatal(err)
			}
			x := randomRows(100, f.dim, 3, flowtest.NewRand(6))
			evaluateAll(t, g, x, x).sameBits(t, evaluateAll(t, f, x, x))
			flowtest.SameBits(t, "parameters", g.params, f.params)
			if !reflect.DeepEqual(g.Model(), m) || !bytes.Equal(saved(t, g), saved(t, f)) {
				t.Error("described again, the flow differs")
			}
			// The flow has memory of its own.
			m.Blocks[0][0].Tensors[0].Values[0]++
			m.Base.Loc[0]++
			if reflect.DeepEqual(g.Model(), m) || !reflect.DeepEqual(g.Model(), f.Model()) {
				t.Error("the flow shares memory with its model")
			}
			h, err := Load(bytes.NewReader(saved(t, f)))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(h.Model(), f.Model()) {
				t.Error("loaded, the flow differs")
			}
		})
	}
}

// A flow is written down by hand, and evaluated by hand.
func TestNew(t *testing.T) {
	c, s := 0.6, 0.8
	f, err := New(model.Model{Dim: 2, Blocks: [][]model.Layer{{
		model.Scale([]float64{1, -1}, []float64{2, 0.5}),
		model.Rotation(2, []float64{c, s, -s, c}),
		model.Mixtures([]kernels.Mixture{
			{Weight: []float64{1}, Mean: []float64{0.5}, Scale: []float64{2}},
			{Weight: []float64{0.25, 0.75}, Mean: []float64{-1, -1}, Scale: []float64{3, 3}},
		}),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	x := mat.NewDense(1, 2, []float64{1.5, 0.25})
	var z mat.Dense
	logDet := make([]float64, 1)
	if err := f.Forward(&z, logDet, x); err != nil {
		t.Fatal(err)
	}
	a, b := (1.5-1)/2, (0.25+1)/0.5
	want := []float64{(c*a + s*b - 0.5) / 2, (-s*a + c*b + 1) / 3}
	for j, w := range want {
		if math.Abs(z.At(0, j)-w) > 1e-14 {
			t.Errorf("z[%d] is %v, want %v", j, z.At(0, j), w)
		}
	}
	if w := -math.Log(2 * 0.5 * 2 * 3); math.Abs(logDet[0]-w) > 1e-14 {
		t.Errorf("the log-determinant is %v, want %v", logDet[0], w)
	}
	if n := f.NumParams(); n != 4+4+3+6+4 {
		t.Errorf("%d parameters, want 21", n)
	}
	if k := len(f.Block(0).Mixtures()[1].Mean); k != 2 || f.Block(0).LogScaleBound() != DefaultLogScaleBound {
		t.Errorf("%d components, bound %v", k, f.Block(0).LogScaleBound())
	}
	// Such a flow is coupled and trained as any other; the scale layer stays.
	g := couple(t, f, CouplingOptions{Width: 4})
	evaluateAll(t, g, x, x).sameBits(t, evaluateAll(t, f, x, x))
	data := sampleOf(t, f, 100, 1)
	if _, err := Train(t.Context(), g, data, TrainOptions{Schedule: OneCycle, Steps: 2}); err != nil {
		t.Fatal(err)
	}
	if got, want := g.Model().Blocks[0][0], f.Model().Blocks[0][0]; !reflect.DeepEqual(got, want) {
		t.Errorf("after training the scale layer is %v, not %v", got, want)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		what  string
		spoil func(m *model.Model)
		want  string
		kind  error
	}{
		{"dimension", func(m *model.Model) { m.Dim = 0 }, "the dimension is 0; it can be 1 to 2147483647", ErrFormat},
		{"another dimension", func(m *model.Model) { m.Dim, m.Base, m.Columns = 4, model.Base{}, nil }, `block 0, layer 0 (scale): tensor "shift": its shape is [3]; it must be [4]`, ErrShape},
		{"no blocks", func(m *model.Model) { m.Blocks = nil }, "there is no block", ErrFormat},
		{"empty block", func(m *model.Model) { m.Blocks[1] = nil }, "block 1 has no layer", ErrFormat},
		{"kind", func(m *model.Model) { m.Blocks[1][1].Kind = "spline" }, `block 1, layer 1 (spline): the kind "spline" is unknown`, ErrFormat},
		{"rotation", func(m *model.Model) { m.Blocks[1][0].Tensors[0].Values[4] += 1e-6 }, `block 1, layer 0 (rotation): tensor "rotation": it is not orthogonal`, ErrFormat},
		{"scale", func(m *model.Model) { m.Blocks[0][0].Tensors[1].Values[2] = 0 }, `tensor "scale": element 2 is 0; it must be positive`, ErrFormat},
		{"NaN", func(m *model.Model) { m.Blocks[0][0].Tensors[0].Values[1] = math.NaN() }, `tensor "shift": element 1 is NaN`, ErrNotFinite},
		{"bound", func(m *model.Model) { m.Blocks[0][2].Tensors[0].Values[0] = 200 }, `block 0, layer 2 (coupling): tensor "bound": it is 200`, ErrFormat},
		{"hidden layer", func(m *model.Model) { m.Blocks[0][2].Tensors[3].Shape[1]++ }, `block 0, layer 2 (coupling): tensor "half.0.layer.1.weight"`, ErrShape},
		{"base", func(m *model.Model) { m.Base.Scale[1] = -1 }, "a scale of the base is -1", ErrFormat},
		{"base shape", func(m *model.Model) { m.Base.Loc = m.Base.Loc[1:] }, "2 locations", ErrShape},
		{"base NaN", func(m *model.Model) { m.Base.Loc[0] = math.Inf(1) }, "not finite", ErrNotFinite},
		{"columns", func(m *model.Model) { m.Columns = m.Columns[:2] }, "2 names of columns for the dimension 3", ErrFormat},
		{"quantiles", func(m *model.Model) { m.Quantiles[5] = 1e9 }, "rising order", ErrFormat},
		{"few quantiles", func(m *model.Model) { m.Quantiles = m.Quantiles[:50] }, "101 finite numbers", ErrFormat},
	} {
		m := described(t)
		c.spoil(&m)
		if _, err := New(m); err == nil || !strings.HasPrefix(err.Error(), "flow: New: ") || !strings.Contains(err.Error(), c.want) || !errors.Is(err, c.kind) {
			t.Errorf("%s: error is %v, want one with %q that is %q", c.what, err, c.want, c.kind)
		}
	}
	mixture := func(weight, scale []float64, more ...model.Tensor) model.Model {
		l := model.Mixtures([]kernels.Mixture{{Weight: weight, Mean: make([]float64, len(weight)), Scale: scale}})
		l.Tensors = append(l.Tensors, more...)
		return model.Model{Dim: 1, Blocks: [][]model.Layer{{l}}}
	}
	// unequal has a coordinate of two components, and one of one and the padding.
	unequal := func(tensor int, padding float64) model.Model {
		two, one := []float64{0.5, 0.5}, []float64{1}
		l := model.Mixtures([]kernels.Mixture{{Weight: two, Mean: two, Scale: two}, {Weight: one, Mean: one, Scale: one}})
		l.Tensors[tensor].Values[3] = padding
		return model.Model{Dim: 2, Blocks: [][]model.Layer{{l}}}
	}
	for _, c := range []struct {
		m    model.Model
		want string
	}{
		{unequal(0, 0), ""},
		{unequal(0, 0.1), `tensor "weight": element 1 of row 1 is 0.1; beyond the components of the coordinate it must be 0`},
		{unequal(1, math.Copysign(0, -1)), `tensor "mean": element 1 of row 1 is -0`},
		{unequal(2, 0), `tensor "scale": element 1 of row 1 is 0; beyond the components of the coordinate it must be 1`},
		{mixture([]float64{0.5, 0.5}, []float64{1, 1}), ""},
		{mixture([]float64{0.5, 0.4}, []float64{1, 1}), `tensor "weight": the weights of coordinate 0 sum to 0.9`},
		{mixture([]float64{1.5, -0.5}, []float64{1, 1}), `tensor "weight": component 1 of coordinate 0 is -0.5`},
		{mixture([]float64{1}, []float64{-2}), `tensor "scale": component 0 of coordinate 0 is -2`},
		{mixture([]float64{1}, []float64{1e70}), `tensor "scale": a component has |log scale| = 161`},
		{mixture([]float64{1}, []float64{9}, model.Scalar("bound", 2)), `tensor "scale": a component has |log scale| = 2.197; it must be below the bound 2`},
		{mixture([]float64{1}, []float64{1}, model.Matrix("raw.scale", 1, 1, []float64{0.5}), model.Scalar("bound", 5)), `tensor "scale": component 0 of coordinate 0 is 1, and raw.scale makes it`},
		{mixture([]float64{1}, []float64{1}, model.Matrix("pinned", 1, 1, []float64{math.Copysign(0, -1)})), `tensor "pinned": component 0 of coordinate 0 is -0`},
		{mixture([]float64{1}, []float64{1}, model.Matrix("pinned", 1, 1, []float64{0.5})), `tensor "pinned": component 0 of coordinate 0 is 0.5`},
	} {
		_, err := New(c.m)
		if c.want == "" && err == nil {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want one with %q", err, c.want)
		}
	}
}

// A flow that nothing made says so, in every method.
func TestZeroFlow(t *testing.T) {
	x := mat.NewDense(300, 2, nil)
	f := new(Flow)
	for name, call := range map[string]func() error{
		"LogProb":    func() error { return f.LogProb(make([]float64, 300), x) },
		"Forward":    func() error { return f.Forward(new(mat.Dense), nil, x) },
		"Inverse":    func() error { return f.Inverse(new(mat.Dense), nil, x) },
		"Sample":     func() error { return f.Sample(x, nil) },
		"Save":       func() error { return f.Save(new(bytes.Buffer)) },
		"Couple":     func() error { _, err := f.Couple(CouplingOptions{}); return err },
		"Train":      func() error { _, err := Train(t.Context(), f, x, TrainOptions{Schedule: OneCycle}); return err },
		"NewTrainer": func() error { _, err := NewTrainer(f, x, TrainOptions{Schedule: OneCycle}); return err },
		"LogProbSeq": func() error {
			for _, err := range f.LogProbSeq(t.Context(), inBlocks(x, 10)) {
				return err
			}
			return nil
		},
	} {
		if err := call(); err == nil || err.Error() != "flow: "+name+": the Flow is empty; FitRBIG, New and Load make one" {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if f.String() != "empty flow" || f.Dim() != 0 || f.Blocks() != 0 || f.NumParams() != 0 || f.KernelMax() != nil {
		t.Errorf("the zero flow is %v", f)
	}
	flow := randomDiagonal(2, 4, flowtest.NewRand(1))
	for want, call := range map[string]func(){
		"flow: Block(9): the flow has 4 blocks, from 0 on":                      func() { flow.Block(9) },
		"flow: Block(-1): the flow has 4 blocks, from 0 on":                     func() { flow.Block(-1) },
		"flow: the Block is empty; Flow.Block returns one":                      func() { Block{}.Forward(nil, nil, x) },
		"flow: Block: the Flow is empty; FitRBIG, New and Load make one":        func() { f.Block(0) },
		"flow: Model: the Flow is empty; FitRBIG, New and Load make one":        func() { f.Model() },
		"flow: Distribution: the Flow is empty; FitRBIG, New and Load make one": func() { f.Distribution(nil) },
	} {
		if got := panicOf(call); got != want {
			t.Errorf("the panic is %v, want %q", got, want)
		}
	}
	if err := flow.LogProb(nil, x); !errors.Is(err, ErrShape) || err.Error() != "flow: LogProb: the result is nil; it must have an element for each of 300 rows" {
		t.Errorf("LogProb into nil: error is %v", err)
	}
}

// panicOf returns what a call panics with, nil if it does not.
func panicOf(call func()) (v any) {
	defer func() { v = recover() }()
	call()
	return nil
}

// A result that overlaps the input panics, unless it is the input.
func TestOverlap(t *testing.T) {
	f := randomDiagonal(3, 1, flowtest.NewRand(2))
	const n = 1000
	whole := randomRows(n+1, 8, 2, flowtest.NewRand(3))
	view := func(i, k, j, l int) *mat.Dense { return whole.Slice(i, k, j, l).(*mat.Dense) }
	x := view(0, n, 1, 4)
	square := mat.NewDense(3, 3, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9})
	for _, c := range []struct {
		what     string
		z        *mat.Dense
		logDet   []float64
		x        mat.Matrix
		overlaps bool
	}{
		{"the same", x, nil, x, false},
		{"the same memory", x, nil, view(0, n, 1, 4), false},
		{"other columns", view(0, n, 4, 7), nil, x, false},
		{"columns before", view(1, n+1, 5, 8), nil, view(0, n, 0, 3), false},
		{"other rows", view(0, 400, 1, 4), nil, view(400, 800, 1, 4), false},
		{"a row lower", view(1, n+1, 1, 4), nil, x, true},
		{"a row higher", x, nil, view(1, n+1, 1, 4), true},
		{"a column further", view(0, n, 3, 6), nil, x, true},
		{"another stride", mat.NewDense(n, 3, whole.RawMatrix().Data[:3*n]), nil, x, true},
		{"its own transpose", square, nil, square.T(), true},
		{"log-det in the input", nil, whole.RawMatrix().Data[:n], x, true},
		{"log-det in the result", view(0, n, 1, 4), whole.RawMatrix().Data[8:][:n], mat.DenseCopyOf(x), true},
	} {
		before := mat.DenseCopyOf(whole)
		got := panicOf(func() {
			if err := f.Forward(c.z, c.logDet, c.x); err != nil {
				t.Error(c.what, err)
			}
		})
		if text, _ := got.(string); (got != nil) != c.overlaps || c.overlaps && !strings.HasPrefix(text, "flow: Forward: bad region: ") {
			t.Errorf("%s: the panic is %v", c.what, got)
		}
		whole.Copy(before)
	}
}

// An error of a row can be told from others, and names the column.
func TestRowError(t *testing.T) {
	f, err := New(described(t))
	if err != nil {
		t.Fatal(err)
	}
	x := randomRows(400, 3, 2, flowtest.NewRand(1))
	x.Set(300, 2, math.Inf(1))
	var e *RowError
	err = f.LogProb(make([]float64, 400), x)
	if !errors.As(err, &e) || !errors.Is(err, ErrNotFinite) || !reflect.DeepEqual(*e, RowError{Row: 300, Col: 2, Column: "hue", Value: math.Inf(1), Err: ErrNotFinite, Rows: []int{300}, Bad: 1}) ||
		err.Error() != "flow: LogProb: row 300, column 2 (hue) is +Inf; every value must be finite" {
		t.Errorf("error is %v", err)
	}
	for _, err := range f.LogProbSeq(t.Context(), inBlocks(x, 7)) {
		if err != nil && (!errors.As(err, &e) || e.Row != 300 || e.Column != "hue") {
			t.Errorf("error is %v", err)
		}
	}
	err = f.LogProb(make([]float64, 1), mat.NewDense(1, 3, []float64{1.7e308, 1.7e308, 1.7e308}))
	if !errors.As(err, &e) || !errors.Is(err, ErrOutOfRange) || e.Col != -1 {
		t.Errorf("error is %v", err)
	}
	if _, err := Load(strings.NewReader("x")); !errors.Is(err, ErrFormat) {
		t.Errorf("error is %v", err)
	}
	if err := f.LogProb(make([]float64, 2), x); !errors.Is(err, ErrShape) {
		t.Errorf("error is %v", err)
	}
}

// The quantiles of the log-density rank rows, and give thresholds.
func TestRank(t *testing.T) {
	f, err := New(described(t)) // with quantiles i²/100 - 50
	if err != nil {
		t.Fatal(err)
	}
	in := []float64{math.Inf(-1), -51, -50, -49, -49.995, 25, 50, 51, math.NaN()}
	got := make([]float64, len(in))
	if err := f.Rank(got, in); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0, 0, 0, 0.1, 0.005, 0.8660, 1, 1, math.NaN()} {
		if !(math.Abs(got[i]-want) < 1e-4) && !math.IsNaN(want) || math.IsNaN(got[i]) != math.IsNaN(want) {
			t.Errorf("the rank of %v is %v, want %v", in[i], got[i], want)
		}
	}
	for q, want := range map[float64]float64{0: -50, 0.1: -49, 0.005: -49.995, 1: 50} {
		if v, err := f.Threshold(q); err != nil || math.Abs(v-want) > 1e-12 {
			t.Errorf("the threshold of %v is %v, want %v (%v)", q, v, want, err)
		}
	}
	if _, err := f.Threshold(1.5); err == nil {
		t.Error("a share of 1.5: no error")
	}
	if err := f.Rank(got[1:], in); !errors.Is(err, ErrShape) {
		t.Errorf("another length: error is %v", err)
	}
	plain := randomDiagonal(2, 1, flowtest.NewRand(1))
	if err := plain.Rank(got, in); err == nil {
		t.Error("without quantiles: no error")
	}
	if _, err := plain.Threshold(0.5); err == nil {
		t.Error("without quantiles: no error")
	}
}
