package kernels

import "github.com/gaussflow/gaussflow/asm"

// MixtureGrad receives the gradient with respect to the parameters of one shared mixture, K entries each.
type MixtureGrad struct {
	Logit, Mean, LogScale []float64
}

// PerSampleGrad receives the gradient with respect to the parameters of one mixture per sample, laid out like PerSampleMixtures.
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
// so that everything stays in range however far the tail, as long as z² does; beyond, and where z or logDet is not
// finite, the gradient is NaN. dx may be x, gz or gl; d overlaps nothing else.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	gradients: 213.59, limit 4500, in uL·largest (|t| ≤ 100)
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

// MixtureBackward is PerSampleBackward for a shared mixture: the gradients of its parameters are summed over the samples,
// like Sum, and added to d.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	gradients: 213.59, limit 4500, in uL·largest (|t| ≤ 100)
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
	p := asm.MixtureArgs{K: len(cs), Components: &cs[0], Acc: &acc[0][0], Grad: &sc.grad}
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
