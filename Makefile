# Two commands are enough: `make run` starts the server, `make test` runs the suite.
# `make prove` runs what is too slow for that, and the suite again under coverage; KILLS=1000 and MUTATIONS=1000000 say
# how often a server is killed and how many mutated requests it is sent.
# Each target first brings .venv to where it can be used: `run` installs what the server needs, the others the rest.
# PYTHON=/path/to/python3 names the Python that a new .venv is made with.

VENV := .venv
BIN := $(VENV)/bin
export PYTHON KILLS MUTATIONS
# What was compiled is kept, whatever the machine's images say: the suite starts hundreds of servers.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check bench prove rehearse clean environment-run $(VENV)/.installed

run: environment-run
	$(BIN)/sandbox serve $(ARGS)

test: $(VENV)/.installed
	$(BIN)/pytest -n 2 --dist loadfile -q $(ARGS)

check: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sandbox check
	$(BIN)/python .ci/floors.py

bench: $(VENV)/.installed
	$(BIN)/python -m tests.bench $(ARGS)

prove: $(VENV)/.installed
	$(BIN)/pytest -q -m slow $(ARGS)
	$(BIN)/pytest -n 2 --dist loadfile -q --cov --cov-report=term

rehearse: environment-run
	$(BIN)/sandbox rehearse all $(ARGS)

clean:
	rm -rf $(VENV) .sandbox dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* *.egg-info

environment-run:
	@sh .ci/environment.sh run

$(VENV)/.installed:
	@sh .ci/environment.sh all
