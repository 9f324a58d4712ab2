package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// The keys of measure -json are a contract: what was not asked for is absent.
func TestMeasure(t *testing.T) {
	if testing.Short() {
		t.Skip("dozens of fits")
	}
	desk(t)
	for _, c := range []struct {
		args []string
		keys []string
	}{
		{[]string{"-plot", "pairs.svg"}, []string{"entropy", "negentropy", "total_correlation", "pairs"}},
		{nil, []string{"entropy", "negentropy", "total_correlation"}},
		{[]string{"-groups", "a:b"}, []string{"mutual_information"}},
		{[]string{"-groups", "1:2:3"}, []string{"conditional_mutual_information"}},
		{[]string{"-against", "other.csv"}, []string{"kl", "kl_reverse", "jensen_shannon"}},
	} {
		// The other table has its columns in another order.
		put(t, ".", "other.csv", csvOf([]string{"c", "b", "a"}, trainingRows(60)))
		text := must(t, "", append([]string{"measure", "d.csv", "-folds", "2", "-json"}, c.args...)...)
		var r map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		for _, key := range c.keys {
			if key == "pairs" {
				var pairs map[string]measurement
				if err := json.Unmarshal(r[key], &pairs); err != nil || len(pairs) != 3 || pairs["a,b"].SE <= 0 {
					t.Errorf("%v: %s, %v", c.args, r[key], err)
				}
				delete(r, key)
				continue
			}
			var m measurement
			if err := json.Unmarshal(r[key], &m); err != nil || !(m.SE > 0 && m.Low < m.Nats && m.Nats < m.High) {
				t.Errorf("%v: %s: %s, %v", c.args, key, r[key], err)
			}
			delete(r, key)
		}
		delete(r, "rows")
		delete(r, "columns")
		if len(r) != 0 {
			t.Errorf("%v: also %v", c.args, r)
		}
	}
	if b, err := os.ReadFile("pairs.svg"); err != nil || !strings.Contains(string(b), "Mutual information: d.csv, 50 rows") || !strings.HasSuffix(strings.TrimSpace(string(b)), "</svg>") {
		t.Errorf("the picture: %v, %.300q", err, b)
	}
	text := must(t, "", "measure", "train.csv", "-folds", "2", "-groups", "a:b", "-bits")
	if !strings.Contains(text, "bits") || !strings.Contains(text, "mutual information") {
		t.Errorf("%s", text)
	}
}

func TestMeasureErrors(t *testing.T) {
	desk(t)
	discrete := "a,b\n"
	for range 20 {
		discrete += "1,0.5\n2,0.25\n3,1\n"
	}
	put(t, ".", "dice.csv", discrete)
	for _, c := range []struct {
		args   string
		status int
		want   string
	}{
		{"d.csv -groups a:q", statusUsage, `there is no column "q"; the columns are a, b, c`},
		{"d.csv -groups a", statusUsage, "want two or three groups, separated by colons"},
		{"d.csv -groups a:a", statusFailed, "occurs twice"},
		{"dice.csv", statusFailed, "give -dequantize or leave it out: the column is discrete"},
		{"d.csv -against dice.csv", statusFailed, "dice.csv: it has 2 columns; the first table has 3"},
		{"nowhere.csv", statusFailed, "nowhere.csv"},
		{"d.csv -plot pairs.gif", statusUsage, "want a name that ends in .png or .svg"},
		{"d.csv -folds 2 -plot nowhere/pairs.png", statusFailed, "nowhere"},
		{"d.csv -folds 1", statusFailed, "1 folds of 50 rows; there must be 2 folds at least"},
	} {
		args := append([]string{"measure"}, strings.Fields(c.args)...)
		status, stdout, stderr := gaussflow(t, "", args...)
		if status != c.status || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: status %d, %q; want %d, %q", c.args, status, stderr, c.status, c.want)
		}
	}
	if !slices.Contains(strings.Fields(must(t, "", "measure", "-h")), "-groups") && !strings.Contains(must(t, "", "measure", "-h"), "--groups") {
		t.Error("the help does not name -groups")
	}
}
