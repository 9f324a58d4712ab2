//go:build !openblas && !gonum

package blas

import (
	"cmp"
	"math"
	"slices"

	"github.com/gaussflow/gaussflow/kernels"
)

// The eigendecomposition has the same bits on every machine: Householder's tridiagonalisation, whose products are those
// of package kernels, and the QL algorithm with implicit shifts (Martin, Reinsch and Wilkinson, 1968; Dubrulle, 1970).
// Every product that is added to something is rounded on its own or fused by name, so that no compiler decides.

// negligible is the magnitude below which off-diagonal elements of a matrix whose largest element is near 1 are taken
// to be zero. Squares of the others stay in the range of float64.
const negligible = 0x1p-200

// symEig overwrites a, whose largest element is near 1, with the eigenvectors in its rows, by ascending value.
func symEig(values []float64, a Matrix) bool {
	n := a.Rows
	for i := range n { // products read whole rows
		for j := range i {
			a.Data[i*a.Stride+j] = a.Data[j*a.Stride+i]
		}
	}
	e := make([]float64, n)
	q := Matrix{Rows: n, Cols: n, Stride: n, Data: make([]float64, n*n)}
	tridiagonalize(values, e, a, q)
	for i := range n { // columns to rows
		for j := range n {
			a.Data[i*a.Stride+j] = q.Data[j*n+i]
		}
	}
	if !implicitQL(values, e, a) {
		return false
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(values[i], values[j]) })
	for i, from := range order {
		e[i] = values[from]
		copy(q.Data[i*n:][:n], a.Data[from*a.Stride:][:n])
	}
	copy(values, e)
	for i := range n {
		copy(a.Data[i*a.Stride:][:n], q.Data[i*n:][:n])
	}
	return true
}

// tridiagonalize finds Q with A = Q·T·Qᵀ, and sets d to T's diagonal and e to its off-diagonal, e[i] = T(i, i+1). It
// overwrites a.
func tridiagonalize(d, e []float64, a, q Matrix) {
	n := a.Rows
	scale, u := make([]float64, n), make([]float64, 4*n)
	for k := range n {
		d[k] = a.Data[k*a.Stride+k]
		if k+1 == n {
			break
		}
		// The reflection I - t·v·vᵀ maps x to a multiple of the first unit vector. v overwrites x.
		v := a.Data[k*a.Stride+k+1:][:n-k-1]
		m := len(v)
		largest := 0.0
		for _, x := range v {
			largest = max(largest, math.Abs(x))
		}
		if largest < negligible {
			continue // e[k] = t = 0
		}
		rest := kernels.SumSquares(v[1:])
		if rest < negligible*negligible {
			e[k] = v[0]
			continue
		}
		e[k] = -math.Copysign(math.Sqrt(math.FMA(v[0], v[0], rest)), v[0])
		v[0] -= e[k]
		t := 2 / math.FMA(v[0], v[0], rest)
		scale[k] = t

		// With p = t·A·v and w = p - (t/2)(pᵀv)v, the reflection on both sides is A - v·wᵀ - w·vᵀ.
		below := Matrix{Rows: m, Cols: m, Stride: a.Stride, Data: a.Data[(k+1)*a.Stride+k+1:]}
		left, right := Matrix{Rows: 2, Cols: m, Stride: m, Data: u[:2*m]}, Matrix{Rows: 2, Cols: m, Stride: m, Data: u[2*n:][:2*m]}
		row := Matrix{Rows: 1, Cols: m, Stride: m, Data: v}
		w := right.Data[:m]
		Gemm(NoTrans, NoTrans, 1, row, below, 0, Matrix{Rows: 1, Cols: m, Stride: m, Data: w})
		dot := 0.0
		for i, p := range w {
			w[i] = float64(t * p)
			dot = math.FMA(w[i], v[i], dot)
		}
		half := -float64(t*dot) / 2
		for i, x := range v {
			w[i] = math.FMA(half, x, w[i])
			left.Data[i], left.Data[m+i] = -x, -w[i]
		}
		copy(right.Data[m:], v)
		Gemm(Trans, NoTrans, 1, left, right, 1, below)
	}

	// Q is the product of the reflections, formed from the last one on: each changes only the part that is not yet
	// the identity.
	clear(q.Data)
	for k := range n {
		q.Data[k*n+k] = 1
	}
	for k := n - 2; k >= 0; k-- {
		if scale[k] == 0 {
			continue
		}
		v := a.Data[k*a.Stride+k+1:][:n-k-1]
		m := len(v)
		part := Matrix{Rows: m, Cols: m, Stride: n, Data: q.Data[(k+1)*n+k+1:]}
		row := Matrix{Rows: 1, Cols: m, Stride: m, Data: v}
		product := Matrix{Rows: 1, Cols: m, Stride: m, Data: u[:m]}
		Gemm(NoTrans, NoTrans, 1, row, part, 0, product)
		scaled := Matrix{Rows: 1, Cols: m, Stride: m, Data: u[n:][:m]}
		for i, x := range v {
			scaled.Data[i] = -float64(scale[k] * x)
		}
		Gemm(Trans, NoTrans, 1, scaled, product, 1, part)
	}
}

// implicitQL writes the eigenvalues of the tridiagonal matrix of d and e into d, and applies its rotations to the rows
// of z. It reports whether it converged.
func implicitQL(d, e []float64, z Matrix) bool {
	const most = 60 // iterations for an eigenvalue, which needs less than 2 on average
	n := z.Rows
	row := func(i int) []float64 { return z.Data[i*z.Stride:][:n] }
	for l := range n {
		for iteration := 0; ; iteration++ {
			end := l // of the unreduced block that begins at l
			for ; end < n-1; end++ {
				if size := math.Abs(e[end]); size < negligible || size <= 0x1p-53*(math.Abs(d[end])+math.Abs(d[end+1])) {
					break
				}
			}
			if end == l {
				break
			}
			if iteration == most {
				return false
			}
			// Wilkinson's shift.
			g := (d[l+1] - d[l]) / (2 * e[l])
			g = d[end] - d[l] + e[l]/(g+math.Copysign(hypot(g, 1), g))
			s, c, p := 1.0, 1.0, 0.0
			i := end - 1
			for ; i >= l; i-- {
				f, b := float64(s*e[i]), float64(c*e[i])
				r := hypot(f, g)
				e[i+1] = r
				if r == 0 { // the block splits here
					d[i+1] -= p
					e[end] = 0
					break
				}
				s, c = f/r, g/r
				g = d[i+1] - p
				r = math.FMA(d[i]-g, s, 2*float64(c*b))
				p = float64(s * r)
				d[i+1] = g + p
				g = math.FMA(c, r, -b)
				rotate(row(i), row(i+1), c, s)
			}
			if i >= l {
				continue
			}
			d[l] -= p
			e[l], e[end] = g, 0
		}
	}
	return true
}

// rotate sets x = c·x - s·y and y = s·x + c·y.
func rotate(x, y []float64, c, s float64) {
	y = y[:len(x)]
	for k, u := range x {
		v := y[k]
		x[k] = math.FMA(c, u, -float64(s*v))
		y[k] = math.FMA(s, u, float64(c*v))
	}
}

// hypot is √(x²+y²); the bits of math.Hypot depend on the processor.
func hypot(x, y float64) float64 {
	x, y = math.Abs(x), math.Abs(y)
	if x < y {
		x, y = y, x
	}
	if x == 0 {
		return 0
	}
	t := y / x
	return float64(x * math.Sqrt(math.FMA(t, t, 1)))
}
