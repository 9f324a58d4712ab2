package fuzz

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/gaussflow/gaussflow/internal/kerneltest"
	"github.com/gaussflow/gaussflow/kernels"
)

// encode is the inverse of kerneltest.NewBytes: two bytes for an int, eight for a float64.
func encode(numbers ...any) []byte {
	var b []byte
	for _, v := range numbers {
		switch v := v.(type) {
		case int:
			b = binary.LittleEndian.AppendUint16(b, uint16(v))
		case float64:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
	}
	return b
}

// FuzzKernelTiers holds every kernel on every tier to the bits of the reference: arbitrary bytes as numbers, any length,
// number of components, stride and alignment, inputs that are also outputs, and outputs that are nil.
func FuzzKernelTiers(f *testing.F) {
	for i := range kerneltest.Kernels {
		f.Add(uint8(i), uint8(13+i), uint8(i), uint8(i), uint8(i), encode(0.5, -1.25, math.Inf(1), 3.0, math.NaN(), -38.5, 1e-310, 2.0, 0.7, 1e200, -0.001))
		f.Add(uint8(i), uint8(255-i), uint8(7), uint8(16+i), uint8(3*i), encode(0.25, -0.75, 1.5, 0.001, -3.0, 6.0, 0.5))
	}
	f.Fuzz(func(t *testing.T, kernel, n, k, flags, offset uint8, data []byte) {
		kn := &kerneltest.Kernels[int(kernel)%len(kerneltest.Kernels)]
		s := kerneltest.Shape{N: int(n), K: 1, Stride: int(n), DstStride: int(n)}
		if kn.Components() {
			s = kerneltest.Shape{N: int(n), K: 1 + int(k)%20, Stride: int(n) + int(flags&3), DstStride: int(n) + int(flags>>2&3)}
		}
		var call kerneltest.Call
		if len(kn.Aliases) > 0 && flags&16 != 0 {
			pair := kn.Aliases[int(flags>>5)%len(kn.Aliases)]
			call.Alias = pair[:]
			s.DstStride = s.Stride
		} else if len(kn.Nilable) > 0 && flags&32 != 0 {
			call.Nil = kn.Nilable[:1+int(flags>>6)%len(kn.Nilable)]
		}
		call.Place = func(i, n int) []float64 {
			gap := int(offset>>(i%4)) % 8 // differs between the arguments
			return make([]float64, n+8)[gap : gap+n : gap+n]
		}
		args := kerneltest.Fill(kn, s, kerneltest.NewBytes(data))
		want := kerneltest.Run(kn, kernels.Generic, s, args)
		for _, tier := range kernels.Tiers() {
			if err := kerneltest.Compare(kn, tier, s, args, want, call); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzKernelAccuracy looks for an input at which a kernel is further from the truth, in big.Float arithmetic, than the
// package documentation promises.
func FuzzKernelAccuracy(f *testing.F) {
	for i := range kerneltest.Accuracies {
		for _, x := range []float64{0.5, -0.01, 38, -37, 1e-300, 1e-10, 0.999, 700} {
			f.Add(uint8(i), encode(x))
			f.Add(uint8(i), encode(2, 0.3, -1.0, 0.5, 0.7, 2.0, 0.01, 0.0, 0.0, 1.0, x, x))
			f.Add(uint8(i), encode(0, 1.0, x, 0.37, 1, x))
		}
	}
	f.Fuzz(func(t *testing.T, row uint8, data []byte) {
		a := &kerneltest.Accuracies[int(row)%len(kerneltest.Accuracies)]
		in := a.Draw(kerneltest.NewBytes(data))
		for _, tier := range kernels.Tiers() {
			if e := a.Error(tier, in); !(e <= a.Limit) {
				t.Errorf("%s on %s: error %.3f %s at %v, the limit is %g", a.Name, tier, e, a.Unit, in, a.Limit)
			}
		}
	})
}

// FuzzMixtureLaws puts arbitrary mixtures and samples to the laws that hold for all of them.
func FuzzMixtureLaws(f *testing.F) {
	for i := range kerneltest.MixtureLaws {
		f.Add(uint8(i), uint8(2), encode(0.5, -1.0, 1.0, 0.25, 0.25, 3.0, 0.25, 0.0, 0.01, 0, 1.0, 1, -7.5, 2, 300.0))
		f.Add(uint8(i), uint8(0), encode(1.0, 0.0, 1.0, 0, 0.1, 0, 37.0, 0, -900.0))
		// A narrow component beside a wide one, and two that change places in the tail.
		f.Add(uint8(i), uint8(1), encode(0.5, -1.0, 1e-3, 0.5, 1.0, 1e3, 1, 45.0, 1, -999.0, 0, 0.1))
		f.Add(uint8(i), uint8(1), encode(0.9619, 3.8958, 0.3973, 0.0381, 9.952, 0.2781, 0, 50.6, 0, -50.6, 1, 50.0))
	}
	f.Fuzz(func(t *testing.T, law, k uint8, data []byte) {
		src := kerneltest.NewBytes(data)
		l := &kerneltest.MixtureLaws[int(law)%len(kerneltest.MixtureLaws)]
		m := kerneltest.DrawMixture(src, 1+int(k)%12)
		x := kerneltest.DrawSamples(src, m, 8, 1000)
		for _, tier := range kernels.Tiers() {
			if _, err := l.Check(tier, m, x); err != nil {
				t.Errorf("%s: %v", l.Name, err)
			}
		}
	})
}

// FuzzSoftmax checks softmax against exact arithmetic, its sum, and that a common summand does not matter.
func FuzzSoftmax(f *testing.F) {
	f.Add(uint8(0), encode(1.0))
	f.Add(uint8(3), encode(0.5, -0.25, 3.0, -700.0))
	f.Add(uint8(63), encode(1.0, -1.0, 0.0, 2.5, 1e4, -1e4, 745.0))
	f.Fuzz(func(t *testing.T, k uint8, data []byte) {
		src := kerneltest.NewBytes(data)
		logit := make([]float64, 1+int(k)%64)
		for j := range logit {
			logit[j] = src.Float(kerneltest.Logit)
		}
		for _, tier := range kernels.Tiers() {
			if _, err := kerneltest.SoftmaxLaw(tier, logit); err != nil {
				t.Error(err)
			}
		}
	})
}
