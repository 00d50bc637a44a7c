# Two commands are enough: `make run` starts the server, `make test` runs the suite.
# `make prove` runs what is too slow for that, and the suite again under coverage.
# Each target creates .venv with the pinned dependencies when it is missing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test check bench prove rehearse clean

run: $(STAMP)
	$(BIN)/sandbox serve $(ARGS)

test: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadfile -q $(ARGS)

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sandbox check

bench: $(STAMP)
	$(BIN)/python -m tests.bench $(ARGS)

prove: $(STAMP)
	$(BIN)/pytest -q -m slow $(ARGS)
	$(BIN)/pytest -n 2 --dist loadfile -q --cov --cov-report=term

rehearse: $(STAMP)
	$(BIN)/sandbox rehearse all $(ARGS)

clean:
	rm -rf $(VENV) .sandbox dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* *.egg-info

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@
