# The two commands are `make demo` and `make test`; each works alone on a fresh machine
# with Python 3.11+, make and a package index.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
SOURCES := src tests benches docs
BENCHES := judge commands parity attacks languages metrics startup generate fidelity data_build tune
DATA := $(wildcard ../shared/data)
export CODELATHE_DATA ?= $(abspath $(DATA))

.PHONY: demo test check format install bench docs clean
.DEFAULT_GOAL := demo

# A stamp per extra: one venv, filled as far as a target needs.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("codelathe needs Python 3.11 or newer, and $(PYTHON) is " \
	  + sys.version.split()[0] + "; try: make PYTHON=python3.12") if sys.version_info < (3, 11) else 0'
	@$(PYTHON) -m venv $(VENV) || { echo "no venv module: on Debian, apt install python3-venv"; exit 1; }

$(VENV)/.%-installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing codelathe[$*] into $(VENV)"
	@$(PIP) install --constraint constraints.txt --editable '.[$*]'
	@touch $@

demo: $(VENV)/.server-installed
	@$(BIN)/lathe demo

test: $(VENV)/.dev-installed
	@$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.dev-installed
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python docs/build.py --check

format: $(VENV)/.dev-installed
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

install: $(VENV)/.dev-installed

docs: $(VENV)/.dev-installed
	@$(BIN)/python docs/build.py

bench: $(VENV)/.dev-installed
	@mkdir -p bench-results
	@for bench in $(BENCHES); do \
	  $(BIN)/python benches/$$bench.py --json bench-results/$$bench.json || exit 1; done

clean:
	rm -rf $(VENV) bench-results
