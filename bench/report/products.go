package main

import (
	"fmt"
	"log"
	"regexp"
	"runtime"
	"slices"

	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/kernels"
)

// A shape is a product of a layer of in inputs and out outputs for n samples. Op says which: NN its values W·X, NT the
// gradient of its kernel, dY·Xᵀ, TN that of its inputs, Wᵀ·dY.
type shape struct {
	op         string
	out, in, n int
	small      bool // one of its sides is at most 8
}

func (s shape) path() string {
	return fmt.Sprintf("product-%s/out=%d/in=%d/n=%d", s.op, s.out, s.in, s.n)
}

func (s shape) flops() float64 { return 2 * float64(s.out) * float64(s.in) * float64(s.n) }

// productShapes are those of conditioners, and those that have few inputs or outputs.
func productShapes() (all []shape) {
	for _, op := range []string{"NN", "NT", "TN"} {
		for _, layer := range [][2]int{{24, 24}, {24, 64}, {64, 24}, {48, 64}, {64, 48}, {64, 64}, {96, 96}, {64, 128}, {128, 64}, {128, 128}, {64, 192}, {192, 64}, {192, 192}} {
			for _, n := range []int{128, 256, 512} {
				all = append(all, shape{op, layer[0], layer[1], n, false})
			}
		}
	}
	for _, op := range []string{"NN", "NT", "TN"} {
		for _, few := range []int{1, 2, 4, 8} {
			for _, n := range []int{128, 512} {
				all = append(all, shape{op, 64, few, n, true}, shape{op, few, 64, n, true})
			}
		}
	}
	return all
}

// What products promise.
const (
	shareOfPeak    = 0.75
	timesOpenBLAS  = 1.15
	timesGonum     = 5
	smallOverOther = 1 // the better one of the two
)

// cores of OpenBLAS that compete, by the tiers that this machine has: what it would choose for a processor of today. The
// best one counts.
func openblasCores() []string {
	if runtime.GOARCH != "amd64" {
		return []string{""}
	}
	names := []string{"Haswell"}
	if slices.Contains(kernels.Tiers(), kernels.AVX512) {
		names = append(names, "SkylakeX")
	}
	return names
}

// productTable measures the matrix products on one core, by the fused multiply-adds that it can do and against others.
func (r *report) productTable() error {
	chosen, err := regexp.Compile(r.tables)
	if err != nil {
		return err
	}
	o := harness.Options{Rounds: r.rounds, Slice: r.slice / 5}
	var contenders []*harness.Peer
	start := func(s spec) (*harness.Peer, error) {
		p, err := r.peer(s)
		if p != nil {
			contenders = append(contenders, p)
		}
		return p, err
	}
	type ours struct {
		tier kernels.Tier
		p    *harness.Peer
		fmas float64 // in a repetition of its peak
	}
	var us []ours
	for _, tier := range kernels.Tiers()[1:] {
		p, err := start(tierOf(tier))
		if err != nil {
			return err
		}
		if p == nil {
			continue
		}
		fmas, err := p.Value("peak")
		if err != nil {
			return err
		}
		us = append(us, ours{tier, p, fmas})
	}
	var others []*harness.Peer // OpenBLAS's, and gonum last
	for _, core := range openblasCores() {
		p, err := start(openblasOn(core))
		if err != nil {
			return err
		}
		if p != nil {
			others = append(others, p)
		}
	}
	gonum, err := start(gaussflow("gonum", 1))
	if err != nil {
		return err
	}
	if gonum == nil || len(us) == 0 {
		log.Print("products: nothing to measure, or nothing to measure by")
		return nil
	}
	t := &harness.Table{
		Name: "products", Title: "Matrix products of a layer: one core, float64",
		Columns: []harness.Column{
			{Name: "tier"}, {Name: "product"}, {Name: "out"}, {Name: "in"}, {Name: "n"},
			{Name: "rate", Unit: "GFLOP/s"},
			{Name: "of the peak", Unit: "share: " + spread},
			{Name: "OpenBLAS", Unit: "of the peak"},
			{Name: "over OpenBLAS", Unit: "times as fast: " + spread},
			{Name: "over gonum", Unit: "times as fast: " + spread},
			{Name: "met"},
		},
	}
	var counted, least tally // by medians, and by least times
	rows := map[kernels.Tier][][]any{}
	for _, s := range productShapes() {
		if !chosen.MatchString(s.path()) {
			continue
		}
		log.Printf("measuring %s", s.path())
		var c []harness.Contender
		for _, p := range contenders {
			c = append(c, p.Contender(s.path()))
		}
		for _, u := range us {
			c = append(c, u.p.Contender("peak"))
		}
		series, err := harness.Measure(c, o)
		if err != nil {
			return err
		}
		of := func(p *harness.Peer) harness.Series { return series[slices.Index(contenders, p)] }
		for i, u := range us {
			mine, peak := of(u.p), series[len(contenders)+i]
			fmas := s.flops() / 2 / u.fmas // of the product, in repetitions of the peak
			share, overGonum := peak.Over(mine).Scale(fmas), of(gonum).Over(mine)
			v := verdict{small: s.small, share: share.Median, gonum: overGonum.Median}
			b := verdict{small: s.small, share: share.Best, gonum: overGonum.Best}
			var overOpenBLAS, itsShare any
			for _, p := range others {
				ratio, its := of(p).Over(mine), peak.Over(of(p)).Scale(fmas)
				if overOpenBLAS == nil || ratio.Median < v.openblas {
					overOpenBLAS, v.openblas, itsShare, v.others = ratio, ratio.Median, its.Median, its.Median
				}
				if b.openblas == 0 || ratio.Best < b.openblas {
					b.openblas, b.others = ratio.Best, its.Best
				}
			}
			counted.add(v)
			least.add(b)
			rows[u.tier] = append(rows[u.tier], []any{u.tier.String(), s.op, s.out, s.in, s.n, s.flops() / mine.Time(1).Median, share, itsShare, overOpenBLAS, overGonum, v.met()})
		}
	}
	for _, u := range us {
		for _, row := range rows[u.tier] {
			t.Add(row...)
		}
	}
	r.note(t, o)
	t.Note("NN: values W·X; NT: the kernel's gradient dY·Xᵀ; TN: the inputs' gradient Wᵀ·dY. The peak: fused multiply-adds on registers and nothing else, timed in the same rounds. OpenBLAS is the faster of its kernels %v.", openblasCores())
	t.Note("Promised for out and in from 24 on: at least %g of the peak, %g times OpenBLAS, %g times gonum; else: not slower than the better of the two.", shareOfPeak, timesOpenBLAS, float64(timesGonum))
	t.Note("Met, by the medians: %s.", counted)
	t.Note("Met, by the least times, which other work on the machine does not reach: %s.", least)
	return r.publish(t, nil)
}

// A verdict is what a product came to; openblas is 0 where there is none.
type verdict struct {
	small                  bool
	share, openblas, gonum float64
	others                 float64 // OpenBLAS's share of the peak
}

func (v verdict) peakMet() bool     { return v.share >= shareOfPeak }
func (v verdict) openblasMet() bool { return v.openblas == 0 || v.openblas >= timesOpenBLAS }
func (v verdict) gonumMet() bool    { return v.gonum >= timesGonum }
func (v verdict) smallMet() bool {
	return (v.openblas == 0 || v.openblas >= smallOverOther) && v.gonum >= smallOverOther
}

// met says what is not met, or yes.
func (v verdict) met() string {
	missed := ""
	add := func(met bool, what string) {
		if !met {
			missed += " " + what
		}
	}
	if v.small {
		add(v.smallMet(), "slower")
	} else {
		add(v.peakMet(), "peak")
		add(v.openblasMet(), "OpenBLAS")
		add(v.gonumMet(), "gonum")
	}
	if missed == "" {
		return "yes"
	}
	return "NO:" + missed
}

// A tally counts what is met.
type tally struct{ all, peak, openblas, impossible, gonum, small, smallMet int }

func (c *tally) add(v verdict) {
	count := func(n *int, met bool) {
		if met {
			*n++
		}
	}
	if v.small {
		c.small++
		count(&c.smallMet, v.smallMet())
		return
	}
	c.all++
	count(&c.peak, v.peakMet())
	count(&c.openblas, v.openblasMet())
	count(&c.impossible, v.others*timesOpenBLAS > 1)
	count(&c.gonum, v.gonumMet())
}

func (c tally) String() string {
	return fmt.Sprintf("the share of the peak in %d rows of %d, OpenBLAS in %d (in %d OpenBLAS is so near the peak that it cannot be met), gonum in %d; small shapes in %d of %d",
		c.peak, c.all, c.openblas, c.impossible, c.gonum, c.smallMet, c.small)
}
