package main

import (
	"fmt"
	"log"
	"maps"
	"math"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gaussflow/gaussflow/bench/cases"
	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/kernels"
)

// compare is the command: the kernels of one thread, then the work of whole flows on all cores.
func (r *report) compare() error {
	wanted, err := regexp.Compile(r.tables)
	if err != nil {
		return err
	}
	if err := r.compareKernels(wanted); err != nil {
		return err
	}
	return r.compareFlows(wanted)
}

// wrong is the error, in ulp or 2^-52, beyond which a result is not an answer to the same question: 1e-5. Such a contender
// is shown, but not timed.
const wrong = 1e-5 * 0x1p52

// variants are the cases of a peer that solve a problem, and what they are called.
var variants = map[string][][2]string{
	"cdf":     {{"cdf", ""}, {"erfc", ", erfc"}},
	"forward": {{"forward", ", two Φ"}, {"forward-one", ", one Φ"}},
}

func (r *report) compareKernels(wanted *regexp.Regexp) error {
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
	var sets []string
	for _, tier := range kernels.Tiers() {
		if tier != kernels.Generic {
			sets = append(sets, tier.String())
		}
	}
	if len(sets) == 0 { // what this machine has, until gaussflow has it too
		sets = slices.Sorted(maps.Keys(instructionSets[runtime.GOARCH]))
	}
	var others []spec
	for _, set := range sets {
		for _, library := range vectorLibraries {
			others = append(others, library.on(set))
		}
	}
	others = append(others, boost, mkl("HA"), mkl("LA"), scipy, jax, zuko)
	problems := cases.Problems(in)
	for i := range problems {
		problem := &problems[i]
		if !wanted.MatchString(problem.Title) {
			continue
		}
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
	if len(t.Rows) == 0 {
		return nil
	}
	r.note(t, o)
	t.Note("Every result was compared, before anything was timed, with arithmetic of 256 bits; the error is the largest. For z it is relative to max(|z|, 0.1), for log-determinants to max(|L|, z²/2, 1).")
	t.Note("Promised of splines, forward and inverse: 10 times as fast as zuko's.")
	t.Note("The maps of SLEEF, glibc's libmvec, xsimd and AOCL-LibM are of their erfc, exp and log, and end with gaussflow's quantile on that logarithm: it is faster than AOCL-LibM's, and the others have none. Boost.Math is told not to promote to long double. MKL HA and LA are its accuracies; the variant that it chose for this CPU is in its version. Calls from Python include what a call costs.")
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
	errors, broken := make([]float64, len(contenders)), map[string]error{}
	ours := func(name string) bool {
		return slices.ContainsFunc(contenders[others:], func(c harness.Contender) bool { return c.Name == name })
	}
	for i, c := range contenders {
		got, err := c.Check()
		if err != nil && i < others {
			broken[c.Name] = err
			continue
		}
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
	byName, failed, err := measure(right, ours, o)
	if err != nil {
		return err
	}
	maps.Copy(broken, failed)
	best := byName[contenders[len(contenders)-1].Name]
	group := harness.Group{Name: p.Title}
	for i, c := range contenders {
		s := byName[c.Name]
		if err := broken[c.Name]; err != nil {
			t.Add(p.Title, c.Name, leftOut, nil, nil, nil, nil)
			t.Note("%s is left out of %s: %s.", c.Name, p.Title, reason(err))
			continue
		}
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

// leftOut stands for a figure that a contender does not have; why stands below the table.
const leftOut = "left out"

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
func (r *report) compareFlows(wanted *regexp.Regexp) error {
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
	gaussflows := func(n int) []spec {
		return []spec{gaussflow("simd", n), gaussflow("openblas", n), gaussflow("gonum", n)}
	}
	frameworks := func(n int) (all []spec) {
		for _, framework := range []func(precision string, n int) spec{jaxFlow, torchFlow} {
			for _, precision := range precisions {
				all = append(all, framework(precision, n))
			}
		}
		return all
	}
	ours, single := gaussflows(cores()), gaussflows(1)
	type contest struct {
		title, check string
		slice        time.Duration
		ours, others []entry
		timeAlone    bool // no figure beside it
	}
	entries := func(at string, specs ...spec) (es []entry) {
		for _, s := range specs {
			es = append(es, entry{s.name, s, at})
		}
		return es
	}
	scored := contest{title: couplingTitle, check: "log-prob", timeAlone: true, slice: 100 * time.Millisecond, ours: entries("log-prob", single...)}
	bounded := single[0]
	trained := append(entries("train", single...), entry{bounded.name + ", bounded conditioners", bounded, "train-bounded"})
	for _, precision := range precisions {
		scored.others = append(scored.others, theirLogProb(precision))
	}
	scored.others = append(scored.others, entries("log-prob", frameworks(1)...)...)
	em := contest{title: fmt.Sprintf("EM: 8 components, %d columns of %d rows", cases.FitDim, cases.FitRows), ours: entries("em-fit", single...), slice: time.Nanosecond}
	for _, tol := range tolerances {
		em.others = append(em.others, entry{sklearn.name + ", tolerance " + tol, sklearn, "em-fit/tol=" + tol})
	}
	for _, c := range []contest{
		{title: trainingTitle + ", all cores", check: "model", slice: 300 * time.Millisecond, ours: entries("train", ours...), others: entries("train", frameworks(cores())...)},
		{title: trainingTitle + ", one core", check: "model", slice: 300 * time.Millisecond, ours: trained, others: entries("train", frameworks(1)...)},
		scored,
		{title: mixtureTitle, check: mixtureAt, timeAlone: true, slice: 100 * time.Millisecond, ours: entries(mixtureAt, single...), others: entries(mixtureAt, sklearn)},
		{title: "training step, two moons, batch 256, 8 blocks of spline couplings", slice: 300 * time.Millisecond, ours: entries("spline-train", single...), others: entries("spline-train", zukoTrain)},
		{title: fmt.Sprintf("fit %d×%d, %d blocks", cases.FitRows, cases.FitDim, cases.FitBlocks), slice: time.Nanosecond, ours: entries("fit", ours...), others: entries("fit", rbig)},
		{title: fmt.Sprintf("score %d×%d under that fit", cases.FitRows, cases.FitDim), timeAlone: true, slice: time.Nanosecond, ours: entries("score-fit", ours...), others: entries("score-fit", rbig)},
		em,
	} {
		if !wanted.MatchString(c.title) {
			continue
		}
		all := append(c.others, c.ours...)
		differences, broken := map[string]any{}, map[string]error{}
		if c.check != "" {
			var err error
			if differences, broken, err = r.differences(c.check, all); err != nil {
				return err
			}
		}
		s, failed, err := r.race(r.flowOptions(c.slice, time.Minute), slices.DeleteFunc(slices.Clone(all), func(e entry) bool { return broken[e.name] != nil })...)
		if err != nil {
			return err
		}
		maps.Copy(broken, failed)
		best := s[c.ours[0].name]
		if best.Ns == nil && len(c.ours) > 1 {
			best = s[c.ours[1].name]
		}
		group := harness.Group{Name: c.title}
		for i, e := range all {
			x := s[e.name]
			var figure, faster any
			if x.Ns != nil && !c.timeAlone {
				v, err := r.peers[e.peer.name].Value(e.at)
				switch {
				case err != nil && e.peer.ours:
					return err
				case err != nil:
					broken[e.name] = err
				default:
					figure = fmt.Sprintf("%.5f", v)
				}
			}
			if err := broken[e.name]; err != nil {
				t.Note("%s is left out of %s: %s.", e.name, c.title, reason(err))
			}
			if x.Ns == nil || broken[e.name] != nil {
				t.Add(c.title, e.name, leftOut, nil, nil, nil)
				continue
			}
			if x.Name != best.Name {
				faster = x.Over(best)
			}
			t.Add(c.title, e.name, x.Time(1e6), faster, figure, differences[e.name])
			group.Bars = append(group.Bars, harness.Bar{Label: e.name, Value: x.Time(1e6), Ours: i >= len(c.others)})
		}
		bars.Groups = append(bars.Groups, group)
	}
	if len(t.Rows) == 0 {
		return nil
	}
	t.Note("Up to %d rounds that ran every contender of the same work in turn; ratios are taken within a round, and \"faster\" is the first gaussflow of each work.", r.flowRounds)
	t.Note("Figures. Training: the mean of -log p over all rows after 150 steps from the same start, hidden layers drawn anew; fits: the mean of log p; EM: the mean log-likelihood per value.")
	t.Note("Spline couplings: zuko's transforms are autoregressive, one conditioner of 2×24 hidden units each; gaussflow's blocks have two such conditioners and a trained rotation. One thread each; the figure is from starts of their own. Promised is a step 4 times as fast.")
	t.Note("PyTorch ran with OMP_WAIT_POLICY=passive: its threads, left to spin, come to a standstill where another process wants a core.")
	t.Note("Log p: of the coupling flow after %d steps, which every contender is given. \"gauss_flows' formulas\" are those of gauss_flows' conditioner and mixture (one tail, clipped at 1e-6, log f by logsumexp), jitted; JAX and PyTorch beside them compute both tails, as gaussflow does.", cases.CoupledSteps)
	t.Note("The Gaussian mixture: scikit-learn's score_samples is given the same weights, means and factors; gaussflow's flow is Rosenblatt's transform of that mixture.")
	t.Note("Difference: before anything was timed, the largest one of log p among the rows, relative to max(1, |log p|), from the model that the inputs hold; before training the fit on another BLAS backend is a neighbour of it.")
	t.Note("Conditioners are plain, as in the tutorial; the bounded ones are gaussflow's default, and nobody else's.")
	t.Note("float32 is how many users run JAX and PyTorch; gaussflow computes in float64 alone, and so do contenders that say nothing of it.")
	t.Note("Training, fitting and scoring use all %d cores, where the contender can; EM uses one.", cores())
	return r.publish(t, bars.WritePNG)
}

// What is timed on one core here and promised by flowPromises.
const (
	trainingTitle = "training step, two moons, batch 512, 8 conditioners"
	couplingTitle = "log p of 5000 rows, two moons, 8 conditioners, one core"
)

const mixtureAt = "mixture-log-prob"

var mixtureTitle = fmt.Sprintf("log p of %d rows, Gaussian mixture, K = %d, d = %d, one core", cases.MixtureRows, cases.MixtureSize, cases.MixtureDim)

var precisions = []string{"float64", "float32"}

// theirLogProb is log p of the coupling flow by gauss_flows' formulas.
func theirLogProb(precision string) entry {
	p := jaxFlow(precision, 1)
	return entry{strings.Replace(p.name, "JAX", "JAX, gauss_flows' formulas", 1), p, "log-prob-clipped"}
}

// differences checks that the entries have the model that the inputs describe, that of the case model before training or
// another one that is trained, and returns how far each is from it, and the errors of those that are left out. A fit on
// another BLAS backend may end at another point of the same flat ridge: it is shown, with a wide limit.
func (r *report) differences(check string, all []entry) (found map[string]any, broken map[string]error, err error) {
	model := cases.Coupled
	switch check {
	case "model":
		model = cases.Moons
	case mixtureAt:
		model = cases.Mixture
	}
	x, f, err := model()
	if err != nil {
		return nil, nil, err
	}
	n, _ := x.Dims()
	want := make([]float64, n)
	if err := f.LogProb(want, x); err != nil {
		return nil, nil, err
	}
	found, broken = map[string]any{}, map[string]error{}
	for _, e := range all {
		p, err := r.peer(e.peer)
		if err != nil {
			return nil, nil, err
		}
		if p == nil {
			continue
		}
		at, limit := e.at, 1e-7
		if check == "model" {
			at = check
			if e.peer.ours && !strings.HasPrefix(e.name, "gaussflow, "+blas.Backend()) {
				limit = 0.1
			}
		}
		if strings.Contains(e.name, "float32") {
			limit = 1e-2
		}
		worst, err := differs(p.Contender(at), want, limit)
		switch {
		case err != nil && e.peer.ours:
			return nil, nil, fmt.Errorf("%s: %s %w", at, e.name, err)
		case err != nil:
			broken[e.name] = err
		default:
			found[e.name] = worst
		}
	}
	return found, broken, nil
}

// differs returns how far the contender's results are from the wanted ones, relative to those above 1.
func differs(c harness.Contender, want []float64, limit float64) (worst float64, err error) {
	got, err := c.Check()
	if err != nil {
		return 0, err
	}
	if len(got) != len(want) {
		return 0, fmt.Errorf("has %d results for %d rows", len(got), len(want))
	}
	for i, w := range want {
		d := math.Abs(got[i]-w) / math.Max(1, math.Abs(w))
		if !(d <= limit) {
			return 0, fmt.Errorf("differs by %g in row %d: it is not the same model", d, i)
		}
		worst = math.Max(worst, d)
	}
	return worst, nil
}
