package kernels

// forwardOne maps one sample through its mixture: z and L = log dz/dx.
func forwardOne(cs []component, x float64) (z, l float64) {
	s := sumOne(cs, x)
	if s.near() {
		return s.forward()
	}
	return farForward(cs, x)
}
