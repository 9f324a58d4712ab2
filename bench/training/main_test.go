package main

import (
	"math"
	"testing"

	"github.com/gaussflow/gaussflow/bench/density"
	"github.com/gaussflow/gaussflow/flow"
)

// One short run of all that the table says.
func TestOne(t *testing.T) {
	tables, err := density.Tables()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if table.Name != "sines" {
			continue
		}
		small := *table
		small.Train, small.Test = 300, 200
		s := settings{start: "rbig", samples: 5000, train: flow.TrainOptions{Steps: 150}}
		r, err := s.one(t.Context(), &small, 0)
		if err != nil {
			t.Fatal(err)
		}
		if r.steps != 150 || !(r.trained <= r.truth+0.2) || !(math.Abs(r.trained-r.start-r.gain) < 1e-12) || !(r.se > 0) {
			t.Errorf("%+v", r)
		}
		if !(math.Abs(r.integral-1) < 1e-3) || r.rays != 0 || !(r.far > 0.3 && r.far < 3) || r.kinks != 0 || !(r.entropy < 0.1) {
			t.Errorf("%+v", r)
		}
		return
	}
	t.Error("no such table")
}
