package flow

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/flow/internal/rotate"
)

// DefaultLogScaleBound bounds |log σ| of every component unless the data need more:
// σ = exp(bound·tanh(raw)) then lies between e⁻⁵ and e⁵.
const DefaultLogScaleBound = layer.DefaultLogScaleBound

// CouplingOptions says how Couple builds the conditioners. The zero value is
// the sensible default.
type CouplingOptions struct {
	// Blocks is the number of coupling blocks to append to f, each a random rotation
	// and a coupling that is nearly the identity until it is trained. Zero means 4 if f
	// has no mixtures to couple, otherwise none.
	Blocks int
	// Width of each hidden layer; 64 if zero.
	Width int
	// Depth is the number of hidden layers; 2 if zero.
	Depth int
	// LogScaleBound bounds |log σ| of every component. If zero, each block
	// keeps the bound of the diagonal flow, and only then are the two flows
	// equal bit for bit; another bound keeps the scales up to rounding. It must
	// be larger than every |log σ| of the diagonal flow, and at most 138.
	LogScaleBound float64
	// Plain conditioners are unbounded networks, as in the gauss_flows tutorial: ReLU
	// between the layers, raw inputs, and outputs that are the stored parameters
	// themselves. They can be trained too, but nothing limits them far from the data:
	// see [Flow.Couple].
	Plain bool
	// Seed of the hidden layers' starting values, and of the rotations of Blocks.
	Seed uint64
}

// Couple returns a coupling flow that shares the fit of the diagonal flow f.
//
// It replaces each layer of mixtures by two couplings: the second half of the coordinates
// is mapped given the first, then the first half given the mapped second. Halves have
// ⌊d/2⌋ and ⌈d/2⌉ coordinates, and each coordinate is mapped once. The mixtures come from
// a conditioner, a network that changes f's stored parameters and whose final layer
// starts at zero: until Train moves it, the flow equals f bit for bit, in z,
// log-determinant and log-density, forward and inverse. Blocks that [Fit] made stay as
// they are, and so do mixtures of one component; CouplingOptions.Blocks appends couplings
// behind them.
//
// # What a conditioner cannot do
//
// Far from the data nothing restrains a network's outputs. Unless a conditioner is Plain,
// the flow therefore bounds them:
//
//   - It sees its inputs standardised, u, and bounded, u/√(1+(u/3)²): along any ray its
//     outputs come to rest.
//   - In each mixture the widest component is an anchor, which the conditioner neither
//     moves nor widens nor narrows, and whose share w stays above w/(w+(1-w)e⁴): from a
//     half, 1.8 % are left.
//   - The other components are never wider than that, and their means stay within 4
//     standard deviations of the mixture from where f has them.
//
// Hence, for any parameters: where a coupling's mixtures have the anchor N(0,1) with a
// share of at least w, its density is at least w times the normal one in each
// coordinate, so B blocks in d dimensions cannot lower log p below that of what they
// follow by more than B·d·log(1/w), at any point; a coordinate of a sample moves, in each
// block, by at most the largest |mean|; and far out a coupling has slope 1, so
// that the flow has the tails of what the couplings follow.
//
// f must be diagonal and have dimension 2 or more. Couple does not change it, and the
// result shares no parameters with it.
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
	case o.Blocks < 0:
		return nil, fmt.Errorf("flow: Couple: Blocks is %d; it must not be negative", o.Blocks)
	case !(o.LogScaleBound >= 0 && o.LogScaleBound <= layer.MaxLogScale):
		return nil, fmt.Errorf("flow: Couple: LogScaleBound is %v; it must be positive and at most %d, or 0 for the diagonal flow's own", o.LogScaleBound, layer.MaxLogScale)
	}
	if f.conditioned() {
		return nil, errors.New("flow: Couple: the flow has conditioners already; only a diagonal flow can be coupled")
	}
	rng := rand.New(rand.NewPCG(o.Seed, 0))
	conditioner := layer.Conditioner{Width: o.Width, Depth: o.Depth, Bound: o.LogScaleBound, Plain: o.Plain}
	var blocks []block
	coupled := false
	for i := range f.Blocks() {
		var b block
		opening := isOpening(f.block(i))
		for _, l := range f.block(i) {
			var err error
			if c, ok := l.(layer.Coupler); ok && !opening {
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
	if !coupled && o.Blocks == 0 {
		o.Blocks = 4
	}
	for range o.Blocks {
		l, err := layer.NearIdentity(f.dim).(layer.Coupler).Couple(conditioner, rng)
		if err != nil {
			return nil, fmt.Errorf("flow: Couple: block %d: %w", len(blocks), err)
		}
		blocks = append(blocks, block{layer.NewRotation(f.dim, rotate.Haar(f.dim, rng)), l})
	}
	c := newFlow(f.dim, blocks)
	c.base, c.columns, c.info = f.base, f.columns, f.info
	return c, nil
}

// isOpening reports whether Fit made the block.
func isOpening(b block) bool {
	return slices.ContainsFunc(b, func(l layer.Layer) bool {
		_, ok := l.(layer.Chosen)
		return ok
	})
}
