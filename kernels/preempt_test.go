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
	m := kernels.Mixture{ // of the first fault
		Weight: []float64{0.06718190135358622, 0.15552400737655334, 0.5079350694264292, 0.012597942190532969, 0.2567610796528983},
		Mean:   []float64{0.7969087294566237, -1.4198367092871862, 2, 1.2933634405949448, -2.1921926499594964},
		Scale:  []float64{0.3852186803425224, 0.0625, 1.9609160042623035, 2.342813910509783, 2.0745121297208615},
	}
	z := []float64{-28.719334866208605, 3.3, -12.5, 0.01, 28, -0.7, 7, -35}
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
