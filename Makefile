# `make app` runs the app, `make test` passes the tests, `make check` lints, `make bench` prints the
# server's speed beside a baseline, `make soak` tests it for several minutes, `make cluster` serves
# the app with Ray Serve, `make homes` follows the recipes of Spaces, Docker and pip, `make docs` builds
# the documentation's site in site/, `make pictures` renews its pictures from the running app.
# Each sets up its own virtual environment on a fresh machine.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: app test test-cluster check bench soak homes cluster docs pictures clean

app: $(VENV)/app.stamp
	$(BIN)/python app.py $(ARGS)

test: $(VENV)/test.stamp
	$(BIN)/python -m pytest -n 2 $(ARGS)

test-cluster: $(VENV)/test.stamp $(VENV)/cluster.stamp
	$(BIN)/python -m pytest tests/e2e/test_cluster.py $(ARGS)

check: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy dlnlp train benchmarks deploy app.py
	$(BIN)/pip-audit --local --progress-spinner off

bench: $(VENV)/test.stamp
	$(BIN)/python -m benchmarks.serving $(ARGS)

homes: | $(BIN)/python
	$(BIN)/python -m tests.homes $(ARGS)

soak: $(VENV)/soak.stamp
	$(BIN)/python -m benchmarks.soak $(ARGS)

cluster: $(VENV)/cluster.stamp
	$(BIN)/python -m deploy.ray_app $(ARGS)

docs: $(VENV)/docs.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict $(ARGS)

pictures: $(VENV)/test.stamp
	$(BIN)/python -m deploy.screenshots

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# A failure of this step is no error: then the next one installs PyPI's build.
CPU_TORCH = command -v nvidia-smi >/dev/null || \
	$(BIN)/python -m pip install -q --retries 0 --timeout 5 -r pre-requirements.txt >/dev/null 2>&1 || true

$(VENV)/app.stamp: requirements.txt pre-requirements.txt | $(BIN)/python
	@$(CPU_TORCH)
	$(BIN)/python -m pip install -r requirements.txt
	touch $@

$(VENV)/test.stamp: requirements.txt requirements-train.txt requirements-test.txt pre-requirements.txt \
		requirements-mcp.txt | $(BIN)/python
	@$(CPU_TORCH)
	$(BIN)/python -m pip install -r requirements-test.txt
	touch $@

$(VENV)/soak.stamp: $(VENV)/test.stamp requirements-soak.txt
	$(BIN)/python -m pip install -r requirements-soak.txt
	touch $@

$(VENV)/cluster.stamp: requirements.txt requirements-cluster.txt pre-requirements.txt | $(BIN)/python
	@$(CPU_TORCH)
	$(BIN)/python -m pip install -r requirements-cluster.txt
	touch $@

$(VENV)/docs.stamp: requirements-docs.txt | $(BIN)/python
	$(BIN)/python -m pip install -r requirements-docs.txt
	touch $@

clean:
	rm -rf $(VENV)
