package flow

import (
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
)

func drawDice(row []float64, rng *rand.Rand) {
	for j := range row {
		row[j] = float64(1 + rng.IntN(6))
	}
}

// drawBeside draws half the rows from a normal distribution, and makes the others equal.
func drawBeside(row []float64, rng *rand.Rand) {
	drawNormal(row, rng)
	if rng.IntN(2) == 0 {
		for j := range row {
			row[j] = 0.5
		}
	}
}

// Values that repeat make no spikes: the fit is refused with the column's name, or
// sees the data at their resolution.
func TestFitRBIGDiscreteColumns(t *testing.T) {
	bits := rows(1000, 8, 1, func(row []float64, rng *rand.Rand) {
		for j := range row {
			row[j] = float64(rng.IntN(2))
		}
	})
	dice := rows(1000, 2, 2, drawDice)
	rounded := rows(1000, 2, 3, func(row []float64, rng *rand.Rand) {
		drawNormal(row, rng)
		row[1] = float64(int(10*row[1])) / 10
	})
	beside := rows(1000, 2, 4, drawBeside)
	for _, c := range []struct {
		what string
		x    *mat.Dense
		o    RBIGOptions
		want string
	}{
		{"eight columns of 0 and 1", bits, RBIGOptions{}, "column 0 takes only 2 distinct values, fewer than the 8 components"},
		{"dice", dice, RBIGOptions{}, "column 0 takes only 6 distinct values, fewer than the 8 components"},
	} {
		if _, err := FitRBIG(c.x, c.o); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "Dequantize") {
			t.Errorf("%s: error is %v, want one with %q", c.what, err, c.want)
		}
	}
	for _, c := range []struct {
		what        string
		x           *mat.Dense
		o           RBIGOptions
		step        float64 // half the distance of values
		most, least float64 // of the mean log p at the rows, and half a step from them
	}{
		// 2⁸ and 36 values of probability 1/2⁸ and 1/36, one apart: -5.5 and -3.6 nats.
		{"0 and 1, dequantized", bits, RBIGOptions{Dequantize: true}, 0.5, 2, -16},
		{"dice, dequantized", dice, RBIGOptions{Dequantize: true}, 0.5, -2, -5},
		{"dice", dice, RBIGOptions{Components: 4}, 0.5, -2, -5},
		{"one column rounded", rounded, RBIGOptions{}, 0.05, -2.3, -4},
		{"one column rounded, dequantized", rounded, RBIGOptions{Dequantize: true}, 0.05, -2.3, -4},
		{"half the rows equal", beside, RBIGOptions{}, 0.002, 8, -4},
	} {
		var report RBIGReport
		c.o.Report = &report
		f, err := FitRBIG(c.x, c.o)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		n, d := c.x.Dims()
		off := mat.NewDense(n, d, nil)
		off.Apply(func(_, _ int, v float64) float64 { return v + c.step }, c.x)
		at, between := stat.Mean(scores(t, f, c.x), nil), stat.Mean(scores(t, f, off), nil)
		t.Logf("%s: %.2f nats at the rows, %.2f half a step from them; %+v", c.what, at, between, report.Columns[0])
		if !(at < c.most) || !(between > c.least) {
			t.Errorf("%s: a mean of %.2f nats at the rows, and of %.2f half a step from them; want less than %g and more than %g", c.what, at, between, c.most, c.least)
		}
		if len(report.Columns) != d || report.Columns[d-1].Resolution == 0 {
			t.Errorf("%s: the report is %+v", c.what, report)
		}
	}
	// Data without ties is not touched.
	x := skewed(300, 1)
	plain, same := fitRBIGTo(t, x, RBIGOptions{Blocks: 2}), fitRBIGTo(t, x, RBIGOptions{Blocks: 2, Dequantize: true})
	flowtest.SameBits(t, "parameters", same.params, plain.params)
}

// One row far out does not make the others equal, whatever is small beside it.
func TestFitOutlierIsNoTie(t *testing.T) {
	x := rows(301, 2, 1, drawNormal)
	plain := mustFit(t, x.Slice(0, 300, 0, 2).(*mat.Dense), FitOptions{MaxComponents: 4})
	x.Set(300, 0, 1e12)
	var report FitReport
	f := mustFit(t, x, FitOptions{MaxComponents: 4, Report: &report})
	if c := report.Columns[0]; c.Distinct != 301 || c.Tied != 0 || c.Resolution != 0 {
		t.Errorf("column 0 is called discrete: %+v", c)
	}
	rest := x.Slice(0, 300, 0, 2)
	t.Logf("the others' mean log-density: %.3f nats, %.3f beside a row at 1e12", scoreOf(t, plain, rest), scoreOf(t, f, rest))
}
