package kernels

import (
	"compress/gzip"
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/gaussflow/gaussflow/internal/kerneltest/ulp"
)

// The files of testdata hold correctly rounded values from 80 to 1,500 digits of mpmath. Every row is checked on
// every tier; the logs give the largest error and where it is.

const minNormal = 0x1p-1022

// A row of a reference file, by the name of its column.
type row map[string]string

func readRows(t *testing.T, name string) []row {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(z)
	r.Comment = '#'
	records, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for _, rec := range records[1:] {
		m := row{}
		for i, field := range rec {
			m[records[0][i]] = field
		}
		rows = append(rows, m)
	}
	if len(rows) < 100 {
		t.Fatalf("%s has only %d rows", name, len(rows))
	}
	return rows
}

func (r row) number(t *testing.T, column string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(r[column], 64)
	if err != nil && !math.IsInf(v, 0) {
		t.Fatalf("column %s: %v", column, err)
	}
	return v
}

func (r row) numbers(t *testing.T, column string) []float64 {
	t.Helper()
	var all []float64
	for _, s := range strings.Split(r[column], ";") {
		all = append(all, row{column: s}.number(t, column))
	}
	return all
}

func (r row) mixture(t *testing.T) Mixture {
	return Mixture{Weight: r.numbers(t, "weights"), Mean: r.numbers(t, "means"), Scale: r.numbers(t, "sigmas")}
}

// worst keeps the largest error of one quantity and fails the test for each error above the limit.
type worst struct {
	ulp.Worst
	name  string
	limit float64
}

func (w *worst) add(t *testing.T, err float64, at string, got, want float64) {
	t.Helper()
	w.Add(err, at)
	if !(err <= w.limit) {
		t.Errorf("%s at %s: %v, want %v: error %.3g, limit %g", w.name, at, got, want, err, w.limit)
	}
}

func report(t *testing.T, all ...*worst) {
	t.Helper()
	for _, w := range all {
		if w.Count == 0 {
			t.Errorf("%s: no row was checked", w.name)
		}
		t.Logf("%-22s %v, limit %g", w.name, &w.Worst, w.limit)
	}
}

// addUlp checks a probability or density: 4 ulp where it is normal; below, as near as subnormal numbers are.
func (w *worst) addUlp(t *testing.T, at string, got, want float64) {
	t.Helper()
	if math.Abs(want) >= minNormal {
		w.add(t, ulp.Diff(got, want), at, got, want)
	} else if math.Abs(got-want) > 4*0x1p-1074 {
		t.Errorf("%s at %s: %v, want %v", w.name, at, got, want)
	}
}

// addLog checks a logarithm against 2e-15·max(1, |value|, z²/2).
func (w *worst) addLog(t *testing.T, at string, got, want, z float64) {
	t.Helper()
	if got == want {
		return
	}
	w.add(t, math.Abs(got-want)/max(1, math.Abs(want), z*z/2), at, got, want)
}

func eachTier(t *testing.T, f func(t *testing.T, tier Tier)) {
	for _, tier := range Tiers() {
		t.Run(tier.String(), func(t *testing.T) { f(t, tier) })
	}
}

// one applies a vector function to a single number.
func one(f func(dst, x []float64), x float64) float64 {
	v := []float64{x}
	f(v, v)
	return v[0]
}

func TestGoldenNormal(t *testing.T) {
	rows := readRows(t, "normal_functions")
	eachTier(t, func(t *testing.T, tier Tier) {
		cdf, sf, pdf := worst{name: "Φ", limit: 4}, worst{name: "Φ(-·)", limit: 4}, worst{name: "φ", limit: 4}
		logCDF, logSF := worst{name: "log Φ", limit: 2e-15}, worst{name: "log Φ(-·)", limit: 2e-15}
		for _, r := range rows {
			x, at := r.number(t, "x"), r["x"]
			cdf.addUlp(t, at, one(tier.NormCDF, x), r.number(t, "cdf"))
			sf.addUlp(t, at, one(tier.NormSF, x), r.number(t, "sf"))
			pdf.addUlp(t, at, one(tier.NormPDF, x), r.number(t, "pdf"))
			logCDF.addLog(t, at, one(tier.NormLogCDF, x), r.number(t, "logcdf"), 0)
			logSF.addLog(t, at, one(tier.NormLogCDF, -x), r.number(t, "logsf"), 0)
		}
		report(t, &cdf, &sf, &pdf, &logCDF, &logSF)
	})
}

func TestGoldenQuantile(t *testing.T) {
	rows := readRows(t, "probit")
	eachTier(t, func(t *testing.T, tier Tier) {
		relative := worst{name: "Φ⁻¹, |z| ≥ 0.1, ulp", limit: 4}
		absolute := worst{name: "Φ⁻¹, |z| < 0.1", limit: 1e-16}
		for _, r := range rows {
			p, z := r.number(t, "p"), r.number(t, "z")
			got := one(tier.NormQuantile, p)
			if r["tail"] == "upper" {
				got = -got
			}
			if math.Abs(z) >= 0.1 {
				relative.add(t, ulp.Diff(got, z), r["p"], got, z)
			} else {
				absolute.add(t, math.Abs(got-z), r["p"], got, z)
			}
		}
		report(t, &relative, &absolute)
	})
}

func TestGoldenMixture(t *testing.T) {
	rows := readRows(t, "mixture")
	eachTier(t, func(t *testing.T, tier Tier) {
		cdf, sf, pdf := worst{name: "F", limit: 4}, worst{name: "S", limit: 4}, worst{name: "f", limit: 4}
		zErr, logDet := worst{name: "z, of its bound", limit: 1}, worst{name: "log-det", limit: 2e-15}
		for _, r := range rows {
			x, m := []float64{r.number(t, "x")}, r.mixture(t)
			at := r["id"] + " " + r["family"] + " " + r["kind"] + " " + r["x"]
			f, s, d, z, l := make([]float64, 1), make([]float64, 1), make([]float64, 1), make([]float64, 1), make([]float64, 1)
			tier.MixtureCDF(f, s, d, x, m)
			cdf.addUlp(t, at, f[0], r.number(t, "cdf"))
			sf.addUlp(t, at, s[0], r.number(t, "sf"))
			pdf.addUlp(t, at, d[0], r.number(t, "pdf"))

			tier.MixtureForward(z, l, x, m)
			want := r.number(t, "z")
			bound := 4 * ulp.Of(want)
			// 4 ulp of the smaller tail, carried through dz/dp = 1/φ(z).
			if p := min(r.number(t, "cdf"), r.number(t, "sf")); p >= minNormal {
				bound += 4 * ulp.Of(p) * math.Sqrt(2*math.Pi) * math.Exp(want*want/2)
			}
			if r["family"] == "inexact_sum" { // F+S differs from 1 by 2e-16: z near 0 cannot be better
				bound = max(bound, 1e-15)
			}
			zErr.add(t, math.Abs(z[0]-want)/bound, at, z[0], want)
			logDet.addLog(t, at, l[0], r.number(t, "logdet"), want)
		}
		report(t, &cdf, &sf, &pdf, &zErr, &logDet)
	})
}

func TestGoldenInverse(t *testing.T) {
	rows := readRows(t, "mixture_inverse")
	eachTier(t, func(t *testing.T, tier Tier) {
		xErr := worst{name: "x, of ulp(x)+dx/dz·ulp(z)", limit: 8}
		back := worst{name: "forward(inverse(z)), ulp", limit: 5}
		for _, r := range rows {
			z, m := []float64{r.number(t, "z")}, r.mixture(t)
			want, dxdz := r.number(t, "x"), r.number(t, "dxdz")
			at := r["id"] + " " + r["family"] + " " + r["kind"] + " " + r["z"]
			x, l, again := make([]float64, 1), make([]float64, 1), make([]float64, 1)
			tier.MixtureInverse(x, l, z, m)
			step := ulp.Of(want) + dxdz*ulp.Of(z[0])
			if r["family"] == "flat_exact" {
				// z is 0, whose ulp is 2^-1074: the map is flat around the exact x, and the answer is its neighbour.
				step = max(step, 0x1p-53)
			}
			xErr.add(t, math.Abs(x[0]-want)/step, at, x[0], want)
			// Well conditioned: x resolves z to half an ulp, and F resolves it as well as z does itself.
			if math.Abs(z[0]) > 1 && ulp.Of(x[0]) <= dxdz*ulp.Of(z[0]) && dxdz < 10*largest(m.Scale) {
				tier.MixtureForward(again, nil, x, m)
				back.add(t, ulp.Diff(again[0], z[0]), at, again[0], z[0])
			}
		}
		report(t, &xErr, &back)
	})
}

// largest returns the largest element.
func largest(v []float64) float64 {
	top := v[0]
	for _, x := range v {
		top = max(top, x)
	}
	return top
}

func TestGoldenGradients(t *testing.T) {
	rows := readRows(t, "mixture_grad")
	eachTier(t, func(t *testing.T, tier Tier) {
		err := worst{name: "gradients", limit: 1e-12}
		for _, r := range rows {
			logit, mean, logScale := r.numbers(t, "logits"), r.numbers(t, "means"), r.numbers(t, "log_sigmas")
			k := len(logit)
			m := PerSampleMixtures{K: k, Stride: 1, Weight: make([]float64, k), Mean: mean, Scale: make([]float64, k)}
			tier.Softmax(m.Weight, 1, logit, 1, k, 1)
			tier.Exp(m.Scale, logScale)
			x, z, l := []float64{r.number(t, "x")}, make([]float64, 1), make([]float64, 1)
			tier.PerSampleForward(z, l, x, m)

			var got, want []float64
			for _, g := range []struct {
				prefix string
				gz, gl float64
			}{{"dz_", 1, 0}, {"dlogdet_", 0, 1}} {
				d := PerSampleGrad{K: k, Stride: 1, Logit: make([]float64, k), Mean: make([]float64, k), LogScale: make([]float64, k)}
				dx := make([]float64, 1)
				tier.PerSampleBackward(dx, d, []float64{g.gz}, []float64{g.gl}, x, z, l, m)
				got = append(append(append(append(got, dx...), d.Logit...), d.Mean...), d.LogScale...)
				for _, c := range []string{"dx", "dlogits", "dmeans", "dlogsigmas"} {
					want = append(want, r.numbers(t, g.prefix+c)...)
				}
			}
			top := 0.0
			for _, v := range want {
				top = max(top, math.Abs(v))
			}
			if math.Abs(z[0]) > 8 {
				top *= 1 + z[0]*z[0]
			}
			for i := range want {
				err.add(t, math.Abs(got[i]-want[i])/top, r["id"]+" "+r["kind"], got[i], want[i])
			}
		}
		report(t, &err)
	})
}

// testdata/spline.py makes the rows: splines whose knots float64 holds exactly.
func TestGoldenSplines(t *testing.T) {
	rows := readRows(t, "spline")
	eachTier(t, func(t *testing.T, tier Tier) {
		y, l := worst{name: "spline y, of bound", limit: 2e-15}, worst{name: "spline log-det", limit: 2e-15}
		x, back := worst{name: "spline inverse, of bound·(1+dx/dy)", limit: 2e-15}, worst{name: "its log-det, of 1+|L|+dx/dy", limit: 1e-13}
		grad := worst{name: "spline gradients, of the largest", limit: 1e-13}
		for _, r := range rows {
			k, bound := int(r.number(t, "K")), r.number(t, "bound")
			s := Splines{K: k, Stride: 1, Width: r.numbers(t, "widths"), Height: r.numbers(t, "heights"), Bound: bound, Floor: r.number(t, "floor")}
			if k > 1 {
				s.Slope = r.numbers(t, "slopes")
			}
			at := r["id"] + " " + r["kind"]
			v, d := []float64{r.number(t, "x")}, make([]float64, 1)
			image := make([]float64, 1)
			tier.SplinesForward(image, d, v, s)
			y.add(t, math.Abs(image[0]-r.number(t, "y"))/bound, at, image[0], r.number(t, "y"))
			l.addLog(t, at, d[0], r.number(t, "logdet"), 0)

			want, wantLog := r.number(t, "x_of_y"), r.number(t, "logdet_of_y")
			flat := math.Exp(math.Abs(wantLog))
			tier.SplinesInverse(image, d, []float64{r.number(t, "y_given")}, s)
			x.add(t, math.Abs(image[0]-want)/(bound*(1+flat)), at, image[0], want)
			back.add(t, math.Abs(d[0]-wantLog)/(1+math.Abs(wantLog)+flat), at, d[0], wantLog)

			if r["kind"] == "knot" {
				continue // the log-det has a corner there
			}
			var got, exact []float64
			for _, g := range []struct {
				prefix string
				gy, gl float64
			}{{"dy_", 1, 0}, {"dlogdet_", 0, 1}} {
				to := SplinesGrad{K: k, Stride: 1, Width: make([]float64, k), Height: make([]float64, k), LogSlope: make([]float64, k-1)}
				dx := make([]float64, 1)
				tier.SplinesBackward(dx, to, []float64{g.gy}, []float64{g.gl}, v, s)
				got = append(append(append(append(got, dx...), to.Width...), to.Height...), to.LogSlope...)
				for _, c := range []string{"dx", "dwidths", "dheights", "dlogslopes"} {
					if r[g.prefix+c] != "" {
						exact = append(exact, r.numbers(t, g.prefix+c)...)
					}
				}
			}
			top := 0.0
			for _, w := range exact {
				top = max(top, math.Abs(w))
			}
			for i := range exact {
				grad.add(t, math.Abs(got[i]-exact[i])/top, at, got[i], exact[i])
			}
		}
		report(t, &y, &l, &x, &back, &grad)
	})
}
