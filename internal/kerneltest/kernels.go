// Package kerneltest describes every kernel in one shape, inputs and outputs with a role and a layout each, so that one
// harness can feed them all: the tests that hold each tier to the reference bit for bit, the fuzz targets, the soak run
// and the checksum of outputs.
package kerneltest

import "github.com/gaussflow/gaussflow/kernels"

// Role says which numbers an argument holds, and so where its test values come from.
type Role uint8

const (
	Output Role = iota // written only
	Real               // a sample x: any bits
	Prob               // a probability: any bits
	Latent             // a z: any bits
	LogDet             // a log-determinant: any bits
	Grad               // an upstream gradient: any bits
	Logit              // any bits
	Raw                // a raw scale: any bits
	Total              // a sum that is added to, or a parameter: finite
	Moment             // Adam's second moment: not negative
	Weight             // in [0, 1], their sum over the components near 1
	Mean               // finite
	Scale              // in [1e-60, 1e60]
	Bound              // in [0, 100]
	Step               // LR, Beta1, Beta2, Eps, Step of Adam
	Share              // in [2^-20, 1], their sum over the bins near 1
	Slope              // in [2^-20, 2^20]
	Edge               // in [2^-10, 2^10]
	Floor              // in [0, 2^-8]
)

// Layout says how many numbers an argument holds.
type Layout uint8

const (
	PerSample    Layout = iota // n
	PerComponent               // K
	PerBoth                    // component k of sample i at [k*Stride+i]
	PerBothDst                 // the same with DstStride
	PerKnot                    // PerBoth, K-1 rows
	PerKnotDst
	PerAxis   // K numbers for each component, which has as many dimensions
	PerMatrix // K×K numbers for each component
	One       // 1: a scalar argument or a result
	Five      // 5: Adam's settings
)

// Arg is one argument of a kernel, or its result.
type Arg struct {
	Name   string
	Role   Role
	Layout Layout
	Update bool // read and written; all other roles than Output are read only
}

// Shape is the size of a call.
type Shape struct{ N, K, Stride, DstStride int }

// Len returns the length of an argument.
func (s Shape) Len(l Layout) int {
	switch l {
	case PerSample:
		return s.N
	case PerComponent:
		return s.K
	case PerBoth:
		return max(0, (s.K-1)*s.Stride+s.N)
	case PerBothDst:
		return max(0, (s.K-1)*s.DstStride+s.N)
	case PerKnot:
		return max(0, (s.K-2)*s.Stride+s.N) * min(s.K-1, 1)
	case PerKnotDst:
		return max(0, (s.K-2)*s.DstStride+s.N) * min(s.K-1, 1)
	case PerAxis:
		return s.K * s.K
	case PerMatrix:
		return s.K * s.K * s.K
	case One:
		return 1
	default:
		return 5
	}
}

// Kernel is one kernel in the common shape.
type Kernel struct {
	Name string
	Args []Arg
	// Run calls the kernel on a tier. Arguments may be nil where Nilable says so.
	Run func(t kernels.Tier, s Shape, a [][]float64)
	// Nilable lists the arguments that may be nil.
	Nilable []int
	// Aliases lists the pairs of arguments, output first, that may be one slice (at equal strides, if both have one).
	Aliases [][2]int
	// Reduces reports that samples act on each other's results, through a sum.
	Reduces bool
	// Forward reports that z and logDet, arguments 6 and 7 from the end of the samples', come from the forward map.
	Forward bool
}

func unary(name string, role Role, run func(t kernels.Tier, dst, x []float64)) Kernel {
	return Kernel{
		Name:    name,
		Args:    []Arg{{"dst", Output, PerSample, false}, {"x", role, PerSample, false}},
		Aliases: [][2]int{{0, 1}},
		Run:     func(t kernels.Tier, _ Shape, a [][]float64) { run(t, a[0], a[1]) },
	}
}

func shared(outputs ...Arg) []Arg { return append(outputs, mixtureArgs(PerComponent)...) }
func each(outputs ...Arg) []Arg   { return append(outputs, mixtureArgs(PerBoth)...) }

func mixtureArgs(l Layout) []Arg {
	return []Arg{{"weight", Weight, l, false}, {"mean", Mean, l, false}, {"scale", Scale, l, false}}
}

func splineArgs(args ...Arg) []Arg {
	return append(args, Arg{"width", Share, PerBoth, false}, Arg{"height", Share, PerBoth, false}, Arg{"slope", Slope, PerKnot, false},
		Arg{"bound", Edge, One, false}, Arg{"floor", Floor, One, false})
}

func splines(s Shape, a [][]float64) kernels.Splines {
	return kernels.Splines{K: s.K, Stride: s.Stride, Width: a[0], Height: a[1], Slope: a[2], Bound: a[3][0], Floor: a[4][0]}
}

func out(name string) Arg           { return Arg{name, Output, PerSample, false} }
func in(name string, role Role) Arg { return Arg{name, role, PerSample, false} }
func mixture(a [][]float64) kernels.Mixture {
	return kernels.Mixture{Weight: a[0], Mean: a[1], Scale: a[2]}
}
func mixtures(s Shape, a [][]float64) kernels.PerSampleMixtures {
	return kernels.PerSampleMixtures{K: s.K, Stride: s.Stride, Weight: a[0], Mean: a[1], Scale: a[2]}
}

// Kernels are all of them.
var Kernels = []Kernel{
	unary("NormCDF", Real, kernels.Tier.NormCDF),
	unary("NormSF", Real, kernels.Tier.NormSF),
	unary("NormLogCDF", Real, kernels.Tier.NormLogCDF),
	unary("NormPDF", Real, kernels.Tier.NormPDF),
	unary("NormQuantile", Prob, kernels.Tier.NormQuantile),
	unary("Exp", Real, kernels.Tier.Exp),
	unary("Log", Prob, kernels.Tier.Log),
	unary("Tanh", Raw, kernels.Tier.Tanh),
	unary("SmoothReLU", Raw, kernels.Tier.SmoothReLU),
	{
		Name:    "MixtureCDF",
		Args:    shared(out("cdf"), out("sf"), out("pdf"), in("x", Real)),
		Nilable: []int{0, 1, 2},
		Aliases: [][2]int{{0, 3}, {1, 3}, {2, 3}},
		Run: func(t kernels.Tier, _ Shape, a [][]float64) {
			t.MixtureCDF(a[0], a[1], a[2], a[3], mixture(a[4:]))
		},
	},
	{
		Name:    "MixtureForward",
		Args:    shared(out("z"), out("logDet"), in("x", Real)),
		Nilable: []int{1},
		Aliases: [][2]int{{0, 2}},
		Run: func(t kernels.Tier, _ Shape, a [][]float64) {
			t.MixtureForward(a[0], a[1], a[2], mixture(a[3:]))
		},
	},
	{
		Name:    "MixtureInverse",
		Args:    shared(out("x"), out("logDet"), in("z", Latent)),
		Nilable: []int{1},
		Aliases: [][2]int{{0, 2}},
		Run: func(t kernels.Tier, _ Shape, a [][]float64) {
			t.MixtureInverse(a[0], a[1], a[2], mixture(a[3:]))
		},
	},
	{
		Name:    "PerSampleForward",
		Args:    each(out("z"), out("logDet"), in("x", Real)),
		Nilable: []int{1},
		Aliases: [][2]int{{0, 2}},
		Run: func(t kernels.Tier, s Shape, a [][]float64) {
			t.PerSampleForward(a[0], a[1], a[2], mixtures(s, a[3:]))
		},
	},
	{
		Name:    "PerSampleInverse",
		Args:    each(out("x"), out("logDet"), in("z", Latent)),
		Nilable: []int{1},
		Aliases: [][2]int{{0, 2}},
		Run: func(t kernels.Tier, s Shape, a [][]float64) {
			t.PerSampleInverse(a[0], a[1], a[2], mixtures(s, a[3:]))
		},
	},
	{
		Name: "MixtureBackward",
		Args: shared(out("dx"), Arg{"dLogit", Total, PerComponent, true}, Arg{"dMean", Total, PerComponent, true}, Arg{"dLogScale", Total, PerComponent, true},
			in("gz", Grad), in("gl", Grad), in("x", Real), in("z", Latent), in("logDet", LogDet)),
		Aliases: [][2]int{{0, 4}, {0, 5}, {0, 6}},
		Reduces: true,
		Forward: true,
		Run: func(t kernels.Tier, _ Shape, a [][]float64) {
			t.MixtureBackward(a[0], kernels.MixtureGrad{Logit: a[1], Mean: a[2], LogScale: a[3]}, a[4], a[5], a[6], a[7], a[8], mixture(a[9:]))
		},
	},
	{
		Name: "PerSampleBackward",
		Args: each(out("dx"), Arg{"dLogit", Output, PerBothDst, false}, Arg{"dMean", Output, PerBothDst, false}, Arg{"dLogScale", Output, PerBothDst, false},
			in("gz", Grad), in("gl", Grad), in("x", Real), in("z", Latent), in("logDet", LogDet)),
		Aliases: [][2]int{{0, 4}, {0, 5}, {0, 6}},
		Forward: true,
		Run: func(t kernels.Tier, s Shape, a [][]float64) {
			t.PerSampleBackward(a[0], kernels.PerSampleGrad{K: s.K, Stride: s.DstStride, Logit: a[1], Mean: a[2], LogScale: a[3]},
				a[4], a[5], a[6], a[7], a[8], mixtures(s, a[9:]))
		},
	},
	{
		Name: "MixtureEM",
		Args: shared(Arg{"N", Output, PerComponent, false}, Arg{"A", Output, PerComponent, false}, Arg{"B", Output, PerComponent, false},
			Arg{"logLik", Output, One, false}, in("x", Real)),
		Reduces: true,
		Run: func(t kernels.Tier, _ Shape, a [][]float64) {
			a[3][0] = t.MixtureEM(kernels.EMStats{N: a[0], A: a[1], B: a[2]}, a[4], mixture(a[5:]))
		},
	},
	{
		Name:    "SplinesForward",
		Args:    splineArgs(out("y"), out("logDet"), in("x", Real)),
		Nilable: []int{1},
		Aliases: [][2]int{{0, 2}},
		Run: func(t kernels.Tier, s Shape, a [][]float64) {
			t.SplinesForward(a[0], a[1], a[2], splines(s, a[3:]))
		},
	},
	{
		Name:    "SplinesInverse",
		Args:    splineArgs(out("x"), out("logDet"), in("y", Real)),
		Nilable: []int{1},
		Aliases: [][2]int{{0, 2}},
		Run: func(t kernels.Tier, s Shape, a [][]float64) {
			t.SplinesInverse(a[0], a[1], a[2], splines(s, a[3:]))
		},
	},
	{
		Name: "SplinesBackward",
		Args: splineArgs(out("dx"), Arg{"dWidth", Output, PerBothDst, false}, Arg{"dHeight", Output, PerBothDst, false}, Arg{"dLogSlope", Output, PerKnotDst, false},
			in("gy", Grad), in("gl", Grad), in("x", Real)),
		Aliases: [][2]int{{0, 4}, {0, 5}, {0, 6}},
		Run: func(t kernels.Tier, s Shape, a [][]float64) {
			t.SplinesBackward(a[0], kernels.SplinesGrad{K: s.K, Stride: s.DstStride, Width: a[1], Height: a[2], LogSlope: a[3]},
				a[4], a[5], a[6], splines(s, a[7:]))
		},
	},
	{
		Name:    "Softmax",
		Args:    []Arg{{"dst", Output, PerBothDst, false}, {"logit", Logit, PerBoth, false}},
		Aliases: [][2]int{{0, 1}},
		Run: func(t kernels.Tier, s Shape, a [][]float64) {
			t.SoftmaxColumns(kernels.Columns{K: s.K, N: s.N, Stride: s.DstStride, Data: a[0]}, kernels.Columns{K: s.K, N: s.N, Stride: s.Stride, Data: a[1]})
		},
	},
	{
		Name: "LogSumExp",
		Args: []Arg{out("dst"), {"share", Prob, PerBothDst, false}, {"logit", Logit, PerBoth, false}},
		Run: func(t kernels.Tier, s Shape, a [][]float64) {
			t.LogSumExp(a[0], kernels.Columns{K: s.K, N: s.N, Stride: s.DstStride, Data: a[1]}, kernels.Columns{K: s.K, N: s.N, Stride: s.Stride, Data: a[2]})
		},
	},
	{
		Name: "GaussianLogDensities",
		Args: []Arg{{"dst", Output, PerBothDst, false}, {"x", Real, PerBoth, false}, {"whiten", Mean, PerMatrix, false}, {"offset", Mean, PerAxis, false},
			{"constant", Logit, PerComponent, false}},
		Run: func(t kernels.Tier, s Shape, a [][]float64) {
			t.GaussianLogDensities(kernels.Columns{K: s.K, N: s.N, Stride: s.DstStride, Data: a[0]}, kernels.Columns{K: s.K, N: s.N, Stride: s.Stride, Data: a[1]},
				kernels.Gaussians{K: s.K, D: s.K, Whiten: a[2], Offset: a[3], Constant: a[4]})
		},
	},
	{
		Name:    "BoundedExp",
		Args:    []Arg{out("dst"), in("raw", Raw), {"bound", Bound, One, false}},
		Aliases: [][2]int{{0, 1}},
		Run:     func(t kernels.Tier, _ Shape, a [][]float64) { t.BoundedExp(a[0], a[1], a[2][0]) },
	},
	{
		Name:    "BoundedExpBackward",
		Args:    []Arg{out("dRaw"), in("dLogScale", Grad), in("raw", Raw), {"bound", Bound, One, false}},
		Aliases: [][2]int{{0, 1}, {0, 2}},
		Run: func(t kernels.Tier, _ Shape, a [][]float64) {
			t.BoundedExpBackward(a[0], a[1], a[2], a[3][0])
		},
	},
	{
		Name:    "SmoothReLUBackward",
		Args:    []Arg{out("dx"), in("dy", Grad), in("x", Raw)},
		Aliases: [][2]int{{0, 1}, {0, 2}},
		Run: func(t kernels.Tier, _ Shape, a [][]float64) {
			t.SmoothReLUBackward(a[0], a[1], a[2])
		},
	},
	{
		Name:    "Sum",
		Args:    []Arg{{"sum", Output, One, false}, in("x", Real)},
		Reduces: true,
		Run:     func(t kernels.Tier, _ Shape, a [][]float64) { a[0][0] = t.Sum(a[1]) },
	},
	{
		Name:    "SumSquares",
		Args:    []Arg{{"sum", Output, One, false}, in("x", Real)},
		Reduces: true,
		Run:     func(t kernels.Tier, _ Shape, a [][]float64) { a[0][0] = t.SumSquares(a[1]) },
	},
	{
		Name: "Adam",
		Args: []Arg{{"p", Total, PerSample, true}, in("g", Grad), {"m", Total, PerSample, true}, {"v", Moment, PerSample, true}, {"settings", Step, Five, false}},
		Run: func(t kernels.Tier, _ Shape, a [][]float64) {
			s := a[4]
			t.Adam(a[0], a[1], a[2], a[3], kernels.AdamParams{LR: s[0], Beta1: s[1], Beta2: s[2], Eps: s[3], Step: int(s[4])})
		},
	},
}

// Components reports whether the kernel takes components, so that K matters.
func (k *Kernel) Components() bool {
	for _, a := range k.Args {
		if a.Layout == PerComponent || a.Layout == PerBoth {
			return true
		}
	}
	return false
}
