package layer

import (
	"math"

	"github.com/gaussflow/gaussflow/flow/internal/tile"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/kernels"
)

// held stores the mixtures of half the coordinates of a coupling, and bounds the changes
// that a network can make to them. At least one component of each mixture is an anchor:
// as wide as any other, and not changed by the network. For each parameter of the other
// components the network emits a change c, and with s(c) = √(1+c²) - c, which is 1 at 0
// and falls from +∞ to 0,
//
//	logit = held + rise·(1 - s(c/rise))              below held + rise
//	mean  = held + spread·c/√(1+(c/reach)²)          within reach·spread of held
//	raw   = held + gap·(1 - s(c/stride))             below the widest anchor's, held + gap
//
// where spread is the standard deviation of the stored mixture, and stride the larger of
// gap and leastStride. All are smooth, and at c = 0 they equal the stored parameters bit
// for bit.
//
// Consequences, for any parameters of the network:
//
//   - An anchor of weight w keeps at least w/(w + (1-w)·e^rise). With f the density of
//     the mixture and a the anchor's, f is at least that weight times a, everywhere.
//   - No component is wider than the widest anchor: far out the map has the slope
//     1/σ of that anchor, whatever the input.
//   - With means m and scales σ of components, z lies between the least and the largest
//     (x-m)/σ of them, so |x| ≤ max|m| + max σ·|z|: with anchors of N(0,1), what a
//     block adds to the magnitude of a sample is at most max|held mean| + reach·spread.
type held struct {
	p              []float64 // stored parameters, laid out as the network's outputs
	k              []int
	anchor         []bool // by component
	centre, spread []float64
	free           []row // the outputs that change a parameter
	unheard        []int // the outputs for anchors, which are ignored
}

// A row is one parameter of a component that is no anchor: the index of the network's
// output, whether it is a logit, a mean or a raw scale, the rise, spread or gap of its
// bounds, and the inverse of the output's unit.
type row struct {
	at, part      int
	size, inverse float64
}

const (
	logitRise = 4
	meanReach = 4

	leastStride = 0.05
)

func newHeld(k []int, p []float64, anchor []bool, bound float64, f floor) *held {
	h := &held{p: append([]float64(nil), p...), k: k, anchor: append([]bool(nil), anchor...)}
	m := mixtures{bound: bound, floor: f, k: k, p: h.p}
	m.Refresh()
	at := 0
	for j, c := range cutAll(h.p, k) {
		centre, spread := moments(m.shared[j])
		h.centre, h.spread = append(h.centre, centre), append(h.spread, spread)
		widest := math.Inf(-1)
		for i, raw := range c.raw {
			if anchor[i] {
				widest = max(widest, raw)
			}
		}
		for part := range 3 {
			for i, raw := range c.raw {
				if anchor[i] {
					h.unheard = append(h.unheard, at)
				} else {
					gap := max(0, widest-raw)
					h.free = append(h.free, [...]row{
						{at, part, logitRise, 1.0 / logitRise},
						{at, part, spread, 1.0 / meanReach},
						{at, part, gap, 1 / max(gap, leastStride)},
					}[part])
				}
				at++
			}
		}
		anchor = anchor[k[j]:]
	}
	return h
}

// moments returns the mean and standard deviation of a mixture.
func moments(m kernels.Mixture) (mean, sd float64) {
	for i, w := range m.Weight {
		mean += float64(w * m.Mean[i])
	}
	square := 0.0
	for i, w := range m.Weight {
		d, s := m.Mean[i]-mean, m.Scale[i]
		square += float64(w * (float64(s*s) + float64(d*d)))
	}
	return mean, math.Sqrt(square)
}

// changed sets dst to the stored parameters with the changes that the network emits.
// They must not overlap.
func (h *held) changed(dst, change tile.Tile) {
	for _, at := range h.unheard {
		tile.Fill(dst.Row(at), h.p[at])
	}
	for _, r := range h.free {
		p, size, inverse, from := h.p[r.at], r.size, r.inverse, change.Row(r.at)
		to := dst.Row(r.at)[:len(from)]
		if r.part == 1 {
			for i, c := range from {
				t := float64(c * inverse)
				to[i] = p + float64(size*c)/math.Sqrt(1+float64(t*t))
			}
			continue
		}
		for i, c := range from {
			t := float64(c * inverse)
			to[i] = p + float64(size*(1-(math.Sqrt(1+float64(t*t))-t)))
		}
	}
}

// backward converts the derivatives with respect to the parameters to those with
// respect to the network's outputs, in place.
func (h *held) backward(d, change tile.Tile) {
	for _, at := range h.unheard {
		clear(d.Row(at))
	}
	for _, r := range h.free {
		size, inverse, from := r.size, r.inverse, change.Row(r.at)
		to := d.Row(r.at)[:len(from)]
		if r.part == 1 {
			for i, c := range from {
				t := c * inverse
				q := 1 + float64(t*t)
				to[i] *= size / float64(q*math.Sqrt(q))
			}
			continue
		}
		slope := size * inverse
		for i, c := range from {
			t := c * inverse
			to[i] *= float64(slope * (1 - t/math.Sqrt(1+float64(t*t))))
		}
	}
}

// describeHeld returns the tensors of the stored parameters, and of which
// components are anchors.
func (l *coupling) describeHeld() []model.Tensor {
	k := l.components()
	var stored []marginal
	var anchors [][]float64
	for _, h := range []half{l.half[1], l.half[0]} { // by coordinate
		stored = append(stored, cutAll(h.held.p, h.held.k)...)
		at := h.held.anchor
		for _, n := range h.held.k {
			row := make([]float64, n)
			for i := range row {
				if at[i] {
					row[i] = 1
				}
			}
			anchors = append(anchors, row)
			at = at[n:]
		}
	}
	return []model.Tensor{
		model.Padded("half.held.logit", k, 0, func(j int) []float64 { return stored[j].logit }),
		model.Padded("half.held.mean", k, 0, func(j int) []float64 { return stored[j].mean }),
		model.Padded("half.held.scale", k, 0, func(j int) []float64 { return stored[j].raw }),
		model.Padded("pinned", k, 0, func(j int) []float64 { return anchors[j] }),
	}
}

// held reads what describeHeld wrote: the stored parameters of all coordinates, and
// which of the components are anchors.
func (d *description) held(k []int) (stored []float64, anchor []bool) {
	if d.err != nil {
		return nil, nil
	}
	most := 0
	for _, n := range k {
		most = max(most, n)
	}
	var part [4][][]float64
	for i, name := range []string{"half.held.logit", "half.held.mean", "half.held.scale", "pinned"} {
		t := d.tensor(name, len(k), most)
		if d.err != nil {
			return nil, nil
		}
		part[i] = d.unpad(name, t.Values, k, most, 0)
	}
	for j := range k {
		stored = append(append(append(stored, part[0][j]...), part[1][j]...), part[2][j]...)
		widest, anchored := math.Inf(-1), math.Inf(-1)
		for i, v := range part[3][j] {
			d.checkPinned(v, i, j)
			anchor = append(anchor, v == 1)
			if widest = max(widest, part[2][j][i]); v == 1 {
				anchored = max(anchored, part[2][j][i])
			}
		}
		if anchored < widest {
			d.fail("pinned", "no component of coordinate %d that is pinned is as wide as any", j)
		}
	}
	return stored, anchor
}
