package kernels

// lanes are the eight partial sums of a reduction over samples: element i goes to lane i mod 8, and the lanes are added
// as a fixed tree, so that a sum has the same bits whatever the width of the vectors that form it.
type lanes [8]float64

func (a *lanes) sum() float64 {
	return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
}
