package rotate

import (
	"context"
	"math"
	"runtime"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

func TestPCA(t *testing.T) {
	for _, d := range []int{1, 2, 3, 7, 40} {
		rng := flowtest.NewRand(uint64(d))
		x := flowtest.Tile(d, 500, 1, rng)
		for j := range d { // unlike spreads, correlated, off centre
			for i := range x.N {
				x.Row(j)[i] = x.Row(j)[i]*float64(j+1) + x.Row(0)[i] + 100*float64(j%3)
			}
		}
		axes, err := PCA(x)
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

		rows := mat.NewDense(x.N, d, nil)
		tile.Write(rows, 0, x)
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

// The covariance is that of the definition, whatever the cuts, and has the same bits
// on any number of goroutines.
func TestCovariance(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, c := range []struct{ d, n int }{{1, 1}, {1, 200_000}, {2, 5000}, {3, 70_000}, {127, 2000}, {128, 3001}, {300, 11000}} {
		rng := flowtest.NewRand(uint64(c.d))
		x := flowtest.Tile(c.d, c.n, 1, rng)
		for j := range c.d {
			for i := range c.n {
				x.Row(j)[i] += 100 + float64(j)*x.Row(0)[i]/float64(c.d)
			}
		}
		runtime.GOMAXPROCS(1)
		got := covariance(context.Background(), x)
		for workers := 2; workers <= 3; workers++ {
			runtime.GOMAXPROCS(workers)
			flowtest.SameBits(t, "covariance", covariance(context.Background(), x), got)
		}
		if c.d == 2 { // one chunk, one product
			centred, want := tile.New(c.d, c.n), make([]float64, 4)
			for j := range c.d {
				for i, v := range x.Row(j) {
					centred.Row(j)[i] = v - kernels.Sum(x.Row(j))/float64(c.n)
				}
			}
			blas.SyrkUpper(blas.NoTrans, 1/float64(c.n), centred.Matrix(), 0, tile.Matrix(2, 2, want))
			flowtest.SameBits(t, "covariance of few samples", got, want)
		}
		for range 100 {
			i := rng.IntN(c.d)
			j := i + rng.IntN(c.d-i)
			if c.n == 1 {
				continue
			}
			want := stat.Covariance(x.Row(i), x.Row(j), nil) * float64(c.n-1) / float64(c.n)
			if g := got[i*c.d+j]; math.Abs(g-want) > 1e-11*(1+math.Abs(want)) {
				t.Errorf("d=%d, n=%d: covariance of %d and %d is %v, want %v", c.d, c.n, i, j, g, want)
			}
		}
	}
}

// Axes along which the data do not differ at all come out the same every time.
func TestPCATies(t *testing.T) {
	x := tile.New(3, 6)
	for i := range 6 {
		x.Row(i / 2)[i] = float64(1 - 2*(i%2))
	}
	first, err := PCA(x)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		again, err := PCA(x)
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
