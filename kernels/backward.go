package kernels

import (
	"math"

	"github.com/gaussflow/gaussflow/asm"
)

// MixtureGrad receives the gradient with respect to the parameters of one shared mixture, K entries each.
type MixtureGrad struct {
	Logit, Mean, LogScale []float64
}

// MixturesGrad receives the gradient with respect to the parameters of one mixture per sample, laid out like Mixtures.
type MixturesGrad struct {
	K, Stride             int
	Logit, Mean, LogScale []float64
}

// sampleGrad is what the reverse mode needs of a sample beside its components.
type sampleGrad struct {
	x, z, gl, a float64
	slope       float64 // E = dz/dx
	ae          float64 // A·E
	part        float64 // E, with the constants of the Mills ratio
	zeta        float64 // C·|z|
	l2          float64 // -L in base two
	tail        float64 // Φ(-|z|)/φ(z)
	whole       float64 // 1/φ(z), held below overflow
	sum         float64 // Σ r t/σ, of a block of components
	total, lost float64 // of the blocks before, where there are more than one: see tally
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

	// Lower side: w(Φ(t)-F)/φ(z); upper: the same of the mirror image, with the sign turned.
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

// MixturesBackward is the reverse mode of MixturesForward. Given x, the z and logDet that the forward map made of it, and
// the gradients gz = ∂ℓ/∂z and gl = ∂ℓ/∂logDet of a loss ℓ, it sets
//
//	dx[i] = gz·∂z/∂x + gl·∂L/∂x     d.Logit, d.Mean, d.LogScale = gz·∂z/∂θ + gl·∂L/∂θ
//
// where weights = softmax(logit). With r_k = (w_k/σ_k)φ(t_k)/f, E = exp(L) and A = gz + gl·z:
//
//	dx = A·E - gl·Σ r t/σ     dμ = r(gl·t/σ - A·E)     dlogσ = r(gl(t²-1) - A·E·(x-μ))
//	dlogit = gl(r-w) ± A·w(Φ(±t)-Φ(-|z|))/φ(z)   (quotients as Mills ratios), + for z ≤ 0
//
// so that everything stays in range however far the tail, as long as z² does; beyond, and where z or logDet is not
// finite, the gradient is NaN. dx may be x, gz or gl; d overlaps nothing else.
func (t Tier) MixturesBackward(dx []float64, d MixturesGrad, gz, gl, x, z, logDet []float64, m Mixtures) {
	n := len(x)
	m.check(n)
	checkGrad(n, dx, gz, gl, z, logDet)
	if need := (m.K-1)*d.Stride + n; n > 0 && (d.K != m.K || d.Stride < n || len(d.Logit) < need || len(d.Mean) < need || len(d.LogScale) < need) {
		panic(errShape)
	}
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	whole := t.whole(n)
	p := asm.Tile{K: m.K, Stride: m.Stride, DStride: d.Stride, Grad: &sc.grad}
	for i := 0; i < whole; i += tileSize {
		p.N = min(tileSize, whole-i)
		p.X, p.Z, p.L, p.GZ, p.GL, p.DX = &x[i], &z[i], &logDet[i], &gz[i], &gl[i], &dx[i]
		p.Weight, p.Mean, p.Scale = &m.Weight[i], &m.Mean[i], &m.Scale[i]
		p.DLogit, p.DMean, p.DLogScale = &d.Logit[i], &d.Mean[i], &d.LogScale[i]
		t.mixturesBackward(&p)
	}
	cs := sc.components(m.K)
	for i := whole; i < n; i++ {
		m.prepare(cs, i)
		s := newSampleGrad(gz[i], gl[i], x[i], z[i], logDet[i])
		for k := range cs {
			j := k*d.Stride + i
			d.Logit[j], d.Mean[j], d.LogScale[j] = s.component(&cs[k])
			s.block(k, len(cs))
		}
		dx[i] = s.dx()
	}
}

// MixtureBackward is MixturesBackward for a shared mixture: the gradients of its parameters are summed over the samples,
// like Sum, and added to d.
func (t Tier) MixtureBackward(dx []float64, d MixtureGrad, gz, gl, x, z, logDet []float64, m Mixture) {
	m.check()
	checkGrad(len(x), dx, gz, gl, z, logDet)
	if k := len(m.Weight); len(d.Logit) != k || len(d.Mean) != k || len(d.LogScale) != k {
		panic(errShape)
	}
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	cs := sc.components(len(m.Weight))
	m.prepare(cs)
	acc := sc.lanes(3 * len(cs))
	n := t.whole(len(x))
	p := asm.Tile{K: len(cs), Components: &cs[0], Acc: &acc[0][0], Grad: &sc.grad}
	for i := 0; i < n; i += tileSize {
		p.N = min(tileSize, n-i)
		p.X, p.Z, p.L, p.GZ, p.GL, p.DX = &x[i], &z[i], &logDet[i], &gz[i], &gl[i], &dx[i]
		t.mixtureBackward(&p)
	}
	for i := n; i < len(x); i++ {
		s := newSampleGrad(gz[i], gl[i], x[i], z[i], logDet[i])
		for k := range cs {
			a, b, c := s.component(&cs[k])
			acc[3*k][i&7] += a
			acc[3*k+1][i&7] += b
			acc[3*k+2][i&7] += c
			s.block(k, len(cs))
		}
		dx[i] = s.dx()
	}
	for k := range cs {
		d.Logit[k] += acc[3*k].sum()
		d.Mean[k] += acc[3*k+1].sum()
		d.LogScale[k] += acc[3*k+2].sum()
	}
}

func checkGrad(n int, slices ...[]float64) {
	for _, s := range slices {
		if len(s) != n {
			panic(errLength)
		}
	}
}
