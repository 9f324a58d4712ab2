// Package blas is the dense linear algebra of the flows: matrix products for the
// conditioner, a symmetric rank-k update for covariances, and the symmetric
// eigendecomposition behind the PCA rotations.
//
// The build chooses one of three backends, and [Backend] tells which one runs:
//
//   - "simd", the default: kernels.Gemm, in the assembly of the active tier, and
//     an eigendecomposition built on it.
//   - "openblas", with -tags openblas: OpenBLAS through cgo, BLAS by way of
//     gonum.org/v1/netlib. It needs pkg-config and OpenBLAS (on Debian
//     libopenblas-dev), and refuses to compile without cgo rather than fall
//     back.
//   - "gonum", with -tags gonum: gonum's pure Go BLAS and LAPACK, for comparison.
//
// With "simd" products have the same bits on every machine and tier: each element is
// one chain of fused multiply-adds, in the order of the inner index, so its bits depend
// on its row of A and its column of B alone. The results of the other backends differ
// by rounding errors from these and from each other; they are reproducible for the same
// arguments on the same machine with the same [Core].
//
// Products run on the calling goroutine alone; callers parallelize over tiles of
// samples. OpenBLAS is therefore set to one thread when the package is initialised (for
// the whole process), and gonum's multiplication is kept below the size at which it
// starts goroutines. Calls that write to different matrices may run at the same time.
//
// Matrices are row-major. Shapes that do not match are programming errors and panic, as
// in gonum.
package blas

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// Matrix is a row-major matrix: element (i, j) is Data[i*Stride+j].
type Matrix = blas64.General

// Transpose says whether a product uses a matrix or its transpose.
type Transpose = blas.Transpose

const (
	NoTrans = blas.NoTrans // op(A) = A
	Trans   = blas.Trans   // op(A) = Aᵀ
)

// Backend returns the name of the backend: "simd", "openblas" or "gonum".
func Backend() string { return backend }

// Core returns the name of the kernels that OpenBLAS chose for this processor, such
// as "Haswell" (AVX2) or "SkylakeX" (AVX-512), and "" without OpenBLAS. The environment
// variable OPENBLAS_CORETYPE overrides the choice: between these two, training's
// products differ by a factor of 1.3 to 2 where the processor has AVX-512
// (BenchmarkShardSize in package flow). The bits of products depend on it.
func Core() string { return core() }

// Gemm computes C = alpha·op(A)·op(B) + beta·C.
//
// C must not overlap A or B. With beta = 0, C is not read and may hold anything. Gemm
// does not allocate, apart from filling pools of scratch memory.
//
// When A or B is all zeros and the other is finite, the product contributes
// exact zeros: with beta = 1 every element of C keeps its bits, except that -0
// may become +0. A coupling layer with a zero kernel relies on this to equal
// the diagonal layer whose parameters it holds as its bias.
func Gemm(tA, tB Transpose, alpha float64, a, b Matrix, beta float64, c Matrix) {
	m, k := dims("Gemm", "A", tA, a)
	kb, n := dims("Gemm", "B", tB, b)
	dims("Gemm", "C", NoTrans, c)
	if k != kb || c.Rows != m || c.Cols != n {
		panic(fmt.Sprintf("blas: Gemm: op(A) is %d×%d, op(B) is %d×%d, C is %d×%d: want m×k, k×n, m×n", m, k, kb, n, c.Rows, c.Cols))
	}
	if m == 0 || n == 0 {
		return
	}
	if k == 0 || alpha == 0 {
		scale(beta, c)
		return
	}
	product(tA, tB, m, n, k, alpha, a, b, beta, c)
}

// scale computes C = beta·C, without reading C where beta is 0.
func scale(beta float64, c Matrix) {
	if beta == 1 {
		return
	}
	for i := range c.Rows {
		row := c.Data[i*c.Stride:][:c.Cols]
		if beta == 0 {
			clear(row)
			continue
		}
		for j := range row {
			row[j] *= beta
		}
	}
}

// Dense computes a dense layer of a network, for the samples in x's columns:
//
//	Y = W·X + bias, bias[i] in every column of row i
//
// and Y = max(Y, 0) if relu. Y must not overlap the others. The sums begin with
// the bias: if W is zero and X finite, Y is the bias, bit for bit, except that -0
// may become +0.
func Dense(y, w, x Matrix, bias []float64, relu bool) {
	out, in := dims("Dense", "W", NoTrans, w)
	checkDense("Dense", out, in, y, x)
	if len(bias) != out {
		panic(fmt.Sprintf("blas: Dense: W is %d×%d with %d biases", out, in, len(bias)))
	}
	if x.Cols > 0 && out > 0 {
		dense(y, w, x, bias, relu)
	}
}

// DenseBackward computes dX = Wᵀ·dY, the gradient with respect to a dense layer's
// input X, and sets it to zero where X ≤ 0: X is the result of a ReLU, and dX the
// gradient with respect to that ReLU's input. dX must not overlap the others.
func DenseBackward(dx, w, dy, x Matrix) {
	out, in := dims("DenseBackward", "W", NoTrans, w)
	checkDense("DenseBackward", out, in, dy, x)
	dims("DenseBackward", "dX", NoTrans, dx)
	if dx.Rows != x.Rows || dx.Cols != x.Cols {
		panic(fmt.Sprintf("blas: DenseBackward: X is %d×%d and dX %d×%d", x.Rows, x.Cols, dx.Rows, dx.Cols))
	}
	if x.Cols > 0 && in > 0 {
		denseBackward(dx, w, dy, x)
	}
}

func checkDense(fn string, out, in int, y, x Matrix) {
	dims(fn, "Y", NoTrans, y)
	dims(fn, "X", NoTrans, x)
	if y.Rows != out || x.Rows != in || y.Cols != x.Cols {
		panic(fmt.Sprintf("blas: %s: W is %d×%d, X is %d×%d, Y is %d×%d: want m×k, k×n, m×n", fn, out, in, x.Rows, x.Cols, y.Rows, y.Cols))
	}
}

// SyrkUpper computes the upper triangle of the symmetric matrix
//
//	C = alpha·A·Aᵀ + beta·C  (t = NoTrans)
//	C = alpha·Aᵀ·A + beta·C  (t = Trans)
//
// and neither reads nor writes the elements below the diagonal. The covariance of
// more samples than fit in memory can be added up over blocks of samples, with
// beta = 1. SyrkUpper does not allocate, apart from filling pools of scratch
// memory.
func SyrkUpper(t Transpose, alpha float64, a Matrix, beta float64, c Matrix) {
	n, k := dims("SyrkUpper", "A", t, a)
	dims("SyrkUpper", "C", NoTrans, c)
	if c.Rows != n || c.Cols != n {
		panic(fmt.Sprintf("blas: SyrkUpper: op(A) is %d×%d, C is %d×%d: want n×k, n×n", n, k, c.Rows, c.Cols))
	}
	if n == 0 {
		return
	}
	if k == 0 || alpha == 0 {
		for i := range n {
			scale(beta, Matrix{Rows: 1, Cols: n - i, Stride: n, Data: c.Data[i*c.Stride+i:]})
		}
		return
	}
	syrkUpper(t, n, k, alpha, a.Data, a.Stride, beta, c.Data, c.Stride)
}

// SymEig computes the eigendecomposition A = Vᵀ·diag(values)·V of the symmetric
// matrix A, given by its upper triangle. It overwrites A with V: row i is the
// unit eigenvector of values[i], and values descend, the order of principal
// components. The largest entry of each row, the first of those of one magnitude,
// is positive. With the backend "simd" the bits are the same on every machine.
//
// It returns an error, and leaves A and values undefined, if A holds NaN or an
// infinity, if an eigenvalue overflows, or if the iteration does not converge.
func SymEig(values []float64, a Matrix) error {
	n, cols := dims("SymEig", "A", NoTrans, a)
	if n != cols || len(values) != n {
		panic(fmt.Sprintf("blas: SymEig: A is %d×%d with %d values: want n×n with n", n, cols, len(values)))
	}
	largest := 0.0
	for i := range n {
		for j := i; j < n; j++ {
			v := a.Data[i*a.Stride+j]
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("blas: SymEig: element (%d, %d) of the %d×%d matrix is %v, want finite numbers", i, j, n, n, v)
			}
			largest = max(largest, math.Abs(v))
		}
	}
	if largest == 0 { // the zero matrix, or an empty one
		clear(values)
		for i := range n {
			clear(a.Data[i*a.Stride:][:n])
			a.Data[i*a.Stride+i] = 1
		}
		return nil
	}
	// The iteration may fail if squares of elements overflow or underflow.
	// Scaling by a power of two brings the largest element near 1 without
	// rounding.
	_, exp := math.Frexp(largest)
	for i := range n {
		for j := i; j < n; j++ {
			a.Data[i*a.Stride+j] = math.Ldexp(a.Data[i*a.Stride+j], -exp)
		}
	}
	if !symEig(values, a) { // ascending
		return fmt.Errorf("blas: SymEig: the eigenvalue iteration did not converge for the %d×%d matrix", n, n)
	}
	for i, v := range values {
		values[i] = math.Ldexp(v, exp)
		if math.IsInf(values[i], 0) {
			return fmt.Errorf("blas: SymEig: an eigenvalue of the %d×%d matrix overflows; its largest element is %v", n, n, largest)
		}
	}
	for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
		values[i], values[j] = values[j], values[i]
		ri, rj := a.Data[i*a.Stride:][:n], a.Data[j*a.Stride:][:n]
		for l := range ri {
			ri[l], rj[l] = rj[l], ri[l]
		}
	}
	for i := range n {
		row, largest := a.Data[i*a.Stride:][:n], 0.0
		for _, v := range row {
			if math.Abs(v) > math.Abs(largest) {
				largest = v
			}
		}
		if largest < 0 {
			for j := range row {
				row[j] = -row[j]
			}
		}
	}
	return nil
}

// dims checks the matrix called name and returns the shape of op(M).
func dims(fn, name string, t Transpose, m Matrix) (rows, cols int) {
	switch {
	case t != NoTrans && t != Trans:
		panic(fmt.Sprintf("blas: %s: %s has transpose %q: want NoTrans or Trans", fn, name, rune(t)))
	case m.Rows < 0 || m.Cols < 0 || m.Stride < max(1, m.Cols):
		panic(fmt.Sprintf("blas: %s: %s is %d×%d with stride %d: want sizes ≥ 0 and stride ≥ max(1, columns)", fn, name, m.Rows, m.Cols, m.Stride))
	case max(m.Rows, m.Stride) > math.MaxInt32: // the integers of OpenBLAS
		panic(fmt.Sprintf("blas: %s: %s is %d×%d with stride %d: want sizes below 2³¹", fn, name, m.Rows, m.Cols, m.Stride))
	case m.Rows > 0 && m.Cols > 0 && len(m.Data) < (m.Rows-1)*m.Stride+m.Cols:
		panic(fmt.Sprintf("blas: %s: %s is %d×%d with stride %d but holds %d numbers: want at least %d", fn, name, m.Rows, m.Cols, m.Stride, len(m.Data), (m.Rows-1)*m.Stride+m.Cols))
	}
	if t == Trans {
		return m.Cols, m.Rows
	}
	return m.Rows, m.Cols
}
