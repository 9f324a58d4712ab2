package main

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
)

// The keys of `depth -json` are a contract.
var depthKeys = []string{
	"blocks", "contraction", "deep", "deep.blocks", "deep.families", "deep.fresh", "deep.train",
	"families", "families.affine", "families.mixture", "families.spline", "families.spline, on a fit", "fresh",
	"gradient_blocks", "gradient_norm", "residual", "residual.lipschitz", "residual.refused", "residual.round_trip",
	"seconds", "seeds", "start_blocks", "start_diverged", "start_fresh", "start_fresh_se", "start_steps", "tier", "train", "truth", "truth.fresh", "truth.train",
}

func TestDepth(t *testing.T) {
	dir := t.TempDir()
	e := depthExperiment{
		depthSizes: depthSizes{blocks: []int{1, 2}, gradientBlocks: []int{2, 4}, startBlocks: 4, startSteps: 3, deepest: 3, fresh: 400, fitted: 3},
		steps:      3, seeds: 2, seed: 5, out: dir, progress: new(progress),
	}
	report, err := e.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	whole(t, dir, contractionFigure, densityFigure, gradientFigure)
	var out, table strings.Builder
	if err := writeJSON(&out, report); err != nil {
		t.Fatal(err)
	}
	stdout := out.String()
	if err := e.print(&table, report); err != nil || !strings.Contains(table.String(), "spline couplings on a fit, fresh points") {
		t.Errorf("the table (%v): %s", err, table.String())
	}
	if e := depthDefault; !slices.Equal(e.blocks, []int{1, 2, 4, 8, 16}) || !slices.Equal(e.gradientBlocks, []int{2, 4, 8, 16, 32}) {
		t.Errorf("the command's sizes are %+v", e)
	}
	all := slices.DeleteFunc(keys(t, stdout), func(k string) bool {
		return strings.HasPrefix(k, "gradient_norm.") || strings.HasPrefix(k, "start_fresh.") || strings.HasPrefix(k, "start_fresh_se.") || strings.HasPrefix(k, "start_diverged.")
	})
	if !slices.Equal(all, depthKeys) {
		t.Errorf("keys %q, want %q", all, depthKeys)
	}
	var r depthReport
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Blocks, e.blocks) || len(r.Train) != 2 || len(r.Fresh) != 2 || !slices.Equal(r.Fresh, r.Families["spline"].Fresh) {
		t.Errorf("blocks %v, train %v, fresh %v", r.Blocks, r.Train, r.Fresh)
	}
	for _, name := range []string{"affine", "spline", "mixture", "spline, warm", "affine, random, ActNorm"} {
		if n := r.GradientNorm[name]; len(n) != len(r.GradientBlocks) || !(slices.Min(n) > 0) {
			t.Errorf("gradient norms of %s: %v at %v blocks", name, n, r.GradientBlocks)
		}
	}
	// Even untrained: random stacks have larger gradients than others, and warm mixtures score best.
	for i := range r.GradientBlocks {
		if !(r.GradientNorm["spline, random"][i] > 5*r.GradientNorm["spline, warm"][i]) {
			t.Errorf("the random start's gradients are %v, the warm one's %v", r.GradientNorm["spline, random"], r.GradientNorm["spline, warm"])
		}
	}
	// Couplings on a fit start as the fit, whatever their number, and are that where training kept it.
	fit := r.Families["spline, on a fit"]
	for i, kept := range fit.Kept {
		if !(math.Abs(fit.Start[i]-fit.Start[0]) < 1e-9) || kept == 2 && fit.Fresh[i] != fit.Start[i] || kept < 2 && fit.Fresh[i] == fit.Start[i] || len(fit.SeedError) != 2 {
			t.Errorf("on a fit: %+v", fit)
		}
	}
	if deep := r.Deep.Families["mixture"]; len(fit.Kept) != 2 || len(deep.Fresh) != 1 || deep.Kept != nil {
		t.Errorf("%d blocks of mixtures: %+v", r.Deep.Blocks, deep)
	}
	if f := r.StartFresh; !(f["mixture, warm"] > f["mixture, near-identity"] && f["mixture, near-identity"] > f["mixture, random"] && f["spline, warm"] > f["spline, random"]) || len(f) != 2*len(starts) {
		t.Errorf("scores by start: %v", r.StartFresh)
	}
	if !(math.Abs(r.Truth.Train+1.38215) < 1e-5) || !(math.Abs(r.Truth.Fresh+1.39) < 0.2) {
		t.Errorf("the true density scores %+v", r.Truth)
	}
	if !(r.Residual.RoundTrip <= 1e-10) || !strings.Contains(r.Residual.Refused, "Lipschitz bound is 1.35") {
		t.Errorf("residual block: %+v", r.Residual)
	}
}

// Beyond eight blocks of splines the learning rate falls as there are more.
func TestDepthRate(t *testing.T) {
	for _, c := range []struct {
		blocks int
		want   float64
	}{{1, 3e-3}, {8, 3e-3}, {16, 1.5e-3}, {32, 7.5e-4}} {
		if got := rateOf(families[0], c.blocks); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%d blocks: rate %v, want %v", c.blocks, got, c.want)
		}
		if got := rateOf(families[2], c.blocks); got != 3e-3 {
			t.Errorf("%d affine blocks: rate %v", c.blocks, got)
		}
	}
}

func TestContract(t *testing.T) {
	for _, lipschitz := range []float64{0.3, 0.9, 1.35} {
		c := contract(lipschitz)
		if c.Monotone != (lipschitz < 1) || (c.Preimages > 1) != (lipschitz > 1) {
			t.Errorf("L = %v: monotone %v, %d preimages", lipschitz, c.Monotone, c.Preimages)
		}
		for k := 1; lipschitz < 1 && k < len(c.Error); k++ {
			if !(c.Error[k] <= lipschitz*c.Error[k-1]+1e-15) {
				t.Errorf("L = %v: iteration %d takes the error from %v to %v", lipschitz, k, c.Error[k-1], c.Error[k])
			}
		}
		if lipschitz > 1 && !(c.RoundTrip > 0.1) {
			t.Errorf("L = %v: the round trip is off by only %v", lipschitz, c.RoundTrip)
		}
	}
}
