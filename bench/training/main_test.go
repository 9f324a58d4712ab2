package main

import (
	"bytes"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gaussflow/gaussflow/bench/density"
	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/flow"
)

// One short run of all that the table says.
func TestOne(t *testing.T) {
	s := settings{start: "rbig", samples: 5000, train: flow.TrainOptions{Steps: 150}}
	r, err := s.one(t.Context(), sines(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	if r.steps != 150 || !(r.trained <= r.truth+0.2) || !(math.Abs(r.trained-r.start-r.gain) < 1e-12) || !(r.se > 0) {
		t.Errorf("%+v", r)
	}
	if !(math.Abs(r.integral-1) < 1e-3) || r.rays != 0 || !(r.far > 0.3 && r.far < 3) || r.kinks != 0 || !(r.entropy < 0.1) {
		t.Errorf("%+v", r)
	}
}

// A kink counts, wherever it lies between two points; a narrow bump does not.
func TestKinks(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(x float64) float64
		want int
	}{
		{"smooth", math.Sin, 0},
		{"a corner", func(x float64) float64 { return 0.1 * math.Abs(x-0.50013) }, 1},
		{"a bump of half the spacing", func(x float64) float64 { d := (x - 0.5001) / 0.00025; return 0.1 * math.Exp(-d*d/2) }, 0},
	} {
		n, err := kinks(func(x []float64) ([]float64, error) {
			y := make([]float64, len(x))
			for i, v := range x {
				y[i] = c.f(v)
			}
			return y, nil
		})
		if err != nil || n < c.want || n > 2*c.want { // one may be seen from two points
			t.Errorf("%s: %d, %v", c.name, n, err)
		}
	}
}

// What is timed without the peer, briefly.
func TestTime(t *testing.T) {
	s := settings{start: "rbig", seeds: 1, train: flow.TrainOptions{Steps: 60}}
	var out bytes.Buffer
	if err := s.time(t.Context(), &out, sines(t), "", harness.Options{Rounds: 1, Slice: time.Nanosecond}); err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\s*(\d)\s+gaussflow, from rbig\s+(\S+)\s+(\S+)\s+(\S+)\s*$`).FindStringSubmatch(out.String())
	if row == nil || !strings.Contains(out.String(), "plain conditioners") {
		t.Fatalf("%s", &out)
	}
	var figures [3]float64
	for i, v := range row[2:] {
		var err error
		if figures[i], err = strconv.ParseFloat(v, 64); err != nil {
			t.Error(err)
		}
	}
	if figures[1] > figures[2] || !(figures[0] < 0) {
		t.Errorf("log p, seconds to the best and in all: %v", figures)
	}
}

// sines is that table with few rows.
func sines(t *testing.T) *density.Table {
	t.Helper()
	tables, err := density.Tables()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if table.Name == "sines" {
			small := *table
			small.Train, small.Test = 300, 200
			return &small
		}
	}
	t.Fatal("no such table")
	return nil
}
