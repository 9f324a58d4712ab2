package layer_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

// halfLog2Pi is log √(2π).
const halfLog2Pi = 0.91893853320467274178

// full is a mixture with full covariances: weights, means and factors of K components.
type full struct {
	d                  int
	weight, mean, chol []float64
}

func (m *full) layer() layer.Layer {
	return layer.NewRosenblatt(m.d, m.weight, m.mean, m.chol, layer.Fitted{MaxComponents: 7, Dequantized: true})
}

// randomFull has k components with covariances of their own.
func randomFull(d, k int, rng *rand.Rand) *full {
	m := &full{d: d, weight: make([]float64, k), mean: make([]float64, k*d), chol: make([]float64, k*d*d)}
	total := 0.0
	for c := range k {
		m.weight[c] = math.Exp(rng.NormFloat64())
		total += m.weight[c]
		for i := range d {
			m.mean[c*d+i] = rng.NormFloat64()
			m.chol[(c*d+i)*d+i] = math.Exp(0.4*rng.NormFloat64() - 0.3)
			for j := range i {
				m.chol[(c*d+i)*d+j] = 0.5 * rng.NormFloat64()
			}
		}
	}
	for c := range k {
		m.weight[c] /= total
	}
	return m
}

// logDensity is the definition, sample by sample.
func logDensity(m *full, x []float64) float64 {
	most, terms := math.Inf(-1), make([]float64, len(m.weight))
	u := make([]float64, m.d)
	for k := range terms {
		l, mean := m.chol[k*m.d*m.d:], m.mean[k*m.d:]
		t := math.Log(m.weight[k])
		for i := range u {
			v := x[i] - mean[i]
			for j := range i {
				v -= l[i*m.d+j] * u[j]
			}
			u[i] = v / l[i*m.d+i]
			t -= u[i]*u[i]/2 + math.Log(l[i*m.d+i]) + halfLog2Pi
		}
		terms[k] = t
		most = max(most, t)
	}
	sum := 0.0
	for _, t := range terms {
		sum += math.Exp(t - most)
	}
	return most + math.Log(sum)
}

// The layer's density is the mixture's own, near and far out, where the components
// that matter have weights that no float64 holds.
func TestRosenblattDensity(t *testing.T) {
	for _, d := range []int{1, 2, 5, 16} {
		for _, size := range []float64{1, 30, 1000, 1e6} {
			rng := rand.New(rand.NewPCG(uint64(d), 3))
			m := randomFull(d, 7, rng)
			l := m.layer()
			const n = 203
			x, z := flowtest.Tile(d, n, size, rng), nanTile(d, n)
			s, _ := scratchFor(l, n)
			logProb := make([]float64, n)
			l.Forward(z, logProb, x, s)
			direct := make([]float64, n)
			l.(layer.Density).AddLogDensity(direct, x, s)
			worst := 0.0
			for i := range n {
				at := make([]float64, d)
				got := logProb[i]
				for j := range at {
					at[j] = x.Row(j)[i]
					got -= z.Row(j)[i]*z.Row(j)[i]/2 + halfLog2Pi
				}
				want := logDensity(m, at)
				worst = max(worst, math.Abs(got-want)/(1+math.Abs(want)), math.Abs(direct[i]-want)/(1+math.Abs(want)))
			}
			t.Logf("d=%d, size %g: off by %.2g of 1+|log p|", d, size, worst)
			if !(worst < 1e-12) {
				t.Errorf("d=%d, size %g: the log-density is off by %.3g of 1+|log p|", d, size, worst)
			}
		}
	}
}

// Clusters so tight and so far apart that, given one coordinate, all but one have no
// weight; samples that only the others explain need their logarithms.
func TestRosenblattTightClusters(t *testing.T) {
	m := &full{d: 2, weight: []float64{0.5, 0.5}, mean: []float64{-1, -1, 1, 1}, chol: []float64{0.01, 0, 0, 0.01, 0.01, 0, 0, 0.01}}
	l := m.layer()
	l.Bind(make([]float64, len(l.Params())))
	l.Refresh()
	x := tile.New(2, 5)
	copy(x.Data, []float64{-1, -1, -1, 0.2, -0.3, -1, 1, 0.3, 1, 1.2})
	z, back := nanTile(2, 5), nanTile(2, 5)
	s, b := scratchFor(l, 5)
	logProb := make([]float64, 5)
	l.Forward(z, logProb, x, s)
	for i := range 5 {
		got := logProb[i] - (z.Row(0)[i]*z.Row(0)[i]+z.Row(1)[i]*z.Row(1)[i])/2 - 2*halfLog2Pi
		want := logDensity(m, []float64{x.Row(0)[i], x.Row(1)[i]})
		if !(math.Abs(got-want) < 1e-12*(1+math.Abs(want))) {
			t.Errorf("sample %d: log p = %v, want %v", i, got, want)
		}
	}
	l.Inverse(back, nil, z, s)
	for i, v := range x.Data {
		if i%5 > 2 {
			continue // in the gap between the clusters the map is flat to the last bit
		}
		if !(math.Abs(back.Data[i]-v) < 1e-9) {
			t.Errorf("element %d: inverse(forward(%v)) = %v", i, v, back.Data[i])
		}
	}
	// The gradient there.
	c, e := []float64{0.3, -1, 0.7, 0.2, -0.4, 1, 0.5, -0.2, 0.9, -0.6}, []float64{1, -0.5, 0.3, 0.8, -1}
	value := func() float64 {
		l.Refresh()
		ld := make([]float64, 5)
		l.Forward(z, ld, x, s)
		sum := 0.0
		for i, v := range z.Data {
			sum += c[i] * v
		}
		for i, v := range ld {
			sum += e[i] * v
		}
		return sum
	}
	value()
	dx, dz, grad := nanTile(2, 5), tile.New(2, 5), make([]float64, len(l.Params()))
	copy(dz.Data, c)
	ld := make([]float64, 5)
	l.Forward(z, ld, x, s)
	l.Backward(dx, grad, dz, e, layer.Tape{x, z, s}, b)
	for _, part := range []struct {
		what    string
		grad, p []float64
	}{{"x", dx.Data, x.Data}, {"parameters", grad, l.Params()}} {
		for i, v := range part.p {
			want := flowtest.Derivative(1e-3, func(h float64) float64 {
				part.p[i] = v + h
				return value()
			})
			part.p[i] = v
			if !(math.Abs(part.grad[i]-want) < 1e-5*(1+math.Abs(want))) {
				t.Errorf("gradient of %s, entry %d: %v, numerically %v", part.what, i, part.grad[i], want)
			}
		}
	}
}

// What a fit's options were comes back with the layer.
func TestRosenblattFitted(t *testing.T) {
	l := randomFull(2, 3, flowtest.NewRand(1)).layer()
	m := l.Describe()
	again, err := layer.Build(m, 2)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := again.(layer.Chosen).Chosen(), (layer.Fitted{MaxComponents: 7, Dequantized: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for _, name := range []string{"max_components", "dequantized"} {
		for _, value := range []string{"0", "-1", "many"} {
			bad := m
			bad.Attributes = map[string]string{name: value}
			if _, err := layer.Build(bad, 2); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s = %q: error %v", name, value, err)
			}
		}
	}
	m.Attributes = nil
	if again, err = layer.Build(m, 2); err != nil || again.(layer.Chosen).Chosen() != (layer.Fitted{}) || len(again.Describe().Attributes) != 0 {
		t.Errorf("without attributes: %+v, %v", again, err)
	}
}

// A sample that is not finite has density zero under every component.
func TestRosenblattDensityNotFinite(t *testing.T) {
	for _, d := range []int{1, 2, 5, 16} {
		l := randomFull(d, 7, rand.New(rand.NewPCG(uint64(d), 5))).layer()
		x := tile.New(d, 3*d)
		for j := range d {
			for i, v := range []float64{math.Inf(1), math.Inf(-1), math.NaN()} {
				x.Row(j)[3*j+i] = v
			}
		}
		s, _ := scratchFor(l, x.N)
		got := make([]float64, x.N)
		l.(layer.Density).AddLogDensity(got, x, s)
		for i, v := range got {
			if !math.IsInf(v, -1) {
				t.Errorf("d = %d: log p of sample %d is %g", d, i, v)
			}
		}
	}
}
