package main

import (
	"fmt"
	"log"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/gaussflow/gaussflow/bench/cases"
	"github.com/gaussflow/gaussflow/bench/harness"
)

// options of measurements that take long: rounds while they fit the budget.
func (r *report) flowOptions(slice, budget time.Duration) harness.Options {
	return harness.Options{Rounds: r.flowRounds, Slice: slice, Budget: budget}
}

// An entry is a peer at a case, under a name of its own.
type entry struct {
	name string
	peer spec
	at   string
}

// race measures the entries whose peers are here and do their work; the maps have no others, and why some failed.
func (r *report) race(o harness.Options, entries ...entry) (map[string]harness.Series, map[string]error, error) {
	var contenders []harness.Contender
	for _, e := range entries {
		p, err := r.peer(e.peer)
		if err != nil {
			return nil, nil, err
		}
		if p != nil {
			c := p.Contender(e.at)
			c.Name = e.name
			contenders = append(contenders, c)
		}
	}
	if len(contenders) > 0 {
		log.Printf("measuring %s", entries[0].name)
	}
	ours := func(name string) bool {
		return slices.ContainsFunc(entries, func(e entry) bool { return e.name == name && e.peer.ours })
	}
	return measure(contenders, ours, o)
}

// over is the ratio of two series, nil if one of them was not measured.
func over(byName map[string]harness.Series, slow, fast string) any {
	s, f := byName[slow], byName[fast]
	if s.Ns == nil || f.Ns == nil {
		return nil
	}
	return s.Over(f)
}

func exactly(v float64) any { return harness.Spread{Median: v, Low: v, High: v, Best: v} }

// flowPromises measures the figures that the flows promise.
func (r *report) flowPromises() error {
	t := &harness.Table{
		Name: "flow-promises", Title: "What the flows promise: training, scoring, fitting",
		Columns: promiseColumns,
	}
	p := newPromised(t)
	for _, part := range []func(*promised) error{r.trainingPromises, r.scoringPromises, r.memoryPromise, r.couplingPromise, r.mixturePromise, r.fittingPromises, r.defaultFitPromises, r.equivalencePromise} {
		if err := part(p); err != nil {
			return err
		}
	}
	t.Note("Ratios are taken within rounds that ran all contenders in turn, up to %d of them. The last number of a spread is the ratio of the least times.", r.flowRounds)
	t.Note("PyTorch ran with OMP_WAIT_POLICY=passive: its threads, left to spin, come to a standstill where another process wants a core.")
	t.Note("Training: two moons, batch 512, 8 conditioners of width 64 and depth 2, K = 8, Adam. Scoring: d = 8, 6 coupling blocks, K = 8, %d rows, in blocks of 32,768.", r.rows)
	t.Note("The matrix products are those of a step's shapes, and nothing else, on one core; the step they are a part of ran on one core as well.")
	return r.publish(t, p.draw)
}

const training, scoring, fits = "training step", "scoring log p", "fitting"

func (r *report) trainingPromises(p *promised) error {
	const precision = "float64"
	one, all := gaussflow("simd", 1), gaussflow("simd", cores())
	s, err := p.race(r, r.flowOptions(300*time.Millisecond, time.Minute),
		entry{"training", all, "train"}, entry{"one core", one, "train"}, entry{"products", one, "gemm"},
		entry{"OpenBLAS, one core", gaussflow("openblas", 1), "train"}, entry{"gonum, one core", gaussflow("gonum", 1), "train"},
		entry{"JAX", jaxFlow(precision, cores()), "train"}, entry{"JAX, one core", jaxFlow(precision, 1), "train"},
		entry{"PyTorch", torchFlow(precision, cores()), "train"}, entry{"PyTorch, one core", torchFlow(precision, 1), "train"})
	if err != nil {
		return err
	}
	p.add(promisedRow{group: training, what: "share of the time inside matrix products", atLeast: true, limit: 0.6, measured: over(s, "products", "one core")})
	p.add(promisedRow{group: training, what: "times as fast as PyTorch, all cores", atLeast: true, limit: 8, measured: over(s, "PyTorch", "training")})
	p.add(promisedRow{group: training, what: "times as fast as JAX's jitted step, all cores", atLeast: true, limit: 2, measured: over(s, "JAX", "training")})
	p.add(promisedRow{group: training, what: fmt.Sprintf("%d cores: times as fast as one", cores()), atLeast: true, measured: over(s, "one core", "training")})
	p.add(promisedRow{group: training, what: "one core: times as fast as PyTorch", atLeast: true, limit: 6, measured: over(s, "PyTorch, one core", "one core")})
	p.add(promisedRow{group: training, what: "one core: times as fast as JAX's jitted step", atLeast: true, limit: 3.5, measured: over(s, "JAX, one core", "one core")})
	p.add(promisedRow{group: training, what: "one core: times as fast as with OpenBLAS", atLeast: true, limit: 1, measured: over(s, "OpenBLAS, one core", "one core")})
	p.add(promisedRow{group: training, what: "one core: times as fast as with gonum's pure Go", atLeast: true, limit: 2.7, measured: over(s, "gonum, one core", "one core")})
	if s, err = p.race(r, r.flowOptions(300*time.Millisecond, 20*time.Second), entry{"splines", one, "spline-train"}, entry{"zuko", zukoTrain, "spline-train"}); err != nil {
		return err
	}
	p.add(promisedRow{group: training, what: "8 blocks of spline couplings, batch 256, one core: times as fast as zuko's 8 transforms", atLeast: true, limit: 4, measured: over(s, "zuko", "splines")})
	const pca = "pca/n=100000/d=64"
	if s, err = p.race(r, r.flowOptions(100*time.Millisecond, 10*time.Second),
		entry{"PCA", one, pca}, entry{"OpenBLAS", gaussflow("openblas", 1), pca}, entry{"gonum", gaussflow("gonum", 1), pca}); err != nil {
		return err
	}
	const group = "PCA, n = 100,000, d = 64, one core"
	p.add(promisedRow{group: group, what: "times as fast as with OpenBLAS", atLeast: true, limit: 1, measured: over(s, "OpenBLAS", "PCA")})
	p.add(promisedRow{group: group, what: "times as fast as with gonum's pure Go", atLeast: true, measured: over(s, "gonum", "PCA")})
	return nil
}

func (r *report) scoringPromises(p *promised) error {
	at := fmt.Sprintf("score/n=%d", r.rows)
	two := min(2, cores())
	s, err := p.race(r, r.flowOptions(time.Nanosecond, 90*time.Second),
		entry{"scoring", gaussflow("simd", two), at}, entry{"one core", gaussflow("simd", 1), at}, entry{"gonum", gaussflow("gonum", two), at})
	if err != nil {
		return err
	}
	var scaling any
	if two == 2 {
		scaling = over(s, "one core", "scoring")
	}
	p.add(promisedRow{group: scoring, what: "two cores: times as fast as one", atLeast: true, limit: 1.8, measured: scaling})
	p.add(promisedRow{group: scoring, what: "times as fast as with gonum's pure Go", atLeast: true, measured: over(s, "gonum", "scoring")})
	var allocations any
	if w, err := r.peer(gaussflow("simd", 1)); err != nil {
		return err
	} else if w != nil {
		v, err := w.Value("score")
		if err != nil {
			return err
		}
		allocations = exactly(v)
	}
	p.add(promisedRow{group: scoring, what: "allocations per tile", zero: true, measured: allocations})
	return nil
}

// couplingPromise sets log p of the coupling flow against gauss_flows' formulas.
func (r *report) couplingPromise(p *promised) error {
	theirs := theirLogProb("float64")
	s, err := p.race(r, r.flowOptions(100*time.Millisecond, 10*time.Second), entry{"log p", gaussflow("simd", 1), "log-prob"}, theirs)
	if err != nil {
		return err
	}
	p.add(promisedRow{group: couplingTitle, what: "times as fast as gauss_flows' formulas, jitted", atLeast: true, limit: 2.5, measured: over(s, theirs.name, "log p")})
	return nil
}

// mixturePromise sets log p of a Gaussian mixture against scikit-learn.
func (r *report) mixturePromise(p *promised) error {
	s, err := p.race(r, r.flowOptions(100*time.Millisecond, 10*time.Second), entry{"log p", gaussflow("simd", 1), mixtureAt}, entry{"scikit-learn", sklearn, mixtureAt})
	if err != nil {
		return err
	}
	p.add(promisedRow{group: mixtureTitle, what: "times as fast as scikit-learn's score_samples", atLeast: true, limit: 5, measured: over(s, "scikit-learn", "log p")})
	return nil
}

// memoryPromise streams a hundredth of the rows and all of them, each through a process of its own.
func (r *report) memoryPromise(p *promised) error {
	const backend = "simd"
	var peak [2]float64
	for i, n := range []int{r.rows / 10, 10 * r.rows} {
		log.Printf("streaming %d rows", n)
		w, err := gaussflow(backend, cores()).start(r)
		if err != nil {
			return err
		}
		_, err = w.Run(fmt.Sprintf("score/n=%d", n), 1)
		if err == nil {
			peak[i], err = w.Memory()
		}
		w.Close()
		if err != nil {
			return err
		}
	}
	p.add(promisedRow{group: scoring, what: fmt.Sprintf("peak memory: %g rows streamed over %g", float64(10*r.rows), float64(r.rows/10)), limit: 1.1, measured: exactly(peak[1] / peak[0])})
	p.table.Note("Peak memory of the process: %s MB for %g rows, %s MB for %g.", harness.Short(peak[0]/1e6), float64(r.rows/10), harness.Short(peak[1]/1e6), float64(10*r.rows))
	return nil
}

// tolerances are the settings of scikit-learn's fit, its default first.
var tolerances = []string{"1e-3", "1e-4", "1e-5", "1e-6"}

func (r *report) fittingPromises(p *promised) error {
	s, err := p.race(r, r.flowOptions(time.Nanosecond, 2*time.Minute), entry{"fit", gaussflow("simd", cores()), "fit"}, entry{"rbig", rbig, "fit"})
	if err != nil {
		return err
	}
	p.add(promisedRow{group: fits, what: fmt.Sprintf("%d×%d, %d blocks: times as fast as rbig", cases.FitRows, cases.FitDim, cases.FitBlocks), atLeast: true, limit: 50, measured: over(s, "rbig", "fit")})

	ours := gaussflow("simd", 1)
	entries := []entry{{"em", ours, "em-fit"}}
	for _, tol := range tolerances {
		entries = append(entries, entry{tol, sklearn, "em-fit/tol=" + tol})
	}
	if s, err = p.race(r, r.flowOptions(time.Nanosecond, 30*time.Second), entries...); err != nil {
		return err
	}
	// The setting that comes nearest to our likelihood from below: ours is then the better one.
	chosen := "none of its settings"
	var measured any
	if w, peer := r.peers[ours.name], r.peers[sklearn.name]; w != nil && peer != nil {
		mine, err := w.Value("em-fit")
		if err != nil {
			return err
		}
		note := fmt.Sprintf("Mean log-likelihood per value: gaussflow %.5f", mine)
		best := math.Inf(-1)
		for _, tol := range tolerances {
			v, err := peer.Value("em-fit/tol=" + tol)
			if err != nil {
				return err
			}
			note += fmt.Sprintf(", scikit-learn at %s %.5f (%s times our time)", tol, v, harness.Short(s[tol].Over(s["em"]).Median))
			if v <= mine && v > best {
				best, chosen, measured = v, "tolerance "+tol, s[tol].Over(s["em"])
			}
		}
		p.table.Note("%s.", note)
	}
	p.add(promisedRow{group: fits, what: "EM: times as fast as scikit-learn at a likelihood that is not better (" + chosen + ")", atLeast: true, limit: 10, measured: measured})
	return nil
}

// defaultFitPromises times the fit that makes all choices itself.
func (r *report) defaultFitPromises(p *promised) error {
	for _, size := range []struct {
		n, d  int
		limit float64
	}{{150, 4, 1}, {5000, 2, 3}, {200_000, 6, 60}} {
		s, err := p.race(r, r.flowOptions(time.Nanosecond, 30*time.Second), entry{"fit", gaussflow("simd", cores()), fmt.Sprintf("default-fit/n=%d/d=%d", size.n, size.d)})
		if err != nil {
			return err
		}
		p.add(promisedRow{group: fits, what: fmt.Sprintf("flow.Fit, %d×%d: seconds on %d cores", size.n, size.d, cores()), limit: size.limit, measured: s["fit"].Time(1e9)})
	}
	return nil
}

// equivalencePromise runs the main job as a process, with each backend.
func (r *report) equivalencePromise(p *promised) error {
	var contenders []harness.Contender
	for _, backend := range []string{"simd", "openblas", "gonum"} {
		program, err := r.goBuild("gaussflow-"+backend, backend, "./cmd/gaussflow")
		if err != nil {
			p.table.Note("gaussflow equivalence, %s, is left out: %s.", backend, reason(err))
			continue
		}
		contenders = append(contenders, harness.Contender{Name: backend, Run: func(reps int) (took time.Duration, err error) {
			dir, err := os.MkdirTemp(r.build, "equivalence-*")
			if err != nil {
				return 0, err
			}
			defer os.RemoveAll(dir)
			start := time.Now()
			for range reps {
				if out, err := exec.Command(program, "equivalence", "-out", filepath.Clean(dir)).CombinedOutput(); err != nil {
					return 0, fmt.Errorf("%w: %s", err, out)
				}
			}
			return time.Since(start), nil
		}})
	}
	log.Print("running gaussflow equivalence")
	s, _, err := measure(contenders, func(string) bool { return true }, r.flowOptions(time.Nanosecond, 30*time.Second))
	if err != nil {
		return err
	}
	var seconds any
	if s["simd"].Ns != nil {
		seconds = s["simd"].Time(1e9)
	}
	const group = "gaussflow equivalence"
	p.add(promisedRow{group: group, what: fmt.Sprintf("seconds, the whole process on %d cores", cores()), limit: 5, measured: seconds})
	p.add(promisedRow{group: group, what: "times as fast as with OpenBLAS", atLeast: true, limit: 1, measured: over(s, "openblas", "simd")})
	p.add(promisedRow{group: group, what: "times as fast as with gonum's pure Go", atLeast: true, limit: 2, measured: over(s, "gonum", "simd")})
	return nil
}
