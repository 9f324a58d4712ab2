package gflow

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"

	"github.com/gaussflow/gaussflow/flow/internal/errs"
	"github.com/gaussflow/gaussflow/flow/model"
)

// An Encoder writes numbers and keeps their checksum and the first error.
type Encoder struct {
	w   io.Writer
	buf []byte
	sum uint32
	err error
}

// Castagnoli is the table of the checksums.
var Castagnoli = crc32.MakeTable(crc32.Castagnoli)

// NewEncoder returns an encoder that writes to w. Flush must be called at the end.
func NewEncoder(w io.Writer) *Encoder { return &Encoder{w: w, buf: make([]byte, 0, 1<<15)} }

// Flush writes what is left and returns the first error.
func (e *Encoder) Flush() error {
	e.sum = crc32.Update(e.sum, Castagnoli, e.buf)
	if e.err == nil {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
	return e.err
}

// reserve flushes if fewer than n bytes are left.
func (e *Encoder) reserve(n int) {
	if len(e.buf)+n > cap(e.buf) {
		e.Flush()
	}
}

// Bytes writes b as it is.
func (e *Encoder) Bytes(b []byte) {
	e.reserve(len(b))
	e.buf = append(e.buf, b...)
}

// Uint32 writes v.
func (e *Encoder) Uint32(v uint32) {
	e.reserve(4)
	e.buf = binary.LittleEndian.AppendUint32(e.buf, v)
}

// Uint64 writes v.
func (e *Encoder) Uint64(v uint64) {
	e.reserve(8)
	e.buf = binary.LittleEndian.AppendUint64(e.buf, v)
}

// Floats writes the elements of x.
func (e *Encoder) Floats(x []float64) {
	for _, v := range x {
		e.Uint64(math.Float64bits(v))
	}
}

// String writes the length of s and its bytes.
func (e *Encoder) String(s string) {
	e.Uint32(uint32(len(s)))
	e.Bytes([]byte(s))
}

// Checksum writes the checksum of everything before.
func (e *Encoder) Checksum() {
	e.Flush()
	e.Uint32(e.sum)
}

// A Decoder reads what an Encoder wrote. After its first error everything is zero.
// The memory that it takes is bounded by what it has read.
type Decoder struct {
	r   io.Reader
	buf [1 << 12]byte
	sum uint32
	err error
}

// NewDecoder returns a decoder that reads from r, and no further than its methods
// need.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{r: r} }

// Err returns the first error.
func (d *Decoder) Err() error { return d.err }

// Fail records an error in the contents of the file.
func (d *Decoder) Fail(format string, args ...any) {
	if d.err == nil {
		d.err = errs.Errorf(errs.ErrFormat, format, args...)
	}
}

// Bytes returns the next n bytes, until the next call. n must not be larger than
// the buffer.
func (d *Decoder) Bytes(n int) []byte {
	b := d.buf[:n]
	if d.err == nil {
		switch _, err := io.ReadFull(d.r, b); {
		case err == nil:
			d.sum = crc32.Update(d.sum, Castagnoli, b)
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			d.Fail("it ends too early; it was cut off")
		default:
			d.err = err
		}
	}
	if d.err != nil {
		clear(b)
	}
	return b
}

// Uint32 reads a number.
func (d *Decoder) Uint32() uint32 { return binary.LittleEndian.Uint32(d.Bytes(4)) }

// Uint64 reads a number.
func (d *Decoder) Uint64() uint64 { return binary.LittleEndian.Uint64(d.Bytes(8)) }

// Float reads a number, finite or not.
func (d *Decoder) Float() float64 { return math.Float64frombits(d.Uint64()) }

// Int reads a number that is valid as a count.
func (d *Decoder) Int(what string) int {
	v := d.Uint64()
	if d.err == nil && v > math.MaxInt {
		d.Fail("the %s is %d; it is out of range", what, v)
	}
	if d.err != nil {
		return 0
	}
	return int(v)
}

// Count reads a count that must be at least the given number. It is 0 after an
// error.
func (d *Decoder) Count(what string, least int) int {
	n := d.Uint32()
	if d.err == nil && (n > math.MaxInt32 || int(n) < least) {
		d.Fail("the %s is %d; it must be at least %d", what, n, least)
	}
	if d.err != nil {
		return 0
	}
	return int(n)
}

// Floats reads n finite numbers. It allocates memory as it reads, so that a file
// cannot claim more than it holds.
func (d *Decoder) Floats(what string, n int) []float64 {
	var x []float64
	for len(x) < n && d.err == nil {
		some := min(n-len(x), len(d.buf)/8)
		b := d.Bytes(8 * some)
		for i := range some {
			v := math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
			if v-v != 0 {
				d.Fail("number %d of the %s is %v; it must be finite", len(x), what, v)
			}
			x = append(x, v)
		}
	}
	if d.err != nil {
		return nil
	}
	return x[:n:n]
}

// String reads what String wrote.
func (d *Decoder) String(what string) string {
	n := d.Count("length of the "+what, 0)
	var s []byte
	for len(s) < n && d.err == nil {
		s = append(s, d.Bytes(min(n-len(s), len(d.buf)))...)
	}
	if d.err != nil {
		return ""
	}
	return string(s)
}

// Checksum reads a checksum and compares it with that of everything before.
func (d *Decoder) Checksum() {
	want := d.sum
	if got := d.Uint32(); d.err == nil && got != want {
		d.Fail("its checksum is %08x, and its bytes have %08x; it was damaged", got, want)
	}
}

// blocks calls layer for every layer of every block.
func blocks(d *Decoder, layer func() model.Layer) [][]model.Layer {
	var all [][]model.Layer
	for range d.Count("number of blocks", 1) {
		var b []model.Layer
		for range d.Count("number of layers", 1) {
			b = append(b, layer())
			if d.err != nil {
				return nil
			}
		}
		if d.err != nil {
			return nil
		}
		all = append(all, b)
	}
	return all
}

// maxParams is the largest number of parameters of a flow.
const maxParams = math.MaxInt32

// tooMany is the error for a model of more than maxParams parameters.
func tooMany() error {
	return errs.Errorf(errs.ErrFormat, "it has more than %d parameters", maxParams)
}
