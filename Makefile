# The first of the supported Pythons that runs here; PYTHON=... names another one.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13; do $$name -c '' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
TYPING := build/typing/ravens_suite

.PHONY: venv quickstart test lint assets docs docs-links clean

venv: .venv/ready

.venv/ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 found: install one, or name it: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[train,minari,lerobot,ray,serve,dev]"
	touch $@

quickstart: venv
	$(BIN)/ravens-suite quickstart

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/typing && mkdir -p $(TYPING)
	ln -s $(CURDIR)/ravens_suite/* $(CURDIR)/agents $(CURDIR)/assets $(TYPING)
	$(BIN)/mypy $(TYPING) benchmarks demos tests/types_across_rooms.py

# A process of tests for each core, with one thread: more would wait for each other. Up to eight, for the memory.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --maxprocesses 8 --dist worksteal

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
