package plots

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// cloud is a comparison of n points whose latents differ by about size.
func cloud(n int, size float64) Comparison {
	r := rand.New(rand.NewPCG(1, 2))
	a, b := mat.NewDense(n, 2, nil), mat.NewDense(n, 2, nil)
	norms := make([]float64, n)
	for i := range n {
		for j := range 2 {
			z := r.NormFloat64()
			a.Set(i, j, z)
			b.Set(i, j, z+size*r.NormFloat64())
		}
		norms[i] = math.Hypot(b.At(i, 0)-a.At(i, 0), b.At(i, 1)-a.At(i, 1))
	}
	slices.Sort(norms)
	s := Summary{norms[n/2], norms[n-1]}
	return Comparison{a, b, s, Summary{2 * s.Median, 2 * s.Max}}
}

// picture draws and decodes.
func picture(t *testing.T, draw func(io.Writer) error) image.Image {
	t.Helper()
	var b bytes.Buffer
	if err := draw(&b); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// bounds is the bounding box of the pixels of a colour, and their number.
func bounds(img image.Image, want color.NRGBA) (box image.Rectangle, n int) {
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if color.NRGBAModel.Convert(img.At(x, y)) == want {
				box = box.Union(image.Rect(x, y, x+1, y+1))
				n++
			}
		}
	}
	return box, n
}

// crop copies a part of an image to the origin, the part given in fractions of its size.
func crop(img image.Image, x0, x1, y0 float64) image.Image {
	w, h := float64(img.Bounds().Dx()), float64(img.Bounds().Dy())
	out := image.NewNRGBA(image.Rect(0, 0, int(w*(x1-x0)), int(h*(1-y0))))
	draw.Draw(out, out.Bounds(), img, image.Pt(int(w*x0), int(h*y0)), draw.Src)
	return out
}

// The same comparison gives the same bytes, and every size of difference has a picture.
func TestFigures(t *testing.T) {
	same := cloud(300, 0)
	for _, size := range []float64{0, 3e-16, 1e-3, 0.2, 40, 1e9, 1e200} {
		other := cloud(300, size)
		for name, draw := range map[string]func(io.Writer) error{
			"Init":    func(w io.Writer) error { return Init(w, other) },
			"Trained": func(w io.Writer) error { return Trained(w, same, other, 600) },
		} {
			var a, b bytes.Buffer
			if err := errors.Join(draw(&a), draw(&b)); err != nil {
				t.Fatalf("%s, differences of %g: %v", name, size, err)
			}
			if !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Errorf("%s, differences of %g: two drawings of the same comparison differ", name, size)
			}
		}
	}
}

// A circle in the plane of Δz is a circle on the page.
func TestEqualAspect(t *testing.T) {
	c := cloud(300, 0.2)
	img := picture(t, func(w io.Writer) error { return Init(w, c) })
	// The circle of the median is the only vermillion in the right panel below the legend.
	box, n := bounds(crop(img, 0.5, 1, 0.25), vermillion)
	if n == 0 || math.Abs(float64(box.Dx()-box.Dy())) > 2 {
		t.Errorf("the circle of the median is drawn %d by %d dots (%d in its colour), want as wide as high", box.Dx(), box.Dy(), n)
	}
}

// An error of exactly 0 has no bar; an error above 0, however small, has one.
func TestZeroHasNoBar(t *testing.T) {
	same, near, apart := cloud(300, 0), cloud(300, 1e-16), cloud(300, 0.2)
	blueIn := func(before, after Comparison) int {
		img := picture(t, func(w io.Writer) error { return Trained(w, before, after, 1) })
		_, n := bounds(crop(img, 2./3, 1, 0), blue)
		return n
	}
	none, after, both := blueIn(same, same), blueIn(same, apart), blueIn(near, apart)
	if after < none+5000 {
		t.Errorf("bars above 0 add %d dots to the figure, want thousands", after-none)
	}
	if none > 2500 { // the legend's sample and two rings
		t.Errorf("a figure of zeros has %d dots in the colour of the bars, want the legend's alone", none)
	}
	if both < none+5000 {
		t.Errorf("errors of 1e-16 and 0.2: %d dots in the colour of the bars, want more than %d", both, none+5000)
	}
}

// Differences of denormal size have axes too.
func TestDenormalDifferences(t *testing.T) {
	c := cloud(10, 0)
	c.Diagonal, c.Coupling = mat.NewDense(10, 2, nil), mat.NewDense(10, 2, []float64{19: 5e-324})
	c.Z.Max = 5e-324
	picture(t, func(w io.Writer) error { return Trained(w, c, c, 1) })
}

func TestBadComparisons(t *testing.T) {
	good := cloud(10, 0.1)
	for name, spoil := range map[string]func(*Comparison){
		"NaN in a latent":      func(c *Comparison) { c.Coupling.(*mat.Dense).Set(3, 1, math.NaN()) },
		"infinite latent":      func(c *Comparison) { c.Diagonal.(*mat.Dense).Set(3, 1, math.Inf(1)) },
		"latent of 1e305":      func(c *Comparison) { c.Diagonal.(*mat.Dense).Set(3, 1, 1e305) },
		"three columns":        func(c *Comparison) { c.Coupling = mat.NewDense(10, 3, nil) },
		"nine points and ten":  func(c *Comparison) { c.Coupling = mat.NewDense(9, 2, nil) },
		"no points":            func(c *Comparison) { c.Diagonal = new(mat.Dense) },
		"NaN as an error":      func(c *Comparison) { c.Z.Median = math.NaN() },
		"negative error":       func(c *Comparison) { c.LogProb.Max = -1 },
		"infinite as an error": func(c *Comparison) { c.LogProb.Max = math.Inf(1) },
	} {
		bad := cloud(10, 0.1)
		spoil(&bad)
		var b bytes.Buffer
		if err := Trained(&b, good, bad, 1); err == nil || b.Len() > 0 {
			t.Errorf("%s: error %v and %d bytes, want an error and none", name, err, b.Len())
		}
	}
}

// Curves are drawn where they are: a dashed line of blue rings, a whole line of vermillion,
// and nothing of what is not finite or beyond the axis.
func TestCurves(t *testing.T) {
	panel := Curves{Title: "curves", XLabel: "blocks", YLabel: "y", LogX: true, LogY: true, YMin: 1, YMax: 1e4, Note: "a note",
		Lines: []Curve{
			{Name: "rising", X: []float64{1, 2, 4, 8}, Y: []float64{1, 10, 100, 1e9}, Dashed: true},
			{X: []float64{1, 2, 4}, Y: []float64{5, math.NaN(), 7}, Colour: 1},
		}}
	img := picture(t, func(w io.Writer) error { return WriteCurves(w, panel, panel) })
	if _, n := bounds(img, blue); n < 100 {
		t.Errorf("%d blue dots", n)
	}
	if _, n := bounds(img, vermillion); n < 50 {
		t.Errorf("%d vermillion dots", n)
	}
	for _, bad := range []Curves{{Title: "empty"}, {Title: "nothing finite", Lines: []Curve{{X: []float64{1}, Y: []float64{math.Inf(1)}}}}} {
		if err := WriteCurves(io.Discard, bad); err == nil {
			t.Errorf("%s: no error", bad.Title)
		}
	}
}
