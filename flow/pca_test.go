package flow

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

func TestPCA(t *testing.T) {
	for _, d := range []int{1, 2, 3, 7, 40} {
		rng := newRand(uint64(d))
		x, work := randomTile(d, 500, 1, rng), newTile(d, 500)
		for j := range d { // unlike spreads, correlated, off centre
			for i := range x.n {
				x.row(j)[i] = x.row(j)[i]*float64(j+1) + x.row(0)[i] + 100*float64(j%3)
			}
		}
		axes, err := pca(x, work)
		if err != nil {
			t.Fatal(err)
		}
		r := mat.NewDense(d, d, axes)
		var identity mat.Dense
		identity.Mul(r, r.T())
		for i := range d {
			identity.Set(i, i, identity.At(i, i)-1)
		}
		if off := mat.Norm(&identity, math.Inf(1)); off > 1e-13*float64(d) {
			t.Errorf("d=%d: R·Rᵀ - 1 reaches %g", d, off)
		}

		rows := mat.NewDense(x.n, d, nil)
		write(rows, 0, x)
		var rotated mat.Dense
		rotated.Mul(rows, r.T())
		var cov mat.SymDense
		stat.CovarianceMatrix(&cov, &rotated, nil)
		for i := range d {
			if i > 0 && cov.At(i, i) > cov.At(i-1, i-1)*(1+1e-12) {
				t.Errorf("d=%d: variance %d is %v after %v", d, i, cov.At(i, i), cov.At(i-1, i-1))
			}
			for j := range i {
				if math.Abs(cov.At(i, j)) > 1e-11*cov.At(0, 0) {
					t.Errorf("d=%d: coordinates %d and %d have covariance %g", d, i, j, cov.At(i, j))
				}
			}
			largest := 0.0
			for _, v := range r.RawRowView(i) {
				if math.Abs(v) > math.Abs(largest) {
					largest = v
				}
			}
			if largest < 0 {
				t.Errorf("d=%d: the largest entry of axis %d is %v", d, i, largest)
			}
		}
	}
}

// Axes along which the data do not differ at all come out the same every time.
func TestPCATies(t *testing.T) {
	x := newTile(3, 6)
	for i := range 6 {
		x.row(i / 2)[i] = float64(1 - 2*(i%2))
	}
	first, err := pca(x, newTile(3, 6))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		again, err := pca(x, newTile(3, 6))
		if err != nil {
			t.Fatal(err)
		}
		for i := range first {
			if math.Float64bits(again[i]) != math.Float64bits(first[i]) {
				t.Fatalf("axes %v, then %v", first, again)
			}
		}
	}
}
