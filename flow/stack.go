package flow

import (
	"context"
	"fmt"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/errs"
	"github.com/gaussflow/gaussflow/flow/internal/gmm"
	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/rotate"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// A Spec describes a layer of a stack for [NewStack]. There is a function for each kind of
// layer.
type Spec struct {
	name string
	add  func(b *builder) (layer.Layer, error)
}

// String returns the name of the kind.
func (s Spec) String() string { return s.name }

// A Start determines the initial values of a conditioner's last layer.
type Start int

const (
	// NearIdentity: for every input the conditioners emit the identity map, or for
	// mixtures, which have none, a map close to it.
	NearIdentity Start = iota
	// Warm: for every input they emit the map that Gaussianizes each coordinate of the
	// layer's input data, by a mixture fitted to it. With rotations between the layers,
	// training then starts from rotation-based iterative Gaussianization.
	Warm
	// Random: the weights of their last layers are random, like those of the others.
	Random
)

// A Conditioner describes the networks that compute the parameters of a coupling's maps.
// The zero value is a sensible default.
type Conditioner struct {
	// Width of each hidden layer, 64 if zero, and Depth, their number, 2 if zero.
	Width, Depth int
	// Components of a mixture, or bins of a spline; 8 if zero.
	Components int
	Start      Start
}

func (c *Conditioner) setDefaults() error {
	if c.Width == 0 {
		c.Width = 64
	}
	if c.Depth == 0 {
		c.Depth = 2
	}
	if c.Components == 0 {
		c.Components = 8
	}
	if c.Width < 0 || c.Depth < 0 || c.Components < 0 || c.Components > 1<<16 {
		return fmt.Errorf("width %d, depth %d, %d components; they must be positive, or 0 for the default", c.Width, c.Depth, c.Components)
	}
	if c.Start < NearIdentity || c.Start > Random {
		return fmt.Errorf("the start %d is unknown", c.Start)
	}
	return nil
}

// Bounds on the conditioners' outputs.
const (
	affineBound = 2 // |log σ| of an affine map
	slopeBound  = 5 // |log slope| at a spline's knots
	splineEdge  = 5 // beyond ±splineEdge a spline is the identity
)

// Standardize is the fixed layer z = (x - mean)/sd, with mean and standard deviation of the
// layer's input data. A constant coordinate is only shifted.
func Standardize() Spec {
	return Spec{"scale", func(b *builder) (layer.Layer, error) {
		shift, scale := moments(b.x, 0, b.x.D)
		return layer.NewScale(shift, scale), nil
	}}
}

// ActNorm is a trainable shift and scale of each coordinate, which initially standardises
// the layer's input data (Kingma and Dhariwal 2018).
func ActNorm() Spec {
	return Spec{"actnorm", func(b *builder) (layer.Layer, error) { return layer.NewActNorm(b.x), nil }}
}

// PCA is the fixed rotation to the principal axes of the layer's input data.
func PCA() Spec {
	return Spec{"rotation", func(b *builder) (layer.Layer, error) {
		axes, err := rotate.PCAContext(b.ctx, b.x)
		if err != nil {
			return nil, err
		}
		return layer.NewRotation(b.x.D, axes), nil
	}}
}

// Householder is a trainable product of the given number of reflections, initially by random
// vectors (Tomczak and Welling 2016). An even number of reflections makes a rotation; with at
// least Dim-1 of them it can be any.
func Householder(reflections int) Spec {
	return Spec{"householder", func(b *builder) (layer.Layer, error) {
		if reflections < 1 {
			return nil, fmt.Errorf("%d reflections; one is needed at least", reflections)
		}
		if reflections > layer.MaxParams/b.x.D {
			return nil, layer.ErrMaxParams
		}
		return layer.NewHouseholder(b.x.D, reflections, b.rng), nil
	}}
}

// Cayley is a trainable rotation (I-A)(I+A)⁻¹ with A skew-symmetric, initially the identity.
// It can be any rotation but those that turn a plane by half a turn.
func Cayley() Spec {
	return Spec{"cayley", func(b *builder) (layer.Layer, error) {
		if b.x.D < 2 {
			return nil, errs.Errorf(ErrShape, "there is no rotation in dimension %d", b.x.D)
		}
		return layer.NewCayley(b.x.D), nil
	}}
}

// Gaussianize maps every coordinate to a standard normal one, z = Φ⁻¹(F(x)), by a mixture of
// the given number of components that is fitted to it.
func Gaussianize(components int) Spec {
	return Spec{"mixtures", func(b *builder) (layer.Layer, error) {
		m, err := b.marginals(components)
		if err != nil {
			return nil, err
		}
		most := 0.0
		for _, m := range m {
			logs := make([]float64, len(m.Scale))
			kernels.Log(logs, m.Scale)
			for _, l := range logs {
				most = max(most, l, -l)
			}
		}
		if most >= layer.MaxLogScale {
			return nil, errs.Errorf(ErrOutOfRange, "a component has |log σ| = %.4g, outside the range %d of the kernels; rescale the data", most, layer.MaxLogScale)
		}
		return layer.NewMixtures(m, layer.ScaleBound(most)), nil
	}}
}

// AffineCoupling maps one half of the coordinates by z = σx + μ given the other half, and
// then the other half given the image of the first (Dinh, Sohl-Dickstein and Bengio 2017),
// both also given the context if there is one.
func AffineCoupling(c Conditioner) Spec { return coupling("couple", "affine", c) }

// SplineCoupling is like [AffineCoupling], with monotone rational-quadratic splines on [-5,
// 5] and the identity outside (Durkan et al. 2019).
func SplineCoupling(c Conditioner) Spec { return coupling("couple", "spline", c) }

// MixtureCoupling is like [AffineCoupling], with the maps z = Φ⁻¹(F(x)) of mixtures. Its
// conditioners differ from those that [Flow.Couple] makes, and can read a context.
func MixtureCoupling(c Conditioner) Spec { return coupling("couple", "mixture", c) }

// AffineGiven maps every coordinate by z = σx + μ given the context alone.
func AffineGiven(c Conditioner) Spec { return coupling("given", "affine", c) }

// SplineGiven is like [AffineGiven], with the splines of [SplineCoupling].
func SplineGiven(c Conditioner) Spec { return coupling("given", "spline", c) }

// MixtureGiven is like [AffineGiven], with the maps of mixtures: with one such layer the
// density of a coordinate given the context is that of a mixture density network (Bishop
// 1994).
func MixtureGiven(c Conditioner) Spec { return coupling("given", "mixture", c) }

func coupling(form, family string, c Conditioner) Spec {
	return Spec{form + "." + family, func(b *builder) (layer.Layer, error) {
		if err := c.setDefaults(); err != nil {
			return nil, err
		}
		var of layer.Map
		switch family {
		case "affine":
			of = layer.Affine{Bound: affineBound}
		case "spline":
			of = layer.Spline{K: c.Components, Edge: splineEdge, Bound: slopeBound}
		default:
			of = layer.Mixed{K: c.Components, Bound: layer.DefaultLogScaleBound}
		}
		var like []kernels.Mixture
		spread := 0.0
		switch c.Start {
		case Warm:
			var err error
			if like, err = b.marginals(c.Components); err != nil {
				return nil, err
			}
		case Random:
			spread = 1
		}
		shift, scale := moments(b.x, b.x.D, b.x.D+b.context)
		return layer.NewElementwise(form, b.x.D, of, layer.Context{Shift: shift, Scale: scale}, like,
			layer.Conditioner{Width: c.Width, Depth: c.Depth}, spread, b.rng)
	}}
}

// Residual is z = x + g(x), where g is a network with one hidden layer of the given width
// and tanh activation, whose Lipschitz constant stays below lipschitz ≤ 0.999 (Behrmann et
// al. 2019). The inverse is a fixed-point iteration: some 370 steps at most for a bound of
// 0.9, ten times as many for 0.99. With more than 8 coordinates its log-determinant, and with
// it the log-density of the flow, is an unbiased estimate (Chen et al. 2019), whose random
// numbers depend on the row alone.
func Residual(width int, lipschitz float64) Spec {
	return Spec{"residual", func(b *builder) (layer.Layer, error) {
		return layer.NewResidual(b.x.D, width, lipschitz, b.rng)
	}}
}

// Repeat returns n blocks of the same specs.
func Repeat(n int, specs ...Spec) [][]Spec {
	all := make([][]Spec, max(n, 0))
	for i := range all {
		all[i] = specs
	}
	return all
}

// StackOptions sets up [NewStack].
type StackOptions struct {
	// On, if not nil, is a flow whose layers the stack begins with. They are copied, and
	// training changes the copies like other layers.
	On *Flow
	// Context is the number of conditioning columns, the last ones of x; see
	// [Flow.Context].
	Context int
	// Seed of everything random.
	Seed uint64
}

// NewStack returns a flow with the given blocks of layers. Layers are built in order, each
// from the images of the rows of x under the layers before it: these are the input data from
// which ActNorm, PCA and warm starts take their initial parameters. [Train] trains the flow,
// and [Flow.Inspect] shows what each layer does.
//
// The same rows, options and specs give the same flow, bit for bit. An error names the block
// and the layer.
func NewStack(x mat.Matrix, o StackOptions, blocks ...[]Spec) (*Flow, error) {
	f, err := newStack(context.Background(), x, o, blocks)
	if err != nil {
		return nil, fmt.Errorf("flow: NewStack: %w", err)
	}
	return f, nil
}

// A builder holds what a layer of a stack is built from.
type builder struct {
	ctx     context.Context
	x       tile.Tile // images of the rows under the layers before, followed by the context
	context int
	seed    uint64
	made    int // layers
	rng     *rand.Rand
}

func newStack(ctx context.Context, x mat.Matrix, o StackOptions, specs [][]Spec) (*Flow, error) {
	if _, err := kernels.Active(); err != nil {
		return nil, err
	}
	if o.On != nil {
		if err := o.On.ready("NewStack"); err != nil {
			return nil, err
		}
		o.Context = max(o.Context, o.On.context)
	}
	all, err := tile.ReadAll(x)
	if err != nil {
		return nil, inColumns(err, nil)
	}
	d := all.D - o.Context
	switch {
	case o.Context < 0 || d < 1:
		return nil, errs.Errorf(ErrShape, "the matrix has %d columns, of which %d are given; at least one must not be", all.D, o.Context)
	case o.On != nil && o.On.dim != d:
		return nil, errs.Errorf(ErrShape, "the matrix has %d columns that are not given; the flow to build on has dimension %d", d, o.On.dim)
	}
	b := &builder{ctx: ctx, x: all, context: o.Context, seed: o.Seed, rng: rand.New(rand.NewPCG(o.Seed, 3))}
	b.x.D = d
	other := b.x
	other.Data = append([]float64(nil), all.Data...)
	var blocks []block
	push := func(l layer.Layer) error {
		layer.Apply(b.ctx, l, other, b.x)
		if err := b.ctx.Err(); err != nil {
			return err
		}
		b.x, other = other, b.x
		for j := range d {
			if !tile.Finite(b.x.Row(j)) {
				return errs.Errorf(ErrOutOfRange, "the rows leave the range of float64; standardize the columns")
			}
		}
		return nil
	}
	if o.On != nil {
		for i := range o.On.Blocks() {
			var next block
			for _, l := range o.On.block(i) {
				l, err := layer.Clone(l, d)
				if err == nil {
					err = push(l)
				}
				if err != nil {
					return nil, fmt.Errorf("the flow to build on: %w", err)
				}
				next = append(next, l)
			}
			blocks = append(blocks, next)
		}
	}
	total := 0
	for i, listed := range specs {
		var next block
		if len(listed) == 0 {
			return nil, fmt.Errorf("block %d has no layer", i)
		}
		for j, s := range listed {
			if err := ctx.Err(); err != nil {
				return nil, fmt.Errorf("stopped before layer %d of block %d: %w", j, i, err)
			}
			if s.add == nil {
				return nil, fmt.Errorf("block %d, layer %d: the Spec is empty; ActNorm and its like make one", i, j)
			}
			l, err := s.add(b)
			if err == nil {
				l.Refresh()
				if total += len(l.Params()); total > layer.MaxParams {
					err = layer.ErrMaxParams
				} else {
					err = push(l)
				}
			}
			if err != nil {
				return nil, fmt.Errorf("block %d, layer %d (%s): %w", i, j, s.name, err)
			}
			b.made++
			next = append(next, l)
		}
		blocks = append(blocks, next)
	}
	if len(blocks) == 0 {
		return nil, fmt.Errorf("no block is listed")
	}
	f := newFlow(d, blocks)
	if f.context != o.Context {
		return nil, fmt.Errorf("%d columns are given, and no layer is conditioned on them", o.Context)
	}
	if o.On != nil {
		f.base, f.columns, f.info = o.On.base, o.On.columns, o.On.info
	}
	return f, nil
}

// marginals fits a mixture to each coordinate of the layer's input data.
func (b *builder) marginals(components int) ([]kernels.Mixture, error) {
	fits := make([]kernels.Mixture, b.x.D)
	var first tile.FirstError
	tile.Over(b.x.D, 1, func(loop *tile.Loop) {
		for j := range loop.Tiles {
			rng := rand.New(rand.NewPCG(b.seed, uint64(b.made)<<32|uint64(j)))
			var err error
			if fits[j], err = gmm.Fit(b.ctx, b.x.Row(j), components, rng); err != nil {
				first.Set(j, fmt.Errorf("coordinate %d: %w", j, err))
			}
		}
	})
	return fits, first.Err()
}

// moments returns the mean and the standard deviation of rows [from, to) of a tile;
// the deviation is 1 for constant rows.
func moments(x tile.Tile, from, to int) (mean, deviation []float64) {
	for j := from; j < to; j++ {
		one := tile.View(x.Row(j), 1, x.N)
		m := layer.NewActNorm(one).Describe() // z = s·x - s·mean
		scale := []float64{m.Tensors[1].Values[0]}
		kernels.Exp(scale, scale)
		mean = append(mean, -m.Tensors[0].Values[0]/scale[0])
		deviation = append(deviation, 1/scale[0])
	}
	return mean, deviation
}
