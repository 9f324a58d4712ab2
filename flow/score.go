package flow

import (
	"fmt"
	"math"

	"github.com/gaussflow/gaussflow/flow/internal/errs"
	"github.com/gaussflow/gaussflow/kernels"
)

// Score returns the log-density of one row, in nats: the same bits as [Flow.LogProb], without an
// allocation. Its errors, and the results returned with them, are those of LogProb.
//
// The kernels process blocks of sixteen rows, so one row costs as much as sixteen, and some twenty times
// as much as a row among 256. A program that scores single rows for many clients should collect the
// waiting rows and score them together with LogProb.
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
			return 0, errs.Errorf(ErrShape, "flow: %s: the row has %d elements; the flow takes %d: %d of its own, then %d conditioning columns", what, len(row), f.width(), f.dim, f.context)
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
