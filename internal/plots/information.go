package plots

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Information shows a symmetric matrix of mutual informations, one cell for each two columns, and what its shades stand
// for. Where there is room each cell holds its number, in grey if the pair is not clearly dependent. The unit is that of the
// numbers, such as "nats".
func Information(title, unit string, names []string, nats mat.Matrix, clear func(i, j int) bool) *Picture {
	const written = 16 // columns whose numbers are legible
	d := len(names)
	most := 0.0
	for i := range d {
		for j := range i {
			if v := nats.At(i, j); v-v == 0 {
				most = max(most, v)
			}
		}
	}
	top := most
	if top == 0 {
		top = 1
	}
	p := small("", "")
	numbers, light := plotter.XYLabels{}, []bool{}
	for i := range d {
		for j := range d {
			y := float64(d - 1 - i)
			if i == j {
				p.Add(cell(float64(j), y, gridGrey))
				continue
			}
			v := nats.At(i, j)
			p.Add(cell(float64(j), y, shade(v/top)))
			number := decimals(v, top)
			if !clear(i, j) {
				number = "(" + number + ")"
			}
			numbers.XYs, numbers.Labels = append(numbers.XYs, plotter.XY{X: float64(j), Y: y}), append(numbers.Labels, number)
			light = append(light, v > 0.55*top)
		}
	}

	// The bar of shades, beside the matrix.
	const steps = 128
	bar := image.NewNRGBA(image.Rect(0, 0, 1, steps))
	for k := range steps {
		bar.SetNRGBA(0, steps-1-k, shade((float64(k)+0.5)/steps))
	}
	size, last := float64(d), float64(d)-0.5
	left, right := last+0.06*size, last+0.10*size
	p.Add(plotter.NewImage(bar, left, -0.5, right, last))
	marks := plotter.XYLabels{}
	for k := range 5 {
		t := float64(k) / 4
		label := decimals(t*top, top)
		if k == 4 {
			label += " " + unit
		}
		marks.XYs, marks.Labels = append(marks.XYs, plotter.XY{X: right + 0.015*size, Y: -0.5 + t*size}), append(marks.Labels, label)
	}
	write := func(l plotter.XYLabels, of func(i int) text.Style) {
		labels, err := plotter.NewLabels(l)
		if err != nil {
			return // there are none
		}
		for i := range labels.TextStyle {
			labels.TextStyle[i] = of(i)
			labels.TextStyle[i].YAlign = draw.YCenter
		}
		p.Add(labels)
	}
	if d <= written {
		write(numbers, func(i int) text.Style {
			s := style(min(11, 90/size), draw.XCenter)
			if light[i] {
				s.Color = color.White
			}
			return s
		})
	}
	write(marks, func(int) text.Style { return style(8, draw.XLeft) })

	var across, down plot.ConstantTicks
	every := (d + 39) / 40
	for j := 0; j < d; j += every {
		across = append(across, plot.Tick{Value: float64(j), Label: short2(names[j])})
		down = append(down, plot.Tick{Value: float64(d - 1 - j), Label: short2(names[j])})
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = across, down
	p.X.Tick.Label.Rotation = math.Pi / 4
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XRight, draw.YTop
	p.X.Tick.Length, p.Y.Tick.Length = 0, 0
	p.X.LineStyle.Width, p.Y.LineStyle.Width = 0, 0
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.5, last+0.24*size, -0.5, last
	return &Picture{title: title, panels: [][]*plot.Plot{{p}}, cell: vg.Length(min(9, max(5.5, 0.45*size))) * vg.Inch}
}

// cell is a square about a point.
func cell(x, y float64, c color.Color) plot.Plotter {
	const r = 0.49
	square, _ := plotter.NewPolygon(plotter.XYs{{X: x - r, Y: y - r}, {X: x + r, Y: y - r}, {X: x + r, Y: y + r}, {X: x - r, Y: y + r}}) // its corners are finite
	square.Color, square.LineStyle.Width = c, 0
	return square
}

// decimals writes v with as many decimals as tell shades apart up to top.
func decimals(v, top float64) string {
	n := 2
	if top < 0.1 {
		n = min(6, 2-int(math.Floor(math.Log10(top*10))))
	}
	s := strconv.FormatFloat(v, 'f', n, 64)
	if s == "-"+fmt.Sprintf("%.*f", n, 0.0) {
		return s[1:]
	}
	return strings.ReplaceAll(s, "-", "−")
}
