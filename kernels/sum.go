package kernels

import "math"

// lanes are the eight partial sums of a reduction over samples: element i goes to lane i mod 8, and the lanes are added
// as a fixed tree, so that a sum has the same bits whatever the width of the vectors that form it.
type lanes [8]float64

func (a *lanes) sum() float64 {
	return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
}

// Sum returns Σ x[i], with eight partial sums and a fixed tree: the same bits on every tier.
func (t Tier) Sum(x []float64) float64 {
	var a lanes
	n := t.whole(len(x))
	for i := 0; i < n; i += tileSize {
		t.sum(&a[0], &x[i], min(tileSize, n-i))
	}
	for i, v := range x[n:] {
		a[i&7] += v
	}
	return a.sum()
}

// SumSquares returns Σ x[i]², summed like Sum.
func (t Tier) SumSquares(x []float64) float64 {
	var a lanes
	n := t.whole(len(x))
	for i := 0; i < n; i += tileSize {
		t.sumSquares(&a[0], &x[i], min(tileSize, n-i))
	}
	for i, v := range x[n:] {
		a[i&7] = math.FMA(v, v, a[i&7])
	}
	return a.sum()
}
