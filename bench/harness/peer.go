package harness

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Peer is another program that does the same work, driven line by line so that rounds can alternate between programs.
// Its arguments end with the directory of the input files. It starts with a line, and answers each of ours with one:
//
//	              ready VERSION           it works; or: absent WHY
//	cases         NAME NAME ...           what it can do
//	check NAME    ok                      does the work once, and writes the results to the file out.f64 in its
//	                                      working directory, as little-endian float64
//	run NAME N    NANOSECONDS             does the work N times, timed by its own monotonic clock
//	memory        BYTES                   the most memory that the process has held
//	value NAME    NUMBER                  a figure of the case other than its time
//
// Any answer may be "error WHY" instead. It ends when its input does. Case names hold no blanks.
type Peer struct {
	Name, Version string
	Limit         time.Duration // for one answer; a peer that takes longer is ended

	dir     string
	cases   []string
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan string
	gone    error // why it gives no answers any more
}

// Absent is the error of a peer that cannot run here; it says why.
type Absent struct{ Name, Why string }

func (a *Absent) Error() string { return a.Name + ": not here: " + a.Why }

// patience is the limit of a peer that has none of its own: compilers behind a first call need minutes.
const patience = 10 * time.Minute

// Start starts a peer with additions to the environment. Each gets a working directory of its own below scratch.
func Start(name, scratch string, env []string, argv ...string) (*Peer, error) {
	dir, err := os.MkdirTemp(scratch, "peer-*")
	if err != nil {
		return nil, err
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return nil, &Absent{name, err.Error()}
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	p := &Peer{Name: name, Limit: patience, dir: dir, cmd: exec.Command(path, argv[1:]...), answers: make(chan string)}
	p.cmd.Dir = dir
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = &tail{}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, &Absent{name, err.Error()}
	}
	go func() {
		defer close(p.answers)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.answers <- s.Text()
		}
	}()
	greeting, err := p.answer()
	if err == nil {
		if why, absent := strings.CutPrefix(greeting, "absent "); absent {
			err = &Absent{name, why}
		} else if version, ready := strings.CutPrefix(greeting, "ready "); ready {
			p.Version = version
		} else {
			err = fmt.Errorf("harness: %s: began with %q", name, greeting)
		}
	}
	if err == nil {
		var list string
		list, err = p.ask("cases")
		p.cases = strings.Fields(list)
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// tail keeps the last bytes written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if n := len(t.b) - 2000; n > 0 {
		t.b = t.b[n:]
	}
	return len(p), nil
}

func (p *Peer) answer() (string, error) {
	select {
	case line, ok := <-p.answers:
		if !ok {
			p.gone = fmt.Errorf("harness: %s ended (%v): %s", p.Name, p.cmd.Wait(), p.cmd.Stderr)
			return "", p.gone
		}
		if why, failed := strings.CutPrefix(line, "error "); failed {
			return "", fmt.Errorf("harness: %s: %s", p.Name, why)
		}
		return line, nil
	case <-time.After(p.Limit):
		p.gone = fmt.Errorf("harness: %s: no answer for %v", p.Name, p.Limit)
		p.cmd.Process.Kill()
		return "", p.gone
	}
}

func (t *tail) String() string { return strings.TrimSpace(string(t.b)) }

func (p *Peer) ask(format string, args ...any) (string, error) {
	if p.gone != nil {
		return "", p.gone
	}
	if _, err := fmt.Fprintf(p.in, format+"\n", args...); err != nil {
		return "", fmt.Errorf("harness: %s: %w", p.Name, err)
	}
	return p.answer()
}

// Has reports whether the peer lists the case.
func (p *Peer) Has(name string) bool { return p != nil && slices.Contains(p.cases, name) }

// Contender is the peer at one case.
func (p *Peer) Contender(name string) Contender {
	return Contender{
		Name:  p.Name,
		Check: func() ([]float64, error) { return p.check(name) },
		Run:   func(reps int) (time.Duration, error) { return p.Run(name, reps) },
	}
}

// Run times a case.
func (p *Peer) Run(name string, reps int) (time.Duration, error) {
	ns, err := p.number("run %s %d", name, reps)
	return time.Duration(ns), err
}

// Memory returns the most memory that the peer has held, in bytes.
func (p *Peer) Memory() (float64, error) { return p.number("memory") }

// Value returns a figure of a case other than its time.
func (p *Peer) Value(name string) (float64, error) { return p.number("value %s", name) }

func (p *Peer) number(format string, args ...any) (float64, error) {
	line, err := p.ask(format, args...)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(line, 64)
	if err != nil {
		return 0, fmt.Errorf("harness: %s: asked for a number, got %q", p.Name, line)
	}
	return v, nil
}

func (p *Peer) check(name string) ([]float64, error) {
	if _, err := p.ask("check %s", name); err != nil {
		return nil, err
	}
	return ReadFloats(filepath.Join(p.dir, "out.f64"))
}

// Close ends the peer and waits for it.
func (p *Peer) Close() error {
	p.in.Close()
	done := make(chan struct{})
	go func() {
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			p.cmd.Process.Kill()
		}
	}()
	for range p.answers { // its reader may be waiting to hand over a line
	}
	err := p.cmd.Wait()
	close(done)
	os.RemoveAll(p.dir)
	return err
}

// ReadFloats reads a file of little-endian float64, the format of inputs and outputs.
func ReadFloats(path string) ([]float64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(b)%8 != 0 {
		return nil, fmt.Errorf("harness: %s: %d bytes are no whole number of float64", path, len(b))
	}
	x := make([]float64, len(b)/8)
	for i := range x {
		x[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return x, nil
}

// WriteFloats writes such a file.
func WriteFloats(path string, x []float64) error {
	b := make([]byte, 0, 8*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return os.WriteFile(path, b, 0o644)
}

// Work is one case of a peer that is written in Go: Do does the work reps times, Check once, Value measures something
// else. Any of them may be nil.
type Work struct {
	Check func() ([]float64, error)
	Run   func(reps int) (time.Duration, error)
	Value func() (float64, error)
}

// Serve is the other side of a Peer in Go: it answers the lines of in until they end. open is asked for a case when that
// is first used.
func Serve(in io.Reader, out io.Writer, version string, cases []string, open func(name string) (*Work, error)) error {
	opened := map[string]*Work{}
	handle := func(line string) (string, error) {
		f := strings.Fields(line)
		switch {
		case len(f) == 1 && f[0] == "cases":
			return strings.Join(cases, " "), nil
		case len(f) == 1 && f[0] == "memory":
			return peakMemory()
		case len(f) < 2:
			return "", fmt.Errorf("no command %q", line)
		}
		w := opened[f[1]]
		if w == nil {
			var err error
			if w, err = open(f[1]); err != nil {
				return "", err
			}
			opened[f[1]] = w
		}
		switch {
		case f[0] == "check" && w.Check != nil:
			x, err := w.Check()
			if err != nil {
				return "", err
			}
			return "ok", WriteFloats("out.f64", x)
		case f[0] == "run" && w.Run != nil && len(f) == 3:
			reps, err := strconv.Atoi(f[2])
			if err != nil {
				return "", err
			}
			took, err := w.Run(reps)
			return strconv.FormatInt(took.Nanoseconds(), 10), err
		case f[0] == "value" && w.Value != nil:
			v, err := w.Value()
			return strconv.FormatFloat(v, 'g', -1, 64), err
		}
		return "", fmt.Errorf("case %s has no %q", f[1], f[0])
	}
	if _, err := fmt.Fprintf(out, "ready %s\n", version); err != nil {
		return err
	}
	s := bufio.NewScanner(in)
	for s.Scan() {
		answer, err := handle(s.Text())
		if err != nil {
			answer = "error " + strings.ReplaceAll(err.Error(), "\n", "; ")
		}
		if _, err := fmt.Fprintln(out, answer); err != nil {
			return err
		}
	}
	return s.Err()
}

// peakMemory reads this process's high-water mark.
func peakMemory() (string, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			v, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(kb), " kB"), 64)
			return strconv.FormatFloat(v*1024, 'f', 0, 64), err
		}
	}
	return "", fmt.Errorf("/proc/self/status has no VmHWM")
}
