// Command faults breaks the program's world on purpose and demands that nothing half done is left behind:
//
//	go run ./internal/faults [-signals 100] [-seed 1] [-run REGEXP]
//
// Every job, a command line whose output files have the same bytes whenever it runs undisturbed, is
//
//   - interrupted and killed, at random moments and while it writes a file: what is in its directory afterwards is what
//     was there before, or what an undisturbed run writes, or, where the command says that it keeps what it has so far, a
//     file that loads; a job that goes on from a checkpoint ends with the bytes of an undisturbed run;
//   - given a disk that is too small (a tmpfs of its own), a limit on the size of its files, and a full standard output:
//     it fails with status 1 and a message, and its files are the old ones or whole;
//   - given too little memory, by GOMEMLIMIT and by ulimit -v: it fails, or its files are whole.
//
// The moments come from the seed and from how long the job takes, so that no two campaigns do quite the same; what is
// demanded holds at every moment. What this machine cannot do is named with the reason.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	signals := flag.Int("signals", 100, "interrupt and kill `N` times, over all jobs")
	seed := flag.Uint64("seed", 1, "choose the moments by `S`")
	only := flag.String("run", "", "only the jobs whose name matches `REGEXP`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := campaign(ctx, os.Stdout, *signals, *seed, *only); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

// campaign builds the command and does everything to every job.
func campaign(ctx context.Context, out io.Writer, signals int, seed uint64, only string) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "faults")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	program := filepath.Join(work, "gaussflow")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/gaussflow")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("cannot build the command from this directory: %w", err)
	}
	all, err := jobs(program, work)
	if err != nil {
		return err
	}
	var chosen []*job
	for _, j := range all {
		if pattern.MatchString(j.name) {
			chosen = append(chosen, j)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no job matches %q", only)
	}
	t := &trials{ctx: ctx, out: out, work: work, rng: rand.New(rand.NewPCG(seed, 0)), started: time.Now()}
	for _, j := range chosen {
		t.reference(j)
	}
	for _, j := range chosen {
		if j.want == nil || ctx.Err() != nil {
			continue
		}
		t.signals(j, (signals+len(chosen)-1)/len(chosen))
		t.disk(j)
		t.fileSize(j)
		t.stdout(j)
		t.memory(j)
	}
	t.wereHit(signals)
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.summary()
}

// trials counts what was tried and what came of it.
type trials struct {
	ctx      context.Context
	out      io.Writer
	work     string
	rng      *rand.Rand
	started  time.Time
	rows     []*row
	failures int
	hits     int      // signals that came while a job was at work
	absent   []string // what this machine cannot do
}

// A row of the summary is one kind of trouble for one job.
type row struct {
	job, trouble               string
	runs, done, failed, killed int // how the processes ended
	old, new, partial, missing int // what its files were afterwards
}

func (t *trials) row(j *job, trouble string) *row {
	for _, r := range t.rows {
		if r.job == j.name && r.trouble == trouble {
			return r
		}
	}
	r := &row{job: j.name, trouble: trouble}
	t.rows = append(t.rows, r)
	return r
}

// complain reports what must not be.
func (t *trials) complain(j *job, trouble, format string, args ...any) {
	if t.ctx.Err() != nil {
		return // the campaign itself is being interrupted
	}
	t.failures++
	fmt.Fprintf(t.out, "FAIL %s, %s: %s\n", j.name, trouble, fmt.Sprintf(format, args...))
}

// notRun names what cannot be tried here, once.
func (t *trials) notRun(trouble, reason string) {
	line := fmt.Sprintf("%s: NOT RUN: %s", trouble, strings.TrimSpace(reason))
	for _, l := range t.absent {
		if l == line {
			return
		}
	}
	t.absent = append(t.absent, line)
}

func (t *trials) summary() error {
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "job\ttrouble\truns\tdone\tfailed\tkilled\tfiles: new\told\tpartial\tnone\t")
	for _, r := range t.rows {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", r.job, r.trouble, r.runs, r.done, r.failed, r.killed, r.new, r.old, r.partial, r.missing)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, line := range t.absent {
		fmt.Fprintln(t.out, line)
	}
	fmt.Fprintf(t.out, "%d failures, %.0f s\n", t.failures, time.Since(t.started).Seconds())
	if t.failures > 0 {
		return fmt.Errorf("%d failures", t.failures)
	}
	return nil
}
