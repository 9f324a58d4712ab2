package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// Columns is a K×N matrix with a column for each sample: element k of sample i is Data[k*Stride+i].
type Columns struct {
	K, N, Stride int
	Data         []float64
}

// Column returns a matrix of one column.
func Column(v []float64) Columns { return Columns{K: len(v), N: 1, Stride: 1, Data: v} }

// SoftmaxColumns sets each column of dst to the softmax of the same column of logit, e^logit_k/Σ e^logit. The sizes must
// agree; dst may be logit. A weight that is a normal number is within 4 ulp of the exact one, and the exact sum of a
// column's weights within 3·2⁻⁵³ of 1, for any K up to a million.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	softmax w: 2.67, limit 4, in ulp (normal results)
//	softmax Σw: 1.75, limit 3.01, in 2⁻⁵³ (all)
func (t Tier) SoftmaxColumns(dst, logit Columns) {
	k, n := logit.K, logit.N
	if n == 0 && dst.N == 0 {
		return
	}
	if dst.K != k || dst.N != n || !dst.fits() || !logit.fits() {
		panic(errShape)
	}
	to, from := dst.Data, logit.Data
	whole := t.whole(n)
	for i := 0; i < whole; i += tileSize {
		t.softmax(&asm.SoftmaxArgs{N: min(tileSize, whole-i), K: k, Dst: &to[i], DstStride: dst.Stride, Src: &from[i], Stride: logit.Stride})
	}
	for i := whole; i < n; i++ {
		top := math.Inf(-1)
		for j := range k {
			top = max(top, from[j*logit.Stride+i])
		}
		// No term is larger than 1 and the sum begins with 1, so two subtractions give the exact error of every addition
		// (Dekker). Subtracting the 1 again is exact.
		sum, lost := 1.0, 0.0
		for j := range k {
			e := exp(from[j*logit.Stride+i] - top)
			to[j*dst.Stride+i] = e
			next := sum + e
			lost += e - (next - sum)
			sum = next
		}
		scale := 1 / ((sum - 1) + lost)
		for j := range k {
			to[j*dst.Stride+i] *= scale
		}
	}
}

// fits reports whether the matrix has at least one row and Data is long enough for its sizes.
func (c Columns) fits() bool {
	return c.K >= 1 && c.Stride >= c.N && len(c.Data) >= (c.K-1)*c.Stride+c.N
}

// BoundedExp sets dst[i] = exp(bound·tanh(raw[i])): a scale between e^-bound and e^bound. dst may be raw.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	exp(bound·tanh): 3.24, limit 6, in ulp·max(1, |log σ|) (bound ≤ 100)
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
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	its gradient: 1.75, limit 4, in 2⁻⁵²·|dLogScale·bound| (bound ≤ 100)
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

// SmoothReLU sets dst[i] = s(x[i]): the ramp max(x, 0) with its corner rounded off between -1 and 1. With t = (x+1)/2 held
// within [0, 1]
//
//	s(x) = t³(2-t) + max(x, 1) - 1        s'(x) = t²(3-2t)
//
// The slope is the smoothstep, so s has two continuous derivatives; above 1 it is the ramp itself, and below -1 an exact 0.
// (With the slope t instead it would be the SmeLU of Shamir, Lin and Coviello 2020, whose second derivative jumps.) It
// needs neither an exponential nor a root, and loses no digits anywhere: near -1 the result is small without cancellation.
// dst may be x.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	smooth ReLU: 5.43, limit 8, in ulp (all)
func (t Tier) SmoothReLU(dst, x []float64) { t.mapElements(smoothReLUFunction, smoothReLU, dst, x) }

// SmoothReLUBackward sets dx[i] = dy[i]·s'(x[i]), where dy is the derivative with respect to the result of SmoothReLU at x.
// dx may be dy or x.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	its slope: 4.39, limit 7, in ulp (all)
func (t Tier) SmoothReLUBackward(dx, dy, x []float64) {
	if len(dx) != len(x) || len(dy) != len(x) {
		panic(errLength)
	}
	n := t.whole(len(x))
	for i := 0; i < n; i += tileSize {
		t.smoothReLUBackward(&dx[i], &dy[i], &x[i], min(tileSize, n-i))
	}
	dx, dy = dx[n:], dy[n:]
	for i, v := range x[n:] {
		r := rise(v)
		dx[i] = dy[i] * float64(float64(r*r)*math.FMA(-2, r, 3))
	}
}
