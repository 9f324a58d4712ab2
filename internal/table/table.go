// Package table reads tables of numbers from CSV, NPY, NPZ and Parquet files, block by block
// in constant memory, and writes them.
//
// One reader serves all formats: [Open] recognises them by their first bytes, [Table.Match]
// puts their columns into the order of a model's, and [Table.Blocks] yields the rows. Files
// are not trusted: sizes that a file claims take no memory before the bytes have been read,
// and damage is an error that names the place, as file:line:column for text.
package table

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gonum.org/v1/gonum/mat"
)

// The formats.
const (
	CSV     = "csv"
	NPY     = "npy"
	NPZ     = "npz"
	Parquet = "parquet"
)

// Formats are the names of the formats.
var Formats = []string{CSV, NPY, NPZ, Parquet}

// Missing tells how rows with missing values are treated.
type Missing int

const (
	MissingError Missing = iota // they are an error
	MissingSkip                 // they are left out
	MissingNaN                  // the values are NaN
)

// DefaultMissing are the texts that mark a missing value in a CSV file, besides an empty
// field.
var DefaultMissing = []string{"NA", "N/A", "NaN", "nan", "null", "?", "-"}

// Options sets up a reader. With the zero value the reader detects the format.
type Options struct {
	Format       string   // one of Formats, or "" to detect it from the first bytes, then from the name
	Separator    byte     // of fields in CSV; 0 to detect it from the first line
	Header       *bool    // whether a CSV file has one; nil to detect it from the first line
	DecimalComma bool     // in CSV
	Columns      string   // the columns to use, by name or by number from 1: "a,b" or "1-4,7"; "" for all
	ID           string   // a column whose text goes along with each row
	Missing      Missing  //
	MissingTexts []string // nil means DefaultMissing
	Stdin        io.Reader
}

// maxColumns is the largest number of columns of a table.
const maxColumns = 1 << 16

// A Table is an open table.
type Table struct {
	name    string // for messages
	options Options
	src     source
	names   []string // of all columns of the file, or nil
	use     []int    // columns of the file in the order wanted
	id      int      // column of the file, or -1
	notes   []string
	skipped int64
	// badNames is the error in the names of the columns in use, unless they are not needed.
	badNames error
	close    []func() error
}

// A source is a table of one format.
type source interface {
	// next fills b with some rows of the columns use, as many as b.X has at most, and
	// with their texts in column id unless that is -1. It returns io.EOF after the last
	// row. Missing values are NaN.
	next(b *Block, use []int, id int) error

	// unusable says why a column holds no numbers, or is "".
	unusable(column int) string

	// place describes where a value of a block is in the file, for messages.
	place(b *Block, row, column int) string

	// width returns the number of columns.
	width() int
}

// A Block is a run of successive rows. The next iteration overwrites its memory.
type Block struct {
	X    *mat.Dense // one row each, the columns in use
	Row  []int64    // their numbers in the table, from 1
	Line []int64    // their lines in a CSV file, from 1; nil for other formats
	ID   []string   // their texts in the column Options.ID; nil without one

	all *mat.Dense // what X is the first rows of
}

// Open opens a table; the name "-" is Options.Stdin. A name followed by a colon and a key is an array
// of an .npz file.
func Open(name string, o Options) (*Table, error) {
	if o.MissingTexts == nil {
		o.MissingTexts = DefaultMissing
	}
	t := &Table{name: name, options: o, id: -1}
	if name == "-" {
		t.name = "stdin"
	}
	if err := t.open(name); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Table) open(name string) (err error) {
	if o := t.options; o.DecimalComma && o.Separator == ',' {
		return errors.New("a comma cannot separate both fields and decimals")
	}
	if err := t.openSource(name); err != nil {
		return err
	}
	if w := t.src.width(); w > maxColumns {
		return fmt.Errorf("%s: %d columns; at most %d are read", t.name, w, maxColumns)
	}
	if t.options.ID != "" {
		if t.id, err = t.find(t.options.ID); err != nil {
			return err
		}
		if i, ok := t.src.(interface{ idError(int) error }); ok {
			if err := i.idError(t.id); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	if t.options.Columns != "" {
		return t.choose(t.options.Columns)
	}
	var left []string
	for c := range t.src.width() {
		switch why := t.src.unusable(c); {
		case c == t.id:
		case why != "":
			left = append(left, fmt.Sprintf("%s (%s)", t.title(c), why))
		default:
			t.use = append(t.use, c)
		}
	}
	if len(left) > 0 {
		t.notes = append(t.notes, fmt.Sprintf("%s: left out, because they hold no numbers: %s", t.name, strings.Join(left, ", ")))
	}
	if len(t.use) == 0 {
		return fmt.Errorf("%s: no column holds numbers", t.name)
	}
	t.badNames = t.checkNames() // Match clears it if names are not needed
	return nil
}

// title names a column in messages: its number from 1, and its name.
func (t *Table) title(c int) string {
	if t.names != nil && t.names[c] != "" {
		return fmt.Sprintf("column %d (%s)", c+1, clip(t.names[c]))
	}
	return fmt.Sprintf("column %d", c+1)
}

// find returns the column that has a name, or a number from 1.
func (t *Table) find(name string) (int, error) {
	at := slices.Index(t.names, name)
	if at >= 0 {
		if slices.Contains(t.names[at+1:], name) {
			return 0, fmt.Errorf("%s: two columns are called %q; choose by number", t.name, clip(name))
		}
		return at, nil
	}
	if n, err := strconv.Atoi(name); err == nil {
		if n < 1 || n > t.src.width() {
			return 0, fmt.Errorf("%s: there is no column %d; there are %d", t.name, n, t.src.width())
		}
		return n - 1, nil
	}
	if t.names == nil {
		return 0, fmt.Errorf("%s: there is no column %q: the columns have no names; choose by number, 1 to %d", t.name, clip(name), t.src.width())
	}
	return 0, fmt.Errorf("%s: there is no column %q; the columns are %s", t.name, clip(name), list(t.names))
}

// choose selects the columns of a list, in its order.
func (t *Table) choose(columns string) error {
	t.use = nil
	for _, item := range strings.Split(columns, ",") {
		item = strings.TrimSpace(item)
		from, to, isRange := strings.Cut(item, "-")
		a, err1 := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if !isRange || err1 != nil || err2 != nil || slices.Contains(t.names, item) {
			c, err := t.find(item)
			if err != nil {
				return err
			}
			t.use = append(t.use, c)
			continue
		}
		if a < 1 || b < a || b > t.src.width() {
			return fmt.Errorf("%s: there are no columns %s; there are %d", t.name, item, t.src.width())
		}
		for c := a; c <= b; c++ {
			t.use = append(t.use, c-1)
		}
	}
	seen := map[int]bool{}
	for _, c := range t.use {
		if seen[c] {
			return fmt.Errorf("%s: %s is chosen twice", t.name, t.title(c))
		}
		seen[c] = true
		if why := t.src.unusable(c); why != "" {
			return fmt.Errorf("%s: %s holds no numbers: %s", t.name, t.title(c), why)
		}
	}
	return t.checkNames()
}

// checkNames returns an error if a name of a column in use is empty or occurs
// twice.
func (t *Table) checkNames() error {
	if t.names == nil {
		return nil
	}
	first := map[string]int{}
	for _, c := range t.use {
		name := t.names[c]
		if !utf8.ValidString(name) {
			return fmt.Errorf("%s: the name %q is not UTF-8; convert the file, or say -header no and leave the first line out", t.at(c), clip(name))
		}
		if name == "" {
			return fmt.Errorf("%s: column %d has an empty name; give it one, leave it out with -columns, or say -header no", t.at(c), c+1)
		}
		if other, ok := first[name]; ok {
			return fmt.Errorf("%s: columns %d and %d are both called %q; leave one out with -columns", t.at(c), other+1, c+1, clip(name))
		}
		first[name] = c
	}
	return nil
}

// at is the place of a column's name.
func (t *Table) at(c int) string {
	if s, ok := t.src.(*csvSource); ok {
		return fmt.Sprintf("%s:%d:%d", t.name, s.headerLine, c+1)
	}
	return t.name
}

// Name is the table's name in messages.
func (t *Table) Name() string { return t.name }

// Columns returns the names of the columns in use, or nil if the table has none.
func (t *Table) Columns() []string {
	if t.names == nil {
		return nil
	}
	names := make([]string, len(t.use))
	for i, c := range t.use {
		names[i] = t.names[c]
	}
	return names
}

// Width is the number of columns in use.
func (t *Table) Width() int { return len(t.use) }

// Notes are remarks for the user: columns left out.
func (t *Table) Notes() []string { return t.notes }

// Skipped returns the number of rows left out so far because of missing values.
func (t *Table) Skipped() int64 { return t.skipped }

// Match selects the columns of a model, in its order: by name if both have names, whatever other
// columns the table has; otherwise by position, and then their numbers must agree.
func (t *Table) Match(want []string, dim int) error {
	if want == nil || t.names == nil {
		if len(t.use) != dim {
			return fmt.Errorf("%s: %d columns, and the model has %d; choose them with -columns", t.name, len(t.use), dim)
		}
		t.badNames = nil
		return nil
	}
	var use []int
	var missing []string
	for _, name := range want {
		// Among all columns, so that one that holds no numbers is named as such.
		candidates := t.use
		if t.options.Columns == "" {
			candidates = t.all()
		}
		at := slices.IndexFunc(candidates, func(c int) bool { return t.names[c] == name })
		if at < 0 {
			missing = append(missing, name)
			continue
		}
		c := candidates[at]
		if why := t.src.unusable(c); why != "" {
			return fmt.Errorf("%s: %s holds no numbers: %s", t.name, t.title(c), why)
		}
		use = append(use, c)
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s: the model's columns %s are missing; the table has %s", t.name, list(missing), list(t.Columns()))
	}
	var extra []string
	for _, c := range t.use {
		switch {
		case slices.Contains(use, c):
		case t.names[c] == "":
			extra = append(extra, t.title(c))
		case slices.Contains(want, t.names[c]):
			return t.badNames // it is there twice
		default:
			extra = append(extra, t.names[c])
		}
	}
	t.use, t.notes, t.badNames = use, nil, nil
	if len(extra) > 0 {
		t.notes = append(t.notes, fmt.Sprintf("%s: columns that the model does not have are ignored: %s", t.name, list(extra)))
	}
	return nil
}

func (t *Table) all() []int {
	var all []int
	for c := range t.src.width() {
		if c != t.id {
			all = append(all, c)
		}
	}
	return all
}

// blockRows is the largest number of rows of a block: enough to keep the kernels busy, but no more
// than some megabytes.
func blockRows(width int) int { return min(max((1<<18)/width, 16), 4096) }

// Blocks yields the rows, once.
func (t *Table) Blocks() iter.Seq2[*Block, error] {
	return func(yield func(*Block, error) bool) {
		if t.badNames != nil {
			yield(nil, t.badNames)
			return
		}
		d := len(t.use)
		b := &Block{all: mat.NewDense(blockRows(d), d, nil)}
		for {
			b.reset()
			err := t.src.next(b, t.use, t.id)
			if err == io.EOF {
				return
			}
			if err == nil {
				err = t.finish(b)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if len(b.Row) > 0 && !yield(b, nil) {
				return
			}
		}
	}
}

func (b *Block) reset() {
	b.X, b.Row, b.Line, b.ID = b.all, b.Row[:0], b.Line[:0], b.ID[:0]
}

// finish treats the missing values of a block that a source has read.
func (t *Table) finish(b *Block) error {
	rows := len(b.Row)
	to := 0
	for i := range rows {
		row := b.all.RawRowView(i)
		missing := false
		for j, v := range row {
			if v-v == 0 {
				continue
			}
			switch {
			case !math.IsNaN(v):
				return fmt.Errorf("%s: %v is not finite", t.src.place(b, i, t.use[j]), v)
			case t.options.Missing == MissingError:
				return fmt.Errorf("%s: missing (-missing skip drops such rows)", t.src.place(b, i, t.use[j]))
			}
			missing = true
		}
		if missing && t.options.Missing == MissingSkip {
			t.skipped++
			continue
		}
		if to != i {
			copy(b.all.RawRowView(to), row)
			b.Row[to] = b.Row[i]
			if len(b.Line) > 0 {
				b.Line[to] = b.Line[i]
			}
			if len(b.ID) > 0 {
				b.ID[to] = b.ID[i]
			}
		}
		to++
	}
	b.Row = b.Row[:to]
	if len(b.Line) > 0 {
		b.Line = b.Line[:to]
	}
	if len(b.ID) > 0 {
		b.ID = b.ID[:to]
	}
	if r, d := b.all.Dims(); to > 0 && to < r {
		b.X = b.all.Slice(0, to, 0, d).(*mat.Dense)
	}
	return nil
}

// Read reads all rows into one matrix. More than most values are an error; without rows the
// matrix is empty.
func (t *Table) Read(most int) (*mat.Dense, error) {
	var data []float64
	d := len(t.use)
	for b, err := range t.Blocks() {
		if err != nil {
			return nil, err
		}
		n := len(b.Row) * d
		if len(data)+n > most {
			return nil, fmt.Errorf("%s: more than %d values; take fewer rows or columns", t.name, most)
		}
		data = append(data, b.all.RawMatrix().Data[:n]...)
	}
	if len(data) == 0 {
		return new(mat.Dense), nil
	}
	return mat.NewDense(len(data)/d, d, data), nil
}

// Close closes the file.
func (t *Table) Close() error {
	var errs []error
	for _, c := range slices.Backward(t.close) {
		errs = append(errs, c())
	}
	t.close = nil
	return errors.Join(errs...)
}

// Place names a row in messages, by its line or its number.
func (t *Table) Place(line, row int64) string {
	if line > 0 {
		return fmt.Sprintf("%s:%d", t.name, line)
	}
	return fmt.Sprintf("%s: row %d", t.name, row)
}

// rowPlace is the place of a value in a format without lines.
func (t *Table) rowPlace(b *Block, row, column int) string {
	return fmt.Sprintf("%s: row %d, %s", t.name, b.Row[row], t.title(column))
}

// clip shortens text for a message.
func clip(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// list joins names for a message, not too many of them.
func list(names []string) string {
	const most = 20
	short := make([]string, 0, most+1)
	for i, n := range names {
		if i == most {
			short = append(short, fmt.Sprintf("and %d more", len(names)-most))
			break
		}
		short = append(short, clip(n))
	}
	return strings.Join(short, ", ")
}
