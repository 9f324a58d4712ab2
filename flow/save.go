package flow

import (
	"bytes"
	"fmt"
	"io"

	"github.com/gaussflow/gaussflow/flow/internal/gflow"
	"github.com/gaussflow/gaussflow/flow/internal/safetensors"
	"github.com/gaussflow/gaussflow/flow/model"
)

// Save writes the flow to w as a safetensors file, with everything that [Flow.Model]
// returns. NumPy alone can read it. The bytes are the same on every machine and keep
// every bit of the parameters.
func (f *Flow) Save(w io.Writer) error {
	if err := f.ready("Save"); err != nil {
		return err
	}
	if err := safetensors.Encode(strictWriter{w}, f.Model(), f.Kind()); err != nil {
		return fmt.Errorf("flow: Save: %w", err)
	}
	return nil
}

// A strictWriter returns an error when its writer writes less than it was given
// without saying so.
type strictWriter struct{ w io.Writer }

func (s strictWriter) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return n, err
}

// Load reads a flow that [Flow.Save], or another program, wrote in that format. It
// reads no further than the flow's end, and the flow has the bits of the one that
// was saved. Load also reads the flow of a training run that [Trainer.Save] wrote,
// and .gflow files, the format of earlier versions.
//
// It returns an error if r does not hold such a flow, if the checksum is wrong, or
// if a number is out of range. Memory is bounded by a small multiple of the number
// of bytes read, whatever sizes the file claims.
func Load(r io.Reader) (*Flow, error) {
	decode := func(r io.Reader) (model.Model, error) {
		m, _, err := gflow.Decode(gflow.NewDecoder(r))
		return m, err
	}
	head := make([]byte, 8)
	n, err := io.ReadFull(r, head)
	if err == nil && safetensors.Is(head) {
		decode = safetensors.Decode
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil // the decoder reports it
	}
	if err == nil {
		var m model.Model
		if m, err = decode(io.MultiReader(bytes.NewReader(head[:n]), r)); err == nil {
			var f *Flow
			if f, err = fromModel(m); err == nil {
				return f, nil
			}
		}
	}
	return nil, fmt.Errorf("flow: Load: %w", err)
}
