package flow

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
)

func normalRows(n, d int, size float64, rng *rand.Rand) *mat.Dense {
	x := mat.NewDense(n, d, nil)
	for i := range n {
		for j := range d {
			x.Set(i, j, size*rng.NormFloat64())
		}
	}
	return x
}

// wild returns couplings behind f whose conditioners have had all their parameters
// drawn anew, of the given size.
func wild(t *testing.T, f *Flow, size float64, rng *rand.Rand) *Flow {
	t.Helper()
	c, err := f.Couple(CouplingOptions{Width: 16, Blocks: 4})
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.params {
		c.params[i] = size * rng.NormFloat64()
	}
	c.refresh()
	return c
}

// No parameters whatever break what the documentation of Couple says of tails: the
// density is nowhere below the bound, samples stay near, and log p falls along rays.
func TestConditionersCannotBreakTails(t *testing.T) {
	const anchor = 0.5 // the share of the anchor where nothing is conditioned
	share := anchor / (anchor + (1-anchor)*math.Exp(4))
	for _, d := range []int{2, 3, 5} {
		for _, size := range []float64{0.1, 1, 10, 1e3} {
			rng := rand.New(rand.NewPCG(uint64(d), math.Float64bits(size)))
			// The identity: its density is the normal one.
			start := newFlow(d, []block{{flowtest.RandomRotation(d, rng)}})
			f := wild(t, start, size, rng)
			const n = 2000
			lp, normal := make([]float64, n), make([]float64, n)
			x := normalRows(n, d, 3, rng)
			if err := f.LogProb(lp, x); err != nil {
				t.Fatal(err)
			}
			if err := start.LogProb(normal, x); err != nil {
				t.Fatal(err)
			}
			most := float64(4*d) * -math.Log(share)
			for i := range lp {
				if loss := normal[i] - lp[i]; !(loss <= most+1e-9) {
					t.Errorf("d=%d, size %g: log p is %v below what the blocks follow, more than %v", d, size, loss, most)
				}
			}

			// A coordinate moves by the largest |mean| at most, in each block: 0.7·3.75 held,
			// and 4 standard deviations of the mixture, which is N(0,1).
			z, back := normalRows(n, d, 2, rng), mat.NewDense(n, d, nil)
			if err := f.Inverse(back, nil, z); err != nil {
				t.Fatal(err)
			}
			reach := 4 * math.Sqrt(float64(d)) * (4 + 0.7*3.7505)
			for i := range n {
				if far, was := mat.Norm(back.RowView(i), 2), mat.Norm(z.RowView(i), 2); !(far <= was+reach) {
					t.Errorf("d=%d, size %g: a sample with |z| = %v lies at %v", d, size, was, far)
				}
			}

			// Along rays.
			radii := []float64{100, 130, 200, 400, 1e3, 1e4, 1e5, 1e6}
			ray := normalRows(200, d, 1, rng)
			var last []float64
			for _, r := range radii {
				at := mat.NewDense(200, d, nil)
				for i := range 200 {
					for j := range d {
						at.Set(i, j, r*ray.At(i, j)/mat.Norm(ray.RowView(i), 2))
					}
				}
				now := make([]float64, 200)
				if err := f.LogProb(now, at); err != nil {
					t.Fatal(err)
				}
				for i := range last {
					if !(now[i] < last[i]) {
						t.Errorf("d=%d, size %g: log p rises from %v to %v where a ray reaches %g", d, size, last[i], now[i], r)
					}
				}
				last = now
			}
		}
	}
}

// Appended blocks change next to nothing, and what is not trained shares no memory.
func TestCoupleAppends(t *testing.T) {
	rng := flowtest.NewRand(3)
	const n = 10000
	for _, d := range []int{2, 3, 6} {
		f := newFlow(d, []block{{flowtest.RandomRotation(d, rng)}})
		c, err := f.Couple(CouplingOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if c.Blocks() != f.Blocks()+4 {
			t.Errorf("%d blocks", c.Blocks())
		}
		x := normalRows(n, d, 1, rng)
		a, b := make([]float64, n), make([]float64, n)
		if err := f.LogProb(a, x); err != nil {
			t.Fatal(err)
		}
		if err := c.LogProb(b, x); err != nil {
			t.Fatal(err)
		}
		mean := 0.0
		for i := range a {
			mean += (b[i] - a[i]) / n
		}
		if !(math.Abs(mean) < 1e-4*float64(d)) {
			t.Errorf("d=%d: the mean log-density changes by %v", d, mean)
		}
		for i := f.Blocks(); i < c.Blocks(); i++ {
			for _, m := range c.Block(i).Mixtures() {
				if m.Mean[0] != 0 || m.Scale[0] != 1 || math.Abs(m.Weight[0]-0.5) > 1e-15 {
					t.Errorf("the anchor is %v·N(%v, %v²)", m.Weight[0], m.Mean[0], m.Scale[0])
				}
			}
		}
		other, err := f.Couple(CouplingOptions{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if mat.Equal(other.Block(f.Blocks()).Rotation(), c.Block(f.Blocks()).Rotation()) {
			t.Error("the seed does not matter")
		}
	}
	if _, err := newFlow(2, []block{{layer.NearIdentity(2)}}).Couple(CouplingOptions{Blocks: -1}); err == nil {
		t.Error("a negative number of blocks is no error")
	}
}
