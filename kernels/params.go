package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// Softmax sets, for each of n samples, Weight = softmax over the k components of logit, component-major: component j of
// sample i stands at [j*stride+i] of logit and at [j*dstStride+i] of dst. dst may be logit if the strides agree. A weight
// that is a normal number is within 4 ulp of the exact one, and the exact sum of a sample's weights within 3·2⁻⁵³ of 1, for
// any k up to a million.
func (t Tier) Softmax(dst []float64, dstStride int, logit []float64, stride, k, n int) {
	if n == 0 {
		return
	}
	if k < 1 || stride < n || dstStride < n || len(logit) < (k-1)*stride+n || len(dst) < (k-1)*dstStride+n {
		panic(errShape)
	}
	whole := t.whole(n)
	for i := 0; i < whole; i += tileSize {
		t.softmax(&asm.Params{N: min(tileSize, whole-i), K: k, Dst: &dst[i], DstStride: dstStride, Src: &logit[i], Stride: stride})
	}
	for i := whole; i < n; i++ {
		top := math.Inf(-1)
		for j := range k {
			top = math.Max(top, logit[j*stride+i])
		}
		// No term is larger than 1, so that of a sum that begins with 1 every addition's loss is had by two subtractions
		// (Dekker). Taking the 1 away again is exact.
		sum, lost := 1.0, 0.0
		for j := range k {
			e := exp(logit[j*stride+i] - top)
			dst[j*dstStride+i] = e
			next := sum + e
			lost += e - (next - sum)
			sum = next
		}
		scale := 1 / ((sum - 1) + lost)
		for j := range k {
			dst[j*dstStride+i] *= scale
		}
	}
}

// BoundedExp sets dst[i] = exp(bound·tanh(raw[i])): a scale between e^-bound and e^bound. dst may be raw.
func (t Tier) BoundedExp(dst, raw []float64, bound float64) {
	if len(dst) != len(raw) {
		panic(errLength)
	}
	n := t.whole(len(raw))
	for i := 0; i < n; i += tileSize {
		t.boundedExp(&dst[i], &raw[i], min(tileSize, n-i), bound)
	}
	dst = dst[n:]
	for i, r := range raw[n:] {
		dst[i] = exp(float64(bound * tanh(r)))
	}
}

// BoundedExpBackward sets dRaw[i] = dLogScale[i]·∂(bound·tanh(raw))/∂raw = dLogScale[i]·bound·(1-tanh²(raw[i])).
// dRaw may be dLogScale or raw.
func (t Tier) BoundedExpBackward(dRaw, dLogScale, raw []float64, bound float64) {
	if len(dRaw) != len(raw) || len(dLogScale) != len(raw) {
		panic(errLength)
	}
	n := t.whole(len(raw))
	for i := 0; i < n; i += tileSize {
		t.boundedExpBackward(&dRaw[i], &dLogScale[i], &raw[i], min(tileSize, n-i), bound)
	}
	dRaw, dLogScale = dRaw[n:], dLogScale[n:]
	for i, r := range raw[n:] {
		h := tanh(r)
		dRaw[i] = float64(dLogScale[i]*bound) * float64((1-h)*(1+h))
	}
}
