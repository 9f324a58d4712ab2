package kernels

import "math"

// SmoothReLU sets dst[i] = s(x[i]): the ramp max(x, 0) with its corner rounded off between -1 and 1. With t = (x+1)/2 held
// within [0, 1]
//
//	s(x) = t³(2-t) + max(x, 1) - 1        s'(x) = t²(3-2t)
//
// The slope is the smoothstep, so s has two continuous derivatives; beyond ±1 it is the ramp itself, and an exact 0 below.
// (With t for the slope it would be the SmeLU of Shamir, Lin and Coviello 2020, whose second derivative jumps.) It takes
// neither an exponential nor a root, and loses no digits anywhere: near -1 the result is small without cancellation.
// dst may be x.
func (t Tier) SmoothReLU(dst, x []float64) { t.each(smoothReLUFunction, smoothReLU, dst, x) }

// SmoothReLUBackward sets dx[i] = dy[i]·s'(x[i]), where dy is the derivative with respect to the result of SmoothReLU at x.
// dx may be dy or x.
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

// rise is t of the formula: how far x has come on its way from -1 to 1.
func rise(x float64) float64 { return min(max(math.FMA(0.5, x, 0.5), 0), 1) }

func smoothReLU(x float64) float64 {
	r := rise(x)
	return math.FMA(float64(float64(r*r)*r), 2-r, max(x, 1)-1)
}
