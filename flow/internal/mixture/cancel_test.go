package mixture

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
)

// EM looks at its context at every shard and component, and stops at whichever look says so, with the error and without much
// more work.
func TestCancel(t *testing.T) {
	const n, d, k = 5 * shardSize, 2, 3
	x := blas.Matrix{Rows: d, Cols: n, Stride: n, Data: flowtest.Tile(d, n, 1, flowtest.NewRand(1)).Data}
	o := Options{Family: Family{Target: ToPooled, Strength: 1}, Components: k, Floor: []float64{1e-6, 1e-6}, Iterations: 3, Tolerance: 0}
	all := &flowtest.Looks{Context: context.Background(), Most: math.MaxInt64}
	_, c, err := Fit(all, x, o)
	if err != nil {
		t.Fatal(err)
	}
	total := all.Count.Load()
	// Twice the rows of the start, its centres, steps and components; then shards, components and one more for each iteration.
	if want := int64(2*n + k + kMeansSteps + k + c.Iterations*(5+k+1)); total != want {
		t.Errorf("%d looks in %d iterations; want %d", total, c.Iterations, want)
	}
	for most := range total {
		if most > 50 && most < 2*n-50 && most%97 != 0 {
			continue
		}
		l := &flowtest.Looks{Context: context.Background(), Most: most}
		if m, _, err := Fit(l, x, o); !errors.Is(err, context.Canceled) || m != nil {
			t.Fatalf("stopped at look %d of %d: %v, %v", most+1, total, m, err)
		}
		// Each loop that has looks of its own may ask once more, on each of a few goroutines.
		if more := l.Count.Load() - most; more > 12 {
			t.Fatalf("stopped at look %d of %d, it looks %d times more", most+1, total, more)
		}
	}
}
