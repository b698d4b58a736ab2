# Everything starts from a clean clone; what is there already is not made again.

# The Python to make the environment with.
PYTHON ?= python3
export PYTHON
LAB := .venv/bin/lab

.DEFAULT_GOAL := help
.PHONY: help lab demo test lint bench lock clean

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lab: ## Set everything up and open the first notebook in JupyterLab; Ctrl-C ends it
	@.ci/environment lab
	@$(LAB) notebook

demo: ## Play lab 01 with its own solution in a throwaway stack
	@.ci/environment lab
	@$(LAB) demo 01

test: ## Set everything up and run all checks and tests; ARGS="-k watch" goes to pytest
	@.ci/environment test
	@.ci/test $(ARGS)

lint: ## Check style, format and types
	@.ci/environment test
	@.ci/lint

bench: ## Measure how long things take, against a baseline each; needs an engine
	@.ci/environment test
	@.venv/bin/lab doctor --fix
	@.venv/bin/python -m tests.bench $(ARGS)

lock: ## Pin all Python packages anew
	@.ci/lock

clean: ## Remove what was made here; workspaces, images and the engine's data stay
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find checker tests labs -name __pycache__ -type d -prune -exec rm -rf {} +
