package layer_test

import (
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

// What leaves the layer has mean 0 and standard deviation 1, in units in which squares leave
// the range of float64 as well; a constant is only moved.
func TestActNormStart(t *testing.T) {
	const n = 40
	x, z := flowtest.Tile(4, n, 1, flowtest.NewRand(3)), tile.New(4, n)
	for i := range n {
		x.Row(1)[i] *= 1e200
		x.Row(2)[i] *= 1e-200
		x.Row(3)[i] = 0.1
	}
	layer.NewActNorm(x).Forward(z, nil, x, nil)
	for j, want := range []float64{1, 1, 1, 0} {
		mean, variance := stat.PopMeanVariance(z.Row(j), nil)
		if !(math.Abs(mean) < 1e-12) || !(math.Abs(variance-want) < 1e-12) {
			t.Errorf("coordinate %d has mean %v and variance %v", j, mean, variance)
		}
	}
}

func TestActNormRefusesScale(t *testing.T) {
	for _, v := range []float64{800, -800} {
		m := layer.NewActNorm(flowtest.Tile(2, 9, 1, flowtest.NewRand(3))).Describe()
		m.Tensors[1].Values[1] = v
		if _, err := layer.Build(m, 2); err == nil || !strings.Contains(err.Error(), `"log_scale": element 1`) {
			t.Errorf("a logarithm of %v: error is %v", v, err)
		}
	}
}
