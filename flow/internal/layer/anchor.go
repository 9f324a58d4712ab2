package layer

import (
	"github.com/gaussflow/gaussflow/kernels"
)

// A floor is the smallest weight of the first component of every mixture, its anchor,
// whose mean and scale are fixed. It is part of the parametrisation,
//
//	weight_k = (1 - floor)·softmax(logit)_k, plus floor for k = 0,
//
// so that it holds after training too: with f the mixture's density and a the anchor's,
// log f(x) ≥ log a(x) + log floor at every x. If the anchors are standard normal, a
// layer therefore lowers the log-density of a row by at most Σ_j log 1/floor nats,
// however far out the row is; and if no component is wider than its anchor, the map's
// slope far out is the anchor's. Zero means that there is no anchor. A mixture of one
// component needs none.
type floor float64

// raise converts the softmax of n samples, K×n, to their weights, in place.
func (f floor) raise(weight []float64, k, n int) {
	if f == 0 || k == 1 {
		return
	}
	for i := range weight[:k*n] {
		weight[i] *= 1 - float64(f)
	}
	for i := range weight[:n] {
		weight[i] += float64(f)
	}
}

// share returns softmax(logit) of component k, given its weight.
func (f floor) share(weight float64, k int) float64 {
	if k == 0 {
		weight -= float64(f)
	}
	return weight / (1 - float64(f))
}

// chain corrects the derivatives with respect to the logits, K×n, that the kernels
// return as if the weights w were the softmax s of the logits. With h_k the derivative
// with respect to weight k, the kernels return w_k(h_k - Σ w·h); the derivatives are
// q_k - s_k·Σ q, where q_k = (1 - floor)·s_k(h_k - Σ w·h).
func (f floor) chain(grad, weight []float64, k, n int) {
	if f == 0 || k == 1 {
		return
	}
	for i := range n {
		if grad[i] *= (weight[i] - float64(f)) / weight[i]; weight[i] == 0 {
			grad[i] = 0
		}
		sum := 0.0
		for c := range k {
			sum += grad[c*n+i]
		}
		for c := range k {
			grad[c*n+i] -= float64(f.share(weight[c*n+i], c) * sum)
		}
	}
}

// NewAnchored returns a layer of mixtures whose first components are anchors with at
// least the given weight, in (0, 1); their means and scales are not trained. The
// anchors' weights must exceed the given one, all other weights must be positive, and
// every |log Scale| must be smaller than bound.
func NewAnchored(m []kernels.Mixture, bound, least float64) Layer {
	f := floor(least)
	l := newMixtures(m, bound)
	l.floor = f
	for j, c := range cutAll(l.p, l.k) {
		if l.k[j] > 1 {
			for k, w := range m[j].Weight {
				c.logit[k] = f.share(w, k)
			}
			kernels.Log(c.logit, c.logit)
		}
	}
	l.Refresh()
	return l
}

// pinAnchors marks the means and scales of the first components in pinned, which has
// the layout of the parameters of mixtures of k[j] components; it allocates pinned if
// that is nil.
func pinAnchors(pinned []bool, k []int) []bool {
	if pinned == nil {
		pinned = make([]bool, 3*sum(k))
	}
	at := pinned
	for _, n := range k {
		at[n], at[2*n] = true, true
		at = at[3*n:]
	}
	return pinned
}

// Pinned marks the rows of the final kernels and the final biases that emit the
// anchors' means and scales; they stay zero and the anchors' values. Bounded
// conditioners (held) ignore the outputs for anchors in any case.
func (l *coupling) Pinned() []bool {
	if l.floor == 0 || l.half[0].held != nil {
		return nil
	}
	pinned := make([]bool, len(l.p))
	at := pinned
	for i := range l.half {
		h := &l.half[i]
		n, _ := h.net.count()
		last := h.net.layers() - 1
		out, in := h.net.sizes[last+1], h.net.sizes[last]
		final := at[n-out*(in+1) : n]
		for row, pin := range pinAnchors(nil, h.counts()) {
			if pin {
				for j := range in {
					final[row*in+j] = true
				}
				final[out*in+row] = true
			}
		}
		at = at[n:]
	}
	return pinned
}
