PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: venv quickstart test lint assets clean

venv: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[train,minari,ray,dev]"
	touch $@

quickstart: venv
	$(BIN)/ravens-suite quickstart

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy ravens_suite agents assets

test: lint
	$(BIN)/pytest

assets: venv
	$(BIN)/python -m ravens_suite.assets.generate

clean:
	rm -rf .venv build dist *.egg-info
