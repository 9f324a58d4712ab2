package blas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

const eps = 0x1p-52

// filler stands in the padding between a row's end and the next row, and
// outside the triangle of a symmetric matrix: nobody may read or write it.
var filler = math.Float64frombits(0x7ff8_0000_dead_beef)

func newMatrix(rows, cols, pad int) Matrix {
	m := Matrix{Rows: rows, Cols: cols, Stride: max(1, cols+pad)}
	m.Data = make([]float64, rows*m.Stride)
	for i := range m.Data {
		m.Data[i] = filler
	}
	return m
}

func randMatrix(rng *rand.Rand, rows, cols, pad int) Matrix {
	m := newMatrix(rows, cols, pad)
	for i := range rows {
		for j := range cols {
			m.Data[i*m.Stride+j] = rng.NormFloat64()
		}
	}
	return m
}

func clone(m Matrix) Matrix {
	m.Data = slices.Clone(m.Data)
	return m
}

func at(t Transpose, m Matrix, i, j int) float64 {
	if t == Trans {
		i, j = j, i
	}
	return m.Data[i*m.Stride+j]
}

// exactly returns element (i, j) of alpha·op(A)·op(B) + beta·C by the
// definition, and a bound on the rounding error of any order of summation.
func exactly(tA, tB Transpose, k int, alpha float64, a, b Matrix, beta float64, c Matrix, i, j int) (want, bound float64) {
	for l := range k {
		x, y := at(tA, a, i, l), at(tB, b, l, j)
		want += x * y
		bound += math.Abs(x * y)
	}
	want, bound = alpha*want, math.Abs(alpha)*bound
	if beta != 0 {
		want += beta * at(NoTrans, c, i, j)
		bound += math.Abs(beta * at(NoTrans, c, i, j))
	}
	return want, float64(k+4) * eps * bound
}

// sizes cross every special shape (0 and 1), the blocks of the gonum backend, and
// the edges of vector registers.
var sizes = []int{0, 1, 2, 3, 8, 17, 63, 65, 200}

func TestGemm(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, tA := range []Transpose{NoTrans, Trans} {
		for _, tB := range []Transpose{NoTrans, Trans} {
			for _, m := range sizes {
				for _, n := range sizes {
					for _, k := range sizes {
						checkGemm(t, rng, tA, tB, m, n, k)
					}
				}
			}
			checkGemm(t, rng, tA, tB, 67, 67, 1100)
		}
	}
}

func checkGemm(t *testing.T, rng *rand.Rand, tA, tB Transpose, m, n, k int) {
	t.Helper()
	pad := func() int { return rng.IntN(3) * rng.IntN(3) }
	a, b := randMatrix(rng, m, k, pad()), randMatrix(rng, k, n, pad())
	if tA == Trans {
		a = randMatrix(rng, k, m, pad())
	}
	if tB == Trans {
		b = randMatrix(rng, n, k, pad())
	}
	alpha := []float64{0, 1, -1, 1.25}[rng.IntN(4)]
	beta := []float64{0, 1, -0.5}[rng.IntN(3)]
	before := randMatrix(rng, m, n, pad())
	if beta == 0 { // C is not read: it may hold NaN
		before = newMatrix(m, n, before.Stride-n)
	}
	c := clone(before)
	Gemm(tA, tB, alpha, a, b, beta, c)
	for i := range m {
		for j := range c.Stride {
			got := c.Data[i*c.Stride+j]
			if j >= n {
				if math.Float64bits(got) != math.Float64bits(filler) {
					t.Fatalf("%c%c %d×%d×%d: padding of C at (%d, %d) became %v", tA, tB, m, n, k, i, j, got)
				}
				continue
			}
			want, bound := exactly(tA, tB, k, alpha, a, b, beta, before, i, j)
			if !(math.Abs(got-want) <= bound) {
				t.Fatalf("%c%c %d×%d×%d alpha=%v beta=%v: C(%d, %d) = %v, want %v within %.3g",
					tA, tB, m, n, k, alpha, beta, i, j, got, want, bound)
			}
		}
	}
}

// The coupling flow equals the diagonal flow bit for bit because of this.
func TestGemmZeroKernelKeepsBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, m := range sizes {
		for _, n := range sizes {
			for _, k := range sizes {
				a, b := newMatrix(m, k, 0), randMatrix(rng, k, n, 1)
				clear(a.Data)
				for i := range b.Data {
					b.Data[i] *= math.Exp(100 * rng.NormFloat64())
				}
				before := randMatrix(rng, m, n, 2)
				for i := range m {
					for j := range n {
						before.Data[i*before.Stride+j] *= math.Exp(100 * rng.NormFloat64())
						if rng.IntN(8) == 0 {
							before.Data[i*before.Stride+j] = math.Copysign([]float64{0, 0x1p-1074, math.MaxFloat64}[rng.IntN(3)], rng.NormFloat64())
						}
					}
				}
				c, ct := clone(before), newMatrix(n, m, 0)
				for i := range m {
					for j := range n {
						ct.Data[j*ct.Stride+i] = before.Data[i*before.Stride+j]
					}
				}
				Gemm(NoTrans, NoTrans, 1, a, b, 1, c)
				Gemm(Trans, Trans, 1, b, a, 1, ct)
				for i := range m {
					for j := range n {
						want := before.Data[i*before.Stride+j]
						for _, got := range []float64{c.Data[i*c.Stride+j], ct.Data[j*ct.Stride+i]} {
							if math.Float64bits(got) != math.Float64bits(want) && !(got == 0 && want == 0) {
								t.Fatalf("%d×%d×%d: C(%d, %d) was %v and became %v", m, n, k, i, j, want, got)
							}
						}
					}
				}
			}
		}
	}
}

func TestSyrkUpper(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, tA := range []Transpose{NoTrans, Trans} {
		for _, n := range sizes {
			for _, k := range append(sizes, 1000) {
				for _, beta := range []float64{0, 1, -0.5} {
					checkSyrkUpper(t, rng, tA, n, k, beta)
				}
			}
		}
	}
}

func checkSyrkUpper(t *testing.T, rng *rand.Rand, tA Transpose, n, k int, beta float64) {
	t.Helper()
	a := randMatrix(rng, n, k, rng.IntN(3))
	if tA == Trans {
		a = randMatrix(rng, k, n, rng.IntN(3))
	}
	alpha := []float64{0, 1, 0.75}[rng.IntN(3)]
	before := newMatrix(n, n, rng.IntN(3))
	if beta != 0 {
		for i := range n {
			for j := i; j < n; j++ {
				before.Data[i*before.Stride+j] = rng.NormFloat64()
			}
		}
	}
	c := clone(before)
	SyrkUpper(tA, alpha, a, beta, c)
	for i := range n {
		for j := range c.Stride {
			got := c.Data[i*c.Stride+j]
			if j < i || j >= n {
				if math.Float64bits(got) != math.Float64bits(filler) {
					t.Fatalf("%c n=%d k=%d: C(%d, %d), outside the triangle, became %v", tA, n, k, i, j, got)
				}
				continue
			}
			want, bound := exactly(tA, tA^NoTrans^Trans, k, alpha, a, a, beta, before, i, j)
			if !(math.Abs(got-want) <= bound) {
				t.Fatalf("%c n=%d k=%d alpha=%v beta=%v: C(%d, %d) = %v, want %v within %.3g", tA, n, k, alpha, beta, i, j, got, want, bound)
			}
		}
	}
}

func TestSyrkUpperAccumulatesBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	const n, d, rows = 257, 9, 50
	x := randMatrix(rng, n, d, 0)
	whole, blocks := newMatrix(d, d, 0), newMatrix(d, d, 0)
	SyrkUpper(Trans, 1, x, 0, whole)
	for i := 0; i < n; i += rows {
		part := Matrix{Rows: min(rows, n-i), Cols: d, Stride: d, Data: x.Data[i*d:]}
		beta := 1.0
		if i == 0 {
			beta = 0
		}
		SyrkUpper(Trans, 1, part, beta, blocks)
	}
	for i := range d {
		for j := i; j < d; j++ {
			got, want := at(NoTrans, blocks, i, j), at(NoTrans, whole, i, j)
			if !(math.Abs(got-want) <= n*eps*n) {
				t.Errorf("(%d, %d): %v in blocks, %v at once", i, j, got, want)
			}
		}
	}
}

func TestSymEig(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	diag := func(v ...float64) Matrix {
		m := newMatrix(len(v), len(v), 1)
		for i := range v {
			for j := i; j < len(v); j++ {
				m.Data[i*m.Stride+j] = 0
			}
			m.Data[i*m.Stride+i] = v[i]
		}
		return m
	}
	// withValues returns QᵀDQ for a random rotation Q, a product of Householder
	// reflections.
	withValues := func(v ...float64) Matrix {
		n := len(v)
		m := diag(v...)
		for i := range n {
			for j := range i {
				m.Data[i*m.Stride+j] = 0
			}
		}
		for range 3 {
			u, norm := make([]float64, n), 0.0
			for i := range u {
				u[i] = rng.NormFloat64()
				norm += u[i] * u[i]
			}
			w, uw := make([]float64, n), 0.0 // w = M·u
			for i := range n {
				for j := range n {
					w[i] += m.Data[i*m.Stride+j] * u[j]
				}
				uw += u[i] * w[i]
			}
			for i := range n {
				for j := range n {
					m.Data[i*m.Stride+j] += -2/norm*(u[i]*w[j]+w[i]*u[j]) + 4*uw/(norm*norm)*u[i]*u[j]
				}
			}
		}
		return m
	}
	// Its tridiagonal form has blocks of very different size, of which the
	// smallest stand for zeros.
	blocks := diag(make([]float64, 11)...)
	for j, v := range map[int]float64{1: 8.720925843766959e+222, 4: 3.881191974242028e+227, 5: 1.2794932957430806e+271, 10: 8.55215617462019e+270} {
		blocks.Data[j] = v
	}
	blocks.Data[blocks.Stride+1] = 5.332739511415213e+270
	for name, test := range map[string]struct {
		a    Matrix
		want []float64 // nil: not known beforehand
	}{
		"blocks":       {blocks, nil},
		"empty":        {diag(), []float64{}},
		"one":          {diag(-3), []float64{-3}},
		"zero":         {diag(0, 0, 0), []float64{0, 0, 0}},
		"identity":     {diag(1, 1, 1, 1, 1), []float64{1, 1, 1, 1, 1}},
		"diagonal":     {diag(1, 5, -2, 4), []float64{5, 4, 1, -2}},
		"repeated":     {withValues(2, 7, 2, 7, 2, -1, -1), []float64{7, 7, 2, 2, 2, -1, -1}},
		"graded":       {withValues(1e-8, 1, 1e-4, 1e4), []float64{1e4, 1, 1e-4, 1e-8}},
		"huge":         {withValues(3e300, 1e300), []float64{3e300, 1e300}},
		"tiny":         {withValues(3e-300, 1e-300), []float64{3e-300, 1e-300}},
		"random 2":     {randMatrix(rng, 2, 2, 3), nil},
		"random 65":    {randMatrix(rng, 65, 65, 0), nil},
		"rank one":     {withValues(make([]float64, 20)...), make([]float64, 20)},
		"random 150":   {randMatrix(rng, 150, 150, 1), nil},
		"covariance 8": {withValues(1, 2, 3, 4, 5, 6, 7, 8), []float64{8, 7, 6, 5, 4, 3, 2, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			n := test.a.Rows
			upper := func(i, j int) float64 { return at(NoTrans, test.a, min(i, j), max(i, j)) }
			scale := 0.0
			for i := range n {
				for j := range n {
					scale = math.Hypot(scale, upper(i, j))
				}
			}
			v := clone(test.a)
			for i := range n { // the lower triangle is not read
				for j := range i {
					v.Data[i*v.Stride+j] = filler
				}
			}
			values := make([]float64, n)
			if err := SymEig(values, v); err != nil {
				t.Fatal(err)
			}
			tol := 10 * float64(n) * eps
			for i := range n {
				if i > 0 && values[i] > values[i-1] {
					t.Errorf("values[%d] = %v above values[%d] = %v: want descending", i, values[i], i-1, values[i-1])
				}
				if test.want != nil && !(math.Abs(values[i]-test.want[i]) <= tol*scale) {
					t.Errorf("values[%d] = %v, want %v", i, values[i], test.want[i])
				}
				for j := range n {
					var dot, rebuilt float64
					for l := range n {
						dot += at(NoTrans, v, i, l) * at(NoTrans, v, j, l)
						rebuilt += at(NoTrans, v, l, i) * values[l] * at(NoTrans, v, l, j)
					}
					if i == j {
						dot--
					}
					if !(math.Abs(dot) <= tol) {
						t.Errorf("rows %d and %d: V·Vᵀ is off the identity by %.3g", i, j, dot)
					}
					if !(math.Abs(rebuilt-upper(i, j)) <= tol*scale) {
						t.Errorf("Vᵀ·diag·V at (%d, %d) is %v, want %v", i, j, rebuilt, upper(i, j))
					}
				}
				for j := n; j < v.Stride; j++ {
					if got := v.Data[i*v.Stride+j]; math.Float64bits(got) != math.Float64bits(filler) {
						t.Errorf("padding at (%d, %d) became %v", i, j, got)
					}
				}
			}
		})
	}
}

func TestSymEigRefusesNonFinite(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		a := Matrix{Rows: 2, Cols: 2, Stride: 2, Data: []float64{1, bad, 0, 1}}
		want := fmt.Sprintf("blas: SymEig: element (0, 1) of the 2×2 matrix is %v, want finite numbers", bad)
		if err := SymEig(make([]float64, 2), a); err == nil || err.Error() != want {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

func TestSymEigReportsOverflow(t *testing.T) {
	a := Matrix{Rows: 2, Cols: 2, Stride: 2, Data: []float64{math.MaxFloat64, math.MaxFloat64, 0, math.MaxFloat64}}
	want := "blas: SymEig: an eigenvalue of the 2×2 matrix overflows; its largest element is 1.7976931348623157e+308"
	if err := SymEig(make([]float64, 2), a); err == nil || err.Error() != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestShapesThatDoNotFitPanic(t *testing.T) {
	m := func(r, c int) Matrix { return newMatrix(r, c, 0) }
	beyond := math.MaxInt32
	beyond++ // or negative, where int has 32 bits
	for name, f := range map[string]func(){
		"inner":     func() { Gemm(NoTrans, NoTrans, 1, m(2, 3), m(2, 3), 0, m(2, 3)) },
		"outer":     func() { Gemm(NoTrans, NoTrans, 1, m(2, 3), m(3, 4), 0, m(2, 3)) },
		"transpose": func() { Gemm('C', NoTrans, 1, m(2, 2), m(2, 2), 0, m(2, 2)) },
		"short": func() {
			Gemm(NoTrans, NoTrans, 1, Matrix{Rows: 2, Cols: 2, Data: make([]float64, 3), Stride: 2}, m(2, 2), 0, m(2, 2))
		},
		"stride": func() {
			Gemm(NoTrans, NoTrans, 1, Matrix{Rows: 2, Cols: 2, Data: make([]float64, 9), Stride: 1}, m(2, 2), 0, m(2, 2))
		},
		"negative": func() {
			Gemm(NoTrans, NoTrans, 1, Matrix{Rows: -1, Cols: 2, Data: nil, Stride: 2}, m(2, 2), 0, m(2, 2))
		},
		"beyond int32": func() {
			SyrkUpper(NoTrans, 1, Matrix{Rows: 1, Cols: 1, Data: make([]float64, 1), Stride: beyond}, 0, m(1, 1))
		},
		"syrk":       func() { SyrkUpper(NoTrans, 1, m(2, 3), 0, m(3, 3)) },
		"eig":        func() { _ = SymEig(make([]float64, 2), m(2, 3)) },
		"eig values": func() { _ = SymEig(make([]float64, 3), m(2, 2)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestProductsDoNotAllocate(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, s := range [][3]int{{64, 512, 1}, {64, 512, 64}, {24, 512, 64}, {1, 512, 64}, {64, 1, 512}, {64, 64, 512}} {
		a, b, c := randMatrix(rng, s[0], s[2], 0), randMatrix(rng, s[2], s[1], 0), newMatrix(s[0], s[1], 0)
		sq := newMatrix(s[0], s[0], 0)
		if n := testing.AllocsPerRun(5, func() {
			Gemm(NoTrans, NoTrans, 1, a, b, 0, c)
			Gemm(Trans, NoTrans, 1, a, c, 0, b)
			Gemm(NoTrans, Trans, 1, c, b, 0, a)
			SyrkUpper(NoTrans, 1, c, 0, sq)
		}); n != 0 {
			t.Errorf("%v: %v allocations, want 0", s, n)
		}
	}
}

func TestConcurrentProductsAreIndependent(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	a, b := randMatrix(rng, 70, 90, 0), randMatrix(rng, 90, 200, 0)
	want := newMatrix(70, 200, 0)
	Gemm(NoTrans, NoTrans, 1, a, b, 0, want)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				c := newMatrix(70, 200, 0)
				Gemm(NoTrans, NoTrans, 1, a, b, 0, c)
				if !slices.Equal(c.Data, want.Data) {
					t.Error("a product computed beside others has different bits")
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestBackendIsTheOneBuilt(t *testing.T) {
	if got := Backend(); got != wantBackend {
		t.Errorf("Backend() = %q, want %q", got, wantBackend)
	}
}
