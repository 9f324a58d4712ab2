package cases

import (
	"math"
	"slices"
	"testing"

	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/kernels"
)

// The measure of errors must accept the kernels and plain Go, and notice a result that is slightly off.
func TestProblems(t *testing.T) {
	in := NewInputs(200, 5)
	for _, p := range Problems(in) {
		tiers := kernels.Tiers()
		contenders := p.Plain
		for _, tier := range tiers {
			contenders = append(contenders, p.Tier(tier))
		}
		for _, c := range contenders {
			got, err := c.Check()
			if err != nil {
				t.Fatal(err)
			}
			if e := p.Error(got); !(e <= 1e6) {
				t.Errorf("%s: %s: error %g %s", p.Name, c.Name, e, p.Unit)
			}
			got[len(got)/2] += 1e-6 * math.Max(1, math.Abs(got[len(got)/2]))
			if e := p.Error(got); !(e >= 1e8) {
				t.Errorf("%s: %s: a result off by 1e-6 has error %g %s", p.Name, c.Name, e, p.Unit)
			}
			got[0] = math.NaN()
			if e := p.Error(got); !math.IsInf(e, 1) {
				t.Errorf("%s: %s: NaN has error %g", p.Name, c.Name, e)
			}
			if e := p.Error(got[1:]); !math.IsInf(e, 1) {
				t.Errorf("%s: %s: a result too few has error %g", p.Name, c.Name, e)
			}
		}
	}
}

// Every kernel must write what it is said to write: a benchmark of nothing would leave zeros.
func TestKernelsWrite(t *testing.T) {
	in := NewInputs(100, 3)
	seen := map[string]bool{}
	for _, k := range append(Functions(in), OfMixtures(in)...) {
		if path := k.Path(); seen[path] {
			t.Errorf("two kernels are called %s", path)
		} else {
			seen[path] = true
		}
		for _, tier := range kernels.Tiers() {
			do, out := k.On(tier)
			for _, o := range out {
				for i := range o {
					o[i] = 123
				}
			}
			do()
			for j, o := range out {
				same := 0
				for _, v := range o {
					if v == 123 {
						same++
					}
					if math.IsNaN(v) || math.IsInf(v, 0) {
						t.Errorf("%s on %s: result %d is %v", k.Path(), tier, j, v)
						break
					}
				}
				if same > 0 {
					t.Errorf("%s on %s: %d of %d numbers of result %d were not written", k.Path(), tier, same, len(o), j)
				}
			}
		}
	}
}

// The conditioners among the inputs are all there, in the order that the peers read them in.
func TestConditioners(t *testing.T) {
	_, diagonal, err := Moons()
	if err != nil {
		t.Fatal(err)
	}
	f, err := diagonal.Couple(flow.CouplingOptions{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	const each = 64 + 64 + 64*64 + 64 + 24*64 + 24
	all := conditioners(f)
	if len(all) != 2*MoonBlocks*each {
		t.Fatalf("%d numbers, want %d", len(all), 2*MoonBlocks*each)
	}
	for b := range MoonBlocks {
		for coordinate, m := range f.Block(b).Mixtures() { // the last biases are the stored parameters: means behind logits
			end := (2*b + 2 - coordinate) * each // the second coordinate is mapped first
			if got := all[end-16 : end-8]; !slices.Equal(got, m.Mean) {
				t.Errorf("block %d, coordinate %d: means %v, want %v", b, coordinate, got, m.Mean)
			}
		}
	}
}

func TestInputsAreWhatTheyClaim(t *testing.T) {
	m, x := Tail(1000, 8)
	for _, v := range x {
		for k := range m.Mean {
			if d := math.Abs(v-m.Mean[k]) / m.Scale[k]; d < 37 || d > 100 {
				t.Fatalf("x = %v is %v standard deviations from component %d", v, d, k)
			}
		}
	}
	for _, m := range []kernels.Mixture{m, Separated(8), NewInputs(10, 8).Shared} {
		if s := kernels.Generic.Sum(m.Weight); math.Abs(s-1) > 1e-15 {
			t.Errorf("weights sum to %v", s)
		}
	}
	a, b := Rows(0, 20, 5), Rows(15, 5, 5)
	for i := range 5 {
		for j := range 5 {
			if a.At(15+i, j) != b.At(i, j) {
				t.Fatal("a row depends on where the block begins")
			}
		}
	}
}
