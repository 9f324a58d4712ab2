package main

import "github.com/gaussflow/gaussflow/kernels"

// A count is how many additions, multiplications and fused multiply-adds a kernel's arithmetic takes per vector, by
// component and by sample: what the ports that do them must carry at least. Divisions, roots, comparisons and integer
// work have other ports and are left out, so that the bound is never too high.
type count struct{ perComponent, perSample float64 }

// counts are those of kernels/scalar.go and the files around it, by a kernel's name and form. The parts: the distance with
// its residuals 10, the exponential's argument 6 and polynomial 11, the Mills ratio 20, taking a component 5; the
// logarithm 18; the quantile's centre 36. A mixture per sample is prepared in the loop: 6 more a component.
var counts = map[string]count{
	"MixtureCDF/shared":      {52, 5},
	"MixtureForward/shared":  {52, 60},
	"MixtureForward/each":    {58, 60},
	"MixtureBackward/shared": {63, 63},
	"MixtureBackward/each":   {66, 63},
	"MixtureEM/shared":       {27, 21},
	"NormCDF/":               {0, 43},
	"NormSF/":                {0, 43},
	"NormQuantile/":          {0, 38},
	"Exp/":                   {0, 17},
	"Log/":                   {0, 18},
}

// tierCounts say where a tier's assembly needs another number; the heads of its files state it.
var tierCounts = map[kernels.Tier]map[string]count{}

// lanes and ports are those of a tier: two ports that add, multiply and fuse whole vectors, as the cores of today have.
var lanes = map[kernels.Tier]float64{kernels.AVX2: 4, kernels.AVX512: 8, kernels.NEON: 2}

const ports = 2

// bound returns the least number of cycles per element that a kernel of k components can take on a tier.
func bound(kernel, form string, k int, t kernels.Tier) (cycles float64, known bool) {
	key := kernel + "/" + form
	c, known := counts[key]
	if other, there := tierCounts[t][key]; there {
		c, known = other, true
	}
	if !known || lanes[t] == 0 {
		return 0, false
	}
	return (c.perComponent*float64(k) + c.perSample) / (ports * lanes[t]), true
}
