// Command mutation breaks the project on purpose and demands that its tests notice: the table in mutants.go lists each
// defect and the quick suite that must fail on it. It works on a copy of the tree.
//
//	go run ./internal/mutation [-run REGEXP] [-parallel N] [-limit DURATION]
//
// It fails if a suite passes on a defect, if a defect does not compile, if its place is not found exactly once, or if a
// suite fails without any defect. Assembly for arm64 runs under qemu-aarch64 where that is installed and needed; defects in
// assembly that cannot run are listed as not run.
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
	// Package and Tests say which tests must fail: go test -run Tests Package.
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

// tier returns the tier whose file the defect is in, if it is in one of assembly. There is one tier for arm64.
func (m Mutant) tier() (t string, assembly bool) {
	if dir, base := path.Split(m.File); dir == "asm/" {
		for _, c := range []struct{ part, tier string }{{"_arm64.", "neon"}, {"avx512", "avx512"}, {"avx2", "avx2"}} {
			if strings.Contains(base, c.part) {
				return c.tier, true
			}
		}
	}
	return "", false
}

// A suite is the tests that must notice a defect.
type suite struct {
	pkg, tests string
	emulated   bool // built for arm64, run by an emulator
}

// emulator runs programs for arm64.
const emulator = "qemu-aarch64"

// suite returns the suite of the defect, and whether this machine can run the code that the defect is in.
func (m Mutant) suite() (s suite, runs bool) {
	s = suite{pkg: m.Package, tests: m.Tests}
	t, assembly := m.tier()
	if !assembly || slices.ContainsFunc(tiers.Tiers(), func(have tiers.Tier) bool { return have.String() == t }) {
		return s, true
	}
	s.emulated = t == "neon"
	_, err := exec.LookPath(emulator)
	return s, s.emulated && err == nil
}

func (s suite) String() string {
	if s.emulated {
		return fmt.Sprintf("[%s %s, %s]", s.pkg, s.tests, emulator)
	}
	return fmt.Sprintf("[%s %s]", s.pkg, s.tests)
}

// command is the go test of the suite.
func (s suite) command(ctx context.Context, tree string, limit time.Duration) *exec.Cmd {
	args := []string{"test", "-vet=off", "-count=1", "-timeout", limit.String(), "-run", s.tests}
	var env []string
	if s.emulated {
		args = append(args, "-short", "-exec", emulator) // an emulator is slow
		env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	}
	c := exec.CommandContext(ctx, "go", append(args, s.pkg)...)
	c.Dir, c.Env = tree, env
	c.WaitDelay = 10 * time.Second
	return c
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
	// A suite that fails by itself notices nothing: each runs without a defect first.
	var whole, broken []job
	absent := 0
	for _, m := range mutants {
		if !only.MatchString(m.What) && !only.MatchString(m.File) {
			continue
		}
		s, runs := m.suite()
		if !runs {
			fmt.Printf("%-27s         %s: %s: this machine does not run it\n", "not run", m.File, m.What)
			absent++
			continue
		}
		if j := (job{suite: s}); !slices.Contains(whole, j) {
			whole = append(whole, j)
		}
		broken = append(broken, job{m, s})
	}
	if len(broken) == 0 {
		return fmt.Errorf("no mutant matches %q", pattern)
	}
	tmp, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)

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
				fmt.Printf("%-27s %5.1fs  %s  %v\n", v, time.Since(started).Seconds(), j, j.suite)
				if v == survived || v == unusable {
					bad = append(bad, j.String())
					fmt.Println(detail)
				}
				mu.Unlock()
			}
		})
	}
	for _, j := range append(whole, broken...) {
		select {
		case todo <- j:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(todo)
	wg.Wait()
	fmt.Printf("\n%d defects: %d noticed, %d of them by a time limit; %d survived, %d unusable, %d not run\n",
		len(broken)+absent, count[noticed]+count[timedOut], count[timedOut], count[survived], count[unusable], absent)
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
	suite
}

func (j job) broken() bool { return j.mutant != Mutant{} }

func (j job) String() string {
	if !j.broken() {
		return "no defect"
	}
	return j.mutant.File + ": " + j.mutant.What
}

func (j job) run(ctx context.Context, tree string, limit time.Duration) (verdict, string) {
	if j.broken() {
		file := filepath.Join(tree, filepath.FromSlash(j.mutant.File))
		src, err := os.ReadFile(file)
		if err != nil {
			return unusable, err.Error()
		}
		defer os.WriteFile(file, src, 0o666)
		mutated, err := j.mutant.apply(string(src))
		if err != nil {
			return unusable, err.Error()
		}
		if err := os.WriteFile(file, []byte(mutated), 0o666); err != nil {
			return unusable, err.Error()
		}
	}
	c := j.command(ctx, tree, limit)
	output, err := c.CombinedOutput()
	text := string(output)
	switch {
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]") || !ranTests(text):
		return unusable, text
	case err == nil && !j.broken():
		return unchanged, ""
	case err == nil:
		return survived, text
	case !j.broken():
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

// ranTests reports whether go test, whose output this is, ran a test in any package.
func ranTests(output string) bool {
	for line := range strings.Lines(output) {
		if (strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "FAIL\t")) && !strings.Contains(line, "no tests to run") {
			return true
		}
	}
	return false
}
