//go:build unix

package flow

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
)

// A fit of 500 columns, and the training behind one, stop within a second, wherever they are. make measure runs this. Where
// other work delays it, the processor time that it takes to stop counts.
func TestCancelDelay(t *testing.T) {
	const n, d, most = 2000, 500, time.Second
	x := flowtest.Table(n, d, flowtest.NewRand(1))
	trained := func(ctx context.Context) error {
		f, err := Fit(ctx, x, FitOptions{MaxComponents: 1})
		if err != nil {
			return err
		}
		if f, err = f.Couple(CouplingOptions{Blocks: 1}); err != nil {
			return err
		}
		_, err = Train(ctx, f, x, TrainOptions{})
		return err
	}
	for _, fit := range []struct {
		name string
		do   func(ctx context.Context) error
	}{
		{"Fit", func(ctx context.Context) error {
			_, err := Fit(ctx, x, FitOptions{})
			return err
		}},
		{"FitRBIG", func(ctx context.Context) error {
			_, err := FitRBIGContext(ctx, x, RBIGOptions{Blocks: 4, Components: 4})
			return err
		}},
		{"Train", trained},
	} {
		for _, after := range []time.Duration{0, 100 * time.Millisecond, time.Second, 3 * time.Second, 8 * time.Second, 20 * time.Second, 40 * time.Second} {
			ctx, cancel := context.WithCancel(context.Background())
			var at, cpu time.Duration
			began := time.Now()
			timer := time.AfterFunc(after, func() {
				at, cpu = time.Since(began), processorTime(t)
				cancel()
			})
			err := fit.do(ctx)
			if timer.Stop() {
				cancel()
				t.Logf("%s is done before %v: %v", fit.name, after, err)
				break
			}
			<-ctx.Done()
			late, took := time.Since(began)-at, processorTime(t)-cpu
			if err == nil {
				t.Logf("%s is done after %v", fit.name, after)
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("%s: %v", fit.name, err)
			}
			t.Logf("%s of %d×%d, stopped after %v: ends %v later, and %v of processor time", fit.name, n, d, after, late.Round(time.Millisecond), took.Round(time.Millisecond))
			if min(late, took) > most {
				t.Errorf("%s ends too late; want %v at most", fit.name, most)
			}
		}
	}
}

// processorTime is what this process has had.
func processorTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Error(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
