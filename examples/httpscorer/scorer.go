package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow"
)

// A scorer answers requests with one flow. One row costs what sixteen do, and many together much less each: so
// requests wait in a queue, and a worker takes all that are waiting and scores them together.
type scorer struct {
	flow    *flow.Flow
	limits  limits
	columns []string
	queue   chan *job
	ready   atomic.Bool
	workers sync.WaitGroup
}

// A job is the rows of one request.
type job struct {
	ctx     context.Context
	rows    []float64
	n       int
	logProb []float64
	err     error
	done    chan struct{}
}

func newScorer(f *flow.Flow, l limits) *scorer {
	l.setDefaults()
	s := &scorer{flow: f, limits: l, columns: f.Columns(), queue: make(chan *job, l.queue)}
	if s.columns == nil {
		for j := range f.Dim() {
			s.columns = append(s.columns, "x"+strconv.Itoa(j))
		}
	}
	for range runtime.GOMAXPROCS(0) {
		s.workers.Go(s.work)
	}
	s.ready.Store(true)
	return s
}

// close ends the workers, when no request is under way any more.
func (s *scorer) close() {
	close(s.queue)
	s.workers.Wait()
}

// batch is how many rows a worker collects.
const batch = 1024

func (s *scorer) work() {
	for first := range s.queue {
		jobs, n := []*job{first}, first.n
		for collecting := true; collecting && n < batch; {
			select {
			case j, ok := <-s.queue:
				if collecting = ok; ok {
					jobs, n = append(jobs, j), n+j.n
				}
			default: // nobody else is waiting: nor shall these
				collecting = false
			}
		}
		s.score(jobs)
	}
}

// score scores jobs together. If a row of one of them cannot be scored, each is scored for itself.
func (s *scorer) score(jobs []*job) {
	jobs = slices.DeleteFunc(jobs, func(j *job) bool { // its client has gone
		if j.err = j.ctx.Err(); j.err != nil {
			close(j.done)
		}
		return j.err != nil
	})
	if len(jobs) == 0 {
		return
	}
	d := s.flow.Dim()
	all := jobs[0].rows
	if len(jobs) > 1 {
		all = nil
		for _, j := range jobs {
			all = append(all, j.rows...)
		}
	}
	logProb := make([]float64, len(all)/d)
	err := s.flow.LogProb(logProb, mat.NewDense(len(logProb), d, all))
	if err != nil && len(jobs) > 1 {
		for _, j := range jobs {
			s.score([]*job{j})
		}
		return
	}
	for _, j := range jobs {
		j.logProb, logProb, j.err = logProb[:j.n], logProb[j.n:], err
		close(j.done)
	}
}

// handler is what the service offers.
func (s *scorer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /score", s.serveScore)
	mux.HandleFunc("GET /model", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, map[string]any{"kind": s.flow.Kind(), "dim": s.flow.Dim(), "columns": s.columns, "info": s.flow.Info()})
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, map[string]bool{"ok": true}) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !s.ready.Load() {
			fail(w, problem{Status: http.StatusServiceUnavailable, Text: "ending"})
			return
		}
		reply(w, http.StatusOK, map[string]bool{"ok": true})
	})
	return mux
}

// serve answers until ctx is done, and then what is under way.
func (s *scorer) serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: s.limits.read / 2, ReadTimeout: s.limits.read, WriteTimeout: s.limits.write, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 1 << 14,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(&limited{Listener: l, free: make(chan struct{}, s.limits.connections)}) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.ready.Store(false)
	drain, cancel := context.WithTimeout(context.Background(), s.limits.drain)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return fmt.Errorf("requests were under way after %v: %w", s.limits.drain, errors.Join(err, server.Close()))
	}
	s.close()
	return nil
}

// limited accepts so many connections at a time.
type limited struct {
	net.Listener
	free chan struct{}
}

func (l *limited) Accept() (net.Conn, error) {
	l.free <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.free
		return nil, err
	}
	return &limitedConn{Conn: c, release: sync.OnceFunc(func() { <-l.free })}, nil
}

type limitedConn struct {
	net.Conn
	release func()
}

func (c *limitedConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// A problem is what a client hears of an error.
type problem struct {
	Status int    `json:"-"`
	Text   string `json:"error"`
	Row    *int   `json:"row,omitempty"` // from 0
	Column string `json:"column,omitempty"`
}

func (p problem) Error() string { return p.Text }

func badRow(row int, column, format string, args ...any) problem {
	return problem{Status: http.StatusBadRequest, Row: &row, Column: column, Text: fmt.Sprintf(format, args...)}
}

func bad(status int, format string, args ...any) problem {
	return problem{Status: status, Text: fmt.Sprintf(format, args...)}
}

func fail(w http.ResponseWriter, err error) {
	var p problem
	if !errors.As(err, &p) {
		p = bad(http.StatusInternalServerError, "%v", err)
	}
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	reply(w, p.Status, p)
}

func reply(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // nothing here holds what JSON does not
		status, b = http.StatusInternalServerError, []byte(`{"error":"the answer is no JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}

// answer is that to /score. A log-density below what float64 can tell is null: it is less than
// log_prob_min.
type answer struct {
	LogProb    []*float64 `json:"log_prob"`
	Rank       []float64  `json:"rank,omitempty"` // the share of typical rows that are less likely
	LogProbMin *float64   `json:"log_prob_min,omitempty"`
}

func (s *scorer) serveScore(w http.ResponseWriter, r *http.Request) {
	rows, err := s.read(http.MaxBytesReader(w, r.Body, s.limits.body), r.Header.Get("Content-Type"))
	if err != nil {
		fail(w, err)
		return
	}
	j := &job{ctx: r.Context(), rows: rows, n: len(rows) / s.flow.Dim(), done: make(chan struct{})}
	select {
	case s.queue <- j:
	default:
		fail(w, bad(http.StatusServiceUnavailable, "too many requests are waiting; come again"))
		return
	}
	<-j.done
	var at *flow.RowError
	switch {
	case j.err == nil:
	case errors.As(j.err, &at) && at.Row >= 0:
		fail(w, badRow(at.Row, at.Column, "%v", at))
		return
	case errors.Is(j.err, context.Canceled):
		return // nobody is there
	default:
		fail(w, j.err)
		return
	}
	var a answer
	a.LogProb = make([]*float64, j.n)
	for i := range j.logProb {
		if math.IsInf(j.logProb[i], -1) {
			least := -math.MaxFloat64
			a.LogProbMin = &least
			continue
		}
		a.LogProb[i] = &j.logProb[i]
	}
	rank := make([]float64, j.n)
	if s.flow.Rank(rank, j.logProb) == nil { // a model without quantiles has no ranks
		a.Rank = rank
	}
	reply(w, http.StatusOK, a)
}

// read returns the rows of a request, columns in the order of the model.
func (s *scorer) read(body io.Reader, contentType string) (rows []float64, err error) {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = contentType
	}
	switch kind {
	case "application/json":
		rows, err = s.readJSON(body)
	case "text/csv":
		rows, err = s.readCSV(body)
	default:
		return nil, bad(http.StatusUnsupportedMediaType, "the content is %q; application/json and text/csv are read", contentType)
	}
	var large *http.MaxBytesError
	var p problem
	switch {
	case errors.As(err, &large):
		return nil, bad(http.StatusRequestEntityTooLarge, "more than %d bytes; send fewer rows at a time", large.Limit)
	case errors.As(err, &p):
		return nil, p
	case err != nil:
		return nil, bad(http.StatusBadRequest, "%v", err)
	case len(rows) == 0:
		return nil, bad(http.StatusBadRequest, "there are no rows")
	case len(rows)/s.flow.Dim() > s.limits.rows:
		return nil, bad(http.StatusRequestEntityTooLarge, "%d rows; at most %d are scored at a time", len(rows)/s.flow.Dim(), s.limits.rows)
	}
	return rows, nil
}

// readJSON reads {"rows":[{"a":1,"b":2},…]}, or {"columns":["a","b"],"rows":[[1,2],…]}; without columns rows are in the
// order of the model.
func (s *scorer) readJSON(body io.Reader) ([]float64, error) {
	var request struct {
		Columns []string          `json:"columns"`
		Rows    []json.RawMessage `json:"rows"`
	}
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&request); err != nil {
		return nil, fmt.Errorf("the body: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("the body: something follows the object")
	}
	at, err := s.places(request.Columns)
	if err != nil {
		return nil, err
	}
	dim := s.flow.Dim()
	rows := make([]float64, 0, dim*len(request.Rows))
	for i, raw := range request.Rows {
		row := make([]float64, dim)
		if len(raw) > 0 && raw[0] == '{' {
			var named map[string]*float64
			if err := json.Unmarshal(raw, &named); err != nil {
				return nil, badRow(i, "", "row %d: %v", i, err)
			}
			for j, name := range s.columns {
				v := named[name]
				if v == nil {
					return nil, badRow(i, name, "row %d has no number for %q", i, name)
				}
				row[j] = *v
			}
			if len(named) != dim {
				for name := range named {
					if !slices.Contains(s.columns, name) {
						return nil, badRow(i, name, "row %d: the model has no column %q", i, name)
					}
				}
			}
		} else {
			var values []*float64
			if err := json.Unmarshal(raw, &values); err != nil {
				return nil, badRow(i, "", "row %d: %v", i, err)
			}
			if len(values) != len(at) {
				return nil, badRow(i, "", "row %d has %d numbers; it must have %d", i, len(values), len(at))
			}
			for k, v := range values {
				if v == nil {
					return nil, badRow(i, s.columns[at[k]], "row %d has no number for %q", i, s.columns[at[k]])
				}
				row[at[k]] = *v
			}
		}
		rows = append(rows, row...)
	}
	return rows, nil
}

// readCSV reads a table with a header.
func (s *scorer) readCSV(body io.Reader) ([]float64, error) {
	c := csv.NewReader(body)
	c.ReuseRecord = true
	header, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("the header: %w", err)
	}
	at, err := s.places(slices.Clone(header))
	if err != nil {
		return nil, err
	}
	var rows []float64
	row := make([]float64, len(at))
	for i := 0; ; i++ {
		fields, err := c.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		for k, f := range fields {
			name := s.columns[at[k]]
			v, err := strconv.ParseFloat(f, 64)
			if err != nil || v-v != 0 {
				return nil, badRow(i, name, "row %d: %.40q is no number for %q", i, f, name)
			}
			row[at[k]] = v
		}
		rows = append(rows, row...)
	}
}

// places returns where the model has each of the columns; nil are the model's.
func (s *scorer) places(columns []string) ([]int, error) {
	if columns == nil {
		columns = s.columns
	}
	at := make([]int, len(columns))
	for k, name := range columns {
		if at[k] = slices.Index(s.columns, name); at[k] < 0 {
			return nil, problem{Status: http.StatusBadRequest, Column: name, Text: fmt.Sprintf("the model has no column %.40q", name)}
		}
		if slices.Contains(columns[:k], name) {
			return nil, problem{Status: http.StatusBadRequest, Column: name, Text: fmt.Sprintf("there are two columns %.40q", name)}
		}
	}
	for _, name := range s.columns {
		if !slices.Contains(columns, name) {
			return nil, problem{Status: http.StatusBadRequest, Column: name, Text: fmt.Sprintf("the column %q is missing", name)}
		}
	}
	return at, nil
}
