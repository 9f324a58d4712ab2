// Package plots draws the two figures of `gaussflow equivalence` with gonum/plot.
//
// Every panel is a square with equal axes, so that a circle in latent space is a
// circle on the page. Nothing is clipped out of a panel: the axes grow until every
// point is inside them.
package plots

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Summary is the median and the maximum of a set of non-negative errors.
type Summary struct{ Median, Max float64 }

// Comparison is what two flows make of the same n points.
type Comparison struct {
	Diagonal, Coupling mat.Matrix // the latents z, n×2
	Z                  Summary    // of ‖Δz‖ over the points
	LogProb            Summary    // of |Δ log p| over the points, in nats
}

// The palette is Okabe and Ito's, which stays readable with every colour vision.
var (
	blue       = color.NRGBA{R: 0x00, G: 0x72, B: 0xB2, A: 0xFF}
	lightBlue  = color.NRGBA{R: 0x56, G: 0xB4, B: 0xE9, A: 0xFF}
	vermillion = color.NRGBA{R: 0xD5, G: 0x5E, B: 0x00, A: 0xFF}
	orange     = color.NRGBA{R: 0xE6, G: 0x9F, B: 0x00, A: 0xFF}
	purple     = color.NRGBA{R: 0x8E, G: 0x4A, B: 0x85, A: 0xFF}
	grey       = color.NRGBA{R: 0x55, G: 0x55, B: 0x55, A: 0xFF}
	gridGrey   = color.NRGBA{R: 0xDC, G: 0xDC, B: 0xDC, A: 0xFF}
)

func alpha(c color.NRGBA, a uint8) color.NRGBA { c.A = a; return c }

// Init writes, as a PNG, the coupling flow before training: both pushforwards
// overlaid, and Δz on its plane.
func Init(w io.Writer, c Comparison) error {
	overlay, err := overlayPanel("Before training: pushforwards overlaid", c, "coupling, zero kernels")
	if err != nil {
		return err
	}
	plane, err := planePanel(c)
	if err != nil {
		return err
	}
	return render(w, overlay, plane)
}

// Trained writes, as a PNG, the same two panels after the given number of training
// steps, and the errors before and after as bars on a log axis.
func Trained(w io.Writer, before, after Comparison, steps int) error {
	overlay, err := overlayPanel(fmt.Sprintf("After step %d: pushforwards overlaid", steps), after, "coupling, trained")
	if err != nil {
		return err
	}
	plane, err := planePanel(after)
	if err != nil {
		return err
	}
	bars, err := barPanel(before, after)
	if err != nil {
		return err
	}
	return render(w, overlay, plane, bars)
}

// overlayPanel shows both latents. The diagonal flow's points are large pale discs
// and the coupling flow's small dark dots on top: where the flows agree, every dot
// sits in the middle of its disc.
func overlayPanel(title string, c Comparison, couplingName string) (*plot.Plot, error) {
	diagonal, err := points(c.Diagonal)
	if err != nil {
		return nil, err
	}
	coupling, err := points(c.Coupling)
	if err != nil {
		return nil, err
	}
	p := newPanel(title, "z₁", "z₂")
	discs := &plotter.Scatter{XYs: diagonal, GlyphStyle: disc(alpha(lightBlue, 0xA0), 2.2)}
	dots := &plotter.Scatter{XYs: coupling, GlyphStyle: disc(alpha(vermillion, 0xC0), 0.7)}
	p.Add(discs, dots)
	square(p, math.Max(reach(diagonal), reach(coupling)))
	p.Legend.Add("diagonal", swatch(disc(lightBlue, 4)))
	p.Legend.Add(couplingName, swatch(disc(vermillion, 2.5)))
	return p, nil
}

// planePanel shows Δz = z(coupling) - z(diagonal), point by point, on its plane.
func planePanel(c Comparison) (*plot.Plot, error) {
	diagonal, err := points(c.Diagonal)
	if err != nil {
		return nil, err
	}
	delta, err := points(c.Coupling)
	if err != nil {
		return nil, err
	}
	if len(delta) != len(diagonal) {
		return nil, fmt.Errorf("plots: the flows were given different numbers of points: diagonal %d, coupling %d", len(diagonal), len(delta))
	}
	for i, d := range diagonal {
		delta[i].X -= d.X
		delta[i].Y -= d.Y
	}
	r := reach(delta)
	if r == 0 {
		return zeroPlane(delta)
	}
	p := newPanel("Δz = z(coupling) − z(diagonal)", "Δz₁", "Δz₂")
	axes(p)
	p.Add(&plotter.Scatter{XYs: delta, GlyphStyle: disc(alpha(purple, 0x60), 1.3)})
	ring := circle(c.Z.Median)
	p.Add(ring)
	square(p, r)
	p.Legend.Add(fmt.Sprintf("one of %s points", thousands(len(delta))), swatch(disc(purple, 2.5)))
	p.Legend.Add(fmt.Sprintf("median ‖Δz‖ = %.2g", c.Z.Median), ring)
	return p, nil
}

// zeroPlane is the plane when every difference is exactly 0. The axes cannot come
// from the data then; they span two units in the last place of numbers in [1, 2),
// so that the smallest difference float64 can show there would be in plain sight.
func zeroPlane(delta plotter.XYs) (*plot.Plot, error) {
	p := newPanel("Δz = z(coupling) − z(diagonal)", "Δz₁", "Δz₂")
	axes(p)
	p.Add(&plotter.Scatter{XYs: delta, GlyphStyle: disc(purple, 5)})
	const ulp = 0x1p-52
	square(p, 2*ulp)
	p.Legend.Add(fmt.Sprintf("%s points, all on the origin:", thousands(len(delta))), swatch(disc(purple, 5)))
	p.Legend.Add(fmt.Sprintf("%s differences, each exactly 0", thousands(2*len(delta))))
	return p, nil
}

// barPanel shows the median and the maximum of both errors, before and after
// training, on a log axis. A log axis has no 0: an error that is exactly 0 gets no
// bar but a marker on a row of its own, below the break in the axis.
func barPanel(before, after Comparison) (*plot.Plot, error) {
	groups := []struct {
		label string
		Summary
	}{
		{"‖Δz‖\nbefore", before.Z}, {"‖Δz‖\nafter", after.Z},
		{"|Δ log p|\nbefore", before.LogProb}, {"|Δ log p|\nafter", after.LogProb},
	}
	lo, hi, zeros := math.Inf(1), math.Inf(-1), false
	for _, g := range groups {
		for _, v := range []float64{g.Median, g.Max} {
			if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
				return nil, fmt.Errorf("plots: %q: an error of %v has no place on a log axis: it must be finite and not negative", g.label, v)
			}
			if v == 0 {
				zeros = true
				continue
			}
			lo, hi = math.Min(lo, v), math.Max(hi, v)
		}
	}
	if math.IsInf(lo, 1) { // every error is 0: show the decade below 1
		lo, hi = 1, 1
	}
	floor, top := math.Floor(math.Log10(lo))-1, math.Log10(hi)
	zeroRow := floor - (top-floor)/6

	p := newPanel("Errors before and after training", "", "error (log axis)")
	p.X.Min, p.X.Max = -0.6, float64(len(groups))-0.4
	p.Y.Min = floor
	if zeros {
		p.Y.Min = zeroRow - 0.8*(floor-zeroRow)
	}
	p.Y.Max = top + 0.1*(top-p.Y.Min) // room for the number above the highest bar
	p.Y.Tick.Marker = exponentTicks{floor, zeros, zeroRow}
	var names plot.ConstantTicks
	for i, g := range groups {
		names = append(names, plot.Tick{Value: float64(i), Label: g.label})
	}
	p.X.Tick.Marker = names
	p.X.Tick.Length = 0
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = gridGrey
	p.Add(grid)

	const width = 0.42
	var labels plotter.XYLabels
	var hollow plotter.XYs
	var ringColors []color.Color
	var exact plotter.XYLabels
	for i, g := range groups {
		first := len(hollow)
		for j, v := range []float64{g.Median, g.Max} {
			left := float64(i) + (float64(j)-1)*width
			x := left + width/2
			if v == 0 {
				hollow = append(hollow, plotter.XY{X: x, Y: zeroRow})
				ringColors = append(ringColors, barColors[j])
				continue
			}
			y := math.Log10(v)
			bar, err := plotter.NewPolygon(plotter.XYs{{X: left, Y: floor}, {X: left, Y: y}, {X: left + width, Y: y}, {X: left + width, Y: floor}})
			if err != nil {
				return nil, err
			}
			bar.Color = barColors[j]
			bar.LineStyle.Width = 0
			p.Add(bar)
			labels.XYs = append(labels.XYs, plotter.XY{X: x, Y: y})
			labels.Labels = append(labels.Labels, short(v))
		}
		if zero := hollow[first:]; len(zero) > 0 {
			middle := plotter.XY{X: (zero[0].X + zero[len(zero)-1].X) / 2, Y: zeroRow}
			exact.XYs = append(exact.XYs, middle)
			exact.Labels = append(exact.Labels, "exactly 0")
		}
	}
	for _, l := range []struct {
		plotter.XYLabels
		lift float64
	}{{labels, 3}, {exact, -19}} {
		text, err := plotter.NewLabels(l.XYLabels)
		if err != nil {
			return nil, err
		}
		for i := range text.TextStyle {
			text.TextStyle[i] = style(11.5, draw.XCenter)
		}
		text.Offset.Y = vg.Points(l.lift)
		p.Add(text)
	}

	p.Legend.Add("median", block(barColors[0]))
	p.Legend.Add("maximum", block(barColors[1]))
	if zeros {
		axisBreak, err := plotter.NewLine(plotter.XYs{{X: p.X.Min, Y: floor}, {X: p.X.Max, Y: floor}})
		if err != nil {
			return nil, err
		}
		axisBreak.LineStyle = draw.LineStyle{Color: grey, Width: vg.Points(1), Dashes: []vg.Length{vg.Points(5), vg.Points(3)}}
		rings := &plotter.Scatter{XYs: hollow, GlyphStyleFunc: func(i int) draw.GlyphStyle {
			return draw.GlyphStyle{Color: ringColors[i], Radius: vg.Points(5), Shape: draw.RingGlyph{}}
		}}
		p.Add(axisBreak, rings)
	}
	return p, nil
}

var barColors = [2]color.NRGBA{blue, orange} // median, maximum

// exponentTicks labels an axis of decimal exponents by the numbers they stand for, and the
// row for 0 by 0.
type exponentTicks struct {
	floor   float64
	zeros   bool
	zeroRow float64
}

func (t exponentTicks) Ticks(_, max float64) []plot.Tick {
	var marks []plot.Tick
	if t.zeros {
		marks = append(marks, plot.Tick{Value: t.zeroRow, Label: "0"})
	}
	every := math.Max(1, math.Ceil((max-t.floor)/8))
	for e := t.floor; e <= max; e += every {
		label := strconv.FormatFloat(math.Pow(10, e), 'f', -1, 64)
		if t.floor < -4 || max > 5 {
			label = fmt.Sprintf("1e%g", e)
		}
		marks = append(marks, plot.Tick{Value: e, Label: label})
	}
	return marks
}

// short writes a value above its bar.
func short(v float64) string {
	if v < 1e-3 || v >= 1e4 {
		return strings.Replace(strconv.FormatFloat(v, 'e', 0, 64), "e-0", "e-", 1)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

// newPanel is an empty plot with this package's type sizes.
func newPanel(title, xlabel, ylabel string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.TextStyle = style(16, draw.XCenter)
	p.Title.TextStyle.YAlign = draw.YTop
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Padding = 0
		a.LineStyle = draw.LineStyle{Color: grey, Width: vg.Points(1)}
		a.Label.TextStyle.Font = Sans(15)
		a.Label.Padding = vg.Points(5)
		a.Tick.Label.Font = Sans(13)
		a.Tick.LineStyle = a.LineStyle
		a.Tick.Length = vg.Points(5)
	}
	p.X.Label.Text, p.Y.Label.Text = xlabel, ylabel
	// The legend, two lines of it, stands between the title and the data, where it can
	// hide nothing.
	p.Legend.TextStyle = style(13, draw.XLeft)
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.Padding = vg.Points(3)
	p.Legend.YOffs = vg.Points(40)
	p.Title.Padding = vg.Points(50)
	return p
}

// square sets both axes to hold a radius of r with some air. Numbers that need an
// exponent are labelled by their mantissas, and the axis labels carry the exponent.
func square(p *plot.Plot, r float64) {
	r *= 1.08
	unit := 1.0
	if e := math.Floor(math.Log10(r)); e < -2 || e > 3 {
		e = math.Max(e, -300) // the powers of ten end before the denormal numbers do
		unit = math.Pow(10, e)
		suffix := fmt.Sprintf("  (in units of 1e%g)", e)
		p.X.Label.Text += suffix
		p.Y.Label.Text += suffix
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -r, r, -r, r
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks{unit}, ticks{unit}
}

// ticks are multiples of 1, 2 or 5 times a power of ten, eight of them at most, labelled
// in multiples of unit. The very ends of the axis have none: a label there would stick
// out and push the panel's title out of line with its neighbours'.
type ticks struct{ unit float64 }

func (t ticks) Ticks(min, max float64) []plot.Tick {
	min, max = min/t.unit, max/t.unit
	const most = 8.5 // steps that have room for their labels
	power := math.Pow(10, math.Floor(math.Log10((max-min)/most)))
	step := 10 * power
	for _, m := range []float64{5, 2, 1} {
		if (max-min)/(m*power) <= most {
			step = m * power
		}
	}
	end := 0.03 * (max - min)
	var marks []plot.Tick
	for i := math.Ceil((min+end)/step) + 0; i*step <= max-end; i++ {
		marks = append(marks, plot.Tick{Value: i * step * t.unit, Label: strings.ReplaceAll(strconv.FormatFloat(i*step, 'g', 4, 64), "-", "−")})
	}
	return marks
}

// axes adds the lines Δz₁ = 0 and Δz₂ = 0 and a grid.
func axes(p *plot.Plot) {
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = gridGrey, gridGrey
	p.Add(grid, cross{})
}

// cross draws the two coordinate axes through the origin.
type cross struct{}

func (cross) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	s := draw.LineStyle{Color: grey, Width: vg.Points(0.7)}
	c.StrokeLine2(s, x(0), c.Min.Y, x(0), c.Max.Y)
	c.StrokeLine2(s, c.Min.X, y(0), c.Max.X, y(0))
}

// circle is a circle about the origin.
func circle(r float64) *plotter.Line {
	const n = 180
	xys := make(plotter.XYs, n+1)
	for i := range xys {
		s, c := math.Sincos(2 * math.Pi * float64(i) / n)
		xys[i] = plotter.XY{X: r * c, Y: r * s}
	}
	return &plotter.Line{XYs: xys, LineStyle: draw.LineStyle{Color: vermillion, Width: vg.Points(1.8)}}
}

// points copies an n×2 matrix of numbers that can be drawn.
func points(z mat.Matrix) (plotter.XYs, error) {
	n, d := z.Dims()
	if d != 2 || n == 0 {
		return nil, fmt.Errorf("plots: the latents are %d×%d: want n×2 with n ≥ 1", n, d)
	}
	const most = 1e300 // differences and margins stay finite
	xys := make(plotter.XYs, n)
	for i := range xys {
		xys[i] = plotter.XY{X: z.At(i, 0), Y: z.At(i, 1)}
		for j := range 2 {
			if v := z.At(i, j); !(math.Abs(v) <= most) {
				return nil, fmt.Errorf("plots: row %d, column %d of the latents is %v: want a number of at most ±%g", i, j, v, most)
			}
		}
	}
	return xys, nil
}

// reach is the largest |coordinate|.
func reach(xys plotter.XYs) float64 {
	r := 0.0
	for _, p := range xys {
		r = math.Max(r, math.Max(math.Abs(p.X), math.Abs(p.Y)))
	}
	return r
}

func disc(c color.Color, radius float64) draw.GlyphStyle {
	return draw.GlyphStyle{Color: c, Radius: vg.Points(radius), Shape: draw.CircleGlyph{}}
}

// swatch is a glyph in a legend.
type swatch draw.GlyphStyle

func (s swatch) Thumbnail(c *draw.Canvas) { c.DrawGlyph(draw.GlyphStyle(s), c.Center()) }

// block is a filled rectangle in a legend.
type block color.NRGBA

func (b block) Thumbnail(c *draw.Canvas) {
	c.SetColor(color.NRGBA(b))
	c.Fill(c.Rectangle.Path())
}

// Sans is the font of all figures.
func Sans(size float64) font.Font {
	return font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, vg.Points(size))
}

func style(size float64, x draw.XAlignment) text.Style {
	return text.Style{Color: color.Black, Font: Sans(size), XAlign: x, Handler: plot.DefaultTextHandler}
}

// thousands writes n with a comma between groups of three digits.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// The height of the page, and its resolution: a panel is about 700 dots wide.
const (
	pageHeight = 5.25 * vg.Inch
	dpi        = 150
)

// render draws the panels side by side and writes them as one PNG.
func render(w io.Writer, panels ...*plot.Plot) error {
	rows := [][]*plot.Plot{panels}
	tiles := draw.Tiles{
		Rows: 1, Cols: len(panels), PadX: vg.Points(24),
		PadLeft: vg.Points(10), PadRight: vg.Points(16), PadTop: vg.Points(12), PadBottom: vg.Points(10),
	}
	// Align gives every panel a data area of the same size; a page of the right width
	// makes it a square.
	cols := vg.Length(len(panels))
	width := cols * pageHeight
	page := draw.Canvas{Rectangle: vg.Rectangle{Max: vg.Point{X: width, Y: pageHeight}}}
	area := panels[0].DataCanvas(plot.Align(rows, tiles, page)[0][0]).Size()
	width -= cols * (area.X - area.Y)

	img := vgimg.NewWith(vgimg.UseWH(width, pageHeight), vgimg.UseDPI(dpi))
	for i, c := range plot.Align(rows, tiles, draw.New(img))[0] {
		panels[i].Draw(c)
	}
	if _, err := (vgimg.PngCanvas{Canvas: img}).WriteTo(w); err != nil {
		return fmt.Errorf("plots: cannot write the PNG: %w", err)
	}
	return nil
}
