# The commands of the project. Only make and Python >= 3.11 are assumed; `make` alone lists them.

# The first of these that is new enough. `make PYTHON=/path/to/python3.12 venv` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PORT   ?= 8000
BIN    := .venv/bin
READY  := .venv/.ready
export PYTHONUTF8 := 1

.DEFAULT_GOAL := help
.PHONY: help venv book html draft serve test check test-c test-oldest test-newest lab notebooks lock bench clean

help:            ## this list
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  +##' Makefile | sed -E 's/:[^#]*## ?/\t/' | expand -t 14

venv: $(READY)   ## set up .venv from requirements.txt, and the package itself, editable

$(READY): requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=... venv"; exit 1; }
	@test -x $(BIN)/python || { echo "Setting up .venv (about a minute)"; $(PYTHON) -m venv .venv; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@touch $@

book: html       ## build the site, serve it, print the address (PORT=8000)
	@$(BIN)/python tools/serve.py _build/html $(PORT)

html: $(READY)   ## build the site into _build/html: from a clean tree, warnings are errors
	@rm -rf _build
	@$(BIN)/jupyter-book build . --all -W -n --keep-going

draft: $(READY)  ## a quick build while writing: unchanged chapters are not executed again
	@BTL_DRAFT=1 $(BIN)/jupyter-book build . -n

serve: $(READY)  ## serve what is built
	@$(BIN)/python tools/serve.py _build/html $(PORT)

test: $(READY)   ## everything that CI runs
	@$(BIN)/python tools/suite.py all

check: $(READY)  ## the fast part of the tests, under two minutes
	@$(BIN)/python tools/suite.py fast

test-c: $(READY) ## the C export with gcc, clang and for Cortex-M under qemu; prints the sizes
	@$(BIN)/python -m pytest -q -s -o addopts= tests/c tests/test_export.py

# An environment of its own with the chosen end of the versions that pyproject.toml allows.
define tests_on
	@rm -rf build/$@ && $(PYTHON) -m venv build/$@ && build/$@/bin/pip install --quiet uv
	@build/$@/bin/uv pip install --quiet --python build/$@/bin/python --resolution $(1) \
		".[fast,widgets,sklearn,aeon,lab,dask]"
	@build/$@/bin/pip install --quiet pytest pytest-xdist hypothesis pyyaml array-api-strict
	@build/$@/bin/pip list | grep -E "^(numpy|numba|scikit-learn|aeon|pandas) "
	@build/$@/bin/python -m pytest -q -n 2 -m "not slow" --ignore=tests/book \
		--ignore=tests/test_layers.py --ignore=tests/test_project.py tests
endef

test-oldest:     ## the fast tests on the oldest versions of NumPy and the others that are allowed
	$(call tests_on,lowest-direct)

test-newest:     ## ... and on the newest (make PYTHON=python3.13 test-newest)
	$(call tests_on,highest)

lab: $(READY)    ## JupyterLab on the chapters
	@$(BIN)/jupyter lab book

notebooks: $(READY)  ## execute the chapters anew and bring them into their committed form
	@$(BIN)/python tools/notebooks.py --execute

lock: $(READY)   ## choose the newest versions that fit pyproject.toml, write requirements.txt
	@$(BIN)/python tools/lock.py

bench: $(READY)  ## speed, memory and start of bnnkit beside its peers
	@for what in kernels training inference memory start; do $(BIN)/python -m bnnkit bench $$what || exit 1; done

clean:           ## remove what was built (.venv stays)
	@rm -rf _build build dist *.egg-info .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	@find bnnkit book tests tools -name __pycache__ -prune -exec rm -rf {} +
