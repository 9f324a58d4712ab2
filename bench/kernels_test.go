package bench

import (
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
