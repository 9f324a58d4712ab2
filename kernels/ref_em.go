package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// emWeights sets r to the responsibilities of the components for x, and returns log f(x).
func emWeights(r []float64, cs []component, x float64) float64 {
	near := math.Inf(1)
	for k := range cs {
		c := &cs[k]
		r[k] = math.Abs(float64((x - c.Mean) * c.IH))
		if c.W != 0 && !(r[k] >= near) {
			near = r[k]
		}
	}
	// If a component is near, the exponents are -v²; otherwise that of the nearest component is factored out.
	shift := 0.0
	if !(near <= asm.FarBase2) {
		shift = near
	}
	shift2 := float64(shift * shift)
	f := 0 * shift2         // NaN, and with it every responsibility, unless the square is finite
	var total, lost float64 // see tally
	for k := range cs {
		// A component without weight may be nearer: its exponent is clamped to 0. That of a far one is clamped to 2^-311
		// of the smallest value for the nearest, which is negligible even if the nearest has a tiny weight.
		a := max(min(-float64((r[k]-shift)*(r[k]+shift)), 0), -asm.EMLeast)
		kf := a + (asm.Nearest + asm.ExpBias)
		e := exp2Unit(&asm.AlphaExp2, asm.Alpha, a-(kf-(asm.Nearest+asm.ExpBias)))
		r[k] = float64(cs[k].Density * math.Float64frombits(math.Float64bits(e)+math.Float64bits(kf)<<52))
		f += r[k]
		if len(cs) > asm.SumBlock && blockEnds(k, len(cs)) {
			addBlock(&total, &lost, f)
			f = 0
		}
	}
	if len(cs) > asm.SumBlock {
		f = total + lost
	}
	inv := 1 / f
	for k := range r {
		r[k] = float64(r[k] * inv)
	}
	return math.FMA(-shift2, math.Ln2, logNormal(f, -asm.ExpBias))
}
