package bigref

// Spline is a monotone rational-quadratic spline through the knots (X, Y), with the slopes D there: equation 4 of Durkan,
// Bekasov, Murray and Papamakarios, Neural spline flows, 2019, as it stands.
type Spline struct{ X, Y, D []*Float }

// bin is the last one, but for the end, whose left knot is not to the right of v.
func bin(knots []*Float, v *Float) int {
	k := 0
	for k < len(knots)-2 && v.Cmp(knots[k+1]) >= 0 {
		k++
	}
	return k
}

// At returns y and dy/dx at x.
func (s Spline) At(x *Float) (y, slope *Float) { return s.In(bin(s.X, x), x) }

// Bin returns the number of the bin that x lies in.
func (s Spline) Bin(x *Float) int { return bin(s.X, x) }

// In is At in the given bin, or in what that bin's formula makes of its surroundings.
func (s Spline) In(k int, x *Float) (y, slope *Float) {
	w, h := sub(s.X[k+1], s.X[k]), sub(s.Y[k+1], s.Y[k])
	steep := quo(h, w)
	xi := quo(sub(x, s.X[k]), w)
	both := mul(xi, sub(one, xi))
	d := add(steep, mul(sub(add(s.D[k+1], s.D[k]), mul(New(2), steep)), both))
	n := add(mul(steep, mul(xi, xi)), mul(s.D[k], both))
	rest := sub(one, xi)
	m := add(add(mul(s.D[k+1], mul(xi, xi)), mul(mul(New(2), steep), both)), mul(s.D[k], mul(rest, rest)))
	return add(s.Y[k], quo(mul(h, n), d)), quo(mul(mul(steep, steep), m), mul(d, d))
}

// Solve returns the x whose image is y: the root of the paper's quadratic, equations 6 to 8, in twice the precision, which
// its cancellation takes.
func (s Spline) Solve(y *Float) *Float {
	k := bin(s.Y, y)
	w, h := sub(s.X[k+1], s.X[k]), sub(s.Y[k+1], s.Y[k])
	steep := quo(h, w)
	rise := sub(y, s.Y[k])
	if rise.Sign() == 0 {
		return s.X[k]
	}
	turn := mul(rise, sub(add(s.D[k+1], s.D[k]), mul(New(2), steep)))
	a := add(mul(h, sub(steep, s.D[k])), turn)
	b := sub(mul(h, s.D[k]), turn)
	c := neg(mul(steep, rise))
	root := zero().Sqrt(sub(mul(b, b), mul(New(4), mul(a, c))))
	xi := quo(mul(New(2), c), sub(neg(b), root))
	x := add(mul(xi, w), s.X[k])
	for range 2 { // what cancelled
		at, slope := s.In(k, x)
		x = sub(x, quo(sub(at, y), slope))
	}
	return x
}

// Bend returns d log(dy/dx)/dx at x, by a difference.
func (s Spline) Bend(x *Float) *Float {
	k := bin(s.X, x)
	e := zero().SetMantExp(sub(s.X[k+1], s.X[k]), -70)
	_, right := s.In(k, add(x, e))
	_, left := s.In(k, sub(x, e))
	return quo(sub(Log(right), Log(left)), mul(New(2), e))
}
