package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// mostRounds is the largest number of iterations of the inverse in assembly; almost all samples need three. The
// reference solves the samples that are left.
const mostRounds = 64

// solve inverts whole blocks of samples, at most asm.InverseTile: it iterates, with one step for each unsolved sample,
// until none is left.
func (c *call) solve(x, logDet, z []float64, m PerSampleMixtures) {
	s := &c.inverse
	p := c.args(len(z), m)
	p.Z, p.Inverse = &z[0], s
	index := c.index[:len(z)]
	for i := range index {
		index[i] = i
	}
	c.inverseStart(&p)
	for round := 0; round < mostRounds && len(index) > 0; round++ {
		c.inverseSums(&p)
		if !c.t.mixtureInverseSolve(&p, round&3 == 3) {
			continue
		}
		left := 0
		for j, i := range index {
			if s.Done[j] != 0 {
				x[i], logDet[i] = s.X[j], s.L[j]
				if x[i] != x[i] && inGap(s, j) {
					x[i], logDet[i] = c.gap(m, i, s.Z[j])
				}
				continue
			}
			index[left] = i
			s.X[left], s.Z[left], s.Q[left], s.InvPhi[left], s.Other[left] = s.X[j], s.Z[j], s.Q[j], s.InvPhi[j], s.Other[j]
			s.Lo[left], s.Hi[left], s.Width[left], s.Narrow[left] = s.Lo[j], s.Hi[j], s.Width[j], s.Narrow[j]
			left++
		}
		// The last block is padded with solved samples or copies, whose further steps have no
		// effect.
		whole := (left + asm.Block - 1) &^ (asm.Block - 1)
		if !c.shared && left > 0 {
			p.Weight, p.Mean, p.Scale, p.Stride = c.gather(&c.params, index[:whole], m).pointers()
		}
		index, p.N = index[:left], whole
	}
	for _, i := range index {
		x[i] = math.NaN()
	}
	c.fallback(x, logDet, z, m)
}

// inGap reports whether the marked sample j of the state lies in a gap, so that the reference can continue from this state:
// its steps so far are those of the reference.
func inGap(s *asm.InverseState, j int) bool {
	if s.WP[j] == 0 || s.WN[j] == 0 || !(math.Abs(s.Z[j]) <= math.MaxFloat64) {
		return false
	}
	at := inverseSums{sums: sums{d: s.D[j], wp: s.WP[j], wn: s.WN[j], f: s.F[j]}, lost: s.Lost[j]}
	z, l := at.forward()
	t := inverseTarget{z: s.Z[j], lower: s.Z[j] <= 0, mid: math.Abs(s.Z[j]) <= 1, q: s.Q[j], invPhi: s.InvPhi[j]}
	rho := t.residual(&at, z)
	return !at.near() && rho == 0 || t.unresolved(rho, exp(-l), s.Narrow[j])
}

// gap solves sample i, for which inGap is true.
func (c *call) gap(m PerSampleMixtures, i int, z float64) (x, l float64) {
	if !c.shared {
		m.prepare(c.cs, i)
		below(c.cs)
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for k := range c.cs {
		if c := &c.cs[k]; c.W != 0 {
			lo, hi = widen(lo, hi, math.FMA(c.Scale, z, c.Mean))
		}
	}
	return inverseInGap(c.cs, z, lo, hi)
}
