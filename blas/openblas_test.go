//go:build openblas

package blas

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
)

const wantBackend = "openblas"

func TestOneThread(t *testing.T) {
	if got := threads(); got != 1 {
		t.Errorf("OpenBLAS uses %d threads, want 1", got)
	}
}

// The environment chooses the kernels of OpenBLAS, and Core tells of it. Prescott's
// run on every amd64 processor.
func TestCore(t *testing.T) {
	const name = "GAUSSFLOW_TEST_CORE"
	if os.Getenv(name) != "" {
		fmt.Print(Core())
		os.Exit(0)
	}
	if Core() == "" {
		t.Error("OpenBLAS has no name for its kernels")
	}
	if runtime.GOARCH != "amd64" {
		return
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCore$")
	c.Env = append(os.Environ(), name+"=1", "OPENBLAS_CORETYPE=Prescott")
	if out, err := c.CombinedOutput(); err != nil || string(out) != "Prescott" {
		t.Errorf("with OPENBLAS_CORETYPE=Prescott: %v, Core() = %q", err, out)
	}
}
