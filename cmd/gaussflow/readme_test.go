package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func readFile(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}

// The first program of the README is the example of package flow, which its tests run.
func TestReadmeProgram(t *testing.T) {
	_, program, ok := strings.Cut(readFile(t, "README.md"), "```go\n")
	program, _, closed := strings.Cut(program, "```")
	if !ok || !closed {
		t.Fatal("the README has no Go program")
	}
	example := readFile(t, "flow", "example_readme_test.go")
	example, output, _ := strings.Cut(example, "\n\t// Output:\n")
	example = regexp.MustCompile(`(?m)^// The first program.*\n`).ReplaceAllString(example, "") + "}\n"
	example = strings.NewReplacer("package flow_test", "package main", "func Example()", "func main()").Replace(example)
	if program != example {
		t.Errorf("the README's program differs from flow/example_readme_test.go:\n%s", firstDifference(program, example))
	}
	for line := range strings.Lines(output) {
		if line, ok := strings.CutPrefix(line, "\t// "); ok && !strings.Contains(readFile(t, "README.md"), "\n"+line) {
			t.Errorf("the README does not show the program's output %q", line)
		}
	}
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return "README:  " + x[i] + "\nexample: " + y[i]
		}
	}
	return "one of them is longer"
}

// Every line of the command in the README and the docs works, one after the other, in a directory that has what the
// repository has; and what the README shows of the first one is what it prints.
func TestDocumentedLines(t *testing.T) {
	if testing.Short() {
		t.Skip("every line of the documents")
	}
	docs, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, doc := range append(docs, filepath.Join("..", "..", "README.md")) {
		text := readFile(t, doc[len("../../"):])
		var lines []string
		for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(block[1]) {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		if len(lines) == 0 {
			continue
		}
		wines := map[string]string{}
		for _, name := range []string{"wine.csv", "wine_new.csv"} {
			wines[name] = readFile(t, "examples", "data", name)
		}
		t.Run(filepath.Base(doc), func(t *testing.T) {
			dir := t.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, "examples", "data"), 0o777); err != nil {
				t.Fatal(err)
			}
			for name, content := range wines {
				put(t, filepath.Join(dir, "examples", "data"), name, content)
			}
			t.Chdir(dir)
			for _, line := range lines {
				total++
				stdin := ""
				for part := range strings.SplitSeq(line, " | ") {
					args := strings.Fields(part)
					if args[0] != "gaussflow" {
						continue // head
					}
					status, stdout, stderr := gaussflow(t, stdin, args[1:]...)
					if status != statusDone {
						t.Fatalf("%s: exit status %d, errors %q", line, status, stderr)
					}
					if stdin = stdout; args[1] == "fit" && filepath.Base(doc) == "README.md" {
						_, shown, _ := strings.Cut(text, "```text\n")
						shown, _, _ = strings.Cut(shown, "```")
						_, printed, _ := strings.Cut(stdout, "\n\n")
						compareShown(t, strings.Split(strings.TrimSpace(shown), "\n"), strings.Split(printed, "\n"))
					}
				}
			}
		})
	}
	if total < 10 {
		t.Errorf("%d lines in the docs: the pattern is wrong", total)
	}
}

// compareShown compares lines of the README with those of a run, whose numbers a better fit may move a little.
func compareShown(t *testing.T, shown, printed []string) {
	t.Helper()
	number := regexp.MustCompile(`[-+]\d+\.\d+`)
	for i, line := range shown {
		a, errA := strconv.ParseFloat(number.FindString(line), 64)
		b, errB := strconv.ParseFloat(number.FindString(printed[i]), 64)
		if (errA == nil) != (errB == nil) || math.Abs(a-b) > 0.5 || errA != nil && line != printed[i] {
			t.Errorf("the README shows\n%s\nand the command prints\n%s", line, printed[i])
		}
	}
}

// The program of docs/kernels.md is an example of the package, which its tests run.
func TestKernelsProgram(t *testing.T) {
	_, program, ok := strings.Cut(readFile(t, "docs", "kernels.md"), "```go\n")
	program, _, closed := strings.Cut(program, "```")
	if !ok || !closed || !strings.Contains(strings.ReplaceAll(readFile(t, "kernels", "example_test.go"), "\n\t", "\n"), strings.TrimSpace(program)) {
		t.Errorf("the program is no part of kernels/example_test.go:\n%s", program)
	}
}

// Every file and folder that the README names is there.
func TestReadmePaths(t *testing.T) {
	readme := readFile(t, "README.md")
	paths := regexp.MustCompile("`((?:cmd|flow|kernels|asm|blas|internal|bench|fuzz|docs)(?:/[a-z_.]+)*|LICENSE)`|\\]\\((docs/[^)#]+)[^)]*\\)")
	found := paths.FindAllStringSubmatch(readme, -1)
	if len(found) < 15 {
		t.Fatalf("the README names only %d paths: the pattern is wrong", len(found))
	}
	for _, m := range found {
		if _, err := os.Stat(filepath.Join("..", "..", m[1]+m[2])); err != nil {
			t.Errorf("the README names a path that is not there: %v", err)
		}
	}
}

// checkReadme compares the README's table with a run of the same experiment. BLAS
// backends differ in their last bits, which 600 steps of training let grow.
func checkReadme(t *testing.T, e experiment, r *equivalence) {
	t.Helper()
	var b bytes.Buffer
	if err := e.print(&b, r, e.steps); err != nil {
		t.Fatal(err)
	}
	readme, here := readmeTable(readFile(t, "README.md")), readmeTable(b.String())
	if len(here) != 8 {
		t.Fatalf("%d rows of numbers in the table, want 8:\n%s", len(here), b.String())
	}
	for label, want := range here {
		got := readme[label]
		for i, column := range []string{"before", "after"} {
			if !(math.Abs(got[i]-want[i]) <= 0.3*want[i]) {
				t.Errorf("%q %s training is %.4g in the README, and %.4g here", label, column, got[i], want[i])
			}
		}
	}
}

// readmeTable returns the two columns of numbers behind every label of a table.
func readmeTable(s string) map[string][2]float64 {
	rows := map[string][2]float64{}
	for line := range strings.Lines(s) {
		r := []rune(line)
		if len(r) < 70 {
			continue
		}
		before, err1 := strconv.ParseFloat(strings.TrimSpace(string(r[34:52])), 64)
		after, err2 := strconv.ParseFloat(strings.TrimSpace(string(r[52:70])), 64)
		if err1 == nil && err2 == nil {
			rows[strings.TrimSpace(string(r[:34]))] = [2]float64{before, after}
		}
	}
	return rows
}
