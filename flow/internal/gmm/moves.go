package gmm

import (
	"math"
	"slices"

	"github.com/gaussflow/gaussflow/kernels"
)

// moveComponent moves a component to where the sorted column s has the most mass
// that the mixture lacks (the idea of SMEM, Ueda et al. 2000): it returns
// parameters in which the two most similar components are merged, and the
// component that this frees is placed on the interval whose share of the rows
// exceeds its probability most. It returns nil if there is no such interval.
func (e *posterior) moveComponent(theta, s []float64) []float64 {
	if e.k < 2 {
		return nil
	}
	e.setMixture(theta)
	low, high, excess := e.excess(s)
	if excess == 0 {
		return nil
	}
	into, free := e.mostAlike()
	w, m, v := e.merged(into, free)
	moved := slices.Clone(theta)
	logit, mean, logScale := split(moved)
	copy(logit, e.m.Weight)
	logit[into], mean[into], logScale[into] = w, m, math.Sqrt(v)
	logit[free], mean[free], logScale[free] = max(excess, 0.01), (low+high)/2, max((high-low)/3, equalRows)
	pair := []float64{logScale[into], logScale[free]}
	kernels.Log(pair, pair)
	logScale[into], logScale[free] = pair[0], pair[1]
	kernels.Log(logit, logit)
	return moved
}

// excess returns the interval between two of the scanMarks quantiles of s, of less
// than most of the rows, where the share p of the rows exceeds the mixture's
// probability q most by Hellinger's distance, and p - q.
func (e *posterior) excess(s []float64) (low, high, excess float64) {
	marks := min(scanMarks, len(s)-1)
	x := make([]float64, marks+1)
	share := make([]float64, marks+1)
	cdf, sf := make([]float64, marks+1), make([]float64, marks+1)
	for i := range x {
		at := i * (len(s) - 1) / marks
		x[i], share[i] = s[at], float64(at)/float64(len(s)-1)
	}
	kernels.MixtureCDF(cdf, sf, nil, x, e.m)
	most := 0.0
	for i := range x {
		for j := i + 1; j < len(x); j++ {
			p, q := share[j]-share[i], cdf[j]-cdf[i]
			if cdf[i] > 0.5 {
				q = sf[i] - sf[j]
			}
			if p <= q || p >= 0.7 {
				continue
			}
			a, b := math.Sqrt(p)-math.Sqrt(q), math.Sqrt(1-p)-math.Sqrt(1-q)
			if h := float64(a*a) + float64(b*b); h > most {
				most, low, high, excess = h, x[i], x[j], p-q
			}
		}
	}
	return low, high, excess
}

// mostAlike returns the two components whose merging costs least by Runnalls'
// bound, w·log σ of the merged one minus those of the two.
func (e *posterior) mostAlike() (i, j int) {
	logScale := make([]float64, e.k)
	kernels.Log(logScale, e.m.Scale)
	var pairs [][2]int
	var logVar []float64
	for a := range e.k {
		for b := a + 1; b < e.k; b++ {
			_, _, v := e.merged(a, b)
			pairs, logVar = append(pairs, [2]int{a, b}), append(logVar, v)
		}
	}
	kernels.Log(logVar, logVar)
	least := math.Inf(1)
	for n, p := range pairs {
		wa, wb := e.m.Weight[p[0]], e.m.Weight[p[1]]
		cost := float64(0.5*(wa+wb)*logVar[n]) - float64(wa*logScale[p[0]]) - float64(wb*logScale[p[1]])
		if cost < least {
			least, i, j = cost, p[0], p[1]
		}
	}
	return i, j
}

// merged returns weight, mean and variance of components i and j together.
func (e *posterior) merged(i, j int) (weight, mean, variance float64) {
	wi, wj := e.m.Weight[i], e.m.Weight[j]
	weight = wi + wj
	mi, mj, si, sj := e.m.Mean[i], e.m.Mean[j], e.m.Scale[i], e.m.Scale[j]
	mean = (float64(wi*mi) + float64(wj*mj)) / weight
	within := (float64(wi*float64(si*si)) + float64(wj*float64(sj*sj))) / weight
	between := float64(float64(wi/weight*(wj/weight)) * float64((mi-mj)*(mi-mj)))
	return weight, mean, within + between
}
