# Florin. `make` alone prints what there is to make.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --no-builtin-rules

# The Swift toolchain: the one on PATH, else the place where it is usually unpacked.
export PATH := $(PATH):/opt/swift/usr/bin

export PORT ?= 8080
export FLORIN_DATA ?= .florin

release := .build/release/florin
# Folders count too: a file that was removed changes the time of its folder.
sources := Package.swift $(shell find Sources)
formatted := Package.swift Sources Tests wasm
# What the page needs besides its own text: the offline protocol, and a library that draws QR codes.
page := web/built/offline.wasm web/built/qrcode.js

.PHONY: help run test strict-demo mutate simulate-offline fuzz bench lint format docs clean

help: ## Print this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build what is new and start Florin with demo people. PORT (8080) and FLORIN_DATA (.florin).
	@scripts/bootstrap run
	@$(MAKE) --silent --jobs=2 $(release) $(page)
	@export FLORIN_SANDBOX=$${FLORIN_SANDBOX:-1} FLORIN_SIMPLE_API=$${FLORIN_SIMPLE_API:-open} \
		FLORIN_SIMPLE_BALANCE=$${FLORIN_SIMPLE_BALANCE:-1000}; exec $(release) serve --demo

$(release): $(sources)
	@echo "Building Florin in release mode; the first time takes a minute or more, later only what changed."
	@swift build --configuration release --product florin
	@touch $@

web/built/offline.wasm: scripts/build-wasm $(shell find Sources/OfflineProtocol wasm)
	@scripts/build-wasm $@

web/built/qrcode.js: /usr/share/nodejs/qrcode-generator/qrcode.js
	@mkdir -p $(@D)
	@(cat $<; echo 'export default qrcode;') > $@

test: ## Run every test: Swift's, then the checks of the running server and its page.
	@scripts/bootstrap test
	@$(MAKE) --silent $(page)
	@scripts/test

strict-demo: ## Show that leaving ends a strict session, on a server of its own.
	@scripts/bootstrap run
	@$(MAKE) --silent $(release)
	@scripts/strict-demo

mutate: ## Plant faults in the rules, one at a time, and see that tests notice each; SUITE (ledger) or offline.
	@Tests/mutation/mutate.py $(or $(SUITE),ledger)

simulate-offline: ## Live through a million offline payments; PAYMENTS (1000000), or one village again by its SEED.
	@scripts/bootstrap test
	@swift build --build-tests
	@FLORIN_OFFLINE_PAYMENTS=$(or $(PAYMENTS),1000000) $(if $(SEED),FLORIN_OFFLINE_SEED=$(SEED)) \
		swift test --skip-build --disable-xctest --filter OfflineTests.SimulationTests

bench: ## Measure speed beside the machine's own; ROWS (all), LONG=1, JSON (.build/bench.json).
	@scripts/bootstrap bench
	@$(MAKE) $(release) $(page)
	@Benchmarks/run --json $(or $(JSON),.build/bench.json) \
		$(if $(ROWS),--rows $(ROWS)) $(if $(LONG),--long)

fuzz: ## Fuzz every decoder of strangers' bytes; TARGET (all), SECONDS for each (60).
	@scripts/bootstrap run
	@scripts/fuzz $(or $(TARGET),all) $(or $(SECONDS),60)

lint: ## Check the style of Swift sources and scripts.
	@scripts/lint

format: ## Bring Swift sources into the one style.
	@swift format --in-place --recursive --parallel $(formatted)

docs: ## Write docs/api/openapi.json and docs/api/routes.txt from the routes.
	@scripts/bootstrap run
	@$(MAKE) $(release)
	@mkdir -p docs/api
	@$(release) routes > docs/api/routes.txt
	@$(release) routes --openapi > docs/api/openapi.json

clean: ## Remove what was built; data stays.
	@rm -rf .build web/built
