package kernels

import (
	"fmt"
	"strings"
	"testing"
)

// A tier that the environment names but that cannot run here is an error that says what is missing, and no kernel of
// the package runs in its stead.
func TestForcedTierMissing(t *testing.T) {
	lacking := 0
	for tier, name := range tierNames {
		got, err := forced(name)
		for _, spelling := range []string{strings.ToUpper(name), name + " ", "\t" + strings.ToTitle(name[:1]) + name[1:] + "\r\n"} {
			// Scripts set variables with stray space, and names of instruction sets in capitals.
			if again, e := forced(spelling); again != got || fmt.Sprint(e) != fmt.Sprint(err) {
				t.Errorf("forced(%q) = %v, %v; forced(%q) = %v, %v", spelling, again, e, name, got, err)
			}
		}
		if missing(Tier(tier)) == nil {
			if got != Tier(tier) || err != nil {
				t.Errorf("forced(%q) = %v, %v", name, got, err)
			}
			continue
		}
		lacking++
		if want := EnvTier + ": kernels: tier " + name + " cannot run here: "; err == nil || !strings.HasPrefix(err.Error(), want) || len(err.Error()) == len(want) {
			t.Errorf("forced(%q): error %v, want %q and what is missing", name, err, want)
		}
	}
	if lacking == 0 {
		t.Error("a machine with NEON and AVX-512") // no machine has both: one error at least was looked at
	}
	for _, none := range []string{"", " \n"} {
		if got, err := forced(none); got != Best() || err != nil {
			t.Errorf("forced(%q) = %v, %v, want the best tier", none, got, err)
		}
	}
	if _, err := forced("sse9"); err == nil || !strings.Contains(err.Error(), EnvTier+": ") || !strings.Contains(err.Error(), "generic, avx2, avx512, neon") {
		t.Errorf("forced(\"sse9\"): error %v, want the variable and the choices", err)
	}

	keep, keepErr := process, processErr
	defer func() { process, processErr = keep, keepErr }()
	process, processErr = forced("sse9")
	defer func() {
		if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "sse9") {
			t.Errorf("a kernel ran, or panicked with %v", p)
		}
	}()
	if _, err := Active(); err == nil {
		t.Error("Active returned no error")
	}
	NormCDF([]float64{0}, []float64{0})
}

// A kernel of a tier that cannot run here panics with what is missing, before it touches anything.
func TestMissingTierPanics(t *testing.T) {
	for tier := range tierNames {
		if available[tier] {
			continue
		}
		func() {
			defer func() {
				if p := recover(); p == nil || fmt.Sprint(p) != missing(Tier(tier)).Error() {
					t.Errorf("%s: panic %v, want %v", Tier(tier), p, missing(Tier(tier)))
				}
			}()
			Tier(tier).MixtureForward([]float64{0}, nil, []float64{1}, Mixture{[]float64{1}, []float64{0}, []float64{1}})
		}()
	}
}
