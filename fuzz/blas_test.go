package fuzz

import (
	"encoding/binary"
	"math"
	"math/big"
	"testing"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/internal/kerneltest"
	"github.com/gaussflow/gaussflow/kernels"
)

// floats reads arbitrary bytes as numbers, as many as there are; next returns 0
// once they are used up.
type floats []byte

func (f *floats) next() float64 {
	if len(*f) < 8 {
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(*f))
	*f = (*f)[8:]
	return v
}

// bounded is next, restricted to numbers whose products neither overflow nor
// lose bits to underflow: the domain of the error bound.
func (f *floats) bounded() float64 {
	v := f.next()
	if a := math.Abs(v); v != 0 && !(a > 1e-100 && a < 1e100) {
		return math.Remainder(float64(math.Float64bits(v)>>12), 1000)
	}
	return v
}

func (f *floats) matrix(rows, cols, pad int) blas.Matrix {
	m := blas.Matrix{Rows: rows, Cols: cols, Stride: max(1, cols+pad)}
	m.Data = make([]float64, rows*m.Stride)
	for i := range m.Data {
		m.Data[i] = f.bounded()
	}
	return m
}

// FuzzGemm compares products of every shape and transposition with exact
// arithmetic, within the bound on the rounding error of any order of summation.
func FuzzGemm(f *testing.F) {
	one := make([]byte, 8)
	binary.LittleEndian.PutUint64(one, math.Float64bits(1))
	f.Add(uint8(0), uint8(1), uint8(1), uint8(1), 1.0, 0.0, one)
	f.Add(uint8(3), uint8(7), uint8(2), uint8(9), -0.5, 1.0, one)
	f.Add(uint8(4+32), uint8(70), uint8(65), uint8(3), 2.0, -1.0, append(one, "12345678"...))
	f.Fuzz(func(t *testing.T, flags, m, n, k uint8, alpha, beta float64, data []byte) {
		rows, cols, inner := int(m)%80, int(n)%80, int(k)%80
		if !(math.Abs(alpha) < 1e100 && math.Abs(beta) < 1e100) ||
			alpha != 0 && math.Abs(alpha) < 1e-100 || beta != 0 && math.Abs(beta) < 1e-100 {
			return // outside the domain of the bound
		}
		in := floats(data)
		tA, tB := blas.NoTrans, blas.NoTrans
		a, b := in.matrix(rows, inner, int(flags>>2&3)), in.matrix(inner, cols, int(flags>>4&3))
		if flags&1 != 0 {
			tA, a = blas.Trans, in.matrix(inner, rows, int(flags>>2&3))
		}
		if flags&2 != 0 {
			tB, b = blas.Trans, in.matrix(cols, inner, int(flags>>4&3))
		}
		before := in.matrix(rows, cols, int(flags>>6))
		c := before
		c.Data = append([]float64(nil), before.Data...)
		blas.Gemm(tA, tB, alpha, a, b, beta, c)

		at := func(t blas.Transpose, m blas.Matrix, i, j int) *big.Float {
			if t == blas.Trans {
				i, j = j, i
			}
			return exact(m.Data[i*m.Stride+j])
		}
		for i := range rows {
			for j := range c.Stride {
				got := c.Data[i*c.Stride+j]
				if j >= cols {
					if math.Float64bits(got) != math.Float64bits(before.Data[i*c.Stride+j]) {
						t.Fatalf("padding at (%d, %d) changed", i, j)
					}
					continue
				}
				want, size := exact(0), exact(0)
				add := func(x, y *big.Float) {
					p := exact(0).Mul(x, y)
					want.Add(want, p)
					size.Add(size, p.Abs(p))
				}
				for l := range inner {
					add(exact(0).Mul(exact(alpha), at(tA, a, i, l)), at(tB, b, l, j))
				}
				add(exact(beta), exact(before.Data[i*before.Stride+j]))
				diff := want.Sub(want, exact(got))
				bound := size.Mul(size, exact(float64(inner+4)*0x1p-52))
				if diff.Abs(diff).Cmp(bound) > 0 {
					t.Fatalf("%c%c %d×%d×%d alpha=%v beta=%v: C(%d, %d) = %v is off by %.3g, beyond %.3g",
						tA, tB, rows, cols, inner, alpha, beta, i, j, got, diff, bound)
				}
			}
		}
	})
}

// FuzzProductTiers holds products of every form on every tier to their definition, bit for bit: arbitrary bytes as numbers and
// as distances of rows. What lies around the matrices must not change.
func FuzzProductTiers(f *testing.F) {
	for i := range 9 {
		f.Add(uint8(i), uint8(64), uint8(100), encode(0, 1, 0, 1, 0.5, -1.25, math.Inf(1), 3.0, math.NaN(), -38.5))
		f.Add(uint8(33-i), uint8(i), uint8(9+i), encode(i, 2, 1, 0, 0.25, -0.75, 1.5, 0.001, -3.0, 6.0, 0.5))
		f.Add(uint8(20+i), uint8(24+i), uint8(17), encode(1, i, 0, 0, 7, 0.25, -0.75, math.Copysign(0, -1), 0.001, -3.0, 6.0, 0.5, 39.0))
	}
	f.Fuzz(func(t *testing.T, m, n, k uint8, data []byte) {
		p := kerneltest.DrawProduct(kerneltest.NewBytes(data), int(m)%90, int(n)%90, int(k)%140)
		want := kerneltest.ProductElements(&p)
		const around = 8
		canary := math.Float64frombits(0x7ff4dead_beefcafe)
		for _, tier := range kernels.Tiers() {
			var places [][]float64
			if err := kerneltest.CompareProduct(tier, p, want, func(i, n int) []float64 {
				all := make([]float64, n+2*around)
				for j := range all {
					all[j] = canary
				}
				places = append(places, all)
				from := around - i // alignments differ
				for j := from; j < from+n; j++ {
					all[j] = 0
				}
				return all[from : from+n : from+n]
			}); err != nil {
				t.Error(err)
			}
			for i, all := range places {
				for j, v := range all {
					if (j < around-5 || j >= len(all)-around) && math.Float64bits(v) != math.Float64bits(canary) {
						t.Errorf("%v: %d×%d×%d: %v was written beside argument %d", tier, p.M, p.N, p.K, v, i)
					}
				}
			}
		}
	})
}

// FuzzSyrkUpper compares the upper triangle of a matrix times its transpose with exact arithmetic; nothing else changes.
func FuzzSyrkUpper(f *testing.F) {
	f.Add(uint8(0), uint8(3), uint8(4), 1.0, 0.0, []byte("some bytes that make a few eight-byte numbers......"))
	f.Add(uint8(3), uint8(70), uint8(2), -0.5, 1.0, []byte("12345678abcdefgh"))
	f.Add(uint8(5), uint8(66), uint8(0), 2.0, 3.0, []byte{})
	f.Fuzz(func(t *testing.T, flags, size, k uint8, alpha, beta float64, data []byte) {
		n, inner := int(size)%72, int(k)%40
		if !(math.Abs(alpha) < 1e100 && math.Abs(beta) < 1e100) ||
			alpha != 0 && math.Abs(alpha) < 1e-100 || beta != 0 && math.Abs(beta) < 1e-100 {
			return // outside the domain of the bound
		}
		in := floats(data)
		tA, a := blas.NoTrans, in.matrix(n, inner, int(flags>>2&3))
		if flags&1 != 0 {
			tA, a = blas.Trans, in.matrix(inner, n, int(flags>>2&3))
		}
		at := func(i, l int) float64 {
			if tA == blas.Trans {
				i, l = l, i
			}
			return a.Data[i*a.Stride+l]
		}
		before := in.matrix(n, n, int(flags>>4&3))
		c := before
		c.Data = append([]float64(nil), before.Data...)
		blas.SyrkUpper(tA, alpha, a, beta, c)
		for i := range n {
			for j := range c.Stride {
				got, old := c.Data[i*c.Stride+j], before.Data[i*c.Stride+j]
				if j < i || j >= n {
					if math.Float64bits(got) != math.Float64bits(old) {
						t.Fatalf("%c %d×%d: (%d, %d) is not of the upper triangle, and changed", tA, n, inner, i, j)
					}
					continue
				}
				want := exact(0).Mul(exact(beta), exact(old))
				size := exact(0).Abs(want)
				for l := range inner {
					p := exact(0).Mul(exact(alpha), exact(0).Mul(exact(at(i, l)), exact(at(j, l))))
					want.Add(want, p)
					size.Add(size, p.Abs(p))
				}
				diff := want.Sub(want, exact(got))
				bound := size.Mul(size, exact(float64(inner+4)*0x1p-52))
				if diff.Abs(diff).Cmp(bound) > 0 {
					t.Fatalf("%c %d×%d alpha=%v beta=%v: C(%d, %d) = %v is off by %.3g, beyond %.3g", tA, n, inner, alpha, beta, i, j, got, diff, bound)
				}
			}
		}
	})
}

func exact(v float64) *big.Float { return new(big.Float).SetPrec(400).SetFloat64(v) }

// FuzzSymEig checks the definition: V·Vᵀ is the identity, Vᵀ·diag(values)·V is
// the matrix, values descend; a matrix that is not finite is an error.
func FuzzSymEig(f *testing.F) {
	f.Add(uint8(0), []byte{})
	f.Add(uint8(3), []byte("some bytes that make a few eight-byte numbers......"))
	f.Add(uint8(2), binary.LittleEndian.AppendUint64(nil, math.Float64bits(math.NaN())))
	f.Add(uint8(5), binary.LittleEndian.AppendUint64(nil, math.Float64bits(math.MaxFloat64)))
	f.Fuzz(func(t *testing.T, size uint8, data []byte) {
		n := int(size) % 24
		in := floats(data)
		a := blas.Matrix{Rows: n, Cols: n, Stride: max(1, n), Data: make([]float64, n*n)}
		finite, norm := true, 0.0
		for i := range n {
			for j := i; j < n; j++ {
				v := in.next()
				if math.Abs(v) > 1e300 && !math.IsInf(v, 0) { // the norm must not overflow
					v = math.Mod(v, 1e300)
				}
				a.Data[i*n+j], a.Data[j*n+i] = v, v
				finite = finite && !math.IsNaN(v) && !math.IsInf(v, 0)
				norm = math.Hypot(norm, v*math.Sqrt2)
			}
		}
		v := a
		v.Data = append([]float64(nil), a.Data...)
		values := make([]float64, n)
		if err := blas.SymEig(values, v); (err == nil) != finite {
			t.Fatalf("finite is %v and the error %v", finite, err)
		}
		if !finite {
			return
		}
		tol := 20 * float64(n) * 0x1p-52
		for i := range n {
			if i > 0 && values[i] > values[i-1] {
				t.Fatalf("values %v do not descend", values)
			}
			for j := range n {
				var dot, rebuilt float64
				for l := range n {
					dot += v.Data[i*n+l] * v.Data[j*n+l]
					rebuilt += v.Data[l*n+i] * values[l] * v.Data[l*n+j]
				}
				if i == j {
					dot--
				}
				if !(math.Abs(dot) <= tol) {
					t.Fatalf("n=%d: rows %d and %d are off orthonormal by %.3g", n, i, j, dot)
				}
				if !(math.Abs(rebuilt-a.Data[i*n+j]) <= tol*norm+1e-300) {
					t.Fatalf("n=%d: element (%d, %d) is rebuilt as %v, was %v", n, i, j, rebuilt, a.Data[i*n+j])
				}
			}
		}
	})
}
