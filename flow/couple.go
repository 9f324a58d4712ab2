package flow

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/gaussflow/gaussflow/flow/internal/layer"
)

// DefaultLogScaleBound bounds |log σ| of every component unless the data need more:
// σ = exp(bound·tanh(raw)) then lies between e⁻⁵ and e⁵.
const DefaultLogScaleBound = layer.DefaultLogScaleBound

// CouplingOptions says how Couple builds the conditioners. The zero value is
// the sensible default.
type CouplingOptions struct {
	// Width of each hidden layer; 64 if zero.
	Width int
	// Depth is the number of hidden layers; 2 if zero.
	Depth int
	// LogScaleBound bounds |log σ| of every component. If zero, each block
	// keeps the bound of the diagonal flow, and only then are the two flows
	// equal bit for bit; another bound keeps the scales up to rounding. It must
	// be larger than every |log σ| of the diagonal flow, and at most 138.
	LogScaleBound float64
	// Seed of the hidden layers' starting values.
	Seed uint64
}

// Couple returns a coupling flow that shares the fit of the diagonal flow f.
//
// In each block the mixture layer is replaced by two couplings: the second half
// of the coordinates is mapped given the first, then the first half given the
// mapped second. Halves have ⌊d/2⌋ and ⌈d/2⌉ coordinates, and each coordinate is
// mapped once. The mixtures come from a conditioner, a ReLU network whose final
// kernel starts at zero and whose final bias is f's stored parameters: until
// Train changes the kernel, the flow equals f bit for bit, in z, log-determinant
// and log-density, forward and inverse.
//
// f must be diagonal and of dimension 2 at least. It is not changed, and shares
// no parameters with the result.
func (f *Flow) Couple(o CouplingOptions) (*Flow, error) {
	if err := f.ready("Couple"); err != nil {
		return nil, err
	}
	if o.Width == 0 {
		o.Width = 64
	}
	if o.Depth == 0 {
		o.Depth = 2
	}
	switch {
	case f.dim < 2:
		return nil, fmt.Errorf("flow: Couple: the flow has dimension %d; a coupling needs at least 2 coordinates, one half to condition on and one to map", f.dim)
	case o.Width < 0 || o.Depth < 0:
		return nil, fmt.Errorf("flow: Couple: width %d and depth %d; both must be positive", o.Width, o.Depth)
	case !(o.LogScaleBound >= 0 && o.LogScaleBound <= layer.MaxLogScale):
		return nil, fmt.Errorf("flow: Couple: LogScaleBound is %v; it must be positive and at most %d, or 0 for the diagonal flow's own", o.LogScaleBound, layer.MaxLogScale)
	}
	if f.conditioned() {
		return nil, errors.New("flow: Couple: the flow has conditioners already; only a diagonal flow can be coupled")
	}
	rng := rand.New(rand.NewPCG(o.Seed, 0))
	conditioner := layer.Conditioner{Width: o.Width, Depth: o.Depth, Bound: o.LogScaleBound}
	var blocks []block
	coupled := false
	for i := range f.Blocks() {
		var b block
		for _, l := range f.block(i) {
			var err error
			if c, ok := l.(layer.Coupler); ok {
				l, err = c.Couple(conditioner, rng)
				coupled = true
			} else {
				l, err = layer.Clone(l, f.dim)
			}
			if err != nil {
				return nil, fmt.Errorf("flow: Couple: block %d: %w", i, err)
			}
			b = append(b, l)
		}
		blocks = append(blocks, b)
	}
	if !coupled {
		return nil, errors.New("flow: Couple: the flow has no mixtures; only a diagonal flow can be coupled")
	}
	c := newFlow(f.dim, blocks)
	c.base, c.columns, c.info = f.base, f.columns, f.info
	return c, nil
}
