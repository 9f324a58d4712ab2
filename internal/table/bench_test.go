package table

import (
	"encoding/csv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// BenchmarkRead reads the same table of 200,000 rows of 8 columns in every format, and as CSV with
// encoding/csv and strconv.ParseFloat besides: rows per second of each, on one core. Numbers of 17
// digits are what programs write, of 4 decimals what people do.
func BenchmarkRead(b *testing.B) {
	const n, d = 200000, 8
	dir := b.TempDir()
	columns := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	rows := make([]float64, n*d)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range rows {
		rows[i] = 10 * rng.NormFloat64()
	}
	write := func(name string, o WriteOptions) string {
		path := filepath.Join(dir, name)
		w, err := Create(path, columns, o)
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Write(nil, rows, n); err != nil {
			b.Fatal(err)
		}
		if err := w.Commit(); err != nil {
			b.Fatal(err)
		}
		return path
	}
	measure := func(name, path string, read func(string) (int, error)) {
		b.Run(name, func(b *testing.B) {
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(info.Size())
			for range b.N {
				if got, err := read(path); err != nil || got != n {
					b.Fatal(got, err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
	full, short := write("full.csv", WriteOptions{}), write("short.csv", WriteOptions{Digits: 5})
	for _, c := range []struct{ name, path string }{{"17digits", full}, {"5digits", short}} {
		measure("csv/"+c.name, c.path, readTable)
		measure("encoding-csv/"+c.name, c.path, readPlain)
	}
	measure("npy", write("x.npy", WriteOptions{}), readTable)
	measure("npy-float32", write("x4.npy", WriteOptions{Float32: true}), readTable)
	measure("parquet", write("x.parquet", WriteOptions{}), readTable)
}

func readTable(path string) (int, error) {
	t, err := Open(path, Options{})
	if err != nil {
		return 0, err
	}
	defer t.Close()
	n := 0
	for b, err := range t.Blocks() {
		if err != nil {
			return n, err
		}
		n += len(b.Row)
	}
	return n, nil
}

func readPlain(path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.ReuseRecord = true
	if _, err := r.Read(); err != nil {
		return 0, err
	}
	row := make([]float64, 8)
	for n := 0; ; n++ {
		fields, err := r.Read()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		for j, f := range fields {
			if row[j], err = strconv.ParseFloat(f, 64); err != nil {
				return n, err
			}
		}
	}
}
