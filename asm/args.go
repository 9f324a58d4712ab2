package asm

// Block is the number of samples that every kernel processes at a time: a multiple of every vector's length, and of the eight
// partial sums of a reduction. Kernels process whole blocks only.
const Block = 16

// Component is one Gaussian of a mixture in the form that the inner loops use: C/σ = IH + IL, Density = w/(σ√2π·Alpha), Ratio =
// w/(σ·Alpha). Below is the sum of the weights of the components to its left.
type Component struct {
	Mean, Scale, IH, IL, W, Density, Ratio, Below float64
}

// MixtureArgs are the arguments of the mixture kernels: the parameters of N samples, a multiple of Block, and rows of N numbers
// each. A kernel accesses only the rows that its comment names.
type MixtureArgs struct {
	N, K int

	// One mixture for all samples, or one for each: component k of sample i is element Stride·k + i.
	Components          *Component
	Weight, Mean, Scale *float64
	Stride              int

	X, Z, L      *float64
	D, WP, WN, F *float64 // the sums of kernels/ref_mixture.go
	CDF, SF, PDF *float64

	GZ, GL, DX               *float64
	DLogit, DMean, DLogScale *float64 // one mixture per sample: laid out like Weight, with DStride
	DStride                  int

	// Acc holds the partial sums of a shared mixture: three statistics of each component, 8 numbers each, and those of the
	// log-likelihood. Scratch holds EMChunk numbers for each component, and 2·EMChunk more.
	Acc, Scratch *float64
	Grad         *GradState
	Inverse      *InverseState
}

// EMChunk is the largest number of samples of a call of the E-step.
const EMChunk = 128

// Row is a number for each sample of a block.
type Row [Block]float64

// GradState is the state of the reverse mode for a block: the fields of sampleGrad in kernels/ref_gradient.go.
type GradState struct {
	GL, A, AE, Part, L2, Tail, Whole Row
}

// InverseTile is the largest number of samples of a call of the inverse: its rows stay in the first-level cache.
const InverseTile = 256

// InverseRow is a number for each sample of such a tile; rows that begin at multiples of a page would evict one another.
type InverseRow [InverseTile + 8]float64

// InverseState is the state of the inverse for a tile; its fields are named as in inverseOne of kernels/ref_inverse.go.
type InverseState struct {
	// Set by InverseStart. Narrow is InverseDone times the narrowest scale.
	X, Z, Q, InvPhi, Lo, Hi, Width, Narrow, Other InverseRow
	// Set by InverseSums, at X.
	D, WP, WN, F, DF, Lost InverseRow
	// Set by InverseSolve: Done is not 0 for solved samples, whose results are X and L.
	L    InverseRow
	Done [InverseTile + 8]uint64
}

// SoftmaxArgs are the arguments of Softmax: component k of sample i is element Stride·k + i of Src, and DstStride·k + i of Dst.
type SoftmaxArgs struct {
	N, K              int
	Dst, Src          *float64
	DstStride, Stride int
}

// LargestShareArgs are the arguments of LargestShare: component k of sample i is element ShareStride·k + i of Share, and
// LogitStride·k + i of Logit.
type LargestShareArgs struct {
	N, K                     int
	Best, At                 *float64
	Share, Logit             *float64
	ShareStride, LogitStride int
}

// GaussianArgs are the arguments of the log-density of a Gaussian in D dimensions: X holds blocks of Block samples, each D rows of
// Block numbers; Whiten is a lower triangular matrix, D×D.
type GaussianArgs struct {
	N, D                   int
	Dst, X, Whiten, Offset *float64
	Constant               float64
}

// AdamArgs are the arguments of Adam: N parameters, their gradients and moments; C1 = 1-β₁, C2 = 1-β₂, Rate and Root the
// bias-corrected learning rate and 1/√(1-β₂ᵗ).
type AdamArgs struct {
	N                                     int
	P, G, M, V                            *float64
	Beta1, Beta2, C1, C2, Rate, Root, Eps float64
}

// SplineArgs are the arguments of the spline kernels: N samples, a multiple of Block, in rows of N numbers, and their splines:
// row k of Width, Height and Slope (one row less) begins at element Stride·k. Knot k is Scale·Σ + Step·k - Bound, Σ the sum of
// the first k widths or heights.
type SplineArgs struct {
	N, K                           int
	Width, Height, Slope           *float64
	Stride                         int
	Bound, MinusBound, Scale, Step float64

	X, Y, L *float64 // the source, its image, the log-det

	GY, GL, DX              *float64
	DWidth, DHeight, DSlope *float64 // laid out like Width, with DStride
	DStride                 int
	State                   *SplineState // of the reverse mode
}

// SplineState is the state of the reverse mode for a block on NEON; its fields are named as in Splines.backwardOne of
// kernels/ref_spline.go.
type SplineState struct {
	Bin, Outside, CXL, CXR, CYL, CYR, DL, DR, IH, Up, Down, Lean Row
}
