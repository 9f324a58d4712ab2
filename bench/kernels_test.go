package bench

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gaussflow/gaussflow/bench/cases"
	"github.com/gaussflow/gaussflow/kernels"
)

// measure runs the kernel on every tier, and reports what it moves and how many elements it does.
func measure(b *testing.B, k cases.Kernel) {
	for _, tier := range kernels.Tiers() {
		b.Run("tier="+tier.String()+"/"+k.Path(), func(b *testing.B) {
			do, _ := k.On(tier)
			b.SetBytes(int64(k.Bytes))
			b.ReportAllocs()
			for b.Loop() {
				do()
			}
			rate(b, k.N)
		})
	}
}

// rate reports elements per second and nanoseconds per element, where an operation does n.
func rate(b *testing.B, n int) {
	elements := float64(n) * float64(b.N)
	b.ReportMetric(elements/b.Elapsed().Seconds(), "elements/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/elements, "ns/element")
}

// sizes are a batch that a call's own cost shows in, and a tile.
var sizes = []int{64, 4096}

// BenchmarkFunction times the element-wise kernels and the reductions.
func BenchmarkFunction(b *testing.B) {
	for _, n := range sizes {
		for _, k := range cases.Functions(cases.NewInputs(n, 1)) {
			measure(b, k)
		}
	}
}

// BenchmarkMixture times the kernels of mixtures, shared (form=shared) and one per sample (form=each).
func BenchmarkMixture(b *testing.B) {
	for _, n := range sizes {
		for _, components := range []int{2, 8, 32} {
			for _, k := range cases.OfMixtures(cases.NewInputs(n, components)) {
				measure(b, k)
			}
		}
	}
}

// BenchmarkPlain times what a competent programmer writes instead, with math and gonum.
func BenchmarkPlain(b *testing.B) {
	for _, components := range []int{2, 8, 32} {
		in := cases.NewInputs(4096, components)
		for _, p := range cases.Problems(in) {
			if components != 8 && p.Name != "forward" && p.Name != "inverse" && p.Name != "em" {
				continue // has no components
			}
			for _, c := range p.Plain {
				b.Run(path("problem", p.Name, "by", c.Name, "n", p.N, "K", components), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if _, err := c.Run(1); err != nil {
							b.Fatal(err)
						}
					}
					rate(b, p.N)
				})
			}
		}
	}
}

// BenchmarkGaps times the inverse where it has most to do, in gaps between components as wide as data=… says, in units of
// their scale, beside latent values drawn from the normal distribution, data=bulk, for the same mixture.
func BenchmarkGaps(b *testing.B) {
	const n = 1024
	for _, c := range []struct {
		components int
		gap        float64
	}{{2, 20}, {8, 20}, {8, 40}, {8, 100}, {8, 1e6}, {32, 100}, {1000, 50}} {
		m := kernels.Mixture{Weight: make([]float64, c.components), Mean: make([]float64, c.components), Scale: make([]float64, c.components)}
		src := rand.New(rand.NewPCG(1, 2))
		for k := range m.Weight {
			m.Weight[k], m.Mean[k], m.Scale[k] = 1/float64(c.components), c.gap*float64(k), 1
		}
		x, bulk, gaps := make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range x {
			bulk[i] = src.NormFloat64()
			x[i] = c.gap * (float64(src.IntN(c.components-1)) + 0.1 + 0.8*src.Float64())
		}
		kernels.MixtureForward(gaps, nil, x, m)
		for _, data := range []struct {
			name string
			z    []float64
		}{{"bulk", bulk}, {fmt.Sprint(c.gap), gaps}} {
			for _, tier := range kernels.Tiers() {
				b.Run(fmt.Sprintf("tier=%s/K=%d/data=%s", tier, c.components, data.name), func(b *testing.B) {
					for b.Loop() {
						tier.MixtureInverse(x, nil, data.z, m)
					}
					rate(b, n)
				})
			}
		}
	}
}

// BenchmarkFarGradients times the reverse mode of a shared mixture for samples in its middle, data=bulk, and for samples beyond
// |z| = 6, data=far.
func BenchmarkFarGradients(b *testing.B) {
	const n = 1024
	for _, k := range []int{2, 8, 32} {
		m := kernels.Mixture{Weight: make([]float64, k), Mean: make([]float64, k), Scale: make([]float64, k)}
		for j := range m.Weight {
			m.Weight[j], m.Mean[j], m.Scale[j] = 1/float64(k), float64(j)/float64(k), 1
		}
		d := kernels.MixtureGrad{Logit: make([]float64, k), Mean: make([]float64, k), LogScale: make([]float64, k)}
		x, z, l, g, dx := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		for _, data := range []struct {
			name string
			at   float64
		}{{"bulk", 0}, {"far", 9}} {
			for i := range x {
				x[i], g[i] = data.at+float64(i)/n, 1
			}
			kernels.MixtureForward(z, l, x, m)
			for _, tier := range kernels.Tiers() {
				b.Run(fmt.Sprintf("tier=%s/K=%d/data=%s", tier, k, data.name), func(b *testing.B) {
					for b.Loop() {
						tier.MixtureBackward(dx, d, g, g, x, z, l, m)
					}
					rate(b, n)
				})
			}
		}
	}
}
