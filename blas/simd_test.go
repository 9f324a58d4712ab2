//go:build !openblas && !gonum

package blas

import "testing"

const wantBackend = "simd"

func TestNoCore(t *testing.T) {
	if got := Core(); got != "" {
		t.Errorf("Core() = %q, want none", got)
	}
}
