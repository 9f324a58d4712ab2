package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/gaussflow/gaussflow/bench/cases"
	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/kernels"
)

// Every case must do its work at a small size.
func TestCases(t *testing.T) {
	dir := t.TempDir()
	columns, err := cases.Columns()
	if err != nil {
		t.Fatal(err)
	}
	if err := harness.WriteFloats(filepath.Join(dir, "columns.f64"), columns.RawMatrix().Data); err != nil {
		t.Fatal(err)
	}
	_, moons, err := cases.Moons()
	if err != nil {
		t.Fatal(err)
	}
	var saved bytes.Buffer
	if err := moons.Save(&saved); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, cases.CoupledFile), saved.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"train", "log-prob", "gemm", "score/n=100/d=3/K=2/blocks=1", "step/d=3/K=2/blocks=1", "fit-growth/n=200/d=2/K=2/blocks=1", "default-fit/n=100/d=2", "em-fit", "mixture-log-prob",
		"product-NN/out=3/in=5/n=7", "product-NT/out=3/in=5/n=7", "product-TN/out=3/in=5/n=7", "pca/n=1000/d=3"} {
		w, err := open(name, dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if took, err := w.Run(1); err != nil || took <= 0 {
			t.Errorf("%s took %v, %v", name, took, err)
		}
	}
}

func TestNoSuchCase(t *testing.T) {
	for _, name := range []string{"", "nothing", "score/n=0", "score/x=3", "score/n", "step/K=many"} {
		if _, err := open(name, t.TempDir()); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
}

func TestParse(t *testing.T) {
	got, err := parse("score/n=5/K=7", request{n: 1, d: 2, k: 3, blocks: 4})
	if want := (request{what: "score", n: 5, d: 2, k: 7, blocks: 4}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

// The products of a layer are those that its formula says.
func TestProducts(t *testing.T) {
	for what, inner := range map[string]int{"NN": 5, "NT": 7, "TN": 3} {
		w, err := open("product-"+what+"/out=3/in=5/n=7", t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.Check()
		if err != nil || len(got) != 3*5*7/inner {
			t.Errorf("%s: %d numbers, %v; want %d", what, len(got), err, 3*5*7/inner)
		}
	}
}

func TestPeak(t *testing.T) {
	w, err := open("peak", t.TempDir())
	if tier, _ := kernels.Active(); tier == kernels.Generic {
		if err == nil {
			t.Error("the reference has a peak")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	took, err := w.Run(100)
	if err != nil {
		t.Fatal(err)
	}
	each, err := w.Value()
	if rate := 100 * each / float64(took.Nanoseconds()); err != nil || !(rate > 0 && rate < 1000) {
		t.Errorf("%v fused multiply-adds in a nanosecond, %v", rate, err)
	}
}
