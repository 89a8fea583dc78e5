# Two commands matter: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .build
PACKAGES := vms sip stream_relay analytics channel_registry web
FRONTEND := web/frontend
# Files side by side: most tests wait for processes and sockets. A file's own tests stay in order,
# and the files are begun in the order of tests/conftest.py: the long ones first.
TOGETHER := -p no:cacheprovider -n 3 --dist loadfile --no-loadscope-reorder -rfER --durations 15 --durations-min 10
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run simulate setup setup-dev build test test-field unit e2e lint types format bench storm soak conformance fuzz sanitize screenshots wheel lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: setup ## install what is missing, start the platform with a simulated mine, print address and password
	@exec scripts/run

simulate: setup ## a simulated mine alone, against a running platform (ARGS="--help")
	@$(BIN)/vms simulate $(ARGS)

setup: $(STAMPS)/run-system $(STAMPS)/python $(STAMPS)/compiled $(STAMPS)/frontend ## everything `vms run` needs

setup-dev: setup $(STAMPS)/test-system $(STAMPS)/python-dev ## everything tests need as well

build: setup ## the same, by its other name

test: setup-dev lint unit ## everything that stands on its own: lint, types, unit, end-to-end, wheel, front end

test-field: setup-dev ## tests on real footage, models, rig and public suites in the folder shared/ beside the project
	$(BIN)/python -m pytest -m field $(TOGETHER)

unit: setup-dev
	cd $(FRONTEND) && npm test --silent
	$(BIN)/python -m pytest -m "not field" $(TOGETHER)

e2e: setup-dev ## only the end-to-end tests
	$(BIN)/python -m pytest -m "e2e and not field" -p no:cacheprovider

lint: setup-dev ## ruff, mypy strict, import contracts, TypeScript
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	cd $(FRONTEND) && npm run --silent types

format: setup-dev ## rewrite the sources in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup-dev ## speed as ratios to what the kernel alone costs, in one run; build/bench.json (ARGS="--rows forward")
	@PYTHONPATH=. $(BIN)/python bench/bench_relay.py $(ARGS)
	@for bench in bench/bench_formats.py bench/bench_signalling.py bench/bench_first_picture.py bench/bench_latency.py; do \
		echo "== $$bench"; PYTHONPATH=. $(BIN)/python $$bench || exit 1; done

storm: setup-dev ## power cut of 5,000 devices, flood of strangers, 8,000 mutated messages, all 49 of RFC 4475 (ARGS for the power cut)
	@PYTHONPATH=. $(BIN)/python bench/bench_storm.py $(ARGS)
	@PYTHONPATH=. $(BIN)/python bench/bench_flood.py
	MUTATIONS=2000 $(BIN)/python -m pytest tests/sip/interop/test_mutations.py -p no:cacheprovider -q
	@if [ -d ../shared ]; then $(BIN)/python -m pytest tests/sip -m field -k "torture" -p no:cacheprovider -q; fi

soak: setup-dev ## streams and viewers come and go for half an hour; nothing may stay behind (MINUTES=30)
	@PYTHONPATH=. $(BIN)/python bench/soak.py --minutes $(or $(MINUTES),30) $(ARGS)

conformance: setup-dev ## the conformance list of GB/T 28181, number by number; writes docs/conformance.md and build/captures
	@rm -rf build/captures build/conformance.xml
	$(BIN)/python -m pytest tests/conformance -p no:cacheprovider -q --junitxml build/conformance.xml; \
		$(BIN)/python tests/conformance/report.py build/conformance.xml tests/conformance/checklist.csv docs/conformance.md

fuzz: setup-dev ## a million mutated inputs over every parser (CASES=n for another number)
	$(BIN)/python fuzz/run.py --cases $(or $(CASES),1000000)

sanitize: setup-dev ## the compiled modules under the address and undefined-behaviour sanitizers (CASES=n)
	@scripts/sanitize $(CASES)

screenshots: setup-dev ## take the pictures of docs/images anew from a running platform
	scripts/screenshots

wheel: setup ## dist/fengsui_vms-*.whl with templates, static files and compiled modules inside
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

lock: setup-dev ## write constraints.txt from what is installed
	@{ head -1 constraints.txt; $(BIN)/python -m pip freeze --exclude-editable; } > constraints.new && mv constraints.new constraints.txt

clean: ## remove what was built (data/ stays)
	rm -rf $(STAMPS) build dist *.egg-info $(FRONTEND)/node_modules web/static/dist
	find $(PACKAGES) -name '*.so' -delete

$(STAMPS)/run-system: scripts/system-packages
	@mkdir -p $(STAMPS)
	scripts/system-packages run
	@touch $@

$(STAMPS)/test-system: scripts/system-packages
	@mkdir -p $(STAMPS)
	scripts/system-packages test
	@touch $@

$(STAMPS)/venv: | $(STAMPS)/run-system
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt 'setuptools>=75' wheel Cython
	@touch $@

# pip compiles one module after the other and keeps nothing: $(STAMPS)/compiled does it, once and side by side.
$(STAMPS)/python: setup.py constraints.txt | $(STAMPS)/venv
	TWINS= $(BIN)/python -m pip install --quiet -c constraints.txt --no-build-isolation -e .
	@touch $@

$(STAMPS)/python-dev: setup.py constraints.txt | $(STAMPS)/python
	TWINS= $(BIN)/python -m pip install --quiet -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

# The compiled twins are rebuilt when a source or its types change.
$(STAMPS)/compiled: setup.py $(wildcard stream_relay/*/*.py stream_relay/*/*.pxd stream_relay/*/*.pyx) | $(STAMPS)/python
	$(BIN)/python setup.py --quiet build_ext --inplace --parallel $$(nproc)
	@touch $@

$(STAMPS)/npm: $(FRONTEND)/package-lock.json
	@mkdir -p $(STAMPS)
	cd $(FRONTEND) && npm ci --silent --no-audit --no-fund
	@touch $@

$(STAMPS)/frontend: $(STAMPS)/npm $(shell find $(FRONTEND) web/locale -type f -not -path '*/node_modules/*' 2>/dev/null)
	cd $(FRONTEND) && npm run --silent build
	@touch $@
