// Package density has the tables on which densities are compared: real ones, and
// synthetic ones whose true density is known, so that new rows can be drawn and
// no density can beat the truth except by chance.
package density

import (
	"embed"
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/mat"
)

//go:embed testdata/*.csv
var files embed.FS

// A Table is one data set.
type Table struct {
	Name string
	// Train and Test are the rows drawn for each seed of a synthetic table. A real
	// one has Rows instead, which are split at random, four fifths to train.
	Train, Test int
	Draw        func(rng *rand.Rand) []float64
	LogDensity  func(x []float64) float64 // the truth, in nats; nil if unknown
	Rows        [][]float64
}

// A Split is a set of training rows and one of test rows, standardized by the former.
type Split struct {
	Train, Test [][]float64
	Truth       []float64 // log-density of the rows to judge by, in the standardized units; nil if unknown
}

// Tables returns all tables.
func Tables() ([]*Table, error) {
	var all []*Table
	for _, name := range []string{"iris", "faithful", "crabs", "penguins"} {
		t, err := measured(name)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	all = append(all, synthetic()...)
	for _, name := range []string{"quakes", "breast_cancer", "digits"} { // those that take long
		t, err := measured(name)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// measured reads a real table. Columns whose values repeat get uniform noise as wide as the
// distance between neighbouring values: on rounded columns a narrow component at each value
// would increase the score without limit.
func measured(name string) (*Table, error) {
	f, err := files.Open("testdata/" + name + ".csv")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t := &Table{Name: name}
	for i, r := range records {
		row := make([]float64, len(r))
		for j, s := range r {
			if row[j], err = strconv.ParseFloat(s, 64); err != nil {
				return nil, fmt.Errorf("%s: row %d: %w", name, i, err)
			}
		}
		t.Rows = append(t.Rows, row)
	}
	rng := rand.New(rand.NewPCG(20, 26))
	for j := range t.Rows[0] {
		column := make([]float64, len(t.Rows))
		for i, row := range t.Rows {
			column[i] = row[j]
		}
		slices.Sort(column)
		grid := math.Inf(1)
		distinct := 1
		for i := 1; i < len(column); i++ {
			if gap := column[i] - column[i-1]; gap > 1e-5 {
				distinct++
				grid = min(grid, gap)
			}
		}
		if distinct == len(column) {
			continue
		}
		for _, row := range t.Rows {
			row[j] += grid * (rng.Float64() - 0.5)
		}
	}
	return t, nil
}

// Split returns split i of the table: other rows for every i.
func (t *Table) Split(i int) Split {
	rng := rand.New(rand.NewPCG(uint64(i), 0x73706c6974))
	var s Split
	if t.Draw == nil {
		perm := rng.Perm(len(t.Rows))
		test := len(perm) / 5
		for k, p := range perm {
			row := slices.Clone(t.Rows[p])
			if k < test {
				s.Test = append(s.Test, row)
			} else {
				s.Train = append(s.Train, row)
			}
		}
	} else {
		for range t.Train {
			s.Train = append(s.Train, t.Draw(rng))
		}
		for range t.Test {
			s.Test = append(s.Test, t.Draw(rng))
		}
	}
	if t.LogDensity != nil {
		for _, row := range s.Test {
			s.Truth = append(s.Truth, t.LogDensity(row))
		}
	}
	for j := range s.Train[0] {
		mean, square := 0.0, 0.0
		for _, row := range s.Train {
			mean += row[j] / float64(len(s.Train))
		}
		for _, row := range s.Train {
			square += (row[j] - mean) * (row[j] - mean) / float64(len(s.Train))
		}
		scale := math.Sqrt(square)
		for _, rows := range [][][]float64{s.Train, s.Test} {
			for _, row := range rows {
				row[j] = (row[j] - mean) / scale
			}
		}
		for k := range s.Truth {
			s.Truth[k] += math.Log(scale)
		}
	}
	return s
}

const logSqrt2Pi = 0.91893853320467274178

func normal(x, mean, scale float64) float64 {
	t := (x - mean) / scale
	return -t*t/2 - math.Log(scale) - logSqrt2Pi
}

// sumExp returns log Σ e^x.
func sumExp(x []float64) float64 {
	most := slices.Max(x)
	s := 0.0
	for _, v := range x {
		s += math.Exp(v - most)
	}
	return most + math.Log(s)
}

// curve is a curve in the plane, its parameter uniform on [0, 1] on each of some arms,
// with round noise.
func curve(arms int, noise float64, at func(arm int, t float64) (x, y float64)) (func(*rand.Rand) []float64, func([]float64) float64) {
	draw := func(rng *rand.Rand) []float64 {
		x, y := at(rng.IntN(arms), rng.Float64())
		return []float64{x + noise*rng.NormFloat64(), y + noise*rng.NormFloat64()}
	}
	const steps = 200 // of the midpoint rule: closer than the noise is wide
	density := func(p []float64) float64 {
		var terms []float64
		for arm := range arms {
			for s := range steps {
				x, y := at(arm, (float64(s)+0.5)/steps)
				terms = append(terms, normal(p[0], x, noise)+normal(p[1], y, noise))
			}
		}
		return sumExp(terms) - math.Log(float64(arms*steps))
	}
	return draw, density
}

// gaussians is a mixture of k normal distributions in d dimensions with covariances of
// their own, spread apart as given.
func gaussians(d, k int, apart float64, seed uint64) (func(*rand.Rand) []float64, func([]float64) float64) {
	rng := rand.New(rand.NewPCG(seed, 4))
	means, factors := make([][]float64, k), make([][]float64, k)
	for c := range k {
		means[c], factors[c] = make([]float64, d), make([]float64, d*d)
		for i := range d {
			means[c][i] = apart * rng.NormFloat64()
			for j := range i {
				factors[c][i*d+j] = rng.NormFloat64() * 0.5
			}
			factors[c][i*d+i] = math.Exp(0.4 * rng.NormFloat64())
		}
	}
	draw := func(rng *rand.Rand) []float64 {
		c := rng.IntN(k)
		x, z := slices.Clone(means[c]), make([]float64, d)
		for i := range z {
			z[i] = rng.NormFloat64()
			for j := range i + 1 {
				x[i] += factors[c][i*d+j] * z[j]
			}
		}
		return x
	}
	density := func(x []float64) float64 {
		terms, u := make([]float64, k), make([]float64, d)
		for c := range k {
			for i := range d {
				v := x[i] - means[c][i]
				for j := range i {
					v -= factors[c][i*d+j] * u[j]
				}
				u[i] = v / factors[c][i*d+i]
				terms[c] += normal(u[i], 0, 1) - math.Log(factors[c][i*d+i])
			}
		}
		return sumExp(terms) - math.Log(float64(k))
	}
	return draw, density
}

// sources is d independent sources of a few kinds, in turn, mixed by a random matrix.
func sources(d int, seed uint64, kinds ...source) (func(*rand.Rand) []float64, func([]float64) float64) {
	rng := rand.New(rand.NewPCG(seed, 5))
	mix, inverse := mat.NewDense(d, d, nil), new(mat.Dense)
	for i := range d {
		for j := range d {
			mix.Set(i, j, rng.NormFloat64())
		}
	}
	if err := inverse.Inverse(mix); err != nil {
		panic(err) // the seeds are constants
	}
	logDet, _ := mat.LogDet(inverse)
	draw := func(rng *rand.Rand) []float64 {
		s, x := make([]float64, d), make([]float64, d)
		for j := range s {
			s[j] = kinds[j%len(kinds)].draw(rng)
		}
		mat.NewVecDense(d, x).MulVec(mix, mat.NewVecDense(d, s))
		return x
	}
	density := func(x []float64) float64 {
		s := make([]float64, d)
		mat.NewVecDense(d, s).MulVec(inverse, mat.NewVecDense(d, x))
		l := logDet
		for j, v := range s {
			l += kinds[j%len(kinds)].logDensity(v)
		}
		return l
	}
	return draw, density
}

// A source is a distribution of one number.
type source struct {
	draw       func(*rand.Rand) float64
	logDensity func(float64) float64
}

var (
	uniform = source{
		func(rng *rand.Rand) float64 { return rng.Float64() },
		func(v float64) float64 {
			if v < -1e-12 || v > 1+1e-12 { // the sources come back from a matrix
				return math.Inf(-1)
			}
			return 0
		},
	}
	exponential = source{
		func(rng *rand.Rand) float64 { return rng.ExpFloat64() },
		func(v float64) float64 {
			if v < -1e-12 {
				return math.Inf(-1)
			}
			return -v
		},
	}
	twoPeaks = source{
		func(rng *rand.Rand) float64 { return float64(2*rng.IntN(2)-1) + 0.3*rng.NormFloat64() },
		func(v float64) float64 {
			return sumExp([]float64{normal(v, -1, 0.3), normal(v, 1, 0.3)}) - math.Ln2
		},
	}
	laplace = source{
		func(rng *rand.Rand) float64 { return rng.ExpFloat64() - rng.ExpFloat64() },
		func(v float64) float64 { return -math.Abs(v) - math.Ln2 },
	}
)

func synthetic() []*Table {
	table := func(name string, train int, draw func(*rand.Rand) []float64, density func([]float64) float64) *Table {
		return &Table{Name: name, Train: train, Test: 5000, Draw: draw, LogDensity: density}
	}
	moonsDraw, moons := curve(2, 0.1, func(arm int, t float64) (x, y float64) {
		s, c := math.Sincos(math.Pi * t)
		if arm == 0 {
			return c, s
		}
		return 1 - c, 0.5 - s
	})
	spiralDraw, spiral := curve(2, 0.08, func(arm int, t float64) (x, y float64) {
		t = 0.5 + 3*t
		s, c := math.Sincos(2.5 * t)
		sign := float64(2*arm - 1)
		return sign * t * c, sign * t * s
	})
	eightDraw, eight := curve(8, 0.5, func(arm int, _ float64) (x, y float64) {
		s, c := math.Sincos(float64(arm) * math.Pi / 4)
		return 4 * c, 4 * s
	})
	ringsDraw := func(rng *rand.Rand) []float64 {
		r, t := float64(1+rng.IntN(3))+0.08*rng.NormFloat64(), 2*math.Pi*rng.Float64()
		s, c := math.Sincos(t)
		return []float64{r * c, r * s}
	}
	rings := func(x []float64) float64 {
		r := math.Hypot(x[0], x[1])
		return sumExp([]float64{normal(r, 1, 0.08), normal(r, 2, 0.08), normal(r, 3, 0.08)}) - math.Log(3) - math.Log(2*math.Pi*r)
	}
	sinesDraw := func(rng *rand.Rand) []float64 {
		t := 8*rng.Float64() - 4
		return []float64{t, math.Sin(2*t) + 0.15*rng.NormFloat64()}
	}
	sines := func(x []float64) float64 { return normal(x[1], math.Sin(2*x[0]), 0.15) - math.Log(8) }
	checkerDraw := func(rng *rand.Rand) []float64 {
		x := 4*rng.Float64() - 2
		y := rng.Float64() - 2*float64(rng.IntN(2)) + math.Abs(math.Mod(math.Floor(x), 2))
		return []float64{x, y}
	}
	checker := func([]float64) float64 { return -math.Log(8) }
	// uniform in the cube
	cubeDraw := func(rng *rand.Rand) []float64 { return []float64{rng.Float64(), rng.Float64(), rng.Float64()} }
	cube := func([]float64) float64 { return 0 }
	// columns that depend on the first: a funnel, a banana, skewed columns
	funnelDraw := func(rng *rand.Rand) []float64 {
		v := rng.NormFloat64()
		s := math.Exp(v / 2)
		return []float64{v, s * rng.NormFloat64(), s * rng.NormFloat64(), s * rng.NormFloat64()}
	}
	funnel := func(x []float64) float64 {
		s := math.Exp(x[0] / 2)
		return normal(x[0], 0, 1) + normal(x[1], 0, s) + normal(x[2], 0, s) + normal(x[3], 0, s)
	}
	bananaDraw := func(rng *rand.Rand) []float64 {
		a := rng.NormFloat64()
		return []float64{a, rng.NormFloat64() + a*a, rng.NormFloat64()}
	}
	banana := func(x []float64) float64 { return normal(x[0], 0, 1) + normal(x[1], x[0]*x[0], 1) + normal(x[2], 0, 1) }
	logNormalDraw := func(rng *rand.Rand) []float64 {
		a := rng.NormFloat64()
		x := []float64{math.Exp(a), 0, 0, 0}
		for j := 1; j < 4; j++ {
			x[j] = math.Exp(0.6*a + 0.8*rng.NormFloat64())
		}
		return x
	}
	logNormal := func(x []float64) float64 {
		a := math.Log(x[0])
		l := normal(a, 0, 1) - a
		for _, v := range x[1:] {
			b := math.Log(v)
			l += normal(b, 0.6*a, 0.8) - b
		}
		return l
	}
	t3Draw := func(rng *rand.Rand) []float64 {
		g := 0.0
		for range 3 {
			v := rng.NormFloat64()
			g += v * v / 3
		}
		x := make([]float64, 5)
		for j := range x {
			x[j] = rng.NormFloat64() / math.Sqrt(g)
			if j > 0 {
				x[j] += 0.7 * x[j-1]
			}
		}
		return x
	}
	t3 := func(x []float64) float64 {
		q := 0.0
		for j, v := range x {
			if j > 0 {
				v -= 0.7 * x[j-1]
			}
			q += v * v
		}
		a, _ := math.Lgamma(4)
		b, _ := math.Lgamma(1.5)
		return a - b - 2.5*math.Log(3*math.Pi) - 4*math.Log1p(q/3)
	}
	slantedDraw, slanted := sources(3, 23, uniform)
	sources4Draw, sources4 := sources(4, 24, uniform, exponential, twoPeaks, laplace)
	sources10Draw, sources10 := sources(10, 25, uniform, exponential, twoPeaks, laplace)
	gauss20Draw, gauss20 := gaussians(20, 1, 0, 20)
	two20Draw, two20 := gaussians(20, 2, 1, 21)
	five8Draw, five8 := gaussians(8, 5, 2, 22)
	return []*Table{
		table("two moons", 5000, moonsDraw, moons),
		table("rings", 5000, ringsDraw, rings),
		table("spiral", 3000, spiralDraw, spiral),
		table("eight Gaussians", 5000, eightDraw, eight),
		table("checkerboard", 5000, checkerDraw, checker),
		table("sines", 1000, sinesDraw, sines),
		table("cube", 2000, cubeDraw, cube),
		table("slanted cube", 2000, slantedDraw, slanted),
		table("sources, d=4", 500, sources4Draw, sources4),
		table("sources, d=10", 2000, sources10Draw, sources10),
		table("log-normal", 1000, logNormalDraw, logNormal),
		table("log-normal, few", 150, logNormalDraw, logNormal),
		table("t3", 2000, t3Draw, t3),
		table("funnel", 1000, funnelDraw, funnel),
		table("banana, few", 150, bananaDraw, banana),
		table("Gaussian, d=20", 200, gauss20Draw, gauss20),
		table("two clusters, d=20, few", 200, two20Draw, two20),
		table("two clusters, d=20", 5000, two20Draw, two20),
		table("five clusters, d=8", 400, five8Draw, five8),
	}
}
