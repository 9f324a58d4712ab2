package layer

import (
	"math"
	"math/rand/v2"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/kernels"
)

// inputLimit is the magnitude at which a conditioner's input is clipped. It keeps
// every product inside the conditioner finite for every finite input; the
// coordinates that are mapped are not clipped.
const inputLimit = 1e100

// mlp is the conditioner of a coupling: dense layers h ↦ W·h + b with an activation
// between them. The kernel of layer l is sizes[l+1]×sizes[l], row-major.
//
// A smooth mlp has [kernels.SmoothReLU] between its layers, and its inputs are
// standardised, u = (x-shift)·inverse, and bounded, u/√(1+(u/inputReach)²), so that
// its outputs converge far out. A plain one has ReLU and raw inputs.
type mlp struct {
	sizes          []int
	kernel, bias   [][]float64 // views of p
	p              []float64   // per layer [kernel | bias]
	smooth         bool
	shift, inverse []float64 // nil for 0 and 1
}

// inputReach bounds the magnitude of a smooth conditioner's standardised inputs.
const inputReach = 3

func newMLP(in, width, depth, out int) (*mlp, error) {
	c := &mlp{sizes: []int{in}}
	for range depth {
		c.sizes = append(c.sizes, width)
	}
	c.sizes = append(c.sizes, out)
	n, err := c.count()
	if err != nil {
		return nil, err
	}
	c.bind(make([]float64, n))
	return c, nil
}

// count returns the number of parameters.
func (c *mlp) count() (int, error) {
	n := int64(0)
	for l := range c.layers() {
		out, in := int64(c.sizes[l+1]), int64(c.sizes[l])
		if out > MaxParams || in > MaxParams || out*(in+1) > MaxParams-n {
			return 0, ErrMaxParams
		}
		n += out * (in + 1)
	}
	return int(n), nil
}

func (c *mlp) layers() int { return len(c.sizes) - 1 }

// bind copies the parameters to p and uses p from then on, or takes those in p if
// there were none.
func (c *mlp) bind(p []float64) {
	copy(p, c.p)
	c.p = p
	c.kernel, c.bias = c.views(p)
}

// views cuts p, parameters or their gradient, into kernels and biases.
func (c *mlp) views(p []float64) (kernel, bias [][]float64) {
	a := tile.Arena(p)
	for l := range c.layers() {
		kernel = append(kernel, a.Take(c.sizes[l+1]*c.sizes[l]))
		bias = append(bias, a.Take(c.sizes[l+1]))
	}
	return kernel, bias
}

// init draws the kernels of the hidden layers uniformly, and their biases from
// half that range, which spreads the kinks. The kernels have twice the variance
// of He et al. (2015): the last kernel starts at zero and the optimiser changes
// it by a fixed amount per step, so larger features let the mixtures change
// sooner. The last layer has a zero kernel and the given bias.
func (c *mlp) init(bias []float64, rng *rand.Rand) {
	last := c.layers() - 1
	for l := range last {
		reach := math.Sqrt(12 / float64(c.sizes[l]))
		for i := range c.kernel[l] {
			c.kernel[l][i] = 2 * reach * (float64(rng.Float64()) - 0.5)
		}
		for i := range c.bias[l] {
			c.bias[l][i] = reach * (float64(rng.Float64()) - 0.5)
		}
	}
	clear(c.kernel[last])
	copy(c.bias[last], bias)
}

// forward returns the outputs; they and the hidden layers stay in s.
func (c *mlp) forward(x tile.Tile, s *tile.Arena) tile.Tile {
	h := s.Tile(x.D, x.N)
	for j := range x.D {
		dst := h.Row(j)
		if c.smooth {
			c.bounded(dst, x.Row(j), j)
			continue
		}
		for i, v := range x.Row(j) {
			dst[i] = min(max(v, -inputLimit), inputLimit)
		}
	}
	if c.smooth {
		return c.forwardSmooth(h, s)
	}
	for l := range c.layers() {
		next := s.Tile(c.sizes[l+1], x.N)
		blas.Dense(next.Matrix(), tile.Matrix(next.D, h.D, c.kernel[l]), h.Matrix(), c.bias[l], l < c.layers()-1)
		h = next
	}
	return h
}

// bounded sets dst to input j of the first layer.
func (c *mlp) bounded(dst, x []float64, j int) {
	shift, inverse := c.standard(j)
	for i, v := range x {
		u := min(max((v-shift)*inverse, -inputLimit), inputLimit)
		w := u * (1.0 / inputReach)
		dst[i] = u / math.Sqrt(1+float64(w*w))
	}
}

// standard returns the shift and factor that standardise input j.
func (c *mlp) standard(j int) (shift, inverse float64) {
	if c.shift == nil {
		return 0, 1
	}
	return c.shift[j], c.inverse[j]
}

// forwardSmooth is forward from the inputs h on. After the inputs, s holds memory for
// the activations of one layer, and then the arguments of all activations, from which
// backward computes the activations again: that is cheaper than keeping them.
func (c *mlp) forwardSmooth(h tile.Tile, s *tile.Arena) tile.Tile {
	active := s.Take(c.widestHidden() * h.N)
	for l := range c.layers() {
		next := s.Tile(c.sizes[l+1], h.N)
		blas.Dense(next.Matrix(), tile.Matrix(next.D, h.D, c.kernel[l]), h.Matrix(), c.bias[l], false)
		if l == c.layers()-1 {
			return next
		}
		h = tile.View(active[:next.D*next.N], next.D, next.N)
		kernels.SmoothReLU(h.Data, next.Data)
	}
	return h
}

// backward adds the derivative with respect to the input to dx and writes the
// one with respect to the parameters to grad. fwd is what forward took from its
// arena.
func (c *mlp) backward(dx tile.Tile, grad []float64, dOut tile.Tile, fwd, s tile.Arena) {
	n := dOut.N
	spare := [2][]float64{s.Take(c.widest() * n), s.Take(c.widest() * n)}
	d, at, end := dOut, len(fwd)-dOut.D*n, len(grad)
	for l := c.layers() - 1; l >= 0; l-- {
		out, in := c.sizes[l+1], c.sizes[l]
		at -= in * n
		if l == 0 {
			at = 0
		}
		h := tile.View(fwd[at:at+in*n], in, n)
		pre := h
		if c.smooth && l > 0 {
			h = tile.View(fwd[c.sizes[0]*n:(c.sizes[0]+in)*n], in, n)
			kernels.SmoothReLU(h.Data, pre.Data)
		}
		bias := grad[end-out : end]
		end -= out + out*in
		for j := range bias {
			bias[j] = kernels.Sum(d.Row(j))
		}
		blas.Gemm(blas.NoTrans, blas.Trans, 1, d.Matrix(), h.Matrix(), 0, tile.Matrix(out, in, grad[end:]))
		dh := tile.View(spare[l%2][:in*n], in, n)
		switch w := tile.Matrix(out, in, c.kernel[l]); {
		case l > 0 && !c.smooth:
			blas.DenseBackward(dh.Matrix(), w, d.Matrix(), h.Matrix())
		default:
			blas.Gemm(blas.Trans, blas.NoTrans, 1, w, d.Matrix(), 0, dh.Matrix())
			if l > 0 {
				kernels.SmoothReLUBackward(dh.Data, dh.Data, pre.Data)
			}
		}
		d = dh
	}
	for j := range dx.D {
		dst, from, h := dx.Row(j), d.Row(j), fwd[j*n:(j+1)*n]
		if c.smooth {
			// With h = u/√(1+w²), w = u/reach: dh/du = (1+w²)^-3/2 and 1+w² = 1/(1-(h/reach)²).
			_, inverse := c.standard(j)
			for i, v := range h {
				w := float64(v * (1.0 / inputReach))
				r := max(0, float64((1-w)*(1+w)))
				dst[i] += float64(float64(from[i]*inverse) * float64(r*math.Sqrt(r)))
			}
			continue
		}
		for i, v := range h {
			if math.Abs(v) < inputLimit {
				dst[i] += from[i]
			}
		}
	}
}

// widest returns the largest number of inputs of any layer.
func (c *mlp) widest() int {
	w := 0
	for _, size := range c.sizes[:c.layers()] {
		w = max(w, size)
	}
	return w
}

// widestHidden returns the width of the widest hidden layer.
func (c *mlp) widestHidden() int {
	w := 0
	for _, size := range c.sizes[1:c.layers()] {
		w = max(w, size)
	}
	return w
}

// scratch returns the numbers per sample that forward and backward take.
func (c *mlp) scratch() (forward, backward int) {
	for _, size := range c.sizes {
		forward += size
	}
	if c.smooth {
		forward += c.widestHidden()
	}
	return forward, 2 * c.widest()
}

// kernelMax returns the largest magnitude in the final kernel.
func (c *mlp) kernelMax() float64 {
	m := 0.0
	for _, v := range c.kernel[c.layers()-1] {
		m = max(m, math.Abs(v))
	}
	return m
}
