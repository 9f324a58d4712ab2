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

	// Were the density this everywhere in the box (in the coordinates u), its
	// mass would be so much: the grid is not refined among points below it.
	negligible = 1e-7
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
// From the second refinement on, new points are left out where all their neighbours on the old
// lattice say that there is next to no mass: five of six points, for the two moons.
func MassWithin(d Density, lines int) (Result, error) {
	if dim := d.Dim(); dim != 2 {
		return Result{}, fmt.Errorf("quad: Mass: the density has %d dimensions: the grid is for 2", dim)
	}
	b, err := boxOf(d, min(rim, 8*lines))
	if err != nil {
		return Result{}, fmt.Errorf("quad: Mass: the box of the grid: %w", err)
	}
	g := newGrid(d, b)
	first := max(1, min(coarsest, lines/2))
	l := lattice{first, make([]float64, first*first)}
	if err := g.fill(l, func(_, _ int) bool { return true }); err != nil {
		return Result{}, err
	}
	value := kernels.Sum(l.v) * b.cell(l.n)
	for {
		threshold := 0.0
		if l.n > first {
			threshold = negligible / b.cell(1)
		}
		if l, err = g.refine(l, threshold); err != nil {
			return Result{}, err
		}
		finer := kernels.Sum(l.v) * b.cell(l.n)
		r := Result{finer, math.Abs(finer - value), g.points}
		if r.Error < tolerance || 2*l.n > lines {
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

// A lattice is the points i/n of each axis of a box, with the density in the
// coordinates u at each of them.
type lattice struct {
	n int
	v []float64 // n×n
}

// A grid evaluates a density at points of a box, a batch at a time.
type grid struct {
	Density
	box
	x      *mat.Dense
	at     []int     // where in the lattice the batch's values belong
	logDet []float64 // log dx/du
	p      []float64
	points int // evaluated so far
}

func newGrid(d Density, b box) *grid {
	return &grid{Density: d, box: b, x: mat.NewDense(batch, 2, nil), at: make([]int, 0, batch), logDet: make([]float64, batch), p: make([]float64, batch)}
}

// A line is an axis's coordinate x and log dx/du at one line of the lattice.
type line struct{ x, logDet float64 }

func (a axis) lines(n int) []line {
	l := make([]line, n)
	for i := range l {
		l[i].x, l[i].logDet = a.at(float64(i) / float64(n))
	}
	return l
}

// fill evaluates the lattice at the points that are wanted.
func (g *grid) fill(l lattice, wanted func(i, j int) bool) error {
	first, second := g.axes[0].lines(l.n), g.axes[1].lines(l.n)
	for i, a := range first {
		for j, b := range second {
			if !wanted(i, j) {
				continue
			}
			row := len(g.at)
			g.x.Set(row, 0, a.x)
			g.x.Set(row, 1, b.x)
			g.logDet[row] = a.logDet + b.logDet
			if g.at = append(g.at, i*l.n+j); len(g.at) == batch {
				if err := g.flush(l); err != nil {
					return err
				}
			}
		}
	}
	return g.flush(l)
}

// flush evaluates the batch into the lattice.
func (g *grid) flush(l lattice) error {
	rows := len(g.at)
	if rows == 0 {
		return nil
	}
	p := g.p[:rows]
	if err := g.LogProb(p, g.x.Slice(0, rows, 0, 2)); err != nil {
		return err
	}
	floats.Add(p, g.logDet[:rows])
	kernels.Exp(p, p)
	for i, at := range g.at {
		l.v[at] = p[i]
	}
	g.points += rows
	g.at = g.at[:0]
	return nil
}

// refine returns the lattice of twice as many lines. Where the 4×4 points about
// a cell are all below the threshold its new points are left 0.
func (g *grid) refine(l lattice, threshold float64) (lattice, error) {
	n := l.n
	fine := lattice{2 * n, make([]float64, 4*n*n)}
	for i := range n {
		for j := range n {
			fine.v[2*i*fine.n+2*j] = l.v[i*n+j]
		}
	}
	busy := l.busy(threshold)
	err := g.fill(fine, func(i, j int) bool { return (i|j)&1 != 0 && busy[i/2*n+j/2] })
	return fine, err
}

// busy reports for each point (i, j) whether one of (i-1…i+2, j-1…j+2) reaches
// the threshold.
func (l lattice) busy(threshold float64) []bool {
	n := l.n
	rows, all := make([]bool, n*n), make([]bool, n*n)
	for i := range n {
		for j := range n {
			if !(l.v[i*n+j] < threshold) { // NaN too
				for k := max(j-2, 0); k <= min(j+1, n-1); k++ {
					rows[i*n+k] = true
				}
			}
		}
	}
	for i := range n {
		for j := range n {
			for k := max(i-1, 0); k <= min(i+2, n-1); k++ {
				all[i*n+j] = all[i*n+j] || rows[k*n+j]
			}
		}
	}
	return all
}
