// Command mutation breaks the project on purpose and demands that its tests notice: the table in mutants.go lists each
// defect and the quick suite that must fail on it. It works on a copy of the tree.
//
//	go run ./internal/mutation [-run REGEXP] [-parallel N] [-limit DURATION]
//
// It fails if a suite passes on a defect, if a defect does not compile, if its place is not found exactly once, or if a
// suite fails without any defect.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	tiers "github.com/gaussflow/gaussflow/kernels"
)

// A Mutant is one deliberate defect.
type Mutant struct {
	What string
	File string
	// Old stands once in the file, whatever the blanks and line ends between its words, and New takes its place.
	Old, New string
	// Package and Tests say which tests must fail: go test -short -run Tests Package.
	Package, Tests string
}

// apply returns the source with the defect.
func (m Mutant) apply(src string) (string, error) {
	var words []string
	for _, w := range strings.Fields(m.Old) {
		words = append(words, regexp.QuoteMeta(w))
	}
	found := regexp.MustCompile(strings.Join(words, `\s+`)).FindAllStringIndex(src, -1)
	if len(words) == 0 || len(found) != 1 {
		return "", fmt.Errorf("%s: %q is found %d times, want once: the code has changed, and the table of mutants must follow", m.File, m.Old, len(found))
	}
	return src[:found[0][0]] + m.New + src[found[0][1]:], nil
}

// tier returns the tier whose file the defect is in, if it is in one of assembly.
func (m Mutant) tier() (t string, assembly bool) {
	for _, t := range []string{"avx512", "avx2", "neon"} {
		if base := path.Base(m.File); strings.HasPrefix(m.File, "asm/") && strings.Contains(base, t) {
			return t, true
		}
	}
	return "", false
}

// runs reports whether this machine runs the code that the defect is in.
func (m Mutant) runs() bool {
	t, assembly := m.tier()
	return !assembly || slices.ContainsFunc(tiers.Tiers(), func(have tiers.Tier) bool { return have.String() == t })
}

// verdict is how a suite took a defect.
type verdict string

const (
	noticed   verdict = "noticed"
	timedOut  verdict = "noticed, by its time limit"
	survived  verdict = "SURVIVED"
	unusable  verdict = "UNUSABLE"
	unchanged verdict = "ok" // a suite without a defect
)

func main() {
	run := flag.String("run", "", "only the mutants whose description or file matches `REGEXP`")
	parallel := flag.Int("parallel", 1, "mutants at a time, each in a copy of its own")
	limit := flag.Duration("limit", 3*time.Minute, "time `LIMIT` of one suite")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := check(ctx, *run, *parallel, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(1)
	}
}

func check(ctx context.Context, pattern string, parallel int, limit time.Duration) error {
	only, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	var chosen []Mutant
	for _, m := range mutants {
		switch matches := only.MatchString(m.What) || only.MatchString(m.File); {
		case matches && !m.runs():
			fmt.Printf("%-27s         %s: %s: this machine does not run it\n", "not run", m.File, m.What)
		case matches:
			chosen = append(chosen, m)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no mutant matches %q", pattern)
	}
	tmp, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)

	// A suite that fails by itself notices nothing.
	var jobs []job
	for _, m := range chosen {
		whole := job{mutant: Mutant{What: "no defect", Package: m.Package, Tests: m.Tests}}
		if !slices.Contains(jobs, whole) {
			jobs = append(jobs, whole)
		}
	}
	for _, m := range chosen {
		jobs = append(jobs, job{mutant: m, broken: true})
	}

	todo := make(chan job)
	var mu sync.Mutex
	var bad []string
	count := map[verdict]int{}
	var wg sync.WaitGroup
	for w := range max(1, parallel) {
		tree := filepath.Join(tmp, fmt.Sprint(w))
		if err := copyTree(root, tree); err != nil {
			return err
		}
		wg.Go(func() {
			for j := range todo {
				started := time.Now()
				v, detail := j.run(ctx, tree, limit)
				if ctx.Err() != nil {
					continue
				}
				mu.Lock()
				count[v]++
				fmt.Printf("%-27s %5.1fs  %s: %s  [%s %s]\n", v, time.Since(started).Seconds(), j.mutant.File, j.mutant.What, j.mutant.Package, j.mutant.Tests)
				if v == survived || v == unusable {
					bad = append(bad, j.mutant.What)
					fmt.Println(detail)
				}
				mu.Unlock()
			}
		})
	}
	for _, j := range jobs {
		select {
		case todo <- j:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(todo)
	wg.Wait()
	fmt.Printf("\n%d defects: %d noticed, %d of them by a time limit; %d survived, %d unusable\n",
		len(chosen), count[noticed]+count[timedOut], count[timedOut], count[survived], count[unusable])
	if err := ctx.Err(); err != nil {
		return errors.New("interrupted")
	}
	if len(bad) > 0 {
		return fmt.Errorf("%d failed: %s", len(bad), strings.Join(bad, "; "))
	}
	return nil
}

// A job is a suite with a defect, or without one.
type job struct {
	mutant Mutant
	broken bool
}

func (j job) run(ctx context.Context, tree string, limit time.Duration) (verdict, string) {
	m := j.mutant
	if j.broken {
		file := filepath.Join(tree, filepath.FromSlash(m.File))
		src, err := os.ReadFile(file)
		if err != nil {
			return unusable, err.Error()
		}
		defer os.WriteFile(file, src, 0o666)
		mutated, err := m.apply(string(src))
		if err != nil {
			return unusable, err.Error()
		}
		if err := os.WriteFile(file, []byte(mutated), 0o666); err != nil {
			return unusable, err.Error()
		}
	}
	c := exec.CommandContext(ctx, "go", "test", "-short", "-vet=off", "-count=1", "-timeout", limit.String(), "-run", m.Tests, m.Package)
	c.Dir = tree
	c.WaitDelay = 10 * time.Second
	output, err := c.CombinedOutput()
	text := string(output)
	switch ran := !strings.Contains(text, "no tests to run"); {
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]") || !ran:
		return unusable, text
	case err == nil && !j.broken:
		return unchanged, ""
	case err == nil:
		return survived, text
	case !j.broken:
		return unusable, text
	case strings.Contains(text, "panic: test timed out"):
		return timedOut, ""
	case strings.Contains(text, "FAIL"):
		return noticed, ""
	}
	return unusable, text
}

// moduleRoot is the directory of go.mod.
func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}

// copyTree copies what the go command builds from.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name == "build" || strings.HasPrefix(d.Name(), ".") && name != "." {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, name), 0o777)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), b, 0o666)
	})
}
