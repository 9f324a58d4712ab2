// Package cases holds the inputs of the benchmarks, the same for every contender; every kernel as a piece of work on any
// tier; the same in plain Go, as a competent programmer would write it; and the errors of results, against 256-bit
// arithmetic.
package cases

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/asm"
	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/internal/moons"
	"github.com/gaussflow/gaussflow/kernels"
)

// Inputs are the arguments of the kernels for n samples and K components.
type Inputs struct {
	N, K int

	T []float64 // of Φ, φ and log Φ: normal, standard deviation 2
	P []float64 // of Φ⁻¹: uniform on (0, 1)
	A []float64 // of exp: uniform on (-20, 20)
	L []float64 // of log: e^a, a uniform on (-20, 20)

	Shared kernels.Mixture           // K components of scales 0.2 to 1, means in ±2.5
	Each   kernels.PerSampleMixtures // near Shared, another one for each sample
	X      []float64                 // drawn from Shared
	Z      []float64                 // standard normal

	Gaussians kernels.Gaussians // K in K dimensions, unit triangles but for entries in ±0.25

	Splines kernels.Splines // K bins on ±4, shares within a factor of e³, slopes of e^±1.5; another one for each sample
}

// NewInputs returns inputs that depend on n and k alone.
func NewInputs(n, k int) *Inputs {
	rng := rand.New(rand.NewPCG(uint64(n), uint64(k)))
	in := &Inputs{N: n, K: k}
	for _, s := range []struct {
		dst  *[]float64
		draw func() float64
	}{
		{&in.T, func() float64 { return 2 * rng.NormFloat64() }},
		{&in.P, func() float64 { return math.Max(rng.Float64(), 0x1p-60) }},
		{&in.A, func() float64 { return 40*rng.Float64() - 20 }},
		{&in.L, func() float64 { return math.Exp(40*rng.Float64() - 20) }},
		{&in.Z, rng.NormFloat64},
	} {
		*s.dst = draws(n, s.draw)
	}
	in.Shared = mixture(k, func(int) (weight, mean, scale float64) {
		return 0.5 + rng.Float64(), 5*rng.Float64() - 2.5, 0.2 + 0.8*rng.Float64()
	})
	in.X = sample(n, in.Shared, rng)
	in.Each = kernels.PerSampleMixtures{K: k, Stride: n, Weight: make([]float64, n*k), Mean: make([]float64, n*k), Scale: make([]float64, n*k)}
	for i := range n {
		m := mixture(k, func(j int) (weight, mean, scale float64) {
			return in.Shared.Weight[j] * (0.8 + 0.4*rng.Float64()), in.Shared.Mean[j] + 0.2*rng.NormFloat64(), in.Shared.Scale[j] * (0.8 + 0.4*rng.Float64())
		})
		for j := range k {
			in.Each.Weight[j*n+i], in.Each.Mean[j*n+i], in.Each.Scale[j*n+i] = m.Weight[j], m.Mean[j], m.Scale[j]
		}
	}
	in.Splines = kernels.Splines{K: k, Stride: n, Bound: 4, Floor: 1e-3}
	logit := func() float64 { return 3*rng.Float64() - 1.5 }
	in.Splines.Width, in.Splines.Height, in.Splines.Slope = draws(n*k, logit), draws(n*k, logit), draws(n*(k-1), func() float64 { return math.Exp(logit()) })
	for _, share := range [][]float64{in.Splines.Width, in.Splines.Height} {
		columns := kernels.Columns{K: k, N: n, Stride: n, Data: share}
		kernels.Generic.SoftmaxColumns(columns, columns)
	}
	in.Gaussians = kernels.Gaussians{K: k, D: k, Whiten: draws(k*k*k, func() float64 { return 0.5*rng.Float64() - 0.25 }), Offset: draws(k*k, rng.NormFloat64),
		Constant: draws(k, rng.NormFloat64)}
	for j := range k * k {
		in.Gaussians.Whiten[j*k+j%k]++
	}
	return in
}

// Knots are those of splines: K+1 rows of N numbers each.
type Knots struct{ X, Y, Slope [][]float64 }

// Knots returns those of Splines, as the kernels' documentation has them.
func (in *Inputs) Knots() (k Knots) {
	s := in.Splines
	row := func(v float64) []float64 { return draws(in.N, func() float64 { return v }) }
	sums := func(share []float64) [][]float64 {
		rows := [][]float64{row(-s.Bound)}
		sum := row(0)
		for j := 1; j < s.K; j++ {
			next := row(0)
			for i := range next {
				sum[i] += share[(j-1)*s.Stride+i]
				next[i] = 2*s.Bound*(sum[i]*(1-float64(s.K)*s.Floor)+float64(j)*s.Floor) - s.Bound
			}
			rows = append(rows, next)
		}
		return append(rows, row(s.Bound))
	}
	k = Knots{X: sums(s.Width), Y: sums(s.Height), Slope: [][]float64{row(1)}}
	for j := range s.K - 1 {
		k.Slope = append(k.Slope, s.Slope[j*s.Stride:j*s.Stride+in.N])
	}
	k.Slope = append(k.Slope, row(1))
	return k
}

func draws(n int, draw func() float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = draw()
	}
	return x
}

// mixture makes one of k components; the weights need not sum to one.
func mixture(k int, component func(j int) (weight, mean, scale float64)) kernels.Mixture {
	m := kernels.Mixture{Weight: make([]float64, k), Mean: make([]float64, k), Scale: make([]float64, k)}
	sum := 0.0
	for j := range k {
		m.Weight[j], m.Mean[j], m.Scale[j] = component(j)
		sum += m.Weight[j]
	}
	for j := range m.Weight {
		m.Weight[j] /= sum
	}
	return m
}

func sample(n int, m kernels.Mixture, rng *rand.Rand) []float64 {
	return draws(n, func() float64 {
		u, j := rng.Float64(), 0
		for u -= m.Weight[0]; u > 0 && j < len(m.Weight)-1; u -= m.Weight[j] {
			j++
		}
		return m.Mean[j] + m.Scale[j]*rng.NormFloat64()
	})
}

// Tail returns a mixture and n samples that lie 37 to 100 standard deviations from each of its components.
func Tail(n, k int) (kernels.Mixture, []float64) {
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	m := mixture(k, func(int) (weight, mean, scale float64) {
		return 0.5 + rng.Float64(), rng.Float64() - 0.5, 0.9 + 0.2*rng.Float64()
	})
	return m, draws(n, func() float64 { return math.Copysign(42+45*rng.Float64(), rng.Float64()-0.5) })
}

// Separated returns a mixture whose components are 30 of their scales apart: z(x) is a staircase.
func Separated(k int) kernels.Mixture {
	rng := rand.New(rand.NewPCG(uint64(k), 2))
	return mixture(k, func(j int) (weight, mean, scale float64) {
		return 0.5 + rng.Float64(), 30 * float64(j), 0.5 + 0.5*rng.Float64()
	})
}

// MoonBlocks is the number of blocks of the flows that stand for the two moons.
const MoonBlocks = 4

// Moons returns the two moons, and the diagonal flow of four blocks and K = 8 that fits them.
func Moons() (*mat.Dense, *flow.Flow, error) {
	x := moons.Standardized()
	f, err := flow.FitRBIG(x, flow.RBIGOptions{Blocks: MoonBlocks, Components: 8})
	return x, f, err
}

// CoupledSteps is how long the coupling flow of the two moons is trained whose log-densities are timed.
const CoupledSteps = 100

// Coupled returns the two moons, and their coupling flow with plain conditioners, as the peers have them, after CoupledSteps
// steps, so that no kernel is zero.
func Coupled() (*mat.Dense, *flow.Flow, error) {
	x, diagonal, err := Moons()
	if err != nil {
		return nil, nil, err
	}
	f, err := diagonal.Couple(flow.CouplingOptions{Plain: true})
	if err != nil {
		return nil, nil, err
	}
	_, err = flow.Train(context.Background(), f, x, flow.TrainOptions{Schedule: flow.OneCycle, Steps: CoupledSteps, Batch: 512})
	return x, f, err
}

// MixtureRows, MixtureDim and MixtureSize are the samples, columns and components of the mixture whose log-densities are timed.
const MixtureRows, MixtureDim, MixtureSize = 4096, 16, 10

// gaussians draws that mixture, with a covariance of its own in each component, and samples of it: weights, means, and the lower
// triangular factors of the covariances.
func gaussians() (x *mat.Dense, weight, mean, chol []float64) {
	const d = MixtureDim
	rng := rand.New(rand.NewPCG(MixtureSize, d))
	weight = draws(MixtureSize, func() float64 { return 0.5 + rng.Float64() })
	sum := 0.0
	for _, w := range weight {
		sum += w
	}
	for k := range weight {
		weight[k] /= sum
	}
	mean = draws(MixtureSize*d, rng.NormFloat64)
	chol = make([]float64, MixtureSize*d*d)
	for k := range MixtureSize {
		for i := range d {
			row := chol[(k*d+i)*d:][:d]
			for j := range i {
				row[j] = 0.2 * rng.NormFloat64()
			}
			row[i] = 0.4 + 0.8*rng.Float64()
		}
	}
	x = mat.NewDense(MixtureRows, d, nil)
	for r := range MixtureRows {
		k := 0
		for u := rng.Float64() - weight[0]; u > 0 && k < MixtureSize-1; u -= weight[k] {
			k++
		}
		z := draws(d, rng.NormFloat64)
		for i, m := range mean[k*d : (k+1)*d] {
			for j := range i + 1 {
				m += float64(chol[(k*d+i)*d+j] * z[j])
			}
			x.Set(r, i, m)
		}
	}
	return x, weight, mean, chol
}

// Mixture returns samples of a Gaussian mixture with full covariances, and the flow whose density it is.
func Mixture() (*mat.Dense, *flow.Flow, error) {
	x, weight, mean, chol := gaussians()
	f, err := flow.New(model.Model{Dim: MixtureDim, Blocks: [][]model.Layer{{model.Rosenblatt(MixtureDim, weight, mean, chol)}}})
	return x, f, err
}

// conditioners are the weights of each layer of a coupling flow's conditioners, out rows of in numbers, and its biases, in
// the order of the map.
func conditioners(f *flow.Flow) (all []float64) {
	for _, block := range f.Model().Blocks {
		for _, l := range block {
			for half := range 2 {
				for i := 0; ; i++ {
					name := fmt.Sprintf("half.%d.layer.%d.", half, i)
					weight, there := l.Tensor(name + "weight")
					if !there {
						break
					}
					bias, _ := l.Tensor(name + "bias")
					all = append(append(all, weight.Values...), bias.Values...)
				}
			}
		}
	}
	return all
}

// Mixtures lists the mixtures of every block and coordinate of a flow.
func Mixtures(f *flow.Flow) []kernels.Mixture {
	var ms []kernels.Mixture
	for b := range f.Blocks() {
		ms = append(ms, f.Block(b).Mixtures()...)
	}
	return ms
}

// Rows returns n rows of d correlated, curved, skewed columns: data that takes a flow several blocks. Every row depends
// on its number and d alone.
func Rows(first, n, d int) *mat.Dense {
	x := mat.NewDense(n, d, nil)
	FillRows(x, first)
	return x
}

// FillRows is Rows into given memory, so that a stream of any number of rows takes no more.
func FillRows(x *mat.Dense, first int) {
	n, d := x.Dims()
	var pcg rand.PCG
	rng := rand.New(&pcg)
	for i := range n {
		pcg.Seed(uint64(first+i), uint64(d))
		common, row := rng.NormFloat64(), x.RawRowView(i)
		for j := range row {
			e := rng.NormFloat64()
			switch j % 4 {
			case 0:
				row[j] = 0.8*common + 0.6*e
			case 1:
				row[j] = 0.5*(common*common-1) + 0.5*e
			case 2:
				row[j] = math.Copysign(1, common) + 0.4*e
			case 3:
				row[j] = math.Exp(0.5*e) - 1.13 + 0.3*common
			}
		}
	}
}

// FitRows and FitDim are the size of the data set that the fits are timed on, FitBlocks the depth of the flow.
const FitRows, FitDim, FitBlocks = 6000, 8, 12

// CoupledFile is the flow of Coupled, saved among the inputs.
const CoupledFile = "coupling.gflow"

// Write writes every input of every contender to dir, for peers to read: the slices of in, a data set to fit with its
// columns rotated as the first block of a flow has them, and the model whose training step is timed: the two moons, and
// for each block the rotation and the stored parameters of each coordinate's mixture. The model that is scored has those
// rotations and the conditioners of Coupled; it is in CoupledFile, too. The mixture of Mixture is in gaussians_….
func Write(dir string, in *Inputs) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	x, f, err := Moons()
	if err != nil {
		return err
	}
	_, coupling, err := Coupled()
	if err != nil {
		return err
	}
	files := map[string][]float64{
		"t": in.T, "p": in.P, "a": in.A, "l": in.L, "x": in.X, "z": in.Z,
		"weight": in.Shared.Weight, "mean": in.Shared.Mean, "scale": in.Shared.Scale,
		"erfc":         draws(in.N, counter(func(i int) float64 { return -in.T[i] * (math.Sqrt2 / 2) })),
		"moons":        x.RawMatrix().Data,
		"data":         Rows(0, FitRows, FitDim).RawMatrix().Data,
		"conditioners": conditioners(coupling),
		"columns":      nil, "rotation": nil, "logit": nil, "means": nil, "raw": nil,
	}
	rows, weight, means, chol := gaussians()
	files["gaussians_x"], files["gaussians_weight"], files["gaussians_mean"], files["gaussians_chol"] = rows.RawMatrix().Data, weight, means, chol
	var saved bytes.Buffer
	if err := coupling.Save(&saved); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, CoupledFile), saved.Bytes(), 0o644); err != nil {
		return err
	}
	columns, err := Columns()
	if err != nil {
		return err
	}
	files["columns"] = columns.RawMatrix().Data
	for b := range f.Blocks() {
		files["rotation"] = append(files["rotation"], f.Block(b).Rotation().RawMatrix().Data...)
	}
	for _, m := range Mixtures(f) {
		for k := range m.Weight {
			files["logit"] = append(files["logit"], math.Log(m.Weight[k]))
			files["means"] = append(files["means"], m.Mean[k])
			files["raw"] = append(files["raw"], math.Atanh(math.Log(m.Scale[k])/flow.DefaultLogScaleBound))
		}
	}
	knots := in.Knots()
	for i := range in.N {
		for k := range in.K + 1 {
			files["knot_x"] = append(files["knot_x"], knots.X[k][i])
			files["knot_y"] = append(files["knot_y"], knots.Y[k][i])
			files["knot_slope"] = append(files["knot_slope"], knots.Slope[k][i])
		}
	}
	for name, data := range files {
		if err := harness.WriteFloats(filepath.Join(dir, name+".f64"), data); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "probit.h"), []byte(probitHeader()), 0o644)
}

func counter(f func(i int) float64) func() float64 {
	i := -1
	return func() float64 { i++; return f(i) }
}

// Columns returns the data set to fit in the axes of its principal components, where the fit of one block leaves it.
func Columns() (*mat.Dense, error) {
	data := Rows(0, FitRows, FitDim)
	f, err := flow.FitRBIG(data, flow.RBIGOptions{Blocks: 1, Components: 1})
	if err != nil {
		return nil, err
	}
	var columns mat.Dense
	columns.Mul(data, f.Block(0).Rotation().T())
	return &columns, nil
}

// probitHeader gives our quantile's coefficients to those who compose the map from functions that lack one.
func probitHeader() string {
	var b strings.Builder
	for _, a := range []struct {
		name  string
		coeff []float64
	}{{"probit_p", asm.ProbitP[:]}, {"probit_q", asm.ProbitQ[:]}, {"tail_p", asm.TailP[:]}, {"tail_q", asm.TailQ[:]}} {
		fmt.Fprintf(&b, "static const double %s[%d] = {", a.name, len(a.coeff))
		for _, c := range a.coeff {
			fmt.Fprintf(&b, "%.17g, ", c)
		}
		b.WriteString("};\n")
	}
	return b.String()
}
