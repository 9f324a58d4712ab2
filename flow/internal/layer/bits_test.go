//go:build !openblas && !gonum

package layer_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

// normals is a tile of numbers that are the same on every machine, and room behind it.
func normals(d, context, n int, rng *rand.Rand) tile.Tile {
	x := tile.New(d+context, n)
	for i := range x.Data {
		x.Data[i] = layer.NormFloat64(rng)
	}
	x.D = d
	return x
}

// What a layer computes has the same bits on every machine: image, log-det, inverse and
// gradients of layers with parameters that are off their start, by SHA-256.
func TestBits(t *testing.T) {
	conditioner := layer.Conditioner{Width: 9, Depth: 2}
	context := layer.Context{Shift: []float64{0.25, -1}, Scale: []float64{2, 0.75}}
	elementwise := func(form string, m layer.Map, c layer.Context) func(rng *rand.Rand) (layer.Layer, error) {
		return func(rng *rand.Rand) (layer.Layer, error) {
			return layer.NewElementwise(form, 3, m, c, nil, conditioner, 0.05, rng)
		}
	}
	for _, row := range []struct {
		name string
		make func(rng *rand.Rand) (layer.Layer, error)
		want string
	}{
		{"actnorm", func(rng *rand.Rand) (layer.Layer, error) { return layer.NewActNorm(normals(3, 0, 40, rng)), nil }, "fb698a16215736d1"},
		{"householder", func(rng *rand.Rand) (layer.Layer, error) { return layer.NewHouseholder(3, 3, rng), nil }, "32a098838b7f5710"},
		{"cayley", func(rng *rand.Rand) (layer.Layer, error) {
			l := layer.NewCayley(3)
			for i := range l.Params() {
				l.Params()[i] = 0.5 * layer.NormFloat64(rng)
			}
			return l, nil
		}, "44340c85719109b7"},
		{"residual", func(rng *rand.Rand) (layer.Layer, error) { return layer.NewResidual(3, 7, 0.8, rng) }, "6fd0205ba539c9f2"},
		{"affine coupling", elementwise("couple", layer.Affine{Bound: 2}, layer.Context{}), "8c21b5c262d95a40"},
		{"spline coupling given context", elementwise("couple", layer.Spline{K: 5, Edge: 4, Bound: 3}, context), "adaeaa8c665c8084"},
		{"mixtures given context", elementwise("given", layer.Mixed{K: 3, Bound: 5}, context), "4dd3afd84e724d4e"},
	} {
		rng := rand.New(rand.NewPCG(11, 12))
		l, err := row.make(rng)
		if err != nil {
			t.Fatal(err)
		}
		for i := range l.Params() {
			l.Params()[i] += float64(0.01 * layer.NormFloat64(rng))
		}
		l.Refresh()
		c := 0
		if x, ok := l.(layer.Contextual); ok {
			c = x.Context()
		}
		const n = 24
		x := normals(3, c, n, rng)
		z, back := output(x), output(x)
		logDet, minus := make([]float64, n), make([]float64, n)
		s, b := scratchFor(l, n)
		l.Forward(z, logDet, x, s)
		dx, dz, grad := nanTile(3, n), tile.New(3, n), make([]float64, len(l.Params()))
		copy(dz.Data, z.Data)
		l.Backward(dx, grad, dz, logDet, layer.Tape{X: x, Z: z, S: s}, b)
		l.Inverse(back, minus, z, s)
		h := sha256.New()
		for _, v := range [][]float64{z.Data[:3*n], logDet, dx.Data, grad, back.Data[:3*n], minus} {
			var bits []byte
			for _, v := range v {
				if v == 0 {
					v = 0 // either zero
				}
				bits = binary.LittleEndian.AppendUint64(bits, math.Float64bits(v))
			}
			h.Write(bits)
		}
		if got := fmt.Sprintf("%x", h.Sum(nil)[:8]); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}
