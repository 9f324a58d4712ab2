package main

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gaussflow/gaussflow/flow"
)

// A job is a command line whose output files have the same bytes whenever nothing disturbs it. It runs in a directory
// of its own, which its outputs are named in.
type job struct {
	name string
	args []string // the program first
	// partial checks a file that an interrupted run may leave with less than a whole run's work in it.
	partial map[string]func([]byte) error
	// kept names the files of partial that may change before the end of a run, and so be found after a kill.
	kept []string

	stdout []string // the same to standard output, if the job can do that

	want  files         // of an undisturbed run
	takes time.Duration // an undisturbed run
}

// jobs are the command lines that the campaign is about. Their inputs are made in work.
func jobs(program, work string) ([]*job, error) {
	train, model, many := filepath.Join(work, "train.csv"), filepath.Join(work, "model.safetensors"), filepath.Join(work, "many.csv")
	if err := writeTable(train, 300); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"fit", train, "-rbig", "-blocks", "3", "-holdout", "0", "-o", model},
		{"sample", model, "-n", "40000", "-o", many},
	} {
		if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("gaussflow %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	var all []*job
	add := func(name string, partial map[string]func([]byte) error, args ...string) *job {
		j := &job{name: name, args: append([]string{program}, args...), partial: partial}
		all = append(all, j)
		return j
	}
	coupling := []string{"fit", train, "-rbig", "-blocks", "2", "-coupling", "-steps", "40", "-holdout", "0", "-o", "model.safetensors"}
	add("fit", nil, "fit", train, "-rbig", "-blocks", "4", "-o", "model.safetensors")
	add("train", nil, coupling...)
	add("fit -given", nil, "fit", train, "-given", "c", "-blocks", "1", "-components", "2", "-steps", "20", "-holdout", "0", "-o", "model.safetensors")
	add("train -checkpoint", map[string]func([]byte) error{"run.gflow": isFlow}, append(slices.Clip(coupling), "-checkpoint", "run.gflow")...)
	add("score", nil, "score", model, many, "-rank", "-o", "scores.csv").toStdout("score", model, many)
	add("score to Parquet", nil, "score", model, many, "-o", "scores.parquet")
	add("sample", nil, "sample", model, "-n", "100000", "-o", "sample.npy").toStdout("sample", model, "-n", "100000")
	add("map", nil, "map", model, many, "-o", "z.csv").toStdout("map", model, many)
	add("export", nil, "export", model, "-o", "model.json")
	// The figures of what was trained until an interrupt are worth having.
	equivalence := []string{"equivalence", "-steps", "20"}
	add("equivalence", map[string]func([]byte) error{"equivalence_trained.png": isPNG}, equivalence...)
	add("equivalence -checkpoint", map[string]func([]byte) error{"equivalence_trained.png": isPNG, "run.gflow": isFlow}, append(slices.Clip(equivalence), "-checkpoint", "run.gflow")...)
	return all, nil
}

// toStdout adds a command line that does the job, but writes to standard output.
func (j *job) toStdout(args ...string) { j.stdout = append([]string{j.args[0]}, args...) }

// writeTable writes rows of three columns that depend on each other.
func writeTable(name string, rows int) error {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	b.WriteString("a,b,c\n")
	for range rows {
		a := rng.NormFloat64()
		fmt.Fprintf(&b, "%v,%v,%v\n", a, math.Exp(a/2+0.3*rng.NormFloat64()), rng.NormFloat64()*(1+a*a))
	}
	return os.WriteFile(name, b.Bytes(), 0o666)
}

func isPNG(b []byte) error {
	_, err := png.Decode(bytes.NewReader(b))
	return err
}

func isFlow(b []byte) error {
	_, err := flow.Load(bytes.NewReader(b))
	return err
}

// files are the contents of a directory by name.
type files map[string][]byte

// snapshot reads the regular files in a directory.
func snapshot(dir string) (files, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := files{}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (f files) equal(g files) error {
	for name, b := range g {
		switch other, there := f[name]; {
		case !there:
			return fmt.Errorf("%s is missing", name)
		case !bytes.Equal(b, other):
			return fmt.Errorf("%s differs (%d and %d bytes)", name, len(other), len(b))
		}
	}
	for name := range f {
		if _, there := g[name]; !there {
			return fmt.Errorf("there is %s as well", name)
		}
	}
	return nil
}

// An ending is how a process ended.
type ending struct {
	status int // -1 if a signal ended it
	stderr string
}

func endingOf(c *exec.Cmd, err error, stderr string) (ending, error) {
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		return ending{}, err
	}
	return ending{c.ProcessState.ExitCode(), stderr}, nil
}

// crash returns the line in which a Go program says that it died of a mistake of its own, or "".
func (e ending) crash() string {
	for line := range strings.Lines(e.stderr) {
		for _, word := range []string{"panic:", "fatal error:", "unexpected fault", "SIGSEGV", "SIGBUS"} {
			if strings.HasPrefix(line, word) {
				return strings.TrimSpace(line)
			}
		}
	}
	return ""
}

func (e ending) String() string {
	how := fmt.Sprintf("status %d", e.status)
	if e.status < 0 {
		how = "ended by a signal"
	}
	if s := strings.TrimSpace(e.stderr); s != "" {
		how += fmt.Sprintf(", errors %.200q", s)
	}
	return how
}

// command prepares a process in dir. Its temporary files, if it makes any elsewhere, have a place as well.
func (t *trials) command(dir string, env []string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	var stderr bytes.Buffer
	c := exec.CommandContext(t.ctx, args[0], args[1:]...)
	c.Dir, c.Stderr = dir, &stderr
	c.Env = append(append(os.Environ(), "TMPDIR="+t.work), env...)
	return c, &stderr
}

// run is command, to its end.
func (t *trials) run(dir string, env []string, args ...string) (ending, error) {
	c, stderr := t.command(dir, env, args...)
	err := c.Run()
	return endingOf(c, err, stderr.String())
}

// room makes an empty directory.
func (t *trials) room() (string, error) { return os.MkdirTemp(t.work, "room") }

// reference runs the job undisturbed, twice.
func (t *trials) reference(j *job) {
	var seen [2]files
	for i := range seen {
		dir, err := t.room()
		if err != nil {
			t.complain(j, "undisturbed", "%v", err)
			return
		}
		defer os.RemoveAll(dir)
		start := time.Now()
		end, err := t.run(dir, nil, j.args...)
		if err != nil || end.status != 0 {
			t.complain(j, "undisturbed", "%v, %v", end, err)
			return
		}
		j.takes = time.Since(start)
		if seen[i], err = snapshot(dir); err != nil {
			t.complain(j, "undisturbed", "%v", err)
			return
		}
	}
	if err := seen[0].equal(seen[1]); err != nil || len(seen[0]) == 0 {
		t.complain(j, "undisturbed", "two runs write different files, or none: %v", err)
		return
	}
	j.want = seen[0]
	fmt.Fprintf(t.out, "%s: %d files, %v\n", j.name, len(j.want), j.takes.Round(10*time.Millisecond))
}

// verdict compares a directory after some trouble with what it was before, and counts what became of each file. An
// interrupted run may leave partial files; one that was killed may leave temporary ones, whose names begin with a dot.
func (t *trials) verdict(j *job, r *row, before, after files, interrupted, killed bool) (errs []error) {
	for name, b := range after {
		old, wasThere := before[name]
		want, known := j.want[name]
		check, mayBePartial := j.partial[name]
		mayBePartial = mayBePartial && (interrupted || killed && slices.Contains(j.kept, name))
		switch {
		case wasThere && bytes.Equal(b, old):
			r.old++
		case known && bytes.Equal(b, want):
			r.new++
		case known && mayBePartial:
			if err := check(b); err != nil {
				errs = append(errs, fmt.Errorf("%s, %d bytes, is neither the old file nor loads: %w", name, len(b), err))
			}
			r.partial++
		case known:
			errs = append(errs, fmt.Errorf("%s, %d bytes, is neither the old file nor the whole new one of %d bytes", name, len(b), len(want)))
		case killed && strings.HasPrefix(name, "."):
		default:
			errs = append(errs, fmt.Errorf("%s, %d bytes, was left behind", name, len(b)))
		}
	}
	for name := range j.want {
		if _, there := after[name]; !there {
			r.missing++
			if _, there := before[name]; there {
				errs = append(errs, fmt.Errorf("%s was there and is gone", name))
			}
		}
	}
	return errs
}
