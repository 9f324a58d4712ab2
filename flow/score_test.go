package flow

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
)

// One row has the log-density that it has among many, and takes no memory.
func TestScore(t *testing.T) {
	for name, f := range savedFlows(t) {
		x := randomRows(300, f.dim, 3, flowtest.NewRand(6))
		want := make([]float64, 300)
		if err := f.LogProb(want, x); err != nil {
			t.Fatal(err)
		}
		row := make([]float64, f.dim)
		for i := range want {
			got, err := f.Score(mat.Row(row, i, x))
			if err != nil || math.Float64bits(got) != math.Float64bits(want[i]) {
				t.Fatalf("%s, row %d: %v, error %v; want %v", name, i, got, err, want[i])
			}
		}
	}
}

func TestScoreDoesNotAllocate(t *testing.T) {
	f := randomCoupling(t, 4, 2, CouplingOptions{Width: 8}, flowtest.NewRand(1))
	row := []float64{1, 2, 3, 4}
	if n := testing.AllocsPerRun(100, func() { f.Score(row) }); n > 0 {
		t.Errorf("%v allocations a row", n)
	}
}

func TestScoreErrors(t *testing.T) {
	f, err := New(described(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		row  []float64
		want error
		text string
	}{
		{[]float64{1, 2}, ErrShape, "flow: Score: the row has 2 elements; the flow has dimension 3"},
		{nil, ErrShape, "flow: Score: the row has 0 elements; the flow has dimension 3"},
		{[]float64{1, 2, math.NaN()}, ErrNotFinite, "flow: Score: row 0, column 2 (hue) is NaN; every value must be finite"},
	} {
		if _, err := f.Score(test.row); !errors.Is(err, test.want) || err.Error() != test.text {
			t.Errorf("%v: error %v, want %q", test.row, err, test.text)
		}
	}
	if _, err := new(Flow).Score([]float64{1}); err == nil {
		t.Error("an empty flow: no error")
	}
}
