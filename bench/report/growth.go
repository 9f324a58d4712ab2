package main

import (
	"fmt"
	"io"
	"log"
	"slices"

	"github.com/gaussflow/gaussflow/bench/harness"
)

// A sweep varies one parameter of a case.
type sweep struct {
	work      string // what is timed
	at        string // the case, with %d for the parameter
	parameter string
	values    []int
	threads   bool // the parameter is GOMAXPROCS
	fixed     string
}

func (r *report) sweeps() []sweep {
	var workers []int
	for w := 1; w < cores(); w *= 2 {
		workers = append(workers, w)
	}
	workers = append(workers, cores())
	var ns []int
	for n := 1000; n <= 10*r.rows; n *= 10 {
		ns = append(ns, n)
	}
	ks, blocks := []int{2, 4, 8, 16, 32, 64}, []int{1, 2, 4, 8, 16, 32}
	ds := []int{2, 8, 32, 128, 512}
	return []sweep{
		{"scoring", "score/n=%d/d=2/K=8/blocks=2", "rows n", ns, false, "d = 2, K = 8, 2 blocks"},
		{"scoring", "score/n=4096/d=%d/K=8/blocks=1", "columns d", ds, false, "n = 4,096, K = 8, 1 block"},
		{"scoring", "score/n=4096/d=8/K=%d/blocks=2", "components K", ks, false, "n = 4,096, d = 8, 2 blocks"},
		{"scoring", "score/n=4096/d=8/K=8/blocks=%d", "blocks", blocks, false, "n = 4,096, d = 8, K = 8"},
		{"scoring", "score/n=65536/d=8/K=8/blocks=2", "threads", workers, true, "n = 65,536, d = 8, K = 8, 2 blocks"},
		{"fitting", "fit-growth/n=%d/d=2/K=8/blocks=1", "rows n", []int{1000, 10_000, 100_000, 1_000_000}, false, "d = 2, K = 8, 1 block"},
		{"fitting", "fit-growth/n=1000/d=%d/K=8/blocks=1", "columns d", ds, false, "n = 1,000, K = 8, 1 block"},
		{"fitting", "fit-growth/n=4096/d=2/K=%d/blocks=1", "components K", ks, false, "n = 4,096, d = 2, 1 block"},
		{"fitting", "fit-growth/n=2048/d=2/K=8/blocks=%d", "blocks", blocks, false, "n = 2,048, d = 2, K = 8"},
		{"flow.Fit", "default-fit/n=%d/d=6", "rows n", []int{1000, 10_000, 100_000, 200_000}, false, "d = 6"},
		{"flow.Fit", "default-fit/n=2000/d=%d", "columns d", []int{2, 8, 32}, false, "n = 2,000"},
		{"training step", "step/d=%d/K=8/blocks=1", "columns d", ds, false, "batch 512, K = 8, 1 block"},
		{"training step", "step/d=8/K=%d/blocks=2", "components K", ks, false, "batch 512, d = 8, 2 blocks"},
		{"training step", "step/d=8/K=8/blocks=%d", "blocks", blocks, false, "batch 512, d = 8, K = 8"},
	}
}

// growth is the command: each point runs in a process of its own, which tells its peak memory.
func (r *report) growth() error {
	const backend = "simd"
	points := &harness.Table{
		Name: "growth", Title: "Growth of time and memory",
		Columns: []harness.Column{
			{Name: "work"}, {Name: "varied"}, {Name: "value"}, {Name: "fixed"},
			{Name: "time", Unit: "ms: " + spread}, {Name: "peak memory", Unit: "MB"},
		},
	}
	exponents := &harness.Table{
		Name: "growth-exponents", Title: "Growth: time ∝ parameter^b, by least squares in logarithms",
		Columns: []harness.Column{
			{Name: "work"}, {Name: "varied"}, {Name: "from"}, {Name: "to"}, {Name: "fixed"},
			{Name: "b", Unit: "of time"}, {Name: "b at the end", Unit: "last two points"}, {Name: "memory grows by", Unit: "times"},
		},
	}
	var timing, memory []harness.Panel
	for _, s := range r.sweeps() {
		var xs, times, peaks []float64
		for _, v := range s.values {
			at, n := s.at, cores()
			if s.threads {
				n = v
			} else {
				at = fmt.Sprintf(s.at, v)
			}
			log.Printf("%s, %d threads", at, n)
			elapsed, peak, err := r.point(gaussflow(backend, n), at)
			if err != nil {
				return err
			}
			points.Add(s.work, s.parameter, v, s.fixed, elapsed, peak/1e6)
			xs, times, peaks = append(xs, float64(v)), append(times, elapsed.Median), append(peaks, peak/1e6)
		}
		if len(xs) < 2 {
			continue
		}
		b, err := harness.Exponent(xs, times)
		if err != nil {
			return err
		}
		end, err := harness.Exponent(xs[len(xs)-2:], times[len(xs)-2:])
		if err != nil {
			return err
		}
		exponents.Add(s.work, s.parameter, s.values[0], s.values[len(xs)-1], s.fixed, b, end, slices.Max(peaks)/slices.Min(peaks))
		addLine(&timing, "time", "milliseconds", s.parameter, harness.Line{Name: fmt.Sprintf("%s: b = %.2f", s.work, b), X: xs, Y: times})
		addLine(&memory, "memory", "MB", s.parameter, harness.Line{Name: s.work, X: xs, Y: peaks})
	}
	points.Note("Each point is a process of its own on %d threads, unless they are varied: the time is of up to %d rounds after a first one, the memory the most it held.", cores(), r.flowRounds)
	points.Note("Rows to score come in blocks of at most 32,768 that are made as they are needed, outside the clock.")
	if err := r.publish(points, func(w io.Writer) error { return harness.WritePanels(w, append(timing, memory...)) }); err != nil {
		return err
	}
	return r.publish(exponents, nil)
}

// addLine adds a line to the panel of a parameter.
func addLine(panels *[]harness.Panel, what, unit, parameter string, line harness.Line) {
	title := what + " against " + parameter
	for i := range *panels {
		if p := &(*panels)[i]; p.Title == title {
			p.Lines = append(p.Lines, line)
			return
		}
	}
	*panels = append(*panels, harness.Panel{Title: title, X: parameter, Y: unit, Lines: []harness.Line{line}})
}

// point measures a case in a fresh process: milliseconds, and bytes.
func (r *report) point(s spec, at string) (elapsed harness.Spread, peak float64, err error) {
	p, err := s.start(r)
	if err != nil {
		return elapsed, 0, err
	}
	defer p.Close()
	o := r.flowOptions(20e6, 5e9)
	series, err := harness.Measure([]harness.Contender{p.Contender(at)}, o)
	if err != nil {
		return elapsed, 0, err
	}
	peak, err = p.Memory()
	return series[0].Time(1e6), peak, err
}
