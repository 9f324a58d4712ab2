package layer

import (
	"math"
	"slices"

	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/kernels"
)

func init() { register("actnorm", buildActNorm) }

// actNorm is z = exp(logScale)·x + shift, coordinate by coordinate, both trained
// (Kingma and Dhariwal, Glow, 2018). It is initialised from data, such that its outputs
// have mean 0 and standard deviation 1.
type actNorm struct {
	d               int
	p               []float64 // shift, then logScale
	shift, logScale []float64
	scale           []float64 // exp(logScale)
	logDet          float64   // Σ logScale
}

// NewActNorm returns the layer that standardises the samples of x. A constant
// coordinate is only shifted.
func NewActNorm(x tile.Tile) Layer {
	l := newActNorm(x.D)
	for j := range x.D {
		row := x.Row(j)
		l.shift[j] = row[0]
		if slices.Min(row) == slices.Max(row) { // whose mean may be off by rounding
			continue
		}
		mean := kernels.Sum(row) / float64(len(row))
		l.shift[j] = mean
		variance := meanSquare(row, mean, 1)
		if variance == 0 || math.IsInf(variance, 1) { // the squares have left the range of float64
			size := 0.0
			for _, v := range row {
				size = max(size, math.Abs(v-mean))
			}
			variance = meanSquare(row, mean, size)
			l.logScale[j] = -log(size)
		}
		l.logScale[j] -= float64(0.5 * log(variance))
	}
	l.Refresh()
	for j, s := range l.scale {
		l.shift[j] = -float64(l.shift[j] * s)
	}
	return l
}

// meanSquare is the mean of ((v-from)/size)².
func meanSquare(row []float64, from, size float64) float64 {
	sum := 0.0
	for _, v := range row {
		d := (v - from) / size
		sum = math.FMA(d, d, sum)
	}
	return sum / float64(len(row))
}

func newActNorm(d int) *actNorm {
	l := &actNorm{d: d, scale: make([]float64, d)}
	l.Bind(make([]float64, 2*d))
	return l
}

func buildActNorm(m *description, d int) Layer {
	l := newActNorm(d)
	copy(l.shift, m.tensor("shift", d).Values)
	copy(l.logScale, m.tensor("log_scale", d).Values)
	l.Refresh()
	for j, s := range l.scale {
		if !(s > 0 && s <= math.MaxFloat64) {
			m.fail("log_scale", "element %d is %v, whose exponential leaves the range of float64", j, l.logScale[j])
		}
	}
	return l
}

func (l *actNorm) Refresh() {
	kernels.Exp(l.scale, l.logScale)
	l.logDet = 0
	for _, s := range l.logScale {
		l.logDet += s
	}
}

func (l *actNorm) Forward(z tile.Tile, logDet []float64, x tile.Tile, _ tile.Arena) {
	for j, s := range l.scale {
		shift, dst := l.shift[j], z.Row(j)
		for i, v := range x.Row(j) {
			dst[i] = math.FMA(v, s, shift)
		}
	}
	for i := range logDet {
		logDet[i] += l.logDet
	}
}

func (l *actNorm) Inverse(x tile.Tile, logDet []float64, z tile.Tile, _ tile.Arena) {
	for j, s := range l.scale {
		shift, dst := l.shift[j], x.Row(j)
		for i, v := range z.Row(j) {
			dst[i] = (v - shift) / s
		}
	}
	for i := range logDet {
		logDet[i] -= l.logDet
	}
}

func (l *actNorm) Backward(dx tile.Tile, grad []float64, dz tile.Tile, dLogDet []float64, fwd Tape, s tile.Arena) {
	spare := s.Take(dz.N)
	dLog := kernels.Sum(dLogDet)
	for j, scale := range l.scale {
		g, x, dst := dz.Row(j), fwd.X.Row(j), dx.Row(j)
		grad[j] = kernels.Sum(g)
		for i, v := range g {
			dst[i] = float64(v * scale)
			spare[i] = float64(dst[i] * x[i])
		}
		grad[l.d+j] = kernels.Sum(spare) + dLog
	}
}

func (l *actNorm) Scratch() (forward, backward int) { return 0, 1 }
func (l *actNorm) Params() []float64                { return l.p }
func (l *actNorm) NumFixed() int                    { return 0 }

func (l *actNorm) Bind(p []float64) {
	copy(p, l.p)
	l.p, l.shift, l.logScale = p, p[:l.d:l.d], p[l.d:]
}

func (l *actNorm) Describe() model.Layer {
	return model.Layer{Kind: "actnorm", Tensors: []model.Tensor{
		model.Vector("shift", slices.Clone(l.shift)), model.Vector("log_scale", slices.Clone(l.logScale)),
	}}
}
