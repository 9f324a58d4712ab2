// Package errs holds the kinds of errors that package flow exports.
package errs

import (
	"errors"
	"fmt"
)

var (
	ErrNotFinite  = errors.New("a value is not finite")
	ErrOutOfRange = errors.New("a value leaves the range of float64")
	ErrShape      = errors.New("a shape does not fit")
	ErrFormat     = errors.New("not a valid model")
)

// kinded is an error of a kind. Its text need not include the kind's.
type kinded struct{ kind, err error }

func (e *kinded) Error() string   { return e.err.Error() }
func (e *kinded) Unwrap() []error { return []error{e.err, e.kind} }

// Errorf is fmt.Errorf for an error that is also of the given kind.
func Errorf(kind error, format string, args ...any) error {
	return &kinded{kind, fmt.Errorf(format, args...)}
}

// As returns err as an error of the given kind. It returns nil if err is nil.
func As(kind, err error) error {
	if err == nil {
		return nil
	}
	return &kinded{kind, err}
}
