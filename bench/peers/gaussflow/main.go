// Worker is gaussflow as one of the programs that the benchmarks drive (bench/harness/peer.go has the protocol): built
// for one BLAS backend, with the threads that GOMAXPROCS gives it. The last argument is the directory of the inputs.
//
// A case is a word and parameters, such as score/n=100000/d=8/K=8/blocks=6.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/blas"
	"github.com/gaussflow/gaussflow/kernels"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("worker: usage: worker INPUTS")
	}
	inputs, err := filepath.Abs(os.Args[len(os.Args)-1])
	if err != nil {
		log.Fatal("worker: ", err)
	}
	tier, err := kernels.Active()
	if err != nil {
		log.Fatal("worker: ", err)
	}
	library := blas.Backend()
	if core := blas.Core(); core != "" {
		library += " for " + core
	}
	version := fmt.Sprintf("gaussflow, %s, %s, %d threads, %s", library, tier, runtime.GOMAXPROCS(0), runtime.Version())
	names := []string{"train", "train-bounded", "model", "log-prob", "gemm", "score", "fit", "em-fit", "step", "fit-growth", "default-fit", "score-fit", "mixture-log-prob", "product-NN", "product-NT", "product-TN", "pca", "peak"}
	if err := harness.Serve(os.Stdin, os.Stdout, version, names, func(name string) (*harness.Work, error) { return open(name, inputs) }); err != nil {
		log.Fatal("worker: ", err)
	}
}

// A request is a parsed case.
type request struct {
	what            string
	n, d, k, blocks int
	out, in         int
}

// parse takes a case apart; defaults holds what it does not say.
func parse(name string, defaults request) (request, error) {
	words := strings.Split(name, "/")
	r := defaults
	r.what = words[0]
	fields := map[string]*int{"n": &r.n, "d": &r.d, "K": &r.k, "blocks": &r.blocks, "out": &r.out, "in": &r.in}
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		v, err := strconv.Atoi(value)
		if fields[key] == nil || err != nil || v < 1 {
			return r, fmt.Errorf("case %q: %q is none of n, d, K, blocks, out, in = a positive number", name, w)
		}
		*fields[key] = v
	}
	return r, nil
}
