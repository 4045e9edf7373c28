# Daily commands. The logic lives in scripts/: this file only names it.
# Nothing needs preparing but Python 3.11+, git and make; everything else goes into .venv.

HOST ?= 127.0.0.1
PORT ?= 4242
# Extra words for pytest, and the number of its worker processes (0: none; the suite measures time).
PYTEST_ARGS ?=
WORKERS ?= 0

# Extra words for the load tests: LOAD_ARGS='--only burst --rounds 3'; and what `make profile` runs.
LOAD_ARGS ?=
WORKLOAD ?= small_c16

PY := .venv/bin/python
PYTEST := $(PY) -m pytest $(if $(filter-out 0,$(WORKERS)),-n $(WORKERS)) $(PYTEST_ARGS)
NOT_BIG := -m "not harness and not vllm"

.DEFAULT_GOAL := help
.PHONY: help install run fmt check test test-conformance test-faults faults test-harnesses harness-baseline test-vllm fuzz-shell policy-figures \
	load load-quick profile count docs conformance footprint lock env-run env-dev system-test clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env-run:
	@scripts/bootstrap.sh run

env-dev:
	@scripts/bootstrap.sh dev

system-test:
	@scripts/system.sh redis-server curl cc

install: env-run ## Install the gateway into .venv, from locks/run.txt

run: env-run ## Install what is needed and serve on 127.0.0.1:4242 (HOST=, PORT=)
	@exec .venv/bin/interlock serve --host $(HOST) --port $(PORT)

fmt: env-dev ## Format the code and apply the safe fixes of ruff
	@.venv/bin/ruff check --fix --quiet .; .venv/bin/ruff format .

check: env-dev ## Everything that needs no running: style, types, import contracts, docs, lock
	@$(PY) -m scripts.check

test: env-dev system-test ## Install what the tests need and run all but the two big suites
	$(PYTEST) $(NOT_BIG) tests

test-conformance: env-dev ## The real OpenAI and Anthropic SDKs against the gateway
	$(PYTEST) $(NOT_BIG) tests/conformance

test-faults: env-dev ## Seeds, sockets, memory, and whether the fault suite can fail (FAULTS_N=2000 FAULTS_FIRST=0)
	$(PYTEST) $(NOT_BIG) tests/faults

faults: env-dev ## Play seeds in which everything goes wrong (N=2000 FIRST=0); SEED=123 replays one, SHRINK=1 makes it small
	@$(PY) -m tests.faults $(if $(SEED),--seed $(SEED) $(if $(SHRINK),--shrink),--n $(or $(N),2000) --first $(or $(FIRST),0))

test-harnesses: env-dev ## Real coding harnesses through the running gateway (installs Node 22)
	@scripts/system.sh npm
	@PYTHON=$(PY) scripts/harnesses/install.sh
	$(PYTEST) -m harness tests/harness

harness-baseline: env-dev ## Measure anew how the harnesses take each fault without the gateway (20 minutes)
	@scripts/system.sh npm
	@PYTHON=$(PY) scripts/harnesses/install.sh
	@$(PY) -m scripts.harnesses.baseline

fuzz-shell: env-dev ## 100,000 mutated commands through both shell parsers (half an hour)
	@$(PY) -m scripts.fuzz_shell

policy-figures: env-dev ## What the default policy says of the command sets in tests/data/policies
	@$(PY) -m scripts.policy_figures

test-vllm: env-dev ## A real vLLM on CPU behind the gateway
	@PYTHON=$(PY) scripts/vllm/setup
	$(PYTEST) -m vllm tests/vllm

load: env-dev ## Everything against nginx, LiteLLM and Portkey (installs them); writes docs/reference/performance.md
	@scripts/system.sh cc nginx npm
	$(PY) -m loadtests full --write $(LOAD_ARGS)

load-quick: env-dev ## CPU beside nginx in under a minute; fails when a limit of loadtests/gate.toml is exceeded
	@scripts/system.sh cc nginx
	$(PY) -m loadtests quick $(LOAD_ARGS)

profile: env-dev ## Where the gateway spends its time under one workload: WORKLOAD=small_c16
	@scripts/system.sh cc
	$(PY) -m loadtests profile --workload $(WORKLOAD) $(LOAD_ARGS)

count: env-dev ## Instructions per request, the same on a busy machine: LOAD_ARGS='json stream' (installs valgrind)
	@scripts/system.sh valgrind
	@$(PY) -m loadtests.count $(LOAD_ARGS)

docs: env-dev ## Write the generated pages of docs/reference, conformance from a test run
	@$(PY) -m scripts.docs write
	@$(MAKE) --no-print-directory conformance

conformance: env-dev system-test ## Run the acceptance cases and write docs/reference/conformance.md
	@$(PY) -m pytest -p scripts.conformance --conformance-page docs/reference/conformance.md $(NOT_BIG) tests

footprint: env-dev ## Weigh the base install in a venv of its own and write docs/reference/footprint.md
	@$(PY) -m scripts.footprint

lock: env-dev ## Refresh locks/ from pyproject.toml (UPGRADE=1 also takes newer versions)
	@scripts/lock.sh

clean: ## Remove .venv and all caches
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
