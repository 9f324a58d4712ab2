package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/internal/atomicfile"
	"github.com/gaussflow/gaussflow/internal/baseline"
	"github.com/gaussflow/gaussflow/internal/table"
)

func fitCommand() *cli.Command {
	return command("fit", "fit a flow to a table",
		`Fits a flow to the rows of DATA and writes it to MODEL, a safetensors file: what score, sample, map,
info and plot work with, and NumPy reads. Densities and samples are in the units of DATA.

The fit makes all choices by held-out rows, and compares its score on them with those of one Gaussian
and of a mixture of Gaussians: a flow that does not beat these is not worth having. Ranks and
thresholds come from held-out rows. Columns of few distinct values, rounded columns and repeated rows
are reported before the fit; constant columns are an error.

-rbig uses rotation-based iterative Gaussianization, rotations and mixtures without training;
-blocks and -components set its size. -coupling trains a flow whose mixtures depend on the other half
of the columns; -checkpoint saves that training and resumes it. -given trains a density of the other
columns conditioned on those in the list: score and map then read all columns, sample only those of
the list. With these flags, and with -holdout, a first fit leaves out a share of the rows for the
comparison, and the model is then fitted to all rows.

`+tableHelp+"\n\n"+examples("gaussflow fit train.csv -o model.safetensors", "gaussflow fit log.parquet -columns latency,size,hour -given hour -missing skip -o model.safetensors"),
		[]string{"DATA"},
		slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "o", Usage: "write the model to `MODEL`", Required: true},
			seedFlag(),
			&cli.FloatFlag{Name: "holdout", Usage: "hold out the share `F` of the rows for a comparison with other densities; 0 for none", Value: 0.2, Validator: func(f float64) error {
				if !(f >= 0 && f <= 0.9) {
					return errors.New("want 0 to 0.9")
				}
				return nil
			}},
			&cli.StringFlag{Name: "given", Usage: "train a conditional density given the columns in `LIST`, by name or by number from 1: a,b"},
			&cli.BoolFlag{Name: "rbig", Usage: "use rotation-based iterative Gaussianization (RBIG), without training"},
			&cli.IntFlag{Name: "blocks", Usage: "use `N` blocks (with -rbig, -coupling or -given); with -given 4 if not set", Value: 8, Validator: between(1, 1000)},
			&cli.IntFlag{Name: "components", Usage: "use `K` components per mixture (with -rbig, -coupling or -given); with -given 5 if not set", Value: 8, Validator: between(1, 1000)},
			&cli.BoolFlag{Name: "coupling", Usage: "train a coupling flow"},
			&cli.IntFlag{Name: "steps", Usage: "train for `N` steps (with -coupling or -given); with -given 2000 if not set", Value: 600, Validator: between(1, math.MaxInt32)},
			&cli.StringFlag{Name: "checkpoint", Usage: "resume the training in `FILE` if it exists, and save it there"},
			&cli.BoolFlag{Name: "raw", Usage: "do not standardize the columns first (with -rbig)"},
			&cli.BoolFlag{Name: "jitter", Usage: "spread repeated values over the grid that they lie on, by uniform noise"},
			&cli.StringFlag{Name: "plots", Usage: "draw pictures into `DIR`"},
			jsonFlag(),
		}, tableFlags()),
		fit)
}

// mixtureSize is that of the mixture to compare with.
const mixtureSize = 5

// mostValues is how many a table can have that is fitted to: 8 GiB of them.
const mostValues = 1 << 30

// fitReport is what `gaussflow fit -json` prints.
type fitReport struct {
	Rows        int         `json:"rows"`
	Columns     int         `json:"columns"`
	Names       []string    `json:"names"`           // of the columns; null if they have none
	Given       int         `json:"given,omitempty"` // columns that are given, the last ones
	Kind        string      `json:"kind"`
	Blocks      int         `json:"blocks"`
	Parameters  int         `json:"parameters"`
	HeldOut     heldOut     `json:"heldout"`    // mean log-density, nats a row; null where there is none
	HeldOutSE   heldOut     `json:"heldout_se"` // standard errors
	HeldOutRows int         `json:"heldout_rows"`
	Duplicates  int         `json:"duplicates"` // rows that were there before
	Warnings    []string    `json:"warnings"`
	Model       string      `json:"model"`
	Seed        uint64      `json:"seed"`
	Seconds     float64     `json:"seconds"`
	gain        *[2]float64 // of the flow over the better of the others, and its standard error
}

type heldOut struct {
	Flow     *float64 `json:"flow"`
	Gaussian *float64 `json:"gaussian"`
	Mixture  *float64 `json:"mixture"`
}

// fitting is one run of the command.
type fitting struct {
	c        *cli.Command
	x        *mat.Dense
	names    []string // for messages: those of the table, or numbers
	hash     string   // of the rows, as a rowHash makes it
	report   fitReport
	progress *progress
	mixture  string // what the third line of the comparison is
	history  *flow.History
	problem  string // why no rows were held out, for the user if the fit succeeds
}

func fit(ctx context.Context, c *cli.Command) error {
	start := time.Now()
	in, out := c.Args().First(), c.String("o")
	switch {
	case sameFile(in, out):
		return usageErrorf("-o %s: that is the input", out)
	case c.IsSet("checkpoint") && !c.Bool("coupling"):
		return usageErrorf("-checkpoint needs -coupling")
	case c.IsSet("steps") && !c.Bool("coupling") && !c.IsSet("given"):
		return usageErrorf("-steps needs -coupling or -given")
	case c.IsSet("given") && (c.Bool("rbig") || c.Bool("coupling") || c.Bool("raw")):
		return usageErrorf("-given cannot be combined with -rbig, -coupling or -raw")
	}
	// Check before the long computation that the output can be written.
	if err := writable(out); err != nil {
		return err
	}
	if dir := c.String("plots"); dir != "" {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	t := &fitting{c: c, progress: newProgress(c.Root().ErrWriter)}
	t.report = fitReport{Model: out, Seed: c.Uint64("seed"), Warnings: []string{}}
	defer t.progress.clear()
	t.progress.show("reading " + in)
	means, err := t.read(ctx, in)
	if err != nil {
		return err
	}
	if err := t.inspect(); err != nil {
		return err
	}
	for _, w := range t.report.Warnings {
		t.progress.clear()
		note(c, "%s", w)
	}

	m, err := t.model(ctx)
	if err != nil {
		return err
	}
	m.Columns, m.Info = t.report.Names, t.info(in, means)
	f, err := flow.New(m)
	if err != nil {
		return strip(err)
	}
	t.report.Kind, t.report.Blocks, t.report.Parameters = f.Kind(), f.Blocks(), f.NumParams()
	var file bytes.Buffer
	if err := f.Save(&file); err != nil {
		return strip(err)
	}
	if dir := c.String("plots"); dir != "" {
		t.progress.show("drawing")
		if err := drawAll(ctx, dir, f, t.x, filepath.Base(in)+", "+rowsOfFit); err != nil {
			return err
		}
		if err := drawTraining(dir, t.history); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err := atomicfile.WriteFile(out, file.Bytes()); err != nil {
		return err
	}
	t.progress.clear()
	t.report.Seconds = time.Since(start).Seconds()
	if c.Bool("json") {
		return writeJSON(c.Root().Writer, t.report)
	}
	return t.print()
}

// writable reports why a file could not be written.
func writable(name string) error {
	f, err := atomicfile.Create(name)
	if err == nil {
		f.Discard()
	}
	return err
}

// read reads the table and returns the means of its columns.
func (t *fitting) read(ctx context.Context, name string) ([]float64, error) {
	o, err := tableOptions(t.c)
	if err != nil {
		return nil, err
	}
	tab, err := table.Open(name, o)
	if err != nil {
		return nil, err
	}
	defer tab.Close()
	for _, n := range tab.Notes() {
		note(t.c, "%s", n)
	}
	if t.x, err = tab.Read(mostValues); err != nil {
		if ctx.Err() != nil {
			return nil, errors.New("interrupted")
		}
		return nil, err
	}
	if n := tab.Skipped(); n > 0 {
		note(t.c, "%s: %s with missing values left out", tab.Name(), plural(n, "row"))
	}
	if t.x.IsEmpty() {
		return nil, fmt.Errorf("%s: there are no rows", tab.Name())
	}
	n, d := t.x.Dims()
	t.report.Rows, t.report.Columns, t.report.Names = n, d, tab.Columns()
	if t.names = t.report.Names; t.names == nil {
		for j := range d {
			t.names = append(t.names, "column "+strconv.Itoa(j+1))
		}
	}
	means := make([]float64, d)
	for j := range d {
		count := 0.0
		for i := range n {
			if v := t.x.At(i, j); v == v {
				count++
				means[j] += (v - means[j]) / count
			}
		}
		if count == 0 {
			return nil, fmt.Errorf("%s: %s has no values", tab.Name(), t.names[j])
		}
	}
	fillMissing(t.x.RawMatrix().Data, means)
	if err := t.putLast(means); err != nil {
		return nil, err
	}
	h := newRowHash()
	h.add(t.x.RawMatrix().Data)
	t.hash = h.sum()
	return means, nil
}

// putLast moves the columns that are given, and all that belongs to them, behind the others.
func (t *fitting) putLast(means []float64) error {
	if !t.c.IsSet("given") {
		return nil
	}
	given, err := columnList("-given", t.c.String("given"), t.report.Names, t.report.Columns)
	if err != nil {
		return err
	}
	if len(given) == t.report.Columns {
		return usageErrorf("-given %s: these are all columns; at least one must be left to model", t.c.String("given"))
	}
	var order []int
	for j := range t.report.Columns {
		if !slices.Contains(given, j) {
			order = append(order, j)
		}
	}
	t.report.Given = len(given)
	order = append(order, given...)
	reorder(means, order)
	for i := range t.report.Rows {
		reorder(t.x.RawRowView(i), order)
	}
	t.names = reorder(slices.Clone(t.names), order)
	if t.report.Names != nil {
		t.report.Names = t.names
	}
	return nil
}

// reorder puts element order[i] of v in place i.
func reorder[T any](v []T, order []int) []T {
	old := slices.Clone(v)
	for i, j := range order {
		v[i] = old[j]
	}
	return v
}

// inspect returns an error or prints a note about data for which a density is meaningless.
func (t *fitting) inspect() error {
	n, d := t.x.Dims()
	if n <= d {
		return fmt.Errorf("%s and %s: there must be more rows than columns; otherwise they lie in a subspace and have no density", plural(int64(n), "row"), plural(int64(d), "column"))
	}
	warn := func(format string, args ...any) {
		t.report.Warnings = append(t.report.Warnings, fmt.Sprintf(format, args...))
	}
	rng := rand.New(rand.NewPCG(t.report.Seed, 0x6a6974746572))
	column := make([]float64, n)
	for j, name := range t.names {
		slices.Sort(mat.Col(column, j, t.x))
		distinct, grid := 1, math.Inf(1)
		for i := 1; i < n; i++ {
			if gap := column[i] - column[i-1]; gap > 0 {
				distinct++
				grid = min(grid, gap)
			}
		}
		if distinct == 1 {
			return fmt.Errorf("%s is constant at %v and has no density; leave it out with -columns", name, column[0])
		}
		if distinct >= 20 && distinct >= n/20 || distinct >= n/2 || j >= d-t.report.Given {
			continue // what is given may be discrete
		}
		if t.c.Bool("jitter") {
			for i := range n {
				t.x.Set(i, j, t.x.At(i, j)+grid*(rng.Float64()-0.5))
			}
			warn("%s has %d distinct values; it was spread by uniform noise of width %.6g", name, distinct, grid)
			continue
		}
		if distinct < 20 {
			warn("%s has only %d distinct values: the density of a discrete column is not meaningful, its spikes are as narrow as the fit allows; leave it out with -columns, or spread it with -jitter", name, distinct)
		} else {
			warn("%s has %d distinct values in %d rows: it seems rounded, and the log-density rewards spikes at the repeated values; -jitter spreads them", name, distinct, n)
		}
	}
	seen := make(map[[16]byte]struct{}, n)
	row := make([]byte, 0, 8*d)
	for i := range n {
		row = row[:0]
		for _, v := range t.x.RawRowView(i) {
			row = binary.LittleEndian.AppendUint64(row, math.Float64bits(v))
		}
		h := fnv.New128a()
		h.Write(row)
		var key [16]byte
		h.Sum(key[:0])
		if _, ok := seen[key]; ok {
			t.report.Duplicates++
		}
		seen[key] = struct{}{}
	}
	if t.report.Duplicates > 0 {
		warn("%s of %s repeat an earlier one: rows held out may be known already", thousands(int64(t.report.Duplicates)), plural(int64(n), "row"))
	}
	return nil
}

// byItself reports whether flow.Fit makes all choices, with held-out rows of its own.
func (t *fitting) byItself() bool {
	c := t.c
	for _, name := range []string{"rbig", "coupling", "blocks", "components", "raw", "holdout", "given"} {
		if c.IsSet(name) {
			return false
		}
	}
	return true
}

// model fits, and compares the fit with simpler densities.
func (t *fitting) model(ctx context.Context) (model.Model, error) {
	var m model.Model
	if t.byItself() {
		var r flow.FitReport
		t.progress.show("fitting")
		f, err := flow.Fit(ctx, t.x, t.options(&r))
		if err != nil {
			return m, t.explain(ctx, err)
		}
		set := func(s flow.FitScore, mean, se **float64) { *mean, *se = &s.Mean, &s.SE }
		set(r.Flow, &t.report.HeldOut.Flow, &t.report.HeldOutSE.Flow)
		set(r.Gaussian, &t.report.HeldOut.Gaussian, &t.report.HeldOutSE.Gaussian)
		set(r.Mixture, &t.report.HeldOut.Mixture, &t.report.HeldOutSE.Mixture)
		t.report.HeldOutRows = r.HeldOut
		gain := r.OverMixture
		if r.Gaussian.Mean > r.Mixture.Mean {
			gain = r.OverGaussian
		}
		t.report.gain = &[2]float64{gain.Mean, gain.SE}
		t.mixture = fmt.Sprintf("the best mixture, %s", plural(int64(r.MixtureComponents), "Gaussian"))
		return f.Model(), nil
	}
	typical, err := t.compare(ctx)
	if err != nil {
		return m, err
	}
	t.progress.show("fitting to all rows")
	f, err := t.flow(ctx, t.x, t.c.String("checkpoint"))
	if err != nil {
		return m, t.explain(ctx, err)
	}
	if t.problem != "" {
		note(t.c, "%s", t.problem)
	}
	if typical == nil {
		typical = make([]float64, t.report.Rows)
		if err := f.LogProb(typical, t.x); err != nil {
			return m, strip(err)
		}
	}
	m = f.Model()
	m.Quantiles = quantiles(typical)
	return m, nil
}

func (t *fitting) options(r *flow.FitReport) flow.FitOptions {
	return flow.FitOptions{Seed: t.report.Seed, Report: r, Progress: func(s flow.FitStep) {
		t.progress.show(fmt.Sprintf("fitting, %s of %d: %.4f nats a row held out", s.Stage, s.Components, s.HeldOut))
	}}
}

// compare fits to a part of the rows, scores the others, and returns their log-densities; nil if there are none.
func (t *fitting) compare(ctx context.Context) ([]float64, error) {
	n, d := t.x.Dims()
	held := int(math.Round(float64(n) * t.c.Float("holdout")))
	if held == 0 {
		return nil, nil
	}
	if n-held <= d || held < 2 {
		t.problem = plural(int64(n), "row") + " are too few to hold some out"
		return nil, nil
	}
	order := rand.New(rand.NewPCG(t.report.Seed, 0x686f6c646f7574)).Perm(n)
	rows := func(index []int) *mat.Dense {
		slices.Sort(index)
		m := mat.NewDense(len(index), d, nil)
		for i, r := range index {
			m.SetRow(i, t.x.RawRowView(r))
		}
		return m
	}
	test, train := rows(order[:held]), rows(order[held:])
	t.progress.show("fitting to a part of the rows")
	f, err := t.flow(ctx, train, "")
	if err != nil {
		if ctx.Err() != nil {
			return nil, t.explain(ctx, err)
		}
		t.problem = fmt.Sprintf("no rows are held out, because the others cannot be fitted: %v", t.explain(ctx, err))
		return nil, nil
	}
	ours := make([]float64, held)
	if err := f.LogProb(ours, test); err != nil {
		t.problem = fmt.Sprintf("no rows are held out, because they cannot be scored: %v", strip(err))
		return nil, nil
	}
	t.report.HeldOutRows = held
	t.mixture = fmt.Sprintf("a mixture of %d Gaussians", mixtureSize)
	t.report.HeldOut.Flow, t.report.HeldOutSE.Flow = meanAndError(ours)
	t.progress.show("fitting what to compare with")
	best := math.Inf(-1)
	for _, other := range []struct {
		fit      func() (*baseline.Mixture, error)
		mean, se **float64
	}{
		{func() (*baseline.Mixture, error) { return baseline.Gaussian(t.givenFirst(train)) }, &t.report.HeldOut.Gaussian, &t.report.HeldOutSE.Gaussian},
		{func() (*baseline.Mixture, error) {
			return baseline.Fit(t.givenFirst(train), mixtureSize, t.report.Seed)
		}, &t.report.HeldOut.Mixture, &t.report.HeldOutSE.Mixture},
	} {
		m, err := other.fit()
		if err != nil {
			continue // there is none to compare with
		}
		theirs := make([]float64, held)
		m.LogProb(theirs, t.givenFirst(test))
		if given := t.report.Given; given > 0 { // the density of all columns over that of those
			alone := make([]float64, held)
			m.First(given).LogProb(alone, t.givenFirst(test).Slice(0, held, 0, given).(*mat.Dense))
			for i := range theirs {
				theirs[i] -= alone[i]
			}
		}
		*other.mean, *other.se = meanAndError(theirs)
		if mean := *other.mean; mean != nil && *mean > best {
			best = *mean
			for i := range theirs {
				theirs[i] = ours[i] - theirs[i]
			}
			if gain, se := meanAndError(theirs); gain != nil {
				t.report.gain = &[2]float64{*gain, *se}
			}
		}
	}
	return ours, nil
}

// givenFirst returns the rows with the conditioning columns first, as the densities to compare with need
// them.
func (t *fitting) givenFirst(x *mat.Dense) *mat.Dense {
	if t.report.Given == 0 {
		return x
	}
	n, d := x.Dims()
	y := mat.NewDense(n, d, nil)
	for i := range n {
		row := x.RawRowView(i)
		copy(y.RawRowView(i), slices.Concat(row[d-t.report.Given:], row[:d-t.report.Given]))
	}
	return y
}

// meanAndError are nil where a row has no finite log-density.
func meanAndError(v []float64) (mean, se *float64) {
	m, s := stat.MeanStdDev(v, nil)
	if s /= math.Sqrt(float64(len(v))); m-m != 0 || s-s != 0 {
		return nil, nil
	}
	return &m, &s
}

// flow fits to the rows of x.
func (t *fitting) flow(ctx context.Context, x *mat.Dense, checkpoint string) (*flow.Flow, error) {
	c := t.c
	if t.report.Given > 0 {
		return t.conditional(ctx, x)
	}
	if !slices.ContainsFunc([]string{"rbig", "coupling", "blocks", "components", "raw"}, c.IsSet) {
		return flow.Fit(ctx, x, t.options(nil))
	}
	f, err := t.plain(ctx, x)
	if err != nil || !c.Bool("coupling") {
		return f, err
	}
	if f, err = f.Couple(flow.CouplingOptions{Seed: t.report.Seed}); err != nil {
		return nil, err
	}
	o := flow.TrainOptions{Steps: c.Int("steps"), Seed: t.report.Seed, ValidationFraction: 0.2, Progress: t.progress.step(c.Int("steps"))}
	trainer, err := resumeTraining(f, x, o, checkpoint)
	if err != nil {
		return nil, err
	}
	if err := trainer.Run(ctx); err != nil {
		if saveErr := saveTraining(trainer, checkpoint); saveErr != nil {
			return nil, saveErr
		}
		return nil, err
	}
	t.history = trainer.History()
	return trainer.Flow(), saveTraining(trainer, checkpoint)
}

// conditional trains a flow of the density given the last columns.
func (t *fitting) conditional(ctx context.Context, x *mat.Dense) (*flow.Flow, error) {
	o := flow.GivenOptions{Context: t.report.Given, Seed: t.report.Seed, Train: flow.TrainOptions{Seed: t.report.Seed}}
	if t.c.IsSet("blocks") {
		o.Blocks = t.c.Int("blocks")
	}
	if t.c.IsSet("components") {
		o.Conditioner.Components = t.c.Int("components")
	}
	steps := 2000
	if t.c.IsSet("steps") {
		steps = t.c.Int("steps")
	}
	o.Train.Steps, o.Train.Progress = steps, t.progress.step(steps)
	return flow.FitGiven(ctx, x, o)
}

// plain fits without training.
func (t *fitting) plain(ctx context.Context, x *mat.Dense) (*flow.Flow, error) {
	o := flow.RBIGOptions{Blocks: t.c.Int("blocks"), Components: t.c.Int("components"), Seed: t.report.Seed}
	o.Progress = func(block, of int) { t.progress.show(fmt.Sprintf("fitting, block %d of %d", block, of)) }
	if t.c.Bool("raw") {
		return flow.FitRBIGContext(ctx, x, o)
	}
	shift, scale := standardization(x)
	n, d := x.Dims()
	y := mat.NewDense(n, d, nil)
	for i := range n {
		for j, v := range x.RawRowView(i) {
			y.Set(i, j, (v-shift[j])/scale[j])
		}
	}
	f, err := flow.FitRBIGContext(ctx, y, o)
	if err != nil {
		return nil, err
	}
	m := f.Model()
	m.Blocks[0] = append([]model.Layer{model.Scale(shift, scale)}, m.Blocks[0]...)
	return flow.New(m)
}

// standardization returns the mean and the standard deviation of each column, computed without overflow.
func standardization(x *mat.Dense) (shift, scale []float64) {
	n, d := x.Dims()
	for j := range d {
		unit := 0.0
		for i := range n {
			unit = max(unit, math.Abs(x.At(i, j)))
		}
		if unit == 0 {
			unit = 1
		}
		mean, sum := 0.0, 0.0
		for i := range n {
			mean += x.At(i, j) / unit / float64(n)
		}
		for i := range n {
			r := x.At(i, j)/unit - mean
			sum += float64(r*r) / float64(n)
		}
		s := math.Sqrt(sum) * unit
		if !(s > 0) {
			s = 1
		}
		shift, scale = append(shift, mean*unit), append(scale, s)
	}
	return shift, scale
}

var (
	numbersOfColumns = regexp.MustCompile(`columns? \d+(, \d+)*`)
	numberOfRow      = regexp.MustCompile(`row \d+`)
)

// explain converts an error of the fit to one that names the columns as the table does.
func (t *fitting) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	text := numbersOfColumns.ReplaceAllStringFunc(strip(err).Error(), func(s string) string {
		_, numbers, _ := strings.Cut(s, " ")
		var names []string
		for number := range strings.SplitSeq(numbers, ", ") {
			j, err := strconv.Atoi(number)
			if err != nil || j >= len(t.names) {
				return s
			}
			names = append(names, t.names[j])
		}
		return strings.Join(names, ", ")
	})
	// Rows count from 1 here.
	text = numberOfRow.ReplaceAllStringFunc(text, func(s string) string {
		i, err := strconv.Atoi(strings.TrimPrefix(s, "row "))
		if err != nil {
			return s
		}
		return "row " + strconv.Itoa(i+1)
	})
	for _, instead := range []string{"set Dequantize", "spread its values by noise"} {
		text = strings.Replace(text, instead, "give -jitter", 1)
	}
	return stripped{text, err}
}

// quantiles are the 101 of a model.
func quantiles(logProb []float64) []float64 {
	v := slices.Clone(logProb)
	slices.Sort(v)
	for i := range v {
		v[i] = max(v[i], -math.MaxFloat64)
	}
	q := make([]float64, 101)
	for i := range q {
		at := float64(i) / 100 * float64(len(v)-1)
		j := min(int(at), len(v)-1)
		q[i] = v[j]
		if frac := at - float64(j); frac > 0 {
			q[i] = v[j]*(1-frac) + v[j+1]*frac
		}
	}
	slices.Sort(q) // whatever the rounding
	return q
}

// hashKey is where a model keeps the hash of the rows that it was fitted to.
const hashKey = "data_sha256"

// A rowHash identifies a table by its numbers, row by row, before any jitter.
type rowHash struct {
	h   hash.Hash
	buf []byte
}

func newRowHash() *rowHash { return &rowHash{h: sha256.New()} }

func (r *rowHash) add(rows []float64) {
	for len(rows) > 0 {
		some := rows[:min(len(rows), 4096)]
		rows = rows[len(some):]
		r.buf = r.buf[:0]
		for _, v := range some {
			r.buf = binary.LittleEndian.AppendUint64(r.buf, math.Float64bits(v))
		}
		r.h.Write(r.buf)
	}
}

func (r *rowHash) sum() string { return hex.EncodeToString(r.h.Sum(nil)) }

// info describes the origin of the model.
func (t *fitting) info(in string, means []float64) map[string]string {
	var options []string
	for _, name := range []string{"rbig", "blocks", "components", "coupling", "steps", "raw", "jitter", "holdout", "missing", "columns", "given"} {
		if t.c.IsSet(name) {
			options = append(options, fmt.Sprintf("-%s %v", name, t.c.Value(name)))
		}
	}
	info := map[string]string{
		"created_by": createdBy(), "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH, "blas": blas.Backend(),
		"data": filepath.Base(in), hashKey: t.hash, "rows": strconv.Itoa(t.report.Rows),
		"seed": strconv.FormatUint(t.report.Seed, 10), "options": cmp.Or(strings.Join(options, " "), "default"),
		"quantiles_of": "training rows",
	}
	if t.report.HeldOutRows > 0 {
		info["quantiles_of"] = strconv.Itoa(t.report.HeldOutRows) + " rows held out"
		for key, v := range map[string]*float64{"heldout_flow": t.report.HeldOut.Flow, "heldout_gaussian": t.report.HeldOut.Gaussian, "heldout_mixture": t.report.HeldOut.Mixture} {
			if v != nil {
				info[key] = strconv.FormatFloat(*v, 'g', 8, 64)
			}
		}
	}
	var list []string
	for _, m := range means {
		list = append(list, strconv.FormatFloat(m, 'g', -1, 64))
	}
	info[meansKey] = strings.Join(list, ",")
	return info
}

// print writes the table.
func (t *fitting) print() error {
	r := t.report
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s, %s", plural(int64(r.Rows), "row"), plural(int64(r.Columns), "column"))
	if r.Names != nil {
		fmt.Fprintf(&b, ": %s", clipList(r.Names[:r.Columns-r.Given]))
		if r.Given > 0 {
			fmt.Fprintf(&b, " given %s", clipList(r.Names[r.Columns-r.Given:]))
		}
	}
	fmt.Fprintln(&b)
	if r.HeldOutRows > 0 {
		fmt.Fprintf(&b, "\n%-34s%14s%14s\n", plural(int64(r.HeldOutRows), "row")+" held out", "nats a row", "± error")
		for _, l := range []struct {
			name     string
			mean, se *float64
		}{
			{"a flow like this one", r.HeldOut.Flow, r.HeldOutSE.Flow},
			{"one Gaussian", r.HeldOut.Gaussian, r.HeldOutSE.Gaussian},
			{t.mixture, r.HeldOut.Mixture, r.HeldOutSE.Mixture},
		} {
			if l.mean == nil {
				fmt.Fprintf(&b, "%-34s%14s\n", l.name, "-")
			} else {
				fmt.Fprintf(&b, "%-34s%14.4f%14.4f\n", l.name, *l.mean, *l.se)
			}
		}
		if g := r.gain; g != nil {
			verdict := "no clear difference"
			switch {
			case g[0] > 2*g[1]:
				verdict = "the flow is better"
			case g[0] < -2*g[1]:
				verdict = "the flow is worse: prefer what it is compared with, or fit to more rows"
			}
			fmt.Fprintf(&b, "%-34s%+14.4f%14.4f   %s\n", "flow less the better of those", g[0], g[1], verdict)
		}
	}
	fmt.Fprintf(&b, "\n%s: %s flow, %s, %s parameters, fitted to all rows in %.1f seconds\n",
		r.Model, r.Kind, plural(int64(r.Blocks), "block"), thousands(int64(r.Parameters)), r.Seconds)
	_, err := b.WriteTo(t.c.Root().Writer)
	return err
}

// clipList joins names, not too many of them.
func clipList(names []string) string {
	if len(names) > 12 {
		return oneLine(strings.Join(names[:12], ", ")) + ", …"
	}
	return oneLine(strings.Join(names, ", "))
}
