package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/gaussflow/gaussflow/flow"
)

// progress is one line of standard error that tells a person what is going on. Where
// nobody is watching, because the error stream is no terminal, it writes nothing.
type progress struct {
	w    io.Writer // nil when nobody is watching
	last time.Time // when a training step was shown last
}

func newProgress(stderr io.Writer) *progress {
	if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &progress{w: f}
	}
	return &progress{}
}

// eraseLine returns to the first column and clears the line.
const eraseLine = "\r\x1b[K"

func (p *progress) show(what string) {
	if p.w != nil {
		fmt.Fprint(p.w, eraseLine, what, " …")
	}
}

func (p *progress) clear() {
	if p.w != nil {
		fmt.Fprint(p.w, eraseLine)
	}
}

// step returns the callback of a training of so many steps; it shows ten of them a second.
func (p *progress) step(of int) func(flow.Step) {
	if p.w == nil {
		return nil
	}
	return func(s flow.Step) {
		if now := time.Now(); now.Sub(p.last) >= 100*time.Millisecond || s.Step == of {
			p.last = now
			p.show(fmt.Sprintf("training, step %d of %d, -log p = %.3f nats", s.Step, of, s.Loss))
		}
	}
}
