package flow

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"
)

// A Distribution adapts a flow to gonum's interface of multivariate distributions,
// distmv.RandLogProber. For many samples the methods of [Flow] are faster.
type Distribution struct {
	flow *Flow
	src  rand.Source
}

// Distribution returns the flow as a distribution that draws from src, or from the
// global source of math/rand/v2 if src is nil. It panics if the flow has conditioning
// columns; see [Flow.Context].
func (f *Flow) Distribution(src rand.Source) *Distribution {
	f.mustBeReady("Distribution")
	if f.context > 0 {
		panic("flow: Distribution: the density is conditional; use LogProb and Sample")
	}
	return &Distribution{f, src}
}

// Dim returns the dimension of the distribution.
func (d *Distribution) Dim() int { return d.flow.dim }

// LogProb returns the log-density at x in nats: NaN if x holds a NaN, and -Inf
// at infinity and wherever the flow leaves the range of float64. It panics if
// len(x) is not Dim.
func (d *Distribution) LogProb(x []float64) float64 {
	d.check(x)
	var dst [1]float64
	d.ignoreRow(d.flow.LogProb(dst[:], mat.NewDense(1, len(x), x)))
	return dst[0]
}

// ignoreRow panics with err unless it concerns the row itself: for a bad row the
// result already says so.
func (d *Distribution) ignoreRow(err error) {
	var row *RowError
	if err != nil && !errors.As(err, &row) {
		panic(err) // the machine cannot run the kernels that GAUSSFLOW_SIMD asks for
	}
}

// Rand draws one sample into x and returns it; if x is nil it allocates. It
// panics if len(x) is not Dim, and where [Flow.Sample] would return an error.
func (d *Distribution) Rand(x []float64) []float64 {
	if x == nil {
		x = make([]float64, d.flow.dim)
	}
	d.check(x)
	if err := d.flow.Sample(mat.NewDense(1, len(x), x), d.src); err != nil {
		panic(err)
	}
	return x
}

func (d *Distribution) check(x []float64) {
	if len(x) != d.flow.dim {
		panic(fmt.Sprintf("flow: Distribution: len(x) is %d; the dimension is %d", len(x), d.flow.dim))
	}
}
