# `make dev` runs the back end, `make test` tests it; both set up the virtual environment first.

.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := functions/venv
BIN := $(VENV)/bin
RUN := PYTHONPATH=.:functions $(BIN)/python
# Tests and benches start many processes, and each would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-24s%s\n", $$1, $$2 }'

.PHONY: dev
dev: $(VENV)/.runtime ## Run everything on this machine (RESET=1 deletes the data; FUNCTIONS_PORT, FIRESTORE_PORT, HOSTING_PORT, MODEL_FAILURE_RATE)
	@exec env $(RUN) -m operations.dev $(if $(filter 1,$(RESET)),--reset)

.PHONY: test
test: $(VENV)/.development ## Run the tests, and list those that are skipped (without Chromium, Node or the Firebase CLI)
	@echo "The embedded Firebase:"
	@$(BIN)/python -m pytest -q -n 2 -m "not long" embedded-firebase/tests
	@echo "The back end and its console:"
	@$(BIN)/python -m pytest -q -n 2 -m "not long"

# The representatives of these are in `make test`: the cases and examples here are many more of the same.
.PHONY: test-long
test-long: $(VENV)/.development ## Run the exhaustive tests: deaths at every step, 200 simulated seeds, many generated requests
	@CRASH_ROUNDS=10 MODEL_EXAMPLES=100 $(BIN)/python -m pytest -q -n 2 $(EXHAUSTIVE:%=embedded-firebase/tests/firestore/%)
	@$(MAKE) --no-print-directory fuzz EXAMPLES=40
	@$(BIN)/python -m pytest -q -n 2 -m long

EXHAUSTIVE := test_crash.py test_model.py

.PHONY: check
check: $(VENV)/.development ## Format, lint, strict types and the tests of `make test`
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=.:functions $(BIN)/lint-imports --no-cache
	$(BIN)/python embedded-firebase/tools/message_stubs.py --check
	$(BIN)/embedded-export --source initial_data/source.json --out initial_data --check
	$(RUN) -m operations.openapi --check
	@$(MAKE) --no-print-directory lint-javascript
	@$(MAKE) --no-print-directory test

# JavaScript and CSS are checked with Node; without Node the checks are skipped, except in continuous integration.
JAVASCRIPT := tests/javascript
# The official clients for JavaScript, which the embedded Firestore is tested with.
CLIENTS := embedded-firebase/tests/node
NPM_BIN := $(JAVASCRIPT)/node_modules/.bin
SCRIPTS := 'public/**/*.{js,css}' 'tests/**/*.{js,d.ts}' 'embedded-firebase/tests/**/*.js' '!**/vendor/**' '!**/openapi.d.ts'

.PHONY: lint-javascript
lint-javascript: ## Format, lint and strict types of the JavaScript and CSS (needs Node)
	@if command -v node >/dev/null && command -v npm >/dev/null; then $(MAKE) --no-print-directory .lint-javascript; \
	elif [ "$$CI" = true ]; then echo "There is no Node, and continuous integration may not skip its checks." >&2; exit 1; \
	else echo "SKIPPED lint-javascript: there is no Node (apt-get install nodejs npm)"; fi

.PHONY: .lint-javascript
.lint-javascript: $(JAVASCRIPT)/node_modules/.installed $(CLIENTS)/node_modules/.installed
	@sh $(JAVASCRIPT)/compare_vendored.sh
	$(NPM_BIN)/openapi-typescript docs/openapi.json --output $(JAVASCRIPT)/openapi.d.ts
	$(NPM_BIN)/prettier --config $(JAVASCRIPT)/prettier.config.js --no-error-on-unmatched-pattern --check $(SCRIPTS)
	$(NPM_BIN)/eslint --config $(JAVASCRIPT)/eslint.config.js --no-config-lookup --max-warnings 0 .
	$(NPM_BIN)/tsc --project $(JAVASCRIPT)/tsconfig.json
	$(NPM_BIN)/tsc --project $(JAVASCRIPT)/tsconfig.node.json

%/node_modules/.installed: %/package.json %/package-lock.json
	@npm ci --prefix $* --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Not part of `make check`: it takes a third more CPU time than the tests alone.
.PHONY: coverage
coverage: $(VENV)/.development ## Measure the branch coverage of functions/ by all tests; fails below the floor in pyproject.toml
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q -n 2
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

.PHONY: format
format: $(VENV)/.development ## Format the code and apply the linters' fixes (JavaScript if there is Node)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory .format-javascript; fi

.PHONY: .format-javascript
.format-javascript: $(JAVASCRIPT)/node_modules/.installed
	$(NPM_BIN)/prettier --config $(JAVASCRIPT)/prettier.config.js --no-error-on-unmatched-pattern --write $(SCRIPTS)
	$(NPM_BIN)/eslint --config $(JAVASCRIPT)/eslint.config.js --no-config-lookup --fix .

.PHONY: bench
bench: $(VENV)/.development ## Count round trips and billed operations, and measure overheads
	@$(RUN) -m tests.bench

.PHONY: bench-cold
bench-cold: $(VENV)/.development ## Measure the first call of each function in a new process (AGAINST=another checkout to compare)
	@$(RUN) -m tests.bench.cold $(if $(AGAINST),--against $(AGAINST))

.PHONY: bench-crossings
bench-crossings: $(VENV)/.development ## Count the calls between the files of functions/ in one createGenerationRequest
	@$(RUN) -m tests.bench.crossings

.PHONY: bench-anomalies
bench-anomalies: $(VENV)/.development ## Measure the anomaly tests on simulated weeks: false alarms and detected faults
	@$(RUN) -m tests.bench.anomalies

.PHONY: conformance
conformance: $(VENV)/.development ## Run Google's own tests of the Firestore client against the embedded Firestore
	@cd embedded-firebase && $(CURDIR)/$(BIN)/python -m tests.conformance

.PHONY: bench-firestore
bench-firestore: $(VENV)/.development ## Measure the embedded Firestore (NODE_FIRESTORE=folder of @firestore-emulator/server, to compare)
	@cd embedded-firebase && $(CURDIR)/$(BIN)/python -m tests.bench.firestore

.PHONY: bench-console
bench-console: $(VENV)/.development ## Measure the weight and the first paint of each page in Chromium (AGAINST=another checkout to compare)
	@$(RUN) -m tests.bench.console $(if $(AGAINST),--against $(AGAINST))

.PHONY: bench-report
bench-report: $(VENV)/.development ## Compare the weekly report with one that reads every request (N=1000000 for more)
	@$(RUN) -m tests.bench.report $(if $(N),--requests $(N))

.PHONY: bench-queue
bench-queue: $(VENV)/.development ## Queue 1,000 generations, kill the host half-way, and check that all of them end
	@$(RUN) -m tests.bench.queue

.PHONY: bench-reconcile
bench-reconcile: $(VENV)/.development ## Let 20,000 leases expire behind 300 broken records, and check that reconcile ends them in two runs
	@$(RUN) -m tests.bench.reconcile

.PHONY: bench-memory
bench-memory: $(VENV)/.development ## Measure the memory of an instance that draws 16 large pictures at once, and is sent 16 bodies of 32 MiB
	@$(RUN) -m tests.bench.memory

.PHONY: bench-verify
bench-verify: $(VENV)/.development ## Measure the memory and time of verifying few and many accounts
	@$(RUN) -m tests.bench.verify

.PHONY: bench-webhooks
bench-webhooks: $(VENV)/.development ## Measure an account's webhooks beside 100 of another one to a socket that never answers; fails above 1 s
	@$(RUN) -m tests.bench.webhooks

.PHONY: load
load: $(VENV)/.development ## Load-test the functions host with many clients for 30 s, then verify the books (RESTART=1 kills Firestore half-way)
	@$(RUN) -m tests.load $(if $(filter 1,$(RESTART)),--restart)

.PHONY: fuzz
fuzz: $(VENV)/.development ## Check the answers to generated requests against docs/openapi.json (EXAMPLES=5000 for each operation)
	@EXAMPLES=$(or $(EXAMPLES),1000) $(BIN)/python -m pytest -q -n 2 tests/contract/test_schemathesis.py

.PHONY: simulate
simulate: $(VENV)/.development ## Run the services in a seeded simulation with faults (SEEDS=10000 for more, SEED=7 for one and its trace)
	@$(RUN) -m tests.simulation $(if $(SEED),--seed $(SEED),$(if $(SEEDS),--seeds $(SEEDS)))

.PHONY: mutants
mutants: $(VENV)/.development ## Change the code in many small ways, and count the changes that no test notices (OF_EACH=30 for each file)
	@$(RUN) -m tests.mutants $(if $(OF_EACH),--of-each $(OF_EACH))

.PHONY: report
report: $(VENV)/.runtime ## Print the latest weekly report of the running Firestore (WEEK=2026-W46 makes that report first; PROJECT, FIRESTORE_PORT, FIRESTORE_EMULATOR_HOST)
	@$(RUN) -m operations.report $(if $(WEEK),--week $(WEEK)) $(if $(PROJECT),--project $(PROJECT))

.PHONY: verify
verify: $(VENV)/.runtime ## Verify the books of all accounts in the running Firestore (PROJECT, FIRESTORE_PORT, FIRESTORE_EMULATOR_HOST)
	@$(RUN) -m operations.verify $(if $(PROJECT),--project $(PROJECT))

.PHONY: smoke
smoke: $(VENV)/.runtime ## Check the running `make dev`, or a deployed project with PROJECT=... (ID_TOKEN, WEBHOOK_URL)
	@$(RUN) -m operations.smoke $(if $(PROJECT),--project $(PROJECT))

.PHONY: history
history: $(VENV)/.runtime ## Fill the running Firestore with nine weeks of requests, one with an anomaly, and the report of each (FIRESTORE_PORT, HOSTING_PORT)
	@$(RUN) -m operations.history

.PHONY: openapi
openapi: $(VENV)/.runtime ## Write docs/openapi.json and the Postman collection from the code
	@$(RUN) -m operations.openapi

.PHONY: screenshots
screenshots: $(VENV)/.development ## Write docs/images/ from the running `make dev`, with Chromium (HOSTING_PORT)
	@$(RUN) -m operations.screenshots

.PHONY: initial-data
initial-data: $(VENV)/.runtime ## Rebuild the export in initial_data/ from initial_data/source.json
	$(BIN)/embedded-export --source initial_data/source.json --out initial_data

# The versions in a .txt file are kept if they still fit its .in file; UPGRADE=1 takes the newest that fit.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --native-tls \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make requirements' $(if $(filter 1,$(UPGRADE)),--upgrade)

.PHONY: requirements
requirements: $(VENV)/.development ## Compile each requirements.txt, with hashes, from its .in file (UPGRADE=1 for the newest versions that fit)
	$(COMPILE) functions/requirements.in --output-file functions/requirements.txt
	$(COMPILE) embedded-firebase/requirements.in --constraint functions/requirements.txt --output-file embedded-firebase/requirements.txt
	$(COMPILE) requirements-dev.in --constraint functions/requirements.txt --constraint embedded-firebase/requirements.txt --output-file requirements-dev.txt

.PHONY: clean
clean: ## Delete the virtual environment, the packages of Node and the data of `make dev`
	rm -rf $(VENV) .emulator_data embedded-firebase/.conformance $(JAVASCRIPT)/node_modules $(CLIENTS)/node_modules

# The Firebase CLI requires functions/venv, with the Python version of `runtime` in firebase.json.
$(BIN)/python:
	@wanted=$$(sed -n 's/.*"runtime": *"python3\([0-9]*\)".*/python3.\1/p' firebase.json); \
	for python in $(PYTHON) $$wanted python3; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; \
		python=; \
	done; \
	if [ -z "$$python" ]; then echo "Python 3.11 or newer is required; set PYTHON=..." >&2; exit 1; fi; \
	if [ "$$($$python -c 'import sys; print("python%d.%d" % sys.version_info[:2])')" != "$$wanted" ]; then \
		echo "Note: using $$($$python --version); the Firebase CLI requires $$wanted ('runtime' in firebase.json)."; fi; \
	echo "Setting up $(VENV) ..."; \
	$$python -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# pip installs only files whose hash is in the requirements. embedded-firebase has none, as it is installed from this
# folder, in editable mode, which registers its commands and its pytest plugin.
REQUIREMENTS := functions/requirements.txt embedded-firebase/requirements.txt
$(VENV)/.runtime: $(REQUIREMENTS) embedded-firebase/pyproject.toml | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(REQUIREMENTS:%=-r %)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable embedded-firebase
	@touch $@

$(VENV)/.development: requirements-dev.txt $(VENV)/.runtime
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@
