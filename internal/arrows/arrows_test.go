package arrows

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestModule(t *testing.T) {
	broken, err := Check(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range broken {
		t.Error(line)
	}
}

// house is a small module that keeps the rules.
var house = map[string]string{
	"asm/a.go":                     `package asm; import "math"`,
	"asm/a_amd64.s":                ``,
	"asm/a_test.go":                `package asm; import "golang.org/x/arch/arm64/arm64asm"`,
	"kernels/k.go":                 `package kernels; import ("` + Module + `/asm"; "github.com/klauspost/cpuid/v2")`,
	"blas/b.go":                    `package blas; import ("C"; "gonum.org/v1/netlib/blas/netlib")`,
	"flow/f.go":                    `package flow; import ("` + Module + `/kernels"; "` + Module + `/blas"; "` + Module + `/internal/light"; "gonum.org/v1/gonum/mat")`,
	"flow/f_test.go":               `package flow; import "` + Module + `/internal/heavy"`,
	"flow/internal/tile/t.go":      `package tile; import "` + Module + `/blas"`,
	"flow/internal/layer/l.go":     `package layer; import ("` + Module + `/flow/internal/tile"; "` + Module + `/kernels")`,
	"flow/internal/flowtest/f.go":  `package flowtest; import "` + Module + `/flow/internal/layer"`,
	"flow/internal/tile/t_test.go": `package tile; import "` + Module + `/flow/internal/flowtest"`,
	"internal/light/l.go":          `package light; import "sort"`,
	"internal/heavy/h.go":          `package heavy; import "gonum.org/v1/plot"`,
	"cmd/gaussflow/m.go":           `package main; import ("` + Module + `/flow"; "` + Module + `/internal/heavy"; "github.com/alecthomas/kong")`,
	"bench/peers/p.c":              ``,
	"bench/b.go":                   `package bench; import "` + Module + `/asm"`,
	"examples/e/m.go":              `package main; import "` + Module + `/flow"`,
	"fuzz/f.go":                    `package fuzz; import "` + Module + `/flow"`,
	"flow/testdata/x.go":           `not Go at all`,
	"kernels/derive/run.py":        ``,
}

func TestRulesBite(t *testing.T) {
	for name, test := range map[string]struct {
		file, src string
		want      []string // a part of each complaint; none: the rules are kept
	}{
		"the house":        {"README.md", "", nil},
		"upwards":          {"kernels/x.go", `package kernels; import "` + Module + `/flow"`, []string{"kernels/x.go: kernels must not import flow", "reaches gonum.org/v1/gonum/mat", "reaches gonum.org/v1/netlib/blas/netlib"}},
		"upwards in test":  {"kernels/x_test.go", `package kernels_test; import "` + Module + `/flow"`, []string{"kernels/x_test.go: kernels must not import flow"}},
		"sideways":         {"blas/x.go", `package blas; import "` + Module + `/asm"`, []string{"blas must not import asm"}},
		"past a layer":     {"flow/x.go", `package flow; import "` + Module + `/asm"`, []string{"flow must not import asm"}},
		"command to asm":   {"cmd/gaussflow/x.go", `package main; import "` + Module + `/asm"`, []string{"cmd must not import asm"}},
		"asm to internal":  {"asm/x.go", `package asm; import "` + Module + `/internal/light"`, []string{"asm must not import internal/light"}},
		"asm to library":   {"asm/x.go", `package asm; import "gonum.org/v1/gonum/floats"`, []string{"asm: reaches gonum.org/v1/gonum/floats", "kernels: reaches gonum.org/v1/gonum/floats"}},
		"plot":             {"flow/x.go", `package flow; import "gonum.org/v1/plot"`, []string{"flow: reaches gonum.org/v1/plot, "}},
		"plot by detour":   {"flow/x.go", `package flow; import "` + Module + `/internal/heavy"`, []string{"flow → internal/heavy → gonum.org/v1/plot"}},
		"flag parser":      {"kernels/x.go", `package kernels; import "github.com/alecthomas/kong"`, []string{"flow: reaches github.com/alecthomas/kong", "kernels: reaches"}},
		"prefix of a name": {"kernels/x.go", `package kernels; import "golang.org/x/sysinfo"`, []string{"flow: reaches golang.org/x/sysinfo", "kernels: reaches golang.org/x/sysinfo"}},
		"other build":      {"flow/x_plan9.go", "//go:build ignore\n\npackage flow\n\nimport \"C\"", []string{"flow/x_plan9.go: cgo outside blas/"}},
		"assembly":         {"kernels/x_arm64.s", "", []string{"kernels/x_arm64.s: assembly outside asm/"}},
		"C beside Go":      {"bench/x.c", "", []string{"bench/x.c: C source outside blas/"}},
		"C":                {"flow/x.c", "", []string{"flow/x.c: C source outside blas/"}},
		"unknown package":  {"util/x.go", "package util", []string{`util/x.go: no rule for packages in "util"`}},
		"root package":     {"x.go", "package gaussflow", []string{`x.go: no rule for packages in "."`}},
		"room upwards":     {"flow/internal/tile/x.go", `package tile; import "` + Module + `/flow/internal/layer"`, []string{"flow/internal/tile: must not import flow/internal/layer"}},
		"room to the face": {"flow/internal/layer/x.go", `package layer; import "` + Module + `/flow"`, []string{"flow/internal/layer: must not import flow"}},
		"unknown room":     {"flow/internal/attic/x.go", `package attic`, []string{"flow/internal/attic: no rule"}},
		"helpers of tests": {"flow/x.go", `package flow; import "` + Module + `/flow/internal/flowtest"`, []string{"flow: imports flow/internal/flowtest, which is for tests"}},
		"bench imported":   {"cmd/gaussflow/x.go", `package main; import "` + Module + `/bench"`, []string{"cmd must not import bench"}},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := fstest.MapFS{test.file: {Data: []byte(test.src)}}
			for file, src := range house {
				fsys[file] = &fstest.MapFile{Data: []byte(src)}
			}
			broken, err := Check(fsys)
			if err != nil {
				t.Fatal(err)
			}
			match := len(broken) == len(test.want)
			for i := range min(len(broken), len(test.want)) {
				match = match && strings.Contains(broken[i], test.want[i])
			}
			if !match {
				t.Errorf("complaints:\n%s\nwant:\n%s", strings.Join(broken, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestAnEmptyHouseIsNotFine(t *testing.T) {
	broken, err := Check(fstest.MapFS{})
	if err != nil {
		t.Fatal(err)
	}
	if len(broken) != len(rules) {
		t.Errorf("%d complaints, want one for each of %v", len(broken), slices.Sorted(maps.Keys(rules)))
	}
}

func TestUnreadableSourceIsAnError(t *testing.T) {
	if _, err := Check(fstest.MapFS{"flow/f.go": {Data: []byte("packa flow")}}); err == nil {
		t.Error("no error")
	}
}
