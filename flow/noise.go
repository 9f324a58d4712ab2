package flow

import (
	"math"
	"math/rand/v2"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/rotate"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// noise adds normal noise to the rows of minibatches, along the principal axes of all
// rows. The random numbers depend on the seed, the step and the shard alone. A nil
// noise adds nothing.
type noise struct {
	seed  uint64
	mean  []float64
	axes  []float64 // d×d: column k is axis k times the standard deviation along it
	size  float64   // of this step, in units of these standard deviations
	drawn uint64    // the current step
}

// noiseRows is the largest number of rows from which the axes are computed.
const noiseRows = 4096

// newNoise computes the axes of the first d columns of the rows.
func newNoise(rows tile.Rows, d int, seed uint64) *noise {
	n := min(rows.Len(), noiseRows)
	all, y := tile.New(rows.Dim, n), tile.New(d, n)
	x := all.Rows(0, d)
	for i := range n {
		if rows.ReadRow(all, i, i*rows.Len()/n) != nil {
			return nil // the row has changed since it was checked; the next step will report it
		}
	}
	e := &noise{seed: seed, mean: make([]float64, d), axes: make([]float64, d*d)}
	for j := range d {
		e.mean[j] = kernels.Sum(x.Row(j)) / float64(n)
		for i := range x.Row(j) {
			x.Row(j)[i] -= e.mean[j]
		}
	}
	axes, err := rotate.PCA(x)
	if err != nil {
		return nil
	}
	blas.Gemm(blas.NoTrans, blas.NoTrans, 1, tile.Matrix(d, d, axes), x.Matrix(), 0, y.Matrix())
	for k := range d {
		sd := math.Sqrt(kernels.SumSquares(y.Row(k)) / float64(n))
		for j := range d {
			e.axes[j*d+k] = sd * axes[k*d+j]
		}
	}
	return e
}

// set sets the size of the noise and the step before each step.
func (e *noise) set(size float64, step int) {
	if e != nil {
		e.size, e.drawn = size, uint64(step)
	}
}

// add adds noise to the samples of a shard. Both tiles of s are scratch.
func (e *noise) add(x tile.Tile, shard int, s [2]tile.Tile) {
	if e == nil || e.size == 0 {
		return
	}
	var pcg rand.PCG
	pcg.Seed(e.seed^0x6e6f697365, e.drawn<<24|uint64(shard))
	drawn, moved := s[0], s[1]
	for j := range drawn.D {
		row := drawn.Row(j)
		for i := range row {
			row[i] = (float64(pcg.Uint64()>>12) + 0.5) * 0x1p-52
		}
		kernels.NormQuantile(row, row)
	}
	blas.Gemm(blas.NoTrans, blas.NoTrans, e.size, tile.Matrix(x.D, x.D, e.axes), drawn.Matrix(), 0, moved.Matrix())
	shrink := 1 / math.Sqrt(1+float64(e.size*e.size))
	for j, m := range e.mean {
		row, by := x.Row(j), moved.Row(j)
		for i, v := range row {
			row[i] = m + float64(shrink*(v-m+by[i]))
		}
	}
}
