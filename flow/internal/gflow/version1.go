package gflow

import (
	"fmt"
	"slices"

	"github.com/gaussflow/gaussflow/flow/model"
)

// Version 1 holds flows of three kinds of layers, and nothing beside them. After the
// base come
//
//	uint32   blocks; for each: uint32 layers; for each: uint32 kind, and
//	         rotation  float64 for each element
//	         mixtures  float64 bound, uint32 components of each coordinate
//	         coupling  the same, and for each half: uint32 hidden layers, uint32 width of each
//	float64  the trainable parameters, in the order of the layers
const (
	rotation = 1
	mixtures = 2
	coupling = 3
)

var kinds1 = map[string]uint32{"rotation": rotation, "mixtures": mixtures, "coupling": coupling}

// fits1 reports whether version 1 can hold m.
func fits1(m model.Model) bool {
	if m.Columns != nil || m.Info != nil || m.Quantiles != nil {
		return false
	}
	for _, b := range m.Blocks {
		for _, l := range b {
			_, pins := l.Tensor("pinned")
			if kinds1[l.Kind] == 0 || pins {
				return false
			}
			for name := range l.Attributes {
				if name != "components" {
					return false
				}
			}
		}
	}
	return true
}

func encode1(e *Encoder, m model.Model) {
	var params []func() // write the parameters of each layer
	e.Uint32(uint32(len(m.Blocks)))
	for _, b := range m.Blocks {
		e.Uint32(uint32(len(b)))
		for _, l := range b {
			kind := kinds1[l.Kind]
			e.Uint32(kind)
			if kind == rotation {
				e.Floats(values(l, "rotation"))
				continue
			}
			e.Floats(values(l, "bound"))
			// The layer has been built, so its attribute is right.
			k, _ := model.ParseComponents(l.Attributes["components"], m.Dim)
			for _, n := range k {
				e.Uint32(uint32(n))
			}
			switch kind {
			case mixtures:
				logit, mean, scale := values(l, "raw.logit"), values(l, "mean"), values(l, "raw.scale")
				most := slices.Max(k)
				params = append(params, func() {
					for j, n := range k {
						for _, part := range [][]float64{logit, mean, scale} {
							e.Floats(part[j*most : j*most+n])
						}
					}
				})
			case coupling:
				for h := range 2 {
					depth := depthOf(l, h)
					e.Uint32(uint32(depth - 1))
					for i := range depth - 1 {
						t, _ := l.Tensor(weight(h, i))
						e.Uint32(uint32(t.Shape[0]))
					}
				}
				params = append(params, func() {
					for h := range 2 {
						for i := range depthOf(l, h) {
							e.Floats(values(l, weight(h, i)))
							e.Floats(values(l, bias(h, i)))
						}
					}
				})
			}
		}
	}
	for _, write := range params {
		write()
	}
}

func values(l model.Layer, name string) []float64 {
	t, _ := l.Tensor(name)
	return t.Values
}

func weight(half, layer int) string { return fmt.Sprintf("half.%d.layer.%d.weight", half, layer) }
func bias(half, layer int) string   { return fmt.Sprintf("half.%d.layer.%d.bias", half, layer) }

// depthOf counts the layers of a conditioner.
func depthOf(l model.Layer, half int) int {
	n := 0
	for {
		if _, ok := l.Tensor(weight(half, n)); !ok {
			return n
		}
		n++
	}
}

// A head1 is the part of a layer that version 1 stores before the parameters of
// all layers.
type head1 struct {
	kind  uint32
	r     []float64 // the rotation
	bound float64
	k     []int    // components of each coordinate
	sizes [2][]int // of the conditioners' inputs, hidden layers and outputs
}

func decode1(d *Decoder, m *model.Model) {
	var heads []head1
	total := 0
	m.Blocks = blocks(d, func() model.Layer {
		h := decodeHead1(d, m.Dim)
		for _, n := range h.parameters() {
			if n > int64(maxParams-total) {
				d.Fail("%w", tooMany())
				break
			}
			total += int(n)
		}
		heads = append(heads, h)
		return model.Layer{}
	})
	params := d.Floats("parameters", total)
	if d.err != nil {
		return
	}
	take := func(n int) []float64 {
		p := params[:n:n]
		params = params[n:]
		return p
	}
	for _, b := range m.Blocks {
		for i := range b {
			b[i] = heads[0].layer(m.Dim, take)
			heads = heads[1:]
		}
	}
}

func decodeHead1(d *Decoder, dim int) head1 {
	h := head1{kind: d.Uint32()}
	switch h.kind {
	case rotation:
		if dim > maxParams/dim {
			d.Fail("the dimension %d is too large for a rotation", dim)
			return h
		}
		h.r = d.Floats("rotation", dim*dim)
		return h
	case mixtures:
	case coupling:
		if dim < 2 {
			d.Fail("there is a coupling in dimension %d; it needs 2 at least", dim)
		}
	default:
		d.Fail("there is a layer of kind %d, which this program does not know", h.kind)
	}
	if bound := d.Floats("bound of the scales", 1); d.err == nil {
		h.bound = bound[0]
	}
	total := 0
	for range dim {
		n := d.Count("number of components", 1)
		if n > maxParams/3-total {
			d.Fail("%w", tooMany())
		}
		if d.err != nil {
			return h
		}
		h.k, total = append(h.k, n), total+n
	}
	if most := slices.Max(h.k); h.kind == mixtures && most > 16*total/dim+1<<10 {
		d.Fail("one of %d mixtures has %d components, and all together have %d; their tensors would be padding for the most part", dim, most, total)
	}
	if h.kind == coupling {
		for i, given := range []int{dim / 2, dim - dim/2} {
			h.sizes[i] = []int{given}
			for range d.Count("number of hidden layers", 0) {
				h.sizes[i] = append(h.sizes[i], d.Count("width", 1))
				if d.err != nil {
					return h
				}
			}
			mapped := h.k[:dim/2]
			if i == 0 {
				mapped = h.k[dim/2:]
			}
			h.sizes[i] = append(h.sizes[i], 3*sum(mapped))
		}
	}
	return h
}

// parameters returns counts that add up to the number of the layer's parameters.
func (h *head1) parameters() []int64 {
	n := []int64{}
	if h.kind == mixtures {
		n = append(n, 3*int64(sum(h.k)))
	}
	for _, sizes := range h.sizes {
		for l := 1; l < len(sizes); l++ {
			n = append(n, int64(sizes[l])*(int64(sizes[l-1])+1))
		}
	}
	return n
}

// layer returns the layer, with parameters from take.
func (h *head1) layer(dim int, take func(n int) []float64) model.Layer {
	switch h.kind {
	case rotation:
		return model.Rotation(dim, h.r)
	case mixtures:
		var logit, mean, scale [][]float64
		for _, n := range h.k {
			logit, mean, scale = append(logit, take(n)), append(mean, take(n)), append(scale, take(n))
		}
		row := func(part [][]float64) func(j int) []float64 { return func(j int) []float64 { return part[j] } }
		return model.Layer{
			Kind:       "mixtures",
			Attributes: map[string]string{"components": model.FormatComponents(h.k)},
			Tensors: []model.Tensor{
				model.Scalar("bound", h.bound),
				model.Padded("raw.logit", h.k, 0, row(logit)),
				model.Padded("mean", h.k, 0, row(mean)),
				model.Padded("raw.scale", h.k, 0, row(scale)),
			},
		}
	}
	var conditioners [2][]model.Dense
	for i, sizes := range h.sizes {
		for l := 1; l < len(sizes); l++ {
			out, in := sizes[l], sizes[l-1]
			conditioners[i] = append(conditioners[i], model.Dense{Out: out, In: in, Weight: take(out * in), Bias: take(out)})
		}
	}
	return model.Coupling(h.k, h.bound, conditioners)
}

func sum(k []int) int {
	n := 0
	for _, v := range k {
		n += v
	}
	return n
}
