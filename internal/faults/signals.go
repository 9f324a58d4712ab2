package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// signals interrupts and kills the job so many times.
func (t *trials) signals(j *job, n int) {
	for sent := 0; sent < n && t.ctx.Err() == nil; {
		dir, err := t.room()
		if err != nil {
			t.complain(j, "signals", "%v", err)
			return
		}
		if t.rng.IntN(2) == 0 {
			if err := j.fillOld(dir); err != nil {
				t.complain(j, "signals", "%v", err)
			}
		}
		// Up to three signals in the same directory: the later ones find what the first left.
		for range 1 + t.rng.IntN(3) {
			sent++
			early, err := t.signalled(j, dir)
			if err != nil {
				t.complain(j, "signals", "%v", err)
			}
			if early {
				t.hits++
			}
		}
		// And then a run that nothing disturbs.
		if len(j.partial) > 0 || sent >= n {
			t.goOn(j, dir)
		}
		os.RemoveAll(dir)
	}
}

// wereHit says so if no signal came in time.
func (t *trials) wereHit(sent int) {
	if t.hits == 0 && sent > 0 && t.ctx.Err() == nil {
		t.failures++
		fmt.Fprintln(t.out, "FAIL: no signal came while a job was at work: nothing was shown")
	}
}

// goOn runs the job to its end where signals have left something.
func (t *trials) goOn(j *job, dir string) {
	const trouble = "going on"
	end, err := t.run(dir, nil, j.args...)
	r := t.row(j, trouble)
	r.runs++
	if err != nil || end.status != 0 {
		t.complain(j, trouble, "%v, %v", end, err)
		r.failed++
		return
	}
	r.done++
	after, err := snapshot(dir)
	if err != nil {
		t.complain(j, trouble, "%v", err)
		return
	}
	for name := range after {
		if strings.HasPrefix(name, ".") { // of a process that was killed
			delete(after, name)
		}
	}
	r.new += len(after)
	if err := after.equal(j.want); err != nil {
		t.complain(j, trouble, "%v", err)
	}
}

// fillOld puts something in the place of the outputs that the job does not read.
func (j *job) fillOld(dir string) error {
	for name := range j.want {
		if _, read := j.partial[name]; read {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("what was there before\n"), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// signalled runs the job, sends it a signal, and looks at what it left. early says that the signal ended it.
func (t *trials) signalled(j *job, dir string) (early bool, err error) {
	before, err := snapshot(dir)
	if err != nil {
		return false, err
	}
	sig := []syscall.Signal{syscall.SIGINT, syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL}[t.rng.IntN(4)]
	c, stderr := t.command(dir, nil, j.args...)
	moment := t.moment(j, dir)
	if err := c.Start(); err != nil {
		return false, err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	var waited error
	if done := moment(ended); done != nil {
		waited = *done
	} else {
		_ = c.Process.Signal(sig) // it may have just ended
		waited = <-ended
	}
	end, err := endingOf(c, waited, stderr.String())
	if err != nil {
		return false, err
	}
	after, err := snapshot(dir)
	if err != nil {
		return false, err
	}
	trouble := sig.String()
	r := t.row(j, trouble)
	r.runs++
	switch {
	case end.status == 0:
		r.done++
	case end.status < 0:
		r.killed++
	default:
		r.failed++
	}
	if end.status > 1 || end.crash() != "" {
		t.complain(j, trouble, "%v", end)
	}
	if end.status == 1 && end.stderr == "" {
		t.complain(j, trouble, "it failed without a word")
	}
	interrupted, killed := end.status == 1, end.status < 0
	for _, err := range t.verdict(j, r, before, after, interrupted, killed) {
		t.complain(j, trouble, "%v (%v)", err, end)
	}
	if end.status == 0 {
		for name := range j.want {
			if string(after[name]) != string(j.want[name]) {
				t.complain(j, trouble, "the job ended well, but %s is not what it should be", name)
			}
		}
	}
	return end.status != 0, nil
}

// moment chooses when the signal is sent: after a random time, or when files come and go. The function that it returns
// waits for that, or returns how the process ended.
func (t *trials) moment(j *job, dir string) func(ended <-chan error) *error {
	if t.rng.IntN(2) == 0 {
		wait := time.Duration(t.rng.Float64() * 1.02 * float64(j.takes))
		return func(ended <-chan error) *error {
			select {
			case err := <-ended:
				return &err
			case <-time.After(wait):
				return nil
			}
		}
	}
	// Each file takes a change or two: one that comes, one that takes the other's place.
	changes := 1 + t.rng.IntN(3*len(j.want))
	lag := time.Duration(t.rng.Int64N(int64(3 * time.Millisecond)))
	last := listing(dir)
	return func(ended <-chan error) *error {
		for {
			select {
			case err := <-ended:
				return &err
			case <-time.After(100 * time.Microsecond):
			}
			if now := listing(dir); now != last {
				last = now
				if changes--; changes == 0 {
					time.Sleep(lag)
					return nil
				}
			}
		}
	}
}

// listing says in a word what is in a directory.
func listing(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err.Error()
	}
	s := ""
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			s += fmt.Sprint(e.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
	return s
}
