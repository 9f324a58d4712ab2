package kernels

// largestShare returns the largest share of sample i, the first of equal ones, and its logit. NaN is not larger than any.
func largestShare(share, logit Columns, i int) (best, at float64) {
	best, at = share.Data[i], logit.Data[i]
	for k := 1; k < share.K; k++ {
		if v := share.Data[k*share.Stride+i]; v > best {
			best, at = v, logit.Data[k*logit.Stride+i]
		}
	}
	return best, at
}
