package layer

import (
	"math"
	"math/rand/v2"

	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

// The estimate of log det(I + J), J = g′, for dimensions in which the determinant is too
// expensive. With e a vector of random signs and N drawn with P(N ≥ k) = p_k,
//
//	Σ_k≤N (-1)^(k+1)/k · e·J^k·e/p_k
//
// has the expectation Σ (-1)^(k+1)/k tr J^k = log det(I + J). The first sureTerms terms
// are always computed, p_k = 1, and each further one with half the probability of the
// term before. The derivative with respect to J is estimated in the same way, from (I +
// J)⁻¹ = Σ (-J)^k.
const sureTerms = 8

// estimateScratch is the number of scratch numbers per sample.
func estimateScratch(d, width int) int { return 4*d + width }

// noise returns the source of random numbers of sample i, seeded by a hash of its bits.
func noise(x tile.Tile, i int) *rand.PCG {
	seed := uint64(0x9e3779b97f4a7c15)
	for j := range x.D {
		seed ^= math.Float64bits(x.Data[j*x.Stride+i])
		seed *= 0xbf58476d1ce4e5b9
		seed ^= seed >> 29
	}
	return rand.NewPCG(seed, 0x5eed)
}

// terms draws the number of terms, at least sureTerms.
func terms(src *rand.PCG) int {
	n := sureTerms
	for src.Uint64()>>63 == 0 {
		n++
	}
	return n
}

// chance is P(N ≥ k).
func chance(k int) float64 { return math.Ldexp(1, -max(k-sureTerms, 0)) }

// apply writes J·y into to, or Jᵀ·y, for sample i; mid has width numbers.
func (l *residual) apply(to, y, mid []float64, t tile.Tile, i int, transposed bool) {
	w, v, stepW, stepV := l.w.used, l.v.used, [2]int{l.d, 1}, [2]int{l.width, 1}
	if transposed { // Jᵀ = Wᵀ·S·Vᵀ
		w, v, stepW, stepV = v, w, [2]int{1, l.width}, [2]int{1, l.d}
	}
	for k := range mid {
		sum := 0.0
		for j, e := range y {
			sum = math.FMA(w[k*stepW[0]+j*stepW[1]], e, sum)
		}
		h := t.Data[k*t.Stride+i]
		mid[k] = float64(sum * ((1 - h) * (1 + h)))
	}
	for j := range to {
		sum := 0.0
		for k, m := range mid {
			sum = math.FMA(v[j*stepV[0]+k*stepV[1]], m, sum)
		}
		to[j] = sum
	}
}

func signs(e []float64, src *rand.PCG) {
	for j := range e {
		e[j] = 1
		if src.Uint64()>>63 == 0 {
			e[j] = -1
		}
	}
}

// estimate adds sign times the estimate for each sample of x to logDet.
func (l *residual) estimate(logDet []float64, sign float64, x, t tile.Tile, s tile.Arena) {
	e, y, to, mid := s.Take(l.d), s.Take(l.d), s.Take(l.d), s.Take(l.width)
	for i := range logDet {
		src := noise(x, i)
		signs(e, src)
		copy(y, e)
		sum, turn := 0.0, 1.0
		for k, n := 1, terms(src); k <= n; k++ {
			l.apply(to, y, mid, t, i, false)
			y, to = to, y
			sum = math.FMA(turn/(float64(k)*chance(k)), dot(e, y), sum)
			turn = -turn
		}
		logDet[i] = math.FMA(sign, sum, logDet[i])
	}
}

// estimateBackward adds unbiased estimates of the derivatives of log det(I + J): with u
// = Σ (-Jᵀ)^k e/p_k, that with respect to J is u·eᵀ, so that J = V·S·W gives V
// u·(S·W·e)ᵀ, S (Vᵀu)·(W·e) and W (S·Vᵀ·u)·eᵀ.
func (l *residual) estimateBackward(du tile.Tile, dv, dw, dLogDet []float64, x, t tile.Tile, s tile.Arena) {
	e, u, y, to, mid := s.Take(l.d), s.Take(l.d), s.Take(l.d), s.Take(l.d), s.Take(l.width)
	for i, g := range dLogDet {
		src := noise(x, i)
		signs(e, src)
		copy(y, e)
		copy(u, e)
		turn := -1.0
		for k, n := 1, terms(src); k <= n; k++ {
			l.apply(to, y, mid, t, i, true)
			y, to = to, y
			for j, v := range y {
				u[j] = math.FMA(turn/chance(k), v, u[j])
			}
			turn = -turn
		}
		for k := range l.width {
			vu, we := 0.0, 0.0
			for j := range l.d {
				vu = math.FMA(l.v.used[j*l.width+k], u[j], vu)
				we = math.FMA(l.w.used[k*l.d+j], e[j], we)
			}
			h := t.Data[k*t.Stride+i]
			slope := (1 - h) * (1 + h)
			for j := range l.d {
				dv[j*l.width+k] = math.FMA(g*u[j], float64(slope*we), dv[j*l.width+k])
				dw[k*l.d+j] = math.FMA(g*e[j], float64(slope*vu), dw[k*l.d+j])
			}
			du.Data[k*du.Stride+i] = math.FMA(float64(-2*h)*slope, float64(float64(vu*we)*g), du.Data[k*du.Stride+i])
		}
	}
}
