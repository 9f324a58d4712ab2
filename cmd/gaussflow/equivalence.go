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
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/internal/atomicfile"
	"github.com/gaussflow/gaussflow/internal/moons"
	"github.com/gaussflow/gaussflow/internal/plots"
	"github.com/gaussflow/gaussflow/internal/quad"
	"github.com/gaussflow/gaussflow/kernels"
)

func equivalenceCommand() *cli.Command {
	return command("equivalence", "the diagonal flow against the coupling flow, on two moons",
		`Fits the diagonal flow (4 blocks, 8 components) to the two moons, 5,000 points; couples it,
which shares the fit and adds a conditioner whose final kernel is zero; compares both flows
element by element; trains the coupling flow; and compares again. Prints the table and writes
equivalence_init.png and equivalence_trained.png to DIR, which is created if need be.

An interrupt (Ctrl-C) ends the training early: the table and the figures then show what was
trained so far and say so, the exit status is 1, and -json prints nothing. A second interrupt
ends the process. With -checkpoint the training is saved to FILE when it ends, whole or
interrupted, and the same command goes on from there: its results are, to the bit, those of a
run that was not interrupted.

`+examples("gaussflow equivalence -out figures", "gaussflow equivalence -steps 50 -json"),
		nil,
		[]cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write the figures to `DIR`", Value: "."},
			&cli.IntFlag{Name: "steps", Usage: "train for `N` steps", Value: 600, Validator: func(n int) error {
				if n < 1 {
					return errors.New("want at least 1")
				}
				return nil
			}},
			&cli.Uint64Flag{Name: "seed", Usage: "start the random numbers from `S`", Value: 0},
			&cli.StringFlag{Name: "checkpoint", Usage: "resume the training in `FILE` if it exists, and save it there"},
			jsonFlag(),
		},
		func(ctx context.Context, c *cli.Command) error {
			e := experiment{steps: c.Int("steps"), seed: c.Uint64("seed"), out: c.String("out"), checkpoint: c.String("checkpoint"), progress: newProgress(c.Root().ErrWriter)}
			report, err := e.run(ctx)
			return e.publish(c.Root().Writer, c.Bool("json"), report, err)
		})
}

// The flow of the experiment, and the names of its figures.
const (
	blocks        = 4
	components    = 8
	initFigure    = "equivalence_init.png"
	trainedFigure = "equivalence_trained.png"
)

// equivalence is what `gaussflow equivalence -json` prints. Densities and their errors are
// in nats.
type equivalence struct {
	DiagonalParams int `json:"diagonal_params"`
	CouplingParams int `json:"coupling_params"`
	N              int `json:"n"`
	Init           struct {
		BitwiseEqual bool `json:"bitwise_equal"`
		flowErrors
	} `json:"init"`
	Trained struct {
		flowErrors
		NLLBefore float64 `json:"nll_before"` // mean of -log p over the points
		NLLAfter  float64 `json:"nll_after"`
	} `json:"trained"`
	IntegralBefore float64 `json:"integral_before"` // ∫ p(x) dx over the plane
	IntegralAfter  float64 `json:"integral_after"`
	Seconds        struct {
		Fit    float64 `json:"fit"`
		Couple float64 `json:"couple"`
		Train  float64 `json:"train"`
	} `json:"seconds"`
	Tier string `json:"tier"`
	BLAS string `json:"blas"`
}

// flowErrors is how far the coupling flow is from the diagonal flow.
type flowErrors struct {
	ZErrMedian       float64   `json:"z_err_median"` // of ‖Δz‖ over the points
	ZErrMax          float64   `json:"z_err_max"`
	LogProbErrMedian float64   `json:"logprob_err_median"` // of |Δ log p|
	LogProbErrMax    float64   `json:"logprob_err_max"`
	KernelMax        []float64 `json:"kernel_max"` // largest |entry| of each conditioner's final kernel
}

// experiment is one run of the command.
type experiment struct {
	steps      int
	seed       uint64
	out        string
	checkpoint string // a file, or "" for none
	progress   *progress
}

// interrupted is the error of a run whose training ended early.
type interrupted struct{ done, of int }

func (i interrupted) Error() string {
	return fmt.Sprintf("interrupted: the training ended after %d of %d steps", i.done, i.of)
}

// run does the work and writes the figures. When the training was interrupted after its
// first step it returns both the report on what was trained so far and the error.
func (e *experiment) run(ctx context.Context) (*equivalence, error) {
	tier, err := kernels.Active()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(e.out, 0o777); err != nil {
		return nil, fmt.Errorf("cannot make the directory for the figures: %w", err)
	}
	defer e.progress.clear()
	x := moons.Standardized()
	r := &equivalence{Tier: tier.String(), BLAS: blas.Backend()}
	r.N, _ = x.Dims()

	e.progress.show("fitting the diagonal flow")
	start := time.Now()
	diagonal, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: blocks, Components: components, Seed: e.seed})
	if err != nil {
		return nil, err
	}
	r.Seconds.Fit = time.Since(start).Seconds()
	start = time.Now()
	coupling, err := diagonal.Couple(flow.CouplingOptions{Seed: e.seed, Plain: true})
	if err != nil {
		return nil, err
	}
	r.Seconds.Couple = time.Since(start).Seconds()
	r.DiagonalParams, r.CouplingParams = diagonal.NumParams(), coupling.NumParams()
	trainer, err := resumeTraining(coupling, x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: e.steps, Seed: e.seed, Progress: e.progress.step(e.steps)}, e.checkpoint)
	if err != nil {
		return nil, err
	}

	e.progress.show("comparing the flows")
	reference, err := push(diagonal, x)
	if err != nil {
		return nil, err
	}
	before, err := push(coupling, x)
	if err != nil {
		return nil, err
	}
	r.Init.BitwiseEqual = before.equal(reference)
	r.Init.flowErrors = before.errors(reference, coupling)
	if err := e.figure(initFigure, func(w io.Writer) error {
		return plots.Init(w, before.comparison(reference, r.Init.flowErrors))
	}); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, interrupted{len(trainer.History().Steps), e.steps}
	}
	if r.IntegralBefore, err = integral(coupling); err != nil {
		return nil, err
	}

	start = time.Now()
	trainErr := trainer.Run(ctx)
	r.Seconds.Train = time.Since(start).Seconds()
	if trainErr != nil && !errors.Is(trainErr, context.Canceled) {
		return nil, trainErr
	}
	if err := saveTraining(trainer, e.checkpoint); err != nil {
		return nil, err
	}
	coupling = trainer.Flow()
	done := len(trainer.History().Steps)
	if trainErr != nil {
		trainErr = interrupted{done, e.steps}
		if done == 0 {
			return nil, trainErr
		}
	}

	e.progress.show("comparing the flows")
	after, err := push(coupling, x)
	if err != nil {
		return nil, err
	}
	r.Trained.flowErrors = after.errors(reference, coupling)
	r.Trained.NLLBefore, r.Trained.NLLAfter = -stat.Mean(before.logProb, nil), -stat.Mean(after.logProb, nil)
	if err := e.figure(trainedFigure, func(w io.Writer) error {
		return plots.Trained(w, before.comparison(reference, r.Init.flowErrors), after.comparison(reference, r.Trained.flowErrors), done)
	}); err != nil {
		return nil, err
	}
	if r.IntegralAfter, err = integral(coupling); err != nil {
		return nil, err
	}
	return r, trainErr
}

// pushforward is what a flow makes of the data.
type pushforward struct {
	z       *mat.Dense // n×2
	logProb []float64  // n
}

func push(f *flow.Flow, x mat.Matrix) (pushforward, error) {
	n, _ := x.Dims()
	p := pushforward{new(mat.Dense), make([]float64, n)}
	if err := f.Forward(p.z, nil, x); err != nil {
		return p, err
	}
	return p, f.LogProb(p.logProb, x)
}

// equal reports whether every latent and every log-density of p and q has the same bits.
func (p pushforward) equal(q pushforward) bool {
	same := func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
	return slices.EqualFunc(p.z.RawMatrix().Data, q.z.RawMatrix().Data, same) &&
		slices.EqualFunc(p.logProb, q.logProb, same)
}

// errors measures p, which the flow f made, against a reference.
func (p pushforward) errors(reference pushforward, f *flow.Flow) flowErrors {
	z, logProb := make([]float64, len(p.logProb)), make([]float64, len(p.logProb))
	for i := range z {
		a, b := p.z.RawRowView(i), reference.z.RawRowView(i)
		z[i] = math.Hypot(a[0]-b[0], a[1]-b[1])
		logProb[i] = math.Abs(p.logProb[i] - reference.logProb[i])
	}
	return flowErrors{
		ZErrMedian: median(z), ZErrMax: slices.Max(z),
		LogProbErrMedian: median(logProb), LogProbErrMax: slices.Max(logProb),
		KernelMax: f.KernelMax(),
	}
}

// comparison is p against a reference, as the figures want it.
func (p pushforward) comparison(reference pushforward, e flowErrors) plots.Comparison {
	return plots.Comparison{
		Diagonal: reference.z, Coupling: p.z,
		Z:       plots.Summary{Median: e.ZErrMedian, Max: e.ZErrMax},
		LogProb: plots.Summary{Median: e.LogProbErrMedian, Max: e.LogProbErrMax},
	}
}

// median sorts v and returns its median.
func median(v []float64) float64 {
	slices.Sort(v)
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

func integral(f *flow.Flow) (float64, error) {
	r, err := quad.Mass(f)
	return r.Value, err
}

// figure draws a PNG and puts it into the output directory, whole or not at all.
func (e *experiment) figure(name string, draw func(io.Writer) error) error {
	var png bytes.Buffer
	if err := draw(&png); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := atomicfile.WriteFile(filepath.Join(e.out, name), png.Bytes()); err != nil {
		return fmt.Errorf("cannot write the figure: %w", err)
	}
	return nil
}

// publish prints what run returned, and returns its error. A program that reads JSON gets
// complete runs only, a person whatever there is.
func (e *experiment) publish(w io.Writer, asJSON bool, r *equivalence, err error) error {
	done := e.steps
	if stopped := (interrupted{}); errors.As(err, &stopped) {
		done = stopped.done
	}
	switch {
	case r == nil || asJSON && err != nil:
		return err
	case asJSON:
		return writeJSON(w, r)
	default:
		return errors.Join(err, e.print(w, r, done))
	}
}

// print writes the table.
func (e *experiment) print(w io.Writer, r *equivalence, done int) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Two moons, %d points. %d blocks, K = %d, seed %d. Kernels: %s. BLAS: %s.\n", r.N, blocks, components, e.seed, r.Tier, r.BLAS)
	fmt.Fprintf(&b, "Parameters: diagonal %d, coupling %d.\n", r.DiagonalParams, r.CouplingParams)
	verdict := "differ"
	if r.Init.BitwiseEqual {
		verdict = "are equal bit for bit"
	}
	fmt.Fprintf(&b, "Before training, the latents and log-densities of the two flows %s.\n\n", verdict)

	// The tutorial is gauss_flows' notebook "Coupling ↔ diagonal equivalence".
	row := func(label, before, after, tutorial string) {
		line := fmt.Sprintf("%-34s%18s%18s   %s", label, before, after, tutorial)
		fmt.Fprintln(&b, strings.TrimRight(line, " "))
	}
	row("", "before training", fmt.Sprintf("after step %d", done), "the tutorial's")
	row("‖Δz‖, median", number(r.Init.ZErrMedian), number(r.Trained.ZErrMedian), "1.5e-4 and 0.18")
	row("‖Δz‖, maximum", number(r.Init.ZErrMax), number(r.Trained.ZErrMax), "0.55")
	row("|Δ log p|, median", number(r.Init.LogProbErrMedian), number(r.Trained.LogProbErrMedian), "")
	row("|Δ log p|, maximum", number(r.Init.LogProbErrMax), number(r.Trained.LogProbErrMax), "")
	row("final kernels, smallest max |W|", number(slices.Min(r.Init.KernelMax)), number(slices.Min(r.Trained.KernelMax)), "")
	row("final kernels, largest max |W|", number(slices.Max(r.Init.KernelMax)), number(slices.Max(r.Trained.KernelMax)), "")
	row("mean of -log p, nats", fmt.Sprintf("%.4f", r.Trained.NLLBefore), fmt.Sprintf("%.4f", r.Trained.NLLAfter), "")
	row("∫ p over the plane", fmt.Sprintf("%.6f", r.IntegralBefore), fmt.Sprintf("%.6f", r.IntegralAfter), "")

	fmt.Fprintf(&b, "\nSeconds: fit %.2f, couple %.3f, train %.2f.\n", r.Seconds.Fit, r.Seconds.Couple, r.Seconds.Train)
	fmt.Fprintf(&b, "Figures: %s, %s.\n", filepath.Join(e.out, initFigure), filepath.Join(e.out, trainedFigure))
	_, err := b.WriteTo(w)
	return err
}

// number writes an error or a weight; 0 stands for exactly 0 and for nothing else.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }
