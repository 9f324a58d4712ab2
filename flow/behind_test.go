package flow

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/gmm"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/rotate"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// BenchmarkBlocksBehindFit measures what blocks of a rotation and anchored mixtures gain behind
// a fit: on rows held out from them, and on fresh rows. They are fitted to the images of
// rows under fits that have not seen these rows. FastICA and random rotations take turns; a
// mixture is (1-w)·N(0,1) + w·g, where g has seven components and w is half of what
// maximizes the likelihood; after the last block all mixtures are trained together.
func BenchmarkBlocksBehindFit(b *testing.B) {
	const seeds, blocks, folds = 2, 6, 5
	for _, table := range []struct {
		name string
		n, d int
		draw func([]float64, *rand.Rand)
	}{
		{"two moons", 1500, 2, drawMoons},
		{"checkerboard", 1500, 2, func(row []float64, rng *rand.Rand) {
			row[0] = 4*rng.Float64() - 2
			row[1] = rng.Float64() - 2*float64(rng.IntN(2)) + math.Abs(math.Mod(math.Floor(row[0]), 2))
		}},
		{"spiral", 1500, 2, func(row []float64, rng *rand.Rand) {
			a := 1.25 + 7.5*rng.Float64()
			sin, cos := math.Sincos(a)
			sign := float64(2*rng.IntN(2)-1) * a / 2.5
			row[0], row[1] = sign*cos+0.08*rng.NormFloat64(), sign*sin+0.08*rng.NormFloat64()
		}},
		{"sines", 1000, 2, func(row []float64, rng *rand.Rand) {
			row[0] = 8*rng.Float64() - 4
			row[1] = math.Sin(2*row[0]) + 0.15*rng.NormFloat64()
		}},
		{"clusters", 400, 8, drawClusters},
	} {
		for seed := range uint64(seeds) {
			b.Run(fmt.Sprintf("%s/seed=%d", table.name, seed), func(b *testing.B) {
				x, fresh := rows(table.n, table.d, 50+seed, table.draw), rows(5000, table.d, 90+seed, table.draw)
				images := tile.New(table.d, table.n) // fold by fold
				part := table.n / folds
				for k := range folds {
					var seen mat.Dense
					if seen.CloneFrom(x.Slice(part, table.n, 0, table.d)); k > 0 {
						seen.Slice((k-1)*part, k*part, 0, table.d).(*mat.Dense).Copy(x.Slice(0, part, 0, table.d))
						for j := range k - 1 {
							seen.Slice(j*part, (j+1)*part, 0, table.d).(*mat.Dense).Copy(x.Slice((j+1)*part, (j+2)*part, 0, table.d))
						}
					}
					var z mat.Dense
					if err := mustFit(b, &seen, FitOptions{}).Forward(&z, nil, x.Slice(k*part, (k+1)*part, 0, table.d)); err != nil {
						b.Fatal(err)
					}
					for i := range part {
						for j := range table.d {
							images.Row(j)[k*part+i] = z.At(i, j)
						}
					}
				}
				var unseen mat.Dense
				if err := mustFit(b, x, FitOptions{}).Forward(&unseen, nil, fresh); err != nil {
					b.Fatal(err)
				}
				at := denseOf(images)
				held := at.Slice(0, part, 0, table.d)
				var all []block
				z := images.Cols(part, table.n)
				for number := range blocks {
					next, image := blockBehind(b, z, number, seed)
					all, z = append(all, next), image
					f := newFlow(table.d, all)
					gain, se := overNormal(b, f, held)
					freshGain, freshSE := overNormal(b, f, &unseen)
					b.Logf("%d blocks: %+.4f ± %.4f held out, %+.4f ± %.4f on fresh rows", number+1, gain, se, freshGain, freshSE)
				}
				f := newFlow(table.d, all)
				if _, err := Train(b.Context(), f, at.Slice(part, table.n, 0, table.d), TrainOptions{}); err != nil {
					b.Fatal(err)
				}
				gain, se := overNormal(b, f, held)
				freshGain, freshSE := overNormal(b, f, &unseen)
				b.ReportMetric(gain, "nats/held-out-row")
				b.ReportMetric(freshGain, "nats/fresh-row")
				b.Logf("trained: %+.4f ± %.4f held out, %+.4f ± %.4f on fresh rows", gain, se, freshGain, freshSE)
			})
		}
	}
}

// blockBehind fits a block to z and returns it, and z's image.
func blockBehind(t testing.TB, z tile.Tile, number int, seed uint64) (block, tile.Tile) {
	rng := flowtest.NewRand(1000*seed + uint64(number))
	r := rotate.Haar(z.D, rng)
	if number%2 == 0 {
		var err error
		if r, _, _, err = rotate.FastICA(context.Background(), z, r); err != nil {
			t.Fatal(err)
		}
	}
	rotation := layer.NewRotation(z.D, r)
	y := imageOf(t, block{rotation}, z)
	m := make([]kernels.Mixture, z.D)
	for j := range m {
		g, err := gmm.Fit(context.Background(), y.Row(j), 7, rng)
		if err != nil {
			t.Fatal(err)
		}
		// The likelihood of w, by EM from ½.
		image, ratio := make([]float64, z.N), make([]float64, z.N)
		kernels.MixtureForward(image, ratio, y.Row(j), g)
		for i, v := range y.Row(j) { // g(v)/φ(v)
			ratio[i] = math.Exp(ratio[i] + (v*v-image[i]*image[i])/2)
		}
		w := 0.5
		for range 50 {
			sum := 0.0
			for _, v := range ratio {
				sum += w * v / (1 - w + w*v)
			}
			w = sum / float64(z.N)
		}
		w = max(w/2, 1e-9)
		m[j] = kernels.Mixture{Weight: []float64{1 - w}, Mean: append([]float64{0}, g.Mean...), Scale: append([]float64{1}, g.Scale...)}
		for _, v := range g.Weight {
			m[j].Weight = append(m[j].Weight, w*v)
		}
	}
	b := block{rotation, layer.NewAnchored(m, boundFor(m), 0.1)}
	return b, imageOf(t, b, z)
}

func denseOf(z tile.Tile) *mat.Dense {
	x := mat.NewDense(z.N, z.D, nil)
	tile.Write(x, 0, z)
	return x
}

func imageOf(t testing.TB, b block, z tile.Tile) tile.Tile {
	var out mat.Dense
	if err := newFlow(z.D, []block{b}).Forward(&out, nil, denseOf(z)); err != nil {
		t.Fatal(err)
	}
	image := tile.New(z.D, z.N)
	for i := range z.N {
		for j := range z.D {
			image.Row(j)[i] = out.At(i, j)
		}
	}
	return image
}

// overNormal is the mean of log p less that of independent standard normals, and its
// standard error.
func overNormal(t testing.TB, f *Flow, z mat.Matrix) (mean, se float64) {
	n, d := z.Dims()
	lp := scores(t, f, z)
	for i := range lp {
		for j := range d {
			lp[i] += z.At(i, j)*z.At(i, j)/2 + logSqrt2Pi
		}
		mean += lp[i] / float64(n)
	}
	for _, v := range lp {
		se += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(se) / float64(n)
}
