package cases

import (
	"fmt"
	"math"
	"math/big"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/internal/bigref"
	"github.com/gaussflow/gaussflow/kernels"
)

// A Problem has one right answer, and several contenders for the fastest way to it.
type Problem struct {
	Name  string // of the peers' case
	Title string
	N     int    // elements
	Unit  string // of Error
	// Plain lists contenders in plain Go.
	Plain []harness.Contender
	// On is the contender of a tier.
	On func(t kernels.Tier) (do func(), out [][]float64)
	// Error tells how wrong the results are, +Inf if they are no results.
	Error func(got []float64) float64
}

// Tier is the problem's contender on a tier.
func (p *Problem) Tier(t kernels.Tier) harness.Contender {
	do, out := p.On(t)
	return harness.Local("gaussflow "+t.String(), do, out...)
}

// Problems lists those that the libraries of today can be asked to solve, too.
func Problems(in *Inputs) []Problem {
	var ps []Problem
	for _, f := range []struct {
		name, title string
		x           []float64
		tier        func(t kernels.Tier, dst, x []float64)
		want        func(x *bigref.Float, near float64) *bigref.Float
		plain       []plainFunction
	}{
		{"cdf", "Φ", in.T, kernels.Tier.NormCDF, function(bigref.CDF), []plainFunction{
			{"Go math.Erfc", func(x float64) float64 { return 0.5 * math.Erfc(-x*(math.Sqrt2/2)) }},
			{"gonum distuv", distuv.UnitNormal.CDF},
		}},
		{"logcdf", "log Φ", in.T, kernels.Tier.NormLogCDF, function(bigref.LogCDF), []plainFunction{
			{"Go math.Log of Erfc", func(x float64) float64 { return math.Log(0.5 * math.Erfc(-x*(math.Sqrt2/2))) }},
		}},
		{"quantile", "normal quantile", in.P, kernels.Tier.NormQuantile, bigref.Quantile, []plainFunction{{"gonum distuv", distuv.UnitNormal.Quantile}}},
		{"exp", "exp", in.A, kernels.Tier.Exp, function(bigref.Exp), []plainFunction{{"Go math.Exp", math.Exp}}},
		{"log", "log", in.L, kernels.Tier.Log, function(bigref.Log), []plainFunction{{"Go math.Log", math.Log}}},
	} {
		p := Problem{
			Name: f.name, Title: f.title, N: in.N, Unit: "ulp",
			On: func(t kernels.Tier) (func(), [][]float64) {
				dst := make([]float64, in.N)
				return func() { f.tier(t, dst, f.x) }, [][]float64{dst}
			},
			Error: against(in.N, func() []*bigref.Float {
				near := make([]float64, in.N)
				f.tier(kernels.Generic, near, f.x)
				want := make([]*bigref.Float, in.N)
				for i, x := range f.x {
					want[i] = f.want(bigref.New(x), near[i])
				}
				return want
			}, bigref.Ulps),
		}
		for _, plain := range f.plain {
			dst := make([]float64, in.N)
			p.Plain = append(p.Plain, harness.Local(plain.name, func() {
				for i, x := range f.x {
					dst[i] = plain.of(x)
				}
			}, dst))
		}
		ps = append(ps, p)
	}
	return append(ps, forward(in), inverse(in), em(in), spline(in, false), spline(in, true))
}

type plainFunction struct {
	name string
	of   func(float64) float64
}

func function(f func(*bigref.Float) *bigref.Float) func(x *bigref.Float, near float64) *bigref.Float {
	return func(x *bigref.Float, _ float64) *bigref.Float { return f(x) }
}

// against returns the largest error of n results; the right ones are computed when they are first asked for.
func against(n int, right func() []*bigref.Float, unit func(got float64, want *bigref.Float) float64) func([]float64) float64 {
	var want []*bigref.Float
	return func(got []float64) float64 {
		if want == nil {
			want = right()
		}
		if len(got) != len(want) {
			return math.Inf(1)
		}
		worst := 0.0
		for i, v := range got {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return math.Inf(1)
			}
			worst = math.Max(worst, unit(v, want[i]))
		}
		return worst
	}
}

const relative = "2^-52"

// forward's error is that of z relative to max(|z|, 0.1), and of L to max(|L|, z²/2, 1), in units of 2^-52.
func forward(in *Inputs) Problem {
	plain, distuv := NewPlain(in.Shared), NewDistuv(in.Shared)
	p := Problem{
		Name: "forward", Title: fmt.Sprintf("z and log dz/dx of a mixture, K=%d", in.K), N: in.N, Unit: relative,
		On: func(t kernels.Tier) (func(), [][]float64) {
			z, l := make([]float64, in.N), make([]float64, in.N)
			return func() { t.MixtureForward(z, l, in.X, in.Shared) }, [][]float64{z, l}
		},
	}
	for _, f := range []struct {
		name string
		do   func(z, l, x []float64)
	}{{"Go, two Erfc", plain.Forward}, {"Go, one Erfc", plain.ForwardOne}, {"gonum distuv", distuv.Forward}} {
		z, l := make([]float64, in.N), make([]float64, in.N)
		p.Plain = append(p.Plain, harness.Local(f.name, func() { f.do(z, l, in.X) }, z, l))
	}
	var zs, ls []*bigref.Float
	p.Error = func(got []float64) float64 {
		if zs == nil {
			near, l := make([]float64, in.N), make([]float64, in.N)
			kernels.Generic.MixtureForward(near, l, in.X, in.Shared)
			m := bigref.Mixture(in.Shared)
			for i, x := range in.X {
				at := m.At(bigref.New(x))
				z := at.Z(near[i])
				zs, ls = append(zs, z), append(ls, at.LogDet(z))
			}
		}
		if len(got) != 2*in.N {
			return math.Inf(1)
		}
		worst := 0.0
		for i := range in.N {
			z, _ := zs[i].Float64()
			worst = math.Max(worst, mapError(got[i], zs[i], got[in.N+i], ls[i], z))
		}
		return worst
	}
	return p
}

func mapError(z float64, wantZ *bigref.Float, l float64, wantL *bigref.Float, size float64) float64 {
	if math.IsNaN(z+l) || math.IsInf(z+l, 0) {
		return math.Inf(1)
	}
	big, _ := wantL.Float64()
	ez := bigref.Abs(z, wantZ) / math.Max(math.Abs(size), 0.1)
	el := bigref.Abs(l, wantL) / math.Max(math.Max(math.Abs(big), size*size/2), 1)
	return math.Max(ez, el) * 0x1p52
}

// inverse's error is the forward map's at the result: how far z(x) is from z, and L from the log-det, by the same measure.
// It is taken of a part of the samples: each contender's x has to be mapped in 256 bits.
func inverse(in *Inputs) Problem {
	plain := NewPlain(in.Shared)
	x, l := make([]float64, in.N), make([]float64, in.N)
	return Problem{
		Name: "inverse", Title: fmt.Sprintf("x and log dx/dz of a mixture, K=%d", in.K), N: in.N, Unit: relative,
		On: func(t kernels.Tier) (func(), [][]float64) {
			x, l := make([]float64, in.N), make([]float64, in.N)
			return func() { t.MixtureInverse(x, l, in.Z, in.Shared) }, [][]float64{x, l}
		},
		Plain: []harness.Contender{harness.Local("Go, Newton", func() { plain.Inverse(x, l, in.Z) }, x, l)},
		Error: func(got []float64) float64 {
			if len(got) != 2*in.N {
				return math.Inf(1)
			}
			m := bigref.Mixture(in.Shared)
			worst := 0.0
			for i := 0; i < in.N; i += max(1, in.N/256) {
				if math.IsNaN(got[i]) || math.IsInf(got[i], 0) {
					return math.Inf(1)
				}
				at := m.At(bigref.New(got[i]))
				z := at.Z(in.Z[i])
				worst = math.Max(worst, mapError(in.Z[i], z, -got[in.N+i], at.LogDet(z), in.Z[i]))
			}
			return worst
		},
	}
}

// spline's error is that of the image relative to the bound, and of the log-det to max(|L|, 1), in units of 2^-52, both
// of the spline through the knots rounded: a contender that has them a bit elsewhere is off by what that makes. An inverse
// is measured by where the map takes its results.
func spline(in *Inputs, inverse bool) Problem {
	p := Problem{
		Name: "spline-forward", Title: fmt.Sprintf("y and log dy/dx of a spline per sample, K=%d", in.K), N: in.N, Unit: relative,
		On: func(t kernels.Tier) (func(), [][]float64) {
			y, l := make([]float64, in.N), make([]float64, in.N)
			return func() { t.SplinesForward(y, l, in.Z, in.Splines) }, [][]float64{y, l}
		},
	}
	if inverse {
		p.Name, p.Title = "spline-inverse", fmt.Sprintf("x and log dx/dy of a spline per sample, K=%d", in.K)
		p.On = func(t kernels.Tier) (func(), [][]float64) {
			x, l := make([]float64, in.N), make([]float64, in.N)
			return func() { t.SplinesInverse(x, l, in.Z, in.Splines) }, [][]float64{x, l}
		}
	}
	knots := in.Knots()
	p.Error = func(got []float64) float64 {
		if len(got) != 2*in.N {
			return math.Inf(1)
		}
		worst := 0.0
		for i, z := range in.Z {
			v, l := got[i], got[in.N+i]
			if math.IsNaN(v+l) || math.IsInf(v+l, 0) {
				return math.Inf(1)
			}
			x, y := z, v
			if inverse {
				x, y, l = v, z, -l
			}
			wantY, wantL := bigref.New(x), bigref.New(0)
			if math.Abs(x) < in.Splines.Bound {
				var s bigref.Spline
				for k := range in.K + 1 {
					s.X, s.Y, s.D = append(s.X, bigref.New(knots.X[k][i])), append(s.Y, bigref.New(knots.Y[k][i])), append(s.D, bigref.New(knots.Slope[k][i]))
				}
				at, slope := s.At(bigref.New(x))
				wantY, wantL = at, bigref.Log(slope)
			}
			size, _ := wantL.Float64()
			worst = math.Max(worst, math.Max(bigref.Abs(y, wantY)/in.Splines.Bound, bigref.Abs(l, wantL)/math.Max(math.Abs(size), 1))*0x1p52)
		}
		return worst
	}
	return p
}

// em's error is relative to the sum of the terms' sizes, in units of 2^-52. The results are N, A, B and the log-likelihood.
func em(in *Inputs) Problem {
	k := in.K
	plain := NewPlain(in.Shared)
	s := kernels.EMStats{N: make([]float64, k), A: make([]float64, k), B: make([]float64, k)}
	r, sum := make([]float64, k), make([]float64, 1)
	p := Problem{
		Name: "em", Title: fmt.Sprintf("a step of EM, K=%d", k), N: in.N, Unit: relative,
		On: func(t kernels.Tier) (func(), [][]float64) {
			s := kernels.EMStats{N: make([]float64, k), A: make([]float64, k), B: make([]float64, k)}
			sum := make([]float64, 1)
			return func() { sum[0] = t.MixtureEM(s, in.X, in.Shared) }, [][]float64{s.N, s.A, s.B, sum}
		},
		Plain: []harness.Contender{harness.Local("Go math.Exp", func() { sum[0] = plain.EM(s, r, in.X) }, s.N, s.A, s.B, sum)},
	}
	var want []*bigref.Float
	var size []float64
	p.Error = func(got []float64) float64 {
		if want == nil {
			want, size = emReference(in)
		}
		if len(got) != len(want) {
			return math.Inf(1)
		}
		worst := 0.0
		for i, v := range got {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return math.Inf(1)
			}
			worst = math.Max(worst, bigref.Abs(v, want[i])/size[i]*0x1p52)
		}
		return worst
	}
	return p
}

func emReference(in *Inputs) (want []*bigref.Float, size []float64) {
	k := in.K
	num := func() *bigref.Float { return new(bigref.Float).SetPrec(bigref.Prec) }
	want, size = make([]*bigref.Float, 3*k+1), make([]float64, 3*k+1)
	for i := range want {
		want[i] = num()
	}
	add := func(i int, v *bigref.Float) {
		want[i].Add(want[i], v)
		f, _ := v.Float64()
		size[i] += math.Abs(f)
	}
	part, dev := make([]*big.Float, k), make([]*big.Float, k)
	for _, x := range in.X {
		f := num()
		for j := range k {
			scale := bigref.New(in.Shared.Scale[j])
			dev[j] = num().Sub(bigref.New(x), bigref.New(in.Shared.Mean[j]))
			part[j] = num().Quo(bigref.PDF(num().Quo(dev[j], scale)), scale)
			part[j].Mul(part[j], bigref.New(in.Shared.Weight[j]))
			f.Add(f, part[j])
		}
		for j := range k {
			r := num().Quo(part[j], f)
			add(j, r)
			rd := num().Mul(r, dev[j])
			add(k+j, rd)
			add(2*k+j, num().Mul(rd, dev[j]))
		}
		add(3*k, bigref.Log(f))
	}
	return want, size
}
