package kernels

import "github.com/gaussflow/gaussflow/asm"

// LogSumExp sets dst[i] to log Σ_k e^logit_k of column i of logit, given the columns' softmax in share: logit_k - log share_k of the
// component with the largest share. Where the softmax is NaN, so is dst. The sizes must agree; dst must not overlap the others.
//
// The largest errors found, and the limits that the tests hold; the package documentation explains the units:
//
//	log Σ e^logit: 1.73, limit 4, in 2⁻⁵²·max(1, |log Σ|) (K ≤ 8)
func (t Tier) LogSumExp(dst []float64, share, logit Columns) {
	n := len(dst)
	if n == 0 && share.N == 0 && logit.N == 0 {
		return
	}
	if share.N != n || logit.N != n || share.K != logit.K || !share.fits() || !logit.fits() {
		panic(errShape)
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for i := 0; i < n; i += tileSize {
		m := min(tileSize, n-i)
		best, at := s.x[:m], dst[i:i+m]
		whole := t.whole(m)
		if whole > 0 {
			t.largestShare(&asm.LargestShareArgs{N: whole, K: logit.K, Best: &best[0], At: &at[0],
				Share: &share.Data[i], ShareStride: share.Stride, Logit: &logit.Data[i], LogitStride: logit.Stride})
		}
		for j := whole; j < m; j++ {
			best[j], at[j] = largestShare(share, logit, i+j)
		}
		t.Log(best, best)
		for j, l := range best {
			at[j] -= l
		}
	}
}
