package gflow

import (
	"maps"
	"slices"

	"github.com/gaussflow/gaussflow/flow/model"
)

// Version 2 holds any model. After the base come
//
//	uint32   columns, 0 or dim; for each: its name
//	uint32   entries of the information, by key; for each: key, value
//	uint32   quantiles; float64 for each
//	uint32   blocks; for each: uint32 layers; for each:
//	         kind
//	         uint32 attributes, by name; for each: name, value
//	         uint32 tensors; for each: name, uint32 rank, uint32 for each size,
//	         float64 for each element
//
// Names, keys and values are a uint32 with the length and then the bytes.
const maxRank = 8

func encode2(e *Encoder, m model.Model) {
	e.Uint32(uint32(len(m.Columns)))
	for _, c := range m.Columns {
		e.String(c)
	}
	encodeMap(e, m.Info)
	e.Uint32(uint32(len(m.Quantiles)))
	e.Floats(m.Quantiles)
	e.Uint32(uint32(len(m.Blocks)))
	for _, b := range m.Blocks {
		e.Uint32(uint32(len(b)))
		for _, l := range b {
			e.String(l.Kind)
			encodeMap(e, l.Attributes)
			e.Uint32(uint32(len(l.Tensors)))
			for _, t := range l.Tensors {
				e.String(t.Name)
				e.Uint32(uint32(len(t.Shape)))
				for _, n := range t.Shape {
					e.Uint32(uint32(n))
				}
				e.Floats(t.Values)
			}
		}
	}
}

func encodeMap(e *Encoder, m map[string]string) {
	e.Uint32(uint32(len(m)))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		e.String(key)
		e.String(m[key])
	}
}

func decode2(d *Decoder, m *model.Model) {
	for range d.Count("number of columns", 0) {
		m.Columns = append(m.Columns, d.String("name of a column"))
		if d.err != nil {
			return
		}
	}
	m.Info = decodeMap(d, "information")
	m.Quantiles = d.Floats("quantiles", d.Count("number of quantiles", 0))
	total := 0
	m.Blocks = blocks(d, func() model.Layer {
		l := model.Layer{Kind: d.String("kind of a layer"), Attributes: decodeMap(d, "attributes of a layer")}
		for range d.Count("number of tensors", 0) {
			t := model.Tensor{Name: d.String("name of a tensor")}
			rank := d.Count("rank of a tensor", 0)
			if rank > maxRank {
				d.Fail("tensor %q has %d dimensions; it can have %d", t.Name, rank, maxRank)
			}
			if d.err != nil {
				break
			}
			size := 1
			for range rank {
				n := d.Count("size of a tensor", 1)
				if n > maxParams/size {
					d.Fail("%w", tooMany())
				}
				if d.err != nil {
					return l
				}
				t.Shape, size = append(t.Shape, n), size*n
			}
			if size > maxParams-total { // a sum could leave the range of int where that has 32 bits
				d.Fail("%w", tooMany())
				return l
			}
			total += size
			t.Values = d.Floats("tensor "+t.Name, size)
			l.Tensors = append(l.Tensors, t)
		}
		return l
	})
}

func decodeMap(d *Decoder, what string) map[string]string {
	var m map[string]string
	last := ""
	for i := range d.Count("number of "+what, 0) {
		key, value := d.String("key of the "+what), d.String("value of the "+what)
		if d.err != nil {
			return nil
		}
		if i > 0 && key <= last {
			d.Fail("the %s are not in order: %q follows %q", what, key, last)
		}
		if m == nil {
			m = map[string]string{}
		}
		m[key], last = value, key
	}
	return m
}
