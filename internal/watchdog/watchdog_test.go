package watchdog

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	hog := make([]byte, 8<<20)
	for _, c := range []struct {
		limits Limits
		want   string
	}{
		{Limits{Time: time.Millisecond, Memory: 1 << 40}, "more than 1ms"},
		{Limits{Time: time.Hour, Memory: 4 << 20}, "more than 4 MiB"},
	} {
		said := make(chan string, 1)
		stop := c.limits.watch(time.Millisecond, func(why string) { said <- why })
		if why := <-said; why != c.want {
			t.Errorf("%+v: %q, want %q", c.limits, why, c.want)
		}
		stop()
	}
	runtime.KeepAlive(hog)
}

// Within the limits a watch says nothing.
func TestWatchIsQuiet(t *testing.T) {
	said := make(chan string, 1)
	stop := Limits{Time: time.Hour, Memory: Default.Memory}.watch(time.Millisecond, func(why string) { said <- why })
	time.Sleep(20 * time.Millisecond)
	stop()
	if len(said) > 0 {
		t.Errorf("it said %q", <-said)
	}
}

func TestWatchPanics(t *testing.T) {
	// The panic is on a goroutine of its own, where no test can catch it: here the report runs on this one.
	defer func() {
		text, _ := recover().(string)
		for _, want := range []string{"watchdog: more than 0s: the input", "goroutine ", "TestWatchPanics"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in %.200q", want, text)
			}
		}
	}()
	bark("more than 0s", func() string { return "the input" })
}
