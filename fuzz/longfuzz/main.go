// Command longfuzz runs the fuzz targets for as long as it is told, several at a time, and sums up: executions, new
// inputs, the statements that the corpus reaches, processor time, and what was found.
//
//	go run ./fuzz/longfuzz [-time 10m] [-parallel 2] [-run REGEXP] [-out build/fuzz]
//
// The time is processor time: on a busy machine a target runs longer, until it has had its share. An input that fails
// goes to the corpus of its package, where every go test runs it; its target stops. Interesting inputs are kept, as by
// go test -fuzz, in Go's build cache.
//
// An interrupt ends the targets that run and still sums up. The summary in the output directory is replaced, whole,
// every few seconds: it holds what was reached even if the process is killed.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/gaussflow/gaussflow/internal/atomicfile"
	statements "github.com/gaussflow/gaussflow/internal/cover/profile"
)

const module = "github.com/gaussflow/gaussflow/"

// measured are the packages whose statements count.
var measured = []string{"kernels", "flow", "blas"}

func main() {
	share := flag.Duration("time", 10*time.Minute, "processor `TIME` of each target")
	parallel := flag.Int("parallel", 2, "targets at a time, one process each")
	only := flag.String("run", "", "only the targets whose name matches `REGEXP`")
	out := flag.String("out", filepath.Join("build", "fuzz"), "write logs and the summary to `DIR`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := &session{share: *share, out: *out, started: time.Now()}
	if err := s.run(ctx, max(1, *parallel), *only); err != nil {
		fmt.Fprintln(os.Stderr, "longfuzz:", err)
		os.Exit(1)
	}
}

// A session is one run of all targets.
type session struct {
	share   time.Duration
	out     string
	cache   string // of go test -fuzz
	started time.Time

	mu      sync.Mutex
	targets []*target
	reached statements.Profile // by all of them
}

// A target is one fuzz target and what became of it. The session's mutex guards what changes.
type target struct {
	pkg, name, dir string // import path, target, directory of the package
	state          string
	execs, fresh   int // of all its processes together
	corpus         int
	now            counts    // of the process that runs
	begun          time.Time // when it began
	wall, cpu      time.Duration
	coverage       []float64
	findings       []string
	stalls         int // inputs that took the fuzzer's ten seconds, and pass by themselves
}

// counts are what a line of the fuzzer's progress says.
type counts struct{ execs, fresh, corpus int }

func (s *session) run(ctx context.Context, parallel int, only string) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	// Whatever is half done lies below a directory that goes at the end.
	if err := os.MkdirAll(s.out, 0o777); err != nil {
		return err
	}
	if s.out, err = filepath.Abs(s.out); err != nil {
		return err
	}
	work := filepath.Join(s.out, "work")
	if err := os.RemoveAll(work); err != nil { // a run that was killed may have left one
		return err
	}
	if err := os.Mkdir(work, 0o777); err != nil {
		return err
	}
	defer os.RemoveAll(work)
	cache, err := output(ctx, "go", "env", "GOCACHE")
	if err != nil {
		return err
	}
	s.cache = filepath.Join(strings.TrimSpace(cache), "fuzz")
	s.reached = statements.Profile{}
	if s.targets, err = list(ctx, pattern); err != nil {
		return err
	}
	if err := s.build(ctx, work); err != nil {
		return err
	}

	ticks, ticked := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() {
		for {
			select {
			case <-ticks.Done():
				return
			case <-time.After(5 * time.Second):
				s.publish()
			}
		}
	})
	todo := make(chan *target)
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for t := range todo {
				if ctx.Err() != nil {
					continue
				}
				if err := s.fuzz(ctx, t, work); err != nil {
					s.update(func() { t.state = "failed"; t.findings = append(t.findings, err.Error()) })
				}
				s.publish()
			}
		})
	}
	for _, t := range s.targets {
		todo <- t
	}
	close(todo)
	workers.Wait()
	ticked()
	background.Wait()
	if err := s.publish(); err != nil {
		return err
	}
	fmt.Print("\n", s.summary())
	fmt.Println("The summary and the logs are in", s.out)
	var found []string
	for _, t := range s.targets {
		if len(t.findings) > 0 {
			found = append(found, t.name)
		}
	}
	switch {
	case len(found) > 0:
		return fmt.Errorf("findings: %s", strings.Join(found, ", "))
	case ctx.Err() != nil:
		return errors.New("interrupted")
	}
	return nil
}

// update changes a target.
func (s *session) update(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// list returns the fuzz targets of the module.
func list(ctx context.Context, only *regexp.Regexp) ([]*target, error) {
	text, err := output(ctx, "go", "test", "-list", "^Fuzz", "./...")
	if err != nil {
		return nil, err
	}
	var all []*target
	var names []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "Fuzz"):
			names = append(names, fields[0])
		case len(fields) > 1 && fields[0] == "ok": // names come before the line of their package
			for _, name := range names {
				if only.MatchString(name) {
					all = append(all, &target{pkg: fields[1], name: name, dir: filepath.FromSlash(strings.TrimPrefix(fields[1], module)), state: "waits"})
				}
			}
			names = nil
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no fuzz target matches %q", only)
	}
	return all, nil
}

// build makes two test programs for every package: one that the fuzzer steers by, one that counts statements.
func (s *session) build(ctx context.Context, work string) error {
	var cover []string
	for _, p := range measured {
		cover = append(cover, "./"+p+"/...")
	}
	done := map[string]bool{}
	for _, t := range s.targets {
		if done[t.pkg] {
			continue
		}
		done[t.pkg] = true
		fmt.Println("building the test programs of", t.pkg)
		if _, err := output(ctx, "go", "test", "-c", "-fuzz", ".", "-o", s.program(work, t, "fuzz"), t.pkg); err != nil {
			return err
		}
		if _, err := output(ctx, "go", "test", "-c", "-cover", "-coverpkg", strings.Join(cover, ","), "-o", s.program(work, t, "cover"), t.pkg); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) program(work string, t *target, kind string) string {
	return filepath.Join(work, strings.ReplaceAll(t.pkg, "/", "-")+"."+kind+".test")
}

// fuzz runs one target until it has had its share of processor time, or has found something.
func (s *session) fuzz(ctx context.Context, t *target, work string) error {
	home := filepath.Join(work, t.name)
	seeds := filepath.Join(home, "testdata", "fuzz", t.name)
	committed := filepath.Join(t.dir, "testdata", "fuzz", t.name)
	if err := os.MkdirAll(seeds, 0o777); err != nil {
		return err
	}
	if _, err := copyFiles(committed, seeds, nil); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.out, t.name+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.update(func() { t.state = "runs" })
	fmt.Printf("%s: %s begins\n", time.Now().Format(time.TimeOnly), t.name)
	for tries := 0; ctx.Err() == nil && len(t.findings) == 0 && t.cpu < s.share && tries < 50; tries++ {
		if err := s.process(ctx, t, home, s.share-t.cpu, work, log); err != nil {
			return err
		}
	}
	if err := s.collect(t, seeds, committed); err != nil {
		return err
	}
	if ctx.Err() == nil && len(t.findings) == 0 {
		if err := s.measure(ctx, t, home, work); err != nil {
			return err
		}
	}
	s.update(func() {
		switch {
		case len(t.findings) > 0:
			t.state = "FOUND"
		case ctx.Err() != nil:
			t.state = "interrupted"
		default:
			t.state = "done"
		}
	})
	fmt.Printf("%s: %s %s, %d executions\n", time.Now().Format(time.TimeOnly), t.name, t.state, t.execs)
	return nil
}

// process runs the fuzzer once.
func (s *session) process(ctx context.Context, t *target, home string, d time.Duration, work string, log io.Writer) error {
	// The child must end with this process, which Linux ties to the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := exec.CommandContext(ctx, s.program(work, t, "fuzz"), "-test.run=^$", "-test.fuzz=^"+t.name+"$", "-test.fuzztime="+max(d, 2*time.Second).String(),
		// Inputs that only reach further need not be small.
		"-test.fuzzminimizetime=10x", "-test.parallel=1", "-test.fuzzcachedir="+filepath.Join(s.cache, filepath.FromSlash(t.pkg)))
	c.Dir = home
	c.Env = append(os.Environ(), "TMPDIR="+home)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) } // it ends by itself, and says what it did
	c.WaitDelay = 20 * time.Second
	endWithParent(c)
	var tail bytes.Buffer // of this process alone
	w := &lines{to: io.MultiWriter(log, &tail), line: func(line string) {
		if n, ok := progress(line); ok {
			s.update(func() { t.now = n })
		}
	}}
	c.Stdout, c.Stderr = w, w
	started := time.Now()
	s.update(func() { t.begun = started })
	err := c.Run()
	if c.ProcessState == nil {
		return err // it did not start
	}
	s.update(func() {
		t.execs, t.fresh, t.corpus, t.now = t.execs+t.now.execs, t.fresh+t.now.fresh, max(t.corpus, t.now.corpus), counts{}
		t.wall, t.begun = t.wall+time.Since(started), time.Time{}
		t.cpu += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	})
	if err == nil || ctx.Err() != nil || onlyTheEnd(tail.String()) {
		return nil
	}
	if input := ended.FindStringSubmatch(tail.String()); input != nil && s.passes(ctx, t, home, work, input[1]) {
		fmt.Fprintf(log, "longfuzz: %s passes by itself: a busy machine, on which it took the fuzzer's ten seconds\n", input[1])
		s.update(func() { t.stalls++ })
		return os.Remove(filepath.Join(home, "testdata", "fuzz", t.name, input[1]))
	}
	s.update(func() { t.findings = append(t.findings, reason(tail.String(), err)) })
	return nil
}

// ended matches what the fuzzer says of a process that it lost, and the name of the input that it blames. It ends every
// process by itself that works on one input for ten seconds.
var ended = regexp.MustCompile(`fuzzing process hung or terminated unexpectedly[^\n]*\n(?:[^\n]*\n)*? +Failing input written to \S+/(\w+)\n`)

// passes runs a target on one input, within a minute.
func (s *session) passes(ctx context.Context, t *target, home, work, input string) bool {
	c := exec.CommandContext(ctx, s.program(work, t, "cover"), "-test.run=^"+t.name+"$/^"+input+"$", "-test.timeout=1m", "-test.v")
	c.Dir = home
	b, err := c.CombinedOutput()
	return err == nil && bytes.Contains(b, []byte("--- PASS: "+t.name+"/"+input))
}

var progressLine = regexp.MustCompile(`^fuzz: elapsed: .*, execs: (\d+) .*new interesting: (\d+) \(total: (\d+)\)`)

// progress reads a line of the fuzzer.
func progress(line string) (n counts, ok bool) {
	m := progressLine.FindStringSubmatch(line)
	if m == nil {
		return n, false
	}
	for i, to := range []*int{&n.execs, &n.fresh, &n.corpus} {
		*to, _ = strconv.Atoi(m[i+1])
	}
	return n, true
}

var deadline = regexp.MustCompile(`(?m)^    context deadline exceeded$`)

// onlyTheEnd reports whether a process failed for no other reason than the end of its time: until Go 1.27 the fuzzer may
// take its own deadline for a failure (go.dev/issue/75804).
func onlyTheEnd(log string) bool {
	return deadline.MatchString(log) && !strings.Contains(log, "Failing input") && !strings.Contains(log, "panic") && !strings.Contains(log, "fatal error")
}

var failure = regexp.MustCompile(`(?m)^ +\S+_test\.go:\d+: .*|^panic: .*|^ +fuzzing process .*|^    --- FAIL: .*`)

// reason is what a failure's log says first.
func reason(log string, err error) string {
	all := failure.FindAllString(log, -1)
	for _, line := range all {
		if !strings.Contains(line, "--- FAIL") {
			return strings.TrimSpace(line)
		}
	}
	if len(all) > 0 {
		return strings.TrimSpace(all[0])
	}
	return err.Error()
}

// collect moves failing inputs, which are those that were not in the committed corpus, to it.
func (s *session) collect(t *target, seeds, committed string) error {
	entries, err := os.ReadDir(seeds)
	if err != nil {
		return err
	}
	for _, e := range entries {
		to := filepath.Join(committed, e.Name())
		if _, err := os.Stat(to); err == nil {
			continue
		}
		b, err := os.ReadFile(filepath.Join(seeds, e.Name()))
		if err != nil {
			return err
		}
		if len(types(b)) == 0 {
			continue // the process was killed while it wrote
		}
		if err := os.MkdirAll(committed, 0o777); err != nil {
			return err
		}
		if err := atomicfile.WriteFile(to, b); err != nil {
			return err
		}
		s.update(func() { t.findings = append(t.findings, "input: "+filepath.ToSlash(to)) })
	}
	return nil
}

// measure runs the target on its corpus and counts the statements that it reaches.
func (s *session) measure(ctx context.Context, t *target, home, work string) error {
	s.update(func() { t.state = "is measured" })
	cached := filepath.Join(s.cache, filepath.FromSlash(t.pkg), t.name)
	seeds := filepath.Join(home, "testdata", "fuzz", t.name)
	want := newestTypes(cached)
	if _, err := copyFiles(cached, seeds, func(b []byte) bool { return slices.Equal(types(b), want) }); err != nil {
		return err
	}
	profile := filepath.Join(home, "profile")
	c := exec.CommandContext(ctx, s.program(work, t, "cover"), "-test.run=^"+t.name+"$", "-test.coverprofile="+profile, "-test.timeout=30m")
	c.Dir = home
	if b, err := c.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("the corpus fails where nothing is instrumented: %s", reason(string(b), err))
	}
	b, err := os.ReadFile(profile)
	if err != nil {
		return err
	}
	own := statements.Profile{}
	if err := own.Read(bytes.NewReader(b)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range measured {
		t.coverage = append(t.coverage, own.Percent(module+p))
	}
	return s.reached.Read(bytes.NewReader(b))
}

// types are the types of the arguments in an entry of a corpus.
func types(entry []byte) (all []string) {
	version, rest, _ := strings.Cut(string(entry), "\n")
	if version != "go test fuzz v1" || !strings.HasSuffix(rest, ")\n") {
		return nil
	}
	for line := range strings.Lines(rest) {
		name, _, _ := strings.Cut(line, "(")
		if name == "byte" {
			name = "uint8"
		}
		all = append(all, name)
	}
	return all
}

// newestTypes are those of the newest entry. The cache may hold entries of a target's former arguments.
func newestTypes(dir string) (newest []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var at time.Time
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.ModTime().After(at) {
			continue
		}
		if b, err := os.ReadFile(filepath.Join(dir, e.Name())); err == nil && len(types(b)) > 0 {
			newest, at = types(b), info.ModTime()
		}
	}
	return newest
}

// copyFiles copies the files of a directory, if there is one, that are kept.
func copyFiles(from, to string, keep func([]byte) bool) (n int, err error) {
	entries, err := os.ReadDir(from)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			return n, err
		}
		if keep != nil && !keep(b) {
			continue
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), b, 0o666); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// publish replaces the summary on disk.
func (s *session) publish() error {
	return atomicfile.WriteFile(filepath.Join(s.out, "summary.txt"), []byte(s.summary()))
}

// summary is the table, and the findings below it.
func (s *session) summary() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "Fuzzing since %s, %s/%s, %s, %v of processor time for each target.\n\n",
		s.started.Format("2006-01-02 15:04"), runtime.GOOS, runtime.GOARCH, runtime.Version(), s.share)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "executions\tper second\tnew inputs\tcorpus\tCPU minutes\t%s\t  target\t\n", strings.Join(measured, "\t"))
	var execs, fresh int
	var cpu time.Duration
	row := func(t *target) {
		wall := t.wall
		if !t.begun.IsZero() {
			wall += time.Since(t.begun)
		}
		cover := strings.Repeat("-\t", len(measured))
		if len(t.coverage) > 0 {
			cover = ""
			for _, p := range t.coverage {
				cover += fmt.Sprintf("%.1f%%\t", p)
			}
		}
		fmt.Fprintf(w, "%d\t%.0f\t%d\t%d\t%.1f\t%s  %s, %s\t\n", t.execs+t.now.execs, float64(t.execs+t.now.execs)/max(wall.Seconds(), 1e-9),
			t.fresh+t.now.fresh, max(t.corpus, t.now.corpus), t.cpu.Minutes(), cover, path.Base(t.name), t.state)
	}
	for _, t := range s.targets {
		row(t)
		execs, fresh, cpu = execs+t.execs+t.now.execs, fresh+t.fresh+t.now.fresh, cpu+t.cpu
	}
	all := &target{name: "all", state: "together", execs: execs, fresh: fresh, cpu: cpu, wall: time.Since(s.started)}
	if len(s.reached) > 0 {
		for _, p := range measured {
			all.coverage = append(all.coverage, s.reached.Percent(module+p))
		}
	}
	for _, t := range s.targets {
		all.corpus += max(t.corpus, t.now.corpus)
	}
	row(all)
	w.Flush()
	fmt.Fprintln(&b, "\nPercentages are the statements of each package that the corpus reaches.")
	for _, t := range s.targets {
		if t.stalls > 0 {
			fmt.Fprintf(&b, "%s: %d inputs took ten seconds on a busy machine, and passed by themselves.\n", t.name, t.stalls)
		}
	}
	none := true
	for _, t := range s.targets {
		for _, f := range t.findings {
			none = false
			fmt.Fprintf(&b, "FOUND by %s: %s\n", t.name, f)
		}
	}
	if none {
		fmt.Fprintln(&b, "Nothing was found.")
	}
	return b.String()
}

// lines passes on what is written, and each whole line to a function.
type lines struct {
	to   io.Writer
	line func(string)
	rest []byte
}

func (l *lines) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			break
		}
		l.line(string(line))
		l.rest = rest
	}
	return l.to.Write(b)
}

// output runs a command of the go tool; what it printed is in the error, if there is one.
func output(ctx context.Context, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.String(), nil
}
