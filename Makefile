# Every target makes what it needs. `make help` lists them.
PYTHON ?= python3
VENV := .venv
IMAGE_BUILDER ?= docker
BASE_IMAGE ?=
BIN := $(VENV)/bin
FUZZ_LIMITS := -rss_limit_mb=1400 -timeout=20 -print_final_stats=1 -artifact_prefix=.warmlens/fuzz/
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
export JSII_RUNTIME_PACKAGE_CACHE_ROOT := $(CURDIR)/.warmlens/jsii

.DEFAULT_GOAL := help
.PHONY: help run down test soak fuzz image cpus snapshots policies licences audit unit infrastructure integration e2e models lint format synth openapi screenshot clean reference docs pictures experiments torch

help:  ## List the targets
	@grep -hE '^[a-z0-9 -]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' \
		'{gsub(" ", "|", $$1); printf "  make %-35s %s\n", $$1, $$2}'

run: $(VENV)/.run  ## Run the app on this machine, on port 8080 or PORT=..., with MODEL=name
	@$(BIN)/warmlens local up $(if $(PORT),--port $(PORT)) $(if $(MODEL),--model $(MODEL))

down:  ## Stop the app that `make run` started
	@test ! -x $(BIN)/warmlens || $(BIN)/warmlens local down

test: $(VENV)/.models node_modules  ## Run all tests
	$(BIN)/pytest
	@if [ -n "$(IMAGE_BUILDER)" ] && $(IMAGE_BUILDER) info >/dev/null 2>&1; then \
		$(MAKE) image; \
	else \
		echo "NOT RUN: the check of the container image, which needs a builder that works here:"; \
		echo "         make image IMAGE_BUILDER=docker, podman or buildah"; \
	fi
	@if $(BIN)/python -W ignore -c 'import sys, torch; sys.exit(torch.version.cuda is not None)'; then \
		$(MAKE) torch; \
	else \
		echo "NOT RUN: models that PyTorch serves, as its build for CUDA is no image's. With the address"; \
		echo "         of an index of its CPU builds: make torch TORCH_INDEX=..."; \
	fi
	@if command -v qemu-x86_64 >/dev/null; then \
		$(MAKE) cpus; \
	else \
		echo "NOT RUN: the shipped models on an older processor, which needs qemu-user:"; \
		echo "         sudo apt install qemu-user && make cpus"; \
	fi

soak: $(VENV)/.dev node_modules  ## Fuzz, try the contract, and load the app for an hour, or MINUTES=...
	$(MAKE) fuzz RUNS=$(if $(RUNS),$(RUNS),500000)
	OPENAPI_EXAMPLES=1000 OPENAPI_REPORT=.warmlens/openapi-cases.json $(BIN)/pytest tests/integration/test_openapi_properties.py --timeout 3600
	@cat .warmlens/openapi-cases.json
	$(BIN)/python -m tests.lab.soak $(if $(MINUTES),$(MINUTES),60)

fuzz: .warmlens/fuzz/.installed  ## Fuzz what reads callers' bytes, guided by coverage, RUNS=... times (Linux)
	@mkdir -p .warmlens/fuzz/images .warmlens/fuzz/requests
	.warmlens/fuzz/bin/python -m tests.fuzz.decode .warmlens/fuzz/images -runs=$(if $(RUNS),$(RUNS),50000) $(FUZZ_LIMITS) -max_len=16384
	.warmlens/fuzz/bin/python -m tests.fuzz.requests .warmlens/fuzz/requests -runs=$(if $(RUNS),$(RUNS),50000) $(FUZZ_LIMITS) -max_len=9000

experiments: $(VENV)/.models  ## Repeat the paper's experiments, quick or with MODE=full
	$(BIN)/python -m lab experiments run all --$(if $(MODE),$(MODE),quick)

image: $(VENV)/.dev $(if $(TORCH_INDEX),$(VENV)/.models)  ## Build the container image and run it, with IMAGE_BUILDER, BASE_IMAGE=...
	IMAGE_BUILDER=$(IMAGE_BUILDER) BASE_IMAGE=$(BASE_IMAGE) $(BIN)/pytest tests/image -s
	$(if $(TORCH_INDEX),,@echo "NOT RUN: the image with PyTorch; name an index of its CPU builds: TORCH_INDEX=...")

cpus: $(VENV)/.dev  ## Run the shipped models on an emulated processor without AVX-512
	$(BIN)/pytest tests/cpus

licences: $(VENV)/.dev .warmlens/audit/.installed  ## List the licences of all packages; one not agreed to fails
	@for python in $(BIN)/python .warmlens/environments/*/bin/python; do \
		test ! -x $$python || .warmlens/audit/bin/pip-licenses --python $$python || exit 1; \
	done

audit: $(VENV)/.dev .warmlens/audit/.installed node_modules  ## Ask for known vulnerabilities of all packages
	.warmlens/audit/bin/pip-audit $(foreach folder,$(wildcard $(VENV)/lib/python*/site-packages .warmlens/environments/*/lib/python*/site-packages),--path $(folder))
	npm audit

torch: $(VENV)/.models node_modules  ## Run models that PyTorch serves, in instances of their own
	$(BIN)/pytest tests/torch

unit infrastructure integration e2e: $(VENV)/.dev node_modules  ## Run one tier of the tests
	$(BIN)/pytest tests/$@

models: $(VENV)/.models  ## Run the tests of training
	$(BIN)/pytest tests/training tests/lab

lint: $(VENV)/.dev  ## Check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.dev  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

synth: $(VENV)/.run node_modules  ## Synthesize the templates of every environment into cdk.out
	PATH="$(CURDIR)/$(BIN):$$PATH" npx cdk synth --quiet

snapshots: $(VENV)/.dev node_modules  ## Agree to what has changed in the templates
	$(BIN)/pytest tests/infrastructure/test_snapshots.py --snapshot-update

policies: synth .warmlens/checkov/.installed  ## Check the templates with checkov
	.warmlens/checkov/bin/checkov --config-file .checkov.yaml --directory cdk.out

openapi: $(VENV)/.run  ## Write docs/openapi.json anew
	$(BIN)/python -m stacks.openapi > docs/openapi.json.new
	mv docs/openapi.json.new docs/openapi.json

reference: $(VENV)/.dev  ## Regenerate the docs' pages of settings and commands
	$(BIN)/python -m cogapp -r docs/settings.md
	$(BIN)/python -m warmlens.commands_page > docs/commands.md.new
	mv docs/commands.md.new docs/commands.md

docs: $(VENV)/.dev  ## Build the site of the docs into .warmlens/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

screenshot: $(VENV)/.dev  ## Take the README's pictures of the page anew
	$(BIN)/python -m tests.e2e.screenshot docs/pictures

pictures: screenshot  ## Take and draw all pictures of the docs anew
	$(BIN)/python -m lab.pictures.architecture docs/pictures/architecture.svg
	$(BIN)/python -m lab.pictures.cold_start docs/pictures/cold-start.svg

clean:  ## Remove everything that the other targets made
	rm -rf $(VENV) .warmlens node_modules cdk.out *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.run: requirements.txt pyproject.toml
	@echo "Installing the command line and the CDK library, the first time only ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ...")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt requirements-docs.txt requirements-data.txt requirements-planner.txt lambda_src/classifier/requirements.txt lambda_src/classifier/requirements-onnxruntime.txt
	@echo "Installing what the tests need, the first time only ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(VENV)/.models: $(VENV)/.dev requirements-models.txt
	@echo "Installing PyTorch and what training needs, the first time only: a download of 0.3 GB where"
	@echo "PyTorch comes for the CPU (macOS), of up to 6 GB where it brings CUDA (Linux). Without a GPU,"
	@echo "make $(MAKECMDGOALS) TORCH_INDEX=... with the address of PyTorch's CPU wheels saves that."
	@$(BIN)/pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -r requirements-models.txt
	@touch $@

.warmlens/checkov/.installed: requirements-checkov.txt
	@echo "Installing checkov, the first time only ..."
	@$(PYTHON) -m venv --clear .warmlens/checkov
	@.warmlens/checkov/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.warmlens/fuzz/.installed: requirements-fuzz.txt lambda_src/classifier/requirements.txt
	@echo "Installing atheris, the first time only ..."
	@$(PYTHON) -m venv --clear .warmlens/fuzz
	@.warmlens/fuzz/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

.warmlens/audit/.installed: requirements-audit.txt
	@echo "Installing pip-audit and pip-licenses, the first time only ..."
	@$(PYTHON) -m venv --clear .warmlens/audit
	@.warmlens/audit/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

node_modules: package.json package-lock.json
	npm ci --no-audit --no-fund --silent
	@touch $@
