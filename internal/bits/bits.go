// Package bits tests that the same data, options and seed give the same flow, bit for bit, on every machine. The
// digests in testdata are compared on every architecture that Go has and qemu-user emulates, by make bits.
package bits

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow"
)

// rows are n samples of dimension d that depend on each other, made by operations that round alike everywhere.
func rows(n, d int) *mat.Dense {
	rng := rand.New(rand.NewPCG(1, 2))
	x := mat.NewDense(n, d, nil)
	for i := range n {
		before := 0.0
		for j := range d {
			v := float64(rng.Float64()) + float64(rng.Float64()) + float64(rng.Float64()) - 1.5
			v += float64(before*before) - float64(0.5*before)
			x.Set(i, j, v)
			before = v
		}
	}
	return x
}

// A digest is the hash of the bits of numbers.
type digest struct{ h hash.Hash }

func (d digest) add(x []float64) {
	var b [8]byte
	for _, v := range x {
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
		d.h.Write(b[:])
	}
}

func (d digest) String() string { return fmt.Sprintf("%x", d.h.Sum(nil)[:16]) }

func of(x []float64) string {
	d := digest{sha256.New()}
	d.add(x)
	return d.String()
}

// flowDigests describes a flow: its file, z and log p of the rows, and samples.
func flowDigests(w io.Writer, name string, f *flow.Flow, x *mat.Dense) error {
	file := digest{sha256.New()}
	if err := f.Save(file.h); err != nil {
		return err
	}
	fmt.Fprintf(w, "%s, file: %v\n", name, file)
	n, d := x.Dims()
	z, logDet, logProb := mat.NewDense(n, d, nil), make([]float64, n), make([]float64, n)
	if err := f.Forward(z, logDet, x); err != nil {
		return err
	}
	if err := f.LogProb(logProb, x); err != nil {
		return err
	}
	back, y := mat.NewDense(n, d, nil), mat.NewDense(n, d, nil)
	if err := f.Inverse(back, nil, z); err != nil {
		return err
	}
	if err := f.Sample(y, rand.NewPCG(3, 4)); err != nil {
		return err
	}
	for _, part := range []struct {
		what string
		x    []float64
	}{{"z", z.RawMatrix().Data}, {"log-det", logDet}, {"log p", logProb}, {"inverse", back.RawMatrix().Data}, {"sample", y.RawMatrix().Data}} {
		fmt.Fprintf(w, "%s, %s: %s\n", name, part.what, of(part.x))
	}
	return nil
}

// Fits writes the digests of what Fit chooses by itself.
func Fits(w io.Writer) error {
	x := rows(120, 2)
	f, err := flow.Fit(context.Background(), x, flow.FitOptions{})
	if err != nil {
		return err
	}
	return flowDigests(w, "automatic fit", f, x)
}

// Digests writes a line for each result of a fit, of a coupling flow that shares it, and of that flow after 20 steps of
// training.
func Digests(w io.Writer) error {
	x := rows(400, 3)
	f, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 2, Components: 4})
	if err != nil {
		return err
	}
	if err := flowDigests(w, "fit", f, x); err != nil {
		return err
	}
	c, err := f.Couple(flow.CouplingOptions{Width: 16})
	if err != nil {
		return err
	}
	h, err := flow.Train(context.Background(), c, x, flow.TrainOptions{Steps: 20, Batch: 64})
	if err != nil {
		return err
	}
	var losses []float64
	for _, s := range h.Steps {
		losses = append(losses, s.Loss, s.LearningRate, s.GradNorm)
	}
	fmt.Fprintf(w, "training, losses: %s\n", of(losses))
	return flowDigests(w, "trained", c, x)
}
