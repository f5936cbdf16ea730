PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: venv quickstart test lint assets docs docs-links clean

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

.venv/docs: .venv/ready
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[docs]"
	touch $@

docs: .venv/docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky -b html docs docs/_build/html

docs-links: .venv/docs  # Asks every site that the pages link to, so it needs a network.
	$(BIN)/sphinx-build --quiet -b linkcheck -D draw_pictures=0 docs docs/_build/links

clean:
	rm -rf .venv build dist *.egg-info
