package flow

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/layer"
	"github.com/gaussflow/gaussflow/kernels"
)

// A Block is a view of one block of a flow, such as a rotation followed by a
// mixture per coordinate. It shares the flow's parameters, so it changes when the
// flow is trained.
type Block struct {
	flow   *Flow
	layers []layer.Layer
}

// Block returns block i, 0 ≤ i < Blocks. Chaining the blocks in order is
// [Flow.Forward]; the intermediate outputs show how the data becomes normal. It
// panics if i is out of range.
func (f *Flow) Block(i int) Block {
	f.mustBeReady("Block")
	if i < 0 || i >= f.Blocks() {
		panic(fmt.Sprintf("flow: Block(%d): the flow has %d blocks, from 0 on", i, f.Blocks()))
	}
	return Block{f, f.block(i)}
}

func (f *Flow) block(i int) block {
	from := 0
	if i > 0 {
		from = f.end[i-1]
	}
	return f.layers[from:f.end[i]]
}

// Forward is [Flow.Forward] for the block alone.
func (b Block) Forward(z *mat.Dense, logDet []float64, x mat.Matrix) error {
	return b.owner().evaluate("Block.Forward", (*workspace).forward, b.layers, z, logDet, false, x)
}

// Inverse is [Flow.Inverse] for the block alone.
func (b Block) Inverse(x *mat.Dense, logDet []float64, z mat.Matrix) error {
	return b.owner().evaluate("Block.Inverse", (*workspace).inverse, b.layers, x, logDet, false, z)
}

// owner returns the block's flow; it panics if there is none.
func (b Block) owner() *Flow {
	if b.flow == nil {
		panic("flow: the Block is empty; Flow.Block returns one")
	}
	return b.flow
}

// NumParams returns the number of parameters that the block stores, fixed ones
// included.
func (b Block) NumParams() int { return numParams(b.layers) }

// KernelMax is [Flow.KernelMax] for the block alone.
func (b Block) KernelMax() []float64 { return kernelMax(b.layers) }

// Rotation returns a copy of the block's orthogonal matrix, whose rows are the new
// axes, or nil if it has none.
func (b Block) Rotation() *mat.Dense {
	for _, l := range b.layers {
		if r, ok := l.(layer.Axes); ok {
			return mat.DenseCopyOf(mat.NewDense(b.flow.dim, b.flow.dim, r.Axes()))
		}
	}
	return nil
}

// Mixtures returns a copy of the mixture of each coordinate, or nil if the block
// has none. In a coupling block mixtures depend on the sample; there it returns
// those that the conditioners' final biases alone describe.
func (b Block) Mixtures() []kernels.Mixture {
	m, _ := b.marginals()
	return m
}

// LogScaleBound returns the bound on |log σ| of the block's components, or 0 if it
// has none.
func (b Block) LogScaleBound() float64 {
	_, bound := b.marginals()
	return bound
}

func (b Block) marginals() ([]kernels.Mixture, float64) {
	for _, l := range b.layers {
		if m, ok := l.(layer.Marginals); ok {
			return m.Marginals()
		}
	}
	return nil, 0
}
