package layer_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/errs"
	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

func TestResidualRefusesBound(t *testing.T) {
	rng := flowtest.NewRand(1)
	for _, bound := range []float64{1, 1.5, 0.9999, 0, -0.5, math.NaN(), math.Inf(1)} {
		if _, err := layer.NewResidual(2, 4, bound, rng); !errors.Is(err, errs.ErrOutOfRange) {
			t.Errorf("Lipschitz bound %v: error is %v", bound, err)
		}
	}
	l, err := layer.NewResidual(2, 4, 0.9, rng)
	if err != nil {
		t.Fatal(err)
	}
	m := l.Describe()
	m.Tensors[len(m.Tensors)-1].Values[0] = 1
	if _, err := layer.Build(m, 2); err == nil {
		t.Error("a description with the Lipschitz bound 1 was accepted")
	}
}

// The product of the spectral norms in use, by gonum's singular values, is below the bound
// and not far from it where the stored matrices are large; no difference quotient is above.
func TestResidualLipschitz(t *testing.T) {
	for seed := range uint64(20) {
		rng := flowtest.NewRand(seed)
		d, width := 1+int(seed%6), 1+int(seed%17)
		const bound = 0.9
		l, err := layer.NewResidual(d, width, bound, rng)
		if err != nil {
			t.Fatal(err)
		}
		size := math.Exp(2 * rng.NormFloat64())
		flowtest.Perturb(l.Params(), size, rng)
		l.Refresh()
		most, now := l.(interface{ Lipschitz() (bound, now float64) }).Lipschitz()
		if most != bound || !(now <= bound) {
			t.Errorf("bound %v, Lipschitz constant at most %v", most, now)
		}
		p := l.Params()
		product := 1.0
		for _, m := range []*mat.Dense{mat.NewDense(width, d, p[:width*d]), mat.NewDense(d, width, p[width*d+width:2*width*d+width])} {
			var svd mat.SVD
			svd.Factorize(m, mat.SVDNone)
			sigma := svd.Values(nil)[0]
			product *= math.Sqrt(bound) * sigma / math.Sqrt(bound+sigma*sigma)
		}
		// The norm is above by the rank to the power 1/128, and the limit dampens that.
		if !(now >= product*(1-1e-12) && now <= product*math.Pow(float64(min(d, width)), 1./64)*(1+1e-12)) {
			t.Errorf("the Lipschitz constant is said to be at most %v; the product of the spectral norms is %v", now, product)
		}
		const n = 200
		x := flowtest.Tile(d, n, 2, rng)
		z := tile.New(d, n)
		s, _ := scratchFor(l, n)
		l.Forward(z, nil, x, s)
		for i := 1; i < n; i++ {
			distance, moved := 0.0, 0.0
			for j := range d {
				dx := x.Row(j)[i] - x.Row(j)[i-1]
				dg := z.Row(j)[i] - z.Row(j)[i-1] - dx
				distance, moved = math.Hypot(distance, dx), math.Hypot(moved, dg)
			}
			if !(moved <= now*distance*(1+1e-9)) {
				t.Errorf("g moves by %v over %v; its Lipschitz constant is at most %v", moved, distance, now)
			}
		}
	}
}

// At Lipschitz 0.9, with matrices at their limit, the fixed point is the sample to 1e-12.
func TestResidualInverse(t *testing.T) {
	worst := 0.0
	for seed := range uint64(10) {
		rng := flowtest.NewRand(seed)
		d := 1 + int(seed%4)
		l, err := layer.NewResidual(d, 16, 0.9, rng)
		if err != nil {
			t.Fatal(err)
		}
		flowtest.Perturb(l.Params(), 20, rng)
		l.Refresh()
		const n = 64
		x := flowtest.Tile(d, n, 1, rng)
		z, back := tile.New(d, n), tile.New(d, n)
		s, _ := scratchFor(l, n)
		l.Forward(z, nil, x, s)
		l.Inverse(back, nil, z, s)
		for i := range x.Data {
			worst = max(worst, math.Abs(back.Data[i]-x.Data[i]))
		}
	}
	t.Logf("largest error of inverse(forward(x)): %.2g", worst)
	if !(worst <= 1e-12) {
		t.Errorf("inverse(forward(x)) is off by %g", worst)
	}
}

// Above eight coordinates the log-det is an estimate: its mean over many samples near one
// place is the exact one there, within its standard error, and so is that of the gradient.
func TestResidualEstimate(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	const d, width, n = 10, 6, 20000
	rng := flowtest.NewRand(4)
	l, err := layer.NewResidual(d, width, 0.9, rng)
	if err != nil {
		t.Fatal(err)
	}
	flowtest.Perturb(l.Params(), 1.5, rng)
	l.Refresh()
	at := flowtest.Tile(d, 1, 1, rng)
	x := tile.New(d, n)
	for j := range d {
		for i := range n {
			x.Row(j)[i] = at.Data[j] + 1e-9*rng.NormFloat64()
		}
	}
	z, logDet := tile.New(d, n), make([]float64, n)
	s, b := scratchFor(l, n)
	l.Forward(z, logDet, x, s)
	mean, square := 0.0, 0.0
	for _, v := range logDet {
		mean += v / n
		square += v * v / n
	}
	se := math.Sqrt((square - mean*mean) / n)
	exact := func() float64 {
		jac := mat.NewDense(d, d, nil)
		s, _ := scratchFor(l, 1)
		z := tile.New(d, 1)
		for j := range d {
			v := at.Data[j]
			for i := range d {
				jac.Set(i, j, flowtest.Derivative(1e-3, func(h float64) float64 {
					at.Data[j] = v + h
					l.Forward(z, nil, at, s)
					return z.Data[i]
				}))
			}
			at.Data[j] = v
		}
		log, _ := mat.LogDet(jac)
		return log
	}
	want := exact()
	t.Logf("estimate %.5f ± %.5f, exact %.5f", mean, se, want)
	if !(math.Abs(mean-want) <= 4*se) || !(se < 0.02) {
		t.Errorf("the log-det is estimated as %v ± %v; it is %v", mean, se, want)
	}
	// The same sample has the same estimate, in either direction.
	back, minus, again := tile.New(d, n), make([]float64, n), make([]float64, n)
	l.Inverse(back, minus, z, s)
	l.Forward(z, again, back, s)
	for i, v := range minus {
		minus[i] = -v
	}
	flowtest.SameBits(t, "log-det", again, minus)

	e := make([]float64, n)
	tile.Fill(e, 1./n)
	dx, dz, grad := tile.New(d, n), tile.New(d, n), make([]float64, len(l.Params()))
	l.Forward(z, logDet, x, s)
	l.Backward(dx, grad, dz, e, layer.Tape{X: x, Z: z, S: s}, b)
	p := l.Params()
	largest := 0.0
	for _, g := range grad {
		largest = max(largest, math.Abs(g))
	}
	for _, i := range rand.New(rand.NewPCG(1, 1)).Perm(len(p))[:12] {
		v := p[i]
		want := flowtest.Derivative(1e-3, func(h float64) float64 {
			p[i] = v + h
			l.Refresh()
			return exact()
		})
		p[i] = v
		l.Refresh()
		if !(math.Abs(grad[i]-want) <= 0.03*largest) {
			t.Errorf("derivative %d of the log-det is estimated as %v; it is %v, the largest %v", i, grad[i], want, largest)
		}
	}
}
