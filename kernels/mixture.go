package kernels

// Mixture is a one-dimensional Gaussian mixture that all samples share: K weights, means and scales (standard deviations).
// Weights are used as given: they should be non-negative and sum to one within a few ulp; a component of weight zero has no
// effect. Scales must lie in [1e-60, 1e60]. The three slices have the same length, at least one.
type Mixture struct {
	Weight, Mean, Scale []float64
}

// PerSampleMixtures is one mixture per sample, component-major: component k of sample i is element k*Stride+i of each slice.
// Weights and scales obey the rules of Mixture.
type PerSampleMixtures struct {
	K, Stride           int
	Weight, Mean, Scale []float64
}

func (m *Mixture) check() {
	if k := len(m.Weight); k == 0 || len(m.Mean) != k || len(m.Scale) != k {
		panic(errShape)
	}
}

// prepare converts the mixture to the form that the inner loops use.
func (m *Mixture) prepare(cs []component) {
	for k := range cs {
		cs[k] = newComponent(m.Weight[k], m.Mean[k], m.Scale[k])
	}
}

// below sets, for the inverse, the total weight of the components to the left of each component; equal means count in their
// order.
func below(cs []component) {
	for k := range cs {
		cs[k].Below = 0
		for j := range cs {
			if cs[j].Mean < cs[k].Mean || cs[j].Mean == cs[k].Mean && j < k {
				cs[k].Below += cs[j].W
			}
		}
	}
}

func (m *PerSampleMixtures) check(n int) {
	if n == 0 {
		return
	}
	if need := (m.K-1)*m.Stride + n; m.K < 1 || m.Stride < n || len(m.Weight) < need || len(m.Mean) < need || len(m.Scale) < need {
		panic(errShape)
	}
}

// prepare converts the mixture of sample i to the form that the inner loops use.
func (m *PerSampleMixtures) prepare(cs []component, i int) {
	for k := range cs {
		j := k*m.Stride + i
		cs[k] = newComponent(m.Weight[j], m.Mean[j], m.Scale[j])
	}
}

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

// from returns the mixtures of the samples from i on; an empty value if one mixture is shared.
func (m PerSampleMixtures) from(i int) PerSampleMixtures {
	if m.K > 0 {
		m.Weight, m.Mean, m.Scale = m.Weight[i:], m.Mean[i:], m.Scale[i:]
	}
	return m
}

func (m PerSampleMixtures) pointers() (weight, mean, scale *float64, stride int) {
	return &m.Weight[0], &m.Mean[0], &m.Scale[0], m.Stride
}
