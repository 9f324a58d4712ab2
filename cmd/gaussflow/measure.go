package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v3"
	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/flow/measure"
	"github.com/gaussflow/gaussflow/internal/plots"
	"github.com/gaussflow/gaussflow/internal/table"
)

func measureCommand() *cli.Command {
	return command("measure", "entropy, dependence and divergence of tables",
		`Estimates information measures of the rows of DATA from fitted densities; each row is evaluated under
a fit to other rows: the entropy, the negentropy and the total correlation; with -groups the mutual
information of two groups of columns, or with three groups that of the first two given the third; with
-against the divergences of DATA from another table with the same columns; with -pairs the mutual
information of every pair of columns, in brackets if the interval contains 0, which -plot draws.

Entropies are in the units of DATA. A column whose values repeat has no density and is an error, as
is a column that is a function of another; -dequantize spreads repeated values by noise.

`+tableHelp+"\n\n"+examples("gaussflow measure train.csv -groups alcohol,hue:ash -bits", "gaussflow measure train.csv -plot pairs.png"),
		[]string{"DATA"},
		slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "groups", Usage: "mutual information of the groups of columns in `LIST`, by name or by number from 1: a,b:c,d or a:b:c"},
			&cli.StringFlag{Name: "against", Usage: "divergences from the rows of the table `DATA2`"},
			&cli.BoolFlag{Name: "pairs", Usage: "mutual information of every pair of columns"},
			&cli.StringFlag{Name: "plot", Usage: "draw the mutual information of every pair of columns to `FILE`, .png or .svg", Validator: func(name string) error {
				if pictureFormat(name) == "" {
					return errors.New("want a name that ends in .png or .svg")
				}
				return nil
			}},
			&cli.BoolFlag{Name: "dual", Usage: "also the dual total correlation, which needs a fit for each column"},
			&cli.BoolFlag{Name: "bits", Usage: "print bits instead of nats; JSON has nats"},
			&cli.BoolFlag{Name: "dequantize", Usage: "spread repeated values by uniform noise as wide as their distance"},
			&cli.IntFlag{Name: "folds", Usage: "split the rows into `N` folds; 0 for the default", Validator: between(0, 1000)},
			&cli.Uint64Flag{Name: "seed", Usage: "seed `S` of the folds and fits"},
			jsonFlag(),
		}, tableFlags()),
		measureTable)
}

// measurement is one estimate as `gaussflow measure -json` prints it.
type measurement struct {
	Nats float64 `json:"nats"`
	SE   float64 `json:"se"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// measureReport is what `gaussflow measure -json` prints. What was not asked for is absent.
type measureReport struct {
	Rows                 int                    `json:"rows"`
	Columns              []string               `json:"columns"`
	Entropy              *measurement           `json:"entropy,omitempty"`
	Negentropy           *measurement           `json:"negentropy,omitempty"`
	TotalCorrelation     *measurement           `json:"total_correlation,omitempty"`
	DualTotalCorrelation *measurement           `json:"dual_total_correlation,omitempty"`
	MutualInformation    *measurement           `json:"mutual_information,omitempty"`
	Conditional          *measurement           `json:"conditional_mutual_information,omitempty"`
	KL                   *measurement           `json:"kl,omitempty"`
	KLReverse            *measurement           `json:"kl_reverse,omitempty"`
	JensenShannon        *measurement           `json:"jensen_shannon,omitempty"`
	Pairs                map[string]measurement `json:"pairs,omitempty"` // keyed "a,b"
}

func measureTable(ctx context.Context, c *cli.Command) error {
	x, names, err := readWhole(ctx, c, c.Args().First())
	if err != nil {
		return err
	}
	n, d := x.Dims()
	r := measureReport{Rows: n, Columns: names}
	progress := newProgress(c.Root().ErrWriter)
	defer progress.clear()
	o := measure.Options{
		Seed: c.Uint64("seed"), Folds: c.Int("folds"), Dequantize: c.Bool("dequantize"),
		Progress: func(done, of int) { progress.show(fmt.Sprintf("fit %d of %d", done, of)) },
	}
	var problem error
	estimate := func(to **measurement, e measure.Estimate, err error) {
		if problem == nil && err != nil {
			problem = explainMeasure(ctx, err, names)
			return
		}
		*to = &measurement{e.Nats, e.SE, e.Low, e.High}
	}
	run := func(to **measurement, f func(context.Context, mat.Matrix, measure.Options) (measure.Estimate, error)) {
		if problem == nil {
			e, err := f(ctx, x, o)
			estimate(to, e, err)
		}
	}
	groups, err := columnGroups(c.String("groups"), names)
	if err != nil {
		return err
	}
	switch {
	case c.IsSet("against"):
		y, other, err := readWhole(ctx, c, c.String("against"))
		if err != nil {
			return err
		}
		if y, err = matched(y, other, names); err != nil {
			return fmt.Errorf("%s: %w", c.String("against"), err)
		}
		v, err := measure.Divergence(ctx, x, y, o)
		estimate(&r.KL, v.PQ, err)
		estimate(&r.KLReverse, v.QP, err)
		estimate(&r.JensenShannon, v.JS, err)
	case len(groups) == 2:
		e, err := measure.MutualInformation(ctx, x, groups[0], groups[1], o)
		estimate(&r.MutualInformation, e, err)
	case len(groups) == 3:
		e, err := measure.ConditionalMutualInformation(ctx, x, groups[0], groups[1], groups[2], o)
		estimate(&r.Conditional, e, err)
	default:
		run(&r.Entropy, measure.Entropy)
		run(&r.Negentropy, measure.Negentropy)
		if d > 1 {
			run(&r.TotalCorrelation, measure.TotalCorrelation)
		}
	}
	if c.Bool("dual") && d > 1 {
		run(&r.DualTotalCorrelation, measure.DualTotalCorrelation)
	}
	if (c.Bool("pairs") || c.IsSet("plot")) && problem == nil {
		m, err := measure.PairwiseMutualInformation(ctx, x, o)
		if err != nil {
			problem = explainMeasure(ctx, err, names)
		} else {
			r.Pairs = map[string]measurement{}
			for j := range d {
				for i := range j {
					e := m[i][j]
					r.Pairs[names[i]+","+names[j]] = measurement{e.Nats, e.SE, e.Low, e.High}
				}
			}
		}
	}
	if problem != nil {
		return problem
	}
	if file := c.String("plot"); file != "" {
		title := fmt.Sprintf("Mutual information: %s, %s", filepath.Base(c.Args().First()), plural(int64(n), "row"))
		if err := writePicture(r.picture(title, c.Bool("bits")), file, pictureFormat(file)); err != nil {
			return err
		}
	}
	progress.clear()
	if c.Bool("json") {
		return writeJSON(c.Root().Writer, r)
	}
	return r.print(c.Root().Writer, c.Bool("bits"))
}

// readWhole reads a table into memory, with names for its columns.
func readWhole(ctx context.Context, c *cli.Command, name string) (*mat.Dense, []string, error) {
	o, err := tableOptions(c)
	if err != nil {
		return nil, nil, err
	}
	tab, err := table.Open(name, o)
	if err != nil {
		return nil, nil, err
	}
	defer tab.Close()
	for _, n := range tab.Notes() {
		note(c, "%s", n)
	}
	x, err := tab.Read(mostValues)
	switch {
	case ctx.Err() != nil:
		return nil, nil, errors.New("interrupted")
	case err != nil:
		return nil, nil, err
	case x.IsEmpty():
		return nil, nil, fmt.Errorf("%s: there are no rows", tab.Name())
	}
	names := tab.Columns()
	if names == nil {
		_, d := x.Dims()
		names = numbered("x", d)
	}
	return x, names, nil
}

// columnGroups reads a,b:c,d.
func columnGroups(list string, names []string) ([][]int, error) {
	if list == "" {
		return nil, nil
	}
	var groups [][]int
	for part := range strings.SplitSeq(list, ":") {
		g, err := columnList("-groups", part, names, len(names))
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	if len(groups) != 2 && len(groups) != 3 {
		return nil, usageErrorf("-groups %s: want two or three groups, separated by colons", list)
	}
	return groups, nil
}

// matched returns y with its columns in the order of names.
func matched(y *mat.Dense, other, names []string) (*mat.Dense, error) {
	if len(other) != len(names) {
		return nil, fmt.Errorf("it has %d columns; the first table has %d", len(other), len(names))
	}
	n, d := y.Dims()
	out := mat.NewDense(n, d, nil)
	for j, name := range names {
		at := slices.Index(other, name)
		if at < 0 {
			return nil, fmt.Errorf("there is no column %s; the columns are %s", name, clipList(other))
		}
		out.SetCol(j, mat.Col(nil, at, y))
	}
	return out, nil
}

// explainMeasure names the columns in an error.
func explainMeasure(ctx context.Context, err error, names []string) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	var row *flow.RowError
	if errors.As(err, &row) && row.Col >= 0 {
		return fmt.Errorf("row %d, %s: %v is not finite", row.Row+1, names[row.Col], row.Value)
	}
	text := strings.Replace(err.Error(), "; dequantize it or leave it out", "; give -dequantize or leave it out", 1)
	for j := len(names) - 1; j >= 0; j-- {
		text = strings.ReplaceAll(text, fmt.Sprintf("column %d ", j), names[j]+" ")
		text = strings.ReplaceAll(text, fmt.Sprintf("column %d:", j), names[j]+":")
	}
	return stripped{strings.TrimPrefix(text, "measure: "), err}
}

// picture shows the mutual information of each two columns.
func (r measureReport) picture(title string, bits bool) *plots.Picture {
	unit, factor := unitOf(bits)
	d := len(r.Columns)
	m := mat.NewDense(d, d, nil)
	clear := make([]bool, d*d)
	for j, b := range r.Columns {
		for i, a := range r.Columns[:j] {
			e := r.Pairs[a+","+b]
			m.Set(i, j, e.Nats*factor)
			m.Set(j, i, e.Nats*factor)
			clear[i*d+j], clear[j*d+i] = e.Low > 0, e.Low > 0
		}
	}
	return plots.Information(title, unit, r.Columns, m, func(i, j int) bool { return clear[i*d+j] })
}

// unitOf is what estimates are printed in, and how many of it are a nat.
func unitOf(bits bool) (name string, factor float64) {
	if bits {
		return "bits", measure.Estimate{Nats: 1}.Bits().Nats
	}
	return "nats", 1
}

func (r measureReport) print(w io.Writer, bits bool) error {
	unit, factor := unitOf(bits)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s, %s: %s\n\n", plural(int64(r.Rows), "row"), plural(int64(len(r.Columns)), "column"), clipList(r.Columns))
	fmt.Fprintf(t, "\t%s\t± error\t95%% interval\n", unit)
	line := func(name string, m *measurement) {
		if m != nil {
			fmt.Fprintf(t, "%s\t%.4f\t%.4f\t%.4f to %.4f\n", name, m.Nats*factor, m.SE*factor, m.Low*factor, m.High*factor)
		}
	}
	line("entropy", r.Entropy)
	line("negentropy", r.Negentropy)
	line("total correlation", r.TotalCorrelation)
	line("dual total correlation", r.DualTotalCorrelation)
	line("mutual information", r.MutualInformation)
	line("conditional mutual information", r.Conditional)
	line("divergence from the other", r.KL)
	line("divergence of the other", r.KLReverse)
	line("Jensen-Shannon divergence", r.JensenShannon)
	for j, b := range r.Columns {
		for _, a := range r.Columns[:j] {
			if m, ok := r.Pairs[a+","+b]; ok {
				line(a+", "+b, &m)
			}
		}
	}
	return t.Flush()
}
