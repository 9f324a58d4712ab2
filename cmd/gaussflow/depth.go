package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/internal/atomicfile"
	"github.com/gaussflow/gaussflow/internal/plots"
	"github.com/gaussflow/gaussflow/internal/spiral"
	"github.com/gaussflow/gaussflow/kernels"
)

func depthCommand() *cli.Command {
	return command("depth", "deep stacks of couplings on a two-arm spiral: what depth gains, and what makes it trainable",
		`Trains stacks of 1 to 32 blocks of spline, mixture and affine couplings on the two-arm spiral,
3,000 points with a little noise on each, and stacks on top of what "gaussflow fit" makes of the
points, and scores those points and 20,000 fresh ones of the same recipe beside the true
density; measures the gradient of untrained stacks of 2 to 32 blocks, random, near the
identity, warm and on a fit, with and without ActNorm, and what 16 blocks of each start reach
after 250 steps; and inverts x + g(x) by fixed point, for a contraction and for a map that is
none. Prints the tables and writes depth_density.png, depth_gradient.png and
depth_contraction.png to DIR, which is created if need be.

With -seeds N every stack is trained N times; scores are then means, beside their standard
errors over the seeds, and norms of gradients are medians.

An interrupt (Ctrl-C) ends the command without a result.

`+examples("gaussflow depth -out figures", "gaussflow depth -seeds 3", "gaussflow depth -steps 100 -json"),
		nil,
		[]cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write the figures to `DIR`", Value: "."},
			&cli.IntFlag{Name: "steps", Usage: "train each stack for `N` steps", Value: 1200, Validator: atLeastOne},
			&cli.IntFlag{Name: "seeds", Usage: "train each stack from `N` seeds", Value: 1, Validator: atLeastOne},
			&cli.Uint64Flag{Name: "seed", Usage: "start the random numbers from `S`", Value: 0},
			jsonFlag(),
		},
		func(ctx context.Context, c *cli.Command) error {
			e := depthExperiment{depthSizes: depthDefault, steps: c.Int("steps"), seeds: c.Int("seeds"), seed: c.Uint64("seed"), out: c.String("out"), progress: newProgress(c.Root().ErrWriter)}
			report, err := e.run(ctx)
			switch {
			case err != nil:
				return err
			case c.Bool("json"):
				return writeJSON(c.Root().Writer, report)
			}
			return e.print(c.Root().Writer, report)
		})
}

func atLeastOne(n int) error {
	if n < 1 {
		return errors.New("want at least 1")
	}
	return nil
}

// The experiment's sizes. A conditioner has the sequel's width and depth.
const (
	depthWidth  = 24
	depthLayers = 2
	depthBatch  = 256
	depthRate   = 3e-3 // the peak, of splines up to depthBlocks blocks
	depthBlocks = 8
	depthNoise  = 0.025    // on the points trained on, whose arms are 0.05 and 0.06 wide
	depthCopies = 16       // of the points, each with its own noise
	freshSeed   = 20190605 // not that of any training

	densityFigure     = "depth_density.png"
	gradientFigure    = "depth_gradient.png"
	contractionFigure = "depth_contraction.png"
)

// depthSizes are what a test makes smaller.
type depthSizes struct {
	blocks, gradientBlocks           []int
	startBlocks, startSteps, deepest int
	fresh                            int // points
	fitted                           int // the most components of a fit; 0 for its default
}

var depthDefault = depthSizes{
	blocks: []int{1, 2, 4, 8, 16}, gradientBlocks: []int{2, 4, 8, 16, 32},
	startBlocks: 16, startSteps: 250, deepest: 32, fresh: 20000,
}

// A family is one of the kinds of couplings.
type family struct {
	name     string
	coupling func(flow.Conditioner) flow.Spec
}

var families = []family{{"spline", flow.SplineCoupling}, {"mixture", flow.MixtureCoupling}, {"affine", flow.AffineCoupling}}

// A start is where a stack begins: its couplings do there, or it is a fit that they follow.
type start struct {
	name    string
	start   flow.Start
	actNorm bool
	fit     bool
}

var (
	warm   = start{name: "warm", start: flow.Warm}
	onFit  = start{name: "on a fit", start: flow.NearIdentity, fit: true}
	random = start{name: "random", start: flow.Random}
	starts = []start{
		warm, {name: "warm, ActNorm", start: flow.Warm, actNorm: true},
		{name: "near-identity", start: flow.NearIdentity}, {name: "near-identity, ActNorm", start: flow.NearIdentity, actNorm: true},
		random, {name: "random, ActNorm", start: flow.Random, actNorm: true},
		onFit,
	}
)

// A curve is what becomes of stacks as they deepen.
type curve struct {
	family
	start
	deep bool // with depthSizes.deepest blocks as well
}

var curves = []curve{
	{families[0], warm, true}, {families[1], warm, true}, {families[2], warm, false},
	{families[0], onFit, false},
}

func (c curve) name() string {
	if c.fit {
		return c.family.name + ", " + c.start.name
	}
	return c.family.name
}

// label is what the table and the figure call a curve.
func (c curve) label() string {
	if c.fit {
		return c.family.name + " couplings on a fit"
	}
	return c.family.name + " couplings"
}

// depthReport is what `gaussflow depth -json` prints. Log-densities are means, in nats per
// row. Train and Fresh are those of spline couplings.
type depthReport struct {
	Blocks []int     `json:"blocks"`
	Train  []float64 `json:"train"`
	Fresh  []float64 `json:"fresh"`
	Seeds  int       `json:"seeds"`
	// Families has the scores of warm starts by family, and of stacks on a fit by "family, on a
	// fit".
	Families map[string]depthScores `json:"families"`
	Truth    struct {
		Train float64 `json:"train"`
		Fresh float64 `json:"fresh"`
	} `json:"truth"`
	GradientBlocks []int `json:"gradient_blocks"`
	// Deep are stacks of more blocks; Train and Fresh are those of spline couplings.
	Deep struct {
		Blocks   int                    `json:"blocks"`
		Train    float64                `json:"train"`
		Fresh    float64                `json:"fresh"`
		Families map[string]depthScores `json:"families"`
	} `json:"deep"`
	// GradientNorm has the norms of untrained stacks, medians over the seeds: of the random start
	// by the names of the families, of all starts by "family, start".
	GradientNorm map[string][]float64 `json:"gradient_norm"`
	// StartFresh is the score of fresh points after StartSteps steps of StartBlocks blocks, by
	// "family, start", and StartError its standard error over the seeds, if there are several;
	// affine couplings are left out.
	StartBlocks int                `json:"start_blocks"`
	StartSteps  int                `json:"start_steps"`
	StartFresh  map[string]float64 `json:"start_fresh"`
	StartError  map[string]float64 `json:"start_fresh_se,omitempty"`
	// StartDiverged has the first step whose gradient was not finite, of the starts that came to
	// one; StartFresh is then that of the last parameters before.
	StartDiverged map[string]int `json:"start_diverged"`
	Contraction   []contraction  `json:"contraction"`
	Residual      struct {
		Lipschitz float64 `json:"lipschitz"`
		RoundTrip float64 `json:"round_trip"` // largest |inverse(forward(x)) - x|
		Refused   string  `json:"refused"`    // what NewStack says of a bound above 1
	} `json:"residual"`
	Seconds float64 `json:"seconds"`
	Tier    string  `json:"tier"`
}

// depthScores are by the number of blocks, and means over the seeds.
type depthScores struct {
	Start []float64 `json:"start"` // fresh points, before training
	Train []float64 `json:"train"`
	Fresh []float64 `json:"fresh"`
	Error []float64 `json:"fresh_se"` // of fresh less the truth, over the points
	// SeedError is that of fresh over the seeds, if there are several.
	SeedError []float64 `json:"fresh_seed_se,omitempty"`
	// Kept counts the seeds of which training behind a fit kept the start.
	Kept []int `json:"kept,omitempty"`
}

// A contraction is x + sin(bx)·L/b and the iteration x ← z - g(x).
type contraction struct {
	Lipschitz  float64   `json:"lipschitz"`
	Monotone   bool      `json:"monotone"`
	Error      []float64 `json:"error"`      // largest |x - exact| after 0, 1, 2, … iterations
	RoundTrip  float64   `json:"round_trip"` // the last of them
	Preimages  int       `json:"preimages"`  // of one z, at most
	x, y, back []float64
}

type depthExperiment struct {
	depthSizes
	steps, seeds int
	seed         uint64 // the first
	out          string
	progress     *progress
	x, points    *mat.Dense // the points, and fresh ones
	truth        []float64  // of those
	noisy        []*mat.Dense
	fits         []*flow.Flow // by seed: what is trained on, and what flow.Fit makes of the points
}

func (e *depthExperiment) run(ctx context.Context) (*depthReport, error) {
	tier, err := kernels.Active()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(e.out, 0o777); err != nil {
		return nil, fmt.Errorf("cannot make the directory for the figures: %w", err)
	}
	defer e.progress.clear()
	began := time.Now()
	r := &depthReport{
		Blocks: e.blocks, Seeds: e.seeds, Families: map[string]depthScores{}, GradientBlocks: e.gradientBlocks, GradientNorm: map[string][]float64{},
		StartBlocks: e.startBlocks, StartSteps: min(e.startSteps, e.steps), StartFresh: map[string]float64{}, StartDiverged: map[string]int{}, Tier: tier.String(),
	}
	e.progress.show("scoring the true density")
	e.x, e.points = spiral.Standardized(), spiral.Fresh(e.fresh, freshSeed)
	e.truth = spiral.LogProb(e.points)
	r.Truth.Train, r.Truth.Fresh = stat.Mean(spiral.LogProb(e.x), nil), stat.Mean(e.truth, nil)
	for seed := e.seed; len(e.fits) < e.seeds; seed++ {
		e.progress.show("fitting the points")
		fit, err := flow.Fit(ctx, e.x, flow.FitOptions{Seed: seed, MaxComponents: e.fitted})
		if err != nil {
			return nil, err
		}
		e.noisy, e.fits = append(e.noisy, spiral.Jittered(e.x, depthCopies, depthNoise, seed)), append(e.fits, fit)
	}
	for _, part := range []func(context.Context, *depthReport) error{e.gradients, e.starts, e.depth} {
		if err := part(ctx, r); err != nil {
			return nil, err
		}
	}
	for _, lipschitz := range []float64{0.3, 0.9, 1.35} {
		r.Contraction = append(r.Contraction, contract(lipschitz))
	}
	if err := e.residual(ctx, r); err != nil {
		return nil, err
	}
	r.Seconds = time.Since(began).Seconds()
	return r, e.figures(r)
}

// starts trains stacks from every start for a while, all in the same way.
func (e *depthExperiment) starts(ctx context.Context, r *depthReport) error {
	for _, fam := range families[:2] {
		for _, s := range starts {
			name := fam.name + ", " + s.name
			var fresh []float64
			for i := range e.seeds {
				f, err := e.stack(curve{family: fam, start: s}, e.startBlocks, i)
				if err != nil {
					return err
				}
				diverged, err := e.train(ctx, f, i, depthRate, r.StartSteps, fmt.Sprintf("%d blocks, %s start", e.startBlocks, name))
				if err != nil {
					return err
				}
				if first, ok := r.StartDiverged[name]; diverged > 0 && (!ok || diverged < first) {
					r.StartDiverged[name] = diverged
				}
				score, _, err := e.score(f, e.points)
				if err != nil {
					return err
				}
				fresh = append(fresh, score)
			}
			r.StartFresh[name] = stat.Mean(fresh, nil)
			if e.seeds > 1 {
				if r.StartError == nil {
					r.StartError = map[string]float64{}
				}
				r.StartError[name] = standardError(fresh)
			}
		}
	}
	return nil
}

func standardError(x []float64) float64 { return stat.StdDev(x, nil) / math.Sqrt(float64(len(x))) }

// depth trains and scores the stacks of all curves.
func (e *depthExperiment) depth(ctx context.Context, r *depthReport) error {
	r.Deep.Blocks, r.Deep.Families = e.deepest, map[string]depthScores{}
	for _, c := range curves {
		var s depthScores
		for _, n := range e.blocks {
			if err := e.add(ctx, &s, c, n); err != nil {
				return err
			}
		}
		r.Families[c.name()] = s
		if c.deep {
			var s depthScores
			if err := e.add(ctx, &s, c, e.deepest); err != nil {
				return err
			}
			r.Deep.Families[c.name()] = s
		}
	}
	splines, deep := r.Families[families[0].name], r.Deep.Families[families[0].name]
	r.Train, r.Fresh, r.Deep.Train, r.Deep.Fresh = splines.Train, splines.Fresh, deep.Train[0], deep.Fresh[0]
	return nil
}

// add trains so many blocks of the curve from every seed, and appends their scores.
func (e *depthExperiment) add(ctx context.Context, s *depthScores, c curve, blocks int) error {
	what := fmt.Sprintf("%d blocks of %s", blocks, c.label())
	var start, train, fresh []float64
	kept := 0
	off := make([]float64, e.fresh) // from the truth, of each point
	for i := range e.seeds {
		f, err := e.stack(c, blocks, i)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		before, _, err := e.score(f, e.points)
		if err != nil {
			return err
		}
		if c.fit {
			// As is Train's default, by rows held out: the start is kept unless they gain.
			show := e.progress.step(e.steps)
			e.progress.show(what)
			h, err := flow.Train(ctx, f, e.x, flow.TrainOptions{Steps: e.steps, Seed: e.seed + uint64(i), Progress: show})
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			if h.Kept == 0 {
				kept++
			}
		} else {
			switch diverged, err := e.train(ctx, f, i, rateOf(c.family, blocks), e.steps, what); {
			case err != nil:
				return err
			case diverged > 0:
				return fmt.Errorf("%s: the gradient of step %d is not finite", what, diverged)
			}
		}
		score, _, err := e.score(f, e.x)
		if err != nil {
			return err
		}
		unseen, all, err := e.score(f, e.points)
		if err != nil {
			return err
		}
		start, train, fresh = append(start, before), append(train, score), append(fresh, unseen)
		for k, v := range all {
			off[k] += (v - e.truth[k]) / float64(e.seeds)
		}
	}
	s.Start, s.Train, s.Fresh = append(s.Start, stat.Mean(start, nil)), append(s.Train, stat.Mean(train, nil)), append(s.Fresh, stat.Mean(fresh, nil))
	s.Error = append(s.Error, standardError(off))
	if e.seeds > 1 {
		s.SeedError = append(s.SeedError, standardError(fresh))
	}
	if c.fit {
		s.Kept = append(s.Kept, kept)
	}
	return nil
}

// stack returns an untrained one: each block a trained rotation and a coupling, with ActNorm
// between them if the start says so, and all behind a fit if it says that. i counts the seeds.
func (e *depthExperiment) stack(c curve, blocks, i int) (*flow.Flow, error) {
	cond := flow.Conditioner{Width: depthWidth, Depth: depthLayers, Components: components, Start: c.start.start}
	specs := []flow.Spec{flow.Householder(2), c.coupling(cond)}
	if c.actNorm {
		specs = []flow.Spec{flow.ActNorm(), specs[0], specs[1]}
	}
	o := flow.StackOptions{Seed: e.seed + uint64(i)}
	if c.fit {
		o.On = e.fits[i]
	}
	return flow.NewStack(e.x, o, flow.Repeat(blocks, specs...)...)
}

// rateOf is the learning rate of so many blocks. A step moves what all of them do together:
// deeper stacks of splines take as much smaller ones. Affine stacks, which are far from
// done, are better off without.
func rateOf(fam family, blocks int) float64 {
	if fam.name != "spline" {
		return depthRate
	}
	return depthRate * min(1, float64(depthBlocks)/float64(blocks))
}

// train trains the flow and returns the number of steps after which its gradient was no longer
// finite, 0 if it always was; the flow then holds the last parameters before.
func (e *depthExperiment) train(ctx context.Context, f *flow.Flow, i int, rate float64, steps int, what string) (diverged int, err error) {
	show := e.progress.step(steps)
	e.progress.show(what)
	h, err := flow.Train(ctx, f, e.noisy[i], flow.TrainOptions{Schedule: flow.OneCycle, Steps: steps, Batch: depthBatch, LearningRate: rate, Seed: e.seed + uint64(i), Progress: show})
	switch {
	case err == nil:
		return 0, nil
	case h == nil || ctx.Err() != nil:
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	return len(h.Steps) + 1, nil
}

// score returns the mean log-density of the rows of x, and all of them.
func (e *depthExperiment) score(f *flow.Flow, x *mat.Dense) (float64, []float64, error) {
	n, _ := x.Dims()
	lp := make([]float64, n)
	err := f.LogProb(lp, x)
	return stat.Mean(lp, nil), lp, err
}

// gradients measures the norm of the gradient of untrained stacks; a fit that they stand on,
// which training leaves as it is, has no part in it.
func (e *depthExperiment) gradients(ctx context.Context, r *depthReport) error {
	for _, fam := range families {
		for _, s := range starts {
			var medians []float64
			for _, n := range e.gradientBlocks {
				e.progress.show(fmt.Sprintf("the gradient of %d untrained %s blocks, %s start", n, fam.name, s.name))
				var norms []float64
				for i := range e.seeds {
					if err := ctx.Err(); err != nil {
						return err
					}
					f, err := e.stack(curve{family: fam, start: s}, n, i)
					if err != nil {
						return err
					}
					layers, err := f.Inspect(e.x)
					if err != nil {
						return err
					}
					square := 0.0
					for _, l := range layers {
						if l.Block >= f.Blocks()-n {
							square += l.GradNorm * l.GradNorm
						}
					}
					norms = append(norms, math.Sqrt(square))
				}
				slices.Sort(norms)
				medians = append(medians, stat.Quantile(0.5, stat.Empirical, norms, nil))
			}
			r.GradientNorm[fam.name+", "+s.name] = medians
			if s == random {
				r.GradientNorm[fam.name] = medians
			}
		}
	}
	return nil
}

// contract inverts x + g(x), g(x) = L·sin(bx)/b, on [-3, 3] by fixed point.
func contract(lipschitz float64) contraction {
	const (
		b, n, rounds = 3.0, 601, 60
	)
	g := func(x float64) float64 { return lipschitz * math.Sin(b*x) / b }
	c := contraction{Lipschitz: lipschitz, Monotone: true}
	for i := range n {
		x := 6*float64(i)/(n-1) - 3
		c.x, c.y = append(c.x, x), append(c.y, x+g(x))
		c.Monotone = c.Monotone && (i == 0 || c.y[i] > c.y[i-1])
	}
	c.back = append([]float64(nil), c.y...)
	for range rounds {
		worst := 0.0
		for i, x := range c.back {
			worst = max(worst, math.Abs(x-c.x[i]))
			c.back[i] = c.y[i] - g(x)
		}
		c.Error = append(c.Error, worst)
	}
	for i := range c.back {
		c.RoundTrip = max(c.RoundTrip, math.Abs(c.back[i]-c.x[i]))
	}
	c.Error = append(c.Error, c.RoundTrip)
	for _, z := range c.y {
		crossings := 0
		for i := 1; i < n; i++ {
			if at := z + 1e-9; (c.y[i-1]-at)*(c.y[i]-at) < 0 {
				crossings++
			}
		}
		c.Preimages = max(c.Preimages, crossings)
	}
	return c
}

// residual takes the spiral through residual blocks and back.
func (e *depthExperiment) residual(ctx context.Context, r *depthReport) error {
	r.Residual.Lipschitz = 0.9
	f, err := flow.NewStack(e.x, flow.StackOptions{Seed: e.seed}, []flow.Spec{flow.Residual(32, r.Residual.Lipschitz)})
	if err != nil {
		return err
	}
	// Trained, its matrices are far from where they began.
	if _, err := flow.Train(ctx, f, e.x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: 200, Batch: depthBatch, LearningRate: 3e-2, Seed: e.seed}); err != nil {
		return err
	}
	var z, back mat.Dense
	if err := f.Forward(&z, nil, e.x); err != nil {
		return err
	}
	if err := f.Inverse(&back, nil, &z); err != nil {
		return err
	}
	back.Sub(&back, e.x)
	r.Residual.RoundTrip = max(mat.Max(&back), -mat.Min(&back))
	_, err = flow.NewStack(e.x, flow.StackOptions{}, []flow.Spec{flow.Residual(32, 1.35)})
	if err == nil {
		return errors.New("a residual block of Lipschitz bound 1.35 was not refused")
	}
	r.Residual.Refused = err.Error()
	return nil
}

func (e *depthExperiment) figures(r *depthReport) error {
	blocks := func(n []int) (x []float64) {
		for _, v := range n {
			x = append(x, float64(v))
		}
		return x
	}
	upTo := append(slices.Clone(e.blocks), e.deepest)
	density := plots.Curves{Title: fmt.Sprintf("Two-arm spiral, %d steps", e.steps), XLabel: "blocks", YLabel: "mean log p, nats", LogX: true, Note: "dashed: training points",
		YMin: r.Truth.Fresh - 1.5, YMax: r.Truth.Fresh + 0.2} // affine couplings may give a fresh point next to no density
	density.Lines = append(density.Lines, plots.Curve{Name: "the true density", X: blocks(upTo), Y: slices.Repeat([]float64{r.Truth.Fresh}, len(upTo)), Colour: 5, Plain: true})
	for i, c := range curves {
		s, deep := r.Families[c.name()], r.Deep.Families[c.name()]
		x := blocks(upTo[:len(s.Fresh)+len(deep.Fresh)])
		density.Lines = append(density.Lines,
			plots.Curve{Name: c.label(), X: x, Y: slices.Concat(s.Fresh, deep.Fresh), Colour: i},
			plots.Curve{X: x, Y: slices.Concat(s.Train, deep.Train), Colour: i, Dashed: true})
	}
	var gradients []plots.Curves
	for _, fam := range families {
		c := plots.Curves{Title: fmt.Sprintf("Untrained %s couplings", fam.name), XLabel: "blocks", YLabel: "norm of the gradient (log axis)", LogX: true, LogY: true,
			Note: "dashed: with ActNorm", YMin: 1, YMax: 1e10}
		colour := -1
		for _, s := range starts {
			if !s.actNorm {
				colour++
			}
			name := s.name
			if s.actNorm {
				name = ""
			}
			c.Lines = append(c.Lines, plots.Curve{Name: name, X: blocks(e.gradientBlocks), Y: r.GradientNorm[fam.name+", "+s.name], Colour: colour, Dashed: s.actNorm})
		}
		gradients = append(gradients, c)
	}
	var demo []plots.Curves
	for _, i := range []int{0, 2} {
		c := r.Contraction[i]
		panel := plots.Curves{Title: fmt.Sprintf("x + g(x), Lip(g) = %g", c.Lipschitz), XLabel: "x", YLabel: "x + g(x)"}
		panel.Lines = []plots.Curve{
			{Name: "the map", X: c.x, Y: c.y, Plain: true},
			{Name: "its image, at the fixed point", X: c.back, Y: c.y, Colour: 1, Dashed: true, Plain: true},
		}
		demo = append(demo, panel)
	}
	errs := plots.Curves{Title: "Inverse by fixed point", XLabel: "iterations", YLabel: "largest error (log axis)", LogY: true}
	for i, c := range r.Contraction {
		line := plots.Curve{Name: fmt.Sprintf("Lip(g) = %g", c.Lipschitz), Colour: i, Plain: true}
		for k, v := range c.Error {
			line.X, line.Y = append(line.X, float64(k)), append(line.Y, max(v, 1e-17))
		}
		errs.Lines = append(errs.Lines, line)
	}
	demo = append(demo, errs)
	for _, f := range []struct {
		name   string
		panels []plots.Curves
	}{{densityFigure, []plots.Curves{density}}, {gradientFigure, gradients}, {contractionFigure, demo}} {
		var png bytes.Buffer
		if err := plots.WriteCurves(&png, f.panels...); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if err := atomicfile.WriteFile(filepath.Join(e.out, f.name), png.Bytes()); err != nil {
			return fmt.Errorf("cannot write the figure: %w", err)
		}
	}
	return nil
}

// print writes the tables.
func (e *depthExperiment) print(w io.Writer, r *depthReport) error {
	var b bytes.Buffer
	row := func(label string, cells ...string) {
		line := fmt.Sprintf("%-40s", label)
		for _, c := range cells {
			line += fmt.Sprintf("%10s", c)
		}
		fmt.Fprintln(&b, strings.TrimRight(line, " "))
	}
	numbers := func(format string, v []float64) (cells []string) {
		for _, x := range v {
			cells = append(cells, fmt.Sprintf(format, x))
		}
		return cells
	}
	counts := func(n []int) (cells []string) {
		for _, v := range n {
			cells = append(cells, fmt.Sprint(v))
		}
		return cells
	}
	fmt.Fprintf(&b, "Two-arm spiral, 3000 points, %d fresh ones; seed %d. Kernels: %s.\n", e.fresh, e.seed, r.Tier)
	if e.seeds > 1 {
		fmt.Fprintf(&b, "Means over %d seeds, from that one on; norms of gradients are medians.\n", e.seeds)
	}
	fmt.Fprintln(&b)
	row(fmt.Sprintf("mean log p after %d steps; blocks", e.steps), counts(append(slices.Clone(r.Blocks), r.Deep.Blocks))...)
	for _, c := range curves {
		s, deep := r.Families[c.name()], r.Deep.Families[c.name()]
		row(c.label()+", fresh points", numbers("%.3f", slices.Concat(s.Fresh, deep.Fresh))...)
		if e.seeds > 1 {
			row("  standard error over the seeds", numbers("%.3f", slices.Concat(s.SeedError, deep.SeedError))...)
		}
		row("  standard error over the points", numbers("%.3f", slices.Concat(s.Error, deep.Error))...)
		row("  the points trained on", numbers("%.3f", slices.Concat(s.Train, deep.Train))...)
		row("  before training, fresh points", numbers("%.3f", slices.Concat(s.Start, deep.Start))...)
		if c.fit {
			var kept []string
			for _, n := range slices.Concat(s.Kept, deep.Kept) {
				kept = append(kept, fmt.Sprintf("%d of %d", n, e.seeds))
			}
			row("  training kept the start", kept...)
		}
	}
	row("the sequel's splines, trained on", "-1.719", "-1.495", "-1.434", "-1.375")
	row("the true density, fresh points", fmt.Sprintf("%.3f", r.Truth.Fresh))
	row("  the points trained on", fmt.Sprintf("%.3f", r.Truth.Train))
	fmt.Fprintln(&b)
	row("gradient's norm, untrained; blocks", counts(r.GradientBlocks)...)
	for _, fam := range families {
		for _, s := range starts {
			row(fam.name+", "+s.name, numbers("%.3g", r.GradientNorm[fam.name+", "+s.name])...)
		}
	}
	fmt.Fprintln(&b)
	row(fmt.Sprintf("fresh points, %d steps, %d blocks", r.StartSteps, r.StartBlocks), fmt.Sprintf("%18s", families[0].name), fmt.Sprintf("%18s", families[1].name))
	for _, s := range starts {
		var cells []string
		for _, fam := range families[:2] {
			cell := fmt.Sprintf("%.3f", r.StartFresh[fam.name+", "+s.name])
			if se, ok := r.StartError[fam.name+", "+s.name]; ok {
				cell += fmt.Sprintf(" ± %.3f", se)
			}
			if step, ok := r.StartDiverged[fam.name+", "+s.name]; ok {
				cell = fmt.Sprintf("  step %d: not finite", step)
			}
			cells = append(cells, fmt.Sprintf("%18s", cell))
		}
		row(s.name, cells...)
	}
	fmt.Fprintln(&b, "\nx + L·sin(3x)/3 and its inverse by 60 fixed-point iterations")
	for _, c := range r.Contraction {
		shape := "monotone"
		if !c.Monotone {
			shape = fmt.Sprintf("folded, up to %d preimages", c.Preimages)
		}
		row(fmt.Sprintf("  L = %g", c.Lipschitz), fmt.Sprintf("  largest error %.2g; %s", c.RoundTrip, shape))
	}
	fmt.Fprintf(&b, "A trained residual block of Lipschitz bound %g: forward and inverse differ by %.2g at most.\n", r.Residual.Lipschitz, r.Residual.RoundTrip)
	fmt.Fprintf(&b, "Of bound 1.35: %s\n", r.Residual.Refused)
	fmt.Fprintf(&b, "\nSeconds: %.0f. Figures: %s, %s, %s.\n", r.Seconds, filepath.Join(e.out, densityFigure), filepath.Join(e.out, gradientFigure), filepath.Join(e.out, contractionFigure))
	_, err := b.WriteTo(w)
	return err
}
