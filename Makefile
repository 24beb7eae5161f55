# The targets only name what the build program does; see `sh build/bootstrap.sh help`.
BUILD := sh build/bootstrap.sh
FUZZTIME ?= 60s

.PHONY: help build arm64 run test bench bench-models fuzz models licences clean
.NOTPARALLEL:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

build: ## build bin/atoll for this machine, with all that it needs
	@$(BUILD) atoll --out bin/atoll

arm64: ## build bin/atoll-linux-arm64, to copy onto a board
	@$(BUILD) atoll --arch arm64 --out bin/atoll-linux-arm64

run: ## build, then run the demo on pictures, speech and sentences
	@$(BUILD) demo

test: build arm64 ## build both binaries, then run all checks and tests
	@$(BUILD) deps --arch arm64
	@$(BUILD) check
	@$(BUILD) exec -- go test -race ./...

bench: build arm64 ## print the measurements
	@$(BUILD) exec -- go run ./build/bench
	@$(BUILD) exec -- go test -run '^$$' -bench . -benchmem ./...

bench-models: build ## print how models become smaller and faster
	@$(BUILD) exec -- go run ./build/benchmodels

fuzz: ## run every fuzz target for FUZZTIME each (default 60s)
	@$(BUILD) fuzz --time $(FUZZTIME)

models: ## fetch and convert the models into models/
	@$(BUILD) models

licences: ## write THIRD_PARTY and the list of components anew
	@$(BUILD) licences

clean: ## remove bin/ and the models; the cache outside the checkout stays
	rm -rf bin models/*.tflite models/*.txt models/LICENSES
