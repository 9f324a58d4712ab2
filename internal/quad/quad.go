// Package quad integrates the density of a flow over the plane: a density that does
// not come to 1 is a broken model, however good its log-likelihood looks.
package quad

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/kernels"
)

// Density is a two-dimensional flow: a map to a standard-normal latent, and the
// density that the map stands for.
type Density interface {
	Dim() int
	Inverse(x *mat.Dense, logDet []float64, z mat.Matrix) error
	LogProb(dst []float64, x mat.Matrix) error
}

// Result is an integral.
type Result struct {
	Value  float64 // the integral
	Error  float64 // how far it moved when the grid was last refined
	Points int     // evaluations of the density
}

const (
	outside   = 1e-6    // the mass that the grid may leave out
	tolerance = 1e-5    // the change on refinement that ends the work
	coarsest  = 128     // grid lines per axis to start with
	finest    = 2048    // and to stop at
	batch     = 1 << 14 // points per call of LogProb
	rim       = 4096    // points on the circle that finds the grid's box
)

// Mass returns ∫ p(x) dx over the plane.
func Mass(d Density) (Result, error) { return MassWithin(d, finest) }

// MassWithin is Mass with at most the given number of lines per axis: its time is bounded, and the caller looks at the
// error of the result to see whether that was enough.
//
// The grid covers the preimage of the disc |z| ≤ r with exp(-r²/2) = 1e-6, the mass of a
// standard normal outside the disc. A flow is a homeomorphism, so the image of the circle
// bounds that of the disc, and no guess about the tails is needed. That box can be
// thousands of times as wide as the bulk of the mass, so its lines are not equidistant: each
// axis is x = c + s·sinh(u), centred and scaled by the preimage of the unit circle, and the
// lattice is uniform in u. On it the trapezoidal rule is refined, each time with half the
// spacing and all old points kept, until the integral moves by less than 1e-5; for a smooth
// density that vanishes at the edges the rule converges faster than any power of the spacing.
// (Trefethen & Weideman, The exponentially convergent trapezoidal rule, SIAM Rev. 2014.)
func MassWithin(d Density, lines int) (Result, error) {
	if dim := d.Dim(); dim != 2 {
		return Result{}, fmt.Errorf("quad: Mass: the density has %d dimensions: the grid is for 2", dim)
	}
	b, err := boxOf(d, min(rim, 8*lines))
	if err != nil {
		return Result{}, fmt.Errorf("quad: Mass: the box of the grid: %w", err)
	}
	g := grid{Density: d, box: b, x: mat.NewDense(batch, 2, nil), p: make([]float64, batch), logDet: make([]float64, batch)}
	// The n×n points i/n of the box, then the three shifts of that lattice that
	// make it the lattice of 2n×2n.
	n := max(1, min(coarsest, lines/2))
	sum, err := g.sum(n, 0, 0)
	if err != nil {
		return Result{}, err
	}
	value := sum * b.cell(n)
	for {
		for _, s := range [][2]float64{{0.5, 0}, {0, 0.5}, {0.5, 0.5}} {
			more, err := g.sum(n, s[0], s[1])
			if err != nil {
				return Result{}, err
			}
			sum += more
		}
		n *= 2
		finer := sum * b.cell(n)
		r := Result{finer, math.Abs(finer - value), n * n}
		if r.Error < tolerance || 2*n > lines {
			return r, nil
		}
		value = finer
	}
}

// box is a rectangle in the coordinates u of the axes x = centre + scale·sinh(u).
type box struct{ axes [2]axis }

type axis struct{ centre, scale, min, max float64 }

// cell is the area in u that each of n×n points stands for.
func (b box) cell(n int) float64 {
	return (b.axes[0].max - b.axes[0].min) * (b.axes[1].max - b.axes[1].min) / float64(n*n)
}

// at returns the point a fraction f along the axis, and log dx/du there.
func (a axis) at(f float64) (x, logDet float64) {
	u := a.min + f*(a.max-a.min)
	return a.centre + a.scale*math.Sinh(u), math.Log(a.scale * math.Cosh(u))
}

// boxOf returns the bounding box of the preimage of the disc, found from points on its rim.
func boxOf(d Density, rim int) (box, error) {
	r := math.Sqrt(-2 * math.Log(outside))
	all, err := bounds(d, r, rim)
	if err != nil {
		return box{}, err
	}
	bulk, err := bounds(d, 1, rim)
	if err != nil {
		return box{}, err
	}
	var b box
	for j := range 2 {
		a := axis{centre: (bulk[j][0] + bulk[j][1]) / 2, scale: (bulk[j][1] - bulk[j][0]) / 2}
		if width := all[j][1] - all[j][0]; !(width > 0 && a.scale > 0) || math.IsInf(width, 0) {
			return box{}, fmt.Errorf("the inverse of the circle |z| = %.2f spans [%g, %g] in coordinate %d: want a finite, positive width", r, all[j][0], all[j][1], j)
		}
		if a.scale < 0x1p-40*math.Abs(a.centre) {
			return box{}, fmt.Errorf("coordinate %d: half of the mass is within %.3g of %.17g, too near for a grid of float64 numbers", j, a.scale, a.centre)
		}
		a.min, a.max = math.Asinh((all[j][0]-a.centre)/a.scale), math.Asinh((all[j][1]-a.centre)/a.scale)
		// The rim is sampled: leave room for what it does between its points.
		pad := 0.02 * (a.max - a.min)
		a.min, a.max = a.min-pad, a.max+pad
		b.axes[j] = a
	}
	return b, nil
}

// bounds returns the extent, in each coordinate, of the preimage of so many points on the circle |z| = r.
func bounds(d Density, r float64, rim int) (b [2][2]float64, err error) {
	z := mat.NewDense(rim, 2, nil)
	for i := range rim {
		s, c := math.Sincos(2 * math.Pi * float64(i) / float64(rim))
		z.SetRow(i, []float64{r * c, r * s})
	}
	var x mat.Dense
	if err := d.Inverse(&x, nil, z); err != nil {
		return b, err
	}
	for j := range 2 {
		column := mat.Col(nil, j, &x)
		b[j] = [2]float64{floats.Min(column), floats.Max(column)}
	}
	return b, nil
}

// grid evaluates a density on lattices in a box, a batch at a time.
type grid struct {
	Density
	box
	x         *mat.Dense
	p, logDet []float64
}

// sum returns the sum of the density over the n×n points ((i+s)/n, (j+t)/n) of the box.
func (g *grid) sum(n int, s, t float64) (float64, error) {
	total, rows := 0.0, 0
	flush := func() error {
		if rows == 0 {
			return nil
		}
		p := g.p[:rows]
		if err := g.LogProb(p, g.x.Slice(0, rows, 0, 2)); err != nil {
			return err
		}
		floats.Add(p, g.logDet[:rows])
		kernels.Exp(p, p)
		total += kernels.Sum(p)
		rows = 0
		return nil
	}
	for i := range n {
		x0, l0 := g.axes[0].at((float64(i) + s) / float64(n))
		for j := range n {
			x1, l1 := g.axes[1].at((float64(j) + t) / float64(n))
			g.x.Set(rows, 0, x0)
			g.x.Set(rows, 1, x1)
			g.logDet[rows] = l0 + l1
			if rows++; rows == batch {
				if err := flush(); err != nil {
					return 0, err
				}
			}
		}
	}
	err := flush()
	return total, err
}
