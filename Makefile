# stepd's commands. `make serve` and `make test` do everything on a fresh machine with Python 3.11+, make and git.
# PYTHON chooses the interpreter that makes .venv: `make serve PYTHON=python3.13`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
NODE_MODULES := clients/javascript/node_modules
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-warn-script-location
BENCH_PIP := $(subst $(BIN),$(BENCH)/bin,$(PIP))

.DEFAULT_GOAL := help
.PHONY: help serve demo test conformance crash bench check format docs lock clean

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

# KILLS=20 is a short run.
crash: $(VENV)/.dev ## kill the service again and again under load, and see that no step is lost or taken twice
	@$(BIN)/python -m tests.durability.crash $(KILLS)

# PART=kernel measures one part alone; QUICK=1 tries everything in short and leaves the docs alone.
bench: $(BENCH)/.bench ## measure all side by side with peers, or PART=kernel alone, and write docs/benchmarks.md
	@$(BENCH)/bin/python -m benchmarks $(PART) $(if $(QUICK),--quick)

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
	rm -rf $(VENV) $(BENCH) $(NODE_MODULES) clients/javascript/types dist stepd-demo.png benchmarks/trial
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

# Which build of torch is right is for each machine's pip to say, so no hash can name it. Without it its rows are left out.
$(BENCH)/.bench: requirements/bench.txt pyproject.toml clients/python/pyproject.toml | $(BENCH)/bin/python
	@echo "installing the service and what it is measured beside into $(BENCH) ..."
	@$(BENCH_PIP) --require-hashes -r requirements/bench.txt
	@$(BENCH_PIP) --no-deps --no-build-isolation -e . -e clients/python
	@$(BENCH_PIP) torch==2.13.0 || echo "torch can't be had here; its rows will be left out"
	@touch $@

# Only where there is npm: without it the tests of the JavaScript client are skipped, with what to install.
$(NODE_MODULES): clients/javascript/package.json clients/javascript/package-lock.json
	@! command -v npm >/dev/null || { echo "installing what the JavaScript client is tested with ..."; \
	  cd clients/javascript && npm ci --loglevel=error --no-audit --no-fund && touch node_modules; }

$(VENV)/bin/python $(BENCH)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "stepd needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo not one). Try: make PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -m venv $(@D:/bin=) || \
	  { rm -rf $(@D:/bin=); echo "$(PYTHON) can't make a virtual environment; on Debian: apt install python3-venv"; exit 1; }
