# Each target sets up what it needs from nothing but Python >= 3.11 with pip; a second run does only what changed.
VENV := .venv
BIN := $(VENV)/bin
CORE := loligo.engine tentacles/venues/simulated
# In CI what is imported is compiled at its first import: most of what the packages hold never is.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(CI),--no-compile)
PYTEST := $(BIN)/python -m pytest -q --durations 20
RUNS := tests/benchmarks tests/scenario
PAGES := tests/browser tests/web
EARLY_RUNS := $(wildcard tests/scenario/test_[a-j]*.py)
UNITS := tests/unit
KIT := $(addprefix tests/unit/,cli host kit lab testing_kit)
# Measured without the property tests, which a tracer makes ten times as long.
MONEY := tests/unit/engine $(addprefix tests/tentacles/,venues trading_modes risk_rules)
LATE_RUNS := tests/benchmarks $(filter-out $(EARLY_RUNS),$(wildcard tests/scenario/test_*.py))
COVERAGE = $(CORE:%=--cov=%) --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=95

.DEFAULT_GOAL := help
.PHONY: help setup run page test test-early-runs test-early-units test-kit test-late-runs test-money test-pages test-quiet test-rest test-units lint coverage bench screenshots registry lock clean verify-kill verify-swap verify-stats verify-properties verify-looks

help:  ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

$(BIN)/python:
	@for candidate in "$$PYTHON" python3 python3.13 python3.12 python3.11; do \
	  if [ -n "$$candidate" ] && "$$candidate" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then echo "creating $(VENV) from $$candidate"; exec "$$candidate" -m venv $(VENV); fi; \
	done; echo "no Python >= 3.11 with venv found; install one, or run: make setup PYTHON=/path/to/python3" >&2; exit 1

$(VENV)/.requirements: requirements.lock | $(BIN)/python
	@sed -n '/^pip==/,/# via/p' requirements.lock > $(VENV)/pip.lock
	$(PIP) --require-hashes -r $(VENV)/pip.lock  # the pip that comes with an older Python takes twice as long for the rest
	$(PIP) --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.requirements web/package-lock.json web/loligo_web/VENDOR.toml
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

setup: $(VENV)/.installed  ## Make .venv with everything that is needed, at the locked versions

run: setup  ## Run the paper desks over the bundled candles; in a terminal at a pace to watch, with their page, until Ctrl-C
	@if [ -t 1 ]; then set -x; $(BIN)/loligo run --page --stay --speed 345600; else set -x; $(BIN)/loligo run; fi

page: setup  ## Run them anew at that pace (four days of candles in a second), with the page in the browser
	$(BIN)/loligo run --fresh --speed 345600 --page --stay

test: setup  ## Run all tests, the long parts first; with CI set also hold branch coverage
	$(MAKE) --jobs 4 --keep-going test-pages test-late-runs test-early-units test-quiet

# What waits for nobody: it takes the time that the parts beside it leave, in which bots and browsers wait for one another.
test-quiet: setup
	nice -n 10 $(MAKE) --keep-going test-money test-rest test-kit

test-early-units: setup
	$(MAKE) --keep-going test-early-runs test-units

test-early-runs: setup
	$(PYTEST) $(EARLY_RUNS)

test-late-runs: setup
	$(PYTEST) $(LATE_RUNS)

test-pages: setup
	$(PYTEST) $(PAGES)

test-money: setup
	$(PYTEST) $(MONEY) $(if $(CI),$(COVERAGE))

test-units: setup
	$(PYTEST) $(UNITS) $(patsubst %,--ignore %,$(MONEY) $(KIT))

test-kit: setup
	$(PYTEST) $(KIT)

test-rest: setup
	$(PYTEST) $(patsubst %,--ignore %,$(RUNS) $(PAGES) $(UNITS) $(MONEY))

lint: setup  ## Check style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

coverage: setup  ## Hold branch coverage of the stages that move money at 95 %
	$(BIN)/python -m pytest -q $(MONEY) $(COVERAGE)

verify-kill: setup  ## Kill a paper bot at 100 moments; installs and updates, swaps, A/B tests at 50 each; all come up whole
	LOLIGO_KILLS=$${LOLIGO_KILLS:-100} LOLIGO_INSTALL_KILLS=$${LOLIGO_INSTALL_KILLS:-50} \
	  LOLIGO_SWAP_KILLS=$${LOLIGO_SWAP_KILLS:-50} \
	  LOLIGO_EXPERIMENT_KILLS=$${LOLIGO_EXPERIMENT_KILLS:-50} \
	  $(BIN)/python -m pytest -q -rP -k kill tests/scenario/test_kill.py tests/scenario/test_install.py \
	  tests/scenario/test_swap_kill.py tests/scenario/test_experiments.py

verify-swap: setup  ## Exchange tentacles 1,000 times under 10,000 events a second; replay a session of 50 swaps of all kinds
	$(BIN)/python -m tests.benchmarks.swaps
	LOLIGO_SWAP_STEPS=$${LOLIGO_SWAP_STEPS:-50} $(BIN)/python -m pytest -q -rP tests/scenario/test_swap_session.py

verify-stats: setup  ## Measure how often verdicts of A/B tests are wrong, and find what is there; writes verify-stats.json
	$(BIN)/python -m loligo_lab.verify_stats --json tests/benchmarks/verify-stats.json

verify-properties: setup  ## Try every property as often as it should be; in CI they are tried a quarter as often
	env -u CI $(BIN)/python -m pytest -q tests/property

verify-looks: setup  ## Do all that can be done on the page as a person does, dark and on a phone, too
	for look in "dark" "phone light" "phone dark"; do \
	  LOLIGO_LOOK="$$look" $(BIN)/python -m pytest -q tests/browser || exit 1; done

bench: setup  ## Measure speed beside reference runs; writes tests/benchmarks/latest.json
	$(BIN)/python -m tests.benchmarks

screenshots: setup  ## Take pictures of every page, light, dark and phone, into reports/screenshots
	$(BIN)/python -m tests.browser.screenshots

registry: setup  ## List new bundled tentacles and take the hashes of changed ones
	$(BIN)/loligo tentacle refresh --bundled

lock: setup  ## Resolve the dependencies anew into requirements.lock
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --upgrade --generate-hashes --no-emit-index-url \
	  --no-emit-trusted-host --no-emit-find-links --no-emit-options --strip-extras --allow-unsafe \
	  --extra postgresql --extra dev --output-file requirements.lock pyproject.toml

clean:  ## Remove what the targets made, but no bot's state
	rm -rf $(VENV) web/node_modules dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find core web tentacles tests -name __pycache__ -type d -prune -exec rm -rf {} +
