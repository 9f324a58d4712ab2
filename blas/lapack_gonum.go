//go:build gonum && !openblas

package blas

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/lapack"
	lapackgonum "gonum.org/v1/gonum/lapack/gonum"
)

// symEig overwrites a, whose largest element is near 1, with the eigenvectors in its rows, by ascending value.
func symEig(values []float64, a Matrix) bool {
	n := a.Rows
	var lp lapackgonum.Implementation
	e, tau := make([]float64, n-1), make([]float64, n-1)
	var size [1]float64
	lp.Dsytrd(blas.Upper, n, a.Data, a.Stride, values, e, tau, size[:], -1)
	work := make([]float64, max(int(size[0]), 3*n))
	lp.Dsytrd(blas.Upper, n, a.Data, a.Stride, values, e, tau, work, len(work))
	lp.Dorgtr(blas.Upper, n, a.Data, a.Stride, tau, work, len(work))
	// These are the steps of Dsyev, and one more: tiny off-diagonal elements are set
	// to zero. Where rounding leaves such an element, Dsteqr scales the block that
	// contains it, and then wrongly scales the blocks after it back. The largest
	// element of the matrix is near 1, so setting them to zero changes nothing that
	// matters.
	for i, v := range e {
		if math.Abs(v) < 0x1p-200 {
			e[i] = 0
		}
	}
	if !lp.Dsteqr(lapack.EVOrig, n, values, e, a.Data, a.Stride, work) {
		return false
	}
	for i := range n { // columns to rows
		for j := range i {
			p, q := &a.Data[i*a.Stride+j], &a.Data[j*a.Stride+i]
			*p, *q = *q, *p
		}
	}
	return true
}
