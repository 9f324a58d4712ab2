package kernels

// MixtureCDF sets cdf[i] = F(x[i]), sf[i] = 1-F(x[i]), each accurate in its own tail, and pdf[i] = f(x[i]). Any of the
// three may be nil; none may overlap x unless it is x.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	mixture F: 6.37, limit 10, in ulp (normal results)
//	mixture S: 6.70, limit 10, in ulp (normal results)
//	mixture f: 5.61, limit 10, in ulp (normal results)
func (t Tier) MixtureCDF(cdf, sf, pdf, x []float64, m Mixture) {
	t.mapShared(tails, [3][]float64{cdf, sf, pdf}, x, m)
}

// MixtureForward sets z[i] = Φ⁻¹(F(x[i])) and logDet[i] = log dz/dx, in nats. Nothing is clipped: z and the log-det are
// finite and accurate for every finite x whose z is a float64. At x = ±Inf, z = x and logDet has its limit, minus the
// log of the largest scale; NaN gives NaN. logDet may be nil; z may be x.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	mixture z: 6.16, limit 10, in uz (|t| ≤ 1000)
//	mixture L: 4.96, limit 9, in uL (|t| ≤ 1000)
func (t Tier) MixtureForward(z, logDet, x []float64, m Mixture) {
	t.mapShared(forward, [3][]float64{z, logDet}, x, m)
}

// MixtureInverse sets x[i] to the solution of Φ⁻¹(F(x)) = z[i], and logDet[i] = log dx/dz, in nats. logDet may be nil;
// x may be z. Where the map is so flat that many numbers share one z, x is the one at which F is Φ(z) exactly.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	inverse x: 3.45, limit 8, in ux (|z| ≤ 100)
//	inverse L: 5.05, limit 9, in uL + |dL/dz|·uz (|z| ≤ 100)
func (t Tier) MixtureInverse(x, logDet, z []float64, m Mixture) {
	t.mapShared(inverse, [3][]float64{x, logDet}, z, m)
}

// PerSampleForward is MixtureForward with one mixture per sample. Equal mixtures give equal bits.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	mixture z: 6.16, limit 10, in uz (|t| ≤ 1000)
//	mixture L: 4.96, limit 9, in uL (|t| ≤ 1000)
func (t Tier) PerSampleForward(z, logDet, x []float64, m PerSampleMixtures) {
	t.mapPerSample(forward, [3][]float64{z, logDet}, x, m)
}

// PerSampleInverse is MixtureInverse with one mixture per sample. Equal mixtures give equal bits.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	inverse x: 3.45, limit 8, in ux (|z| ≤ 100)
//	inverse L: 5.05, limit 9, in uL + |dL/dz|·uz (|z| ≤ 100)
func (t Tier) PerSampleInverse(x, logDet, z []float64, m PerSampleMixtures) {
	t.mapPerSample(inverse, [3][]float64{x, logDet}, z, m)
}

func (t Tier) mapShared(op operation, dst [3][]float64, src []float64, m Mixture) {
	m.check()
	if op != tails && lone(m.Weight) {
		checkMaps(dst, src)
		t.mapAffine(op, dst[0], dst[1], src, m.Mean[0], m.Scale[0])
		return
	}
	c := call{t: t, op: op, shared: true, scratch: scratches.Get().(*scratch)}
	defer scratches.Put(c.scratch)
	c.cs = c.components(len(m.Weight))
	m.prepare(c.cs)
	if op == inverse {
		below(c.cs)
	}
	c.run(dst, src)
}

func (t Tier) mapPerSample(op operation, dst [3][]float64, src []float64, m PerSampleMixtures) {
	m.check(len(src))
	if op != tails && m.K == 1 && len(src) > 0 {
		checkMaps(dst, src)
		t.mapPerSampleAffine(op, dst[0], dst[1], src, m)
		return
	}
	c := call{t: t, op: op, mixtures: m, scratch: scratches.Get().(*scratch)}
	defer scratches.Put(c.scratch)
	if len(src) > 0 {
		c.cs = c.components(m.K)
	}
	c.run(dst, src)
}
