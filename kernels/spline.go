package kernels

// Splines is one monotone rational-quadratic spline per sample (Durkan, Bekasov, Murray and Papamakarios, Neural spline
// flows, 2019): a map of [-Bound, Bound] onto itself in K bins, and the identity outside. Bin k of sample i has the share
//
//	Floor + (1 - K·Floor)·Width[k*Stride+i]
//
// of the interval in x, and the same of Height in y: Width and Height, K rows each, are non-negative and sum to one over
// the bins within a few ulp, as the results of a softmax do; shares should be at least 1e-12. Slope holds the K-1
// derivatives at the knots between the bins, positive, within [1e-30, 1e30]; at ±Bound the derivative is 1, so that the map
// is smooth everywhere. Equal widths and heights and slopes of 1 are the identity.
type Splines struct {
	K, Stride            int
	Width, Height, Slope []float64
	Bound, Floor         float64
}

// SplinesGrad receives the gradient with respect to the parameters of one spline per sample, in the layout of Splines:
// Width and Height receive the gradients of the logits whose softmax the widths and heights are, LogSlope that of the
// slopes' logarithms.
type SplinesGrad struct {
	K, Stride               int
	Width, Height, LogSlope []float64
}

func (s *Splines) check(n int) {
	if n == 0 {
		return
	}
	if s.K < 1 || s.Stride < n || len(s.Width) < rows(s.K, s.Stride, n) || len(s.Height) < rows(s.K, s.Stride, n) || len(s.Slope) < rows(s.K-1, s.Stride, n) {
		panic(errSpline)
	}
}

// rows is the length of k rows of n numbers.
func rows(k, stride, n int) int {
	if k == 0 {
		return 0
	}
	return (k-1)*stride + n
}
