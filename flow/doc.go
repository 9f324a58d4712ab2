// Package flow fits, trains and evaluates Gaussianization flows: invertible maps
// from data x to a standard-normal latent z, and with them exact densities and
// samplers.
//
// # The path of the data
//
//	x := ...                                        // *mat.Dense, one sample per row
//	f, err := flow.Fit(ctx, x, flow.FitOptions{})   // chooses everything by rows held out
//	err = f.LogProb(logProb, x)                     // log p of each row, in nats
//	err = f.Forward(z, logDet, x)                   // data to latent
//	err = f.Inverse(x, logDet, z)                   // latent to data
//	err = f.Sample(y, rand.NewPCG(1, 2))            // new rows
//	err = f.ScoreInput(s, nil, x)                   // ∂log p/∂x
//
// Begin with [Fit]. [FitRBIG] is the plain algorithm of rotations and mixtures; its flow
// can be made a coupling flow and trained:
//
//	diagonal, err := flow.FitRBIG(x, flow.RBIGOptions{})       // fit, no gradients
//	coupling, err := diagonal.Couple(flow.CouplingOptions{})   // the same function, trainable
//	history, err := flow.Train(ctx, coupling, x, flow.TrainOptions{})
//
// Saving and loading a flow keeps every bit ([Flow.Save], [Load]). All parameters of a flow
// can be read, and a flow can be built from parameters ([Flow.Model], [New]). Data that do
// not fit in memory are processed in blocks of rows ([Flow.LogProbSeq], [Flow.ForwardSeq],
// [Flow.InverseSeq]). Training holds out validation rows, stops when their loss no longer
// falls and keeps the best parameters ([TrainOptions]). A training run can be stopped,
// saved and resumed, and ends with the same bits as an uninterrupted one ([Trainer]).
//
// # The maps
//
// A flow is a stack of blocks. Each block rotates the samples and then takes
// every coordinate through the distribution function F of a Gaussian mixture and
// back through the normal one,
//
//	z = Φ⁻¹(F(x)),  F(x) = Σ_k w_k Φ((x-μ_k)/σ_k),
//
// so that a coordinate distributed like the mixture becomes standard normal. The
// rotation between two such maps lets the next one see other directions. The
// density follows from the change of variables,
//
//	log p(x) = Σ_j log φ(z_j) + log|det dz/dx|,
//
// where a rotation contributes nothing to the determinant and a mixture
// log dz/dx = log f(x) - log φ(z), f = F'. Nothing is clipped: z and its
// derivative are accurate however far x is out in the tails, and densities
// integrate to 1.
//
// In a diagonal flow the mixtures are constants. In a coupling flow the mixtures
// of one half of the coordinates are functions of the other half: a small neural
// network, the conditioner, computes them anew for each sample. Both read stored
// parameters the same way, weights = softmax(logits) and
// σ = exp(bound·tanh(raw)), and use the same kernels in the same order.
// A coupling flow whose conditioners' last kernels are zero therefore equals its
// diagonal flow bit for bit, and [Train] starts exactly where [FitRBIG] stopped.
//
// # Units and conventions
//
// Matrices are gonum's; rows are samples. Densities, log-determinants and losses
// are in nats, per sample, not per coordinate. The coordinates of x keep their
// units, z has none.
//
// What is wrong with data or options is an error that names the place; row and
// column numbers start at 0. Results do not depend on the number of goroutines
// (GOMAXPROCS), and random numbers come from a seed or a source of math/rand/v2
// alone. In the default build the same data, options and seed give the same bits on
// every processor: fits, training, densities and samples. With -tags openblas or
// -tags gonum matrix products differ in their last bits, and a fit lets that grow.
//
// # Where things are
//
// This package is the face. flow.go takes the rows of matrices through the layers, a
// tile of samples at a time, and stream.go takes blocks of them; rbig.go fits, train.go
// trains on the gradients of gradient.go, save.go and checkpoint.go keep flows and runs.
// Behind it, each in a package of its own that imports no more than it must:
//
//	flow/model              a flow as data: kinds, attributes and named tensors
//	flow/internal/tile      samples in tiles, and all parallel work
//	flow/internal/layer     the layers, behind one interface, and their registry
//	flow/internal/gmm       the fit of a one-dimensional mixture
//	flow/internal/rotate    the fit of a rotation
//	flow/internal/gflow     the format of saved flows
package flow
