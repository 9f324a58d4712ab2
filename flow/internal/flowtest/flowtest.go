// Package flowtest supports the tests of flow and of the packages below it.
package flowtest

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// NewRand returns a source of random numbers.
func NewRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 99)) }

// Rotation orthogonalises a random matrix row by row.
func Rotation(d int, rng *rand.Rand) []float64 {
	r := make([]float64, d*d)
	for i := range d {
		v := r[i*d : (i+1)*d]
		for j := range v {
			v[j] = rng.NormFloat64()
		}
		for range 2 { // twice is enough
			for k := range i {
				u := r[k*d : (k+1)*d]
				dot := 0.0
				for j := range u {
					dot += u[j] * v[j]
				}
				for j := range v {
					v[j] -= dot * u[j]
				}
			}
		}
		norm := 0.0
		for _, x := range v {
			norm += x * x
		}
		for j := range v {
			v[j] /= math.Sqrt(norm)
		}
	}
	return r
}

// Mixtures has from 1 to 9 components for each of d coordinates.
func Mixtures(d int, rng *rand.Rand) []kernels.Mixture {
	var all []kernels.Mixture
	for range d {
		k := 1 + rng.IntN(9)
		m := kernels.Mixture{Weight: make([]float64, k), Mean: make([]float64, k), Scale: make([]float64, k)}
		total := 0.0
		for i := range k {
			m.Weight[i] = math.Exp(rng.NormFloat64())
			total += m.Weight[i]
			m.Mean[i] = rng.NormFloat64()
			m.Scale[i] = math.Exp(0.4*rng.NormFloat64() - 0.3)
		}
		for i := range k {
			m.Weight[i] /= total
		}
		all = append(all, m)
	}
	return all
}

// RandomRotation is a layer of kind rotation.
func RandomRotation(d int, rng *rand.Rand) layer.Layer {
	return layer.NewRotation(d, Rotation(d, rng))
}

// RandomMixtures is a layer of kind mixtures.
func RandomMixtures(d int, bound float64, rng *rand.Rand) layer.Layer {
	return layer.NewMixtures(Mixtures(d, rng), bound)
}

// Perturb moves parameters at random.
func Perturb(p []float64, size float64, rng *rand.Rand) {
	for i := range p {
		p[i] += size * rng.NormFloat64()
	}
}

// Tile is n normal samples.
func Tile(d, n int, size float64, rng *rand.Rand) tile.Tile {
	x := tile.New(d, n)
	for i := range x.Data {
		x.Data[i] = size * rng.NormFloat64()
	}
	return x
}

// Table is n rows of d columns, each a smooth function of two hidden variables and noise.
func Table(n, d int, rng *rand.Rand) *mat.Dense {
	x := mat.NewDense(n, d, nil)
	for i := range n {
		a, b := rng.NormFloat64(), rng.NormFloat64()
		for j := range d {
			x.Set(i, j, math.Sin(a*float64(j+1))+b*float64(j%3)+0.3*rng.NormFloat64())
		}
	}
	return x
}

// SameBits fails if the two differ in any bit.
func SameBits(t testing.TB, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
			t.Fatalf("%s: element %d is %v (%#x), want %v (%#x)", what, i, got[i], math.Float64bits(got[i]), want[i], math.Float64bits(want[i]))
		}
	}
}

// Derivative differentiates f at 0 by a five-point rule. A step so long that it
// meets a kink of a ReLU disagrees with its half; then it is halved.
func Derivative(h float64, f func(h float64) float64) float64 {
	rule := func(h float64) float64 { return (8*(f(h)-f(-h)) - (f(2*h) - f(-2*h))) / (12 * h) }
	d := rule(h)
	for range 12 {
		h /= 2
		half := rule(h)
		if math.Abs(half-d) <= 1e-8*(1e-2+math.Abs(d)) {
			return d
		}
		d = half
	}
	return d
}

// CheckGradient compares grad with differences of value as p changes.
func CheckGradient(t *testing.T, what string, grad, p []float64, value func() float64) {
	t.Helper()
	largest := 0.0
	for _, g := range grad {
		largest = max(largest, math.Abs(g))
	}
	worst, at := 0.0, 0
	for i, v := range p {
		want := Derivative(1e-4, func(h float64) float64 {
			p[i] = v + h
			return value()
		})
		p[i] = v
		// The largest entry sets the scale below a thousandth of which the
		// differences themselves have no six digits.
		err := math.Abs(grad[i]-want) / max(math.Abs(want), 1e-3*largest, 1e-12)
		if !(err <= worst) {
			worst, at = err, i
		}
	}
	value()
	if !(worst <= 1e-6) {
		t.Errorf("gradient of %s: entry %d is %v, off by %.3g of itself; largest entry %v", what, at, grad[at], worst, largest)
	}
}
