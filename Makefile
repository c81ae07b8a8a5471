# The project's commands. Each sets up .venv by itself, once, and again when what it is made from changes.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.bench-ready
BROWSER_TRIED := $(VENV)/.browser-tried
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
CODE := src $(wildcard tests bench examples tools)

BENCH_PACKAGES := nats-server redis-server mosquitto

# make test WORKERS=1 ARGS='-k codec', make run ARGS='--servers 3', make bench-fanout ARGS='--peers oyez,nats',
# make soak N=100000 ROUNDS=100 FUZZ=3600
WORKERS ?= 2
ARGS ?=
N ?= 10000
ROUNDS ?= 20
FOLDER ?= build/screenshots
FUZZ ?= 120

.PHONY: help run test browser check bench bench-peers screenshots soak constraints clean

help:
	@echo "make run          a whole network on this machine; Ctrl-C stops it"
	@echo "make test         the tests"
	@echo "make browser      install Chromium for some of them, with apt; make test has tried that once"
	@echo "make check        format, lint, types, import rule"
	@echo "make bench        the measurements; make bench-fanout and so on for one workload"
	@echo "make bench-peers  install the brokers to measure against, with apt: $(BENCH_PACKAGES)"
	@echo "make screenshots  pictures of the console in all its states, into FOLDER=$(FOLDER)"
	@echo "make soak         long runs: N=$(N) simulated histories, then the tests marked soak, ROUNDS=$(ROUNDS) of each failure,"
	@echo "                  FUZZ=$(FUZZ) seconds of fuzzing each target"
	@echo "make constraints  pin the newest versions that pyproject.toml allows"
	@echo "make clean        remove what the tools left behind (not $(VENV))"

run: $(READY)
	$(BIN)/oyez up $(ARGS)

test: $(READY) $(BROWSER_TRIED)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations=10 $(ARGS)

browser:
	tools/install-browser

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports --no-logo

bench: $(BENCH_READY)
	$(BIN)/python -m bench $(ARGS)

bench-%: $(BENCH_READY)
	$(BIN)/python -m bench $* $(ARGS)

bench-peers:
	tools/install-peers $(BENCH_PACKAGES)

screenshots: $(READY)
	$(BIN)/python -m tests.browser.screenshots $(FOLDER)

soak: $(READY)
	$(BIN)/oyez simulate --histories $(N)
	OYEZ_SOAK_ROUNDS=$(ROUNDS) OYEZ_FUZZ_SECONDS=$(FUZZ) $(BIN)/python -m pytest -m soak -n $(WORKERS) --hypothesis-profile=soak $(ARGS)

constraints: $(READY)
	$(BIN)/python -m venv --clear build/constraints
	build/constraints/bin/pip --disable-pip-version-check install --quiet -e '.[dev,bench,fuzz]'
	build/constraints/bin/pip --disable-pip-version-check list --format=freeze \
		--exclude pip --exclude setuptools --exclude wheel --exclude oyez > build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/constraints

clean:
	rm -rf build dist .coverage htmlcov .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src $(wildcard tests bench examples tools) -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	@PYTHON='$(PYTHON)' tools/make-venv $(VENV)
	$(INSTALL) -e '.[dev]'
	@$(INSTALL) --only-binary atheris -e '.[fuzz]' || \
		echo "atheris can't be had here: the tests in tests/fuzz make no new inputs, and say so"
	@touch $@

# Once, since it takes a while to fail where there is no network.
$(BROWSER_TRIED): | $(READY)
	tools/install-browser
	@touch $@

# On top of it, for the benchmark alone.
$(BENCH_READY): $(READY)
	$(INSTALL) -e '.[dev,bench]'
	@touch $@
