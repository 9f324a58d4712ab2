package main

import (
	"fmt"
	"log"
	"math"
	"runtime"
	"strings"
	"time"

	"github.com/gaussflow/gaussflow/bench/cases"
	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/kernels"
)

// compare is the command: the kernels of one thread, then the work of whole flows on all cores.
func (r *report) compare() error {
	if err := r.compareKernels(); err != nil {
		return err
	}
	return r.compareFlows()
}

// wrong is the error, in ulp or 2^-52, beyond which a result is not an answer to the same question: 1e-5. Such a contender
// is shown, but not timed.
const wrong = 1e-5 * 0x1p52

// variants are the cases of a peer that solve a problem, and what they are called.
var variants = map[string][][2]string{
	"cdf":     {{"cdf", ""}, {"erfc", ", erfc"}},
	"forward": {{"forward", ", two Φ"}, {"forward-one", ", one Φ"}},
}

func (r *report) compareKernels() error {
	in := cases.NewInputs(kernelN, kernelK)
	o := r.kernelOptions()
	t := &harness.Table{
		Name: "compare-kernels", Title: fmt.Sprintf("Side by side, one thread each: n = %d, float64", in.N),
		Columns: []harness.Column{
			{Name: "problem"}, {Name: "contender"},
			{Name: "time", Unit: "ns/element: " + spread},
			{Name: "cycles", Unit: "per element"},
			{Name: "gaussflow is faster", Unit: "times: " + spread},
			{Name: "error"}, {Name: "unit of error"},
		},
	}
	bars := harness.Bars{Title: t.Title, Axis: "ns per element"}
	others := []spec{}
	for _, tier := range kernels.Tiers() {
		if tier != kernels.Generic {
			others = append(others, sleef(tier.String()), libmvec(tier.String()))
		}
	}
	if len(others) == 0 { // what this machine has, until gaussflow has it too
		for _, set := range []string{"avx2", "avx512", "neon"} {
			if instructionSets[runtime.GOARCH][set] != nil {
				others = append(others, sleef(set), libmvec(set))
			}
		}
	}
	others = append(others, mkl("HA"), mkl("LA"), scipy, jax, zuko)
	problems := cases.Problems(in)
	for i := range problems {
		problem := &problems[i]
		contenders := problem.Plain
		for _, s := range others {
			p, err := r.peer(s)
			if err != nil {
				return err
			}
			names := variants[problem.Name]
			if names == nil {
				names = [][2]string{{problem.Name, ""}}
			}
			for _, v := range names {
				if p.Has(v[0]) {
					c := p.Contender(v[0])
					c.Name += v[1]
					if !p.Has(names[len(names)-1][0]) {
						c.Name = p.Name
					}
					contenders = append(contenders, c)
				}
			}
		}
		if err := r.compareProblem(t, &bars, problem, contenders, o); err != nil {
			return err
		}
	}
	r.note(t, o)
	t.Note("Every result was compared, before anything was timed, with arithmetic of 256 bits; the error is the largest. For z it is relative to max(|z|, 0.1), for log-determinants to max(|L|, z²/2, 1).")
	t.Note("SLEEF and glibc's libmvec have no quantile: their maps end with gaussflow's, on their logarithm. MKL HA and LA are its accuracies; the variant that it chose for this CPU is in its version. Calls from Python include what a call costs.")
	return r.publish(t, bars.WritePNG)
}

// compareProblem checks the contenders and the tiers, and times those that are right.
func (r *report) compareProblem(t *harness.Table, bars *harness.Bars, p *cases.Problem, contenders []harness.Contender, o harness.Options) error {
	log.Printf("comparing %s", p.Title)
	others := len(contenders)
	for _, tier := range kernels.Tiers() {
		contenders = append(contenders, p.Tier(tier))
	}
	var right []harness.Contender
	errors := make([]float64, len(contenders))
	for i, c := range contenders {
		got, err := c.Check()
		if err != nil {
			return fmt.Errorf("%s: %s: %w", p.Name, c.Name, err)
		}
		if c.Name == "" || len(got) == 0 {
			return fmt.Errorf("%s: contender %d has no results", p.Name, i)
		}
		errors[i] = p.Error(erfcAsCDF(c.Name, got))
		switch {
		case errors[i] <= wrong:
			right = append(right, c)
		case i >= others:
			return fmt.Errorf("%s: %s is wrong by %g %s", p.Name, c.Name, errors[i], p.Unit)
		}
	}
	series, err := harness.Measure(right, o)
	if err != nil {
		return err
	}
	byName := map[string]harness.Series{}
	for _, s := range series {
		byName[s.Name] = s
	}
	best := byName[contenders[len(contenders)-1].Name]
	group := harness.Group{Name: p.Title}
	for i, c := range contenders {
		s := byName[c.Name]
		if s.Ns == nil {
			t.Add(p.Title, c.Name, "wrong, not timed", nil, nil, errors[i], p.Unit)
			continue
		}
		n := float64(p.N)
		var faster any
		if i < len(contenders)-1 {
			faster = s.Over(best)
		}
		t.Add(p.Title, c.Name, s.Time(n), s.Cycles(n).Median, faster, errors[i], p.Unit)
		group.Bars = append(group.Bars, harness.Bar{Label: c.Name, Value: s.Time(n), Ours: i >= others})
	}
	bars.Groups = append(bars.Groups, group)
	return nil
}

// erfcAsCDF makes Φ of the results of those that were asked for erfc(-x/√2) = 2Φ(x).
func erfcAsCDF(name string, got []float64) []float64 {
	const suffix = ", erfc"
	if n := len(name) - len(suffix); n < 0 || name[n:] != suffix {
		return got
	}
	half := make([]float64, len(got))
	for i, v := range got {
		half[i] = v / 2
	}
	return half
}

// compareFlows times training, scoring and fitting.
func (r *report) compareFlows() error {
	t := &harness.Table{
		Name: "compare-flows", Title: "Side by side: the work of whole flows",
		Columns: []harness.Column{
			{Name: "work"}, {Name: "contender"},
			{Name: "time", Unit: "ms: " + spread},
			{Name: "gaussflow is faster", Unit: "times: " + spread},
			{Name: "figure", Unit: "nats"}, {Name: "difference"},
		},
	}
	bars := harness.Bars{Title: t.Title, Axis: "milliseconds"}
	ours := []spec{gaussflow("simd", cores()), gaussflow("openblas", cores()), gaussflow("gonum", cores())}
	single := []spec{gaussflow("simd", 1), gaussflow("openblas", 1), gaussflow("gonum", 1)}
	type contest struct {
		title, check string
		slice        time.Duration
		ours, others []entry
	}
	entries := func(at string, specs ...spec) (es []entry) {
		for _, s := range specs {
			es = append(es, entry{s.name, s, at})
		}
		return es
	}
	em := contest{title: fmt.Sprintf("EM: 8 components, %d columns of %d rows", cases.FitDim, cases.FitRows), ours: entries("em-fit", single...), slice: time.Nanosecond}
	for _, tol := range tolerances {
		em.others = append(em.others, entry{sklearn.name + ", tolerance " + tol, sklearn, "em-fit/tol=" + tol})
	}
	for _, c := range []contest{
		{title: "training step, two moons, batch 512, 8 conditioners", check: "model", slice: 300 * time.Millisecond, ours: entries("train", ours...), others: entries("train", jaxTrain, torch)},
		{title: "training step, two moons, batch 256, 8 blocks of spline couplings", slice: 300 * time.Millisecond, ours: entries("spline-train", single...), others: entries("spline-train", zukoTrain)},
		{title: fmt.Sprintf("fit of y given x, %d rows, sine", cases.ConditionalRows), slice: time.Nanosecond, ours: entries("given-sine", single[0]), others: entries("given-sine", zukoTrain)},
		{title: fmt.Sprintf("fit of y given x, %d rows, two branches", cases.ConditionalRows), slice: time.Nanosecond, ours: entries("given-branches", single[0]), others: entries("given-branches", zukoTrain)},
		{title: fmt.Sprintf("fit %d×%d, %d blocks", cases.FitRows, cases.FitDim, cases.FitBlocks), slice: time.Nanosecond, ours: entries("fit", ours...), others: entries("fit", rbig)},
		{title: fmt.Sprintf("score %d×%d under that fit", cases.FitRows, cases.FitDim), slice: time.Nanosecond, ours: entries("score-fit", ours...), others: entries("score-fit", rbig)},
		em,
	} {
		all := append(c.others, c.ours...)
		differences := map[string]any{}
		if c.check != "" {
			var err error
			if differences, err = r.differences(c.check, all); err != nil {
				return err
			}
		}
		s, err := r.race(r.flowOptions(c.slice, time.Minute), all...)
		if err != nil {
			return err
		}
		best := s[c.ours[0].name]
		if best.Ns == nil && len(c.ours) > 1 {
			best = s[c.ours[1].name]
		}
		group := harness.Group{Name: c.title}
		for i, e := range all {
			x := s[e.name]
			if x.Ns == nil {
				t.Add(c.title, e.name, "not installed", nil, nil, nil)
				continue
			}
			var figure, faster any
			if e.at != "score-fit" {
				v, err := r.peers[e.peer.name].Value(e.at)
				if err != nil {
					return err
				}
				figure = fmt.Sprintf("%.5f", v)
			}
			if x.Name != best.Name {
				faster = x.Over(best)
			}
			t.Add(c.title, e.name, x.Time(1e6), faster, figure, differences[e.name])
			group.Bars = append(group.Bars, harness.Bar{Label: e.name, Value: x.Time(1e6), Ours: i >= len(c.others)})
		}
		bars.Groups = append(bars.Groups, group)
	}
	t.Note("Up to %d rounds that ran every contender of the same work in turn; ratios are taken within a round, and \"faster\" is the first gaussflow of each work.", r.flowRounds)
	t.Note("Figures. Training: the mean of -log p over all rows after 150 steps from the same start, hidden layers drawn anew; fits: the mean of log p; EM: the mean log-likelihood per value.")
	for _, name := range cases.Conditionals {
		truth := 0.0
		fresh := cases.Conditional(name, 4*cases.ConditionalRows, 1)
		for i := range 4 * cases.ConditionalRows {
			truth += cases.ConditionalLogProb(name, fresh.At(i, 0), fresh.At(i, 1)) / (4 * cases.ConditionalRows)
		}
		t.Note("Fit of y given x, %s: the figure is the mean log p of %d fresh rows; the true density's is %.5f. zuko: a neural spline flow of 3 transforms, 64×64 hidden units, Adam 1e-3 on standardised columns, 2,000 steps of 256 rows, 15 %% held out to choose the parameters by.", name, 4*cases.ConditionalRows, truth)
	}
	t.Note("Spline couplings: zuko's transforms are autoregressive, one conditioner of 2×24 hidden units each; gaussflow's blocks have two such conditioners and a trained rotation. One thread each; the figure is from starts of their own.")
	t.Note("PyTorch ran with OMP_WAIT_POLICY=passive: its threads, left to spin, come to a standstill where another process wants a core.")
	t.Note("Difference: before anything was timed, the largest one of log p among the 5,000 rows before training, relative to max(1, |log p|), from the model that the inputs hold; the fit on the other BLAS backend is a neighbour of it.")
	t.Note("Training, fitting and scoring use all %d cores, where the contender can; EM uses one.", cores())
	return r.publish(t, bars.WritePNG)
}

// differences checks that the entries begin with the model that the inputs describe, and returns how far each is from it.
// A fit on the other BLAS backend may end at another point of the same flat ridge: it is shown, with a wide limit.
func (r *report) differences(at string, all []entry) (map[string]any, error) {
	x, f, err := cases.Moons()
	if err != nil {
		return nil, err
	}
	n, _ := x.Dims()
	want := make([]float64, n)
	if err := f.LogProb(want, x); err != nil {
		return nil, err
	}
	found := map[string]any{}
	for _, e := range all {
		p, err := r.peer(e.peer)
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		got, err := p.Contender(at).Check()
		if err != nil {
			return nil, err
		}
		if len(got) != n {
			return nil, fmt.Errorf("%s: %s has %d results for %d rows", at, e.name, len(got), n)
		}
		worst := 0.0
		for i, w := range want {
			worst = math.Max(worst, math.Abs(got[i]-w)/math.Max(1, math.Abs(w)))
		}
		limit := 1e-7
		if strings.HasPrefix(e.name, "gaussflow, ") && !strings.HasPrefix(e.name, "gaussflow, "+blas.Backend()) {
			limit = 0.1
		}
		if !(worst <= limit) {
			return nil, fmt.Errorf("%s: %s differs by %g: it is not the same model", at, e.name, worst)
		}
		found[e.name] = worst
	}
	return found, nil
}
