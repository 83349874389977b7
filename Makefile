# Everything here works with nothing but Python (3.11 or later), make and PyPI.
# The first that the embedded database has a wheel for; without any, python3, which says what is wrong.
PYTHON ?= $(or $(shell for each in python3 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$each && break; done),python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# Most tests wait for processes, not for the processor.
JOBS ?= 4
# The suite starts processes by the hundred; none shall compile everything anew.
export PYTHONDONTWRITEBYTECODE :=
UP ?=
MINUTES ?= 5
SEED ?= 1

.DEFAULT_GOAL := help
.PHONY: help up test lint format types unit slow bench matrix torture wheel lock clean

help: ## Show what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tellonce needs Python 3.11 or later: make PYTHON=python3.13 …")'
	@echo "making the environment in $(VENV): about a minute, once"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

up: $(READY) ## Run everything on this machine; Ctrl-C stops it
	@exec $(BIN)/tellonce up $(UP)

test: lint types unit ## Lint, types and the suite (minutes)

lint: $(READY) ## Check style
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(READY) ## Mend style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(READY) ## Check types
	$(BIN)/mypy

unit: $(READY)
	$(BIN)/pytest -n $(JOBS) --dist worksteal -m "not slow"

slow: $(READY) ## The long suites
	$(BIN)/pytest -m slow --timeout 900

bench: $(READY) ## Measure, and print a table beside the goals
	$(BIN)/python -m tests.bench

matrix: MINUTES = 13
matrix: $(READY) ## Prove it: strike every daemon everywhere, take safeguards out, torture; writes docs/proof.md
	$(BIN)/python -m tests.crash matrix --json build/proof/matrix.json $(if $(GO_ON),--go-on)
	$(BIN)/python -m tests.crash safeguards --json build/proof/safeguards.json
	$(BIN)/python -m tests.torture --quiet --minutes $(MINUTES) --seed $(SEED) --json build/proof/torture.json
	$(BIN)/python -m tests.proof

torture: $(READY) ## Break everything at once for MINUTES, as SEED says
	$(BIN)/python -m tests.torture --minutes $(MINUTES) --seed $(SEED)

wheel: $(READY) ## Build the distribution
	$(BIN)/python -m build --no-isolation

lock: $(READY) ## Compile the locked requirements anew
	$(BIN)/uv pip compile --universal --python-version 3.11 --extra embedded --extra tracing --extra dev --generate-hashes --no-header pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --universal --python-version 3.11 --extra tracing --generate-hashes --no-header pyproject.toml -o requirements-runtime.lock

clean: ## Remove the environment and what was built
	rm -rf $(VENV) dist build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
