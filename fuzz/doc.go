// Package fuzz holds the fuzz targets, each with an oracle that knows the right answer by another way: the reference tier,
// exact arithmetic, or a law. Seed corpora stand in the targets and in testdata/fuzz/<target>, and run with every `go
// test`; `make fuzz` looks for new inputs, `make fuzz-long` for as long as it is told. LOG.md tells what they found.
//
//	FuzzKernelTiers        every kernel on every tier against the reference, bit for bit
//	FuzzKernelAccuracy     the documented errors, against 256-bit arithmetic
//	FuzzMixtureLaws        monotonicity, symmetry, inverse, slope, gradients, E-step of any mixture
//	FuzzWideMixtureLaws    the same as far as it holds in all of the kernels' domain
//	FuzzSplineLaws         monotonicity, inverse, log-determinants of any spline
//	FuzzNormalLaws         the functions of one number
//	FuzzSoftmax            against exact arithmetic
//	FuzzFlow               data through fit, couple, forward, inverse, training and the integral
//	FuzzStack              any list of layers: rows alone and in batches, there and back, training, saving
//	FuzzStreams            rows in blocks, with all that can be wrong with them, against the same rows without a stream
//	FuzzProductTiers       matrix products on every tier against their definition, bit for bit
//	FuzzGemm, FuzzSyrkUpper, FuzzSymEig   linear algebra against exact arithmetic and definitions
//
// FuzzCommand, with hostile arguments and files, is in cmd/gaussflow; FuzzLoad and FuzzLoadSafetensors, with hostile
// models and training runs, in flow; FuzzOpen, with hostile tables, in internal/table.
package fuzz
