package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/internal/table"
)

// trained is a model of three named columns, fitted once.
var trained = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "gaussflow-test-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "train.csv"), filepath.Join(dir, "m.safetensors")
	if err := os.WriteFile(in, []byte(csvOf([]string{"a", "b", "c"}, trainingRows(400))), 0o666); err != nil {
		return nil, err
	}
	var stderr bytes.Buffer
	if status := run(context.Background(), []string{"fit", in, "-o", out, "-rbig", "-blocks", "2", "-components", "3"}, nil, io.Discard, &stderr); status != statusDone {
		return nil, fmt.Errorf("fit: %s", stderr.String())
	}
	return os.ReadFile(out)
})

// trainingRows are of three columns in units of their own, two of which depend on each other.
func trainingRows(n int) *mat.Dense {
	rng := rand.New(rand.NewPCG(7, 7))
	x := mat.NewDense(n, 3, nil)
	for i := range n {
		u, v := rng.NormFloat64(), rng.NormFloat64()
		x.SetRow(i, []float64{1000 + 30*u, u*u + 0.3*v, 1e-3 * rng.NormFloat64()})
	}
	return x
}

func csvOf(columns []string, x mat.Matrix) string {
	var b strings.Builder
	if columns != nil {
		b.WriteString(strings.Join(columns, ",") + "\n")
	}
	n, d := x.Dims()
	for i := range n {
		for j := range d {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strconv.FormatFloat(x.At(i, j), 'g', -1, 64))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// desk is a working directory with a model and tables in it.
func desk(t testing.TB) string {
	t.Helper()
	model, err := trained()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	x := trainingRows(50)
	for name, content := range map[string]string{
		"m.safetensors": string(model),
		"d.csv":         csvOf([]string{"a", "b", "c"}, x),
		"train.csv":     csvOf([]string{"a", "b", "c"}, trainingRows(400)),
	} {
		put(t, dir, name, content)
	}
	t.(*testing.T).Chdir(dir)
	return dir
}

func put(t testing.TB, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// gaussflow runs the command with a text as its input.
func gaussflow(t testing.TB, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

// must runs the command and demands success without a word.
func must(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	status, stdout, stderr := gaussflow(t, stdin, args...)
	if status != statusDone || stderr != "" {
		t.Fatalf("gaussflow %q: exit status %d, errors %q", args, status, stderr)
	}
	return stdout
}

// column is a column of a CSV table.
func column(t testing.TB, text, name string) []float64 {
	t.Helper()
	tab, err := table.Open("-", table.Options{Stdin: strings.NewReader(text), Columns: name, Missing: table.MissingNaN})
	if err != nil {
		t.Fatal(err)
	}
	defer tab.Close()
	x, err := tab.Read(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	return mat.Col(nil, 0, x)
}

// What can be wrong, what the program says of it, and with which status it ends. It never panics, says it in one
// line, and leaves no file behind.
func TestMalformed(t *testing.T) {
	model, err := trained()
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(model)
	damaged[len(damaged)-3] ^= 1
	files := map[string]string{
		"cut.safetensors": string(model[:len(model)/2]), "damaged.safetensors": string(damaged), "text.safetensors": "hello\n", "empty": "",
		"huge.safetensors": "\x00\x00\x00\x00\x00\x00\x00\x40{}",
		"missing.csv":      "a,b,c\n1,2,3\n4,,6\n", "text.csv": "a,b,c\n1,2,red\n1,2,blue\n", "typo.csv": "a,b,c\n1,2,3\n4,5,n/a\n7,8,9\n",
		"ragged.csv": "a,b,c\n1,2,3\n4,5\n", "two.csv": "a,b\n1,2\n", "other.csv": "x,b,c\n1,2,3\n", "twice.csv": "a,a,c\n1,2,3\n",
		"inf.csv": "a,b,c\n1,2,inf\n", "far.csv": "a,b,c\n1000,0,0\n\n1000,0,1e307\n", "named.csv": "name,a,b,c\nx,1,2,3\n", "four.csv": "1,2,3,4\n", "header.csv": "a,b,c\n", "quote.csv": "a,b,c\n1,\"2,3\n",
		"percent.csv": "a,b,c\n1,2,50%\n", "euro.csv": "a,b,c\n1,2,€ 50\n", "u2212.csv": "a,b,c\n1,2,\u22123\n", "blanks.csv": "a b c\n1 2 3\n", "cr.csv": "a,b,c\r1,2,3\r", "note.csv": "# mine\na,b,c\n1,2,3\n",
		"page.csv": "<!DOCTYPE html>\n<html>", "rows.json": "[{\"a\":1}]\n", "latin1.csv": "gr\xf6\xdfe,b\n1,2\n3,5\n5,4\n", "index.csv": ",a,b\n0,1,2\n1,3,5\n2,5,4\n", "again.csv": "a,b,a,c\n1,2,3,4\n",
		"utf16.csv": "\xff\xfea\x00", "binary.csv": "\x00\x01\x02", "cut.csv.gz": "\x1f\x8b\x08\x00", "bad.zst": "\x28\xb5\x2f\xfd\x00",
		"bad.npy": "\x93NUMPY\x01\x00\x10\x00{'descr': '<f8',", "bomb.npy": string(npyHeader("(1000000000000, 3)")), "cube.npy": string(npyHeader("(2, 2, 2)")),
		"bad.parquet": "PAR1xxxxPAR1", "bad.npz": "PK\x03\x04",
		"constant.csv": "a,b,c\n1,2,3\n2,2,4\n3,2,1\n5,2,7\n", "few.csv": "a,b,c\n1,2,3\n2,3,4\n", "dependent.csv": csvOf([]string{"a", "b", "c"}, dependentRows()),
		"large.csv": "a,b\n1e300,1\n-1e300,2\n1e301,5\n3,1\n", "array.json": "[]", "extra.json": `{"marginals":[]} {}`, "unknown.json": `{"marginal":[]}`, "none.json": `{"marginals":[]}`,
		"skew.json":    `{"bijections":[{"type":"FixedRotation","matrix":[[1,0.3],[0,1]]}]}`,
		"shape.json":   `{"bijections":[{"type":"MixtureGaussianCDF","means":[[1,2]],"log_scales":[[1]],"log_weights":[[1,2]]}]}`,
		"spline.json":  `{"bijections":[{"type":"RationalQuadraticSpline"}]}`,
		"odd.json":     `{"bijections":[{"type":"FixedRotation","matrix":[[1,0,0],[0,1,0],[0,0,1]]},{"type":"Coupling"}]}`,
		"flip.json":    `{"bijections":[{"type":"FixedRotation","matrix":[[1,0],[0,1]]},{"type":"Coupling"}]}`,
		"pca.json":     `{"PCA":{"mean_":[0,0],"components_":[[1,0]]}}`,
		"sklearn.json": `{}`,
		"gmm.json":     `{"GaussianMixture":{"covariance_type":"round","weights_":[1],"means_":[[0,0]],"covariances_":[]}}`,
		"scale.json":   `{"StandardScaler":{"mean_":[0,0],"scale_":[1,0]}}`,
		"weights.json": `{"marginals":[{"weights":[1],"means":[0,1],"scales":[1,1]}]}`,
		"ok.json":      `{"marginals":[{"weights":[1],"means":[0],"scales":[1]}]}`,
	}
	const failed, usage = statusFailed, statusUsage
	for _, test := range []struct {
		args   string
		status int
		want   string // of the error
	}{
		// Usage.
		{"score", usage, "score: MODEL is missing (gaussflow score -h"},
		{"score m.safetensors", usage, "score: DATA is missing"},
		{"score m.safetensors d.csv extra", usage, `score: unexpected argument "extra"`},
		{"fit", usage, `fit: Required flag "o" not set`},
		{"fit train.csv", usage, `fit: Required flag "o" not set`},
		{"fit -o x.safetensors", usage, "fit: DATA is missing"},
		{"fit train.csv -o train.csv", usage, "fit: -o train.csv: that is the input"},
		{"fit train.csv -o x -holdout 20%", usage, `invalid value "20%" for flag -holdout: want a number (`},
		{"sample m.safetensors -n 1e6", usage, `invalid value "1e6" for flag -n: want a whole number (`},
		{"sample m.safetensors -n 99999999999999999999", usage, "it is too large"},
		{"score m.safetensors d.csv -treshold 0.1", usage, "-treshold; did you mean -threshold? (gaussflow score -h"},
		{"score m.safetensors percent.csv", failed, `percent.csv:2:3 (c): "50%" is not a number: remove the "%"`},
		{"score m.safetensors euro.csv", failed, `"€ 50" is not a number: remove the "€"`},
		{"score m.safetensors u2212.csv", failed, "its minus is the character U+2212"},
		{"fit blanks.csv -o x", failed, `(-sep " " cuts the lines at blanks)`},
		{"fit cr.csv -o x", failed, "its lines end with a carriage return alone"},
		{"fit note.csv -o x", failed, "note.csv:2: 3 fields, the header has 1 and begins with #: a comment must go"},
		{"fit page.csv -o x", failed, "page.csv: it looks like a web page or XML"},
		{"fit rows.json -o x", failed, "rows.json: it looks like JSON"},
		{"fit latin1.csv -o x", failed, `the name "gr\xf6\xdfe" is not UTF-8`},
		{"fit index.csv -o x", failed, "index.csv:1:1: column 1 has an empty name"},
		{"score m.safetensors again.csv", failed, `columns 1 and 3 are both called "a"`},
		{"fit train.csv -o x -holdout 1", usage, "want 0 to 0.9"},
		{"fit train.csv -o x -blocks 0", usage, "want 1 to 1000"},
		{"fit train.csv -o x -steps 5", usage, "-steps needs -coupling or -given"},
		{"fit train.csv -o x -checkpoint c", usage, "-checkpoint needs -coupling"},
		{"fit train.csv -o x -seed -1", usage, "-seed"},
		{"fit train.csv -o x -missing drop", usage, "want one of error, skip, mean"},
		{"fit train.csv -o x -format xls", usage, "want one of csv, npy, npz, parquet"},
		{"fit train.csv -o x -sep ,,", usage, `-sep ",,": want one character`},
		{"fit train.csv -o x -sep , -decimal ,", usage, "a comma cannot separate both"},
		{"fit train.csv -o x -header maybe", usage, "want one of auto, yes, no"},
		{"score m.safetensors d.csv -threshold 2", usage, "want 0 to 1"},
		{"score m.safetensors d.csv -threshold 0.1 -below 3", usage, "give one"},
		{"score m.safetensors d.csv -fail-on-anomaly", usage, "-fail-on-anomaly needs -threshold or -below"},
		{"score m.safetensors d.csv -top 0", usage, "want 1 to"},
		{"score m.safetensors d.csv -digits 18", usage, "want 0 to 17"},
		{"score m.safetensors d.csv -below x", usage, `invalid value "x"`},
		{"score m.safetensors d.csv -o d.csv", usage, "-o d.csv: that is an input"},
		{"score m.safetensors d.csv -o m.safetensors", usage, "that is an input"},
		{"score m.safetensors d.csv -json -o x.csv", usage, "-json writes to standard output"},
		{"score m.safetensors d.csv -bogus", usage, "flag provided but not defined: -bogus"},
		{"sample m.safetensors", usage, `Required flag "n" not set`},
		{"sample m.safetensors -n -1", usage, "want at least 0"},
		{"sample m.safetensors -n 1.5", usage, `invalid value "1.5"`},
		{"sample m.safetensors -n 1 -o m.safetensors", usage, "-o m.safetensors: that is an input"},
		{"map m.safetensors", usage, "DATA is missing"},
		{"info", usage, "MODEL is missing"},
		{"import ok.json -o x", usage, `Required flag "from" not set`},
		{"import ok.json -from torch -o x", usage, "want one of gauss_flows, sklearn, marginals, gaussflow"},
		{"export m.safetensors -o x.txt", usage, "the extension must be .json or .safetensors"},
		{"plot m.safetensors", usage, `Required flag "o" not set`},
		{"plot m.safetensors -o pushforward.png", usage, "pushforward needs DATA"},
		{"plot m.safetensors none.csv -o pics", failed, "plot: open none.csv"},
		{"plot m.safetensors header.csv -o pics", failed, "plot: header.csv: there are no rows"},
		{"plot m.safetensors -o density.pdf", usage, "-o density.pdf: the pictures are .png and .svg"},
		{"fit nowhere.csv -o nodir/x.safetensors", failed, "open nodir/x.safetensors: no such file"}, // before anything is read
		{"plot m.safetensors d.csv -o text.csv", failed, "plot: mkdir text.csv: it is a file"},
		{"completion", usage, "name one shell"},
		{"completion tcsh", usage, "name one shell"},
		{"scroe m.safetensors d.csv", usage, `there is no command "scroe"; did you mean "score"?`},
		// Models.
		{"info none.safetensors", failed, "info: open none.safetensors: no such file"},
		{"info .", failed, "info: "},
		{"info empty", failed, "info: empty: it ends too early"},
		{"info text.safetensors", failed, "info: text.safetensors: it ends too early"},
		{"info d.csv", failed, "info: d.csv: not a gaussflow model"},
		{"info cut.safetensors", failed, "info: cut.safetensors: "},
		{"info damaged.safetensors", failed, "info: damaged.safetensors: its numbers have another SHA-256"},
		{"score huge.safetensors d.csv", failed, "score: huge.safetensors: not a gaussflow model"},
		{"sample damaged.safetensors -n 1 -o x.csv", failed, "sample: damaged.safetensors: its numbers"},
		// Tables.
		{"score m.safetensors none.csv -o x.csv", failed, "score: open none.csv: no such file"},
		{"score m.safetensors . -o x.csv", failed, "score: .: it is a directory"},
		{"score m.safetensors empty -o x.csv", failed, "score: empty: it is empty"},
		{"score m.safetensors missing.csv -o x.csv", failed, "score: missing.csv:3:2 (b): missing (-missing skip drops such rows)"},
		{"score m.safetensors text.csv -o x.csv", failed, `score: text.csv:2:3 (c): "red" is not a number: the column holds text`},
		{"score m.safetensors typo.csv -o x.csv", failed, `score: typo.csv:3:3 (c): "n/a" is not a number`},
		{"score m.safetensors ragged.csv -o x.csv", failed, "score: ragged.csv:3: 2 fields, the header has 3"},
		{"score m.safetensors two.csv -o x.csv", failed, "score: two.csv: the model's columns c are missing; the table has a, b"},
		{"score m.safetensors other.csv -o x.csv", failed, "score: other.csv: the model's columns a are missing"},
		{"score m.safetensors twice.csv -o x.csv", failed, "score: twice.csv: the model's columns b are missing; the table has a, a, c"},
		{"fit twice.csv -o x.safetensors", failed, `fit: twice.csv:1:2: columns 1 and 2 are both called "a"`},
		{"score m.safetensors four.csv -o x.csv", failed, "score: four.csv: 4 columns, and the model has 3"},
		{"score m.safetensors inf.csv -o x.csv", failed, `score: inf.csv:2:3 (c): "inf" is not finite`},
		{"map m.safetensors far.csv -o x.npy", failed, "map: far.csv:4: the values are so large"},
		{"score m.safetensors quote.csv -o x.csv", failed, "score: quote.csv:2:2 (b): a quoted field has no end"},
		{"score m.safetensors utf16.csv -o x.csv", failed, "score: utf16.csv: the text is UTF-16"},
		{"score m.safetensors binary.csv -o x.csv", failed, "score: binary.csv: it is neither text nor"},
		{"score m.safetensors cut.csv.gz -o x.csv", failed, "score: cut.csv.gz: "},
		{"score m.safetensors bad.zst -o x.csv", failed, "score: bad.zst: "},
		{"score m.safetensors bad.npy -o x.csv", failed, "score: bad.npy: "},
		{"score m.safetensors bomb.npy -o x.csv", failed, "score: bomb.npy: it should hold 1000000000000×3 elements"},
		{"score m.safetensors cube.npy -o x.csv", failed, "score: cube.npy: its array has 3 dimensions"},
		{"score m.safetensors bad.parquet -o x.csv", failed, "score: bad.parquet: "},
		{"score m.safetensors bad.npz -o x.csv", failed, "score: bad.npz: it is no .npz file"},
		{"score m.safetensors d.csv -columns a,b -o x.csv", failed, "the model's columns c are missing"},
		{"score m.safetensors d.csv -columns a,x -o x.csv", failed, `score: d.csv: there is no column "x"; the columns are a, b, c`},
		{"score m.safetensors d.csv -columns 1-4 -o x.csv", failed, "there are no columns 1-4; there are 3"},
		{"score m.safetensors d.csv -id name -o x.csv", failed, `there is no column "name"`},
		{"score m.safetensors d.csv -o x.xls", failed, "the extension tells the format"},
		{"score m.safetensors d.csv -o none/x.csv", failed, "no such file"},
		{"score m.safetensors d.csv -o .", failed, "score: .: the extension tells"},
		{"score m.safetensors named.csv -id name -o x.npy", failed, "an array has no texts"},
		{"map m.safetensors missing.csv -o x.npy", failed, "map: missing.csv:3:2 (b): missing"},
		// Fits.
		{"fit header.csv -o x", failed, "fit: header.csv: there are no rows"},
		{"fit constant.csv -o x", failed, "fit: b is constant at 2 and has no density; leave it out with -columns"},
		{"fit few.csv -o x", failed, "fit: 2 rows and 3 columns: there must be more rows than columns"},
		{"fit dependent.csv -o x -rbig", failed, "a, b, c are linearly dependent"},
		{"fit text.csv -o x", failed, "the column holds text; leave it out with -columns"},
		{"fit large.csv -o x", failed, "fit: a reaches 1e+301; values beyond 1e+50"},
		{"fit large.csv -o x -rbig -raw -components 2", failed, "fit: row 1, a is 1e+300; values beyond 1e+50"},
		{"fit train.csv -o none/x", failed, "no such file"},
		{"fit train.csv -o . -rbig -blocks 1", failed, "it is a directory"},
		// Imports.
		{"import none -from marginals -o x", failed, "import: open none: no such file"},
		{"import d.csv -from marginals -o x", failed, "import: d.csv: it is not a JSON object of this kind"},
		{"import array.json -from marginals -o x", failed, "it is not a JSON object of this kind"},
		{"import extra.json -from marginals -o x", failed, "there is text after the JSON object"},
		{"import unknown.json -from marginals -o x", failed, `unknown field "marginal"`},
		{"import none.json -from marginals -o x", failed, "there are no marginals"},
		{"import weights.json -from marginals -o x", failed, "marginal 0 has 1 weights, 2 means and 2 scales"},
		{"import skew.json -from gauss_flows -o x", failed, "it is not orthogonal (a flow that gauss_flows itself has trained"},
		{"import shape.json -from gauss_flows -o x", failed, "bijection 0 (MixtureGaussianCDF): means, log_scales and log_weights must have the same shape"},
		{"import spline.json -from gauss_flows -o x", failed, "bijection 0 (RationalQuadraticSpline): there is no such bijection here"},
		{"import odd.json -from gauss_flows -o x", failed, "bijection 1 (Coupling): the dimension is 3"},
		{"import flip.json -from gauss_flows -o x", failed, "couplings come as Coupling, Flip, Coupling, Flip"},
		{"import pca.json -from sklearn -o x", failed, "PCA: components_ must be 2×2: a PCA that drops components has no density"},
		{"import sklearn.json -from sklearn -o x", failed, "it has no StandardScaler, no PCA and no GaussianMixture"},
		{"import gmm.json -from sklearn -o x", failed, `covariance_type "round"`},
		{"import scale.json -from sklearn -o x", failed, `tensor "scale": element 1 is 0`},
		{"import ok.json -from marginals -o x -check d.csv", failed, "d.csv: there is no column log_prob"},
		{"import ok.json -from gaussflow -o x", failed, `unknown field "marginals"`},
	} {
		t.Run(test.args, func(t *testing.T) {
			dir := desk(t)
			for name, content := range files {
				put(t, dir, name, content)
			}
			before, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			status, stdout, stderr := gaussflow(t, "", strings.Fields(test.args)...)
			if status != test.status || !strings.HasPrefix(stderr, "gaussflow: ") || !strings.Contains(stderr, test.want) {
				t.Errorf("exit status %d, errors %q; want %d, %q", status, stderr, test.status, test.want)
			}
			if strings.Count(stderr, "\n") != 1 {
				t.Errorf("the error takes other than one line: %q", stderr)
			}
			if stdout != "" {
				t.Errorf("it prints %q", stdout)
			}
			after, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(after) != len(before) {
				t.Errorf("it leaves files behind: %v", after)
			}
		})
	}
}

// npyHeader is an .npy file of little-endian doubles without its elements.
func npyHeader(shape string) []byte {
	text := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': %s, }\n", shape)
	return append([]byte("\x93NUMPY\x01\x00"+string(rune(len(text)))+"\x00"), text...)
}

// dependentRows have a third column that is the sum of the others.
func dependentRows() *mat.Dense {
	x := trainingRows(100)
	for i := range 100 {
		x.Set(i, 2, x.At(i, 0)+x.At(i, 1))
	}
	return x
}

// A table in another order of columns, format or compression has the same scores.
func TestScoreTables(t *testing.T) {
	dir := desk(t)
	want := column(t, must(t, "", "score", "m.safetensors", "d.csv"), "log_prob")
	x := trainingRows(50)
	put(t, dir, "none.csv", csvOf(nil, x))
	shuffled := mat.NewDense(50, 4, nil)
	for i := range 50 {
		shuffled.SetRow(i, []float64{x.At(i, 2), float64(i), x.At(i, 0), x.At(i, 1)})
	}
	put(t, dir, "shuffled.csv", csvOf([]string{"c", "extra", "a", "b"}, shuffled))
	put(t, dir, "semicolons.csv", strings.NewReplacer(",", ";", ".", ",").Replace(csvOf([]string{"a", "b", "c"}, x)))
	for _, ext := range []string{"npy", "parquet"} {
		w, err := table.Create("x."+ext, []string{"a", "b", "c"}, table.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(nil, x.RawMatrix().Data, 50); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range []string{"none.csv", "x.npy", "x.parquet", "-", "semicolons.csv -decimal ,", "shuffled.csv -columns a,b,c", "shuffled.csv -columns 3,4,1"} {
		for _, out := range []string{"", "s.csv", "s.npy", "s.parquet"} {
			line := append([]string{"score", "m.safetensors"}, strings.Fields(args)...)
			if out == "" {
				if got := column(t, must(t, csvOf([]string{"a", "b", "c"}, x), line...), "log_prob"); !slices.Equal(got, want) {
					t.Errorf("score %s: %v, want %v", args, got, want)
				}
				continue
			}
			must(t, csvOf(nil, x), append(line, "-o", out)...)
			tab, err := table.Open(out, table.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := tab.Read(1000)
			if err != nil || !slices.Equal(got.RawMatrix().Data, want) {
				t.Errorf("score %s -o %s: %v, error %v", args, out, got, err)
			}
			tab.Close()
		}
	}
	// Columns that are not the model's are ignored, and the user is told.
	status, stdout, stderr := gaussflow(t, "", "score", "m.safetensors", "shuffled.csv")
	if status != statusDone || !slices.Equal(column(t, stdout, "log_prob"), want) || !strings.Contains(stderr, "note: shuffled.csv: columns that the model does not have are ignored: extra") {
		t.Errorf("exit status %d, errors %q", status, stderr)
	}
	// A table without rows has no scores.
	if got := must(t, "a,b,c\n", "score", "m.safetensors", "-"); got != "log_prob\n" {
		t.Errorf("no rows: %q", got)
	}
}

func TestScoreFlags(t *testing.T) {
	dir := desk(t)
	put(t, dir, "ids.csv", "name,a,b,c\nfirst,1000,0.5,0\nlost,,1,0\nfar,1300,-50,0.5\nlast,1010,0.4,0.001\n")
	all := must(t, "", "score", "m.safetensors", "d.csv", "-rank")
	logProb, rank := column(t, all, "log_prob"), column(t, all, "rank")
	for i := range rank {
		for j := range rank {
			if rank[i] < 0 || rank[i] > 1 || logProb[i] < logProb[j] && rank[i] > rank[j] {
				t.Fatalf("ranks %v of %v", rank, logProb)
			}
		}
	}
	// The least likely first.
	top := must(t, "", "score", "m.safetensors", "d.csv", "-top", "5")
	sorted := slices.Sorted(slices.Values(logProb))
	if got := column(t, top, "log_prob"); !slices.Equal(got, sorted[:5]) {
		t.Errorf("top 5: %v, want %v", got, sorted[:5])
	}
	for i, row := range column(t, top, "row") {
		if logProb[int(row)-1] != sorted[i] {
			t.Errorf("row %v is none of the least likely", row)
		}
	}
	status, stdout, stderr := gaussflow(t, "", "score", "m.safetensors", "ids.csv", "-id", "name", "-missing", "skip", "-below", "-100", "-fail-on-anomaly", "-top", "1")
	if status != statusFound || !strings.HasPrefix(stdout, "name,row,log_prob,anomaly\nfar,3,-") || !strings.HasSuffix(stdout, ",1\n") ||
		!strings.Contains(stderr, "gaussflow: score: 1 row of 3 below -100.0000 nats\n") || !strings.Contains(stderr, "note: ids.csv: 1 row with missing values left out") {
		t.Errorf("exit status %d, output %q, errors %q", status, stdout, stderr)
	}
	if status, _, stderr := gaussflow(t, "", "score", "m.safetensors", "d.csv", "-threshold", "0", "-fail-on-anomaly"); status != statusDone && status != statusFound || status == statusDone && stderr != "" {
		t.Errorf("exit status %d, errors %q", status, stderr)
	}
	// The mean of the training data stands in for what is missing.
	_, mean, _ := gaussflow(t, "", "score", "m.safetensors", "ids.csv", "-missing", "mean", "-json")
	if strings.Count(mean, "\n") != 4 {
		t.Errorf("%q, want 4 objects", mean)
	}
	for line := range strings.Lines(mean) {
		var row map[string]float64
		if err := json.Unmarshal([]byte(line), &row); err != nil || len(row) != 1 || row["log_prob"] == 0 {
			t.Errorf("%q: %v", line, err)
		}
	}
	// A row so far out that its density underflows.
	if got := must(t, "a,b,c\n1e200,0,0\n", "score", "m.safetensors", "-"); got != "log_prob\n-inf\n" {
		t.Errorf("far out: %q", got)
	}
	if got := must(t, "a,b,c\n1e200,0,0\n", "score", "m.safetensors", "-", "-json"); got != "{\"log_prob\":null}\n" {
		t.Errorf("far out: %q", got)
	}
	if got := must(t, "", "score", "m.safetensors", "d.csv", "-digits", "3", "-o", "s.csv"); !strings.HasPrefix(got, "50 rows: mean log_prob ") || !strings.HasSuffix(got, ": s.csv\n") {
		t.Errorf("summary %q", got)
	}
}

func TestSampleAndMap(t *testing.T) {
	desk(t)
	text := must(t, "", "sample", "m.safetensors", "-n", "9000", "-seed", "5")
	if again := must(t, "", "sample", "m.safetensors", "-n", "9000", "-seed", "5"); again != text || !strings.HasPrefix(text, "a,b,c\n") {
		t.Error("the same seed gives other rows")
	}
	if fewer := must(t, "", "sample", "m.safetensors", "-n", "5000", "-seed", "5"); !strings.HasPrefix(text, fewer) {
		t.Error("fewer rows are not the first ones")
	}
	if other := must(t, "", "sample", "m.safetensors", "-n", "9000", "-seed", "6"); other == text {
		t.Error("another seed gives the same rows")
	}
	if none := must(t, "", "sample", "m.safetensors", "-n", "0"); none != "a,b,c\n" {
		t.Errorf("no rows: %q", none)
	}
	a := column(t, text, "a")
	mean := 0.0
	for _, v := range a {
		mean += v / float64(len(a))
	}
	if math.Abs(mean-1000) > 3 {
		t.Errorf("column a has mean %v, want about 1000: samples are in the units of the data", mean)
	}
	// There and back.
	z := must(t, text, "map", "m.safetensors", "-", "-logdet")
	if !strings.HasPrefix(z, "z0,z1,z2,logdet\n") {
		t.Errorf("header %.40q", z)
	}
	status, back, stderr := gaussflow(t, z, "map", "m.safetensors", "-", "-inverse", "-logdet")
	if status != statusDone || !strings.HasPrefix(back, "a,b,c,logdet\n") || !strings.Contains(stderr, "ignored: logdet") {
		t.Fatalf("exit status %d, errors %q, output %.40q", status, stderr, back)
	}
	there, ld, ldBack := column(t, back, "a"), column(t, z, "logdet"), column(t, back, "logdet")
	for i := range a {
		if math.Abs(a[i]-there[i]) > 1e-9*math.Abs(a[i]) || math.Abs(ld[i]+ldBack[i]) > 1e-8 {
			t.Fatalf("row %d: %v came back as %v, log-determinants %v and %v", i, a[i], there[i], ld[i], ldBack[i])
		}
	}
	// log p = log φ(z) + log-determinant.
	logProb := column(t, must(t, text, "score", "m.safetensors", "-"), "log_prob")
	for i := range 100 {
		want := ld[i]
		for _, name := range []string{"z0", "z1", "z2"} {
			v := column(t, z, name)[i]
			want -= v*v/2 + math.Log(2*math.Pi)/2
		}
		if math.Abs(logProb[i]-want) > 1e-10*math.Abs(want) {
			t.Errorf("row %d: log p %v, want %v", i, logProb[i], want)
		}
	}
}

// The keys of fit -json and info -json are a contract.
func TestFitAndInfo(t *testing.T) {
	dir := desk(t)
	text := must(t, "", "fit", "train.csv", "-o", "x.safetensors", "-json", "-rbig", "-blocks", "2", "-seed", "3")
	wantKeys := []string{"blocks", "columns", "duplicates", "heldout", "heldout.flow", "heldout.gaussian", "heldout.mixture", "heldout_rows", "heldout_se", "heldout_se.flow", "heldout_se.gaussian", "heldout_se.mixture",
		"kind", "model", "names", "parameters", "rows", "seconds", "seed", "warnings"}
	if got := keys(t, text); !slices.Equal(got, wantKeys) {
		t.Errorf("keys %q, want %q", got, wantKeys)
	}
	var r fitReport
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	if r.Rows != 400 || r.Columns != 3 || !slices.Equal(r.Names, []string{"a", "b", "c"}) || r.Kind != "diagonal" || r.Blocks != 2 || r.HeldOutRows != 80 || len(r.Warnings) != 0 {
		t.Errorf("%+v", r)
	}
	// The flow sees that b is a parabola of a, which one Gaussian cannot.
	if !(*r.HeldOut.Flow > *r.HeldOut.Gaussian+0.2) || *r.HeldOut.Mixture-*r.HeldOut.Mixture != 0 {
		t.Errorf("held out: flow %v, Gaussian %v, mixture %v", *r.HeldOut.Flow, *r.HeldOut.Gaussian, *r.HeldOut.Mixture)
	}
	info := must(t, "", "info", "x.safetensors", "-json")
	var m modelInfo
	if err := json.Unmarshal([]byte(info), &m); err != nil {
		t.Fatal(err)
	}
	if m.Kind != "diagonal" || m.Dim != 3 || !slices.Equal(m.Columns, []string{"a", "b", "c"}) || m.Parameters != r.Parameters || m.Blocks != 2 || len(m.Quantiles) != 101 ||
		m.Info["rows"] != "400" || m.Info["seed"] != "3" || m.Info["data"] != "train.csv" || len(m.Info["data_sha256"]) != 64 || m.Info["quantiles_of"] != "80 rows held out" {
		t.Errorf("%+v", m)
	}
	for _, key := range []string{"kind", "dim", "columns", "parameters", "blocks"} {
		if !slices.Contains(keys(t, info), key) {
			t.Errorf("info -json lacks %q", key)
		}
	}
	if table := must(t, "", "info", "x.safetensors"); !strings.Contains(table, "scale, rotation, mixtures") || !strings.Contains(table, "a, b, c") {
		t.Errorf("info: %s", table)
	}
	// The same command, the same model, but for nothing.
	must(t, "", "fit", "train.csv", "-o", "y.safetensors", "-json", "-rbig", "-blocks", "2", "-seed", "3")
	x, _ := os.ReadFile("x.safetensors")
	if y, _ := os.ReadFile("y.safetensors"); !bytes.Equal(x, y) {
		t.Error("the same fit gives another file")
	}
	// Without rows held out.
	none := must(t, "", "fit", "train.csv", "-o", "z.safetensors", "-json", "-rbig", "-blocks", "1", "-holdout", "0")
	if !strings.Contains(none, `"heldout":{"flow":null,"gaussian":null,"mixture":null}`) {
		t.Errorf("no hold-out: %s", none)
	}
	// What is said to a person.
	for _, want := range []string{"400 rows, 3 columns: a, b, c", "80 rows held out", "one Gaussian", "a mixture of 5 Gaussians", "flow less the better of those", "fitted to all rows"} {
		if table := must(t, "", "fit", "train.csv", "-o", "x.safetensors", "-rbig", "-blocks", "1"); !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	// What makes a density meaningless is said before anything is fitted.
	rows := trainingRows(200)
	for i := range 200 {
		rows.Set(i, 2, float64(i%5))
		rows.Set(i, 1, math.Round(rows.At(i, 1)*100)/100)
	}
	rows.SetRow(7, rows.RawRowView(3))
	put(t, dir, "discrete.csv", csvOf([]string{"a", "b", "c"}, rows))
	_, _, stderr := gaussflow(t, "", "fit", "discrete.csv", "-o", "d.safetensors", "-rbig", "-blocks", "1", "-components", "2")
	for _, want := range []string{"note: c has only 5 distinct values", "note: 1 of 200 rows repeat an earlier one"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("notes %q lack %q", stderr, want)
		}
	}
	if _, _, stderr := gaussflow(t, "", "fit", "discrete.csv", "-o", "d.safetensors", "-rbig", "-blocks", "1", "-jitter"); !strings.Contains(stderr, "c has 5 distinct values; it was spread by uniform noise of width 1") {
		t.Errorf("notes %q", stderr)
	}
	// Where no mixture fits, the column is named, and what the command can do about it.
	for _, how := range [][]string{{"-rbig", "-components", "6"}, {"-given", "a", "-components", "6"}} {
		want := "c takes only 5 distinct values, fewer than the 6 components of its mixture; a density needs continuous data: drop the column, take fewer components, or give -jitter"
		status, _, stderr := gaussflow(t, "", append([]string{"fit", "discrete.csv", "-o", "d.safetensors"}, how...)...)
		if status != statusFailed || !strings.Contains(stderr, want) {
			t.Errorf("%v: status %d, %q; want %q", how, status, stderr, want)
		}
	}
}

// A coupling flow is trained, and goes on from its checkpoint.
func TestFitCoupling(t *testing.T) {
	desk(t)
	args := []string{"fit", "train.csv", "-o", "c.safetensors", "-coupling", "-blocks", "1", "-components", "2", "-steps", "3", "-holdout", "0", "-json"}
	if text := must(t, "", args...); !strings.Contains(text, `"kind":"coupling"`) {
		t.Errorf("fit -coupling: %s", text)
	}
	want, _ := os.ReadFile("c.safetensors")
	must(t, "", append(args, "-checkpoint", "run.gflow")...)
	must(t, "", append(args, "-checkpoint", "run.gflow")...)
	if got, _ := os.ReadFile("c.safetensors"); !strings.Contains(string(got), `"kind":"coupling"`) || len(got) < len(want) {
		t.Error("with a checkpoint there is another model")
	}
	logProb := column(t, must(t, "", "score", "c.safetensors", "d.csv"), "log_prob")
	if len(logProb) != 50 {
		t.Errorf("%d scores", len(logProb))
	}
}

// An older file becomes one of the current format, and JSON keeps every bit.
func TestExportImport(t *testing.T) {
	desk(t)
	model, err := trained()
	if err != nil {
		t.Fatal(err)
	}
	must(t, "", "export", "m.safetensors", "-o", "m.json")
	must(t, "", "import", "m.json", "-from", "gaussflow", "-o", "again.safetensors")
	if again, _ := os.ReadFile("again.safetensors"); !bytes.Equal(again, model) {
		t.Error("by way of JSON the model has other bytes")
	}
	must(t, "", "export", "m.safetensors", "-o", "copy.safetensors")
	if again, _ := os.ReadFile("copy.safetensors"); !bytes.Equal(again, model) {
		t.Error("exported to the same format, the model has other bytes")
	}
	if text := must(t, "", "export", "m.safetensors"); !json.Valid([]byte(text)) {
		t.Errorf("export: %.100q", text)
	}
	old, err := os.ReadFile(oldModel)
	if err != nil {
		t.Fatal(err)
	}
	put(t, ".", "old.gflow", string(old))
	must(t, "", "export", "old.gflow", "-o", "new.safetensors")
	f, err := loadModel("new.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	g, err := loadModel("old.gflow")
	if err != nil {
		t.Fatal(err)
	}
	if lp, err := f.Score([]float64{0.25, -1}); err != nil || lp != first(g.Score([]float64{0.25, -1})) {
		t.Errorf("log p %v, error %v", lp, err)
	}
}

var oldModel, _ = filepath.Abs("../../flow/testdata/version1.gflow")

func first[T any](v T, _ error) T { return v }

// A reader that goes away is no failure.
func TestBrokenPipe(t *testing.T) {
	desk(t)
	for _, args := range [][]string{{"sample", "m.safetensors", "-n", "100000"}, {"score", "m.safetensors", "d.csv"}, {"info", "m.safetensors"}, {"cpu"}, {"version"}, {"-h"}} {
		var stderr bytes.Buffer
		if status := run(t.Context(), args, nil, brokenPipe{}, &stderr); status != statusDone || stderr.Len() > 0 {
			t.Errorf("%q: exit status %d, errors %q", args, status, stderr.String())
		}
	}
}

// What cannot be written is a failure, be it help.
func TestFullOutput(t *testing.T) {
	desk(t)
	for _, args := range []string{"-h", "fit -h", "version", "cpu", "info m.safetensors", "score m.safetensors d.csv", "completion bash"} {
		var stderr bytes.Buffer
		if status := run(t.Context(), strings.Fields(args), nil, fullDisk{}, &stderr); status != statusFailed || !strings.Contains(stderr.String(), syscall.ENOSPC.Error()) {
			t.Errorf("%s: exit status %d, errors %q", args, status, stderr.String())
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// An interrupt ends every command, leaves no file, and is not waited for where the input does not come.
func TestInterrupted(t *testing.T) {
	dir := desk(t)
	for _, args := range []string{"score m.safetensors - -o x.csv", "map m.safetensors - -o x.npy", "fit - -o x.safetensors", "sample m.safetensors -n 100 -o x.csv", "plot m.safetensors -o x.png", "depth -out x"} {
		ctx, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		go func() {
			io.WriteString(w, "a,b,c\n1,2,3\n")
			cancel()
		}()
		if !strings.Contains(args, " - ") {
			cancel()
		}
		var stderr bytes.Buffer
		if status := run(ctx, strings.Fields(args), r, io.Discard, &stderr); status != statusFailed || !strings.HasSuffix(stderr.String(), ": interrupted\n") {
			t.Errorf("%s: exit status %d, errors %q", args, status, stderr.String())
		}
		r.Close()
		cancel()
		entries, _ := os.ReadDir(dir)
		if len(entries) != 3 {
			t.Errorf("%s leaves %v", args, entries)
		}
	}
}

// The help of every command ends with two examples, and each of them is one that the program takes.
func TestHelpEndsWithExamples(t *testing.T) {
	for _, name := range []string{"", "fit", "score", "sample", "map", "info", "plot", "measure", "import", "export", "equivalence", "cpu", "version"} {
		text := must(t, "", strings.Fields(name+" -h")...)
		_, examples, ok := strings.Cut(text, examplesTitle+"\n")
		if lines := strings.Split(strings.TrimSpace(examples), "\n"); !ok || len(lines) != 2 || !strings.Contains(lines[0], "gaussflow "+name) {
			t.Errorf("the help of %q ends with %q", name, examples)
		}
	}
}

func TestVersion(t *testing.T) {
	if got := must(t, "", "version"); !strings.HasPrefix(got, "gaussflow ") || got != must(t, "", "-version") || got != must(t, "", "--version") {
		t.Errorf("version: %q", got)
	}
	if got := keys(t, must(t, "", "version", "-json")); !slices.Equal(got, []string{"go", "modified", "platform", "revision", "tags", "version"}) {
		t.Errorf("version -json has the keys %q", got)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "pwsh"} {
		if got := must(t, "", "completion", shell); !strings.Contains(got, "completion") {
			t.Errorf("completion %s: %.60q", shell, got)
		}
	}
}

// A conditional density is scored and mapped given its last columns; what has nothing to give it says so.
func TestConditional(t *testing.T) {
	desk(t)
	x := trainingRows(300)
	f, err := flow.FitGiven(t.Context(), x, flow.GivenOptions{Context: 1, Train: flow.TrainOptions{Steps: 5}})
	if err != nil {
		t.Fatal(err)
	}
	m := f.Model()
	m.Columns = []string{"a", "b", "c"}
	if f, err = flow.New(m); err != nil {
		t.Fatal(err)
	}
	if err := saveModel(f, "g.safetensors"); err != nil {
		t.Fatal(err)
	}
	want := make([]float64, 50)
	if err := f.LogProb(want, trainingRows(50)); err != nil {
		t.Fatal(err)
	}
	if got := column(t, must(t, "", "score", "g.safetensors", "d.csv"), "log_prob"); !slices.Equal(got, want) {
		t.Errorf("scores %v, want %v", got, want)
	}
	z := must(t, "", "map", "g.safetensors", "d.csv")
	if !strings.HasPrefix(z, "z0,z1,c\n") {
		t.Errorf("latents %.60q", z)
	}
	back := must(t, z, "map", "g.safetensors", "-", "-inverse")
	for i, v := range column(t, back, "a") {
		if w := trainingRows(50).At(i, 0); math.Abs(v-w) > 1e-9*math.Abs(w) {
			t.Fatalf("row %d came back as %v, not %v", i, v, w)
		}
	}
	if info := must(t, "", "info", "g.safetensors", "-json"); !strings.Contains(info, `"given":1`) {
		t.Errorf("info: %s", info)
	}
	if info := must(t, "", "info", "g.safetensors"); !strings.Contains(info, "a, b given c\n") {
		t.Errorf("info: %s", info)
	}
	put(t, ".", "c.csv", "who,c\nx,0.001\ny,-0.002\n")
	drawn := must(t, "", "sample", "g.safetensors", "-n", "2", "-given", "c.csv", "-id", "who")
	if got := column(t, drawn, "c"); !slices.Equal(got, []float64{0.001, 0.001, -0.002, -0.002}) || !strings.HasPrefix(drawn, "who,a,b,c\nx,") {
		t.Errorf("drew %s", drawn)
	}
	if a := column(t, drawn, "a"); a[0] == a[1] {
		t.Errorf("drew the same twice: %s", drawn)
	}
	must(t, drawn, "score", "g.safetensors", "-", "-id", "who")
	must(t, "", "plot", "g.safetensors", "d.csv", "-o", "pics")
	whole(t, "pics", "anomalies.png", "blocks.png", "density.png", "pushforward.png")
	for _, c := range []struct {
		args   string
		status int
		want   string
	}{
		{"sample g.safetensors -n 3", statusFailed, "give their values with -given DATA"},
		{"sample g.safetensors -n 3 -given d.csv -columns a", statusFailed, "the model's columns c are missing; the table has a"},
		{"sample m.safetensors -n 3 -given c.csv", statusFailed, "the model is not conditioned on any columns"},
		{"plot g.safetensors -o nowhere", statusUsage, "it needs DATA to draw that"},
	} {
		if status, _, stderr := gaussflow(t, "", strings.Fields(c.args)...); status != c.status || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit status %d, errors %q", c.args, status, stderr)
		}
	}
}

// fit -given puts the columns that are given last, by name or number, and is the library's fit to them.
func TestFitGiven(t *testing.T) {
	desk(t)
	x := trainingRows(300)
	put(t, ".", "named.csv", csvOf([]string{"a", "b", "c"}, x))
	turned := mat.NewDense(300, 3, nil)
	for j, from := range []int{1, 2, 0} {
		turned.SetCol(j, mat.Col(nil, from, x))
	}
	put(t, ".", "bare.csv", csvOf(nil, x))
	want, err := flow.FitGiven(t.Context(), turned, flow.GivenOptions{Context: 1, Blocks: 1, Conditioner: flow.Conditioner{Components: 2}, Seed: 3, Train: flow.TrainOptions{Seed: 3, Steps: 5}})
	if err != nil {
		t.Fatal(err)
	}
	logProb := make([]float64, 300)
	if err := want.LogProb(logProb, turned); err != nil {
		t.Fatal(err)
	}
	small := strings.Fields("-blocks 1 -components 2 -steps 5 -seed 3")
	must(t, "", append(strings.Fields("fit named.csv -o byname.safetensors -given a -holdout 0"), small...)...)
	if got := column(t, must(t, "", "score", "byname.safetensors", "named.csv"), "log_prob"); !slices.Equal(got, logProb) {
		t.Error("by name: other log-densities than FitGiven's")
	}
	must(t, "", append(strings.Fields("fit bare.csv -o bare.safetensors -given 1 -holdout 0"), small...)...)
	put(t, ".", "turned.csv", csvOf(nil, turned))
	if got := column(t, must(t, "", "score", "bare.safetensors", "turned.csv"), "log_prob"); !slices.Equal(got, logProb) {
		t.Error("by number: other log-densities than FitGiven's")
	}
	// What rows held out are compared with is the same conditional density of a Gaussian.
	var r fitReport
	if err := json.Unmarshal([]byte(must(t, "", append(strings.Fields("fit named.csv -o held.safetensors -given a,b -json -plots pics"), small...)...)), &r); err != nil {
		t.Fatal(err)
	}
	if r.Given != 2 || !slices.Equal(r.Names, []string{"c", "a", "b"}) || r.HeldOut.Flow == nil || r.HeldOut.Gaussian == nil || r.HeldOut.Mixture == nil {
		t.Errorf("%+v", r)
	} else if g, truth := *r.HeldOut.Gaussian, -math.Log(1e-3)-0.5*math.Log(2*math.Pi*math.E); math.Abs(g-truth) > 0.3 {
		t.Errorf("the Gaussian of c given a and b, which are independent of it, scores %.3f; c's is %.3f", g, truth)
	}
	for _, c := range []struct{ args, want string }{
		{"-given q", `there is no column "q"; the columns are a, b, c`},
		{"-given 4", `there is no column "4"`},
		{"-given a,a", "a occurs twice"},
		{"-given a,b,c", "these are all columns"},
		{"-given a -rbig", "cannot be combined with -rbig"},
		{"-given a -checkpoint f", "-checkpoint needs"},
	} {
		status, _, stderr := gaussflow(t, "", append(strings.Fields("fit named.csv -o x.safetensors"), strings.Fields(c.args)...)...)
		if status != statusUsage || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit status %d, errors %q", c.args, status, stderr)
		}
	}
}

// Each picture is one, as PNG and as SVG, and goes where it was told to.
func TestPlot(t *testing.T) {
	dir := desk(t)
	must(t, "", "plot", "m.safetensors", "d.csv", "-o", "pics")
	whole(t, "pics", "anomalies.png", "blocks.png", "density.png", "pushforward.png")
	must(t, "", "plot", "m.safetensors", "-o", "alone")
	whole(t, "alone", "density.png")
	must(t, "", "plot", "m.safetensors", "d.csv", "-o", "pushforward.svg")
	must(t, "", "fit", "train.csv", "-columns", "a,b", "-o", "two.safetensors", "-coupling", "-blocks", "1", "-components", "2", "-steps", "3", "-holdout", "0", "-plots", "two")
	whole(t, "two", "anomalies.png", "blocks.png", "density.png", "pushforward.png", "training.png")
	put(t, dir, "xy.csv", csvOf([]string{"a", "b"}, trainingRows(50).Slice(0, 50, 0, 2)))
	must(t, "", "plot", "two.safetensors", "xy.csv", "-o", "svg", "-svg")
	for _, name := range []string{"svg/density.svg", "svg/anomalies.svg", "svg/blocks.svg", "pushforward.svg"} {
		b, err := os.ReadFile(name)
		if err != nil || !bytes.HasPrefix(b, []byte("<?xml")) || !bytes.HasSuffix(bytes.TrimSpace(b), []byte("</svg>")) {
			t.Errorf("%s: %v, %d bytes", name, err, len(b))
		}
	}
}

// gauss_flows' coupling flow, written out here as its own sources have it: flips between the passes.
func TestImportGaussFlows(t *testing.T) {
	dir := desk(t)
	rng := rand.New(rand.NewPCG(1, 2))
	const d, k, width = 4, 3, 5
	random := func(rows, cols int) [][]float64 {
		m := make([][]float64, rows)
		for i := range m {
			for range cols {
				m[i] = append(m[i], rng.NormFloat64()/2)
			}
		}
		return m
	}
	var qr mat.QR
	flat := mat.NewDense(d, d, nil)
	for i, r := range random(d, d) {
		flat.SetRow(i, r)
	}
	qr.Factorize(flat)
	var q mat.Dense
	qr.QTo(&q)
	rotation := make([][]float64, d)
	for i := range rotation {
		rotation[i] = mat.Row(nil, i, &q)
	}
	type layer struct {
		Weight [][]float64 `json:"weight"`
		Bias   []float64   `json:"bias"`
	}
	network := func() []layer {
		return []layer{{random(width, d/2), random(1, width)[0]}, {random(3*k*d/2, width), random(1, 3*k*d/2)[0]}}
	}
	conditioners := [2][]layer{network(), network()}
	coupling := func(i int) map[string]any {
		return map[string]any{"type": "Coupling", "log_scale_bound": 5, "layers": conditioners[i]}
	}
	means, logScales, logWeights := random(d, k), random(d, k), random(d, k)
	doc := map[string]any{"columns": []string{"p", "q", "r", "s"}, "bijections": []any{
		map[string]any{"type": "FixedRotation", "matrix": rotation},
		map[string]any{"type": "MixtureGaussianCDF", "means": means, "log_scales": logScales, "log_weights": logWeights},
		map[string]any{"type": "FixedRotation", "matrix": rotation},
		coupling(0), map[string]any{"type": "Flip"}, coupling(1), map[string]any{"type": "Flip"},
	}}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "g.json", string(b))

	// The chain as it is there.
	normal := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	mix := func(x float64, w, m, s []float64) (z, logDet float64) {
		F, f := 0.0, 0.0
		for i := range w {
			u := (x - m[i]) / s[i]
			F += w[i] * normal(u)
			f += w[i] / s[i] * math.Exp(-u*u/2) / math.Sqrt(2*math.Pi)
		}
		z = math.Sqrt2 * math.Erfinv(2*F-1)
		return z, math.Log(f) + z*z/2 + math.Log(2*math.Pi)/2
	}
	rotate := func(x []float64) []float64 {
		y := make([]float64, d)
		for i := range y {
			for j := range x {
				y[i] += rotation[i][j] * x[j]
			}
		}
		return y
	}
	couple := func(x []float64, net []layer, logDet *float64) {
		h := x[:d/2]
		for l, a := range net {
			out := slices.Clone(a.Bias)
			for i := range out {
				for j, v := range h {
					out[i] += a.Weight[i][j] * v
				}
				if l < len(net)-1 {
					out[i] = max(out[i], 0)
				}
			}
			h = out
		}
		for j := range d / 2 {
			p := h[3*k*j : 3*k*(j+1)]
			var s []float64
			for _, raw := range p[2*k:] {
				s = append(s, math.Exp(5*math.Tanh(raw)))
			}
			z, ld := mix(x[d/2+j], softmax(p[:k]), p[k:2*k], s)
			x[d/2+j] = z
			*logDet += ld
		}
	}
	x := mat.NewDense(40, d+1, nil)
	for i := range 40 {
		row := random(1, d)[0]
		y, logDet := rotate(row), 0.0
		for j := range y {
			var s []float64
			for _, v := range logScales[j] {
				s = append(s, math.Log1p(math.Exp(v))+5e-3)
			}
			var ld float64
			y[j], ld = mix(y[j], softmax(logWeights[j]), means[j], s)
			logDet += ld
		}
		y = rotate(y)
		for h := range 2 {
			couple(y, conditioners[h], &logDet)
			slices.Reverse(y)
		}
		for _, v := range y {
			logDet -= v*v/2 + math.Log(2*math.Pi)/2
		}
		x.SetRow(i, append(row, logDet))
	}
	put(t, dir, "scored.csv", csvOf([]string{"p", "q", "r", "s", "log_prob"}, x))
	out := must(t, "", "import", "g.json", "-from", "gauss_flows", "-o", "g.safetensors", "-check", "scored.csv")
	var n int
	var med, largest float64
	_, line, _ := strings.Cut(out, "\n")
	if _, err := fmt.Sscanf(line, "%d rows compared: |Δ log_prob| median %g, largest %g, in row", &n, &med, &largest); err != nil || n != 40 || largest > 1e-9 {
		t.Errorf("import: %q, %v", out, err)
	}
	if !strings.Contains(out, "coupling flow, dimension 4, 2 blocks") {
		t.Errorf("import: %q", out)
	}
}

// Estimators of scikit-learn, against their own formulas.
func TestImportOthers(t *testing.T) {
	dir := desk(t)
	logNormal := func(x, m, s float64) float64 { u := (x - m) / s; return -u*u/2 - math.Log(s) - math.Log(2*math.Pi)/2 }
	for name, test := range map[string]struct {
		from, doc string
		row       []float64
		want      float64
	}{
		"marginals": {"marginals", `{"columns":["a","b"],"marginals":[{"weights":[0.25,0.75],"means":[0,1],"scales":[1,2]},{"weights":[1],"means":[3],"scales":[0.5]}]}`, []float64{0.3, 2.7},
			math.Log(0.25*math.Exp(logNormal(0.3, 0, 1))+0.75*math.Exp(logNormal(0.3, 1, 2))) + logNormal(2.7, 3, 0.5)},
		"scaler": {"sklearn", `{"StandardScaler":{"mean_":[1,2],"scale_":[3,4]}}`, []float64{0.3, 2.7}, logNormal(0.3, 1, 3) + logNormal(2.7, 2, 4)},
		"whitening": {"sklearn", `{"PCA":{"mean_":[1,2],"components_":[[0.6,0.8],[-0.8,0.6]],"explained_variance_":[4,0.25],"whiten":true}}`, []float64{0.3, 2.7},
			logNormal(0.6*(0.3-1)+0.8*0.7, 0, 2) + logNormal(-0.8*(0.3-1)+0.6*0.7, 0, 0.5)},
		"mixture of one column": {"sklearn", `{"GaussianMixture":{"covariance_type":"spherical","weights_":[0.5,0.5],"means_":[[-1],[1]],"covariances_":[1,4]}}`, []float64{0.3},
			math.Log(0.5*math.Exp(logNormal(0.3, -1, 1)) + 0.5*math.Exp(logNormal(0.3, 1, 2)))},
	} {
		put(t, dir, "in.json", test.doc)
		must(t, "", "import", "in.json", "-from", test.from, "-o", "out.safetensors")
		f, err := loadModel("out.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.Score(test.row); err != nil || math.Abs(got-test.want) > 1e-12 {
			t.Errorf("%s: log p %v, error %v; want %v", name, got, err, test.want)
		}
	}
}

// An argument that a shell has made empty is a mistake, and nothing is left behind.
func TestEmptyArguments(t *testing.T) {
	dir := desk(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"fit", "", "-o", "x"}, "fit: DATA is empty"},
		{[]string{"fit", "train.csv", "-o", ""}, "fit: -o is empty"},
		{[]string{"score", "m.safetensors", "d.csv", "-o", ""}, "score: -o is empty"},
		{[]string{"plot", "m.safetensors", "", "-o", "pics"}, "plot: DATA is empty"},
		{[]string{"fit", "train.csv", "-o", "x", "-given", ""}, "fit: -given is empty"},
	} {
		status, _, stderr := gaussflow(t, "", c.args...)
		if status != statusUsage || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit status %d, errors %q", c.args, status, stderr)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("the directory holds %v", entries)
	}
}

// Titles say whose rows are shown: those of the fit are known by their numbers, whatever their file is called and in whatever
// order its columns stand.
func TestPlotTitles(t *testing.T) {
	desk(t)
	x := trainingRows(400)
	turned := mat.NewDense(400, 3, nil)
	for j, from := range []int{2, 0, 1} {
		turned.SetCol(j, mat.Col(nil, from, x))
	}
	put(t, ".", "again.csv", csvOf([]string{"c", "a", "b"}, turned))
	put(t, ".", "part.csv", csvOf([]string{"a", "b", "c"}, x.Slice(0, 399, 0, 3)))
	put(t, ".", "marginals.json", `{"columns":["a"],"marginals":[{"weights":[1],"means":[1000],"scales":[30]}]}`)
	must(t, "", "import", "marginals.json", "-from", "marginals", "-o", "alien.safetensors")
	for args, want := range map[string]string{
		"m.safetensors train.csv":            "train.csv, rows of the fit, 400 rows",
		"m.safetensors again.csv":            "again.csv, rows of the fit, 400 rows",
		"m.safetensors part.csv":             "part.csv, held out, 399 rows",
		"m.safetensors part.csv -training":   "part.csv, rows of the fit, 399 rows",
		"m.safetensors d.csv":                "d.csv, held out, 50 rows",
		"alien.safetensors d.csv -columns a": "d.csv, 50 rows", // it does not know its data
	} {
		must(t, "", append([]string{"plot", "-o", "anomalies.svg"}, strings.Fields(args)...)...)
		if b, err := os.ReadFile("anomalies.svg"); err != nil || !strings.Contains(string(b), "Anomalies: "+want) {
			t.Errorf("%s: %v; want %q in %.400q", args, err, want, b)
		}
	}
}
