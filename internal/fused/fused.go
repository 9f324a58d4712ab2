// Command fused looks for multiply-adds that the compiler fused on its own. It may do so on some architectures and not on
// others, and then a result's last bits depend on the machine. It builds the packages that results come from for
// architectures that fuse, reads the compiler's listing, and fails if an instruction of that kind stands on a line that
// does not ask for it by math.FMA.
//
//	go run ./internal/fused [package...]      by default ./flow/... ./blas/... ./kernels/...
//
// It looks as well for calls of functions of package math whose bits differ between architectures, such as math.Exp, and
// of the normal and exponential variates of math/rand, which call them.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// A target is a build whose compiler fuses.
type target struct {
	arch string
	env  []string
	// Its fused instructions as the compiler's listing names them.
	fused *regexp.Regexp
}

var targets = []target{
	{"arm64", nil, regexp.MustCompile(`^FN?M(ADD|SUB)[SD]$`)},
	{"amd64", []string{"GOAMD64=v3"}, regexp.MustCompile(`^VFN?M(ADD|SUB)[0-9]+S[SD]$`)},
	{"ppc64le", nil, regexp.MustCompile(`^FN?M(ADD|SUB)S?$`)},
	{"riscv64", nil, regexp.MustCompile(`^FN?M(ADD|SUB)[SD]$`)},
	{"s390x", nil, regexp.MustCompile(`^(W?FM(ADD|SUB|[AS])(DB|S)?)$`)},
	{"loong64", nil, regexp.MustCompile(`^FN?M(ADD|SUB)[FD]$`)},
}

var instruction = regexp.MustCompile(`^\t0x[0-9a-f]+ [0-9]+ \((.+):([0-9]+)\)\t([A-Z0-9]+)`)

// A finding is a line of source that should not be as it is.
type finding struct {
	at, why string
}

// listing returns the fused instructions that the compiler's listing shows on lines without math.FMA, and how many stand
// on lines with it.
func (t target) listing(text []byte, lines func(file string) []string) (found []finding, asked int) {
	seen := map[string]bool{}
	s := bufio.NewScanner(bytes.NewReader(text))
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		m := instruction.FindStringSubmatch(s.Text())
		if m == nil || !t.fused.MatchString(m[3]) {
			continue
		}
		at := m[1] + ":" + m[2]
		var n int
		fmt.Sscan(m[2], &n)
		source := lines(m[1])
		if n > 0 && n <= len(source) && strings.Contains(source[n-1], "math.FMA(") {
			asked++
			continue
		}
		if !seen[at] {
			seen[at] = true
			text := ""
			if n > 0 && n <= len(source) {
				text = strings.TrimSpace(source[n-1])
			}
			found = append(found, finding{at, "the compiler fuses: write math.FMA(a, b, c) or float64(a*b) + c: " + text})
		}
	}
	return found, asked
}

func readLines(file string) []string {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return strings.Split(string(text), "\n")
}

// list returns what go list prints for each of the packages that are not there for tests alone.
func list(format string, packages []string) ([]string, error) {
	out, err := exec.Command("go", append([]string{"list", "-f", `{{if ne .Name "flowtest"}}` + format + "{{end}}"}, packages...)...).Output()
	return strings.Fields(string(out)), err
}

// build returns the compiler's listing of the packages.
func (t target) build(packages []string) ([]byte, error) {
	c := exec.Command("go", append([]string{"build", "-gcflags=-S"}, packages...)...)
	c.Env = append(os.Environ(), append([]string{"GOOS=linux", "GOARCH=" + t.arch, "CGO_ENABLED=0"}, t.env...)...)
	text, err := c.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %v: %s", t.arch, err, text[max(0, len(text)-2000):])
	}
	return text, nil
}

// exact are the functions of package math whose bits are the same on every architecture.
var exact = []string{"Abs", "Ceil", "Copysign", "FMA", "Float32bits", "Float32frombits", "Float64bits", "Float64frombits", "Floor", "Frexp", "Inf", "IsInf",
	"IsNaN", "Ldexp", "Max", "Min", "Modf", "NaN", "Nextafter", "Round", "RoundToEven", "Signbit", "Sqrt", "Trunc"}

// source returns the calls in a file of what has other bits elsewhere.
func source(name string, text []byte) ([]finding, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []finding
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		f, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		at := set.Position(f.Pos()).String()
		if x, ok := f.X.(*ast.Ident); ok && x.Name == "math" && !slices.Contains(exact, f.Sel.Name) {
			found = append(found, finding{at, "the bits of math." + f.Sel.Name + " differ between architectures: use package kernels"})
		}
		if f.Sel.Name == "NormFloat64" || f.Sel.Name == "ExpFloat64" {
			found = append(found, finding{at, "the bits of " + f.Sel.Name + " differ between architectures, for it calls math.Exp and math.Log"})
		}
		return true
	})
	return found, nil
}

// sources looks through the files of the packages that are no tests.
func sources(packages []string) ([]finding, error) {
	files, err := list(`{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}} {{end}}{{range .IgnoredGoFiles}}{{$d}}/{{.}} {{end}}`, packages)
	if err != nil {
		return nil, err
	}
	var found []finding
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		f, err := source(name, text)
		if err != nil {
			return nil, err
		}
		found = append(found, f...)
	}
	return found, nil
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("fused: ")
	packages := os.Args[1:]
	if len(packages) == 0 {
		packages = []string{"./flow/...", "./blas/...", "./kernels/..."}
	}
	packages, err := list("{{.ImportPath}} ", packages)
	if err != nil {
		log.Fatal(err)
	}
	found, err := sources(packages)
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range targets {
		text, err := t.build(packages)
		if err != nil {
			log.Fatal(err)
		}
		f, asked := t.listing(text, readLines)
		if asked == 0 {
			log.Fatalf("%s: no fused instruction at all, though the kernels ask for them: its names have changed", t.arch)
		}
		fmt.Printf("%s: %d fused instructions that the source asks for, %d lines that the compiler fused\n", t.arch, asked, len(f))
		found = append(found, f...)
	}
	here, err := os.Getwd()
	if err != nil {
		log.Fatal(err)
	}
	slices.SortFunc(found, func(a, b finding) int { return strings.Compare(a.at, b.at) })
	found = slices.Compact(found) // most architectures fuse in the same places
	for _, f := range found {
		fmt.Printf("%s: %s\n", strings.TrimPrefix(f.at, here+"/"), f.why)
	}
	if len(found) > 0 {
		log.Fatalf("%d places", len(found))
	}
}
