package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Every place of the table is there, once, and a defect is a change. `make mutation` runs the suites.
func TestPlaces(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := map[string]bool{}
	for _, m := range mutants {
		src, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.File)))
		if err != nil {
			t.Error(err)
			continue
		}
		mutated, err := m.apply(string(src))
		if err != nil {
			t.Errorf("%s: %v", m.What, err)
		} else if mutated == string(src) {
			t.Errorf("%s: changes nothing", m.What)
		}
		if seen[m.What] {
			t.Errorf("%q stands twice in the table", m.What)
		}
		seen[m.What] = true
	}
	if len(mutants) < 160 { // as the README says
		t.Errorf("only %d mutants", len(mutants))
	}
}

// Assembly is broken where it runs.
func TestTier(t *testing.T) {
	for file, want := range map[string]string{"asm/sums_avx512_amd64.s": "avx512", "asm/avx2_amd64.h": "avx2", "asm/neon_arm64.h": "neon", "asm/steps_arm64.h": "neon", "asm/coeffs.go": "", "kernels/neon.go": ""} {
		m := Mutant{File: file}
		if got, assembly := m.tier(); got != want || assembly != (want != "") {
			t.Errorf("%s: tier %q", file, got)
		}
		switch s, runs := m.suite(); {
		case want == "" && !runs:
			t.Errorf("%s does not run", file)
		case s.emulated != (want == "neon" && runtime.GOARCH != "arm64"):
			t.Errorf("%s is emulated: %v", file, s.emulated)
		}
	}
}

func TestApply(t *testing.T) {
	m := Mutant{File: "f.go", Old: "a + b", New: "a - b"}
	for src, want := range map[string]string{
		"x := a +\n\tb\n": "x := a - b\n",
		"x := a*b":        "found 0 times",
		"a + b; a + b":    "found 2 times",
	} {
		got, err := m.apply(src)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q becomes %q, want %q", src, got, want)
		}
	}
	if _, err := (Mutant{}).apply("x"); err == nil {
		t.Error("nothing was found, and that is no error")
	}
}
