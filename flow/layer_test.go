package flow

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/kernels"
)

// randomRotation orthogonalises a random matrix row by row.
func randomRotation(d int, rng *rand.Rand) *rotation {
	r := make([]float64, d*d)
	for i := range d {
		v := r[i*d : (i+1)*d]
		for j := range v {
			v[j] = rng.NormFloat64()
		}
		for range 2 { // twice is enough
			for k := range i {
				u := r[k*d : (k+1)*d]
				dot := 0.0
				for j := range u {
					dot += u[j] * v[j]
				}
				for j := range v {
					v[j] -= dot * u[j]
				}
			}
		}
		norm := 0.0
		for _, x := range v {
			norm += x * x
		}
		for j := range v {
			v[j] /= math.Sqrt(norm)
		}
	}
	return newRotation(d, r)
}

// randomMixtures has from 1 to 9 components per coordinate.
func randomMixtures(d int, bound float64, rng *rand.Rand) *mixtures {
	var all []marginal
	for range d {
		k := 1 + rng.IntN(9)
		m := kernels.Mixture{Weight: make([]float64, k), Mean: make([]float64, k), Scale: make([]float64, k)}
		total := 0.0
		for i := range k {
			m.Weight[i] = math.Exp(rng.NormFloat64())
			total += m.Weight[i]
			m.Mean[i] = rng.NormFloat64()
			m.Scale[i] = math.Exp(0.4*rng.NormFloat64() - 0.3)
		}
		for i := range k {
			m.Weight[i] /= total
		}
		all = append(all, newMarginal(m, bound))
	}
	return newMixtures(bound, all)
}

func randomDiagonal(d, blocks int, rng *rand.Rand) *Flow {
	var all []block
	for range blocks {
		all = append(all, block{randomRotation(d, rng), randomMixtures(d, DefaultLogScaleBound, rng)})
	}
	return newFlow(d, all)
}

// perturb makes a freshly coupled flow one whose conditioners matter.
func perturb(p []float64, size float64, rng *rand.Rand) {
	for i := range p {
		p[i] += size * rng.NormFloat64()
	}
}

func randomCoupling(t testing.TB, d, blocks int, o CouplingOptions, rng *rand.Rand) *Flow {
	f, err := randomDiagonal(d, blocks, rng).Couple(o)
	if err != nil {
		t.Fatal(err)
	}
	perturb(f.params, 0.01, rng)
	return f
}

func randomTile(d, n int, size float64, rng *rand.Rand) tile {
	x := newTile(d, n)
	for i := range x.data {
		x.data[i] = size * rng.NormFloat64()
	}
	return x
}

// layers is the table that every kind of layer stands in.
var layers = []struct {
	name string
	make func(d int, rng *rand.Rand) layer
	dims []int
}{
	{"rotation", func(d int, rng *rand.Rand) layer { return randomRotation(d, rng) }, []int{1, 2, 3, 5}},
	{"mixtures", func(d int, rng *rand.Rand) layer { return randomMixtures(d, DefaultLogScaleBound, rng) }, []int{1, 2, 3, 5}},
	{"mixtures, wide bound", func(d int, rng *rand.Rand) layer { return randomMixtures(d, 40, rng) }, []int{2}},
	{"coupling", func(d int, rng *rand.Rand) layer {
		return randomCouplingLayer(d, CouplingOptions{Width: 6, Depth: 2}, rng)
	}, []int{2, 3, 4, 5}},
	{"coupling, one hidden layer", func(d int, rng *rand.Rand) layer {
		return randomCouplingLayer(d, CouplingOptions{Width: 5, Depth: 1}, rng)
	}, []int{3}},
	{"coupling, four hidden layers", func(d int, rng *rand.Rand) layer {
		return randomCouplingLayer(d, CouplingOptions{Width: 4, Depth: 4}, rng)
	}, []int{4}},
}

func randomCouplingLayer(d int, o CouplingOptions, rng *rand.Rand) layer {
	l, err := newCoupling(randomMixtures(d, DefaultLogScaleBound, rng), o, rng)
	if err != nil {
		panic(err)
	}
	perturb(l.p, 0.02, rng)
	return l
}

func TestLayers(t *testing.T) {
	for _, row := range layers {
		for _, d := range row.dims {
			t.Run(fmt.Sprintf("%s/d=%d", row.name, d), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(d), 7))
				l := row.make(d, rng)
				l.bind(make([]float64, len(l.params())))
				l.refresh()
				testInverse(t, l, d, rng)
				testLogDet(t, l, d, rng)
				testGradient(t, l, d, rng)
				testRefresh(t, l, d, rng)
			})
		}
	}
}

// scratchFor is the memory that forward, inverse and backward need. It is full
// of NaN, to show reading before writing.
func scratchFor(l layer, n int) (forward, backward arena) {
	f, b := l.scratch()
	forward, backward = make(arena, f*n), make(arena, b*n)
	fill(forward, math.NaN())
	fill(backward, math.NaN())
	return forward, backward
}

// nanTile is where results are to be written.
func nanTile(d, n int) tile {
	t := newTile(d, n)
	fill(t.data, math.NaN())
	return t
}

func testInverse(t *testing.T, l layer, d int, rng *rand.Rand) {
	const n = 53
	x := randomTile(d, n, 1.5, rng)
	z, back, again := nanTile(d, n), nanTile(d, n), nanTile(d, n)
	s, _ := scratchFor(l, n)
	minus, logDet := make([]float64, n), make([]float64, n)
	fill(minus, -10) // log-determinants are added
	fill(logDet, 10)
	l.forward(z, nil, x, s)
	fill(s, math.NaN())
	l.inverse(back, minus, z, s)
	fill(s, math.NaN())
	l.forward(again, logDet, back, s)
	for i := range n {
		if sum := logDet[i] + minus[i]; !(math.Abs(sum) < 1e-11) {
			t.Errorf("sample %d: log-dets of the map and its inverse add to %g", i, sum)
		}
		for j := range d {
			// The image says how good the inverse is even where the map is flat.
			if z, again := z.row(j)[i], again.row(j)[i]; !(math.Abs(again-z) < 1e-12*(1+math.Abs(z))) {
				t.Errorf("sample %d, coordinate %d: forward(inverse(%v)) = %v", i, j, z, again)
			}
			if x, back := x.row(j)[i], back.row(j)[i]; !(math.Abs(back-x) < 1e-8*(1+math.Abs(x))) {
				t.Errorf("sample %d, coordinate %d: inverse(forward(%v)) = %v", i, j, x, back)
			}
		}
	}
	// Without a log-det the inverse is the same.
	l.inverse(again, nil, z, s)
	sameBits(t, "x without log-det", again.data, back.data)
}

// derivative differentiates f at 0 by a five-point rule. A step so long that it
// meets a kink of a ReLU disagrees with its half; then it is halved.
func derivative(h float64, f func(h float64) float64) float64 {
	rule := func(h float64) float64 { return (8*(f(h)-f(-h)) - (f(2*h) - f(-2*h))) / (12 * h) }
	d := rule(h)
	for range 12 {
		h /= 2
		half := rule(h)
		if math.Abs(half-d) <= 1e-8*(1e-2+math.Abs(d)) {
			return d
		}
		d = half
	}
	return d
}

func testLogDet(t *testing.T, l layer, d int, rng *rand.Rand) {
	for range 5 {
		x := randomTile(d, 1, 1, rng)
		z := nanTile(d, 1)
		s, _ := scratchFor(l, 1)
		got := []float64{0}
		l.forward(z, got, x, s)
		jac := make([]float64, d*d)
		for j := range d {
			at := x.data[j]
			for i := range d {
				jac[i*d+j] = derivative(1e-3, func(h float64) float64 {
					x.data[j] = at + h
					l.forward(z, nil, x, s)
					return z.data[i]
				})
			}
			x.data[j] = at
		}
		_, want := blas.SLogDet(matrix(d, d, jac))
		if !(math.Abs(got[0]-want) < 1e-6*(1+math.Abs(want))) {
			t.Errorf("log-det at %v: got %v, numerically %v", x.data, got[0], want)
		}
	}
}

// testGradient compares backward with differences of the scalar
// Σ c·z + Σ e·logDet, c and e random.
func testGradient(t *testing.T, l layer, d int, rng *rand.Rand) {
	const n = 5
	x, c := randomTile(d, n, 1.5, rng), randomTile(d, n, 1, rng)
	e := randomTile(1, n, 1, rng).data
	z := nanTile(d, n)
	s, b := scratchFor(l, n)
	logDet := make([]float64, n)
	value := func() float64 {
		clear(logDet)
		l.refresh()
		l.forward(z, logDet, x, s)
		sum := 0.0
		for i, v := range z.data {
			sum += c.data[i] * v
		}
		for i, v := range logDet {
			sum += e[i] * v
		}
		return sum
	}
	value()
	dx, dz := nanTile(d, n), newTile(d, n)
	copy(dz.data, c.data)
	grad := make([]float64, len(l.params()))
	fill(grad, math.NaN())
	l.backward(dx, grad, dz, e, tape{x, z, s}, b)
	checkGradient(t, "x", dx.data, x.data, value)
	checkGradient(t, "parameters", grad, l.params(), value)
}

// checkGradient holds grad against differences of value as p changes.
func checkGradient(t *testing.T, what string, grad, p []float64, value func() float64) {
	t.Helper()
	largest := 0.0
	for _, g := range grad {
		largest = max(largest, math.Abs(g))
	}
	worst, at := 0.0, 0
	for i, v := range p {
		want := derivative(1e-4, func(h float64) float64 {
			p[i] = v + h
			return value()
		})
		p[i] = v
		// The largest entry sets the scale below a thousandth of which the
		// differences themselves have no six digits.
		err := math.Abs(grad[i]-want) / max(math.Abs(want), 1e-3*largest, 1e-12)
		if !(err <= worst) {
			worst, at = err, i
		}
	}
	value()
	if !(worst <= 1e-6) {
		t.Errorf("gradient of %s: entry %d is %v, off by %.3g of itself; largest entry %v", what, at, grad[at], worst, largest)
	}
}

func testRefresh(t *testing.T, l layer, d int, rng *rand.Rand) {
	if len(l.params()) == 0 {
		return
	}
	const n = 9
	x := randomTile(d, n, 1, rng)
	before, after := nanTile(d, n), nanTile(d, n)
	s, _ := scratchFor(l, n)
	l.forward(before, nil, x, s)

	// The layer now lives in new memory, and only there.
	old := l.params()
	p := make([]float64, len(old))
	l.bind(p)
	perturb(old, 1, rng)
	l.refresh()
	l.forward(after, nil, x, s)
	sameBits(t, "after bind", after.data, before.data)

	perturb(p, 0.1, rng)
	l.refresh()
	l.forward(after, nil, x, s)
	for i := range after.data {
		if after.data[i] != before.data[i] {
			return
		}
	}
	t.Error("changed parameters do not change the map")
}

// sameBits fails if the two differ in any bit.
func sameBits(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
			t.Fatalf("%s: element %d is %v (%#x), want %v (%#x)", what, i, got[i], math.Float64bits(got[i]), want[i], math.Float64bits(want[i]))
		}
	}
}
