package kerneltest

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"github.com/gaussflow/gaussflow/kernels"
)

// Source makes the numbers that a call is filled with.
type Source interface {
	// Float returns a number of the role's domain.
	Float(r Role) float64
	// Choose returns a number in [0, n).
	Choose(n int) int
}

// Special are the numbers that break kernels: what IEEE 754 singles out, and the seams of the algorithms.
var Special = special()

func special() []float64 {
	positive := []float64{
		0, 0x1p-1074, 3 * 0x1p-1074, 0x1p-1023, 0x1p-1022, math.MaxFloat64, math.Inf(1),
		1, 0.5, 2, 3, 0x1p-7, 0x1p-54, 1e-300, 1e300, 1e150, 1e-150, 0x1p52, 0x1p53, 0x1p63,
		math.Sqrt2, math.Sqrt2 / 2, // the logarithm's interval
		0.625, 20, // tanh
		709.782712893384, 710, 745.1332191019412, 750, // exp
		8.2923610758135, 37.5193793471445, 38.4674056171443, // Φ: 1, the last normal number, 0
		39, 42.386762, 42.38676, 33, 36, // the far path, in σ and in base two
	}
	var all []float64
	for _, v := range positive {
		for _, w := range []float64{v, math.Nextafter(v, 0), math.Nextafter(v, math.Inf(1))} {
			all = append(all, w, -w)
		}
	}
	return append(all, math.NaN(), math.Copysign(math.NaN(), -1), math.Float64frombits(0x7ff0000000000001), math.Float64frombits(0xffffffffffffffff))
}

// fraction makes a number in [0, 1) of 64 bits.
func fraction(bits uint64) float64 { return float64(bits>>11) * 0x1p-53 }

// Fold returns v if it lies in the role's domain, and something that does if not.
func Fold(r Role, v float64) float64 {
	f := fraction(math.Float64bits(v) << 12)
	switch r {
	case Total:
		if !(math.Abs(v) <= 1e300) {
			return 2048 * (f - 0.5)
		}
	case Moment:
		if !(v >= 0 && v <= 1e300) {
			return f
		}
	case Weight:
		if !(v >= 0 && v <= 1) {
			return f
		}
	case Mean:
		if !(math.Abs(v) <= 1e150) {
			return 64 * (f - 0.5)
		}
	case Scale:
		if !(v >= 1e-60 && v <= 1e60) {
			return math.Ldexp(1+f, int(math.Float64bits(v)>>52&15)-8)
		}
	case Bound:
		if !(v >= 0 && v <= 100) {
			return 8 * f
		}
	case Share:
		if !(v >= 0x1p-20 && v <= 1) {
			return math.Ldexp(1+f, -int(math.Float64bits(v)>>52&15)-1)
		}
	case Slope:
		if !(v >= 0x1p-20 && v <= 0x1p20) {
			return math.Ldexp(1+f, int(math.Float64bits(v)>>52&15)-8)
		}
	case Edge:
		if !(v >= 0x1p-10 && v <= 0x1p10) {
			return math.Ldexp(1+f, int(math.Float64bits(v)>>52&7)-1)
		}
	case Floor:
		if !(v >= 0 && v <= 0x1p-8) {
			return 0x1p-8 * f
		}
	case Step:
		return f
	}
	return v
}

// Random is a Source of seeded numbers: the bulk, the tails and the seams. Its arithmetic is exact or rounds once, so
// that it makes the same numbers on every machine.
type Random struct {
	*rand.PCG
	Tame bool // no infinities, no NaN, nothing huge: for sums, which one NaN would blind
}

// NewRandom returns the source of that seed.
func NewRandom(seed uint64, tame bool) *Random { return &Random{rand.NewPCG(seed, 0x5eed), tame} }

// Choose implements Source.
func (r *Random) Choose(n int) int { return int(r.Uint64() >> 1 % uint64(n)) }

func (r *Random) unit() float64 { return fraction(r.Uint64()) }

// bulk is nearly normal.
func (r *Random) bulk() float64 { return 1.75 * (r.unit() + r.unit() + r.unit() + r.unit() - 2) }

// wide has a random exponent in [lo, hi), and a random sign.
func (r *Random) wide(lo, hi int) float64 {
	v := math.Ldexp(1+r.unit(), lo+r.Choose(hi-lo))
	if r.Uint64()&1 != 0 {
		return -v
	}
	return v
}

// Float implements Source.
func (r *Random) Float(role Role) float64 { return Fold(role, r.any(role)) }

func (r *Random) any(role Role) float64 {
	pick := r.Choose(16)
	if !r.Tame {
		switch pick {
		case 0:
			return math.Float64frombits(r.Uint64())
		case 1:
			return Special[r.Choose(len(Special))]
		}
	}
	switch role {
	case Real, Latent:
		switch pick {
		case 2, 3, 4:
			return r.wide(-8, 6)
		case 5:
			return r.wide(5, 6) + r.unit() // the far end of the normal tails: 32 to 65
		case 6:
			return 0.5 * float64(r.Choose(33)-16)
		case 7:
			if !r.Tame {
				return r.wide(-60, 12)
			}
		}
		return 3 * r.bulk()
	case Prob:
		switch {
		case pick < 6:
			return math.Abs(r.wide(-60, 0))
		case pick < 8:
			return math.Abs(r.wide(-1074, 0))
		case pick < 10:
			return 1 - math.Abs(r.wide(-60, -1))
		}
		return r.unit()
	case Weight:
		if pick < 3 {
			return 0
		}
		return math.Abs(r.wide(-6, 0))
	case Mean:
		if pick == 2 {
			return r.wide(0, 10)
		}
		return 4 * r.bulk()
	case Scale:
		if pick < 4 {
			return math.Abs(r.wide(-10, 10))
		}
		return math.Abs(r.wide(-3, 2))
	case Share:
		return math.Abs(r.wide(-6, 0))
	case Slope:
		return math.Abs(r.wide(-4, 3))
	case Edge:
		return math.Abs(r.wide(0, 4))
	case Floor:
		if pick < 8 {
			return 0
		}
		return 0x1p-8 * r.unit()
	case Logit:
		if pick == 2 {
			return r.wide(0, 10)
		}
		return 3 * r.bulk()
	case Raw:
		return r.wide(-6, 3)
	case LogDet, Grad, Total:
		if pick == 2 {
			return 0
		}
		return 2 * r.bulk()
	case Moment:
		return math.Abs(r.wide(-30, 3))
	}
	return r.unit() // Bound is folded, Step is a fraction
}

// Bytes is a Source of a fuzzer's bytes, read round and round; zeros if there are none.
type Bytes struct {
	data []byte
	next int
}

// NewBytes returns the source of these bytes.
func NewBytes(data []byte) *Bytes { return &Bytes{data: data} }

func (b *Bytes) take(n int) uint64 {
	var word [8]byte
	if len(b.data) > 0 {
		for i := range n {
			word[i] = b.data[b.next]
			b.next = (b.next + 1) % len(b.data)
		}
	}
	return binary.LittleEndian.Uint64(word[:])
}

// Choose implements Source; n is at most 2^16.
func (b *Bytes) Choose(n int) int { return int(b.take(2)) % n }

// Float implements Source.
func (b *Bytes) Float(r Role) float64 { return Fold(r, math.Float64frombits(b.take(8))) }

// canary fills outputs before a call. No kernel makes this NaN.
var canary = math.Float64frombits(0x7ff4feed_c0ffee00)

// Fill makes the arguments of a call.
func Fill(k *Kernel, s Shape, src Source) [][]float64 {
	args := make([][]float64, len(k.Args))
	for i, a := range k.Args {
		args[i] = make([]float64, s.Len(a.Layout))
		for j := range args[i] {
			if a.Role == Output {
				args[i][j] = canary
			} else {
				args[i][j] = src.Float(a.Role)
			}
		}
		switch a.Role {
		case Weight, Share:
			normalise(args[i], s, a.Layout)
		case Step:
			copy(args[i], []float64{args[i][0], args[i][1], args[i][2], math.Max(args[i][3], 0x1p-60), 1 + math.Floor(0x1p20*args[i][4]*args[i][4])})
		}
	}
	if k.Forward && src.Choose(4) != 0 {
		// z and logDet as the forward map makes them, else anything at all.
		n := len(args) - 6
		m := kernels.PerSampleMixtures{K: s.K, Stride: s.Stride, Weight: args[n+3], Mean: args[n+4], Scale: args[n+5]}
		if k.Args[n+3].Layout == PerBoth {
			kernels.Generic.PerSampleForward(args[n+1], args[n+2], args[n], m)
		} else {
			kernels.Generic.MixtureForward(args[n+1], args[n+2], args[n], kernels.Mixture{Weight: m.Weight, Mean: m.Mean, Scale: m.Scale})
		}
	}
	return args
}

// normalise makes the weights of every mixture sum to 1, nearly.
func normalise(w []float64, s Shape, l Layout) {
	n, stride := 1, 1
	if l == PerBoth {
		n, stride = s.N, s.Stride
	}
	for i := range n {
		sum := 0.0
		for k := range s.K {
			sum += w[k*stride+i]
		}
		if sum < 0x1p-900 { // too small to divide by
			w[i] += 1
			sum++
		}
		for k := range s.K {
			w[k*stride+i] /= sum
		}
	}
}
