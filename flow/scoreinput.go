package flow

import (
	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

// ScoreInput writes the score of each row of x into dst: the gradient of the log-density
// with respect to the row, ∂log p/∂x_j, in nats per unit of column j. logProb, if it is
// not nil, receives the log-densities. Langevin samplers follow it, and it shows which
// columns make a row unlikely. The score of conditioning columns ([Flow.Context]) is set
// to 0: no derivative is taken with respect to them.
//
// The gradient is exact (reverse-mode differentiation), and continuous if the flow's
// conditioners are smooth, as all but Plain ones are. Arguments and errors follow the
// rules of [Flow.Forward].
func (f *Flow) ScoreInput(dst *mat.Dense, logProb []float64, x mat.Matrix) error {
	return f.evaluate("ScoreInput", (*workspace).score, f.layers, dst, logProb, true, x)
}

// scoreSize is the number of samples that go forward and backward together: few enough
// that the intermediate values of all layers stay in the cache.
const scoreSize = 64

// score is logProb, except that the tile it returns holds the gradients.
func (w *workspace) score(layers []layer.Layer, n int) tile.Tile {
	f := w.flow
	if w.tapes == nil {
		// The loss of one row in a minibatch of one is -log p.
		w.tapes, w.unused = newShardMemory(f, scoreSize, 1), make([]float64, len(f.params))
	}
	r := w.tapes
	scores := w.tiles[1]
	for from := 0; from < n; from += scoreSize {
		to := min(from+scoreSize, n)
		r.cut(f, to-from)
		for j := range f.width() {
			copy(r.x[0].Row(j), w.tiles[0].Row(j)[from:to])
		}
		clear(r.logDet)
		for i, l := range layers {
			f.copyContext(r.x[i+1], r.x[i], to-from)
			l.Forward(r.x[i+1], r.logDet, r.x[i], r.s[i])
		}
		z := r.x[len(layers)]
		f.base.logProb(w.logDet[from:to], z, r.logDet)
		dx, dz := r.d[0], r.d[1]
		f.base.backward(dz, z, 1)
		end := len(w.unused)
		for i := len(layers) - 1; i >= 0; i-- {
			l := layers[i]
			begin := end - len(l.Params())
			l.Backward(dx, w.unused[begin:end], dz, r.dLogDet, layer.Tape{X: r.x[i], Z: r.x[i+1], S: r.s[i]}, r.back)
			dx, dz, end = dz, dx, begin
		}
		for j := range f.dim {
			row := scores.Row(j)[from:to]
			for i, v := range dz.Row(j) {
				row[i] = -v
			}
		}
	}
	for c := range f.context {
		clear(scores.Row(f.dim + c))
	}
	return scores.Cols(0, n)
}

// ScoreInput returns the score at x, ∂log p/∂x, in score, or in a new slice if that is
// nil, as distmv's distributions do. It is NaN where [Distribution.LogProb] is NaN or -Inf.
// It panics if len(x) or len(score) is not Dim.
func (d *Distribution) ScoreInput(score, x []float64) []float64 {
	if score == nil {
		score = make([]float64, d.flow.dim)
	}
	d.check(score)
	d.check(x)
	dst := mat.NewDense(1, len(x), nil)
	d.ignoreRow(d.flow.ScoreInput(dst, nil, mat.NewDense(1, len(x), x)))
	copy(score, dst.RawRowView(0))
	return score
}
