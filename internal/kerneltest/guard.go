//go:build unix

package kerneltest

import (
	"fmt"
	"math"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Region is memory between unmapped pages: a read or a write past its end faults, which neither the race detector nor the
// address sanitiser can see assembly do.
type Region struct {
	all, data []byte
	floats    []float64
}

// guardPattern fills what a kernel has no business with: a NaN that no arithmetic makes.
var guardPattern = math.Float64frombits(0x7ff4dead_beefcafe)

// NewRegion maps a region that holds at least n float64, and unmaps it when the test ends.
func NewRegion(tb testing.TB, n int) *Region {
	page := unix.Getpagesize()
	size := max(1, (8*n+page-1)/page) * page
	all, err := unix.Mmap(-1, 0, size+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		tb.Fatalf("kerneltest: mapping %d bytes: %v", size+2*page, err)
	}
	tb.Cleanup(func() {
		if err := unix.Munmap(all); err != nil {
			tb.Errorf("kerneltest: unmapping: %v", err)
		}
	})
	for _, edge := range [][]byte{all[:page], all[page+size:]} {
		if err := unix.Mprotect(edge, unix.PROT_NONE); err != nil {
			tb.Fatalf("kerneltest: protecting an edge: %v", err)
		}
	}
	r := &Region{all: all, data: all[page : page+size]}
	r.floats = unsafe.Slice((*float64)(unsafe.Pointer(&r.data[0])), size/8)
	return r
}

// Start returns n float64 that begin gap numbers after the lower guard page; the rest of the region is filled with a
// pattern that Check looks for.
func (r *Region) Start(n, gap int) []float64 { return r.slice(gap, n) }

// End returns n float64 that end gap numbers before the upper guard page; the rest is filled as by Start.
func (r *Region) End(n, gap int) []float64 { return r.slice(len(r.floats)-n-gap, n) }

func (r *Region) slice(from, n int) []float64 {
	for i := range r.floats {
		r.floats[i] = guardPattern
	}
	return r.floats[from : from+n : from+n]
}

// Check returns an error if something was written outside s, which Start or End has returned last.
func (r *Region) Check(s []float64) error {
	from := 0
	if len(s) > 0 {
		from = int(uintptr(unsafe.Pointer(&s[0]))-uintptr(unsafe.Pointer(&r.floats[0]))) / 8
	}
	for i, v := range r.floats {
		if (i < from || i >= from+len(s)) && math.Float64bits(v) != math.Float64bits(guardPattern) {
			return fmt.Errorf("kerneltest: %g was written %d numbers from the start of a slice of %d", v, i-from, len(s))
		}
	}
	return nil
}
