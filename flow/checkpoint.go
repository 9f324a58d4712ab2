package flow

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/errs"
	"github.com/gaussflow/gaussflow/flow/internal/gflow"
	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

// Save writes the run to w, whether it has been stopped, is at its end, or is in
// the middle of [TrainOptions.Progress]. What it writes is a saved flow, which
// [Load] reads (with validation the best one so far), followed by what
// [LoadTrainer] needs to go on: the options but for Validation and Progress, a
// checksum of the data, the state of the random numbers, Adam's moments, the
// parameters, and the history.
//
// A file that is to survive a crash should appear whole or not at all: write
// another one beside it, and rename that.
func (t *Trainer) Save(w io.Writer) error {
	if t.err != nil {
		return fmt.Errorf("flow: Trainer.Save: the run cannot go on: %w", t.err)
	}
	// What follows the flow is
	//
	//	uint64   Steps, Batch, Seed, ValidateEvery, Patience
	//	float64  LearningRate, ClipNorm, ValidationFraction
	//	uint64   rows of x, of Validation (0 if nil); CRC-32C of the elements of both
	//	         the state of PCG, 20 bytes
	//	float64  the parameters after the last step, and before it
	//	float64  Adam's first and second moments
	//	uint64   steps taken; for each: float64 loss, learning rate, norm
	//	uint64   validations; for each: uint64 step, float64 loss
	//	uint64   Kept
	//	uint32   CRC-32C of all bytes before
	now, kept := t.flow.params, t.flow.params
	switch {
	case t.validates() && t.running:
		kept = t.best
	case t.validates():
		now = t.now
	}
	e := gflow.NewEncoder(strictWriter{w})
	flow, err := t.flow.withParams(kept)
	if err != nil {
		return fmt.Errorf("flow: Trainer.Save: %w", err)
	}
	gflow.Encode(e, flow.Model(), gflow.Run)
	for _, v := range []uint64{uint64(t.o.Steps), uint64(t.o.Batch), t.o.Seed, uint64(t.o.ValidateEvery), uint64(t.o.Patience)} {
		e.Uint64(v)
	}
	e.Floats([]float64{t.o.LearningRate, t.o.ClipNorm, t.o.ValidationFraction})
	for _, v := range t.fingerprint() {
		e.Uint64(v)
	}
	state, err := t.pcg.MarshalBinary()
	if err != nil {
		return fmt.Errorf("flow: Trainer.Save: %w", err)
	}
	e.Bytes(state)
	for _, x := range [][]float64{now, t.good, t.m, t.v} {
		e.Floats(x)
	}
	e.Uint64(uint64(len(t.history.Steps)))
	for _, s := range t.history.Steps {
		e.Floats([]float64{s.Loss, s.LearningRate, s.GradNorm})
	}
	e.Uint64(uint64(len(t.history.Validations)))
	for _, v := range t.history.Validations {
		e.Uint64(uint64(v.Step))
		e.Floats([]float64{v.Loss})
	}
	e.Uint64(uint64(t.history.Kept))
	e.Checksum()
	if err := e.Flush(); err != nil {
		return fmt.Errorf("flow: Trainer.Save: %w", err)
	}
	return nil
}

// LoadTrainer reads a run that [Trainer.Save] wrote, to go on with it: its Run
// does what is left, and the flow, the history and the random numbers have the
// same bits as if the run had not been stopped. x must be the matrix of the run.
//
// o gives Validation, which must be that of the run, and Progress. Its other
// fields may be zero; one that is not must have the value of the run.
//
// It is an error if r does not hold a run, if it was damaged, or if the data or
// the options are others. The memory that r can claim is bounded as for [Load].
func LoadTrainer(r io.Reader, x mat.Matrix, o TrainOptions) (*Trainer, error) {
	const what = "LoadTrainer"
	t, saved, err := decodeTrainer(gflow.NewDecoder(r))
	if err != nil {
		return nil, fmt.Errorf("flow: %s: %w", what, err)
	}
	if err := t.o.agree(o); err != nil {
		return nil, fmt.Errorf("flow: %s: %w", what, err)
	}
	if saved[1] > 0 && o.Validation == nil {
		return nil, fmt.Errorf("flow: %s: the run validates with a matrix of %d rows; give it as Validation", what, saved[1])
	}
	t.o.Validation, t.o.Progress = o.Validation, o.Progress
	if err := t.o.setDefaults(what); err != nil {
		return nil, err
	}
	if err := t.setData(what, x); err != nil {
		return nil, err
	}
	if t.fingerprint() != saved {
		return nil, fmt.Errorf("flow: %s: the run was started on other data", what)
	}
	if !t.validates() {
		t.flow.set(t.now)
		t.best, t.now = nil, nil
	}
	return t, nil
}

// decodeTrainer reads a run but for its data, whose fingerprint it returns.
func decodeTrainer(d *gflow.Decoder) (*Trainer, fingerprint, error) {
	var saved fingerprint
	m, what, err := gflow.Decode(d)
	if err != nil {
		return nil, saved, err
	}
	f, err := fromModel(m)
	if err != nil {
		return nil, saved, err
	}
	if what != gflow.Run {
		return nil, saved, errs.Errorf(ErrFormat, "this is a flow without the run that trains it; Load reads it, and NewTrainer starts a run")
	}
	t := &Trainer{flow: f, adam: newAdam(), pcg: new(rand.PCG), best: slices.Clone(f.params)}
	t.o.Steps = d.Int("Steps")
	t.o.Batch = d.Int("Batch")
	t.o.Seed = d.Uint64()
	t.o.ValidateEvery = d.Int("ValidateEvery")
	t.o.Patience = d.Int("Patience")
	for _, c := range []struct {
		name string
		v    int
	}{{"Steps", t.o.Steps}, {"Batch", t.o.Batch}, {"ValidateEvery", t.o.ValidateEvery}} {
		if c.v < 1 {
			d.Fail("%s is %d; it must be positive", c.name, c.v)
		}
	}
	t.o.LearningRate, t.o.ClipNorm, t.o.ValidationFraction = d.Float(), d.Float(), d.Float()
	for i := range saved {
		saved[i] = d.Uint64()
	}
	if state := d.Bytes(20); d.Err() == nil {
		if err := t.pcg.UnmarshalBinary(state); err != nil {
			d.Fail("the state of the random numbers: %w", err)
		}
	}
	n := len(f.params)
	t.now, t.good = d.Floats("parameters of the run", n), d.Floats("earlier parameters of the run", n)
	t.m, t.v = d.Floats("first moments", n), d.Floats("second moments", n)
	if i := slices.IndexFunc(t.v, func(v float64) bool { return v < 0 }); i >= 0 {
		d.Fail("second moment %d is %v; it must not be negative", i, t.v[i])
	}
	steps := d.Int("number of steps taken")
	if steps > t.o.Steps {
		d.Fail("%d of %d steps have been taken", steps, t.o.Steps)
	}
	for i := 0; i < steps && d.Err() == nil; i++ {
		t.history.Steps = append(t.history.Steps, Step{i + 1, d.Float(), d.Float(), d.Float()})
	}
	validations := d.Int("number of validations")
	if validations > steps+1 {
		d.Fail("there are %d validations in %d steps", validations, steps)
	}
	for last := -1; validations > 0 && d.Err() == nil; validations-- {
		v := Validation{d.Int("step of a validation"), d.Float()}
		if v.Step <= last || v.Step > steps {
			d.Fail("there is a validation after step %d, behind one after step %d, in a run of %d", v.Step, last, steps)
		}
		last = v.Step
		t.history.Validations = append(t.history.Validations, v)
	}
	t.history.Kept = d.Int("number of steps of the parameters kept")
	known := t.history.Kept == steps
	if t.o.ValidationFraction > 0 || saved[1] > 0 {
		known = t.history.Kept == 0 || slices.ContainsFunc(t.history.Validations, func(v Validation) bool { return v.Step == t.history.Kept })
	}
	if !known {
		d.Fail("the parameters kept are those after %d steps, which the run does not have", t.history.Kept)
	}
	d.Checksum()
	return t, saved, d.Err()
}

// withParams returns a copy of the flow with other values of its parameters.
func (f *Flow) withParams(params []float64) (*Flow, error) {
	g, err := fromModel(f.Model())
	if err != nil {
		return nil, err
	}
	g.set(params)
	return g, nil
}

// agree checks that the fields of o that are set have the values of the run.
func (run *TrainOptions) agree(o TrainOptions) error {
	for _, c := range []struct {
		name     string
		run, now any
		zero     bool
	}{
		{"Steps", run.Steps, o.Steps, o.Steps == 0},
		{"Batch", run.Batch, o.Batch, o.Batch == 0},
		{"LearningRate", run.LearningRate, o.LearningRate, o.LearningRate == 0},
		{"ClipNorm", run.ClipNorm, o.ClipNorm, o.ClipNorm == 0},
		{"Seed", run.Seed, o.Seed, o.Seed == 0},
		{"ValidationFraction", run.ValidationFraction, o.ValidationFraction, o.ValidationFraction == 0},
		{"ValidateEvery", run.ValidateEvery, o.ValidateEvery, o.ValidateEvery == 0},
		{"Patience", run.Patience, o.Patience, o.Patience == 0},
	} {
		if !c.zero && c.run != c.now {
			return fmt.Errorf("%s is %v, and the run was started with %v; leave it 0", c.name, c.now, c.run)
		}
	}
	return nil
}

// A fingerprint is the number of rows of x and of Validation, and the checksums of
// their elements.
type fingerprint [4]uint64

func (t *Trainer) fingerprint() fingerprint {
	p := fingerprint{uint64(t.data.N), 0, uint64(checksum(t.data.Source)), 0}
	if t.o.Validation != nil {
		p[1], p[3] = uint64(t.validation.N), uint64(checksum(t.validation.Source))
	}
	return p
}

// checksum is CRC-32C of the elements, row by row.
func checksum(s tile.Source) uint32 {
	row := tile.New(s.Dim, 1)
	b := make([]byte, 0, 8*s.Dim)
	sum := uint32(0)
	for i := range s.N {
		if s.ReadRow(row, 0, i) != nil {
			return 0 // it has changed since it was checked
		}
		b = b[:0]
		for _, v := range row.Data {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		sum = crc32.Update(sum, gflow.Castagnoli, b)
	}
	return sum
}
