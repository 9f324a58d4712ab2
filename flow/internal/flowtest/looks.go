package flowtest

import (
	"context"
	"sync/atomic"
)

// Looks is a context that counts how often it is asked whether it is done, and is from look Most+1 on: so that a test can
// stop work at every place where it looks, without a clock.
type Looks struct {
	context.Context
	Most  int64
	Count atomic.Int64
}

// Err counts.
func (l *Looks) Err() error {
	if l.Count.Add(1) > l.Most {
		return context.Canceled
	}
	return nil
}
