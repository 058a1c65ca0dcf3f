# `make run` opens the dashboard, `make test` runs the whole suite; both build .venv when it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The lock gives every version; --prefer-binary because no compiler is promised.
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --prefer-binary --quiet --constraint requirements.lock

# Copied into .venv when it is installed, the package itself being used in place.
SHARED := $(shell find etc share -type f)

.PHONY: install run test test-all lint bench models clean

install: $(VENV)/.installed

run: install
	$(BIN)/voila dashboard.ipynb

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest --ignore=tests/browser -m "not long" --numprocesses=2 --dist=loadfile
	$(BIN)/python -m pytest tests/browser -m "not long" --numprocesses=2 --dist=worksteal

# What takes a browser through every fold as well, and Ray through a cluster: minutes more.
test-all: test
	$(BIN)/python -m pytest -m long --numprocesses=2 --dist=worksteal

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Rewrites benchmarks/RESULTS.md; `python -m benchmarks --help` tells how to measure parts.
bench: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks

# Rebuilds data/models; PICTURES is the folder of the training archives (see training/README.md).
models: install
	$(BIN)/python -m pip install --quiet --no-deps -r training/requirements.txt
	$(BIN)/python training/build.py $(PICTURES)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "imgcap needs Python 3.11 or newer; say which with: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml requirements.lock $(SHARED) | $(BIN)/python
	$(PIP_INSTALL) --editable .
	touch $@

$(VENV)/.installed-test: pyproject.toml requirements.lock | $(VENV)/.installed
	$(PIP_INSTALL) --editable '.[test]'
	touch $@
