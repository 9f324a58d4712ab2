package layer

import (
	"slices"

	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/kernels"
)

func init() { register("scale", buildScale) }

// scale is z = (x - shift)/scale, coordinate by coordinate, such as standardisation.
// It is fixed.
type scale struct {
	shift, scale []float64
	logDet       float64 // -Σ log scale
}

// NewScale returns z = (x - shift)/scale with positive scales. It keeps both slices.
func NewScale(shift, by []float64) Layer {
	l := &scale{shift: shift, scale: by}
	logs := make([]float64, len(by))
	kernels.Log(logs, by)
	for _, v := range logs {
		l.logDet -= v
	}
	return l
}

func buildScale(m *description, d int) Layer {
	shift, by := m.tensor("shift", d).Values, m.tensor("scale", d).Values
	for j, s := range by {
		if !(s > 0) {
			m.fail("scale", "element %d is %v; it must be positive", j, s)
		}
	}
	return NewScale(slices.Clone(shift), slices.Clone(by))
}

func (l *scale) Forward(z tile.Tile, logDet []float64, x tile.Tile, _ tile.Arena) {
	for j, s := range l.scale {
		shift, dst := l.shift[j], z.Row(j)
		for i, v := range x.Row(j) {
			dst[i] = (v - shift) / s
		}
	}
	for i := range logDet {
		logDet[i] += l.logDet
	}
}

func (l *scale) Inverse(x tile.Tile, logDet []float64, z tile.Tile, _ tile.Arena) {
	for j, s := range l.scale {
		shift, dst := l.shift[j], x.Row(j)
		for i, v := range z.Row(j) {
			dst[i] = float64(v*s) + shift
		}
	}
	for i := range logDet {
		logDet[i] -= l.logDet
	}
}

func (l *scale) Backward(dx tile.Tile, _ []float64, dz tile.Tile, _ []float64, _ Tape, _ tile.Arena) {
	for j, s := range l.scale {
		dst := dx.Row(j)
		for i, v := range dz.Row(j) {
			dst[i] = v / s
		}
	}
}

func (l *scale) Scratch() (forward, backward int) { return 0, 0 }
func (l *scale) Params() []float64                { return nil }
func (l *scale) Bind([]float64)                   {}
func (l *scale) Refresh()                         {}
func (l *scale) NumFixed() int                    { return 2 * len(l.scale) }
func (l *scale) Describe() model.Layer {
	return model.Scale(slices.Clone(l.shift), slices.Clone(l.scale))
}
