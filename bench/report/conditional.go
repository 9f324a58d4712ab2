package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/internal/conditional"
)

// The sizes of a conditional fit, and the x that samples are drawn at.
const conditionalRows, conditionalFresh, conditionalSamples = 5000, 20000, 20000

var conditionalAt = []float64{-1, -0.5, 0, 0.5, 1}

// A conditionalContender fits p(y | x) to rows of y and x. It returns the log-density of
// fresh rows, and samples given each of conditionalAt, conditionalSamples of each.
type conditionalContender struct {
	name string
	fit  func(stem string, rows, fresh *mat.Dense, seed int) (logProb, samples []float64, err error)
}

var conditionalZuko = limited(trained, zukoPeer("zuko, conditional", "density_peer.py", "conditional", patient))

// conditional is the command: how well conditional densities fit rows that nobody saw, and
// whether samples given x have the conditional quantiles.
func (r *report) conditional() error {
	seeds := (r.splits + 1) / 2
	contenders := []conditionalContender{{"gaussflow.FitGiven", conditionalFit}}
	t := &harness.Table{
		Name: "conditional", Title: fmt.Sprintf("Conditional densities: mean log p(y | x) of %d fresh rows, fitted to %d", conditionalFresh, conditionalRows),
		Columns: []harness.Column{
			{Name: "y"}, {Name: "density"}, {Name: "seeds"}, {Name: "mean", Unit: "nats"},
			{Name: "below the truth", Unit: "nats, paired"}, {Name: "standard error", Unit: "of that, over seeds"},
			{Name: "most", Unit: "of any seed"}, {Name: "time", Unit: "s, fit, score and sample"},
		},
	}
	quantiles := &harness.Table{
		Name: "conditional-quantiles", Title: fmt.Sprintf("Conditional densities: quantiles of %d samples given x", conditionalSamples),
		Columns: []harness.Column{
			{Name: "y"}, {Name: "x"}, {Name: "density"},
			{Name: "off", Unit: "in probability, mean of seeds"}, {Name: "most", Unit: "of any seed"},
			{Name: "off by", Unit: "of 5 to 95 %, mean of seeds"}, {Name: "at most", Unit: "of any seed"},
		},
	}
	switch p, err := r.peer(conditionalZuko); {
	case err != nil:
		return err
	case p == nil:
		t.Note("Not here: zuko; to install it: %s.", conditionalZuko.install)
	default:
		contenders = append(contenders, conditionalContender{"NSF (zuko)", func(stem string, rows, fresh *mat.Dense, _ int) (logProb, samples []float64, err error) {
			for part, x := range map[string][]float64{"train": rows.RawMatrix().Data, "test": fresh.RawMatrix().Data, "at": conditionalAt, "samples": {conditionalSamples}} {
				if err := harness.WriteFloats(filepath.Join(r.data, fmt.Sprintf("conditional-%s-%s.f64", stem, part)), x); err != nil {
					return nil, nil, err
				}
			}
			all, err := p.Contender("nsf:" + stem).Check()
			if err == nil && len(all) != conditionalFresh+len(conditionalAt)*conditionalSamples {
				err = fmt.Errorf("%d numbers", len(all))
			}
			if err != nil {
				return nil, nil, err
			}
			return all[:conditionalFresh], all[conditionalFresh:], nil
		}})
	}
	t.Note("x is uniform in [-2, 2]; each seed has rows and fresh rows of its own. gaussflow.FitGiven with its defaults; zuko's neural spline flow has three transforms and 64×64 hidden units, and is trained until 15 %% of the rows, held out, say that there is no more progress (bench/peers/density_peer.py). float32 there. On all %d cores.", cores())
	quantiles.Note("In probability: a sample quantile, of p, is the true quantile of p'; off is the largest |p' - p| of 1 to 99 %%. Samples of the truth would be off by some 0.006.")
	quantiles.Note("In distance: the largest difference of a sample quantile from the true one, from 5 to 95 %%, in parts of the distance of those two. Between branches there is next to nothing, and quantiles there move far.")
	for _, d := range conditional.All {
		truth := []float64{}
		all := make([]conditionalScores, len(contenders))
		for seed := range seeds {
			rng := rand.New(rand.NewPCG(uint64(seed), 77))
			rows, fresh := d.Rows(conditionalRows, rng), d.Rows(conditionalFresh, rng)
			right := stat.Mean(d.LogProb(fresh), nil)
			truth = append(truth, right)
			for c, contender := range contenders {
				start := time.Now()
				logProb, samples, err := contender.fit(fmt.Sprintf("%s-%d", d.Name, seed), rows, fresh, seed)
				if err != nil {
					return fmt.Errorf("%s, seed %d, %s: %w", d.Name, seed, contender.name, err)
				}
				all[c].add(d, time.Since(start).Seconds(), logProb, right, samples)
			}
			log.Printf("%s, seed %d of %d", d.Name, seed+1, seeds)
		}
		for c, contender := range contenders {
			s := &all[c]
			below, se := meanError(s.below)
			t.Add(d.Formula, contender.name, seeds, harness.Nats(stat.Mean(s.mean, nil)), harness.Nats(below), harness.Nats(se), harness.Nats(slices.Max(s.below)), stat.Mean(s.seconds, nil))
		}
		t.Add(d.Formula, "the true density", seeds, harness.Nats(stat.Mean(truth, nil)), nil, nil, nil, nil)
		for k, x := range conditionalAt {
			for c, contender := range contenders {
				s := &all[c]
				quantiles.Add(d.Formula, x, contender.name, harness.Nats(stat.Mean(s.off[k], nil)), harness.Nats(slices.Max(s.off[k])), percent(stat.Mean(s.far[k], nil)), percent(slices.Max(s.far[k])))
			}
		}
	}
	return errors.Join(r.publish(t, nil), r.publish(quantiles, nil))
}

func percent(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }

// conditionalScores are what a contender made of each seed; off, in probability, and far, in
// distance, are by x first.
type conditionalScores struct {
	mean, below, seconds []float64
	off, far             [][]float64
}

func (s *conditionalScores) add(d conditional.Density, seconds float64, logProb []float64, truth float64, samples []float64) {
	mean := stat.Mean(logProb, nil)
	s.mean, s.below, s.seconds = append(s.mean, mean), append(s.below, truth-mean), append(s.seconds, seconds)
	if s.off == nil {
		s.off, s.far = make([][]float64, len(conditionalAt)), make([][]float64, len(conditionalAt))
	}
	for k, x := range conditionalAt {
		off, far := d.Off(x, samples[k*conditionalSamples:(k+1)*conditionalSamples])
		s.off[k], s.far[k] = append(s.off[k], off), append(s.far[k], far)
	}
}

// meanError returns the mean and its standard error, which is NaN for one value.
func meanError(x []float64) (mean, se float64) {
	return pairedError(x, make([]float64, len(x)))
}

// conditionalFit is gaussflow's own.
func conditionalFit(_ string, rows, fresh *mat.Dense, seed int) (logProb, samples []float64, err error) {
	f, err := flow.FitGiven(context.Background(), rows, flow.GivenOptions{Seed: uint64(seed), Train: flow.TrainOptions{Seed: uint64(seed)}})
	if err != nil {
		return nil, nil, err
	}
	logProb = make([]float64, conditionalFresh)
	if err := f.LogProb(logProb, fresh); err != nil {
		return nil, nil, err
	}
	given := mat.NewDense(len(conditionalAt)*conditionalSamples, 2, nil)
	for i := range given.RawMatrix().Rows {
		given.Set(i, 1, conditionalAt[i/conditionalSamples])
	}
	err = f.Sample(given, rand.NewPCG(uint64(seed), 5))
	return logProb, mat.Col(nil, 0, given), err
}
