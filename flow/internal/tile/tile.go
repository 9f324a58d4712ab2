// Package tile stores samples in the layout that the kernels use, reads them from
// matrices and writes them back, and distributes them over goroutines.
package tile

import (
	"github.com/gaussflow/gaussflow/blas"
)

// A Tile holds N samples of D coordinates, coordinate by coordinate: coordinate
// j of sample i is Data[j*Stride+i]. The kernels then stream over samples, and a
// matrix acting on the coordinates is one product C(out×n) = W(out×in)·X(in×n).
type Tile struct {
	Data         []float64
	D, N, Stride int
}

// New returns a tile of zeros.
func New(d, n int) Tile { return View(make([]float64, d*n), d, n) }

// View returns the tile whose coordinates follow each other in data.
func View(data []float64, d, n int) Tile { return Tile{data, d, n, n} }

// Row returns coordinate j of every sample.
func (t Tile) Row(j int) []float64 { return t.Data[j*t.Stride : j*t.Stride+t.N] }

// Rows returns the coordinates [from, to), a view.
func (t Tile) Rows(from, to int) Tile {
	return Tile{t.Data[from*t.Stride:], to - from, t.N, t.Stride}
}

// Cols returns the samples [from, to), a view.
func (t Tile) Cols(from, to int) Tile { return Tile{t.Data[from:], t.D, to - from, t.Stride} }

// Matrix returns the tile as a D×N matrix.
func (t Tile) Matrix() blas.Matrix {
	return blas.Matrix{Rows: t.D, Cols: t.N, Stride: t.Stride, Data: t.Data}
}

// Matrix returns parameters as a row-major matrix, a view.
func Matrix(rows, cols int, p []float64) blas.Matrix {
	return blas.Matrix{Rows: rows, Cols: cols, Stride: cols, Data: p}
}

// An Arena hands out scratch memory from one allocation.
type Arena []float64

// Take returns the next n numbers.
func (a *Arena) Take(n int) []float64 {
	s := (*a)[:n:n]
	*a = (*a)[n:]
	return s
}

// Tile returns a tile in the next d·n numbers.
func (a *Arena) Tile(d, n int) Tile { return View(a.Take(d*n), d, n) }

// Size is the number of samples in a tile, which the layers map together. It
// depends on the dimension alone, so that tiles, and with them the results, are
// the same for every flow of that dimension and any number of workers. A
// conditioner's outputs for a tile stay in the second-level cache; longer tiles
// are no faster on one core, and slower on several. The memory of a worker is a
// small multiple of dim*Size numbers.
func Size(dim int) int {
	const (
		most, least = 256, 64
		budget      = 1 << 16
	)
	n := most
	for n > least && n*dim > budget {
		n /= 2
	}
	return n
}

// Padded returns n rounded up to a multiple of eight: the last sample is repeated,
// so that products of matrices have no partial vectors at their edge and a row has
// the same image whatever rows are beside it.
func Padded(n int) int { return (n + 7) &^ 7 }

// Finite reports whether every element is finite.
func Finite(x []float64) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// Add adds src to dst.
func Add(dst, src []float64) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] += src[i]
	}
}

// Fill sets every element of dst to v.
func Fill(dst []float64, v float64) {
	for i := range min(8, len(dst)) {
		dst[i] = v
	}
	for n := 8; n < len(dst); n *= 2 { // copy is as fast as memory
		copy(dst[n:], dst[:n])
	}
}
