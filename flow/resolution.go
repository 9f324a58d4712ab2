package flow

import (
	"math"
	"math/rand/v2"

	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// resolution is what a fit knows about the errors of values that repeat. As standard
// deviation of an error counts the whole width of a step: a mixture whose components are
// as wide has no ripples from step to step, and later blocks none to make larger. (With
// the width's √12th part, that of a uniform error, the density half a step beside two dice
// falls by 30 nats in eight blocks; so it does not by one.)
type resolution struct {
	width    []float64 // of the steps between the values of each column; 0 if they are continuous
	variance []float64 // of the errors of each coordinate, as far as blocks have come
	tied     []int     // samples that share a value of such a column with others
}

// newResolution is for samples x of the given columns, which have been divided by
// 2^units.
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

// dequantize makes the columns of x continuous by noise as wide as their steps. Then
// no errors are left to mind.
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

// rotate takes the errors, which are independent for want of better knowledge, through
// a rotation.
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

// transform takes the errors through the maps of coordinates y to normal ones: at the
// samples that have them, by the squares of the slopes there, in the mean. The result
// cannot be known worse than a normal variable is of which nothing is known.
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
