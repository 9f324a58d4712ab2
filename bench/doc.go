// Package bench holds the benchmarks.
//
// The Go benchmarks beside this file time every kernel on every tier, shared and per sample, for several n and K; a flow's
// forward map, inverse, log-density, samples, fit and training step; and the products under them. Their names read
// Benchmark<what>/<parameter>=<value>/…, so that benchstat can group by any of them; `make gobench` runs them on every BLAS
// backend the machine has, into build/bench-simd.txt, build/bench-gonum.txt and build/bench-openblas.txt.
//
// The reports are programs that measure ratios: contenders take turns in rounds, a ratio is taken within a round, and the
// median of the rounds counts.
//
//	make bench     every kernel on every tier; the figures that the project promises, next to what it promised
//	make products  the matrix products alone, on one core, against OpenBLAS and gonum and the most that the core can do
//	make compare   side by side with plain Go, gonum, libmvec, SLEEF, xsimd, MKL, Boost.Math, SciPy, JAX, PyTorch, zuko,
//	               scikit-learn and rbig
//	make growth    time and memory against rows, columns, components, blocks and threads
//
// Folders:
//
//	harness   contenders, rounds, the statistics of rounds, tables and figures, other programs as contenders
//	cases     inputs, kernels as pieces of work, plain Go instead of them, errors against 256-bit arithmetic
//	peers     contenders in C, C++ and Python, and gaussflow as such a program, for a BLAS backend and a number of threads; they
//	          speak the protocol of harness/peer.go on standard input and output
//	measure   information measures against what is known of them (make measures)
//	report    the commands above; its results are in results
//
// A new problem is an entry of cases.Problems, with its case in the peers; a new peer is a file in peers and a spec in
// report/peers.go.
package bench
