# Every target makes what it needs. `make help` lists them.
PYTHON ?= python3
VENV := .venv
IMAGE_BUILDER ?= docker
BASE_IMAGE ?=
# Tests that run at once: one more than processors, as many wait for others. Those that measure
# (the marker `serial`) run alone.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
BIN := $(VENV)/bin
PIP_INSTALL := pip install --disable-pip-version-check
NPM_CI := npm ci --no-audit --no-fund --loglevel error
# What a first start downloads, in MB: by the rule below, and by warmlens/local/venvs.py afterwards.
# tests/changes/test_first_start.py compares both with what pip reports.
INSTALL_MB := 112
ENVIRONMENTS_MB := 61
# After an installation that failed.
NOT_INSTALLED = { echo "That could not be installed; the reason is above. Check the network; behind a proxy, export HTTPS_PROXY=... first." >&2; \
	echo "Then run again: make $(MAKECMDGOALS). Finished downloads are kept." >&2; exit 1; }
# Seconds since 1970, when make began: "Ready after" counts from then.
BEGUN := $(shell date +%s)
TOOLS := .warmlens/tools
AT_ONCE = --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 25
PARALLEL = $(AT_ONCE) -m "not serial and not slow"
SERIAL := -m serial --durations 10
PACKAGES := stacks lambda_src warmlens_client warmlens training lab tests docs
# Pages that people read; decisions and generated pages of the laboratory are not among them.
PROSE = README.md CONTRIBUTING.md SECURITY.md $(wildcard docs/*.md) docs/lab/README.md docs/lab/experiments/README.md warmlens_client/README.md
GENERATED = $(shell grep -rlF --include='*.md' '[[[cog' docs README.md)
FUZZ_LIMITS := -rss_limit_mb=1400 -timeout=20 -print_final_stats=1 -artifact_prefix=.warmlens/fuzz/
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
export JSII_RUNTIME_PACKAGE_CACHE_ROOT := $(CURDIR)/.warmlens/jsii

.DEFAULT_GOAL := help
.PHONY: help run down test test-all test-rest unit infrastructure integration e2e test-slow test-training test-lab test-changes torch cpus image wheel-check clients training lint workflows format lock base-image policies licences audit secrets sbom fuzz soak experiments measure synth snapshots openapi reference docs screenshot pictures clean

help:  ## List the targets
	@grep -hE '^[a-z0-9 -]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' \
		'{gsub(" ", "|", $$1); printf "  make %-35s %s\n", $$1, $$2}'

run: $(VENV)/.run  ## Run the app on this machine, on port 8080 or PORT=..., with MODEL=name, API=http
	@WARMLENS_BEGUN=$(BEGUN) $(BIN)/warmlens local up $(if $(PORT),--port $(PORT)) $(if $(MODEL),--model $(MODEL)) $(if $(API),--api $(API))

down:  ## Stop the app that `make run` started
	@test ! -x $(BIN)/warmlens || $(BIN)/warmlens local down

test: $(VENV)/.dev node_modules  ## Run the product's tests, as many at once as processors or WORKERS=...
	$(BIN)/pytest $(PARALLEL)
	$(BIN)/pytest $(SERIAL)

test-all: test wheel-check test-rest  ## Run all tests: those of training and laboratory, too

test-rest: test-slow test-training test-lab test-changes clients  ## Run what `make test` leaves out
	@if $(BIN)/python -W ignore -c 'import sys, torch; sys.exit(torch.version.cuda is not None)'; then \
		$(MAKE) torch; \
	else \
		echo "NOT RUN: models that PyTorch serves, as its build for CUDA is no image's. With the address"; \
		echo "         of an index of its CPU builds: make torch TORCH_INDEX=..."; \
	fi
	@if command -v qemu-x86_64 >/dev/null; then \
		$(MAKE) cpus; \
	else \
		echo "NOT RUN: the shipped models on other processors, which needs qemu-user:"; \
		echo "         sudo apt install qemu-user && make cpus"; \
	fi
	@if [ -n "$(IMAGE_BUILDER)" ] && $(IMAGE_BUILDER) info >/dev/null 2>&1; then \
		$(MAKE) image; \
	else \
		echo "NOT RUN: the check of the container image, which needs a builder that works here:"; \
		echo "         make image IMAGE_BUILDER=docker, podman or buildah"; \
	fi

unit infrastructure integration e2e: $(VENV)/.dev node_modules  ## Run one tier of the tests
	$(BIN)/pytest tests/$@

test-slow: $(VENV)/.dev node_modules  ## Run the slow tests of the product
	$(BIN)/pytest $(AT_ONCE) -m slow

test-training: $(VENV)/.dev $(VENV)/.training node_modules  ## Run the tests of training
	$(BIN)/pytest tests/training $(PARALLEL)

test-lab: $(VENV)/.dev $(VENV)/.training node_modules  ## Run the tests of the laboratory
	$(BIN)/pytest tests/lab $(PARALLEL)

test-changes: $(VENV)/.dev node_modules  ## Deploy by the README's commands, and every change of the settings, into the emulator
	$(BIN)/pytest tests/changes $(PARALLEL)

torch: $(VENV)/.dev $(VENV)/.training node_modules  ## Run models that PyTorch serves, in instances of their own
	$(BIN)/pytest tests/torch

cpus: $(VENV)/.dev  ## Run the shipped models on emulated processors: one without AVX-512, one of arm64
	$(BIN)/pytest tests/cpus

image: $(VENV)/.dev $(if $(TORCH_INDEX),$(VENV)/.training)  ## Build the container image and run it, with IMAGE_BUILDER, BASE_IMAGE=...
	IMAGE_BUILDER=$(IMAGE_BUILDER) BASE_IMAGE=$(BASE_IMAGE) $(BIN)/pytest tests/image -s
	$(if $(TORCH_INDEX),,@echo "NOT RUN: the image with PyTorch; name an index of its CPU builds: TORCH_INDEX=...")

wheel-check: $(VENV)/.dev  ## Build the wheel and try it in an empty environment
	$(BIN)/pytest tests/wheel

clients: $(VENV)/.dev node_modules $(TOOLS)/clients/.installed tests/clients/node_modules  ## Generate clients from docs/openapi.json and try them
	$(BIN)/pytest tests/clients

training: $(VENV)/.training  ## Install PyTorch and what else training a model needs

lint: $(VENV)/.dev .ci/prose/node_modules  ## Check format, style, types, imports and the English of the docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m cogapp --check $(GENERATED)
	.ci/prose/node_modules/.bin/textlint --config .ci/prose/textlintrc.json --rules-base-directory $(CURDIR)/.ci/prose/node_modules $(PROSE)

# With a token of GitHub's in GH_TOKEN zizmor also asks GitHub whether each commit is the version beside it.
workflows: $(TOOLS)/workflows/.installed  ## Check the workflows of GitHub Actions and all shell scripts
	PATH="$(CURDIR)/$(TOOLS)/workflows/bin:$$PATH" actionlint
	$(TOOLS)/workflows/bin/zizmor $(if $(GH_TOKEN),,--offline) --pedantic --quiet .
	$(TOOLS)/workflows/bin/shellcheck .ci/run .ci/base-image .ci/image .ci/lock .ci/pin-base-image .github/deploy

format: $(VENV)/.dev  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(TOOLS)/lock/.installed  ## Write the files of exact versions, with UPGRADE=1 the newest ones
	.ci/lock $(if $(UPGRADE),--upgrade)

base-image:  ## Pin the newest build of Lambda's base image, which Docker looks up
	.ci/pin-base-image

policies: synth $(VENV)/.dev $(TOOLS)/checkov/.installed  ## Check all templates, variants' too, with checkov and cfn-lint
	rm -rf .warmlens/variants
	$(BIN)/python -m tests.infrastructure.variants .warmlens/variants
	$(BIN)/cfn-lint --ignore-checks W -t $$(find .warmlens/variants -name '*.template.json')
	$(TOOLS)/checkov/bin/checkov --config-file .checkov.yaml --directory cdk.out --directory .warmlens/variants

licences: $(VENV)/.dev $(TOOLS)/audit/.installed  ## List the licences of all packages; one that is not allowed fails
	@for python in $(BIN)/python .warmlens/environments/*/bin/python; do \
		test ! -x $$python || $(TOOLS)/audit/bin/pip-licenses --python $$python || exit 1; \
	done

audit: $(VENV)/.dev $(TOOLS)/audit/.installed node_modules .ci/prose/node_modules tests/clients/node_modules  ## Look for known vulnerabilities of all packages, ADVISORIES=... without a network
	$(TOOLS)/audit/bin/python .ci/audit $(if $(ADVISORIES),--advisories $(ADVISORIES)) $(TOOLS)/audit/bin/pip-audit $(wildcard $(VENV)/lib/python*/site-packages .warmlens/environments/*/lib/python*/site-packages)

# Keys and tokens of known forms. Rules by entropy and by words find hashes and tests instead.
secrets: $(TOOLS)/secrets/.installed  ## Look for keys and tokens in the repository's files
	git ls-files -z | xargs -0 $(TOOLS)/secrets/bin/detect-secrets-hook --no-verify \
		$(addprefix --disable-plugin ,KeywordDetector Base64HighEntropyString HexHighEntropyString)

sbom: $(TOOLS)/sbom/.installed  ## List what is deployed, and all else, in CycloneDX's format, in .warmlens/sbom
	@mkdir -p .warmlens/sbom
	cat lambda_src/classifier/requirements.txt lambda_src/classifier/requirements-onnxruntime.txt | \
		$(TOOLS)/sbom/bin/cyclonedx-py requirements --output-reproducible -o .warmlens/sbom/classifier.cdx.json -
	$(TOOLS)/sbom/bin/cyclonedx-py requirements --output-reproducible -o .warmlens/sbom/development.cdx.json requirements-dev.txt

fuzz: $(TOOLS)/fuzz/.installed  ## Fuzz what reads callers' bytes, guided by coverage, RUNS=... times (Linux)
	@mkdir -p .warmlens/fuzz/images .warmlens/fuzz/requests
	$(TOOLS)/fuzz/bin/python -m tests.fuzz.decode .warmlens/fuzz/images -runs=$(or $(IMAGE_RUNS),$(RUNS),50000) $(FUZZ_LIMITS) -max_len=16384
	$(TOOLS)/fuzz/bin/python -m tests.fuzz.requests .warmlens/fuzz/requests -runs=$(if $(RUNS),$(RUNS),50000) $(FUZZ_LIMITS) -max_len=9000

soak: $(VENV)/.dev node_modules  ## Fuzz, try the contract, and load the app for an hour, or MINUTES=...
	$(MAKE) fuzz RUNS=$(or $(RUNS),500000) IMAGE_RUNS=$(or $(IMAGE_RUNS),50000)
	OPENAPI_EXAMPLES=1000 OPENAPI_REPORT=.warmlens/openapi-cases.json $(BIN)/pytest tests/integration/test_openapi_properties.py --timeout 3600
	@cat .warmlens/openapi-cases.json
	$(BIN)/python -m tests.lab.soak $(if $(MINUTES),$(MINUTES),60)

experiments: $(VENV)/.dev $(VENV)/.training  ## Repeat the paper's experiments, quick into .warmlens, or into docs with MODE=full
	$(BIN)/python -m lab experiments run all --$(if $(MODE),$(MODE),quick)

measure: $(VENV)/.dev $(VENV)/.training  ## Measure again what has a processor or less, in an hour on a quiet machine
	$(BIN)/python -m lab measure

synth: $(VENV)/.run node_modules  ## Synthesize the templates of every environment into cdk.out
	PATH="$(CURDIR)/$(BIN):$$PATH" npx cdk synth --quiet

snapshots: $(VENV)/.dev node_modules  ## Accept changes of the templates
	$(BIN)/pytest tests/infrastructure/test_snapshots.py --snapshot-update

openapi: $(VENV)/.run  ## Regenerate docs/openapi.json
	$(BIN)/python -m stacks.openapi > docs/openapi.json.new
	mv docs/openapi.json.new docs/openapi.json

reference: $(VENV)/.dev  ## Regenerate the generated blocks of the docs
	$(BIN)/python -m cogapp -r $(GENERATED)
	$(BIN)/python -m lab experiments report --no-pictures
	$(BIN)/typer warmlens.cli utils docs --name warmlens --title Commands --output docs/commands.md

docs: $(VENV)/.dev  ## Build the site of the docs into .warmlens/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "Its search needs a server: $(BIN)/python -m http.server --directory .warmlens/site"

screenshot: $(VENV)/.dev  ## Retake the README's pictures of the page
	$(BIN)/python -m tests.e2e.screenshot docs/pictures

pictures: screenshot $(VENV)/.training  ## Retake and redraw all pictures of the docs
	$(BIN)/python -m lab.pictures.architecture docs/pictures/architecture.svg
	$(BIN)/python -m lab.pictures.charts docs/pictures
	$(BIN)/python -m lab.pictures.cold_start docs/pictures/cold-start.svg
	$(BIN)/python -m lab.pictures.recording docs/pictures

# Named one by one: other folders of .warmlens may hold somebody's training runs, models or measurements.
clean: down  ## Remove what was installed and generated; training runs, models and photos stay
	rm -rf $(VENV) node_modules tests/clients/node_modules .ci/prose/node_modules cdk.out build warmlens_client/build *.egg-info warmlens_client/*.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis __pycache__
	rm -rf $(addprefix .warmlens/,assemblies audit checkov chromium environments fuzz jsii local measure-quick numba pixels sbom site tools variants)
	$(if $(wildcard $(PACKAGES)),find $(wildcard $(PACKAGES)) -name __pycache__ -type d -prune -exec rm -rf {} +)
	@test ! -d .warmlens || rmdir .warmlens 2>/dev/null || { echo "Kept in .warmlens:"; ls .warmlens; }

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ...")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@touch $@

# pip compiles nothing: of the 183 MB of Python in the CDK library most are never imported. What is, Python compiles then.
$(VENV)/.run: requirements.txt requirements-dev.txt pyproject.toml warmlens_client/pyproject.toml | $(VENV)/.made
	@$(if $(filter run,$(MAKECMDGOALS)),command -v node >/dev/null || { echo "Node 22 or newer is needed: https://nodejs.org/en/download" >&2; exit 1; })
	@if test -e $@; then \
		echo "Installing the command line and the CDK library again, as their versions may have changed ..."; \
	else \
		$(if $(filter run,$(MAKECMDGOALS)),echo "The first start downloads $(shell expr $(INSTALL_MB) + $(ENVIRONMENTS_MB)) MB in two steps. Later starts download nothing.";) \
		echo "Installing the command line and the CDK library ($(INSTALL_MB) MB), the first time only ..."; \
	fi
	@$(BIN)/$(PIP_INSTALL) --no-compile -r requirements.txt -c requirements-dev.txt --editable ./warmlens_client --editable '.[local]' || $(NOT_INSTALLED)
	@touch $@

# The tests start many processes, also where Python may not keep the bytecode of what they import.
$(VENV)/.dev: $(VENV)/.run requirements-dev.txt
	@echo "Installing what the tests need, the first time only ..."
	@$(BIN)/$(PIP_INSTALL) -r requirements-dev.txt || $(NOT_INSTALLED)
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null || true
	@touch $@

$(VENV)/.training: $(VENV)/.run requirements-training.txt
	@echo "Installing PyTorch and what training needs, the first time only: a download of 0.3 GB where"
	@echo "PyTorch comes for the CPU (macOS), of up to 6 GB where it brings CUDA (Linux). Without a GPU,"
	@echo "make $(MAKECMDGOALS) TORCH_INDEX=... with the address of PyTorch's CPU wheels saves that."
	@$(BIN)/$(PIP_INSTALL) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -c requirements-dev.txt -r requirements-training.txt || $(NOT_INSTALLED)
	@touch $@

# Programs whose packages would not fit beside the others, each in an environment of its own.
$(TOOLS)/%/.installed: .ci/tools/%.txt
	@echo "Installing $*, the first time only ..."
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/$(PIP_INSTALL) --quiet -r $< || $(NOT_INSTALLED)
	@touch $@

$(TOOLS)/fuzz/.installed: .ci/tools/fuzz.txt lambda_src/classifier/requirements.txt
	@echo "Installing atheris, the first time only ..."
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/$(PIP_INSTALL) --quiet --no-deps -r lambda_src/classifier/requirements.txt || $(NOT_INSTALLED)
	@$(@D)/bin/$(PIP_INSTALL) --quiet -r $< || $(NOT_INSTALLED)
	@touch $@

node_modules: package.json package-lock.json
	@echo "Installing the CDK command, the first time only ..."
	@$(NPM_CI) || $(NOT_INSTALLED)
	@touch $@

tests/clients/node_modules: tests/clients/package.json tests/clients/package-lock.json
	@$(NPM_CI) --prefix tests/clients || $(NOT_INSTALLED)
	@touch $@

.ci/prose/node_modules: .ci/prose/package.json .ci/prose/package-lock.json
	@$(NPM_CI) --prefix .ci/prose || $(NOT_INSTALLED)
	@touch $@
