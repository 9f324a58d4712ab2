//go:build !purego

package asm

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"
)

//go:noescape
func neonOp(op int, v *[3][2]uint64)

// pair is a vector register, as bits.
type pair = [2]uint64

// bits is a reference that treats elements alike; s is the shift.
func bits(f func(d, n, m uint64, s int) uint64) func(d, n, m pair, s int) pair {
	return func(d, n, m pair, s int) pair {
		return pair{f(d[0], n[0], m[0], s), f(d[1], n[1], m[1], s)}
	}
}

func floats(f func(d, n, m float64) float64) func(d, n, m pair, s int) pair {
	return bits(func(d, n, m uint64, _ int) uint64 {
		return math.Float64bits(f(math.Float64frombits(d), math.Float64frombits(n), math.Float64frombits(m)))
	})
}

func mask(holds bool) uint64 {
	if holds {
		return math.MaxUint64
	}
	return 0
}

func compare(f func(n, m float64) bool) func(d, n, m pair, s int) pair {
	return bits(func(_, n, m uint64, _ int) uint64 {
		return mask(f(math.Float64frombits(n), math.Float64frombits(m)))
	})
}

// number prefers a number to a quiet NaN.
func number(f func(n, m float64) float64) func(d, n, m float64) float64 {
	quiet := func(x float64) bool { return math.IsNaN(x) && math.Float64bits(x)&(1<<51) != 0 }
	return func(_, n, m float64) float64 {
		switch {
		case quiet(n) && !math.IsNaN(m):
			return m
		case quiet(m) && !math.IsNaN(n):
			return n
		}
		return f(n, m)
	}
}

func fma(d, n, m float64) float64 { return math.FMA(n, m, d) }
func fms(d, n, m float64) float64 { return math.FMA(-n, m, d) }
func mul(_, n, m float64) float64 { return n * m }

// neonReference says in Go what each macro does to d. The last argument is the macro's constant, if it has one; memory
// holds d, n and m.
var neonReference = map[string]func(d, n, m pair, s int) pair{
	"LDR_Q": func(d, n, m pair, o int) pair { return []pair{d, n, m}[o/16] },
	"STR_Q": func(d, n, m pair, o int) pair { return d },

	"FADD_D2": floats(func(_, n, m float64) float64 { return n + m }),
	"FSUB_D2": floats(func(_, n, m float64) float64 { return n - m }),
	"FMUL_D2": floats(mul),
	"FDIV_D2": floats(func(_, n, m float64) float64 { return n / m }),
	"FMLA_D2": floats(fma),
	"FMLS_D2": floats(fms),

	"FMAX_D2":   floats(func(_, n, m float64) float64 { return max(n, m) }),
	"FMIN_D2":   floats(func(_, n, m float64) float64 { return min(n, m) }),
	"FMAXNM_D2": floats(number(func(n, m float64) float64 { return max(n, m) })),
	"FMINNM_D2": floats(number(func(n, m float64) float64 { return min(n, m) })),

	"FCMEQ_D2":  compare(func(n, m float64) bool { return n == m }),
	"FCMGE_D2":  compare(func(n, m float64) bool { return n >= m }),
	"FCMGT_D2":  compare(func(n, m float64) bool { return n > m }),
	"FACGE_D2":  compare(func(n, m float64) bool { return math.Abs(n) >= math.Abs(m) }),
	"FCMEQ0_D2": compare(func(n, _ float64) bool { return n == 0 }),
	"FCMGE0_D2": compare(func(n, _ float64) bool { return n >= 0 }),
	"FCMGT0_D2": compare(func(n, _ float64) bool { return n > 0 }),
	"FCMLE0_D2": compare(func(n, _ float64) bool { return n <= 0 }),
	"FCMLT0_D2": compare(func(n, _ float64) bool { return n < 0 }),

	"FABS_D2":  bits(func(_, n, _ uint64, _ int) uint64 { return n &^ (1 << 63) }),
	"FNEG_D2":  bits(func(_, n, _ uint64, _ int) uint64 { return n ^ 1<<63 }),
	"FSQRT_D2": floats(func(_, n, _ float64) float64 { return math.Sqrt(n) }),
	"SCVTF_D2": bits(func(_, n, _ uint64, _ int) uint64 { return math.Float64bits(float64(int64(n))) }),

	"ADD_D2":   bits(func(_, n, m uint64, _ int) uint64 { return n + m }),
	"SUB_D2":   bits(func(_, n, m uint64, _ int) uint64 { return n - m }),
	"CMEQ_D2":  bits(func(_, n, m uint64, _ int) uint64 { return mask(n == m) }),
	"CMLT0_D2": bits(func(_, n, _ uint64, _ int) uint64 { return mask(int64(n) < 0) }),

	"SHL_D2":  bits(func(_, n, _ uint64, s int) uint64 { return n << s }),
	"SSHR_D2": bits(func(_, n, _ uint64, s int) uint64 { return uint64(int64(n) >> s) }),

	"AND_B16": bits(func(_, n, m uint64, _ int) uint64 { return n & m }),
	"BIC_B16": bits(func(_, n, m uint64, _ int) uint64 { return n &^ m }),
	"ORR_B16": bits(func(_, n, m uint64, _ int) uint64 { return n | m }),
	"ORN_B16": bits(func(_, n, m uint64, _ int) uint64 { return n | ^m }),
	"EOR_B16": bits(func(_, n, m uint64, _ int) uint64 { return n ^ m }),
	"MOV_B16": bits(func(_, n, _ uint64, _ int) uint64 { return n }),
	"BIT_B16": bits(func(d, n, m uint64, _ int) uint64 { return n&m | d&^m }),
	"BIF_B16": bits(func(d, n, m uint64, _ int) uint64 { return n&^m | d&m }),

	"DUP_D2": func(_, n, _ pair, i int) pair { return pair{n[i], n[i]} },
	"UZP1_S4": func(_, n, m pair, _ int) pair {
		pack := func(v pair) uint64 { return v[0]&math.MaxUint32 | v[1]<<32 }
		return pair{pack(n), pack(m)}
	},
}

// Every macro does what Go does, different numbers in the two elements, all combinations of special and other ones.
func TestNEONMacros(t *testing.T) {
	text, err := os.ReadFile("neonop_arm64.s")
	if err != nil {
		t.Fatal(err)
	}
	values := []uint64{0x7ff0000000000001, 0xfff8000000000000, 0x0123456789abcdef, math.MaxUint64, math.MaxInt64, 1 << 63}
	for _, x := range []float64{0, 0x1p-1074, 0x1.8p-1022, 0.1, 0.5, 1, 1. / 3, 1.5, 2.5, 0x1p52 + 1, 0x1.8p52 + 7, 0x1p63, 1e300, math.MaxFloat64, math.Inf(1)} {
		values = append(values, math.Float64bits(x), math.Float64bits(-x))
	}

	run := map[string]bool{}
	cases := regexp.MustCompile(`(?m)^\tCASE\((\w+)\((?:(\d+), )?(M, )?N, D\)\)$`).FindAllStringSubmatch(string(text), -1)
	for op, c := range cases {
		name := c[1]
		s, _ := strconv.Atoi(c[2]) // zero if the macro has no constant
		reference := neonReference[name]
		if reference == nil {
			t.Errorf("no reference for %s", name)
			continue
		}
		run[name] = true
	operands:
		for i, x := range values {
			for j, y := range values {
				for k, z := range values {
					v := [3]pair{{z, values[(i+1)%len(values)]}, {x, values[(j+1)%len(values)]}, {y, values[(k+1)%len(values)]}}
					want := reference(v[0], v[1], v[2], s)
					got := v
					neonOp(op, &got)
					if name == "STR_Q" && got[s/16] != v[0] || !same(got[0][0], want[0]) || !same(got[0][1], want[1]) {
						t.Errorf("%s, constant %d, d, n, m = %x: %x, want %x", name, s, v, got[0], want)
						break operands
					}
				}
			}
		}
	}
	for _, m := range neonMacros(t) {
		if !run[m.name] {
			t.Errorf("%s was not run", m.name)
		}
	}
}

// same compares bits, but for the payload of a NaN.
func same(a, b uint64) bool {
	return a == b || math.IsNaN(math.Float64frombits(a)) && math.IsNaN(math.Float64frombits(b))
}
