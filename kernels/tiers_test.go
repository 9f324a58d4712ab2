package kernels_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gaussflow/gaussflow/internal/kerneltest"
	"github.com/gaussflow/gaussflow/internal/kerneltest/ulp"
	"github.com/gaussflow/gaussflow/kernels"
)

// The tests in this file hold every tier that can run here, the reference included, to the bits of the reference.

// eachKernel runs f on every kernel as a subtest.
func eachKernel(t *testing.T, f func(t *testing.T, k *kerneltest.Kernel)) {
	for i := range kerneltest.Kernels {
		k := &kerneltest.Kernels[i]
		t.Run(k.Name, func(t *testing.T) { f(t, k) })
	}
}

// shape is that of a call with n samples: the number of components and the strides run with n.
func shape(k *kerneltest.Kernel, n int) kerneltest.Shape {
	if !k.Components() {
		return kerneltest.Shape{N: n, K: 1, Stride: n, DstStride: n}
	}
	return kerneltest.Shape{N: n, K: 1 + n%17, Stride: n + n%3, DstStride: n + n%4}
}

// eachCall runs f on calls of the given lengths, with tame numbers and with wild ones.
func eachCall(k *kerneltest.Kernel, lengths []int, f func(s kerneltest.Shape, args, want [][]float64)) {
	for _, n := range lengths {
		for _, tame := range []bool{true, false} {
			s := shape(k, n)
			args := kerneltest.Fill(k, s, kerneltest.NewRandom(uint64(n), tame))
			f(s, args, kerneltest.Run(k, kernels.Generic, s, args))
		}
	}
}

// lengths are 0 to 257, the ends of two blocks of lanes and of a longer run of them if time is short.
func lengths() []int {
	var all []int
	for n := range 258 {
		if !testing.Short() || n < 20 || n%64 < 2 {
			all = append(all, n)
		}
	}
	return all
}

// Every length, with K from 1 to 17, one block of components to three, and strides at and above the length.
func TestTiersEqual(t *testing.T) {
	eachKernel(t, func(t *testing.T, k *kerneltest.Kernel) {
		eachCall(k, lengths(), func(s kerneltest.Shape, args, want [][]float64) {
			for _, tier := range kernels.Tiers() {
				if err := kerneltest.Compare(k, tier, s, args, want, kerneltest.Call{}); err != nil {
					t.Error(err)
				}
			}
		})
	})
}

// Long batches, for tiles and for blocks of lanes, and many components.
func TestTiersEqualLarge(t *testing.T) {
	eachKernel(t, func(t *testing.T, k *kerneltest.Kernel) {
		shapes := []kerneltest.Shape{{N: 5000, K: 1, Stride: 5000, DstStride: 5000}}
		if k.Components() {
			shapes = []kerneltest.Shape{{N: 4099, K: 2, Stride: 4100, DstStride: 4099}, {N: 40, K: 64, Stride: 40, DstStride: 43}, {N: 9, K: 33, Stride: 16, DstStride: 9}}
		}
		for _, s := range shapes {
			for _, tame := range []bool{true, false} {
				args := kerneltest.Fill(k, s, kerneltest.NewRandom(99, tame))
				want := kerneltest.Run(k, kernels.Generic, s, args)
				for _, tier := range kernels.Tiers() {
					if err := kerneltest.Compare(k, tier, s, args, want, kerneltest.Call{}); err != nil {
						t.Error(err)
					}
				}
			}
		}
	})
}

// One component: x is known at once, and many results are zeros, whose sign counts.
func TestTiersEqualOneComponent(t *testing.T) {
	eachKernel(t, func(t *testing.T, k *kerneltest.Kernel) {
		if !k.Components() {
			return
		}
		s := kerneltest.Shape{N: 2001, K: 1, Stride: 2001, DstStride: 2001}
		args := kerneltest.Fill(k, s, kerneltest.NewRandom(1, true))
		for i, a := range k.Args {
			for j := range args[i] {
				switch a.Role {
				case kerneltest.Real, kerneltest.Latent:
					args[i][j] = float64(j-1000) / 256
				case kerneltest.Weight, kerneltest.Scale:
					args[i][j] = 1
				case kerneltest.Mean:
					args[i][j] = 0
				}
			}
		}
		want := kerneltest.Run(k, kernels.Generic, s, args)
		for _, tier := range kernels.Tiers() {
			if err := kerneltest.Compare(k, tier, s, args, want, kerneltest.Call{}); err != nil {
				t.Error(err)
			}
		}
	})
}

// The largest upstream values together with infinite samples: sums of infinities of both signs are NaN, of either sign.
func TestTiersEqualInfinite(t *testing.T) {
	values := []float64{math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, math.NaN(), 0, 1}
	eachKernel(t, func(t *testing.T, k *kerneltest.Kernel) {
		s := shape(k, 16*len(values))
		args := kerneltest.Fill(k, s, kerneltest.NewRandom(1, true))
		source := kerneltest.NewRandom(2, true)
		for range 20 {
			for i, a := range k.Args {
				if a.Layout != kerneltest.PerSample || a.Role == kerneltest.Output {
					continue
				}
				for j := range args[i] {
					args[i][j] = kerneltest.Fold(a.Role, values[source.Choose(len(values))])
				}
			}
			want := kerneltest.Run(k, kernels.Generic, s, args)
			for _, tier := range kernels.Tiers() {
				if err := kerneltest.Compare(k, tier, s, args, want, kerneltest.Call{}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// Every special value in every lane, with different numbers in the others.
func TestTiersEqualSpecialValues(t *testing.T) {
	const n = 19
	special := slices.Clone(kerneltest.Special)
	for _, v := range []float64{4.126121879665011e-17, 37, math.Nextafter(37, 38)} { // Φ(-|x|) is beyond 1/2; asm.NormNear
		special = append(special, v, -v)
	}
	eachKernel(t, func(t *testing.T, k *kerneltest.Kernel) {
		s := shape(k, n)
		args := kerneltest.Fill(k, s, kerneltest.NewRandom(7, true))
		for i, a := range k.Args {
			if a.Layout != kerneltest.PerSample || a.Role == kerneltest.Output {
				continue
			}
			for lane := range n {
				keep := args[i][lane]
				for _, v := range special {
					args[i][lane] = kerneltest.Fold(a.Role, v)
					want := kerneltest.Run(k, kernels.Generic, s, args)
					for _, tier := range kernels.Tiers() {
						if err := kerneltest.Compare(k, tier, s, args, want, kerneltest.Call{}); err != nil {
							t.Fatal(err)
						}
					}
				}
				args[i][lane] = keep
			}
		}
	})
}

// Outputs may be nil, and may be an input, where the kernel says so.
func TestTiersEqualAliased(t *testing.T) {
	eachKernel(t, func(t *testing.T, k *kerneltest.Kernel) {
		eachCall(k, []int{0, 1, 3, 7, 8, 9, 16, 31, 64, 257}, func(s kerneltest.Shape, args, want [][]float64) {
			for _, tier := range kernels.Tiers() {
				for _, pair := range k.Aliases {
					in, from := args, want
					shape := s
					if k.Args[pair[0]].Layout == kerneltest.PerBothDst { // one slice has one stride
						shape.DstStride = shape.Stride
						in = kerneltest.Fill(k, shape, kerneltest.NewRandom(uint64(s.N), false))
						from = kerneltest.Run(k, kernels.Generic, shape, in)
					}
					if err := kerneltest.Compare(k, tier, shape, in, from, kerneltest.Call{Alias: pair[:]}); err != nil {
						t.Errorf("%s as %s: %v", k.Args[pair[0]].Name, k.Args[pair[1]].Name, err)
					}
				}
				for set := 1; set < 1<<len(k.Nilable); set++ {
					var c kerneltest.Call
					for b, i := range k.Nilable {
						if set>>b&1 != 0 {
							c.Nil = append(c.Nil, i)
						}
					}
					if err := kerneltest.Compare(k, tier, s, args, want, c); err != nil {
						t.Errorf("without outputs %v: %v", c.Nil, err)
					}
				}
			}
		})
	})
}

// The result of a sample does not depend on its place in the batch, nor on the batch.
func TestTiersPositionIndependent(t *testing.T) {
	eachKernel(t, func(t *testing.T, k *kerneltest.Kernel) {
		eachCall(k, []int{5, 8, 21, 64}, func(s kerneltest.Shape, args, want [][]float64) {
			for _, tier := range kernels.Tiers() {
				for i := range s.N {
					one, alone := kerneltest.Sample(k, s, args, i)
					got := kerneltest.Run(k, tier, alone, one)
					batch, _ := kerneltest.Sample(k, s, want, i)
					for a, arg := range k.Args {
						if arg.Layout != kerneltest.PerSample && arg.Layout != kerneltest.PerBothDst {
							continue
						}
						for j := range got[a] {
							if !ulp.Same(got[a][j], batch[a][j]) {
								t.Fatalf("%s: %s of sample %d is %v alone, %v in a batch of %d", tier, arg.Name, i, got[a][j], batch[a][j], s.N)
							}
						}
					}
				}
			}
		})
	})
}

// Equal mixtures give equal bits, shared or one per sample.
func TestSharedEqualsPerSample(t *testing.T) {
	find := func(name string) *kerneltest.Kernel {
		for i := range kerneltest.Kernels {
			if kerneltest.Kernels[i].Name == name {
				return &kerneltest.Kernels[i]
			}
		}
		t.Fatalf("no kernel %s", name)
		return nil
	}
	for _, pair := range [][2]string{{"MixtureForward", "PerSampleForward"}, {"MixtureInverse", "PerSampleInverse"}, {"MixtureBackward", "PerSampleBackward"}} {
		shared, each := find(pair[0]), find(pair[1])
		for n := range 100 {
			s := kerneltest.Shape{N: n, K: 1 + n%17, Stride: n + 2, DstStride: n + 1}
			for _, tame := range []bool{true, false} {
				a := kerneltest.Fill(shared, s, kerneltest.NewRandom(uint64(n), tame))
				b := kerneltest.Fill(each, s, kerneltest.NewRandom(1, true))
				for i, arg := range shared.Args {
					switch {
					case arg.Layout == kerneltest.PerSample:
						copy(b[i], a[i])
					case arg.Layout == kerneltest.PerComponent && arg.Role != kerneltest.Total:
						for j := range b[i] {
							b[i][j] = a[i][j/s.Stride]
						}
					}
				}
				for _, tier := range kernels.Tiers() {
					got, want := kerneltest.Run(each, tier, s, b), kerneltest.Run(shared, tier, s, a)
					for i, arg := range shared.Args {
						if arg.Layout != kerneltest.PerSample {
							continue
						}
						for j := range got[i] {
							if !ulp.Same(got[i][j], want[i][j]) {
								t.Fatalf("%s: %s, %+v: %s[%d] = %v per sample, %v shared", tier, pair[0], s, arg.Name, j, got[i][j], want[i][j])
							}
						}
					}
				}
			}
		}
	}
}

// In the steady state no kernel allocates.
func TestKernelsDoNotAllocate(t *testing.T) {
	eachKernel(t, func(t *testing.T, k *kerneltest.Kernel) {
		s := shape(k, 70)
		args := kerneltest.Fill(k, s, kerneltest.NewRandom(3, true))
		for _, tier := range kernels.Tiers() {
			// A collection empties the pools of scratch memory: the average over many calls is below one.
			if n := testing.AllocsPerRun(100, func() { k.Run(tier, s, args) }); n != 0 {
				t.Errorf("%s: %g allocations a call", tier, n)
			}
		}
	})
}

func TestTierNames(t *testing.T) {
	names := map[kernels.Tier]string{kernels.Generic: "generic", kernels.AVX2: "avx2", kernels.AVX512: "avx512", kernels.NEON: "neon"}
	can := map[kernels.Tier]bool{}
	for _, tier := range kernels.Tiers() {
		can[tier] = true
	}
	if !can[kernels.Generic] || !can[kernels.Best()] {
		t.Errorf("Tiers() = %v, Best() = %v: want the reference and the best one among them", kernels.Tiers(), kernels.Best())
	}
	for tier, name := range names {
		if tier.String() != name {
			t.Errorf("%d is called %q, want %q", tier, tier, name)
		}
		got, err := kernels.ParseTier(name)
		if got != tier || (err == nil) != can[tier] {
			t.Errorf("ParseTier(%q) = %v, %v; Tiers() = %v", name, got, err, kernels.Tiers())
		}
		if err != nil && !strings.Contains(err.Error(), name+" cannot run here: ") {
			t.Errorf("ParseTier(%q): %q does not say what is missing", name, err)
		}
	}
	_, err := kernels.ParseTier("sse9")
	if err == nil {
		t.Fatal("sse9 was accepted")
	}
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not list %s", err, name)
		}
	}
	if s := kernels.Tier(200).String(); s != "Tier(200)" {
		t.Errorf("Tier(200) is called %q", s)
	}
}

// A tier that GAUSSFLOW_SIMD names is the active one, or an error says why not; without it the best one is active.
func TestTierForced(t *testing.T) {
	active, err := kernels.Active()
	want, wantErr := kernels.Best(), error(nil)
	if name := os.Getenv(kernels.EnvTier); strings.TrimSpace(name) != "" {
		want, wantErr = kernels.ParseTier(name)
	}
	if wantErr != nil || err != nil {
		t.Fatalf("%s=%q: Active() = %v, %v; ParseTier: %v", kernels.EnvTier, os.Getenv(kernels.EnvTier), active, err, wantErr)
	}
	if active != want {
		t.Errorf("the active tier is %v, want %v", active, want)
	}
	// The package functions use it.
	a, b := []float64{0}, []float64{0}
	kernels.NormCDF(a, []float64{1})
	active.NormCDF(b, []float64{1})
	if a[0] != b[0] {
		t.Errorf("NormCDF(1) = %v, on the active tier %v", a[0], b[0])
	}
}

// panics returns what f panics with, as text.
func panics(f func()) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprint(p)
		}
	}()
	f()
	return ""
}

// Slices whose lengths do not agree are the caller's mistake.
func TestLengthsPanic(t *testing.T) {
	eachKernel(t, func(t *testing.T, k *kerneltest.Kernel) {
		s := kerneltest.Shape{N: 6, K: 3, Stride: 7, DstStride: 8}
		if !k.Components() {
			s = kerneltest.Shape{N: 6, K: 1, Stride: 6, DstStride: 6}
		}
		args := kerneltest.Fill(k, s, kerneltest.NewRandom(5, true))
		perSample := 0
		for _, a := range k.Args {
			if a.Layout == kerneltest.PerSample {
				perSample++
			}
		}
		for _, tier := range kernels.Tiers() {
			if p := panics(func() { k.Run(tier, s, args) }); p != "" {
				t.Fatalf("%s panics: %s", tier, p)
			}
			for i, a := range k.Args {
				if a.Layout == kerneltest.One || a.Layout == kerneltest.Five || a.Layout == kerneltest.PerSample && perSample == 1 {
					continue // there is no other length for it to agree with
				}
				for _, wrong := range [][]float64{args[i][:len(args[i])-1], {}, nil} {
					if wrong == nil && slices.Contains(k.Nilable, i) {
						continue
					}
					bad := slices.Clone(args)
					bad[i] = wrong
					if p := panics(func() { k.Run(tier, s, bad) }); !strings.HasPrefix(p, "kernels: ") {
						t.Errorf("%s: %s of length %d instead of %d: panic %q", tier, a.Name, len(wrong), len(args[i]), p)
					}
				}
			}
		}
	})
}

func TestStridesPanic(t *testing.T) {
	eachKernel(t, func(t *testing.T, k *kerneltest.Kernel) {
		s := kerneltest.Shape{N: 6, K: 3, Stride: 6, DstStride: 6}
		args := kerneltest.Fill(k, s, kerneltest.NewRandom(5, true))
		var bad []kerneltest.Shape
		for _, a := range k.Args {
			switch a.Layout {
			case kerneltest.PerBoth:
				bad = append(bad, kerneltest.Shape{N: 6, K: 3, Stride: 5, DstStride: 6}, kerneltest.Shape{N: 6, K: 0, Stride: 6, DstStride: 6},
					kerneltest.Shape{N: 6, K: 4, Stride: 6, DstStride: 6}, kerneltest.Shape{N: 6, K: 3, Stride: math.MinInt, DstStride: 6})
			case kerneltest.PerBothDst:
				bad = append(bad, kerneltest.Shape{N: 6, K: 3, Stride: 6, DstStride: 5})
			}
		}
		for _, tier := range kernels.Tiers() {
			for _, s := range bad {
				if p := panics(func() { k.Run(tier, s, args) }); !strings.HasPrefix(p, "kernels: ") {
					t.Errorf("%s: %+v: panic %q", tier, s, p)
				}
			}
		}
	})
}
