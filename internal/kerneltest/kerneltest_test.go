package kerneltest

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gaussflow/gaussflow/kernels"
)

// Every kind of fault that a tier can have is noticed.
func TestCompareNotices(t *testing.T) {
	const faulty = kernels.Tier(99)
	faults := map[string]func(s Shape, a [][]float64){
		"one lane":              func(_ Shape, a [][]float64) { a[0][11] = math.Nextafter(a[0][11], 9) },
		"the last element":      func(s Shape, a [][]float64) { a[0][s.N-1] = 0 },
		"the sign of zero":      func(_ Shape, a [][]float64) { a[0][3] = math.Copysign(0, -1) },
		"a number for NaN":      func(_ Shape, a [][]float64) { a[0][4] = 1 },
		"NaN for a number":      func(_ Shape, a [][]float64) { a[0][5] = math.NaN() },
		"a write to an input":   func(_ Shape, a [][]float64) { a[1][7] = 5 },
		"a write between rows":  func(s Shape, a [][]float64) { a[2][s.N] = 5 },
		"an output left as was": func(_ Shape, a [][]float64) { a[0][0] = canary },
	}
	s := Shape{N: 20, K: 2, Stride: 20, DstStride: 22}
	for name, fault := range faults {
		k := Kernel{
			Name: name,
			Args: []Arg{{"y", Output, PerSample, false}, {"x", Real, PerSample, false}, {"d", Output, PerBothDst, false}},
			Run: func(tier kernels.Tier, s Shape, a [][]float64) {
				for i, x := range a[1] {
					a[0][i] = x
					a[2][i], a[2][s.DstStride+i] = x, -x
				}
				a[0][3], a[0][4] = 0, math.NaN()
				if tier == faulty {
					fault(s, a)
				}
			},
		}
		args := Fill(&k, s, NewRandom(1, true))
		want := Run(&k, kernels.Generic, s, args)
		if err := Compare(&k, kernels.Generic, s, args, want, Call{}); err != nil {
			t.Errorf("without a fault: %v", err)
		}
		err := Compare(&k, faulty, s, args, want, Call{})
		if err == nil || !strings.HasPrefix(err.Error(), name+" on Tier(99), n=20 K=2") {
			t.Errorf("%s: Compare returned %v", name, err)
		}
	}
}

func TestFoldStaysInDomain(t *testing.T) {
	r := NewRandom(1, false)
	values := slices.Clone(Special)
	for range 20000 {
		values = append(values, math.Float64frombits(r.Uint64()))
	}
	in := map[Role]func(v float64) bool{
		Total:  func(v float64) bool { return math.Abs(v) <= 1e300 },
		Moment: func(v float64) bool { return v >= 0 && v <= 1e300 },
		Weight: func(v float64) bool { return v >= 0 && v <= 1 },
		Mean:   func(v float64) bool { return math.Abs(v) <= 1e150 },
		Scale:  func(v float64) bool { return v >= 1e-60 && v <= 1e60 },
		Bound:  func(v float64) bool { return v >= 0 && v <= 100 },
		Step:   func(v float64) bool { return v >= 0 && v < 1 },
	}
	for role, domain := range in {
		for _, v := range values {
			if got := Fold(role, v); !domain(got) || role != Step && domain(v) && got != v {
				t.Errorf("Fold(%d, %v) = %v", role, v, got)
			}
		}
	}
	for role := Output + 1; role <= Step; role++ {
		for range 1000 {
			if v := r.Float(role); in[role] != nil && !in[role](v) {
				t.Errorf("Random.Float(%d) = %v", role, v)
			}
		}
	}
}

// Weights of every mixture sum to one, also if the source has nothing but zeros.
func TestFillNormalises(t *testing.T) {
	s := Shape{N: 5, K: 3, Stride: 6, DstStride: 5}
	for _, src := range []Source{NewRandom(1, true), NewRandom(2, false), NewBytes(nil)} {
		for i := range Kernels {
			k := &Kernels[i]
			args := Fill(k, s, src)
			for a, arg := range k.Args {
				if arg.Role != Weight {
					continue
				}
				n, stride := 1, 1
				if arg.Layout == PerBoth {
					n, stride = s.N, s.Stride
				}
				for i := range n {
					if sum := args[a][i] + args[a][stride+i] + args[a][2*stride+i]; !(math.Abs(sum-1) < 1e-15) {
						t.Errorf("%s: weights of mixture %d sum to %v", k.Name, i, sum)
					}
				}
			}
		}
	}
}

func TestBytes(t *testing.T) {
	b := NewBytes([]byte("\x05\x00\x00\x00\x00\x00\x00\x00\xf0\x3f"))
	if n, v := b.Choose(3), b.Float(Real); n != 2 || v != 1 {
		t.Errorf("got %d and %v, want 5 mod 3 and 1", n, v)
	}
	if n := b.Choose(3); n != 2 {
		t.Errorf("got %d the second time round", n)
	}
}
