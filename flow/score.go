package flow

import (
	"fmt"
	"math"

	"github.com/gaussflow/gaussflow/flow/internal/errs"
	"github.com/gaussflow/gaussflow/kernels"
)

// Score returns the log-density of one row, in nats: what [Flow.LogProb] returns for it, to the bit, and
// without an allocation. Errors are those of LogProb, and so are the results that come with
// them.
//
// One row costs what sixteen do, which is the block that the kernels work in, and some twenty times what
// it costs in a batch of 256. A program that is asked for row after row by many clients should collect
// what is waiting and score it together.
func (f *Flow) Score(row []float64) (float64, error) {
	const what = "Score"
	if err := f.ready(what); err != nil {
		return 0, err
	}
	if _, err := kernels.Active(); err != nil {
		return 0, fmt.Errorf("flow: %s: %w", what, err)
	}
	if len(row) != f.width() {
		if f.context > 0 {
			return 0, errs.Errorf(ErrShape, "flow: %s: the row has %d elements; the flow takes %d, its own %d and then the %d that are given", what, len(row), f.width(), f.dim, f.context)
		}
		return 0, errs.Errorf(ErrShape, "flow: %s: the row has %d elements; the flow has dimension %d", what, len(row), f.dim)
	}
	w := f.pool.Get().(*workspace)
	defer f.pool.Put(w)
	x := w.tiles[0].Cols(0, 1)
	for j, v := range row {
		if v-v != 0 {
			e := &RowError{Col: j, Value: v, Err: ErrNotFinite}
			if j < len(f.columns) {
				e.Column = f.columns[j]
			}
			lost := math.Inf(-1)
			if math.IsNaN(v) {
				lost = v
			}
			return lost, fmt.Errorf("flow: %s: %w", what, e)
		}
		x.Row(j)[0] = v
	}
	w.pad(1)
	if _, err := w.image((*workspace).logProb, f.layers, 0, 1); err != nil {
		return math.Inf(-1), fmt.Errorf("flow: %s: %w", what, err)
	}
	return w.logDet[0], nil
}
