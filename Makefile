# `make demo` and `make test` need nothing but Python >= 3.11: each makes .venv and installs a file of lock/ into it.
PYTHON ?= python3
# Where torch comes from: your package index, whose Linux build brings several GB of CUDA, or the index named here.
TORCH_INDEX ?=
# How many processes the tests run in: one a core, four at most.
WORKERS ?= auto
BIN := .venv/bin
PYTEST := python -m pytest -n $(WORKERS) --maxprocesses 4
LEFT_OUT := --ignore tests/clients --ignore tests/cluster --ignore tests/elsewhere --ignore tests/image
CORE := $(LEFT_OUT) -m "not browser and not slow"
PIP_INSTALL := python -m pip install -q --disable-pip-version-check --no-compile

.PHONY: demo test check unit test-slow test-browser test-clients test-ray test-onnx test-image test-latest test-oldest lock bench bench-quality mutants papers docs site images clean

demo: .venv/demo-ready
	$(BIN)/spacetune demo --out demo-model

# Side by side: the suite waits at times for servers and signals, and what reads the types runs on one core.
test: .venv/dev-ready
	$(MAKE) --no-print-directory -j 2 check unit

check: .venv/dev-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-cache

unit: .venv/dev-ready
	$(BIN)/$(PYTEST) $(CORE)

# What takes long for what it tells: further kinds of what the suite has one of, real texts, the checks of papers/.
test-slow: .venv/dev-ready
	$(BIN)/$(PYTEST) $(LEFT_OUT) -m slow tests

# The pages in a real Chromium (Debian: apt install chromium chromium-driver).
test-browser: .venv/dev-ready
	$(BIN)/$(PYTEST) -m browser tests/web tests/reports

test-clients: .venv/extras-ready
	$(BIN)/$(PYTEST) tests/clients

# What Ray writes, on a small cluster of its own.
test-ray: .venv/ray-ready
	$(BIN)/python -m pytest -n 0 tests/cluster

# Exports to ONNX, and the runtime in an environment without torch.
test-onnx: .venv/extras-ready
	$(PYTHON) -m venv --clear --without-pip .venv-runtime
	$(BIN)/python -m pip --python .venv-runtime install -q --disable-pip-version-check --no-deps --no-compile \
		-r runtime/smallest.txt ./runtime
	$(BIN)/$(PYTEST) tests/elsewhere

# What the Dockerfile does, step by step in an environment of its own, where no builder is at hand.
test-image: export TORCH_INDEX := $(TORCH_INDEX)
test-image: .venv/dev-ready
	$(BIN)/python -m pytest -n 0 tests/image

bench: .venv/ray-ready
	$(BIN)/python -m benchmarks

bench-quality: .venv/dev-ready
	$(BIN)/python -m benchmarks quality

mutants: .venv/dev-ready
	$(BIN)/python -m benchmarks.mutation known
	$(BIN)/python -m benchmarks.mutation sample

papers: .venv/extras-ready
	$(BIN)/python -m papers

docs: .venv/dev-ready
	$(BIN)/python -m benchmarks.tables
	$(BIN)/python -m benchmarks.figures

# The documentation as a site, build/site/index.html: its examples and tutorials run, and every warning is an error.
site: export SPACETUNE_CACHE := $(CURDIR)/build/features
site: .venv-site/ready
	.venv-site/bin/python -m pytest -o addopts='-q -p no:cacheprovider' --doctest-glob='*.md' docs
	.venv-site/bin/python docs/site/assemble.py build/pages
	.venv-site/bin/python -m sphinx -q -W --keep-going -c docs/site build/pages build/site

# The README's pictures; two of them need Chromium.
images: .venv/dev-ready
	$(BIN)/python docs/images/draw_demo.py
	PYTHONPATH=. $(BIN)/python docs/images/draw_pages.py

# The environment. demo.txt is part of dev.txt, and dev.txt of extras.txt (clients, papers) and ray.txt.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python >= 3.11 is needed: make ... PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

# Everything with its hash, then torch, then this folder: nothing is resolved anew but what torch's CUDA build adds.
define INSTALL
$(1)/$(PIP_INSTALL) --require-hashes --no-deps -r lock/$(2).txt
$(1)/$(PIP_INSTALL) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) -r lock/torch.txt
$(1)/$(PIP_INSTALL) --no-build-isolation --no-deps -e .
endef

.venv/%-ready: lock/%.txt lock/torch.txt pyproject.toml | .venv/bin/python
	$(call INSTALL,$(BIN),$*)
	touch $@ .venv/demo-ready $(if $(filter extras ray,$*),.venv/dev-ready)

.venv-site/ready: lock/site.txt lock/torch.txt pyproject.toml
	$(PYTHON) -m venv --clear .venv-site
	$(call INSTALL,.venv-site/bin,site)
	touch $@

# The newest versions that pyproject.toml allows, made anew at every run; the oldest in the same way.
test-latest:
	$(PYTHON) -m venv --clear .venv-latest
	.venv-latest/bin/$(PIP_INSTALL) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -e '.[dev]'
	.venv-latest/bin/python -m pip list --disable-pip-version-check
	.venv-latest/bin/$(PYTEST) $(CORE)

UV := .venv-lock/bin/uv --quiet --cache-dir .venv-lock/cache pip compile pyproject.toml -c lock/torch.txt --group build \
	--no-emit-package torch

test-oldest: .venv-lock/bin/uv
	$(PYTHON) -m venv --clear .venv-oldest
	$(UV) --extra dev --resolution lowest-direct --python .venv-oldest/bin/python -o .venv-oldest/versions.txt
	.venv-oldest/bin/$(PIP_INSTALL) --no-deps -r .venv-oldest/versions.txt
	.venv-oldest/bin/$(PIP_INSTALL) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) -r lock/torch.txt
	.venv-oldest/bin/$(PIP_INSTALL) --no-build-isolation --no-deps -e .
	.venv-oldest/bin/$(PYTEST) $(CORE)

# One lock for every supported Python and platform, with hashes. The smaller files take their versions from the largest.
LOCK := $(UV) --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"

lock: .venv-lock/bin/uv
	rm -f lock/demo.txt lock/dev.txt lock/serve.txt lock/ray.txt lock/site.txt
	$(LOCK) --upgrade --all-extras -o lock/extras.txt
	$(LOCK) -c lock/extras.txt --extra site -o lock/site.txt
	$(LOCK) -c lock/extras.txt --extra dev -o lock/dev.txt
	$(LOCK) -c lock/extras.txt --extra bundled -o lock/demo.txt
	$(LOCK) -c lock/extras.txt --extra bundled --extra serve -o lock/serve.txt
	$(LOCK) -c lock/extras.txt --extra dev --extra ray -o lock/ray.txt
	rm -rf .venv-lock

.venv-lock/bin/uv:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/$(PIP_INSTALL) uv

clean:
	rm -rf .venv .venv-* demo-model build
