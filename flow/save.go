package flow

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// A saved model is, with numbers in little-endian order and floats as IEEE 754:
//
//	magic, 8 bytes
//	uint32   version of the format
//	uint32   what follows: 1, a flow; 2, a flow and the training run it is in
//	uint32   dim
//	float64  location of the base, dim; scale, dim
//	uint32   blocks
//	         for each: uint32 layers; for each: uint32 kind, and what its save writes
//	float64  the trainable parameters, in the order of the layers
//	uint32   CRC-32C of all bytes before
//
// and, for a training run, what Trainer.Save says, with a checksum of its own.
const (
	magic       = "\x89GFLOW\r\n" // no text, and damaged by what takes it for one
	version     = 1
	savedFlow   = 1
	savedRun    = 2
	kindRotate  = 1
	kindMixture = 2
	kindCouple  = 3
)

// Save writes the flow to w, in a format that is the same on every machine. It
// keeps every bit of the model.
func (f *Flow) Save(w io.Writer) error {
	e := newEncoder(w)
	f.encode(e, savedFlow, f.params)
	if err := e.flush(); err != nil {
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
	f, _, err := decodeFlow(newDecoder(r))
	if err != nil {
		return nil, fmt.Errorf("flow: Load: %w", err)
	}
	return f, nil
}

// encode writes the flow with the given values of its parameters.
func (f *Flow) encode(e *encoder, what uint32, params []float64) {
	e.bytes([]byte(magic))
	e.uint32(version)
	e.uint32(what)
	e.uint32(uint32(f.dim))
	e.floats(f.base.loc)
	e.floats(f.base.scale)
	e.uint32(uint32(f.Blocks()))
	for i := range f.Blocks() {
		b := f.block(i)
		e.uint32(uint32(len(b)))
		for _, l := range b {
			l.save(e)
		}
	}
	e.floats(params)
	e.checksum()
}

// decodeFlow reads a flow, and what the file says it is.
func decodeFlow(d *decoder) (f *Flow, what uint32, err error) {
	if head := d.bytes(len(magic)); d.err == nil && string(head) != magic {
		return nil, 0, errors.New("this is no saved flow: it begins otherwise")
	}
	if v := d.uint32(); d.err == nil && v != version {
		return nil, 0, fmt.Errorf("the format has version %d; this program reads version %d", v, version)
	}
	if what = d.uint32(); d.err == nil && what != savedFlow && what != savedRun {
		return nil, 0, fmt.Errorf("it says to hold %d; a flow is %d, a training run %d", what, savedFlow, savedRun)
	}
	dim := d.count("dimension", 1)
	base := base{d.floats("location of the base", dim), d.floats("scale of the base", dim)}
	for _, s := range base.scale {
		if !(s > 0) {
			d.fail("a scale of the base is %v; it must be positive", s)
		}
	}
	var blocks []block
	var sizes []int // of each layer's parameters
	for range d.count("number of blocks", 1) {
		var b block
		for range d.count("number of layers", 1) {
			l, size := loadLayer(d, dim)
			if d.err != nil {
				return nil, 0, d.err
			}
			b, sizes = append(b, l), append(sizes, size)
		}
		if d.err != nil {
			return nil, 0, d.err
		}
		blocks = append(blocks, b)
	}
	total := 0
	for _, size := range sizes {
		if size > maxParams-total {
			return nil, 0, errMaxParams
		}
		total += size
	}
	params := arena(d.floats("parameters", total))
	d.checksum()
	if d.err != nil {
		return nil, 0, d.err
	}
	f = newFlow(dim, nil)
	f.base, f.params = base, params
	for _, b := range blocks {
		for _, l := range b {
			l.bind(params.take(sizes[len(f.layers)]))
			f.layers = append(f.layers, l)
		}
		f.end = append(f.end, len(f.layers))
	}
	f.refresh()
	return f, what, nil
}

// loadLayer reads a layer but for its parameters, and how many it has. The layer
// can be bound to them.
func loadLayer(d *decoder, dim int) (layer, int) {
	switch kind := d.uint32(); kind {
	case kindRotate:
		return loadRotation(d, dim)
	case kindMixture:
		return loadMixtures(d, dim)
	case kindCouple:
		return loadCoupling(d, dim)
	default:
		d.fail("there is a layer of kind %d, which this program does not know", kind)
		return nil, 0
	}
}

func (l *rotation) save(e *encoder) {
	e.uint32(kindRotate)
	e.floats(l.r)
}

func loadRotation(d *decoder, dim int) (layer, int) {
	if dim > math.MaxInt/dim {
		d.fail("the dimension %d is too large for a rotation", dim)
		return nil, 0
	}
	l := newRotation(dim, d.floats("rotation", dim*dim))
	if d.err == nil && !l.orthogonal() {
		d.fail("a rotation is not orthogonal")
	}
	return l, 0
}

// orthogonal reports whether Rᵀ(R·v) = v and ‖R·v‖ = ‖v‖ for a vector v without
// symmetries: enough to notice damage, and no more work than reading R.
func (l *rotation) orthogonal() bool {
	v, w, back := newTile(l.d, 1), newTile(l.d, 1), newTile(l.d, 1)
	for i := range v.data {
		v.data[i] = 1 + halfCosine(float64(i%89)/89) // within [1, 2]
	}
	l.forward(w, nil, v, nil)
	l.inverse(back, nil, w, nil)
	off := 0.0
	for i, x := range v.data {
		off = max(off, math.Abs(back.data[i]-x))
	}
	length := dot(v.data, v.data)
	return off <= 1e-9*float64(l.d) && math.Abs(dot(w.data, w.data)-length) <= 1e-9*length
}

func (l *mixtures) save(e *encoder) {
	e.uint32(kindMixture)
	saveShape(e, l.bound, l.k)
}

func loadMixtures(d *decoder, dim int) (layer, int) {
	bound, k := loadShape(d, dim)
	l := &mixtures{bound: bound, k: k}
	return l, 3 * sum(k)
}

// saveShape writes what the mixtures of the coordinates are like.
func saveShape(e *encoder, bound float64, k []int) {
	e.floats([]float64{bound})
	for _, n := range k {
		e.uint32(uint32(n))
	}
}

func loadShape(d *decoder, dim int) (bound float64, k []int) {
	if b := d.floats("bound of the scales", 1); d.err == nil {
		bound = b[0]
	}
	if !(bound > 0 && bound <= maxLogScale) {
		d.fail("the bound of the scales is %v; it must be positive and at most %d", bound, maxLogScale)
	}
	total := 0
	for range dim {
		n := d.count("number of components", 1)
		if n > maxParams/3-total {
			d.fail("%w", errMaxParams)
		}
		if d.err != nil {
			return 0, nil
		}
		k, total = append(k, n), total+n
	}
	return bound, k
}

func sum(k []int) int {
	n := 0
	for _, v := range k {
		n += v
	}
	return n
}

func (l *coupling) save(e *encoder) {
	e.uint32(kindCouple)
	k := append(l.half[1].each(), l.half[0].each()...) // by coordinate
	saveShape(e, l.bound, k)
	for i := range l.half {
		hidden := l.half[i].net.sizes[1:l.half[i].net.layers()]
		e.uint32(uint32(len(hidden)))
		for _, size := range hidden {
			e.uint32(uint32(size))
		}
	}
}

func loadCoupling(d *decoder, dim int) (layer, int) {
	if dim < 2 {
		d.fail("there is a coupling in dimension %d; it needs 2 at least", dim)
		return nil, 0
	}
	bound, k := loadShape(d, dim)
	if d.err != nil {
		return nil, 0
	}
	l := newHalves(bound, k)
	n := 0
	for i := range l.half {
		h := &l.half[i]
		h.net = &mlp{sizes: []int{h.givenTo - h.givenFrom}}
		for range d.count("number of hidden layers", 0) {
			h.net.sizes = append(h.net.sizes, d.count("width", 1))
			if d.err != nil {
				return nil, 0
			}
		}
		h.net.sizes = append(h.net.sizes, 3*h.components())
		size, err := h.net.count()
		if err != nil || size > maxParams-n {
			d.fail("%w", errMaxParams)
			return nil, 0
		}
		n += size
	}
	return l, n
}

// An encoder writes numbers and keeps their checksum and the first error.
type encoder struct {
	w   io.Writer
	buf []byte
	sum uint32
	err error
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func newEncoder(w io.Writer) *encoder { return &encoder{w: w, buf: make([]byte, 0, 1<<15)} }

func (e *encoder) flush() error {
	e.sum = crc32.Update(e.sum, castagnoli, e.buf)
	if e.err == nil {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
	return e.err
}

// room flushes if fewer than n bytes are left.
func (e *encoder) room(n int) {
	if len(e.buf)+n > cap(e.buf) {
		e.flush()
	}
}

func (e *encoder) bytes(b []byte) {
	e.room(len(b))
	e.buf = append(e.buf, b...)
}

func (e *encoder) uint32(v uint32) {
	e.room(4)
	e.buf = binary.LittleEndian.AppendUint32(e.buf, v)
}

func (e *encoder) uint64(v uint64) {
	e.room(8)
	e.buf = binary.LittleEndian.AppendUint64(e.buf, v)
}

func (e *encoder) floats(x []float64) {
	for _, v := range x {
		e.uint64(math.Float64bits(v))
	}
}

// checksum writes the checksum of everything before.
func (e *encoder) checksum() {
	e.flush()
	e.uint32(e.sum)
}

// A decoder reads what an encoder wrote. After its first error everything is zero.
type decoder struct {
	r   io.Reader
	buf [1 << 12]byte
	sum uint32
	err error
}

func newDecoder(r io.Reader) *decoder { return &decoder{r: r} }

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

// bytes returns the next n bytes, until the next call. n must not be larger than
// the buffer.
func (d *decoder) bytes(n int) []byte {
	b := d.buf[:n]
	if d.err == nil {
		switch _, err := io.ReadFull(d.r, b); err {
		case nil:
			d.sum = crc32.Update(d.sum, castagnoli, b)
		case io.EOF, io.ErrUnexpectedEOF:
			d.err = errors.New("it ends too early; it was cut off")
		default:
			d.err = err
		}
	}
	if d.err != nil {
		clear(b)
	}
	return b
}

func (d *decoder) uint32() uint32 { return binary.LittleEndian.Uint32(d.bytes(4)) }
func (d *decoder) uint64() uint64 { return binary.LittleEndian.Uint64(d.bytes(8)) }

// count returns a number of things, at least the given one. It is 0 after an error.
func (d *decoder) count(what string, least int) int {
	n := d.uint32()
	if d.err == nil && (n > math.MaxInt32 || int(n) < least) {
		d.fail("the %s is %d; it must be at least %d", what, n, least)
	}
	if d.err != nil {
		return 0
	}
	return int(n)
}

// floats reads n finite numbers. It takes memory as they come, so that a file
// cannot ask for more than it holds.
func (d *decoder) floats(what string, n int) []float64 {
	var x []float64
	for len(x) < n && d.err == nil {
		some := min(n-len(x), len(d.buf)/8)
		b := d.bytes(8 * some)
		for i := range some {
			v := math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
			if v-v != 0 {
				d.fail("number %d of the %s is %v; it must be finite", len(x), what, v)
			}
			x = append(x, v)
		}
	}
	if d.err != nil {
		return nil
	}
	return x[:n:n]
}

// checksum reads a checksum and compares it with that of everything before.
func (d *decoder) checksum() {
	want := d.sum
	if got := d.uint32(); d.err == nil && got != want {
		d.fail("its checksum is %08x, and its bytes have %08x; it was damaged", got, want)
	}
}
