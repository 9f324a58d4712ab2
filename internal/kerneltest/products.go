package kerneltest

import (
	"fmt"
	"math"
	"slices"

	"github.com/gaussflow/gaussflow/internal/kerneltest/ulp"
	"github.com/gaussflow/gaussflow/kernels"
)

// Products are no Kernel: their arguments are matrices. DrawProduct makes one of any form, and CompareProduct holds a tier to
// the definition of its elements.

// DrawProduct draws a product of m rows, n columns and k terms: which matrices are transposed, how far apart their rows are,
// what the sums begin with and what is done to them in the end. Distances of rows are at times those at which lines of a
// cache evict one another.
func DrawProduct(src Source, m, n, k int) kernels.Product {
	matrix := func(rows, cols int, trans bool) ([]float64, int) {
		if trans {
			rows, cols = cols, rows
		}
		ld := cols
		switch src.Choose(8) {
		case 0, 1:
			ld += src.Choose(5)
		case 2:
			ld = (max(1, ld) + 255) / 256 * 256 >> src.Choose(2)
			if ld < cols {
				ld *= 2
			}
		}
		s := make([]float64, max(0, (rows-1)*ld+cols))
		if cols > 0 { // what is between the rows counts for nothing
			for i := range s {
				if i%ld < cols {
					s[i] = src.Float(Grad)
				}
			}
		}
		return s, ld
	}
	p := kernels.Product{M: m, N: n, K: k, TransA: src.Choose(2) == 0, TransB: src.Choose(2) == 0, Add: src.Choose(2) == 0, ReLU: src.Choose(3) == 0}
	p.A, p.LDA = matrix(m, k, p.TransA)
	p.B, p.LDB = matrix(k, n, p.TransB)
	p.C, p.LDC = matrix(m, n, false)
	if src.Choose(3) == 0 {
		p.Bias = make([]float64, m)
		for i := range p.Bias {
			p.Bias[i] = src.Float(Grad)
		}
	}
	if !p.ReLU && src.Choose(3) == 0 {
		p.Mask, p.LDMask = matrix(m, n, false)
	}
	p.Upper = m == n && src.Choose(2) == 0
	p.Scale = []float64{0, 0, 0, 1, -0.75, 1.0 / 3}[src.Choose(6)]
	return p
}

// DrawSize draws the number of rows, columns or terms of a product, of which assembly takes some by twos and others by
// dozens.
func DrawSize(src Source) int {
	switch src.Choose(4) {
	case 0:
		return src.Choose(10)
	case 1:
		return src.Choose(40)
	case 2:
		return 8 * src.Choose(10)
	}
	return src.Choose(100)
}

// element is the definition of a product; C is as it was before.
func element(p *kernels.Product, i, j int) float64 {
	at := func(s []float64, ld, i, j int, trans bool) float64 {
		if trans {
			i, j = j, i
		}
		return s[i*ld+j]
	}
	s := 0.0
	switch {
	case p.Bias != nil:
		s = p.Bias[i]
	case p.Add:
		s = p.C[i*p.LDC+j]
	}
	scale := p.Scale
	if scale == 0 {
		scale = 1
	}
	for k := range p.K {
		s = math.FMA(float64(scale*at(p.A, p.LDA, i, k, p.TransA)), at(p.B, p.LDB, k, j, p.TransB), s)
	}
	if p.ReLU && s <= 0 || p.Mask != nil && p.Mask[i*p.LDMask+j] <= 0 {
		s = 0
	}
	return s
}

// ProductElements returns C after the product, by its definition.
func ProductElements(p *kernels.Product) []float64 {
	want := slices.Clone(p.C)
	for i := range p.M {
		for j := range p.N {
			if !(p.Upper && j < i) {
				want[i*p.LDC+j] = element(p, i, j)
			}
		}
	}
	return want
}

// CompareProduct computes the product on a tier and returns an error unless C is want, bit for bit, and everything else as
// it was. Any NaN is as good as any other. place returns memory for argument i of A, B, C, Bias and Mask; nil means make.
func CompareProduct(t kernels.Tier, p kernels.Product, want []float64, place func(i, n int) []float64) error {
	if place == nil {
		place = func(_, n int) []float64 { return make([]float64, n) }
	}
	q := p
	arguments := []struct {
		name   string
		before []float64
		after  *[]float64
	}{{"A", p.A, &q.A}, {"B", p.B, &q.B}, {"C", p.C, &q.C}, {"Bias", p.Bias, &q.Bias}, {"Mask", p.Mask, &q.Mask}}
	for i, a := range arguments {
		if a.before != nil {
			*a.after = place(i, len(a.before))
			copy(*a.after, a.before)
		}
	}
	t.Gemm(&q)
	what := func() string {
		return fmt.Sprintf("%v: %d×%d×%d transposed %v %v, rows %d, %d and %d apart, times %v, add %v, bias %v, ReLU %v, mask %v, upper %v", t, p.M, p.N, p.K,
			p.TransA, p.TransB, p.LDA, p.LDB, p.LDC, p.Scale, p.Add, p.Bias != nil, p.ReLU, p.Mask != nil, p.Upper)
	}
	for at, got := range q.C {
		written := at%p.LDC < p.N && !(p.Upper && at%p.LDC < at/p.LDC)
		if same := math.Float64bits(got) == math.Float64bits(want[at]); !same && !(written && ulp.Same(got, want[at])) {
			return fmt.Errorf("%s: C(%d, %d) = %v (%#x), want %v (%#x)", what(), at/p.LDC, at%p.LDC, got, math.Float64bits(got), want[at], math.Float64bits(want[at]))
		}
	}
	for _, a := range arguments {
		if a.name == "C" {
			continue
		}
		for i, v := range *a.after {
			if math.Float64bits(v) != math.Float64bits(a.before[i]) {
				return fmt.Errorf("%s: %s[%d] was %v and is %v", what(), a.name, i, a.before[i], v)
			}
		}
	}
	return nil
}
