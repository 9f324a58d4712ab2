package layer

import (
	"github.com/gaussflow/gaussflow/kernels"
)

// A floor is the least weight of the first component of every mixture, its anchor,
// whose mean and scale stay as they are. It is part of the parametrisation,
//
//	weight_k = (1 - floor)·softmax(logit)_k, and floor more for k = 0,
//
// so that training keeps it: with f the mixture's density and a the anchor's,
// log f(x) ≥ log a(x) + log floor at every x. A stage whose anchor is the standard
// normal therefore costs a row at most Σ_j log 1/floor nats, however far out, and where
// no component is wider than its anchor the map's slope far out is the anchor's.
// Zero means that there is no anchor. A mixture of one component needs none.
type floor float64

// raise makes the weights of n samples, K×n, of their softmax.
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

// chain makes of the derivatives by the logits of the weights as if those were their
// softmax, K×n, what the kernels return, the derivatives by the logits: with h_k that
// by weight k, the kernels' are w_k(h_k - Σ w·h), and these
// q_k - s_k·Σ q, s the softmax, q_k = (1 - floor)·s_k(h_k - Σ w·h).
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

// NewAnchored makes the layer of mixtures whose first components are anchors with at
// least the given weight, in (0, 1): their means and scales are not trained. Their
// weights must be larger than it, all others positive, and every |log Scale| smaller
// than bound.
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

// pinAnchors marks means and scales of the first components in pinned, which is laid
// out as the parameters of mixtures of k[j] components, and is made if it is nil.
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

// Pinned tells of the rows of the final kernels, and of the final biases, that make
// the anchors' means and scales: zero and the anchors' own. What holds the mixtures
// apart does not hear the conditioners of anchors in any case.
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
