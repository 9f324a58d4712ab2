package kernels_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gaussflow/gaussflow/internal/kerneltest"
	"github.com/gaussflow/gaussflow/kernels"
)

var search = flag.Duration("search", 0, "how long TestAccuracy looks for a larger error, for each row of the table")

var sizes = flag.Bool("sizes", false, "TestAccuracyBySize searches for the largest errors anew")

// Every row of the table of accuracies: the recorded worst input has the recorded error, and a sample of the domain has
// no larger one. With -search the worst input is looked for, on the reference.
func TestAccuracy(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	for i := range kerneltest.Accuracies {
		a := &kerneltest.Accuracies[i]
		t.Run(a.Name, func(t *testing.T) {
			if *search > 0 {
				searchWorst(t, a, uint64(time.Now().UnixNano()))
				return
			}
			for _, tier := range kernels.Tiers() {
				if got := a.Error(tier, a.Worst); !(got <= a.Max && got > a.Max-0.01) {
					t.Errorf("%s: the error at the worst input is %.4f, the table says %g", tier, got, a.Max)
				}
				src := kerneltest.NewRandom(11, true)
				largest, at := 0.0, []float64(nil)
				for range 300 {
					in := a.Draw(src)
					if e := a.Error(tier, in); !(e <= largest) {
						largest, at = e, in
					}
				}
				t.Logf("%s: %.3f %s at %s; of 300: %.3f at %s", tier, a.Max, a.Unit, a.Input(a.Worst), largest, a.Input(at))
				if !(largest <= a.Max) {
					t.Errorf("%s: error %.3f %s at %v, more than the %.3f of the table", tier, largest, a.Unit, at, a.Max)
				}
			}
			if !(a.Max > 0 && a.Max <= a.Limit) {
				t.Errorf("the largest error is %.3f, the limit %g", a.Max, a.Limit)
			}
		})
	}
}

// The same by the number of components: the errors do not grow with it. The inputs of a few more seeds have none that is
// larger. With -sizes the whole search is repeated.
func TestAccuracyBySize(t *testing.T) {
	if testing.Short() {
		t.Skip("bits do not depend on the tier: what it says holds for all")
	}
	for i := range kerneltest.Accuracies {
		a := &kerneltest.Accuracies[i]
		if a.Of == nil {
			continue
		}
		t.Run(a.Name, func(t *testing.T) {
			if *sizes {
				var found []string
				for _, size := range kerneltest.Sizes {
					w := a.SearchSize(kernels.Generic, size.K, size.Inputs, 1)
					found = append(found, fmt.Sprintf("{%.2f, %d}", math.Ceil(100*w.Max)/100, w.Seed))
				}
				t.Logf("BySize: []Sized{%s}", strings.Join(found, ", "))
				return
			}
			if len(a.BySize) != len(kerneltest.Sizes) {
				t.Fatalf("%d sizes, want %d", len(a.BySize), len(kerneltest.Sizes))
			}
			for j, size := range kerneltest.Sizes {
				want := a.BySize[j]
				if !(want.Max <= a.Limit) {
					t.Errorf("K = %d: the largest error is %.3f, the limit %g", size.K, want.Max, a.Limit)
				}
				for _, tier := range kernels.Tiers() {
					if got := a.Error(tier, a.Sample(want.Seed, size.K)); !(got <= want.Max && got > want.Max-0.01) {
						t.Errorf("%s, K = %d: the error at the worst input is %.4f, the table says %g", tier, size.K, got, want.Max)
					}
				}
				if got := a.SearchSize(kernels.Best(), size.K, 1+size.Inputs/100, 1); !(got.Max <= want.Max) {
					t.Errorf("K = %d: error %.3f %s with seed %d, more than the %.3f of the table", size.K, got.Max, a.Unit, got.Seed, want.Max)
				}
			}
		})
	}
}

// tape replays the numbers that a Source made, as far as there are any, and records those that it makes.
type tape struct {
	kerneltest.Source
	floats  []float64
	choices []int
	f, c    int
}

func (t *tape) Float(r kerneltest.Role) float64 {
	if t.f == len(t.floats) {
		t.floats = append(t.floats, t.Source.Float(r))
	}
	t.f++
	return kerneltest.Fold(r, t.floats[t.f-1])
}

func (t *tape) Choose(n int) int {
	if t.c == len(t.choices) {
		t.choices = append(t.choices, t.Source.Choose(n))
	}
	t.c++
	return t.choices[t.c-1]
}

// The tables of the package documentation are those of the constants which the tests assert.
func TestAccuracyTable(t *testing.T) {
	const file = "doc.go"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(b)
	for head, table := range map[string]string{"result .*worst input": kerneltest.Table(), "result .*K=2 .*": kerneltest.SizeTable()} {
		var want strings.Builder
		for _, line := range strings.SplitAfter(table, "\n") {
			if line != "" {
				want.WriteString("//\t" + line)
			}
		}
		at := regexp.MustCompile(`(?m)(^//\t` + head + `\n(//\t.*\n)*)`).FindStringIndex(doc)
		switch {
		case at == nil:
			t.Errorf("%s has no table %s", file, head)
		case *update:
			doc = doc[:at[0]] + want.String() + doc[at[1]:]
		case doc[at[0]:at[1]] != want.String():
			t.Errorf("%s has\n%sand the constants are\n%s; go test ./kernels -run AccuracyTable -update", file, doc[at[0]:at[1]], want.String())
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(doc), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// searchWorst climbs: it moves a few of the numbers that an input is made of, by any number of their last bits, and goes on
// from what is no better; when nothing larger comes for long it begins anew. Mixtures have each of searchSizes components for
// an equal part of the time.
func searchWorst(t *testing.T, a *kerneltest.Accuracy, seed uint64) {
	src := kerneltest.NewRandom(seed, true)
	worst, at := 0.0, a.Worst
	if at != nil { // a new row has none
		worst = a.Error(kernels.Generic, at)
	}
	sizes, draw := searchSizes, a.Of
	if draw == nil {
		sizes, draw = []int{1}, func(src kerneltest.Source, _ int) []float64 { return a.One(src) }
	}
	count := 0
	for _, k := range sizes {
		best, bestError, stale, largest := &tape{Source: src}, 0.0, 0, 0.0
		for end := time.Now().Add(*search / time.Duration(len(sizes))); time.Now().Before(end); count++ {
			trial := &tape{Source: src}
			if climbs := len(best.floats) > 0 && bestError > 0; climbs && src.Choose(8) > 0 {
				trial.floats, trial.choices = slices.Clone(best.floats), best.choices
				for range 1 + src.Choose(3) {
					bits := math.Float64bits
					v := &trial.floats[src.Choose(len(trial.floats))]
					*v = math.Float64frombits(bits(*v) + src.Uint64()>>(12+src.Choose(52)) - src.Uint64()>>(12+src.Choose(52)))
				}
			}
			in := draw(trial, k)
			e := a.Error(kernels.Generic, in)
			if stale++; e > bestError {
				stale = 0
			}
			if e >= bestError {
				best, bestError = trial, e
			}
			if stale > 1000 {
				best, bestError, stale = &tape{Source: src}, 0, 0
			}
			largest = max(largest, e)
			if e > worst {
				worst, at = e, in
			}
		}
		if a.Of != nil {
			t.Logf("K = %d: %.2f", k, largest)
		}
	}
	t.Logf("%d inputs, Max: %.2f, Worst: %s", count, math.Ceil(100*worst)/100, literal(at))
	if worst > a.Max {
		t.Errorf("a larger error than the %g of the table: %.4f", a.Max, worst)
	}
}

// searchSizes are the numbers of components that a search tries.
var searchSizes = []int{1, 2, 3, 4, 8, 32}

func literal(in []float64) string {
	return "[]float64{" + strings.Trim(strings.ReplaceAll(fmt.Sprint(in), " ", ", "), "[]") + "}"
}
