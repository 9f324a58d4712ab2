package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/internal/atomicfile"
	"github.com/gaussflow/gaussflow/internal/plots"
)

// The pictures, by the names of their files.
var pictureNames = []string{"density", "pushforward", "blocks", "anomalies"}

func plotCommand() *cli.Command {
	return command("plot", "pictures of a model",
		`Draws a model, with DATA or without. To a directory go

  density      two columns, none of them a condition: the log-density with the data and the regions that hold 5, 50 and 95%;
               more: at most six columns in pairs, data and samples, and their marginals
  pushforward  the latents of DATA in pairs, and each against the normal quantiles: the model does
               not fit where they leave the line
  blocks       the marginals of DATA after each block
  anomalies    the log-densities of DATA, and the ten least likely rows with the three columns
               in which the median would change the log-density most

and to a file, .png or .svg, the picture that it is named after, or the first.

`+tableHelp+"\n\n"+examples("gaussflow plot model.safetensors new.csv -o pictures", "gaussflow plot model.safetensors -o density.svg"),
		[]string{"MODEL", "[DATA]"},
		slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "o", Usage: "draw into `DIR`, or the one picture FILE.png or FILE.svg", Required: true},
			&cli.BoolFlag{Name: "svg", Usage: "draw .svg into DIR"},
			&cli.BoolFlag{Name: "training", Usage: "say in the titles that the model was fitted to these rows; if DATA is the whole table of the fit, they say so without"},
		}, tableFlags()),
		func(ctx context.Context, c *cli.Command) error {
			f, err := loadModel(c.Args().First())
			if err != nil {
				return err
			}
			if f.Context() > 0 && c.Args().Len() < 2 {
				return usageErrorf("the model is conditioned on its last %s: it needs DATA to draw that", plural(int64(f.Context()), "column"))
			}
			d := drawing{f: f, svg: c.Bool("svg")}
			if name := c.Args().Get(1); name != "" {
				if err := d.read(c, name); err != nil {
					return err
				}
				d.what = filepath.Base(name)
				switch known := f.Info()[hashKey]; {
				case c.Bool("training") || known != "" && known == d.hash:
					d.what += ", " + rowsOfFit
				case known != "":
					d.what += ", held out"
				}
			}
			out := c.String("o")
			format := pictureFormat(out)
			if slices.Contains([]string{".jpg", ".jpeg", ".gif", ".pdf", ".eps", ".webp", ".tif", ".tiff", ".bmp"}, strings.ToLower(filepath.Ext(out))) {
				return usageErrorf("-o %s: the pictures are .png and .svg", out)
			}
			if format == "" {
				return d.all(ctx, out)
			}
			name := strings.TrimSuffix(filepath.Base(out), filepath.Ext(out))
			if !slices.Contains(pictureNames, name) {
				name = pictureNames[0]
			}
			if d.x == nil && name != pictureNames[0] {
				return usageErrorf("%s needs DATA", name)
			}
			return d.one(ctx, name, out, format)
		})
}

// pictureFormat is what a file's name asks for: png, svg, or nothing.
func pictureFormat(name string) string {
	switch ext := strings.ToLower(filepath.Ext(name)); ext {
	case ".png", ".svg":
		return ext[1:]
	}
	return ""
}

// rowsOfFit says in titles that the model was fitted to what is shown.
const rowsOfFit = "rows of the fit"

// A drawing is a model with rows to show.
type drawing struct {
	f    *flow.Flow
	x    *mat.Dense // or nil
	ids  []string   // of the rows, for messages
	what string     // the rows are
	hash string     // of the table, if it can be that of the fit
	svg  bool
}

// drawAll draws everything about rows into a directory.
func drawAll(ctx context.Context, dir string, f *flow.Flow, x *mat.Dense, what string) error {
	return (&drawing{f: f, x: x, what: what}).all(ctx, dir)
}

// drawTraining draws the losses of a training, if there was one.
func drawTraining(dir string, h *flow.History) error {
	if h == nil {
		return nil
	}
	var steps []plots.TrainingStep
	var validations []plots.TrainingValidation
	for _, s := range h.Steps {
		steps = append(steps, plots.TrainingStep{Step: float64(s.Step), Loss: s.Loss, Rate: s.LearningRate})
	}
	for _, v := range h.Validations {
		validations = append(validations, plots.TrainingValidation{Step: float64(v.Step), Loss: v.Loss})
	}
	return writePicture(plots.Training(fmt.Sprintf("Training, %s", plural(int64(len(steps)), "step")), steps, validations, h.Kept), filepath.Join(dir, "training.png"), "png")
}

// The sizes of a density: rows of the model, and points along each axis of a grid. A test makes them smaller.
var densitySamples, densityGrid = 20000, 240

// mostDrawn is how many rows pictures are made of.
const mostDrawn = 200000

func (d *drawing) read(c *cli.Command, name string) error {
	s, err := openStream(c, name, d.f, d.f.Columns())
	if err != nil {
		return err
	}
	defer s.close(c)
	var data []float64
	fitted, _ := strconv.ParseInt(d.f.Info()["rows"], 10, 64)
	h := newRowHash()
	shown, n := 0, int64(0)
	for b, err := range s.t.Blocks() {
		if err != nil {
			return err
		}
		rows := b.X.RawMatrix().Data[:len(b.Row)*width(d.f)]
		if s.fill != nil {
			fillMissing(rows, s.fill)
		}
		h.add(rows)
		if n += int64(len(b.Row)); shown < mostDrawn {
			shown = int(n)
			data = append(data, rows...)
			for i, row := range b.Row {
				id := fmt.Sprintf("row %d", row)
				if len(b.ID) > 0 {
					id += " (" + b.ID[i] + ")"
				}
				d.ids = append(d.ids, id)
			}
		} else if n > fitted {
			break // more rows than were fitted to: these are others
		}
	}
	switch {
	case n == 0:
		return fmt.Errorf("%s: there are no rows", name)
	case n > int64(shown):
		note(c, "%s: the pictures show the first %s", s.t.Name(), plural(int64(shown), "row"))
	}
	d.hash = h.sum()
	d.x = mat.NewDense(shown, width(d.f), data)
	return nil
}

func (d *drawing) all(ctx context.Context, dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("it is a file, and its extension is none of .png and .svg")}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	format := "png"
	if d.svg {
		format = "svg"
	}
	for _, name := range pictureNames {
		if d.x == nil && name != pictureNames[0] {
			continue
		}
		if err := d.one(ctx, name, filepath.Join(dir, name+"."+format), format); err != nil {
			return err
		}
	}
	return nil
}

// one draws one picture into a file.
func (d *drawing) one(ctx context.Context, name, file, format string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p, err := map[string]func() (*plots.Picture, error){
		"density": d.density, "pushforward": d.pushforward, "blocks": d.blocks, "anomalies": d.anomalies,
	}[name]()
	if err != nil {
		return fmt.Errorf("%s: %w", name, strip(err))
	}
	return writePicture(p, file, format)
}

func writePicture(p *plots.Picture, file, format string) error {
	var b bytes.Buffer
	if err := p.Write(&b, format); err != nil {
		return err
	}
	return atomicfile.WriteFile(file, b.Bytes())
}

// title says what is shown, how many rows, and how they score.
func (d *drawing) title(what string) (string, error) {
	if d.x == nil {
		return what + ": samples of the model", nil
	}
	n, _ := d.x.Dims()
	logProb := make([]float64, n)
	if err := d.f.LogProb(logProb, d.x); err != nil {
		return "", err
	}
	mean := stat.Mean(logProb, nil)
	return fmt.Sprintf("%s: %s, %s, %.4g nats a row", what, d.what, plural(int64(n), "row"), mean), nil
}

// sample draws rows of the model, always the same.
func (d *drawing) sample(n int) (*mat.Dense, error) {
	x := mat.NewDense(n, width(d.f), nil)
	if d.f.Context() > 0 { // given what the rows are given, in turn
		rows, _ := d.x.Dims()
		for i := range n {
			x.SetRow(i, d.x.RawRowView(i%rows))
		}
	}
	return x, d.f.Sample(x, rand.NewPCG(1, 0))
}

// own are the columns that are not given.
func (d *drawing) own(x *mat.Dense) *mat.Dense {
	n, _ := x.Dims()
	return x.Slice(0, n, 0, d.f.Dim()).(*mat.Dense)
}

func (d *drawing) density() (*plots.Picture, error) {
	sample, err := d.sample(densitySamples)
	if err != nil {
		return nil, err
	}
	data := d.x
	if data == nil {
		data = sample
	}
	if width(d.f) != 2 || d.f.Context() > 0 {
		title, err := d.title("Columns in pairs")
		if err != nil {
			return nil, err
		}
		return plots.Corner(title, dataNames(d.f), sample, data), nil
	}
	title, err := d.title("Log-density")
	if err != nil {
		return nil, err
	}
	g, at := plots.NewGrid(data, densityGrid)
	logProb := make([]float64, densitySamples)
	if err := errors.Join(d.f.LogProb(g.LogProb.RawMatrix().Data, at), d.f.LogProb(logProb, sample)); err != nil {
		return nil, err
	}
	return plots.Density(title, dataNames(d.f), g, logProb, data)
}

func (d *drawing) pushforward() (*plots.Picture, error) {
	title, err := d.title("Pushforward")
	if err != nil {
		return nil, err
	}
	z := new(mat.Dense)
	if err := d.f.Forward(z, nil, d.x); err != nil {
		return nil, err
	}
	return plots.Pushforward(title, d.own(z)), nil
}

func (d *drawing) blocks() (*plots.Picture, error) {
	title, err := d.title("Marginals, block by block")
	if err != nil {
		return nil, err
	}
	stages := []plots.Stage{{Name: "data", Rows: d.own(d.x)}}
	y := mat.DenseCopyOf(d.x)
	every := max(1, int(math.Ceil(float64(d.f.Blocks())/7))) // at most eight stages
	for i := range d.f.Blocks() {
		if err := d.f.Block(i).Forward(y, nil, y); err != nil {
			return nil, err
		}
		if i == d.f.Blocks()-1 || i%every == every-1 {
			stages = append(stages, plots.Stage{Name: fmt.Sprintf("block %d", i), Rows: mat.DenseCopyOf(d.own(y))})
		}
	}
	return plots.Blocks(title, stages), nil
}

func (d *drawing) anomalies() (*plots.Picture, error) {
	title, err := d.title("Anomalies")
	if err != nil {
		return nil, err
	}
	n, _ := d.x.Dims()
	logProb := make([]float64, n)
	if err := d.f.LogProb(logProb, d.x); err != nil {
		return nil, err
	}
	least := make([]int, n)
	for i := range least {
		least[i] = i
	}
	slices.SortStableFunc(least, func(a, b int) int {
		switch {
		case logProb[a] < logProb[b]:
			return -1
		case logProb[a] > logProb[b]:
			return 1
		}
		return 0
	})
	var worst []plots.Anomaly
	for _, i := range least[:min(10, n)] {
		a := plots.Anomaly{Row: fmt.Sprintf("row %d", i+1), LogProb: logProb[i]}
		if d.ids != nil {
			a.Row = d.ids[i]
		}
		blame, err := d.blame(d.x.RawRowView(i), logProb[i])
		if err != nil {
			return nil, err
		}
		a.Columns = strings.Join(blame, ", ")
		worst = append(worst, a)
	}
	threshold, err := d.f.Threshold(0.01)
	if err != nil {
		threshold = math.NaN() // the model does not know
	}
	return plots.Anomalies(title, logProb, threshold, worst), nil
}

// blame returns the three columns whose median in the place of the row's value would raise the log-density most.
func (d *drawing) blame(row []float64, logProb float64) ([]string, error) {
	n, dim := d.x.Dims()
	y := mat.NewDense(dim, dim, nil)
	for j := range dim {
		copy(y.RawRowView(j), row)
		column := mat.Col(make([]float64, n), j, d.x)
		y.Set(j, j, median(column))
	}
	without := make([]float64, dim)
	if err := d.f.LogProb(without, y); err != nil {
		return nil, err
	}
	order := make([]int, dim)
	for j := range order {
		order[j] = j
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case without[a] > without[b]:
			return -1
		case without[a] < without[b]:
			return 1
		}
		return 0
	})
	var names []string
	for _, j := range order[:min(3, dim)] {
		if without[j] > logProb {
			names = append(names, dataNames(d.f)[j])
		}
	}
	return names, nil
}
