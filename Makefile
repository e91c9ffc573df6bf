# Everything runs in .venv, which the first target that needs it makes.
PYTHON = .venv/bin/python

# The processes that run the tests import the same modules: without bytecode, which some environments switch off, each compiles them again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test check format matrix matrix-node agents callers lowest recorded docs wheel bench bench-client profile lock clean golden mutations fuzz soak faults deploy-check

help:  ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile

setup: .venv/ready-dev  ## .venv with all that development needs

.venv/ready-%: requirements/%.txt pyproject.toml scripts/setup
	@scripts/setup $*

run: .venv/ready-run  ## start the gateway with the offline model
	@.venv/bin/dragoman serve

test: .venv/ready-dev  ## run all tests
	@$(PYTHON) -m pytest

check: .venv/ready-dev  ## format, lint, types, import contracts, then the tests with coverage
	@scripts/check

format: .venv/ready-dev  ## rewrite the code in the house format
	@.venv/bin/ruff check --fix-only --quiet src tests bench examples scripts
	@.venv/bin/ruff format src tests bench examples scripts

golden: .venv/ready-dev  ## rewrite tests/golden from what the codecs do now, and the table of failover; read the diff
	@$(PYTHON) -m pytest -n 0 tests/protocols tests/faults/test_failover.py --golden

mutations: .venv/ready-dev  ## try all that can be wrong with a golden answer, each field of each event, and many translations, not samples
	@$(PYTHON) -m pytest tests/fuzz tests/fields tests/protocols/test_translated_*.py --mutations

fuzz: .venv/ready-dev .venv/ready-fuzz  ## inputs by coverage for all that reads bytes of strangers; ARGS="--runs 1000000 TARGET"
	@$(PYTHON) -m tests.fuzz $(ARGS)

faults: .venv/ready-dev  ## all that callers and services can do wrong, in each phase and dialect, not samples
	@$(PYTHON) -m pytest tests/faults tests/schedules tests/routing tests/protocols --faults

soak: .venv/ready-dev  ## mixed traffic, with faults and callers that leave, against a gateway; ARGS="--minutes 10"
	@$(PYTHON) -m tests.soak $(ARGS)

matrix: .venv/ready-dev  ## the vendors' clients call the gateway, for each pair of dialects and each scenario; prints the table
	@$(PYTHON) -m pytest tests/matrix

matrix-node: .venv/ready-dev tests/matrix/node/node_modules/.package-lock.json  ## the same with the clients for Node
	@$(PYTHON) -m pytest -n 0 tests/matrix/test_node.py --node

tests/matrix/node/node_modules/.package-lock.json: tests/matrix/node/package-lock.json .venv/ready-node
	@PATH="$(CURDIR)/.venv/bin:$$PATH" npm --prefix tests/matrix/node ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

agents: .venv/ready-dev tests/real_agents/node_modules/.package-lock.json  ## real coding agents do a job over each dialect (2.3 GB)
	@PATH="$(CURDIR)/.venv/bin:$$PATH" $(PYTHON) -m tests.real_agents

# Without a lock file: npm finds the one written on one platform to be incomplete on the same platform.
tests/real_agents/node_modules/.package-lock.json: tests/real_agents/package.json .venv/ready-node
	@PATH="$(CURDIR)/.venv/bin:$$PATH" npm --prefix tests/real_agents install --no-package-lock --no-audit --no-fund --silent
	@touch $@

deploy-check: .venv/ready-dev .venv-deploy/ready-deploy .venv-deploy/ready-programs  ## the files in deploy, by nginx, HAProxy, Helm, systemd and linters
	@$(PYTHON) -m pytest -n 0 tests/deploy --deploy

.venv-deploy/ready-deploy: requirements/deploy.txt pyproject.toml scripts/setup
	@VENV=.venv-deploy scripts/setup deploy

.venv-deploy/ready-programs: scripts/deploy-programs .venv-deploy/ready-deploy
	@scripts/deploy-programs
	@touch $@

callers: .venv-callers/ready-callers  ## programs of others call the gateway with the offline models; writes docs/callers.md
	@.venv-callers/bin/python -m tests.callers

.venv-callers/ready-callers: requirements/callers.txt pyproject.toml scripts/setup
	@VENV=.venv-callers scripts/setup callers

lowest: .venv-lowest/ready-lowest  ## all tests with the lowest versions of the dependencies that pyproject.toml allows
	@.venv-lowest/bin/python -m pytest

.venv-lowest/ready-lowest: requirements/lowest.txt pyproject.toml scripts/setup
	@VENV=.venv-lowest scripts/setup lowest

recorded: .venv/ready-dev  ## run every codec over recorded exchanges of real services; DIR=FOLDER
	@$(PYTHON) -m tests.recorded "$(DIR)"

docs: .venv/ready-dev .venv/ready-docs  ## the documentation as a site in site/; its links are checked
	@NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict
	@echo "site/index.html; to search in it: python3 -m http.server --directory site --bind 127.0.0.1"

wheel: .venv/ready-dev  ## a wheel in dist/, for an environment of your own; URL=https://… is the project's address in it
	@$(PYTHON) scripts/wheel $(URL)
	@ls dist/*.whl

bench: .venv/ready-dev  ## measure the gateway against nginx and others, and start-up times; ARGS="--help" lists more
	@$(MAKE) --silent .venv/ready-bench || echo "No chart: matplotlib could not be installed."
	@$(PYTHON) -m bench.gateway $(ARGS)
	@$(PYTHON) -m bench.start

bench-client: .venv/ready-dev  ## measure the client against the vendor's SDK
	@$(PYTHON) -m bench.client $(ARGS)

profile: .venv/ready-dev .venv/ready-bench  ## flame graphs of the gateway under load, in bench/results
	@$(PYTHON) -m bench.flame $(ARGS)

lock:  ## pin the newest versions of all dependencies, with their hashes
	@scripts/lock

clean:  ## forget .venv and every cache
	@rm -rf .venv .venv-callers .venv-deploy .venv-lowest site tests/matrix/node/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
