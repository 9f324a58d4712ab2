package kernels_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gaussflow/gaussflow/internal/kerneltest"
)

// stated are the results whose errors stand in the comment of each function.
var stated = map[string][]string{
	"NormCDF": {"Φ(x)"}, "NormSF": {"Φ(-x)"}, "NormLogCDF": {"log Φ(x)"}, "NormPDF": {"φ(x)"}, "NormQuantile": {"Φ⁻¹(p)"},
	"Exp": {"exp x"}, "Log": {"log x"}, "Tanh": {"tanh x"},
	"MixtureCDF":           {"mixture F", "mixture S", "mixture f"},
	"MixtureForward":       {"mixture z", "mixture L"},
	"MixtureInverse":       {"inverse x", "inverse L"},
	"PerSampleForward":     {"mixture z", "mixture L"},
	"PerSampleInverse":     {"inverse x", "inverse L"},
	"PerSampleBackward":    {"gradients", "gradients, far", "gradients, gap", "gradients, light"},
	"MixtureBackward":      {"gradients", "gradients, far", "gradients, gap", "gradients, light"},
	"MixtureEM":            {"E-step"},
	"SoftmaxColumns":       {"softmax w", "softmax Σw"},
	"LogSumExp":            {"log Σ e^logit"},
	"GaussianLogDensities": {"Gaussian log p"},
	"BoundedExp":           {"exp(bound·tanh)"},
	"BoundedExpBackward":   {"its gradient"},
	"SmoothReLU":           {"smooth ReLU"},
	"SmoothReLUBackward":   {"its slope"},
	"SplinesForward":       {"spline y", "spline L"},
	"SplinesInverse":       {"spline inverse x", "spline inverse L"},
	"SplinesBackward":      {"spline gradients"},
	"Adam":                 {"Adam"},
}

// statement is what the comment of a function says of its errors.
func statement(results []string) string {
	var b strings.Builder
	b.WriteString("// The largest errors found, and the limits that the tests hold; the package documentation explains the units:\n//\n")
	domain := ""
	for _, a := range kerneltest.Accuracies {
		if a.Domain != "the same" {
			domain = a.Domain
		}
		if slices.Contains(results, a.Name) {
			fmt.Fprintf(&b, "//\t%s: %.2f, limit %g, in %s (%s)\n", a.Name, a.Max, a.Limit, a.Unit, domain)
		}
	}
	return b.String()
}

// Every function states its largest errors: those of the constants which the tests assert.
func TestAccuracyComments(t *testing.T) {
	left := len(stated)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	method := regexp.MustCompile(`(?m)((?:^//.*\n)+)^func \(t Tier\) (\w+)\(`)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		src := string(b)
		if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(src, "// Code generated") {
			continue
		}
		changed := method.ReplaceAllStringFunc(src, func(s string) string {
			m := method.FindStringSubmatch(s)
			results := stated[m[2]]
			if results == nil {
				return s
			}
			left--
			comment, _, _ := strings.Cut(m[1], "//\n// The largest errors found")
			return comment + "//\n" + statement(results) + strings.TrimPrefix(s, m[1])
		})
		switch {
		case changed == src:
		case *update:
			if err := os.WriteFile(file, []byte(changed), 0o666); err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("%s does not state the errors of the table: go test ./kernels -run AccuracyComments -update, then go generate ./asm", file)
		}
	}
	if left != 0 {
		t.Errorf("%d of the functions that state their errors are not there", left)
	}
}

// The tables of the README and of docs/numerics.md are those of the package documentation.
func TestAccuracyQuoted(t *testing.T) {
	quoted := []string{"Φ(x)", "Φ(-x)", "Φ⁻¹(p)", "mixture F", "mixture S", "mixture f", "mixture z", "mixture L", "inverse x", "inverse L"}
	var short strings.Builder
	short.WriteString("| result | domain | largest error found | limit | unit |\n  |---|---|---|---|---|\n")
	escape := strings.NewReplacer("|", `\|`)
	for _, a := range kerneltest.Accuracies {
		if slices.Contains(quoted, a.Name) {
			fmt.Fprintf(&short, "  | %s | %s | %.2f | %g | %s |\n", a.Name, escape.Replace(a.Domain), a.Max, a.Limit, escape.Replace(a.Unit))
		}
	}
	var whole strings.Builder
	for _, line := range strings.SplitAfter(kerneltest.Table()+"\n"+kerneltest.SizeTable(), "\n") {
		if line != "\n" && line != "" {
			line = "    " + line
		}
		whole.WriteString(line)
	}
	for _, c := range []struct{ file, want, pattern string }{
		{"../README.md", short.String(), `(?m)^\| result \| domain \| largest.*\n(  \|.*\n)*`},
		{"../docs/numerics.md", whole.String(), `(?m)^    result +domain(.*\n)(    .*\n|\n    result.*\n)*`},
	} {
		b, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		doc := strings.ReplaceAll(string(b), "  | result | domain | largest", "| result | domain | largest")
		at := regexp.MustCompile(c.pattern).FindStringIndex(doc)
		switch {
		case at == nil:
			t.Errorf("%s has no table of errors", c.file)
		case doc[at[0]:at[1]] == c.want:
		case *update:
			text := doc[:at[0]] + c.want + doc[at[1]:]
			text = strings.ReplaceAll(text, "| result | domain | largest", "  | result | domain | largest")
			if err := os.WriteFile(c.file, []byte(text), 0o666); err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("%s has\n%sand the constants are\n%s; go test ./kernels -run AccuracyQuoted -update", c.file, doc[at[0]:at[1]], c.want)
		}
	}
}
