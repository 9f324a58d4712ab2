package main

import "github.com/gaussflow/gaussflow/kernels"

// A count is how many multiplications and fused multiply-adds a kernel's arithmetic takes per vector, by component and by
// sample: what the ports that do them must carry at least. Additions have ports of their own on some cores; divisions,
// roots, comparisons and integer work are left out as well, so that the bound is never too high.
type count struct{ perComponent, perSample float64 }

// counts are those of kernels/scalar.go and the files around it, by a kernel's name and form. The parts: the distance with
// its residuals 4, the exponential's argument 3 and polynomial 11, the Mills ratio 20, taking a component 3; the logarithm
// 13; the quantile's centre 32. A mixture per sample is prepared in the loop: 5 more a component.
var counts = map[string]count{
	"MixtureCDF/shared":      {41, 5},
	"MixtureForward/shared":  {41, 49},
	"MixtureForward/each":    {46, 49},
	"MixtureBackward/shared": {50, 55},
	"MixtureBackward/each":   {52, 55},
	"MixtureEM/shared":       {17, 15},
	"NormCDF/":               {0, 39},
	"NormSF/":                {0, 39},
	"NormQuantile/":          {0, 34},
	"Exp/":                   {0, 14},
	"Log/":                   {0, 13},
}

// tierCounts say where a tier's assembly needs another number; the heads of its files state it.
var tierCounts = map[kernels.Tier]map[string]count{}

// lanes and ports are those of a tier: two ports that multiply and fuse whole vectors, as the cores of today have.
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
