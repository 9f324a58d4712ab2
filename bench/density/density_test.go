package density

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestSplits(t *testing.T) {
	tables, err := Tables()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		a, b := table.Split(0), table.Split(0)
		if !slices.Equal(a.Train[0], b.Train[0]) || slices.Equal(a.Train[0], table.Split(1).Train[0]) {
			t.Errorf("%s: a split is not its own, or not another's", table.Name)
		}
		train, test := table.Train, table.Test
		if table.Draw == nil {
			test = len(table.Rows) / 5
			train = len(table.Rows) - test
		}
		if len(a.Train) != train || len(a.Test) != test || table.Draw != nil && len(a.Truth) != test {
			t.Errorf("%s: %d and %d rows, %d of them with their truth", table.Name, len(a.Train), len(a.Test), len(a.Truth))
		}
		for j := range a.Train[0] {
			mean, square := 0.0, 0.0
			for _, row := range a.Train {
				mean += row[j] / float64(train)
				square += row[j] * row[j] / float64(train)
			}
			if math.Abs(mean) > 1e-9 || math.Abs(square-1) > 1e-9 {
				t.Errorf("%s: column %d has mean %g and mean square %g", table.Name, j, mean, square)
			}
		}
	}
}

// The rows that are drawn are those of the density that is called true: the mean of
// p(x+δ)/p(x) over them is 1 where p is positive, and in the plane p integrates to 1.
func TestTruth(t *testing.T) {
	for _, table := range synthetic() {
		rng := rand.New(rand.NewPCG(1, 2))
		bounded := strings.Contains(table.Name, "cube") || strings.Contains(table.Name, "sources") || table.Name == "checkerboard" || table.Name == "sines"
		const n = 1000
		mean := 0.0
		var low, high [2]float64
		for i := range n {
			x := table.Draw(rng)
			p := table.LogDensity(x)
			for j := range min(2, len(x)) {
				if i == 0 {
					low[j], high[j] = x[j], x[j]
				}
				low[j], high[j] = min(low[j], x[j]), max(high[j], x[j])
			}
			for j := range x {
				x[j] += 0.02
			}
			mean += math.Exp(table.LogDensity(x)-p) / n
		}
		if !bounded && !(math.Abs(mean-1) < 0.05) {
			t.Errorf("%s: the mean of p(x+δ)/p(x) is %.3f", table.Name, mean)
		}
		if x := table.Draw(rng); len(x) != 2 || bounded && table.Name != "sines" {
			continue
		}
		// The ends of the range are where sines ends.
		margin, steps := 0.5, 90
		sum := 0.0
		var step [2]float64
		for j := range step {
			if table.Name == "sines" && j == 0 {
				low[j], high[j] = -4, 4
			} else {
				low[j], high[j] = low[j]-margin, high[j]+margin
			}
			step[j] = (high[j] - low[j]) / float64(steps)
		}
		for a := range steps {
			for b := range steps {
				x := []float64{low[0] + (float64(a)+0.5)*step[0], low[1] + (float64(b)+0.5)*step[1]}
				sum += math.Exp(table.LogDensity(x)) * step[0] * step[1]
			}
		}
		if !(math.Abs(sum-1) < 0.01) {
			t.Errorf("%s: the density integrates to %.4f", table.Name, sum)
		}
	}
}
