package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/gaussflow/gaussflow/flow/measure"
)

// A problem is a distribution, or two, of which the measures are known.
type problem struct {
	name string
	draw func(rng *rand.Rand, n int) *mat.Dense
	// other is a second distribution to measure the distance from, or nil.
	other func(rng *rand.Rand, n int) *mat.Dense
	asked []question
}

// A question is one or more measures that one call estimates.
type question struct {
	of []known
	do func(ctx context.Context, x, y *mat.Dense, o measure.Options) ([]measure.Estimate, error)
	// peer is what the Python side is asked: "entropy", "tc", "mi" with a and b, or "kl".
	peer string
	a, b []int
}

// known is a measure whose truth is known, in nats. The mean of at over rows of x, or of y if second, has the truth for its
// expectation: what an estimate would be that knew the densities.
type known struct {
	name   string
	truth  float64
	at     func(row []float64) float64
	second bool
}

func one(f func(context.Context, mat.Matrix, measure.Options) (measure.Estimate, error)) func(context.Context, *mat.Dense, *mat.Dense, measure.Options) ([]measure.Estimate, error) {
	return func(ctx context.Context, x, _ *mat.Dense, o measure.Options) ([]measure.Estimate, error) {
		e, err := f(ctx, x, o)
		return []measure.Estimate{e}, err
	}
}

func entropy(truth float64, logP func([]float64) float64) question {
	return question{[]known{{"H", truth, func(x []float64) float64 { return -logP(x) }, false}}, one(measure.Entropy), "entropy", nil, nil}
}

func negentropy(truth float64, at func([]float64) float64) question {
	return question{[]known{{"J", truth, at, false}}, one(measure.Negentropy), "", nil, nil}
}

func totalCorrelation(truth float64, at func([]float64) float64) question {
	return question{[]known{{"TC", truth, at, false}}, one(measure.TotalCorrelation), "tc", nil, nil}
}

func information(a, b []int, truth float64, at func([]float64) float64) question {
	return question{[]known{{fmt.Sprintf("MI %d+%d", len(a), len(b)), truth, at, false}},
		func(ctx context.Context, x, _ *mat.Dense, o measure.Options) ([]measure.Estimate, error) {
			e, err := measure.MutualInformation(ctx, x, a, b, o)
			return []measure.Estimate{e}, err
		}, "mi", a, b}
}

func divergence(pq, qp float64, logP, logQ func([]float64) float64) question {
	return question{
		[]known{
			{"KL(p, q)", pq, func(x []float64) float64 { return logP(x) - logQ(x) }, false},
			{"KL(q, p)", qp, func(x []float64) float64 { return logQ(x) - logP(x) }, true},
		},
		func(ctx context.Context, x, y *mat.Dense, o measure.Options) ([]measure.Estimate, error) {
			d, err := measure.Divergence(ctx, x, y, o)
			return []measure.Estimate{d.PQ, d.QP}, err
		}, "kl", nil, nil}
}

// problems are all of them.
func problems() []*problem {
	var all []*problem
	for _, d := range []int{2, 5, 10, 20} {
		g := newGaussian(d, uint64(d))
		p := &problem{name: fmt.Sprintf("Gaussian, d=%d", d), draw: g.draw, asked: []question{
			entropy(g.entropy(), g.logP),
			negentropy(0, func([]float64) float64 { return 0 }),
			totalCorrelation(g.information(nil), g.ratio(nil)),
		}}
		mapped := &problem{name: fmt.Sprintf("Gaussian, d=%d, cube and exp", d), draw: func(rng *rand.Rand, n int) *mat.Dense {
			x := g.draw(rng, n)
			x.Apply(func(_, j int, v float64) float64 {
				if j%2 == 0 {
					return v * v * v
				}
				return math.Exp(v)
			}, x)
			return x
		}}
		back := func(at func([]float64) float64) func([]float64) float64 {
			return func(x []float64) float64 {
				y := make([]float64, d)
				for j, v := range x {
					if y[j] = math.Cbrt(v); j%2 == 1 {
						y[j] = math.Log(v)
					}
				}
				return at(y)
			}
		}
		if d > 2 { // of two columns the total correlation is their mutual information
			a, b := []int{0}, []int{1}
			p.asked = append(p.asked, information(a, b, g.information([][]int{a, b}), g.ratio([][]int{a, b})))
		}
		if d >= 6 {
			a, b := []int{0, 1, 2}, []int{3, 4, 5}
			p.asked = append(p.asked, information(a, b, g.information([][]int{a, b}), g.ratio([][]int{a, b})))
		}
		for _, q := range p.asked[2:] {
			q.of = []known{{q.of[0].name, q.of[0].truth, back(q.of[0].at), false}}
			mapped.asked = append(mapped.asked, q)
		}
		all = append(all, p, mapped)
	}

	two := &spots{weight: []float64{0.4, 0.6}, x: []float64{-1.5, 1.5}, y: []float64{-1, 1}, sd: []float64{0.6, 1}}
	moons, rings := &spots{}, &spots{}
	const arc = 200
	for i := range arc {
		s, c := math.Sincos(math.Pi * (float64(i) + 0.5) / arc)
		moons.add(c, s, 0.1)
		moons.add(1-c, 0.5-s, 0.1)
		s, c = math.Sincos(2 * math.Pi * float64(i) / arc)
		rings.add(c, s, 0.1)
		rings.add(2*c, 2*s, 0.1)
	}
	for _, m := range []struct {
		name string
		*spots
	}{{"two Gaussians", two}, {"two moons", moons}, {"two rings", rings}} {
		h, tc := m.measures()
		all = append(all, &problem{name: m.name, draw: m.draw, asked: []question{
			entropy(h, m.logP),
			totalCorrelation(tc, func(x []float64) float64 { return m.logP(x) - m.logColumn(m.x, x[0]) - m.logColumn(m.y, x[1]) }),
		}})
	}

	t := newStudent(3, 5, 0.5)
	all = append(all, &problem{name: "student-t(5), d=3", draw: t.draw, asked: []question{
		entropy(t.entropy(), t.logP),
		totalCorrelation(3*t.column().entropy()-t.entropy(), func(x []float64) float64 {
			lp, c := t.logP(x), t.column()
			for j := range x {
				lp -= c.logP(x[j : j+1])
			}
			return lp
		}),
	}})
	zero := func([]float64) float64 { return 0 }
	all = append(all, &problem{name: "uniform cube, d=3", draw: func(rng *rand.Rand, n int) *mat.Dense {
		return fill(n, 3, func(x []float64) {
			for j := range x {
				x[j] = rng.Float64()
			}
		})
	}, asked: []question{entropy(0, zero), totalCorrelation(0, zero)}})

	copula := newGaussian(3, 33)
	copula.standardize()
	gamma := distuv.Gamma{Alpha: 2, Beta: 1}
	column := gamma.Alpha + lgamma(gamma.Alpha) + (1-gamma.Alpha)*mathext.Digamma(gamma.Alpha)
	scores := func(x []float64) []float64 {
		z := make([]float64, len(x))
		for j, v := range x {
			z[j] = distuv.UnitNormal.Quantile(gamma.CDF(v))
		}
		return z
	}
	ratio := copula.ratio(nil)
	all = append(all, &problem{name: "gamma(2) columns, Gaussian copula, d=3", draw: func(rng *rand.Rand, n int) *mat.Dense {
		x := copula.draw(rng, n)
		x.Apply(func(_, _ int, v float64) float64 { return gamma.Quantile(distuv.UnitNormal.CDF(v)) }, x)
		return x
	}, asked: []question{
		entropy(3*column-copula.information(nil), func(x []float64) float64 {
			lp := ratio(scores(x))
			for _, v := range x {
				lp += gamma.LogProb(v)
			}
			return lp
		}),
		totalCorrelation(copula.information(nil), func(x []float64) float64 { return ratio(scores(x)) }),
	}})

	all = append(all, &problem{name: "independent columns, d=3", draw: func(rng *rand.Rand, n int) *mat.Dense {
		return fill(n, 3, func(x []float64) { x[0], x[1], x[2] = rng.NormFloat64(), rng.ExpFloat64(), rng.Float64() })
	}, asked: []question{totalCorrelation(0, zero), information([]int{0}, []int{1}, 0, zero)}})

	for _, d := range []int{2, 5} {
		p, q := newGaussian(d, 100+uint64(d)), newGaussian(d, 200+uint64(d))
		for j := range q.mean {
			q.mean[j] = 0.5
		}
		all = append(all, &problem{name: fmt.Sprintf("KL of Gaussians, d=%d", d), draw: p.draw, other: q.draw, asked: []question{divergence(p.divergence(q), q.divergence(p), p.logP, q.logP)}})
	}
	other := &spots{weight: []float64{0.5, 0.5}, x: []float64{-1, 2}, y: []float64{0, 0.5}, sd: []float64{0.9, 0.9}}
	all = append(all, &problem{name: "KL of mixtures, d=2", draw: two.draw, other: other.draw, asked: []question{divergence(two.divergence(other), other.divergence(two), two.logP, other.logP)}})
	return all
}

func fill(n, d int, row func([]float64)) *mat.Dense {
	x := mat.NewDense(n, d, nil)
	for i := range n {
		row(x.RawRowView(i))
	}
	return x
}

// A gaussian is a normal distribution.
type gaussian struct {
	mean []float64
	cov  *mat.SymDense
	chol mat.Cholesky
	l    mat.TriDense
}

// newGaussian has a covariance that the seed chooses, neither near the identity nor near a singular one.
func newGaussian(d int, seed uint64) *gaussian {
	rng := rand.New(rand.NewPCG(seed, 0x676175737369616e))
	a := mat.NewDense(d, d, nil)
	a.Apply(func(int, int, float64) float64 { return rng.NormFloat64() }, a)
	g := &gaussian{mean: make([]float64, d), cov: mat.NewSymDense(d, nil)}
	g.cov.SymOuterK(1/float64(d), a)
	for j := range d {
		g.cov.SetSym(j, j, g.cov.At(j, j)+0.5)
	}
	g.factorize()
	return g
}

func (g *gaussian) factorize() {
	if !g.chol.Factorize(g.cov) {
		panic("measure: the covariance is not positive definite")
	}
	g.chol.LTo(&g.l)
}

// standardize makes the variances 1.
func (g *gaussian) standardize() {
	d := g.cov.SymmetricDim()
	c := mat.NewSymDense(d, nil)
	for i := range d {
		for j := range i + 1 {
			c.SetSym(i, j, g.cov.At(i, j)/math.Sqrt(g.cov.At(i, i)*g.cov.At(j, j)))
		}
	}
	g.cov = c
	g.factorize()
}

func (g *gaussian) draw(rng *rand.Rand, n int) *mat.Dense {
	d := len(g.mean)
	z := make([]float64, d)
	return fill(n, d, func(x []float64) {
		for j := range z {
			z[j] = rng.NormFloat64()
		}
		for i := range x {
			x[i] = g.mean[i]
			for j := range i + 1 {
				x[i] += g.l.At(i, j) * z[j]
			}
		}
	})
}

func (g *gaussian) logP(x []float64) float64 {
	// L·u = x - mean.
	u, square := make([]float64, len(x)), 0.0
	for i := range x {
		r := x[i] - g.mean[i]
		for j := range i {
			r -= g.l.At(i, j) * u[j]
		}
		u[i] = r / g.l.At(i, i)
		square += u[i] * u[i]
	}
	return -square/2 - g.chol.LogDet()/2 - float64(len(x))*math.Log(2*math.Pi)/2
}

func (g *gaussian) entropy() float64 {
	return g.chol.LogDet()/2 + float64(len(g.mean))*math.Log(2*math.Pi*math.E)/2
}

// of is the distribution of some columns.
func (g *gaussian) of(columns []int) *gaussian {
	s := &gaussian{mean: make([]float64, len(columns)), cov: mat.NewSymDense(len(columns), nil)}
	for i, a := range columns {
		s.mean[i] = g.mean[a]
		for j, b := range columns[:i+1] {
			s.cov.SetSym(i, j, g.cov.At(a, b))
		}
	}
	s.factorize()
	return s
}

// groups are each column alone if there are none, and all columns that are in them.
func (g *gaussian) groups(groups [][]int) (each [][]int, all []int) {
	if groups == nil {
		for j := range g.mean {
			groups = append(groups, []int{j})
		}
	}
	for _, c := range groups {
		all = append(all, c...)
	}
	return groups, all
}

// information is what groups of columns share: of each column alone, if there are none, the total correlation.
func (g *gaussian) information(groups [][]int) float64 {
	groups, all := g.groups(groups)
	i := -g.of(all).entropy()
	for _, c := range groups {
		i += g.of(c).entropy()
	}
	return i
}

// ratio is the log-ratio whose mean that is.
func (g *gaussian) ratio(groups [][]int) func([]float64) float64 {
	groups, all := g.groups(groups)
	joint := g.of(all)
	var parts []*gaussian
	for _, c := range groups {
		parts = append(parts, g.of(c))
	}
	pick := func(x []float64, columns []int) []float64 {
		y := make([]float64, len(columns))
		for i, c := range columns {
			y[i] = x[c]
		}
		return y
	}
	return func(x []float64) float64 {
		lp := joint.logP(pick(x, all))
		for k, c := range groups {
			lp -= parts[k].logP(pick(x, c))
		}
		return lp
	}
}

// divergence is KL(g, h).
func (g *gaussian) divergence(h *gaussian) float64 {
	d := len(g.mean)
	var m mat.Dense
	if err := h.chol.SolveTo(&m, g.cov); err != nil {
		panic(err)
	}
	diff := mat.NewVecDense(d, nil)
	for j := range d {
		diff.SetVec(j, h.mean[j]-g.mean[j])
	}
	var v mat.VecDense
	if err := h.chol.SolveVecTo(&v, diff); err != nil {
		panic(err)
	}
	return (mat.Trace(&m) + mat.Dot(diff, &v) - float64(d) + h.chol.LogDet() - g.chol.LogDet()) / 2
}

// spots is a mixture of round Gaussians in the plane.
type spots struct{ weight, x, y, sd []float64 }

// add adds one, of as much weight as the others.
func (s *spots) add(x, y, sd float64) {
	s.x, s.y, s.sd = append(s.x, x), append(s.y, y), append(s.sd, sd)
	s.weight = append(s.weight, 0)
	for i := range s.weight {
		s.weight[i] = 1 / float64(len(s.weight))
	}
}

func (s *spots) draw(rng *rand.Rand, n int) *mat.Dense {
	return fill(n, 2, func(x []float64) {
		u, k := rng.Float64(), 0
		for u -= s.weight[k]; u >= 0 && k < len(s.weight)-1; u -= s.weight[k] {
			k++
		}
		x[0], x[1] = s.x[k]+s.sd[k]*rng.NormFloat64(), s.y[k]+s.sd[k]*rng.NormFloat64()
	})
}

func (s *spots) logP(x []float64) float64 {
	sum := 0.0
	for k, w := range s.weight {
		u, v := (x[0]-s.x[k])/s.sd[k], (x[1]-s.y[k])/s.sd[k]
		sum += w / (2 * math.Pi * s.sd[k] * s.sd[k]) * math.Exp(-(u*u+v*v)/2)
	}
	return math.Log(sum)
}

// logColumn is the log-density of one coordinate, whose centres are given.
func (s *spots) logColumn(centre []float64, x float64) float64 {
	sum := 0.0
	for k, w := range s.weight {
		u := (x - centre[k]) / s.sd[k]
		sum += w / (math.Sqrt(2*math.Pi) * s.sd[k]) * math.Exp(-u*u/2)
	}
	return math.Log(sum)
}

// integrate returns the integral of p·f over the plane by the trapezoid rule, which converges faster than any power of the
// spacing on such functions: it is a quarter of the least standard deviation.
func (s *spots) integrate(f func(x []float64, logP float64) float64) float64 {
	h := math.Inf(1)
	for _, sd := range s.sd {
		h = min(h, sd/4)
	}
	ends := func(c []float64) (lo, hi float64) {
		lo, hi = math.Inf(1), math.Inf(-1)
		for k := range c {
			lo, hi = min(lo, c[k]-9*s.sd[k]), max(hi, c[k]+9*s.sd[k])
		}
		return lo, hi
	}
	x0, x1 := ends(s.x)
	y0, y1 := ends(s.y)
	sum := 0.0
	for x := x0; x < x1; x += h {
		for y := y0; y < y1; y += h {
			at := []float64{x, y}
			if lp := s.logP(at); lp > -700 {
				sum += math.Exp(lp) * f(at, lp)
			}
		}
	}
	return sum * h * h
}

// measures are the entropy and the total correlation.
func (s *spots) measures() (h, tc float64) {
	h = s.integrate(func(_ []float64, lp float64) float64 { return -lp })
	tc = s.integrate(func(x []float64, lp float64) float64 {
		return lp - s.logColumn(s.x, x[0]) - s.logColumn(s.y, x[1])
	})
	return h, tc
}

func (s *spots) divergence(q *spots) float64 {
	return s.integrate(func(x []float64, lp float64) float64 { return lp - q.logP(x) })
}

// A student is a t distribution in d dimensions: z·√(ν/χ²), z normal with a correlation of rho between each two.
type student struct {
	d      int
	nu     float64
	z      *gaussian
	normal float64 // the log-density at 0
}

func newStudent(d int, nu, rho float64) *student {
	g := &gaussian{mean: make([]float64, d), cov: mat.NewSymDense(d, nil)}
	for i := range d {
		for j := range i {
			g.cov.SetSym(i, j, rho)
		}
		g.cov.SetSym(i, i, 1)
	}
	g.factorize()
	k := float64(d)
	return &student{d, nu, g, lgamma((nu+k)/2) - lgamma(nu/2) - k/2*math.Log(nu*math.Pi) - g.chol.LogDet()/2}
}

func lgamma(x float64) float64 { v, _ := math.Lgamma(x); return v }

func (s *student) column() *student { return newStudent(1, s.nu, 0) }

func (s *student) draw(rng *rand.Rand, n int) *mat.Dense {
	x := s.z.draw(rng, n)
	for i := range n {
		square := 0.0
		for range int(s.nu) {
			z := rng.NormFloat64()
			square += z * z
		}
		row := x.RawRowView(i)
		for j := range row {
			row[j] *= math.Sqrt(s.nu / square)
		}
	}
	return x
}

func (s *student) logP(x []float64) float64 {
	k := float64(s.d)
	square := -2 * (s.z.logP(x) + s.z.chol.LogDet()/2 + k*math.Log(2*math.Pi)/2)
	return s.normal - (s.nu+k)/2*math.Log1p(square/s.nu)
}

func (s *student) entropy() float64 {
	k := float64(s.d)
	return -s.normal + (s.nu+k)/2*(mathext.Digamma((s.nu+k)/2)-mathext.Digamma(s.nu/2))
}
