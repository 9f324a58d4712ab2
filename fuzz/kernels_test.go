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

// mostLanes is more than a tile of the kernels holds, and no multiple of anything.
const mostLanes = 1131

// FuzzKernelTiers holds every kernel on every tier to the bits of the reference: arbitrary bytes as numbers, any length,
// number of components, stride and alignment, inputs that are also outputs, and outputs that are nil. What lies around
// the arguments must not change.
func FuzzKernelTiers(f *testing.F) {
	for i := range kerneltest.Kernels {
		f.Add(uint8(i), uint16(13+i), uint8(i), uint8(i), uint8(i), encode(0.5, -1.25, math.Inf(1), 3.0, math.NaN(), -38.5, 1e-310, 2.0, 0.7, 1e200, -0.001))
		f.Add(uint8(i), uint16(255-i), uint8(7), uint8(16+i), uint8(3*i), encode(0.25, -0.75, 1.5, 0.001, -3.0, 6.0, 0.5))
		f.Add(uint8(i), uint16(mostLanes-1-i), uint8(1), uint8(32+i), uint8(i), encode(0.25, -0.75, 1.5, 0.001, -3.0, 6.0, 0.5, 39.0))
	}
	f.Fuzz(func(t *testing.T, kernel uint8, n uint16, k, flags, offset uint8, data []byte) {
		kn := &kerneltest.Kernels[int(kernel)%len(kerneltest.Kernels)]
		lanes := int(n) % mostLanes
		s := kerneltest.Shape{N: lanes, K: 1, Stride: lanes, DstStride: lanes}
		if kn.Components() {
			s = kerneltest.Shape{N: lanes, K: 1 + int(k)%20, Stride: lanes + int(flags&3), DstStride: lanes + int(flags>>2&3)}
		}
		var call kerneltest.Call
		if len(kn.Aliases) > 0 && flags&16 != 0 {
			pair := kn.Aliases[int(flags>>5)%len(kn.Aliases)]
			call.Alias = pair[:]
			s.DstStride = s.Stride
		} else if flags&32 != 0 {
			for i, output := range kn.Nilable { // any of them, at least one
				if (1+int(flags>>6))>>i&1 != 0 || len(kn.Nilable) == 1 {
					call.Nil = append(call.Nil, output)
				}
			}
		}
		const around = 8
		canary := math.Float64frombits(0x7ff4dead_beefcafe)
		type place struct {
			all       []float64
			from, end int
		}
		var places []place
		call.Place = func(i, n int) []float64 {
			gap := int(offset>>(i%4)) % 8 // differs between the arguments
			p := place{make([]float64, n+2*around), gap + 1, gap + 1 + n}
			for i := range p.all {
				p.all[i] = canary
			}
			places = append(places, p)
			return p.all[p.from:p.end:p.end]
		}
		args := kerneltest.Fill(kn, s, kerneltest.NewBytes(data))
		want := kerneltest.Run(kn, kernels.Generic, s, args)
		for _, tier := range kernels.Tiers() {
			places = places[:0]
			if err := kerneltest.Compare(kn, tier, s, args, want, call); err != nil {
				t.Error(err)
			}
			for _, p := range places {
				for i, v := range p.all {
					if (i < p.from || i >= p.end) && math.Float64bits(v) != math.Float64bits(canary) {
						t.Errorf("%s on %s, n=%d K=%d: %v was written %d numbers from the start of a slice of %d", kn.Name, tier, s.N, s.K, v, i-p.from, p.end-p.from)
					}
				}
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

// FuzzWideMixtureLaws puts mixtures from all of the kernels' domain to the laws that hold there.
func FuzzWideMixtureLaws(f *testing.F) {
	for i := range kerneltest.WideLaws {
		// Weights, with means and scales that are not used; the means and scales that are; samples.
		f.Add(uint8(i), uint8(2), encode(0.36, 0.0, 1.0, 0.12, 0.0, 1.0, 0.52, 0.0, 1.0, -9.4e35, 4.6e36, 3.5e9, 5.3e9, -2.6, 1.3e5, 0, 0.2039, 1, 3.5, 2, -1e9, 0, 0.203))
		f.Add(uint8(i), uint8(1), encode(0.54, 0.0, 1.0, 0.46, 0.0, 1.0, -16.0, 4e-3, 2.8e59, 3.9e-3, 0, 0.0, 0, -1.0, 1, 0.5))
		f.Add(uint8(i), uint8(1), encode(0.5, 0.0, 1.0, 0.5, 0.0, 1.0, 2.3e59, 1e-60, -1e-59, 1e60, 0, 0.5, 1, -7.5, 1, 25.0))
	}
	f.Fuzz(func(t *testing.T, law, k uint8, data []byte) {
		src := kerneltest.NewBytes(data)
		l := &kerneltest.WideLaws[int(law)%len(kerneltest.WideLaws)]
		m := kerneltest.DrawWideMixture(src, 1+int(k)%6)
		x := kerneltest.DrawSamples(src, m, 8, 1000)
		for _, tier := range kernels.Tiers() {
			if _, err := l.Check(tier, m, x); err != nil {
				t.Errorf("%s: %v", l.Name, err)
			}
		}
	})
}

// FuzzSplineLaws puts arbitrary splines and samples to the laws that hold for all of them.
func FuzzSplineLaws(f *testing.F) {
	f.Add(encode(2, 4.0, 0.0, 0.25, 0.5, 0.25, 0.5, 0.25, 0.25, 0.5, 2.0, 0.3, -1.0, 2.0, 3.0))
	f.Add(encode(7, 0.5, 0.001, 0.1, 0.9, 0.01, 0.3, 128.0, 1.0/128, 1e-9, 0.49))
	f.Fuzz(func(t *testing.T, data []byte) {
		src := kerneltest.NewBytes(data)
		in := kerneltest.DrawSpline(src)
		x := make([]float64, 8)
		for i := range x {
			x[i] = src.Float(kerneltest.Real)
		}
		for _, tier := range kernels.Tiers() {
			if _, err := kerneltest.SplineLaw(tier, in, x); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzNormalLaws puts arbitrary numbers to the laws of the functions of one number.
func FuzzNormalLaws(f *testing.F) {
	f.Add(encode(0.0, 1.0, -1.0, 0.5, 37.0, -37.0, 8.3, 1e-10))
	f.Add(encode(-40.0, 1e300, 710.0, -745.0, 5e-324, 0.625, math.Sqrt2))
	f.Fuzz(func(t *testing.T, data []byte) {
		src := kerneltest.NewBytes(data)
		x := make([]float64, 1+min(len(data)/8, 64))
		for i := range x {
			x[i] = src.Float(kerneltest.Real)
		}
		for _, tier := range kernels.Tiers() {
			if _, err := kerneltest.NormalLaws(tier, x); err != nil {
				t.Error(err)
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
		size := 1 + int(k)%64
		if k >= 64 {
			size *= 1 + int(k)/16 // up to 1024
		}
		logit := make([]float64, size)
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
