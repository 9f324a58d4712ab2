package harness

import "time"

// Clock returns the clock of this core at this moment, in GHz: it times a chain of integer additions and exclusive ors,
// each of which needs the one before it and takes one cycle on every core of the last decades. The fastest of several
// bursts counts: an interrupt slows a burst down, nothing speeds one up. It takes a tenth of a millisecond.
func Clock() float64 {
	const bursts, links = 6, 4000
	best := time.Duration(1 << 62)
	for range bursts {
		start := time.Now()
		sink = chain(links, sink|1, 0x9e3779b97f4a7c15)
		best = min(best, time.Since(start))
	}
	return links * cyclesPerLink / float64(max(best, 1).Nanoseconds())
}

// sink keeps the compiler from dropping what only takes time.
var sink uint64

const cyclesPerLink = 16

//go:noinline
func chain(n int, x, y uint64) uint64 {
	for range n {
		x = (x + y) ^ y
		x = (x + y) ^ y
		x = (x + y) ^ y
		x = (x + y) ^ y
		x = (x + y) ^ y
		x = (x + y) ^ y
		x = (x + y) ^ y
		x = (x + y) ^ y
	}
	return x
}
