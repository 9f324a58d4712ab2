package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gaussflow/gaussflow/bench/harness"
	"github.com/gaussflow/gaussflow/kernels"
)

// A spec says how to start a peer, and what to do where that is not possible.
type spec struct {
	name    string
	install string // a command
	start   func(r *report) (*harness.Peer, error)
	limit   time.Duration // of one answer, if not the harness's
	ours    bool
}

const (
	setup      = "make compare-setup"
	debianSet  = "apt-get install %s, or " + setup
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

// A vectorLibrary has functions for the vectors of an instruction set: bench/peers/vecmath.c, with its flags.
type vectorLibrary struct {
	name, install string
	flags         []string
	library       string
	find          func(r *report) (flags []string, library string, err error) // instead of those, where they are to be found
}

var (
	sleef = vectorLibrary{name: "SLEEF", install: fmt.Sprintf(debianSet, "libsleef-dev gcc libc6-dev"), library: "-lsleef"}
	// libmvec is glibc's, which every Linux with glibc has: erfc since 2.35 on x86-64.
	libmvec = vectorLibrary{name: "libmvec", install: fmt.Sprintf(debianSet, "gcc libc6-dev"), flags: []string{"-DLIBMVEC"}, library: "-lmvec"}
	xsimd   = vectorLibrary{name: "xsimd", install: fmt.Sprintf(debianSet, "libxsimd-dev g++"), flags: []string{"-DXSIMD", "-std=c++17", "-x", "c++"}, library: "-lstdc++"}
	aocl    = vectorLibrary{name: "AOCL-LibM", install: setup, find: findAOCL}
)

// vectorLibraries are those that have a contender for each instruction set.
var vectorLibraries = []vectorLibrary{sleef, libmvec, xsimd, aocl}

// findAOCL finds AMD's AOCL-LibM in the Python package aoclda, which brings it along.
func findAOCL(r *report) (flags []string, library string, err error) {
	packages := filepath.Join(r.pythonLib(), "python*", "site-packages")
	libraries, err := filepath.Glob(filepath.Join(packages, "aoclda.libs", "libamdlibm*.so*"))
	if err != nil {
		return nil, "", err
	}
	info, err := filepath.Glob(filepath.Join(packages, "aoclda-*.dist-info"))
	if err != nil {
		return nil, "", err
	}
	if len(libraries) == 0 || len(info) == 0 {
		return nil, "", &harness.Absent{Name: "AOCL-LibM", Why: "no libamdlibm in " + packages}
	}
	version := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(info[0]), "aoclda-"), ".dist-info")
	return []string{fmt.Sprintf("-DAOCL=%q", version), "-Wl,-rpath," + filepath.Dir(libraries[0])}, libraries[0], nil
}

// on is the library on the instruction set of a tier.
func (v vectorLibrary) on(tier string) spec {
	name := v.name + " " + tier
	return spec{name: name, install: v.install, start: func(r *report) (*harness.Peer, error) {
		flags, known := instructionSets[runtime.GOARCH][tier]
		if !known {
			return nil, &harness.Absent{Name: name, Why: "no code for " + tier + " on " + runtime.GOARCH}
		}
		more, library := v.flags, v.library
		if v.find != nil {
			var err error
			if more, library, err = v.find(r); err != nil {
				return nil, err
			}
		}
		flags = slices.Concat(flags, more, []string{"-DISA_" + strings.ToUpper(tier)})
		program, err := r.compile("vecmath.c", strings.ToLower(v.name)+"-"+tier, flags, library, "-lm")
		if err != nil {
			return nil, err
		}
		return r.program(name, nil, program)
	}}
}

// boost is Boost.Math's normal distribution.
var boost = spec{name: "Boost.Math", install: fmt.Sprintf(debianSet, "libboost-dev g++"), start: func(r *report) (*harness.Peer, error) {
	program, err := r.compile("boost.cc", "boost", []string{"-march=native", "-std=c++17"}, "-lstdc++", "-lm")
	if err != nil {
		return nil, err
	}
	return r.program("Boost.Math", nil, program)
}}

// mkl is MKL's vector maths in one of its accuracies.
func mkl(accuracy string) spec {
	name := "MKL " + accuracy
	return spec{name: name, install: setup, start: func(r *report) (*harness.Peer, error) {
		lib := r.pythonLib()
		found, err := filepath.Glob(filepath.Join(lib, "libmkl_rt.so*"))
		if err != nil || len(found) == 0 {
			return nil, &harness.Absent{Name: name, Why: "no libmkl_rt in " + lib}
		}
		program, err := r.compile("mkl.c", "mkl", []string{"-march=native"}, "-ldl", "-lm")
		if err != nil {
			return nil, err
		}
		return r.program(name, []string{"MKL_NUM_THREADS=1", "LD_LIBRARY_PATH=" + lib}, program, found[0], accuracy)
	}}
}

// pythonLib is the folder of libraries of the local Python environment.
func (r *report) pythonLib() string {
	return filepath.Join(filepath.Dir(filepath.Dir(r.python)), "lib")
}

// compile compiles a peer in C or C++, and says that it is absent if that fails: the compiler or the library is.
func (r *report) compile(source, output string, flags []string, libraries ...string) (string, error) {
	program := filepath.Join(r.build, output)
	args := append([]string{"-O3", "-I", r.data}, flags...)
	args = append(args, "-o", program, filepath.Join(peerSource, source))
	if out, err := exec.Command("gcc", append(args, libraries...)...).CombinedOutput(); err != nil {
		return "", &harness.Absent{Name: source, Why: fmt.Sprintf("gcc: %v: %s", err, firstLine(string(out)))}
	}
	return program, nil
}

// python is a peer in Python: by an interpreter of its own where local is empty, else that one.
func python(name, interpreter, script, install string, env []string, args ...string) spec {
	return spec{name: name, install: install, start: func(r *report) (*harness.Peer, error) {
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
	jax       = jaxPeer("JAX", "kernels", "float64", 1)
	sklearn   = python("scikit-learn", debian, "sklearn_peer.py", "apt-get install python3-sklearn, or "+setup, []string{oneThread, "OPENBLAS_NUM_THREADS=1"})
	zuko      = zukoPeer("zuko", "zuko_peer.py", "kernels", oneThread)
	zukoTrain = zukoPeer("zuko, training", "zuko_peer.py", "train", oneThread)
	rbig      = limited(5*time.Minute, python("rbig", "", "rbig_peer.py", setup, nil))
)

// trained is the limit of what trains a neural flow: it takes minutes, on a busy machine many.
const trained = time.Hour

// limited gives a peer a limit of its own: a fit with rbig takes 75 seconds of a processor that does nothing else.
func limited(limit time.Duration, s spec) spec {
	s.limit = limit
	return s
}

// jaxPeer is JAX's kernels or flows in float64 or float32, on one thread or on all.
func jaxPeer(name, what, precision string, threads int) spec {
	env := []string{}
	if threads == 1 {
		env = append(env, oneThread)
	}
	return python(name, "", "jax_peer.py", setup, env, what, precision, strconv.Itoa(threads))
}

// jaxFlow and torchFlow are the training step and log p of the coupling flow.
func jaxFlow(precision string, n int) spec {
	return jaxPeer("JAX, "+precision+", "+onThreads(n), "flow", precision, n)
}

func torchFlow(precision string, n int) spec {
	return python("PyTorch, "+precision+", "+onThreads(n), cmp.Or(os.Getenv(torchPython), debian), "torch_peer.py",
		"apt-get install python3-torch, or "+setup+", or let "+torchPython+" name the Python of a newer one", []string{patient}, precision, strconv.Itoa(n))
}

func onThreads(n int) string {
	if n == 1 {
		return "1 thread"
	}
	return fmt.Sprintf("%d threads", n)
}

// zukoPeer is zuko on Debian's PyTorch, in an environment of its own beside that of the others.
func zukoPeer(name, source, what, threads string) spec {
	return spec{name: name, install: "apt-get install python3-torch python3-venv, and " + setup, start: func(r *report) (*harness.Peer, error) {
		interpreter, err := filepath.Abs(filepath.Join("build", "zuko", "bin", "python"))
		if err != nil {
			return nil, err
		}
		return python(name, interpreter, source, "", []string{threads}, what).start(r)
	}}
}

// gaussflow is this library as a program of its own, built for a BLAS backend.
func gaussflow(backend string, n int) spec {
	return worker("gaussflow, "+backend+", "+onThreads(n), backend, threads(n))
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
	return spec{name: name, ours: true, install: "apt-get install libopenblas-dev pkg-config gcc libc6-dev", start: func(r *report) (*harness.Peer, error) {
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
