package kernels

import "math"

// scale and step: knot k is scale·Σ + step·k - Bound, Σ the sum of the first k widths or heights.
func (s *Splines) scale() float64 {
	return float64((s.Bound + s.Bound) * (1 - float64(float64(s.K)*s.Floor)))
}

func (s *Splines) step() float64 { return float64((s.Bound + s.Bound) * s.Floor) }

// splineBin is the bin that contains a sample: its index, the sums of widths and heights up to its ends, and the knots and
// slopes there.
type splineBin struct {
	k                      float64
	cxl, cxr, cyl, cyr     float64
	xl, xr, yl, yr, dl, dr float64
}

// bin returns the bin of sample i that contains v, in x or in y. NaN is in the first bin.
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

// splinePoint holds θ, φ and derived quantities of a point in a bin.
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

// rise returns θ(sθ + dₗφ), the numerator of y.
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

// splineGrad is the gradient of a sample: dx; the gradients, up to a factor, of the logits of bins before, at and after the
// sample's bin; and those of the logarithms of the slopes at its ends.
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

// logits converts the gradients u - a·total and -u - b·total at the ends of a bin, a+b = 1, to those of the logits before,
// at and after it, up to the factor scale·weight. The sums of weights up to the ends are cl and cr, so that a logit of
// weight w changes them by w·(1-cl) and w·(1-cr), or by -w·cl and -w·cr. u, which is large in a narrow bin, never cancels.
func logits(u, total, a, b, cl, cr float64) (g [3]float64) {
	g[2] = math.FMA(u, cr-cl, float64(total*math.FMA(a, cl, float64(b*cr))))
	g[1] = g[2] - math.FMA(b, total, u)
	g[0] = g[2] - total
	return g
}
