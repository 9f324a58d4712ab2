package rotate

import (
	"context"
	"math"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

const (
	icaIterations = 200
	icaTolerance  = 1e-6 // the most that an element of the rotation may move in the last iteration
	icaSamples    = 5000 // or d², if that is more, of those that are given, spread evenly, tell the axes
)

// FastICA returns the orthogonal d×d matrix, row-major, whose rows are axes along which
// white samples (mean 0, covariance 1) are as little normal as they can be, so that
// their coordinates there are as independent as a rotation makes them: symmetric
// FastICA with the contrast log cosh (Hyvärinen 1999), which iterates
//
//	B = E[tanh(Wz)·zᵀ] - diag(E[1 - tanh²(Wz)])·W    W = (B·Bᵀ)^(-1/2)·B
//
// from the given start, an invertible matrix. It may not converge: where there are fewer
// samples than tell one axis from another, or two normal directions. The error is that of
// ctx.
func FastICA(ctx context.Context, z tile.Tile, start []float64) (w []float64, iterations int, converged bool, err error) {
	d := z.D
	n := min(z.N, max(icaSamples, d*d))
	if n < z.N {
		some := tile.New(d, n)
		for j := range d {
			from, to := z.Row(j), some.Row(j)
			for i := range to {
				to[i] = from[i*z.N/n]
			}
		}
		z = some
	}
	w = make([]float64, d*d)
	b := make([]float64, d*d)
	if !symmetric(w, start, d) {
		return w, 0, false, ctx.Err()
	}
	y := tile.New(d, n)
	for iterations < icaIterations && !converged {
		if err := ctx.Err(); err != nil {
			return nil, iterations, false, err
		}
		iterations++
		blas.Gemm(blas.NoTrans, blas.NoTrans, 2, tile.Matrix(d, d, w), z.Matrix(), 0, y.Matrix())
		for j := range d {
			t := y.Row(j)
			kernels.Exp(t, t)
			for i, e := range t {
				t[i] = 1 - 2/(e+1) // tanh
			}
			slope := 1 - kernels.SumSquares(t)/float64(n)
			for i, v := range w[j*d : (j+1)*d] {
				b[j*d+i] = -float64(slope * v)
			}
		}
		blas.Gemm(blas.NoTrans, blas.Trans, 1/float64(n), y.Matrix(), z.Matrix(), 1, tile.Matrix(d, d, b))
		if !symmetric(b, b, d) {
			break // some axis is as normal as can be
		}
		moved := 0.0
		for j := range d {
			row, last := b[j*d:(j+1)*d], w[j*d:(j+1)*d]
			cosine := 0.0
			for i, v := range row {
				cosine += float64(v * last[i])
			}
			for i, v := range row {
				v = math.Copysign(v, v*cosine)
				moved = max(moved, math.Abs(v-last[i]))
				last[i] = v
			}
		}
		converged = moved <= icaTolerance
	}
	return w, iterations, converged, nil
}

// symmetric writes the orthogonal matrix nearest to b, (B·Bᵀ)^(-1/2)·B, into dst. It
// reports whether there is one: b is not singular.
func symmetric(dst, b []float64, d int) bool {
	v, values, vb := make([]float64, d*d), make([]float64, d), make([]float64, d*d)
	blas.Gemm(blas.NoTrans, blas.Trans, 1, tile.Matrix(d, d, b), tile.Matrix(d, d, b), 0, tile.Matrix(d, d, v))
	if blas.SymEig(values, tile.Matrix(d, d, v)) != nil || !(values[d-1] > 1e-20*values[0]) {
		return false
	}
	// B·Bᵀ = Vᵀ·diag(values)·V, so it is Vᵀ·diag(values)^(-1/2)·V·B.
	blas.Gemm(blas.NoTrans, blas.NoTrans, 1, tile.Matrix(d, d, v), tile.Matrix(d, d, b), 0, tile.Matrix(d, d, vb))
	for i, s := range values {
		s = math.Sqrt(s)
		for j := range d {
			vb[i*d+j] /= s
		}
	}
	blas.Gemm(blas.Trans, blas.NoTrans, 1, tile.Matrix(d, d, v), tile.Matrix(d, d, vb), 0, tile.Matrix(d, d, dst))
	return true
}
