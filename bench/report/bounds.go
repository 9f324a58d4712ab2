package main

import "github.com/gaussflow/gaussflow/kernels"

// A count is the number of multiplications and fused multiply-adds of a kernel per vector, for each component and for each
// sample: the ports that execute them bound its speed. Additions have ports of their own on some cores; divisions, roots,
// comparisons and integer operations are not counted either, so that the bound is never too high.
type count struct{ perComponent, perSample float64 }

// counts are those of the reference (kernels/ref_*.go), by a kernel's name and form. Its parts: the distance with its
// residuals 4, the exponential's argument 3 and polynomial 11, the Mills ratio 19, adding a component 3; the logarithm 13;
// the quantile's centre 32. A mixture per sample is prepared in the loop: 5 more per component.
var counts = map[string]count{
	"MixtureCDF/shared":      {40, 5},
	"MixtureForward/shared":  {40, 49},
	"MixtureForward/each":    {45, 49},
	"MixtureBackward/shared": {50, 55},
	"MixtureBackward/each":   {52, 55},
	"MixtureEM/shared":       {17, 15},
	"NormCDF/":               {0, 38},
	"NormSF/":                {0, 38},
	"NormQuantile/":          {0, 34},
	"Exp/":                   {0, 14},
	"Log/":                   {0, 13},
}

// tierCounts are the counts that differ on a tier; the headers of its assembly files state them.
var tierCounts = map[kernels.Tier]map[string]count{
	kernels.AVX2:   {"NormCDF/": {0, 37}, "NormSF/": {0, 37}},
	kernels.AVX512: {"NormCDF/": {0, 37}, "NormSF/": {0, 37}},
}

// lanes and ports are those of a tier: two ports that multiply and fuse whole vectors, as current cores have.
var lanes = map[kernels.Tier]float64{kernels.AVX2: 4, kernels.AVX512: 8, kernels.NEON: 2}

const ports = 2

// bound returns a lower bound on the cycles per element of a kernel of k components on a tier.
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
