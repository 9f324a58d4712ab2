// Package watchdog ends a test process that hangs or takes more memory than it should, and says what it was working on.
// The fuzzer keeps the input that it had given to a process that ends so.
package watchdog

import (
	"flag"
	"fmt"
	"math"
	"runtime"
	"runtime/metrics"
	"time"
)

// Limits are generous: what they catch never ends, or grows without bound. A slow machine does not reach them.
type Limits struct {
	Time   time.Duration // of the work
	Memory uint64        // bytes that the heap holds
}

// Default serves inputs that take milliseconds and megabytes. After ten seconds Go's fuzzer would end the process without
// a word.
var Default = Limits{Time: 9 * time.Second, Memory: 2 << 30}

// fuzzing reports whether this process looks for new inputs. Committed ones have the time that the test has: how long they
// take depends on what else the machine does.
func fuzzing() bool {
	f := flag.Lookup("test.fuzz")
	return f != nil && f.Value.String() != ""
}

// Watch returns a function that ends the watch. Until it is called, the process panics as soon as a limit is passed, that of
// the time only while fuzzing: with what describe says, and the stacks of all goroutines.
func (l Limits) Watch(describe func() string) (stop func()) {
	if !fuzzing() {
		l.Time = math.MaxInt64
	}
	return l.watch(20*time.Millisecond, func(why string) { bark(why, describe) })
}

func bark(why string, describe func() string) {
	stacks := make([]byte, 1<<20)
	panic(fmt.Sprintf("watchdog: %s: %s\n\n%s", why, describe(), stacks[:runtime.Stack(stacks, true)]))
}

func (l Limits) watch(every time.Duration, report func(why string)) (stop func()) {
	done := make(chan struct{})
	go func() {
		started := time.Now()
		heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			metrics.Read(heap)
			switch {
			case time.Since(started) > l.Time:
				report(fmt.Sprintf("more than %v", l.Time))
				return
			case heap[0].Value.Uint64() > l.Memory:
				report(fmt.Sprintf("more than %d MiB", l.Memory>>20))
				return
			}
		}
	}()
	return func() { close(done) }
}
