package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gaussflow/gaussflow/internal/watchdog"
)

// FuzzCommand gives the program arguments, and files to read. It ends with status 0 to 3 and at most one line of
// errors, besides notes; JSON is whole or absent; it writes where it was told to, nothing at all on bad usage, and no part of a file.
//
// Arguments stand in lines of the text; a line of one byte from 128 on is a word of the seeds, so that one change of a byte
// makes another command or flag. The program works in a directory of its own, out of which no argument leads: slashes are
// taken from them. In it the files of hostileFiles have the fuzzer's bytes, as standard input does; flow is a sound model
// and rows.csv a sound table. Fits and experiments are interrupted at once: here they show how they read and refuse.
func FuzzCommand(f *testing.F) {
	sound, err := trained()
	if err != nil {
		f.Fatal(err)
	}
	table := csvOf([]string{"a", "b", "c"}, trainingRows(6))
	densitySamples, densityGrid = 100, 10
	for _, args := range seeds {
		for _, file := range []string{table, string(sound)} {
			f.Add(args, []byte(file))
		}
	}
	words := vocabulary()
	errorLine := regexp.MustCompile(`^gaussflow: .+\n$`)
	notes := regexp.MustCompile(`(?m)^gaussflow: [a-z]+: note: .+\n`)
	f.Fuzz(func(t *testing.T, text string, file []byte) {
		args := hostileArgs(text, words)
		if slices.Contains(args, "equivalence") {
			// Its first figure is due even if it is interrupted, and takes a second: its arguments are read, and this one is refused.
			args = append(args, "extra")
		}
		// Two levels down: even ".." is in the test's own directory.
		root := t.TempDir()
		here := filepath.Join(root, "in", "here")
		if err := os.MkdirAll(here, 0o777); err != nil {
			t.Fatal(err)
		}
		t.Chdir(here)
		before := map[string]string{root: "directory", filepath.Dir(here): "directory", here: "directory"}
		for _, name := range append([]string{"flow", "rows.csv"}, hostileFiles...) {
			if !slices.ContainsFunc(args, func(a string) bool { return strings.Contains(a, name) }) {
				continue // it would only cost time
			}
			content := string(file)
			switch name {
			case "flow":
				content = string(sound)
			case "rows.csv":
				content = table
			}
			if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
				t.Fatal(err)
			}
			before[filepath.Join(here, name)] = content
		}
		defer watchdog.Default.Watch(func() string { return fmt.Sprintf("gaussflow %q", args) })()

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if slices.ContainsFunc(args, func(a string) bool { return slices.Contains([]string{"fit", "equivalence", "depth", "measure"}, a) }) {
			cancel()
		}
		var stdout, stderr bytes.Buffer
		status := run(ctx, slices.Clone(args), bytes.NewReader(file), &stdout, &stderr)

		fail := func(format string, a ...any) {
			t.Errorf("gaussflow %q: %s\nexit status %d, output %.300q, errors %q", args, fmt.Sprintf(format, a...), status, stdout.String(), stderr.String())
		}
		errors := notes.ReplaceAllString(stderr.String(), "")
		switch status {
		case statusDone:
			if errors != "" {
				fail("errors, and status 0")
			}
		case statusFailed, statusUsage, statusFound:
			if !errorLine.MatchString(errors) {
				fail("the error is not one line")
			}
		default:
			fail("no such status")
		}
		if slices.Contains(args, "-json") && strings.HasPrefix(stdout.String(), "{") {
			for line := range strings.Lines(stdout.String()) {
				if !json.Valid([]byte(line)) {
					fail("half an object")
				}
			}
		}
		for name, content := range files(t, root) {
			old, was := before[name]
			switch {
			case was && old == content:
			case status == statusUsage:
				fail("it wrote %s", name)
			case !allowed(name, args):
				fail("nobody asked for %s", name)
			case strings.HasSuffix(name, ".png") && !strings.HasSuffix(content, "IEND\xaeB`\x82"):
				fail("half of %s", name)
			}
		}
	})
}

// seeds are command lines that reach all of the program, an argument a line.
var seeds = []string{
	"", "-h", "cpu", "cpu\n-json", "cpu\n--json=false", "cpu\n-h", "cpu\nextra", "help", "-bogus", "--", "\x00", "cpu\n--\n-json",
	"equivalence", "equivalence\n-steps\n0", "equivalence\n-steps\n2\n-out\nfigures\n-json", "equivalence\n-out\nin.csv", "equivalence\n-out\n..",
	"equivalence\n-seed\n18446744073709551616", "equivalence\n-seed=1\n-seed=2\n-steps=0x3", "equivalence\n-out=", "equivalence\n-steps\n-1\n-json",
	"fit\nin.csv\n-o\nm.safetensors", "fit\nin.csv\n-o\nm\n-rbig\n-blocks\n1\n-components\n2\n-json", "fit\nin.npy\n-o\nm\n-coupling\n-steps\n2\n-checkpoint\nc",
	"fit\nin.csv\n-o\nm\n-columns\n1-2\n-missing\nmean\n-holdout\n0\n-plots\nfigures", "fit\nrows.csv\n-o\nm\n-given\nc\n-seed\n1", "measure\nin.csv\n-json", "depth\n-steps\n1",
	"score\nmodel\nrows.csv\n-o\nout.csv\n-rank", "score\nflow\nin.csv\n-json\n-top\n3\n-below\n-1e3\n-fail-on-anomaly",
	"score\nflow\n-\n-threshold\n0.5\n-o\nout.parquet", "map\nmodel\nrows.csv\n-logdet\n-o\nz.npy\n-f32", "map\nflow\nin.csv\n-inverse\n-o\nx.csv\n-digits\n3",
	"score\nflow\nin.npy", "score\nflow\nin.npz", "score\nflow\nin.parquet", "score\nflow\nin.csv.gz", "score\nflow\nin.csv.zst", "score\nmodel\nin.csv",
	"sample\nmodel\n-n\n5\n-seed\n1\n-o\nx.csv", "sample\nflow\n-n\n5\n-given\nin.csv", "info\nmodel\n-json", "info\nmodel",
	"plot\nflow\nin.csv\n-o\nfigures\n-svg", "plot\nmodel\nrows.csv\n-o\nanomalies.svg", "plot\nmodel\n-o\ndensity.png",
	"import\nin.csv\n-from\nmarginals\n-o\nm", "import\nin.csv\n-from\ngaussflow\n-o\nm", "export\nmodel\n-o\nm.json", "export\nflow", "version\n-json", "completion\nbash",
}

// hostileFiles have the bytes that the fuzzer gives.
var hostileFiles = []string{"in.csv", "in.csv.gz", "in.csv.zst", "in.npy", "in.npz", "in.parquet", "model"}

// vocabulary is every word of the seeds once.
func vocabulary() []string {
	var words []string
	for _, s := range seeds {
		for _, w := range strings.Split(s, "\n") {
			if !slices.Contains(words, w) {
				words = append(words, w)
			}
		}
	}
	return words
}

// hostileArgs are the lines of a text, less what would lead out of the directory, and with counts that end.
func hostileArgs(text string, words []string) []string {
	if text == "" {
		return nil
	}
	args := strings.Split(text, "\n")
	args = args[:min(len(args), 12)]
	for i, a := range args {
		if len(a) == 1 && a[0] >= 128 {
			a = words[int(a[0]-128)%len(words)]
		}
		a = strings.Map(func(r rune) rune {
			if r == '/' || r == '\\' || r == ':' {
				return '_'
			}
			return r
		}, a)
		flag, value, whole := strings.Cut(a, "=")
		if !whole {
			flag, value = "", a
		}
		if n, err := strconv.ParseUint(value, 0, 64); err == nil && n > 1000 {
			value = strconv.FormatUint(n%1000, 10)
		}
		if whole {
			value = flag + "=" + value
		}
		args[i] = value[:min(len(value), 200)]
	}
	return args
}

// allowed reports whether the arguments name the file, or a directory for the figures that it is one of.
func allowed(name string, args []string) bool {
	base := filepath.Base(name)
	if slices.Contains([]string{initFigure, trainedFigure, "training.png"}, base) || slices.Contains(pictureNames, strings.TrimSuffix(strings.TrimSuffix(base, ".png"), ".svg")) {
		return true
	}
	return base == "." || slices.ContainsFunc(args, func(a string) bool { return strings.HasSuffix(a, base) })
}

// files maps every path below root to its content; a directory's is "directory".
func files(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			all[path] = "directory"
			return nil
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
