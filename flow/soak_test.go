package flow

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
)

// A flow that 64 goroutines share, evaluating, sampling and streaming at once, some of
// them cancelled on the way, gives the bits that it gives alone; and nothing that it
// started is left behind.
func TestSharedFlowSoak(t *testing.T) {
	const goroutines, n, seeds, piece = 64, 700, 4, 150
	rounds := 40
	if testing.Short() {
		rounds = 3
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	rng := flowtest.NewRand(3)
	mixture := mustFit(t, rows(300, 3, 1, drawClusters), FitOptions{MaxComponents: 3})
	for name, f := range map[string]*Flow{
		"diagonal": randomDiagonal(3, 2, rng),
		"coupling": randomCoupling(t, 3, 2, CouplingOptions{Width: 8}, rng),
		"fitted":   mixture,
	} {
		x := randomRows(n, 3, 1, rng)
		want := evaluateAll(t, f, x, x)
		var block mat.Dense
		if err := f.Block(0).Forward(&block, nil, x); err != nil {
			t.Fatal(err)
		}
		var samples [seeds]mat.Dense
		for s := range samples {
			samples[s].ReuseAs(100, 3)
			if err := f.Sample(&samples[s], rand.NewPCG(uint64(s), 0)); err != nil {
				t.Fatal(err)
			}
		}
		var saved strings.Builder
		if err := f.Save(&saved); err != nil {
			t.Fatal(err)
		}

		same := func(what string, got, want []float64) error {
			if !slices.EqualFunc(got, want, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }) {
				return errors.New(what + " has other bits than alone")
			}
			return nil
		}
		part := func(m *mat.Dense, from, to int) []float64 { return m.RawMatrix().Data[3*from : 3*to] }
		// one does something at random and compares it.
		one := func(rng *rand.Rand) error {
			from := rng.IntN(n - 1)
			to := from + 1 + rng.IntN(n-from)
			in := x.Slice(from, to, 0, 3)
			out, numbers := new(mat.Dense), make([]float64, to-from)
			switch rng.IntN(9) {
			case 0:
				return errors.Join(f.LogProb(numbers, in), same("LogProb", numbers, want.logDensity[from:to]))
			case 1:
				return errors.Join(f.Forward(out, numbers, in), same("Forward", out.RawMatrix().Data, part(&want.forward, from, to)), same("log-det", numbers, want.forwardLogDet[from:to]))
			case 2:
				return errors.Join(f.Inverse(out, numbers, in), same("Inverse", out.RawMatrix().Data, part(&want.inverse, from, to)), same("log-det", numbers, want.inverseLogDet[from:to]))
			case 3:
				s := rng.IntN(seeds)
				out.ReuseAs(100, 3)
				return errors.Join(f.Sample(out, rand.NewPCG(uint64(s), 0)), same("Sample", out.RawMatrix().Data, samples[s].RawMatrix().Data))
			case 4:
				lp, err := f.Score(x.RawRowView(from))
				return errors.Join(err, same("Score", []float64{lp}, want.logDensity[from:from+1]))
			case 5:
				return errors.Join(f.Block(0).Forward(out, nil, in), same("Block.Forward", out.RawMatrix().Data, part(&block, from, to)))
			case 6:
				var b strings.Builder
				if err := f.Save(io.MultiWriter(&b, io.Discard)); err != nil || b.String() != saved.String() {
					return errors.Join(err, errors.New("Save writes other bytes than alone"))
				}
				return nil
			case 7:
				// The whole sequence, or what comes before it is cancelled or left.
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				stop, leave, at := rng.IntN(2*n), rng.IntN(2*n), 0
				for lp, err := range f.LogProbSeq(ctx, inBlocks(x, piece)) {
					if err != nil {
						if stop < n && errors.Is(err, context.Canceled) {
							return nil
						}
						return err
					}
					if err := same("LogProbSeq", lp, want.logDensity[at:at+len(lp)]); err != nil {
						return err
					}
					if at += len(lp); at > stop {
						cancel()
					}
					if at > leave {
						return nil
					}
				}
				if at != n && stop >= n {
					return errors.New("LogProbSeq ends too early")
				}
				return nil
			default:
				ctx, cancel := context.WithCancel(t.Context())
				if rng.IntN(3) == 0 {
					cancel() // before it begins
				}
				defer cancel()
				at := 0
				for m, err := range f.InverseSeq(ctx, inBlocks(x, piece)) {
					if err != nil {
						if ctx.Err() != nil && errors.Is(err, context.Canceled) {
							return nil
						}
						return err
					}
					rows, _ := m.Rows.Dims()
					if err := errors.Join(same("InverseSeq", part(m.Rows, 0, rows), part(&want.inverse, at, at+rows)), same("log-det", m.LogDet, want.inverseLogDet[at:at+rows])); err != nil {
						return err
					}
					at += rows
				}
				return nil
			}
		}
		var all sync.WaitGroup
		for g := range goroutines {
			all.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(g), 5))
				for range rounds {
					if err := one(rng); err != nil {
						t.Errorf("%s: %v", name, err)
						return
					}
				}
			})
		}
		all.Wait()
	}
	// Those that have returned may not be gone yet; one that stays ends with the test's deadline.
	for stacks := make([]byte, 1<<20); ; time.Sleep(time.Millisecond) {
		if n := runtime.Stack(stacks, true); !strings.Contains(string(stacks[:n]), "created by github.com/gaussflow/gaussflow/flow") {
			break
		}
	}
}
