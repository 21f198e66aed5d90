# What a person needs to run, test and look after best_sim. `make` alone lists it.
# Assumed: make, git, a shell, and Python 3.11, 3.12 or 3.13. Another one: make test PYTHON=/path/to/python3.11

VENV := .venv
VENV_903 := .venv-903
LIFELINES := .venv-lifelines
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

BESIDE_LIFELINES = PYTHONPATH="$(CURDIR)/$(LIFELINES)" $(BIN)/pytest $(shell grep -rlw lifelines tests --include='test_*.py')

# The tests that most mistakes come to light in: what users write is read and refused as it should be, the two drivers
# give the same journeys, runs worked out by hand and closed forms are met, every document is true.
QUICK := \
	tests/cli/test_cli.py::test_a_slip_on_the_command_line_is_told \
	tests/cli/test_cli.py::test_bad_input_is_one_clear_message_and_nothing_written \
	tests/docs/test_reference.py \
	tests/engine/test_diaries.py \
	tests/engine/test_drivers.py \
	tests/engine/test_luck.py \
	tests/engine/test_pointers.py \
	tests/exchange/test_observed_recruitment.py \
	tests/measures \
	tests/pathway/test_both_drivers.py::test_on_every_variation \
	tests/pathway/test_common_luck.py \
	tests/pathway/test_extremes.py \
	tests/pathway/test_journeys.py \
	tests/pathway/test_purposes.py \
	tests/questions/test_asking.py \
	tests/scenario \
	tests/test_project.py \
	tests/test_public_face.py \
	tests/theory/test_by_hand.py \
	tests/theory/test_queues.py \
	tests/trial/test_analysis.py \
	tests/trial/test_closed_forms.py \
	tests/trial/test_consort.py \
	tests/trial/test_outcomes.py

# The first of these names that answers with a version the package supports; `python3` if none does, so that
# the message below can say which version was found. (`true`: make drops what a shell that ends in "not found" says.)
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(or $(firstword $(shell for each in python3.11 python3.12 python3.13 python3 python; do \
	$$each -c '$(SUPPORTED)' 2>/dev/null && echo $$each; done; true)),python3)

.DEFAULT_GOAL := help
# One thing is installed after another; then the types, which take a minute of one core, are checked beside the tests.
ifndef CHECKING
.NOTPARALLEL:
endif
.PHONY: help demo test test-all quick check lint format layers types unit kernel native wasm wheel docs bench pins clean distclean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.core ## install what is needed, then run the main job: the power of the trial
	$(BIN)/best-sim power

test: $(VENV)/.test $(VENV_903)/.installed $(LIFELINES)/.installed ## install what is needed, then check style, imports and types and run the tests
	@$(MAKE) --no-print-directory --keep-going --jobs=2 CHECKING=yes lint layers types unit

test-all: $(VENV)/.test $(VENV_903)/.installed $(LIFELINES)/.installed ## run every test, the slow ones too
	$(BIN)/pytest --numprocesses auto --dist worksteal -m "not lifelines"
	$(BESIDE_LIFELINES) -m lifelines

quick: $(VENV)/.test ## run the tests that tell most, in a minute or so once all is installed
	$(BIN)/pytest --numprocesses auto --dist worksteal $(QUICK)

check: lint layers types ## check style, imports and types only

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

layers: $(VENV)/.test
	$(BIN)/lint-imports

types: $(VENV)/.test
	$(BIN)/mypy

unit: $(VENV)/.test $(VENV_903)/.installed $(LIFELINES)/.installed kernel
	$(BIN)/pytest --numprocesses auto --dist worksteal -m "not slow and not lifelines"
	$(BESIDE_LIFELINES) -m "lifelines and not slow"

# Once, beside the checks, so that tests on several cores do not each compile the same.
kernel: $(VENV)/.test
	@$(BIN)/python -c 'from best_sim.pathway.model import compiled_pathway; compiled_pathway()'

native: $(VENV)/.core ## compile the pathway into the package, so that it runs without numba (until its source changes)
	$(BIN)/python shipping/make.py native

wasm: $(VENV)/.test ## compile the pathway for browsers: build/wasm has the module, and a table of what is where in its records
	$(BIN)/python shipping/make.py wasm

wheel: $(VENV)/.core ## build the wheel with the native library in it, in dist/
	$(PIP) wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

format: $(VENV)/.test ## put the code into the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.test ## run what the pages show and write what it prints and draws; some quarter of an hour (PAGES="README.md ...": those alone)
	$(BIN)/python docs/make_reference.py
	$(BIN)/python docs/make_published.py
	$(BIN)/python docs/make_diagram.py
	$(BIN)/python docs/make_pages.py $(PAGES)

bench: $(VENV)/.bench ## install the engines compared with, then run every benchmark
	@set -e; for each in benchmarks/*.py; do \
		[ -e "$$each" ] || { echo "No benchmark yet: benchmarks/ holds no .py file."; break; }; \
		echo "$$each"; $(BIN)/python "$$each"; done

pins: ## resolve the requirement files anew from pyproject.toml
	rm -rf build/pins
	$(PYTHON) -m venv build/pins/run
	build/pins/run/bin/pip install --quiet .
	build/pins/run/bin/pip freeze --exclude best-sim > requirements/core.txt
	build/pins/run/bin/python -c "import tomllib; more = tomllib.load(open('pyproject.toml', 'rb'))['project']\
	['optional-dependencies']; print(*more['test'], *more['check'], sep='\n')" | grep -v '^lifelines' > build/pins/tools.txt
	build/pins/run/bin/pip install --quiet -r build/pins/tools.txt
	build/pins/run/bin/pip freeze --exclude best-sim > build/pins/all.txt
	{ echo '-r core.txt'; grep -vxFf requirements/core.txt build/pins/all.txt; } > requirements/test.txt
	$(PYTHON) -m venv build/pins/lifelines
	grep -v '^pandas==' build/pins/all.txt > build/pins/but-pandas.txt
	build/pins/lifelines/bin/pip install --quiet -c build/pins/but-pandas.txt lifelines
	build/pins/lifelines/bin/pip freeze | grep -vxFf build/pins/all.txt > requirements/lifelines.txt
	build/pins/run/bin/pip install --quiet -c build/pins/all.txt '.[bench]'
	build/pins/run/bin/pip freeze --exclude best-sim > build/pins/bench.txt
	grep -vxFf build/pins/all.txt build/pins/bench.txt > requirements/bench.txt
	$(PYTHON) -m venv build/pins/validator-903
	build/pins/validator-903/bin/pip install --quiet csc-validator-be-903
	build/pins/validator-903/bin/pip freeze > requirements/validator-903.txt
	$(PYTHON) -m venv build/pins/build
	build/pins/build/bin/pip install --quiet -c build/pins/all.txt hatchling
	build/pins/build/bin/pip freeze > requirements/build.txt

clean: ## remove caches and built files; results/ and .venv/ stay
	rm -rf build dist best_sim/_native .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

distclean: clean ## as clean, and remove .venv/ too
	rm -rf $(VENV) $(VENV_903) $(LIFELINES)

# --- the environment ------------------------------------------------------------------------------------------
# Each stamp is as new as the last installation; nothing is installed again until a file it depends on changes.

$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || { echo "best_sim needs Python 3.11, 3.12 or 3.13, and '$(PYTHON)' was not" \
		"found. Install Python 3.11, or say where it is: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c '$(SUPPORTED)' || { echo "best_sim needs Python 3.11, 3.12 or 3.13, and '$(PYTHON)' is" \
		"`$(PYTHON) --version 2>&1`. Install Python 3.11, or say where it is:" \
		"make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: requirements/core.txt requirements/build.txt pyproject.toml | $(BIN)/pip
	@echo "Installing best_sim and the libraries it needs into $(VENV) (a minute or two, the first time)"
	@$(PIP) install --quiet -r requirements/core.txt -r requirements/build.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.core
	@echo "Installing the tools that test and check it"
	@$(PIP) install --quiet -r requirements/test.txt
	@touch $@

# The community validator of SSDA903 returns, which pins libraries of its own and Python 3.11. With another Python it is
# not installed, and its test says so.
$(VENV_903)/.installed: requirements/validator-903.txt | $(BIN)/pip
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then \
		echo "Installing the validator of SSDA903 returns into $(VENV_903)"; \
		$(BIN)/python -m venv $(VENV_903) && \
		$(VENV_903)/bin/python -m pip --disable-pip-version-check install --quiet -r $< && touch $@; \
	else mkdir -p $(VENV_903) && touch $@; fi

# lifelines, which tests compare with, needs a pandas below 3. The two lie in a folder of their own, which comes before
# all else where they are wanted; so the other tests run with the pandas that a user gets.
$(LIFELINES)/.installed: requirements/lifelines.txt $(VENV)/.test
	@echo "Installing lifelines and the pandas it needs into $(LIFELINES)"
	@rm -rf $(LIFELINES)
	@$(PIP) install --quiet --no-deps --target $(LIFELINES) -r $<
	@touch $@

# Other engines, to be compared with; the package needs none of them. One that cannot be installed is named, and tried
# again the next time; the benchmark goes on without it.
$(VENV)/.bench: requirements/bench.txt $(VENV)/.core
	@echo "Installing the engines that the benchmark compares with"
	@if $(PIP) install --quiet --no-deps -r $<; then touch $@; else \
		while read -r each; do $(PIP) install --quiet --no-deps "$$each" || \
			echo "Not installed: $$each. The benchmark goes on without what needs it." >&2; done < $<; fi
