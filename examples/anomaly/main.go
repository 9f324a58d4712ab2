// Command anomaly fits a flow to normal rows, scores a stream of others as they come, and prints the unlikely
// ones with the columns that made them so:
//
//	go run ./examples/anomaly normal.csv < stream.csv
//
// Both are CSV with a header; the stream's columns may come in any order. A row is printed if it is less likely
// than all but one in a thousand of the normal rows; -share changes that.
package main

import (
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"log"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gaussflow/gaussflow/flow"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("anomaly: ")
	share := flag.Float64("share", 0.001, "print rows that are less likely than this share of the normal ones")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: anomaly [-share F] NORMAL.csv < STREAM.csv")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	normal, err := os.Open(flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	defer normal.Close()
	if err := run(ctx, normal, os.Stdin, os.Stdout, *share); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, normal, stream io.Reader, out io.Writer, share float64) error {
	// The normal rows fit into memory.
	columns, rows, err := read(normal, nil)
	if err != nil {
		return fmt.Errorf("the normal rows: %w", err)
	}
	var data []float64
	for row, err := range rows {
		if err != nil {
			return fmt.Errorf("the normal rows: %w", err)
		}
		data = append(data, row...)
	}
	x := mat.NewDense(len(data)/len(columns), len(columns), data)
	f, err := flow.Fit(ctx, x, flow.FitOptions{})
	if err != nil {
		return err
	}
	threshold, err := f.Threshold(share)
	if err != nil {
		return err
	}
	median := make([]float64, len(columns))
	for j := range columns {
		v := mat.Col(nil, j, x)
		slices.Sort(v)
		median[j] = stat.Quantile(0.5, stat.Empirical, v, nil)
	}

	// The stream need not.
	_, rows, err = read(stream, columns)
	if err != nil {
		return fmt.Errorf("the stream: %w", err)
	}
	var waiting queue
	n := 0
	for logProb, err := range f.LogProbSeq(ctx, waiting.blocks(rows, len(columns))) {
		if err != nil {
			return err
		}
		for _, lp := range logProb {
			n++
			row := waiting.next()
			if lp >= threshold {
				continue
			}
			why, err := explain(f, row, median, columns)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "row %d: log p %.1f, below %.1f%s\n", n, lp, threshold, why)
		}
	}
	fmt.Fprintf(out, "%d rows\n", n)
	return nil
}

// read yields the rows of a CSV file, its columns in the order wanted, if names are given.
func read(r io.Reader, want []string) ([]string, iter.Seq2[[]float64, error], error) {
	c := csv.NewReader(r)
	header, err := c.Read()
	if err != nil {
		return nil, nil, err
	}
	if want == nil {
		want = slices.Clone(header)
	}
	at := make([]int, len(want))
	for j, name := range want {
		if at[j] = slices.Index(header, name); at[j] < 0 {
			return nil, nil, fmt.Errorf("there is no column %q", name)
		}
	}
	return want, func(yield func([]float64, error) bool) {
		for {
			fields, err := c.Read()
			if err == io.EOF {
				return
			}
			row := make([]float64, len(at))
			for j := range at {
				if err == nil {
					row[j], err = strconv.ParseFloat(fields[at[j]], 64)
				}
			}
			if err != nil {
				line, _ := c.FieldPos(0)
				yield(nil, fmt.Errorf("line %d: %w", line, err))
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}, nil
}

// A queue keeps the rows that the flow has read ahead.
type queue struct {
	mu   sync.Mutex
	rows [][]float64
}

// blocks yields rows in blocks, as LogProbSeq takes them. A stream that is slow should be scored as it comes: a
// block of few rows costs little more than its rows.
func (q *queue) blocks(rows iter.Seq2[[]float64, error], columns int) iter.Seq2[*mat.Dense, error] {
	const most = 256
	return func(yield func(*mat.Dense, error) bool) {
		block := make([]float64, 0, most*columns)
		flush := func() bool {
			if len(block) == 0 {
				return true
			}
			ok := yield(mat.NewDense(len(block)/columns, columns, block), nil)
			block = block[:0]
			return ok
		}
		for row, err := range rows {
			if err != nil {
				if flush() {
					yield(nil, err)
				}
				return
			}
			q.mu.Lock()
			q.rows = append(q.rows, row)
			q.mu.Unlock()
			if block = append(block, row...); len(block) == cap(block) && !flush() {
				return
			}
		}
		flush()
	}
}

// next returns the row whose score is next.
func (q *queue) next() []float64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	row := q.rows[0]
	q.rows = q.rows[1:]
	return row
}

// explain names the columns without whose value, the median in its place, the row would be likelier: the three
// that matter most.
func explain(f *flow.Flow, row, median []float64, columns []string) (string, error) {
	before, err := f.Score(row)
	if err != nil {
		return "", err
	}
	type cause struct {
		column int
		gain   float64
	}
	var causes []cause
	changed := slices.Clone(row)
	for j := range row {
		changed[j] = median[j]
		after, err := f.Score(changed)
		if err != nil && !errors.Is(err, flow.ErrOutOfRange) {
			return "", err
		}
		if gain := after - before; err == nil && gain > 0 {
			causes = append(causes, cause{j, gain})
		}
		changed[j] = row[j]
	}
	slices.SortStableFunc(causes, func(a, b cause) int {
		if a.gain > b.gain {
			return -1
		}
		return 1
	})
	text := ""
	for _, c := range causes[:min(3, len(causes))] {
		text += fmt.Sprintf("; %s = %.4g (median %.4g)", columns[c.column], row[c.column], median[c.column])
	}
	return text, nil
}
