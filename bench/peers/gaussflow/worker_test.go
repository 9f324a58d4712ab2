package main

import (
	"path/filepath"
	"testing"

	"github.com/gaussflow/gaussflow/bench/cases"
	"github.com/gaussflow/gaussflow/bench/harness"
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
	for _, name := range []string{"train", "gemm", "score/n=100/d=3/K=2/blocks=1", "step/d=3/K=2/blocks=1", "fit-growth/n=200/d=2/K=2/blocks=1", "em-fit"} {
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
	if want := (request{"score", 5, 2, 7, 4}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}
