// Command cover prints how many statements of the library's packages their own tests reach, and fails below a limit.
// Package blas counts with both of its backends, where OpenBLAS can be linked.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/gaussflow/gaussflow/internal/cover/profile"
)

const module = "github.com/gaussflow/gaussflow/"

// runs lists the packages, and the tags that each is tested with.
var runs = []struct {
	name string
	tags []string
}{
	{"kernels", []string{"", "purego"}},
	{"flow", []string{""}},
	{"blas", []string{"", "gonum", "openblas"}},
}

func main() {
	least := flag.Float64("least", 90, "fail below this `PERCENT`")
	flag.Parse()
	if err := cover(*least); err != nil {
		fmt.Fprintln(os.Stderr, "cover:", err)
		os.Exit(1)
	}
}

func cover(least float64) error {
	tmp, err := os.MkdirTemp("", "cover")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	openblas := exec.Command("pkg-config", "--exists", "openblas").Run() == nil
	low := ""
	for _, r := range runs {
		p := profile.Profile{}
		note := ""
		for i, tag := range r.tags {
			if tag == "openblas" && !openblas {
				note = " (without OpenBLAS, which is not installed)"
				continue
			}
			file := filepath.Join(tmp, fmt.Sprint(r.name, i))
			c := exec.Command("go", "test", "-count=1", "-tags", tag, "-coverpkg", "./"+r.name+"/...", "-coverprofile", file, "./"+r.name+"/...")
			if output, err := c.CombinedOutput(); err != nil {
				return fmt.Errorf("%v: %w\n%s", c.Args, err, output)
			}
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			err = p.Read(f)
			f.Close()
			if err != nil {
				return err
			}
		}
		percent := p.Percent(module + r.name)
		fmt.Printf("%-8s %5.1f%% of statements%s\n", r.name, percent, note)
		if percent < least {
			low += " " + r.name
		}
	}
	if low != "" {
		return fmt.Errorf("below %g%%:%s", least, low)
	}
	return nil
}
