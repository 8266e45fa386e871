# `make help` lists what can be done. Everything runs in .venv, which these commands make and keep up to date.

PYTHON ?= python3
# Least branch coverage in per cent.
COVERAGE ?= 95
export PYTHON

.DEFAULT_GOAL := help
.PHONY: help demo test check faults bench freshness evidence lock clean packages test-packages
.NOTPARALLEL:

help: ## List the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r name text; do printf '%-12s %s\n' "$$name" "$$text"; done

# `exec`: the signal that ends the demonstration reaches Python itself.
demo: packages ## Run Lockstep on a real OpenLDAP server with people to lock and unlock (PORT=, DEMO_DIR=, DIRECTORY=)
	@requirements/venv.sh run
	@exec .venv/bin/python -m lockstep demo

test: check ## Run everything that a change must pass (COVERAGE= is the least coverage in per cent)
	@.venv/bin/python tests/support/leave_nothing.py \
		.venv/bin/pytest -n 2 --cov --cov-report=term-missing:skip-covered --cov-fail-under=$(COVERAGE) \
		--junitxml=build/tests.xml --cov-report=json:build/coverage.json

check: test-packages ## Lint, types, layers, documents
	@requirements/venv.sh dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/pytest -q tests/tidy/test_documents.py

faults: test-packages ## Break everything on purpose, at length, and print what was tried (see docs/faults.md; some ten minutes)
	@requirements/venv.sh dev
	@LOCKSTEP_FAULTS=long .venv/bin/python tests/support/leave_nothing.py .venv/bin/python -m pytest -n 2 -q --durations=0 \
		--durations-min=30 -p tests.support.fault_report tests/faults $$(.venv/bin/python -m tests.support.fault_table)

bench: packages ## Measure Lockstep against its peers with 100,000 people (OPTIONS= for another size; about ten minutes)
	@requirements/venv.sh run
	@.venv/bin/python -m bench $(OPTIONS)

freshness: test-packages ## Measure how soon a lock is visible over SCIM, on three servers (OPTIONS= for fewer locks; three minutes)
	@requirements/venv.sh dev
	@.venv/bin/python -m bench.freshness $(OPTIONS)

evidence: ## Write docs/evidence.md from what the last runs of test, faults and bench left behind
	@requirements/venv.sh run
	@.venv/bin/python -m bench.evidence

lock: ## Write requirements/*.txt anew from pyproject.toml (takes the newest versions; needs uv)
	@command -v uv > /dev/null || { echo 'lockstep: uv is missing: $(PYTHON) -m pip install uv, in an environment of its own' >&2; exit 1; }
	$(PIN) -o requirements/run.txt
	$(PIN) --group dev -o requirements/dev.txt

PIN := uv pip compile --quiet --universal --upgrade --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header pyproject.toml

clean: ## Remove what these commands made: .venv, caches, builds (not var/, where the demonstration keeps its data)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

packages:
	@requirements/packages.sh run

test-packages:
	@requirements/packages.sh test
