package kernels

import "math"

// logDensity is the log-density of sample i under Gaussian k.
func (g *Gaussians) logDensity(k int, x Columns, i int) float64 {
	l := g.Constant[k]
	for j := k * g.D; j < (k+1)*g.D; j++ {
		u := 0.0
		for c, w := range g.Whiten[j*g.D:][:j-k*g.D+1] {
			u = math.FMA(w, x.Data[c*x.Stride+i], u)
		}
		u -= g.Offset[j]
		l -= float64(0.5 * float64(u*u))
	}
	return l
}
