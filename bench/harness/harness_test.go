package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"image/png"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   Spread
	}{
		{[]float64{3}, Spread{3, 3, 3, 3}},
		{[]float64{5, 1, 3, 2, 4}, Spread{3, 2, 4, 1}},
		{[]float64{4, 1, 3, 2}, Spread{2.5, 1.75, 3.25, 1}},
	} {
		values := slices.Clone(test.values)
		if got := NewSpread(values); got != test.want {
			t.Errorf("NewSpread(%v) = %v, want %v", test.values, got, test.want)
		}
		if !slices.Equal(values, test.values) {
			t.Errorf("NewSpread changed its argument %v to %v", test.values, values)
		}
	}
}

// A ratio is taken within each round, so that what slows a whole round down leaves it alone.
func TestRatiosCancelNoise(t *testing.T) {
	a := Series{Ns: []float64{10, 100, 20}, GHz: []float64{2, 2, 3}}
	b := Series{Ns: []float64{5, 50, 10}}
	if got, want := a.Over(b), (Spread{2, 2, 2, 2}); got != want {
		t.Errorf("ratio %v, want %v", got, want)
	}
	b.Ns[1] = 25
	if got, want := a.Over(b), (Spread{2, 2, 3, 2}); got != want {
		t.Errorf("ratio %v, want %v", got, want)
	}
	if got, want := a.Time(10), (Spread{2, 1.5, 6, 1}); got != want {
		t.Errorf("time %v, want %v", got, want)
	}
	if got, want := a.Cycles(10), (Spread{6, 4, 13, 2}); got != want {
		t.Errorf("cycles %v, want %v", got, want)
	}
}

func TestExponent(t *testing.T) {
	x := []float64{1, 10, 100, 1000}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = 7 * math.Pow(v, 1.25)
	}
	if got, err := Exponent(x, y); err != nil || math.Abs(got-1.25) > 1e-12 {
		t.Errorf("exponent %v, %v; want 1.25", got, err)
	}
	for _, bad := range [][2][]float64{{{1}, {1}}, {{1, 2}, {1}}, {{1, 2}, {1, 0}}, {{2, 2}, {1, 3}}} {
		if _, err := Exponent(bad[0], bad[1]); err == nil {
			t.Errorf("Exponent(%v, %v): no error", bad[0], bad[1])
		}
	}
}

// A clock off by a factor would make every figure in cycles wrong: no core since 2003 is outside these bounds.
func TestClock(t *testing.T) {
	if ghz := Clock(); ghz < 0.3 || ghz > 8 {
		t.Errorf("clock %v GHz", ghz)
	}
	if a, b := chain(10, 3, 5), chain(11, 3, 5); a == b {
		t.Error("the chain does not depend on its length")
	}
}

// fake takes a fixed time per repetition and writes down that it ran.
func fake(name string, each time.Duration, log *[]string) Contender {
	return Contender{Name: name, Run: func(reps int) (time.Duration, error) {
		*log = append(*log, name)
		return time.Duration(reps) * each, nil
	}}
}

func TestMeasureInterleaves(t *testing.T) {
	var log []string
	series, err := Measure([]Contender{fake("a", 100, &log), fake("b", 300, &log), fake("c", time.Second, &log)}, Options{Rounds: 4, Slice: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(log[len(log)-12:], ""), "abcbcacababc"; got != want {
		t.Errorf("the rounds ran %s, want %s", got, want)
	}
	for i, want := range []float64{100, 300, 1e9} {
		if s := series[i]; len(s.Ns) != 4 || len(s.GHz) != 4 || s.Time(1).Median != want {
			t.Errorf("%s: %v, want four rounds of %v", s.Name, s.Ns, want)
		}
	}
	if got := series[1].Over(series[0]).Median; math.Abs(got-3) > 1e-9 {
		t.Errorf("ratio %v, want 3", got)
	}
}

func TestCalibrate(t *testing.T) {
	var log []string
	for _, test := range []struct{ each, slice, least, most time.Duration }{
		{10, 10 * time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond},
		{time.Second, time.Millisecond, time.Second, time.Second},
	} {
		reps, each, err := calibrate(fake("x", test.each, &log), test.slice)
		if each != test.each {
			t.Errorf("one of %v is taken for %v", test.each, each)
		}
		if total := time.Duration(reps) * test.each; err != nil || total < test.least || total > test.most {
			t.Errorf("a run of %v a piece takes %v of a slice of %v (%v)", test.each, total, test.slice, err)
		}
	}
}

func TestBudget(t *testing.T) {
	for _, test := range []struct {
		budget time.Duration
		rounds int
	}{{0, 9}, {5 * time.Second, 2}, {time.Second, 1}, {time.Hour, 9}} {
		var log []string
		series, err := Measure([]Contender{fake("a", 2*time.Second, &log)}, Options{Rounds: 9, Slice: time.Millisecond, Budget: test.budget})
		if err != nil || len(series[0].Ns) != test.rounds {
			t.Errorf("a budget of %v gave %d rounds (%v), want %d", test.budget, len(series[0].Ns), err, test.rounds)
		}
	}
	// What takes the budget alone runs once; the others have their rounds.
	var log []string
	series, err := Measure([]Contender{fake("slow", time.Hour, &log), fake("quick", time.Second, &log)}, Options{Rounds: 3, Slice: 1, Budget: time.Minute})
	if err != nil || strings.Count(strings.Join(log, " "), "slow") != 1 || len(series[0].Ns) != 1 || len(series[0].GHz) != 1 || len(series[1].Ns) != 3 {
		t.Errorf("ran %v, %v", log, err)
	}
	if got := series[0].Over(series[1]).Median; got != 3600 {
		t.Errorf("ratio %v, want 3600", got)
	}
}

func TestMeasureReportsErrors(t *testing.T) {
	broken := Contender{Name: "broken", Run: func(int) (time.Duration, error) { return 0, errors.New("no disk") }}
	var log []string
	_, err := Measure([]Contender{fake("a", 1, &log), broken}, Options{Rounds: 1})
	if f := (*Failure)(nil); !errors.As(err, &f) || f.Contender != 1 || f.Name != "broken" || !strings.Contains(err.Error(), "broken: no disk") {
		t.Errorf("error %v", err)
	}
	if _, err := Measure(nil, Options{Rounds: 1}); err == nil {
		t.Error("no contenders: no error")
	}
}

func TestLocal(t *testing.T) {
	out, calls := make([]float64, 2), 0
	c := Local("x", func() { calls++; out[1] = 7 }, out[:1], out[1:])
	if got, err := c.Check(); err != nil || !slices.Equal(got, []float64{0, 7}) {
		t.Errorf("results %v, %v", got, err)
	}
	if took, err := c.Run(5); err != nil || calls != 6 || took < 0 {
		t.Errorf("%d calls in %v, %v", calls, took, err)
	}
}

func sampleTable() *Table {
	table := &Table{Name: "t", Title: "A table", Columns: []Column{{"who", ""}, {"time", "ns"}, {"error", "ulp"}}}
	table.Add("σ one", Spread{1.2345, 1.2, 1.3, 1.1}, 3.0)
	table.Add("b", nil, math.Inf(1))
	table.Note("a note on %d rows", 2)
	return table
}

func TestTableText(t *testing.T) {
	var b strings.Builder
	if err := sampleTable().WriteText(&b); err != nil {
		t.Fatal(err)
	}
	const want = `A table

who                     time  error
                          ns    ulp
σ one  1.23 [1.20 1.30] 1.10   3.00
b                          -   +Inf

a note on 2 rows
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestTableJSON(t *testing.T) {
	raw, err := json.Marshal(sampleTable())
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Units map[string]string
		Rows  []struct {
			Who   string
			Time  *Spread
			Error any
		}
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 2 || got.Rows[0].Who != "σ one" || got.Rows[0].Time.Best != 1.1 || got.Rows[1].Time != nil || got.Rows[1].Error != "+Inf" || got.Units["time"] != "ns" {
		t.Errorf("%s", raw)
	}
}

func TestTableRefusesRaggedRows(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	sampleTable().Add("too", "few")
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.012345: "0.0123", 0.99951: "1.00", 1: "1.00", 9.9951: "10.0", 12.34: "12.3", 99.96: "100", 12345: "12345", 1e6: "1.00e+06", 2e-9: "2.00e-09", -3.14159: "-3.14", math.Inf(1): "+Inf",
	} {
		if got := Short(v); got != want {
			t.Errorf("Short(%v) = %s, want %s", v, got, want)
		}
	}
}

func TestLogTicks(t *testing.T) {
	for _, test := range []struct {
		min, max float64
		want     string
	}{
		{2, 5.5, "2 3 4 5"},
		{0.9, 120, "1 2 5 10 20 50 100"},
		{1e3, 1e6, "1000 10000 1e5 1e6"},
		{1e-9, 1e9, "1e-9 1e-6 0.001 1 1000 1e6 1e9"},
	} {
		var labels []string
		for _, tick := range (logScaleTicks{}).Ticks(test.min, test.max) {
			if tick.Label != "" {
				labels = append(labels, tick.Label)
			}
		}
		if got := strings.Join(labels, " "); got != test.want {
			t.Errorf("ticks of [%g, %g]: %s; want %s", test.min, test.max, got, test.want)
		}
	}
}

func TestFigures(t *testing.T) {
	bar := Bar{Label: "x", Value: Spread{2, 1.8, 2.5, 1.7}, Target: 3}
	var b bytes.Buffer
	if err := (Bars{Title: "t", Axis: "ns", Groups: []Group{{"g", []Bar{bar, {Label: "y", Value: Spread{20, 18, 25, 17}, Ours: true}}}}}).WritePNG(&b); err != nil {
		t.Fatal(err)
	}
	if img, err := png.Decode(&b); err != nil || img.Bounds().Dx() < 500 {
		t.Errorf("no picture: %v", err)
	}
	b.Reset()
	if err := WritePanels(&b, []Panel{{Title: "t", Lines: []Line{{"l", []float64{1, 10}, []float64{2, 30}}}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(&b); err != nil {
		t.Error(err)
	}
	bar.Value.Low = 0
	for _, bad := range []Bars{{}, {Groups: []Group{{"g", []Bar{bar}}}}} {
		if err := bad.WritePNG(&b); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
	if err := WritePanels(&b, []Panel{{Lines: []Line{{"l", []float64{0}, []float64{1}}}}}); err == nil {
		t.Error("a point at zero: no error")
	}
}

// TestMain lets the test binary be the peer that TestPeer talks to.
func TestMain(m *testing.M) {
	switch os.Getenv("HARNESS_PEER") {
	case "serve":
		work := &Work{
			Check: func() ([]float64, error) { return []float64{1, math.Pi}, nil },
			Run:   func(reps int) (time.Duration, error) { return time.Duration(reps) * 10, nil },
			Value: func() (float64, error) { return 0, errors.New("two\nlines") },
		}
		err := Serve(os.Stdin, os.Stdout, "1.0", []string{"a", "b"}, func(name string) (*Work, error) {
			if name == "hangs" {
				return &Work{Run: func(int) (time.Duration, error) { time.Sleep(time.Hour); return 0, nil }}, nil
			}
			if name != "a" {
				return nil, errors.New("cannot " + name)
			}
			return work, nil
		})
		if err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	case "absent":
		os.Stdout.WriteString("absent no library\n")
		os.Exit(0)
	case "dies":
		os.Stderr.WriteString("it broke\n")
		os.Exit(3)
	}
	os.Exit(m.Run())
}

func start(t *testing.T, mode string) (*Peer, error) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Start("peer", t.TempDir(), []string{"HARNESS_PEER=" + mode}, self)
}

func TestPeer(t *testing.T) {
	p, err := start(t, "serve")
	if err != nil {
		t.Fatal(err)
	}
	if p.Version != "1.0" || !p.Has("a") || p.Has("c") || (*Peer)(nil).Has("a") {
		t.Errorf("version %q, cases %v", p.Version, p.cases)
	}
	c := p.Contender("a")
	if out, err := c.Check(); err != nil || !slices.Equal(out, []float64{1, math.Pi}) {
		t.Errorf("results %v, %v", out, err)
	}
	if took, err := c.Run(7); err != nil || took != 70 {
		t.Errorf("took %v, %v", took, err)
	}
	if _, err := p.Value("a"); err == nil || !strings.Contains(err.Error(), "peer: two; lines") {
		t.Errorf("error %v", err)
	}
	if _, err := p.Run("b", 1); err == nil || !strings.Contains(err.Error(), "cannot b") {
		t.Errorf("error %v", err)
	}
	if m, err := p.Memory(); err == nil && m < 1e5 {
		t.Errorf("memory %v", m)
	}
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := os.Stat(p.dir); err == nil {
		t.Error("its directory is still there")
	}
}

// A peer that is over its limit is ended, and says so from then on.
func TestPeerLimit(t *testing.T) {
	p, err := start(t, "serve")
	if err != nil {
		t.Fatal(err)
	}
	p.Limit = 10 * time.Millisecond
	for _, name := range []string{"hangs", "a"} {
		if _, err := p.Run(name, 1); err == nil || !strings.Contains(err.Error(), "no answer for 10ms") {
			t.Errorf("error %v", err)
		}
	}
	if err := p.Close(); err == nil {
		t.Error("it ended by itself")
	}
}

func TestPeersThatCannot(t *testing.T) {
	var absent *Absent
	if _, err := start(t, "absent"); !errors.As(err, &absent) || absent.Why != "no library" {
		t.Errorf("error %v", err)
	}
	if _, err := Start("x", t.TempDir(), nil, "no-such-program"); !errors.As(err, &absent) {
		t.Errorf("error %v", err)
	}
	if _, err := start(t, "dies"); err == nil || !strings.Contains(err.Error(), "it broke") {
		t.Errorf("error %v", err)
	}
}

func TestFloats(t *testing.T) {
	path := t.TempDir() + "/x.f64"
	want := []float64{0, -1.5, math.MaxFloat64, math.Inf(-1)}
	if err := WriteFloats(path, want); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFloats(path); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if err := os.WriteFile(path, make([]byte, 9), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFloats(path); err == nil {
		t.Error("nine bytes: no error")
	}
}

func TestMachine(t *testing.T) {
	if s := ThisMachine().String(); !strings.Contains(s, "generic") || !strings.Contains(s, "GHz") {
		t.Error(s)
	}
}
