//go:build gonum && !openblas

package blas

import "testing"

const wantBackend = "gonum"

func TestNoCore(t *testing.T) {
	if got := Core(); got != "" {
		t.Errorf("Core() = %q, want none", got)
	}
}
