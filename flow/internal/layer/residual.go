package layer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/errs"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/kernels"
)

func init() { register("residual", buildResidual) }

// residual is z = x + g(x), g(x) = V·tanh(Wx + b) + c, with the Lipschitz constant of g held
// below 1: then it is invertible, and x ← z - g(x) converges to the inverse (Behrmann et
// al., Invertible residual networks, 2019).
//
// V and W are the stored matrices times √L/√(L + ‖·‖²), where ‖·‖ is an upper bound on the
// spectral norm. So the spectral norms of V and W are at most √L, and Lip(g) ≤ L, because
// the slope of tanh is at most 1. The norm is the Schatten norm of order 2·2^squarings, (Σ
// σ^p)^(1/p), computed by repeated squaring of the Gram matrix. It is at most rank^(1/p) of
// the spectral norm, and smooth where two singular values cross.
//
// log det(I + g′) is exact up to exactDim coordinates. Above, it is estimated without bias
// by the power series with a random vector and a random number of terms (Chen, Behrmann,
// Duvenaud and Jacobsen, Residual flows, 2019). Both are functions of the bits of the
// sample, so that equal samples have equal log-densities.
type residual struct {
	d, width  int
	lipschitz float64
	p         []float64 // W [width,d], b [width], V [d,width], c [d], as stored
	w, v      limited
	b, c      []float64
	exact     bool
}

const (
	squarings = 6 // the norm is at most 2^(1/128) of the spectral norm for each factor 2 of the rank
	exactDim  = 8

	maxLipschitz = 0.999 // the inverse takes too many rounds beyond
)

// limited is a matrix whose spectral norm is bounded.
type limited struct {
	rows, cols int
	stored     []float64
	limit      float64 // squared
	norm       float64 // of stored, an upper bound
	factor     float64 // of stored: limit/√(limit² + norm²)
	used       []float64
	slope      []float64 // ∂norm/∂stored
	gram, next []float64
	power      []float64 // the Gram matrix to the power 2^squarings - 1, scaled
}

func (m *limited) bind(rows, cols int, limit float64, stored []float64) {
	if m.used == nil {
		k := min(rows, cols)
		*m = limited{rows: rows, cols: cols, limit: limit, used: make([]float64, rows*cols), slope: make([]float64, rows*cols),
			gram: make([]float64, k*k), next: make([]float64, k*k), power: make([]float64, k*k)}
	}
	m.stored = stored
}

func (m *limited) matrix() blas.Matrix { return tile.Matrix(m.rows, m.cols, m.used) }

// refresh computes the norm, its derivative and the matrix in use. With G the smaller Gram
// matrix and P = G^(q-1), q = 2^squarings, norm = tr(G^q)^(1/2q), and its derivative is
// norm·A·P/tr(G^q) (A of full size; P on its other side if A is wide).
func (m *limited) refresh() {
	a := tile.Matrix(m.rows, m.cols, m.stored)
	k := min(m.rows, m.cols)
	gram, next, power := tile.Matrix(k, k, m.gram), tile.Matrix(k, k, m.next), tile.Matrix(k, k, m.power)
	wide := m.cols > m.rows
	if wide {
		blas.Gemm(blas.NoTrans, blas.Trans, 1, a, a, 0, gram)
	} else {
		blas.Gemm(blas.Trans, blas.NoTrans, 1, a, a, 0, gram)
	}
	trace := 0.0
	for i := range k {
		trace += m.gram[i*k+i]
	}
	if trace == 0 {
		m.norm, m.factor = 0, 1
		clear(m.used)
		clear(m.slope)
		return
	}
	// Everything is scaled by the trace, which is at least the largest eigenvalue.
	for i := range m.gram {
		m.gram[i] /= trace
		m.power[i] = 0
	}
	for i := range k {
		m.power[i*k+i] = 1
	}
	logs := 0.0 // of what the powers were divided by, relative to the order
	for range squarings {
		// power·gram is the next power; gram·gram the next square, brought to trace 1.
		blas.Gemm(blas.NoTrans, blas.NoTrans, 1, power, gram, 0, next)
		copy(m.power, m.next)
		blas.Gemm(blas.NoTrans, blas.NoTrans, 1, gram, gram, 0, next)
		t := 0.0
		for i := range k {
			t += m.next[i*k+i]
		}
		for i, v := range m.next {
			m.gram[i] = v / t
		}
		size := 0.0
		for i := range k {
			size = max(size, m.power[i*k+i])
		}
		for i := range m.power {
			m.power[i] /= size
		}
		logs = math.FMA(2, logs, log(t))
	}
	// tr(G^q) = trace^q·e^logs
	const q = 1 << squarings
	norm := []float64{float64(log(trace)/2) + float64(logs/(2*q))}
	kernels.Exp(norm, norm)
	m.norm = norm[0]
	m.factor = m.limit / math.Sqrt(math.FMA(m.norm, m.norm, float64(m.limit*m.limit)))
	for i, v := range m.stored {
		m.used[i] = float64(v * m.factor)
	}
	// The direction A·P, scaled so that <slope, A> = norm, as for every norm.
	slope := tile.Matrix(m.rows, m.cols, m.slope)
	if wide {
		blas.Gemm(blas.NoTrans, blas.NoTrans, 1, power, a, 0, slope)
	} else {
		blas.Gemm(blas.NoTrans, blas.NoTrans, 1, a, power, 0, slope)
	}
	scale := m.norm / dot(m.slope, m.stored)
	for i := range m.slope {
		m.slope[i] *= scale
	}
}

// log is the natural logarithm of one number.
func log(x float64) float64 {
	v := []float64{x}
	kernels.Log(v, v)
	return v[0]
}

// backward converts the derivative with respect to the matrix in use to that with
// respect to the stored one.
func (m *limited) backward(grad []float64) {
	// d used = factor·d stored - stored·norm·factor³/limit²·d norm
	c := dot(grad, m.stored) * m.norm * m.factor * m.factor * m.factor / (m.limit * m.limit)
	for i, g := range grad {
		grad[i] = math.FMA(-c, m.slope[i], float64(m.factor*g))
	}
}

// NewResidual returns x + g(x) with Lip(g) ≤ lipschitz, near the identity: V starts at a
// hundredth of its size. It returns an error if lipschitz is not between 0 and maxLipschitz.
func NewResidual(d, width int, lipschitz float64, rng *rand.Rand) (Layer, error) {
	if err := checkLipschitz(lipschitz); err != nil {
		return nil, err
	}
	if width < 1 {
		return nil, errs.Errorf(errs.ErrOutOfRange, "the width is %d; it must be positive", width)
	}
	if width > MaxParams/(2*d+2) {
		return nil, fmt.Errorf("a residual block of width %d: %w", width, ErrMaxParams)
	}
	p := make([]float64, residualSize(d, width))
	l := newResidual(d, width, lipschitz, p)
	for i := range l.w.stored {
		l.w.stored[i] = NormFloat64(rng) / math.Sqrt(float64(d))
	}
	for i := range l.b {
		l.b[i] = NormFloat64(rng)
	}
	for i := range l.v.stored {
		l.v.stored[i] = 0.01 * NormFloat64(rng) / math.Sqrt(float64(width))
	}
	l.Refresh()
	return l, nil
}

func checkLipschitz(v float64) error {
	if !(v > 0 && v <= maxLipschitz) {
		return errs.Errorf(errs.ErrOutOfRange, "the Lipschitz bound is %v; it must be positive and at most %v: from 1 on x + g(x) need not be invertible, and near 1 it takes too long", v, maxLipschitz)
	}
	return nil
}

func residualSize(d, width int) int { return 2*d*width + width + d }

func newResidual(d, width int, lipschitz float64, p []float64) *residual {
	l := &residual{d: d, width: width, lipschitz: lipschitz, exact: d <= exactDim}
	l.Bind(p)
	return l
}

func buildResidual(m *description, d int) Layer {
	w := m.tensor("weight.0", anySize, d)
	width := w.Shape[0]
	b, v, c := m.tensor("bias.0", width), m.tensor("weight.1", d, width), m.tensor("bias.1", d)
	bound := m.tensor("lipschitz")
	if m.err != nil {
		return &residual{}
	}
	if err := checkLipschitz(bound.Values[0]); err != nil {
		m.fail("lipschitz", "%v", err)
		return &residual{}
	}
	return newResidual(d, width, bound.Values[0], slices.Concat(w.Values, b.Values, v.Values, c.Values))
}

func (l *residual) Params() []float64 { return l.p }
func (l *residual) NumFixed() int     { return 0 }

func (l *residual) Bind(p []float64) {
	copy(p, l.p)
	l.p = p
	a := tile.Arena(p)
	limit := math.Sqrt(l.lipschitz)
	l.w.bind(l.width, l.d, limit, a.Take(l.width*l.d))
	l.b = a.Take(l.width)
	l.v.bind(l.d, l.width, limit, a.Take(l.d*l.width))
	l.c = a.Take(l.d)
}

func (l *residual) Refresh() {
	l.w.refresh()
	l.v.refresh()
}

// Lipschitz returns the bound on the Lipschitz constant of g, and the sharper one that
// follows from the norms in use.
func (l *residual) Lipschitz() (bound, now float64) {
	return l.lipschitz, float64(l.w.norm*l.w.factor) * float64(l.v.norm*l.v.factor)
}

// hidden writes t = tanh(Wx + b).
func (l *residual) hidden(t, x tile.Tile) {
	for k, b := range l.b {
		tile.Fill(t.Row(k), b)
	}
	blas.Gemm(blas.NoTrans, blas.NoTrans, 1, l.w.matrix(), x.Matrix(), 1, t.Matrix())
	kernels.Tanh(t.Data[:l.width*t.N], t.Data[:l.width*t.N])
}

// shift writes from + sign·(V·t + c).
func (l *residual) shift(to tile.Tile, sign float64, from, t tile.Tile) {
	for j, c := range l.c {
		dst := to.Row(j)
		for i, v := range from.Row(j) {
			dst[i] = v + float64(sign*c)
		}
	}
	blas.Gemm(blas.NoTrans, blas.NoTrans, sign, l.v.matrix(), t.Matrix(), 1, to.Matrix())
}

func (l *residual) Forward(z tile.Tile, logDet []float64, x tile.Tile, s tile.Arena) {
	t := s.Tile(l.width, x.N)
	l.hidden(t, x)
	l.shift(z, 1, x, t)
	if logDet != nil {
		l.logDet(logDet, 1, x, t, s)
	}
}

// Inverse iterates x ← z - g(x) until the error is below 1e-16 of the first step for
// every sample, or no bit changes any more.
func (l *residual) Inverse(x tile.Tile, logDet []float64, z tile.Tile, s tile.Arena) {
	t, last := s.Tile(l.width, z.N), s.Tile(l.d, z.N)
	for j := range l.d {
		copy(x.Row(j), z.Row(j))
	}
	for range rounds(l.lipschitz) {
		for j := range l.d {
			copy(last.Row(j), x.Row(j))
		}
		l.hidden(t, last)
		l.shift(x, -1, z, t)
		if same(x, last) {
			break
		}
	}
	if logDet != nil {
		l.hidden(t, x)
		l.logDet(logDet, -1, x, t, s)
	}
}

// rounds returns how often a contraction by c must be applied for c^n/(1-c), the error
// relative to the first step, to be below 1e-16: some 370 times for 0.9, 43,700 for
// maxLipschitz.
func rounds(c float64) int {
	n := 1
	for left := 1.0; left > 1e-16*(1-c); left *= c {
		n++
	}
	return n
}

func same(a, b tile.Tile) bool {
	for j := range a.D {
		if !slices.Equal(a.Row(j), b.Row(j)) {
			return false
		}
	}
	return true
}

// logDet adds sign·log det(I + V·diag(1-t²)·W) of each sample. s has room for the
// determinants.
func (l *residual) logDet(logDet []float64, sign float64, x, t tile.Tile, s tile.Arena) {
	if !l.exact {
		l.estimate(logDet, sign, x, t, s)
		return
	}
	det := s.Take(t.N)
	var m [exactDim * exactDim]float64
	for i := range det {
		l.jacobian(&m, t, i)
		det[i] = eliminate(&m, l.d)
	}
	kernels.Log(det, det)
	for i, v := range det {
		logDet[i] += float64(sign * v)
	}
}

// jacobian is I + V·diag(1-t²)·W of sample i.
func (l *residual) jacobian(m *[exactDim * exactDim]float64, t tile.Tile, i int) {
	d := l.d
	clear(m[:])
	for j := range d {
		m[j*d+j] = 1
	}
	for k := range l.width {
		h := t.Data[k*t.Stride+i]
		slope := (1 - h) * (1 + h)
		for a := range d {
			c := float64(l.v.used[a*l.width+k] * slope)
			for b := range d {
				m[a*d+b] = math.FMA(c, l.w.used[k*d+b], m[a*d+b])
			}
		}
	}
}

// eliminate overwrites m with its factors L, without the unit diagonal, and U, and
// returns the determinant. No pivots are needed: the symmetric part of I + g′ is positive
// definite.
func eliminate(m *[exactDim * exactDim]float64, d int) float64 {
	det := 1.0
	for k := range d {
		p := m[k*d+k]
		det *= p
		for i := k + 1; i < d; i++ {
			c := m[i*d+k] / p
			m[i*d+k] = c
			for j := k + 1; j < d; j++ {
				m[i*d+j] = math.FMA(-c, m[k*d+j], m[i*d+j])
			}
		}
	}
	return det
}

// solve overwrites x with m⁻¹ x, m factored by eliminate.
func solve(x []float64, m *[exactDim * exactDim]float64) {
	d := len(x)
	for i := range d {
		for j := range i {
			x[i] = math.FMA(-m[i*d+j], x[j], x[i])
		}
	}
	for i := d - 1; i >= 0; i-- {
		for j := i + 1; j < d; j++ {
			x[i] = math.FMA(-m[i*d+j], x[j], x[i])
		}
		x[i] /= m[i*d+i]
	}
}

// Backward. With A = (I + V·S·W)⁻¹, S = diag(1-t²), the log-determinant's derivatives are
// (S·W·A)ᵀ with respect to V, (A·V·S)ᵀ to W, and diag(W·A·V) to S.
func (l *residual) Backward(dx tile.Tile, grad []float64, dz tile.Tile, dLogDet []float64, fwd Tape, s tile.Arena) {
	n, x := dz.N, fwd.X
	t := fwd.S.Tile(l.width, n)
	du, spare := s.Tile(l.width, n), s.Take(n)
	a := tile.Arena(grad)
	dw, db, dv, dc := a.Take(l.width*l.d), a.Take(l.width), a.Take(l.d*l.width), a.Take(l.d)

	blas.Gemm(blas.Trans, blas.NoTrans, 1, l.v.matrix(), dz.Matrix(), 0, du.Matrix())
	for k := range l.width {
		h, g := t.Row(k), du.Row(k)
		for i, h := range h {
			g[i] = float64(g[i] * ((1 - h) * (1 + h)))
		}
	}
	blas.Gemm(blas.NoTrans, blas.Trans, 1, dz.Matrix(), t.Matrix(), 0, tile.Matrix(l.d, l.width, dv))
	for j := range l.d {
		dc[j] = kernels.Sum(dz.Row(j))
	}
	clear(dw)
	if l.exact {
		l.exactBackward(du, dv, dw, dLogDet, t, spare, s)
	} else {
		l.estimateBackward(du, dv, dw, dLogDet, x, t, s)
	}
	for k := range db {
		db[k] = kernels.Sum(du.Row(k))
	}
	blas.Gemm(blas.NoTrans, blas.Trans, 1, du.Matrix(), x.Matrix(), 1, tile.Matrix(l.width, l.d, dw))
	for j := range l.d {
		copy(dx.Row(j), dz.Row(j))
	}
	blas.Gemm(blas.Trans, blas.NoTrans, 1, l.w.matrix(), du.Matrix(), 1, dx.Matrix())
	l.w.backward(dw)
	l.v.backward(dv)
}

func (l *residual) exactBackward(du tile.Tile, dv, dw, dLogDet []float64, t tile.Tile, spare []float64, s tile.Arena) {
	d, n := l.d, t.N
	right := s.Tile(l.width*d, n) // A·V, by hidden unit and coordinate
	left := s.Tile(l.width*d, n)  // W·A
	var m, inverse [exactDim * exactDim]float64
	for i := range n {
		l.jacobian(&m, t, i)
		eliminate(&m, d)
		for b := range d { // a row for each column of A
			column := inverse[b*d : (b+1)*d]
			clear(column)
			column[b] = 1
			solve(column, &m)
		}
		for k := range l.width {
			h := t.Data[k*t.Stride+i]
			slope := (1 - h) * (1 + h)
			trace := 0.0
			for a := range d {
				av, wa := 0.0, 0.0
				for b := range d {
					av = math.FMA(inverse[b*d+a], l.v.used[b*l.width+k], av)
					wa = math.FMA(l.w.used[k*d+b], inverse[a*d+b], wa)
				}
				trace = math.FMA(wa, l.v.used[a*l.width+k], trace)
				right.Data[(k*d+a)*n+i] = float64(float64(av*slope) * dLogDet[i])
				left.Data[(k*d+a)*n+i] = float64(float64(wa*slope) * dLogDet[i])
			}
			// The slope is 1-t², and its derivative with respect to the sum -2t(1-t²).
			du.Data[k*du.Stride+i] = math.FMA(float64(-2*h)*slope, float64(trace*dLogDet[i]), du.Data[k*du.Stride+i])
		}
	}
	for k := range l.width {
		for a := range d {
			dv[a*l.width+k] += kernels.Sum(left.Row(k*d + a))
			dw[k*d+a] += kernels.Sum(right.Row(k*d + a))
		}
	}
}

func (l *residual) Scratch() (forward, backward int) {
	backward = l.width + 1
	if l.exact {
		backward += 2 * l.width * l.d
		return l.width + l.d + 1, backward
	}
	return l.width + l.d + estimateScratch(l.d, l.width), backward + estimateScratch(l.d, l.width)
}

func (l *residual) Describe() model.Layer {
	return model.Layer{Kind: "residual", Tensors: []model.Tensor{
		model.Matrix("weight.0", l.width, l.d, slices.Clone(l.w.stored)), model.Vector("bias.0", slices.Clone(l.b)),
		model.Matrix("weight.1", l.d, l.width, slices.Clone(l.v.stored)), model.Vector("bias.1", slices.Clone(l.c)),
		model.Scalar("lipschitz", l.lipschitz),
	}}
}
