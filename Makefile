# make run     the main job: diagonal flow against coupling flow, before and after training
# make test    everything that must hold before a change lands
# make lint    the static checks alone
# make bench   the benchmarks, on every BLAS backend that this machine has
# make fuzz    every fuzz target, FUZZTIME each
# make setup   install what the tests need (Debian, as root)

OUT      = build/equivalence
FUZZTIME = 10s
BENCH    = .
BENCHTIME = 200ms

# OpenBLAS where it can be linked, else gonum's pure Go.
BLAS := $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null && pkg-config --exists openblas 2>/dev/null && echo openblas || echo gonum)
TAGS  = $(if $(filter openblas,$(BLAS)),-tags openblas)

.PHONY: run test lint bench fuzz setup clean

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

setup:
	scripts/setup

clean:
	rm -rf build
