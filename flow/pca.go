package flow

import (
	"math"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/kernels"
)

// pca returns the orthogonal d×d matrix, row-major, whose rows are the principal
// axes of x: the eigenvectors of its covariance by descending eigenvalue, the
// largest entry of each (the first of equals) positive. The mean serves the
// covariance only: the rotation neither centres nor whitens. work has the shape
// of x and is overwritten.
func pca(x, work tile) ([]float64, error) {
	n := float64(x.n)
	for j := range x.d {
		mean := kernels.Sum(x.row(j)) / n
		to := work.row(j)
		for i, v := range x.row(j) {
			to[i] = v - mean
		}
	}
	r := make([]float64, x.d*x.d)
	blas.SyrkUpper(blas.NoTrans, 1/n, work.matrix(), 0, matrix(x.d, x.d, r))
	if err := blas.SymEig(make([]float64, x.d), matrix(x.d, x.d, r)); err != nil {
		return nil, err
	}
	for j := range x.d {
		axis := r[j*x.d : (j+1)*x.d]
		largest := 0.0
		for _, v := range axis {
			if math.Abs(v) > math.Abs(largest) {
				largest = v
			}
		}
		if largest < 0 {
			for i := range axis {
				axis[i] = -axis[i]
			}
		}
	}
	return r, nil
}
