// Report measures gaussflow, alone and against others, and writes what came out.
//
//	report bench       every kernel on every tier, and the figures that the project promises, next to what it promised
//	report products    the matrix products, which are a part of bench
//	report compare     side by side with what people use today
//	report components  errors against exact arithmetic and time by the number of components of a mixture
//	report growth      time and memory against rows, columns, components, blocks and threads
//	report density     how well densities fit rows that nobody saw, side by side with what people use
//	report conditional the same of densities of y given x, and whether samples given x have the right quantiles
//
// Every table goes to standard output and, as NAME.txt, NAME.json and NAME.png, to the directory of the results.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gaussflow/gaussflow/bench/cases"
	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/internal/atomicfile"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("report: ")
	r := &report{}
	flag.StringVar(&r.results, "results", "bench/results", "write the tables to `DIR`")
	flag.StringVar(&r.build, "build", "build/bench", "build programs and write inputs in `DIR`")
	flag.StringVar(&r.python, "python", "build/peers/bin/python", "the `PYTHON` of the local environment")
	flag.IntVar(&r.rounds, "rounds", 25, "rounds of the kernels")
	flag.DurationVar(&r.slice, "slice", 5*time.Millisecond, "what a contender may take of a round of the kernels")
	flag.IntVar(&r.flowRounds, "flow-rounds", 5, "rounds of the flows")
	flag.Float64Var(&r.share, "share", 0.05, "the share of the inputs of kerneltest.Sizes that components tries; 1 takes minutes")
	flag.IntVar(&r.rows, "rows", 1_000_000, "rows to score, and to stream at the end of the growth study ten times as many")
	flag.IntVar(&r.splits, "splits", 10, "random splits of the density tables, and half as many seeds of the synthetic and the conditional ones")
	flag.StringVar(&r.tables, "tables", "", "the density tables, the products, or the work of compare, whose names match the `REGEXP`")
	flag.StringVar(&r.contenders, "contenders", "", "the densities beside gaussflow.Fit whose names match the `REGEXP`")
	flag.Parse()
	commands := map[string]func() error{"bench": r.bench, "products": r.productTable, "compare": r.compare, "growth": r.growth, "components": r.components, "density": r.density, "conditional": r.conditional}
	command := commands[flag.Arg(0)]
	if command == nil || flag.NArg() != 1 {
		log.Print("want one of: bench, products, compare, components, growth, density, conditional")
		os.Exit(2)
	}
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt)
	go func() {
		<-interrupt
		log.Fatal("interrupted") // peers end with their input
	}()
	if err := r.run(command); err != nil {
		log.Fatal(err)
	}
}

// report is what the commands share.
type report struct {
	results, build, python string
	rounds, flowRounds     int
	slice                  time.Duration
	rows, splits           int
	tables, contenders     string
	share                  float64

	data    string // the inputs
	machine harness.Machine
	peers   map[string]*harness.Peer
	started time.Time
}

// The size of the kernels' inputs.
const kernelN, kernelK = 4096, 8

func (r *report) run(command func() error) error {
	r.started = time.Now()
	for _, dir := range []string{r.results, r.build} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for _, path := range []*string{&r.results, &r.build, &r.python} {
		var err error
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	r.data = filepath.Join(r.build, "data")
	if err := cases.Write(r.data, cases.NewInputs(kernelN, kernelK)); err != nil {
		return err
	}
	r.machine = harness.ThisMachine()
	r.peers = map[string]*harness.Peer{}
	defer func() {
		for _, p := range r.peers {
			if p != nil {
				p.Close()
			}
		}
	}()
	if err := command(); err != nil {
		return err
	}
	log.Printf("done in %v; the tables are in %s", time.Since(r.started).Round(time.Second), r.results)
	return nil
}

// A figure draws a table.
type figure func(w io.Writer) error

// publish prints a table, and writes its files.
func (r *report) publish(t *harness.Table, draw figure) error {
	var text bytes.Buffer
	if err := t.WriteText(&text); err != nil {
		return err
	}
	fmt.Fprintf(&text, "\n%s", r.machine)
	fmt.Printf("%s\n", text.String())
	data, err := json.MarshalIndent(struct {
		Machine harness.Machine `json:"machine"`
		Table   *harness.Table  `json:"table"`
	}{r.machine, t}, "", "  ")
	if err != nil {
		return err
	}
	files := map[string][]byte{".txt": text.Bytes(), ".json": append(data, '\n')}
	if draw != nil {
		var picture bytes.Buffer
		if err := draw(&picture); err != nil {
			return err
		}
		files[".png"] = picture.Bytes()
	}
	for extension, content := range files {
		if err := atomicfile.WriteFile(filepath.Join(r.results, t.Name+extension), content); err != nil {
			return err
		}
	}
	return nil
}

// spread is the heading of a column of spreads.
const spread = "median [quartiles] best"

func (r *report) kernelOptions() harness.Options {
	return harness.Options{Rounds: r.rounds, Slice: r.slice}
}

func (r *report) note(t *harness.Table, o harness.Options) {
	t.Note("Each figure is from %d rounds that ran every contender of its kind in turn, %v each; ratios are taken within a round.", o.Rounds, o.Slice)
}

// peer starts a peer when it is first asked for. One that cannot be had is nil, and the machine's description says why and
// what would help; gaussflow itself may only lack a library.
func (r *report) peer(s spec) (*harness.Peer, error) {
	if p, known := r.peers[s.name]; known {
		return p, nil
	}
	log.Printf("starting %s", s.name)
	p, err := s.start(r)
	var absent *harness.Absent
	switch {
	case errors.As(err, &absent):
		err = errors.New(absent.Why)
	case err != nil && s.ours:
		return nil, err
	}
	what := ""
	if err != nil {
		p, what = nil, fmt.Sprintf("left out (%s): %s", reason(err), s.install)
	} else {
		p.Limit = cmp.Or(s.limit, p.Limit)
		what = p.Version
	}
	r.machine.Peers = append(r.machine.Peers, s.name+": "+what)
	r.peers[s.name] = p
	return p, nil
}

// measure is harness.Measure without the contenders that fail, whose reasons it returns by name. Ours must not fail.
func measure(contenders []harness.Contender, ours func(name string) bool, o harness.Options) (map[string]harness.Series, map[string]error, error) {
	byName, failed := map[string]harness.Series{}, map[string]error{}
	contenders = slices.Clone(contenders)
	for len(contenders) > 0 {
		series, err := harness.Measure(contenders, o)
		var f *harness.Failure
		if errors.As(err, &f) && !ours(f.Name) {
			failed[f.Name] = f.Err
			contenders = slices.Delete(contenders, f.Contender, f.Contender+1)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		for _, s := range series {
			byName[s.Name] = s
		}
		break
	}
	return byName, failed, nil
}

// reason is an error on one line: that of a program which died has its first words and its last.
func reason(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	if n := len(lines); n > 1 {
		return lines[0] + " … " + lines[n-1]
	}
	return lines[0]
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

func threads(n int) string { return fmt.Sprintf("GOMAXPROCS=%d", n) }

func cores() int { return runtime.GOMAXPROCS(0) }
