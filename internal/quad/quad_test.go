package quad

import (
	"errors"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// affine is the flow z = (x - mean)/scale, with its density times weight: a normal
// density whose integral is known to be weight.
type affine struct {
	dim                 int
	mean, scale, weight float64
	fail                error
}

func (a affine) Dim() int { return a.dim }

func (a affine) Inverse(x *mat.Dense, _ []float64, z mat.Matrix) error {
	x.Apply(func(_, _ int, v float64) float64 { return a.mean + a.scale*v }, z)
	return nil
}

func (a affine) LogProb(dst []float64, x mat.Matrix) error {
	for i := range dst {
		u, v := (x.At(i, 0)-a.mean)/a.scale, (x.At(i, 1)-a.mean)/a.scale
		dst[i] = math.Log(a.weight) - (u*u+v*v)/2 - math.Log(2*math.Pi*a.scale*a.scale)
	}
	return a.fail
}

// The mass left out is at most 1e-6 of the whole, whatever the place and the scale.
func TestMass(t *testing.T) {
	for _, a := range []affine{
		{dim: 2, scale: 1, weight: 1},
		{dim: 2, mean: -300, scale: 1e-3, weight: 1},
		{dim: 2, mean: 7, scale: 1e6, weight: 1},
		{dim: 2, mean: 1, scale: 0.1, weight: 6}, // not a density: must be seen
	} {
		r, err := Mass(a)
		if err != nil {
			t.Fatalf("%+v: %v", a, err)
		}
		if math.Abs(r.Value-a.weight) > 1.1e-6*a.weight || r.Error > tolerance {
			t.Errorf("%+v: integral %.9f ± %.1g, want %g", a, r.Value, r.Error, a.weight)
		}
	}
}

// comb is a normal density times 1 + cos(ku), u the grid's own coordinate: its integral is
// 1 as well, but only a grid that resolves the teeth finds that.
type comb struct {
	affine
	axis axis
	k    float64
}

func (c comb) LogProb(dst []float64, x mat.Matrix) error {
	err := c.affine.LogProb(dst, x)
	for i := range dst {
		dst[i] += math.Log1p(math.Cos(c.k * math.Asinh((x.At(i, 0)-c.axis.centre)/c.axis.scale)))
	}
	return err
}

func TestMassRefines(t *testing.T) {
	// One tooth to every line of the first grid: all its points sit on crests, and it
	// sees twice the mass.
	c := comb{affine: affine{dim: 2, scale: 1, weight: 1}}
	b, err := boxOf(c, rim)
	if err != nil {
		t.Fatal(err)
	}
	c.axis = b.axes[0]
	c.k = 2 * math.Pi * coarsest / (c.axis.max - c.axis.min)
	r, err := Mass(c)
	if err != nil {
		t.Fatal(err)
	}
	// The corners of the box are empty and need no refinement.
	if all := 16 * coarsest * coarsest; math.Abs(r.Value-1) > 1.1e-6 || r.Points > all || r.Points < all*9/10 {
		t.Errorf("integral %.9f from %d points, want 1 from little less than %d", r.Value, r.Points, all)
	}
}

// ring has all its mass near a circle, in the box of an affine flow: most of the lattice
// is empty.
type ring struct{ affine }

func (r ring) LogProb(dst []float64, x mat.Matrix) error {
	const width = 0.02
	for i := range dst {
		u := (math.Hypot(x.At(i, 0), x.At(i, 1)) - 2) / width
		dst[i] = -u*u/2 - math.Log(math.Pow(2*math.Pi, 1.5)*width*2)
	}
	return nil
}

func TestMassSkipsWhatIsEmpty(t *testing.T) {
	r, err := Mass(ring{affine{dim: 2, scale: 1, weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(r.Value-1) > 1e-6 {
		t.Errorf("integral %.9f, want 1", r.Value)
	}
	// 512 lines resolve the ring; it covers a third of the cells at 256.
	if all := 16 * coarsest * coarsest; r.Points <= all/4 || r.Points > all*6/10 {
		t.Errorf("%d points, want more than the %d of 256 lines and many fewer than the %d of 512", r.Points, all/4, all)
	}
}

func TestBusy(t *testing.T) {
	const n = 9
	l := lattice{n, make([]float64, n*n)}
	l.v[4*n+5], l.v[0] = 1, math.NaN()
	for at, busy := range l.busy(0.5) {
		i, j := at/n, at%n
		want := i >= 2 && i <= 5 && j >= 3 && j <= 6 || i <= 1 && j <= 1
		if busy != want {
			t.Errorf("the cell at (%d, %d) is busy: %v, want %v", i, j, busy, want)
		}
	}
}

// wide is the flow z = asinh(x)/3: the preimage of the disc is 3e5 times as wide as that of the unit
// circle.
type wide struct{}

func (wide) Dim() int { return 2 }

func (wide) Inverse(x *mat.Dense, _ []float64, z mat.Matrix) error {
	x.Apply(func(_, _ int, v float64) float64 { return math.Sinh(3 * v) }, z)
	return nil
}

func (wide) LogProb(dst []float64, x mat.Matrix) error {
	for i := range dst {
		dst[i] = -math.Log(2 * math.Pi)
		for j := range 2 {
			z := math.Asinh(x.At(i, j)) / 3
			dst[i] -= z*z/2 + math.Log(3*math.Hypot(1, x.At(i, j)))
		}
	}
	return nil
}

// A grid of equal steps over this box would see no mass at all.
func TestMassFindsTheBulk(t *testing.T) {
	r, err := Mass(wide{})
	if err != nil || math.Abs(r.Value-1) > 2e-5 {
		t.Errorf("integral %.9f ± %.1g, error %v, want 1", r.Value, r.Error, err)
	}
}

// With few lines the result says how good it is.
func TestMassWithin(t *testing.T) {
	r, err := MassWithin(affine{dim: 2, scale: 1, weight: 1}, 64)
	if err != nil || r.Points != 64*64 || math.Abs(r.Value-1) > 2e-5 || r.Error > 1e-5 {
		t.Errorf("%+v, error %v", r, err)
	}
	if r, err := MassWithin(wide{}, 4); err != nil || r.Points != 16 || r.Error < 1e-3 {
		t.Errorf("four lines are too few: %+v, error %v", r, err)
	}
}

func TestMassErrors(t *testing.T) {
	boom := errors.New("boom")
	if _, err := Mass(affine{dim: 2, scale: 1, weight: 1, fail: boom}); !errors.Is(err, boom) {
		t.Errorf("the density's own error is lost: %v", err)
	}
	if _, err := Mass(affine{dim: 3, scale: 1, weight: 1}); err == nil || !strings.Contains(err.Error(), "3 dimensions") {
		t.Errorf("three dimensions: %v", err)
	}
	if _, err := Mass(affine{dim: 2, scale: math.Inf(1), weight: 1}); err == nil || !strings.Contains(err.Error(), "finite") {
		t.Errorf("an infinite box: %v", err)
	}
}
