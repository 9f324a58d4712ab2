// Package layer holds the invertible maps that flows are made of.
//
// A new kind of layer is one file with a type that implements [Layer] and registers
// its constructor, and one row in the table of TestLayers. Capabilities that only
// some layers have are small optional interfaces: [Axes], [Marginals], [Conditioned],
// [Coupler], [Density], [Pinned], [Chosen], [Contextual].
package layer

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gaussflow/gaussflow/flow/internal/errs"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/kernels"
)

// A Layer is one invertible map of R^d with a tractable Jacobian.
//
// A layer's trainable parameters are a view of the flow's flat vector of parameters,
// so that the optimiser, clipping and checkpoints are one loop each. Methods other
// than Bind and Refresh only read the layer, so goroutines can share it.
type Layer interface {
	// Forward writes z = T(x) and adds log|det dT/dx| of each sample to
	// logDet, which may be nil. It leaves in s what Backward needs. z must not
	// overlap x.
	Forward(z tile.Tile, logDet []float64, x tile.Tile, s tile.Arena)

	// Inverse writes x = T⁻¹(z) and adds log|det dx/dz| to logDet, which may
	// be nil.
	Inverse(x tile.Tile, logDet []float64, z tile.Tile, s tile.Arena)

	// Backward is the vector-Jacobian product of Forward. Given the derivatives
	// dz and dLogDet of a scalar with respect to Forward's outputs, it writes the
	// derivative with respect to x into dx, and with respect to the parameters
	// into grad. fwd holds the input, output and scratch of Forward, and s is the
	// scratch of Backward itself. It may overwrite dz.
	Backward(dx tile.Tile, grad []float64, dz tile.Tile, dLogDet []float64, fwd Tape, s tile.Arena)

	// Scratch returns the numbers per sample that Forward (or Inverse) and
	// Backward take from their arenas.
	Scratch() (forward, backward int)

	// Params returns the trainable parameters, a view.
	Params() []float64

	// Bind copies the parameters to p and uses that memory from then on.
	Bind(p []float64)

	// Refresh recomputes values that depend on the parameters alone. It is called
	// after the parameters change.
	Refresh()

	// NumFixed counts the stored numbers that are not trained.
	NumFixed() int

	// Describe returns a description of the layer, which shares no memory with
	// it. Build makes a layer with the same bits from it.
	Describe() model.Layer
}

// A Tape is what Backward needs of Forward: its input, its output and its scratch.
type Tape struct {
	X, Z tile.Tile
	S    tile.Arena
}

// Axes is implemented by rotations; the rows of the matrix are the new axes.
type Axes interface{ Axes() []float64 }

// Marginals is implemented by layers with a mixture for each coordinate. It returns
// them with the bound on the components' |log σ|. If the mixtures depend on the
// sample, they are those that the conditioners' final biases alone describe.
type Marginals interface {
	Marginals() (m []kernels.Mixture, bound float64)
}

// Conditioned is implemented by layers with conditioners.
type Conditioned interface {
	// KernelMax returns the largest magnitude in the final kernel of each
	// conditioner.
	KernelMax() []float64
}

// Coupler is implemented by layers that can be given conditioners: Couple returns a
// layer that is the same map until its final kernels are trained.
type Coupler interface {
	Couple(o Conditioner, rng *rand.Rand) (Layer, error)
}

// Density is implemented by layers that can compute the log-density of a sample, under
// a standard normal base, without its image. It adds the log-density to logDensity, in
// nats. The result agrees with that of Forward up to rounding, and takes a fraction of
// the time. It needs the scratch of Forward.
type Density interface {
	AddLogDensity(logDensity []float64, x tile.Tile, s tile.Arena)
}

// Pinned is implemented by layers some of whose parameters are not trained.
type Pinned interface {
	// Pinned returns for each element of Params whether it is fixed, or nil if
	// none is. Backward can ignore it: training clears the derivatives of fixed
	// parameters.
	Pinned() []bool
}

// Chosen is implemented by the last layer of a block that Fit made. Couple leaves that
// block as it is, and so does training if couplings follow. Chosen returns the options
// for another fit of the same kind.
type Chosen interface{ Chosen() Fitted }

// Fitted holds those options of a fit that differ from the defaults.
type Fitted struct {
	MaxComponents int
	Dequantized   bool
}

// A Conditioner describes conditioners to build: the width and number of hidden layers,
// and the bound on |log σ|, 0 for that of the layer that is coupled. Plain ones have
// ReLU between their layers, raw inputs and unbounded outputs.
type Conditioner struct {
	Width, Depth int
	Bound        float64
	Plain        bool
}

// Apply runs one layer forward over any number of samples, on as many goroutines as
// GOMAXPROCS allows, without log-determinants. Once ctx is done it computes no more
// samples.
func Apply(ctx context.Context, l Layer, z, x tile.Tile) {
	size := tile.Size(x.D)
	perSample, _ := l.Scratch()
	tile.Over(x.N, size, func(loop *tile.Loop) {
		s := make(tile.Arena, perSample*size)
		for from, to := range loop.Tiles {
			if ctx.Err() != nil {
				return
			}
			l.Forward(z.Cols(from, to), nil, x.Cols(from, to), s)
		}
	})
}

// MaxParams is the largest number of parameters of a flow; it keeps sizes in the range
// of int.
const MaxParams = math.MaxInt32

// ErrMaxParams is the error for more parameters than MaxParams.
var ErrMaxParams = fmt.Errorf("it has more than %d parameters", MaxParams)

// kinds maps every kind of layer to its constructor.
var kinds = map[string]func(d *description, dim int) Layer{}

// register is called by the init function of a layer's file. The constructor reads
// attributes and tensors from the description; the layer must not keep the memory of
// the tensors.
func register(kind string, build func(d *description, dim int) Layer) { kinds[kind] = build }

// Build makes the layer of dimension dim that m describes. Its errors name the
// tensor or attribute that is wrong.
func Build(m model.Layer, dim int) (Layer, error) {
	build := kinds[m.Kind]
	if build == nil {
		return nil, errs.Errorf(errs.ErrFormat, "the kind %q is unknown", m.Kind)
	}
	d := &description{layer: m, read: map[string]bool{}}
	l := build(d, dim)
	d.nothingElse()
	if d.err != nil {
		return nil, d.err
	}
	l.Refresh()
	return l, nil
}

// Clone returns a copy of l that shares no memory with it.
func Clone(l Layer, dim int) (Layer, error) { return Build(l.Describe(), dim) }

// A description gives a constructor the attributes and tensors of a layer. It keeps
// the first error; after an error its methods return empty values.
type description struct {
	layer model.Layer
	read  map[string]bool
	err   error
}

// fail records an error of a tensor or attribute.
func (d *description) fail(name, format string, args ...any) {
	d.failAs(errs.ErrFormat, fmt.Sprintf("tensor %q", name), fmt.Sprintf(format, args...))
}

func (d *description) failAs(kind error, what, wrong string) {
	if d.err == nil {
		d.err = errs.Errorf(kind, "%s: %s", what, wrong)
	}
}

// has reports whether there is a tensor of that name.
func (d *description) has(name string) bool {
	_, ok := d.layer.Tensor(name)
	return ok
}

// attribute returns the value of an attribute, "" if there is none.
func (d *description) attribute(name string) string {
	d.read[name] = true
	return d.layer.Attributes[name]
}

// anySize stands for a dimension of any size.
const anySize = -1

// tensor returns the tensor of that name, which must have the given shape and
// finite values.
func (d *description) tensor(name string, shape ...int) model.Tensor {
	t, ok := d.layer.Tensor(name)
	d.read[name] = true
	size := 1
	fits := len(t.Shape) == len(shape)
	for i, n := range t.Shape {
		fits = fits && n >= 1 && (shape[i] == n || shape[i] == anySize) && n <= MaxParams/size
		if !fits {
			break
		}
		size *= n
	}
	switch {
	case !ok:
		d.fail(name, "it is missing")
	case !fits:
		d.failAs(errs.ErrShape, fmt.Sprintf("tensor %q", name), fmt.Sprintf("its shape is %v; it must be %s", t.Shape, formatShape(shape)))
	case len(t.Values) != size:
		d.failAs(errs.ErrShape, fmt.Sprintf("tensor %q", name), fmt.Sprintf("it has %d values for shape %v", len(t.Values), t.Shape))
	default:
		if i := slices.IndexFunc(t.Values, func(v float64) bool { return v-v != 0 }); i >= 0 {
			d.failAs(errs.ErrNotFinite, fmt.Sprintf("tensor %q", name), fmt.Sprintf("element %d is %v; it must be finite", i, t.Values[i]))
		}
	}
	if d.err != nil {
		return model.Tensor{Name: name, Shape: make([]int, len(shape))}
	}
	return t
}

// formatShape formats a shape, with a word for dimensions of any size.
func formatShape(shape []int) string {
	s := "["
	for i, n := range shape {
		if i > 0 {
			s += " "
		}
		if n == anySize {
			s += "any"
		} else {
			s += fmt.Sprint(n)
		}
	}
	return s + "]"
}

// nothingElse records an error if a tensor occurs twice, or if a tensor or
// attribute has not been read.
func (d *description) nothingElse() {
	seen := map[string]bool{}
	for _, t := range d.layer.Tensors {
		switch {
		case !d.read[t.Name]:
			d.fail(t.Name, "a layer of kind %s has no such tensor", d.layer.Kind)
		case seen[t.Name]:
			d.fail(t.Name, "it is there twice")
		}
		seen[t.Name] = true
	}
	for name := range d.layer.Attributes {
		if !d.read[name] {
			d.failAs(errs.ErrFormat, fmt.Sprintf("attribute %q", name), fmt.Sprintf("a layer of kind %s has no such attribute", d.layer.Kind))
		}
	}
}

// dot is the sum of the products of the elements, in their order.
func dot(x, y []float64) float64 {
	sum := 0.0
	for i, v := range x {
		sum += float64(v * y[i])
	}
	return sum
}

// sum returns the sum of counts.
func sum(k []int) int {
	n := 0
	for _, v := range k {
		n += v
	}
	return n
}
