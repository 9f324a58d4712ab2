package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/bench/density"
	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/flow"
)

// A densityContender fits a density to the rows of a split and scores others.
type densityContender struct {
	name  string
	rival bool // one of those that a fit must not fall below
	slow  bool // so that a fifth of the splits must do
	score func(table, split int, s density.Split) ([]float64, error)
}

var (
	densitySklearn = python("scikit-learn", "", "density_peer.py", setup, []string{oneThread, "OPENBLAS_NUM_THREADS=1"}, "sklearn")
	densityNSF     = limited(trained, zukoPeer("zuko, density", "density_peer.py", "nsf", patient))
	densitySINF    = limited(trained, python("sinflow", "", "density_peer.py", setup, []string{oneThread, "OPENBLAS_NUM_THREADS=1"}, "sinf"))
)

// densityContenders returns those that can run here, and says why others cannot.
func (r *report) densityContenders() (all []densityContender, absent []string, err error) {
	wanted, err := regexp.Compile(r.contenders)
	if err != nil {
		return nil, nil, err
	}
	local := func(name string, fit func(x *mat.Dense) (*flow.Flow, error)) {
		all = append(all, densityContender{name, false, false, func(_, _ int, s density.Split) ([]float64, error) {
			f, err := fit(dense(s.Train))
			if err != nil {
				return nil, err
			}
			l := make([]float64, len(s.Test))
			return l, f.LogProb(l, dense(s.Test))
		}})
	}
	local("gaussflow.Fit", func(x *mat.Dense) (*flow.Flow, error) {
		return flow.Fit(context.Background(), x, flow.FitOptions{})
	})
	if wanted.MatchString("gaussflow.FitRBIG") {
		local("gaussflow.FitRBIG", func(x *mat.Dense) (*flow.Flow, error) { return flow.FitRBIG(x, flow.RBIGOptions{}) })
	}
	for _, p := range []struct {
		spec
		method, name string
		rival        bool
	}{
		{densitySklearn, "gaussian", "Gaussian", true},
		{densitySklearn, "bic", "mixture, BIC", true},
		{densitySklearn, "cv", "mixture, CV", true},
		{densitySklearn, "kde", "KDE, CV", true},
		{densityNSF, "nsf", "NSF (zuko)", false},
		{densitySINF, "sinf", "SINF (sinflow)", false},
	} {
		if !wanted.MatchString(p.name) {
			continue
		}
		peer, known := r.peers[p.spec.name]
		if !known {
			peer, err = p.start(r)
			var missing *harness.Absent
			if errors.As(err, &missing) {
				absent = append(absent, fmt.Sprintf("%s: %s; to install it: %s.", p.spec.name, missing.Why, p.install))
			} else if err != nil {
				return nil, nil, err
			}
			r.peers[p.spec.name] = peer
		}
		if peer == nil {
			continue
		}
		all = append(all, densityContender{p.name, p.rival, !p.rival, func(table, split int, s density.Split) ([]float64, error) {
			l, err := peer.Contender(fmt.Sprintf("%s:%d:%d", p.method, table, split)).Check()
			if err == nil && len(l) != len(s.Test) {
				err = fmt.Errorf("%s: %d scores for %d rows", p.name, len(l), len(s.Test))
			}
			return l, err
		}})
	}
	return all, absent, nil
}

func dense(rows [][]float64) *mat.Dense {
	x := mat.NewDense(len(rows), len(rows[0]), nil)
	for i, row := range rows {
		x.SetRow(i, row)
	}
	return x
}

// scores are what a contender made of each split.
type scores struct{ mean, median, worst, seconds []float64 }

// density is the command: how well densities fit rows that nobody saw.
func (r *report) density() error {
	tables, err := density.Tables()
	if err != nil {
		return err
	}
	wanted, err := regexp.Compile(r.tables)
	if err != nil {
		return err
	}
	contenders, absent, err := r.densityContenders()
	if err != nil {
		return err
	}
	rows := &harness.Table{
		Name: "density", Title: "Densities: mean log-density of unseen rows, nats per row",
		Columns: []harness.Column{
			{Name: "data"}, {Name: "rows"}, {Name: "columns"}, {Name: "splits"}, {Name: "density"},
			{Name: "mean"}, {Name: "over the Gaussian", Unit: "paired"}, {Name: "standard error", Unit: "of that"},
			{Name: "median row"}, {Name: "worst row"}, {Name: "time", Unit: "s, fit and score"},
		},
	}
	verdicts := &harness.Table{
		Name: "density-verdicts", Title: "gaussflow.Fit against the best of a Gaussian, mixtures and a kernel density",
		Columns: []harness.Column{
			{Name: "data"}, {Name: "best rival"}, {Name: "its mean"}, {Name: "Fit"}, {Name: "truth"},
			{Name: "difference", Unit: "paired"}, {Name: "standard error", Unit: "of that"}, {Name: "regret", Unit: "of each split"}, {Name: "not below", Unit: "by 0.02 or one error"},
		},
	}
	rows.Note("Each split has fresh rows, standardized by those to fit to; tables of measurements are split four to one at random, and columns whose values repeat have uniform noise as wide as their steps.")
	rows.Note("The worst row is that of all splits. Times are those of a machine that others use, too: read ratios.")
	for _, why := range absent {
		rows.Note("Not here: %s", why)
	}
	var groups []harness.Group
	total, regrets, kept := 0.0, 0.0, 0
	picture := func(w io.Writer) error {
		return harness.Bars{Title: rows.Title, Axis: "likelihood of an unseen row, relative to the Gaussian's: e to the gain; whiskers are one standard error", Groups: groups}.WritePNG(w)
	}
	for t, table := range tables {
		if !wanted.MatchString(table.Name) {
			continue
		}
		splits := r.splits
		if table.Draw != nil {
			splits = (splits + 1) / 2
		}
		all := make([]scores, len(contenders))
		failed := make([]string, len(contenders))
		var truth []float64
		n, d := 0, 0
		for i := range splits {
			s := table.Split(i)
			n, d = len(s.Train), len(s.Train[0])
			if err := r.writeSplit(t, i, s); err != nil {
				return err
			}
			if s.Truth != nil {
				truth = append(truth, meanOf(s.Truth))
			}
			for c, contender := range contenders {
				if failed[c] != "" || contender.slow && i >= (splits+4)/5 {
					continue
				}
				start := time.Now()
				l, err := contender.score(t, i, s)
				if err != nil {
					failed[c] = firstLine(err.Error())
					log.Printf("%s, split %d, %s: %v", table.Name, i, contender.name, err)
					continue
				}
				a := &all[c]
				a.seconds = append(a.seconds, time.Since(start).Seconds())
				a.mean = append(a.mean, meanOf(l))
				slices.Sort(l)
				a.median, a.worst = append(a.median, l[len(l)/2]), append(a.worst, l[0])
			}
			log.Printf("%s, split %d of %d", table.Name, i+1, splits)
		}
		gaussian := slices.IndexFunc(contenders, func(c densityContender) bool { return c.name == "Gaussian" })
		group := harness.Group{Name: fmt.Sprintf("%s, %d rows, %d columns", table.Name, n, d)}
		best := -1
		for c, contender := range contenders {
			a := all[c]
			if failed[c] != "" {
				rows.Add(table.Name, n, d, splits, contender.name+": "+failed[c], nil, nil, nil, nil, nil, nil)
				continue
			}
			var gain, se any
			if gaussian >= 0 && failed[gaussian] == "" && c != gaussian {
				g, e := pairedError(a.mean, all[gaussian].mean[:len(a.mean)])
				gain, se = harness.Nats(g), harness.Nats(e)
				low := 0.0
				if e == e {
					low = e
				}
				group.Bars = append(group.Bars, harness.Bar{Label: contender.name, Ours: c == 0,
					Value: harness.Spread{Low: math.Exp(g - low), Median: math.Exp(g), High: math.Exp(g + low)}})
			}
			rows.Add(table.Name, n, d, len(a.mean), contender.name, harness.Nats(meanOf(a.mean)), gain, se, harness.Nats(meanOf(a.median)), harness.Nats(slices.Min(a.worst)), meanOf(a.seconds))
			if contender.rival && (best < 0 || meanOf(a.mean) > meanOf(all[best].mean)) {
				best = c
			}
		}
		if truth != nil {
			rows.Add(table.Name, n, d, splits, "the true density", harness.Nats(meanOf(truth)), nil, nil, nil, nil, nil)
		}
		if len(group.Bars) > 0 {
			groups = append(groups, group)
		}
		if best >= 0 && failed[0] == "" {
			difference, se := pairedError(all[0].mean, all[best].mean)
			var known any
			if truth != nil {
				known = harness.Nats(meanOf(truth))
			}
			verdict := "yes"
			if difference < -max(0.02, se) {
				verdict = "NO"
			} else {
				kept++
			}
			total += difference
			// What choosing by rows held out cost against who knew the best rival of
			// each split beforehand.
			regret := 0.0
			for i, ours := range all[0].mean {
				hindsight := math.Inf(-1)
				for c, contender := range contenders {
					if contender.rival && failed[c] == "" {
						hindsight = max(hindsight, all[c].mean[i])
					}
				}
				regret += (hindsight - ours) / float64(len(all[0].mean))
			}
			regrets += regret
			verdicts.Notes = nil
			verdicts.Add(table.Name, contenders[best].name, harness.Nats(meanOf(all[best].mean)), harness.Nats(meanOf(all[0].mean)), known, harness.Nats(difference), harness.Nats(se), harness.Nats(regret), verdict)
			verdicts.Note("Regret is how far Fit is below the best rival of each split, chosen in hindsight by the rows to judge by; negative where it is above. Its mean is %+.3f nats.", regrets/float64(len(verdicts.Rows)))
			verdicts.Note("Fit is not below on %d of %d tables; the mean of the differences is %+.3f nats.", kept, len(verdicts.Rows), total/float64(len(verdicts.Rows)))
		}
		// What is done is kept: the whole takes hours.
		draw := picture
		if len(groups) == 0 {
			draw = nil
		}
		if err := r.publish(rows, draw); err != nil {
			return err
		}
		if len(verdicts.Rows) > 0 {
			if err := r.publish(verdicts, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeSplit writes a split for the peers.
func (r *report) writeSplit(table, split int, s density.Split) error {
	for part, x := range map[string][]float64{
		"train": slices.Concat(s.Train...), "test": slices.Concat(s.Test...), "columns": {float64(len(s.Train[0]))},
	} {
		if err := harness.WriteFloats(filepath.Join(r.data, fmt.Sprintf("density-%d-%d-%s.f64", table, split, part)), x); err != nil {
			return err
		}
	}
	return nil
}

func meanOf(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s / float64(len(x))
}

// pairedError returns the mean of a-b and its standard error, which is NaN for one
// split.
func pairedError(a, b []float64) (mean, se float64) {
	e := make([]float64, len(a))
	for i := range a {
		e[i] = a[i] - b[i]
	}
	mean = meanOf(e)
	for _, v := range e {
		se += (v - mean) * (v - mean)
	}
	n := float64(len(e))
	return mean, math.Sqrt(se / (n * (n - 1)))
}
