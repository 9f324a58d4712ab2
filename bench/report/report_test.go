package main

import (
	"bytes"
	"errors"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gaussflow/gaussflow/bench/cases"
	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/kernels"
)

func TestPromisesMet(t *testing.T) {
	table := &harness.Table{Name: "x", Columns: promiseColumns}
	p := newPromised(table)
	at := func(v float64) any { return exactly(v) }
	for _, test := range []struct {
		row  promisedRow
		want string
	}{
		{promisedRow{atLeast: true, limit: 30, measured: at(31)}, "yes"},
		{promisedRow{atLeast: true, limit: 30, measured: at(30)}, "yes"},
		{promisedRow{atLeast: true, limit: 30, measured: at(29)}, "NO"},
		{promisedRow{atLeast: true, limit: 30, stretch: 37, measured: at(40)}, "stretch"},
		{promisedRow{atLeast: true, limit: 30, stretch: 37, measured: at(10)}, "NO"},
		{promisedRow{limit: 2.2, measured: at(2)}, "yes"},
		{promisedRow{limit: 2.2, measured: at(2.3)}, "NO"},
		{promisedRow{zero: true, measured: at(0)}, "yes"},
		{promisedRow{zero: true, measured: at(0.5)}, "NO"},
		{promisedRow{limit: 2.2}, "not measured"},
		{promisedRow{measured: at(3)}, ""},
	} {
		p.add(test.row)
		last := table.Rows[len(table.Rows)-1]
		if got, _ := last[len(last)-1].(string); got != test.want {
			t.Errorf("%+v: met %q, want %q", test.row, got, test.want)
		}
	}
}

func TestProductsMet(t *testing.T) {
	var all tally
	for _, test := range []struct {
		v    verdict
		want string
	}{
		{verdict{share: 0.75, openblas: 1.15, gonum: 5}, "yes"},
		{verdict{share: 0.75, gonum: 5}, "yes"},
		{verdict{share: 0.74, openblas: 1.14, gonum: 4.9}, "NO: peak OpenBLAS gonum"},
		{verdict{share: 0.9, openblas: 1.1, gonum: 9, others: 0.87}, "NO: OpenBLAS"},
		{verdict{share: 0.9, openblas: 1.2, gonum: 9, others: 0.86}, "yes"},
		{verdict{small: true, share: 0.1, openblas: 1, gonum: 1}, "yes"},
		{verdict{small: true, gonum: 1}, "yes"},
		{verdict{small: true, openblas: 0.9, gonum: 3}, "NO: slower"},
		{verdict{small: true, openblas: 3, gonum: 0.9}, "NO: slower"},
	} {
		all.add(test.v)
		if got := test.v.met(); got != test.want {
			t.Errorf("%+v: %q, want %q", test.v, got, test.want)
		}
	}
	if want := (tally{all: 5, peak: 4, openblas: 3, impossible: 1, gonum: 4, small: 4, smallMet: 2}); all != want {
		t.Errorf("%+v, want %+v", all, want)
	}
}

// Small shapes have a short side, the others lie in the range that the promise names.
func TestProductShapes(t *testing.T) {
	seen := map[shape]bool{}
	for _, s := range productShapes() {
		short, long := min(s.out, s.in), max(s.out, s.in)
		if seen[s] || s.small != (short <= 8) || !s.small && (short < 24 || long > 192) || s.n < 128 || s.n > 512 {
			t.Errorf("%+v", s)
		}
		seen[s] = true
	}
}

// Every promise must name contenders that are measured; the peers' names begin with those of their libraries.
func TestPromisesNameContenders(t *testing.T) {
	work, err := promisedWork(cases.NewInputs(64, 8))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"plain": true, "plain-one": true, "zuko-spline-forward": true, "zuko-spline-inverse": true}
	for _, tier := range []kernels.Tier{kernels.Generic, kernels.AVX512} {
		for _, w := range work {
			known[w.name+"/"+tier.String()] = true
		}
		for _, name := range []string{"forward", "forward-one", "erfc"} {
			known["sleef-"+name+"/"+tier.String()] = true
			known["libmvec-"+name+"/"+tier.String()] = true
		}
	}
	for _, p := range promises {
		for _, pattern := range []string{p.slow, p.fast} {
			if name := p.name(pattern, kernels.AVX512); !known[name] {
				t.Errorf("%s: no contender %q", p.what, name)
			}
		}
		if library, _, _ := strings.Cut(p.slow, "-"); slices.Contains([]string{"sleef", "libmvec", "zuko"}, library) != p.needsOtherOne {
			t.Errorf("%s: is its slower contender a peer?", p.what)
		}
	}
	for _, w := range work {
		w.on(kernels.Generic)()
	}
}

func TestBounds(t *testing.T) {
	names := map[string]bool{}
	in := cases.NewInputs(8, 2)
	for _, k := range append(cases.Functions(in), cases.OfMixtures(in)...) {
		names[k.Name+"/"+k.Form] = true
	}
	for name := range counts {
		if !names[name] {
			t.Errorf("a count for %q, which is no kernel", name)
		}
	}
	for tier, own := range tierCounts {
		for name := range own {
			if !names[name] {
				t.Errorf("%s: a count for %q, which is no kernel", tier, name)
			}
		}
	}
	wide, _ := bound("MixtureForward", "shared", 8, kernels.AVX512)
	narrow, known := bound("MixtureForward", "shared", 8, kernels.AVX2)
	if !known || math.Abs(narrow-2*wide) > 1e-12 {
		t.Errorf("bounds %v and %v cycles", wide, narrow)
	}
	if _, known := bound("MixtureForward", "shared", 8, kernels.Generic); known {
		t.Error("a bound for the scalar reference, which has no vectors")
	}
	if _, known := bound("MixtureInverse", "shared", 8, kernels.AVX2); known {
		t.Error("a bound for the inverse, whose rounds nobody has counted")
	}
}

// Others that fail are left out, with the reason; ours must not fail.
func TestMeasureLeavesOut(t *testing.T) {
	good := harness.Local("good", func() {})
	bad := harness.Contender{Name: "bad", Run: func(int) (time.Duration, error) { return 0, errors.New("first\nsecond\nlast") }}
	none := func(string) bool { return false }
	s, failed, err := measure([]harness.Contender{bad, good, bad}, none, harness.Options{Rounds: 1})
	if err != nil || s["good"].Ns == nil || len(s) != 1 || len(failed) != 1 || reason(failed["bad"]) != "first … last" {
		t.Errorf("%v, left out %v, %v", s, failed, err)
	}
	if s, failed, err := measure([]harness.Contender{bad}, none, harness.Options{Rounds: 1}); err != nil || len(s) != 0 || len(failed) != 1 {
		t.Errorf("%v, left out %v, %v", s, failed, err)
	}
	if _, _, err := measure([]harness.Contender{good, bad}, func(name string) bool { return name == "bad" }, harness.Options{Rounds: 1}); err == nil {
		t.Error("ours failed: no error")
	}
}

func TestDiffers(t *testing.T) {
	out := []float64{-1, 200, 0.5}
	c := harness.Local("c", func() {}, out)
	if worst, err := differs(c, []float64{-1, 202, 0.5}, 0.01); err != nil || math.Abs(worst-2.0/202) > 1e-15 {
		t.Errorf("differs by %v, %v", worst, err)
	}
	for _, want := range [][]float64{{-1, 203, 0.5}, {-1, 200}, {-1, 200, math.NaN()}} {
		if _, err := differs(c, want, 0.01); err == nil {
			t.Errorf("%v is taken for %v", out, want)
		}
	}
}

// The whole way from a problem to the files of its table, without peers.
func TestCompareProblem(t *testing.T) {
	r := &report{results: t.TempDir(), rounds: 2, slice: time.Microsecond}
	in := cases.NewInputs(64, 3)
	table := &harness.Table{Name: "c", Columns: []harness.Column{{Name: "problem"}, {Name: "contender"}, {Name: "time"}, {Name: "cycles"}, {Name: "faster"}, {Name: "error"}, {Name: "unit"}}}
	var bars harness.Bars
	problem := cases.Problems(in)[0]
	bad := harness.Local("bad", func() {}, make([]float64, in.N))
	broken := harness.Contender{Name: "broken", Check: func() ([]float64, error) { return nil, errors.New("no licence") }}
	if err := r.compareProblem(table, &bars, &problem, append(problem.Plain, bad, broken), r.kernelOptions()); err != nil {
		t.Fatal(err)
	}
	if got := table.Rows[len(problem.Plain)]; got[1] != "bad" || got[2] != "wrong, not timed" {
		t.Errorf("a contender that returns zeros: %v", got)
	}
	if got := table.Rows[len(problem.Plain)+1]; got[1] != "broken" || got[2] != leftOut || len(table.Notes) != 1 || !strings.Contains(table.Notes[0], "no licence") {
		t.Errorf("a contender that fails: %v, %v", got, table.Notes)
	}
	if want := len(problem.Plain) + 2 + len(kernels.Tiers()); len(table.Rows) != want {
		t.Errorf("%d rows, want %d", len(table.Rows), want)
	}
	if err := r.publish(table, bars.WritePNG); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"c.txt", "c.json", "c.png"} {
		content, err := os.ReadFile(filepath.Join(r.results, name))
		if err != nil || len(content) == 0 {
			t.Errorf("%s: %v", name, err)
		}
		if strings.HasSuffix(name, ".png") {
			if _, err := png.Decode(bytes.NewReader(content)); err != nil {
				t.Error(err)
			}
		}
	}
}
