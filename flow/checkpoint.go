package flow

import (
	"context"
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

// Save writes the run to w. It may be called before, between and after calls of
// Run, and from [TrainOptions.Progress]. It writes a saved flow, which [Load]
// reads (with validation the best one so far), followed by what [LoadTrainer]
// needs to continue: the options but for Validation and Progress, a checksum of
// the data, the state of the random numbers, Adam's moments, the parameters, and
// the history.
//
// To replace a file such that a crash leaves either the old or the new one, write
// to another file beside it and rename that.
func (t *Trainer) Save(w io.Writer) error {
	if t.err != nil {
		return fmt.Errorf("flow: Trainer.Save: the run cannot go on: %w", t.err)
	}
	// What follows the flow is
	//
	//	uint64   2⁶³, where the schedule is Plateau
	//	uint64   Steps, Batch, Seed, ValidateEvery, Patience
	//	float64  LearningRate, ClipNorm, ValidationFraction
	//	float64  Noise, where the schedule is Plateau
	//	uint64   rows of x, of Validation (0 if nil); CRC-32C of the elements of both
	//	         the state of PCG, 20 bytes
	//	float64  the parameters after the last step, and before it
	//	float64  Adam's first and second moments
	//	         where the schedule is Plateau: float64 the best parameters, those of the
	//	         start, the average; uint64 the step of the best, how often it went back,
	//	         when it last did, validations without progress since
	//	uint64   steps taken; for each: float64 loss, learning rate, norm
	//	uint64   validations; for each: uint64 step, float64 loss
	//	uint64   Kept
	//	uint32   CRC-32C of all bytes before
	now, kept := t.part.params, t.part.params
	switch {
	case t.validates() && t.running:
		kept = t.kept()
	case t.validates():
		now = t.now
	}
	plateau := t.o.Schedule == Plateau
	e := gflow.NewEncoder(strictWriter{w})
	flow, err := t.flow.withLastParams(kept)
	if err != nil {
		return fmt.Errorf("flow: Trainer.Save: %w", err)
	}
	gflow.Encode(e, flow.Model(), gflow.Run)
	if plateau {
		e.Uint64(plateauRun)
	}
	for _, v := range []uint64{uint64(t.o.Steps), uint64(t.o.Batch), t.o.Seed, uint64(t.o.ValidateEvery), uint64(t.o.Patience)} {
		e.Uint64(v)
	}
	e.Floats([]float64{t.o.LearningRate, t.o.ClipNorm, t.o.ValidationFraction})
	if plateau {
		e.Floats([]float64{t.o.Noise})
	}
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
	if plateau {
		for _, x := range [][]float64{t.best, t.start, t.average} {
			e.Floats(x)
		}
		for _, v := range []int{t.bestStep, t.cuts, t.since, t.stale} {
			e.Uint64(uint64(v))
		}
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

// LoadTrainer reads a run that [Trainer.Save] wrote. Run then takes the remaining
// steps, and the flow, the history and the random numbers have the same bits as
// in an uninterrupted run. x must be the matrix of the run.
//
// o supplies Validation, which must be that of the run, and Progress. Its other
// fields may be zero; those that are not must have the values of the run.
//
// It returns an error if r does not hold a run, if it is damaged, or if the data
// or the options differ. Memory is bounded as in [Load].
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
	if err := t.setData(context.Background(), what, x); err != nil {
		return nil, err
	}
	if t.fingerprint() != saved {
		return nil, fmt.Errorf("flow: %s: the run was started on other data", what)
	}
	switch {
	case !t.validates():
		t.part.set(t.now)
		t.best, t.now = nil, nil
	case t.o.Schedule == Plateau && len(t.history.Validations) > 0:
		// The log-densities of the initial and the best parameters, for the rule that chooses between them.
		for _, c := range []struct{ p, lp []float64 }{{t.start, t.lpStart}, {t.best, t.lpBest}} {
			t.part.set(c.p)
			if _, err := t.validate(context.Background(), t.validation); err != nil {
				return nil, err
			}
			copy(c.lp, t.lp)
		}
		t.part.set(t.kept())
	}
	return t, nil
}

// plateauRun marks the options of a run whose schedule is Plateau; it is no valid
// number of steps.
const plateauRun = 1 << 63

// decodeTrainer reads a run without its data, whose fingerprint it returns.
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
	part := f.from(f.firstTrained()).params
	t := &Trainer{flow: f, adam: newAdam(), pcg: new(rand.PCG), best: slices.Clone(part)}
	t.o.Schedule = OneCycle
	first := d.Uint64()
	if first == plateauRun {
		t.o.Schedule = Plateau
		first = d.Uint64()
	}
	if first > math.MaxInt32 {
		d.Fail("the Steps is %d; it is out of range", first)
	}
	t.o.Steps = int(first)
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
	if t.o.Schedule == Plateau {
		t.o.Noise = d.Float()
	}
	for i := range saved {
		saved[i] = d.Uint64()
	}
	if state := d.Bytes(20); d.Err() == nil {
		if err := t.pcg.UnmarshalBinary(state); err != nil {
			d.Fail("the state of the random numbers: %w", err)
		}
	}
	n := len(part)
	t.now, t.good = d.Floats("parameters of the run", n), d.Floats("earlier parameters of the run", n)
	t.m, t.v = d.Floats("first moments", n), d.Floats("second moments", n)
	if i := slices.IndexFunc(t.v, func(v float64) bool { return v < 0 }); i >= 0 {
		d.Fail("second moment %d is %v; it must not be negative", i, t.v[i])
	}
	if t.o.Schedule == Plateau {
		t.best, t.start, t.average = d.Floats("best parameters", n), d.Floats("parameters of the start", n), d.Floats("average of the parameters", n)
		t.bestStep, t.cuts = d.Int("step of the best parameters"), d.Int("number of returns")
		t.since, t.stale = d.Int("step of the last return"), d.Int("number of validations without progress")
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
	if t.o.Schedule == OneCycle {
		t.bestStep, t.stale = t.history.Kept, t.sinceBest()
	}
	if t.o.Schedule == Plateau && (t.bestStep > steps || t.since > steps || t.cuts > mostCuts+1 || t.stale > len(t.history.Validations)) {
		d.Fail("the best parameters are those after %d of %d steps, and it went back %d times, after %d steps the last time; that cannot be", t.bestStep, steps, t.cuts, t.since)
	}
	if !known {
		d.Fail("the parameters kept are those after %d steps, which the run does not have", t.history.Kept)
	}
	d.Checksum()
	return t, saved, d.Err()
}

// withLastParams returns a copy of the flow in which the last parameters have the
// given values.
func (f *Flow) withLastParams(params []float64) (*Flow, error) {
	g, err := fromModel(f.Model())
	if err != nil {
		return nil, err
	}
	copy(g.params[len(g.params)-len(params):], params)
	g.refresh()
	return g, nil
}

// agree returns an error unless the nonzero fields of o have the values of the
// run.
func (run *TrainOptions) agree(o TrainOptions) error {
	for _, c := range []struct {
		name     string
		run, now any
		zero     bool
	}{
		{"Schedule", run.Schedule, o.Schedule, o.Schedule == 0},
		{"Steps", run.Steps, o.Steps, o.Steps == 0},
		{"Batch", run.Batch, o.Batch, o.Batch == 0},
		{"LearningRate", run.LearningRate, o.LearningRate, o.LearningRate == 0},
		{"ClipNorm", run.ClipNorm, o.ClipNorm, o.ClipNorm == 0},
		{"Seed", run.Seed, o.Seed, o.Seed == 0},
		{"ValidationFraction", run.ValidationFraction, o.ValidationFraction, o.ValidationFraction == 0},
		{"ValidateEvery", run.ValidateEvery, o.ValidateEvery, o.ValidateEvery == 0},
		{"Patience", run.Patience, o.Patience, o.Patience == 0},
		{"Noise", run.Noise, o.Noise, o.Noise == 0},
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
	p := fingerprint{uint64(t.rows[0].N), 0, uint64(checksum(t.rows[0])), 0}
	if t.o.Validation != nil {
		p[1], p[3] = uint64(t.rows[1].N), uint64(checksum(t.rows[1]))
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
			return 0 // the row has changed since it was checked
		}
		b = b[:0]
		for _, v := range row.Data {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		sum = crc32.Update(sum, gflow.Castagnoli, b)
	}
	return sum
}
