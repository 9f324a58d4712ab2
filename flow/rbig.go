package flow

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/fit"
	"github.com/gaussflow/gaussflow/flow/internal/gmm"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/rotate"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// RBIGOptions sets up [FitRBIG]. The zero value is a sensible default.
type RBIGOptions struct {
	// Blocks is the number of blocks, each a rotation and a mixture per
	// coordinate; 0 means 8.
	Blocks int

	// Components is the number of components of each mixture; 0 means 8.
	Components int

	// Progress, if not nil, is called after every block, on the goroutine of the fit,
	// with the number of blocks that are done and the number of all blocks.
	Progress func(block, of int)

	// Dequantize adds uniform noise as wide as the resolution to the columns whose
	// values repeat, such as rounded ones, before the fit. Without it their resolution
	// bounds the scales of components from below.
	Dequantize bool

	// Report, if not nil, receives a description of the columns.
	Report *RBIGReport

	// Seed determines some of the starting values of each mixture's fit. The same
	// data, options and seed give the same flow, bit for bit.
	Seed uint64
}

// An RBIGReport describes the columns that [FitRBIG] was given.
type RBIGReport struct {
	Columns []FitColumn
}

// FitRBIG fits a diagonal flow to the rows of x by rotation-based iterative
// Gaussianization (Laparra, Camps-Valls & Malo 2011). Each block rotates the output of
// the block before to its principal axes, fits a Gaussian mixture to every coordinate,
// and maps the coordinate to a standard normal variable by z = Φ⁻¹(F(x)). Nothing is
// clipped, so the flow is a bijection with a density that integrates to 1.
//
// The fit does not depend on the order of the rows. Multiplying x by a power of two
// changes only the first block's means and scales, by that factor. Where inputs differ
// by rounding alone, as in other units or with the columns in another order, the fit
// takes care that rounding does not decide which of several optima a mixture ends in.
//
// x holds one sample per row. It need not be standardised, but if the spreads of its
// columns differ by many orders of magnitude the rotation does not resolve the small
// ones. The fit keeps two copies of x in memory, and a sorted copy of one column for
// each goroutine. It returns an error if
//   - x has no rows or columns, or an element is not finite or beyond 1e50;
//   - there are fewer rows than components, or not more rows than columns;
//   - a column is constant, or columns depend on each other linearly, so that
//     there is no density;
//   - a column, or a coordinate after a rotation, takes fewer distinct values than the
//     mixture has components, unless Dequantize makes them continuous.
//
// If a tenth or more of a column's rows share their values with others, the column has a
// resolution δ, the distance between neighbouring values. No component's σ is less than
// the resolution: rotations and the maps of earlier blocks propagate δ to their outputs.
// So the density has no spikes at values that repeat.
func FitRBIG(x mat.Matrix, o RBIGOptions) (*Flow, error) {
	return FitRBIGContext(context.Background(), x, o)
}

// FitRBIGContext is [FitRBIG] that stops when ctx is done, with an error that wraps that
// of ctx. It checks ctx between columns, tiles of rows and steps of a mixture's fit.
func FitRBIGContext(ctx context.Context, x mat.Matrix, o RBIGOptions) (*Flow, error) {
	const what = "FitRBIG"
	if _, err := kernels.Active(); err != nil {
		return nil, fmt.Errorf("flow: %s: %w", what, err)
	}
	data, err := tile.ReadAll(x)
	if err != nil {
		return nil, wrap(what, err, nil)
	}
	f, err := fitRBIG(ctx, data, o)
	if err != nil {
		return nil, fmt.Errorf("flow: %s: %w", what, err)
	}
	return f, nil
}

// fitRBIG overwrites x.
func fitRBIG(ctx context.Context, x tile.Tile, o RBIGOptions) (*Flow, error) {
	if o.Blocks < 0 || o.Components < 0 {
		return nil, fmt.Errorf("options ask for %d blocks of %d components; they must be positive, or 0 for the default", o.Blocks, o.Components)
	}
	if o.Blocks == 0 {
		o.Blocks = 8
	}
	if o.Components == 0 {
		o.Components = 8
	}
	columns, err := checkData(ctx, x, o)
	if err != nil {
		return nil, err
	}
	// With many columns each of these takes long.
	look := func(b int) error {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("stopped before block %d of %d: %w", b, o.Blocks, err)
		}
		return nil
	}
	y := tile.New(x.D, x.N)
	row := canonical(x, y)
	if err := look(0); err != nil {
		return nil, err
	}
	units := standardUnits(x)
	res := newResolution(x, columns, units)
	if o.Dequantize {
		res.dequantize(x, o.Seed)
	}
	var blocks []block
	var first []kernels.Mixture
	for b := range o.Blocks {
		if err := look(b); err != nil {
			return nil, err
		}
		axes, err := rotate.PCAContext(ctx, x)
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", b, err)
		}
		if err := look(b); err != nil {
			return nil, err
		}
		rotation := layer.NewRotation(x.D, axes)
		layer.Apply(ctx, rotation, y, x)
		if err := look(b); err != nil {
			return nil, err
		}
		if err := checkRotated(b, axes, y, x); err != nil {
			return nil, err
		}
		res.rotate(axes)
		fits, err := fitMixtures(ctx, b, y, res, o)
		if err != nil {
			return nil, err
		}
		if b == 0 {
			first = fits
		}
		mixtures, err := newMixtures(b, fits)
		if err != nil {
			return nil, err
		}
		res.transform(y, fits)
		// The next block is fitted to what the flow will compute, from the
		// parameters as they are stored.
		layer.Apply(ctx, mixtures, x, y)
		if err := look(b + 1); err != nil {
			return nil, err
		}
		for j := range x.D {
			if i := slices.IndexFunc(x.Row(j), func(v float64) bool { return v-v != 0 }); i >= 0 {
				return nil, fmt.Errorf("block %d: %w", b, outOfRange(row[i]))
			}
		}
		blocks = append(blocks, block{rotation, mixtures})
		if o.Progress != nil {
			o.Progress(b+1, o.Blocks)
		}
	}
	if units != 0 { // back to those of the data
		for _, m := range first {
			for k := range m.Mean {
				m.Mean[k], m.Scale[k] = math.Ldexp(m.Mean[k], units), math.Ldexp(m.Scale[k], units)
			}
		}
		mixtures, err := newMixtures(0, first)
		if err != nil {
			return nil, err
		}
		blocks[0][1] = mixtures
	}
	return newFlow(x.D, blocks), nil
}

// canonical sorts the samples of x into an order that depends neither on their given
// order nor on that of the columns, so that sums over samples, and with them the fit,
// do not depend on these orders either: by their largest value, then by all their
// values in order of size. It returns where each sample came from. y, of the shape of
// x, is scratch.
func canonical(x, y tile.Tile) []int {
	largest := y.Data[:x.N]
	copy(largest, x.Row(0))
	for j := 1; j < x.D; j++ {
		for i, v := range x.Row(j) {
			largest[i] = max(largest[i], v)
		}
	}
	var values [2][]float64
	compare := func(a, b int) int {
		if c := cmp.Compare(largest[a], largest[b]); c != 0 {
			return c
		}
		for k, i := range [2]int{a, b} {
			values[k] = values[k][:0]
			for j := range x.D {
				values[k] = append(values[k], x.Row(j)[i])
			}
		}
		// Samples that are permutations of each other cannot be told apart without
		// the order of the columns.
		inOrder := slices.Compare(values[0], values[1])
		slices.Sort(values[0])
		slices.Sort(values[1])
		return cmp.Or(slices.Compare(values[0], values[1]), inOrder)
	}
	from := make([]int, x.N)
	for i := range from {
		from[i] = i
	}
	slices.SortStableFunc(from, compare)
	sorted := largest // reuses its memory
	for j := range x.D {
		for i, k := range from {
			sorted[i] = x.Row(j)[k]
		}
		copy(x.Row(j), sorted)
	}
	return from
}

// standardUnits divides x by the power of two that brings the largest standard
// deviation of a column to about 1, and returns its exponent: 0 for standardized data.
// So a fit is the same in units of any size, to the last bit if they differ by a power
// of two; the logarithms of scales, which are stored, round differently in each.
func standardUnits(x tile.Tile) int {
	largest := 0.0
	for j := range x.D {
		mean, variance := kernels.Sum(x.Row(j))/float64(x.N), 0.0
		for _, v := range x.Row(j) {
			variance += float64((v - mean) * (v - mean))
		}
		largest = max(largest, variance/float64(x.N))
	}
	_, exp := math.Frexp(largest)
	exp >>= 1 // from 0.5 to 2, the variance stays as it is
	if exp != 0 {
		for i, v := range x.Data {
			x.Data[i] = math.Ldexp(v, -exp)
		}
	}
	return exp
}

// fitMixtures fits block b's mixture to each coordinate of y, in parallel.
func fitMixtures(ctx context.Context, b int, y tile.Tile, res *resolution, o RBIGOptions) ([]kernels.Mixture, error) {
	fits := make([]kernels.Mixture, y.D)
	var first tile.FirstError
	tile.Over(y.D, 1, func(loop *tile.Loop) {
		for j := range loop.Tiles {
			// Each coordinate has its own stream of random numbers, so that the order of the work
			// does not matter.
			rng := rand.New(rand.NewPCG(o.Seed, uint64(b)<<32|uint64(j)))
			var err error
			if fits[j], err = gmm.FitAbove(ctx, y.Row(j), o.Components, res.of(j), rng); err != nil {
				first.Set(j, fmt.Errorf("block %d, coordinate %d after the rotation: %w", b, j, err))
			}
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("stopped in block %d of %d: %w", b, o.Blocks, err)
	}
	if first.Err() != nil {
		return nil, first.Err()
	}
	return fits, nil
}

// newMixtures makes block b's layer.
func newMixtures(b int, fits []kernels.Mixture) (layer.Layer, error) {
	most := 0.0
	for _, m := range fits {
		logScale := make([]float64, len(m.Scale))
		kernels.Log(logScale, m.Scale)
		for _, l := range logScale {
			most = max(most, math.Abs(l))
		}
	}
	if most >= layer.MaxLogScale {
		return nil, fmt.Errorf("block %d: a component has |log σ| = %.4g, outside the range %d of the kernels; rescale the data", b, most, layer.MaxLogScale)
	}
	return layer.NewMixtures(fits, layer.ScaleBound(most)), nil
}

// checkColumn reports why no mixture can be fitted to the finite values of column j, which it
// sorts, or describes them.
func checkColumn(column []float64, j int) (FitColumn, error) {
	if i := slices.IndexFunc(column, func(v float64) bool { return math.Abs(v) > gmm.MaxMagnitude }); i >= 0 {
		return FitColumn{}, fmt.Errorf("row %d, column %d is %.3g; values beyond %g leave the range of the kernels; rescale the data", i, j, column[i], float64(gmm.MaxMagnitude))
	}
	slices.Sort(column)
	first, last := column[0], column[len(column)-1]
	if first == last {
		return FitColumn{}, fmt.Errorf("column %d is constant at %v and has no density; drop it", j, first)
	}
	if s := last - first; s < 1/gmm.MaxMagnitude {
		return FitColumn{}, fmt.Errorf("column %d varies by only %.3g; a spread below %g leaves the range of the kernels; rescale the data", j, s, 1/gmm.MaxMagnitude)
	}
	return FitColumn(fit.Describe(column)), nil
}

// tooFew is about a column with fewer distinct values than components; instead is what a caller can do about it, too.
func tooFew(j, distinct, components int, instead string) error {
	return fmt.Errorf("column %d takes only %d distinct values, fewer than the %d components of its mixture; a density needs continuous data: drop the column, take fewer components, or %s", j, distinct, components, instead)
}

// checkData returns an error for data to which no flow can be fitted with the
// options o, and describes the columns.
func checkData(ctx context.Context, x tile.Tile, o RBIGOptions) ([]FitColumn, error) {
	switch k := o.Components; {
	case x.N == 1:
		return nil, fmt.Errorf("one row has no density; give more rows than columns")
	case x.N < k:
		return nil, fmt.Errorf("%d rows are fewer than the %d components of each mixture; give more rows or take fewer components", x.N, k)
	case x.N <= x.D:
		return nil, fmt.Errorf("%d rows of %d columns lie in a subspace and have no density; give more rows than columns", x.N, x.D)
	}
	columns := make([]FitColumn, x.D)
	for j := range x.D {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("stopped before the first block: %w", err)
		}
		var err error
		if columns[j], err = checkColumn(slices.Clone(x.Row(j)), j); err != nil {
			return nil, err
		}
		if n := columns[j].Distinct; n < o.Components && !o.Dequantize {
			return nil, tooFew(j, n, o.Components, "set Dequantize")
		}
	}
	if o.Report != nil {
		o.Report.Columns = slices.Clone(columns)
	}
	return columns, nil
}

// checkRotated returns an error if one of block b's rotated coordinates y =
// axes·x consists of little but the rounding errors of the rotation: then x has
// no density, or float64 does not resolve it.
func checkRotated(b int, axes []float64, y, x tile.Tile) error {
	size := 0.0
	for j := range x.D {
		size = max(size, slices.Max(x.Row(j)), -slices.Min(x.Row(j)))
	}
	least := 0x1p-46 * float64(x.D) * size // 64 roundings of each term
	for j := range x.D {
		if s := spanOf(x.Row(j)); s <= least {
			return fmt.Errorf("block %d: column %d varies by only %.3g where values reach %.3g; standardize the columns", b, j, s, size)
		}
	}
	for j := range y.D {
		if s := spanOf(y.Row(j)); s <= least {
			return fmt.Errorf("block %d: columns %s are linearly dependent: a combination of them varies by only %.3g where values reach %.3g; drop one of them", b, mixedBy(axes[j*x.D:(j+1)*x.D]), s, size)
		}
	}
	return nil
}

func spanOf(x []float64) float64 { return slices.Max(x) - slices.Min(x) }

// mixedBy names the columns that an axis mixes.
func mixedBy(axis []float64) string {
	var columns []string
	for i, v := range axis {
		if math.Abs(v) > 1e-6 {
			columns = append(columns, fmt.Sprint(i))
		}
	}
	return strings.Join(columns, ", ")
}
