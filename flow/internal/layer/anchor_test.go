package layer_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/kernels"
)

const anchorFloor = 0.05

// randomAnchored has mixtures whose first component is the standard normal, and, for
// every third coordinate, one component alone.
func randomAnchored(d int, rng *rand.Rand) layer.Layer {
	m := flowtest.Mixtures(d, rng)
	for j := range m {
		if j%3 == 2 {
			m[j] = kernels.Mixture{Weight: []float64{1}, Mean: []float64{0}, Scale: []float64{1}}
			continue
		}
		for k := range m[j].Weight {
			m[j].Weight[k] *= 0.8
		}
		m[j].Weight = append([]float64{0.2}, m[j].Weight...)
		m[j].Mean = append([]float64{0}, m[j].Mean...)
		m[j].Scale = append([]float64{1}, m[j].Scale...)
	}
	return layer.NewAnchored(m, layer.DefaultLogScaleBound, anchorFloor)
}

// Whatever training does to the parameters that it may move, a stage costs a sample at
// most log 1/floor for each coordinate, however far out.
func TestAnchorBound(t *testing.T) {
	const d, n = 2, 64
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 5))
		l := randomAnchored(d, rng)
		pinned := l.(layer.Pinned).Pinned()
		for i, p := range l.Params() {
			if !pinned[i] {
				l.Params()[i] = p + 3*rng.NormFloat64()
			}
		}
		l.Refresh()
		for _, size := range []float64{1, 10, 1e3, 1e6} {
			x, z := flowtest.Tile(d, n, size, rng), nanTile(d, n)
			s, _ := scratchFor(l, n)
			logDet := make([]float64, n)
			l.Forward(z, logDet, x, s)
			for i := range n {
				gain := logDet[i] // log p after the stage less log φ(x)
				for j := range d {
					gain += (x.Row(j)[i] - z.Row(j)[i]) * (x.Row(j)[i] + z.Row(j)[i]) / 2
				}
				scale := 1e-11 * (1 + size*size)
				if !(gain >= d*math.Log(anchorFloor)-scale) {
					t.Fatalf("seed %d, size %g: a stage costs %g nats", seed, size, -gain)
				}
			}
		}
	}
}
