# `make help` lists the verbs.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate $(UPGRADE)

.PHONY: help up set-up set-up-dev python clean check format test test-fast browser lock \
	acceptance acceptance-clients acceptance-vllm vllm lock-vllm secrets test-compose \
	rolling rolling-back canary
help:  ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

up: set-up ## start everything on this machine; Ctrl-C stops it
	@exec setpriv --pdeathsig TERM $(BIN)/python manage.py up

set-up: python ## what `up` does before: .venv, packages, the built UI
	@$(PYTHON) chatbot/embedded/set_up.py embedded

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv"; exit 1; }

set-up-dev: python ## the same, with the tools for tests and checks
	@$(PYTHON) chatbot/embedded/set_up.py dev

clean: ## remove what set-up made; data in .brainstem stays
	rm -rf .venv .venv-acceptance .venv-vllm tests/acceptance/node/node_modules web/node_modules web/dist ocr_worker/tessdata/node_modules

check: set-up-dev ## lint, format, imports, types, spelling (no server needed)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy .
	$(BIN)/codespell

format: set-up-dev ## let ruff put the code in order
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

test: set-up-dev browser acceptance-clients check ## every check and test, the browser included; what CI runs
	cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent check
	$(BIN)/python -m pytest -q -n 2 -m "not slow"
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m slow

test-fast: set-up-dev ## unit and integration tests, without browser, whole stacks and chaos
	$(BIN)/python -m pytest -q -n 2 -m "not slow"

secrets: ## .env for `docker compose`, with new secrets; what is there stays
	@$(PYTHON) compose/make_env.py

rolling: ## VERSION=… of the images, replica by replica, while people work
	@$(PYTHON) compose/rolling.py $(VERSION)

rolling-back: ## to the version before
	@$(PYTHON) compose/rolling.py --back

canary: ## PERCENT=10 of new requests to VERSION=…; PERCENT=0 ends it
	@$(PYTHON) compose/rolling.py --canary $(PERCENT) $(VERSION)

test-compose: set-up-dev browser ## builds the images, starts compose.yaml's stack and tries both; needs a Docker Engine
	@docker version >/dev/null || { echo "No Docker Engine answers."; exit 1; }
	$(BIN)/python -m pytest -q tests/compose/*_tests.py

acceptance: set-up-dev acceptance-clients ## only the programs of others, and a real llama.cpp
	$(BIN)/python -m pytest -q tests/acceptance

acceptance-clients: set-up-dev
	@test -x .venv-acceptance/bin/python || $(BIN)/uv venv --quiet -p $(BIN)/python .venv-acceptance
	@$(BIN)/uv pip sync --quiet --require-hashes -p .venv-acceptance/bin/python requirements/acceptance.txt
	@cd tests/acceptance/node && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund

acceptance-vllm: vllm ## a real vLLM under the connectors: 2 GB and ten minutes, so CI doesn't
	$(BIN)/python -m pytest -q -rP tests/acceptance/vllm/server_tests.py

vllm: set-up-dev
	@test -x .venv-vllm/bin/python || $(BIN)/uv venv --quiet -p $(BIN)/python .venv-vllm
	@$(BIN)/uv pip sync --quiet --require-hashes -p .venv-vllm/bin/python requirements/vllm.txt || { \
		echo "torch's CPU build is not on PyPI: UV_FIND_LINKS names the folder or page that has its wheel"; \
		exit 1; }

browser: ## a browser and Korean fonts for the end-to-end tests (needs root once)
	@command -v chromium >/dev/null && fc-list :lang=ko 2>/dev/null | grep -q . || { \
		echo "Installing Chromium and Korean fonts"; \
		$(AS_ROOT) apt-get update -qq && \
		$(AS_ROOT) apt-get install -y -qq --no-install-recommends chromium fontconfig fonts-noto-cjk \
			>/dev/null; } || \
		{ echo "Chromium is missing. As root: apt-get install chromium fontconfig fonts-noto-cjk"; \
		exit 1; }

lock: ## lock requirements/*.in again, with hashes; UPGRADE=--upgrade for newer versions
	$(LOCK) requirements/dev.in -o requirements/dev.txt
	$(LOCK) requirements/acceptance.in -o requirements/acceptance.txt
	for process in chatbot chat_service tracing ocr_worker ocr_rapid ingest_worker embedded uv; do \
		$(LOCK) -c requirements/dev.txt requirements/$$process.in -o requirements/$$process.txt \
			|| exit 1; done

lock-vllm: ## lock requirements/vllm.in again; UV_FIND_LINKS names where torch's CPU build is
	$(LOCK) requirements/vllm.in -o requirements/vllm.txt
