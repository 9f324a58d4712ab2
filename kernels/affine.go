package kernels

import "math"

// One component with weight 1 is a normal distribution, and its map to the standard one is affine: z = (x-μ)/σ and L =
// -log σ. Subtraction and division are monotone; the quantile of a rounded Φ is not, near 0, where floating-point
// numbers x lie closer together than numbers Φ(x). The maps of such mixtures and their reverse modes use the affine
// formula on every tier; MixtureCDF does not.

// lone reports whether w holds the weight of a single component, 1.
func lone(w []float64) bool { return len(w) == 1 && w[0] == 1 }

// affine maps a sample forward or, for the inverse, back; logScale is log σ. NaN gives NaN.
func (op operation) affine(v, mean, scale, logScale float64) (y, logDet float64) {
	if op == inverse {
		y, logDet = math.FMA(scale, v, mean), logScale
	} else {
		y, logDet = (v-mean)/scale, 0-logScale
	}
	if math.IsNaN(y) {
		logDet = y
	}
	return y, logDet
}

// mapAffine maps samples that share a normal distribution.
func (t Tier) mapAffine(op operation, dst, logDet, src []float64, mean, scale float64) {
	t.whole(len(src)) // panics if t cannot run here
	logScale := logNormal(scale, 0)
	for i, v := range src {
		var l float64
		dst[i], l = op.affine(v, mean, scale, logScale)
		if logDet != nil {
			logDet[i] = l
		}
	}
}

// mapPerSampleAffine maps samples whose mixtures have one component. If its weight is not 1, the reference maps the
// sample.
func (t Tier) mapPerSampleAffine(op operation, dst, logDet, src []float64, m PerSampleMixtures) {
	n := len(src)
	t.whole(n) // panics if t cannot run here
	c := call{op: op, mixtures: m, scratch: scratches.Get().(*scratch)}
	defer scratches.Put(c.scratch)
	c.cs = c.components(1)
	logScale := c.floats(n)
	if logDet != nil {
		t.Log(logScale, m.Scale[:n])
	}
	for i, v := range src {
		var l float64
		if m.Weight[i] == 1 {
			dst[i], l = op.affine(v, m.Mean[i], m.Scale[i], logScale[i])
		} else {
			r := c.reference(m, i, v)
			dst[i], l = r[0], r[1]
		}
		if logDet != nil {
			logDet[i] = l
		}
	}
}

// backwardAffine is the reverse mode of one sample: L does not depend on x, and neither z nor L on the logit. NaN, as in
// general, unless z² and L are finite.
func backwardAffine(gz, gl, z, l, scale float64) (dx, dLogScale float64) {
	square := float64(z * z)
	zero := float64((square - square) * l)
	return gz/scale + zero, -math.FMA(gz, z, gl) + zero
}
