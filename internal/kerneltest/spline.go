package kerneltest

import (
	"fmt"
	"math"
	"slices"

	"github.com/gaussflow/gaussflow/internal/bigref"
	"github.com/gaussflow/gaussflow/kernels"
)

// splineInput is x or y, bound, floor; then the widths and heights, and the slopes between the bins.
type splineInput []float64

func (in splineInput) k() int { return (len(in) - 2) / 3 }

func (in splineInput) splines() kernels.Splines {
	k := in.k()
	p := in[3:]
	return kernels.Splines{K: k, Stride: 1, Width: p[:k], Height: p[k : 2*k], Slope: p[2*k:], Bound: in[1], Floor: in[2]}
}

// knots are those that kernels.Splines says there are, the rounding of its sums included; moved by the exact change that
// dx and dy make to the sums, and the slopes by factors.
func (in splineInput) knots(dx, dy, factor []*bigref.Float) bigref.Spline {
	s := in.splines()
	scale := (s.Bound + s.Bound) * (1 - float64(float64(s.K)*s.Floor))
	step := (s.Bound + s.Bound) * s.Floor
	row := func(share []float64, d []*bigref.Float) []*bigref.Float {
		knots := []*bigref.Float{bigref.New(-s.Bound)}
		sum := 0.0
		for k := 1; k < s.K; k++ {
			sum += share[k-1]
			at := bigref.New(math.FMA(scale, sum, math.FMA(step, float64(k), -s.Bound)))
			if d != nil {
				move := bigref.New(scale)
				move.Mul(move, d[k])
				at.Add(at, move)
			}
			knots = append(knots, at)
		}
		return append(knots, bigref.New(s.Bound))
	}
	r := bigref.Spline{X: row(s.Width, dx), Y: row(s.Height, dy), D: []*bigref.Float{bigref.New(1)}}
	for k, d := range s.Slope {
		at := bigref.New(d)
		if factor != nil {
			at.Mul(at, factor[k])
		}
		r.D = append(r.D, at)
	}
	r.D = append(r.D, bigref.New(1))
	return r
}

// drawSpline makes a spline of up to eight bins and a number inside.
func drawSpline(src Source) []float64 {
	k := 1 + src.Choose(8)
	in := []float64{0, src.Float(Edge), src.Float(Floor)}
	for range 2 {
		share := make([]float64, k)
		for j := range share {
			share[j] = max(src.Float(Share), 0x1p-10)
		}
		normalise(share, Shape{1, k, 1, 1}, PerComponent)
		in = append(in, share...)
	}
	for range k - 1 {
		in = append(in, min(max(src.Float(Slope), 0x1p-8), 0x1p8))
	}
	in[0] = clamp(src.Float(Real), in[1])
	return in
}

func (in splineInput) forward(t kernels.Tier) (y, l float64) {
	v, d := []float64{in[0]}, make([]float64, 1)
	t.SplinesForward(v, d, v, in.splines())
	return v[0], d[0]
}

func (in splineInput) inverse(t kernels.Tier) (x, l float64) {
	v, d := []float64{in[0]}, make([]float64, 1)
	t.SplinesInverse(v, d, v, in.splines())
	return v[0], d[0]
}

func (in splineInput) outside() bool { return math.Abs(in[0]) >= in[1] }

func splineError(t kernels.Tier, in []float64) float64 {
	if splineInput(in).outside() {
		return 0
	}
	y, _ := splineInput(in).forward(t)
	exact, _ := splineInput(in).knots(nil, nil, nil).At(bigref.New(in[0]))
	return bigref.Abs(y, exact) / (epsilon * in[1])
}

func splineLogDetError(t kernels.Tier, in []float64) float64 {
	if splineInput(in).outside() {
		return 0
	}
	_, l := splineInput(in).forward(t)
	_, slope := splineInput(in).knots(nil, nil, nil).At(bigref.New(in[0]))
	exact := bigref.Log(slope)
	size, _ := exact.Float64()
	return bigref.Abs(l, exact) / (epsilon * max(1, math.Abs(size)))
}

func splineInverseError(t kernels.Tier, in []float64) float64 {
	if splineInput(in).outside() {
		return 0
	}
	x, _ := splineInput(in).inverse(t)
	s := splineInput(in).knots(nil, nil, nil)
	exact := s.Solve(bigref.New(in[0]))
	_, slope := s.At(exact)
	steep, _ := slope.Float64()
	return bigref.Abs(x, exact) / (epsilon * in[1] * (1 + 1/steep))
}

func splineInverseLogDetError(t kernels.Tier, in []float64) float64 {
	if splineInput(in).outside() {
		return 0
	}
	_, l := splineInput(in).inverse(t)
	s := splineInput(in).knots(nil, nil, nil)
	x := s.Solve(bigref.New(in[0]))
	_, slope := s.At(x)
	exact := bigref.Log(slope)
	exact.Neg(exact)
	size, _ := exact.Float64()
	bend, _ := s.Bend(x).Float64()
	return bigref.Abs(l, exact) / (epsilon * (max(1, math.Abs(size)) + math.Abs(bend)*in[1]*math.Exp(size)))
}

// splineGradientError compares the gradients of y and of L with differences in 256 bits, whose own error is far below.
func splineGradientError(t kernels.Tier, in []float64) float64 {
	if splineInput(in).outside() {
		return 0
	}
	spline := splineInput(in).splines()
	k := spline.K
	var got []float64
	for _, g := range [][2]float64{{1, 0}, {0, 1}} {
		dx := make([]float64, 1)
		d := kernels.SplinesGrad{K: k, Stride: 1, Width: make([]float64, k), Height: make([]float64, k), LogSlope: make([]float64, k-1)}
		t.SplinesBackward(dx, d, g[:1], g[1:], in[:1], spline)
		got = append(append(append(append(got, dx...), d.Width...), d.Height...), d.LogSlope...)
	}
	const bits = 60                                                   // of the step
	at := splineInput(in).knots(nil, nil, nil).Bin(bigref.New(in[0])) // the log-det has a corner at a knot
	// parts returns y and L with x or a parameter moved by 2^-bits: sign of it.
	parts := func(what int, sign float64) (y, l *bigref.Float) {
		e := bigref.New(math.Ldexp(sign, -bits))
		x := bigref.New(in[0])
		var dx, dy, factor []*bigref.Float
		switch {
		case what == 0:
			x.Add(x, e)
		case what <= k:
			dx = moved(spline.Width, what-1, e)
		case what <= 2*k:
			dy = moved(spline.Height, what-1-k, e)
		default:
			for range k - 1 {
				factor = append(factor, bigref.New(1))
			}
			factor[what-1-2*k] = bigref.Exp(e)
		}
		y, slope := splineInput(in).knots(dx, dy, factor).In(at, x)
		return y, bigref.Log(slope)
	}
	n := len(got) / 2
	var worst, top float64
	for i := range n {
		yr, lr := parts(i, 1)
		yl, ll := parts(i, -1)
		for j, d := range []*bigref.Float{yr.Sub(yr, yl), lr.Sub(lr, ll)} {
			d.SetMantExp(d, bits-1)
			want, _ := d.Float64()
			top = max(top, math.Abs(want))
			worst = max(worst, bigref.Abs(got[j*n+i], d))
		}
	}
	return worst / (epsilon * top)
}

// moved are the changes of the sums of shares, softmax of logits, if one logit moves by e.
func moved(share []float64, j int, e *bigref.Float) []*bigref.Float {
	total := bigref.New(0)
	for _, v := range share {
		total.Add(total, bigref.New(v))
	}
	up := bigref.Exp(e)
	up.Sub(up, bigref.New(1))
	up.Mul(up, bigref.New(share[j])) // how much the share grows before it is normalised
	grown := bigref.New(0)
	grown.Add(total, up)
	sums := []*bigref.Float{bigref.New(0)}
	before := bigref.New(0)
	for i, v := range share {
		before.Add(before, bigref.New(v))
		after := bigref.New(0)
		after.Set(before)
		if i >= j {
			after.Add(after, up)
		}
		after.Quo(after.Mul(after, total), grown)
		sums = append(sums, after.Sub(after, before))
	}
	return sums
}

// DrawSpline makes a spline for SplineLaw.
func DrawSpline(src Source) []float64 { return drawSpline(src) }

// SplineLaw puts a spline to what holds for all of them: it is monotone, the identity outside, its inverse undoes it, the
// log-dets are each other's negatives.
func SplineLaw(t kernels.Tier, in []float64, x []float64) (checks int, err error) {
	s := splineInput(in).splines()
	x = append(slices.DeleteFunc(slices.Clone(x), math.IsNaN), s.Bound, -s.Bound, math.Nextafter(s.Bound, 0), -math.Nextafter(s.Bound, 0))
	for _, knot := range splineInput(in).knots(nil, nil, nil).X {
		v, _ := knot.Float64()
		x = append(x, v, math.Nextafter(v, math.Inf(1)), math.Nextafter(v, math.Inf(-1)))
	}
	slices.Sort(x)
	n := len(x)
	u := epsilon * s.Bound
	each := func(f func(y, l, x []float64, s kernels.Splines), x []float64) (y, l []float64) {
		all := kernels.Splines{K: s.K, Stride: n, Bound: s.Bound, Floor: s.Floor}
		for _, row := range []struct{ to, from *[]float64 }{{&all.Width, &s.Width}, {&all.Height, &s.Height}, {&all.Slope, &s.Slope}} {
			for _, v := range *row.from {
				*row.to = append(*row.to, slices.Repeat([]float64{v}, n)...)
			}
		}
		y, l = make([]float64, n), make([]float64, n)
		f(y, l, x, all)
		return y, l
	}
	y, l := each(t.SplinesForward, x)
	back, lb := each(t.SplinesInverse, y)
	// The image's last bit moves the sample, perhaps into the next bin, and the log-det with it.
	left, right := make([]float64, n), make([]float64, n)
	for i := range x {
		move := 16 * u * (1 + math.Exp(-l[i]))
		left[i], right[i] = x[i]-move, x[i]+move
	}
	_, ll := each(t.SplinesForward, left)
	_, lr := each(t.SplinesForward, right)
	for i := range x {
		checks++
		if i > 0 && !(y[i] >= y[i-1]-8*u) {
			return checks, fmt.Errorf("%s: y(%v) = %v, y(%v) = %v: %v", t, x[i-1], y[i-1], x[i], y[i], in)
		}
		if math.Abs(x[i]) >= s.Bound {
			if y[i] != x[i] || l[i] != 0 || back[i] != x[i] || lb[i] != 0 {
				return checks, fmt.Errorf("%s: outside, at %v: y, L = %v, %v, back %v, %v: %v", t, x[i], y[i], l[i], back[i], lb[i], in)
			}
			continue
		}
		if flat := math.Exp(-l[i]); !(math.Abs(back[i]-x[i]) <= 32*u*(1+flat)) {
			return checks, fmt.Errorf("%s: x = %v, y = %v, back %v: %v", t, x[i], y[i], back[i], in)
		}
		if math.Abs(y[i]) < s.Bound {
			turn := max(math.Abs(ll[i]-l[i]), math.Abs(lr[i]-l[i]))
			if !(math.Abs(l[i]+lb[i]) <= 32*epsilon*max(1, math.Abs(l[i]))+2*turn) {
				return checks, fmt.Errorf("%s: x = %v: log-det %v, back %v: %v", t, x[i], l[i], lb[i], in)
			}
		}
	}
	return checks, nil
}
