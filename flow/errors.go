package flow

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gaussflow/gaussflow/flow/internal/errs"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

// Kinds of errors, for errors.Is.
var (
	// ErrNotFinite: a value of the input is NaN or infinite.
	ErrNotFinite = errs.ErrNotFinite
	// ErrOutOfRange: a value is finite, but what it becomes is not, or values are too
	// large or too small to be fitted.
	ErrOutOfRange = errs.ErrOutOfRange
	// ErrShape: a matrix, slice or tensor has the wrong shape.
	ErrShape = errs.ErrShape
	// ErrFormat: a file or a description is no valid model.
	ErrFormat = errs.ErrFormat
)

// A RowError is a row of the input that a flow cannot take, and a list of those like it.
type RowError struct {
	Row    int     // from 0; in a sequence of blocks, in the whole sequence
	Col    int     // from 0; -1 if the whole row is to blame
	Column string  // the name of the column, if the flow has names
	Value  float64 // the element at Row and Col
	Err    error   // ErrNotFinite or ErrOutOfRange

	// Rows are the first rows that the call cannot take, at most ten, Row among them, and
	// Bad is how many there are. Both are empty where a call ends at the first of them.
	Rows []int
	Bad  int
}

// Error says where the value is and what is wrong with it, and which rows are bad as
// well.
func (e *RowError) Error() string {
	switch {
	case e.Bad <= 1:
		return e.first()
	case e.Bad <= len(e.Rows):
		return fmt.Sprintf("%s (bad rows: %s)", e.first(), e.list())
	default:
		return fmt.Sprintf("%s (%d bad rows: %s, ...)", e.first(), e.Bad, e.list())
	}
}

func (e *RowError) list() string {
	var s []string
	for _, row := range e.Rows {
		s = append(s, strconv.Itoa(row))
	}
	return strings.Join(s, ", ")
}

// first says what is wrong with the first row.
func (e *RowError) first() string {
	if e.Col < 0 {
		return fmt.Sprintf("row %d leaves the range of float64 on its way through the flow; its values are too large", e.Row)
	}
	name := ""
	if e.Column != "" {
		name = fmt.Sprintf(" (%s)", e.Column)
	}
	if errors.Is(e.Err, ErrOutOfRange) {
		return fmt.Sprintf("row %d, column %d%s is %.3g, outside the range of the kernels; rescale the data", e.Row, e.Col, name, e.Value)
	}
	return fmt.Sprintf("row %d, column %d%s is %v; every value must be finite", e.Row, e.Col, name, e.Value)
}

// Unwrap returns the kind of the error.
func (e *RowError) Unwrap() error { return e.Err }

// outOfRange is the error for a row whose image is not finite.
func outOfRange(row int) error { return &RowError{Row: row, Col: -1, Err: ErrOutOfRange} }

// listed is how many bad rows an error names.
const listed = 10

// badRows collects the rows of a call that a flow cannot take.
type badRows struct {
	columns []string
	density bool // results are log-densities
	mu      sync.Mutex
	first   []*RowError // by their rows
	count   int
}

// add notes a row, and returns what becomes of its result.
func (b *badRows) add(err error) float64 {
	var e *RowError
	if !errors.As(inColumns(err, b.columns), &e) {
		panic(err) // there is no other error in reading or mapping a row
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count++
	at, _ := slices.BinarySearchFunc(b.first, e.Row, func(e *RowError, row int) int { return e.Row - row })
	if at < listed {
		b.first = slices.Insert(b.first, at, e)
		b.first = b.first[:min(listed, len(b.first))]
	}
	if b.density && !math.IsNaN(e.Value) {
		return math.Inf(-1)
	}
	return math.NaN()
}

// err returns the first of them, which lists the others, or nil.
func (b *badRows) err() error {
	if b.count == 0 {
		return nil
	}
	e := b.first[0]
	e.Bad = b.count
	for _, other := range b.first {
		e.Rows = append(e.Rows, other.Row)
	}
	return e
}

// inColumns makes what a tile.Source says about a value a RowError that knows the
// names of the columns.
func inColumns(err error, columns []string) error {
	var v *tile.ValueError
	if !errors.As(err, &v) {
		return err
	}
	e := &RowError{Row: v.Row, Col: v.Col, Value: v.Value, Err: ErrNotFinite}
	if v.Col < len(columns) {
		e.Column = columns[v.Col]
	}
	return e
}

// A PanicError is what a method panics with when one of its goroutines has panicked,
// as where the At method of a caller's matrix does: it holds the value of that panic
// and the stack of the goroutine that raised it.
type PanicError = tile.PanicError
