package kernels

import "sync"

// scratch is what a call of a mixture kernel needs beside its arguments; pooled, so that steady state allocates nothing.
type scratch struct {
	comps []component
	rows  []float64
	accs  []lanes
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (s *scratch) components(k int) []component {
	if cap(s.comps) < k {
		s.comps = make([]component, k)
	}
	return s.comps[:k]
}

func (s *scratch) floats(n int) []float64 {
	if cap(s.rows) < n {
		s.rows = make([]float64, n)
	}
	return s.rows[:n]
}

func (s *scratch) lanes(n int) []lanes {
	if cap(s.accs) < n {
		s.accs = make([]lanes, n)
	}
	clear(s.accs[:n])
	return s.accs[:n]
}

func (m *Mixture) check() {
	if k := len(m.Weight); k == 0 || len(m.Mean) != k || len(m.Scale) != k {
		panic(errShape)
	}
}

// prepare brings the mixture into the inner loop's form.
func (m *Mixture) prepare(cs []component) {
	for k := range cs {
		cs[k] = newComponent(m.Weight[k], m.Mean[k], m.Scale[k])
	}
}

func (m *Mixtures) check(n int) {
	if n == 0 {
		return
	}
	if need := (m.K-1)*m.Stride + n; m.K < 1 || m.Stride < n || len(m.Weight) < need || len(m.Mean) < need || len(m.Scale) < need {
		panic(errShape)
	}
}

// prepare brings the mixture of sample i into the inner loop's form.
func (m *Mixtures) prepare(cs []component, i int) {
	for k := range cs {
		j := k*m.Stride + i
		cs[k] = newComponent(m.Weight[j], m.Mean[j], m.Scale[j])
	}
}

// MixtureCDF sets cdf[i] = F(x[i]), sf[i] = 1-F(x[i]), each accurate in its own tail, and pdf[i] = f(x[i]). Any of the
// three may be nil; none may overlap x unless it is x.
func MixtureCDF(cdf, sf, pdf, x []float64, m Mixture) { active().MixtureCDF(cdf, sf, pdf, x, m) }

// MixtureForward sets z[i] = Φ⁻¹(F(x[i])) and logDet[i] = log dz/dx, in nats. Nothing is clipped: z and the log-det are
// finite and accurate for every finite x whose z is a float64. At x = ±Inf, z = x and logDet is its limit, minus the
// log of the largest scale; NaN gives NaN. logDet may be nil; z may be x.
func MixtureForward(z, logDet, x []float64, m Mixture) { active().MixtureForward(z, logDet, x, m) }

// MixtureInverse sets x[i] to the solution of Φ⁻¹(F(x)) = z[i], and logDet[i] = log dx/dz, in nats. logDet may be nil;
// x may be z. Where the map is so flat that many numbers share one z, x is the one at which F is Φ(z) exactly.
func MixtureInverse(x, logDet, z []float64, m Mixture) { active().MixtureInverse(x, logDet, z, m) }

// MixturesForward is MixtureForward with one mixture per sample. Equal mixtures give equal bits.
func MixturesForward(z, logDet, x []float64, m Mixtures) { active().MixturesForward(z, logDet, x, m) }

// MixturesInverse is MixtureInverse with one mixture per sample. Equal mixtures give equal bits.
func MixturesInverse(x, logDet, z []float64, m Mixtures) { active().MixturesInverse(x, logDet, z, m) }

// MixtureCDF is the package function on tier t.
func (t Tier) MixtureCDF(cdf, sf, pdf, x []float64, m Mixture) {
	m.check()
	sameLength(len(x), cdf, sf, pdf)
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	cs := s.components(len(m.Weight))
	m.prepare(cs)
	for i, v := range x {
		sum := sumOne(cs, v)
		a, b, f := sum.cdf(v)
		if cdf != nil {
			cdf[i] = a
		}
		if sf != nil {
			sf[i] = b
		}
		if pdf != nil {
			pdf[i] = f
		}
	}
}

// MixtureForward is the package function on tier t.
func (t Tier) MixtureForward(z, logDet, x []float64, m Mixture) {
	mapShared(z, logDet, x, m, forwardOne)
}

// MixtureInverse is the package function on tier t.
func (t Tier) MixtureInverse(x, logDet, z []float64, m Mixture) {
	mapShared(x, logDet, z, m, inverseOne)
}

// MixturesForward is the package function on tier t.
func (t Tier) MixturesForward(z, logDet, x []float64, m Mixtures) {
	mapEach(z, logDet, x, m, forwardOne)
}

// MixturesInverse is the package function on tier t.
func (t Tier) MixturesInverse(x, logDet, z []float64, m Mixtures) {
	mapEach(x, logDet, z, m, inverseOne)
}

func mapShared(dst, logDet, src []float64, m Mixture, one func([]component, float64) (float64, float64)) {
	m.check()
	sameLength(len(src), dst, logDet)
	if len(dst) != len(src) {
		panic(errLength)
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	cs := s.components(len(m.Weight))
	m.prepare(cs)
	for i, v := range src {
		y, l := one(cs, v)
		dst[i] = y
		if logDet != nil {
			logDet[i] = l
		}
	}
}

func mapEach(dst, logDet, src []float64, m Mixtures, one func([]component, float64) (float64, float64)) {
	m.check(len(src))
	sameLength(len(src), dst, logDet)
	if len(dst) != len(src) {
		panic(errLength)
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	cs := s.components(m.K)
	for i, v := range src {
		m.prepare(cs, i)
		y, l := one(cs, v)
		dst[i] = y
		if logDet != nil {
			logDet[i] = l
		}
	}
}
