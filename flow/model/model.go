// Package model describes a flow as data: a list of layers, each a kind, attributes
// and named tensors. flow.New builds a flow from it, and Flow.Model returns it. It
// is all that a file format deals with: formats do not depend on layers, nor layers
// on formats.
package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gaussflow/gaussflow/kernels"
)

// A Model describes a flow completely.
type Model struct {
	Dim    int
	Blocks [][]Layer // in the order of Forward
	Base   Base

	Columns   []string          // names of the columns; nil if they have none
	Info      map[string]string // origin of the model: program, data, options
	Quantiles []float64         // 101 quantiles, in rising order, of the log-densities of typical rows, in nats; nil if unknown
}

// Base is the latent distribution: independent normals. Nil slices stand for
// location 0 and scale 1.
type Base struct{ Loc, Scale []float64 }

// A Layer is one invertible map. The kinds, with d for the dimension and K for the
// number of components, are
//
//	scale     z = (x - shift)/scale
//	          shift [d], scale [d]
//	rotation  z = R x
//	          rotation [d,d], orthogonal; its rows are the new axes
//	mixtures  z_j = Φ⁻¹(F_j(x_j)), F_j a Gaussian mixture
//	          weight [d,K], mean [d,K], scale [d,K], bound [] on |log scale|;
//	          raw.logit [d,K], raw.scale [d,K]
//	coupling  mixtures of one half of the coordinates given the other, twice:
//	          half 0 is the second half given the first, half 1 the reverse
//	          half.H.layer.L.weight [out,in], half.H.layer.L.bias [out], bound [];
//	          half.held.logit, mean and scale, and pinned, all [d,K], or none of them
//	rosenblatt  Rosenblatt's transform of a Gaussian mixture in d dimensions,
//	          Σ_k weight_k N(mean_k, L_k·L_kᵀ): its density is that of the mixture
//	          weight [K], mean [K,d], chol [K,d,d] with the lower triangular L_k;
//	          raw.logit [K], raw.scale [K,d], the logarithms of the L_kjj;
//	          attributes max_components and dequantized (1), where the fit had these options
//
//	actnorm        z = exp(log_scale)·x + shift, both trainable
//	               shift [d], log_scale [d]
//	householder    a product of reflections x - 2v(v·x)/(v·v), row 0 of vectors first
//	               vectors [reflections,d]
//	cayley         z = (I-A)(I+A)⁻¹ x; skew holds A's entries above the diagonal, row by row
//	               skew [d(d-1)/2]
//	residual       z = x + V·tanh(Wx + b) + c; W and V are the stored weights times
//	               √L/√(L + ‖·‖²), L = lipschitz, ‖·‖ the Schatten norm of order 128
//	               weight.0 [width,d], bias.0 [width], weight.1 [d,width], bias.1 [d], lipschitz []
//	couple.FAMILY  the two halves given each other, as in coupling, and given the context;
//	given.FAMILY   every coordinate given the context
//	               part.H.layer.L.weight [out,in], part.H.layer.L.bias [out];
//	               context.shift [c], context.scale [c] if there is a context: the
//	               conditioners see the other half and then (context - shift)/scale
//
// FAMILY says what the conditioners emit for each coordinate: affine, a shift and a raw scale
// (tensor bound []); mixture, as for coupling (bound [], attribute components); spline, K
// logits of widths, K of heights and K-1 raw slopes (bound [], edge [], attribute bins).
//
// The weights of mixtures are stored as logits, weight = softmax(raw.logit), and their scales
// as scale = exp(bound·tanh(raw.scale)): training changes these. A layer is built from weight
// and scale, or from the raw values, which keep every bit; if both are given they must agree.
// If the bound is missing, it is chosen as large as the scales need.
//
// If mixtures or a coupling have a floor [], between 0 and 1, the first component of each
// mixture is an anchor with at least that weight: weight_k = (1-floor)·softmax_k, plus floor
// for the anchor. Its mean and scale are not trained.
//
// The conditioners of a coupling are networks of layers y = Wx + b. The last one emits, for
// each coordinate of the half, K logits, K means and K raw scales: the stored parameters
// themselves, with ReLU between the layers; or, if a coupling has half.held.*, bounded
// changes to those stored parameters, with a smooth activation between the layers and bounded
// inputs (see flow.Flow.Couple). Components with pinned = 1 are not changed; the others have
// pinned = 0.
//
// If coordinates differ in their number of components, the attribute components lists the
// numbers ("3,8,8"), and rows of mixtures are padded to the longest with weight 0, scale 1,
// and 0 in the other tensors.
type Layer struct {
	Kind       string
	Attributes map[string]string
	Tensors    []Tensor
}

// A Tensor is a named array, row-major. A scalar has an empty shape.
type Tensor struct {
	Name   string
	Shape  []int
	Values []float64
}

// Tensor returns the layer's tensor of that name.
func (l Layer) Tensor(name string) (Tensor, bool) {
	i := slices.IndexFunc(l.Tensors, func(t Tensor) bool { return t.Name == name })
	if i < 0 {
		return Tensor{}, false
	}
	return l.Tensors[i], true
}

// Scalar returns a tensor of one number and no dimension.
func Scalar(name string, v float64) Tensor { return Tensor{name, nil, []float64{v}} }

// Vector returns a tensor of one dimension, which shares the memory of v.
func Vector(name string, v []float64) Tensor { return Tensor{name, []int{len(v)}, v} }

// Matrix returns a tensor of two dimensions, which shares the memory of v.
func Matrix(name string, rows, cols int, v []float64) Tensor {
	return Tensor{name, []int{rows, cols}, v}
}

// Scale is the layer z = (x - shift)/scale. Its log-determinant is -Σ log|scale|.
func Scale(shift, scale []float64) Layer {
	return Layer{Kind: "scale", Tensors: []Tensor{Vector("shift", shift), Vector("scale", scale)}}
}

// Rotation is the layer z = R x of an orthogonal d×d matrix, row-major.
func Rotation(d int, r []float64) Layer {
	return Layer{Kind: "rotation", Tensors: []Tensor{Matrix("rotation", d, d, r)}}
}

// Mixtures is the layer z_j = Φ⁻¹(F_j(x_j)) with the given mixture F_j for each
// coordinate. Weights must be positive and sum to 1.
func Mixtures(m []kernels.Mixture) Layer {
	components := make([]int, len(m))
	for j := range m {
		components[j] = len(m[j].Mean)
	}
	part := func(name string, pad float64, of func(m kernels.Mixture) []float64) Tensor {
		return Padded(name, components, pad, func(j int) []float64 { return of(m[j]) })
	}
	return Layer{
		Kind:       "mixtures",
		Attributes: map[string]string{"components": FormatComponents(components)},
		Tensors: []Tensor{
			part("weight", 0, func(m kernels.Mixture) []float64 { return m.Weight }),
			part("mean", 0, func(m kernels.Mixture) []float64 { return m.Mean }),
			part("scale", 1, func(m kernels.Mixture) []float64 { return m.Scale }),
		},
	}
}

// Rosenblatt is the layer that maps the Gaussian mixture with the given weights [K],
// means [K×d] and lower triangular factors of the covariances [K×d×d] to the standard
// normal distribution.
func Rosenblatt(d int, weight, mean, chol []float64) Layer {
	k := len(weight)
	return Layer{
		Kind:    "rosenblatt",
		Tensors: []Tensor{Vector("weight", weight), Matrix("mean", k, d, mean), {"chol", []int{k, d, d}, chol}},
	}
}

// Dense is a layer of a conditioner: y = Wx + b, W of Out×In, row-major.
type Dense struct {
	Out, In      int
	Weight, Bias []float64
}

// Coupling is the layer whose coordinate j has the given number of components and
// whose halves have the given conditioners. The scales are exp(bound·tanh(raw)).
func Coupling(components []int, bound float64, conditioners [2][]Dense) Layer {
	l := Layer{
		Kind:       "coupling",
		Attributes: map[string]string{"components": FormatComponents(components)},
		Tensors:    []Tensor{Scalar("bound", bound)},
	}
	for h, layers := range conditioners {
		for i, d := range layers {
			l.Tensors = append(l.Tensors,
				Matrix(fmt.Sprintf("half.%d.layer.%d.weight", h, i), d.Out, d.In, d.Weight),
				Vector(fmt.Sprintf("half.%d.layer.%d.bias", h, i), d.Bias))
		}
	}
	return l
}

// Padded returns the matrix whose row j holds the k[j] numbers of row(j) and then
// the padding, up to the longest.
func Padded(name string, k []int, pad float64, row func(j int) []float64) Tensor {
	most := 0
	if len(k) > 0 {
		most = slices.Max(k)
	}
	values := make([]float64, len(k)*most)
	for j, n := range k {
		part := values[j*most : (j+1)*most]
		for i := copy(part[:n], row(j)); i < most; i++ {
			part[i] = pad
		}
	}
	return Matrix(name, len(k), most, values)
}

// FormatComponents formats the number of components of each coordinate: one
// number if all are equal, otherwise a list.
func FormatComponents(k []int) string {
	if len(k) > 0 && slices.Min(k) == slices.Max(k) {
		return strconv.Itoa(k[0])
	}
	s := make([]string, len(k))
	for j, n := range k {
		s[j] = strconv.Itoa(n)
	}
	return strings.Join(s, ",")
}

// ParseComponents parses the result of FormatComponents for d coordinates.
func ParseComponents(s string, d int) ([]int, error) {
	k := make([]int, 0, d)
	for part := range strings.SplitSeq(s, ",") {
		n, err := strconv.ParseInt(part, 10, 32)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a number of components", part)
		}
		k = append(k, int(n))
	}
	if len(k) == 1 {
		return slices.Repeat(k, d), nil
	}
	if len(k) != d {
		return nil, fmt.Errorf("it lists %d numbers of components for %d coordinates", len(k), d)
	}
	return k, nil
}
