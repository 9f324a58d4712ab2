package table

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gaussflow/gaussflow/internal/npy"
)

// An npySource reads an array of NumPy's. Rows come one after the other, or, where the columns are
// contiguous, from as many places of the file.
type npySource struct {
	t    *Table
	h    npy.Header
	r    io.Reader // of the elements, or
	at   *os.File  // where columns are contiguous, the file
	base int64     // of the elements in it
	row  int64
	raw  []byte
	line []float64 // one row of the file
}

func newNPY(t *Table, in *input) (source, error) {
	h, err := npy.ReadHeader(in.r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	s := &npySource{t: t, h: h, r: in.r}
	if in.file != nil {
		if have := in.size - int64(h.Size); have < h.Bytes() {
			return nil, fmt.Errorf("%s: it should hold %d×%d elements, %d bytes, and has only %d; it was cut off", t.name, h.Rows, h.Cols, h.Bytes(), have)
		}
		if h.Fortran {
			s.at, s.base = in.file, int64(h.Size)
		}
		return s, nil
	}
	return s, s.seekable()
}

// seekable provides for contiguous columns in a stream.
func (s *npySource) seekable() error {
	if !s.h.Fortran || s.h.Cols == 1 {
		return nil
	}
	f, size, err := s.t.spool(io.LimitReader(s.r, s.h.Bytes()))
	if err != nil {
		return err
	}
	if size < s.h.Bytes() {
		return s.cutOff()
	}
	s.at = f
	return nil
}

func (s *npySource) cutOff() error {
	return fmt.Errorf("%s: it ends before its %d rows do; it was cut off", s.t.name, s.h.Rows)
}

func (s *npySource) width() int          { return s.h.Cols }
func (s *npySource) unusable(int) string { return "" }
func (s *npySource) idError(int) error {
	return fmt.Errorf("an array has no texts; an id is of CSV and Parquet")
}
func (s *npySource) place(b *Block, row, column int) string {
	return s.t.rowPlace(b, row, column)
}

func (s *npySource) next(b *Block, use []int, _ int) error {
	most, d := b.all.Dims()
	n := int(min(int64(s.batch(most)), s.h.Rows-s.row))
	if n == 0 {
		return io.EOF
	}
	for i := range n {
		b.Row = append(b.Row, s.row+int64(i)+1)
	}
	if s.at != nil {
		return s.columns(b, n, use)
	}
	width := s.h.Cols * s.h.Type.Width
	if s.raw == nil {
		s.raw, s.line = make([]byte, width*s.batch(most)), make([]float64, s.h.Cols)
	}
	raw := s.raw[:width*n]
	if _, err := io.ReadFull(s.r, raw); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return s.cutOff()
		}
		return fmt.Errorf("%s: %w", s.t.name, err)
	}
	// All columns in order are rows of b as they stand.
	whole := d == s.h.Cols
	for j, c := range use {
		whole = whole && j == c
	}
	for i := range n {
		to := s.line
		if whole {
			to = b.all.RawRowView(i)
		}
		if bad, err := s.h.Type.Decode(to, raw[i*width:]); err != nil {
			return fmt.Errorf("%s: %w", s.place(b, i, bad), err)
		}
		if !whole {
			row := b.all.RawRowView(i)
			for j, c := range use {
				row[j] = s.line[c]
			}
		}
	}
	s.row += int64(n)
	return nil
}

// batch is how many rows are read at a time: the file may have many more columns than are used.
func (s *npySource) batch(most int) int {
	return min(most, max(1, (1<<22)/(s.h.Cols*s.h.Type.Width)))
}

// columns reads n rows of contiguous columns.
func (s *npySource) columns(b *Block, n int, use []int) error {
	size := s.h.Type.Width
	if s.raw == nil {
		s.raw, s.line = make([]byte, size*n), make([]float64, n)
	}
	for j, c := range use {
		raw := s.raw[:size*n]
		if k, err := s.at.ReadAt(raw, s.base+(int64(c)*s.h.Rows+s.row)*int64(size)); k < len(raw) {
			if err == io.EOF {
				return s.cutOff()
			}
			return fmt.Errorf("%s: %w", s.t.name, err)
		}
		if bad, err := s.h.Type.Decode(s.line[:n], raw); err != nil {
			return fmt.Errorf("%s: %w", s.place(b, bad, c), err)
		}
		for i, v := range s.line[:n] {
			b.all.RawRowView(i)[j] = v
		}
	}
	s.row += int64(n)
	return nil
}

// newNPZ reads one array of a zip file of arrays.
func newNPZ(t *Table, in *input, key string) (source, error) {
	f, size, err := t.random(in)
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(f, size)
	if err != nil {
		return nil, fmt.Errorf("%s: it is no .npz file: %w", t.name, err)
	}
	var keys []string
	var found *zip.File
	for _, entry := range z.File {
		if entry.Name == "[Content_Types].xml" || entry.Name == "content.xml" {
			return nil, fmt.Errorf("%s: it is a spreadsheet; save it as CSV", t.name)
		}
		k, ok := strings.CutSuffix(entry.Name, ".npy")
		if !ok {
			continue
		}
		if keys = append(keys, k); k == key || key == "" {
			found = entry
		}
	}
	switch {
	case len(keys) == 0:
		return nil, fmt.Errorf("%s: it holds no arrays", t.name)
	case found == nil:
		return nil, fmt.Errorf("%s: there is no array %q; there are %s", t.name, clip(key), list(keys))
	case key == "" && len(keys) > 1:
		return nil, fmt.Errorf("%s: it holds the arrays %s; name one, as in %s:%s", t.name, list(keys), t.name, clip(keys[0]))
	}
	r, err := found.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	t.close = append(t.close, r.Close)
	var magic [6]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil || string(magic[:]) != npy.Magic {
		return nil, fmt.Errorf("%s: what it calls %s is no .npy file", t.name, clip(found.Name))
	}
	stream := io.MultiReader(bytes.NewReader(magic[:]), r)
	h, err := npy.ReadHeader(stream)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", t.name, clip(found.Name), err)
	}
	s := &npySource{t: t, h: h, r: stream}
	return s, s.seekable()
}
