package kernels

import (
	"math"
	"sync"

	"github.com/gaussflow/gaussflow/asm"
)

// Splines is one monotone rational-quadratic spline per sample (Durkan, Bekasov, Murray and Papamakarios, Neural spline
// flows, 2019): a map of [-Bound, Bound] onto itself in K bins, and the identity outside. Bin k of sample i has the share
//
//	Floor + (1 - K·Floor)·Width[k*Stride+i]
//
// of the interval in x, and the same of Height in y: Width and Height, K rows each, are non-negative and sum to one over
// the bins within a few ulp, as softmax makes them; shares should be at least 1e-12. Slope holds the K-1 derivatives at the
// knots between the bins, positive, within [1e-30, 1e30]; at ±Bound the derivative is 1, so that the map is smooth
// everywhere. Equal widths and heights and slopes of 1 are the identity.
type Splines struct {
	K, Stride            int
	Width, Height, Slope []float64
	Bound, Floor         float64
}

// SplinesGrad receives the gradient with respect to the parameters of one spline per sample, laid out like Splines: Width
// and Height are those of the logits whose softmax they are, LogSlope that of the slopes' logarithms.
type SplinesGrad struct {
	K, Stride               int
	Width, Height, LogSlope []float64
}

func (s *Splines) check(n int) {
	if n == 0 {
		return
	}
	if s.K < 1 || s.Stride < n || len(s.Width) < rows(s.K, s.Stride, n) || len(s.Height) < rows(s.K, s.Stride, n) || len(s.Slope) < rows(s.K-1, s.Stride, n) {
		panic(errSpline)
	}
}

// rows is the length of k rows of n numbers.
func rows(k, stride, n int) int {
	if k == 0 {
		return 0
	}
	return (k-1)*stride + n
}

// scale and step: knot k is scale·Σ + step·k - Bound, Σ the sum of the first k widths or heights.
func (s *Splines) scale() float64 {
	return float64((s.Bound + s.Bound) * (1 - float64(float64(s.K)*s.Floor)))
}
func (s *Splines) step() float64 { return float64((s.Bound + s.Bound) * s.Floor) }

// splineBin is the bin that a sample lies in: its number, the sums of widths and heights up to its ends, the knots and the
// slopes there.
type splineBin struct {
	k                      float64
	cxl, cxr, cyl, cyr     float64
	xl, xr, yl, yr, dl, dr float64
}

// bin finds the bin of sample i by its x, or by its y = v. NaN is in the first.
func (s *Splines) bin(i int, v float64, byHeight bool) (b splineBin) {
	scale, step := s.scale(), s.step()
	b.dl = 1
	var cx, cy float64
	in := true // v is not to the left of the knot
	for k := 1; k < s.K; k++ {
		j := (k-1)*s.Stride + i
		cx += s.Width[j]
		cy += s.Height[j]
		if in {
			b.cxr, b.cyr, b.dr = cx, cy, s.Slope[j]
		}
		c := cx
		if byHeight {
			c = cy
		}
		in = v >= math.FMA(scale, c, math.FMA(step, float64(k), -s.Bound))
		if in {
			b.k, b.cxl, b.cyl, b.dl = float64(k), cx, cy, s.Slope[j]
		}
	}
	left, right := math.FMA(step, b.k, -s.Bound), math.FMA(step, b.k+1, -s.Bound)
	b.xl, b.xr = math.FMA(scale, b.cxl, left), math.FMA(scale, b.cxr, right)
	b.yl, b.yr = math.FMA(scale, b.cyl, left), math.FMA(scale, b.cyr, right)
	if in { // the last bin
		b.xr, b.yr, b.dr, b.cxr, b.cyr = s.Bound, s.Bound, 1, 1, 1
	}
	return b
}

// splinePoint is a place in a bin: θ and φ, and what the map is made of there.
type splinePoint struct {
	theta, phi, tt, pp, tp float64 // θ², φ², θφ
	s, d                   float64 // the bin's slope h/w, dl+dr
	q                      float64 // 1/D
	m                      float64 // dᵣθ² + 2sθφ + dₗφ²
	e                      float64 // dy/dx
}

func (b *splineBin) point(s, theta, phi float64) (p splinePoint) {
	p.s, p.theta, p.phi = s, theta, phi
	p.tt, p.pp, p.tp = float64(theta*theta), float64(phi*phi), float64(theta*phi)
	p.d = b.dl + b.dr
	p.q = 1 / math.FMA(s, p.tt+p.pp, float64(p.d*p.tp))
	p.m = math.FMA(b.dr, p.tt, math.FMA(s+s, p.tp, float64(b.dl*p.pp)))
	r := float64(s * p.q)
	p.e = float64(float64(r*p.m) * r)
	return p
}

// rise is the part of y in θ: θ(sθ + dₗφ).
func (p *splinePoint) rise(dl float64) float64 {
	return float64(math.FMA(p.s, p.theta, float64(dl*p.phi)) * p.theta)
}

func (s *Splines) forwardOne(i int, x float64) (y, logDet float64) {
	if math.Abs(x) >= s.Bound {
		return x, 0
	}
	b := s.bin(i, x, false)
	h, iw := b.yr-b.yl, 1/(b.xr-b.xl)
	p := b.point(float64(h*iw), float64((x-b.xl)*iw), float64((b.xr-x)*iw))
	y = math.FMA(h, float64(p.rise(b.dl)*p.q), b.yl)
	return y, logNormal(p.e, 0) + (x - x) // NaN for NaN
}

func (s *Splines) inverseOne(i int, y float64) (x, logDet float64) {
	if math.Abs(y) >= s.Bound {
		return y, 0
	}
	b := s.bin(i, y, true)
	w, h := b.xr-b.xl, b.yr-b.yl
	ih, slope := 1/h, h/w
	eta, zeta := float64((y-b.yl)*ih), float64((b.yr-y)*ih)
	lower, upper := float64((slope+slope)*eta), float64((slope+slope)*zeta)
	beta := math.FMA(b.dl, zeta, -float64(b.dr*eta))
	rho := math.Abs(beta) + math.Sqrt(math.FMA(beta, beta, float64(lower*upper)))
	part := upper
	if beta >= 0 {
		part = lower
	}
	whole := 1 / (part + rho)
	theta, phi := float64(rho*whole), float64(part*whole)
	if beta >= 0 {
		theta, phi = phi, theta
	}
	p := b.point(slope, theta, phi)
	return math.FMA(w, theta, b.xl), (y - y) - logNormal(p.e, 0)
}

// splineGrad is what the reverse mode makes of a sample: dx; what a bin's logit gets before, at and after the sample's own,
// but for a factor; and the gradients of the logarithms of the slopes at its ends.
type splineGrad struct {
	dx            float64
	width, height [3]float64
	dl, dr        float64
}

func (s *Splines) backwardOne(i int, x, gy, gl float64) (g splineGrad, bin float64) {
	if math.Abs(x) >= s.Bound {
		return splineGrad{dx: gy}, 0
	}
	b := s.bin(i, x, false)
	w, h := b.xr-b.xl, b.yr-b.yl
	iw, ih := 1/w, 1/h
	p := b.point(float64(h*iw), float64((x-b.xl)*iw), float64((b.xr-x)*iw))
	up := p.rise(b.dl)
	down := float64(math.FMA(p.s, p.phi, float64(b.dr*p.theta)) * p.phi)
	im := 1 / p.m

	// Along θ, over w.
	turn := p.phi - p.theta
	bend := math.FMA(p.s, turn, math.FMA(b.dr, p.theta, -float64(b.dl*p.phi)))
	along := math.FMA(bend, im, -float64(float64(turn*(p.d-(p.s+p.s)))*p.q))
	g.dx = math.FMA(float64(gl*iw), along+along, float64(gy*p.e))

	// Along log s.
	hq := float64(float64(float64(h*p.q)*p.q) * p.tp)
	lean := math.FMA(b.dr, p.tt, -float64(b.dl*p.pp))
	u := math.FMA(float64(gy*p.s), float64(hq*lean), float64(gl*float64((p.tp+p.tp)*math.FMA(p.s, im, float64(p.d*p.q)))))

	g.width = logits(float64(u*iw), g.dx, p.phi, p.theta, b.cxl, b.cxr)
	g.height = logits(-float64(u*ih), -gy, float64(down*p.q), float64(up*p.q), b.cyl, b.cyr)

	both := float64((p.tp + p.tp) * p.q)
	g.dl = float64(b.dl * math.FMA(gy, float64(hq*down), float64(gl*math.FMA(p.pp, im, -both))))
	g.dr = float64(b.dr * math.FMA(-gy, float64(hq*up), float64(gl*math.FMA(p.tt, im, -both))))
	return g, b.k
}

// logits turns the gradients u - a·total and -u - b·total at the ends of a bin, a+b = 1, into those of the logits before,
// at and after it, but for the factor scale·weight. The sums of weights up to the ends are cl and cr, so that a logit moves
// them by its own weight less cl and cr of it. u, which is large in a narrow bin, never cancels.
func logits(u, total, a, b, cl, cr float64) (g [3]float64) {
	g[2] = math.FMA(u, cr-cl, float64(total*math.FMA(a, cl, float64(b*cr))))
	g[1] = g[2] - math.FMA(b, total, u)
	g[0] = g[2] - total
	return g
}

// splineScratch is what a call needs beside its arguments: a log-det that nobody wants, and the samples that do not fill a
// block, with their splines and gradients.
type splineScratch struct {
	logDet [tileSize]float64
	rest   [6]asm.Row
	params []float64
	args   asm.Spline
	state  asm.SplineState
}

var splineScratches = sync.Pool{New: func() any { return new(splineScratch) }}

// args are those of the assembly, but for the samples.
func (s *Splines) args(p *asm.Spline) {
	*p = asm.Spline{K: s.K, Bound: s.Bound, MinusBound: -s.Bound, Scale: s.scale(), Step: s.step(), Stride: s.Stride}
}

// from points the parameters at sample i.
func (s *Splines) from(p *asm.Spline, i int) {
	p.Width, p.Height = &s.Width[i], &s.Height[i]
	if s.K > 1 {
		p.Slope = &s.Slope[i]
	}
}

// block copies the splines of the samples from i on into one block, the last one repeated; there is room for as many
// gradients behind them.
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
func (t Tier) SplinesForward(y, logDet, x []float64, s Splines) { t.splines(false, y, logDet, x, s) }

// SplinesInverse sets x[i] to the solution of SplinesForward's y(x) = y[i], and logDet[i] = log dx/dy, in nats. logDet may
// be nil; x may be y.
//
// With η = (y-yₗ)/h and ζ = (yᵣ-y)/h the odds t = θ/φ solve sζ·t² + (dₗζ - dᵣη)t - sη = 0, whose discriminant is a sum of
// squares: with β = dₗζ - dᵣη, ρ = |β| + √(β² + 4s²ηζ) and p = 2sη or 2sζ, as β ≥ 0 or not, θ : φ = p : ρ or ρ : p.
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

// splineAssembly calls the assembly of one direction.
func (t Tier) splineAssembly(inverse bool, p *asm.Spline) {
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
// ℓ, it sets dx to the gradient with respect to x, and d to those with respect to the parameters: of Width and Height as
// softmax of logits, of the logarithms of Slope. Outside the interval dx = gy and the others are 0. dx may be x, gy or gl;
// d overlaps nothing else.
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
