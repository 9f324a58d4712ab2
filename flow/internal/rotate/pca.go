// Package rotate computes the rotations of blocks.
package rotate

import (
	"context"
	"math"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// PCA returns the orthogonal d×d matrix, row-major, whose rows are the principal
// axes of x: the eigenvectors of its covariance by descending eigenvalue, the
// largest entry of each (the first of equals) positive. The rotation neither centres
// nor whitens.
func PCA(x tile.Tile) ([]float64, error) { return PCAContext(context.Background(), x) }

// PCAContext is PCA that stops when ctx is done: it checks ctx between chunks of
// samples, but not during the eigendecomposition.
func PCAContext(ctx context.Context, x tile.Tile) ([]float64, error) {
	r := covariance(ctx, x)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := blas.SymEig(make([]float64, x.D), tile.Matrix(x.D, x.D, r)); err != nil {
		return nil, err
	}
	for j := range x.D {
		axis := r[j*x.D : (j+1)*x.D]
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

// covariance returns the upper triangle of the d×d matrix (x-mean)(x-mean)ᵀ/n.
//
// The samples are divided into groups, enough to keep any machine busy, but so few
// that their sums take less than an eighth of the memory of x. A worker centres a
// group's samples, a chunk at a time, and adds up the products; the groups' sums are
// added in order. The division depends on the shape of x alone, so the number of
// workers changes no bit.
func covariance(ctx context.Context, x tile.Tile) []float64 {
	const (
		most    = 64      // groups
		numbers = 1 << 17 // in a chunk, so that it stays in the cache,
		long    = 256     // but at least as many samples as make the product fast
	)
	n, d := x.N, x.D
	means := make([]float64, d)
	tile.Over(d, 1, func(loop *tile.Loop) {
		for j := range loop.Tiles {
			means[j] = kernels.Sum(x.Row(j)) / float64(n)
		}
	})
	chunk := min(max(numbers/d, long), n)
	chunks := (n + chunk - 1) / chunk
	groups := max(1, min(most, chunks, n/(8*d)))
	sums := make([][]float64, groups)
	tile.Over(groups, 1, func(loop *tile.Loop) {
		centred := tile.New(d, chunk)
		for g := range loop.Tiles {
			sums[g] = make([]float64, d*d)
			for c := g * chunks / groups; c < (g+1)*chunks/groups && ctx.Err() == nil; c++ {
				from, to := c*chunk, min((c+1)*chunk, n)
				for j, mean := range means {
					row := centred.Row(j)
					for i, v := range x.Row(j)[from:to] {
						row[i] = v - mean
					}
				}
				blas.SyrkUpper(blas.NoTrans, 1/float64(n), centred.Cols(0, to-from).Matrix(), 1, tile.Matrix(d, d, sums[g]))
			}
		}
	})
	for _, s := range sums[1:] {
		tile.Add(sums[0], s)
	}
	return sums[0]
}
