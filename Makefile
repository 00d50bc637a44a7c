# Two commands are enough: `make run` starts the server, `make test` runs the suite.
# Each target creates .venv with the pinned dependencies when it is missing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test check bench prove rehearse clean

run: $(STAMP)
	$(BIN)/sandbox serve $(ARGS)

test: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadfile --cov --cov-report=term -q $(ARGS)

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sandbox check

bench: $(STAMP)
	$(BIN)/python -m tests.bench $(ARGS)

prove: $(STAMP)
	$(BIN)/pytest -q -m slow --no-cov $(ARGS)

rehearse: $(STAMP)
	$(BIN)/sandbox rehearse all $(ARGS)

clean:
	rm -rf $(VENV) .sandbox dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* *.egg-info

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@
