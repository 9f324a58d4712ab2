//go:build openblas || gonum

package blas

import (
	"math"

	"gonum.org/v1/gonum/blas/gonum"
)

// general computes a product by the library routine that suits its shape: those for outer and matrix-vector products are
// 2 to 20 times faster than a general product of such shapes. Memory bounds the speed of an outer product, so both
// backends use gonum's assembly, which saves the cgo call.
func general(tA, tB Transpose, m, n, k int, alpha float64, a, b Matrix, beta float64, c Matrix) {
	switch {
	case k == 1:
		scale(beta, c)
		gonum.Implementation{}.Dger(m, n, alpha, a.Data, step(tA, a), b.Data, step(tB^flip, b), c.Data, c.Stride)
	case n == 1:
		scale(beta, c)
		impl.Dgemv(tA, a.Rows, a.Cols, alpha, a.Data, a.Stride, b.Data, step(tB, b), 1, c.Data, c.Stride)
	case m == 1:
		scale(beta, c)
		impl.Dgemv(tB^flip, b.Rows, b.Cols, alpha, b.Data, b.Stride, a.Data, step(tA^flip, a), 1, c.Data, 1)
	default:
		// A call of OpenBLAS through cgo costs 20 ns more than one of Go and pays
		// from 5×5×8 on (BenchmarkCrossover). Smaller products use it as well: if
		// they used Go's, a sample's bits would depend on the number of samples
		// beside it.
		gemm(tA, tB, m, n, k, alpha, a.Data, a.Stride, b.Data, b.Stride, beta, c.Data, c.Stride)
	}
}

// flip, by exclusive or, turns a Transpose between NoTrans and Trans.
const flip = NoTrans ^ Trans

// step returns the distance in memory between the rows of op(M).
func step(t Transpose, m Matrix) int {
	if t == NoTrans {
		return m.Stride
	}
	return 1
}

// dense is Dense, with one pass for each of its steps. The product is added to the bias: with a zero kernel the result
// is the bias, bit for bit.
func dense(y, w, x Matrix, bias []float64, relu bool) {
	for i, b := range bias {
		fill(y.Data[i*y.Stride:][:y.Cols], b)
	}
	Gemm(NoTrans, NoTrans, 1, w, x, 1, y)
	if !relu {
		return
	}
	for i := range y.Rows {
		row := y.Data[i*y.Stride:][:y.Cols]
		for j, v := range row {
			row[j] = max(v, 0)
		}
	}
}

// denseBackward is DenseBackward.
func denseBackward(dx, w, dy, x Matrix) {
	Gemm(Trans, NoTrans, 1, w, dy, 0, dx)
	for i := range x.Rows {
		row, mask := dx.Data[i*dx.Stride:][:dx.Cols], x.Data[i*x.Stride:][:x.Cols]
		for j, v := range mask { // the pattern is unpredictable, so there is no branch
			on := uint64(-int64(math.Float64bits(max(v, 0))) >> 63) // all ones if v > 0
			row[j] = math.Float64frombits(math.Float64bits(row[j]) & on)
		}
	}
}

// fill sets every element of dst to v.
func fill(dst []float64, v float64) {
	for i := range min(8, len(dst)) {
		dst[i] = v
	}
	for n := 8; n < len(dst); n *= 2 { // copies go at the speed of memory
		copy(dst[n:], dst[:n])
	}
}
