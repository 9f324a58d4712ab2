package kerneltest

// tierCycles are cycles per element on a tier.
type tierCycles struct{ avx2, avx512 float64 }

// cycles are those of the kernel behind each result of Accuracies, mixtures with 8 components: recorded from
// bench/results/kernels.json, which make bench wrote on one core of an AMD EPYC of family 0x1a (Zen 5).
var cycles = map[string]tierCycles{
	"Φ(x)":      {6.2, 2.9},
	"Φ(-x)":     {6.2, 2.9},
	"log Φ(x)":  {13.8, 11.2},
	"φ(x)":      {3.6, 1.8},
	"Φ⁻¹(p)":    {11.2, 6.1},
	"exp x":     {2.9, 1.4},
	"log x":     {4.1, 2.4},
	"tanh x":    {5.1, 2.6},
	"mixture F": {56.2, 28.1},
	"mixture S": {56.2, 28.1},
	"mixture f": {56.2, 28.1},
	"mixture z": {68.4, 33.9},
	"mixture L": {68.4, 33.9},
	"inverse x": {414.8, 227.3},
	"inverse L": {414.8, 227.3},
	"gradients": {81.1, 36.7},
}
