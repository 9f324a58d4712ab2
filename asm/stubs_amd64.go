//go:build !purego

package asm

// The kernels of this architecture: what each does, in terms of the reference in package kernels, whose bits it returns.
// n and Tile.N are multiples of Block; rows may be one another where a comment says so, and dst may be an input.

// NormCDFAVX512 sets dst[i] = normCDF(x[i]) of kernels/normal.go.
//
//go:noescape
func NormCDFAVX512(dst, x *float64, n int)

// NormCDFAVX2 is NormCDFAVX512 for another instruction set.
//
//go:noescape
func NormCDFAVX2(dst, x *float64, n int)

// NormSFAVX512 sets dst[i] = normCDF(-x[i]).
//
//go:noescape
func NormSFAVX512(dst, x *float64, n int)

// NormSFAVX2 is NormSFAVX512 for another instruction set.
//
//go:noescape
func NormSFAVX2(dst, x *float64, n int)

// NormLogCDFAVX512 sets dst[i] = normLogCDF(x[i]).
//
//go:noescape
func NormLogCDFAVX512(dst, x *float64, n int)

// NormLogCDFAVX2 is NormLogCDFAVX512 for another instruction set.
//
//go:noescape
func NormLogCDFAVX2(dst, x *float64, n int)

// NormPDFAVX512 sets dst[i] = normPDF(x[i]).
//
//go:noescape
func NormPDFAVX512(dst, x *float64, n int)

// NormPDFAVX2 is NormPDFAVX512 for another instruction set.
//
//go:noescape
func NormPDFAVX2(dst, x *float64, n int)

// NormQuantileAVX512 sets dst[i] = normQuantile(x[i]).
//
//go:noescape
func NormQuantileAVX512(dst, x *float64, n int)

// NormQuantileAVX2 is NormQuantileAVX512 for another instruction set.
//
//go:noescape
func NormQuantileAVX2(dst, x *float64, n int)

// ExpAVX512 sets dst[i] = exp(x[i]) of kernels/scalar.go.
//
//go:noescape
func ExpAVX512(dst, x *float64, n int)

// ExpAVX2 is ExpAVX512 for another instruction set.
//
//go:noescape
func ExpAVX2(dst, x *float64, n int)

// LogAVX512 sets dst[i] = log(x[i]) of kernels/normal.go.
//
//go:noescape
func LogAVX512(dst, x *float64, n int)

// LogAVX2 is LogAVX512 for another instruction set.
//
//go:noescape
func LogAVX2(dst, x *float64, n int)

// TanhAVX512 sets dst[i] = tanh(x[i]).
//
//go:noescape
func TanhAVX512(dst, x *float64, n int)

// TanhAVX2 is TanhAVX512 for another instruction set.
//
//go:noescape
func TanhAVX2(dst, x *float64, n int)

// SmoothReLUAVX512 sets dst[i] = smoothReLU(x[i]) of kernels/smoothrelu.go.
//
//go:noescape
func SmoothReLUAVX512(dst, x *float64, n int)

// SmoothReLUAVX2 is SmoothReLUAVX512 for another instruction set.
//
//go:noescape
func SmoothReLUAVX2(dst, x *float64, n int)

// SmoothReLUBackwardAVX512 sets, with r = rise(x[i]) of kernels/smoothrelu.go, dx[i] = dy[i]·(r²(3-2r)).
//
//go:noescape
func SmoothReLUBackwardAVX512(dx, dy, x *float64, n int)

// SmoothReLUBackwardAVX2 is SmoothReLUBackwardAVX512 for another instruction set.
//
//go:noescape
func SmoothReLUBackwardAVX2(dx, dy, x *float64, n int)

// BoundedExpAVX512 sets dst[i] = exp(bound·tanh(raw[i])).
//
//go:noescape
func BoundedExpAVX512(dst, raw *float64, n int, bound float64)

// BoundedExpAVX2 is BoundedExpAVX512 for another instruction set.
//
//go:noescape
func BoundedExpAVX2(dst, raw *float64, n int, bound float64)

// BoundedExpBackwardAVX512 sets, with h = tanh(raw[i]), dRaw[i] = dLogScale[i]·bound·((1-h)(1+h)).
//
//go:noescape
func BoundedExpBackwardAVX512(dRaw, dLogScale, raw *float64, n int, bound float64)

// BoundedExpBackwardAVX2 is BoundedExpBackwardAVX512 for another instruction set.
//
//go:noescape
func BoundedExpBackwardAVX2(dRaw, dLogScale, raw *float64, n int, bound float64)

// SoftmaxAVX512 sets, for each sample, e_k = exp(src_k - max src), dst_k = e_k/Σ e; dst may be src at equal strides.
//
//go:noescape
func SoftmaxAVX512(p *Params)

// SoftmaxAVX2 is SoftmaxAVX512 for another instruction set.
//
//go:noescape
func SoftmaxAVX2(p *Params)

// AdamAVX512 sets m = β₁m + C1·g, v = β₂v + (C2·g)g, p -= Rate·m/(√v·Root + ε), as kernels/adam.go does.
//
//go:noescape
func AdamAVX512(s *AdamStep)

// AdamAVX2 is AdamAVX512 for another instruction set.
//
//go:noescape
func AdamAVX2(s *AdamStep)

// SumAVX512 adds x[i] to acc[i mod 8].
//
//go:noescape
func SumAVX512(acc *float64, x *float64, n int)

// SumAVX2 is SumAVX512 for another instruction set.
//
//go:noescape
func SumAVX2(acc *float64, x *float64, n int)

// SumSquaresAVX512 adds x[i]² to acc[i mod 8] by FMA.
//
//go:noescape
func SumSquaresAVX512(acc *float64, x *float64, n int)

// SumSquaresAVX2 is SumSquaresAVX512 for another instruction set.
//
//go:noescape
func SumSquaresAVX2(acc *float64, x *float64, n int)

// MixtureSumsAVX512 sets D, WP, WN and F to the sums of each sample X: for each of Components sums.add of kernels/mixture.go.
//
//go:noescape
func MixtureSumsAVX512(t *Tile)

// MixtureSumsAVX2 is MixtureSumsAVX512 for another instruction set.
//
//go:noescape
func MixtureSumsAVX2(t *Tile)

// MixturesSumsAVX512 is the same with a mixture for each sample, Weight, Mean and Scale: newComponent, sums.add.
//
//go:noescape
func MixturesSumsAVX512(t *Tile)

// MixturesSumsAVX2 is MixturesSumsAVX512 for another instruction set.
//
//go:noescape
func MixturesSumsAVX2(t *Tile)

// MixtureFinishAVX512 is sums.forward for each sample, from D, WP, WN and F to Z and L. Where sums.near is false it sets Z to NaN instead,
// and returns true if there is such a sample.
//
//go:noescape
func MixtureFinishAVX512(t *Tile) (far bool)

// MixtureFinishAVX2 is MixtureFinishAVX512 for another instruction set.
//
//go:noescape
func MixtureFinishAVX2(t *Tile) (far bool)

// MixtureTailsAVX512 is sums.cdf: from X, D, WP, WN and F to CDF, SF and PDF. CDF may be D, SF may be WN, PDF may be F.
//
//go:noescape
func MixtureTailsAVX512(t *Tile)

// MixtureTailsAVX2 is MixtureTailsAVX512 for another instruction set.
//
//go:noescape
func MixtureTailsAVX2(t *Tile)

// MixtureFarAVX512 is farForward of kernels/far.go for each sample, from X to Z and L, where all components that count are on one side.
// Elsewhere, and where X is NaN or C·|t| of the nearest is infinite, it sets Z to NaN, and returns true if there is such a sample.
//
//go:noescape
func MixtureFarAVX512(t *Tile) (hard bool)

// MixtureFarAVX2 is MixtureFarAVX512 for another instruction set.
//
//go:noescape
func MixtureFarAVX2(t *Tile) (hard bool)

// MixturesFarAVX512 is the same with a mixture for each sample.
//
//go:noescape
func MixturesFarAVX512(t *Tile) (hard bool)

// MixturesFarAVX2 is MixturesFarAVX512 for another instruction set.
//
//go:noescape
func MixturesFarAVX2(t *Tile) (hard bool)

// MixtureInverseStartAVX512 begins the inverse of each sample Z: it sets the rows of Inverse from X to Other as inverseOne does before its
// first round; Narrow is InverseDone times the narrowest scale. Where lo equals hi, X is lo. Z need not be finite.
//
//go:noescape
func MixtureInverseStartAVX512(t *Tile)

// MixtureInverseStartAVX2 is MixtureInverseStartAVX512 for another instruction set.
//
//go:noescape
func MixtureInverseStartAVX2(t *Tile)

// MixturesInverseStartAVX512 is the same with a mixture for each sample.
//
//go:noescape
func MixturesInverseStartAVX512(t *Tile)

// MixturesInverseStartAVX2 is MixturesInverseStartAVX512 for another instruction set.
//
//go:noescape
func MixturesInverseStartAVX2(t *Tile)

// MixtureInverseSumsAVX512 sets D to Lost of Inverse to the sums of a round, inverseSums.add for each component at X; Z says which side counts.
//
//go:noescape
func MixtureInverseSumsAVX512(t *Tile)

// MixtureInverseSumsAVX2 is MixtureInverseSumsAVX512 for another instruction set.
//
//go:noescape
func MixtureInverseSumsAVX2(t *Tile)

// MixturesInverseSumsAVX512 is the same with a mixture for each sample.
//
//go:noescape
func MixturesInverseSumsAVX512(t *Tile)

// MixturesInverseSumsAVX2 is MixturesInverseSumsAVX512 for another instruction set.
//
//go:noescape
func MixturesInverseSumsAVX2(t *Tile)

// MixtureInverseSolveAVX512 is the rest of a round, from the sums on; fourth says that it is every fourth one, in which the bracket must have
// shrunk. It sets Done to all ones for a sample that is done, X and L to its results, and returns true if there is one. Otherwise Done is 0, and
// X, Lo, Hi and Width are those of the next round. A sample that needs the far path, that is unresolved, whose slope·step is not below InverseBend
// when it is done, whose bracket is exhausted in a gap, or whose Z is not finite is done with X = NaN: the caller has to look after it. Where lo
// equals hi, a sample is done with X = lo and L = -L.
//
//go:noescape
func MixtureInverseSolveAVX512(t *Tile, fourth bool) (done bool)

// MixtureInverseSolveAVX2 is MixtureInverseSolveAVX512 for another instruction set.
//
//go:noescape
func MixtureInverseSolveAVX2(t *Tile, fourth bool) (done bool)

// MixtureBackwardAVX512 is the reverse mode of kernels/backward.go, from GZ, GL, X, Z and L to DX. It adds the gradients of component k's logit,
// mean and log scale to the partial sums 3k, 3k+1 and 3k+2 of Acc, sample i to lane i mod 8. It keeps its state in Grad.
//
//go:noescape
func MixtureBackwardAVX512(t *Tile)

// MixtureBackwardAVX2 is MixtureBackwardAVX512 for another instruction set.
//
//go:noescape
func MixtureBackwardAVX2(t *Tile)

// MixturesBackwardAVX512 is the same with a mixture for each sample: the gradients go to DLogit, DMean and DLogScale.
//
//go:noescape
func MixturesBackwardAVX512(t *Tile)

// MixturesBackwardAVX2 is MixturesBackwardAVX512 for another instruction set.
//
//go:noescape
func MixturesBackwardAVX2(t *Tile)

// MixtureEMAVX512 is the E-step of kernels/em.go: it adds r, r·d and r·d² of component k, d = X - mean, to the partial sums 3k, 3k+1 and
// 3k+2 of Acc, and log f to the 8 after those of all components. It keeps r in Scratch.
//
//go:noescape
func MixtureEMAVX512(t *Tile)

// MixtureEMAVX2 is MixtureEMAVX512 for another instruction set.
//
//go:noescape
func MixtureEMAVX2(t *Tile)

// SplinesForwardAVX512 is Splines.forwardOne of kernels/spline.go for each sample: from X to Y and L. Y may be X.
//
//go:noescape
func SplinesForwardAVX512(s *Spline)

// SplinesForwardAVX2 is SplinesForwardAVX512 for another instruction set.
//
//go:noescape
func SplinesForwardAVX2(s *Spline)

// SplinesInverseAVX512 is Splines.inverseOne: X holds the images, Y receives the solutions and may be X.
//
//go:noescape
func SplinesInverseAVX512(s *Spline)

// SplinesInverseAVX2 is SplinesInverseAVX512 for another instruction set.
//
//go:noescape
func SplinesInverseAVX2(s *Spline)

// SplinesBackwardAVX512 is Splines.backwardOne: from X, GY and GL to DX, DWidth, DHeight and DSlope. DX may be X, GY or GL.
//
//go:noescape
func SplinesBackwardAVX512(s *Spline)

// SplinesBackwardAVX2 is SplinesBackwardAVX512 for another instruction set.
//
//go:noescape
func SplinesBackwardAVX2(s *Spline)
