package asm

// Lanes is the granule of every assembly kernel: n is a multiple of it, and the caller pads. A reduction keeps this many
// partial sums, whatever the width of the vectors.
const Lanes = 8

// Component is one Gaussian of a mixture in the form of the inner loop: C/σ = IH + IL, Density = w/(σ√2π·Alpha).
type Component struct {
	Mean, Scale, IH, IL, W, Density float64
}

// Mix says where a kernel finds its mixture. A …Shared kernel reads K Components; an …Each kernel reads one mixture
// per sample, component k of sample i at [k*Stride+i] of Weight, Mean and Scale, and forms the Components itself.
type Mix struct {
	K                   int
	Comps               *Component
	Weight, Mean, Scale *float64
	Stride              int // in elements
}

// SumsArgs are the arguments of MixSums: of each of N samples X it forms the biased tails FS = 2^480·F, SS = 2^480·S and
// the biased density F; F is 0 where the tails together are below FarDensity (or X is NaN): the far path is due there.
type SumsArgs struct {
	FS, SS, F, X *float64
	N            int
	Mix
}

// FinishArgs are the arguments of Finish: Z = Φ⁻¹ of the tails and L = log dz/dx. Far is set to 1 if some F is 0;
// Z and L mean nothing there.
type FinishArgs struct {
	Z, L, FS, SS, F *float64
	N               int
	Far             int
}

// FarArgs are the arguments of Far: Z and L by the far path, for finite X with a finite distance to some component.
type FarArgs struct {
	Z, L, X *float64
	N       int
	Mix
}

// Status of a lane of the inverse.
const (
	Running = 0 // another round is due
	Done    = 1 // X and L are the result; L is log dz/dx
	Scalar  = 2 // the reference has to do this lane: NaN, ±Inf, a bracket of one point, a flat map, or a far tail
)

// InverseArgs are the state of N lanes of the inverse. InverseStart fills all of it from Z; InverseRound advances every
// lane whose Status is Running by one round, and leaves the others as they are. Round counts from 0.
type InverseArgs struct {
	Z, X, L, Lo, Hi, Width, Narrow, Q, InvPhi *float64
	Status                                    *float64
	N, Round                                  int
	Mix
}

// BackwardArgs are the arguments of Backward. …Each writes DLogit, DMean and DLogScale, component k of sample i at
// [k*DStride+i]; …Shared adds to Acc: 3·K rows of Lanes partial sums, a logit's, a mean's and a log scale's in turn.
type BackwardArgs struct {
	DX, GZ, GL, X, Z, L *float64
	N                   int
	Mix
	DLogit, DMean, DLogScale *float64
	DStride                  int
	Acc                      *[Lanes]float64
}

// EMArgs are the arguments of EM: N samples X against shared Components. Acc receives 3·K rows of partial sums, N, A and B
// of each component in turn, and LogLik those of log f. R is scratch, K rows of Lanes.
type EMArgs struct {
	X *float64
	N int
	Mix
	R, Acc *[Lanes]float64
	LogLik *[Lanes]float64
}

// SoftmaxArgs are the arguments of Softmax, strides in elements.
type SoftmaxArgs struct {
	Dst, Logit        *float64
	DstStride, Stride int
	K, N              int
}

// AdamArgs are the arguments of Adam: C1 = 1-Beta1, C2 = 1-Beta2, Rate = lr/(1-Beta1^t), Root = 1/√(1-Beta2^t).
type AdamArgs struct {
	P, G, M, V                            *float64
	N                                     int
	Beta1, Beta2, C1, C2, Rate, Root, Eps float64
}
