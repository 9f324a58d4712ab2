package mixture

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// A Target is the covariance towards which the prior shrinks those of components.
type Target int

const (
	ToPooled   Target = iota // the mean of the components' covariances
	ToAll                    // the covariance of all rows, divided by K^(2/D)
	ToDiagonal               // the diagonal of ToAll's
)

// A Family is a prior and a choice of starts for mixtures of any number of
// components. To the log-likelihood, the posterior that EM maximizes adds
//
//	Σ_k [log w_k - a/2·(log|Σ_k| + tr(Σ_k⁻¹·T))]
//
// so that a covariance is the weighted mean of that of its rows and of the target T,
// which counts as a rows: it cannot become singular, however few its rows (an
// inverse Wishart prior; Fraley and Raftery 2007). The squared resolution of the
// columns is added to the diagonal of every covariance.
type Family struct {
	Target   Target
	Strength float64 // a
	Diagonal bool    // covariances are diagonal
	White    bool    // initial centres are chosen among whitened rows
}

func (f Family) String() string {
	s := [...]string{"pooled", "all", "diagonal"}[f.Target]
	s = fmt.Sprintf("prior %s×%g", s, f.Strength)
	if f.Diagonal {
		s += ", diagonal covariances"
	}
	if f.White {
		s += ", white start"
	}
	return s
}

// Options of a fit.
type Options struct {
	Family     Family
	Components int
	Seed       uint64
	// Floor is added to the variances of the columns: the square of the resolution of
	// each, D numbers.
	Floor []float64
	// Iterations is the largest number of iterations of EM, Tolerance the gain of the mean
	// log-likelihood below which it ends.
	Iterations int
	Tolerance  float64
}

// A Convergence describes how EM ended.
type Convergence struct {
	Iterations int
	Gain       float64 // of the mean log-likelihood in the last iteration
	Converged  bool
}

const (
	meanRows    = 1e-9 // at 0 in each component, so that one without any has a mean
	shardSize   = 256  // samples that an E-step processes together
	mostGroups  = 16   // groups of shards, whose sums are added in order
	startSample = 2000 // rows, or 40 for each component if that is more, among which starts are chosen
	kMeansSteps = 6
)

// Fit fits a mixture to the samples of x, D×n, by EM.
func Fit(ctx context.Context, x blas.Matrix, o Options) (*Mixture, Convergence, error) {
	if err := ctx.Err(); err != nil {
		return nil, Convergence{}, err
	}
	e := newEM(ctx, x, o)
	m, err := e.start()
	if err != nil {
		return nil, Convergence{}, err
	}
	var c Convergence
	last := math.Inf(-1)
	for c.Iterations < o.Iterations {
		logLik := e.expect(m)
		if err := ctx.Err(); err != nil { // then logLik is incomplete
			return nil, c, err
		}
		c.Gain, last = logLik-last, logLik
		if logLik-logLik != 0 {
			return nil, c, fmt.Errorf("EM of %d components left the range of float64", o.Components)
		}
		if c.Iterations > 3 && math.Abs(c.Gain) < o.Tolerance {
			c.Converged = true
			break
		}
		if m, err = e.maximize(); err != nil {
			return nil, c, err
		}
		c.Iterations++
	}
	return m, c, nil
}

// em is the memory of a fit.
type em struct {
	ctx     context.Context
	x       blas.Matrix
	o       Options
	k, q    int
	all     []float64 // the covariance of all rows, D×D
	theta   []float64
	groups  [][]float64 // sums of features, K×Q each
	logLik  []float64   // of each group
	workers chan *worker
}

// A worker is the memory for the E-step of a shard.
type worker struct{ features, logs, r, sum []float64 }

func newWorker(k, q int) *worker {
	return &worker{make([]float64, q*shardSize), make([]float64, k*shardSize), make([]float64, k*shardSize), make([]float64, shardSize)}
}

func newEM(ctx context.Context, x blas.Matrix, o Options) *em {
	e := &em{ctx: ctx, x: x, o: o, k: o.Components, q: numFeatures(x.Rows)}
	_, e.all = Moments(ctx, x)
	e.theta = make([]float64, e.k*e.q)
	shards := (x.Cols + shardSize - 1) / shardSize
	groups := min(mostGroups, (shards+3)/4)
	e.logLik = make([]float64, groups)
	for range groups {
		e.groups = append(e.groups, make([]float64, e.k*e.q))
	}
	n := tile.Workers(groups)
	e.workers = make(chan *worker, n)
	for range n {
		e.workers <- newWorker(e.k, e.q)
	}
	return e
}

// Moments returns the mean and the covariance, D×D, of the samples of x, D×n.
func Moments(ctx context.Context, x blas.Matrix) (mean, covariance []float64) {
	d, n := x.Rows, x.Cols
	mean, covariance = make([]float64, d), make([]float64, d*d)
	for j := range d {
		mean[j] = kernels.Sum(x.Data[j*x.Stride:j*x.Stride+n]) / float64(n)
	}
	centred := make([]float64, d*shardSize)
	for from := 0; from < n && ctx.Err() == nil; from += shardSize {
		s := min(shardSize, n-from)
		c := blas.Matrix{Rows: d, Cols: s, Stride: shardSize, Data: centred}
		for j, m := range mean {
			for i, v := range x.Data[j*x.Stride+from : j*x.Stride+from+s] {
				centred[j*shardSize+i] = v - m
			}
		}
		blas.SyrkUpper(blas.NoTrans, 1/float64(n), c, 1, square(covariance, d))
	}
	for i := range d {
		for j := range i {
			covariance[i*d+j] = covariance[j*d+i]
		}
	}
	return mean, covariance
}

func square(data []float64, d int) blas.Matrix {
	return blas.Matrix{Rows: d, Cols: d, Stride: d, Data: data}
}

// expect is the E-step: it sums the features, weighted by the responsibilities of
// each component of m, into the first group, and returns the mean log-likelihood.
func (e *em) expect(m *Mixture) float64 {
	m.natural(e.ctx, e.theta)
	shards := (e.x.Cols + shardSize - 1) / shardSize
	Parallel(len(e.groups), func(g int) {
		w := <-e.workers
		defer func() { e.workers <- w }()
		clear(e.groups[g])
		e.logLik[g] = 0
		sums := blas.Matrix{Rows: e.k, Cols: e.q, Stride: e.q, Data: e.groups[g]}
		for s := g * shards / len(e.groups); s < (g+1)*shards/len(e.groups) && e.ctx.Err() == nil; s++ {
			f, r, logDensity := e.shard(w, e.x, s)
			e.logLik[g] += kernels.Sum(logDensity)
			blas.Gemm(blas.NoTrans, blas.Trans, 1, r, f, 1, sums)
		}
	})
	total := 0.0
	for g, sums := range e.groups {
		total += e.logLik[g]
		if g > 0 {
			for i, v := range sums {
				e.groups[0][i] += v
			}
		}
	}
	return total / float64(e.x.Cols)
}

// shard returns the features of shard s of x, the responsibilities of the components
// and the log-densities of its samples.
func (e *em) shard(w *worker, x blas.Matrix, s int) (f, r blas.Matrix, logDensity []float64) {
	from := s * shardSize
	n := min(shardSize, x.Cols-from)
	view := blas.Matrix{Rows: x.Rows, Cols: n, Stride: x.Stride, Data: x.Data[from:]}
	f = blas.Matrix{Rows: e.q, Cols: n, Stride: n, Data: w.features[:e.q*n]}
	r = blas.Matrix{Rows: e.k, Cols: n, Stride: n, Data: w.r[:e.k*n]}
	features(f, view)
	logs := blas.Matrix{Rows: e.k, Cols: n, Stride: n, Data: w.logs[:e.k*n]}
	blas.Gemm(blas.NoTrans, blas.NoTrans, 1, blas.Matrix{Rows: e.k, Cols: e.q, Stride: e.q, Data: e.theta}, f, 0, logs)
	share, logit := kernels.Columns{K: e.k, N: n, Stride: n, Data: r.Data}, kernels.Columns{K: e.k, N: n, Stride: n, Data: logs.Data}
	kernels.SoftmaxColumns(share, logit)
	sum := w.sum[:n]
	kernels.LogSumExp(sum, share, logit)
	return f, r, sum
}

// maximize is the M-step.
func (e *em) maximize() (*Mixture, error) {
	d, k, n := e.x.Rows, e.k, float64(e.x.Cols)
	m := newMixture(d, k)
	rows := make([]float64, k)
	for c := range k {
		s := e.groups[0][c*e.q : (c+1)*e.q]
		rows[c] = s[0]
		m.Weight[c] = (s[0] + 1) / (n + float64(k))
		mean, l := m.MeanOf(c), m.CholOf(c)
		for j := range mean {
			mean[j] = s[1+j] / (s[0] + meanRows)
		}
		// Σ r·(x-m)(x-m)ᵀ
		at := 1 + d
		for i := range d {
			for j := i; j < d; j++ {
				v := s[at] - float64(mean[i]*s[1+j]) - float64(s[1+i]*mean[j]) + float64(s[0]*float64(mean[i]*mean[j]))
				at++
				l[j*d+i] = v
			}
		}
	}
	m.normalise()
	target := e.target(m)
	for c := range k {
		if err := e.ctx.Err(); err != nil {
			return nil, err
		}
		l := m.CholOf(c)
		a := e.o.Family.Strength
		for i := range d {
			for j := range i + 1 {
				v := &l[i*d+j]
				*v = (*v + float64(a*target[i*d+j])) / (rows[c] + a)
				if e.o.Family.Diagonal && i != j {
					*v = 0
				}
			}
			l[i*d+i] = max(l[i*d+i], 0) + e.o.Floor[i]
		}
		if !cholesky(l, d) {
			return nil, fmt.Errorf("the covariance of component %d of %d is singular to the precision of float64", c, k)
		}
	}
	return m, nil
}

// target returns T, D×D, given the scatter matrices in m.Chol.
func (e *em) target(m *Mixture) []float64 {
	d := e.x.Rows
	t := make([]float64, d*d)
	if e.o.Family.Target == ToPooled {
		for c := range e.k {
			for i, v := range m.CholOf(c) {
				t[i] += v
			}
		}
		for i := range t {
			t[i] /= float64(e.x.Cols)
		}
		e.widen(t)
		return t
	}
	shrink := Power(float64(e.k), -2/float64(d))
	for i := range d {
		for j := range d {
			if i == j || e.o.Family.Target == ToAll {
				t[i*d+j] = shrink * e.all[i*d+j]
			}
		}
	}
	e.widen(t)
	return t
}

// widen adds a hundredth of a row's share of the columns' variances to those of t, so
// that it is not singular if there are fewer rows than columns. The variance that is
// added is at most that of standardized columns, 1: a larger one is due to a few
// outliers.
func (e *em) widen(t []float64) {
	for i := range e.x.Rows {
		at := i*e.x.Rows + i
		t[at] += float64(1e-2 * min(e.all[at], 1) / float64(e.x.Cols))
	}
}

// Power returns x^p for x > 0.
func Power(x, p float64) float64 {
	v := []float64{x}
	kernels.Log(v, v)
	v[0] *= p
	kernels.Exp(v, v)
	return v[0]
}

// start returns the mixture of the clusters that k-means finds from initial centres
// drawn by k-means++ (Arthur and Vassilvitskii 2007).
func (e *em) start() (*Mixture, error) {
	d := e.x.Rows
	rng := rand.New(rand.NewPCG(e.o.Seed, 0x6d69785f7374))
	n := min(e.x.Cols, max(startSample, 40*e.k))
	// The sample's rows, sample by sample, in the metric of the start.
	at := make([]int, n)
	for i := range at {
		at[i] = i * e.x.Cols / n
	}
	y := e.metric(at)
	part := kMeans(e.ctx, y, d, e.k, rng)
	// The M-step of responsibilities 0 and 1, of the sample scaled up to all rows.
	sums, f := e.groups[0], make([]float64, e.q)
	clear(sums)
	one := make([]float64, d)
	for i, row := range at {
		if err := e.ctx.Err(); err != nil {
			return nil, err
		}
		for j := range one {
			one[j] = e.x.Data[j*e.x.Stride+row]
		}
		features(blas.Matrix{Rows: e.q, Cols: 1, Stride: 1, Data: f}, blas.Matrix{Rows: d, Cols: 1, Stride: 1, Data: one})
		to := sums[part[i]*e.q : (part[i]+1)*e.q]
		for q, v := range f {
			to[q] += v
		}
	}
	scale := float64(e.x.Cols) / float64(n)
	for i := range sums {
		sums[i] *= scale
	}
	return e.maximize()
}

// metric returns the given samples, one after the other, whitened if the family
// says so.
func (e *em) metric(at []int) []float64 {
	d := e.x.Rows
	white := make([]float64, d*d)
	for i := range d {
		white[i*d+i] = 1
	}
	if e.o.Family.White {
		l := slices.Clone(e.all)
		for i := range d {
			l[i*d+i] += float64(1e-9*e.all[i*d+i]) + e.o.Floor[i]
		}
		if cholesky(l, d) {
			invertLower(white, l, d)
		}
	}
	y := make([]float64, len(at)*d)
	for i, row := range at {
		if e.ctx.Err() != nil {
			break // Fit fails
		}
		for a := range d {
			s := 0.0
			for b := range a + 1 {
				s += float64(white[a*d+b] * e.x.Data[b*e.x.Stride+row])
			}
			y[i*d+a] = s
		}
	}
	return y
}

// kMeans returns the cluster of each row of y; rows have d numbers.
func kMeans(ctx context.Context, y []float64, d, k int, rng *rand.Rand) []int {
	n := len(y) / d
	row := func(i int) []float64 { return y[i*d : (i+1)*d] }
	centres := make([]float64, 0, k*d)
	near := make([]float64, n)
	for i := range near {
		near[i] = math.Inf(1)
	}
	next := rng.IntN(n)
	for range k {
		if ctx.Err() != nil {
			return make([]int, n) // Fit fails
		}
		centres = append(centres, row(next)...)
		c := centres[len(centres)-d:]
		total := 0.0
		for i := range near {
			near[i] = min(near[i], distance(row(i), c))
			total += near[i]
		}
		// If all rows are centres already, any row will do.
		next = rng.IntN(n)
		if at := rng.Float64() * total; total > 0 {
			for i, v := range near {
				next = i
				if at -= v; at < 0 {
					break
				}
			}
		}
	}
	part := make([]int, n)
	count := make([]float64, k)
	for range kMeansSteps {
		if ctx.Err() != nil {
			break
		}
		for i := range part {
			least := math.Inf(1)
			for c := range k {
				if v := distance(row(i), centres[c*d:(c+1)*d]); v < least {
					least, part[i] = v, c
				}
			}
		}
		clear(count)
		sums := make([]float64, k*d)
		for i, c := range part {
			count[c]++
			for j, v := range row(i) {
				sums[c*d+j] += v
			}
		}
		for c, v := range count {
			if v > 0 {
				for j := range d {
					centres[c*d+j] = sums[c*d+j] / v
				}
			}
		}
	}
	return part
}

func distance(a, b []float64) float64 {
	s := 0.0
	for i, v := range a {
		t := v - b[i]
		s += float64(t * t)
	}
	return s
}

// LogDensity writes the log-density of each sample of x, D×n, in nats, into dst. It
// is accurate for standardized data; far out, or for covariances with a condition
// number above 1e8, it loses digits.
func (m *Mixture) LogDensity(ctx context.Context, dst []float64, x blas.Matrix) {
	e := &em{k: m.K(), q: numFeatures(m.D), theta: make([]float64, m.K()*numFeatures(m.D))}
	m.natural(ctx, e.theta)
	w := newWorker(e.k, e.q)
	for s := 0; s*shardSize < x.Cols && ctx.Err() == nil; s++ {
		_, _, l := e.shard(w, x, s)
		copy(dst[s*shardSize:], l)
	}
}

// Parallel calls do(0), …, do(n-1) on up to GOMAXPROCS goroutines.
func Parallel(n int, do func(int)) {
	tile.Over(n, 1, func(loop *tile.Loop) {
		for i := range loop.Tiles {
			do(i)
		}
	})
}
