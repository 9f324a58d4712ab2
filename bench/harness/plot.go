package harness

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"github.com/gaussflow/gaussflow/internal/plots"
)

// The palette is Okabe and Ito's, which stays readable with every colour vision.
var (
	palette = []color.Color{
		color.NRGBA{0x00, 0x72, 0xB2, 0xFF}, color.NRGBA{0xD5, 0x5E, 0x00, 0xFF}, color.NRGBA{0x00, 0x9E, 0x73, 0xFF},
		color.NRGBA{0xCC, 0x79, 0xA7, 0xFF}, color.NRGBA{0xE6, 0x9F, 0x00, 0xFF}, color.NRGBA{0x56, 0xB4, 0xE9, 0xFF},
	}
	ours     = palette[0]
	theirs   = color.NRGBA{0xA8, 0xA8, 0xA8, 0xFF}
	ink      = color.NRGBA{0x40, 0x40, 0x40, 0xFF}
	gridGrey = color.NRGBA{0xDC, 0xDC, 0xDC, 0xFF}
	red      = palette[1]
)

// Bars are horizontal bars on a log axis, in groups.
type Bars struct {
	Title, Axis string
	Groups      []Group
}

// A Group of bars stands below a heading.
type Group struct {
	Name string
	Bars []Bar
}

// A Bar ends at the median of its value, and a whisker joins its quartiles.
type Bar struct {
	Label  string
	Value  Spread
	Ours   bool    // set off by colour
	Target float64 // a mark across the bar, if not 0
}

// WritePNG draws the bars.
func (b Bars) WritePNG(w io.Writer) error {
	lo, hi, rows := math.Inf(1), math.Inf(-1), 0
	targets := false
	for _, g := range b.Groups {
		rows += len(g.Bars) + 2
		for _, bar := range g.Bars {
			for _, v := range []float64{bar.Value.Low, bar.Value.High, bar.Value.Median} {
				if !(v > 0) || math.IsInf(v, 0) {
					return fmt.Errorf("harness: %s: %s: %v has no place on a log axis", b.Title, bar.Label, v)
				}
				lo, hi = math.Min(lo, v), math.Max(hi, v)
			}
			if bar.Target > 0 {
				targets = true
				lo, hi = math.Min(lo, bar.Target), math.Max(hi, bar.Target)
			}
		}
	}
	if rows == 0 {
		return fmt.Errorf("harness: %s: no bars", b.Title)
	}
	p := newPlot(b.Title, b.Axis, "")
	p.X.Scale = plot.LogScale{}
	p.X.Tick.Marker = logScaleTicks{}
	floor := lo / 1.6
	p.X.Min, p.X.Max = floor, hi*math.Pow(hi/floor, 0.13)
	p.Y.Min, p.Y.Max = 0.2, float64(rows)-0.2
	p.Y.LineStyle.Width = 0
	p.Y.Tick.Length = 0
	grid := plotter.NewGrid()
	grid.Horizontal.Width = 0
	grid.Vertical.Color = gridGrey
	p.Add(grid, barPainter{b.Groups, floor, float64(rows)})
	var names plot.ConstantTicks
	y := float64(rows)
	for _, g := range b.Groups {
		y -= 1.4
		for _, bar := range g.Bars {
			y--
			names = append(names, plot.Tick{Value: y, Label: bar.Label})
		}
		y += 0.4 - 1
	}
	p.Y.Tick.Marker = names
	if targets {
		p.X.Label.Text += "; the vertical marks are the targets, and grey bars miss theirs"
	}
	return write(w, p, 9*vg.Inch, vg.Length(rows)*0.19*vg.Inch+1.1*vg.Inch)
}

// barPainter draws the bars of the groups, from the top row down.
type barPainter struct {
	groups []Group
	floor  float64
	rows   float64
}

func (b barPainter) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	y := b.rows
	label := draw.TextStyle{Color: ink, Font: plots.Sans(9), YAlign: draw.YCenter, Handler: plot.DefaultTextHandler}
	heading := draw.TextStyle{Color: color.Black, Font: plots.Sans(9.5), YAlign: draw.YCenter, Handler: plot.DefaultTextHandler}
	heading.Font.Weight = xfont.WeightBold
	for _, g := range b.groups {
		y -= 1.4
		c.FillText(heading, vg.Point{X: tx(b.floor), Y: ty(y)}, g.Name)
		for _, bar := range g.Bars {
			y--
			fill, v := color.Color(theirs), bar.Value
			if bar.Ours {
				fill = ours
			}
			half := (ty(y+0.38) - ty(y-0.38)) / 2
			c.SetColor(fill)
			c.Fill(vg.Rectangle{Min: vg.Point{X: tx(b.floor), Y: ty(y) - half}, Max: vg.Point{X: tx(v.Median), Y: ty(y) + half}}.Path())
			line := draw.LineStyle{Color: ink, Width: vg.Points(1)}
			c.StrokeLine2(line, tx(v.Low), ty(y), tx(v.High), ty(y))
			for _, end := range []float64{v.Low, v.High} {
				c.StrokeLine2(line, tx(end), ty(y)-half/2, tx(end), ty(y)+half/2)
			}
			right := math.Max(v.Median, v.High)
			if bar.Target > 0 {
				c.StrokeLine2(draw.LineStyle{Color: red, Width: vg.Points(2.2)}, tx(bar.Target), ty(y)-1.25*half, tx(bar.Target), ty(y)+1.25*half)
				if math.Abs(float64(tx(bar.Target)-tx(right))) < 40 {
					right = math.Max(right, bar.Target)
				}
			}
			c.FillText(label, vg.Point{X: tx(right) + vg.Points(4), Y: ty(y)}, Short(v.Median))
		}
		y += 0.4 - 1
	}
}

// A Panel is one log-log diagram of several lines.
type Panel struct {
	Title, X, Y string
	Lines       []Line
}

// A Line has a name and points.
type Line struct {
	Name string
	X, Y []float64
}

// WritePanels draws panels, three in a row.
func WritePanels(w io.Writer, panels []Panel) error {
	if len(panels) == 0 {
		return errors.New("harness: no panels")
	}
	const cols = 3
	rows := (len(panels) + cols - 1) / cols
	grid := make([][]*plot.Plot, rows)
	for i := range grid {
		grid[i] = make([]*plot.Plot, cols)
	}
	for i, panel := range panels {
		p := newPlot(panel.Title, panel.X, panel.Y)
		p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
		p.X.Tick.Marker, p.Y.Tick.Marker = logScaleTicks{}, logScaleTicks{}
		g := plotter.NewGrid()
		g.Horizontal.Color, g.Vertical.Color = gridGrey, gridGrey
		p.Add(g)
		for j, line := range panel.Lines {
			xys := make(plotter.XYs, len(line.X))
			for k := range xys {
				if !(line.X[k] > 0 && line.Y[k] > 0) {
					return fmt.Errorf("harness: %s: %s: (%v, %v) has no place on log axes", panel.Title, line.Name, line.X[k], line.Y[k])
				}
				xys[k] = plotter.XY{X: line.X[k], Y: line.Y[k]}
			}
			l, points, err := plotter.NewLinePoints(xys)
			if err != nil {
				return err
			}
			l.Color, l.Width = palette[j%len(palette)], vg.Points(1.6)
			points.Color, points.Shape, points.Radius = l.Color, draw.CircleGlyph{}, vg.Points(2.6)
			p.Add(l, points)
			p.Legend.Add(line.Name, l, points)
		}
		// Room above the lines for the legend.
		p.Y.Min /= 1.5
		p.Y.Max *= math.Pow(p.Y.Max/p.Y.Min, 0.12+0.09*float64(len(panel.Lines)))
		p.Legend.Top, p.Legend.Left = true, true
		p.Legend.TextStyle.Font = plots.Sans(9)
		p.Legend.Padding = vg.Points(2)
		grid[i/cols][i%cols] = p
	}
	width, height := cols*3.6*vg.Inch, vg.Length(rows)*3*vg.Inch
	img := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))
	tiles := draw.Tiles{Rows: rows, Cols: cols, PadX: vg.Points(16), PadY: vg.Points(14), PadTop: vg.Points(8), PadBottom: vg.Points(6), PadLeft: vg.Points(6), PadRight: vg.Points(12)}
	canvases := plot.Align(grid, tiles, draw.New(img))
	for i := range grid {
		for j, p := range grid[i] {
			if p != nil {
				p.Draw(canvases[i][j])
			}
		}
	}
	_, err := vgimg.PngCanvas{Canvas: img}.WriteTo(w)
	return err
}

const dpi = 130

func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Title.TextStyle.Font = plots.Sans(12)
	p.Title.Padding = vg.Points(6)
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font, a.Tick.Label.Font = plots.Sans(10), plots.Sans(9)
		a.LineStyle.Color, a.Tick.LineStyle.Color = ink, ink
		a.Padding = 0
	}
	return p
}

func write(w io.Writer, p *plot.Plot, width, height vg.Length) error {
	img := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi))
	c := draw.Crop(draw.New(img), vg.Points(6), -vg.Points(10), vg.Points(6), -vg.Points(8))
	p.Draw(c)
	_, err := vgimg.PngCanvas{Canvas: img}.WriteTo(w)
	return err
}

// logScaleTicks labels powers of ten, within less than three decades 2 and 5 as well, and within less than one every digit.
type logScaleTicks struct{}

func (logScaleTicks) Ticks(min, max float64) []plot.Tick {
	var ticks []plot.Tick
	decades := math.Log10(max / min)
	every := int(math.Max(1, math.Ceil(decades/7)))
	for e := int(math.Floor(math.Log10(min))); e <= int(math.Ceil(math.Log10(max))); e++ {
		for m := 1; m < 10; m++ {
			v := float64(m) * math.Pow(10, float64(e))
			if v < min || v > max {
				continue
			}
			t := plot.Tick{Value: v}
			if (m == 1 && e%every == 0) || ((m == 2 || m == 5) && decades < 3) || decades < 1 {
				t.Label = tickLabel(v)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

func tickLabel(v float64) string {
	if v < 1e-3 || v >= 1e5 {
		return fmt.Sprintf("%.0fe%d", v/math.Pow(10, math.Floor(math.Log10(v)+1e-9)), int(math.Floor(math.Log10(v)+1e-9)))
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}
