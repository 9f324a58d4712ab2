// Package spiral holds the two-arm spiral, the data set of the tutorial's sequel on deep flows,
// inside the program, its recipe, and its true density.
package spiral

import (
	"bytes"
	_ "embed"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/internal/npy"
	"github.com/gaussflow/gaussflow/kernels"
)

// 3,000 points ±(t cos 2.5t, t sin 2.5t) + 0.08·noise, t uniform in [0.5, 3.5]: numpy's
// default_rng(0) in the order t, arm, noise. Each column is less its mean and divided by its
// population standard deviation.
//
//go:embed two_arm_spiral.npy
var standardized []byte

const (
	from, to = 0.5, 3.5
	turns    = 2.5
	noise    = 0.08
)

// What the columns were standardised by.
var (
	mean      = [2]float64{-0.007611525962709723, -0.028303326363513744}
	deviation = [2]float64{1.3925211035189113, 1.6692830148008233}
)

// Standardized returns the spiral as a fresh 3000×2 matrix, one point per row, each column
// with mean 0 and variance 1.
func Standardized() *mat.Dense {
	h, err := npy.ReadHeader(bytes.NewReader(standardized))
	x := mat.NewDense(int(h.Rows), h.Cols, nil)
	if err == nil {
		_, err = h.Type.Decode(x.RawMatrix().Data, standardized[h.Size:])
	}
	if err != nil {
		// The bytes are part of the program: only a broken build gets here.
		panic(fmt.Sprintf("spiral: the embedded two_arm_spiral.npy: %v", err))
	}
	return x
}

// centre is the middle of the upper arm at t, standardised.
func centre(t float64) (x, y float64) {
	sin, cos := math.Sincos(turns * t)
	return t * cos, t * sin
}

// Fresh draws n new points by the same recipe, in the units of Standardized.
func Fresh(n int, seed uint64) *mat.Dense {
	rng := rand.New(rand.NewPCG(seed, 0x59a1))
	x := mat.NewDense(n, 2, nil)
	for i := range n {
		a, b := centre(from + float64((to-from)*rng.Float64()))
		if rng.Uint64()>>63 == 0 {
			a, b = -a, -b
		}
		x.SetRow(i, []float64{
			(a + float64(noise*normal(rng)) - mean[0]) / deviation[0],
			(b + float64(noise*normal(rng)) - mean[1]) / deviation[1],
		})
	}
	return x
}

// normal is a standard normal number by the quantile function, whose bits are the same on
// every machine.
func normal(rng *rand.Rand) float64 {
	u := []float64{(float64(rng.Uint64()>>12) + 0.5) * 0x1p-52}
	kernels.NormQuantile(u, u)
	return u[0]
}

// Jittered returns so many copies of the rows of x, each with normal noise of that standard
// deviation in every column.
func Jittered(x *mat.Dense, copies int, size float64, seed uint64) *mat.Dense {
	rng := rand.New(rand.NewPCG(seed, 0x11773))
	n, d := x.Dims()
	y := mat.NewDense(copies*n, d, nil)
	for i := range copies * n {
		for j, v := range x.RawRowView(i % n) {
			y.Set(i, j, v+float64(size*normal(rng)))
		}
	}
	return y
}

// LogProb returns the true log-density of each row, in nats and in the units of Standardized:
// the integral over t of a normal density around each arm, by the trapezoid rule, whose steps
// are a twelfth of the noise at most, along the arm.
func LogProb(x mat.Matrix) []float64 {
	const steps = 4000
	n, _ := x.Dims()
	type place struct{ x, y, weight float64 }
	var arm []place
	for i := range steps + 1 {
		a, b := centre(from + (to-from)*float64(i)/steps)
		w := 1.0 / steps
		if i == 0 || i == steps {
			w /= 2
		}
		arm = append(arm, place{a, b, w})
	}
	logProb := make([]float64, n)
	exponent, e := make([]float64, 2*len(arm)), make([]float64, 2*len(arm))
	constant := -math.Log(2*math.Pi*noise*noise) - math.Ln2 + math.Log(deviation[0]*deviation[1])
	for i := range n {
		a, b := x.At(i, 0)*deviation[0]+mean[0], x.At(i, 1)*deviation[1]+mean[1]
		top := math.Inf(-1)
		for k, p := range arm {
			for s, sign := range []float64{1, -1} {
				u, v := (a-sign*p.x)/noise, (b-sign*p.y)/noise
				at := -0.5 * (u*u + v*v)
				exponent[2*k+s] = at
				top = max(top, at)
			}
		}
		for k := range exponent {
			exponent[k] -= top
		}
		kernels.Exp(e, exponent)
		sum := 0.0
		for k, p := range arm {
			sum += p.weight * (e[2*k] + e[2*k+1])
		}
		logProb[i] = constant + top + math.Log(sum)
	}
	return logProb
}
