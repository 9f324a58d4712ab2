package gmm

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gaussflow/gaussflow/kernels"
)

// starts returns initial parameters: those of parts with equal numbers of rows, of
// parts of equal width, and of parts cut at random.
func starts(s []float64, k int, rng *rand.Rand) [][]float64 {
	n := len(s)
	share, width := make([]int, k+1), make([]int, k+1)
	low, high := s[n/100], s[n-1-n/100]
	for j := range k + 1 {
		share[j] = j * n / k
		width[j], _ = slices.BinarySearch(s, low+float64((high-low)*(float64(j)/float64(k))))
	}
	all := [][]float64{fromParts(s, share), fromParts(s, width)}
	for range randomStarts {
		cut := make([]int, k+1)
		for j := range cut {
			cut[j] = rng.IntN(n)
		}
		slices.Sort(cut)
		all = append(all, fromParts(s, cut))
	}
	return all
}

// fromParts returns the parameters of the mixture of the k parts s[cut[j]:cut[j+1]].
// It moves the cuts as little as necessary to cover s and leave no part empty.
func fromParts(s []float64, cut []int) []float64 {
	k := len(cut) - 1
	cut[0] = 0
	for j := 1; j < k; j++ {
		cut[j] = max(cut[j], cut[j-1]+1)
	}
	cut[k] = len(s)
	for j := k - 1; j > 0; j-- {
		cut[j] = min(cut[j], cut[j+1]-1)
	}
	theta := make([]float64, 3*k)
	logit, mean, logScale := split(theta)
	for j := range k {
		part := s[cut[j]:cut[j+1]]
		m, variance := moments(part)
		logit[j], mean[j] = float64(len(part)), m
		logScale[j] = math.Sqrt(max(variance, equalRows*equalRows))
	}
	kernels.Log(logit, logit)
	kernels.Log(logScale, logScale)
	return theta
}

func moments(x []float64) (mean, variance float64) {
	n := float64(len(x))
	mean = kernels.Sum(x) / n
	square := 0.0
	for _, v := range x {
		square += float64((v - mean) * (v - mean))
	}
	return mean, square / n
}
