# Everything runs in .venv. Python 3.11, make and git are all that must be there before.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HARD := $(addprefix pgpromote_tests/func/,test_untrusted.py test_damage.py test_adopt.py)
# Half of the time a test waits for a server: more workers than cores.
WORKERS := --numprocesses 4 --dist loadfile --no-loadscope-reorder
# pip shows what it does to a person, who waits for minutes, and is silent in a log.
PIP_INSTALL := $(BIN)/python -m pip install $(if $(MAKE_TERMOUT),,--quiet) --disable-pip-version-check \
	--constraint constraints.txt

export DAGSTER_HOME := $(CURDIR)
export DAGSTER_DISABLE_TELEMETRY := 1

.PHONY: help demo up all quick fix test test-cases test-generated test-hard test-kill test-long test-queries test-versions lint type imports unit func ui screenshots docs bench clean

help:  ## Show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(VENV)/demo: pyproject.toml constraints.txt
	@echo "Installing pgpromote with Dagster and PostgreSQL into $(VENV), once; this takes some minutes ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP_INSTALL) --editable '.[demo]'
	@touch $@

$(VENV)/test: $(VENV)/demo
	@echo "Installing what the tests need into $(VENV), once ..."
	@$(PIP_INSTALL) --editable '.[test]'
	@touch $@

demo: $(VENV)/demo  ## Promote a sample database on embedded servers, and show what happened
	@$(BIN)/pgpromote demo

up: $(VENV)/demo  ## Start the Dagster UI and daemon; Ctrl-C stops everything
	@$(BIN)/pgpromote up

quick: lint type imports unit  ## Run what takes a minute: before each commit

fix: $(VENV)/test  ## Let ruff write the code as it should stand
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

test: lint type imports unit func  ## Run every check and every test of the code

all: test test-long test-versions docs ui test-kill  ## Run all of it: what CI runs

lint: $(VENV)/test
	$(BIN)/ruff check
	$(BIN)/ruff format --check

type: $(VENV)/test
	$(BIN)/mypy

imports: $(VENV)/test
	$(BIN)/lint-imports

docs: $(VENV)/test  ## Build the documentation into build/site, and run every command that it shows
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs --quiet build
	$(BIN)/pytest pgpromote_tests/docs --numprocesses 2

unit: $(VENV)/test
	$(BIN)/pytest pgpromote_tests/unit

func: $(VENV)/test
	$(BIN)/pytest pgpromote_tests/func -m "not long and not other_version" $(WORKERS)

ui: $(VENV)/test  ## Click through the Dagster UI in Chromium
	$(BIN)/pytest pgpromote_tests/ui

screenshots: $(VENV)/test  ## Make docs/*.png again
	$(BIN)/python -m pgpromote_tests.ui.screenshots

test-versions: $(VENV)/test  ## Run the tests that a version can change on their other versions; about three minutes
	$(BIN)/pytest pgpromote_tests/func -m other_version $(WORKERS)

test-long: $(VENV)/test  ## Freeze, restart, interrupt and attack promotions; promote the case files; all that takes many seconds
	$(BIN)/pytest pgpromote_tests/func -m "long and not other_version" $(WORKERS)

test-cases: $(VENV)/test  ## Promote each file of cases/ on all of its pairs of versions; two minutes
	$(BIN)/pytest pgpromote_tests/func/test_cases.py pgpromote_tests/func/test_cases_more.py \
		--numprocesses 2 --dist worksteal

test-generated: $(VENV)/test  ## Promote random schemas, EXAMPLES=300 on each pair of versions; about an hour and a half
	PGPROMOTE_GENERATED=$(or $(EXAMPLES),300) $(BIN)/pytest pgpromote_tests/func/test_generated.py \
		--numprocesses 2 --dist worksteal -rP

test-kill: $(VENV)/test  ## Kill promotions and servers some hundred times; about 15 minutes
	PGPROMOTE_KILLS=full $(BIN)/pytest pgpromote_tests/func/test_promotion_kills.py \
		pgpromote_tests/func/test_cutover_kills.py pgpromote_tests/func/test_services_kills.py --numprocesses 2 --dist worksteal -rP

test-hard: $(VENV)/test  ## Try every attack and every damage, and print how many held; about 20 minutes
	@mkdir -p build && rm -f build/hard.jsonl
	PGPROMOTE_HARD=1 PGPROMOTE_HARD_TABLE=$(CURDIR)/build/hard.jsonl $(BIN)/pytest $(HARD) \
		--numprocesses 2 --dist worksteal
	@$(BIN)/python -m pgpromote_tests.hard build/hard.jsonl

test-queries: $(VENV)/test  ## Run all tests against servers, and print which of our queries each version has run
	@mkdir -p build && rm -f build/queries.jsonl
	PGPROMOTE_QUERIES=$(CURDIR)/build/queries.jsonl $(MAKE) func test-long test-versions
	@$(BIN)/python -m pgpromote_tests.queries build/queries.jsonl

bench: $(VENV)/test  ## Measure promotions beside pg_dump and pgcopydb; BENCH='--scale 4' for more data
	$(BIN)/python -m pgpromote_tests.bench $(BENCH)

clean:  ## Remove the virtual environment
	rm -rf $(VENV)
