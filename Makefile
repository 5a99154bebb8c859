# Targets work on a clean Debian or Ubuntu with Python 3.11 or newer; `make help` lists them.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
DOCS_STAMP := $(VENV)/.installed-docs
OIDC_STAMP := tests/oidc/node_modules/.package-lock.json
HELM_STAMP := tests/chart/node_modules/.package-lock.json
PYTEST := $(BIN)/pytest
IMAGE ?= rocketship:$(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' rocketship/_version.py)
BUILD := $(firstword $(foreach tool,podman docker,$(if $(shell command -v $(tool)),$(tool))))

.DEFAULT_GOAL := help
.PHONY: help demo install dev check fix test test-fast chart image e2e-kind e2e-auth bench soak docs generate clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMP)  ## install into .venv and run the example suites against a sample API
	$(BIN)/rocketship demo

test: $(DEV_STAMP) $(OIDC_STAMP) $(HELM_STAMP)  ## install everything and run all tests
	$(PYTEST) -n auto

test-fast: $(DEV_STAMP) $(OIDC_STAMP) $(HELM_STAMP)  ## run the tests that take less than a second each
	$(PYTEST) -n auto -m "not slow"

chart: $(DEV_STAMP) $(HELM_STAMP)  ## lint the chart, render it for every preset, and read what comes out
	.github/scripts/helm_lint.sh
	.github/scripts/helm_template_check.sh

image:  ## build the image; IMAGE=NAME:TAG names it
	@test -n "$(BUILD)" || { echo "podman or docker is needed to build an image"; exit 1; }
	$(BUILD) build $(if $(filter podman,$(BUILD)),--format docker) --file Containerfile --build-arg REVISION="$$(git rev-parse HEAD)" --tag $(IMAGE) .

e2e-kind: $(STAMP)  ## install the chart into the kind cluster there is, and run a suite on it
	.github/scripts/e2e_kind.sh $(IMAGE)

e2e-auth: $(DEV_STAMP) $(OIDC_STAMP)  ## log in at a provider, and call an engine that asks who calls
	$(PYTEST) -n auto tests/e2e/test_login.py tests/e2e/test_oidc.py tests/e2e/test_browser_login.py

check: $(DEV_STAMP)  ## lint, format, types, layers, size budget, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(PYTEST) -q tests/architecture
	$(BIN)/python scripts/generate.py --check

fix: $(DEV_STAMP)  ## repair what ruff can repair
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV_STAMP) $(OIDC_STAMP)  ## measure everything there is a figure for
	$(BIN)/python bench/run.py
	for part in scale isolation engine large-run auth login history web; do $(BIN)/python bench/run.py --$$part || exit 1; done
	$(BIN)/python bench/distributed.py

soak: $(STAMP)  ## run a green suite of 50 tests a thousand times
	$(BIN)/python bench/soak.py

docs: $(DOCS_STAMP)  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --clean
	@echo "Open site/index.html, or serve it with search: $(BIN)/python -m http.server --bind 127.0.0.1 --directory site"

generate: $(DEV_STAMP)  ## write the files that are made from code
	$(BIN)/python scripts/generate.py

install: $(STAMP)  ## install into .venv

dev: $(DEV_STAMP) $(OIDC_STAMP) $(HELM_STAMP)  ## install into .venv what development needs, too

clean:  ## remove the environment and everything made
	rm -rf $(VENV) tests/*/node_modules build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3"; exit 1; }
	PYTHON=$(PYTHON) sh scripts/install-packages.sh python:venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'

$(STAMP): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group docs
	@touch $@

$(DEV_STAMP): $(STAMP)
	sh scripts/install-packages.sh curl:curl git:git bash:bash nginx:nginx-light \
		node:nodejs npm:npm chromium:chromium \
		dbus-daemon:dbus gnome-keyring-daemon:gnome-keyring pg_ctlcluster:postgresql mariadb-install-db:mariadb-server \
		podman:podman runc:runc debootstrap:debootstrap faketime:faketime
	npm ci --prefix web --no-audit --no-fund --loglevel=error
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps sonora==0.2.3
	@touch $@

$(OIDC_STAMP): tests/oidc/package.json tests/oidc/package-lock.json | $(DEV_STAMP)
	cd tests/oidc && npm ci --no-audit --no-fund --silent
	@touch $@

$(HELM_STAMP): tests/chart/package.json tests/chart/package-lock.json | $(DEV_STAMP)
	cd tests/chart && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@
