//go:build !purego

package kernels

import (
	"strings"

	"github.com/klauspost/cpuid/v2"

	"github.com/gaussflow/gaussflow/asm"
)

// tierMissing says what t, which is not Generic, lacks here.
func tierMissing(t Tier) string {
	var need []cpuid.FeatureID
	switch t {
	case AVX2:
		need = []cpuid.FeatureID{cpuid.AVX2, cpuid.FMA3}
	case AVX512:
		need = []cpuid.FeatureID{cpuid.AVX512F, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.AVX512BW}
	default:
		return "it is for arm64, and this is amd64"
	}
	var lacks []string
	for _, f := range need {
		if !cpuid.CPU.Supports(f) {
			lacks = append(lacks, f.String())
		}
	}
	if lacks == nil {
		return ""
	}
	return "the processor, or the system, lacks " + strings.Join(lacks, ", ")
}

// The functions below choose the assembly of tier t, which is not Generic. They are switches, not tables of functions:
// what goes through a table escapes to the heap.

// vector evaluates a function of one variable.
func (t Tier) vector(f function, dst, x *float64, n int) {
	if t == AVX512 {
		switch f {
		case normCDFs:
			asm.NormCDFAVX512(dst, x, n)
		case normSFs:
			asm.NormSFAVX512(dst, x, n)
		case normLogCDFs:
			asm.NormLogCDFAVX512(dst, x, n)
		case normPDFs:
			asm.NormPDFAVX512(dst, x, n)
		case normQuantiles:
			asm.NormQuantileAVX512(dst, x, n)
		case exps:
			asm.ExpAVX512(dst, x, n)
		case logs:
			asm.LogAVX512(dst, x, n)
		case tanhs:
			asm.TanhAVX512(dst, x, n)
		case smoothReLUs:
			asm.SmoothReLUAVX512(dst, x, n)
		}
		return
	}
	switch f {
	case normCDFs:
		asm.NormCDFAVX2(dst, x, n)
	case normSFs:
		asm.NormSFAVX2(dst, x, n)
	case normLogCDFs:
		asm.NormLogCDFAVX2(dst, x, n)
	case normPDFs:
		asm.NormPDFAVX2(dst, x, n)
	case normQuantiles:
		asm.NormQuantileAVX2(dst, x, n)
	case exps:
		asm.ExpAVX2(dst, x, n)
	case logs:
		asm.LogAVX2(dst, x, n)
	case tanhs:
		asm.TanhAVX2(dst, x, n)
	case smoothReLUs:
		asm.SmoothReLUAVX2(dst, x, n)
	}
}

// boundedExp and those that follow are the assembly of the kernels of these names, on whole blocks.
func (t Tier) boundedExp(dst, raw *float64, n int, bound float64) {
	if t == AVX512 {
		asm.BoundedExpAVX512(dst, raw, n, bound)
	} else {
		asm.BoundedExpAVX2(dst, raw, n, bound)
	}
}

func (t Tier) boundedExpBackward(dRaw, dLogScale, raw *float64, n int, bound float64) {
	if t == AVX512 {
		asm.BoundedExpBackwardAVX512(dRaw, dLogScale, raw, n, bound)
	} else {
		asm.BoundedExpBackwardAVX2(dRaw, dLogScale, raw, n, bound)
	}
}

func (t Tier) smoothReLUBackward(dx, dy, x *float64, n int) {
	if t == AVX512 {
		asm.SmoothReLUBackwardAVX512(dx, dy, x, n)
	} else {
		asm.SmoothReLUBackwardAVX2(dx, dy, x, n)
	}
}

func (t Tier) softmax(p *asm.Params) {
	if t == AVX512 {
		asm.SoftmaxAVX512(p)
	} else {
		asm.SoftmaxAVX2(p)
	}
}

func (t Tier) adam(s *asm.AdamStep) {
	if t == AVX512 {
		asm.AdamAVX512(s)
	} else {
		asm.AdamAVX2(s)
	}
}

func (t Tier) sum(a *lanes, x *float64, n int) {
	if t == AVX512 {
		asm.SumAVX512(&a[0], x, n)
	} else {
		asm.SumAVX2(&a[0], x, n)
	}
}

func (t Tier) sumSquares(a *lanes, x *float64, n int) {
	if t == AVX512 {
		asm.SumSquaresAVX512(&a[0], x, n)
	} else {
		asm.SumSquaresAVX2(&a[0], x, n)
	}
}

// sums fills D, WP, WN and F; shared says whether all samples have one mixture.
func (t Tier) sums(shared bool, p *asm.Tile) {
	switch {
	case t == AVX512 && shared:
		asm.MixtureSumsAVX512(p)
	case t == AVX512:
		asm.MixturesSumsAVX512(p)
	case shared:
		asm.MixtureSumsAVX2(p)
	default:
		asm.MixturesSumsAVX2(p)
	}
}

func (t Tier) finish(p *asm.Tile) (far bool) {
	if t == AVX512 {
		return asm.MixtureFinishAVX512(p)
	}
	return asm.MixtureFinishAVX2(p)
}

func (t Tier) tails(p *asm.Tile) {
	if t == AVX512 {
		asm.MixtureTailsAVX512(p)
	} else {
		asm.MixtureTailsAVX2(p)
	}
}

func (t Tier) far(shared bool, p *asm.Tile) (hard bool) {
	switch {
	case t == AVX512 && shared:
		return asm.MixtureFarAVX512(p)
	case t == AVX512:
		return asm.MixturesFarAVX512(p)
	case shared:
		return asm.MixtureFarAVX2(p)
	}
	return asm.MixturesFarAVX2(p)
}

func (t Tier) inverseStart(shared bool, p *asm.Tile) {
	switch {
	case t == AVX512 && shared:
		asm.MixtureInverseStartAVX512(p)
	case t == AVX512:
		asm.MixturesInverseStartAVX512(p)
	case shared:
		asm.MixtureInverseStartAVX2(p)
	default:
		asm.MixturesInverseStartAVX2(p)
	}
}

func (t Tier) inverseSums(shared bool, p *asm.Tile) {
	switch {
	case t == AVX512 && shared:
		asm.MixtureInverseSumsAVX512(p)
	case t == AVX512:
		asm.MixturesInverseSumsAVX512(p)
	case shared:
		asm.MixtureInverseSumsAVX2(p)
	default:
		asm.MixturesInverseSumsAVX2(p)
	}
}

func (t Tier) inverseSolve(p *asm.Tile, fourth bool) (done bool) {
	if t == AVX512 {
		return asm.MixtureInverseSolveAVX512(p, fourth)
	}
	return asm.MixtureInverseSolveAVX2(p, fourth)
}

func (t Tier) backward(shared bool, p *asm.Tile) {
	switch {
	case t == AVX512 && shared:
		asm.MixtureBackwardAVX512(p)
	case t == AVX512:
		asm.MixturesBackwardAVX512(p)
	case shared:
		asm.MixtureBackwardAVX2(p)
	default:
		asm.MixturesBackwardAVX2(p)
	}
}

func (t Tier) em(p *asm.Tile) {
	if t == AVX512 {
		asm.MixtureEMAVX512(p)
	} else {
		asm.MixtureEMAVX2(p)
	}
}

func (t Tier) spline(inverse bool, p *asm.Spline) {
	switch {
	case t == AVX512 && inverse:
		asm.SplinesInverseAVX512(p)
	case t == AVX512:
		asm.SplinesForwardAVX512(p)
	case inverse:
		asm.SplinesInverseAVX2(p)
	default:
		asm.SplinesForwardAVX2(p)
	}
}

func (t Tier) splineBackward(p *asm.Spline) {
	if t == AVX512 {
		asm.SplinesBackwardAVX512(p)
	} else {
		asm.SplinesBackwardAVX2(p)
	}
}
