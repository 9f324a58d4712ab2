//go:build race

package kernels

// raceEnabled: under the race detector sync.Pool drops items at random.
const raceEnabled = true
