package layer_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
)

// layers is the table that every kind of layer stands in.
var layers = []struct {
	name string
	make func(d int, rng *rand.Rand) layer.Layer
	dims []int
}{
	{"rotation", func(d int, rng *rand.Rand) layer.Layer { return flowtest.RandomRotation(d, rng) }, []int{1, 2, 3, 5}},
	{"scale", func(d int, rng *rand.Rand) layer.Layer {
		shift, scale := make([]float64, d), make([]float64, d)
		for j := range d {
			shift[j], scale[j] = rng.NormFloat64(), math.Exp(rng.NormFloat64())
		}
		return layer.NewScale(shift, scale)
	}, []int{1, 2, 5}},
	{"mixtures", func(d int, rng *rand.Rand) layer.Layer {
		return flowtest.RandomMixtures(d, layer.DefaultLogScaleBound, rng)
	}, []int{1, 2, 3, 5}},
	{"mixtures, wide bound", func(d int, rng *rand.Rand) layer.Layer { return flowtest.RandomMixtures(d, 40, rng) }, []int{2}},
	{"mixtures, some pinned", func(d int, rng *rand.Rand) layer.Layer {
		mixtures := flowtest.Mixtures(d, rng)
		var components []int
		for _, m := range mixtures {
			components = append(components, len(m.Mean))
		}
		m := model.Mixtures(mixtures)
		m.Tensors = append(m.Tensors, model.Padded("pinned", components, 0, func(j int) []float64 {
			pinned := make([]float64, components[j])
			for i := 0; i < len(pinned); i += 3 {
				pinned[i] = 1
			}
			return pinned
		}))
		l, err := layer.Build(m, d)
		if err != nil {
			panic(err)
		}
		return l
	}, []int{3}},
	{"mixtures, anchored", func(d int, rng *rand.Rand) layer.Layer { return randomAnchored(d, rng) }, []int{1, 2, 5}},
	{"coupling, anchored", func(d int, rng *rand.Rand) layer.Layer {
		l, err := randomAnchored(d, rng).(layer.Coupler).Couple(layer.Conditioner{Width: 5, Depth: 2}, rng)
		if err != nil {
			panic(err)
		}
		flowtest.Perturb(l.Params(), 0.02, rng)
		return l
	}, []int{2, 3}},
	{"coupling, anchored, plain", func(d int, rng *rand.Rand) layer.Layer {
		l, err := randomAnchored(d, rng).(layer.Coupler).Couple(layer.Conditioner{Width: 5, Depth: 2, Plain: true}, rng)
		if err != nil {
			panic(err)
		}
		flowtest.Perturb(l.Params(), 0.02, rng)
		return l
	}, []int{2, 3}},
	{"rosenblatt", func(d int, rng *rand.Rand) layer.Layer {
		return randomFull(d, 1+rng.IntN(6), rng).layer()
	}, []int{1, 2, 3, 5}},
	// The third derivative of a smooth ReLU jumps: differences have their digits where none
	// of the few samples is at such a place, as one is where d = 4.
	{"coupling", func(d int, rng *rand.Rand) layer.Layer {
		return randomCoupling(d, layer.Conditioner{Width: 5, Depth: 2}, rng)
	}, []int{2, 3, 5}},
	{"coupling, plain", func(d int, rng *rand.Rand) layer.Layer {
		return randomCoupling(d, layer.Conditioner{Width: 6, Depth: 2, Plain: true}, rng)
	}, []int{2, 3, 4, 5}},
	{"coupling, of mixtures with anchors", func(d int, rng *rand.Rand) layer.Layer {
		l, err := layer.NearIdentity(d).(layer.Coupler).Couple(layer.Conditioner{Width: 7, Depth: 2}, rng)
		if err != nil {
			panic(err)
		}
		flowtest.Perturb(l.Params(), 0.3, rng)
		return l
	}, []int{2, 3}},
	{"coupling, one hidden layer", func(d int, rng *rand.Rand) layer.Layer {
		return randomCoupling(d, layer.Conditioner{Width: 5, Depth: 1}, rng)
	}, []int{3}},
	{"coupling, four hidden layers", func(d int, rng *rand.Rand) layer.Layer {
		return randomCoupling(d, layer.Conditioner{Width: 4, Depth: 4}, rng)
	}, []int{4}},
	{"actnorm", func(d int, rng *rand.Rand) layer.Layer {
		return layer.NewActNorm(flowtest.Tile(d, 50, 3, rng))
	}, []int{1, 2, 5}},
	{"householder", func(d int, rng *rand.Rand) layer.Layer { return layer.NewHouseholder(d, 3, rng) }, []int{2, 3, 5}},
	{"cayley", func(d int, rng *rand.Rand) layer.Layer {
		l := layer.NewCayley(d)
		flowtest.Perturb(l.Params(), 0.7, rng)
		return l
	}, []int{2, 3, 5}},
	{"affine coupling", elementwise("couple", layer.Affine{Bound: 2}, 0, layer.Conditioner{Width: 6, Depth: 2}), []int{2, 3, 4}},
	{"spline coupling", elementwise("couple", layer.Spline{K: 5, Edge: 4, Bound: 3}, 0, layer.Conditioner{Width: 6, Depth: 2}), []int{2, 3, 4}},
	{"mixture coupling", elementwise("couple", layer.Mixed{K: 3, Bound: 5}, 0, layer.Conditioner{Width: 6, Depth: 2}), []int{2, 5}},
	{"affine given context", elementwise("given", layer.Affine{Bound: 2}, 2, layer.Conditioner{Width: 6, Depth: 2}), []int{1, 3}},
	{"spline given context", elementwise("given", layer.Spline{K: 4, Edge: 4, Bound: 3}, 1, layer.Conditioner{Width: 6, Depth: 1}), []int{1, 2}},
	{"mixtures given context", elementwise("given", layer.Mixed{K: 3, Bound: 5}, 2, layer.Conditioner{Width: 6, Depth: 2}), []int{1, 2}},
	{"spline coupling given context", elementwise("couple", layer.Spline{K: 4, Edge: 4, Bound: 3}, 2, layer.Conditioner{Width: 6, Depth: 2}), []int{2, 3}},
	{"residual", residual(0.5), []int{1, 2, 5}},
	{"residual, nearly not invertible", residual(0.9), []int{2, 3}},
}

// elementwise makes rows for layers with so many columns of context.
func elementwise(form string, m layer.Map, context int, o layer.Conditioner) func(d int, rng *rand.Rand) layer.Layer {
	return func(d int, rng *rand.Rand) layer.Layer {
		c := layer.Context{}
		for range context {
			c.Shift, c.Scale = append(c.Shift, rng.NormFloat64()), append(c.Scale, math.Exp(rng.NormFloat64()))
		}
		l, err := layer.NewElementwise(form, d, m, c, nil, o, 0.05, rng)
		if err != nil {
			panic(err)
		}
		flowtest.Perturb(l.Params(), 0.02, rng)
		return l
	}
}

func residual(lipschitz float64) func(d int, rng *rand.Rand) layer.Layer {
	return func(d int, rng *rand.Rand) layer.Layer {
		l, err := layer.NewResidual(d, 7, lipschitz, rng)
		if err != nil {
			panic(err)
		}
		flowtest.Perturb(l.Params(), 0.7, rng)
		return l
	}
}

func randomCoupling(d int, o layer.Conditioner, rng *rand.Rand) layer.Layer {
	l, err := flowtest.RandomMixtures(d, layer.DefaultLogScaleBound, rng).(layer.Coupler).Couple(o, rng)
	if err != nil {
		panic(err)
	}
	flowtest.Perturb(l.Params(), 0.02, rng)
	return l
}

func TestLayers(t *testing.T) {
	for _, row := range layers {
		for _, d := range row.dims {
			t.Run(fmt.Sprintf("%s/d=%d", row.name, d), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(d), 7))
				l := row.make(d, rng)
				l.Bind(make([]float64, len(l.Params())))
				l.Refresh()
				testInverse(t, l, d, rng)
				testLogDet(t, l, d, rng)
				testGradient(t, l, d, rng)
				testRefresh(t, l, d, rng)
				testDescription(t, l, d, rng)
			})
		}
	}
}

// input is n random samples for l, with the context behind them.
func input(l layer.Layer, d, n int, size float64, rng *rand.Rand) tile.Tile {
	context := 0
	if c, ok := l.(layer.Contextual); ok {
		context = c.Context()
	}
	x := flowtest.Tile(d+context, n, size, rng)
	x.D = d
	return x
}

// output is where l is to write the image of x: full of NaN, with the context of x.
func output(x tile.Tile) tile.Tile {
	z := x
	z.Data = slices.Clone(x.Data)
	tile.Fill(z.Data[:x.D*x.N], math.NaN())
	return z
}

// scratchFor is the memory that forward, inverse and backward need. It is full
// of NaN, to show reading before writing.
func scratchFor(l layer.Layer, n int) (forward, backward tile.Arena) {
	f, b := l.Scratch()
	forward, backward = make(tile.Arena, f*n), make(tile.Arena, b*n)
	tile.Fill(forward, math.NaN())
	tile.Fill(backward, math.NaN())
	return forward, backward
}

// nanTile is where results are to be written.
func nanTile(d, n int) tile.Tile {
	x := tile.New(d, n)
	tile.Fill(x.Data, math.NaN())
	return x
}

func testInverse(t *testing.T, l layer.Layer, d int, rng *rand.Rand) {
	const n = 53
	x := input(l, d, n, 1.5, rng)
	z, back, again := output(x), output(x), output(x)
	s, _ := scratchFor(l, n)
	minus, logDet := make([]float64, n), make([]float64, n)
	tile.Fill(minus, -10) // log-determinants are added
	tile.Fill(logDet, 10)
	l.Forward(z, nil, x, s)
	tile.Fill(s, math.NaN())
	l.Inverse(back, minus, z, s)
	tile.Fill(s, math.NaN())
	l.Forward(again, logDet, back, s)
	for i := range n {
		if sum := logDet[i] + minus[i]; !(math.Abs(sum) < 1e-11) {
			t.Errorf("sample %d: log-dets of the map and its inverse add to %g", i, sum)
		}
		for j := range d {
			// The image says how good the inverse is even where the map is flat.
			if z, again := z.Row(j)[i], again.Row(j)[i]; !(math.Abs(again-z) < 1e-12*(1+math.Abs(z))) {
				t.Errorf("sample %d, coordinate %d: forward(inverse(%v)) = %v", i, j, z, again)
			}
			if x, back := x.Row(j)[i], back.Row(j)[i]; !(math.Abs(back-x) < 1e-8*(1+math.Abs(x))) {
				t.Errorf("sample %d, coordinate %d: inverse(forward(%v)) = %v", i, j, x, back)
			}
		}
	}
	// Without a log-det the inverse is the same.
	l.Inverse(again, nil, z, s)
	flowtest.SameBits(t, "x without log-det", again.Data, back.Data)
}

func testLogDet(t *testing.T, l layer.Layer, d int, rng *rand.Rand) {
	for range 5 {
		x := input(l, d, 1, 1, rng)
		z := output(x)
		s, _ := scratchFor(l, 1)
		got := []float64{0}
		l.Forward(z, got, x, s)
		jac := make([]float64, d*d)
		for j := range d {
			at := x.Data[j]
			for i := range d {
				jac[i*d+j] = flowtest.Derivative(1e-3, func(h float64) float64 {
					x.Data[j] = at + h
					l.Forward(z, nil, x, s)
					return z.Data[i]
				})
			}
			x.Data[j] = at
		}
		want, _ := mat.LogDet(mat.NewDense(d, d, jac))
		if !(math.Abs(got[0]-want) < 1e-6*(1+math.Abs(want))) {
			t.Errorf("log-det at %v: got %v, numerically %v", x.Data, got[0], want)
		}
	}
}

// testGradient compares backward with differences of the scalar
// Σ c·z + Σ e·logDet, c and e random.
func testGradient(t *testing.T, l layer.Layer, d int, rng *rand.Rand) {
	const n = 5
	x, c := input(l, d, n, 1.5, rng), flowtest.Tile(d, n, 1, rng)
	e := flowtest.Tile(1, n, 1, rng).Data
	z := output(x)
	s, b := scratchFor(l, n)
	logDet := make([]float64, n)
	value := func() float64 {
		clear(logDet)
		l.Refresh()
		l.Forward(z, logDet, x, s)
		sum := 0.0
		for i, v := range z.Data[:d*n] {
			sum += c.Data[i] * v
		}
		for i, v := range logDet {
			sum += e[i] * v
		}
		return sum
	}
	value()
	dx, dz := nanTile(d, n), tile.New(d, n)
	copy(dz.Data, c.Data)
	grad := make([]float64, len(l.Params()))
	tile.Fill(grad, math.NaN())
	l.Backward(dx, grad, dz, e, layer.Tape{X: x, Z: z, S: s}, b)
	flowtest.CheckGradient(t, "x", dx.Data, x.Data[:d*n], value)
	flowtest.CheckGradient(t, "parameters", grad, l.Params(), value)
}

func testRefresh(t *testing.T, l layer.Layer, d int, rng *rand.Rand) {
	if len(l.Params()) == 0 {
		return
	}
	const n = 9
	x := input(l, d, n, 1, rng)
	before, after := output(x), output(x)
	s, _ := scratchFor(l, n)
	l.Forward(before, nil, x, s)

	// The layer now lives in new memory, and only there.
	old := l.Params()
	p := make([]float64, len(old))
	l.Bind(p)
	flowtest.Perturb(old, 1, rng)
	l.Refresh()
	l.Forward(after, nil, x, s)
	flowtest.SameBits(t, "after bind", after.Data, before.Data)

	flowtest.Perturb(p, 0.1, rng)
	l.Refresh()
	l.Forward(after, nil, x, s)
	for i := range after.Data {
		if after.Data[i] != before.Data[i] {
			return
		}
	}
	t.Error("changed parameters do not change the map")
}

// testDescription builds the layer again from what it says of itself.
func testDescription(t *testing.T, l layer.Layer, d int, rng *rand.Rand) {
	m := l.Describe()
	again, err := layer.Build(m, d)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Describe(); !reflect.DeepEqual(got, m) {
		t.Errorf("described again, the layer is %+v, not %+v", got, m)
	}
	if again.NumFixed() != l.NumFixed() || reflect.TypeOf(again) != reflect.TypeOf(l) {
		t.Errorf("a %T of %d fixed numbers became a %T of %d", l, l.NumFixed(), again, again.NumFixed())
	}
	if p, ok := l.(layer.Pinned); ok && !reflect.DeepEqual(again.(layer.Pinned).Pinned(), p.Pinned()) {
		t.Error("other parameters are pinned")
	}
	flowtest.SameBits(t, "parameters", again.Params(), l.Params())
	const n = 9
	x := input(l, d, n, 2, rng)
	z, want := output(x), output(x)
	s, _ := scratchFor(l, n)
	logDet, wantLogDet := make([]float64, n), make([]float64, n)
	l.Forward(want, wantLogDet, x, s)

	// It shares no memory with the description, or with the layer that gave it.
	for _, tensor := range m.Tensors {
		flowtest.Perturb(tensor.Values, 1, rng)
	}
	for _, tensor := range l.Describe().Tensors {
		flowtest.Perturb(tensor.Values, 1, rng)
	}
	again.Refresh()
	again.Forward(z, logDet, x, s)
	flowtest.SameBits(t, "z", z.Data, want.Data)
	flowtest.SameBits(t, "log-det", logDet, wantLogDet)
	l.Refresh()
	l.Forward(z, nil, x, s)
	flowtest.SameBits(t, "z of the layer described", z.Data, want.Data)

	// Any tensor that is missing, misshapen, not finite or not wanted is named.
	for i := range l.Describe().Tensors {
		for _, spoil := range []func(m *model.Layer, t *model.Tensor){
			func(_ *model.Layer, t *model.Tensor) { t.Shape = append(t.Shape, 1) },
			func(_ *model.Layer, t *model.Tensor) { t.Values = t.Values[1:] },
			func(_ *model.Layer, t *model.Tensor) { t.Values[len(t.Values)-1] = math.NaN() },
			func(m *model.Layer, t *model.Tensor) { m.Tensors = append(m.Tensors, *t) },
		} {
			m := l.Describe()
			name := m.Tensors[i].Name
			spoil(&m, &m.Tensors[i])
			if _, err := layer.Build(m, d); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("tensor %q", name)) {
				t.Errorf("tensor %q is spoilt: error is %v", name, err)
			}
		}
	}
	m = l.Describe()
	m.Tensors = append(m.Tensors, model.Scalar("surplus", 1))
	if _, err := layer.Build(m, d); err == nil || !strings.Contains(err.Error(), `tensor "surplus"`) {
		t.Errorf("a tensor too many: error is %v", err)
	}
	m = l.Describe()
	m.Attributes = maps.Clone(m.Attributes)
	if m.Attributes == nil {
		m.Attributes = map[string]string{}
	}
	m.Attributes["surplus"] = "1"
	if _, err := layer.Build(m, d); err == nil || !strings.Contains(err.Error(), `attribute "surplus"`) {
		t.Errorf("an attribute too many: error is %v", err)
	}
}
