# One target a chore. `make` alone lists them; ARGS="…" is passed on to the program.
#
# A virtual environment is made in .venv with the newest suitable Python, and installed again
# only when pyproject.toml has changed. To choose the interpreter: make serve BASE_PYTHON=python3.12

.DEFAULT_GOAL := help
SHELL := /bin/sh
BASE_PYTHON ?=
ARGS ?=
IRCTEST ?=
SEEDS ?= 1000-11000
# Of the network of servers in make chaos: for how long, and what happens (a failure tells the seed).
MINUTES ?= 30
SEED ?=
# Test processes: a number, or auto for one per core.
JOBS ?= auto

VENV := .venv
PYTHON := $(VENV)/bin/python
RUN := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
MYPY_PATHS := $(wildcard src bench tests)

# A missing prerequisite ends make with the one line of tools/find-python that says what to install.
prerequisites = $(if $(filter /%,$(call found)),,$(error $(call found)))
found = $(eval _found := $$(shell sh tools/find-python $(BASE_PYTHON)))$(_found)

.PHONY: help serve chat test check format bench conformance chaos simulate fuzz clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

serve: $(RUN) ## start the server on its default ports (ARGS="--data DIR --listen URI …")
	@exec $(VENV)/bin/tertulia serve $(ARGS)

chat: $(RUN) ## chat, in the terminal (ARGS="irc://host/#channel --nick NAME …")
	@exec $(VENV)/bin/tertulia chat $(ARGS)

test: $(DEV) ## run the tests (ARGS="-k words -x", JOBS=4)
	@$(PYTHON) -m pytest -n $(JOBS) --dist worksteal $(ARGS)

check: $(DEV) ## lint, formatting, types and the rules of the architecture
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy $(MYPY_PATHS)
	@$(PYTHON) -m pytest -q tests/test_architecture.py

format: $(DEV) ## format the code and repair what the linter can
	@$(PYTHON) -m ruff check --fix-only --quiet .
	@$(PYTHON) -m ruff format .

bench: $(DEV) ## measure against other servers (ARGS="--help" shows the workloads)
	@$(PYTHON) -m bench $(ARGS)

conformance: $(DEV) ## run the public IRC suite (IRCTEST=DIR, a checkout of progval/irctest)
	$(if $(IRCTEST),,$(error say where progval/irctest is checked out: make conformance IRCTEST=DIR))
	@$(PYTHON) tests/conformance/run.py --irctest "$(IRCTEST)" $(ARGS)

chaos: $(DEV) ## kill, flood and starve servers, and cut them apart (MINUTES=30 SEED=7)
	@TERTULIA_CHAOS_MINUTES="$(MINUTES)" TERTULIA_CHAOS_SEED="$(SEED)" \
		$(PYTHON) -m pytest tests/chaos -m chaos --timeout 3600 -s $(ARGS)

simulate: $(DEV) ## several servers on a simulated network, 10,000 seeds (SEEDS=1000-11000)
	@SEEDS="$(SEEDS)" $(PYTHON) -m pytest tests/simulation -m simulate --timeout 36000 -s $(ARGS)

fuzz: $(DEV) ## the property tests with many more examples
	@HYPOTHESIS_PROFILE=fuzz $(PYTHON) -m pytest -m fuzz -n $(JOBS) --timeout 3600 $(ARGS)

clean: ## remove the virtual environment and everything that was built
	@rm -rf $(VENV) build dist *.egg-info src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find src tests tools bench -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

$(RUN): pyproject.toml
	$(prerequisites)
	@sh tools/install "$(_found)" $(VENV) . && touch $@

$(DEV): pyproject.toml
	$(prerequisites)
	@sh tools/install "$(_found)" $(VENV) '.[dev]' && touch $@ $(RUN)
