package main

import (
	"fmt"
	"io"
	"log"
	"maps"
	"slices"
	"strings"

	"github.com/gaussflow/gaussflow/bench/cases"
	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/kernels"
)

// bench is the command: the summary of the kernels, and the promised figures of kernels, products and flows.
func (r *report) bench() error {
	for _, table := range []func() error{r.kernelSummary, r.kernelPromises, r.productTable, r.flowPromises} {
		if err := table(); err != nil {
			return err
		}
	}
	return nil
}

// kernelSummary measures every kernel on every tier.
func (r *report) kernelSummary() error {
	in := cases.NewInputs(kernelN, kernelK)
	o := r.kernelOptions()
	t := &harness.Table{
		Name: "kernels", Title: fmt.Sprintf("Kernels: one core, n = %d, K = %d, inputs in the cache", in.N, in.K),
		Columns: []harness.Column{
			{Name: "kernel"}, {Name: "tier"},
			{Name: "time", Unit: "ns/element: " + spread},
			{Name: "cycles", Unit: "per element"},
			{Name: "speedup", Unit: "over the scalar reference"},
			{Name: "bound", Unit: "cycles per element"},
			{Name: "time over bound"},
			{Name: "bandwidth", Unit: "GB/s"},
		},
	}
	bars := harness.Bars{Title: t.Title, Axis: "ns per element"}
	for _, k := range append(cases.OfMixtures(in), cases.Functions(in)...) {
		log.Printf("measuring %s", k.Path())
		var contenders []harness.Contender
		for _, tier := range kernels.Tiers() {
			do, out := k.On(tier)
			contenders = append(contenders, harness.Local(tier.String(), do, out...))
		}
		series, err := harness.Measure(contenders, o)
		if err != nil {
			return err
		}
		name := k.Name
		if k.Form == "each" {
			name += ", per sample"
		}
		group := harness.Group{Name: name}
		n := float64(k.N)
		for i, tier := range kernels.Tiers() {
			s := series[i]
			cycles := s.Cycles(n)
			var speedup, least, over any
			if tier != kernels.Generic {
				speedup = series[0].Over(s).Median
			}
			if b, known := bound(k.Name, k.Form, k.K, tier); known {
				least, over = b, cycles.Median/b
			}
			t.Add(name, tier.String(), s.Time(n), cycles.Median, speedup, least, over, float64(k.Bytes)/s.Time(1).Median)
			group.Bars = append(group.Bars, harness.Bar{Label: tier.String(), Value: s.Time(n), Ours: tier != kernels.Generic})
		}
		bars.Groups = append(bars.Groups, group)
	}
	r.note(t, o)
	t.Note("An element is a sample. Cycles: beside every figure, a chain of dependent additions and exclusive ors, one cycle each, is timed on the same core.")
	t.Note("The bound counts multiplications and fused multiply-adds (bench/report/bounds.go) on %d ports; \"-\": not counted.", ports)
	return r.publish(t, bars.WritePNG)
}

// A promise is a ratio of two contenders' times, and what it should be.
type promise struct {
	what          string
	slow, fast    string // the ratio is slow over fast: contenders' names, in which TIER stands for the tier's
	atLeast       bool   // or at most
	limit         map[kernels.Tier]float64
	stretch       map[kernels.Tier]float64
	needsOtherOne bool // the slow one is a peer, which may be absent
}

func both(v float64) map[kernels.Tier]float64 {
	return map[kernels.Tier]float64{kernels.AVX2: v, kernels.AVX512: v, kernels.NEON: v}
}

func each(avx512, avx2 float64) map[kernels.Tier]float64 {
	return map[kernels.Tier]float64{kernels.AVX2: avx2, kernels.AVX512: avx512}
}

var promises = []promise{
	{what: "forward, shared mixture: times as fast as plain Go, two Erfc and an Exp per component", slow: "plain", fast: "forward/TIER", atLeast: true, limit: each(30, 18), stretch: each(37, 21)},
	{what: "the same against plain Go with one Erfc per component", slow: "plain-one", fast: "forward/TIER", atLeast: true},
	{what: "the same against SLEEF composed, two erfc, same instructions", slow: "sleef-forward/TIER", fast: "forward/TIER", atLeast: true, limit: each(8, 6), stretch: each(9, 7.5), needsOtherOne: true},
	{what: "the same against SLEEF composed, one erfc, same instructions", slow: "sleef-forward-one/TIER", fast: "forward/TIER", atLeast: true, needsOtherOne: true},
	{what: "forward, one mixture per sample: time over the shared kernel", slow: "forward-each/TIER", fast: "forward/TIER", limit: each(1.35, 1.25)},
	{what: "forward and gradients, shared: time over forward alone", slow: "gradient/TIER", fast: "forward/TIER", limit: both(2.2)},
	{what: "forward and gradients, per sample: time over forward alone", slow: "gradient-each/TIER", fast: "forward-each/TIER", limit: both(2.2)},
	{what: "inverse, two-moons mixtures: time over one forward pass", slow: "inverse-moons/TIER", fast: "forward-moons/TIER", limit: both(7)},
	{what: "inverse, far-separated mixtures: time over one forward pass", slow: "inverse-separated/TIER", fast: "forward-separated/TIER", limit: both(11)},
	{what: "Φ: times as fast as SLEEF's erfc, same instructions", slow: "sleef-erfc/TIER", fast: "cdf/TIER", atLeast: true, limit: both(2), needsOtherOne: true},
	{what: "Φ: times as fast as libmvec's erfc, same instructions", slow: "libmvec-erfc/TIER", fast: "cdf/TIER", atLeast: true, limit: both(1.2), needsOtherOne: true},
	{what: "forward, shared, against libmvec composed, one erfc, same instructions", slow: "libmvec-forward-one/TIER", fast: "forward/TIER", atLeast: true, limit: both(1.8), needsOtherOne: true},
	{what: "spline per sample, K = 8, forward: times as fast as zuko's, one thread", slow: "zuko-spline-forward", fast: "spline-forward/TIER", atLeast: true, limit: both(10), needsOtherOne: true},
	{what: "the same, inverse", slow: "zuko-spline-inverse", fast: "spline-inverse/TIER", atLeast: true, limit: both(10), needsOtherOne: true},
	{what: "EM step: times as fast as the scalar reference", slow: "em/generic", fast: "em/TIER", atLeast: true, limit: each(15, 8)},
	{what: "far tails, all |t| in 37-100: time over the bulk", slow: "tail/TIER", fast: "forward/TIER", limit: both(3)},
}

// kernelPromises measures the figures that the kernels promise.
func (r *report) kernelPromises() error {
	o := r.kernelOptions()
	var contenders []harness.Contender
	others := map[string]bool{}
	add := func(c harness.Contender, name string) {
		c.Name = name
		contenders = append(contenders, c)
	}
	in := cases.NewInputs(kernelN, kernelK)
	plain := cases.NewPlain(in.Shared)
	z, l := make([]float64, in.N), make([]float64, in.N)
	add(harness.Local("", func() { plain.Forward(z, l, in.X) }), "plain")
	add(harness.Local("", func() { plain.ForwardOne(z, l, in.X) }), "plain-one")
	work, err := promisedWork(in)
	if err != nil {
		return err
	}
	for _, tier := range kernels.Tiers() {
		for _, w := range work {
			add(harness.Local("", w.on(tier)), w.name+"/"+tier.String())
		}
		if tier == kernels.Generic {
			continue
		}
		for _, library := range []vectorLibrary{sleef, libmvec} {
			p, err := r.peer(library.on(tier.String()))
			if err != nil {
				return err
			}
			kind := strings.ToLower(library.name)
			for _, name := range []string{"forward", "forward-one", "erfc"} {
				if p.Has(name) {
					others[kind+"-"+name+"/"+tier.String()] = true
					add(p.Contender(name), kind+"-"+name+"/"+tier.String())
				}
			}
		}
	}
	splines, err := r.peer(zuko)
	if err != nil {
		return err
	}
	for _, name := range []string{"spline-forward", "spline-inverse"} {
		if splines.Has(name) {
			add(splines.Contender(name), "zuko-"+name)
			others["zuko-"+name] = true
		}
	}
	log.Printf("measuring %d contenders for the kernels' promises", len(contenders))
	byName, failed, err := measure(contenders, func(name string) bool { return !others[name] }, o)
	if err != nil {
		return err
	}
	t := &harness.Table{
		Name: "kernel-promises", Title: fmt.Sprintf("What the kernels promise: one core, float64, K = %d, n = %d, z and log-det written", in.K, in.N),
		Columns: promiseColumns,
	}
	p := newPromised(t)
	for _, tier := range kernels.Tiers() {
		group := tier.String()
		if tier == kernels.Generic {
			group += " (the scalar reference, no promise)"
		}
		for _, pr := range promises {
			slow, fast := byName[pr.name(pr.slow, tier)], byName[pr.name(pr.fast, tier)]
			row := promisedRow{group: group, what: pr.what, atLeast: pr.atLeast, limit: pr.limit[tier], stretch: pr.stretch[tier]}
			if slow.Ns != nil && slow.Name != fast.Name {
				row.measured = slow.Over(fast)
			} else if tier == kernels.Generic || !pr.needsOtherOne {
				continue
			}
			p.add(row)
		}
	}
	p.leaveOut(failed)
	r.note(t, o)
	t.Note("The last number of a spread is the ratio of the least times. SLEEF and libmvec (glibc) composed: their erfc, exp and log with gaussflow's quantile.")
	return r.publish(t, p.draw)
}

func (p promise) name(pattern string, t kernels.Tier) string {
	const place = "TIER"
	if n := len(pattern) - len(place); n >= 0 && pattern[n:] == place {
		return pattern[:n] + t.String()
	}
	return pattern
}

// work is something that a tier does.
type work struct {
	name string
	on   func(t kernels.Tier) func()
}

// promisedWork is what the promises are about. Inverse and forward pass run on the same points of the same mixtures.
func promisedWork(in *cases.Inputs) ([]work, error) {
	_, moons, err := cases.Moons()
	if err != nil {
		return nil, err
	}
	vec := func(n int) []float64 { return make([]float64, n) }
	both := func(name string, ms []kernels.Mixture) []work {
		n := in.N / len(ms)
		x := make([][]float64, len(ms))
		for i, m := range ms {
			x[i] = vec(n)
			kernels.Generic.MixtureInverse(x[i], nil, in.Z[i*n:(i+1)*n], m)
		}
		return []work{
			{"forward-" + name, func(t kernels.Tier) func() {
				z, l := vec(n), vec(n)
				return func() {
					for i, m := range ms {
						t.MixtureForward(z, l, x[i], m)
					}
				}
			}},
			{"inverse-" + name, func(t kernels.Tier) func() {
				y, l := vec(n), vec(n)
				return func() {
					for i, m := range ms {
						t.MixtureInverse(y, l, in.Z[i*n:(i+1)*n], m)
					}
				}
			}},
		}
	}
	forward := func(m kernels.Mixture, x []float64) func(t kernels.Tier) func() {
		return func(t kernels.Tier) func() {
			z, l := vec(len(x)), vec(len(x))
			return func() { t.MixtureForward(z, l, x, m) }
		}
	}
	forwardEach := func(t kernels.Tier) func() {
		z, l := vec(in.N), vec(in.N)
		return func() { t.PerSampleForward(z, l, in.X, in.Each) }
	}
	gradient := func(forward func(t kernels.Tier) func(), each bool) func(t kernels.Tier) func() {
		return func(t kernels.Tier) func() {
			first := forward(t)
			second, _ := cases.Backward(t, in, each)
			return func() { first(); second() }
		}
	}
	tail, far := cases.Tail(in.N, in.K)
	shared := forward(in.Shared, in.X)
	all := []work{
		{"forward", shared},
		{"forward-each", forwardEach},
		{"gradient", gradient(shared, false)},
		{"gradient-each", gradient(forwardEach, true)},
		{"tail", forward(tail, far)},
		{"cdf", func(t kernels.Tier) func() {
			dst := vec(in.N)
			return func() { t.NormCDF(dst, in.T) }
		}},
		{"spline-forward", func(t kernels.Tier) func() {
			y, l := vec(in.N), vec(in.N)
			return func() { t.SplinesForward(y, l, in.Z, in.Splines) }
		}},
		{"spline-inverse", func(t kernels.Tier) func() {
			x, l := vec(in.N), vec(in.N)
			return func() { t.SplinesInverse(x, l, in.Z, in.Splines) }
		}},
		{"em", func(t kernels.Tier) func() {
			s := kernels.EMStats{N: vec(in.K), A: vec(in.K), B: vec(in.K)}
			return func() { s.N[0] += t.MixtureEM(s, in.X, in.Shared) }
		}},
	}
	all = append(all, both("moons", cases.Mixtures(moons))...)
	return append(all, both("separated", []kernels.Mixture{cases.Separated(in.K)})...), nil
}

var promiseColumns = []harness.Column{{Name: "on"}, {Name: "what"}, {Name: "promise"}, {Name: "measured", Unit: spread}, {Name: "met"}}

// A promisedRow is one promise and what came out; a limit of 0 promises nothing, measured is nil where nothing could be.
type promisedRow struct {
	group, what    string
	atLeast        bool
	limit, stretch float64
	zero           bool // the promise is 0
	measured       any  // a Spread or nil
}

// promised collects rows as a table and as bars.
type promised struct {
	table *harness.Table
	bars  harness.Bars
}

func newPromised(t *harness.Table) *promised {
	return &promised{t, harness.Bars{Title: t.Title, Axis: "measured"}}
}

// leaveOut notes why contenders are left out.
func (p *promised) leaveOut(failed map[string]error) {
	for _, name := range slices.Sorted(maps.Keys(failed)) {
		p.table.Note("%s is left out: %s.", name, reason(failed[name]))
	}
}

// race is report.race with a note for each that failed.
func (p *promised) race(r *report, o harness.Options, entries ...entry) (map[string]harness.Series, error) {
	s, failed, err := r.race(o, entries...)
	p.leaveOut(failed)
	return s, err
}

func (p *promised) add(row promisedRow) {
	limit, met := any(nil), any(nil)
	sign := "≤"
	if row.atLeast {
		sign = "≥"
	}
	if row.limit > 0 {
		text := sign + " " + harness.Short(row.limit)
		if row.stretch > 0 {
			text += " (stretch " + harness.Short(row.stretch) + ")"
		}
		limit = text
	}
	s, measured := row.measured.(harness.Spread)
	if row.zero {
		limit = "0"
	}
	if measured && limit != nil {
		met = "NO"
		if row.atLeast == (s.Median >= row.limit) || s.Median == row.limit {
			met = "yes"
		}
		if row.stretch > 0 && s.Median >= row.stretch {
			met = "stretch"
		}
	} else if !measured {
		met = "not measured"
	}
	p.table.Add(row.group, row.what, limit, row.measured, met)
	if measured && !row.zero {
		g := &p.bars.Groups
		if len(*g) == 0 || (*g)[len(*g)-1].Name != row.group {
			*g = append(*g, harness.Group{Name: row.group})
		}
		last := &(*g)[len(*g)-1]
		last.Bars = append(last.Bars, harness.Bar{Label: fmt.Sprintf("%s (%s)", row.what, map[bool]string{true: "more is better", false: "less is better"}[row.atLeast]), Value: s, Ours: met != "NO", Target: row.limit})
	}
}

func (p *promised) draw(w io.Writer) error { return p.bars.WritePNG(w) }
