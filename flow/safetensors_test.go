package flow

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/gaussflow/gaussflow/flow/internal/flowtest"
)

// A safetensors file in the hands of a test.
type tensors struct {
	metadata map[string]string
	entries  []tensorEntry // in order
	data     []byte
}

type tensorEntry struct {
	name    string
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// readTensors takes a file apart as any reader of the format would.
func readTensors(t testing.TB, file []byte) tensors {
	t.Helper()
	n := binary.LittleEndian.Uint64(file)
	if n%8 != 0 {
		t.Errorf("the header takes %d bytes; the numbers behind it are not aligned", n)
	}
	d := json.NewDecoder(bytes.NewReader(file[8 : 8+n]))
	d.Token()
	s := tensors{data: file[8+n:]}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		if name == "__metadata__" {
			err = d.Decode(&s.metadata)
		} else {
			e := tensorEntry{name: name.(string)}
			err = d.Decode(&e)
			s.entries = append(s.entries, e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s tensors) file() []byte {
	header := "{"
	if s.metadata != nil {
		m, _ := json.Marshal(s.metadata)
		header += `"__metadata__":` + string(m)
	}
	for _, e := range s.entries {
		if header != "{" {
			header += ","
		}
		v, _ := json.Marshal(e)
		k, _ := json.Marshal(e.name)
		header += string(k) + ":" + string(v)
	}
	header += "}"
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), s.data...)
}

func (s tensors) entry(name string) *tensorEntry {
	for i := range s.entries {
		if s.entries[i].name == name {
			return &s.entries[i]
		}
	}
	panic(name)
}

// The names and shapes that other programs rely on.
func TestSafetensorsNames(t *testing.T) {
	coupling, err := New(described(t))
	if err != nil {
		t.Fatal(err)
	}
	diagonal := randomDiagonal(3, 1, flowtest.NewRand(4))
	for _, test := range []struct {
		f    *Flow
		want map[string][]int64
	}{
		{coupling, map[string][]int64{
			"input.shift": {3}, "input.scale": {3}, "base.loc": {3}, "base.scale": {3}, "logprob.quantiles": {101},
			"block.0.rotation": {3, 3}, "block.1.rotation": {3, 3}, "block.1.bound": {},
			"block.0.half.0.layer.0.weight": {5, 1}, "block.0.half.1.layer.2.bias": nil,
		}},
		{diagonal, map[string][]int64{"block.0.rotation": {3, 3}, "block.0.weight": nil, "block.0.mean": nil, "block.0.scale": nil, "block.0.bound": {}, "base.loc": {3}}},
	} {
		s := readTensors(t, saved(t, test.f))
		for name, shape := range test.want {
			e := s.entry(name)
			if e.DType != "F64" || shape != nil && (len(shape) != len(e.Shape) || len(shape) > 0 && (shape[0] != e.Shape[0] || shape[len(shape)-1] != e.Shape[len(shape)-1])) {
				t.Errorf("%s: %s of shape %v, want F64 of %v", name, e.DType, e.Shape, shape)
			}
		}
		if s.metadata["format"] != "gaussflow" || s.metadata["version"] != "2" || s.metadata["kind"] != test.f.Kind() || s.metadata["dim"] != "3" {
			t.Errorf("metadata %q", s.metadata)
		}
	}
	var columns []string
	if err := json.Unmarshal([]byte(readTensors(t, saved(t, coupling)).metadata["columns"]), &columns); err != nil || len(columns) != 3 || columns[0] != "alcohol" {
		t.Errorf("columns %q, error %v", columns, err)
	}
}

// A file needs no more than the canonical parameters: what a program with NumPy would write.
func TestSafetensorsOfOthers(t *testing.T) {
	for _, f := range []*Flow{randomDiagonal(3, 2, flowtest.NewRand(4)), randomCoupling(t, 4, 2, CouplingOptions{Width: 5}, flowtest.NewRand(3))} {
		s := readTensors(t, saved(t, f))
		less := tensors{metadata: map[string]string{"format": "gaussflow", "version": "2", "dim": s.metadata["dim"], "made-by": "another"}}
		if f.Kind() == "coupling" { // whose coordinates have different numbers of components
			less.metadata["attributes"] = s.metadata["attributes"]
		}
		for _, e := range s.entries {
			if strings.Contains(e.name, ".raw.") || strings.HasPrefix(e.name, "base.") {
				continue
			}
			part := s.data[e.Offsets[0]:e.Offsets[1]]
			e.Offsets = [2]int64{int64(len(less.data)), int64(len(less.data) + len(part))}
			less.data = append(less.data, part...)
			less.entries = append(less.entries, e)
		}
		g, err := Load(bytes.NewReader(less.file()))
		if err != nil {
			t.Fatal(err)
		}
		x := randomRows(200, f.dim, 3, flowtest.NewRand(6))
		want, got := make([]float64, 200), make([]float64, 200)
		if err := errors.Join(f.LogProb(want, x), g.LogProb(got, x)); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-11*max(1, math.Abs(want[i])) {
				t.Fatalf("row %d: %v, want %v", i, got[i], want[i])
			}
		}
	}
}

// Hostile and damaged files give errors that name the tensor, and take no memory.
func TestLoadRefusesSafetensors(t *testing.T) {
	f, err := New(described(t))
	if err != nil {
		t.Fatal(err)
	}
	good := saved(t, f)
	change := func(edit func(s *tensors)) []byte {
		s := readTensors(t, bytes.Clone(good))
		delete(s.metadata, "sha256")
		edit(&s)
		return s.file()
	}
	head := func(n uint64, rest string) []byte { return append(binary.LittleEndian.AppendUint64(nil, n), rest...) }
	float := func(name string, v float64) []byte {
		return change(func(s *tensors) {
			binary.LittleEndian.PutUint64(s.data[s.entry(name).Offsets[0]:], math.Float64bits(v))
		})
	}
	if _, err := Load(bytes.NewReader(change(func(*tensors) {}))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		b    []byte
		want string
	}{
		{"a header of 2⁶² bytes", head(1<<62, "{}"), "not a gaussflow model"},
		{"a header of more than 1 MiB", head(1<<20+1, "{}"), "not a gaussflow model"},
		{"a header beyond the end", head(1<<20, "{}"), "it ends too early"},
		{"no object", head(2, "[]"), "no JSON object"},
		{"an empty header", head(0, ""), "no JSON object"},
		{"half an object", head(8, `{"a":{} `), `tensor "a"`},
		{"deep nesting", head(10000, `{"a":`+strings.Repeat("[", 9995)), `tensor "a"`},
		{"no metadata", head(2, "{}"), `its format is ""`},
		{"metadata of numbers", head(25, `{"__metadata__":{"dim":1}}`), "its metadata are no object of texts"},
		{"something behind", head(4, "{}{}"), "something behind"},
		{"another format", change(func(s *tensors) { s.metadata["format"] = "pt" }), `its format is "pt"`},
		{"another version", change(func(s *tensors) { s.metadata["version"] = "3" }), `version "3"`},
		{"no dimension", change(func(s *tensors) { s.metadata["dim"] = "" }), "its dimension is"},
		{"a huge dimension", change(func(s *tensors) { s.metadata["dim"] = "65537" }), "its dimension is"},
		{"another dimension", change(func(s *tensors) { s.metadata["dim"] = "4" }), "the base has 3 locations"},
		{"columns that are none", change(func(s *tensors) { s.metadata["columns"] = "alcohol" }), `metadata "columns"`},
		{"too few columns", change(func(s *tensors) { s.metadata["columns"] = `["a"]` }), "1 names of columns"},
		{"information that is none", change(func(s *tensors) { s.metadata["info"] = "[]" }), `metadata "info"`},
		{"layers that are none", change(func(s *tensors) { s.metadata["layers"] = "{}" }), `metadata "layers"`},
		{"an unknown layer", change(func(s *tensors) { s.metadata["layers"] = `[["spline"]]` }), `tensor "input.shift": the model has no such tensor`},
		{"no layers", change(func(s *tensors) { s.metadata["layers"] = `[]` }), "the model has no such tensor"},
		{"more layers", change(func(s *tensors) {
			s.metadata["layers"] = strings.Replace(s.metadata["layers"], "[[", `[["rotation",`, 1)
		}), `tensor "input.shift": the model has no such tensor`},
		{"an attribute too many", change(func(s *tensors) { s.metadata["attributes"] = `{"7.7":{"a":"b"}}` }), `there is no layer "7.7"`},
		{"float32", change(func(s *tensors) { s.entry("block.0.rotation").DType = "F32" }), `tensor "block.0.rotation": its dtype is "F32"`},
		{"10¹² elements", change(func(s *tensors) { s.entry("block.0.rotation").Shape = []int64{1e6, 1e6} }), `tensor "block.0.rotation": its shape is`},
		{"2⁶² elements times 4", change(func(s *tensors) { s.entry("block.0.rotation").Shape = []int64{1 << 62, 4} }), `tensor "block.0.rotation": its shape is`},
		{"a negative size", change(func(s *tensors) { s.entry("block.0.rotation").Shape = []int64{-3, -3} }), `tensor "block.0.rotation": its shape is`},
		{"no elements", change(func(s *tensors) { s.entry("block.0.rotation").Shape = []int64{0, 3} }), `tensor "block.0.rotation": its shape is`},
		{"many dimensions", change(func(s *tensors) { s.entry("block.0.rotation").Shape = make([]int64, 9) }), `tensor "block.0.rotation": it has 9 dimensions`},
		{"another shape", change(func(s *tensors) { s.entry("block.0.rotation").Shape = []int64{9} }), `tensor "rotation": its shape is [9]`},
		{"a shape of other size", change(func(s *tensors) { s.entry("block.0.rotation").Shape = []int64{3, 2} }), `tensor "block.0.rotation": its offsets are`},
		{"reversed offsets", change(func(s *tensors) { o := &s.entry("block.0.rotation").Offsets; o[0], o[1] = o[1], o[0] }), `tensor "block.0.rotation": its offsets are`},
		{"negative offsets", change(func(s *tensors) { s.entry("input.shift").Offsets = [2]int64{-24, 0} }), `tensor "input.shift": its offsets are`},
		{"a gap", change(func(s *tensors) { o := &s.entry("logprob.quantiles").Offsets; o[0], o[1] = o[0]+8, o[1]+8 }), `tensor "logprob.quantiles": it begins at byte`},
		{"an overlap", change(func(s *tensors) { s.entry("input.scale").Offsets = s.entry("input.shift").Offsets }), "it begins at byte"},
		{"a tensor twice", change(func(s *tensors) { s.entries[1].name = s.entries[0].name }), `tensor "input.shift": it is there twice`},
		{"an unknown tensor", change(func(s *tensors) { s.entry("logprob.quantiles").name = "evil" }), `tensor "evil": the model has no such tensor`},
		{"an unknown tensor of a layer", change(func(s *tensors) { s.entry("block.1.bound").name = "block.1.evil" }), `tensor "bound": it is missing`},
		{"a missing tensor", change(func(s *tensors) { s.entry("input.scale").name = "input.size" }), `tensor "scale": it is missing`},
		{"a block too many", change(func(s *tensors) { s.entry("block.1.bound").name = "block.77.bound" }), `tensor "block.77.bound": the model has no such tensor`},
		{"NaN", float("block.1.rotation", math.NaN()), `tensor "block.1.rotation": element 0 is NaN`},
		{"infinite", float("input.scale", math.Inf(1)), `tensor "input.scale": element 0 is +Inf`},
		{"a scale of 0", float("input.scale", 0), `block 0, layer 0 (scale): tensor "scale": element 0 is 0`},
		{"no rotation", float("block.1.rotation", 3), `block 1, layer 0 (rotation): tensor "rotation": it is not orthogonal`},
		{"quantiles out of order", float("logprob.quantiles", 1e9), "in rising order"},
		{"a changed number", func() []byte { b := bytes.Clone(good); b[len(b)-1] ^= 1; return b }(), "SHA-256"},
	} {
		before := totalAlloc()
		_, err := Load(bytes.NewReader(c.b))
		if err == nil || !strings.HasPrefix(err.Error(), "flow: Load: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", c.what, err, c.want)
		}
		if err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrShape) && !errors.Is(err, ErrNotFinite) {
			t.Errorf("%s: the error %v is of no kind", c.what, err)
		}
		if took := totalAlloc() - before; took > 3<<20 {
			t.Errorf("%s: %d bytes allocated for a file of %d", c.what, took, len(c.b))
		}
	}
	for n := range good {
		if _, err := Load(bytes.NewReader(good[:n])); err == nil || !strings.Contains(err.Error(), "it ends too early") {
			t.Fatalf("cut off after %d of %d bytes: error is %v", n, len(good), err)
		}
	}
}

// FuzzLoadSafetensors reads what may be a saved flow: an error, or a flow that evaluates, and that is the
// same when it is saved and loaded.
func FuzzLoadSafetensors(f *testing.F) {
	for _, flow := range savedFlows(f) {
		s := readTensors(f, saved(f, flow))
		f.Add(saved(f, flow))
		delete(s.metadata, "sha256")
		f.Add(s.file())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		flow, err := Load(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := Load(bytes.NewReader(saved(t, flow)))
		if err != nil {
			t.Fatal(err)
		}
		x := randomRows(8, flow.dim, 3, flowtest.NewRand(1))
		p, q := make([]float64, 8), make([]float64, 8)
		err1, err2 := flow.LogProb(p, x), again.LogProb(q, x)
		if err1 != nil || err2 != nil {
			if err1 == nil || err2 == nil || !strings.Contains(err1.Error(), "leaves the range") {
				t.Error(err1, err2)
			}
			return
		}
		flowtest.SameBits(t, "log p", q, p)
	})
}
