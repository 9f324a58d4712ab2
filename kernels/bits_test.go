package kernels

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gaussflow/gaussflow/internal/ulp"
)

// wantBits are checksums of the outputs of every kernel on fixed inputs. They are the same on every tier, architecture
// and compiler setting: a product that the compiler fuses with a sum on its own changes them.
var wantBits = map[string]uint64{
	"Adam":                0x1ec86d588e8c2745,
	"BoundedExpBackward":  0x8e91b1ce5b53efb6,
	"Exp":                 0xd97ea38f190e314d,
	"Log":                 0xc3ceeeb101239dd3,
	"MixtureBackward":     0x1cf17ecc173382ec,
	"MixtureCDF":          0x9156cc1ad37d1d45,
	"MixtureEM":           0xb4096f3a831bdd09,
	"MixtureForward":      0x2e96b29825acf585,
	"MixtureInverse":      0xc584da8e150989b5,
	"MixturesBackward":    0x6fed6ba2c544ce3c,
	"MixturesForward":     0x42fc8adca24e3945,
	"MixturesInverse":     0x719efd614adbe04c,
	"NormCDF":             0xd4306f416d970b71,
	"NormLogCDF":          0x6fbde40ff3662075,
	"NormPDF":             0xc0ff6180b228b1e6,
	"NormQuantile":        0xfcdc11a353a659de,
	"NormSF":              0xe8a3ea1fc6535575,
	"Softmax, BoundedExp": 0xedda83f2b9bb39b2,
	"Sum, SumSquares":     0x1522e0337a9500e4,
	"Tanh":                0x8fb841796906c02c,
}

func TestBits(t *testing.T) {
	eachTier(t, func(t *testing.T, tier Tier) {
		const n, k = 999, 7
		r := rand.New(rand.NewPCG(3, 4))
		// Inputs by scaling with powers of two alone: functions of package math differ between architectures.
		number := func() float64 { return math.Ldexp(r.Float64()-0.5, r.IntN(5)) }
		fill := func(n int) []float64 {
			v := make([]float64, n)
			for i := range v {
				v[i] = number()
			}
			return v
		}
		check := func(name string, outputs ...[]float64) {
			h := fnv.New64a()
			for _, out := range outputs {
				for _, v := range out {
					if v != v {
						v = math.NaN()
					}
					var b [8]byte
					binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
					h.Write(b[:])
				}
			}
			if got := h.Sum64(); got != wantBits[name] {
				t.Errorf("%q: %#x, want %#x", name, got, wantBits[name])
			}
		}
		x, p := fill(n), make([]float64, n)
		for i := range p {
			x[i] = math.Ldexp(x[i], r.IntN(8)-3)
			p[i] = math.Ldexp(r.Float64(), -1000*(i&1)*r.IntN(2))
		}
		y, z, l := make([]float64, n), make([]float64, n), make([]float64, n)
		for name, f := range map[string]func(dst, x []float64){
			"NormCDF": tier.NormCDF, "NormSF": tier.NormSF, "NormLogCDF": tier.NormLogCDF, "NormPDF": tier.NormPDF, "Exp": tier.Exp, "Tanh": tier.Tanh,
		} {
			f(y, x)
			check(name, y)
		}
		tier.NormQuantile(y, p)
		check("NormQuantile", y)
		tier.Log(y, p)
		check("Log", y)

		m := Mixtures{K: k, Stride: n, Weight: fill(k * n), Mean: fill(k * n), Scale: fill(k * n)}
		raw := append([]float64(nil), m.Scale...)
		tier.Softmax(m.Weight, n, m.Weight, n, k, n)
		tier.BoundedExp(m.Scale, m.Scale, 5)
		check("Softmax, BoundedExp", m.Weight, m.Scale)
		tier.MixturesForward(z, l, x, m)
		check("MixturesForward", z, l)
		d := MixturesGrad{K: k, Stride: n, Logit: make([]float64, k*n), Mean: make([]float64, k*n), LogScale: make([]float64, k*n)}
		tier.MixturesBackward(y, d, x, p, x, z, l, m)
		check("MixturesBackward", y, d.Logit, d.Mean, d.LogScale)
		tier.BoundedExpBackward(d.LogScale, d.LogScale, raw, 5)
		check("BoundedExpBackward", d.LogScale)
		tier.MixturesInverse(y, l, z, m)
		check("MixturesInverse", y, l)

		var s Mixture
		for j := range k {
			s.Weight, s.Mean, s.Scale = append(s.Weight, 1./k), append(s.Mean, m.Mean[j*n]), append(s.Scale, m.Scale[j*n])
		}
		cdf, sf, pdf := make([]float64, n), make([]float64, n), make([]float64, n)
		tier.MixtureCDF(cdf, sf, pdf, x, s)
		check("MixtureCDF", cdf, sf, pdf)
		tier.MixtureForward(z, l, x, s)
		check("MixtureForward", z, l)
		g := MixtureGrad{Logit: make([]float64, k), Mean: make([]float64, k), LogScale: make([]float64, k)}
		tier.MixtureBackward(y, g, x, p, x, z, l, s)
		check("MixtureBackward", y, g.Logit, g.Mean, g.LogScale)
		tier.MixtureInverse(y, l, z, s)
		check("MixtureInverse", y, l)
		e := EMStats{N: make([]float64, k), A: make([]float64, k), B: make([]float64, k)}
		logLik := tier.MixtureEM(e, x, s)
		check("MixtureEM", []float64{logLik}, e.N, e.A, e.B)
		check("Sum, SumSquares", []float64{tier.Sum(x), tier.SumSquares(x)})
		clear(y)
		clear(l)
		for step := 1; step < 20; step++ {
			tier.Adam(p, x, y, l, AdamParams{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Step: step})
		}
		check("Adam", p, y, l)
	})
}

// A mixture per sample and a shared one are one algorithm: equal mixtures give equal bits, wherever a sample stands.
func TestSharedEqualsEach(t *testing.T) {
	eachTier(t, func(t *testing.T, tier Tier) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, k := range []int{1, 2, 8, 33} {
			const n = 300
			s := Mixture{Weight: make([]float64, k), Mean: make([]float64, k), Scale: make([]float64, k)}
			m := Mixtures{K: k, Stride: n + 3, Weight: make([]float64, k*(n+3)), Mean: make([]float64, k*(n+3)), Scale: make([]float64, k*(n+3))}
			for j := range k {
				s.Weight[j], s.Mean[j], s.Scale[j] = r.NormFloat64(), 3*r.NormFloat64(), 3*r.NormFloat64()
			}
			tier.Softmax(s.Weight, 1, s.Weight, 1, k, 1)
			tier.BoundedExp(s.Scale, s.Scale, 5)
			for j := range k {
				for i := range n {
					m.Weight[j*m.Stride+i], m.Mean[j*m.Stride+i], m.Scale[j*m.Stride+i] = s.Weight[j], s.Mean[j], s.Scale[j]
				}
			}
			x := make([]float64, n)
			for i := range x {
				x[i] = math.Ldexp(r.NormFloat64(), i%20-3)
			}
			z1, l1, z2, l2 := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
			same := func(what string) {
				t.Helper()
				for i := range z1 {
					if !ulp.Same(z1[i], z2[i]) || !ulp.Same(l1[i], l2[i]) {
						t.Fatalf("%s, K=%d, sample %d: %v, %v shared and %v, %v each", what, k, i, z1[i], l1[i], z2[i], l2[i])
					}
				}
			}
			tier.MixtureForward(z1, l1, x, s)
			tier.MixturesForward(z2, l2, x, m)
			same("forward")
			for i := range x { // alone
				tier.MixtureForward(z2[i:i+1], l2[i:i+1], x[i:i+1], s)
			}
			same("forward one by one")
			z := append([]float64(nil), z1...)
			tier.MixtureInverse(z1, l1, z, s)
			tier.MixturesInverse(z2, l2, z, m)
			same("inverse")
		}
	})
}

func TestSpecialValues(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	eachTier(t, func(t *testing.T, tier Tier) {
		for _, c := range []struct {
			name    string
			f       func(dst, x []float64)
			x, want float64
		}{
			{"NormCDF", tier.NormCDF, inf, 1}, {"NormCDF", tier.NormCDF, -inf, 0}, {"NormCDF", tier.NormCDF, nan, nan},
			{"NormCDF", tier.NormCDF, 0, 0.5}, {"NormCDF", tier.NormCDF, math.Copysign(0, -1), 0.5}, {"NormCDF", tier.NormCDF, -1e300, 0}, {"NormCDF", tier.NormCDF, 5e-324, 0.5},
			{"NormSF", tier.NormSF, inf, 0}, {"NormSF", tier.NormSF, -inf, 1}, {"NormSF", tier.NormSF, nan, nan},
			{"NormLogCDF", tier.NormLogCDF, inf, 0}, {"NormLogCDF", tier.NormLogCDF, -inf, -inf}, {"NormLogCDF", tier.NormLogCDF, -1e300, -inf}, {"NormLogCDF", tier.NormLogCDF, nan, nan},
			{"NormPDF", tier.NormPDF, inf, 0}, {"NormPDF", tier.NormPDF, -inf, 0}, {"NormPDF", tier.NormPDF, nan, nan},
			{"NormQuantile", tier.NormQuantile, 0, -inf}, {"NormQuantile", tier.NormQuantile, 1, inf}, {"NormQuantile", tier.NormQuantile, 0.5, 0},
			{"NormQuantile", tier.NormQuantile, -0.1, nan}, {"NormQuantile", tier.NormQuantile, 1.1, nan}, {"NormQuantile", tier.NormQuantile, nan, nan},
			{"Exp", tier.Exp, inf, inf}, {"Exp", tier.Exp, -inf, 0}, {"Exp", tier.Exp, nan, nan}, {"Exp", tier.Exp, 0, 1}, {"Exp", tier.Exp, 710, inf}, {"Exp", tier.Exp, -746, 0}, {"Exp", tier.Exp, -745, 5e-324},
			{"Log", tier.Log, inf, inf}, {"Log", tier.Log, 0, -inf}, {"Log", tier.Log, -1, nan}, {"Log", tier.Log, nan, nan}, {"Log", tier.Log, 1, 0}, {"Log", tier.Log, 5e-324, -744.4400719213812},
			{"Tanh", tier.Tanh, inf, 1}, {"Tanh", tier.Tanh, -inf, -1}, {"Tanh", tier.Tanh, nan, nan}, {"Tanh", tier.Tanh, 5e-324, 5e-324},
		} {
			if got := one(c.f, c.x); !ulp.Same(got, c.want) {
				t.Errorf("%s(%v) = %v, want %v", c.name, c.x, got, c.want)
			}
		}
		m := Mixture{Weight: []float64{0.5, 0.5, 0}, Mean: []float64{-1, 1, 7}, Scale: []float64{1e-3, 1e3, 1e60}}
		limit := -math.Log(1e3) // the widest component with weight
		for _, c := range []struct{ x, z, l float64 }{{inf, inf, limit}, {-inf, -inf, limit}, {nan, nan, nan}} {
			v, l := []float64{c.x}, make([]float64, 1)
			tier.MixtureForward(v, l, v, m)
			if !ulp.Same(v[0], c.z) || ulp.Diff(l[0], c.l) > 1 {
				t.Errorf("forward(%v) = %v, %v, want %v, %v", c.x, v[0], l[0], c.z, c.l)
			}
			v[0] = c.z
			tier.MixtureInverse(v, l, v, m)
			if !ulp.Same(v[0], c.x) || ulp.Diff(l[0], -c.l) > 1 {
				t.Errorf("inverse(%v) = %v, %v, want %v, %v", c.z, v[0], l[0], c.x, -c.l)
			}
		}
		// Finite x, however far: z and L are finite and right; one normal has z = (x-μ)/σ and L = -log σ.
		for _, x := range []float64{1e10, -1e100, 1e200, -1e300} {
			z, l := make([]float64, 1), make([]float64, 1)
			tier.MixtureForward(z, l, []float64{x}, Mixture{Weight: []float64{1}, Mean: []float64{1}, Scale: []float64{1e3}})
			if ulp.Diff(z[0], (x-1)/1e3) > 4 || math.Abs(l[0]+math.Log(1e3)) > 1e-14 {
				t.Errorf("forward(%v) = %v, %v, want %v, %v", x, z[0], l[0], (x-1)/1e3, -math.Log(1e3))
			}
			tier.MixtureForward(z, l, []float64{x}, m)
			if math.IsNaN(z[0]) || math.Signbit(z[0]) != (x < 0) || math.Abs(l[0]+math.Log(1e3)) > 1e-6 {
				t.Errorf("forward(%v) = %v, %v", x, z[0], l[0])
			}
		}
		for _, f := range []func(){
			func() { tier.Exp(make([]float64, 2), make([]float64, 3)) },
			func() { tier.MixtureForward(make([]float64, 2), nil, make([]float64, 3), m) },
			func() { tier.MixtureForward(make([]float64, 3), make([]float64, 2), make([]float64, 3), m) },
			func() { tier.MixtureForward(make([]float64, 1), nil, make([]float64, 1), Mixture{}) },
			func() { tier.MixturesForward(make([]float64, 3), nil, make([]float64, 3), Mixtures{K: 1, Stride: 2}) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Error("wrong lengths do not panic")
					}
				}()
				f()
			}()
		}
		tier.MixtureForward(nil, nil, nil, m)
	})
}

func TestTiers(t *testing.T) {
	if _, err := ParseTier("sse9"); err == nil {
		t.Error("an unknown tier is no error")
	}
	for _, tier := range []Tier{Generic, AVX2, AVX512, NEON} {
		got, err := ParseTier(tier.String())
		if has := missing(tier) == nil; got != tier || (err == nil) != has {
			t.Errorf("ParseTier(%q) = %v, %v", tier, got, err)
		}
	}
	if active, err := Active(); err == nil && missing(active) != nil {
		t.Errorf("the active tier %v cannot run", active)
	}
}

func TestNoAllocation(t *testing.T) {
	const n, k = 64, 4
	x, z, l := make([]float64, n), make([]float64, n), make([]float64, n)
	m := Mixture{Weight: []float64{.25, .25, .25, .25}, Mean: []float64{0, 1, 2, 3}, Scale: []float64{1, 1, 1, 1}}
	g := MixtureGrad{Logit: make([]float64, k), Mean: make([]float64, k), LogScale: make([]float64, k)}
	e := EMStats{N: make([]float64, k), A: make([]float64, k), B: make([]float64, k)}
	eachTier(t, func(t *testing.T, tier Tier) {
		if a := testing.AllocsPerRun(100, func() {
			tier.NormCDF(z, x)
			tier.MixtureForward(z, l, x, m)
			tier.MixtureBackward(x, g, z, l, x, z, l, m)
			tier.MixtureInverse(x, l, z, m)
			tier.MixtureEM(e, x, m)
		}); a != 0 && !raceEnabled {
			t.Errorf("%v allocations a run", a)
		}
	})
}
