package flow

import (
	"errors"
	"fmt"

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

// A RowError is a row of the input that a flow cannot take.
type RowError struct {
	Row    int     // from 0; in a sequence of blocks, in the whole sequence
	Col    int     // from 0; -1 if the whole row is to blame
	Column string  // the name of the column, if the flow has names
	Value  float64 // the element at Row and Col
	Err    error   // ErrNotFinite or ErrOutOfRange
}

// Error says where the value is and what is wrong with it.
func (e *RowError) Error() string {
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
