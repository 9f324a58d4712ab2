package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/kernels"
)

// A spec says how to start a peer, and what to do where that is not possible.
type spec struct {
	name    string
	install string // a command
	start   func(r *report) (*harness.Peer, error)
}

const (
	setup      = "make compare-setup"
	debianSet  = "apt-get install libsleef-dev gcc libc6-dev, or " + setup
	oneThread  = "OMP_NUM_THREADS=1"
	patient    = "OMP_WAIT_POLICY=passive" // threads that spin come to a standstill where another process wants a core
	peerSource = "bench/peers"
	debian     = "/usr/bin/python3" // has what Debian packages
	// torchPython names an environment variable: the interpreter of a newer PyTorch than Debian's.
	torchPython = "GAUSSFLOW_TORCH_PYTHON"
)

// instructionSets are the vector instruction sets of the tiers: gcc's flags, by the tier's name.
var instructionSets = map[string]map[string][]string{
	"amd64": {
		"avx2":   {"-mavx2", "-mfma"},
		"avx512": {"-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mfma"},
	},
	"arm64": {"neon": {}},
}

// sleef is SLEEF on the instruction set of a tier.
func sleef(tier string) spec { return vecmath("SLEEF", tier, debianSet, nil, "-lsleef") }

// libmvec is the vector maths of glibc, which every Linux with glibc has: erfc since 2.35 on x86-64.
func libmvec(tier string) spec {
	return vecmath("libmvec", tier, "apt-get install gcc libc6-dev, with glibc 2.35 or later", []string{"-DLIBMVEC"}, "-lmvec")
}

// vecmath is a library of vector functions on the instruction set of a tier.
func vecmath(name, tier, install string, more []string, library string) spec {
	return spec{name + " " + tier, install, func(r *report) (*harness.Peer, error) {
		flags, known := instructionSets[runtime.GOARCH][tier]
		if !known {
			return nil, &harness.Absent{Name: name, Why: "no code for " + tier + " on " + runtime.GOARCH}
		}
		flags = slices.Concat(flags, more, []string{"-DISA_" + strings.ToUpper(tier)})
		program, err := r.compile("vecmath", strings.ToLower(name)+"-"+tier, flags, library, "-lm")
		if err != nil {
			return nil, err
		}
		return r.program(name+" "+tier, nil, program)
	}}
}

// mkl is MKL's vector maths in one of its accuracies.
func mkl(accuracy string) spec {
	name := "MKL " + accuracy
	return spec{name, setup, func(r *report) (*harness.Peer, error) {
		python, err := filepath.Abs(r.python)
		if err != nil {
			return nil, err
		}
		lib := filepath.Join(filepath.Dir(filepath.Dir(python)), "lib")
		found, err := filepath.Glob(filepath.Join(lib, "libmkl_rt.so*"))
		if err != nil || len(found) == 0 {
			return nil, &harness.Absent{Name: name, Why: "no libmkl_rt in " + filepath.Dir(r.python) + "/../lib"}
		}
		program, err := r.compile("mkl", "mkl", []string{"-march=native"}, "-ldl", "-lm")
		if err != nil {
			return nil, err
		}
		return r.program(name, []string{"MKL_NUM_THREADS=1", "LD_LIBRARY_PATH=" + lib}, program, found[0], accuracy)
	}}
}

// compile compiles a peer in C, and says that it is absent if that fails: the compiler or the library is.
func (r *report) compile(source, output string, flags []string, libraries ...string) (string, error) {
	program := filepath.Join(r.build, output)
	args := append([]string{"-O3", "-I", r.data}, flags...)
	args = append(args, "-o", program, filepath.Join(peerSource, source+".c"))
	if out, err := exec.Command("gcc", append(args, libraries...)...).CombinedOutput(); err != nil {
		return "", &harness.Absent{Name: source, Why: fmt.Sprintf("gcc: %v: %s", err, firstLine(string(out)))}
	}
	return program, nil
}

// python is a peer in Python: by an interpreter of its own where local is empty, else that one.
func python(name, interpreter, script, install string, env []string, args ...string) spec {
	return spec{name, install, func(r *report) (*harness.Peer, error) {
		if interpreter == "" {
			interpreter = r.python
		}
		source, err := filepath.Abs(filepath.Join(peerSource, script))
		if err != nil {
			return nil, err
		}
		argv := append([]string{interpreter, source}, args...)
		return r.program(name, append(env, "PYTHONDONTWRITEBYTECODE=1"), argv...)
	}}
}

var (
	scipy     = python("SciPy", "", "scipy_peer.py", setup, []string{oneThread, "OPENBLAS_NUM_THREADS=1"})
	jax       = python("JAX", "", "jax_peer.py", setup, []string{oneThread}, "kernels")
	jaxTrain  = python("JAX, training", "", "jax_peer.py", setup, nil, "train")
	torch     = python("PyTorch", cmp.Or(os.Getenv(torchPython), debian), "torch_peer.py", "apt-get install python3-torch, or "+setup+", or set "+torchPython, []string{patient})
	sklearn   = python("scikit-learn", debian, "sklearn_peer.py", "apt-get install python3-sklearn, or "+setup, []string{oneThread, "OPENBLAS_NUM_THREADS=1"})
	zuko      = zukoPeer("zuko", "zuko_peer.py", "kernels", oneThread)
	zukoTrain = zukoPeer("zuko, training", "zuko_peer.py", "train", oneThread)
	rbig      = python("rbig", "", "rbig_peer.py", setup, nil)
)

// zukoPeer is zuko on Debian's PyTorch, in an environment of its own beside that of the others.
func zukoPeer(name, source, what, threads string) spec {
	return spec{name, "apt-get install python3-torch python3-venv, and " + setup, func(r *report) (*harness.Peer, error) {
		interpreter, err := filepath.Abs(filepath.Join("build", "zuko", "bin", "python"))
		if err != nil {
			return nil, err
		}
		return python(name, interpreter, source, "", []string{threads}, what).start(r)
	}}
}

// gaussflow is this library as a program of its own, built for a BLAS backend.
func gaussflow(backend string, n int) spec {
	name := fmt.Sprintf("gaussflow, %s, %d threads", backend, n)
	if n == 1 {
		name = strings.TrimSuffix(name, "s")
	}
	return worker(name, backend, threads(n))
}

// tierOf is gaussflow with products of its own on a tier, one thread.
func tierOf(t kernels.Tier) spec {
	return worker(fmt.Sprintf("gaussflow, simd on %v, 1 thread", t), "simd", threads(1), kernels.EnvTier+"="+t.String())
}

// openblasOn is gaussflow with OpenBLAS on one of its cores, or the one that it chooses, one thread.
func openblasOn(core string) spec {
	if core == "" {
		return gaussflow("openblas", 1)
	}
	return worker(fmt.Sprintf("gaussflow, openblas on %s, 1 thread", core), "openblas", threads(1), "OPENBLAS_CORETYPE="+core)
}

func worker(name, backend string, env ...string) spec {
	return spec{name, "apt-get install libopenblas-dev pkg-config gcc libc6-dev", func(r *report) (*harness.Peer, error) {
		program, err := r.goBuild("worker-"+backend, backend, "./bench/peers/gaussflow")
		if err != nil {
			return nil, err
		}
		return r.program(name, env, program)
	}}
}

// goBuild builds a program of the module for a BLAS backend.
func (r *report) goBuild(output, backend, pkg string) (string, error) {
	program := filepath.Join(r.build, output)
	args := []string{"build", "-o", program}
	if backend != "simd" { // the default
		args = append(args, "-tags", backend)
	}
	if out, err := exec.Command("go", append(args, pkg)...).CombinedOutput(); err != nil {
		return "", &harness.Absent{Name: output, Why: fmt.Sprintf("go build: %v: %s", err, firstLine(string(out)))}
	}
	return program, nil
}

func (r *report) program(name string, env []string, argv ...string) (*harness.Peer, error) {
	return harness.Start(name, r.build, env, append(argv, r.data)...)
}
