//go:build openblas

package blas

import "testing"

const wantBackend = "openblas"

func TestOneThread(t *testing.T) {
	if got := threads(); got != 1 {
		t.Errorf("OpenBLAS uses %d threads, want 1", got)
	}
}
