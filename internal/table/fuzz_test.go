package table

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

// FuzzOpen reads whatever it is given as whatever it seems to be: rows of finite numbers, or an error. It
// takes no memory that the bytes do not fill.
func FuzzOpen(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.parquet")
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "", "")
	}
	for _, s := range []string{"a,b\n1,2\n", "1;2,5\n", "\"a\"\"b\",c\n1,\"2\"\n\n3,NA\n", "\x1f\x8b", "\x28\xb5\x2f\xfd", "PK\x03\x04", string(fortran(3, 2)), "\xef\xbb\xbfa\r\n1\r\n"} {
		f.Add([]byte(s), "", "")
		f.Add([]byte(s), "1", "a")
	}
	f.Fuzz(func(t *testing.T, content []byte, columns, id string) {
		names, rows, ids, _, err := everything(disk(t, "data", content), Options{Columns: columns, ID: id, Missing: MissingSkip})
		if err != nil {
			return
		}
		for i, row := range rows {
			if names != nil && len(names) != len(row) {
				t.Fatalf("row %d has %d numbers for the columns %q", i, len(row), names)
			}
			for _, v := range row {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("row %d: %v", i, row)
				}
			}
		}
		if id != "" && len(ids) != len(rows) {
			t.Fatalf("%d ids for %d rows", len(ids), len(rows))
		}
	})
}
