package kernels

import "math"

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
