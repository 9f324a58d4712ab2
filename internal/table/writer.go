package table

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/gaussflow/gaussflow/internal/atomicfile"
	"github.com/gaussflow/gaussflow/internal/npy"
)

// WriteOptions sets up a writer.
type WriteOptions struct {
	ID      string // the name of a first column of texts, or ""
	Float32 bool   // NPY and Parquet hold float32
	Digits  int    // of numbers in CSV; 0 means the fewest that identify each number
}

// A Writer writes a table.
type Writer struct {
	e    encoder
	file *atomicfile.File // or nil
}

// An encoder writes rows in one format.
type encoder interface {
	// write writes n rows, row-major, and their texts if the table has a column of them.
	write(ids []string, rows []float64, n int) error
	finish() error
}

// Create returns a writer of a table that appears, whole, with [Writer.Commit]. The name's extension
// determines its format.
func Create(name string, columns []string, o WriteOptions) (*Writer, error) {
	format := extension(name)
	switch {
	case strings.HasSuffix(strings.ToLower(name), ".gz"), strings.HasSuffix(strings.ToLower(name), ".zst"):
		return nil, fmt.Errorf("%s: compressed tables are read, not written", name)
	case format != CSV && format != NPY && format != Parquet:
		return nil, fmt.Errorf("%s: the extension tells the format: .csv, .npy or .parquet", name)
	case format == NPY && o.ID != "":
		return nil, fmt.Errorf("%s: an array has no texts; write the ids to .csv or .parquet", name)
	}
	f, err := atomicfile.Create(name)
	if err != nil {
		return nil, err
	}
	w := &Writer{file: f}
	switch format {
	case CSV:
		w.e, err = newCSVEncoder(f, columns, o)
	case NPY:
		w.e, err = newNPYEncoder(f, len(columns), o)
	case Parquet:
		w.e, err = newParquetEncoder(f, columns, o)
	}
	if err != nil {
		f.Discard()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return w, nil
}

// NewCSV writes a CSV table to a stream.
func NewCSV(w io.Writer, columns []string, o WriteOptions) (*Writer, error) {
	e, err := newCSVEncoder(w, columns, o)
	return &Writer{e: e}, err
}

// NewJSONLines writes one JSON object per row to a stream. Values that are not finite are null.
func NewJSONLines(w io.Writer, columns []string, o WriteOptions) *Writer {
	e := &jsonEncoder{w: bufio.NewWriterSize(w, 1<<16)}
	if o.ID != "" {
		e.id = strconv.AppendQuote(nil, o.ID)
	}
	for _, c := range columns {
		e.keys = append(e.keys, quoteJSON(c))
	}
	return &Writer{e: e}
}

// Write writes rows, row-major.
func (w *Writer) Write(ids []string, rows []float64, n int) error {
	return w.e.write(ids, rows, n)
}

// Commit completes the table and renames the file to its destination.
func (w *Writer) Commit() error {
	if err := w.e.finish(); err != nil {
		w.Discard()
		return err
	}
	if w.file != nil {
		return w.file.Commit()
	}
	return nil
}

// Discard removes what was written, unless Commit has succeeded.
func (w *Writer) Discard() {
	if w.file != nil {
		w.file.Discard()
	}
}

type csvEncoder struct {
	w      *bufio.Writer
	line   []byte
	id     bool
	digits int
}

func newCSVEncoder(w io.Writer, columns []string, o WriteOptions) (*csvEncoder, error) {
	e := &csvEncoder{w: bufio.NewWriterSize(w, 1<<16), id: o.ID != "", digits: o.Digits}
	if e.digits == 0 {
		e.digits = -1
	}
	if e.id {
		columns = append([]string{o.ID}, columns...)
	}
	for i, c := range columns {
		if i > 0 {
			e.line = append(e.line, ',')
		}
		e.line = appendField(e.line, c)
	}
	e.line = append(e.line, '\n')
	_, err := e.w.Write(e.line)
	return e, err
}

// appendField appends a text, quoted if necessary.
func appendField(b []byte, s string) []byte {
	if s != "" && !strings.ContainsAny(s, ",;|\t\"\r\n") && s[0] != ' ' && s[len(s)-1] != ' ' {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}

func (e *csvEncoder) write(ids []string, rows []float64, n int) error {
	d := len(rows) / n
	for i := range n {
		b := e.line[:0]
		if e.id {
			b = append(appendField(b, ids[i]), ',')
		}
		for j, v := range rows[i*d : (i+1)*d] {
			if j > 0 {
				b = append(b, ',')
			}
			b = appendFloat(b, v, e.digits)
		}
		e.line = append(b, '\n')
		if _, err := e.w.Write(e.line); err != nil {
			return err
		}
	}
	return nil
}

// appendFloat writes infinity as NumPy and R read it.
func appendFloat(b []byte, v float64, digits int) []byte {
	switch {
	case math.IsInf(v, 1):
		return append(b, "inf"...)
	case math.IsInf(v, -1):
		return append(b, "-inf"...)
	}
	return strconv.AppendFloat(b, v, 'g', digits, 64)
}

func (e *csvEncoder) finish() error { return e.w.Flush() }

type jsonEncoder struct {
	w    *bufio.Writer
	id   []byte
	keys [][]byte
	line []byte
}

// quoteJSON returns a text as JSON.
func quoteJSON(s string) []byte {
	b := []byte{'"'}
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < 0x20:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = append(b, string(r)...)
		}
	}
	return append(b, '"')
}

func (e *jsonEncoder) write(ids []string, rows []float64, n int) error {
	d := len(e.keys)
	for i := range n {
		b := append(e.line[:0], '{')
		if e.id != nil {
			b = append(append(append(b, e.id...), ':'), quoteJSON(ids[i])...)
		}
		for j, v := range rows[i*d : (i+1)*d] {
			if len(b) > 1 {
				b = append(b, ',')
			}
			b = append(append(b, e.keys[j]...), ':')
			if v-v != 0 {
				b = append(b, "null"...)
			} else {
				b = strconv.AppendFloat(b, v, 'g', -1, 64)
			}
		}
		e.line = append(b, '}', '\n')
		if _, err := e.w.Write(e.line); err != nil {
			return err
		}
	}
	return nil
}

func (e *jsonEncoder) finish() error { return e.w.Flush() }

// An npyEncoder fills in the number of rows at the end.
type npyEncoder struct {
	f    *atomicfile.File
	w    *bufio.Writer
	cols int
	f32  bool
	rows int64
	raw  []byte
}

func newNPYEncoder(f *atomicfile.File, cols int, o WriteOptions) (*npyEncoder, error) {
	if _, err := f.Seek(0, io.SeekCurrent); err != nil {
		return nil, errors.New("an .npy file begins with its number of rows and needs a regular file; write .csv")
	}
	e := &npyEncoder{f: f, w: bufio.NewWriterSize(f, 1<<16), cols: cols, f32: o.Float32}
	_, err := e.w.Write(e.header())
	return e, err
}

func (e *npyEncoder) header() []byte {
	width := 8
	if e.f32 {
		width = 4
	}
	return npy.AppendHeader(nil, width, e.rows, e.cols)
}

func (e *npyEncoder) write(_ []string, rows []float64, n int) error {
	b := e.raw[:0]
	for _, v := range rows {
		if e.f32 {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		} else {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
	}
	e.raw = b
	e.rows += int64(n)
	_, err := e.w.Write(b)
	return err
}

func (e *npyEncoder) finish() error {
	if err := e.w.Flush(); err != nil {
		return err
	}
	_, err := e.f.WriteAt(e.header(), 0)
	return err
}

// A parquetEncoder collects rows into groups: large ones suit the format, small ones save
// memory.
type parquetEncoder struct {
	w     *file.Writer
	id    bool
	ids   []parquet.ByteArray
	cols  [][]float64
	f32   bool
	limit int // rows in a group
}

func newParquetEncoder(w io.Writer, columns []string, o WriteOptions) (_ *parquetEncoder, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cannot write Parquet: %v", r)
		}
	}()
	e := &parquetEncoder{id: o.ID != "", cols: make([][]float64, len(columns)), f32: o.Float32}
	e.limit = min(1<<18, max(1<<12, (1<<21)/max(1, len(columns))))
	var fields schema.FieldList
	if e.id {
		node, err := schema.NewPrimitiveNodeLogical(o.ID, parquet.Repetitions.Required, schema.StringLogicalType{}, parquet.Types.ByteArray, -1, -1)
		if err != nil {
			return nil, err
		}
		fields = append(fields, node)
	}
	for _, c := range columns {
		if e.f32 {
			fields = append(fields, schema.NewFloat32Node(c, parquet.Repetitions.Required, -1))
		} else {
			fields = append(fields, schema.NewFloat64Node(c, parquet.Repetitions.Required, -1))
		}
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return nil, err
	}
	props := parquet.NewWriterProperties(
		parquet.WithCompression(compress.Codecs.Snappy),
		parquet.WithDictionaryDefault(false), // numbers that hardly repeat
		parquet.WithCreatedBy("gaussflow"))
	e.w = file.NewParquetWriter(w, root, file.WithWriterProps(props))
	return e, nil
}

func (e *parquetEncoder) write(ids []string, rows []float64, n int) error {
	d := len(e.cols)
	for i := range n {
		if e.id {
			e.ids = append(e.ids, parquet.ByteArray(ids[i]))
		}
		for j := range d {
			e.cols[j] = append(e.cols[j], rows[i*d+j])
		}
		if d > 0 && len(e.cols[0]) == e.limit {
			if err := e.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush writes a row group.
func (e *parquetEncoder) flush() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cannot write Parquet: %v", r)
		}
	}()
	if len(e.cols) == 0 || len(e.cols[0]) == 0 {
		return nil
	}
	g, err := e.w.AppendRowGroupChecked()
	if err != nil {
		return err
	}
	if e.id {
		c, err := g.NextColumn()
		if err != nil {
			return err
		}
		if _, err := c.(*file.ByteArrayColumnChunkWriter).WriteBatch(e.ids, nil, nil); err != nil {
			return err
		}
		if err := c.Close(); err != nil {
			return err
		}
		e.ids = e.ids[:0]
	}
	for j := range e.cols {
		c, err := g.NextColumn()
		if err != nil {
			return err
		}
		switch c := c.(type) {
		case *file.Float64ColumnChunkWriter:
			_, err = c.WriteBatch(e.cols[j], nil, nil)
		case *file.Float32ColumnChunkWriter:
			narrow := make([]float32, len(e.cols[j]))
			for i, v := range e.cols[j] {
				narrow[i] = float32(v)
			}
			_, err = c.WriteBatch(narrow, nil, nil)
		}
		if err != nil {
			return err
		}
		if err := c.Close(); err != nil {
			return err
		}
		e.cols[j] = e.cols[j][:0]
	}
	return g.Close()
}

func (e *parquetEncoder) finish() error {
	if err := e.flush(); err != nil {
		return err
	}
	return e.w.FlushWithFooter()
}
