//go:build unix

package kerneltest

import (
	"runtime/debug"
	"testing"
	"unsafe"
)

// faults reports whether f touches memory that is not there.
func faults(f func()) (fault bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { fault = recover() != nil }()
	f()
	return false
}

var sink float64 // so that the compiler keeps the read

// at returns the number i places from p.
func at(p *float64, i int) *float64 { return (*float64)(unsafe.Add(unsafe.Pointer(p), 8*i)) }

func TestEdgesFault(t *testing.T) {
	r := NewRegion(t, 100)
	s := r.End(10, 0)
	p := &s[9]
	if faults(func() { *p = 1 }) {
		t.Error("the last number cannot be written")
	}
	if !faults(func() { *at(p, 1) = 1 }) {
		t.Error("no fault one past the end")
	}
	s = r.Start(10, 0)
	p = &s[0]
	if !faults(func() { sink = *at(p, -1) }) {
		t.Error("no fault one before the start")
	}
}

func TestCheck(t *testing.T) {
	r := NewRegion(t, 100)
	for _, gap := range []int{0, 3} {
		s := r.End(7, gap+1)
		clear(s)
		if err := r.Check(s); err != nil {
			t.Error(err)
		}
		*at(&s[6], 1) = 5
		if r.Check(s) == nil {
			t.Error("a write past the end went unnoticed")
		}
		s = r.Start(7, gap+1)
		clear(s)
		if err := r.Check(s); err != nil {
			t.Error(err)
		}
		*at(&s[0], -1) = 5
		if r.Check(s) == nil {
			t.Error("a write before the start went unnoticed")
		}
	}
}
