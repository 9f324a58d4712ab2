package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// mostRounds is how many rounds of the inverse the assembly takes; almost all samples need three. The reference solves
// what is left.
const mostRounds = 64

// solve inverts whole blocks of samples, no more than asm.InverseTile: rounds of one step for each sample that is left,
// until none is.
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
				continue
			}
			index[left] = i
			s.X[left], s.Z[left], s.Q[left], s.InvPhi[left], s.Other[left] = s.X[j], s.Z[j], s.Q[j], s.InvPhi[j], s.Other[j]
			s.Lo[left], s.Hi[left], s.Width[left], s.Narrow[left] = s.Lo[j], s.Hi[j], s.Width[j], s.Narrow[j]
			left++
		}
		// What fills up the last block are samples that are done, or copies: they do no harm.
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
