package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/internal/atomicfile"
)

// resumeTraining returns the training of f: the one in the checkpoint, if there is one, and if it began
// with the same flow.
func resumeTraining(f *flow.Flow, x mat.Matrix, o flow.TrainOptions, checkpoint string) (*flow.Trainer, error) {
	if checkpoint == "" {
		return flow.NewTrainer(f, x, o)
	}
	file, err := os.Open(checkpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return flow.NewTrainer(f, x, o)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the checkpoint: %w", err)
	}
	defer file.Close()
	t, err := flow.LoadTrainer(bufio.NewReader(file), x, o)
	if err != nil {
		return nil, fmt.Errorf("the checkpoint %s: %w", checkpoint, err)
	}
	if seed := t.Options().Seed; seed != o.Seed {
		return nil, fmt.Errorf("the checkpoint %s is of a run with seed %d, not %d; give that seed or another file", checkpoint, seed, o.Seed)
	}
	same := t.Flow().NumParams() == f.NumParams() && t.Flow().Blocks() == f.Blocks()
	for i := 0; same && i < f.Blocks(); i++ {
		a, b := t.Flow().Block(i).Rotation(), f.Block(i).Rotation()
		same = a == nil && b == nil || a != nil && b != nil && mat.Equal(a, b)
	}
	if !same {
		return nil, fmt.Errorf("the checkpoint %s began with another fit of the diagonal flow, by another build; remove it or give another file", checkpoint)
	}
	return t, nil
}

// saveTraining writes the checkpoint, if one is wanted, whole or not at all.
func saveTraining(t *flow.Trainer, checkpoint string) error {
	if checkpoint == "" {
		return nil
	}
	var b bytes.Buffer
	if err := t.Save(&b); err != nil {
		return err
	}
	if err := atomicfile.WriteFile(checkpoint, b.Bytes()); err != nil {
		return fmt.Errorf("cannot write the checkpoint: %w", err)
	}
	return nil
}
