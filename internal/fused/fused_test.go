package main

import (
	"os"
	"strings"
	"testing"
)

// What the compiler fuses on its own is found on every target, and nothing else.
func TestListing(t *testing.T) {
	for _, target := range targets {
		text, err := target.build([]string{"./testdata/fusable"})
		if err != nil {
			t.Fatal(err)
		}
		found, asked := target.listing(text, readLines)
		if asked != 1 || len(found) != 1 || !strings.Contains(found[0].at, "fusable.go:11") {
			t.Errorf("%s: %d fused instructions that were asked for, and %v: want 1, and line 11", target.arch, asked, found)
		}
	}
}

func TestSource(t *testing.T) {
	const name = "testdata/fusable/fusable.go"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	found, err := source(name, text)
	if err != nil {
		t.Fatal(err)
	}
	var whys []string
	for _, f := range found {
		whys = append(whys, f.why)
	}
	if got := strings.Join(whys, "\n"); len(found) != 2 || !strings.Contains(got, "math.Exp") || !strings.Contains(got, "NormFloat64") {
		t.Errorf("found %q", got)
	}
}
