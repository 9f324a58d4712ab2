//go:build !purego

package asm

// The kernels of this architecture: what each does, in terms of the reference in package kernels, whose bits it returns.
// n and Tile.N are multiples of Block; rows may be one another where a comment says so, and dst may be an input.

// NormCDFNEON sets dst[i] = normCDF(x[i]) of kernels/normal.go.
//
//go:noescape
func NormCDFNEON(dst, x *float64, n int)

// NormSFNEON sets dst[i] = normCDF(-x[i]).
//
//go:noescape
func NormSFNEON(dst, x *float64, n int)

// NormLogCDFNEON sets dst[i] = normLogCDF(x[i]).
//
//go:noescape
func NormLogCDFNEON(dst, x *float64, n int)

// NormPDFNEON sets dst[i] = normPDF(x[i]).
//
//go:noescape
func NormPDFNEON(dst, x *float64, n int)

// NormQuantileNEON sets dst[i] = normQuantile(x[i]).
//
//go:noescape
func NormQuantileNEON(dst, x *float64, n int)

// ExpNEON sets dst[i] = exp(x[i]) of kernels/scalar.go.
//
//go:noescape
func ExpNEON(dst, x *float64, n int)

// LogNEON sets dst[i] = log(x[i]) of kernels/normal.go.
//
//go:noescape
func LogNEON(dst, x *float64, n int)

// TanhNEON sets dst[i] = tanh(x[i]).
//
//go:noescape
func TanhNEON(dst, x *float64, n int)

// SmoothReLUNEON sets dst[i] = smoothReLU(x[i]) of kernels/smoothrelu.go.
//
//go:noescape
func SmoothReLUNEON(dst, x *float64, n int)

// SmoothReLUBackwardNEON sets, with r = rise(x[i]) of kernels/smoothrelu.go, dx[i] = dy[i]·(r²(3-2r)).
//
//go:noescape
func SmoothReLUBackwardNEON(dx, dy, x *float64, n int)

// BoundedExpNEON sets dst[i] = exp(bound·tanh(raw[i])).
//
//go:noescape
func BoundedExpNEON(dst, raw *float64, n int, bound float64)

// BoundedExpBackwardNEON sets, with h = tanh(raw[i]), dRaw[i] = dLogScale[i]·bound·((1-h)(1+h)).
//
//go:noescape
func BoundedExpBackwardNEON(dRaw, dLogScale, raw *float64, n int, bound float64)

// SoftmaxNEON sets, for each sample, e_k = exp(src_k - max src), dst_k = e_k/Σ e; dst may be src at equal strides.
//
//go:noescape
func SoftmaxNEON(p *Params)

// AdamNEON sets m = β₁m + C1·g, v = β₂v + (C2·g)g, p -= Rate·m/(√v·Root + ε), as kernels/adam.go does.
//
//go:noescape
func AdamNEON(s *AdamStep)

// SumNEON adds x[i] to acc[i mod 8].
//
//go:noescape
func SumNEON(acc *float64, x *float64, n int)

// SumSquaresNEON adds x[i]² to acc[i mod 8] by FMA.
//
//go:noescape
func SumSquaresNEON(acc *float64, x *float64, n int)

// MixtureSumsNEON sets D, WP, WN and F to the sums of each sample X: for each of Components sums.add of kernels/mixture.go.
//
//go:noescape
func MixtureSumsNEON(t *Tile)

// MixturesSumsNEON is the same with a mixture for each sample, Weight, Mean and Scale: newComponent, sums.add.
//
//go:noescape
func MixturesSumsNEON(t *Tile)

// MixtureFinishNEON is sums.forward for each sample, from D, WP, WN and F to Z and L. Where sums.near is false it sets Z to NaN instead,
// and returns true if there is such a sample.
//
//go:noescape
func MixtureFinishNEON(t *Tile) (far bool)

// MixtureTailsNEON is sums.cdf: from X, D, WP, WN and F to CDF, SF and PDF. CDF may be D, SF may be WN, PDF may be F.
//
//go:noescape
func MixtureTailsNEON(t *Tile)

// MixtureFarNEON is farForward of kernels/far.go for each sample, from X to Z and L, where all components that count are on one side.
// Elsewhere, and where X is NaN or C·|t| of the nearest is infinite, it sets Z to NaN, and returns true if there is such a sample.
//
//go:noescape
func MixtureFarNEON(t *Tile) (hard bool)

// MixturesFarNEON is the same with a mixture for each sample.
//
//go:noescape
func MixturesFarNEON(t *Tile) (hard bool)

// MixtureInverseStartNEON begins the inverse of each sample Z: it sets the rows of Inverse from X to Other as inverseOne does before its
// first round; Narrow is InverseDone times the narrowest scale. Where lo equals hi, X is lo. Z need not be finite.
//
//go:noescape
func MixtureInverseStartNEON(t *Tile)

// MixturesInverseStartNEON is the same with a mixture for each sample.
//
//go:noescape
func MixturesInverseStartNEON(t *Tile)

// MixtureInverseSumsNEON sets D to Lost of Inverse to the sums of a round, inverseSums.add for each component at X; Z says which side counts.
//
//go:noescape
func MixtureInverseSumsNEON(t *Tile)

// MixturesInverseSumsNEON is the same with a mixture for each sample.
//
//go:noescape
func MixturesInverseSumsNEON(t *Tile)

// MixtureInverseSolveNEON is the rest of a round, from the sums on; fourth says that it is every fourth one, in which the bracket must have
// shrunk. It sets Done to all ones for a sample that is done, X and L to its results, and returns true if there is one. Otherwise Done is 0, and
// X, Lo, Hi and Width are those of the next round. A sample that needs the far path, that is unresolved, whose slope·step is not below InverseBend
// when it is done, whose bracket is exhausted in a gap, or whose Z is not finite is done with X = NaN: the caller has to look after it. Where lo
// equals hi, a sample is done with X = lo and L = -L.
//
//go:noescape
func MixtureInverseSolveNEON(t *Tile, fourth bool) (done bool)

// MixtureBackwardNEON is the reverse mode of kernels/backward.go, from GZ, GL, X, Z and L to DX. It adds the gradients of component k's logit,
// mean and log scale to the partial sums 3k, 3k+1 and 3k+2 of Acc, sample i to lane i mod 8. It keeps its state in Grad.
//
//go:noescape
func MixtureBackwardNEON(t *Tile)

// MixturesBackwardNEON is the same with a mixture for each sample: the gradients go to DLogit, DMean and DLogScale.
//
//go:noescape
func MixturesBackwardNEON(t *Tile)

// MixtureEMNEON is the E-step of kernels/em.go: it adds r, r·d and r·d² of component k, d = X - mean, to the partial sums 3k, 3k+1 and
// 3k+2 of Acc, and log f to the 8 after those of all components. It keeps r in Scratch.
//
//go:noescape
func MixtureEMNEON(t *Tile)

// SplinesForwardNEON is Splines.forwardOne of kernels/spline.go for each sample: from X to Y and L. Y may be X.
//
//go:noescape
func SplinesForwardNEON(s *Spline)

// SplinesInverseNEON is Splines.inverseOne: X holds the images, Y receives the solutions and may be X.
//
//go:noescape
func SplinesInverseNEON(s *Spline)

// SplinesBackwardNEON is Splines.backwardOne: from X, GY and GL to DX, DWidth, DHeight and DSlope. DX may be X, GY or GL.
//
//go:noescape
func SplinesBackwardNEON(s *Spline)
