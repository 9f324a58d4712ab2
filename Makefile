# make run            the main job: diagonal flow against coupling flow, before and after training
# make test           everything that must pass before a change lands: 30 minutes; CONTRIBUTING.md has the time of each target
# make measure        the tests that measure allocations, memory and the clock; needs an idle machine
# make lint           the static checks alone
# make bench          the speed of every kernel on every tier, and measured beside promised figures
# make products       the speed of matrix products alone, against OpenBLAS and gonum
# make compare        side by side with other libraries; make compare-setup installs them
# make components     the kernels' errors and times by the number of components of a mixture
# make growth         time and memory against rows, columns, components, blocks and threads
# make tables         rows per second of reading and scoring files, the share that reading takes, the largest heap; ROWS=10000000 for more
# make density        densities of unseen rows, side by side with other libraries; REPORTFLAGS='-splits 2 -tables iris' for less
# make conditional    densities of y given x, beside the truth and zuko's neural spline flow; REPORTFLAGS='-splits 6' for three seeds in place of five
# make training       what training gains on unseen rows, and its effect on samples and tails; TRAININGFLAGS='-start rbig -seeds 1' for less
# make against        the benchmarks of this tree and of another commit, BASE=COMMIT, in turns
# make measures       estimates of information measures against their true values and nearest-neighbour estimators; MEASURESFLAGS='-n 500 -seeds 3' for less
# make gobench        the Go benchmarks, on every BLAS backend that this machine has, for benchstat
# make fuzz           every fuzz target, FUZZTIME each, searching for new inputs: before a change is done
# make fuzz-long      the same by processor time (10m each unless told), PARALLEL at a time, with a summary
# make bits           the digests of a fit and a training on every tier, and on every architecture under qemu-user
# make soak           SOAK random lane evaluations of every kernel on every tier against the reference (1e9: an hour)
# make faults         interrupts and kills the command SIGNALS times, fills its disk, starves it of memory: minutes
# make mutation       breaks a copy of the code in many places, and fails if the tests do not notice
# make cover          statements that the tests of kernels, flow and blas reach; fails below 90%
# make derive         derives the coefficients of the kernels again, and fails if they are not the committed ones
# make setup          install what the tests need (Debian, as root)

OUT      = build/equivalence
FUZZTIME = 10s
PARALLEL = 2
SOAK     = 1e9
SEED     = 1
SIGNALS  = 100
ROWS     = 1000000
BENCH    = .
BENCHTIME = 100ms
RESULTS  = bench/results

# The builds to compare: OpenBLAS where it can be linked.
OPENBLAS := $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null && pkg-config --exists openblas 2>/dev/null && echo openblas)

.PHONY: against bits derive training run test measure lint bench products compare components compare-setup growth density conditional measures tables gobench fuzz fuzz-long soak faults mutation cover setup clean

run:
	go run ./cmd/gaussflow equivalence -out $(OUT)

test: setup
	scripts/test

measure:
	go test -count=1 -run "$$(scripts/measuring)" ./...

lint:
	scripts/test lint

bench products compare components growth density conditional:
	go run ./bench/report -results $(RESULTS) $(REPORTFLAGS) $@

tables:
	go test -run '^$$' -bench Read ./internal/table
	go test -run '^$$' -bench ScoreFile -benchtime 1x -timeout 0 ./cmd/gaussflow -rows $(ROWS)

compare-setup:
	scripts/compare-setup

gobench:
	@mkdir -p build
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) ./bench | tee build/bench-simd.txt
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -tags gonum ./bench | tee build/bench-gonum.txt
ifeq ($(OPENBLAS),openblas)
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -tags openblas ./bench | tee build/bench-openblas.txt
else
	@echo "OpenBLAS was not measured: it needs a C compiler and libopenblas-dev"
endif

against:
	scripts/against $(BASE) '$(BENCH)'

measures:
	go run ./bench/measure $(MEASURESFLAGS)

training:
	go run ./bench/training $(TRAININGFLAGS)

fuzz:
	FUZZTIME=$(FUZZTIME) scripts/fuzz

bits: setup
	scripts/bits

soak:
	go test ./fuzz -run Soak -soak $(SOAK) -soakseed $(SEED) -timeout 0 -v

# The program itself, so that an interrupt reaches it.
fuzz-long: FUZZTIME = 10m
fuzz-long:
	go build -o build/longfuzz ./fuzz/longfuzz
	exec build/longfuzz -time $(FUZZTIME) -parallel $(PARALLEL)

# What breaks inside the process are tests; the program breaks the world around it.
faults:
	go test -run 'Fails' ./flow ./cmd/gaussflow
	go run ./internal/faults -signals $(SIGNALS) -seed $(SEED)

mutation: setup
	go run ./internal/mutation

cover: setup
	go run ./internal/cover

derive:
	@[ -x build/derive/bin/python ] || python3 -m venv build/derive
	build/derive/bin/python -m pip install -q mpmath==1.3.0
	build/derive/bin/python asm/derive/derive.py -check

setup:
	scripts/setup

clean:
	rm -rf build
