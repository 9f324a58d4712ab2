package flow

import (
	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/kernels"
)

// A Block is one block of a flow: a rotation, then a mixture per coordinate. It
// is a view for inspection; it follows the flow when that is trained.
type Block struct {
	flow   *Flow
	layers []layer
}

// Block returns block i, 0 ≤ i < Blocks. Chaining the blocks in order is
// [Flow.Forward]; the intermediate outputs show how the data becomes normal.
func (f *Flow) Block(i int) Block { return Block{f, f.block(i)} }

func (f *Flow) block(i int) block {
	from := 0
	if i > 0 {
		from = f.end[i-1]
	}
	return f.layers[from:f.end[i]]
}

// Forward is [Flow.Forward] for the block alone.
func (b Block) Forward(z *mat.Dense, logDet []float64, x mat.Matrix) error {
	return b.flow.evaluate("Block.Forward", (*workspace).forward, b.layers, z, logDet, x)
}

// Inverse is [Flow.Inverse] for the block alone.
func (b Block) Inverse(x *mat.Dense, logDet []float64, z mat.Matrix) error {
	return b.flow.evaluate("Block.Inverse", (*workspace).inverse, b.layers, x, logDet, z)
}

// NumParams counts the numbers the block stores.
func (b Block) NumParams() int { return numParams(b.layers) }

// KernelMax is [Flow.KernelMax] for the block alone.
func (b Block) KernelMax() []float64 { return kernelMax(b.layers) }

// Rotation returns a copy of the block's orthogonal matrix; its rows are the new
// axes.
func (b Block) Rotation() *mat.Dense {
	for _, l := range b.layers {
		if r, ok := l.(*rotation); ok {
			return mat.DenseCopyOf(mat.NewDense(r.d, r.d, r.r))
		}
	}
	return nil
}

// Mixtures returns a copy of the mixture of each coordinate. In a coupling
// block they depend on the sample; there it returns those that the conditioners'
// biases alone describe.
func (b Block) Mixtures() []kernels.Mixture {
	l, _ := b.marginals()
	return l
}

// LogScaleBound returns the bound on |log σ| of the block's components.
func (b Block) LogScaleBound() float64 {
	_, bound := b.marginals()
	return bound
}

func (b Block) marginals() ([]kernels.Mixture, float64) {
	for _, l := range b.layers {
		switch l := l.(type) {
		case *mixtures:
			return newMixtures(l.bound, cutAll(l.p, l.k)).shared, l.bound
		case *coupling:
			return l.mean(), l.bound
		}
	}
	return nil, 0
}
