# Everything starts from a clean clone; what is there already is not made again.

# The Python to make the environment with.
PYTHON ?= python3
export PYTHON
LAB := .venv/bin/lab

.DEFAULT_GOAL := help
.PHONY: help lab demo test prove lint docs screenshots bench engines lock clean

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lab: ## Set everything up and open the first notebook in JupyterLab; Ctrl-C ends it
	@.ci/environment lab
	@$(LAB) notebook

demo: ## Play lab 01 with its own solution in a throwaway stack
	@.ci/environment lab
	@$(LAB) demo 01

test: ## Set everything up and run the tests of every day; ARGS="-k watch" goes to pytest, and runs any
	@.ci/environment test
	@.ci/test $(ARGS)

prove: ## Run all that `make test` leaves out: every mistake of every lab, all notebooks, attacks
	@.ci/environment test
	@.ci/prove $(ARGS)

lint: ## Check style, format and types
	@.ci/environment test
	@.ci/lint

docs: ## Build the documentation as a site in build/site; a dead link makes it fail
	@.ci/environment test
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict # with --quiet it would not count warnings
	@echo "The documentation is in build/site/index.html."

screenshots: ## Take the documentation's pictures anew, from the tests that drive a browser; needs an engine
	@.ci/environment test
	@.venv/bin/lab doctor --fix
	@.venv/bin/python -m pytest -q tests/notebook/test_classpage.py tests/notebook/test_panel_browser.py tests/notebook/test_board_browser.py
	cp build/screenshots/panel-after-push.png docs/images/notebook.png
	cp build/screenshots/class-30.png docs/images/class.png
	cp build/screenshots/board-30.png docs/images/board.png

bench: ## Measure how long things take, against a baseline each; needs an engine
	@.ci/environment test
	@.venv/bin/lab doctor --fix
	@.venv/bin/python -m tests.bench $(ARGS)

engines: ## Play all labs on every engine there is for Debian 13, as root; ARGS="docker-26 --lab 01 --prove" tries less, or more
	@.ci/environment test
	@.venv/bin/python -m tests.engines $(ARGS)

lock: ## Pin all Python packages anew
	@.ci/lock

clean: ## Remove what was made here; workspaces, images and the engine's data stay
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find checker tests labs -name __pycache__ -type d -prune -exec rm -rf {} +
