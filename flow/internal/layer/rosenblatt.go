package layer

import (
	"math"
	"slices"
	"strconv"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/kernels"
)

func init() { register("rosenblatt", buildRosenblatt) }

// rosenblatt is Rosenblatt's transform (1952) of a Gaussian mixture in all d
// dimensions,
//
//	p(x) = Σ_k w_k N(x; m_k, L_k·L_kᵀ),
//
// to independent standard normals: its density is that of the mixture. Given the
// coordinates before it, x_j is distributed as a one-dimensional mixture. With u_k =
// L_k⁻¹·(x - m_k), whose coordinate j depends on no later coordinate of x,
//
//	mean_kj = x_j - L_kjj·u_kj    scale_kj = L_kjj
//	log w_kj = log w_k - Σ_{i<j} (u_ki²/2 + log L_kii)    up to a constant
//	z_j = Φ⁻¹(Σ_k w_kj Φ((x_j - mean_kj)/scale_kj))
//
// which the kernels compute with one mixture per sample. The inverse solves for the
// coordinates in order.
//
// Parameters: K logits, K×d means, K×d log L_kjj, and for each component the d(d-1)/2
// entries of L below the diagonal, row by row.
type rosenblatt struct {
	d, k     int
	p        []float64
	inverses []float64 // (K·d)×d: the L_k⁻¹, one below the other
	offset   []float64 // K·d: the L_k⁻¹·m_k
	scale    []float64 // K×d: the L_kjj
	constant []float64 // log w_k - log|L_k| - d·log√(2π)

	fitted Fitted
}

// Samples are processed in parts of this many, so that K·d numbers for each of them
// stay in the second-level cache.
const rosenblattPart = 64

// NewRosenblatt returns the transform of the mixture with the given weights, means,
// K×d, and lower triangular factors of the covariances, K×d×d, to independent standard
// normals. It records the options of the fit.
func NewRosenblatt(d int, weight, mean, chol []float64, fitted Fitted) Layer {
	k := len(weight)
	l := &rosenblatt{d: d, k: k, fitted: fitted, p: make([]float64, rosenblattParams(d, k))}
	logit, means, logScale, lower := l.split(l.p)
	kernels.Log(logit, weight)
	copy(means, mean)
	for c := range k {
		below := l.below(lower, c)
		for i := range d {
			row := chol[(c*d+i)*d:]
			logScale[c*d+i] = row[i]
			copy(below[i*(i-1)/2:], row[:i])
		}
	}
	kernels.Log(logScale, logScale)
	l.Refresh()
	return l
}

func rosenblattParams(d, k int) int { return k * (1 + 2*d + d*(d-1)/2) }

// split views parameters, or their gradient.
func (l *rosenblatt) split(p []float64) (logit, mean, logScale, lower []float64) {
	kd := l.k * l.d
	return p[:l.k], p[l.k : l.k+kd], p[l.k+kd : l.k+2*kd], p[l.k+2*kd:]
}

// below returns the entries of component c's L below the diagonal.
func (l *rosenblatt) below(lower []float64, c int) []float64 {
	n := l.d * (l.d - 1) / 2
	return lower[c*n : (c+1)*n]
}

func (l *rosenblatt) Refresh() {
	d := l.d
	if l.inverses == nil {
		l.inverses, l.offset, l.scale, l.constant = make([]float64, l.k*d*d), make([]float64, l.k*d), make([]float64, l.k*d), make([]float64, l.k)
	}
	logit, mean, logScale, lower := l.split(l.p)
	kernels.SoftmaxColumns(kernels.Column(l.constant), kernels.Column(logit))
	kernels.Log(l.constant, l.constant)
	for c := range l.k {
		l.constant[c] -= float64(float64(d) * logSqrt2Pi)
		for _, v := range logScale[c*d : (c+1)*d] {
			l.constant[c] -= v
		}
	}
	kernels.Exp(l.scale, logScale)
	clear(l.inverses)
	for c := range l.k {
		inv, scale, below := l.inverses[c*d*d:(c+1)*d*d], l.scale[c*d:], l.below(lower, c)
		for i := range d {
			row := below[i*(i-1)/2:]
			inv[i*d+i] = 1 / scale[i]
			for j := range i {
				s := 0.0
				for r := j; r < i; r++ {
					s -= float64(row[r] * inv[r*d+j])
				}
				inv[i*d+j] = s / scale[i]
			}
			l.offset[c*d+i] = dot(inv[i*d:i*d+i+1], mean[c*d:c*d+i+1])
		}
	}
}

// A conditional is the memory for the mixtures of coordinate after coordinate of n
// samples.
type conditional struct {
	m    kernels.PerSampleMixtures // of the current coordinate
	logw []float64                 // K×n
}

func (l *rosenblatt) conditional(n int, s *tile.Arena) conditional {
	c := conditional{
		kernels.PerSampleMixtures{K: l.k, Stride: n, Weight: s.Take(l.k * n), Mean: s.Take(l.k * n), Scale: s.Take(l.k * n)},
		s.Take(l.k * n),
	}
	for k, logit := range l.p[:l.k] {
		tile.Fill(c.logw[k*n:(k+1)*n], logit)
	}
	return c
}

// weigh computes the weights of the current coordinate from their logarithms. It
// sets weights below leastWeight, which the kernels do not accept, to zero, and
// reports whether there are any.
func (c *conditional) weigh() (dropped bool) {
	kernels.SoftmaxColumns(kernels.Columns{K: c.m.K, N: c.m.Stride, Stride: c.m.Stride, Data: c.m.Weight}, kernels.Columns{K: c.m.K, N: c.m.Stride, Stride: c.m.Stride, Data: c.logw})
	for i, w := range c.m.Weight {
		if w < leastWeight {
			c.m.Weight[i] = 0
			dropped = true
		}
	}
	return dropped
}

// advance multiplies the weights by the densities of coordinate j, u being the
// standardized one of each component: K rows of n, stride apart.
func (c *conditional) advance(u []float64, stride int, logScale []float64, d int) {
	n := c.m.Stride
	for k := range c.m.K {
		w, ls := c.logw[k*n:(k+1)*n], logScale[k*d]
		for i, v := range u[k*stride : k*stride+n] {
			w[i] -= float64(0.5*float64(v*v)) + ls
		}
	}
}

// axpy adds a·x to y.
func axpy(a float64, x, y []float64) {
	for i, v := range x {
		y[i] += float64(a * v)
	}
}

// logSqrt2Pi is log √(2π).
const logSqrt2Pi = 0.91893853320467274178

const (
	leastWeight = 1e-200
	// If no component with weight is nearer than this, those that were set to zero may matter.
	farLatent     = 28
	farLogDensity = -300
)

// far reports whether components whose weight was set to zero may matter at a
// sample.
func far(z, logDet float64) bool {
	return !(math.Abs(z) <= farLatent) || logDet-float64(0.5*float64(z*z)) < farLogDensity
}

// whiten writes L_k⁻¹·(x - m_k) of all components into u, (K·d)×n.
func (l *rosenblatt) whiten(u []float64, x tile.Tile) {
	blas.Gemm(blas.NoTrans, blas.NoTrans, 1, tile.Matrix(l.k*l.d, l.d, l.inverses), x.Matrix(), 0, tile.Matrix(l.k*l.d, x.N, u))
	for r, o := range l.offset {
		row := u[r*x.N : (r+1)*x.N]
		for i := range row {
			row[i] -= o
		}
	}
}

// means sets means and scales of coordinate j given the standardized samples.
func (l *rosenblatt) means(c *conditional, u []float64, x []float64, j int) {
	n := c.m.Stride
	for k := range l.k {
		scale := l.scale[k*l.d+j]
		tile.Fill(c.m.Scale[k*n:(k+1)*n], scale)
		mean := c.m.Mean[k*n : (k+1)*n]
		for i, v := range u[(k*l.d+j)*n : (k*l.d+j+1)*n] {
			mean[i] = x[i] - float64(scale*v)
		}
	}
}

func (l *rosenblatt) Forward(z tile.Tile, logDet []float64, x tile.Tile, s tile.Arena) {
	for from := 0; from < x.N; from += rosenblattPart {
		to := min(from+rosenblattPart, x.N)
		var sum []float64
		if logDet != nil {
			sum = logDet[from:to]
		}
		l.forwardPart(z.Cols(from, to), sum, x.Cols(from, to), s, nil)
	}
}

// AddLogDensity adds log Σ_k w_k N(x; m_k, L_k·L_kᵀ).
func (l *rosenblatt) AddLogDensity(logDensity []float64, x tile.Tile, s tile.Arena) {
	for from := 0; from < x.N; from += rosenblattPart {
		to := min(from+rosenblattPart, x.N)
		l.addLogDensity(logDensity[from:to], x.Cols(from, to), s)
	}
}

func (l *rosenblatt) addLogDensity(logDensity []float64, x tile.Tile, s tile.Arena) {
	n := x.N
	logw, share, sum := kernels.Columns{K: l.k, N: n, Stride: n, Data: s.Take(l.k * n)}, kernels.Columns{K: l.k, N: n, Stride: n, Data: s.Take(l.k * n)}, s.Take(n)
	kernels.GaussianLogDensities(logw, kernels.Columns{K: l.d, N: n, Stride: x.Stride, Data: x.Data},
		kernels.Gaussians{K: l.k, D: l.d, Whiten: l.inverses, Offset: l.offset, Constant: l.constant})
	kernels.SoftmaxColumns(share, logw)
	kernels.LogSumExp(sum, share, logw)
	for i, v := range sum {
		if v != v {
			v = math.Inf(-1) // all densities underflow
		}
		logDensity[i] += v
	}
}

// steps holds what forwardPart leaves for backwardPart.
type steps struct {
	u      []float64 // (K·d)×n
	logDet []float64 // d×n
	weight []float64 // d×K×n
	logw   []float64 // d×K×n
	far    []bool    // d×n, or nil if none is
}

func (l *rosenblatt) forwardPart(z tile.Tile, logDet []float64, x tile.Tile, s tile.Arena, keep *steps) {
	n := x.N
	u, ld := s.Take(l.k*l.d*n), s.Take(n)
	c := l.conditional(n, &s)
	_, _, logScale, _ := l.split(l.p)
	l.whiten(u, x)
	for j := range l.d {
		if keep != nil {
			ld = keep.logDet[j*n : (j+1)*n]
			copy(keep.logw[j*l.k*n:], c.logw)
		}
		l.means(&c, u, x.Row(j), j)
		dropped := c.weigh()
		zj := z.Row(j)
		kernels.PerSampleForward(zj, ld, x.Row(j), c.m)
		if dropped {
			for i := range n {
				if far(zj[i], ld[i]) {
					zj[i], ld[i] = newLogMixture(&c, i).forward(x.Row(j)[i])
					if keep != nil {
						if keep.far == nil {
							keep.far = make([]bool, l.d*n)
						}
						keep.far[j*n+i] = true
					}
				}
			}
		}
		if keep != nil {
			copy(keep.weight[j*l.k*n:], c.m.Weight)
		}
		if logDet != nil {
			tile.Add(logDet, ld)
		}
		c.advance(u[j*n:], l.d*n, logScale[j:], l.d)
	}
	if keep != nil {
		keep.u = u
	}
}

func (l *rosenblatt) Inverse(x tile.Tile, logDet []float64, z tile.Tile, s tile.Arena) {
	for from := 0; from < z.N; from += rosenblattPart {
		to := min(from+rosenblattPart, z.N)
		var sum []float64
		if logDet != nil {
			sum = logDet[from:to]
		}
		l.inversePart(x.Cols(from, to), sum, z.Cols(from, to), s)
	}
}

func (l *rosenblatt) inversePart(x tile.Tile, logDet []float64, z tile.Tile, s tile.Arena) {
	n := z.N
	u, ld := s.Take(l.k*l.d*n), s.Take(n)
	c := l.conditional(n, &s)
	_, mean, logScale, lower := l.split(l.p)
	for j := range l.d {
		for k := range l.k {
			m := c.m.Mean[k*n : (k+1)*n]
			tile.Fill(m, mean[k*l.d+j])
			row := l.below(lower, k)[j*(j-1)/2:]
			for i := range j {
				axpy(row[i], u[(k*l.d+i)*n:(k*l.d+i+1)*n], m)
			}
			tile.Fill(c.m.Scale[k*n:(k+1)*n], l.scale[k*l.d+j])
		}
		dropped := c.weigh()
		xj := x.Row(j)
		kernels.PerSampleInverse(xj, ld, z.Row(j), c.m)
		if dropped {
			for i, v := range z.Row(j) {
				if far(v, -ld[i]) {
					xj[i], ld[i] = newLogMixture(&c, i).inverse(v)
				}
			}
		}
		if logDet != nil {
			tile.Add(logDet, ld)
		}
		for k := range l.k {
			scale := l.scale[k*l.d+j]
			m, uk := c.m.Mean[k*n:(k+1)*n], u[(k*l.d+j)*n:(k*l.d+j+1)*n]
			for i, v := range xj {
				uk[i] = (v - m[i]) / scale
			}
		}
		c.advance(u[j*n:], l.d*n, logScale[j:], l.d)
	}
}

func (l *rosenblatt) Backward(dx tile.Tile, grad []float64, dz tile.Tile, dLogDet []float64, fwd Tape, s tile.Arena) {
	clear(grad)
	for from := 0; from < dx.N; from += rosenblattPart {
		to := min(from+rosenblattPart, dx.N)
		l.backwardPart(dx.Cols(from, to), grad, dz.Cols(from, to), dLogDet[from:to], fwd.X.Cols(from, to), s)
	}
}

// backwardPart repeats the forward map, which keeps no intermediate values, to save
// memory. A bar denotes the derivative with respect to a variable. The kernel returns
// those with respect to each coordinate's log w, mean and log scale; by the chain
// rule
//
//	ū_kj = -w̄_k·u_kj - L_kjj·mean̄_kj    x̄_j += Σ_k mean̄_kj    w̄_k: log w after coordinate j
//	V_k = L_k⁻ᵀ·Ū_k    x̄ += Σ_k V_k    m̄_k = -V_k·1    L̄_k = -V_k·U_kᵀ + the scales' own
func (l *rosenblatt) backwardPart(dx tile.Tile, grad []float64, dz tile.Tile, dLogDet []float64, x tile.Tile, s tile.Arena) {
	n, d, kn := x.N, l.d, l.k*x.N
	gLogit, gMean, gLogScale, gLower := l.split(grad)
	z := s.Tile(d, n)
	keep := &steps{logDet: s.Take(d * n), weight: s.Take(d * kn), logw: s.Take(d * kn)}
	du, dlogw := s.Take(d*kn), s.Take(kn)
	g := kernels.PerSampleGrad{K: l.k, Stride: n, Logit: s.Take(kn), Mean: s.Take(kn), LogScale: s.Take(kn)}
	v, outer := s.Take(d*n), make([]float64, d*d)
	l.forwardPart(z, nil, x, s, keep)
	s.Take(d*kn + n) // what forwardPart took before its mixtures
	c := l.conditional(n, &s)
	clear(dlogw)
	for j := d - 1; j >= 0; j-- {
		copy(c.m.Weight, keep.weight[j*kn:(j+1)*kn])
		copy(c.logw, keep.logw[j*kn:(j+1)*kn])
		l.means(&c, keep.u, x.Row(j), j)
		out := dx.Row(j)
		kernels.PerSampleBackward(out, g, dz.Row(j), dLogDet, x.Row(j), z.Row(j), keep.logDet[j*n:(j+1)*n], c.m)
		if keep.far != nil {
			for i, far := range keep.far[j*n : (j+1)*n] {
				if far {
					out[i] = newLogMixture(&c, i).backward(g, i, dz.Row(j)[i], dLogDet[i], x.Row(j)[i], z.Row(j)[i], keep.logDet[j*n+i])
				}
			}
		}
		for k := range l.k {
			at, scale := k*d+j, l.scale[k*d+j]
			u, to := keep.u[at*n:(at+1)*n], du[at*n:(at+1)*n]
			w, mean, gls := dlogw[k*n:(k+1)*n], g.Mean[k*n:(k+1)*n], g.LogScale[k*n:(k+1)*n]
			sum := 0.0
			for i, dm := range mean {
				sm := float64(scale * dm)
				to[i] = -float64(w[i]*u[i]) - sm
				out[i] += dm
				sum += gls[i] - w[i] - float64(sm*u[i])
			}
			gLogScale[at] += sum
			tile.Add(w, g.Logit[k*n:(k+1)*n])
		}
	}
	for k := range l.k {
		gLogit[k] += kernels.Sum(dlogw[k*n : (k+1)*n])
		inv := tile.Matrix(d, d, l.inverses[k*d*d:(k+1)*d*d])
		vk := tile.Matrix(d, n, v)
		blas.Gemm(blas.Trans, blas.NoTrans, 1, inv, tile.Matrix(d, n, du[k*d*n:(k+1)*d*n]), 0, vk)
		blas.Gemm(blas.NoTrans, blas.Trans, -1, vk, tile.Matrix(d, n, keep.u[k*d*n:(k+1)*d*n]), 0, tile.Matrix(d, d, outer))
		below := l.below(gLower, k)
		for j := range d {
			row := v[j*n : (j+1)*n]
			tile.Add(dx.Row(j), row)
			gMean[k*d+j] -= kernels.Sum(row)
			gLogScale[k*d+j] += float64(outer[j*d+j] * l.scale[k*d+j])
			tile.Add(below[j*(j-1)/2:j*(j+1)/2], outer[j*d:j*d+j])
		}
	}
}

func (l *rosenblatt) Scratch() (forward, backward int) {
	kd := l.k * l.d
	part := kd + 1 + 4*l.k
	return part, part + 3*l.d + 3*kd + 4*l.k
}

func (l *rosenblatt) Params() []float64 { return l.p }

func (l *rosenblatt) Bind(p []float64) {
	copy(p, l.p)
	l.p = p
}

func (l *rosenblatt) NumFixed() int { return 0 }

func (l *rosenblatt) Describe() model.Layer {
	logit, mean, logScale, lower := l.split(l.p)
	weight := make([]float64, l.k)
	kernels.SoftmaxColumns(kernels.Column(weight), kernels.Column(logit))
	chol := make([]float64, l.k*l.d*l.d)
	for k := range l.k {
		below := l.below(lower, k)
		for i := range l.d {
			row := chol[(k*l.d+i)*l.d:]
			copy(row[:i], below[i*(i-1)/2:])
			row[i] = l.scale[k*l.d+i]
		}
	}
	m := model.Rosenblatt(l.d, weight, slices.Clone(mean), chol)
	if l.fitted != (Fitted{}) {
		m.Attributes = map[string]string{}
	}
	if n := l.fitted.MaxComponents; n > 0 {
		m.Attributes[attributeMost] = strconv.Itoa(n)
	}
	if l.fitted.Dequantized {
		m.Attributes[attributeDequantized] = "1"
	}
	m.Tensors = append(m.Tensors, model.Vector("raw.logit", slices.Clone(logit)), model.Matrix("raw.scale", l.k, l.d, slices.Clone(logScale)))
	return m
}

const (
	attributeMost        = "max_components"
	attributeDequantized = "dequantized"
)

func buildRosenblatt(m *description, d int) Layer {
	mean := m.tensor("mean", anySize, d)
	k := mean.Shape[0]
	chol := m.tensor("chol", k, d, d)
	optional := func(name string, shape ...int) []float64 {
		if !m.has(name) || m.err != nil {
			return nil
		}
		return m.tensor(name, shape...).Values
	}
	weight, logits, raws := optional("weight", k), optional("raw.logit", k), optional("raw.scale", k, d)
	if weight == nil && logits == nil {
		m.fail("weight", "it is missing, and so is raw.logit")
	}
	if weight != nil {
		m.checkWeights([][]float64{weight})
	}
	if m.err != nil {
		return &rosenblatt{}
	}
	l := &rosenblatt{d: d, k: k, p: make([]float64, rosenblattParams(d, k))}
	if m.attribute(attributeMost) != "" {
		l.fitted.MaxComponents = m.number(attributeMost, math.MaxInt32)
	}
	if m.attribute(attributeDequantized) != "" {
		l.fitted.Dequantized = m.number(attributeDequantized, 1) == 1
	}
	logit, means, logScale, lower := l.split(l.p)
	copy(means, mean.Values)
	for c := range k {
		below := l.below(lower, c)
		for i := range d {
			row := chol.Values[(c*d+i)*d : (c*d+i+1)*d]
			if !(row[i] >= leastScale && row[i] <= 1/leastScale) {
				m.fail("chol", "element %d of the diagonal of component %d is %v; it must be positive, and within [%g, %g]", i, c, row[i], leastScale, 1/leastScale)
			}
			if slices.ContainsFunc(row[i+1:], func(v float64) bool { return !sameBits(v, 0) }) {
				m.fail("chol", "row %d of component %d has elements right of the diagonal that are not 0; the factors are lower triangular", i, c)
			}
			copy(below[i*(i-1)/2:], row[:i])
			logScale[c*d+i] = row[i]
		}
	}
	if m.err != nil {
		return l
	}
	kernels.Log(logScale, logScale)
	copy(logScale, raws)
	if logits != nil {
		copy(logit, logits)
	} else {
		kernels.Log(logit, weight)
	}
	l.Refresh()
	for c := range k {
		for i := range d {
			if v, raw := chol.Values[(c*d+i)*d+i], l.scale[c*d+i]; !agree(v, raw) {
				m.fail("chol", "element %d of the diagonal of component %d is %v, and raw.scale makes it %v", i, c, v, raw)
			}
		}
	}
	if weight != nil && logits != nil {
		raw := make([]float64, k)
		kernels.SoftmaxColumns(kernels.Column(raw), kernels.Column(logit))
		for c, v := range weight {
			if !agree(v, raw[c]) {
				m.fail("weight", "component %d is %v, and raw.logit makes it %v", c, v, raw[c])
			}
		}
	}
	return l
}

// leastScale is the smallest scale that the kernels accept, its inverse the
// largest.
const leastScale = 1e-60

// A logMixture is the mixture of one sample with the logarithms of its weights. It
// is for samples far from all components with weight, at which components matter
// whose weights underflow. This is slow, but rare.
type logMixture struct {
	logw, mean, scale, logScale []float64
	t, a, b                     []float64
}

func newLogMixture(c *conditional, i int) *logMixture {
	k, n := c.m.K, c.m.Stride
	all := tile.Arena(make([]float64, 7*k))
	l := &logMixture{all.Take(k), all.Take(k), all.Take(k), all.Take(k), all.Take(k), all.Take(k), all.Take(k)}
	for j := range k {
		l.logw[j], l.mean[j], l.scale[j] = c.logw[j*n+i], c.m.Mean[j*n+i], c.m.Scale[j*n+i]
	}
	norm := logSum(l.logw)
	for j := range l.logw {
		l.logw[j] -= norm
	}
	kernels.Log(l.logScale, l.scale)
	return l
}

// logSum returns log Σ e^x.
func logSum(x []float64) float64 {
	most := math.Inf(-1)
	for _, v := range x {
		most = max(most, v)
	}
	if math.IsInf(most, -1) {
		return most
	}
	e := make([]float64, len(x))
	for i, v := range x {
		e[i] = v - most
	}
	kernels.Exp(e, e)
	s := []float64{kernels.Sum(e)}
	kernels.Log(s, s)
	return s[0] + most
}

// at returns log F, log S and log f.
func (l *logMixture) at(x float64) (lower, upper, density float64) {
	for k := range l.t {
		l.t[k] = (x - l.mean[k]) / l.scale[k]
		l.b[k] = -l.t[k]
	}
	kernels.NormLogCDF(l.a, l.t)
	kernels.NormLogCDF(l.b, l.b)
	tile.Add(l.a, l.logw)
	tile.Add(l.b, l.logw)
	lower, upper = logSum(l.a), logSum(l.b)
	for k, t := range l.t {
		l.a[k] = l.logw[k] - l.logScale[k] - float64(0.5*float64(t*t)) - logSqrt2Pi
	}
	return lower, upper, logSum(l.a)
}

func (l *logMixture) forward(x float64) (z, logDet float64) {
	lower, upper, density := l.at(x)
	if lower <= upper {
		z = logQuantile(lower)
	} else {
		z = -logQuantile(upper)
	}
	return z, density + (float64(0.5*float64(z*z)) + logSqrt2Pi)
}

// inverse solves z(x) = z by Newton's method, with bisection as a fallback, within
// the bracket of the components' quantiles.
func (l *logMixture) inverse(z float64) (x, logDet float64) {
	low, high := math.Inf(1), math.Inf(-1)
	for k, m := range l.mean {
		v := m + float64(l.scale[k]*z)
		low, high = min(low, v), max(high, v)
	}
	x = low + float64((high-low)/2)
	slope := []float64{0}
	for range 2000 {
		got, ld := l.forward(x)
		logDet = -ld
		if got == z {
			break
		}
		if got < z {
			low = x
		} else {
			high = x
		}
		slope[0] = -ld
		kernels.Exp(slope, slope)
		next := x + float64((z-got)*slope[0])
		if !(next > low && next < high) {
			next = low + float64((high-low)/2)
		}
		if next == x || next == low || next == high {
			break
		}
		x = next
	}
	return x, logDet
}

// backward is kernels.PerSampleBackward for sample i alone, with the quotients formed
// from logarithms.
func (l *logMixture) backward(g kernels.PerSampleGrad, i int, gz, gl, x, z, logDet float64) (dx float64) {
	_, _, density := l.at(x)
	k := len(l.t)
	r, w, e := make([]float64, k), make([]float64, k), []float64{logDet}
	for c := range r {
		r[c] = l.a[c] - density
	}
	kernels.Exp(r, r)
	kernels.Exp(w, l.logw)
	kernels.Exp(e, e)
	slope := float64((gz + float64(gl*z)) * e[0])
	// w·(Φ(±t) - Φ(-|z|))/φ(z), from log Φ(±t).
	sign := 1.0
	if z > 0 {
		sign = -1
	}
	logPhi := -float64(0.5*float64(z*z)) - logSqrt2Pi
	q := make([]float64, k+1)
	for c, t := range l.t {
		q[c] = sign * t
	}
	q[k] = -math.Abs(z)
	kernels.NormLogCDF(q, q)
	for c := range q {
		q[c] -= logPhi
		if c < k {
			q[c] += l.logw[c]
		}
	}
	kernels.Exp(q, q)
	a := gz + float64(gl*z)
	sum := 0.0
	for c, t := range l.t {
		rt := float64(r[c]*t) / l.scale[c]
		sum += rt
		at := c*g.Stride + i
		g.Mean[at] = float64(gl*rt) - float64(slope*r[c])
		g.LogScale[at] = r[c] * (float64(gl*(float64(t*t)-1)) - float64(float64(slope*t)*l.scale[c]))
		g.Logit[at] = float64(gl*(r[c]-w[c])) + float64(float64(sign*a)*(q[c]-float64(w[c]*q[k])))
	}
	return slope - float64(gl*sum)
}

// logQuantile returns z ≤ 0 with log Φ(z) = l, for l ≤ log ½ or nearly so.
func logQuantile(l float64) float64 {
	v := []float64{l}
	if l > -690 {
		kernels.Exp(v, v)
		kernels.NormQuantile(v, v)
		return v[0]
	}
	if math.IsInf(l, -1) {
		return l
	}
	// log Φ(z) ≈ -z²/2 - log(-z·√(2π)), whose derivative is nearly -z. From the
	// solution of this approximation Newton's method needs a few steps.
	z := -math.Sqrt(-2 * l)
	for range 6 {
		v[0] = z
		kernels.NormLogCDF(v, v)
		off := v[0] - l
		v[0] = -float64(0.5*float64(z*z)) - logSqrt2Pi - v[0]
		kernels.Exp(v, v)
		z -= off / v[0]
	}
	return z
}

// Chosen marks the transform as made by Fit.
func (l *rosenblatt) Chosen() Fitted { return l.fitted }
