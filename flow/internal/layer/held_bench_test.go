package layer

import (
	"slices"
	"testing"

	"github.com/gaussflow/gaussflow/flow/internal/tile"
)

// BenchmarkHeld bounds the changes of one coordinate of eight components for a shard, and takes their derivatives back.
func BenchmarkHeld(b *testing.B) {
	l := NearIdentity(1).(*mixtures)
	h := newHeld(l.k, l.p, l.anchors(), l.bound, l.floor)
	change, dst := tile.New(len(h.p), 128), tile.New(len(h.p), 128)
	for i := range change.Data {
		change.Data[i] = float64(i%17)/8 - 1
	}
	d := tile.View(slices.Clone(change.Data), change.D, change.N)
	b.Run("changed", func(b *testing.B) {
		for range b.N {
			h.changed(dst, change)
		}
	})
	b.Run("backward", func(b *testing.B) {
		for range b.N {
			copy(d.Data, change.Data)
			h.backward(d, change)
		}
	})
}
