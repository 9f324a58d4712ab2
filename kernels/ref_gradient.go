package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// sampleGrad holds the quantities of a sample that the reverse mode needs for
// every component.
type sampleGrad struct {
	x, z, gl, a float64
	slope       float64 // E = dz/dx
	ae          float64 // A·E
	part        float64 // E times the constants of the Mills ratio
	zeta        float64 // C·|z|
	l2          float64 // -L in base two
	tail        float64 // Φ(-|z|)/φ(z)
	whole       float64 // 1/φ(z), clamped below overflow
	sum         float64 // Σ r t/σ over a block of components
	total, lost float64 // over the blocks before, and its rounding error; see tally
}

// gaussRatio returns Alpha·2^a for |a| ≤ asm.RatioMost, clamped there.
func gaussRatio(a float64) float64 {
	if !(a > -asm.RatioMost) { // NaN too
		a = -asm.RatioMost
	}
	if a > asm.RatioMost {
		a = asm.RatioMost
	}
	kf := a + asm.Nearest
	e := exp2Unit(&asm.AlphaExp2, asm.Alpha, a-(kf-asm.Nearest))
	return math.Float64frombits(math.Float64bits(e) + math.Float64bits(kf)<<52)
}

func newSampleGrad(gz, gl, x, z, l float64) sampleGrad {
	s := sampleGrad{x: x, z: z, gl: gl}
	s.a = math.FMA(gl, z, gz)
	s.zeta = math.Abs(float64(z * asm.CHi))
	zeta2 := float64(s.zeta * s.zeta)
	s.slope = math.FMA(zeta2-zeta2, l, exp(l)) // NaN, and with it the whole gradient, unless z² and L are finite
	s.ae = float64(s.a * s.slope)
	s.part = float64(s.slope * (asm.Alpha * asm.Sqrt2Pi))
	s.l2 = -float64(l * asm.Log2EHi)
	s.tail = float64((asm.Alpha * asm.Sqrt2Pi) * millsFar(s.zeta))
	s.whole = float64((asm.Sqrt2Pi / asm.Alpha) * gaussRatio(zeta2))
	return s
}

// component returns the gradients with respect to one component's logit, mean and log scale.
func (s *sampleGrad) component(c *component) (dLogit, dMean, dLogScale float64) {
	d := s.x - c.Mean
	v := float64(d * c.IH)
	u := math.Abs(v)
	r := float64(c.Ratio * gaussRatio(math.FMA(s.zeta-u, s.zeta+u, s.l2)))
	part := float64(float64(r*s.part) * float64(c.Scale*millsFar(u))) // w·Φ(-|t|)/φ(z)
	w := float64(v * (asm.InvC * asm.InvC))
	tOverScale := float64(w * c.IH)
	s.sum = math.FMA(r, tOverScale, s.sum)

	// Lower side: w(Φ(t)-F)/φ(z); upper side: the same for the mirror image, with the
	// opposite sign.
	if math.Signbit(v) != (s.z <= 0) {
		part = math.FMA(c.W, s.whole, -part)
	}
	h := math.FMA(-c.W, s.tail, part)
	if !(s.z <= 0) {
		h = -h
	}
	dLogit = math.FMA(s.a, h, float64(s.gl*(r-c.W)))
	dMean = float64(r * math.FMA(s.gl, tOverScale, -s.ae))
	dLogScale = float64(r * math.FMA(s.gl, math.FMA(v, w, -1), -float64(s.ae*d)))
	return dLogit, dMean, dLogScale
}

// block is called after every component, k of n.
func (s *sampleGrad) block(k, n int) {
	if n <= asm.SumBlock || !blockEnds(k, n) {
		return
	}
	addBlock(&s.total, &s.lost, s.sum)
	s.sum = 0
	if k+1 == n {
		s.sum = s.total + s.lost
	}
}

// dx returns the gradient with respect to x, after every component.
func (s *sampleGrad) dx() float64 { return math.FMA(-s.gl, s.sum, s.ae) }
