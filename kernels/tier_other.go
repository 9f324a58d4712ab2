//go:build purego || !(amd64 || arm64)

package kernels

// tierMissing says what t, which is not Generic, lacks here; "" if it can run.
func tierMissing(Tier) string { return "this build has no assembly" }
