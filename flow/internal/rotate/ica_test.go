package rotate

import (
	"context"
	"errors"
	"math"
	"runtime"
	"testing"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

// sources draws n white samples of d independent coordinates, turned by q.
func sources(d, n int, q []float64) tile.Tile {
	rng := flowtest.NewRand(uint64(d))
	s, z := tile.New(d, n), tile.New(d, n)
	for j := range d {
		for i := range n {
			switch v := &s.Row(j)[i]; j % 3 {
			case 0:
				*v = math.Sqrt(12) * (rng.Float64() - 0.5)
			case 1:
				*v = rng.ExpFloat64() - 1
			default:
				*v = 0.95*float64(2*rng.IntN(2)-1) + math.Sqrt(1-0.95*0.95)*rng.NormFloat64()
			}
		}
		for a := range d {
			for i, v := range s.Row(j) {
				z.Row(a)[i] += q[a*d+j] * v
			}
		}
	}
	return z
}

// Each axis is that of one source, all of which are found, whatever the start.
func TestFastICA(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, d := range []int{1, 2, 3, 8} {
		n := 2000
		if d == 3 { // more samples than are taken
			n = 12000
		}
		q := Haar(d, flowtest.NewRand(9))
		z := sources(d, n, q)
		for seed := range uint64(2) {
			w, iterations, converged, err := FastICA(context.Background(), z, Haar(d, flowtest.NewRand(seed)))
			if err != nil || !converged {
				t.Fatalf("d=%d: %d iterations, converged: %v, %v", d, iterations, converged, err)
			}
			found := make([]bool, d)
			for a := range d {
				length, most, at := 0.0, 0.0, 0
				for j := range d {
					length += w[a*d+j] * w[a*d+j]
					c := 0.0
					for i := range d {
						c += w[a*d+i] * q[i*d+j]
					}
					if c = math.Abs(c); c > most {
						most, at = c, j
					}
				}
				if math.Abs(length-1) > 1e-12 || !(most > 0.95) || found[at] {
					t.Errorf("d=%d: axis %d has length² %v and the cosine %v with source %d, found before: %v", d, a, length, most, at, found[at])
				}
				found[at] = true
			}
			runtime.GOMAXPROCS(1 + int(seed))
			again, _, _, _ := FastICA(context.Background(), z, Haar(d, flowtest.NewRand(seed)))
			flowtest.SameBits(t, "rotation", again, w)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, _, err := FastICA(ctx, sources(2, 100, []float64{1, 0, 0, 1}), []float64{1, 0, 0, 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancellation the error is %v", err)
	}
}
