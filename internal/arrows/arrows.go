// Package arrows checks which package imports which:
//
//	cmd → flow → kernels → asm        bench, fuzz → everything
//	         └→ blas → kernels
//
// and inside flow, where package flow may import every package below it, and none
// of them imports flow:
//
//	layer → tile → errs       gmm → tile        gflow → model
//	   └→ model               rotate → tile     fit → mixture, rotate → tile
//
// It reads the import clauses of every Go file, whatever its build constraints,
// so that a build for another machine or with another tag cannot break a rule.
package arrows

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Module is the module path.
const Module = "github.com/gaussflow/gaussflow"

// A rule says what the packages below one top-level directory may import.
type rule struct {
	// module lists the top-level directories that its files may import, besides
	// the directory itself. Packages in internal are open to all but asm.
	module []string
	// light packages are those that programs import. What they reach, tests
	// excepted, is the standard library and external, which lists import paths
	// and stands for the packages below them as well.
	light    bool
	external []string
	// cgo and assembly may stand in one directory each: the go command refuses
	// a package that has both. Programs in C, of a directory without Go files,
	// are nobody's import.
	cgo, assembly, programs bool
}

const (
	gonum  = "gonum.org/v1/gonum"
	netlib = "gonum.org/v1/netlib"
	cpuid  = "github.com/klauspost/cpuid/v2"
	sys    = "golang.org/x/sys"
)

var rules = map[string]rule{
	"asm":      {light: true, assembly: true},
	"kernels":  {light: true, module: []string{"asm", "internal"}, external: []string{cpuid, sys}},
	"blas":     {light: true, module: []string{"kernels", "internal"}, external: []string{gonum, netlib, cpuid, sys}, cgo: true},
	"flow":     {light: true, module: []string{"kernels", "blas", "internal"}, external: []string{gonum, netlib, cpuid, sys}},
	"cmd":      {module: []string{"flow", "kernels", "blas", "internal"}},
	"internal": {module: []string{"flow", "kernels", "blas"}},
	"examples": {module: []string{"flow"}},
	"bench":    {module: []string{"flow", "kernels", "blas", "asm", "internal"}, programs: true},
	"fuzz":     {module: []string{"flow", "kernels", "blas", "asm", "internal"}},
}

// rooms are the packages inside flow and the packages of the module that each may
// import, tests excepted. Only flow itself may import them all.
var rooms = map[string][]string{
	"flow/model":                {"kernels"},
	"flow/internal/errs":        {},
	"flow/internal/tile":        {"flow/internal/errs", "blas"},
	"flow/internal/layer":       {"flow/internal/errs", "flow/internal/tile", "flow/model", "kernels", "blas"},
	"flow/internal/gmm":         {"flow/internal/tile", "kernels"},
	"flow/internal/mixture":     {"flow/internal/tile", "kernels", "blas"},
	"flow/internal/fit":         {"flow/internal/tile", "flow/internal/mixture", "flow/internal/rotate", "kernels", "blas"},
	"flow/internal/rotate":      {"flow/internal/tile", "kernels", "blas"},
	"flow/internal/gflow":       {"flow/internal/errs", "flow/model"},
	"flow/internal/safetensors": {"flow/internal/errs", "flow/model"},
	"flow/measure":              {"flow", "kernels", "blas"},
	"flow/internal/flowtest":    {"flow/internal/layer", "flow/internal/tile", "kernels"},
}

// forTests are packages that only tests import.
var forTests = []string{"flow/internal/flowtest"}

// Check returns the violations of the rules in the module at the root of fsys,
// one line each; nil if there are none.
func Check(fsys fs.FS) ([]string, error) {
	var broken []string
	complain := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	imports := map[string][]string{} // of each directory, without its tests
	seen := map[string]bool{}
	var inC []string          // C sources outside blas/
	goes := map[string]bool{} // directories with Go files

	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != "." && (strings.HasPrefix(entry.Name(), ".") || strings.HasPrefix(entry.Name(), "_") ||
				entry.Name() == "testdata" || entry.Name() == "vendor" || name == "build") {
				return fs.SkipDir
			}
			return nil
		}
		dir, ext := path.Dir(name), path.Ext(name)
		top, _, _ := strings.Cut(dir, "/")
		r, known := rules[top]
		if ext == ".s" && !r.assembly {
			complain("%s: assembly outside asm/", name)
		}
		if (ext == ".c" || ext == ".cc" || ext == ".cpp") && !r.cgo {
			inC = append(inC, name)
		}
		if ext != ".go" {
			return nil
		}
		if !known {
			complain("%s: no rule for packages in %q", name, top)
			return nil
		}
		seen[top], goes[dir] = true, true
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if !strings.HasSuffix(name, "_test.go") {
				imports[dir] = append(imports[dir], to)
			}
			if to == "C" && !r.cgo {
				complain("%s: cgo outside blas/", name)
			}
			if target, inside := directory(to); inside {
				toTop, _, _ := strings.Cut(target, "/")
				if toTop != top && !slices.Contains(r.module, toTop) {
					complain("%s: %s must not import %s", name, top, target)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range inC {
		dir := path.Dir(name)
		top, _, _ := strings.Cut(dir, "/")
		if !rules[top].programs || goes[dir] {
			complain("%s: C source outside blas/", name)
		}
	}
	for top := range rules {
		if !seen[top] {
			complain("%s: there is a rule for this directory, but it has no Go file", top)
		}
	}
	for dir := range imports {
		top, _, _ := strings.Cut(dir, "/")
		if r := rules[top]; r.light && !strings.HasPrefix(dir, "flow/internal/") { // flow reaches its rooms
			for heavy, chain := range reach(imports, dir, r.external) {
				complain("%s: reaches %s, which a program that imports it should not have to build (%s)", dir, heavy, chain)
			}
		}
	}
	for dir := range goes {
		all := imports[dir]
		allowed, known := rooms[dir]
		inside := strings.HasPrefix(dir, "flow/")
		if inside && !known {
			complain("%s: no rule for this room of flow", dir)
		}
		for _, to := range all {
			target, module := directory(to)
			if module && inside && known && !slices.Contains(allowed, target) {
				complain("%s: must not import %s", dir, target)
			}
			if slices.Contains(forTests, target) {
				complain("%s: imports %s, which is for tests", dir, target)
			}
		}
	}
	slices.Sort(broken)
	return broken, nil
}

// reach returns the imports outside the standard library, the module and the
// allowed list that dir reaches through packages of the module, each with the
// chain of imports that leads to it.
func reach(imports map[string][]string, dir string, allowed []string) map[string]string {
	found, visited := map[string]string{}, map[string]bool{}
	var visit func(dir, chain string)
	visit = func(dir, chain string) {
		visited[dir] = true
		for _, to := range imports[dir] {
			next := chain + " → " + strings.TrimPrefix(to, Module+"/")
			if target, inside := directory(to); inside {
				if !visited[target] {
					visit(target, next)
				}
				continue
			}
			first, _, _ := strings.Cut(to, "/")
			within := func(root string) bool { return to == root || strings.HasPrefix(to, root+"/") }
			if strings.Contains(first, ".") && !slices.ContainsFunc(allowed, within) {
				found[to] = next
			}
		}
	}
	visit(dir, dir)
	return found
}

// directory returns the directory of a package of this module.
func directory(importPath string) (dir string, inside bool) {
	if importPath == Module {
		return ".", true
	}
	return strings.CutPrefix(importPath, Module+"/")
}
