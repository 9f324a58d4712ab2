//go:build !purego

package kernels

import "github.com/gaussflow/gaussflow/asm"

// tierMissing says what t, which is not Generic, lacks here. Every arm64 processor has NEON.
func tierMissing(t Tier) string {
	if t != NEON {
		return "it is for amd64, and this is arm64"
	}
	return ""
}

// The functions below call the assembly of tier t, which is NEON; dispatch_amd64.go has a choice to make.

func (t Tier) vector(f function, dst, x *float64, n int) {
	switch f {
	case normCDFs:
		asm.NormCDFNEON(dst, x, n)
	case normSFs:
		asm.NormSFNEON(dst, x, n)
	case normLogCDFs:
		asm.NormLogCDFNEON(dst, x, n)
	case normPDFs:
		asm.NormPDFNEON(dst, x, n)
	case normQuantiles:
		asm.NormQuantileNEON(dst, x, n)
	case exps:
		asm.ExpNEON(dst, x, n)
	case logs:
		asm.LogNEON(dst, x, n)
	case tanhs:
		asm.TanhNEON(dst, x, n)
	case smoothReLUs:
		asm.SmoothReLUNEON(dst, x, n)
	}
}

func (t Tier) boundedExp(dst, raw *float64, n int, bound float64) {
	asm.BoundedExpNEON(dst, raw, n, bound)
}

func (t Tier) boundedExpBackward(dRaw, dLogScale, raw *float64, n int, bound float64) {
	asm.BoundedExpBackwardNEON(dRaw, dLogScale, raw, n, bound)
}

func (t Tier) smoothReLUBackward(dx, dy, x *float64, n int) {
	asm.SmoothReLUBackwardNEON(dx, dy, x, n)
}

func (t Tier) softmax(p *asm.Params)                  { asm.SoftmaxNEON(p) }
func (t Tier) adam(s *asm.AdamStep)                   { asm.AdamNEON(s) }
func (t Tier) sum(a *lanes, x *float64, n int)        { asm.SumNEON(&a[0], x, n) }
func (t Tier) sumSquares(a *lanes, x *float64, n int) { asm.SumSquaresNEON(&a[0], x, n) }
func (t Tier) finish(p *asm.Tile) (far bool)          { return asm.MixtureFinishNEON(p) }
func (t Tier) tails(p *asm.Tile)                      { asm.MixtureTailsNEON(p) }
func (t Tier) em(p *asm.Tile)                         { asm.MixtureEMNEON(p) }

func (t Tier) sums(shared bool, p *asm.Tile) {
	if shared {
		asm.MixtureSumsNEON(p)
	} else {
		asm.MixturesSumsNEON(p)
	}
}

func (t Tier) far(shared bool, p *asm.Tile) (hard bool) {
	if shared {
		return asm.MixtureFarNEON(p)
	}
	return asm.MixturesFarNEON(p)
}

func (t Tier) inverseStart(shared bool, p *asm.Tile) {
	if shared {
		asm.MixtureInverseStartNEON(p)
	} else {
		asm.MixturesInverseStartNEON(p)
	}
}

func (t Tier) inverseSums(shared bool, p *asm.Tile) {
	if shared {
		asm.MixtureInverseSumsNEON(p)
	} else {
		asm.MixturesInverseSumsNEON(p)
	}
}

func (t Tier) inverseSolve(p *asm.Tile, fourth bool) (done bool) {
	return asm.MixtureInverseSolveNEON(p, fourth)
}

func (t Tier) backward(shared bool, p *asm.Tile) {
	if shared {
		asm.MixtureBackwardNEON(p)
	} else {
		asm.MixturesBackwardNEON(p)
	}
}

func (t Tier) spline(inverse bool, p *asm.Spline) {
	if inverse {
		asm.SplinesInverseNEON(p)
	} else {
		asm.SplinesForwardNEON(p)
	}
}

func (t Tier) splineBackward(p *asm.Spline) { asm.SplinesBackwardNEON(p) }
