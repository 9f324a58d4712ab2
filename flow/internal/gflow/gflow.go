// Package gflow reads and writes models in the format of .gflow files. It depends on
// [model.Model] and not on layers, except that version 1 has its own encoding of
// three kinds of layers.
//
// A file is, with numbers in little-endian order and floats as IEEE 754:
//
//	magic, 8 bytes
//	uint32   version of the format
//	uint32   what follows: 1, a flow; 2, a flow and the training run it is in
//	uint32   dim
//	float64  location of the base, dim; scale, dim
//	         the rest of the model; see version1.go and version2.go
//	uint32   CRC-32C of all bytes before
//
// and, for a training run, what Trainer.Save says, with a checksum of its own.
// Version 1 is written whenever it can hold the model, so that such files keep their
// bytes.
package gflow

import (
	"github.com/gaussflow/gaussflow/flow/model"
)

const magic = "\x89GFLOW\r\n" // not text, and damaged by conversions of text files

// Content tells what a file holds.
type Content uint32

const (
	Flow Content = 1
	Run  Content = 2 // a flow, and the training run that it is in
)

// Encode writes the model. For a training run, the caller writes the rest.
func Encode(e *Encoder, m model.Model, what Content) {
	version, write := uint32(2), encode2
	if fits1(m) {
		version, write = 1, encode1
	}
	e.Bytes([]byte(magic))
	e.Uint32(version)
	e.Uint32(uint32(what))
	e.Uint32(uint32(m.Dim))
	e.Floats(m.Base.Loc)
	e.Floats(m.Base.Scale)
	write(e, m)
	e.Checksum()
}

// Decode reads a model and tells what the file holds. Of the tensors it checks only
// that they are finite.
func Decode(d *Decoder) (model.Model, Content, error) {
	if head := d.Bytes(len(magic)); d.err == nil && string(head) != magic {
		d.Fail("not a gaussflow model: wrong magic bytes")
	}
	version := d.Uint32()
	if d.err == nil && version != 1 && version != 2 {
		d.Fail("the format has version %d; this program reads versions 1 and 2", version)
	}
	what := Content(d.Uint32())
	if d.err == nil && what != Flow && what != Run {
		d.Fail("the file says that it holds %d; a flow is %d, a training run %d", what, Flow, Run)
	}
	m := model.Model{Dim: d.Count("dimension", 1)}
	m.Base = model.Base{Loc: d.Floats("location of the base", m.Dim), Scale: d.Floats("scale of the base", m.Dim)}
	if d.err == nil {
		if version == 1 {
			decode1(d, &m)
		} else {
			decode2(d, &m)
		}
	}
	d.Checksum()
	if d.err != nil {
		return model.Model{}, 0, d.err
	}
	return m, what, nil
}
