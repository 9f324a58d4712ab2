//go:build !purego

package kernels

// tierMissing says what t, which is not Generic, lacks here; "" if it can run.
// Every arm64 processor has NEON.
func tierMissing(t Tier) string {
	if t != NEON {
		return "it is for amd64, and this is arm64"
	}
	return ""
}
