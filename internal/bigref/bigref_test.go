package bigref

import (
	"math"
	"math/rand/v2"
	"testing"
)

// parse reads a decimal.
func parse(t *testing.T, s string) *Float {
	f, ok := zero().SetString(s)
	if !ok {
		t.Fatalf("bad number %q", s)
	}
	return f
}

// near fails the test unless got and want agree to 2^-bits, relative.
func near(t *testing.T, got, want *Float, bits int, what string, args ...any) {
	t.Helper()
	if !below(sub(got, want), bits, want) {
		t.Errorf(what+": got %s, want %s", append(args, got.Text('g', 70), want.Text('g', 70))...)
	}
}

// Sixty digits of published constants.
func TestKnownDigits(t *testing.T) {
	for _, c := range []struct {
		name string
		got  *Float
		want string
	}{
		{"e", Exp(one), "2.71828182845904523536028747135266249775724709369995957496697"},
		{"log 10", Log(New(10)), "2.30258509299404568401799145468436420760110148862877297603333"},
		{"log 2", Log(New(2)), "0.693147180559945309417232121458176568075500134360255254120680"},
		{"tanh 1", Tanh(one), "0.761594155955764888119458282604793590412768597257936551596811"},
		{"φ(0)", PDF(zero()), "0.398942280401432677939946059934381868475858631164934657665926"},
	} {
		near(t, c.got, parse(t, c.want), 195, "%s", c.name)
	}
	// erfc(1) = 2Φ(-√2)
	root2 := zero().Sqrt(New(2))
	near(t, mul(New(2), CDF(neg(root2))), parse(t, "0.157299207050285130658779364917390740703933002033697091540062"), 195, "erfc 1")
}

func TestExpLog(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		a, b := New(100*r.NormFloat64()), New(r.NormFloat64())
		near(t, mul(Exp(a), Exp(b)), Exp(add(a, b)), 225, "e^%g·e^%g", a, b)
		near(t, Log(Exp(a)), a, 225, "log e^%g", a)
	}
	if Exp(zero()).Cmp(one) != 0 || Log(one).Sign() != 0 || Exp(New(-2e9)).Sign() != 0 {
		t.Error("e^0, log 1 or e^-2e9 is wrong")
	}
	near(t, Log(New(1-0x1p-40)), log1p(New(-0x1p-40)), 200, "log near 1")
	near(t, Tanh(New(-1e300)), New(-1), 250, "tanh -1e300")
	near(t, Tanh(New(0x1p-59)), Tanh(neg(New(-0x1p-59))), 220, "tanh near 0")
	near(t, Tanh(New(0x1.01p-60)), New(0x1.01p-60), 110, "tanh near 0")
	near(t, Tanh(New(0x1.fp-61)), quo(sub(Exp(New(0x1.fp-60)), one), add(Exp(New(0x1.fp-60)), one)), 160, "tanh's series and its quotient")
}

// The series and the continued fraction agree where both are good.
func TestMills(t *testing.T) {
	for x := 6.; x <= 8; x += 1. / 16 {
		near(t, millsSeries(New(x)), millsFraction(New(x)), 150, "Mills ratio at %g", x)
	}
}

func TestNormal(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 60 {
		x := 12 * r.NormFloat64()
		q := CDF(New(x))
		if x < 5 { // beyond, Φ(x) has few digits of it
			near(t, Quantile(q, math.NaN()), New(x), 150, "Φ⁻¹(Φ(%g))", x)
		}
		if -x < 10 { // beyond, the logarithm of 1-Φ(-x) has few digits
			near(t, LogCDF(New(-x)), Log(CDF(New(-x))), 150, "log Φ(%g)", -x)
		}
		// Φ' = φ, by a difference in x.
		h := New(0x1p-70)
		slope := quo(sub(CDF(add(New(x), h)), CDF(sub(New(x), h))), mul(New(2), h))
		if x < 10 {
			near(t, slope, PDF(New(x)), 90, "Φ'(%g)", x)
		}
	}
	near(t, LogCDF(New(40)), neg(CDF(New(-40))), 220, "log Φ(40)")
	near(t, LogCDF(New(12)), Log(CDF(New(12))), 150, "log Φ(12)")
}

// The gradients, and e^L = dz/dx, agree with differences.
func TestMixtureGradients(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	h := New(0x1p-70)
	for trial := range 12 {
		k := 1 + trial%3
		// x, logits, means and log scales, in the order of Gradient.Entries.
		theta := make([]*Float, 1+3*k)
		for j := range theta {
			theta[j] = New(3 * r.NormFloat64())
		}
		at := func(theta []*Float) (*Point, *Float) {
			p := &Point{X: theta[0], mean: theta[1+k : 1+2*k]}
			sum := zero()
			for j := range k {
				p.weight = append(p.weight, Exp(theta[1+j]))
				p.scale = append(p.scale, Exp(theta[1+2*k+j]))
				sum = add(sum, p.weight[j])
			}
			for j := range k {
				p.weight[j] = quo(p.weight[j], sum)
			}
			p.evaluate()
			return p, p.Z(math.NaN())
		}
		p, z := at(theta)
		near(t, CDF(z), p.F, 140, "trial %d: Φ(z) and F", trial)
		near(t, add(p.F, p.S), one, 220, "trial %d: F+S", trial)
		dz, dl := p.Gradients(z)
		near(t, dz.DX, Exp(p.LogDet(z)), 150, "trial %d: dz/dx and e^L", trial)
		for j := range theta {
			keep := theta[j]
			theta[j] = add(keep, h)
			p1, z1 := at(theta)
			theta[j] = sub(keep, h)
			p0, z0 := at(theta)
			theta[j] = keep
			for _, c := range []struct {
				of          string
				got, p1, p0 *Float
			}{
				{"z", dz.Entries()[j], z1, z0},
				{"L", dl.Entries()[j], p1.LogDet(z1), p0.LogDet(z0)},
			} {
				difference := quo(sub(c.p1, c.p0), mul(New(2), h))
				if !below(sub(difference, c.got), 80, add(one, zero().Abs(c.got))) {
					t.Errorf("trial %d: gradient of %s, entry %d: got %.30g, difference %.30g", trial, c.of, j, c.got, difference)
				}
			}
		}
	}
}

func TestSolve(t *testing.T) {
	m := Mixture{[]float64{1}, []float64{3}, []float64{2}} // z = (x-3)/2
	near(t, m.At(New(5.25)).Solve(1), New(5), 150, "solution")
	m = Mixture{[]float64{0.25, 0.75}, []float64{-1, 2}, []float64{0.5, 2}}
	x := m.At(New(0.3)).Solve(-0.5)
	for range 7 {
		approx, _ := x.Float64()
		if next := m.At(New(approx)).Solve(-0.5); below(sub(next, x), 100, x) {
			return
		} else {
			x = next
		}
	}
	t.Error("Newton's method does not converge")
}

func TestUlps(t *testing.T) {
	for _, c := range []struct {
		got        float64
		want, ulps float64
	}{
		{1, 1, 0}, {1 + 0x1p-52, 1, 1}, {1 - 0x1p-53, 1, 0.5}, {0x1p-1074, 0, 1}, {0, 0x1p-1074, 1}, {math.Inf(1), 1, math.Inf(1)}, {math.NaN(), 0, math.Inf(1)},
		{0x1p-1022, 0x1p-1022 + 0x1p-1074, 1},
	} {
		if got := Ulps(c.got, New(c.want)); got != c.ulps {
			t.Errorf("Ulps(%g, %g) = %g, want %g", c.got, c.want, got, c.ulps)
		}
	}
	third := quo(one, New(3))
	if got := Ulps(1./3, third); !(got > 0.33 && got < 0.34) {
		t.Errorf("1/3 is %g ulp off", got)
	}
}
