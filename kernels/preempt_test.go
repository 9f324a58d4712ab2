package kernels_test

import (
	"flag"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/gaussflow/gaussflow/kernels"
)

var preempted = flag.Duration("preempted", 200*time.Millisecond, "how long TestPreempted interrupts the reference")

// A goroutine that is interrupted, again and again, goes on with the same bits. Emulators are known that lose some:
// docs/numerics.md.
func TestPreempted(t *testing.T) {
	m := kernels.Mixture{
		Weight: []float64{0.067, 0.156, 0.508, 0.013, 0.256},
		Mean:   []float64{0.8, -1.42, 2, 1.29, -2.19},
		Scale:  []float64{0.385, 0.0625, 1.96, 2.34, 2.07},
	}
	z := []float64{-28.7, 3.3, -12.5, 0.01, 28, -0.7, 7, -35}
	wantX, wantLogDet := make([]float64, len(z)), make([]float64, len(z))
	kernels.Generic.MixtureInverse(wantX, wantLogDet, z, m)

	end, stopped := make(chan struct{}), make(chan struct{})
	go func() { // stops the world
		defer close(stopped)
		var stats runtime.MemStats
		for {
			select {
			case <-end:
				return
			case <-time.After(50 * time.Microsecond):
				runtime.ReadMemStats(&stats)
			}
		}
	}()
	x, logDet := make([]float64, len(z)), make([]float64, len(z))
	calls := 0
	for until := time.Now().Add(*preempted); time.Now().Before(until); calls++ {
		kernels.Generic.MixtureInverse(x, logDet, z, m)
		for i := range z {
			if math.Float64bits(x[i]) != math.Float64bits(wantX[i]) || math.Float64bits(logDet[i]) != math.Float64bits(wantLogDet[i]) {
				t.Errorf("call %d: the inverse of %v is %v, %v; alone %v, %v", calls, z[i], x[i], logDet[i], wantX[i], wantLogDet[i])
			}
		}
	}
	close(end)
	<-stopped
	t.Logf("%d calls", calls)
}
