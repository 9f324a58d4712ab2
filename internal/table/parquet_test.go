package table

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParquetTypes(t *testing.T) {
	const path = "testdata/types.parquet"
	want := map[string][]float64{
		"f64": {0.1, -2.5, nan, 1e300}, "f32": {float64(float32(0.1)), -2.5, nan, 3}, "f16": {0.5, -2, nan, 65504},
		"i8": {-128, 127, nan, 0}, "u8": {0, 255, nan, 1}, "i16": {-32768, 32767, nan, 0}, "u16": {0, 65535, nan, 1},
		"i32": {math.MinInt32, math.MaxInt32, nan, 0}, "u32": {0, math.MaxUint32, nan, 1},
		"i64": {-(1 << 53), 1 << 53, nan, 0}, "u64": {0, 1 << 53, nan, 1},
		"bool": {1, 0, nan, 1}, "dec9": {-1.25, 9999999.99, nan, 0.1}, "dec18": {-0.1, 99999999.9999999999, nan, 0.3},
		"group.x": {1.5, -1, nan, nan},
	}
	tab, err := Open(path, Options{Missing: MissingNaN})
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	x, err := tab.Read(1e6)
	if err != nil {
		t.Fatal(err)
	}
	columns := tab.Columns()
	if len(columns) != len(want) {
		t.Errorf("columns %q", columns)
	}
	for j, name := range columns {
		var got []float64
		for i := range 4 {
			got = append(got, x.At(i, j))
		}
		if !equalRows([][]float64{got}, [][]float64{want[name]}) {
			t.Errorf("%s: %v, want %v", name, got, want[name])
		}
	}
	notes := strings.Join(tab.Notes(), "\n")
	for _, left := range []string{"(name) (String)", "(when) (Timestamp", "(day) (Date)", "(list.list.element) (a list)", "(dec30) (decimals of 30 digits", "(group.y) (String)"} {
		if !strings.Contains(notes, left) {
			t.Errorf("the notes lack %q: %s", left, notes)
		}
	}
	for columns, want := range map[string]string{
		"f64":      ": row 3, column 1 (f64): missing (-missing skip",
		"name":     ": column 15 (name) holds no numbers: String",
		"when":     ": column 16 (when) holds no numbers: Timestamp",
		"list":     `: there is no column "list"`,
		"f64,name": ": column 15 (name) holds no numbers",
	} {
		if _, _, _, _, err := everything(path, Options{Columns: columns}); err == nil || !strings.HasPrefix(err.Error(), path+want) {
			t.Errorf("%s: error %v, want %q", columns, err, want)
		}
	}
	for id, want := range map[string][]string{"name": {"a", "b", "", "d"}, "u32": {"0", "4294967295", "", "1"}, "i64": {"-9007199254740992", "9007199254740992", "", "0"}} {
		if _, _, ids, _, err := everything(path, Options{Columns: "f64", ID: id, Missing: MissingNaN}); err != nil || !slices.Equal(ids, want) {
			t.Errorf("ids by %s: %q, error %v, want %q", id, ids, err, want)
		}
	}
	for _, id := range []string{"f64", "when", "dec9"} {
		if _, err := Open(path, Options{ID: id}); err == nil || !strings.Contains(err.Error(), "holds neither texts nor integers") {
			t.Errorf("ids by %s: error %v", id, err)
		}
	}
	if _, _, _, _, err := everything("testdata/inexact.parquet", Options{}); err == nil || !strings.Contains(err.Error(), "row 1, column 1 (a): the integer is beyond") {
		t.Errorf("2⁵³+1: error %v", err)
	}
	// A model's column that is text here.
	tab2, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tab2.Close()
	if err := tab2.Match([]string{"f64", "name"}, 2); err == nil || !strings.Contains(err.Error(), "column 15 (name) holds no numbers: String") {
		t.Errorf("error %v", err)
	}
}

// Files of another writer, in each of its encodings and compressions, from a file and from a stream.
func TestParquetEncodings(t *testing.T) {
	for name, n := range map[string]int{"none": 40, "snappy": 40, "gzip": 40, "brotli": 40, "zstd": 40, "lz4": 40, "v2": 200, "delta": 100, "empty": 0} {
		path := filepath.Join("testdata", name+".parquet")
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, from := range []string{path, "-"} {
			columns, rows, _, _, err := everything(from, Options{Stdin: bytes.NewReader(content)})
			if err != nil || len(rows) != n || !slices.Equal(columns, []string{"a", "b"}) {
				t.Errorf("%s: columns %q, %d rows, error %v; want %d rows", path, columns, len(rows), err, n)
				continue
			}
			for i, row := range rows {
				want := []float64{float64(2*i) / 7, float64(2*i+1) / 7}
				if name == "delta" {
					want = []float64{float64(i), float64(i % 3)}
				}
				if !slices.Equal(row, want) {
					t.Fatalf("%s, row %d: %v, want %v", path, i, row, want)
				}
			}
		}
	}
}
