// Command training shows what training with its defaults makes of the flows that Fit or
// FitRBIG start it with, on rows that neither has seen: the mean log-density before and
// after, whether samples stay near the data, whether the density falls far out, and what
// a step costs. make training runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/bench/density"
	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/internal/quad"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "training:", err)
		os.Exit(1)
	}
}

type settings struct {
	start          string
	samples, seeds int
	units, plain   bool
	train          flow.TrainOptions
}

func run(ctx context.Context) error {
	var s settings
	var names string
	flag.StringVar(&names, "tables", "two moons,spiral,iris,breast_cancer,digits,rings,sines,five clusters, d=8", "`NAMES` of the tables; those with a comma in their names are found as well")
	flag.IntVar(&s.seeds, "seeds", 5, "splits, or draws, of each table")
	flag.StringVar(&s.start, "start", "fit", "what the flow begins with: fit, or rbig with four blocks")
	flag.IntVar(&s.samples, "samples", 1_000_000, "samples of each trained flow; with 0 they, the tails and the kinks are left out")
	flag.BoolVar(&s.units, "units", false, "train in other units as well")
	flag.BoolVar(&s.plain, "plain", false, "plain conditioners and one cycle of 600 steps, for comparison")
	flag.IntVar(&s.train.Steps, "steps", 0, "the most steps; 0 for the default")
	flag.Float64Var(&s.train.LearningRate, "rate", 0, "learning rate; 0 for the default")
	flag.Float64Var(&s.train.Noise, "noise", 0, "noise; 0 for the default, negative for none")
	timed := flag.Bool("time", false, "measure the time of a step and of a whole training, beside zuko's neural spline flow, and nothing else")
	interpreter := flag.String("python", "build/zuko/bin/python", "`PYTHON` that has zuko; none for no peer")
	flag.Parse()
	tables, err := density.Tables()
	if err != nil {
		return err
	}
	if *timed {
		moons := tables[slices.IndexFunc(tables, func(t *density.Table) bool { return t.Name == "two moons" })]
		return s.time(ctx, os.Stdout, moons, *interpreter, harness.Options{Rounds: 11, Slice: time.Second})
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "table\tseed\ttruth\tstart\ttrained\tgain\t± SE\theld out\tkept\tsteps\tfar\tsd\tentropy\trays\trise\t∫p\tkinks\tunits\ts\t")
	for _, t := range tables {
		if !slices.Contains(strings.Split(names, ","), t.Name) && !(strings.Contains(t.Name, ",") && strings.Contains(names, t.Name)) {
			continue
		}
		var all []result
		for seed := range s.seeds {
			r, err := s.one(ctx, t, seed)
			if err != nil {
				return fmt.Errorf("%s, seed %d: %w", t.Name, seed, err)
			}
			all = append(all, r)
			fmt.Fprintln(w, r.row(t.Name, fmt.Sprint(seed)))
			w.Flush()
		}
		mean, worst := all[0], all[0]
		for _, r := range all[1:] {
			mean.truth += r.truth
			mean.start += r.start
			mean.trained += r.trained
			worst.trained, worst.start = min(worst.trained, r.trained), min(worst.start, r.start)
			worst.gain = min(worst.gain, r.gain)
			worst.far, worst.sd, worst.entropy = max(worst.far, r.far), max(worst.sd, r.sd), max(worst.entropy, r.entropy)
		}
		n := float64(len(all))
		fmt.Fprintf(w, "%s\tmean\t%.4f\t%.4f\t%.4f\t%.4f\t\t\t\t\t\t\t\t\t\t\t\t\t\t\n", t.Name, mean.truth/n, mean.start/n, mean.trained/n, (mean.trained-mean.start)/n)
		fmt.Fprintf(w, "%s\tworst\t\t%.4f\t%.4f\t%.4f\t\t\t\t\t%.2f\t%.3f\t%.4f\t\t\t\t\t\t\t\n", t.Name, worst.start, worst.trained, worst.gain, worst.far, worst.sd, worst.entropy)
		w.Flush()
	}
	return nil
}

// A result is what became of one table with one seed.
type result struct {
	truth, start, trained float64 // mean log-density of the rows to judge by
	gain, se              float64 // paired difference
	heldOut               float64 // gain on the rows held out, in its standard errors
	kept, steps           int
	far                   float64 // largest |sample|, in the largest of the rows
	sd                    float64 // the farthest that a column's spread of samples is from that of the rows, in parts of it
	entropy               float64 // how far log p of samples is from their -entropy
	rays                  int     // along which log p rises beyond 10 standard deviations
	rise                  float64 // the most it rises
	integral              float64 // over the plane
	kinks                 int
	units                 float64 // the most that the score changes with the units
	seconds               float64 // of training
}

func (r result) row(table, seed string) string {
	return fmt.Sprintf("%s\t%s\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.1f\t%d\t%d\t%.2f\t%.3f\t%.4f\t%d\t%.3g\t%.5f\t%d\t%.2g\t%.0f\t",
		table, seed, r.truth, r.start, r.trained, r.gain, r.se, r.heldOut, r.kept, r.steps, r.far, r.sd, r.entropy, r.rays, r.rise, r.integral, r.kinks, r.units, r.seconds)
}

func matrix(rows [][]float64) *mat.Dense {
	x := mat.NewDense(len(rows), len(rows[0]), nil)
	for i, r := range rows {
		x.SetRow(i, r)
	}
	return x
}

// begin returns the flow before training, and the one that is to be trained.
func (s *settings) begin(ctx context.Context, x *mat.Dense, seed int) (start, coupled *flow.Flow, err error) {
	if s.start == "rbig" {
		start, err = flow.FitRBIG(x, flow.RBIGOptions{Blocks: 4, Seed: uint64(seed)})
	} else {
		start, err = flow.Fit(ctx, x, flow.FitOptions{Seed: uint64(seed)})
	}
	if err == nil {
		coupled, err = start.Couple(flow.CouplingOptions{Seed: uint64(seed), Plain: s.plain})
	}
	return start, coupled, err
}

func (s *settings) one(ctx context.Context, t *density.Table, seed int) (r result, err error) {
	split := t.Split(seed)
	x, test := matrix(split.Train), matrix(split.Test)
	start, f, err := s.begin(ctx, x, seed)
	if err != nil {
		return r, err
	}
	before, err := score(start, test)
	if err != nil {
		return r, err
	}
	o := s.train
	o.Seed = uint64(seed)
	if s.plain {
		o.Schedule, o.ValidationFraction = flow.OneCycle, 0.15
	}
	began := time.Now()
	h, err := flow.Train(ctx, f, x, o)
	if err != nil {
		return r, err
	}
	r.seconds = time.Since(began).Seconds()
	r.heldOut, r.kept, r.steps = h.Gain/h.GainSE, h.Kept, len(h.Steps)
	after, err := score(f, test)
	if err != nil {
		return r, err
	}
	r.start, r.trained, r.truth = mean(before), mean(after), math.NaN()
	if split.Truth != nil {
		r.truth = mean(split.Truth)
	}
	r.gain, r.se = paired(after, before)
	r.integral = math.NaN()
	if s.units {
		for _, by := range []struct{ scale, shift float64 }{{1e-3, 0}, {1e3, 0}, {1, 1e3}} {
			other, err := s.inUnits(ctx, x, test, by.scale, by.shift, seed, o)
			if err != nil {
				return r, err
			}
			r.units = max(r.units, math.Abs(other-r.trained))
		}
	}
	if s.samples == 0 {
		return r, nil
	}
	if err := r.sample(f, x, s.samples, uint64(seed)); err != nil {
		return r, err
	}
	if err := r.lookFar(f, x); err != nil {
		return r, err
	}
	if f.Dim() == 2 {
		if err := r.lookClose(f, x); err != nil {
			return r, err
		}
	}
	return r, nil
}

// inUnits fits and trains on scale·x + shift, and returns the score in the units of x.
func (s *settings) inUnits(ctx context.Context, x, test *mat.Dense, scale, shift float64, seed int, o flow.TrainOptions) (float64, error) {
	in := func(x *mat.Dense) *mat.Dense {
		var y mat.Dense
		y.Apply(func(_, _ int, v float64) float64 { return v*scale + shift }, x)
		return &y
	}
	_, f, err := s.begin(ctx, in(x), seed)
	if err != nil {
		return 0, err
	}
	if _, err := flow.Train(ctx, f, in(x), o); err != nil {
		return 0, err
	}
	lp, err := score(f, in(test))
	return mean(lp) + float64(f.Dim())*math.Log(scale), err
}

func score(f *flow.Flow, x *mat.Dense) ([]float64, error) {
	n, _ := x.Dims()
	lp := make([]float64, n)
	return lp, f.LogProb(lp, x)
}

func mean(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v / float64(len(x))
	}
	return s
}

func paired(a, b []float64) (m, se float64) {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	m = mean(d)
	for _, v := range d {
		se += (v - m) * (v - m)
	}
	n := float64(len(d))
	return m, math.Sqrt(se / (n * (n - 1)))
}

// moments returns mean and standard deviation of each column, and the largest magnitude.
func moments(x *mat.Dense) (m, sd []float64, most float64) {
	n, d := x.Dims()
	m, sd = make([]float64, d), make([]float64, d)
	for j := range d {
		column := mat.Col(nil, j, x)
		m[j] = mean(column)
		for i, v := range column {
			most = max(most, math.Abs(v))
			column[i] = (v - m[j]) * (v - m[j])
		}
		sd[j] = math.Sqrt(mean(column) * float64(n) / float64(n-1))
	}
	return m, sd, most
}

// sample draws samples: how far they lie, how they spread, and whether their log p has
// the mean that the map says, log φ(z) less the log-determinant of the inverse.
func (r *result) sample(f *flow.Flow, x *mat.Dense, n int, seed uint64) error {
	y := mat.NewDense(n, f.Dim(), nil)
	if err := f.Sample(y, rand.NewPCG(seed, 99)); err != nil {
		return err
	}
	_, sd, most := moments(x)
	_, sampled, farthest := moments(y)
	r.far = farthest / most
	for j := range sd {
		r.sd = max(r.sd, math.Abs(sampled[j]/sd[j]-1))
	}
	lp, err := score(f, y)
	if err != nil {
		return err
	}
	// The entropy by the other way: normal z of their own, and the inverse.
	z, logDet := mat.NewDense(n, f.Dim(), nil), make([]float64, n)
	rng := rand.New(rand.NewPCG(seed, 100))
	entropy := 0.0
	for i := range n {
		for j := range f.Dim() {
			v := rng.NormFloat64()
			z.Set(i, j, v)
			entropy += (v*v/2 + 0.5*math.Log(2*math.Pi)) / float64(n)
		}
	}
	if err := f.Inverse(z, logDet, z); err != nil {
		return err
	}
	r.entropy = math.Abs(mean(lp) + entropy + mean(logDet))
	return nil
}

// lookFar walks 200 rays out to a million standard deviations.
func (r *result) lookFar(f *flow.Flow, x *mat.Dense) error {
	const rays = 200
	m, sd, _ := moments(x)
	d := f.Dim()
	rng := rand.New(rand.NewPCG(9, 9))
	directions := make([][]float64, rays)
	for i := range directions {
		v := make([]float64, d)
		length := 0.0
		for j := range v {
			v[j] = rng.NormFloat64()
			length += v[j] * v[j]
		}
		for j := range v {
			v[j] *= sd[j] / math.Sqrt(length)
		}
		directions[i] = v
	}
	rises := make([]bool, rays)
	var last []float64
	for radius := 10.0; radius <= 1e6; radius *= 1.05 {
		at := mat.NewDense(rays, d, nil)
		for i, v := range directions {
			for j := range v {
				at.Set(i, j, m[j]+radius*v[j])
			}
		}
		lp, err := score(f, at)
		if err != nil {
			return err
		}
		for i := range last {
			if up := lp[i] - last[i]; !(up <= 0) {
				rises[i] = true
				r.rise = max(r.rise, up)
			}
		}
		last = lp
	}
	for _, up := range rises {
		if up {
			r.rays++
		}
	}
	return nil
}

// lookClose integrates the density over the plane, and looks for kinks along lines.
func (r *result) lookClose(f *flow.Flow, x *mat.Dense) error {
	mass, err := quad.Mass(f)
	if err != nil {
		return err
	}
	r.integral = mass.Value
	m, sd, _ := moments(x)
	for _, at := range []float64{-1, -0.5, 0, 0.5, 1} {
		k, err := kinks(func(x []float64) ([]float64, error) {
			line := mat.NewDense(len(x), 2, nil)
			for i, v := range x {
				line.Set(i, 0, m[0]+sd[0]*v)
				line.Set(i, 1, m[1]+sd[1]*at)
			}
			return score(f, line)
		})
		if err != nil {
			return err
		}
		r.kinks += k
	}
	return nil
}

// kinks counts the jumps of the slope of f between -2 and 2. At a jump the slope changes
// by as much whatever the spacing at which it is seen; elsewhere the change shrinks with
// the spacing. Where twice the spacing does not tell, since f has features as narrow, a
// 64th of it does.
func kinks(f func(x []float64) ([]float64, error)) (n int, err error) {
	const points, fine = 8001, 64
	const h = 4.0 / (points - 1)
	values := func(from, step float64, n int) ([]float64, error) {
		x := make([]float64, n)
		for i := range x {
			x[i] = from + step*float64(i)
		}
		return f(x)
	}
	y, err := values(-2, h, points)
	if err != nil {
		return 0, err
	}
	for i := 4; i < points-5; i += 2 {
		near := math.Abs(y[i+1]-2*y[i]+y[i-1]) / h
		wide := math.Abs(y[i+2]-2*y[i]+y[i-2]) / (2 * h)
		if near < 0.02 || near < 0.8*wide {
			continue
		}
		zoomed, err := values(-2+h*float64(i-1), h/fine, 2*fine+1)
		if err != nil {
			return n, err
		}
		most := 0.0
		for k := 1; k < len(zoomed)-1; k++ {
			most = max(most, math.Abs(zoomed[k+1]-2*zoomed[k]+zoomed[k-1])/(h/fine))
		}
		if most > 0.4*near {
			n++
		}
	}
	return n, nil
}
