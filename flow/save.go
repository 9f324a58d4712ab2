package flow

import (
	"fmt"
	"io"

	"github.com/gaussflow/gaussflow/flow/internal/gflow"
)

// Save writes the flow to w, in a format that is the same on every machine. It
// keeps every bit of the model.
func (f *Flow) Save(w io.Writer) error {
	if err := f.ready("Save"); err != nil {
		return err
	}
	e := gflow.NewEncoder(w)
	gflow.Encode(e, f.Model(), gflow.Flow)
	if err := e.Flush(); err != nil {
		return fmt.Errorf("flow: Save: %w", err)
	}
	return nil
}

// Load reads a flow that [Flow.Save] wrote, or the flow of a training run that
// [Trainer.Save] wrote, from where it begins in r; it reads no further than the
// flow's end. The flow has the bits of the one that was saved.
//
// It is an error if r does not hold such a flow, if its checksum is wrong, or if a
// number is out of range. Memory is bounded by a small multiple of the bytes that
// r gives, whatever they say.
func Load(r io.Reader) (*Flow, error) {
	m, _, err := gflow.Decode(gflow.NewDecoder(r))
	if err == nil {
		var f *Flow
		if f, err = fromModel(m); err == nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("flow: Load: %w", err)
}
