package flow

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"

	"github.com/gaussflow/gaussflow/flow/internal/errs"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/model"
)

// New returns the flow that m describes. It shares no memory with m.
//
// It returns an error if m is not a valid model: if shapes do not match, a value is
// not finite, a rotation is not orthogonal, weights do not sum to 1, a scale is not
// positive, or the kind of a layer is unknown. The error names the block, the layer
// and the tensor.
func New(m model.Model) (*Flow, error) {
	f, err := fromModel(m)
	if err != nil {
		return nil, fmt.Errorf("flow: New: %w", err)
	}
	return f, nil
}

// Model returns a complete description of the flow, which shares no memory with it.
// [New] builds a flow with the same bits from it.
func (f *Flow) Model() model.Model {
	f.mustBeReady("Model")
	m := model.Model{
		Dim:     f.dim,
		Base:    model.Base{Loc: slices.Clone(f.base.loc), Scale: slices.Clone(f.base.scale)},
		Columns: slices.Clone(f.columns), Info: maps.Clone(f.info), Quantiles: slices.Clone(f.quantiles),
	}
	for i := range f.Blocks() {
		var b []model.Layer
		for _, l := range f.block(i) {
			b = append(b, l.Describe())
		}
		m.Blocks = append(m.Blocks, b)
	}
	return m
}

func fromModel(m model.Model) (*Flow, error) {
	wrong := func(format string, args ...any) (*Flow, error) {
		return nil, errs.Errorf(ErrFormat, format, args...)
	}
	if m.Dim < 1 || m.Dim > math.MaxInt32 {
		return wrong("the dimension is %d; it can be 1 to %d", m.Dim, math.MaxInt32)
	}
	b, err := newBase(m.Base, m.Dim)
	if err != nil {
		return nil, err
	}
	switch {
	case len(m.Quantiles) != 0 && (len(m.Quantiles) != numQuantiles || !sort.Float64sAreSorted(m.Quantiles) || !finiteAll(m.Quantiles)):
		return wrong("the quantiles of the log-density must be %d finite numbers in rising order", numQuantiles)
	case len(m.Blocks) == 0:
		return wrong("there is no block")
	}
	var blocks []block
	total := 0
	for i, described := range m.Blocks {
		var all block
		if len(described) == 0 {
			return wrong("block %d has no layer", i)
		}
		for j, d := range described {
			l, err := layer.Build(d, m.Dim)
			if err == nil {
				if total += len(l.Params()); total > layer.MaxParams {
					err = layer.ErrMaxParams
				}
			}
			if err != nil {
				return nil, fmt.Errorf("block %d, layer %d (%s): %w", i, j, d.Kind, err)
			}
			all = append(all, l)
		}
		blocks = append(blocks, all)
	}
	f := newFlow(m.Dim, blocks)
	for _, l := range f.layers {
		if c, ok := l.(layer.Contextual); ok && c.Context() != 0 && c.Context() != f.context {
			return wrong("layers are conditioned on %d and on %d columns; the numbers must agree", c.Context(), f.context)
		}
	}
	if n := len(m.Columns); n != 0 && n != f.width() {
		if f.context > 0 {
			return wrong("there are %d names of columns for the dimension %d and %d given columns", n, m.Dim, f.context)
		}
		return wrong("there are %d names of columns for the dimension %d", n, m.Dim)
	}
	f.base = b
	f.columns, f.info, f.quantiles = slices.Clone(m.Columns), maps.Clone(m.Info), slices.Clone(m.Quantiles)
	return f, nil
}

func finiteAll(x []float64) bool {
	return !slices.ContainsFunc(x, func(v float64) bool { return v-v != 0 })
}

// Columns returns the names of the columns, or nil if they have none.
func (f *Flow) Columns() []string { return slices.Clone(f.columns) }

// Info returns what is known about the origin of the flow: the program that made it,
// the data and the options.
func (f *Flow) Info() map[string]string { return maps.Clone(f.info) }

// numQuantiles is the number of quantiles of the log-density that a flow stores: one
// for each per cent, from 0 to 100.
const numQuantiles = 101

// Rank writes into dst, for each log-density, the share of typical rows that are less
// likely, from 0 to 1; dst may be logProb. The typical rows are those whose quantiles
// of the log-density the flow stores; between quantiles the share is interpolated. It
// returns an error if the flow stores none, or if the lengths differ.
func (f *Flow) Rank(dst, logProb []float64) error {
	switch {
	case f == nil || len(f.quantiles) == 0:
		return fmt.Errorf("flow: Rank: the flow stores no quantiles of the log-density")
	case len(dst) != len(logProb):
		return errs.Errorf(ErrShape, "flow: Rank: the result has %d elements for %d log-densities; the numbers must agree", len(dst), len(logProb))
	}
	q := f.quantiles
	for i, v := range logProb {
		switch {
		case v != v:
			dst[i] = v
		case v < q[0]:
			dst[i] = 0
		case v >= q[numQuantiles-1]:
			dst[i] = 1
		default: // q[j-1] ≤ v < q[j]
			j := sort.Search(numQuantiles, func(j int) bool { return q[j] > v })
			dst[i] = (float64(j-1) + (v-q[j-1])/(q[j]-q[j-1])) / (numQuantiles - 1)
		}
	}
	return nil
}

// Threshold returns the q-quantile of the log-density of typical rows, in nats, with q
// from 0 to 1: a share q of these rows is less likely. See [Flow.Rank].
func (f *Flow) Threshold(q float64) (float64, error) {
	switch {
	case f == nil || len(f.quantiles) == 0:
		return 0, fmt.Errorf("flow: Threshold: the flow stores no quantiles of the log-density")
	case !(q >= 0 && q <= 1):
		return 0, fmt.Errorf("flow: Threshold: the share is %v; it must be from 0 to 1", q)
	}
	at := float64(q * (numQuantiles - 1))
	j := min(int(at), numQuantiles-2)
	low, high := f.quantiles[j], f.quantiles[j+1]
	return low + float64((at-float64(j))*(high-low)), nil
}
