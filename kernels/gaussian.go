package kernels

import "github.com/gaussflow/gaussflow/asm"

// Gaussians are K Gaussians in D dimensions, in the form that their log-densities are computed from:
//
//	log p_k(x) = Constant[k] - ‖Whiten_k·x - Offset_k‖²/2
//
// If Σ_k = L_k·L_kᵀ, and Whiten_k = L_k⁻¹, Offset_k = L_k⁻¹·m_k, the norm is the Mahalanobis distance; with log w_k - log|L_k| -
// D·log √(2π) for Constant[k] this is the logarithm of w_k N(x; m_k, Σ_k), the term of a mixture.
type Gaussians struct {
	K, D     int
	Whiten   []float64 // K·D×D: lower triangular matrices, one below the other; what is above their diagonals is ignored
	Offset   []float64 // K·D
	Constant []float64 // K
}

func (g *Gaussians) check() {
	if g.K < 1 || g.D < 1 || len(g.Whiten) != g.K*g.D*g.D || len(g.Offset) != g.K*g.D || len(g.Constant) != g.K {
		panic(errShape)
	}
}

// gaussianPanel is the number of numbers of x, some blocks of samples, that wait in the first-level cache for one Gaussian
// after the other.
const gaussianPanel = 2048

// GaussianLogDensities sets row k of dst, K×N, to the log-densities of the columns of x, D×N, under Gaussian k. The sizes must
// agree; dst must not overlap x. Terms, in the unit of the error, is what the sizes of the terms add up to: |Constant_k| +
// Σ_j ½(Σ_c |Whiten_jc·x_c| + |Offset_j|)².
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	Gaussian log p: 2.96, limit 4, in 2⁻⁵²·D·terms (D ≤ 8)
func (t Tier) GaussianLogDensities(dst, x Columns, g Gaussians) {
	n := x.N
	if n == 0 && dst.N == 0 {
		return
	}
	g.check()
	if dst.K != g.K || x.K != g.D || dst.N != n || !dst.fits() || !x.fits() {
		panic(errShape)
	}
	if t.whole(n); t == Generic {
		for k := range g.K {
			for i := range n {
				dst.Data[k*dst.Stride+i] = g.logDensity(k, x, i)
			}
		}
		return
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	most := max(1, gaussianPanel/(g.D*asm.Block)) * asm.Block
	panel := s.floats(g.D * most)
	p := asm.GaussianArgs{D: g.D, X: &panel[0]}
	for i := 0; i < n; i += most {
		m := min(most, n-i)
		packBlocks(panel, x, i, m)
		whole := m &^ (asm.Block - 1)
		for k := range g.K {
			p.Whiten, p.Offset, p.Constant = &g.Whiten[k*g.D*g.D], &g.Offset[k*g.D], g.Constant[k]
			row := dst.Data[k*dst.Stride+i:][:m]
			if whole > 0 {
				p.N, p.Dst, p.X = whole, &row[0], &panel[0]
				t.gaussianLogDensity(&p)
			}
			if whole < m {
				p.N, p.Dst, p.X = asm.Block, &s.rest[0], &panel[g.D*whole]
				tier := t
				if m-whole <= asm.Block/2 {
					p.N = asm.Block / 2
					if t == AVX512 {
						tier = AVX2 // which computes half blocks, and which processors with AVX-512 have as well
					}
				}
				tier.gaussianLogDensity(&p)
				copy(row[whole:], s.rest[:])
			}
		}
	}
}

// packBlocks copies m samples of x from i on to the panel, block by block, each D rows of Block numbers; what the last block
// lacks is zeros.
func packBlocks(panel []float64, x Columns, i, m int) {
	for b := 0; b < m; b += asm.Block {
		for c := range x.K {
			to, from := (*asm.Row)(panel[(b*x.K+c*asm.Block):]), x.Data[c*x.Stride+i+b:]
			if m-b >= asm.Block {
				*to = asm.Row(from)
				continue
			}
			clear(to[copy(to[:], from[:m-b]):])
		}
	}
}
