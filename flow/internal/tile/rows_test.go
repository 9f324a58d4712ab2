package tile

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// wide is a matrix without access to its memory.
type wide struct{ mat.Matrix }

// Every number of rows and columns, of a matrix and of a part of one, comes out transposed, and nothing is written beside it.
func TestRead(t *testing.T) {
	all := mat.NewDense(40, 20, nil)
	for i := range 40 {
		for j := range 20 {
			all.Set(i, j, float64(100*i+j))
		}
	}
	for d := 1; d <= 18; d++ {
		for n := range 14 {
			for _, first := range []int{0, 3, 26 - n} {
				part := all.Slice(2, 28, 1, 1+d)
				for _, m := range []mat.Matrix{part, mat.DenseCopyOf(part), wide{part}} {
					s, err := NewSource(m, d)
					if err != nil {
						t.Fatal(err)
					}
					to := New(d, n+3)
					if err := s.Read(to.Cols(1, n+1), first); err != nil {
						t.Fatal(err)
					}
					for j := range d {
						for i := range n + 3 {
							want := 0.0
							if i > 0 && i <= n {
								want = all.At(2+first+i-1, 1+j)
							}
							if got := to.Row(j)[i]; got != want {
								t.Fatalf("%d×%d from row %d on: coordinate %d of sample %d is %v, want %v", n, d, first, j, i, got, want)
							}
						}
					}
				}
			}
		}
	}
}

// An element that is not finite is named wherever it stands; of several in a row, the first.
func TestReadNotFinite(t *testing.T) {
	const n, d = 11, 10
	for row := range n {
		for column := range d {
			for _, v := range []float64{math.Inf(1), math.Inf(-1), math.NaN()} {
				x := mat.NewDense(n, d, nil)
				x.Set(row, column, v)
				x.Set(row, d-1, v)
				for _, m := range []mat.Matrix{x, wide{x}} {
					s, err := NewSource(m, d)
					if err != nil {
						t.Fatal(err)
					}
					var e *ValueError
					if err := s.Read(New(d, n), 0); !errors.As(err, &e) || e.Row != row || e.Col != column {
						t.Errorf("%v in row %d, column %d: %v", v, row, column, err)
					}
				}
			}
		}
	}
}
