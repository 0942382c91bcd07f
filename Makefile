# stepd's commands. `make serve` and `make test` do everything on a fresh machine with Python 3.11+, make and git.
# PYTHON chooses the interpreter that makes .venv: `make serve PYTHON=python3.13`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE_MODULES := clients/javascript/node_modules
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-warn-script-location

.DEFAULT_GOAL := help
.PHONY: help serve demo test conformance check format docs lock clean

help: ## list the commands
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

serve: $(VENV)/.serve ## install what the service needs and start it
	@exec $(BIN)/stepd serve

demo: $(VENV)/.demo ## train on real images through the service and draw the learning curve
	@exec $(BIN)/stepd demo

test: $(VENV)/.dev $(NODE_MODULES) ## install everything and run all tests with coverage
	@$(BIN)/python -m pytest --numprocesses=auto --cov --cov-report=term

# CLIENT=python runs the cases for that client alone, which then has to be there.
conformance: $(VENV)/.dev $(NODE_MODULES) ## run the conformance cases for every client, or for CLIENT=python
	@$(BIN)/python -m tests.conformance $(CLIENT)

check: $(VENV)/.dev ## lint, types, import rules, generated docs
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tools.generate_docs --check

format: $(VENV)/.dev ## format the code and sort imports
	@$(BIN)/ruff format --quiet . && $(BIN)/ruff check --quiet --fix .

docs: $(VENV)/.dev ## rewrite the generated parts of the docs
	@$(BIN)/python -m tools.generate_docs

lock: $(VENV)/.dev ## resolve the dependencies anew (needs uv)
	@tools/lock.sh

clean: ## remove what the commands above made
	rm -rf $(VENV) $(NODE_MODULES) clients/javascript/types dist stepd-demo.png
	rm -rf .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip is told to take nothing that the lock files don't name, by hash.
$(VENV)/.serve: requirements/serve.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing stepd's pinned dependencies into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements/serve.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.demo: requirements/demo.txt pyproject.toml clients/python/pyproject.toml | $(VENV)/bin/python
	@echo "installing the demo's pinned dependencies into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements/demo.txt
	@$(PIP) --no-deps --no-build-isolation -e . -e clients/python
	@touch $@ $(VENV)/.serve

$(VENV)/.dev: requirements/dev.txt pyproject.toml clients/python/pyproject.toml | $(VENV)/bin/python
	@echo "installing the pinned dependencies of tests and checks into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation -e . -e clients/python
	@touch $@ $(VENV)/.serve $(VENV)/.demo

# Only where there is npm: without it the tests of the JavaScript client are skipped, with what to install.
$(NODE_MODULES): clients/javascript/package.json clients/javascript/package-lock.json
	@! command -v npm >/dev/null || { echo "installing what the JavaScript client is tested with ..."; \
	  cd clients/javascript && npm ci --loglevel=error --no-audit --no-fund && touch node_modules; }

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "stepd needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo not one). Try: make PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "$(PYTHON) can't make a virtual environment; on Debian: apt install python3-venv"; exit 1; }
