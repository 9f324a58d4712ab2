package kernels

import "math"

// Softmax sets, for each of n samples, Weight = softmax over the k components of logit, component-major: component j of
// sample i stands at [j*stride+i] of logit and at [j*dstStride+i] of dst. dst may be logit if the strides agree.
func Softmax(dst []float64, dstStride int, logit []float64, stride, k, n int) {
	active().Softmax(dst, dstStride, logit, stride, k, n)
}

// BoundedExp sets dst[i] = exp(bound·tanh(raw[i])): a scale between e^-bound and e^bound. dst may be raw.
func BoundedExp(dst, raw []float64, bound float64) { active().BoundedExp(dst, raw, bound) }

// BoundedExpBackward sets dRaw[i] = dLogScale[i]·∂(bound·tanh(raw))/∂raw = dLogScale[i]·bound·(1-tanh²(raw[i])).
// dRaw may be dLogScale or raw.
func BoundedExpBackward(dRaw, dLogScale, raw []float64, bound float64) {
	active().BoundedExpBackward(dRaw, dLogScale, raw, bound)
}

// Softmax is the package function on tier t.
func (t Tier) Softmax(dst []float64, dstStride int, logit []float64, stride, k, n int) {
	if n == 0 {
		return
	}
	if k < 1 || stride < n || dstStride < n || len(logit) < (k-1)*stride+n || len(dst) < (k-1)*dstStride+n {
		panic(errShape)
	}
	for i := range n {
		top := math.Inf(-1)
		for j := range k {
			top = math.Max(top, logit[j*stride+i])
		}
		sum := 0.0
		for j := range k {
			e := exp(logit[j*stride+i] - top)
			dst[j*dstStride+i] = e
			sum += e
		}
		for j := range k {
			dst[j*dstStride+i] /= sum
		}
	}
}

// BoundedExp is the package function on tier t.
func (t Tier) BoundedExp(dst, raw []float64, bound float64) {
	if len(dst) != len(raw) {
		panic(errLength)
	}
	for i, r := range raw {
		dst[i] = exp(float64(bound * tanh(r)))
	}
}

// BoundedExpBackward is the package function on tier t.
func (t Tier) BoundedExpBackward(dRaw, dLogScale, raw []float64, bound float64) {
	if len(dRaw) != len(raw) || len(dLogScale) != len(raw) {
		panic(errLength)
	}
	for i, r := range raw {
		h := tanh(r)
		dRaw[i] = float64(dLogScale[i]*bound) * float64((1-h)*(1+h))
	}
}
