// Package fusable has what the check must find, and what it must not.
package fusable

import (
	"math"
	"math/rand/v2"
)

func Fusable(a, b, c float64) float64 {
	p := a * b
	return p + c // fused, across statements
}

func Rounded(a, b, c float64) float64 { return float64(a*b) + c }

func Asked(a, b, c float64) float64 { return math.FMA(a, b, c) }

func Differs(x float64, rng *rand.Rand) float64 { return math.Exp(x) - math.Abs(rng.NormFloat64()) }
