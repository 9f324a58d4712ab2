package flow

import (
	"math"
	"math/rand/v2"

	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// resolution tracks the rounding errors of columns whose values repeat. The standard
// deviation of an error is taken to be the whole distance between neighbouring values: a
// mixture with components as wide has no ripples between the values that later blocks
// could amplify. (With the distance over √12, the standard deviation of a uniform error,
// the density between two values of two dice falls by 30 nats in eight blocks; with the
// whole distance it falls by less than one.)
type resolution struct {
	width    []float64 // distance between neighbouring values of each column; 0 if it is continuous
	variance []float64 // of the errors of each coordinate, after the blocks fitted so far
	tied     []int     // samples that share a value of such a column with others
}

// newResolution returns the resolution of samples x of the given columns, which have
// been divided by 2^units.
func newResolution(x tile.Tile, columns []FitColumn, units int) *resolution {
	r := &resolution{width: make([]float64, x.D), variance: make([]float64, x.D)}
	tied := make([]bool, x.N)
	for j, c := range columns {
		if c.Resolution == 0 {
			continue
		}
		width := math.Ldexp(c.Resolution, -units)
		r.width[j], r.variance[j] = width, float64(width*width)
		count := make(map[float64]int, c.Distinct)
		for _, v := range x.Row(j) {
			count[v]++
		}
		for i, v := range x.Row(j) {
			tied[i] = tied[i] || count[v] > 1
		}
	}
	for i, t := range tied {
		if t {
			r.tied = append(r.tied, i)
		}
	}
	return r
}

// dequantize makes the columns of x continuous by uniform noise as wide as the distance
// between their values. Then the errors are zero.
func (r *resolution) dequantize(x tile.Tile, seed uint64) {
	for j, width := range r.width {
		if width == 0 {
			continue
		}
		rng := rand.New(rand.NewPCG(seed, 0x6a697474<<32|uint64(j)))
		for i := range x.Row(j) {
			x.Row(j)[i] += float64(width * (float64(rng.Float64()) - 0.5))
		}
	}
	clear(r.variance)
	r.tied = nil
}

// of returns the standard deviation of coordinate j's errors.
func (r *resolution) of(j int) float64 { return math.Sqrt(r.variance[j]) }

// rotate propagates the errors, which are taken to be independent, through a rotation.
func (r *resolution) rotate(axes []float64) {
	if r.tied == nil {
		return
	}
	d := len(r.variance)
	rotated := make([]float64, d)
	for j := range rotated {
		for i, a := range axes[j*d : (j+1)*d] {
			rotated[j] += float64(float64(a*a) * r.variance[i])
		}
	}
	r.variance = rotated
}

// transform propagates the errors through the maps of coordinates y to normal ones: it
// multiplies variances by the mean squared slope at the samples that have errors. The
// variance stays at most 1, that of a standard normal variable.
func (r *resolution) transform(y tile.Tile, maps []kernels.Mixture) {
	if r.tied == nil {
		return
	}
	n := len(r.tied)
	x, z, slope := make([]float64, n), make([]float64, n), make([]float64, n)
	for j, m := range maps {
		for i, row := range r.tied {
			x[i] = y.Row(j)[row]
		}
		kernels.MixtureForward(z, slope, x, m)
		kernels.Exp(slope, slope)
		r.variance[j] = min(1, float64(r.variance[j]*kernels.SumSquares(slope))/float64(n))
	}
}
