// Package bench holds the benchmarks. Its names read
// Benchmark<what>/<parameter>=<value>/…, so that benchstat can group by any of
// them; `make bench` runs them on every BLAS backend the machine has.
package bench
