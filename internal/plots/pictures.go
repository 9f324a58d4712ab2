package plots

import (
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A Picture is panels in rows and columns; some may be missing.
type Picture struct {
	title  string
	panels [][]*plot.Plot
	cell   vg.Length
	above  vg.Length // room for a legend
}

// Write draws the picture as "png", at 150 dpi, or "svg".
func (p *Picture) Write(w io.Writer, format string) error {
	rows, cols := len(p.panels), len(p.panels[0])
	width, height := vg.Length(cols)*p.cell, vg.Length(rows)*p.cell+p.above+vg.Points(30)
	tiles := draw.Tiles{
		Rows: rows, Cols: cols, PadX: vg.Points(10), PadY: vg.Points(10),
		PadLeft: vg.Points(8), PadRight: vg.Points(14), PadTop: vg.Points(34), PadBottom: vg.Points(8),
	}
	var canvas interface {
		vg.CanvasSizer
		io.WriterTo
	}
	switch format {
	case "png":
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))}
	case "svg":
		canvas = vgsvg.New(width, height)
	default:
		return fmt.Errorf("plots: there is no format %q: want png or svg", format)
	}
	c := draw.New(canvas)
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	st := style(min(14, 1.7*float64(width)/float64(len([]rune(p.title))+1)), draw.XCenter) // it fits on the page
	st.YAlign = draw.YTop
	c.FillText(st, vg.Point{X: width / 2, Y: height - vg.Points(10)}, p.title)
	for i, row := range plot.Align(p.panels, tiles, c) {
		for j, cell := range row {
			if p.panels[i][j] == nil {
				continue
			}
			if size := cell.Size(); !(size.X > 0 && size.Y > 0) { // NaN would be drawn for ever
				return fmt.Errorf("plots: the labels of %q leave no room for a panel", p.title)
			}
			p.panels[i][j].Draw(cell)
		}
	}
	if _, err := canvas.WriteTo(w); err != nil {
		return fmt.Errorf("plots: cannot write the picture: %w", err)
	}
	return nil
}

// small is an empty panel of a larger picture.
func small(xlabel, ylabel string) *plot.Plot {
	p := plot.New()
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Padding = 0
		a.LineStyle = draw.LineStyle{Color: grey, Width: vg.Points(0.7)}
		a.Label.TextStyle.Font = Sans(11)
		a.Label.Padding = vg.Points(2)
		a.Tick.Label.Font = Sans(8)
		a.Tick.LineStyle = a.LineStyle
		a.Tick.Length = vg.Points(3)
	}
	p.X.Label.Text, p.Y.Label.Text = xlabel, ylabel
	p.Legend.TextStyle = style(9, draw.XLeft)
	p.Legend.Top = true
	return p
}

// some are the indices of at most so many of n rows, evenly spread.
func some(n, most int) []int {
	index := make([]int, min(n, most))
	for i := range index {
		index[i] = i * n / len(index)
	}
	return index
}

// pairs are two columns of a matrix, of at most so many rows.
func pairs(x mat.Matrix, a, b, most int) plotter.XYs {
	n, _ := x.Dims()
	xys := make(plotter.XYs, 0, most)
	for _, i := range some(n, most) {
		if u, v := x.At(i, a), x.At(i, b); math.Abs(u) <= 1e300 && math.Abs(v) <= 1e300 {
			xys = append(xys, plotter.XY{X: u, Y: v})
		}
	}
	return xys
}

// span holds the middle of the values with some air: from the 0.1% to the 99.9% quantile.
func span(sorted []float64) (lo, hi float64) {
	at := func(q float64) float64 { return sorted[int(q*float64(len(sorted)-1))] }
	lo, hi = at(0.001), at(0.999)
	if lo == hi {
		lo, hi = lo-1, hi+1
	}
	air := 0.08 * (hi - lo)
	return lo - air, hi + air
}

// A Grid is a log-density on a rectangle.
type Grid struct {
	X, Y    [2]float64 // its ends
	LogProb *mat.Dense // rows along y, columns along x
}

func (g Grid) Dims() (c, r int) { r, c = g.LogProb.Dims(); return c, r }
func (g Grid) Z(c, r int) float64 {
	return max(g.LogProb.At(r, c), -1e300) // contours take no infinity
}
func (g Grid) X1(c int) float64 { return along(g.X, c, g.LogProb.RawMatrix().Cols) }
func (g Grid) Y1(r int) float64 { return along(g.Y, r, g.LogProb.RawMatrix().Rows) }

func along(ends [2]float64, i, n int) float64 {
	return ends[0] + (ends[1]-ends[0])*(float64(i)+0.5)/float64(n)
}

// NewGrid returns a grid about the middle of the data, to be filled in, and its points in the order of its elements.
func NewGrid(data mat.Matrix, size int) (Grid, *mat.Dense) {
	g := Grid{LogProb: mat.NewDense(size, size, nil)}
	for j, ends := range []*[2]float64{&g.X, &g.Y} {
		v := mat.Col(nil, j, data)
		slices.Sort(v)
		ends[0], ends[1] = span(v)
	}
	at := mat.NewDense(size*size, 2, nil)
	for r := range size {
		for c := range size {
			at.SetRow(r*size+c, []float64{g.X1(c), g.Y1(r)})
		}
	}
	return g, at
}

type gridXYZ struct{ Grid }

func (g gridXYZ) X(c int) float64 { return g.X1(c) }
func (g gridXYZ) Y(r int) float64 { return g.Y1(r) }

// Density is the log-density of two columns with the data and the regions that hold 5, 50 and 95% of the samples, whose
// log-densities are given.
func Density(title string, names []string, g Grid, sampled []float64, data mat.Matrix) (*Picture, error) {
	sorted := slices.Sorted(slices.Values(sampled))
	level := func(q float64) float64 { return sorted[int(q*float64(len(sorted)-1))] }
	lowest, highest := level(0.0005)-2, math.Inf(-1)
	rows, cols := g.LogProb.Dims()
	for r := range rows {
		for c := range cols {
			highest = max(highest, g.LogProb.At(r, c))
		}
	}
	img := image.NewNRGBA(image.Rect(0, 0, cols, rows))
	for r := range rows {
		for c := range cols {
			img.SetNRGBA(c, rows-1-r, shade((g.LogProb.At(r, c)-lowest)/(highest-lowest)))
		}
	}
	p := newPanel(" ", names[0], names[1])
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = g.X[0], g.X[1], g.Y[0], g.Y[1]
	p.Add(plotter.NewImage(img, g.X[0], g.Y[0], g.X[1], g.Y[1]))
	dots := inside(pairs(data, 0, 1, 3000), g)
	p.Add(&plotter.Scatter{XYs: dots, GlyphStyle: disc(alpha(vermillion, 0x90), 0.9)})
	levels := []float64{level(0.05), level(0.5), level(0.95)}
	contour := plotter.NewContour(gridXYZ{g}, levels, onePalette{color.Black})
	contour.LineStyles = []draw.LineStyle{{Color: color.Black, Width: vg.Points(0.8)}}
	p.Add(contour)
	p.Legend.Add("the data", swatch(disc(vermillion, 2.5)))
	p.Legend.Add("5, 50, 95% of the density", &plotter.Line{LineStyle: draw.LineStyle{Color: color.Black, Width: vg.Points(1)}})
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = g.X[0], g.X[1], g.Y[0], g.Y[1]
	return &Picture{title: title, panels: [][]*plot.Plot{{p}}, cell: 6 * vg.Inch, above: vg.Points(40)}, nil
}

type onePalette struct{ c color.Color }

func (o onePalette) Colors() []color.Color { return []color.Color{o.c} }

func inside(xys plotter.XYs, g Grid) plotter.XYs {
	return slices.DeleteFunc(xys, func(p plotter.XY) bool {
		return p.X < g.X[0] || p.X > g.X[1] || p.Y < g.Y[0] || p.Y > g.Y[1]
	})
}

// shade goes from white to blue.
func shade(t float64) color.NRGBA {
	t = min(max(t, 0), 1)
	mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + t*(float64(b)-float64(a)))) }
	return color.NRGBA{mix(0xFF, 0x10), mix(0xFF, 0x5A), mix(0xFF, 0xA0), 0xFF}
}

// MaxColumns is how many columns a picture shows.
const MaxColumns = 6

// Corner shows columns in pairs, the data over samples of the model, and on the diagonal the marginals of both.
func Corner(title string, names []string, sample, data mat.Matrix) *Picture {
	d := min(len(names), MaxColumns)
	limits := make([][2]float64, d)
	for j := range d {
		v := mat.Col(nil, j, data)
		v = append(v, mat.Col(nil, j, sample)...)
		slices.Sort(v)
		limits[j][0], limits[j][1] = span(v)
	}
	panels := make([][]*plot.Plot, d)
	for i := range d {
		panels[i] = make([]*plot.Plot, d)
		for j := range i + 1 {
			p := small("", "")
			if i == d-1 {
				p.X.Label.Text = short2(names[j])
			}
			if i == j {
				histogram(p, mat.Col(nil, j, data), limits[j], blue)
				curve(p, mat.Col(nil, j, sample), limits[j])
				if i == 0 {
					p.Legend.Add("data", block(alpha(blue, 0x60)))
					p.Legend.Add("model", &plotter.Line{LineStyle: draw.LineStyle{Color: vermillion, Width: vg.Points(1.5)}})
				}
			} else {
				if j == 0 {
					p.Y.Label.Text = short2(names[i])
				}
				p.Add(&plotter.Scatter{XYs: pairs(sample, j, i, 2000), GlyphStyle: disc(alpha(orange, 0x30), 1.2)})
				p.Add(&plotter.Scatter{XYs: pairs(data, j, i, 1500), GlyphStyle: disc(blue, 1.1)})
				p.Y.Min, p.Y.Max = limits[i][0], limits[i][1]
			}
			p.X.Min, p.X.Max = limits[j][0], limits[j][1]
			clipTo(p)
			if i == j {
				p.Y.Tick.Marker = plot.ConstantTicks{}
			}
			panels[i][j] = p
		}
	}
	return &Picture{title: title, panels: panels, cell: vg.Length(max(1.7, 3.6-0.5*float64(d))) * vg.Inch}
}

// clipTo makes ticks few enough for a small panel.
func clipTo(p *plot.Plot) {
	p.X.Tick.Marker, p.Y.Tick.Marker = fewTicks{}, fewTicks{}
}

type fewTicks struct{}

func (fewTicks) Ticks(lo, hi float64) []plot.Tick {
	var marks []plot.Tick
	for _, t := range (plot.DefaultTicks{}).Ticks(lo, hi) {
		if !t.IsMinor() {
			t.Label = strings.ReplaceAll(strconv.FormatFloat(t.Value, 'g', 5, 64), "-", "−")
			marks = append(marks, t)
		}
	}
	for len(marks) > 4 {
		var half []plot.Tick
		for i := 0; i < len(marks); i += 2 {
			half = append(half, marks[i])
		}
		marks = half
	}
	return marks
}

func short2(s string) string {
	if r := []rune(s); len(r) > 16 {
		return string(r[:15]) + "…"
	}
	return s
}

// density is that of values in bins between the limits: as many as the values can fill.
func density(v []float64, limits [2]float64) (h []float64, width float64) {
	h = make([]float64, min(max(int(2*math.Sqrt(float64(len(v)))), 8), 40))
	width = (limits[1] - limits[0]) / float64(len(h))
	for _, x := range v {
		if k := int(math.Floor((x - limits[0]) / width)); k >= 0 && k < len(h) {
			h[k] += 1 / (float64(len(v)) * width)
		}
	}
	return h, width
}

// histogram adds the bars of values.
func histogram(p *plot.Plot, v []float64, limits [2]float64, c color.NRGBA) {
	heights, width := density(v, limits)
	for k, h := range heights {
		if h == 0 {
			continue
		}
		x := limits[0] + float64(k)*width
		bar, err := plotter.NewPolygon(plotter.XYs{{X: x, Y: 0}, {X: x, Y: h}, {X: x + width, Y: h}, {X: x + width, Y: 0}})
		if err != nil {
			continue // not finite: nothing to show
		}
		bar.Color = alpha(c, 0x60)
		bar.LineStyle.Width = 0
		p.Add(bar)
		p.Y.Max = max(p.Y.Max, 1.05*h)
	}
	p.Y.Min = 0
}

// curve adds the outline of the histogram of values.
func curve(p *plot.Plot, v []float64, limits [2]float64) {
	var xys plotter.XYs
	heights, width := density(v, limits)
	for k, h := range heights {
		xys = append(xys, plotter.XY{X: limits[0] + (float64(k)+0.5)*width, Y: h})
		p.Y.Max = max(p.Y.Max, 1.05*h)
	}
	p.Add(&plotter.Line{XYs: xys, LineStyle: draw.LineStyle{Color: vermillion, Width: vg.Points(1.3)}})
}

// normalCurve adds the standard normal density.
func normalCurve(p *plot.Plot, limits [2]float64) {
	var xys plotter.XYs
	for i := range 101 {
		x := limits[0] + (limits[1]-limits[0])*float64(i)/100
		xys = append(xys, plotter.XY{X: x, Y: math.Exp(-x*x/2) / math.Sqrt(2*math.Pi)})
	}
	p.Add(&plotter.Line{XYs: xys, LineStyle: draw.LineStyle{Color: vermillion, Width: vg.Points(1.3)}})
	p.Y.Max = max(p.Y.Max, 0.42)
}

// Pushforward shows the latents of rows: in pairs, with the circles that hold 50 and 95% of a normal distribution, and on
// the diagonal each against the normal quantiles.
func Pushforward(title string, z *mat.Dense) *Picture {
	n, d := z.Dims()
	d = min(d, MaxColumns)
	r := 3.5
	for i := range n {
		for j := range d {
			r = max(r, min(math.Abs(z.At(i, j)), 8))
		}
	}
	panels := make([][]*plot.Plot, d)
	for i := range d {
		panels[i] = make([]*plot.Plot, d)
		for j := range i + 1 {
			p := small("", "")
			if i == j {
				p.X.Label.Text, p.Y.Label.Text = "normal", fmt.Sprintf("z%d", i)
				p.Add(&plotter.Line{XYs: plotter.XYs{{X: -r, Y: -r}, {X: r, Y: r}}, LineStyle: draw.LineStyle{Color: vermillion, Width: vg.Points(1)}})
				p.Add(&plotter.Scatter{XYs: qq(mat.Col(nil, i, z)), GlyphStyle: disc(blue, 1)})
			} else {
				p.X.Label.Text, p.Y.Label.Text = fmt.Sprintf("z%d", j), fmt.Sprintf("z%d", i)
				p.Add(&plotter.Scatter{XYs: pairs(z, j, i, 2000), GlyphStyle: disc(alpha(blue, 0x80), 0.9)})
				for _, share := range []float64{0.5, 0.95} {
					ring := circle(math.Sqrt(-2 * math.Log(1-share)))
					ring.LineStyle.Width = vg.Points(1)
					p.Add(ring)
				}
			}
			p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -r, r, -r, r
			clipTo(p)
			panels[i][j] = p
		}
	}
	return &Picture{title: title, panels: panels, cell: vg.Length(max(1.8, 3.6-0.5*float64(d))) * vg.Inch}
}

// qq pairs normal quantiles with sorted values, at most 600 of them, the ends included.
func qq(v []float64) plotter.XYs {
	slices.Sort(v)
	index := some(len(v), 600)
	for i := range min(20, len(v)) {
		index = append(index, i, len(v)-1-i)
	}
	sort.Ints(index)
	var xys plotter.XYs
	for _, i := range slices.Compact(index) {
		xys = append(xys, plotter.XY{X: distuv.UnitNormal.Quantile((float64(i) + 0.5) / float64(len(v))), Y: v[i]})
	}
	return xys
}

// A Stage is what the rows look like somewhere on the way.
type Stage struct {
	Name string
	Rows *mat.Dense
}

// Blocks shows the marginals of the rows before and after each block, with the normal density: how a flow makes them normal.
func Blocks(title string, stages []Stage) *Picture {
	var panels [][]*plot.Plot
	for s, stage := range stages {
		_, d := stage.Rows.Dims()
		var row []*plot.Plot
		for j := range min(d, MaxColumns) {
			v := mat.Col(nil, j, stage.Rows)
			p := small("", "")
			limits := [2]float64{-4, 4}
			if s == 0 {
				slices.Sort(v)
				limits[0], limits[1] = span(v)
			}
			if j == 0 {
				p.Y.Label.Text = stage.Name
			}
			histogram(p, v, limits, blue)
			if s > 0 {
				normalCurve(p, limits)
			}
			p.X.Min, p.X.Max = limits[0], limits[1]
			clipTo(p)
			p.Y.Tick.Marker = plot.ConstantTicks{}
			row = append(row, p)
		}
		panels = append(panels, row)
	}
	return &Picture{title: title, panels: panels, cell: 1.7 * vg.Inch}
}

// A TrainingStep is the loss of a minibatch and the learning rate; a TrainingValidation the loss on rows held out.
type (
	TrainingStep       struct{ Step, Loss, Rate float64 }
	TrainingValidation struct{ Step, Loss float64 }
)

// Training shows the losses and the learning rate, step by step, and the step whose parameters were kept.
func Training(title string, steps []TrainingStep, validations []TrainingValidation, kept int) *Picture {
	loss, rate := small("step", "−log p, nats"), small("step", "learning rate")
	var a, b, v plotter.XYs
	for _, s := range steps {
		if s.Loss-s.Loss == 0 {
			a = append(a, plotter.XY{X: s.Step, Y: s.Loss})
		}
		b = append(b, plotter.XY{X: s.Step, Y: s.Rate})
	}
	for _, s := range validations {
		if s.Loss-s.Loss == 0 {
			v = append(v, plotter.XY{X: s.Step, Y: s.Loss})
		}
	}
	line := func(xys plotter.XYs, c color.Color, width float64) *plotter.Line {
		return &plotter.Line{XYs: xys, LineStyle: draw.LineStyle{Color: c, Width: vg.Points(width)}}
	}
	minibatch := line(a, alpha(blue, 0x90), 0.8)
	loss.Add(minibatch)
	loss.Legend.Add("minibatch", minibatch)
	if len(v) > 0 {
		held := line(v, vermillion, 1.6)
		loss.Add(held)
		loss.Legend.Add("rows held out", held)
	}
	if loss.Y.Min < loss.Y.Max {
		mark := line(plotter.XYs{{X: float64(kept), Y: loss.Y.Min}, {X: float64(kept), Y: loss.Y.Max}}, grey, 1)
		mark.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
		loss.Add(mark)
		loss.Legend.Add(fmt.Sprintf("kept: step %d", kept), mark)
	}
	rate.Add(line(b, blue, 1.4))
	return &Picture{title: title, panels: [][]*plot.Plot{{loss, rate}}, cell: 4.5 * vg.Inch}
}

// An Anomaly is one of the least likely rows, and the columns to blame.
type Anomaly struct {
	Row     string
	LogProb float64
	Columns string
}

// Anomalies shows the log-densities of rows in rising order, a threshold, and the least likely rows.
func Anomalies(title string, logProb []float64, threshold float64, least []Anomaly) *Picture {
	sorted := slices.Sorted(slices.Values(logProb))
	p := small("rows, the least likely first", "log p, nats")
	var xys plotter.XYs
	index := some(len(sorted), 2000)
	for i := range min(50, len(sorted)) {
		index = append(index, i)
	}
	sort.Ints(index)
	floor := math.Inf(1)
	for _, v := range sorted {
		if v > -1e6 {
			floor = v
			break
		}
	}
	for _, i := range slices.Compact(index) {
		xys = append(xys, plotter.XY{X: float64(i), Y: max(sorted[i], floor)})
	}
	p.Add(&plotter.Scatter{XYs: xys, GlyphStyle: disc(blue, 1.3)})
	if threshold-threshold == 0 {
		mark := &plotter.Line{XYs: plotter.XYs{{X: 0, Y: threshold}, {X: float64(len(sorted)), Y: threshold}}, LineStyle: draw.LineStyle{Color: vermillion, Width: vg.Points(1.2)}}
		p.Add(mark)
		p.Legend.Add(fmt.Sprintf("1%% of typical rows are below %.4g", threshold), mark)
	}
	p.Legend.Left = true
	clipTo(p)
	list := small("", "")
	list.HideAxes()
	lines := lines{"least likely rows, log p, columns to blame"}
	for _, a := range least {
		lines = append(lines, fmt.Sprintf("%s   %.4g   %s", a.Row, a.LogProb, a.Columns))
	}
	list.Add(lines)
	return &Picture{title: title, panels: [][]*plot.Plot{{p, list}}, cell: 4.5 * vg.Inch}
}

// lines is text that fills a panel from the top, in type small enough for it. Labels would claim room beside the panel for
// what is longer than it is wide, and leave none for the data.
type lines []string

func (l lines) Plot(c draw.Canvas, _ *plot.Plot) {
	size := 9.0
	for _, s := range l {
		if w := style(size, draw.XLeft).Width(s); w > c.Size().X {
			size *= float64(c.Size().X / w)
		}
	}
	for i, s := range l {
		c.FillText(style(size, draw.XLeft), vg.Point{X: c.Min.X, Y: c.Max.Y - c.Size().Y*(vg.Length(i)+0.6)/vg.Length(len(l)+1)}, s)
	}
}

func (lines) DataRange() (xmin, xmax, ymin, ymax float64) { return 0, 1, 0, 1 }
