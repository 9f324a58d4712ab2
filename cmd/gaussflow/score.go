package main

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/urfave/cli/v3"
)

func scoreCommand() *cli.Command {
	return command("score", "the log-density of each row of a table",
		`Writes a table with a column log_prob: the log-density of each row of DATA, in nats and in the units
of DATA, in the order of DATA. A log-density below the range of float64 is -inf
(null in JSON). A model of fit -given scores the other columns conditioned on those; DATA has all columns.

-rank adds a column with the share of typical rows that are less likely, from 0 to 1. With
-threshold Q or -below X a column anomaly is 1 for rows whose rank is below Q, or whose log-density
is below X. -top N writes only the N least likely rows, the least likely first, with their
numbers in DATA, from 1.

`+tableHelp+"\n\n"+examples("gaussflow score model.safetensors new.csv -rank -o scores.csv", "zcat log.csv.gz | gaussflow score model.safetensors - -threshold 0.001 -top 20"),
		[]string{"MODEL", "DATA"},
		slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "rank", Usage: "add a column: the share of typical rows that are less likely"},
			&cli.FloatFlag{Name: "threshold", Usage: "mark rows as anomalies whose rank, the share of typical rows that are less likely, is below `Q`", Validator: func(q float64) error {
				if !(q >= 0 && q <= 1) {
					return fmt.Errorf("want 0 to 1")
				}
				return nil
			}},
			&cli.FloatFlag{Name: "below", Usage: "mark rows as anomalies whose log-density is below `X` nats", Validator: func(x float64) error {
				if x != x {
					return fmt.Errorf("want a number")
				}
				return nil
			}},
			&cli.IntFlag{Name: "top", Usage: "write only the `N` least likely rows", Validator: between(1, 1<<20)},
			&cli.BoolFlag{Name: "fail-on-anomaly", Usage: "exit with status 3 if there is an anomaly"},
		}, outputFlags(), tableFlags()),
		score)
}

// anomalies is the error of score -fail-on-anomaly.
type anomalies struct {
	n, of int64
	below float64
}

func (a anomalies) Error() string {
	return fmt.Sprintf("%s of %s below %.4f nats", plural(a.n, "row"), thousands(a.of), a.below)
}

func score(ctx context.Context, c *cli.Command) (err error) {
	marked := c.IsSet("threshold") || c.IsSet("below")
	switch {
	case c.IsSet("threshold") && c.IsSet("below"):
		return usageErrorf("-threshold and -below both define anomalies; give one of them")
	case c.Bool("fail-on-anomaly") && !marked:
		return usageErrorf("-fail-on-anomaly needs -threshold or -below, which define anomalies")
	case sameFile(c.String("o"), c.Args().Get(0)) || sameFile(c.String("o"), c.Args().Get(1)):
		return usageErrorf("-o %s: that is an input", c.String("o"))
	}
	f, err := loadModel(c.Args().Get(0))
	if err != nil {
		return err
	}
	below := c.Float("below")
	if c.IsSet("threshold") {
		if below, err = f.Threshold(c.Float("threshold")); err != nil {
			return fmt.Errorf("-threshold: %w", strip(err))
		}
	}
	if c.Bool("rank") {
		if err := f.Rank(nil, nil); err != nil {
			return fmt.Errorf("-rank: %w", strip(err))
		}
	}
	s, err := openStream(c, c.Args().Get(1), f, f.Columns())
	if err != nil {
		return err
	}
	defer s.close(c)

	columns := []string{"log_prob"}
	if c.IsSet("top") {
		columns = []string{"row", "log_prob"}
	}
	if c.Bool("rank") {
		columns = append(columns, "rank")
	}
	if marked {
		columns = append(columns, "anomaly")
	}
	w, err := newWriter(c, c.String("id"), columns)
	if err != nil {
		return err
	}
	defer w.Discard()

	var all summary
	found := anomalies{below: below}
	least := leastLikely{most: c.Int("top")}
	var out, ranks []float64
	for logProb, err := range f.LogProbSeq(ctx, s.blocks()) {
		if err != nil {
			return s.explain(ctx, err)
		}
		rows, ids := s.take(len(logProb))
		if c.Bool("rank") {
			ranks = slices.Grow(ranks[:0], len(logProb))[:len(logProb)]
			if err := f.Rank(ranks, logProb); err != nil {
				return strip(err)
			}
		}
		out = out[:0]
		for i, v := range logProb {
			all.add(v, rows[i])
			r := scoredRow{row: rows[i], logProb: v}
			if ranks != nil {
				r.rank = ranks[i]
			}
			if marked && v < below {
				r.anomaly = 1
				found.n++
			}
			found.of++
			if ids != nil {
				r.id = ids[i]
			}
			if c.IsSet("top") {
				least.add(r)
				continue
			}
			out = r.append(out, columns)
		}
		if !c.IsSet("top") {
			if err := w.Write(ids, out, len(logProb)); err != nil {
				return err
			}
		}
	}
	for _, r := range least.sorted() {
		if err := w.Write([]string{r.id}, r.append(nil, columns), 1); err != nil {
			return err
		}
	}
	if err := w.Commit(); err != nil {
		return err
	}
	if c.String("o") != "" {
		if err := all.print(c, found, marked); err != nil {
			return err
		}
	}
	if c.Bool("fail-on-anomaly") && found.n > 0 {
		return found
	}
	return nil
}

// A scoredRow is a row of the output.
type scoredRow struct {
	row           int64
	id            string
	logProb, rank float64
	anomaly       float64
}

func (r scoredRow) append(b []float64, columns []string) []float64 {
	for _, name := range columns {
		switch name {
		case "row":
			b = append(b, float64(r.row))
		case "log_prob":
			b = append(b, r.logProb)
		case "rank":
			b = append(b, r.rank)
		case "anomaly":
			b = append(b, r.anomaly)
		}
	}
	return b
}

// leastLikely keeps the least likely of many rows, the likeliest of them on top.
type leastLikely struct {
	rows []scoredRow
	most int
}

func less(a, b scoredRow) int {
	return cmp.Or(cmp.Compare(a.logProb, b.logProb), cmp.Compare(a.row, b.row))
}

func (l *leastLikely) Len() int           { return len(l.rows) }
func (l *leastLikely) Less(i, j int) bool { return less(l.rows[i], l.rows[j]) > 0 }
func (l *leastLikely) Swap(i, j int)      { l.rows[i], l.rows[j] = l.rows[j], l.rows[i] }
func (l *leastLikely) Push(x any)         { l.rows = append(l.rows, x.(scoredRow)) }
func (l *leastLikely) Pop() any {
	last := l.rows[len(l.rows)-1]
	l.rows = l.rows[:len(l.rows)-1]
	return last
}

func (l *leastLikely) add(r scoredRow) {
	if len(l.rows) < l.most {
		heap.Push(l, r)
	} else if less(r, l.rows[0]) < 0 {
		l.rows[0] = r
		heap.Fix(l, 0)
	}
}

func (l *leastLikely) sorted() []scoredRow {
	slices.SortFunc(l.rows, less)
	return l.rows
}

// summary is what a person wants to know at once.
type summary struct {
	n, at int64
	sum   float64
	least float64
}

func (s *summary) add(v float64, row int64) {
	if s.n == 0 || v < s.least {
		s.least, s.at = v, row
	}
	s.n++
	s.sum += v
}

func (s *summary) print(c *cli.Command, found anomalies, marked bool) error {
	w := c.Root().Writer
	if s.n == 0 {
		_, err := fmt.Fprintf(w, "0 rows: %s\n", c.String("o"))
		return err
	}
	mean := "-inf"
	if !math.IsInf(s.sum, 0) {
		mean = fmt.Sprintf("%.4f", s.sum/float64(s.n))
	}
	if _, err := fmt.Fprintf(w, "%s: mean log_prob %s nats, least %.4f in row %d: %s\n", plural(s.n, "row"), mean, s.least, s.at, c.String("o")); err != nil {
		return err
	}
	if !marked {
		return nil
	}
	_, err := fmt.Fprintf(w, "anomalies: %v\n", found)
	return err
}
