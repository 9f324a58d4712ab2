package kerneltest

import (
	"fmt"
	"math"
	"slices"

	"github.com/gaussflow/gaussflow/internal/kerneltest/ulp"
	"github.com/gaussflow/gaussflow/kernels"
)

// Run calls the kernel on a tier with copies of the arguments, and returns them after the call.
func Run(k *Kernel, t kernels.Tier, s Shape, args [][]float64) [][]float64 {
	after := make([][]float64, len(args))
	for i := range args {
		after[i] = slices.Clone(args[i])
	}
	k.Run(t, s, after)
	return after
}

// Call is how a tier is called.
type Call struct {
	// Place returns memory for argument i, n numbers; nil means make.
	Place func(i, n int) []float64
	// Alias is the pair of arguments that are to be one slice, the output first; nil for none.
	Alias []int
	// Nil lists the outputs that are to be nil.
	Nil []int
}

// Compare calls the kernel on a tier and returns an error unless everything is, bit for bit, as the reference left it:
// want is Run's result on Generic. Any NaN is as good as any other.
func Compare(k *Kernel, t kernels.Tier, s Shape, args, want [][]float64, c Call) error {
	place := c.Place
	if place == nil {
		place = func(_, n int) []float64 { return make([]float64, n) }
	}
	got := make([][]float64, len(args))
	for i := range args {
		if slices.Contains(c.Nil, i) || c.Alias != nil && i == c.Alias[0] {
			continue
		}
		got[i] = place(i, len(args[i]))
		copy(got[i], args[i])
	}
	if c.Alias != nil {
		got[c.Alias[0]] = got[c.Alias[1]]
	}
	k.Run(t, s, got)
	for i := range args {
		if got[i] == nil || c.Alias != nil && i == c.Alias[1] {
			continue
		}
		reads := k.Args[i].Role != Output && !k.Args[i].Update
		for j, w := range want[i] {
			g := got[i][j]
			if ulp.Same(g, w) && (!reads || math.Float64bits(g) == math.Float64bits(args[i][j])) {
				continue
			}
			if c.Alias != nil && i == c.Alias[0] && math.Float64bits(w) == math.Float64bits(canary) {
				continue // between the rows of an output that is also the input
			}
			return fmt.Errorf("%s on %s, n=%d K=%d stride=%d: %s[%d] = %v (%#016x), want %v (%#016x)%s", k.Name, t, s.N, s.K, s.Stride,
				k.Args[i].Name, j, g, math.Float64bits(g), w, math.Float64bits(w), k.describe(s, args, i, j))
		}
	}
	return nil
}

// describe lists what went into entry j of argument i.
func (k *Kernel) describe(s Shape, args [][]float64, i, j int) string {
	sample := j
	switch k.Args[i].Layout {
	case PerBoth, PerKnot:
		sample = j % s.Stride
	case PerBothDst, PerKnotDst:
		sample = j % s.DstStride
	case PerSample:
	default:
		return ""
	}
	if sample >= s.N {
		return ""
	}
	text := ";"
	one, _ := Sample(k, s, args, sample)
	for a, v := range one {
		if k.Args[a].Role != Output {
			text += fmt.Sprintf(" %s=%v", k.Args[a].Name, v)
		}
	}
	return text
}

// Sample returns the arguments of a call with sample i alone.
func Sample(k *Kernel, s Shape, args [][]float64, i int) ([][]float64, Shape) {
	one := make([][]float64, len(args))
	for a := range args {
		switch k.Args[a].Layout {
		case PerSample:
			one[a] = []float64{args[a][i]}
		case PerBoth:
			for c := range s.K {
				one[a] = append(one[a], args[a][c*s.Stride+i])
			}
		case PerBothDst:
			for c := range s.K {
				one[a] = append(one[a], args[a][c*s.DstStride+i])
			}
		case PerKnot:
			for c := range s.K - 1 {
				one[a] = append(one[a], args[a][c*s.Stride+i])
			}
		case PerKnotDst:
			for c := range s.K - 1 {
				one[a] = append(one[a], args[a][c*s.DstStride+i])
			}
		default:
			one[a] = slices.Clone(args[a])
		}
	}
	return one, Shape{1, s.K, 1, 1}
}
