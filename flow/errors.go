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
	// ErrOutOfRange: a value is finite but its image is not, or values are too large or
	// too small to be fitted.
	ErrOutOfRange = errs.ErrOutOfRange
	// ErrShape: a matrix, slice or tensor has the wrong shape.
	ErrShape = errs.ErrShape
	// ErrFormat: a file or a model description is not valid.
	ErrFormat = errs.ErrFormat
)

// A RowError describes the first row of the input that a flow cannot map, and lists
// others.
type RowError struct {
	Row    int     // from 0; in a sequence of blocks, in the whole sequence
	Col    int     // from 0; -1 if the error concerns the whole row
	Column string  // the name of the column, if the flow has names
	Value  float64 // the element at Row and Col
	Err    error   // ErrNotFinite or ErrOutOfRange

	// Rows are the first rows that the call cannot map, at most ten, Row among them, and
	// Bad is the number of all such rows. Both are zero if the call ends at the first
	// such row.
	Rows []int
	Bad  int
}

// Error says where the value is and what is wrong with it, and lists other bad rows.
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

// listed is the largest number of bad rows that an error names.
const listed = 10

// badRows collects the rows that a call cannot map.
type badRows struct {
	columns []string
	density bool // results are log-densities
	mu      sync.Mutex
	first   []*RowError // by their rows
	count   int
}

// add records a row, and returns the value to write as its result.
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

// inColumns turns a tile.ValueError into a RowError with the name of the column.
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

// A PanicError is the value that a method panics with after one of its goroutines
// has panicked, for example in the At method of the caller's matrix. It holds the
// value of that panic and the stack of the goroutine that raised it.
type PanicError = tile.PanicError
