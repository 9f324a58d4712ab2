package kernels

import (
	"sync"

	"github.com/gaussflow/gaussflow/asm"
)

// splineScratch is the scratch memory of a call: log-dets that the caller does not want, and the samples that do not fill a
// block, with their splines and gradients.
type splineScratch struct {
	logDet [tileSize]float64
	rest   [6]asm.Row
	params []float64
	args   asm.SplineArgs
	state  asm.SplineState
}

var splineScratches = sync.Pool{New: func() any { return new(splineScratch) }}

// args returns the assembly's arguments, without the samples.
func (s *Splines) args(p *asm.SplineArgs) {
	*p = asm.SplineArgs{K: s.K, Bound: s.Bound, MinusBound: -s.Bound, Scale: s.scale(), Step: s.step(), Stride: s.Stride}
}

// from sets the arguments' parameters to those of the samples from i on.
func (s *Splines) from(p *asm.SplineArgs, i int) {
	p.Width, p.Height = &s.Width[i], &s.Height[i]
	if s.K > 1 {
		p.Slope = &s.Slope[i]
	}
}

// block copies the splines of the samples from i on into one block, padded with the last one; the memory behind them is for
// as many gradients.
func (s *Splines) block(sc *splineScratch, i, n int) (b, grads Splines) {
	size := s.K * asm.Block
	sc.params = grown(sc.params, 6*size)
	cut := func(j int) Splines {
		all := sc.params[3*size*j:]
		return Splines{K: s.K, Stride: asm.Block, Width: all[:size], Height: all[size : 2*size], Slope: all[2*size : 3*size], Bound: s.Bound, Floor: s.Floor}
	}
	b, grads = cut(0), cut(1)
	for k := range s.K {
		for j := range asm.Block {
			from, to := k*s.Stride+min(i+j, n-1), k*asm.Block+j
			b.Width[to], b.Height[to] = s.Width[from], s.Height[from]
			if k < s.K-1 {
				b.Slope[to] = s.Slope[from]
			}
		}
	}
	return b, grads
}

// SplinesForward sets y[i] to the image of x[i] and logDet[i] = log dy/dx, in nats. At and beyond ±Bound y = x and the
// log-det is 0; NaN gives NaN. logDet may be nil; y may be x.
//
// In a bin from (xₗ, yₗ) to (xᵣ, yᵣ), w wide and h high, with s = h/w, θ = (x-xₗ)/w, φ = (xᵣ-x)/w and the slopes dₗ, dᵣ at
// its ends,
//
//	y = yₗ + h·θ(sθ + dₗφ)/D     dy/dx = s²(dᵣθ² + 2sθφ + dₗφ²)/D²     D = s(θ²+φ²) + (dₗ+dᵣ)θφ
//
// which is equation 4 of the paper, its denominator written as a sum of positive terms.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	spline y: 4.51, limit 8, in ub (shares ≥ 2⁻¹³, slopes 2⁻⁸ to 2⁸)
//	spline L: 5.83, limit 16, in uL (shares ≥ 2⁻¹³, slopes 2⁻⁸ to 2⁸)
func (t Tier) SplinesForward(y, logDet, x []float64, s Splines) { t.splines(false, y, logDet, x, s) }

// SplinesInverse sets x[i] to the solution of SplinesForward's y(x) = y[i], and logDet[i] = log dx/dy, in nats. logDet may
// be nil; x may be y.
//
// With η = (y-yₗ)/h and ζ = (yᵣ-y)/h the odds t = θ/φ solve sζ·t² + (dₗζ - dᵣη)t - sη = 0, whose discriminant is a sum of
// squares: with β = dₗζ - dᵣη, ρ = |β| + √(β² + 4s²ηζ) and p = 2sη or 2sζ, as β ≥ 0 or not, θ : φ = p : ρ or ρ : p.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	spline inverse x: 2.33, limit 16, in ub·(1 + dx/dy) (shares ≥ 2⁻¹³, slopes 2⁻⁸ to 2⁸)
//	spline inverse L: 5.42, limit 32, in uL + |dL/dy|·ub (shares ≥ 2⁻¹³, slopes 2⁻⁸ to 2⁸)
func (t Tier) SplinesInverse(x, logDet, y []float64, s Splines) { t.splines(true, x, logDet, y, s) }

func (t Tier) splines(inverse bool, dst, logDet, src []float64, s Splines) {
	n := len(src)
	sameLength(n, logDet)
	if len(dst) != n {
		panic(errLength)
	}
	s.check(n)
	whole := t.whole(n)
	if t == Generic {
		for i, v := range src {
			var l float64
			if inverse {
				dst[i], l = s.inverseOne(i, v)
			} else {
				dst[i], l = s.forwardOne(i, v)
			}
			if logDet != nil {
				logDet[i] = l
			}
		}
		return
	}
	sc := splineScratches.Get().(*splineScratch)
	defer splineScratches.Put(sc)
	p := &sc.args
	s.args(p)
	for i := 0; i < whole; i += tileSize {
		p.N = min(tileSize, whole-i)
		p.X, p.Y, p.L = &src[i], &dst[i], &sc.logDet[0]
		if logDet != nil {
			p.L = &logDet[i]
		}
		s.from(p, i)
		t.splineAssembly(inverse, p)
	}
	if whole == n {
		return
	}
	b, _ := s.block(sc, whole, n)
	r := &sc.rest
	fill(&r[0], src[whole:])
	p.N, p.Stride, p.X, p.Y, p.L = asm.Block, b.Stride, &r[0][0], &r[1][0], &r[2][0]
	b.from(p, 0)
	t.splineAssembly(inverse, p)
	copy(dst[whole:], r[1][:])
	if logDet != nil {
		copy(logDet[whole:], r[2][:])
	}
}

// splineAssembly calls the assembly of the forward map or the inverse.
func (t Tier) splineAssembly(inverse bool, p *asm.SplineArgs) {
	if inverse {
		t.splinesInverse(p)
	} else {
		t.splinesForward(p)
	}
}

// fill copies src, shorter than a block, and repeats its last number.
func fill(r *asm.Row, src []float64) {
	for i := range r {
		r[i] = src[min(i, len(src)-1)]
	}
}

// SplinesBackward is the reverse mode of SplinesForward. Given x and the gradients gy = ∂ℓ/∂y and gl = ∂ℓ/∂logDet of a loss
// ℓ, it sets dx to the gradient with respect to x, and d to the gradients with respect to the parameters: the logits of
// which Width and Height are the softmax, and the logarithms of Slope. Outside the interval dx = gy and the others are 0.
// dx may be x, gy or gl; d must not overlap anything else.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	spline gradients: 334.72, limit 4500, in 2⁻⁵²·largest (shares ≥ 2⁻¹³, slopes 2⁻⁸ to 2⁸)
func (t Tier) SplinesBackward(dx []float64, d SplinesGrad, gy, gl, x []float64, s Splines) {
	n := len(x)
	s.check(n)
	checkGrad(n, dx, gy, gl)
	if n > 0 && (d.K != s.K || d.Stride < n || len(d.Width) < rows(s.K, d.Stride, n) || len(d.Height) < rows(s.K, d.Stride, n) || len(d.LogSlope) < rows(s.K-1, d.Stride, n)) {
		panic(errSpline)
	}
	whole := t.whole(n)
	if t == Generic {
		scale := s.scale()
		for i := range x {
			g, bin := s.backwardOne(i, x[i], gy[i], gl[i])
			dx[i] = g.dx
			at := int(bin)
			for k := range s.K {
				side := 1
				if k < at {
					side = 0
				} else if k > at {
					side = 2
				}
				from, to := k*s.Stride+i, k*d.Stride+i
				d.Width[to] = float64(float64(scale*s.Width[from]) * g.width[side])
				d.Height[to] = float64(float64(scale*s.Height[from]) * g.height[side])
				if k > 0 {
					slope := 0.0
					if k == at {
						slope = g.dl
					} else if k == at+1 {
						slope = g.dr
					}
					d.LogSlope[to-d.Stride] = slope
				}
			}
		}
		return
	}
	sc := splineScratches.Get().(*splineScratch)
	defer splineScratches.Put(sc)
	p := &sc.args
	s.args(p)
	p.DStride, p.State = d.Stride, &sc.state
	for i := 0; i < whole; i += tileSize {
		p.N = min(tileSize, whole-i)
		p.X, p.GY, p.GL, p.DX = &x[i], &gy[i], &gl[i], &dx[i]
		s.from(p, i)
		p.DWidth, p.DHeight = &d.Width[i], &d.Height[i]
		if s.K > 1 {
			p.DSlope = &d.LogSlope[i]
		}
		t.splinesBackward(p)
	}
	if whole == n {
		return
	}
	b, grads := s.block(sc, whole, n)
	r := &sc.rest
	fill(&r[0], x[whole:])
	fill(&r[1], gy[whole:])
	fill(&r[2], gl[whole:])
	p.N, p.Stride, p.DStride = asm.Block, b.Stride, grads.Stride
	p.X, p.GY, p.GL, p.DX = &r[0][0], &r[1][0], &r[2][0], &r[3][0]
	b.from(p, 0)
	p.DWidth, p.DHeight, p.DSlope = &grads.Width[0], &grads.Height[0], &grads.Slope[0]
	t.splinesBackward(p)
	rest := n - whole
	copy(dx[whole:], r[3][:])
	for k := range s.K {
		to, from := k*d.Stride+whole, k*grads.Stride
		copy(d.Width[to:to+rest], grads.Width[from:])
		copy(d.Height[to:to+rest], grads.Height[from:])
		if k < s.K-1 {
			copy(d.LogSlope[to:to+rest], grads.Slope[from:])
		}
	}
}
