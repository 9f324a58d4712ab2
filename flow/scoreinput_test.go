package flow

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distmv"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
)

// As gonum's distributions with a score have it.
var _ interface {
	distmv.RandLogProber
	ScoreInput(score, x []float64) []float64
} = (*Distribution)(nil)

func TestScoreInput(t *testing.T) {
	rng := flowtest.NewRand(5)
	for name, f := range map[string]*Flow{
		"diagonal": randomDiagonal(3, 2, rng),
		"coupling": randomCoupling(t, 4, 2, CouplingOptions{Width: 8}, rng),
		"plain":    randomCoupling(t, 2, 2, CouplingOptions{Width: 8, Plain: true}, rng),
		"one":      randomDiagonal(1, 1, rng),
	} {
		t.Run(name, func(t *testing.T) {
			const n = 300 // more than a tile, and no multiple of what goes together
			d := f.Dim()
			x := normalRows(n, d, 1.5, rng)
			var score mat.Dense
			lp, want := make([]float64, n), make([]float64, n)
			if err := f.ScoreInput(&score, lp, x); err != nil {
				t.Fatal(err)
			}
			if err := f.LogProb(want, x); err != nil {
				t.Fatal(err)
			}
			flowtest.SameBits(t, "log-densities", lp, want)
			one := make([]float64, 1)
			for i := 0; i < n; i += 7 {
				row := slices.Clone(x.RawRowView(i))
				for j := range row {
					at := row[j]
					slope := flowtest.Derivative(1e-4, func(h float64) float64 {
						row[j] = at + h
						if err := f.LogProb(one, mat.NewDense(1, d, row)); err != nil {
							t.Fatal(err)
						}
						return one[0]
					})
					row[j] = at
					if got := score.At(i, j); !(math.Abs(got-slope) <= 1e-5*(1+math.Abs(slope))) {
						t.Errorf("row %d, column %d: the score is %v, by differences %v", i, j, got, slope)
					}
				}
				// The same alone, and as a distribution.
				flowtest.SameBits(t, "score of a row", f.Distribution(nil).ScoreInput(nil, row), score.RawRowView(i))
			}
		})
	}
}

// The mean score of a density is zero under it.
func TestScoreHasMeanZero(t *testing.T) {
	f := randomCoupling(t, 2, 2, CouplingOptions{Width: 8}, flowtest.NewRand(6))
	const n = 40000
	x := mat.NewDense(n, 2, nil)
	if err := f.Sample(x, flowtest.NewRand(1)); err != nil {
		t.Fatal(err)
	}
	var score mat.Dense
	if err := f.ScoreInput(&score, nil, x); err != nil {
		t.Fatal(err)
	}
	for j := range 2 {
		sum, square := 0.0, 0.0
		for i := range n {
			sum += score.At(i, j) / n
			square += score.At(i, j) * score.At(i, j) / n
		}
		if !(math.Abs(sum) <= 5*math.Sqrt(square/n)) {
			t.Errorf("column %d: the mean score of %d samples is %v, of scores of size %v", j, n, sum, math.Sqrt(square))
		}
	}
}

func TestScoreInputErrors(t *testing.T) {
	f := randomDiagonal(2, 1, flowtest.NewRand(1))
	var dst mat.Dense
	if err := f.ScoreInput(&dst, nil, mat.NewDense(2, 2, []float64{0, 1, math.NaN(), 0})); err == nil {
		t.Error("a NaN is no error")
	}
	if err := f.ScoreInput(mat.NewDense(3, 2, nil), nil, mat.NewDense(2, 2, nil)); err == nil {
		t.Error("a result of another shape is no error")
	}
	if s := f.Distribution(nil).ScoreInput(nil, []float64{math.NaN(), 0}); s[0] == s[0] {
		t.Errorf("the score at NaN is %v", s)
	}
}
