package flow

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
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
	e := newEncoder(w)
	t.flow.encode(e, savedRun, kept)
	for _, v := range []uint64{uint64(t.o.Steps), uint64(t.o.Batch), t.o.Seed, uint64(t.o.ValidateEvery), uint64(t.o.Patience)} {
		e.uint64(v)
	}
	e.floats([]float64{t.o.LearningRate, t.o.ClipNorm, t.o.ValidationFraction})
	for _, v := range t.fingerprint() {
		e.uint64(v)
	}
	state, err := t.pcg.MarshalBinary()
	if err != nil {
		return fmt.Errorf("flow: Trainer.Save: %w", err)
	}
	e.bytes(state)
	for _, x := range [][]float64{now, t.good, t.m, t.v} {
		e.floats(x)
	}
	e.uint64(uint64(len(t.history.Steps)))
	for _, s := range t.history.Steps {
		e.floats([]float64{s.Loss, s.LearningRate, s.GradNorm})
	}
	e.uint64(uint64(len(t.history.Validations)))
	for _, v := range t.history.Validations {
		e.uint64(uint64(v.Step))
		e.floats([]float64{v.Loss})
	}
	e.uint64(uint64(t.history.Kept))
	e.checksum()
	if err := e.flush(); err != nil {
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
	t, saved, err := decodeTrainer(newDecoder(r))
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
func decodeTrainer(d *decoder) (*Trainer, fingerprint, error) {
	var saved fingerprint
	f, what, err := decodeFlow(d)
	if err != nil {
		return nil, saved, err
	}
	if what != savedRun {
		return nil, saved, errors.New("this is a flow without the run that trains it; Load reads it, and NewTrainer starts a run")
	}
	t := &Trainer{flow: f, adam: newAdam(), pcg: new(rand.PCG), best: slices.Clone(f.params)}
	t.o.Steps = d.int("Steps")
	t.o.Batch = d.int("Batch")
	t.o.Seed = d.uint64()
	t.o.ValidateEvery = d.int("ValidateEvery")
	t.o.Patience = d.int("Patience")
	t.o.LearningRate, t.o.ClipNorm, t.o.ValidationFraction = d.float(), d.float(), d.float()
	for i := range saved {
		saved[i] = d.uint64()
	}
	if state := d.bytes(20); d.err == nil {
		if err := t.pcg.UnmarshalBinary(state); err != nil {
			d.fail("the state of the random numbers: %w", err)
		}
	}
	n := len(f.params)
	t.now, t.good = d.floats("parameters of the run", n), d.floats("earlier parameters of the run", n)
	t.m, t.v = d.floats("first moments", n), d.floats("second moments", n)
	if i := slices.IndexFunc(t.v, func(v float64) bool { return v < 0 }); i >= 0 {
		d.fail("second moment %d is %v; it must not be negative", i, t.v[i])
	}
	steps := d.int("number of steps taken")
	if steps > t.o.Steps {
		d.fail("%d of %d steps have been taken", steps, t.o.Steps)
	}
	for i := 0; i < steps && d.err == nil; i++ {
		t.history.Steps = append(t.history.Steps, Step{i + 1, d.float(), d.float(), d.float()})
	}
	validations := d.int("number of validations")
	for i := 0; i < validations && d.err == nil; i++ {
		t.history.Validations = append(t.history.Validations, Validation{d.int("step of a validation"), d.float()})
	}
	t.history.Kept = d.int("number of steps of the parameters kept")
	d.checksum()
	return t, saved, d.err
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
	p := fingerprint{uint64(t.data.n), 0, uint64(t.data.checksum()), 0}
	if t.o.Validation != nil {
		p[1], p[3] = uint64(t.validation.n), uint64(t.validation.checksum())
	}
	return p
}

// checksum is CRC-32C of the elements, row by row.
func (s source) checksum() uint32 {
	one := newTile(s.dim, 1)
	b := make([]byte, 0, 8*s.dim)
	sum := uint32(0)
	for i := range s.n {
		if s.readRow(one, 0, i, 0, s.dim) != nil {
			return 0 // it has changed since it was checked
		}
		b = b[:0]
		for _, v := range one.data {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		sum = crc32.Update(sum, castagnoli, b)
	}
	return sum
}

// int reads a number that a count can have.
func (d *decoder) int(what string) int {
	v := d.uint64()
	if d.err == nil && v > math.MaxInt {
		d.fail("the %s is %d; it is out of range", what, v)
	}
	if d.err != nil {
		return 0
	}
	return int(v)
}

// float reads a number, finite or not.
func (d *decoder) float() float64 { return math.Float64frombits(d.uint64()) }
