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
	// One, the shards of the covariance, twice the rows of the start, its centres, steps and components; then components,
	// shards, one more and components again for each iteration.
	if want := int64(1 + 5 + 2*n + k + kMeansSteps + k + c.Iterations*(k+5+1+k)); total != want {
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

// What is done with fitted mixtures looks at every row, component or pair of components, and once it is stopped does next to
// no work any more.
func TestLooks(t *testing.T) {
	const n, d, k, models = 3 * shardSize, 3, 12, 4
	x := blas.Matrix{Rows: d, Cols: n, Stride: n, Data: flowtest.Tile(d, n, 1, flowtest.NewRand(1)).Data}
	m, _, err := Fit(context.Background(), x, Options{Family: Family{Target: ToPooled, Strength: 1}, Components: k, Floor: []float64{1e-6, 1e-6, 1e-6}, Iterations: 3})
	if err != nil {
		t.Fatal(err)
	}
	densities := make([][]float64, models)
	for i := range densities {
		densities[i] = make([]float64, n)
		m.Inflated(float64(i+1)).LogDensity(context.Background(), densities[i], x)
	}
	for name, c := range map[string]struct {
		do    func(context.Context)
		least int64
	}{
		"moments":     {func(ctx context.Context) { Moments(ctx, x) }, n / shardSize},
		"log-density": {func(ctx context.Context) { m.LogDensity(ctx, make([]float64, n), x) }, k + n/shardSize},
		"distances":   {func(ctx context.Context) { m.Distances(ctx, x) }, n},
		"merging":     {func(ctx context.Context) { m.Reduced(ctx, 0, 1) }, k + k*(k-1)/2 + k},
		"stacking":    {func(ctx context.Context) { Stack(ctx, densities, 0.02, nil) }, models},
	} {
		all := &flowtest.Looks{Context: context.Background(), Most: math.MaxInt64}
		c.do(all)
		total := all.Count.Load()
		if total < c.least {
			t.Errorf("%s: %d looks; want %d", name, total, c.least)
		}
		for most := range total {
			l := &flowtest.Looks{Context: context.Background(), Most: most}
			c.do(l)
			if more := l.Count.Load() - most; more > 3*k { // a loop over the components may be under way
				t.Fatalf("%s: stopped at look %d of %d, it looks %d times more", name, most+1, total, more)
			}
		}
	}
}
