package cases

import (
	"fmt"

	"github.com/gaussflow/gaussflow/kernels"
)

// A Kernel is one kernel at one size, as a piece of work on any tier.
type Kernel struct {
	Name  string // NormCDF, MixtureForward, …
	N, K  int    // samples or elements; components, 0 where there are none
	Form  string // shared or each: one mixture, or one per sample; empty where there are none
	Bytes int    // read and written, arguments and results
	// On returns the work on a tier, and the slices that it writes.
	On func(t kernels.Tier) (do func(), out [][]float64)
}

// Path is the kernel as benchmarks are named.
func (k Kernel) Path() string {
	p := "kernel=" + k.Name
	if k.Form != "" {
		p += "/form=" + k.Form
	}
	p += fmt.Sprintf("/n=%d", k.N)
	if k.K > 0 {
		p += fmt.Sprintf("/K=%d", k.K)
	}
	return p
}

// Functions lists the element-wise kernels and the reductions.
func Functions(in *Inputs) []Kernel {
	type method func(t kernels.Tier, dst, x []float64)
	var ks []Kernel
	for _, f := range []struct {
		name string
		x    []float64
		do   method
	}{
		{"NormCDF", in.T, kernels.Tier.NormCDF},
		{"NormSF", in.T, kernels.Tier.NormSF},
		{"NormLogCDF", in.T, kernels.Tier.NormLogCDF},
		{"NormPDF", in.T, kernels.Tier.NormPDF},
		{"NormQuantile", in.P, kernels.Tier.NormQuantile},
		{"Exp", in.A, kernels.Tier.Exp},
		{"Log", in.L, kernels.Tier.Log},
		{"Tanh", in.T, kernels.Tier.Tanh},
		{"BoundedExp", in.T, func(t kernels.Tier, dst, x []float64) { t.BoundedExp(dst, x, 5) }},
		{"BoundedExpBackward", in.T, func(t kernels.Tier, dst, x []float64) { t.BoundedExpBackward(dst, in.Z, x, 5) }},
		{"SmoothReLU", in.T, kernels.Tier.SmoothReLU},
		{"SmoothReLUBackward", in.T, func(t kernels.Tier, dst, x []float64) { t.SmoothReLUBackward(dst, in.Z, x) }},
		{"Sum", in.T, func(t kernels.Tier, dst, x []float64) { dst[0] = t.Sum(x) }},
		{"SumSquares", in.T, func(t kernels.Tier, dst, x []float64) { dst[0] = t.SumSquares(x) }},
	} {
		n, results := in.N, in.N
		if f.name == "Sum" || f.name == "SumSquares" {
			results = 1
		}
		arguments := n
		if f.name == "BoundedExpBackward" || f.name == "SmoothReLUBackward" {
			arguments = 2 * n
		}
		ks = append(ks, Kernel{Name: f.name, N: n, Bytes: 8 * (arguments + results), On: func(t kernels.Tier) (func(), [][]float64) {
			dst := make([]float64, results)
			return func() { f.do(t, dst, f.x) }, [][]float64{dst}
		}})
	}
	return append(ks, Kernel{Name: "Adam", N: in.N, Bytes: 8 * 7 * in.N, On: func(t kernels.Tier) (func(), [][]float64) {
		p, m, v := append([]float64(nil), in.T...), make([]float64, in.N), make([]float64, in.N)
		a := kernels.AdamParams{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Step: 1}
		return func() { t.Adam(p, in.Z, m, v, a) }, [][]float64{p, m, v}
	}})
}

// OfMixtures lists the kernels of mixtures.
func OfMixtures(in *Inputs) []Kernel {
	n, k := in.N, in.K
	kernel := func(name, form string, numbers int, on func(t kernels.Tier) (func(), [][]float64)) Kernel {
		return Kernel{Name: name, N: n, K: k, Form: form, Bytes: 8 * numbers, On: on}
	}
	vec := func() []float64 { return make([]float64, n) }
	return []Kernel{
		kernel("MixtureCDF", "shared", 4*n, func(t kernels.Tier) (func(), [][]float64) {
			cdf, sf, pdf := vec(), vec(), vec()
			return func() { t.MixtureCDF(cdf, sf, pdf, in.X, in.Shared) }, [][]float64{cdf, sf, pdf}
		}),
		kernel("MixtureForward", "shared", 3*n, func(t kernels.Tier) (func(), [][]float64) {
			z, l := vec(), vec()
			return func() { t.MixtureForward(z, l, in.X, in.Shared) }, [][]float64{z, l}
		}),
		kernel("MixtureForward", "each", (3+3*k)*n, func(t kernels.Tier) (func(), [][]float64) {
			z, l := vec(), vec()
			return func() { t.PerSampleForward(z, l, in.X, in.Each) }, [][]float64{z, l}
		}),
		kernel("MixtureInverse", "shared", 3*n, func(t kernels.Tier) (func(), [][]float64) {
			x, l := vec(), vec()
			return func() { t.MixtureInverse(x, l, in.Z, in.Shared) }, [][]float64{x, l}
		}),
		kernel("MixtureInverse", "each", (3+3*k)*n, func(t kernels.Tier) (func(), [][]float64) {
			x, l := vec(), vec()
			return func() { t.PerSampleInverse(x, l, in.Z, in.Each) }, [][]float64{x, l}
		}),
		kernel("MixtureBackward", "shared", 6*n, func(t kernels.Tier) (func(), [][]float64) { return Backward(t, in, false) }),
		kernel("MixtureBackward", "each", (6+6*k)*n, func(t kernels.Tier) (func(), [][]float64) { return Backward(t, in, true) }),
		kernel("MixtureEM", "shared", n, func(t kernels.Tier) (func(), [][]float64) {
			s := kernels.EMStats{N: make([]float64, k), A: make([]float64, k), B: make([]float64, k)}
			sum := make([]float64, 1)
			return func() { sum[0] = t.MixtureEM(s, in.X, in.Shared) }, [][]float64{s.N, s.A, s.B, sum}
		}),
		kernel("Softmax", "each", 2*k*n, func(t kernels.Tier) (func(), [][]float64) {
			dst := make([]float64, k*n)
			return func() {
				t.SoftmaxColumns(kernels.Columns{K: k, N: n, Stride: n, Data: dst}, kernels.Columns{K: k, N: n, Stride: n, Data: in.Each.Mean})
			}, [][]float64{dst}
		}),
		kernel("LogSumExp", "each", (1+2*k)*n, func(t kernels.Tier) (func(), [][]float64) {
			dst := vec()
			return func() {
				t.LogSumExp(dst, kernels.Columns{K: k, N: n, Stride: n, Data: in.Each.Weight}, kernels.Columns{K: k, N: n, Stride: n, Data: in.Each.Mean})
			}, [][]float64{dst}
		}),
		kernel("GaussianLogDensities", "shared", 2*k*n, func(t kernels.Tier) (func(), [][]float64) { // in K dimensions
			dst := make([]float64, k*n)
			return func() {
				t.GaussianLogDensities(kernels.Columns{K: k, N: n, Stride: n, Data: dst}, kernels.Columns{K: k, N: n, Stride: n, Data: in.Each.Mean}, in.Gaussians)
			}, [][]float64{dst}
		}),
		kernel("SplinesForward", "each", (3+3*k)*n, func(t kernels.Tier) (func(), [][]float64) {
			y, l := vec(), vec()
			return func() { t.SplinesForward(y, l, in.Z, in.Splines) }, [][]float64{y, l}
		}),
		kernel("SplinesInverse", "each", (3+3*k)*n, func(t kernels.Tier) (func(), [][]float64) {
			x, l := vec(), vec()
			return func() { t.SplinesInverse(x, l, in.Z, in.Splines) }, [][]float64{x, l}
		}),
		kernel("SplinesBackward", "each", (4+6*k)*n, func(t kernels.Tier) (func(), [][]float64) {
			dx, gl := vec(), vec()
			d := kernels.SplinesGrad{K: k, Stride: n, Width: make([]float64, n*k), Height: make([]float64, n*k), LogSlope: make([]float64, n*(k-1))}
			return func() { t.SplinesBackward(dx, d, in.Z, gl, in.Z, in.Splines) }, [][]float64{dx, d.Width, d.Height, d.LogSlope}
		}),
	}
}

// Backward is the gradient of a loss whose derivatives are in.Z and minus one, given the forward map's results.
func Backward(t kernels.Tier, in *Inputs, each bool) (func(), [][]float64) {
	n, k := in.N, in.K
	z, l, dx, gl := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range gl {
		gl[i] = -1
	}
	size := k
	if each {
		size = n * k
	}
	logit, mean, scale := make([]float64, size), make([]float64, size), make([]float64, size)
	out := [][]float64{dx, logit, mean, scale}
	if each {
		t.PerSampleForward(z, l, in.X, in.Each)
		d := kernels.PerSampleGrad{K: k, Stride: n, Logit: logit, Mean: mean, LogScale: scale}
		return func() { t.PerSampleBackward(dx, d, in.Z, gl, in.X, z, l, in.Each) }, out
	}
	t.MixtureForward(z, l, in.X, in.Shared)
	d := kernels.MixtureGrad{Logit: logit, Mean: mean, LogScale: scale}
	return func() {
		clear(logit)
		clear(mean)
		clear(scale)
		t.MixtureBackward(dx, d, in.Z, gl, in.X, z, l, in.Shared)
	}, out
}
