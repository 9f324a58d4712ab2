package flow

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// A LayerReport describes the effect of one layer on some rows.
type LayerReport struct {
	Block, Layer int    // from 0; Layer counts within the block
	Kind         string // as in a model
	Params       int    // number of trainable parameters
	// GradNorm is the Euclidean norm of the gradient of the mean of -log p, in nats, with
	// respect to the layer's parameters.
	GradNorm float64
	// LogDet is the layer's share in the mean log-determinant, in nats.
	LogDet float64
	// Slope is the largest Euclidean norm of a column of the layer's Jacobian: the
	// greatest distance that an image moves per unit change of one coordinate. It is
	// computed by central differences at up to 1,000 of the rows.
	Slope float64
}

// Inspect reports what each layer does to the rows of x, which must have the flow's columns:
// it shows where gradients grow or vanish in a deep stack, and which layers do nothing. The
// flow is not changed.
func (f *Flow) Inspect(x mat.Matrix) ([]LayerReport, error) {
	const what = "Inspect"
	if err := f.ready(what); err != nil {
		return nil, err
	}
	if _, err := kernels.Active(); err != nil {
		return nil, fmt.Errorf("flow: %s: %w", what, err)
	}
	src, err := f.source(x)
	if err == nil {
		err = src.Check()
	}
	if err != nil {
		return nil, f.wrap(what, err)
	}
	batch := newMinibatch(f, tile.Rows{Source: src}, src.N)
	for i := range batch.at {
		batch.at[i] = i
	}
	if loss, _ := batch.gradient(context.Background()); loss-loss != 0 {
		return nil, fmt.Errorf("flow: %s: the mean of -log p is %v", what, loss)
	}
	all := f.room(make([]float64, f.width()*src.N), src.N)
	if err := src.Read(all, 0); err != nil {
		return nil, f.wrap(what, err)
	}
	z := all
	z.Data = append([]float64(nil), all.Data...)
	var reports []LayerReport
	grad, at := batch.grad, 0
	for i := range f.Blocks() {
		for j, l := range f.block(i) {
			n := len(l.Params())
			r := LayerReport{Block: i, Layer: j, Kind: l.Describe().Kind, Params: n}
			r.GradNorm = math.Sqrt(kernels.SumSquares(grad[at : at+n]))
			at += n
			r.LogDet = f.push(z, all, len(reports))
			r.Slope = f.slope(all.Cols(0, min(all.N, 1000)), len(reports))
			all, z = z, all
			reports = append(reports, r)
		}
	}
	return reports, nil
}

// push maps x through layer k and returns the mean of its log-determinants.
func (f *Flow) push(z, x tile.Tile, k int) float64 {
	l := f.layers[k]
	size := tile.Size(f.dim)
	perSample, _ := l.Scratch()
	logDet := make([]float64, x.N)
	tile.Over(x.N, size, func(loop *tile.Loop) {
		s := make(tile.Arena, perSample*size)
		for from, to := range loop.Tiles {
			l.Forward(z.Cols(from, to), logDet[from:to], x.Cols(from, to), s)
		}
	})
	return kernels.Sum(logDet) / float64(x.N)
}

// slope is the largest norm of a column of the Jacobian of layer k.
func (f *Flow) slope(x tile.Tile, k int) float64 {
	const step = 1e-5
	n := x.N
	near, up, down := f.room(make([]float64, f.width()*n), n), tile.New(f.dim, n), tile.New(f.dim, n)
	for j := range f.width() {
		copy(near.Row(j), x.Row(j))
	}
	most := 0.0
	for j := range f.dim {
		for _, to := range []struct {
			image tile.Tile
			step  float64
		}{{up, step}, {down, -step}} {
			for i, v := range x.Row(j) {
				near.Row(j)[i] = v + to.step
			}
			f.push(to.image, near, k)
		}
		copy(near.Row(j), x.Row(j))
		for i := range n {
			square := 0.0
			for c := range f.dim {
				d := up.Row(c)[i] - down.Row(c)[i]
				square = math.FMA(d, d, square)
			}
			most = max(most, math.Sqrt(square)/(2*step))
		}
	}
	return most
}
