package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
	"gonum.org/v1/gonum/mat"

	"github.com/gaussflow/gaussflow/flow"
	"github.com/gaussflow/gaussflow/flow/model"
	"github.com/gaussflow/gaussflow/internal/atomicfile"
	"github.com/gaussflow/gaussflow/internal/table"
	"github.com/gaussflow/gaussflow/kernels"
)

func importCommand() *cli.Command {
	return command("import", "a model that another program fitted",
		`Makes a model of the parameters in FILE, a JSON object that a few lines of Python write:
docs/python.md has them. -from names the program:

  gauss_flows   its rotations, mixtures and couplings
  sklearn       a StandardScaler, a PCA and a GaussianMixture; each is optional
  marginals     one mixture for each column, independent of the others
  gaussflow     what export writes

With -check the model scores the rows of a table that also has a column log_prob, the log-densities
by the other program, and prints the largest difference.

`+examples("gaussflow import flow.json -from gauss_flows -o model.safetensors", "gaussflow import mixture.json -from sklearn -o model.safetensors -check scored.csv"),
		[]string{"FILE"},
		slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "read the parameters of `PROGRAM`: gauss_flows, sklearn, marginals or gaussflow", Required: true, Validator: oneOf("gauss_flows", "sklearn", "marginals", "gaussflow")},
			&cli.StringFlag{Name: "o", Usage: "write the model to `MODEL`", Required: true},
			&cli.StringFlag{Name: "check", Usage: "compare with the column log_prob of the table `DATA`"},
		}, tableFlags()),
		importModel)
}

func exportCommand() *cli.Command {
	return command("export", "a model as JSON",
		`Writes all parameters of a model: to .json for any language, or to .safetensors, which also makes
the current format of an older file. JSON keeps every bit.

`+examples("gaussflow export model.safetensors -o model.json", "gaussflow export old.gflow -o model.safetensors"),
		[]string{"MODEL"},
		[]cli.Flag{&cli.StringFlag{Name: "o", Usage: "write to `FILE`, .json or .safetensors; without it JSON goes to standard output"}},
		func(_ context.Context, c *cli.Command) error {
			f, err := loadModel(c.Args().First())
			if err != nil {
				return err
			}
			out := c.String("o")
			switch {
			case sameFile(out, c.Args().First()):
				return usageErrorf("-o %s: that is the input", out)
			case strings.HasSuffix(out, ".safetensors"):
				return saveModel(f, out)
			case out == "" || out == "-":
				return writeJSON(c.Root().Writer, exported(f))
			case strings.HasSuffix(out, ".json"):
				b, err := json.Marshal(exported(f))
				if err != nil {
					return err
				}
				return atomicfile.WriteFile(out, append(b, '\n'))
			}
			return usageErrorf("-o %s: the extension must be .json or .safetensors", out)
		})
}

// saveModel writes a model file, whole or not at all.
func saveModel(f *flow.Flow, name string) error {
	var b bytes.Buffer
	if err := f.Save(&b); err != nil {
		return strip(err)
	}
	return atomicfile.WriteFile(name, b.Bytes())
}

// modelJSON is a model as export writes it.
type modelJSON struct {
	Format    string            `json:"format"`
	Version   int               `json:"version"`
	Kind      string            `json:"kind"`
	Dim       int               `json:"dim"`
	Columns   []string          `json:"columns"`
	Info      map[string]string `json:"info,omitempty"`
	Quantiles []float64         `json:"quantiles,omitempty"`
	Base      struct {
		Loc   []float64 `json:"loc"`
		Scale []float64 `json:"scale"`
	} `json:"base"`
	Blocks [][]layerJSON `json:"blocks"`
}

type layerJSON struct {
	Kind       string                `json:"kind"`
	Attributes map[string]string     `json:"attributes,omitempty"`
	Tensors    map[string]tensorJSON `json:"tensors"`
}

type tensorJSON struct {
	Shape  []int     `json:"shape"`
	Values []float64 `json:"values"`
}

func exported(f *flow.Flow) modelJSON {
	m := f.Model()
	j := modelJSON{Format: "gaussflow", Version: 2, Kind: f.Kind(), Dim: m.Dim, Columns: m.Columns, Info: m.Info, Quantiles: m.Quantiles}
	j.Base.Loc, j.Base.Scale = m.Base.Loc, m.Base.Scale
	for _, b := range m.Blocks {
		var layers []layerJSON
		for _, l := range b {
			tensors := map[string]tensorJSON{}
			for _, t := range l.Tensors {
				tensors[t.Name] = tensorJSON{append([]int{}, t.Shape...), t.Values}
			}
			layers = append(layers, layerJSON{l.Kind, l.Attributes, tensors})
		}
		j.Blocks = append(j.Blocks, layers)
	}
	return j
}

func importModel(ctx context.Context, c *cli.Command) error {
	in, out := c.Args().First(), c.String("o")
	if sameFile(in, out) {
		return usageErrorf("-o %s: that is the input", out)
	}
	b, err := readLimited(c, in)
	if err != nil {
		return err
	}
	var m model.Model
	switch c.String("from") {
	case "gauss_flows":
		m, err = decodeJSON(b, gaussFlows)
	case "sklearn":
		m, err = decodeJSON(b, sklearn)
	case "marginals":
		m, err = decodeJSON(b, marginals)
	case "gaussflow":
		m, err = decodeJSON(b, ownModel)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	if m.Info == nil {
		m.Info = map[string]string{"created_by": createdBy(), "imported_from": c.String("from")}
	}
	f, err := flow.New(m)
	if err != nil {
		hint := ""
		if strings.Contains(err.Error(), "not orthogonal") {
			hint = " (a flow that gauss_flows itself has trained has moved its rotations, and its densities do not integrate to 1: import the fit, and train here)"
		}
		return fmt.Errorf("%s: %w%s", in, strip(err), hint)
	}
	report := fmt.Sprintf("%s: %v\n", out, f)
	if check := c.String("check"); check != "" {
		line, err := checkImport(ctx, c, f, check)
		if err != nil {
			return err
		}
		report += line
	}
	if err := saveModel(f, out); err != nil {
		return err
	}
	_, err = io.WriteString(c.Root().Writer, report)
	return err
}

// readLimited reads a file of parameters.
func readLimited(c *cli.Command, name string) ([]byte, error) {
	r := c.Root().Reader
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r = f
	}
	const most = 1 << 30
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && len(b) > most {
		err = fmt.Errorf("%s: more than %d bytes", name, most)
	}
	return b, err
}

func decodeJSON[T any](b []byte, convert func(T) (model.Model, error)) (model.Model, error) {
	var v T
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return model.Model{}, fmt.Errorf("it is not a JSON object of this kind: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return model.Model{}, errors.New("there is text after the JSON object")
	}
	return convert(v)
}

func ownModel(j modelJSON) (model.Model, error) {
	m := model.Model{Dim: j.Dim, Columns: j.Columns, Info: j.Info, Quantiles: j.Quantiles, Base: model.Base{Loc: j.Base.Loc, Scale: j.Base.Scale}}
	if j.Format != "gaussflow" || j.Version != 2 {
		return m, fmt.Errorf("its format is %q, version %d; export writes gaussflow, version 2", j.Format, j.Version)
	}
	for _, b := range j.Blocks {
		var layers []model.Layer
		for _, l := range b {
			layer := model.Layer{Kind: l.Kind, Attributes: l.Attributes}
			for name, t := range l.Tensors {
				layer.Tensors = append(layer.Tensors, model.Tensor{Name: name, Shape: t.Shape, Values: t.Values})
			}
			slices.SortFunc(layer.Tensors, func(a, b model.Tensor) int { return strings.Compare(a.Name, b.Name) })
			layers = append(layers, layer)
		}
		m.Blocks = append(m.Blocks, layers)
	}
	return m, nil
}

// gaussFlowsJSON are the bijections of a fit of gauss_flows, from data to latent space.
type gaussFlowsJSON struct {
	Columns []string `json:"columns"`
	Base    struct {
		Loc   []float64 `json:"loc"`
		Scale []float64 `json:"scale"`
	} `json:"base"`
	Bijections []struct {
		Type          string      `json:"type"` // FixedRotation, MixtureGaussianCDF, Coupling or Flip
		Matrix        [][]float64 `json:"matrix"`
		Means         [][]float64 `json:"means"`
		LogScales     [][]float64 `json:"log_scales"`
		LogWeights    [][]float64 `json:"log_weights"`
		LogScaleBound float64     `json:"log_scale_bound"`
		Layers        []struct {
			Weight [][]float64 `json:"weight"`
			Bias   []float64   `json:"bias"`
		} `json:"layers"`
	} `json:"bijections"`
}

// gaussFlows maps a fit of gauss_flows: fit_rbig's [FixedRotation, MixtureGaussianCDF], and fit_rbig_coupling's
// [FixedRotation, Coupling, Flip, Coupling, Flip], which is one coupling here.
func gaussFlows(j gaussFlowsJSON) (model.Model, error) {
	m := model.Model{Columns: j.Columns, Base: model.Base{Loc: j.Base.Loc, Scale: j.Base.Scale}}
	list := j.Bijections
	for i := 0; i < len(list); i++ {
		b := list[i]
		wrong := func(format string, args ...any) (model.Model, error) {
			return m, fmt.Errorf("bijection %d (%s): %s", i, b.Type, fmt.Sprintf(format, args...))
		}
		switch b.Type {
		case "FixedRotation":
			if m.Dim == 0 {
				m.Dim = len(b.Matrix)
			}
			r, err := flatten("matrix", b.Matrix, m.Dim, m.Dim)
			if err != nil {
				return wrong("%v", err)
			}
			m.Blocks = append(m.Blocks, []model.Layer{model.Rotation(m.Dim, r)})
			continue
		case "MixtureGaussianCDF":
			mixtures := make([]kernels.Mixture, len(b.Means))
			for d := range b.Means {
				k := len(b.Means[d])
				if len(b.LogScales) != len(b.Means) || len(b.LogWeights) != len(b.Means) || k == 0 || len(b.LogScales[d]) != k || len(b.LogWeights[d]) != k {
					return wrong("means, log_scales and log_weights must have the same shape")
				}
				c := kernels.Mixture{Weight: softmax(b.LogWeights[d]), Mean: b.Means[d]}
				for _, s := range b.LogScales[d] {
					c.Scale = append(c.Scale, math.Max(s, 0)+math.Log1p(math.Exp(-math.Abs(s)))+5e-3)
				}
				mixtures[d] = c
			}
			if m.Dim == 0 {
				m.Dim = len(mixtures)
			}
			m.Blocks = inLastBlock(m.Blocks, model.Mixtures(mixtures))
		case "Coupling":
			d := m.Dim
			if d == 0 || d%2 != 0 {
				return wrong("the dimension is %d: a rotation comes first there, and the dimension is even", d)
			}
			if i+3 >= len(list) || list[i+1].Type != "Flip" || list[i+2].Type != "Coupling" || list[i+3].Type != "Flip" || list[i+2].LogScaleBound != b.LogScaleBound {
				return wrong("couplings come as Coupling, Flip, Coupling, Flip, of one bound")
			}
			var conditioners [2][]model.Dense
			components := 0
			for h, part := range []int{i, i + 2} {
				layers := list[part].Layers
				in := d / 2
				for l, layer := range layers {
					out := len(layer.Bias)
					w, err := flatten("weight", layer.Weight, out, in)
					if err != nil {
						return wrong("layer %d: %v", l, err)
					}
					bias := slices.Clone(layer.Bias)
					if h == 1 && l == 0 {
						// Flip: it sees the coordinates in reverse.
						for r := range out {
							slices.Reverse(w[r*in : (r+1)*in])
						}
					}
					if l == len(layers)-1 {
						components = out / (3 * (d / 2))
						if components == 0 || components*3*(d/2) != out {
							return wrong("its last layer has %d outputs for %d coordinates", out, d/2)
						}
						if h == 1 { // and maps them in reverse
							w, bias = reverseGroups(w, 3*components*in), reverseGroups(bias, 3*components)
						}
					}
					conditioners[h] = append(conditioners[h], model.Dense{Out: out, In: in, Weight: w, Bias: bias})
					in = out
				}
			}
			m.Blocks = inLastBlock(m.Blocks, model.Coupling(slices.Repeat([]int{components}, d), b.LogScaleBound, conditioners))
			i += 3
		default:
			return wrong("there is no such bijection here: FixedRotation, MixtureGaussianCDF, Coupling and Flip are read")
		}
	}
	return m, nil
}

func inLastBlock(blocks [][]model.Layer, l model.Layer) [][]model.Layer {
	if len(blocks) == 0 {
		return [][]model.Layer{{l}}
	}
	last := len(blocks) - 1
	blocks[last] = append(blocks[last], l)
	return blocks
}

func flatten(name string, rows [][]float64, n, d int) ([]float64, error) {
	var v []float64
	for _, r := range rows {
		if len(r) != d {
			return nil, fmt.Errorf("%s must be %d×%d", name, n, d)
		}
		v = append(v, r...)
	}
	if len(rows) != n {
		return nil, fmt.Errorf("%s must be %d×%d", name, n, d)
	}
	return v, nil
}

// reverseGroups returns the groups of so many numbers in reverse order.
func reverseGroups(v []float64, size int) []float64 {
	out := make([]float64, 0, len(v))
	for at := len(v) - size; at >= 0; at -= size {
		out = append(out, v[at:at+size]...)
	}
	return out
}

func softmax(logits []float64) []float64 {
	most := slices.Max(logits)
	w, sum := make([]float64, len(logits)), 0.0
	for i, l := range logits {
		w[i] = math.Exp(l - most)
		sum += w[i]
	}
	for i := range w {
		w[i] /= sum
	}
	return w
}

// sklearnJSON are fitted estimators of scikit-learn, by their attributes, in the order of a pipeline.
type sklearnJSON struct {
	Columns        []string `json:"columns"`
	StandardScaler *struct {
		Mean  []float64 `json:"mean_"`
		Scale []float64 `json:"scale_"`
	} `json:"StandardScaler"`
	PCA *struct {
		Mean              []float64   `json:"mean_"`
		Components        [][]float64 `json:"components_"`
		ExplainedVariance []float64   `json:"explained_variance_"`
		Whiten            bool        `json:"whiten"`
	} `json:"PCA"`
	GaussianMixture *struct {
		CovarianceType string          `json:"covariance_type"`
		Weights        []float64       `json:"weights_"`
		Means          [][]float64     `json:"means_"`
		Covariances    json.RawMessage `json:"covariances_"`
	} `json:"GaussianMixture"`
}

func sklearn(j sklearnJSON) (model.Model, error) {
	m := model.Model{Columns: j.Columns}
	var layers []model.Layer
	dim := func(name string, d int) error {
		if m.Dim == 0 {
			m.Dim = d
		}
		if d != m.Dim || d == 0 {
			return fmt.Errorf("%s has dimension %d; the steps before it have %d", name, d, m.Dim)
		}
		return nil
	}
	if s := j.StandardScaler; s != nil {
		if err := dim("StandardScaler", len(s.Mean)); err != nil {
			return m, err
		}
		layers = append(layers, model.Scale(s.Mean, s.Scale))
	}
	if p := j.PCA; p != nil {
		d := len(p.Mean)
		if err := dim("PCA", d); err != nil {
			return m, err
		}
		r, err := flatten("components_", p.Components, d, d)
		if err != nil {
			return m, fmt.Errorf("PCA: %w: a PCA that drops components has no density", err)
		}
		layers = append(layers, model.Scale(p.Mean, slices.Repeat([]float64{1}, d)), model.Rotation(d, r))
		if p.Whiten {
			var by []float64
			for _, v := range p.ExplainedVariance {
				by = append(by, math.Sqrt(v))
			}
			layers = append(layers, model.Scale(make([]float64, d), by))
		}
	}
	if g := j.GaussianMixture; g != nil {
		more, err := gaussianMixture(g.CovarianceType, g.Weights, g.Means, g.Covariances, dim)
		if err != nil {
			return m, fmt.Errorf("GaussianMixture: %w", err)
		}
		layers = append(layers, more...)
	}
	if len(layers) == 0 {
		return m, errors.New("it has no StandardScaler, no PCA and no GaussianMixture")
	}
	m.Blocks = [][]model.Layer{layers}
	return m, nil
}

// gaussianMixture makes layers of a mixture of Gaussians: mixtures where columns are independent, else the
// transform of Rosenblatt.
func gaussianMixture(kind string, weights []float64, means [][]float64, raw json.RawMessage, dim func(string, int) error) ([]model.Layer, error) {
	k := len(weights)
	if k == 0 || len(means) != k {
		return nil, fmt.Errorf("%d weights_ and %d means_", k, len(means))
	}
	d := len(means[0])
	if err := dim("it", d); err != nil {
		return nil, err
	}
	flatMeans, err := flatten("means_", means, k, d)
	if err != nil {
		return nil, err
	}
	// The covariance of each component.
	covariances := make([]*mat.SymDense, k)
	diagonal := func(c int, v []float64) error {
		if len(v) != d {
			return fmt.Errorf("covariances_ of %d columns", len(v))
		}
		covariances[c] = mat.NewSymDense(d, nil)
		for j := range v {
			covariances[c].SetSym(j, j, v[j])
		}
		return nil
	}
	full := func(c int, v [][]float64) error {
		flat, err := flatten("covariances_", v, d, d)
		if err == nil {
			covariances[c] = mat.NewSymDense(d, flat)
		}
		return err
	}
	each := func(n int, set func(c int) error) error {
		if n != k {
			return fmt.Errorf("%d covariances_ for %d components", n, k)
		}
		for c := range k {
			if err := set(c); err != nil {
				return err
			}
		}
		return nil
	}
	switch kind {
	case "full":
		var v [][][]float64
		if err = json.Unmarshal(raw, &v); err == nil {
			err = each(len(v), func(c int) error { return full(c, v[c]) })
		}
	case "tied":
		var v [][]float64
		if err = json.Unmarshal(raw, &v); err == nil {
			err = each(k, func(c int) error { return full(c, v) })
		}
	case "diag":
		var v [][]float64
		if err = json.Unmarshal(raw, &v); err == nil {
			err = each(len(v), func(c int) error { return diagonal(c, v[c]) })
		}
	case "spherical":
		var v []float64
		if err = json.Unmarshal(raw, &v); err == nil {
			err = each(len(v), func(c int) error { return diagonal(c, slices.Repeat([]float64{v[c]}, d)) })
		}
	default:
		err = fmt.Errorf("covariance_type %q; full, tied, diag and spherical are read", kind)
	}
	if err != nil {
		return nil, err
	}
	if d == 1 {
		c := kernels.Mixture{Weight: weights, Mean: flatMeans}
		for _, v := range covariances {
			c.Scale = append(c.Scale, math.Sqrt(v.At(0, 0)))
		}
		return []model.Layer{model.Mixtures([]kernels.Mixture{c})}, nil
	}
	chol := make([]float64, 0, k*d*d)
	for c, v := range covariances {
		var factor mat.Cholesky
		if !factor.Factorize(v) {
			return nil, fmt.Errorf("covariance %d is not positive definite", c)
		}
		var l mat.TriDense
		factor.LTo(&l)
		for i := range d {
			for j := range d {
				chol = append(chol, l.At(i, j))
			}
		}
	}
	return []model.Layer{model.Rosenblatt(d, weights, flatMeans, chol)}, nil
}

// marginalsJSON is one mixture for each column.
type marginalsJSON struct {
	Columns   []string `json:"columns"`
	Marginals []struct {
		Weights []float64 `json:"weights"`
		Means   []float64 `json:"means"`
		Scales  []float64 `json:"scales"`
	} `json:"marginals"`
}

func marginals(j marginalsJSON) (model.Model, error) {
	m := model.Model{Dim: len(j.Marginals), Columns: j.Columns}
	var mixtures []kernels.Mixture
	for i, c := range j.Marginals {
		if len(c.Weights) == 0 || len(c.Means) != len(c.Weights) || len(c.Scales) != len(c.Weights) {
			return m, fmt.Errorf("marginal %d has %d weights, %d means and %d scales; the numbers must agree", i, len(c.Weights), len(c.Means), len(c.Scales))
		}
		mixtures = append(mixtures, kernels.Mixture{Weight: c.Weights, Mean: c.Means, Scale: c.Scales})
	}
	if len(mixtures) == 0 {
		return m, errors.New("there are no marginals")
	}
	m.Blocks = [][]model.Layer{{model.Mixtures(mixtures)}}
	return m, nil
}

// checkImport compares with what another program made of a table.
func checkImport(ctx context.Context, c *cli.Command, f *flow.Flow, name string) (string, error) {
	o, err := tableOptions(c)
	if err != nil {
		return "", err
	}
	t, err := table.Open(name, o)
	if err != nil {
		return "", err
	}
	defer t.Close()
	columns := t.Columns()
	at := slices.Index(columns, "log_prob")
	if at < 0 {
		return "", fmt.Errorf("%s: there is no column log_prob to compare with", name)
	}
	var want []string
	if names := f.Columns(); names != nil {
		want = append(slices.Clone(names), "log_prob")
	} else {
		want = append(append(slices.Clone(columns[:at]), columns[at+1:]...), "log_prob")
	}
	if err := t.Match(want, width(f)+1); err != nil {
		return "", err
	}
	if t.Width() != width(f)+1 {
		return "", fmt.Errorf("%s: it has %d columns besides log_prob; the model has %d", name, t.Width()-1, width(f))
	}
	x, err := t.Read(mostValues)
	if err != nil {
		return "", err
	}
	if x.IsEmpty() {
		return "", fmt.Errorf("%s: there are no rows", name)
	}
	n, d := x.Dims()
	d--
	logProb := make([]float64, n)
	if err := f.LogProb(logProb, x.Slice(0, n, 0, d)); err != nil {
		return "", strip(err)
	}
	diff := make([]float64, n)
	for i := range diff {
		diff[i] = math.Abs(logProb[i] - x.At(i, d))
	}
	worst := 0
	for i := range diff {
		if diff[i] > diff[worst] {
			worst = i
		}
	}
	largest := diff[worst]
	return fmt.Sprintf("%s compared: |Δ log_prob| median %.3g, largest %.3g, in row %d\n", plural(int64(n), "row"), median(diff), largest, worst+1), ctx.Err()
}
