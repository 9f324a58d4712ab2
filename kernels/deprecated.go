package kernels

// Names of the first version, which differ from others by one letter, or take sizes as
// positional arguments.

// Mixtures is PerSampleMixtures.
//
// Deprecated: use [PerSampleMixtures].
type Mixtures = PerSampleMixtures

// MixturesGrad is PerSampleGrad.
//
// Deprecated: use [PerSampleGrad].
type MixturesGrad = PerSampleGrad

// MixturesForward is PerSampleForward.
//
// Deprecated: use [PerSampleForward].
func (t Tier) MixturesForward(z, logDet, x []float64, m PerSampleMixtures) {
	t.PerSampleForward(z, logDet, x, m)
}

// MixturesInverse is PerSampleInverse.
//
// Deprecated: use [PerSampleInverse].
func (t Tier) MixturesInverse(x, logDet, z []float64, m PerSampleMixtures) {
	t.PerSampleInverse(x, logDet, z, m)
}

// MixturesBackward is PerSampleBackward.
//
// Deprecated: use [PerSampleBackward].
func (t Tier) MixturesBackward(dx []float64, d PerSampleGrad, gz, gl, x, z, logDet []float64, m PerSampleMixtures) {
	t.PerSampleBackward(dx, d, gz, gl, x, z, logDet, m)
}

// Softmax is SoftmaxColumns of n columns of k numbers.
//
// Deprecated: use [SoftmaxColumns].
func (t Tier) Softmax(dst []float64, dstStride int, logit []float64, stride, k, n int) {
	t.SoftmaxColumns(Columns{K: k, N: n, Stride: dstStride, Data: dst}, Columns{K: k, N: n, Stride: stride, Data: logit})
}
