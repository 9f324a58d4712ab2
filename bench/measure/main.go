// Command measure estimates information measures of distributions for which they are known, and prints the errors and times of
// the estimates, beside those of nearest-neighbour estimators in Python if that is installed: scikit-learn's implementation of
// Kraskov's for two columns, and our own for more. make measures runs it.
//
// Each row of the table is for S seeds: the bias with its standard error; sharper, the same minus the error of an unbiased
// estimate from the true densities on the same rows, which has less variance; standard deviation and root mean square of the
// error; the share of seeds whose interval contains the truth; the mean of the estimated standard errors; seconds per estimate.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/flow/measure"
	"github.com/gaussflow/gaussflow/internal/npy"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("measure", flag.ExitOnError)
	cases := fs.String("cases", "", "the cases whose names match the `REGEXP`")
	measures := fs.String("measures", "", "the measures whose names match the `REGEXP`: H, J, TC, MI 1+1, MI 3+3, KL")
	sizes := fs.String("n", "500,2000,20000", "numbers of rows")
	seeds := fs.Int("seeds", 20, "seeds of each case")
	first := fs.Int("first", 0, "the first seed")
	python := fs.String("python", "build/peers/bin/python", "`PYTHON` of the peers; none for no peers")
	script := fs.String("peer", "bench/peers/measure_peer.py", "the peers' `SCRIPT`")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var of [2]*regexp.Regexp
	for i, s := range []string{*cases, *measures} {
		var err error
		if of[i], err = regexp.Compile(s); err != nil {
			return err
		}
	}
	if fs.NArg() > 0 || *seeds < 1 {
		return fmt.Errorf("want no arguments, and a seed at least (-h lists the flags)")
	}
	var rows []int
	for _, s := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 20 {
			return fmt.Errorf("-n %s: want numbers of 20 and more, with commas between them", *sizes)
		}
		rows = append(rows, n)
	}
	fmt.Fprintf(out, "%d seeds from %d on, %d threads, %s/%s. All in nats.\n", *seeds, *first, runtime.GOMAXPROCS(0), runtime.GOOS, runtime.GOARCH)
	peers, err := startPeers(ctx, *python, *script)
	if err != nil {
		fmt.Fprintf(out, "No peers: %v\n", err)
	} else {
		defer peers.stop()
		fmt.Fprintf(out, "Peers: %s\n", peers.version)
	}
	fmt.Fprintln(out)
	fmt.Fprintf(out, layout, "case", "rows", "measure", "by", "truth", "bias", "±", "sharper", "±", "sd", "rmse", "covers", "se", "s")
	for _, p := range problems() {
		if !of[0].MatchString(p.name) {
			continue
		}
		for _, n := range rows {
			for _, q := range p.asked {
				if !of[1].MatchString(q.of[0].name) {
					continue
				}
				t, err := ask(ctx, p, q, n, *first, *seeds, peers)
				if err != nil {
					return fmt.Errorf("%s, %d rows, %s: %w", p.name, n, q.of[0].name, err)
				}
				for _, line := range t {
					fmt.Fprintf(out, layout, line...)
				}
			}
		}
	}
	return nil
}

// layout is that of the table.
const layout = "%-40s%6v  %-9s%-13s%8s%9s%8s%9s%8s%8s%8s%9s%8s%8s\n"

// A tally holds the results for one measure and one estimator.
type tally struct {
	by      string
	error   []float64 // estimate minus truth
	sharper []float64 // estimate minus that from the true densities
	se      []float64
	covers  int
	seconds float64
}

func (t *tally) line(p *problem, n int, k known) []any {
	mean := func(v []float64) (string, string) {
		m, sd := stat.MeanStdDev(v, nil)
		if len(v) < 2 {
			return number(m), "-"
		}
		return number(m), number(sd / math.Sqrt(float64(len(v))))
	}
	bias, biasSE := mean(t.error)
	sharp, sharpSE := mean(t.sharper)
	square := 0.0
	for _, e := range t.error {
		square += e * e / float64(len(t.error))
	}
	sd, covers, se := "-", "-", "-"
	if len(t.error) > 1 {
		sd = number(stat.StdDev(t.error, nil))
	}
	if t.se != nil {
		covers, se = fmt.Sprintf("%d/%d", t.covers, len(t.error)), number(stat.Mean(t.se, nil))
	}
	seconds := fmt.Sprintf("%.2f", t.seconds/float64(len(t.error)))
	return []any{p.name, n, k.name, t.by, number(k.truth), bias, biasSE, sharp, sharpSE, sd, number(math.Sqrt(square)), covers, se, seconds}
}

func number(v float64) string { return fmt.Sprintf("%.4f", v) }

// ask puts a question for every seed, and returns the lines of the table.
func ask(ctx context.Context, p *problem, q question, n, first, seeds int, peers *peers) ([][]any, error) {
	ours := make([]tally, len(q.of))
	theirs := map[string][]tally{}
	for i := range ours {
		ours[i].by = "gaussflow"
	}
	var order []string
	for seed := first; seed < first+seeds; seed++ {
		h := fnv.New64a()
		fmt.Fprint(h, p.name)
		rng := rand.New(rand.NewPCG(uint64(seed), h.Sum64()))
		x := p.draw(rng, n)
		y := x
		if p.other != nil {
			y = p.other(rng, n)
		}
		began := time.Now()
		estimates, err := q.do(ctx, x, y, measure.Options{Seed: uint64(seed)})
		if err != nil {
			return nil, err
		}
		seconds := time.Since(began).Seconds()
		informed := make([]float64, len(q.of))
		for i, k := range q.of {
			of := x
			if k.second {
				of = y
			}
			for r := range n {
				informed[i] += k.at(of.RawRowView(r)) / float64(n)
			}
			t := &ours[i]
			e := estimates[i]
			t.add(e.Nats, k.truth, informed[i], seconds)
			t.se = append(t.se, e.SE)
			if e.Low <= k.truth && k.truth <= e.High {
				t.covers++
			}
		}
		if peers == nil || q.peer == "" {
			continue
		}
		answers, err := peers.ask(q, x, y)
		if err != nil {
			return nil, err
		}
		for _, a := range answers {
			if theirs[a.By] == nil {
				theirs[a.By] = make([]tally, len(q.of))
				order = append(order, a.By)
			}
			if len(a.Nats) != len(q.of) {
				return nil, fmt.Errorf("%s answers with %d numbers", a.By, len(a.Nats))
			}
			for i, k := range q.of {
				t := &theirs[a.By][i]
				t.by = a.By
				t.add(a.Nats[i], k.truth, informed[i], a.Seconds)
			}
		}
	}
	var lines [][]any
	for i, k := range q.of {
		lines = append(lines, ours[i].line(p, n, k))
		for _, by := range order {
			lines = append(lines, theirs[by][i].line(p, n, k))
		}
	}
	return lines, nil
}

func (t *tally) add(nats, truth, informed, seconds float64) {
	t.error = append(t.error, nats-truth)
	t.sharper = append(t.sharper, nats-informed)
	t.seconds += seconds
}

// peers is the Python process.
type peers struct {
	version string
	dir     string
	c       *exec.Cmd
	to      io.WriteCloser
	from    *bufio.Scanner
}

// An answer is the estimates of one estimator.
type answer struct {
	By      string    `json:"by"`
	Nats    []float64 `json:"nats"`
	Seconds float64   `json:"seconds"`
}

func startPeers(ctx context.Context, python, script string) (*peers, error) {
	if _, err := exec.LookPath(python); err != nil {
		return nil, err
	}
	p := &peers{c: exec.CommandContext(ctx, python, script)}
	p.c.Stderr = os.Stderr
	p.c.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1")
	var err error
	if p.to, err = p.c.StdinPipe(); err != nil {
		return nil, err
	}
	from, err := p.c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if p.dir, err = os.MkdirTemp("", "measure-*"); err != nil {
		return nil, err
	}
	if err := p.c.Start(); err != nil {
		os.RemoveAll(p.dir)
		return nil, err
	}
	p.from = bufio.NewScanner(from)
	if !p.from.Scan() {
		p.stop()
		return nil, fmt.Errorf("%s %s does not start", python, script)
	}
	p.version = p.from.Text()
	return p, nil
}

func (p *peers) stop() {
	p.to.Close()
	p.c.Wait()
	os.RemoveAll(p.dir)
}

// ask puts a question to every peer that can answer it.
func (p *peers) ask(q question, x, y *mat.Dense) ([]answer, error) {
	request := map[string]any{"what": q.peer, "a": q.a, "b": q.b}
	for name, m := range map[string]*mat.Dense{"x": x, "y": y} {
		file := filepath.Join(p.dir, name+".npy")
		if err := write(file, m); err != nil {
			return nil, err
		}
		request[name] = file
	}
	b, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(p.to, "%s\n", b); err != nil {
		return nil, err
	}
	if !p.from.Scan() {
		return nil, fmt.Errorf("the peers ended")
	}
	var a []answer
	return a, json.Unmarshal(p.from.Bytes(), &a)
}

// write stores a matrix as .npy.
func write(file string, m *mat.Dense) error {
	n, d := m.Dims()
	b := npy.AppendHeader(nil, 8, int64(n), d)
	for i := range n {
		for _, v := range m.RawRowView(i) {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
	}
	return os.WriteFile(file, b, 0o666)
}
