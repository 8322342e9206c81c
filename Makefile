# Development of Flask-Accrue. `make demo` and `make test` need Python 3.11 or newer and nothing else.

VENV ?= .venv
PORT ?= 5000
# The first that is new enough makes the environment; or say `make PYTHON=/path/to/python`.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

BIN := $(VENV)/bin
FLASK := $(BIN)/flask --app example

.PHONY: demo test check bench docs setup dist clean

# The example, with believable data, on http://127.0.0.1:5000
# In debug mode the simulated processor is at home; without it each command would warn of it.
demo: export FLASK_DEBUG = 1
demo: $(VENV)/.with-nothing
	@$(FLASK) accrue db upgrade
	@$(FLASK) seed
	@printf '\nThe example is at  http://127.0.0.1:$(PORT)/  (another port: make demo PORT=5001). Ctrl-C ends it.\n\n'
	@exec $(FLASK) run --no-debugger --no-reload --port $(PORT)

# On SQLite, PostgreSQL, Redis and in a browser; tests/services.py finds or starts them.
test: $(VENV)/.with-test
	$(BIN)/python -m pytest -n 3

# What has to hold before a change is committed, besides the tests.
check: $(VENV)/.with-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --quiet --lint templates example
	$(BIN)/codespell
	$(if $(wildcard docs/conf.py),$(MAKE) docs)

docs: $(VENV)/.with-dev
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs build/docs

# Prints the figures; compares nothing with another machine's.
# Tests don't wait for the disk, measurements do.
bench: export PGOPTIONS =
bench: $(VENV)/.with-dev
	$(BIN)/python -m pytest -n 0 --capture=no --override-ini='python_files=bench_*.py' tests/bench

# Everything that development needs, and a check before each commit.
setup: $(VENV)/.with-dev
	$(BIN)/pre-commit install

# A source archive, and a wheel made from that archive.
dist: $(VENV)/.with-dev
	rm -rf dist
	$(BIN)/python -m build

clean:
	rm -rf build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# Installing leaves a stamp, so that it happens again only when what is required has changed.
$(VENV)/.with-nothing: setup.cfg pyproject.toml | $(BIN)/python
	@echo 'Installing into $(VENV) (a minute, once) ...'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.with-%: setup.cfg pyproject.toml | $(BIN)/python
	@echo 'Installing into $(VENV) (a minute or two, once) ...'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --editable '.[$*]'
	@touch $@

$(BIN)/python:
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python'; exit 1; }
	@$(PYTHON) -m venv $(VENV)
