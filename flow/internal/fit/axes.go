package fit

import (
	"errors"
	"math"
	"math/rand/v2"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/mixture"
	"github.com/gaussflow/gaussflow/flow/internal/rotate"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// Axes are d directions along which the data are as independent as a linear map can make
// them. The coordinates along them are y = Rotation·((Principal·x - Shift)/Scale).
type Axes struct {
	Principal    []float64 // d×d, the principal axes
	Shift, Scale []float64 // mean and standard deviation along them
	Rotation     []float64 // d×d, orthogonal
	logDet       float64
}

// sameAxis is the smallest correlation of two splits' coordinates along the same axis.
const sameAxis = 0.9

// newAxes returns the axes of the samples of x, and how FastICA ended. If like is not
// nil, the search starts from its axes. The axes are nil if the samples nearly lie in a
// hyperplane.
func (f *fitter) newAxes(x blas.Matrix, like *Axes) (a *Axes, iterations int, converged bool, err error) {
	d, n := x.Rows, x.Cols
	t := tile.Tile{D: d, N: n, Stride: x.Stride, Data: x.Data}
	a = &Axes{Shift: make([]float64, d), Scale: make([]float64, d)}
	if a.Principal, err = rotate.PCAContext(f.ctx, t); err != nil {
		return nil, 0, false, f.ctx.Err() // if nil, there are no principal axes, and the fit does without
	}
	z := tile.New(d, n)
	blas.Gemm(blas.NoTrans, blas.NoTrans, 1, tile.Matrix(d, d, a.Principal), x, 0, z.Matrix())
	for j := range d {
		r := z.Row(j)
		mean := kernels.Sum(r) / float64(n)
		for i := range r {
			r[i] -= mean
		}
		a.Shift[j], a.Scale[j] = mean, math.Sqrt(kernels.SumSquares(r)/float64(n))
		if !(a.Scale[j] > 1e-7*a.Scale[0]) {
			return nil, 0, false, nil
		}
		for i := range r {
			r[i] /= a.Scale[j]
		}
	}
	logs := make([]float64, d)
	kernels.Log(logs, a.Scale)
	a.logDet = -kernels.Sum(logs)
	var start []float64
	if like == nil {
		start = rotate.Haar(d, rand.New(rand.NewPCG(f.o.Seed, 0x696361)))
	} else { // rows of like's matrix in these white coordinates
		start = make([]float64, d*d)
		blas.Gemm(blas.NoTrans, blas.Trans, 1, tile.Matrix(d, d, like.matrix()), tile.Matrix(d, d, a.Principal), 0, tile.Matrix(d, d, start))
		for i := range start {
			start[i] *= a.Scale[i%d]
		}
	}
	a.Rotation, iterations, converged, err = rotate.FastICA(f.ctx, z, start)
	return a, iterations, converged, err
}

// matrix returns the linear part of the map to the axes, d×d.
func (a *Axes) matrix() []float64 {
	d := len(a.Scale)
	by, w := make([]float64, d*d), make([]float64, d*d)
	for i, v := range a.Rotation {
		by[i] = v / a.Scale[i%d]
	}
	blas.Gemm(blas.NoTrans, blas.NoTrans, 1, tile.Matrix(d, d, by), tile.Matrix(d, d, a.Principal), 0, tile.Matrix(d, d, w))
	return w
}

// along returns the coordinates of the samples of x along the axes.
func (a *Axes) along(x blas.Matrix) blas.Matrix {
	d := x.Rows
	z, y := newMatrix(d, x.Cols), newMatrix(d, x.Cols)
	if x.Cols == 0 {
		return y
	}
	blas.Gemm(blas.NoTrans, blas.NoTrans, 1, tile.Matrix(d, d, a.Principal), x, 0, z)
	for j := range d {
		r := row(z, j)
		for i, v := range r {
			r[i] = (v - a.Shift[j]) / a.Scale[j]
		}
	}
	blas.Gemm(blas.NoTrans, blas.NoTrans, 1, tile.Matrix(d, d, a.Rotation), z, 0, y)
	return y
}

// alongAxes searches mixtures of coordinates along independent axes, each mapped by a
// mixture of its own. Each split uses the axes of its training rows, found from those
// of all rows. The stack is nil unless it gains over rival. If the axes have to be like
// others, it is an error that there are none.
func (f *fitter) alongAxes(x coordinates, rival *stack) (st *stack, axes *Axes, columns []column, err error) {
	form := f.o.Form
	if form != nil && form.Axes == nil || form == nil && f.n < f.d*f.d { // fewer rows than parameters of the axes
		return nil, nil, nil, nil
	}
	var like *Axes
	if form != nil {
		like, rival = form.Axes, nil
	}
	report := &f.report.Axes
	axes, report.Iterations, report.Converged, err = f.newAxes(x.all, like)
	if axes == nil || err != nil || !report.Converged {
		if err == nil && form != nil {
			err = errors.New("FastICA finds no independent axes")
		}
		return nil, nil, nil, err
	}
	y := coordinates{all: axes.along(x.all), far: axes.along(x.far), floor: make([]float64, f.d)}
	for at, w := range axes.matrix() {
		y.floor[at/f.d] += float64(float64(w*w) * x.floor[at%f.d])
	}
	unlike := make([]bool, f.d)
	var offsets []float64
	for _, s := range x.splits {
		own, _, _, err := f.newAxes(s.Train, axes)
		if own == nil || err != nil {
			return nil, nil, nil, err
		}
		train, there := own.along(s.Train), axes.along(s.Train)
		for j := range unlike {
			unlike[j] = unlike[j] || correlation(row(train, j), row(there, j)) < sameAxis
		}
		offset := make([]float64, s.Held.Cols)
		tile.Fill(offset, own.logDet)
		offsets = append(offsets, offset...)
		y.splits = append(y.splits, mixture.Split{Train: train, Held: own.along(s.Held), Offset: offset})
	}
	for _, u := range unlike {
		if u {
			report.Unlike++
		}
	}
	columns, gains, err := f.columns("axis", y, unlike)
	if err != nil || !gains && rival != nil {
		return nil, nil, nil, err
	}
	if rival != nil { // if the coordinates are independent, the product of their densities is close to the best
		product := offsets
		for _, c := range columns {
			tile.Add(product, c.honest)
		}
		report.Over = paired(product, rival.honest)
		if clearlyBelow(product, rival.honest) {
			return nil, nil, nil, nil
		}
	}
	st, report.Over, err = f.behind("mixture along independent axes", y, columns, rival)
	return st, axes, columns, err
}

// correlation returns the correlation of two rows whose means are nearly 0.
func correlation(a, b []float64) float64 {
	ab := 0.0
	for i, v := range a {
		ab += float64(v * b[i])
	}
	return ab / math.Sqrt(float64(kernels.SumSquares(a)*kernels.SumSquares(b)))
}
