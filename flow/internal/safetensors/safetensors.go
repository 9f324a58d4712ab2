// Package safetensors reads and writes models as safetensors files, which NumPy, and a
// few lines of any language, can read: eight bytes with the length of a header, the
// header as JSON, and the numbers in little-endian order. It depends on [model.Model]
// and not on layers.
//
//	__metadata__: format "gaussflow", version "2", kind, dim, columns and layers as JSON,
//	              info as JSON too, and the SHA-256 of the numbers
//	input.shift, input.scale [d]          a layer of kind scale that comes first
//	block.I.rotation [d,d]
//	block.I.weight, mean, scale [d,K], …  mixtures; raw.* keep every bit of the trained parameters
//	block.I.half.H.layer.L.weight, bias   coupling
//	block.I.KIND.NAME                     other kinds of layers, such as rosenblatt
//	block.I.layer.J.NAME                  a second layer of a kind in a block
//	base.loc, base.scale [d]
//	logprob.quantiles [101]
//
// If layers is missing, the names of the tensors determine the layers.
package safetensors

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gaussflow/gaussflow/flow/internal/errs"
	"github.com/gaussflow/gaussflow/flow/model"
)

const (
	// MaxHeader is the longest header.
	MaxHeader = 1 << 20
	maxDim    = 1 << 16
	maxRank   = 8
	maxParams = math.MaxInt32

	format  = "gaussflow"
	version = "2"
)

// Is reports whether a file begins like a safetensors file: with eight bytes that are the length
// of a header.
func Is(head []byte) bool {
	return len(head) >= 8 && binary.LittleEndian.Uint64(head) <= MaxHeader
}

// entry is the header's description of a tensor.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// Encode writes the model.
func Encode(w io.Writer, m model.Model, kind string) error {
	var tensors []model.Tensor
	add := func(prefix string, all ...model.Tensor) {
		for _, t := range all {
			t.Name = prefix + t.Name
			tensors = append(tensors, t)
		}
	}
	layers := make([][]string, len(m.Blocks))
	attributes := map[string]map[string]string{}
	for i, b := range m.Blocks {
		for _, l := range b {
			layers[i] = append(layers[i], l.Kind)
		}
		for j, prefix := range prefixes(layers[i], i) {
			add(prefix, b[j].Tensors...)
			if len(b[j].Attributes) > 0 {
				attributes[fmt.Sprintf("%d.%d", i, j)] = b[j].Attributes
			}
		}
	}
	add("base.", model.Vector("loc", m.Base.Loc), model.Vector("scale", m.Base.Scale))
	if len(m.Quantiles) > 0 {
		add("logprob.", model.Vector("quantiles", m.Quantiles))
	}

	metadata := map[string]string{"format": format, "version": version, "kind": kind, "dim": strconv.Itoa(m.Dim)}
	metadata["layers"] = jsonOf(layers)
	if len(attributes) > 0 {
		metadata["attributes"] = jsonOf(attributes)
	}
	if m.Columns != nil {
		metadata["columns"] = jsonOf(m.Columns)
	}
	if len(m.Info) > 0 {
		metadata["info"] = jsonOf(m.Info)
	}
	if len(m.Quantiles) > 0 {
		metadata["rank"] = "logprob.quantiles"
	}
	sum := sha256.New()
	for _, t := range tensors {
		writeFloats(sum, t.Values)
	}
	metadata["sha256"] = hex.EncodeToString(sum.Sum(nil))

	// The order of the header is that of the numbers.
	var header bytes.Buffer
	fmt.Fprintf(&header, `{"__metadata__":%s`, jsonOf(metadata))
	at := int64(0)
	for _, t := range tensors {
		e := entry{DType: "F64", Shape: make([]int64, len(t.Shape)), Offsets: [2]int64{at, at + 8*int64(len(t.Values))}}
		for i, n := range t.Shape {
			e.Shape[i] = int64(n)
		}
		at = e.Offsets[1]
		fmt.Fprintf(&header, ",%s:%s", jsonOf(t.Name), jsonOf(e))
	}
	header.WriteByte('}')
	for header.Len()%8 != 0 {
		header.WriteByte(' ') // so that the numbers are aligned
	}
	if header.Len() > MaxHeader {
		return fmt.Errorf("the names and shapes take %d bytes; a file has room for %d", header.Len(), MaxHeader)
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(header.Len()))); err != nil {
		return err
	}
	if _, err := header.WriteTo(w); err != nil {
		return err
	}
	for _, t := range tensors {
		if err := writeFloats(w, t.Values); err != nil {
			return err
		}
	}
	return nil
}

// jsonOf returns v as JSON, with sorted keys.
func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and integers
	}
	return string(b)
}

func writeFloats(w io.Writer, x []float64) error {
	const most = 1 << 12
	buf := make([]byte, 0, 8*min(len(x), most))
	for len(x) > 0 {
		n := min(len(x), most)
		buf = buf[:0]
		for _, v := range x[:n] {
			buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(v))
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		x = x[n:]
	}
	return nil
}

// prefixes returns what the names of each layer's tensors begin with, given the kinds of
// the layers of block i. The rotation's "block.I." is followed by the one name "rotation", so
// that it and the mixtures can share the prefix.
func prefixes(kinds []string, i int) []string {
	block := fmt.Sprintf("block.%d.", i)
	seen := map[string]bool{}
	out := make([]string, len(kinds))
	for j, kind := range kinds {
		class := kind
		if kind == "mixtures" || kind == "coupling" {
			class = "map"
		}
		switch {
		case i == 0 && j == 0 && kind == "scale":
			out[j] = "input."
		case seen[class]:
			out[j] = fmt.Sprintf("%slayer.%d.", block, j)
		case class == "rotation" || class == "map":
			out[j] = block
		default:
			out[j] = block + kind + "."
		}
		seen[class] = true
	}
	return out
}

// Decode reads a model, and no further than its end. It checks that tensors are finite and that their
// sizes match their shapes, and nothing else about them. Memory is bounded by a small multiple of the
// number of bytes read, whatever sizes the file claims.
func Decode(r io.Reader) (model.Model, error) {
	m, err := decode(r)
	if err != nil {
		return model.Model{}, errs.As(errs.ErrFormat, err)
	}
	return m, nil
}

func decode(r io.Reader) (m model.Model, err error) {
	var length [8]byte
	if err := read(r, length[:]); err != nil {
		return m, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > MaxHeader {
		return m, fmt.Errorf("its header takes %d bytes; at most %d are read", n, MaxHeader)
	}
	header := make([]byte, n)
	if err := read(r, header); err != nil {
		return m, err
	}
	metadata, tensors, err := parseHeader(header)
	if err != nil {
		return m, err
	}
	if err := checkMetadata(&m, metadata); err != nil {
		return m, err
	}
	sum := sha256.New()
	if err := readTensors(io.TeeReader(r, sum), tensors); err != nil {
		return m, err
	}
	if want, ok := metadata["sha256"]; ok && !strings.EqualFold(want, hex.EncodeToString(sum.Sum(nil))) {
		return m, fmt.Errorf("its numbers have another SHA-256 than it says; it was damaged")
	}
	return m, assemble(&m, metadata, tensors)
}

// A described tensor is a tensor that the header describes, before it has a place in the model.
type described struct {
	model.Tensor
	offsets [2]int64
	used    bool
}

func read(r io.Reader, b []byte) error {
	switch _, err := io.ReadFull(r, b); err {
	case nil:
		return nil
	case io.EOF, io.ErrUnexpectedEOF:
		return fmt.Errorf("it ends too early; it was cut off")
	default:
		return err
	}
}

// parseHeader reads the header, in which no name may come twice.
func parseHeader(header []byte) (metadata map[string]string, tensors []*described, err error) {
	d := json.NewDecoder(bytes.NewReader(header))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, fmt.Errorf("its header is no JSON object")
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, nil, fmt.Errorf("its header is no JSON object: %v", err)
		}
		if seen[name] {
			return nil, nil, fmt.Errorf("tensor %.60q: it is there twice", name)
		}
		seen[name] = true
		if name == "__metadata__" {
			if err := d.Decode(&metadata); err != nil {
				return nil, nil, fmt.Errorf("its metadata are no object of texts: %v", err)
			}
			continue
		}
		var e entry
		if err := d.Decode(&e); err != nil {
			return nil, nil, fmt.Errorf("tensor %.60q: %v", name, err)
		}
		s := &described{Tensor: model.Tensor{Name: name}, offsets: e.Offsets}
		if e.DType != "F64" {
			return nil, nil, fmt.Errorf("tensor %.60q: its dtype is %.20q; F64 is read", name, e.DType)
		}
		if len(e.Shape) > maxRank {
			return nil, nil, fmt.Errorf("tensor %.60q: it has %d dimensions; at most %d are read", name, len(e.Shape), maxRank)
		}
		size := int64(1)
		for _, n := range e.Shape {
			if n < 1 || n > maxParams/size {
				return nil, nil, fmt.Errorf("tensor %.60q: its shape is %v; sizes must be positive, and elements %d at most", name, e.Shape, maxParams)
			}
			s.Shape, size = append(s.Shape, int(n)), size*n
		}
		if e.Offsets[0] < 0 || e.Offsets[1]-e.Offsets[0] != 8*size {
			return nil, nil, fmt.Errorf("tensor %.60q: its offsets are %v; its shape %v takes %d bytes", name, e.Offsets, e.Shape, 8*size)
		}
		tensors = append(tensors, s)
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, fmt.Errorf("its header is no JSON object: %v", err)
	}
	if rest, _ := io.ReadAll(d.Buffered()); len(bytes.TrimSpace(rest)) > 0 {
		return nil, nil, fmt.Errorf("its header has something behind the JSON object")
	}
	// Tensors lie one behind the other, without gaps.
	slices.SortStableFunc(tensors, func(a, b *described) int {
		if a.offsets[0] < b.offsets[0] {
			return -1
		}
		return 1
	})
	at := int64(0)
	for _, t := range tensors {
		if t.offsets[0] != at {
			return nil, nil, fmt.Errorf("tensor %.60q: it begins at byte %d; the one before ends at %d", t.Name, t.offsets[0], at)
		}
		at = t.offsets[1]
	}
	return metadata, tensors, nil
}

func checkMetadata(m *model.Model, metadata map[string]string) error {
	if f := metadata["format"]; f != format {
		return fmt.Errorf("it is no model of this program: its format is %.40q, not %q", f, format)
	}
	if v := metadata["version"]; v != version {
		return fmt.Errorf("the format has version %.40q; this program reads version %q", v, version)
	}
	dim, err := strconv.Atoi(metadata["dim"])
	if err != nil || dim < 1 || dim > maxDim {
		return fmt.Errorf("its dimension is %.40q; it must be 1 to %d", metadata["dim"], maxDim)
	}
	m.Dim = dim
	for key, into := range map[string]any{"columns": &m.Columns, "info": &m.Info} {
		if text := metadata[key]; text != "" {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				return fmt.Errorf("metadata %q: %v", key, err)
			}
		}
	}
	return nil
}

// readTensors reads the numbers. It allocates memory as it reads.
func readTensors(r io.Reader, tensors []*described) error {
	buf := make([]byte, 1<<15)
	for _, t := range tensors {
		for left := t.offsets[1] - t.offsets[0]; left > 0; {
			b := buf[:min(left, int64(len(buf)))]
			if err := read(r, b); err != nil {
				return fmt.Errorf("tensor %q: %w", t.Name, err)
			}
			for i := 0; i < len(b); i += 8 {
				v := math.Float64frombits(binary.LittleEndian.Uint64(b[i:]))
				if v-v != 0 {
					return fmt.Errorf("tensor %q: element %d is %v; it must be finite", t.Name, len(t.Values), v)
				}
				t.Values = append(t.Values, v)
			}
			left -= int64(len(b))
		}
	}
	return nil
}

// assemble gives every tensor its place in the model.
func assemble(m *model.Model, metadata map[string]string, tensors []*described) error {
	byName := map[string]*described{}
	for _, t := range tensors {
		byName[t.Name] = t
	}
	vector := func(name string) []float64 {
		if t := byName[name]; t != nil && len(t.Shape) == 1 {
			t.used = true
			return t.Values
		}
		return nil
	}
	m.Base.Loc, m.Base.Scale = vector("base.loc"), vector("base.scale")
	m.Quantiles = vector("logprob.quantiles")

	var kinds [][]string
	if text, ok := metadata["layers"]; ok {
		if err := json.Unmarshal([]byte(text), &kinds); err != nil {
			return fmt.Errorf(`metadata "layers": %v`, err)
		}
	} else {
		kinds = guessLayers(tensors)
	}
	attributes := map[string]map[string]string{}
	if text, ok := metadata["attributes"]; ok {
		if err := json.Unmarshal([]byte(text), &attributes); err != nil {
			return fmt.Errorf(`metadata "attributes": %v`, err)
		}
	}
	// The tensors of each block, so that none is looked at once for each block.
	inBlock := map[int][]*described{}
	for _, t := range tensors {
		if i, _, ok := blockOf(t.Name); ok {
			inBlock[i] = append(inBlock[i], t)
		} else if strings.HasPrefix(t.Name, "input.") {
			inBlock[0] = append(inBlock[0], t)
		}
	}
	for i, block := range kinds {
		at := prefixes(block, i)
		// The longer prefixes first: what they leave is for "block.I.".
		order := make([]int, len(block))
		for j := range order {
			order[j] = j
		}
		short := fmt.Sprintf("block.%d.", i)
		slices.SortStableFunc(order, func(a, b int) int { return rankOf(at[a], block[a], short) - rankOf(at[b], block[b], short) })
		layers := make([]model.Layer, len(block))
		for _, j := range order {
			key := fmt.Sprintf("%d.%d", i, j)
			layers[j] = model.Layer{Kind: block[j], Attributes: attributes[key]}
			delete(attributes, key)
			for _, t := range inBlock[i] {
				name, ok := strings.CutPrefix(t.Name, at[j])
				if !ok || t.used || at[j] == short && block[j] == "rotation" && name != "rotation" {
					continue
				}
				t.used = true
				layers[j].Tensors = append(layers[j].Tensors, model.Tensor{Name: name, Shape: t.Shape, Values: t.Values})
			}
			padded(&layers[j])
		}
		m.Blocks = append(m.Blocks, layers)
	}
	for _, t := range tensors {
		if !t.used {
			return fmt.Errorf("tensor %.60q: the model has no such tensor", t.Name)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		return fmt.Errorf(`metadata "attributes": there is no layer %.40q`, key)
	}
	return nil
}

// rankOf is the order in which layers take their tensors: those with a prefix of their own, then the rotation,
// then the mixtures.
func rankOf(prefix, kind, short string) int {
	switch {
	case prefix != short:
		return 0
	case kind == "rotation":
		return 1
	}
	return 2
}

// blockOf splits a name block.I.REST.
func blockOf(name string) (i int, rest string, ok bool) {
	name, ok = strings.CutPrefix(name, "block.")
	if !ok {
		return 0, "", false
	}
	number, rest, ok := strings.Cut(name, ".")
	i, err := strconv.Atoi(number)
	return i, rest, ok && err == nil && i >= 0 && strconv.Itoa(i) == number
}

// guessLayers determines the layers from the names of the tensors.
func guessLayers(tensors []*described) [][]string {
	blocks := map[int]map[string]bool{}
	scaled := false
	for _, t := range tensors {
		if strings.HasPrefix(t.Name, "input.") {
			scaled = true
		}
		i, rest, ok := blockOf(t.Name)
		if !ok {
			continue
		}
		if blocks[i] == nil {
			blocks[i] = map[string]bool{}
		}
		switch word, _, long := strings.Cut(rest, "."); {
		case rest == "rotation":
			blocks[i]["rotation"] = true
		case word == "half":
			blocks[i]["coupling"] = true
		case rest == "mean":
			blocks[i]["mixtures"] = true
		case long && word != "raw":
			blocks[i][word] = true
		}
	}
	var kinds [][]string
	for i := 0; blocks[i] != nil || i == 0 && scaled; i++ {
		var block []string
		if i == 0 && scaled {
			block = append(block, "scale")
		}
		for _, kind := range slices.Sorted(maps.Keys(blocks[i])) {
			if kind != "rotation" && kind != "mixtures" && kind != "coupling" {
				block = append(block, kind)
			}
		}
		for _, kind := range []string{"rotation", "mixtures", "coupling"} {
			if blocks[i][kind] {
				block = append(block, kind)
			}
		}
		kinds = append(kinds, block)
	}
	return kinds
}

// padded determines the number of components of each coordinate from the padding, weight 0, if no
// attribute gives it.
func padded(l *model.Layer) {
	w, ok := l.Tensor("weight")
	if l.Kind != "mixtures" || !ok || len(w.Shape) != 2 || l.Attributes["components"] != "" || !slices.Contains(w.Values, 0) {
		return
	}
	components := make([]int, w.Shape[0])
	for j := range components {
		row := w.Values[j*w.Shape[1] : (j+1)*w.Shape[1]]
		for components[j] = len(row); components[j] > 1 && row[components[j]-1] == 0; components[j]-- {
		}
	}
	l.Attributes = map[string]string{"components": model.FormatComponents(components)}
}
