package main

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// script is a job that a shell does.
func script(text string) *job { return &job{name: "script", args: []string{"sh", "-c", text}} }

// try gives a job the trouble and returns what the campaign says of it.
func try(t *testing.T, j *job, trouble func(*trials, *job)) (failures int, report string) {
	t.Helper()
	var out bytes.Buffer
	tr := &trials{ctx: t.Context(), out: &out, work: t.TempDir(), rng: rand.New(rand.NewPCG(1, 2)), started: time.Now()}
	tr.reference(j)
	if j.want == nil {
		t.Fatal(out.String())
	}
	trouble(tr, j)
	_ = tr.summary()
	return tr.failures, out.String()
}

// A campaign that finds nothing shows nothing unless it finds what is there to be found.
func TestFindsFaults(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Fatal("the campaign needs a shell:", err)
	}
	// What it should be like: the whole file beside the old one, then in its place.
	const careful = `trap 'rm -f .new; echo interrupted >&2; exit 1' INT TERM
(head -c 30000 /dev/zero > .new && sleep 0.1 && head -c 30000 /dev/zero >> .new) || { echo "no space left on device, file too large" >&2; rm -f .new; exit 1; }
mv .new result && echo done || { echo "no space left on device" >&2; exit 1; }`
	signals := func(tr *trials, j *job) { tr.signals(j, 12) }
	for _, c := range []struct {
		name, text string
		trouble    func(*trials, *job)
		want       string // "" if all is well
	}{
		{"whole or not at all", careful, signals, ""},
		{"a file in two parts", `head -c 30000 /dev/zero > result; sleep 0.1; echo end >> result`, signals, "is neither the old file nor the whole new one"},
		{"the old file removed first", `rm -f result; sleep 0.1; echo end > .new; mv .new result`, signals, "was there and is gone"},
		{"not tidied up", `trap 'echo interrupted >&2; exit 1' INT TERM; echo half > temporary; sleep 0.1; mv temporary result`, signals, "temporary, 5 bytes, was left behind"},
		{"a result that depends on what is left", `n=$(ls -a | wc -l); echo $n > .new; sleep 0.05; mv .new result`, signals, "result differs"},
		{"too quick for a signal", `echo end > result`, func(tr *trials, j *job) { tr.signals(j, 0); tr.wereHit(1) }, "nothing was shown"},

		{"a small disk", careful, (*trials).disk, ""},
		{"a small disk, unnoticed", `head -c 60000 /dev/zero > .new 2>&1; mv .new result; echo done`, (*trials).disk, "the job ended well, but result differs"},
		{"a file size limit, a file in place", `head -c 60000 /dev/zero > result || { echo file too large >&2; exit 1; }`, (*trials).fileSize, "is neither the old file nor the whole new one"},
		{"standard output", careful, (*trials).stdout, ""},
		{"standard output, unnoticed", `echo end > .new; mv .new result; echo done > /dev/stdout || exit 1`, (*trials).stdout, "want status 1 and an error"},
		{"little memory, a result all the same", `[ "$(ulimit -v)" = unlimited ] && echo end > .new || echo other > .new; mv .new result`, (*trials).memory, "the job ended well, but result differs"},
	} {
		failures, report := try(t, script(c.text), c.trouble)
		switch {
		case strings.Contains(report, "NOT RUN"):
			t.Logf("%s:\n%s", c.name, report)
		case c.want == "" && failures > 0:
			t.Errorf("%s: faults where there are none:\n%s", c.name, report)
		case c.want != "" && !strings.Contains(report, c.want):
			t.Errorf("%s: the campaign did not find that a file %s:\n%s", c.name, c.want, report)
		}
	}
}
