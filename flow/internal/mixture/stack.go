package mixture

import (
	"context"
	"math"
	"slices"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/kernels"
)

// Stack returns the weights of the mixture of densities that maximize the mean
// log-density of rows none of them was fitted to: logDensity[m][i] is that of model m
// at row i (stacked density estimation; Smyth and Wolpert 1999). Weights below least
// are set to zero, one after the other. The search begins at start, unless it is nil;
// start must be positive.
func Stack(ctx context.Context, logDensity [][]float64, least float64, start []float64) []float64 {
	s := newStacking(logDensity, start)
	for {
		s.climb(ctx, 3e-4)
		smallest := 0
		for i := range s.weight {
			if s.weight[i] < s.weight[smallest] {
				smallest = i
			}
		}
		if s.weight[smallest] >= least || len(s.weight) == 1 || ctx.Err() != nil {
			break
		}
		// Models with negligible weight are dropped together.
		s.keep(func(i int) bool { return i != smallest && s.weight[i] >= least/8 })
	}
	s.climb(ctx, 1e-4)
	weight := make([]float64, len(logDensity))
	for i, m := range s.model {
		weight[m] = s.weight[i]
	}
	return weight
}

// stacking is the state of the search for the weights.
type stacking struct {
	n          int
	model      []int       // the models that are left
	p          blas.Matrix // their densities, model by model, each row's largest taken as 1
	weight     []float64
	sum, slope []float64 // Σ w·p of each row; of each model the mean of p/sum
}

func newStacking(logDensity [][]float64, start []float64) *stacking {
	m, n := len(logDensity), len(logDensity[0])
	s := &stacking{n: n, p: blas.Matrix{Rows: m, Cols: n, Stride: n, Data: make([]float64, m*n)}, weight: slices.Clone(start), sum: make([]float64, n), slope: make([]float64, m)}
	if start == nil {
		s.weight = slices.Repeat([]float64{1 / float64(m)}, m)
	}
	most := slices.Clone(logDensity[0])
	for i, l := range logDensity {
		s.model = append(s.model, i)
		for r, v := range l {
			most[r] = max(most[r], v)
		}
	}
	for i, l := range logDensity {
		row := s.p.Data[i*n : (i+1)*n]
		for r, v := range l {
			if row[r] = v - most[r]; math.IsInf(most[r], -1) {
				row[r] = 0
			}
		}
		kernels.Exp(row, row)
	}
	return s
}

// keep drops the models for which its argument is false.
func (s *stacking) keep(which func(i int) bool) {
	left, total := 0, 0.0
	for i := range s.model {
		if which(i) {
			copy(s.p.Data[left*s.n:(left+1)*s.n], s.p.Data[i*s.n:(i+1)*s.n])
			s.model[left], s.weight[left] = s.model[i], s.weight[i]
			total += s.weight[left]
			left++
		}
	}
	s.model, s.weight, s.slope, s.p.Rows = s.model[:left], s.weight[:left], s.slope[:left], left
	for i := range s.weight {
		s.weight[i] /= total
	}
}

// climb runs EM until the mean log-density is within gap nats of its maximum. The
// objective is concave, so its largest derivative with respect to a weight, the
// mean of p/sum, minus 1 bounds the remaining gain.
func (s *stacking) climb(ctx context.Context, gap float64) {
	const iterations = 1000
	m := s.p.Rows
	weight := blas.Matrix{Rows: 1, Cols: m, Stride: m, Data: s.weight}
	sum := blas.Matrix{Rows: 1, Cols: s.n, Stride: s.n, Data: s.sum}
	slope := blas.Matrix{Rows: 1, Cols: m, Stride: m, Data: s.slope}
	for range iterations {
		if ctx.Err() != nil {
			return
		}
		blas.Gemm(blas.NoTrans, blas.NoTrans, 1, weight, s.p, 0, sum)
		for i, v := range s.sum {
			s.sum[i] = 1 / max(v, 1e-290)
		}
		blas.Gemm(blas.NoTrans, blas.Trans, 1/float64(s.n), sum, s.p, 0, slope)
		if slices.Max(s.slope) < 1+gap {
			return
		}
		total := 0.0
		for i, v := range s.slope {
			// Over-relaxation: 1.5 times EM's step; it converges below 2.
			s.weight[i] *= float64(0.5 * v * (1 + v))
			total += s.weight[i]
		}
		for i := range s.weight {
			s.weight[i] /= total
		}
	}
}

// Mixed returns log Σ_m weight_m·e^logDensity_m of each row.
func Mixed(weight []float64, logDensity [][]float64) []float64 {
	n := len(logDensity[0])
	terms := make([]float64, len(weight))
	logWeight := make([]float64, len(weight))
	kernels.Log(logWeight, weight)
	most, sum := make([]float64, n), make([]float64, n)
	for i := range n {
		most[i] = math.Inf(-1)
		for m, h := range logDensity {
			terms[m] = logWeight[m] + h[i]
			most[i] = max(most[i], terms[m])
		}
		for m := range terms {
			terms[m] -= most[i]
		}
		kernels.Exp(terms, terms)
		for _, v := range terms {
			sum[i] += v
		}
	}
	kernels.Log(sum, sum)
	for i := range sum {
		sum[i] += most[i]
	}
	return sum
}

// Reduced repeatedly merges the two most similar components, as long as the result
// differs from m by at most budget nats by Runnalls' bound on the Kullback-Leibler
// divergence (2007), and further until at most most components are left. A merged
// component has the mean and the covariance of the two together.
func (m *Mixture) Reduced(ctx context.Context, budget float64, most int) *Mixture {
	d, k := m.D, m.K()
	r := reducer{d: d}
	for c := range k {
		if ctx.Err() != nil {
			return m
		}
		r.add(m.Weight[c], m.MeanOf(c), m.CholOf(c))
	}
	n := len(r.part)
	nearest, cost := make([]int, n), make([]float64, n)
	Parallel(n, func(i int) { nearest[i], cost[i] = r.nearest(ctx, i) })
	spent := 0.0
	for left := n; left > 1; left-- {
		best := -1
		for i := range r.part {
			if r.part[i].weight > 0 && nearest[i] >= 0 && (best < 0 || cost[i] < cost[best]) {
				best = i
			}
		}
		if ctx.Err() != nil {
			return m
		}
		if best < 0 || spent+cost[best] > budget && left <= most {
			break
		}
		spent += cost[best]
		i, j := best, nearest[best] // j > i
		r.part[i] = r.merged(i, j)
		r.part[j].weight = 0
		nearest[j] = -1
		var stale []int
		for c := range r.part {
			if r.part[c].weight > 0 && (c == i || nearest[c] == i || nearest[c] == j) {
				stale = append(stale, c)
			}
		}
		Parallel(len(stale), func(s int) { nearest[stale[s]], cost[stale[s]] = r.nearest(ctx, stale[s]) })
		for c := range i { // the merged component may now be the nearest to one before it
			if r.part[c].weight > 0 && ctx.Err() == nil {
				if v := r.cost(c, i, nil); v < cost[c] || nearest[c] < 0 {
					nearest[c], cost[c] = i, v
				}
			}
		}
	}
	out := &Mixture{D: d}
	for _, p := range r.part {
		if p.weight > 0 {
			out.Weight = append(out.Weight, p.weight)
			out.Mean = append(out.Mean, p.mean...)
			l := slices.Clone(p.cov)
			cholesky(l, d) // a mean of positive definite matrices is one
			out.Chol = append(out.Chol, l...)
		}
	}
	out.normalise()
	return out
}

type part struct {
	weight float64
	mean   []float64
	cov    []float64
	logDet float64
}

type reducer struct {
	d    int
	part []part
}

func (r *reducer) add(weight float64, mean, chol []float64) {
	d := r.d
	p := part{weight: weight, mean: mean, cov: make([]float64, d*d)}
	for i := range d {
		for j := range i + 1 {
			s := 0.0
			for c := range j + 1 {
				s += float64(chol[i*d+c] * chol[j*d+c])
			}
			p.cov[i*d+j], p.cov[j*d+i] = s, s
		}
	}
	p.logDet = logDet(chol, d)
	r.part = append(r.part, p)
}

// logDet is log|Σ| of the lower triangular factor of Σ.
func logDet(chol []float64, d int) float64 {
	logs := make([]float64, d)
	for i := range logs {
		logs[i] = chol[i*d+i]
	}
	kernels.Log(logs, logs)
	return 2 * kernels.Sum(logs)
}

// nearest returns the component after i whose merging with it costs least, or -1.
func (r *reducer) nearest(ctx context.Context, i int) (int, float64) {
	at, least := -1, math.Inf(1)
	if r.part[i].weight == 0 {
		return at, least
	}
	scratch := make([]float64, r.d*r.d+r.d)
	for j := i + 1; j < len(r.part); j++ {
		if ctx.Err() != nil {
			return -1, math.Inf(1)
		}
		if r.part[j].weight > 0 {
			if c := r.cost(i, j, scratch); c < least {
				at, least = j, c
			}
		}
	}
	return at, least
}

// cost is Runnalls' bound, (w_i+w_j)/2·log|Σ_ij| - w_i/2·log|Σ_i| - w_j/2·log|Σ_j|.
func (r *reducer) cost(i, j int, scratch []float64) float64 {
	if scratch == nil {
		scratch = make([]float64, r.d*r.d+r.d)
	}
	a, b := &r.part[i], &r.part[j]
	l := scratch[:r.d*r.d]
	r.pooled(l, a, b)
	if !cholesky(l, r.d) {
		return math.Inf(1)
	}
	logs := scratch[r.d*r.d:]
	for c := range logs {
		logs[c] = l[c*r.d+c]
	}
	kernels.Log(logs, logs)
	return float64(float64(0.5*(a.weight+b.weight))*2*kernels.Sum(logs)) - float64(0.5*a.weight*a.logDet) - float64(0.5*b.weight*b.logDet)
}

func (r *reducer) merged(i, j int) part {
	a, b := &r.part[i], &r.part[j]
	p := part{weight: a.weight + b.weight, mean: make([]float64, r.d), cov: make([]float64, r.d*r.d)}
	for c := range p.mean {
		p.mean[c] = (float64(a.weight*a.mean[c]) + float64(b.weight*b.mean[c])) / p.weight
	}
	r.pooled(p.cov, a, b)
	l := slices.Clone(p.cov)
	cholesky(l, r.d)
	p.logDet = logDet(l, r.d)
	return p
}

// pooled writes the covariance of a and b together into dst.
func (r *reducer) pooled(dst []float64, a, b *part) {
	w := a.weight + b.weight
	wa, wb := a.weight/w, b.weight/w
	between := wa * wb
	for i := range r.d {
		di := a.mean[i] - b.mean[i]
		for j := range r.d {
			dst[i*r.d+j] = float64(wa*a.cov[i*r.d+j]) + float64(wb*b.cov[i*r.d+j]) + float64(between*float64(di*(a.mean[j]-b.mean[j])))
		}
	}
}
