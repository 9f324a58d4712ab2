package tile

import (
	"fmt"
	"unsafe"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/errs"
)

// A Source reads the rows of a matrix into tiles.
type Source struct {
	N, Dim int
	m      mat.Matrix
	raw    []float64 // row i at raw[i*stride:], if the matrix gives access to its memory
	stride int
}

// NewSource checks the shape of m: at least one row, and dim columns (any
// positive number of columns if dim is 0).
func NewSource(m mat.Matrix, dim int) (Source, error) {
	if m == nil {
		return Source{}, errs.Errorf(errs.ErrShape, "the matrix is nil")
	}
	s := Source{m: m}
	s.N, s.Dim = m.Dims()
	switch {
	case s.N == 0 || s.Dim == 0:
		return Source{}, errs.Errorf(errs.ErrShape, "the matrix is %d×%d; at least one row and one column are needed", s.N, s.Dim)
	case dim != 0 && s.Dim != dim:
		return Source{}, errs.Errorf(errs.ErrShape, "the matrix has %d columns; the flow has dimension %d", s.Dim, dim)
	}
	if r, ok := m.(mat.RawMatrixer); ok {
		g := r.RawMatrix()
		s.raw, s.stride = g.Data, g.Stride
	}
	return s, nil
}

// Read transposes rows first, first+1, ... into dst. An element that is not finite
// is a *[ValueError].
func (s Source) Read(dst Tile, first int) error {
	// Eight columns at a time: the cache lines of dst that they write stay in the
	// first-level cache.
	const block = 8
	for j0 := 0; j0 < s.Dim; j0 += block {
		j1 := min(j0+block, s.Dim)
		for i := s.transpose(dst, first, j0, j1); i < dst.N; i++ {
			if err := s.readRow(dst, i, first+i, j0, j1); err != nil {
				return err
			}
		}
	}
	return nil
}

// transpose writes columns [j0, j1) of as many rows as it can, four at a time, and returns how many of
// dst's samples that is. It leaves four rows to readRow if an element of them is not finite.
func (s Source) transpose(dst Tile, first, j0, j1 int) int {
	if s.raw == nil {
		return 0
	}
	const rows = 4
	width := j1 - j0
	i := 0
	for ; i+rows <= dst.N; i += rows {
		from := s.raw[(first+i)*s.stride+j0:]
		r0, r1, r2, r3 := from[:width], from[s.stride:][:width], from[2*s.stride:][:width], from[3*s.stride:][:width]
		zero := 0.0 // NaN if one is not finite
		for j, v0 := range r0 {
			v1, v2, v3 := r1[j], r2[j], r3[j]
			to := (*[rows]float64)(dst.Data[(j0+j)*dst.Stride+i:])
			to[0], to[1], to[2], to[3] = v0, v1, v2, v3
			zero += ((v0 - v0) + (v1 - v1)) + ((v2 - v2) + (v3 - v3))
		}
		if zero != 0 {
			break
		}
	}
	return i
}

// ReadRow writes the given row into sample i of dst.
func (s Source) ReadRow(dst Tile, i, row int) error { return s.readRow(dst, i, row, 0, s.Dim) }

// readRow writes columns [j0, j1) of the given row into sample i of dst.
func (s Source) readRow(dst Tile, i, row, j0, j1 int) error {
	if s.raw == nil {
		for j := j0; j < j1; j++ {
			v := s.m.At(row, j)
			if v-v != 0 {
				return &ValueError{row, j, v}
			}
			dst.Data[j*dst.Stride+i] = v
		}
		return nil
	}
	for j, v := range s.raw[row*s.stride+j0 : row*s.stride+j1] {
		if v-v != 0 {
			return &ValueError{row, j0 + j, v}
		}
		dst.Data[(j0+j)*dst.Stride+i] = v
	}
	return nil
}

// Rows are the rows of a matrix that Index names, or all of them if it is nil.
type Rows struct {
	Source
	Index []int
}

// Len is the number of rows.
func (r Rows) Len() int {
	if r.Index == nil {
		return r.N
	}
	return len(r.Index)
}

// Read transposes rows first, first+1, ... into dst.
func (r Rows) Read(dst Tile, first int) error {
	if r.Index == nil {
		return r.Source.Read(dst, first)
	}
	for i := range dst.N {
		if err := r.ReadRow(dst, i, first+i); err != nil {
			return err
		}
	}
	return nil
}

// ReadRow writes row k into sample i of dst.
func (r Rows) ReadRow(dst Tile, i, k int) error {
	if r.Index != nil {
		k = r.Index[k]
	}
	return r.Source.ReadRow(dst, i, k)
}

// Check reads everything once and reports the first value that is not finite.
func (s Source) Check() error {
	var first FirstError
	Over(s.N, 1024, func(loop *Loop) {
		row := New(s.Dim, 1)
		for from, to := range loop.Tiles {
			for i := from; i < to; i++ {
				if err := s.ReadRow(row, 0, i); err != nil {
					first.Set(from, err)
					break
				}
			}
		}
	})
	return first.Err()
}

// ReadAll returns the whole matrix as one tile.
func ReadAll(x mat.Matrix) (Tile, error) {
	s, err := NewSource(x, 0)
	if err != nil {
		return Tile{}, err
	}
	all := New(s.Dim, s.N)
	var first FirstError
	Over(s.N, Size(s.Dim), func(loop *Loop) {
		for from, to := range loop.Tiles {
			if err := s.Read(all.Cols(from, to), from); err != nil {
				first.Set(from, err)
			}
		}
	})
	return all, first.Err()
}

// Write transposes src into rows first, first+1, ... of m.
func Write(m *mat.Dense, first int, src Tile) {
	g := m.RawMatrix()
	const block = 8
	for j0 := 0; j0 < g.Cols; j0 += block {
		j1 := min(j0+block, g.Cols)
		for i := range src.N {
			row := g.Data[(first+i)*g.Stride+j0 : (first+i)*g.Stride+j1]
			for j := range row {
				row[j] = src.Data[(j0+j)*src.Stride+i]
			}
		}
	}
}

// A ValueError is an element of the input that is not finite.
type ValueError struct {
	Row, Col int
	Value    float64
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("row %d, column %d is %v; every value must be finite", e.Row, e.Col, e.Value)
}

// A Region is the memory of a matrix: rows of cols numbers, stride apart. The zero
// value overlaps nothing.
type Region struct {
	from               uintptr // address of the first number
	rows, cols, stride int
	transposed         bool
}

// SliceRegion returns the memory of s.
func SliceRegion(s []float64) Region { return newRegion(s, 1, len(s), len(s), false) }

// MatrixRegion returns the memory of m: the zero Region if m gives no access to its
// memory.
func MatrixRegion(m mat.Matrix) Region {
	transposed := false
	for {
		u, ok := m.(mat.Untransposer)
		if !ok {
			break
		}
		m, transposed = u.Untranspose(), !transposed
	}
	switch m := m.(type) {
	case mat.RawMatrixer:
		g := m.RawMatrix()
		return newRegion(g.Data, g.Rows, g.Cols, g.Stride, transposed)
	case mat.RawVectorer:
		v := m.RawVector()
		return newRegion(v.Data, v.N, 1, v.Inc, transposed)
	case mat.RawSymmetricer:
		g := m.RawSymmetric()
		return newRegion(g.Data, g.N, g.N, g.Stride, transposed)
	case mat.RawTriangular:
		g := m.RawTriangular()
		return newRegion(g.Data, g.N, g.N, g.Stride, transposed)
	}
	return Region{}
}

func newRegion(data []float64, rows, cols, stride int, transposed bool) Region {
	if len(data) == 0 || rows <= 0 || cols <= 0 {
		return Region{}
	}
	return Region{uintptr(unsafe.Pointer(unsafe.SliceData(data))), rows, cols, stride, transposed}
}

// Overlap reports whether x and y share memory without being the same matrix.
func Overlap(x, y Region) bool {
	if x.rows == 0 || y.rows == 0 || x == y {
		return false
	}
	if x.from > y.from {
		x, y = y, x
	}
	// Both begin in x's coordinates: y's first number is offset numbers after x's.
	offset := int((y.from - x.from) / unsafe.Sizeof(float64(0)))
	if offset >= (x.rows-1)*x.stride+x.cols {
		return false
	}
	if x.stride != y.stride || x.rows == 1 || y.rows == 1 && y.cols > x.stride {
		return true
	}
	// Submatrices of the same matrix are disjoint if their columns are.
	column := offset % x.stride
	return column < x.cols || column+y.cols > x.stride
}
