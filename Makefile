# Everything a developer runs. `make` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help env run build test lint format types template-check scan openapi test-unit test-contract \
	test-integration test-promises test-table test-e2e test-sam test-nightly test-long bench bench-check bench-load bench-lists audit lock clean

PYTEST := .venv/bin/pytest
WORKERS ?= 2
# Each worker begins with tests that stand together, which share what takes long to make.
PARALLEL := -n $(WORKERS) --dist worksteal
# Of the tests, those that `make test` and its parts run. `make test-nightly` leaves none out.
SELECTED ?= -m "not nightly"
EXAMPLES ?= 300
CRASHES ?= 300
FAULTS ?= 300
MINUTES ?= 3
# The make of macOS knows no such option.
TOGETHER := --no-print-directory $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env:  ## Make the virtual environments (.venv and the local engine's)
	@scripts/env dev engine

run: env  ## Start Jobyard here, without Docker or an AWS account; PORT=8787
	@exec .venv/bin/python -m local $(if $(PORT),--port $(PORT))

build: env  ## Build what is deployed, as `sam deploy` takes it
	@scripts/env sam
	@scripts/sam build

# One after the other, but what waits more than it works goes together.
test: env  ## What CI runs: all checks, and all tests but the nightly ones
	@$(MAKE) $(TOGETHER) -j4 lint types template-check scan bench-check
	@$(MAKE) --no-print-directory test-unit test-table
	@$(MAKE) $(TOGETHER) -j2 test-e2e test-sam

lint: env  ## Style and formatting
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

format: env  ## Format the code and apply safe fixes
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

types: env  ## Strict static types
	.venv/bin/mypy

template-check: env  ## cfn-lint and `sam validate --lint` on the template
	@scripts/env sam
	.venv/bin/cfn-lint template.yaml
	@scripts/sam validate --lint

scan: env  ## checkov on the template
	@scripts/env scan
	.local/scan-env/bin/checkov --config-file .checkov.yaml

test-unit: env  ## Pure tests
	$(PYTEST) $(SELECTED) $(PARALLEL) tests/unit

test-contract: env  ## Each endpoint against the vendors' pages
	$(PYTEST) $(SELECTED) $(PARALLEL) tests/contract

test-integration: env  ## Store and service on Amazon's DynamoDB Local
	$(PYTEST) $(SELECTED) $(PARALLEL) tests/integration

test-promises: env  ## What Jobyard promises, tried: races, crashes, faults, hostile input
	$(PYTEST) $(SELECTED) $(PARALLEL) tests/promises

# Together, because collecting is a tenth of each, and a table's engine gets faster the longer it runs.
test-table: env  ## test-contract, test-integration and test-promises in one go, which is faster
	$(PYTEST) $(SELECTED) $(PARALLEL) tests/contract tests/integration tests/promises

test-e2e: env  ## HTTP against the whole stack, as `make run` starts it
	$(PYTEST) $(SELECTED) -n $(WORKERS) --dist loadfile tests/e2e

test-sam: env  ## `sam local` in a container; says why when no container engine runs
	@scripts/test-sam $(SELECTED)

test-nightly: env  ## `make test` with all that is too slow for it; some 30 minutes on two cores
	@$(MAKE) --no-print-directory test SELECTED=

test-long: env  ## The promises at length; EXAMPLES=300 CRASHES=300 FAULTS=300 MINUTES=3
	JOBYARD_EXAMPLES=$(EXAMPLES) JOBYARD_CRASHES=$(CRASHES) JOBYARD_FAULTS=$(FAULTS) JOBYARD_MINUTES=$(MINUTES) \
		$(PYTEST) -n $(WORKERS) --timeout 14400 tests/promises
	JOBYARD_EXAMPLES=$(EXAMPLES) JOBYARD_TABLE_ENGINE=ministack \
		$(PYTEST) --timeout 14400 tests/promises/test_02_model.py
	JOBYARD_MINUTES=$(MINUTES) $(PYTEST) --timeout 14400 tests/e2e/test_history.py

bench: env  ## What starts, answers and a job's life cost; writes benchmarks/README.md and docs/cost.md; needs valgrind
	@.venv/bin/python -m benchmarks.starts --write
	@.venv/bin/python -m benchmarks.life --write
	@.venv/bin/python -m benchmarks.cost

bench-check: env  ## Instructions of the endpoints, compared with those that are committed; says why where they cannot be
	@.venv/bin/python -m benchmarks.starts --check

bench-load: env  ## Load the local stack until it bends, then ten times that; ARGS=--help
	@exec .venv/bin/python -m benchmarks.load $(ARGS)

bench-lists: env  ## What lists cost at 1,000 and 10,000 jobs, every answer checked; ARGS=--all: to a million, into benchmarks/
	@exec .venv/bin/python -m benchmarks.lists $(ARGS)

openapi: env  ## Write docs/openapi.json; fails where that would break a client
	.venv/bin/python -m openapi

audit: env  ## Known vulnerabilities of all pinned packages; needs the network
	@scripts/audit

lock: env  ## Pin requirements/*.in again
	@scripts/lock

clean:  ## Remove everything that make made here
	rm -rf .venv .local .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
