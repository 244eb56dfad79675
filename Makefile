# Every target can be run again at no cost; see `make help`.
PRESET ?= release
CUDA   ?= AUTO
FILTER ?= .
JOBS   ?= $(shell n=$$(nproc); [ $$n -gt 16 ] && n=16; echo $$n)
BUILD   = build/$(PRESET)

SECONDS ?= 600
FUZZERS ?= images profile records report results safetensors timeline torch

.PHONY: help deps configure build test test-without-cuda fuzz fuzz-coverage reproduce bench clean

help:
	@echo "make build      install what is missing and build build/dydit"
	@echo "make test       build, then run the test suite"
	@echo "make test-without-cuda  the same in build/without-cuda, with every CUDA toolkit hidden (root)"
	@echo "make fuzz       build the fuzzers with clang, then run FUZZERS for SECONDS each on JOBS workers"
	@echo "make fuzz-coverage  lines of the readers that the inputs kept by make fuzz reach"
	@echo "make reproduce  build, then run profiles/quick.toml and write its report"
	@echo "make bench      build and run the benchmarks whose names FILTER, a regular expression, finds"
	@echo "make clean      remove the builds, keep build/deps"
	@echo "options: PRESET=release|debug|asan  CUDA=AUTO|ON|OFF  JOBS=n  Torch_DIR=<LibTorch's cmake folder>"

deps:
	@PRESET=$(PRESET) CUDA=$(CUDA) Torch_DIR=$(Torch_DIR) scripts/bootstrap.sh

configure: deps
	@cmake --preset $(PRESET) -DDYDIT_CUDA=$(CUDA) $(if $(Torch_DIR),-DTorch_DIR=$(Torch_DIR)) > $(BUILD).configure.log 2>&1 \
	  || { cat $(BUILD).configure.log; exit 1; }

build: configure
	@cmake --build $(BUILD) -j $(JOBS) --target dydit
	@ln -sfn $(PRESET)/dydit build/dydit

test: configure
	@cmake --build $(BUILD) -j $(JOBS)
	@ctest --test-dir $(BUILD) --output-on-failure -j 2

test-without-cuda:
	@JOBS=$(JOBS) scripts/test-without-cuda.sh

fuzz fuzz-coverage: PRESET := fuzz
fuzz: configure
	@cmake --build $(BUILD) -j $(JOBS)
	@scripts/fuzz.sh $(SECONDS) $(JOBS) $(FUZZERS)

fuzz-coverage: deps
	@scripts/fuzz-coverage.sh $(JOBS)

reproduce: build
	@build/dydit reproduce profiles/quick.toml

bench: configure
	@cmake --build $(BUILD) -j $(JOBS) --target dydit_bench
	@$(BUILD)/bench/dydit_bench --benchmark_filter='$(FILTER)'

clean:
	@find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} + 2>/dev/null || true
