# One command for each chore. Each makes .venv when it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-slow soak lint format bench wheel lowest clean

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(READY)

demo: $(READY)  ## train case-a on the embedded sample and show the result
	$(BIN)/celu run case-a --sample --epochs 3
	$(BIN)/celu compare case-a

test: $(READY)  ## the tests, but for those that take a minute each
	$(BIN)/pytest -m "not slow" --numprocesses auto --maxprocesses 4 --dist worksteal

test-slow: $(READY)  ## those: all gradients of `celu check --all`, all parts of the benchmark, kills, real Slurm and Ray
	$(BIN)/pytest -m slow --numprocesses auto --maxprocesses 2

soak: $(READY)  ## the long forms of the chaos tests: kills, damaged cases, damaged data
	$(BIN)/python -m tests.soak

lint: $(READY)  ## style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY)  ## rewrite the code in the project's style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)  ## speed and memory, beside the article's graph, Keras and PyTorch
	-$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[bench]'  # without it, no PyTorch
	$(BIN)/python -m benchmarks

wheel: $(READY)  ## build the wheel and use it in an empty environment outside the checkout
	rm -rf dist
	$(BIN)/python -m build --wheel
	PYTHON=$(PYTHON) scripts/try_wheel.sh dist/celu-*.whl

lowest:  ## the lowest versions of the dependencies that pyproject.toml allows, in use
	PYTHON=$(PYTHON) scripts/try_lowest.sh

clean:  ## remove what the other commands made, except logs
	rm -rf $(VENV) dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis celu.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
