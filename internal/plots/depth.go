package plots

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Curve is one line of a panel. Values that are not finite leave gaps.
type Curve struct {
	Name   string
	X, Y   []float64
	Colour int  // of the palette, from 0
	Dashed bool // a line with open marks
	Plain  bool // without marks
}

// Curves is a panel of lines.
type Curves struct {
	Title, XLabel, YLabel string
	// LogX and LogY are axes of logarithms; that of X has a tick at each X of the curves.
	LogX, LogY bool
	Lines      []Curve
	Note       string // a last line of the legend
	// YMin and YMax cut the axis off, and the lines with it; the data decide if both are 0.
	YMin, YMax float64
}

var palette = []color.NRGBA{blue, vermillion, purple, orange, lightBlue, grey}

// WriteCurves writes the panels, side by side, as a PNG.
func WriteCurves(w io.Writer, panels ...Curves) error {
	var all []*plot.Plot
	most := 0
	for _, c := range panels {
		most = max(most, c.legend())
	}
	for _, c := range panels {
		p, err := c.panel()
		if err != nil {
			return err
		}
		// The legend stands above the data, and the title above that, in all panels at the
		// same height.
		p.Legend.YOffs = vg.Points(24) + vg.Length(c.legend())*vg.Points(17)
		p.Title.Padding = vg.Points(26) + vg.Length(most)*vg.Points(17)
		all = append(all, p)
	}
	return render(w, all...)
}

// legend is how many lines the legend has.
func (c Curves) legend() (n int) {
	for _, l := range c.Lines {
		if l.Name != "" {
			n++
		}
	}
	if c.Note != "" {
		n++
	}
	return n
}

func (c Curves) panel() (*plot.Plot, error) {
	p := newPanel(c.Title, c.XLabel, c.YLabel)
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = gridGrey, gridGrey
	p.Add(grid)
	lo, hi, left, right := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	ticksAt := map[float64]bool{}
	for _, l := range c.Lines {
		var parts []plotter.XYs
		var part plotter.XYs
		for i, x := range l.X {
			y := l.Y[i]
			if c.LogX {
				ticksAt[x] = true
				x = math.Log10(x)
			}
			if c.LogY {
				y = math.Log10(y)
			}
			if y-y != 0 || x-x != 0 {
				if part != nil {
					parts, part = append(parts, part), nil
				}
				continue
			}
			part = append(part, plotter.XY{X: x, Y: y})
			lo, hi, left, right = min(lo, y), max(hi, y), min(left, x), max(right, x)
		}
		if part != nil {
			parts = append(parts, part)
		}
		if parts == nil {
			continue
		}
		colour := palette[l.Colour%len(palette)]
		style := draw.LineStyle{Color: colour, Width: vg.Points(2)}
		glyph := draw.GlyphStyle{Color: colour, Radius: vg.Points(4), Shape: draw.CircleGlyph{}}
		if l.Dashed {
			style.Dashes = []vg.Length{vg.Points(6), vg.Points(4)}
			glyph.Shape = draw.RingGlyph{}
		}
		var first *plotter.Line
		for _, xys := range parts {
			line := &plotter.Line{XYs: xys, LineStyle: style}
			p.Add(line)
			if !l.Plain {
				p.Add(&plotter.Scatter{XYs: xys, GlyphStyle: glyph})
			}
			if first == nil {
				first = line
			}
		}
		if l.Name == "" {
			continue
		}
		thumbs := []plot.Thumbnailer{first}
		if !l.Plain {
			thumbs = append(thumbs, swatch(glyph))
		}
		p.Legend.Add(l.Name, thumbs...)
	}
	if lo > hi {
		return nil, fmt.Errorf("plots: %q: there is nothing to draw", c.Title)
	}
	if c.Note != "" {
		p.Legend.Add(c.Note)
	}
	if c.YMin != 0 || c.YMax != 0 {
		lo, hi = c.YMin, c.YMax
		if c.LogY {
			lo, hi = math.Log10(lo), math.Log10(hi)
		}
	} else if air := 0.06 * (hi - lo); air > 0 {
		lo, hi = lo-air, hi+air
	} else {
		lo, hi = lo-1, hi+1
	}
	if air := 0.05 * (right - left); air > 0 {
		left, right = left-air, right+air
	} else {
		left, right = left-1, right+1
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = left, right, lo, hi
	if c.LogX {
		var marks plot.ConstantTicks
		for x := range ticksAt {
			marks = append(marks, plot.Tick{Value: math.Log10(x), Label: strconv.FormatFloat(x, 'g', 4, 64)})
		}
		p.X.Tick.Marker = marks
	} else {
		p.X.Tick.Marker = ticks{1}
	}
	if c.LogY {
		p.Y.Min = math.Floor(lo)
		p.Y.Tick.Marker = exponentTicks{p.Y.Min, false, 0}
	} else {
		p.Y.Tick.Marker = ticks{1}
	}
	return p, nil
}
