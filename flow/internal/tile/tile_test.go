package tile

import "testing"

func TestSize(t *testing.T) {
	for _, d := range []int{1, 2, 64, 65, 1000, 4096, 1 << 20} {
		n := Size(d)
		if n < 64 || n > 256 || n%8 != 0 {
			t.Errorf("tiles of dimension %d hold %d samples", d, n)
		}
	}
}
