package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	interesting = "fuzz: elapsed: 1m3s, execs: 20041 (6679/sec), new interesting: 106 (total: 114)"
	theEnd      = "fuzz: elapsed: 5s, execs: 9 (3/sec), new interesting: 1 (total: 2)\n--- FAIL: FuzzFlow (5.11s)\n    context deadline exceeded\nFAIL\n"
	crash       = "--- FAIL: FuzzFlow (0.02s)\n    --- FAIL: FuzzFlow (0.01s)\n        flow_test.go:98: block 0: z = 1\n    \n    Failing input written to testdata/fuzz/FuzzFlow/ab\n"
)

// What the fuzzer prints.
func TestFuzzersOutput(t *testing.T) {
	var got []counts
	var passed bytes.Buffer
	w := &lines{to: &passed, line: func(line string) {
		if n, ok := progress(line); ok {
			got = append(got, n)
		}
	}}
	text := "fuzz: elapsed: 0s, gathering baseline coverage: 0/8 completed\n" + interesting + "\nfuzz: elapsed: 1m6s, execs: 3"
	for b := range slices.Chunk([]byte(text), 7) {
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, []counts{{20041, 106, 114}}) || passed.String() != text {
		t.Errorf("got %+v, passed on %q", got, passed.String())
	}
	if !onlyTheEnd(theEnd) || onlyTheEnd(crash) || onlyTheEnd(theEnd+crash) {
		t.Error("the end of its time and a failure are mixed up")
	}
	for log, want := range map[string]string{
		crash: "flow_test.go:98: block 0: z = 1",
		"    fuzzing process hung or terminated unexpectedly: exit status 2\n": "fuzzing process hung or terminated unexpectedly: exit status 2",
		"nothing to see": "exit status 3",
	} {
		if got := reason(log, errors.New("exit status 3")); got != want {
			t.Errorf("the reason of %q is %q", log, got)
		}
	}
}

// The fuzzer lost a process, and blames an input.
func TestEnded(t *testing.T) {
	const lost = "--- FAIL: FuzzX (44.36s)\n    fuzzing process hung or terminated unexpectedly while minimizing: EOF\n    Failing input written to testdata/fuzz/FuzzX/9c7a8592\n"
	if m := ended.FindStringSubmatch(lost); m == nil || m[1] != "9c7a8592" {
		t.Errorf("found %q", m)
	}
	if m := ended.FindStringSubmatch(crash); m != nil {
		t.Errorf("found %q where a test failed", m)
	}
}

// Entries of the corpus by the types of their arguments; half an entry has none.
func TestTypes(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		text string
		age  time.Duration
		want string
	}{
		"old":  {"go test fuzz v1\nuint8(1)\n", 2 * time.Hour, "uint8"},
		"new":  {"go test fuzz v1\n[]byte(\"(\")\nbyte('\\x00')\nuint64(5)\n", time.Hour, "[]byte uint8 uint64"},
		"half": {"go test fuzz v1\n[]byte(\"01", 0, ""},
		"none": {"", 0, ""},
	} {
		if got := strings.Join(types([]byte(c.text)), " "); got != c.want {
			t.Errorf("%s: types %q, want %q", name, got, c.want)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(c.text), 0o666); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-c.age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"[]byte", "uint8", "uint64"}
	if got := newestTypes(dir); !slices.Equal(got, want) {
		t.Errorf("newest types %q, want %q", got, want)
	}
	to := t.TempDir()
	n, err := copyFiles(dir, to, func(b []byte) bool { return slices.Equal(types(b), want) })
	if err != nil || n != 1 {
		t.Errorf("%d files were copied, error %v", n, err)
	}
	if n, err := copyFiles(filepath.Join(dir, "missing"), to, nil); n != 0 || err != nil {
		t.Errorf("no directory: %d files, error %v", n, err)
	}
}

// A failing input goes to the committed corpus, whole; half a one goes nowhere.
func TestCollect(t *testing.T) {
	s, tg := &session{}, &target{name: "FuzzX"}
	seeds, committed := t.TempDir(), filepath.Join(t.TempDir(), "testdata", "fuzz", "FuzzX")
	for name, text := range map[string]string{"whole": "go test fuzz v1\nuint8(1)\n", "half": "go test fuzz v1\nuint8("} {
		if err := os.WriteFile(filepath.Join(seeds, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second time it is there
		if err := s.collect(tg, seeds, committed); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(committed)
	if err != nil || len(entries) != 1 || entries[0].Name() != "whole" || len(tg.findings) != 1 {
		t.Errorf("%v, error %v, findings %q", entries, err, tg.findings)
	}
	s.targets, tg.state = []*target{tg}, "FOUND"
	if text := s.summary(); !strings.Contains(text, "FuzzX, FOUND") || !strings.Contains(text, "FOUND by FuzzX: input: ") {
		t.Errorf("the summary lacks the finding:\n%s", text)
	}
}
