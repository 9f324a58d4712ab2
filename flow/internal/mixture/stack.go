package mixture

import (
	"math"
	"slices"

	"github.com/gaussflow/gaussflow/kernels"
)

// Stack returns the weights of the mixture of densities that maximize the mean
// log-density of rows none of them was fitted to: logDensity[m][i] is that of model m
// at row i (stacked density estimation; Smyth and Wolpert 1999). It also returns the
// log-density of each row under the stack. EM finds the maximum, which is the only
// one; weights below least are set to zero, one after the other.
func Stack(logDensity [][]float64, least float64) (weight, stacked []float64) {
	models := make([]int, len(logDensity))
	for m := range models {
		models[m] = m
	}
	weight = make([]float64, len(logDensity))
	for {
		w, s := stack(logDensity, models)
		smallest := 0
		for i := range w {
			if w[i] < w[smallest] {
				smallest = i
			}
		}
		if w[smallest] >= least || len(models) == 1 {
			for i, m := range models {
				weight[m] = w[i]
			}
			return weight, s
		}
		// Those that have next to no weight go at once.
		var left []int
		for i, m := range models {
			if i != smallest && w[i] >= least/8 {
				left = append(left, m)
			}
		}
		models = left
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

func stack(logDensity [][]float64, models []int) (weight, stacked []float64) {
	const iterations = 400
	n := len(logDensity[0])
	most, sum := make([]float64, n), make([]float64, n)
	for i := range most {
		most[i] = math.Inf(-1)
		for _, m := range models {
			most[i] = max(most[i], logDensity[m][i])
		}
		if math.IsInf(most[i], -1) {
			most[i] = 0
		}
	}
	p := make([][]float64, len(models))
	for j, m := range models {
		p[j] = slices.Clone(logDensity[m])
		for i := range p[j] {
			p[j][i] -= most[i]
		}
		kernels.Exp(p[j], p[j])
	}
	weight = make([]float64, len(models))
	for j := range weight {
		weight[j] = 1 / float64(len(models))
	}
	mix := func() {
		clear(sum)
		for j, w := range weight {
			for i, v := range p[j] {
				sum[i] += float64(w * v)
			}
		}
	}
	for range iterations {
		mix()
		for i, v := range sum {
			sum[i] = 1 / max(v, math.SmallestNonzeroFloat64*0x1p52)
		}
		moved := 0.0
		for j, w := range weight {
			s := 0.0
			for i, v := range p[j] {
				s += float64(v * sum[i])
			}
			weight[j] = w * s / float64(n)
			moved = max(moved, math.Abs(weight[j]-w))
		}
		total := kernels.Sum(weight)
		for j := range weight {
			weight[j] /= total
		}
		if moved < 1e-6 {
			break
		}
	}
	mix()
	kernels.Log(sum, sum)
	for i := range sum {
		sum[i] += most[i]
	}
	return weight, sum
}

// Reduced merges the two components that are most alike, again and again, as long as
// the merged mixtures differ from m by no more than budget nats by Runnalls' bound on
// the Kullback-Leibler divergence (2007), and beyond that until most components are
// left. A merged component has the mean and the covariance of the two.
func (m *Mixture) Reduced(budget float64, most int) *Mixture {
	d, k := m.D, m.K()
	r := reducer{d: d}
	for c := range k {
		r.add(m.Weight[c], m.MeanOf(c), m.CholOf(c))
	}
	n := len(r.part)
	nearest, cost := make([]int, n), make([]float64, n)
	parallel(n, func(i int) { nearest[i], cost[i] = r.nearest(i) })
	spent := 0.0
	for left := n; left > 1; left-- {
		best := -1
		for i := range r.part {
			if r.part[i].weight > 0 && nearest[i] >= 0 && (best < 0 || cost[i] < cost[best]) {
				best = i
			}
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
		parallel(len(stale), func(s int) { nearest[stale[s]], cost[stale[s]] = r.nearest(stale[s]) })
		for c := range i { // the merged one may now be the nearest of one before it
			if r.part[c].weight > 0 {
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
func (r *reducer) nearest(i int) (int, float64) {
	at, least := -1, math.Inf(1)
	if r.part[i].weight == 0 {
		return at, least
	}
	scratch := make([]float64, r.d*r.d+r.d)
	for j := i + 1; j < len(r.part); j++ {
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
	return float64(0.5*(a.weight+b.weight)*2*kernels.Sum(logs)) - float64(0.5*a.weight*a.logDet) - float64(0.5*b.weight*b.logDet)
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
