package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow"
)

// model is of two named columns.
var model = sync.OnceValue(func() *flow.Flow {
	rng := rand.New(rand.NewPCG(1, 2))
	x := mat.NewDense(500, 2, nil)
	for i := range 500 {
		u := rng.NormFloat64()
		x.SetRow(i, []float64{u, u*u + rng.NormFloat64()})
	}
	f, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: 4, Components: 4})
	if err != nil {
		panic(err)
	}
	m := f.Model()
	m.Columns = []string{"a", "b"}
	if f, err = flow.New(m); err != nil {
		panic(err)
	}
	return f
})

// start serves until the test ends, and returns the address.
func start(t testing.TB, l limits) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- newScorer(model(), l).serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the end: %v", err)
		}
	})
	return "http://" + listener.Addr().String()
}

func post(url, contentType, body string) (status int, answer string, err error) {
	r, err := http.Post(url+"/score", contentType, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return r.StatusCode, strings.TrimSpace(string(b)), err
}

func score(t testing.TB, row ...float64) float64 {
	t.Helper()
	v, err := model().Score(row)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What is asked, and what is answered.
func TestScore(t *testing.T) {
	url := start(t, limits{body: 1000, rows: 5})
	one := fmt.Sprintf(`{"log_prob":[%v]}`, score(t, 0.5, 1.25))
	const j, c = "application/json", "text/csv"
	for _, test := range []struct {
		contentType, body string
		status            int
		want              string
	}{
		{j, `{"rows":[{"a":0.5,"b":1.25}]}`, 200, one},
		{j, `{"rows":[[0.5,1.25]]}`, 200, one},
		{j, `{"columns":["b","a"],"rows":[[1.25,0.5]]}`, 200, one},
		{j + "; charset=utf-8", `{"rows":[{"b":1.25,"a":0.5}]}`, 200, one},
		{c, "b,a\n1.25,0.5\n", 200, one},
		{j, `{"rows":[[1e300,0]]}`, 200, fmt.Sprintf(`{"log_prob":[null],"log_prob_min":%v}`, -math.MaxFloat64)},
		{j, `{"rows":[{"a":0.5}]}`, 400, `{"error":"row 0 has no number for \"b\"","row":0,"column":"b"}`},
		{j, `{"rows":[{"a":0.5,"b":null}]}`, 400, `{"error":"row 0 has no number for \"b\"","row":0,"column":"b"}`},
		{j, `{"rows":[[0,1],{"a":0.5,"b":1,"c":2}]}`, 400, `{"error":"row 1: the model has no column \"c\"","row":1,"column":"c"}`},
		{j, `{"rows":[[0,1],[0]]}`, 400, `{"error":"row 1 has 1 numbers; it must have 2","row":1}`},
		{j, `{"rows":[[0,null]]}`, 400, `"column":"b"`},
		{j, `{"rows":[["x",1]]}`, 400, `"row":0`},
		{j, `{"rows":[[1e999,1]]}`, 400, `"row":0`},
		{j, `{"columns":["a"],"rows":[[1]]}`, 400, `{"error":"the column \"b\" is missing","column":"b"}`},
		{j, `{"columns":["a","a"],"rows":[[1,2]]}`, 400, `there are two columns \"a\"`},
		{j, `{"columns":["a","x"],"rows":[[1,2]]}`, 400, `the model has no column \"x\"`},
		{j, `{"rows":[]}`, 400, `{"error":"there are no rows"}`},
		{j, `{}`, 400, `{"error":"there are no rows"}`},
		{j, `{"rows":[[1,2]]} {}`, 400, "something follows the object"},
		{j, `{"row":[[1,2]]}`, 400, "unknown field"},
		{j, `not json`, 400, "the body"},
		{j, ``, 400, "the body"},
		{j, `{"rows":[[1,2],[1,2],[1,2],[1,2],[1,2],[1,2]]}`, 413, "6 rows; at most 5"},
		{j, `{"rows":[[1,` + strings.Repeat(" ", 2000) + `2]]}`, 413, "more than 1000 bytes"},
		{c, "a,b\n1,x\n", 400, `{"error":"row 0: \"x\" is no number for \"b\"","row":0,"column":"b"}`},
		{c, "a,b\n1,NaN\n", 400, `"row":0,"column":"b"`},
		{c, "a,b\n1\n", 400, "wrong number of fields"},
		{c, "a\n1\n", 400, `the column \"b\" is missing`},
		{c, "", 400, "the header"},
		{c, "a,b\n", 400, "there are no rows"},
		{"text/html", "<p>", 415, "application/json and text/csv are read"},
		{"", "x", 415, "application/json and text/csv are read"},
	} {
		status, answer, err := post(url, test.contentType, test.body)
		if err != nil || status != test.status || !strings.Contains(answer, test.want) || !json.Valid([]byte(answer)) {
			t.Errorf("%s %.60q: status %d, %s, error %v; want %d, %s", test.contentType, test.body, status, answer, err, test.status, test.want)
		}
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/model": 200, "/": 404, "/score": 405, "/debug/pprof/": 404} {
		r, err := http.Get(url + path)
		if err != nil || r.StatusCode != want {
			t.Errorf("GET %s: %v, error %v; want %d", path, r, err, want)
			continue
		}
		r.Body.Close()
	}
}

// A row that cannot be scored spoils only its own request of those that are scored together.
func TestBatchKeepsApart(t *testing.T) {
	s := &scorer{flow: model(), limits: limits{}}
	jobs := make([]*job, 5)
	for i := range jobs {
		jobs[i] = &job{ctx: t.Context(), rows: []float64{float64(i), 1}, n: 1, done: make(chan struct{})}
	}
	jobs[2].rows[0] = math.Inf(1)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	jobs[4].ctx = gone
	s.score(slices.Clone(jobs))
	for i, j := range jobs {
		<-j.done
		var at *flow.RowError
		switch {
		case i == 2 && (!errors.As(j.err, &at) || at.Row != 0 || at.Column != "a"):
			t.Errorf("job 2: error %v", j.err)
		case i == 4 && !errors.Is(j.err, context.Canceled):
			t.Errorf("job 4: error %v", j.err)
		case i != 2 && i != 4 && (j.err != nil || j.logProb[0] != score(t, float64(i), 1)):
			t.Errorf("job %d: %v, error %v", i, j.logProb, j.err)
		}
	}
}

// When the queue is full, a request is told so at once, and the others are answered.
func TestOverload(t *testing.T) {
	s := newScorer(model(), limits{queue: 2})
	s.close() // no workers: nothing leaves the queue
	s.queue = make(chan *job, 2)
	server := httptest.NewServer(s.handler())
	defer server.Close()
	statuses := make(chan int, 5)
	for range 5 {
		go func() {
			status, _, err := post(server.URL, "application/json", `{"rows":[[1,2]]}`)
			if err != nil {
				status = -1
			}
			statuses <- status
		}()
	}
	for range 3 {
		if status := <-statuses; status != http.StatusServiceUnavailable {
			t.Errorf("status %d of a request too many", status)
		}
	}
	s.workers.Go(s.work)
	for range 2 {
		if status := <-statuses; status != http.StatusOK {
			t.Errorf("status %d of a request that waited", status)
		}
	}
	s.close()
}

// At the end what is under way is answered, and nothing is accepted any more.
func TestGracefulEnd(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := newScorer(model(), limits{})
	go func() { ended <- s.serve(ctx, listener) }()
	// A request whose body comes in two parts, the end between them. Its body is sent when the service asks for it:
	// when the first part is out, the request is under way.
	r, w := io.Pipe()
	answered := make(chan int, 1)
	go func() {
		request, _ := http.NewRequest("POST", "http://"+listener.Addr().String()+"/score", r)
		request.Header = http.Header{"Content-Type": {"application/json"}, "Expect": {"100-continue"}}
		resp, err := (&http.Transport{ExpectContinueTimeout: time.Hour}).RoundTrip(request)
		if err != nil {
			answered <- -1
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	io.WriteString(w, `{"rows":[[1,`)
	stop()
	for s.ready.Load() {
		time.Sleep(time.Millisecond)
	}
	io.WriteString(w, `2]]}`)
	w.Close()
	if status := <-answered; status != http.StatusOK {
		t.Errorf("the request under way: status %d", status)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, _, err := post("http://"+listener.Addr().String(), "application/json", `{"rows":[[1,2]]}`); err == nil {
		t.Error("a request after the end was answered")
	}
}

// Whoever sends without end is cut off.
func TestSlowRequest(t *testing.T) {
	url := start(t, limits{read: 100 * time.Millisecond})
	r, w := io.Pipe()
	go func() {
		for {
			if _, err := w.Write([]byte{' '}); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	defer r.Close()
	if resp, err := http.Post(url+"/score", "application/json", r); err == nil {
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("answered")
		}
	}
}

// The service under load: throughput and latency against the number of clients, while others send what is malformed,
// too large and too slow. Every good request is answered, and right.
func TestLoad(t *testing.T) {
	each := 200 // requests of a client
	if testing.Short() {
		each = 20
	}
	url := start(t, limits{read: time.Hour, body: 1 << 16})
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	client := &http.Client{Transport: transport}
	defer transport.CloseIdleConnections()
	t.Logf("%8s %12s %12s %12s %10s", "clients", "requests/s", "median", "99%", "bad ones")
	for _, clients := range []int{1, 4, 16, 64} {
		var good, others sync.WaitGroup
		var mu sync.Mutex
		var latencies []time.Duration
		var bad atomic.Int64
		start := time.Now()
		for k := range clients {
			good.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(k), 1))
				for range each {
					row := []float64{rng.NormFloat64(), rng.NormFloat64()}
					body := fmt.Sprintf(`{"rows":[[%v,%v]]}`, row[0], row[1])
					began := time.Now()
					r, err := client.Post(url+"/score", "application/json", strings.NewReader(body))
					if err != nil {
						t.Errorf("a good request: %v", err)
						return
					}
					var a answer
					err = json.NewDecoder(r.Body).Decode(&a)
					r.Body.Close()
					if err != nil || r.StatusCode != http.StatusOK || len(a.LogProb) != 1 || *a.LogProb[0] != score(t, row...) {
						t.Errorf("a good request: status %d, %v, error %v", r.StatusCode, a, err)
						return
					}
					mu.Lock()
					latencies = append(latencies, time.Since(began))
					mu.Unlock()
				}
			})
		}
		served := make(chan struct{}) // every good request is
		for _, body := range []string{`{"rows":[[1]]}`, `garbage`, `{"rows":[[` + strings.Repeat("1,", 1<<16)} {
			others.Go(func() {
				for {
					// A body too large may be cut off in the middle: the connection breaks.
					if status, _, err := post(url, "application/json", body); err == nil && status != 400 && status != 413 {
						t.Errorf("%.20q: status %d", body, status)
					}
					bad.Add(1)
					select {
					case <-served:
						return
					default:
					}
				}
			})
		}
		others.Go(func() { // one that sends as long as the others do
			r, w := io.Pipe()
			go func() {
				defer w.Close()
				for {
					if _, err := w.Write([]byte{' '}); err != nil {
						return
					}
					select {
					case <-served:
						return
					case <-time.After(20 * time.Millisecond):
					}
				}
			}()
			if resp, err := http.Post(url+"/score", "application/json", r); err == nil {
				resp.Body.Close()
			}
			bad.Add(1)
		})
		good.Wait()
		took := time.Since(start)
		close(served)
		others.Wait()
		if t.Failed() {
			return
		}
		slices.Sort(latencies)
		t.Logf("%8d %12.0f %12v %12v %10d", clients, float64(len(latencies))/took.Seconds(),
			latencies[len(latencies)/2].Round(time.Microsecond), latencies[len(latencies)*99/100].Round(time.Microsecond), bad.Load())
	}
}

func TestLoadModel(t *testing.T) {
	dir := t.TempDir()
	good, wrong := filepath.Join(dir, "m.safetensors"), filepath.Join(dir, "wrong")
	var b bytes.Buffer
	if err := model().Save(&b); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(good, b.Bytes(), 0o666), os.WriteFile(wrong, []byte("hello, world"), 0o666)); err != nil {
		t.Fatal(err)
	}
	if f, err := load(good); err != nil || f.Dim() != 2 {
		t.Errorf("%v, error %v", f, err)
	}
	for _, name := range []string{wrong, filepath.Join(dir, "none")} {
		if _, err := load(name); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// BenchmarkBatch scores rows one by one and together.
func BenchmarkBatch(b *testing.B) {
	for _, n := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			x, lp := mat.NewDense(n, 2, nil), make([]float64, n)
			for b.Loop() {
				if err := model().LogProb(lp, x); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/row")
		})
	}
}
