// Package npy reads and writes NumPy's .npy files, row by row in constant memory.
//
// The format is that of numpy/lib/_format_impl.py: the magic string, a version, the length of
// a header, the header as a Python dictionary, and the elements. A Header may claim more
// elements than the file holds: callers should not allocate memory for them before the bytes
// have been read.
package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Magic is the beginning of every file.
const Magic = "\x93NUMPY"

// A Header describes the array in a file.
type Header struct {
	Type    Type
	Fortran bool // columns are contiguous, not rows
	Rows    int64
	Cols    int
	Vector  bool // the shape is (n,), read as n×1
	Size    int  // of the header in bytes: elements begin there
}

// A Type is the type of an element.
type Type struct {
	Kind  byte // 'f', 'i', 'u' or 'b', as NumPy writes them
	Width int  // in bytes
	order binary.ByteOrder
}

// MaxCols is the largest number of columns of a file.
const MaxCols = 1 << 16

// maxHeader is the longest header that is read; NumPy refuses those over 10,000 bytes.
const maxHeader = 1 << 16

// ReadHeader reads the header of a two-dimensional array or of a vector.
func ReadHeader(r io.Reader) (Header, error) {
	var h Header
	head := make([]byte, 12)
	if _, err := io.ReadFull(r, head[:8]); err != nil || string(head[:6]) != Magic {
		return h, errors.New("it is no .npy file: it begins otherwise")
	}
	width := 2
	switch version := head[6]; version {
	case 1:
	case 2, 3:
		width = 4
	default:
		return h, fmt.Errorf("it has version %d of the .npy format; versions 1 to 3 are read", version)
	}
	if _, err := io.ReadFull(r, head[8:8+width]); err != nil {
		return h, errors.New("it ends in the header; it was cut off")
	}
	size := binary.LittleEndian.Uint32(head[8:]) // what lies beyond a short length is zero
	if size > maxHeader {
		return h, fmt.Errorf("its header takes %d bytes; at most %d are read", size, maxHeader)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, errors.New("it ends in the header; it was cut off")
	}
	h.Size = 8 + width + int(size)
	d := dict{text: string(text)}
	descr, fortran, shape, err := d.parse()
	if err != nil {
		return h, fmt.Errorf("its header %.80q: %w", strings.TrimSpace(string(text)), err)
	}
	if h.Type, err = parseType(descr); err != nil {
		return h, err
	}
	h.Fortran = fortran
	switch len(shape) {
	case 1:
		h.Rows, h.Cols, h.Vector = shape[0], 1, true
	case 2:
		if shape[1] > MaxCols {
			return h, fmt.Errorf("it has %d columns; at most %d are read", shape[1], MaxCols)
		}
		h.Rows, h.Cols = shape[0], int(shape[1])
	default:
		return h, fmt.Errorf("its array has %d dimensions, shape %v; a table has rows and columns, or is one column", len(shape), shape)
	}
	if h.Cols == 0 {
		return h, fmt.Errorf("its array has shape %v: no columns", shape)
	}
	if h.Rows > math.MaxInt64/int64(h.Cols*h.Type.Width)-int64(h.Size) {
		return h, fmt.Errorf("its array has shape %v, more than a file can hold", shape)
	}
	return h, nil
}

// Bytes is the size of the elements.
func (h Header) Bytes() int64 { return h.Rows * int64(h.Cols) * int64(h.Type.Width) }

func parseType(descr string) (Type, error) {
	var t Type
	if len(descr) < 3 {
		return t, fmt.Errorf("its elements are of dtype %q; floats, integers and booleans are read", descr)
	}
	switch descr[0] {
	case '<', '|', '=':
		t.order = binary.LittleEndian
	case '>':
		t.order = binary.BigEndian
	}
	width, err := strconv.Atoi(descr[2:])
	t.Kind, t.Width = descr[1], width
	ok := false
	switch t.Kind {
	case 'f':
		ok = width == 2 || width == 4 || width == 8
	case 'i', 'u':
		ok = width == 1 || width == 2 || width == 4 || width == 8
	case 'b':
		ok = width == 1
	}
	if err != nil || t.order == nil || !ok || descr[0] == '|' && width > 1 {
		return t, fmt.Errorf("its elements are of dtype %q; floats (f2, f4, f8), integers (i1 to i8, u1 to u8) and booleans (b1) are read", descr)
	}
	return t, nil
}

// ErrInexact is the error for integers that no float64 equals.
var ErrInexact = errors.New("the integer is beyond ±2⁵³ and has no exact float64")

// Decode converts len(dst) elements of raw. It returns the index of the first element that
// has no exact float64, with ErrInexact, or -1.
func (t Type) Decode(dst []float64, raw []byte) (int, error) {
	raw = raw[:len(dst)*t.Width]
	switch {
	case t.Kind == 'f' && t.Width == 8 && t.order == binary.LittleEndian:
		for i := range dst {
			dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
		}
	case t.Kind == 'f' && t.Width == 8:
		for i := range dst {
			dst[i] = math.Float64frombits(t.order.Uint64(raw[8*i:]))
		}
	case t.Kind == 'f' && t.Width == 4:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(t.order.Uint32(raw[4*i:])))
		}
	case t.Kind == 'f':
		for i := range dst {
			dst[i] = Half(t.order.Uint16(raw[2*i:]))
		}
	default:
		for i := range dst {
			b := raw[i*t.Width:]
			var u uint64
			switch t.Width {
			case 1:
				u = uint64(b[0])
			case 2:
				u = uint64(t.order.Uint16(b))
			case 4:
				u = uint64(t.order.Uint32(b))
			case 8:
				u = t.order.Uint64(b)
			}
			if t.Kind == 'b' && u > 1 {
				u = 1
			}
			exact := true
			if t.Kind == 'i' {
				shift := 64 - 8*t.Width
				v := int64(u<<shift) >> shift
				dst[i], exact = float64(v), Exact(v)
			} else {
				dst[i], exact = float64(u), u <= 1<<53
			}
			if !exact {
				return i, ErrInexact
			}
		}
	}
	return -1, nil
}

// Exact reports whether an integer is within ±2⁵³.
func Exact(v int64) bool { return -(1<<53) <= v && v <= 1<<53 }

// Half widens a float16, IEEE 754 binary16.
func Half(h uint16) float64 {
	sign, exp, frac := 1.0, int(h>>10)&31, float64(h&0x3ff)
	if h>>15 != 0 {
		sign = -1
	}
	switch {
	case exp == 0:
		return sign * frac * 0x1p-24
	case exp < 31:
		return sign * math.Ldexp(1024+frac, exp-25)
	case frac == 0:
		return math.Inf(int(sign))
	default:
		return math.NaN()
	}
}

// A dict parses the dictionary that NumPy writes: three keys, with a string, a boolean and a
// tuple of integers for values.
type dict struct{ text string }

func (d *dict) parse() (descr string, fortran bool, shape []int64, err error) {
	seen := map[string]bool{}
	if !d.take("{") {
		return "", false, nil, errors.New("it is no dictionary")
	}
	for !d.take("}") {
		key, ok := d.str()
		if !ok || !d.take(":") || seen[key] {
			return "", false, nil, errors.New("it is no dictionary with the keys descr, fortran_order and shape")
		}
		seen[key] = true
		switch key {
		case "descr":
			if descr, ok = d.str(); !ok {
				return "", false, nil, fmt.Errorf("its elements are of the structured dtype %.60s; a table has one type", strings.TrimSpace(d.text))
			}
		case "fortran_order":
			switch {
			case d.take("True"):
				fortran = true
			case d.take("False"):
			default:
				return "", false, nil, errors.New("fortran_order is neither True nor False")
			}
		case "shape":
			if shape, ok = d.tuple(); !ok {
				return "", false, nil, errors.New("the shape is no tuple of lengths that a file can have")
			}
		default:
			return "", false, nil, fmt.Errorf("the key %q is not one of the format", key)
		}
		if !d.take(",") {
			if !d.take("}") {
				return "", false, nil, errors.New("the dictionary has no end")
			}
			break
		}
	}
	if len(seen) != 3 || strings.TrimSpace(d.text) != "" {
		return "", false, nil, errors.New("it is no dictionary with the keys descr, fortran_order and shape")
	}
	return descr, fortran, shape, nil
}

// take skips space, and a token if it comes next.
func (d *dict) take(token string) bool {
	d.text = strings.TrimLeft(d.text, " \t\n")
	rest, ok := strings.CutPrefix(d.text, token)
	d.text = rest
	return ok
}

func (d *dict) str() (string, bool) {
	for _, quote := range []string{"'", `"`} {
		if d.take(quote) {
			s, rest, ok := strings.Cut(d.text, quote)
			d.text = rest
			return s, ok && !strings.Contains(s, `\`)
		}
	}
	return "", false
}

func (d *dict) tuple() ([]int64, bool) {
	var shape []int64
	if !d.take("(") {
		return nil, false
	}
	for !d.take(")") {
		d.take("")
		n := 0
		for n < len(d.text) && '0' <= d.text[n] && d.text[n] <= '9' {
			n++
		}
		v, err := strconv.ParseInt(d.text[:n], 10, 64)
		if err != nil || len(shape) == 32 {
			return nil, false
		}
		d.text = strings.TrimPrefix(d.text[n:], "L") // as Python 2 wrote it
		shape = append(shape, v)
		if !d.take(",") {
			if !d.take(")") {
				return nil, false
			}
			break
		}
	}
	return shape, true
}

// headerSize is the size of the headers that AppendHeader makes; it has room for every shape.
const headerSize = 128

// AppendHeader appends the header of a little-endian array of float64, or of float32 if
// width is 4. Its size does not depend on the shape, so that the number of rows can be filled
// in when they have been written.
func AppendHeader(b []byte, width int, rows int64, cols int) []byte {
	text := fmt.Sprintf("{'descr': '<f%d', 'fortran_order': False, 'shape': (%d, %d), }", width, rows, cols)
	b = append(b, Magic+"\x01\x00"...)
	b = binary.LittleEndian.AppendUint16(b, headerSize-10)
	b = append(b, text...)
	b = append(b, bytes.Repeat([]byte{' '}, headerSize-10-1-len(text))...)
	return append(b, '\n')
}
