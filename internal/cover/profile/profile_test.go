package profile

import (
	"math"
	"strings"
	"testing"
)

func TestProfile(t *testing.T) {
	p := Profile{}
	for _, text := range []string{
		"mode: set\nm/a/x.go:1.2,3.4 3 1\nm/a/x.go:5.1,6.2 2 0\nm/a/b/y.go:1.1,2.2 9 1\n",
		"mode: atomic\nm/a/x.go:1.2,3.4 3 0\nm/a/z.go:5.1,6.2 5 17\n\n",
	} {
		if err := p.Read(strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]float64{"m/a": 100 * 17.0 / 19, "m/a/b": 100, "m": 100 * 17.0 / 19, "m/ab": 0} {
		if got := p.Percent(path); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %v%%, want %v", path, got, want)
		}
	}
	for _, bad := range []string{"m/a/x.go:1.2,3.4 3", "m/a/x.go:1.2,3.4 three 1"} {
		if err := (Profile{}).Read(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is taken for a profile", bad)
		}
	}
}
