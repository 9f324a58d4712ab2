package kernels

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// A Tier is an instruction set, with an implementation of every kernel. All tiers return the same bits; they differ
// in speed alone.
type Tier uint8

const (
	Generic Tier = iota // pure Go, the reference
	AVX2                // amd64: AVX2 and FMA
	AVX512              // amd64: AVX-512 F, DQ, VL and BW
	NEON                // arm64
)

var tierNames = [...]string{Generic: "generic", AVX2: "avx2", AVX512: "avx512", NEON: "neon"}

// String returns the tier's name as GAUSSFLOW_SIMD spells it.
func (t Tier) String() string {
	if int(t) < len(tierNames) {
		return tierNames[t]
	}
	return fmt.Sprintf("Tier(%d)", uint8(t))
}

// ParseTier returns the tier of that name, if this build and this machine can run it; the error says what is missing.
// Case and space around the name do not matter.
func ParseTier(name string) (Tier, error) {
	for t, n := range tierNames {
		if strings.EqualFold(n, strings.TrimSpace(name)) {
			return Tier(t), missing(Tier(t))
		}
	}
	return Generic, fmt.Errorf("kernels: no tier %q: want one of %s", name, strings.Join(tierNames[:], ", "))
}

// missing returns an error that says why t cannot run here, or nil if it can.
func missing(t Tier) error {
	if t == Generic {
		return nil
	}
	if why := tierMissing(t); why != "" {
		return fmt.Errorf("kernels: tier %s cannot run here: %s", t, why)
	}
	return nil
}

// available holds, for each tier, whether it can run here.
var available = func() (a [len(tierNames)]bool) {
	for t := range a {
		a[t] = missing(Tier(t)) == nil
	}
	return a
}()

// Tiers returns the tiers that can run here, slowest first.
func Tiers() []Tier {
	var ts []Tier
	for t := range tierNames {
		if available[t] {
			ts = append(ts, Tier(t))
		}
	}
	return ts
}

// Best returns the fastest tier that can run here.
func Best() Tier {
	ts := Tiers()
	return ts[len(ts)-1]
}

// EnvTier is the environment variable that forces a tier for a process: generic, avx2, avx512 or neon, in any case and
// with any space around it.
const EnvTier = "GAUSSFLOW_SIMD"

var process, processErr = forced(os.Getenv(EnvTier))

// forced returns the tier that the value of EnvTier names, or the best one if it is empty.
func forced(name string) (Tier, error) {
	if strings.TrimSpace(name) == "" {
		return Best(), nil
	}
	t, err := ParseTier(name)
	if err != nil {
		err = fmt.Errorf("%s: %w", EnvTier, err)
	}
	return t, err
}

// Active returns the tier that the package functions use: the best one, or the one that GAUSSFLOW_SIMD names. If that
// tier cannot run here, the error says what it lacks, and the package functions panic with this error.
func Active() (Tier, error) { return process, processErr }

func active() Tier {
	if processErr != nil {
		panic(processErr)
	}
	return process
}

var (
	errLength = errors.New("kernels: slice lengths differ")
	errSpline = errors.New("kernels: a spline needs K ≥ 1 widths and heights and K-1 slopes for each sample")
	errShape  = errors.New("kernels: a mixture needs one weight, mean and scale for each of K ≥ 1 components")
)

// sameLength panics unless every slice that is not nil has length n.
func sameLength(n int, slices ...[]float64) {
	for _, s := range slices {
		if s != nil && len(s) != n {
			panic(errLength)
		}
	}
}
