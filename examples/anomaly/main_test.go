package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// The rows that were made odd are found, and so are the columns that make them so.
func TestRun(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	row := func() (a, b, c float64) {
		a = rng.NormFloat64()
		return 100 + 5*a, a*a + 0.1*rng.NormFloat64(), rng.ExpFloat64()
	}
	var normal, stream strings.Builder
	normal.WriteString("load,heat,wait\n")
	for range 120 {
		a, b, c := row()
		fmt.Fprintf(&normal, "%v,%v,%v\n", a, b, c)
	}
	stream.WriteString("wait,load,heat\n")
	for i := range 300 {
		a, b, c := row()
		switch i {
		case 123:
			b += 30 // far from the parabola
		case 256:
			c = 900
		}
		fmt.Fprintf(&stream, "%v,%v,%v\n", c, a, b)
	}
	var out bytes.Buffer
	if err := run(t.Context(), strings.NewReader(normal.String()), strings.NewReader(stream.String()), &out, 0.002); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{"row 124: log p -", "row 257: log p -", "300 rows\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "row 124:") && !strings.Contains(line, "; heat = ") || strings.HasPrefix(line, "row 257:") && !strings.Contains(line, "; wait = 900 (median") {
			t.Errorf("the wrong columns: %s", line)
		}
	}
	if n := strings.Count(text, "\n"); n > 20 {
		t.Errorf("%d lines of 300 rows:\n%s", n, text)
	}
	for stream, want := range map[string]string{
		"load,heat\n1,2\n":               `the stream: there is no column "wait"`,
		"wait,load,heat\n1,2,3\n1,x,3\n": "line 3",
		"":                               "the stream: EOF",
	} {
		if err := run(t.Context(), strings.NewReader(normal.String()), strings.NewReader(stream), &out, 0.002); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", stream, err, want)
		}
	}
}
