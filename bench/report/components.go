package main

import (
	"fmt"
	"log"

	"github.com/gaussflow/gaussflow/bench/cases"
	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/internal/kerneltest"
	"github.com/gaussflow/gaussflow/kernels"
)

// components is the command: how errors and times grow with the number of components of a mixture.
func (r *report) components() error {
	if err := r.componentErrors(); err != nil {
		return err
	}
	return r.componentTimes()
}

// componentErrors repeats the search of TestAccuracyBySize, or a part of it, on the best tier.
func (r *report) componentErrors() error {
	t := &harness.Table{
		Name: "component-errors", Title: "Largest errors against exact arithmetic, by the number of components K",
		Columns: []harness.Column{{Name: "result"}, {Name: "unit"}},
	}
	for _, size := range kerneltest.Sizes {
		t.Columns = append(t.Columns, harness.Column{Name: fmt.Sprintf("K = %d", size.K)})
	}
	t.Columns = append(t.Columns, harness.Column{Name: "limit"})
	for i := range kerneltest.Accuracies {
		a := &kerneltest.Accuracies[i]
		if a.Of == nil {
			continue
		}
		log.Printf("looking for the largest error of %s", a.Name)
		row := []any{a.Name, a.Unit}
		for _, size := range kerneltest.Sizes {
			row = append(row, a.SearchSize(kernels.Best(), size.K, r.inputs(size.Inputs), 1).Max)
		}
		t.Add(append(row, a.Limit)...)
	}
	var counts []int
	for _, size := range kerneltest.Sizes {
		counts = append(counts, r.inputs(size.Inputs))
	}
	t.Note("The largest of %v inputs, on %s.", counts, kernels.Best())
	return r.publish(t, nil)
}

// inputs is the share of a search that the command repeats: all of it takes minutes.
func (r *report) inputs(of int) int { return max(1, int(float64(of)*r.share)) }

// componentTimes measures the kernels of mixtures with more and more components.
func (r *report) componentTimes() error {
	sizes := []int{1, 2, 4, 8, 9, 16, 32, 64, 256}
	t := &harness.Table{
		Name: "component-times", Title: "Kernels of mixtures by the number of components K: one core, ns per sample and component",
		Columns: []harness.Column{{Name: "kernel"}, {Name: "tier"}},
	}
	for _, k := range sizes {
		t.Columns = append(t.Columns, harness.Column{Name: fmt.Sprintf("K = %d", k)})
	}
	const n = 1040 // no power of two: rows a page apart would evict one another
	var inputs []*cases.Inputs
	for _, k := range sizes {
		inputs = append(inputs, cases.NewInputs(n, k))
	}
	for i, k := range cases.OfMixtures(inputs[0]) {
		log.Printf("measuring %s", k.Name)
		for _, tier := range kernels.Tiers() {
			var contenders []harness.Contender
			for _, in := range inputs {
				do, out := cases.OfMixtures(in)[i].On(tier)
				contenders = append(contenders, harness.Local(fmt.Sprint(in.K), do, out...))
			}
			series, err := harness.Measure(contenders, r.kernelOptions())
			if err != nil {
				return err
			}
			name := k.Name
			if k.Form == "each" {
				name += ", per sample"
			}
			row := []any{name, tier.String()}
			for j, s := range series {
				row = append(row, s.Time(float64(n*sizes[j])).Best)
			}
			t.Add(row...)
		}
	}
	r.note(t, r.kernelOptions())
	t.Note("The best round counts, n = %d. From 9 components on the sums of blocks of 8 are added with what that loses.", n)
	return r.publish(t, nil)
}
