package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image/png"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/kernels"
)

// call runs the command in this process.
func call(ctx context.Context, args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = run(ctx, args, nil, &out, &err)
	return status, out.String(), err.String()
}

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		args   string
		status int
		stdout string // both must contain these; "" means nothing was printed
		stderr string
	}{
		{"-h", statusDone, "equivalence", ""},
		{"--help", statusDone, "equivalence", ""},
		{"equivalence -h", statusDone, "--steps", ""},
		{"cpu -h", statusDone, "GAUSSFLOW_SIMD", ""},
		{"", statusUsage, "", "gaussflow: no command given (gaussflow -h"},
		{"equivalent", statusUsage, "", `gaussflow: there is no command "equivalent"; did you mean "equivalence"? (gaussflow -h`},
		{"help", statusUsage, "", `no command "help"`},
		{"-bogus", statusUsage, "", "gaussflow: gaussflow: flag provided but not defined: -bogus (gaussflow -h"},
		{"equivalence -bogus", statusUsage, "", "gaussflow: equivalence: flag provided but not defined: -bogus (gaussflow equivalence -h"},
		{"equivalence extra", statusUsage, "", `gaussflow: equivalence: unexpected argument "extra"`},
		{"equivalence -json extra", statusUsage, "", `unexpected argument "extra"`},
		{"equivalence -out", statusUsage, "", "needs an argument: -out"},
		{"equivalence -steps x", statusUsage, "", `invalid value "x" for flag -steps`},
		{"equivalence -steps 0", statusUsage, "", "want at least 1"},
		{"equivalence -seed -1", statusUsage, "", "-seed"},
		{"cpu -steps 1", statusUsage, "", "-steps"},
		{"cpu extra", statusUsage, "", `unexpected argument "extra"`},
	} {
		status, stdout, stderr := call(t.Context(), strings.Fields(test.args)...)
		if status != test.status {
			t.Errorf("gaussflow %s: exit status %d, want %d", test.args, status, test.status)
		}
		for _, s := range []struct{ name, got, want string }{{"output", stdout, test.stdout}, {"errors", stderr, test.stderr}} {
			if (s.want == "") != (s.got == "") || !strings.Contains(s.got, s.want) {
				t.Errorf("gaussflow %s: standard %s is %q, want %q in it", test.args, s.name, s.got, s.want)
			}
		}
		if strings.Count(stderr, "\n") > 1 {
			t.Errorf("gaussflow %s: the error takes more than one line: %q", test.args, stderr)
		}
	}
}

// keys returns the keys of a JSON object, and those of the objects in it behind a dot.
func keys(t *testing.T, object string) []string {
	t.Helper()
	var m map[string]any
	d := json.NewDecoder(strings.NewReader(object))
	if err := d.Decode(&m); err != nil {
		t.Fatalf("no JSON object: %v\n%s", err, object)
	}
	if d.More() {
		t.Errorf("something follows the JSON object: %s", object)
	}
	var all []string
	for k, v := range m {
		all = append(all, k)
		if inner, ok := v.(map[string]any); ok {
			for k2 := range maps.Keys(inner) {
				all = append(all, k+"."+k2)
			}
		}
	}
	slices.Sort(all)
	return all
}

func TestCPU(t *testing.T) {
	tier, err := kernels.Active()
	if err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := call(t.Context(), "cpu", "-json")
	if status != statusDone || stderr != "" {
		t.Fatalf("exit status %d, errors %q", status, stderr)
	}
	if got, want := keys(t, stdout), []string{"blas", "blas_core", "cpu", "features", "go", "platform", "threads", "tier", "tiers"}; !slices.Equal(got, want) {
		t.Errorf("keys %q, want %q", got, want)
	}
	var r cpuReport
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if r.Tier != tier.String() || r.BLAS != blas.Backend() || r.BLASCore != blas.Core() || r.Platform != runtime.GOOS+"/"+runtime.GOARCH {
		t.Errorf("%+v: want tier %s, BLAS %s", r, tier, blas.Backend())
	}
	if !slices.Contains(r.Tiers, r.Tier) || !slices.Contains(r.Tiers, "generic") {
		t.Errorf("tiers %q: want the tier in use and generic among them", r.Tiers)
	}
	_, table, _ := call(t.Context(), "cpu")
	for _, want := range append(r.Tiers, r.BLAS, r.BLASCore, runtime.Version()) {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
}

// The keys of `equivalence -json` are a contract.
var equivalenceKeys = []string{
	"blas", "coupling_params", "diagonal_params",
	"init", "init.bitwise_equal", "init.kernel_max", "init.logprob_err_max", "init.logprob_err_median", "init.z_err_max", "init.z_err_median",
	"integral_after", "integral_before", "n",
	"seconds", "seconds.couple", "seconds.fit", "seconds.train",
	"tier",
	"trained", "trained.kernel_max", "trained.logprob_err_max", "trained.logprob_err_median", "trained.nll_after", "trained.nll_before", "trained.z_err_max", "trained.z_err_median",
}

// whole checks that a directory holds the figures that were asked for, whole, and
// nothing else.
func whole(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("%s holds %q, want %q", dir, names, want)
	}
	for _, name := range names {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(f); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
	}
}

// runEquivalence runs the experiment with -json and returns the object.
func runEquivalence(t *testing.T, args ...string) equivalence {
	t.Helper()
	status, stdout, stderr := call(t.Context(), append([]string{"equivalence", "-json"}, args...)...)
	if status != statusDone || stderr != "" {
		t.Fatalf("exit status %d, errors %q", status, stderr)
	}
	if got := keys(t, stdout); !slices.Equal(got, equivalenceKeys) {
		t.Errorf("keys %q,\nwant %q", got, equivalenceKeys)
	}
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	var r equivalence
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	checkInit(t, r)
	return r
}

// checkInit checks what holds before training, however long the training is.
func checkInit(t *testing.T, r equivalence) {
	t.Helper()
	if r.DiagonalParams != 212 || r.CouplingParams != 46804 || r.N != 5000 {
		t.Errorf("%d and %d parameters, %d points, want 212, 46804, 5000", r.DiagonalParams, r.CouplingParams, r.N)
	}
	if e := r.Init.flowErrors; !r.Init.BitwiseEqual || e.ZErrMedian != 0 || e.ZErrMax != 0 || e.LogProbErrMedian != 0 || e.LogProbErrMax != 0 {
		t.Errorf("before training the flows differ: %+v", r.Init)
	}
	if want := make([]float64, 8); !slices.Equal(r.Init.KernelMax, want) {
		t.Errorf("final kernels before training %v, want %v", r.Init.KernelMax, want)
	}
	if r.Trained.NLLBefore > 2.170 {
		t.Errorf("mean -log p before training %.4f, want at most 2.170", r.Trained.NLLBefore)
	}
	for name, v := range map[string]float64{"before": r.IntegralBefore, "after": r.IntegralAfter} {
		if math.Abs(v-1) > 1e-3 {
			t.Errorf("the density %s training integrates to %.6f, want 1 ± 1e-3", name, v)
		}
	}
}

func TestEquivalence(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "yet")
	a := runEquivalence(t, "-steps", "2", "-seed", "3", "-out", dir)
	whole(t, dir, initFigure, trainedFigure)
	if len(a.Trained.KernelMax) != 8 || slices.Min(a.Trained.KernelMax) <= 0 || a.Trained.ZErrMax <= 0 {
		t.Errorf("after 2 steps %+v, want kernels and errors above 0", a.Trained)
	}

	var b bytes.Buffer
	e := experiment{steps: 2, seed: 3, out: dir}
	if err := e.publish(&b, false, &a, nil); err != nil {
		t.Fatal(err)
	}
	table := b.String()
	for _, want := range []string{
		"diagonal 212, coupling 46804", "equal bit for bit", "after step 2",
		number(a.Trained.ZErrMedian), number(a.Trained.LogProbErrMax), number(slices.Max(a.Trained.KernelMax)),
		filepath.Join(dir, trainedFigure),
	} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
}

// The figures of the tutorial, from the run that the README shows.
func TestEquivalenceFigures(t *testing.T) {
	if testing.Short() {
		t.Skip("600 steps of training")
	}
	r := runEquivalence(t, "-out", t.TempDir())
	for i, w := range r.Trained.KernelMax {
		if !(w >= 0.01 && w <= 0.3) {
			t.Errorf("final kernel %d grew to %.3g, want 0.01 to 0.3", i, w)
		}
	}
	if m := r.Trained.ZErrMedian; !(m >= 0.05 && m <= 0.5) {
		t.Errorf("median of ‖Δz‖ after training %.3g, want 0.05 to 0.5", m)
	}
	if !(r.Trained.NLLAfter <= 1.81) {
		t.Errorf("mean -log p after training %.4f, want at most 1.81", r.Trained.NLLAfter)
	}
	checkReadme(t, experiment{steps: 600}, &r)
}

func TestEquivalenceCannotWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	occupied := t.TempDir()
	if err := os.MkdirAll(filepath.Join(occupied, initFigure, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		filepath.Join(file, "under"): "gaussflow: equivalence: cannot make the directory for the figures: ",
		occupied:                     "gaussflow: equivalence: cannot write the figure: ",
	} {
		status, stdout, stderr := call(t.Context(), "equivalence", "-json", "-steps", "1", "-out", dir)
		if status != statusFailed || stdout != "" || !strings.HasPrefix(stderr, want) || !strings.Contains(stderr, dir) && !strings.Contains(stderr, file) {
			t.Errorf("exit status %d, output %q, errors %q, want %d, none, and %q with the path", status, stdout, stderr, statusFailed, want)
		}
	}
}

// fullPipe is an output that takes nothing.
type fullPipe struct{}

func (fullPipe) Write([]byte) (int, error) { return 0, errors.New("the pipe is full") }

// TestMain lets a test run the program in a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("GAUSSFLOW_TEST_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

func process(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, args...)
	c.Env = append(os.Environ(), "GAUSSFLOW_TEST_MAIN=1")
	return c
}

// A tier that cannot be had is an error, not another tier.
func TestForcedTier(t *testing.T) {
	for _, name := range []string{"generic", "mmx"} {
		c := process(t, "cpu", "-json")
		c.Env = append(c.Env, "GAUSSFLOW_SIMD="+name)
		var stdout, stderr bytes.Buffer
		c.Stdout, c.Stderr = &stdout, &stderr
		err := c.Run()
		if name == "generic" {
			if err != nil || !strings.Contains(stdout.String(), `"tier":"generic"`) {
				t.Errorf("%s: %v, output %q, errors %q", name, err, stdout.String(), stderr.String())
			}
			continue
		}
		if c.ProcessState.ExitCode() != statusFailed || stdout.Len() > 0 ||
			!strings.HasPrefix(stderr.String(), "gaussflow: cpu: ") || !strings.Contains(stderr.String(), name) {
			t.Errorf("%s: %v, output %q, errors %q, want status %d and the tier's name", name, err, stdout.String(), stderr.String(), statusFailed)
		}
	}
}

func TestOutputFails(t *testing.T) {
	for _, args := range [][]string{{"cpu"}, {"cpu", "-json"}} {
		var stderr bytes.Buffer
		if status := run(t.Context(), args, nil, fullPipe{}, &stderr); status != statusFailed || !strings.Contains(stderr.String(), "the pipe is full") {
			t.Errorf("gaussflow %q: exit status %d, errors %q, want %d and the writer's error", args, status, stderr.String(), statusFailed)
		}
	}
}

// An interrupt keeps what was trained and says so, but hands no half of a run to a
// program.
func TestEquivalenceInterrupted(t *testing.T) {
	// Before the first step there is nothing to show but the first figure.
	now, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	status, stdout, stderr := call(now, "equivalence", "-out", dir)
	if want := "gaussflow: equivalence: interrupted: the training ended after 0 of 600 steps\n"; status != statusFailed || stdout != "" || stderr != want {
		t.Errorf("exit status %d, output %q, errors %q, want %d, none, %q", status, stdout, stderr, statusFailed, want)
	}
	whole(t, dir, initFigure)

	// After the first step.
	soon, cancel := context.WithCancel(t.Context())
	dir = t.TempDir()
	e := experiment{steps: 600, out: dir, progress: &progress{w: writerFunc(func(line string) {
		if strings.Contains(line, "step 1 of 600") {
			cancel()
		}
	})}}
	r, err := e.run(soon)
	if err != (interrupted{1, 600}) || r == nil {
		t.Fatalf("report %v, error %v, want a report and %v", r, err, interrupted{1, 600})
	}
	whole(t, dir, initFigure, trainedFigure)
	checkInit(t, *r)
	var out bytes.Buffer
	if got := e.publish(&out, true, r, err); got != err || out.Len() > 0 {
		t.Errorf("as JSON: error %v, output %q, want %v and none", got, out.String(), err)
	}
	if got := e.publish(&out, false, r, err); !errors.Is(got, err) || !strings.Contains(out.String(), "after step 1") {
		t.Errorf("as a table: error %v, want %v, and after step 1 in\n%s", got, err, out.String())
	}
}

// An experiment that is interrupted goes on from its checkpoint and comes out as if
// nothing had happened.
func TestEquivalenceCheckpoint(t *testing.T) {
	if testing.Short() {
		t.Skip("three experiments")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "run.gflow")
	args := func(more ...string) []string {
		return append([]string{"equivalence", "-json", "-steps", "4", "-seed", "3", "-out", filepath.Join(dir, "figures")}, more...)
	}
	_, want, _ := call(t.Context(), args()...)

	ctx, cancel := context.WithCancel(t.Context())
	e := experiment{steps: 4, seed: 3, out: t.TempDir(), checkpoint: file, progress: &progress{w: writerFunc(func(line string) {
		if strings.Contains(line, "step 1 of 4") {
			cancel()
		}
	})}}
	if r, err := e.run(ctx); err != (interrupted{1, 4}) || r == nil {
		t.Fatalf("report %v, error %v", r, err)
	}
	status, got, stderr := call(t.Context(), args("-checkpoint", file)...)
	if status != statusDone {
		t.Fatalf("exit status %d, errors %q", status, stderr)
	}
	var a, b equivalence
	if err := errors.Join(json.Unmarshal([]byte(want), &a), json.Unmarshal([]byte(got), &b)); err != nil {
		t.Fatal(err)
	}
	b.Seconds = a.Seconds
	if !reflect.DeepEqual(a, b) {
		t.Errorf("resumed: %+v\nnot interrupted: %+v", b, a)
	}
	whole(t, filepath.Join(dir, "figures"), initFigure, trainedFigure)

	saved, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := flow.Load(bytes.NewReader(saved))
	if err != nil || f.NumParams() != 46804 {
		t.Errorf("the flow in the checkpoint: %v, error %v", f, err)
	}
	bad := filepath.Join(dir, "bad.gflow")
	saved[len(saved)/2]++
	if err := os.WriteFile(bad, saved, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"-steps 5 -seed 3 -checkpoint " + file, "Steps is 5, and the run was started with 4"},
		{"-steps 4 -seed 4 -checkpoint " + file, "the run was started with 3"},
		{"-steps 4 -checkpoint " + file, "of a run with seed 3, not 0"},
		{"-steps 4 -seed 3 -checkpoint " + bad, "bad.gflow: flow: LoadTrainer: "},
		{"-steps 4 -seed 3 -checkpoint " + dir, "checkpoint"},
	} {
		status, stdout, stderr := call(t.Context(), append([]string{"equivalence", "-json", "-out", dir}, strings.Fields(c.args)...)...)
		if status != statusFailed || stdout != "" || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit status %d, output %q, errors %q, want %q", c.args, status, stdout, stderr, c.want)
		}
	}
}

type writerFunc func(string)

func (f writerFunc) Write(b []byte) (int, error) { f(string(b)); return len(b), nil }
