package flow

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
	"github.com/gaussflow/gaussflow/flow/internal/gflow"
	"github.com/gaussflow/gaussflow/flow/internal/safetensors"
)

func saved(t testing.TB, f *Flow) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Save(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// savedGflow is the format that Save wrote before, and that training runs have.
func savedGflow(t testing.TB, f *Flow) []byte {
	t.Helper()
	var b bytes.Buffer
	e := gflow.NewEncoder(&b)
	gflow.Encode(e, f.Model(), gflow.Flow)
	if err := e.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// savedFlows is one of every kind.
func savedFlows(t testing.TB) map[string]*Flow {
	rng := flowtest.NewRand(31)
	wide := randomDiagonal(3, 2, rng)
	bound, err := wide.Couple(CouplingOptions{Width: 5, Depth: 3, LogScaleBound: 9})
	if err != nil {
		t.Fatal(err)
	}
	base := randomDiagonal(2, 1, rng)
	m := base.Model()
	m.Base.Loc[1], m.Base.Scale[0] = -0.5, 2
	if base, err = New(m); err != nil {
		t.Fatal(err)
	}
	return map[string]*Flow{
		"diagonal, d=1":    randomDiagonal(1, 3, rng),
		"diagonal, d=7":    randomDiagonal(7, 2, rng),
		"coupling, d=2":    randomCoupling(t, 2, 2, CouplingOptions{Width: 8, Plain: true}, rng),
		"coupling, d=5":    randomCoupling(t, 5, 2, CouplingOptions{Width: 6, Depth: 1}, rng),
		"appended blocks":  randomCoupling(t, 3, 1, CouplingOptions{Width: 6, Blocks: 2}, rng),
		"coupling, bound":  bound,
		"moved base":       base,
		"rotations":        newFlow(3, []block{{flowtest.RandomRotation(3, rng)}, {flowtest.RandomRotation(3, rng), flowtest.RandomRotation(3, rng)}}),
		"diagonal, fitted": fitted(t),
	}
}

func fitted(t testing.TB) *Flow {
	t.Helper()
	f, err := FitRBIG(flowtest.Table(300, 2, flowtest.NewRand(5)), RBIGOptions{Blocks: 2, Components: 3})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSaveKeepsEveryBit(t *testing.T) {
	flows := savedFlows(t)
	everything, err := New(described(t))
	if err != nil {
		t.Fatal(err)
	}
	flows["everything"] = everything
	for name, f := range flows {
		t.Run(name, func(t *testing.T) {
			b, old := saved(t, f), savedGflow(t, f)
			if g, err := Load(bytes.NewReader(old)); err != nil || !bytes.Equal(saved(t, g), b) {
				t.Errorf("by way of .gflow the flow has other bytes: %v", err)
			}
			// One byte at a time, and something behind the flow that is left alone.
			r := bytes.NewReader(append(bytes.Clone(b), "more"...))
			g, err := Load(iotest.OneByteReader(r))
			if err != nil {
				t.Fatal(err)
			}
			if rest, _ := io.ReadAll(r); string(rest) != "more" {
				t.Errorf("behind the flow Load leaves %q", rest)
			}
			x := randomRows(100, f.dim, 3, flowtest.NewRand(6))
			evaluateAll(t, g, x, x).sameBits(t, evaluateAll(t, f, x, x))
			flowtest.SameBits(t, "parameters", g.params, f.params)
			if g.String() != f.String() || g.Blocks() != f.Blocks() || g.Block(0).LogScaleBound() != f.Block(0).LogScaleBound() {
				t.Errorf("%v became %v", f, g)
			}
			if !bytes.Equal(saved(t, g), b) {
				t.Error("saved again, the flow has other bytes")
			}
			flowtest.Perturb(g.params, 0.1, flowtest.NewRand(7)) // its layers see the new parameters
			g.refresh()
			if len(g.params) > 0 && bytes.Equal(saved(t, g), b) {
				t.Error("the parameters are not those of the layers")
			}
		})
	}
}

// A loaded diagonal flow can be coupled, and a loaded coupling flow trained.
func TestLoadedFlowWorks(t *testing.T) {
	f := fitted(t)
	g, err := Load(bytes.NewReader(saved(t, f)))
	if err != nil {
		t.Fatal(err)
	}
	o := CouplingOptions{Width: 8}
	want, got := couple(t, f, o), couple(t, g, o)
	x := flowtest.Table(300, 2, flowtest.NewRand(5))
	if got, err = Load(bytes.NewReader(saved(t, got))); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*Flow{want, got} {
		if _, err := Train(t.Context(), f, x, TrainOptions{Schedule: OneCycle, Steps: 3}); err != nil {
			t.Fatal(err)
		}
	}
	flowtest.SameBits(t, "parameters", got.params, want.params)
}

// The format does not change by accident: a file of version 1 is read as it was.
func TestFormat(t *testing.T) {
	path := filepath.Join("testdata", "version1.gflow")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Load(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(savedGflow(t, f), b) {
		t.Error("what Load read from version1.gflow is written differently")
	}
	x := mat.NewDense(1, 2, []float64{0.25, -1})
	lp := make([]float64, 1)
	if err := f.LogProb(lp, x); err != nil {
		t.Fatal(err)
	}
	if want := -3.5785900910904624; math.Abs(lp[0]-want) > 1e-12 {
		t.Errorf("log p is %v, want %v", lp[0], want)
	}
}

// resum gives damaged bytes a checksum that fits.
func resum(b []byte) []byte {
	b = bytes.Clone(b)
	n := len(b) - 4
	binary.LittleEndian.PutUint32(b[n:], crc32.Checksum(b[:n], gflow.Castagnoli))
	return b
}

func TestLoadRefuses(t *testing.T) {
	coupling := randomCoupling(t, 2, 1, CouplingOptions{Width: 3, Depth: 1, Plain: true}, flowtest.NewRand(1))
	good := savedGflow(t, coupling)
	at := func(offset int, v uint32) []byte {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint32(b[offset:], v)
		return resum(b)
	}
	float := func(offset int, v float64) []byte {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint64(b[offset:], math.Float64bits(v))
		return resum(b)
	}
	// Where things are in the file: the header, the base, the number of blocks and
	// layers, the rotation, the coupling.
	const base, blocks, rotation, mixtures = 20, 52, 60, 96
	for _, c := range []struct {
		what string
		b    []byte
		want string
	}{
		{"nothing", nil, "it ends too early"},
		{"text", []byte("x0,x1\n1,2\n"), "not a gaussflow model: wrong magic bytes"},
		{"another version", at(8, 3), "the format has version 3; this program reads versions 1 and 2"},
		{"another content", at(12, 3), "it holds 3"},
		{"no dimension", at(16, 0), "the dimension is 0"},
		{"huge dimension", at(16, math.MaxUint32), "the dimension is 4294967295"},
		{"large dimension", at(16, 1<<30), "it ends too early"},
		{"location", float(base, math.NaN()), "number 0 of the location of the base is NaN"},
		{"scale", float(base+16, 0), "a scale of the base is 0; it must be positive"},
		{"no block", at(blocks, 0), "the number of blocks is 0"},
		{"no layer", at(blocks+4, 0), "the number of layers is 0"},
		{"kind", at(rotation, 77), "a layer of kind 77"},
		{"rotation", float(rotation+4, 3), `block 0, layer 0 (rotation): tensor "rotation": it is not orthogonal`},
		{"infinite rotation", float(rotation+4, math.Inf(1)), "of the rotation is +Inf"},
		{"bound", float(mixtures+4, -1), `block 0, layer 1 (coupling): tensor "bound": it is -1`},
		{"NaN bound", float(mixtures+4, math.NaN()), "of the bound of the scales is NaN"},
		{"components", at(mixtures+12, 0), "the number of components is 0"},
		{"many components", at(mixtures+12, 1<<30), "more than 2147483647 parameters"},
		{"hidden layers", at(mixtures+20, 1<<30), "the width is"},
		{"width", at(mixtures+24, 0), "the width is 0"},
		{"large width", at(mixtures+24, 1<<28), "more than 2147483647 parameters"},
		{"wide", at(mixtures+24, 1<<20), "it ends too early"},
		{"parameter", float(len(good)-12, math.Inf(-1)), "of the parameters is -Inf"},
		{"checksum", append(bytes.Clone(good[:len(good)-4]), 1, 2, 3, 4), "its checksum is 04030201"},
	} {
		before := totalAlloc()
		_, err := Load(bytes.NewReader(c.b))
		if err == nil || !strings.HasPrefix(err.Error(), "flow: Load: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", c.what, err, c.want)
		}
		if took := totalAlloc() - before; took > 1<<20 {
			t.Errorf("%s: %d bytes allocated for a file of %d", c.what, took, len(c.b))
		}
	}
	for n := range good {
		if _, err := Load(bytes.NewReader(good[:n])); err == nil || !strings.Contains(err.Error(), "it ends too early") {
			t.Fatalf("cut off after %d of %d bytes: error is %v", n, len(good), err)
		}
		damaged := bytes.Clone(good)
		damaged[n] ^= 0x10
		if _, err := Load(bytes.NewReader(damaged)); err == nil {
			t.Fatalf("byte %d changed: no error", n)
		}
	}
	boom := errors.New("boom")
	if _, err := Load(iotest.ErrReader(boom)); !errors.Is(err, boom) {
		t.Errorf("a reader that fails: error is %v", err)
	}
}

func totalAlloc() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// failing takes so many bytes, and then fails: with an error, after part of what it was
// given or none of it, or by taking part without a word.
type failing struct {
	left  int
	err   error
	parts bool
}

func (f *failing) Write(b []byte) (int, error) {
	if len(b) <= f.left {
		f.left -= len(b)
		return len(b), nil
	}
	n := 0
	if f.parts {
		n, f.left = f.left, 0
	}
	return n, f.err
}

// Wherever a writer fails, Save and Trainer.Save say so.
func TestSaveFails(t *testing.T) {
	x := flowtest.Table(40, 2, flowtest.NewRand(5))
	f := randomCoupling(t, 2, 2, CouplingOptions{Width: 4, Depth: 1}, flowtest.NewRand(1))
	tr := newTrainerFor(t, f, x, TrainOptions{Schedule: OneCycle, Steps: 2, Batch: 8, ValidationFraction: 0.25})
	if err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	for _, s := range []struct {
		prefix string
		save   func(io.Writer) error
	}{{"flow: Save: ", f.Save}, {"flow: Trainer.Save: ", tr.Save}} {
		var whole bytes.Buffer
		if err := s.save(&whole); err != nil {
			t.Fatal(err)
		}
		step := 1
		if testing.Short() {
			step = 37
		}
		for left := 0; left < whole.Len(); left += step {
			for _, w := range []*failing{{left, boom, false}, {left, boom, true}, {left, nil, true}} {
				want := w.err
				if want == nil {
					want = io.ErrShortWrite
				}
				if err := s.save(w); !errors.Is(err, want) || !strings.HasPrefix(err.Error(), s.prefix) {
					t.Fatalf("%s: a writer that fails after %d of %d bytes: error is %v, want %v", s.prefix, left, whole.Len(), err, want)
				}
			}
		}
		if err := s.save(&failing{whole.Len(), boom, false}); err != nil {
			t.Errorf("%s: a writer with just enough room: %v", s.prefix, err)
		}
	}
}

// FuzzLoad reads what may be a saved flow or run. Whatever it is, Load returns a
// flow that evaluates without panic, or an error; what it read it writes again.
func FuzzLoad(f *testing.F) {
	for _, flow := range savedFlows(f) {
		f.Add(savedGflow(f, flow), true)
	}
	everything, err := New(described(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(savedGflow(f, everything), true)
	f.Add(savedRunOf(f, TrainOptions{Schedule: OneCycle, Steps: 4, Batch: 8, ValidationFraction: 0.25, Patience: 2}), true)
	f.Fuzz(func(t *testing.T, b []byte, fits bool) {
		if fits && len(b) >= 4 {
			b = resum(b)
		}
		x := flowtest.Table(40, 2, flowtest.NewRand(5))
		if tr, err := LoadTrainer(bytes.NewReader(b), x, TrainOptions{Schedule: OneCycle}); err == nil && tr.o.Batch <= 64 && tr.o.Steps <= 20 {
			if err := tr.Run(t.Context()); err != nil && tr.err == nil {
				t.Error(err)
			}
		}
		flow, err := Load(bytes.NewReader(b))
		if err != nil {
			return
		}
		if safetensors.Is(b[:8]) {
			return // FuzzLoadSafetensors
		}
		again := savedGflow(t, flow)
		if head := 8 + 8; !bytes.Equal(again[:head-4], b[:head-4]) || !bytes.Equal(again[head:len(again)-4], b[head:len(again)-4]) {
			t.Error("saved again, the flow has other bytes")
		}
		lp := make([]float64, 8)
		if err := flow.LogProb(lp, randomRows(8, flow.dim, 3, flowtest.NewRand(1))); err != nil && !strings.Contains(err.Error(), "leaves the range") {
			t.Error(err)
		}
	})
}
