package layer

import (
	"math"
	"slices"
	"strconv"

	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/kernels"
)

func init() {
	registerMap("affine", func(m *description) Map { return Affine{m.scalar("bound", 0, MaxLogScale)} })
	registerMap("spline", func(m *description) Map {
		return Spline{m.number("bins", maxComponents), m.scalar("edge", 0, 1e6), m.scalar("bound", 0, 20)}
	})
	registerMap("mixture", func(m *description) Map {
		return Mixed{m.number("components", maxComponents), m.scalar("bound", 0, MaxLogScale)}
	})
}

// maxComponents keeps sizes in the range of int.
const maxComponents = 1 << 16

// Affine is z = σx + shift, σ = exp(bound·tanh(raw)), with outputs shift and raw
// (Dinh, Sohl-Dickstein and Bengio 2017).
type Affine struct{ Bound float64 }

func (a Affine) name() string              { return "affine" }
func (a Affine) outputs() (out, extra int) { return 2, 1 }
func (a Affine) identity() []float64       { return []float64{0, 0} }

func (a Affine) describe(m *model.Layer) {
	m.Tensors = append(m.Tensors, model.Scalar("bound", a.Bound))
}

func (a Affine) prepare(out, extra tile.Tile) {
	kernels.BoundedExp(extra.Row(0), out.Row(1), a.Bound)
}

func (a Affine) forward(z, logDet, x []float64, out, extra tile.Tile) {
	shift, scale := out.Row(0), extra.Row(0)
	for i, v := range x {
		z[i] = math.FMA(v, scale[i], shift[i])
	}
	kernels.Log(logDet, scale)
}

func (a Affine) inverse(x, logDet, z []float64, out, extra tile.Tile) {
	shift, scale := out.Row(0), extra.Row(0)
	for i, v := range z {
		x[i] = (v - shift[i]) / scale[i]
	}
	kernels.Log(logDet, scale)
	for i, v := range logDet {
		logDet[i] = -v
	}
}

func (a Affine) backward(dx []float64, dOut tile.Tile, dz, dLogDet, x, _, _ []float64, out, extra tile.Tile) {
	copy(dOut.Row(0), dz)
	scale, dRaw := extra.Row(0), dOut.Row(1)
	for i, v := range dz {
		dx[i] = float64(v * scale[i])
		dRaw[i] = math.FMA(dx[i], x[i], dLogDet[i])
	}
	kernels.BoundedExpBackward(dRaw, dRaw, out.Row(1), a.Bound)
}

// like has the mixture's mean and standard deviation.
func (a Affine) like(m kernels.Mixture) []float64 {
	mean, sd := moments(m)
	most := 0.99 * a.Bound
	logScale := []float64{max(min(-log(sd), most), -most)}
	raw, scale := []float64{0}, []float64{0}
	storeScale(raw, logScale, a.Bound)
	kernels.Exp(scale, logScale)
	return []float64{-float64(mean * scale[0]), raw[0]}
}

// Mixed is z = Φ⁻¹(F(x)), F a mixture of K components, with outputs logits, means and raw
// scales, σ = exp(bound·tanh(raw)).
type Mixed struct {
	K     int
	Bound float64
}

func (c Mixed) name() string              { return "mixture" }
func (c Mixed) outputs() (out, extra int) { return 3 * c.K, c.K }

func (c Mixed) describe(m *model.Layer) {
	m.Attributes["components"] = strconv.Itoa(c.K)
	m.Tensors = append(m.Tensors, model.Scalar("bound", c.Bound))
}

func (c Mixed) prepare(out, extra tile.Tile) {
	n := out.N
	columns := kernels.Columns{K: c.K, N: n, Stride: n, Data: out.Data}
	kernels.SoftmaxColumns(columns, columns)
	kernels.BoundedExp(extra.Data[:c.K*n], out.Data[2*c.K*n:3*c.K*n], c.Bound)
}

func (c Mixed) mixtures(out, extra tile.Tile) kernels.PerSampleMixtures {
	k, n := c.K, out.N
	return kernels.PerSampleMixtures{K: k, Stride: n, Weight: out.Data[:k*n], Mean: out.Data[k*n : 2*k*n], Scale: extra.Data[:k*n]}
}

func (c Mixed) forward(z, logDet, x []float64, out, extra tile.Tile) {
	kernels.PerSampleForward(z, logDet, x, c.mixtures(out, extra))
}

func (c Mixed) inverse(x, logDet, z []float64, out, extra tile.Tile) {
	kernels.PerSampleInverse(x, logDet, z, c.mixtures(out, extra))
}

func (c Mixed) backward(dx []float64, dOut tile.Tile, dz, dLogDet, x, z, logDet []float64, out, extra tile.Tile) {
	k, n := c.K, out.N
	d := kernels.PerSampleGrad{K: k, Stride: n, Logit: dOut.Data[:k*n], Mean: dOut.Data[k*n : 2*k*n], LogScale: dOut.Data[2*k*n:]}
	kernels.PerSampleBackward(dx, d, dz, dLogDet, x, z, logDet, c.mixtures(out, extra))
	kernels.BoundedExpBackward(d.LogScale, d.LogScale, out.Data[2*k*n:3*k*n], c.Bound)
}

// identity is a mixture of variance 1 whose means are quantiles of the normal
// distribution: half of the variance is that of the means, half that of the components.
func (c Mixed) identity() []float64 {
	out := make([]float64, 3*c.K)
	mean, raw := out[c.K:2*c.K], out[2*c.K:]
	for k := range mean {
		mean[k] = (float64(k) + 0.5) / float64(c.K)
	}
	kernels.NormQuantile(mean, mean)
	between := 0.0
	for _, v := range mean {
		between = math.FMA(v, v, between)
	}
	within := 1.0
	if between /= float64(c.K); between > 0 {
		shrink := math.Sqrt(0.5 / between)
		for k := range mean {
			mean[k] *= shrink
		}
		within = 0.5
	}
	logs := slices.Repeat([]float64{within}, c.K)
	kernels.Log(logs, logs)
	for k := range logs {
		logs[k] *= 0.5
	}
	storeScale(raw, logs, c.Bound)
	return out
}

// like is the mixture itself if it has K components, otherwise identity.
func (c Mixed) like(m kernels.Mixture) []float64 {
	out := c.identity()
	if len(m.Weight) != c.K {
		return out
	}
	kernels.Log(out[:c.K], m.Weight)
	copy(out[c.K:2*c.K], m.Mean)
	logs := make([]float64, c.K)
	kernels.Log(logs, m.Scale)
	most := 0.99 * c.Bound
	for k, v := range logs {
		logs[k] = max(min(v, most), -most)
	}
	storeScale(out[2*c.K:], logs, c.Bound)
	return out
}

// Spline is a monotone rational-quadratic spline on [-Edge, Edge] and the identity
// outside (kernels.Splines), with outputs K logits of widths, K of heights, and K-1 raw
// slopes, slope = exp(bound·tanh(raw)).
type Spline struct {
	K     int
	Edge  float64
	Bound float64
}

// splineFloor is the smallest share of the interval of a bin.
const splineFloor = 1e-3

func (c Spline) name() string              { return "spline" }
func (c Spline) outputs() (out, extra int) { return 3*c.K - 1, c.K - 1 }
func (c Spline) identity() []float64       { return make([]float64, 3*c.K-1) }

func (c Spline) describe(m *model.Layer) {
	m.Attributes["bins"] = strconv.Itoa(c.K)
	m.Tensors = append(m.Tensors, model.Scalar("edge", c.Edge), model.Scalar("bound", c.Bound))
}

func (c Spline) floor() float64 { return min(splineFloor, 0.5/float64(c.K)) }

func (c Spline) prepare(out, extra tile.Tile) {
	k, n := c.K, out.N
	for _, logits := range [][]float64{out.Data[:k*n], out.Data[k*n : 2*k*n]} {
		columns := kernels.Columns{K: k, N: n, Stride: n, Data: logits}
		kernels.SoftmaxColumns(columns, columns)
	}
	kernels.BoundedExp(extra.Data[:(k-1)*n], out.Data[2*k*n:(3*k-1)*n], c.Bound)
}

func (c Spline) splines(out, extra tile.Tile) kernels.Splines {
	k, n := c.K, out.N
	return kernels.Splines{K: k, Stride: n, Width: out.Data[:k*n], Height: out.Data[k*n : 2*k*n], Slope: extra.Data[:(k-1)*n], Bound: c.Edge, Floor: c.floor()}
}

func (c Spline) forward(z, logDet, x []float64, out, extra tile.Tile) {
	kernels.SplinesForward(z, logDet, x, c.splines(out, extra))
}

func (c Spline) inverse(x, logDet, z []float64, out, extra tile.Tile) {
	kernels.SplinesInverse(x, logDet, z, c.splines(out, extra))
}

func (c Spline) backward(dx []float64, dOut tile.Tile, dz, dLogDet, x, _, _ []float64, out, extra tile.Tile) {
	k, n := c.K, out.N
	d := kernels.SplinesGrad{K: k, Stride: n, Width: dOut.Data[:k*n], Height: dOut.Data[k*n : 2*k*n], LogSlope: dOut.Data[2*k*n:]}
	kernels.SplinesBackward(dx, d, dz, dLogDet, x, c.splines(out, extra))
	kernels.BoundedExpBackward(d.LogSlope, d.LogSlope, out.Data[2*k*n:(3*k-1)*n], c.Bound)
}

// like has knots at equal distances in z, and the mixture's slopes there.
func (c Spline) like(m kernels.Mixture) []float64 {
	out := c.identity()
	k := c.K
	z := make([]float64, k-1)
	for i := range z {
		z[i] = math.FMA(2*c.Edge, float64(i+1)/float64(k), -c.Edge)
	}
	x, slope := make([]float64, k-1), make([]float64, k-1)
	kernels.MixtureInverse(x, slope, z, m)
	knots := append(append([]float64{-c.Edge}, x...), c.Edge)
	least := float64(2 * c.Edge * 1.5 * c.floor())
	for i := 1; i < k; i++ { // inside, and apart
		knots[i] = max(min(knots[i], c.Edge-float64(float64(k-i)*least)), knots[i-1]+least)
	}
	width := out[:k]
	for i := range width {
		width[i] = ((knots[i+1]-knots[i])/(2*c.Edge) - c.floor()) / (1 - float64(float64(k)*c.floor()))
	}
	kernels.Log(width, width)
	most := 0.99 * c.Bound
	for i, v := range slope {
		slope[i] = max(min(-v, most), -most)
	}
	storeScale(out[2*k:], slope, c.Bound)
	return out
}
