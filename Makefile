# The commands of this repository; `make` alone lists them.
PYTHON ?= python3
STAGE ?= dev
COSTS ?= dev staging prod
BIN := .venv/bin
OPPULENCE := $(BIN)/oppulence
CODE := functions infra layers tests app.py
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url
unexport PYTHONDONTWRITEBYTECODE  # tests that are compiled again at each run start half a minute later
DIST := --dist loadscope --no-loadscope-reorder
.DEFAULT_GOAL := help
.PHONY: help setup demo dev down test long check lint bench bench-sync storm latency synth costs limits sbom audit openapi lock clean

help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: ## Environments from the lock files; does nothing when they are up to date
	@$(PYTHON) infra/local/setup.py

demo: setup ## Start the platform, deliver 5,004 Stripe events, recover a payment live, check every figure
	@$(OPPULENCE) demo

dev: setup ## Start the platform, show its logs, take code edits at once; Ctrl-C ends it
	@$(OPPULENCE) local up --watch --follow

down: setup ## Stop the platform; its data stay
	@$(OPPULENCE) local down

test: setup ## The whole test suite: in process on two cores, and beside it on the deployed template
	@$(BIN)/python -m pytest -n 3 $(DIST) -m "not long"

long: setup ## What takes longer: every stage's templates linted, half a minute of storm
	@$(BIN)/python -m pytest -m long

check: setup lint ## Lint, types and the fast tests
	@$(BIN)/python -m pytest -n 2 $(DIST) -m "not e2e and not slow and not long"

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(wildcard $(CODE))

bench: setup ## Speed: figures and ratios
	@PYTHONPATH=.:layers/domain $(BIN)/python -m tests.bench

bench-sync: setup ## Events a second through the sync engine (EVENTS=<dir>, by turns with PEER=<dir of its run.sh>)
	@PYTHONPATH=.:layers/domain $(BIN)/python -m tests.bench.sync $(if $(EVENTS),--events $(EVENTS)) $(if $(PEER),--peer $(PEER))

storm: setup ## Kill stores and workers under load, then count what is lost (MINUTES=5); ORDERS=1: the corpus in four orders
	@PYTHONPATH=.:layers/domain $(BIN)/python -m tests.e2e.storm $(if $(MINUTES),--minutes $(MINUTES)) $(if $(ORDERS),--orders)

latency: setup ## Seconds from an event to its rows through the deployed template, at 30 events/s
	@PYTHONPATH=.:layers/domain $(BIN)/python -m tests.e2e.latency

synth: setup ## The CloudFormation templates of a stage (STAGE=local|dev|preview|staging|prod) in cdk.out/
	@PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/cdk synth --quiet --context stage=$(STAGE) $(CONTEXT) --output cdk.out/$(STAGE)
	@echo "templates of $(STAGE): cdk.out/$(STAGE)"

limits: setup ## How far a stage's synthesized templates are from AWS's limits, now and with 250 functions
	@PYTHONPATH=.:layers/domain $(BIN)/python -m infra.checks.limits cdk.out/$(STAGE)

sbom: setup ## The bill of materials (CycloneDX) of all locked packages, in cdk.out/sbom.cdx.json
	@mkdir -p cdk.out && PYTHONPATH=.:layers/domain $(BIN)/python -m infra.checks.sbom > cdk.out/sbom.cdx.json

audit: setup ## Known vulnerabilities of all locked packages; asks the registries
	@for lock in requirements.lock infra/local/olap.lock $$(find layers -name requirements.lock); do \
		$(BIN)/pip-audit --progress-spinner off --disable-pip --require-hashes --requirement $$lock || exit 1; done
	@npm audit --audit-level=high

costs: setup ## What a stage costs idle, and a million requests (COSTS="dev staging prod")
	@mkdir -p cdk.out/costs; for stage in $(COSTS); do \
	  PATH="$(CURDIR)/$(BIN):$$PATH" node_modules/.bin/cdk synth --quiet --no-notices --context stage=$$stage --context layers=placeholder \
	    --context region=us-east-1 --output cdk.out/costs/$$stage 2>cdk.out/costs/log || { cat cdk.out/costs/log; exit 1; }; done
	@PYTHONPATH=. $(BIN)/python -m infra.costs cdk.out/costs $(COSTS)

openapi: setup ## Write openapi.json and the event catalogue anew from the declarations
	@PYTHONPATH=.:layers/domain $(BIN)/python -m infra.openapi

lock: setup ## Resolve all lock files anew
	@$(COMPILE) --extra dev pyproject.toml -o requirements.lock
	@$(COMPILE) infra/local/olap.in -o infra/local/olap.lock
	@for dir in layers/runtime layers/providers/*/; do $(COMPILE) -c requirements.lock $$dir/requirements.in -o $$dir/requirements.lock; done
	@npm install --package-lock-only --omit-lockfile-registry-resolved --silent

clean: ## Remove all that was made, the platform's data included
	@[ ! -x $(OPPULENCE) ] || $(OPPULENCE) local down
	@rm -rf .venv .local node_modules cdk.out .mypy_cache .ruff_cache .pytest_cache .hypothesis
