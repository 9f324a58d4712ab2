package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/bench/density"
	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/flow"
)

// time prints what a step of training costs, and how long it takes to the parameters that the rows held out like best, on
// one core: with the default conditioners, with plain ones of the same sizes, and of zuko's neural spline flow, if python
// has it.
func (s *settings) time(ctx context.Context, out io.Writer, table *density.Table, python string, o harness.Options) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	dir, err := os.MkdirTemp("", "training-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var zuko *harness.Peer
	if python != "" {
		if zuko, err = startZuko(dir, python); err != nil {
			return err
		}
		defer zuko.Close()
		fmt.Fprintln(out, zuko.Version+", float32, one thread")
	}
	splits := make([]density.Split, s.seeds)
	for seed := range splits {
		splits[seed] = table.Split(seed)
		for part, x := range map[string][]float64{
			"train": slices.Concat(splits[seed].Train...), "test": slices.Concat(splits[seed].Test...), "columns": {float64(len(splits[seed].Train[0]))},
		} {
			if err := harness.WriteFloats(filepath.Join(dir, fmt.Sprintf("density-0-%d-%s.f64", seed, part)), x); err != nil {
				return err
			}
		}
	}
	if err := stepTimes(ctx, out, matrix(splits[0].Train), zuko, o); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "seed\tof\tlog p\ts to the best\ts in all\t")
	for seed, split := range splits {
		began := time.Now()
		x, test := matrix(split.Train), matrix(split.Test)
		_, f, err := s.begin(ctx, x, seed)
		if err != nil {
			return err
		}
		reached := []time.Duration{time.Since(began)} // by the steps
		train := s.train
		train.Seed = uint64(seed)
		train.Progress = func(flow.Step) { reached = append(reached, time.Since(began)) }
		h, err := flow.Train(ctx, f, x, train)
		if err != nil {
			return err
		}
		whole := time.Since(began)
		lp, err := score(f, test)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%d\tgaussflow, from %s\t%.4f\t%.2f\t%.2f\t\n", seed, s.start, mean(lp), reached[h.Kept].Seconds(), whole.Seconds())
		if zuko != nil {
			answer, err := zuko.Contender(fmt.Sprintf("whole:0:%d", seed)).Check()
			if err == nil && len(answer) != len(split.Test)+2 {
				err = fmt.Errorf("%d numbers", len(answer))
			}
			if err != nil {
				return fmt.Errorf("zuko: %w", err)
			}
			lp, seconds := answer[:len(split.Test)], answer[len(split.Test):]
			fmt.Fprintf(w, "%d\tzuko's NSF\t%.4f\t%.2f\t%.2f\t\n", seed, mean(lp), seconds[0], seconds[1])
		}
		w.Flush()
	}
	return nil
}

// stepTimes prints the times of steps on minibatches of 256 rows, measured in turn.
func stepTimes(ctx context.Context, out io.Writer, x *mat.Dense, zuko *harness.Peer, o harness.Options) error {
	start, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 4})
	if err != nil {
		return err
	}
	ours := func(name string, plain bool) harness.Contender {
		return harness.Contender{Name: name, Run: func(steps int) (time.Duration, error) {
			f, err := start.Couple(flow.CouplingOptions{Plain: plain})
			if err != nil {
				return 0, err
			}
			began := time.Now()
			_, err = flow.Train(ctx, f, x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: steps, Batch: 256})
			return time.Since(began), err
		}}
	}
	contenders := []harness.Contender{ours("gaussflow, 4 blocks", false), ours("the same, plain conditioners", true)}
	if zuko != nil {
		nsf := zuko.Contender("step:0:0")
		nsf.Name = "zuko's NSF, 3 transforms"
		contenders = append(contenders, nsf)
	}
	series, err := harness.Measure(contenders, o)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "a step of\tms\ttimes gaussflow's [quartiles]\t")
	for _, s := range series {
		ms, over := s.Time(1e6), s.Over(series[0])
		fmt.Fprintf(w, "%s\t%.3f\t%.2f [%.2f %.2f]\t\n", s.Name, ms.Median, over.Median, over.Low, over.High)
	}
	fmt.Fprintln(w)
	return w.Flush()
}

// startZuko starts the peer that trains zuko's neural spline flow.
func startZuko(dir, python string) (*harness.Peer, error) {
	interpreter, err := filepath.Abs(python)
	if err != nil {
		return nil, err
	}
	script, err := filepath.Abs(filepath.Join("bench", "peers", "density_peer.py"))
	if err != nil {
		return nil, err
	}
	p, err := harness.Start("zuko", dir, []string{"OMP_NUM_THREADS=1", "PYTHONDONTWRITEBYTECODE=1"}, interpreter, script, "training", dir)
	if absent := (*harness.Absent)(nil); errors.As(err, &absent) {
		return nil, fmt.Errorf("%w (make compare-setup installs it; -python '' does without)", err)
	}
	return p, err
}
