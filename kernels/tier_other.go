package kernels

// tierMissing says what t lacks here.
func tierMissing(t Tier) string { return "this build has no assembly for it" }
