// Package baseline fits simple densities to compare with: one Gaussian, and a mixture of a few. A flow
// that does not beat both on unseen rows is not worth its parameters.
package baseline

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// A Mixture is a mixture of Gaussians with full covariances.
type Mixture struct {
	shift, scale []float64 // of the columns: it is fitted to (x - shift)/scale
	logWeight    []float64
	mean         [][]float64
	chol         []*mat.TriDense // lower
	logNorm      []float64       // -Σ log diag(chol) - d/2 log 2π
}

const log2Pi = 1.8378770664093454836

// ridge is added to the variances, in units of the columns' variances, so that no component collapses
// onto a few rows.
const ridge = 1e-3

// Gaussian fits one Gaussian by maximum likelihood.
func Gaussian(x *mat.Dense) (*Mixture, error) { return fit(x, 1, 0, 1) }

// Fit fits k components by expectation and maximization (Dempster, Laird & Rubin 1977), the best of a few
// starts from k-means++ seeds (Arthur & Vassilvitskii 2007). It uses at most 20,000 rows.
func Fit(x *mat.Dense, k int, seed uint64) (*Mixture, error) { return fit(x, k, seed, 3) }

func fit(x *mat.Dense, k int, seed uint64, starts int) (*Mixture, error) {
	n, d := x.Dims()
	if n < 2*k || n <= d {
		return nil, fmt.Errorf("%d rows are too few for %d components in %d dimensions", n, k, d)
	}
	rng := rand.New(rand.NewPCG(seed, 0x626173656c696e65))
	const most = 20000
	if k > 1 && n > most {
		some := mat.NewDense(most, d, nil)
		for i, r := range rng.Perm(n)[:most] {
			some.SetRow(i, x.RawRowView(r))
		}
		x, n = some, most
	}
	m := &Mixture{shift: make([]float64, d), scale: make([]float64, d)}
	y := mat.NewDense(n, d, nil)
	for j := range d {
		mean, variance := 0.0, 0.0
		for i := range n {
			mean += x.At(i, j) / float64(n)
		}
		for i := range n {
			variance += (x.At(i, j) - mean) * (x.At(i, j) - mean) / float64(n)
		}
		m.shift[j], m.scale[j] = mean, math.Sqrt(variance)
		if !(m.scale[j] > 0) || math.IsInf(m.scale[j], 0) {
			return nil, fmt.Errorf("column %d has the standard deviation %v", j, m.scale[j])
		}
		for i := range n {
			y.Set(i, j, (x.At(i, j)-mean)/m.scale[j])
		}
	}
	var best *Mixture
	bestScore := math.Inf(-1)
	for range starts {
		c := *m
		score, err := c.em(y, k, rng)
		if err == nil && score > bestScore {
			best, bestScore = &c, score
		}
	}
	if best == nil {
		return nil, errors.New("no start of the mixture succeeded")
	}
	return best, nil
}

// em fits to standardised rows and returns the mean log-density.
func (m *Mixture) em(y *mat.Dense, k int, rng *rand.Rand) (float64, error) {
	n, d := y.Dims()
	share := mat.NewDense(n, k, nil)
	for i, c := range seeds(y, k, rng) {
		share.Set(i, c, 1)
	}
	logp := make([]float64, k)
	last := math.Inf(-1)
	for range 200 {
		// Maximization.
		m.logWeight, m.mean, m.chol, m.logNorm = nil, nil, nil, nil
		for c := range k {
			total := 0.0
			mean := make([]float64, d)
			for i := range n {
				r := share.At(i, c)
				total += r
				floats.AddScaled(mean, r, y.RawRowView(i))
			}
			if total < 1e-10 {
				return 0, errors.New("a component is empty")
			}
			floats.Scale(1/total, mean)
			cov := mat.NewSymDense(d, nil)
			diff := make([]float64, d)
			for i := range n {
				r := share.At(i, c)
				if r < 1e-12 {
					continue
				}
				floats.SubTo(diff, y.RawRowView(i), mean)
				cov.SymRankOne(cov, r/total, mat.NewVecDense(d, diff))
			}
			if k > 1 {
				for j := range d {
					cov.SetSym(j, j, cov.At(j, j)+ridge)
				}
			}
			var chol mat.Cholesky
			if !chol.Factorize(cov) {
				return 0, errors.New("a covariance is singular")
			}
			l := new(mat.TriDense)
			chol.LTo(l)
			m.logWeight = append(m.logWeight, math.Log(total/float64(n)))
			m.mean = append(m.mean, mean)
			m.chol = append(m.chol, l)
			m.logNorm = append(m.logNorm, -chol.LogDet()/2-float64(d)/2*log2Pi)
		}
		// Expectation.
		score := 0.0
		work := make([]float64, d)
		for i := range n {
			m.joint(logp, y.RawRowView(i), work)
			total := floats.LogSumExp(logp)
			score += total / float64(n)
			for c := range k {
				share.Set(i, c, math.Exp(logp[c]-total))
			}
		}
		if k == 1 || score-last < 1e-6 {
			return score, nil
		}
		last = score
	}
	return last, nil
}

// joint writes log w_c + log N(y; mean_c, cov_c).
func (m *Mixture) joint(dst, y, work []float64) {
	for c, l := range m.chol {
		floats.SubTo(work, y, m.mean[c])
		q := 0.0
		for i := range work {
			t := work[i]
			for j := range i {
				t -= l.At(i, j) * work[j]
			}
			work[i] = t / l.At(i, i)
			q += work[i] * work[i]
		}
		dst[c] = m.logWeight[c] + m.logNorm[c] - q/2
	}
}

// First is the density of the first columns alone.
func (m *Mixture) First(d int) *Mixture {
	f := &Mixture{shift: m.shift[:d], scale: m.scale[:d], logWeight: m.logWeight}
	for c, l := range m.chol {
		some := l.SliceTri(0, d).(*mat.TriDense)
		norm := -float64(d) / 2 * log2Pi
		for j := range d {
			norm -= math.Log(some.At(j, j))
		}
		f.mean, f.chol, f.logNorm = append(f.mean, m.mean[c][:d]), append(f.chol, some), append(f.logNorm, norm)
	}
	return f
}

// LogProb writes the log-density of each row in nats.
func (m *Mixture) LogProb(dst []float64, x *mat.Dense) {
	n, d := x.Dims()
	y, work, logp := make([]float64, d), make([]float64, d), make([]float64, len(m.chol))
	jacobian := 0.0
	for _, s := range m.scale {
		jacobian -= math.Log(s)
	}
	for i := range n {
		for j, v := range x.RawRowView(i) {
			y[j] = (v - m.shift[j]) / m.scale[j]
		}
		m.joint(logp, y, work)
		dst[i] = floats.LogSumExp(logp) + jacobian
	}
}

// seeds assigns each row to the nearest of k rows, chosen far from each other.
func seeds(y *mat.Dense, k int, rng *rand.Rand) []int {
	n, _ := y.Dims()
	assigned, distance := make([]int, n), make([]float64, n)
	centre := rng.IntN(n)
	for c := range k {
		total := 0.0
		for i := range n {
			d := floats.Distance(y.RawRowView(i), y.RawRowView(centre), 2)
			if d *= d; c == 0 || d < distance[i] {
				assigned[i], distance[i] = c, d
			}
			total += distance[i]
		}
		if total == 0 {
			break
		}
		u := rng.Float64() * total
		for i, d := range distance {
			if u -= d; u <= 0 && d > 0 {
				centre = i
				break
			}
		}
	}
	return assigned
}
