# `make` lists what there is. Python 3.11 or later with venv and pip is all that must be there:
# the environment is .venv, and everything that is made lies in folders that git ignores.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BOOK_READY := $(VENV)/.ready-book
RUNS_READY := $(VENV)/.ready-runs
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
  --constraint constraints.txt
INSTALL_BOOK := $(INSTALL) --editable ".[book]" && touch $(BOOK_READY)
STRICT := -W -n --keep-going
WORK := build
TO ?= $(WORK)/figures
# Two small tasks side by side beat one task on two threads.
JOBS ?= 2

# Compiled modules are kept, whatever the environment says: else each process compiles torch anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup book report figures test lint types unit notebooks book-check constraints \
  clean equality bench bench-quick torture torture-quick matrix mutants

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make the environment (.venv), once for each change of the dependencies

# Runs wait for no tools of the book, and who reads the book for none of the checks. The pip that
# comes with Python 3.11 takes longer to resolve than a newer one to be fetched; it serves as well.
$(RUNS_READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is \
	needed, got " + sys.version.split()[0] + "; name one: make PYTHON=python3.12 setup")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	-$(INSTALL) pip==26.3
	$(INSTALL) torch --editable .
	@touch $@

$(BOOK_READY): $(RUNS_READY)
	$(INSTALL_BOOK)

$(READY): $(BOOK_READY)
	$(INSTALL) --editable ".[dev]"
	@touch $@

# The main job runs on the embedded digits and its pages replace those of a copy of book/, so
# that what is committed stays as it is. Its runs are recorded in results/, where the notebooks
# look for theirs: a second call trains nothing, nor do the notebooks after it. The teacher trains
# while the book's tools are installed.
book: $(RUNS_READY) ## run the main job on the embedded data, build the book with it
	@$(BIN)/python -m carto_helpers teacher --dataset digits --results results & teacher=$$!; \
	trap 'kill $$teacher; exit 130' INT TERM HUP; \
	test $(BOOK_READY) -nt $(RUNS_READY) || { $(INSTALL_BOOK); } || { kill $$teacher; exit 1; }; \
	wait $$teacher
	rm -rf $(WORK)/pages && mkdir -p $(WORK)
	$(BIN)/python -m carto_helpers report --from notebooks --to $(WORK)/pages \
	  --results results --datasets digits --seeds 3 --train
	rm -rf $(WORK)/book && mkdir -p $(WORK)/book/phases
	tar -C book -chf - --exclude=./_build --exclude=./results . | tar -C $(WORK)/book -xf -
	cp $(WORK)/pages/*.ipynb $(WORK)/book/phases/
	$(BIN)/jupyter-book build $(WORK)/book --path-output book $(STRICT)

report: $(BOOK_READY) ## make the book's pages and README's text again from book/results, no training
	$(BIN)/python -m carto_helpers report --from notebooks --to book/phases --results book/results
	PYTHONPATH=. $(BIN)/python tests/make_texts.py

figures: $(BOOK_READY) ## every figure as SVG and PNG, every table as CSV and LaTeX (TO=folder)
	$(BIN)/python -m carto_helpers figures --from book/phases --to $(TO)

test: lint types unit notebooks ## run every check

lint: $(READY) ## ruff, codespell, imports between modules, docstrings, stripped notebooks
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell
	$(BIN)/lint-imports
	$(BIN)/numpydoc lint carto_helpers/*.py carto_helpers/*/*.py
	$(BIN)/nbstripout --verify notebooks/*.ipynb

types: $(READY) ## mypy --strict
	$(BIN)/mypy --num-workers $(JOBS)

unit: $(READY) ## tests, the examples in docstrings, the committed book (a warning is an error)
	$(BIN)/pytest --doctest-modules -n $(JOBS)

notebooks: $(READY) ## run every notebook with its defaults
	$(BIN)/pytest --nbmake --nbmake-timeout=600 -n $(JOBS) notebooks

book-check: $(READY) ## build the committed book apart, as the unit tests do
	rm -rf $(WORK)/check
	$(BIN)/jupyter-book build book --path-output $(WORK)/check $(STRICT)

# DATA=folder times on the real CIFAR-10 there; without it on noise of its shape.
BENCH = $(BIN)/python -m benchmarks $(if $(DATA),--data-root $(DATA))

equality: $(READY) ## the students' fast paths against plain loops, 50 steps of each: minutes
	$(BIN)/pytest -m slow tests/test_training.py tests/test_stacked_training.py \
	  tests/test_equal_steps.py

bench: $(READY) lightning ## time and weigh everything, write benchmarks/RESULTS.md
	$(BENCH)

bench-quick: $(READY) lightning ## one student and a million examples, under 3 minutes, into build/
	$(BENCH) --quick --to $(WORK)/bench

.PHONY: lightning
lightning: $(READY) # the baseline's loop; nothing else needs it
	@$(BIN)/python -c 'import pytorch_lightning' 2>/dev/null || $(INSTALL) pytorch-lightning

torture: $(READY) ## kill, corrupt, fill, race and fuzz for real, write RELIABILITY.md (30 minutes)
	-@$(BIN)/python -c 'import atheris, pip_audit' 2>/dev/null || $(INSTALL) atheris pip-audit
	$(BIN)/python -m torture

torture-quick: $(READY) ## a few of each harm, into build/torture
	$(BIN)/python -m torture --quick

matrix: $(READY) ## run the tests with the lowest and the newest dependencies (an hour)
	$(BIN)/python -m torture.matrix

mutants: $(READY) ## change the mathematics, count what its tests notice (hours; it can go on)
	@$(BIN)/python -c 'import cosmic_ray' 2>/dev/null || $(INSTALL) cosmic-ray
	$(BIN)/python -m torture.mutants

constraints: $(READY) ## resolve constraints.txt again (needs uv)
	$(BIN)/python tests/make_constraints.py

clean: ## remove what was made; the environment and your results/ stay
	rm -rf $(WORK) book/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
