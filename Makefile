# make run        the main job: diagonal flow against coupling flow, before and after training
# make test       everything that must hold before a change lands
# make lint       the static checks alone
# make bench      the benchmarks, on every BLAS backend that this machine has
# make fuzz       every fuzz target, FUZZTIME each
# make fuzz-long  the same by processor time (10m each unless told), PARALLEL at a time, with a summary
# make mutation   breaks the code on purpose, in a copy, and demands that the tests notice
# make cover      statements that the tests of kernels, flow and blas reach; fails below 90%
# make setup      install what the tests need (Debian, as root)

OUT      = build/equivalence
FUZZTIME = 10s
PARALLEL = 2
BENCH    = .
BENCHTIME = 200ms

# OpenBLAS where it can be linked, else gonum's pure Go.
BLAS := $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null && pkg-config --exists openblas 2>/dev/null && echo openblas || echo gonum)
TAGS  = $(if $(filter openblas,$(BLAS)),-tags openblas)

.PHONY: run test lint bench fuzz fuzz-long mutation cover setup clean

run:
	@echo "BLAS: $(BLAS)$(if $(filter gonum,$(BLAS)), (pure Go; OpenBLAS is faster and needs a C compiler and libopenblas-dev))"
	go run $(TAGS) ./cmd/gaussflow equivalence -out $(OUT)

test: setup
	scripts/test

lint:
	scripts/test lint

bench:
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) ./bench
ifeq ($(BLAS),openblas)
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -tags openblas ./bench
else
	@echo "OpenBLAS was not measured: it needs a C compiler and libopenblas-dev"
endif

fuzz:
	FUZZTIME=$(FUZZTIME) scripts/fuzz

# The program itself, so that an interrupt reaches it.
fuzz-long: FUZZTIME = 10m
fuzz-long:
	go build -o build/longfuzz ./internal/longfuzz
	exec build/longfuzz -time $(FUZZTIME) -parallel $(PARALLEL)

mutation:
	go run ./internal/mutation

cover: setup
	go run ./internal/cover

setup:
	scripts/setup

clean:
	rm -rf build
