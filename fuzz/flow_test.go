package fuzz

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/internal/kerneltest/ulp"
	"github.com/gaussflow/gaussflow/internal/quad"
	"github.com/gaussflow/gaussflow/internal/watchdog"
	"github.com/gaussflow/gaussflow/kernels"
)

// A table is what FuzzFlow makes of a fuzzer's arguments.
type table struct {
	x                             *mat.Dense // nil if there are too few bytes for a row
	blocks, components, form, dim int
	seed                          uint64
	integrate, train              bool
}

// The forms of a table's numbers.
const (
	float64s = iota
	float32s
	fixedPoint
)

const (
	mostRows  = 96
	trainRows = 32 // of a minibatch
)

// newTable reads a table of one to six columns. Its numbers are any float64, float32 or, so that not all tables are wild,
// bytes in a fixed point.
func newTable(data []byte, shape, options uint8, seed uint64) table {
	t := table{
		dim: int(shape)%6 + 1, form: int(shape) / 6 % 3,
		blocks: int(options)%3 + 1, components: int(options)/3%5 + 1, integrate: options&64 != 0, train: options&128 != 0,
		seed: seed,
	}
	size := [3]int{8, 4, 1}[t.form]
	n := min(len(data)/size/t.dim, mostRows)
	if n == 0 {
		return t
	}
	t.x = mat.NewDense(n, t.dim, nil)
	for i := range n * t.dim {
		at := data[size*i:]
		var v float64
		switch t.form {
		case float64s:
			v = math.Float64frombits(binary.LittleEndian.Uint64(at))
		case float32s:
			v = float64(math.Float32frombits(binary.LittleEndian.Uint32(at)))
		case fixedPoint:
			v = float64(int8(at[0])) / 32
		}
		t.x.Set(i/t.dim, i%t.dim, v)
	}
	return t
}

func (t table) String() string {
	return fmt.Sprintf("%d blocks, %d components, seed %d, x = %v", t.blocks, t.components, t.seed, mat.Formatted(t.x))
}

// FuzzFlow feeds arbitrary data to the whole path. Either FitRBIG explains what is wrong with it, or the result is a
// finite, invertible model; its coupling twin equals it bit for bit; a few steps of training keep all of that, or end in
// an error; and in the plane the density integrates to 1.
func FuzzFlow(f *testing.F) {
	add := func(shape, options uint8, seed uint64, v ...float64) { f.Add(floatBytes(v...), shape, options, seed) }
	add(1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	r := rand.New(rand.NewPCG(1, 2))
	for d := range 6 {
		v := make([]float64, 48*(d+1))
		for i := range v {
			v[i] = r.NormFloat64() * math.Pow(10, float64(i%(d+1)*2))
		}
		add(uint8(d), uint8(d*3)|64|128, uint64(d), v...)
		small := make([]byte, len(v)) // in fixed point
		for i := range small {
			small[i] = byte(int(24*r.NormFloat64()) + 32*(i/(d+1)%2))
		}
		f.Add(small, uint8(d+12), uint8(d)|64|128, uint64(d))
	}
	add(1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1)
	add(1, 1, 0, math.NaN(), math.Inf(1), 1e300, -1e300, 5e-324, 0)
	add(1, 64+128, 0, 1e-40, 2e-40, 3e-40, 1e-40, -1e-40, 0, 5e-40, 1e-41)
	f.Add([]byte{}, uint8(0), uint8(0), uint64(0))

	f.Fuzz(func(t *testing.T, data []byte, shape, options uint8, seed uint64) {
		in := newTable(data, shape, options, seed)
		if in.x == nil {
			return
		}
		defer watchdog.Default.Watch(in.String)()
		if err := checkFlow(in); err != nil {
			t.Fatalf("%v\n%v", err, in)
		}
	})
}

// checkFlow returns what is wrong.
func checkFlow(in table) error {
	diagonal, err := flow.FitRBIG(in.x, flow.RBIGOptions{Blocks: in.blocks, Components: in.components, Seed: in.seed})
	if err != nil {
		return explained(err, "flow: FitRBIG: ")
	}
	want, err := evaluate(diagonal, in.x)
	if err != nil {
		return err
	}
	for i := range diagonal.Blocks() {
		if err := checkBlocks(diagonal, i, in.x); err != nil {
			return fmt.Errorf("block %d: %w", i, err)
		}
	}
	if err := checkMass(in, diagonal); err != nil {
		return err
	}
	trained := diagonal
	if in.dim > 1 {
		coupled, err := diagonal.Couple(flow.CouplingOptions{Width: 4, Depth: 1, Seed: in.seed})
		if err != nil {
			return err
		}
		got, err := evaluate(coupled, in.x)
		if err != nil {
			return err
		}
		if err := got.equal(want); err != nil {
			return fmt.Errorf("coupled: %w", err)
		}
		trained = coupled
	}
	if !in.train {
		return nil
	}
	return checkTraining(in, trained)
}

// explained returns an error unless err is one line that begins with the prefix.
func explained(err error, prefix string) error {
	if text := err.Error(); !strings.HasPrefix(text, prefix) || strings.Contains(text, "\n") {
		return fmt.Errorf("an error that does not explain itself: %q", text)
	}
	return nil
}

// results are what a flow makes of data.
type results struct {
	z, back                    mat.Dense
	logDet, logProb, invLogDet []float64
}

// evaluate runs a flow forward and back and checks that everything is a number, that the log-density is what its
// definition says, and that the two log-determinants cancel where the map is not too steep to tell.
func evaluate(f *flow.Flow, x *mat.Dense) (*results, error) {
	n, d := x.Dims()
	r := &results{logDet: make([]float64, n), logProb: make([]float64, n), invLogDet: make([]float64, n)}
	if err := f.Forward(&r.z, r.logDet, x); err != nil {
		return nil, err
	}
	if err := f.LogProb(r.logProb, x); err != nil {
		return nil, err
	}
	if err := f.Inverse(&r.back, r.invLogDet, &r.z); err != nil {
		return nil, err
	}
	for i := range n {
		sum, size := r.logDet[i], math.Abs(r.logDet[i])
		for j := range d {
			z := r.z.At(i, j)
			if b := r.back.At(i, j); !finite(z) || !finite(b) {
				return nil, fmt.Errorf("row %d, column %d: z = %v, back = %v", i, j, z, b)
			}
			sum -= z*z/2 + math.Log(2*math.Pi)/2
			size += z*z/2 + 1
		}
		if !finite(r.logDet[i]) || !finite(r.invLogDet[i]) || !(math.Abs(r.logProb[i]-sum) <= 1e-14*size) && !(sum < -1e300) {
			return nil, fmt.Errorf("row %d: log p = %v, want %v; log-det %v, of the inverse %v", i, r.logProb[i], sum, r.logDet[i], r.invLogDet[i])
		}
	}
	return r, nil
}

func finite(v float64) bool { return v-v == 0 }

// equal returns an error unless both are the same, bit for bit.
func (r *results) equal(want *results) error {
	for _, c := range []struct {
		what      string
		got, want []float64
	}{
		{"z", r.z.RawMatrix().Data, want.z.RawMatrix().Data},
		{"back", r.back.RawMatrix().Data, want.back.RawMatrix().Data},
		{"log-det", r.logDet, want.logDet},
		{"log p", r.logProb, want.logProb},
		{"log-det of the inverse", r.invLogDet, want.invLogDet},
	} {
		for i := range c.got {
			if math.Float64bits(c.got[i]) != math.Float64bits(c.want[i]) {
				return fmt.Errorf("%s, element %d: %v, want %v", c.what, i, c.got[i], c.want[i])
			}
		}
	}
	return nil
}

// checkBlocks takes the data through the diagonal blocks before block i, and through block i there, back and there again.
// Each mixture alone must give back z. On a plateau of z, back need not be where the data was; the rotation there and
// back moves every coordinate by its rounding, δ, and as z is monotone the second z must lie between those of back ± δ.
func checkBlocks(f *flow.Flow, i int, x *mat.Dense) error {
	at := mat.DenseCopyOf(x)
	for j := range i {
		if err := f.Block(j).Forward(at, nil, at); err != nil {
			return err
		}
	}
	b := f.Block(i)
	n, d := x.Dims()
	if err := checkReach(b.Mixtures(), at); err != nil {
		return err
	}
	var z, back, again mat.Dense
	if err := b.Forward(&z, nil, at); err != nil {
		return err
	}
	if err := b.Inverse(&back, nil, &z); err != nil {
		return err
	}
	if err := b.Forward(&again, nil, &back); err != nil {
		return err
	}
	y, low, high, same := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for j, m := range b.Mixtures() {
		kernels.MixtureInverse(y, nil, mat.Col(nil, j, &z), m)
		for i := range n {
			delta := 64 * float64(d) * 0x1p-53 * mat.Norm(back.RowView(i), 2)
			low[i], high[i] = y[i]-delta, y[i]+delta
		}
		kernels.MixtureForward(low, nil, low, m)
		kernels.MixtureForward(high, nil, high, m)
		kernels.MixtureForward(same, nil, y, m)
		for i := range n {
			want, noise := z.At(i, j), 1e-12*(1+math.Abs(z.At(i, j)))
			if !(math.Abs(same[i]-want) <= noise+slack(m, y[i])) {
				return fmt.Errorf("row %d, coordinate %d: z = %v, of its inverse %v it is %v", i, j, want, y[i], same[i])
			}
			if v := again.At(i, j); !(v >= low[i]-noise && v <= high[i]+noise) {
				return fmt.Errorf("row %d, coordinate %d: z = %v, there and back again %v, outside [%v, %v]", i, j, want, v, low[i], high[i])
			}
		}
	}
	return nil
}

// checkReach holds a fitted block's components near the rows that it was fitted to. One that describes no row could be
// anywhere, and some of the flow's samples are drawn from it. The best place for it is within two or three times the
// farthest row; ten leaves room for a climb that was cut short.
func checkReach(mixtures []kernels.Mixture, x *mat.Dense) error {
	farthest := 0.0
	n, _ := x.Dims()
	for i := range n {
		farthest = max(farthest, mat.Norm(x.RowView(i), 2))
	}
	for j, m := range mixtures {
		for k := range m.Mean {
			if !(max(math.Abs(m.Mean[k]), m.Scale[k]) <= 10*farthest) {
				return fmt.Errorf("coordinate %d has a component at %v ± %v; no row is farther than %v from 0", j, m.Mean[k], m.Scale[k], farthest)
			}
		}
	}
	return nil
}

// slack is how much z changes over the error of y that the kernels document, 8 units of its last place: there may be a
// component in between.
func slack(m kernels.Mixture, y float64) float64 {
	z := []float64{y - 8*ulp.Of(y), y + 8*ulp.Of(y)}
	kernels.MixtureForward(z, nil, z, m)
	return z[1] - z[0]
}

// checkMass integrates a density in the plane, on a grid of bounded size. Where that does not converge there is no verdict.
func checkMass(in table, f *flow.Flow) error {
	if in.dim != 2 || !in.integrate || in.form != fixedPoint {
		return nil // on wild data there are ridges that no grid sees, and Adam's steps are those of standardized data
	}
	converged, err := mass(f)
	if !converged {
		return nil
	}
	return err
}

// mass reports whether the integral converged, and what is wrong with it.
func mass(f *flow.Flow) (converged bool, err error) {
	// Each block may make a density so many times as narrow as it is wide, across any axis: a ridge or a spike that
	// every point of a grid misses.
	narrow := 1.0
	for i := range f.Blocks() {
		width, least := 0.0, math.Inf(1)
		for _, m := range f.Block(i).Mixtures() {
			width = max(width, slices.Max(m.Mean)-slices.Min(m.Mean)+2*slices.Max(m.Scale))
			least = min(least, slices.Min(m.Scale))
		}
		narrow *= width / least
	}
	if narrow > 100 {
		return false, nil
	}
	r, err := quad.MassWithin(f, 128)
	if err != nil || r.Error > 1e-5 {
		return false, err
	}
	if !(math.Abs(r.Value-1) <= 1e-4) {
		err = fmt.Errorf("the density integrates to %v, within %.1g on %d points", r.Value, r.Error, r.Points)
	}
	return true, err
}

// checkTraining takes three steps. An error says so, and leaves a flow that still works.
func checkTraining(in table, f *flow.Flow) error {
	h, err := flow.Train(context.Background(), f, in.x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: 3, Batch: trainRows, Seed: in.seed})
	if err != nil {
		if err := explained(err, "flow: Train: "); err != nil {
			return err
		}
	} else if len(h.Steps) != 3 {
		return fmt.Errorf("three steps of training took %d", len(h.Steps))
	}
	if h != nil {
		for _, s := range h.Steps {
			if !finite(s.Loss) || !finite(s.GradNorm) {
				return fmt.Errorf("training's step %+v", s)
			}
		}
	}
	for i := range f.Blocks() {
		for j, m := range f.Block(i).Mixtures() {
			for k := range m.Weight {
				if !(m.Weight[k] >= 0 && finite(m.Weight[k]) && finite(m.Mean[k]) && m.Scale[k] > 0 && finite(m.Scale[k])) {
					return fmt.Errorf("after training, block %d, coordinate %d has %+v", i, j, m)
				}
			}
		}
	}
	if _, err := evaluate(f, in.x); err != nil {
		return fmt.Errorf("after training: %w", err)
	}
	if err := checkMass(in, f); err != nil {
		return fmt.Errorf("after training: %w", err)
	}
	return nil
}

// On ordinary data there is a verdict on the integral, before and after training.
func TestMassHasVerdict(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	x := mat.NewDense(mostRows, 2, nil)
	for i := range mostRows {
		u := r.NormFloat64()
		x.SetRow(i, []float64{u, u*u/2 + r.NormFloat64()})
	}
	f, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 2, Components: 3})
	must(t, err)
	f, err = f.Couple(flow.CouplingOptions{Width: 8})
	must(t, err)
	for range 2 {
		if converged, err := mass(f); err != nil || !converged {
			t.Errorf("converged: %v, error %v", converged, err)
		}
		_, err = flow.Train(t.Context(), f, x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: 5, Batch: trainRows})
		must(t, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func floatBytes(v ...float64) []byte {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}
