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
