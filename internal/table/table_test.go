package table

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/internal/npy"
)

var nan = math.NaN()

// disk writes a file into a directory of the test's own.
func disk(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// everything reads a table.
func everything(name string, o Options) (names []string, rows [][]float64, ids []string, lines []int64, err error) {
	t, err := Open(name, o)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	defer t.Close()
	for b, err := range t.Blocks() {
		if err != nil {
			return nil, nil, nil, nil, err
		}
		if n, _ := b.X.Dims(); n != len(b.Row) || b.ID != nil && len(b.ID) != n && len(b.ID) != 0 {
			return nil, nil, nil, nil, fmt.Errorf("%d rows, %d numbers, %d ids", n, len(b.Row), len(b.ID))
		}
		for i := range b.Row {
			rows = append(rows, slices.Clone(b.X.RawRowView(i)))
		}
		ids, lines = append(ids, b.ID...), append(lines, b.Line...)
	}
	return t.Columns(), rows, ids, lines, nil
}

func equalRows(a, b [][]float64) bool {
	return slices.EqualFunc(a, b, func(a, b []float64) bool {
		return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) || x != x && y != y })
	})
}

func yes(b bool) *bool { return &b }

// Each edge case of a CSV file: what it holds, or what is wrong with it.
func TestCSV(t *testing.T) {
	for _, test := range []struct {
		name, text string
		o          Options
		columns    []string
		rows       [][]float64
		err        string // or a part of the error, which begins with the file's name
	}{
		{"header", "a,b\n1,2\n3,4\n", Options{}, []string{"a", "b"}, [][]float64{{1, 2}, {3, 4}}, ""},
		{"no header", "1,2\n3,4\n", Options{}, nil, [][]float64{{1, 2}, {3, 4}}, ""},
		{"no last line end", "a,b\n1,2", Options{}, []string{"a", "b"}, [][]float64{{1, 2}}, ""},
		{"CRLF", "a,b\r\n1,2\r\n3,4\r\n", Options{}, []string{"a", "b"}, [][]float64{{1, 2}, {3, 4}}, ""},
		{"CRLF at the end of the file", "a,b\r\n1,2\r", Options{}, []string{"a", "b"}, [][]float64{{1, 2}}, ""},
		{"byte order mark", "\xef\xbb\xbfa,b\n1,2\n", Options{}, []string{"a", "b"}, [][]float64{{1, 2}}, ""},
		{"semicolons", "a;b\n1;2\n", Options{}, []string{"a", "b"}, [][]float64{{1, 2}}, ""},
		{"tabs", "a\tb\n1\t2\n", Options{}, []string{"a", "b"}, [][]float64{{1, 2}}, ""},
		{"bars", "a|b\n1|2\n", Options{}, []string{"a", "b"}, [][]float64{{1, 2}}, ""},
		{"told separator", "a:b\n1:2\n", Options{Separator: ':'}, []string{"a", "b"}, [][]float64{{1, 2}}, ""},
		{"separators in quotes", "\"a,b,c\";d\n1;2\n", Options{}, []string{"a,b,c", "d"}, [][]float64{{1, 2}}, ""},
		{"one column", "a\n1\n2\n", Options{}, []string{"a"}, [][]float64{{1}, {2}}, ""},
		{"spaces", " a , b\n 1 ,\t2 \n", Options{}, []string{"a", "b"}, [][]float64{{1, 2}}, ""},
		{"quoted numbers", "\"a\",\"b\"\n\"1\",\"-2e3\"\n", Options{}, []string{"a", "b"}, [][]float64{{1, -2000}}, ""},
		{"quotes in a name", "\"say \"\"a\"\"\",b\n1,2\n", Options{}, []string{`say "a"`, "b"}, [][]float64{{1, 2}}, ""},
		{"line end in a name", "\"a\nb\",c\n1,2\n", Options{}, []string{"a\nb", "c"}, [][]float64{{1, 2}}, ""},
		{"blank lines", "\n\na,b\n\n1,2\n\n\n3,4\n\n", Options{}, []string{"a", "b"}, [][]float64{{1, 2}, {3, 4}}, ""},
		{"blank line of one column", "a\n1\n\n2\n", Options{Missing: MissingNaN}, []string{"a"}, [][]float64{{1}, {nan}, {2}}, ""},
		{"header told", "1,2\n3,4\n", Options{Header: yes(true)}, []string{"1", "2"}, [][]float64{{3, 4}}, ""},
		{"no header told", "a,b\n1,2\n", Options{Header: yes(false)}, nil, nil, `:1:1: "a" is not a number`},
		{"one number in the first row", "a,2\n3,4\n", Options{}, nil, nil, `:1:1: "a" is not a number`},
		{"a header alone", "a,b\n", Options{}, []string{"a", "b"}, nil, ""},
		{"numbers of all forms", "+1,-.5,2.,1e3,1E-3,007,-0\n", Options{}, nil, [][]float64{{1, -.5, 2, 1000, .001, 7, math.Copysign(0, -1)}}, ""},
		{"17 digits", "0.1000000000000000055511151231257827,123456789012345678901234567890\n", Options{}, nil, [][]float64{{0.1, 123456789012345678901234567890}}, ""},
		{"decimal comma", "a;b\n1,5;-2,25e1\n", Options{DecimalComma: true}, []string{"a", "b"}, [][]float64{{1.5, -22.5}}, ""},
		{"decimal comma of many digits", "0,1000000000000000055511151231257827;2\n", Options{DecimalComma: true}, nil, [][]float64{{0.1, 2}}, ""},
		{"decimal comma, one column", "1,5\n2,5\n", Options{DecimalComma: true}, nil, [][]float64{{1.5}, {2.5}}, ""},
		{"decimal comma unasked", "a;b\n1,5;2\n", Options{}, nil, nil, `:2:1 (a): "1,5" is not a number (-decimal , reads decimal commas)`},
		{"two commas", "1,2\n", Options{DecimalComma: true, Separator: ','}, nil, nil, "a comma cannot separate both"},
		{"thousands", "a;b\n1;\"1,234.5\"\n", Options{}, nil, nil, `:2:2 (b): "1,234.5" is not a number: separators of thousands are not read`},
		{"thousands of thousands", "a,b\n1,\"1,234\"\n", Options{}, nil, nil, `"1,234" is not a number: separators of thousands`},
		{"thousands by space", "a,b\n1,1 234\n", Options{}, nil, nil, `"1 234" is not a number: separators of thousands`},
		{"underscore", "a,b\n1,1_000\n", Options{}, nil, nil, `"1_000" is not a number`},
		{"hexadecimal", "a,b\n1,0x1p4\n", Options{}, nil, nil, `:2:2 (b): "0x1p4" is not a number`},
		{"infinite", "a,b\n1,inf\n", Options{}, nil, nil, `:2:2 (b): "inf" is not finite`},
		{"negative infinite", "a,b\n-Infinity,1\n", Options{Missing: MissingSkip}, nil, nil, `:2:1 (a): "-Infinity" is not finite`},
		{"too large", "a,b\n1,1e999\n", Options{}, nil, nil, ":2:2 (b): 1e999 is beyond the range of float64"},
		{"too small", "1,1e-999\n", Options{}, nil, [][]float64{{1, 0}}, ""},
		{"missing", "a,b\n1,2\n3,\n", Options{}, nil, nil, ":3:2 (b): missing (-missing skip drops such rows)"},
		{"missing, no header", "1,NA\n", Options{}, nil, nil, ":1:2: missing"},
		{"all that is missing", "a,b\n1,\n2,NA\n3,N/A\n4,NaN\n5,nan\n6,null\n7,?\n8,-\n9,\"\"\n10,10\n", Options{Missing: MissingSkip}, []string{"a", "b"}, [][]float64{{10, 10}}, ""},
		{"missing as NaN", "a,b\n1,\nNA,2\n", Options{Missing: MissingNaN}, []string{"a", "b"}, [][]float64{{1, nan}, {nan, 2}}, ""},
		{"own texts for missing", "a,b\n1,none\n2,3\n", Options{Missing: MissingSkip, MissingTexts: []string{"none"}}, []string{"a", "b"}, [][]float64{{2, 3}}, ""},
		{"NA is none of the own texts", "a,b\n1,NA\n", Options{Missing: MissingSkip, MissingTexts: []string{"none"}}, nil, nil, `:2:2 (b): "NA" is not a number`},
		{"missing where unused", "a,b\n1,\n", Options{Columns: "a"}, []string{"a"}, [][]float64{{1}}, ""},
		{"short row", "a,b,c\n1,2,3\n4,5\n", Options{}, nil, nil, ":3: 2 fields, the header has 3"},
		{"long row", "a,b\n1,2,3\n", Options{}, nil, nil, ":2: 3 fields, the header has 2"},
		{"long row, no header", "1,2\n1,2,3\n", Options{}, nil, nil, ":2: 3 fields, the first row has 2"},
		{"one field", "a,b\n1\n", Options{}, nil, nil, ":2: 1 field, the header has 2"},
		{"text", "a,kind\n1,red\n2,blue\n", Options{}, nil, nil, `:2:2 (kind): "red" is not a number: the column holds text; leave it out with -columns`},
		{"a text among numbers", "a,b\n1,2\n3,x\n5,6\n", Options{}, nil, nil, `:3:2 (b): "x" is not a number (-missing-texts`},
		{"long text", "a,b\n1,2\n3," + strings.Repeat("x", 100) + "\n5,6\n", Options{}, nil, nil, `:3:2 (b): "` + strings.Repeat("x", 40) + `…" is not`},
		{"chosen by name", "a,b,c\n1,2,3\n", Options{Columns: "c, a"}, []string{"c", "a"}, [][]float64{{3, 1}}, ""},
		{"chosen by number", "1,2,3,4,5,6\n", Options{Columns: "1-2,6,4"}, nil, [][]float64{{1, 2, 6, 4}}, ""},
		{"chosen text", "a,b\nx,1\n", Options{Columns: "b"}, []string{"b"}, [][]float64{{1}}, ""},
		{"chosen twice", "a,b\n1,2\n", Options{Columns: "a,1"}, nil, nil, ": column 1 (a) is chosen twice"},
		{"unknown name", "a,b\n1,2\n", Options{Columns: "a,x"}, nil, nil, `: there is no column "x"; the columns are a, b`},
		{"unknown number", "1,2\n", Options{Columns: "3"}, nil, nil, ": there is no column 3; there are 2"},
		{"unknown range", "1,2\n", Options{Columns: "1-3"}, nil, nil, ": there are no columns 1-3; there are 2"},
		{"name without header", "1,2\n", Options{Columns: "a"}, nil, nil, `: there is no column "a": the columns have no names`},
		{"empty choice", "1,2\n", Options{Columns: ","}, nil, nil, ": there is no column"},
		{"empty name", "a,,c\n1,2,3\n", Options{}, nil, nil, ":1:2: column 2 has an empty name"},
		{"empty name unused", ",b\nx,2\n", Options{Columns: "b"}, []string{"b"}, [][]float64{{2}}, ""},
		{"two of a name", "a,b,a\n1,2,3\n", Options{}, nil, nil, `:1:3: columns 1 and 3 are both called "a"`},
		{"one of two of a name", "a,b,a\n1,2,3\n", Options{Columns: "2,3"}, []string{"b", "a"}, [][]float64{{2, 3}}, ""},
		{"two of a name by name", "a,b,a\n1,2,3\n", Options{Columns: "a"}, nil, nil, `: two columns are called "a"`},
		{"id", "name,x\nfoo,1\n\"ba\"\"r\",2\n", Options{ID: "name"}, []string{"x"}, [][]float64{{1}, {2}}, ""},
		{"id and number", "a,b\n1,2\n", Options{ID: "a", Columns: "a,b"}, nil, nil, "cannot be both"},
		{"unknown id", "a,b\n1,2\n", Options{ID: "name"}, nil, nil, `: there is no column "name"`},
		{"open quote", "a,b\n1,\"2\n3,4\n", Options{}, nil, nil, ":2:2 (b): a quoted field has no end"},
		{"open quote in the header", "a,\"b\n1,2\n", Options{}, nil, nil, ":1: a quoted field has no end"},
		{"text behind a quote", "a,b\n1,\"2\"3\n", Options{}, nil, nil, ":2:2 (b): text follows a quoted field"},
		{"empty", "", Options{}, nil, nil, ": it is empty"},
		{"blank", "\n  \r\n\n", Options{}, nil, nil, ": it is empty"},
		{"UTF-16", "\xff\xfea\x00,\x00", Options{}, nil, nil, ": the text is UTF-16"},
		{"binary", "a,b\n1,\x002\n", Options{}, nil, nil, ": it is neither text nor"},
		{"comments are no CSV", "# a comment\na,b\n", Options{}, nil, nil, ":2: 2 fields, the header has 1"},
		{"two kinds of separators", "a,b\n1;2,3\n", Options{}, nil, nil, `:2:1 (a): "1;2" is not a number`},
		{"unknown format", "a,b\n1,2\n", Options{Format: "xls"}, nil, nil, `there is no format "xls"`},
		{"told otherwise", "a,b\n1,2\n", Options{Format: NPY}, nil, nil, ": it is no .npy file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := disk(t, "data.csv", []byte(test.text))
			columns, rows, _, _, err := everything(path, test.o)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || strings.HasPrefix(test.err, ":") && !strings.HasPrefix(err.Error(), path+test.err) {
					t.Errorf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil || !slices.Equal(columns, test.columns) || !equalRows(rows, test.rows) {
				t.Errorf("columns %q, rows %v, error %v; want %q, %v", columns, rows, err, test.columns, test.rows)
			}
			// However the bytes come.
			for _, slow := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader} {
				o := test.o
				o.Stdin = slow(strings.NewReader(test.text))
				c2, r2, _, _, err := everything("-", o)
				if err != nil || !slices.Equal(c2, columns) || !equalRows(r2, rows) {
					t.Errorf("in pieces: columns %q, rows %v, error %v", c2, r2, err)
				}
			}
		})
	}
}

// Lines are counted right, and texts go along, where rows are skipped and fields hold line ends.
func TestCSVPlaces(t *testing.T) {
	path := disk(t, "d.csv", []byte("id,x\n\"two\nlines\",1\n\nb,\nc,3\n"))
	_, rows, ids, lines, err := everything(path, Options{ID: "id", Missing: MissingSkip})
	if err != nil || !equalRows(rows, [][]float64{{1}, {3}}) || !slices.Equal(ids, []string{"two\nlines", "c"}) || !slices.Equal(lines, []int64{2, 6}) {
		t.Errorf("rows %v, ids %q, lines %v, error %v", rows, ids, lines, err)
	}
	tab, err := Open(path, Options{Columns: "x", Missing: MissingSkip})
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	for b, err := range tab.Blocks() {
		if err != nil || !slices.Equal(b.Row, []int64{1, 3}) {
			t.Errorf("rows number %v, error %v", b.Row, err)
		}
	}
}

func TestCompressed(t *testing.T) {
	text := []byte("a,b\n1,2\n3,4\n")
	var gz, zst bytes.Buffer
	g := gzip.NewWriter(&gz)
	g.Write(text)
	g.Close()
	z, err := zstd.NewWriter(&zst)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(text)
	z.Close()
	for name, content := range map[string][]byte{"d.csv.gz": gz.Bytes(), "d.csv.zst": zst.Bytes(), "no extension": gz.Bytes()} {
		columns, rows, _, _, err := everything(disk(t, name, content), Options{})
		if err != nil || !slices.Equal(columns, []string{"a", "b"}) || !equalRows(rows, [][]float64{{1, 2}, {3, 4}}) {
			t.Errorf("%s: columns %q, rows %v, error %v", name, columns, rows, err)
		}
		for _, n := range []int{5, len(content) - 1, len(content) / 2} {
			if _, _, _, _, err := everything(disk(t, name, content[:n]), Options{}); err == nil {
				t.Errorf("%s cut to %d bytes: no error", name, n)
			}
		}
	}
	// An array in it, with contiguous columns: it goes through a temporary file, which goes away.
	t.Setenv("TMPDIR", t.TempDir())
	gz.Reset()
	g.Reset(&gz)
	g.Write(fortran(3, 2))
	g.Close()
	_, rows, _, _, err := everything(disk(t, "d.npy.gz", gz.Bytes()), Options{})
	if err != nil || !equalRows(rows, [][]float64{{0, 3}, {1, 4}, {2, 5}}) {
		t.Errorf("rows %v, error %v", rows, err)
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// header is the beginning of an .npy file.
func header(version byte, dict string) []byte {
	b := append([]byte(npy.Magic), version, 0)
	n := len(dict) + 1
	b = append(b, byte(n), byte(n>>8))
	if version > 1 {
		b = append(b, 0, 0)
	}
	return append(append(b, dict...), '\n')
}

func dict(descr string, order string, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, order, shape)
}

// fortran is an array of 0, 1, …, column by column.
func fortran(n, d int) []byte {
	b := header(1, dict("<f8", "True", fmt.Sprintf("(%d, %d)", n, d)))
	for i := range n * d {
		bits := math.Float64bits(float64(i))
		for k := range 8 {
			b = append(b, byte(bits>>(8*k)))
		}
	}
	return b
}

func TestNPY(t *testing.T) {
	f8 := func(v ...float64) []byte {
		var b []byte
		for _, x := range v {
			for k := range 8 {
				b = append(b, byte(math.Float64bits(x)>>(8*k)))
			}
		}
		return b
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	oneToFour := [][]float64{{1, 2}, {3, 4}}
	for _, test := range []struct {
		name    string
		content []byte
		o       Options
		rows    [][]float64
		err     string
	}{
		{"<f8", join(header(1, dict("<f8", "False", "(2, 2)")), f8(1, 2, 3, 4)), Options{}, oneToFour, ""},
		{"version 2", join(header(2, dict("<f8", "False", "(2, 2)")), f8(1, 2, 3, 4)), Options{}, oneToFour, ""},
		{"version 3", join(header(3, dict("<f8", "False", "(2, 2)")), f8(1, 2, 3, 4)), Options{}, oneToFour, ""},
		{"Fortran", join(header(1, dict("<f8", "True", "(2, 2)")), f8(1, 3, 2, 4)), Options{}, oneToFour, ""},
		{"Fortran, one column", join(header(1, dict("<f8", "True", "(2, 1)")), f8(1, 3)), Options{}, [][]float64{{1}, {3}}, ""},
		{"a vector", join(header(1, dict("<f8", "False", "(2,)")), f8(1, 3)), Options{}, [][]float64{{1}, {3}}, ""},
		{"no rows", header(1, dict("<f8", "False", "(0, 3)")), Options{}, nil, ""},
		{"columns chosen", join(header(1, dict("<f8", "False", "(2, 2)")), f8(1, 2, 3, 4)), Options{Columns: "2"}, [][]float64{{2}, {4}}, ""},
		{"Fortran, columns chosen", join(header(1, dict("<f8", "True", "(2, 2)")), f8(1, 3, 2, 4)), Options{Columns: "2,1"}, [][]float64{{2, 1}, {4, 3}}, ""},
		{">f8", join(header(1, dict(">f8", "False", "(1, 1)")), []byte{0x3f, 0xf8, 0, 0, 0, 0, 0, 0}), Options{}, [][]float64{{1.5}}, ""},
		{"<f4", join(header(1, dict("<f4", "False", "(1, 2)")), []byte{0, 0, 0xc0, 0x3f, 0xcd, 0xcc, 0xcc, 0x3d}), Options{}, [][]float64{{1.5, float64(float32(0.1))}}, ""},
		{">f4", join(header(1, dict(">f4", "False", "(1,)")), []byte{0x3f, 0xc0, 0, 0}), Options{}, [][]float64{{1.5}}, ""},
		{"<f2", join(header(1, dict("<f2", "False", "(4,)")), []byte{0, 0x3e, 0, 0xbe, 1, 0, 0xff, 0x7b}), Options{}, [][]float64{{1.5}, {-1.5}, {0x1p-24}, {65504}}, ""},
		{">f2", join(header(1, dict(">f2", "False", "(1,)")), []byte{0x3e, 0}), Options{}, [][]float64{{1.5}}, ""},
		{"|i1", join(header(1, dict("|i1", "False", "(2,)")), []byte{1, 0xff}), Options{}, [][]float64{{1}, {-1}}, ""},
		{"<i2", join(header(1, dict("<i2", "False", "(1,)")), []byte{0xfe, 0xff}), Options{}, [][]float64{{-2}}, ""},
		{">i4", join(header(1, dict(">i4", "False", "(1,)")), []byte{0xff, 0xff, 0xff, 0xfd}), Options{}, [][]float64{{-3}}, ""},
		{"<i8", join(header(1, dict("<i8", "False", "(1,)")), []byte{0, 0, 0, 0, 0, 0, 0x20, 0}), Options{}, [][]float64{{1 << 53}}, ""},
		{"<i8 beyond 2⁵³", join(header(1, dict("<i8", "False", "(2,)")), []byte{7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x20, 0}), Options{}, nil, ": row 2, column 1: the integer is beyond"},
		{"<u8 beyond 2⁵³", join(header(1, dict("<u8", "True", "(1, 2)")), bytes.Repeat([]byte{0xff}, 16)), Options{Columns: "2"}, nil, ": row 1, column 2: the integer is beyond"},
		{"|u1", join(header(1, dict("|u1", "False", "(2,)")), []byte{1, 0xff}), Options{}, [][]float64{{1}, {255}}, ""},
		{"<u2", join(header(1, dict("<u2", "False", "(1,)")), []byte{0xfe, 0xff}), Options{}, [][]float64{{65534}}, ""},
		{"|b1", join(header(1, dict("|b1", "False", "(2,)")), []byte{1, 0}), Options{}, [][]float64{{1}, {0}}, ""},
		{"NaN", join(header(1, dict("<f8", "False", "(1, 2)")), f8(1, nan)), Options{}, nil, ": row 1, column 2: missing (-missing skip"},
		{"NaN skipped", join(header(1, dict("<f8", "False", "(2, 2)")), f8(1, nan, 3, 4)), Options{Missing: MissingSkip}, [][]float64{{3, 4}}, ""},
		{"infinite", join(header(1, dict("<f8", "False", "(1, 2)")), f8(1, math.Inf(-1))), Options{Missing: MissingSkip}, nil, ": row 1, column 2: -Inf is not finite"},
		{"more bytes than elements", join(header(1, dict("<f8", "False", "(1, 2)")), f8(1, 2, 3)), Options{}, [][]float64{{1, 2}}, ""},
		{"keys in another order", join(header(1, "{'shape': (1,), \"descr\": '<f8', 'fortran_order': False}"), f8(1)), Options{}, [][]float64{{1}}, ""},
		{"long integers of Python 2", join(header(1, dict("<f8", "False", "(1L,)")), f8(1)), Options{}, [][]float64{{1}}, ""},
		{"no dimensions", join(header(1, dict("<f8", "False", "()")), f8(1)), Options{}, nil, ": its array has 0 dimensions"},
		{"three dimensions", join(header(1, dict("<f8", "False", "(1, 1, 1)")), f8(1)), Options{}, nil, ": its array has 3 dimensions"},
		{"complex", join(header(1, dict("<c16", "False", "(1,)")), f8(1, 1)), Options{}, nil, `dtype "<c16"`},
		{"objects", header(1, dict("|O", "False", "(1,)")), Options{}, nil, `dtype "|O"`},
		{"texts", header(1, dict("<U5", "False", "(1,)")), Options{}, nil, `dtype "<U5"`},
		{"times", header(1, dict("<M8[ns]", "False", "(1,)")), Options{}, nil, `dtype "<M8[ns]"`},
		{"extended floats", header(1, dict("<f16", "False", "(1,)")), Options{}, nil, `dtype "<f16"`},
		{"structured", header(1, "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}"), Options{}, nil, "structured dtype [('a', '<f8')]"},
		{"version 9", header(9, dict("<f8", "False", "(1,)")), Options{}, nil, "version 9"},
		{"cut off in the magic", []byte(npy.Magic), Options{}, nil, ": it is no .npy file"},
		{"cut off in the header", header(1, dict("<f8", "False", "(1,)"))[:20], Options{}, nil, ": it ends in the header"},
		{"cut off in the elements", join(header(1, dict("<f8", "False", "(2, 2)")), f8(1, 2, 3)), Options{}, nil, "and has only 24; it was cut off"},
		{"a header of 65,535 bytes", join([]byte(npy.Magic), []byte{1, 0, 0xff, 0xff}, []byte("{}")), Options{}, nil, ": it ends in the header"},
		{"a header of 4 GB", join([]byte(npy.Magic), []byte{2, 0, 0xff, 0xff, 0xff, 0xff}, []byte("{}")), Options{}, nil, ": its header takes 4294967295 bytes"},
		{"10¹² rows", header(1, dict("<f8", "False", "(1000000000000, 3)")), Options{}, nil, "it was cut off"},
		{"2⁶³-1 rows", header(1, dict("<f8", "False", "(9223372036854775807, 2)")), Options{}, nil, "more than a file can hold"},
		{"2³² squared", header(1, dict("<f8", "False", "(4294967296, 4294967296)")), Options{}, nil, "at most 65536 are read"},
		{"2⁶⁴ rows", header(1, dict("<f8", "False", "(18446744073709551616, 1)")), Options{}, nil, "no tuple of lengths"},
		{"-1 rows", header(1, dict("<f8", "False", "(-1, 3)")), Options{}, nil, "no tuple of lengths"},
		{"no columns", header(1, dict("<f8", "False", "(3, 0)")), Options{}, nil, "no columns"},
		{"no dictionary", header(1, "hello"), Options{}, nil, "it is no dictionary"},
		{"half a dictionary", header(1, "{'descr': '<f8'"), Options{}, nil, "has no end"},
		{"a key missing", header(1, "{'descr': '<f8', 'shape': (1,)}"), Options{}, nil, "keys descr, fortran_order and shape"},
		{"a key twice", header(1, "{'descr': '<f8', 'descr': '<f8', 'shape': (1,)}"), Options{}, nil, "it is no dictionary"},
		{"another key", header(1, "{'descr': '<f8', 'evil': (1,)}"), Options{}, nil, `"evil"`},
		{"an order of neither kind", header(1, dict("<f8", "Maybe", "(1,)")), Options{}, nil, "fortran_order"},
		{"code", header(1, "__import__('os').system('true')"), Options{}, nil, "it is no dictionary"},
		{"id", join(header(1, dict("<f8", "False", "(1, 2)")), f8(1, 2)), Options{ID: "1"}, nil, "an array has no texts"},
		{"told to be CSV", join(header(1, dict("<f8", "False", "(1, 2)")), f8(1, 2)), Options{Format: CSV}, nil, "begins as a npy file does"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := disk(t, "data.bin", test.content) // told by its first bytes
			if test.name == "cut off in the magic" {
				test.o.Format = NPY
			}
			check := func(how string, rows [][]float64, err error) {
				t.Helper()
				if test.err != "" {
					want := test.err
					if how != "file" {
						want = strings.TrimPrefix(want, "and has only 24; ")
					}
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("%s: rows %v, error %v, want %q", how, rows, err, want)
					}
				} else if err != nil || !equalRows(rows, test.rows) {
					t.Errorf("%s: rows %v, error %v; want %v", how, rows, err, test.rows)
				}
			}
			_, rows, _, _, err := everything(path, test.o)
			check("file", rows, err)
			test.o.Stdin = iotest.HalfReader(bytes.NewReader(test.content))
			_, rows, _, _, err = everything("-", test.o)
			check("stream", rows, err)
			if test.o.Format != "" {
				return
			}
			var z bytes.Buffer
			w := zip.NewWriter(&z)
			entry, _ := w.Create("x.npy")
			entry.Write(test.content)
			w.Close()
			test.o.Stdin = nil
			_, rows, _, _, err = everything(disk(t, "data.npz", z.Bytes()), test.o)
			check("npz", rows, err)
		})
	}
}

func TestNPZ(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"a.npy", "b.npy", "notes.txt", "bad.npy"} {
		entry, _ := w.Create(name)
		if name == "bad.npy" {
			io.WriteString(entry, "nothing")
		} else {
			entry.Write(fortran(2, 1+len(name)%2))
		}
	}
	w.Close()
	path := disk(t, "d.npz", b.Bytes())
	for key, want := range map[string]string{
		"":       "it holds the arrays a, b, bad; name one, as in ",
		":a":     "",
		":c":     `there is no array "c"; there are a, b, bad`,
		":notes": `there is no array "notes"`,
		":bad":   "what it calls bad.npy is no .npy file",
	} {
		_, rows, _, _, err := everything(path+key, Options{})
		if want == "" && (err != nil || !equalRows(rows, [][]float64{{0, 2}, {1, 3}})) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: rows %v, error %v, want %q", key, rows, err, want)
		}
	}
	for n := range b.Len() {
		if _, _, _, _, err := everything(disk(t, "d.npz", b.Bytes()[:n])+":a", Options{}); err == nil {
			t.Errorf("cut to %d bytes: no error", n)
		}
	}
	csv := disk(t, "d.csv", []byte("a,b\n1,2\n"))
	if _, err := Open(csv+":a", Options{}); err == nil || !strings.Contains(err.Error(), "only an .npz file has keys") {
		t.Errorf("a key of a CSV file: error %v", err)
	}
}

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		text    string
		columns string // chosen
		want    []string
		dim     int
		row     []float64
		note    string
		err     string
	}{
		{"a,b\n1,2\n", "", []string{"a", "b"}, 2, []float64{1, 2}, "", ""},
		{"b,a\n2,1\n", "", []string{"a", "b"}, 2, []float64{1, 2}, "", ""},
		{"b,x,a\n2,text,1\n", "", []string{"a", "b"}, 2, []float64{1, 2}, "ignored: x", ""},
		{"b,c\n2,1\n", "", []string{"a", "b", "d"}, 3, nil, "", "the model's columns a, d are missing; the table has b, c"},
		{"1,2\n", "", []string{"a", "b"}, 2, []float64{1, 2}, "", ""},
		{"1,2,3\n", "", []string{"a", "b"}, 2, nil, "", "3 columns, and the model has 2"},
		{"b,a\n1,2\n", "", nil, 2, []float64{1, 2}, "", ""},
		{"b,a,c\n1,2,3\n", "", nil, 2, nil, "", "3 columns, and the model has 2"},
		{"b,a,c\n1,2,3\n", "3,1", nil, 2, []float64{3, 1}, "", ""},
		{"b,a,c\n1,2,3\n", "c,b,a", []string{"a", "b"}, 2, []float64{2, 1}, "ignored: c", ""},
		{",a,b\n0,1,2\n", "", []string{"a", "b"}, 2, []float64{1, 2}, "ignored: column 1", ""}, // as pandas writes the index
		{"a,x,b,x\n1,0,2,0\n", "", []string{"a", "b"}, 2, []float64{1, 2}, "ignored: x", ""},
		{"a,b,a\n1,2,1\n", "", []string{"a", "b"}, 2, nil, "", `both called "a"`},
		{"b,a,c\n1,2,3\n", "c,b", []string{"a", "b"}, 2, nil, "", "the model's columns a are missing"},
	} {
		tab, err := Open(disk(t, "d.csv", []byte(test.text)), Options{Columns: test.columns})
		if err != nil {
			t.Fatal(err)
		}
		err = tab.Match(test.want, test.dim)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%q for %q: error %v, want %q", test.text, test.want, err, test.err)
			}
			tab.Close()
			continue
		}
		var x *mat.Dense
		if err == nil {
			x, err = tab.Read(1e6)
		}
		if err != nil || !slices.Equal(x.RawRowView(0), test.row) || test.note == "" != (len(tab.Notes()) == 0) || !strings.Contains(strings.Join(tab.Notes(), ""), test.note) {
			t.Errorf("%q for %q: %v, notes %q, error %v; want %v, %q", test.text, test.want, x, tab.Notes(), err, test.row, test.note)
		}
		tab.Close()
	}
}

// What is written is read as it was, bit for bit.
func TestWriteRead(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n, d = 9000, 3
	rows := make([]float64, n*d)
	ids := make([]string, n)
	for i := range rows {
		rows[i] = rng.NormFloat64() * math.Exp(20*rng.NormFloat64())
	}
	rows[0], rows[1], rows[2] = math.Copysign(0, -1), math.MaxFloat64, 5e-324
	for i := range ids {
		ids[i] = []string{"plain", "with, comma", `"quotes" first`, "with\nline", " spaces ", "", "ünï"}[i%7]
	}
	names := []string{"a", `b, "c"`, "d"}
	for _, ext := range []string{".csv", ".npy", ".parquet"} {
		for _, f32 := range []bool{false, true} {
			dir := t.TempDir()
			path := filepath.Join(dir, "out"+ext)
			o := WriteOptions{Float32: f32}
			if ext != ".npy" {
				o.ID = "id"
			}
			w, err := Create(path, names, o)
			if err != nil {
				t.Fatal(err)
			}
			for from := 0; from < n; from += 1000 {
				if err := w.Write(ids[from:from+1000], rows[from*d:(from+1000)*d], 1000); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := os.Stat(path); err == nil {
				t.Errorf("%s is there before it is whole", path)
			}
			if err := w.Commit(); err != nil {
				t.Fatal(err)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 1 {
				t.Errorf("the directory holds %v", entries)
			}
			tab, err := Open(path, Options{ID: o.ID})
			if err != nil {
				t.Fatal(err)
			}
			if ext != ".npy" && !slices.Equal(tab.Columns(), names) {
				t.Errorf("%s: columns %q", ext, tab.Columns())
			}
			i := 0
			for b, err := range tab.Blocks() {
				if err != nil {
					if f32 && ext != ".csv" && strings.Contains(err.Error(), "Inf is not finite") {
						break // beyond float32
					}
					t.Fatal(err)
				}
				for r := range b.Row {
					for j, v := range b.X.RawRowView(r) {
						want := rows[i*d+j]
						if f32 && ext != ".csv" {
							want = float64(float32(want))
						}
						if math.Float64bits(v) != math.Float64bits(want) {
							t.Fatalf("%s, float32 %t, row %d: %v, want %v", ext, f32, i, v, want)
						}
					}
					if o.ID != "" && b.ID[r] != ids[i] {
						t.Fatalf("%s, row %d: id %q, want %q", ext, i, b.ID[r], ids[i])
					}
					i++
				}
			}
			if !f32 && i != n {
				t.Errorf("%s: %d rows, want %d", ext, i, n)
			}
			tab.Close()
		}
	}
}

// A table that was given up leaves nothing, and one that cannot be written says why.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	for _, ext := range []string{".csv", ".npy", ".parquet"} {
		path := filepath.Join(dir, "out"+ext)
		if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
			t.Fatal(err)
		}
		w, err := Create(path, []string{"a"}, WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w.Write(nil, []float64{1, 2, 3}, 3)
		w.Discard()
		if b, _ := os.ReadFile(path); string(b) != "old" {
			t.Errorf("%s is now %q", path, b)
		}
		os.Remove(path)
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
	for name, want := range map[string]string{
		filepath.Join(dir, "x.xls"):        "the extension tells the format",
		filepath.Join(dir, "x"):            "the extension tells the format",
		filepath.Join(dir, "x.csv.gz"):     "compressed tables are read, not written",
		filepath.Join(dir, "no", "x.csv"):  "no such file",
		filepath.Join(dir, "no", "x.npy"):  "no such file",
		filepath.Join(dir, "..", ".", "."): "the extension tells",
	} {
		if _, err := Create(name, []string{"a"}, WriteOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
	if runtime.GOOS == "linux" {
		// /dev/full takes nothing, and must not be replaced by a file.
		link := filepath.Join(dir, "full.csv")
		if err := os.Symlink("/dev/full", link); err != nil {
			t.Fatal(err)
		}
		w, err := Create(link, []string{"a"}, WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w.Write(nil, []float64{1}, 1)
		if err := w.Commit(); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("a full disk: error %v", err)
		}
		if info, err := os.Stat("/dev/full"); err != nil || info.Mode().IsRegular() {
			t.Fatalf("/dev/full: %v, %v", info, err)
		}
	}
}

func TestJSONLines(t *testing.T) {
	var b bytes.Buffer
	w := NewJSONLines(&b, []string{`a"b`, "c"}, WriteOptions{ID: "id"})
	w.Write([]string{"x\ny", "z"}, []float64{1, math.Inf(-1), 2.5, 1e-9}, 2)
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if want := "{\"id\":\"x\\u000ay\",\"a\\\"b\":1,\"c\":null}\n{\"id\":\"z\",\"a\\\"b\":2.5,\"c\":1e-09}\n"; b.String() != want {
		t.Errorf("%s, want %s", b.String(), want)
	}
}

// Files larger than their blocks take the memory of one block.
func TestConstantMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a million rows")
	}
	dir := t.TempDir()
	const n, d = 1 << 20, 4
	for _, ext := range []string{".csv", ".npy", ".parquet"} {
		path := filepath.Join(dir, "big"+ext)
		w, err := Create(path, []string{"a", "b", "c", "d"}, WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		rows := make([]float64, 4096*d)
		for i := range rows {
			rows[i] = float64(i) / 7
		}
		for range n / 4096 {
			if err := w.Write(nil, rows, 4096); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
		tab, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var most uint64
		seen, sum := 0, 0.0
		runtime.GC()
		for b, err := range tab.Blocks() {
			if err != nil {
				t.Fatal(err)
			}
			seen += len(b.Row)
			sum += b.X.At(0, 0)
			if seen%(1<<17) == 0 {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
		tab.Close()
		if seen != n || most > 40<<20 {
			t.Errorf("%s: %d rows, want %d; %d bytes of heap, want at most 40 MiB for a table of 32 MiB", ext, seen, n, most)
		}
	}
}

// Damaged files of every format give errors or numbers, and take no memory to speak of.
func TestDamage(t *testing.T) {
	sources := map[string][]byte{}
	for _, ext := range []string{".csv", ".npy", ".parquet"} {
		path := filepath.Join(t.TempDir(), "x"+ext)
		w, err := Create(path, []string{"a", "b"}, WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		rows := make([]float64, 400)
		for i := range rows {
			rows[i] = math.Sin(float64(i))
		}
		if err := errors.Join(w.Write(nil, rows, 200), w.Commit()); err != nil {
			t.Fatal(err)
		}
		sources[ext], _ = os.ReadFile(path)
	}
	paths, _ := filepath.Glob("testdata/*.parquet")
	for _, p := range paths {
		sources[filepath.Base(p)], _ = os.ReadFile(p)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for name, good := range sources {
		rounds := 400
		if testing.Short() {
			rounds = 60
		}
		errs := 0
		for range rounds {
			bad := slices.Clone(good)
			switch rng.IntN(3) {
			case 0:
				bad = bad[:rng.IntN(len(bad))]
			case 1:
				bad[rng.IntN(len(bad))] ^= byte(1 << rng.IntN(8))
			case 2: // where the structure is: at the beginning and in the footer
				at := rng.IntN(min(len(bad), 600))
				if rng.IntN(2) == 0 {
					at = len(bad) - 1 - at
				}
				bad[at] = byte(rng.Uint32())
			}
			if _, _, _, _, err := everything(disk(t, "bad"+filepath.Ext(name), bad), Options{Missing: MissingSkip}); err != nil {
				errs++
				if strings.Count(err.Error(), "\n") > 0 {
					t.Errorf("%s: an error of several lines: %v", name, err)
				}
			}
		}
		if errs == 0 {
			t.Errorf("%s: no damage was noticed in %d rounds", name, rounds)
		}
	}
}
