package spiral

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

func TestStandardized(t *testing.T) {
	x := Standardized()
	n, d := x.Dims()
	if n != 3000 || d != 2 || x.At(0, 0) != 1.6093269312833858 {
		t.Fatalf("%d×%d, first %v", n, d, x.At(0, 0))
	}
	for j := range d {
		mean, v := stat.PopMeanVariance(mat.Col(nil, j, x), nil)
		if math.Abs(mean) > 1e-14 || math.Abs(v-1) > 1e-13 {
			t.Errorf("column %d has mean %v and variance %v", j, mean, v)
		}
	}
}

// Fresh points follow the recipe, and the density scores them as numpy has it, by quadrature of
// its own: -1.38215 on the points themselves, -1.3864 ± 0.0084 on 10,000 fresh ones.
func TestFresh(t *testing.T) {
	if got := stat.Mean(LogProb(Standardized()), nil); math.Abs(got+1.38215) > 1e-5 {
		t.Errorf("the true mean log-density of the points is %v", got)
	}
	x := Fresh(4000, 1)
	lp := LogProb(x)
	mean, deviation := stat.MeanStdDev(lp, nil)
	if se := deviation / math.Sqrt(4000); math.Abs(mean+1.3864) > 4*math.Hypot(se, 0.0084) {
		t.Errorf("the true mean log-density of fresh points is %v ± %v", mean, se)
	}
	if mat.Equal(Fresh(10, 1), Fresh(10, 2)) || !mat.Equal(Fresh(10, 1), Fresh(10, 1)) {
		t.Error("the seed does not decide")
	}
}

func TestJittered(t *testing.T) {
	x := Fresh(500, 3)
	y := Jittered(x, 4, 0.1, 1)
	var off []float64
	for i := range 2000 {
		for j := range 2 {
			off = append(off, y.At(i, j)-x.At(i%500, j))
		}
	}
	mean, deviation := stat.MeanStdDev(off, nil)
	if !(math.Abs(mean) < 0.01) || !(math.Abs(deviation-0.1) < 0.01) {
		t.Errorf("noise of mean %v and deviation %v", mean, deviation)
	}
}

// The density integrates to one.
func TestIntegral(t *testing.T) {
	n := 200
	if testing.Short() {
		n = 80
	}
	const reach = 3.5
	grid := mat.NewDense(n*n, 2, nil)
	for i := range n {
		for j := range n {
			grid.SetRow(i*n+j, []float64{reach * (2*(float64(i)+0.5)/float64(n) - 1), reach * (2*(float64(j)+0.5)/float64(n) - 1)})
		}
	}
	sum := 0.0
	for _, lp := range LogProb(grid) {
		sum += math.Exp(lp)
	}
	if sum *= math.Pow(2*reach/float64(n), 2); math.Abs(sum-1) > 1e-2 {
		t.Errorf("∫ p = %v", sum)
	}
}
