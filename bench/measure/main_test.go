package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The table has a line for every measure and estimator, and its numbers follow from the errors.
func TestTable(t *testing.T) {
	dir := t.TempDir()
	// A peer that always answers 1.
	peer := filepath.Join(dir, "peer")
	script := "#!/bin/sh\necho a peer\nwhile read -r line; do case $line in *'\"tc\"'*) echo '[{\"by\":\"one\",\"nats\":[1],\"seconds\":2}]';; *) echo '[{\"by\":\"one\",\"nats\":[1,1],\"seconds\":2}]';; esac; done\n"
	if err := os.WriteFile(peer, []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(context.Background(), strings.Fields("-n 60 -seeds 2 -python "+peer+" -cases independent -measures TC"), &out); err != nil {
		t.Fatal(err)
	}
	if err := run(context.Background(), strings.Fields("-n 40 -seeds 1 -python none -cases mixtures"), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`(?m)^Peers: a peer$`,
		`(?m)^independent columns, d=3 +60  TC +gaussflow +0\.0000( +-?\d\.\d{4}){6} +[0-2]/2( +\d\.\d+){2}$`,
		`(?m)^independent columns, d=3 +60  TC +one +0\.0000 +1\.0000 +0\.0000 +1\.0000 +0\.0000 +0\.0000 +1\.0000 +- +- +2\.00$`,
		`(?m)^No peers: `,
		`(?m)^KL of mixtures, d=2 +40  KL\(p, q\) +gaussflow +0\.4523 +-?\d\.\d{4} +- .* [01]/1 .*$`,
		`(?m)^KL of mixtures, d=2 +40  KL\(q, p\) +gaussflow +0\.5109 `,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("there is no %s in\n%s", want, &out)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range []string{"-n 10", "-n x", "-seeds 0", "extra", "-cases ("} {
		if err := run(context.Background(), strings.Fields("-python none "+args), new(bytes.Buffer)); err == nil {
			t.Errorf("%s: no error", args)
		}
	}
}

// Each case has a name of its own, by which it is chosen and its seeds are drawn.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range problems() {
		if seen[p.name] || len(p.name) > 40 {
			t.Error(p.name)
		}
		seen[p.name] = true
		for _, q := range p.asked {
			if key := fmt.Sprint(p.name, q.of[0].name); seen[key] {
				t.Error(key)
			} else {
				seen[key] = true
			}
		}
	}
}
