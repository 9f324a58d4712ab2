package table

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/gaussflow/gaussflow/internal/npy"
)

// A parquetSource reads a Parquet file, a row group after the other and the pages of each as they
// are needed. Everything runs in the caller's goroutine, where a panic about a damaged file can be
// recovered from.
type parquetSource struct {
	t       *Table
	reader  *file.Reader
	columns []*parquetColumn
	group   int // row groups opened
	left    int64
	row     int64
	open    map[int]parquetReader // of the columns in use
}

// The largest page of a Parquet file. Writers make pages of about a megabyte.
const maxPage = 64 << 20

func newParquet(t *Table, in *input) (_ source, err error) {
	f, _, err := t.random(in)
	if err != nil {
		return nil, err
	}
	defer recovered(t, &err)
	s := &parquetSource{t: t}
	props := parquet.NewReaderProperties(memory.NewGoAllocator())
	props.BufferedStreamEnabled = true // or a column chunk is in memory as a whole
	props.MaxCompressedPageSize, props.MaxUncompressedPageSize = maxPage, maxPage
	if s.reader, err = file.NewParquetReader(unclosed{f}, file.WithReadProps(props)); err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	sc := s.reader.MetaData().Schema
	if n := sc.NumColumns(); n == 0 || n > maxColumns {
		return nil, fmt.Errorf("%s: %d columns; 1 to %d are read", t.name, n, maxColumns)
	}
	for c := range sc.NumColumns() {
		col := newParquetColumn(sc.Column(c))
		s.columns = append(s.columns, col)
		t.names = append(t.names, col.name)
	}
	return s, nil
}

// unclosed keeps the library from closing the file.
type unclosed struct{ f *os.File }

func (u unclosed) Read(b []byte) (int, error)                { return u.f.Read(b) }
func (u unclosed) ReadAt(b []byte, off int64) (int, error)   { return u.f.ReadAt(b, off) }
func (u unclosed) Seek(off int64, whence int) (int64, error) { return u.f.Seek(off, whence) }

// recovered turns a panic of the library into an error.
func recovered(t *Table, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%s: the Parquet file is damaged: %.200v", t.name, r)
	}
}

// A parquetColumn says how the values of a column become numbers.
type parquetColumn struct {
	name     string
	why      string // it has no numbers, or ""
	texts    bool   // it can be an id
	defLevel int16  // of a value that is there
	physical parquet.Type
	unsigned bool
	scale    int // of decimals, or -1
}

func newParquetColumn(c *schema.Column) *parquetColumn {
	p := &parquetColumn{name: c.Path(), defLevel: c.MaxDefinitionLevel(), physical: c.PhysicalType(), scale: -1}
	logical := c.LogicalType()
	if c.MaxRepetitionLevel() > 0 {
		p.why = "a list"
		return p
	}
	switch p.physical {
	case parquet.Types.Boolean, parquet.Types.Float, parquet.Types.Double:
		return p
	case parquet.Types.ByteArray, parquet.Types.FixedLenByteArray, parquet.Types.Int32, parquet.Types.Int64:
	default:
		p.why = typeName(c)
		return p
	}
	switch l := logical.(type) {
	case schema.DecimalLogicalType:
		p.scale = int(l.Scale())
		if l.Precision() > 18 || p.scale < 0 || p.scale > 18 {
			p.why = fmt.Sprintf("decimals of %d digits; at most 18 are read", l.Precision())
		}
		return p
	case schema.Float16LogicalType:
		return p
	case schema.IntLogicalType:
		p.unsigned = !l.IsSigned()
		return p
	}
	plain := logical == nil || !logical.IsValid() || logical.IsNone()
	isInt := p.physical == parquet.Types.Int32 || p.physical == parquet.Types.Int64
	if isInt && plain {
		return p
	}
	_, isString := logical.(schema.StringLogicalType)
	_, isEnum := logical.(schema.EnumLogicalType)
	p.texts = p.physical == parquet.Types.ByteArray && (isString || isEnum || plain)
	p.why = typeName(c)
	return p
}

// typeName is what a file calls the type of a column.
func typeName(c *schema.Column) string {
	if l := c.LogicalType(); l != nil && l.IsValid() && !l.IsNone() {
		return l.String()
	}
	return c.PhysicalType().String()
}

func (s *parquetSource) width() int            { return len(s.columns) }
func (s *parquetSource) unusable(c int) string { return s.columns[c].why }
func (s *parquetSource) place(b *Block, row, column int) string {
	return s.t.rowPlace(b, row, column)
}

func (s *parquetSource) idError(c int) error {
	col := s.columns[c]
	isInt := col.why == "" && col.scale < 0 && (col.physical == parquet.Types.Int32 || col.physical == parquet.Types.Int64)
	if !col.texts && !isInt {
		return fmt.Errorf("%s holds neither texts nor integers for an id", s.t.title(c))
	}
	return nil
}

// A parquetReader reads a column of one row group.
type parquetReader interface {
	// numbers writes the next n values into dst, stride apart.
	numbers(dst []float64, n, stride int) error
	// texts appends the next n values to dst.
	texts(dst []string, n int) ([]string, error)
}

func (s *parquetSource) next(b *Block, use []int, id int) (err error) {
	defer recovered(s.t, &err)
	for s.left == 0 {
		if s.group == s.reader.NumRowGroups() {
			return io.EOF
		}
		if err := s.openGroup(use, id); err != nil {
			return err
		}
	}
	most, d := b.all.Dims()
	n := int(min(int64(most), s.left))
	for i := range n {
		b.Row = append(b.Row, s.row+int64(i)+1)
	}
	for j, c := range use {
		if err := s.open[c].numbers(b.all.RawMatrix().Data[j:], n, d); err != nil {
			var at *rowError
			if errors.As(err, &at) {
				return fmt.Errorf("%s: %w", s.place(b, at.row, c), at.err)
			}
			return fmt.Errorf("%s: %s: %w", s.t.name, s.t.title(c), err)
		}
	}
	if id >= 0 {
		if b.ID, err = s.open[id].texts(b.ID, n); err != nil {
			return fmt.Errorf("%s: %s: %w", s.t.name, s.t.title(id), err)
		}
	}
	s.row, s.left = s.row+int64(n), s.left-int64(n)
	return nil
}

func (s *parquetSource) openGroup(use []int, id int) error {
	g := s.reader.RowGroup(s.group)
	s.group++
	if s.left = g.NumRows(); s.left < 0 {
		return fmt.Errorf("%s: row group %d says to have %d rows", s.t.name, s.group-1, s.left)
	}
	s.open = map[int]parquetReader{}
	wanted := use
	if id >= 0 {
		wanted = append(append([]int(nil), use...), id)
	}
	for _, c := range wanted {
		r, err := g.Column(c)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", s.t.name, s.t.title(c), err)
		}
		if s.open[c], err = s.columns[c].reader(r); err != nil {
			return fmt.Errorf("%s: %s: %w", s.t.name, s.t.title(c), err)
		}
	}
	return nil
}

// A rowError is about one value.
type rowError struct {
	row int
	err error
}

func (e *rowError) Error() string { return e.err.Error() }

// A batchReader is what all typed readers of the library have.
type batchReader[T any] interface {
	ReadBatch(n int64, values []T, def, rep []int16) (int64, int, error)
}

// A chunk reads the column of a row group by way of the library's typed reader.
type chunk[T any] struct {
	r      batchReader[T]
	level  int16
	number func(T) (float64, error)
	text   func(T) string
	values []T
	def    []int16
}

func (p *parquetColumn) reader(r file.ColumnChunkReader) (parquetReader, error) {
	switch r := r.(type) {
	case *file.Float64ColumnChunkReader:
		return &chunk[float64]{r: r, level: p.defLevel, number: func(v float64) (float64, error) { return v, nil }}, nil
	case *file.Float32ColumnChunkReader:
		return &chunk[float32]{r: r, level: p.defLevel, number: func(v float32) (float64, error) { return float64(v), nil }}, nil
	case *file.BooleanColumnChunkReader:
		return &chunk[bool]{r: r, level: p.defLevel, number: func(v bool) (float64, error) {
			if v {
				return 1, nil
			}
			return 0, nil
		}}, nil
	case *file.Int32ColumnChunkReader:
		return &chunk[int32]{r: r, level: p.defLevel,
			number: func(v int32) (float64, error) {
				switch {
				case p.unsigned:
					return float64(uint32(v)), nil
				case p.scale >= 0:
					return decimal(int64(v), p.scale), nil
				}
				return float64(v), nil
			},
			text: func(v int32) string {
				if p.unsigned {
					return strconv.FormatUint(uint64(uint32(v)), 10)
				}
				return strconv.Itoa(int(v))
			}}, nil
	case *file.Int64ColumnChunkReader:
		return &chunk[int64]{r: r, level: p.defLevel,
			number: func(v int64) (float64, error) {
				switch {
				case p.scale >= 0:
					return decimal(v, p.scale), nil
				case !npy.Exact(v):
					return 0, npy.ErrInexact
				}
				return float64(v), nil
			},
			text: func(v int64) string {
				if p.unsigned {
					return strconv.FormatUint(uint64(v), 10)
				}
				return strconv.FormatInt(v, 10)
			}}, nil
	case *file.FixedLenByteArrayColumnChunkReader:
		return &chunk[parquet.FixedLenByteArray]{r: r, level: p.defLevel, number: func(v parquet.FixedLenByteArray) (float64, error) {
			if p.scale >= 0 {
				return bigDecimal(v, p.scale)
			}
			if len(v) != 2 {
				return 0, fmt.Errorf("a float16 of %d bytes", len(v))
			}
			return npy.Half(uint16(v[0]) | uint16(v[1])<<8), nil
		}}, nil
	case *file.ByteArrayColumnChunkReader:
		return &chunk[parquet.ByteArray]{r: r, level: p.defLevel,
			number: func(v parquet.ByteArray) (float64, error) { return bigDecimal(v, p.scale) },
			text:   func(v parquet.ByteArray) string { return string(v) }}, nil
	}
	return nil, fmt.Errorf("its pages are of a type that is not read")
}

// decimal is v/10^scale, rounded once.
func decimal(v int64, scale int) float64 {
	if v < 0 {
		return -quotient(-uint64(v), powers[scale])
	}
	return quotient(uint64(v), powers[scale])
}

// bigDecimal reads a big-endian integer in two's complement.
func bigDecimal(b []byte, scale int) (float64, error) {
	v := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	if !v.IsInt64() || scale < 0 {
		return 0, errors.New("the decimal has more than 18 digits")
	}
	return decimal(v.Int64(), scale), nil
}

// read reads n rows, in as many batches as the library makes of them, and calls put for each: with
// the index of its value, or -1 for a null.
func (c *chunk[T]) read(n int, put func(row, value int) error) error {
	if len(c.values) < n {
		c.values, c.def = make([]T, n), make([]int16, n)
	}
	for row := 0; row < n; {
		total, read, err := c.r.ReadBatch(int64(n-row), c.values, c.def, nil)
		if err != nil {
			return err
		}
		if total <= 0 || total > int64(n-row) || read > int(total) {
			return errors.New("it has fewer values than the row group has rows; it is damaged")
		}
		value := 0
		for i := range int(total) {
			at := -1
			if c.level == 0 || c.def[i] == c.level {
				if at = value; at >= read {
					return errors.New("its levels and values do not agree; it is damaged")
				}
				value++
			}
			if err := put(row+i, at); err != nil {
				return &rowError{row + i, err}
			}
		}
		row += int(total)
	}
	return nil
}

func (c *chunk[T]) numbers(dst []float64, n, stride int) error {
	return c.read(n, func(row, at int) (err error) {
		v := math.NaN()
		if at >= 0 {
			v, err = c.number(c.values[at])
		}
		dst[row*stride] = v
		return err
	})
}

func (c *chunk[T]) texts(dst []string, n int) ([]string, error) {
	if c.text == nil {
		return nil, errors.New("it holds no texts")
	}
	err := c.read(n, func(_, at int) error {
		s := ""
		if at >= 0 {
			s = c.text(c.values[at])
		}
		dst = append(dst, s)
		return nil
	})
	return dst, err
}
