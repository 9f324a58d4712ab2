# make run     the main job: diagonal flow against coupling flow, before and after training
# make test    everything that must hold before a change lands
# make lint    the static checks alone
# make bench   the kernels' speed, and the promised figures next to what they should be
# make compare side by side with what people use today; make compare-setup installs that
# make growth  time and memory against rows, columns, components, blocks and threads
# make gobench the Go benchmarks, on every BLAS backend that this machine has, for benchstat
# make fuzz    every fuzz target, FUZZTIME each
# make setup   install what the tests need (Debian, as root)

OUT      = build/equivalence
FUZZTIME = 10s
BENCH    = .
BENCHTIME = 100ms
RESULTS  = bench/results

# OpenBLAS where it can be linked, else gonum's pure Go.
BLAS := $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null && pkg-config --exists openblas 2>/dev/null && echo openblas || echo gonum)
TAGS  = $(if $(filter openblas,$(BLAS)),-tags openblas)

.PHONY: run test lint bench compare compare-setup growth gobench fuzz setup clean

run:
	@echo "BLAS: $(BLAS)$(if $(filter gonum,$(BLAS)), (pure Go; OpenBLAS is faster and needs a C compiler and libopenblas-dev))"
	go run $(TAGS) ./cmd/gaussflow equivalence -out $(OUT)

test: setup
	scripts/test

lint:
	scripts/test lint

bench compare growth:
	go run ./bench/report -results $(RESULTS) $(REPORTFLAGS) $@

compare-setup:
	scripts/compare-setup

gobench:
	@mkdir -p build
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) ./bench | tee build/bench-gonum.txt
ifeq ($(BLAS),openblas)
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -tags openblas ./bench | tee build/bench-openblas.txt
else
	@echo "OpenBLAS was not measured: it needs a C compiler and libopenblas-dev"
endif

fuzz:
	FUZZTIME=$(FUZZTIME) scripts/fuzz

setup:
	scripts/setup

clean:
	rm -rf build
