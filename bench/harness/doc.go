// Package harness measures contenders against each other and reports the results: rounds that interleave them, so that
// a noisy machine affects all alike (measure.go), the statistics of such rounds (stats.go), the clock of the core
// (clock.go), other programs as contenders (peer.go), tables as text and JSON (table.go) and as figures (plot.go), and
// the description of the machine that belongs with all of them (machine.go).
package harness
