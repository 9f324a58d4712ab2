package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// limitedPipe is full after so many bytes.
type limitedPipe struct{ left int }

func (p *limitedPipe) Write(b []byte) (int, error) {
	n := min(len(b), p.left)
	if p.left -= n; n < len(b) {
		return n, errors.New("the pipe is full")
	}
	return n, nil
}

// Wherever standard output fails, the command says so and fails.
func TestOutputFailsAnywhere(t *testing.T) {
	dir := t.TempDir()
	data, model := filepath.Join(dir, "data.csv"), filepath.Join(dir, "model.safetensors")
	rng := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	b.WriteString("a,b\n")
	for range 60 {
		fmt.Fprintf(&b, "%v,%v\n", rng.NormFloat64(), rng.NormFloat64())
	}
	if err := os.WriteFile(data, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := call(t.Context(), "fit", data, "-rbig", "-blocks", "1", "-components", "2", "-holdout", "0", "-o", model); status != statusDone {
		t.Fatal(stderr)
	}
	step := 1
	if testing.Short() {
		step = 23
	}
	for _, args := range [][]string{
		{"version"}, {"info", model}, {"info", model, "-json"},
		{"score", model, data}, {"score", model, data, "-json"}, {"sample", model, "-n", "20"}, {"map", model, data},
	} {
		status, whole, stderr := call(t.Context(), args...)
		if status != statusDone || whole == "" {
			t.Fatalf("gaussflow %q: status %d, output %q, errors %q", args, status, whole, stderr)
		}
		for left := 0; left < len(whole); left += step {
			var stderr bytes.Buffer
			if status := run(t.Context(), args, strings.NewReader(""), &limitedPipe{left}, &stderr); status != statusFailed || !strings.Contains(stderr.String(), "the pipe is full") {
				t.Errorf("gaussflow %q, output full after %d of %d bytes: status %d, errors %q", args, left, len(whole), status, stderr.String())
				break
			}
		}
	}
}
