package tile

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// A Group is a set of goroutines that work for one caller. All parallel work of
// flow uses it: this is the only place where goroutines start, where their panics
// are caught, and where the caller waits for them.
//
// The zero value is ready. After Wait it can be used again.
type Group struct {
	running sync.WaitGroup
	failure atomic.Pointer[failure]
}

// A failure tells why a goroutine ended without returning.
type failure struct {
	panicked *PanicError // nil if it called runtime.Goexit
}

// A PanicError is the value of a panic that was raised on a worker's goroutine and
// is raised again on its caller's.
type PanicError struct {
	Value any    // of the panic
	Stack []byte // of the goroutine that raised it
}

// Error gives the value and the stack of the worker.
func (p *PanicError) Error() string {
	return fmt.Sprintf("%v\n\nworker %s", p.Value, p.Stack)
}

// Unwrap returns the value of the panic if that is an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Go runs task on a goroutine of its own.
func (g *Group) Go(task func()) { g.start(g.guard(task)) }

// start runs a guarded task.
func (g *Group) start(guarded func()) {
	g.running.Add(1)
	go guarded()
}

// guard returns a function that runs task and records its panic in the group.
func (g *Group) guard(task func()) func() {
	return func() {
		defer g.running.Done()
		returned := false
		defer func() {
			if returned {
				return
			}
			f := new(failure)
			if v := recover(); v != nil { // else it called runtime.Goexit
				f.panicked = &PanicError{v, debug.Stack()}
			}
			g.failure.CompareAndSwap(nil, f)
		}()
		task()
		returned = true
	}
}

// Failed reports whether a goroutine has panicked; the others may then stop.
func (g *Group) Failed() bool { return g.failure.Load() != nil }

// Wait returns when all goroutines have ended. If one of them panicked it panics
// with a *[PanicError], and if one called runtime.Goexit so does Wait.
func (g *Group) Wait() {
	g.running.Wait()
	switch f := g.failure.Swap(nil); {
	case f == nil:
	case f.panicked == nil:
		runtime.Goexit()
	default:
		panic(f.panicked)
	}
}

// A Loop deals tiles of samples out to the goroutines of a Group. A loop that runs
// again and again, as in training, allocates only the first time.
type Loop struct {
	group   Group
	n, size int
	next    atomic.Int64
	worker  func(*Loop)
	guarded func()
}

// Over divides n samples into tiles of the given size and calls worker on up to
// GOMAXPROCS goroutines. Each of them processes the tiles that it gets from
// [Loop.Tiles].
func Over(n, size int, worker func(*Loop)) { new(Loop).Run(n, size, worker) }

// Run is [Over] with the memory of l.
func (l *Loop) Run(n, size int, worker func(*Loop)) {
	l.n, l.size, l.worker = n, size, worker
	l.next.Store(0)
	workers := Workers((n + size - 1) / size)
	if workers <= 1 {
		worker(l)
		return
	}
	if l.guarded == nil {
		l.guarded = l.group.guard(func() { l.worker(l) })
	}
	for range workers {
		l.group.start(l.guarded)
	}
	l.group.Wait()
}

// Tiles yields the bounds of tiles that no other worker has taken, until none is
// left or a worker has panicked.
func (l *Loop) Tiles(yield func(from, to int) bool) {
	for !l.group.Failed() {
		from := int(l.next.Add(1)-1) * l.size
		if from >= l.n || !yield(from, min(from+l.size, l.n)) {
			return
		}
	}
}

// Workers returns the number of goroutines for n jobs.
func Workers(n int) int { return min(runtime.GOMAXPROCS(0), n) }

// A FirstError keeps the error of the earliest tile, so that the result does not
// depend on which worker was first.
type FirstError struct {
	mu  sync.Mutex
	at  int
	err error
}

// Set records the error of the tile that begins at the given sample.
func (f *FirstError) Set(at int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil || at < f.at {
		f.at, f.err = at, err
	}
}

// Err returns the error of the earliest tile, or nil.
func (f *FirstError) Err() error { return f.err }
