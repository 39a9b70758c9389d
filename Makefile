# One command for each chore. Each makes .venv when it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint format clean

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(READY)

demo: $(READY)  ## train case-a on the embedded sample and show the result
	$(BIN)/celu run case-a --sample --epochs 5
	$(BIN)/celu compare

test: $(READY)  ## all tests
	$(BIN)/pytest

lint: $(READY)  ## style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY)  ## rewrite the code in the project's style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove what the other commands made, except logs
	rm -rf $(VENV) dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis celu.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
