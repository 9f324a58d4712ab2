package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/urfave/cli/v3"
	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/internal/table"
)

// tableHelp is the part of help texts about tables.
const tableHelp = `DATA is a table of numbers: CSV (also with .gz or .zst), NPY, NPZ (file.npz:key) or Parquet,
recognised by its first bytes; - is standard input. Columns are matched by name if both the table
and the model have names, otherwise by position.`

// tableFlags are the flags for reading tables.
func tableFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "format", Usage: "read DATA as `F`: csv, npy, npz or parquet", Category: "Reading tables", Validator: oneOf(table.Formats...)},
		&cli.StringFlag{Name: "columns", Usage: "use the columns in `LIST`, by name or by number from 1: a,b or 1-4,7", Category: "Reading tables"},
		&cli.StringFlag{Name: "id", Usage: "pass the text of the column `NAME` through to the output", Category: "Reading tables"},
		&cli.StringFlag{Name: "missing", Usage: "treat rows with missing values as `HOW`: error, skip, or mean of the column in the training data", Value: "error", Category: "Reading tables", Validator: oneOf("error", "skip", "mean")},
		&cli.StringFlag{Name: "missing-texts", Usage: "treat the texts in `LIST` as missing values, in addition to empty fields", Value: strings.Join(table.DefaultMissing, ","), Category: "Reading tables"},
		&cli.StringFlag{Name: "header", Usage: "whether a CSV file has a header, `H`: yes, no, or auto, if no field of the first line is a number", Value: "auto", Category: "Reading tables", Validator: oneOf("auto", "yes", "no")},
		&cli.StringFlag{Name: "sep", Usage: "fields of a CSV file are separated by `C`: a character, tab, or auto", Value: "auto", Category: "Reading tables"},
		&cli.StringFlag{Name: "decimal", Usage: "the decimal separator of a CSV file is `C`: . or ,", Value: ".", Category: "Reading tables", Validator: oneOf(".", ",")},
	}
}

func oneOf(values ...string) func(string) error {
	return func(s string) error {
		if !slices.Contains(values, s) {
			return fmt.Errorf("want one of %s", strings.Join(values, ", "))
		}
		return nil
	}
}

func tableOptions(c *cli.Command) (table.Options, error) {
	o := table.Options{
		Format: c.String("format"), Columns: c.String("columns"), ID: c.String("id"),
		DecimalComma: c.String("decimal") == ",", MissingTexts: []string{},
		Stdin: c.Root().Reader,
	}
	if texts := c.String("missing-texts"); texts != "" {
		o.MissingTexts = strings.Split(texts, ",")
	}
	switch c.String("missing") {
	case "skip":
		o.Missing = table.MissingSkip
	case "mean":
		o.Missing = table.MissingNaN
	}
	if h := c.String("header"); h != "auto" {
		yes := h == "yes"
		o.Header = &yes
	}
	switch sep := c.String("sep"); {
	case sep == "auto":
	case sep == "tab" || sep == `\t`:
		o.Separator = '\t'
	case len(sep) == 1 && sep != `"` && sep != "\n" && sep != ".":
		o.Separator = sep[0]
	default:
		return o, usageErrorf("%s: -sep %q: want one character, tab or auto", c.Name, sep)
	}
	if o.DecimalComma && o.Separator == ',' {
		return o, usageErrorf("%s: -sep , and -decimal ,: a comma cannot separate both fields and decimals", c.Name)
	}
	return o, nil
}

// outputFlags are the flags for writing tables.
func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "o", Usage: "write to `FILE`, .csv, .npy or .parquet; without it CSV goes to standard output", Category: "Writing tables"},
		&cli.IntFlag{Name: "digits", Usage: "write CSV with `N` significant digits; 0: the fewest that identify each number", Category: "Writing tables", Validator: between(0, 17)},
		&cli.BoolFlag{Name: "f32", Usage: "write NPY and Parquet in single precision", Category: "Writing tables"},
		&cli.BoolFlag{Name: "json", Usage: "write one JSON object per row to standard output", Category: "Writing tables"},
	}
}

func between(least, most int) func(int) error {
	return func(n int) error {
		switch {
		case n < least && most == math.MaxInt:
			return fmt.Errorf("want at least %d", least)
		case n < least || n > most:
			return fmt.Errorf("want %d to %d", least, most)
		}
		return nil
	}
}

// newWriter opens the output that the flags ask for.
func newWriter(c *cli.Command, id string, columns []string) (*table.Writer, error) {
	o := table.WriteOptions{ID: id, Float32: c.Bool("f32"), Digits: c.Int("digits")}
	name := c.String("o")
	switch {
	case c.Bool("json") && name != "":
		return nil, usageErrorf("%s: -json writes to standard output; leave out -o", c.Name)
	case c.Bool("json"):
		return table.NewJSONLines(c.Root().Writer, columns, o), nil
	case name == "" || name == "-":
		return table.NewCSV(c.Root().Writer, columns, o)
	}
	return table.Create(name, columns, o)
}

// loadModel reads a model file.
func loadModel(name string) (*flow.Flow, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := flow.Load(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, strip(err))
	}
	return m, nil
}

// strip removes the library's "flow: Method: " from an error: the message already begins with what
// failed.
func strip(err error) error {
	s := err.Error()
	if rest, ok := strings.CutPrefix(s, "flow: "); ok {
		if _, what, ok := strings.Cut(rest, ": "); ok {
			return stripped{what, err}
		}
	}
	return err
}

type stripped struct {
	s   string
	err error
}

func (s stripped) Error() string { return s.s }
func (s stripped) Unwrap() error { return s.err }

// note prints a message that is not an error.
func note(c *cli.Command, format string, args ...any) {
	fmt.Fprintf(c.Root().ErrWriter, "gaussflow: %s: note: %s\n", c.Name, oneLine(fmt.Sprintf(format, args...)))
}

// dataNames are the names of a flow's columns in its output.
func dataNames(f *flow.Flow) []string {
	if names := f.Columns(); names != nil {
		return names
	}
	return numbered("x", width(f))
}

// width is the number of columns of a flow's rows, conditioning columns included.
func width(f *flow.Flow) int { return f.Dim() + f.Context() }

// latentNames are the names of a flow's latents, and of its conditioning columns, which pass through.
func latentNames(f *flow.Flow) []string {
	return append(numbered("z", f.Dim()), dataNames(f)[f.Dim():]...)
}

// columnList reads a list such as a,b of names of d columns, or of their numbers from 1.
func columnList(flag, list string, names []string, d int) ([]int, error) {
	var columns []int
	for name := range strings.SplitSeq(list, ",") {
		j := slices.Index(names, name)
		if j < 0 {
			number, err := strconv.Atoi(name)
			if err != nil || number < 1 || number > d || strconv.Itoa(number) != name {
				have := fmt.Sprintf("there are %s, without names", plural(int64(d), "column"))
				if names != nil {
					have = "the columns are " + clipList(names)
				}
				return nil, usageErrorf("%s: there is no column %q; %s", flag, name, have)
			}
			j = number - 1
		}
		if slices.Contains(columns, j) {
			return nil, usageErrorf("%s %s: %s occurs twice", flag, list, name)
		}
		columns = append(columns, j)
	}
	return columns, nil
}

// numbered are the names x0, x1, ….
func numbered(letter string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = letter + strconv.Itoa(i)
	}
	return names
}

// meansKey is where a model keeps the means of its training data, for -missing mean.
const meansKey = "column_means"

// A stream passes a table through a flow. The flow reads ahead, so line numbers and texts of its rows
// are queued here.
type stream struct {
	t    *table.Table
	fill []float64 // in place of missing values, or nil
	err  error     // of the table

	mu    sync.Mutex
	rows  []int64
	lines []int64
	ids   []string
	taken int64 // rows that the caller has taken
}

// openStream opens a table whose columns are those of a flow, or other names if given.
func openStream(c *cli.Command, name string, f *flow.Flow, columns []string) (*stream, error) {
	return openColumns(c, name, f, columns, 0)
}

// openColumns is openStream without the flow's first columns.
func openColumns(c *cli.Command, name string, f *flow.Flow, columns []string, from int) (*stream, error) {
	o, err := tableOptions(c)
	if err != nil {
		return nil, err
	}
	t, err := table.Open(name, o)
	if err != nil {
		return nil, err
	}
	s := &stream{t: t}
	if c.Bool("inverse") && !slices.Contains(t.Columns(), columns[0]) {
		columns = nil // latents of another program, by position
	}
	if err := t.Match(columns, width(f)-from); err != nil {
		t.Close()
		return nil, err
	}
	for _, n := range t.Notes() {
		note(c, "%s", n)
	}
	if o.Missing == table.MissingNaN {
		if s.fill, err = means(f); err != nil {
			t.Close()
			return nil, err
		}
		s.fill = s.fill[from:]
	}
	return s, nil
}

// means are those of the columns of the data that a flow was fitted to.
func means(f *flow.Flow) ([]float64, error) {
	var v []float64
	for s := range strings.SplitSeq(f.Info()[meansKey], ",") {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			break
		}
		v = append(v, x)
	}
	if len(v) != width(f) {
		return nil, errors.New("-missing mean: the model does not store the means of its columns; use -missing skip")
	}
	return v, nil
}

func fillMissing(x []float64, means []float64) {
	for i, v := range x {
		if v != v {
			x[i] = means[i%len(means)]
		}
	}
}

// blocks yields the rows for the flow.
func (s *stream) blocks() iter.Seq2[*mat.Dense, error] {
	return func(yield func(*mat.Dense, error) bool) {
		for b, err := range s.t.Blocks() {
			if err != nil {
				s.err = err
				yield(nil, err)
				return
			}
			if s.fill != nil {
				fillMissing(b.X.RawMatrix().Data[:len(b.Row)*len(s.fill)], s.fill)
			}
			s.mu.Lock()
			s.rows, s.lines, s.ids = append(s.rows, b.Row...), append(s.lines, b.Line...), append(s.ids, b.ID...)
			s.mu.Unlock()
			if !yield(b.X, nil) {
				return
			}
		}
	}
}

// take returns what belongs to the next n rows, until it is called again.
func (s *stream) take(n int) (rows []int64, ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows, s.rows = s.rows[:n:n], s.rows[n:]
	if len(s.lines) > 0 {
		s.lines = s.lines[n:]
	}
	if len(s.ids) > 0 {
		ids, s.ids = s.ids[:n:n], s.ids[n:]
	}
	s.taken += int64(n)
	return rows, ids
}

// explain converts an error of the flow to one that names the place in the table.
func (s *stream) explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case s.err != nil:
		return s.err
	}
	var e *flow.RowError
	if errors.As(err, &e) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if at := int64(e.Row) - s.taken; at >= 0 && at < int64(len(s.rows)) {
			line := int64(0)
			if at < int64(len(s.lines)) {
				line = s.lines[at]
			}
			return fmt.Errorf("%s: the values are so large that their image leaves the range of float64", s.t.Place(line, s.rows[at]))
		}
	}
	return strip(err)
}

// close ends the reading, and tells how many rows were left out.
func (s *stream) close(c *cli.Command) {
	if n := s.t.Skipped(); n > 0 {
		note(c, "%s: %s with missing values left out", s.t.Name(), plural(n, "row"))
	}
	s.t.Close()
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return thousands(n) + " " + what + "s"
}

// thousands writes n with a comma between groups of three digits.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// sameFile reports whether two names are those of one file.
func sameFile(a, b string) bool {
	if a == "" || b == "" || a == "-" || b == "-" {
		return false
	}
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y) || filepath.Clean(a) == filepath.Clean(b)
}

var _ io.Reader = (*interruptible)(nil)
