package plots

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// Every picture is drawn the same way twice, as a whole PNG and as a whole SVG, whatever the numbers are like.
func TestPictures(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	table := func(n, d int, size float64) *mat.Dense {
		x := mat.NewDense(n, d, nil)
		for i := range n {
			for j := range d {
				x.Set(i, j, size*rng.NormFloat64())
			}
		}
		return x
	}
	names := []string{"a", "a long name of a column", "c", "d", "e", "f", "g", "h"}
	constant := mat.NewDense(5, 2, nil)
	grid, at := NewGrid(table(100, 2, 1e6), 20)
	for i := range 400 {
		u, v := at.At(i, 0)/1e6, at.At(i, 1)/1e6
		grid.LogProb.RawMatrix().Data[i] = -u*u/2 - v*v/2
	}
	grid.LogProb.Set(0, 0, math.Inf(-1))
	sampled := make([]float64, 300)
	for i := range sampled {
		sampled[i] = -rng.ExpFloat64()
	}
	density, err := Density("density", names, grid, sampled, table(50, 2, 1e6))
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*Picture{
		"density":             density,
		"corner":              Corner("corner of eight columns", names, table(300, 8, 1), table(40, 8, 1)),
		"corner, tiny":        Corner("corner", names[:2], table(300, 2, 1e-200), table(1, 2, 1e-200)),
		"corner, constant":    Corner("corner", names[:2], constant, constant),
		"pushforward":         Pushforward("pushforward", table(100, 3, 1)),
		"pushforward, far":    Pushforward("pushforward", table(100, 1, 1e300)),
		"pushforward, one":    Pushforward("pushforward", table(1, 2, 1)),
		"blocks":              Blocks("blocks", []Stage{{"data", table(100, 2, 1e9)}, {"block 0", table(100, 2, 1)}}),
		"training":            Training("training", []TrainingStep{{1, 3, 0.1}, {2, 2, 0.2}, {3, math.Inf(1), 0}}, []TrainingValidation{{0, 3}, {2, 2.5}}, 2),
		"training, one step":  Training("training", []TrainingStep{{1, 3, 0.1}}, nil, 1),
		"anomalies":           Anomalies("anomalies", append(sampled, math.Inf(-1)), -3, []Anomaly{{"row 7 (id)", -30, "a, b"}, {"row 9", math.Inf(-1), ""}}),
		"anomalies, long":     Anomalies("anomalies", sampled, -3, []Anomaly{{strings.Repeat("row 7 (a long name) ", 9), -30, strings.Repeat("a long name of a column, ", 9)}}),
		"information":         Information("information", "nats", names, table(8, 8, 1), func(i, j int) bool { return i > 3 }),
		"information, large":  Information("information", "bits", make([]string, 90), table(90, 90, 1e-4), func(i, j int) bool { return true }),
		"information, none":   Information("information", "nats", names[:1], constant, nil),
		"information, lost":   Information("information", "nats", names[:2], mat.NewDense(2, 2, []float64{0, math.NaN(), math.Inf(1), 0}), func(i, j int) bool { return true }),
		"anomalies, all lost": Anomalies("anomalies", []float64{math.Inf(-1), math.Inf(-1)}, math.NaN(), nil),
	} {
		var a, b, svg bytes.Buffer
		if err := errors.Join(p.Write(&a, "png"), p.Write(&b, "png"), p.Write(&svg, "svg")); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s: two drawings differ", name)
		}
		if _, err := png.Decode(&a); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for d := xml.NewDecoder(&svg); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Errorf("%s: the SVG: %v", name, err)
				break
			}
		}
	}
	if err := density.Write(io.Discard, "gif"); err == nil {
		t.Error("a GIF was drawn")
	}
}
