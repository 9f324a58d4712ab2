package kernels_test

import (
	"fmt"
	"math"

	"github.com/gaussflow/gaussflow/kernels"
)

// Φ and its inverse, in place.
func ExampleNormCDF() {
	x := []float64{-40, -1.96, 0, 1.96}
	kernels.NormCDF(x, x)
	fmt.Printf("%.4g\n", x)
	// Output: [0 0.025 0.5 0.975]
}

// The upper tail keeps its digits where 1-Φ(x) has none left, and so does -Φ⁻¹ of it.
func ExampleNormSF() {
	x := []float64{5, 10, 30}
	q := make([]float64, len(x))
	kernels.NormSF(q, x)
	fmt.Printf("%.4g\n", q)
	kernels.NormQuantile(q, q)
	fmt.Printf("%.4g\n", q)
	// Output:
	// [2.867e-07 7.62e-24 4.907e-198]
	// [-5 -10 -30]
}

// The log of a tail does not underflow with the tail.
func ExampleNormLogCDF() {
	x := []float64{-1e10, -50, 0}
	kernels.NormLogCDF(x, x)
	fmt.Printf("%.6g\n", x)
	// Output: [-5e+19 -1254.83 -0.693147]
}

// F, S = 1-F and the density of a mixture; outputs that are not wanted are nil.
func ExampleMixtureCDF() {
	m := kernels.Mixture{Weight: []float64{0.3, 0.7}, Mean: []float64{-2, 1}, Scale: []float64{0.5, 1}}
	x := []float64{-2, 0, 12}
	cdf, sf := make([]float64, 3), make([]float64, 3)
	kernels.MixtureCDF(cdf, sf, nil, x, m)
	fmt.Printf("F %.4g\nS %.4g\n", cdf, sf)
	// Output:
	// F [0.1509 0.411 1]
	// S [0.8491 0.589 1.337e-28]
}

// A mixture is mapped to a standard normal, and back. Nothing is clipped: the sample 500 away has its own z.
func ExampleMixtureForward() {
	m := kernels.Mixture{Weight: []float64{0.3, 0.7}, Mean: []float64{-2, 1}, Scale: []float64{0.5, 1}}
	x := []float64{-2, 1, 500}
	z, logDet := make([]float64, 3), make([]float64, 3)
	kernels.MixtureForward(z, logDet, x, m)
	fmt.Printf("z      %.6f\nlogDet %.6f\n", z, logDet)

	// log p(x) = log φ(z) + logDet
	fmt.Printf("log p  %.6f\n", logDet[1]-z[1]*z[1]/2-math.Log(2*math.Pi)/2)

	kernels.MixtureInverse(x, nil, z, m)
	fmt.Printf("x      %.6f\n", x)
	// Output:
	// z      [-1.032389 0.385320 499.000715]
	// logDet [0.034965 -0.282439 -0.000001]
	// log p  -1.275613
	// x      [-2.000000 1.000000 500.000000]
}

// One mixture per sample: component k of sample i stands at [k*Stride+i]. The stored parameters, logits and raw scales,
// become weights and scales by Softmax and BoundedExp.
func ExampleMixturesForward() {
	const n, k = 3, 2
	weight := []float64{0, 0, 1 /* component 0 of each sample */, 0, 1, -1 /* component 1 */}
	scale := []float64{0, 0, 0, 0.1, 0.1, 0.1}
	kernels.Softmax(weight, n, weight, n, k, n)
	kernels.BoundedExp(scale, scale, 5)
	m := kernels.Mixtures{K: k, Stride: n, Weight: weight, Mean: []float64{-1, -1, -1, 1, 1, 1}, Scale: scale}

	z := []float64{0, 0, 0}
	kernels.PerSampleForward(z, nil, z, m)
	fmt.Printf("%.4f\n", z)
	// Output: [0.1422 -0.1893 0.7502]
}

// The gradient of a loss through the map: here of the mean negative log-density, whose upstream gradients are z/n
// and -1/n.
func ExampleMixtureBackward() {
	m := kernels.Mixture{Weight: []float64{0.5, 0.5}, Mean: []float64{-1, 1}, Scale: []float64{1, 1}}
	x := []float64{0, 1, 2, 3}
	n := float64(len(x))
	z, logDet := make([]float64, 4), make([]float64, 4)
	kernels.MixtureForward(z, logDet, x, m)

	gz, gl := make([]float64, 4), make([]float64, 4)
	for i := range x {
		gz[i], gl[i] = z[i]/n, -1/n
	}
	dx := make([]float64, 4)
	d := kernels.MixtureGrad{Logit: make([]float64, 2), Mean: make([]float64, 2), LogScale: make([]float64, 2)}
	kernels.MixtureBackward(dx, d, gz, gl, x, z, logDet, m)
	fmt.Printf("logits %.4f, means %.4f, log scales %.4f\n", d.Logit, d.Mean, d.LogScale)
	// Output: logits [0.3401 -0.3401], means [-0.2006 -0.6193], log scales [-0.1346 -0.5279]
}

// Steps of EM on one-dimensional data.
func ExampleMixtureEM() {
	x := []float64{-2.1, -1.9, -2, 0.9, 1, 1.1, 1.2, 0.8}
	m := kernels.Mixture{Weight: []float64{0.5, 0.5}, Mean: []float64{-1, 0}, Scale: []float64{1, 1}}
	s := kernels.EMStats{N: make([]float64, 2), A: make([]float64, 2), B: make([]float64, 2)}
	for range 50 {
		kernels.MixtureEM(s, x, m)
		for k := range m.Mean {
			shift := s.A[k] / s.N[k]
			m.Weight[k] = s.N[k] / float64(len(x))
			m.Mean[k] += shift
			m.Scale[k] = math.Sqrt(s.B[k]/s.N[k] - shift*shift)
		}
	}
	fmt.Printf("weights %.3f, means %.3f, scales %.3f\n", m.Weight, m.Mean, m.Scale)
	// Output: weights [0.375 0.625], means [-2.000 1.000], scales [0.082 0.141]
}

// The terms of a mixture of two Gaussians in the plane, and log p of two samples, the columns of x.
func ExampleGaussianLogDensities() {
	log := math.Log
	g := kernels.Gaussians{
		K: 2, D: 2,
		Whiten:   []float64{1, 0, 0, 1 /**/, 2, 0, -1, 0.5},
		Offset:   []float64{0, 0 /**/, 2, 0},
		Constant: []float64{log(0.4) - log(2*math.Pi), log(0.6) - log(2*math.Pi)}, // the matrices' determinants are 1
	}
	x := kernels.Columns{K: 2, N: 2, Stride: 2, Data: []float64{0, 1 /**/, 0, 2}}
	l := kernels.Columns{K: 2, N: 2, Stride: 2, Data: make([]float64, 4)}
	kernels.GaussianLogDensities(l, x, g)
	share := kernels.Columns{K: 2, N: 2, Stride: 2, Data: make([]float64, 4)} // the components' posterior probabilities
	kernels.SoftmaxColumns(share, l)
	logP := make([]float64, 2)
	kernels.LogSumExp(logP, share, l)
	fmt.Printf("log p %.4f, of the first component %.4f\n", logP, share.Data[:2])
	// Output: log p [-2.5693 -2.2954], of the first component [0.8313 0.0519]
}

// A sum has the same bits whatever the machine.
func ExampleSum() {
	fmt.Println(kernels.Sum([]float64{0.1, 0.2, 0.3}), kernels.SumSquares([]float64{3, 4}))
	// Output: 0.6000000000000001 25
}

// A kernel on a tier of one's choice; without it the fastest one that the machine has is used.
func ExampleTier() {
	tier, err := kernels.ParseTier("generic")
	if err != nil {
		fmt.Println(err)
		return
	}
	y := make([]float64, 1)
	tier.Exp(y, []float64{1})
	fmt.Println(tier, y[0] == math.E)
	// Output: generic true
}
