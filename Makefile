# `make demo` and `make test` need nothing but Python >= 3.11: each makes .venv and installs what it needs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check unit bench bench-quality mutants papers docs clean

demo: .venv/demo-ready
	$(BIN)/spacetune demo --out demo-model

test: check unit

check: .venv/dev-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-cache

unit: .venv/dev-ready
	$(BIN)/python -m pytest

bench: .venv/dev-ready
	$(BIN)/python -m benchmarks

bench-quality: .venv/dev-ready
	$(BIN)/python -m benchmarks quality

mutants: .venv/dev-ready
	$(BIN)/python -m benchmarks.mutation known
	$(BIN)/python -m benchmarks.mutation sample

papers: .venv/papers-ready
	$(BIN)/python -m papers

docs: .venv/dev-ready
	$(BIN)/python -m benchmarks.tables

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo-ready: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[bundled]'
	touch $@

.venv/dev-ready: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@ .venv/demo-ready

.venv/papers-ready: .venv/dev-ready
	$(BIN)/pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,papers]'
	touch $@

clean:
	rm -rf .venv demo-model
