package kernels

import (
	"slices"

	"github.com/gaussflow/gaussflow/asm"
)

// MixtureGrad receives the gradient with respect to the parameters of one shared mixture, K entries each.
type MixtureGrad struct {
	Logit, Mean, LogScale []float64
}

// PerSampleGrad receives the gradient with respect to the parameters of one mixture per sample, in the layout of
// PerSampleMixtures.
type PerSampleGrad struct {
	K, Stride             int
	Logit, Mean, LogScale []float64
}

// PerSampleBackward is the reverse mode of PerSampleForward. Given x, the z and logDet that the forward map made of it, and
// the gradients gz = ∂ℓ/∂z and gl = ∂ℓ/∂logDet of a loss ℓ, it sets
//
//	dx[i] = gz·∂z/∂x + gl·∂L/∂x     d.Logit, d.Mean, d.LogScale = gz·∂z/∂θ + gl·∂L/∂θ
//
// where weights = softmax(logit). With r_k = (w_k/σ_k)φ(t_k)/f, E = exp(L) and A = gz + gl·z:
//
//	dx = A·E - gl·Σ r t/σ     dμ = r(gl·t/σ - A·E)     dlogσ = r(gl(t²-1) - A·E·(x-μ))
//	dlogit = gl(r-w) ± A·w(Φ(±t)-Φ(-|z|))/φ(z)   (quotients as Mills ratios), + for z ≤ 0
//
// so that every term stays in range as long as z² does, however far out x is; beyond, and where z or logDet is not finite, the
// gradient is NaN. From |z| = 6 on these differences cancel, and equivalent formulas without cancellation are used. dx may be x,
// gz or gl; d must not overlap anything else.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	gradients: 2286.43, limit 3200, in 2⁻⁵²·max(1, |L|)·largest (|t| ≤ 1000, none light beyond)
//	gradients, far: 21.01, limit 64, in 2⁻⁵²·max(1, |L|)·largest (10σ to 1000σ outside)
//	gradients, gap: 19.15, limit 64, in 2⁻⁵²·max(1, |L|)·largest (10σ to 1000σ on both sides)
//	gradients, light: 24794508.52, limit 1e+08, in 2⁻⁵²·max(1, |L|)·largest (and weights beyond from 2⁻⁹⁰⁰)
func (t Tier) PerSampleBackward(dx []float64, d PerSampleGrad, gz, gl, x, z, logDet []float64, m PerSampleMixtures) {
	n := len(x)
	m.check(n)
	checkGrad(n, dx, gz, gl, z, logDet)
	if need := (m.K-1)*d.Stride + n; n > 0 && (d.K != m.K || d.Stride < n || len(d.Logit) < need || len(d.Mean) < need || len(d.LogScale) < need) {
		panic(errShape)
	}
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	whole := t.whole(n)
	if m.K == 1 {
		whole = 0
	}
	sc.findFar(gz, gl, x, z, logDet)
	p := asm.MixtureArgs{K: m.K, Stride: m.Stride, DStride: d.Stride, Grad: &sc.grad}
	for i := 0; i < whole; i += tileSize {
		p.N = min(tileSize, whole-i)
		p.X, p.Z, p.L, p.GZ, p.GL, p.DX = &x[i], &z[i], &logDet[i], &gz[i], &gl[i], &dx[i]
		p.Weight, p.Mean, p.Scale = &m.Weight[i], &m.Mean[i], &m.Scale[i]
		p.DLogit, p.DMean, p.DLogScale = &d.Logit[i], &d.Mean[i], &d.LogScale[i]
		t.perSampleBackward(&p)
	}
	cs := sc.components(m.K)
	for i := whole; i < n; i++ {
		if m.K == 1 && m.Weight[i] == 1 {
			dx[i], d.LogScale[i] = backwardAffine(gz[i], gl[i], z[i], logDet[i], m.Scale[i])
			d.Logit[i], d.Mean[i] = dx[i]-dx[i], -dx[i]
			continue
		}
		m.prepare(cs, i)
		s := newSampleGrad(gz[i], gl[i], x[i], z[i], logDet[i])
		for k := range cs {
			j := k*d.Stride + i
			d.Logit[j], d.Mean[j], d.LogScale[j] = s.component(&cs[k])
			s.block(k, len(cs))
		}
		dx[i] = s.dx()
	}
	for j := range sc.far {
		in := &sc.far[j]
		if m.K == 1 && m.Weight[in.i] == 1 {
			continue
		}
		m.prepare(cs, in.i)
		if beyond(cs, in.x, in.z) {
			continue
		}
		fs, grads := sc.farRoom(len(cs))
		dx[in.i] = in.gradient(cs, fs, grads)
		for k, g := range grads {
			j := k*d.Stride + in.i
			d.Logit[j], d.Mean[j], d.LogScale[j] = g[0], g[1], g[2]
		}
	}
}

// findFar collects the samples far out, whose gradients need other formulas, and their inputs, since dx may overwrite an
// argument.
func (s *scratch) findFar(gz, gl, x, z, logDet []float64) {
	s.far = s.far[:0]
	i := 0
	for ; i+8 <= len(z); i += 8 {
		b := z[i : i+8 : i+8]
		if nearer(b[0])&nearer(b[1])&nearer(b[2])&nearer(b[3])&nearer(b[4])&nearer(b[5])&nearer(b[6])&nearer(b[7]) >= 0 {
			s.collectFar(gz, gl, x, z, logDet, i, i+8)
		}
	}
	s.collectFar(gz, gl, x, z, logDet, i, len(z))
}

func (s *scratch) collectFar(gz, gl, x, z, logDet []float64, from, to int) {
	for i := from; i < to; i++ {
		if farGradient(z[i], logDet[i]) {
			s.far = append(s.far, farInput{i, gz[i], gl[i], x[i], z[i]})
		}
	}
}

// farRoom returns memory for the gradient of one sample far out.
func (s *scratch) farRoom(k int) ([]farComponent, [][3]float64) {
	s.farComps, s.farGrads = grown(s.farComps, k), grown(s.farGrads, k)
	return s.farComps, s.farGrads
}

// nearOnly sets up the assembly's arguments for the tile [i, end), with gz = gl = 0 for the samples of far in it; it
// returns the other samples of far.
func (s *scratch) nearOnly(p *asm.MixtureArgs, far []farInput, i, end int, gz, gl, x, z, logDet []float64) []farInput {
	if len(far) == 0 || far[0].i >= end {
		return far
	}
	copy(s.d[:], gz[i:end])
	copy(s.wp[:], gl[i:end])
	copy(s.x[:], x[i:end])
	copy(s.wn[:], z[i:end])
	copy(s.f[:], logDet[i:end])
	for ; len(far) > 0 && far[0].i < end; far = far[1:] {
		j := far[0].i - i
		s.d[j], s.wp[j], s.x[j], s.wn[j], s.f[j] = 0, 0, 0, 0, 0
	}
	p.GZ, p.GL, p.X, p.Z, p.L = &s.d[0], &s.wp[0], &s.x[0], &s.wn[0], &s.f[0]
	return far
}

// MixtureBackward is PerSampleBackward for a shared mixture: the gradients of its parameters are summed over the samples,
// like Sum, those with |z| ≥ 6 after all others, and added to d.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	gradients: 2286.43, limit 3200, in 2⁻⁵²·max(1, |L|)·largest (|t| ≤ 1000, none light beyond)
//	gradients, far: 21.01, limit 64, in 2⁻⁵²·max(1, |L|)·largest (10σ to 1000σ outside)
//	gradients, gap: 19.15, limit 64, in 2⁻⁵²·max(1, |L|)·largest (10σ to 1000σ on both sides)
//	gradients, light: 24794508.52, limit 1e+08, in 2⁻⁵²·max(1, |L|)·largest (and weights beyond from 2⁻⁹⁰⁰)
func (t Tier) MixtureBackward(dx []float64, d MixtureGrad, gz, gl, x, z, logDet []float64, m Mixture) {
	m.check()
	checkGrad(len(x), dx, gz, gl, z, logDet)
	if k := len(m.Weight); len(d.Logit) != k || len(d.Mean) != k || len(d.LogScale) != k {
		panic(errShape)
	}
	sc := scratches.Get().(*scratch)
	defer scratches.Put(sc)
	if lone(m.Weight) {
		rows := sc.floats(len(x))
		for i := range x {
			dx[i], rows[i] = backwardAffine(gz[i], gl[i], z[i], logDet[i], m.Scale[0])
		}
		sum := t.Sum(dx)
		d.Logit[0] += sum - sum // 0, or NaN
		d.Mean[0] -= sum
		d.LogScale[0] += t.Sum(rows)
		return
	}
	cs := sc.components(len(m.Weight))
	m.prepare(cs)
	acc := sc.lanes(3 * len(cs))
	n := t.whole(len(x))
	sc.findFar(gz, gl, x, z, logDet)
	sc.far = slices.DeleteFunc(sc.far, func(in farInput) bool { return beyond(cs, in.x, in.z) })
	far := sc.far
	p := asm.MixtureArgs{K: len(cs), Components: &cs[0], Acc: &acc[0][0], Grad: &sc.grad}
	for i := 0; i < n; i += tileSize {
		p.N = min(tileSize, n-i)
		p.X, p.Z, p.L, p.GZ, p.GL, p.DX = &x[i], &z[i], &logDet[i], &gz[i], &gl[i], &dx[i]
		far = sc.nearOnly(&p, far, i, i+p.N, gz, gl, x, z, logDet)
		t.mixtureBackward(&p)
	}
	for i := n; i < len(x); i++ {
		if len(far) > 0 && far[0].i == i {
			far = far[1:]
			continue
		}
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
	for j := range sc.far { // after all others
		in := &sc.far[j]
		fs, grads := sc.farRoom(len(cs))
		dx[in.i] = in.gradient(cs, fs, grads)
		for k, g := range grads {
			acc[3*k][in.i&7] += g[0]
			acc[3*k+1][in.i&7] += g[1]
			acc[3*k+2][in.i&7] += g[2]
		}
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
